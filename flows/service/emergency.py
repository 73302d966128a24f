"""An emergency, step by step: stop, assess, notify, repair, verify, resume; each step is noted with its time.

Its record is Markdown: a timeline for the post-mortem, and what is left to be written by people.
"""

from __future__ import annotations

import getpass
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from checks.engine.authoring.units import Status, number_of
from checks.engine.reporting.report import Report
from checks.render.terminal import clean, headline
from checks.repairs.plan import Plan, fixable_in_order
from checks.stored import last_healthy_run
from etl import circuit_breaker
from etl.repairs import RepairError
from etl.repairs.ledger import Repair
from flows.service.alerts import policy_of
from flows.service.catalogue import rules_of
from flows.service.context import Invocation
from flows.service.health_check import check_health
from flows.service.import_gate import TAG
from flows.service.repair import apply_plan, plan_repairs
from flows.service.requests import CheckRequest
from flows.settings import Settings


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that was done or found, and when."""

    at: datetime
    step: str
    text: str


@dataclass(slots=True)
class Emergency:
    """The record of an emergency so far."""

    reason: str
    who: str = field(default_factory=getpass.getuser)
    deeds: list[Deed] = field(default_factory=list)
    before: Report | None = None
    after: Report | None = None
    plans: list[Plan] = field(default_factory=list)
    repairs: list[Repair] = field(default_factory=list)
    resumed: bool = False


Tell = Callable[[Deed], None]
Ask = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Walk:
    """Walks through an emergency. `tell` gets each deed, `ask` decides about repairs and about resuming."""

    engine: Engine
    settings: Settings
    emergency: Emergency
    tell: Tell
    ask: Ask

    def all(self, *, notify: bool = True) -> Emergency:
        """Every step in its order."""
        self.stop()
        self.assess(notify=notify)
        self.repair()
        self.verify()
        self.resume()
        return self.emergency

    def stop(self) -> None:
        """Stop all imports."""
        with self.engine.begin() as connection:
            held = circuit_breaker.stop(connection, self.emergency.reason, self.emergency.who)
        self._note("stop", str(held))

    def assess(self, *, notify: bool) -> None:
        """Check everything, say what changed since the last healthy run and who is affected, and tell people."""
        with self.engine.begin() as connection:
            healthy = last_healthy_run(connection, self.settings.coverage_floor / 100)
        policy = policy_of(self.settings) if notify else None
        invocation = Invocation(self.settings)
        report = check_health(invocation, CheckRequest(alert=policy is not None))
        self.emergency.before = report
        self._note("assess", headline(report))
        since = f"{healthy.at:%Y-%m-%d %H:%M} UTC (score {healthy.score})" if healthy else "there is none on record"
        self._note("assess", f"last healthy run: {since}")
        for line in (*_failing(report), *affected(report)):
            self._note("assess", line)
        sent, lost = invocation.outcome.sent, invocation.outcome.undelivered
        silent = "nobody was told: no alert policy is set" if notify else "nobody was told: --no-notify"
        told = f"{number_of(sent, 'messages')} sent or tried, {lost:,} of them failed or wait for another try"
        self._note("notify", silent if policy is None else told)

    def repair(self) -> None:
        """Plan the fix of each rule in trouble, and make it where `ask` says so."""
        before = self.emergency.before
        assert before is not None  # noqa: S101 - assessed first
        trouble = {result.rule for result in before.trouble}
        rules = rules_of(self.settings)
        for check in fixable_in_order(rules):
            if check.name in trouble:
                (plan,) = plan_repairs(self.engine, rules, [check.name])
                self.emergency.plans.append(plan)
                self._decide(plan)

    def verify(self) -> None:
        """Check everything again."""
        self.emergency.after = check_health(Invocation(self.settings), CheckRequest(alert=False))
        self._note("verify", headline(self.emergency.after))
        for line in _failing(self.emergency.after):
            self._note("verify", line)

    def resume(self) -> None:
        """Let imports run again where the gate's rules are in order and `ask` agrees."""
        after = self.emergency.after
        assert after is not None  # noqa: S101 - verified first
        critical = [one.title for one in after.by_status(Status.CRITICAL) if TAG in one.tags and one.trouble]
        if critical:
            self._note("resume", f"imports stay stopped: {', '.join(critical)} of the gate is CRITICAL")
        elif not self.ask("The gate's rules are in order. Let imports run again?"):
            self._note("resume", "imports stay stopped; when it is time: rally-health etl resume --reason ...")
        else:
            with self.engine.begin() as connection:
                circuit_breaker.resume(connection, f"verified: {headline(after)}", self.emergency.who)
            self.emergency.resumed = True
            self._note("resume", "imports may run again")

    def _decide(self, plan: Plan) -> None:
        if plan.repair is None:
            self._note("repair", f"{plan.rule}: {plan.why}")
            return
        what = f"{plan.rule}: {', '.join(map(str, plan.repair.changes))} (plan {plan.repair.id})"
        if plan.repair.proposal:
            self._note("repair", f"{what}; only a proposal, see rally-health fix plan {plan.rule}")
        elif not self.ask(f"{what}. {plan.summary} Apply it?"):
            self._note("repair", f"{what}; left, rally-health fix apply {plan.repair.id} makes it")
        else:
            self._apply(plan.repair, what)

    def _apply(self, planned: Repair, what: str) -> None:
        try:
            made = apply_plan(self.engine, self.settings, planned.id)
        except RepairError as error:
            self._note("repair", f"{what}; refused: {error}")
        else:
            self.emergency.repairs.append(made)
            self._note("repair", f"{what}; made, bad rows {made.bad_before:,} -> {made.bad_after:,}")

    def _note(self, step: str, text: str) -> None:
        deed = Deed(datetime.now(UTC), step, text)
        self.emergency.deeds.append(deed)
        self.tell(deed)


