//! The session: one trading day, message by message, with its phases and its mix.
//!
//! Start of messages, the directory (R, H, Y per symbol, L for some, V, K), system hours, a thin pre-open, the opening cross, market
//! hours, the closing cross, after hours, end. In market hours about 44 % of messages add an order, 43 % delete one, 8 % replace one
//! and 3 % execute or cancel, as on real days; the rest are trades of hidden orders, imbalances, halts and rarer types. Every type of the
//! specification is scheduled at least once.

use super::clock::{Clock, Part};
use super::encode::{Head, LONGEST, Message, encode};
use super::listing::{Listings, Symbol};
use super::orders::{Books, Side};
use super::rng::{Rng, Stream};
use super::tick::price_e4;
use super::truth::{OrdersTruth, Truth};
use super::{GenerateConfig, GenerateError, Pace};
use std::collections::VecDeque;

/// A message and when it is sent.
#[derive(Clone, Copy, Debug)]
pub struct Timed<'a> {
    /// ns since 1970 UTC; what the message carries is this less the day's midnight.
    pub time_ns: u64,
    /// The ITCH message, type first.
    pub bytes: &'a [u8],
}

/// What is to happen next, decided earlier; carried out, and said in one message, when its turn comes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Planned {
    /// The first order at the best price of a side trades in a cross.
    CrossFill(u16, Side),
    /// The cross is printed: its symbol and kind.
    CrossPrint(u16, u8),
    /// The state of a symbol changes: halt (`H`), pause (`P`), quotation only (`Q`), trading (`T`).
    State(u16, u8),
    /// A message of this type for a symbol drawn when it is due.
    Any(u8),
}

/// At which message each part of the day begins.
pub(super) struct Plan {
    pre_open: u64,
    open: u64,
    after_hours: u64,
    closing: u64,
    total: u64,
}

impl Plan {
    /// Messages up to the start of system hours: S, three per symbol, L for every eighth symbol, V, K.
    pub(super) const fn directory_messages(symbols: u16) -> u64 {
        3 + 3 * symbols as u64 + symbols.div_ceil(8) as u64
    }

    fn new(config: &GenerateConfig) -> Self {
        let pre_open = Self::directory_messages(config.symbols);
        let rest = config.messages - pre_open;
        Self {
            pre_open,
            open: pre_open + rest * 4 / 100,
            after_hours: pre_open + rest * 98 / 100,
            closing: config.messages - 2,
            total: config.messages,
        }
    }
}

/// One session being made up. The same configuration gives the same messages; its state after each is open to be read.
pub struct Session {
    pub(super) rng: Rng,
    pub(super) listings: Listings,
    pub(super) books: Books,
    /// Shares that traded in the cross that is under way.
    pub(super) cross_shares: u64,
    /// Match numbers of late trades and their symbols, to break one now and then.
    pub(super) late_matches: [(u16, u64); 64],
    /// Time of the message being made, ns since midnight.
    pub(super) now: u64,
    clock: Clock,
    midnight_utc_ns: u64,
    plan: Plan,
    emitted: u64,
    last_reference: u64,
    last_match: u64,
    active: [u16; 8],
    planned: VecDeque<Planned>,
    /// Types that must occur, and from which message on each is due.
    scheduled: VecDeque<(u64, u8)>,
    /// Halted symbols: from which message on each resumes, and how (the state its pause ends with).
    halted: VecDeque<(u64, u16, u8)>,
    counts: [u64; 128],
    buffer: [u8; LONGEST],
}

impl Session {
    /// A session before its first message.
    pub fn new(config: &GenerateConfig) -> Result<Self, GenerateError> {
        config.check()?;
        let live_orders = config.live_orders.unwrap_or((u64::from(config.symbols) * 160).min(config.messages / 40));
        let start = match config.pace {
            Pace::WholeDay => Part::Directory as u64,
            Pace::Steady { start_ns, .. } => start_ns - config.date_midnight_utc_ns,
        };
        let listings = Listings::new(config.seed, config.symbols, live_orders);
        let (plan, active) = (Plan::new(config), std::array::from_fn(|i| listings.by_rank[i % listings.by_rank.len()]));
        let every_type = b"FUXECPINBOJhWH";
        let spacing = (plan.after_hours - plan.open) / (every_type.len() as u64 + 1);
        let scheduled = (1u64..).zip(every_type).map(|(i, &kind)| (plan.open + i * spacing, kind)).collect();
        Ok(Self {
            rng: Rng::new(config.seed, Stream::Market),
            books: Books::new(config.symbols),
            cross_shares: 0,
            late_matches: [(0, 0); 64],
            now: 0,
            clock: Clock::new(config.seed, config.pace, start),
            midnight_utc_ns: config.date_midnight_utc_ns,
            emitted: 0,
            last_reference: 0,
            last_match: 0,
            active,
            planned: VecDeque::new(),
            scheduled,
            halted: VecDeque::new(),
            counts: [0; 128],
            buffer: [0; LONGEST],
            listings,
            plan,
        })
    }

