"""A million bad rows in 48 kB: what changed between two runs, without storing either.

An invertible Bloom lookup table. The fingerprint space is cut three times into 512 key ranges; of each range we keep
how many rows fall into it, the sum of their fingerprints and the sum of their checksums. Subtracting the table of the
run before cancels every row that both runs have. What is left is the difference, and as long as it is not more than
about a thousand rows, a range with one row in it gives that row away, which empties other ranges, and so on.
A row that is bad several times (a duplicate) is found with its number of times.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import md5

RANGES = 512
CUTS = (0, 9, 18)
CELLS = RANGES * len(CUTS)
CHECK_BITS = 32
WORD = (1 << 64) - 1
# count, sum of fingerprints (128 bits: no number of rows overflows it), sum of checksums
CELL = struct.Struct(">qqQq")


@dataclass(frozen=True, slots=True)
class Cell:
    """One key range: rows in it, the sum of their fingerprints, the sum of their checksums."""

    count: int = 0
    keys: int = 0
    checks: int = 0

    def __add__(self, other: Cell) -> Cell:
        return Cell(self.count + other.count, self.keys + other.keys, self.checks + other.checks)

    def __sub__(self, other: Cell) -> Cell:
        return Cell(self.count - other.count, self.keys - other.keys, self.checks - other.checks)

    def times(self, number: int) -> Cell:
        """The same row several times."""
        return Cell(self.count * number, self.keys * number, self.checks * number)

    def pure(self) -> int | None:
        """The fingerprint of the only row in this range, None when there are more or none."""
        if self.count == 0 or self.keys % self.count:
            return None
        key = self.keys // self.count
        return key if checksum(key) * self.count == self.checks else None


Sketch = Mapping[int, Cell]


def sketch(fingerprints: Mapping[int, int]) -> dict[int, Cell]:
    """The sketch of fingerprints, each with its number of rows."""
    cells: dict[int, Cell] = {}
    for key, number in fingerprints.items():
        add(cells, key, number)
    return cells


def difference(now: Sketch, before: Sketch) -> dict[int, int] | None:
    """How many rows more (or, negative, fewer) each fingerprint has now; None when too much has changed to tell."""
    cells = {index: now.get(index, Cell()) - before.get(index, Cell()) for index in now.keys() | before.keys()}
    found: dict[int, int] = {}
    waiting = list(cells)
    while waiting:
        key = cells[index := waiting.pop()].pure()
        if key is None or index not in ranges(key):
            continue
        number = cells[index].count
        found[key] = found.get(key, 0) + number
        add(cells, key, -number)
        waiting.extend(ranges(key))
    return None if any(cell != Cell() for cell in cells.values()) else {k: n for k, n in found.items() if n}


def ranges(key: int) -> tuple[int, ...]:
    """The three key ranges that a fingerprint falls into."""
    return tuple(number * RANGES + (key >> shift) % RANGES for number, shift in enumerate(CUTS))


def checksum(key: int) -> int:
    """A second hash, by which a lone fingerprint is told from a sum of several."""
    return int.from_bytes(md5(str(key).encode(), usedforsecurity=False).digest()[:4], "big")


def packed(cells: Sketch) -> bytes:
    """A sketch as bytes, every cell in its place."""
    whole = (cells.get(index, Cell()) for index in range(CELLS))
    return b"".join(CELL.pack(cell.count, cell.keys >> 64, cell.keys & WORD, cell.checks) for cell in whole)


def unpacked(data: bytes) -> dict[int, Cell]:
    """The sketch that `packed` wrote."""
    cells = (Cell(count, (high << 64) | low, checks) for count, high, low, checks in CELL.iter_unpack(data))
    return {index: cell for index, cell in enumerate(cells) if cell != Cell()}


def gathered(rows: Iterable[tuple[int, int, int, int]]) -> dict[int, Cell]:
    """The sketch from what the database aggregated: range, count, sum of fingerprints, sum of checksums."""
    return {index: Cell(int(count), int(keys), int(checks)) for index, count, keys, checks in rows}


def add(cells: dict[int, Cell], key: int, number: int) -> None:
    """Count a fingerprint some times more in a sketch."""
    for index in ranges(key):
        cells[index] = cells.get(index, Cell()) + Cell(1, key, checksum(key)).times(number)
