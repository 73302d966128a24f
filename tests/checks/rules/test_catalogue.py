"""Every rule is tried on rows: it leaves good ones alone, finds bad ones, and its SQL shows exactly those."""

from __future__ import annotations

from collections import Counter

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.dialects import postgresql

from checks import Status
from checks.engine.marks import Kind
from checks.engine.rules import Rules
from tests.checks.rules import cases_imports, cases_schedule, cases_teams
from tests.checks.rules.ask import bad_rows, count, judged, question, reading, total
from tests.checks.rules.case import Case
from tests.checks.rules.conftest import Write

CASES: tuple[Case, ...] = (*cases_schedule.CASES, *cases_teams.CASES, *cases_imports.CASES)
METRICS = tuple(case for case in CASES if case.value is not None)
COUNTED = tuple(case for case in CASES if case.value is None)


def test_each_rule_of_the_catalogue_has_a_case(catalogue: Rules) -> None:
    tried = {case.rule.__name__ for case in CASES}

    assert tried == set(catalogue)


@pytest.mark.parametrize("case", COUNTED, ids=str)
def test_good_rows_are_left_alone(case: Case, catalogue: Rules, loose: Connection, write: Write) -> None:
    write(case.good)

    assert count(loose, question(catalogue, catalogue[str(case)])) == 0


@pytest.mark.parametrize("case", COUNTED, ids=str)
def test_bad_rows_are_counted(case: Case, catalogue: Rules, loose: Connection, write: Write) -> None:
    write(case.good)
    write(case.bad)

    assert count(loose, question(catalogue, catalogue[str(case)])) == case.count


@pytest.mark.parametrize("case", COUNTED, ids=str)
def test_bad_rows_are_among_those_looked_at(case: Case, catalogue: Rules, loose: Connection, write: Write) -> None:
    write(case.good)
    write(case.bad)
    asked = question(catalogue, catalogue[str(case)])

    assert asked.among is None or total(loose, asked) >= case.count


@pytest.mark.parametrize("case", COUNTED, ids=str)
def test_literal_sql_shows_the_rows_that_are_counted(
    case: Case, catalogue: Rules, loose: Connection, write: Write
) -> None:
    write(case.good)
    write(case.bad)
    statement = bad_rows(question(catalogue, catalogue[str(case)]))
    literal = statement.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})  # type: ignore[no-untyped-call]

    # the text is run as it is read, not as a driver's template: "%" stays "%%" only for the driver
    shown = loose.execute(text(str(literal).replace("%%", "%").replace(":", r"\:"))).all()

    assert len(shown) == case.count


@pytest.mark.parametrize("case", METRICS, ids=str)
def test_metrics_are_satisfied_with_good_rows(case: Case, catalogue: Rules, loose: Connection, write: Write) -> None:
    write(case.good)
    check = catalogue[str(case)]

    status = judged(check, reading(loose, question(catalogue, check)), case.past)

    assert not status.failing


@pytest.mark.parametrize("case", METRICS, ids=str)
def test_metrics_fail_on_bad_rows(case: Case, catalogue: Rules, loose: Connection, write: Write) -> None:
    write(case.good)
    write(case.bad)
    check = catalogue[str(case)]

    value = reading(loose, question(catalogue, check))

    assert value == pytest.approx(case.value)
    assert judged(check, value, case.past).failing


def test_an_empty_database_is_no_dirt(catalogue: Rules, loose: Connection) -> None:
    asked = [question(catalogue, check) for check in catalogue.values()]

    counts = Counter({one.check.name: count(loose, one) for one in asked if one.check.mark.kind is not Kind.METRIC})

    assert +counts == Counter()


def test_metrics_of_an_empty_database_are_skipped(catalogue: Rules, loose: Connection) -> None:
    metrics = [check for check in catalogue.values() if check.mark.kind is Kind.METRIC]

    statuses = {check.name: judged(check, reading(loose, question(catalogue, check))) for check in metrics}

    assert set(statuses.values()) == {Status.SKIPPED}, statuses
