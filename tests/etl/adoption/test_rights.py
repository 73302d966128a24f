"""The role that checks take on reads everything of ours and writes nothing."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, MetaData, Table, text
from sqlalchemy.exc import ProgrammingError

from etl.adoption.rights import READER, Readable
from etl.migrate import upgrade


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


def test_it_reads_no_table_of_the_platform_that_no_rule_reads(database: Engine) -> None:
    with database.begin() as connection:
        connection.execute(text("create table public.users as select 'secret' as password_hash"))
        connection.execute(text(f"set local role {READER}"))

        with pytest.raises(ProgrammingError, match="permission denied"):
            connection.execute(text("select * from public.users"))


def test_it_reads_the_columns_that_a_rule_declares(database: Engine) -> None:
    users = Readable.of(Table("users", MetaData()), ["id", "league_context"])
    with database.begin() as connection:
        connection.execute(text("create table public.users as select 1 as id, 2 as league_context, 'x' as secret"))
    upgrade(database, readable=(users,))

    with database.begin() as connection:
        connection.execute(text(f"set local role {READER}"))
        assert connection.scalar(text("select league_context from users")) == 2
        with pytest.raises(ProgrammingError, match="permission denied"):
            connection.execute(text("select secret from users"))


def test_what_earlier_versions_granted_is_taken_away(database: Engine) -> None:
    with database.begin() as connection:
        connection.execute(text("create table public.users as select 'secret' as password_hash"))
        connection.execute(text(f"grant select on users to {READER}"))
        connection.execute(text(f"alter default privileges in schema public grant select on tables to {READER}"))
    upgrade(database)

    with database.begin() as connection:
        connection.execute(text("create table public.later as select 1 as one"))
        for table in ("users", "later"):
            allowed = text("select has_table_privilege(:role, :table, 'SELECT')")
            assert not connection.scalar(allowed, {"role": READER, "table": table})
