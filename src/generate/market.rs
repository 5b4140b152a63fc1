//! The session: one trading day, message by message, with its phases and its mix.
//!
//! Start of messages, the directory (R, H, Y per symbol, L for some, V, K), system hours, a thin pre-open, the opening cross, market
//! hours, the closing cross, after hours, end. In market hours about 44 % of messages add an order, 43 % delete one, 8 % replace one
//! and 3 % execute or cancel, as on real days; the rest are trades of hidden orders, imbalances, halts and rarer types. Every type that
//! the market's style has is scheduled at least once; W only where a circuit breaker was asked for.

use super::clock::{Clock, Part};
use super::encode::{Head, LONGEST, Message, encode};
use super::listing::{Listings, Symbol};
use super::orders::{Books, Side};
use super::rng::{Rng, Stream};
use super::tape::Tape;
use super::tick::price_e4;
use super::truth::{OrdersTruth, Truth};
use super::{GenerateConfig, GenerateError, Pace, Style};
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
    /// The state of a symbol changes, with the reason: halt (`H`), pause (`P`), quotation only (`Q`), trading (`T`).
    State(u16, u8, [u8; 4]),
    /// What would cross in a symbol, if it is halted still.
    Imbalance(u16),
    /// The collars of the auction that ends a pause, put off this often.
    Collar(u16, u32),
    /// A message of this type for a symbol drawn when it is due.
    Any(u8),
}

/// At which message each part of the day begins.
pub(super) struct Plan {
    pre_open: u64,
    pub(super) open: u64,
    /// Imbalances of the closing cross are told from here on.
    closing_interest: u64,
    pub(super) after_hours: u64,
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
            closing_interest: pre_open + rest * 90 / 100,
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
    /// Late trades that can still be broken: their symbols and match numbers.
    pub(super) late_trades: [Option<(u16, u64)>; 64],
    /// What the message being made did to an order.
    pub(super) filled: Option<super::flow::Fill>,
    pub(super) style: Style,
    pub(super) plan: Plan,
    pub(super) emitted: u64,
    /// The symbols that begin trading today: by an IPO, and by a direct listing.
    pub(super) newcomers: [Option<u16>; 2],
    /// Halted symbols: from which message on each resumes, and how (the state its pause ends with). In that order.
    pub(super) halted: VecDeque<(u64, u16, u8)>,
    tape: Option<Tape>,
    /// Time of the message being made, ns since midnight.
    pub(super) now: u64,
    clock: Clock,
    midnight_utc_ns: u64,
    last_reference: u64,
    last_match: u64,
    active: [u16; 8],
    planned: VecDeque<Planned>,
    /// Types that must occur, and from which message on each is due.
    scheduled: VecDeque<(u64, u8)>,
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
        let scheduled = super::halts::schedule(config, &plan);
        let mut session = Self {
            rng: Rng::new(config.seed, Stream::Market),
            books: Books::new(config.symbols),
            cross_shares: 0,
            late_trades: [None; 64],
            filled: None,
            style: config.style,
            newcomers: [None; 2],
            tape: None,
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
        };
        session.list_newcomers();
        Ok(session)
    }

    /// Trades, crosses and breaks are kept from here on: call it before the first message.
    pub fn keep_tape(&mut self) {
        self.tape = Some(Tape::default());
    }

    /// What has been kept so far; empty where nothing is kept.
    pub fn tape(&self) -> Tape {
        self.tape.clone().unwrap_or_default()
    }

    /// The next message; `None` after the end of messages.
    pub fn next_message(&mut self) -> Option<Timed<'_>> {
        if self.emitted == self.plan.total {
            return None;
        }
        self.begin_part();
        self.now = self.clock.tick();
        self.filled = None;
        let (locate, message) = self.decide();
        self.emitted += 1;
        self.take_down(locate, &message);
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

    fn take_down(&mut self, locate: u16, message: &Message) {
        let trade = super::tape::trade(self.emitted, self.midnight_utc_ns + self.now, locate, message, self.filled);
        if let Some(trade) = trade {
            self.late_trades[(self.emitted % 64) as usize] = Some((locate, trade.match_number));
        }
        if let Some(tape) = &mut self.tape {
            tape.take(self.emitted, locate, message, trade);
        }
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
        if !self.style.has_auctions() {
            return;
        }
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
        if let Some(kind) = self.auction_to_come() {
            return (locate, self.imbalance(locate, kind));
        }
        let halted = self.listings.by_locate[usize::from(locate)].halted;
        let message = match self.rng.below(1_000) {
            0..12 if !halted => Some(self.hidden_trade(locate)),
            12..16 if halted && self.style.has_auctions() => Some(self.imbalance(locate, b'H')),
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

    /// Before the opening and the closing cross one message in twenty tells what would cross, at other times none.
    fn auction_to_come(&mut self) -> Option<u8> {
        let at = self.emitted;
        let kind = match at {
            _ if !self.style.has_auctions() => return None,
            _ if at < self.plan.open => b'O',
            _ if (self.plan.closing_interest..self.plan.after_hours).contains(&at) => b'C',
            _ => return None,
        };
        self.rng.percent(5).then_some(kind)
    }

    /// Types that occur a few times in a million messages.
    fn rare(&mut self) -> (u16, Message) {
        let kind = match (self.style, self.rng.below(1_000)) {
            (Style::Bx, 0..500) => b'N',
            (_, 0..550) => b'L',
            (_, 550..680) => b'Y',
            (_, 680..820) => b'H',
            (Style::Nasdaq, 820..880) => b'J',
            (_, 820..950) => b'B',
            (_, 950..970) => b'h',
            _ => b'R',
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

    pub(super) fn next_match(&mut self) -> u64 {
        self.last_match += 1 + u64::from(self.rng.below(3));
        self.last_match
    }
}
