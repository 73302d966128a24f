"""Rules that judge the rows of one place apart, or not at all: each row counts once, where it stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, select

from checks import Bad, Severity, above, check, percent, rows
from checks.engine.authoring.spec import Check
from checks.engine.collecting.rules import Rules, Selection
from checks.engine.reporting.report import Report
from checks.engine.run import run_checks
from tests.checks.engine.conftest import PLACE, SHELF, request, things
from tests.checks.engine.test_whole_runs import big, big_of_place, nameless, numbered, place, stock, twice

Put = Callable[..., None]
LABELLED = replace(SHELF, labels=select(things.c.shelf, things.c.shelf).distinct())


@check(severity=Severity.LOW, threshold=above(warn=rows(0)))
def of_no_place() -> Bad:
    """Rows that do not say where they stand."""
    return Bad(select(things.c.name).where(things.c.size > 9))


def apart(rule: Check) -> Mapping[tuple[str, str], Check | None]:
    """A rule with a limit of its own in the North, that does not run in the South; nobody knows the West."""
    strict = replace(rule, mark=replace(rule.mark, threshold=above(critical=percent(0)), severity=Severity.HIGH))
    return {("place", "NORTH"): strict, ("place", "South"): None, ("place", "West"): strict, ("weather", "rain"): None}


def judged(shelves: Engine, *functions: Callable[..., Any], **options: Any) -> Report:
    plain = Rules.of(*functions, domain="things")
    rules = Rules([replace(rule, segments=apart(rule)) for rule in plain.values()], plain.fixtures.values())
    return run_checks(shelves, rules, request(dimensions=(PLACE, LABELLED), **options))


def figures(report: Report) -> dict[str, tuple[str, int | None, int | None]]:
    return {result.title: (str(result.status), result.count, result.total) for result in report.results}


def test_the_rows_of_a_place_are_judged_by_its_own_limits_and_those_of_another_by_none(
    shelves: Engine, put: Put
) -> None:
    put(*numbered(stock()))

    assert figures(judged(shelves, big, nameless, twice)) == {
        "big": ("CRITICAL", 3, 4), "big[NORTH]": ("CRITICAL", 3, 17), "nameless": ("OK", 0, 4),
        "nameless[NORTH]": ("CRITICAL", 2, 15), "twice": ("OK", 0, 4), "twice[NORTH]": ("CRITICAL", 2, 15),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("scope", "found"),
    [
        ({"place": ("North",)}, {"big": ("SKIPPED", 0, 0), "big[NORTH]": ("CRITICAL", 3, 17)}),
        ({"place": ("South",)}, {"big": ("SKIPPED", 0, 0)}),
        ({"shelf": ("c",)}, {"big": ("CRITICAL", 2, 3), "big[NORTH]": ("CRITICAL", 1, 2)}),
    ],
)
def test_a_run_about_some_rows_judges_those_apart_that_it_is_about(
    shelves: Engine, put: Put, scope: dict[str, tuple[str, ...]], found: dict[str, Any]
) -> None:
    put(*numbered(stock()))

    assert figures(judged(shelves, big, selection=Selection(scope=scope))) == found


def test_rows_that_do_not_say_where_they_stand_cannot_be_judged_apart(shelves: Engine, put: Put) -> None:
    put(*numbered(stock()))

    (result,) = judged(shelves, of_no_place).results

    assert (result.count, result.error) == (
        None, "cannot be judged apart: its rows do not say their place, so it cannot be narrowed to one",
    )  # fmt: skip


def test_a_rule_for_each_place_is_judged_for_each_by_its_own_limits(shelves: Engine, put: Put) -> None:
    put(*numbered(stock()))

    report = judged(shelves, big_of_place, place)

    assert figures(report) == {
        "big_of_place[North]": ("CRITICAL", 3, 17), "big_of_place[South]": ("SKIPPED", None, None),
        "big_of_place[Empty]": ("SKIPPED", 0, 0),
    }  # fmt: skip
    assert report.of("big_of_place", "South").note == "switched off for South"
