//! `tickwire gen`: a made-up day, as a day file or as a capture with lines A and B.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::output::Output;
use super::progress::{self, Of};
use super::values;
use crate::error::{Error, Exit};
use crate::feed::venue_time::VenueDate;
use crate::generate::{self, CaptureConfig, CaptureReport, GenerateConfig, GenerateError, LineSpec, Style, Truth};
use crate::source::lines::LineKey;
use crate::sys::signals;

/// Makes up an ITCH 5.0 session that behaves like a day. The same seed gives the same bytes on every machine.
#[derive(Debug, Args)]
pub(super) struct GenArgs {
    /// Where to write it (`-` for standard output); it appears when it is whole
    #[arg(value_name = "FILE")]
    out: PathBuf,
    /// What to write
    #[arg(long, value_enum, default_value = "day-file")]
    format: Format,
    /// Seed: another one is another day
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Messages, from start to end
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    messages: u64,
    /// Symbols listed
    #[arg(long, value_name = "N", default_value_t = 8_000, value_parser = clap::value_parser!(u16).range(1..))]
    symbols: u16,
    /// Trading day in New York; default: today
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = values::date)]
    date: Option<VenueDate>,
    /// Whose day: Nasdaq's has auctions and newcomers, BX's retail interest
    #[arg(long, value_enum, default_value = "nasdaq")]
    style: StyleName,
    /// The market falls by 7 % in the afternoon: every symbol is halted and reopens (W, MWC1)
    #[arg(long)]
    circuit_breaker: bool,
    /// Write the exchange's own final books to this file, as CSV
    #[arg(long, value_name = "FILE.csv")]
    books: Option<PathBuf>,
    /// Write what was generated, and what was lost on purpose, to this file, as JSON
    #[arg(long, value_name = "FILE.json")]
    summary: Option<PathBuf>,
    /// Messages a second, from 09:30 on; default: spread over the trading day
    #[arg(long, value_name = "PER_SECOND", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    rate: Option<u64>,
    /// The first message is due so many milliseconds from now (with --rate), for `play --wall-clock`
    #[arg(long, value_name = "MS", requires = "rate", value_parser = clap::value_parser!(u64).range(..=86_400_000))]
    start_in_ms: Option<u64>,
    /// Capture: group and port of a line, A first (repeat)
    #[arg(long, value_name = "GROUP:PORT", value_parser = values::line)]
    line: Vec<LineKey>,
    /// Capture: packets lost on line A only, per million; each packet survives on at least one line
    #[arg(long, value_name = "PPM", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    loss_a: u32,
    /// Capture: packets lost on line B only, per million
    #[arg(long, value_name = "PPM", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    loss_b: u32,
    /// Capture: packets lost on all lines, per million
    #[arg(long, value_name = "PPM", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    loss_both: u32,
    /// Capture: packets that come twice, per million, on each line
    #[arg(long, value_name = "PPM", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    duplicates: u32,
    /// Capture: packets that change places with the next, per million, on each line
    #[arg(long, value_name = "PPM", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    reorder: u32,
    /// Capture: most messages in a packet
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u16).range(1..=1000))]
    messages_per_packet: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum StyleName {
    /// Nasdaq
    Nasdaq,
    /// BX (Nasdaq Texas)
    Bx,
    /// PSX
    Psx,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Nasdaq day file: u16 length and message
    DayFile,
    /// Ethernet capture of MoldUDP64 on lines A and B
    Pcap,
}

pub(super) fn run(args: &GenArgs) -> Result<(), Error> {
    let _ = signals::install();
    let config = config(args)?;
    if args.format == Format::DayFile {
        only_for_captures(args)?;
    }
    let wanted = [(Some(&args.out), "the generated file"), (args.books.as_ref(), "the books file"), (args.summary.as_ref(), "the summary")];
    let mut outputs = Output::open_all(wanted, None)?.into_iter();
    let (Some(Some(mut out)), books, summary_file) = (outputs.next(), outputs.next().flatten(), outputs.next().flatten()) else {
        return Ok(());
    };
    let quiet = [Some(&out), books.as_ref(), summary_file.as_ref()].into_iter().flatten().any(Output::is_stdout);
    let bar = progress::bar(args.messages, Of::Messages, "generate");
    let mut progress = |messages| bar.set_position(messages);
    let made = match args.format {
        Format::DayFile => generate::day_file(&config, Stoppable(out.writer()), &mut progress).map(|truth| (truth, None)),
        Format::Pcap => {
            let capture = capture_config(args);
            let made = generate::capture(&config, &capture, Stoppable(out.writer()), &mut progress);
            made.map(|(truth, report)| (truth, Some(report)))
        }
    };
    bar.finish_and_clear();
    let (truth, report) = made.map_err(|error| failed(error, args))?;
    out.finish()?;
    if let Some(books) = books {
        books.fill(|out| truth.write_books(out))?;
    }
    if let Some(file) = summary_file {
        let summary = summary(&truth, report.as_ref());
        file.fill(|out| writeln!(out, "{summary:#}"))?;
    }
    if quiet {
        return Ok(());
    }
    println!(
        "{}: {} messages, {} orders live at the end in {} price levels (seed {})",
        args.out.display(),
        truth.messages,
        truth.live_orders,
        truth.price_levels,
        args.seed
    );
    if let Some(report) = &report {
        let lost: Vec<String> = report.lines.iter().map(|line| line.lost.to_string()).collect();
        println!(
            "{} packets, {} frames on {} line(s); lost on one line: {}",
            report.packets,
            report.datagrams,
            report.lines.len(),
            lost.join(", ")
        );
    }
    Ok(())
}

