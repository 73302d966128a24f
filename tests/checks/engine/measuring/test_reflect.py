"""Tables that rules know by name are read from the database, however many, by as many statements as one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Engine, event

from checks import Row, Severity, above, row_check, rows
from checks.engine.authoring.spec import Check, TableName
from checks.engine.collecting.rules import Rules
from checks.engine.measuring.reflect import NamedTables


def about(*names: str) -> list[Check]:
    """The same rule about several tables."""

    @row_check("things", severity=Severity.LOW, threshold=above(warn=rows(0)))
    def thing_without_name(row: Row) -> Any:
        """A row has no name."""
        return row.name.is_(None)

    (check,) = Rules.of(thing_without_name, domain="things").values()
    return [replace(check, mark=replace(check.mark, table=TableName(name))) for name in names]


def statements_for(engine: Engine, *names: str) -> int:
    """How many statements it takes to read some tables."""
    said: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *details: said.append(details[2]))
    tables = NamedTables(engine.connect, {})
    tables.read_ahead(about(*names))
    assert {tables.table(TableName(name)).name for name in names} == set(names)
    return len(said)


def test_two_tables_take_as_many_statements_as_one(shelves: Engine) -> None:
    one = statements_for(shelves, "things")

    assert one > 0
    assert statements_for(shelves, "things", "places") == one
