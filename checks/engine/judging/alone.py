"""What one rule asks for itself: a question across tables, of one parameter or of all at once, or a table in pandas.

Of a pandas rule the table comes in chunks, and the rule answers with one boolean for each row.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from checks.engine.authoring import MeasureError
from checks.engine.judging.bad_rows import BadRows, Place, places_of
from checks.engine.judging.evidence import SAMPLE, Evidence, counts_and_rows, findings_of, listed, read_rows
from checks.engine.judging.findings import Cell, Findings, add, fingerprint
from checks.engine.judging.judge import Id
from checks.engine.measuring.child import in_child, where_raised
from checks.engine.measuring.compile_queries import Query
from checks.engine.measuring.measure import Asking, Grouped, Measured, Measurement
from checks.engine.measuring.scope import Scope
from checks.engine.measuring.snapshot import Rows, Session, asking, attempt, explained

if TYPE_CHECKING:
    import pandas as pd


def read_alone(
    session: Session, query: Query, rows: BadRows | None, how: Asking, most: int, *, before: int | None = None
) -> tuple[Measured, Evidence | None]:
    """The reading of a query across tables, with its bad rows if they are at most `most`; `rows` None: without.

    Up to `most` bad rows of the last run, `before`, are looked for first: to plan how very many would be placed and
    sketched takes as long as to find that there are none.
    """
    started = time.perf_counter()
    try:
        seen = None if rows is None or before is None else _few_alone(session, query, rows, how, most if before else 0)
        reading, evidence = _all_alone(session, query, rows, how, most) if seen is None else seen
    except Exception as error:  # noqa: BLE001 - the boundary of one rule, which can make of its rows what cannot be read
        failed = explained(error, how.limit((query,)))
        return Measured(query, time.perf_counter() - started, error=failed), None
    return Measured(query, time.perf_counter() - started, reading), evidence


def _few_alone(
    session: Session, query: Query, rows: BadRows, how: Asking, most: int
) -> tuple[Measurement, Evidence] | None:
    """The reading with the bad rows; None where there are more than `most`, which may be nought."""
    make = partial(_few_rows, query, rows, most=most) if most else partial(_counts, query)
    fetched = _ask_alone(session, query, how, ("few", rows, most), make)
    count = fetched[0][1] or 0
    if count > most:
        return None
    return Measurement(count, fetched[0][2]), listed(query.check.name, rows, [row[3:] for row in fetched[:count]])


def _all_alone(
    session: Session, query: Query, rows: BadRows | None, how: Asking, most: int
) -> tuple[Measurement, Evidence | None]:
    make = partial(_counts, query) if rows is None else partial(_any_rows, query, rows, most=most)
    fetched = _ask_alone(session, query, how, ("alone", rows, most), make)
    reading = Measurement(count=fetched[0][1], total=fetched[0][2])
    return reading, None if rows is None else read_rows(query.check.name, rows, fetched, most)


def _ask_alone(session: Session, query: Query, how: Asking, what: Any, make: Callable[[Scope], sa.Select[Any]]) -> Rows:
    scope, timeout = how.scope.of(narrowed=query.narrowed), how.limit((query,))
    statement = query.once((what, scope.shape), lambda: make(scope))
    return attempt(session, query.check.mark.retries, how.pause, lambda: session.all(statement, timeout))


def _counts(query: Query, scope: Scope) -> sa.Select[Any]:
    return asking(*(_count(query, rows, scope) for rows in (query.bad, query.among)))


def _few_rows(query: Query, rows: BadRows, scope: Scope, most: int) -> sa.Select[Any]:
    """The number of bad rows and the total, on a line for each; with more than `most` on one line, without a total."""
    # planned for all of them, as a WITH is, and read up to the limit: planned for few, the database looks for the first
    # bad row by loops, which take long where there is none
    every = rows.statement().cte("every").prefix_with("MATERIALIZED")
    first = sa.select(every).limit(most + 1).subquery("first")
    number, place = sa.func.count().over().label("number"), sa.func.row_number().over().label("place")
    bad = sa.select(number, place, *first.c).subquery("bad").c
    are_few = sa.func.coalesce(bad.number, 0) <= most
    among = sa.case((are_few, _count(query, query.among, scope)))
    always = sa.select(sa.literal_column("1")).subquery("always")
    lines = always.outerjoin(bad.number.table, sa.or_(bad.place == 1, are_few))
    return asking(bad.number, among, *(bad[column.name] for column in rows.columns())).select_from(lines)


def _any_rows(query: Query, rows: BadRows, scope: Scope, most: int) -> sa.Select[Any]:
    return counts_and_rows(query.check.name, rows, _count(query, query.among, scope), most)


def _count(query: Query, statement: Any, scope: Scope) -> sa.ColumnElement[Any]:
    if not isinstance(statement, sa.SelectBase):
        return sa.cast(sa.null(), sa.Integer)
    rows = scope.narrowed(statement, query.within).subquery()
    counted = sa.select(sa.func.count()).select_from(rows)
    return (counted.where(scope.condition(rows)) if scope else counted).scalar_subquery()


def read_grouped(
    session: Session, unit: Grouped, rows: BadRows | None, how: Asking, most: int
) -> tuple[dict[Id, Measurement], dict[Id, Evidence]]:
    """The reading of each query of a unit, and the bad rows of those that have few; `rows` None: without."""
    retries, timeout = unit.queries[0].check.mark.retries, how.limit(unit.queries)
    statements = _bad_of_all(unit, rows, how, most), _among_of_all(unit, how)
    bad, among = ([] if one is None else attempt(session, retries, how.pause, lambda: session.all(one, timeout))  # noqa: B023
                  for one in statements)  # fmt: skip
    of_value = {value: list(group) for value, group in groupby(bad, lambda row: row[1])}
    totals = {row[1]: row[2] for row in among}
    readings = {query.id: _reading(query, of_value, totals) for query in unit.queries}
    return readings, {} if rows is None else dict(_few_of_all(unit, rows, of_value))


def _reading(query: Query, bad: Mapping[Any, Sequence[Any]], totals: Mapping[Any, int]) -> Measurement:
    value = query.parameter.value
    count = bad[value][0][2] if value in bad else 0
    return Measurement(count=count, total=None if query.among is None else totals.get(value, 0))


def _few_of_all(unit: Grouped, rows: BadRows, bad: Mapping[Any, Sequence[Any]]) -> Iterator[tuple[Id, Evidence]]:
    """The evidence of those queries whose bad rows are all here."""
    for query in unit.queries:
        here = bad.get(query.parameter.value, ())
        if not here or len(here) == here[0][2]:
            yield query.id, listed(query.check.name, rows, [row[3:] for row in here])


MOST_TOGETHER = 100_000
"""Bad rows of all parameters that are read at once; of more, each parameter fetches its own."""


def _bad_of_all(unit: Grouped, rows: BadRows | None, how: Asking, most: int) -> sa.Select[Any]:
    """Value, number of bad rows, and what names a row: the bad rows of values that have few, one row of others."""
    source = unit.together.bad.subquery() if rows is None else rows.source
    by, columns = source.c[unit.together.by], [] if rows is None else rows.columns()
    number, every = sa.func.count().over(partition_by=by).label("number"), sa.func.count().over().label("every")
    place = sa.func.row_number().over(partition_by=by).label("place")
    bad = sa.select(by.label("by"), number, *columns, place, every).where(_kept_to(unit, source, how))
    bad_rows = bad.select_from(source if rows is None else rows.joined).subquery("bad_rows").c
    first, few = bad_rows.place == 1, sa.and_(bad_rows.number <= most, bad_rows.every <= MOST_TOGETHER)
    shown = [bad_rows[column.name] for column in columns]
    wanted = asking(bad_rows.by, bad_rows.number, *shown).where(first if rows is None else first | few)
    return wanted.order_by(bad_rows.by)


def _among_of_all(unit: Grouped, how: Asking) -> sa.Select[Any] | None:
    """Value, and the number of rows among which its bad ones are counted; None where the rule does not say."""
    if unit.together.among is None:
        return None
    rows = unit.together.among.subquery()
    by = rows.c[unit.together.by]
    return asking(by, sa.func.count()).select_from(rows).where(_kept_to(unit, rows, how)).group_by(by)


def _kept_to(unit: Grouped, rows: sa.FromClause, how: Asking) -> sa.ColumnElement[bool]:
    scope, kept = how.scope.of(narrowed=unit.queries[0].narrowed), rows.c[unit.together.by].in_(_values(unit))
    return sa.and_(kept, scope.condition(rows)) if scope else kept


def _values(unit: Grouped) -> list[Any]:
    return [query.parameter.value for query in unit.queries]


CHUNK = 20_000


@dataclass(slots=True)
class Tally:
    """What was found so far; bounded: once too many keys are bad, they are kept as a sketch and a sample."""

    rule: str
    names: tuple[str, ...]
    most: int
    count: int = 0
    total: int = 0
    keys: Counter[str] = field(default_factory=Counter)
    cells: dict[int, Cell] = field(default_factory=dict)
    places: Counter[Place] = field(default_factory=Counter)
    sample: dict[int, str] = field(default_factory=dict)

    def note(self, key: str, place: Place) -> None:
        """Count one bad row."""
        self.count += 1
        self.keys[key] += 1
        self.places.update(places_of(place))
        if len(self.keys) > self.most:
            self._fold()

    def evidence(self) -> Evidence:
        """The bad rows, all or as sample and sketch."""
        if self.cells:
            self._fold()
        keys = dict.fromkeys(self.sample.values(), 1) if self.cells else self.keys
        found = findings_of(self.rule, self.names, keys)
        return Evidence(Findings(self.count, tuple(found), self.cells or None), self.places)

    def _fold(self) -> None:
        for key, times in self.keys.items():
            mark = fingerprint(self.rule, key)
            add(self.cells, mark, times)
            self.sample[mark] = key
        self.sample = dict(sorted(self.sample.items())[:SAMPLE])
        self.keys.clear()


def read_frame(session: Session, query: Query, rows: BadRows, how: Asking, most: int) -> tuple[Measured, Evidence]:
    """The reading of a pandas rule, with its bad rows."""
    started = time.perf_counter()
    mark = query.check.mark
    timeout = how.limit((query,))
    try:
        tally = attempt(session, mark.retries, how.pause, lambda: _pass(session, query, rows, timeout, most))
    except Exception as error:  # noqa: BLE001 - the boundary of one rule
        return Measured(query, time.perf_counter() - started, error=explained(error, timeout)), Evidence()
    reading = Measurement(count=tally.count, total=tally.total)
    return Measured(query, time.perf_counter() - started, reading), tally.evidence()


def _pass(session: Session, query: Query, rows: BadRows, timeout: float, most: int) -> Tally:
    tally = Tally(query.check.name, rows.names, most)
    wanted = query.check.mark.columns
    # closed at once when the rule raises: an open cursor would stand in the way of the next statement
    with closing(session.chunks(frame_statement(rows, wanted), timeout, CHUNK)) as chunks:
        for chunk in chunks:
            bad = _judged(query, [row[-len(wanted) :] for row in chunk], timeout)
            tally.total += len(chunk)
            for row, is_bad in zip(chunk, bad, strict=True):
                if is_bad:
                    tally.note(row[1], rows.place(row[2 : 2 + len(rows.reached)]))
    return tally


def frame_statement(rows: BadRows, wanted: Sequence[str]) -> sa.Select[Any]:
    """Key, dimensions and the columns that the rule names."""
    return asking(*rows.columns(), *_numbered(rows.source, wanted)).select_from(rows.joined).where(rows.condition)


def frame_columns(query: Query) -> list[sa.ColumnElement[Any]]:
    """The columns that a pandas rule names, as it gets them."""
    return _numbered(query.table, query.check.mark.columns)


def _numbered(source: sa.FromClause, wanted: Sequence[str]) -> list[sa.ColumnElement[Any]]:
    return [_as_float(source.c[name]).label(f"f{number}") for number, name in enumerate(wanted)]


def _as_float(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Numbers of any precision arrive as floats: pandas does not count with Decimal and float together."""
    return (
        sa.cast(column, sa.Double)
        if isinstance(column.type, sa.Numeric) and not isinstance(column.type, sa.Float)
        else column
    )


