//! Trading states in DBN's numbers, and the venues' halt codes as DBN's reasons.
//!
//! A change says only what its message says: what another message told before is not repeated, it is `~`. An unknown
//! code is [`reason::NONE`]: venues add codes, and a halt with an unknown cause is still a halt.

use super::StatusChange;

/// DBN `StatusAction`.
#[allow(missing_docs)]
pub mod action {
    pub const NONE: u16 = 0;
    pub const PRE_CROSS: u16 = 2;
    pub const QUOTING: u16 = 3;
    pub const TRADING: u16 = 7;
    pub const HALT: u16 = 8;
    pub const PAUSE: u16 = 9;
    pub const SSR_CHANGE: u16 = 14;
}

/// DBN `StatusReason`.
#[allow(missing_docs)]
pub mod reason {
    pub const NONE: u16 = 0;
    pub const MARKET_EVENT: u16 = 3;
    pub const REGULATORY: u16 = 10;
    pub const NON_COMPLIANCE: u16 = 12;
    pub const FILINGS_NOT_CURRENT: u16 = 13;
    pub const SEC_TRADING_SUSPENSION: u16 = 14;
    pub const NEW_ISSUE: u16 = 15;
    pub const ISSUE_AVAILABLE: u16 = 16;
    pub const ISSUES_REVIEWED: u16 = 17;
    pub const FILING_REQS_SATISFIED: u16 = 18;
    pub const NEWS_PENDING: u16 = 30;
    pub const NEWS_RELEASED: u16 = 31;
    pub const NEWS_AND_RESUMPTION_TIMES: u16 = 32;
    pub const NEWS_NOT_FORTHCOMING: u16 = 33;
    pub const LULD_PAUSE: u16 = 50;
    pub const OPERATIONAL: u16 = 60;
    pub const ADDITIONAL_INFORMATION_REQUESTED: u16 = 70;
    pub const ETF: u16 = 90;
    pub const CORPORATE_ACTION: u16 = 100;
    pub const NEW_SECURITY_OFFERING: u16 = 110;
    pub const MARKET_WIDE_HALT_LEVEL1: u16 = 120;
    pub const MARKET_WIDE_HALT_LEVEL2: u16 = 121;
    pub const MARKET_WIDE_HALT_LEVEL3: u16 = 122;
    pub const MARKET_WIDE_HALT_CARRYOVER: u16 = 123;
    pub const MARKET_WIDE_HALT_RESUMPTION: u16 = 124;
    pub const QUOTATION_NOT_AVAILABLE: u16 = 130;
}

/// DBN `TriState`.
#[allow(missing_docs)]
pub mod tri {
    pub const YES: u8 = b'Y';
    pub const NO: u8 = b'N';
    pub const NOT_TOLD: u8 = b'~';
}

/// A change of trading or quoting, with nothing said about short sales.
pub(super) const fn trading(action: u16, reason: u16, is_trading: u8, is_quoting: u8) -> StatusChange {
    StatusChange { action, reason, trading_event: 0, is_trading, is_quoting, is_short_sell_restricted: tri::NOT_TOLD }
}

/// A change of the short-sale restriction, with nothing said about trading.
pub(super) const fn short_sale(restricted: bool) -> StatusChange {
    StatusChange {
        action: action::SSR_CHANGE,
        reason: reason::NONE,
        trading_event: 0,
        is_trading: tri::NOT_TOLD,
        is_quoting: tri::NOT_TOLD,
        is_short_sell_restricted: if restricted { tri::YES } else { tri::NO },
    }
}

/// A level of the market-wide circuit breaker was breached. Whether an instrument trades is for its own messages to say: late in
/// the day the lower levels halt nothing.
pub(super) const fn market_wide_halt(reason: u16) -> StatusChange {
    trading(action::HALT, reason, tri::NOT_TOLD, tri::NOT_TOLD)
}

/// The reason code of an ITCH trading action.
pub(super) fn itch_reason(code: [u8; 4]) -> u16 {
    match &code {
        b"T1  " => reason::NEWS_PENDING,
        b"T2  " => reason::NEWS_RELEASED,
        b"T3  " => reason::NEWS_AND_RESUMPTION_TIMES,
        // The pause of a single security after a price move, from the time before limit-up limit-down.
        b"T5  " | b"T7  " => reason::MARKET_EVENT,
        b"T6  " | b"H11 " | b"C11 " => reason::REGULATORY,
        b"T8  " => reason::ETF,
        b"T12 " => reason::ADDITIONAL_INFORMATION_REQUESTED,
        b"H4  " => reason::NON_COMPLIANCE,
        b"H9  " => reason::FILINGS_NOT_CURRENT,
        b"H10 " => reason::SEC_TRADING_SUSPENSION,
        b"O1  " => reason::OPERATIONAL,
        b"LUDP" | b"LUDS" => reason::LULD_PAUSE,
        b"MWC1" => reason::MARKET_WIDE_HALT_LEVEL1,
        b"MWC2" => reason::MARKET_WIDE_HALT_LEVEL2,
        b"MWC3" => reason::MARKET_WIDE_HALT_LEVEL3,
        b"MWC0" => reason::MARKET_WIDE_HALT_CARRYOVER,
        b"MWCQ" => reason::MARKET_WIDE_HALT_RESUMPTION,
        b"IPO1" | b"IPOQ" | b"IPOE" => reason::NEW_SECURITY_OFFERING,
        b"M1  " => reason::CORPORATE_ACTION,
        b"M2  " => reason::QUOTATION_NOT_AVAILABLE,
        b"R1  " => reason::NEW_ISSUE,
        b"R2  " => reason::ISSUE_AVAILABLE,
        b"R4  " | b"C4  " => reason::ISSUES_REVIEWED,
        b"R9  " | b"C9  " => reason::FILING_REQS_SATISFIED,
        b"C3  " => reason::NEWS_NOT_FORTHCOMING,
        _ => reason::NONE,
    }
}

/// The reason of an IEX trading status.
pub(super) fn iex_reason(code: [u8; 4]) -> u16 {
    match &code {
        b"T1  " => reason::NEWS_PENDING,
        b"T2  " => reason::NEWS_RELEASED,
        b"IPO1" | b"IPO2" | b"IPO3" | b"IPOD" => reason::NEW_SECURITY_OFFERING,
        b"MCB1" => reason::MARKET_WIDE_HALT_LEVEL1,
        b"MCB2" => reason::MARKET_WIDE_HALT_LEVEL2,
        b"MCB3" => reason::MARKET_WIDE_HALT_LEVEL3,
        _ => reason::NONE,
    }
}
