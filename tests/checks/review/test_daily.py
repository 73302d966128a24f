"""The four daily metrics of the standards."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from checks.engine.authoring.thresholds import Above
from checks.engine.collecting.rules import Rules
from checks.review.kpis import STANDARDS, daily_figures, pooled
from checks.rules.thresholds import DUPLICATES, IMPORT_FAILURES, NULL_IDS, ORPHANS, VALIDATION_COVERAGE


@dataclass(frozen=True)
class Counted:
    """A result that counted rows."""

    rule: str
    domain: str
    count: int | None
    total: int | None
    parameter: str = ""


def figure(key: str, *results: Counted) -> tuple[float | None, bool | None, str]:
    """Value, verdict and detail of a metric."""
    found = {one.key: one for one in daily_figures(results)}[key]
    return found.value, found.met, found.detail


@pytest.mark.parametrize(
    ("key", "aim"),
    [
        ("schedule_coverage", "at least 99 %"),
        ("rows_without_team_ids", "at most 0.1 %"),
        ("duplicate_rate", "at most 0.01 %"),
        ("orphan_rate", "at most 0 %"),
    ],
)
def test_the_targets_are_those_of_the_standards(key: str, aim: str) -> None:
    assert {one.key: one.aim for one in daily_figures([])}[key] == aim


def test_every_rule_of_a_metric_exists(catalogue: Rules) -> None:
    for standard in STANDARDS:
        assert set(standard.rules) <= set(catalogue), standard.key


@pytest.mark.parametrize(("key", "threshold"), [("duplicate_rate", DUPLICATES), ("orphan_rate", ORPHANS)])
def test_no_rule_about_copies_or_orphans_is_forgotten(catalogue: Rules, key: str, threshold: Above) -> None:
    (standard,) = (one for one in STANDARDS if one.key == key)

    assert set(standard.rules) == {rule.name for rule in catalogue.values() if rule.threshold is threshold}


def test_every_threshold_that_a_metric_leans_on_has_a_target() -> None:
    assert all(one.threshold.target is not None for one in STANDARDS)
    assert all(one.target is not None for one in (IMPORT_FAILURES, VALIDATION_COVERAGE, NULL_IDS))


def test_coverage_is_what_is_not_missing() -> None:
    value, met, _ = figure("schedule_coverage", Counted("team_without_schedule", "schedule", 205, 727))

    assert value == pytest.approx(522 / 727)
    assert met is False


def test_rules_of_one_table_share_their_rows() -> None:
    results = [
        Counted("match_without_teams", "schedule", 3, 1_000),
        Counted("match_with_one_team", "schedule", 2, 1_000),
    ]

    assert figure("rows_without_team_ids", *results) == (0.005, False, "")


def test_rows_of_several_tables_are_added() -> None:
    results = [Counted("duplicate_match", "schedule", 1, 900), Counted("twin_team", "teams", 0, 100)]

    assert pooled(results) == 0.001


def test_a_share_on_its_target_reaches_it() -> None:
    assert figure("rows_without_team_ids", Counted("match_without_teams", "s", 1, 1_000))[1] is True


def test_what_was_not_measured_is_named() -> None:
    results = [Counted("match_without_teams", "schedule", None, None), Counted("match_with_one_team", "schedule", 0, 9)]

    assert figure("rows_without_team_ids", *results) == (0, True, "without match_without_teams")


def test_nothing_measured_is_unknown() -> None:
    assert figure("orphan_rate") == (None, None, "")


def test_results_of_one_league_alone_do_not_count() -> None:
    assert figure("schedule_coverage", Counted("team_without_schedule", "schedule", 1, 2, "CITA"))[0] is None
