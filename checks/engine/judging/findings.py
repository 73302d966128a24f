"""Bad rows from run to run: the key and fingerprint that identify one, and what is new, known or fixed.

A key travels as the text of a JSON array, made by the database, so that no value can break the reading of a row (an
infinite date, for one). A fingerprint is the first 64 bits of md5(rule, key): the same in SQL and in Python.

A few thousand bad rows are all listed. Of more, a sample is listed and a sketch of all is kept: an invertible Bloom
lookup table, a million rows in 48 kB. The fingerprint space is cut three times into 512 key ranges; of each range we
keep how many rows fall into it, the sum of their fingerprints and the sum of their checksums. Subtracting the table of
the run before cancels every row that both runs have. As long as no more than about a thousand rows are left, a range
with one row in it gives that row away, which empties other ranges, and so on. A row that is bad several times (a
duplicate) is found with its number of times.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import md5
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Date,
    DateTime,
    FromClause,
    Integer,
    String,
    Table,
    Text,
    Time,
    cast,
    collate,
    func,
    literal,
)
from sqlalchemy.dialects.postgresql import BIT

from checks.engine.authoring import MeasureError
from checks.engine.authoring.decorators import is_marked_personal

LONGEST_KEY = 200
SEPARATOR = "\x1f"


def key_columns(source: FromClause) -> tuple[ColumnElement[Any], ...]:
    """The columns that name a row: `info["key"]` of a table, otherwise its primary key; all of a statement's."""
    if not isinstance(source, Table):
        return _impersonal(source.c, str(getattr(source, "name", "the statement")))
    names = source.info.get("key") or [column.name for column in source.primary_key]
    if not names:
        lacks = f"table {source.fullname} has neither info['key'] nor a primary key, so no row has a name"
        raise MeasureError(f'{lacks}; a ready-made rule takes key = ["id"]')
    return _impersonal([source.c[name] for name in names], source.fullname)


def key_names(columns: Iterable[ColumnElement[Any]]) -> tuple[str, ...]:
    """What the parts of a key are called."""
    return tuple(str(getattr(column, "key", None) or getattr(column, "name", "value")) for column in columns)


PLAIN = (Integer, String, Date, Time, DateTime, Boolean)


def key_text(columns: Sequence[ColumnElement[Any]]) -> ColumnElement[str]:
    """The key of a row as the text of a JSON array."""
    # the same text for what is plain, in three quarters of the time
    plain = all(isinstance(column.type, PLAIN) for column in columns)
    build = func.json_build_array if plain else func.jsonb_build_array
    return cast(build(*columns), Text)


POSITIVE = (1 << 63) - 1


@lru_cache(maxsize=64)
def row_hash(columns: tuple[ColumnElement[Any], ...]) -> ColumnElement[int] | None:
    """SQL of a positive number that changes with any of these columns, in a tenth of the time of a fingerprint.

    One and the same for the same columns; None where a value may change while its hash does not. Another version of the
    database may hash otherwise, so it tells that rows are the same, and never that they are others.
    """
    if not all(isinstance(column.type, PLAIN) for column in columns):
        return None
    # a collation may take what is written in two ways for the same
    exact = [collate(column, "C") if isinstance(column.type, String) else column for column in columns]
    hashed: ColumnElement[int] = func.hash_record_extended(func.row(*exact), 0, type_=BigInteger)
    return hashed.bitwise_and(literal(POSITIVE, BigInteger)).bitwise_or(1)


def fingerprint_of(rule: str, key: ColumnElement[str]) -> ColumnElement[int]:
    """SQL of the fingerprint of (rule, key)."""
    return first_bits(key_digest(rule_text(rule), key), 64)


def rule_text(rule: str) -> ColumnElement[str]:
    """SQL of what comes before the key in a digest."""
    return literal(rule + SEPARATOR, Text)


def key_digest(rule: ColumnElement[str], key: ColumnElement[str]) -> ColumnElement[str]:
    """SQL of the digest of (rule, key), whose first bits are the fingerprint; the rule is a `rule_text`."""
    return func.md5(rule.concat(key))


def first_bits(digest: ColumnElement[str], number: int) -> ColumnElement[int]:
    """SQL of the first bits of a hexadecimal text, as a number."""
    # the cast leaves the other bits out, in a third of the time in which the text is cut first
    return cast(cast(literal("x", Text).concat(digest), BIT(number)), BigInteger)


