"""Who may do what: the role that checks take on, and the rights that an account needs for each kind of work.

READ ONLY alone can be left by a statement that ends the transaction; a role without rights cannot write. It reads the
tables that rules ask about and nothing else: passwords and phone numbers of the platform's users stay out of its sight.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Table, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError

from etl.adoption.catalogue import PUBLIC, RELATIONS, platform_tables
from etl.tables import QUALITY

READER = "rally_reader"
_quote = postgresql.dialect().identifier_preparer.quote  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Readable:
    """A table that rules read; `columns` names those that they may see, None all of them."""

    schema: str
    name: str
    columns: tuple[str, ...] | None = None

    @classmethod
    def of(cls, table: Table, columns: Iterable[str]) -> Readable:
        """A table of which rules read some columns; one of ours is read as a whole."""
        schema = table.schema or PUBLIC
        ours = schema == QUALITY or (schema == PUBLIC and table.name in platform_tables())
        return cls(schema, table.name, None if ours else tuple(sorted(columns)))

    @property
    def label(self) -> str:
        """The table as SQL names it."""
        return f"{_quote(self.schema)}.{_quote(self.name)}"

    @property
    def select(self) -> str:
        """The right to read it, as GRANT and REVOKE spell it."""
        return "select" if self.columns is None else f"select ({', '.join(map(_quote, self.columns))})"


def platform_readable() -> tuple[Readable, ...]:
    """The platform's tables that the catalogue's rules read."""
    return tuple(Readable(PUBLIC, name) for name in platform_tables())


def ensure_reader(connection: Connection, readable: Sequence[Readable]) -> bool:
    """Make the role, or bring its rights up to date, where we may; False where the database's owner did not let us.

    What it could read before and should not (earlier versions granted whole schemas) is taken away.
    """
    try:
        with connection.begin_nested():
            if connection.scalar(text("select 1 from pg_roles where rolname = :name"), {"name": READER}) is None:
                connection.execute(text(f"create role {READER} nologin"))
                connection.execute(text(f"grant {READER} to current_user"))
            connection.execute(OPEN_READER)
            for statement in (*_revocations(connection), *_grants(connection, readable)):
                connection.exec_driver_sql(statement)
    except DBAPIError:
        return False
    return True


# a superuser's checks measure through a connection of the role itself; without a password it can log in only where the
# server asks for none, as the embedded one does
OPEN_READER = text("""
do $$ begin
    if exists (select from pg_roles where rolname = session_user and rolsuper)
        and not (select rolcanlogin from pg_roles where rolname = 'rally_reader') then
        alter role rally_reader login;
    end if;
