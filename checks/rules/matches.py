"""The domain matches: results that can be true, of people who played, for fixtures that took place, each there once.

Platform tennis is played to two sets of three; the third may be a match tie-break. Some leagues play by the clock, so
a set may end at any number of games. A score is only held against a winner when every set of it is complete: a
retirement or the clock can make the leader lose.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.selectable import Subquery

from checks import Bad, Row, Severity, SharedSet, change, check, metric_check, percent, row_check, shared_set
from checks.rules.lineups import (
    AWAY_PLAYERS,
    HOME_PLAYERS,
    as_often,
    leagues_with_players,
    odd_seats,
    seats,
    seats_of_teams,
    taken_oddly,
)
from checks.rules.thresholds import (
    ANY,
    DUPLICATES,
    IMPOSSIBLE,
    MISSING_TEAMS,
    NULL_IDS,
    ORPHANS,
    PATCHY,
    RARE,
    ROUTINE,
    SERIES_GONE,
)
from checks.rules.words import (
    OF_RESULTS,
    among_copies,
    among_few,
    busiest_dates,
    hash_of,
    is_blank,
    is_match,
    later_ones,
    leads_nowhere,
    match_keys,
    number_of_series,
    result_keys,
    rows_of,
    score_says,
    trimmed,
)
from etl.tables import match_scores, players, schedule, teams

GRACE = timedelta(days=7)
"""How long after a match its result may be missing."""
POSTPONED = timedelta(days=42)
"""How far from its date a fixture may be played: rained out matches are made up within weeks."""
SAME_RESULT = (
    "league_id", "match_date", "home_team", "away_team", "home_player_1_id", "home_player_2_id", "away_player_1_id",
    "away_player_2_id", "scores",
)  # fmt: skip
WITH_PLAYERS = sa.or_(*(match_scores.c[name].is_not(None) for name in SAME_RESULT if "player" in name))
RESULT_SIDES = ("home", "away")
LINKED = match_scores.c.home_team_id.is_not(None) & match_scores.c.away_team_id.is_not(None)


@row_check(match_scores, severity=Severity.HIGH, threshold=IMPOSSIBLE, owner="matches", tags={"daily"},
           coach="A result has one team on both sides")  # fmt: skip
def result_of_team_against_itself(row: Row) -> sa.ColumnElement[bool]:
    """A result has one team on both sides, by name or by what the names were linked to."""
    return (row.home_team_id == row.away_team_id).is_(True) | (row.home_team == row.away_team)


# not NULL_IDS: CITA's results name clubs without a series, and one in fourteen cannot be told apart, in good order
@row_check(match_scores, severity=Severity.MEDIUM, threshold=PATCHY, owner="matches", tags={"daily", "gate"},
           runbook="docs/RUNBOOKS.md#matches-without-team-ids")  # fmt: skip
def result_without_teams(row: Row) -> sa.ColumnElement[bool]:
    """A result is not linked to both of its teams."""
    return row.home_team_id.is_(None) | row.away_team_id.is_(None)


@check(severity=Severity.HIGH, threshold=ORPHANS, table=match_scores, owner="matches", tags={"daily", "gate"})
def result_of_unknown_team() -> Bad:
    """A result is linked to a team that does not exist (any more)."""
    row = match_scores.c
    lost = leads_nowhere(row.home_team_id, teams) | leads_nowhere(row.away_team_id, teams)
    return Bad(result_keys().where(lost), among=rows_of(match_scores), within=OF_RESULTS)


@check(severity=Severity.HIGH, threshold=DUPLICATES, table=match_scores, owner="matches", tags={"daily", "gate"},
       coach="A result stands there twice")  # fmt: skip
def duplicate_result() -> Bad:
    """A result repeats date, teams, players and score of another. Results without players have their own rule."""
    return _copies_among(WITH_PLAYERS)


@check(severity=Severity.HIGH, threshold=ROUTINE, table=match_scores, owner="matches", tags={"daily"})
def duplicate_result_without_players() -> Bad:
    """A result without players repeats date, teams and score of another: many are an import that ran twice."""
    return _copies_among(~WITH_PLAYERS & score_says(Row(match_scores), "both won games"))


def _copies_among(judged: sa.ColumnElement[bool]) -> Bad:
    """All but the first of equal results, among those that are judged."""
    # one number per result: rows of nine columns are sorted for many times as long
    later = later_ones(match_scores, hash_of(*(match_scores.c[name] for name in SAME_RESULT)), judged)
    return Bad(
        result_keys().where(among_copies(match_scores.c.id, later, OF_RESULTS)),
        among=rows_of(match_scores).where(judged),
    )


@check(severity=Severity.LOW, threshold=PATCHY, table=match_scores, owner="matches", tags={"weekly"})
def result_without_fixture() -> Bad:
    """A result has no match in the schedule: the two teams were not to meet in those weeks."""
    bad = result_keys().where(LINKED, ~sa.exists().where(_is_fixture_of_result()))
    return Bad(bad, among=rows_of(match_scores).where(LINKED))


@check(severity=Severity.MEDIUM, threshold=PATCHY, table=schedule, owner="matches", tags={"daily"},
       coach="A match has no result a week after it")  # fmt: skip
def fixture_without_result(today: date, season_start: date) -> Bad:
    """A match was to be played more than a week ago, and has no result. Leagues without known results are left out."""
    row, result = schedule.c, match_scores.c
    due = row.match_date.between(season_start, today - GRACE) & is_match(Row(schedule))
    linked = row.home_team_id.is_not(None) & row.away_team_id.is_not(None)
    of_league = row.league_id.in_(_leagues_with_results())
    # an unlinked result of that day, of one of its clubs, may be the one that is missing: nobody can say
    sides = [(result[f"{one}_team"], row[f"{other}_team"]) for one in RESULT_SIDES for other in RESULT_SIDES]
    of_a_club = sa.or_(*(sa.func.starts_with(sa.func.lower(one), sa.func.lower(other)) for pair in sides
                      for one, other in (pair, pair[::-1])))  # fmt: skip
    unsure = sa.exists().where(
        result.league_id == row.league_id, result.match_date == row.match_date, ~LINKED, of_a_club
    )
    judged = (due, linked, of_league, ~unsure)
    missing = match_keys().where(*judged, row.id.not_in(_fixtures_with_result()))
    return Bad(missing, among=rows_of(schedule).where(*judged))


def _fixtures_with_result() -> sa.Select[tuple[int]]:
    """Fixtures matched to meetings one to one: on their day, else what is left of two teams in the order of its days.

    The results of one day are one meeting. A fixture that was put off is matched to a meeting within some weeks; what
    lies further apart begins the order anew, so that what was never played last year shifts nothing this year.
    """
    fixture = _pairs_of(schedule, schedule.c.id).where(is_match(Row(schedule))).subquery("fixture")
    meeting = _pairs_of(match_scores, sa.cast(sa.null(), sa.Integer).label("id")).distinct().subquery("meeting")
    on_day = sa.and_(_same_pair(fixture, meeting), fixture.c.day == meeting.c.day)
    left = sa.union_all(*(sa.select(*rows.c).where(~sa.exists().where(on_day)) for rows in (fixture, meeting)))
    rows = _in_order(left.subquery("left_over"))
    waiting, held = rows.alias("waiting"), rows.alias("held")
    put_off = held.c.day.between(waiting.c.day - POSTPONED.days, waiting.c.day + POSTPONED.days)
    same_place = (held.c.stretch == waiting.c.stretch) & (held.c.place == waiting.c.place)
    in_order = sa.and_(held.c.id.is_(None), _same_pair(waiting, held), same_place, put_off)
    return sa.union(
        sa.select(fixture.c.id).where(sa.exists().where(on_day)),
        sa.select(waiting.c.id).where(waiting.c.id.is_not(None), sa.exists().where(in_order)),
    )  # type: ignore[return-value]


def _pairs_of(table: sa.Table, *more: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Rows with two known teams, by the lesser id, the greater id and the day; sides may be swapped, as rinks are."""
    home, away = table.c.home_team_id, table.c.away_team_id
    pair = (sa.func.least(home, away).label("lesser"), sa.func.greatest(home, away).label("greater"))
    known = (home.is_not(None), away.is_not(None), sa.func.isfinite(table.c.match_date))
    return sa.select(*more, *pair, table.c.match_date.label("day")).where(*known)


