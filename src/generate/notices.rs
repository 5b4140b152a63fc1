//! What is said beside the orders: the directory and its changes, crosses, imbalances, hidden trades, breaks and the rare types.

use super::encode::{Listed, Message};
use super::flow::MPIDS;
use super::market::{Planned, Session};

impl Session {
    /// Message `n` of the directory: R, then H, then Y for every symbol, L for every eighth, the decline levels, one IPO.
    pub(super) fn directory(&mut self, n: u64) -> (u16, Message) {
        let symbols = self.listings.by_rank.len() as u64;
        let (round, locate) = (n / symbols, (n % symbols) as u16 + 1);
        let symbol = self.symbol(locate);
        let restricted = self.listings.by_locate[usize::from(locate)].restricted;
        match round {
            0 => {
                let listing = self.list(locate);
                return (locate, Message::Directory { symbol, listing, again: false });
            }
            1 if self.is_newcomer(locate) => return (locate, Message::TradingAction { symbol, state: b'H', reason: *b"IPO1" }),
            1 => return (locate, Message::TradingAction { symbol, state: b'T', reason: *b"    " }),
            2 => return (locate, Message::RegSho { symbol, action: if restricted { b'2' } else { b'0' } }),
            _ => (),
        }
        let (positions, n) = (symbols.div_ceil(8), n - 3 * symbols);
        if n < positions {
            let locate = (n * 8) as u16 + 1;
            return (locate, self.participant(locate));
        }
        if n == positions {
            // 7, 13 and 20 % below an index of 4,500 points.
            return (0, Message::DeclineLevels { levels_e8: [418_500_000_000, 391_500_000_000, 360_000_000_000] });
        }
        let locate = self.listings.by_rank[symbols as usize - 1];
        // Where there are no auctions there is no IPO either.
        (locate, if self.style.has_auctions() { self.ipo(locate) } else { self.participant(locate) })
    }

    /// What the directory says of a symbol, from its first entry on.
    fn list(&mut self, locate: u16) -> Listed {
        let listed = self.listed(locate);
        self.listings.by_locate[usize::from(locate)].listed = Some(listed);
        listed
    }

    /// The directory's entry of a symbol changes during the day: its financial status, or its round lot.
    fn relist(&mut self, locate: u16) -> Option<Listed> {
        let change = self.rng.below(2);
        let listed = self.listings.by_locate[usize::from(locate)].listed.as_mut()?;
        match change {
            0 => listed.financial = if listed.financial == b'N' { b'D' } else { b'N' },
            _ => listed.round_lot = if listed.round_lot == 100 { 10 } else { 100 },
        }
        Some(*listed)
    }

    fn listed(&mut self, locate: u16) -> Listed {
        let kind = self.rng.below(100);
        let (classification, sub_type, etp) = match kind {
            0..70 => (b'C', *b"Z ", b'N'),
            70..92 => (b'Q', *b"E ", b'Y'),
            92..96 => (b'A', *b"Z ", b'N'),
            _ => (b'W', *b"Z ", b'N'),
        };
        let category = *b"QQQQGGSSNNNNAPPZ".get(self.rng.below(16) as usize).unwrap_or(&b'Q');
        let listing = &self.listings.by_locate[usize::from(locate)];
        // The round lots of the tiers by price: 100 shares to $250, 40 to $1,000, 10 to $10,000.
        let round_lot = match super::tick::price_e4(listing.mid) {
            0..=2_500_000 => 100,
            2_500_001..=10_000_000 => 40,
            _ => 10,
        };
        let ipo = if self.is_newcomer(locate) { b'Y' } else { b'N' };
        let restricted = if listing.restricted { b'Y' } else { b'N' };
        let tier = if kind.is_multiple_of(2) { b'1' } else { b'2' };
        Listed { category, financial: b'N', round_lot, classification, sub_type, restricted, ipo, tier, etp }
    }

