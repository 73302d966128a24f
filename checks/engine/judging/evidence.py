"""The evidence of failing rules: the keys of their bad rows, and the places of these.

The few bad rows of all rules of a table are fetched in one further pass. Of a rule with very many, one statement
aggregates a sample of keys and a sketch, so nothing here grows with the number of bad rows. Their places are guessed
from rows drawn for all rules in one pass, and counted in another that counts all rows there, too: where there were very
many in the last run, that pass is the scan. A query across tables is asked once, for its counts and all evidence.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import combinations
from math import prod
from random import random
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql.base import PGDialect

from checks.engine.authoring import MeasureError
from checks.engine.judging.bad_rows import Asked, BadRows, Place, PlaceCounts, census
from checks.engine.judging.findings import (
    SEPARATOR,
    SKETCH_RANGES,
    Finding,
    Findings,
    cells_of,
    checksum_of,
    fingerprint,
    fingerprint_of,
    first_bits,
    gathered,
    key_digest,
    parts,
    rule_text,
)
from checks.engine.judging.judge import LEAST_SHARE, Id, least_rows, possible_candidates
from checks.engine.measuring.compile_queries import Query
from checks.engine.measuring.measure import Asking, Measured, Measurement
from checks.engine.measuring.scope import Dimension
from checks.engine.measuring.snapshot import Session, asking, explained


@dataclass(frozen=True, slots=True)
class Evidence:
    """The bad rows of a rule, and how many of them stand where; with `sampled`, of so many of them drawn by chance.

    `counts` are what was counted at these places, where that came along with the number of bad rows.
    """

    findings: Findings = field(default_factory=Findings)
    places: Mapping[Place, int] = field(default_factory=dict)
    sampled: int | None = None
    counts: PlaceCounts | None = None


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


def few_by_key(
    session: Session, rules: Mapping[Id, tuple[BadRows, Sequence[int]]], timeout: float
) -> dict[Id, Evidence]:
    """The bad rows of several rules of one table whose keys are known: nobody asks again which rows they are.

    Nothing where that fails, or where a key is not that of one row, as in a table whose rows no constraint tells apart.
    """
    first = next(rows for rows, _ in rules.values())
    assert isinstance(first.source, sa.Table)  # noqa: S101 - keys are those of tables
    (key,), wanted = first.source.primary_key, {each for _, keys in rules.values() for each in keys}
    is_wanted = key == sa.any_(sa.bindparam(None, sorted(wanted - {None}), ARRAY(key.type)))
    fetched: Sequence[Sequence[Any]] = ()
    with suppress(Exception):  # then they are looked for, where the error has a name
        fetched = session.all(asking(key, *first.columns()).select_from(first.joined).where(is_wanted), timeout)
    by_key = {row[1]: row[2:] for row in fetched}
    if not len(fetched) == len(by_key) == len(wanted):
        return {}
    return {id_: listed(id_[0], rows, [by_key[each] for each in keys]) for id_, (rows, keys) in rules.items()}


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
    cells = asking(*_sketch(rule_text(rule), _once(rows.keys()), 0).subquery().c)  # each key is written once
    return _aggregated(rule, rows, count, [row[1:] for row in session.all(cells, timeout)])


LEAST_DRAWN, MOST_DRAWN = 0.25, 4
"""So much of the rows that were expected is still a sample; of more, the rows are others than expected."""
DRAWN = 1_000
"""So many rows by chance: of a place with a tenth of all, less than a twentieth is met once in ten million times."""


def draw(session: Session, rules: Mapping[Id, tuple[BadRows, int]], timeout: float) -> dict[Id, Evidence]:
    """The places of about a thousand bad rows of each of several rules of one table, in one pass over it."""
    chosen = list(rules.items())
    first = chosen[0][1][0]
    # in a CASE the database asks chance first, which spares most rows all conditions
    highest = max(min(1.0, DRAWN / count) for _, (_, count) in chosen)
    chances = [min(1.0, DRAWN / count) / highest for _, (_, count) in chosen]
    met = [sa.case((sa.func.random() < chance, rows.condition))
           for chance, (_, (rows, _)) in zip(chances, chosen, strict=True)]  # fmt: skip
    values = first.columns()[1:]
    flags = [rows.condition.label(f"b{number}") for number, (_, (rows, _)) in enumerate(chosen)]
    most = MOST_DRAWN * sum(min(DRAWN, count) for _, (_, count) in chosen)
    by_chance = sa.case((sa.func.random() < highest, sa.or_(*met)))
    statement = asking(*values, *flags).select_from(first.joined).where(by_chance).limit(most)
    drawn: list[list[Sequence[Any]]] = [[] for _ in chosen]
    fetched = session.all(statement, timeout)
    if len(fetched) == most:
        raise MeasureError("there are many more bad rows than were counted")
    alike: dict[Sequence[bool | None], list[Sequence[Any]]] = {}
    for row in fetched:
        alike.setdefault(row[1 + len(values) :], []).append(row[1 : 1 + len(values)])
    for flagged, some in alike.items():
        for number, share in _shares(flagged, chances).items():
            drawn[number] += [each for each in some if random() < share]  # noqa: S311 - a sample, no secret
    of_rules = zip(chosen, drawn, strict=True)
    return {id_: Evidence(places=_places(rows, own), sampled=len(own)) for (id_, (rows, _)), own in of_rules}


def draw_each(
    session: Session, rows: Mapping[Id, tuple[BadRows, int]], timeout: float, notes: dict[Id, str]
) -> dict[Id, Evidence]:
    """The places of some bad rows of each rule: for one by one, where drawing for all at once fails."""
    try:
        return draw(session, rows, timeout)
    except Exception as error:  # noqa: BLE001 - the rules are measured; only the places of their bad rows are missing
        if len(rows) > 1:
            alone = (draw_each(session, {id_: own}, timeout, notes) for id_, own in rows.items())
            return {id_: evidence for answer in alone for id_, evidence in answer.items()}
        notes.update(dict.fromkeys(rows, f"where its bad rows stand is unknown: {explained(error, timeout)}"))
        return {}


def read_placed(
    session: Session, rules: Mapping[Query, tuple[BadRows, int]], dimensions: Sequence[Dimension], how: Asking
) -> tuple[list[Measured], dict[Id, Evidence]]:
    """The readings of rules that had very many bad rows, counted at once where drawn ones stand, if enough were."""
    started, timeout = time.perf_counter(), how.limit([*rules])
    drawn = draw(session, {query.id: own for query, own in rules.items()}, timeout)
    asked = [
        Asked(
            query, possible_candidates(drawn[query.id].places, drawn[query.id].sampled or 0), bad=True, hash=rows.hash
        )
        for query, (rows, _) in rules.items()
    ]
    counted = census(session, asked, dimensions, how.scope, timeout)
    seconds = (time.perf_counter() - started) / len(rules)
    counts = [(query, counted[query.id]) for query in rules]
    measured = [
        Measured(query, seconds, Measurement(own.count, own.total), digest=str(own.digest)) for query, own in counts
    ]
    placed = {query.id: replace(drawn[query.id], counts=counted[query.id]) for query, (_, count) in rules.items()
              if (drawn[query.id].sampled or 0) >= LEAST_DRAWN * min(DRAWN, count)}  # fmt: skip
    return measured, placed


def _shares(flags: Sequence[bool | None], chances: Sequence[float]) -> dict[int, float]:
    """The share of drawn rows that count for each rule: what several find bad had several chances to be met."""
    bad = [number for number, flag in enumerate(flags) if flag]
    met = 1 - prod(1 - chances[number] for number in bad)
    return {number: chances[number] / met for number in bad}


def _aggregated(rule: str, rows: BadRows, count: int, fetched: Sequence[Sequence[Any]]) -> Evidence:
    """The evidence from the lines of a summary."""
    names = [dimension.name for dimension, _ in rows.reached]
    summed = [line for line in fetched if line[CELL_OF_LINE] is not None]
    spread = [line for line in fetched if line[CELL_OF_LINE] is None]
    places = {_place(names, mask, values): int(number) for mask, _, number, _, _, _, *values in spread}
    cells = gathered((cell, number, keys, checks) for _, cell, number, keys, checks, *_ in summed)
    sample = sorted(line[KEY_OF_LINE] for line in summed if line[CELL_OF_LINE] < SKETCH_RANGES)[:SAMPLE]
    findings = sorted(findings_of(rule, rows.names, Counter(key[MD5_DIGITS:] for key in sample)), key=_order)
    return Evidence(Findings(count, tuple(findings), cells), places)


def _place(names: Sequence[str], mask: int, values: Sequence[Any]) -> Place:
    """By which dimensions a line is grouped, with their values."""
    # the leftmost column has the highest bit, and a set bit says that the line is not grouped by it
    parts = enumerate(zip(names, values, strict=True))
    return tuple(part for bit, part in parts if not mask >> (len(values) - 1 - bit) & 1)


def listed(rule: str, rows: BadRows, fetched: Sequence[Sequence[Any]]) -> Evidence:
    """Evidence of rows that are all here: key first, then the value of each dimension."""
    findings = findings_of(rule, rows.names, Counter(str(row[0]) for row in fetched))
    places = _places(rows, [row[1:] for row in fetched])
    return Evidence(Findings(len(fetched), tuple(sorted(findings, key=_order))), places)


def as_listed(rows: BadRows, before: Findings) -> Evidence | None:
    """Evidence of bad rows that were found before; None where these rows have another key today."""
    if any(finding.key.keys() != set(rows.names) for finding in before.listed):
        return None
    # as history keeps it, the parts of a key are in an order of their own
    named = [replace(finding, key={name: finding.key[name] for name in rows.names}) for finding in before.listed]
    return Evidence(replace(before, listed=tuple(sorted(named, key=_order))))


def _places(rows: BadRows, fetched: Iterable[Sequence[Any]]) -> Counter[Place]:
    """How many rows stand at each value of a dimension, and at each two values that many of them have.

    Two values are no candidate where few rows have both: they are not looked at where no value of one is frequent.
    """
    names = [dimension.name for dimension, _ in rows.reached]
    columns = list(zip(names, zip(*fetched, strict=True), strict=False))
    alone = [Counter(values) for _, values in columns]
    places: Counter[Place] = Counter()
    for (name, _), counts in zip(columns, alone, strict=True):
        places.update({((name, value),): number for value, number in counts.items()})
    least = least_rows(alone[0].total()) / 2 if alone else 0
    frequent = [column for column, counts in zip(columns, alone, strict=True) if max(counts.values()) >= least]
    for (first, ones), (second, others) in combinations(frequent, 2):
        pairs = Counter(zip(ones, others, strict=True))
        places.update({((first, one), (second, other)): number
                       for (one, other), number in pairs.items() if number >= least})  # fmt: skip
    return places


def waived_rows(session: Session, rule: str, rows: BadRows, accepted: Iterable[int], timeout: float) -> int:
    """How many bad rows of a rule with very many have an accepted fingerprint."""
    own = fingerprint_of(rule, rows.key)
    counted = asking(sa.func.count()).select_from(rows.source).where(rows.condition, own.in_(sorted(accepted)))
    return int(session.all(counted, timeout)[0][1])


def findings_of(rule: str, names: Sequence[str], keys: Mapping[str, int]) -> list[Finding]:
    """The bad rows of some keys, with how many rows have each."""
    named = zip(keys.items(), parts(names, [*keys]), strict=True)
    return [Finding(fingerprint(rule, key), values, times) for (key, times), values in named]


def _order(finding: Finding) -> str:
    return str([(type(value).__name__, value) for value in finding.key.values()])


SAMPLE = 100
MD5_DIGITS = 32
LINE_COLUMNS = {
    "mask": sa.BigInteger, "cell": sa.BigInteger, "number": sa.BigInteger, "keys": sa.Numeric, "checks": sa.Numeric,
    "key": sa.Text,
}  # fmt: skip
"""The columns of a line; the values of its dimensions follow."""
CELL_OF_LINE, KEY_OF_LINE = 1, 5


def counts_and_rows(rule: str, rows: BadRows, total: sa.ColumnElement[int], most: int) -> sa.Select[Any]:
    """The number of bad rows and the total, on a line for each bad row, or with more than `most` for their summary.

    The line of a bad row has its key; without any there is one line without a key. A summary has lines for the cells of
    the sketch (how many rows, sum of fingerprints, sum of checksums, least digest with its key), and lines for places
    (how many rows, and by a mask which dimensions). The least digests are a sample by chance, and the same rows as long
    as they are bad.
    """
    bad = rows.statement().cte("bad").prefix_with("MATERIALIZED")
    number = sa.select(sa.func.count()).select_from(bad).scalar_subquery()
    both = sa.select(number.label("bad_rows"), total.label("among"))
    counts = both.cte("counts").prefix_with("MATERIALIZED")
    text = sa.text(_lines(tuple(dimension.scored for dimension, _ in rows.reached)))
    given = text.bindparams(evidence_rule=rule + SEPARATOR, evidence_most=most)
    values = [sa.column(f"d{number}", value.type) for number, (_, value) in enumerate(rows.reached)]
    lines = given.columns(*(sa.column(*column) for column in LINE_COLUMNS.items()), *values).subquery("lines")
    return asking(*counts.c, *lines.c).select_from(counts.outerjoin(lines, sa.true()))


@cache
def _lines(scored: tuple[bool, ...]) -> str:
    """The SQL of the lines, which is the same for all rules with so many dimensions, some of which have scores.

    As text: to build and to compile it anew for each rule took a third of the time of a whole check.
    """
    bad = sa.table("bad", sa.column("key", sa.Text), *(sa.column(f"d{number}") for number in range(len(scored))))
    count = sa.select(sa.column("bad_rows", sa.BigInteger)).select_from(sa.table("counts")).scalar_subquery()
    most = sa.literal_column(":evidence_most", sa.Integer)
    rule = sa.literal_column("CAST(:evidence_rule AS TEXT)", sa.Text)
    values = [bad.c[f"d{number}"] for number in range(len(scored))]
    # the rows first: the NULLs of the other parts take the types of their dimensions
    parts = [sa.select(*_line(key=bad.c.key), *values).where(count <= most)]
    parts += [_spread(scored, values, count, most)] if values else []
    parts += [_sketch(rule, bad, len(values), count > most)]
    whole = sa.union_all(*parts)
    return str(whole.compile(dialect=PGDialect(paramstyle="named"), compile_kwargs={"literal_binds": True}))  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped


def read_rows(rule: str, rows: BadRows, fetched: Sequence[Sequence[Any]], most: int) -> Evidence:
    """The evidence from the lines of `counts_and_rows`."""
    count, lines = fetched[0][1], [row[3:] for row in fetched]
    if count > most:
        return _aggregated(rule, rows, count, lines)
    return listed(rule, rows, [line[KEY_OF_LINE:] for line in lines if line[KEY_OF_LINE] is not None])


def _line(**columns: sa.ColumnElement[Any]) -> list[sa.ColumnElement[Any]]:
    return [sa.cast(columns.get(name, sa.null()), kind).label(name) for name, kind in LINE_COLUMNS.items()]


def _sketch(
    rule: sa.ColumnElement[str], bad: sa.FromClause, dimensions: int, wanted: sa.ColumnElement[bool] | None = None
) -> sa.Select[Any]:
    """The lines of a sketch."""
    digest = sa.select(key_digest(rule, bad.c.key).label("digest"), bad.c.key)
    own = _once(digest if wanted is None else digest.where(wanted)).c
    marked = _once(
        sa.select(first_bits(own.digest, 64).label("fingerprint"), own.digest.concat(own.key).label("named"))
    )
    cells = [cell.label(f"r{number}") for number, cell in enumerate(cells_of(marked.c.fingerprint))]
    whole = sa.select(*cells, checksum_of(marked.c.fingerprint).label("check"), *marked.c).subquery("sketch")
    cuts = [whole.c[cell.name] for cell in cells]
    line = _line(
        cell=sa.func.coalesce(*cuts), number=sa.func.count(), keys=sa.func.sum(whole.c.fingerprint),
        checks=sa.func.sum(whole.c.check), key=sa.func.min(sa.collate(whole.c.named, "C")),
    )  # fmt: skip
    nothing = [sa.null().label(f"d{number}") for number in range(dimensions)]
    return sa.select(*line, *nothing).group_by(sa.func.grouping_sets(*map(sa.tuple_, cuts)))


def _spread(
    scored: Sequence[bool],
    values: Sequence[sa.ColumnElement[Any]],
    count: sa.ColumnElement[int],
    most: sa.ColumnElement[int],
) -> sa.Select[Any]:
    """The places where many bad rows are, and all that are scored."""
    # grouped by all of them first, so that the ten groupings that follow have little to do
    grouped = sa.select(*values, sa.func.count().label("number")).where(count > most).group_by(*values)
    fine = grouped.subquery("fine")
    by = [fine.c[f"d{number}"] for number in range(len(values))]
    sets = [*((column,) for column in by), *combinations(by, 2)]
    number, mask = sa.func.sum(fine.c.number), sa.func.grouping(*by)
    whole = [_mask(bit, by) for bit, has_score in enumerate(scored) if has_score]
    kept = sa.or_(number >= count * sa.cast(LEAST_SHARE, sa.Double), mask.in_(whole))
    by_set = sa.func.grouping_sets(*(sa.tuple_(*columns) for columns in sets))
    return sa.select(*_line(mask=mask, number=number), *by).group_by(by_set).having(kept)


def _mask(bit: int, by: Sequence[Any]) -> int:
    """The mask of the rows that are grouped by one column alone."""
    return (1 << len(by)) - 1 - (1 << len(by) - 1 - bit)


def _once(statement: sa.Select[Any]) -> sa.Subquery:
    """A statement whose columns are computed once a row: the database would repeat them wherever they are used."""
    # written out: for what may be another number than nought it takes no further process
    return statement.offset(sa.literal_column("0")).subquery()
