"""What rule authors write: the decorators that mark a function, and `Row` and `Bad`, by which it says what is bad."""

from __future__ import annotations

import dis
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict, TypeVar, Unpack

from sqlalchemy import CTE, Column, ColumnElement, FromClause, Select, SelectBase
from sqlalchemy.types import NullType

from checks.engine.authoring import CheckDefinitionError, UnknownColumnError
from checks.engine.authoring.spec import CHECK, FIX, FIXTURE, Kind, Mark, TableName, is_check, put, table_of, verified
from checks.engine.authoring.thresholds import Above, Threshold
from checks.engine.authoring.units import Severity

if TYPE_CHECKING:
    import pandas as pd

PERSONAL_WORDS = ("name", "address", "birth")
"""Parts of column names that tell of a person, for tables that nobody has described."""
IMPERSONAL_WORDS = ("team", "club", "league", "series", "table")
"""Names and addresses that are nobody's."""
SECRET_WORDS = ("email", "phone", "contact", "password", "secret", "token", "message", "notes")
"""Parts of column names that tell of a person whatever stands beside them: `club_automation_password`."""


class Row:
    """The row that a rule looks at: `row.home_team` is the column `home_team` of its table.

    A column whose name is no Python name is `row["name"]`. An unknown column raises CheckDefinitionError.
    """

    __slots__ = ("_table",)

    def __init__(self, table: FromClause) -> None:
        self._table = table

    def __getattr__(self, name: str) -> ColumnElement[Any]:
        if name.startswith("__"):  # copy, pickle and inspect ask for these
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> ColumnElement[Any]:
        try:
            return self._table.c[name]
        except KeyError:
            raise UnknownColumnError(_unknown(name, self._table)) from None


def table_behind(row: Row) -> FromClause:
    """The table that a row is of; a function, since a method's name would hide a column."""
    return row._table


Within: TypeAlias = Mapping[str, Sequence[Column[Any]]]
"""Dimensions, each with columns of one table: what is asked about one value rests on the rows that have it in one."""


@dataclass(frozen=True, slots=True)
class Bad:
    """The bad rows, and among which rows they are counted.

    In a row rule both are conditions; NULL is not true, so it is not counted. In a `check` both are statements:
    `found` selects the keys of the bad rows, `among` one row for each row that could have been bad. Without `among`
    a row rule counts all rows of its table, and a `check` has no rate: judge it in `rows`. `within` says of a `check`
    what it says of a `shared_set`.
    """

    found: ColumnElement[bool] | SelectBase
    among: ColumnElement[bool] | SelectBase | None = None
    within: Within = field(default_factory=dict)


class SharedSet(CTE):
    """A set that several rules ask for: a run reads it once, as long as it is small, and sends it along after that."""

    inherit_cache = True
    within: Within = MappingProxyType({})


def shared_set(name: str, rows: Select[Any], *, within: Within | None = None) -> SharedSet:
    """Rows as a set that rules share, to be joined like a table; its columns have types, and are no arrays.

    It is known by its statement, so each rule builds it anew, once. Alone it is a WITH of its name. `within` names a
    dimension and columns of a table: what rules ask of the set for one value of that dimension rests on the rows of the
    table that have it in one of them, so a run that is narrowed by it reads no others. Raises CheckDefinitionError for
    a column whose type is not known.
    """
    for column in rows.selected_columns:
        if isinstance(column.type, NullType):
            raise CheckDefinitionError(
                f"the shared set {name!r} has a column {column.key!r} of no known type; say it, as in func.lag(day,"
                " type_=Date)"
            )
    own: SharedSet = SharedSet._construct(rows, name=name)
    own.within = within or {}
    return own


def impersonal(source: FromClause) -> list[ColumnElement[Any]]:
    """The columns that tell of no person: none that is marked personal, and none whose name says that it is."""
    return [column for column in source.c if not _is_personal(column)]


def is_marked_personal(column: ColumnElement[Any]) -> bool:
    """Whether the column, or one that it is made of, is marked as one that no report may show."""
    origins = {column, *getattr(column, "base_columns", ())}
    return any(getattr(origin, "info", {}).get("personal") for origin in origins)


