"""Settings that a statement over whole feeds needs."""

from __future__ import annotations

from sqlalchemy import Connection, text

from etl.importing.staging import joining_by_hash, sorting_in_memory


def test_joins_are_by_hash_for_these_statements_alone(connection: Connection) -> None:
    before = settings(connection)

    with joining_by_hash(connection):
        inside = settings(connection)

    assert inside == ("off", "64MB")
    assert settings(connection) == before
    assert before[0] == "on"


def test_sorts_have_memory_for_these_statements_alone(connection: Connection) -> None:
    before = settings(connection)

    with sorting_in_memory(connection):
        inside = settings(connection)

    assert inside == ("on", "128MB")
    assert settings(connection) == before


def settings(connection: Connection) -> tuple[str, str]:
    nested, memory = (connection.execute(text(f"show {name}")).scalar_one() for name in ("enable_nestloop", "work_mem"))
    return nested, memory
