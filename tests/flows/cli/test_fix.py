"""`rally-health fix`, `snapshot` and `etl` on the command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text, update

from etl.retention import delete_expired
from etl.tables import schedule
from flows.cli.shared import Exit
from flows.service.repair import fix_what_is_allowed
from flows.settings import read_settings
from tests.checks.dirt import write
from tests.checks.rules.entries import TWO_TEAMS, match, scored
from tests.etl.importing.feeds import fixture, standing
from tests.etl.importing.feeds import write as write_feed
from tests.etl.repairs.dump import dump
from tests.etl.test_migrate import FIXTURE, make_legacy
from tests.flows.conftest import Run


@pytest.fixture
def dirty(database: Engine, few_rules: None) -> Engine:
    """A match that stands there three times, and the rules that look at that."""
    with database.begin() as connection:
        connection.execute(text("alter table schedule drop constraint unique_schedule_match"))
        write(connection, [*TWO_TEAMS, *(match(1, 2, id=number) for number in (1, 2, 3))])
    return database


def test_fixes_are_listed_with_what_they_do(run: Run) -> None:
    fixes = {fix["rule"]: fix for fix in run("fix", "list", "--json").json()}

    assert fixes["duplicate_match"]["does"].startswith("Keep the linked, newest row of each match")
    assert fixes["winner_contradicts_score"]["only a proposal"] is True


def test_a_plan_is_shown_applied_and_undone(run: Run, dirty: Engine) -> None:
    before = dump(dirty)

    planned = run("fix", "plan", "duplicate_match")
    assert "plan 1 of duplicate_match: delete 2 of schedule; bad rows 2 -> 0" in planned.out
    assert "delete schedule (id 1, match_date 2025-02-15, home_team Winnetka 1" in planned.out
    assert planned.out.endswith("Next: rally-health fix apply 1\n")

    applied = run("fix", "apply", 1)
    assert "repair 1 of duplicate_match: delete 2 of schedule" in applied.out
    assert "rally-health fix undo 1" in applied.out

    assert "Next: rally-health fix undo 1" in run("fix", "show", 1).out
    assert run("fix", "undo", 1).code == Exit.OK
    assert dump(dirty) == before
    assert "repair 1 of duplicate_match" in run("fix", "history").out


def test_a_repair_that_is_too_old_to_be_undone_says_so(run: Run, dirty: Engine) -> None:
    run("fix", "plan", "duplicate_match")
    run("fix", "apply", 1, "--no-snapshot", "--yes")
    with dirty.begin() as connection:
        delete_expired(connection, datetime.now(UTC) + timedelta(days=1))

    shown = run("fix", "show", 1).out.splitlines()

    assert re.fullmatch(r"repair 1 of duplicate_match: .*; applied .* by \w+, too old to be undone", shown[0])
    assert shown[1:] == ["Next: rally-health fix plan duplicate_match"]
    assert run("fix", "undo", 1).code == Exit.REFUSED


def test_a_snapshot_is_taken_before_a_fix(run: Run, dirty: Engine) -> None:
    run("fix", "plan", "duplicate_match")

    (made,) = run("fix", "apply", 1, "--json").json()

    (snapshot,) = run("snapshot", "list", "--json").json()
    assert snapshot["name"] == made["snapshot"]
    assert snapshot["reason"] == "before fix 1 of duplicate_match"


def test_an_outdated_plan_ends_with_three_and_changes_nothing(run: Run, dirty: Engine) -> None:
    run("fix", "plan", "duplicate_match")
    with dirty.begin() as connection:
        connection.execute(update(schedule).where(schedule.c.id == 1).values(location="elsewhere"))
    before = dump(dirty)

    refused = run("fix", "apply", 1)

    assert refused.code == Exit.REFUSED
    assert "plan 1 is out of date, nothing was changed: its rows were changed since" in refused.out
    assert dump(dirty) == before


def test_a_proposal_ends_with_three(run: Run, database: Engine) -> None:
    with database.begin() as connection:
        write(connection, [*TWO_TEAMS, scored("6-1, 6-1", "away")])
    assert "only a proposal" in run("fix", "plan", "winner_contradicts_score").out

    assert run("fix", "apply", 1).code == Exit.REFUSED


def test_a_conflict_ends_with_three_and_names_the_row(run: Run, dirty: Engine) -> None:
    with dirty.begin() as connection:
        connection.execute(text("update schedule set away_team_id = null where id = 3"))
        connection.execute(text("delete from schedule where id < 3"))
    run("fix", "plan", "match_with_one_team")
    run("fix", "apply", 1)
    with dirty.begin() as connection:
        connection.execute(update(schedule).values(location="elsewhere"))

    refused = run("fix", "undo", 1)

    assert refused.code == Exit.REFUSED
    assert refused.out == (
        "repair 1 cannot be undone without losing later changes: schedule id 3 was changed since (location)"
    )


def test_a_clean_database_needs_no_repair(run: Run) -> None:
    ran = run("fix", "plan")

    assert ran.code == Exit.OK
    assert "Nothing to repair" in ran.out


@pytest.mark.parametrize("arguments", [("apply", 9), ("undo", 9), ("show", 9), ("plan", "no_such_rule")])
def test_what_is_not_there_is_wrong_usage(run: Run, arguments: tuple[object, ...]) -> None:
    assert run("fix", *arguments).code == Exit.USAGE


def test_a_snapshot_is_made_verified_and_restored(run: Run, dirty: Engine) -> None:
    made = run("snapshot", "create", "--reason", "a drill", "--json").json()
    before = dump(dirty)
    with dirty.begin() as connection:
        connection.execute(text("delete from schedule"))
    assert run("snapshot", "verify").code == Exit.OK

    restored = run("snapshot", "restore", made["name"], "--anyway")

    assert "public.schedule: 3 missing" in restored.out
    assert dump(dirty) == before
    assert run("fix", "undo", 1).code == Exit.OK


def test_rows_written_since_a_snapshot_end_with_three(run: Run, dirty: Engine) -> None:
    run("snapshot", "create")
    with dirty.begin() as connection:
        write(connection, [match(2, 1, id=7)])

    refused = run("snapshot", "restore", "latest")

    assert refused.code == Exit.REFUSED
    assert "rows were written since the snapshot: 1 of public.schedule (id 7)" in refused.out


def test_a_worse_snapshot_is_restored_only_on_demand(run: Run, dirty: Engine) -> None:
    run("snapshot", "create")
    run("fix", "plan", "duplicate_match")
    run("fix", "apply", 1, "--no-snapshot")

    refused = run("snapshot", "restore", "latest")

    assert refused.code == Exit.REFUSED
    assert "--anyway restores it nevertheless" in refused.out
    assert run("snapshot", "restore", "latest", "--anyway").code == Exit.OK


def test_a_damaged_snapshot_ends_with_three(run: Run, dirty: Engine, tmp_path: Path) -> None:
    made = run("snapshot", "create", "--json").json()
    (tmp_path / made["folder"] / "public.schedule.copy.gz").write_bytes(b"")

    assert run("snapshot", "verify").code == Exit.REFUSED


def test_stopped_imports_say_why_by_whom_and_how_to_go_on(run: Run, tmp_path: Path) -> None:
    feed = write_feed(tmp_path / "feeds", "series_stats", [standing("Birchwood - 11")])
    run("etl", "stop", "--reason", "the scraper is broken")

    refused = run("import", feed)

    assert refused.code == Exit.REFUSED
    assert "imports are stopped since" in refused.out
    assert "the scraper is broken; when it is mended: rally-health etl resume" in refused.out
    assert run("etl", "status").code == Exit.REFUSED
    run("etl", "resume", "--reason", "mended")
    assert run("import", feed).code == Exit.OK
    assert run("etl", "status").code == Exit.OK


def test_the_first_stop_stays(run: Run) -> None:
    run("etl", "stop", "--reason", "first")

    assert "first" in run("etl", "stop", "--reason", "second").out


def test_trying_an_import_is_never_stopped(run: Run, tmp_path: Path) -> None:
    feed = write_feed(tmp_path / "feeds", "series_stats", [standing("Birchwood - 11")])
    run("etl", "stop", "--reason", "a drill")

    assert run("import", feed, "--dry-run").code == Exit.OK


def test_a_held_feed_stops_nothing_but_itself_until_somebody_lets_it_pass(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "feeds"
    run("import", write_feed(folder, "series_stats", [standing(f"Birchwood {n} - 11") for n in range(10)]))
    small = write_feed(folder, "series_stats", [standing("Birchwood 1 - 11")])
    assert run("import", small).code == Exit.REFUSED
    assert run("etl", "status", "--json").json()["stops"] == []

    assert run("import", write_feed(folder, "schedules", [fixture("Birchwood 1 - 11", "Birchwood 2 - 11")])).code == 0
    assert run("import", small, "--allow", "shrunken_feed", "--reason", "season ended").code == Exit.OK


def _copy_a_match_after_a_check(run: Run, database: Engine) -> None:
    with database.begin() as connection:
        write(connection, [*TWO_TEAMS, match(1, 2, id=1)])
    run("check")
    with database.begin() as connection:
        connection.execute(text("alter table schedule drop constraint unique_schedule_match"))
        write(connection, [match(1, 2, id=2)])


@pytest.mark.usefixtures("few_rules")
def test_a_rule_of_the_gate_that_gets_critical_stops_the_imports_of_its_kind_and_no_other(
    run: Run, database: Engine, tmp_path: Path
) -> None:
    _copy_a_match_after_a_check(run, database)

    run("check")

    (stop,) = run("etl", "status", "--json").json()["stops"]
    assert "got CRITICAL" in stop["reason"]
    assert stop["kind"] == "schedules"
    standings = run("import", write_feed(tmp_path / "feeds", "series_stats", [standing("Birchwood - 11")]))
    fixtures = run("import", write_feed(tmp_path / "feeds", "schedules", [fixture("Birchwood - 11", "Birchwood - 11")]))

    assert (standings.code, fixtures.code) == (Exit.OK, Exit.REFUSED)
    assert "stopped: imports of schedules" in fixtures.out


@pytest.mark.slow
def test_what_was_critical_all_along_stops_nothing(run: Run, dirty: Engine) -> None:
    run("check")
    run("check")

    assert run("etl", "status").code == Exit.OK


@pytest.mark.slow
def test_a_check_of_another_day_or_of_one_league_stops_nothing(run: Run, database: Engine) -> None:
    _copy_a_match_after_a_check(run, database)

    run("check", "--today", "2025-02-15")
    run("check", "--league", "CNSWPL")

    assert run("etl", "status").code == Exit.OK


def test_what_the_operator_allowed_is_repaired_by_itself(
    dirty: Engine, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RALLY_AUTO_FIX", '{"duplicate_match": 2, "missing_constraint": 9}')

    done = fix_what_is_allowed(read_settings())

    assert [str(one).split(":")[0] for one in done] == [
        "duplicate_match was repaired by itself", "missing_constraint was repaired by itself"
    ]  # fmt: skip
    assert len(run("snapshot", "list", "--json").json()) == 2


def test_nothing_is_repaired_by_itself_unless_it_is_allowed(dirty: Engine, run: Run) -> None:
    assert fix_what_is_allowed(read_settings()) == ()


def test_adopting_a_database_takes_a_snapshot_first(run: Run, empty_database: Engine) -> None:
    make_legacy(empty_database, FIXTURE, FIXTURE)
    url = empty_database.url.render_as_string(hide_password=False)

    assert "Snapshot " in run("--database", url, "init").out

    (snapshot,) = run("--database", url, "snapshot", "list", "--json").json()
    assert snapshot["reason"] == "before adoption"
    assert snapshot["rows"] == 3
    assert "Snapshot " not in run("--database", url, "init").out
