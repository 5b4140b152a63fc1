//! The command line: arguments as typed → one subcommand → one error line → a documented exit code.

mod bench;
mod bench_progress;
mod bench_results;
mod book;
mod books;
mod check;
mod convert;
mod generate;
mod orders;
mod output;
mod play;
mod progress;
mod replay;
mod run;
mod tail;
mod top;
mod values;
mod words;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand};

use crate::error::{Error, Exit, did_you_mean};
use crate::shm::{Publication, ShmError};
use crate::sys::signals;

/// The table at the end of every help, made of what the code returns.
fn exit_codes() -> String {
    format!("Exit codes:\n{}", Exit::table().trim_end())
}

/// Exchange frames in, order books built, normalised records out through shared memory.
#[derive(Debug, Parser)]
#[command(name = "tickwire", version, about, after_help = exit_codes(), max_term_width = 110)]
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
    /// Print the orders of one instrument as they will be served, from the newest image and the mbo ring
    Orders(orders::OrdersArgs),
    /// Rebuild every book from a publication's orders, and write them when the session ends
    Books(books::BooksArgs),
    /// Watch a publication: busiest instruments, rates, latency, gaps
    Top(top::TopArgs),
    /// Generate a day file, or a capture with lines A and B, and the truth of its final books
    Gen(generate::GenArgs),
    /// Turn captures, day files and DBN files into CSV or Parquet
    Convert(convert::ConvertArgs),
    /// Measure latency and throughput: recordings through the live pipeline, each datagram timed from when it was due
    Bench(Box<bench::BenchArgs>),
    /// Send a capture's datagrams out of network interfaces, when they are due
    Play(play::PlayArgs),
}

/// Which publication.
#[derive(Debug, Args)]
struct Which {
    /// Name of the publication
    publication: String,
    /// Directory of publications
    #[arg(long, alias = "publication-dir", value_name = "DIR", default_value = "/dev/shm/tickwire", env = "TICKWIRE_PUBLICATION_DIR")]
    #[arg(hide_env_values = true)]
    dir: PathBuf,
}

impl Which {
    /// Opens it; if it is not there, says which are.
    fn open(&self) -> Result<Publication, Error> {
        Publication::open(&self.dir, &self.publication).map_err(|error| {
            if !matches!(error, ShmError::NotFound { .. }) {
                return error.into();
            }
            let cure = format!("{}start its writer, or look elsewhere with --dir", choices(&self.publication, &publications(&self.dir)));
            Error::new(Exit::Publication, "", "there is no such publication", cure).in_file(self.dir.join(&self.publication))
        })
    }
}

impl Which {
    /// Opens it, and waits for it to appear; says so once.
    fn open_within(&self, wait: Duration) -> Result<Publication, Error> {
        let until = Instant::now() + wait;
        let mut said = false;
        loop {
            match self.open() {
                Err(error) if error.exit == Exit::Publication && Instant::now() < until && !signals::stop_requested() => {
                    if !said {
                        let Self { publication, dir } = self;
                        eprintln!("tickwire: {}/{publication}: not there yet, waiting up to {} s", dir.display(), wait.as_secs());
                        said = true;
                    }
                    std::thread::sleep(Duration::from_millis(20));
                }
                outcome => return outcome,
            }
        }
    }
}

/// Names of the publications in a directory, without what lies beside them.
fn publications(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let beside =
        |name: &String| name.starts_with('.') || [".lock", ".gate", ".image", ".recorded"].iter().any(|ending| name.ends_with(ending));
    let mut names: Vec<String> = names.filter(|name| !beside(name)).collect();
    names.sort();
    names.truncate(20);
    names
}

fn choices(given: &str, there: &[String]) -> String {
    match did_you_mean(given, there.iter().map(String::as_str)) {
        _ if there.is_empty() => String::new(),
        Some(near) => format!("did you mean `{near}`? (there is: {}) Else ", there.join(", ")),
        None => format!("there is: {}; ", there.join(", ")),
    }
}

/// Says a line on standard error. Nobody may be there any more to read it, which is no reason to leave work undone.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Parses the command line, runs it, prints at most one error, and says how the process ends.
pub fn main() -> ExitCode {
    let command = Cli::parse().command;
    if !matches!(command, Command::Run(_) | Command::Bench(_)) {
        // `| head` is no error of ours. The service, though, must outlive whoever reads its log, and a benchmark has files to write.
        signals::end_quietly_when_output_closes();
    }
    let outcome = match command {
        Command::Run(args) => run::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Tail(args) => tail::run(&args),
        Command::Book(args) => book::run(&args),
        Command::Orders(args) => orders::run(&args),
        Command::Books(args) => books::run(&args),
        Command::Top(args) => top::run(&args),
        Command::Gen(args) => generate::run(&args),
        Command::Convert(args) => convert::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Play(args) => play::run(&args),
    };
    match outcome {
        Ok(()) => Exit::Ok.into(),
        Err(error) => {
            say(&format!("tickwire: {error}"));
            error.exit.into()
        }
    }
}
