"""An author's tools on a shop that nobody described: a new rule, its trial, suggestions, and all of its bad rows."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from checks import Bad, Severity, above, check, rows
from checks.author.mutants import mutant_of
from checks.engine.authoring.spec import Check
from flows.cli.shared import Exit
from tests.conftest import copy_of
from tests.flows.conftest import Run
from tests.flows.conftest import run as run  # noqa: PLC0414 - a fixture

SHOP = """
create table orders (id int primary key, customer_id int, state text, total numeric, customer_name text);
insert into orders select g, nullif(g % 7, 0), (array['new', 'paid'])[1 + g % 2], g * 1.5, 'Secret'
  from generate_series(1, 50) g;
"""
RULES = """
from checks import *

@row_check("orders", severity=Severity.LOW, threshold=above(warn=rows(0)))
def impossible(row: Row):
    '''Never.'''
    return (row.id > 0) & (row.id < 0)

@row_check("orders", severity=Severity.LOW, threshold=above(warn=rows(0)))
def unpaid(row: Row):
    '''Two columns and a word of its own.'''
    return (row.total < 0) & (row.state == "void")

@row_check("orders", severity=Severity.LOW, threshold=above(warn=rows(0)), good=[{"total": 1}, {"total": 7}],
           bad=[{"total": -1}, {"total": 3}])
def wrong_rows(row: Row):
    '''One of the bad rows is good.'''
    return row.total < 0

@check(severity=Severity.LOW, threshold=above(warn=rows(0)), tables={"orders": "orders"}, table="orders",
       good=[{"total": 1}], bad=[{"total": 5, "state": "new"}, {"total": 6, "state": "new"}])
def across(orders):
    '''Totals above four.'''
    from sqlalchemy import select
    return Bad(select(orders.c.id).where(orders.c.total > 4))
