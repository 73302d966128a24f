"""What cannot be a rule is refused where it is written, each with all of its words; and what a rule says of itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import ColumnElement

from checks import (
    Bad,
    CheckDefinitionError,
    Row,
    SelectionError,
    Severity,
    above,
    change,
    check,
    fix,
    frame_check,
    hours,
    metric_check,
    percent,
    row_check,
    rows,
)  # fmt: skip
from checks.engine.authoring.spec import FIX, Check, Source, TableName, arguments, mark_of, put, table_of
from checks.engine.authoring.thresholds import FEWEST_FOR_DROP
from checks.engine.collecting.rules import Rules, Selection, matching
from checks.engine.collecting.sql_rules import escaped, one_expression, one_statement
from checks.engine.collecting.wiring import Fixture, values
from tests.checks.engine.conftest import things

SHARE = above(warn=percent(10))
STRANGE: Any = 7
"""What is neither a table nor a row."""
LOW: dict[str, Any] = {"severity": Severity.LOW, "threshold": SHARE}


def big(row: Row) -> ColumnElement[bool]:
    """Bigger than nine: it is said in a coach's words up to here; not further."""
    return row.size > 9


def refused(work: Callable[[], object], kind: type[Exception] = CheckDefinitionError) -> str:
    """What is said of what is refused."""
    with pytest.raises(kind) as said:
        work()
    return str(said.value)


MARKS: list[tuple[Callable[[], object], str]] = [
    (lambda: row_check(things, severity="LOW", threshold=SHARE),  # type: ignore[arg-type]
     "row_check(severity='LOW') is no severity; expected Severity.LOW, Severity.MEDIUM, Severity.HIGH"),
    (lambda: row_check(STRANGE, **LOW), "row_check() got 7 for its table; expected @row_check(table, severity=...)"),
    (lambda: metric_check(big, **LOW),  # type: ignore[arg-type]
     "metric_check() got big for its table; expected @metric_check(table, severity=...)"),
    (lambda: row_check(things, severity=Severity.LOW, threshold=above(warn=hours(1))),
     "row_check() counts rows, so hours do not fit; expected percent or rows"),
    (lambda: check(severity=Severity.LOW, threshold=5),  # type: ignore[arg-type]
     "check(threshold=5) does not fit; expected above(...), a limit on the bad rows"),
    (lambda: row_check(things, **LOW, tags={"a", 5}),  # type: ignore[arg-type]
     "holds something else than text"),
    *((lambda time=time: row_check(things, **LOW, timeout=time),
       f"row_check(timeout={time!r}) is no time; expected seconds above 0") for time in (0, -1, True, "5")),
    *((lambda number=number: row_check(things, **LOW, retries=number),
       f"row_check(retries={number!r}) is no count; expected 0 or more") for number in (-1, True, 1.5)),
    *((lambda name=name: check(**LOW, each=name),
       f"check(each={name!r}) names no argument; expected e.g. each='league'") for name in ("a b", 5, "")),
    (lambda: row_check(things, **LOW, good=[STRANGE]),
    "good= holds something else than rows; expected [{'column': value}, ...]"),
    (lambda: TableName("a.b.c"), "'a.b.c' names no table; expected such as 'orders' or 'shop.orders'"),
    (lambda: TableName(5), "5 names no table; expected such as 'orders' or 'shop.orders'"),  # type: ignore[arg-type]
    (lambda: put(5, "a", 1), "only plain functions can be marked, found 5"),
    (lambda: put(len, "a", 1), "only plain functions can be marked, found <built-in function len>"),
    (lambda: mark_of(big), "big carries no mark; expected @row_check, @metric_check, @check or @frame_check"),
    (lambda: Rules.of(big), "carries no mark; expected a rule, a fixture or a fix"),
    (lambda: Fixture.of(big), "is no fixture; expected a function under @fixture"),
    (lambda: change(drop=(rows(1), None)), "change(drop=) takes a pair of percent(...), warn and critical"),
    (lambda: change(growth=(None, 5)), "change(growth=) takes a pair of percent(...), warn and critical"),  # type: ignore[arg-type]
    (change, "change() needs limits: drop=(warn, critical), growth=(warn, critical) or both"),
    (lambda: change(drop=(percent(1), percent(2)), window=True),
    "change(window=True) is too short; expected at least 1 day"),
    (lambda: change(growth=(percent(5), percent(1))), "change() has its limits out of order (5 %, 1 %)"),
]  # fmt: skip


