"""Fixes of single rows: copies become one, teams under two names become one, references are led to where they belong.

What pointed at a row that goes follows to the one that stays. What is no row of a feed has its fix here too: confirmed
names, constraints, and results that a person has to judge.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from checks import Row, fix
from checks.repairs.plan import proposal
from checks.rules.imports import alias_into_another_league, missing_constraint
from checks.rules.matches import SAME_RESULT, duplicate_result, winner_contradicts_score
from checks.rules.players import PLACE, duplicate_player, player_of_unknown_team
from checks.rules.schedule import (
    duplicate_match,
    fixture_under_two_names,
    match_of_unknown_league,
    match_without_league,
)
from checks.rules.standings import IDENTIFYING, duplicate_standing, standing_of_unknown_team, standing_without_team
from checks.rules.teams import bare_name, duplicate_team, series_tokens, twin_team
from checks.rules.words import is_match, leads_nowhere
from etl.repairs import Adopt, Delete, Merge, Step, Update
from etl.tables import leagues, match_scores, players, schedule, series_stats, team_aliases, teams


def ids(rows: Sequence[tuple[int | None, ...]], *names: str) -> sa.Select[Any]:
    """Rows of ids under these names; one array per column, since a statement takes 65,535 values at most."""
    columns = [list(values) for values in zip(*rows, strict=True)] or [[] for _ in names]
    arrays = [sa.literal(values, sa.ARRAY(sa.Integer)) for values in columns]
    table = sa.func.unnest(*arrays).table_valued(*(sa.column(name, sa.Integer) for name in names), name="worked_out")
    return sa.select(*table.render_derived().c)


def merged(rows: sa.Subquery, keep: Any, key: Sequence[Any]) -> sa.Select[Any]:
    """Pairs for a Merge: of rows with one key, all into the first in the order of `keep`."""
    first = sa.func.first_value(rows.c.id).over(partition_by=list(key), order_by=list(keep)).label("into")
    pairs = sa.select(rows.c.id, first).subquery()
    return sa.select(pairs.c.id, pairs.c.into).where(pairs.c.id != pairs.c.into)


@fix(duplicate_match)
def keep_one_row_of_each_match() -> Merge:
    """Keep the linked, newest row of each match; the other copies are removed.

    A copy without a league belongs to the rows of the only league that has such a match.
    """
    row = schedule.c
    names = (row.match_date, row.home_team, row.away_team)
    least, most = (pick(row.league_id).over(partition_by=names) for pick in (sa.func.min, sa.func.max))
    league = sa.func.coalesce(row.league_id, sa.case((least == most, least)), 0).label("league")
    rows = sa.select(schedule, league).subquery()
    key = (rows.c.match_date, rows.c.home_team, rows.c.away_team, rows.c.league)
    linked = sa.func.num_nonnulls(rows.c.home_team_id, rows.c.away_team_id).desc()
    in_league = rows.c.league_id.is_(None)
    return Merge(schedule, merged(rows, (linked, in_league, *_newest(rows)), key))


@fix(fixture_under_two_names)
def keep_one_row_of_each_fixture() -> Merge:
    """Keep the newest row of two teams' match on one day; its rows under other names are removed."""
    return one_row_of_each_fixture()


def one_row_of_each_fixture() -> Merge:
    """Rows of one day and the same two teams that differ in a name, merged into the newest."""
    row = schedule.c
    teams_of = (row.match_date, row.home_team_id, row.away_team_id)
    home, away = (
        sa.func.min(name).over(partition_by=teams_of) != sa.func.max(name).over(partition_by=teams_of)
        for name in (row.home_team, row.away_team)
    )
    known = row.home_team_id.is_not(None) & row.away_team_id.is_not(None)
    every = sa.select(schedule, sa.or_(home, away).label("respelled")).where(known).subquery()
    rows = sa.select(every).where(every.c.respelled).subquery()
    return Merge(schedule, merged(rows, _newest(rows), (rows.c.match_date, rows.c.home_team_id, rows.c.away_team_id)))


@fix(duplicate_team)
def keep_one_row_of_each_team() -> Merge:
    """Keep the first row of each team; players, matches and standings of the others become its own."""
    rows = sa.select(teams).subquery()
    key = (*(sa.func.coalesce(rows.c[name], 0) for name in ("league_id", "series_id")), rows.c.team_name)
    return Merge(teams, merged(rows, (rows.c.id,), key))


@fix(duplicate_result)
def keep_one_row_of_each_result() -> Merge:
    """Keep the linked, first row of each result; the other copies are removed."""
    named = sa.or_(*(match_scores.c[name].is_not(None) for name in SAME_RESULT if "player" in name))
    rows = sa.select(match_scores).where(named).subquery()
    linked = sa.func.num_nonnulls(rows.c.home_team_id, rows.c.away_team_id).desc()
    return Merge(match_scores, merged(rows, (linked, rows.c.id), [_text(rows.c[name]) for name in SAME_RESULT]))


@fix(duplicate_standing)
def keep_one_row_of_each_standing() -> Merge:
    """Keep the linked, newest row of standings that repeat team and figures; the other copies are removed."""
    rows = sa.select(series_stats).subquery()
    key = [_text(rows.c[name]) for name in ("league_id", "series", "team", *IDENTIFYING)]
    return Merge(series_stats, merged(rows, (rows.c.team_id.is_(None), *_newest(rows)), key))


@fix(duplicate_player)
def keep_one_row_of_each_membership() -> Merge:
    """Keep the linked, first row of a player's membership in a team; history of the other copies becomes its own."""
    rows = _memberships().subquery()
    key = (rows.c.tenniscores_player_id, *(_text(rows.c[name]) for name in PLACE), _text(rows.c.of_team))
    return Merge(players, merged(rows, (rows.c.team_id.is_(None), rows.c.id), key))


