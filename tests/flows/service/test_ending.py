"""The truth table of final states and exit codes: rules, gate, technical errors, and Prefect there or away."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import flows
from checks.engine.authoring.units import Severity, Status
from checks.engine.judging.judge import Waiver
from checks.engine.reporting.report import Report, Result
from checks.engine.reporting.score import Score
from etl import DatabaseUnavailable, FeedError, ImporterBusy
from etl.circuit_breaker import ImportsStopped
from etl.importing import FeedResult, ImportReport, Outcome
from flows.bridge.entry import run
from flows.cli.errors import exit_of
from flows.cli.imports import CODES
from flows.cli.shared import Exit
from flows.service.context import Invocation, without_prefect
from flows.service.ending import Ending, StateName, of_error, of_import, of_report
from flows.service.import_feeds import Night, of_night
from flows.settings import Settings

NOW = datetime(2025, 6, 30, 12, tzinfo=UTC)


def result(status: Status, *, accepted: bool = False) -> Result:
    return Result(
        rule=f"rule_{status.value.lower()}", domain="schedule", parameter="", severity=Severity.LOW, status=status,
        gross_status=status, summary="", threshold="", accepted=accepted,
    )  # fmt: skip


def report(*results: Result, score: str | None = "100", expired: tuple[Waiver, ...] = ()) -> Report:
    value = Score(None if score is None else Decimal(score))
    return Report(
        run="7", started=NOW, finished=NOW, today=NOW.date(), selection="all", results=results, net=value, gross=value,
        expired=expired,
    )  # fmt: skip


def imported(*outcomes: Outcome) -> ImportReport:
    return ImportReport(7, tuple(FeedResult("x", "schedules", "CITA", outcome) for outcome in outcomes))


@dataclass(frozen=True)
class Case:
    report: Report
    name: StateName
    failed: bool
    code: int


WAIVER = Waiver(id=1, rule="rule_warn", owner="a", reason="b", until=date(2025, 1, 1))


def emptied(**changes: Any) -> Result:
    return replace(result(Status.ERROR), emptied=True, error="nothing to measure: no rows", **changes)


HALF = (result(Status.OK), result(Status.SKIPPED))
RULES = {
    "all well": Case(report(result(Status.OK)), StateName.HEALTHY, False, 0),
    "skipped beside well": Case(
        report(replace(result(Status.OK), severity=Severity.MEDIUM), result(Status.SKIPPED)),
        StateName.HEALTHY, False, 0,
    ),
    "a warning that the score bears": Case(report(result(Status.WARN), score="97"), StateName.HEALTHY, False, 0),
    "an accepted warning": Case(report(result(Status.WARN, accepted=True)), StateName.HEALTHY, False, 0),
    "a score below 90": Case(report(result(Status.WARN), score="89.99"), StateName.WATCH, False, 0),
    "a score of 90": Case(report(result(Status.WARN), score="90"), StateName.HEALTHY, False, 0),
    "a score of 75": Case(report(result(Status.WARN), score="75"), StateName.WATCH, False, 0),
    "a score below 75": Case(report(result(Status.WARN), score="74.99"), StateName.CRITICAL, False, 1),
    "critical": Case(report(result(Status.CRITICAL), score="96"), StateName.CRITICAL, False, 1),
    "accepted and critical": Case(report(result(Status.CRITICAL, accepted=True)), StateName.HEALTHY, False, 0),
    "a waiver that is over, of a rule in trouble": Case(
        report(result(Status.WARN), score="97", expired=(WAIVER,)), StateName.CRITICAL, False, 1
    ),
    "a waiver that is over, of a rule that is well": Case(
        report(result(Status.OK), expired=(WAIVER,)), StateName.HEALTHY, False, 0
    ),
    "unmeasured": Case(report(result(Status.ERROR), score="90"), StateName.UNKNOWN, True, 5),
    "unmeasured, and a score below 75 for that alone": Case(
        report(replace(result(Status.ERROR), severity=Severity.HIGH, impact=0.6), score="40"),
        StateName.UNKNOWN, True, 5,
    ),
    "unmeasured, and a score below 75 without it": Case(
        report(replace(result(Status.ERROR), impact=0.1), result(Status.WARN), score="67.4"),
        StateName.CRITICAL, False, 1,
    ),
    "unmeasured and critical": Case(
        report(result(Status.ERROR), result(Status.CRITICAL), score="87"), StateName.CRITICAL, False, 1
    ),
    "unmeasured and accepted": Case(report(result(Status.OK), result(Status.ERROR, accepted=True)),
                                    StateName.HEALTHY, False, 0),
    "nothing left to measure": Case(report(result(Status.OK), emptied(), score="90"), StateName.UNKNOWN, True, 5),
    "nothing left to measure, and critical": Case(
        report(result(Status.CRITICAL), emptied(), score="87"), StateName.CRITICAL, False, 1
    ),
    "nothing left to measure, which is accepted": Case(
        report(result(Status.OK), emptied(accepted=True)), StateName.HEALTHY, False, 0
    ),
    "less than the floor": Case(report(*HALF), StateName.UNKNOWN, True, 5),
    "just the floor": Case(replace(report(*HALF), floor=0.5), StateName.HEALTHY, False, 0),
    "less than the floor, and critical": Case(
        report(*HALF, result(Status.SKIPPED), result(Status.CRITICAL), score="96"), StateName.CRITICAL, False, 1
    ),
    "nothing to measure": Case(report(result(Status.SKIPPED), score=None), StateName.UNKNOWN, True, 5),
    "no rules": Case(report(score=None), StateName.UNKNOWN, True, 5),
}  # fmt: skip
IMPORTS = {
    "published": (imported(Outcome.PUBLISHED), StateName.PUBLISHED, False, 0),
    "unchanged": (imported(Outcome.UNCHANGED), StateName.UNCHANGED, False, 0),
    "one published, one unchanged": (imported(Outcome.UNCHANGED, Outcome.PUBLISHED), StateName.PUBLISHED, False, 0),
    "blocked": (imported(Outcome.BLOCKED), StateName.BLOCKED, False, 3),
    "one blocked": (imported(Outcome.PUBLISHED, Outcome.BLOCKED), StateName.BLOCKED, False, 3),
    "unreadable": (imported(Outcome.FAILED), StateName.REFUSED, True, 3),
    "one unreadable": (imported(Outcome.BLOCKED, Outcome.FAILED, Outcome.PUBLISHED), StateName.REFUSED, True, 3),
}
PREFECT: Mapping[str, Callable[[Invocation], Invocation]] = {
    "there": lambda invocation: invocation,
    "away": lambda invocation: without_prefect(invocation, "ConnectError"),
}


def no_flow() -> Any:
    """Imports the flow, which is not needed where no API is set."""
    raise AssertionError("a flow was asked for")


rules = pytest.mark.parametrize("case", RULES.values(), ids=RULES)
imports = pytest.mark.parametrize(("done", "name", "failed", "code"), IMPORTS.values(), ids=IMPORTS)


@rules
def test_a_check_ends_by_what_its_rules_found(case: Case) -> None:
    end = of_report(case.report)

    assert (end.name, end.failed, end.exit_code) == (case.name, case.failed, case.code)


@rules
def test_the_exit_code_of_the_state_is_that_of_the_command(case: Case) -> None:
    assert of_report(case.report).exit_code == case.report.exit_code()


@imports
def test_an_import_ends_by_its_worst_feed(done: ImportReport, name: StateName, failed: bool, code: int) -> None:
    end = of_import(done)

    assert (end.name, end.failed, end.exit_code) == (name, failed, code)
    assert end.exit_code == CODES.get(done.outcome, Exit.OK)


@pytest.mark.parametrize(("gate", "found"), list(product(IMPORTS, RULES)), ids=str)
def test_a_night_stops_where_the_gate_says_stop_and_else_ends_as_its_check(gate: str, found: str) -> None:
    done, name, failed, code = IMPORTS[gate]
    case = RULES[found]
    stopped = name in {StateName.BLOCKED, StateName.REFUSED}

    end = of_night(Night(done, None if stopped else case.report))

    wanted = (name, failed, code) if stopped else (case.name, case.failed, case.code)
    assert (end.name, end.failed, end.exit_code) == wanted


@pytest.mark.parametrize("prefect", PREFECT, ids=str)
@rules
def test_prefect_away_changes_no_ending(case: Case, prefect: str) -> None:
    invocation = Invocation(Settings(prefect_api_url=""))

    found = run(PREFECT[prefect](invocation), lambda invocation: case.report, no_flow)

    assert of_report(found) == of_report(case.report)


@pytest.mark.parametrize("prefect", PREFECT, ids=str)
@pytest.mark.parametrize(
    ("error", "code"), [(DatabaseUnavailable("away"), Exit.INFRASTRUCTURE), (RuntimeError("a bug"), None)], ids=str
)
def test_a_technical_error_is_no_ending_but_the_same_error(error: Exception, code: int | None, prefect: str) -> None:
    invocation = Invocation(Settings(prefect_api_url=""))

    def plain(invocation: Invocation) -> Report:
        raise error

    with pytest.raises(type(error)) as raised:
        run(PREFECT[prefect](invocation), plain, no_flow)

    assert raised.value is error
    assert exit_of(raised.value) == code


ERRORS = {"none": None, "database away": DatabaseUnavailable("away"), "bug": KeyError("a bug")}


@pytest.mark.parametrize(("broken", "where", "prefect"), [*product(ERRORS, ("import", "check"), PREFECT)], ids=str)
def test_a_night_in_full(broken: str, where: str, prefect: str) -> None:
    """Every outcome of the rules, by every one of the gate, by what breaks where, by Prefect: there is no other end."""
    error, invocation = ERRORS[broken], PREFECT[prefect](Invocation(Settings(prefect_api_url="")))
    for (done, name, _, code), case in product(IMPORTS.values(), RULES.values()):
        stopped = name in {StateName.BLOCKED, StateName.REFUSED}
        reached = error if where == "import" or not stopped else None
        end = _night(invocation, Night(done, None if stopped else case.report), reached)

        if reached is not None:
            assert end is reached
        else:
            assert isinstance(end, Ending)
            assert (end.name, end.exit_code) == ((name, code) if stopped else (case.name, case.code))


def _night(invocation: Invocation, night: Night, error: Exception | None) -> Ending | Exception:
    """How a night ends that comes to this, or is broken off by an error."""

    def plain(invocation: Invocation) -> Night:
        if error is not None:
            raise error
        return night

    try:
        return of_night(run(invocation, plain, no_flow))
    except (DatabaseUnavailable, KeyError) as raised:
        return raised


@pytest.mark.parametrize(
    ("error", "name", "failed"),
    [
        (ImportsStopped("imports are stopped"), StateName.BLOCKED, False),
        (ImporterBusy("another import is running"), StateName.BUSY, False),
        (FeedError("no feed in /nowhere"), StateName.REFUSED, True),
    ],
    ids=str,
)
def test_a_run_that_may_not_begin_ends_by_name_and_as_the_command(
    error: Exception, name: StateName, failed: bool
) -> None:
    end = of_error(error)

    assert end is not None
    assert (end.name, end.failed, end.exit_code) == (name, failed, exit_of(error))


def test_a_technical_error_has_no_name_of_ours() -> None:
    assert of_error(DatabaseUnavailable("away")) is None


TABLE = re.compile(
    r"^\| (?P<what>[^|]+) \| (?P<names>[A-Z][\w, ]+) \| (?P<type>[A-Z]+) \| ?(?P<exit>\d*) \|$", re.MULTILINE
)
OF_PREFECT = {"Failed": {"2", "4"}, "Crashed": {""}}
"""Names that Prefect gives, with the exit codes of the command."""


def test_the_table_of_the_document_has_every_name_with_its_type_and_its_exit_code() -> None:
    text = (Path(flows.__file__).parents[1] / "docs" / "PREFECT.md").read_text(encoding="utf-8")
    section = text.partition("## Final states and exit codes")[2].partition("\n## ")[0]
    rows = {(name, row["type"], row["exit"]) for row in TABLE.finditer(section) for name in row["names"].split(", ")}

    ours = {(name, kind, code) for name, kind, code in rows if name not in OF_PREFECT}
    assert ours == {
        (name.value, "FAILED" if Ending(name, "").failed else "COMPLETED", str(Ending(name, "").exit_code))
        for name in StateName
    }
    assert {name: {code for own, _, code in rows if own == name} for name in OF_PREFECT} == OF_PREFECT


def test_the_message_of_a_state_counts_and_names_the_run() -> None:
    found = replace(report(result(Status.WARN), result(Status.OK), score="97"))

    assert of_report(found).message == "score 97 (healthy); 1 OK, 1 WARN; run 7"


def test_every_name_has_a_type_and_an_exit_code() -> None:
    told: dict[StateName, tuple[str, int]] = {
        name: ("FAILED" if Ending(name, "").failed else "COMPLETED", Ending(name, "").exit_code) for name in StateName
    }

    assert told == {
        StateName.HEALTHY: ("COMPLETED", 0),
        StateName.UNCHANGED: ("COMPLETED", 0),
        StateName.PUBLISHED: ("COMPLETED", 0),
        StateName.DONE: ("COMPLETED", 0),
        StateName.REPAIRED: ("COMPLETED", 0),
        StateName.DECLINED: ("COMPLETED", 0),
        StateName.UNDECIDED: ("COMPLETED", 0),
        StateName.WATCH: ("COMPLETED", 0),
        StateName.UNDELIVERED: ("FAILED", 5),
        StateName.UNKNOWN: ("FAILED", 5),
        StateName.CRITICAL: ("COMPLETED", 1),
        StateName.BLOCKED: ("COMPLETED", 3),
        StateName.BUSY: ("COMPLETED", 75),
        StateName.REFUSED: ("FAILED", 3),
    }
