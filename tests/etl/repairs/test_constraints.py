"""Constraints, triggers, sequences and what refers to a table, as the database has them and as they are put back."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, insert, literal, select, text
from sqlalchemy.exc import IntegrityError

from etl.repairs import RepairError
from etl.repairs.constraints import (
    REFERENCES,
    Altered,
    beside_foreign_keys,
    definitions,
    held,
    named_by_text,
    names_of,
    put_back,
    references_to,
    require_unreferenced,
    restart,
    state,
    without_triggers,
)  # fmt: skip
from etl.repairs.reflected_table import reflect
from etl.tables import leagues, players, teams

LABEL = "public.gadgets"


@pytest.fixture
def gadgets(connection: Connection) -> Connection:
    """A table with constraints of each kind, and one that refers to it."""
    connection.execute(text("create table gadgets (id serial primary key, a int unique, t text, check (t like 'x%'))"))
    connection.execute(text("create table notes (id int primary key, made_of int references gadgets, gadgets_id int)"))
    connection.execute(text("insert into gadgets (a, t) values (1, 'x1'), (2, 'x2'), (3, 'x3')"))
    return connection


def defined(connection: Connection) -> dict[str, str]:
    return {name: definition for (_, name), definition in definitions(connection, ["gadgets", "notes"]).items()}


KEYS = {
    "gadgets_t_check": "CHECK ((t ~~ 'x%'::text))", "gadgets_a_key": "UNIQUE (a)",
    "notes_made_of_fkey": "FOREIGN KEY (made_of) REFERENCES gadgets(id)",
}  # fmt: skip


def test_definitions_are_those_of_checks_keys_and_unique_keys(gadgets: Connection) -> None:
    assert defined(gadgets) == KEYS
    assert {label for label, _ in definitions(gadgets, ["notes"])} == {"public.notes"}
    assert definitions(gadgets, []) == {}


@pytest.mark.parametrize(
    ("before", "now", "left"),
    [
        ({"definition": "CHECK (t like 'x%_')"}, True, "CHECK ((t ~~ 'x%_'::text))"), (None, True, None),
        ({"definition": "CHECK (t like 'x%_')"}, False, "CHECK ((t ~~ 'x%_'::text))"),
    ],
)  # fmt: skip
def test_a_constraint_is_given_the_definition_that_it_had(
    gadgets: Connection, before: dict[str, Any] | None, now: bool, left: str | None
) -> None:
    name = "gadgets_t_check" if now else 'of "it" %'

    put_back(gadgets, LABEL, name, before, now)

    assert defined(gadgets).get(name) == left


def test_what_was_altered_is_kept_as_two_documents() -> None:
    assert Altered("t", "n", None, "CHECK (a)").documents == (None, {"definition": "CHECK (a)"})
    assert Altered("t", "n", "UNIQUE (a)", None).documents == ({"definition": "UNIQUE (a)"}, None)


def test_triggers_are_off_while_rows_are_put_back_and_as_they_were_afterwards(gadgets: Connection) -> None:
    gadgets.execute(text("create function nothing() returns trigger language plpgsql as 'begin return new; end'"))
    for name, how in (('"100 %s"', ""), ("always", "enable always"), ("replica", "enable replica"), ("off", "disable")):
        gadgets.execute(text(f"create trigger {name} before insert on gadgets for each row execute function nothing()"))
        if how:
            gadgets.execute(text(f"alter table gadgets {how} trigger {name}"))
    gadgets.execute(text("create trigger other before insert on notes for each row execute function nothing()"))
    states = text("select tgname, tgenabled from pg_trigger where not tgisinternal and tgrelid in"
                  " ('gadgets'::regclass, 'notes'::regclass)")  # fmt: skip

    def enabled() -> dict[str, str]:
        return {str(row[0]): str(row[1]) for row in gadgets.execute(states)}

    before = enabled()
    with without_triggers(gadgets, [LABEL, LABEL]):
        within = enabled()

    assert before == {"100 %s": "O", "always": "A", "replica": "R", "off": "D", "other": "O"}
    assert within == {"100 %s": "D", "always": "D", "replica": "D", "off": "D", "other": "O"}
    assert enabled() == before


def nothing_removed(_: str) -> Any:
    return select(players.c.id)


def test_what_is_no_matter_of_foreign_keys_is_raised_as_it_is(gadgets: Connection) -> None:
    def write() -> None:
        gadgets.execute(text("insert into gadgets (a) values (1)"))

    with pytest.raises(IntegrityError, match="gadgets_a_key"):
        beside_foreign_keys(gadgets, [LABEL], write, nothing_removed)
    assert defined(gadgets) == KEYS


def test_keys_are_in_force_where_rows_allow_and_not_valid_where_they_do_not(gadgets: Connection) -> None:
    gadgets.execute(text('alter table notes rename constraint notes_made_of_fkey to "of 100 %"'))

    def write(made_of: int) -> Any:
        row = {"id": made_of, "of": made_of}
        return lambda: gadgets.execute(text("insert into notes values (:id, :of)"), row).rowcount

    key = KEYS["notes_made_of_fkey"]
    assert beside_foreign_keys(gadgets, ["public.notes"], write(1), nothing_removed) == 1
    assert defined(gadgets)["of 100 %"] == key
    assert beside_foreign_keys(gadgets, ["public.notes"], write(9), nothing_removed) == 1
    assert defined(gadgets)["of 100 %"] == f"{key} NOT VALID"


def test_a_key_of_two_columns_that_rows_do_not_allow_is_not_valid_whatever_was_removed(gadgets: Connection) -> None:
    """Its first column is no id: a code that is an id, too, says nothing of rows that were removed."""
    gadgets.execute(text("create unique index a_and_t on gadgets (a, t)"))
    gadgets.execute(text("create table pairs (a int, t text, foreign key (a, t) references gadgets (a, t))"))

    def write() -> int:
        return gadgets.execute(text("insert into pairs values (9, 'x9')")).rowcount

    assert beside_foreign_keys(gadgets, ["public.pairs"], write, lambda _: select(literal(9))) == 1
    (definition,) = definitions(gadgets, ["pairs"]).values()
    assert definition == "FOREIGN KEY (a, t) REFERENCES gadgets(a, t) NOT VALID"


def places(references: Any) -> list[str]:
    return [f"{reference.shape.label}.{reference.column}" for reference in references]


def test_what_refers_to_a_table_is_found_by_keys_names_and_settings(gadgets: Connection) -> None:
    for made in (
        "polls (id int primary key, team_id int, home_team_id text, captain int, name text)",
        "tied (id int primary key, team_id int references gadgets, tenniscores_player_id text)",
    ):
        gadgets.execute(text(f"create table {made}"))
    said = {"polls.captain": "teams", "public.polls.name": "public.teams", "a.b": "x"}
    own = gadgets.execution_options(**{REFERENCES: said})

    found = places(references_to(own, reflect(own, "public.teams")))
    named = places(named_by_text(own, reflect(own, "public.players")))

    ours = {"public.schedule.home_team_id", "public.players.team_id"}
    assert ours | {"public.polls.team_id", "public.polls.captain"} <= {*found}
    assert not {"public.polls.home_team_id", "public.polls.name", "public.tied.team_id", "public.polls.id"} & {*found}
    assert found == sorted(found)
    assert "public.tied.tenniscores_player_id" in named
    assert "public.players.tenniscores_player_id" not in named
    assert named_by_text(own, reflect(own, "public.teams")) == ()


def test_rows_that_others_refer_to_are_not_to_be_removed(gadgets: Connection) -> None:
    gadgets.execute(text("insert into notes (id, made_of) values (1, 2), (2, 2), (3, null)"))
    shape = reflect(gadgets, LABEL)

    require_unreferenced(gadgets, shape, select(shape.table.c.id).where(shape.table.c.id.in_([1, 3])))
    with pytest.raises(RepairError) as refused:
        require_unreferenced(gadgets, shape, select(shape.table.c.id).where(shape.table.c.id > 1))

    assert str(refused.value) == (
        "rows of public.gadgets that would be removed are referred to by made_of of 2 rows of public.notes"
    )


def test_a_key_of_several_columns_cannot_be_followed(gadgets: Connection) -> None:
    gadgets.execute(text("create unique index id_and_a on gadgets (id, a)"))
    gadgets.execute(text("create table pairs (id int, a int, foreign key (id, a) references gadgets (id, a))"))

    with pytest.raises(RepairError, match=r"^public.pairs refers to public.gadgets by several columns"):
        references_to(gadgets, reflect(gadgets, LABEL))


def test_who_is_named_by_text_may_go_while_another_row_bears_the_name(connection: Connection) -> None:
    connection.execute(insert(leagues).values(id=1, league_id="CITA", league_name="CITA"))
    connection.execute(insert(teams).values(id=1, league_id=1, team_name="A"))
    for id_, person in ((1, "nndz-one"), (2, "nndz-one"), (3, "nndz-two")):
        connection.execute(insert(players).values(id=id_, tenniscores_player_id=person))
    connection.execute(text("create table fans (tenniscores_player_id text)"))
    connection.execute(text("insert into fans values ('nndz-one'), ('nndz-two'), ('nndz-two')"))
    shape = reflect(connection, "public.players")

    def removed(*ids: int) -> Any:
        return select(shape.table.c.id).where(shape.table.c.id.in_(ids))

    require_unreferenced(connection, shape, removed(1))
    with pytest.raises(RepairError, match=r"by tenniscores_player_id of 1 row of public\.fans$"):
        require_unreferenced(connection, shape, removed(1, 2))
    with pytest.raises(RepairError, match=r"by tenniscores_player_id of 2 rows of public\.fans$"):
        require_unreferenced(connection, shape, removed(3))


def test_a_sequence_is_given_a_state_that_dies_with_a_rollback(gadgets: Connection) -> None:
    (name,) = names_of(gadgets, reflect(gadgets, LABEL))
    assert (name, state(gadgets, name)) == ("public.gadgets_id_seq", {"last_value": 3, "is_called": True})
    assert names_of(gadgets, reflect(gadgets, "public.notes")) == []

    with gadgets.begin_nested() as savepoint:
        assert held(gadgets, name) == {"last_value": 3, "is_called": True}
        restart(gadgets, name, {"last_value": 7, "is_called": False})
        assert gadgets.scalar(text("select nextval('gadgets_id_seq')")) == 7
        savepoint.rollback()

    assert state(gadgets, name) == {"last_value": 3, "is_called": True}