"""


@pytest.fixture
def database(server: str) -> Iterator[Engine]:
    """A shop; our own tables are not there."""
    copies = copy_of(server, "template1")
    engine = next(copies)
    with engine.begin() as connection:
        connection.exec_driver_sql(SHOP.replace("%", "%%"), ())
    yield engine
    next(copies, None)


def test_a_new_rule_runs_and_passes_its_trial(run: Run, tmp_path: Path) -> None:
    assert run("rules", "new", "order_without_customer", "--table", "orders").code == Exit.OK
    again = run("rules", "new", "order_without_customer", "--table", "orders")

    tried = run("rules", "test", "rules/order_without_customer.py")

    assert again.code == Exit.USAGE
    assert (tried.code, tried.out.splitlines()[0]) == (Exit.OK, "ok      order_without_customer: 1 good, 1 bad")


ODD_TABLES = ['"Order Lines"', '"a ""b"" \\ c"', '"Old Shop"."class"']


@pytest.mark.parametrize("table", ODD_TABLES)
def test_a_new_rule_runs_whatever_its_table_is_called(run: Run, database: Engine, table: str) -> None:
    """Quotes of a name ended the text of the file that was written, which Python then refused."""
    with database.begin() as connection:
        connection.exec_driver_sql('create schema "Old Shop"')
        connection.exec_driver_sql(f'create table {table} (id int primary key, "it\'s ""so"" \\" text)')

    written = run("rules", "new", "odd_row", "--table", table)
    tried = run("rules", "test", "rules/odd_row.py")

    assert (written.code, tried.code) == (Exit.OK, Exit.OK), tried.out
    assert tried.out.splitlines()[0] == "ok      odd_row: 1 good, 1 bad"


@pytest.mark.parametrize("name", ["class", "None", "test_orders", "_orders", "order line"])
def test_what_no_rule_can_be_called_is_refused(run: Run, tmp_path: Path, name: str) -> None:
    ended = run("rules", "new", name, "--table", "orders")

    assert (ended.code, ended.out) == (
        Exit.USAGE, f"{name!r} is no name of a rule; expected such as order_without_customer",
    )  # fmt: skip
    assert not (tmp_path / "rules").exists()


def test_a_rule_that_cannot_fail_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(RULES)

    lines = {line.split(":")[0]: line for line in run("rules", "test", "mine.py").out.splitlines()}

    assert lines["FAILED  impossible"].startswith("FAILED  impossible: it cannot fail, or not on one of")
    assert lines["ok      unpaid"].startswith("ok      unpaid: it can fail: ")
    assert lines["FAILED  wrong_rows"] == "FAILED  wrong_rows: 1 of 2 bad rows are found"
    assert lines["ok      across"] == "ok      across: 1 good, 2 bad"


OF_LITERALS = [
    "func.extract('month', row.placed) == 7",
    "(func.extract('month', row.placed) == 7) & (func.extract('day', row.placed) == 4)",
    "func.extract('dow', row.placed) == 0",
    "func.extract('year', row.placed) < 1990",
    "func.extract('doy', row.placed).between(200, 210)",
    "row.placed > date(2031, 5, 5)",
    "row.placed.between(date(2031, 5, 5), date(2031, 5, 7)) & (row.state == 'sent')",
    "func.extract('hour', row.packed) == 17",
    "row.packed > time(22, 15)",
    "func.extract('days', row.took) > 400",
    "row.took > func.make_interval(0, 0, 0, 1200)",
    "(row.total > 1234.5) & (row.total < 1236)",
    "row.total == -77",
    "row.number.in_([4711, 4712]) & (row.total > 3) & (row.state == 'paid')",
    "func.length(row.state) > 300",
    "row.state.like('%void%')",
    "func.upper(row.state) == 'VOID'",
    "row.state != func.btrim(row.state)",
    "(row.state == 'void') & (row.total < 0) & row.placed.is_(None)",
    "literal_column(\"state = 'ab''c'\", Boolean)",
    "row.state.regexp_match('^void$')",
]


@pytest.mark.parametrize(
    "conditions", [OF_LITERALS[::6], pytest.param(OF_LITERALS, marks=pytest.mark.slow)], ids=["some", "all"]
)
def test_rows_made_up_hold_what_the_rule_itself_compares_with(
    run: Run, tmp_path: Path, database: Engine, conditions: list[str]
) -> None:
    columns = "number int, total numeric, state text, placed date, packed time, took interval"
    with database.begin() as connection:
        connection.exec_driver_sql(f"create table sales (id int primary key, {columns}, note text, other text)")
    rules = [
        f"@row_check('sales', severity=Severity.LOW, threshold=above(warn=rows(0)))\n"
        f"def rule_{number:02}(row: Row):\n    return {condition}\n"
        for number, condition in enumerate(conditions)
    ]
    header = (
        "from datetime import date, time\nfrom sqlalchemy import Boolean, func, literal_column\nfrom checks import *\n"
    )
    (tmp_path / "mine.py").write_text("\n".join([header, *rules]))

    tried = run("rules", "test", "mine.py").out.splitlines()

    failed = [line for line in tried if line.startswith("FAILED")]
    assert (failed, len(tried)) == ([], len(conditions) + 1)


HALF_TRIED = """
from checks import *

@row_check("orders", severity=Severity.LOW, threshold=above(warn=rows(0)),
           good=[{"total": 1, "state": "new"}], bad=[{"total": -1, "state": "paid"}])
def negative(row: Row):
    '''A total below zero.'''
    return (row.total < 0) & (row.state != "void")