@pytest.mark.parametrize(("work", "said"), MARKS)
def test_what_cannot_be_a_mark_is_refused(work: Callable[[], object], said: str) -> None:
    assert said in refused(work)


def test_the_least_that_is_allowed_is_allowed() -> None:
    mark = mark_of(row_check(things, **LOW, timeout=0.1, retries=0)(lambda row: row.size > 1))

    assert (mark.timeout, mark.retries) == (0.1, 0)
    assert change(growth=(None, percent(0)), window=1).fewest == 1
    assert change(growth=(percent(1), percent(1)), window=9).fewest == FEWEST_FOR_DROP == 3


def test_a_function_is_marked_once() -> None:
    marked = row_check(things, **LOW)(lambda row: row.size > 1)

    assert refused(lambda: row_check(things, **LOW)(marked)).endswith("is marked twice; keep one decorator")


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda *rows: rows, "has the argument *rows, which names nothing; ask for fixtures by name"),
        (lambda row, **rest: rest, "has the argument **rest, which names nothing; ask for fixtures by name"),
    ],
)
def test_arguments_name_what_is_asked_for(function: Callable[..., Any], said: str) -> None:
    assert said in refused(lambda: arguments(function))
    assert arguments(lambda a, b=1, *, c, d=2: 0) == (("a", "b", "c", "d"), frozenset({"b", "d"}))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(row_check, "row: Row"), (metric_check, "row: Row"), (frame_check, "frame: pd.DataFrame")],
)
def test_a_rule_about_rows_takes_them(kind: Any, expected: str) -> None:
    def lost() -> None: ...

    more = {"columns": ["size"]} if kind is frame_check else {}
    said = refused(lambda: Check.of(kind(things, **LOW, **more)(lost), "x"))

    assert said == f"{kind.__name__} 'lost' takes no argument; expected def lost({expected})"


def of(function: Callable[..., Any], **more: Any) -> Check:
    """A rule as it is collected."""
    return Check.of(row_check(things, **{**LOW, **more})(function), "x")


@pytest.mark.parametrize(
    ("summary", "coach"),
    [
        ("A match is lost.", "A match is lost"), ("A match is lost; or won.", "A match is lost"),
        ("A match is lost: or won.", "A match is lost"), ("A match. It is lost.", "A match"),
        ("A match (or two) is lost.", "A match"), ("A match, and a set.", "A match"), ("A match, set.", "A match, set"),
        ("A match, android.", "A match, android"),
    ],
)  # fmt: skip
def test_a_coach_hears_the_beginning_of_the_summary(summary: str, coach: str) -> None:
    def lost(row: Row) -> ColumnElement[bool]:
        return row.size > 1

    lost.__doc__ = f"{summary}\n\n    And more."
    rule = of(lost)

    assert (rule.summary, rule.coach) == (summary, coach)


def test_a_rule_without_a_word_is_called_by_its_name() -> None:
    def lost_rows(row: Row) -> ColumnElement[bool]:
        return row.size > 1

    rule = of(lost_rows, coach="It is gone")

    assert (rule.name, rule.summary, rule.coach, rule.domain, rule.table) == (
        "lost_rows",
        "lost rows",
        "It is gone",
        "x",
        "things",
    )
    assert (rule.source.file, rule.source.line) == (__file__, inspect.getsourcelines(lost_rows)[1])


def test_what_was_changed_about_a_rule_makes_it_no_other_rule() -> None:
    rule = of(lambda row: row.size > 1)
    changed = replace(rule, changed=("severity HIGH",), changed_apart=(("CITA", "off"), ("NSTF", "severity LOW")))

    assert changed == rule
    assert changed.changes == ("severity HIGH", "CITA: off", "NSTF: severity LOW")


