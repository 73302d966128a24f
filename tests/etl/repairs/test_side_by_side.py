"""Repairs of the same tables, one after the other: each is counted, compared and taken back by its own copies."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, Table, func, insert, literal, select, text

from etl.repairs import Delete, Insert, Merge, Step, Update, ledger
from etl.repairs.perform import perform
from etl.repairs.undo import conflicts, ids_of, undo
from etl.tables import leagues, schedule, series, teams
from tests.etl.repairs.test_steps import apply, pairs

WEEK = [1, 2, 3, 4, 5]


@pytest.fixture
def week(connection: Connection) -> Connection:
    """Five fixtures of five teams of five series, all of which have the ids 1 to 5."""
    connection.execute(insert(leagues).values(id=1, league_id="CNSWPL", league_name="CNSWPL"))
    connection.execute(insert(series), [{"id": n, "name": f"Series {n}"} for n in WEEK])
    rows = [{"id": n, "league_id": 1, "series_id": n, "team_name": f"A {n}"} for n in WEEK]
    connection.execute(insert(teams), rows)
    fixtures = [{"id": n, "match_date": f"2025-01-0{n}", "home_team": f"A {n}", "away_team": "y", "league_id": 1,
                 "location": "Elm", "home_team_id": n, "away_team_id": (n + 1) % 5 + 1} for n in WEEK]  # fmt: skip
    connection.execute(insert(schedule), fixtures)
    for name in ("schedule", "series"):
        connection.execute(text(f"select setval('{name}_id_seq', 5)"))
    return connection


def moved(place: str, *ids: int) -> Update:
    """Fixtures at another place."""
    return Update(schedule, select(schedule.c.id, literal(place).label("location")).where(schedule.c.id.in_(ids)))


def renamed(name: str, *ids: int) -> Update:
    """Teams under another name."""
    renamed = (teams.c.team_name + name).label("team_name")
    return Update(teams, select(teams.c.id, renamed).where(teams.c.id.in_(ids)))


def gone(*ids: int) -> Delete:
    return Delete(schedule, select(schedule.c.id).where(schedule.c.id.in_(ids)))


def again(day: int, *ids: int) -> Insert:
    """The same fixtures some days later."""
    columns = schedule.c["home_team", "away_team", "home_team_id", "away_team_id", "league_id", "location"]
    rows = select((schedule.c.match_date + day).label("match_date"), *columns).where(schedule.c.id.in_(ids))
    return Insert(schedule, rows)


def fixtures(connection: Connection) -> list[Any]:
    return list(connection.execute(select(schedule.c.id, schedule.c.location).order_by(schedule.c.id)).tuples())


KINDS: dict[str, tuple[Any, list[tuple[int, str]]]] = {
    "update": (
        lambda n: moved(f"Fox {n}", n),
        [(1, "Elm"), (2, "Fox 2"), (3, "Elm"), (4, "Fox 4"), (5, "Elm")],
    ),
    "delete": (gone, [(1, "Elm"), (3, "Elm"), (5, "Elm")]),
    "insert": (lambda n: again(10, n), [*((n, "Elm") for n in WEEK), (6, "Elm"), (8, "Elm")]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_of_three_repairs_the_one_in_the_middle_is_taken_back_alone(week: Connection, kind: str) -> None:
    step, left = KINDS[kind]
    _, middle, _ = (apply(week, step(number)) for number in (2, 3, 4))

    undo(week, middle, "kim")

    assert fixtures(week) == left


def test_what_a_repair_left_is_told_from_what_others_left_of_the_same_rows(week: Connection) -> None:
    """Of row 1 in two tables; the first repair has more steps than the second one, and the third has most."""
    first = apply(week, moved("a", 1, 2), renamed("a", 1), moved("b", 1))
    second = apply(week, moved("c", 1), renamed("c", 1))
    assert conflicts(week, second) == []
    third = apply(week, gone(5), moved("d", 4), moved("e", 4), renamed("e", 1, 4))

    assert [(str(one), one.by) for one in conflicts(week, first)] == [
        (f"schedule id 1 was changed since (location) by repair {second}, undo that first", (second,)),
        (f"teams id 1 was changed since (team_name) by repair {second}, {third}, undo that first", (second, third)),
    ]
    assert [one.by for one in conflicts(week, second)] == [(third,)]
    assert conflicts(week, third) == []
    undo(week, third, "kim")
    assert [one.by for one in conflicts(week, first)] == [(second,), (second,)]
    assert conflicts(week, second) == []


def test_ids_are_those_of_one_repair_one_table_and_one_action(week: Connection) -> None:
    before = apply(week, gone(1), renamed("a", 1))
    middle = apply(week, gone(2), again(20, 3), moved("b", 3, 4), renamed("b", 2, 5))
    after = apply(week, gone(3), renamed("c", 3))

    def ids(repair: int, label: str, action: str) -> list[int]:
        return sorted(week.scalars(ids_of(week, repair, f"public.{label}", action)))

    assert [ids(repair, "schedule", "delete") for repair in (before, middle, after)] == [[1], [2], [3]]
    assert (ids(middle, "schedule", "insert"), ids(middle, "schedule", "update")) == ([6], [3, 4])
    assert (ids(middle, "teams", "update"), ids(middle, "teams", "delete")) == ([2, 5], [])
    assert [str(change) for change in ledger.changes_of(week, middle)] == [
        "delete 1 of schedule", "insert 1 of schedule", "update 2 of schedule", "update 2 of teams",
    ]  # fmt: skip


SAME: dict[str, tuple[Step, ...]] = {
    "update": (moved("a", 2), moved("b", 2)), "delete": (moved("a", 3), gone(2, 3)), "insert": (again(20, 2, 3),),
    "merge": (Merge(teams, pairs((2, 3))), renamed("x", 3)),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_the_digest_of_a_repair_hangs_on_its_own_rows_alone(week: Connection, name: str) -> None:
    """A plan is applied as it was shown, whatever repairs of lower and higher numbers have copied meanwhile."""
    lower, own, higher = (ledger.open_repair(week, summary="a test") for _ in range(3))

    def digest(*steps: Step) -> str:
        with week.begin_nested() as savepoint:
            found = perform(week, own, steps)
            savepoint.rollback()
        return found

    alone = digest(*SAME[name])
    for number in (lower, higher):
        others = (moved(f"{number}", 4), moved(f"{number}!", 1), again(number, 1), renamed(f"{number}", 4))
        perform(week, number, others)

    assert digest(*SAME[name]) == alone
    assert digest(*SAME[name][:-1], gone(4)) != alone


def test_whoever_is_merged_is_followed_row_by_row(week: Connection) -> None:
    """Teams 2 and 4 go, 3 and 5 stay: each fixture follows its own team, and one of another team stays with it."""
    repair = apply(week, Merge(teams, pairs((2, 3), (4, 5))))

    sides = select(schedule.c.home_team_id, schedule.c.away_team_id).order_by(schedule.c.id)
    assert list(week.execute(sides).tuples()) == [(1, 3), (3, 5), (3, 5), (5, 1), (5, 3)]
    assert week.scalar(select(func.count()).select_from(teams)) == 3
    undo(week, repair, "kim")
    assert list(week.execute(sides).tuples()) == [(1, 3), (2, 4), (3, 5), (4, 1), (5, 2)]


def test_a_repair_is_taken_back_whatever_became_of_the_tables_of_others(week: Connection) -> None:
    def dropped(name: str) -> None:
        week.execute(text(f"create table {name} (id int primary key)"))
        week.execute(text(f"insert into {name} values (7)"))
        table = Table(name, MetaData(), Column("id", Integer))
        apply(week, Delete(table, select(table.c.id)), Delete(table, select(table.c.id)))

    dropped("earlier")
    middle = apply(week, gone(2))
    dropped("later")
    week.execute(text("drop table earlier, later"))

    undo(week, middle, "kim")

    assert fixtures(week) == [(n, "Elm") for n in WEEK]
