"""Records as data frames. Needs pandas: ``pip install tickwire[pandas]``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from .dtypes import FIELDS, Field, Records
from .units import price, prices, times

if TYPE_CHECKING:
    import pandas


def to_df(
    records: Records,
    schema: str,
    *,
    symbols: NDArray[np.str_] | None = None,
    maybe_bad: NDArray[np.bool_] | None = None,
    prices: Literal["float", "fixed", "decimal"] = "float",
) -> pandas.DataFrame:
    """Records as a DataFrame: times in UTC, letters and texts as strings, what is missing as NaN, NaT or an empty text.

    :param prices: ``float``, ``fixed`` (int64 in 1e-9, as in the records) or ``decimal`` (exact, slow)
    :param symbols: becomes the first column
    :param maybe_bad: becomes the last column
    """
    try:
        import pandas as pd
    except ImportError:
        raise ImportError("data frames need pandas: pip install pandas (records are numpy arrays without it)") from None
    columns: dict[str, Any] = {}
    if symbols is not None:
        columns["symbol"] = symbols.astype(object)
    for field in FIELDS[schema]:
        if field.meaning == "pad" or field.name == "length":
            continue
        values = records[field.name]
        if field.repeat == 1:
            columns[field.name] = _column(field, values, prices)
        else:
            columns.update((f"{field.name}_{n}", _column(field, values[:, n], prices)) for n in range(field.repeat))
    if maybe_bad is not None:
        columns["maybe_bad"] = maybe_bad
    frame = pd.DataFrame(columns)
    for field in FIELDS[schema]:
        if field.meaning == "time":
            frame[field.name] = frame[field.name].dt.tz_localize("UTC")
    return frame


def _column(field: Field, values: NDArray[Any], shown: Literal["float", "fixed", "decimal"]) -> NDArray[Any]:
    if field.meaning == "price" and shown == "float":
        return prices(values)
    if field.meaning == "price" and shown == "decimal":
        return np.array([price(value) for value in values.tolist()], dtype=object)
    if field.meaning == "ratio" and shown != "fixed":
        return values / 1e9
    if field.meaning == "time":
        return times(values)
    if field.meaning in ("char", "text"):
        return np.array([letters.decode("latin-1").rstrip() for letters in values.tolist()], dtype=object)
    return values
