"""`init` and `doctor` on the platform's database, as a person types them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from checks import Status, history
from etl.database import open_engine, sqlstate
from flows.cli.shared import Exit
from tests.alerts.build import report, result
from tests.flows.conftest import Run
from tests.platform import dump
from tests.platform.fixtures import AUGUST, NOVEMBER
from tests.platform.servers import administer
from tests.platform.test_import import SEASON

NOON = datetime(2025, 3, 4, 12, tzinfo=UTC)
RULE = """
from checks import Severity, above, percent, row_check


@row_check("users", severity=Severity.LOW, threshold=above(critical=percent(50)))
def user_without_phone(row):
    \"\"\"A user has no phone number.\"\"\"
    return row.phone_number.is_(None)
"""


@pytest.fixture
def here(platform: Engine, run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line on the platform's database."""
    monkeypatch.setenv("DATABASE_URL", platform.url.render_as_string(hide_password=False))
    return run


@pytest.mark.usefixtures("few_rules")
@pytest.mark.parametrize("platform", [AUGUST, pytest.param(NOVEMBER, marks=pytest.mark.slow)], indirect=True, ids=str)
def test_a_dry_run_says_what_would_be_done_and_does_nothing(platform: Engine, here: Run) -> None:
    before = dump.catalogue(platform)

    ran = here("init", "--dry-run")

    assert ran.code == 0
    assert "schedule.ix_schedule_home_team_id: init adds this index" in ran.out
    assert "rally_reader" in ran.out
    assert dump.catalogue(platform) == before
    assert here("doctor", "--json").json()["findings"][-1]["level"] == "warning"


@pytest.mark.usefixtures("few_rules")
@pytest.mark.parametrize("platform", [AUGUST], indirect=True)
def test_it_is_taken_into_use_and_left_again(platform: Engine, here: Run) -> None:
    before = dump.catalogue(platform)

    taken = here("init")

    assert taken.code == 0
    assert "`rally-health init --constraints` adds it" in taken.out
    assert here("check", "--name", "twin_team").code == 1
    assert here("init", "--json").json()["mode"] == "adopt"
    assert here("init", "--remove", "--yes").code == 0
    assert dump.catalogue(platform) == before


@pytest.mark.slow
def test_the_season_that_is_loaded_passes_the_gate(platform: Engine, here: Run) -> None:
    """August's keys forbid 155 teams: 178 matches of no team got one of two there, which blocked the feed."""
    here("init")
    practices = "select md5(string_agg(s::text, '|' order by id)) from schedule s where away_team = ''"
    with platform.begin() as connection:
        before = connection.scalar(text(practices))

    ran = here("import", *SEASON)

    assert (ran.code, "Next: rally-health check" in ran.out) == (0, True), ran.out
    with platform.begin() as connection:
        assert connection.scalar(text(practices)) == before


@pytest.fixture
def clerk(platform: Engine) -> Iterator[str]:
    """URL of an account that owns nothing."""
    url = platform.url.render_as_string(hide_password=False)
    administer(url, "create role clerk login")
    yield platform.url.set(username="clerk").render_as_string(hide_password=False)
    administer(url, "drop owned by clerk", database=str(platform.url.database))
    administer(url, "drop role clerk")


REWRITING = (
    "update quality.check_runs set score = 100",
    "delete from quality.check_results",
    "truncate quality.check_runs cascade",
    "alter table quality.check_runs disable trigger all",
    "set session_replication_role = replica",
)
"""What makes history another one, unless triggers or rights refuse it."""


def cannot(url: str, statement: str) -> bool:
    """Whether the database refuses a statement of an account."""
    engine = open_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        try:
            connection.execute(text(statement))
        except DBAPIError as error:
            return sqlstate(error) in {"23001", "42501"}
    return False


def grant_as_listed(platform: Engine, here: Run, work: str) -> None:
    """Run the statements that `doctor` lists for a kind of work, as the owner of the tables does."""
    found = here("doctor", "--json").json()["findings"]
    with platform.begin() as connection:
        for statement in next(one["statements"] for one in found if f"rights that {work} needs" in one["text"]):
            connection.exec_driver_sql(statement)