"""


def test_changes_that_no_row_notices_are_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(HALF_TRIED)

    tried = run("rules", "test", "mine.py")

    assert (tried.code, tried.out.splitlines()) == (
        Exit.OK,
        [
            "ok      negative: 1 good, 1 bad",
            "        no row notices: orders.total < 0 with <=",
            "        no row notices: orders.state != 'void' left out",
            "1 rule tried, 0 failed.",
        ],
    )


def test_words_of_a_sql_rule_are_changed_too() -> None:
    rule = check(severity=Severity.LOW, threshold=above(warn=rows(0)))(
        lambda: Bad(text("select id from orders where total <= 0 and state is not null"))  # type: ignore[arg-type]
    )
    mutants = [mutant_of(Check.of(rule, "shop"), number) for number in range(4)]

    changed = [str(mutant.check.function().found) for mutant in mutants]

    assert [mutant.said for mutant in mutants] == [
        "from orders where total <= 0 and state is not null with < for <=",
        "m orders where total <= 0 and state is not null with or for and",
        "here total <= 0 and state is not null with is null for is not null",
        "",
    ]
    assert changed[0] == "select id from orders where total < 0 and state is not null"
    assert changed[3] == "select id from orders where total <= 0 and state is not null"


def test_a_trial_leaves_the_database_as_it_was(run: Run, tmp_path: Path, database: Engine) -> None:
    (tmp_path / "mine.py").write_text(RULES)
    run("rules", "test", "mine.py")

    with database.connect() as connection:
        assert connection.exec_driver_sql("select count(*) from orders").scalar_one() == 50
        rooms = connection.exec_driver_sql("select count(*) from pg_namespace where nspname like 'rally%%'", ())
        assert rooms.scalar_one() == 0


ELSEWHERE = """
create schema "Old Shop";
create table "Old Shop"."Sales" (id int primary key, state text not null, total numeric, customer_id int);
create table "Old Shop".customers (id int primary key);
"""
RULES_ELSEWHERE = """
from sqlalchemy import exists, select, text
from checks import *
from checks.ready import references, unique

SALES = '"Old Shop"."Sales"'
LOW = dict(severity=Severity.LOW, threshold=above(warn=rows(0)))
sale_twice = unique(SALES, "customer_id")
sale_to_nobody = references(SALES, "customer_id", to='"Old Shop".customers.id')

@row_check(SALES, good=[{"state": "x"}], bad=[{"state": ""}], **LOW)
def no_state(row: Row):
    '''Of one row.'''
    return row.state == ""

@check(table=SALES, tables={"sales": SALES, "customers": '"Old Shop".customers'},
       good=[{"customer_id": 1}, {"table": "Old Shop.customers", "id": 1}], bad=[{"customer_id": 2}], **LOW)
def nobody(sales, customers):
    '''Across tables.'''
    return Bad(select(sales.c.id).where(~exists().where(customers.c.id == sales.c.customer_id)))

@check(table=SALES, good=[{"total": 1}], bad=[{"total": 0}], **LOW)
def free():
    '''As text.'''
    return Bad(text('select id from "Old Shop"."Sales" where total = 0'))
"""
SQL_ELSEWHERE = """-- It's sent, and free.
-- table: "Old Shop"."Sales"
select id from "Old Shop"."Sales" where state = 'sent' and total = 0
"""


def test_tables_of_another_schema_are_tried_in_copies_too(run: Run, tmp_path: Path, database: Engine) -> None:
    """They were looked for in the search path alone: "there is no table 'sales.orders' to write rows into"."""
    with database.begin() as connection:
        connection.exec_driver_sql(ELSEWHERE)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "elsewhere.py").write_text(RULES_ELSEWHERE)
    (tmp_path / "mine" / "sent_free.sql").write_text(SQL_ELSEWHERE)

    tried = run("rules", "test", "mine")

    lines = [line for line in tried.out.splitlines() if not line.startswith(" ")]
    assert tried.code == Exit.OK, tried.out
    assert [line.partition(": ")[::2] for line in lines[:3]] == [
        ("ok      free", "1 good, 1 bad"), ("ok      no_state", "1 good, 1 bad"), ("ok      nobody", "2 good, 1 bad"),
    ]  # fmt: skip
    assert all(": it can fail: " in line for line in lines[3:6])
    with database.connect() as connection:
        assert connection.exec_driver_sql('select count(*) from "Old Shop"."Sales"').scalar_one() == 0


def test_a_sql_rule_says_its_rows_in_json(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "void.sql"
    good, bad = '-- good: {"state": "paid"}', '-- bad: {"state": "void"}\n-- bad: {"state": "void", "id": 7}'
    file.write_text(f"-- A void order.\n-- table: orders\n{good}\n{bad}\nselect id from orders where state = 'void'\n")
    tried = run("rules", "test", file)
    file.write_text(file.read_text().replace('{"state": "paid"}', "paid"))

    refused = run("rules", "test", file)

    assert tried.out.splitlines()[0] == "ok      void: 1 good, 2 bad"
    assert (refused.code, f"{file}:3: good: " in refused.out) == (Exit.USAGE, True)


NEARLY = """
create schema "Old Shop";
create table customers ("Id" int primary key);
create table "Old Shop"."Sales" (
  id int primary key, customer_id int, number text, note text, at timestamptz, day date, amount float8, gone timestamp);
