//! What is watched: records counted by instrument, receive latency, counters; and a picture of it for the screen.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;

use super::super::{Which, words};
use crate::books_file::Decimal;
use crate::error::Error;
use crate::lane::latency::{Percentiles, histogram};
use crate::record::{Mbp1, Mbp10, Record, Schema, UNDEF_PRICE};
use crate::shm::{BookState, From, Item, Publication, Records, WriterState};
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
    last_records: u64,
    records: u64,
    lost: u64,
    ended: bool,
}

impl Watch {
    pub(super) fn open(which: &Which, wait: Duration) -> Result<Self, Error> {
        let publication = which.open_within(wait)?;
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
            last_records: 0,
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
            // A replayed recording's times may be of another day: what is later than now took no time that could be told.
            for (histogram, until_ns) in [(&mut *to_receive, ts_recv), (&mut *to_seen, now_ns)] {
                if let Some(took_ns) = until_ns.checked_sub(ts_event) {
                    histogram.saturating_record(took_ns.max(1));
                }
            }
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
        let records_per_second = ((self.records - self.last_records) as f64 / elapsed) as u64;
        self.last = (Instant::now(), messages);
        self.last_records = self.records;
        let known: HashMap<(u16, u32), u32> =
            self.publication.instruments().map(|row| ((row.publisher_id, row.instrument_id), row.row)).collect();
        // Those that nothing has come of yet stand behind, so that a quiet or finished publication shows its books too.
        let mut quiet: Vec<_> = known.iter().filter(|(key, _)| !self.activity.contains_key(key)).map(|(&key, &row)| (row, key)).collect();
        quiet.sort_unstable();
        let mut busiest: Vec<_> = self.activity.iter().map(|(&key, &count)| (count, key)).collect();
        busiest.sort_unstable_by(|a, b| b.cmp(a));
        let mut instruments = Vec::new();
        for (count, key) in busiest.into_iter().chain(quiet.into_iter().map(|(_, key)| (0, key))) {
            if instruments.len() == rows {
                break;
            }
            let Some(&row) = known.get(&key) else { continue };
            let view = self.publication.book_at(row)?;
            let Some(top) = view.levels.first() else { continue };
            if count == 0 && top.bid_px == UNDEF_PRICE && top.ask_px == UNDEF_PRICE {
                continue;
            }
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
            // The most frequent first: a narrow screen cuts the rest off.
            drops.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            drops
        };
        Ok(Picture {
            publication: self.publication.path().display().to_string(),
            epoch: self.publication.epoch(),
            channels: self.publication.channel_states().into_iter().map(|row| (row.name, words::channel_state(row.state))).collect(),
            writer: words::writer_state(self.publication.writer().unwrap_or(WriterState::Dead)),
            began_ns: self.publication.created_ns(),
            has_counters: !counters.is_empty(),
            messages,
            messages_per_second: rate,
            records_per_second,
            duplicates: counter("duplicates"),
            gaps: counter("gaps"),
            lost_messages: counter("lost_messages"),
            instruments_known: u64::from(self.publication.instrument_count()),
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

/// A count that never needs more than eight columns: beyond ten million in millions.
fn short(count: u64) -> String {
    if count < 10_000_000 { count.to_string() } else { format!("{}.{} M", count / 1_000_000, count / 100_000 % 10) }
}

/// All that is shown.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Picture {
    pub(super) publication: String,
    pub(super) epoch: u64,
    pub(super) channels: Vec<(String, &'static str)>,
    pub(super) writer: &'static str,
    pub(super) began_ns: u64,
    /// Without, the numbers from `messages` to `live_orders` say nothing: a replay's publication has none.
    pub(super) has_counters: bool,
    pub(super) messages: u64,
    pub(super) records_per_second: u64,
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

    /// Name, when its epoch began, and how its writer is.
    pub(super) fn title(&self) -> String {
        let seconds = self.began_ns / 1_000_000_000 % 86_400;
        let clock = format!("{:02}:{:02}:{:02} UTC", seconds / 3_600, seconds / 60 % 60, seconds % 60);
        let name = self.publication.rsplit('/').next().unwrap_or_default();
        format!("{name}, since {clock}, writer {}", self.writer)
    }

    /// Counters in words, a line each.
    pub(super) fn counts_text(&self) -> [String; 2] {
        let ring = format!(
            "{} records read here, {}/s; {} instruments",
            short(self.records_read),
            short(self.records_per_second),
            self.instruments_known
        );
        if !self.has_counters {
            return [ring, "none are kept by this writer (a replay)".to_owned()];
        }
        let feed = format!(
            "{} messages, {}/s, {} duplicates, {} gaps ({} lost)",
            short(self.messages),
            short(self.messages_per_second),
            short(self.duplicates),
            short(self.gaps),
            short(self.lost_messages)
        );
        [format!("{ring}, {} orders", short(self.live_orders)), feed]
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
        let [ring, feed] = self.counts_text();
        let _ = writeln!(out, "{}", self.title());
        let heads = [("channels", self.channels_text()), ("ring", ring), ("feed", feed), ("dropped", self.drops_text())];
        for (head, text) in heads {
            let _ = writeln!(out, "{head:<9} {text}");
        }
        let _ = writeln!(out);
        let _ = writeln!(out, "{:<24}{:>10}{:>10}{:>10}{:>10}{:>10}", "latency", "p50", "p90", "p99", "p99.9", "max");
        for (name, shown) in self.latencies() {
            let [p50, p90, p99, p99_9, max] = shown.cells();
            let _ = writeln!(out, "{name:<24}{p50:>10}{p90:>10}{p99:>10}{p99_9:>10}{max:>10}");
        }
        let _ = writeln!(out, "\n{:<8}{:>10}{:>10}{:>12}  {:<12}{:<10}", "symbol", "updates", "size", "bid", "offer", "size");
        if self.instruments.is_empty() {
            let _ = writeln!(out, "(no book so far)");
        }
        for line in &self.instruments {
            let mark = if line.good { "" } else { "maybe bad" };
            let _ = writeln!(
                out,
                "{:<8}{:>10}{:>10}{:>12}  {:<12}{:<10}{mark}",
                line.symbol, line.updates, line.bid_size, line.bid, line.offer, line.offer_size
            );
        }
        out
    }
}
