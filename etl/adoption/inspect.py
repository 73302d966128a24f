"""What a person should know of a database before anything in it is changed, and at any time after: findings, no deeds.

Each inspection reads the catalogue and says, line by line, what is well, what is odd and what will not work, and what
to do about it. Nothing is written, no lock is taken that anybody waits for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa

from etl.adoption import catalogue
from etl.adoption.adopt import DIALECT, Addition, AdditionState, plan_additions
from etl.adoption.rights import READER, Readable, needed_grants, platform_readable, powers_beyond_sql
from etl.tables import QUALITY, import_feeds, metadata, rejects

OLDEST_SERVER = 14


class Level(StrEnum):
    """How a line of the report stands."""

    OK = "ok"
    WARNING = "warning"
    """It works, but not all of it, or a person should know."""
    ERROR = "error"
    """It does not work before somebody acts."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report: what was looked at, how it stands, and what to do; `statements` are SQL for the owner."""

    subject: str
    level: Level
    text: str
    remedy: str = ""
    statements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Inspection:
    """The findings in the order of the report."""

    findings: tuple[Finding, ...]
    reachable: bool = True
    """Whether there was a database to look at."""

    def of(self, level: Level) -> tuple[Finding, ...]:
        """Those of one level."""
        return tuple(one for one in self.findings if one.level is level)


def _ok(subject: str, text: str, remedy: str = "") -> Finding:
    return Finding(subject, Level.OK, text, remedy)


def _warning(subject: str, text: str, remedy: str, statements: tuple[str, ...] = ()) -> Finding:
    return Finding(subject, Level.WARNING, text, remedy, statements)


def _error(subject: str, text: str, remedy: str, statements: tuple[str, ...] = ()) -> Finding:
    return Finding(subject, Level.ERROR, text, remedy, statements)


def inspect_database(connection: sa.Connection, readable: Sequence[Readable] = ()) -> Inspection:
    """Everything that the database itself can tell. `readable` names tables that rules read besides the catalogue's."""
    there = catalogue.read_catalogue(connection)
    path = tuple(_path(connection, there))
    connection.exec_driver_sql("set local search_path = public")  # whatever the path is, the rest is about this schema
    platform = any(name in there for name in catalogue.platform_tables())
    parts = (
        _server(connection),
        _account(connection),
        path,
        _tables(there) if platform else _empty(),
        _columns(there),
        _contradictions(connection, there),
        _unfilled(there),
        _triggers(there),
        _additions(connection, there)
        if platform and not catalogue.missing_tables(there) and not _lacks_keys(there)
        else (),
        _rights(connection, there, readable),
        _reader(connection, dict.fromkeys((*platform_readable(), *readable) if platform else readable)),
    )
    return Inspection(tuple(finding for part in parts for finding in part))


def _server(connection: sa.Connection) -> Iterator[Finding]:
    version = connection.dialect.server_version_info or (0,)
    named = str(connection.scalar(sa.text("select current_setting('server_version')")))
    if version < (OLDEST_SERVER,):
        yield _error("server", f"PostgreSQL {named}", f"use PostgreSQL {OLDEST_SERVER} or newer")
    else:
        yield _ok("server", f"PostgreSQL {named}")
    size, encoding, zone = connection.execute(SERVER).one()
    yield _ok("server", f"the database takes {size}; its time zone is {zone}, our sessions take UTC")
    if encoding != "UTF8":
        yield _warning("server", f"the database's encoding is {encoding}",
                      "names with letters that it lacks are refused: move to a database of encoding UTF8")  # fmt: skip


SERVER = sa.text("""
select pg_size_pretty(pg_database_size(current_database())), pg_encoding_to_char(encoding),
       (select reset_val from pg_settings where name = 'TimeZone')
from pg_database where datname = current_database()
""")


