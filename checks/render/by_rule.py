"""One line for each rule: of a rule that was asked for each of four hundred leagues, how many and the worst."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeVar

from checks.engine.authoring.units import Measure, Status, figure_text
from checks.engine.reporting.report import Result, worst_first

R = TypeVar("R", bound=Result)
MOST_MEMBERS = 10
"""So many leagues, or whatever a rule was asked for, are named of one rule."""


def by_rule(results: Iterable[R]) -> tuple[R, ...]:
    """Results as people read them, worst first: those of a rule with several parameters are one.

    Points, rows and what is new of them are added up; examples and SQL are those of the worst.
    """
    groups: dict[str, list[R]] = {}
    for result in results:
        groups.setdefault(result.rule, []).append(result)
    lines = (line for group in groups.values() for line in _lines(group))
    return tuple(sorted(lines, key=worst_first))


def worst_members(result: Result) -> str:
    """Which parameters of a rule are in trouble, worst first: "NSTF 17.9 %, CITA 9.1 %, 3 more"."""
    concerned = _concerned(result.members)
    more = [f"{len(concerned) - MOST_MEMBERS:,} more"] if len(concerned) > MOST_MEMBERS else []
    return ", ".join([*map(_in_brief, concerned[:MOST_MEMBERS]), *more])


def each_result(lines: Iterable[R]) -> Iterator[R]:
    """The results that lines were made of."""
    for line in lines:
        yield from line.members or (line,)  # type: ignore[misc]  # the members of a line are of its type


def plural(name: str) -> str:
    """Many of a thing, by the name that a rule has for one: `public_table`, `club`, `series`, `city`."""
    words = name.replace("_", " ")
    if words.endswith("s"):
        return words
    return f"{words[:-1]}ies" if words.endswith("y") and words[-2:-1] not in "aeiou" else f"{words}s"


def _lines(group: Sequence[R]) -> Sequence[R]:
    """One line, unless a few leagues are judged apart from all others, which have no name."""
    return [_pooled(group)] if len(group) > 1 and all(result.parameter for result in group) else group


def _pooled(group: Sequence[R]) -> R:
    members = tuple(sorted(group, key=_worst_share_first))
    sums = {name: _sum(group, name) for name in ("count", "total", "new", "known", "fixed", "points")}
    return replace(
        members[0], parameter="", members=members, spread=_spread(members), clusters=(), value=None, rate=None,
        findings=None, exact=all(result.exact for result in group), points=sums.pop("points") or Decimal("0.00"),
        seconds=round(sum(result.seconds for result in group), 4), **sums,
    )  # fmt: skip


def _sum(group: Sequence[Result], name: str) -> Any:
    numbers = [number for result in group if (number := getattr(result, name)) is not None]
    return sum(numbers) if numbers else None


def _worst_share_first(result: Result) -> tuple[Any, ...]:
    """As a report is sorted, but what was measured first, and in a status by share: points of many are rounded away."""
    rank, status, severity, *rest = worst_first(result)
    return result.status is Status.SKIPPED, rank, status, severity, -(result.share or result.rate or 0), *rest


def _concerned(members: Sequence[Result]) -> list[Result]:
    """The members in trouble; where all of that is accepted, those that are."""
    return [one for one in members if one.trouble] or [one for one in members if one.status.failing]


def _spread(members: Sequence[Result]) -> str:
    """Such as "101 of 404 leagues, worst NSTF 17.9 %"; empty where there was nothing to measure."""
    measured = sum(one.status is not Status.SKIPPED for one in members)
    concerned = _concerned(members)
    worst = f", worst {_in_brief(concerned[0])}" if concerned else ""
    return f"{len(concerned):,} of {measured:,} {plural(members[0].each or 'part')}{worst}" if measured else ""


def _in_brief(result: Result) -> str:
    if result.status is Status.ERROR:
        return f"{result.parameter} not measured"
    share = None if result.rate is None else figure_text(result.rate, Measure.PERCENT)
    return f"{result.parameter} {share or result.measurement}"
