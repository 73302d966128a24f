"""The bad rows of one rule as a statement, and the places where they cluster: "58 of 62 in CNSWPL, series 12"."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import combinations
from typing import Any, TypeAlias

from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    FromClause,
    Select,
    SelectBase,
    Table,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    null,
    select,
    true,
)

from checks.engine.authoring import MeasureError
from checks.engine.authoring.spec import Kind
from checks.engine.judging.findings import key_columns, key_names, key_text, row_hash
from checks.engine.measuring.compile_queries import Query
from checks.engine.measuring.measure import Measurement, bad_condition
from checks.engine.measuring.reflect import keep, once_a_row
from checks.engine.measuring.scope import Dimension, Lookup, Reached, Scope, reach
from checks.engine.measuring.snapshot import Session, asking

Place: TypeAlias = tuple[tuple[str, Any], ...]
"""Where rows stand: dimensions with their values, such as (("league", 3), ("series", 12))."""


@dataclass(frozen=True, slots=True, eq=False)
class BadRows:
    """The bad rows of a query: where they are read from, which of them are bad, and what names them.

    `joined` is the source with what the values of the dimensions are looked up in. `hash` is a number that changes with
    the key of a row; None where there is none.
    """

    source: FromClause
    joined: FromClause
    names: tuple[str, ...]
    key: ColumnElement[str]
    condition: ColumnElement[bool]
    reached: Reached
    hash: ColumnElement[int] | None = None

    @classmethod
    def of(cls, query: Query, scope: Scope, dimensions: Sequence[Dimension]) -> BadRows:
        """Read off a query, once; raises MeasureError when its rows have no key, or a personal one."""
        kept = "rows", scope.shape, tuple(dimensions)
        return query.once(kept, lambda: cls._read(query, scope, dimensions))

    @classmethod
    def _read(cls, query: Query, scope: Scope, dimensions: Sequence[Dimension]) -> BadRows:
        source, bad = _source(query, scope)
        columns = _names(query, key_columns(source))
        joined, reached = reach(source, dimensions)
        condition = and_(bad, scope.condition(source)) if scope else bad
        hashed = row_hash(columns) if isinstance(source, Table) else None
        return cls(source, joined, key_names(columns), key_text(columns), condition, reached, hashed)

    def columns(self) -> list[ColumnElement[Any]]:
        """The key, then the value of each dimension that these rows have."""
        values = [value.label(f"d{number}") for number, (_, value) in enumerate(self.reached)]
        return [self.key.label("key"), *values]

    def statement(self) -> Select[Any]:
        """One row for each bad row."""
        return select(*self.columns()).select_from(self.joined).where(self.condition)

    def keys(self) -> Select[Any]:
        """The key of each bad row."""
        return select(self.key.label("key")).select_from(self.source).where(self.condition)

    def place(self, values: Sequence[Any]) -> Place:
        """The place of a row, from the values that follow its key."""
        return tuple((dimension.name, value) for (dimension, _), value in zip(self.reached, values, strict=True))


def _names(query: Query, columns: tuple[ColumnElement[Any], ...]) -> tuple[ColumnElement[Any], ...]:
    """The columns without the one that tells a rule's parameters apart: what is bad is called as if asked alone."""
    apart = tuple(column for column in columns if query.together is None or column.key != query.together.by)
    return apart or columns


Population: TypeAlias = tuple[FromClause, ColumnElement[bool] | None]


def population(query: Query, *, shared: bool = False) -> Population | None:
    """The rows that could have been bad, with their condition; None when the query does not say.

    With `shared` those of all parameters, where the rule asks for all at once.
    """
    return query.once(("population", shared), lambda: _population(query, shared))


def _population(query: Query, shared: bool) -> Population | None:
    if query.check.mark.kind is Kind.FRAME:
        return query.table, None
    among = query.among if query.together is None or not shared else query.together.among
    if isinstance(among, SelectBase):
        return _rows_of_table(among) or (among.subquery(), None)
    return None if query.check.mark.kind is Kind.CHECK else (query.table, among)


