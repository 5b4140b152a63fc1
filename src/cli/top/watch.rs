//! What is watched: records counted by instrument, receive latency, counters; and a picture of it for the screen.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;

use super::super::{Which, words};
use crate::books_file::Decimal;
use crate::error::{Error, Exit};
use crate::lane::latency::{Percentiles, histogram};
use crate::record::{Mbp1, Mbp10, Record, Schema, UNDEF_PRICE};
use crate::shm::{BookState, From, Item, Publication, Records, WriterState};
use crate::sys::signals;
use crate::sys::tsc::realtime_ns;

/// Records taken in one go, so that drawing is never late by much.
const BATCH: usize = 4096;

/// One of the rings that tell the top of the book.
enum Tops {
    One(Records<Mbp1>),
    Ten(Records<Mbp10>),
}

/// A publication being watched.
pub(super) struct Watch {
    publication: Publication,
    tops: Tops,
    activity: HashMap<(u16, u32), u64>,
    /// From the venue's time (or the time the packet was due) to our receive stamp.
    to_receive: Histogram<u64>,
    /// From the venue's time to when we saw the record; our own polling included.
    to_seen: Histogram<u64>,
    last: (Instant, u64),
    records: u64,
    lost: u64,
    ended: bool,
}

impl Watch {
    pub(super) fn open(which: &Which, wait: Duration) -> Result<Self, Error> {
        let until = Instant::now() + wait;
        let mut said = false;
        let publication = loop {
            match which.open() {
                Ok(publication) => break publication,
                Err(error) if error.exit == Exit::Publication && Instant::now() < until && !signals::stop_requested() => {
                    if !said {
                        eprintln!(
                            "tickwire: {}/{}: not there yet, waiting up to {} s",
                            which.dir.display(),
                            which.publication,
                            wait.as_secs()
                        );
                        said = true;
                    }
                    std::thread::sleep(Duration::from_millis(50));
                }
                Err(error) => return Err(error),
            }
        };
        let tops = if publication.carries(Schema::Mbp1) || !publication.carries(Schema::Mbp10) {
            Tops::One(publication.subscribe(From::Board)?)
        } else {
            Tops::Ten(publication.subscribe(From::Board)?)
        };
        Ok(Self {
            publication,
            tops,
            activity: HashMap::new(),
            to_receive: histogram(),
            to_seen: histogram(),
            last: (Instant::now(), 0),
            records: 0,
            lost: 0,
            ended: false,
        })
    }

    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// Takes what is there; returns how many records that was.
    pub(super) fn read(&mut self) -> Result<usize, Error> {
        let mut seen = Seen { taken: 0, now_ns: realtime_ns(), epoch: None, lost: 0, ended: false };
        let Self { tops, activity, to_receive, to_seen, .. } = self;
        let mut of = |publisher: u16, instrument: u32, ts_event: u64, ts_recv: u64, now_ns: u64| {
            *activity.entry((publisher, instrument)).or_default() += 1;
            to_receive.saturating_record(ts_recv.saturating_sub(ts_event).max(1));
            to_seen.saturating_record(now_ns.saturating_sub(ts_event).max(1));
        };
        match tops {
            Tops::One(records) => seen.take(records, |r, now| of(r.hd.publisher_id, r.hd.instrument_id, r.hd.ts_event, r.ts_recv, now))?,
            Tops::Ten(records) => seen.take(records, |r, now| of(r.hd.publisher_id, r.hd.instrument_id, r.hd.ts_event, r.ts_recv, now))?,
        }
        if let Some(publication) = seen.epoch {
            self.publication = publication;
            self.activity.clear();
        }
        self.records += seen.taken as u64;
        self.lost += seen.lost;
        self.ended |= seen.ended;
        Ok(seen.taken)
    }

