"""The bad rows of one rule as a statement, and the places where they cluster: "58 of 62 in CNSWPL, series 12"."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    cast,
    func,
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
from checks.engine.measuring.scope import Dimension, Reached, Scope, reach
from checks.engine.measuring.snapshot import Session, asking

Place: TypeAlias = tuple[tuple[str, Any], ...]
"""Where rows stand: dimensions with their values, such as (("league", 3), ("series", 12))."""


@dataclass(frozen=True, slots=True, eq=False)
class BadRows:
    """The bad rows of a query: where they are read from, which of them are bad, and what names them.

    `joined` is the source with what the values of the dimensions are looked up in. `hash` changes with the key of a row
    and with what its dimensions are looked up by; None where there is no such number.
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
        looked_up = [way[1] for dimension, _ in reached if (way := dimension.way(source)) is not None]
        hashed = row_hash((*dict.fromkeys((*columns, *looked_up)),)) if isinstance(source, Table) else None
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


CANDIDATES = 3
LEAST_SHARE = 0.1


def least_rows(count: int) -> float:
    """How many of so many bad rows make a place worth a closer look."""
    return max(2, LEAST_SHARE * count)


def candidates(places: Mapping[Place, int], count: int) -> list[Place]:
    """The few places worth a closer look: of each group of dimensions those with most bad rows."""
    return _most_of_each_group(places, least_rows(count), CANDIDATES)


def possible_candidates(places: Mapping[Place, int], sampled: int) -> list[Place]:
    """The places that are worth counting, from a sample: those with half of what a candidate has, and more of them."""
    return _most_of_each_group(places, least_rows(sampled) / 2, 3 * CANDIDATES)


def _most_of_each_group(places: Mapping[Place, int], least: float, most: int) -> list[Place]:
    groups: dict[tuple[str, ...], list[Place]] = {}
    likely = [place for place, number in places.items() if number >= least]
    for place in sorted(likely, key=lambda place: (-places[place], str(place))):
        groups.setdefault(tuple(name for name, _ in place), []).append(place)
    return [place for group in groups.values() for place in group[:most]]


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
    joined, reached = first.once(("reached", shared, *dimensions), lambda: reach(judged[0], dimensions))
    coded = [(code, value) for dimension, value in reached if (code := _Code.of(dimension, asked)).values != ()]
    codes, together = [code for code, _ in coded], first.together if shared else None
    make = partial(_Census.of, asked, judged, joined, coded, scope)
    # of several rules there are too many that may fail together
    forms = ("census", scope.shape, asked[0].bad, asked[0].hash, *((code.name, *code.given) for code in codes))
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
    def of(
        cls, asked: Sequence[Asked], judged: Population, joined: FromClause, coded: Sequence[tuple[_Code, Any]],
        scope: Scope,
    ) -> _Census:  # fmt: skip
        """Of these queries, by what tells several of one rule apart, and by these codes of values."""
        flags, together = _Flags(), asked[0].query.together if len(asked) > 1 else None
        apart = null() if together is None else judged[0].c[together.by]
        by = [apart, *(column for code, value in coded for column in code.columns(value))]
        among, joined = once_a_row([(population(item.query) or judged)[1] for item in asked], joined)
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

    name: str
    values: tuple[Any, ...] | None

    @classmethod
    def of(cls, dimension: Dimension, asked: Sequence[Asked]) -> _Code:
        """The code of one dimension."""
        parts = {part for item in asked for place in item.places for part in place}
        wanted = tuple(own for name, own in sorted(parts, key=str) if name == dimension.name)
        return cls(dimension.name, None if dimension.scored else wanted)

    @property
    def given(self) -> Mapping[str, Any]:
        """The parameters of its columns."""
        values = self.values or ()
        if len(values) > MOST_CONDITIONS:
            return {f"at_{self.name}": list(values)}
        return {f"at_{self.name}_{number}": own for number, own in enumerate(values)}

    def columns(self, value: ColumnElement[Any]) -> list[ColumnElement[Any]]:
        """What a value is grouped by."""
        if self.values is None:
            return [value]
        if len(self.values) <= MOST_CONDITIONS:
            return [value.is_not_distinct_from(bindparam(name, type_=value.type)) for name in self.given]
        return [func.array_position(cast(bindparam(name), ARRAY(value.type)), value) for name in self.given]

    def read(self, row: Iterator[Any]) -> tuple[str, Any] | None:
        """The dimension with its value, from the next columns of a row; None for a value that nobody asked about."""
        if self.values is None:
            return self.name, next(row)
        codes = [next(row) for _ in range(len(self.values) if len(self.values) <= MOST_CONDITIONS else 1)]
        place = codes[0] if len(codes) < len(self.values) else next((n for n, own in enumerate(codes, 1) if own), None)
        return None if place is None else (self.name, self.values[place - 1])


def _read(codes: Iterable[_Code], row: Iterable[Any]) -> Place:
    """The place of a row, from its columns."""
    columns = iter(row)
    return tuple(part for code in codes if (part := code.read(columns)) is not None)


def places_of(place: Sequence[tuple[str, Any]]) -> Iterable[Place]:
    """The places that a row counts for: each of its dimensions alone, and each two of them."""
    yield from ((part,) for part in place)
    yield from combinations(place, 2)
