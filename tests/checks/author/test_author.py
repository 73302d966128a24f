"""An author's tools on a shop that nobody described: a new rule, its trial, suggestions, and all of its bad rows."""

from __future__ import annotations

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


def test_a_rule_that_cannot_fail_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(RULES)

    lines = {line.split(":")[0]: line for line in run("rules", "test", "mine.py").out.splitlines()}

    assert lines["FAILED  impossible"].startswith("FAILED  impossible: it cannot fail, or not on one of")
    assert lines["ok      unpaid"].startswith("ok      unpaid: it can fail: ")
    assert lines["FAILED  wrong_rows"] == "FAILED  wrong_rows: 1 of 2 bad rows are found"
    assert lines["ok      across"] == "ok      across: 1 good, 2 bad"


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
            "1 rules tried, 0 failed.",
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


def test_what_is_suggested_passes_today(run: Run, tmp_path: Path) -> None:
    suggested = run("rules", "profile", "orders").out
    (tmp_path / "rally.toml").write_text(suggested)

    kinds = {rule["rule"] for rule in run("rules", "list", "--domain", "orders", "--json").json()}

    assert {"accepted_values_orders_state", "between_orders_total", "not_null_orders_total"} <= kinds
    assert 'values = ["new", "paid"]' in suggested
    assert "Secret" not in suggested
    assert "customer_name" not in suggested


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
