"""What a stream gives: records by the batch, and everything that happens to a stream, in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .dtypes import CONTROL, MAYBE_BAD_BOOK, Records
from .symbols import Symbols

if TYPE_CHECKING:
    import pandas

#: What a :class:`Batch` tells.
#:
#: ``records``      what came, in order;
#: ``board``        the last record of each instrument, in joining and after ``lost``: state, not events;
#: ``control``      sessions, gaps, books proven good again, in order with the records;
#: ``lost``         this reader was too slow: ``lost`` records are gone for it;
#: ``epoch``        the writer began anew, with a new instruments table; ``epoch`` is its number;
#: ``writer_dead``  the writer is gone without a word; a later one's records come after an ``epoch``;
#: ``end``          the writer ended, and everything has been delivered;
#: ``idle``         nothing came within the timeout.
#:
#: :meth:`Publication.latest` gives state instead of ``records``, ``board`` and ``lost``:
#:
#: ``values``       the newest record of each instrument that changed since the last batch;
#: ``channel``      channels whose state changed, and at the beginning all of them;
#: ``skipped``      ``skipped`` positions of the ring were left unread, because the board tells the same: no value is missing, but control
#:                  records may be (the channels' states follow).
Kind = Literal["records", "board", "control", "lost", "epoch", "writer_dead", "end", "idle", "values", "channel", "skipped"]


class Channel(NamedTuple):
    """A channel of a publication, and how it is."""

    name: str
    publisher_id: int
    #: idle, good, gap_open, stale, ended, silent.
    state: str
    #: Its books may be wrong until proven right again.
    doubted: bool
    #: When the state began, or the doubt if there is one, ns since 1970 UTC.
    since_ns: int
    #: Venue time up to which its messages were taken in, ns since 1970 UTC; 0: none yet.
    watermark_ns: int
    #: Its number in instruments and control records.
    channel: int


class Batch:
    """Records of one kind. Its arrays are read-only and its own: they stay what they are, however far the stream goes on."""

    __slots__ = (
        "_bad", "_symbols", "channels", "controls", "epoch", "folded", "kind", "lost", "position", "positions", "records", "rows", "schema", "skipped",
    )  # fmt: skip

    def __init__(
        self,
        schema: str,
        kind: Kind,
        records: Records,
        symbols: Symbols,
        *,
        controls: Records | None = None,
        rows: NDArray[np.uint32] | None = None,
        maybe_bad: NDArray[np.bool_] | None = None,
        position: int = 0,
        lost: int = 0,
        skipped: int = 0,
        epoch: int = 0,
        positions: NDArray[np.uint64] | None = None,
        folded: NDArray[np.uint64] | None = None,
        channels: list[Channel] | None = None,
    ) -> None:
        #: Which ring it is from.
        self.schema = schema
        #: See :data:`Kind`.
        self.kind = kind
        #: The records, in the dtype of the schema; of ``records``, ``board`` and ``values``, else empty.
        self.records = records
        #: The control records, in the dtype :data:`CONTROL`; of ``control``, else empty.
        self.controls = _NO_CONTROLS if controls is None else controls
        #: Of ``board`` and ``values``: the rows of the instruments.
        self.rows = _NO_ROWS if rows is None else rows
        #: Of ``records``: position in the ring of the first; the others follow one by one, unless the stream is of some symbols only.
        self.position = position
        #: Of ``lost``: how many records.
        self.lost = lost
        #: Of ``skipped``: how many positions.
        self.skipped = skipped
        #: Of ``values``: the position in the ring of each record.
        self.positions = _NO_NUMBERS if positions is None else positions
        #: Of ``values``: how many records of each are known to have been passed over for newer ones since it was given last.
        self.folded = _NO_NUMBERS if folded is None else folded
        #: Of ``channel``: the channels that changed, as they are now.
        self.channels = [] if channels is None else channels
        #: Of ``epoch``: its number.
        self.epoch = epoch
        self._bad = maybe_bad
        self._symbols = symbols

    @property
    def maybe_bad(self) -> NDArray[np.bool_]:
        """For each record, whether it may be wrong because messages are missing. Of state: its channel's gaps included."""
        if self._bad is not None:
            return self._bad
        if "flags" in (self.records.dtype.names or ()):
            bad: NDArray[np.bool_] = self.records["flags"] & MAYBE_BAD_BOOK != 0
            return bad
        return np.zeros(len(self.records), np.bool_)

    @property
    def symbols(self) -> NDArray[np.str_]:
        """For each record, the symbol of its instrument; empty for what was never announced."""
        return self._symbols.at(self.rows) if len(self.rows) else self._symbols.of(self.records)

    def to_df(self, *, prices: Literal["float", "fixed", "decimal"] = "float") -> pandas.DataFrame:
        """The records as a DataFrame, see :func:`to_df`."""
        from .frame import to_df

        return to_df(self.records, self.schema, symbols=self.symbols, maybe_bad=self.maybe_bad, prices=prices)

    def __len__(self) -> int:
        """How many records; control records don't count."""
        return len(self.records)

    def __repr__(self) -> str:
        told = {
            "control": f" of {len(self.controls)}",
            "lost": f" {self.lost}",
            "skipped": f" {self.skipped}",
            "channel": f" of {len(self.channels)}",
            "epoch": f" {self.epoch}",
        }.get(self.kind, f" of {len(self)}" if len(self) else "")
        return f"<tickwire.Batch {self.schema}: {self.kind}{told}>"


_NO_CONTROLS: Records = np.empty(0, CONTROL)
_NO_CONTROLS.flags.writeable = False
_NO_ROWS: NDArray[np.uint32] = np.empty(0, np.uint32)
_NO_ROWS.flags.writeable = False
_NO_NUMBERS: NDArray[np.uint64] = np.empty(0, np.uint64)
_NO_NUMBERS.flags.writeable = False