def _rows_of_table(statement: SelectBase) -> Population | None:
    """The table and the condition of a statement that selects rows of one table as they are; None of any other."""
    if not isinstance(statement, Select) or not all(isinstance(one, Column) for one in statement.selected_columns):
        return None
    # read off: to ask SQLAlchemy where it reads from would compile it
    of_where = (source for condition in statement._where_criteria for source in condition._from_objects)
    sources = {*(one.table for one in statement.selected_columns), *statement._from_obj, *of_where}
    same = select(*statement._raw_columns).select_from(*statement._from_obj).where(*statement._where_criteria)
    if len(sources) != 1 or not isinstance(table := sources.pop(), Table) or not statement.compare(same):
        return None
    return table, statement.whereclause


def _source(query: Query, scope: Scope) -> tuple[FromClause, ColumnElement[bool]]:
    if isinstance(query.bad, SelectBase):
        # the statement has chosen the bad rows already
        return scope.narrowed(query.bad, query.within).subquery(), true()
    if query.check.mark.kind is Kind.FRAME:
        # the rule has yet to choose: all rows are read
        return query.table, true()
    if query.bad is None:
        raise MeasureError(f"{query.check.name} has no bad rows, only a value")
    return query.table, bad_condition(query)


@dataclass(frozen=True, slots=True)
class Asked:
    """A query with the places that are asked about; `bad` says that its bad rows there are not known yet.

    With `hash` their hashes are summed up.
    """

    query: Query
    places: Sequence[Place]
    bad: bool = False
    hash: ColumnElement[int] | None = None


@dataclass(frozen=True, slots=True)
class PlaceCounts:
    """How many rows could have been bad at each place and in all, and how many are, if that was asked.

    `digest` is the sum of the hashes of bad rows, if that was asked.
    """

    rows: Counter[Place] = field(default_factory=Counter)
    bad: Counter[Place] = field(default_factory=Counter)
    total: int = 0
    count: int = 0
    digest: int = 0

    def readings(self, name: str, bad: Mapping[Place, int]) -> dict[Any, Measurement]:
        """The reading at each value of a dimension; a value without any row is left out."""
        alone = {place[0][1]: (place, total) for place, total in self.rows.items()
                 if total and len(place) == 1 and place[0][0] == name}  # fmt: skip
        return {value: Measurement(bad.get(place, 0), total) for value, (place, total) in alone.items()}


def census(
    session: Session, asked: Sequence[Asked], dimensions: Sequence[Dimension], scope: Scope, timeout: float
) -> dict[tuple[str, str], PlaceCounts]:
    """How many rows could have been bad at each place asked about, and at each value of a scored dimension.

    The queries share one population, which is read once; nothing is known of queries that do not say theirs. Of a
    population that a rule asks for all at once, each query counts the rows of its own parameter.
    """
    first, shared = asked[0].query, len(asked) > 1
    judged = population(first, shared=shared)
    if judged is None:
        return {}
    known = [_Code.of(dimension, asked) for dimension in dimensions if dimension.way(judged[0]) is not None]
    codes, together = [code for code in known if code.values != ()], first.together if shared else None
    make = partial(_Census.of, asked, judged, codes, scope)
    # of several rules there are too many that may fail together
    forms = ("census", scope.shape, asked[0].bad, asked[0].hash, *((code.dimension, *code.given) for code in codes))
    plan = make() if shared or first.together else first.once((*forms, *dimensions), make)
    given = {name: value for code in codes for name, value in code.given.items()}
    met: dict[Any, _Met] = {}
    for row in session.all(plan.statement, timeout, given):
        met.setdefault(row[1], _Met()).add(places_of(_read(codes, row[2:])), *plan.counts(row))
    of_query = ((None if together is None else item.query.parameter.value, item.query.id) for item in asked)
    return {
        id_: met[value].counts(*numbers) if value in met else PlaceCounts()
        for (value, id_), numbers in zip(of_query, plan.numbers, strict=True)
    }


class _Met:
    """The groups of rows that were met: how many rows each count has of them, by the places where they stand."""

    def __init__(self) -> None:
        self._at: dict[Place, list[Sequence[int]]] = {}
        self._numbers: list[Sequence[int]] = []
        self._hashes: list[Sequence[int]] = []

    def add(self, places: Iterable[Place], numbers: Sequence[int], hashes: Sequence[int]) -> None:
        """One more group, which counts at each of its places."""
        for place in places:
            self._at.setdefault(place, []).append(numbers)
        self._numbers.append(numbers)
        self._hashes.append(hashes)

    def counts(self, rows: int, bad: int | None = None) -> PlaceCounts:
        """What the counts of these numbers say."""
        total, count, digest = (
            0 if at is None else sum(own[at] for own in of_groups)
            for at, of_groups in ((rows, self._numbers), (bad, self._numbers), (bad, self._hashes))
        )
        return PlaceCounts(self._sums[rows], Counter() if bad is None else self._sums[bad], total, count, digest)

    @cached_property
    def _sums(self) -> Sequence[Counter[Place]]:
        # the same for all queries that have a count in common, as most of a table have the number of its rows
        sums = {place: [*map(sum, zip(*groups, strict=True))] for place, groups in self._at.items()}
        return [Counter({place: own[at] for place, own in sums.items()}) for at in range(len(self._numbers[0]))]


