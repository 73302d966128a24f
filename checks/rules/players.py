"""The domain players: each person once per team, complete, and where they belong. Keys are ids, never names.

Rules ask whether a player's own row contradicts itself, whether a person is there twice, and whether players belong to
the team that they are linked to.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, case, exists, func, or_, select

from checks import Bad, Row, Severity, above, change, check, metric_check, percent, row_check, shared_set
from checks.rules.lineups import rosters
from checks.rules.thresholds import DUPLICATES, IMPOSSIBLE, NULL_IDS, ORPHANS, RARE, ROUTINE, SERIES_GONE
from checks.rules.words import (
    OF_PLAYERS,
    alike,
    among_copies,
    among_few,
    hash_of,
    in_use,
    is_blank,
    leads_nowhere,
    number_of_series,
    player_keys,
    rows_of,
    team_keys,
    trimmed,
)
from etl.tables import players, teams

ID_MARKS = ("nndz-", "nndz_", "cnswpl-", "cnswpl_")
"""What the platform's ids begin with; a league's own scraper marks them differently."""
STRANGE_IN_ID = "[^A-Za-z0-9+/=_-]"
PLAYER_ID = r"^(nndz|cnswpl)[-_].{8,}$"
LONG_ENOUGH = 15
"""Bytes with which an id has eight characters behind the longest mark; one with longer characters is strange anyway."""
LOWEST_PTI, HIGHEST_PTI = -30, 100
"""The rating's own scale: the best players are below zero, beginners start at 100."""
SUBSTITUTE = r"\(\s*[sS][uUbB]*\s*\)\s*$"
PERCENT_ROUNDING = 0.1
MOST_MATCHES = 10_000


@row_check(players, severity=Severity.MEDIUM, threshold=ROUTINE, owner="players", tags={"daily"})
def player_without_name(row: Row) -> ColumnElement[bool]:
    """A player lacks a first or a last name."""
    return or_(*(is_blank(func.coalesce(name, "")) for name in (row.first_name, row.last_name)))


@row_check(players, severity=Severity.MEDIUM, threshold=NULL_IDS, owner="players", tags={"daily"})
def player_without_place(row: Row) -> ColumnElement[bool]:
    """A player lacks league, club or series."""
    return row.league_id.is_(None) | row.club_id.is_(None) | row.series_id.is_(None)


@row_check(players, severity=Severity.MEDIUM, threshold=NULL_IDS, owner="players", tags={"daily", "gate"},
           coach="A player has no team")  # fmt: skip
def player_without_team(row: Row) -> Bad:
    """An active player is linked to no team."""
    return Bad(row.team_id.is_(None), among=row.is_active.is_not(False))


@row_check(players, severity=Severity.MEDIUM, threshold=RARE, owner="players", tags={"daily"},
           coach="A player has an id that no league gives out")  # fmt: skip
def malformed_player_id(row: Row) -> ColumnElement[bool]:
    """A player's id is not one that the league site gives out."""
    id_ = row.tenniscores_player_id
    unmarked = ~or_(*(func.starts_with(id_, mark) for mark in ID_MARKS))
    # a pattern for all of an id takes twice as long, one that counts twice as long again: short ids alone need it
    too_short = (func.octet_length(id_) < LONG_ENOUGH) & id_.op("!~")(PLAYER_ID)
    return unmarked | id_.regexp_match(STRANGE_IN_ID) | too_short


@row_check(players, severity=Severity.MEDIUM, threshold=RARE, owner="players", tags={"daily"})
def pti_out_of_range(row: Row) -> Bad:
    """A player's rating lies outside of -30 to 100. Players without a rating are left out."""
    return Bad((row.pti < LOWEST_PTI) | (row.pti > HIGHEST_PTI), among=row.pti.is_not(None))


@row_check(players, severity=Severity.LOW, threshold=RARE, owner="players", tags={"weekly"})
def win_percentage_contradicts_record(row: Row) -> Bad:
    """A player's win percentage is not what wins and losses give."""
    played = row.wins + row.losses
    share = case((played == 0, 0), else_=row.wins * 100.0 / func.nullif(played, 0))
    return Bad(func.abs(row.win_percentage - share) > PERCENT_ROUNDING, among=row.win_percentage.is_not(None))


