"""The document of a report, value by value: no two figures of these results are the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from checks import Severity, Status
from checks.engine.authoring.spec import Source
from checks.engine.authoring.units import Figure, Measure
from checks.engine.judging.findings import Findings
from checks.engine.judging.judge import Cluster, Waiver
from checks.engine.reporting.report import Report, Result, report_document, result_of, worst_first
from checks.engine.reporting.score import Band, Score
from checks.engine.reporting.verdict import News

MORNING = datetime(2025, 3, 1, 6, 30, tzinfo=UTC)
LATER = datetime(2025, 3, 1, 6, 31, 5, tzinfo=UTC)
PLACE = Cluster((("league", "CITA"), ("series", "Series 2")), 1_200, 1_405, 2_000, 3.5)
LOST = Result(
    rule="lost_rows", domain="schedule", parameter="CITA", severity=Severity.HIGH, status=Status.WARN,
    gross_status=Status.CRITICAL, summary="A match is lost.", coach="A match is gone", threshold="warn above 5 %",
    unit=Measure.PERCENT, count=1_405, total=7_000, rate=0.2007, share=0.19, gross_share=0.2, impact=0.17,
    emptied=True, left_out=False, points=Decimal("12.34"), waived=7, accepted=False, new=3, known=1_402, fixed=5,
    exact=False, examples=({"id": 4}, {"id": 9}), clusters=(PLACE,), sql="SELECT 1", seconds=0.25, error="timed out",
    note="its parts are unknown", owner="dana", tags=frozenset({"weekly", "daily"}), runbook="docs/RUNBOOKS.md#lost",
    source=Source(str(Path.cwd() / "checks/rules/lost.py"), 17), changed=("threshold of rally.toml",), fixable=True,
    on_target=False, carried=datetime(2025, 2, 28, 6, 0, tzinfo=UTC),
)  # fmt: skip
SIZE = Result(
    rule="size", domain="players", parameter="", severity=Severity.LOW, status=Status.OK, gross_status=Status.OK,
    summary="The size.", threshold="warn above 1,000 rows", value=5_600.25, source=Source("/elsewhere/size.py", 3),
)  # fmt: skip
WAIVER = Waiver(rule="size", owner="kim", reason="off season", until=date(2025, 3, 2), fingerprint=8, key="8", id=6)
REPORT = Report(
    run="run-7", started=MORNING, finished=LATER, today=date(2025, 2, 15), selection="daily", another_day=True,
    floor=0.3,
    results=(LOST, SIZE), net=Score(Decimal("81.50"), domains={"schedule": Decimal("80.25"), "players": None}),
    gross=Score(Decimal("70.75")), snapshots=2, expired=(replace(WAIVER, rule="lost_rows", id=5),), unused=(WAIVER,),
    complaints=("one is late",), difference="down 3 points",
    parts={"series": {"b": Decimal("2.50"), "a": None}, "league": {"CITA": Decimal("1.25")}},
    figures=(Figure(key="age", title="Age", value=26.5, unit=Measure.HOURS, target=24, detail="of CITA"),),
    news=News(datetime(2025, 2, 27, tzinfo=UTC), "since Thursday", ("one", "two"), ("three",)),
)  # fmt: skip


def test_a_result_stands_in_the_document_with_each_of_its_values() -> None:
    assert result_of(LOST) == {
        "rule": "lost_rows", "domain": "schedule", "parameter": "CITA", "title": "lost_rows[CITA]", "severity": "HIGH",
        "status": "WARN", "points": 12.34, "examples": [{"id": 4}, {"id": 9}],
        "clusters": [{
            "where": {"league": "CITA", "series": "Series 2"}, "count": 1_200, "of": 1_405, "rows": 2_000, "lift": 3.5,
            "text": "1,200 of 1,405 in CITA, Series 2",
        }],
        "error": "timed out", "count": 1_405, "total": 7_000, "rate": 0.2007, "value": None,
        "threshold": "warn above 5 %", "new": 3, "known": 1_402, "fixed": 5, "sql": "SELECT 1", "seconds": 0.25,
        "measurement": "1,405 of 7,000 (20.1 %)", "unit": "percent", "gross_status": "CRITICAL",
        "note": "its parts are unknown", "tags": ["daily", "weekly"], "changed": ["threshold of rally.toml"],
        "source": "checks/rules/lost.py:17", "share": 0.19, "impact": 0.17, "emptied": True,
        "summary": "A match is lost.", "owner": "dana", "runbook": "docs/RUNBOOKS.md#lost", "waived": 7,
        "accepted": False, "exact": False, "on_target": False, "fixable": True,
        "measured_at": "2025-02-28T06:00:00+00:00",
    }  # fmt: skip


def test_what_a_result_does_not_have_is_null() -> None:
    found = result_of(replace(SIZE, source=None))

    assert {name for name, value in found.items() if value is None} == {
        "parameter", "error", "count", "total", "rate", "new", "known", "fixed", "unit", "note", "source", "on_target",
        "measured_at",
    }  # fmt: skip
    assert (found["value"], found["measurement"], found["title"], found["exact"]) == (
        5_600.25,
        "5,600.25",
        "size",
        True,
    )
    assert (result_of(SIZE)["source"], found["points"], found["clusters"]) == ("size.py:3", 0.0, [])


def test_a_report_stands_in_the_document_with_each_of_its_values() -> None:
    found = report_document(REPORT)

    assert found.pop("results") == [result_of(LOST), result_of(SIZE)]
    waiver = {"key": "8", "owner": "kim", "reason": "off season", "until": "2025-03-02"}
    assert found == {
        "run": "run-7", "score": 81.5, "gross": 70.75, "band": "critical", "formula": 2, "coverage": 1.0,
        "domains": {"schedule": 80.25, "players": None}, "metrics": {"size": 5_600.25},
        "started": "2025-03-01T06:30:00+00:00", "finished": "2025-03-01T06:31:05+00:00", "today": "2025-02-15",
        "selection": "daily", "snapshots": 2,
        "waivers": {"expired": [{"id": 5, "rule": "lost_rows", **waiver}], "unused": [{"id": 6, "rule": "size",
        **waiver}]},
        "complaints": ["one is late"], "parts": {"league": {"CITA": 1.25}, "series": {"a": None, "b": 2.5}},
        "daily": [{
            "key": "age", "title": "Age", "value": 26.5, "target": 24, "at_least": False, "met": False,
            "said": "26 h 30 min", "aim": "at most 24 h", "detail": "of CITA", "unit": "hours",
        }],
        "difference": "down 3 points",
        "news": {"since": "2025-02-27T00:00:00+00:00", "label": "since Thursday", "new": ["one", "two"],
        "gone": ["three"]},
        "state": "Critical", "reason": "the waiver of lost_rows is over", "coverage_floor": 0.3, "carried": 1,
        "another_day": True, "started_at": "2025-03-01T06:30:00+00:00", "finished_at": "2025-03-01T06:31:05+00:00",
    }  # fmt: skip
    assert list(found["domains"]) == ["players", "schedule"]
    assert [list(labels) for labels in found["parts"].values()] == [["CITA"], ["a", "b"]]


def test_what_a_report_does_not_have_is_null() -> None:
    found = report_document(replace(REPORT, difference="", news=None, expired=(), results=(SIZE,), net=Score(None)))

    assert (found["difference"], found["news"], found["score"], found["gross"]) == (None, None, None, 70.75)
    assert (found["state"], found["reason"], found["carried"]) == ("Unknown", "nothing could be measured", 0)


@pytest.mark.parametrize(
    ("changes", "is_new"),
    [
        ({}, True), ({"new": 0}, False), ({"new": 1}, True), ({"accepted": True}, False),
        ({"status": Status.OK}, False),
        ({"new": None}, True), ({"new": None, "before": Status.OK}, True),
        ({"new": None, "before": Status.WARN}, False),
        ({"new": None, "before": Status.CRITICAL}, False),
    ],
)  # fmt: skip
def test_trouble_is_new_with_new_rows_or_a_worse_status(changes: dict[str, Any], is_new: bool) -> None:
    assert replace(LOST, **changes).is_new is is_new


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "1,405 of 7,000 (20.1 %)"), ({"total": None}, "1,405"), ({"count": None}, ""), ({"value": 0.05}, "5 %"),
        ({"value": 0.0}, "0 %"), ({"members": (SIZE,), "spread": "3 of 5 leagues"}, "3 of 5 leagues"),
    ],
)  # fmt: skip
def test_what_was_measured_is_said(changes: dict[str, Any], said: str) -> None:
    assert replace(LOST, **changes).measurement == said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "at least 3 new, 1,402 known, at least 5 fixed"), ({"exact": True}, "3 new, 1,402 known, 5 fixed"),
        ({"new": 0, "fixed": 0}, "1,402 known"), ({"known": 0, "exact": True}, "3 new, 5 fixed"),
        ({"new": None, "known": None, "fixed": None}, ""),
    ],
)  # fmt: skip
def test_what_has_changed_is_said_without_what_is_nought(changes: dict[str, Any], said: str) -> None:
    assert replace(LOST, **changes).change == said


@pytest.mark.parametrize(
    ("changes", "without"),
    [
        ({"relative": True, "status": Status.SKIPPED}, True), ({"relative": False, "status": Status.SKIPPED}, False),
        ({"relative": True, "status": Status.OK}, False),
        ({"relative": True, "status": Status.SKIPPED, "value": None}, False),
    ],
)  # fmt: skip
def test_a_figure_is_without_history_that_was_read_and_not_judged(changes: dict[str, Any], without: bool) -> None:
    assert replace(SIZE, **changes).without_history is without


def test_results_are_ordered_worst_first() -> None:
    one = replace(LOST, status=Status.WARN, severity=Severity.MEDIUM, points=Decimal("2.00"), rule="m", parameter="m")
    ordered = [
        replace(one, status=Status.CRITICAL, severity=Severity.LOW), replace(one, status=Status.ERROR),
        replace(one, severity=Severity.HIGH, points=Decimal(0)), replace(one, points=Decimal("3.00"), rule="z"),
        replace(one, rule="a", parameter="z"), replace(one, parameter="a"), one,
        replace(one, status=Status.CRITICAL, accepted=True), replace(one, accepted=True),
        replace(one, status=Status.SKIPPED), replace(one, status=Status.OK, severity=Severity.HIGH),
    ]  # fmt: skip
    best_first = ordered[::-1]

    assert sorted(best_first, key=worst_first) == ordered


def test_a_report_is_the_baseline_of_a_later_run() -> None:
    rows = Findings(1_405)
    lost = replace(LOST, findings=rows)
    unmeasured = [
        replace(LOST, rule=f"not_{status}", status=status, findings=rows) for status in (Status.ERROR, Status.SKIPPED)
    ]

    baseline = replace(REPORT, results=(lost, SIZE, *unmeasured)).as_baseline()

    assert baseline.statuses == {("lost_rows", "CITA"): Status.WARN, ("size", ""): Status.OK}
    assert baseline.findings == {("lost_rows", "CITA"): rows}


def test_a_report_knows_its_results_by_status_and_trouble() -> None:
    waived = replace(LOST, rule="waived", accepted=True)
    report = replace(REPORT, results=(LOST, waived, SIZE))

    assert (report.trouble, report.worst, report.by_status(Status.WARN)) == ((LOST,), LOST, (LOST, waived))
    assert report.counts() == {Status.WARN: 2, Status.OK: 1}
    assert (report.carried, report.of("size"), report.of("lost_rows", "CITA")) == (2, SIZE, LOST)
    assert replace(REPORT, results=()).worst is None


def test_there_is_no_score_where_too_little_was_measured_and_nothing_is_proven() -> None:
    idle = replace(LOST, rule="idle", status=Status.SKIPPED, emptied=False, source=None)
    little = replace(REPORT, results=(SIZE, idle), expired=(), floor=0.2)  # 0.1 of 0.7 was measured

    assert (little.band, little.score, little.gross_score) == (Band.UNKNOWN, None, None)
    enough = replace(little, floor=0.1)
    assert (enough.band, enough.score, enough.gross_score) == (Band.WATCH, Decimal("81.50"), Decimal("70.75"))
    proven = replace(little, results=(replace(LOST, status=Status.CRITICAL, severity=Severity.LOW), idle))
    assert (proven.band, proven.score) == (Band.CRITICAL, Decimal("81.50"))


def test_coverage_stands_in_the_document_with_four_digits() -> None:
    idle = replace(LOST, rule="idle", status=Status.SKIPPED, emptied=False, severity=Severity.MEDIUM)

    assert report_document(replace(REPORT, results=(SIZE, idle)))["coverage"] == 0.2941  # 0.1 of 0.34
