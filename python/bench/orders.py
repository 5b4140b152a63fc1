"""How fast a Python reader takes in orders: over what a replay left behind (``tickwire replay DAY --publish NAME --ring-depth 2097152 --keep``).

    orders.py NAME [DIR]
"""

from __future__ import annotations

import sys
import time

import tickwire as tw


def main() -> None:
    books = tw.open(*sys.argv[1:3]).orders()
    start, busy = time.perf_counter(), time.process_time()
    applied = sum(news.applied for news in books)
    passed, used = time.perf_counter() - start, time.process_time() - busy
    print(f"{applied} records in {passed:.2f} s, {used / applied * 1e9:.0f} ns each; {books.live_orders} orders in {len(books)} books")
    symbols = books.publication.instruments()["symbol"].tolist()
    start = time.perf_counter()
    for symbol in symbols:
        books.book(symbol)
    print(f"a copy of a book of {books.live_orders / len(symbols):.0f} orders: {(time.perf_counter() - start) / len(symbols) * 1e6:.0f} µs")


if __name__ == "__main__":
    main()
