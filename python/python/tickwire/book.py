"""The newest price levels of one instrument."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from . import _native
from .dtypes import LEVEL, UNDEF_PRICE, Records, array
from .units import price


@dataclass(frozen=True)
class Book:
    """Ten levels of both sides if the publication has an ``mbp-10`` ring, else the best one."""

    symbol: str
    row: int
    instrument_id: int
    publisher_id: int
    #: In the dtype :data:`LEVEL`, from the best on; missing ones have price :data:`UNDEF_PRICE` and zeros.
    levels: Records
    #: ``maybe_bad``: messages that may have been for this instrument are missing.
    state: Literal["good", "maybe_bad"]
    #: State of its channel: idle, good, gap_open, stale, ended, silent.
    channel: str
    #: When that began, or the doubt about its books if there is one, ns since 1970 UTC.
    since_ns: int
    #: When the last record was received, ns since 1970 UTC; 0 if there was none.
    ts_recv: int
    #: The venue's time of the last record; 0 if there was none.
    ts_event: int
    #: The message's number in the last record.
    sequence: int
    #: Position of the last record in its ring; 0 if there was none.
    position: int

    @property
    def bids(self) -> Records:
        """The levels that have a bid."""
        there: Records = self.levels[self.levels["bid_px"] != UNDEF_PRICE]
        return there

    @property
    def asks(self) -> Records:
        """The levels that have an offer."""
        there: Records = self.levels[self.levels["ask_px"] != UNDEF_PRICE]
        return there

    def __str__(self) -> str:
        best = self.levels[0]
        bid, ask = ("-" if value is None else f"{value:f}" for value in (price(best["bid_px"]), price(best["ask_px"])))
        doubt = "" if self.state == "good" else "  (may be wrong)"
        return f"{self.symbol} {best['bid_sz']} x {bid} | {ask} x {best['ask_sz']}{doubt}"


def told(native: _native.BookTuple) -> Book:
    """From what the library hands over."""
    row, instrument_id, publisher_id, symbol, levels, maybe_bad, channel, since_ns, ts_recv, ts_event, sequence, position = native
    return Book(
        symbol=symbol,
        row=row,
        instrument_id=instrument_id,
        publisher_id=publisher_id,
        levels=array(levels, LEVEL),
        state="maybe_bad" if maybe_bad else "good",
        channel=channel,
        since_ns=since_ns,
        ts_recv=ts_recv,
        ts_event=ts_event,
        sequence=sequence,
        position=position,
    )
