//! The table on the terminal.

use tickwire::bench::result::BenchResult;
use tickwire::bench::table::{self, Colours, WIDTH};

use super::made_up;

fn table(result: &BenchResult) -> String {
    let mut out = Vec::new();
    table::write(result, Colours::No, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn show() {
    for result in [
        made_up::whole(),
        made_up::with_losses(),
        made_up::single(),
        made_up::scanty(),
        made_up::stopped(),
        made_up::frame(),
        made_up::hostile(),
    ] {
        println!("{}\n=======================\n", table(&result));
    }
    if let Ok(dir) = std::env::var("RESULTS_DIR") {
        for (name, result) in [
            ("whole", made_up::whole()),
            ("with_losses", made_up::with_losses()),
            ("single", made_up::single()),
            ("scanty", made_up::scanty()),
            ("stopped", made_up::stopped()),
            ("frame", made_up::frame()),
            ("hostile", made_up::hostile()),
        ] {
            let mut out = Vec::new();
            tickwire::bench::json::write(&result, &mut out).unwrap();
            std::fs::write(format!("{dir}/{name}.json"), out).unwrap();
            tickwire::bench::report::write_dir(&result, format!("{dir}/r-{name}").as_ref()).unwrap();
        }
    }
    let _ = WIDTH;
}
