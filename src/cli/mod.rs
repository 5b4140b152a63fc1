//! The command line: arguments as typed → one subcommand → one error line → a documented exit code.

mod book;
mod books;
mod check;
mod generate;
mod play;
mod progress;
mod replay;
mod run;
mod tail;
mod top;
mod values;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::error::Exit;

const EXIT_CODES: &str = "Exit codes:
  0  done
  1  failed while running
  2  the command line is not understood
  3  the configuration is refused
  4  the host refuses: permissions, interfaces, cores, memory
  5  an input file cannot be read, or is not what it should be
  6  somebody else has it: a queue, a publication
  7  a comparison found a difference
  8  no such publication, or one of another layout
  130  ended by a second Ctrl-C";

/// Exchange frames in, order books built, normalised records out through shared memory.
#[derive(Debug, Parser)]
#[command(name = "tickwire", version, about, after_help = EXIT_CODES, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the feed handler in the foreground, until SIGTERM or Ctrl-C
    Run(run::RunArgs),
    /// Print what a configuration would run on this host, or why it can't
    Check(check::CheckArgs),
    /// Run the same pipeline on a capture or day file
    Replay(replay::ReplayArgs),
    /// Print the records of a publication as they come
    Tail(tail::TailArgs),
    /// Print the newest price levels of one instrument
    Book(book::BookArgs),
    /// Rebuild every book from a publication's orders, and write them when the session ends
    Books(books::BooksArgs),
    /// Watch a publication: busiest instruments, rates, latency, gaps
    Top(top::TopArgs),
    /// Generate a day file, or a capture with lines A and B, and the truth of its final books
    Gen(generate::GenArgs),
    /// Send a capture's datagrams out of network interfaces, when they are due
    Play(play::PlayArgs),
}

/// Which publication.
#[derive(Debug, Args)]
struct Which {
    /// Name of the publication
    publication: String,
    /// Directory of publications
    #[arg(long, value_name = "DIR", default_value = "/dev/shm/tickwire", env = "TICKWIRE_PUBLICATION_DIR")]
    dir: PathBuf,
}

/// Parses the command line, runs it, prints at most one error, and says how the process ends.
pub fn main() -> ExitCode {
    let command = Cli::parse().command;
    if !matches!(command, Command::Run(_)) {
        // `| head` is no error of ours. The service, though, must outlive whoever reads its log.
        crate::sys::signals::end_quietly_when_output_closes();
    }
    let outcome = match command {
        Command::Run(args) => run::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Tail(args) => tail::run(&args),
        Command::Book(args) => book::run(&args),
        Command::Books(args) => books::run(&args),
        Command::Top(args) => top::run(&args),
        Command::Gen(args) => generate::run(&args),
        Command::Play(args) => play::run(&args),
    };
    match outcome {
        Ok(()) => Exit::Ok.into(),
        Err(error) => {
            eprintln!("tickwire: {error}");
            error.exit.into()
        }
    }
}