@dataclass(frozen=True, slots=True)
class _Census:
    """A statement that counts rows by place; of each query the numbers of its counts, of each count its columns."""

    statement: Select[Any]
    numbers: Sequence[Sequence[int]]
    columns: Sequence[int]

    @classmethod
    def of(cls, asked: Sequence[Asked], judged: Population, codes: Sequence[_Code], scope: Scope) -> _Census:
        """Of these queries, by what tells several of one rule apart, and by these codes of values."""
        flags, together = _Flags(), asked[0].query.together if len(asked) > 1 else None
        apart = null() if together is None else judged[0].c[together.by]
        coded, columns = _coded(judged[0], codes)
        by = [apart, *columns]
        among, joined = once_a_row([(population(item.query) or judged)[1] for item in asked], coded)
        counted = zip(asked, among, strict=True)
        numbers = [[flags.number(condition) for condition in _counted_by(item, own)] for item, own in counted]
        labelled = [column.label(f"d{number}") for number, column in enumerate(by)]
        hashed = {numbers[at][1]: own for at, item in enumerate(asked) if (own := item.hash) is not None}
        # the rules of one table have one hash: as an expression of each, they took most of the text
        hashes = {own: own.label(f"h{number}") for number, own in hashed.items()}
        wanted = select(*labelled, *flags.columns, *hashes.values()).select_from(joined)
        rows = wanted.where(scope.condition(judged[0])).subquery()
        grouped = [rows.c[column.name] for column in labelled]
        sums = {number: _sum_and_mean(rows.c[hashes[own].name]) for number, own in hashed.items()}
        counts = [(sums.get(number, (func.count(),)), rows.c[flag.name]) for number, flag in enumerate(flags.columns)]
        aggregates = [each.filter(flag) for own, flag in counts for each in own]
        statement = keep(asking(*grouped, *aggregates).group_by(*grouped))
        return cls(statement, numbers, [len(own) for own, _ in counts])

    def counts(self, row: Sequence[Any]) -> tuple[Sequence[int], Sequence[int]]:
        """The number of rows of each count, and the sum of their hashes; they stand at the end of a row."""
        values = row[-sum(self.columns) :]
        if len(values) == len(self.columns):  # no hashes
            return values, [0] * len(values)
        of_count = iter(values)
        pairs = [_count_and_sum([next(of_count) for _ in range(number)]) for number in self.columns]
        return [count for count, _ in pairs], [hashed for _, hashed in pairs]


def _sum_and_mean(hashed: ColumnElement[int]) -> tuple[ColumnElement[Any], ...]:
    """What says how many rows there are, and what their hashes add up to, by asking their condition once.

    A count beside the sum would ask it of every row once more. Sum and mean of the same numbers are one aggregate to
    the database, which also takes little memory for a group: for arrays it sorted all rows.
    """
    return func.sum(hashed), func.avg(hashed)


def _count_and_sum(values: Sequence[Any]) -> tuple[int, int]:
    """The number of rows, and the sum of their hashes, if these were asked for: none of them is nought or less."""
    total, *mean = values
    return (round(total / mean[0]), int(total)) if mean and total else (int(total or 0), 0)


class _Flags:
    """Conditions, each written once: most queries of a table are about all of its rows."""

    def __init__(self) -> None:
        self.columns: list[Any] = []
        self._numbers: dict[ColumnElement[bool] | None, int] = {}

    def number(self, condition: ColumnElement[bool] | None) -> int:
        """The place of a condition among the columns; None is the condition that always holds."""
        if condition not in self._numbers:
            self._numbers[condition] = len(self.columns)
            self.columns.append((true() if condition is None else condition).label(f"p{len(self.columns)}"))
        return self._numbers[condition]


