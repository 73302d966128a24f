"""The domain schedule: every team plays, every match is linked to the right teams, and nothing stands there twice.

Its first question is the one that nobody asked in 2025, when 205 of 727 teams had no schedule. The others are about
times, dates and places that can be, and about a schedule that is alive: matches behind, matches ahead, as many as
before.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.sql.selectable import Exists

from checks import Bad, Row, Severity, SharedSet, change, check, drop, metric_check, percent, row_check, shared_set
from checks.rules import words
from checks.rules.thresholds import (
    ANY,
    DUPLICATES,
    IMPOSSIBLE,
    MATCH_PAUSE,
    MISSING_TEAMS,
    NULL_IDS,
    ORPHANS,
    PATCHY,
    RARE,
    ROUTINE,
)
from etl.importing.declared import Seasons
from etl.tables import leagues, schedule, teams

TEAM, MATCH = Row(teams), Row(schedule)
COVERAGE_RUNBOOK = "docs/RUNBOOKS.md#teams-without-a-schedule"
FEWEST_MATCHES, MOST_TIMES = 0.4, 2.5
"""Of its series' median; a league of two sessions has teams that play twice as often as others."""


@check(severity=Severity.HIGH, threshold=MISSING_TEAMS, table=teams, owner="schedules", tags={"daily", "gate"},
       runbook=COVERAGE_RUNBOOK, coach="A team has no schedule")  # fmt: skip
def team_without_schedule(season_breaks: Seasons) -> Bad:
    """A team has no match in the newest season of its league."""
    return Bad(_idle(season_breaks).where(words.in_use(TEAM)), among=words.rows_of(teams).where(words.in_use(TEAM)))


@check(severity=Severity.HIGH, threshold=MISSING_TEAMS, table=teams, owner="schedules", tags={"daily"}, each="league",
       runbook=COVERAGE_RUNBOOK, coach="A team has no schedule")  # fmt: skip
def gap_in_league_schedule(season_breaks: Seasons) -> Bad:
    """The schedule of one league leaves teams out; a small league would be lost in the share of all."""
    idle = _idle(season_breaks, of_league=True).add_columns(teams.c.league_id)
    return Bad(idle.where(words.in_use(TEAM)), among=words.rows_of(teams).where(words.in_use(TEAM)))


@check(severity=Severity.LOW, threshold=ROUTINE, table=teams, owner="schedules", tags={"weekly"},
       coach="A team has far fewer or far more matches than the others")  # fmt: skip
def team_with_uneven_schedule(season_breaks: Seasons) -> Bad:
    """A team has far fewer or far more matches in the newest season than the others of its series."""
    # one CTE for both statements: what they are counted from is read once
    team = _with_usual(season_breaks).cte("team")
    uneven = (team.c.matches < FEWEST_MATCHES * team.c.usual) | (team.c.matches > MOST_TIMES * team.c.usual)
    found = words.team_keys().add_columns(team.c.matches, team.c.usual).join(team, team.c.id == teams.c.id)
    return Bad(found.where(uneven), among=sa.select(team.c.id.label("team_id")))


def _idle(breaks: Seasons, *, of_league: bool = False) -> sa.Select[Any]:
    """Teams that no match of the newest season names on one of its sides; of a league without a season, all.

    A match of another league counts as well, but not with `of_league`.
    """
    playing = _matches_of_teams(breaks)
    same = (playing.c.id == teams.c.id, *([playing.c.league_id == teams.c.league_id] if of_league else []))
    return words.team_keys().outerjoin(playing, sa.and_(*same)).where(playing.c.id.is_(None))


def _matches_of_teams(breaks: Seasons) -> SharedSet:
    """How many matches of a league's newest season name a team: `league_id`, `id` and `matches`."""
    season, row = words.seasons(breaks), schedule.c
    sides = (
        sa.select(row.league_id, words.either_team().label("id"))
        .join(season, season.c.league_id == row.league_id)
        .where(words.has_names_of_teams(MATCH), row.match_date.between(season.c.starts, season.c.ends))
        .subquery("sides")
    )
    team = (sides.c.league_id, sides.c.id)
    return shared_set(
        "playing", sa.select(*team, sa.func.count().label("matches")).group_by(*team), within=words.OF_SIDES
    )


