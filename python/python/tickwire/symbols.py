"""Names for the ids in records."""

from __future__ import annotations

from typing import NamedTuple

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


class Symbols:
    """Symbols by the ids in records, kept up as instruments are announced.

    Right for one epoch; :attr:`Stream.symbols` is always that of the stream's own. Where a venue gives an id to another
    symbol within a session, the id stands for the newer one from then on.
    """

    def __init__(self, native: _native.Publication) -> None:
        self._native = native
        self._table = np.empty(0, INSTRUMENT)
        self._keys = np.empty(0, np.uint64)
        self._order = np.empty(0, np.intp)
        self._names = np.array([""])

    @property
    def table(self) -> Records:
        """The instruments table, as far as it is known now."""
        known = len(self._table)
        if self._native.instrument_count() != known:
            new = array(self._native.instruments(known), INSTRUMENT)
            table = np.concatenate([self._table, new])
            keys = _keys(table)
            # Of rows with the same id the last one counts: stable, and searched from the right.
            order = np.argsort(keys, kind="stable")
            longest = int(np.char.str_len(table["symbol"]).max(initial=1))
            # The last name is that of ids that were never announced.
            self._names = np.append(table["symbol"].astype(f"U{longest}"), "")
            self._table, self._keys, self._order = table, keys[order], order
            self._table.flags.writeable = False
        return self._table

    def rows_of(self, records: Records) -> NDArray[np.intp]:
        """The rows of the records' instruments; -1 for ids that were never announced (whole venues, control records of a channel)."""
        if not len(self.table):
            return np.full(len(records), -1, np.intp)
        wanted = _keys(records)
        at = np.searchsorted(self._keys, wanted, side="right") - 1
        found = (at >= 0) & (self._keys[at] == wanted)
        return np.where(found, self._order[at], -1)

    def of(self, records: Records) -> NDArray[np.str_]:
        """The symbols of the records' instruments; empty where :meth:`rows_of` is -1."""
        rows = self.rows_of(records)
        names: NDArray[np.str_] = self._names[rows]
        return names


def _keys(rows: Records) -> NDArray[np.uint64]:
    keys: NDArray[np.uint64] = rows["publisher_id"].astype(np.uint64) << np.uint64(32) | rows["instrument_id"]
    return keys
