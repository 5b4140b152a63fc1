//! Symbols that do not trade: halts for news, volatility pauses, operational halts, the market-wide circuit breaker, and symbols whose first
//! trade is still to come; how each returns, with quotation, imbalances and a cross.
//!
//! ```text
//!  H T1 ────────────────────▶ T                          a regulatory halt
//!  H T12 ─▶ Q T7 ─▶ I I ─▶ cross ─▶ T                    news: quotation first
//!  J ─▶ P LUDP ─▶ (J) ─▶ Q ─▶ I I ─▶ cross ─▶ T          a volatility pause and the collars of its auction
//!  h H ─────────────────────▶ h T                        this market alone
//!  W ─▶ H MWC1 of all ─▶ Q MWCQ ─▶ I I ─▶ cross ─▶ T     7 % down
//!  H IPO1, K, O … ─▶ Q IPOQ ─▶ I I ─▶ cross ─▶ T         newcomers
//! ```

use super::GenerateConfig;
use super::Style;
use super::encode::Message;
use super::market::{Plan, Planned, Session};
use super::orders::Side;
use std::collections::VecDeque;

const SECOND_NS: u64 = 1_000_000_000;

/// Types that must occur in market hours, and from which message on each is due.
pub(super) fn schedule(config: &GenerateConfig, plan: &Plan) -> VecDeque<(u64, u8)> {
    // Newcomers are told of before the first of them is released, a seventh into the day.
    let every_type: &[u8] = match config.style {
        Style::Nasdaq => b"OKFUXECPIBJhRH",
        Style::Bx => b"FUXECPNBhRH",
        Style::Psx => b"FUXECPBhRH",
    };
    let market = plan.after_hours - plan.open;
    let spacing = market / (every_type.len() as u64 + 1);
    let at = |i: u64, kind| match kind {
        b'O' | b'K' => plan.open + market * i / 32,
        _ => plan.open + i * spacing,
    };
    let mut scheduled: Vec<(u64, u8)> = (1u64..).zip(every_type).map(|(i, &kind)| (at(i, kind), kind)).collect();
    if config.style == Style::Nasdaq {
        // A direct listing is discovered step by step.
        scheduled.extend((2..=4).map(|i| (plan.open + market * i / 40, b'O')));
    }
    if config.circuit_breaker {
        scheduled.push((plan.open + market * 55 / 100, b'W'));
    }
    scheduled.sort_unstable();
    scheduled.into()
}

impl Session {
    /// The two quietest symbols begin to trade today, if there are others.
    pub(super) fn list_newcomers(&mut self) {
        if !self.style.has_auctions() || self.listings.by_rank.len() < 8 {
            return;
        }
        let market = self.plan.after_hours - self.plan.open;
        let quietest: Vec<u16> = self.listings.by_rank.iter().rev().take(2).copied().collect();
        for (n, locate) in quietest.into_iter().enumerate() {
            self.newcomers[n] = Some(locate);
            self.listings.by_locate[usize::from(locate)].halted = true;
            self.resume_at(self.plan.open + market / 7 + market * n as u64 / 20, locate, b'I');
        }
    }

    pub(super) fn is_newcomer(&self, locate: u16) -> bool {
        self.newcomers.contains(&Some(locate))
    }

    fn resume_at(&mut self, due: u64, locate: u16, how: u8) {
        let place = self.halted.partition_point(|&(other, ..)| other <= due);
        self.halted.insert(place, (due, locate, how));
    }

    /// In messages.
    fn longest_halt(&self) -> u64 {
        ((self.plan.after_hours - self.plan.open) / 64).min(2_000)
    }

    /// Whether a halt that began now would end within market hours.
    pub(super) fn may_halt(&self) -> bool {
        self.emitted + self.longest_halt() + 8 < self.plan.after_hours
    }

    /// Halted now; trading again after up to 2,000 further messages (fewer in short sessions, so that each halt ends in the day).
    fn halted_for_a_while(&mut self, locate: u16, how: u8) {
        self.listings.by_locate[usize::from(locate)].halted = true;
        let after = 4 + u64::from(self.rng.below(self.longest_halt() as u32));
        self.resume_at(self.emitted + after, locate, how);
    }

