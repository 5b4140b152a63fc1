"""A stream tells everything that happens to a ring, in order, whoever writes it and however fast."""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import tickwire as tw
from conftest import ALL, Writer


def kinds(stream: tw.Stream) -> list[str]:
    return [batch.kind for batch in stream]


def until_end(stream: tw.Stream) -> bytes:
    return b"".join(batch.records.tobytes() for batch in stream if batch.kind == "records")


@pytest.mark.parametrize("schema", [*tw.DTYPES])
def test_records_arrive_byte_by_byte_as_they_were_written(writer: Writer, schema: str) -> None:
    writer.create("p", *ALL)
    writer.instruments("AAPL", "MSFT")
    written = writer.publish(schema, 0, 1, 7) + writer.publish(schema, 1, 8, 3)
    with tw.open("p").stream(schema, "oldest") as stream:
        batch = stream.read(5)
        assert batch.kind == "records" and len(batch) == 10 and batch.position == 1
        assert batch.records.tobytes() == written
        assert batch.records.dtype == tw.dtype(schema)
        assert batch.symbols.tolist() == ["AAPL"] * 7 + ["MSFT"] * 3
        assert stream.read(0).kind == "idle"
        later = writer.publish(schema, 0, 11, 2)
        assert stream.read(5).records.tobytes() == later
        writer("close keep")
        assert stream.read(5).kind == "end"


def test_arrays_are_read_only_and_stay_what_they_are(writer: Writer) -> None:
    writer.create("p", "mbp-1:16")
    writer.instruments("AAPL")
    written = writer.publish("mbp-1", 0, 1, 4)
    stream = tw.open("p").stream("mbp-1", "oldest")
    batch = stream.read(5)
    with pytest.raises(ValueError, match="read-only"):
        batch.records["size"] = 0
    for n in range(20):
        writer.publish("mbp-1", 0, 100 + n, 16)
        stream.read(5)
    stream.close()
    del stream
    assert batch.records.tobytes() == written


def test_a_batch_is_no_longer_than_asked_for(writer: Writer) -> None:
    writer.create("p", "trades:64")
    writer.instruments("AAPL")
    written = writer.publish("trades", 0, 1, 50)
    writer("close keep")
    batches = [*tw.open("p").stream("trades", "oldest", max_records=8)]
    assert [len(batch) for batch in batches] == [8] * 6 + [2, 0]
    assert [batch.position for batch in batches[:-1]] == [1, 9, 17, 25, 33, 41, 49]
    assert b"".join(batch.records.tobytes() for batch in batches) == written


def test_a_lingering_batch_waits_for_more(writer: Writer) -> None:
    writer.create("p", "trades:64")
    writer.instruments("AAPL")
    with tw.open("p").stream("trades", "oldest", max_records=20, linger=5) as stream:
        timers = [threading.Timer(0.1 * n, writer.publish, ["trades", 0, 1 + 5 * n, 5]) for n in range(4)]
        for timer in timers:
            timer.start()
        start = time.monotonic()
        assert len(stream.read(5)) == 20
        assert time.monotonic() - start < 4, "a full batch does not wait"
        for timer in timers:
            timer.join()
    with tw.open("p").stream("trades", "oldest", linger=0.2) as stream:
        start = time.monotonic()
        assert len(stream.read(5)) == 20
        assert time.monotonic() - start >= 0.2


def test_control_records_stand_where_they_were_written(writer: Writer) -> None:
    writer.create("p", "mbp-1:64", "trades:64")
    writer.instruments("AAPL")
    writer.publish("mbp-1", 0, 1, 2)
    writer(f"control {0xE2} 0 5")
    writer(f"control {0xE3} 0 6")
    writer.publish("mbp-1", 0, 3, 1)
    writer("close keep")
    first, gap, last, end = tw.open("p").stream("mbp-1", "oldest")
    assert [batch.kind for batch in (first, gap, last, end)] == ["records", "control", "records", "end"]
    assert (first.position, last.position) == (1, 5)
    assert gap.controls["rtype"].tolist() == [0xE2, 0xE3] and gap.controls["first_sequence"].tolist() == [5, 6]
    assert gap.controls["cause"].tolist() == [5, 5] and len(gap) == 0 and not gap.records.size
    assert [batch.kind for batch in tw.open("p").stream("trades", "oldest")] == ["control", "end"], "in every ring"


