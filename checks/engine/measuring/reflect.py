"""What a run reads once: the tables that rules know by name, and the sets that several rules share."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cache, lru_cache
from threading import Lock
from typing import Any, TypeAlias, TypeVar

import sqlalchemy as sa
from sqlalchemy import Column, Connection, Inspector, MetaData, SelectBase, Table, TextClause, inspect, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import NoSuchTableError, SAWarning, SQLAlchemyError

from checks.engine.authoring import MeasureError
from checks.engine.authoring.decorators import SharedSet, Within
from checks.engine.authoring.spec import Check, TableName
from etl.tables.reflected import descriptions, reflected

Connect = Callable[[], AbstractContextManager[Connection]]
Ask: TypeAlias = Callable[[sa.Select[Any]], Sequence[Any]]
"""Answers a statement."""


class MissingTableError(MeasureError):
    """A rule names a table that the database does not have."""


class NamedTables:
    """The tables of one run by name. `known` are tables that the caller describes: their keys and personal columns.

    Without `connect` there are no others.
    """

    def __init__(self, connect: Connect | None, known: Mapping[str, Table]) -> None:
        self._connect = connect
        self._known = known
        self._read: dict[TableName, Table] = {}
        self._ahead: dict[str, Table] = {}
        self._remembered: dict[TableName, dict[Any, Table]] = {}

    def read_ahead(self, checks: Iterable[Check]) -> None:
        """Read the tables that rules name, all of a schema by as many questions as one of them takes.

        Of one that still is as this process has read it before, nothing but its description is asked.
        """
        tables = [own for check in checks for own in check.mark.all_tables]
        named = {own for own in tables if isinstance(own, TableName) and self._declared(own) is None}
        lacking = named - self._read.keys()
        if self._connect is None or not lacking:
            return
        # what cannot be read ahead is read alone, where the error is that of its rule
        with suppress(SQLAlchemyError), self._connect() as connection, connection.begin_nested(), _no_warnings():
            for schema in {own.parts[0] for own in lacking}:
                self._read_ahead(connection, schema, {own for own in lacking if own.parts[0] == schema})

    def _read_ahead(self, connection: Connection, schema: str | None, names: Collection[TableName]) -> None:
        texts = descriptions(connection, schema, [name.parts[1] for name in names])
        described = {name: as_described(text) for name, text in texts.items()}
        self._remembered |= {name: described[name.parts[1]] for name in names if name.parts[1] in described}
        # as it was read before and still is, with what is declared of it
        known = {name: self._remembered.get(name, {}).get((name, self._known.get(name.fullname))) for name in names}
        self._read |= {name: table for name, table in known.items() if table is not None}
        lacking = {name.parts[1] for name, table in known.items() if table is None}
        self._ahead |= reflected(connection, schema, lacking) if lacking else {}

    def bind(self, check: Check) -> Check:
        """The rule with tables in place of names; raises MissingTableError with the nearest name."""
        mark = check.mark
        if not any(isinstance(own, TableName) for own in mark.all_tables):
            return check
        table = self._table(mark.table) if isinstance(mark.table, TableName) else mark.table
        others = tuple((name, self._other(own, mark.table, table)) for name, own in mark.tables)
        kept = "bound", table, others
        if kept not in check.answers:
            bound = {
                key: own and replace(own, mark=replace(own.mark, table=table, tables=others))
                for key, own in check.segments.items()
            }
            check.answers[kept] = replace(check, mark=replace(mark, table=table, tables=others), segments=bound)
        rule: Check = check.answers[kept]
        return rule

    def table(self, name: TableName) -> Table:
        """One table by its name; raises MissingTableError with the nearest."""
        return self._table(name)

    def described(self, statement: TextClause) -> SelectBase:
        """A statement that was written as text, with the columns that the database says it has.

        Asked inside a subquery, which can hold no change of data, and without any row. Raises MeasureError.
        """
        if self._connect is None:
            raise MeasureError("its statement is text: a run asks what it selects")
        inner = text(f"(select * from ({statement.text}\n) told limit 0) nothing")  # noqa: S608 - an author's own text, READ ONLY
        with self._connect() as connection, connection.begin_nested():
            connection.exec_driver_sql("set local transaction_read_only = on")
            names = list(connection.execute(select(text("*")).select_from(inner)).keys())
        return statement.columns(*(Column(name) for name in names))

    def _other(self, own: object, main: object, table: object) -> object:
        return table if own == main else self._table(own) if isinstance(own, TableName) else own

    def _declared(self, name: TableName) -> Table | None:
        """The table that the caller describes, if it has all that is read of it: such rules share one scan."""
        table, asked = self._known.get(name.fullname), None if name.key or name.optional else name.columns
        known = table is not None and asked is not None and {*asked} <= {*table.c.keys()}
        return table if known or self._connect is None else None

    def _table(self, name: TableName) -> Table:
        if (declared := self._declared(name)) is not None:
            return declared
        if self._connect is None:
            raise MissingTableError(f"its table {name.fullname} is known by name alone: a run reads it")
        if name not in self._read:
            self._read[name] = self._reflected(self._connect, name, self._known.get(name.fullname))
        return self._read[name]

    def _reflected(self, connect: Connect, name: TableName, declared: Table | None) -> Table:
        schema, plain = name.parts
        with connect() as connection, _no_warnings():
            try:
                # a table is read ahead for one of its names; another that says another key has a Table of its own
                table = self._ahead.pop(name.fullname, None)
                if table is None:
                    table = Table(plain, MetaData(), schema=schema, autoload_with=connection, resolve_fks=False)
            except NoSuchTableError:
                raise MissingTableError(_missing(name, inspect(connection))) from None
            key = name.key or _key(table, declared, inspect(connection))
        table.info["optional"] = name.optional
        described = _described(table, declared, key)
        self._remembered.get(name, {})[name, declared] = described
        return described


@contextmanager
def _no_warnings() -> Iterator[None]:
    """A type of an extension is no trouble: nobody reads its values."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)
        yield


