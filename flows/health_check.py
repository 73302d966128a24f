"""The flow that runs the rules and keeps what they found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import copy_context
from dataclasses import replace
from datetime import date

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from sqlalchemy import Engine

from checks.engine.collecting.rules import Rules
from checks.engine.judging.evaluate import Outcome
from checks.engine.measuring.measure import Measured, Scan, Unit
from checks.engine.reporting.report import Report
from checks.engine.run import Request, UnitHook
from checks.health import Beside
from flows.bridge.artifacts import show_report
from flows.bridge.flow_run import call, run_body, tell
from flows.bridge.zombies import note_crash
from flows.service.alerts import send_alerts
from flows.service.context import Surroundings
from flows.service.ending import of_report
from flows.service.health_check import Wish, check_health, chosen, examined


@flow(name="health-check", flow_run_name="health check", on_crashed=[note_crash])
def health_check(
    *,
    domains: list[str] | None = None,
    tags: list[str] | None = None,
    severities: list[str] | None = None,
    names: list[str] | None = None,
    owners: list[str] | None = None,
    leagues: list[str] | None = None,
    today: date | None = None,
    workers: int = 4,
    keep: bool = True,
    alert: bool | None = None,
) -> State[Report]:
    """Run a selection of the rules, and keep the report in the database and as JSON.

    Several values of one parameter widen the selection, different parameters narrow it. `today` is the day that rules
    compare with, `workers` is how many rules are measured at once. Without `keep` nothing is written.
    With `alert`, what the alert policy promises is sent at once; None is yes where RALLY_ALERTS_POLICY is set.

    Final states: Healthy, Degraded (a warning, or a score below 90), Critical (a rule is CRITICAL, or the score is
    below 75), Unmeasured (FAILED: a rule could not be measured).
    """
    selection = chosen(domains, tags, severities, names, owners, leagues)

    def body(around: Surroundings) -> Report:
        tell_people = around.settings.alerts_policy is not None if alert is None else alert
        wish = Wish(selection, today, workers, keep, tell_people and keep)
        report = check_health(
            around.settings, wish, measure=_measure, progress=around.checked, remarks=around.remarks
        )  # fmt: skip
        if wish.alert:
            call("send alerts", lambda: send_alerts(around), what="Send what the alert policy promises.")
        return report

    return run_body(body, of_report, show_report)


def _measure(engine: Engine, rules: Rules, request: Request, beside: Beside | None) -> Report:
    def work() -> Report:
        return examined(engine, rules, replace(request, around=_as_steps()), beside)

    return call("measure", work, what="Run the rules on one snapshot of the database, and keep what they found.")


def _as_steps() -> UnitHook:
    # units are worked on by threads of the engine, which know nothing of the flow run
    here = copy_context()

    def around(unit: Unit, work: Callable[[], list[Outcome]]) -> list[Outcome]:
        return here.copy().run(_unit, unit, work)

    return around


def _unit(unit: Unit, work: Callable[[], list[Outcome]]) -> list[Outcome]:
    def logged() -> list[Outcome]:
        outcomes = work()
        tell(lambda: _log(outcomes))
        return outcomes

    rules = {query.check.name for query in unit.queries}
    title = f"scan of {unit.name}: {len(rules)} rules" if isinstance(unit, Scan) else _title(unit)
    return call(title, logged, what=", ".join(sorted(rules)))


def _log(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        get_run_logger().info("%s", _line(outcome))


def _title(unit: Unit) -> str:
    parameter = unit.queries[0].parameter.label
    return f"{unit.name}[{parameter}]" if parameter else unit.name


def _line(outcome: Outcome) -> str:
    rule, parameter = outcome.query.id
    return f"{rule}{f'[{parameter}]' if parameter else ''}: {outcome.verdict.status}, {_found(outcome.measured)}"


def _found(measured: Measured) -> str:
    if measured.reading is None:
        return measured.error
    if measured.reading.value is not None:
        return f"{measured.reading.value:,.6g}"
    return "nothing to measure" if measured.reading.count is None else f"{measured.reading.count:,} bad rows"
