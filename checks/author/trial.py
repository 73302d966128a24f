"""A rule tried on rows of its author's: good ones are left alone, bad ones found, in a schema that is gone afterwards.

A rule without rows of its own is tried on rows made up for its columns. One that finds none of them bad may be one
that cannot fail, such as `id > 0 and id < 0`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import date
from itertools import product
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Engine, Insert, Table, insert, inspect
from sqlalchemy.exc import DBAPIError

from checks.engine.authoring import MeasureError
from checks.engine.authoring.decorators import Bad, Row
from checks.engine.authoring.spec import Check, Kind
from checks.engine.collecting.rules import Rules
from checks.engine.judging.judge import Baseline
from checks.engine.measuring.reflect import NamedTables
from checks.engine.measuring.snapshot import explained
from checks.engine.reporting.report import Result
from checks.engine.run import Options, Request, measure_on

MADE_UP: Mapping[type, Sequence[Any]] = {
    bool: (True, False),
    int: (0, -1, 1, 7, 100_000),
    float: (0, -1.5, 99.5, 1e6),
    str: ("", " ", "x", "?", "-1", "a" * 60, "Ab(S)", "0", "9-9"),
    date: (date(1900, 1, 1), date(2025, 1, 1), date(2999, 1, 1)),
}
"""Values that a rule may well object to, by what a column holds; NULL besides."""
SCRATCH_SCHEMA = "rally_trial_"


@dataclass(frozen=True, slots=True)
class RuleTrial:
    """What came of trying a rule: whether it passed, and in a sentence why not."""

    rule: str
    passed: bool
    said: str


def try_rule(engine: Engine, rules: Rules, check: Check, request: Request) -> RuleTrial:
    """Try one rule in a transaction that is rolled back; the database is as it was."""
    with engine.connect() as connection, connection.begin() as transaction:
        try:
            return _tried(connection, rules.only([check]), check, request)
        except (DBAPIError, MeasureError) as error:
            return RuleTrial(check.name, passed=False, said=f"its rows cannot be written: {explained(error)}")
        finally:
            transaction.rollback()


def _tried(connection: Connection, rules: Rules, check: Check, request: Request) -> RuleTrial:
    tables = _scratch(connection, check, request)
    main = tables.get(check.table)
    asked = replace(request, options=Options(details=False), baseline=Baseline())
    if not check.mark.bad:
        return _made_up(connection, rules, check, asked, main)
    _write(connection, tables, check.table, check.mark.good)
    left = _found(connection, rules, asked)
    if left.error or left.count:
        return RuleTrial(check.name, passed=False, said=left.error or f"{left.count} of the good rows are found bad")
    _write(connection, tables, check.table, check.mark.bad)
    found, wanted = _found(connection, rules, asked), len(_rows(check.table, check.mark.bad).get(check.table, ()))
    if found.count != wanted:
        return RuleTrial(check.name, passed=False, said=f"{found.count or 0} of {wanted} bad rows are found")
    return RuleTrial(check.name, passed=True, said=f"{len(check.mark.good)} good, {wanted} bad")


def _made_up(connection: Connection, rules: Rules, check: Check, request: Request, main: Table | None) -> RuleTrial:
    """Rows made up one by one; enough is one that is found bad."""
    if check.mark.kind is not Kind.ROW or main is None:
        found = _found(connection, rules, request)
        said = found.error or "it can be asked; give it good= and bad= rows to try what it finds"
        return RuleTrial(check.name, passed=not found.error, said=said)
    tried = 0
    for tried, values in enumerate(_candidates(main, _literals(check, main)), 1):
        result = _of_one_row(connection, rules, request, insert(main).values(values))
        if result.error or result.count:
            said = result.error or f"it can fail: {', '.join(values)} (one of {tried} rows made up)"
            return RuleTrial(check.name, passed=not result.error, said=said)
    said = f"it cannot fail, or not on one of {tried} rows made up; give it bad="
    return RuleTrial(check.name, passed=False, said=said)


def _of_one_row(connection: Connection, rules: Rules, request: Request, row: Insert) -> Result:
    with connection.begin_nested() as savepoint:
        connection.execute(row)
        result = _found(connection, rules, request)
        savepoint.rollback()
    return result


def _literals(check: Check, main: Table) -> tuple[Any, ...]:
    """The values that a rule itself compares with; they are what a row most likely needs to be bad."""
    try:
        answer = check.function(Row(main))
    except Exception:  # noqa: BLE001 - the trial itself tells what it raises
        return ()
    condition = answer.found if isinstance(answer, Bad) else answer
    given = condition.compile().params.values() if isinstance(condition, ColumnElement) else ()
    return tuple(one for value in given for one in (value if isinstance(value, list | tuple) else (value,)))


def _candidates(main: Table, literals: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """One row for each value of each column, all other columns NULL or at their default; then pairs of neighbours."""
    columns = [column for column in main.c if column.computed is None and column.identity is None]
    keys = {column.name: 1 for column in main.primary_key if column in columns and _kind(column) is int}
    said = {column.name: tuple(one for one in literals if isinstance(one, _kind(column))) for column in columns}
    values = {column.name: (None, *said[column.name], *MADE_UP.get(_kind(column), ())) for column in columns}
    for name, own in values.items():
        yield from ({**keys, name: value} for value in own if value is not None or name not in keys)
    names = list(values)
    for first, second in ((a, b) for place, a in enumerate(names) for b in names[place + 1 :]):
        pairs = product(values[first][: 5 + len(said[first])], values[second][: 5 + len(said[second])])
        yield from ({**keys, first: one, second: other} for one, other in pairs)


def _kind(column: Any) -> type:
    try:
        python_type = column.type.python_type
    except NotImplementedError:
        return object
    return date if issubclass(python_type, date) else float if python_type.__name__ == "Decimal" else python_type


def _found(connection: Connection, rules: Rules, request: Request) -> Result:
    results = measure_on(connection, rules, request).results
    return max(results, key=lambda result: (bool(result.error), result.count or 0))


def _scratch(connection: Connection, check: Check, request: Request) -> dict[str, Table]:
    """Empty copies of the tables that a rule can ask about, first on the search path, without their constraints."""
    room, quote = f"{SCRATCH_SCHEMA}{uuid4().hex[:12]}", connection.dialect.identifier_preparer
    bound = NamedTables(lambda: nullcontext(connection), request.tables).bind(check).mark
    named = (bound.table, *(other for _, other in bound.tables))
    known = {**request.tables, **{table.fullname: table for table in named if isinstance(table, Table)}}
    there = set(inspect(connection).get_table_names())
    copied = {name: table for name, table in known.items() if table.schema is None and table.name in there}
    connection.exec_driver_sql(f'create schema "{room}"')
    for table in copied.values():
        name = quote.format_table(table)
        connection.exec_driver_sql(f'create table "{room}".{name} (like {name} including generated)')
        for column in table.c:
            own = quote.quote(column.name)
            connection.exec_driver_sql(f'alter table "{room}".{name} alter {own} drop not null')
    connection.exec_driver_sql(f'set local search_path = "{room}", public')
    return copied


def _rows(main: str, given: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Rows by table: a row says its own with the key `table`, otherwise it is of the rule's."""
    answer: dict[str, list[dict[str, Any]]] = {}
    for row in given:
        values = dict(row)
        answer.setdefault(str(values.pop("table", main)), []).append(values)
    return answer


def _write(connection: Connection, tables: Mapping[str, Table], main: str, given: Sequence[Mapping[str, Any]]) -> None:
    for name, rows in _rows(main, given).items():
        if name not in tables:
            raise MeasureError(f"there is no table {name!r} to write rows into")
        for number, row in enumerate(rows, 1):
            strangers = [column for column in row if column not in tables[name].c]
            if strangers:
                raise MeasureError(
                    f"table {name} has no column {strangers[0]!r}; it has {', '.join(tables[name].c.keys())}"
                )
            numbered = {key.name: number for key in tables[name].primary_key if _kind(key) is int}
            connection.execute(insert(tables[name]).values({**numbered, **row}))
