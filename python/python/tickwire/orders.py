"""Books order by order, kept up from an image and the ``mbo`` ring."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Literal, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from . import _native
from .batch import _NO_CONTROLS
from .dtypes import CONTROL, ORDER, PRICE_LEVEL, Records, array
from .symbols import Symbols
from .units import price, prices

if TYPE_CHECKING:
    import pandas

    from .publication import Publication

#: What an update ended with; the books are as of that.
#:
#: ``records``      nothing else: the records that there were;
#: ``control``      sessions, gaps, books proven good again: ``.controls``;
#: ``rejoined``     this reader was too slow, and ``lost`` records were not taken in one by one: the books are those of the newest image;
#: ``waiting``      there is no image to start from (yet): the books are empty until ``rejoined`` or ``epoch``;
#: ``epoch``        the writer began anew, with a new instruments table and empty books; ``epoch`` is its number;
#: ``writer_dead``  the writer is gone without a word; a later one's records come after an ``epoch``;
#: ``end``          the writer ended, and everything has been taken in;
#: ``idle``         nothing came within the timeout.
News = Literal["records", "control", "rejoined", "waiting", "epoch", "writer_dead", "end", "idle"]

_PLACED = np.dtype([*((name, ORDER[name]) for name in ORDER.names or ()), ("row", "<u4"), ("side", "S1"), ("maybe_bad", "?"), ("_", "S2")])


class OrdersNews:
    """What an update did."""

    __slots__ = ("_rows", "_symbols", "applied", "controls", "epoch", "kind", "lost")

    def __init__(
        self,
        kind: News,
        applied: int,
        rows: NDArray[np.uint32],
        symbols: Symbols,
        *,
        controls: Records | None = None,
        lost: int = 0,
        epoch: int = 0,
    ) -> None:
        #: What the update ended with, see :data:`News`.
        self.kind = kind
        #: How many records were taken in before that, those of other symbols included.
        self.applied = applied
        #: Of ``control``: the control record, in the dtype :data:`CONTROL`; else empty.
        self.controls = _NO_CONTROLS if controls is None else controls
        #: Of ``rejoined``: how many records were not taken in one by one.
        self.lost = lost
        #: Of ``epoch``: its number.
        self.epoch = epoch
        self._rows = rows
        self._symbols = symbols

    @property
    def changed(self) -> NDArray[np.str_]:
        """Symbols that the records were of, each once. (After ``rejoined``, ``waiting`` and ``epoch`` every book is another one: none is named.)"""
        return self._symbols.at(self._rows)

    def __repr__(self) -> str:
        told = {"rejoined": f", {self.lost} lost", "epoch": f" {self.epoch}"}.get(self.kind, "")
        return f"<tickwire.OrdersNews {self.kind}{told}: {self.applied} applied, {len(self._rows)} books changed>"


class Queued(NamedTuple):
    """Where an order waits."""

    side: Literal["bid", "ask"]
    #: In units of 1e-9.
    price: int
    #: What is left of it.
    size: int
    #: Orders of its price that are served before it.
    orders_ahead: int
    #: Their size.
    size_ahead: int


@dataclass(frozen=True)
class OrderBook:
    """All orders of one instrument as of one moment. A copy: it stays what it is."""

    symbol: str
    row: int
    instrument_id: int
    publisher_id: int
    #: In the dtype :data:`ORDER`, as they will be served: the best price first, and there who came first.
    bids: Records
    asks: Records
    #: It may be wrong: messages were lost, orders are not known, or what came contradicts it.
    maybe_bad: bool
    #: Orders are missing that the writer knows of: only a new book of this instrument or a new image makes it right.
    lacks_orders: bool
    #: The venue's time of the last record, ns since 1970 UTC; 0 if there was none.
    ts_event: int
    #: When it was received, or the image made that it comes from, ns since 1970 UTC; 0 if there was none.
    ts_recv: int
    #: The message's number in the last record.
    sequence: int
    #: Position of the ``mbo`` ring up to which it tells.
    position: int

    def levels(self, count: int | None = None) -> tuple[Records, Records]:
        """The price levels of bids and asks, the best first (and ``count`` of them at most), in the dtype :data:`PRICE_LEVEL`."""
        return _levels(self.bids, count), _levels(self.asks, count)

    @property
    def best(self) -> tuple[np.void | None, np.void | None]:
        """The best level of bids and of asks; ``None`` where nobody is."""
        bids, asks = self.levels(1)
        return bids[0] if len(bids) else None, asks[0] if len(asks) else None

    def queued(self, order_id: int) -> Queued | None:
        """Where that order waits; ``None`` if it does not rest (in the levels that are here)."""
        sides: tuple[tuple[Literal["bid", "ask"], Records], ...] = (("bid", self.bids), ("ask", self.asks))
        for side, orders in sides:
            for at in np.flatnonzero(orders["order_id"] == order_id).tolist():
                ahead = int(orders["orders_ahead"][at])
                size_ahead = int(orders["size"][at - ahead : at].sum(dtype=np.uint64))
                return Queued(side, int(orders["price"][at]), int(orders["size"][at]), ahead, size_ahead)
        return None

    def __str__(self) -> str:
        bid, ask = self.best
        left = "-" if bid is None else f"{bid['size']} ({bid['orders']}) x {price(bid['price']):f}"
        right = "-" if ask is None else f"{price(ask['price']):f} x {ask['size']} ({ask['orders']})"
        return f"{self.symbol} {left} | {right}{'  (may be wrong)' if self.maybe_bad else ''}"


def _levels(orders: Records, count: int | None) -> Records:
    # Whoever has nobody ahead begins a level.
    first = np.flatnonzero(orders["orders_ahead"] == 0)
    levels: Records = np.empty(len(first), PRICE_LEVEL)
    if len(first):
        levels["price"] = orders["price"][first]
        levels["size"] = np.add.reduceat(orders["size"].astype(np.uint64), first)
        levels["orders"] = np.diff(first, append=len(orders))
    return levels[:count]


class Orders:
    """Books of all instruments, order by order, as of the last :meth:`update`. Made by :meth:`Publication.orders`.

    >>> books = tw.open("nasdaq").orders()                        # doctest: +SKIP
    >>> while books.update(0).kind != "idle": pass                # doctest: +SKIP
    >>> books.book("AAPL").bids                                   # doctest: +SKIP

    Or in a loop, ``for news in books``, until the writer ends. Records are taken in without the interpreter's lock. Threads may share it: they take turns.
    """

    def __init__(
        self, native: _native.Orders, *, timeout: float | None, max_records: int, linger: float, spin: bool
    ) -> None:
        self._held: _native.Orders | None = native
        self._timeout, self._max_records, self._linger, self._spin = timeout, max_records, linger, spin
        self._symbols = Symbols(native.publication())
        #: Nothing more comes; the books stay.
        self.ended = False

    @property
    def _native(self) -> _native.Orders:
        if self._held is None:
            raise _native.Closed("the orders are closed")
        return self._held

    def update(self, timeout: float | None = None) -> OrdersNews:
        """Takes in what there is now, or else what comes first within ``timeout`` seconds (``None``: for ever; 0: don't wait), and tells what it was."""
        if self.ended:
            return OrdersNews("end", 0, _NO_ROWS, self._symbols)
        kind, number, applied, control, changed = self._native.update(timeout, self._max_records, self._linger, self._spin)
        if kind == "epoch":
            # Not the same object: news of the old epoch keep their names.
            self._symbols = Symbols(self._native.publication())
        self.ended = kind == "end"
        return OrdersNews(
            kind,
            applied,
            array(changed, np.uint32) if len(changed) else _NO_ROWS,
            self._symbols,
            controls=None if control is None else array(control, CONTROL),
            lost=number if kind == "rejoined" else 0,
            epoch=number if kind == "epoch" else 0,
        )

    # ── looking ──

    def book(self, symbol: str, levels: int | None = None) -> OrderBook:
        """All orders of a symbol, or those of the best ``levels`` prices of each side. :class:`NoSymbol`, if it was not announced (yet)."""
        if levels is not None and levels < 0:
            raise ValueError(f"levels={levels}: say how many, 0 or more")
        row, instrument_id, publisher_id, bids, asks, maybe_bad, lacks_orders, ts_event, ts_recv, sequence, position = self._native.book(
            symbol, None if levels is None else min(levels, 2**32 - 1)
        )
        return OrderBook(
            symbol=symbol,
            row=row,
            instrument_id=instrument_id,
            publisher_id=publisher_id,
            bids=array(bids, ORDER),
            asks=array(asks, ORDER),
            maybe_bad=maybe_bad,
            lacks_orders=lacks_orders,
            ts_event=ts_event,
            ts_recv=ts_recv,
            sequence=sequence,
            position=position,
        )

    def queued(self, symbol: str, order_id: int) -> Queued | None:
        """Where an order of a symbol waits, without a copy of the book; ``None`` if it does not rest."""
        at = self._native.queued(symbol, order_id)
        return None if at is None else Queued("bid" if at[0] else "ask", *at[1:])

    def to_df(self, symbols: str | Iterable[str] | None = None, *, prices: Literal["float", "fixed", "decimal"] = "float") -> pandas.DataFrame:
        """All resting orders (of some symbols) as a DataFrame: symbol, side (``B`` or ``A``), price, size, order_id, orders_ahead, maybe_bad.

        In the order of the instruments table, bids before asks, and as they will be served.
        """
        try:
            import pandas as pd
        except ImportError:
            raise ImportError("data frames need pandas: pip install pandas (books are numpy arrays without it)") from None
        placed: Records = array(self._native.all(), _PLACED)
        if symbols is not None:
            wanted = [symbols] if isinstance(symbols, str) else list(symbols)
            placed = placed[np.isin(self._symbols.at(placed["row"]), wanted)]
        return pd.DataFrame(
            {
                "symbol": self._symbols.at(placed["row"]).astype(object),
                "side": placed["side"].astype("U1").astype(object),
                "price": _prices(placed["price"], prices),
                **{name: placed[name] for name in ("size", "order_id", "orders_ahead", "maybe_bad")},
            }
        )

    # ── how far it has come ──

    @property
    def is_whole(self) -> bool:
        """Whether the books hold everything that rests: not so while waiting for an image."""
        return self._native.state()[3]

    @property
    def position(self) -> int:
        """The position of the ``mbo`` ring up to which the books tell."""
        return self._native.state()[1]

    @property
    def lost(self) -> int:
        """Records that were not taken in one by one because this reader was too slow, so far."""
        return self._native.state()[2]

    @property
    def epoch(self) -> int:
        """The epoch that the books are of."""
        return self._native.state()[0]

    @property
    def live_orders(self) -> int:
        """Orders that rest in all books together."""
        return self._native.state()[5]

    @property
    def contradictions(self) -> dict[str, int]:
        """How often records contradicted the books: an unknown order, a duplicate one, more taken than there was, not usable."""
        return dict(zip(("unknown", "duplicate", "excess", "unusable"), self._native.state()[6], strict=True))

    @property
    def symbols(self) -> Symbols:
        """Names of the present epoch's instruments."""
        return self._symbols

    @property
    def publication(self) -> Publication:
        """The publication in the epoch that the books are of."""
        from .publication import Publication

        return Publication(self._native.publication())

    def __len__(self) -> int:
        """How many books there are, empty ones included."""
        return self._native.state()[4]

    def __bool__(self) -> bool:
        return True

    # ── a loop, and its end ──

    def close(self) -> None:
        """Gives everything back; an update that waits in another thread ends."""
        native, self._held = self._held, None
        if native is not None:
            native.close()

    def __iter__(self) -> Orders:
        return self

    def __next__(self) -> OrdersNews:
        if self.ended or self._held is None:
            raise StopIteration
        try:
            return self.update(self._timeout)
        except _native.Closed:
            raise StopIteration from None

    def __enter__(self) -> Orders:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("orders cannot be pickled: they follow this process's memory; open them where you need them")

    def __repr__(self) -> str:
        if self._held is None:
            return "<tickwire.Orders closed>"
        _, position, lost, whole, books, orders, _ = self._held.state()
        return f"<tickwire.Orders {'as of' if whole else 'waiting at'} position {position}: {orders} orders in {books} books, {lost} lost>"


def _prices(values: NDArray[np.int64], shown: Literal["float", "fixed", "decimal"]) -> NDArray[np.generic]:
    if shown == "float":
        return prices(values)
    if shown == "decimal":
        return np.array([price(value) for value in values.tolist()], dtype=object)
    return values


_NO_ROWS: NDArray[np.uint32] = np.empty(0, np.uint32)
_NO_ROWS.flags.writeable = False
