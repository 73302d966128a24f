"""Dirt to write, and repairs of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from sqlalchemy import Connection, text

from checks.engine.collecting.rules import Rules
from checks.repairs.apply import apply
from checks.repairs.plan import Means, Plan, plan
from etl.repairs.ledger import Repair
from tests.checks.rules.entries import NOW, TODAY, Entry, insert_all

SEQUENCES = text("""
    select string_agg(format('select setval(%L, coalesce((select max(id) from %s), 0) + 1)',
                             pg_get_serial_sequence(c.oid::regclass::text, 'id'), c.oid::regclass), ';')
    from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
      and pg_get_serial_sequence(c.oid::regclass::text, 'id') is not null
""")


def write(connection: Connection, entries: Sequence[Entry]) -> None:
    """Write rows, and let ids go on behind them."""
    insert_all(connection, entries)
    connection.exec_driver_sql(connection.execute(SEQUENCES).scalar_one())


def means(connection: Connection, *feeds: Path) -> Means:
    return Means(connection, NOW, TODAY, feeds)


def planned(connection: Connection, rules: Rules, rule: str, *feeds: Path) -> Plan:
    return plan(rules, rule, means(connection, *feeds), "kim")


def repaired(
    connection: Connection, rules: Rules, rule: str, *feeds: Path, judged_by: Iterable[str] | None = None
) -> Repair:
    """Plan the fix of a rule, and apply it as rules judge it: all of them, or those of these names."""
    found = planned(connection, rules, rule, *feeds)
    assert found.repair is not None, found.why
    judges = rules if judged_by is None else rules.only(rules[name] for name in judged_by)
    return apply(judges, found.repair.id, means(connection), "kim")
