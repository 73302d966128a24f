"""What a run reads once: tables that rules know by name, by as many statements as one; sets that rules share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    Connection,
    Date,
    Engine,
    Integer,
    MetaData,
    Select,
    Table,
    Text,
    cast,
    event,
    func,
    select,
    text,
)

from checks import Bad, CheckDefinitionError, Row, Severity, SharedSet, above, check, row_check, rows, shared_set
from checks.engine.authoring import MeasureError
from checks.engine.authoring.decorators import Within
from checks.engine.authoring.spec import Check, TableName, is_optional
from checks.engine.collecting.rules import Rules, Selection
from checks.engine.measuring import reflect
from checks.engine.measuring.reflect import MissingTableError, NamedTables, SharedSets, keep, keys_of
from checks.engine.measuring.scope import Scope
from checks.engine.reporting.report import Report
from tests.checks.engine.conftest import PLACE, Run, counted, thing, things


def about(*names: str) -> list[Check]:
    """The same rule about several tables."""

    @row_check("things", severity=Severity.LOW, threshold=above(warn=rows(0)))
    def thing_without_name(row: Row) -> Any:
        """A row has no name."""
        return row.name.is_(None)

    (check,) = Rules.of(thing_without_name, domain="things").values()
    return [replace(check, mark=replace(check.mark, table=TableName(name))) for name in names]


def statements_for(engine: Engine, *names: str) -> int:
    """How many statements it takes to read some tables, in a process that has not read them before."""
    reflect.as_described.cache_clear()
    said: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *details: said.append(details[2]))
    tables = NamedTables(engine.connect, {})
    tables.read_ahead(about(*names))
    assert {tables.table(TableName(name)).name for name in names} == set(names)
    return len(said)


def test_two_tables_take_as_many_statements_as_one(shelves: Engine) -> None:
    statements_for(shelves, "places")  # the first time of all asks about the server as well
    one = statements_for(shelves, "things")

    assert one > 0
    assert statements_for(shelves, "things", "places") == one


@pytest.fixture
def connection(shelves: Engine) -> Iterator[Connection]:
    """One on which tables can be changed: it is rolled back."""
    with shelves.connect() as connection:
        yield connection


def described(connection: Connection, name: TableName, known: dict[str, Table] | None = None) -> tuple[Table, int]:
    """A table as a new run reads it, and the statements that it takes."""
    said: list[str] = []
    event.listen(connection, "before_cursor_execute", lambda *details: said.append(details[2]))
    tables = NamedTables(lambda: nullcontext(connection), known or {})
    (rule,) = about(name.name)
    tables.read_ahead([replace(rule, mark=replace(rule.mark, table=name))])
    return tables.table(name), len(said)


def test_a_table_that_is_as_before_is_read_once_in_a_process(connection: Connection) -> None:
    first, _ = described(connection, TableName("things"))
    again, statements = described(connection, TableName("things"))

    assert again is first
    assert statements == 3  # a savepoint, the description, and the end of the savepoint


@pytest.mark.parametrize(
    "change",
    [
        "add column colour text",
        "alter column size type bigint",
        "alter column name set not null",
        "drop constraint things_pkey",
        "add unique (size, shelf)",
        "rename column shelf to board",
    ],
)
def test_a_table_that_has_changed_is_read_again(connection: Connection, change: str) -> None:
    first, _ = described(connection, TableName("things"))

    connection.execute(text(f"alter table things {change}"))

    assert described(connection, TableName("things"))[0] is not first


def test_a_table_is_read_apart_for_another_key_and_for_other_declarations(connection: Connection) -> None:
    plain, _ = described(connection, TableName("things"))
    keyed, _ = described(connection, TableName("things", key=("name", "shelf")))
    declared, _ = described(connection, TableName("things"), {"things": things})

    assert plain.info["key"] == ("id",)  # the primary key
    assert keyed.info["key"] == ("name", "shelf")
    assert declared is not plain
    assert described(connection, TableName("things"), {"things": things})[0] is declared


def keyed(*keys: Column[Any]) -> Table:
    return Table("odd", MetaData(), *keys, Column("size", Integer))


def number(name: str = "id") -> Column[Any]:
    return Column(name, Integer, primary_key=True)


@pytest.mark.parametrize(
    ("source", "key"),
    [
        (keyed(number()), "id"), (keyed(number(), number("line")), None), (keyed(), None),
        (keyed(Column("id", Text, primary_key=True)), None),
        (keyed(number()).alias(), None), (select(keyed(number())).subquery(), None),
    ],
)  # fmt: skip
def test_one_whole_number_is_the_key_of_a_table(source: Any, key: str | None) -> None:
    found = keys_of([source], lambda statement: [("odd", 0)])

    assert [(table, own.key) for table, own in found.items()] == ([] if key is None else [(source, key)])


@pytest.mark.parametrize("beyond", [0, 1])
def test_the_keys_of_bad_rows_of_a_large_table_are_not_collected(
    connection: Connection, beyond: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table of just so many bytes is small; neither another table's size counts, nor a view's."""
    connection.execute(text("insert into things (name) select n from generate_series(1, 500) n"))
    connection.execute(text("create view seen as select * from things"))
    size = connection.execute(text("select pg_relation_size('things')")).scalar_one()
    monkeypatch.setattr(reflect, "MOST_BYTES", size - beyond)

    def ask(statement: Any) -> Any:
        return connection.execute(statement).all()

    strange = Table('say "so"', MetaData(), number(), schema="Odd.one")
    connection.execute(text('create schema "Odd.one"'))
    strange.create(connection)
    others = [Table(name, MetaData(), number()) for name in ("seen", "none")]
    found = keys_of([strange, *others, things], ask)

    assert found == {strange: strange.c.id, **({} if beyond else {things: things.c.id})}


