"""All that was found out about one query, and where its bad rows stand.

How many rows there are at all at such a place is counted once for all rules of a scan, and once for all rules across
tables that count among the rows of one table: the last one to be measured asks it for all.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, TypeAlias

from sqlalchemy import Table

from checks.engine.judging.bad_rows import Asked, PlaceCounts, census, population
from checks.engine.judging.evidence import Evidence
from checks.engine.judging.findings import Change, Findings
from checks.engine.judging.judge import (
    Carried,
    Id,
    Located,
    RunContext,
    Spot,
    Verdict,
    candidates,
    possible_candidates,
)
from checks.engine.measuring.compile_queries import Query
from checks.engine.measuring.measure import Alone, Measured, Measurement, Unit
from checks.engine.measuring.snapshot import Session, explained, timed_out


@dataclass(slots=True)
class Outcome:
    """All that was found out about one query."""

    measured: Measured
    verdict: Verdict
    gross: Verdict
    evidence: Evidence | None = None
    change: Change | None = None
    waived: int = 0
    spots: tuple[Spot, ...] = ()
    located: Located | None = None
    parts: Mapping[str, Mapping[Any, Measurement]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    carried: Carried | None = None

    @property
    def query(self) -> Query:
        """What was asked."""
        return self.measured.query

    @property
    def findings(self) -> Findings:
        """The bad rows that were fetched."""
        return Findings() if self.evidence is None else self.evidence.findings


Wanted: TypeAlias = tuple[Outcome, Asked]


class Meeting:
    """The rules across tables that count among the rows of one: what they want counted waits for the last of them."""

    def __init__(self, units: Iterable[Unit]) -> None:
        self._lock = Lock()
        self._absent = Counter(_about(unit) for unit in units)
        self._waiting: dict[Any, list[Wanted]] = defaultdict(list)

    def arrived(self, unit: Unit, wanted: Sequence[Wanted]) -> Sequence[Wanted]:
        """What is to be counted now that this unit wants it: all that waits, or nothing as long as a unit is absent."""
        about = _about(unit)
        if about is None:
            return wanted
        with self._lock:
            self._absent[about] -= 1
            self._waiting[about].extend(wanted)
            return [] if self._absent[about] > 0 else self._waiting.pop(about)


def _about(unit: Unit) -> object:
    """What units have in common whose rows are counted together; None for a scan, which waits for no other unit."""
    if not isinstance(unit, Alone):
        return None
    judged = population(unit.query)
    return (judged[0], unit.query.narrowed) if judged is not None and isinstance(judged[0], Table) else None


def locate(session: Session, unit: Unit, outcomes: Sequence[Outcome], context: RunContext, meeting: Meeting) -> None:
    """See how many rows there are where bad rows are, once all units that count among these have been here.

    It tells how dense the bad rows of a failing rule are, and what any rule is in each part that has a score. Of bad
    rows that are those of the last run, that run has told it; of others it may have come with their number.
    """
    for outcome in outcomes:
        outcome.located = located_before(outcome.measured, context)
        outcome.parts = {} if outcome.located is None else outcome.located.segments
    left: list[Wanted] = []
    for outcome in outcomes:
        if outcome.located is None and outcome.evidence is not None and outcome.evidence.places:
            asked = _asked(outcome, outcome.evidence)
            if (counts := outcome.evidence.counts or _at_one_place(outcome, asked, context)) is None:
                left.append((outcome, asked))
            else:
                _stand(outcome, counts, context)
    waiting = meeting.arrived(unit, left)
    counted = _counted(session, waiting, context) if waiting else {}
    for outcome, _ in waiting:
        _stand(outcome, counted.get(outcome.query.id, PlaceCounts()), context)


def _at_one_place(outcome: Outcome, asked: Asked, context: RunContext) -> PlaceCounts | None:
    """What is counted where no place is asked about, in a run whose rows all have the same value where it is scored."""
    reading, own = outcome.measured.reading, context.how.scope.of(narrowed=outcome.query.narrowed)
    values = own.common([dimension for dimension in context.dimensions if dimension.scored])
    if values is None or asked.places or reading is None or reading.total is None:
        return None
    places = [(value,) for value in values]
    return PlaceCounts(
        Counter(dict.fromkeys(places, reading.total)), Counter(dict.fromkeys(places, reading.count or 0))
    )


def _counted(session: Session, wanted: Sequence[Wanted], context: RunContext) -> Mapping[Id, PlaceCounts]:
    """The counts of several rules together, and one by one where that fails."""
    queries = [outcome.query for outcome, _ in wanted]
    scope, limit = context.how.scope.of(narrowed=queries[0].narrowed), context.how.limit(queries)
    try:
        return census(session, [asked for _, asked in wanted], context.dimensions, scope, limit)
    except Exception as error:  # noqa: BLE001 - the rules are measured; clusters without lift are still worth saying
        if len(wanted) > 1 and not timed_out(error):
            return {id_: own for one in wanted for id_, own in _counted(session, [one], context).items()}
        for outcome, _ in wanted:
            outcome.notes.append(f"the density of its clusters, and its parts, are unknown: {explained(error)}")
        return {}


def _asked(outcome: Outcome, evidence: Evidence) -> Asked:
    if not outcome.gross.status.failing:
        return Asked(outcome.query, (), evidence.sampled is not None)
    if evidence.sampled is None:
        return Asked(outcome.query, candidates(evidence.places, evidence.findings.count))
    return Asked(outcome.query, possible_candidates(evidence.places, evidence.sampled), bad=True)


def _stand(outcome: Outcome, counted: PlaceCounts, context: RunContext) -> None:
    """Note where bad rows stand: a sample has only said where to count."""
    evidence = outcome.evidence or Evidence()
    bad = evidence.places if evidence.sampled is None else counted.bad
    likely = candidates(bad, evidence.findings.count) if outcome.gross.status.failing else []
    outcome.spots = tuple(Spot(place, bad[place], counted.rows.get(place)) for place in likely)
    scored = [dimension.name for dimension in context.dimensions if dimension.scored]
    outcome.parts = {name: parts for name in scored if (parts := counted.readings(name, bad))}


def located_before(measured: Measured, context: RunContext) -> Located | None:
    """Where bad rows stand, as the last run told it of the same rows, judged the same; None where it must be looked."""
    query = measured.query
    basis = context.basis(query.id) if query.id in context.baseline.located else ""
    return context.baseline.located_as(query.id, basis, measured.reading, query.check.threshold)
