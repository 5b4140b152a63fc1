//! What ITCH says beside the orders and trades: what an instrument is, whether it trades, which auction is to come.
//!
//! None of it is frequent, so all of it is kept out of the way of what is. A price of 0 is not told.

use super::super::field::{price4, price8, side, symbol};
use super::super::status::{action, itch_reason, market_wide_halt, reason, short_sale, trading, tri};
use super::super::{Auction, Decoded, Directory, Event, Word};
use super::{ItchDecoder, shares};
use crate::record::{UNDEF_PRICE, venue};
use crate::stats::Drop;
use crate::wire::itch50::{
    DirectListing, IpoQuotingPeriod, LuldAuctionCollar, Message, MwcbDeclineLevel, MwcbStatus, NetOrderImbalance, OperationalHalt,
    ParticipantPosition, RegShoRestriction, RetailInterest, StockDirectory, TradingAction,
};

const SECOND_NS: u64 = 1_000_000_000;

impl ItchDecoder {
    /// Any message but those of orders and trades.
    #[cold]
    pub(super) fn notice(&self, message: &Message) -> Result<Decoded, Drop> {
        let (head, stock, event) = match message {
            Message::StockDirectory(m) => (&m.head, m.stock, directory(m)),
            Message::TradingAction(m) => (&m.head, m.stock, trading_action(m)?),
            Message::RegShoRestriction(m) => (&m.head, m.stock, short_sale_restriction(m)?),
            Message::OperationalHalt(m) => (&m.head, m.stock, self.operational_halt(m)?),
            Message::NetOrderImbalance(m) => (&m.head, m.stock, imbalance(m)?),
            Message::LuldAuctionCollar(m) => (&m.head, m.stock, collar(m)),
            Message::IpoQuotingPeriod(m) => (&m.head, m.stock, self.ipo_quotation(m)),
            Message::DirectListing(m) => (&m.head, m.stock, self.direct_listing(m)),
            Message::RetailInterest(m) => (&m.head, m.stock, retail_interest(m)),
            Message::ParticipantPosition(m) => (&m.head, m.stock, participant(m)),
            Message::SystemEvent(m) => return Ok(self.of_venue(&m.head, Event::System { code: m.event_code })),
            Message::MwcbDeclineLevel(m) => return Ok(self.of_venue(&m.head, decline_levels(m)?)),
            Message::MwcbStatus(m) => return Ok(self.of_venue(&m.head, breach(m)?)),
            // The rest is read where it is frequent.
            _ => return Err(Drop::UnknownType),
        };
        self.of_instrument(head, Some(symbol(stock)?), event)
    }

    /// A halt concerns the market it names, and only that: trading here goes on when another has halted.
    fn operational_halt(&self, m: &OperationalHalt) -> Result<Event, Drop> {
        let change = match m.operational_halt_action {
            b'H' => trading(action::HALT, reason::OPERATIONAL, tri::NO, tri::NO),
            b'T' => trading(action::TRADING, reason::OPERATIONAL, tri::YES, tri::YES),
            _ => return Err(Drop::BadValue),
        };
        match m.market_code {
            code if code == self.market as u8 => Ok(Event::Status(change)),
            b'Q' | b'B' | b'X' => Ok(Event::Other),
            _ => Err(Drop::BadValue),
        }
    }

    fn ipo_quotation(&self, m: &IpoQuotingPeriod) -> Event {
        Event::Word(Word {
            codes: [m.ipo_quotation_release_qualifier, b' ', b' '],
            prices: first([price(m.ipo_price.get())]),
            time_ns: self.since_midnight(u64::from(m.ipo_quotation_release_time.get()) * SECOND_NS),
            ..blank(venue::kind::IPO_QUOTATION)
        })
    }

    fn direct_listing(&self, m: &DirectListing) -> Event {
        Event::Word(Word {
            codes: [m.open_eligibility_status, b' ', b' '],
            prices: [
                price(m.minimum_allowable_price.get()),
                price(m.maximum_allowable_price.get()),
                price(m.near_execution_price.get()),
                price(m.lower_price_range_collar.get()),
                price(m.upper_price_range_collar.get()),
            ],
            time_ns: self.since_midnight(m.near_execution_time.get()),
            ..blank(venue::kind::DIRECT_LISTING)
        })
    }

    /// A time that a message tells as ns since midnight, in UTC; 0, nobody's time, stays none.
    fn since_midnight(&self, ns: u64) -> u64 {
        if ns == 0 { 0 } else { self.midnight_ns.saturating_add(ns) }
    }
}

