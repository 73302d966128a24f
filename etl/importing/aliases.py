"""Names that a person confirmed: they stand before everything that is derived."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete
from sqlalchemy.dialects.postgresql import insert

from etl.errors import EtlError
from etl.importing.looking import teams_named
from etl.tables import team_aliases


class AliasError(EtlError):
    """A name that cannot be confirmed as it was asked."""


def confirm(connection: Connection, league: str, name: str, team: str, *, series: str = "", who: str) -> int:
    """Let `name` mean the team called `team` from now on, in one series or the whole league; returns the team's id.

    Raises AliasError when no team of the league has that name, or several have and no series tells which.
    """
    found = teams_named(connection, league, team, series or None)
    if len(found) != 1:
        raise AliasError(_not_one(league, team, series, found))
    values = {"league": league, "series": series, "name": name, "team_id": found[0][0], "confirmed_by": who}
    statement = insert(team_aliases).values(values)
    new = {"team_id": statement.excluded.team_id, "confirmed_by": statement.excluded.confirmed_by}
    connection.execute(statement.on_conflict_do_update(index_elements=["league", "series", "name"], set_=new))
    return found[0][0]


def forget(connection: Connection, league: str, name: str, *, series: str = "") -> bool:
    """Take back a confirmed name; False where there is none."""
    mine = (team_aliases.c.league == league, team_aliases.c.name == name, team_aliases.c.series == series)
    return connection.execute(delete(team_aliases).where(*mine)).rowcount > 0


def _not_one(league: str, team: str, series: str, found: Sequence[tuple[int, str]]) -> str:
    where = f"{league}, {series}" if series else league
    if not found:
        return f"no team of {where} is called {team!r}; `rally-health names suggest` shows what there is"
    return f"several teams of {where} are called {team!r}, in {', '.join(name for _, name in found)}; say --series"