def _same_pair(one: sa.FromClause, other: sa.FromClause) -> sa.ColumnElement[bool]:
    return sa.and_(one.c.lesser == other.c.lesser, one.c.greater == other.c.greater)


def _in_order(left: Subquery) -> sa.CTE:
    """Fixtures, and meetings, of each pair and stretch of weeks, each numbered by their day; meetings have no id."""
    pair, by_day = (left.c.lesser, left.c.greater), (left.c.day, left.c.id)
    pause = left.c.day - sa.func.lag(left.c.day).over(partition_by=pair, order_by=by_day)
    row = sa.select(*left.c, sa.case((pause > POSTPONED.days, 1), else_=0).label("begins")).subquery("row").c
    stretch = sa.func.sum(row.begins).over(partition_by=(row.lesser, row.greater), order_by=(row.day, row.id))
    of = sa.select(row.id, row.lesser, row.greater, row.day, stretch.label("stretch")).subquery("of").c
    kind = (of.lesser, of.greater, of.stretch, of.id.is_(None))
    place = sa.func.row_number().over(partition_by=kind, order_by=(of.day, of.id)).label("place")
    return sa.select(of.id, of.lesser, of.greater, of.day, of.stretch, place).cte("in_order")


def _leagues_with_results() -> sa.Select[tuple[int]]:
    """Leagues that have results, and know for most of them whose they are."""
    league_id = match_scores.c.league_id
    known = sa.func.count().filter(LINKED) * 2 > sa.func.count()
    return sa.select(league_id).group_by(league_id).having(known)