def by_place() -> SharedSet:
    """How many things a place has, the largest of them, and one that is infinite where there is none."""
    counted = (func.count().label("number"), func.max(things.c.name).label("last"))
    until = cast("infinity", Date).label("until")
    return shared_set("by_place", select(things.c.place_id, *counted, until).group_by(things.c.place_id))


def crowded(name: str, least: int) -> Callable[..., Any]:
    """A rule about things in places of so many; it joins the set, and asks for it in a subquery as well."""

    def rule() -> Bad:
        place = by_place()
        most = select(func.max(place.c.number)).correlate(None).scalar_subquery()
        found = select(things.c.id, place.c.last, most.label("most"), place.c.until)
        of_place = (place.c.place_id == things.c.place_id) | (place.c.place_id.is_(None) & things.c.place_id.is_(None))
        return Bad(found.join(place, of_place).where(place.c.number >= least), among=select(place))

    rule.__name__ = name
    return check(severity=Severity.LOW, threshold=above(warn=rows(0)), table=things)(rule)


RULES = [crowded(f"at_least_{least}", least) for least in (1, 2, 3)]
ODD = 'a, "b" {c} \\ NULL'


def figures(report: Report) -> dict[str, Any]:
    return {result.rule: (result.count, result.total, [*result.examples], result.error) for result in report.results}