def test_joining_begins_with_the_board_and_says_what_may_be_wrong(writer: Writer) -> None:
    writer.create("p", "mbp-1:64")
    writer.instruments("AAPL", "MSFT", "NONE", "TSLA")
    writer.publish("mbp-1", 0, 1, 3)
    aapl = writer.publish("mbp-1", 0, 4)
    msft = writer.publish("mbp-1", 1, 5, flags=tw.MAYBE_BAD_BOOK)
    tsla = writer.publish("mbp-1", 3, 6)
    with tw.open("p").stream("mbp-1") as stream:
        board = stream.read(5)
        assert board.kind == "board" and board.records.tobytes() == aapl + msft + tsla
        assert board.rows.tolist() == [0, 1, 3] and board.symbols.tolist() == ["AAPL", "MSFT", "TSLA"]
        assert board.maybe_bad.tolist() == [False, True, False]
        news = writer.publish("mbp-1", 1, 7, 2, flags=tw.MAYBE_BAD_BOOK) + writer.publish("mbp-1", 1, 9)
        batch = stream.read(5)
        assert batch.kind == "records" and batch.records.tobytes() == news and batch.position == 7
        assert batch.maybe_bad.tolist() == [True, True, False]
    # A gap of the channel since then casts doubt on all.
    writer(f"state 0 stale {2**64 - 1}")
    assert tw.open("p").stream("mbp-1").read(5).maybe_bad.all()


def test_starting_now_skips_what_was(writer: Writer) -> None:
    writer.create("p", "trades:64")
    writer.instruments("AAPL")
    writer.publish("trades", 0, 1, 5)
    stream = tw.open("p").stream("trades", "now")
    assert stream.read(0.01).kind == "idle"
    written = writer.publish("trades", 0, 6, 2)
    assert stream.read(5).records.tobytes() == written


def test_a_late_mbo_reader_is_told_that_it_has_no_orders(writer: Writer) -> None:
    writer.create("p", "mbo:64")
    writer.instruments("AAPL")
    writer.publish("mbo", 0, 1, 5)
    first = tw.open("p").stream("mbo").read(5)
    assert first.kind == "control" and first.controls["rtype"].tolist() == [0xEF]
    assert first.controls["first_sequence"].tolist() == [6]


def test_a_slow_reader_is_told_what_it_lost_and_rejoins_at_the_board(writer: Writer) -> None:
    writer.create("p", "mbp-1:16")
    writer.instruments("AAPL", "MSFT")
    stream = tw.open("p").stream("mbp-1", "oldest")
    writer.publish("mbp-1", 0, 1, 4)
    assert len(stream.read(5)) == 4
    writer.publish("mbp-1", 0, 5, 40)
    latest = writer.publish("mbp-1", 1, 45)
    lost = stream.read(5)
    assert lost.kind == "lost" and stream.lost == lost.lost and not len(lost)
    board = stream.read(5)
    assert board.kind == "board" and board.symbols.tolist() == ["AAPL", "MSFT"] and board.records[1].tobytes() == latest
    written = writer.publish("mbp-1", 0, 46, 3)
    batch = stream.read(5)
    assert batch.records.tobytes() == written
    assert 4 + lost.lost == batch.position - 1, "what was read and what was lost are all positions"


def test_a_slow_reader_may_stop_instead(writer: Writer) -> None:
    writer.create("p", "mbp-1:16")
    writer.instruments("AAPL")
    stream = tw.open("p").stream("mbp-1", "oldest", on_lost="stop")
    writer.publish("mbp-1", 0, 1, 100)
    assert kinds(stream) == ["lost", "end"]
    assert stream.ended and stream.lost > 0 and stream.read(0).kind == "end"


def test_a_stream_follows_the_writer_into_a_new_epoch_with_new_names(writer: Writer) -> None:
    first = writer.create("p", "trades:64")
    writer.instruments("AAPL", "MSFT")
    publication = tw.open("p")
    assert publication.epoch == first
    stream = publication.stream("trades", "oldest")
    writer.publish("trades", 0, 1, 2)
    old = stream.read(5)
    second = int(writer("epoch"))
    writer.instruments("TSLA")
    written = writer.publish("trades", 0, 3)
    epoch, batch = stream.read(5), stream.read(5)
    assert epoch.kind == "epoch" and epoch.epoch == second > first
    assert batch.records.tobytes() == written and batch.symbols.tolist() == ["TSLA"]
    assert old.symbols.tolist() == ["AAPL", "AAPL"], "a batch keeps the names of its epoch"
    assert stream.publication.epoch == second and publication.writer == "replaced" and publication.reopen().epoch == second