def _is_fixture_of_result() -> sa.ColumnElement[bool]:
    """The same two teams within some weeks; sides may be swapped, since rinks are.

    The lesser and the greater id are compared, so that the join is one of equalities.
    """
    played, due = match_scores.c, schedule.c
    same = sa.and_(
        *(
            pick(played.home_team_id, played.away_team_id) == pick(due.home_team_id, due.away_team_id)
            for pick in (sa.func.least, sa.func.greatest)
        )
    )
    return same & played.match_date.between(due.match_date - POSTPONED.days, due.match_date + POSTPONED.days)


@check(severity=Severity.MEDIUM, threshold=ROUTINE, table=match_scores, owner="matches", tags={"daily", "gate"},
       runbook="docs/RUNBOOKS.md#names-that-were-cut", coach="A team name is cut short")  # fmt: skip
def name_cut_short() -> Bad:
    """A side's name is only the beginning of that of its team: "Wilmette" of "Wilmette PD II"."""
    side = [_named_side(own) for own in RESULT_SIDES]
    sides = sa.union_all(*side).subquery("named")
    # the whole name of another team is no cut one: the link is what is wrong
    other = teams.alias("other")
    whole = sa.exists().where(other.c.league_id == sides.c.league_id, other.c.team_name == sides.c.name)
    cut = sa.and_(sides.c.name != sides.c.team_name, sa.func.starts_with(sides.c.team_name, sides.c.name), ~whole)
    found = result_keys().add_columns(sides.c.side).join(sides, sides.c.id == match_scores.c.id)
    return Bad(found.where(cut), among=sa.select(sides.c.league_id, sides.c.team_id), within=OF_RESULTS)


def _named_side(side: str) -> sa.Select[Any]:
    row, team = match_scores.c, teams.alias(f"{side}_of")
    name = row[f"{side}_team"]
    named = (team.c.id.label("team_id"), trimmed(name).label("name"), team.c.team_name, sa.literal(side).label("side"))
    of_team = sa.select(row.id, row.league_id, *named).join(team, team.c.id == row[f"{side}_team_id"])
    return of_team.where(~is_blank(name))


@row_check(match_scores, severity=Severity.HIGH, threshold=RARE, owner="matches", tags={"daily", "gate"})
def winner_neither_home_nor_away(row: Row) -> sa.ColumnElement[bool]:
    """A result has a winner that is no side. A match without a winner (NULL) was not decided."""
    return row.winner.not_in(RESULT_SIDES)


@row_check(match_scores, severity=Severity.MEDIUM, threshold=RARE, owner="matches", tags={"daily"},
           coach="A result has no readable score")  # fmt: skip
def malformed_score(row: Row) -> Bad:
    """A result with a winner has no score, or a text that cannot be read as one."""
    return Bad(row.scores.is_(None) | score_says(row, "nothing"), among=row.winner.is_not(None))


@row_check(match_scores, severity=Severity.HIGH, threshold=RARE, owner="matches", tags={"daily"},
           runbook="docs/RUNBOOKS.md#winners-that-contradict-their-score",
           good=[{"scores": "6-1, 6-2", "winner": "home"}, {"scores": "1-6, 2-6", "winner": "away"}],
           bad=[{"scores": "6-1, 6-2", "winner": "away"}, {"scores": "1-6, 2-6", "winner": "home"}],
           coach="A match has the wrong winner")  # fmt: skip
def winner_contradicts_score(row: Row) -> Bad:
    """The side that won the match by its sets is not the winner. Unfinished sets and retirements are not judged."""
    lost_by_home = (row.winner == "home") & score_says(row, "away won")
    lost_by_away = (row.winner == "away") & score_says(row, "home won")
    return Bad(lost_by_home | lost_by_away, among=row.winner.in_(RESULT_SIDES) & row.scores.is_not(None))


