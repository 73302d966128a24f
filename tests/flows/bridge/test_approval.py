"""How a run of repairs ends, and what a person is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from prefect.exceptions import Abort, Pause
from pydantic import ValidationError

from checks.repairs.plan import Plan
from etl.repairs.ledger import Change, Repair, State
from flows.bridge.approval import Approval, approval_of
from flows.bridge.flow_run import safely
from flows.service.context import FlowOutcome
from flows.service.ending import StateName
from flows.service.repair import Answer, Made, Repairs, of_repairs, plans_table, question

PLANNED = Repair(
    id=3, kind="fix", rule="duplicate_match", summary="Keep one row of each match.", state=State.PLANNED,
    proposal=False, changes=(Change("public.schedule", "delete", 2),), digest="", bad_before=2, bad_after=0,
    score_before=Decimal("61.00"), score_after=Decimal("88.00"), planned_at=datetime(2025, 6, 30, tzinfo=UTC),
    planned_by="root",
)  # fmt: skip
OTHER = replace(PLANNED, id=4, rule="duplicate_player")
PROPOSAL = replace(PLANNED, id=5, proposal=True)
PLANS = tuple(Plan(one.rule, one.summary, one) for one in (PLANNED, OTHER, PROPOSAL))
NOTHING = Plan("duplicate_team", "", None, why="nothing to repair")

MADE, REFUSED = Made(replace(PLANNED, state=State.APPLIED)), Made(OTHER, "plan 4 is out of date")
ENDINGS = {
    "nothing to repair": (Repairs((NOTHING,)), StateName.DONE, False, 0),
    "only a proposal": (Repairs(PLANS[2:]), StateName.DONE, False, 0),
    "nobody decided": (Repairs(PLANS), StateName.UNDECIDED, False, 0),
    "declined": (Repairs(PLANS, Answer((), "kim")), StateName.DECLINED, False, 0),
    "all made": (Repairs(PLANS, Answer((3,), "kim"), (MADE,)), StateName.REPAIRED, False, 0),
    "one refused": (Repairs(PLANS, Answer((3, 4), "kim"), (MADE, REFUSED)), StateName.REFUSED, True, 3),
}


@pytest.mark.parametrize(("done", "name", "failed", "code"), ENDINGS.values(), ids=ENDINGS)
def test_a_run_of_repairs_ends_by_what_became_of_the_plans(
    done: Repairs, name: StateName, failed: bool, code: int
) -> None:
    end = of_repairs(done)

    assert (end.name, end.failed, end.exit_code) == (name, failed, code)


def test_the_message_names_what_was_refused_first() -> None:
    end = of_repairs(Repairs(PLANS, Answer((3, 4), "kim"), (MADE, REFUSED)))

    assert end.message == ("plan 4 is out of date; repair 3 of duplicate_match: delete 2 of schedule; bad rows 2 -> 0")


def test_proposals_are_not_asked_about() -> None:
    assert [one.id for one in Repairs((*PLANS, NOTHING)).ready] == [3, 4]


def test_the_question_names_each_plan_in_counts() -> None:
    assert "- **plan 3**, duplicate\\_match: delete 2 of schedule; bad rows 2 -\\> 0" in question([PLANNED])


def test_a_plan_is_a_row_of_counts() -> None:
    assert plans_table([PLANNED]) == [
        {"plan": 3, "rule": "duplicate_match", "does": "Keep one row of each match.",
         "changes": "delete 2 of schedule", "rows": 2, "bad rows": "2 -> 0", "gate score": "61.00 -> 88.00",
         "state": "planned"},
    ]  # fmt: skip


@pytest.mark.parametrize("who", ["", "  ", "a\nb", "x" * 81])
def test_a_name_is_a_line_of_text(who: str) -> None:
    with pytest.raises(ValidationError):
        Approval(approve=[], who=who)


def test_only_the_plans_of_the_run_can_be_approved() -> None:
    form = approval_of([3, 4])

    assert form(approve=[4], who="Zoë O'Hara").approve == [4]
    with pytest.raises(ValidationError):
        form(approve=[5], who="kim")


@pytest.mark.parametrize("signal", [Pause("paused"), Abort("aborted")], ids=["pause", "abort"])
def test_signals_of_prefect_are_no_errors_of_a_run(signal: BaseException) -> None:
    outcome = FlowOutcome()

    def work() -> None:
        raise signal

    with pytest.raises(type(signal)):
        safely(outcome, work)

    assert outcome.error is None
