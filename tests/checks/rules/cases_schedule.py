"""Cases of the domain schedule."""

from __future__ import annotations

from datetime import date, time, timedelta

from checks.rules import schedule
from tests.checks.rules.case import Case
from tests.checks.rules.entries import (
    ELSEWHERE,
    PLACE,
    TODAY,
    TWO_TEAMS,
    bye,
    in_series,
    league,
    match,
    practice,
    team,
)

DAY = timedelta(days=1)
SERIES_OF_FOUR = (*TWO_TEAMS, team(3), team(4))


COVERAGE = (
    Case(
        schedule.team_without_schedule,
        good=[*TWO_TEAMS, match(1, 2), team(3, is_active=False)],
        bad=[team(4), bye(home_team="Winnetka 4", home_team_id=4)],
        total=3,
    ),
    Case(  # a second season: who played in the first only is missing, and one mistyped year is no season
        schedule.team_without_schedule,
        good=[
            *SERIES_OF_FOUR, match(3, 4), *(match(1, 2, TODAY + n * 7 * DAY) for n in range(12)),
            *(match(1, two, date(2027, 9, 7) + two * DAY) for two in (2, 3, 4)), match(2, 3, date(2099, 1, 1)),
        ],
        bad=[team(5), match(5, 1, TODAY)],
        total=5,
    ),
    Case(
        schedule.practices_in_schedule,
        good=[*TWO_TEAMS, match()],
        bad=[practice(), practice(day=TODAY - DAY, home_team="Winnetka practice - 1")],
        value=2,
        earlier=(4, 4, 4),
    ),
    Case(
        schedule.matches_on_one_date,
        good=[*TWO_TEAMS, *(match(day=TODAY - n * DAY) for n in range(49)), league(2, "CITA"), match(league_id=2)],
        bad=[match(home_team=str(n)) for n in range(60)],
        total=1,
    ),
    Case(
        schedule.gap_in_league_schedule,
        good=[*TWO_TEAMS, match(1, 2), league(2, "CITA"), team(8, league_id=2)],
        bad=[team(3), team(4), match(3, 8)],
        parameter="CNSWPL",
        total=4,
    ),
    Case(
        schedule.team_with_uneven_schedule,
        good=[
            *SERIES_OF_FOUR,
            *(match(home, away, TODAY - week * 7 * DAY) for week in range(5) for home, away in ((1, 2), (3, 4))),
            *(match(1, away, date(2023, 10, away)) for away in range(2, 20)),
        ],
        bad=[
            team(5), match(5, 6, TODAY), *(match(6, None, TODAY - day * DAY) for day in range(20)), team(6),
        ],
        count=2,
        total=6,
    ),
)  # fmt: skip

ACTIVITY = (
    Case(
        schedule.hours_since_last_match_day,
        good=[match(day=TODAY + 10 * DAY), practice(day=TODAY)],
        bad=[match(day=TODAY - 10 * DAY), match(day=date.max)],
        value=240,
    ),
    Case(
        schedule.matches_in_schedule,
        good=[practice(), bye()],
        bad=[match(1, 2), match(3, 4)],
        value=2,
        earlier=(90, 100, 110),
    ),
    Case(
        schedule.league_without_match_ahead,
        good=[
            *PLACE, match(day=TODAY - 20 * DAY), match(day=TODAY),
            # a season that has run for months may end
            league(2, "CITA"), match(day=TODAY - 20 * DAY, league_id=2), match(day=TODAY - 100 * DAY, league_id=2),
            # one that has not begun, or ended long ago
            league(3, "NSTF"), match(day=TODAY - 300 * DAY, league_id=3),
        ],
        bad=[league(4, "APTA_CHICAGO"), match(day=TODAY - 20 * DAY, league_id=4), practice(league_id=4)],
        total=2,
    ),
)  # fmt: skip

