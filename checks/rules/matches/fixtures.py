"""Do results and fixtures belong together, and does every result stand there once."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import ColumnElement, Select, Text, and_, cast, exists, func, or_, select

from checks import Bad, Row, Severity, check, row_check
from checks.rules.thresholds import DUPLICATES, ORPHANS, PATCHY, RARE
from checks.rules.words import is_match, leads_nowhere, match_keys, result_keys, rows_of
from etl.tables import match_scores, schedule, teams

GRACE = timedelta(days=7)
"""How long after a match its result may be missing."""
POSTPONED = timedelta(days=42)
"""How far from its date a fixture may be played: rained out matches are made up within weeks."""
SAME = (
    "league_id", "match_date", "home_team", "away_team", "home_player_1_id", "home_player_2_id", "away_player_1_id",
    "away_player_2_id", "scores",
)  # fmt: skip
LINKED = match_scores.c.home_team_id.is_not(None) & match_scores.c.away_team_id.is_not(None)


@row_check(match_scores, severity=Severity.HIGH, threshold=RARE, owner="matches", tags={"daily"})
def result_of_team_against_itself(row: Row) -> ColumnElement[bool]:
    """A result has one team on both sides, by name or by what the names were linked to."""
    return (row.home_team_id == row.away_team_id).is_(True) | (row.home_team == row.away_team)


# not NULL_IDS: CITA's results name clubs without a series, and one in fourteen cannot be told apart, in good order
@row_check(match_scores, severity=Severity.MEDIUM, threshold=PATCHY, owner="matches", tags={"daily", "gate"},
           runbook="docs/RUNBOOKS.md#matches-without-team-ids")  # fmt: skip
def result_without_teams(row: Row) -> ColumnElement[bool]:
    """A result is not linked to both of its teams."""
    return row.home_team_id.is_(None) | row.away_team_id.is_(None)


@check(severity=Severity.HIGH, threshold=ORPHANS, table=match_scores, owner="matches", tags={"daily", "gate"})
def result_of_unknown_team() -> Bad:
    """A result is linked to a team that does not exist (any more)."""
    row = match_scores.c
    lost = leads_nowhere(row.home_team_id, teams) | leads_nowhere(row.away_team_id, teams)
    return Bad(result_keys().where(lost), among=rows_of(match_scores))


@check(severity=Severity.HIGH, threshold=DUPLICATES, table=match_scores, owner="matches", tags={"daily", "gate"})
def duplicate_result() -> Bad:
    """A result repeats date, teams, players and score of another. Results without players cannot be told apart."""
    # one text per result, hashed and grouped: numbering sorted rows of nine columns takes many times as long
    key = func.md5(func.concat_ws("|", *(func.coalesce(cast(match_scores.c[name], Text), "") for name in SAME)))
    named = or_(*(match_scores.c[name].is_not(None) for name in SAME if name.endswith("_id") and "player" in name))
    first = func.min(match_scores.c.id).label("first")
    repeated = select(key.label("key"), first).where(named).group_by(key).having(func.count() > 1).subquery()
    copies = result_keys().join(repeated, repeated.c.key == key)
    return Bad(copies.where(named, match_scores.c.id > repeated.c.first), among=rows_of(match_scores).where(named))


@check(severity=Severity.LOW, threshold=PATCHY, table=match_scores, owner="matches", tags={"weekly"})
def result_without_fixture() -> Bad:
    """A result has no match in the schedule: the two teams were not to meet in those weeks."""
    bad = result_keys().where(LINKED, ~exists().where(_is_fixture_of_result()))
    return Bad(bad, among=rows_of(match_scores).where(LINKED))


@check(severity=Severity.MEDIUM, threshold=PATCHY, table=schedule, owner="matches", tags={"daily"})
def fixture_without_result(today: date, season_start: date) -> Bad:
    """A match was to be played more than a week ago, and has no result. Leagues without known results are left out."""
    row, result = schedule.c, match_scores.c
    due = row.match_date.between(season_start, today - GRACE) & is_match(Row(schedule))
    linked = row.home_team_id.is_not(None) & row.away_team_id.is_not(None)
    of_league = row.league_id.in_(_leagues_with_results())
    # a result that day whose teams are not known may be the one that is missing: nobody can say
    unsure = exists().where(result.league_id == row.league_id, result.match_date == row.match_date, ~LINKED)
    judged = (due, linked, of_league, ~unsure)
    missing = match_keys().where(*judged, ~exists().where(_is_fixture_of_result()))
    return Bad(missing, among=rows_of(schedule).where(*judged))


def _leagues_with_results() -> Select[tuple[int]]:
    """Leagues that have results, and know for most of them whose they are."""
    league_id = match_scores.c.league_id
    known = func.count().filter(LINKED) * 2 > func.count()
    return select(league_id).group_by(league_id).having(known)


def _is_fixture_of_result() -> ColumnElement[bool]:
    """The same two teams within some weeks; sides may be swapped, since rinks are.

    The lesser and the greater id are compared, so that the join is one of equalities.
    """
    played, due = match_scores.c, schedule.c
    same = and_(
        *(
            pick(played.home_team_id, played.away_team_id) == pick(due.home_team_id, due.away_team_id)
            for pick in (func.least, func.greatest)
        )
    )
    return same & played.match_date.between(due.match_date - POSTPONED.days, due.match_date + POSTPONED.days)