def fingerprint(rule: str, key: str) -> int:
    """The fingerprint of (rule, key), a signed number of 64 bits."""
    digest = md5(f"{rule}{SEPARATOR}{key}".encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def key_text_of(value: int) -> str:
    """A fingerprint as people read and type it: 16 hexadecimal digits."""
    return f"{value & (1 << 64) - 1:016x}"


def key_values_of(text: str) -> int:
    """The fingerprint that `spelled` wrote; ValueError for anything else."""
    if len(text) != 16:
        raise ValueError(f"{text!r} is no fingerprint; expected 16 hexadecimal digits")
    value = int(text, 16)
    return value - (1 << 64) if value >= 1 << 63 else value


def parts(names: Sequence[str], keys: Sequence[str]) -> list[dict[str, Any]]:
    """Keys as named values, long texts cut for reading."""
    # as one text: to begin anew for each of them took half of the time
    decoded = zip(keys, json.loads(f"[{','.join(keys)}]"), strict=True)
    shown = (values if len(key) <= LONGEST_KEY else map(_short, values) for key, values in decoded)
    return [dict(zip(names, values, strict=True)) for values in shown]


def _short(value: Any) -> Any:
    return f"{value[: LONGEST_KEY - 1]}…" if isinstance(value, str) and len(value) > LONGEST_KEY else value


def _impersonal(columns: Iterable[ColumnElement[Any]], where: str) -> tuple[ColumnElement[Any], ...]:
    chosen = tuple(columns)
    for column in chosen:
        if is_marked_personal(column):
            name = getattr(column, "key", column)
            raise MeasureError(f"{where} would show the personal column {name!s}; select keys, not people")
    return chosen


@dataclass(frozen=True, slots=True)
class Finding:
    """One violating row: its fingerprint, its key by names, and how many rows have that key."""

    fingerprint: int
    key: Mapping[str, Any]
    times: int = 1


@dataclass(frozen=True, slots=True)
class Findings:
    """The bad rows of one rule: how many, those that are listed, and a sketch of all if they are not all listed.

    Of earlier ones that are only compared with, nothing but their fingerprints is `remembered`, each with its rows. A
    sketch that was kept stays packed until somebody compares with it.
    """

    count: int = 0
    listed: tuple[Finding, ...] = ()
    sketch: Sketch | bytes | None = None
    remembered: Mapping[int, int] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every bad row is listed."""
        return self.sketch is None

    def times(self) -> Mapping[int, int]:
        """Rows by fingerprint, of those that are remembered or listed."""
        return self.remembered or {finding.fingerprint: finding.times for finding in self.listed}

    def sketched(self) -> Sketch:
        """The sketch of all bad rows."""
        if self.sketch is None:
            return sketch(self.times())
        return unpacked(self.sketch) if isinstance(self.sketch, bytes) else self.sketch


@dataclass(frozen=True, slots=True)
class Change:
    """Bad rows compared with the run before. `exact` is false when so much changed that these are least numbers."""

    new: int | None
    known: int | None
    fixed: int | None
    exact: bool = True
    appeared: frozenset[int] = field(default=frozenset())


def compare(now: Findings, before: Findings) -> Change:
    """What is new, known and fixed. A key that is bad twice and was bad once counts as one known and one new row."""
    if not now.count or not before.count:  # exact without looking
        return Change(now.count, 0, before.count, appeared=frozenset(now.times()))
    differing = _difference(now, before)
    if differing is None:
        known = min(now.count, before.count)
        return Change(now.count - known, known, before.count - known, exact=False)
    new = sum(number for number in differing.values() if number > 0)
    fixed = -sum(number for number in differing.values() if number < 0)
    return Change(new, now.count - new, fixed, appeared=frozenset(k for k, n in differing.items() if n > 0))


def compare_part(now: Findings, before: Findings) -> Change:
    """What is new and known among some of the rows, compared with all of them; what is fixed is not known."""
    if not (now.complete and before.complete):
        return Change(None, None, None, exact=False)
    then = before.times()
    new = {key: times - then.get(key, 0) for key, times in now.times().items() if times > then.get(key, 0)}
    return Change(sum(new.values()), now.count - sum(new.values()), None, appeared=frozenset(new))


def _difference(now: Findings, before: Findings) -> Mapping[int, int] | None:
    if now.sketch is not None and now.sketch is before.sketch:
        return {}
    if not (now.complete and before.complete):
        return sketch_difference(now.sketched(), before.sketched())
    then, there = before.times(), now.times()
    return {key: there.get(key, 0) - then.get(key, 0) for key in then.keys() | there.keys()}


SKETCH_RANGES = 512
CUTS = (0, 9, 18)
CELLS = SKETCH_RANGES * len(CUTS)
CHECK_FOLD, CHECK_PRIME = 2_147_483_647, 4_294_967_291
WORD = (1 << 64) - 1
# count, sum of fingerprints (128 bits: no number of rows overflows it), sum of checksums
CELL = struct.Struct(">qqQq")


class Cell(NamedTuple):
    """One key range: rows in it, the sum of their fingerprints, the sum of their checksums."""

    rows: int = 0
    keys: int = 0
    checks: int = 0

    def plus(self, other: Cell, times: int = 1) -> Cell:
        """This range with the rows of another so many times more, or fewer."""
        rows, keys, checks = other
        return Cell(self.rows + times * rows, self.keys + times * keys, self.checks + times * checks)

    def pure(self) -> int | None:
        """The fingerprint of the only row in this range, None when there are more or none."""
        if self.rows == 0 or self.keys % self.rows:
            return None
        key = self.keys // self.rows
        return key if checksum(key) * self.rows == self.checks else None


NO_ROW = Cell()
Sketch = Mapping[int, Cell]


def sketch(fingerprints: Mapping[int, int]) -> dict[int, Cell]:
    """The sketch of fingerprints, each with its number of rows."""
    cells: dict[int, Cell] = {}
    for key, number in fingerprints.items():
        add(cells, key, number)
    return cells


def sketch_difference(now: Sketch, before: Sketch) -> dict[int, int] | None:
    """How many rows more (or, negative, fewer) each fingerprint has now; None when too much has changed to tell."""
    changed = [index for index in now.keys() | before.keys() if now.get(index) != before.get(index)]
    cells = {index: now.get(index, NO_ROW).plus(before.get(index, NO_ROW), -1) for index in changed}
    difference: dict[int, int] = {}
    waiting = list(cells)
    while waiting:
        key = cells[index := waiting.pop()].pure()
        if key is None or index not in ranges(key):
            continue
        number = cells[index].rows
        difference[key] = difference.get(key, 0) + number
        add(cells, key, -number)
        waiting.extend(ranges(key))
    return None if any(cell != NO_ROW for cell in cells.values()) else {k: n for k, n in difference.items() if n}


def ranges(key: int) -> tuple[int, ...]:
    """The three key ranges that a fingerprint falls into."""
    return tuple(number * SKETCH_RANGES + (key >> shift) % SKETCH_RANGES for number, shift in enumerate(CUTS))


def cells_of(key: ColumnElement[int]) -> list[ColumnElement[int]]:
    """SQL of the same ranges of a fingerprint."""
    # PostgreSQL shifts a bigint by an integer, not by another bigint
    shifted = [key.bitwise_rshift(literal(shift, Integer)) for shift in CUTS]
    return [bits.bitwise_and(SKETCH_RANGES - 1) + number * SKETCH_RANGES for number, bits in enumerate(shifted)]


def checksum(key: int) -> int:
    """A second hash, by which a lone fingerprint is told from a sum of several: not linear, and cheap in SQL."""
    return (abs(key) % CHECK_FOLD) ** 2 % CHECK_PRIME


def checksum_of(key: ColumnElement[int]) -> ColumnElement[int]:
    """SQL of the checksum of a fingerprint."""
    # the sign that % keeps in SQL is gone in the square, which stays below 2 ** 62
    folded = key % CHECK_FOLD
    return folded * folded % literal(CHECK_PRIME, BigInteger)


def packed(cells: Sketch) -> bytes:
    """A sketch as bytes, every cell in its place."""
    whole = [cells.get(index, NO_ROW) for index in range(CELLS)]
    return b"".join([CELL.pack(count, keys >> 64, keys & WORD, checks) for count, keys, checks in whole])


def unpacked(data: bytes) -> dict[int, Cell]:
    """The sketch that `packed` wrote."""
    cells = [Cell(count, (high << 64) | low, checks) for count, high, low, checks in CELL.iter_unpack(data)]
    return {index: cell for index, cell in enumerate(cells) if cell != NO_ROW}


def gathered(rows: Iterable[tuple[int, int, int, int]]) -> dict[int, Cell]:
    """The sketch from what the database aggregated: range, count, sum of fingerprints, sum of checksums."""
    return {index: Cell(int(count), int(keys), int(checks)) for index, count, keys, checks in rows}


def add(cells: dict[int, Cell], key: int, number: int) -> None:
    """Count a fingerprint some times more in a sketch."""
    row = Cell(1, key, checksum(key))
    for index in ranges(key):
        cells[index] = cells.get(index, NO_ROW).plus(row, number)
