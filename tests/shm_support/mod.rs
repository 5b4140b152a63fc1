//! What the tests of publications share: a directory of their own, and records that prove themselves.
#![allow(dead_code)]

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tickwire::record::{BidAsk, Control, Header, Instrument, Mbo, Mbp1, Mbp10, Record, Schema, Status, Trade, action, side};
use tickwire::shm::{ChannelSpec, Item, PublicationSpec, Records, RingSpec};

/// A directory that vanishes with the test.
pub struct Room(TempDir);

impl Room {
    pub fn new() -> Self {
        // In memory if there is such a place: what publications are made for, and quick.
        let shm = Path::new("/dev/shm");
        let dir = tempfile::Builder::new().prefix("tickwire-test-").tempdir_in(shm);
        Self(dir.or_else(|_| tempfile::tempdir()).expect("a temporary directory"))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn spec(&self, name: &str, rings: &[(Schema, u64)]) -> PublicationSpec {
        PublicationSpec {
            rings: rings.iter().map(|&(schema, depth)| RingSpec { schema, depth }).collect(),
            channels: vec![ChannelSpec { name: "A".into(), publisher_id: 2 }, ChannelSpec { name: "B".into(), publisher_id: 3 }],
            instruments: 64,
            ..PublicationSpec::new(self.path(), name)
        }
    }

    /// Names of the files there, sorted.
    pub fn files(&self) -> Vec<String> {
        let mut files: Vec<_> =
            std::fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        files.sort();
        files
    }
}

pub fn instrument(instrument_id: u32, symbol: &str) -> Instrument {
    let mut padded = [b' '; 8];
    padded[..symbol.len()].copy_from_slice(symbol.as_bytes());
    Instrument { channel: 0, publisher_id: 2, instrument_id, symbol: padded, round_lot: 100 }
}

pub fn mbo(n: u64) -> Mbo {
    Mbo {
        hd: Header::of::<Mbo>(2, n as u32, n),
        order_id: n,
        price: n as i64,
        size: n as u32,
        flags: 0,
        channel_id: 0,
        action: action::ADD,
        side: side::BID,
        ts_recv: n,
        ts_in_delta: n as i32,
        sequence: n as u32,
    }
}

fn level(n: u64) -> BidAsk {
    let v = n as u32;
    BidAsk { bid_px: n as i64, ask_px: n as i64, bid_sz: v, ask_sz: v, bid_ct: v, ask_ct: v }
}

pub fn mbp1(id: u32, n: u64) -> Mbp1 {
    Mbp1 {
        hd: Header::of::<Mbp1>(2, id, n),
        price: n as i64,
        size: n as u32,
        action: action::MODIFY,
        side: side::ASK,
        flags: 0,
        depth: 0,
        ts_recv: n,
        ts_in_delta: n as i32,
        sequence: n as u32,
        levels: [level(n)],
    }
}

pub fn mbp10(id: u32, n: u64) -> Mbp10 {
    let Mbp1 { price, size, action, side, flags, depth, ts_recv, ts_in_delta, sequence, .. } = mbp1(id, n);
    Mbp10 {
        hd: Header::of::<Mbp10>(2, id, n),
        price,
        size,
        action,
        side,
        flags,
        depth,
        ts_recv,
        ts_in_delta,
        sequence,
        levels: std::array::from_fn(|_| level(n)),
    }
}

pub fn trade(id: u32, n: u64) -> Trade {
    let Mbp1 { price, size, side, flags, depth, ts_recv, ts_in_delta, sequence, .. } = mbp1(id, n);
    Trade { hd: Header::of::<Trade>(2, id, n), price, size, action: action::TRADE, side, flags, depth, ts_recv, ts_in_delta, sequence }
}

pub fn status(id: u32, n: u64) -> Status {
    Status {
        hd: Header::of::<Status>(2, id, n),
        ts_recv: n,
        action: n as u16,
        reason: n as u16,
        trading_event: n as u16,
        is_trading: b'Y',
        is_quoting: b'Y',
        is_short_sell_restricted: b'N',
        reserved: [0; 7],
    }
}

pub fn control_record(rtype: u8, n: u64) -> Control {
    Control {
        hd: Header { length: 14, rtype, publisher_id: 2, instrument_id: 0, ts_event: n },
        ts_recv: n,
        first_sequence: n,
        last_sequence: n,
        channel: 1,
        cause: 5,
        reserved: [0; 13],
    }
}

/// A record that says of itself whether it is whole: every field tells the same number.
pub trait Whole {
    fn number(&self) -> Option<u64>;
}

impl Whole for Mbp10 {
    fn number(&self) -> Option<u64> {
        (*self == mbp10(self.hd.instrument_id, self.ts_recv)).then_some(self.ts_recv)
    }
}

/// Polls until an item is what is waited for; panics after ten seconds, or if a record comes first.
pub fn wait_for<R: Record>(records: &mut Records<R>, wanted: impl Fn(&Item<'_, R>) -> bool) {
    let start = Instant::now();
    loop {
        let item = records.next().unwrap();
        if wanted(&item) {
            return;
        }
        assert!(matches!(item, Item::Idle), "something else came first");
        assert!(start.elapsed() < Duration::from_secs(10), "it never came");
        std::thread::yield_now();
    }
}

/// Reads to the end; says how many records came.
pub fn until_end<R: Record>(records: &mut Records<R>) -> u64 {
    let start = Instant::now();
    let mut n = 0;
    loop {
        match records.next().unwrap() {
            Item::Record(_) => n += 1,
            Item::End => return n,
            Item::Idle => assert!(start.elapsed() < Duration::from_secs(10), "the end never came"),
            _ => {}
        }
    }
}

/// Says loudly that a test could not run, or fails if the environment variable is `require`.
pub fn skip(require: &str, why: &str) {
    assert_ne!(std::env::var(require).as_deref(), Ok("require"), "{why}");
    // Straight to the stream: what a passing test prints with macros is never seen.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}

/// A process that writes until it is killed: the calling test once more, which finds the directory to write in by [`Writer::dir`].
pub struct Writer(Child);

impl Writer {
    const DIR: &str = "TICKWIRE_TEST_WRITER_DIR";

    /// In that process: where to write.
    pub fn dir() -> Option<String> {
        std::env::var(Self::DIR).ok()
    }

    pub fn start(test: &str, room: &Room) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", test]).env(Self::DIR, room.path()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.kill();
    }
}
