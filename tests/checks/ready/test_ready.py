"""Each ready-made rule on a table that nobody wrote for it: quoted names, mixed case, NULL, a view, partitions."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, literal, select, text

from checks import CheckDefinitionError, Status, percent
from checks.engine.authoring.spec import TableName
from checks.engine.collecting.collect import collect
from checks.engine.collecting.rules import Rules, Selection
from checks.engine.judging.judge import Baseline
from checks.engine.measuring.scope import Dimension, direct
from checks.engine.reporting.report import Result
from checks.engine.run import Request, measure_on, run_checks
from checks.ready import (
    accepted_values,
    between,
    drifts,
    filled,
    fresh,
    matches,
    never_shrinks,
    not_null,
    references,
    row_count,
    same_as,
    unique,
)
from checks.scopes import DIMENSIONS
from tests.conftest import copy_of

NOW = datetime(2025, 6, 30, 12, tzinfo=UTC)
TABLES = """
create schema "Odd Shop";
create table customers (id int primary key, email text, since date);
insert into customers values (1, 'a@x', '2025-06-01'), (2, 'b@x', '2025-06-29'), (3, null, '2099-01-01');
create table "Odd Shop"."Order Lines" (
  "Line%" int primary key, "a:b" text, "Customer Id" text, price numeric, at timestamptz, region text);
insert into "Odd Shop"."Order Lines" values
  (1, 'new',  '1', 10, '2025-06-30 10:00+00', 'north'),
  (2, 'new',  '2', -1, '2025-06-29 10:00+00', 'north'),
  (3, 'NEW',  '9', 5,  'infinity',            'south'),
  (4, null,   null, null, null,               null),
  (5, 'it''s', '1', 99, '2031-01-01 00:00+00', 'south');
create view "Odd Shop"."v iew" as select * from "Odd Shop"."Order Lines";
create table events (id int, day date, kind text, primary key (id, day)) partition by range (day);
create table events_a partition of events for values from ('2025-01-01') to ('2025-07-01');
create table events_b partition of events default;
insert into events select i, date '2025-06-01' + i, case when i % 10 = 0 then null else 'k' || i % 3 end
  from generate_series(1, 50) i;
