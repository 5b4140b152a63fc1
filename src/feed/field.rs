//! From single fields as the venues write them to values in normal form, with the checks every decoder shares.

use super::{Side, Symbol};
use crate::stats::Drop;
use crate::wire::Unreadable;

/// 1e-9 units in one unit of a price with 4 implied decimals.
const E9_PER_E4: i64 = 100_000;

impl From<Unreadable> for Drop {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::UnknownType(_) => Self::UnknownType,
            Unreadable::TooShort => Self::WrongLength,
        }
    }
}

/// ITCH's Price(4) in 1e-9 units. Cannot overflow: 2^32 × 10^5 is below 2^49.
#[inline]
pub(super) const fn price4(price: u32) -> i64 {
    price as i64 * E9_PER_E4
}

/// ITCH's Price(8) in 1e-9 units; past the range of i64 is a bad value.
pub(super) fn price8(price: u64) -> Result<i64, Drop> {
    i64::try_from(price).ok().and_then(|price| price.checked_mul(10)).ok_or(Drop::BadValue)
}

/// IEX's price in 1e-9 units; negative or past the range of i64 is a bad value.
#[inline]
pub(super) fn iex_price(price: i64) -> Result<i64, Drop> {
    if price < 0 {
        return Err(Drop::BadValue);
    }
    price.checked_mul(E9_PER_E4).ok_or(Drop::BadValue)
}

/// `B` or `S`.
#[inline]
pub(super) fn side(indicator: u8) -> Result<Side, Drop> {
    match indicator {
        b'B' => Ok(Side::Bid),
        b'S' => Ok(Side::Ask),
        _ => Err(Drop::BadValue),
    }
}

/// A symbol fit to be shown: printable ASCII that does not begin with a space. Eight bytes are looked at in one word.
#[inline]
pub(super) fn symbol(text: Symbol) -> Result<Symbol, Drop> {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const TOP: u64 = 0x80 * EACH;
    let word = u64::from_le_bytes(text);
    // A borrow out of a byte sets its top bit, and may set those above it wrongly, but only once there was one: the
    // question is whether any byte is below 0x20.
    let below_space = word.wrapping_sub(0x20 * EACH) & !word & TOP;
    let delete = word ^ (0x7F * EACH);
    let is_delete = delete.wrapping_sub(EACH) & !delete & TOP;
    // 2^63 if the first byte is a space. Not a comparison of that byte, for which the compiler would load all eight one by one.
    let is_space_first = (word & 0xFF ^ u64::from(b' ')).wrapping_sub(1) & (1 << 63);
    if (word & TOP) | below_space | is_delete | is_space_first != 0 { Err(Drop::BadValue) } else { Ok(text) }
}
