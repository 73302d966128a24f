"""What should change in how the rules are kept: what fails again and again, limits that do not fit, who is behind.

A failure streak goes from the run that saw a rule fail to the run that saw it well again. A proposal says what another
limit would have done on the stored nights; a person decides.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from checks.engine.authoring.spec import Check
from checks.engine.authoring.thresholds import Above
from checks.engine.authoring.units import Limit, Measure, Severity, Status, figure_text, limit_of, number_of
from checks.engine.reporting.report import title_of
from checks.review.backtest import backtest
from checks.review.section import CellKind, Section, SectionColumn
from checks.review.time_series import points_of
from checks.review.values import Period, PeriodKind, ReviewInputs
from checks.stored import StoredResult

AGAIN_AND_AGAIN = 3
FEWEST_NIGHTS = 14
ALWAYS = 0.9
ROOM = 1.25
SLACK = 5
STEPS = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class FailureStreak:
    """Runs in a row that saw a rule in trouble; `ended_at` None: it still is."""

    began_at: datetime
    ended_at: datetime | None
    worst: Status
    runs: int


@dataclass(frozen=True, slots=True)
class RecurringFailure:
    """A rule that fails again and again."""

    rule: str
    parameter: str
    domain: str
    streaks: tuple[FailureStreak, ...]
    share: float

    @property
    def title(self) -> str:
        """The rule, with its parameter in brackets."""
        return title_of(self.rule, self.parameter)

    @property
    def said(self) -> str:
        """In words: how often, how much of the time, since when."""
        last = self.streaks[-1]
        now = "failing now" if last.ended_at is None else f"well since {last.ended_at:%Y-%m-%d}"
        often = number_of(len(self.streaks), "times")
        return f"{often}, in {self.share:.0%} of the runs, last from {last.began_at:%Y-%m-%d}; {now}"


def _recurring(inputs: ReviewInputs) -> tuple[RecurringFailure, ...]:
    """The rules that began to fail at least three times in a period, the most frequent first."""
    failures = []
    for (rule, parameter), results in inputs.results.items():
        streaks = failure_streaks(results)
        if len(streaks) >= AGAIN_AND_AGAIN:
            share = sum(result.trouble for result in results) / len(results)
            failures.append(RecurringFailure(rule, parameter, results[0].domain, streaks, share))
    return tuple(sorted(failures, key=lambda one: (-len(one.streaks), -one.share, one.rule, one.parameter)))


def failure_streaks(results: Sequence[StoredResult]) -> tuple[FailureStreak, ...]:
    """The streaks of trouble among some results of one rule. What is SKIPPED ends none: it was not seen well."""
    return tuple(_streaks(results))


def _streaks(results: Sequence[StoredResult]) -> Iterator[FailureStreak]:
    running: list[StoredResult] = []
    for result in results:
        if result.trouble:
            running.append(result)
        elif running and (result.status is Status.OK or result.accepted):
            yield _streak(running, result.at)
            running = []
    if running:
        yield _streak(running, None)


def _streak(running: Sequence[StoredResult], ended: datetime | None) -> FailureStreak:
    worst = max((result.status for result in running), key=lambda status: status.rank)
    return FailureStreak(running[0].at, ended, worst, len(running))


@dataclass(frozen=True, slots=True)
class Proposal:
    """A limit to think about: why, from what to what, and on how many nights each would have alerted."""

    rule: str
    why: str
    now: str
    proposed: str
    nights: int
    alerts_now: int
    alerts_then: int


def _proposals(inputs: ReviewInputs) -> tuple[Proposal, ...]:
    """A proposal for each rule whose limits do not fit what it read, by name.

    Only rules about rows, and metrics that must not be above a limit: other thresholds adapt by themselves.
    """
    proposals: list[Proposal] = []
    within = inputs.results
    for rule in inputs.rules.values():
        if isinstance(rule.threshold, Above) and rule.threshold.warn is not None:
            proposals.extend(_proposal(rule, rule.threshold, rule.threshold.warn, within.get((rule.name, ""), [])))
    return tuple(proposals)


def _proposal(rule: Check, threshold: Above, warn: Limit, results: Sequence[StoredResult]) -> Iterator[Proposal]:
    figures = sorted(figure for _, figure in points_of(results, threshold))
    if len(figures) < FEWEST_NIGHTS or not warn.value:
        return
    failing, streaks = sum(result.trouble for result in results) / len(results), len(failure_streaks(results))
    # the highest twentieth are the accidents that a limit is there for
    usual = figures[int(0.95 * (len(figures) - 1))]
    proposed = _round_up(usual * ROOM)
    if failing >= ALWAYS:
        why = f"fails in {failing:.0%} of the runs: repair it, accept it until a day, or raise the limit"
    elif streaks >= AGAIN_AND_AGAIN and usual < 2 * warn.value:
        why = f"goes to and fro across its limit, {number_of(streaks, 'times')}"
    elif 0 < figures[-1] < warn.value / SLACK:
        proposed, why = _round_up(figures[-1] * 2), "never came near its limit: a lower one would notice earlier"
    else:
        return
    yield from _compared(rule, threshold, warn, proposed, why, results)


def _compared(  # noqa: PLR0917 - the parts of one proposal
    rule: Check, threshold: Above, warn: Limit, proposed: float, why: str, results: Sequence[StoredResult]
) -> Iterator[Proposal]:
    if math.isclose(proposed, warn.value):
        return
    limit = replace(warn, value=proposed)
    critical = threshold.critical if threshold.critical is None or threshold.critical.value >= proposed else limit
    target = threshold.target if threshold.target is None or threshold.target.value <= proposed else limit
    changed = replace(threshold, warn=limit, critical=critical, target=target)
    alerts = [sum(n.then.failing for n in backtest({("", ""): results}, one)) for one in (threshold, changed)]
    yield Proposal(rule.name, why, str(threshold), str(changed), len(results), *alerts)


WARN_LIMIT = re.compile(r"warn above ([\d.,]+ (?:%|rows?|hours?|days?))")


@dataclass(frozen=True, slots=True)
class Applied:
    """A proposal of the period before, and what became of it."""

    rule: str
    was: str
    proposed: str
    now: str
    what: str


def _applied(inputs: ReviewInputs) -> tuple[Applied, ...]:
    """What the report before this one proposed, made anew from the results and limits that were in force then."""
    period = inputs.period
    before = Period(period.kind, period.since, period.days)
    then = [rule for check in inputs.rules.values() for rule in _as_it_was(check, inputs.book.limits)]
    earlier = replace(inputs, rules=inputs.rules.only(then), period=before)
    rows = [_became(proposal, inputs.rules[proposal.rule]) for proposal in _proposals(earlier)]
    return tuple(sorted(rows, key=lambda row: (row.what, row.rule)))


def _as_it_was(check: Check, limits: Mapping[str, str]) -> Iterator[Check]:
    """The rule with the limit that it was judged by; none where it was not, or adapts by itself."""
    limit = WARN_LIMIT.search(limits.get(check.name, ""))
    if limit is not None and isinstance(check.threshold, Above) and check.threshold.warn is not None:
        warn = replace(check.threshold.warn, value=limit_of(limit[1].replace(",", "")).value)
        yield replace(check, mark=replace(check.mark, threshold=replace(check.threshold, warn=warn)))


def _became(proposal: Proposal, check: Check) -> Applied:
    now = str(check.threshold)
    same = WARN_LIMIT.search(proposal.now), WARN_LIMIT.search(proposal.proposed), WARN_LIMIT.search(now)
    was, wanted, today = (match[1] if match else "" for match in same)
    what = "applied" if today == wanted else "not applied" if today == was else "changed to another limit"
    return Applied(proposal.rule, was, wanted, today, what)


def _round_up(value: float) -> float:
    """The next round figure at the value's own order of magnitude."""
    if value <= 0:
        return 0.0
    size = 10.0 ** math.floor(math.log10(value))
    step = next(step for step in STEPS if step * size >= value * (1 - 1e-9))
    return float(f"{step * size:.12g}")


