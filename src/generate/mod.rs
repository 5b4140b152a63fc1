//! A made-up trading day that behaves like a real one, and what a handler must make of it.
//!
//! ```text
//!  listing ─ what is listed ─▶ market ─ one message at a time ─▶ encode ─ ITCH 5.0 bytes ─▶ dayfile
//!  clock ─── when ───────────▶   │                                                      └─▶ capture ─ MoldUDP64 on lines A and B
//!                              orders ─ the exchange's own books ─▶ truth ─ the books file, the orders in their queues
//!                                                                   └▶ tape ── trades, crosses, breaks, in order
//! ```
//!
//! - **Same seed, same bytes, on every machine.** The model holds no floating-point number and uses no dependency's random numbers
//!   or hash order; a test pins the bytes of a small day.
//! - **Its own truth.** The exchange's books are kept in maps of their own; nothing is shared with `wire`, `feed` or `book`,
//!   so a mistake there cannot hide here.
//! - **The same market in both forms.** A day file and a capture of one seed hold the same messages; only their times
//!   differ, and only if the pace does. Losses draw from their own random numbers.
//! - **Bounded memory.** What is kept is the live orders (about 50 bytes each) and the packets under way, never the day.
//!
//! ```
//! use tickwire::generate::{GenerateConfig, day_file};
//! let config = GenerateConfig::whole_day(7, 5_000, 50, 1_700_006_400_000_000_000);
//! let mut file = Vec::new();
//! let truth = day_file(&config, &mut file, &mut |_messages| ())?;
//! assert_eq!(truth.messages, 5_000);
//! # Ok::<(), tickwire::generate::GenerateError>(())
//! ```
#![forbid(unsafe_code)]

mod capture;
mod clock;
mod dayfile;
mod encode;
mod flow;
mod frame;
mod halts;
mod line;
mod listing;
mod market;
mod notices;
mod orders;
mod rng;
mod tape;
mod tick;
mod truth;

pub use capture::{CaptureConfig, CaptureReport, LostRange, capture, frames};
pub use dayfile::day_file;
pub use line::{LineReport, LineSpec};
pub use listing::Symbol;
pub use market::{Session, Timed};
pub use tape::{BreakTruth, CrossTruth, Tape, TradeTruth};
pub use truth::{BookTruth, LevelTruth, OrderTruth, OrdersTruth, Truth};

/// How often `progress` is called, in messages.
const PROGRESS_EVERY: u64 = 1 << 16;

const DAY_NS: u64 = 86_400_000_000_000;

/// What day to make up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerateConfig {
    /// The same seed and configuration give the same bytes on every machine.
    pub seed: u64,
    /// Messages of the whole session, from start to end of messages; at least [`GenerateConfig::fewest_messages`].
    pub messages: u64,
    /// How many symbols are listed, 1 to 65,535. A full day has about 8,000.
    pub symbols: u16,
    /// Midnight of the trading day, US Eastern, in ns since 1970 UTC: messages carry times since then.
    pub date_midnight_utc_ns: u64,
    /// When messages are sent.
    pub pace: Pace,
    /// Orders resting in all books together once the day is under way; `None` for 160 a symbol (1.28 million in a full day)
    /// but no more than a fortieth of the messages, so that short days keep a day's mix of adds and deletes.
    pub live_orders: Option<u64>,
    /// The MoldUDP64 session's name, for captures.
    pub session: [u8; 10],
    /// Whose day it is.
    pub style: Style,
    /// Whether the market as a whole falls by 7 % in the afternoon: level 1 of the market-wide circuit breaker is breached (W), every symbol
    /// is halted, and reopens with a cross.
    pub circuit_breaker: bool,
}

/// Which of the three markets that speak ITCH 5.0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// Auctions, an IPO and a direct listing; no retail interest (N).
    #[default]
    Nasdaq,
    /// No auctions (I, J, K, O, Q); retail interest.
    Bx,
    /// Neither.
    Psx,
}

impl Style {
    const fn has_auctions(self) -> bool {
        matches!(self, Self::Nasdaq)
    }

    /// The letter of the market in operational halts.
    const fn market(self) -> u8 {
        match self {
            Self::Nasdaq => b'Q',
            Self::Bx => b'B',
            Self::Psx => b'X',
        }
    }
}

/// When messages are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Over a trading day: start of messages at 03:00, market hours 09:30 to 16:00, end of messages at 20:05 US Eastern.
    WholeDay,
    /// From an instant on at a mean distance, in bursts. For sessions that are played live.
    Steady {
        /// When the first message is sent, ns since 1970 UTC; within the trading day.
        start_ns: u64,
        /// Mean distance between messages, in ns; at least 1.
        mean_ns_per_message: u64,
    },
}

