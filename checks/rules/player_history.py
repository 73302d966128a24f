"""The domain player_history: each rating belongs to a player, lies on the scale, and moves as ratings do."""

from __future__ import annotations

from datetime import date
from typing import Any

import sqlalchemy as sa

from checks import Bad, Row, Severity, check, row_check
from checks.rules.players import HIGHEST_PTI, LOWEST_PTI
from checks.rules.thresholds import ORPHANS, RARE, ROUTINE
from checks.rules.words import leads_nowhere, rows_of
from etl.tables import leagues, player_history, players

LARGEST_STEP = 20
"""Points between two readings of one person: in three seasons of real ones none moved by more than five."""

LONGEST_GAP = 60
"""Days: of 742 pauses in a real season one was longer."""
FROM_SEPTEMBER: sa.ColumnElement[Any] = sa.literal_column("interval '8 months'")


@row_check(player_history, severity=Severity.MEDIUM, threshold=RARE, owner="players", tags={"daily", "gate"},
           coach="A rating lies outside of -30 to 100")  # fmt: skip
def rating_out_of_range(row: Row) -> Bad:
    """A rating in a player's history lies outside of -30 to 100."""
    return Bad(~row.end_pti.between(LOWEST_PTI, HIGHEST_PTI), among=row.end_pti.is_not(None))


@check(severity=Severity.HIGH, threshold=ORPHANS, table=player_history, owner="players", tags={"daily", "gate"})
def rating_without_player() -> Bad:
    """A rating belongs to nobody: it names no player, or one who does not exist (any more)."""
    nobody = player_history.c.player_id.is_(None) | leads_nowhere(player_history.c.player_id, players)
    return Bad(_rating_keys().where(nobody), among=rows_of(player_history))


@check(severity=Severity.MEDIUM, threshold=RARE, table=player_history, owner="players", tags={"daily", "gate"})
def rating_in_the_future(today: date) -> Bad:
    """A rating is of a day that has not come yet, or of no day."""
    untimely = player_history.c.date.is_(None) | (player_history.c.date > today)
    return Bad(_rating_keys().where(untimely), among=rows_of(player_history))


@check(severity=Severity.LOW, threshold=RARE, table=player_history, owner="players", tags={"weekly"})
def impossible_rating_step() -> Bad:
    """A rating lies more than 20 points from the one before."""
    row = player_history.c
    before = sa.func.lag(row.end_pti).over(partition_by=row.player_id, order_by=(row.date, row.id)).label("before")
    step = sa.select(row.id, row.end_pti, before).where(row.player_id.is_not(None), row.date.is_not(None)).subquery()
    leaps = _rating_keys().add_columns(step.c.before).join(step, step.c.id == row.id)
    return Bad(leaps.where(sa.func.abs(step.c.end_pti - step.c.before) > LARGEST_STEP), among=rows_of(player_history))


@check(severity=Severity.LOW, threshold=ROUTINE, table=player_history, owner="players", tags={"weekly"})
def gap_in_ratings() -> Bad:
    """A player's rating was not read for more than sixty days within one season, between two readings of it."""
    row = player_history.c
    before = sa.func.lag(row.date).over(partition_by=row.player_id, order_by=(row.date, row.id)).label("before")
    dated = (row.player_id.is_not(None), sa.func.isfinite(row.date))
    step = sa.select(row.id, row.date, before).where(*dated).subquery()
    # eight months before a first of September a year begins
    same_season = sa.func.date_trunc("year", step.c.date - FROM_SEPTEMBER) == sa.func.date_trunc(
        "year", step.c.before - FROM_SEPTEMBER
    )
    gaps = _rating_keys().add_columns(step.c.before).join(step, step.c.id == row.id)
    return Bad(gaps.where(step.c.date - step.c.before > LONGEST_GAP, same_season), among=rows_of(player_history))


def _rating_keys() -> sa.Select[Any]:
    """Ratings by player, league, day and id; never by name."""
    row = player_history.c
    return (
        sa.select(players.c.tenniscores_player_id, leagues.c.league_id, row.date, row.id)
        .select_from(player_history)
        .outerjoin(players, players.c.id == row.player_id)
        .outerjoin(leagues, leagues.c.id == row.league_id)
    )
