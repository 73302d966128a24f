"""One report in every form: what people read and what machines read. Data in it steers neither."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest
from rich.console import Console

from checks import Severity, Status
from checks.engine.authoring.spec import Source
from checks.engine.judging.findings import Finding, Findings
from checks.engine.judging.judge import Cluster, Waiver
from checks.engine.reporting.report import Report, Result, worst_first
from checks.engine.reporting.score import Score
from checks.engine.reporting.verdict import FailOn
from checks.render.by_rule import plural
from checks.render.formats import github_annotations, junit, markdown, page
from checks.render.terminal import print_report

STARTED = datetime(2025, 6, 30, 6, tzinfo=UTC)
HOSTILE = "[red]x[/] \x1b[31m<script>&| `a`\r\n::error::y %0A\u202e\ufffe"


def result(rule: str, status: Status = Status.OK, **changes: Any) -> Result:
    """A result of 62 bad rows in 10,000."""
    plain = Result(
        rule=rule,
        domain="schedule",
        parameter="",
        severity=Severity.HIGH,
        status=status,
        gross_status=status,
        summary="A match without teams.",
        threshold="warn above 1 %",
        count=62,
        total=10_000,
        rate=0.0062,
        points=Decimal("12.30") if status.failing else Decimal("0.00"),
        seconds=0.25,
        sql="SELECT 1\nFROM schedule",
        source=Source("rules/schedule.py", 12),
    )
    return replace(plain, **changes)


CRITICAL = result(
    "without_teams",
    Status.CRITICAL,
    new=3,
    known=59,
    fixed=5,
    owner="kim",
    clusters=(Cluster((("league", "CNSWPL"), ("series", "12")), 58, 62, 700, 13.4),),
    examples=({"match_date": "2025-01-07", "home_team": "Skokie - 20"},),
    findings=Findings(62, (Finding(0x5F0C, {"match_date": "2025-01-07", "home_team": "Skokie - 20"}),)),
)
ERROR = result("broken", Status.ERROR, count=None, total=None, rate=None, error="division by zero (SQLSTATE 22012)")
SKIPPED = result("empty", Status.SKIPPED, count=0, total=0, rate=None, note="nothing to measure: no rows")


def report(*results: Result, **changes: Any) -> Report:
    """A report of a run that took a second and a half."""
    score = Score(Decimal("72.50"), domains={"schedule": Decimal("72.50")})
    plain = Report(
        run="7f0c2c5e-0000-4000-8000-000000000000",
        started=STARTED,
        finished=STARTED + timedelta(seconds=1.5),
        today=date(2025, 6, 30),
        selection="all",
        results=tuple(sorted(results, key=worst_first)),
        net=score,
        gross=score,
    )
    return replace(plain, **changes)


ALL = report(CRITICAL, ERROR, SKIPPED, result("fine"))


def printed(shown: Report, *, terminal: bool = False, **options: Any) -> str:
    """What a console of 160 columns gets."""
    file = io.StringIO()
    print_report(shown, Console(file=file, width=160, force_terminal=terminal, color_system=None), **options)
    return file.getvalue()


def test_plain_text_has_one_line_for_each_rule_worst_first() -> None:
    assert printed(ALL).splitlines() == [
        "Score 72.50 of 100: critical",
        "4 results: 1 CRITICAL, 1 ERROR, 1 SKIPPED, 1 OK; coverage 50%; 1.5 s",
        "CRITICAL  without_teams  62 of 10,000 (0.62 %) [3 new, 59 known, 5 fixed]  -12.30"
        "  A match without teams. (58 of 62 in CNSWPL, series 12)",
        "ERROR     broken  -12.30  could not be measured: division by zero (SQLSTATE 22012)",
        "OK        fine  62 of 10,000 (0.62 %)  A match without teams.",
        "1 skipped, nothing to measure; --detailed names them",
    ]


def leagues(number: int, *, failing: int) -> list[Result]:
    """A rule that was asked for each league, the last of those that fail being the worst."""
    return [
        result(
            "gap_in_league", Status.CRITICAL if n < failing else Status.OK, parameter=f"L{n:03}", each="league",
            share=n / number, rate=n / number, points=Decimal("0.01") if n < failing else Decimal(0), new=2,
        )
        for n in range(number)
    ]  # fmt: skip


def test_a_rule_of_many_leagues_is_one_line_with_its_worst() -> None:
    shown = report(*leagues(404, failing=101), result("fine"))

    lines = printed(shown).splitlines()

    assert lines[1].startswith("405 results of 2 rules: 101 CRITICAL, 304 OK;")
    assert lines[2:] == [
        "CRITICAL  gap_in_league  101 of 404 leagues, worst L100 24.8 % [808 new]  -1.01  A match without teams.",
        "OK        fine  62 of 10,000 (0.62 %)  A match without teams.",
        "gap_in_league: L100 24.8 %, L099 24.5 %, L098 24.3 %, L097 24 %, L096 23.8 %, L095 23.5 %, L094 23.3 %,"
        " L093 23 %, L092 22.8 %, L091 22.5 %, 91 more",
        "all of them: rally-health check --name gap_in_league --detailed",
    ]


def test_details_have_a_line_for_each_league() -> None:
    assert "gap_in_league[L100]" in printed(report(*leagues(101, failing=7)), detailed=True)


def test_a_league_that_has_nothing_to_measure_is_not_counted_among_them() -> None:
    none = replace(SKIPPED, rule="gap_in_league", parameter="L900", each="league")

    assert "  1 of 4 leagues, worst L000 0 % [8 new]  " in printed(report(none, *leagues(4, failing=1)))


def test_where_every_league_is_fine_none_is_the_worst() -> None:
    assert "OK        gap_in_league  0 of 4 leagues [8 new]  " in printed(report(*leagues(4, failing=0)))


def test_a_league_that_could_not_be_measured_is_the_worst() -> None:
    broken = replace(ERROR, rule="gap_in_league", parameter="L900", each="league")

    text = printed(report(broken, *leagues(4, failing=0)))

    assert "1 of 5 leagues, worst L900 not measured" in text
    assert "could not be measured: division by zero" in text


def test_what_is_accepted_of_all_leagues_is_no_trouble() -> None:
    accepted = [replace(one, accepted=True) for one in leagues(3, failing=2)]

    text = printed(report(*accepted))

    assert "gap_in_league  2 of 3 leagues, worst L001 33.3 %" in text
    assert "accepted: A match without teams." in text
    assert "all of them" not in text


@pytest.mark.parametrize(
    ("each", "many"),
    [
        ("league", "leagues"),
        ("series", "series"),
        ("public_table", "public tables"),
        ("city", "cities"),
        ("day", "days"),
    ],
)
def test_what_a_rule_is_asked_for_has_a_plural(each: str, many: str) -> None:
    assert plural(each) == many


def test_every_other_form_has_one_line_for_a_rule_of_many_leagues_too() -> None:
    shown = report(*leagues(404, failing=101))
    line = "101 of 404 leagues, worst L100 24.8 %"

    assert markdown(shown).count(line) == 1
    assert markdown(shown).count("🔴") == 1
    assert github_annotations(shown).count("::error") == 1
    assert page(shown).count(line) == 2  # what to look at, and all rules
    assert "L091 22.5 %, 91 more" in page(shown)
    assert junit(shown).count("<testcase") == 404  # a program reads each


def test_a_terminal_gets_a_table() -> None:
    lines = printed(ALL, terminal=True).splitlines()

    assert lines[2].split() == ["status", "rule", "found", "points", "what"]
    assert re.match(r"CRITICAL\s+without_teams\s+62 of 10,000 \(0\.62 %\)", lines[3])


def test_details_are_examples_clusters_and_sql() -> None:
    text = printed(ALL, detailed=True)

    assert "cluster: 58 of 62 in CNSWPL, series 12, 13.4 times as dense as on the whole" in text
    assert 'example: match_date="2025-01-07" home_team="Skokie - 20"  key 0000000000005f0c' in text
    assert "  SELECT 1\n  FROM schedule\n" in text
    assert "SKIPPED   empty" in text


def test_a_waiver_that_is_over_is_told() -> None:
    old = Waiver(rule="fine", owner="kim", reason="moving", until=date(2025, 6, 1))

    assert "waiver is over: fine, accepted until 2025-06-01 by kim: moving" in printed(report(expired=(old,)))


def test_an_unknown_score_is_told_as_such() -> None:
    assert printed(report(SKIPPED, net=Score(None))).startswith("Score unknown: nothing could be measured")


def test_accepted_trouble_is_marked() -> None:
    assert "accepted: A match without teams." in printed(report(replace(CRITICAL, accepted=True)))


hostile = replace(
    CRITICAL, summary=HOSTILE, parameter=HOSTILE, examples=({HOSTILE: HOSTILE},), sql=HOSTILE, note=HOSTILE
)


@pytest.mark.parametrize("terminal", [True, False])
def test_data_cannot_steer_a_terminal(terminal: bool) -> None:
    text = printed(report(hostile), terminal=terminal, detailed=True)

    assert "[red]x" in text
    assert not {"\x1b[31m", "\u202e", "\r"} & {found for found in ("\x1b[31m", "\u202e", "\r") if found in text}


def test_junit_has_a_case_for_each_rule() -> None:
    root = fromstring(junit(ALL))  # noqa: S314 - our own text

    assert {name: root.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4", "failures": "1", "errors": "1", "skipped": "1",
    }  # fmt: skip
    kinds = {case.get("name"): [child.tag for child in case] for case in root.iter("testcase")}
    assert kinds == {"without_teams": ["failure"], "broken": ["error"], "empty": ["skipped"], "fine": []}
    failure = next(root.iter("failure"))
    assert failure.get("message") == "62 of 10,000 (0.62 %); warn above 1 %"
    assert failure.text is not None
    assert "58 of 62 in CNSWPL, series 12" in failure.text


@pytest.mark.parametrize(
    ("fail_on", "failures"), [(FailOn.CRITICAL, "0"), (FailOn.WARN, "1"), (FailOn.NEW, "1"), (FailOn.NEVER, "0")]
)
def test_the_bar_of_junit_is_the_bar_of_the_run(fail_on: FailOn, failures: str) -> None:
    root = fromstring(junit(report(result("late", Status.WARN, new=1)), fail_on))  # noqa: S314 - our own text

    assert root.get("failures") == failures


def test_hostile_data_stays_well_formed_xml() -> None:
    root = fromstring(junit(report(hostile)))  # noqa: S314 - our own text

    assert root.get("tests") == "1"


def test_annotations_stand_at_the_file_and_line_of_the_rule() -> None:
    assert github_annotations(ALL).splitlines() == [
        "::error file=schedule.py,line=12,title=CRITICAL without_teams::A match without teams."
        " 62 of 10,000 (0.62 %25); warn above 1 %25. 58 of 62 in CNSWPL, series 12.",
        "::error file=schedule.py,line=12,title=ERROR broken::A match without teams."
        " could not be measured: division by zero (SQLSTATE 22012).",
    ]


def test_data_cannot_start_an_annotation_of_its_own() -> None:
    text = github_annotations(report(hostile))

    assert len(text.splitlines()) == 1
    assert "%0A" not in text.replace("%250A", "")


def test_markdown_is_a_table_of_rules() -> None:
    lines = markdown(ALL).splitlines()

    assert lines[0] == "## Score 72.50 of 100: critical"
    assert "- schedule: 72.50" in lines
    assert (
        "| 🔴 CRITICAL | without\\_teams | 62 of 10,000 (0.62 %) (3 new, 59 known, 5 fixed) | -12.30"
        " | A match without teams. (58 of 62 in CNSWPL, series 12) |"
    ) in lines


def test_data_means_nothing_to_markdown_or_html() -> None:
    text = markdown(report(hostile), detailed=True)
    outside_code = [line for line in text.splitlines() if not line.startswith("    ")]

    assert not any("<script" in line.replace("\\<", "") for line in outside_code)
    assert all(line.count("|") - line.count("\\|") == 6 for line in outside_code if line.startswith("| 🔴"))