def _with_usual(breaks: Seasons) -> sa.Select[Any]:
    """Teams with their number of matches in the newest season, and the median of their series."""
    of_league = _matches_of_teams(breaks)
    matches = sa.cast(sa.func.sum(of_league.c.matches), sa.BigInteger).label("matches")
    played = sa.select(of_league.c.id, matches).group_by(of_league.c.id).cte("played")
    series = (teams.c.league_id, teams.c.series_id)
    median = sa.func.percentile_cont(0.5).within_group(played.c.matches).label("usual")
    by_series = sa.select(*series, median).join(played, played.c.id == teams.c.id).group_by(*series).subquery()
    same = (by_series.c.league_id == teams.c.league_id) & (by_series.c.series_id == teams.c.series_id)
    return sa.select(*played.c, by_series.c.usual).join(teams, teams.c.id == played.c.id).join(by_series, same)


HOME, AWAY = teams.alias("home"), teams.alias("away")
LINKS_RUNBOOK = "docs/RUNBOOKS.md#matches-without-team-ids"


@row_check(schedule, severity=Severity.HIGH, threshold=NULL_IDS, owner="schedules", tags={"daily", "gate"},
           runbook=LINKS_RUNBOOK, coach="A match has no known team")  # fmt: skip
def match_without_teams(row: Row) -> Bad:
    """A scheduled match is linked to no team at all."""
    return Bad(row.home_team_id.is_(None) & row.away_team_id.is_(None), among=words.is_match(row))


@row_check(schedule, severity=Severity.HIGH, threshold=NULL_IDS, owner="schedules", tags={"daily", "gate"},
           runbook=LINKS_RUNBOOK, coach="A match has only one known team")  # fmt: skip
def match_with_one_team(row: Row) -> Bad:
    """A scheduled match is linked on one side only."""
    return Bad(row.home_team_id.is_(None) != row.away_team_id.is_(None), among=words.is_match(row))


@check(severity=Severity.HIGH, threshold=ORPHANS, table=schedule, owner="schedules", tags={"daily", "gate"})
def match_of_unknown_team() -> Bad:
    """A scheduled match is linked to a team that does not exist (any more)."""
    lost = words.leads_nowhere(schedule.c.home_team_id, teams) | words.leads_nowhere(schedule.c.away_team_id, teams)
    return Bad(words.match_keys().where(lost), among=words.rows_of(schedule))


@row_check(schedule, severity=Severity.MEDIUM, threshold=NULL_IDS, owner="schedules", tags={"daily"})
def match_without_league(row: Row) -> Bad:
    """A scheduled match stands in no league. The old loader left it open; one that leads nowhere has its own rule."""
    return Bad(row.league_id.is_(None), among=words.is_match(row))


@check(severity=Severity.HIGH, threshold=ORPHANS, table=schedule, owner="schedules", tags={"daily", "gate"})
def match_of_unknown_league() -> Bad:
    """A scheduled match stands in a league that does not exist (any more)."""
    row, is_one = schedule.alias("row").c, words.has_names_of_teams(MATCH)
    gone = sa.select(row.league_id).where(words.leads_nowhere(row.league_id, leagues)).distinct()
    # in a CASE the league is looked at first, which spares nearly all rows their names
    lost_match = sa.case((words.among_few(schedule.c.league_id, gone), is_one), else_=sa.false())
    return Bad(words.match_keys().where(lost_match), among=words.rows_of(schedule).where(is_one))


@row_check(schedule, severity=Severity.MEDIUM, threshold=IMPOSSIBLE, owner="schedules", tags={"daily"},
           coach="A team has to meet itself")  # fmt: skip
def team_against_itself(row: Row) -> Bad:
    """A team is scheduled to meet itself, by its name or by what the names were linked to."""
    same = (row.home_team_id == row.away_team_id).is_(True) | (row.home_team == row.away_team)
    return Bad(same, among=words.is_match(row))


@check(severity=Severity.MEDIUM, threshold=RARE, table=schedule, owner="schedules", tags={"daily"},
       coach="A match has teams of different series")  # fmt: skip
