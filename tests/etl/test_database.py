"""Engines, and what their errors mean."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import pytest
from sqlalchemy import Engine, NullPool, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from checks.engine.measuring.child import in_child
from etl import DatabaseUnavailable
from etl.connections import TimeLimits
from etl.database import DatabaseUrlError, describe_error, engine_for, is_transient, open_engine, own_error, sqlstate


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_usual_scheme_is_taken(scheme: str, server: str) -> None:
    engine = open_engine(server.replace("postgresql+psycopg", scheme))

    with engine.begin() as connection:
        assert connection.scalar(text("select 1")) == 1
    engine.dispose()


def test_a_transaction_runs_in_utc_and_notices_a_dead_client(engine: Engine) -> None:
    with engine.begin() as connection:
        assert connection.scalar(text("show timezone")) == "UTC"
        assert connection.scalar(text("show client_connection_check_interval")) == "500ms"


@pytest.mark.parametrize("url", ["postgres//rally:secret@db/rally", "not a url", "mysql://rally:secret@db/rally"])
def test_a_url_that_cannot_be_used_never_shows_its_password(url: str) -> None:
    with pytest.raises(DatabaseUrlError) as caught:
        open_engine(url)

    assert "secret" not in str(caught.value)


def test_a_refused_connection_is_worth_another_try() -> None:
    engine = open_engine("postgresql://rally@127.0.0.1:1/rally")

    with pytest.raises(OperationalError) as caught:
        engine.connect()

    assert is_transient(caught.value)
    assert isinstance(own_error(caught.value), DatabaseUnavailable)


def test_a_statement_that_took_too_long_is_not_tried_again(engine: Engine) -> None:
    """It is an OperationalError like a lost connection; only its SQLSTATE tells them apart."""
    with engine.begin() as connection:
        connection.execute(text("set local statement_timeout = 1"))

        with pytest.raises(OperationalError) as caught:
            connection.execute(text("select pg_sleep(10)"))

    assert sqlstate(caught.value) == "57014"
    assert not is_transient(caught.value)


def test_a_constraint_that_a_row_meets_is_no_trouble_that_passes(database: Engine) -> None:
    """Rows are compared with every constraint before they are written; trying again would meet it again."""
    with database.connect() as connection, pytest.raises(IntegrityError) as caught:
        connection.execute(text("insert into leagues (league_id, league_name) values ('A', 'a'), ('A', 'a')"))

    assert not is_transient(caught.value)


def test_an_error_is_told_without_the_row_that_it_holds(database: Engine) -> None:
    """DETAIL says "Key (league_id)=(555-0100) already exists"; it could be a person's number."""
    with database.connect() as connection, pytest.raises(DBAPIError) as caught:
        connection.execute(
            text("insert into leagues (league_id, league_name) values ('555-0100', 'a'), ('555-0100', 'a')")
        )

    assert describe_error(caught.value) == (
        'duplicate key value violates unique constraint "uq_leagues_league_id" (SQLSTATE 23505)'
    )


def shared(url: str, **options: Any) -> AbstractContextManager[Engine]:
    """An engine of whoever connects like this test."""
    return engine_for(url, application="shares", limits=TimeLimits(lock=7), shared=True, **options)


def used(engine: Engine) -> Any:
    """The connection that an engine gives, and gets back."""
    with engine.begin() as connection:
        assert connection.execute(text("show lock_timeout")).scalar_one() == "7s"
        return connection.connection.driver_connection


def test_a_shared_engine_is_that_of_all_who_connect_alike_and_leaves_no_connection(server: str) -> None:
    with shared(server) as first:
        connection = used(first)
        with shared(server) as beside, shared(server, poolclass=NullPool) as another:
            assert (beside is first, another is first) == (True, False)
            assert used(beside) is connection
        assert not connection.closed
    with shared(server) as later:
        assert later is first
        assert connection.closed
        assert used(later) is not connection


def test_an_engine_that_is_not_shared_is_nobody_elses(server: str) -> None:
    with (
        engine_for(server, application="alone", limits=None) as one,
        engine_for(server, application="alone", limits=None) as other,
    ):
        assert one is not other


def test_a_forked_child_shares_no_engine_with_its_parent(server: str) -> None:
    with engine_for(server, application="forks", limits=None, shared=True) as engine:
        engine.connect().close()

        def own() -> bytes:
            with (
                engine_for(server, application="forks", limits=None, shared=True) as child,
                child.begin() as connection,
            ):
                return repr((child is engine, connection.execute(text("select 1")).scalar_one())).encode()

        assert in_child(20, "the child", own) == b"(False, 1)"
        with engine.begin() as connection:
            assert connection.execute(text("select 2")).scalar_one() == 2
