"""Where the bad rows of a failing rule are: "58 of 62 in CNSWPL, series 12"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, func

from checks.engine.bad_rows import Place, holds, population
from checks.engine.dimensions import Dimension
from checks.engine.measure import Reading
from checks.engine.questions import Question
from checks.engine.scope import Labels, Scope
from checks.engine.session import Session, asking

CANDIDATES = 3
LEAST_SHARE = 0.1
LEAST_LIFT = 1.2
SAME = 0.1


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
    asked: Sequence[tuple[Question, Sequence[Place]]],
    dimensions: Sequence[Dimension],
    scope: Scope,
    timeout: float,
) -> dict[tuple[str, str], dict[Place, int]]:
    """How many rows stand at each place, for questions that share one population: one pass for all of them."""
    found = population(asked[0][0])
    if found is None:
        return {}
    source, _ = found
    counted = [
        (question.id, place, _filter(question, place, dimensions, source))
        for question, places in asked
        for place in places
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


def clusters(spots: Sequence[Spot], reading: Reading, labels: Labels, most: int) -> tuple[Cluster, ...]:
    """The places worth saying, the most telling first."""
    found = [_cluster(spot, reading, labels) for spot in spots]
    telling = [cluster for cluster in found if cluster.lift is None or cluster.lift >= LEAST_LIFT]
    kept: list[Cluster] = []
    for cluster in sorted(telling, key=_weight):
        if not any(_repeats(cluster, other) for other in kept):
            kept.append(cluster)
    return tuple(kept[:most])


def _cluster(spot: Spot, reading: Reading, labels: Labels) -> Cluster:
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
    return nested and abs(cluster.count - other.count) <= SAME * max(cluster.count, other.count)


def _filter(
    question: Question, place: Place, dimensions: Sequence[Dimension], source: FromClause
) -> ColumnElement[bool] | None:
    condition = holds(place, dimensions, source)
    found = population(question)
    if condition is None or found is None or found[1] is None:
        return condition
    return condition & found[1]


def _said(name: str, label: str) -> str:
    # "series 12" needs its word, "CNSWPL" and "Series 12" say themselves what they are
    return f"{name} {label}" if label[:1].isdigit() or label == "none" else label
