"""Words about people: who is in which team of which league, and who has played where.

A hundred seasons have more than a million of both. They are counted by team, or brought down to the people who are
where they should not be, once a run and for all rules that ask for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Integer,
    Select,
    and_,
    case,
    false,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.sql.selectable import Subquery

from checks import Row, SharedSet, shared_set
from checks.rules.words import OF_MEMBERS, OF_RESULTS, in_use, one_set
from etl.tables import match_scores, players, teams

HOME_PLAYERS = ("home_player_1_id", "home_player_2_id")
AWAY_PLAYERS = ("away_player_1_id", "away_player_2_id")


SEATS = tuple((match_scores.c[name], match_scores.c[team]) for team, names in
              (("home_team_id", HOME_PLAYERS), ("away_team_id", AWAY_PLAYERS)) for name in names)  # fmt: skip
"""Each seat of a match: its player and its team."""


def seats() -> Subquery:
    """Who played where: a row for each named player of each match, from one pass for all four seats."""
    row, (players_of, teams_of) = match_scores.c, zip(*SEATS, strict=True)
    each = {"player_id": players_of, "team_id": teams_of}
    own = [func.unnest(array(values), type_=values[0].type).label(name) for name, values in each.items()]
    seat = select(row.id, row.league_id, *own).where(func.num_nonnulls(*players_of) > 0).subquery()
    return select(seat).where(seat.c.player_id.is_not(None)).subquery()


@one_set
def seats_of_teams() -> SharedSet:
    """How many seats of matches each team of a league has had."""
    # counted for each side: to make a row of every seat first takes twice as long
    sides = (_seats_of(*side) for side in (("home_team_id", HOME_PLAYERS), ("away_team_id", AWAY_PLAYERS)))
    side = union_all(*sides).subquery("side").c
    team, number = (side.league_id, side.team_id), func.sum(side.number, type_=Integer).label("number")
    return shared_set("seated", select(*team, number).group_by(*team), within=OF_RESULTS)


def _seats_of(team: str, names: Sequence[str]) -> Select[Any]:
    row, named = match_scores.c, func.num_nonnulls(*(match_scores.c[name] for name in names))
    of = (row.league_id, row[team].label("team_id"))
    return select(*of, func.sum(named, type_=Integer).label("number")).where(named > 0).group_by(*of)


def as_often(rows: Select[Any], number: ColumnElement[int]) -> Select[Any]:
    """Each row as often as a number of it says: rows that were counted are rows again, without being read again."""
    return rows.add_columns(func.generate_series(1, number, type_=Integer).label("time"))


@one_set
def odd_seats() -> SharedSet:
    """Who played where they should not: league, team and player, once, with how many `times` they did.

    `unknown`: a league that has players does not have this one. `strange`: the clubs of all of their rows are known,
    and that of the team is none of them. `elsewhere`: they are in another team of its club, and not in the team.
    """
    seat, row, their = seats().c, players.alias("row_of"), teams.alias("their")
    # grouped first: more than a million seats are some thousand people, and each further join takes its time
    own = (seat.league_id, seat.team_id, seat.player_id)
    of = select(*own, func.count().label("times")).group_by(*own).subquery("played").c
    unknown = (func.count(row.c.id) == 0) & of.league_id.in_(leagues_with_players())
    strange, of_club, here = (
        pick(func.coalesce(same, false()), type_=Boolean)
        for pick, same in (
            (func.bool_and, row.c.club_id != teams.c.club_id),
            (func.bool_or, their.c.club_id == teams.c.club_id),
            (func.bool_or, their.c.id == teams.c.id),
        )
    )
    flags = {"unknown": unknown, "strange": strange, "elsewhere": of_club & ~here}
    key = (of.league_id, of.team_id, of.player_id)
    odd = (
        select(*key, func.max(of.times).label("times"), *(flag.label(name) for name, flag in flags.items()))
        .outerjoin(teams, teams.c.id == of.team_id)
        .outerjoin(row, (row.c.league_id == of.league_id) & (row.c.tenniscores_player_id == of.player_id))
        .outerjoin(their, their.c.id == row.c.team_id)
    )
    return shared_set("odd", odd.group_by(*key).having(or_(*flags.values())), within=OF_RESULTS)


@one_set
def taken_oddly() -> SharedSet:
    """The seats of matches that are odd, each with what is odd about it, for all rules about such people."""
    # few are odd: to make a row of every seat first takes twice as long as a pass for each of the four
    each = (_taken_oddly(player, team) for player, team in SEATS)
    return shared_set("taken", select(union_all(*each).subquery("seat")), within=OF_RESULTS)


def _taken_oddly(player: Column[Any], team: Column[Any]) -> Select[Any]:
    row, odd = match_scores.c, odd_seats().c
    of_team = func.coalesce(team, 0) == func.coalesce(odd.team_id, 0)
    seat = (team.label("team_id"), player.label("player_id"), literal(str(player.key)).label("seat"))
    # in a run of one league the database must not take the odd ones for a two-hundredth of themselves, and read all
    # results for each
    of_league = func.coalesce(row.league_id, 0) == odd.league_id
    same = and_(of_league, player == odd.player_id, of_team)
    # in a CASE it is no join: the few that are odd are looked up, where all results were hashed to join them
    has_odd = case((player.in_(select(odd.player_id)), true()), else_=false())
    return select(row.id, *seat, odd.unknown, odd.strange, odd.elsewhere).join(odd_seats(), same).where(has_odd)


NO_CAPTAIN = ("", "no", "n", "false", "0", "none", "-")
"""What feeds say of those who are none; captains are "C", "CC", "Captain", "Yes"."""


@one_set
def rosters() -> SharedSet:
    """How many players each team of a league has, and how many of them are active, and are active captains."""
    row = players.c
    status = func.lower(func.btrim(row.captain_status))
    # the column first: most have none, which spares them the rest
    is_captain = case((row.captain_status != "", status.not_in(NO_CAPTAIN)), else_=false())
    is_active = in_use(Row(players))
    active = func.count().filter(is_active).label("active")
    captains = func.count().filter(is_active, is_captain).label("captains")
    team = (row.league_id, row.team_id)
    return shared_set("rosters", select(*team, active, captains).group_by(*team), within=OF_MEMBERS)


@one_set
def leagues_with_players() -> Select[tuple[int]]:
    """The leagues that have any players, by id."""
    return select(shared_set("inhabited", select(rosters().c.league_id).distinct()).c.league_id)
