"""One table of what the benchmarks wrote: summary.py --json OUT FILE...

Each FILE is what a benchmark wrote with --json (see bench/table.rs), or the result of `tickwire bench --json`, of which one row is made: how AF_XDP
compares with a spinning recvmmsg on its way to the receiver. A file that cannot be read is an error; a benchmark that was not run has no file."""

import argparse
import datetime
import json
import pathlib
import platform
import sys

VETH_TARGET = 0.65
COLUMNS = ("name", "unit", "value", "of", "ratio", "target", "met")


def rows_of(path):
    """The rows of one file, each with the name of its benchmark."""
    told = json.loads(path.read_text())
    if str(told.get("format", "")).startswith("tickwire-bench/"):
        return list(veth(told))
    return [{"bench": told["bench"], "measured": told["of"], **{key: row[key] for key in COLUMNS}} for row in told["rows"]]


def veth(told):
    value = {variant["label"]: variant["measures"]["due-to-received"]["p50_ns"] for variant in told["variants"]}
    for compared in told["comparisons"]:
        which = (compared["measured"], compared["other"], compared["measure"], compared["percentile"])
        if which == ("xdp", "udp", "due-to-received", "p50"):
            yield {
                "bench": "veth",
                "measured": f"{told['datagrams']} datagrams, {told['pace']}, {told['rounds']} rounds; {told['began_utc']}",
                "name": "one way, AF_XDP, due to received, p50",
                "unit": "ns",
                "value": value["xdp"],
                "of": "one way, spinning recvmmsg",
                "ratio": compared["ratio"],
                "target": f"<= {VETH_TARGET}",
                "met": compared["ratio"] <= VETH_TARGET,
            }


def digits(value):
    size = abs(value)
    return f"{value:,.0f}" if size >= 1000 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def lines(rows):
    verdict = {True: "met", False: "MISSED", None: ""}
    for row in rows:
        beside = "" if row["ratio"] is None else f"{digits(row['ratio'])} of {row['of']}"
        asked = "" if row["target"] is None else f"{row['target']}: {verdict[row['met']]}"
        yield row["bench"], row["name"], f"{digits(row['value'])} {row['unit']}", beside, asked


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", required=True, type=pathlib.Path, metavar="OUT")
    parser.add_argument("files", nargs="*", type=pathlib.Path, metavar="FILE")
    given = parser.parse_args()
    rows = []
    for path in given.files:
        try:
            rows += rows_of(path)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            sys.exit(f"summary: {path}: {error!r}; it is not what a benchmark of this version writes: run scripts/bench-table again")
    if not rows:
        sys.exit("summary: nothing was measured, so there is no table; what kept each part from it is said above")
    for bench, measured in {row["bench"]: row["measured"] for row in rows if row["measured"]}.items():
        print(f"{bench}: {measured}")
    print()
    table = [("", "", "value", "beside", "asked")] + list(lines(rows))
    widths = [max(len(line[column]) for line in table) for column in range(5)]
    for line in table:
        cells = [cell.rjust(width) if column == 2 else cell.ljust(width) for column, (cell, width) in enumerate(zip(line, widths))]
        print("  ".join(cells).rstrip())
    asked = [row for row in rows if row["met"] is not None]
    met = sum(row["met"] for row in asked)
    print(f"\n{met} of {len(asked)} targets met; what was missed and why: docs/benchmarks.md")
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    told = {"written_utc": now, "machine": f"{processor()}, Linux {platform.release()}", "rows": rows}
    try:
        given.json.write_text(json.dumps(told, indent=2) + "\n")
    except OSError as error:
        sys.exit(f"summary: cannot write the table: {error}; the folder must be yours")


if __name__ == "__main__":
    main()
