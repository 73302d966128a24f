"""Turns fixtures that can be linked to no team at all into rejects, so that they are kept, told of and tried again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Function, Text, cast, delete, func, select

from etl.importing import stage
from etl.importing.link import is_link_of
from etl.records import Reject

BATCH = 500


def refuse_unlinked(connection: Connection, keep: Callable[[list[Reject]], None]) -> int:
    """Take planned matches without any team out of the plan and hand them to `keep`; returns how many."""
    plan, staged = stage.fixture_plan, stage.fixtures
    home, away = stage.links.alias("home"), stage.links.alias("away")
    nameless = plan.c.target_id.is_(None) & plan.c.home_team_id.is_(None) & plan.c.away_team_id.is_(None)
    nameless &= plan.c.kind == "match"
    rows = (
        select(staged.c.index, func.concat_ws("; ", home.c.reason, away.c.reason), cast(_as_read(), Text))
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
    return connection.execute(delete(plan).where(nameless)).rowcount


def _as_read() -> Function[Any]:
    """The row as its feed had it, so that it can be tried again."""
    staged = stage.fixtures.c
    return func.jsonb_build_object(
        "date", func.to_char(staged.match_date, "MM/DD/YYYY"), "time", func.to_char(staged.match_time, "HH12:MI am"),
        "home_team", staged.home_team, "away_team", staged.away_team, "location", staged.location,
        "series", staged.series, "League", staged.league,
    )  # fmt: skip