    /// The next message; `None` after the end of messages.
    pub fn next_message(&mut self) -> Option<Timed<'_>> {
        if self.emitted == self.plan.total {
            return None;
        }
        self.begin_part();
        self.now = self.clock.tick();
        let (locate, message) = self.decide();
        self.emitted += 1;
        let tracking = (self.emitted & 7) as u16 * u16::from(locate != 0);
        let length = encode(Head { locate, tracking, timestamp: self.now }, &message, &mut self.buffer);
        self.counts[usize::from(self.buffer[0] & 127)] += 1;
        Some(Timed { time_ns: self.midnight_utc_ns + self.now, bytes: &self.buffer[..length] })
    }

    /// Messages so far.
    pub fn messages(&self) -> u64 {
        self.emitted
    }

    /// The exchange's books and counts as of the last message: a checkpoint anywhere in the day.
    pub fn truth(&self) -> Truth {
        Truth::new(&self.counts, &self.listings.by_locate, &self.books)
    }

    /// Every symbol's live orders in priority order, as of the last message. Apart from [`Session::truth`], because a full day has a million.
    pub fn orders(&self) -> Vec<OrdersTruth> {
        OrdersTruth::all(&self.listings.by_locate, &self.books)
    }

    fn begin_part(&mut self) {
        let plan = &self.plan;
        let (part, until, messages) = match self.emitted {
            0 => (Part::Directory, Part::PreOpen, plan.pre_open),
            at if at == plan.pre_open => (Part::PreOpen, Part::Open, plan.open - at),
            at if at == plan.open => (Part::Open, Part::AfterHours, plan.after_hours - at),
            at if at == plan.after_hours => (Part::AfterHours, Part::Closing, plan.closing - at),
            at if at == plan.closing => (Part::Closing, Part::End, 1),
            at if at + 1 == plan.total => (Part::End, Part::End, 1),
            _ => return,
        };
        self.clock.begin(part, until, messages);
    }

    fn decide(&mut self) -> (u16, Message) {
        let at = self.emitted;
        let event = match at {
            0 => b'O',
            _ if at < self.plan.pre_open => return self.directory(at - 1),
            _ if at == self.plan.pre_open => b'S',
            _ if at == self.plan.open => b'Q',
            _ if at == self.plan.after_hours => b'M',
            _ if at == self.plan.closing => b'E',
            _ if at + 1 == self.plan.total => b'C',
            _ => return self.trading(),
        };
        match event {
            b'Q' => self.plan_crosses(b'O'),
            b'M' => self.plan_crosses(b'C'),
            _ => (),
        }
        (0, Message::SystemEvent { code: event })
    }

    /// The opening or closing cross of the busiest symbols, no more than a fiftieth of the messages around it.
    fn plan_crosses(&mut self, kind: u8) {
        let room = (self.plan.closing - self.emitted) / 150 + 1;
        let crossing =
            self.listings.by_rank.iter().take(room as usize).filter(|&&locate| !self.listings.by_locate[usize::from(locate)].halted);
        for &locate in crossing {
            self.planned.push_back(Planned::CrossFill(locate, Side::Buy));
            self.planned.push_back(Planned::CrossFill(locate, Side::Sell));
            self.planned.push_back(Planned::CrossPrint(locate, kind));
        }
    }

    fn trading(&mut self) -> (u16, Message) {
        while let Some(planned) = self.planned.pop_front() {
            if let Some(message) = self.carry_out(planned) {
                return message;
            }
        }
        if let Some((_, locate, state)) = self.halted.pop_front_if(|&mut (due, ..)| due <= self.emitted) {
            return self.resume(locate, state);
        }
        if let Some(&(due, kind)) = self.scheduled.front()
            && due <= self.emitted
            && let Some(message) = self.scheduled_message(kind)
        {
            self.scheduled.pop_front();
            return message;
        }
        let locate = self.draw_symbol();
        self.wander(locate);
        if self.emitted < self.plan.open && self.rng.percent(5) {
            return (locate, self.imbalance(locate, b'O'));
        }
        let halted = self.listings.by_locate[usize::from(locate)].halted;
        let message = match self.rng.below(1_000) {
            0..12 if !halted => Some(self.hidden_trade(locate)),
            12..16 => Some(self.imbalance(locate, if halted { b'H' } else { b'C' })),
            16 => return self.rare(),
            17..97 => self.replace(locate),
            97..117 if !halted => self.execute(locate),
            117..127 => self.cancel(locate),
            _ => self.steer(locate),
        };
        (locate, message.unwrap_or_else(|| self.add(locate)))
    }

    /// Add or delete, whichever brings the book nearer to its size.
    fn steer(&mut self, locate: u16) -> Option<Message> {
        let (live, target) = (i64::from(self.books.live(locate)), i64::from(self.listings.by_locate[usize::from(locate)].target));
        let adds_of_1024 = (512 + (target - live) * 512 / target).clamp(64, 960);
        if i64::from(self.rng.below(1_024)) < adds_of_1024 { None } else { self.delete(locate) }
    }

    /// 40 % one of the last eight active symbols, the rest by weight.
    pub(super) fn draw_symbol(&mut self) -> u16 {
        let draw = self.rng.below(100);
        if draw < 40 {
            return self.active[self.rng.below(8) as usize];
        }
        let locate = self.listings.draw(&mut self.rng);
        if !self.active.contains(&locate) {
            self.active.rotate_right(1);
            self.active[0] = locate;
        }
        locate
    }

    /// Types that occur a few times in a million messages.
    fn rare(&mut self) -> (u16, Message) {
        let kind = match self.rng.below(1_000) {
            0..500 => b'N',
            500..650 => b'L',
            650..750 => b'Y',
            750..850 => b'H',
            850..900 => b'J',
            900..950 => b'B',
            950..970 => b'h',
            970..985 => b'O',
            _ => b'K',
        };
        self.scheduled_message(kind).unwrap_or_else(|| {
            let locate = self.draw_symbol();
            (locate, self.add(locate))
        })
    }

    /// A message of one type, for a symbol it is possible for; `None` if that wasn't found.
    fn scheduled_message(&mut self, kind: u8) -> Option<(u16, Message)> {
        let locate = self.draw_symbol();
        let halted = self.listings.by_locate[usize::from(locate)].halted;
        let message = match kind {
            b'F' => self.add_order(locate, Some(super::flow::MPIDS[0])),
            b'U' => self.replace(locate)?,
            b'X' => self.cancel(locate)?,
            b'E' | b'C' if halted => return None,
            b'E' => self.execute_at_own_price(locate)?,
            b'C' => self.execute_at_another_price(locate)?,
            _ => return self.carry_out(Planned::Any(kind)),
        };
        Some((locate, message))
    }

    /// A halt now, its end after up to 2,000 further messages (fewer in short sessions, so that each halt ends in the day).
    pub(super) fn halt(&mut self, locate: u16, ends_with: u8) {
        self.listings.by_locate[usize::from(locate)].halted = true;
        let longest = ((self.plan.after_hours - self.plan.open) / 64).min(2_000) as u32;
        let after = 4 + u64::from(self.rng.below(longest));
        // In order of time: a halt never ends before one that began earlier.
        let earliest = self.halted.back().map_or(0, |&(due, ..)| due);
        self.halted.push_back((earliest.max(self.emitted + after), locate, ends_with));
    }

    pub(super) fn plan_next(&mut self, planned: Planned) {
        self.planned.push_back(planned);
    }

    pub(super) fn symbol(&self, locate: u16) -> Symbol {
        self.listings.by_locate[usize::from(locate)].symbol
    }

    pub(super) fn mid_price(&self, locate: u16) -> u32 {
        price_e4(self.listings.by_locate[usize::from(locate)].mid)
    }

    /// References grow by 1 to 4: other orders of the venue are not displayed.
    pub(super) fn next_reference(&mut self) -> u64 {
        self.last_reference += 1 + u64::from(self.rng.below(4));
        self.last_reference
    }

    pub(super) fn next_match(&mut self, locate: u16) -> u64 {
        self.last_match += 1 + u64::from(self.rng.below(3));
        self.late_matches[(self.emitted % 64) as usize] = (locate, self.last_match);
        self.last_match
    }
}
