"""The role that checks take on reads everything of ours and writes nothing."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from etl.migrate import READER


@pytest.mark.parametrize("table", ["schedule", "players", "quality.import_feeds"])
def test_it_reads_both_schemas(database: Engine, table: str) -> None:
    with database.begin() as connection:
        connection.execute(text(f"set local role {READER}"))

        assert connection.scalar(text(f"select count(*) from {table}")) == 0


@pytest.mark.parametrize(
    "statement", ["delete from schedule", "create table stray (id int)", "select pg_read_file('x')"]
)
def test_it_can_neither_write_nor_read_files(database: Engine, statement: str) -> None:
    with database.begin() as connection:
        connection.execute(text(f"set local role {READER}"))

        with pytest.raises(ProgrammingError, match="permission denied"):
            connection.execute(text(statement))


def test_it_reads_tables_that_come_later(database: Engine) -> None:
    with database.begin() as connection:
        connection.execute(text("create table public.later as select 1 as one"))
        connection.execute(text(f"set local role {READER}"))

        assert connection.scalar(text("select one from public.later")) == 1
