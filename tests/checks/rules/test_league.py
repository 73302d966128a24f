"""What a rule finds in a league is the same whether the sets that rules share are read whole or for it alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, Select, SelectBase, select

from checks import SharedSet
from checks.engine.collecting.rules import Rules
from checks.engine.collecting.wiring import values
from checks.engine.measuring.compile_queries import Query, queries_of
from checks.engine.measuring.measure import bad_condition
from checks.engine.measuring.reflect import NamedTables, SharedSets, elements_of
from checks.engine.measuring.scope import Parameter, Scope
from checks.scopes import LEAGUE
from etl.tables import metadata
from tests.checks.rules.case import Case
from tests.checks.rules.conftest import Write
from tests.checks.rules.entries import NOW, TODAY
from tests.checks.rules.test_catalogue import COUNTED

NARROWED = {
    "doubled_roster", "duplicate_result_without_players", "malformed_score", "person_under_two_ids",
    "player_of_another_club", "result_of_another_team_of_the_club", "result_of_unknown_player", "team_name_off_pattern",
    "tiebreak_contradicts_set", "undecided_match_with_score", "winner_contradicts_score",
}  # fmt: skip
"""The rules with a set that says within which table a league's part of it lies."""
CASES = [case for case in COUNTED if str(case) in NARROWED]


def query_of(rule: str, catalogue: Rules) -> Query:
    bound = NamedTables(None, metadata.tables).bind(catalogue[rule])
    with values(catalogue.fixtures, {"today": TODAY, "now": NOW}) as given:
        (asked,) = queries_of(bound, [Parameter("1", 1)], given)
    assert isinstance(asked, Query)
    return asked


def asked_of(query: Query, scope: Scope) -> Iterator[Select[Any]]:
    """The statements of a query, kept to a scope."""
    parts = [part for part in (query.bad, query.among) if isinstance(part, SelectBase)]
    if not parts:
        yield select(*query.table.primary_key).where(bad_condition(query), scope.condition(query.table))
    for rows in (part.subquery() for part in parts):
        yield select(*rows.c).where(scope.condition(rows))


def test_the_rules_with_narrowed_sets_are_known(catalogue: Rules) -> None:
    tables = {str(case) for case in COUNTED} & set(catalogue)
    elements = {rule: elements_of(asked_of(query_of(rule, catalogue), Scope())) for rule in tables}

    found = {
        rule for rule, parts in elements.items() if any(isinstance(one, SharedSet) and one.within for one in parts)
    }
    assert found == NARROWED


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_league_is_the_same_when_its_own_rows_are_read_alone(
    case: Case, catalogue: Rules, loose: Connection, write: Write
) -> None:
    write([*case.good, *case.bad])

    def ask(statement: Any, given: Mapping[str, Any]) -> Sequence[Any]:
        return loose.execute(statement, {**scope.named, **given}).all()

    for league in (1, 2, 3):
        scope = Scope(((LEAGUE, (league,)),)).with_parameters()
        for whole in asked_of(query_of(str(case), catalogue), scope):
            narrowed = SharedSets(scope.narrowed, scope.shape).sent_along(whole, ask)
            assert Counter(map(tuple, ask(*narrowed))) == Counter(map(tuple, ask(whole, {})))