fn directory(m: &StockDirectory) -> Event {
    Event::Directory(Directory {
        round_lot: m.round_lot_size.get(),
        leverage: m.etp_leverage_factor.get(),
        previous_close: UNDEF_PRICE,
        market_category: m.market_category,
        financial_status: m.financial_status_indicator,
        round_lots_only: m.round_lots_only,
        issue_classification: m.issue_classification,
        issue_sub_type: m.issue_sub_type,
        authenticity: m.authenticity,
        short_sale_threshold: m.short_sale_threshold_indicator,
        ipo: m.ipo_flag,
        luld_tier: m.luld_reference_price_tier,
        etp: m.etp_flag,
        inverse: m.inverse_indicator,
    })
}

fn trading_action(m: &TradingAction) -> Result<Event, Drop> {
    let reason = itch_reason(m.reason_code);
    Ok(Event::Status(match m.trading_state {
        b'T' => trading(action::TRADING, reason, tri::YES, tri::YES),
        b'H' => trading(action::HALT, reason, tri::NO, tri::NO),
        b'P' => trading(action::PAUSE, reason, tri::NO, tri::NO),
        b'Q' => trading(action::QUOTING, reason, tri::NO, tri::YES),
        _ => return Err(Drop::BadValue),
    }))
}

fn short_sale_restriction(m: &RegShoRestriction) -> Result<Event, Drop> {
    match m.reg_sho_action {
        b'0' => Ok(Event::Status(short_sale(false))),
        b'1' | b'2' => Ok(Event::Status(short_sale(true))),
        _ => Err(Drop::BadValue),
    }
}

fn imbalance(m: &NetOrderImbalance) -> Result<Event, Drop> {
    // Neither side is ahead (N), too few orders to tell (O), or the auction is paused (P).
    let (side, status) = match m.imbalance_direction {
        b'N' => (None, 0),
        letter @ (b'O' | b'P') => (None, letter),
        letter => (Some(side(letter)?), 0),
    };
    Ok(Event::Auction(Auction {
        kind: m.cross_type,
        reference: price(m.current_reference_price.get()),
        near: price(m.near_price.get()),
        far: price(m.far_price.get()),
        matching: UNDEF_PRICE,
        collar: None,
        paired: shares(m.paired_shares.get()),
        imbalance: shares(m.imbalance_shares.get()),
        side,
        status,
        time_ns: None,
        extensions: 0,
        variation: m.price_variation_indicator,
    }))
}

fn collar(m: &LuldAuctionCollar) -> Event {
    Event::Collar {
        reference: price(m.auction_collar_reference_price.get()),
        lower: price(m.lower_auction_collar_price.get()),
        upper: price(m.upper_auction_collar_price.get()),
        extension: m.auction_collar_extension.get(),
    }
}

fn retail_interest(m: &RetailInterest) -> Event {
    Event::Word(Word { codes: [m.interest_flag, b' ', b' '], ..blank(venue::kind::RETAIL_INTEREST) })
}

fn participant(m: &ParticipantPosition) -> Event {
    Event::Word(Word {
        codes: [m.primary_market_maker, m.market_maker_mode, m.market_participant_state],
        text: m.mpid,
        ..blank(venue::kind::PARTICIPANT)
    })
}

fn decline_levels(m: &MwcbDeclineLevel) -> Result<Event, Drop> {
    let prices = first([price8(m.level_1.get())?, price8(m.level_2.get())?, price8(m.level_3.get())?]);
    Ok(Event::Word(Word { prices, ..blank(venue::kind::CIRCUIT_BREAKER_LEVELS) }))
}

fn breach(m: &MwcbStatus) -> Result<Event, Drop> {
    let level = match m.breached_level {
        b'1' => reason::MARKET_WIDE_HALT_LEVEL1,
        b'2' => reason::MARKET_WIDE_HALT_LEVEL2,
        b'3' => reason::MARKET_WIDE_HALT_LEVEL3,
        _ => return Err(Drop::BadValue),
    };
    Ok(Event::Status(market_wide_halt(level)))
}

/// A kind of the side ring with nothing told yet.
const fn blank(kind: u8) -> Word {
    Word { kind, codes: [b' '; 3], text: [b' '; 4], reference: 0, prices: [UNDEF_PRICE; 5], time_ns: 0, size: 0 }
}

/// The first of a word's prices; the others are none.
fn first<const N: usize>(prices: [i64; N]) -> [i64; 5] {
    let mut all = [UNDEF_PRICE; 5];
    for (to, from) in all.iter_mut().zip(prices) {
        *to = from;
    }
    all
}

const fn price(price: u32) -> i64 {
    if price == 0 { UNDEF_PRICE } else { price4(price) }
}