def sides_of_different_series() -> Bad:
    """The two sides of a scheduled match are linked to teams of different series."""
    return _of_pairs(HOME.c.series_id != AWAY.c.series_id)


@check(severity=Severity.HIGH, threshold=IMPOSSIBLE, table=schedule, owner="schedules", tags={"daily"},
       coach="A match has teams of different leagues")  # fmt: skip
def sides_of_different_leagues() -> Bad:
    """A scheduled match and the teams that it is linked to are not all of one league."""
    own = schedule.c.league_id
    return _of_pairs((HOME.c.league_id != AWAY.c.league_id) | (HOME.c.league_id != own))


def _of_pairs(bad: sa.ColumnElement[bool]) -> Bad:
    return Bad(_pairs(words.match_keys()).where(bad), among=_pairs(words.rows_of(schedule)), within=words.OF_FIXTURES)


def _pairs(statement: sa.Select[Any]) -> sa.Select[Any]:
    """Matches that are linked on both sides."""
    return statement.join(HOME, HOME.c.id == schedule.c.home_team_id).join(AWAY, AWAY.c.id == schedule.c.away_team_id)


DUPLICATES_RUNBOOK = "docs/RUNBOOKS.md#duplicates-in-the-schedule"


@check(severity=Severity.HIGH, threshold=DUPLICATES, table=schedule, owner="schedules", tags={"daily", "gate"},
       runbook=DUPLICATES_RUNBOOK, coach="A match stands in the schedule twice")  # fmt: skip
def duplicate_match() -> Bad:
    """A row of the schedule repeats date, teams and league of another. Practice times count: they broke imports.

    A row of no league repeats any row of its date and teams: the old loader left the league of practices open.
    """
    copies = sa.union(_later_ones(), _of_no_league()).subquery("either")
    again = words.among_copies(schedule.c.id, sa.select(copies.c.id), words.OF_FIXTURES)
    return Bad(words.match_keys().add_columns(schedule.c.id).where(again), among=words.rows_of(schedule))


def _later_ones() -> sa.Select[tuple[int]]:
    """All but the first row of each date, teams and league."""
    row = schedule.c
    names = (row.match_date, row.home_team, row.away_team)
    # one number per row: three names each are compared for several times as long
    return words.later_ones(schedule, words.hash_of(*names, row.league_id), *(name.is_not(None) for name in names))


def _of_no_league() -> sa.Select[tuple[int]]:
    """Rows of no league whose date and teams stand in a league as well."""
    other = schedule.alias("other").c
    same = (other[name] == schedule.c[name] for name in ("match_date", "home_team", "away_team"))
    in_a_league = sa.exists().where(*same, other.league_id.is_not(None))
    return sa.select(schedule.c.id).where(schedule.c.league_id.is_(None), in_a_league)


@check(severity=Severity.HIGH, threshold=DUPLICATES, table=schedule, owner="schedules", tags={"daily", "gate"},
       runbook=DUPLICATES_RUNBOOK, coach="A match stands there under two names")  # fmt: skip
def fixture_under_two_names() -> Bad:
    """Two teams meet twice on one day, because a feed spelled one of them in a new way."""
    key = (schedule.c.match_date, schedule.c.home_team_id, schedule.c.away_team_id)
    twice = (
        sa.select(*key, sa.func.min(schedule.c.id).label("first")).group_by(*key).having(sa.func.count() > 1).subquery()
    )
    same = [schedule.c[name] == twice.c[name] for name in ("match_date", "home_team_id", "away_team_id")]
    first = schedule.alias("first")
    respelled = sa.or_(first.c.home_team != schedule.c.home_team, first.c.away_team != schedule.c.away_team)
    again = words.match_keys().join(twice, sa.and_(*same)).join(first, first.c.id == twice.c.first).where(respelled)
    linked = schedule.c.home_team_id.is_not(None) & schedule.c.away_team_id.is_not(None)
    return Bad(again, among=words.rows_of(schedule).where(linked))


