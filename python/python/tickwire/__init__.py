"""Reads Tickwire's publications: market data from shared memory, as numpy arrays.

>>> import tickwire as tw                                                   # doctest: +SKIP
>>> for batch in tw.open("nasdaq").stream("mbp-1", symbols="AAPL"):         # doctest: +SKIP
...     for best in batch.records:
...         print(best["bid_sz"], "x", tw.price(best["bid_px_00"]))

A publication is opened by its name. It has *rings* of records, one for each schema, read in order by :meth:`Publication.stream`;
*boards* with the last record of every instrument (:meth:`Publication.board`, kept up by :meth:`Publication.latest`); the price
levels of one instrument (:meth:`Publication.book`); and books order by order (:meth:`Publication.orders`). Reading slows nobody: a reader that is too slow is told how many records it lost.

Records are numpy structured arrays with DBN's fields; prices are int64 in units of 1e-9 (:func:`price`, :func:`prices`).
"""

from . import controls
from ._native import (
    BadImage,
    BadName,
    Closed,
    Corrupt,
    Error,
    NoGate,
    NoImage,
    NoRing,
    NoSymbol,
    NotFound,
    Refused,
    SystemRefused,
)
from .batch import Batch, Channel, Kind
from .board import Board
from .book import Book
from .dtypes import (
    BAD_TS_RECV,
    CONTROL,
    DTYPES,
    INSTRUMENT,
    LAST,
    LEVEL,
    MAYBE_BAD_BOOK,
    ORDER,
    PRICE_LEVEL,
    SNAPSHOT,
    UNDEF_PRICE,
    UNDEF_TIME,
    Records,
    Schema,
    dtype,
    levels,
)
from .frame import to_df
from .orders import OrderBook, Orders, OrdersNews, Queued
from .publication import DEFAULT_DIR, Publication, Ring, names, open
from .stream import OnLost, Start, Stream
from .symbols import Instrument, Symbols
from .units import price, prices, times

__all__ = [
    "BAD_TS_RECV",
    "CONTROL",
    "DEFAULT_DIR",
    "DTYPES",
    "INSTRUMENT",
    "LAST",
    "LEVEL",
    "MAYBE_BAD_BOOK",
    "ORDER",
    "PRICE_LEVEL",
    "SNAPSHOT",
    "UNDEF_PRICE",
    "UNDEF_TIME",
    "BadImage",
    "BadName",
    "Batch",
    "Board",
    "Book",
    "Channel",
    "Closed",
    "Corrupt",
    "Error",
    "Instrument",
    "Kind",
    "NoGate",
    "NoImage",
    "NoRing",
    "NoSymbol",
    "NotFound",
    "OnLost",
    "OrderBook",
    "Orders",
    "OrdersNews",
    "Publication",
    "Queued",
    "Records",
    "Refused",
    "Ring",
    "Schema",
    "Start",
    "Stream",
    "Symbols",
    "SystemRefused",
    "controls",
    "dtype",
    "levels",
    "names",
    "open",
    "price",
    "prices",
    "times",
    "to_df",
]
