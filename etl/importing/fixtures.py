"""Turns fixtures that can be linked to no team at all into rejects, so that they are kept, told of and tried again.

Publishes staged fixtures to `schedule`.

The plan holds only what changes: rows that are new and rows that differ, each with the row it replaces. Unchanged rows
are joined once and never written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import FromClause

from etl.importing import Counts, identity, link, staging
from etl.importing.ledger import Intake
from etl.importing.link import is_link_of, link_names, sides_linked
from etl.importing.staging import FIXTURE_KEY, differs, insert_planned, same_key, update_planned, withdraw
from etl.records import Reject
from etl.tables import schedule

BATCH = 500


def refuse_unlinked(connection: sa.Connection, keep: Callable[[list[Reject]], None]) -> int:
    """Take planned matches without any team out of the plan and hand them to `keep`; returns how many."""
    plan, staged = staging.fixture_plan, staging.fixtures
    home, away = staging.links.alias("home"), staging.links.alias("away")
    nameless = plan.c.target_id.is_(None) & plan.c.home_team_id.is_(None) & plan.c.away_team_id.is_(None)
    nameless &= plan.c.kind == "match"
    rows = (
        sa.select(staged.c.index, sa.func.concat_ws("; ", home.c.reason, away.c.reason), sa.cast(_as_read(), sa.Text))
        .join(plan, plan.c.index == staged.c.index)
        .outerjoin(home, is_link_of(home, staged, "home_team"))
        .outerjoin(away, is_link_of(away, staged, "away_team"))
        .where(nameless)
        .order_by(staged.c.index)
    )
    with connection.execute(rows.execution_options(yield_per=BATCH)) as found:
        for batch in found.partitions():
            keep(
                [
                    Reject(index, f"no team can be linked: {why}", "home_team, away_team", raw)
                    for index, why, raw in batch
                ]
            )
    return connection.execute(sa.delete(plan).where(nameless)).rowcount


def _as_read() -> sa.Function[Any]:
    """The row as its feed had it, so that it can be tried again."""
    staged = staging.fixtures.c
    return sa.func.jsonb_build_object(
        "date", sa.func.to_char(staged.match_date, "MM/DD/YYYY"),
        "time", sa.func.to_char(staged.match_time, "HH12:MI am"),
        "home_team", staged.home_team, "away_team", staged.away_team, "location", staged.location,
        "series", staged.series, "League", staged.league,
    )  # fmt: skip


KEY = ("match_date", "home_team", "away_team", "league_id")
KEPT = ("home_team_id", "away_team_id", "league_id")
VALUES = ("match_time", "home_team_id", "away_team_id", "location")


@dataclass(frozen=True, slots=True)
class Planned:
    """How many staged rows there are, how many of them are not in `schedule`, and how many there differ."""

    staged: int
    new: int
    changed: int


def publish(connection: sa.Connection, intake: Intake, *, prune: bool = False) -> Counts:
    """Link, plan and write the staged fixtures; returns the figures that publishing adds.

    Of rows with one key the last in the feed counts. A match that can be linked to no team at all becomes a reject.
    Rows that vanished from the feed are counted as withdrawn, and deleted only with `prune`.
    """
    duplicates = drop_duplicates(connection) if intake.repeated else 0
    link.stage_pairings(connection)
    link_names(connection, link.names(), intake)
    planned = _plan(connection)
    refuse_unlinked(connection, intake.keep)
    identity.find_gone(connection, known=planned.staged - planned.new, nothing=intake.partial)
    duplicates += identity.drop_second_names(connection)
    identity.follow(connection)
    updated = update_planned(connection, schedule, staging.fixture_plan, (*KEY, *VALUES))
    inserted = insert_planned(connection, schedule, staging.fixture_plan, (*KEY, *VALUES), KEY)
    withdrawn = withdraw(connection, schedule, staging.gone_fixtures, prune=prune)
    linked, unlinked = sides_linked(connection)
    return Counts(
        linked=linked, unlinked=unlinked, inserted=inserted, updated=updated,
        unchanged=planned.staged - planned.new - planned.changed + _present(connection) - inserted - updated,
        withdrawn=withdrawn, duplicates=duplicates,
    )  # fmt: skip


def drop_duplicates(connection: sa.Connection) -> int:
    """Delete all but the last staged row of each key; returns how many went."""
    staged = staging.fixtures
    keys = [staged.c[name] for name in FIXTURE_KEY]
    several = (
        sa.select(*keys, sa.func.max(staged.c.index).label("last"))
        .group_by(*keys)
        .having(sa.func.count() > 1)
        .subquery()
    )
    same = [staged.c[name] == several.c[name] for name in FIXTURE_KEY[:-1]]
    same.append(sa.func.coalesce(staged.c.league, "") == sa.func.coalesce(several.c.league, ""))
    return connection.execute(sa.delete(staged).where(*same, staged.c.index != several.c.last)).rowcount


def _plan(connection: sa.Connection) -> Planned:
    """Plan staged rows that are new or differ; what the feed does not tell (a team, a practice's league) is kept."""
    plan, new = staging.fixture_plan, _resolved().cte("resolved")
    kept = {name: sa.func.coalesce(new.c[name], schedule.c[name]) for name in KEPT}
    columns = staging.written(plan)
    values = {"target_id": schedule.c.id} | kept
    changed = sa.or_(*(kept[name].is_distinct_from(schedule.c[name]) for name in KEPT))
    rows = (
        sa.select(*(values[name] if name in values else new.c[name] for name in columns))
        .select_from(new.outerjoin(schedule, _same_row(new)))
        .where(schedule.c.id.is_(None) | changed | differs(schedule, new, ("match_time", "location")))
    )
    staging.create_staging(connection, plan)
    with staging.joining_by_hash(connection):
        connection.execute(sa.insert(plan).from_select(columns, rows))
    staging.analyze(connection, plan)
    # a table without its key holds copies of a row: the first is brought up to date, a rule counts the others
    copy = plan.alias("copy")
    connection.execute(sa.delete(plan).where(plan.c.index == copy.c.index, plan.c.target_id > copy.c.target_id))
    staged = sa.select(sa.func.count()).select_from(staging.fixtures).scalar_subquery()
    counts = sa.select(staged, sa.func.count().filter(plan.c.target_id.is_(None)), sa.func.count(plan.c.target_id))
    return Planned(*connection.execute(counts).one())


def _same_row(new: FromClause) -> sa.ColumnElement[bool]:
    """Date and names agree, and the leagues, where both are known: the old loader left a practice's league open."""
    league = sa.func.coalesce(schedule.c.league_id, new.c.league_id, 0)
    return same_key(schedule, new, KEY[:3]) & (league == sa.func.coalesce(new.c.league_id, schedule.c.league_id, 0))


def _present(connection: sa.Connection) -> int:
    """How many planned rows stand in `schedule` now, by date, names and league."""
    plan, league = staging.fixture_plan, sa.func.coalesce(schedule.c.league_id, 0)
    named = same_key(schedule, plan, KEY[:3]) & (sa.func.coalesce(plan.c.league_id, league) == league)
    return int(
        connection.execute(sa.select(sa.func.count()).select_from(plan).where(sa.exists().where(named))).scalar_one()
    )


def _resolved() -> sa.Select[Any]:
    """Staged rows with the ids that their names stand for."""
    staged, pairing = staging.fixtures, link.resolved()
    return sa.select(
        *staged.c["index", "match_date", "match_time", "home_team", "away_team", "location", "kind"],
        *pairing.c["home_team_id", "away_team_id", "league_id"],
    ).join(pairing, link.is_pairing_of(pairing, staged))