@row_check(match_scores, severity=Severity.LOW, threshold=ROUTINE, owner="matches", tags={"weekly"},
           good=[{"scores": "7-6 [7-2], 6-1"}], bad=[{"scores": "6-7 [7-2], 6-1"}],
           coach="A set contradicts its tie-break")  # fmt: skip
def tiebreak_contradicts_set(row: Row) -> Bad:
    """A set and its tie-break were won by different sides: "6-7 [7-2]"."""
    return Bad(score_says(row, "a set against its tie-break"), among=row.scores.contains("["))


@row_check(match_scores, severity=Severity.MEDIUM, threshold=ROUTINE, owner="matches", tags={"daily"},
           good=[{"scores": "6-1"}, {"scores": "6-1, 6-2", "winner": "home"}],
           bad=[{"scores": "6-1, 6-2"}], coach="A match has a score and no winner")  # fmt: skip
def undecided_match_with_score(row: Row) -> Bad:
    """A match has a score that decides it, but no winner."""
    decided = sa.or_(score_says(row, "home won"), score_says(row, "away won"))
    return Bad(row.winner.is_(None) & decided, among=row.scores.is_not(None) & ~score_says(row, "a date"))


@row_check(match_scores, severity=Severity.HIGH, threshold=RARE, owner="matches", tags={"daily"},
           coach="A match has a winner before it is played")  # fmt: skip
def result_from_the_future(row: Row, today: date) -> sa.ColumnElement[bool]:
    """A match that is still to come has a winner already."""
    return sa.and_(row.match_date > today, row.winner.is_not(None))


@row_check(match_scores, severity=Severity.MEDIUM, threshold=NULL_IDS, owner="matches", tags={"daily", "gate"})
def result_without_date(row: Row) -> sa.ColumnElement[bool]:
    """A result has no date, so it belongs to no season."""
    return row.match_date.is_(None)


@row_check(match_scores, severity=Severity.HIGH, threshold=IMPOSSIBLE, owner="matches", tags={"daily"})
def player_on_both_sides(row: Row) -> sa.ColumnElement[bool]:
    """One player stands on both sides of a match."""
    return sa.or_(*(row[home] == row[away] for home in HOME_PLAYERS for away in AWAY_PLAYERS))


@row_check(match_scores, severity=Severity.MEDIUM, threshold=IMPOSSIBLE, owner="matches", tags={"daily"})
def player_twice_in_pair(row: Row) -> sa.ColumnElement[bool]:
    """One player is both halves of a pair."""
    return sa.or_(row[HOME_PLAYERS[0]] == row[HOME_PLAYERS[1]], row[AWAY_PLAYERS[0]] == row[AWAY_PLAYERS[1]])


@row_check(match_scores, severity=Severity.LOW, threshold=PATCHY, owner="matches", tags={"weekly"},
           coach="A result lacks a player")  # fmt: skip
def result_with_missing_player(row: Row) -> Bad:
    """A played match names some of its players, but not all. Leagues that give no ids at all are left out."""
    known = sa.func.num_nonnulls(*(row[name] for name in HOME_PLAYERS + AWAY_PLAYERS))
    return Bad(known < len(HOME_PLAYERS + AWAY_PLAYERS), among=(known > 0) & row.winner.is_not(None))


@check(severity=Severity.MEDIUM, threshold=NULL_IDS, table=match_scores, owner="matches", tags={"daily"},
       coach="A result has a player whom nobody knows")  # fmt: skip
def result_of_unknown_player() -> Bad:
    """Somebody who played is not among the players of the league. Leagues without any players are left out."""
    seated = seats_of_teams().c
    judged = sa.select(seated.league_id, seated.team_id).where(seated.league_id.in_(leagues_with_players()))
    return Bad(_taken_by("unknown"), among=as_often(judged, seated.number))


def _taken_by(flag: str) -> sa.Select[Any]:
    """Seats that are odd in one way."""
    seat = taken_oddly()
    keys = result_keys().add_columns(seat.c.seat, seat.c.player_id).join(seat, seat.c.id == match_scores.c.id)
    # their results first: asked at once, the database joins every seat with its result, league and series
    return keys.where(seat.c[flag], among_few(match_scores.c.id, sa.select(seat.c.id).where(seat.c[flag])))


@check(severity=Severity.LOW, threshold=ROUTINE, table=match_scores, owner="matches", tags={"weekly"},
       coach="A player has played for another club")  # fmt: skip
def player_of_another_club() -> Bad:
    """Somebody played for a club that is none of theirs. Substitutes from other teams of the club are in order.

    Who has a membership without a club is left out: unknown is not foreign.
    """
    return Bad(_taken_by("strange"), among=_seats_of_known_people())


