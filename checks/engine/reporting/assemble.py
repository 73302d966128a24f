"""From outcomes to a report: results compared with the run before, scored net and gross of waivers, worst first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import chain, islice
from typing import Any, TypeAlias

from checks.engine.authoring.spec import Check
from checks.engine.authoring.thresholds import Fixed
from checks.engine.authoring.units import Measure, Status
from checks.engine.judging.findings import Findings
from checks.engine.judging.judge import NO_ROWS, Carried, RunContext, Verdict, Waiver, Waivers, clusters, judge
from checks.engine.judging.outcome import Outcome
from checks.engine.measuring.compile_queries import Query, Unasked
from checks.engine.measuring.measure import Measurement
from checks.engine.measuring.scope import Labels, Parameter, Scope
from checks.engine.measuring.snapshot import explained
from checks.engine.reporting.literal import readable_sql
from checks.engine.reporting.report import Report, Result, worst_first
from checks.engine.reporting.score import Score, Weighed, score, score_value


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
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
    floor: float
    another_day: bool
    complaints: tuple[str, ...]


def assemble(
    outcomes: Sequence[Outcome], unasked: Sequence[Unasked], context: RunContext, labels: Labels, info: RunInfo
) -> Report:
    """The report of a run."""
    results = [_result(outcome, context, labels, info) for outcome in outcomes]
    results.extend(_unasked(item, context) for item in (*unasked, *_vanished(outcomes, unasked, context)))
    parts, trouble = _parts(outcomes, results, context, labels)
    net, gross = scores_of(results)
    weighed = [_with_points(result, net) for result in results]
    return Report(
        run=info.run,
        started=info.started,
        finished=datetime.now(UTC),
        today=info.today,
        selection=info.selection,
        scoped=bool(context.how.scope),
        another_day=info.another_day,
        floor=info.floor,
        results=tuple(sorted(weighed, key=worst_first)),
        net=net,
        gross=gross,
        snapshots=info.snapshots,
        role=info.role,
        role_wanted=info.role_wanted,
        expired=context.waivers.expired,
        unused=needless(context.waivers, results, outcomes),
        complaints=(*info.complaints, *trouble),
        parts=parts,
    )


def _parts(
    outcomes: Sequence[Outcome], results: Sequence[Result], context: RunContext, labels: Labels
) -> tuple[Mapping[str, Mapping[str, Decimal | None]], list[str]]:
    if not context.details:  # without bad rows nobody knows where they stand
        return {}, []
    try:
        return segment_scores(outcomes, results, labels, context.how.scope), []
    except Exception as error:  # noqa: BLE001 - the whole has a score; only its parts have none
        return {}, [f"there are no scores of parts: {explained(error)}"]


def _with_points(result: Result, net: Score) -> Result:
    """The result with what the score takes of it, which is nothing of nearly all."""
    impact, points = net.impacts[result.id], net.points.get(result.id)
    return replace(result, points=points or Decimal("0.00"), impact=impact) if impact or points else result


def _result(outcome: Outcome, context: RunContext, labels: Labels, info: RunInfo) -> Result:
    query, reading = outcome.query, outcome.measured.reading
    result = _bare(
        query,
        context,
        status=outcome.verdict.status,
        gross_status=outcome.gross.status,
        share=outcome.verdict.share,
        gross_share=outcome.gross.share,
        waived=outcome.waived,
        seconds=round(outcome.measured.seconds, 4),
        error=outcome.measured.error,
        sql=_sql(query, context) if outcome.carried is None else outcome.carried.sql,
        basis=context.basis(query.id),
        digest=outcome.measured.digest or context.baseline.digest(query.id, context.basis(query.id), reading),
        segments=outcome.parts,
        on_target=_on_target(outcome),
        **({} if reading is None else _read(reading)),
        **({} if outcome.carried is not None else _told(outcome, context, labels, info)),
    )
    if outcome.carried is not None:
        return _carried(result, outcome.carried, outcome.verdict, context)
    if reading is not None and outcome.verdict.status is Status.SKIPPED and reading.value is None:
        return _emptied(result, query.check, context)
    return result


def _told(outcome: Outcome, context: RunContext, labels: Labels, info: RunInfo) -> dict[str, Any]:
    """What its bad rows say of a result, where they stand, and what there is to note."""
    notes = [*outcome.notes, *filter(None, [outcome.verdict.note])]
    more = _compared(outcome, context, info.examples)
    if outcome.located is not None:
        more["clusters"] = outcome.located.clusters
    elif outcome.measured.reading is not None and outcome.spots:
        more["clusters"], trouble = _clusters(outcome, labels, info.clusters)
        notes.extend(trouble)
    return {"note": "; ".join(notes), **more}


def _read(reading: Measurement) -> dict[str, Any]:
    return {"count": reading.count, "total": reading.total, "rate": reading.rate, "value": reading.value}


def _carried(result: Result, carried: Carried, verdict: Verdict, context: RunContext) -> Result:
    """The result of an earlier run, marked as such: all of its bad rows are known."""
    counted = result.count is not None
    note = f"carried over from {carried.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC: nothing that it reads has changed since"
    return replace(
        result, carried=carried.at, note="; ".join(filter(None, [note, verdict.note])), clusters=carried.clusters,
        examples=carried.examples, findings=context.baseline.findings.get(result.id, Findings()) if counted else None,
        new=0 if counted else None, known=result.count, fixed=0 if counted else None,
    )  # fmt: skip


def _emptied(result: Result, check: Check, context: RunContext) -> Result:
    """A result with nothing to measure: trouble where there was something before, unless its rule says it may be."""
    since = context.baseline.measured.get(result.id)
    if since is None or check.mark.can_be_empty:
        return result
    error = f"{result.note or NO_ROWS}; on {since:%Y-%m-%d} there was something"
    return replace(
        result, status=Status.ERROR, gross_status=Status.ERROR, share=1.0, gross_share=1.0, emptied=True, error=error,
        note="",
    )  # fmt: skip


def _vanished(outcomes: Sequence[Outcome], unasked: Sequence[Unasked], context: RunContext) -> Iterator[Unasked]:
    """Parameters that a rule was measured for and that are not there any more, such as a league."""
    asked = [(outcome.query.id, outcome.query.check) for outcome in outcomes]
    asked += [(item.id, item.check) for item in unasked]
    ids = {id_ for id_, _ in asked}
    of_each = {check.name: check for _, check in asked if check.mark.each is not None}
    for rule, label in sorted(context.baseline.measured.keys() - ids):
        if rule in of_each and label:
            reason = f"nothing to measure: there is no {of_each[rule].mark.each} {label}"
            yield Unasked(of_each[rule], Parameter(label), reason, skipped=True, empty=True)


def _bare(item: Query | Unasked, context: RunContext, **measured: Any) -> Result:
    """What a result says whatever was found, and what was measured: a thousand of them are made in one go."""
    check = item.check
    return Result(
        rule=check.name,
        domain=check.domain,
        parameter=item.parameter.label,
        severity=check.severity,
        summary=check.summary,
        coach=check.coach,
        threshold=str(check.threshold),
        relative=not isinstance(check.threshold, Fixed),
        unit=getattr(check.threshold, "unit", None),
        owner=check.mark.owner,
        tags=check.mark.tags,
        runbook=check.mark.runbook,
        source=check.source,
        changed=check.changed,
        fixable=check.fix is not None,
        accepted=context.waivers.whole(check.name),
        before=context.baseline.statuses.get(item.id),
        each=check.each,
        **measured,
    )


def _unasked(item: Unasked, context: RunContext) -> Result:
    if item.skipped:
        status = {"status": Status.SKIPPED, "gross_status": Status.SKIPPED}
        skipped = _bare(item, context, **status, note=item.reason, left_out=not item.empty)
        return _emptied(skipped, item.check, context) if item.empty else skipped
    status = {"status": Status.ERROR, "gross_status": Status.ERROR}
    return _bare(item, context, **status, error=item.reason, share=1.0, gross_share=1.0)


def _compared(outcome: Outcome, context: RunContext, most: int) -> dict[str, Any]:
    """What its bad rows say of a result."""
    change, findings = outcome.change, outcome.findings
    if change is None:  # a note says why its rows could not be fetched
        return {}
    accepted = context.waivers.fingerprints(outcome.query.check.name)
    shown = [finding for finding in findings.listed if finding.fingerprint not in accepted]
    appeared = (finding for finding in shown if finding.fingerprint in change.appeared)
    others = (finding for finding in shown if finding.fingerprint not in change.appeared)
    return {
        "findings": findings,
        "new": change.new,
        "known": change.known,
        "fixed": change.fixed,
        "exact": change.exact,
        "appeared": change.appeared,
        "examples": tuple(finding.key for finding in islice(chain(appeared, others), most)),
    }


def _on_target(outcome: Outcome) -> bool | None:
    threshold: Any = outcome.query.check.threshold
    reading = outcome.measured.reading or Measurement()
    if not hasattr(threshold, "on_target") or not outcome.verdict.status.measured:
        return None
    in_percent = getattr(threshold, "unit", None) is Measure.PERCENT
    figure = reading.value if reading.value is not None else reading.rate if in_percent else reading.count
    answer: bool | None = None if figure is None else threshold.on_target(figure)
    return answer


def _clusters(outcome: Outcome, labels: Labels, most: int) -> tuple[tuple[Any, ...], list[str]]:
    assert outcome.measured.reading is not None  # noqa: S101 - the caller has looked
    try:
        return clusters(outcome.spots, outcome.measured.reading, labels, most), []
    except Exception as error:  # noqa: BLE001 - the rule is measured; only its clusters have no names
        return (), [f"its clusters cannot be named: {explained(error)}"]


def _sql(query: Query, context: RunContext) -> str:
    if not context.statements:
        return ""
    try:
        return readable_sql(query, context.how.scope)
    except Exception as error:  # noqa: BLE001 - text for reading only
        return f"-- the statement cannot be written out: {type(error).__name__}"


def scores_of(results: Sequence[Result]) -> tuple[Score, Score]:
    """The scores of results: net with what is accepted left out, and gross as found."""
    net, gross = [*map(_net, results)], [*map(_gross, results)]
    score_net = score(net)
    return score_net, score_net if gross == net else score(gross)


def needless(waivers: Waivers, results: Sequence[Result], outcomes: Sequence[Outcome]) -> tuple[Waiver, ...]:
    """The waivers whose rule is well, or whose row is not bad."""
    if not waivers.valid:
        return ()
    failing = [result.rule for result in results if result.gross_status.failing]
    return waivers.unused(failing, _hit(outcomes, waivers))


def _gross(result: Result) -> Weighed:
    return _weighed(result, result.gross_status, result.gross_share, result.count or 0)


def _net(result: Result) -> Weighed:
    status = Status.OK if result.accepted and result.status.failing else result.status
    return _weighed(result, status, result.share, max(0, (result.count or 0) - result.waived))


def _weighed(result: Result, status: Status, share: float, count: int) -> Weighed:
    return Weighed(
        rule=result.rule,
        parameter=result.parameter,
        domain=result.domain,
        severity=result.severity,
        status=status,
        share=share,
        count=count,
        total=result.total or 0,
    )


def _hit(outcomes: Sequence[Outcome], waivers: Waivers) -> frozenset[tuple[str, int]]:
    hit: set[tuple[str, int]] = set()
    for outcome in outcomes:
        rule = outcome.query.check.name
        if outcome.evidence is not None:
            hit.update((rule, finding.fingerprint) for finding in outcome.evidence.findings.listed)
            if not outcome.evidence.findings.complete:  # not all are listed: none of its waivers is called unused
                hit.update((rule, fingerprint) for fingerprint in waivers.fingerprints(rule))
    return frozenset(hit)


def segment_scores(
    outcomes: Sequence[Outcome], results: Sequence[Result], labels: Labels, scope: Scope
) -> dict[str, dict[str, Decimal | None]]:
    """The score of each value of the scored dimensions, by dimension and label.

    Metrics are about the whole and count for no part; a rule that could not be measured counts for every part. Rules
    that are accepted are left out, rows that are accepted one by one are not.
    """
    answer: dict[str, dict[str, Decimal | None]] = {}
    for dimension in (one for one in labels.dimensions.values() if one.scored):
        wanted = next((values for known, values in scope.wanted if known.name == dimension.name), None)
        counted = _counted_by_part(outcomes, results, dimension.name)
        everywhere = _telling(counted)
        for value, label in labels.of(dimension.name).items():
            if wanted is None or value in wanted:
                weighed = _weighed_part([*everywhere, *counted.get(label, ())], dimension.name, value)
                answer.setdefault(dimension.name, {})[label] = score_value(weighed)
    return answer


CountedResults: TypeAlias = Sequence[tuple[Result, Outcome | None]]


def _counted_by_part(
    outcomes: Sequence[Outcome], results: Sequence[Result], dimension: str
) -> Mapping[str | None, CountedResults]:
    """The results that count for a part, by the label of the only one that they are about; of None those about all."""
    by_id = {outcome.query.id: outcome for outcome in outcomes}
    counted: dict[str | None, list[tuple[Result, Outcome | None]]] = {None: []}
    for result in results:
        outcome = by_id.get(result.id)
        gone = outcome is None and result.emptied  # it was about a part that is not there
        if not gone and result.value is None:
            is_of_one = outcome is not None and outcome.query.check.mark.each == dimension
            counted.setdefault(result.parameter if is_of_one else None, []).append((result, outcome))
    return counted


def _telling(counted: Mapping[str | None, CountedResults]) -> CountedResults:
    """The results that count for all parts, without those of rules that are well in each of them.

    They change no score, so one of them stands for all: it says that something was measured.
    """
    told_apart = {result.rule for label, own in counted.items() if label is not None for result, _ in own}
    told_apart |= {result.rule for result, outcome in counted[None] if not _is_well_everywhere(result, outcome)}
    well = [each for each in counted[None] if each[0].rule not in told_apart]
    one = next((each for each in well if each[0].status is not Status.SKIPPED), None)
    return [each for each in counted[None] if each[0].rule in told_apart or each is one]


def _is_well_everywhere(result: Result, outcome: Outcome | None) -> bool:
    return not result.status.failing and _is_whole(result, outcome)


def _is_whole(result: Result, outcome: Outcome | None) -> bool:
    """Whether a result is the same in every part."""
    return outcome is None or not result.status.measured or not result.count


def _weighed_part(counted: CountedResults, dimension: str, value: Any) -> Iterator[Weighed]:
    for result, outcome in counted:
        judged = _judged(result, outcome, dimension, value)
        if judged is not None:
            status, share, reading = judged
            yield Weighed(
                result.rule, result.parameter, result.domain, result.severity, status, share, reading.count or 0,
                reading.total or 0,
            )  # fmt: skip


def _judged(
    result: Result, outcome: Outcome | None, dimension: str, value: Any
) -> tuple[Status, float, Measurement] | None:
    if result.accepted and result.status.failing:
        return Status.OK, 0.0, Measurement()
    if outcome is None or _is_whole(result, outcome):
        return result.status, result.share, Measurement(total=result.total)
    parts = outcome.parts.get(dimension)
    if parts is None:
        return None
    reading = parts.get(value)
    if reading is None:
        return Status.SKIPPED, 0.0, Measurement()
    verdict = judge(outcome.query.check.threshold, reading)
    return verdict.status, verdict.share, reading
