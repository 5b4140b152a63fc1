"""Files that are cut, of another version, or full of noise: refused in one sentence, and never a crash.

What might crash runs in a process of its own, so that a crash is seen as one.
"""

from __future__ import annotations

import random
import struct
import subprocess
import sys
from pathlib import Path

import pytest

import tickwire as tw
from conftest import ALL, Writer

#: Does with a publication all that a program can. Exceptions of the package are fine; anything else, or a signal, is not.
USE_ALL = """
import sys
from importlib.util import find_spec
import tickwire as tw

def attempt(what):
    try:
        return what()
    except tw.Error as error:
        assert "\\n" not in str(error) and len(str(error)) > 20, error
        told.append(type(error).__name__)

told = []
for name in sys.argv[1:]:
    publication = attempt(lambda: tw.open(name))
    if publication is None:
        continue
    for table in (publication.instruments, publication.channels, publication.counters):
        attempt(table)
    attempt(lambda: (publication.writer, publication.rings, repr(publication)))
    for symbol in ("AAPL", "MSFT", *publication.instruments()["symbol"][:1].tolist()):
        attempt(lambda: publication.book(symbol))
    for schema in tw.DTYPES:
        attempt(lambda: str(publication.board(schema).symbols))
        for start in ("board", "oldest", "now"):
            for symbols in (None, "AAPL"):
                stream = attempt(lambda: publication.stream(schema, start, symbols=symbols, max_records=16))
                for _ in range(30):
                    batch = stream and attempt(lambda: stream.read(0))
                    if batch is None or batch.kind in ("end", "idle"):
                        break
                    batch.symbols, batch.maybe_bad, batch.controls
        latest = schema != "mbo" and attempt(lambda: publication.latest(schema))
        for _ in range(30):
            batch = latest and attempt(lambda: latest.read(0))
            if not batch or batch.kind in ("end", "idle"):
                break
            batch.symbols, batch.maybe_bad, batch.channels, batch.folded
    for wait in (False, True):
        books = attempt(lambda: publication.orders(wait=wait))
        for _ in range(30):
            news = books and attempt(lambda: books.update(0))
            if not news or news.kind in ("end", "idle"):
                break
            news.changed
        for symbol in books.symbols.table["symbol"][:3].tolist() if books else ():
            book = attempt(lambda: books.book(symbol))
            if book is not None:
                book.levels(), book.best, str(book), book.queued(1), books.queued(symbol, 1)
        if books:
            repr(books), books.contradictions
            if find_spec("pandas"):
                len(books.to_df())
print(*told)
"""


