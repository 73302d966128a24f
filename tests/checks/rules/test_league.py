"""What a rule finds in a league is the same whether it, and the sets that rules share, read all leagues or it alone."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import Connection, Select, SelectBase, literal, select

from checks import SharedSet, shared_set
from checks.engine.authoring.decorators import Within
from checks.engine.collecting.rules import Rules, Selection
from checks.engine.collecting.wiring import values
from checks.engine.measuring.compile_queries import Query, queries_of
from checks.engine.measuring.measure import bad_condition
from checks.engine.measuring.reflect import NamedTables, SharedSets, elements_of
from checks.engine.measuring.scope import Parameter, Scope
from checks.engine.run import Request, measure_on
from checks.rules.words import one_set
from checks.scopes import DIMENSIONS, LEAGUE
from etl.tables import metadata
from tests.checks.rules.case import Case
from tests.checks.rules.conftest import Write
from tests.checks.rules.entries import (
    DAY,
    ELSEWHERE,
    NOW,
    TODAY,
    TWO_TEAMS,
    match,
    played,
    player,
    practice,
    standing,
    team,
)  # fmt: skip
from tests.checks.rules.test_catalogue import COUNTED

NARROWED = {
    "doubled_roster", "duplicate_match", "duplicate_player", "duplicate_result", "duplicate_result_without_players",
    "duplicate_standing", "duplicate_team", "gap_in_league_schedule", "malformed_score", "name_cut_short",
    "person_under_two_ids", "player_of_another_club", "player_of_team_of_another_league",
    "player_of_team_of_another_series", "player_of_unknown_team", "points_out_of_order",
    "result_of_another_team_of_the_club", "result_of_unknown_player", "result_of_unknown_team",
    "sides_of_different_leagues", "sides_of_different_series", "standings_count_more_than_was_held",
    "team_name_off_pattern", "team_twice_at_once", "team_with_uneven_schedule", "team_without_captain",
    "team_without_players", "team_without_schedule", "tiebreak_contradicts_set", "twin_team",
    "undecided_match_with_score", "winner_contradicts_score",
}  # fmt: skip
"""The rules that say on which rows a league's part of them rests, or of a set that they read."""
CASES = [case for case in COUNTED if str(case) in NARROWED]


def query_of(rule: str, catalogue: Rules) -> Query:
    bound = NamedTables(None, metadata.tables).bind(catalogue[rule])
    with values(catalogue.fixtures, {"today": TODAY, "now": NOW}) as given:
        (asked,) = queries_of(bound, [Parameter("1", 1)], given)
    assert isinstance(asked, Query)
    return asked


def asked_of(query: Query, scope: Scope, within: Within | None = None) -> Iterator[Select[Any]]:
    """The statements of a query, kept to a scope."""
    parts = [scope.narrowed(part, within or {}) for part in (query.bad, query.among) if isinstance(part, SelectBase)]
    if not parts:
        yield select(*query.table.primary_key).where(bad_condition(query), scope.condition(query.table))
    for rows in (part.subquery() for part in parts):
        yield select(*rows.c).where(scope.condition(rows))


def test_the_rules_with_narrowed_sets_are_known(catalogue: Rules) -> None:
    tables = {str(case) for case in COUNTED} & set(catalogue)
    queries = {rule: query_of(rule, catalogue) for rule in tables}

    assert {rule for rule, query in queries.items() if query.within or has_narrowed_sets(query)} == NARROWED


def has_narrowed_sets(query: Query) -> bool:
    return any(isinstance(one, SharedSet) and one.within for one in elements_of(asked_of(query, Scope())))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_league_is_the_same_when_its_own_rows_are_read_alone(
    case: Case, catalogue: Rules, loose: Connection, write: Write
) -> None:
    write([*case.good, *case.bad])

    def ask(statement: Any, given: Mapping[str, Any]) -> Sequence[Any]:
        return loose.execute(statement, {**scope.named, **given}).all()

    for league in (1, 2, 3):
        scope = Scope(((LEAGUE, (league,)),)).with_parameters()
        query = query_of(str(case), catalogue)
        for whole, own in zip(asked_of(query, scope), asked_of(query, scope, query.within), strict=True):
            narrowed = SharedSets(scope.narrowed, scope.shape).sent_along(own, ask)
            assert Counter(map(tuple, ask(*narrowed))) == Counter(map(tuple, ask(whole, {})))


OF_THE_LEAGUE = (
    *TWO_TEAMS, match(), match(2, 1, TODAY + DAY), practice(), played(), standing(), player(career_matches=7),
    player(2, career_matches=4, series_id=2),
)  # fmt: skip
OF_ANOTHER = (
    team(11, league_id=2, series_id=2), team(12, league_id=2), *(match(11, 12, league_id=2) for _ in range(3)),
    practice(league_id=2, home_team="Birchwood practice"), played(11, 12, league_id=2), played(12, 11, league_id=2),
    standing(11, league_id=2), standing(12, league_id=2, series_id=2), player(3, league_id=2, career_matches=1),
)  # fmt: skip
FIGURES = {
    "career_matches_of_players": (11, 12), "matches_in_schedule": (2, 5), "practices_in_schedule": (1, 2),
    "series_with_players": (2, 3), "series_with_results": (1, 3), "series_with_standings": (1, 3),
}  # fmt: skip
"""Figures of the league alone, and of both."""


@pytest.mark.parametrize("rule", FIGURES)
def test_a_figure_of_a_league_counts_its_own_rows_alone(
    rule: str, catalogue: Rules, loose: Connection, write: Write
) -> None:
    def figure(*leagues: str) -> float | None:
        selection = Selection(scope={"league": leagues} if leagues else {})
        request = Request(now=NOW, selection=selection, dimensions=DIMENSIONS, tables=metadata.tables)
        (result,) = measure_on(loose, catalogue.only([catalogue[rule]]), request).results
        return result.value

    write([*ELSEWHERE, *OF_THE_LEAGUE])
    alone = figure("CNSWPL")
    write(OF_ANOTHER)

    assert alone == figure("CNSWPL") == FIGURES[rule][0]
    assert figure("CNSWPL", "CITA") == figure() == FIGURES[rule][1]


def test_threads_that_ask_for_a_set_at_once_get_the_same_one() -> None:
    made, asked, together = list[SharedSet](), list[SharedSet](), Barrier(8)

    @one_set
    def wide() -> SharedSet:
        made.append(shared_set("wide", select(*(literal(number).label(f"c{number}") for number in range(200)))))
        return made[-1]

    def ask() -> None:
        together.wait()
        asked.append(wide())

    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(usual)

    assert len(made) == 1
    assert all(own is made[0] for own in asked)
    assert len(asked) == len(threads)