def _is_personal(column: Any) -> bool:
    words = str(column.key).lower()
    is_named_so = any(part in words for part in PERSONAL_WORDS) and not any(part in words for part in IMPERSONAL_WORDS)
    return is_marked_personal(column) or is_named_so or any(part in words for part in SECRET_WORDS)


def _unknown(name: str, table: FromClause) -> str:
    known = table.c.keys()
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}"
    return f"table {getattr(table, 'name', table)!s} has no column {name!r}; {hint}"


RowRule = TypeVar("RowRule", bound=Callable[..., "ColumnElement[bool] | Bad"])
MetricRule = TypeVar("MetricRule", bound=Callable[..., ColumnElement[Any]])
SetRule = TypeVar("SetRule", bound=Callable[..., Bad])
FrameRule = TypeVar("FrameRule", bound="Callable[..., pd.Series[bool]]")
Function = TypeVar("Function", bound=Callable[..., Any])


AnyTable: TypeAlias = FromClause | TableName | str
"""A table, or the name of one: "orders", "shop.orders"."""


class RuleOptions(TypedDict, total=False):
    """What every kind of rule can say besides severity and threshold.

    `owner` is who answers for the data; `each` names the argument (and fixture) whose values the rule runs once per;
    `timeout` is in seconds for each statement; `retries` counts further tries after a lost connection and the like;
    `coach` is the rule in one short sentence about one row, in a coach's words: "A team has no schedule";
    `good` and `bad` are rows that the rule leaves alone and finds, for `rally-health rules test`;
    `runbook` is what to do or where it stands. `can_be_empty` says that what the rule looks at comes and goes, such as
    the fixtures of a week: none of it is then nothing to measure, and not trouble as where there was something before.
    """

    owner: str
    each: str | None
    timeout: float
    retries: int
    runbook: str
    coach: str
    good: Sequence[Mapping[str, Any]]
    bad: Sequence[Mapping[str, Any]]
    can_be_empty: bool


def row_check(
    table: AnyTable,
    *,
    severity: Severity,
    threshold: Above,
    tags: Iterable[str] = (),
    **options: Unpack[RuleOptions],
) -> Callable[[RowRule], RowRule]:
    """Mark a function of a `Row` that returns the condition of a bad row, or `Bad(condition, among=condition)`.

    NULL is not true, so it is not counted. All row and metric rules of a table share one scan.
    """
    labels = _labels(Kind.ROW, tags)
    return _marker(
        Mark(
            kind=Kind.ROW,
            table=table_of(table),
            severity=severity,
            threshold=threshold,
            tags=labels,
            **_rows_of(options),
        )
    )


def metric_check(
    table: AnyTable,
    *,
    severity: Severity,
    threshold: Threshold,
    tags: Iterable[str] = (),
    **options: Unpack[RuleOptions],
) -> Callable[[MetricRule], MetricRule]:
    """Mark a function of a `Row` that returns one aggregate of the table: a number, a share or a time span.

    An interval is read in hours. NULL, as of an empty table, is SKIPPED.
    """
    labels = _labels(Kind.METRIC, tags)
    mark = Mark(
        kind=Kind.METRIC,
        table=table_of(table),
        severity=severity,
        threshold=threshold,
        tags=labels,
        **_rows_of(options),
    )
    return _marker(mark)


def check(
    *,
    severity: Severity,
    threshold: Above,
    table: AnyTable | None = None,
    tables: Mapping[str, str | TableName] | None = None,
    tags: Iterable[str] = (),
    **options: Unpack[RuleOptions],
) -> Callable[[SetRule], SetRule]:
    """Mark a function that asks for what it needs by argument name and returns `Bad(select(...), among=select(...))`.

    `found` selects the keys of the bad rows: what people see as examples, so never a person's name. `table` is only
    said to readers and repairs: the table that the bad rows stand in. `tables` are arguments that get a table by its
    name: `tables={"orders": "shop.orders"}` for `def rule(orders)`.
    """
    labels = _labels(Kind.CHECK, tags)
    named = tuple((name, table_of(own)) for name, own in (tables or {}).items())
    mark = Mark(
        kind=Kind.CHECK, table=table_of(table), severity=severity, threshold=threshold, tags=labels, tables=named,
        **_rows_of(options),
    )  # fmt: skip
    return _marker(mark)


