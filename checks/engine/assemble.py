"""From outcomes to a report: results in words, compared with the run before, scored, worst first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from checks.engine.clusters import clusters
from checks.engine.failures import explained
from checks.engine.fetching import Work
from checks.engine.findings import Findings, compare, compare_part
from checks.engine.levels import Status
from checks.engine.literal import shown
from checks.engine.outcomes import Outcome
from checks.engine.part_scores import scores
from checks.engine.questions import Question, Unasked
from checks.engine.report import Report, worst_first
from checks.engine.results import Result
from checks.engine.scope import Labels
from checks.engine.units import Unit
from checks.engine.weighing import needless, score_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What a report says about its run."""

    run: str
    started: datetime
    today: date
    selection: str
    snapshots: int
    role: str | None
    role_wanted: str | None
    examples: int
    clusters: int
    complaints: tuple[str, ...]


def assemble(
    outcomes: Sequence[Outcome], unasked: Sequence[Unasked], task: Work, labels: Labels, around: Circumstances
) -> Report:
    """The report of a run."""
    results = [_result(outcome, task, labels, around) for outcome in outcomes]
    results.extend(_unasked(item, task) for item in unasked)
    parts, trouble = _parts(outcomes, results, task, labels)
    net, gross = score_of(results, gross=False), score_of(results, gross=True)
    pointed = [replace(result, points=net.points.get(result.id, Decimal("0.00"))) for result in results]
    return Report(
        run=around.run,
        started=around.started,
        finished=datetime.now(UTC),
        today=around.today,
        selection=around.selection,
        scoped=bool(task.how.scope),
        results=tuple(sorted(pointed, key=worst_first)),
        net=net,
        gross=gross,
        snapshots=around.snapshots,
        role=around.role,
        role_wanted=around.role_wanted,
        expired=task.waivers.expired,
        unused=needless(task.waivers, results, outcomes),
        complaints=(*around.complaints, *trouble),
        parts=parts,
    )


def _parts(
    outcomes: Sequence[Outcome], results: Sequence[Result], task: Work, labels: Labels
) -> tuple[Mapping[str, Mapping[str, Decimal | None]], list[str]]:
    if not task.details:  # without bad rows nobody knows where they stand
        return {}, []
    try:
        return scores(outcomes, results, labels, task.how.scope), []
    except Exception as error:  # noqa: BLE001 - the whole has a score; only its parts have none
        return {}, [f"there are no scores of parts: {explained(error)}"]


def _result(outcome: Outcome, task: Work, labels: Labels, around: Circumstances) -> Result:
    question, reading = outcome.question, outcome.measured.reading
    result = _bare(question, task)
    result = replace(
        result,
        status=outcome.verdict.status,
        gross_status=outcome.gross.status,
        share=outcome.verdict.share,
        gross_share=outcome.gross.share,
        waived=outcome.waived,
        seconds=round(outcome.measured.seconds, 4),
        error=outcome.measured.error,
        sql=_sql(question, task),
    )
    if reading is not None:
        result = replace(result, count=reading.count, total=reading.total, rate=reading.rate, value=reading.value)
    result = replace(result, on_target=_on_target(outcome, result))
    result = _compared(result, outcome, task, around.examples)
    notes = [*outcome.notes, *filter(None, [outcome.verdict.note])]
    if reading is not None and outcome.spots:
        found, trouble = _clusters(outcome, labels, around.clusters)
        result = replace(result, clusters=found)
        notes.extend(trouble)
    return replace(result, note="; ".join(notes))


def _bare(item: Question | Unasked, task: Work) -> Result:
    check = item.check
    return Result(
        rule=check.name,
        domain=check.domain,
        parameter=item.parameter.label,
        severity=check.severity,
        status=Status.ERROR,
        gross_status=Status.ERROR,
        summary=check.summary,
        threshold=str(check.threshold),
        unit=getattr(check.threshold, "unit", None),
        owner=check.mark.owner,
        tags=check.mark.tags,
        runbook=check.mark.runbook,
        source=check.source,
        fixable=check.fix is not None,
        accepted=task.waivers.whole(check.name),
        before=task.past.statuses.get(item.id),
    )


def _unasked(item: Unasked, task: Work) -> Result:
    result = _bare(item, task)
    if item.skipped:
        return replace(result, status=Status.SKIPPED, gross_status=Status.SKIPPED, note=item.reason)
    return replace(result, error=item.reason, share=1.0, gross_share=1.0)


def _compared(result: Result, outcome: Outcome, task: Work, most: int) -> Result:
    if not task.details or result.count is None:
        return result
    findings = outcome.evidence.findings if outcome.evidence is not None else Findings()
    if result.count and not findings.count:  # its rows could not be fetched; a note says why
        return result
    before = task.past.findings.get(result.id, Findings())
    change = compare_part(findings, before) if task.how.scope else compare(findings, before)
    accepted = task.waivers.fingerprints(result.rule)
    shown_first = sorted(
        (finding for finding in findings.listed if finding.fingerprint not in accepted),
        key=lambda finding: finding.fingerprint not in change.appeared,
    )
    return replace(
        result,
        findings=findings,
        new=change.new,
        known=change.known,
        fixed=change.fixed,
        exact=change.exact,
        appeared=change.appeared,
        examples=tuple(finding.key for finding in shown_first[:most]),
    )


def _on_target(outcome: Outcome, result: Result) -> bool | None:
    threshold: Any = outcome.question.check.threshold
    if not hasattr(threshold, "on_target") or not result.status.measured:
        return None
    figure = result.value if result.value is not None else result.rate if result.unit is Unit.PERCENT else result.count
    answer: bool | None = None if figure is None else threshold.on_target(figure)
    return answer


def _clusters(outcome: Outcome, labels: Labels, most: int) -> tuple[tuple[Any, ...], list[str]]:
    assert outcome.measured.reading is not None  # noqa: S101 - the caller has looked
    try:
        return clusters(outcome.spots, outcome.measured.reading, labels, most), []
    except Exception as error:  # noqa: BLE001 - the rule is measured; only its clusters have no names
        return (), [f"its clusters cannot be named: {explained(error)}"]


def _sql(question: Question, task: Work) -> str:
    try:
        return shown(question, task.how.scope)
    except Exception as error:  # noqa: BLE001 - text for reading only
        return f"-- the statement cannot be written out: {type(error).__name__}"
