"""The dtypes are where the Rust compiler has put the fields, and called as DBN calls them."""

import re

import numpy as np
import pytest

import tickwire as tw
from tickwire import _native
from tickwire.dtypes import FIELDS


def layout_of(dtype: np.dtype) -> list[tuple[str, int, int, str]]:
    found = []
    for name in dtype.names:
        field, offset = dtype.fields[name][:2]
        found.append((name, offset, field.itemsize, field.base.kind))
    return found


@pytest.mark.parametrize("schema", [*FIELDS])
def test_every_field_is_where_rust_has_it(schema: str) -> None:
    dtype = tw.CONTROL if schema == "control" else tw.dtype(schema)
    # A letter is a number of one byte in Rust.
    in_rust = _native.layout(schema)
    expected = [(name, at, size, kind) for name, at, size, kind in in_rust]
    found = [(name, at, size, "u" if kind == "S" and size == 1 and expected[n][3] == "u" else kind) for n, (name, at, size, kind) in enumerate(layout_of(dtype))]
    assert found == expected
    # Nothing lies between them, so nothing was left out on both sides.
    end = 0
    for _, at, size, _ in in_rust:
        assert at == end
        end += size
    assert dtype.itemsize == end == _native.record_size(schema)


def test_every_schema_of_the_library_has_a_dtype() -> None:
    assert [*tw.DTYPES] == _native.schemas()


DATABENTO = {
    "mbo": "MBOMsg",
    "mbp-1": "MBP1Msg",
    "mbp-10": "MBP10Msg",
    "trades": "TradeMsg",
    "status": "StatusMsg",
    "imbalance": "ImbalanceMsg",
    "statistics": "StatMsg",
    "definition": "InstrumentDefMsg",
    **{f"ohlcv-1{unit}": "OHLCVMsg" for unit in "smhd"},
}


@pytest.mark.parametrize("schema", [*DATABENTO])
def test_dbn_s_own_package_lays_the_records_out_the_same(schema: str) -> None:
    dbn = pytest.importorskip("databento_dbn", reason="SKIPPED: databento-dbn is not installed")
    message = getattr(dbn, DATABENTO[schema])
    assert tw.dtype(schema) == np.dtype(message._dtypes)
    meanings = {field.name: field.meaning for field in FIELDS[schema]}
    assert {name for name, meaning in meanings.items() if meaning == "price"} == set(message._price_fields)
    assert {name for name, meaning in meanings.items() if meaning == "time"} == set(message._timestamp_fields)


def test_an_unknown_schema_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="no schema is called 'mbp-2'; there is mbo, mbp-1"):
        tw.dtype("mbp-2")


def test_levels_are_a_view_of_the_flat_fields() -> None:
    records = np.frombuffer(np.random.default_rng(1).bytes(368 * 5), tw.dtype("mbp-10"))
    levels = tw.levels(records)
    assert levels.shape == (5, 10) and levels.dtype == tw.LEVEL
    for n in range(10):
        for side in ("bid_px", "ask_px", "bid_sz", "ask_sz", "bid_ct", "ask_ct"):
            assert (levels[side][:, n] == records[f"{side}_{n:02}"]).all()
    assert np.shares_memory(levels, records)
    with pytest.raises(ValueError, match="no book levels"):
        tw.levels(np.empty(1, tw.dtype("trades")))


def test_names_in_the_table_are_no_two_the_same() -> None:
    for fields in FIELDS.values():
        names = [field.name for field in fields]
        assert len({*names}) == len(names) and all(re.fullmatch(r"[a-z_0-9]+", name) for name in names)
