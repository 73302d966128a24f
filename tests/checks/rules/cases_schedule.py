"""Cases of the domain schedule."""

from __future__ import annotations

from datetime import date, time

from checks.rules import schedule
from tests.checks.rules.case import Case
from tests.checks.rules.entries import (
    DAY,
    ELSEWHERE,
    FOREVER,
    NEVER,
    PLACE,
    TODAY,
    TWO_TEAMS,
    Entry,
    bye,
    in_series,
    league,
    match,
    no_matches,
    plays,
    practice,
    team,
)

SERIES_OF_FOUR = (*TWO_TEAMS, team(3), team(4))
TWO_SEASONS = (
    *PLACE, *map(team, range(1, 5)), team(7, is_active=False),
    # the season before, of 20 matches: 5 and 6 played, too
    *(match(7, 8, TODAY - n * DAY) for n in range(182, 200)),
    match(5, 7, TODAY - 181 * DAY), match(8, 6, TODAY - 181 * DAY),
    # behind 61 days the newest, a tenth of that, with a pause of 60 days
    match(1, 2, TODAY - 120 * DAY), match(3, 4, TODAY - 60 * DAY),
    # what is no match is played by nobody, and begins no season
    *no_matches(TODAY - 60 * DAY, 11, 12), *no_matches(TODAY + DAY, 11, 12), *no_matches(TODAY + 2 * DAY, 11, 12),
    match(13, 14, FOREVER), match(13, 14, NEVER), match(1, 13, date(2099, 1, 1)),
)  # fmt: skip
IDLE = tuple(map(team, (5, 6, 11, 12, 13)))
"""What two seasons leave without a match in the newer one."""


def uneven_series() -> tuple[Entry, ...]:
    """A season with exactly 0.4 and 2.5 times the 10 matches of others, beside a series of 30 and a league of one."""
    begin = TODAY - 40 * DAY
    of_one = [*plays(1, 10, begin), *plays(2, 10, begin, home=False), *plays(3, 10, begin), *plays(4, 4, begin)]
    of_another = [entry for id in (11, 12, 13) for entry in plays(id, 30, begin)]
    of_league = [match(id, None, begin, league_id=2) for id in (21, 22, 23)]
    idle = [row for day in range(16) for row in no_matches(begin + day * DAY, 1, 2)]
    later = [row for day in range(16) for row in no_matches(begin + (120 + day) * DAY, 1, 2)]
    earlier = plays(3, 18, begin - 200 * DAY)
    teams = (*(team(id, series_id=2) for id in (11, 12, 13)), *(team(id, league_id=2) for id in (21, 22, 23)))
    played = (*of_one, *plays(5, 25, begin, home=False), *of_another, *of_league)
    return (*PLACE, *ELSEWHERE, *map(team, range(1, 6)), *teams, *played, *idle, *later, *earlier,
            match(1, None, begin + 300 * DAY))  # fmt: skip


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
    Case(schedule.team_without_schedule, good=TWO_SEASONS, bad=IDLE, count=5, total=9),
    Case(
        schedule.gap_in_league_schedule,
        good=[*TWO_SEASONS, *ELSEWHERE, team(21, league_id=2)],
        bad=IDLE,
        count=5,
        total=9,
        parameter="CNSWPL",
    ),
    Case(
        schedule.matches_in_schedule, good=TWO_SEASONS, bad=[match(2, 1, TODAY - 90 * DAY)], value=3, earlier=(9, 9, 9)
    ),
    Case(
        schedule.team_with_uneven_schedule,
        good=[*uneven_series(), team(9)],
        bad=[team(6), *plays(6, 3, TODAY - 40 * DAY), team(7), *plays(7, 26, TODAY - 40 * DAY, home=False)],
        count=2,
        total=13,
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
        good=[*TWO_TEAMS, *(match(day=TODAY - n * DAY) for n in range(49)), league(2, "CITA"), match(league_id=2),
              *(row for _ in range(40) for row in (*no_matches(TODAY, 1, 2), match(day=FOREVER)))],
        bad=[match(home_team=str(n)) for n in range(60)],
        total=1,
    ),
    Case(  # half is not more than half, and what is no match, or of no day, is not counted
        schedule.matches_on_one_date,
        good=[
            *PLACE, *ELSEWHERE, *25 * [match()], *(match(day=TODAY - n * DAY) for n in range(1, 26)),
            *(row for _ in range(30) for row in no_matches(TODAY, 1, 2)), *30 * [match(day=FOREVER)],
            *(match(day=TODAY - n * DAY, league_id=2) for n in range(50)), league(4, "APTA"), match(league_id=4),
        ],
        bad=[league(3, "NSTF"), *26 * [match(league_id=3)],
             *(match(day=TODAY - n * DAY, league_id=3) for n in range(1, 25))],
        total=3,
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
            # what is no match joins no seasons, and counts for nobody
            *(row for pause in range(1, 12) for row in no_matches(TODAY - pause * 45 * DAY, 1, 1)),
            *no_matches(TODAY, 1, 1), match(1, 1, FOREVER), match(1, 1, NEVER),
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
        good=[match(day=TODAY + 10 * DAY), *no_matches(TODAY, 1, 2), match(day=NEVER)],
        bad=[match(day=TODAY - 10 * DAY), match(day=date.max), match(day=FOREVER)],
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
    Case(  # each limit from both sides, and a match that is set for no real day is not ahead
        schedule.league_without_match_ahead,
        good=[
            league(1), match(day=TODAY - 31 * DAY), league(2, "CITA"), match(league_id=2),
            league(3, "NSTF"), match(day=TODAY - 20 * DAY, league_id=3), match(day=TODAY - 57 * DAY, league_id=3),
            league(4, "APTA"), match(day=TODAY - 20 * DAY, league_id=4), match(day=TODAY - 140 * DAY, league_id=4),
            league(5, "ABC"), *no_matches(TODAY - 5 * DAY, 1, 2, league_id=5),
            league(10, "GHI"), *no_matches(TODAY - 6 * DAY, 1, 2, league_id=10),
            league(6, "DEF"), match(day=TODAY - 30 * DAY, league_id=6), match(day=TODAY + 90 * DAY, league_id=6),
        ],
        bad=[
            league(7, "JUST BEGUN"), match(day=TODAY - 30 * DAY, league_id=7), match(day=FOREVER, league_id=7),
            league(8, "YOUNG"), match(day=TODAY - DAY, league_id=8), match(day=TODAY - 56 * DAY, league_id=8),
            league(9, "ANOTHER YEAR"), match(day=TODAY - 20 * DAY, league_id=9),
            match(day=TODAY - 141 * DAY, league_id=9),
            *(row for day in (-100, 0, 1) for row in no_matches(TODAY + day * DAY, 1, 2, league_id=9)),
        ],
        count=3,
        total=4,
    ),
)  # fmt: skip