def _account(connection: sa.Connection) -> Iterator[Finding]:
    name = connection.scalar(sa.text("select session_user"))
    if powers := powers_beyond_sql(connection):
        yield _warning(
            "account",
            f"{name} is {', '.join(powers)}",
            "give the product a role of its own: no slip and no rule can then reach other databases",
        )
    else:
        yield _ok("account", f"{name}, no superuser")
    driver = connection.connection.driver_connection
    told = driver.info.backend_pid if driver is not None else None
    # a pooler answers with a number of its own, for it does not know yet which server will work
    if told != connection.scalar(sa.text("select pg_backend_pid()")):
        yield _warning(
            "account",
            "a pooler stands between us and the server",
            "all works with one in transaction mode that gives a user five connections: `check` reads with four workers"
            " and one more (`--workers`); one in session mode works too",
        )


def _path(connection: sa.Connection, there: Mapping[str, catalogue.CatalogueTable]) -> Iterator[Finding]:
    path = str(connection.scalar(sa.text("select current_setting('search_path')")))
    found = connection.execute(FOUND, {"names": [name for name in catalogue.platform_tables() if name in there]}).all()
    hidden = [row.place or f"no {row.name}" for row in found if row.place != f"{catalogue.PUBLIC}.{row.name}"]
    remedy = "alter role current_user set search_path = public"
    if catalogue.PUBLIC not in (connection.scalar(sa.text("select current_schemas(false)")) or []):
        yield _error("search_path", f"{path or 'empty'}: the schema public is not on it", remedy, (remedy,))
    elif hidden:
        yield _error("search_path", f"{path}: {', '.join(hidden)} is found before public", remedy, (remedy,))
    elif connection.scalar(OWN_SCHEMA) is not None:
        yield _warning("search_path", f"{path}: there is a schema of the role's own name in front", remedy, (remedy,))
    else:
        yield _ok("search_path", path)


OWN_SCHEMA = sa.text("select to_regnamespace(quote_ident(current_user))")
# as the search path finds it, whatever path this statement's own text prints by
FOUND = sa.text("""
select own.name, (select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
                  where c.oid = to_regclass(own.name)) as place
from unnest(cast(:names as text[])) as own (name)
""")


def _empty() -> Iterator[Finding]:
    yield _ok(
        "tables",
        "the platform has no table here: init makes them",
        "for rules on tables of your own: rally-health init --rules-only",
    )


def _tables(there: Mapping[str, catalogue.CatalogueTable]) -> Iterator[Finding]:
    lacking = catalogue.missing_tables(there)
    for name in lacking:
        yield _error(
            "tables",
            f"there is no table {name}",
            "this is no Rally database: take another, or rally-health init --rules-only",
        )
    known = [name for name in catalogue.platform_tables() if name in there]
    others = sum(1 for name, table in there.items() if table.is_table and name not in known)
    yield _ok("tables", f"{len(known)} of the platform's tables, and {others} others that we leave alone")


def _lacks_keys(there: Mapping[str, catalogue.CatalogueTable]) -> bool:
    return bool(catalogue.missing_columns(there, required=True))


def _columns(there: Mapping[str, catalogue.CatalogueTable]) -> Iterator[Finding]:
    for table, names in catalogue.missing_columns(there, required=True).items():
        yield _error(
            "columns",
            f"{table} lacks {', '.join(names)}, which everything is built on",
            "this is no Rally database, or a very old one",
        )
    for table, names in catalogue.missing_columns(there, required=False).items():
        yield _warning(
            "columns",
            f"{table} lacks {', '.join(names)}",
            "feeds are imported without them, and rules about them cannot be asked",
        )
    for table in (name for name in catalogue.platform_tables() if name in there):
        for column in metadata.tables[table].columns:
            if column.name in there[table].columns:
                yield from _type(table, column, there[table].columns[column.name])


FAMILIES = {
    "smallint": "whole number",
    "integer": "whole number",
    "bigint": "whole number",
    "numeric": "number",
    "double precision": "number",
    "text": "text",
    "character varying": "text",
    "character": "text",
}


