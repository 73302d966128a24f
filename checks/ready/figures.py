"""Ready-made rules about a whole table: how many rows, how filled, how fresh, how alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from inspect import Parameter, Signature
from typing import Any, Unpack

import sqlalchemy as sa

from checks.engine.authoring import CheckDefinitionError, MeasureError
from checks.engine.authoring.decorators import AnyTable, Bad, Row, table_behind
from checks.engine.authoring.spec import Kind
from checks.engine.authoring.thresholds import Threshold, above, below, change
from checks.engine.authoring.units import days, hours, percent
from checks.engine.collecting.sql_rules import escaped, one_statement
from checks.ready.make import LimitPair, ReadyOptions, Rule, both, counted, limit_pair, ready_rule
from checks.scopes import DIMENSIONS

Aggregate = Callable[[Row, sa.ColumnElement[bool], datetime], sa.ColumnElement[Any]]
"""One aggregate of a table's rows, of those that a condition keeps, at a moment."""
SCOPED = {dimension.name: dimension for dimension in DIMENSIONS if dimension.name != "import"}
FEWEST_COMPARED = 30
"""Recent rows without which a distribution says nothing."""


def row_count(
    table: AnyTable,
    *,
    by: str = "",
    drop: LimitPair | None = ("10 %", "30 %"),
    growth: LimitPair | None = None,
    window: int = 14,
    **options: Unpack[ReadyOptions],
) -> Rule:
    """The table lost or gained many rows against its own history; `by` a league, series, club or any column.

    `drop` and `growth` are warn and critical. A group that has lost all of its rows is still judged.
    """
    moved = change(drop=limit_pair(drop), growth=limit_pair(growth), window=window)
    summary = f"{_name(table)} has lost or gained many rows."
    return _figure("row_count", table, (), by, _count, options=options, summary=summary, default=moved)


def never_shrinks(table: AnyTable, *, by: str = "", **options: Unpack[ReadyOptions]) -> Rule:
    """The table has fewer rows than in the run before."""
    fallen = change(drop=(None, percent(0)), window=1)
    return _figure(
        "never_shrinks",
        table,
        (),
        by,
        _count,
        options=options,
        summary=f"{_name(table)} has lost rows.",
        default=fallen,
    )


def filled(
    table: AnyTable, column: str, *, by: str = "", drop: LimitPair = ("5 %", "20 %"), **options: Unpack[ReadyOptions]
) -> Rule:
    """The share of rows in which the column is filled fell against its own history; blank text is not filled.

    With `warn` or `critical` it is judged by those limits instead: `warn="95 %"` wants it filled in so many rows.
    """

    def figure(row: Row, kept: sa.ColumnElement[bool], now: datetime) -> sa.ColumnElement[Any]:
        share = sa.func.avg(sa.case((_is_empty(row[column]), 0.0), else_=1.0))
        return sa.cast(share.filter(kept), sa.Float)

    fallen = change(drop=limit_pair(drop))
    summary = f"{column} is filled in fewer rows than it was."
    return _figure(
        "filled", table, (column,), by, figure, options=options, summary=summary, default=fallen, limits=below
    )


def fresh(table: AnyTable, column: str, *, by: str = "", **options: Unpack[ReadyOptions]) -> Rule:
    """The newest value of a date or time is too old, by default after 26 hours; the future does not count."""

    def figure(row: Row, kept: sa.ColumnElement[bool], now: datetime) -> sa.ColumnElement[Any]:
        moment = sa.cast(sa.literal(now), sa.DateTime(timezone=True))
        at = sa.cast(row[column], sa.DateTime(timezone=True))
        return sa.cast(moment - sa.func.max(at).filter(kept, sa.func.isfinite(at), at <= moment), sa.Interval)

    late = above(warn=hours(26), critical=days(3))
    summary = f"The newest {column} of {_name(table)} is too old."
    return _figure("fresh", table, (column,), by, figure, options=options, summary=summary, default=late)


def drifts(
    table: AnyTable, column: str, *, since: str, recent: int = 7, by: str = "", **options: Unpack[ReadyOptions]
) -> Rule:
    """The values of the column are spread otherwise in the rows of the last `recent` days than in those before.

    `since` is the column that dates a row. Figures and times are compared by the statistic of Kolmogorov and Smirnov
    (the largest gap between the two cumulated shares), text by the share that has moved to another value. Both lie
    between 0 and 100 %. With fewer than 30 recent or older rows there is nothing to compare.
    """

    if recent < 1:
        raise CheckDefinitionError(f"drifts({column!r}) got recent={recent}; expected days, 1 or more")

    def figure(row: Row, kept: sa.ColumnElement[bool], now: datetime) -> sa.ColumnElement[Any]:
        return _distance(row[column], row[since], kept, now - timedelta(days=recent))

    far = above(warn=percent(10), critical=percent(25))
    summary = f"The values of {column} are spread otherwise than before."
    return _figure("drifts", table, (column, since), by, figure, options=options, summary=summary, default=far)


