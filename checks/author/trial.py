"""A rule tried on rows of its author's: good ones are left alone, bad ones found, in a schema that is gone afterwards.

A rule without rows of its own is tried on rows made up for its columns. One that finds none of them bad may be one
that cannot fail, such as `id > 0 and id < 0`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Engine, insert
from sqlalchemy.exc import DataError, DBAPIError

from checks.author.made_up import reads_of, recorded, rows_made_up
from checks.author.mutants import mutant_of
from checks.author.scratch import Copy, LackingColumnError, rows_by_table, scratch_tables
from checks.engine.authoring import MeasureError
from checks.engine.authoring.spec import Check, Kind, is_optional
from checks.engine.collecting.rules import Rules
from checks.engine.judging.judge import Baseline
from checks.engine.measuring.reflect import MissingTableError
from checks.engine.measuring.snapshot import explained
from checks.engine.reporting.report import Result
from checks.engine.run import Options, Request, measure_on

MOST_MADE_UP, FEWER_MADE_UP = 3_000, 500
"""Rows for a rule of one row, and for one that goes across tables, which seldom needs as many and asks for longer."""
ROWS_AT_ONCE = 100
NOT_TRIED = "it can be asked; give it good= and bad= rows to try what it finds"


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
            optional = is_optional(check) or bool(check.mark.each)  # of nothing there is nothing to ask
            return RuleTrial(check.name, passed=optional, said=str(error), skipped=optional)
        except LackingColumnError as error:
            return RuleTrial(check.name, passed=True, said=str(error), skipped=True)
        except (DBAPIError, MeasureError) as error:
            return RuleTrial(check.name, passed=False, said=f"it cannot be tried: {explained(error)}")
        finally:
            transaction.rollback()


def _tried(connection: Connection, rules: Rules, asked_for: Check, request: Request) -> RuleTrial:
    scratch = scratch_tables(connection, asked_for, request.tables)
    check = scratch.told_of_copies(asked_for)
    rules, main = rules.only([check]), scratch.tables.get(check.table)
    asked = replace(request, options=Options(details=False), baseline=Baseline())
    if not check.mark.bad:
        return _made_up(connection, rules, check, asked, main)
    scratch.write(connection, check.table, check.mark.good)
    left = _found(connection, rules, asked)
    if left.error or left.count:
        return RuleTrial(check.name, passed=False, said=left.error or f"{left.count} of the good rows are found bad")
    in_good = counts_of_mutants(connection, rules, check, asked)
    scratch.write(connection, check.table, check.mark.bad)
    bad, wanted = _found(connection, rules, asked), len(rows_by_table(check.table, check.mark.bad).get(check.table, ()))
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
    request = replace(request, options=replace(request.options, statements=False))
    for number in itertools.count():
        mutant = mutant_of(check, number)
        result = _found(connection, rules.only([mutant.check]), request)
        if not mutant.said:
            return answers
        answers.append((mutant.said, result.count, result.total))
    return answers


def _made_up(connection: Connection, rules: Rules, check: Check, request: Request, main: Copy | None) -> RuleTrial:
    """Rows made up for the columns of the table, all at once; enough is one that is found bad."""
    asked = _found(connection, rules, request)
    if check.mark.kind not in {Kind.ROW, Kind.CHECK} or main is None or asked.error:
        return RuleTrial(check.name, passed=not asked.error, said=asked.error or NOT_TRIED)
    answers: list[Any] = []
    _found(connection, rules.only([recorded(check, answers)]), request)
    tried, reads = 0, reads_of(answers, main.table)
    for _, alike in itertools.groupby(rows_made_up(main, reads), tuple):
        while some := list(itertools.islice(alike, ROWS_AT_ONCE)):
            tried += _put(connection, main, some)
        if tried > (MOST_MADE_UP if check.mark.kind is Kind.ROW else FEWER_MADE_UP):
            break
    return _of_made_up(check, _found(connection, rules, request), tried)


def _of_made_up(check: Check, result: Result, tried: int) -> RuleTrial:
    """A rule of one row that finds none of them may be one that cannot fail; one across tables may need others, too."""
    if result.count:
        return RuleTrial(check.name, passed=True, said=f"it can fail: {result.count} of {tried} rows made up")
    if check.mark.kind is Kind.CHECK:
        return RuleTrial(check.name, passed=True, said=NOT_TRIED)
    nothing = f"it cannot fail, or not on one of {tried} rows made up; give it bad="
    return RuleTrial(check.name, passed=False, said=result.error or nothing)


def _put(connection: Connection, main: Copy, rows: Sequence[dict[str, Any]]) -> int:
    """Write rows of the same columns; those that the columns cannot hold are left out. How many were written."""
    with connection.begin_nested() as savepoint:
        try:
            connection.execute(insert(main.target), rows)
        except DataError:
            savepoint.rollback()
        else:
            return len(rows)
    return sum(_put(connection, main, [row]) for row in rows) if len(rows) > 1 else 0


def _found(connection: Connection, rules: Rules, request: Request) -> Result:
    results = measure_on(connection, rules, request).results
    if not results:
        raise MissingTableError("it is about something optional that this database does not have")
    return max(results, key=lambda result: (bool(result.error), result.count or 0))
