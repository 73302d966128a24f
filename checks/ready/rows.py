"""Ready-made rules about rows: missing, repeated, not among the allowed, out of range, or pointing at nothing.

What is NULL is left to `not_null`; no other rule counts it, as a condition in SQL does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Unpack

from sqlalchemy import ColumnElement, Table, Text, cast, exists, false, func, literal, or_, select, tuple_

from checks.engine.authoring import CheckDefinitionError
from checks.engine.authoring.decorators import AnyTable, Bad, Row, impersonal
from checks.engine.authoring.spec import Kind
from checks.engine.judging.findings import key_columns
from checks.ready.make import ReadyOptions, Rule, beside, both, counted, ready_rule

SURELY_WRONG = ("unterminated character", "missing )", "unbalanced", "nothing to repeat", "multiple repeat",
                "bad escape (end", "min repeat", "bad character range")  # fmt: skip


def not_null(table: AnyTable, *columns: str, **options: Unpack[ReadyOptions]) -> Rule:
    """One of the columns is NULL."""
    _needed("not_null", columns)

    def rule(row: Row) -> Bad:
        return Bad(or_(*(row[column].is_(None) for column in columns)), among=counted(options))

    return ready_rule(
        Kind.ROW, "not_null", table, columns, rule, options=options, summary=f"{_said(columns)} is empty."
    )


def accepted_values(table: AnyTable, column: str, values: Iterable[Any], **options: Unpack[ReadyOptions]) -> Rule:
    """The column holds something else than one of the values."""
    accepted = _listed("accepted_values", values)

    def rule(row: Row) -> Bad:
        return Bad(row[column].not_in(accepted), among=counted(options))

    summary = f"{column} is none of {', '.join(str(value) or repr(value) for value in accepted)}."
    return ready_rule(Kind.ROW, "accepted_values", table, [column], rule, options=options, summary=summary)


def between(table: AnyTable, column: str, least: Any = None, most: Any = None, **options: Unpack[ReadyOptions]) -> Rule:
    """The column is below `least` or above `most`; both belong to the range, and either may be left out."""
    if least is None and most is None:
        raise CheckDefinitionError(f"between({column!r}) has no limit; expected least=, most= or both")
    _verify_range(column, least, most)

    def rule(row: Row) -> Bad:
        too_low = false() if least is None else row[column] < _as(row[column], least)
        too_high = false() if most is None else row[column] > _as(row[column], most)
        return Bad(or_(too_low, too_high), among=counted(options))

    limits = (f"{word} {value}" for word, value in (("at least", least), ("at most", most)) if value is not None)
    summary = f"{column} is not {' and '.join(limits)}."
    return ready_rule(Kind.ROW, "between", table, [column], rule, options=options, summary=summary)


def matches(table: AnyTable, column: str, pattern: str, **options: Unpack[ReadyOptions]) -> Rule:
    """The column does not match a regular expression of PostgreSQL; `^` and `$` make it the whole text."""
    _verify_pattern(column, pattern)

    def rule(row: Row) -> Bad:
        return Bad(cast(row[column], Text).op("!~")(pattern), among=counted(options))

    summary = f"{column} does not match {pattern}."
    return ready_rule(Kind.ROW, "matches", table, [column], rule, options=options, summary=summary)


def unique(table: AnyTable, *columns: str, **options: Unpack[ReadyOptions]) -> Rule:
    """The columns together stand in more than one row: all those rows count. A key with a NULL repeats nothing."""
    _needed("unique", columns)

    def rule(rows: Table) -> Bad:
        row = Row(rows)
        key = [row[column] for column in columns]
        judged = both(*(column.is_not(None) for column in key), counted(options))
        repeated = select(*key).where(judged).group_by(*key).having(func.count() > 1)
        # as a subquery it would be grouped anew by each parallel worker
        several = repeated.cte("several").prefix_with("MATERIALIZED")
        # a join would put all rows into a hash, as nobody knows how few keys there are
        found = select(*_names_of_rows(rows, key)).where(tuple_(*key).in_(select(several)), judged)
        return Bad(found, among=_among(rows, judged))

    tables = beside(options, rows=(table, columns))
    summary = f"{' and '.join(columns)} stand{'s' * (len(columns) == 1)} in more than one row."
    return ready_rule(Kind.CHECK, "unique", table, columns, rule, options=options, summary=summary, tables=tables)


def references(table: AnyTable, column: str, to: str, **options: Unpack[ReadyOptions]) -> Rule:
    """The column holds what no row of another table has: `to="players.id"`. No foreign key needs to be declared."""
    parent_table, _, parent_column = to.rpartition(".")
    if not parent_table:
        raise CheckDefinitionError(f"references(to={to!r}) names no column; expected such as 'players.id'")

    def rule(rows: Table, parents: Table) -> Bad:
        child = Row(rows)[column]
        there = parents.alias("there")
        value = Row(there)[parent_column.strip('"')]
        judged = both(child.is_not(None), counted(options))
        lost = judged, ~exists().where(_equal(value, child))
        named = _names_of_rows(rows, ())
        return Bad(select(*named, child.label("missing")).where(*lost), among=_among(rows, judged))

    tables = beside(options, rows=(table, [column]), parents=(parent_table, [parent_column.strip('"')]))
    summary = f"{column} leads to no row of {parent_table}."
    return ready_rule(Kind.CHECK, "references", table, [column], rule, options=options, summary=summary, tables=tables)


def _names_of_rows(rows: Table, otherwise: Iterable[ColumnElement[Any]]) -> Iterable[ColumnElement[Any]]:
    """What names a row; in a view or another table without a key, what the rule is about."""
    keyed = rows.info.get("key") or len(rows.primary_key)
    return key_columns(rows) if keyed else otherwise


def _as(column: ColumnElement[Any], value: Any) -> Any:
    """A text is read as the column's type: a date in rally.toml may be one."""
    return cast(literal(value), column.type) if isinstance(value, str) else value


