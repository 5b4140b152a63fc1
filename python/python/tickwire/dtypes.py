"""The layouts of all records as numpy dtypes, made from one table.

DBN's fields under DBN's names, in the order and at the offsets in which they lie in memory; schemas that DBN doesn't have
(``venue``, ``vwap``, ``signal``, ``latency``) and the control record in the same manner. Book levels are flat, as DBN has them:
``bid_px_00`` … ``ask_ct_09``; :func:`levels` shows them as a matrix.

The words of the table: ``price`` is an int64 in units of 1e-9, ``time`` a uint64 of ns since 1970 UTC, ``char`` one letter,
``text`` letters padded with zeros or spaces, ``pad`` means nothing; all others are numpy's own.
"""

from __future__ import annotations

import re
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from . import _native

#: Names of the schemas; one ring each.
Schema = Literal[
    "mbo",
    "mbp-1",
    "mbp-10",
    "trades",
    "status",
    "imbalance",
    "statistics",
    "definition",
    "venue",
    "ohlcv-1s",
    "ohlcv-1m",
    "ohlcv-1h",
    "ohlcv-1d",
    "vwap",
    "signal",
    "latency",
]

#: Structured records.
Records = NDArray[np.void]

_HEADER = "length:u1 rtype:u1 publisher_id:u2 instrument_id:u4 ts_event:time"
_LEVEL = "bid_px:price ask_px:price bid_sz:u4 ask_sz:u4 bid_ct:u4 ask_ct:u4"
_EVENT = (
    "price:price size:u4 action:char side:char flags:u1 depth:u1 ts_recv:time ts_in_delta:i4 sequence:u4"
)
_BAR = "open:price high:price low:price close:price volume:u8"


def _levels(count: int) -> str:
    return " ".join(part.replace(":", f"_{n:02}:") for n in range(count) for part in _LEVEL.split())


_TABLE: Final[dict[str, str]] = {
    "mbo": "order_id:u8 price:price size:u4 flags:u1 channel_id:u1 action:char side:char ts_recv:time ts_in_delta:i4 sequence:u4",
    "mbp-1": f"{_EVENT} {_levels(1)}",
    "mbp-10": f"{_EVENT} {_levels(10)}",
    "trades": _EVENT,
    "status": """
        ts_recv:time action:u2 reason:u2 trading_event:u2 is_trading:char is_quoting:char is_short_sell_restricted:char _reserved:pad7
    """,
    "imbalance": """
        ts_recv:time ref_price:price auction_time:time cont_book_clr_price:price auct_interest_clr_price:price
        ssr_filling_price:price ind_match_price:price upper_collar:price lower_collar:price paired_qty:u4
        total_imbalance_qty:u4 market_imbalance_qty:u4 unpaired_qty:u4 auction_type:char side:char auction_status:u1
        freeze_status:u1 num_extensions:u1 unpaired_side:char significant_imbalance:char _reserved:pad1
    """,
    "statistics": """
        ts_recv:time ts_ref:time price:price quantity:i8 sequence:u4 ts_in_delta:i4 stat_type:u2 channel_id:u2
        update_action:u1 stat_flags:u1 _reserved:pad18
    """,
    "definition": """
        ts_recv:time min_price_increment:price display_factor:price expiration:time activation:time high_limit_price:price
        low_limit_price:price max_price_variation:price unit_of_measure_qty:price min_price_increment_amount:price
        price_ratio:price strike_price:price raw_instrument_id:u8 leg_price:price leg_delta:price inst_attrib_value:i4
        underlying_id:u4 market_depth_implied:i4 market_depth:i4 market_segment_id:u4 max_trade_vol:u4 min_lot_size:i4
        min_lot_size_block:i4 min_lot_size_round_lot:i4 min_trade_vol:u4 contract_multiplier:i4 decay_quantity:i4
        original_contract_size:i4 leg_instrument_id:u4 leg_ratio_price_numerator:i4 leg_ratio_price_denominator:i4
        leg_ratio_qty_numerator:i4 leg_ratio_qty_denominator:i4 leg_underlying_id:u4 appl_id:i2 maturity_year:u2
        decay_start_date:u2 channel_id:u2 leg_count:u2 leg_index:u2 currency:text4 settl_currency:text4 secsubtype:text6
        raw_symbol:text71 group:text21 exchange:text5 asset:text11 cfi:text7 security_type:text7 unit_of_measure:text31
        underlying:text21 strike_price_currency:text4 leg_raw_symbol:text71 instrument_class:char match_algorithm:char
        main_fraction:u1 price_display_format:u1 sub_fraction:u1 underlying_product:u1 security_update_action:char
        maturity_month:u1 maturity_day:u1 maturity_week:u1 user_defined_instrument:char contract_multiplier_unit:i1
        flow_schedule_type:i1 tick_rule:u1 leg_instrument_class:char leg_side:char _reserved:pad17
    """,
    "venue": """
        ts_recv:time reference:u8 prices:5price time_ns:time size:u4 sequence:u4 kind:u1 codes:text3 text:text4
    """,
    "ohlcv-1s": _BAR,
    "ohlcv-1m": _BAR,
    "ohlcv-1h": _BAR,
    "ohlcv-1d": _BAR,
    "vwap": """
        vwap:price volume:u8 notional_low:u8 notional_high:i8 window_ns:u8 trades:u4 flags:u1 window:u1 _reserved:pad2
    """,
    "signal": """
        ts_recv:time microprice:price spread:price size_imbalance:ratio flow_imbalance:ratio bought:u8 sold:u8
        sequence:u4 levels:u1 flags:u1 crossing:u1 _reserved:pad1
    """,
    "latency": """
        ts_recv:time ts_publish:time sequence:u8 position:u8 receive_ns:u4 arbitrate_ns:u4 decode_ns:u4 book_ns:u4 publish_ns:u4
        channel:u2 messages:u2 position_rtype:u1 line:u1 stamped:u1 _reserved:pad5
    """,
    "control": "ts_recv:time first_sequence:u8 last_sequence:u8 channel:u2 cause:u1 _reserved:pad13",
}