MOST_DESCRIBED = 256


@lru_cache(maxsize=MOST_DESCRIBED)
def as_described(description: str) -> dict[Any, Table]:
    """The tables that this process has made of a description, by name and what was declared of them."""
    return {}


def _described(table: Table, declared: Table | None, key: Sequence[str]) -> Table:
    """The table with what is known about it: its key, and which of its columns are personal."""
    lacking = [name for name in key if name not in table.c]
    if lacking:
        raise MeasureError(f"the key of {table.fullname} names {lacking[0]!r}; it has {', '.join(table.c.keys())}")
    if key:
        table.info["key"] = tuple(key)
    for column in () if declared is None else declared.c:
        if column.name in table.c:
            table.c[column.name].info.update(column.info)
    return table


def _key(table: Table, known: Table | None, inspector: Inspector) -> Sequence[str]:
    """What names a row: what is known of the table, else its primary key, else a unique key without NULL."""
    if known is not None and all(name in table.c for name in known.info.get("key", ())):
        return tuple(known.info.get("key", ()))
    if len(table.primary_key):
        return [column.name for column in table.primary_key]
    if not inspector.has_table(table.name, schema=table.schema):
        return ()
    for unique in inspector.get_unique_constraints(table.name, schema=table.schema):
        names = unique["column_names"]
        if not any(table.c[name].nullable for name in names):
            return names
    return ()


def _missing(name: TableName, inspector: Inspector) -> str:
    schema, plain = name.parts
    schemas = inspector.get_schema_names()
    if schema is not None and schema not in schemas:
        near = get_close_matches(schema, schemas, n=1)
        return f"there is no schema {schema!r}" + (f"; did you mean {near[0]!r}?" if near else "")
    names = [*inspector.get_table_names(schema), *inspector.get_view_names(schema)]
    folded = {one.casefold(): one for one in names}
    near = get_close_matches(plain.casefold(), folded, n=1)
    return f"there is no table {name.fullname!r}" + (f"; did you mean {folded[near[0]]!r}?" if near else "")


LEAVES = (Table, Column, sa.BindParameter)
"""What most elements are, and nothing is looked for in."""


def elements_of(statements: Iterable[Any], leaves: tuple[type, ...] = LEAVES) -> Iterator[Any]:
    """All elements of statements, each once: what many columns come from is one child of each of them."""
    # held, so that no other element gets the id of one that was made on the way
    waiting, seen = list(statements), dict[int, Any]()
    while waiting:
        part = waiting.pop()
        if id(part) not in seen:
            seen[id(part)] = part
            yield part
            if not isinstance(part, leaves):
                waiting.extend(part.get_children())


MOST_BYTES = 250_000_000
"""Of a larger table the keys of bad rows are not collected: these may be all."""


