"""Leagues, series, clubs and teams that a feed names: found under any spelling, else added.

There are thousands of teams, not millions, so names are compared in Python, by the rules of `etl.names`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from sqlalchemy import Connection, Select, Table, func, insert, select, union_all, update
from sqlalchemy.dialects.postgresql import insert as upsert

from etl.importing.link import resolver
from etl.importing.target import Target, UniqueKey, read_target
from etl.leagues import LEAGUES, name_of
from etl.names import Strategy
from etl.names.resolver import Resolver
from etl.names.structure import club_of, own_reading, series_key, squash, words
from etl.tables import club_leagues, clubs, leagues, series, series_leagues, teams

SAME_TEAM = frozenset({Strategy.EXACT, Strategy.NORMALISED, Strategy.STRUCTURAL})
"""Strategies that are sure enough to rename a team; a likeness is not."""


def ensure_leagues(connection: Connection, names: Iterable[str]) -> Mapping[str, int]:
    """Ids of leagues by their canonical name; those that are missing are added."""
    rows = [{"league_id": name, "league_name": name_of(name)} for name in sorted(set(names))]
    return _ensure(connection, leagues, "league_id", rows)


NEARLY = 0.75
"""Likeness of two leagues' ids, 0 to 1, from which on one may be a slip of the other."""


def nearest_league(connection: Connection, name: str) -> str:
    """The league that an unknown one is spelled nearly like; "" for one that is known, or like none."""
    there = {*connection.scalars(select(leagues.c.league_id)), *LEAGUES}
    return "" if name in there else next(iter(get_close_matches(name, sorted(there), n=1, cutoff=NEARLY)), "")


def ensure_series(connection: Connection, wanted: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], int]:
    """Ids of series by (league, name).

    A series of the league's own is found by its very name, else by one that says the same ("Division 20" for
    "Chicago 20"); else the series of that name is shared with other leagues, or added. Where a series belongs to one
    league (the platform, since November 2025), none is shared.
    """
    pairs = sorted(set(wanted))
    league_ids = ensure_leagues(connection, (league for league, _ in pairs))
    target = read_target(connection, series)
    existing = _series_of_leagues(connection, target)
    missing = [pair for pair in pairs if pair not in existing and _said(*pair) not in existing]
    for league, name in missing:
        row = {"name": name, "display_name": name, "league_id": league_ids[league]}
        existing[_said(league, name)] = _ensure_one_series(connection, target, row)
    ids = {pair: existing.get(pair) or existing[_said(*pair)] for pair in pairs}
    if _exists(connection, series_leagues):
        rows = ({"series_id": ids[pair], "league_id": league_ids[pair[0]]} for pair in pairs)
        _join(connection, series_leagues, rows)
    return ids


def _ensure_one_series(connection: Connection, target: Target, row: dict[str, Any]) -> int:
    """The id of a series, added where there is none of this name, or none of the league's own."""
    there, values = target.table.c, target.given(row)
    same = select(there.id).where(*(there[name] == values[name] for name in ("name", "league_id") if name in values))
    known = connection.scalar(same.order_by(there.id).limit(1))
    return known if known is not None else int(_add(connection, target, values))


def _said(league: str, name: str) -> tuple[str, str]:
    """What tells series of a league from each other; no name is spelled so."""
    return league, f"\n{series_key(name)}"


@dataclass(frozen=True, slots=True)
class Places:
    """Ids of teams by (league, series, name), and why others cannot be stored."""

    ids: Mapping[tuple[str, str, str], int]
    refused: Mapping[tuple[str, str, str], str]


def ensure_teams(
    connection: Connection, wanted: Iterable[tuple[str, str, str]], series_ids: Mapping[tuple[str, str], int]
) -> Places:
    """Teams by (league, series, name); a team that a league spells in a new way is renamed, others are added.

    A team that a unique key of the table forbids is not stored; its reason names the key and the team in the way.
    """
    names = sorted(set(wanted))
    league_ids = ensure_leagues(connection, (league for league, _, _ in names))
    taken = _Taken.of(connection)
    placed = _renamed(connection, names, resolver(connection), taken)
    missing = [name for name in names if name not in placed]
    club_ids = ensure_clubs(connection, {(club_of(*name), name[0]) for name in missing})
    refused: dict[tuple[str, str, str], str] = {}
    for name in missing:
        league, in_series, team = name
        row = {
            "club_id": club_ids[club_of(*name)], "series_id": series_ids[league, in_series],
            "league_id": league_ids[league], "team_name": team, "display_name": team,
        }  # fmt: skip
        added = taken.add(connection, row)
        if isinstance(added, str):
            refused[name] = added
        else:
            placed[name] = added
    return Places(placed, refused)


@dataclass(slots=True)
class _Taken:
    """The keys of teams that are there, by each unique key of plain columns."""

    target: Target
    rows: dict[int, dict[str, Any]]
    held: dict[UniqueKey, dict[tuple[Any, ...], int]] = field(default_factory=dict)

    @classmethod
    def of(cls, connection: Connection) -> _Taken:
        target = read_target(connection, teams)
        rows = {row["id"]: dict(row) for row in connection.execute(select(target.table)).mappings()}
        taken = cls(target, rows)
        for key, row in rows.items():
            taken.note(key, row)
        return taken

    def note(self, team: int, row: Mapping[str, Any]) -> None:
        """Take a team into account as it is now."""
        self.rows[team] = {**self.rows.get(team, {}), **row}
        for key in self._keys():
            values = tuple(self.rows[team].get(part) for part in key.parts)
            if None not in values:
                self.held.setdefault(key, {}).setdefault(values, team)

    def add(self, connection: Connection, row: Mapping[str, Any]) -> int | str:
        """The id of a team that is added, or why it cannot be."""
        reason = self.reason(row)
        if reason:
            return reason
        team = _add(connection, self.target, row)
        self.note(team, row)
        return team

    def reason(self, row: Mapping[str, Any], team: int = 0) -> str:
        """Why the team cannot stand so, empty where it can."""
        would_be = {**self.rows.get(team, {}), **row}
        for name, column in self.target.columns.items():
            if column.is_text and column.size and len(str(row.get(name, ""))) > column.size[0]:
                return f"the team cannot be stored: teams.{name} is {column.type}"
        for key in self._keys():
            other = self.held.get(key, {}).get(tuple(would_be.get(part) for part in key.parts))
            if other is not None and other != team:
                return f"the team cannot be stored: teams: {key} is taken by team {other}"
        return ""

    def _keys(self) -> Iterator[UniqueKey]:
        columns = self.target.columns
        return (key for key in self.target.keys if not key.condition and {*key.parts} <= {*columns})