    /// The state of things now.
    pub(super) fn picture(&mut self, rows: usize) -> Result<Picture, Error> {
        let counters: HashMap<String, u64> = self.publication.counters().into_iter().collect();
        let counter = |name: &str| counters.get(name).copied().unwrap_or(0);
        let elapsed = self.last.0.elapsed().as_secs_f64().max(1e-3);
        let messages = counter("messages");
        let rate = (messages.saturating_sub(self.last.1) as f64 / elapsed) as u64;
        self.last = (Instant::now(), messages);
        let mut busiest: Vec<_> = self.activity.iter().map(|(&key, &count)| (count, key)).collect();
        busiest.sort_unstable_by(|a, b| b.cmp(a));
        let known: HashMap<(u16, u32), u32> =
            self.publication.instruments().map(|row| ((row.publisher_id, row.instrument_id), row.row)).collect();
        let mut instruments = Vec::new();
        for (count, key) in busiest.into_iter().take(rows) {
            let Some(&row) = known.get(&key) else { continue };
            let view = self.publication.book_at(row)?;
            let Some(top) = view.levels.first() else { continue };
            let price = |value: i64| if value == UNDEF_PRICE { String::new() } else { Decimal(value).to_string() };
            instruments.push(InstrumentLine {
                symbol: view.instrument.symbol.clone(),
                updates: count,
                bid: price(top.bid_px),
                bid_size: top.bid_sz,
                offer: price(top.ask_px),
                offer_size: top.ask_sz,
                good: view.state == BookState::Good,
            });
        }
        let drops: Vec<(String, u64)> = {
            let mut drops: Vec<_> = counters
                .iter()
                .filter_map(|(name, &count)| Some((name.strip_prefix("drop_")?.to_owned(), count)).filter(|&(_, count)| count > 0))
                .collect();
            drops.sort();
            drops
        };
        Ok(Picture {
            publication: self.publication.path().display().to_string(),
            epoch: self.publication.epoch(),
            channels: self.publication.channel_states().into_iter().map(|row| (row.name, words::channel_state(row.state))).collect(),
            writer: words::writer_state(self.publication.writer().unwrap_or(WriterState::Dead)),
            messages,
            messages_per_second: rate,
            duplicates: counter("duplicates"),
            gaps: counter("gaps"),
            lost_messages: counter("lost_messages"),
            instruments_known: counter("instruments"),
            live_orders: counter("live_orders"),
            records_read: self.records,
            records_missed: self.lost,
            drops,
            due_to_received: Shown::of(&self.to_receive),
            due_to_seen: Shown::of(&self.to_seen),
            received_to_published: Shown {
                count: counter("latency_count"),
                p50_ns: counter("latency_p50_ns"),
                p90_ns: counter("latency_p90_ns"),
                p99_ns: counter("latency_p99_ns"),
                p99_9_ns: counter("latency_p99_9_ns"),
                max_ns: counter("latency_max_ns"),
            },
            instruments,
        })
    }
}

struct Seen {
    taken: usize,
    now_ns: u64,
    epoch: Option<Publication>,
    lost: u64,
    ended: bool,
}

impl Seen {
    fn take<R: Record>(&mut self, records: &mut Records<R>, mut each: impl FnMut(&R, u64)) -> Result<(), Error> {
        while self.taken < BATCH {
            match records.next()? {
                Item::Record(record) => {
                    each(record, self.now_ns);
                    self.taken += 1;
                }
                // State, not an event: it may be old, and says nothing of latency or activity.
                Item::Board { .. } | Item::Control(_) => {}
                Item::Lost(count) => self.lost += count,
                Item::NewEpoch => self.epoch = Some(records.publication().clone()),
                Item::Idle | Item::WriterDead => break,
                Item::End => {
                    self.ended = true;
                    break;
                }
            }
        }
        Ok(())
    }
}

/// One instrument's line.
#[derive(Clone, Debug, Serialize)]
pub(super) struct InstrumentLine {
    pub(super) symbol: String,
    pub(super) updates: u64,
    pub(super) bid: String,
    pub(super) bid_size: u32,
    pub(super) offer: String,
    pub(super) offer_size: u32,
    pub(super) good: bool,
}

/// Percentiles, ns.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Shown {
    pub(super) count: u64,
    pub(super) p50_ns: u64,
    pub(super) p90_ns: u64,
    pub(super) p99_ns: u64,
    pub(super) p99_9_ns: u64,
    pub(super) max_ns: u64,
}

impl Shown {
    fn of(histogram: &Histogram<u64>) -> Self {
        let Percentiles { count, p50, p90, p99, p99_9, max } = Percentiles::of(histogram);
        Self { count, p50_ns: p50, p90_ns: p90, p99_ns: p99, p99_9_ns: p99_9, max_ns: max }
    }