LINKS = (
    Case(
        schedule.match_without_teams,
        good=[*TWO_TEAMS, match(1, 2), match(1, None), practice(), bye(home_team_id=None)],
        bad=[match(None, None)],
        total=3,
    ),
    Case(
        schedule.match_with_one_team,
        good=[*TWO_TEAMS, match(1, 2), match(None, None), practice(), bye()],
        bad=[match(1, None), match(None, 2)],
        count=2,
        total=4,
    ),
    Case(
        schedule.match_of_unknown_team,
        good=[*TWO_TEAMS, match(1, 2), match(1, None), practice()],
        bad=[match(1, 9), match(9, 8)],
        count=2,
        total=5,
    ),
    Case(
        schedule.match_of_unknown_league,
        good=[*PLACE, match(), practice(league_id=None)],
        bad=[match(league_id=None), match(league_id=9)],
        count=2,
        total=3,
    ),
    Case(
        schedule.team_against_itself,
        good=[
            *TWO_TEAMS,
            match(1, 2),
            match(1, None),
            match(None, 2),
            practice(away_team="Winnetka Practice - Series 1"),
        ],
        bad=[match(1, 1), match(1, 1, away_team="Winnetka I"), match(1, None, away_team="Winnetka 1")],
        count=3,
        total=6,
    ),
    Case(
        schedule.sides_of_different_series,
        good=[*TWO_TEAMS, match(1, 2), match(1, None), match(1, 4), team(4, series_id=None)],
        bad=[in_series(2, "Series 2"), team(3, series_id=2), match(1, 3)],
        total=3,
    ),
    Case(
        schedule.sides_of_different_leagues,
        good=[*TWO_TEAMS, match(1, 2), match(1, None, league_id=2)],
        bad=[*ELSEWHERE, team(3, league_id=2), match(1, 3), match(1, 2, league_id=2)],
        count=2,
        total=3,
    ),
)

COPIES = (
    Case(
        schedule.duplicate_match,
        good=[*TWO_TEAMS, match(1, 2), match(2, 1), practice()],
        bad=[match(1, 2), match(1, 2), match(1, 2, league_id=None), practice()],
        count=4,
        total=7,
    ),
    Case(
        schedule.fixture_under_two_names,
        good=[*TWO_TEAMS, match(1, 2), match(2, 1), match(1, 2), match(1, 2, TODAY + DAY, home_team="Winnetka - 1")],
        bad=[match(1, 2, home_team="Winnetka 1 (Division 1)"), match(2, 1, away_team="Winnetka - 1")],
        count=2,
        total=6,
    ),
    Case(
        schedule.team_twice_at_once,
        good=[
            *SERIES_OF_FOUR, match(1, 2), match(1, 2), match(1, 3, match_time=time(20)), match(3, 4, match_time=None),
            match(3, 2, match_time=None), match(4, 4), practice(home_team_id=1),
        ],
        bad=[match(2, 3), match(4, None)],
        count=2,
        total=11,
    ),
)  # fmt: skip

TIMES = (
    Case(
        schedule.match_without_time,
        good=[match(), practice(match_time=None), bye(match_time=None)],
        bad=[match(match_time=None)],
        total=2,
    ),
    Case(
        schedule.match_at_impossible_time,
        good=[
            match(match_time=time(7)), match(match_time=time(22)), match(match_time=None),
            practice(match_time=time(6)),
        ],
        bad=[match(match_time=time(6)), match(match_time=time(0)), match(match_time=time(22, 1))],
        count=3,
        total=6,
    ),
    Case(
        schedule.match_without_location,
        good=[match(), practice(location=None), bye(location="")],
        bad=[match(location=None), match(location=" "), match(location="TBD")],
        count=3,
        total=4,
    ),
    Case(
        schedule.match_outside_season,
        good=[
            *PLACE, match(), match(day=TODAY + 60 * DAY), match(day=TODAY + 120 * DAY),
            league(2, "CITA"), match(day=TODAY + 300 * DAY, league_id=2),
        ],
        bad=[match(day=TODAY + 181 * DAY), match(day=date(2052, 2, 15)), practice(day=date(1925, 2, 15))],
        count=2,
        total=6,
    ),
)  # fmt: skip

CASES = (*COVERAGE, *ACTIVITY, *LINKS, *COPIES, *TIMES)