def keys_of(tables: Iterable[sa.FromClause], ask: Ask) -> dict[sa.FromClause, sa.ColumnElement[int]]:
    """The whole number that is the key of each table; none for one without, larger than MOST_BYTES, or a view."""
    own = [list(table.primary_key) for table in tables if isinstance(table, Table)]
    keys = [columns[0] for columns in own if len(columns) == 1 and isinstance(columns[0].type, sa.Integer)]
    named = postgresql.dialect().identifier_preparer.format_table  # type: ignore[no-untyped-call]  # SQLAlchemy's own
    names = sa.literal([named(key.table) for key in keys], postgresql.ARRAY(sa.Text))
    asked, oid = sa.func.unnest(names).table_valued("name").render_derived("asked"), sa.column("oid", sa.BigInteger)
    sizes = select(asked.c.name, sa.func.pg_relation_size(oid)).select_from(asked, text("pg_catalog.pg_class"))
    found = ask(sizes.where(oid == sa.func.to_regclass(asked.c.name), sa.column("relkind") == "r"))
    small = {name for name, size in found if size <= MOST_BYTES}
    return {key.table: key for key in keys if named(key.table) in small}


def once_a_row(
    conditions: Sequence[sa.ColumnElement[bool] | None], source: sa.FromClause
) -> tuple[Sequence[sa.ColumnElement[bool] | None], sa.FromClause]:
    """Conditions, those of them as columns that stand there several times, and their source with these columns.

    The database would ask such a condition in each aggregate anew, which is dear where it calls functions: asked once,
    954,000 rows of a schedule were scanned in 0.87 in place of 1.40 s. What calls none is no dearer than a column.
    """
    given = {at: own for at, own in enumerate(conditions) if own is not None}
    called = {
        at: own for at, own in given.items() if any(isinstance(one, sa.FunctionElement) for one in elements_of([own]))
    }
    first = {at: next(other for other, one in called.items() if one.compare(own)) for at, own in called.items()}
    several = [at for at in called if [*first.values()].count(at) > 1]
    if not several:
        return conditions, source
    columns = (sa.type_coerce(called[at], sa.Boolean).label(f"m{at}") for at in several)
    asked = select(*columns).correlate_except(None).offset(sa.literal_column("0")).lateral()
    named = dict(zip(several, asked.c, strict=True))
    return [named.get(first.get(at, -1), own) for at, own in enumerate(conditions)], source.join(asked, sa.true())


_name = "shared_{}_{}".format
MOST_SHARED = 500_000
"""Values, of all columns, up to which a set is sent along; a larger one stays a part of every statement."""

Texts: TypeAlias = Sequence[str] | None
"""The columns of a set, each as the text of an array; None for one that is not sent along."""
Made = TypeVar("Made")
AskWith: TypeAlias = Callable[[sa.Select[Any], Mapping[str, Any]], Sequence[Any]]
"""Answers a statement with the values of its parameters."""


class SharedSets:
    """The sets that rules share on one snapshot, each read when the first statement asks for it.

    They come and go as texts of arrays, one a column, so that no row of them becomes an object. What makes up a set is
    `narrowed`, the same for all scopes of a `shape`.
    """

    def __init__(self, narrowed: Callable[[Any, Within], Any], shape: Any) -> None:
        self._narrowed, self._shape = narrowed, shape
        self._lock = Lock()
        self._read: dict[Any, Future[Texts]] = {}

    def sent_along(self, statement: sa.Select[Any], ask: AskWith) -> tuple[Any, Mapping[str, Any]]:
        """The statement with parameters in place of what selects its sets, and their rows; `ask` answers another."""
        wanted = _made_once(statement, "rally_wanted", lambda: _Wanted(_sets_of(statement)))
        texts = {number: texts for number, own in enumerate(wanted.sets) if (texts := self._texts(own, ask))}
        values = {_name(number, place): text for number, own in texts.items() for place, text in enumerate(own)}
        return wanted.without(statement, frozenset(texts)), values

    def _texts(self, wanted: SharedSet, ask: AskWith) -> Texts:
        cached = wanted._generate_cache_key()
        key = wanted if cached is None else (cached.key, repr([bound.effective_value for bound in cached.bindparams]))
        with self._lock:
            is_first = key not in self._read
            answer = self._read.setdefault(key, Future())
        if is_first:
            # what cannot be read alone stays a part of its statements, whose error has a rule
            texts: Texts = None
            try:
                with suppress(SQLAlchemyError):
                    texts = self._fetched(wanted, ask)
            finally:
                answer.set_result(texts)
        return answer.result()

    def _fetched(self, own: SharedSet, ask: AskWith) -> Texts:
        reads = _made_once(own, "rally_reads", dict[Any, sa.Select[Any]])
        if self._shape not in reads:
            reads[self._shape] = _reading(self._narrowed(own.element, own.within))
        ((number, *arrays),) = ask(*self.sent_along(reads[self._shape], ask))
        return arrays if number * len(arrays) <= MOST_SHARED else None


