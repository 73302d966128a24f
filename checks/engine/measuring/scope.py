"""Dimensions such as league, series and club: bad rows are grouped by them, and a run is narrowed by one.

The caller names the dimensions, the engine only follows: from a column that a table or a statement has, by the first of
a dimension's ways whose column is there. At the end stand the values that `each=` rules run over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.sql.visitors import replacement_traverse

from checks.engine.authoring import MeasureError, SelectionError
from checks.engine.authoring.decorators import Row, SharedSet, Within
from checks.engine.authoring.spec import Check
from checks.engine.collecting.wiring import Values
from checks.engine.measuring.reflect import LEAVES, elements_of
from checks.engine.measuring.snapshot import Session, asking

Column: TypeAlias = sa.ColumnElement[Any]


@dataclass(frozen=True, slots=True)
class Lookup:
    """Where the value of a column's row is looked up: in the one row of `source` whose `key` is that column."""

    source: sa.FromClause
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Way:
    """One way to a dimension: from `column`, the value or where it is looked up, and a test for a given value."""

    column: str
    value: Callable[[Column], Column | Lookup]
    holds: Callable[[Column, Any], sa.ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Dimension:
    """What rows can be grouped and narrowed by.

    `labels` selects each value with the text that people know it by; without it a value is its own text. With `scored`
    a report tells a score for each value.
    """

    name: str
    ways: tuple[Way, ...]
    labels: sa.Select[tuple[Any, str]] | None = None
    scored: bool = False

    def way(self, source: sa.FromClause) -> tuple[Way, Column] | None:
        """The first way whose column the source has, with that column."""
        return next(((way, source.c[way.column]) for way in self.ways if way.column in source.c), None)

    def holds(self, source: sa.FromClause, value: Any) -> sa.ColumnElement[bool] | None:
        """The condition that a row of the source has that value, None when no way leads there."""
        found = self.way(source)
        return None if found is None else found[0].holds(found[1], value)

    def said_by(self, column: Column, value: Any) -> sa.ColumnElement[bool] | None:
        """The condition that this very column says that value, None when no way begins at it."""
        return next((way.holds(column, value) for way in self.ways if way.column == column.key), None)


def direct(column: str) -> Way:
    """The column itself holds the value."""
    return Way(column, lambda own: own, lambda own, value: own == value)


def through(column: str, key: Column, value: Column) -> Way:
    """The column refers to `key` of another table, in which it is unique and whose column `value` holds the value."""
    return Way(
        column,
        lambda own: Lookup(key.table, str(key.key), str(value.key)),
        # uncorrelated, so the database looks the few keys up once and not once per row
        lambda own, wanted: own.in_(sa.select(key).where(value == wanted)),
    )


Reached: TypeAlias = tuple[tuple[Dimension, Column], ...]


def reach(source: sa.FromClause, dimensions: Sequence[Dimension]) -> tuple[sa.FromClause, Reached]:
    """A source joined with what its rows' values are looked up in, each once, and the value of each dimension it has.

    It has as many rows as before: a join finds one row or none.
    """
    joined, reached = source, list[tuple[Dimension, Column]]()
    aliases = dict[tuple[str, sa.FromClause, str], sa.FromClause]()
    for dimension, (way, column) in [(one, found) for one in dimensions if (found := one.way(source)) is not None]:
        value = way.value(column)
        if isinstance(value, Lookup):
            place = way.column, value.source, value.key
            if place not in aliases:
                aliases[place] = value.source.alias()
                joined = joined.outerjoin(aliases[place], aliases[place].c[value.key] == column)
            value = aliases[place].c[value.value]
        reached.append((dimension, value))
    return joined, tuple(reached)


LOOKUP_TIMEOUT = 30.0
LISTED = 12
"""Labels that a message lists."""


def _as_value(name: str, value: Any) -> Any:
    return value


def _as_parameter(name: str, value: Any) -> Any:
    return sa.bindparam(name)


def _as_mark(name: str, value: Any) -> Any:
    return sa.literal_column(mark_of_value(name))


@dataclass(frozen=True, slots=True)
class Scope:
    """The rows that count: for each dimension some values. Without any, all rows do.

    `written` makes of the name of a value, and of the value, what stands for it in a condition.
    """

    wanted: tuple[tuple[Dimension, tuple[Any, ...]], ...] = ()
    written: Callable[[str, Any], Any] = _as_value

    @property
    def shape(self) -> tuple[Any, ...]:
        """What two scopes have in common whose conditions are the same."""
        if self.written is _as_value:
            return self.wanted
        return tuple((self.written, dimension, len(values)) for dimension, values in self.wanted)

    @property
    def named(self) -> Mapping[str, Any]:
        """The values by their names."""
        return {_name(dimension, place): value
                for dimension, values in self.wanted for place, value in enumerate(values)}  # fmt: skip

    def with_parameters(self) -> Scope:
        """The same scope with a parameter for each value, so that a statement serves every scope of its shape."""
        return replace(self, written=_as_parameter)

    def with_marks(self) -> Scope:
        """The same scope with a mark for each value, so that a text serves every scope of its shape."""
        return replace(self, written=_as_mark)

    def of(self, *, narrowed: bool) -> Scope:
        """This scope, or none where a query keeps to its rows by itself."""
        return Scope() if narrowed else self

    def condition(self, source: sa.FromClause) -> sa.ColumnElement[bool]:
        """The condition that a row of the source counts; MeasureError when the source does not say."""
        conditions = [
            self._any(dimension, values, partial(dimension.holds, source)) for dimension, values in self.wanted
        ]
        return sa.and_(*conditions) if conditions else sa.true()

    def common(self, dimensions: Sequence[Dimension]) -> Sequence[tuple[str, Any]] | None:
        """The values that all rows have in common, by dimension; None where rows may differ in one of these."""
        wanted = dict(self.wanted)
        if any(len(wanted.get(dimension, ())) != 1 for dimension in dimensions):
            return None
        return [(dimension.name, wanted[dimension][0]) for dimension in dimensions]

    def narrowed(self, rows: Any, within: Within) -> Any:
        """A statement without the rows of its tables on which nothing that is asked in this scope rests.

        Sets in it stay as they are, and so does a table under another name.
        """
        for dimension, values in self.wanted:
            if columns := within.get(dimension.name):
                own = (self._any(dimension, values, partial(dimension.said_by, column)) for column in columns)
                rows = _only(rows, columns[0].table, sa.or_(*own))
        return rows

    def figure(self, metric: sa.ColumnElement[Any], table: sa.FromClause) -> sa.ColumnElement[Any]:
        """A metric of the rows that count: what it selects from its table itself is selected from them, too."""
        if not self.wanted:
            return metric
        only = partial(_only, table=table, condition=self.condition(table))
        return _replaced(metric, lambda part: only(part) if isinstance(part, OWN_ROWS) else None)  # type: ignore[no-any-return]

    def _any(
        self, dimension: Dimension, values: tuple[Any, ...], holds: Callable[[Any], sa.ColumnElement[bool] | None]
    ) -> sa.ColumnElement[bool]:
        written = (self.written(_name(dimension, place), value) for place, value in enumerate(values))
        conditions = [holds(value) for value in written]
        if any(condition is None for condition in conditions):
            raise MeasureError(f"its rows do not say their {dimension.name}, so it cannot be narrowed to one")
        return sa.or_(*(condition for condition in conditions if condition is not None))

    def admits(self, dimension: str, label: str, labels: Labels) -> bool:
        """Whether rows of one value of a dimension can count at all."""
        values = next((values for own, values in self.wanted if own.name == dimension), None)
        return values is None or labels.value(dimension, label) in values

    def __bool__(self) -> bool:
        return bool(self.wanted)


LEFT_ALONE = (SharedSet, sa.Alias)
"""Parts of a set that are not narrowed with it: other sets, and tables under another name."""
OWN_ROWS = (sa.Subquery, sa.CTE)
"""What has rows of its own, and none of the statement around it."""


def _only(rows: Any, table: Any, condition: sa.ColumnElement[bool]) -> Any:
    """The statement with those rows of a table alone for which a condition holds."""
    read = set(elements_of([rows], (*LEAVES, *LEFT_ALONE)))
    kept = sa.select(*(column for column in table.c if column in read)).where(condition).subquery(table.name)

    def of_kept(part: Any) -> Any:
        if getattr(part, "table", None) is table:
            return kept.c[part.key]
        return kept if part is table else None

    return _replaced(rows, of_kept)


def _replaced(statement: Any, instead: Callable[[Any], Any]) -> Any:
    """A statement with something in place of some of its parts."""

    def put(part: Any, **_: Any) -> Any:
        return part if isinstance(part, LEFT_ALONE) else instead(part)

    return replacement_traverse(statement, {}, put)  # type: ignore[call-overload]  # Any is no overload


def _name(dimension: Dimension, place: int) -> str:
    return f"only_{dimension.name}_{place}"


def mark_of_value(name: str) -> str:
    """What stands for a value in a text: no statement can hold a NUL otherwise."""
    return f"\0{name}\0"


class Labels:
    """What the values of dimensions are called, read once per dimension when first asked for."""

    def __init__(self, session: Session, dimensions: Sequence[Dimension]) -> None:
        self._session = session
        self.dimensions = {dimension.name: dimension for dimension in dimensions}
        self._read: dict[str, Mapping[Any, str]] = {}

    def of(self, name: str) -> Mapping[Any, str]:
        """Label by value, empty for a dimension whose values are their own labels."""
        if name not in self._read:
            self._read[name] = self._fetch(self.dimensions[name])
        return self._read[name]

    def has(self, name: str) -> bool:
        """Whether there is such a dimension, and anything in it."""
        return name in self.dimensions and bool(self.of(name))

    def knows(self, name: str, label: str) -> bool:
        """Whether a value of the dimension is called so, in any case."""
        return label.casefold() in {own.casefold() for own in self.of(name).values()}

    def say(self, name: str, value: Any) -> str:
        """One value as people know it."""
        return "none" if value is None else self.of(name).get(value, str(value))

    def value(self, name: str, label: str) -> Any:
        """The value that people know by a label; raises SelectionError for an unknown one."""
        return self._values(name, (label,))[0]

    def scope(self, wanted: Mapping[str, Sequence[str]]) -> Scope:
        """The scope for some labels; raises SelectionError for an unknown dimension or label."""
        return Scope(tuple((self._dimension(name), self._values(name, texts)) for name, texts in wanted.items()))

    def _dimension(self, name: str) -> Dimension:
        if name not in self.dimensions:
            raise SelectionError(f"there is no dimension {name!r}; there are {', '.join(self.dimensions) or 'none'}")
        return self.dimensions[name]

    def _values(self, name: str, texts: Sequence[str]) -> tuple[Any, ...]:
        by_label = {label.casefold(): value for value, label in self.of(name).items()}
        for text in texts:
            if text.casefold() not in by_label:
                raise SelectionError(f"there is no {name} {text!r}; {_hint(text, sorted(self.of(name).values()))}")
        return tuple(by_label[text.casefold()] for text in texts)

    def _fetch(self, dimension: Dimension) -> Mapping[Any, str]:
        if dimension.labels is None:
            return {}
        inner = dimension.labels.subquery()
        rows = self._session.all(asking(*inner.c), LOOKUP_TIMEOUT)
        return {row[1]: str(row[2]) for row in rows}


def _hint(text: str, labels: Sequence[str]) -> str:
    """What was meant, perhaps; a database may know thousands of clubs."""
    folded = {label.casefold(): label for label in labels}
    near = get_close_matches(text.casefold(), folded, n=3) if len(labels) > LISTED else ()
    if near:
        return f"did you mean {', '.join(folded[label] for label in near)}?"
    more = f" and {len(labels) - LISTED:,} more" if len(labels) > LISTED else ""
    return f"there are {', '.join(labels[:LISTED]) or 'none'}{more}"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One value of an `each=` rule, and the text that it is known by; the label is empty for a rule without."""

    label: str = ""
    value: Any = None


MOST_GROUPS = 1_000


class Parameters:
    """The values that `each=` rules run over, read once per fixture."""

    def __init__(
        self, session: Session, values: Values, wanted: Mapping[str, Sequence[str]],
        remembered: Iterable[tuple[str, str]] = (),
    ) -> None:  # fmt: skip
        self._session = session
        self._remembered = tuple(remembered)
        self._values = values
        self._wanted = {name: {label.casefold() for label in labels} for name, labels in wanted.items()}
        self._read: dict[str, tuple[Parameter, ...]] = {}
        self._labels: dict[tuple[sa.FromClause, str], frozenset[str]] = {}

    def of(self, check: Check) -> tuple[Parameter, ...]:
        """A rule's parameters, one without a label for a rule without `each=`. Raises MeasureError."""
        name = check.mark.each
        if name is None:
            return (Parameter(),)
        if check.mark.groups:
            return self._groups(check)
        if name not in self._read:
            self._read[name] = tuple(self._chosen(name, _parameters(name, self._fetched(name))))
        return self._read[name]

    def narrow(self, check: Check) -> bool:
        """Whether a rule's parameters alone keep to the rows that the run is about."""
        return set(self._wanted) == {check.mark.each}

    def _groups(self, check: Check) -> tuple[Parameter, ...]:
        """The values of a column, and those that earlier runs have seen: a group without rows is still asked for."""
        assert isinstance(check.mark.table, sa.FromClause)  # noqa: S101 - bound before
        key = check.mark.table, check.mark.groups
        if key not in self._labels:
            self._labels[key] = self._values_of(*key)
        labels = self._labels[key].union(label for rule, label in self._remembered if rule == check.name and label)
        return tuple(Parameter(label, label) for label in sorted(labels))

    def _values_of(self, table: sa.FromClause, name: str) -> frozenset[str]:
        label = sa.func.coalesce(sa.cast(Row(table)[name], sa.Text), "none").label("label")
        statement = asking(label).select_from(table).group_by(label).limit(MOST_GROUPS + 1)
        labels = frozenset(row[1] for row in self._session.all(statement, LOOKUP_TIMEOUT))
        if len(labels) > MOST_GROUPS:
            raise MeasureError(f"{name} has more than {MOST_GROUPS:,} values: too many to judge one by one")
        return labels

    def _fetched(self, name: str) -> Iterable[Any]:
        value = self._values[name]
        if not isinstance(value, sa.SelectBase):
            return value  # type: ignore[no-any-return]  # whatever a fixture returns; verified by its reader
        return [tuple(row[1:]) for row in self._session.all(asking(*value.subquery().c), LOOKUP_TIMEOUT)]

    def _chosen(self, name: str, found: Iterable[Parameter]) -> Iterator[Parameter]:
        wanted = self._wanted.get(name)
        return (one for one in found if wanted is None or one.label.casefold() in wanted)


def _parameters(name: str, values: Iterable[Any]) -> list[Parameter]:
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise MeasureError(f"fixture {name!r} gives {type(values).__name__}; each={name!r} needs a list or a select()")
    parameters = [_parameter(value) for value in values]
    labels = [parameter.label for parameter in parameters]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise MeasureError(f"fixture {name!r} gives {twice[0]!r} twice; each value needs a label of its own")
    return parameters


def _parameter(value: Any) -> Parameter:
    if isinstance(value, tuple) and len(value) == 2:
        return Parameter(str(value[1]), value[0])
    single = value[0] if isinstance(value, tuple) and len(value) == 1 else value
    return Parameter(str(single), single)
