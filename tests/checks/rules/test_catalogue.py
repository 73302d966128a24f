"""Every rule is tried on rows: it leaves good ones alone, finds bad ones, and its SQL shows exactly those."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import Connection, Table, text, update

from checks import Status
from checks.engine.authoring.spec import Kind
from checks.engine.collecting.rules import Rules
from tests.checks.rules import (
    cases_imports,
    cases_matches,
    cases_player_history,
    cases_players,
    cases_references,
    cases_schedule,
    cases_standings,
    cases_teams,
)
from tests.checks.rules.ask import FIGURES, UNWRITTEN, keys, report, result
from tests.checks.rules.case import Case
from tests.checks.rules.conftest import Write
from tests.checks.rules.entries import SECRET, player_id

MODULES = (
    cases_schedule,
    cases_teams,
    cases_players,
    cases_player_history,
    cases_matches,
    cases_standings,
    cases_imports,
    cases_references,
)
CASES: tuple[Case, ...] = tuple(case for module in MODULES for case in module.CASES)
METRICS = tuple(case for case in CASES if case.value is not None)
OF_THE_SITE = {
    "answer_of_unknown_player", "association_of_unknown_player", "availability_in_unknown_series",
    "availability_of_unknown_player", "doubled_match_id", "megabytes_of_table", "poll_of_unknown_team", "rows_of_table",
    "season_of_unknown_player", "user_in_unknown_league", "user_of_unknown_player",
}  # fmt: skip
"""About tables that only the platform has: tests/checks/rules/test_incidents.py."""
TRIED_ELSEWHERE = {"missing_constraint", *OF_THE_SITE}
"""Needs constraints: tests/checks/rules/test_setup.py."""
OF_THE_LEDGER = {str(case) for case in cases_imports.CASES}
"""Of tables whose rows nobody can change."""
COUNTED = tuple(case for case in CASES if case.value is None)
FOUND = Path(__file__).with_name("found.txt")
"""The keys of the bad rows of each case, in the order of the cases."""
READS = Path(__file__).with_name("reads.txt")
"""The columns on which it depends what a rule counts."""


def test_each_rule_of_the_catalogue_has_a_case(catalogue: Rules) -> None:
    tried = {case.rule.__name__ for case in CASES}

    assert tried == set(catalogue) - TRIED_ELSEWHERE


@pytest.mark.parametrize("case", COUNTED, ids=str)
def test_good_rows_are_left_alone(case: Case, catalogue: Rules, loose: Connection, write: Write) -> None:
    write(case.good)

    found = result(loose, catalogue, str(case), case.parameter, options=UNWRITTEN)

    assert (found.error, found.count, found.examples) == ("", 0, ())


@pytest.mark.parametrize(("number", "case"), list(enumerate(COUNTED)), ids=map(str, COUNTED))
def test_bad_rows_are_counted_told_by_their_keys_and_shown_by_the_sql(
    number: int, case: Case, catalogue: Rules, loose: Connection, write: Write
) -> None:
    """Who changes a case on purpose copies its lines of found.txt from what this test shows."""
    write([*case.good, *case.bad])

    found = result(loose, catalogue, str(case), case.parameter)

    assert (found.error, found.count) == ("", case.count)
    assert found.total == case.total
    assert keys(found) == listed()[number][1]
    # a colon is a parameter in text(); there are none in what people paste
    shown = loose.scalar(text(f"select count(*) from ({found.sql.replace(':', chr(92) + ':')}) as shown"))
    assert shown == case.count


def test_the_file_of_keys_has_the_cases_in_their_order() -> None:
    assert [name for name, _ in listed()] == [str(case) for case in COUNTED]


def listed() -> list[tuple[str, list[str]]]:
    """The cases of found.txt, each with its keys."""
    blocks: list[tuple[str, list[str]]] = []
    for line in FOUND.read_text(encoding="utf-8").splitlines():
        if line.startswith(" "):
            blocks[-1][1].append(line[4:])
        else:
            blocks.append((line, []))
    return blocks


@pytest.mark.parametrize("case", [case for case in COUNTED if str(case) not in OF_THE_LEDGER], ids=str)
def test_what_a_rule_does_not_read_may_be_missing(
    case: Case, catalogue: Rules, loose: Connection, write: Write
) -> None:
    """Neither how many rows are bad nor among how many hangs on a column that reads.txt does not name."""
    write([*case.good, *case.bad])
    for table in {entry.table for entry in (*case.good, *case.bad)}:
        loose.execute(update(table).values(dict.fromkeys(unread(str(case), table))))

    found = result(loose, catalogue, str(case), case.parameter, options=FIGURES)

    assert (found.error, found.count, found.total) == ("", case.count, case.total)


def unread(rule: str, table: Table) -> list[str]:
    """The columns of a table that a rule does not read."""
    lines = (line.split(": ") for line in READS.read_text(encoding="utf-8").splitlines())
    read = dict(lines)[rule].split()
    return [column.name for column in table.c if not column.primary_key and str(column) not in read]


@pytest.mark.parametrize("case", METRICS, ids=str)
def test_metrics_are_satisfied_with_good_rows(case: Case, catalogue: Rules, loose: Connection, write: Write) -> None:
    write(case.good)

    found = result(loose, catalogue, str(case), case.parameter, options=FIGURES)

    assert found.status in {Status.OK, Status.SKIPPED}


@pytest.mark.parametrize("case", METRICS, ids=str)
def test_metrics_fail_on_bad_rows(case: Case, catalogue: Rules, loose: Connection, write: Write) -> None:
    write([*case.good, *case.bad])

    found = result(loose, catalogue, str(case), case.parameter, earlier=case.earlier, options=FIGURES)

    assert found.value == pytest.approx(case.value)
    assert found.status in {Status.WARN, Status.CRITICAL}


def test_an_empty_database_is_no_dirt(catalogue: Rules, loose: Connection) -> None:
    failing = [one.title for one in report(loose, catalogue).results if one.status.failing]

    # the constraints were dropped for these tests
    assert failing == ["missing_constraint"]


def test_keys_say_who_without_a_name(catalogue: Rules, loose: Connection, write: Write) -> None:
    """What a report shows of bad rows holds ids of people, but no name, address or telephone number."""
    people = [case for case in cases_players.CASES if case.value is None]
    for case in people:
        write(case.bad)

    shown = json.dumps([list(map(dict, one.examples)) for one in report(loose, catalogue).results], default=str)

    assert player_id(3) in shown
    assert SECRET.lower() not in shown.lower()


def test_every_rule_is_described_for_people(catalogue: Rules) -> None:
    for rule in catalogue.values():
        assert rule.function.__doc__, rule.name
        assert rule.summary.endswith("."), f"{rule.name}: the docstring is the line in the alert, so it is a sentence"
        assert rule.mark.owner, f"{rule.name} has no owner"
        assert rule.mark.tags <= {"hourly", "daily", "weekly", "gate"}, rule.name
        assert rule.mark.tags & {"hourly", "daily", "weekly"}, f"{rule.name} says no rhythm"


def test_gate_rules_count_rows(catalogue: Rules) -> None:
    """The gate compares bad rows before and after, which a metric does not have."""
    gate = [rule for rule in catalogue.values() if "gate" in rule.mark.tags]

    assert gate
    assert not [rule.name for rule in gate if rule.mark.kind is Kind.METRIC]
