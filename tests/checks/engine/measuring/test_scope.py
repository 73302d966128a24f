"""Which rows a run is about: labels as people write them, conditions, and what a source's rows are looked up in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, Integer, Text, cast, func, select

from checks import SelectionError, Severity, above, check, fixture, rows
from checks.engine.authoring import MeasureError
from checks.engine.collecting.rules import Rules
from checks.engine.collecting.wiring import values
from checks.engine.measuring import scope as scopes
from checks.engine.measuring.scope import (
    Dimension,
    Labels,
    Parameter,
    Parameters,
    Scope,
    direct,
    mark_of_value,
    reach,
)  # fmt: skip
from checks.engine.measuring.snapshot import OpenSession
from checks.engine.reporting.literal import DIALECT, runnable_sql
from tests.checks.engine.conftest import PLACE, SHELF, counted, thing, things

Put = Callable[..., None]
SHELVES = replace(SHELF, labels=select(things.c.shelf, things.c.shelf).distinct())
SIZE = Dimension("size", (direct("size"),))
ACROSS = select(things.c.name, things.c.id.label("thing_id")).subquery("across")
STRANGE = select(things.c.name).subquery("strange")


@pytest.fixture
def labels(shelves: Engine) -> Iterator[Labels]:
    """The labels of places, and of sizes that are their own."""
    with shelves.connect() as connection:
        yield Labels(OpenSession(connection), (PLACE, SIZE))


def test_a_value_is_said_by_its_label_or_by_itself(labels: Labels) -> None:
    assert [labels.say("place", value) for value in (1, 2, 3, None)] == ["North", "South", "3", "none"]
    assert [labels.say("size", value) for value in (5, None)] == ["5", "none"]
    assert (labels.of("place"), labels.of("size")) == ({1: "North", 2: "South"}, {})
    assert [labels.has(name) for name in ("place", "size", "weather")] == [True, False, False]
    assert [labels.knows("place", label) for label in ("NORTH", "south", "West")] == [True, True, False]


def test_a_scope_is_asked_for_by_labels_in_any_case(labels: Labels) -> None:
    scope = labels.scope({"place": ("south", "NORTH")})

    assert scope == Scope(((PLACE, (2, 1)),))
    assert (labels.value("place", "SOUTH"), bool(scope), bool(Scope())) == (2, True, False)
    assert scope.named == {"only_place_0": 2, "only_place_1": 1}


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"weather": ("rain",)}, "there is no dimension 'weather'; there are place, size"),
        ({"place": ("north", "Nort")}, "there is no place 'Nort'; there are North, South"),
        ({"size": ("5",)}, "there is no size '5'; there are none"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(labels: Labels, wanted: dict[str, Any], said: str) -> None:
    with pytest.raises(SelectionError) as refused:
        labels.scope(wanted)

    assert str(refused.value) == said


def test_without_a_dimension_there_is_none(shelves: Engine) -> None:
    with (
        shelves.connect() as connection,
        pytest.raises(SelectionError, match=r"^there is no dimension 'x'; there are none$"),
    ):
        Labels(OpenSession(connection), ()).scope({"x": ()})


@pytest.mark.parametrize(
    ("number", "asked", "said"),
    [
        (12, "p0", "there are p01, p02, p03, p04, p05, p06, p07, p08, p09, p10, p11, p12"),
        (14, "zzz", "there are p01, p02, p03, p04, p05, p06, p07, p08, p09, p10, p11, p12 and 2 more"),
        (14, "P1", "did you mean "),
    ],
)
def test_of_many_labels_the_nearest_are_told(shelves: Engine, number: int, asked: str, said: str) -> None:
    part = func.generate_series(1, number, type_=Integer).column_valued("part")
    named = Dimension("part", (direct("part"),), select(part, func.concat("p", func.lpad(cast(part, Text), 2, "0"))))
    with shelves.connect() as connection, pytest.raises(SelectionError) as refused:
        Labels(OpenSession(connection), (named,)).scope({"part": (asked,)})

    assert str(refused.value).startswith(f"there is no part {asked!r}; {said}")


def sql(scope: Scope, source: Any = things) -> str:
    """The condition of a scope, its values written out."""
    return " ".join(runnable_sql(scope.condition(source)).split())


def test_a_row_counts_that_has_any_of_the_values_of_each_dimension() -> None:
    scope = Scope(((PLACE, (1, 2)), (SHELF, ("o'b",))))

    assert sql(scope) == "(things.place_id = 1 OR things.place_id = 2) AND things.shelf = 'o''b'"
    named = scope.with_parameters().condition(things).compile(dialect=DIALECT)
    assert str(named) == (
        "(things.place_id = :only_place_0 OR things.place_id = :only_place_1) AND things.shelf = :only_shelf_0"
    )
    assert sql(scope.with_marks()).count("\0only_place_1\0") == 1
    assert (sql(Scope()), mark_of_value("it")) == ("true", "\0it\0")
    assert (scope.of(narrowed=True), scope.of(narrowed=False)) == (Scope(), scope)


def test_a_row_of_another_table_counts_by_what_it_refers_to() -> None:
    assert sql(Scope(((SHELF, ("a",)),)), ACROSS) == (
        "across.thing_id IN (SELECT things.id FROM things WHERE things.shelf = 'a')"
    )


def test_rows_that_do_not_say_their_place_cannot_be_narrowed() -> None:
    with pytest.raises(MeasureError) as refused:
        Scope(((PLACE, (1,)),)).condition(STRANGE)

    assert str(refused.value) == "its rows do not say their place, so it cannot be narrowed to one"
    assert (PLACE.way(STRANGE), PLACE.holds(STRANGE, 1)) == (None, None)


def test_a_figure_selects_from_its_own_table_the_rows_that_count_and_others_where_it_names_them_apart(
    shelves: Engine, put: Put
) -> None:
    put(thing("a", place_id=1, shelf="x"), *(thing("b", place_id=2, shelf=own) for own in ("x", "y", "z")))
    every = things.alias("every")
    numbers = [
        func.max(select(func.count()).select_from(select(rows.c.shelf).distinct().subquery()).scalar_subquery())
        for rows in (things, every)
    ]

    def ask(scope: Scope) -> list[Any]:
        figures = [scope.figure(number, things) for number in (func.count(), *numbers)]
        with shelves.connect() as connection:
            return [*connection.execute(select(*figures).select_from(things).where(scope.condition(things))).one()]

    assert ask(Scope()) == [4, 3, 3]
    assert ask(Scope(((PLACE, (1,)),))) == [1, 1, 3]
    assert ask(Scope(((PLACE, (2,)), (SHELF, ("y",))))) == [1, 1, 3]


def test_scopes_are_of_one_shape_with_as_many_values() -> None:
    one, other, more = (Scope(((PLACE, values),)).with_parameters() for values in ((1,), (2,), (1, 2)))

    assert one.shape == other.shape != more.shape
    assert one.shape != Scope(((SHELF, ("a",)),)).with_parameters().shape
    assert one.shape != Scope(((PLACE, (1,)),)).with_marks().shape
    assert Scope(((PLACE, (1,)),)).shape != Scope(((PLACE, (2,)),)).shape


def test_a_scope_admits_what_it_does_not_narrow_or_wants(labels: Labels) -> None:
    scope = labels.scope({"place": ("South",)})

    assert [scope.admits(*asked, labels) for asked in (("place", "south"), ("place", "North"), ("size", "5"))] == [
        True, False, True,
    ]  # fmt: skip


def test_values_are_looked_up_once_for_each_place_that_a_source_refers_to() -> None:
    joined, reached = reach(ACROSS, (SHELF, PLACE, replace(SHELF, name="again")))

    assert [dimension.name for dimension, _ in reached] == ["shelf", "again"]
    assert runnable_sql(select(joined.c.across_name).select_from(joined)).count("LEFT OUTER JOIN") == 1
    assert reached[0][1] is reached[1][1]
    plain, direct_ones = reach(things, (PLACE, SHELF, SIZE))
    assert (plain, [str(column) for _, column in direct_ones]) == (
        things,
        ["things.place_id", "things.shelf", "things.size"],
    )


def test_a_join_finds_one_row_or_none(shelves: Engine, put: Put) -> None:
    put(thing("a", shelf="x"), thing("b", shelf="y"))
    every = select(things.c.id.label("thing_id")).union_all(select(things.c.id + 1000)).subquery("every")
    joined, ((_, shelf),) = reach(every, (SHELF,))

    with shelves.connect() as connection:
        found = connection.scalars(select(shelf).select_from(joined)).all()

    assert sorted(map(str, found)) == ["None", "None", "x", "y"]


@fixture
def colours() -> list[Any]:
    """Values as a fixture may give them."""
    return [(1, "red"), ("blue",), "green", (7, 8, 9)]


def of_each(colours: Any) -> Any:
    """A rule for each colour."""
    return colours


COLOURED = Rules.of(check(severity=Severity.LOW, threshold=above(warn=rows(1)), each="colours")(of_each), colours)
EVERY = [("red", 1), ("blue", "blue"), ("green", "green"), ("(7, 8, 9)", (7, 8, 9))]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, EVERY), ({"colours": ("RED", "Green")}, [("red", 1), ("green", "green")]), ({"place": ("x",)}, EVERY),
    ],
)  # fmt: skip
def test_a_rule_for_each_value_has_those_that_are_wanted(
    shelves: Engine, wanted: dict[str, Any], found: list[tuple[str, Any]]
) -> None:
    (rule,) = COLOURED.values()
    with shelves.connect() as connection, values(COLOURED.fixtures, {}) as made:
        parameters = Parameters(OpenSession(connection), made, wanted)

        assert [(parameter.label, parameter.value) for parameter in parameters.of(rule)] == found
        assert parameters.of(replace(rule, mark=replace(rule.mark, each=None))) == (Parameter(),)
    assert parameters.narrow(rule) is ("colours" in wanted)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("red", "fixture 'colours' gives str; each='colours' needs a list or a select()"),
        (5, "fixture 'colours' gives int; each='colours' needs a list or a select()"),
        ([(1, "red"), (2, "red"), "blue"], "fixture 'colours' gives 'red' twice; each value needs a label of its own"),
    ],
)
def test_values_that_are_no_list_of_their_own_are_refused(shelves: Engine, given: object, said: str) -> None:
    with shelves.connect() as connection, values(COLOURED.fixtures, {"colours": given}) as made:
        parameters = Parameters(OpenSession(connection), made, {})

        with pytest.raises(MeasureError) as refused:
            parameters.of(*COLOURED.values())

    assert str(refused.value) == said


def test_a_rule_by_groups_has_those_of_the_column_and_those_that_were_there(shelves: Engine, put: Put) -> None:
    put(thing("a", shelf="y"), thing("b", shelf="x"), thing("c", shelf="y"), {**thing("d"), "shelf": None})
    (plain,) = COLOURED.values()
    grouped = replace(plain, mark=replace(plain.mark, table=things, groups="shelf", each="group"))
    remembered = [("of_each", "gone"), ("of_each", ""), ("another", "w")]

    with shelves.connect() as connection, values({}, {}) as made:
        parameters = Parameters(OpenSession(connection), made, {}, remembered)
        first = [parameter.label for parameter in parameters.of(grouped)]
        with counted(shelves) as statements:
            again = [parameter.value for parameter in parameters.of(grouped)]

    assert (first, again, statements) == (["gone", "none", "x", "y"], ["gone", "none", "x", "y"], [])


@pytest.mark.parametrize(("most", "refused"), [(3, False), (2, True)])
def test_too_many_groups_are_not_judged_one_by_one(
    shelves: Engine, put: Put, monkeypatch: pytest.MonkeyPatch, most: int, refused: bool
) -> None:
    monkeypatch.setattr(scopes, "MOST_GROUPS", most)
    put(*(thing(name, shelf=name) for name in "abc"))
    (plain,) = COLOURED.values()
    grouped = replace(plain, mark=replace(plain.mark, table=things, groups="shelf", each="group"))

    with shelves.connect() as connection, values({}, {}) as made:
        parameters = Parameters(OpenSession(connection), made, {})
        said = pytest.raises(MeasureError, match=f"^shelf has more than {most} values: too many to judge one by one$")
        with said if refused else nullcontext():
            assert len(parameters.of(grouped)) == 3
