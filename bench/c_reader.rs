//! The C library beside the Rust one: the same rings, the same run, rounds in turn, each reader in a process of its own.
//!
//! `cargo bench --bench c_reader`; as a test it runs once, tiny, and only compares what the two have read.

use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use tickwire::record::{Header, Instrument, Mbo, Mbp1, Mbp10, Record, Schema, Sink};
use tickwire::shm::{ChannelSpec, From, Item, OnLost, Publication, PublicationSpec, Publisher, RingSpec};
use zerocopy::FromZeros;

const RINGS: [Schema; 3] = [Schema::Mbo, Schema::Mbp1, Schema::Mbp10];
const BATCH: usize = 256;

fn main() {
    let is_bench = std::env::args().any(|arg| arg == "--bench");
    let (depth, passes, rounds) = if is_bench { (1 << 13, 64, 31) } else { (1 << 10, 1, 1) };
    let dir = tempfile::Builder::new().prefix("tickwire-bench-").tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder");
    fill(dir.path(), depth);
    let Some(mut c) = Reader::start(dir.path()) else { return };
    let publication = Publication::open(dir.path(), "bench").expect("what was just written");
    println!("{depth} records read {passes} times, best and median of {rounds} rounds in turn; ns a record");
    println!("{:<10}{:<22}{:>10}{:>10}{:>16}{:>16}", "ring", "way", "Rust", "C", "C/Rust, best", "C/Rust, median");
    for schema in RINGS {
        for (way, title) in [("read", "batches of 256"), ("next", "one by one")] {
            let mut times = [Vec::new(), Vec::new()];
            for _ in 0..rounds {
                let (rust_ns, rust_sum) = match schema {
                    Schema::Mbo => read::<Mbo>(&publication, way, passes),
                    Schema::Mbp1 => read::<Mbp1>(&publication, way, passes),
                    _ => read::<Mbp10>(&publication, way, passes),
                };
                let (c_ns, c_sum) = c.read(way, schema, passes);
                assert_eq!(c_sum, rust_sum, "the two have read different records");
                times[0].push(rust_ns);
                times[1].push(c_ns);
            }
            let ns = |ns: u64| ns as f64 / (depth * passes) as f64;
            times.iter_mut().for_each(|times| times.sort_unstable());
            let [rust, c] = times.each_ref().map(|times| (ns(times[0]), ns(times[times.len() / 2])));
            println!("{:<10}{title:<22}{:>10.2}{:>10.2}{:>16.3}{:>16.3}", schema.name(), rust.0, c.0, c.0 / rust.0, c.1 / rust.1);
        }
    }
}

/// A publication whose rings are full, closed and kept.
fn fill(dir: &Path, depth: u64) {
    let mut spec = PublicationSpec::new(dir, "bench");
    spec.rings = RINGS.iter().map(|&schema| RingSpec { schema, depth }).collect();
    spec.channels = vec![ChannelSpec { name: "bench".into(), publisher_id: 2 }];
    spec.instruments = 16;
    let mut publisher = Publisher::create(&spec).expect("a publication in the temporary folder");
    let row = publisher.instrument(&Instrument { channel: 0, publisher_id: 2, instrument_id: 1, symbol: *b"BENCH   ", round_lot: 100 });
    let row = row.ok().flatten().expect("room for one");
    for n in 1..=depth {
        publisher.publish(row, &Mbo { hd: Header::of::<Mbo>(2, 1, n), ..Mbo::new_zeroed() });
        publisher.publish(row, &Mbp1 { hd: Header::of::<Mbp1>(2, 1, n), ..Mbp1::new_zeroed() });
        publisher.publish(row, &Mbp10 { hd: Header::of::<Mbp10>(2, 1, n), ..Mbp10::new_zeroed() });
    }
    publisher.close(true);
}

/// Reads a whole ring; ns and the sum of the times in it. As `bench/c_reader.c` does it.
fn read<R: Record>(publication: &Publication, way: &str, passes: u64) -> (u64, u64) {
    let mut room = vec![R::new_zeroed(); BATCH];
    let mut sum = 0u64;
    let start = Instant::now();
    for _ in 0..passes {
        // Behind a pointer, as it is in C.
        let mut records = black_box(Box::new(publication.subscribe::<R>(From::Oldest).expect("its ring")));
        records.on_lost(OnLost::Stop);
        loop {
            if way == "read" {
                loop {
                    let count = records.read(&mut room);
                    if count == 0 {
                        break;
                    }
                    // Only the ends of a batch: what a program does with records is not what is measured.
                    let came = black_box(&room[..count]);
                    sum = sum.wrapping_add(came[0].header().ts_event).wrapping_add(came[count - 1].header().ts_event);
                }
            }
            match records.next().expect("an item") {
                // All of it, as a program that looks at all of it would have it.
                Item::Record(record) => sum = sum.wrapping_add(black_box(record).header().ts_event),
                Item::End => break,
                _ => {}
            }
        }
    }
    (start.elapsed().as_nanos() as u64, sum)
}

/// The C program, which reads when it is told to.
struct Reader {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl Reader {
    /// Builds library and program; `None` and a loud word without a compiler.
    fn start(dir: &Path) -> Option<Self> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let program = dir.join("c_reader");
        let built = Command::new(root.join("scripts/build-c")).status().expect("scripts/build-c");
        assert!(built.success(), "scripts/build-c failed");
        let mut compiler = Command::new("cc");
        compiler.args(["-std=c11", "-D_GNU_SOURCE", "-O3", "-Wall", "-Wextra", "-Werror"]).arg("-I").arg(root.join("target/c"));
        compiler.arg(root.join("bench/c_reader.c")).arg("-o").arg(&program).arg("-L").arg(root.join("target/c")).arg("-ltickwire");
        compiler.arg(format!("-Wl,-rpath,{}", root.join("target/c").display()));
        match compiler.status() {
            Ok(status) => assert!(status.success(), "bench/c_reader.c does not compile"),
            Err(error) => {
                let _ = writeln!(std::io::stderr(), "SKIPPED: no C compiler (cc): {error}");
                return None;
            }
        }
        let mut child =
            Command::new(program).arg(dir).arg("bench").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program starts");
        let (to, from) = (child.stdin.take(), BufReader::new(child.stdout.take().expect("its output")));
        Some(Self { child, to, from })
    }

    fn read(&mut self, way: &str, schema: Schema, passes: u64) -> (u64, u64) {
        let to = self.to.as_mut().expect("its input");
        writeln!(to, "{way} {} {passes}", schema.name()).and_then(|()| to.flush()).expect("it listens");
        let mut line = String::new();
        self.from.read_line(&mut line).expect("it answers");
        let mut numbers = line.split_whitespace().map(|number| number.parse().expect("a number"));
        (numbers.next().expect("ns"), numbers.next().expect("a sum"))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        drop(self.to.take());
        let _ = self.child.wait();
    }
}
