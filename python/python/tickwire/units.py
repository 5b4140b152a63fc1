"""Prices and times for the screen.

In records a price is an int64 in units of 1e-9: exact, and quick to compare. ``records["price"] * 1e-9`` is a float of it, if no
price is missing; these functions know what is missing, and :func:`price` is exact.
"""

from __future__ import annotations

from decimal import Decimal
from typing import SupportsInt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .dtypes import UNDEF_PRICE, UNDEF_TIME


def price(value: SupportsInt) -> Decimal | None:
    """One price as an exact decimal without needless zeros; ``None`` if it is not there.

    >>> price(191_250_000_000)
    Decimal('191.25')
    """
    units = int(value)
    if units == UNDEF_PRICE:
        return None
    whole, rest = divmod(abs(units), 10**9)
    text = f"{'-' if units < 0 else ''}{whole}.{rest:09}".rstrip("0")
    # Two digits at least, as prices are written.
    point = len(text) - text.index(".") - 1
    return Decimal(text + "0" * (2 - point))


def prices(values: ArrayLike) -> NDArray[np.float64]:
    """Prices as floats, for arithmetic that may be a hair's breadth off; NaN where there is none."""
    units = np.asarray(values, dtype=np.int64)
    floats = units / 1e9
    return np.where(units == UNDEF_PRICE, np.nan, floats)


def times(values: ArrayLike) -> NDArray[np.datetime64]:
    """Times as ``datetime64[ns]``, in UTC; NaT where none is told."""
    ns = np.asarray(values, dtype=np.uint64)
    return np.where(ns == UNDEF_TIME, np.datetime64("NaT", "ns"), ns.astype(np.int64).astype("datetime64[ns]"))
