"""What the engine does not know and rules need: the leagues, series and clubs of Rally, and which import wrote a row.

Bad rows are grouped by these dimensions, `--league` narrows by one, and `each="league"` runs a rule once per value.
Which tables rules read is known here too: the role that checks take on may see these and no other.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.exc import DBAPIError

from checks.engine.authoring import CheckError
from checks.engine.authoring.decorators import fixture
from checks.engine.authoring.spec import Check, TableName
from checks.engine.collecting.rules import Rules
from checks.engine.collecting.wiring import Values, values
from checks.engine.measuring.compile_queries import Query, queries_of
from checks.engine.measuring.reflect import Connect, NamedTables, elements_of
from checks.engine.measuring.scope import Column, Dimension, Lookup, Parameter, Way, direct, through
from checks.engine.reporting.literal import runnable_sql
from etl import tables
from etl.tables import clubs, import_runs, leagues, teams

SOURCES = ("checks.rules", "checks.scopes", "checks.fixes")
"""Where the catalogue, its fixtures and its fixes stand."""

_TEAM_COLUMNS = ("home_team_id", "away_team_id", "team_id")


def _team_ways(value: Column) -> tuple[Way, ...]:
    return tuple(through(column, teams.c.id, value) for column in _TEAM_COLUMNS)


def _named(column: str, name: Column, key: Column) -> Way:
    """The column holds a name; an adopted database may have two things of one name, of which the older is meant."""
    oldest = sa.select(name.label("name"), sa.func.min(key).label("key")).group_by(name).subquery()
    return Way(
        column,
        lambda own: Lookup(oldest, "name", "key"),
        lambda own, wanted: own.in_(sa.select(name).where(key == wanted)),
    )


def _import_of(written: Column) -> Column:
    """The newest import of those that had started by then: by a search in their sorted starts, read once."""
    columns, newest = import_runs.c, sa.func.max(import_runs.c.id).over(order_by=import_runs.c.started_at)
    runs = sa.select(columns.started_at, newest.label("newest")).subquery()
    starts = sa.select(sa.func.array_agg(aggregate_order_by(runs.c.started_at, runs.c.started_at))).scalar_subquery()
    latest = sa.select(sa.func.array_agg(aggregate_order_by(runs.c.newest, runs.c.started_at))).scalar_subquery()
    place = sa.func.width_bucket(sa.cast(written, columns.started_at.type), starts)
    return sa.type_coerce(latest, ARRAY(sa.Integer))[place]


def _written_by(written: Column, run: Any) -> Any:
    runs = import_runs.c
    at = sa.cast(written, runs.started_at.type)
    started = sa.select(runs.started_at).where(runs.id == run).scalar_subquery()
    following = sa.select(sa.func.min(runs.started_at)).where(runs.id > run).scalar_subquery()
    return sa.and_(at >= started, sa.or_(following.is_(None), at < following))


def _number_or_name(column: str, name: Column, key: Column) -> Way:
    """The column holds a key; in the table of the names itself a column so called holds the name."""
    by_key, by_name = direct(column), _named(column, name, key)

    def right(own: Column) -> Way:
        return by_name if isinstance(own.type, sa.String) else by_key

    return Way(column, lambda own: right(own).value(own), lambda own, wanted: right(own).holds(own, wanted))


# an alias, or a rule about `leagues` itself would compare each row with itself
_all_leagues = leagues.alias("all_leagues").c

# rules show the names of leagues, series and clubs, so a name is a way as well
LEAGUE = Dimension(
    "league",
    (
        _number_or_name("league_id", _all_leagues.league_id, _all_leagues.id),
        _named("league", leagues.c.league_id, leagues.c.id),
        *_team_ways(teams.c.league_id),
    ),
    sa.select(leagues.c.id, leagues.c.league_id),
    scored=True,
)
SERIES = Dimension(
    "series",
    (direct("series_id"), _named("series", tables.series.c.name, tables.series.c.id), *_team_ways(teams.c.series_id)),
    sa.select(tables.series.c.id, tables.series.c.name),
)
CLUB = Dimension(
    "club",
    (direct("club_id"), _named("club", clubs.c.name, clubs.c.id), *_team_ways(teams.c.club_id)),
    sa.select(clubs.c.id, clubs.c.name),
)
IMPORT = Dimension(
    "import",
    (Way("created_at", _import_of, _written_by),),
    sa.select(import_runs.c.id, sa.literal("import ").concat(sa.cast(import_runs.c.id, sa.Text))),
)
DIMENSIONS = (LEAGUE, SERIES, CLUB, IMPORT)


def dimensions_there(connection: sa.Connection) -> tuple[Dimension, ...]:
    """The dimensions that this database knows: one that holds rules of its own alone has no leagues to name."""
    there = set(sa.inspect(connection).get_table_names())
    platform = {table.name for table in (leagues, tables.series, clubs, teams)} <= there
    return DIMENSIONS if platform else (IMPORT,)


@fixture
def league() -> sa.Select[tuple[int, str]]:
    """All leagues, for `each="league"`; the rule gets the id that other tables refer to."""
    return sa.select(leagues.c.id, leagues.c.league_id).order_by(leagues.c.league_id)


@fixture
def series() -> sa.Select[tuple[int, str]]:
    """All series, for `each="series"`; the rule gets the id that other tables refer to."""
    return sa.select(tables.series.c.id, tables.series.c.name).order_by(tables.series.c.name)


@fixture
def club() -> sa.Select[tuple[int, str]]:
    """All clubs, for `each="club"`; the rule gets the id that other tables refer to."""
    return sa.select(clubs.c.id, clubs.c.name).order_by(clubs.c.name)


def tables_read(rules: Rules, now: datetime, connect: Connect) -> dict[sa.Table, frozenset[str]]:
    """The tables that rules ask about, with the columns that they name, and those of keys and dimensions.

    A rule that cannot be asked is left out.
    """
    named = NamedTables(connect, {})
    grouped = {way.column for dimension in DIMENSIONS for way in dimension.ways}
    columns_of: dict[sa.Table, set[str]] = {}
    with values(rules.fixtures, {"now": now, "today": now.date()}) as given:
        for check in rules.values():
            for table, column in _columns_read(check, named, given, connect):
                columns_of.setdefault(table, set()).add(column)
    return {
        table: frozenset({*columns, *(grouped & set(table.c.keys())), *(key.name for key in table.primary_key)})
        for table, columns in columns_of.items()
    }


def _columns_read(check: Check, named: NamedTables, given: Values, connect: Connect) -> Iterator[tuple[sa.Table, str]]:
    try:
        bound = named.bind(check)
        queries = [one for one in queries_of(bound, [Parameter()], given, named) if isinstance(one, Query)]
    except CheckError:
        return
    for query in queries:
        table = query.check.mark.table
        if isinstance(table, sa.Table):
            yield from ((table, name) for name in query.check.mark.columns)
        for part in (query.bad, query.among, query.metric):
            elements = [] if part is None else [*elements_of([part])]
            columns = {column for each in elements for column in getattr(each, "base_columns", ())}
            yield from ((own.table, own.name) for own in columns if isinstance(getattr(own, "table", None), sa.Table))
            if isinstance(part, sa.SelectBase) and any(isinstance(each, sa.TextClause) for each in elements):
                yield from ((named.table(TableName(name)), column) for name, column in _columns_of_text(part, connect))


COLUMNS_OF_VIEW = sa.text("""
select distinct format('%I.%I', n.nspname, c.relname), a.attname
from pg_rewrite r join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
join pg_class c on d.refclassid = 'pg_class'::regclass and c.oid = d.refobjid
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum = d.refobjsubid
where r.ev_class = 'pg_temp.read_by_rule'::regclass and d.refobjsubid > 0 and c.oid <> r.ev_class
""")


def _columns_of_text(statement: sa.SelectBase, connect: Connect) -> list[tuple[str, str]]:
    """What a statement that is text reads, as the database itself understands it: a view of it knows its columns."""
    view = f"create temporary view read_by_rule as select 1 as one from ({runnable_sql(statement)}\n) read"  # noqa: S608 - an author's own text, rolled back
    with connect() as connection, connection.begin_nested() as savepoint:
        try:
            connection.exec_driver_sql(view.replace("%", "%%"), ())
            return [(name, column) for name, column in connection.execute(COLUMNS_OF_VIEW)]
        except DBAPIError:  # a statement that cannot be run reads nothing
            return []
        finally:
            savepoint.rollback()
