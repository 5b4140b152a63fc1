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
    assert use_all("good") == ["Error"], "only the mbo ring has no board"
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
    assert {*told} <= {"Error", "Corrupt", "NoSymbol", "Refused"}


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