def _counted_by(item: Asked, among: ColumnElement[bool] | None) -> list[ColumnElement[bool] | None]:
    return [among, *([bad_condition(replace(item.query, among=among))] if item.bad else [])]


MOST_CONDITIONS = 3
"""The database knows how few groups so many conditions make: it need not sort all rows."""


@dataclass(frozen=True, slots=True)
class _Code:
    """What rows are grouped by: the value of a scored dimension (`values` None), of others which asked value it is."""

    dimension: Dimension
    values: tuple[Any, ...] | None

    @classmethod
    def of(cls, dimension: Dimension, asked: Sequence[Asked]) -> _Code:
        """The code of one dimension."""
        parts = {part for item in asked for place in item.places for part in place}
        wanted = tuple(own for name, own in sorted(parts, key=str) if name == dimension.name)
        return cls(dimension, None if dimension.scored else wanted)

    @property
    def given(self) -> Mapping[str, Any]:
        """The parameters of its columns."""
        name, values = f"at_{self.dimension.name}", self.values or ()
        if len(values) > MOST_CONDITIONS:
            return {name: list(values)}
        return {f"{name}_{number}": own for number, own in enumerate(values)}

    def columns(self, value: ColumnElement[Any], is_it: Callable[[Any], Any] | None = None) -> list[ColumnElement[Any]]:
        """What a value is grouped by; `is_it` tests for one that is known, where that is quicker than to compare."""
        if self.values is None:
            return [value]
        if len(self.values) > MOST_CONDITIONS:
            lists = [cast(bindparam(name), ARRAY(value.type)) for name in self.given]
            return [func.coalesce(func.array_position(own, value), 0) for own in lists]
        wanted = [bindparam(name, type_=value.type) for name in self.given]
        if is_it is None:
            return [value.is_not_distinct_from(own) for own in wanted]
        return [case((own.is_(None), value.is_(None)), else_=is_it(own)) for own in wanted]

    def read(self, row: Iterator[Any]) -> tuple[str, Any] | None:
        """The dimension with its value, from the next columns of a row; None for a value that nobody asked about."""
        if self.values is None:
            return self.dimension.name, next(row)
        codes = [next(row) for _ in self.given]
        is_list = len(self.values) > MOST_CONDITIONS
        asked = codes[0] if is_list else next((n for n, own in enumerate(codes, 1) if own), 0)
        if codes[0] is None:  # no row where it is looked up
            asked = self.values.index(None) + 1 if None in self.values else 0
        return (self.dimension.name, self.values[asked - 1]) if asked else None


def _coded(source: FromClause, codes: Sequence[_Code]) -> tuple[FromClause, list[ColumnElement[Any]]]:
    """A source with the columns of codes: those of a value that is looked up are made there, and not for each row.

    They are NULL for a row that is not found there.
    """
    columns, joined = dict[str, Sequence[Any]](), source
    looked_up = defaultdict[Any, dict[str, Sequence[Any]]](dict)
    for code, (way, column) in [(code, found) for code in codes if (found := code.dimension.way(source)) is not None]:
        name, value = code.dimension.name, way.value(column)
        if isinstance(value, Lookup):
            made = code.columns(value.source.c[value.value])
            looked_up[column, value.source, value.key][name] = [one.label(f"{name}_{n}") for n, one in enumerate(made)]
        else:
            columns[name] = code.columns(value, partial(way.holds, column))
    for (column, place, key), of_place in looked_up.items():
        rows = select(place.c[key].label("at"), *(one for own in of_place.values() for one in own))
        # OFFSET: or the database makes them of each row after all; quoted: 0 must be cast, and no process more is taken
        there = rows.offset(literal_column("'0'")).subquery()
        joined = joined.outerjoin(there, there.c.at == column)
        columns |= {name: [there.c[one.name] for one in own] for name, own in of_place.items()}
    return joined, [one for code in codes for one in columns[code.dimension.name]]


def _read(codes: Iterable[_Code], row: Iterable[Any]) -> Place:
    """The place of a row, from its columns."""
    columns = iter(row)
    return tuple(part for code in codes if (part := code.read(columns)) is not None)


def places_of(place: Sequence[tuple[str, Any]]) -> Iterable[Place]:
    """The places that a row counts for: each of its dimensions alone, and each two of them."""
    yield from ((part,) for part in place)
    yield from combinations(place, 2)
