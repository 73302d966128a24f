"""Cases of the domain schedule."""

from __future__ import annotations

from datetime import timedelta

from checks.rules.schedule import copies, coverage, links
from tests.checks.rules.case import Case
from tests.checks.rules.entries import PLACE, TODAY, bye, league, match, practice, team

TWO_TEAMS = (*PLACE, team(1), team(2))
UNPLAYED = timedelta(days=10)

CASES = (
    Case(
        coverage.team_without_schedule,
        good=[*TWO_TEAMS, match(1, 2), team(3, is_active=False)],
        bad=[team(4), bye(home_team="Winnetka 4", home_team_id=4)],
    ),
    Case(
        coverage.schedule_coverage_of_weakest_league,
        good=[*TWO_TEAMS, match(1, 2)],
        bad=[league(2, "CITA"), team(3, league_id=2), team(4, league_id=2), match(3, 1)],
        value=0.5,
    ),
    Case(
        coverage.hours_since_last_match_day,
        good=[match(day=TODAY + UNPLAYED), practice(day=TODAY)],
        bad=[match(day=TODAY - UNPLAYED)],
        value=240,
    ),
    Case(
        links.match_without_teams,
        good=[*TWO_TEAMS, match(1, 2), match(1, None), practice(), bye(home_team_id=None)],
        bad=[match(None, None)],
    ),
    Case(
        links.match_with_one_team,
        good=[*TWO_TEAMS, match(1, 2), match(None, None), practice(), bye()],
        bad=[match(1, None), match(None, 2)],
        count=2,
    ),
    Case(
        links.match_of_unknown_team,
        good=[*TWO_TEAMS, match(1, 2), match(1, None), practice()],
        bad=[match(1, 9), match(9, 8)],
        count=2,
    ),
    Case(
        copies.duplicate_match,
        good=[*TWO_TEAMS, match(1, 2), match(2, 1), match(1, 2, league_id=None), practice()],
        bad=[match(1, 2), match(1, 2), match(1, 2, league_id=None), practice()],
        count=4,
    ),
)
