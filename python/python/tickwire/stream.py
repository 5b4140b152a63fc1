"""One ring, read in order, in batches."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Literal, NoReturn

import numpy as np

from . import _native
from .batch import Batch, Channel
from .dtypes import CONTROL, array, dtype
from .symbols import Symbols

if TYPE_CHECKING:
    from .publication import Publication

#: Where a stream begins: with the last record of every instrument, with what comes, or with the oldest record still there.
Start = Literal["board", "now", "oldest"]
#: What a stream does after it was too slow: go on from the board, or end.
OnLost = Literal["rejoin", "stop"]


class Stream:
    """An iterator of :class:`Batch`. Made by :meth:`Publication.stream` and :meth:`Publication.latest`.

    Ends after the batch ``end`` (the writer closed the publication, or ``lost`` was to be the end), or when it is closed. Ctrl-C is answered while it waits. Threads may share one, and each batch goes to one of them; usually each opens its own.
    """

    def __init__(
        self,
        native: _native.Stream,
        publication: _native.Publication,
        schema: str,
        *,
        timeout: float | None,
        max_records: int,
        linger: float,
        spin: bool,
    ) -> None:
        self._native: _native.Stream | None = native
        self._publication = publication
        self._symbols = Symbols(publication)
        self._timeout, self._max_records, self._linger, self._spin = timeout, max_records, linger, spin
        self._dtype = dtype(schema)
        self._none = np.empty(0, self._dtype)
        self._none.flags.writeable = False
        #: Which ring.
        self.schema = schema
        #: Records that were lost because this reader was too slow, so far.
        self.lost = 0
        #: Nothing more comes.
        self.ended = False

    def read(self, timeout: float | None = None) -> Batch:
        """The next batch: what is there now, or else the first that comes within ``timeout`` seconds (``None``: for ever; 0: don't wait).

        ``idle`` if nothing comes; ``end`` again and again once the stream has ended.
        """
        if self.ended:
            return Batch(self.schema, "end", self._none, self._symbols)
        if self._native is None:
            raise _native.Closed("the stream is closed")
        kind, number, told, parts, channels = self._native.read(timeout, self._max_records, self._linger, self._spin)
        if kind == "control" and told is not None:
            return Batch(self.schema, kind, self._none, self._symbols, controls=array(told, CONTROL))
        if told is not None:
            rows, maybe_bad, positions, folded = parts
            return Batch(
                self.schema,
                kind,
                array(told, self._dtype),
                self._symbols,
                position=number,
                rows=None if rows is None else array(rows, np.uint32),
                maybe_bad=None if maybe_bad is None else array(maybe_bad, np.bool_),
                positions=None if positions is None else array(positions, np.uint64),
                folded=None if folded is None else array(folded, np.uint64),
            )
        if kind == "channel":
            return Batch(self.schema, kind, self._none, self._symbols, channels=[Channel(*channel) for channel in channels])
        if kind == "skipped":
            return Batch(self.schema, kind, self._none, self._symbols, skipped=number)
        if kind == "lost":
            self.lost += number
            return Batch(self.schema, kind, self._none, self._symbols, lost=number)
        if kind == "epoch":
            self._publication = self._native.publication()
            # Not the same object: batches of the old epoch keep their names.
            self._symbols = Symbols(self._publication)
            return Batch(self.schema, kind, self._none, self._symbols, epoch=number)
        self.ended = kind == "end"
        return Batch(self.schema, kind, self._none, self._symbols)

    @property
    def symbols(self) -> Symbols:
        """Names for the ids in records of the present epoch."""
        return self._symbols

    @property
    def publication(self) -> Publication:
        """The publication in the stream's present epoch."""
        from .publication import Publication

        return Publication(self._publication)

    def close(self) -> None:
        """Gives the subscription back; a reader that waits in another thread ends."""
        native, self._native = self._native, None
        if native is not None:
            native.close()

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> Batch:
        if self.ended or self._native is None:
            raise StopIteration
        try:
            return self.read(self._timeout)
        except _native.Closed:
            raise StopIteration from None

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a stream cannot be pickled: it is a place in this process's memory; open one where you need it")

    def __repr__(self) -> str:
        state = "closed" if self._native is None else "ended" if self.ended else "open"
        return f"<tickwire.Stream {self.schema}: {state}, {self.lost} lost>"
