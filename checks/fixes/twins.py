"""Teams that stand there under two names become one, with everything that points at them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import FromClause, func, select

from checks import fix
from checks.fixes.copies import one_row_of_each_fixture
from checks.fixes.rows import merged
from checks.rules.teams.names import ADDITIONS, SERIES_WORDS, twin_team
from etl.repairs import Merge, Step
from etl.tables import schedule, series, series_stats, teams


@fix(twin_team)
def merge_twin_teams() -> tuple[Step, ...]:
    """Merge teams under two names into the one that has the standings; matches held under both become one row.

    Without standings the shorter name stays, then the one with more matches.
    """
    name = func.regexp_replace(func.lower(teams.c.team_name), ADDITIONS, "", "g")
    bare = func.regexp_replace(name, "[^[:alnum:]+]+", "", "g").label("bare")
    token = func.coalesce(func.regexp_replace(func.lower(series.c.name), SERIES_WORDS, ""), "").label("token")
    standings, matches = _count(series_stats, "team_id"), _count(schedule, "home_team_id", "away_team_id")
    named = select(teams, bare, token, standings.label("standings"), matches.label("matches"))
    rows = named.outerjoin_from(teams, series, series.c.id == teams.c.series_id).subquery()
    keep = (
        (rows.c.standings > 0).desc(), func.length(rows.c.team_name), rows.c.matches.desc(), rows.c.id
    )  # fmt: skip
    return Merge(teams, merged(rows, keep, (rows.c.league_id, rows.c.token, rows.c.bare))), one_row_of_each_fixture()


def _count(table: FromClause, *columns: str) -> Any:
    counts = [
        select(func.count()).where(table.c[name] == teams.c.id).correlate(teams).scalar_subquery() for name in columns
    ]
    return sum(counts[1:], start=counts[0])
