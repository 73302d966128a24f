"""Ready-made rules that a table keeps today, as lines to paste, with the limits that its data passes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, isfinite
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.expression import ColumnElement

from checks.engine.authoring.decorators import impersonal
from checks.engine.authoring.spec import TableName
from checks.engine.authoring.units import number_of

FEW_VALUES = 12
"""Distinct texts up to which a column is taken for a choice."""
FEWEST_ROWS = 20
STILL_WRITTEN = 60
"""Days after which a table is one that nobody writes any more."""
MOSTLY = 0.9


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One line of `rally.toml`, and what in the data speaks for it."""

    kind: str
    options: dict[str, Any]
    because: str

    def __str__(self) -> str:
        lines = [f"# {self.because}", "[[rules]]", f'kind = "{self.kind}"']
        return "\n".join(
            [*lines, *(f"{name} = {json.dumps(value, default=str)}" for name, value in self.options.items())]
        )


def suggestions(connection: sa.Connection, name: TableName, table: sa.Table) -> Iterator[Suggestion]:
    """Rules for a table; of one with few rows only that it is not to lose any.

    Columns that tell of people are left out, for a suggestion repeats values.
    """
    count = connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
    yield Suggestion("row_count", {"table": name.name}, number_of(count, "rows"))
    if count < FEWEST_ROWS:
        return
    keys = {column.name for column in table.primary_key} if len(table.primary_key) == 1 else set()
    for column in impersonal(table):
        yield from _of_column(connection, name, table, column, count, is_key=column.name in keys)


def _of_column(
    connection: sa.Connection, name: TableName, table: sa.Table, column: Any, count: int, *, is_key: bool
) -> Iterator[Suggestion]:
    filled, distinct = connection.execute(sa.select(sa.func.count(column), sa.func.count(column.distinct()))).one()
    at = {"table": name.name, "column": column.name}
    if not is_key:
        yield from _kept_but_for("not_null", at, count - filled, count, always="never empty", mostly="empty in {}")
        if distinct > filled * MOSTLY and not isinstance(
            column.type, sa.Date | sa.DateTime | sa.Time | sa.Interval | sa.Float
        ):
            bad = _repeated(connection, table, column) if distinct < filled else 0
            yield from _kept_but_for("unique", at, bad, filled, always="no value twice", mostly="repeated in {}")
    yield from _of_reference(connection, table, column, at, filled)
    yield from _of_values(connection, table, column, at, distinct=distinct, filled=filled)


def _kept_but_for(
    kind: str, at: dict[str, Any], bad: int, total: int, *, always: str, mostly: str
) -> Iterator[Suggestion]:
    """A rule that nearly all rows keep, with the limit that they pass today; none where more do not."""
    share = bad / total if total else 1.0
    if not bad and total:
        yield Suggestion(kind, at, always)
    elif share <= 1 - MOSTLY:
        yield Suggestion(kind, {**at, "warn": f"{_up(share):g} %"}, mostly.format(f"{share:.2%}"))


def _repeated(connection: sa.Connection, table: sa.Table, column: ColumnElement[Any]) -> int:
    """How many rows have a value that others have too."""
    several = sa.select(sa.func.count().label("rows")).select_from(table).where(column.is_not(None)).group_by(column)
    groups = several.having(sa.func.count() > 1).subquery()
    return connection.scalar(sa.select(sa.func.coalesce(sa.func.sum(groups.c.rows), 0))) or 0


def _of_reference(
    connection: sa.Connection, table: sa.Table, column: Any, at: dict[str, Any], filled: int
) -> Iterator[Suggestion]:
    """A column such as `customer_id`, where there is a table `customers` with an id, declared as foreign key or not."""
    parent = _parent_of(connection, table, column)
    if parent is None:
        return
    lost = ~sa.select(parent).where(parent == column).correlate(table).exists()
    bad = connection.scalar(sa.select(sa.func.count()).select_from(table).where(column.is_not(None), lost)) or 0
    quote = connection.dialect.identifier_preparer
    to = f"{quote.format_table(parent.table)}.{quote.quote(parent.name)}"
    known = {**at, "to": to}
    yield from _kept_but_for("references", known, bad, filled, always=f"all in {to}", mostly=f"{{}} not in {to}")


