"""Which bad rows are fetched in which way, and what a run tells each of its units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from checks.engine.bad_rows import BadRows
from checks.engine.dimensions import Dimension
from checks.engine.errors import MeasureError
from checks.engine.evidence import Evidence, few, few_of_many, many
from checks.engine.failures import explained
from checks.engine.measure import Asking, Measured
from checks.engine.past import Id, Past
from checks.engine.session import Session
from checks.engine.waivers import Waivers


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What every unit of a run needs to know."""

    how: Asking
    past: Past
    waivers: Waivers
    dimensions: Sequence[Dimension]
    listed: int
    details: bool


def evidence_of(session: Session, measured: Sequence[Measured], task: Work, notes: dict[Id, str]) -> dict[Id, Evidence]:
    """The bad rows of those questions that have some. What stands in the way goes to `notes`, by rule."""
    rows: dict[Id, tuple[BadRows, int]] = {}
    for item in measured:
        if item.reading is not None and item.reading.count:
            try:
                scope = task.how.scope.of(narrowed=item.question.narrowed)
                rows[item.question.id] = BadRows.of(item.question, scope, task.dimensions), item.reading.count
            except MeasureError as error:
                notes[item.question.id] = str(error)
    if not rows:
        return {}
    timeout = task.how.limit([item.question for item in measured])
    return _fetched(session, rows, task, timeout, notes)


def _fetched(
    session: Session,
    rows: Mapping[Id, tuple[BadRows, int]],
    task: Work,
    timeout: float,
    notes: dict[Id, str],
) -> dict[Id, Evidence]:
    found: dict[Id, Evidence] = {}
    small = {id_: own for id_, (own, count) in rows.items() if count <= task.listed}
    if len(small) > 1:
        with suppress(Exception):  # asked one by one below, where the error has a name
            found = few_of_many(session, small, timeout)
    for id_, (own, count) in rows.items():
        try:
            if id_ in found:
                continue
            if id_ in small:
                found[id_] = few(session, id_[0], own, timeout)
            else:
                found[id_] = many(session, id_[0], own, count, timeout)
        except Exception as error:  # noqa: BLE001 - the rule is measured; only its examples are missing
            notes[id_] = f"its bad rows cannot be shown: {explained(error, timeout)}"
    return found
