"""Whether a Python reader keeps up with a writer at a rate, on one core: records lost (none, if it does) and the core's use.

    keep_up.py WRITER [--rate N] [--seconds S] [--linger S] [--work]

WRITER is the program that scripts/test-python builds from tests/writer.rs; it publishes mbp-1 records of 8,000 instruments by the clock, pinned to the
first core; this reader is pinned to the second. --work looks at every record: it sums the spreads and takes the newest quote of every instrument.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time

import numpy as np

import tickwire as tw

INSTRUMENTS = 8_000


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("writer")
    parser.add_argument("--rate", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--linger", type=float, default=0.001)
    parser.add_argument("--depth", type=int, default=1 << 20)
    parser.add_argument("--work", action="store_true")
    args = parser.parse_args()
    first, *others = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="tickwire-bench-", dir="/dev/shm") as dir:
        writer = subprocess.Popen(
            [args.writer, dir], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: os.sched_setaffinity(0, {first})
        )
        os.sched_setaffinity(0, {others[0]} if others else {first})
        assert writer.stdin and writer.stdout

        def tell(command: str) -> None:
            assert writer.stdin
            writer.stdin.write(command + "\n")
            writer.stdin.flush()

        tell(f"create bench {INSTRUMENTS} mbp-1:{args.depth}")
        for n in range(INSTRUMENTS):
            tell(f"instrument {n + 1} S{n} 0")
        for _ in range(INSTRUMENTS + 1):
            writer.stdout.readline()
        stream = tw.open("bench", dir).stream("mbp-1", "oldest", linger=args.linger)
        newest = np.zeros(INSTRUMENTS, np.int64)
        came = batches = spreads = 0
        tell(f"flood {INSTRUMENTS} {args.rate} {args.seconds}")
        batch = stream.read(10)
        start, busy = time.monotonic(), time.process_time()
        while batch.kind != "idle":
            if batch.kind == "records":
                records = batch.records
                came += len(records)
                batches += 1
                if args.work:
                    spreads += int((records["ask_px_00"] - records["bid_px_00"]).sum())
                    newest[records["instrument_id"] - 1] = records["bid_px_00"]
            end, used = time.monotonic(), time.process_time()
            batch = stream.read(0.5)
        published, took_ns, late_ns = (int(word) for word in writer.stdout.readline().split()[1:])
        writer.communicate()
    print(f"published  {published} records in {took_ns / 1e9:.3f} s, {published / took_ns * 1e3:.2f} M/s (the writer never more than {late_ns / 1e6:.1f} ms late)")
    print(f"read       {came} in {batches} batches, {came / batches:.0f} records each{', every one looked at' if args.work else ''}")
    print(f"lost       {stream.lost}")
    print(f"core       {(used - busy) / (end - start):.0%} of one, {(used - busy) / came * 1e9:.0f} ns a record")


if __name__ == "__main__":
    main()
