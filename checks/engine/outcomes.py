"""One unit of work, on one session: measure, judge, fetch the bad rows, see where they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from checks.engine.alone import read_alone
from checks.engine.bad_rows import BadRows, Place
from checks.engine.clusters import Spot, candidates, totals
from checks.engine.errors import MeasureError
from checks.engine.evidence import Evidence, waived_rows
from checks.engine.failures import explained
from checks.engine.fetching import Work, evidence_of
from checks.engine.frames import read_frame
from checks.engine.judge import Verdict, judge
from checks.engine.levels import Status
from checks.engine.marks import Kind
from checks.engine.measure import Measured, Reading, read_scan
from checks.engine.parts import divided
from checks.engine.past import Id
from checks.engine.plan import Scan, Unit
from checks.engine.questions import Question
from checks.engine.session import Session


@dataclass(slots=True)
class Outcome:
    """All that was found out about one question."""

    measured: Measured
    verdict: Verdict
    gross: Verdict
    evidence: Evidence | None = None
    waived: int = 0
    spots: tuple[Spot, ...] = ()
    parts: Mapping[str, Mapping[Any, Reading]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def question(self) -> Question:
        """What was asked."""
        return self.measured.question


def work(session: Session, unit: Unit, task: Work) -> list[Outcome]:
    """Everything about the questions of one unit."""
    found: dict[Id, Evidence] = {}
    notes: dict[Id, str] = {}
    measured = _measured(session, unit, task, found)
    if task.details:
        found.update(evidence_of(session, [item for item in measured if item.question.id not in found], task, notes))
    outcomes = [_outcome(session, item, found.get(item.question.id), task) for item in measured]
    for outcome in outcomes:
        outcome.notes.extend(filter(None, [notes.get(outcome.question.id)]))
    if task.details:
        _locate(session, [outcome for outcome in outcomes if outcome.gross.status.failing], task)
        _divide(session, [outcome for outcome in outcomes if outcome.evidence is not None], task)
    return outcomes


def _measured(session: Session, unit: Unit, task: Work, found: dict[Id, Evidence]) -> list[Measured]:
    """The readings of a unit; bad rows that came along with them go to `found`."""
    if isinstance(unit, Scan):
        return list(read_scan(session, unit, task.how))
    question = unit.question
    read = _frame if question.check.mark.kind is Kind.FRAME else _alone
    measured, evidence = read(session, question, task)
    if evidence is not None:
        found[question.id] = evidence
    return [measured]


def _alone(session: Session, question: Question, task: Work) -> tuple[Measured, Evidence | None]:
    try:
        rows = _rows(question, task) if task.details else None
    except MeasureError:  # its rows cannot be shown, which is told later; they can be counted
        rows = None
    return read_alone(session, question, rows, task.how, task.listed)


def _frame(session: Session, question: Question, task: Work) -> tuple[Measured, Evidence | None]:
    try:
        rows = _rows(question, task)
    except MeasureError as error:
        return Measured(question, 0.0, error=str(error)), None
    return read_frame(session, question, rows, task.how, task.listed)


def _rows(question: Question, task: Work) -> BadRows:
    return BadRows.of(question, task.how.scope.of(narrowed=question.narrowed), task.dimensions)


def _outcome(session: Session, measured: Measured, evidence: Evidence | None, task: Work) -> Outcome:
    question = measured.question
    if measured.reading is None:
        failed = Verdict(Status.ERROR, 1.0)
        return Outcome(measured, failed, failed)
    past = task.past.readings.get(question.id, ())
    waived = _waived(session, question, evidence, task)
    gross = judge(question.check.threshold, measured.reading, past)
    net = judge(question.check.threshold, measured.reading, past, waived=waived) if waived else gross
    return Outcome(measured, net, gross, evidence, waived)


def _waived(session: Session, question: Question, evidence: Evidence | None, task: Work) -> int:
    accepted = task.waivers.fingerprints(question.check.name)
    if not accepted or evidence is None:
        return 0
    if evidence.findings.complete or question.check.mark.kind is Kind.FRAME:
        return sum(finding.times for finding in evidence.findings.listed if finding.fingerprint in accepted)
    rows = BadRows.of(question, task.how.scope.of(narrowed=question.narrowed), ())
    return waived_rows(session, question.check.name, rows, accepted, task.how.limit([question]))


def _locate(session: Session, failing: Sequence[Outcome], task: Work) -> None:
    """See how dense bad rows are where many of them are: one further pass for all failing rules of a unit."""
    asked = [
        (outcome, candidates(outcome.evidence.places, outcome.evidence.findings.count))
        for outcome in failing
        if outcome.evidence is not None
    ]
    asked = [(outcome, places) for outcome, places in asked if places]
    if not asked:
        return
    questions = [outcome.question for outcome, _ in asked]
    scope = task.how.scope.of(narrowed=questions[0].narrowed)
    rows: Mapping[Id, Mapping[Place, int]] = {}
    try:
        pairs = [(outcome.question, places) for outcome, places in asked]
        rows = totals(session, pairs, task.dimensions, scope, task.how.limit(questions))
    except Exception as error:  # noqa: BLE001 - clusters without their lift are still worth saying
        for outcome, _ in asked:
            outcome.notes.append(f"the density of its clusters is unknown: {explained(error)}")
    for outcome, places in asked:
        known = rows.get(outcome.question.id, {})
        assert outcome.evidence is not None  # noqa: S101 - chosen above
        counts = outcome.evidence.places
        outcome.spots = tuple(Spot(place, counts[place], known.get(place)) for place in places)


def _divide(session: Session, found: Sequence[Outcome], task: Work) -> None:
    """Read each rule that has bad rows once more per value of the dimensions that are scored: one pass for a unit."""
    pairs = [(o.question, o.evidence.places) for o in found if o.evidence is not None and o.evidence.places]
    scored = [dimension for dimension in task.dimensions if dimension.scored]
    if not pairs or not scored:
        return
    scope = task.how.scope.of(narrowed=pairs[0][0].narrowed)
    timeout = task.how.limit([question for question, _ in pairs])
    try:
        parts = {dimension.name: divided(session, pairs, dimension, scope, timeout) for dimension in scored}
    except Exception as error:  # noqa: BLE001 - the rules are measured; only their parts are not known
        for outcome in found:
            outcome.notes.append(f"what it is in each {scored[0].name} is unknown: {explained(error)}")
        return
    for outcome in found:
        outcome.parts = {name: own[outcome.question.id] for name, own in parts.items() if outcome.question.id in own}