def test_a_stream_of_some_symbols_has_nothing_else_in_any_epoch(writer: Writer) -> None:
    writer.create("p", "trades:64", "venue:64")
    writer.instruments("AAPL", "MSFT")
    publication = tw.open("p")
    stream, venue = publication.stream("trades", symbols=["MSFT", "LATE"]), publication.stream("venue", symbols="MSFT")
    writer.publish("trades", 0, 1, 30)
    wanted = writer.publish("trades", 1, 31, 2)
    writer.publish("trades", 0, 33, 4)
    batch = stream.read(5)
    assert batch.records.tobytes() == wanted and batch.position == 31
    writer("instrument 3 LATE 0")
    late = writer.publish("trades", 2, 40)
    assert stream.read(5).records.tobytes() == late
    writer.publish("venue", 0, 41)
    whole = writer.publish("venue", None, 42)
    assert venue.read(5).records.tobytes() == whole, "what concerns the whole venue is everybody's"
    writer("epoch")
    writer.instruments("MSFT", "AAPL")
    assert stream.read(5).kind == "epoch"
    writer.publish("trades", 1, 43)
    again = writer.publish("trades", 0, 44)
    assert stream.read(5).records.tobytes() == again
    writer.publish("trades", 1, 45, 9)
    assert stream.read(0.05).kind == "idle"


def test_a_dead_writer_is_told_once_and_its_successor_is_followed(dir: Path) -> None:
    first = Writer(dir)
    first.create("p", "trades:64")
    first.instruments("AAPL")
    written = first.publish("trades", 0, 1, 3)
    publication = tw.open("p")
    assert publication.writer == "alive"
    stream = publication.stream("trades", "oldest")
    first.die()
    assert publication.writer == "dead"
    assert stream.read(5).records.tobytes() == written
    assert stream.read(5).kind == "writer_dead"
    assert stream.read(0.1).kind == "idle"
    second = Writer(dir)
    second.create("p", "trades:64")
    second.instruments("AAPL")
    written = second.publish("trades", 0, 4)
    assert stream.read(5).kind == "epoch"
    assert stream.read(5).records.tobytes() == written
    second("close remove")
    assert kinds(stream) == ["end"] and kinds(stream) == []
    second.end()


def test_waiting_takes_its_time_and_no_more(writer: Writer) -> None:
    writer.create("p", "trades:64")
    with tw.open("p").stream("trades", timeout=0.1) as stream:
        start = time.monotonic()
        assert next(stream).kind == "idle"
        assert 0.1 <= time.monotonic() - start < 1
        start, busy = time.monotonic(), time.process_time()
        assert stream.read(0.5).kind == "idle"
        assert time.process_time() - busy < 0.3, "waiting is mostly sleeping"
    for wrong in (-1, float("nan")):
        with pytest.raises(ValueError, match="seconds, 0 or more"):
            tw.open("p").stream("trades").read(wrong)
    writer("instrument 1 AAPL 0")
    writer.publish("trades", 0, 1)
    assert len(tw.open("p").stream("trades", "oldest").read(float("inf"))) == 1


def test_other_threads_run_while_one_waits(writer: Writer) -> None:
    writer.create("p", "trades:64")
    stream = tw.open("p").stream("trades")
    waiting = threading.Thread(target=lambda: stream.read(1))
    waiting.start()
    start, turns = time.monotonic(), 0
    while time.monotonic() - start < 0.3:
        turns += 1
    waiting.join()
    assert turns > 10_000, "the interpreter's lock is given away"


def test_two_threads_may_share_a_stream_and_lose_nothing(writer: Writer) -> None:
    writer.create("p", "trades:4096")
    writer.instruments("AAPL")
    stream = tw.open("p").stream("trades", "oldest", max_records=7)
    parts: list[list[tw.Batch]] = [[], []]
    threads = [threading.Thread(target=lambda part=part: part.extend(stream)) for part in parts]
    for thread in threads:
        thread.start()
    written = b"".join(writer.publish("trades", 0, 1 + 10 * n, 10) for n in range(100))
    writer("close keep")
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    batches = sorted((batch for part in parts for batch in part if len(batch)), key=lambda batch: batch.position)
    assert b"".join(batch.records.tobytes() for batch in batches) == written


