"""What a run asks of the database, asked again by psycopg alone: what a whole check is compared with.

Everything that is not a question, such as savepoints and the history that is written, is left out: it is a floor.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import Engine, event

from tests.benchmarks.bench_checks import plain_url

Asked = dict[int, list[tuple[str, Any]]]
"""Questions with their values, in their order, by the connection that asked them."""


@contextmanager
def recorded(engine: Engine) -> Iterator[Asked]:
    """The questions that an engine asks meanwhile."""
    asked: Asked = {}
    alone = threading.Lock()

    def note(  # noqa: PLR0917 - as it is called
        connection: Any, cursor: Any, statement: str, values: Any, context: Any, many: bool
    ) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH")):
            with alone:
                asked.setdefault(id(cursor.connection), []).append((statement, values))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)


def seconds_alone(url: str, asked: Asked) -> float:
    """How long the same questions take, on as many connections at once, which stand already."""

    def ask(connection: psycopg.Connection[Any], own: list[tuple[str, Any]]) -> None:
        for statement, values in own:
            connection.execute(statement.encode(), values or None).fetchall()

    connections = [psycopg.connect(plain_url(url)) for _ in asked]
    began = time.perf_counter()
    with ThreadPoolExecutor(len(connections)) as pool:
        list(pool.map(ask, connections, asked.values()))
    seconds = time.perf_counter() - began
    for connection in connections:
        connection.close()
    return seconds