def _add(connection: Connection, target: Target, row: Mapping[str, Any]) -> int:
    table = target.table
    return int(connection.execute(insert(table).values(target.given(row)).returning(table.c.id)).scalar_one())


def add_new_teams(connection: Connection, names: Select[Any], *, new_season: bool) -> int:
    """Make the teams that staged names are the first to name, where their club and series are clear; returns how many.

    `names` are (league, series, name, sides). A name that may mean a team that is there makes none, and neither does
    one that does not tell its series itself, or whose club nobody knows: precision first, such names stay open. In a
    new season a club's plain name is a new team where only its numbered ones of last season could be meant, and none
    of them is named.
    """
    team_names, clubs_known = resolver(connection), _club_keys(connection)
    clear: dict[tuple[str, str, tuple[str, tuple[str, ...]]], tuple[str, str, str]] = {}
    named = [tuple(row[:3]) for row in connection.execute(names) if row[0] and row[1]]
    links = {name: team_names.resolve(*name) for name in named}
    taken = {link.team_id for link in links.values()}
    for (league, in_series, name), link in links.items():
        if link.team_id is not None:
            continue
        reading = own_reading(name, series_key(in_series))
        free = not link.candidates or (new_season and not reading.squads and taken.isdisjoint(link.candidates))
        if free and reading.explicit and squash(reading.club) in clubs_known:
            clear.setdefault((league, series_key(in_series), reading.key), (league, in_series, name))
    if clear:
        wanted = list(clear.values())
        ensure_teams(connection, wanted, ensure_series(connection, (name[:2] for name in wanted)))
    return len(clear)


def _club_keys(connection: Connection) -> frozenset[str]:
    return frozenset(squash(words(name)) for name in connection.scalars(select(clubs.c.name)))


def ensure_clubs(connection: Connection, homes: Iterable[tuple[str, str]]) -> Mapping[str, int]:
    """Ids of clubs by name, given as (club, league), found under any spelling; missing ones are added.

    They are joined to their leagues.
    """
    pairs = sorted(set(homes))
    league_ids = ensure_leagues(connection, (league for _, league in pairs))
    wanted = sorted({club for club, _ in pairs})
    by_words = {
        words(name): key
        for name, key in connection.execute(select(clubs.c.name, clubs.c.id).order_by(clubs.c.id.desc()))
    }
    exact = _ids(connection, clubs, "name", wanted)
    missing = [{"name": club} for club in wanted if club not in exact and words(club) not in by_words]
    added = _ensure(connection, clubs, "name", missing)
    ids = {club: exact.get(club) or added.get(club) or by_words[words(club)] for club in wanted}
    _join(connection, club_leagues, ({"club_id": ids[club], "league_id": league_ids[league]} for club, league in pairs))
    return ids


def _series_of_leagues(connection: Connection, target: Target) -> dict[tuple[str, str], int]:
    """Series of each league by name, and by what the name says: of several that say the same, that with most teams."""
    there = target.table.c
    league = leagues.c.league_id
    sources = [select(league, teams.c.series_id).join(leagues, leagues.c.id == teams.c.league_id)]
    if "league_id" in target.columns:
        sources.append(select(league, there.id).join(leagues, leagues.c.id == there.league_id))
    elif _exists(connection, series_leagues):
        sources.append(select(league, series_leagues.c.series_id).join(leagues))
    pairs = union_all(*sources).subquery("pair")
    rows = connection.execute(
        select(pairs.c.league_id, there.name, there.id)
        .join(target.table, there.id == pairs.c.series_id)
        .group_by(pairs.c.league_id, there.name, there.id)
        .order_by(func.count(), there.id.desc())
    )
    by_name: dict[tuple[str, str], int] = {}
    for of_league, name, key in rows:
        by_name[of_league, name] = by_name[_said(of_league, name)] = key
    return by_name


def _exists(connection: Connection, table: Table) -> bool:
    return connection.scalar(select(func.to_regclass(f"public.{table.name}"))) is not None


def _renamed(
    connection: Connection, names: list[tuple[str, str, str]], known: Resolver, taken: _Taken
) -> dict[tuple[str, str, str], int]:
    """Teams that are there already, under this name or another; the others' names are brought up to date."""
    links = {name: known.resolve(*name) for name in names}
    exact = {name: link.team_id for name, link in links.items() if link.strategy is Strategy.EXACT and link.team_id}
    used = set(exact.values())
    for name, link in links.items():
        if link.team_id and link.team_id not in used and link.strategy in SAME_TEAM:
            if not taken.reason({"team_name": name[2]}, link.team_id):
                connection.execute(update(teams).where(teams.c.id == link.team_id).values(team_name=name[2]))
                taken.note(link.team_id, {"team_name": name[2]})
            exact[name] = link.team_id
            used.add(link.team_id)
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
