"""The page of a run: what a person finds on it, and that data in it is nothing but data."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from checks.engine.authoring.units import Status
from checks.engine.reporting.score import Score
from checks.render.formats import MOST_RESULTS, page
from tests.checks.render.test_render import ALL, CRITICAL, HOSTILE, SKIPPED, report, result

hostile = replace(CRITICAL, summary=HOSTILE, parameter=HOSTILE, examples=({HOSTILE: HOSTILE},), note=HOSTILE)


def test_a_page_says_the_score_the_trouble_and_where_it_is() -> None:
    text = page(ALL)

    assert text.startswith("<!doctype html>")
    assert '<p class="score">72.50 <small>of 100</small></p>' in text
    assert "<p>62 of 10,000 (0.62 %); warn above 1 %" in text
    assert "<dt>where</dt><dd>58 of 62 in CNSWPL, series 12" in text
    assert "<code>match_date=&#34;2025-01-07&#34; home_team=&#34;Skokie - 20&#34;</code>" in text
    assert "could not be measured: division by zero (SQLSTATE 22012)" in text


def test_every_rule_stands_in_the_table() -> None:
    table = page(ALL).split('id="rules"')[1]

    assert [name for name in ("without_teams", "broken", "fine", "empty") if f">{name}</th>" in table] == [
        "without_teams", "broken", "fine", "empty"
    ]  # fmt: skip


def test_a_rule_is_described_and_what_was_skipped_stands_last_with_its_reason() -> None:
    described = replace(SKIPPED, summary="Nothing is empty.", note="no rows yet")
    table = page(report(described, result("fine"))).split('id="rules"')[1]

    assert table.index(">fine</th>") < table.index(">empty</th>")
    assert '<td data-label="what">Nothing is empty.</td><td data-label="why" class="muted">no rows yet</td>' in table


def test_a_page_without_trouble_says_so() -> None:
    assert "Nothing: no rule is in trouble." in page(report(result("fine")))


def test_an_unknown_score_is_a_question_mark() -> None:
    assert '<p class="score">? <small>' in page(report(SKIPPED, net=Score(None)))


def test_complaints_are_on_the_page() -> None:
    assert "the fixture broke" in page(report(CRITICAL, complaints=("the fixture broke",)))


def test_what_is_left_out_is_counted() -> None:
    many = [result(f"rule_{number}", Status.WARN) for number in range(MOST_RESULTS + 3)]

    assert "3 more are not shown." in page(report(*many))


def test_data_cannot_steer_a_page() -> None:
    text = page(report(hostile, selection=HOSTILE, complaints=(HOSTILE,)))

    assert "<script" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_a_page_needs_no_drawing_and_no_numbers() -> None:
    """Each check writes one, and to import what draws takes two seconds."""
    code = "import sys, checks.render.formats; print(*{'matplotlib', 'scipy', 'numpy'} & set(sys.modules))"

    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout

    assert found.strip() == ""


@pytest.mark.parametrize("status", Status)
def test_any_status_has_a_badge(status: Status) -> None:
    assert f'<span class="badge {status.value}">' in page(report(result("some", status)))