@check(severity=Severity.MEDIUM, threshold=RARE, table=schedule, owner="schedules", tags={"daily"})
def team_twice_at_once() -> Bad:
    """A team has to be at two matches at one time. Matches without a time are left to their own rule."""
    is_one = words.has_names_of_teams(MATCH)
    side = _sides((schedule.c.id,), schedule.c.match_time.is_not(None), is_one).subquery("side")
    several = words.alike(side, words.hash_of(side.c.team_id, side.c.match_date, side.c.match_time))
    # opponents are compared in the few matches alone that may be at one time
    played = _sides(_opponent(), words.among_few(schedule.c.id, several)).subquery()
    key = (played.c.team_id, played.c.match_date, played.c.match_time)
    # two rows against one opponent are copies, which other rules count, also where one of them is not linked
    ids, names = (sa.func.min(column) == sa.func.max(column) for column in (played.c.opponent_id, played.c.opponent))
    all_linked = sa.func.count() == sa.func.count(played.c.opponent_id)
    busy = sa.select(*key).group_by(*key).having(~names, ~(ids & all_linked)).subquery()
    twice = words.team_keys().add_columns(busy.c.match_date, busy.c.match_time).join(busy, busy.c.team_id == teams.c.id)
    return Bad(twice, among=sa.select(side.c.team_id), within=words.OF_SIDES)


