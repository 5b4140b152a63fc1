"""A publication: its rings, boards, books and tables."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from types import TracebackType
from typing import NamedTuple, NoReturn

import numpy as np

from . import _native, book
from .batch import Channel
from .board import Board
from .dtypes import Records, Schema, array, dtype
from .orders import Orders
from .stream import OnLost, Start, Stream
from .symbols import Instrument, Symbols

#: Where publications are, if neither ``dir`` nor the environment variable ``TICKWIRE_PUBLICATION_DIR`` says otherwise.
DEFAULT_DIR = "/dev/shm/tickwire"

Dir = str | os.PathLike[str] | None


class Ring(NamedTuple):
    """A ring of a publication."""

    schema: str
    #: How many records it holds.
    depth: int
    #: Bytes.
    record_size: int
    #: Bytes.
    slot_size: int
    #: The last position announced, control records included.
    position: int


class Publication:
    """One epoch of a publication, mapped read-only: reading it cannot slow or harm its writer. Made by :func:`open`."""

    def __init__(self, native: _native.Publication) -> None:
        self._held: _native.Publication | None = native
        self._symbols: Symbols | None = None

    @property
    def _native(self) -> _native.Publication:
        if self._held is None:
            raise _native.Closed("the publication is closed")
        return self._held

    # ── what it is ──

    @property
    def path(self) -> str:
        """Its file."""
        return os.fspath(self._native.path)

    @property
    def name(self) -> str:
        """Its name."""
        return os.path.basename(self.path)

    @property
    def epoch(self) -> int:
        """Number of the epoch: larger after every restart of the writer, and in every new session."""
        return self._native.epoch

    @property
    def created_ns(self) -> int:
        """When the epoch began, ns since 1970 UTC."""
        return self._native.created_ns

    @property
    def heartbeat_ns(self) -> int:
        """The writer's last heartbeat, ns since 1970 UTC."""
        return self._native.heartbeat_ns

    @property
    def writer(self) -> str:
        """How the writer is: ``alive``, ``closed`` (it ended and said so), ``replaced`` (it goes on in a new epoch), ``dead``."""
        return self._native.writer()

    @property
    def writer_pid(self) -> int:
        """Process id of the writer, in its own process namespace."""
        return self._native.writer_pid

    @property
    def rings(self) -> dict[str, Ring]:
        """Its rings by schema."""
        return {ring[0]: Ring(*ring) for ring in self._native.rings()}

    def channels(self) -> list[Channel]:
        """The channels and their states now."""
        return [Channel(*channel) for channel in self._native.channels()]

    def counters(self) -> dict[str, int]:
        """The writer's counters, as of its last chore."""
        return dict(self._native.counters())

    # ── instruments ──

    @property
    def symbols(self) -> Symbols:
        """Names for the ids in records."""
        if self._symbols is None:
            self._symbols = Symbols(self._native)
        return self._symbols

    def instruments(self) -> Records:
        """The instruments announced so far, in the dtype :data:`INSTRUMENT`."""
        return self.symbols.table

    def find(self, symbol: str) -> Instrument | None:
        """The first instrument of that symbol, as the feed writes it; ``None`` if there is none so far."""
        found = self._native.find(symbol)
        return None if found is None else Instrument(*found)

    # ── state now ──

    def book(self, symbol: str) -> book.Book:
        """The newest price levels of a symbol, and whether they can be trusted. Needs an ``mbp-10`` or ``mbp-1`` ring."""
        return book.told(self._native.book(symbol))

    def board(self, schema: Schema) -> Board:
        """The last record of every instrument, as of one moment; :meth:`Board.to_df` makes a DataFrame of it."""
        records, rows, maybe_bad = self._native.board(schema)
        found = array(records, dtype(schema))
        at = array(rows, np.uint32)
        return Board(schema, found, at, array(maybe_bad, np.bool_), self.symbols.at(at))

    # ── what comes ──

    def stream(
        self,
        schema: Schema,
        start: Start = "board",
        *,
        symbols: str | Iterable[str] | None = None,
        on_lost: OnLost = "rejoin",
        timeout: float | None = None,
        max_records: int = 8192,
        linger: float = 0.0,
        spin: bool = False,
        gated: bool = False,
    ) -> Stream:
        """Reads a ring in order, in batches.

        :param schema: which ring
        :param start: ``board``: the last record of every instrument, then what comes; ``now``: what comes; ``oldest``: from the oldest
            record that can be read without hurry
        :param symbols: only records of these (and what concerns the whole venue), also those not announced yet; the filter
            runs before a batch is made
        :param on_lost: after this reader was too slow: ``rejoin`` at the board, or ``stop``. It is told either way
        :param timeout: seconds until a loop over the stream gets an ``idle`` batch when nothing comes; ``None``: it waits for ever
        :param max_records: records in a batch, at most
        :param linger: seconds for which a batch that is not full waits for more. 0 has the least latency, a millisecond the least load
        :param spin: never sleep while waiting: a core for some 50 µs less
        :param gated: let a paced replay (``tickwire replay --gated-readers``) wait for this reader
        """
        native = self._native.stream(schema, start, _wanted(symbols), on_lost, gated)
        return Stream(native, self._native, schema, timeout=timeout, max_records=max_records, linger=linger, spin=spin)

    def latest(
        self,
        schema: Schema,
        *,
        symbols: str | Iterable[str] | None = None,
        timeout: float | None = None,
        max_records: int = 8192,
        linger: float = 0.0,
        spin: bool = False,
    ) -> Stream:
        """The newest record of every instrument whenever it changed: for readers that need the state and not each message.

        Begins with the channels' states and the board; then each batch of ``values`` has every instrument that changed since the batch before, once,
        with its newest record. However slow the reader, no instrument's last record is ever lost to it, and it never lags: what it was too
        slow for is passed over. Records of whole venues are on no board and not told. Not for ``mbo``.

        :param schema: which ring
        :param symbols: only these instruments, also those not announced yet
        :param timeout: seconds until a loop over it gets an ``idle`` batch when nothing changes; ``None``: it waits for ever
        :param max_records: records in a batch, at most
        :param linger: seconds from one batch to the next in which changes gather: 0.1 is ten pictures a second
        :param spin: never sleep while waiting
        """
        native = self._native.latest(schema, _wanted(symbols))
        return Stream(native, self._native, schema, timeout=timeout, max_records=max_records, linger=linger, spin=spin)

    def orders(
        self,
        symbols: str | Iterable[str] | None = None,
        *,
        wait: bool = False,
        timeout: float | None = None,
        max_records: int = 65536,
        linger: float = 0.0,
        spin: bool = False,
        gated: bool = False,
    ) -> Orders:
        """Books order by order, from the newest image of the orders, or from the beginning where the ``mbo`` ring still has it.

        :param symbols: be told of these only, also of those not announced yet. (All books are kept up either way.)
        :param wait: where there is nothing to start from, begin with ``waiting`` and go on with the next image or epoch, instead of refusing
        :param timeout: seconds until a loop over it gets ``idle`` when nothing changes; ``None``: it waits for ever
        :param max_records: records taken in by one update, at most
        :param linger: seconds for which an update waits for more
        :param spin: never sleep while waiting
        :param gated: let a replay (``tickwire replay --gated-readers``) wait for this reader
        :raises NoImage: there is nothing to know the orders from that rest already
        """
        native = self._native.orders(_wanted(symbols), wait, gated)
        return Orders(native, timeout=timeout, max_records=max_records, linger=linger, spin=spin)

    def reopen(self) -> Publication:
        """What its name leads to now: the newest epoch."""
        return Publication(self._native.reopen())

    def close(self) -> None:
        """Gives the mapping back, as soon as no stream needs it."""
        self._held = self._symbols = None

    def __enter__(self) -> Publication:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a publication cannot be pickled: it is memory of this process; open it by its name where you need it")

    def __repr__(self) -> str:
        if self._held is None:
            return "<tickwire.Publication closed>"
        return f"<tickwire.Publication {self.name}, epoch {self.epoch}: {', '.join(self.rings)}>"


def _wanted(symbols: str | Iterable[str] | None) -> list[str] | None:
    return [symbols] if isinstance(symbols, str) else None if symbols is None else list(symbols)


def _place(dir: Dir) -> str | os.PathLike[str]:
    return dir if dir is not None else os.environ.get("TICKWIRE_PUBLICATION_DIR") or DEFAULT_DIR


def open(name: str, dir: Dir = None, *, timeout: float = 0.0) -> Publication:
    """Opens a publication by its name.

    :param dir: where publications are; default: the environment variable ``TICKWIRE_PUBLICATION_DIR``, or ``/dev/shm/tickwire``
    :param timeout: seconds to wait for it to appear
    :raises NotFound: there is none of that name
    :raises Refused: the file is not a publication that this version can read
    """
    until = time.monotonic() + timeout
    while True:
        try:
            return Publication(_native.Publication.open(_place(dir), name))
        except _native.NotFound:
            if time.monotonic() >= until:
                raise
        time.sleep(0.02)


def names(dir: Dir = None) -> list[str]:
    """Names of the publications there, sorted."""
    return _native.Publication.names(_place(dir))
