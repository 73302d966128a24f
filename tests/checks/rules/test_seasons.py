"""Which break ends a season is declared for imports and rules alike."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection

from etl.importing.declared import Seasons
from flows.service.catalogue import rules_of
from flows.settings import Settings
from tests.checks.rules.ask import result
from tests.checks.rules.conftest import Write
from tests.checks.rules.entries import ELSEWHERE, TODAY, TWO_TEAMS, match, team

WEEK = timedelta(weeks=1)
ALONE = (team(11, league_id=2), team(12, league_id=2))
ROUND = [match(1, 2, TODAY + n * WEEK) for n in range(4)]


@pytest.mark.parametrize(
    ("declared", "missing"),
    [
        ({}, 2),
        ({"break_days": 75}, 0),
        ({"leagues": {"CNSWPL": 75}}, 0),
        ({"leagues": {"CITA": 75}}, 2),
        ({"break_days": 75, "leagues": {"cnswpl": 60}}, 2),
    ],
)
def test_teams_of_a_season_that_has_paused_are_missing_where_the_pause_ends_it(
    declared: dict[str, object], missing: int, loose: Connection, write: Write
) -> None:
    """Teams 3 and 4 played 70 days before the others began."""
    rules = rules_of(Settings(seasons=Seasons.model_validate(declared)))
    write([*TWO_TEAMS, *ELSEWHERE, team(3), team(4), match(3, 4, TODAY - 10 * WEEK), *ROUND])

    assert result(loose, rules, "team_without_schedule").count == missing
    assert result(loose, rules, "gap_in_league_schedule", "CNSWPL").count == missing


def test_a_match_is_outside_the_season_that_its_own_league_declares(loose: Connection, write: Write) -> None:
    rules = rules_of(Settings(seasons=Seasons(leagues={"CITA": 30})))
    away = [
        match(11, 12, TODAY - 10 * WEEK, league_id=2),
        *(match(11, 12, TODAY - n * WEEK, league_id=2) for n in (0, 4)),
    ]
    write([*TWO_TEAMS, *ELSEWHERE, *ALONE, *ROUND, match(1, 2, TODAY - 8 * WEEK), *away])

    found = result(loose, rules, "match_outside_season")

    assert found.count == 1
    assert found.examples[0]["league"] == "CITA"
