//! `tickwire play`: a capture's datagrams out of network interfaces, when they are due.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::progress::{self, Of};
use super::values;
use crate::error::{Error, Exit};
use crate::play::{self, PlayConfig, PlayReport, Route, Speed, Via};
use crate::replay;
use crate::sys::signals;

/// Sends what was captured, line by line, each datagram when it is due; how late they left is reported.
///
/// Only to interfaces of test hosts or a lab network: exchanges' groups must not be sent to on a production network.
#[derive(Debug, Args)]
pub(super) struct PlayArgs {
    /// The capture (pcap or pcapng, also .gz)
    file: PathBuf,
    /// Where a line goes: GROUP:PORT=INTERFACE, or just INTERFACE for all other multicast lines (repeat)
    #[arg(long = "to", value_name = "[GROUP:PORT=]INTERFACE", required = true, value_parser = route)]
    to: Vec<Route>,
    /// How datagrams leave
    #[arg(long, value_enum, default_value = "frames")]
    via: ViaArg,
    /// How fast: 1x, 10x, any whole number of times the recorded speed, or max
    #[arg(long, default_value = "1x")]
    speed: replay::Speed,
    /// So many datagrams a second, instead of the recorded times
    #[arg(long, value_name = "PER_SECOND", conflicts_with = "speed", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    rate: Option<u32>,
    /// Send each datagram when the wall clock shows its recorded time (for `gen --start-in-ms`)
    #[arg(long, conflicts_with_all = ["speed", "rate"])]
    wall_clock: bool,
    /// Put right checksums into frames (captures whose addresses were rewritten have wrong ones)
    #[arg(long)]
    checksums: bool,
    /// Stop after so many datagrams
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ViaArg {
    /// As captured frames, through a packet socket (needs CAP_NET_RAW)
    Frames,
    /// As payloads, through UDP sockets
    Udp,
}

fn route(text: &str) -> Result<Route, String> {
    let (line, interface) = match text.split_once('=') {
        Some((line, interface)) => (Some(values::line(line)?), interface),
        None => (None, text),
    };
    if interface.is_empty() {
        return Err("say [GROUP:PORT=]INTERFACE, as in 239.192.1.1:26400=eth1".to_owned());
    }
    Ok(Route { line, interface: interface.to_owned(), loss: 0.0 })
}

pub(super) fn run(args: &PlayArgs) -> Result<(), Error> {
    let _ = signals::install();
    let speed = match (args.wall_clock, args.rate, args.speed) {
        (true, ..) => Speed::WallClock,
        (_, Some(rate), _) => Speed::Rate(f64::from(rate)),
        (_, _, replay::Speed::Times(times)) => Speed::Recorded(f64::from(times)),
        (_, _, replay::Speed::Max) => Speed::Max,
    };
    let config = PlayConfig {
        file: args.file.clone(),
        routes: args.to.clone(),
        via: match args.via {
            ViaArg::Frames => Via::Frames,
            ViaArg::Udp => Via::Udp,
        },
        speed,
        limit: args.limit,
        rewrite_checksums: args.checksums,
        seed: 0,
    };
    let bar = progress::bar(0, Of::Bytes, "play");
    let report = play::run(&config, signals::stop_flag(), &mut |progress, _| {
        bar.set_length(progress.total);
        bar.set_position(progress.read);
    })
    .map_err(|error| Error::new(Exit::Failed, error.what, error.why, error.cure))?;
    bar.finish_and_clear();
    if args.json {
        print_json(&report)
    } else {
        print(&report)
    }
    match &report.first_error {
        Some(first) => {
            let what = format!("{} datagrams were refused by the kernel", report.errors);
            Err(Error::new(Exit::Failed, what, first, "look at the interface's MTU and queue length"))
        }
        None => Ok(()),
    }
}

fn print(report: &PlayReport) {
    let seconds = report.elapsed_ns as f64 / 1e9;
    println!("{} datagrams, {} bytes in {seconds:.3} s", report.sent, report.bytes);
    let micros = |ns: u64| ns as f64 / 1e3;
    if !report.lateness.is_empty() {
        println!(
            "left after they were due: p50 {:.1} µs, p99 {:.1} µs, max {:.1} µs",
            micros(report.late_p50_ns()),
            micros(report.late_p99_ns()),
            micros(report.late_max_ns())
        );
    }
    let skipped: Vec<String> = report.skipped.iter().map(|(reason, count)| format!("{reason} {count}", reason = reason.name())).collect();
    if !skipped.is_empty() {
        println!("not sent: {}", skipped.join(", "));
    }
    if let Some(why) = &report.truncation {
        println!("the capture's last record is cut: {why}");
    }
}

fn print_json(report: &PlayReport) {
    let skipped: std::collections::BTreeMap<_, _> = report.skipped.iter().map(|(reason, count)| (reason.name(), count)).collect();
    let value = json!({
        "sent": report.sent,
        "bytes": report.bytes,
        "elapsed_ns": report.elapsed_ns,
        "late_p50_ns": report.late_p50_ns(),
        "late_p99_ns": report.late_p99_ns(),
        "late_max_ns": report.late_max_ns(),
        "errors": report.errors,
        "skipped_by_reason": skipped,
        "stopped": report.stopped,
        "capture_truncated": report.truncation.is_some(),
    });
    println!("{value:#}");
}