_WORDS: Final = {"price": "<i8", "ratio": "<i8", "time": "<u8", "char": "S1", "text": "S", "pad": "S"}


class Field(NamedTuple):
    """One field of a record."""

    name: str
    #: ``price``, ``ratio`` (both in 1e-9), ``time``, ``char``, ``text``, ``pad``, or ``number``.
    meaning: str
    #: numpy's code of one element.
    code: str
    #: How many there are; 1 but for ``prices`` of ``venue``.
    repeat: int


def _field(told: str) -> Field:
    name, word = told.split(":")
    count, meaning, length = re.fullmatch(r"(\d*)([a-z]+)(\d*)", word).groups()  # type: ignore[union-attr]
    if meaning in _WORDS:
        return Field(name, meaning, _WORDS[meaning] + length, int(count or 1))
    return Field(name, "number", f"<{meaning}{length}" if length != "1" else f"{meaning}{length}", int(count or 1))


#: The fields of every schema, and of ``control``.
FIELDS: Final[dict[str, tuple[Field, ...]]] = {
    schema: tuple(_field(told) for told in f"{_HEADER} {table}".split()) for schema, table in _TABLE.items()
}


def _dtype(fields: tuple[Field, ...]) -> np.dtype[np.void]:
    return np.dtype([(f.name, f.code) if f.repeat == 1 else (f.name, f.code, (f.repeat,)) for f in fields])


#: The dtype of every schema.
DTYPES: Final[dict[str, np.dtype[np.void]]] = {schema: _dtype(fields) for schema, fields in FIELDS.items()}

#: Control records: sessions, gaps, books proven good again.
CONTROL: Final = DTYPES.pop("control")

#: One level of both sides of a book; an empty side has price :data:`UNDEF_PRICE` and zeros.
LEVEL: Final = np.dtype([(f.name, f.code) for f in map(_field, _LEVEL.split())])

#: A resting order; ``orders_ahead`` of the same price are served before it.
ORDER: Final = np.dtype([("order_id", "<u8"), ("price", "<i8"), ("size", "<u4"), ("orders_ahead", "<u4")])

#: A price level of one side.
PRICE_LEVEL: Final = np.dtype([("price", "<i8"), ("size", "<u8"), ("orders", "<u4")])

#: A row of the instruments table.
INSTRUMENT: Final = np.dtype(
    [("row", "<u4"), ("instrument_id", "<u4"), ("publisher_id", "<u2"), ("channel", "<u2"), ("round_lot", "<u4"), ("symbol", "<U32")]
)

#: A price that is not there.
UNDEF_PRICE: Final = 2**63 - 1
#: A time that is not told.
UNDEF_TIME: Final = 2**64 - 1

#: Bits of a record's ``flags``.
LAST: Final = 0x80
SNAPSHOT: Final = 0x20
BAD_TS_RECV: Final = 0x08
MAYBE_BAD_BOOK: Final = 0x04

# Numbers in the wrong places are wrong prices: better no package than one that doesn't fit its library.
for _schema, _layout in [*DTYPES.items(), ("control", CONTROL)]:
    if _layout.itemsize != _native.record_size(_schema):
        raise ImportError(f"tickwire: {_schema} records have {_native.record_size(_schema)} bytes, not {_layout.itemsize}: install the package again")


def dtype(schema: str) -> np.dtype[np.void]:
    """The dtype of a schema's records."""
    try:
        return DTYPES[schema]
    except KeyError:
        raise ValueError(f"no schema is called {schema!r}; there is {', '.join(DTYPES)}") from None


def array(buffer: _native.Buffer, dtype: DTypeLike) -> NDArray[Any]:
    """The bytes as a read-only array of that type, without a copy; the array keeps them."""
    return np.frombuffer(memoryview(buffer), dtype)


def levels(records: Records) -> Records:
    """The book levels of ``mbp-1`` or ``mbp-10`` records as a matrix: one row a record, one column a level from the best on.

    A view of the same memory: ``levels(records)["bid_px"][:, 0]`` is ``records["bid_px_00"]``.
    """
    names: Any = records.dtype.names or ()
    count = sum(name.startswith("bid_px_") for name in names)
    fields: Any = records.dtype.fields
    if not count or not fields:
        raise ValueError("these records have no book levels; mbp-1 and mbp-10 have")
    view = np.dtype({"names": ["levels"], "formats": [(LEVEL, (count,))], "offsets": [fields["bid_px_00"][1]], "itemsize": records.dtype.itemsize})
    shown: Records = records.view(view)["levels"]
    return shown
