"""What the readings of a run are compared with, and how a lasting change ends.

A metric that is judged on its own history is compared with one reading a day: the last one of the day that was in
order. Readings that were failing or waived, that are about one league or about another day, are no baseline. So trouble
that lasts stays trouble, until the data is mended or somebody accepts it as what is usual from then on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Connection, Select, Subquery, Text, and_, any_, func, literal, or_, select

from checks.engine.authoring import AcceptanceError
from checks.engine.authoring.spec import Check
from checks.engine.authoring.thresholds import FEWEST_FOR_OUTLIER, Fixed
from checks.engine.authoring.units import Status
from checks.engine.judging.judge import Id
from etl.tables import acceptances, check_results, check_runs, check_states

LONGEST_BASELINE = 200
"""Days that are read of a metric: more than any window looks back."""
FEW_DAYS = FEWEST_FOR_OUTLIER
"""With fewer days on record, up to so many readings of each of them are compared with: better than with none."""
IN_ORDER = (Status.OK, Status.SKIPPED)
"""A reading that had nothing to be compared with yet is one of the first."""
MEASURED = tuple(status for status in Status if status.measured)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A lasting change that somebody took for usual: a reading, or None where there is nothing to measure any more."""

    rule: str
    parameter: str
    value: float | None
    reason: str
    by: str
    at: datetime
    scope: str = ""


def usual_readings(connection: Connection, rules: Sequence[str], scope: str = "") -> dict[Id, tuple[float, ...]]:
    """The readings that metrics are compared with, newest last; one that was accepted stands for the days before it.

    `scope` is what a run is narrowed to, such as "league CNSWPL": a part is compared with itself alone.
    """
    accepted = _accepted_values(connection, rules, scope)
    readings: dict[Id, list[tuple[int, float]]] = {}
    for row in connection.execute(_readings_in_order(rules, scope)):
        readings.setdefault((row.rule, row.parameter), []).append((row.place, row.value))
    ids = accepted.keys() | readings.keys()
    return {id_: (*accepted.get(id_, ()), *_daily(readings.get(id_, ()), id_ in accepted)) for id_ in sorted(ids)}


def _daily(readings: Sequence[tuple[int, float]], accepted: bool) -> list[float]:
    days = [value for place, value in readings if place == 1]
    return days if accepted or len(days) >= FEW_DAYS else [value for _, value in readings]


def _readings_in_order(rules: Sequence[str], scope: str) -> Select[Any]:
    """Readings with their place in their day, the last one being 1, oldest first."""
    results, runs, accepted = check_results.c, check_runs.c, _last_accepted(rules, scope)
    of = results.rule, results.parameter
    place = func.row_number().over(partition_by=(*of, runs.today), order_by=results.at.desc())
    day = func.dense_rank().over(partition_by=of, order_by=runs.today.desc())
    in_order = (
        select(*of, results.value, results.at, place.label("place"), day.label("day"))
        .join(check_runs, runs.id == results.run_id)
        .outerjoin(accepted, _same(accepted.c, results))
        .where(is_of(results.rule, rules), results.value.is_not(None), results.status.in_(IN_ORDER))
        .where(~results.accepted, *_alike(scope))
        .where(or_(accepted.c.at.is_(None), results.at > accepted.c.at))
        .subquery()
    )
    recent = in_order.c.day <= LONGEST_BASELINE, in_order.c.place <= FEW_DAYS
    return select(in_order).where(*recent).order_by(in_order.c.at)


def _alike(scope: str) -> tuple[ColumnElement[bool], ...]:
    """Runs of their own day, on all rows or on those of the scope, which ends the words of a selection."""
    runs = check_runs.c
    if not scope:
        return ~runs.scoped, ~runs.another_day
    same = or_(runs.selection == scope, runs.selection.endswith(f" and {scope}", autoescape=True))
    return runs.scoped, ~runs.another_day, same


def _accepted_values(connection: Connection, rules: Sequence[str], scope: str) -> dict[Id, tuple[float, ...]]:
    last = _last_accepted(rules, scope)
    columns = acceptances.c
    rows = connection.execute(
        select(columns.rule, columns.parameter, columns.value)
        .join(last, and_(_same(last.c, columns), last.c.at == columns.accepted_at))
        .where(columns.value.is_not(None), columns.scope == scope)
    )
    return {(row.rule, row.parameter): (row.value,) * FEW_DAYS for row in rows}