def affected(report: Report) -> Iterator[str]:
    """Where the bad rows of failing rules stand: leagues, series and clubs, and the rules that count teams."""
    places: dict[str, Counter[str]] = {}
    for result in report.trouble:
        for cluster in result.clusters:
            dimension = ", ".join(name for name, _ in cluster.where)
            place = ", ".join(label for _, label in cluster.where)
            places.setdefault(dimension, Counter())[place] += cluster.count
    for dimension, counts in sorted(places.items()):
        named = ", ".join(f"{label} ({number_of(count, 'rows')})" for label, count in counts.most_common(5))
        yield f"affected by {dimension}: {named}"
    for result in report.trouble:
        if "team_without_schedule" in result.rule and result.count:
            yield f"affected teams: {result.count:,} have no schedule"


def _failing(report: Report) -> Iterator[str]:
    for result in report.trouble:
        change = f" [{result.change}]" if result.change else ""
        yield f"{result.status} {result.title}: {result.measurement or result.error}{change}"


OPEN = ("Root cause", "Why it was not noticed earlier", "What keeps it from coming back, by whom and by when")


def write_record(emergency: Emergency, path: Path) -> Path:
    """Write the record, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(_lines(emergency)) + "\n", encoding="utf-8")
    return path


def path_of(folder: Path, began: datetime) -> Path:
    """Where the record of an emergency that began then is kept."""
    return folder / f"incident_{began:%Y%m%d_%H%M%S}.md"


def _lines(emergency: Emergency) -> Iterator[str]:
    began, ended = emergency.deeds[0].at, emergency.deeds[-1].at
    yield f"# Incident of {began:%Y-%m-%d %H:%M} UTC"
    yield ""
    yield f"Reason: {clean(emergency.reason)}. Led by {clean(emergency.who)}."
    yield ""
    yield "| | at the start | at the end |"
    yield "| --- | --- | --- |"
    yield f"| score | {_score(emergency.before)} | {_score(emergency.after)} |"
    yield f"| rules in trouble | {_failing_lines(emergency.before)} | {_failing_lines(emergency.after)} |"
    yield f"| imports | stopped | {'running' if emergency.resumed else 'stopped'} |"
    yield f"| time | {began:%H:%M:%S} | {ended:%H:%M:%S} ({(ended - began).total_seconds():,.0f} s) |"
    yield ""
    yield "## Timeline (UTC)"
    yield ""
    yield from (f"* {deed.at:%H:%M:%S} **{deed.step}** {_plain(deed.text)}" for deed in emergency.deeds)
    yield ""
    yield "## Repairs"
    yield ""
    for made in emergency.repairs:
        back = f"`rally-health fix undo {made.id}` takes it back; snapshot `{made.snapshot}`"
        yield f"* repair {made.id} of `{made.rule}`: {', '.join(map(str, made.changes))}; {back}"
    if not emergency.repairs:
        yield "None was made."
    for heading in OPEN:
        yield f"\n## {heading}\n\n_To be written._"


def _score(report: Report | None) -> str:
    return "unknown" if report is None or report.score is None else f"{report.score} ({report.band})"


def _failing_lines(report: Report | None) -> str:
    return "unknown" if report is None else str(len(report.trouble))


def _plain(text: str) -> str:
    """Foreign text that cannot become a heading, a link or a tag."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>#|" else letter for letter in clean(text))
