"""HdrHistogram's own package reads a histogram log and the percentile files beside it.

Usage: read_with_hdrhistogram.py LOG DIRECTORY. Prints one line for each interval: tag, count, p50, p90, p99, p99.9, p99.99, maximum, in ns.
Fails where a row of DIRECTORY/TAG.us.hgrm is not what the package finds in the log: the value at that percentile, and how many values are
not above it. (Which percentiles there are is the writer's choice: the package steps otherwise than HdrHistogram in Java and C.)
"""

import sys

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

NS_PER_US = 1000.0


def cumulated(histogram):
    """How many values are not above each that was recorded, ns."""
    total, counts = 0, {}
    for step in histogram.get_recorded_iterator():
        total += step.count_at_value_iterated_to
        counts[histogram.get_highest_equivalent_value(step.value_iterated_to)] = total
    return counts


def compare(tag, histogram, directory):
    with open(f"{directory}/{tag}.us.hgrm", encoding="utf-8") as file:
        lines = file.read().splitlines()
    assert lines[0].split() == ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"], lines[0]
    rows = [line.split() for line in lines[2:-3]]
    counts, total = cumulated(histogram), histogram.get_total_count()
    last = -1.0
    for row in rows:
        value, percentile, count = round(float(row[0]) * NS_PER_US), float(row[1]), int(row[2])
        assert percentile > last, f"{tag}: {row} after {last}"
        last = percentile
        assert counts[value] == count, f"{tag}: {row}: the package counts {counts[value]}"
        # The first value that so many are not above; where the percentile falls on a value's last one, rounding may make it the next.
        # (The package's own look-up rounds to the nearest count, where HdrHistogram in Java and C takes the next.)
        wanted = percentile * total
        near = [next(value for value, count in counts.items() if count >= min(n, total)) for n in (wanted - 1e-6, wanted + 1e-6)]
        assert value in near, f"{tag}: {row}: the package has {near}"
        if percentile < 1:
            assert abs(float(row[3]) * (1 - percentile) - 1) < 0.01, f"{tag}: {row}"
    assert last == 1.0 and len(rows[-1]) == 3, f"{tag}: ends with {rows[-1]}"
    footer = f"#[Max     = {histogram.get_max_value() / NS_PER_US:12.3f}, Total count    = {total:12d}]"
    assert lines[-2] == footer, f"{tag}: {lines[-2]} is not {footer}"
    assert lines[-3].startswith(f"#[Mean    = {histogram.get_mean_value() / NS_PER_US:12.3f}, "), lines[-3]
    assert lines[-1] == f"#[Buckets = {histogram.bucket_count:12d}, SubBuckets     = {histogram.sub_bucket_count:12d}]", lines[-1]
    return len(rows)


def main(log, directory):
    reader = HistogramLogReader(log, HdrHistogram(1, 3_600_000_000_000, 3))
    compared = 0
    while True:
        histogram = reader.get_next_interval_histogram()
        if histogram is None:
            break
        tag = histogram.get_tag()
        percentiles = [histogram.get_value_at_percentile(percentile) for percentile in (50, 90, 99, 99.9, 99.99)]
        print(tag, histogram.get_total_count(), *percentiles, histogram.get_max_value())
        compared += compare(tag, histogram, directory)
    print(f"compared {compared} rows, began {reader.get_start_time_sec():.3f}", file=sys.stderr)


main(*sys.argv[1:])
