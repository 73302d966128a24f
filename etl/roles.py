"""The role that checks take on: it reads our two schemas and can write nothing.

READ ONLY alone can be left by a statement that ends the transaction; a role without rights cannot.
"""

from __future__ import annotations

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from etl.tables import QUALITY

READER = "rally_reader"
GRANTS = (
    f"grant usage on schema public, {QUALITY} to {READER}",
    f"grant select on all tables in schema public, {QUALITY} to {READER}",
    f"alter default privileges in schema public grant select on tables to {READER}",
    f"alter default privileges in schema {QUALITY} grant select on tables to {READER}",
)


def ensure_reader(connection: Connection) -> bool:
    """Make the role, or renew its grants, where we may; False where the database's owner did not let us."""
    try:
        with connection.begin_nested():
            if connection.scalar(text("select 1 from pg_roles where rolname = :name"), {"name": READER}) is None:
                connection.execute(text(f"create role {READER} nologin"))
                connection.execute(text(f"grant {READER} to current_user"))
            for grant in GRANTS:
                connection.execute(text(grant))
    except DBAPIError:
        return False
    return True
