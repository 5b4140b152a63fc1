//! Bars and volume-weighted prices of one publication's trades: which trade is in which window, and when windows close.
//!
//! Invariants, per channel:
//! - Its clock is the latest time of the venue that anything told; it never goes back. A trade moves the clock to its own time before it
//!   is counted, so of each kind there is one window that can be open: the one the clock is in.
//! - Windows close when the clock reaches their end, in the order of (end, shorter first, row); one window of an instrument is told once.
//! - A trade whose time lies before the window the clock is in is late for that kind, and is not counted there.
//!
//! So the result depends on what is in the ring in which order, never on how often somebody looked at a watermark in between. Where the
//! venue's time runs back behind the beginning of a second, the lane says so in the ring (`TIME_RAN_BACK`): between two such records
//! nothing comes that a watermark seen before it could have closed.

use super::bar::Bar;
use super::belief::{Belief, is_ahead};
use super::clock::{Span, Window};
use super::counters::Counters;
use super::trades::{Remembered, TradeLog};
use crate::record::{Control, Row, UNDEF_PRICE, Venue, control, venue::kind};

/// What is to be computed.
#[derive(Clone, Copy, Debug)]
pub struct BarsConfig {
    /// Channels of the publication.
    pub channels: usize,
    /// Room in its instruments table: rows behind it are refused.
    pub instruments: u32,
    /// Which windows are kept, by the order of [`Window::ALL`].
    pub windows: [bool; Window::COUNT],
    /// How many trades are remembered, for breaks: about 100 bytes each.
    pub remembered_trades: usize,
}

/// A window that has closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The instrument's row.
    pub row: Row,
    /// Which kind.
    pub window: Window,
    /// When it was.
    pub span: Span,
    /// Its trades; at least one.
    pub bar: Bar,
    /// Messages were lost within it.
    pub maybe_bad: bool,
}

/// Computes bars: trades, breaks, controls and watermarks in, closed windows out.
#[derive(Debug)]
pub struct Bars {
    wanted: [bool; Window::COUNT],
    channels: Vec<Clock>,
    instruments: u32,
    rows: Vec<Option<Box<OfRow>>>,
    trades: TradeLog,
    counters: Counters,
}

/// What is open of one instrument.
#[derive(Debug)]
struct OfRow {
    channel: u16,
    windows: [Open; Window::COUNT],
}

/// A channel's clock and the windows it is in.
#[derive(Clone, Debug, Default)]
struct Clock {
    now_ns: u64,
    belief: Belief,
    /// The earliest end of the windows below.
    next_end_ns: u64,
    current: [Current; Window::COUNT],
    /// A gap is open: what is missing may come yet.
    gap_open: bool,
    /// Messages were lost, and nothing has come since that would tell until when.
    in_doubt: bool,
}

/// The window of one kind that a channel's clock is in.
#[derive(Clone, Debug, Default)]
struct Current {
    span: Span,
    bad: bool,
    /// Closed early, with the session: nothing is added any more.
    told: bool,
    /// Instruments that have trades in it; after breaks perhaps none any more.
    rows: Vec<Row>,
}

/// The open window of one kind of one instrument.
#[derive(Clone, Copy, Debug, Default)]
struct Open {
    /// Whether it is in the list of the channel's current window.
    listed: bool,
    /// Number of its first trade.
    first: u64,
    /// Trades that are no longer remembered, so that no break can reach them.
    folded: Bar,
    whole: Bar,
}

impl Bars {
    /// Nothing open.
    pub fn new(config: &BarsConfig) -> Self {
        Self {
            wanted: config.windows,
            channels: vec![Clock::default(); config.channels],
            instruments: config.instruments,
            rows: Vec::new(),
            trades: TradeLog::new(config.remembered_trades),
            counters: Counters::default(),
        }
    }

