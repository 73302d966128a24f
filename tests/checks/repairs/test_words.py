"""What plans, trials and attempts say, and in which order repairs are made."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Connection, select

from checks.engine.collecting.rules import Rules
from checks.repairs.apply import Attempt, _refuse_outdated, apply
from checks.repairs.plan import (
    Preview,
    Trial,
    _worse,
    fixable_in_order,
    is_proposal,
    plan,
    preview,
    proposal,
    summary_of,
    try_out,
)
from etl.repairs import Delete, PlanOutdated, Update, ledger
from etl.repairs.ledger import Change, Repair, State
from etl.repairs.perform import perform
from etl.tables import players, schedule
from tests.checks.dirt import means, planned, write
from tests.checks.rules.entries import TWO_TEAMS, match, player

DELETED = Change("public.schedule", "delete", 1_405)
REPAIR = Repair(
    id=7, kind="fix", rule="lost", summary="", state=State.APPLIED, proposal=False, digest="",
    changes=(DELETED, Change("public.teams", "update", 2)), planned_at=datetime(2025, 3, 1, tzinfo=UTC),
    planned_by="kim",
)  # fmt: skip
HELPS = Trial((DELETED,), "abc", 9, 3, Decimal("61.25"), Decimal("72.50"))
LOST = "the rule would still count {}, {} before"
WORSE = "other rules would get worse (a, b): the score would fall from {} to {}"


@pytest.mark.parametrize(
    ("trial", "objection"),
    [
        (HELPS, ""), (replace(HELPS, bad_after=8), ""), (replace(HELPS, bad_after=9), LOST.format("9 bad rows", 9)),
        (replace(HELPS, bad_after=1_405, bad_before=1_404), LOST.format("1,405 bad rows", "1,404")),
        (replace(HELPS, bad_after=1, bad_before=1), LOST.format("1 bad row", 1)),
        (replace(HELPS, worse=("a", "b")), ""), (replace(HELPS, score_after=Decimal("61.25"), worse=("a", "b")), ""),
        (replace(HELPS, score_after=Decimal("61.24"), worse=("a", "b")), WORSE.format("61.25", "61.24")),
        (replace(HELPS, score_before=None, worse=("a", "b")), WORSE.format(None, "72.50")),
        (replace(HELPS, score_after=None, worse=("a", "b")), WORSE.format("61.25", None)),
        (replace(HELPS, score_after=None), ""),
    ],
)  # fmt: skip
def test_a_trial_objects_where_it_does_not_help_or_harms(trial: Trial, objection: str) -> None:
    assert trial.objection == objection


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        (Attempt("lost", None, "only a proposal"), "lost was not repaired by itself: only a proposal"),
        (
            Attempt("lost", REPAIR),
            "lost was repaired by itself: delete 1,405 of schedule, update 2 of teams; rally-health fix undo 7 takes it"
            " back",
        ),
    ],
)
def test_an_attempt_says_what_was_done_or_why_not(attempt: Attempt, said: str) -> None:
    assert str(attempt) == said


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (Preview("public.teams", "delete", {"id": "4", "name": "A"}, {}), "delete teams (id 4, name A)"),
        (
            Preview("shop.lines", "update", {"id": "4", "name": None}, {"price": ("1", None), "size": (None, "2")}),
            "update shop.lines (id 4): price: 1 -> None; size: None -> 2",
        ),
    ],
)
def test_a_row_of_a_plan_says_how_it_is_known_and_what_changes(row: Preview, said: str) -> None:
    assert str(row) == said


def test_a_fix_is_described_by_its_first_line() -> None:
    def lined() -> None:
        """Does it.

        And more.
        """

    def join_the_teams() -> None: ...

    assert (summary_of(lined), summary_of(join_the_teams)) == ("Does it.", "join the teams")


def test_a_proposal_is_marked() -> None:
    def shown() -> None: ...

    def made() -> None: ...

    assert proposal(shown) is shown
    assert (is_proposal(shown), is_proposal(made)) == (True, False)


def test_names_and_copies_are_repaired_first_links_and_constraints_last(catalogue: Rules) -> None:
    order = [check.name for check in fixable_in_order(catalogue)]

    between = [(catalogue[name].domain, name) for name in order[4:-3]]
    assert order[:4] == ["alias_into_another_league", "duplicate_team", "twin_team", "duplicate_match"]
    assert order[-3:] == ["team_without_schedule", "gap_in_league_schedule", "missing_constraint"]
    assert between == sorted(between)
    assert len(between) > 3


def test_rows_are_shown_in_the_order_of_steps_without_what_is_personal(loose: Connection) -> None:
    write(loose, [*TWO_TEAMS, *(match(1, 2, id=number) for number in (1, 2, 3)), player(1, id=5)])
    number = ledger.open_repair(loose, summary="a test")
    renamed = select(
        players.c.id, players.c.last_name.concat("!").label("last_name"), (players.c.id + 1).label("team_id")
    )
    perform(loose, number, (Update(players, renamed), Delete(schedule, select(schedule.c.id).where(schedule.c.id > 1))))

    other = ledger.open_repair(loose, summary="another")
    perform(loose, other, (Update(schedule, select(schedule.c.id, schedule.c.home_team.label("location"))),))

    rows = preview(loose, number)

    assert [row.action for row in preview(loose, other)] == ["update"]
    assert str(rows[0]) == (
        "update players (id 5, tenniscores_player_id nndz-0000000000000001, league_id 1, club_id 1, series_id 1):"
        " team_id: 1 -> 6; last_name: … -> …"
    )
    assert [(row.action, row.key["id"], dict(row.changes)) for row in rows[1:]] == [
        ("delete", "2", {}),
        ("delete", "3", {}),
    ]
    assert (preview(loose, number, 2), preview(loose, number, None)) == (rows[:2], rows)


def test_a_plan_that_nothing_needs_says_so(loose: Connection, catalogue: Rules) -> None:
    write(loose, TWO_TEAMS)

    found = planned(loose, catalogue, "duplicate_match")

    assert (found.repair, found.why, found.bad, found.unmeasured, found.rows) == (
        None,
        "nothing to repair",
        0,
        False,
        (),
    )


def test_a_plan_is_kept_with_its_figures_and_feeds(loose: Connection, catalogue: Rules) -> None:
    write(loose, [*TWO_TEAMS, *(match(1, 2, id=number) for number in (1, 2, 3))])

    found = plan(catalogue, "duplicate_match", means(loose, Path("a.json"), Path("b.json")), "dana", show=1)

    assert found.repair is not None
    assert ledger.find_repair(loose, found.repair.id) == found.repair
    assert (found.repair.options, found.repair.planned_by) == ({"feeds": ["a.json", "b.json"]}, "dana")
    assert (found.repair.bad_before, found.repair.bad_after, found.bad, len(found.rows)) == (2, 0, 2, 1)
    assert (found.repair.changes, found.repair.proposal) == ((Change("public.schedule", "delete", 2),), False)
    assert found.repair.score_before is not None
    assert found.repair.score_after is not None
    assert found.repair.score_before < found.repair.score_after


def test_what_was_applied_is_not_applied_again(loose: Connection, catalogue: Rules) -> None:
    write(loose, [*TWO_TEAMS, *(match(1, 2, id=number) for number in (1, 2, 3))])
    found = planned(loose, catalogue, "duplicate_match").repair
    assert found is not None

    first = apply(catalogue, found.id, means(loose), "kim", snapshot="before")

    assert (first.state, first.applied_by, first.snapshot) == (State.APPLIED, "kim", "before")
    assert (first.bad_before, first.bad_after, first.rows) == (2, 0, 2)
    assert apply(catalogue, found.id, means(loose), "dana") == first


def test_a_plan_whose_rows_are_gone_is_out_of_date(loose: Connection, catalogue: Rules) -> None:
    write(loose, [*TWO_TEAMS, *(match(1, 2, id=number) for number in (1, 2))])
    found = planned(loose, catalogue, "duplicate_match").repair
    assert found is not None
    loose.execute(schedule.delete().where(schedule.c.id == 1))

    with pytest.raises(PlanOutdated) as refused:
        apply(catalogue, found.id, means(loose), "kim")

    assert str(refused.value) == (
        f"plan {found.id} is out of date, nothing was changed: it said delete 1 of schedule, and now it would nothing;"
        " plan again: rally-health fix plan duplicate_match"
    )


@pytest.mark.parametrize(("planned_rows", "now"), [("abc", "abd"), ("abd", "abc")])
def test_as_many_other_rows_are_out_of_date(planned_rows: str, now: str) -> None:
    """A digest has no order: neither a smaller nor a greater one is the one that was planned."""
    repair = replace(REPAIR, changes=(DELETED,), digest=planned_rows)

    with pytest.raises(PlanOutdated, match="plan 7 is out of date, nothing was changed: its rows were changed since;"):
        _refuse_outdated(repair, replace(HELPS, digest=now))

    _refuse_outdated(repair, replace(HELPS, digest=planned_rows))


def test_a_rule_that_counts_nothing_is_not_fixed(loose: Connection, catalogue: Rules) -> None:
    write(loose, [*TWO_TEAMS, match(1, 2)])

    assert try_out(catalogue, catalogue["duplicate_match"], 1, means(loose)) == Trial((), "", 0, 0, None, None)


def counted(**counts: int | None) -> Any:
    """A report of some rules, by how many bad rows they have; None for one that could not be measured."""
    return SimpleNamespace(
        results=[SimpleNamespace(id=(name, ""), title=name, count=count) for name, count in counts.items()]
    )


def test_rules_got_worse_that_have_more_bad_rows_than_before() -> None:
    before, after = counted(a=3, b=0, c=None, d=2, e=5), counted(a=4, b=0, c=None, d=2, e=4, f=1, g=None, h=0)

    assert _worse(before, after) == ("a", "f")
    assert _worse(counted(a=None), counted(a=1)) == ("a",)


def test_ten_rows_of_a_repair_are_shown_where_nobody_says_how_many(loose: Connection) -> None:
    write(loose, [*TWO_TEAMS, *(match(1, 2, id=number) for number in range(1, 13))])
    number = ledger.open_repair(loose, summary="a test")
    perform(loose, number, (Delete(schedule, select(schedule.c.id)),))

    assert [row.key["id"] for row in preview(loose, number)] == [str(id_) for id_ in (1, 10, 11, 12, *range(2, 8))]