def _seats_of_known_people() -> sa.Select[Any]:
    """Seats of teams with a club, taken by people whom their league knows."""
    of, odd, club = seats_of_teams().c, odd_seats().c, teams.alias("club")
    times = sa.func.sum(odd.times).label("times")
    unknown = sa.select(odd.league_id, odd.team_id, times).where(odd.unknown).group_by(odd.league_id, odd.team_id)
    guests = unknown.subquery("guests")
    of_guests = (guests.c.league_id == of.league_id) & (guests.c.team_id == of.team_id)
    has_club = (club.c.id == of.team_id) & club.c.club_id.is_not(None)
    rows = sa.select(of.league_id, of.team_id).join(club, has_club).outerjoin(guests, of_guests)
    known = of.number - sa.func.coalesce(guests.c.times, 0)
    return as_often(rows.where(of.league_id.in_(leagues_with_players())), known)


@check(severity=Severity.HIGH, threshold=MISSING_TEAMS, table=match_scores, owner="matches", tags={"daily"},
       runbook="docs/RUNBOOKS.md#results-of-the-wrong-team", coach="A result has the wrong team of a club")  # fmt: skip
def result_of_another_team_of_the_club() -> Bad:
    """Both players of a side belong to another team of the club that the side is linked to, and none to that team."""
    seat, row, here = taken_oddly().c, match_scores.c, players.alias("here")
    of_others = sa.select(seat.id, seat.team_id).where(seat.elsewhere)
    two = sa.func.min(seat.player_id) != sa.func.max(seat.player_id)
    pair = of_others.group_by(seat.id, seat.team_id).having(two).cte("pair").prefix_with("MATERIALIZED")
    names = zip(RESULT_SIDES, (HOME_PLAYERS, AWAY_PLAYERS), strict=True)
    of_pair = [(row[f"{side}_team_id"] == pair.c.team_id) & (row[name] == here.c.tenniscores_player_id)
               for side, players_of in names for name in players_of]  # fmt: skip
    one_here = sa.exists().where(here.c.team_id == pair.c.team_id, here.c.league_id == row.league_id, sa.or_(*of_pair))
    wrong = result_keys().add_columns(pair.c.team_id).join(pair, pair.c.id == row.id)
    sides = _sides_with_members().c
    return Bad(wrong.where(~one_here), among=as_often(sa.select(sides.league_id, sides.team_id), sides.number))


def _sides_with_members() -> SharedSet:
    """How many sides of results each team of a league has had of which at least one player is in a team."""
    seat, own, their = seats().c, players.alias("own"), teams.alias("their")
    member = sa.exists().where(own.c.league_id == seat.league_id, own.c.tenniscores_player_id == seat.player_id,
                               own.c.team_id == their.c.id)  # fmt: skip
    of_members = sa.select(seat.id, seat.team_id, seat.league_id).join(teams, teams.c.id == seat.team_id).where(member)
    side, number = of_members.distinct().subquery("side").c, sa.func.count().label("number")
    team = (side.league_id, side.team_id)
    return shared_set("sides", sa.select(*team, number).group_by(*team), within=OF_RESULTS)


@metric_check(match_scores, severity=Severity.HIGH, threshold=change(drop=(percent(10), percent(30))), owner="matches",
              tags={"daily"}, each="league", runbook="docs/RUNBOOKS.md#results-that-are-gone")  # fmt: skip
def results_of_league(row: Row) -> sa.ColumnElement[Any]:
    """The results of a league have become fewer: an import took a part for the whole."""
    return sa.func.count()


@metric_check(match_scores, severity=Severity.MEDIUM, threshold=SERIES_GONE, owner="matches", tags={"daily"},
              runbook="docs/RUNBOOKS.md#results-that-are-gone")  # fmt: skip
def series_with_results(row: Row) -> sa.ColumnElement[Any]:
    """A series that had results has none any more; the series is that of the home team."""
    host = sa.select(match_scores.c.home_team_id).distinct().subquery()
    return number_of_series(
        sa.select(teams.c.league_id, teams.c.series_id).join(host, host.c.home_team_id == teams.c.id)
    )


@check(severity=Severity.HIGH, threshold=ANY, table=match_scores, owner="matches", tags={"daily", "gate"})
def results_on_one_date() -> Bad:
    """Half of a league's results are of one date: the date of another row was written into all of them."""
    league, day = match_scores.c.league_id, match_scores.c.match_date
    dated = sa.select(league, day, sa.func.count().label("number")).where(day.is_not(None)).group_by(league, day)
    return busiest_dates(dated.cte("days"))