def same_as(first: str, second: str, **options: Unpack[ReadyOptions]) -> Rule:
    """Two statements give different rows; each row that only one of them gives is bad. Select keys, not people."""
    statements = [one_statement(one) for one in (first, second)]

    def rule() -> Bad:
        sides = (("first", *statements), ("second", *reversed(statements)))
        return Bad(sa.union_all(*(_only_in(side, one, other) for side, one, other in sides)))

    if not options.get("name"):
        raise CheckDefinitionError("same_as() needs a name=, for its statements give it none")
    summary = "Two statements that should agree give different rows."
    return ready_rule(Kind.CHECK, "same_as", None, (), rule, options=options, summary=summary)


def _only_in(side: str, one: str, other: str) -> Any:
    difference = sa.text(escaped(f"(select * from ({one}\n) a except all select * from ({other}\n) b) d"))  # noqa: S608 - an author's own text, READ ONLY
    row = sa.literal_column("to_jsonb(d)::text", sa.Text).label("row")
    return sa.select(sa.literal(side).label("only_in"), row).select_from(difference)


def _distance(
    own: sa.ColumnElement[Any], since: sa.ColumnElement[Any], kept: sa.ColumnElement[bool], start: datetime
) -> sa.ColumnElement[Any]:
    at, first = sa.cast(since, sa.DateTime(timezone=True)), sa.cast(sa.literal(start), sa.DateTime(timezone=True))
    rows = sa.select(own.label("value"), (at >= first).label("recent")).where(kept, own.is_not(None), at.is_not(None))
    distance = _moved_share(rows) if isinstance(own.type, sa.String) else _largest_gap(rows)
    # an aggregate of one value, so that it can share the scan of its table
    return sa.func.max(distance)


def _largest_gap(rows: Any) -> sa.ColumnElement[Any]:
    """The statistic of Kolmogorov and Smirnov; rows of one value are passed together, as RANGE does."""
    value = rows.subquery("value")
    counts = [sa.func.count().filter(value.c.recent.is_(flag)) for flag in (True, False)]
    passed = [one.over(order_by=value.c.value) * 1.0 / sa.func.nullif(one.over(), 0) for one in counts]
    total = sa.func.least(*(one.over() for one in counts)).label("fewest")
    gaps = sa.select(sa.func.abs(passed[0] - passed[1]).label("gap"), total).subquery("gaps")
    return sa.select(sa.func.max(gaps.c.gap)).where(gaps.c.fewest >= FEWEST_COMPARED).scalar_subquery()


def _moved_share(rows: Any) -> sa.ColumnElement[Any]:
    """Half of the sum of what the shares of all values differ by."""
    value = rows.subquery("value")
    counts = [sa.func.count().filter(value.c.recent.is_(flag)) for flag in (True, False)]
    columns = [one.label(name) for one, name in zip(counts, ("now", "then"), strict=True)]
    by_value = sa.select(*columns).group_by(value.c.value).subquery("by_value")
    totals = [sa.func.sum(by_value.c[name]).over() for name in ("now", "then")]
    shares = [
        by_value.c[name] * 1.0 / sa.func.nullif(total, 0) for name, total in zip(("now", "then"), totals, strict=True)
    ]
    moved = sa.select(
        sa.func.abs(shares[0] - shares[1]).label("moved"), sa.func.least(*totals).label("fewest")
    ).subquery("moved")
    return sa.select(sa.func.sum(moved.c.moved) / 2).where(moved.c.fewest >= FEWEST_COMPARED).scalar_subquery()


def _is_empty(own: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    return sa.or_(own.is_(None), sa.func.btrim(own) == "") if isinstance(own.type, sa.String) else own.is_(None)


def _count(row: Row, kept: sa.ColumnElement[bool], now: datetime) -> sa.ColumnElement[Any]:
    return sa.func.count().filter(kept)


def _figure(
    what: str, table: AnyTable, columns: tuple[str, ...], by: str, figure: Aggregate, *, options: ReadyOptions,
    summary: str, default: Threshold, limits: Callable[..., Threshold] = above,
) -> Rule:  # fmt: skip
    """A rule about a figure of the table, or with `by` of each of its groups."""
    group = by if by in SCOPED else "group" if by else ""
    groups = "" if by in SCOPED else by

    def rule(row: Row, **given: Any) -> sa.ColumnElement[Any]:
        own = _of_group(row, by, given[group]) if group else None
        return figure(row, both(counted(options), own), given["now"])

    _takes(rule, filter(None, ("row", "now", group)))
    return ready_rule(
        Kind.METRIC, what, table, (*columns, *filter(None, [groups])), rule, options=options, summary=summary,
        limits=limits, default=default, each=group or None, groups=groups,
    )  # fmt: skip


def _takes(rule: Rule, names: Iterable[str]) -> None:
    arguments = [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in names]
    rule.__signature__ = Signature(arguments)  # type: ignore[attr-defined]


def _of_group(row: Row, by: str, value: Any) -> sa.ColumnElement[bool]:
    if by not in SCOPED:
        return sa.func.coalesce(sa.cast(row[by], sa.Text), "none") == str(value)
    condition = SCOPED[by].holds(table_behind(row), value)
    if condition is None:
        raise MeasureError(f"its rows do not say their {by}, so they cannot be counted by it")
    return condition


def _name(table: AnyTable) -> str:
    return table if isinstance(table, str) else str(getattr(table, "name", table))
