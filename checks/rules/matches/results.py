"""Can a result be true: its winner, its score, its date."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ColumnElement, and_, or_

from checks import Bad, Row, Severity, row_check
from checks.rules.matches.scores import A_DATE, AWAY_WON, HOME_WON, SCORE, TIEBREAK_AGAINST_SET
from checks.rules.thresholds import NULL_IDS, RARE, ROUTINE
from etl.tables import match_scores

SIDES = ("home", "away")


@row_check(match_scores, severity=Severity.HIGH, threshold=RARE, owner="matches", tags={"daily", "gate"})
def winner_neither_home_nor_away(row: Row) -> ColumnElement[bool]:
    """A result has a winner that is no side. A match without a winner (NULL) was not decided."""
    return row.winner.not_in(SIDES)


@row_check(match_scores, severity=Severity.MEDIUM, threshold=RARE, owner="matches", tags={"daily"})
def malformed_score(row: Row) -> Bad:
    """A result with a winner has no score, or a text that cannot be read as one."""
    return Bad(row.scores.is_(None) | row.scores.op("!~*")(SCORE), among=row.winner.is_not(None))


@row_check(match_scores, severity=Severity.HIGH, threshold=RARE, owner="matches", tags={"daily"},
           runbook="docs/RUNBOOKS.md#winners-that-contradict-their-score")  # fmt: skip
def winner_contradicts_score(row: Row) -> Bad:
    """The side that won the match by its sets is not the winner. Unfinished sets and retirements are not judged."""
    lost_by_home = (row.winner == "home") & row.scores.regexp_match(AWAY_WON)
    lost_by_away = (row.winner == "away") & row.scores.regexp_match(HOME_WON)
    return Bad(lost_by_home | lost_by_away, among=row.winner.in_(SIDES) & row.scores.is_not(None))


@row_check(match_scores, severity=Severity.LOW, threshold=ROUTINE, owner="matches", tags={"weekly"})
def tiebreak_contradicts_set(row: Row) -> Bad:
    """A set and its tie-break were won by different sides: "6-7 [7-2]"."""
    return Bad(row.scores.regexp_match(TIEBREAK_AGAINST_SET), among=row.scores.contains("["))


@row_check(match_scores, severity=Severity.MEDIUM, threshold=ROUTINE, owner="matches", tags={"daily"})
def undecided_match_with_score(row: Row) -> Bad:
    """A match has a score that decides it, but no winner."""
    decided = or_(row.scores.regexp_match(HOME_WON), row.scores.regexp_match(AWAY_WON))
    return Bad(row.winner.is_(None) & decided, among=row.scores.is_not(None) & row.scores.op("!~")(A_DATE))


@row_check(match_scores, severity=Severity.HIGH, threshold=RARE, owner="matches", tags={"daily"})
def result_from_the_future(row: Row, today: date) -> ColumnElement[bool]:
    """A match that is still to come has a winner already."""
    return and_(row.match_date > today, row.winner.is_not(None))


@row_check(match_scores, severity=Severity.MEDIUM, threshold=NULL_IDS, owner="matches", tags={"daily", "gate"})
def result_without_date(row: Row) -> ColumnElement[bool]:
    """A result has no date, so it belongs to no season."""
    return row.match_date.is_(None)
