//! A source that the test writes itself, and the computing beside it, moved turn by turn.

use std::sync::atomic::AtomicBool;

use tickwire::record::{
    Control, Header, Instrument, Mbp10, Ohlcv1D, Ohlcv1H, Ohlcv1M, Ohlcv1S, Record, Schema, Signal, Sink, Venue, Vwap, control, venue::kind,
};
use tickwire::shm::{ChannelSpec, From, Item, Publication, PublicationSpec, Publisher, Records, RingSpec};
use tickwire::windows::{ComputeConfig, Computing, Counters, Finished, Turn};

use crate::shm_support::Room;

/// 2023-11-15 in New York.
pub const MIDNIGHT_NS: u64 = 1_700_024_400_000_000_000;
pub const SECOND_NS: u64 = 1_000_000_000;
/// Ten o'clock of that day.
pub const TEN_NS: u64 = MIDNIGHT_NS + 36_000 * SECOND_NS;

/// What one ring of the computed publication carried.
#[derive(Clone, Debug, PartialEq)]
pub enum Told<R> {
    Record(R),
    Control(Control),
    NewEpoch,
}

/// All rings of the computed publication, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rings {
    pub seconds: Vec<Told<Ohlcv1S>>,
    pub minutes: Vec<Told<Ohlcv1M>>,
    pub hours: Vec<Told<Ohlcv1H>>,
    pub days: Vec<Told<Ohlcv1D>>,
    pub vwap: Vec<Told<Vwap>>,
    pub signals: Vec<Told<Signal>>,
}

pub fn records<R: Record>(told: &[Told<R>]) -> Vec<R> {
    told.iter().filter_map(|told| if let Told::Record(record) = told { Some(*record) } else { None }).collect()
}

pub fn controls<R: Record>(told: &[Told<R>]) -> Vec<Control> {
    told.iter().filter_map(|told| if let Told::Control(record) = told { Some(*record) } else { None }).collect()
}

struct Readers {
    seconds: Records<Ohlcv1S>,
    minutes: Records<Ohlcv1M>,
    hours: Records<Ohlcv1H>,
    days: Records<Ohlcv1D>,
    vwap: Records<Vwap>,
    signals: Records<Signal>,
}

fn drain<R: Record + std::fmt::Debug>(reader: &mut Records<R>, into: &mut Vec<Told<R>>) {
    // The end of an epoch is told after it has been idle for a few looks.
    let mut idle = 0;
    while idle < 20 {
        match reader.next().unwrap() {
            Item::Record(record) => into.push(Told::Record(*record)),
            Item::Control(record) => into.push(Told::Control(*record)),
            Item::NewEpoch => into.push(Told::NewEpoch),
            Item::Idle => {
                idle += 1;
                continue;
            }
            Item::End => return,
            other => panic!("{other:?}"),
        }
        idle = 0;
    }
}

pub struct Rig {
    pub room: Room,
    pub source: Option<Publisher>,
    pub computing: Option<Computing>,
    readers: Readers,
    pub rings: Rings,
    stop: AtomicBool,
}

pub struct Shape {
    /// Slots of the source's rings.
    pub depth: u64,
    pub instruments: u32,
    pub channels: u16,
    pub remembered_trades: usize,
    pub signal_levels: u8,
    pub flow_window_ns: u64,
    pub symbols: Option<Vec<String>>,
    pub source: Vec<Schema>,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            depth: 1 << 11,
            instruments: 5,
            channels: 1,
            remembered_trades: 1 << 16,
            signal_levels: 5,
            flow_window_ns: SECOND_NS,
            symbols: None,
            source: vec![Schema::Venue, Schema::Mbp10],
        }
    }
}

pub fn instrument(row: u32, channels: u16) -> Instrument {
    let mut symbol = [b' '; 8];
    symbol[..3].copy_from_slice(format!("S{row:02}").as_bytes());
    Instrument { channel: (row % u32::from(channels)) as u16, publisher_id: 2, instrument_id: 100 + row, symbol, round_lot: 100 }
}

impl Rig {
    pub fn new() -> Self {
        Self::of(&Shape::default())
    }

    /// A source with instruments 100, 101, … at rows 0, 1, …, and the computing of everything.
    pub fn of(shape: &Shape) -> Self {
        let room = Room::new();
        let channels: Vec<_> = (0..shape.channels).map(|at| ChannelSpec { name: format!("c{at}"), publisher_id: 2 }).collect();
        let mut spec = PublicationSpec::new(room.path(), "source");
        spec.rings = shape.source.iter().map(|&schema| RingSpec { schema, depth: shape.depth }).collect();
        (spec.channels, spec.instruments) = (channels.clone(), 64);
        let mut source = Publisher::create(&spec).unwrap();
        for row in 0..shape.instruments {
            source.instrument(&instrument(row, shape.channels)).unwrap();
        }
        let mut spec = PublicationSpec::new(room.path(), "computed");
        spec.rings = Schema::COMPUTED.iter().map(|&schema| RingSpec { schema, depth: 1 << 11 }).collect();
        (spec.channels, spec.instruments, spec.symbols) = (channels, 64, shape.symbols.clone());
        spec.counters = Counters::NAMES.iter().map(|&name| name.to_owned()).collect();
        let config = ComputeConfig {
            spec,
            signal_levels: shape.signal_levels,
            flow_window_ns: shape.flow_window_ns,
            remembered_trades: shape.remembered_trades,
        };
        let computing = Computing::new(Publication::open(room.path(), "source").unwrap(), &config, false).unwrap();
        let computed = Publication::open(room.path(), "computed").unwrap();
        let readers = Readers {
            seconds: computed.subscribe(From::Oldest).unwrap(),
            minutes: computed.subscribe(From::Oldest).unwrap(),
            hours: computed.subscribe(From::Oldest).unwrap(),
            days: computed.subscribe(From::Oldest).unwrap(),
            vwap: computed.subscribe(From::Oldest).unwrap(),
            signals: computed.subscribe(From::Oldest).unwrap(),
        };
        let (source, computing) = (Some(source), Some(computing));
        Self { room, source, computing, readers, rings: Rings::default(), stop: AtomicBool::new(false) }
    }

