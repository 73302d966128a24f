"""A table that no one else has, and a short way to run rules on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Column, Engine, Integer, MetaData, Table, Text, event, select, text

from checks.engine.collecting.rules import Rules
from checks.engine.measuring.scope import Dimension, direct, through
from checks.engine.reporting.report import Report
from checks.engine.run import Options, Request, run_checks

NOW = datetime(2025, 6, 30, 12, tzinfo=UTC)

own = MetaData()
places = Table("places", own, Column("id", Integer, primary_key=True), Column("name", Text))
things = Table(
    "things",
    own,
    Column("id", Integer, primary_key=True),
    Column("name", Text),
    Column("size", Integer),
    Column("place_id", Integer),
    Column("shelf", Text),
    Column("phone", Text, info={"personal": True}),
    info={"key": ("name", "place_id")},
)

PLACE = Dimension("place", (direct("place_id"),), select(places.c.id, places.c.name))
SHELF = Dimension("shelf", (direct("shelf"), through("thing_id", things.c.id, things.c.shelf)))


def thing(name: str, size: int | None = 1, place_id: int | None = 1, shelf: str = "a", **rest: Any) -> dict[str, Any]:
    """A row of `things`."""
    return {"name": name, "size": size, "place_id": place_id, "shelf": shelf, "phone": None, **rest}


@pytest.fixture(scope="module")
def shelves(server: str) -> Iterator[Engine]:
    """A database with the tables `places` (North, South) and `things`."""
    from tests.conftest import copy_of  # noqa: PLC0415

    copies = copy_of(server, "template1")
    engine = next(copies)
    own.create_all(engine)
    with engine.begin() as connection:
        connection.execute(places.insert(), [{"id": 1, "name": "North"}, {"id": 2, "name": "South"}])
    yield engine
    next(copies, None)


@pytest.fixture
def put(shelves: Engine) -> Iterator[Callable[..., None]]:
    """Add rows to `things`; they are gone after the test."""

    def add(*rows: dict[str, Any]) -> None:
        with shelves.begin() as connection:
            connection.execute(things.insert(), list(rows))

    yield add
    with shelves.begin() as connection:
        connection.execute(text("truncate things"))


Run = Callable[..., Report]


@pytest.fixture
def run(shelves: Engine) -> Run:
    """Run marked functions against `things`; options of `Request` and `Options` by name."""

    def evaluate(*functions: Callable[..., Any], domain: str = "things", **options: Any) -> Report:
        rules = Rules.of(*functions, domain=domain, provided=options.get("values", {}))
        return run_checks(shelves, rules, request(**options))

    return evaluate


def request(**options: Any) -> Request:
    """A request of the fixed moment, with options of `Request` and `Options` by name."""
    known = {name: options.pop(name) for name in list(options) if name in Options.__dataclass_fields__}
    base = Request(now=NOW, options=Options(**{"pause": 0.0, **known}), run="00000000-0000-0000-0000-000000000001")
    return replace(base, **options)


@contextmanager
def counted(engine: Engine) -> Iterator[list[str]]:
    """The statements that are sent while the block runs."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)