def frame_check(
    table: AnyTable,
    *,
    columns: Iterable[str],
    severity: Severity,
    threshold: Above,
    tags: Iterable[str] = (),
    **options: Unpack[RuleOptions],
) -> Callable[[FrameRule], FrameRule]:
    """Mark a function of a DataFrame of `columns` that returns a boolean Series, true for a bad row.

    The table is read in chunks, so a row must be judged by itself; a missing value (NA) is not bad.
    """
    named = (columns,) if isinstance(columns, str) else tuple(columns)
    unknown = [name for name in named if isinstance(table, FromClause) and name not in table.c]
    if (unknown or not named) and isinstance(table, FromClause):
        what = f"columns {', '.join(unknown)} that its table does not have" if unknown else "no columns"
        known = ", ".join(table.c.keys())
        raise CheckDefinitionError(f"frame_check() names {what}; the table has {known}")
    labels = _labels(Kind.FRAME, tags)
    mark = Mark(
        kind=Kind.FRAME,
        table=table_of(table, named),
        columns=named,
        severity=severity,
        threshold=threshold,
        tags=labels,
        **_rows_of(options),
    )
    return _marker(mark)


def fixture(function: Function) -> Function:
    """Mark a function that provides what rules ask for by its name; what follows a `yield` cleans up after the run."""
    put(function, FIXTURE, True)
    return function


def fix(rule: Callable[..., object]) -> Callable[[Function], Function]:
    """Mark a function as the repair of a rule."""
    if not is_check(rule):
        found = getattr(rule, "__qualname__", repr(rule))
        raise CheckDefinitionError(f"fix({found}) names no rule; expected @fix(rule) with a marked function")

    def mark(function: Function) -> Function:
        _verify_plan(function)
        put(function, FIX, rule)
        return function

    return mark


def _verify_plan(function: Callable[..., Any]) -> None:
    """A fix whose every answer is written out as nothing or as a text has no step to plan."""
    steps = list(dis.get_instructions(function.__code__)) if hasattr(function, "__code__") else []
    answers = [_constant(*pair) for pair in pairwise(steps) if pair[1].opname.startswith("RETURN_")]
    has_text = any(isinstance(answer, str) for answer in answers)
    if has_text or (answers and ... not in answers and not inspect.isgeneratorfunction(function)):
        raise CheckDefinitionError(
            f"fix {function.__name__}() returns {'a text and ' * has_text}no plan; expected a step of etl.repairs, such"
            " as Update(table, select(...)) or Delete(table, select(...))"
        )


def _constant(before: dis.Instruction, step: dis.Instruction) -> Any:
    """What a function returns that stands in its own code, `...` for what it makes; formatted text is a text."""
    if step.opname == "RETURN_CONST":
        return step.argval
    if before.opname in {"BUILD_STRING", "FORMAT_VALUE", "FORMAT_SIMPLE", "FORMAT_WITH_SPEC"}:
        return ""
    return before.argval if before.opname == "LOAD_CONST" else ...


def _labels(kind: Kind, tags: Iterable[str]) -> frozenset[str]:
    if isinstance(tags, str):
        raise CheckDefinitionError(f"{kind.value}(tags={tags!r}) is one text; expected a set: tags={{{tags!r}}}")
    return frozenset(tags)


def _rows_of(options: RuleOptions) -> dict[str, Any]:
    """The options, with rows that nobody changes any more."""
    given: dict[str, Any] = dict(options)
    for stranger in (name for name in given if name not in RuleOptions.__annotations__):
        known = ("severity", "threshold", "tags", *RuleOptions.__annotations__)
        near = get_close_matches(stranger, known, n=1)
        hint = f"did you mean {near[0]}=?" if near else f"it takes {', '.join(known)}"
        raise CheckDefinitionError(f"a rule has no {stranger}=; {hint}")
    for name in ("good", "bad"):
        if any(not isinstance(row, Mapping) for row in given.get(name, ())):
            raise CheckDefinitionError(f"{name}= holds something else than rows; expected [{{'column': value}}, ...]")
    return given | {name: tuple(given[name]) for name in ("good", "bad") if name in given}


def _marker(mark: Mark) -> Callable[[Function], Function]:
    checked = verified(mark)

    def apply(function: Function) -> Function:
        put(function, CHECK, checked)
        return function

    return apply