    /// What was counted so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(super) fn counters_mut(&mut self) -> &mut Counters {
        &mut self.counters
    }

    /// A record of the side ring, of the instrument at `row`, which is of `channel`.
    pub fn record(&mut self, row: Row, channel: u16, record: &Venue, out: &mut impl FnMut(&Closed)) {
        let venue_ns = record.hd.ts_event;
        let clock = self.channels.get_mut(usize::from(channel));
        let believed = clock.is_none_or(|clock| clock.belief.believes(venue_ns, record.ts_recv));
        if believed {
            self.advance(channel, venue_ns, out);
        }
        if let Some(clock) = self.channels.get_mut(usize::from(channel)) {
            clock.in_doubt = false;
        }
        match record.kind {
            kind::TRADE if !believed => self.counters.trades_refused += 1,
            kind::TRADE => self.trade(row, channel, record),
            kind::TRADE_BREAK => self.break_trade(row, record.reference),
            _ => {}
        }
    }

    /// A control record of the side ring. It tells the venue's time, as the records do.
    pub fn control(&mut self, record: &Control, out: &mut impl FnMut(&Closed)) {
        use control::cause;
        let of_the_lane = !matches!(record.hd.rtype, control::IMAGE_READY | control::PRICE_LEVELS_ONLY);
        if of_the_lane && !is_ahead(record.hd.ts_event, record.ts_recv) {
            self.advance(record.channel, record.hd.ts_event, out);
        }
        let Some(clock) = self.channels.get_mut(usize::from(record.channel)) else { return };
        match record.hd.rtype {
            control::GAP_OPEN => clock.gap_open = true,
            control::GAP_CLOSED => {
                clock.gap_open = false;
                if record.cause != cause::RECOVERED {
                    clock.doubt();
                }
            }
            control::SESSION_START => {
                let part_is_missing = matches!(record.cause, cause::JOINED_LATE | cause::RESTART | cause::OTHER_CHANNEL);
                if part_is_missing || record.first_sequence > 1 {
                    clock.doubt();
                }
            }
            control::SESSION_END => self.close_all(record.channel, out),
            _ => {}
        }
    }

    /// The channel was taken in up to this time, and everything that it published until then has been given to [`Bars::record`].
    pub fn watermark(&mut self, channel: u16, venue_ns: u64, out: &mut impl FnMut(&Closed)) {
        self.advance(channel, venue_ns, out);
    }

    /// Records of the side ring were missed: nobody knows of which instruments.
    pub fn missed(&mut self) {
        self.channels.iter_mut().for_each(Clock::doubt);
    }

    /// There will be no more: every window closes, channel by channel.
    pub fn end(&mut self, out: &mut impl FnMut(&Closed)) {
        for channel in 0..self.channels.len() {
            self.close_all(channel as u16, out);
        }
    }

    /// A new epoch begins: rows, match numbers and times begin anew. What is open is forgotten: call [`Bars::end`] before.
    pub fn begin_epoch(&mut self) {
        self.channels.fill(Clock::default());
        self.rows.clear();
        self.trades.forget();
    }

    fn trade(&mut self, row: Row, channel: u16, record: &Venue) {
        let (price, size, venue_ns) = (record.prices[0], record.size, record.hd.ts_event);
        let clock = self.channels.get_mut(usize::from(channel)).filter(|_| row < self.instruments);
        let Some(clock) = clock.filter(|_| price != UNDEF_PRICE && size > 0 && venue_ns > 0) else {
            self.counters.trades_refused += 1;
            return;
        };
        let (number, forgotten) = self.trades.push(row, record.reference, price, size, venue_ns);
        let at = row as usize;
        if self.rows.len() <= at {
            self.rows.resize_with(at + 1, || None);
        }
        let mut counted = false;
        if let Some(of_row) = self.rows.get_mut(at) {
            let of_row = of_row.get_or_insert_with(|| Box::new(OfRow { channel, windows: Default::default() }));
            for ((window, open), current) in Window::ALL.into_iter().zip(&mut of_row.windows).zip(&mut clock.current) {
                if !self.wanted[window as usize] {
                    continue;
                }
                if current.told || !current.span.contains(venue_ns) {
                    self.counters.late(window);
                    continue;
                }
                if !open.listed {
                    (open.listed, open.first) = (true, number);
                    current.rows.push(row);
                }
                open.whole = open.whole.then(Bar::of(price, size));
                counted = true;
            }
        }
        self.counters.trades += u64::from(counted);
        if let Some((number, trade)) = forgotten {
            self.fold(number, &trade);
        }
    }

    /// A trade is no longer remembered: its part of the open windows can no longer change.
    fn fold(&mut self, number: u64, trade: &Remembered) {
        if trade.size == 0 {
            return;
        }
        let Some(Some(of_row)) = self.rows.get_mut(trade.row as usize) else { return };
        let Some(clock) = self.channels.get(usize::from(of_row.channel)) else { return };
        for (open, current) in of_row.windows.iter_mut().zip(&clock.current) {
            if open.has(number, trade, current) {
                open.folded = open.folded.then(Bar::of(trade.price, trade.size));
            }
        }
    }

    fn break_trade(&mut self, row: Row, reference: u64) {
        self.counters.breaks += 1;
        let Some((number, trade)) = self.trades.take_out(row, reference) else {
            self.counters.break_unknown += 1;
            return;
        };
        let Some(Some(of_row)) = self.rows.get_mut(row as usize) else { return };
        let Some(clock) = self.channels.get(usize::from(of_row.channel)) else { return };
        let mut too_late = false;
        for ((open, current), wanted) in of_row.windows.iter_mut().zip(&clock.current).zip(self.wanted) {
            if !wanted {
                continue;
            }
            if !open.has(number, &trade, current) {
                too_late = true;
                continue;
            }
            let back = self.trades.back_from_newest(row, open.first).filter(|left| current.span.contains(left.venue_ns));
            let left = back.fold(Bar::default(), |later, left| Bar::of(left.price, left.size).then(later));
            open.whole = open.folded.then(left);
        }
        self.counters.break_late += u64::from(too_late);
    }

    fn advance(&mut self, channel: u16, venue_ns: u64, out: &mut impl FnMut(&Closed)) {
        let Some(clock) = self.channels.get_mut(usize::from(channel)) else { return };
        if venue_ns <= clock.now_ns {
            return;
        }
        clock.now_ns = venue_ns;
        if venue_ns < clock.next_end_ns {
            return;
        }
        self.close(channel, venue_ns, out);
        let Some(clock) = self.channels.get_mut(usize::from(channel)) else { return };
        for (window, current) in Window::ALL.into_iter().zip(&mut clock.current) {
            if current.span.end_ns <= venue_ns {
                current.span = window.span_at(venue_ns);
                (current.bad, current.told) = (clock.in_doubt, false);
            }
        }
        clock.next_end_ns = clock.current.iter().map(|current| current.span.end_ns).min().unwrap_or(u64::MAX);
    }

    /// The session is over: all windows close, and what comes late for them is late.
    fn close_all(&mut self, channel: u16, out: &mut impl FnMut(&Closed)) {
        self.close(channel, u64::MAX, out);
        if let Some(clock) = self.channels.get_mut(usize::from(channel)) {
            clock.current.iter_mut().for_each(|current| current.told = true);
        }
    }

    /// Tells a channel's windows that end by `until_ns`, in order.
    fn close(&mut self, channel: u16, until_ns: u64, out: &mut impl FnMut(&Closed)) {
        let Some(clock) = self.channels.get_mut(usize::from(channel)) else { return };
        let mut order = Window::ALL;
        order.sort_unstable_by_key(|&window| (clock.current[window as usize].span.end_ns, window));
        for window in order {
            let Current { span, bad, rows, .. } = &mut clock.current[window as usize];
            if span.end_ns > until_ns {
                continue;
            }
            rows.sort_unstable();
            for row in rows.drain(..) {
                let Some(Some(of_row)) = self.rows.get_mut(row as usize) else { continue };
                let Open { whole: bar, .. } = std::mem::take(&mut of_row.windows[window as usize]);
                if bar.trades > 0 {
                    let maybe_bad = *bad || clock.gap_open;
                    self.counters.windows_marked += u64::from(maybe_bad);
                    out(&Closed { row, window, span: *span, bar, maybe_bad });
                }
            }
        }
    }
}

impl Open {
    /// Whether a trade was counted into it; `current` is the window it is of.
    fn has(&self, number: u64, trade: &Remembered, current: &Current) -> bool {
        self.listed && self.first <= number && current.span.contains(trade.venue_ns)
    }
}

impl Clock {
    /// Messages were lost: in the windows of now, and in those until the next record shows what time it is.
    fn doubt(&mut self) {
        self.in_doubt = true;
        self.current.iter_mut().for_each(|current| current.bad = true);
    }
}