@pytest.mark.slow
@pytest.mark.parametrize("platform", [NOVEMBER], indirect=True)
def test_an_account_that_owns_nothing_has_to_be_given_what_doctor_lists(
    platform: Engine, here: Run, clerk: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here("init")
    monkeypatch.setenv("DATABASE_URL", clerk)

    blind = here("check")
    grant_as_listed(platform, here, "check")
    read, refused = here("check"), here("import", *SEASON)
    grant_as_listed(platform, here, "import")
    imported = here("import", *SEASON)

    assert (blind.code, read.code, refused.code, imported.code) == (2, 1, 2, 0)
    assert here("check", "--domain", "teams").code in {0, 1}
    assert "1 run sealed" in here("history", "verify").out
    for rewriting in REWRITING:
        assert cannot(clerk, rewriting), rewriting
    assert "this account may not write to the schema quality: no history is kept" in read.out
    with platform.begin() as connection:
        may = "select has_column_privilege('clerk', 'users', '{}', 'SELECT')"
        secrets = ("password_hash", "club_automation_password", "email", "phone_number", "last_name")
        assert [connection.scalar(text(may.format(name))) for name in (*secrets, "league_context")] == [
            *(False for _ in secrets),
            True,
        ]


@pytest.mark.parametrize("platform", [AUGUST], indirect=True)
@pytest.mark.usefixtures("few_rules")
def test_a_table_that_lacks_columns_is_named(platform: Engine, here: Run) -> None:
    with platform.begin() as connection:
        connection.execute(text("alter table series_stats drop column series_id"))

    ran = here("init")

    assert ran.code == 2
    assert "table series_stats lacks series_id" in ran.out
    assert here("doctor").code == 1


def test_rules_alone_run_on_any_database(
    empty_database: Engine, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own.py").write_text(RULE)
    monkeypatch.setenv("DATABASE_URL", empty_database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("RALLY_RULES", str(tmp_path / "own.py"))
    with empty_database.begin() as connection:
        connection.execute(text("create table users (id int primary key, phone_number text, password_hash text)"))
        connection.execute(text("insert into users values (1, null, 'x'), (2, 'y', 'x'), (3, 'z', 'x')"))

    assert run("init", "--rules-only").code == 0

    results = run("check", "--json", "-").json()["results"]
    assert [(one["rule"], one["status"], one["count"]) for one in results] == [("user_without_phone", "OK", 1)]
    away = [("import", tmp_path), ("feedback", "add", "--league", "CITA", "--text", "x"), ("names", "aliases"),
            ("names", "alias", "CITA", "a", "b"), ("fix", "plan")]  # fmt: skip
    for command in away:  # a sentence, and no error of the database
        ran = run(*command)
        assert (ran.code, "used for rules alone, there is no platform" in ran.out) == (2, True), ran.out
    with empty_database.begin() as connection:
        may = "select has_column_privilege('rally_reader', 'users', '{}', 'SELECT')"
        found = [connection.scalar(text(may.format(name))) for name in ("phone_number", "password_hash")]
    assert found == [True, False]


def test_options_that_exclude_each_other_are_refused(run: Run) -> None:
    assert run("init", "--remove", "--constraints").code == 2


def test_a_database_that_is_away_is_said(run: Run) -> None:
    ran = run("--database", "postgresql://x@127.0.0.1:1/x", "doctor")

    assert ran.code == 4
    assert "cannot be reached" in ran.out


def test_where_no_database_is_set_none_is_made(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL")

    assert run("doctor").code == 0
    assert not (tmp_path / ".rally").exists()


@pytest.mark.usefixtures("few_rules")
def test_doctor_says_whether_the_history_is_what_was_written(run: Run, database: Engine) -> None:
    runs = [replace(report(result("one", Status.OK), at=NOON), run=str(uuid4())) for _ in range(3)]
    with database.begin() as connection:
        for stored in runs:
            history.save(connection, stored)

    def findings() -> list[tuple[str, str]]:
        found = run("doctor", "--json").json()["findings"]
        return [(one["level"], one["text"]) for one in found if one["subject"] == "history"]

    assert findings() == [("ok", "the seals of 3 runs are whole; history verify looks at all")]
    with database.begin() as connection:
        connection.execute(text("set local session_replication_role = replica"))
        connection.execute(text("update quality.check_runs set score = 100 where id = :id"), {"id": runs[1].run})
    rewritten = f"rewritten: run {runs[1].run}: it, or a result of it, is not what was written"
    assert findings() == [("error", rewritten)]
    assert run("doctor").code == Exit.CHECKS_FAILED


@pytest.mark.usefixtures("few_rules")
def test_doctor_says_which_day_it_is_where_the_leagues_play(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check after 18:00 in Chicago was of the next day on a host in UTC."""
    days = set()
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):  # 25 hours apart: never the same day
        monkeypatch.setenv("RALLY_TIMEZONE", zone)
        texts = [one["text"] for one in run("doctor", "--json").json()["findings"]]
        (text,) = (one for one in texts if one.endswith(f"where the leagues play: RALLY_TIMEZONE is {zone}"))
        days.add(text.split()[2])

    assert len(days) == 2