fn config(args: &GenArgs) -> Result<GenerateConfig, Error> {
    let now_ns = crate::sys::tsc::realtime_ns();
    let calendar = |error| Error::new(Exit::Usage, "--date", error, "");
    let date = match args.date {
        Some(date) => date,
        None => VenueDate::at(now_ns).map_err(calendar)?,
    };
    let midnight_ns = date.midnight_ns().map_err(calendar)?;
    let style = match args.style {
        StyleName::Nasdaq => Style::Nasdaq,
        StyleName::Bx => Style::Bx,
        StyleName::Psx => Style::Psx,
    };
    let day = match args.rate {
        None => GenerateConfig::whole_day(args.seed, args.messages, args.symbols, midnight_ns),
        Some(rate) => {
            let start_ns = match args.start_in_ms {
                Some(ms) => now_ns + ms * 1_000_000,
                None => midnight_ns + 34_200_000_000_000, // 09:30
            };
            let mean_ns = 1_000_000_000 / rate.max(1);
            GenerateConfig::steady(args.seed, args.messages, args.symbols, midnight_ns, start_ns, mean_ns.max(1))
        }
    };
    Ok(GenerateConfig { style, circuit_breaker: args.circuit_breaker, ..day })
}

fn capture_config(args: &GenArgs) -> CaptureConfig {
    let mut capture =
        CaptureConfig { both_loss_ppm: args.loss_both, messages_per_packet: args.messages_per_packet, ..CaptureConfig::default() };
    if !args.line.is_empty() {
        capture.lines = args.line.iter().enumerate().map(|(n, line)| LineSpec::clean(line.group, line.port, n as u64 * 5_000)).collect();
    }
    for (n, line) in capture.lines.iter_mut().enumerate() {
        line.loss_ppm = if n == 0 { args.loss_a } else { args.loss_b };
        line.duplicate_ppm = args.duplicates;
        line.reorder_ppm = args.reorder;
    }
    capture
}

/// Refuses what would have no effect.
fn only_for_captures(args: &GenArgs) -> Result<(), Error> {
    let losses = [args.loss_a, args.loss_b, args.loss_both, args.duplicates, args.reorder];
    if args.line.is_empty() && losses == [0; 5] {
        return Ok(());
    }
    let why = "a day file has no lines and no packets, so --line, --loss-a, --loss-b, --loss-both, --duplicates and --reorder mean nothing";
    Err(Error::new(Exit::Usage, "", why, "add --format pcap"))
}

/// Ends the writing when the user asks: a day of messages is minutes of work.
struct Stoppable<W>(W);

impl<W: Write> Write for Stoppable<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if signals::stop_requested() { Err(io::Error::other("stopped")) } else { self.0.write(bytes) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn failed(error: GenerateError, args: &GenArgs) -> Error {
    let (key, value, expected, cure) = match error {
        _ if signals::stop_requested() => {
            return Error::new(Exit::Failed, "", "stopped before it was whole", "nothing was left behind").in_file(&args.out);
        }
        GenerateError::Write(error) => {
            let cure = "make room, or name a file elsewhere; nothing was left behind";
            return Error::new(Exit::Failed, "the generated file could not be written", error, cure).in_file(&args.out);
        }
        GenerateError::Config { key, value, expected, cure } => (key, value, expected, cure),
    };
    let option = match key {
        "mean_ns_per_message" => {
            let (rate, messages) = (args.rate.unwrap_or(0), args.messages);
            let what = format!("--rate {rate}");
            return Error::new(Exit::Usage, what, format!("{messages} messages at that rate do not end before midnight"), cure);
        }
        "start_ns" if args.date.is_some() => {
            let cure = "leave --date out, or --start-in-ms";
            return Error::new(Exit::Usage, "--start-in-ms", "it counts from now, and --date names another day", cure);
        }
        "start_ns" => "start".to_owned(),
        "group" | "port" | "lines" => "--line".to_owned(),
        other => format!("--{}", other.replace('_', "-")),
    };
    Error::new(Exit::Usage, format!("{option} {value}"), format!("expected {expected}"), cure)
}

fn summary(truth: &Truth, report: Option<&CaptureReport>) -> serde_json::Value {
    json!({
        "messages": truth.messages,
        "messages_by_type": truth.messages_by_type.iter().map(|(kind, count)| (kind.to_string(), *count)).collect::<std::collections::BTreeMap<_, _>>(),
        "live_orders": truth.live_orders,
        "price_levels": truth.price_levels,
        "packets": report.map(|report| report.packets),
        "frames": report.map(|report| report.datagrams),
        "heartbeats": report.map(|report| report.heartbeats),
        "lines": report.map(|report| report.lines.iter().map(|line| json!({
            "frames": line.frames, "lost": line.lost, "duplicated": line.duplicated, "reordered": line.reordered,
        })).collect::<Vec<_>>()),
        "lost_on_all": report.map(|report| report.lost_on_all.iter().map(|range| [range.first, range.last]).collect::<Vec<_>>()),
    })
}
