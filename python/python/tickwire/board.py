"""A board: the last record of every instrument."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from .dtypes import Records

if TYPE_CHECKING:
    import pandas


class Board:
    """The last record of every instrument that had one, as of one moment, in the order of the instruments table.

    Schemas that tell several things of an instrument (``statistics``, ``venue``, ``vwap``) have one record for each.
    """

    __slots__ = ("maybe_bad", "records", "rows", "schema", "symbols")

    def __init__(
        self, schema: str, records: Records, rows: NDArray[np.uint32], maybe_bad: NDArray[np.bool_], symbols: NDArray[np.str_]
    ) -> None:
        #: Which ring it belongs to.
        self.schema = schema
        #: The records, in the dtype of the schema.
        self.records = records
        #: For each record, the row of its instrument.
        self.rows = rows
        #: For each record, whether it may be wrong because messages are missing.
        self.maybe_bad = maybe_bad
        #: For each record, the symbol of its instrument.
        self.symbols = symbols

    def of(self, symbol: str) -> Records:
        """The records of one symbol."""
        found: Records = self.records[self.symbols == symbol]
        return found

    def to_df(self, *, prices: Literal["float", "fixed", "decimal"] = "float") -> pandas.DataFrame:
        """As a DataFrame by symbol, see :func:`to_df`."""
        from .frame import to_df

        return to_df(self.records, self.schema, symbols=self.symbols, maybe_bad=self.maybe_bad, prices=prices).set_index("symbol")

    def __len__(self) -> int:
        return len(self.records)

    def __repr__(self) -> str:
        return f"<tickwire.Board {self.schema}: {len(self)} records>"
