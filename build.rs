//! Compiles the steering program (`bpf/steer.bpf.c`) with clang, for the `service` feature only.
//!
//! No object is committed. `CLANG` names another compiler; `TICKWIRE_BPF_OBJECT` names a ready-made object for hosts
//! without one.
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const SOURCE: &str = "bpf/steer.bpf.c";

fn main() -> ExitCode {
    for file in ["build.rs", SOURCE, "bpf/steer.h"] {
        println!("cargo::rerun-if-changed={file}");
    }
    for variable in ["CLANG", "TICKWIRE_BPF_OBJECT"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    // The consumer library has no sources and must build without clang.
    if env::var_os("CARGO_FEATURE_SERVICE").is_none() {
        return ExitCode::SUCCESS;
    }
    match object() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            println!("cargo::error={message}");
            ExitCode::FAILURE
        }
    }
}

/// Puts the object into `OUT_DIR/steer.bpf.o`.
fn object() -> Result<(), String> {
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set; build with cargo")?).join("steer.bpf.o");
    match env::var_os("TICKWIRE_BPF_OBJECT") {
        Some(ready) => copy(Path::new(&ready), &out),
        None => compile(&out),
    }
}

fn copy(ready: &Path, out: &Path) -> Result<(), String> {
    println!("cargo::rerun-if-changed={}", ready.display());
    std::fs::copy(ready, out)
        .map(drop)
        .map_err(|e| format!("TICKWIRE_BPF_OBJECT names {}, which cannot be copied: {e}; unset it to compile {SOURCE}", ready.display()))
}

fn compile(out: &Path) -> Result<(), String> {
    let clang = env::var("CLANG").unwrap_or_else(|_| "clang".to_owned());
    // <linux/bpf.h> wants <asm/types.h>, which Debian keeps in a folder per architecture.
    let include = format!("/usr/include/{}-linux-gnu", env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default());
    let run = Command::new(&clang)
        .args(["-O2", "-g", "-Wall", "-Wextra", "-target", "bpf", "-mcpu=v2", "-fdebug-compilation-dir=."])
        .args(["-idirafter", &include, "-c", SOURCE, "-o"])
        .arg(out)
        .output();
    match run {
        Ok(done) if done.status.success() => Ok(()),
        Ok(done) => {
            for line in String::from_utf8_lossy(&done.stderr).lines() {
                println!("cargo::warning={line}");
            }
            Err(format!(
                "{clang} could not compile {SOURCE} ({}); it needs clang 11 or later and the kernel's headers: apt-get install clang linux-libc-dev",
                done.status
            ))
        }
        Err(e) => Err(format!(
            "{clang} could not be run ({e}) and is needed to compile {SOURCE}: apt-get install clang, or set CLANG to a compiler or TICKWIRE_BPF_OBJECT to a compiled object"
        )),
    }
}