def _made_once(part: Any, name: str, make: Callable[[], Made]) -> Made:
    """What belongs to a statement that is kept from run to run; what SQLAlchemy makes of the statement forgets it."""
    if name not in vars(part):
        part._set_memoized_attribute(name, make())
    return vars(part)[name]  # type: ignore[no-any-return]  # what was made


def _reading(rows: SelectBase) -> sa.Select[Any]:
    most = MOST_SHARED // len(rows.selected_columns)
    columns = sa.select(rows.subquery()).limit(most + 1).subquery().c
    texts = (sa.func.coalesce(sa.cast(sa.func.array_agg(column), sa.Text), "{}") for column in columns)
    return sa.select(sa.func.count(), *texts)


def keep(statement: Any) -> Any:
    """A statement that is asked again as it is, in this process: it is compiled once, and no key of it is made."""
    if isinstance(statement, sa.Select):
        statement._set_memoized_attribute("rally_wanted", _Wanted(_sets_of(statement), is_kept=True))
    return statement


def _sets_of(statement: sa.Select[Any]) -> tuple[SharedSet, ...]:
    """The sets that a statement asks for, not those that they ask for themselves."""
    return tuple(part for part in elements_of([statement], (*LEAVES, SharedSet)) if isinstance(part, SharedSet))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The sets of a statement, and what it is where some of them are sent along."""

    sets: tuple[SharedSet, ...]
    is_kept: bool = False
    sent: dict[frozenset[int], Any] = field(default_factory=dict)

    def without(self, statement: sa.Select[Any], numbers: frozenset[int]) -> Any:
        """The statement in which the sets of these numbers are parameters."""
        if not (numbers or self.is_kept):
            return statement
        if numbers not in self.sent:
            self.sent[numbers] = _CompiledOnce(statement, {self.sets[number]: number for number in numbers})
        return self.sent[numbers]


@dataclass(slots=True, eq=False)
class _CompiledOnce:
    """A statement that is executed as it was compiled, with some of its sets as parameters."""

    statement: sa.Select[Any]
    sets: Mapping[Any, int]
    compiled: Any = None

    def compiled_for(self, dialect: Any) -> Any:
        """The text of the statement, as a database has it."""
        compiled = self.compiled
        if compiled is None or compiled.dialect is not dialect:
            compiled = self.compiled = _sending(dialect.statement_compiler)(dialect, self.statement, self.sets)
        return compiled

    def _execute_on_connection(self, connection: Connection, parameters: Any, options: Any) -> Any:
        return self.compiled_for(connection.dialect)._execute_on_connection(connection, parameters, options)


@cache
def _sending(of_database: Any) -> Any:
    """A compiler of a database that writes parameters in place of sets: no copy of the statement need be made."""

    class Sending(of_database):  # type: ignore[misc]  # known when it runs
        def __init__(self, dialect: Any, statement: Any, sets: Mapping[Any, int]) -> None:
            self._sets = sets
            super().__init__(dialect, statement)

        def visit_cte(self, cte: Any, asfrom: bool = False, **options: Any) -> Any:
            """A set that is sent along is no WITH, and a table of its rows where it is read."""
            number = self._sets.get(cte if cte._cte_alias is None else cte._cte_alias)
            if number is None:
                return super().visit_cte(cte, asfrom=asfrom, **options)
            return self.process(_sent(cte, number), asfrom=True) if asfrom else None

    return Sending


def _sent(rows: sa.CTE, number: int) -> sa.TableValuedAlias:
    """The rows of a set as a table of the same name and columns."""
    # of no type: the database reads the text as what it is cast to, and sees how many rows there are
    arrays = [
        sa.cast(sa.bindparam(_name(number, place), type_=sa.types.NullType()), postgresql.ARRAY(column.type))
        for place, column in enumerate(rows.c)
    ]
    columns = [sa.column(column.key, column.type) for column in rows.c]
    return sa.func.unnest(*arrays).table_valued(*columns).render_derived(rows.name)
