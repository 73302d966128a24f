"""The bad rows of one rule as a statement, and the places where they cluster: "58 of 62 in CNSWPL, series 12"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, FromClause, Select, SelectBase, and_, func, select, true

from checks.engine.authoring import MeasureError
from checks.engine.authoring.spec import Kind
from checks.engine.judging.findings import key_columns, key_names, key_text
from checks.engine.measuring.compile_queries import Query
from checks.engine.measuring.measure import Measurement, bad_condition
from checks.engine.measuring.scope import Dimension, Labels, Scope
from checks.engine.measuring.snapshot import Session, asking

Place: TypeAlias = tuple[tuple[str, Any], ...]
"""Where rows stand: dimensions with their values, such as (("league", 3), ("series", 12))."""


@dataclass(frozen=True, slots=True)
class BadRows:
    """The bad rows of a query: where they are read from, which of them are bad, and what names them."""

    source: FromClause
    names: tuple[str, ...]
    key: ColumnElement[str]
    condition: ColumnElement[bool]
    reached: tuple[tuple[Dimension, ColumnElement[Any]], ...]

    @classmethod
    def of(cls, query: Query, scope: Scope, dimensions: Sequence[Dimension]) -> BadRows:
        """Read off a query; raises MeasureError when its rows have no key, or a personal one."""
        source, own = _source(query)
        columns = key_columns(source)
        reached = [(dimension, dimension.of(source)) for dimension in dimensions]
        known = tuple((dimension, value) for dimension, value in reached if value is not None)
        condition = and_(own, scope.condition(source)) if scope else own
        return cls(source, key_names(columns), key_text(columns), condition, known)

    def columns(self) -> list[ColumnElement[Any]]:
        """The key, then the value of each dimension that these rows have."""
        values = [value.label(f"d{number}") for number, (_, value) in enumerate(self.reached)]
        return [self.key.label("key"), *values]

    def statement(self) -> Select[Any]:
        """One row for each bad row."""
        return select(*self.columns()).select_from(self.source).where(self.condition)

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


def holds(place: Place, dimensions: Sequence[Dimension], source: FromClause) -> ColumnElement[bool] | None:
    """The condition that a row of the source stands at a place, None when it does not say."""
    by_name = {dimension.name: dimension for dimension in dimensions}
    conditions = [_holds(by_name[name], value, source) for name, value in place]
    found = [condition for condition in conditions if condition is not None]
    return and_(*found) if len(found) == len(place) else None


def _holds(dimension: Dimension, value: Any, source: FromClause) -> ColumnElement[bool] | None:
    if value is not None:
        return dimension.holds(source, value)
    own = dimension.of(source)
    return None if own is None else own.is_(None)


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


def candidates(places: Mapping[Place, int], count: int) -> list[Place]:
    """The few places worth a closer look: of each group of dimensions those with most bad rows."""
    groups: dict[tuple[str, ...], list[Place]] = {}
    for place in sorted(places, key=lambda place: (-places[place], str(place))):
        if places[place] >= max(2, LEAST_SHARE * count):
            groups.setdefault(tuple(name for name, _ in place), []).append(place)
    return [place for group in groups.values() for place in group[:CANDIDATES]]


def totals(
    session: Session,
    asked: Sequence[tuple[Query, Sequence[Place]]],
    dimensions: Sequence[Dimension],
    scope: Scope,
    timeout: float,
) -> dict[tuple[str, str], dict[Place, int]]:
    """How many rows stand at each place, for queries that share one population: one pass for all of them."""
    found = population(asked[0][0])
    if found is None:
        return {}
    source, _ = found
    counted = [
        (query.id, place, _filter(query, place, dimensions, source)) for query, places in asked for place in places
    ]
    usable = [(key, place, condition) for key, place, condition in counted if condition is not None]
    if not usable:
        return {}
    columns = [func.count().filter(c).label(f"c{number}") for number, (_, _, c) in enumerate(usable)]
    row = session.all(asking(*columns).select_from(source).where(scope.condition(source)), timeout)[0]
    answer: dict[tuple[str, str], dict[Place, int]] = {}
    for (key, place, _), value in zip(usable, row[1:], strict=True):
        answer.setdefault(key, {})[place] = int(value)
    return answer


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


def _filter(
    query: Query, place: Place, dimensions: Sequence[Dimension], source: FromClause
) -> ColumnElement[bool] | None:
    condition = holds(place, dimensions, source)
    found = population(query)
    if condition is None or found is None or found[1] is None:
        return condition
    return condition & found[1]


def _said(name: str, label: str) -> str:
    # "series 12" needs its word, "CNSWPL" and "Series 12" say themselves what they are
    return f"{name} {label}" if label[:1].isdigit() or label == "none" else label