end $$
""")
POWERS = text("""
select array_remove(array[
    case when r.rolsuper then 'a superuser' end,
    case when r.rolreplication and not r.rolsuper then 'a role with REPLICATION' end] || array(
        select 'a member of ' || g.rolname from pg_roles g
        where not r.rolsuper and pg_has_role(session_user, g.oid, 'MEMBER') and g.rolname in
            ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files') order by g.rolname), null)
from pg_roles r where r.rolname = session_user
""")


def powers_beyond_sql(connection: Connection) -> tuple[str, ...]:
    """What makes an account one that READ ONLY and a role taken on do not contain, such as "a superuser"; often empty.

    A statement can leave the role again (`set_config('role', 'none', ..)`), and such an account can then run programs,
    read files or make a replication slot within a transaction that is READ ONLY.
    """
    return tuple(connection.scalar(POWERS) or ())


def may_log_in(connection: Connection, role: str = READER) -> bool:
    """Whether a role is there and allowed to log in; whether the server lets it in is another question."""
    return bool(connection.scalar(text("select rolcanlogin from pg_roles where rolname = :name"), {"name": role}))


def remove_reader(connection: Connection) -> None:
    """Take the role's rights in this database away, and the role itself where no other database knows it."""
    if connection.scalar(text("select 1 from pg_roles where rolname = :name"), {"name": READER}) is None:
        return
    for statement in _revocations(connection):
        _tried(connection, statement)
    _tried(connection, f"drop role {READER}")


def _tried(connection: Connection, statement: str) -> None:
    try:
        with connection.begin_nested():
            connection.exec_driver_sql(statement)
    except DBAPIError:
        return


def _grants(connection: Connection, readable: Sequence[Readable]) -> Iterator[str]:
    schemas = sorted({PUBLIC, QUALITY, *(one.schema for one in readable)})
    yield f"grant usage on schema {', '.join(map(_quote, schemas))} to {READER}"
    yield f"grant select on all tables in schema {QUALITY} to {READER}"
    for table in readable:
        there = read_columns(connection, table)
        if table.schema != QUALITY and there and (table.columns is None or set(table.columns) <= there):
            yield f"grant {table.select} on {table.label} to {READER}"


def read_columns(connection: Connection, table: Readable) -> set[str]:
    """The columns of a table of the database; empty where there is none."""
    rows = connection.scalars(
        text(
            "select a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid"
            " join pg_namespace n on n.oid = c.relnamespace"
            " where n.nspname = :schema and c.relname = :name and a.attnum > 0 and not a.attisdropped"
        ),
        {"schema": table.schema, "name": table.name},
    )
    return set(rows)


# what was granted, table by table and column by column, and what earlier versions promised for tables to come
GRANTED = text("""
select format('revoke %s on %I.%I from rally_reader', lower(a.privilege_type), n.nspname, c.relname)
from pg_class c join pg_namespace n on n.oid = c.relnamespace, aclexplode(c.relacl) a
where a.grantee = to_regrole('rally_reader')::oid and c.relkind in ('r', 'p', 'v', 'm', 'f')
union all
select format('revoke %s (%I) on %I.%I from rally_reader', lower(a.privilege_type), t.attname, n.nspname, c.relname)
from pg_attribute t join pg_class c on c.oid = t.attrelid join pg_namespace n on n.oid = c.relnamespace,
     aclexplode(t.attacl) a
where a.grantee = to_regrole('rally_reader')::oid
union all
select format('revoke usage on schema %I from rally_reader', n.nspname)
from pg_namespace n, aclexplode(n.nspacl) a where a.grantee = to_regrole('rally_reader')::oid
union all
select format('alter default privileges for role %I in schema %I revoke select on tables from rally_reader',
              pg_get_userbyid(d.defaclrole), n.nspname)
from pg_default_acl d join pg_namespace n on n.oid = d.defaclnamespace, aclexplode(d.defaclacl) a
where a.grantee = to_regrole('rally_reader')::oid and d.defaclobjtype = 'r'
""")


def _revocations(connection: Connection) -> list[str]:
    return list(connection.scalars(GRANTED))


def may_keep_history(connection: Connection) -> bool:
    """Whether this account may write down what a check found; one that only reads may check all the same."""
    asked = text("select not pg_is_in_recovery() and has_table_privilege('quality.check_runs', 'INSERT')")
    return bool(connection.scalar(asked))


WORK = ("check", "import", "init")
"""What an account can be there for: reading, importing (and repairing), and making the tables."""


def needed_grants(
    connection: Connection, work: str, account: str, readable: Sequence[Readable] = ()
) -> tuple[str, ...]:
    """The GRANT statements that an account lacks for a kind of work, for the owner to run; empty where it may.

    `readable` names tables that rules read besides ours; an import is judged by rules too.
    """
    rights = [*_rights(connection, work, _quote(account))]
    if work != "init":
        rights += _on_columns(connection, readable, _quote(account))
    return tuple(dict.fromkeys(statement for right, statement in rights if not _has(connection, right)))


Right = tuple[str, str, str]
"""What kind of object, its name, and the privilege."""


def _rights(connection: Connection, work: str, account: str) -> Iterator[tuple[Right, str]]:
    database = str(connection.scalar(text("select current_database()")))
    yield ("database", database, "TEMP"), f"grant temporary on database {_quote(database)} to {account}"
    for schema in (PUBLIC, QUALITY):
        if _exists(connection, schema):
            yield ("schema", schema, "USAGE"), f"grant usage on schema {schema} to {account}"
    if work == "init":
        if not _exists(connection, QUALITY):
            create = f"grant create on database {_quote(database)} to {account}"
            yield ("database", database, "CREATE"), create
        yield from _on_tables(connection, PUBLIC, ("SELECT", "REFERENCES"), account)
        return
    writing = ("SELECT", "INSERT", "UPDATE", "DELETE") if work == "import" else ("SELECT",)
    yield from _on_tables(connection, PUBLIC, writing, account)
    yield from _on_tables(connection, QUALITY, writing, account)
    if work == "import":
        yield from _on_sequences(connection, account)


def _exists(connection: Connection, schema: str) -> bool:
    return connection.scalar(text("select to_regnamespace(:name)"), {"name": schema}) is not None


def _on_tables(connection: Connection, schema: str, rights: Sequence[str], account: str) -> Iterator[tuple[Right, str]]:
    there = set(connection.scalars(RELATIONS, {"schema": schema}))
    names = platform_tables() if schema == PUBLIC else sorted(there)
    for name in names:
        if name in there:
            label = f"{_quote(schema)}.{_quote(name)}"
            words = ", ".join(right.lower() for right in rights)
            for right in rights:
                yield ("table", label, right), f"grant {words} on {label} to {account}"


def _on_columns(connection: Connection, readable: Sequence[Readable], account: str) -> Iterator[tuple[Right, str]]:
    """Of tables that are not ours, nothing but the columns that rules read."""
    for table in readable:
        if table.columns is not None and set(table.columns) <= read_columns(connection, table):
            yield ("schema", table.schema, "USAGE"), f"grant usage on schema {_quote(table.schema)} to {account}"
            for column in table.columns:
                label = f"{table.label}.{_quote(column)}"
                yield ("column", label, "SELECT"), f"grant {table.select} on {table.label} to {account}"


SERIALS = text("""
select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
join pg_depend d on d.objid = c.oid and d.classid = 'pg_class'::regclass and d.deptype in ('a', 'i')
join pg_class t on t.oid = d.refobjid
where c.relkind = 'S' and (n.nspname = 'quality' or n.nspname = 'public' and t.relname = any(:tables)) order by 1
""")


def _on_sequences(connection: Connection, account: str) -> Iterator[tuple[Right, str]]:
    for label in connection.scalars(SERIALS, {"tables": platform_tables()}):
        yield ("sequence", label, "USAGE"), f"grant usage on sequence {label} to {account}"


def _has(connection: Connection, right: Right) -> bool:
    function, name, privilege = right
    return bool(connection.scalar(HAS[function], {"name": name, "privilege": privilege}))


# tables and sequences by their number: by its name one of a schema that must not be used raises
HAS = {
    "database": text("select has_database_privilege(:name, :privilege)"),
    "schema": text("select has_schema_privilege(:name, :privilege)"),
    "table": text("""
        select has_table_privilege(c.oid, :privilege) from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where format('%I.%I', n.nspname, c.relname) = :name"""),
    "column": text("""
        select has_column_privilege(c.oid, a.attnum, :privilege) from pg_attribute a
        join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
        where format('%I.%I.%I', n.nspname, c.relname, a.attname) = :name"""),
    "sequence": text("""
        select has_sequence_privilege(c.oid, :privilege) from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where format('%I.%I', n.nspname, c.relname) = :name"""),
}