def _type(table: str, wanted: sa.Column[object], column: catalogue.CatalogueColumn) -> Iterator[Finding]:
    expected = str(wanted.type.compile(dialect=DIALECT)).lower().replace("varchar", "character varying")
    place, families = f"{table}.{wanted.name} is {column.type}", {_family(expected), _family(column.type)}
    if len(families) > 1 and families not in COMPARABLE:
        change = f"alter table {table} alter {wanted.name} type {expected} using {wanted.name}::{expected}"
        yield _error(
            "types",
            f"{place}, a feed brings {expected}",
            "feeds of this table fail; the owner changes it by",
            (change,),
        )
    elif len(families) > 1:
        remedy = "a value that does not fit is refused, row by row"
        yield _warning("types", f"{place}, a feed brings {expected}", remedy)
    elif families == {"text"} and _length(column.type) < _length(expected):
        named = table in {"clubs", "series", "leagues"}
        remedy = "a feed with a longer name fails" if named else "a longer value is refused, row by row"
        yield _warning("types", f"{place}, a feed may bring {expected}", remedy)


COMPARABLE = ({"whole number", "number"}, {"date", "timestamp"})
"""Families of types whose values can stand in for each other."""


def _family(name: str) -> str:
    plain = re.sub(r"\(.*?\)| with(out)? time zone", "", name).strip()
    return FAMILIES.get(plain, plain)


def _length(name: str) -> int:
    found = re.search(r"\((\d+)\)", name)
    return int(found.group(1)) if found else 1 << 30


def _contradictions(connection: sa.Connection, there: Mapping[str, catalogue.CatalogueTable]) -> Iterator[Finding]:
    """Unique keys and CHECKs of the platform's own that a feed's rows can meet."""
    for table in (name for name in catalogue.platform_tables() if name in there):
        for constraint in there[table].constraints.values():
            if _contradicts(table, constraint):
                met = _met(connection, constraint.name)
                lift = f"alter table {table} drop constraint {DIALECT.identifier_preparer.quote(constraint.name)}"
                yield _warning(
                    "constraints",
                    f"{table}.{constraint.name} {constraint.definition}: {met}",
                    "such rows of a feed are refused one by one, the rest is published; the owner can lift it by",
                    (lift,),
                )


def _contradicts(table: str, constraint: catalogue.CatalogueConstraint) -> bool:
    declared = metadata.tables[table]
    ours = [one for one in declared.constraints if isinstance(one, sa.UniqueConstraint)]
    keys = [set(declared.info.get("key", ())), *({column.name for column in one.columns} for one in ours)]
    columns = set(constraint.columns)
    if constraint.kind == "c":
        return not any(str(one.name) == constraint.name for one in declared.constraints)
    # a column that we do not know is nothing that a feed brings
    return (
        constraint.kind == "u"
        and columns <= set(declared.columns.keys())
        and not any(key <= columns for key in keys if key)
    )


def _met(connection: sa.Connection, name: str) -> str:
    """How many refused rows of the last feeds name a constraint."""
    if not catalogue.can_read(connection, QUALITY, rejects.name):
        return "no feed was imported yet"
    last = sa.select(sa.func.max(import_feeds.c.id)).group_by(import_feeds.c.kind, import_feeds.c.league)
    own = sa.select(sa.func.count()).where(rejects.c.feed_id.in_(last), sa.func.strpos(rejects.c.reason, name) > 0)
    return f"rows of the last feeds that met it: {connection.scalar(own) or 0:,}"


FILLED_BY_IMPORTS = {"series": {"league_id", "display_name"}, "teams": {"display_name"}}
"""What no feed tells and imports fill all the same."""


def _unfilled(there: Mapping[str, catalogue.CatalogueTable]) -> Iterator[Finding]:
    for table in (name for name in catalogue.platform_tables() if name in there):
        ours, filled = metadata.tables[table].columns, FILLED_BY_IMPORTS.get(table, set())
        needed = [own.name for own in there[table].columns.values() if not own.nullable and not own.filled]
        strange = [name for name in needed if name not in ours and name not in filled]
        strict = [name for name in needed if name in ours and ours[name].nullable and name not in filled]
        if strange:
            yield _error(
                "not null",
                f"{table}.{', '.join(strange)} must be filled, and no feed brings it",
                f"give it a default: alter table {table} alter {strange[0]} set default ...",
            )
        if strict:
            yield _warning(
                "not null",
                f"{table}.{', '.join(strict)} must be filled",
                "a feed's row that does not tell it is refused, the rest is published",
            )


