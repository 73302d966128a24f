"""What results weigh in the score, net and gross of waivers, and which waivers nothing needs."""

from __future__ import annotations

from collections.abc import Sequence

from checks.engine.levels import Status
from checks.engine.outcomes import Outcome
from checks.engine.results import Result
from checks.engine.score import Score, Weighed, score
from checks.engine.waivers import Waiver, Waivers


def score_of(results: Sequence[Result], *, gross: bool) -> Score:
    """The score of results: gross as found, net with what is accepted left out."""
    return score(_gross(result) if gross else _net(result) for result in results)


def needless(waivers: Waivers, results: Sequence[Result], outcomes: Sequence[Outcome]) -> tuple[Waiver, ...]:
    """The waivers whose rule is well, or whose row is not bad."""
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
        rule = outcome.question.check.name
        if outcome.evidence is not None:
            hit.update((rule, finding.fingerprint) for finding in outcome.evidence.findings.listed)
            if not outcome.evidence.findings.complete:  # not all are listed: none of its waivers is called unused
                hit.update((rule, fingerprint) for fingerprint in waivers.fingerprints(rule))
    return frozenset(hit)
