"""The domain teams: each stands once, in a league, a series and a club, under the name that its league gives it.

A team also has what belongs to it: players, standings, and no matches once it is retired.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import ColumnElement, FromClause, Integer, Table, Text, cast, exists, func, or_, select
from sqlalchemy.sql.selectable import Subquery

from checks import Bad, Row, Severity, check, row_check, shared_set
from checks.rules.lineups import rosters
from checks.rules.thresholds import DUPLICATES, MISSING_TEAMS, NEVER, ORPHANS, RARE, ROUTINE
from checks.rules.words import OF_TEAMS, in_use, is_match, leads_nowhere, rows_of, team_keys
from etl.tables import clubs, leagues, schedule, series, series_stats, teams

ADDITIONS = r"\s*\((division|series) [^)]*\)|\s+-\s+(division|series) .*$"
"""What a feed adds to a name now and then: "(Division 11)" behind it, or " - Series 11"."""
SERIES_WORDS = r"^(series|division|chicago)\s+"
ENDINGS = r"( ?\(\d\)| t\d|[a-z]| [a-z])$"
"""How a club's teams in one series are told apart: "B(1)", "S1 T2", "1a", "99 F"."""
LEAGUE_HABIT = 0.8


@check(severity=Severity.HIGH, threshold=DUPLICATES, table=teams, owner="teams", tags={"daily", "gate"},
       coach="A team stands there twice")  # fmt: skip
def duplicate_team() -> Bad:
    """A team repeats league, series and name of another; a missing league or series is one like any other."""
    key = (func.coalesce(teams.c.league_id, 0), func.coalesce(teams.c.series_id, 0), teams.c.team_name)
    place = func.row_number().over(partition_by=key, order_by=teams.c.id).label("place")
    numbered = select(teams.c.id, place).subquery()
    copies = team_keys().add_columns(teams.c.id).join(numbered, numbered.c.id == teams.c.id)
    return Bad(copies.where(numbered.c.place > 1), among=rows_of(teams), within=OF_TEAMS)


@check(severity=Severity.HIGH, threshold=DUPLICATES, table=teams, owner="teams", tags={"daily", "gate"},
       runbook="docs/RUNBOOKS.md#twin-teams")  # fmt: skip
def twin_team() -> Bad:
    """One team stands there under two names, such as "Birchwood - 11" and "Birchwood - 11 (Division 11)"."""
    of_series = series_tokens()
    key = (teams.c.league_id, func.coalesce(of_series.c.token, ""), bare_name())
    place = func.dense_rank().over(partition_by=key, order_by=teams.c.team_name).label("place")
    numbered = select(teams.c.id, place).outerjoin(of_series, of_series.c.id == teams.c.series_id).subquery()
    twins = team_keys().join(numbered, numbered.c.id == teams.c.id)
    return Bad(twins.where(numbered.c.place > 1), among=rows_of(teams), within=OF_TEAMS)


@check(severity=Severity.LOW, threshold=ROUTINE, table=teams, owner="teams", tags={"weekly"},
       coach="A team name does not end in its series")  # fmt: skip
def team_name_off_pattern() -> Bad:
    """A team's name does not end in its series, although nearly all names of its league do."""
    names = _names_and_series()
    share = func.avg(cast(names.c.follows, Integer))
    habitual = select(names.c.league_id).group_by(names.c.league_id).having(share >= LEAGUE_HABIT)
    # the names of all teams are looked at once, for the bad rows and for all
    of_habit = select(names.c.id, names.c.follows).where(names.c.league_id.in_(habitual))
    judged = shared_set("judged", of_habit, within=OF_TEAMS)
    own = judged.c.id == teams.c.id
    return Bad(team_keys().join(judged, own).where(~judged.c.follows), among=rows_of(teams).join(judged, own))


@row_check(
    teams, severity=Severity.LOW, threshold=ROUTINE, owner="teams", tags={"weekly"}, coach="A team name is untidy"
)
def team_with_untidy_name(row: Row) -> ColumnElement[bool]:
    """A team's name begins or ends with a space, has two in a row, or has no club before its series."""
    name = row.team_name
    return or_(name != func.btrim(name), name.contains("  "), name.startswith("- "), name == "")


def bare_name() -> ColumnElement[str]:
    """The letters and digits of a team's name, without what a feed adds to it: twins have the same."""
    name = func.regexp_replace(func.lower(teams.c.team_name), ADDITIONS, "", "g")
    return func.regexp_replace(name, "[^[:alnum:]+]+", "", "g")