def use_all(*names: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", USE_ALL, *names], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.fixture
def good(writer: Writer, dir: Path) -> bytes:
    writer.create("good", *ALL, instruments=8)
    writer.instruments("AAPL", "MSFT")
    for schema in tw.DTYPES:
        writer.publish(schema, 0, 1, 100)
        writer.publish(schema, 1, 101, 10)
    writer(f"control {0xE2} 0 5")
    writer("close keep")
    assert {*use_all("good")} == {"Error", "NoImage"}, "only the mbo ring has no board, and it was lapped"
    return (dir / "good").read_bytes()


def test_cut_files_are_refused(good: bytes, dir: Path) -> None:
    for cut in (0, 1, 63, 4095, 4096, len(good) // 2, len(good) - 1):
        (dir / "p").write_bytes(good[:cut])
        with pytest.raises(tw.Refused, match="not a publication this version can read: .*bytes"):
            tw.open("p")


def test_other_versions_and_other_files_are_refused(good: bytes, dir: Path) -> None:
    def refused(bytes: bytes, why: str) -> None:
        (dir / "p").write_bytes(bytes)
        with pytest.raises(tw.Refused, match=why):
            tw.open("p")

    refused(good[:8] + struct.pack("<Q", 99) + good[16:], "layout version is 99")
    refused(good[:16] + struct.pack("<Q", 4) + good[24:], "DBN version is 4")
    refused(random.Random(1).randbytes(len(good)), "TICKWIRE")
    refused(bytes(8192), "TICKWIRE")
    (dir / "p").unlink()
    (dir / "p").mkdir()
    with pytest.raises(tw.Refused, match="not a file"):
        tw.open("p")


def test_headers_with_changed_bytes_never_crash(good: bytes, dir: Path) -> None:
    chance = random.Random(2)
    names = []
    for n in range(60):
        changed = bytearray(good)
        # The header's words and the section table.
        changed[chance.randrange(8 * 32 + 64 * 34)] ^= chance.randrange(1, 256)
        (dir / f"p{n}").write_bytes(changed)
        names.append(f"p{n}")
    assert use_all(*names).count("Refused") > 20


def test_noise_behind_a_good_header_never_crashes(good: bytes, dir: Path) -> None:
    chance = random.Random(3)
    names = []
    for n in range(8):
        changed = bytearray(good)
        for _ in range(len(good) // (50 if n % 2 else 2000)):
            changed[chance.randrange(4096, len(good))] = chance.randrange(256)
        (dir / f"p{n}").write_bytes(changed)
        names.append(f"p{n}")
    told = use_all(*names)
    assert {*told} <= {"Error", "Corrupt", "NoSymbol", "Refused", "NoImage"}


def test_record_types_that_belong_elsewhere_are_told_with_their_position(good: bytes, dir: Path) -> None:
    # Every rtype of the trades ring: 0x00 in byte 1 of each record of 48 bytes.
    changed = good.replace(b"\x0c\x00\x02\x00\x01\x00\x00\x00", b"\x0c\x55\x02\x00\x01\x00\x00\x00")
    assert changed != good
    (dir / "p").write_bytes(changed)
    with pytest.raises(tw.Corrupt, match=r"record type 0x55 at position \d+ of the trades ring; nothing but its writer may write this file"):
        for _ in tw.open("p").stream("trades"):
            pass
    with pytest.raises(tw.Corrupt):
        tw.open("p").board("trades")


# ── images ──

#: Starts from each image in turn; what is told of it, in one line each.
START = """
import sys
import tickwire as tw

for image in sys.argv[1:]:
    open(f"{tw.open('late').path}.mbo.image", "wb").write(open(image, "rb").read())
    for wait in (False, True):
        try:
            books = tw.open("late").orders(wait=wait)
            while books.update(0).kind not in ("end", "idle"):
                pass
            str(books.book("AAPL")), books.book("AAPL").levels()
            print("OK", books.live_orders)
        except tw.Error as error:
            assert "\\n" not in str(error), error
            print(type(error).__name__, error)
"""


def started(dir: Path, *images: bytes) -> list[str]:
    files = []
    for n, image in enumerate(images):
        (dir / f"image-{n}").write_bytes(image)
        files.append(str(dir / f"image-{n}"))
    done = subprocess.run([sys.executable, "-c", START, *files], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def image(writer: Writer, dir: Path) -> bytes:
    """Of a publication whose ring has lost its beginning."""
    writer.create("late", "mbo:64")
    writer.instruments("AAPL", "MSFT")
    for n in range(1, 81):
        writer.orders(f"{n % 2} A {n} {'BA'[n % 3 % 2]} {100 + n % 5} {n}")
        if n % 20 == 0:
            writer("image late")
    bytes = (dir / "late.mbo.image").read_bytes()
    assert started(dir, bytes) == ["OK 80"] * 2
    return bytes


def test_images_that_are_cut_are_refused(image: bytes, dir: Path) -> None:
    cuts = [0, 1, 127, 128, 129, len(image) // 2, len(image) - 56, len(image) - 1]
    told = started(dir, *(image[:cut] for cut in cuts), image + bytes(56))
    assert len(told) == 2 * len(cuts) + 2
    assert all(line.startswith("BadImage ") and "not an image this version can read: " in line for line in told), told


def test_no_bit_of_an_image_may_differ(image: bytes, dir: Path) -> None:
    chance = random.Random(4)
    changed = []
    for n in range(120):
        bits = bytearray(image)
        # The header's in order, of the rest some.
        at = n if n < 60 else chance.randrange(len(image))
        bits[at] ^= 1 << chance.randrange(8)
        changed.append(bytes(bits))
    told = started(dir, *changed)
    # (Of another epoch or position it is none for this publication, which is told before the rest is read.)
    assert len(told) == 240 and {line.split()[0] for line in told} <= {"BadImage", "NoImage", "OK"}
    assert "OK 80" not in told and all(line == "OK 0" for line in told if line.startswith("OK"))
    assert sum(line.startswith("BadImage") for line in told) > 120


def test_images_of_other_versions_and_noise_are_refused(image: bytes, dir: Path) -> None:
    def with_word(word: int, value: int) -> bytes:
        return image[: 8 * word] + struct.pack("<Q", value) + image[8 * word + 8 :]

    noise = random.Random(5).randbytes(len(image))
    told = started(dir, with_word(1, 2), with_word(2, 4), with_word(0, 5), noise, image[:128] + noise[128:], with_word(11, 2**60))
    says = ["image version is 2", "DBN version is 4", "does not begin as an image does", "does not begin as an image does", "", "the most that is believed"]
    for n, says_it in enumerate(says):
        for line in told[2 * n : 2 * n + 2]:
            assert line.startswith("BadImage") and says_it in line, line


def test_an_image_of_another_epoch_or_from_the_future_is_none(image: bytes, dir: Path) -> None:
    for word, why in ((6, "is of epoch"), (7, "claims position")):
        changed = image[: 8 * word] + struct.pack("<Q", 2**40) + image[8 * word + 8 :]
        refused, waited = started(dir, changed)
        assert refused.startswith("NoImage") and why in refused and waited == "OK 0"