def _parent_of(connection: sa.Connection, table: sa.Table, column: Any) -> Any:
    """The key of the table that a column is called after: of its own schema, or of those that need not be named."""
    stem, named, suffix = column.name.lower().rpartition("_id")
    if not named or suffix:
        return None
    inspector = sa.inspect(connection)
    for schema in dict.fromkeys([table.schema, None]):
        for name in inspector.get_table_names(schema):
            if name != table.name and name.lower() in {stem, f"{stem}s", f"{stem}es", f"{stem[:-1]}ies"}:
                parent = sa.Table(name, sa.MetaData(), schema=schema, autoload_with=connection, resolve_fks=False)
                keys = list(parent.primary_key)
                if len(keys) == 1 and keys[0].type._type_affinity is column.type._type_affinity:
                    return keys[0]
    return None


def _of_values(
    connection: sa.Connection, table: sa.Table, column: Any, at: dict[str, Any], *, distinct: int, filled: int
) -> Iterator[Suggestion]:
    if isinstance(column.type, sa.String) and 1 <= distinct <= FEW_VALUES and filled >= FEWEST_ROWS:
        values = connection.scalars(sa.select(column).where(column.is_not(None)).distinct().order_by(column)).all()
        yield Suggestion("accepted_values", {**at, "values": list(values)}, f"one of {distinct}")
    elif isinstance(column.type, sa.Integer | sa.Numeric) and distinct > 2 and not column.name.endswith("id"):
        yield from _range(connection, table, column, at)
    elif isinstance(column.type, sa.DateTime) and distinct > 2:
        yield from _age(connection, table, column, at)
    elif isinstance(column.type, sa.Date) and distinct > 2:
        yield from _first_day(connection, table, column, at)


def _range(
    connection: sa.Connection, table: sa.Table, column: ColumnElement[Any], at: dict[str, Any]
) -> Iterator[Suggestion]:
    extremes = connection.execute(sa.select(sa.func.min(column), sa.func.max(column)).select_from(table)).one()
    least, most = (int(value) if isinstance(column.type, sa.Integer) else float(value) for value in extremes)
    if isfinite(least) and isfinite(most):
        yield Suggestion("between", {**at, "least": least, "most": most}, f"from {least} to {most}")


def _age(
    connection: sa.Connection, table: sa.Table, column: ColumnElement[Any], at: dict[str, Any]
) -> Iterator[Suggestion]:
    """How old the newest may be: twice what it is, or the kind's own limit; nothing where nobody writes any more."""
    now = sa.func.now()
    moment = sa.cast(column, sa.DateTime(timezone=True))
    newest = sa.select(sa.func.max(moment)).where(sa.func.isfinite(moment), moment <= now).scalar_subquery()
    days = connection.scalar(sa.select(sa.func.extract("epoch", now - newest) / 86_400).select_from(table))
    if days is not None and days <= 1:
        yield Suggestion("fresh", at, "a time")
    elif days is not None and days <= STILL_WRITTEN:
        yield Suggestion(
            "fresh", {**at, "warn": f"{2 * ceil(days)} days"}, f"the newest is {number_of(ceil(days), 'days')} old"
        )


def _first_day(
    connection: sa.Connection, table: sa.Table, column: ColumnElement[Any], at: dict[str, Any]
) -> Iterator[Suggestion]:
    """Days begin somewhere, and go on."""
    finite = sa.select(sa.func.min(column), sa.func.max(column)).where(sa.func.isfinite(column))
    least, most = connection.execute(finite.select_from(table)).one()
    yield Suggestion("between", {**at, "least": str(least)}, f"from {least} to {most}")


def _up(share: float) -> float:
    """A share in percent, rounded up so that today's data passes."""
    return ceil(share * 10_000) / 100
