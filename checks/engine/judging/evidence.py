"""The evidence of failing rules: the keys of their bad rows, and the places of these.

The few bad rows of all rules of a table are fetched in one further pass. Of a rule with very many, one statement
aggregates a sample of keys and a sketch, so nothing here grows with the number of bad rows. Their places are guessed
from rows drawn for all rules in one pass, and counted later in the one pass over the table that counts all rows there,
too. A query across tables is expensive: it is asked once, for its counts and all evidence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import prod
from random import random
from typing import Any

import sqlalchemy as sa

from checks.engine.judging.bad_rows import LEAST_SHARE, BadRows, Place
from checks.engine.judging.findings import (
    CUTS,
    SKETCH_RANGES,
    Finding,
    Findings,
    checksum_of,
    fingerprint,
    fingerprint_of,
    first_bits,
    gathered,
    key_digest,
    parts,
)
from checks.engine.judging.judge import Id
from checks.engine.measuring.snapshot import Session, asking


@dataclass(frozen=True, slots=True)
class Evidence:
    """The bad rows of a rule, and how many of them stand where; with `sampled`, of so many of them drawn by chance."""

    findings: Findings = field(default_factory=Findings)
    places: Mapping[Place, int] = field(default_factory=dict)
    sampled: int | None = None


def few_of_many(session: Session, rules: Mapping[Id, BadRows], timeout: float) -> dict[Id, Evidence]:
    """The bad rows of several rules of one table, by rule and parameter, in one pass over it."""
    chosen = list(rules.items())
    first = chosen[0][1]
    flags = [rows.condition.label(f"b{number}") for number, (_, rows) in enumerate(chosen)]
    conditions = [rows.condition for _, rows in chosen]
    statement = asking(*first.columns(), *flags).select_from(first.joined).where(sa.or_(*conditions))
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
    """A sample and a sketch of the bad rows of one rule; of what is no table also the places where many of them are."""
    if not isinstance(rows.source, sa.Table):
        # what is expensive is asked once: its places are counted in the same statement
        nothing = sa.cast(sa.null(), sa.BigInteger)
        return read_rows(rule, rows, session.all(counts_and_rows(rule, rows, nothing, 0), timeout), 0)
    cells = asking(*_sketch(rule, rows.keys().subquery(), 0).subquery().c)
    return _aggregated(rule, rows, count, [row[1:] for row in session.all(cells, timeout)])


DRAWN = 1_000
"""So many rows by chance: of a place with a tenth of all, less than a twentieth is met once in ten million times."""


def draw(session: Session, rules: Mapping[Id, tuple[BadRows, int]], timeout: float) -> dict[Id, Evidence]:
    """The places of about a thousand bad rows of each of several rules of one table, in one pass over it."""
    chosen = list(rules.items())
    first = chosen[0][1][0]
    chances = [min(1.0, DRAWN / count) for _, (_, count) in chosen]
    conditions = [rows.condition for _, (rows, _) in chosen]
    # in a CASE the database asks chance first, which spares most rows the condition
    met = [sa.case((sa.func.random() < chance, bad)) for chance, bad in zip(chances, conditions, strict=True)]
    values = first.columns()[1:]
    flags = [bad.label(f"b{number}") for number, bad in enumerate(conditions)]
    statement = asking(*values, *flags).select_from(first.joined).where(sa.or_(*met))
    drawn: list[list[Sequence[Any]]] = [[] for _ in chosen]
    for row in session.all(statement, timeout):
        for number in _drawn_for(row[1 + len(values) :], chances):
            drawn[number].append(row[1 : 1 + len(values)])
    return {
        id_: Evidence(places=_places(rows, own), sampled=len(own))
        for (id_, (rows, _)), own in zip(chosen, drawn, strict=True)
    }


def _drawn_for(flags: Sequence[bool | None], chances: Sequence[float]) -> Iterator[int]:
    """The rules for which a row counts as drawn: what several rules find bad had several chances to be met."""
    bad = [number for number, flag in enumerate(flags) if flag]
    met = 1 - prod(1 - chances[number] for number in bad)
    yield from (number for number in bad if random() * met < chances[number])  # noqa: S311 - a sample, no secret


def _aggregated(rule: str, rows: BadRows, count: int, fetched: Sequence[Sequence[Any]]) -> Evidence:
    cells: list[tuple[int, int, int, int]] = []
    sample: list[str] = []
    places: dict[Place, int] = {}
    names = [dimension.name for dimension, _ in rows.reached]
    for mask, number, keys, checks, least, *values in fetched:
        if keys is None:
            places[tuple((names[bit], value) for bit, value in _grouped(mask, values[len(CUTS) :]))] = int(number)
            continue
        ((cut, value),) = _grouped(mask, values[: len(CUTS)])
        cells.append((cut * SKETCH_RANGES + value, number, keys, checks))
        sample.extend([least] if cut == 0 else [])
    chosen = Counter(key[MD5_DIGITS:] for key in sorted(sample)[:SAMPLE])
    findings = sorted(_findings(rule, rows.names, chosen), key=_order)
    return Evidence(Findings(count, tuple(findings), gathered(cells)), places)


def listed(rule: str, rows: BadRows, fetched: Sequence[Sequence[Any]]) -> Evidence:
    """Evidence of rows that are all here: key first, then the value of each dimension."""
    findings = _findings(rule, rows.names, Counter(str(row[0]) for row in fetched))
    places = _places(rows, [row[1:] for row in fetched])
    return Evidence(Findings(len(fetched), tuple(sorted(findings, key=_order))), places)


def _places(rows: BadRows, fetched: Iterable[Sequence[Any]]) -> Counter[Place]:
    """How many rows stand at each value of a dimension, and at each two values."""
    names = [dimension.name for dimension, _ in rows.reached]
    columns = list(zip(names, zip(*fetched, strict=True), strict=False))
    places: Counter[Place] = Counter()
    for some in (*combinations(columns, 1), *combinations(columns, 2)):
        kinds, values = zip(*some, strict=True)
        counts = Counter(zip(*values, strict=True))
        places.update({tuple(zip(kinds, place, strict=True)): number for place, number in counts.items()})
    return places


def waived_rows(session: Session, rule: str, rows: BadRows, accepted: Iterable[int], timeout: float) -> int:
    """How many bad rows of a rule with very many have an accepted fingerprint."""
    own = fingerprint_of(rule, rows.key)
    counted = asking(sa.func.count()).select_from(rows.source).where(rows.condition, own.in_(sorted(accepted)))
    return int(session.all(counted, timeout)[0][1])


def _findings(rule: str, names: Sequence[str], keys: Mapping[str, int]) -> list[Finding]:
    return [Finding(fingerprint(rule, key), parts(names, key), times) for key, times in keys.items()]


def _order(finding: Finding) -> str:
    return str([(type(value).__name__, value) for value in finding.key.values()])


def _grouped(mask: int, values: Sequence[Any]) -> list[tuple[int, Any]]:
    """By which columns a row of the summary is grouped, with their values."""
    # the leftmost column has the highest bit, and a set bit says that the row is not grouped by it
    return [(bit, value) for bit, value in enumerate(values) if not mask >> (len(values) - 1 - bit) & 1]


SAMPLE = 100
MD5_DIGITS = 32


def counts_and_rows(rule: str, rows: BadRows, total: sa.ColumnElement[int], most: int) -> sa.Select[Any]:
    """The number of bad rows and the total, on each bad row, or with more than `most` on each line of their summary.

    A line of the summary is (mask, count, sum of fingerprints, sum of checksums, least digest and key, ranges,
    dimensions); the mask says by which of the ranges or dimensions it is grouped, those by dimensions have no sums. The
    least digests are a sample by chance, and the same rows as long as they are bad. A bad row is a line with a key in
    place of the digest, and no mask; without any there is one line without a key.
    """
    bad = rows.statement().cte("bad").prefix_with("MATERIALIZED")
    number = sa.select(sa.func.count()).select_from(bad).scalar_subquery()
    both = sa.select(number.label("bad_rows"), total.label("among"))
    counts = both.cte("counts").prefix_with("MATERIALIZED")
    count = sa.select(counts.c.bad_rows).scalar_subquery()
    values = [bad.c[f"d{number}"] for number in range(len(rows.reached))]
    # the rows first: the NULLs of the other parts take the types of their dimensions
    parts = [_listed(bad, values).where(count <= most)]
    parts += [_spread(rows, values, count, most)] if values else []
    parts += [_sketch(rule, bad, len(values), count > most)]
    lines = sa.union_all(*parts).subquery("lines")
    return asking(*counts.c, *lines.c).select_from(counts.outerjoin(lines, sa.true()))


def read_rows(rule: str, rows: BadRows, fetched: Sequence[Sequence[Any]], most: int) -> Evidence:
    """The evidence from the lines of `counts_and_rows`."""
    count = fetched[0][1]
    if count > most:
        return _aggregated(rule, rows, count, [row[3:] for row in fetched])
    keyed = (row for row in fetched if row[KEY_OF_LINE] is not None)
    return listed(rule, rows, [(row[KEY_OF_LINE], *row[KEY_OF_LINE + 1 + len(CUTS) :]) for row in keyed])


KEY_OF_LINE = 7
"""Where the key stands in a line."""


def _listed(bad: sa.CTE, values: Sequence[sa.ColumnElement[Any]]) -> sa.Select[Any]:
    nothing = [sa.null()] * 4
    return sa.select(*_labelled(*nothing, bad.c.key), *_no_ranges(), *values)


def _no_ranges() -> list[sa.ColumnElement[Any]]:
    return [sa.cast(sa.null(), sa.BigInteger).label(f"r{number}") for number in range(len(CUTS))]


def _sketch(
    rule: str, bad: sa.FromClause, dimensions: int, wanted: sa.ColumnElement[bool] | None = None
) -> sa.Select[Any]:
    digest = sa.select(key_digest(rule, bad.c.key).concat(bad.c.key).label("named"))
    named = _once(digest if wanted is None else digest.where(wanted))
    marked = _once(sa.select(first_bits(named.c.named, 64).label("fingerprint"), named.c.named))
    # PostgreSQL shifts a bigint by an integer, not by another bigint
    shifted = [marked.c.fingerprint.bitwise_rshift(sa.literal(shift, sa.Integer)) for shift in CUTS]
    cuts = [bits.bitwise_and(SKETCH_RANGES - 1).label(f"r{number}") for number, bits in enumerate(shifted)]
    whole = sa.select(*cuts, checksum_of(marked.c.fingerprint).label("check"), *marked.c).subquery("sketch")
    sums = sa.func.sum(whole.c.fingerprint), sa.func.sum(whole.c.check)
    least = sa.func.min(sa.collate(whole.c.named, "C"))
    ranges = [whole.c[cut.name] for cut in cuts]
    nothing = [sa.null().label(f"d{number}") for number in range(dimensions)]
    columns = _labelled(sa.func.grouping(*ranges), sa.func.count(), *sums, least)
    return sa.select(*columns, *ranges, *nothing).group_by(sa.func.grouping_sets(*map(sa.tuple_, ranges)))


def _labelled(*columns: sa.ColumnElement[Any]) -> list[sa.ColumnElement[Any]]:
    kinds = {"mask": sa.BigInteger, "number": sa.BigInteger, "keys": sa.Numeric, "checks": sa.Numeric, "least": sa.Text}
    return [sa.cast(column, kind).label(name) for column, (name, kind) in zip(columns, kinds.items(), strict=True)]


def _spread(
    rows: BadRows, values: Sequence[sa.ColumnElement[Any]], count: sa.ColumnElement[int], most: int
) -> sa.Select[Any]:
    """The places where many bad rows are, and all that are scored."""
    # grouped by all of them first, so that the ten groupings that follow have little to do
    grouped = sa.select(*values, sa.func.count().label("number")).where(count > most).group_by(*values)
    fine = grouped.subquery("fine")
    by = [fine.c[f"d{number}"] for number in range(len(values))]
    sets = [*((column,) for column in by), *combinations(by, 2)]
    number, mask = sa.func.sum(fine.c.number), sa.func.grouping(*by)
    scored = [_mask(bit, by) for bit, (dimension, _) in enumerate(rows.reached) if dimension.scored]
    kept = sa.or_(number >= count * sa.literal(LEAST_SHARE, sa.Double), mask.in_(scored))
    columns = _labelled(mask, number, sa.null(), sa.null(), sa.null())
    by_set = sa.func.grouping_sets(*(sa.tuple_(*columns) for columns in sets))
    return sa.select(*columns, *_no_ranges(), *by).group_by(by_set).having(kept)


def _mask(bit: int, by: Sequence[Any]) -> int:
    """The mask of the rows that are grouped by one column alone."""
    return (1 << len(by)) - 1 - (1 << len(by) - 1 - bit)


def _once(statement: sa.Select[Any]) -> sa.Subquery:
    """A statement whose columns are computed once a row: the database would repeat them wherever they are used."""
    return statement.offset(0).subquery()
