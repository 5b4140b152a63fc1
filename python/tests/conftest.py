"""What the tests share: a directory for publications, a writer in Rust that does as it is told, and the ``tickwire`` binary."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tickwire as tw

PYTHON = Path(__file__).parent.parent
TARGET = PYTHON.parent / "target"
ALL = [f"{schema}:64" for schema in tw.DTYPES]


def skip(why: str) -> Any:
    """Skips loudly, or fails where skipping is not allowed."""
    if os.environ.get("TICKWIRE_PYTHON_TESTS") == "require":
        pytest.fail(why)
    print(f"SKIPPED: {why}", file=sys.stderr)
    pytest.skip(why)


class Writer:
    """A process that publishes what it is told to; see writer.rs."""

    def __init__(self, dir: Path) -> None:
        program = Path(os.environ.get("TICKWIRE_TEST_WRITER") or TARGET / "python/release/examples/writer")
        if not program.exists():
            skip(f"{program} is not built: run scripts/test-python")
        self.process = subprocess.Popen([program, str(dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, command: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def answer(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline().strip()
        assert line.startswith("ok"), line
        return line[3:]

    def __call__(self, command: str) -> str:
        self.ask(command)
        return self.answer()

    def create(self, name: str, *rings: str, instruments: int = 64) -> int:
        return int(self(f"create {name} {instruments} {' '.join(rings)}"))

    def instruments(self, *symbols: str) -> None:
        for id, symbol in enumerate(symbols, start=1):
            self(f"instrument {id} {symbol} 0")

    def publish(self, schema: str, row: int | None, number: int, count: int = 1, *, flags: int = 0) -> bytes:
        """Records of the instrument in a row (its id is one more), or of the whole venue; announced. Their bytes."""
        place = "- 0" if row is None else f"{row} {row + 1}"
        told = bytes.fromhex(self(f"publish {schema} {place} {number} {count} {flags}"))
        self("commit")
        return told

    def orders(self, *events: str) -> None:
        """Order events ``ROW ACTION ORDER_ID SIDE PRICE SIZE``; announced."""
        for event in events:
            self(f"order {event} 128")
        self("commit")

    def die(self) -> None:
        """Without a word."""
        self.ask("die")
        self.end()

    def end(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()
        self.process.wait(10)


@pytest.fixture
def dir(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    shm = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="tickwire-test-", dir=shm if os.access(shm, os.W_OK) else None) as dir:
        # So that tests say nothing but names, as programs do.
        monkeypatch.setenv("TICKWIRE_PUBLICATION_DIR", dir)
        yield Path(dir)


@pytest.fixture
def writer(dir: Path) -> Iterator[Writer]:
    writer = Writer(dir)
    yield writer
    writer.end()


@pytest.fixture(scope="session")
def day(tmp_path_factory: pytest.TempPathFactory, tickwire_binary: Path) -> Path:
    """A made-up day of a venue."""
    file = tmp_path_factory.mktemp("day") / "day.itch50"
    command = [tickwire_binary, "gen", file, "--messages", "60000", "--symbols", "200", "--date", "2026-11-20", "--seed", "3"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return file


def replay(binary: Path, dir: Path, day: Path, *more: str) -> list[str]:
    """The command that publishes that day as ``nasdaq``."""
    where = ["--publish", "nasdaq", "--publication-dir", str(dir), "--orders", "100000", "--levels", "100000"]
    return [str(binary), "replay", str(day), "--feed", "nasdaq-itch", "--date", "2026-11-20", *where, *more]


@pytest.fixture(scope="session")
def tickwire_binary() -> Path:
    named = os.environ.get("TICKWIRE_BIN")
    for binary in [Path(named)] if named else [TARGET / "release/tickwire", TARGET / "debug/tickwire"]:
        if binary.exists():
            return binary
    raise skip("the tickwire binary is not built: cargo build, or say where it is with TICKWIRE_BIN")