@row_check(players, severity=Severity.LOW, threshold=RARE, owner="players", tags={"weekly"})
def impossible_player_record(row: Row) -> ColumnElement[bool]:
    """A player has a negative or an absurd number of wins, losses or matches."""
    figures = (row.wins, row.losses, row.career_wins, row.career_losses, row.career_matches)
    return or_(*(~figure.between(0, MOST_MATCHES) for figure in figures))


@row_check(players, severity=Severity.MEDIUM, threshold=RARE, owner="players", tags={"daily"},
           runbook="docs/RUNBOOKS.md#career-figures-that-fell",
           coach="A player has fewer career wins or losses than in the season")  # fmt: skip
def career_below_season(row: Row) -> Bad:
    """A player's career has fewer wins or losses than the season alone. Unknown careers are left out."""
    below = (row.career_wins < row.wins) | (row.career_losses < row.losses)
    return Bad(below, among=row.career_matches > 0)


@metric_check(players, severity=Severity.HIGH, threshold=change(drop=(percent(1), percent(5))), owner="players",
              tags={"daily"}, runbook="docs/RUNBOOKS.md#career-figures-that-fell")  # fmt: skip
def career_matches_of_players(row: Row) -> ColumnElement[Any]:
    """Career figures have fallen, which a career cannot: the season's were written over them."""
    return func.sum(row.career_matches)


@row_check(players, severity=Severity.MEDIUM, threshold=RARE, owner="players", tags={"daily", "gate"},
           runbook="docs/RUNBOOKS.md#second-records-of-substitutes", coach="A substitute is there twice")  # fmt: skip
def substitute_as_player(row: Row) -> ColumnElement[bool]:
    """A player's name ends in the mark of a substitute, such as "(S)": a second record of somebody who is there."""
    return or_(*(name.contains(")") & name.regexp_match(SUBSTITUTE) for name in (row.first_name, row.last_name)))


@check(severity=Severity.HIGH, threshold=ROUTINE, table=players, owner="players", tags={"daily", "gate"},
       runbook="docs/RUNBOOKS.md#players-of-another-league")  # fmt: skip
def player_id_of_two_leagues() -> Bad:
    """A player's id stands in two leagues, which give out ids of their own: a roster came in another's feed."""
    id_, league_id = players.c.tenniscores_player_id, players.c.league_id
    # ids are grouped in half the time in which their rows are sorted
    first = func.min(league_id).label("first")
    several = select(id_, first).where(id_.is_not(None)).group_by(id_).having(first < func.max(league_id)).subquery()
    later = (
        select(players.c.id).join(several, several.c.tenniscores_player_id == id_).where(several.c.first < league_id)
    )
    return Bad(player_keys().where(among_few(players.c.id, later)), among=rows_of(players))


@metric_check(
    players, severity=Severity.HIGH, threshold=change(drop=(percent(10), percent(30)), growth=(percent(25), None)),
    owner="players", tags={"daily"}, each="league", runbook="docs/RUNBOOKS.md#results-that-are-gone",
)  # fmt: skip
def players_of_league(row: Row) -> ColumnElement[Any]:
    """The players of a league have become fewer, or many more."""
    return func.count()


@metric_check(players, severity=Severity.MEDIUM, threshold=SERIES_GONE, owner="players", tags={"daily"},
              runbook="docs/RUNBOOKS.md#results-that-are-gone")  # fmt: skip
def series_with_players(row: Row) -> ColumnElement[Any]:
    """A series that had players has none any more: in the figure of its league it would be lost."""
    return number_of_series(select(players.c.league_id, players.c.series_id))


@row_check(players, severity=Severity.LOW, threshold=ROUTINE, owner="players", tags={"weekly"},
           coach="A player has more wins than matches")  # fmt: skip
def more_wins_than_matches(row: Row) -> ColumnElement[bool]:
    """Career wins exceed the matches played. Players without a match count (NULL) are left to their own rule."""
    return row.career_wins > row.career_matches


PLACE = ("league_id", "club_id", "series_id")


@check(severity=Severity.HIGH, threshold=DUPLICATES, table=players, owner="players", tags={"daily", "gate"},
       coach="A player stands there twice")  # fmt: skip
