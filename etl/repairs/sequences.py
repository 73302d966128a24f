"""The sequences behind ids. A restarted one takes part in the transaction: its state comes back with a rollback."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, Connection, Integer, cast, column, func, select, table, text
from sqlalchemy.dialects.postgresql import REGCLASS

from etl.repairs.shape import Shape

SEQUENCES = text("""
select n.nspname || '.' || c.relname
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.oid = pg_get_serial_sequence(format('%I.%I', cast(:schema as text), cast(:name as text)), :column)::regclass
""")


def names_of(connection: Connection, shape: Shape) -> list[str]:
    """The sequences that give a table's rows their key."""
    wanted = ({"schema": shape.schema, "name": shape.name, "column": key} for key in shape.key)
    return [name for one in wanted for name in connection.scalars(SEQUENCES, one)]


def state(connection: Connection, name: str) -> dict[str, Any]:
    """What a sequence gave last, and whether it did."""
    schema, _, own = name.partition(".")
    sequence = table(own, column("last_value", Integer), column("is_called", Boolean), schema=schema)
    row = connection.execute(select(sequence)).one()
    return {"last_value": row.last_value, "is_called": row.is_called}


def held(connection: Connection, name: str) -> dict[str, Any]:
    """The state of a sequence that takes part in this transaction from now on; nobody else gets a number meanwhile."""
    before = state(connection, name)
    restart(connection, name, before)
    return state(connection, name)


def restart(connection: Connection, name: str, to: dict[str, Any]) -> None:
    """Give a sequence a state, within this transaction."""
    schema, _, own = name.partition(".")
    quote = connection.dialect.identifier_preparer.quote
    # the restart makes a new store that dies with a rollback; setval writes into that one
    connection.exec_driver_sql(f"alter sequence {quote(schema)}.{quote(own)} restart with {int(to['last_value'])}")
    where = f"{quote(schema)}.{quote(own)}"
    connection.execute(select(func.setval(cast(where, REGCLASS), int(to["last_value"]), bool(to["is_called"]))))
