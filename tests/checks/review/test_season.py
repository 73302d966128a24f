"""Sixty planted nights: each statement of the reports is checked against what was planted."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from checks.engine.authoring.units import Status
from checks.review.section import Review
from checks.review.sections.blind_spots import BLIND_SPOTS
from checks.review.sections.figures import DAILY_FIGURES
from checks.review.sections.governance import GOVERNANCE
from checks.review.sections.process import IMPORTS, INCIDENTS, PROCESS_METRICS
from checks.review.sections.results import ALL_RULES
from checks.review.sections.trends import ANOMALIES, TRENDS
from checks.review.sections.tuning import COMPLIANCE_BY_OWNER, COMPLIANCE_BY_RULE, PROPOSALS, RECURRING
from checks.review.trend import Direction
from checks.review.values import PeriodKind
from tests.checks.review.conftest import Reviewed
from tests.checks.review.plant import Plant
from tests.checks.review.seasons import CROSSES_ON, DENT, FIRST, LAST, NOW, OUTAGE, RECURS


def test_the_planted_rise_is_told_with_its_pace(quarter: Review) -> None:
    course = quarter.of(TRENDS)[0]

    assert (course.title, course.direction) == ("match_without_teams", Direction.RISING)
    assert course.trend is not None
    assert course.trend.per_day == pytest.approx(0.00012, rel=0.03)
    assert course.trend.low <= 0.00012 <= course.trend.high


def test_the_day_of_the_crossing_is_told_within_two_days(quarter: Review) -> None:
    first = quarter.of(TRENDS)[0].crossings[0]

    assert first.name == "WARN"
    assert abs(first.on - CROSSES_ON) < timedelta(days=2)
    assert first.latest is not None
    assert first.earliest <= first.on <= first.latest


@pytest.mark.parametrize("days_before", [5, 10, 20, 30])
def test_the_crossing_is_foreseen_early_too(season: Plant, reviewed: Reviewed, days_before: int) -> None:
    then = reviewed(PeriodKind.QUARTERLY, until=NOW - timedelta(days=days_before))

    assert abs(then.of(TRENDS)[0].crossings[0].on - CROSSES_ON) < timedelta(days=2)


def test_the_planted_fall_is_told_and_leads_to_no_limit(quarter: Review) -> None:
    course = quarter.of(TRENDS)[1]

    assert (course.title, course.direction, course.forecast) == ("player_without_team", Direction.FALLING, "")


def test_nothing_else_has_a_trend(quarter: Review) -> None:
    assert [course.title for course in quarter.of(TRENDS)] == ["match_without_teams", "player_without_team"]
    assert quarter.score.direction is Direction.STEADY


def test_the_four_daily_metrics_are_those_of_the_last_night(quarter: Review) -> None:
    figures = {one.figure.key: one.figure for one in quarter.of(DAILY_FIGURES)}

    assert figures["schedule_coverage"].value == pytest.approx(1 - 2 / 727)
    assert figures["rows_without_team_ids"].value == pytest.approx(79 / 10_000)
    assert figures["duplicate_rate"].value == 0
    assert figures["orphan_rate"].value == 0
    assert [one.met for one in figures.values()] == [True, False, True, True]


def test_the_metric_that_rises_shows_its_arrow(quarter: Review) -> None:
    assert [one.series.direction for one in quarter.of(DAILY_FIGURES)] == [
        Direction.STEADY, Direction.RISING, Direction.STEADY, Direction.STEADY,
    ]  # fmt: skip


METRICS = {
    "import_success_rate": (56 / 58, True, "56 of 58 feeds"),
    "error_detection_time": (40 / 60, True, "4 of 5 in time, longest 24 h 40 min"),
    "recovery_time": ((3 * 60 + 25 + 9 * 60 + 5) / 2 / 60, False, "1 of 2 in time, longest 9 h 5 min"),
    "alert_response_time": (9.5 / 60, True, "2 of 2 in time, longest 12 min"),
    "resolution_time": (34, False, "1 of 2 in time, longest 48 h; 1 still open and over it"),
    "validation_coverage": (1, True, "392,000 of 392,000 rows"),
    "check_frequency": (59 / 60, False, "59 of 60 days; longest pause 48 h"),
}


@pytest.mark.parametrize(("key", "wanted"), METRICS.items())
def test_process_metrics_are_right_to_the_minute(quarter: Review, key: str, wanted: tuple[float, bool, str]) -> None:
    figure = {one.key: one for one in quarter.of(PROCESS_METRICS)}[key]

    assert figure.value == pytest.approx(wanted[0])
    assert (figure.met, figure.detail) == wanted[1:]


def test_compliance_counts_what_was_in_order(quarter: Review) -> None:
    failing = {
        "standing_without_team": 59, "duplicate_match": 7, "team_without_schedule": 3, "matches_in_schedule": 1,
        "hours_since_successful_import": 1,
    }  # fmt: skip
    measured = 59 * 10 + 59 - 3 + 1  # the metric that looks at its past is SKIPPED three times; one rule ran alone once

    figure = {one.key: one for one in quarter.of(PROCESS_METRICS)}["standards_compliance"]

    assert figure.detail == f"{measured - sum(failing.values())} of {measured} results"
    kept = {one.name: one.whole - one.good for one in quarter.of(COMPLIANCE_BY_RULE)}
    assert {name: number for name, number in kept.items() if number} == failing


def test_owners_answer_for_their_rules(quarter: Review) -> None:
    owners = {one.name: (one.good, one.whole) for one in quarter.of(COMPLIANCE_BY_OWNER)}

    assert owners["standings"] == (0, 59)
    assert owners["imports"] == (58, 59)
    assert quarter.of(COMPLIANCE_BY_OWNER)[0].name == "standings"


def test_incidents_are_told_with_their_story(quarter: Review) -> None:
    told = [(one.rule, one.worst, one.opened_at, one.resolved_at) for one in reversed(quarter.of(INCIDENTS))]

    assert told == [
        ("standing_without_team", Status.WARN, FIRST + timedelta(days=1), None),
        ("team_without_schedule", Status.CRITICAL, FIRST + timedelta(days=20),
         FIRST + timedelta(days=20, hours=3, minutes=25)),
        ("duplicate_match", Status.WARN, FIRST + timedelta(days=40), FIRST + timedelta(days=42)),
        ("matches_in_schedule", Status.CRITICAL, FIRST + timedelta(days=DENT),
         FIRST + timedelta(days=DENT, hours=9, minutes=5)),
        ("duplicate_match", Status.WARN, FIRST + timedelta(days=55), FIRST + timedelta(days=55, hours=20)),
    ]  # fmt: skip
    assert [one.rule for one in quarter.of(INCIDENTS) if one.resolved_at is None] == ["standing_without_team"]


def test_what_fails_again_and_again_is_told(quarter: Review) -> None:
    (found,) = quarter.of(RECURRING)

    assert found.title == "duplicate_match"
    assert [streak.began_at for streak in found.streaks] == [FIRST + timedelta(days=min(group)) for group in RECURS]
    assert found.said == "4 times, in 12% of the runs, last from 2025-06-26; well since 2025-06-27"


def test_what_is_unusual_is_told_once_for_each_rule(quarter: Review) -> None:
    found = {one.rule: (one.at - FIRST).days for one in quarter.of(ANOMALIES)}

    assert found == {
        "team_without_schedule": OUTAGE[-1], "hours_since_successful_import": 35, "matches_in_schedule": DENT,
        "duplicate_match": 55,
    }  # fmt: skip


def test_a_limit_that_is_always_passed_is_proposed_higher(quarter: Review) -> None:
    (found,) = quarter.of(PROPOSALS)

    assert found.rule == "standing_without_team"
    assert found.proposed == "warn above 4 %, critical above 5 % (target at most 0.1 %)"
    assert (found.nights, found.alerts_now, found.alerts_then) == (59, 59, 0)


def test_risks_are_rules_that_say_nothing_and_data_that_no_rule_reads(quarter: Review) -> None:
    names = {(spot.key, spot.table): spot.names for spot in quarter.of(BLIND_SPOTS)}

    assert names["always_fire", ""] == ("standing_without_team",)
    assert names["never_fired", ""] == (
        "duplicate_team", "match_of_unknown_team", "match_with_one_team", "match_without_teams", "player_without_team",
        "team_without_captain",
    )  # fmt: skip
    assert "twin_team" in names["never_measured", ""]
    assert "series_leagues" in names["unwatched_tables", ""]
    assert "player_history" not in names["unwatched_tables", ""]
    assert "email" in names["unwatched_columns", "players"]
    assert "home_team_id" not in names.get(("unwatched_columns", "schedule"), ())


def test_the_change_of_the_score_adds_up(season: Plant, reviewed: Reviewed) -> None:
    found = reviewed(PeriodKind.DAILY, until=FIRST + timedelta(days=20, hours=1)).step

    assert found is not None
    assert sum(step.points for step in found.steps) == found.whole
    assert str(found) == (
        "85.88 -> 47.62: -38.24 team without schedule, +203 rows; -0.02 standing without team, +1 row"
    )


def test_imports_are_told_feed_by_feed(quarter: Review) -> None:
    (feed,) = quarter.of(IMPORTS)

    assert (feed.imports, feed.published, feed.blocked, feed.changed) == (58, 56, 2, 280)
    assert feed.reasons == ("the feed has 40 % fewer rows",)
    assert feed.seconds == 20 * 60


def test_a_shorter_report_has_fewer_sections(season: Plant, reviewed: Reviewed) -> None:
    daily, weekly, monthly = (reviewed(kind) for kind in (PeriodKind.DAILY, PeriodKind.WEEKLY, PeriodKind.MONTHLY))

    assert (daily.of(TRENDS), weekly.of(RECURRING), monthly.of(BLIND_SPOTS)) == ((), (), ())
    assert weekly.of(TRENDS)
    assert monthly.of(COMPLIANCE_BY_RULE)


def test_a_report_of_an_earlier_day_knows_nothing_of_later_ones(season: Plant, reviewed: Reviewed) -> None:
    then = reviewed(PeriodKind.QUARTERLY, until=FIRST + timedelta(days=20, hours=2))

    assert then.run is not None
    assert then.run.today == date(2025, 5, 22)
    assert [(one.rule, one.resolved_at) for one in reversed(then.of(INCIDENTS))] == [
        ("standing_without_team", None), ("team_without_schedule", None),
    ]  # fmt: skip
    assert then.score.points[-1][0] == FIRST + timedelta(days=20)
    assert {result.at for result in then.of(ALL_RULES)} == {FIRST + timedelta(days=20)}


def test_runs_that_say_nothing_of_the_whole_today_are_left_out_and_named(quarter: Review) -> None:
    assert quarter.run is not None
    assert (quarter.run.at, quarter.run.selection) == (LAST, "all")
    assert [at for at, _ in quarter.score.points][-3:] == [LAST - timedelta(days=2 - night) for night in range(3)]
    assert quarter.remarks[-3:] == (
        "left out: 1 run about a part alone",
        "left out: 1 run as of 2030-01-01",
        "1 run of other selections than all: their results count for their rules, their scores are not compared",
    )


def test_every_deed_is_told_with_who_and_until_when(quarter: Review) -> None:
    deeds = [(deed.kind, deed.by, deed.what, deed.ended_by) for deed in quarter.of(GOVERNANCE)]

    assert deeds == [
        ("accepted", "robin", "matches_in_schedule: 7,000 is usual", ""),
        ("acknowledged", "kim", deeds[1][2], ""),
        ("waived", "kim", "duplicate_match", "robin"),
        ("acknowledged", "kim", deeds[3][2], ""),
        ("repaired", "lee", deeds[4][2], ""),
        ("stopped imports", "kim", "all imports", "lee"),
        ("acknowledged", "kim", deeds[6][2], ""),
        ("waived", "unknown", "standing_without_team", ""),
    ]
    assert [what.split(" of ")[1] for _, _, what, _ in (deeds[1], deeds[3], deeds[6])] == [
        "matches_in_schedule", "duplicate_match", "team_without_schedule",
    ]  # fmt: skip
    assert deeds[4][2].startswith("team_without_schedule #")


def test_what_was_over_before_the_period_is_no_matter_of_it(season: Plant, reviewed: Reviewed) -> None:
    week = reviewed(PeriodKind.WEEKLY)

    assert [deed.what for deed in week.of(GOVERNANCE)] == ["standing_without_team"]


def test_days_before_the_installation_were_not_missed(season: Plant, reviewed: Reviewed) -> None:
    young = reviewed(PeriodKind.MONTHLY, until=FIRST + timedelta(days=3, hours=1))

    figure = {one.key: one for one in young.of(PROCESS_METRICS)}["check_frequency"]
    assert (figure.value, figure.detail) == (1, "4 of 4 days; longest pause 24 h")