impl GenerateConfig {
    /// A session over a whole trading day.
    pub fn whole_day(seed: u64, messages: u64, symbols: u16, date_midnight_utc_ns: u64) -> Self {
        Self {
            seed,
            messages,
            symbols,
            date_midnight_utc_ns,
            pace: Pace::WholeDay,
            live_orders: None,
            session: *b"TICKWIRE01",
            style: Style::Nasdaq,
            circuit_breaker: false,
        }
    }

    /// A session that starts at `start_ns` (ns since 1970 UTC) and sends a message every `mean_ns_per_message` ns on average.
    pub fn steady(seed: u64, messages: u64, symbols: u16, date_midnight_utc_ns: u64, start_ns: u64, mean_ns_per_message: u64) -> Self {
        let pace = Pace::Steady { start_ns, mean_ns_per_message };
        Self { pace, ..Self::whole_day(seed, messages, symbols, date_midnight_utc_ns) }
    }

    /// The fewest messages a session with this many symbols can have: the directory, and room for every type to occur.
    pub const fn fewest_messages(symbols: u16) -> u64 {
        market::Plan::directory_messages(symbols) + 600
    }

    fn check(&self) -> Result<(), GenerateError> {
        let refuse = |key, value: String, expected: String, cure| Err(GenerateError::Config { key, value, expected, cure });
        if self.symbols == 0 {
            return refuse("symbols", "0".into(), "1 to 65535".into(), "list at least one symbol");
        }
        let fewest = Self::fewest_messages(self.symbols);
        if self.messages < fewest {
            let expected = format!("at least {fewest} for {} symbols", self.symbols);
            return refuse("messages", self.messages.to_string(), expected, "ask for more messages or fewer symbols");
        }
        let halting = fewest + 40 * u64::from(self.symbols);
        if self.circuit_breaker && self.messages < halting {
            let expected = format!("at least {halting} for {} symbols that halt and reopen", self.symbols);
            return refuse("messages", self.messages.to_string(), expected, "ask for more messages or fewer symbols");
        }
        if self.messages > 1 << 40 {
            return refuse("messages", self.messages.to_string(), "at most 2^40".into(), "ask for fewer messages");
        }
        if self.live_orders.is_some_and(|orders| orders > 50_000_000) {
            let value = format!("{:?}", self.live_orders);
            return refuse("live_orders", value, "at most 50000000 (they are kept in memory)".into(), "ask for fewer live orders");
        }
        // Captures hold seconds in 32 bits, which end in 2106.
        if self.date_midnight_utc_ns > u64::from(u32::MAX - 86_400) * 1_000_000_000 {
            return refuse(
                "date_midnight_utc_ns",
                self.date_midnight_utc_ns.to_string(),
                "ns since 1970, before 2106".into(),
                "check the unit",
            );
        }
        let Pace::Steady { start_ns, mean_ns_per_message: mean } = self.pace else { return Ok(()) };
        let end = self.date_midnight_utc_ns + DAY_NS;
        if !(self.date_midnight_utc_ns..end).contains(&start_ns) {
            let expected = format!("within the trading day, {} to {end}", self.date_midnight_utc_ns);
            return refuse("start_ns", start_ns.to_string(), expected, "give the midnight (US Eastern) of the day the start is in");
        }
        if mean == 0 {
            return refuse("mean_ns_per_message", "0".into(), "at least 1".into(), "times increase from message to message");
        }
        // A quarter and a minute's worth of bursts to spare: times are random.
        let length = u128::from(mean) * (u128::from(self.messages) * 5 / 4 + 1_000);
        if u128::from(start_ns) + length > u128::from(end) {
            let expected =
                format!("at most {} so that the session ends before midnight", u128::from(end - start_ns) * mean as u128 / length);
            return refuse("mean_ns_per_message", mean.to_string(), expected, "start earlier, or send fewer messages or faster");
        }
        Ok(())
    }
}

/// Why nothing, or not everything, was generated.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// The configuration asks for what cannot be.
    #[error("{key} = {value} cannot be generated: expected {expected}; {cure}")]
    Config {
        /// The field.
        key: &'static str,
        /// What it was.
        value: String,
        /// What it must be.
        expected: String,
        /// What to do about it.
        cure: &'static str,
    },
    /// The output took no more bytes.
    #[error("writing the generated session failed: {0}; what was written so far is incomplete, remove it")]
    Write(#[from] std::io::Error),
}