def _sides(more: Sequence[sa.ColumnElement[Any]], *kept: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Both sides of matches, as far as they are known: the team, when it plays, and more that is said of a side."""
    moment = (schedule.c.match_date, schedule.c.match_time)
    side = sa.select(words.either_team().label("team_id"), *moment, *more).where(*kept).subquery()
    return sa.select(side).where(side.c.team_id.is_not(None))


def _opponent() -> Sequence[sa.ColumnElement[Any]]:
    """The opponent of either team: its id, where it is known, and its name."""
    row = schedule.c
    ids, names = (row.home_team_id, row.away_team_id), (sa.func.lower(row.home_team), sa.func.lower(row.away_team))
    other_id, other = (sa.func.unnest(array(each[::-1]), type_=each[0].type) for each in (ids, names))
    return other_id.label("opponent_id"), other.label("opponent")


EARLIEST, LATEST = time(7), time(22)
"""Nobody starts a match outside of these hours; "06:00 am" is a "06:00 pm" that somebody mistyped."""
UNKNOWN_PLACES = ("", "tbd", "tba", "n/a", "unknown")


@row_check(schedule, severity=Severity.LOW, threshold=PATCHY, owner="schedules", tags={"weekly"})
def match_without_time(row: Row) -> Bad:
    """A scheduled match has no time of day."""
    return Bad(row.match_time.is_(None), among=words.is_match(row))


@row_check(schedule, severity=Severity.MEDIUM, threshold=RARE, owner="schedules", tags={"daily"},
           coach="A match begins in the night")  # fmt: skip
def match_at_impossible_time(row: Row) -> Bad:
    """A scheduled match begins before 7 a.m. or after 10 p.m.; often a morning that was meant as an evening."""
    return Bad((row.match_time < EARLIEST) | (row.match_time > LATEST), among=words.is_match(row))


@row_check(schedule, severity=Severity.LOW, threshold=PATCHY, owner="schedules", tags={"weekly"})
def match_without_location(row: Row) -> Bad:
    """A scheduled match has no location, or one that is still to be announced."""
    place = sa.func.lower(words.trimmed(sa.func.coalesce(row.location, "")))
    return Bad(place.in_(UNKNOWN_PLACES), among=words.is_match(row))


@check(severity=Severity.MEDIUM, threshold=RARE, table=schedule, owner="schedules", tags={"weekly"},
       coach="A match lies outside of the season")  # fmt: skip
def match_outside_season(season_breaks: Seasons) -> Bad:
    """A scheduled match lies more than a season's longest break from all others of its league, or at no real date."""
    days = words.league_days()
    gaps = (days.c.match_date - days.c.before, days.c.after - days.c.match_date)
    pause = words.longest_break(days.c.league_id, season_breaks)
    alone = [sa.func.coalesce(gap > pause, sa.true()) for gap in gaps]
    has_others = days.c.before.is_not(None) | days.c.after.is_not(None)
    lonely = sa.select(days.c.league_id, days.c.match_date).where(*alone, has_others)
    day = sa.tuple_(schedule.c.league_id, schedule.c.match_date)
    # a difference with an infinite date is an error in PostgreSQL, so those are told apart first
    bad = ~sa.func.isfinite(schedule.c.match_date) | day.in_(lonely)
    is_one = words.has_names_of_teams(MATCH)
    # in a CASE the day is looked at first, which spares nearly all rows their names
    lonely_match = sa.case((bad, is_one), else_=sa.false())
    return Bad(words.match_keys().where(lonely_match), among=words.rows_of(schedule).where(is_one))


YOUNG = timedelta(weeks=8)
"""No league's season is shorter; one that stops earlier has lost its schedule, not ended."""
LAST_SEASON = timedelta(weeks=20)
RECENT = timedelta(days=30)


@metric_check(schedule, severity=Severity.LOW, threshold=MATCH_PAUSE, owner="schedules", tags={"daily"})
def hours_since_last_match_day(row: Row, today: date) -> sa.ColumnElement[Any]:
    """No league has had a match for a while: in season a sign that the schedule is no longer fed."""
    day = row.match_date
    # the day first: it spares rows that are ahead their names
    past = sa.func.max(day).filter(day <= today, sa.func.isfinite(day), words.has_names_of_teams(row))
    return sa.cast(sa.cast(sa.literal(today), sa.DateTime) - sa.cast(past, sa.DateTime), sa.Interval)


@metric_check(schedule, severity=Severity.HIGH, threshold=drop(warn=percent(10), critical=percent(30)),
              owner="schedules", tags={"daily"})  # fmt: skip
def matches_in_schedule(row: Row, season_breaks: Seasons) -> sa.ColumnElement[Any]:
    """The newest season of the leagues has lost many of its matches since the last runs."""
    season, day = words.seasons(season_breaks).c, words.league_days().c
    # matches without a league have a season of their own; equal numbers are joined by hash, which NULLs are not
    plays, begun, its_own = (sa.func.coalesce(column, 0) for column in (day.league_id, season.league_id, row.league_id))
    in_season = (begun == plays) & day.match_date.between(season.starts, season.ends)
    # a set of leagues and days, which is looked up for each row: names are read of those of the season alone
    days = sa.select(plays, day.match_date).join(season.league_id.table, in_season)
    is_of_season = sa.tuple_(its_own, row.match_date).in_(days)
    return sa.func.nullif(sa.func.count().filter(is_of_season, words.has_names_of_teams(row)), 0)


@metric_check(schedule, severity=Severity.HIGH, threshold=change(drop=(percent(5), percent(20))), owner="schedules",
              tags={"daily"})  # fmt: skip
def practices_in_schedule(row: Row) -> sa.ColumnElement[Any]:
    """Practice times that captains have added are gone: an import took them for its own rows."""
    # a copy that is removed is no practice that is gone
    practice = sa.tuple_(row.match_date, row.home_team, row.away_team)
    return sa.func.count(sa.distinct(practice)).filter(words.is_practice(row))


@check(severity=Severity.HIGH, threshold=ANY, table=schedule, owner="schedules", tags={"daily", "gate"})
def matches_on_one_date() -> Bad:
    """Half of a league's matches are on one date: the date of another row was written into all of them."""
    days = words.league_days()
    return words.busiest_dates(sa.select(days.c.league_id, days.c.matches.label("number")).cte("dates"))


@check(severity=Severity.MEDIUM, threshold=ANY, table=leagues, owner="schedules", tags={"daily"}, can_be_empty=True,
       coach="A league has no match ahead")  # fmt: skip
def league_without_match_ahead(today: date) -> Bad:
    """A league whose season is only weeks old has no match ahead."""
    days = words.league_days()
    has_begun = _league_plays(days, today - RECENT, today)
    is_young = ~_league_plays(days, today - LAST_SEASON, today - YOUNG)
    in_season = sa.select(leagues.c.league_id.label("league")).where(has_begun, is_young)
    return Bad(in_season.where(~_league_plays(days, today, date.max)), among=in_season)


def _league_plays(days: SharedSet, since: date, until: date) -> Exists:
    """The league has a match on or after the first day and before the second."""
    day = days.c.match_date
    return sa.exists().where(days.c.league_id == leagues.c.id, day >= since, day < until)
