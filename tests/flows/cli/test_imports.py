"""`rally-health import`, `imports`, `rejects`, `names`: used as a person uses them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine

from etl.importing.import_run import importer_lock
from etl.tables import leagues, schedule, series_stats
from flows.cli.shared import Exit
from tests.etl.importing.feeds import fixture, rows_of, standing, write
from tests.flows.conftest import Run

TEAMS = ("Birchwood - 11", "Tennaqua - 11")


@pytest.fixture
def feeds(tmp_path: Path) -> Path:
    """A league of two teams with forty fixtures, one of them unreadable."""
    folder = tmp_path / "feeds"
    write(folder, "series_stats", [standing(name) for name in TEAMS])
    rows = [fixture(*TEAMS, f"{month}/{day:02}/2024") for month in (10, 11) for day in range(1, 21)]
    write(folder, "schedules", [*rows[:-1], rows[-1] | {"date": "31/12/2024"}])
    return folder


def test_a_tree_is_imported_and_told_feed_by_feed(run: Run, feeds: Path) -> None:
    ran = run("import", feeds, "--json", "-")

    document = ran.json()
    assert ran.code == Exit.OK
    assert [(feed["kind"], feed["outcome"], feed["inserted"]) for feed in document["feeds"]] == [
        ("series_stats", "published", 2),
        ("schedules", "published", 39),
    ]


def test_the_same_import_again_says_that_nothing_changed(run: Run, feeds: Path) -> None:
    run("import", feeds)

    ran = run("import", feeds, "--json", "-")

    assert ran.json()["outcome"] == "unchanged"
    assert ran.code == Exit.OK


def test_a_blocked_feed_ends_with_three_and_names_itself(run: Run, feeds: Path) -> None:
    run("import", feeds)
    write(feeds, "schedules", [])

    ran = run("import", feeds)

    assert ran.code == Exit.REFUSED
    assert "schedules.json: empty_feed: the feed has no rows" in ran.out


def test_an_objection_is_let_pass_with_a_reason(run: Run, feeds: Path) -> None:
    run("import", feeds)
    write(feeds, "schedules", [fixture(*TEAMS, "10/01/2024")])

    ran = run("import", feeds, "--allow", "shrunken_feed", "--reason", "the season ended")

    assert ran.code == Exit.OK
    assert "(the season ended): APTA_CHICAGO has 1 of the 39 rows" in ran.out


def test_letting_pass_without_a_reason_is_wrong_usage(run: Run, feeds: Path) -> None:
    assert run("import", feeds, "--allow", "shrunken_feed").code == Exit.USAGE


def test_letting_pass_what_no_guard_is_called_is_wrong_usage(run: Run, feeds: Path) -> None:
    """It would let nothing pass, and the feed be held as if nobody had said a word."""
    ran = run("import", feeds, "--allow", "shrunken_fed", "--reason", "the season ended")

    assert ran.code == Exit.USAGE
    assert "no guard and no rule of the gate is called 'shrunken_fed'; the nearest are shrunken_feed" in ran.out


def test_a_path_that_is_not_there_is_refused(run: Run) -> None:
    ran = run("import", "nowhere")

    assert (ran.code, ran.out) == (Exit.REFUSED, "nowhere does not exist")


def test_a_second_import_is_told_that_one_is_running(run: Run, feeds: Path, database: Engine) -> None:
    with importer_lock(database):
        ran = run("import", feeds)

    assert ran.code == Exit.BUSY
    assert ran.out.startswith("another import is running: rally-health of rally, server process")


def test_a_dry_run_says_so_and_writes_nothing(run: Run, feeds: Path, database: Engine) -> None:
    run("import", feeds / "APTA_CHICAGO" / "series_stats.json")

    ran = run("import", feeds, "--dry-run")

    assert "nothing was committed (dry run)" in ran.out
    assert rows_of(database, schedule, "id") == []


def test_imports_are_listed_newest_first(run: Run, feeds: Path) -> None:
    run("import", feeds)

    assert [(feed["kind"], feed["outcome"]) for feed in run("imports", "--json").json()] == [
        ("schedules", "published"),
        ("series_stats", "published"),
    ]


def test_a_refused_row_is_listed_and_shown_as_it_stood(run: Run, feeds: Path) -> None:
    run("import", feeds)

    (reject,) = run("rejects", "list", "--json").json()

    assert (reject["index"], reject["field"]) == (39, "date")
    assert '"date": "31/12/2024"' in run("rejects", "show", reject["id"]).out


def test_refused_rows_are_exported_one_a_line(run: Run, feeds: Path, tmp_path: Path) -> None:
    run("import", feeds)

    run("rejects", "export", tmp_path / "rejects.jsonl")

    assert len((tmp_path / "rejects.jsonl").read_text().splitlines()) == 1


def test_a_refused_row_that_was_kept_in_part_is_marked_and_stays(run: Run, feeds: Path, tmp_path: Path) -> None:
    """It was cut in the middle of its JSON, and a program that read it found only that it could not."""
    long = fixture(*TEAMS, "31/12/2024") | {"location": "x" * 20_000}
    write(feeds, "schedules", [fixture(*TEAMS), fixture(*TEAMS, "31/12/2024"), long])
    run("import", feeds, "--allow", "too_many_rejects", "--reason", "a drill")

    run("rejects", "export", tmp_path / "rejects.jsonl")
    exported = [json.loads(line) for line in (tmp_path / "rejects.jsonl").read_text().splitlines()]
    replayed = run("rejects", "replay")

    assert {row["index"]: row["cut"] for row in exported} == {1: False, 2: True}
    assert {row["index"]: row["cut"] for row in run("rejects", "list", "--json").json()} == {1: False, 2: True}
    shown = [run("rejects", "show", row["id"]).out for row in sorted(exported, key=lambda row: row["index"])]
    assert ["Only its beginning was kept" in out for out in shown] == [False, True]
    assert "note: 1 row too long to be kept whole" in replayed.out


def test_a_row_that_still_fails_stays_a_reject(run: Run, feeds: Path) -> None:
    run("import", feeds)

    run("rejects", "replay")

    assert len(run("rejects", "list", "--json").json()) == 1


def test_a_confirmed_name_lets_its_rejects_pass(run: Run, feeds: Path, database: Engine) -> None:
    rows = [fixture(*TEAMS, f"{month}/{day:02}/2024") for month in (10, 11) for day in range(1, 21)]
    write(feeds, "schedules", [*rows, fixture("Birch Wd", "Tenn Aqua Club", "12/01/2024")])
    run("import", feeds, "--allow", "newly_unlinked", "--reason", "new names")
    before = len(rows_of(database, schedule, "id"))

    run("names", "alias", "APTA_CHICAGO", "Birch Wd", TEAMS[0], "--by", "kim")
    ran = run("rejects", "replay", "--json")

    assert (ran.code, ran.json()["feeds"][0]["inserted"]) == (Exit.OK, 1), ran.json()["feeds"][0]["reasons"]
    assert len(rows_of(database, schedule, "id")) == before + 1
    assert run("rejects", "list", "--json").json() == []
    assert [one["confirmed_by"] for one in run("names", "aliases", "--json").json()] == ["kim"]


def test_a_name_without_a_team_is_listed_with_what_it_may_mean(run: Run, feeds: Path) -> None:
    rows = [fixture(*TEAMS, f"{month}/{day:02}/2024") for month in (10, 11) for day in range(1, 21)]
    write(feeds, "schedules", [*rows, fixture("Birchwood Tennis - 11", TEAMS[1], "12/01/2024")])
    run("import", feeds, "--allow", "newly_unlinked", "--reason", "new names")

    (name,) = run("names", "suggest", "--json").json()

    assert (name["name"], name["sides"]) == ("Birchwood Tennis - 11", 1)
    assert name["may mean"].startswith("Birchwood - 11 (Chicago 11)")


def test_an_alias_for_a_team_that_is_not_there_says_what_to_do(run: Run, feeds: Path) -> None:
    run("import", feeds)

    ran = run("names", "alias", "APTA_CHICAGO", "X", "Nobody - 11")

    assert ran.out == (
        "no team of APTA_CHICAGO is called 'Nobody - 11'; `rally-health names suggest` shows what there is"
    )
    assert ran.code == Exit.USAGE


def test_an_alias_is_taken_back(run: Run, feeds: Path) -> None:
    run("import", feeds)
    run("names", "alias", "APTA_CHICAGO", "X", TEAMS[0])

    run("names", "alias", "APTA_CHICAGO", "X", "--remove")

    assert run("names", "aliases", "--json").json() == []


def test_the_history_tells_why_a_feed_was_blocked_on_one_line(run: Run, tmp_path: Path) -> None:
    run("import", str(write(tmp_path, "schedules", [])))

    told = run("imports").out.splitlines()

    assert told[0].split() == [
        "run", "id", "started_at", "kind", "league", "outcome", "rows", "rejects", "unlinked", "inserted", "updated",
        "withdrawn", "why",
    ]  # fmt: skip
    shown = run("imports", "show", told[1].split()[0])
    assert (shown.code, "empty_feed" in shown.out) == (Exit.OK, True)
    assert "blocked" in told[1]
    assert told[1].rstrip().endswith("empty_feed: the feed has no rows; nothing is published over what is there")


def test_a_stopped_import_writes_its_document_too(run: Run, feeds: Path) -> None:
    run("etl", "stop", "--reason", "the scraper is broken")

    ran = run("import", feeds, "--json", feeds.parent / "report.json")

    document = json.loads((feeds.parent / "report.json").read_text())
    assert ran.code == Exit.REFUSED
    assert (document["outcome"], document["feeds"]) == ("blocked", [])
    assert "imports are stopped since" in document["reasons"][0]


def test_stopped_imports_stop_a_replay_of_rejects(run: Run, feeds: Path) -> None:
    run("import", feeds)
    run("etl", "stop", "--reason", "the scraper is broken")

    ran = run("rejects", "replay")

    assert ran.code == Exit.REFUSED
    assert "imports are stopped since" in ran.out


def test_a_replay_that_mends_nothing_is_no_published_import(run: Run, feeds: Path) -> None:
    run("import", feeds)

    ran = run("rejects", "replay", "--json")

    assert ran.json()["feeds"][0]["outcome"] == "unchanged"


def test_a_stop_of_one_league_and_kind_stops_nothing_else(run: Run, feeds: Path, database: Engine) -> None:
    run("etl", "stop", "--league", "aptachicago", "--kind", "schedules", "--reason", "last year's dates")

    ran = run("import", feeds)

    assert ran.code == Exit.REFUSED
    assert "stopped: imports of schedules of APTA_CHICAGO are stopped since" in ran.out
    assert [len(rows_of(database, table, "id")) for table in (series_stats, schedule)] == [2, 0]

    resumed = run("etl", "resume", "--league", "APTA_CHICAGO", "--kind", "schedules", "--reason", "mended")
    again = run("import", feeds / "APTA_CHICAGO" / "series_stats.json", "--force")

    assert "Imports of schedules of APTA_CHICAGO may run again" in resumed.out
    assert again.code == Exit.OK
    assert len(rows_of(database, schedule, "id")) == 39


def test_a_stop_of_a_league_that_nobody_knows_is_refused(run: Run, feeds: Path) -> None:
    ran = run("etl", "stop", "--league", "CNSWLP", "--reason", "last year's dates")

    assert ran.code == Exit.USAGE
    assert "no league is called 'CNSWLP'" in ran.out
    assert run("import", feeds).code == Exit.OK


def test_a_slip_of_a_leagues_name_proposes_the_spelling_that_mends_it(
    run: Run, tmp_path: Path, database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "slip", "series_stats", [standing(name) | {"league_id": "APTA_CHIGACO"} for name in TEAMS], "all")

    assert "no league is called APTA_CHIGACO; the nearest is APTA_CHICAGO" in run("import", tmp_path / "slip").out
    pasted = run("imports", "held").out.partition("in rally.toml:")[2].partition("or let")[0].replace('"..."', '"kim"')
    (tmp_path / "rally.toml").write_text(pasted.replace("    ", ""))
    monkeypatch.setenv("RALLY_CONFIG", str(tmp_path / "rally.toml"))
    assert run("import", tmp_path / "slip").code == Exit.OK

    assert rows_of(database, leagues, "league_id") == [("APTA_CHICAGO",)]
    assert "Nothing is held" in run("imports", "held").out


def test_what_is_held_proposes_the_lines_that_correct_it(
    run: Run, feeds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("import", feeds)
    rows = [fixture(TEAMS[1], TEAMS[0], f"{month}/{day:02}/2024") for month in (10, 11) for day in range(1, 21)]
    write(feeds, "schedules", rows)
    held = run("import", feeds)

    shown = run("imports", "held").out
    lines = [line.strip() for line in shown[shown.index("[[corrections]]") :].splitlines()]
    (tmp_path / "rally.toml").write_text("\n".join(lines[: lines.index('why = "..."') + 1]).replace('"..."', '"kim"'))
    monkeypatch.setenv("RALLY_CONFIG", str(tmp_path / "rally.toml"))
    again = run("import", feeds)

    assert held.code == Exit.REFUSED
    assert lines[:4] == ["[[corrections]]", 'league = "APTA_CHICAGO"', 'kind = "schedules"', 'sides = "turned"']
    assert (again.code, "corrected: sides = turned in 40 rows, by kim (kim)" in again.out) == (Exit.OK, True)
    assert run("imports", "held").out.strip() == "Nothing is held."


@pytest.fixture
def shrunken(run: Run, feeds: Path) -> str:
    """The number of a part that is held, whose file is gone."""
    run("import", feeds)
    write(feeds, "schedules", [fixture(*TEAMS, "10/01/2024", location="Winnetka")])
    run("import", feeds)
    (feeds / "APTA_CHICAGO" / "schedules.json").unlink()
    (part,) = run("imports", "held", "--json").json()
    return str(part["id"])


def test_a_held_part_is_let_pass_when_its_file_is_gone(run: Run, shrunken: str, database: Engine) -> None:
    shown = run("imports", "held").out

    again = run("imports", "retry", shrunken)
    unexplained = run("imports", "retry", shrunken, "--allow", "shrunken_feed")
    let_pass = run("imports", "retry", shrunken, "--allow", "shrunken_feed", "--reason", "the season ended")

    assert f'rally-health imports retry {shrunken} --allow shrunken_feed --reason "..."' in shown
    assert again.code == Exit.REFUSED
    assert (unexplained.code, unexplained.out.startswith("allow needs a reason")) == (Exit.USAGE, True), unexplained
    assert (let_pass.code, "(the season ended)" in let_pass.out) == (Exit.OK, True)
    assert ("Winnetka",) in rows_of(database, schedule, "location")
    assert run("imports", "held").out.strip() == "Nothing is held."


def test_a_held_part_that_nobody_needs_is_discarded_with_a_reason(run: Run, shrunken: str) -> None:
    assert run("imports", "discard", shrunken).code == Exit.USAGE

    discarded = run("imports", "discard", shrunken, "--reason", "the wrong page")

    assert discarded.out.startswith("Discarded schedules of APTA_CHICAGO: 1 row of ")
    assert run("imports", "held").out.strip() == "Nothing is held."
    gone = run("imports", "retry", shrunken)
    assert (gone.code, gone.out) == (
        Exit.USAGE, f"there is no held part {shrunken} that waits; see rally-health imports held",
    )  # fmt: skip


def test_a_run_shows_which_files_and_guards_would_have_to_be_let_pass(run: Run, feeds: Path) -> None:
    run("import", feeds)
    path = write(feeds, "schedules", [])
    blocked = run("import", path, "--json", "-").json()["run"]

    shown = run("imports", "show", str(blocked)).out

    assert f'To let all of it pass: rally-health import {path} --allow empty_feed --reason "..."' in shown


def test_a_part_that_its_own_run_has_freed_blocks_nothing(run: Run, feeds: Path) -> None:
    """A league's schedule of May is read before the standings of June that it waits for."""
    for moment, kind in (("2025-05-01T0900", "schedules"), ("2025-06-01T0900", "series_stats")):
        (feeds / moment / "APTA_CHICAGO").mkdir(parents=True)
        (feeds / "APTA_CHICAGO" / f"{kind}.json").rename(feeds / moment / "APTA_CHICAGO" / f"{kind}.json")

    ran = run("import", feeds, "--json", "-")

    assert [feed["outcome"] for feed in ran.json()["feeds"]] == ["blocked", "published", "published"]
    assert (ran.code, ran.json()["outcome"]) == (Exit.OK, "published")
