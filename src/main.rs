//! The `tickwire` binary: parse, run one subcommand, print one error, exit with a documented code.

use std::process::ExitCode;

fn main() -> ExitCode {
    tickwire::cli::main()
}
