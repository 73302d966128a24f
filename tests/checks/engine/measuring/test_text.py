"""Rules as SQL: files with a header of comments, and `text()` in a Python rule, behind the same guards as others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from checks import (
    Bad,
    CheckDefinitionError,
    Row,
    Severity,
    Status,
    above,
    check,
    metric_check,
    percent,
    row_check,
    rows,
)
from checks.engine.collecting.collect import collect
from checks.engine.collecting.rules import Rules
from checks.engine.reporting.report import Report, Result
from checks.engine.run import Request, run_checks
from tests.conftest import copy_of

NOW = datetime(2025, 6, 30, 12, tzinfo=UTC)
HEADER = """-- An order's line has no "price": 100 % wrong.
-- severity: low
-- warn: 10 %
-- critical: 50 %
-- owner: kim
-- tags: daily, shop
-- table: lines
-- where: kind <> 'gift'
"""


@pytest.fixture(scope="module")
def lines(server: str) -> Iterator[Engine]:
    copies = copy_of(server, "template1")
    engine = next(copies)
    with engine.begin() as connection:
        connection.exec_driver_sql("create table lines (id int primary key, kind text, price numeric)")
        connection.exec_driver_sql(
            "insert into lines select g, case when g % 5 = 0 then 'gift' else 'a:b' end,"
            " nullif(g %% 4, 0) from generate_series(1, 20) g".replace("g % 5", "g %% 5"),
            (),
        )
    yield engine
    next(copies, None)


def run(engine: Engine, rules: Rules) -> Report:
    return run_checks(engine, rules, Request(now=NOW))


def of_file(engine: Engine, folder: Path, content: str, name: str = "line_without_price.sql") -> Result:
    (folder / name).write_text(content)
    return run(engine, collect([folder])).results[0]


def test_a_file_is_a_rule(lines: Engine, tmp_path: Path) -> None:
    sql = "select id, kind from lines where price is null and kind <> 'gift' and kind like 'a:%';"

    found = of_file(lines, tmp_path, HEADER + sql)

    assert (found.rule, found.error, found.count, found.total) == ("line_without_price", "", 4, 16)
    assert (found.status, found.severity.value, found.owner) == (Status.WARN, "LOW", "kim")
    assert found.tags == {"daily", "shop"}
    assert found.summary == 'An order\'s line has no "price": 100 % wrong.'
    assert {example["id"] for example in found.examples} == {4, 8, 12, 16}


def test_a_file_without_header_finds_any_row(lines: Engine, tmp_path: Path) -> None:
    found = of_file(lines, tmp_path, "with bad as (select id from lines where price > 2) select id from bad")

    assert (found.count, found.status, found.severity) == (5, Status.CRITICAL, "MEDIUM")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("-- severty: LOW\nselect 1", ":1: a rule has no 'severty'; did you mean 'severity'?"),
        ("-- severity: ugly\nselect 1", "severity 'ugly' is none"),
        ("-- warn: 5\nselect 1", "'5' is no limit"),
        ("select 1; drop table lines", "is not one SELECT"),
        ("delete from lines", "is not one SELECT"),
        ("-- nothing", "only comments, which are not one SELECT"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "wrong.sql").write_text(content)

    with pytest.raises(CheckDefinitionError) as refused:
        collect([tmp_path])

    assert "wrong.sql" in str(refused.value)
    assert message in str(refused.value)


def test_a_semicolon_inside_of_a_text_ends_nothing(lines: Engine, tmp_path: Path) -> None:
    assert of_file(lines, tmp_path, "select id from lines where kind = 'x;y' -- ; \n").count == 0


@pytest.mark.parametrize(
    "sql",
    [
        "with gone as (delete from lines returning id) select id from gone",
        "select id from lines where set_config('transaction_read_only', 'off', false) = 'off'",
        "select nextval('pg_catalog.nothing')",
    ],
)
def test_a_statement_that_would_write_is_an_error_of_its_own(lines: Engine, tmp_path: Path, sql: str) -> None:
    found = of_file(lines, tmp_path, sql)

    with lines.connect() as connection:
        assert connection.exec_driver_sql("select count(*) from lines").scalar_one() == 20
    assert found.status in {Status.ERROR, Status.OK}


def test_text_stands_for_a_condition_an_aggregate_and_a_statement(lines: Engine) -> None:
    some = {"severity": Severity.LOW, "threshold": above(critical=rows(100))}

    @row_check("lines", **some)  # type: ignore[arg-type]
    def cheap(row: Row) -> Bad:
        """A price is low."""
        return Bad(text("price < 2"), among=text("kind <> 'gift'"))  # type: ignore[arg-type]

    @metric_check("lines", **some)  # type: ignore[arg-type]
    def dearest(row: Row) -> Any:
        """The highest price."""
        return text("max(price)")

    @check(severity=Severity.LOW, threshold=above(critical=percent(50)))
    def gifts() -> Bad:
        """Presents."""
        return Bad(text("select id from lines where kind = 'gift'"), among=text("select id from lines"))  # type: ignore[arg-type]

    report = run(lines, Rules.of(cheap, dearest, gifts))

    assert [(r.rule, r.error) for r in report.results if r.error] == []
    assert (report.of("cheap").count, report.of("cheap").total) == (4, 16)
    assert report.of("dearest").value == 3
    assert (report.of("gifts").count, report.of("gifts").total) == (4, 20)


def test_what_a_rule_raises_is_told_with_its_line(lines: Engine, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from checks import *\n"
        "@row_check('lines', severity=Severity.LOW, threshold=above(warn=rows(0)))\n"
        "def both(row: Row):\n"
        "    '''Two conditions.'''\n"
        "    return (row.price > 1) and (row.id > 2)\n"
    )

    (found,) = run(lines, collect([tmp_path])).results

    assert "at mine.py:5: return (row.price > 1) and (row.id > 2)" in found.error
    assert "join conditions by & | ~ in place of and, or, not" in found.error


def test_numbers_of_any_precision_arrive_in_a_frame_as_floats(lines: Engine, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from checks import *\n"
        "@frame_check('lines', columns=['price', 'id'], severity=Severity.LOW, threshold=above(warn=rows(0)))\n"
        "def odd(frame):\n"
        "    '''More than a float.'''\n"
        "    return (frame.price - 0.5 * frame.id).abs() > 6\n"
    )

    (found,) = run(lines, collect([tmp_path])).results

    assert (found.error, found.count) == ("", 3)
