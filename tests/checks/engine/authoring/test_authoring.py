"""What authors write, and what they are told when it is wrong."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ColumnElement, func

from checks import (
    Bad,
    CheckDefinitionError,
    Row,
    Severity,
    above,
    check,
    drop,
    fix,
    frame_check,
    hours,
    metric_check,
    percent,
    row_check,
    rows,
)
from checks.engine.authoring.spec import Check, mark_of
from checks.engine.collecting.rules import Rules
from tests.checks.engine.conftest import things

ROUTINE = above(warn=percent(1), critical=percent(5))
HIGH = Severity.HIGH


def test_a_decorator_hands_the_same_function_back() -> None:
    def big(row: Row) -> ColumnElement[bool]:
        return row.size > 9

    assert row_check(things, severity=HIGH, threshold=ROUTINE)(big) is big


def test_the_mark_says_what_was_declared() -> None:
    @row_check(things, severity=HIGH, threshold=ROUTINE, owner="kim", tags={"daily"}, timeout=5, retries=0, runbook="x")
    def big(row: Row) -> ColumnElement[bool]:
        return row.size > 9

    mark = mark_of(big)

    assert (mark.owner, mark.timeout, mark.retries, mark.runbook) == ("kim", 5, 0, "x")
    assert mark.tags == frozenset({"daily"})


def test_the_first_line_of_the_docstring_is_the_summary() -> None:
    @row_check(things, severity=HIGH, threshold=ROUTINE)
    def big(row: Row) -> ColumnElement[bool]:
        """Too big.

        More about it.
        """
        return row.size > 9

    assert Check.of(big, "things").summary == "Too big."


def test_without_a_docstring_the_name_is_the_summary() -> None:
    @row_check(things, severity=HIGH, threshold=ROUTINE)
    def far_too_big(row: Row) -> ColumnElement[bool]:
        return row.size > 9

    assert Check.of(far_too_big, "things").summary == "far too big"


def test_an_unknown_column_names_the_one_that_was_meant() -> None:
    with pytest.raises(CheckDefinitionError) as refused:
        _ = Row(things).sise

    assert str(refused.value) == "table things has no column 'sise'; did you mean 'size'?"


def test_a_column_can_be_asked_for_by_any_name() -> None:
    assert Row(things)["size"] is things.c.size


def _wrong(**changes: Any) -> Callable[[], object]:
    given: dict[str, Any] = {"severity": HIGH, "threshold": ROUTINE, **changes}
    return lambda: row_check(given.pop("table", things), **given)


def _function() -> None:
    """Stand in for what a bare decorator would get."""


WRONG: list[tuple[Callable[[], object], str]] = [
    (
        _wrong(severity="HIGH!"),
        "row_check(severity='HIGH!') is no severity; expected Severity.LOW, Severity.MEDIUM, Severity.HIGH",
    ),
    (_wrong(table=_function), "row_check() got _function for its table; expected @row_check(table, severity=...)"),
    (_wrong(tags="daily"), "row_check(tags='daily') is one text; expected a set: tags={'daily'}"),
    (_wrong(ownr="site"), "a rule has no ownr=; did you mean owner=?"),
    (_wrong(timeout=0), "row_check(timeout=0) is no time; expected seconds above 0"),
    (_wrong(retries=-1), "row_check(retries=-1) is no count; expected 0 or more"),
    (_wrong(each="the league"), "row_check(each='the league') names no argument; expected e.g. each='league'"),
    (_wrong(threshold=above(warn=hours(1))), "row_check() counts rows, so hours do not fit; expected percent or rows"),
    (
        _wrong(threshold=5),
        "row_check(threshold=5) does not fit; expected above(...), a limit on the bad rows",
    ),
    (
        lambda: metric_check(things, severity=HIGH, threshold=_any(5)),
        "metric_check(threshold=5) does not fit; expected above(), below(), drop(), outlier() or change()",
    ),
    (
        lambda: frame_check(things, columns=["sise"], severity=HIGH, threshold=ROUTINE),
        "frame_check() names columns sise that its table does not have;"
        " the table has id, name, size, place_id, shelf, phone",
    ),
    (
        lambda: fix(_function),
        "fix(_function) names no rule; expected @fix(rule) with a marked function",
    ),
]


@pytest.mark.parametrize(("define", "message"), WRONG)
def test_a_wrong_definition_fails_where_it_is_written(define: Callable[[], object], message: str) -> None:
    with pytest.raises(CheckDefinitionError) as refused:
        define()

    assert str(refused.value) == message


def test_a_rule_about_rows_is_not_judged_on_its_history() -> None:
    trend: Any = drop(warn=percent(1), critical=percent(2))

    with pytest.raises(CheckDefinitionError, match=r"does not fit; expected above\(\.\.\.\)"):
        row_check(things, severity=HIGH, threshold=trend)


def test_two_marks_on_one_function_are_one_too_many() -> None:
    @row_check(things, severity=HIGH, threshold=ROUTINE)
    def big(row: Row) -> ColumnElement[bool]:
        return row.size > 9

    with pytest.raises(CheckDefinitionError, match=r"big\(\) is marked twice; keep one decorator"):
        row_check(things, severity=HIGH, threshold=ROUTINE)(big)


def test_a_row_rule_needs_its_row() -> None:
    @row_check(things, severity=HIGH, threshold=ROUTINE)
    def big() -> ColumnElement[bool]:
        return things.c.size > 9

    with pytest.raises(CheckDefinitionError) as refused:
        Rules.of(big)

    place = f"{__file__}:{big.__code__.co_firstlineno}"
    assert str(refused.value) == f"{place}: row_check 'big' takes no argument; expected def big(row: Row)"


def test_each_names_an_argument() -> None:
    @row_check(things, severity=HIGH, threshold=ROUTINE, each="league")
    def big(row: Row) -> ColumnElement[bool]:
        return row.size > 9

    with pytest.raises(CheckDefinitionError) as refused:
        Rules.of(big)

    place = f"{__file__}:{big.__code__.co_firstlineno}"
    assert str(refused.value) == f"{place}: check 'big' says each='league', but has no argument 'league'"


def test_what_a_rule_asks_all_at_once_has_values() -> None:
    @check(severity=HIGH, threshold=above(warn=rows(1)), each="league")
    def big(today: date) -> Bad:
        return Bad(things.select())

    with pytest.raises(
        CheckDefinitionError, match="'big' asks for 'league', which is no fixture; available: now, today"
    ):
        Rules.of(big)


def test_a_stray_argument_names_nothing() -> None:
    @metric_check(things, severity=HIGH, threshold=ROUTINE)
    def biggest(row: Row, *rest: object) -> ColumnElement[Any]:
        return func.max(row.size)

    with pytest.raises(CheckDefinitionError, match=r"'biggest' has the argument \*rest.*, which names nothing"):
        Rules.of(biggest)


@pytest.mark.slow
def test_strict_mypy_sees_a_wrong_return_type_at_the_rule(tmp_path: Path) -> None:
    file = tmp_path / "wrong.py"
    file.write_text(
        "from checks import Row, Severity, above, percent, row_check\n"
        "from etl.tables import schedule\n\n"
        "@row_check(schedule, severity=Severity.LOW, threshold=above(warn=percent(1)))\n"
        "def says_text(row: Row) -> str:\n"
        "    return 'bad'\n"
    )

    root = Path(__file__).resolve().parents[4]
    # with the options of `make lint`, whose cache would not do for others, nor theirs for it
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(file)],
        capture_output=True, text=True, check=False, cwd=root,
    )  # fmt: skip

    assert ran.returncode == 1
    assert "wrong.py:4: error: Value of type variable" in ran.stdout


def _any(value: Any) -> Any:
    return value