    pub fn source(&mut self) -> &mut Publisher {
        self.source.as_mut().unwrap()
    }

    pub fn publish(&mut self, row: u32, record: &impl Record) {
        self.source().publish(row, record);
    }

    pub fn trade(&mut self, row: u32, ts_event: u64, reference: u64, price: i64, size: u32) {
        self.publish(row, &trade(row, ts_event, reference, price, size));
    }

    pub fn break_trade(&mut self, row: u32, ts_event: u64, reference: u64) {
        self.publish(row, &trade_break(row, ts_event, reference));
    }

    pub fn control(&mut self, rtype: u8, cause: u8, venue_ns: u64) {
        self.source().control(&control_of(0, rtype, cause, venue_ns));
    }

    pub fn watermark(&mut self, channel: u16, venue_ns: u64) {
        self.source().watermark(channel, venue_ns);
    }

    /// Lets the computing take in what there is.
    pub fn look(&mut self) {
        self.source().commit();
        self.read_all();
    }

    /// The same when there may be no source any more.
    pub fn read_all(&mut self) -> Turn {
        let Some(computing) = &mut self.computing else { return Turn::End };
        let mut idle = 0;
        // Several, because the end of an epoch shows only then.
        let turn = loop {
            match computing.turn(&self.stop).unwrap() {
                Turn::Busy => idle = 0,
                Turn::Idle if idle < 20 => idle += 1,
                turn => break turn,
            }
        };
        self.read_rings();
        turn
    }

    fn read_rings(&mut self) {
        drain(&mut self.readers.seconds, &mut self.rings.seconds);
        drain(&mut self.readers.minutes, &mut self.rings.minutes);
        drain(&mut self.readers.hours, &mut self.rings.hours);
        drain(&mut self.readers.days, &mut self.rings.days);
        drain(&mut self.readers.vwap, &mut self.rings.vwap);
        drain(&mut self.readers.signals, &mut self.rings.signals);
    }

    /// The source ends; everything is computed to its end.
    pub fn end(mut self) -> (Rings, Counters) {
        self.source = None;
        assert_eq!(self.read_all(), Turn::End);
        let Finished { counters, publisher } = self.computing.take().unwrap().finish(&self.stop);
        self.read_rings();
        let shown = Publication::open(self.room.path(), "computed").unwrap().counters();
        let values: Vec<u64> = shown.into_iter().map(|(_, value)| value).collect();
        assert_eq!(values, counters.values().collect::<Vec<_>>(), "what is shown is what was counted");
        drop(publisher);
        (self.rings, counters)
    }

    pub fn computed(&self) -> Publication {
        Publication::open(self.room.path(), "computed").unwrap()
    }
}

pub fn trade(row: u32, ts_event: u64, reference: u64, price: i64, size: u32) -> Venue {
    let mut record = Venue {
        hd: Header::of::<Venue>(2, 100 + row, ts_event),
        ts_recv: ts_event.saturating_add(1_000),
        reference,
        size,
        kind: kind::TRADE,
        codes: [b'B', b' ', b' '],
        ..Venue::BLANK
    };
    record.prices[0] = price;
    record
}

pub fn trade_break(row: u32, ts_event: u64, reference: u64) -> Venue {
    let hd = Header::of::<Venue>(2, 100 + row, ts_event);
    Venue { hd, ts_recv: ts_event.saturating_add(1_000), reference, kind: kind::TRADE_BREAK, ..Venue::BLANK }
}

pub fn control_of(channel: u16, rtype: u8, cause: u8, venue_ns: u64) -> Control {
    Control {
        hd: Header { length: 14, rtype, publisher_id: 2, instrument_id: 0, ts_event: venue_ns },
        ts_recv: venue_ns + 1_000,
        first_sequence: u64::from(rtype == control::SESSION_START),
        last_sequence: 0,
        channel,
        cause,
        reserved: [0; 13],
    }
}

/// Deep books for signals: `n` makes them differ.
pub fn book(row: u32, ts_event: u64, action: u8, side: u8, size: u32, flags: u8, n: u32) -> Mbp10 {
    let level = |rank: u32| tickwire::record::BidAsk {
        bid_px: 100 * SECOND_NS as i64 - i64::from(rank * (n % 3 + 1)) * 10_000_000,
        ask_px: 100 * SECOND_NS as i64 + (i64::from(n % 7) - 1 + i64::from(rank * 2)) * 10_000_000,
        bid_sz: 100 + n % 90 * 7 + rank,
        ask_sz: 300 + n % 50 * 11 - rank,
        bid_ct: 1,
        ask_ct: 1,
    };
    Mbp10 {
        hd: Header::of::<Mbp10>(2, 100 + row, ts_event),
        price: 0,
        size,
        action,
        side,
        flags,
        depth: 0,
        ts_recv: ts_event.saturating_add(500),
        ts_in_delta: 500,
        sequence: n,
        levels: std::array::from_fn(|rank| level(rank as u32)),
    }
}