def test_a_set_that_rules_share_is_read_once_and_its_rows_are_the_same(
    run: Run, put: Callable[..., None], shelves: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(thing("a"), thing(ODD), thing("é", place_id=2), thing("z", place_id=2), thing("0", place_id=2))
    put(thing("x", place_id=None))

    with counted(shelves) as statements:
        sent_along = figures(run(*RULES))
    grouped = [statement for statement in statements if "GROUP BY things.place_id" in statement]
    monkeypatch.setattr(reflect, "MOST_SHARED", 2)
    alone = figures(run(*RULES))

    assert len(grouped) == 1
    assert sent_along == alone
    assert {rule: figure[:2] for rule, figure in alone.items()} == {
        "at_least_1": (6, 3), "at_least_2": (5, 3), "at_least_3": (3, 3)
    }  # fmt: skip


def test_a_set_is_sent_along_up_to_a_number_of_values_of_all_its_columns(
    run: Run, put: Callable[..., None], shelves: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(thing("a"), thing("b", place_id=2), thing("x", place_id=None))  # three rows of four columns
    times = {}

    for most in (12, 11):
        monkeypatch.setattr(reflect, "MOST_SHARED", most)
        with counted(shelves) as statements:
            run(*RULES)
        times[most] = sum("GROUP BY things.place_id" in statement for statement in statements)

    assert times == {12: 1, 11: 4}


def named_twice(within: Within | None) -> Callable[..., Any]:
    """A rule about things whose name another of their place has, from a set that reads a set of all places."""
    shelf = shared_set("shelves", select(func.count(things.c.shelf.distinct()).label("number")))
    first = func.min(things.c.id).over(partition_by=[things.c.place_id, things.c.name]).label("first")
    numbered = select(things.c.id, first).subquery()
    twice = shared_set(
        "twice", select(*numbered.c, shelf.c.number).where(numbered.c.first < numbered.c.id), within=within
    )

    @check(severity=Severity.LOW, threshold=above(warn=rows(0)), table=things)
    def named_twice() -> Bad:
        found = select(things.c.id, things.c.place_id, twice.c.first, twice.c.number)
        return Bad(found.join(twice, twice.c.id == things.c.id), among=select(things.c.place_id))

    return named_twice


@pytest.mark.parametrize("place", ["North", "South"])
def test_of_a_set_that_rests_on_the_rows_of_a_scope_no_others_are_read(
    run: Run, put: Callable[..., None], shelves: Engine, place: str
) -> None:
    put(*(thing(name, place_id=1) for name in "aab"), *(thing(name, place_id=2, shelf="z") for name in "aabbb"))
    about_one = {"selection": Selection(scope={"place": (place,)}), "dimensions": [PLACE]}

    whole = figures(run(named_twice(None), **about_one))
    with counted(shelves) as statements:
        narrowed = figures(run(named_twice({"place": [things.c.place_id]}), **about_one))
    reading = {part: [said for said in statements if part in said and said.startswith("SELECT count(*)")]
               for part in ("OVER (PARTITION BY", "DISTINCT")}  # fmt: skip

    assert narrowed == whole
    assert whole["named_twice"][:2] == {"North": (1, 3), "South": (3, 5)}[place]
    assert ["only_place_0" in said for said in reading["OVER (PARTITION BY"]] == [True]
    assert ["only_place_0" in said for said in reading["DISTINCT"]] == [False]  # it says nothing of places


def last_of_name(within: Within) -> Callable[..., Any]:
    """A rule about things behind which no other of their place and name stands."""
    last = func.max(things.c.id).over(partition_by=[things.c.place_id, things.c.name]).label("last")
    numbered = select(things.c.id, last).subquery("numbered")

    @check(severity=Severity.LOW, threshold=above(warn=rows(0)), table=things)
    def last_of_name() -> Bad:
        lasting = select(things.c.id, things.c.place_id).join(numbered, numbered.c.last == things.c.id)
        return Bad(lasting.distinct(), among=select(things.c.place_id), within=within)

    return last_of_name


@pytest.mark.parametrize(
    ("within", "is_narrowed"),
    [({}, False), ({"shelf": [things.c.shelf]}, False), ({"place": [things.c.place_id]}, True)],
)
def test_a_rule_that_rests_on_the_rows_of_a_scope_reads_no_others(
    run: Run, put: Callable[..., None], shelves: Engine, within: Within, is_narrowed: bool
) -> None:
    put(*(thing(name, place_id=1) for name in "aab"), *(thing(name, place_id=2) for name in "abbbc"))
    scope = Selection(scope={"place": ("South",)})

    with counted(shelves) as statements:
        (result,) = run(last_of_name(within), dimensions=[PLACE], selection=scope).results
    inner = [said.split("PARTITION BY")[1].split("AS numbered")[0] for said in statements if "PARTITION BY" in said]

    assert (result.count, result.total, len(result.examples), result.error) == (3, 5, 3, "")
    assert [("only_place_0" in said) for said in inner] == [is_narrowed]
    assert "only_place" not in result.sql


def test_a_rule_that_names_a_column_which_leads_nowhere_is_an_error(run: Run, put: Callable[..., None]) -> None:
    put(thing("a", place_id=2))

    (result,) = run(
        last_of_name({"place": [things.c.size]}), dimensions=[PLACE], selection=Selection(scope={"place": ("South",)})
    ).results

    assert result.error == "its rows do not say their place, so it cannot be narrowed to one"


def test_a_set_is_read_whole_for_another_dimension_and_for_none(
    run: Run, put: Callable[..., None], shelves: Engine
) -> None:
    put(*(thing(name, place_id=1) for name in "aab"), *(thing(name, place_id=2, shelf="z") for name in "aabbb"))

    with counted(shelves) as statements:
        (of_all,) = run(named_twice({"shelf": [things.c.shelf]}), dimensions=[PLACE]).results
        scope = Selection(scope={"place": ("South",)})
        (of_place,) = run(named_twice({"shelf": [things.c.shelf]}), dimensions=[PLACE], selection=scope).results
    reading = [said for said in statements if "OVER (PARTITION BY" in said and said.startswith("SELECT count(*)")]

    assert (of_all.count, of_place.count) == (4, 3)
    assert [said for said in reading if "WHERE things." in said] == []
    assert len(reading) == 2


def test_an_empty_set_is_sent_along(run: Run) -> None:
    (result,) = run(RULES[0]).results

    assert (result.count, result.total, result.error) == (0, 0, "")


@pytest.mark.parametrize(("is_kept", "keys"), [(True, 0), (False, 1)])
def test_a_kept_statement_is_found_compiled_without_a_key(
    shelves: Engine, monkeypatch: pytest.MonkeyPatch, is_kept: bool, keys: int
) -> None:
    """What is made anew for each run is found by its key, once it has one."""
    made = dict[int, Any]()
    generate: Any = Select._generate_cache_key
    monkeypatch.setattr(Select, "_generate_cache_key", lambda own: generate(made.setdefault(id(own), own)))
    statement = select(func.count()).select_from(things)
    sets = SharedSets(Scope().narrowed, ())

    with shelves.begin() as connection:
        sent = [sets.sent_along(keep(statement) if is_kept else statement, lambda *asked: [])[0] for _ in range(2)]
        counts = [connection.execute(each).scalar_one() for each in sent]

    assert counts == [0, 0]
    assert len(made) == keys


def test_another_name_of_a_set_is_sent_along_with_it(shelves: Engine, put: Callable[..., None]) -> None:
    put(thing("a", place_id=1), thing("b", place_id=1), thing("c", place_id=2))
    first = by_place()
    second = first.alias("other")

    with shelves.begin() as connection:
        joined = select(first.c.number, second.c.number).where(first.c.number > second.c.number)
        sent, values = SharedSets(Scope().narrowed, ()).sent_along(
            joined, lambda rows, given: connection.execute(rows, given).all()
        )
        found = [tuple(row) for row in connection.execute(sent, values)]
        text_of_all = str(sent.compiled_for(connection.dialect))

    assert found == [(2, 1)]
    assert "WITH" not in text_of_all


def test_the_database_sees_how_many_rows_are_sent_along(shelves: Engine, put: Callable[..., None]) -> None:
    put(*(thing(str(number), place_id=number) for number in range(3_000)))
    place = by_place()

    with shelves.begin() as connection:
        sent, values = SharedSets(Scope().narrowed, ()).sent_along(
            select(place.c.number), lambda rows, values: connection.execute(rows, values).all()
        )
        compiled = sent.compiled_for(connection.dialect)
        explained = connection.exec_driver_sql(f"explain {compiled}", compiled.construct_params(values))
        plan = "\n".join(explained.scalars())

    assert "rows=3000 " in plan


def test_a_set_that_cannot_be_read_is_the_error_of_the_rules_that_ask_for_it(
    run: Run, put: Callable[..., None]
) -> None:
    @check(severity=Severity.LOW, threshold=above(warn=rows(0)), table=things)
    def divided() -> Bad:
        nothing = shared_set("nothing", select((things.c.id / (things.c.size - things.c.size)).label("id")))
        return Bad(select(things.c.id).join(nothing, nothing.c.id == things.c.id))

    put(thing("a"))
    results = {result.rule: result for result in run(divided, RULES[0]).results}

    assert results["divided"].error == "division by zero (SQLSTATE 22012)"
    assert results["at_least_1"].count == 1


def test_a_set_says_the_types_of_its_columns() -> None:
    with pytest.raises(CheckDefinitionError, match="the shared set 'gaps' has a column 'lag_1' of no known type"):
        shared_set("gaps", select(func.lag(things.c.size).over(order_by=things.c.id).label("lag_1")))


def test_a_place_that_is_judged_apart_is_about_the_same_table(shelves: Engine) -> None:
    (rule,) = about("things")
    apart: dict[tuple[str, str], Check | None] = {
        ("place", "South"): replace(rule, segments={}),
        ("place", "West"): None,
    }

    bound = NamedTables(shelves.connect, {}).bind(replace(rule, segments=apart))

    south = bound.segments["place", "South"]
    assert isinstance(bound.mark.table, Table)
    assert south is not None
    assert (south.mark.table, bound.segments["place", "West"]) == (bound.mark.table, None)


MISSING: list[tuple[TableName, str]] = [
    (TableName("Thingz"), "there is no table 'Thingz'; did you mean 'things'?"),
    (TableName("PLACES"), "there is no table 'PLACES'; did you mean 'places'?"),
    (TableName("zebra"), "there is no table 'zebra'"),
    (TableName("publik.things"), "there is no schema 'publik'; did you mean 'public'?"),
    (TableName("zebra.things"), "there is no schema 'zebra'"),
    (TableName("public.thing"), "there is no table 'public.thing'; did you mean 'things'?"),
]


@pytest.mark.parametrize(("name", "said"), MISSING, ids=[name.name for name, _ in MISSING])
def test_a_table_that_is_not_there_is_told_with_the_nearest(shelves: Engine, name: TableName, said: str) -> None:
    with pytest.raises(MissingTableError) as refused:
        NamedTables(shelves.connect, {}).table(name)

    assert str(refused.value) == said


def test_a_row_is_named_by_what_is_said_known_or_unique(shelves: Engine) -> None:
    made = """
        create table keyed (a int, b int not null, c int not null, d int primary key, unique (a), unique (b, c));
        create table unique_alone (a int unique, b int not null, c int not null unique);
        create table bare (a int unique, b int);
        create view seen as select * from keyed
    """
    with shelves.begin() as connection:
        connection.execute(text(made))
    known = {
        "keyed": Table("keyed", MetaData(), Column("b", Integer, info={"personal": True}), info={"key": ("c", "b")})
    }
    try:
        plain, told = NamedTables(shelves.connect, {}), NamedTables(shelves.connect, known)
        keys = {
            name: plain.table(TableName(name)).info.get("key") for name in ("keyed", "unique_alone", "bare", "seen")
        }
        said = plain.table(TableName("keyed", key=("b", "a"), optional=True))
        described = told.table(TableName("keyed"))
        with pytest.raises(MeasureError, match=r"^the key of keyed names 'e'; it has a, b, c, d$"):
            plain.table(TableName("keyed", key=("a", "e")))
    finally:
        with shelves.begin() as connection:
            connection.execute(text("drop view seen; drop table keyed, unique_alone, bare"))

    assert keys == {"keyed": ("d",), "unique_alone": ("c",), "bare": None, "seen": None}
    assert (said.info["key"], said.info["optional"]) == (("b", "a"), True)
    assert described.info["key"] == ("c", "b")
    assert [column.name for column in described.c if column.info.get("personal")] == ["b"]


def test_without_a_run_no_table_is_read() -> None:
    declared = NamedTables(None, {"things": things})

    assert declared.table(TableName("things")) is things
    with pytest.raises(MissingTableError, match=r"^its table places is known by name alone: a run reads it$"):
        declared.table(TableName("places"))
    with pytest.raises(MeasureError, match=r"^its statement is text: a run asks what it selects$"):
        declared.described(text("select 1"))


def test_a_rule_is_optional_with_any_of_its_tables() -> None:
    (plain,) = about("things")
    other = replace(plain, mark=replace(plain.mark, tables=(("others", TableName("others", optional=True)),)))
    own = replace(plain, mark=replace(plain.mark, table=TableName("things", optional=True)))

    assert [is_optional(check) for check in (plain, other, own)] == [False, True, True]


def test_the_columns_of_a_text_are_those_that_the_database_says(shelves: Engine) -> None:
    statement = NamedTables(shelves.connect, {}).described(text("select id as number, name from things -- all"))

    assert [column.name for column in statement.selected_columns] == ["number", "name"]