def series_tokens() -> Subquery:
    """What tells a series from others, by `id`: the `token` "20" of "Chicago 20", "Series 20" and "Division 20"."""
    token = func.regexp_replace(func.lower(series.c.name), SERIES_WORDS, "", type_=Text).label("token")
    # OFFSET: made once a series, and not wherever it is used of each team
    return select(series.c.id, token).offset(0).subquery("of_series")


def _names_and_series() -> Subquery:
    """Teams, each with whether its name `follows` its series: that is its last word, with or without an ending.

    "S2A" says "Series 2A".
    """
    name, of_series = func.lower(teams.c.team_name), series_tokens()
    texts = {
        "whole": func.concat(" ", name),
        "short": func.concat(" ", func.regexp_replace(name, ENDINGS, "")),
        "tail": " " + of_series.c.token,
        "tail_of_s": " s" + of_series.c.token,
    }
    named = select(teams.c.id, teams.c.league_id, *(text.label(key) for key, text in texts.items()))
    # OFFSET: each text is made once a team
    team = named.join(of_series, of_series.c.id == teams.c.series_id).offset(0).subquery().c
    ends = (
        func.right(text, func.length(tail)) == tail
        for text in (team.whole, team.short) for tail in (team.tail, team.tail_of_s)
    )  # fmt: skip
    return select(team.id, team.league_id, or_(*ends).label("follows")).subquery()


@check(severity=Severity.HIGH, threshold=ORPHANS, table=teams, owner="teams", tags={"daily", "gate"})
def team_of_unknown_league() -> Bad:
    """A team stands in no league, or in one that does not exist."""
    return _broken("league_id", leagues)


@check(severity=Severity.HIGH, threshold=ORPHANS, table=teams, owner="teams", tags={"daily", "gate"})
def team_of_unknown_series() -> Bad:
    """A team stands in no series, or in one that does not exist."""
    return _broken("series_id", series)


@check(severity=Severity.MEDIUM, threshold=ORPHANS, table=teams, owner="teams", tags={"daily"})
def team_of_unknown_club() -> Bad:
    """A team belongs to no club, or to one that does not exist."""
    return _broken("club_id", clubs)


@check(severity=Severity.HIGH, threshold=NEVER, table=leagues, owner="teams", tags={"daily", "gate"})
def league_without_teams() -> Bad:
    """A league has no team: its feed was empty, or all of it went to another league."""
    every = select(leagues.c.league_id.label("league"))
    return Bad(every.where(~exists().where(teams.c.league_id == leagues.c.id)), among=every)


def _broken(reference: str, parent: Table) -> Bad:
    column = teams.c[reference]
    bad = team_keys().add_columns(column).where(column.is_(None) | leads_nowhere(column, parent))
    return Bad(bad, among=rows_of(teams))


@check(severity=Severity.MEDIUM, threshold=MISSING_TEAMS, table=teams, owner="teams", tags={"daily"})
def team_without_players() -> Bad:
    """A team has no player. Leagues whose players are not known at all are left out."""
    roster = rosters()
    return _without(roster, roster.c.active > 0)


@check(severity=Severity.MEDIUM, threshold=MISSING_TEAMS, table=teams, owner="teams", tags={"daily"})
def team_without_standings() -> Bad:
    """A team is missing in the standings. Leagues without any standings are left out."""
    return _without(series_stats)


@check(severity=Severity.MEDIUM, threshold=RARE, table=teams, owner="teams", tags={"daily"},
       coach="A retired team has a match ahead")  # fmt: skip
def retired_team_with_match_ahead(today: date) -> Bad:
    """A team that is no longer active has a match ahead."""
    ahead = (schedule.c.match_date >= today) & is_match(Row(schedule))
    home = select(schedule.c.home_team_id).where(ahead, schedule.c.home_team_id.is_not(None))
    away = select(schedule.c.away_team_id).where(ahead, schedule.c.away_team_id.is_not(None))
    retired = team_keys().where(teams.c.is_active.is_(False), teams.c.id.in_(home.union(away)))
    return Bad(retired, among=rows_of(teams))


def _without(rows: FromClause, *counts: ColumnElement[bool]) -> Bad:
    """Teams that none of some rows names, in leagues that have some."""
    # the few leagues first: an EXISTS per team was answered by a walk through all rows of other leagues
    of_league = teams.c.league_id.in_(select(rows.c.league_id).where(*counts).distinct())
    of_team = exists().where(rows.c.team_id == teams.c.id, *counts)
    judged = (in_use(Row(teams)), of_league)
    return Bad(team_keys().where(*judged, ~of_team), among=rows_of(teams).where(*judged))