def _memberships() -> Any:
    """Players with the team that a row belongs to: a row without one is half of the first that has one."""
    place = (players.c.tenniscores_player_id, *(sa.func.coalesce(players.c[name], 0) for name in PLACE))
    other = sa.func.min(players.c.team_id).over(partition_by=place)
    return sa.select(players, sa.func.coalesce(players.c.team_id, other).label("of_team"))


def _newest(rows: Any) -> tuple[sa.ColumnElement[Any], ...]:
    return rows.c.created_at.desc().nulls_last(), rows.c.id.desc()


def _text(value: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    return sa.func.coalesce(sa.cast(value, sa.Text), "")


@fix(twin_team)
def merge_twin_teams() -> tuple[Step, ...]:
    """Merge teams under two names into the one that has the standings; matches held under both become one row.

    Without standings the shorter name stays, then the one with more matches.
    """
    of_series = series_tokens()
    token = sa.func.coalesce(of_series.c.token, "").label("token")
    standings, matches = _count(series_stats, "team_id"), _count(schedule, "home_team_id", "away_team_id")
    figures = (standings.label("standings"), matches.label("matches"))
    named = sa.select(teams, bare_name().label("bare"), token, *figures)
    rows = named.outerjoin_from(teams, of_series, of_series.c.id == teams.c.series_id).subquery()
    keep = (
        (rows.c.standings > 0).desc(), sa.func.length(rows.c.team_name), rows.c.matches.desc(), rows.c.id
    )  # fmt: skip
    return Merge(teams, merged(rows, keep, (rows.c.league_id, rows.c.token, rows.c.bare))), one_row_of_each_fixture()


def _count(table: sa.FromClause, *columns: str) -> Any:
    counts = [
        sa.select(sa.func.count()).where(table.c[name] == teams.c.id).correlate(teams).scalar_subquery()
        for name in columns
    ]
    return sum(counts[1:], start=counts[0])


@fix(player_of_unknown_team)
def link_orphaned_players() -> Update:
    """Link players of teams that are gone to their club's only team in the series, or to none where it has several."""
    lost = sa.select(players.c.id, _only_team_of_place().label("team_id"))
    return Update(players, lost.where(leads_nowhere(players.c.team_id, teams)))


@fix(standing_without_team)
def link_standings(connection: sa.Connection) -> Update:
    """Link standings without a team to the one that their name means in their series."""
    return _by_name(connection, series_stats.c.team_id.is_(None))


@fix(standing_of_unknown_team)
def link_orphaned_standings(connection: sa.Connection) -> Update:
    """Link standings of teams that are gone to the team that their name means in their series."""
    return _by_name(connection, leads_nowhere(series_stats.c.team_id, teams))


def _by_name(connection: sa.Connection, lost: sa.ColumnElement[bool]) -> Update:
    from etl.importing.link import resolver  # noqa: PLC0415 - every check collects the fixes, and makes none

    row = series_stats.c
    open_rows = sa.select(row.id, leagues.c.league_id, row.series, row.team).join(
        leagues, leagues.c.id == row.league_id
    )
    known = resolver(connection)
    pairs = [
        (one.id, known.resolve(one.league_id, one.series, one.team).team_id)
        for one in connection.execute(open_rows.where(lost))
        if one.team
    ]
    return Update(series_stats, ids([pair for pair in pairs if pair[1] is not None], "id", "team_id"))


@fix(match_without_league)
def give_matches_a_league() -> Update:
    """Put matches without a league into the league of both of their teams."""
    return _into_league_of_teams(schedule.c.league_id.is_(None))


@fix(match_of_unknown_league)
def give_matches_their_league() -> Update:
    """Put matches of a league that is gone into the league of both of their teams."""
    return _into_league_of_teams(leads_nowhere(schedule.c.league_id, leagues))


def _into_league_of_teams(lost: sa.ColumnElement[bool]) -> Update:
    home, away = (_league_of(schedule.c[f"{side}_team_id"]) for side in ("home", "away"))
    told = sa.func.coalesce(home, away)
    agreed = sa.select(schedule.c.id, told.label("league_id")).where(lost, is_match(Row(schedule)), told.is_not(None))
    return Update(schedule, agreed.where(home.is_not_distinct_from(away) | home.is_(None) | away.is_(None)))


def _only_team_of_place() -> Any:
    place = sa.and_(*(teams.c[name] == players.c[name] for name in ("league_id", "club_id", "series_id")))
    only = sa.case((sa.func.count() == 1, sa.func.min(teams.c.id)))
    return sa.select(only).where(place).correlate(players).scalar_subquery()


def _league_of(team: Any) -> Any:
    own = teams.alias()
    return sa.select(own.c.league_id).where(own.c.id == team).scalar_subquery()


@fix(alias_into_another_league)
def remove_stale_aliases() -> Delete:
    """Remove confirmed names that lead to a team of another league."""
    alias = team_aliases.c
    to_league = (
        sa.select(alias.id).join(teams, teams.c.id == alias.team_id).join(leagues, leagues.c.id == teams.c.league_id)
    )
    return Delete(team_aliases, to_league.where(leagues.c.league_id != alias.league))


@fix(missing_constraint)
def put_constraints_into_force() -> Adopt:
    """Add and validate the constraints that the rows allow."""
    return Adopt()


@fix(winner_contradicts_score)
@proposal
def turn_winners_round() -> Update:
    """Give matches to the side that won them by their sets. A proposal: the score may be what is wrong."""
    row = match_scores.c
    bad: Any = winner_contradicts_score(Row(match_scores)).found
    other = sa.case((row.winner == "home", "away"), else_="home")
    return Update(match_scores, sa.select(row.id, other.label("winner")).where(bad))
