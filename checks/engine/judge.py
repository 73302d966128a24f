"""From a reading to a status. Measured first, judged after; "not measured" is never "passed"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from checks.engine.levels import Status
from checks.engine.measure import Reading
from checks.engine.thresholds import Above, Below, Threshold
from checks.engine.units import Unit

NOTHING = "nothing to measure: no rows"
NO_VALUE = "nothing to measure: no value"
NO_PAST = "too few earlier runs to compare with"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A status, the failing share that the score weighs it by (0 to 1), and why it was skipped."""

    status: Status
    share: float = 0.0
    note: str = ""


def judge(threshold: Threshold, reading: Reading, past: Sequence[float] = (), *, waived: int = 0) -> Verdict:
    """Judge a reading, `waived` bad rows left out; `past` are earlier readings of a metric, newest last."""
    if reading.count is None:
        return _judge_value(threshold, reading.value, past)
    if reading.total == 0:
        return Verdict(Status.SKIPPED, note=NOTHING)
    assert isinstance(threshold, (Above, Below))  # noqa: S101 - rules about rows take no other, see marks
    count = max(0, reading.count - waived)
    rate = count / reading.total if reading.total else None
    # a rule in percent without a total cannot be asked, see questions
    figure = count if threshold.unit is not Unit.PERCENT or rate is None else rate
    status = threshold.judge(figure)
    # keys that are counted in two ways can exceed their total: the share stays a share
    share = min(1.0, rate) if rate is not None else threshold.excess(figure)
    return Verdict(status, share if status.failing else 0.0)


def _judge_value(threshold: Threshold, value: float | None, past: Sequence[float]) -> Verdict:
    if value is None:
        return Verdict(Status.SKIPPED, note=NO_VALUE)
    if isinstance(threshold, (Above, Below)):
        status = threshold.judge(value)
        return Verdict(status, threshold.excess(value) if status.failing else 0.0)
    status = threshold.judge(value, past)
    if status is Status.SKIPPED:
        return Verdict(status, note=NO_PAST)
    return Verdict(status, threshold.excess(value, past) if status.failing else 0.0)
