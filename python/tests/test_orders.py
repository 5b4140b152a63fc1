"""Books order by order: those of a model, of the command line and of the replay, however they were come by."""

from __future__ import annotations

import json
import pickle
import random
import subprocess
import threading
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import tickwire as tw
from conftest import Writer, replay


class Model:
    """Order books as one would write them down: a list of orders for each instrument and side, in the order of their coming."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.orders: dict[int, dict[int, tuple[str, int, int]]] = {0: {}, 1: {}, 2: {}}
        self.id = 0

    def event(self) -> str:
        """Something that happens to a book, as the writer is told."""
        chance, row = self.chance, self.chance.randrange(3)
        book = self.orders[row]
        if not book or chance.random() < 0.5:
            self.id += 1
            side = chance.choice("BA")
            price = 100 + (-1 if side == "B" else 1) * chance.randrange(1, 6)
            book[self.id] = (side, price, chance.randrange(1, 10))
            return f"{row} A {self.id} {side} {price} {book[self.id][2]}"
        id = chance.choice([*book])
        side, price, size = book[id]
        what = chance.random()
        if what < 0.1 and size > 1:
            book[id] = (side, price, size - 1)
            return f"{row} C {id} {side} {price} 1"
        if what < 0.2:
            # A larger size loses the place.
            del book[id]
            book[id] = (side, price, size + 5)
            return f"{row} M {id} {side} {price} {size + 5}"
        if what < 0.22:
            book.clear()
            return f"{row} R 0 N {tw.UNDEF_PRICE} 0"
        del book[id]
        return f"{row} C {id} {side} {price} {size}"

    def side(self, row: int, side: str) -> list[tuple[int, int, int]]:
        orders = [(id, price, size) for id, (of, price, size) in self.orders[row].items() if of == side]
        return sorted(orders, key=lambda order: -order[1] if side == "B" else order[1])

    def matches(self, books: tw.Orders) -> None:
        for row, symbol in enumerate(("AAPL", "MSFT", "TSLA")):
            book = books.book(symbol)
            assert not book.maybe_bad and not book.lacks_orders and book.row == row
            for side, orders in (("B", book.bids), ("A", book.asks)):
                assert orders[["order_id", "price", "size"]].tolist() == self.side(row, side)


def begun(writer: Writer, depth: int = 4096) -> tw.Publication:
    writer.create("p", f"mbo:{depth}")
    writer.instruments("AAPL", "MSFT", "TSLA")
    return tw.open("p")


def until_idle(books: tw.Orders) -> list[tw.OrdersNews]:
    told = []
    while (news := books.update(0.1)).kind not in ("idle", "end"):
        told.append(news)
    return told


@pytest.mark.parametrize("seed", range(4))
def test_books_are_those_of_a_model_order_by_order(writer: Writer, seed: int) -> None:
    publication, model = begun(writer), Model(seed)
    with publication.orders() as books:
        for _ in range(20):
            events = [model.event() for _ in range(30)]
            writer.orders(*events)
            news = books.update(5)
            assert news.kind == "records" and news.applied == 30
            assert {*news.changed.tolist()} == {("AAPL", "MSFT", "TSLA")[int(event[0])] for event in events}
            model.matches(books)
        assert books.position == 600 and books.contradictions == {"unknown": 0, "duplicate": 0, "excess": 0, "unusable": 0}
        assert books.live_orders == sum(map(len, model.orders.values())) and books.is_whole and books.lost == 0


def test_levels_best_and_places_in_the_queue(writer: Writer) -> None:
    books = begun(writer).orders()
    writer.orders("0 A 1 B 100 5", "0 A 2 B 100 7", "0 A 3 B 99 1", "0 A 4 A 102 4294967295", "0 A 5 A 102 4294967295", "1 A 9 B 1 1")
    assert books.update(5).changed.tolist() == ["AAPL", "MSFT"]
    book = books.book("AAPL")
    assert book.bids["orders_ahead"].tolist() == [0, 1, 0]
    bids, asks = book.levels()
    assert bids.tolist() == [(100, 12, 2), (99, 1, 1)] and asks.tolist() == [(102, 2 * 4294967295, 2)], "sizes add up beyond 32 bits"
    assert book.levels(1)[0].tolist() == [(100, 12, 2)]
    bid, ask = book.best
    assert bid is not None and ask is not None and (bid["price"], ask["price"]) == (100, 102)
    place = tw.Queued("bid", 100, 7, 1, 5)
    assert books.queued("AAPL", 2) == book.queued(2) == place
    assert books.queued("AAPL", 9) is None and book.queued(9) is None, "of another instrument"
    assert books.book("AAPL", levels=1).bids["order_id"].tolist() == [1, 2] and not len(books.book("AAPL", levels=0).asks)
    nobody = books.book("TSLA")
    assert nobody.best == (None, None) and not nobody.maybe_bad and [*map(len, nobody.levels())] == [0, 0] and str(nobody) == "TSLA - | -"
    assert str(book) == "AAPL 12 (2) x 0.0000001 | 0.000000102 x 8589934590 (2)"
    with pytest.raises(ValueError, match="read-only"):
        book.bids["size"] = 0
    writer.orders("0 C 1 B 100 5")
    books.update(5)
    assert len(book.bids) == 3, "a copy stays what it is"
    assert books.queued("AAPL", 2) == place._replace(orders_ahead=0, size_ahead=0)
    with pytest.raises(tw.NoSymbol, match="no instrument \"NONE\" so far"):
        books.book("NONE")
    with pytest.raises(ValueError, match="0 or more"):
        books.book("AAPL", levels=-1)


def test_a_data_frame_has_every_order_in_its_place(writer: Writer) -> None:
    pytest.importorskip("pandas")
    books = begun(writer).orders(["AAPL", "MSFT"])
    assert books.to_df().empty
    writer.orders("1 A 9 A 3000000000 1", "0 A 1 B 1500000000 5", "0 A 2 B 1500000000 7", "2 A 3 B 100 1")
    until_idle(books)
    frame = books.to_df()
    assert frame.to_dict("list") == {
        "symbol": ["AAPL", "AAPL", "MSFT"],
        "side": ["B", "B", "A"],
        "price": [1.5, 1.5, 3.0],
        "size": [5, 7, 1],
        "order_id": [1, 2, 9],
        "orders_ahead": [0, 1, 0],
        "maybe_bad": [False] * 3,
    }
    assert books.to_df("MSFT", prices="decimal")["price"].tolist() == [Decimal("3.00")]


def test_of_some_symbols_only_these_are_told_and_all_are_kept_up(writer: Writer) -> None:
    books = begun(writer).orders("MSFT")
    writer.orders("0 A 1 B 100 5", "2 A 2 B 100 5")
    assert books.update(0.05).kind == "idle"
    writer.orders("1 A 3 B 100 5")
    news = books.update(5)
    assert (news.kind, news.applied, news.changed.tolist()) == ("records", 3, ["MSFT"])
    assert len(books.book("AAPL").bids) == 1


def test_control_records_are_told_where_the_books_are_as_of_them(writer: Writer) -> None:
    books = begun(writer).orders()
    writer.orders("0 A 1 B 100 5")
    writer(f"control {0xE2} 0 5")
    writer.orders("0 A 2 B 100 5")
    news = books.update(5)
    assert news.kind == "control" and news.controls["rtype"].tolist() == [0xE2] and news.applied == 1 and news.changed.tolist() == ["AAPL"]
    assert len(books.book("AAPL").bids) == 1
    assert books.update(5).kind == "records" and len(books.book("AAPL").bids) == 2


def test_a_gap_casts_doubt_also_on_books_that_nothing_was_heard_of(writer: Writer) -> None:
    books = begun(writer).orders()
    writer.orders("0 A 1 B 100 5")
    writer("instrument 7 OTHER 1")
    # The writer's gaps are of channel 1.
    writer(f"control {0xE2} 0 5")
    until_idle(books)
    assert books.book("OTHER").maybe_bad and not books.book("OTHER").lacks_orders and not books.book("AAPL").maybe_bad


def test_who_comes_late_starts_at_the_image(writer: Writer) -> None:
    publication, model = begun(writer, depth=64), Model(7)
    with pytest.raises(ValueError, match="say one of them"):
        publication.orders(wait=True, gated=True)
    writer.orders(*(model.event() for _ in range(40)))
    position, orders = map(int, writer("image p").split())
    writer.orders(*(model.event() for _ in range(40)))
    books = publication.orders()
    assert books.live_orders == orders and books.position == position == 40
    assert [(news.kind, news.applied) for news in until_idle(books)] == [("records", 40)]
    model.matches(books)


def test_without_an_image_orders_are_refused_or_waited_for(writer: Writer) -> None:
    publication, model = begun(writer, depth=64), Model(8)
    writer.orders(*(model.event() for _ in range(20)))
    keeper = publication.orders()
    until_idle(keeper)
    writer("image p")
    saved = Path(publication.path + ".mbo.image").read_bytes()
    Path(publication.path + ".mbo.image").unlink()
    writer.orders(*(model.event() for _ in range(46)))
    with pytest.raises(tw.NoImage) as refused:
        publication.orders()
    assert str(refused.value).endswith(
        "p.mbo.image: no image to start from: there is none, and the mbo ring has lost its beginning; have the writer make images "
        "([publication.image]), wait for the next one, or start before the session"
    )
    books = publication.orders(wait=True)
    assert books.update(5).kind == "waiting" and not books.is_whole
    assert books.update(0.05).kind == "idle" and books.book("AAPL").maybe_bad and books.book("AAPL").lacks_orders
    Path(publication.path + ".mbo.image").write_bytes(saved)
    assert books.update(5).kind == "rejoined" and books.is_whole
    assert [(news.kind, news.applied) for news in until_idle(books)] == [("records", 46)]
    model.matches(books)


def test_who_was_lapped_says_so_and_goes_on_from_the_next_image(writer: Writer) -> None:
    publication, model = begun(writer, depth=64), Model(9)
    writer.orders(*(model.event() for _ in range(10)))
    books = publication.orders()
    assert books.update(5).applied == 10
    for _ in range(5):
        writer.orders(*(model.event() for _ in range(40)))
        writer("image p")
    writer.orders(*(model.event() for _ in range(5)))
    news = books.update(5)
    assert (news.kind, news.lost, news.changed.tolist()) == ("rejoined", 200, []) and books.lost == 200
    assert until_idle(books)[0].applied == 5
    model.matches(books)
    # And where there is no image yet.
    Path(publication.path + ".mbo.image").unlink()
    writer.orders(*(model.event() for _ in range(200)))
    assert books.update(5).kind == "waiting" and books.live_orders == 0 and books.book("MSFT").maybe_bad


def test_books_follow_the_writer_into_a_new_epoch(dir: Path) -> None:
    first = Writer(dir)
    publication = begun(first)
    books = publication.orders(timeout=5)
    first.orders("0 A 1 B 100 5")
    old = next(books)
    epoch = int(first("epoch"))
    first.instruments("TSLA")
    first.orders("0 A 2 B 100 5")
    news = next(books)
    assert news.kind == "epoch" and news.epoch == epoch == books.epoch == books.publication.epoch
    assert next(books).changed.tolist() == ["TSLA"] and old.changed.tolist() == ["AAPL"]
    assert books.book("TSLA").bids["order_id"].tolist() == [2] and books.live_orders == 1
    first.die()
    assert next(books).kind == "writer_dead" and books.update(0.05).kind == "idle"
    second = Writer(dir)
    begun(second)
    second.orders("0 A 3 B 100 5")
    assert [next(books).kind for _ in range(2)] == ["epoch", "records"]
    second("close remove")
    assert [news.kind for news in books] == ["end"] and books.update(0).kind == "end" and len(books.book("AAPL").bids) == 1
    second.end()


def test_threads_share_them_and_closing_ends_an_update(writer: Writer) -> None:
    books = begun(writer).orders()
    done = []
    waiting = threading.Thread(target=lambda: done.extend(books))
    waiting.start()
    writer.orders("0 A 1 B 100 5")
    while not len(books.book("AAPL").bids):
        time.sleep(0.001)
    with pytest.raises(TypeError, match="cannot be pickled: .*open them where"):
        pickle.dumps(books)
    books.close()
    waiting.join(5)
    assert not waiting.is_alive() and [news.kind for news in done] == ["records"]
    with pytest.raises(tw.Closed, match="the orders are closed"):
        books.update(0)
    assert repr(books) == "<tickwire.Orders closed>"


def test_what_has_no_orders_is_refused(writer: Writer) -> None:
    writer.create("p", "trades:64")
    with pytest.raises(tw.NoRing, match="has no mbo ring; it has trades"):
        tw.open("p").orders()


# ── a whole day ──


def shown(binary: Path, dir: Path, symbol: str) -> dict[str, Any]:
    command = [binary, "orders", "nasdaq", symbol, "--dir", dir, "--levels", "1000000", "--json"]
    done: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
    return done


def as_shown(orders: tw.Records) -> list[tuple[int, Decimal | None, int, int]]:
    return [(int(o["order_id"]), tw.price(o["price"]), int(o["size"]), int(o["orders_ahead"])) for o in orders]


def is_what_the_command_line_shows(books: tw.Orders, binary: Path, dir: Path) -> None:
    symbols = books.publication.instruments()["symbol"].tolist()
    compared = 0
    for symbol in symbols[::10]:
        book, told = books.book(symbol), shown(binary, dir, symbol)
        assert (told["epoch"], told["position"], told["state"]) == (books.epoch, books.position, "good") and not book.maybe_bad
        assert (told["sequence"], told["ts_event"]) == (book.sequence, book.ts_event)
        for side, orders in (("bids", book.bids), ("asks", book.asks)):
            assert as_shown(orders) == [(o["order_id"], Decimal(o["price"]), o["size"], o["orders_ahead"]) for o in told[side]]
            compared += len(orders)
            for line in told[side][::7]:
                at = books.queued(symbol, line["order_id"])
                assert at == book.queued(line["order_id"]) and at is not None
                assert (at.side + "s", at.orders_ahead, at.size_ahead) == (side, line["orders_ahead"], line["size_ahead"])
    assert compared > 100


def are_the_replay_s(books: tw.Orders, csv: Path) -> None:
    levels: dict[tuple[str, str], list[tuple[Decimal | None, int, int]]] = {}
    for line in csv.read_text().splitlines()[1:]:
        symbol, side, _, price, size, orders = line.split(",")
        levels.setdefault((symbol, side), []).append((Decimal(price), int(size), int(orders)))
    for row in books.publication.instruments():
        symbol = str(row["symbol"])
        for letter, side in zip("BS", books.book(symbol).levels(), strict=True):
            assert [(tw.price(p), s, n) for p, s, n in side.tolist()] == levels.pop((symbol, letter), [])
    assert not levels


def test_after_a_day_every_order_is_where_the_command_line_shows_it(dir: Path, tickwire_binary: Path, day: Path) -> None:
    # A ring so short that nothing but the image knows what rests.
    csv = dir / "books.csv"
    command = replay(tickwire_binary, dir, day, "--keep", "--ring-depth", "1024", "--images-every", "5000", "--books", str(csv))
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    books = tw.open("nasdaq").orders()
    assert [news.kind for news in books][-1] == "end"
    is_what_the_command_line_shows(books, tickwire_binary, dir)
    are_the_replay_s(books, csv)
    pytest.importorskip("pandas")
    frame = books.to_df()
    assert len(frame) == books.live_orders > 1000 and not frame["maybe_bad"].any()


def test_a_gated_reader_of_orders_sees_the_whole_day(dir: Path, tickwire_binary: Path, day: Path) -> None:
    csv, summary = dir / "books.csv", dir / "summary.json"
    more = ["--keep", "--ring-depth", "1024", "--gated-readers", "1", "--books", str(csv), "--summary", str(summary)]
    replaying = subprocess.Popen(replay(tickwire_binary, dir, day, *more), stdout=subprocess.DEVNULL)
    applied = 0
    with tw.open("nasdaq", timeout=20).orders(gated=True) as books:
        for news in books:
            assert news.kind in ("records", "control", "end")
            applied += news.applied
        assert replaying.wait(30) == 0
        assert applied == json.loads(summary.read_text())["records_by_schema"]["mbo"] > 60_000
        assert books.lost == 0 and sum(books.contradictions.values()) == 0
        are_the_replay_s(books, csv)
