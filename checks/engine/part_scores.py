"""Scores of parts: what each rule is in one league, and the score of that league alone.

A rule that is well on the whole can be in trouble in a small league, so every rule with bad rows is judged anew there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from checks.engine.judge import judge
from checks.engine.levels import Status
from checks.engine.measure import Reading
from checks.engine.past import Id
from checks.engine.results import Result
from checks.engine.scope import Labels, Scope
from checks.engine.score import Weighed, score

if TYPE_CHECKING:
    from checks.engine.outcomes import Outcome


def scores(
    outcomes: Sequence[Outcome], results: Sequence[Result], labels: Labels, scope: Scope
) -> dict[str, dict[str, Decimal | None]]:
    """The score of each value of the scored dimensions, by dimension and label.

    Metrics are about the whole and count for no part; a rule that could not be measured counts for every part. Rules
    that are accepted are left out, rows that are accepted one by one are not.
    """
    answer: dict[str, dict[str, Decimal | None]] = {}
    by_id = {outcome.question.id: outcome for outcome in outcomes}
    for dimension in (one for one in labels.dimensions.values() if one.scored):
        wanted = next((values for known, values in scope.wanted if known.name == dimension.name), None)
        for value, label in labels.of(dimension.name).items():
            if wanted is None or value in wanted:
                weighed = _weighed(by_id, results, dimension.name, value, label)
                answer.setdefault(dimension.name, {})[label] = score(weighed).value
    return answer


def _weighed(
    outcomes: Mapping[Id, Outcome], results: Sequence[Result], dimension: str, value: Any, label: str
) -> Iterator[Weighed]:
    for result in results:
        outcome = outcomes.get(result.id)
        each = outcome.question.check.mark.each if outcome is not None else None
        if result.value is not None or (each == dimension and result.parameter != label):
            continue
        judged = _judged(result, outcome, dimension, value)
        if judged is not None:
            status, share, reading = judged
            yield Weighed(
                result.rule, result.parameter, result.domain, result.severity, status, share, reading.count or 0,
                reading.total or 0,
            )  # fmt: skip


def _judged(
    result: Result, outcome: Outcome | None, dimension: str, value: Any
) -> tuple[Status, float, Reading] | None:
    if result.accepted and result.status.failing:
        return Status.OK, 0.0, Reading()
    if outcome is None or not result.status.measured or not result.count:
        return result.status, result.share, Reading(total=result.total)
    known = outcome.parts.get(dimension)
    if known is None:
        return None
    reading = known.get(value)
    if reading is None:
        return Status.SKIPPED, 0.0, Reading()
    verdict = judge(outcome.question.check.threshold, reading)
    return verdict.status, verdict.share, reading
