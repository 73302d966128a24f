"""What to make of a run: order, exit codes, the document."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from sqlalchemy import ColumnElement, func, select

import checks
from checks import Bad, Row, Severity, Status, above, check, metric_check, percent, row_check, rows
from checks.engine.reporting.report import Report
from checks.engine.reporting.score import Band
from checks.engine.reporting.verdict import Exit, FailOn
from tests.checks.engine.conftest import PLACE, Run, request, thing, things

Put = Callable[..., None]
SCHEMA = json.loads((Path(checks.__file__).parent / "schemas" / "check.schema.json").read_text())


def rule(name: str, severity: Severity, size: int) -> Callable[..., Any]:
    """A rule that is WARN above 10 % and CRITICAL above half."""

    def bigger(row: Row) -> ColumnElement[bool]:
        return row.size > size

    bigger.__name__ = name
    return row_check(things, severity=severity, threshold=above(warn=percent(10), critical=percent(50)))(bigger)


ok = rule("ok", Severity.HIGH, 99)
warn_low = rule("warn_low", Severity.LOW, 6)
warn_high = rule("warn_high", Severity.HIGH, 6)
critical_low = rule("critical_low", Severity.LOW, 1)
critical_high = rule("critical_high", Severity.HIGH, 1)


@row_check(things, severity=Severity.LOW, threshold=above(warn=percent(1)))
def broken(row: Row) -> ColumnElement[bool]:
    """Divides by zero."""
    return func.div(1, row.size - row.size) > 1


@metric_check(things, severity=Severity.LOW, threshold=above(warn=rows(1000)))
def biggest(row: Row) -> ColumnElement[Any]:
    """The biggest."""
    return func.max(row.size)


@pytest.fixture
def filled(put: Put) -> None:
    """Ten things of the sizes 0 to 9."""
    put(*(thing(f"t{n}", size=n) for n in range(10)))


pytestmark = pytest.mark.usefixtures("filled")


def test_the_worst_comes_first(run: Run) -> None:
    report = run(ok, warn_low, warn_high, critical_low, critical_high, broken)

    assert [result.rule for result in report.results] == [
        "critical_high", "critical_low", "broken", "warn_high", "warn_low", "ok",
    ]  # fmt: skip
    assert report.worst is report.of("critical_high")
    assert [result.rule for result in report.by_status(Status.WARN)] == ["warn_high", "warn_low"]


def test_a_report_knows_what_it_does_not_have(run: Run) -> None:
    with pytest.raises(KeyError, match="no result of 'other', parameter ''"):
        run(ok).of("other")


CODES = [
    ((ok,), FailOn.CRITICAL, Exit.HEALTHY),
    ((warn_low,), FailOn.CRITICAL, Exit.HEALTHY),
    ((warn_low,), FailOn.WARN, Exit.FAILED),
    ((critical_low,), FailOn.CRITICAL, Exit.FAILED),
    ((critical_low,), FailOn.NEVER, Exit.HEALTHY),
    ((broken,), FailOn.CRITICAL, Exit.PARTIAL),
    ((broken,), FailOn.NEVER, Exit.PARTIAL),
    ((broken, critical_low), FailOn.CRITICAL, Exit.FAILED),
    ((warn_high, rule("warn_too", Severity.HIGH, 5)), FailOn.CRITICAL, Exit.FAILED),  # together below 75
]


@pytest.mark.parametrize(("rules", "fail_on", "code"), CODES)
def test_an_exit_code_says_how_it_went(run: Run, rules: tuple[Any, ...], fail_on: FailOn, code: Exit) -> None:
    assert run(*rules).exit_code(fail_on) is code


def test_coverage_is_weighed_by_what_it_costs_not_to_measure(run: Run) -> None:
    assert run(ok, warn_low, broken, biggest).coverage == pytest.approx((0.6 + 0.1 + 0.1) / (0.6 + 0.1 + 0.1 + 0.1))


def test_there_is_no_score_where_too_little_was_measured(run: Run) -> None:
    """Three fifths are enough; what could not be measured costs points then."""
    enough, nothing = run(ok, broken), run(broken)

    assert (nothing.coverage, nothing.band, nothing.score, nothing.gross_score) == (0, Band.UNKNOWN, None, None)
    assert (round(enough.coverage, 3), enough.score) == (0.857, Decimal(90))


def test_anybody_can_recompute_a_score_from_the_document(run: Run) -> None:
    found = document(run(ok, warn_low, warn_high, critical_low, broken, biggest))

    kept = math.prod(1 - result["impact"] for result in found["results"])

    assert found["score"] == math.floor(round(10_000 * kept, 7)) / 100
    (high,) = (result for result in found["results"] if result["rule"] == "warn_high")
    assert (high["share"], high["impact"]) == (0.3, pytest.approx(0.12 + 0.12 * math.sqrt(0.3)))


def test_progress_is_told_until_everything_is_done(run: Run) -> None:
    @check(severity=Severity.LOW, threshold=above(warn=rows(1)))
    def across() -> Bad:
        return Bad(select(things.c.id))

    told: list[tuple[int, int, str]] = []

    run(ok, broken, biggest, across, workers=1, progress=lambda now: told.append((now.done, now.total, now.what)))

    assert sorted(told) in ([(1, 4, "across"), (4, 4, "things")], [(3, 4, "things"), (4, 4, "across")])


def document(report: Report) -> dict[str, Any]:
    """The document as a reader gets it."""
    read: dict[str, Any] = json.loads(json.dumps(report.to_json()))
    return read


def test_the_document_keeps_to_its_published_schema(run: Run) -> None:
    report = run(ok, warn_high, critical_low, broken, biggest, dimensions=(PLACE,))

    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(document(report), SCHEMA, format_checker=jsonschema.FormatChecker())


def test_every_field_of_the_document_is_in_the_schema(run: Run) -> None:
    found = document(run(warn_high))

    assert list(found) == list(SCHEMA["properties"])
    # `run` and `at` are of results out of the history
    assert set(found["results"][0]) == set(SCHEMA["$defs"]["result"]["properties"]) - {"run", "at"}


def test_the_document_begins_with_the_fields_that_everyone_relies_on(run: Run) -> None:
    found = document(run(warn_high, biggest))

    assert list(found)[:9] == [
        "run", "score", "gross", "band", "formula", "coverage", "domains", "metrics", "results",
    ]  # fmt: skip
    assert found["metrics"] == {"biggest": 9.0}
    first = found["results"][0]
    assert {name: first[name] for name in ("rule", "count", "total", "rate", "threshold", "new", "points")} == {
        "rule": "warn_high", "count": 3, "total": 10, "rate": 0.3,
        "threshold": "warn above 10 %, critical above 50 %", "new": 3, "points": 18.58,
    }  # fmt: skip


def test_without_details_there_are_counts_only(run: Run) -> None:
    result = run(warn_high, details=False).of("warn_high")

    assert (result.count, result.status, result.examples, result.new) == (3, Status.WARN, (), None)


def test_without_statements_no_result_has_its_sql_and_finds_the_same(run: Run) -> None:
    written, plain = (run(warn_high, statements=wanted).of("warn_high") for wanted in (True, False))

    assert "select" in written.sql.lower()
    assert plain.sql == ""
    assert (plain.count, plain.total, plain.examples) == (written.count, written.total, written.examples)


def test_a_request_of_another_moment_is_another_day() -> None:
    assert request().day.isoformat() == "2025-06-30"


def test_a_rule_that_cannot_be_asked_is_wholly_in_error(run: Run) -> None:
    @row_check(things, severity=Severity.LOW, threshold=above(warn=percent(1)))
    def broken(row: Row) -> ColumnElement[bool]:
        """Fails before the database is asked."""
        raise RuntimeError("no")

    result = run(broken).of("broken")

    assert (result.status, result.gross_status, result.share, result.gross_share) == (
        Status.ERROR, Status.ERROR, 1.0, 1.0,
    )  # fmt: skip
