"""Rules are measured through an account that can only read, where the database's own could do more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, text

from etl.adoption.rights import READER
from etl.tables import leagues
from tests.flows.conftest import Run
from tests.platform import servers

RULES = """
from sqlalchemy import literal_column
from checks import Row, Severity, above, percent, row_check
from etl.tables import leagues

LIMIT = above(warn=percent(1))

@row_check(leagues, severity=Severity.LOW, threshold=LIMIT, retries=0)
def makes_a_slot(row: Row):
    \"\"\"It leaves the role that it was given, and makes what only a superuser may.\"\"\"
    left = "set_config('role', 'none', false)"
    return literal_column(f"case when {left} = 'none' then"
                          " (pg_create_physical_replication_slot('stolen')).slot_name = 'stolen' end")

@row_check(leagues, severity=Severity.LOW, threshold=LIMIT)
def has_no_name(row: Row):
    \"\"\"A league has no name.\"\"\"
    return row.league_name.is_(None)
"""
BOTH = ("check", "--name", "makes_a_slot", "--name", "has_no_name", "--no-history")
SUPERUSER = "the account of DATABASE_URL is a superuser: a rule could leave the read-only role"


@pytest.fixture
def slots(database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Rules of one's own, the slots that they have made by the end of a test, and the role as it was."""
    (tmp_path / "mine.py").write_text(RULES)
    monkeypatch.setenv("RALLY_RULES", str(tmp_path / "mine.py"))
    with database.begin() as connection:
        connection.execute(insert(leagues).values(league_id="CNSWPL", league_name="North Shore"))
    yield []
    for name in made(database):
        administer(database, f"select pg_drop_replication_slot('{name}')")
    administer(database, f"alter role {READER} login password null")


def made(database: Engine) -> list[str]:
    with database.begin() as connection:
        return list(connection.scalars(text("select slot_name from pg_replication_slots")))


def administer(database: Engine, statement: str) -> None:
    servers.administer(database.url.render_as_string(hide_password=False), statement)


def test_a_superusers_rules_are_measured_through_the_reader_itself(
    run: Run, database: Engine, slots: list[str]
) -> None:
    ran = run(*BOTH, "--json", "-")

    report = ran.json()
    status = {one["rule"]: one["status"] for one in report["results"]}
    assert status == {"makes_a_slot": "ERROR", "has_no_name": "OK"}
    assert made(database) == slots
    assert report["complaints"] == []


def test_where_the_reader_cannot_log_in_every_check_warns(run: Run, database: Engine, slots: list[str]) -> None:
    administer(database, f"alter role {READER} nologin")

    ran = run(*BOTH)

    assert SUPERUSER in " ".join(ran.out.split())
    # what the warning is about
    assert made(database) == [*slots, "stolen"]


def test_a_strict_check_refuses_such_an_account(run: Run, database: Engine, slots: list[str]) -> None:
    administer(database, f"alter role {READER} nologin")

    ran = run(*BOTH, "--strict")

    assert (ran.code, made(database)) == (2, slots)
    assert ran.out == (
        f"{SUPERUSER}; let rally_reader log in, or set RALLY_READER_URL: docs/OPERATIONS.md (refused, for the run is"
        " strict)"
    )


def test_a_strict_check_goes_through_the_reader(run: Run, database: Engine, slots: list[str]) -> None:
    assert run(*BOTH, "--strict").code == 5
    assert made(database) == slots


def test_a_reader_of_ones_own_is_named_by_a_setting(
    run: Run, database: Engine, slots: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    administer(database, "drop role if exists auditor")
    administer(database, f"create role auditor login in role {READER}")
    url = database.url.set(username="auditor").render_as_string(hide_password=False)
    monkeypatch.setenv("RALLY_READER_URL", url)

    report = run(*BOTH, "--json", "-").json()

    assert [one["status"] for one in report["results"] if one["rule"] == "has_no_name"] == ["OK"]
    assert (made(database), report["complaints"]) == (slots, [])
    administer(database, "drop role auditor")


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("postgres", (2, "RALLY_READER_URL leads to another database than DATABASE_URL; name the same one")),
        ("nowhere", (4, "cannot be reached")),
    ],
)
@pytest.mark.usefixtures("slots")
def test_a_reader_that_leads_elsewhere_is_refused(
    run: Run, database: Engine, monkeypatch: pytest.MonkeyPatch, name: str, ends: tuple[int, str]
) -> None:
    monkeypatch.setenv("RALLY_READER_URL", database.url.set(database=name).render_as_string(hide_password=False))

    ran = run(*BOTH)

    assert ran.code == ends[0]
    assert ends[1] in ran.out
    assert made(database) == []


def test_doctor_says_through_whom_rules_are_measured(run: Run, database: Engine, slots: list[str]) -> None:
    through = run("doctor").out
    administer(database, f"alter role {READER} nologin")
    warned = run("doctor").out

    assert "measured through rally_reader, which can only read" in through
    assert SUPERUSER in " ".join(warned.split())
    assert made(database) == slots