def last_measured(connection: Connection, rules: Sequence[str], scope: str = "") -> dict[Id, datetime]:
    """When each rule last had something to measure, of the runs of a scope or of the whole.

    What somebody accepted as empty since then is left out.
    """
    states = _scoped_states(rules, scope) if scope else _whole_states(rules)
    accepted = _last_accepted(rules, scope)
    chosen = select(states).outerjoin(accepted, _same(accepted.c, states.c))
    rows = connection.execute(chosen.where(or_(accepted.c.at.is_(None), states.c.at > accepted.c.at)))
    return {(row.rule, row.parameter): row.at for row in rows}


def _whole_states(rules: Sequence[str]) -> Subquery:
    own = check_states.c
    return select(own.rule, own.parameter, own.at).where(is_of(own.rule, rules), own.status.in_(MEASURED)).subquery()


def _scoped_states(rules: Sequence[str], scope: str) -> Subquery:
    results, runs = check_results.c, check_runs.c
    return (
        select(results.rule, results.parameter, func.max(results.at).label("at"))
        .join(check_runs, runs.id == results.run_id)
        .where(is_of(results.rule, rules), results.status.in_(MEASURED), *_alike(scope))
        .group_by(results.rule, results.parameter)
        .subquery()
    )


def _last_accepted(rules: Sequence[str], scope: str) -> Subquery:
    own = acceptances.c
    last = select(own.rule, own.parameter, func.max(own.accepted_at).label("at"))
    return last.where(is_of(own.rule, rules), own.scope == scope).group_by(own.rule, own.parameter).subquery()


def is_of(rule: ColumnElement[str], rules: Iterable[str]) -> ColumnElement[bool]:
    """Whether a row is of one of these rules; sent in one value, where each of hundreds was written and read alone."""
    return rule == any_(literal(sorted(set(rules)), ARRAY(Text)))


def _same(one: Any, other: Any) -> ColumnElement[bool]:
    return and_(one.rule == other.rule, one.parameter == other.parameter)


def accept(connection: Connection, check: Check, reason: str, by: str, scope: str = "") -> tuple[Acceptance, ...]:
    """Take what a rule found last for usual: a changed reading of its own history, or nothing to measure any more.

    One for each parameter that there is something to accept of, in the runs of a scope or of the whole. Raises
    AcceptanceError where there is nothing.
    """
    if not reason.strip():
        raise AcceptanceError("an acceptance needs a reason; someone will ask")
    newest = _newest_results(connection, check.name, scope)
    relative = not isinstance(check.threshold, Fixed)
    lasting = [
        row for row in newest if row.emptied or (relative and Status(row.status).failing and row.value is not None)
    ]
    if not lasting:
        raise AcceptanceError(_nothing_to_accept(check, newest, relative=relative))
    rows = [
        {"rule": row.rule, "parameter": row.parameter, "value": None if row.emptied else row.value, "reason": reason,
         "accepted_by": by, "scope": scope}
        for row in lasting
    ]  # fmt: skip
    kept = connection.execute(acceptances.insert().returning(*acceptances.c), rows)
    return tuple(_acceptance(row) for row in kept)


def list_acceptances(connection: Connection) -> tuple[Acceptance, ...]:
    """All that was ever accepted, newest first."""
    rows = connection.execute(select(acceptances).order_by(acceptances.c.accepted_at.desc(), acceptances.c.id.desc()))
    return tuple(_acceptance(row) for row in rows)


def _newest_results(connection: Connection, rule: str, scope: str) -> Sequence[Any]:
    """What the newest run of a rule on all rows, or on those of a scope, found, parameter by parameter."""
    results, runs = check_results.c, check_runs.c
    whole = select(check_results).join(check_runs, runs.id == results.run_id).where(*_alike(scope))
    newest = whole.where(results.rule == rule).order_by(results.at.desc()).limit(1).subquery()
    columns = results.rule, results.parameter, results.status, results.value, results.emptied
    chosen = select(*columns).join(newest, newest.c.run_id == results.run_id)
    return connection.execute(chosen.where(results.rule == rule).order_by(results.parameter)).all()


def _nothing_to_accept(check: Check, newest: Sequence[Any], *, relative: bool) -> str:
    if not newest:
        return f"{check.name} has not run yet, so there is nothing to accept"
    worst = max((Status(row.status) for row in newest), key=lambda status: status.rank)
    if worst.failing and not relative:
        return (
            f"{check.name} is judged by fixed limits ({check.threshold}), which no acceptance moves;"
            f" accept its trouble until a day: rally-health waive {check.name} --until DATE --owner NAME --reason ..."
        )
    return f"{check.name} was {worst} in its last run: there is no lasting change to accept"


def _acceptance(row: Any) -> Acceptance:
    return Acceptance(row.rule, row.parameter, row.value, row.reason, row.accepted_by, row.accepted_at, row.scope)