def _triggers(there: Mapping[str, catalogue.CatalogueTable]) -> Iterator[Finding]:
    for table in (name for name in catalogue.platform_tables() if name in there):
        for name, definition in there[table].triggers.items():
            when = definition.partition(f" {name} ")[2].partition(" ON ")[0]
            yield _ok(
                "triggers",
                f"{table}.{name} fires {when}: imports and repairs let it work, undo and restore keep it from writing",
            )


def _additions(connection: sa.Connection, there: Mapping[str, catalogue.CatalogueTable]) -> Iterator[Finding]:
    known = (name for name in catalogue.platform_tables() if name in there)
    hidden = [name for name in known if not catalogue.can_read(connection, catalogue.PUBLIC, name)]
    if hidden:
        text = f"what init would add is not known: this account may not read {', '.join(hidden)}"
        yield _warning("additions", text, "run doctor again with the rights below, or as the owner")
        return
    for addition in plan_additions(connection, there):
        yield Finding("additions", _level(addition), _told(addition))


def _level(addition: Addition) -> Level:
    blocked = addition.state in {AdditionState.BLOCKED, AdditionState.UNVALIDATED}
    return Level.WARNING if blocked else Level.OK


def _told(addition: Addition) -> str:
    if addition.state is AdditionState.ADDED:
        return f"{addition.table}.{addition.name}: init adds this {addition.kind}"
    return str(addition)


def _rights(
    connection: sa.Connection, there: Mapping[str, catalogue.CatalogueTable], readable: Sequence[Readable]
) -> Iterator[Finding]:
    account = str(connection.scalar(sa.text("select current_user")))
    for work, level in (("check", Level.ERROR), ("import", Level.WARNING), ("init", Level.WARNING)):
        lacking = needed_grants(connection, work, account, readable)
        if lacking:
            text = f"{account} lacks {len(lacking)} rights that {work} needs"
            yield Finding("rights", level, text, "the owner of the tables runs the statements below", lacking)
        else:
            yield _ok("rights", f"{account} has the rights that {work} needs")
    owners = {there[name].owner for name in catalogue.platform_tables() if name in there}
    member = sa.text("select pg_has_role(current_user, :owner, 'USAGE')")
    foreign = sorted(owner for owner in owners if not connection.scalar(member, {"owner": owner}))
    if foreign:
        yield _warning(
            "rights",
            f"{account} does not own the tables, {', '.join(foreign)} does",
            f"init, repairs of constraints and restore are for the owner: grant {foreign[0]} to {account}",
        )


def _reader(connection: sa.Connection, readable: Iterable[Readable]) -> Iterator[Finding]:
    exists, account = connection.execute(ROLE, {"name": READER}).one()
    member = sa.text("select pg_has_role(current_user, :name, 'MEMBER')")
    if not exists or not connection.scalar(member, {"name": READER}):
        statements = (f"create role {READER} nologin", f"grant {READER} to {account}")[exists:]
        yield _warning(
            "rights",
            f"checks have no role without write rights to take on ({READER})",
            "somebody who may make roles runs the statements below, then: rally-health init",
            statements,
        )
        return
    may = sa.text("select has_any_column_privilege(:role, :label, 'SELECT')")
    tables = [one for one in readable if _is_there(connection, one)]
    blind = [one.label for one in tables if not connection.scalar(may, {"role": READER, "label": one.label})]
    if blind:
        yield _warning("rights", f"{READER} cannot read {', '.join(blind)}", "rally-health init lets it")
    else:
        yield _ok("rights", f"checks take on {READER}, which reads {len(tables)} tables and can write none")


ROLE = sa.text("select exists (select 1 from pg_roles where rolname = :name), quote_ident(current_user)")


def _is_there(connection: sa.Connection, table: Readable) -> bool:
    return connection.scalar(THERE, {"schema": table.schema, "name": table.name}) is not None


# to_regclass raises where the schema must not be used
THERE = sa.text("""
select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = :schema and c.relname = :name and has_schema_privilege(n.oid, 'USAGE')
""")
