"""Planning, applying and refusing."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, delete, select, update

from checks import Bad, CheckDefinitionError, SelectionError, Severity, above, check, fix, rows
from checks.engine.collecting.rules import Rules
from checks.repairs.apply import apply, auto_fix
from checks.repairs.plan import Means, plan, steps_of
from etl.repairs import Delete, NoSuchRepair, PlanOutdated, RepairError, RepairRefused, UndoConflict, Update, ledger
from etl.repairs.ledger import Repair, State
from etl.repairs.undo import undo
from etl.tables import schedule
from tests.checks.dirt import means, planned, repaired, write
from tests.checks.rules.entries import TWO_TEAMS, match, scored
from tests.etl.repairs.dump import dump

COPIES = [*TWO_TEAMS, *(match(1, 2, id=number) for number in (1, 2, 3))]


@pytest.fixture(scope="module")
def catalogue(catalogue: Rules) -> Rules:
    """A few rules: whether a fix harms what another finds is asked of two below, and in tests/checks/fixes of all."""
    few = ("duplicate_match", "match_without_teams", "team_against_itself", "twin_team", "winner_contradicts_score")
    return catalogue.only(catalogue[name] for name in few)


def made(connection: Connection, rules: Rules, rule: str) -> Repair:
    found = planned(connection, rules, rule).repair
    assert found is not None
    return found


def test_a_plan_says_how_many_rows_and_how_the_rule_would_stand(loose: Connection, catalogue: Rules) -> None:
    write(loose, COPIES)

    found = made(loose, catalogue, "duplicate_match")

    assert (found.state, found.rows, found.bad_before, found.bad_after) == (State.PLANNED, 2, 2, 0)
    assert found.planned_by == "kim"


def test_a_plan_shows_rows_by_their_keys(loose: Connection, catalogue: Rules) -> None:
    write(loose, COPIES)

    (first, _) = planned(loose, catalogue, "duplicate_match").rows

    assert str(first) == (
        "delete schedule (id 1, match_date 2025-02-15, home_team Winnetka 1, away_team Winnetka 2, league_id 1)"
    )


def test_more_rows_than_planned_are_refused(loose: Connection, catalogue: Rules) -> None:
    write(loose, COPIES)
    found = made(loose, catalogue, "duplicate_match")
    write(loose, [match(1, 2)])

    with pytest.raises(PlanOutdated, match="it said delete 2 of schedule, and now it would delete 3 of"):
        apply(catalogue, found.id, means(loose), "kim")


def test_other_rows_than_planned_are_refused_though_as_many(loose: Connection, catalogue: Rules) -> None:
    write(loose, COPIES)
    found = made(loose, catalogue, "duplicate_match")
    loose.execute(update(schedule).where(schedule.c.id == 1).values(location="elsewhere"))

    with pytest.raises(PlanOutdated, match="its rows were changed since"):
        apply(catalogue, found.id, means(loose), "kim")


def test_a_repair_that_is_undone_is_not_applied_again(loose: Connection, catalogue: Rules) -> None:
    write(loose, COPIES)
    found = repaired(loose, catalogue, "duplicate_match")
    undo(loose, found.id, "kim")

    with pytest.raises(RepairError, match=f"repair {found.id} was undone; plan it again"):
        apply(catalogue, found.id, means(loose), "kim")


def test_a_proposal_is_not_applied(loose: Connection, catalogue: Rules) -> None:
    write(loose, [*TWO_TEAMS, scored("6-1, 6-1", "away")])

    with pytest.raises(RepairRefused, match="is only a proposal: a person has to look at each row"):
        apply(catalogue, made(loose, catalogue, "winner_contradicts_score").id, means(loose), "kim")


def test_an_unknown_plan_is_told(loose: Connection, catalogue: Rules) -> None:
    with pytest.raises(NoSuchRepair, match="there is no plan or repair 99; see rally-health fix history"):
        apply(catalogue, 99, means(loose), "kim")


def test_a_rule_without_a_fix_names_those_with_one(loose: Connection, catalogue: Rules) -> None:
    with pytest.raises(SelectionError) as refused:
        planned(loose, catalogue, "team_against_itself")

    assert str(refused.value) == (
        "rule 'team_against_itself' has no fix; rules with a fix: twin_team, duplicate_match, winner_contradicts_score,"
        " match_without_teams"
    )


def test_undoing_a_plan_that_was_never_applied_is_refused(loose: Connection, catalogue: Rules) -> None:
    write(loose, COPIES)

    with pytest.raises(RepairError, match="was never applied: there is nothing to undo"):
        undo(loose, made(loose, catalogue, "duplicate_match").id, "kim")


def test_undoing_twice_is_undoing_once(loose: Connection, catalogue: Rules) -> None:
    write(loose, COPIES)
    number = repaired(loose, catalogue, "duplicate_match").id

    assert undo(loose, number, "kim") == undo(loose, number, "someone else")


def test_rows_changed_since_are_named_and_kept(loose: Connection, catalogue: Rules) -> None:
    write(loose, [*TWO_TEAMS, match(1, 2, id=1, home_team_id=None, away_team_id=None)])
    number = repaired(loose, catalogue, "match_without_teams").id
    loose.execute(update(schedule).values(location="elsewhere"))
    after = dump(loose)

    with pytest.raises(UndoConflict, match=r"losing later changes: schedule id 1 was changed since \(location\)"):
        undo(loose, number, "kim")

    assert dump(loose) == after


def test_rows_deleted_since_are_named(loose: Connection, catalogue: Rules) -> None:
    write(loose, [*TWO_TEAMS, match(1, 2, id=1, home_team_id=None, away_team_id=None)])
    number = repaired(loose, catalogue, "match_without_teams").id
    loose.execute(delete(schedule))

    with pytest.raises(UndoConflict, match="schedule id 1 was deleted since"):
        undo(loose, number, "kim")


def test_a_later_repair_is_to_be_undone_first(loose: Connection, catalogue: Rules) -> None:
    write(loose, [*TWO_TEAMS, *2 * [match(1, 2, home_team_id=None, away_team_id=None)]])
    first = repaired(loose, catalogue, "duplicate_match").id
    write(loose, [match(2, 1, home_team_id=None, away_team_id=None)])
    second = repaired(loose, catalogue, "match_without_teams").id
    third = _moved(loose)

    with pytest.raises(UndoConflict, match=rf"by repair {third.id}, undo that first"):
        undo(loose, second, "kim")
    for number in (third.id, second, first):
        assert undo(loose, number, "kim").state is State.UNDONE


def _moved(connection: Connection) -> Repair:
    rules = Rules.of(match_elsewhere, bring_home)
    return repaired(connection, rules, "match_elsewhere")


@check(severity=Severity.LOW, threshold=above(warn=rows(0)))
def match_elsewhere() -> Bad:
    """A match is not at home."""
    return Bad(select(schedule.c.id).where(schedule.c.location != "home"))


@fix(match_elsewhere)
def bring_home() -> Update:
    """Move it."""
    from sqlalchemy import literal  # noqa: PLC0415 - shadowed by nothing, but only used here

    return Update(schedule, select(schedule.c.id, literal("home").label("location")))


def test_a_fix_that_does_not_help_is_refused(loose: Connection) -> None:
    @check(severity=Severity.LOW, threshold=above(warn=rows(0)))
    def any_match() -> Bad:
        """There is a match."""
        return Bad(select(schedule.c.id))

    @fix(any_match)
    def rename() -> Update:
        """Rename the place, which is no help."""
        return Update(schedule, select(schedule.c.id, (schedule.c.location + "!").label("location")))

    write(loose, COPIES)
    before = dump(loose)

    found = plan(Rules.of(any_match, rename), "any_match", means(loose), "kim")

    assert found.why == "the rule would still count 3 bad rows, 3 before"
    assert dump(loose) == before


def test_a_fix_that_harms_others_more_is_refused(loose: Connection) -> None:
    @check(severity=Severity.HIGH, threshold=above(critical=rows(0)), tags={"gate"})
    def no_match_left() -> Bad:
        """The schedule is empty."""
        there = select(schedule.c.id).exists()
        return Bad(select(TWO_TEAMS[0].table.c.id).where(~there))

    @check(severity=Severity.LOW, threshold=above(warn=rows(0)))
    def any_match() -> Bad:
        """There is a match."""
        return Bad(select(schedule.c.id))

    @fix(any_match)
    def remove() -> Delete:
        """Remove all matches."""
        return Delete(schedule, select(schedule.c.id))

    write(loose, COPIES)

    found = plan(Rules.of(any_match, no_match_left, remove), "any_match", means(loose), "kim")

    assert found.why.startswith("other rules would get worse (no_match_left): the score would fall from")


def test_a_fix_asks_by_name_for_what_there_is(loose: Connection) -> None:
    def remove(weather: str) -> Delete:
        raise AssertionError(weather)

    with pytest.raises(CheckDefinitionError, match="asks for 'weather'; available: connection, feeds, now, today"):
        steps_of(remove, means(loose))


@pytest.mark.parametrize(("answer", "said"), [(None, "NoneType"), ("delete", "str"), ([7], "int")])
def test_a_fix_that_answers_with_no_step_is_told(answer: object, said: str, loose: Connection) -> None:
    def remove() -> object:
        return answer

    with pytest.raises(CheckDefinitionError, match=rf"remove\(\) returned {said}; expected steps of etl.repairs"):
        steps_of(remove, means(loose))


def test_what_is_allowed_by_size_is_made_by_itself(loose: Connection, catalogue: Rules) -> None:
    write(loose, COPIES)

    (done,) = auto_fix(catalogue, {"duplicate_match": 2, "twin_team": 5}, lambda: _own(loose), lambda planned: "before")

    assert str(done).startswith("duplicate_match was repaired by itself: delete 2 of schedule; rally-health fix undo")
    assert done.repair is not None
    assert (done.repair.state, done.repair.snapshot) == (State.APPLIED, "before")


def test_a_larger_repair_is_left_to_a_person(loose: Connection, catalogue: Rules) -> None:
    write(loose, COPIES)
    before = dump(loose)

    (left,) = auto_fix(catalogue, {"duplicate_match": 1}, lambda: _own(loose), lambda planned: None)

    assert left.repair is None
    assert "changes 2 rows, at most 1 are allowed; look at it" in left.why
    assert dump(loose) == before
    assert ledger.repair_history(loose)[0].state is State.PLANNED


class _own:
    """The open transaction of a test as the transaction of each repair."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def __enter__(self) -> Means:
        return means(self.connection)

    def __exit__(self, *_: object) -> None:
        return None
