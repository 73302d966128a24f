"""A rule tried on rows of its author's: good ones are left alone, bad ones found, in a schema that is gone afterwards.

A rule without rows of its own is tried on rows made up for its columns. One that finds none of them bad may be one
that cannot fail, such as `id > 0 and id < 0`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Engine, Table, and_, insert, inspect, true
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.sql import visitors

from checks.author.mutants import mutant_of
from checks.engine.authoring import MeasureError
from checks.engine.authoring.decorators import Bad, Row
from checks.engine.authoring.spec import Check, Kind
from checks.engine.collecting.rules import Rules
from checks.engine.judging.judge import Baseline
from checks.engine.measuring.compile_queries import is_optional
from checks.engine.measuring.reflect import MissingTableError, NamedTables
from checks.engine.measuring.snapshot import explained
from checks.engine.reporting.report import Result
from checks.engine.run import Options, Request, measure_on

MADE_UP: Mapping[type, Sequence[Any]] = {
    bool: (True, False),
    int: (0, -1, 1, 7, 100_000),
    float: (0, -1.5, 99.5, 1e6),
    str: ("", " ", "x", "?", "-1", "a" * 60, "Ab(S)", "0", "9-9"),
    date: (date(1900, 1, 1), date(2025, 1, 1), date(2999, 1, 1)),
    time: (time(), time(3, 30), time(12), time(23, 59)),
    timedelta: (timedelta(-1), timedelta(), timedelta(999)),
}
"""Values that a rule may well object to, by what a column holds; NULL besides."""
MOST_MADE_UP = 3_000
FEW_VALUES_EACH = 5
ROWS_AT_ONCE = 100
SCRATCH_SCHEMA = "rally_trial_"


@dataclass(frozen=True, slots=True)
class RuleTrial:
    """What came of trying a rule: whether it passed, and in a sentence why not.

    `unnoticed` are changes of the rule that its rows do not tell from the rule itself: a row is missing for each.
    A rule about optional tables that are not there is `skipped`.
    """

    rule: str
    passed: bool
    said: str
    unnoticed: tuple[str, ...] = ()
    skipped: bool = False


def try_rule(engine: Engine, rules: Rules, check: Check, request: Request) -> RuleTrial:
    """Try one rule in a transaction that is rolled back; the database is as it was."""
    with engine.connect() as connection, connection.begin() as transaction:
        try:
            return _tried(connection, rules.only([check]), check, request)
        except MissingTableError as error:
            optional = is_optional(check)
            return RuleTrial(check.name, passed=optional, said=str(error), skipped=optional)
        except (DBAPIError, MeasureError) as error:
            return RuleTrial(check.name, passed=False, said=f"it cannot be tried: {explained(error)}")
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
    in_good = counts_of_mutants(connection, rules, check, asked)
    _write(connection, tables, check.table, check.mark.bad)
    bad, wanted = _found(connection, rules, asked), len(_rows(check.table, check.mark.bad).get(check.table, ()))
    if bad.count != wanted:
        return RuleTrial(check.name, passed=False, said=f"{bad.count or 0} of {wanted} bad rows are found")
    in_all = counts_of_mutants(connection, rules, check, asked)
    own = [left.count, left.total], [bad.count, bad.total]
    unnoticed = (said for (said, *good), (_, *every) in zip(in_good, in_all, strict=True) if (good, every) == own)
    said = f"{len(check.mark.good)} good, {wanted} bad"
    return RuleTrial(check.name, passed=True, said=said, unnoticed=tuple(unnoticed))


def counts_of_mutants(
    connection: Connection, rules: Rules, check: Check, request: Request
) -> list[tuple[str, int | None, int | None]]:
    """What a rule finds with each of its changes: what the change is, bad rows, all rows."""
    answers: list[tuple[str, int | None, int | None]] = []
    for number in itertools.count():
        mutant = mutant_of(check, number)
        result = _found(connection, rules.only([mutant.check]), request)
        if not mutant.said:
            return answers
        answers.append((mutant.said, result.count, result.total))
    return answers


def _made_up(connection: Connection, rules: Rules, check: Check, request: Request, main: Table | None) -> RuleTrial:
    """Rows made up for the columns of the table, all at once; enough is one that is found bad."""
    if check.mark.kind is not Kind.ROW or main is None:
        result = _found(connection, rules, request)
        said = result.error or "it can be asked; give it good= and bad= rows to try what it finds"
        return RuleTrial(check.name, passed=not result.error, said=said)
    tried = 0
    for _, alike in itertools.groupby(_candidates(main, _condition_of(check, main)), tuple):
        while some := list(itertools.islice(alike, ROWS_AT_ONCE)):
            tried += _put(connection, main, some)
        if tried > MOST_MADE_UP:
            break
    result = _found(connection, rules, request)
    said = f"it can fail: {result.count} of {tried} rows made up" if result.count else result.error
    nothing = f"it cannot fail, or not on one of {tried} rows made up; give it bad="
    return RuleTrial(check.name, passed=bool(result.count), said=said or nothing)


def _put(connection: Connection, main: Table, rows: Sequence[dict[str, Any]]) -> int:
    """Write rows of the same columns; those that the columns cannot hold are left out. How many were written."""
    with connection.begin_nested() as savepoint:
        try:
            connection.execute(insert(main).values(rows))
        except DataError:
            savepoint.rollback()
        else:
            return len(rows)
    return sum(_put(connection, main, [row]) for row in rows) if len(rows) > 1 else 0


def _condition_of(check: Check, main: Table) -> ColumnElement[Any]:
    """What a rule without arguments returns; anything else, such as what it raises, the trial itself tells."""
    try:
        answer = check.function(Row(main))
    except Exception:  # noqa: BLE001 - see above
        return true()
    parts = (answer.found, answer.among) if isinstance(answer, Bad) else (answer,)
    return and_(true(), *(part for part in parts if isinstance(part, ColumnElement)))


def _candidates(main: Table, condition: ColumnElement[Any]) -> Iterator[dict[str, Any]]:
    """Rows of every value, then of neighbours and of what the rule reads; all other columns are NULL or a default.

    The values that a rule itself compares with are what a row most likely needs to be bad.
    """
    given = condition.compile().params.values()
    literals = [one for value in given for one in (value if isinstance(value, list | tuple) else (value,))]
    columns = [column for column in main.c if column.computed is None and column.identity is None]
    keys = {column.name: 1 for column in main.primary_key if column in columns and _kind(column) is int}
    said = {column.name: tuple(one for one in literals if isinstance(one, _kind(column))) for column in columns}
    values = {column.name: (None, *said[column.name], *MADE_UP.get(_kind(column), ())) for column in columns}
    for name, own in values.items():
        yield from ({**keys, name: value} for value in own if value is not None or name not in keys)
    read = [name for name in values if main.c[name] in set(visitors.iterate(condition))]
    for names in (read, *itertools.combinations(values, 2)):
        some = (values[name][: FEW_VALUES_EACH + len(said[name])] for name in names)
        rows = itertools.islice(itertools.product(*some), MOST_MADE_UP)
        yield from (keys | dict(zip(names, row, strict=True)) for row in rows)


def _kind(column: Any) -> type:
    try:
        python_type = column.type.python_type
    except NotImplementedError:
        return object
    return date if issubclass(python_type, date) else float if python_type.__name__ == "Decimal" else python_type


def _found(connection: Connection, rules: Rules, request: Request) -> Result:
    results = measure_on(connection, rules, request).results
    if not results:
        raise MissingTableError("it is about something optional that this database does not have")
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
