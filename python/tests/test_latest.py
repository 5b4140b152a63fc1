"""The newest values: state, however fast the writer and however slow the reader."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

import tickwire as tw
from conftest import ALL, Writer


def begun(writer: Writer, *rings: str, symbols: tuple[str, ...] = ("AAPL", "MSFT")) -> tw.Publication:
    writer.create("p", *rings)
    writer.instruments(*symbols)
    return tw.open("p")


def until_idle(latest: tw.Stream) -> list[tw.Batch]:
    batches = []
    while (batch := latest.read(0.1)).kind not in ("idle", "end"):
        batches.append(batch)
    return batches


def test_it_begins_with_the_channels_and_the_board(writer: Writer) -> None:
    publication = begun(writer, "mbp-1:64")
    writer.publish("mbp-1", 0, 1, 3)
    aapl = writer.publish("mbp-1", 0, 4)
    msft = writer.publish("mbp-1", 1, 5, flags=tw.MAYBE_BAD_BOOK)
    with publication.latest("mbp-1") as latest:
        channels, values, idle = latest.read(5), latest.read(5), latest.read(0)
        assert [batch.kind for batch in (channels, values, idle)] == ["channel", "values", "idle"]
        assert [(row.channel, row.name, row.state) for row in channels.channels] == [(0, "A", "idle"), (1, "B", "idle")]
        assert values.records.tobytes() == aapl + msft and values.records.dtype == tw.dtype("mbp-1")
        assert values.rows.tolist() == [0, 1] and values.symbols.tolist() == ["AAPL", "MSFT"]
        assert values.maybe_bad.tolist() == [False, True] and values.positions.tolist() == [4, 5]
        with pytest.raises(ValueError, match="read-only"):
            values.records["size"] = 0


@pytest.mark.parametrize("schema", [schema for schema in tw.DTYPES if schema != "mbo"])
def test_each_instrument_is_told_once_with_its_newest_record_and_what_it_was_newer_than(writer: Writer, schema: str) -> None:
    latest = begun(writer, *ALL).latest(schema)  # type: ignore[arg-type]
    assert [batch.kind for batch in until_idle(latest)] == ["channel"]
    # The number decides about the cell of those that have several: 20 apart it is the same one.
    for n in (20, 40, 60):
        writer.publish(schema, 1, n)
    aapl, msft = writer.publish(schema, 0, 80), writer.publish(schema, 1, 100)
    [values] = until_idle(latest)
    assert sorted([values.records[:1].tobytes(), values.records[1:].tobytes()]) == sorted([aapl, msft])
    assert dict(zip(values.symbols.tolist(), values.folded.tolist(), strict=True)) == {"AAPL": 0, "MSFT": 3}
    assert dict(zip(values.symbols.tolist(), values.positions.tolist(), strict=True)) == {"AAPL": 4, "MSFT": 5}


def test_control_records_and_channels_stand_between_the_values(writer: Writer) -> None:
    latest = begun(writer, "mbp-1:64").latest("mbp-1")
    until_idle(latest)
    writer.publish("mbp-1", 0, 1)
    writer(f"control {0xE2} 0 5")
    writer(f"state 0 stale {2**64 - 1}")
    writer.publish("mbp-1", 1, 2)
    batches = until_idle(latest)
    assert [batch.kind for batch in batches] == ["values", "control", "channel", "values"]
    assert batches[1].controls["first_sequence"].tolist() == [5]
    assert [(row.name, row.state, row.doubted) for row in batches[2].channels] == [("A", "stale", True)]
    assert batches[0].maybe_bad.all() and batches[3].maybe_bad.all(), "as of now"


def test_of_some_symbols_nothing_else_is_told_in_any_epoch(writer: Writer) -> None:
    latest = begun(writer, "trades:64").latest("trades", symbols=["MSFT", "LATE"])
    until_idle(latest)
    writer.publish("trades", 0, 1, 30)
    wanted = writer.publish("trades", 1, 31)
    writer("instrument 3 LATE 0")
    wanted += writer.publish("trades", 2, 32)
    assert b"".join(batch.records.tobytes() for batch in until_idle(latest)) == wanted
    second = int(writer("epoch"))
    writer.instruments("LATE", "AAPL")
    writer.publish("trades", 1, 33)
    late = writer.publish("trades", 0, 34)
    told = until_idle(latest)
    assert [batch.kind for batch in told] == ["epoch", "channel", "values"]
    assert told[0].epoch == second == latest.publication.epoch and told[2].records.tobytes() == late and told[2].symbols.tolist() == ["LATE"]


def test_who_was_lapped_skips_and_lacks_nothing(writer: Writer) -> None:
    latest = begun(writer, "mbp-1:16", symbols=("AAPL", "MSFT", "QUIET")).latest("mbp-1")
    until_idle(latest)
    quiet = writer.publish("mbp-1", 2, 1)
    writer.publish("mbp-1", 0, 2, 500)
    aapl, msft = writer.publish("mbp-1", 0, 600), writer.publish("mbp-1", 1, 601)
    told = until_idle(latest)
    assert sum(batch.skipped for batch in told) > 0
    newest = {symbol: record.tobytes() for batch in told for symbol, record in zip(batch.symbols.tolist(), batch.records, strict=True)}
    assert newest == {"QUIET": quiet, "AAPL": aapl, "MSFT": msft}


@pytest.mark.parametrize("linger", [0, 0.05])
def test_under_a_fast_writer_it_ends_with_every_instrument_s_last_value(writer: Writer, linger: float) -> None:
    writer.create("p", "mbp-1:1024", instruments=500)
    writer.instruments(*(f"S{n}" for n in range(500)))
    latest = tw.open("p").latest("mbp-1", linger=linger, max_records=300)
    writer.ask("flood 500 1500000 0.5")
    newest, told, passed_over, batches = np.zeros(500, np.int64), 0, 0, 0
    began = time.monotonic()
    while (batch := latest.read(0.4)).kind != "idle":
        if batch.kind == "values":
            assert len({*batch.rows.tolist()}) == len(batch) <= 300, "each once"
            numbers = batch.records["sequence"].astype(np.int64)
            assert (numbers == batch.positions).all() and (numbers % 500 == batch.rows).all()
            assert (batch.records["price"] == 100_000_000_000 + numbers % 1000 * 10_000_000).all(), "whole"
            assert (numbers > newest[batch.rows]).all(), "never older than what was told before"
            newest[batch.rows] = numbers
            told, passed_over, batches = told + len(batch), passed_over + int(batch.folded.sum()), batches + 1
    published = int(writer.answer().split()[0])
    assert sorted(newest.tolist()) == [*range(published - 499, published + 1)]
    assert told + passed_over <= published
    # How long the flood lasts is the machine's mood; how often one looks within it is not. A look is two batches, as they are cut at 300
    # of 500, and another one or two where the writer has changed some of the first again meanwhile.
    looks = (time.monotonic() - began) / linger if linger else 0
    assert not linger or batches <= 4 * looks + 4, "changes gather"


def test_a_dead_writer_and_its_end_are_told(dir: Path) -> None:
    first = Writer(dir)
    latest = begun(first, "trades:64").latest("trades", timeout=5)
    written = first.publish("trades", 0, 1)
    first.die()
    assert b"".join(batch.records.tobytes() for batch in (next(latest), next(latest))) == written
    assert next(latest).kind == "writer_dead" and latest.read(0.05).kind == "idle"
    second = Writer(dir)
    begun(second, "trades:64")
    second.publish("trades", 1, 2)
    assert [next(latest).kind for _ in range(3)] == ["epoch", "channel", "values"]
    second("close remove")
    assert [batch.kind for batch in latest][-1] == "end" and latest.read(0).kind == "end"
    second.end()


def test_waiting_is_bounded_and_lingering_leaves_the_core_alone(writer: Writer) -> None:
    latest = begun(writer, "trades:64").latest("trades", linger=10)
    until_idle(latest)
    writer.publish("trades", 0, 1)
    assert latest.read(5).kind == "values"
    writer.publish("trades", 0, 2)
    start, busy = time.monotonic(), time.process_time()
    assert latest.read(0.3).kind == "idle", "it still gathers"
    assert 0.3 <= time.monotonic() - start < 1 and time.process_time() - busy < 0.2


def test_order_events_are_no_state(writer: Writer) -> None:
    with pytest.raises(tw.Error, match=r"order events are no state, so the mbo ring has no board; orders\(\) has the orders"):
        begun(writer, "mbo:64").latest("mbo")
