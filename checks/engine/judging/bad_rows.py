"""The bad rows of one rule as a statement, and the places where they cluster: "58 of 62 in CNSWPL, series 12"."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, TypeAlias

from sqlalchemy import ARRAY, ColumnElement, FromClause, Select, SelectBase, and_, cast, func, select, true

from checks.engine.authoring import MeasureError
from checks.engine.authoring.spec import Kind
from checks.engine.judging.findings import key_columns, key_names, key_text
from checks.engine.measuring.compile_queries import Query
from checks.engine.measuring.measure import Measurement, bad_condition
from checks.engine.measuring.scope import Dimension, Labels, Reached, Scope, reach
from checks.engine.measuring.snapshot import Session, asking

Place: TypeAlias = tuple[tuple[str, Any], ...]
"""Where rows stand: dimensions with their values, such as (("league", 3), ("series", 12))."""


@dataclass(frozen=True, slots=True)
class BadRows:
    """The bad rows of a query: where they are read from, which of them are bad, and what names them.

    `joined` is the source with what the values of the dimensions are looked up in.
    """

    source: FromClause
    joined: FromClause
    names: tuple[str, ...]
    key: ColumnElement[str]
    condition: ColumnElement[bool]
    reached: Reached

    @classmethod
    def of(cls, query: Query, scope: Scope, dimensions: Sequence[Dimension]) -> BadRows:
        """Read off a query; raises MeasureError when its rows have no key, or a personal one."""
        source, bad = _source(query)
        columns = key_columns(source)
        joined, reached = reach(source, dimensions)
        condition = and_(bad, scope.condition(source)) if scope else bad
        return cls(source, joined, key_names(columns), key_text(columns), condition, reached)

    def columns(self) -> list[ColumnElement[Any]]:
        """The key, then the value of each dimension that these rows have."""
        values = [value.label(f"d{number}") for number, (_, value) in enumerate(self.reached)]
        return [self.key.label("key"), *values]

    def statement(self) -> Select[Any]:
        """One row for each bad row."""
        return select(*self.columns()).select_from(self.joined).where(self.condition)

    def place(self, values: Sequence[Any]) -> Place:
        """The place of a row, from the values that follow its key."""
        return tuple((dimension.name, value) for (dimension, _), value in zip(self.reached, values, strict=True))


def population(query: Query) -> tuple[FromClause, ColumnElement[bool] | None] | None:
    """The rows that could have been bad, with their condition; None when the query does not say."""
    if query.check.mark.kind is Kind.FRAME:
        return query.table, None
    if isinstance(query.among, SelectBase):
        return query.among.subquery(), None
    return None if query.check.mark.kind is Kind.CHECK else (query.table, query.among)


def _source(query: Query) -> tuple[FromClause, ColumnElement[bool]]:
    if isinstance(query.bad, SelectBase):
        # the statement has chosen the bad rows already
        return query.bad.subquery(), true()
    if query.check.mark.kind is Kind.FRAME:
        # the rule has yet to choose: all rows are read
        return query.table, true()
    if query.bad is None:
        raise MeasureError(f"{query.check.name} has no bad rows, only a value")
    return query.table, bad_condition(query)


CANDIDATES = 3
LEAST_SHARE = 0.1
LEAST_LIFT = 1.2
SAME_DENSITY = 0.1


@dataclass(frozen=True, slots=True)
class Spot:
    """Bad rows at one place, and how many rows stand there at all (None: the rule does not say)."""

    place: Place
    count: int
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Cluster:
    """A place where bad rows are denser than elsewhere.

    `lift` is how many times denser than in the whole: 1.0 would be no cluster at all. None without a total.
    """

    where: tuple[tuple[str, str], ...]
    count: int
    of: int
    rows: int | None
    lift: float | None

    def __str__(self) -> str:
        return f"{self.count:,} of {self.of:,} in {', '.join(_said(name, label) for name, label in self.where)}"


def least_rows(count: int) -> float:
    """How many of so many bad rows make a place worth a closer look."""
    return max(2, LEAST_SHARE * count)


def candidates(places: Mapping[Place, int], count: int) -> list[Place]:
    """The few places worth a closer look: of each group of dimensions those with most bad rows."""
    groups: dict[tuple[str, ...], list[Place]] = {}
    for place in sorted(places, key=lambda place: (-places[place], str(place))):
        if places[place] >= least_rows(count):
            groups.setdefault(tuple(name for name, _ in place), []).append(place)
    return [place for group in groups.values() for place in group[:CANDIDATES]]


Asked: TypeAlias = Sequence[tuple[Query, Sequence[Place]]]
"""Queries with the places that are asked about."""


def census(
    session: Session, asked: Asked, dimensions: Sequence[Dimension], scope: Scope, timeout: float
) -> dict[tuple[str, str], Counter[Place]]:
    """How many rows could have been bad at each place asked about, and at each value of a scored dimension.

    The queries share one population, which is read once; nothing is known of queries that do not say theirs.
    """
    judged = population(asked[0][0])
    if judged is None:
        return {}
    source = judged[0]
    joined, reached = reach(source, dimensions)
    grouped = [(dimension.name, *_coded(dimension, value, asked)) for dimension, value in reached]
    grouped = [(name, value, values) for name, value, values in grouped if values != ()]
    conditions = [(population(query) or judged)[1] for query, _ in asked]
    flags = [(true() if own is None else own).label(f"p{number}") for number, own in enumerate(conditions)]
    places = [value.label(f"d{number}") for number, (_, value, _) in enumerate(grouped)]
    rows = select(*places, *flags).select_from(joined).where(scope.condition(source)).subquery()
    counts = [func.count().filter(rows.c[flag.name]) for flag in flags]
    by = [rows.c[place.name] for place in places]
    counted: dict[tuple[str, str], Counter[Place]] = {query.id: Counter() for query, _ in asked}
    for row in session.all(asking(*by, *counts).group_by(*by), timeout):
        stands = [(name, values, row[1 + number]) for number, (name, _, values) in enumerate(grouped)]
        here = tuple((name, _decoded(values, value)) for name, values, value in stands if _is_known(values, value))
        for (query, _), number in zip(asked, row[1 + len(by) :], strict=True):
            counted[query.id].update(dict.fromkeys(places_of(here), number))
    return counted


def places_of(place: Place) -> Iterable[Place]:
    """The places that a row counts for: each of its dimensions alone, and each two of them."""
    yield from ((part,) for part in place)
    yield from combinations(place, 2)


def _coded(dimension: Dimension, value: ColumnElement[Any], asked: Asked) -> tuple[ColumnElement[Any], Any]:
    """What rows are grouped by: the value of a scored dimension; of others its place among the values asked about."""
    if dimension.scored:
        return value, None
    parts = {part for _, places in asked for place in places for part in place}
    wanted = tuple(own for name, own in sorted(parts, key=str) if name == dimension.name)
    return func.array_position(cast(list(wanted), ARRAY(value.type)), value), wanted


def _is_known(values: Sequence[Any] | None, code: Any) -> bool:
    return values is None or code is not None


def _decoded(values: Sequence[Any] | None, code: Any) -> Any:
    return code if values is None else values[code - 1]


def clusters(spots: Sequence[Spot], reading: Measurement, labels: Labels, most: int) -> tuple[Cluster, ...]:
    """The places worth saying, the most telling first."""
    found = [_cluster(spot, reading, labels) for spot in spots]
    telling = [cluster for cluster in found if cluster.lift is None or cluster.lift >= LEAST_LIFT]
    kept: list[Cluster] = []
    for cluster in sorted(telling, key=_weight):
        if not any(_repeats(cluster, other) for other in kept):
            kept.append(cluster)
    return tuple(kept[:most])


def _cluster(spot: Spot, reading: Measurement, labels: Labels) -> Cluster:
    where = tuple((name, labels.say(name, value)) for name, value in spot.place)
    lift = spot.count / spot.rows / reading.rate if spot.rows and reading.rate else None
    return Cluster(where, spot.count, reading.count or 0, spot.rows, None if lift is None else round(lift, 2))


def _weight(cluster: Cluster) -> tuple[Any, ...]:
    # many of the bad rows in few of all rows: their share times how much denser they are; the plainer place wins a tie
    share = cluster.count / cluster.of if cluster.of else 0.0
    return -share * min(cluster.lift or 1.0, 100.0), len(cluster.where), str(cluster.where)


def _repeats(cluster: Cluster, other: Cluster) -> bool:
    mine, theirs = set(cluster.where), set(other.where)
    nested = mine <= theirs or theirs <= mine
    return nested and abs(cluster.count - other.count) <= SAME_DENSITY * max(cluster.count, other.count)


def _said(name: str, label: str) -> str:
    # "series 12" needs its word, "CNSWPL" and "Series 12" say themselves what they are
    return f"{name} {label}" if label[:1].isdigit() or label == "none" else label