def duplicate_player() -> Bad:
    """An id stands twice in one league, club and series, and not for two teams of that club."""
    key = [players.c.tenniscores_player_id, *(func.coalesce(players.c[name], 0) for name in PLACE)]
    of_one_team = [*key, func.coalesce(players.c.team_id, 0)]
    place = func.row_number().over(partition_by=of_one_team, order_by=players.c.id).label("place")
    # a row without a team beside one with a team is the same membership, half linked
    other_team = func.max(players.c.team_id).over(partition_by=key).label("other_team")
    # the few that may be copies first: to number all, a million texts are sorted
    several = among_copies(players.c.id, alike(players, hash_of(*key)), OF_PLAYERS)
    numbered = select(players.c.id, players.c.team_id, place, other_team).where(several).subquery()
    half_linked = numbered.c.team_id.is_(None) & numbered.c.other_team.is_not(None)
    copies = player_keys().add_columns(players.c.id).join(numbered, numbered.c.id == players.c.id)
    return Bad(copies.where((numbered.c.place > 1) | half_linked), among=rows_of(players))


@check(severity=Severity.LOW, threshold=ROUTINE, table=players, owner="players", tags={"weekly"},
       coach="A person has two ids")  # fmt: skip
def person_under_two_ids() -> Bad:
    """Two ids of one club and league have the same name: one person twice, or namesakes to be waived."""
    return _namesakes()


@check(severity=Severity.HIGH, threshold=above(warn=percent(10), critical=percent(25)), table=players, owner="players",
       tags={"daily", "gate"}, coach="A player stands there under two ids")  # fmt: skip
def doubled_roster() -> Bad:
    """So many people stand there under two ids that a second scheme of ids was imported beside the first."""
    return _namesakes()


def _namesakes() -> Bad:
    """Players whose name another id of their club and league has."""
    place = (players.c.league_id, players.c.club_id)
    name = [players.c[part] for part in ("first_name", "last_name")]
    complete = [part.is_not(None) for part in place] + [~is_blank(part) for part in name]
    key = [*(func.lower(trimmed(part)) for part in name), *place]
    # one number per name: a million of them are sorted in half the time of the names
    own = players.c.tenniscores_player_id
    first = func.min(own).over(partition_by=hash_of(*key)).label("first")
    people = select(players.c.id, own, first).where(*complete).subquery()
    # two rules ask for them
    copies = select(people.c.id, people.c.first).where(people.c.first != people.c.tenniscores_player_id)
    twice = shared_set("twice", copies, within=OF_PLAYERS)
    same_as = twice.c.first.label("same_as")
    return Bad(player_keys().add_columns(same_as).join(twice, twice.c.id == players.c.id), among=rows_of(players))


OF_TEAM = players.c.team_id == teams.c.id


@check(severity=Severity.HIGH, threshold=ORPHANS, table=players, owner="players", tags={"daily", "gate"})
def player_of_unknown_team() -> Bad:
    """A player is linked to a team that does not exist (any more)."""
    return Bad(player_keys().where(leads_nowhere(players.c.team_id, teams)), rows_of(players), OF_PLAYERS)


@check(severity=Severity.HIGH, threshold=IMPOSSIBLE, table=players, owner="players", tags={"daily"},
       coach="A player is in a team of another league")  # fmt: skip
def player_of_team_of_another_league() -> Bad:
    """A player of one league is linked to a team of another."""
    strangers = player_keys().join(teams, OF_TEAM).where(players.c.league_id != teams.c.league_id)
    return Bad(strangers, among=rows_of(players).join(teams, OF_TEAM), within=OF_PLAYERS)


@check(severity=Severity.MEDIUM, threshold=RARE, table=players, owner="players", tags={"daily"},
       coach="A player is in a team of another series")  # fmt: skip
def player_of_team_of_another_series() -> Bad:
    """A player of one series is linked to a team of another."""
    strangers = player_keys().join(teams, OF_TEAM).where(players.c.series_id != teams.c.series_id)
    return Bad(strangers, among=rows_of(players).join(teams, OF_TEAM), within=OF_PLAYERS)


@check(severity=Severity.LOW, threshold=ROUTINE, table=teams, owner="players", tags={"weekly"},
       coach="A team has no captain")  # fmt: skip
def team_without_captain() -> Bad:
    """A team has players, but none of them is its captain or co-captain."""
    of = rosters().c
    manned, led = (exists().where(of.team_id == teams.c.id, number > 0) for number in (of.active, of.captains))
    judged = manned, in_use(Row(teams))
    return Bad(team_keys().where(*judged, ~led), among=rows_of(teams).where(*judged))
