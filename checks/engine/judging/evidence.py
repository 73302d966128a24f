"""The evidence of failing rules: the keys of their bad rows, and the places of these.

The few bad rows of all rules of a table are fetched in one further pass. Of a rule with very many, one statement
aggregates a sample, a sketch and counts by place, so nothing here grows with the number of bad rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import combinations
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BIT, array

from checks.engine.judging.bad_rows import BadRows, Place
from checks.engine.judging.findings import (
    CHECK_BITS,
    CUTS,
    SKETCH_RANGES,
    Finding,
    Findings,
    fingerprint,
    fingerprint_of,
    gathered,
    parts,
)
from checks.engine.judging.judge import Id
from checks.engine.measuring.snapshot import Session, asking


@dataclass(frozen=True, slots=True)
class Evidence:
    """The bad rows of a rule, and how many of them stand where."""

    findings: Findings = field(default_factory=Findings)
    places: Mapping[Place, int] = field(default_factory=dict)


def few_of_many(session: Session, rules: Mapping[Id, BadRows], timeout: float) -> dict[Id, Evidence]:
    """The bad rows of several rules of one table, by rule and parameter, in one pass over it."""
    chosen = list(rules.items())
    first = chosen[0][1]
    flags = [rows.condition.label(f"b{number}") for number, (_, rows) in enumerate(chosen)]
    conditions = [rows.condition for _, rows in chosen]
    statement = asking(*first.columns(), *flags).select_from(first.source).where(sa.or_(*conditions))
    width = 2 + len(first.reached)
    fetched = session.all(statement, timeout)
    return {
        id_: listed(id_[0], rows, [row[1:width] for row in fetched if row[width + number]])
        for number, (id_, rows) in enumerate(chosen)
    }


def few(session: Session, rule: str, rows: BadRows, timeout: float) -> Evidence:
    """The bad rows of one rule that has few of them."""
    inner = rows.statement().subquery()
    return listed(rule, rows, [row[1:] for row in session.all(asking(*inner.c), timeout)])


def many(session: Session, rule: str, rows: BadRows, count: int, timeout: float) -> Evidence:
    """A sample and a sketch of the bad rows of one rule, and their number by place, in one pass."""
    fetched = session.all(summary(rule, rows), timeout)
    sample = Counter(str(row[2]) for row in fetched if row[1] == SummaryPart.SAMPLE)
    cells = gathered((row[3], row[4], row[5], row[6]) for row in fetched if row[1] == SummaryPart.SKETCH)
    places = {_grouped(rows.place(row[7:]), row[3]): int(row[4]) for row in fetched if row[1] == SummaryPart.PLACES}
    findings = sorted(_findings(rule, rows.names, sample), key=_order)
    return Evidence(Findings(count, tuple(findings), cells), places)


def listed(rule: str, rows: BadRows, fetched: Sequence[Sequence[Any]]) -> Evidence:
    """Evidence of rows that are all here: key first, then the value of each dimension."""
    findings = _findings(rule, rows.names, Counter(str(row[0]) for row in fetched))
    places: Counter[Place] = Counter()
    for row in fetched:
        places.update(places_of(rows.place(row[1:])))
    return Evidence(Findings(len(fetched), tuple(sorted(findings, key=_order))), places)


def places_of(place: Place) -> Iterable[Place]:
    """The places that a row counts for: each of its dimensions alone, and each two of them."""
    yield from ((part,) for part in place)
    yield from combinations(place, 2)


def waived_rows(session: Session, rule: str, rows: BadRows, accepted: Iterable[int], timeout: float) -> int:
    """How many bad rows of a rule with very many have an accepted fingerprint."""
    own = fingerprint_of(rule, rows.key)
    counted = asking(sa.func.count()).select_from(rows.source).where(rows.condition, own.in_(sorted(accepted)))
    return int(session.all(counted, timeout)[0][1])


def _findings(rule: str, names: Sequence[str], keys: Mapping[str, int]) -> list[Finding]:
    return [Finding(fingerprint(rule, key), parts(names, key), times) for key, times in keys.items()]


def _order(finding: Finding) -> str:
    return str([(type(value).__name__, value) for value in finding.key.values()])


def _grouped(place: Place, mask: int) -> Place:
    # the leftmost column has the highest bit, and a set bit says that the row is not grouped by it
    return tuple(part for bit, part in enumerate(place) if not mask >> (len(place) - 1 - bit) & 1)


SAMPLE = 100


class SummaryPart(IntEnum):
    """Which part of the summary a row belongs to."""

    PLACES = 1
    SAMPLE = 2
    SKETCH = 3


def summary(rule: str, rows: BadRows) -> sa.Select[Any]:
    """Rows of (part, key, range or mask, count, sum of fingerprints, sum of checksums, value of each dimension)."""
    marked = rows.statement().add_columns(fingerprint_of(rule, rows.key).label("fingerprint"))
    bad = marked.cte("bad").prefix_with("MATERIALIZED")
    dimensions: list[sa.ColumnElement[Any]] = [bad.c[f"d{number}"] for number in range(len(rows.reached))]
    # the places first: the NULLs of the other parts take the types of their dimensions
    parts = [*([_places(bad, dimensions)] if dimensions else []), _sample(bad, dimensions), _sketch(bad, dimensions)]
    whole = sa.union_all(*parts).subquery("summary")
    return asking(*whole.c)


def _places(bad: sa.CTE, dimensions: list[sa.ColumnElement[Any]]) -> sa.Select[Any]:
    sets = [*((column,) for column in dimensions), *combinations(dimensions, 2)]
    grouped = sa.func.grouping_sets(*(sa.tuple_(*columns) for columns in sets))
    mask = sa.cast(sa.func.grouping(*dimensions), sa.BigInteger)
    columns = _columns(SummaryPart.PLACES, number=mask, count=sa.func.count())
    return sa.select(*columns, *dimensions).select_from(bad).group_by(grouped)


def _sample(bad: sa.CTE, dimensions: list[sa.ColumnElement[Any]]) -> sa.Select[Any]:
    # the smallest fingerprints: a sample by chance, and the same rows as long as they are bad
    columns = _columns(SummaryPart.SAMPLE, key=bad.c.key)
    # no subquery around it: that would make texts of the NULLs
    return sa.select(*columns, *_nothing(dimensions)).order_by(bad.c.fingerprint).limit(SAMPLE)


def _sketch(bad: sa.CTE, dimensions: list[sa.ColumnElement[Any]]) -> sa.Select[Any]:
    key = bad.c.fingerprint
    check = sa.cast(
        sa.cast(sa.func.concat("x", sa.func.substr(sa.func.md5(sa.cast(key, sa.Text)), 1, 8)), BIT(CHECK_BITS)),
        sa.BigInteger,
    )
    cells = array([_range(key, number, shift) for number, shift in enumerate(CUTS)])
    spread = sa.select(key.label("key"), check.label("checksum"), sa.func.unnest(cells).label("cell")).subquery()
    sums = sa.func.sum(spread.c.key), sa.func.sum(spread.c.checksum)
    columns = _columns(SummaryPart.SKETCH, number=spread.c.cell, count=sa.func.count(), keys=sums[0], checks=sums[1])
    return sa.select(*columns, *_nothing(dimensions)).group_by(spread.c.cell)


def _columns(part: SummaryPart, **given: sa.ColumnElement[Any]) -> list[sa.ColumnElement[Any]]:
    types: dict[str, Any] = {
        "key": sa.Text,
        "number": sa.BigInteger,
        "count": sa.BigInteger,
        "keys": sa.Numeric,
        "checks": sa.Numeric,
    }
    named = [sa.cast(given.get(name, sa.null()), kind).label(f"s_{name}") for name, kind in types.items()]
    return [sa.literal(int(part), sa.Integer).label("part"), *named]


def _nothing(dimensions: list[sa.ColumnElement[Any]]) -> list[sa.ColumnElement[Any]]:
    return [sa.null().label(f"d{number}") for number in range(len(dimensions))]


def _range(key: sa.ColumnElement[int], number: int, shift: int) -> sa.ColumnElement[int]:
    # PostgreSQL shifts a bigint by an integer, not by another bigint
    return key.bitwise_rshift(sa.literal(shift, sa.Integer)).bitwise_and(SKETCH_RANGES - 1) + number * SKETCH_RANGES