def test_a_rule_is_judged_as_declared_for_the_rows_of_a_value() -> None:
    rule, other = of(lambda row: row.size > 1), of(lambda row: row.size > 2)
    apart = replace(rule, segments={("place", "North"): other, ("place", "South"): None})

    found = [
        apart.judged_for(*asked)
        for asked in (("place", "NORTH"), ("place", "south"), ("shelf", "north"), ("place", ""))
    ]
    assert found == [other, None, apart, apart]


def test_a_rule_for_each_value_takes_the_value_or_asks_for_all_at_once() -> None:
    def of_each(place: int) -> Bad:
        raise AssertionError(place)

    def at_once() -> Bad:
        raise AssertionError

    def across() -> Bad:
        raise AssertionError

    each: dict[str, Any] = {**LOW, "each": "place"}
    taking, together = (Check.of(check(**each)(function), "x") for function in (of_each, at_once))
    plain = Check.of(check(**LOW)(across), "x")

    assert [rule.all_at_once for rule in (taking, together, plain)] == ["", "place_id", ""]
    assert [rule.each for rule in (taking, together, plain)] == ["place", "place", ""]


@pytest.mark.parametrize(
    ("name", "parts"),
    [("orders", (None, "orders")), ("shop.orders", ("shop", "orders")), ('"Sh""op"."Or.ders"', ('Sh"op', "Or.ders"))],
)
def test_a_table_is_named_with_its_schema(name: str, parts: tuple[str | None, str]) -> None:
    assert TableName(name).parts == parts


def test_a_key_of_one_column_is_one_and_not_its_letters() -> None:
    assert TableName("orders", key="id").key == ("id",)  # type: ignore[arg-type]
    assert TableName("orders", key=("a", "b")).key == ("a", "b")
    assert (table_of("orders"), table_of(things)) == (TableName("orders"), things)


STATEMENTS: list[tuple[Callable[[str], str], str, str]] = [
    (one_statement, "delete from a", "'delete from a' is not one SELECT; expected one that gives the keys of bad rows"),
    (one_statement, "select 1; select 2", "'select 1; select 2' is not one SELECT"),
    (one_statement, f"update {'x' * 50}", f"'update {'x' * 33}' is not one SELECT"),
    (one_statement, "-- nothing", "the text holds only comments, which are not one SELECT"),
    (one_statement, "select (1", "'select (1' is no whole piece of SQL: its brackets do not match"),
    (one_statement, "select 1)(", "'select 1)(' is no whole piece of SQL: its brackets do not match"),
    (one_statement, "select 'a", "\"select 'a\" is no whole piece of SQL: a ' is left open"),
    (one_statement, "select 1 /* a", "'select 1 /* a' is no whole piece of SQL: a /* is left open"),
    (one_expression, "  ", "'  ' holds no condition; expected such as \"state = 'sent'\""),
    (one_expression, "-- a", "'-- a' holds no condition; expected such as \"state = 'sent'\""),
    (one_expression, "a; b", "'a; b' is more than one expression; expected such as \"state = 'sent'\""),
    (one_expression, "a) or (b", "'a) or (b' is no whole piece of SQL: its brackets do not match"),
]  # fmt: skip


@pytest.mark.parametrize(("read", "sql", "said"), STATEMENTS)
def test_what_is_no_whole_sql_is_refused(read: Callable[[str], str], sql: str, said: str) -> None:
    assert refused(lambda: read(sql)).startswith(said)


def test_sql_is_taken_as_it_is_written() -> None:
    statements = ("select ';' -- (", "WITH a AS (select 1) table a", "values (1)", 'select "a""b(", $$;($$')
    assert [one_statement(f" {sql} ; ") for sql in statements[1:3]] == list(statements[1:3])
    assert [one_statement(sql) for sql in statements] == list(statements)
    assert (one_expression("a = 1"), one_expression("a -- b"), one_expression("''")) == (
        "(a = 1)",
        "(a -- b\n)",
        "('')",
    )
    assert refused(lambda: one_expression(5)).startswith("5 is no SQL; expected a text")  # type: ignore[arg-type]
    assert escaped("a::int = ':b'") == "a\\:\\:int = '\\:b'"


