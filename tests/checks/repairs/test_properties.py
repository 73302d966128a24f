"""What holds for every fix and any dirt."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select, text

from checks.engine.collecting.rules import Rules
from checks.repairs.apply import apply
from checks.repairs.plan import GATE, fixable_in_order, plan
from etl.repairs.ledger import Repair
from etl.repairs.undo import undo
from etl.tables import repair_rows
from tests.checks.dirt import means, write
from tests.checks.rules.entries import (
    ELSEWHERE,
    PLACE,
    TODAY,
    Entry,
    alias,
    match,
    played,
    player,
    practice,
    standing,
    team,
)
from tests.etl.repairs.dump import dump

NAMES = st.sampled_from(["A 1", "A 1 (Division 1)", "A  1", "B 1", "B 1 - Series 1", "C - 1", "?"])
SOMEONE = st.sampled_from([1, 2, 3, 4, 77, None])
DAYS = st.sampled_from([TODAY, TODAY + timedelta(days=1)])
LEAGUES = st.sampled_from([1, 1, 1, 2, 77, None])
MATCHES = st.builds(
    lambda home, away, day, names, league: match(
        home, away, day, home_team=names[0], away_team=names[1], league_id=league
    ),
    SOMEONE, SOMEONE, DAYS, st.tuples(NAMES, NAMES), LEAGUES,
)  # fmt: skip
RESULTS = st.builds(
    lambda home, away, day, names: played(home, away, day, home_team=names[0], away_team=names[1]),
    SOMEONE, SOMEONE, DAYS, st.tuples(NAMES, NAMES),
)  # fmt: skip
DIRT = st.lists(
    st.one_of(
        MATCHES,
        RESULTS,
        st.builds(lambda number, of: player(number, team_id=of), st.integers(1, 2), SOMEONE),
        st.builds(lambda of, name: standing(of, team=name), SOMEONE, NAMES),
        st.builds(lambda league: practice(league_id=league), LEAGUES),
    ),
    min_size=1,
    max_size=10,
)
TEAMS = st.lists(NAMES, min_size=1, max_size=4).map(
    lambda names: [team(number + 1, name) for number, name in enumerate(names)]
)
ALIASES = st.lists(st.sampled_from([("x", 1, "CNSWPL"), ("y", 1, "CITA")]), unique=True).map(
    lambda found: [alias(*one) for one in found]
)
SEASONS = st.builds(lambda teams, dirt, aliases: [*PLACE, *ELSEWHERE, *teams, *dirt, *aliases], TEAMS, DIRT, ALIASES)

# every fix of the catalogue, planned and applied, for each example: minutes
pytestmark = pytest.mark.slow

WATCHING = ("duplicate_match", "match_without_teams", "result_without_teams", "twin_team")
"""Whether a fix harms what another rule finds is asked of these; of the whole gate in tests/checks/fixes."""

few = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def fixes(catalogue: Rules) -> Rules:
    """Every rule that has a fix."""
    return catalogue.only(
        check if check.name in WATCHING else replace(check, mark=replace(check.mark, tags=check.mark.tags - {GATE}))
        for check in fixable_in_order(catalogue)
    )


def repair_all(connection: Connection, rules: Rules) -> list[Repair]:
    """Every fix that helps, one after another."""
    done = []
    for check in fixable_in_order(rules):
        found = plan(rules, check.name, means(connection), "kim", show=0)
        if found.repair and not found.repair.proposal:
            done.append(apply(rules, found.repair.id, means(connection), "kim"))
    return done


@settings(few, max_examples=12)
@given(dirt=SEASONS)
def test_what_repairs_delete_is_kept_twice_is_once_and_undone_in_reverse_they_are_the_identity(
    unconstrained: Connection, fixes: Rules, dirt: list[Entry]
) -> None:
    """Three laws of the same repairs, which are what takes long."""
    with unconstrained.begin_nested() as savepoint:
        write(unconstrained, dirt)
        before, rows_before = dump(unconstrained), rows(unconstrained)

        done = repair_all(unconstrained, fixes)

        kept = select(repair_rows.c.table, repair_rows.c.key["id"].astext).where(repair_rows.c.action == "delete")
        assert rows_before - rows(unconstrained) == {tuple(row) for row in unconstrained.execute(kept)}

        once = dump(unconstrained)
        assert [apply(fixes, made.id, means(unconstrained), "someone else") for made in done] == done
        assert dump(unconstrained) == once

        for made in reversed(done):
            undo(unconstrained, made.id, "kim")
        assert dump(unconstrained) == before
        savepoint.rollback()


@few
@given(dirt=SEASONS)
def test_planning_changes_nothing(unconstrained: Connection, fixes: Rules, dirt: list[Entry]) -> None:
    with unconstrained.begin_nested() as savepoint:
        write(unconstrained, dirt)
        before = dump(unconstrained)

        for check in fixable_in_order(fixes):
            plan(fixes, check.name, means(unconstrained), "kim")

        assert dump(unconstrained) == before
        savepoint.rollback()


def rows(connection: Connection) -> set[tuple[str, str]]:
    """Table and id of every row that a fix may touch."""
    names = ("public.schedule", "public.teams", "public.players", "public.match_scores", "public.series_stats",
             "quality.team_aliases")  # fmt: skip
    return {(name, str(key)) for name in names for key in connection.scalars(text(f"select id from {name}"))}
