"""Names for the ids in records."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import _native
from .dtypes import INSTRUMENT, Records, array


class Instrument(NamedTuple):
    """One instrument, as announced in the present epoch."""

    #: Its row in the instruments table, and on the boards.
    row: int
    #: The venue's id, as in the records; another one every day.
    instrument_id: int
    #: DBN publisher id, as in the records.
    publisher_id: int
    #: Index of its channel, whose gaps concern it.
    channel: int
    #: In shares; 0 where not known.
    round_lot: int
    symbol: str


class _Known(NamedTuple):
    table: Records
    #: Ids in ascending order, and the row of each.
    keys: NDArray[np.uint64]
    order: NDArray[np.intp]
    #: By row; the last is the empty name of what was never announced.
    names: NDArray[np.str_]


class Symbols:
    """Symbols by the ids in records, kept up as instruments are announced.

    Right for one epoch; :attr:`Stream.symbols` is always that of the stream's own. Where a venue gives an id to another
    symbol within a session, the id stands for the newer one from then on.
    """

    def __init__(self, native: _native.Publication) -> None:
        self._native = native
        # Replaced as a whole, so that threads may share it.
        self._known = _Known(np.empty(0, INSTRUMENT), np.empty(0, np.uint64), np.empty(0, np.intp), np.array([""]))

    def _newest(self) -> _Known:
        known = self._known
        if self._native.instrument_count() > len(known.table):
            table = np.concatenate([known.table, array(self._native.instruments(len(known.table)), INSTRUMENT)])
            table.flags.writeable = False
            keys = _keys(table)
            # Of rows with the same id the last one counts: stable, and searched from the right.
            order = np.argsort(keys, kind="stable")
            longest = int(np.char.str_len(table["symbol"]).max(initial=1))
            names = np.append(table["symbol"].astype(f"U{longest}"), "")
            self._known = known = _Known(table, keys[order], order, names)
        return known

    @property
    def table(self) -> Records:
        """The instruments table, as far as it is known now."""
        return self._newest().table

    def rows_of(self, records: Records) -> NDArray[np.intp]:
        """The rows of the records' instruments; -1 for ids that were never announced (whole venues, control records of a channel)."""
        known = self._newest()
        if not len(known.table):
            return np.full(len(records), -1, np.intp)
        wanted = _keys(records)
        at = np.searchsorted(known.keys, wanted, side="right") - 1
        found = (at >= 0) & (known.keys[at] == wanted)
        return np.where(found, known.order[at], -1)

    def of(self, records: Records) -> NDArray[np.str_]:
        """The symbols of the records' instruments; empty where :meth:`rows_of` is -1."""
        return self.at(self.rows_of(records))

    def at(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.str_]:
        """The symbols of the instruments in those rows; empty where there is no such row."""
        known = self._newest()
        names: NDArray[np.str_] = known.names[np.where((rows >= 0) & (rows < len(known.table)), rows, len(known.table))]
        return names


def _keys(rows: Records) -> NDArray[np.uint64]:
    keys: NDArray[np.uint64] = rows["publisher_id"].astype(np.uint64) << np.uint64(32) | rows["instrument_id"]
    return keys
