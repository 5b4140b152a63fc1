#!/usr/bin/env python3
"""Reads a Tickwire publication, from docs/ring.md alone. Standard library only; x86-64.

    ring_reader.py FILE SCHEMA board|oldest     prints one line per item until the publication is closed
    ring_reader.py FILE                         prints what is in it
"""
import fcntl
import mmap
import os
import struct
import sys
import time

# Record type, record size, slot size, cells an instrument has on the board.
SCHEMAS = {
    "mbo": (0xA0, 56, 64, 1),
    "mbp-1": (0x01, 80, 128, 1),
    "mbp-10": (0x0A, 368, 384, 1),
    "trades": (0x00, 48, 64, 1),
    "status": (0x12, 40, 64, 1),
    "imbalance": (0x14, 112, 128, 1),
    "statistics": (0x18, 80, 128, 3),
    "definition": (0x13, 520, 576, 1),
    "venue": (0xF0, 96, 128, 10),
    "ohlcv-1s": (0x20, 56, 64, 1),
    "ohlcv-1m": (0x21, 56, 64, 1),
    "ohlcv-1h": (0x22, 56, 64, 1),
    "ohlcv-1d": (0x23, 56, 64, 1),
    "vwap": (0xF1, 64, 128, 4),
    "signal": (0xF2, 80, 128, 1),
    "latency": (0xF3, 80, 128, 1),
}
RING, BOARD, INSTRUMENTS, CHANNELS, COUNTERS = 1, 2, 3, 4, 5
BUSY = 1 << 63
F_OFD_GETLK = 36


class Refused(Exception):
    pass


class Publication:
    def __init__(self, path):
        self.path = path
        self.file = open(path, "rb")
        size = os.fstat(self.file.fileno()).st_size
        if size < 4096:
            raise Refused("shorter than a header")
        self.map = mmap.mmap(self.file.fileno(), size, prot=mmap.PROT_READ)
        # A view of 8-byte words: each of them is read with one load.
        self.words = memoryview(self.map).cast("Q")
        head = self.words[:512].tolist()
        if struct.pack("<Q", head[0]) != b"TICKWIRE" or head[1] != 2 or head[2] != 3 or head[3] != size:
            raise Refused("not a publication of layout 2 and DBN 3, or cut")
        self.epoch = head[4]
        self.sections = {}
        for n in range(min(head[7], 60)):
            kind, rtype, offset, length, count, stride, record, _ = head[32 + 8 * n : 40 + 8 * n]
            if kind not in (RING, BOARD, INSTRUMENTS, CHANNELS, COUNTERS) or offset % 64 or offset < 4096 or offset + length > size:
                raise Refused(f"section {n}")
            known = {rtype_: (record_, slot_) for rtype_, record_, slot_, _ in SCHEMAS.values()}
            if kind in (RING, BOARD) and known.get(rtype) != (record, stride) or kind == RING and (count == 0 or count & (count - 1)):
                raise Refused(f"section {n}: record type, sizes or depth")
            if length < count * stride + (64 if kind in (RING, INSTRUMENTS) else 0):
                raise Refused(f"section {n}: too short")
            self.sections[kind, rtype] = (offset // 8, count, stride // 8)

    def look(self, at, words):
        """One look at a cell: its stamp, and its record's words if it is whole."""
        before = self.words[at]
        record = self.words[at + 1 : at + 1 + words].tolist()
        after = self.words[at]
        return after, record if before == after and not after & BUSY else None

    def name(self, at):
        return self.words[at : at + 4].tobytes().rstrip(b"\0 ").decode("ascii", "replace")

    def instruments(self):
        at, count, stride = self.sections[INSTRUMENTS, 0]
        for row in range(min(self.words[at], count)):
            line = at + 8 + row * stride
            ids = self.words[line]
            yield row, ids & 0xFFFFFFFF, ids >> 32 & 0xFFFF, ids >> 48, self.words[line + 1], self.name(line + 2)

    def channels(self):
        at, count, stride = self.sections[CHANNELS, 0]
        for line in range(at, at + count * stride, stride):
            state = self.words[line + 5]
            yield self.name(line), self.words[line + 4], state >> 56 & 0x7F, state << 8 & (1 << 64) - 1

    def counters(self):
        at, count, stride = self.sections[COUNTERS, 0]
        return [(self.name(line), self.words[line + 4]) for line in range(at, at + count * stride, stride)]

    def writer(self):
        if self.words[17]:
            return ("closed", "replaced")[self.words[17] - 1]
        if os.fstat(self.file.fileno()).st_nlink == 0:
            return "replaced"
        lock = fcntl.fcntl(self.file.fileno(), F_OFD_GETLK, struct.pack("hhqqi4x", fcntl.F_RDLCK, 0, 0, 0, 0))
        return "dead" if struct.unpack("hhqqi4x", lock)[0] == fcntl.F_UNLCK else "alive"


def follow(publication, schema, start):
    """Yields (kind, number, record bytes): kind is board, record, lost, epoch or end."""
    rtype, record_size, _, cells_each = SCHEMAS[schema]
    words = max(record_size, 56) // 8
    join = start == "board"
    position = 1
    while True:
        ring, depth, stride = publication.sections[RING, rtype]
        if join:
            join = False
            cursor = publication.words[ring]
            cells, _, cell_stride = publication.sections[BOARD, rtype]
            for cell in range(len(list(publication.instruments())) * cells_each):
                stamp, record = publication.look(cells + cell * cell_stride, words)
                if record and 1 <= stamp <= cursor:
                    yield "board", stamp, struct.pack(f"<{words}Q", *record)[:record_size]
            position = cursor + 1
        stamp, record = publication.look(ring + 8 + (position & depth - 1) * stride, words)
        if record and stamp == position:
            record = struct.pack(f"<{words}Q", *record)
            yield ("control", position, record[:56]) if 0xE0 <= record[1] <= 0xEF else ("record", position, record[:record_size])
            position += 1
        elif stamp & ~BUSY > position:
            cursor = publication.words[ring]
            if cursor >= position:
                yield "lost", cursor + 1 - position, b""
                join = True
        else:
            writer = publication.writer()
            if writer == "alive":
                time.sleep(0.001)
            elif publication.words[ring + 8 + (position & depth - 1) * stride] & ~BUSY >= position and writer != "dead":
                continue  # written between our look and its end
            elif writer == "replaced":
                publication = Publication(publication.path)
                position = 1
                yield "epoch", publication.epoch, b""
            else:
                yield "end" if writer == "closed" else "dead", position, b""
                return


def main():
    publication = Publication(sys.argv[1])
    if len(sys.argv) == 2:
        for row in publication.instruments():
            print("instrument", *row)
        for channel in publication.channels():
            print("channel", *channel)
        for counter in publication.counters():
            print("counter", *counter)
        print("writer", publication.writer())
        return
    for kind, number, record in follow(publication, sys.argv[2], sys.argv[3]):
        print(kind, number, record.hex(), flush=kind != "record")


if __name__ == "__main__":
    main()