@dataclass(frozen=True, slots=True)
class Compliance:
    """Results that were in order, of all results; what was SKIPPED is none, and what is accepted is in order."""

    name: str
    owner: str
    severity: Severity | None
    good: int
    whole: int

    @property
    def share(self) -> float:
        """The share that was in order."""
        return self.good / self.whole

    def __str__(self) -> str:
        return f"{self.name}: {self.good:,} of {number_of(self.whole, 'results')}"


def _by_rule(inputs: ReviewInputs) -> tuple[Compliance, ...]:
    """Each rule over its parameters and the period's runs, the least compliant first."""
    asked: dict[str, list[StoredResult]] = {}
    for (rule, _), results in inputs.results.items():
        asked.setdefault(rule, []).extend(result for result in results if result.status is not Status.SKIPPED)
    rules = [
        Compliance(rule, _owner(rule, inputs), results[-1].severity, sum(not one.trouble for one in results),
                   len(results))
        for rule, results in asked.items() if results
    ]  # fmt: skip
    return tuple(sorted(rules, key=lambda one: (one.share, -(one.severity or Severity.LOW).rank, one.name)))


def _by_owner(inputs: ReviewInputs) -> tuple[Compliance, ...]:
    """The rules of each owner together, the least compliant owner first."""
    counts: dict[str, list[int]] = {}
    for rule in _by_rule(inputs):
        count = counts.setdefault(rule.owner, [0, 0])
        count[0] += rule.good
        count[1] += rule.whole
    owners = [Compliance(owner, owner, None, *count) for owner, count in counts.items()]
    return tuple(sorted(owners, key=lambda one: (one.share, one.name)))


