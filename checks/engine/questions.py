"""From a rule to what the database is asked: one question per rule and parameter.

A rule's function is called here, before any measuring. What it raises or returns by mistake becomes the result of
that rule alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, FromClause, SelectBase, and_, select, true

from checks.engine.deadline import within
from checks.engine.errors import CheckError, MeasureError
from checks.engine.marks import Kind
from checks.engine.rows import Bad, Row
from checks.engine.spec import Check
from checks.engine.units import Unit
from checks.engine.wiring import Values


@dataclass(frozen=True, slots=True)
class Parameter:
    """One value of an `each=` rule, and the text that it is known by; the label is empty for a rule without."""

    label: str = ""
    value: Any = None


@dataclass(frozen=True, slots=True)
class Question:
    """What one rule asks for one parameter.

    `bad` and `among` are conditions for row rules and statements for a `check`; a metric is `metric`. `narrowed`
    says that the parameter itself keeps to the rows that the run is about.
    """

    check: Check
    parameter: Parameter
    bad: ColumnElement[bool] | SelectBase | None = None
    among: ColumnElement[bool] | SelectBase | None = None
    metric: ColumnElement[Any] | None = None
    arguments: Mapping[str, Any] | None = None
    narrowed: bool = False

    @property
    def id(self) -> tuple[str, str]:
        """Rule and parameter."""
        return self.check.name, self.parameter.label

    def alone(self) -> Question:
        """The same question, known to keep to the rows that the run is about."""
        return replace(self, narrowed=True)

    @property
    def table(self) -> FromClause:
        """The table of a row, metric or frame rule."""
        assert self.check.mark.table is not None  # noqa: S101 - marks of these kinds are verified to have one
        return self.check.mark.table


@dataclass(frozen=True, slots=True)
class Unasked:
    """A rule (and parameter) that could not be turned into a question, and why."""

    check: Check
    parameter: Parameter
    reason: str
    skipped: bool = False

    @property
    def id(self) -> tuple[str, str]:
        """Rule and parameter."""
        return self.check.name, self.parameter.label


def ask(check: Check, parameters: Sequence[Parameter], values: Values) -> Iterator[Question | Unasked]:
    """One question for each parameter of a rule."""
    for parameter in parameters:
        try:
            yield _question(check, parameter, values)
        except CheckError as error:
            yield Unasked(check, parameter, str(error))
        except Exception as error:  # noqa: BLE001 - the boundary of one rule
            yield Unasked(check, parameter, f"the rule raised {type(error).__name__}: {error}")


def _question(check: Check, parameter: Parameter, values: Values) -> Question:
    given = values.arguments(check)
    if check.mark.each is not None:
        given[check.mark.each] = parameter.value
    if check.mark.kind is Kind.FRAME:
        return Question(check, parameter, arguments=given)
    subject = () if check.mark.kind is Kind.CHECK else (Row(check.mark.table),)  # type: ignore[arg-type]
    answer = within(check.mark.timeout, f"{check.name}()", lambda: check.function(*subject, **given))
    return READERS[check.mark.kind](check, parameter, answer)


def _row(check: Check, parameter: Parameter, answer: object) -> Question:
    bad, among = (answer.found, answer.among) if isinstance(answer, Bad) else (answer, None)
    expected = "the condition of a bad row or Bad(condition, among=condition)"
    for condition in (bad, among):
        if condition is not None or condition is bad:
            _verify(check, condition, ColumnElement, expected)
            _verify_table(check, condition)
    return Question(check, parameter, bad, among)  # type: ignore[arg-type]


def _metric(check: Check, parameter: Parameter, answer: object) -> Question:
    _verify(check, answer, ColumnElement, "one aggregate such as func.max(row.created_at)")
    _verify_table(check, answer)
    return Question(check, parameter, metric=answer)  # type: ignore[arg-type]


def _set(check: Check, parameter: Parameter, answer: object) -> Question:
    expected = "Bad(select(<keys of the bad rows>), among=select(...))"
    _verify(check, answer, Bad, expected)
    assert isinstance(answer, Bad)  # noqa: S101 - verified in the line above
    for statement in (answer.found, answer.among):
        if statement is not None or statement is answer.found:
            _verify(check, statement, SelectBase, expected)
    if answer.among is None and getattr(check.threshold, "unit", None) is Unit.PERCENT:
        raise MeasureError("the rule is judged in percent, but says no among=, so there is nothing to divide by")
    return Question(check, parameter, answer.found, answer.among)


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
    inner = select(true()).select_from(table).where(and_(condition)) if table is not None else select(condition)
    strangers = [source for source in inner.get_final_froms() if source is not table]
    if strangers:
        names = ", ".join(str(getattr(stranger, "name", stranger)) for stranger in strangers)
        raise MeasureError(
            f"a rule about {check.table} reads {names} as well; ask inside exists(), or write a @check across tables"
        )
