//! Prices as the model counts them: numbers of ticks, $0.0001 below a dollar and $0.01 from there.
//!
//! One number line without gaps, so that "three ticks away" needs no thought at the dollar.

/// A price as its number on the line of legal prices.
pub(super) type Tick = u32;

/// Ticks up to one dollar.
const DOLLAR: u32 = 10_000;
/// Ten-thousandths of a dollar in a tick above it.
const CENT_E4: u32 = 100;

/// The price in ten-thousandths of a dollar, as ITCH's Price(4).
#[inline]
pub(super) const fn price_e4(tick: Tick) -> u32 {
    if tick <= DOLLAR { tick } else { DOLLAR + (tick - DOLLAR) * CENT_E4 }
}

/// The highest tick that isn't above a price.
pub(super) const fn at_or_below(price_e4: u32) -> Tick {
    if price_e4 <= DOLLAR { price_e4 } else { DOLLAR + (price_e4 - DOLLAR) / CENT_E4 }
}
