"""Two scores compared in words."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from checks.engine.authoring.units import Measure, Severity, Status
from checks.engine.reporting.score import Score, Weighed, score
from checks.review.difference import score_difference


@dataclass(frozen=True)
class Found:
    """A result with what the comparison looks at."""

    rule: str
    status: Status
    points: Decimal
    count: int | None = None
    value: float | None = None
    parameter: str = ""

    @property
    def id(self) -> tuple[str, str]:
        return self.rule, self.parameter


def run(*results: Weighed, values: dict[str, float] | None = None) -> tuple[Decimal | None, list[Found]]:
    """A score with its results."""
    found: Score = score(results)
    own = values or {}
    return found.value, [
        Found(
            one.rule, one.status, found.points.get((one.rule, one.parameter), Decimal(0)),
            None if one.rule in own else one.count, own.get(one.rule), one.parameter,
        )
        for one in results
    ]  # fmt: skip


def weighed(rule: str, status: Status, count: int = 0, severity: Severity = Severity.HIGH) -> Weighed:
    """A result with `count` of a thousand bad rows."""
    return Weighed(rule, "", "d", severity, status, count / 1_000, count, 1_000)


def said(before: tuple[Decimal | None, list[Found]], after: tuple[Decimal | None, list[Found]]) -> str:
    """The comparison in words."""
    return str(score_difference(before, after, {"hours_since_import": Measure.HOURS}))


def test_it_says_which_rules_moved_the_score_and_by_how_much() -> None:
    before = run(weighed("fixture_without_teams", Status.OK), weighed("hours_since_import", Status.OK),
                 values={"hours_since_import": 1.0})  # fmt: skip
    after = run(
        weighed("fixture_without_teams", Status.WARN, 62),
        weighed("hours_since_import", Status.WARN, severity=Severity.LOW), values={"hours_since_import": 31.0},
    )  # fmt: skip

    assert said(before, after) == (
        "100.00 -> 84.16: -14.92 fixture without teams, +62 rows; -0.92 hours since import, 31 h"
    )


def test_trouble_that_is_gone_is_told() -> None:
    before, after = run(weighed("copies", Status.CRITICAL, 500)), run(weighed("copies", Status.OK))

    assert said(before, after) == "49.66 -> 100.00: +50.34 copies, -500 rows"


def test_a_rule_that_got_worse_is_never_told_as_a_gain() -> None:
    """Its share of the missing points shrinks when another fails more; that is not a gain."""
    before = run(weighed("small", Status.WARN, 10), weighed("large", Status.OK))
    after = run(weighed("small", Status.WARN, 20), weighed("large", Status.CRITICAL, 900))

    steps = {step.rule: step.points for step in score_difference(before, after, {}).steps}

    assert steps["small"] < 0
    assert steps["large"] < 0


def test_nothing_moved() -> None:
    same = run(weighed("copies", Status.WARN, 5))

    assert said(same, same) == "87.15 -> 87.15: no rule moved the score"


def test_what_was_not_measured_is_said() -> None:
    before, after = run(weighed("copies", Status.OK)), run(weighed("copies", Status.ERROR))

    assert said(before, after) == "100.00 -> 40.00: -60.00 copies, could not be measured"


def test_an_unknown_score_is_not_compared() -> None:
    assert said((None, []), run(weighed("copies", Status.WARN, 5))) == "unknown -> 87.15"


def test_many_rules_are_told_together() -> None:
    names = [f"rule_{number}" for number in range(7)]
    before = run(*(weighed(name, Status.OK) for name in names))
    after = run(*(weighed(name, Status.WARN, 10 * number) for number, name in enumerate(names)))

    assert said(before, after).endswith("3 more rules")


@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(Severity)), st.sampled_from(list(Status)), st.sampled_from(list(Status)),
            st.integers(0, 1_000), st.integers(0, 1_000),
        ),
        min_size=1, max_size=12,
    )
)  # fmt: skip
def test_the_steps_add_up_to_the_whole(moves: list[tuple[Severity, Status, Status, int, int]]) -> None:
    before = run(*(weighed(f"r{n}", old, a, severity) for n, (severity, old, _, a, _) in enumerate(moves)))
    after = run(*(weighed(f"r{n}", new, b, severity) for n, (severity, _, new, _, b) in enumerate(moves)))

    found = score_difference(before, after, {})

    if found.whole:
        assert sum(step.points for step in found.steps) == found.whole


def test_scores_of_two_formulas_are_not_taken_apart() -> None:
    before, after = run(weighed("copies", Status.OK)), run(weighed("copies", Status.WARN, 5))

    assert str(score_difference(before, after, {}, (1, 2))) == (
        "100.00 (formula 1) -> 87.15 (formula 2): scores of two formulas cannot be compared"
    )
    assert str(score_difference(before, after, {}, (2, 2))) == "100.00 -> 87.15: -12.85 copies, +5 rows"
