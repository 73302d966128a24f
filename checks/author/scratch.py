"""Empty copies of the tables that a rule asks about, in schemas of a trial's own, and rows written into them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import date
from functools import wraps
from typing import Any
from uuid import uuid4

from sqlalchemy import ClauseElement, Connection, Table, TableClause, TextClause, insert, inspect, text
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table
from sqlalchemy.sql import visitors

from checks.engine.authoring import MeasureError
from checks.engine.authoring.decorators import Bad
from checks.engine.authoring.spec import Check
from checks.engine.measuring.reflect import NamedTables

SCRATCH_SCHEMA = "rally_trial_"


class LackingColumnError(MeasureError):
    """Rows name a column that a table should have, and that this database does not have."""


COLUMNS_OF_COPY = text("""
select attname, attnotnull from pg_attribute
where attrelid = cast(:table as regclass) and attnum > 0 and not attisdropped order by attnum
""")


@dataclass(frozen=True, slots=True)
class Copy:
    """An empty copy of a table, to be written to as `target`: it has the columns that the database has.

    Those need not be all that we know of; generated ones are left out.
    """

    table: Table
    target: TableClause

    @property
    def keys(self) -> list[str]:
        """The columns of its key that are numbers: rows need them, whatever else they are about."""
        return [key.name for key in self.table.primary_key if key.name in self.target.c and python_type(key) is int]


@dataclass(frozen=True, slots=True)
class Scratch:
    """The copies by the full names of what they are copies of, and the schema that stands in for each other one.

    Those of tables that need no schema are first on the search path; a statement about `shop.orders` is translated.
    """

    tables: Mapping[str, Copy]
    schemas: Mapping[str, str]

    def told_of_copies(self, check: Check) -> Check:
        """The rule, whose statements that are text name the copies in place of tables of other schemas."""
        if not self.schemas:
            return check

        @wraps(check.function)
        def function(*arguments: Any, **names: Any) -> Any:
            return self._translated(check.function(*arguments, **names))

        return replace(check, function=function)

    def _translated(self, answer: Any) -> Any:
        if isinstance(answer, Bad):
            return Bad(self._translated(answer.found), self._translated(answer.among))
        translated = isinstance(answer, ClauseElement)
        return visitors.cloned_traverse(answer, {}, {"textclause": self._translate}) if translated else answer

    def _translate(self, statement: TextClause) -> None:
        for schema, room in self.schemas.items():
            plain, quoted = re.escape(schema), re.escape(schema.replace('"', '""'))
            named = rf'(?<![\w".])("{quoted}"|{plain})\s*\.'
            statement.text = re.sub(named, f'"{room}".', statement.text)

    def write(self, connection: Connection, main: str, given: Sequence[Mapping[str, Any]]) -> None:
        """Write rows; a row says its table with the key `table`, otherwise it is of `main`. Raises MeasureError."""
        for name, rows in rows_by_table(main, given).items():
            if name not in self.tables:
                raise MeasureError(f"there is no table {name!r} to write rows into")
            for number, row in enumerate(rows, 1):
                _write(connection, self.tables[name], number, row)


def python_type(column: Any) -> type:
    """What Python has for the values of a column, numbers of any precision being floats; `object` for anything else."""
    try:
        exact: type = column.type.python_type
    except NotImplementedError:
        return object
    return date if issubclass(exact, date) else float if exact.__name__ == "Decimal" else exact


def rows_by_table(main: str, given: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Rows by table: a row says its own with the key `table`, otherwise it is of the rule's."""
    answer: dict[str, list[dict[str, Any]]] = {}
    for row in given:
        values = dict(row)
        answer.setdefault(str(values.pop("table", main)), []).append(values)
    return answer


def scratch_tables(connection: Connection, check: Check, known: Mapping[str, Table]) -> Scratch:
    """Empty copies of all tables that a rule can ask about, without their constraints, for this transaction."""
    room = f"{SCRATCH_SCHEMA}{uuid4().hex[:12]}"
    copied = _there(connection, check, known)
    others = sorted({table.schema for table in copied.values() if table.schema})
    rooms = {schema: f"{room}_{number}" for number, schema in enumerate(others, 1)}
    for name in (room, *rooms.values()):
        connection.exec_driver_sql(f'create schema "{name}"')
    copies = {
        name: _copy(connection, table, rooms[table.schema] if table.schema else room) for name, table in copied.items()
    }
    connection.exec_driver_sql(f'set local search_path = "{room}", public')
    connection.execution_options(schema_translate_map=rooms)
    return Scratch(copies, rooms)


def _there(connection: Connection, check: Check, declared: Mapping[str, Table]) -> dict[str, Table]:
    """What is copied: all known tables that need no schema, and what a rule names besides; our own schema stays."""
    bound = NamedTables(lambda: nullcontext(connection), declared).bind(check).mark
    named = (bound.table, *(other for _, other in bound.tables))
    asked = {table.fullname: table for table in named if isinstance(table, Table) and table.fullname not in declared}
    there = set(inspect(connection).get_table_names())
    return {name: table for name, table in declared.items() if not table.schema and name in there} | asked


def _copy(connection: Connection, table: Table, room: str) -> Copy:
    quote = connection.dialect.identifier_preparer
    target = f'"{room}".{quote.quote(table.name)}'
    like = f"(like {quote.format_table(table)} including generated)"
    connection.exec_driver_sql(_escaped(f"create table {target} {like}"))
    columns = {row.attname: row.attnotnull for row in connection.execute(COLUMNS_OF_COPY, {"table": target})}
    alters = [f"alter {quote.quote(column)} drop not null" for column, required in columns.items() if required]
    if alters:
        connection.exec_driver_sql(_escaped(f"alter table {target} {', '.join(alters)}"))
    # no Table: it would ask for a primary key, and fill in defaults
    here = (one for one in table.c if one.name in columns and one.computed is None)
    return Copy(table, sql_table(table.name, *(sql_column(one.name, one.type) for one in here), schema=room))


def _escaped(statement: str) -> str:
    return statement.replace("%", "%%")


def _write(connection: Connection, copy: Copy, number: int, row: Mapping[str, Any]) -> None:
    columns = copy.target.c
    if strangers := [name for name in row if name not in columns]:
        has = f"it has {', '.join(columns.keys())}"
        error = LackingColumnError if strangers[0] in copy.table.c else MeasureError
        raise error(f"table {copy.table.fullname} has no column {strangers[0]!r}; {has}")
    connection.execute(insert(copy.target).values({**dict.fromkeys(copy.keys, number), **row}))