def _equal(one: ColumnElement[Any], other: ColumnElement[Any]) -> ColumnElement[bool]:
    """Equal as values, as text where the types have no equality between them."""
    if one.type._type_affinity is other.type._type_affinity:
        return one == other
    return cast(one, Text) == cast(other, Text)


def _among(rows: Table, judged: ColumnElement[bool]) -> Any:
    """The rows that could have been bad, with the columns that tell where they stand."""
    return select(*impersonal(rows)).where(judged)


def _verify_range(column: str, least: Any, most: Any) -> None:
    """Limits are single values, in their order; texts are compared as numbers or days, where they are some."""
    given = [limit for limit in (least, most) if limit is not None]
    for limit in given:
        if not isinstance(limit, (str, int, float, Decimal, date, time, timedelta)) or str(limit) in {"", "nan"}:
            raise CheckDefinitionError(f"between({column!r}) got {limit!r}, which is no limit of a range")
    low, high = (_as_value(limit) for limit in (least, most))
    is_turned = False
    with suppress(TypeError):  # a number and a text: what the column is decides
        is_turned = len(given) == 2 and not isinstance(low, str) and low > high
    if is_turned:
        raise CheckDefinitionError(f"between({column!r}) goes from {least} to {most}, which no value is; turn them")


def _as_value(limit: Any) -> Any:
    for read in (float, date.fromisoformat, datetime.fromisoformat, time.fromisoformat):
        with suppress(ValueError, TypeError):
            return read(limit) if isinstance(limit, str) else limit
    return limit


def _verify_pattern(column: str, pattern: str) -> None:
    """What no expression of PostgreSQL can be, though its own escapes and classes are more than Python's."""
    plain = re.sub(r"\[[:.=].*?[:.=]\]|\\\w", "x", re.sub(r"\\\\", "x", pattern))
    try:
        re.compile(re.sub(r"^\(\?[a-z]+\)", "", plain))
    except re.error as error:
        if error.msg.startswith(SURELY_WRONG) and not pattern.startswith("***"):
            said = f"matches({column!r}) got the pattern {pattern!r}, which is none: {error.msg}"
            raise CheckDefinitionError(said) from None


def _needed(what: str, columns: tuple[str, ...]) -> None:
    if not columns or any(not isinstance(column, str) for column in columns):
        raise CheckDefinitionError(f"{what}() names no column; expected such as {what}('orders', 'number')")


def _listed(what: str, values: Iterable[Any]) -> tuple[Any, ...]:
    accepted = () if isinstance(values, str) else tuple(values)
    if not accepted:
        raise CheckDefinitionError(f"{what}() got {values!r} for its values; expected a list of at least one")
    return accepted


def _said(columns: tuple[str, ...]) -> str:
    return " or ".join(columns)