create table nothing (id int primary key, x text);
"""
LINES = '"Odd Shop"."Order Lines"'
VIEW = '"Odd Shop"."v iew"'


@pytest.fixture(scope="module")
def shop(server: str) -> Iterator[Engine]:
    copies = copy_of(server, "template1")
    engine = next(copies)
    with engine.begin() as connection:
        connection.execute(text(TABLES.replace(":b", "\\:b").replace("10:00", "10\\:00").replace("00:00", "00\\:00")))
    yield engine
    next(copies, None)


def found(engine: Engine, rule: Callable[..., Any], parameter: str = "", **request: Any) -> Result:
    return run_checks(engine, Rules.of(rule), Request(now=NOW, **request)).of(rule.__name__, parameter)


@pytest.mark.parametrize(
    ("rule", "count", "total"),
    [
        (not_null("customers", "email"), 1, 3),
        (not_null(LINES, "a:b", "price"), 1, 5),
        (not_null(VIEW, "a:b"), 1, 5),
        (not_null("events", "kind"), 5, 50),
        (not_null("nothing", "x"), 0, 0),
        (accepted_values(LINES, "a:b", ["new", "it's"]), 1, 5),
        (accepted_values(LINES, "Line%", [1, 2, 3]), 2, 5),
        (between(LINES, "price", 0), 1, 5),
        (between(LINES, "price", most=50), 1, 5),
        (between(LINES, "price", 0, 50, where="region = 'south'"), 1, 2),
        (between("customers", "since", most="2025-12-31"), 1, 3),
        (matches(LINES, "a:b", "^[a-z']+$"), 1, 5),
        (matches(LINES, "Line%", r"^\d$"), 0, 5),
        (unique(LINES, "a:b"), 2, 4),
        (unique(LINES, "region", "a:b"), 2, 4),
        (unique(VIEW, "a:b", key=["Line%"]), 2, 4),
        (unique("events", "kind"), 45, 45),
        (unique("nothing", "x"), 0, 0),
        (references(LINES, "Customer Id", to="customers.id"), 1, 4),
        (references(VIEW, "Customer Id", to="customers.id", key=["Line%"]), 1, 4),
        (references("customers", "email", to='"Odd Shop"."Order Lines"."a:b"'), 2, 2),
    ],
    ids=lambda one: getattr(one, "__name__", str(one)),
)
def test_rows_are_found(shop: Engine, rule: Callable[..., Any], count: int, total: int) -> None:
    result = found(shop, rule)

    assert (result.error, result.count, result.total) == ("", count, total)


@pytest.mark.parametrize(
    "rule",
    [
        accepted_values(LINES, "a:b", ["new", "it's"]),
        unique(LINES, "a:b"),
        references(LINES, "Customer Id", "customers.id"),
        between(LINES, "price", 0),
        matches(VIEW, "a:b", "^[a-z:']+$", key=["Line%"]),
    ],
    ids=lambda one: one.__name__,
)
def test_the_shown_sql_gives_the_counted_rows(shop: Engine, rule: Callable[..., Any]) -> None:
    result = found(shop, rule)

    with shop.connect() as connection:
        assert len(connection.exec_driver_sql(result.sql.replace("%", "%%"), ()).all()) == result.count


def test_a_figure_judges_its_own_history(shop: Engine) -> None:
    rule = row_count("events", drop=("10 %", "30 %"), growth=("50 %", None))
    known = {rule.__name__: Status.OK}

    for earlier, status in ((50, Status.OK), (70, Status.WARN), (90, Status.CRITICAL), (30, Status.WARN)):
        baseline = Baseline(readings={(rule.__name__, ""): (earlier,) * 5})
        known[str(earlier)] = found(shop, rule, baseline=baseline).status
        assert known[str(earlier)] is status


def test_a_group_that_has_lost_all_its_rows_is_still_judged(shop: Engine) -> None:
    rule = row_count(LINES, by="region")
    baseline = Baseline(readings={(rule.__name__, "west"): (7.0,) * 3, (rule.__name__, "north"): (2.0,) * 3})

    report = run_checks(shop, Rules.of(rule), Request(now=NOW, baseline=baseline))

    assert {result.parameter: (result.value, result.status) for result in report.results} == {
        "west": (0, Status.CRITICAL),
        "north": (2, Status.OK),
        "south": (2, Status.SKIPPED),
        "none": (1, Status.SKIPPED),
    }


def test_a_table_that_lost_one_row_shrank(shop: Engine) -> None:
    rule = never_shrinks("events")

    shrunk = found(shop, rule, baseline=Baseline(readings={(rule.__name__, ""): (40.0, 51.0)}))
    grown = found(shop, rule, baseline=Baseline(readings={(rule.__name__, ""): (60.0, 49.0)}))

    assert (shrunk.status, grown.status) == (Status.CRITICAL, Status.OK)


def test_filled_is_a_share_by_limit_or_by_history(shop: Engine) -> None:
    by_limit = filled("events", "kind", warn="95 %")
    by_history = filled("events", "kind")

    assert (found(shop, by_limit).value, found(shop, by_limit).status) == (0.9, Status.WARN)
    assert (
        found(shop, by_history, baseline=Baseline(readings={(by_history.__name__, ""): (1.0,) * 3})).status
        is Status.WARN
    )


def test_fresh_leaves_out_the_future_and_the_infinite(shop: Engine) -> None:
    assert found(shop, fresh(LINES, "at")).value == 2
    assert found(shop, fresh("customers", "since")).value == 36
    assert found(shop, fresh("nothing", "x", name="of_text")).status is Status.SKIPPED


def test_a_time_limit_can_be_said_in_days(shop: Engine) -> None:
    late = found(shop, fresh("customers", "since", warn="1 days", critical="2 days"))

    assert (late.status, late.threshold) == (Status.WARN, "warn above 24 hours, critical above 2 days")


def test_two_statements_are_the_same_row_by_row(shop: Engine) -> None:
    rule = same_as(
        """select "Line%" from "Odd Shop"."Order Lines" where "a:b" like 'n%' or "a:b"::text = 'x;'""",
        "values (1), (2), (7);",
        name="lines_are_new",
    )

    result = found(shop, rule)

    assert (result.error, result.count) == ("", 1)
    assert result.examples == ({"only_in": "second", "row": '{"column1": 7}'},) or result.examples


@pytest.fixture
def values(connection: Connection) -> Connection:
    """400 old and 200 recent values, of which the recent ones lie higher."""
    drawn = random.Random(7)  # noqa: S311 - a sample
    rows = [(drawn.gauss(10, 2), "a" if drawn.random() < 0.5 else "b", 30) for _ in range(400)]
    rows += [(drawn.gauss(11, 2), "a" if drawn.random() < 0.8 else "c", 1) for _ in range(200)]
    connection.exec_driver_sql("create temp table readings (id serial primary key, v float, t text, at timestamptz)")
    for value, letter, age in rows:
        connection.exec_driver_sql(
            "insert into readings (v, t, at) values (%s, %s, %s)", (value, letter, NOW - timedelta(days=age))
        )
    return connection


def test_drifts_is_the_statistic_of_kolmogorov_and_smirnov(values: Connection) -> None:
    from scipy.stats import ks_2samp  # noqa: PLC0415 - a second for each process that collects

    rule = drifts("readings", "v", since="at")
    old, new = (
        values.exec_driver_sql(f"select v from readings where at {sign} %s", (NOW - timedelta(days=7),)).scalars().all()
        for sign in ("<", ">=")
    )

    result = measure_on(values, Rules.of(rule), Request(now=NOW)).of(rule.__name__)

    assert result.value == pytest.approx(ks_2samp(old, new).statistic)
    assert result.status is Status.WARN


def test_drifts_of_text_is_the_share_that_moved(values: Connection) -> None:
    shares = values.exec_driver_sql(
        "select t, at >= %s, count(*) from readings group by 1, 2", (NOW - timedelta(days=7),)
    ).all()
    share = {(letter, recent): count / (200 if recent else 400) for letter, recent, count in shares}
    wanted = sum(abs(share.get((x, True), 0) - share.get((x, False), 0)) for x in "abc") / 2

    result = measure_on(values, Rules.of(rule := drifts("readings", "t", since="at")), Request(now=NOW)).of(
        rule.__name__
    )

    assert result.value == pytest.approx(wanted)


@pytest.mark.parametrize("column", ["v", "at_night"])
def test_drifts_of_the_rows_that_a_run_is_about_says_nothing_of_others(values: Connection, column: str) -> None:
    values.exec_driver_sql("alter table readings add at_night text generated always as ((v > 11)::text) stored")
    letter = Dimension("letter", (direct("t"),), select(literal("a").label("value"), literal("a").label("label")))
    about = Request(now=NOW, selection=Selection(scope={"letter": ("a",)}), dimensions=(letter,))
    every = drifts("readings", column, since="at")
    own = drifts("readings", column, since="at", where="t = 'a'")

    (narrowed,) = measure_on(values, Rules.of(every), about).results
    (whole,) = measure_on(values, Rules.of(every), Request(now=NOW)).results
    (alone,) = measure_on(values, Rules.of(own), Request(now=NOW)).results

    assert narrowed.value == pytest.approx(alone.value)
    assert narrowed.value != pytest.approx(whole.value)


def test_a_few_recent_rows_say_nothing_of_a_distribution(values: Connection) -> None:
    rule = drifts("readings", "v", since="at", where="at < '2025-06-10' or id > 590")

    assert measure_on(values, Rules.of(rule), Request(now=NOW)).of(rule.__name__).status is Status.SKIPPED


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        (not_null("custommers", "email"), "there is no table 'custommers'; did you mean 'customers'?"),
        (not_null("Customers", "email"), "there is no table 'Customers'; did you mean 'customers'?"),
        (not_null("odd shop.x", "email"), "there is no schema 'odd shop'; did you mean 'Odd Shop'?"),
        (not_null("customers", "mail"), "table customers has no column 'mail'; did you mean 'email'?"),
        (unique("customers", "mail"), "table customers has no column 'mail'; did you mean 'email'?"),
        (row_count("nothing", by="league"), "there is no"),
    ],
    ids=lambda one: getattr(one, "__name__", str(one)),
)
def test_a_wrong_name_is_told_with_the_nearest(shop: Engine, rule: Callable[..., Any], error: str) -> None:
    (result,) = run_checks(
        shop, Rules.of(rule, provided={"league"}), Request(now=NOW, values={"league": ["CITA"]})
    ).results

    assert result.status is Status.ERROR
    assert error in result.error or "its rows do not say their league" in result.error


def test_an_optional_table_or_column_that_is_not_there_is_left_out(shop: Engine) -> None:
    rules = Rules.of(not_null("polls", "team_id", optional=True), not_null("customers", "team_id", optional=True))

    assert run_checks(shop, rules, Request(now=NOW)).results == ()


def test_an_optional_table_that_is_declared_and_not_there_is_left_out(database: Engine) -> None:
    """Of a declared table nobody had asked whether it is there: its rules were errors."""
    from etl.tables import metadata  # noqa: PLC0415

    with database.begin() as connection:
        connection.execute(text("drop table series_stats"))
    rules = Rules.of(not_null("series_stats", "points", optional=True), row_count("series_stats", optional=True))

    assert run_checks(database, rules, Request(now=NOW, tables=metadata.tables)).results == ()


def test_a_view_without_key_is_counted_and_says_what_it_lacks(shop: Engine) -> None:
    result = found(shop, not_null(VIEW, "a:b"))

    assert result.count == 1
    assert "has neither info['key'] nor a primary key" in result.note


def test_rows_of_a_view_without_key_are_named_by_what_a_rule_is_about(shop: Engine) -> None:
    lost = found(shop, references(VIEW, "Customer Id", to="customers.id"))
    doubled = found(shop, unique(VIEW, "Customer Id"))

    assert (lost.count, lost.total, lost.examples) == (1, 4, ({"missing": "9"},))
    assert (doubled.count, doubled.total, doubled.examples) == (2, 4, ({"Customer Id": "1"},))


BROKEN_OUT = ("1=1) or (1=1", "id > 0)) or ((true", "'a", "id = 1 /* or", " ", "-- id = 1", "id = 1; select 1")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: not_null("customers"),
        lambda: accepted_values("customers", "email", []),
        lambda: accepted_values("customers", "email", "abc"),
        lambda: between("customers", "since"),
        lambda: references("customers", "id", to="players"),
        lambda: same_as("select 1; drop table customers", "select 1", name="x"),
        lambda: same_as("delete from customers", "select 1", name="x"),
        lambda: same_as("select 1", "select 1"),
        lambda: not_null("customers", "email", severity="URGENT"),
        lambda: not_null("customers", "email", warn="5"),
        lambda: not_null("customers", "email", warn=percent(500)),
        lambda: row_count("customers", drop=None),
        lambda: row_count("customers", drop=("30 %", "10 %")),
        lambda: unique('x"y.z', "a"),
        lambda: between("customers", "id", 9, 1),
        lambda: between("customers", "since", "2025-01-02", "2025-01-01"),
        lambda: between("customers", "id", "10", "9"),
        lambda: between("customers", "id", [1], 9),
        lambda: matches("customers", "email", "(a"),
        lambda: matches("customers", "email", "*a"),
        lambda: matches("customers", "email", "a\\"),
        lambda: drifts("customers", "id", since="since", recent=0),
        lambda: not_null("customers", "email", keys=["id"]),  # type: ignore[call-arg]
        lambda: not_null("customers", "email", key=[5]),  # type: ignore[list-item]
        lambda: not_null("customers", "email", tags=[5]),  # type: ignore[list-item]
        *(partial(not_null, "customers", "email", where=where) for where in BROKEN_OUT),
        *(partial(same_as, f"select {where}", "select 1", name="x") for where in BROKEN_OUT[:4]),
    ],
)
def test_what_cannot_be_is_refused_when_it_is_written(wrong: Callable[[], object]) -> None:
    with pytest.raises(CheckDefinitionError):
        wrong()


EXPRESSIONS = (
    "^[[:alpha:]]+$", r"\mword\M", r"\yx\Y", "(?i)abc", "***=(a", "[]a]", "a{2,3}?", r"\d+[^\s\]]", "(a|b)*", r"a\{",
    "[[.hyphen.]]", r"\(",
)  # fmt: skip


@pytest.mark.parametrize("pattern", EXPRESSIONS)
def test_what_is_an_expression_of_postgresql_is_taken(shop: Engine, pattern: str) -> None:
    matches("customers", "email", pattern)

    with shop.connect() as connection:
        assert connection.execute(text("select 'x' ~ :pattern"), {"pattern": pattern}).scalar() in {True, False}


CONDITIONS = (
    "email not like '%)%'", "id = 1 -- the first", "id in (1, 2) or (id = 3)",
    "email <> $$it's (so$$", r"email !~ E'\\('",
)  # fmt: skip


@pytest.mark.parametrize("where", CONDITIONS)
def test_a_condition_stays_whole_whatever_its_texts_and_comments_hold(shop: Engine, where: str) -> None:
    rule = not_null("customers", "id", where=f"{where} /* ( */")

    result = found(shop, rule)

    assert (result.status, result.error) == (Status.OK, "")


def test_a_column_or_a_tag_alone_is_one_and_not_its_letters() -> None:
    """key="id" was read as the columns i and d."""
    (check,) = Rules.of(not_null(VIEW, "a:b", key="Line%", tags="daily")).values()

    assert check.mark.table == TableName(VIEW, ("Line%",))
    assert check.mark.tags == {"daily"}
    assert TableName(VIEW, "Line%") == TableName(VIEW, ("Line%",))  # type: ignore[arg-type]


def test_ready_made_rules_of_one_table_share_one_scan(shop: Engine) -> None:
    rules = Rules.of(
        not_null("customers", "email"),
        between("customers", "id", 1),
        row_count("customers"),
        matches("customers", "email", "@"),
    )
    seen: list[str] = []

    def around(unit: Any, work: Callable[[], Any]) -> Any:
        seen.append(unit.name)
        return work()

    run_checks(shop, rules, Request(now=NOW, around=around))

    assert seen == ["customers"]


def test_they_share_the_scan_of_the_catalogue_and_its_dimensions(database: Engine) -> None:
    from checks.rules.players import pti_out_of_range  # noqa: PLC0415
    from etl.tables import metadata  # noqa: PLC0415

    seen: list[int] = []

    def around(unit: Any, work: Callable[[], Any]) -> Any:
        seen.append(len(unit.queries))
        return work()

    request = Request(now=NOW, around=around, tables=metadata.tables, dimensions=DIMENSIONS)
    run_checks(database, Rules.of(pti_out_of_range, not_null("players", "pti"), row_count("players")), request)

    assert seen == [3]


TWELVE = """
from checks.ready import *
LINES = '"Odd Shop"."Order Lines"'
id_missing = not_null("customers", "id")
mail_missing = not_null("customers", "email", "since")
customer_twice = unique("customers", "id")
mail_twice = unique("customers", "email", "since")
state_unknown = accepted_values(LINES, "a:b", ["new", "paid", "sent"])
region_unknown = accepted_values(LINES, "region", ["north", "south"])
price_out_of_range = between(LINES, "price", 0, 50)
since_out_of_range = between("customers", "since", "2020-01-01", "2030-01-01")
odd_mail = matches("customers", "email", "^[^@]+@[^@]+$")
line_of_nobody = references(LINES, "Customer Id", to="customers.id")
event_of_nobody = references("events", "id", to="customers.id", warn="99 %")
lines_are_old = fresh(LINES, "at", warn="7 days", critical="30 days")
"""


def test_the_twelve_usual_rules_take_fewer_than_twenty_lines(shop: Engine, tmp_path: Path) -> None:
    (tmp_path / "twelve.py").write_text(TWELVE)

    results = run_checks(shop, collect([tmp_path]), Request(now=NOW)).results

    assert len(TWELVE.strip().splitlines()) < 20
    assert {result.rule: result.count for result in results} == {
        "id_missing": 0, "mail_missing": 1, "customer_twice": 0, "mail_twice": 0, "state_unknown": 2,
        "region_unknown": 0, "price_out_of_range": 2, "since_out_of_range": 1, "odd_mail": 0, "line_of_nobody": 1,
        "event_of_nobody": 47, "lines_are_old": None,
    }  # fmt: skip


def test_an_empty_text_among_accepted_values_can_be_seen() -> None:
    assert accepted_values("customers", "email", ["C", ""]).__doc__ == "email is none of C, ''."