LINKS = (
    Case(
        schedule.match_without_teams,
        good=[
            *TWO_TEAMS,
            match(1, 2),
            match(1, None),
            match(None, 2),
            practice(),
            bye(home_team_id=None),
            match(None, None, home_team="Bye"),
        ],
        bad=[match(None, None)],
        total=4,
    ),
    Case(
        schedule.match_with_one_team,
        good=[
            *TWO_TEAMS,
            match(1, 2),
            match(2, 1),
            match(2, 3),
            match(None, None),
            practice(),
            bye(),
            match(None, 2, home_team="BYE"),
        ],
        bad=[match(1, None), match(None, 2), match(None, 1)],
        count=3,
        total=7,
    ),
    Case(
        schedule.match_of_unknown_team,
        good=[*TWO_TEAMS, *ELSEWHERE, team(3, series_id=2), match(1, 2), match(3, None), practice()],
        bad=[match(3, 9), match(8, 1), match(9, 8)],
        count=3,
        total=6,
    ),
    Case(
        schedule.match_of_unknown_league,
        good=[
            *TWO_TEAMS,
            in_series(2, "Series 2"),
            team(3, series_id=2),
            match(),
            match(league_id=None),
            *no_matches(TODAY, 1, 2, league_id=9),
        ],
        bad=[match(3, 1, league_id=9)],
        total=3,
    ),
    Case(
        schedule.match_without_league,
        good=[
            *TWO_TEAMS,
            match(),
            match(league_id=9),
            practice(league_id=None),
            bye(league_id=None),
            match(2, 1, home_team=" bye", league_id=None),
        ],
        bad=[match(1, 2, TODAY - DAY, league_id=None)],
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
            *no_matches(TODAY, 1, 1),
        ],
        bad=[match(1, 1), match(1, 1, away_team="Winnetka I"), match(2, None, away_team="Winnetka 2")],
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
        good=[
            *SERIES_OF_FOUR, *ELSEWHERE, team(5, series_id=2), match(1, 2), match(2, 1), match(1, 2, TODAY - DAY),
            practice(), match(1, 3), match(3, 2), match(5, 4), match(5, 4, league_id=2), match(4, 5, league_id=None),
            # of no league, and like one of a league but for the day, the host or the guest
            match(1, 2, TODAY + DAY, league_id=None), match(4, 3, league_id=None), match(1, 4, league_id=None),
            match(3, 4, None), match(3, 4, None),
        ],
        bad=[match(1, 2), match(1, 2), match(1, 2, league_id=None), practice(), match(5, 4, league_id=2)],
        count=5,
        total=19,
    ),
    Case(
        schedule.fixture_under_two_names,
        good=[
            *TWO_TEAMS, *ELSEWHERE, team(3, series_id=2), match(1, 2), match(2, 1), match(1, 2),
            match(1, 2, TODAY + DAY, home_team="Winnetka - 1"), match(1, 3), match(3, 2), match(1, None),
            match(1, None, away_team="Winnetka II"), match(None, 2), match(None, 2, home_team="Winnetka I"),
        ],
        bad=[match(1, 2, home_team="Winnetka 1 (Division 1)"), match(2, 1, away_team="Winnetka - 1")],
        count=2,
        total=8,
    ),
    Case(
        schedule.team_twice_at_once,
        good=[
            *SERIES_OF_FOUR, match(1, 2), match(1, 2), match(1, 3, match_time=time(20)), match(3, 4, match_time=None),
            match(3, 2, match_time=None), match(4, 4), *no_matches(TODAY, 1, 3), *no_matches(TODAY, 3, 1),
            # copies: under another name of the same team, or linked on one side only
            match(1, 2, TODAY - DAY), match(1, 2, TODAY - DAY, away_team="Winnetka II"),
            match(1, 2, TODAY - 2 * DAY), match(1, None, TODAY - 2 * DAY, away_team="winnetka 2"),
            match(None, None), match(None, None, home_team="Winnetka 0", away_team="Winnetka 00"),
        ],
        bad=[match(2, 3), match(4, None)],
        count=2,
        total=18,
    ),
)  # fmt: skip

