"""Boards, books and tables show the state that the writer left."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest

import tickwire as tw
from conftest import ALL, Writer


@pytest.mark.parametrize("schema", [schema for schema in tw.DTYPES if schema != "mbo"])
def test_a_board_has_the_last_record_of_every_instrument(writer: Writer, schema: str) -> None:
    writer.create("p", *ALL)
    writer.instruments("AAPL", "MSFT", "NONE")
    for number in range(1, 21):
        writer.publish(schema, 0, number)
    last = writer.publish(schema, 1, 21)
    board = tw.open("p").board(schema)
    assert board.symbols.tolist() == ["AAPL"] * (len(board) - 1) + ["MSFT"]
    assert board.of("MSFT").tobytes() == last and len(board.of("NONE")) == 0
    several = {"statistics": 1, "venue": 10, "vwap": 4}.get(schema, 1)
    assert len(board.of("AAPL")) >= several
    if schema == "venue":
        assert sorted(board.of("AAPL")["kind"]) == [*range(10)]


def test_a_board_under_a_fast_writer_is_of_one_moment(writer: Writer) -> None:
    writer.create("p", "mbp-1:16384", instruments=64)
    writer.instruments(*(f"S{n}" for n in range(64)))
    publication = tw.open("p")
    writer.ask("flood 64 500000 0.5")
    seen = []
    while not seen or publication.rings["mbp-1"].position < 200_000:
        board = publication.board("mbp-1")
        if len(board) == 64:
            # Sixty-four instruments in turn: their newest records are sixty-four numbers in a row.
            numbers = np.sort(board.records["sequence"])
            assert numbers[-1] - numbers[0] == 63
            seen.append(int(numbers[-1]))
    assert seen == sorted(seen) and len({*seen}) > 3
    writer.answer()


def test_the_mbo_ring_has_no_board_and_says_so(writer: Writer) -> None:
    writer.create("p", "mbo:64")
    with pytest.raises(tw.Error, match="order events are no state"):
        tw.open("p").board("mbo")
    with pytest.raises(tw.NoRing, match="no mbp-1 ring"):
        tw.open("p").board("mbp-1")


def test_a_gap_of_the_channel_is_in_doubt_on_the_board_and_in_the_book(writer: Writer) -> None:
    writer.create("p", "status:64", "mbp-10:64")
    writer.instruments("AAPL")
    writer("instrument 2 MSFT 1")
    for row in (0, 1):
        writer.publish("status", row, 1)
        writer.publish("mbp-10", row, 1)
    publication = tw.open("p")
    assert publication.board("status").maybe_bad.tolist() == [False, False]
    writer(f"state 1 stale {2**64 - 1}")
    for schema in ("status", "mbp-10"):
        assert publication.board(schema).maybe_bad.tolist() == [False, True]
    assert (publication.book("AAPL").state, publication.book("MSFT").state) == ("good", "maybe_bad")
    assert publication.book("MSFT").channel == "stale" and "may be wrong" in str(publication.book("MSFT"))


def test_a_book_is_the_levels_of_the_last_record(writer: Writer) -> None:
    writer.create("p", "mbp-10:64", "mbp-1:64")
    writer.instruments("AAPL", "MSFT")
    record = np.frombuffer(writer.publish("mbp-10", 0, 9), tw.dtype("mbp-10"))
    book = tw.open("p").book("AAPL")
    assert book.levels.tobytes() == tw.levels(record)[0].tobytes() and len(book.levels) == 10
    assert (book.symbol, book.row, book.instrument_id, book.position) == ("AAPL", 0, 1, 1)
    assert (book.ts_recv, book.ts_event, book.sequence) == (record["ts_recv"][0], record["ts_event"][0], record["sequence"][0])
    empty = tw.open("p").book("MSFT")
    assert empty.position == 0 and len(empty.bids) == len(empty.asks) == 0
    assert str(empty) == "MSFT 0 x - | - x 0"
    with pytest.raises(tw.NoSymbol, match='no instrument "TSLA" so far'):
        tw.open("p").book("TSLA")


def test_a_book_without_ten_levels_is_the_best_one(writer: Writer) -> None:
    writer.create("p", "mbp-1:64")
    writer.instruments(*(f"S{n}" for n in range(4)))
    writer("flood 4 1000 0.01")
    book = tw.open("p").book("S1")
    assert len(book.levels) == 1
    bid, ask = book.bids["bid_px"][0], book.asks["ask_px"][0]
    assert ask - bid == 10_000_000 and str(book) == f"S1 100 x {tw.price(bid)} | {tw.price(ask)} x 200"


def test_the_tables_are_those_of_the_writer(writer: Writer) -> None:
    epoch = writer.create("p", "trades:64", "mbp-1:128")
    writer.instruments("AAPL", "MSFT")
    publication = tw.open("p")
    assert publication.rings["mbp-1"] == tw.Ring("mbp-1", 128, 80, 128, 0)
    assert [*publication.rings] == ["trades", "mbp-1"] or [*publication.rings] == ["mbp-1", "trades"]
    table = publication.instruments()
    assert table.dtype == tw.INSTRUMENT and table["symbol"].tolist() == ["AAPL", "MSFT"]
    assert table["instrument_id"].tolist() == [1, 2] and table["round_lot"].tolist() == [100, 100]
    writer("instrument 9 A-LONGER 1")
    assert publication.instruments()["symbol"].tolist() == ["AAPL", "MSFT", "A-LONGER"]
    assert publication.find("A-LONGER") == tw.Instrument(2, 9, 2, 1, 100, "A-LONGER")
    assert publication.find("a-longer") is None
    writer("counter 12")
    writer("state 1 good 1024")
    assert publication.counters() == {"frames": 12}
    a, b = publication.channels()
    assert (a.name, a.state) == ("A", "idle") and b == tw.Channel("B", 2, "good", False, 1024, 0, 1)
    assert publication.epoch == epoch and publication.writer_pid == writer.process.pid and publication.heartbeat_ns >= publication.created_ns > 0
    assert publication.path.endswith("/p") and publication.name == "p" and "trades" in repr(publication)


def test_an_id_that_is_given_to_another_symbol_stands_for_the_newer_one(writer: Writer) -> None:
    writer.create("p", "trades:64")
    writer.instruments("OLD")
    publication = tw.open("p")
    stream = publication.stream("trades", "oldest")
    writer.publish("trades", 0, 1)
    assert stream.read(5).symbols.tolist() == ["OLD"]
    writer("instrument 1 NEW 0")
    writer.publish("trades", 0, 2)
    assert stream.read(5).symbols.tolist() == ["NEW"]
    records = np.zeros(2, tw.dtype("trades"))
    records["instrument_id"], records["publisher_id"] = [1, 77], 2
    assert publication.symbols.of(records).tolist() == ["NEW", ""]
    assert publication.symbols.rows_of(records).tolist() == [1, -1]


def test_symbols_are_named_before_any_is_announced(writer: Writer) -> None:
    writer.create("p", "trades:64")
    assert tw.open("p").symbols.of(np.zeros(3, tw.dtype("trades"))).tolist() == ["", "", ""]
    assert len(tw.open("p").board("trades")) == 0


@pytest.mark.parametrize("schema", [schema for schema in tw.DTYPES if schema != "mbo"])
def test_every_board_becomes_a_data_frame(writer: Writer, schema: str) -> None:
    pandas = pytest.importorskip("pandas", reason="SKIPPED: pandas is not installed")
    writer.create("p", *ALL)
    writer.instruments("AAPL", "MSFT")
    writer.publish(schema, 0, 1)
    writer.publish(schema, 1, 2)
    board = tw.open("p").board(schema)
    frame = board.to_df()
    assert frame.index.tolist() == ["AAPL", "MSFT"] and frame["maybe_bad"].dtype == bool
    assert isinstance(frame["ts_event"].dtype, pandas.DatetimeTZDtype)
    assert frame["ts_event"].astype("int64").tolist() == board.records["ts_event"].tolist()
    for name in {"price", "open", "vwap", "microprice", "ref_price", "strike_price"} & {*frame.columns}:
        assert frame[name].tolist() == (board.records[name] / 1e9).tolist()
        assert [int(price * 10**9) for price in board.to_df(prices="decimal")[name]] == board.records[name].tolist()
        assert board.to_df(prices="fixed")[name].tolist() == board.records[name].tolist()
    assert "_reserved" not in frame.columns


def test_without_pandas_everything_but_data_frames_is_there(writer: Writer) -> None:
    writer.create("p", "trades:64")
    writer.instruments("AAPL")
    writer.publish("trades", 0, 1)
    program = """
import sys
sys.modules["pandas"] = None
import tickwire as tw
board = tw.open("p").board("trades")
assert len(board) == 1 and len(tw.open("p").stream("trades").read(5)) == 1
try:
    board.to_df()
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "data frames need pandas: pip install pandas" in done.stdout


def test_two_threads_read_one_publication(writer: Writer) -> None:
    writer.create("p", "mbp-1:1024", instruments=64)
    writer.instruments(*(f"S{n}" for n in range(64)))
    publication, failures = tw.open("p"), []
    writer.ask("flood 64 200000 0.5")

    def read() -> None:
        try:
            stream = publication.stream("mbp-1", timeout=0.3)
            for batch in stream:
                publication.board("mbp-1"), publication.book("S1"), publication.channels()
                assert set(batch.symbols) <= {*publication.instruments()["symbol"]}
                if batch.kind == "idle":
                    return
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not failures and not any(thread.is_alive() for thread in threads)
    writer.answer()
