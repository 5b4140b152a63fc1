//! `scripts/systemd-run`, as far as it goes without systemd.

use std::path::Path;
use std::process::Command;

fn script(arguments: &[&str]) -> (Option<i32>, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/systemd-run");
    let output = Command::new(path).args(arguments).env("TICKWIRE", env!("CARGO_BIN_EXE_tickwire")).output().unwrap();
    (output.status.code(), format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

/// A configuration that any host can plan: one lane on loopback.
fn config(dir: &Path) -> String {
    let path = dir.join("lo.toml");
    let text = "[service]\nlatency_log = \"LOG\"\n[[lane]]\nname = \"l\"\ncore = 0\nsource = \"udp\"\n[[publication]]\nname = \"p\"\n[[publication.ring]]\nschema = \"mbo\"\n\
                [[channel]]\nname = \"c\"\nfeed = \"nasdaq-itch\"\nlane = \"l\"\npublication = \"p\"\n\
                [[channel.line]]\nname = \"A\"\ninterface = \"lo\"\ngroup = \"239.1.2.3\"\nport = 26400\n";
    std::fs::write(&path, text.replace("LOG", dir.join("logs/latency.hlog").to_str().unwrap())).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn the_systemd_command_is_printed_with_what_the_service_needs() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    let (code, said) = script(&["--dry-run", &config]);
    assert_eq!(code, Some(0), "{said}");
    let wanted = [
        "systemd-run",
        "--service-type=notify",
        "WatchdogSec=",
        "Restart=on-failure",
        "LimitMEMLOCK=infinity",
        "CPUAffinity=",
        "NotifyAccess=main",
        "CAP_NET_RAW",
        "CAP_BPF",
        "CAP_NET_ADMIN",
        "CAP_IPC_LOCK",
        "CAP_SYS_NICE",
        "RestartPreventExitStatus=",
        // The folder above publication_dir, which the service may have to make in it.
        "ReadWritePaths=-/dev/shm ",
        "run --config",
        &config,
    ];
    // The folder of the log, which is made.
    let logs = format!("ReadWritePaths={} ", dir.path().join("logs").display());
    for part in wanted.into_iter().chain([logs.as_str()]) {
        assert!(said.contains(part), "{part:?} is not in\n{said}");
    }
}

#[test]
fn a_configuration_that_cannot_run_is_refused_before_anything_is_started() {
    let (code, said) = script(&["--dry-run", "/nonexistent.toml"]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("/nonexistent.toml"), "{said}");
    let (code, said) = script(&[]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("usage"), "{said}");
}
