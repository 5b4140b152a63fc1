"""What the README shows can be typed."""

from __future__ import annotations

import re
import subprocess
import sys

from conftest import PYTHON, Writer

README = (PYTHON / "README.md").read_text()
EXAMPLE = PYTHON / "examples/best_bid.py"


def test_the_readme_shows_the_example_and_it_has_eight_lines_at_most() -> None:
    first = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert first and first[1] == EXAMPLE.read_text()
    assert len(first[1].splitlines()) <= 8
    assert first[1] in (PYTHON.parent / "README.md").read_text()


def test_the_example_prints_a_live_best_bid(writer: Writer) -> None:
    writer.create("nasdaq", "mbp-1:1024")
    writer.instruments("ABT", "AHZH")
    program = subprocess.Popen([sys.executable, "-u", EXAMPLE], stdout=subprocess.PIPE, text=True)
    assert program.stdout
    writer("flood 2 1000 0.2")
    first = program.stdout.readline()
    writer("flood 2 1000 0.2")
    writer("close keep")
    rest, _ = program.communicate(timeout=20)
    lines = [first, *rest.splitlines()]
    assert program.returncode == 0 and len(lines) > 50
    assert all(re.fullmatch(r"100 x 10\d\.\d\d \| 10\d\.\d\d x 200\n?", line) for line in lines), lines[:3]


def test_every_name_of_the_readme_is_there() -> None:
    import tickwire as tw
    from tickwire.orders import News

    for name in {*re.findall(r"\btw\.(\w+)", README)} | {*re.findall(r"`((?:No|Not|Bad|Ref|Cor|Sys|Clo)\w+)`", README)}:
        assert hasattr(tw, name), name
    for kind in re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE):
        assert kind in f"{tw.Kind} {News}", kind
