"""What the report says of the platform's database, and that rights which it lists are enough."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from checks.engine.authoring.units import Status
from checks.engine.collecting.collect import collect
from checks.engine.run import Options, Request
from checks.health import examine
from checks.scopes import SOURCES, tables_read
from etl.adoption.inspect import Inspection, Level, inspect_database
from etl.adoption.rights import WORK, Readable, may_keep_history, needed_grants
from etl.database import open_engine
from etl.importing import Outcome
from etl.importing.import_run import import_paths
from etl.importing.options import Options as ImportOptions
from etl.migrate import upgrade
from tests.platform import dump
from tests.platform.build import OWNER
from tests.platform.fixtures import AUGUST, NOVEMBER
from tests.platform.servers import administer

AUGUST_ONLY = pytest.mark.parametrize("platform", [AUGUST], indirect=True)


def inspected(engine: Engine) -> Inspection:
    with engine.begin() as connection:
        return inspect_database(connection)


def lines(engine: Engine, subject: str) -> list[str]:
    return [f"{one.level}: {one.text}" for one in inspected(engine).findings if one.subject == subject]


def test_the_platform_has_no_error_and_nothing_is_changed_by_looking(platform: Engine) -> None:
    before = dump.catalogue(platform)

    found = inspected(platform)

    assert found.of(Level.ERROR) == ()
    assert dump.catalogue(platform) == before


@AUGUST_ONLY
def test_constraints_that_contradict_a_feed_are_named_with_what_would_lift_them(platform: Engine) -> None:
    found = [one for one in inspected(platform).findings if one.subject == "constraints"]

    assert [(one.text, one.statements) for one in found] == [
        (
            "teams.unique_team_club_series_league UNIQUE (club_id, series_id, league_id): no feed was imported yet",
            ("alter table teams drop constraint unique_team_club_series_league",),
        ),
        (
            "teams.unique_team_name_per_league UNIQUE (team_name, league_id): no feed was imported yet",
            ("alter table teams drop constraint unique_team_name_per_league",),
        ),
    ]


@pytest.mark.parametrize("platform", [NOVEMBER], indirect=True)
def test_in_november_nothing_contradicts_a_feed(platform: Engine) -> None:
    assert lines(platform, "constraints") == []


@AUGUST_ONLY
def test_what_a_feed_must_tell_and_what_differs_is_named(platform: Engine) -> None:
    assert lines(platform, "types") == ["warning: series_stats.points is integer, a feed brings numeric(8, 2)"]
    assert "warning: players.first_name, last_name, club_id, series_id, league_id must be filled" in lines(
        platform, "not null"
    )


@AUGUST_ONLY
def test_a_type_that_no_feed_can_fill_is_an_error_and_a_narrow_one_a_warning(platform: Engine) -> None:
    with platform.begin() as connection:
        connection.execute(text("alter table schedule alter match_time type text using match_time::text"))
        connection.execute(text("alter table schedule alter match_date type timestamp using match_date"))
        connection.execute(text("alter table schedule alter location type varchar(90) using left(location, 90)"))

    found = [(one.level, one.text, one.statements) for one in inspected(platform).findings if one.subject == "types"]

    assert found[:3] == [
        (Level.WARNING, "schedule.match_date is timestamp without time zone, a feed brings date", ()),
        (
            Level.ERROR,
            "schedule.match_time is text, a feed brings time without time zone",
            ("alter table schedule alter match_time type time without time zone using"
             " match_time::time without time zone",),
        ),
        (Level.WARNING, "schedule.location is character varying(90), a feed may bring text", ()),
    ]  # fmt: skip
    assert found[3:] == [(Level.WARNING, "series_stats.points is integer, a feed brings numeric(8, 2)", ())]


@AUGUST_ONLY
def test_a_column_that_nobody_fills_is_an_error(platform: Engine) -> None:
    with platform.begin() as connection:
        connection.execute(text("alter table schedule add column court integer"))
        connection.execute(text("update schedule set court = 1"))
        connection.execute(text("alter table schedule alter court set not null"))

    assert lines(platform, "not null")[-1] == "error: schedule.court must be filled, and no feed brings it"


@AUGUST_ONLY
def test_rows_in_the_way_are_counted(platform: Engine) -> None:
    assert lines(platform, "additions")[-1] == (
        "warning: schedule.unique_schedule_match is not in force because of 2,058 rows; rally-health fix plan"
        " duplicate_match, then run `rally-health init` again"
    )


@AUGUST_ONLY
@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        ("select 1", 'ok: "$user", public'),
        (f"create schema {OWNER}", 'warning: "$user", public: there is a schema of the role\'s own name in front'),
        (
            f"create schema {OWNER}; create table {OWNER}.teams (id int)",
            f'error: "$user", public: {OWNER}.teams is found before public',
        ),
        ("set local search_path = ''", 'error: "": the schema public is not on it'),
        ("set local search_path = pg_catalog", "error: pg_catalog: the schema public is not on it"),
    ],
)
def test_the_search_path_is_looked_at(platform: Engine, prepare: str, said: str) -> None:
    with platform.connect() as connection, connection.begin() as transaction:
        connection.exec_driver_sql(prepare)
        findings = inspect_database(connection).findings
        transaction.rollback()

    assert [f"{one.level}: {one.text}" for one in findings if one.subject == "search_path"] == [said]


@AUGUST_ONLY
def test_a_superuser_is_warned_of(platform: Engine) -> None:
    engine = open_engine(platform.url.set(username="rally").render_as_string(hide_password=False))

    assert lines(engine, "account") == ["warning: rally is a superuser"]
    engine.dispose()


@AUGUST_ONLY
def test_a_table_that_is_missing_is_an_error(platform: Engine) -> None:
    with platform.begin() as connection:
        connection.execute(text("drop table player_history"))
        connection.execute(text("alter table series_stats drop column series_id"))

    assert [one.text for one in inspected(platform).of(Level.ERROR)] == [
        "there is no table player_history",
        "series_stats lacks series_id, which everything is built on",
    ]


@contextmanager
def clerk(platform: Engine, work: str, readable: Sequence[Readable] = ()) -> Iterator[Engine]:
    """An engine of an account that owns nothing, and has the rights that the report lists for its work."""
    url = platform.url.render_as_string(hide_password=False)
    administer(url, f"create role clerk_{work} login")
    engine = open_engine(platform.url.set(username=f"clerk_{work}").render_as_string(hide_password=False))
    with engine.begin() as connection:
        statements = needed_grants(connection, work, f"clerk_{work}", readable)
        assert statements
    with platform.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    try:
        yield engine
    finally:
        engine.dispose()
        administer(url, f"drop owned by clerk_{work}", database=str(platform.url.database))
        administer(url, f"drop role clerk_{work}")


@AUGUST_ONLY
def test_an_account_with_the_rights_listed_can_check(platform: Engine) -> None:
    upgrade(platform)
    rules = collect(SOURCES)
    request = Request(
        now=datetime(2025, 9, 1, tzinfo=UTC), options=Options(workers=1, role="rally_reader", statements=False)
    )
    readable = [Readable.of(*read) for read in tables_read(rules, request.now, platform.connect).items()]

    with clerk(platform, "check", readable) as engine:
        found = examine(engine, rules, request, keep=False)
        with engine.begin() as connection:
            assert not may_keep_history(connection)
            assert needed_grants(connection, "check", "clerk_check", readable) == ()
            asked = "select has_column_privilege('public.users', 'password_hash', 'select')"
            assert not connection.scalar(text(asked))

    errors = {one.rule for one in found.by_status(Status.ERROR)}
    assert errors <= {"percentage_contradicts_counts", "percentage_is_none"}
    assert next(one.count for one in found.results if one.rule == "duplicate_match") == 2_058


@AUGUST_ONLY
def test_an_account_with_the_rights_listed_can_import(platform: Engine, feeds: Path) -> None:
    upgrade(platform)
    path = feeds / "2025-06-30T0809" / "all" / "schedules.json"

    with clerk(platform, "import") as engine:
        report = import_paths(engine, [path], ImportOptions())

    assert [one.outcome for one in report.feeds] != [Outcome.FAILED]


def test_work_is_what_the_report_lists(platform: Engine) -> None:
    rights = [one for one in lines(platform, "rights") if "has the rights" in one]

    assert rights == [f"ok: {OWNER} has the rights that {work} needs" for work in WORK]
