"""The same option twice widens, different options narrow, an unknown value lists the known ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import ColumnElement, select

from checks import Bad, Row, SelectionError, Severity, Status, above, check, fixture, percent, row_check, rows
from checks.engine.collecting.rules import Rules, Selection, matching
from checks.engine.measuring import scope
from tests.checks.engine.conftest import PLACE, SHELF, Run, places, thing, things

Put = Callable[..., None]


def rules(*more: str) -> Rules:
    """Four rules of two domains, and more by name."""

    def rule(name: str, severity: Severity, owner: str, *tags: str) -> Callable[..., Any]:
        def body(row: Row) -> ColumnElement[bool]:
            return row.size > 9

        body.__name__ = name
        return row_check(things, severity=severity, threshold=above(warn=percent(1)), owner=owner, tags=tags)(body)

    teams = [rule("team_big", Severity.HIGH, "kim", "daily", "gate"), rule("team_odd", Severity.LOW, "lee", "daily")]
    players = [rule("player_big", Severity.HIGH, "kim"), rule("player_odd", Severity.MEDIUM, "lee", "daily")]
    others = [rule(name, Severity.LOW, "lee") for name in more]
    domains = {"teams": teams, "players": players, "others": others}
    return Rules.assemble([(own, domain) for domain, of_domain in domains.items() for own in of_domain])


CASES: list[tuple[Selection, set[str]]] = [
    (Selection(), {"team_big", "team_odd", "player_big", "player_odd"}),
    (Selection(domains=("teams",)), {"team_big", "team_odd"}),
    (Selection(domains=("teams", "players"), tags=("daily",)), {"team_big", "team_odd", "player_odd"}),
    (Selection(severities=("low", "MEDIUM")), {"team_odd", "player_odd"}),
    (Selection(names=("*_big",)), {"team_big", "player_big"}),
    (Selection(names=("team_big", "*_odd"), owners=("lee",)), {"team_odd", "player_odd"}),
    (Selection(tags=("gate", "daily"), severities=("HIGH",)), {"team_big"}),
]


@pytest.mark.parametrize(("selection", "names"), CASES)
def test_a_selection_widens_within_and_narrows_across(selection: Selection, names: set[str]) -> None:
    assert set(selection.apply(rules())) == names


@pytest.mark.parametrize(
    ("words", "tags", "names"),
    [
        ("big", "", {"team_big", "player_big"}),
        ("big and not player", "", {"team_big"}),
        ("(players or gate) and kim", "", {"team_big", "player_big"}),
        ("", "daily and not gate", {"team_odd", "player_odd"}),
        ("TEAM", "daily", {"team_big", "team_odd"}),
    ],
)
def test_expressions_choose_as_those_of_pytest_do(words: str, tags: str, names: set[str]) -> None:
    assert set(matching(rules(), words, tags)) == names


@pytest.mark.parametrize("words", ["big and", "big()", "1 or big", "a.b", "big > odd"])
def test_what_is_no_expression_is_told(words: str) -> None:
    with pytest.raises(SelectionError, match="is no expression; expected words with and, or, not"):
        matching(rules(), words)


def test_an_expression_that_means_no_rule_is_told() -> None:
    with pytest.raises(SelectionError, match="no rule matches 'referee' and 'daily'"):
        matching(rules(), "referee", "daily")


WRONG: list[tuple[Selection, str]] = [
    (Selection(domains=("team",)), "no rule has the domain 'team'; there are players, teams"),
    (Selection(tags=("weekly",)), "no rule has the tag 'weekly'; there are daily, gate"),
    (Selection(severities=("SEVERE",)), "no rule has the severity 'SEVERE'; there are HIGH, LOW, MEDIUM"),
    (Selection(owners=("bo",)), "no rule has the owner 'bo'; there are kim, lee"),
    (Selection(names=("team_bug",)), "no rule is called 'team_bug'; did you mean team_big, team_odd?"),
    (
        Selection(domains=("players",), tags=("gate",)),
        "no rule is domain players and tag gate; each of these alone has some",
    ),
]


@pytest.mark.parametrize(("selection", "message"), WRONG)
def test_an_unknown_value_lists_the_known_ones(selection: Selection, message: str) -> None:
    with pytest.raises(SelectionError) as refused:
        selection.apply(rules())

    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("more", "hint"),
    [
        (("coach_odd",), "there are coach_odd, player_big, player_odd, team_big, team_odd"),
        (("coach_odd", "club_odd"), "did you mean team_big, player_big?"),
    ],
)
def test_five_rules_are_listed_and_of_six_those_that_are_at_all_alike(more: tuple[str, ...], hint: str) -> None:
    with pytest.raises(SelectionError) as refused:
        Selection(names=("big",)).apply(rules(*more))

    assert str(refused.value) == f"no rule is called 'big'; {hint}"


@row_check(things, severity=Severity.LOW, threshold=above(warn=percent(10)))
def big(row: Row) -> ColumnElement[bool]:
    """Bigger than nine."""
    return row.size > 9


def within(**labels: str) -> Selection:
    """Only the rows of some place or shelf."""
    return Selection(scope={name: (label,) for name, label in labels.items()})


def test_a_scope_narrows_the_rows(run: Run, put: Put) -> None:
    put(thing("a", size=10, place_id=1), thing("b", size=10, place_id=2), thing("c", place_id=2))

    report = run(big, dimensions=(PLACE,), selection=within(place="south"))

    assert (report.of("big").count, report.of("big").total) == (1, 2)
    assert report.scoped
    assert "places.name" not in report.of("big").sql
    assert "things.place_id = 2" in report.of("big").sql


def test_a_scope_narrows_a_question_across_tables_by_its_keys(run: Run, put: Put) -> None:
    @check(severity=Severity.LOW, threshold=above(warn=percent(10)))
    def across() -> Bad:
        keys = select(things.c.name, things.c.place_id)
        return Bad(keys.where(things.c.size > 9), among=keys)

    put(thing("a", size=10, place_id=1), thing("b", size=10, place_id=2), thing("c", place_id=2))

    result = run(across, dimensions=(PLACE,), selection=within(place="South")).of("across")

    assert (result.count, result.total, result.examples) == (1, 2, ({"name": "b", "place_id": 2},))


def test_a_rule_whose_rows_do_not_say_is_left_out_and_says_so(run: Run, put: Put) -> None:
    @check(severity=Severity.LOW, threshold=above(warn=rows(0)))
    def across() -> Bad:
        return Bad(select(things.c.name))

    put(thing("a", size=10))

    result = run(across, big, dimensions=(PLACE,), selection=within(place="North")).of("across")

    assert (result.status, result.note) == (
        Status.SKIPPED,
        "left out: its rows do not say their place, so it cannot be narrowed to one",
    )


def test_an_unknown_label_lists_the_known_ones(run: Run) -> None:
    with pytest.raises(SelectionError, match="there is no place 'East'; there are North, South"):
        run(big, dimensions=(PLACE,), selection=within(place="East"))


@pytest.mark.parametrize(("text", "hint"), [("nord", r"did you mean North\?"), ("Moon", "there are North and 1 more")])
def test_of_many_labels_the_nearest_are_named(run: Run, monkeypatch: pytest.MonkeyPatch, text: str, hint: str) -> None:
    monkeypatch.setattr(scope, "LISTED", 1)

    with pytest.raises(SelectionError, match=f"there is no place '{text}'; {hint}"):
        run(big, dimensions=(PLACE,), selection=within(place=text))


def test_an_unknown_dimension_lists_the_known_ones(run: Run) -> None:
    with pytest.raises(SelectionError, match="there is no dimension 'room'; there are place, shelf"):
        run(big, dimensions=(PLACE, SHELF), selection=within(room="1"))


@fixture
def place() -> Any:
    """All places."""
    return select(places.c.id, places.c.name)


@row_check(things, severity=Severity.LOW, threshold=above(warn=percent(10), critical=percent(50)), each="place")
def big_there(row: Row, place: int) -> Bad:
    """Bigger than nine, place by place."""
    return Bad(row.size > 9, among=row.place_id == place)


def test_a_rule_runs_once_for_each_value(run: Run, put: Put) -> None:
    put(thing("a", size=10, place_id=1), thing("b", place_id=1), thing("c", size=10, place_id=2))

    report = run(big_there, place)

    assert {r.parameter: (r.count, r.total, r.status) for r in report.results} == {
        "North": (1, 2, Status.WARN),
        "South": (1, 1, Status.CRITICAL),
    }
    assert report.worst is report.of("big_there", "South")


def test_the_parameters_of_a_rule_are_pooled_in_the_score(run: Run, put: Put) -> None:
    put(thing("a", size=10, place_id=1), thing("b", place_id=1), thing("c", place_id=2), thing("d", place_id=2))

    report = run(big_there, place)

    assert report.score == Decimal("98.00")  # a quarter of all rows: 1 + 2 * sqrt(1 / 4) percent
    assert sum(result.points for result in report.results) == 100 - report.score


def test_a_list_of_values_does_as_well_as_a_statement(run: Run, put: Put) -> None:
    @fixture
    def size() -> list[int]:
        return [1, 5]

    @row_check(things, severity=Severity.LOW, threshold=above(warn=percent(10)), each="size")
    def bigger(row: Row, size: int) -> ColumnElement[bool]:
        return row.size > size

    put(thing("a", size=3))

    assert {r.parameter: r.count for r in run(bigger, size).results} == {"1": 1, "5": 0}


def test_one_place_only_runs_the_rule_of_that_place(run: Run, put: Put) -> None:
    put(thing("a", size=10, place_id=1), thing("c", size=10, place_id=2))

    report = run(big_there, place, dimensions=(PLACE,), selection=within(place="South"))

    assert [result.parameter for result in report.results] == ["South"]


def test_a_parameter_narrows_a_rule_whose_rows_do_not_say(run: Run, put: Put) -> None:
    @check(severity=Severity.LOW, threshold=above(warn=rows(0)), each="place")
    def across(place: int) -> Bad:
        return Bad(select(things.c.name).where(things.c.place_id == place))

    put(thing("a", place_id=1), thing("c", place_id=2))

    report = run(across, place, dimensions=(PLACE,), selection=within(place="South"))

    assert report.of("across", "South").examples == ({"name": "c"},)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ("north", "fixture 'place' gives str; each='place' needs a list or a select()"),
        (7, "fixture 'place' gives int; each='place' needs a list or a select()"),
        ([(1, "x"), (2, "x")], "fixture 'place' gives 'x' twice; each value needs a label of its own"),
    ],
)
def test_values_that_nothing_can_run_over(run: Run, put: Put, values: Any, told: str) -> None:
    @fixture
    def place() -> Any:
        return values

    put(thing("a"))

    assert run(big_there, place).of("big_there").error == told


def test_nothing_to_run_over_is_nothing_to_measure(run: Run, put: Put) -> None:
    @fixture
    def place() -> list[int]:
        return []

    put(thing("a"))

    result = run(big_there, place).of("big_there")

    assert (result.status, result.note) == (Status.SKIPPED, "there is no place to run for")


def test_rules_can_be_narrowed_and_keep_their_fixtures() -> None:
    chosen = replace(Selection(), names=("big_there",)).apply(Rules.of(big_there, big, place))

    assert (list(chosen), list(chosen.fixtures)) == (["big_there"], ["place"])