TIMES = (
    Case(
        schedule.match_without_time,
        good=[match(), practice(match_time=None), bye(match_time=None), match(home_team="BYE", match_time=None)],
        bad=[match(match_time=None)],
        total=2,
    ),
    Case(
        schedule.match_at_impossible_time,
        good=[
            match(match_time=time(7)), match(match_time=time(22)), match(match_time=None),
            practice(match_time=time(6)), bye(match_time=time(6)), match(home_team="BYE", match_time=time(6)),
            practice(match_time=None),
        ],
        bad=[match(1, 2, match_time=time(6, 59)), match(1, 3, match_time=time(0)), match(2, 3, match_time=time(22, 1))],
        count=3,
        total=6,
    ),
    Case(
        schedule.match_without_location,
        good=[match(), practice(location=None), bye(location=""), match(home_team="BYE", location=None)],
        bad=[match(1, 2, location=None), match(1, 3, location=" "), match(2, 3, location="TBD")],
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
    Case(  # what is no match is neither lonely nor company; the only day of a league has nobody to be far from
        schedule.match_outside_season,
        good=[
            *TWO_TEAMS, in_series(2, "Series 2"), team(3, series_id=2), match(), match(day=TODAY + 60 * DAY),
            *no_matches(TODAY + 100 * DAY, 1, 2), *no_matches(TODAY - 40 * DAY, 1, 2), *no_matches(NEVER, 1, 2),
            league(2, "CITA"), match(day=TODAY + 300 * DAY, league_id=2), match(day=TODAY - 61 * DAY, league_id=4),
            match(day=TODAY + 500 * DAY, league_id=None),
        ],
        bad=[match(3, 1, TODAY - 61 * DAY), match(1, 3, TODAY + 121 * DAY), match(1, 2, FOREVER), match(2, 3, NEVER)],
        count=4,
        total=9,
    ),
)  # fmt: skip

CASES = (*COVERAGE, *ACTIVITY, *LINKS, *COPIES, *TIMES)