    /// A symbol stops trading: for news (`H`), because of its volatility (`J`), or on this market alone (`h`). The first message of it.
    pub(super) fn halt(&mut self, kind: u8, locate: u16) -> Message {
        match kind {
            b'J' => {
                self.halted_for_a_while(locate, b'P');
                self.plan_next(Planned::State(locate, b'P', *b"LUDP"));
                self.collar(locate, 0)
            }
            b'h' => {
                self.halted_for_a_while(locate, b'h');
                Message::OperationalHalt { symbol: self.symbol(locate), market: self.style.market(), action: b'H' }
            }
            _ => {
                let news = self.style.has_auctions() && self.rng.percent(50);
                self.halted_for_a_while(locate, if news { b'N' } else { b'H' });
                let reasons = if news { [*b"T1  ", *b"T12 "] } else { [*b"H10 ", *b"D   "] };
                let reason = reasons[self.rng.below(2) as usize];
                self.state(locate, b'H', reason)
            }
        }
    }

    /// The first message of a symbol's return to trading. Where there are auctions, all but the simplest end in quotation and a cross.
    pub(super) fn resume(&mut self, locate: u16, how: u8) -> (u16, Message) {
        let (quoting, trading) = match how {
            b'h' => {
                self.listings.by_locate[usize::from(locate)].halted = false;
                return (locate, Message::OperationalHalt { symbol: self.symbol(locate), market: self.style.market(), action: b'T' });
            }
            b'P' => (*b"LUDP", *b"    "),
            b'N' => (*b"T7  ", *b"T3  "),
            b'M' => (*b"MWCQ", *b"MWCQ"),
            b'I' => (*b"IPOQ", *b"    "),
            _ => return (locate, self.state(locate, b'T', *b"    ")),
        };
        if !self.style.has_auctions() {
            return (locate, self.state(locate, b'T', trading));
        }
        if how == b'P' && self.rng.percent(30) {
            self.plan_next(Planned::Collar(locate, 1));
        }
        self.plan_next(Planned::Imbalance(locate));
        self.plan_next(Planned::Imbalance(locate));
        self.plan_next(Planned::CrossFill(locate, Side::Buy));
        self.plan_next(Planned::CrossFill(locate, Side::Sell));
        self.plan_next(Planned::CrossPrint(locate, b'H'));
        self.plan_next(Planned::State(locate, b'T', trading));
        (locate, self.state(locate, b'Q', quoting))
    }

    pub(super) fn state(&mut self, locate: u16, state: u8, reason: [u8; 4]) -> Message {
        self.listings.by_locate[usize::from(locate)].halted = state != b'T';
        Message::TradingAction { symbol: self.symbol(locate), state, reason }
    }

    pub(super) fn collar(&mut self, locate: u16, extension: u32) -> Message {
        let mid = self.mid_price(locate);
        // 5 % to either side; each extension widens it by as much again.
        let width = mid / 20 * (extension + 1);
        Message::Collar { symbol: self.symbol(locate), reference: mid, upper: mid + width, lower: mid - width, extension }
    }

    /// Level 1 of the market-wide circuit breaker: every symbol that trades is halted, and all reopen after a while.
    pub(super) fn breach(&mut self) -> (u16, Message) {
        let symbols = self.listings.by_rank.len() as u64;
        let trading: Vec<u16> = (1..=symbols as u16).filter(|&locate| !self.listings.by_locate[usize::from(locate)].halted).collect();
        let reopens = self.emitted + trading.len() as u64 + self.longest_halt();
        for locate in trading {
            self.listings.by_locate[usize::from(locate)].halted = true;
            self.plan_next(Planned::State(locate, b'H', *b"MWC1"));
            self.resume_at(reopens, locate, b'M');
        }
        (0, Message::DeclineStatus { level: b'1' })
    }

    /// The release of the IPO is told once more; `None` if it has taken place, or there is none.
    pub(super) fn ipo_again(&mut self) -> Option<(u16, Message)> {
        match self.newcomers[0] {
            Some(locate) => Some((locate, self.ipo(locate))),
            // With so few symbols there is no newcomer; the type occurs all the same.
            None => {
                let locate = self.draw_symbol();
                Some((locate, self.ipo(locate)))
            }
        }
    }

    /// What the opening of a direct listing would be.
    pub(super) fn price_discovery(&mut self, drawn: u16) -> (u16, Message) {
        let locate = self.newcomers[1].unwrap_or(drawn);
        let mid = self.mid_price(locate);
        let told = Message::PriceDiscovery {
            symbol: self.symbol(locate),
            eligible: if self.rng.percent(80) { b'Y' } else { b'N' },
            range: [mid / 10 * 8, mid / 10 * 18],
            near_price: mid,
            near_time: self.now / SECOND_NS * SECOND_NS,
            collars: [mid / 10 * 9, mid / 10 * 11],
        };
        (locate, told)
    }
}