def named(*names: str, **more: Any) -> Rules:
    """Rules of these names."""

    def made(name: str) -> Callable[..., Any]:
        def rule(row: Row) -> ColumnElement[bool]:
            return row.size > 1

        rule.__name__ = name
        return row_check(things, **{**LOW, **more})(rule)

    return Rules.of(*map(made, names), domain="shop")


CITY = named("lost_rows", "lost_teams", "other", tags={"daily", "gate"}, owner="kim")


@pytest.mark.parametrize(
    ("words", "tags", "names"),
    [
        ("LOST", "", ["lost_rows", "lost_teams"]), ("lost and not teams", "", ["lost_rows"]), ("rows or other", "",
        ["lost_rows", "other"]),
        ("shop", "", ["lost_rows", "lost_teams", "other"]), ("kim and other", "", ["other"]), ("daily and teams", "",
        ["lost_teams"]),
        ("lost", "daily and gate", ["lost_rows", "lost_teams"]), ("", "daily", ["lost_rows", "lost_teams", "other"]),
    ],
)  # fmt: skip
def test_rules_are_chosen_by_words(words: str, tags: str, names: list[str]) -> None:
    assert list(matching(CITY, words, tags)) == names


CHOSEN: list[tuple[Callable[[], object], str]] = [
    (lambda: matching(CITY, "nothing"), "no rule matches 'nothing'"),
    (lambda: matching(CITY, "other", "not daily"), "no rule matches 'other' and 'not daily'"),
    (lambda: matching(CITY, "", "weekly and daily"), "no rule has the tag 'weekly'; there are daily, gate"),
    (lambda: matching(CITY, "lost and"), "'lost and' is no expression; expected words with and, or, not and ( )"),
    (lambda: matching(CITY, "lost + 1"), "'lost + 1' is no expression; expected words with and, or, not and ( )"),
    (lambda: matching(CITY, "-lost"), "'-lost' is no expression; expected words with and, or, not and ( )"),
    (lambda: Selection(names=("lost_row",)).apply(CITY), "no rule is called 'lost_row'; did you mean lost_rows"),
    (lambda: Selection(names=("zzz",)).apply(CITY), "no rule is called 'zzz'; there are lost_rows, lost_teams, other"),
    (lambda: Selection(names=("zzz",)).apply(named("one")), "no rule is called 'zzz'; there is one"),
    (lambda: Selection(tags=("weekly",)).apply(CITY), "no rule has the tag 'weekly'; there are daily, gate"),
    (lambda: Selection(domains=("food",)).apply(CITY), "no rule has the domain 'food'; there is shop"),
    (lambda: Selection(owners=("dana",)).apply(CITY), "no rule has the owner 'dana'; there is kim"),
]  # fmt: skip


@pytest.mark.parametrize(("work", "said"), CHOSEN)
def test_what_chooses_no_rule_says_what_there_is(work: Callable[[], object], said: str) -> None:
    assert refused(work, SelectionError).startswith(said)


def test_a_selection_says_what_it_chooses() -> None:
    chosen = Selection(domains=("shop",), tags=("daily", "gate"), names=("lost_*",), scope={"league": ("CITA",)})

    assert str(chosen) == "domain shop and tag daily or gate and name lost_* and league CITA"
    assert str(Selection()) == "all"
    assert list(chosen.apply(CITY)) == ["lost_rows", "lost_teams"]
    assert (repr(CITY), len(CITY)) == ("Rules(lost_rows, lost_teams, other)", 3)
    assert list(CITY.only([CITY["other"]])) == ["other"]


def fixtures(*functions: Callable[..., Any]) -> Mapping[str, Fixture]:
    """Functions as fixtures of their names."""
    return {own.__name__: Fixture(own.__name__, own, *arguments(own), Source.of(own)) for own in functions}


def test_values_are_made_once_and_cleaned_up_last_made_first() -> None:
    steps: list[str] = []

    def first() -> Any:
        steps.append("first")
        yield 5
        steps.append("first cleaned")

    def second(first: int) -> Any:
        steps.append("second")
        yield first + 1
        steps.append("second cleaned")

    with values(fixtures(first, second), {"given": 9}) as made:
        assert (made["second"], made["first"], made["second"], made["given"]) == (6, 5, 6, 9)

    assert steps == ["first", "second", "second cleaned", "first cleaned"]
    assert made.complaints == []