def _owner(rule: str, inputs: ReviewInputs) -> str:
    return (inputs.rules[rule].mark.owner if rule in inputs.rules else "") or NOBODY


def _compliance_columns(name: str) -> tuple[SectionColumn[Compliance], ...]:
    return (
        SectionColumn(name, lambda one: one.name, CellKind.NAME),
        SectionColumn("in order", lambda one: f"{one.good:,} of {one.whole:,}"),
        SectionColumn("share", lambda one: figure_text(one.share, Measure.PERCENT), CellKind.NUMBER),
    )


RECURRING = Section(
    key="recurring", anchor="recurring", title="Again and again", navigation="Recurring", place=110,
    shortest=PeriodKind.MONTHLY, empty="No rule began to fail three times.", rows=_recurring,
    caption="Rules that began to fail at least three times in this period",
    columns=(
        SectionColumn("rule", lambda failure: failure.title, CellKind.NAME),
        SectionColumn("how often", lambda failure: failure.said),
    ),
    line=lambda failure: f"{failure.title}: {failure.said}",
)  # fmt: skip

PROPOSALS = Section(
    key="proposals", anchor="thresholds", title="Thresholds to think about", navigation="Thresholds", place=120,
    shortest=PeriodKind.MONTHLY, empty="Every limit fits what its rule read.", rows=_proposals,
    caption="Proposals; a person decides",
    columns=(
        SectionColumn("rule", lambda proposal: proposal.rule, CellKind.NAME),
        SectionColumn("now", lambda proposal: proposal.now),
        SectionColumn("could be", lambda proposal: proposal.proposed),
        SectionColumn(
            "alerts", lambda one: f"{one.alerts_now} of {number_of(one.nights, 'runs')}, then {one.alerts_then}"
        ),
        SectionColumn("why", lambda proposal: proposal.why, CellKind.MUTED),
    ),
    line=lambda one: (
        f"{one.rule}: {one.why}; {one.now} alerted {one.alerts_now} of {number_of(one.nights, 'times')}, "
        f"{one.proposed} would have {number_of(one.alerts_then, 'times')}"
    ),
)  # fmt: skip

APPLIED = Section(
    key="applied", anchor="applied", title="What became of earlier proposals", navigation="Proposed before",
    place=125, shortest=PeriodKind.MONTHLY, empty="Nothing was proposed in the period before.", rows=_applied,
    caption="Limits that the period before gave reason to change, and those of today",
    columns=(
        SectionColumn("rule", lambda row: row.rule, CellKind.NAME),
        SectionColumn("warned above", lambda row: row.was),
        SectionColumn("proposed", lambda row: row.proposed),
        SectionColumn("today", lambda row: row.now),
        SectionColumn("what became of it", lambda row: row.what),
    ),
    line=lambda row: f"{row.rule}: {row.was} to {row.proposed} was proposed, {row.what}; today {row.now}",
)  # fmt: skip

COMPLIANCE_BY_OWNER = Section(
    key="owners", anchor="compliance", title="Compliance by owner", navigation="Compliance", place=130,
    shortest=PeriodKind.MONTHLY, empty="No rule was measured.", rows=_by_owner,
    columns=_compliance_columns("owner"), line=str,
)  # fmt: skip

COMPLIANCE_BY_RULE = Section(
    key="kept", anchor="compliance-by-rule", title="Compliance by rule", place=140, shortest=PeriodKind.MONTHLY,
    empty="No rule was measured.", rows=_by_rule, caption="The least compliant first",
    columns=_compliance_columns("rule"), line=str,
)  # fmt: skip
