"""Leagues, series, clubs and teams that a feed names: found under any spelling, else added.

There are thousands of teams, not millions, so names are compared in Python, by the rules of `etl.names`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, Table, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from etl.importing.link import resolver
from etl.leagues import name_of
from etl.names import Strategy
from etl.names.resolver import Resolver
from etl.names.structure import club_of, series_key
from etl.tables import club_leagues, clubs, leagues, series, series_leagues, teams

SAME_TEAM = frozenset({Strategy.EXACT, Strategy.NORMALISED, Strategy.STRUCTURAL})
"""Strategies that are sure enough to rename a team; a likeness is not."""


def ensure_leagues(connection: Connection, names: Iterable[str]) -> Mapping[str, int]:
    """Ids of leagues by their canonical name; those that are missing are added."""
    rows = [{"league_id": name, "league_name": name_of(name)} for name in sorted(set(names))]
    return _ensure(connection, leagues, "league_id", rows)


def ensure_series(connection: Connection, wanted: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], int]:
    """Ids of series by (league, name).

    A name that says the same as one of the league's own ("Division 20" for "Chicago 20") is that series; else the
    series of that very name is shared with other leagues, or added.
    """
    pairs = sorted(set(wanted))
    league_ids = ensure_leagues(connection, (league for league, _ in pairs))
    known = _series_of_leagues(connection)
    missing = [pair for pair in pairs if (pair[0], series_key(pair[1])) not in known]
    by_name = _ensure(connection, series, "name", [{"name": name, "display_name": name} for _, name in missing])
    for league, name in missing:
        known.setdefault((league, series_key(name)), by_name[name])
    found = {(league, name): known[league, series_key(name)] for league, name in pairs}
    _join(connection, series_leagues, ({"series_id": found[pair], "league_id": league_ids[pair[0]]} for pair in pairs))
    return found


def ensure_teams(
    connection: Connection, wanted: Iterable[tuple[str, str, str]], series_ids: Mapping[tuple[str, str], int]
) -> Mapping[tuple[str, str, str], int]:
    """Ids of teams by (league, series, name); a team that a league spells in a new way is renamed, others are added."""
    names = sorted(set(wanted))
    league_ids = ensure_leagues(connection, (league for league, _, _ in names))
    found = _renamed(connection, names, resolver(connection))
    missing = [name for name in names if name not in found]
    club_ids = ensure_clubs(connection, {(club_of(*name), name[0]) for name in missing})
    rows = [
        {"club_id": club_ids[club_of(*name)], "series_id": series_ids[name[:2]], "league_id": league_ids[name[0]],
         "team_name": name[2], "display_name": name[2]}
        for name in missing
    ]  # fmt: skip
    for row, name in zip(rows, missing, strict=True):
        found[name] = connection.execute(insert(teams).values(row).returning(teams.c.id)).scalar_one()
    return found


def ensure_clubs(connection: Connection, homes: Iterable[tuple[str, str]]) -> Mapping[str, int]:
    """Ids of clubs by name, given as (club, league); missing ones are added, and joined to their leagues."""
    pairs = sorted(set(homes))
    league_ids = ensure_leagues(connection, (league for _, league in pairs))
    ids = _ensure(connection, clubs, "name", [{"name": club} for club in sorted({club for club, _ in pairs})])
    _join(connection, club_leagues, ({"club_id": ids[club], "league_id": league_ids[league]} for club, league in pairs))
    return ids


def _series_of_leagues(connection: Connection) -> dict[tuple[str, str], int]:
    rows = connection.execute(
        select(leagues.c.league_id, series.c.name, series.c.id)
        .join(series_leagues, series_leagues.c.series_id == series.c.id)
        .join(leagues, leagues.c.id == series_leagues.c.league_id)
        .order_by(series.c.id.desc())
    )
    return {(league, series_key(name)): key for league, name, key in rows}


def _renamed(
    connection: Connection, names: list[tuple[str, str, str]], known: Resolver
) -> dict[tuple[str, str, str], int]:
    """Teams that are there already, under this name or another; the others' names are brought up to date."""
    links = {name: known.resolve(*name) for name in names}
    exact = {name: link.team_id for name, link in links.items() if link.strategy is Strategy.EXACT and link.team_id}
    taken = set(exact.values())
    for name, link in links.items():
        if link.team_id and link.team_id not in taken and link.strategy in SAME_TEAM:
            connection.execute(update(teams).where(teams.c.id == link.team_id).values(team_name=name[2]))
            exact[name] = link.team_id
            taken.add(link.team_id)
    return exact


def _ensure(connection: Connection, table: Table, key: str, rows: list[dict[str, str]]) -> dict[str, int]:
    """Ids by key; rows whose key is missing are inserted, sorted."""
    ids = _ids(connection, table, key, [row[key] for row in rows])
    missing = {row[key]: row for row in rows if row[key] not in ids}
    if missing:
        connection.execute(insert(table), [missing[name] for name in sorted(missing)])
        ids |= _ids(connection, table, key, list(missing))
    return ids


def _ids(connection: Connection, table: Table, key: str, values: list[str]) -> dict[str, int]:
    rows = connection.execute(select(table.c[key], table.c.id).where(table.c[key] == func.any(values)))
    return {row[0]: row[1] for row in rows}


def _join(connection: Connection, table: Table, rows: Iterable[dict[str, int]]) -> None:
    unique = sorted({tuple(sorted(row.items())) for row in rows})
    if unique:
        connection.execute(upsert(table).on_conflict_do_nothing(), [dict(row) for row in unique])