def test_a_clean_up_that_fails_or_goes_on_is_a_complaint_and_stops_no_other() -> None:
    cleaned: list[str] = []

    def fine() -> Any:
        yield 1
        cleaned.append("fine")

    def failing() -> Any:
        yield 2
        raise ValueError("gone")

    def twice() -> Any:
        yield 3
        yield 4

    with values(fixtures(fine, failing, twice), {}) as made:
        assert [made[name] for name in ("fine", "failing", "twice")] == [1, 2, 3]

    assert cleaned == ["fine"]
    assert made.complaints == [
        "fixture 'twice' yields more than once", "fixture 'failing' failed to clean up: ValueError: gone",
    ]  # fmt: skip


def test_a_fixture_that_raises_raises_for_each_who_asks_and_is_called_once() -> None:
    calls: list[int] = []

    def broken() -> None:
        calls.append(1)
        raise ValueError("gone")

    with values(fixtures(broken), {}) as made:
        said = [refused(lambda: made["broken"], Exception) for _ in range(2)]

    assert (said, calls) == (["fixture 'broken' raised ValueError: gone"] * 2, [1])


def test_an_argument_with_a_default_is_given_where_somebody_has_it() -> None:
    asking = fixtures(lambda: 1)["<lambda>"]
    wanting = replace(asking, wanted=("a", "b", "c"), optional=frozenset({"b", "c"}))

    with values({}, {"a": 1, "c": 3}) as made:
        assert made.arguments(wanting) == {"a": 1, "c": 3}


def step() -> object:
    """What stands for a step of a repair."""
    return object()


def nothing() -> None:
    return None


def told() -> str:
    return "delete them"


def formatted(number: int = 5) -> str:
    return f"delete {number}"


def told_or_made(now: bool = True) -> object:
    return "delete them" if now else step()


def nothing_or_made(now: bool = True) -> object:
    if now:
        return None
    return step()


def made() -> object:
    return step()


def yielding() -> Any:
    yield step()


NO_PLAN = "no plan; expected a step of etl.repairs, such as Update(table, select(...)) or Delete(table, select(...))"


@pytest.mark.parametrize(
    ("function", "found"),
    [
        (nothing, ""), (told, "a text and "), (formatted, "a text and "), (nothing_or_made, None), (made, None),
        (yielding, None),
    ],
)  # fmt: skip
def test_a_fix_whose_every_answer_is_no_step_is_refused(function: Callable[..., Any], found: str | None) -> None:
    rule = row_check(things, **LOW, good=[{"size": 1}], bad=[{"size": 2}])(lambda row: row.size > 1)

    if found is None:
        assert fix(rule)(function) is function
        assert getattr(function, FIX) is rule
        delattr(function, FIX)
    else:
        assert refused(lambda: fix(rule)(function)) == f"fix {function.__name__}() returns {found}{NO_PLAN}"


def test_a_fix_is_of_a_rule() -> None:
    assert refused(lambda: fix(made)) == "fix(made) names no rule; expected @fix(rule) with a marked function"


def test_rows_for_a_trial_are_kept_with_the_rule() -> None:
    mark = mark_of(
        row_check(things, **LOW, good=[{"size": 1}], bad=[{"size": 2}, {"size": 3}])(lambda row: row.size > 1)
    )

    assert (mark.good, mark.bad) == (({"size": 1},), ({"size": 2}, {"size": 3}))


def test_of_more_than_five_rules_the_five_nearest_are_suggested() -> None:
    five, six = (named(*(f"rule_{number}" for number in range(count))) for count in (5, 6))

    near, few, many = (
        refused(lambda rules=rules, name=name: Selection(names=(name,)).apply(rules), SelectionError)  # type: ignore[misc]
        for rules, name in ((six, "rule_"), (five, "zzz"), (six, "zzz"))
    )

    assert (near.partition("; ")[2][:13], near.partition("; ")[2].count("rule_")) == ("did you mean ", 5)
    assert few.endswith("; there are rule_0, rule_1, rule_2, rule_3, rule_4")
    assert many.endswith("; rally-health rules list has all of them")