insert into customers select g from generate_series(1, 90) g;
insert into "Old Shop"."Sales"
  select g, case when g > 97 then 999 else 1 + g % 90 end, 'N' || greatest(g, 3), nullif(g % 50, 0)::text,
    now() - g * interval '5 days', date '2020-01-01' + g, case g when 7 then 'NaN' else g / 3.0 end,
    timestamp '2001-01-01' + g * interval '1 day'
  from generate_series(1, 100) g;
"""


def test_what_is_suggested_passes_today(run: Run, tmp_path: Path, database: Engine) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql(NEARLY.replace("%", "%%"), ())
    suggested = run("rules", "profile", "orders").out + run("rules", "profile", '"Old Shop"."Sales"').out
    (tmp_path / "rally.toml").write_text(suggested)
    run("init", "--rules-only")

    checked = run("check", "--json", "-").json()["results"]

    assert {one["status"] for one in checked if one["threshold"] and "drop" not in one["threshold"]} == {"OK"}
    assert {"accepted_values_orders_state", "between_orders_total", "not_null_orders_total"} <= {
        one["rule"] for one in checked
    }
    assert 'values = ["new", "paid"]' in suggested
    assert "Secret" not in suggested
    assert "customer_name" not in suggested


def test_what_nearly_all_rows_keep_is_suggested_with_the_limit_that_they_pass(run: Run, database: Engine) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql(NEARLY.replace("%", "%%"), ())

    entries = tomllib.loads(run("rules", "profile", '"Old Shop"."Sales"').out)["rules"]

    table = '"Old Shop"."Sales"'
    found = {(one["kind"], one.get("column")): one for one in entries}
    assert found["references", "customer_id"]["to"] == 'customers."Id"'
    assert found["references", "customer_id"]["warn"] == "3 %"
    assert found["unique", "number"]["warn"] == "3 %"
    assert found["not_null", "note"]["warn"] == "2 %"
    assert found["fresh", "at"] == {"kind": "fresh", "table": table, "column": "at", "warn": "12 days"}
    assert found["between", "day"] == {"kind": "between", "table": table, "column": "day", "least": "2020-01-02"}
    assert not {("between", "amount"), ("fresh", "gone"), ("unique", "at"), ("unique", "day")} & set(found)


def test_rows_are_for_those_who_may_see_them(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("rules", "new", "order_without_customer", "--table", "orders")
    monkeypatch.setenv("RALLY_RULES", "rules")
    asked = ("check", "--name", "order_without_customer")

    refused = run(*asked, "--rows", "3")
    monkeypatch.setenv("RALLY_SHOW_ROWS", "true")
    shown = run(*asked, "--rows", "3")
    run(*asked, "--csv", "bad.csv")

    assert refused.code == Exit.USAGE
    assert "RALLY_SHOW_ROWS" in refused.out
    assert len(shown.out.splitlines()) == 4
    written = (tmp_path / "bad.csv").read_text().splitlines()
    assert written[0] == "id,customer_id,state,total"
    assert len(written) == 1 + 7
    assert "Secret" not in shown.out + "".join(written)
