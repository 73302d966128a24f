"""Fetching the bad rows of rules that have some: their keys, and where they stand.

The few bad rows of all rules of a table are fetched in one further pass. Of a rule with very many, the database
aggregates a sketch and hands over a sample, so nothing here grows with the number of bad rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from sqlalchemy import func, or_

from checks.engine.bad_rows import BadRows, Place
from checks.engine.findings import Finding, Findings
from checks.engine.keys import fingerprint, fingerprint_of, parts
from checks.engine.past import Id
from checks.engine.session import Session, asking
from checks.engine.sketch import gathered
from checks.engine.summary import Part, summary


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
    statement = asking(*first.columns(), *flags).select_from(first.source).where(or_(*conditions))
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
    sample = Counter(str(row[2]) for row in fetched if row[1] == Part.SAMPLE)
    cells = gathered((row[3], row[4], row[5], row[6]) for row in fetched if row[1] == Part.SKETCH)
    places = {_grouped(rows.place(row[7:]), row[3]): int(row[4]) for row in fetched if row[1] == Part.PLACES}
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
    counted = asking(func.count()).select_from(rows.source).where(rows.condition, own.in_(sorted(accepted)))
    return int(session.all(counted, timeout)[0][1])


def _findings(rule: str, names: Sequence[str], keys: Mapping[str, int]) -> list[Finding]:
    return [Finding(fingerprint(rule, key), parts(names, key), times) for key, times in keys.items()]


def _order(finding: Finding) -> str:
    return str([(type(value).__name__, value) for value in finding.key.values()])


def _grouped(place: Place, mask: int) -> Place:
    # the leftmost column has the highest bit, and a set bit says that the row is not grouped by it
    return tuple(part for bit, part in enumerate(place) if not mask >> (len(place) - 1 - bit) & 1)
