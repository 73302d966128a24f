"""The platform's database as it really is, built from its catalogue and its rows; see ../shared/platform/README.md."""

from __future__ import annotations

import csv
import gzip
import json
import re
from enum import StrEnum
from pathlib import Path
from typing import Any

import psycopg

PLATFORM = Path(__file__).resolve().parents[2] / ".." / "shared" / "platform"
OWNER = "platform_owner"
"""The role that owns every table; no superuser."""


class Shape(StrEnum):
    """The platform's catalogue at two moments."""

    AUGUST = "august"
    NOVEMBER = "november"


TOUCH = """
create function update_updated_at_column() returns trigger language plpgsql as $$
begin
  new.updated_at = current_timestamp;
  return new;
end $$
"""
POPULATE = """
create function auto_populate_player_id() returns trigger language plpgsql as $$
begin
  if new.player_id is null then
    select id into new.player_id from players
    where first_name || ' ' || last_name = new.player_name and series_id = new.series_id limit 1;
  end if;
  if new.player_id is null then
    raise exception 'no player % in series %', new.player_name, new.series_id;
  end if;
  return new;
end $$
"""
VIEW = """
create view team_rosters as
select t.id as team_id, t.team_name, l.league_id as league, count(p.id) as players
from teams t join leagues l on l.id = t.league_id left join players p on p.team_id = t.id
group by t.id, t.team_name, l.league_id
"""
# A series that several leagues share becomes one row per league; one that no league has goes.
NOVEMBER = """
alter table series add column league_id integer references leagues (id);
alter table series drop constraint series_name_key;
update series s set league_id = (select min(league_id) from series_leagues x where x.series_id = s.id);
create temp table split on commit drop as
  select x.series_id as old, x.league_id, nextval('series_id_seq')::int as new
  from series_leagues x join series s on s.id = x.series_id and x.league_id <> s.league_id order by 1, 2;
insert into series (id, name, display_name, updated_at, league_id)
  select new, s.name, s.display_name, s.updated_at, split.league_id from split join series s on s.id = old;
update teams t set series_id = new from split where series_id = old and t.league_id = split.league_id;
update players t set series_id = new from split where series_id = old and t.league_id = split.league_id;
update series_stats t set series_id = new from split where series_id = old and t.league_id = split.league_id;
update player_availability a set series_id = p.series_id from players p where p.id = a.player_id;
delete from series where league_id is null;
alter table series alter league_id set not null;
alter table series add constraint unique_series_per_league unique (league_id, name);
drop table series_leagues;
alter table teams drop constraint unique_team_club_series_league;
alter table teams drop constraint unique_team_name_per_league;
alter table teams add constraint unique_team_in_league_series unique (league_id, series_id, team_name);
alter table match_scores add column tenniscores_match_id text;
alter table match_scores add constraint unique_tenniscores_match_id unique (tenniscores_match_id);
"""


def build(url: str, shape: Shape) -> None:
    """Make and fill the platform's tables in an empty database, as a superuser and then owned by `OWNER`."""
    tables = json.loads((PLATFORM / "schema.json").read_text())
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        # as the platform's loader did: that is how ids came in that no row has
        cursor.execute("set session_replication_role = replica")
        cursor.execute(TOUCH.encode())
        cursor.execute(POPULATE.encode())
        _create(cursor, tables)
        for name in tables:
            _load(cursor, name)
        if shape is Shape.NOVEMBER:
            cursor.execute(NOVEMBER.encode())
        cursor.execute(VIEW.encode())
        _hand_over(cursor)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum analyze")


def rows_of(table: str) -> list[dict[str, str]]:
    """The rows of a table's file, as text."""
    with gzip.open(PLATFORM / f"{table}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _create(cursor: psycopg.Cursor[Any], tables: dict[str, Any]) -> None:
    for name, table in tables.items():
        columns = ", ".join(f'"{column}" {kind.replace(" serial", "")}' for column, kind in table["columns"].items())
        _run(cursor, f"create table {name} ({columns})")
        for column in (column for column, kind in table["columns"].items() if kind.endswith(" serial")):
            sequence = f"{name}_{column}_seq"
            _run(cursor, f"create sequence {sequence} as integer owned by {name}.{column}")
            _run(cursor, f"alter table {name} alter {column} set default nextval('{sequence}')")
    for kind in (False, True):  # foreign keys need the keys that they point to
        for name, table in tables.items():
            for constraint, text in table["constraints"].items():
                if text.startswith("FOREIGN KEY") is kind:
                    _run(cursor, f"alter table {name} add constraint {constraint} {text}")
    for name, table in tables.items():
        for index in table.get("unique_indexes", ()):
            definition, alias = index.rsplit(" as ", 1)
            _run(cursor, f"create unique index {alias} on {name} using {definition}")
        for trigger in table.get("triggers", ()):
            _trigger(cursor, name, trigger)


def _trigger(cursor: psycopg.Cursor[Any], table: str, text: str) -> None:
    name = text.split(":", maxsplit=1)[0]
    function = "update_updated_at_column" if name.endswith("updated_at") else "auto_populate_player_id"
    when = "update" if name.endswith("updated_at") else "insert"
    _run(cursor, f"create trigger {name} before {when} on {table} for each row execute function {function}()")


def _load(cursor: psycopg.Cursor[Any], table: str) -> None:
    path = PLATFORM / f"{table}.csv.gz"
    if not path.exists():
        return
    with gzip.open(path, "rb") as file:
        header = file.readline().decode().strip()
        with cursor.copy(f"copy {table} ({header}) from stdin with (format csv)".encode()) as copy:
            while block := file.read(1 << 16):
                copy.write(block)
    if "id" in header.split(","):
        _run(cursor, f"select setval('{table}_id_seq', max(id)) from {table}")


def _hand_over(cursor: psycopg.Cursor[Any]) -> None:
    """Give all to the owner: tables take their sequences along."""
    cursor.execute(
        "select oid::regclass::text from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'v')"
    )
    for (name,) in cursor.fetchall():
        _run(cursor, f"alter table {name} owner to {OWNER}")
    for function in ("update_updated_at_column", "auto_populate_player_id"):
        _run(cursor, f"alter function {function}() owner to {OWNER}")


def _run(cursor: psycopg.Cursor[Any], statement: str) -> None:
    cursor.execute(re.sub(r"\s+", " ", statement).encode())
