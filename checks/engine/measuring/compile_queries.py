"""From selected rules to queries: one per rule and parameter, narrowed to the rows that the run is about.

A rule's function is called here, before anything is measured. What it raises or returns by mistake becomes the ERROR of
that rule alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import ColumnElement, FromClause, SelectBase

from checks.engine.authoring import CheckError, MeasureError, UnknownColumnError
from checks.engine.authoring.decorators import Bad, Row, Within
from checks.engine.authoring.spec import Check, Kind, TableName, is_optional
from checks.engine.authoring.units import Measure
from checks.engine.collecting.sql_rules import one_expression
from checks.engine.collecting.wiring import Values
from checks.engine.measuring.child import OF_A_FILE, in_own_process, rehearse, told_where
from checks.engine.measuring.reflect import MissingTableError, NamedTables, elements_of, keep
from checks.engine.measuring.scope import Labels, Parameter, Parameters, Scope
from checks.engine.measuring.snapshot import explained, within


@dataclass(frozen=True, slots=True, eq=False)
class Together:
    """What a rule asks for all values of its `each` at once; the column `by` tells them apart."""

    bad: sa.Select[Any]
    among: sa.Select[Any] | None
    by: str

    @classmethod
    def of(cls, query: Query) -> Together:
        """Of a query for all values; raises MeasureError where a statement lacks the column."""
        by, each = query.check.all_at_once, query.check.mark.each
        for name, statement in (("bad rows", query.bad), ("among", query.among)):
            if isinstance(statement, SelectBase) and by not in statement.selected_columns:
                columns = ", ".join(map(str, statement.selected_columns.keys()))
                raise MeasureError(
                    f"the rule says each={each!r} without an argument {each!r}, so it asks for all at once: its {name}"
                    f" need a column {by!r} to tell them apart; found {columns}"
                )
        assert isinstance(query.bad, SelectBase)  # noqa: S101 - verified by its reader
        among = sa.select(query.among.subquery("among_rows")) if isinstance(query.among, SelectBase) else None
        return cls(sa.select(query.bad.subquery("bad_rows")), among, by)


Made = TypeVar("Made")


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """What one rule asks for one parameter.

    `bad` and `among` are conditions for row rules and statements for a `check`; a metric is `metric`. `narrowed`
    says that the parameter itself keeps to the rows that the run is about. `together` is what it shares with the
    queries for the other parameters; `bad` and `among` are of this one alone.
    """

    check: Check
    parameter: Parameter
    bad: ColumnElement[bool] | SelectBase | None = None
    among: ColumnElement[bool] | SelectBase | None = None
    metric: ColumnElement[Any] | None = None
    arguments: Mapping[str, Any] | None = None
    narrowed: bool = False
    within: Within = field(default_factory=dict)
    together: Together | None = None
    statements: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    def once(self, what: Any, make: Callable[[], Made]) -> Made:
        """What is made of this query once, for every run that asks it: its statements, by what else they hang on."""
        if what not in self.statements:
            self.statements[what] = keep(make())
        made: Made = self.statements[what]
        return made

    @property
    def id(self) -> tuple[str, str]:
        """Rule and parameter."""
        return self.check.name, self.parameter.label

    def alone(self) -> Query:
        """The same query, known to keep to the rows that the run is about."""
        return self.once("alone", lambda: replace(self, narrowed=True))

    @property
    def table(self) -> FromClause:
        """The table of a row, metric or frame rule."""
        assert isinstance(self.check.mark.table, FromClause)  # noqa: S101 - marks of these kinds are verified to have one
        return self.check.mark.table


@dataclass(frozen=True, slots=True)
class Unasked:
    """A rule (and parameter) that could not be turned into a query, and why."""

    check: Check
    parameter: Parameter
    reason: str
    skipped: bool = False
    empty: bool = False  # there is nothing to ask about, such as no league; else it is left out on purpose

    @property
    def id(self) -> tuple[str, str]:
        """Rule and parameter."""
        return self.check.name, self.parameter.label


def queries_of(
    check: Check, parameters: Sequence[Parameter], values: Values, tables: NamedTables | None = None
) -> Iterator[Query | Unasked]:
    """One query for each parameter of a rule."""
    shared: dict[int, Query] = {}
    for number, parameter in enumerate(parameters):
        variant = check.judged_for(check.mark.each or "", parameter.label)
        if variant is None:
            yield Unasked(check, parameter, f"switched off for {parameter.label}", skipped=True)
            continue
        try:
            query = shared.get(id(variant)) or _question(variant, parameter, values, tables, first=not number)
            yield _of_one(query, parameter)
            shared.update({id(variant): query} if variant.all_at_once else {})
        except UnknownColumnError as error:
            if not is_optional(variant):
                yield Unasked(check, parameter, str(error))
        except CheckError as error:
            yield Unasked(check, parameter, str(error))
        except Exception as error:  # noqa: BLE001 - the boundary of one rule
            yield Unasked(check, parameter, told_where(error, check))


def _of_one(query: Query, parameter: Parameter) -> Query:
    """The query for one parameter, where it was asked for all of them at once."""
    together, metric, by = query.together, query.metric, query.check.all_at_once
    if by and isinstance(metric, sa.FunctionElement):
        return replace(query, parameter=parameter, metric=metric.filter(query.table.c[by] == parameter.value))
    if together is None:
        return query
    bad, among = (
        None if rows is None else rows.where(rows.selected_columns[together.by] == parameter.value)
        for rows in (together.bad, together.among)
    )
    return replace(query, parameter=parameter, bad=bad, among=among)


MOST_ANSWERS = 64
"""So many answers of a rule are remembered, such as one for each league; more would be a burden on memory."""


def _question(check: Check, parameter: Parameter, values: Values, tables: NamedTables | None, *, first: bool) -> Query:
    """The query, which a rule is called for once in a process, on a day, and with the same arguments."""
    if any(isinstance(own, TableName) for own in check.mark.all_tables):
        raise MeasureError(f"its table {check.table} is known by name alone: a run reads it from the database")
    given = {**values.arguments(check), **check.parameters, **dict(check.mark.tables)}
    if check.mark.each is not None and not check.all_at_once:
        given[check.mark.each] = parameter.value
    if check.mark.kind is Kind.FRAME:
        return Query(check, parameter, arguments=given)
    key = _key(values["today"], parameter, given)
    answered: Query | None = check.answers.get(key)
    if answered is not None:
        return answered
    query = _called(check, parameter, given, tables, first=first)
    # the columns of a text are those that its tables have now
    if key is not None and not any(isinstance(rows, sa.TextualSelect) for rows in (query.bad, query.among)):
        if len(check.answers) >= MOST_ANSWERS:
            check.answers.clear()
        check.answers[key] = query
    return query


def _key(today: date, parameter: Parameter, given: Mapping[str, Any]) -> object:
    """What tells the answers of a rule apart, which may look at the day itself; None where no value can be compared."""
    key = today, parameter, *((name, type(value), value) for name, value in sorted(given.items()))
    try:
        hash(key)
    except TypeError:
        return None
    return key


def _called(
    check: Check, parameter: Parameter, given: dict[str, Any], tables: NamedTables | None, *, first: bool
) -> Query:
    subject = () if check.mark.kind is Kind.CHECK else (Row(check.mark.table),)  # type: ignore[arg-type]
    if check.function.__module__.startswith(OF_A_FILE) and first:
        rehearse(check.mark.timeout, f"{check.name}()", lambda: check.function(*subject, **given))
    with in_own_process(f"{check.name}() of {check.source}"):
        answer = within(check.mark.timeout, f"{check.name}()", lambda: check.function(*subject, **given))
    return READERS[check.mark.kind](
        check, parameter, _existence(_told_as_text(answer, check.mark.kind, tables or NamedTables(None, {})))
    )


def _told_as_text(answer: Any, kind: Kind, tables: NamedTables) -> Any:
    """The answer with `text()` made into what it stands for: a condition, an aggregate, or a statement."""
    if isinstance(answer, Bad):
        return replace(answer, **{
            name: _told_as_text(value, kind, tables)
            for name in ("found", "among") if isinstance(value := getattr(answer, name), sa.TextClause)
        })  # fmt: skip
    if not isinstance(answer, sa.TextClause):
        return answer
    if kind is Kind.CHECK:
        return tables.described(answer)
    return sa.literal_column(one_expression(answer.text), sa.Boolean if kind is Kind.ROW else None)


def _existence(answer: Any) -> Any:
    """What a rule returned, in which EXISTS asks for a row and not for all of its columns: some may not be read."""
    said = (answer.found, answer.among) if isinstance(answer, Bad) else (answer,)
    for element in elements_of(part for part in said if isinstance(part, sa.ClauseElement)):
        inner = getattr(element.element, "element", None) if isinstance(element, sa.Exists) else None
        if isinstance(inner, sa.Select) and [str(column) for column in inner._raw_columns] == ["*"]:
            inner._raw_columns = [sa.literal_column("1")]
    return answer


def _row(check: Check, parameter: Parameter, answer: object) -> Query:
    bad, among = (answer.found, answer.among) if isinstance(answer, Bad) else (answer, None)
    expected = "the condition of a bad row or Bad(condition, among=condition)"
    for condition in (bad, among):
        if condition is not None or condition is bad:
            _verify(check, condition, ColumnElement, expected)
            _verify_table(check, condition)
    return Query(check, parameter, bad, among)  # type: ignore[arg-type]


def _metric(check: Check, parameter: Parameter, answer: object) -> Query:
    _verify(check, answer, ColumnElement, "one aggregate such as func.max(row.created_at)")
    _verify_table(check, answer)
    by: Any = check.all_at_once
    if by and not (isinstance(answer, sa.FunctionElement) and by in check.mark.table.c):  # type: ignore[union-attr]
        said = f"the rule takes no {check.mark.each!r}, so it asks for all at once"
        raise MeasureError(f"{said}: it returns one aggregate such as func.count(), of a table with a column {by!r}")
    return Query(check, parameter, metric=answer)  # type: ignore[arg-type]


def _set(check: Check, parameter: Parameter, answer: object) -> Query:
    expected = "Bad(select(<keys of the bad rows>), among=select(...))"
    _verify(check, answer, Bad, expected)
    assert isinstance(answer, Bad)  # noqa: S101 - verified in the line above
    for statement in (answer.found, answer.among):
        if statement is not None or statement is answer.found:
            _verify(check, statement, SelectBase, expected)
    if answer.among is None and getattr(check.threshold, "unit", None) is Measure.PERCENT:
        raise MeasureError("the rule is judged in percent, but says no among=, so there is nothing to divide by")
    query = Query(check, parameter, answer.found, answer.among, within=answer.within)
    return replace(query, together=Together.of(query)) if check.all_at_once else query


READERS = {Kind.ROW: _row, Kind.METRIC: _metric, Kind.CHECK: _set}


def _verify(check: Check, answer: object, kind: type, expected: str) -> None:
    if isinstance(answer, kind):
        return
    plain = f"{type(answer).__name__} {answer!r:.80}" if isinstance(answer, (bool, int, str)) else type(answer).__name__
    found = "None (is a return missing?)" if answer is None else plain
    raise MeasureError(f"the rule returned {found}; expected {expected}")


def _verify_table(check: Check, condition: Any) -> None:
    """A second table in a row rule would be joined with every row of the first: a wrong count, not an error."""
    table = check.mark.table
    if all(source is table for source in condition._from_objects):  # nearly always; a join hides its own tables
        return
    inner = (
        sa.select(sa.true()).select_from(table).where(sa.and_(condition))
        if isinstance(table, FromClause)
        else sa.select(condition)
    )
    strangers = [source for source in inner.get_final_froms() if source is not table]
    if strangers:
        names = ", ".join(str(getattr(stranger, "name", stranger)) for stranger in strangers)
        raise MeasureError(
            f"a rule about {check.table} reads {names} as well; ask inside exists(), or write a @check across tables"
        )


def compile_queries(
    checks: Iterable[Check],
    parameters: Parameters,
    values: Values,
    scope: Scope,
    *,
    labels: Labels | None = None,
    tables: NamedTables | None = None,
) -> list[Query | Unasked]:
    """One query for each rule and parameter; what cannot be asked stands among them with its reason.

    With `labels` a rule that judges some rows apart, such as those of one league, becomes one query for each;
    `tables` gives rules the tables that they know by name.
    """
    asked: list[Query | Unasked] = []
    checks = [*checks]
    if tables is not None:
        tables.read_ahead(checks)
    for check in checks:
        try:
            bound = check if tables is None else tables.bind(check)
            run_for = parameters.of(bound)
        except MissingTableError as error:
            # a rule about an optional table that is not there has nothing to say of this database
            asked.extend([] if is_optional(check) else [Unasked(check, Parameter(), str(error))])
        except Exception as error:  # noqa: BLE001 - the boundary of one rule's parameters
            asked.append(Unasked(check, Parameter(), explained(error)))
        else:
            asked.extend(_asked(bound, run_for, parameters, values, scope, labels, tables))
    return asked


def _asked(  # noqa: PLR0917 - what a run knows
    check: Check,
    run_for: Sequence[Parameter],
    parameters: Parameters,
    values: Values,
    scope: Scope,
    labels: Labels | None,
    tables: NamedTables | None,
) -> Iterator[Query | Unasked]:
    if not run_for:
        yield Unasked(check, Parameter(), f"there is no {check.mark.each} to run for", skipped=True, empty=True)
    narrow = bool(scope) and parameters.narrow(check)
    for item in queries_of(check, run_for, values, tables):
        scoped = _scoped(item, scope, narrow=narrow)
        yield from _divided(scoped, labels, scope) if labels is not None else [scoped]


def _divided(item: Query | Unasked, labels: Labels, scope: Scope) -> Iterator[Query | Unasked]:
    """The query about all other rows, and one for each segment that is there and judged apart or left out."""
    segments = {key: own for key, own in item.check.segments.items() if labels.has(key[0])}
    if isinstance(item, Unasked) or not segments or item.check.mark.each is not None:
        yield item
        return
    try:
        rows = {key: labels.scope({key[0]: (key[1],)}) for key in segments if labels.knows(*key)}
        yield _narrowed(item, item.check, item.parameter, lambda source: _none_of(rows.values(), source))
        for key, kept in rows.items():
            if (own := segments[key]) is not None and scope.admits(*key, labels):
                yield _narrowed(item, own, Parameter(key[1]), kept.condition)
    except CheckError as error:
        yield Unasked(item.check, item.parameter, f"cannot be judged apart: {error}")


def _none_of(scopes: Iterable[Scope], source: FromClause) -> ColumnElement[bool]:
    return sa.and_(sa.true(), *(scope.condition(source).is_not(True) for scope in scopes))


def _narrowed(
    query: Query, check: Check, parameter: Parameter, condition: Callable[[FromClause], ColumnElement[bool]]
) -> Query:
    """The query kept to the rows for which a condition holds."""
    if check.mark.kind is Kind.ROW:
        own = condition(query.table)
        among = own if query.among is None else sa.and_(query.among, own)  # type: ignore[arg-type]  # conditions in a row rule
        return replace(query, check=check, parameter=parameter, among=among)
    kept = [_kept(part, condition) for part in (query.bad, query.among)]
    return replace(query, check=check, parameter=parameter, bad=kept[0], among=kept[1])


def _kept(statement: Any, condition: Callable[[FromClause], ColumnElement[bool]]) -> Any:
    if not isinstance(statement, SelectBase):
        return statement
    rows = statement.subquery()
    return sa.select(*rows.c).where(condition(rows))


def _scoped(item: Query | Unasked, scope: Scope, *, narrow: bool) -> Query | Unasked:
    if isinstance(item, Unasked):
        return item
    if narrow:
        return item.alone()
    lacking = item.once(("lacking", scope.shape), lambda: _lacking(item, scope))
    return Unasked(item.check, item.parameter, f"left out: {lacking}", skipped=True) if lacking else item


def _lacking(query: Query, scope: Scope) -> str:
    """Why a query cannot be kept to the rows of a scope; empty where it can."""
    try:
        for source in _sources(query):
            scope.condition(source)
    except CheckError as error:
        return str(error)
    return ""


def _sources(query: Query) -> list[Any]:
    if query.check.mark.kind is not Kind.CHECK:
        return [query.table]
    return [part.subquery() for part in (query.bad, query.among) if isinstance(part, SelectBase)]
