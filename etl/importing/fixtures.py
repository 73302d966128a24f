"""Publishes staged fixtures to `schedule`.

The plan holds only what changes: rows that are new and rows that differ, each with the row it replaces. Unchanged rows
are joined once and never written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, exists, func, insert, or_, select
from sqlalchemy.sql import FromClause

from etl.importing import identity, pairings, stage
from etl.importing.intake import Intake
from etl.importing.link import link_names, sides_linked
from etl.importing.merge import differs, insert_planned, same_key, update_planned, withdraw
from etl.importing.refuse import refuse_unlinked
from etl.importing.results import Counts
from etl.importing.stage import FIXTURE_KEY
from etl.tables import schedule

KEY = ("match_date", "home_team", "away_team", "league_id")
KEPT = ("home_team_id", "away_team_id", "league_id")
VALUES = ("match_time", "home_team_id", "away_team_id", "location")


@dataclass(frozen=True, slots=True)
class Planned:
    """How many staged rows there are, how many of them are not in `schedule`, and how many there differ."""

    staged: int
    new: int
    changed: int


def publish(connection: Connection, intake: Intake, *, prune: bool = False) -> Counts:
    """Link, plan and write the staged fixtures; returns the figures that publishing adds.

    Of rows with one key the last in the feed counts. A match that can be linked to no team at all becomes a reject.
    Rows that vanished from the feed are counted as withdrawn, and deleted only with `prune`.
    """
    duplicates = drop_duplicates(connection) if intake.repeated else 0
    pairings.stage_pairings(connection)
    link_names(connection, pairings.names(), intake)
    planned = _plan(connection)
    refuse_unlinked(connection, intake.keep)
    identity.find_gone(connection, known=planned.staged - planned.new, nothing=intake.partial)
    duplicates += identity.drop_second_names(connection)
    identity.follow(connection)
    updated = update_planned(connection, schedule, stage.fixture_plan, (*KEY, *VALUES))
    inserted = insert_planned(connection, schedule, stage.fixture_plan, (*KEY, *VALUES), KEY)
    withdrawn = withdraw(connection, schedule, stage.gone_fixtures, prune=prune)
    linked, unlinked = sides_linked(connection)
    return Counts(
        linked=linked, unlinked=unlinked, inserted=inserted, updated=updated,
        unchanged=planned.staged - planned.new - planned.changed + _present(connection) - inserted - updated,
        withdrawn=withdrawn, duplicates=duplicates,
    )  # fmt: skip


def drop_duplicates(connection: Connection) -> int:
    """Delete all but the last staged row of each key; returns how many went."""
    staged = stage.fixtures
    keys = [staged.c[name] for name in FIXTURE_KEY]
    several = select(*keys, func.max(staged.c.index).label("last")).group_by(*keys).having(func.count() > 1).subquery()
    same = [staged.c[name] == several.c[name] for name in FIXTURE_KEY[:-1]]
    same.append(func.coalesce(staged.c.league, "") == func.coalesce(several.c.league, ""))
    return connection.execute(delete(staged).where(*same, staged.c.index != several.c.last)).rowcount


def _plan(connection: Connection) -> Planned:
    """Plan staged rows that are new or differ; what the feed does not tell (a team, a practice's league) is kept."""
    plan, new = stage.fixture_plan, _resolved().cte("resolved")
    kept = {name: func.coalesce(new.c[name], schedule.c[name]) for name in KEPT}
    columns = stage.written(plan)
    values = {"target_id": schedule.c.id} | kept
    changed = or_(*(kept[name].is_distinct_from(schedule.c[name]) for name in KEPT))
    rows = (
        select(*(values[name] if name in values else new.c[name] for name in columns))
        .select_from(new.outerjoin(schedule, _same_row(new)))
        .where(schedule.c.id.is_(None) | changed | differs(schedule, new, ("match_time", "location")))
    )
    stage.create(connection, plan)
    with stage.joining_by_hash(connection):
        connection.execute(insert(plan).from_select(columns, rows))
    stage.analyze(connection, plan)
    # a table without its key holds copies of a row: the first is brought up to date, a rule counts the others
    copy = plan.alias("copy")
    connection.execute(delete(plan).where(plan.c.index == copy.c.index, plan.c.target_id > copy.c.target_id))
    staged = select(func.count()).select_from(stage.fixtures).scalar_subquery()
    counts = select(staged, func.count().filter(plan.c.target_id.is_(None)), func.count(plan.c.target_id))
    return Planned(*connection.execute(counts).one())


def _same_row(new: FromClause) -> ColumnElement[bool]:
    """Date and names agree, and the leagues, where both are known: the old loader left a practice's league open."""
    league = func.coalesce(schedule.c.league_id, new.c.league_id, 0)
    return same_key(schedule, new, KEY[:3]) & (league == func.coalesce(new.c.league_id, schedule.c.league_id, 0))


def _present(connection: Connection) -> int:
    """How many planned rows stand in `schedule` now, by date, names and league."""
    plan, league = stage.fixture_plan, func.coalesce(schedule.c.league_id, 0)
    named = same_key(schedule, plan, KEY[:3]) & (func.coalesce(plan.c.league_id, league) == league)
    return int(connection.execute(select(func.count()).select_from(plan).where(exists().where(named))).scalar_one())


def _resolved() -> Select[Any]:
    """Staged rows with the ids that their names stand for."""
    staged, pairing = stage.fixtures, pairings.resolved()
    return select(
        *staged.c["index", "match_date", "match_time", "home_team", "away_team", "location", "kind"],
        *pairing.c["home_team_id", "away_team_id", "league_id"],
    ).join(pairing, pairings.is_pairing_of(pairing, staged))
