"""The score: bounded, monotone, honest, and adding up."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks import Severity, Status
from checks.engine.reporting.report import Result
from checks.engine.reporting.score import IMPACT_RANGES, Band, Weighed, impact, score, score_value, shared
from checks.engine.reporting.verdict import run_verdict

shares = st.floats(0, 1)


def weighed(rule: str = "rule", **changes: object) -> Weighed:
    """A result that counts."""
    plain = Weighed(rule=rule, parameter="", domain="things", severity=Severity.HIGH, status=Status.OK)
    return replace(plain, **changes)  # type: ignore[arg-type]


results = st.builds(
    Weighed,
    rule=st.sampled_from([f"rule_{number}" for number in range(8)]),
    parameter=st.sampled_from(["", "north", "south"]),
    domain=st.just("things"),
    severity=st.just(Severity.MEDIUM),
    status=st.sampled_from(Status),
    share=shares,
    count=st.just(0),
    total=st.just(0),
)
reports = st.lists(results, max_size=20, unique_by=lambda result: (result.rule, result.parameter))


@given(reports)
def test_a_score_is_bounded(report: list[Weighed]) -> None:
    value = score(report).value

    assert value is None or 0 <= value <= 100


@given(reports)
def test_the_points_add_up_exactly_to_what_is_missing(report: list[Weighed]) -> None:
    found = score(report)

    assert sum(found.points.values()) == (0 if found.value is None else 100 - found.value)
    assert all(points >= 0 for points in found.points.values())


@given(reports, st.randoms())
def test_the_order_of_rules_changes_nothing(report: list[Weighed], random: object) -> None:
    mixed = list(report)
    random.shuffle(mixed)  # type: ignore[attr-defined]

    assert score(mixed) == score(report)


@given(reports, st.randoms())
def test_the_value_alone_is_that_of_the_score(report: list[Weighed], random: object) -> None:
    shuffled = sorted(report, key=lambda _: random.random())  # type: ignore[attr-defined]

    assert score_value(shuffled) == score(report).value


@given(reports, st.sampled_from([Status.OK, Status.SKIPPED]), st.integers(1, 50))
def test_passing_rules_cannot_hide_failing_ones(report: list[Weighed], status: Status, many: int) -> None:
    passing = [weighed(f"passing_{number}", status=status) for number in range(many)]
    before, after = score(report).value, score([*report, *passing]).value

    assert after == before or (before is None and after in {None, 100})


@given(reports, results)
def test_a_further_failing_rule_never_raises_the_score(report: list[Weighed], further: Weighed) -> None:
    before = score(report).value
    after = score([*report, replace(further, rule="further")]).value

    assert before is None or after is None or after <= before


@given(st.sampled_from(Severity), st.sampled_from(Status), shares, shares)
def test_a_larger_share_never_weighs_less(severity: Severity, status: Status, one: float, other: float) -> None:
    smaller, larger = sorted([one, other])

    assert impact(severity, status, smaller) <= impact(severity, status, larger)


@given(st.sampled_from(Severity), shares, shares)
def test_a_worse_status_always_weighs_more(severity: Severity, one: float, other: float) -> None:
    assert impact(severity, Status.OK, one) < impact(severity, Status.WARN, other)
    assert impact(severity, Status.WARN, one) <= impact(severity, Status.CRITICAL, other)
    assert impact(severity, Status.CRITICAL, one) <= impact(severity, Status.ERROR, other)


@given(reports, shares)
def test_a_high_rule_at_critical_is_always_below_75(report: list[Weighed], share: float) -> None:
    value = score([*report, weighed(status=Status.CRITICAL, share=share)]).value

    assert value is not None
    assert value < 75


@given(reports, shares)
def test_a_high_rule_at_warn_is_always_below_90(report: list[Weighed], share: float) -> None:
    value = score([*report, weighed(status=Status.WARN, share=share)]).value

    assert value is not None
    assert value < 90


@pytest.mark.parametrize(
    ("severity", "status", "low", "high"),
    [(severity, status, low, high) for (severity, status), (low, high) in IMPACT_RANGES.items()],
)
def test_one_failing_rule_takes_what_the_table_says(
    severity: Severity, status: Status, low: float, high: float
) -> None:
    least = score([weighed(severity=severity, status=status, share=0.0)]).value
    most = score([weighed(severity=severity, status=status, share=1.0)]).value

    assert (least, most) == (Decimal(f"{100 * (1 - low):.2f}"), Decimal(f"{100 * (1 - high):.2f}"))


def test_the_impact_grows_with_the_square_root_of_the_share() -> None:
    assert impact(Severity.HIGH, Status.CRITICAL, 0.25) == pytest.approx(0.27 + 0.33 * 0.5)


def test_nothing_that_ran_is_unknown_and_not_100() -> None:
    assert score([]).value is None
    assert score([weighed(status=Status.SKIPPED)]).band is Band.UNKNOWN


def test_everything_ok_is_100() -> None:
    assert score([weighed()]).value == 100


@pytest.mark.parametrize(
    ("severity", "band"),
    [(Severity.LOW, Band.HEALTHY), (Severity.MEDIUM, Band.HEALTHY), (Severity.HIGH, Band.WATCH)],
)
def test_bands_say_what_a_score_means(severity: Severity, band: Band) -> None:
    assert score([weighed(severity=severity, status=Status.WARN, share=0.01)]).band is band


def test_a_rule_with_parameters_counts_once_with_its_pooled_share() -> None:
    north = weighed(parameter="north", status=Status.CRITICAL, count=25, total=50, share=0.5)
    south = weighed(parameter="south", status=Status.OK, count=0, total=50)

    pooled = score([north, south])

    assert pooled.value == score([weighed(status=Status.CRITICAL, share=0.25)]).value
    assert pooled.points["rule", "south"] == 0


def test_each_domain_has_a_score_of_its_own() -> None:
    found = score([weighed("a", domain="teams"), weighed("b", domain="players", status=Status.ERROR)])

    assert found.domains == {"players": Decimal("40.00"), "teams": Decimal("100.00")}


def test_a_score_is_rounded_down_so_that_it_flatters_nobody() -> None:
    found = score([weighed(severity=Severity.LOW, status=Status.WARN, share=0.0000001)])

    assert found.value == Decimal("98.99")


@given(st.dictionaries(st.text(max_size=3), st.floats(0, 10), max_size=30), st.decimals(0, 100, places=2))
def test_what_is_shared_out_adds_up(weights: dict[str, float], whole: Decimal) -> None:
    given_out = sum(shared(weights, whole).values())

    assert given_out == (whole if sum(weights.values()) > 0 else 0)


def test_forty_rules_that_could_not_be_measured_prove_nothing() -> None:
    seen = [
        Result(rule=f"rule_{n}", domain="x", parameter="", severity=Severity.HIGH, status=status, gross_status=status,
               summary="", threshold="", impact=impact(Severity.HIGH, status, 0))
        for n, status in enumerate([Status.ERROR] * 40 + [Status.OK] * 40)
    ]  # fmt: skip

    verdict = run_verdict(seen, Decimal("0.00"), floor=0.4)

    assert (verdict.band, verdict.unmeasured) == (Band.UNKNOWN, True), verdict


def test_the_impact_of_a_rule_is_cut_among_its_parameters_by_their_own() -> None:
    """Five of ten are CRITICAL, two of thirty WARN; a third parameter is well, and another rule is alone."""
    parts = [
        Weighed("lost", "a", "matches", Severity.HIGH, Status.CRITICAL, 0.5, 5, 10),
        Weighed("lost", "b", "matches", Severity.HIGH, Status.WARN, 0.25, 2, 30),
        Weighed("lost", "c", "matches", Severity.HIGH, Status.OK, 0.0, 0, 60),
        Weighed("late", "", "matches", Severity.LOW, Status.WARN, 0.25, 1, 4),
    ]

    impacts = score(parts).impacts

    whole, own = 0.27 + 0.33 * 0.07**0.5, {"a": 0.27 + 0.33 * 0.5**0.5, "b": 0.12 + 0.12 * 0.25**0.5}
    shares = {name: weight / sum(own.values()) for name, weight in own.items()}
    assert impacts == pytest.approx({
        ("lost", "a"): 1 - (1 - whole) ** shares["a"], ("lost", "b"): 1 - (1 - whole) ** shares["b"],
        ("lost", "c"): 0.0, ("late", ""): 0.01 + 0.02 * 0.5,
    })  # fmt: skip
    assert (1 - impacts["lost", "a"]) * (1 - impacts["lost", "b"]) == pytest.approx(1 - whole)
