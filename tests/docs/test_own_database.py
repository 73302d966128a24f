"""Somebody with a database of his own follows docs/YOUR_OWN_DATABASE.md to a report with eight rules."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from flows.cli.shared import Exit
from tests.conftest import copy_of
from tests.flows.conftest import Run
from tests.flows.conftest import run as run  # noqa: PLC0414 - a fixture

PAGE = Path(__file__).resolve().parents[2] / "docs" / "YOUR_OWN_DATABASE.md"
ODD = PAGE.parents[1] / ".." / "shared" / "cases" / "01-odd-tables"
SHOP = """
create table customers (id int primary key, email text, since date);
create table orders (
  id int primary key, number text, customer_id int, state text, paid_at timestamp, sent_at timestamp);
create table "Order Lines" (id int primary key, "Order" int, "Quantity" int);
insert into customers select g, 'c' || g || '@example.org', date '2025-01-01' + g from generate_series(1, 20) g;
insert into orders select g, 'N' || g, 1 + g % 20, 'paid', now() - interval '2 days', now() - interval '1 day'
  from generate_series(1, 200) g;
insert into "Order Lines" select g, 1 + g % 199, 1 + g % 5 from generate_series(1, 600) g;
update orders set number = 'N1' where id = 2;
update orders set customer_id = 99 where id = 3;
update orders set customer_id = null where id = 4;
update orders set sent_at = paid_at - interval '1 hour' where id in (5, 6);
"""
ODD_RULE = """
[[rules]]
kind = "not_null"
table = '"Odd Schema"."Order ""Table"" %s :x"'
column = "Line%"
severity = "LOW"
"""


@pytest.fixture
def database(server: str) -> Iterator[Engine]:
    """The shop, and the odd tables where they are at hand."""
    copies = copy_of(server, "template1")
    engine = next(copies)
    with engine.begin() as connection:
        connection.exec_driver_sql(SHOP.replace("%", "%%"), ())
    if ODD.is_dir():
        with engine.connect() as connection:
            connection.connection.cursor().execute((ODD / "schema.sql").read_text(encoding="utf-8"))
            connection.connection.commit()
    yield engine
    next(copies, None)


def section() -> str:
    return PAGE.read_text(encoding="utf-8").split("## Eight rules in ten commands\n")[1].split("\n## ")[0]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", section(), re.DOTALL)


def test_eight_rules_in_ten_commands(run: Run, tmp_path: Path) -> None:
    begin, then = ([shlex.split(line) for line in block.splitlines()] for block in blocks("sh"))
    said = {}
    for words in begin:
        if words[0] != "export":
            said[words[1]] = run(*words[1:])
    (tmp_path / "rally.toml").write_text(blocks("toml")[0] + (ODD_RULE if ODD.is_dir() else ""))
    (tmp_path / "rules" / "lines.py").write_text(blocks("python")[0])
    (tmp_path / "rules" / "sent_before_paid.sql").write_text(blocks("sql")[0])
    for words in then:
        said[" ".join(words[1:3])] = run(*words[1:])

    assert len(begin) + len(then) == 10
    assert {name: ran.code for name, ran in said.items()} == dict.fromkeys(said, Exit.OK) | {
        "check": Exit.CHECKS_FAILED, "check --last-failed": Exit.CHECKS_FAILED,
    }  # fmt: skip
    report = run("check", "--json", "-", "--no-history").json()
    found = {result["rule"]: result["count"] for result in report["results"]}
    odd = {"not_null_odd_schema_order_table_s_x_line": 1} if ODD.is_dir() else {}
    assert found == odd | {
        "accepted_values_orders_state": 0, "between_order_lines_quantity": 0, "not_null_customers_since": 0,
        "order_without_customer": 0, "order_without_lines": 1, "references_orders_customer_id": 1,
        "sent_before_paid": 2, "unique_orders_number": 2,
    }  # fmt: skip
    assert (tmp_path / "report.html").stat().st_size > 1_000


def test_a_rule_about_a_table_that_checks_may_not_read_says_what_to_do(run: Run, tmp_path: Path) -> None:
    run("init", "--rules-only")
    run("rules", "new", "order_without_number", "--table", "orders")
    (tmp_path / "rally.toml").write_text('rule_sources = ["rules"]\n')
    before = run("check", "--no-history")
    run("init", "--rules-only")

    assert "next: rally-health init --rules-only, or rally-health doctor" in before.out
    assert run("check", "--no-history").code == Exit.OK


def test_columns_that_are_called_like_a_platforms_lead_to_no_leagues(
    run: Run, tmp_path: Path, database: Engine
) -> None:
    """A shop's orders may have a `league_id`: there is no table `leagues` to look it up in."""
    with database.begin() as connection:
        connection.exec_driver_sql(
            "alter table orders add league_id int default 7, add series text default 'x', add club_id int default 1,"
            " add team_id int default 5, add created_at timestamptz default now()"
        )
    (tmp_path / "rally.toml").write_text('[[rules]]\nkind = "unique"\ntable = "orders"\ncolumn = "number"\n')
    run("init", "--rules-only")

    report = run("check", "--json", "-").json()

    (result,) = report["results"]
    assert (result["count"], len(result["examples"]), result["note"]) == (2, 2, None)
    assert (report["complaints"], report["parts"]) == ([], {})
