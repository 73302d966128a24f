"""docs/SCORE.md: its worked example is recomputed, its table of impacts is the code's."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from checks import Severity, Status
from checks.engine.reporting.report import Result
from checks.engine.reporting.score import FORMULA, IMPACT_RANGES, Weighed, impact, score
from checks.engine.reporting.verdict import COVERAGE_FLOOR, coverage_of, run_verdict

SCORE = (Path(__file__).resolve().parents[2] / "docs" / "SCORE.md").read_text(encoding="utf-8")
EXAMPLE = re.compile(r"\| (\w+) \| (HIGH|MEDIUM|LOW) \| ([A-Z]+) \| ([\d.]+) \| ([\d.]+) \|")


def example() -> list[tuple[str, Severity, Status, float, float]]:
    return [
        (rule, Severity(severity), Status(status), float(share), float(cost))
        for rule, severity, status, share, cost in EXAMPLE.findall(SCORE)
    ]


def results() -> list[Result]:
    return [
        Result(rule=rule, domain="x", parameter="", severity=severity, status=status, gross_status=status, summary="",
               threshold="", share=share, impact=cost)
        for rule, severity, status, share, cost in example()
    ]  # fmt: skip


def test_each_impact_of_the_example_follows_from_its_share() -> None:
    assert len(example()) == 5
    for _, severity, status, share, cost in example():
        assert round(impact(severity, status, share), 12) == cost


def test_the_score_of_the_example_is_that_of_the_code() -> None:
    found = score(
        Weighed(one.rule, "", "x", one.severity, one.status, one.share, count=round(100 * one.share), total=100)
        for one in results()
    )
    (written,) = re.findall(r"^    100 \* \(1.* = ([\d.]+)$", SCORE, flags=re.MULTILINE)

    assert str(found.value) == written


def test_coverage_and_verdict_of_the_example_are_those_of_the_code() -> None:
    value = score(Weighed(one.rule, "", "x", one.severity, one.status, one.share) for one in results()).value
    verdict = run_verdict(results(), value, floor=COVERAGE_FLOOR)

    assert f"0.60: {int(coverage_of(results()) * 100)} %." in SCORE
    assert f'The verdict is "{verdict.band}": {verdict.reason}, and the score is below 75.' in SCORE


def test_the_table_of_impacts_is_that_of_the_code() -> None:
    for severity in Severity:
        (row,) = re.findall(rf"^\| {severity} \| (.*) \| (.*) \| (.*) \|$", SCORE, flags=re.MULTILINE)
        for status, text in zip((Status.WARN, Status.CRITICAL, Status.ERROR), row, strict=True):
            low, high = IMPACT_RANGES[severity, status]
            assert text == (f"{low:.2f} - {high:.2f}" if low != high else f"{high:.2f}")


def test_the_newest_version_and_the_floor_are_those_of_the_code() -> None:
    assert f"\n| {FORMULA} | " in SCORE
    assert f"\n| {FORMULA + 1} | " not in SCORE
    assert f"Below the floor ({COVERAGE_FLOOR:.0%}".replace("%", " %") in SCORE


def test_what_is_switched_off_or_accepted_lowers_no_coverage() -> None:
    measured, *_, skipped = results()

    assert coverage_of([measured, skipped]) == 0.5
    assert coverage_of([measured, replace(skipped, left_out=True)]) == 1.0
    assert coverage_of([measured, replace(skipped, accepted=True)]) == 1.0