    /// What was planned, if it is still possible.
    pub(super) fn carry_out(&mut self, planned: Planned) -> Option<(u16, Message)> {
        Some(match planned {
            Planned::CrossFill(locate, side) => (locate, self.execute_in_cross(locate, side)?),
            Planned::CrossPrint(locate, kind) => (locate, self.cross(locate, kind)),
            Planned::State(locate, state, reason) => (locate, self.state(locate, state, reason)),
            Planned::Imbalance(locate) => {
                let halted = self.listings.by_locate[usize::from(locate)].halted;
                halted.then(|| (locate, self.imbalance(locate, b'H')))?
            }
            Planned::Collar(locate, extension) => (locate, self.collar(locate, extension)),
            Planned::Any(kind) => {
                let locate = self.draw_symbol();
                self.notice(kind, locate)?
            }
        })
    }

    /// A message of a type that isn't about a visible order.
    fn notice(&mut self, kind: u8, locate: u16) -> Option<(u16, Message)> {
        let symbol = self.symbol(locate);
        let halted = self.listings.by_locate[usize::from(locate)].halted;
        let message = match kind {
            b'P' if !halted => self.hidden_trade(locate),
            b'I' => self.imbalance(locate, if halted { b'H' } else { b'C' }),
            b'R' => Message::Directory { symbol, listing: self.relist(locate)?, again: true },
            b'N' => Message::RetailInterest { symbol, interest: b"BSAN"[self.rng.below(4) as usize] },
            b'L' => self.participant(locate),
            b'K' => return self.ipo_again(),
            b'W' => return Some(self.breach()),
            b'Y' => {
                let listing = &mut self.listings.by_locate[usize::from(locate)];
                listing.restricted = !listing.restricted;
                Message::RegSho { symbol, action: if listing.restricted { b'1' } else { b'0' } }
            }
            b'B' => {
                let at = self.rng.below(64) as usize;
                let (locate, match_number) = self.late_trades[at].take()?;
                return Some((locate, Message::BrokenTrade { match_number }));
            }
            b'O' => return Some(self.price_discovery(locate)),
            b'H' | b'J' | b'h' if !halted && self.may_halt() => self.halt(kind, locate),
            _ => return None,
        };
        Some((locate, message))
    }

    /// The print of a cross: what its executions added up to, at the middle; a cross without any is printed with zeros.
    fn cross(&mut self, locate: u16, kind: u8) -> Message {
        let shares = std::mem::take(&mut self.cross_shares);
        let price = if shares > 0 { self.mid_price(locate) } else { 0 };
        Message::Cross { symbol: self.symbol(locate), shares, price, match_number: self.next_match(), kind }
    }

    /// A trade against an order nobody saw, at the middle.
    pub(super) fn hidden_trade(&mut self, locate: u16) -> Message {
        let shares = if self.rng.percent(70) { 100 } else { 1 + self.rng.below(900) };
        let price = self.mid_price(locate);
        Message::Trade { symbol: self.symbol(locate), shares, price, match_number: self.next_match() }
    }

    pub(super) fn imbalance(&mut self, locate: u16, kind: u8) -> Message {
        let mid = self.mid_price(locate);
        let direction = b"BSNO"[self.rng.below(4) as usize];
        let paired = if direction == b'O' { 0 } else { u64::from(self.rng.below(200_000)) };
        let imbalance = if matches!(direction, b'B' | b'S') { 1 + u64::from(self.rng.below(50_000)) } else { 0 };
        let prices = if direction == b'O' { [0; 3] } else { [mid, mid, mid] };
        Message::Imbalance { symbol: self.symbol(locate), paired, imbalance, direction, prices, kind, variation: b'L' }
    }

    fn participant(&mut self, locate: u16) -> Message {
        let (mpid, state) = (MPIDS[self.rng.below(8) as usize], if self.rng.percent(95) { b'A' } else { b'E' });
        let primary = if self.rng.percent(50) { b'Y' } else { b'N' };
        Message::Participant { symbol: self.symbol(locate), mpid, primary, mode: b'N', state }
    }

    pub(super) fn ipo(&mut self, locate: u16) -> Message {
        let price = self.mid_price(locate);
        // Quotations are to be released at 10:15.
        Message::IpoQuoting { symbol: self.symbol(locate), release_s: 36_900, qualifier: b'A', price }
    }
}
