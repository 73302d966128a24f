"""Rows made up for a rule: of values that rules usually object to, and of those that the rule itself compares with.

`extract(month from match_date) = 7` is true of no day that anybody thinks of beforehand: the 7 of the rule makes days
of July, of the 7th, of the year 7 and of Sundays, and the same for its neighbours 6 and 8.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from typing import Any

from sqlalchemy import ClauseElement, Table
from sqlalchemy.sql import visitors

from checks.author.scratch import Copy, python_type
from checks.engine.authoring.decorators import Bad
from checks.engine.authoring.spec import Check
from checks.engine.reporting.literal import runnable_sql

USUAL: Mapping[type, Sequence[Any]] = {
    bool: (True, False),
    int: (0, -1, 1, 7, 100_000),
    float: (0, -1.5, 99.5, 1e6),
    str: ("", " ", "x", "?", "-1", "a" * 60, "Ab(S)", "0", "9-9"),
    date: (date(1900, 1, 1), date(2025, 1, 1), date(2999, 1, 1)),
    time: (time(), time(3, 30), time(12), time(23, 59)),
    timedelta: (timedelta(-1), timedelta(), timedelta(999)),
}
"""Values that a rule may well object to, by what a column holds; NULL besides."""
MOST_COMBINED = 3_000
MOST_WEIGHED = 20_000
"""Combinations of columns among which the likeliest are looked for."""
MOST_LITERALS = 40
MOST_LETTERS = 2_000
FEW_VALUES_EACH = 5
LITERAL = re.compile(r"'((?:[^']|'')*)'|(?<![\w.])(-?\d+(?:\.\d+)?)\b")
COMMENT = re.compile(r"(?m)^\s*--.*$")
LEAP_YEAR, A_SUNDAY = date(2024, 1, 1), date(2024, 1, 7)


@dataclass(frozen=True, slots=True)
class Reads:
    """What a rule compares with, and the columns that it reads."""

    literals: tuple[Any, ...]
    columns: tuple[str, ...]


def recorded(check: Check, answers: list[Any]) -> Check:
    """The rule, which writes down each condition or statement that it answers with."""

    def function(*arguments: Any, **names: Any) -> Any:
        answer = check.function(*arguments, **names)
        answers.extend((answer.found, answer.among) if isinstance(answer, Bad) else (answer,))
        return answer

    return replace(check, function=function)


def reads_of(answers: Sequence[Any], main: Table) -> Reads:
    """What a rule reads, by what it answered with."""
    expressions = [answer for answer in answers if isinstance(answer, ClauseElement)]
    text = "\n".join(map(runnable_sql, expressions))
    asked_for = set(itertools.chain.from_iterable(map(visitors.iterate, expressions)))
    named = (column.name for column in main.c if re.search(rf"\b{re.escape(column.name)}\b", text, re.IGNORECASE))
    return Reads(_literals(text), tuple(column.name for column in main.c if column in asked_for) or tuple(named))


def rows_made_up(main: Copy, reads: Reads) -> Iterator[dict[str, Any]]:
    """Rows of each column, then of all that the rule reads, then of every two; all others are NULL or a default.

    The values that a rule itself compares with are what a row most likely needs to be bad.
    """
    keys = dict.fromkeys(main.keys, 1)
    values = {column.name: _values(python_type(column), reads.literals) for column in main.target.c}
    read = tuple(name for name in reads.columns if name in values)
    by_itself = [(name,) for name in sorted(values, key=lambda name: name not in read)]
    for names in (*by_itself[: len(read)], read, *by_itself[len(read) :], *itertools.combinations(values, 2)):
        for row in _likeliest([values[name] for name in names]):
            yield keys | {name: value for name, value in zip(names, row, strict=True) if _is_said(value, name, keys)}


def _is_said(value: Any, name: str, keys: Mapping[str, int]) -> bool:
    return value is not None or name not in keys


def _literals(sql: str) -> tuple[Any, ...]:
    """Numbers and texts of a statement, and days where a text is one; what stands in comments is left out."""
    literals: list[Any] = []
    for quoted, number in LITERAL.findall(COMMENT.sub("", sql)):
        literals.append((float(number) if "." in number else int(number)) if number else quoted.replace("''", "'"))
        with suppress(ValueError):
            literals.append(date.fromisoformat(quoted[:10]))
    return tuple(dict.fromkeys(literals))[:MOST_LITERALS]


def _values(kind: type, literals: Sequence[Any]) -> list[Any]:
    """What a column is given: NULL, what the rule compares with, what is usual, and then neighbours of the first."""
    near = NEAR.get(kind)
    derived = [list(near(literal, literals)) for literal in literals] if near else []
    exact, others = (one[:1] for one in derived), (one[1:] for one in derived)
    usual = USUAL.get(kind, ())
    ordered = (*itertools.chain(*exact), *usual[:FEW_VALUES_EACH], *itertools.chain(*others), *usual[FEW_VALUES_EACH:])
    return [None, *dict.fromkeys(ordered)]


def _near_number(literal: Any, _: Sequence[Any]) -> Iterator[Any]:
    if isinstance(literal, int | float):
        yield from (literal, literal - 1, literal + 1, -literal)


def _near_whole(literal: Any, literals: Sequence[Any]) -> Iterator[Any]:
    yield from (round(number) for number in _near_number(literal, literals))


def _near_text(literal: Any, _: Sequence[Any]) -> Iterator[Any]:
    if isinstance(literal, int) and 0 <= literal < MOST_LETTERS:  # a number, or how long a text is
        yield from (str(literal), "x" * literal, "x" * (literal + 1))
    elif isinstance(literal, str):
        plain = re.sub(r"[%_^$]", "", literal)
        yield from (literal, plain, plain.lower(), plain.upper(), plain.title(), f" {plain} ", f"x{plain}x")


def _near_day(literal: Any, literals: Sequence[Any]) -> Iterator[Any]:
    """Days around a day, as far as the numbers say; of a number days of that month, day, weekday and year."""
    numbers = [one for one in literals if isinstance(one, int) and abs(one) < MOST_LETTERS]
    if isinstance(literal, date):
        far = dict.fromkeys((0, -1, 1, *(sign * (one + 1) for one in numbers for sign in (1, -1))))
        yield from _days(lambda distance: literal + timedelta(distance), far)
    elif isinstance(literal, int):
        yield from _days(lambda day: date(LEAP_YEAR.year, literal, day), numbers)
        yield from _days_of_number(literal)


def _days_of_number(number: int) -> Iterator[date]:
    around = (number, number - 1, number + 1)
    yield from _days(lambda month: date(LEAP_YEAR.year, month, 15), around)
    yield from _days(lambda day: date(LEAP_YEAR.year, 1, day), around)
    yield from _days(lambda weekday: A_SUNDAY + timedelta(weekday), (one for one in around if 0 <= one <= 7))
    yield from _days(lambda year: date(year, 6, 15), around)
    yield from _days(lambda of_year: LEAP_YEAR + timedelta(of_year - 1), (one for one in around if 0 < one <= 366))


def _days(made: Callable[[int], date], numbers: Iterable[int]) -> Iterator[date]:
    for number in numbers:
        with suppress(ValueError, OverflowError):
            yield made(number)


def _near_time(literal: Any, _: Sequence[Any]) -> Iterator[Any]:
    if isinstance(literal, int):
        for around in (literal, literal - 1, literal + 1):
            with suppress(ValueError):
                yield time(around)
            with suppress(ValueError):
                yield time(12, around)
    elif isinstance(literal, str):
        with suppress(ValueError):
            at = time.fromisoformat(literal)
            yield from (at, at.replace(minute=(at.minute + 1) % 60), at.replace(minute=(at.minute - 1) % 60))


def _near_span(literal: Any, _: Sequence[Any]) -> Iterator[Any]:
    if isinstance(literal, int) and abs(literal) < MOST_LETTERS:
        yield from (timedelta(**{unit: literal + 1}) for unit in ("days", "hours", "minutes", "seconds"))


NEAR: Mapping[type, Callable[[Any, Sequence[Any]], Iterator[Any]]] = {
    int: _near_whole, float: _near_number, str: _near_text, date: _near_day, time: _near_time, timedelta: _near_span,
}  # fmt: skip
"""What values of a column a literal of the rule gives, the likeliest first."""


def _likeliest(values: Sequence[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
    """Combinations of values, those that come first in their columns before all others."""
    each = max(2, int(MOST_WEIGHED ** (1 / max(1, len(values)))))
    places = itertools.product(*(range(min(each, len(own))) for own in values))
    chosen = sorted(itertools.islice(places, MOST_WEIGHED), key=sum)[:MOST_COMBINED]
    for place in chosen:
        yield tuple(own[number] for own, number in zip(values, place, strict=True))
