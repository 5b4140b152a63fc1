"""What Python reads is what ``tickwire tail`` and ``tickwire book`` show of the same publication."""

from __future__ import annotations

import json
import subprocess
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tickwire as tw
from conftest import ALL, Writer, replay
from tickwire import controls

#: Names of tail's that are not the fields' own.
NAMES = {
    "bid": "bid_px_00",
    "bid_size": "bid_sz_00",
    "bid_orders": "bid_ct_00",
    "ask": "ask_px_00",
    "ask_size": "ask_sz_00",
    "ask_orders": "ask_ct_00",
    "near_price": "cont_book_clr_price",
    "far_price": "auct_interest_clr_price",
    "match_price": "ind_match_price",
    "paired": "paired_qty",
    "imbalance": "total_imbalance_qty",
    "extensions": "num_extensions",
    "variation": "significant_imbalance",
    "round_lot": "min_lot_size_round_lot",
    "time": "time_ns",
}
#: What tail shows in words or computes; compared by the other tests.
IN_WORDS = {"kind", "symbol", "flags", "tells", "levels", "crossing", "window"}


def tail(binary: Path, dir: Path, name: str, schema: str, *more: str) -> list[dict[str, Any]]:
    command = [binary, "tail", name, "--dir", dir, "--schema", schema, "--from", "oldest", "--json", *more]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def same(shown: Any, value: Any) -> bool:
    """Whether tail shows a field's value so."""
    if isinstance(value, np.ndarray):
        return len(shown) == len(value) and all(same(*pair) for pair in zip(shown, value, strict=True))
    if isinstance(value, bytes):
        letters = value.decode("latin-1")
        if len(value) == 1 and shown == f"0x{value[0]:02x}" or value == b"" and shown == "0x00":
            return True
        printable = "".join(c if "!" <= c <= "~" else "?" for c in letters.rstrip("\0 "))
        return shown == (printable or None)
    if shown is None:
        return int(value) in (tw.UNDEF_PRICE, tw.UNDEF_TIME, 2**32 - 1, 0)
    if isinstance(shown, str):
        return Decimal(shown) == tw.price(value)
    return int(shown) == int(value)


STAGES = {"receive_ns", "arbitrate_ns", "decode_ns", "book_ns", "publish_ns"}


@pytest.mark.parametrize("schema", [*tw.DTYPES])
def test_every_schema_s_rows_are_those_that_tail_shows(writer: Writer, dir: Path, tickwire_binary: Path, schema: str) -> None:
    writer.create("p", *ALL)
    writer.instruments("AAPL", "MSFT")
    writer.publish(schema, 0, 1, 20)
    writer(f"control {0xE2} 0 5")
    writer.publish(schema, 1, 21, 20)
    writer("close keep")
    batches = [*tw.open("p").stream(schema, "oldest")]
    rows = [(row, symbol) for batch in batches for row, symbol in zip(batch.records, batch.symbols, strict=True)]
    shown = tail(tickwire_binary, dir, "p", schema)
    assert [line["kind"] for line in shown] == ["record"] * 20 + ["control"] + ["record"] * 20
    [control] = [batch.controls[0] for batch in batches if batch.kind == "control"]
    line = shown.pop(20)
    rtype = int(control["rtype"])
    assert (line["event"], line["cause"]) == (controls.event(rtype), controls.cause(rtype, int(control["cause"])))
    assert (line["first_sequence"], line["last_sequence"]) == (control["first_sequence"], control["last_sequence"])
    compared = set()
    for line, (row, symbol) in zip(shown, rows, strict=True):
        assert line["symbol"] == symbol
        for name, told in line.items():
            field = NAMES.get(name, name)
            if told is None and name in STAGES:
                # Nobody stamped them: the record has no time of that stage, and tail shows none.
                assert row["stamped"] == 0, name
                continue
            if name not in IN_WORDS and field in (row.dtype.names or ()):
                assert same(told, row[field]), (name, told, row[field])
                compared.add(field)
    assert {"ts_event"} < compared and len(compared) >= 4, compared


def test_a_gated_reader_gets_every_record_of_a_replay(dir: Path, tickwire_binary: Path, day: Path) -> None:
    summary = dir / "summary.json"
    command = replay(tickwire_binary, dir, day, "--ring-depth", "1024", "--gated-readers", "2", "--summary", str(summary))
    replaying = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    publication = tw.open("nasdaq", timeout=20)
    streams = [publication.stream(schema, "oldest", gated=True) for schema in ("mbo", "trades")]  # type: ignore[arg-type]
    counts = {}
    def read(stream: tw.Stream) -> None:
        counts[stream.schema] = sum(len(batch) for batch in stream if batch.kind == "records")

    threads = [threading.Thread(target=read, args=[stream]) for stream in streams]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert replaying.wait(30) == 0
    told = json.loads(summary.read_text())["records_by_schema"]
    assert counts == {schema: told[schema] for schema in counts} and counts["mbo"] > 60_000
    assert all(stream.lost == 0 for stream in streams)


def test_boards_and_books_are_those_of_the_command_line(dir: Path, tickwire_binary: Path, day: Path) -> None:
    books = dir / "books.csv"
    subprocess.run(replay(tickwire_binary, dir, day, "--keep", "--books", str(books)), check=True, capture_output=True, timeout=60)
    publication = tw.open("nasdaq")
    assert publication.writer == "closed"
    board = publication.board("mbp-10")
    assert len(board) > 150
    levels = tw.levels(board.records)
    for n in range(0, len(board), 10):
        symbol = str(board.symbols[n])
        book = publication.book(symbol)
        assert book.levels.tobytes() == levels[n].tobytes() and book.state == "good"
    # The oracle is the replay's own books: symbol, side, level, price, size, orders.
    header, *lines = books.read_text().splitlines()
    best: dict[tuple[str, str], list[dict[str, str]]] = {}
    for line in lines:
        row = dict(zip(header.split(","), line.split(","), strict=True))
        best.setdefault((row["symbol"], row["side"]), []).append(row)  # from the best on
    assert len(best) > 250
    for symbol, side in best:
        book = publication.book(symbol)
        px, sz, there = ("bid_px", "bid_sz", book.bids) if side == "B" else ("ask_px", "ask_sz", book.asks)
        told = [(Decimal(row["price"]), int(row["size"])) for row in best[symbol, side]]
        assert [(tw.price(level[px]), int(level[sz])) for level in there] == told[:10]