    /// For people, each with its unit.
    pub(super) fn cells(&self) -> [String; 5] {
        [self.p50_ns, self.p90_ns, self.p99_ns, self.p99_9_ns, self.max_ns]
            .map(|ns| if self.count == 0 { "-".to_owned() } else { duration(ns) })
    }
}

/// Three figures and a unit. What is beyond the histogram's end is said to be: a day file's times are years away.
fn duration(ns: u64) -> String {
    let (unit, name) = match ns {
        0..1_000 => return format!("{ns} ns"),
        1_000..1_000_000 => (1_000, "µs"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        1_000_000_000..10_000_000_000 => (1_000_000_000, "s"),
        _ => return "> 10 s".to_owned(),
    };
    let (whole, thousandths) = (ns / unit, ns % unit * 1_000 / unit);
    match whole {
        0..10 => format!("{whole}.{:02} {name}", thousandths / 10),
        10..100 => format!("{whole}.{} {name}", thousandths / 100),
        _ => format!("{whole} {name}"),
    }
}

/// All that is shown.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Picture {
    pub(super) publication: String,
    pub(super) epoch: u64,
    pub(super) channels: Vec<(String, &'static str)>,
    pub(super) writer: &'static str,
    pub(super) messages: u64,
    pub(super) messages_per_second: u64,
    pub(super) duplicates: u64,
    pub(super) gaps: u64,
    pub(super) lost_messages: u64,
    pub(super) instruments_known: u64,
    pub(super) live_orders: u64,
    pub(super) records_read: u64,
    pub(super) records_missed: u64,
    pub(super) drops: Vec<(String, u64)>,
    pub(super) due_to_received: Shown,
    pub(super) due_to_seen: Shown,
    pub(super) received_to_published: Shown,
    pub(super) instruments: Vec<InstrumentLine>,
}

impl Picture {
    pub(super) fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The three latencies with their names, in the order of the path.
    pub(super) fn latencies(&self) -> [(&'static str, &Shown); 3] {
        [
            ("venue to received", &self.due_to_received),
            ("received to published", &self.received_to_published),
            ("venue to seen here", &self.due_to_seen),
        ]
    }

    /// Channels and their states, in words.
    pub(super) fn channels_text(&self) -> String {
        self.channels.iter().map(|(name, state)| format!("{name} {state}")).collect::<Vec<_>>().join(", ")
    }

    /// Counters in words.
    pub(super) fn counts_text(&self) -> String {
        format!(
            "{} messages, {}/s; {} duplicates, {} gaps ({} lost); {} instruments, {} live orders",
            self.messages,
            self.messages_per_second,
            self.duplicates,
            self.gaps,
            self.lost_messages,
            self.instruments_known,
            self.live_orders
        )
    }

    /// Drops in words.
    pub(super) fn drops_text(&self) -> String {
        let mut parts: Vec<String> = self.drops.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
        if self.records_missed > 0 {
            parts.push(format!("this viewer was lapped and missed {} records", self.records_missed));
        }
        if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
    }

    pub(super) fn text(&self) -> String {
        use std::fmt::Write;
        let mut out = String::new();
        let _ = writeln!(out, "{} epoch {}: {}", self.publication, self.epoch, self.channels_text());
        let _ = writeln!(out, "{}; dropped: {}", self.counts_text(), self.drops_text());
        let _ = writeln!(out, "{:<24}{:>10}{:>10}{:>10}{:>10}{:>10}", "latency", "p50", "p90", "p99", "p99.9", "max");
        for (name, shown) in self.latencies() {
            let [p50, p90, p99, p99_9, max] = shown.cells();
            let _ = writeln!(out, "{name:<24}{p50:>10}{p90:>10}{p99:>10}{p99_9:>10}{max:>10}");
        }
        let _ = writeln!(out, "{:<8}{:>10}{:>12}{:>12}   {:<12}{:<12}", "symbol", "updates", "size", "bid", "offer", "size");
        for line in &self.instruments {
            let mark = if line.good { "" } else { "maybe bad" };
            let _ = writeln!(
                out,
                "{:<8}{:>10}{:>12}{:>12}   {:<12}{:<12}{mark}",
                line.symbol, line.updates, line.bid_size, line.bid, line.offer, line.offer_size
            );
        }
        out
    }
}
