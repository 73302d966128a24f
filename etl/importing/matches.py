"""Publishes staged matches to `match_scores`, which has no key of its own.

A match is one line of a meeting: league, date, two teams, four players. Where the feed names no players, the lines of a
meeting are told apart by their scores. A line that was corrected, renamed or moved to another day stays one row: what
is new in the feed is paired with what vanished from it, in PASSES from the surest likeness to the loosest.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, and_, case, func, insert, select

from etl.importing import Counts, staging
from etl.importing.identity import pair
from etl.importing.ledger import Intake
from etl.importing.link import link_meetings
from etl.importing.staging import drop_unchanged, insert_planned, update_planned, withdraw
from etl.tables import leagues, match_scores

PLAYERS = ("home_player_1", "home_player_2", "away_player_1", "away_player_2")
PLAYER_IDS = tuple(f"{player}_id" for player in PLAYERS)
DAY = ("league_id", "match_date")
NAMES = ("home_team", "away_team")
LINKS = ("home_team_id", "away_team_id")
WRITTEN = (*DAY, *NAMES, *LINKS, *PLAYER_IDS, "scores", "winner")
SURE: tuple[tuple[str, ...], ...] = (
    (*DAY, *NAMES, "line"),
    (*DAY, *LINKS, "line"),
    (*DAY, "teams", "sides"),
)
PASSES = (
    *SURE,
    (*DAY, *NAMES),
    (*DAY, "teams"),
    ("league_id", *LINKS, "players"),
)


def publish(connection: Connection, intake: Intake, *, prune: bool = False) -> Counts:
    """Link, plan and write the staged matches; returns the figures that publishing adds.

    Matches that vanished from the feed's leagues, between its first and last day, count as withdrawn, and go only with
    `prune`.
    """
    link_meetings(connection, intake)
    duplicates = _plan(connection)
    linked, unlinked = _sides(connection)
    _find_stored(connection)
    for keys in SURE if intake.partial else PASSES:
        pair(connection, staging.match_plan, staging.gone_matches, keys)
    unchanged = drop_unchanged(connection, match_scores, staging.match_plan, WRITTEN)
    updated = update_planned(connection, match_scores, staging.match_plan, WRITTEN)
    inserted = insert_planned(connection, match_scores, staging.match_plan, WRITTEN, ("index",))
    return Counts(
        linked=linked, unlinked=unlinked, inserted=inserted, updated=updated, unchanged=unchanged,
        duplicates=duplicates,
        withdrawn=0 if intake.partial else withdraw(connection, match_scores, staging.gone_matches, prune=prune),
    )  # fmt: skip


def _plan(connection: Connection) -> int:
    """Plan every record; of lines with the same players in one meeting only the last. Returns how many are not."""
    plan, new = staging.match_plan, _resolved().cte("new")
    names = ("index", *WRITTEN)
    staging.create_staging(connection, plan)
    rows = select(*(new.c[name] for name in names)).where(new.c.later == 0)
    connection.execute(insert(plan).from_select(names, rows))
    staging.analyze(connection, plan)
    return int(connection.execute(select(func.count()).where(new.c.later > 0)).scalar_one())


def _resolved() -> Select[Any]:
    staged, met = staging.matches, staging.meetings
    same = and_(*(met.c[name] == staged.c[name] for name in ("league", "match_date", *NAMES)))
    same &= met.c.series == func.coalesce(staged.c.series, "")
    players = [staged.c[name] for name in PLAYERS]
    line = (staged.c.league, staged.c.match_date, *(staged.c[name] for name in NAMES), *players)
    again = func.row_number().over(partition_by=line, order_by=staged.c.index.desc()) - 1
    nameless = and_(*(player.is_(None) for player in players))
    return (
        select(
            staged.c.index, leagues.c.id.label("league_id"), staged.c.match_date, *(staged.c[name] for name in NAMES),
            *(met.c[name] for name in LINKS), *(player.label(f"{player.name}_id") for player in players),
            staged.c.scores, staged.c.winner, case((nameless, 0), else_=again).label("later"),
        )
        .join(leagues, leagues.c.league_id == staged.c.league)
        .join(met, same)
    )  # fmt: skip


def _sides(connection: Connection) -> tuple[int, int]:
    """How many sides of planned matches have a team, and how many have none."""
    plan = staging.match_plan.c
    counted = select(func.count(), func.count(plan.home_team_id) + func.count(plan.away_team_id))
    matches, linked = connection.execute(counted).one()
    return linked, 2 * matches - linked


def _find_stored(connection: Connection) -> None:
    """Stage the stored matches of the feed's leagues between its first and last day."""
    plan, gone = staging.match_plan, staging.gone_matches
    first, last = func.min(plan.c.match_date).label("first"), func.max(plan.c.match_date).label("last")
    days = select(plan.c.league_id, first, last).group_by(plan.c.league_id).subquery()
    names = staging.written(gone)
    rows = select(*(match_scores.c[name] for name in names)).join(
        days,
        (days.c.league_id == match_scores.c.league_id) & match_scores.c.match_date.between(days.c.first, days.c.last),
    )
    staging.create_staging(connection, gone)
    connection.execute(insert(gone).from_select(names, rows))
    staging.analyze(connection, gone)