def frame_of(query: Query, values: Sequence[Sequence[Any]]) -> pd.DataFrame:
    """Rows as a pandas rule gets them."""
    import pandas as pd  # noqa: PLC0415 - half a second that only pandas rules pay

    return pd.DataFrame([tuple(row) for row in values], columns=list(query.check.mark.columns))


def _judged(query: Query, values: Sequence[Sequence[Any]], timeout: float) -> Iterator[bool]:
    frame = frame_of(query, values)

    def bad() -> bytes:
        answer = _verified(frame, _called(query, frame, query.arguments or {}))
        return answer.to_numpy(dtype=bool, na_value=False).tobytes()

    answers = in_child(timeout, f"{query.check.name}()", bad)
    if len(answers) != len(frame):
        raise MeasureError("the rule's process ended before it had answered for all rows")
    return map(bool, answers)


def _called(query: Query, frame: pd.DataFrame, given: Mapping[str, Any]) -> Any:
    try:
        return query.check.function(frame, **given)
    except BaseException as error:  # noqa: BLE001 - reported as the rule's own error, sys.exit() like any other
        # pandas repeats values in its messages ("could not convert string to float: ..."): only the class is safe
        raise MeasureError(
            f"the rule raised {type(error).__name__}{where_raised(error, query.check)}; its message may hold data and"
            " is left out"
        ) from None


def _verified(frame: pd.DataFrame, answer: Any) -> pd.Series[bool]:
    import pandas as pd  # noqa: PLC0415 - see above

    if not isinstance(answer, pd.Series) or not pd.api.types.is_bool_dtype(answer.dtype):
        found = f"a Series of {answer.dtype}" if isinstance(answer, pd.Series) else type(answer).__name__
        raise MeasureError(f"the rule returned {found}; expected a boolean Series, true for a bad row")
    if not answer.index.equals(frame.index):
        raise MeasureError(
            f"the rule returned {len(answer)} answers for {len(frame)} rows or in another order;"
            " expected one for each row, with the index of the frame"
        )
    return answer