def test_closing_ends_a_reader_in_another_thread(writer: Writer) -> None:
    writer.create("p", "trades:64")
    stream = tw.open("p").stream("trades")
    reader = threading.Thread(target=lambda: kinds(stream))
    reader.start()
    time.sleep(0.05)
    stream.close()
    reader.join(5)
    assert not reader.is_alive()
    with pytest.raises(tw.Closed, match="the stream is closed"):
        stream.read()


def test_ctrl_c_ends_the_waiting(writer: Writer, dir: Path) -> None:
    writer.create("p", "trades:64")
    # A shell's background jobs ignore the signal, and Python then leaves it so.
    ready = "signal.signal(signal.SIGINT, signal.default_int_handler)\nprint('ready', flush=True)"
    program = f"import signal\nimport tickwire as tw\n{ready}\nfor batch in tw.open('p').stream('trades'): pass"
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout and child.stdout.readline() == "ready\n"
    time.sleep(0.2)
    child.send_signal(signal.SIGINT)
    start = time.monotonic()
    _, told = child.communicate(timeout=10)
    assert "KeyboardInterrupt" in told and time.monotonic() - start < 2


def test_streams_and_publications_close_and_are_not_pickled(writer: Writer) -> None:
    writer.create("p", "trades:64")
    with tw.open("p") as publication:
        stream = publication.stream("trades")
        for what in (publication, stream):
            with pytest.raises(TypeError, match="cannot be pickled: .*open"):
                pickle.dumps(what)
    with pytest.raises(tw.Closed, match="the publication is closed"):
        _ = publication.epoch
    assert stream.read(0).kind == "idle", "a stream keeps what it needs"
    assert "closed" in repr(publication) and "open" in repr(stream)


def test_what_is_not_there_is_refused_in_one_sentence(writer: Writer, dir: Path) -> None:
    writer.create("p", "trades:64")
    publication = tw.open("p")
    with pytest.raises(tw.NotFound, match="no such publication; is its writer running"):
        tw.open("q")
    with pytest.raises(tw.BadName, match="not starting with '.'"):
        tw.open("../etc/passwd")
    with pytest.raises(tw.NoRing, match="has no mbp-1 ring; it has trades"):
        publication.stream("mbp-1")
    with pytest.raises(ValueError, match="no schema is called \"mbp-2\"; there is mbo"):
        publication.stream("mbp-2")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="say 'board', 'now' or 'oldest'"):
        publication.stream("trades", "yesterday")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="say 'rejoin' or 'stop'"):
        publication.stream("trades", on_lost="cry")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="1 or more"):
        publication.stream("trades", max_records=0).read()
    with pytest.raises(tw.Error, match="gate"):
        publication.stream("trades", gated=True)
    for error in (tw.NotFound, tw.BadName, tw.NoRing, tw.Refused, tw.Corrupt, tw.NoSymbol, tw.NoGate, tw.SystemRefused, tw.Closed):
        assert issubclass(error, tw.Error) and error.__doc__


def test_a_publication_that_comes_late_is_waited_for(dir: Path) -> None:
    late = Writer(dir)
    timer = threading.Timer(0.2, lambda: late.create("p", "trades:64"))
    timer.start()
    assert tw.open("p", timeout=10).name == "p"
    assert tw.names() == ["p"] == tw.names(dir)
    timer.join()
    late.end()


def test_a_flood_loses_nothing_that_is_not_told(writer: Writer) -> None:
    writer.create("p", "mbp-1:1024", instruments=64)
    writer.instruments(*(f"S{n}" for n in range(64)))
    stream = tw.open("p").stream("mbp-1", "oldest")
    writer.ask("flood 64 2000000 0.5")
    came, last = 0, 0
    while True:
        batch = stream.read(0.3)
        if batch.kind == "idle":
            break
        if batch.kind == "records":
            sequence = batch.records["sequence"].astype(np.int64)
            assert (np.diff(sequence) == 1).all() and batch.position == sequence[0]
            assert (batch.records["price"] == 100_000_000_000 + sequence % 1000 * 10_000_000).all()
            came += len(batch)
        if len(batch):
            last = int(batch.records["sequence"].max())
    published = int(writer.answer().split()[0])
    assert came + stream.lost == published
    assert last == published, "whatever was lost, the newest state is known"
