"""A schedule that is partitioned by league and results that are partitioned by season: the same, to the last row."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, text, update

from checks.engine.collecting.collect import collect
from checks.engine.collecting.rules import Rules
from checks.engine.run import Options, Request
from checks.health import examine
from checks.repairs.apply import apply
from checks.repairs.plan import Means, plan
from checks.scopes import SOURCES
from etl.adoption.rights import READER, ensure_reader, platform_readable
from etl.importing import Outcome
from etl.migrate import upgrade
from etl.repairs.ledger import Repair
from etl.repairs.undo import undo
from etl.restore import restore
from etl.snapshots import take_snapshot
from etl.tables import match_scores, schedule
from tests.conftest import copy_of
from tests.etl.partitioned import TODAY, all_rows, changed, feeds_of_a_season, imported, partition, versions
from tests.leagues import fill, of_the_site_alone

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
MOVING = {"run", "started", "finished"}
FEEDS = feeds_of_a_season()
KINDS = text("select relname, relkind::text from pg_class where relname in ('schedule', 'match_scores') order by 1")
BROKEN = {
    "match_with_one_team": "update schedule set home_team_id = null where away_team_id is not null and id % 7 = 0",
    "result_without_teams": "update match_scores set away_team_id = null where id % 50 = 0",
    "duplicate_result": "insert into match_scores (match_date, home_team, away_team, league_id, home_player_1_id)"
    " select match_date, home_team, away_team, league_id, 'x' from match_scores, generate_series(1, 2)"
    " where id % 50 = 1",
}
"""A fault for each of some rules that have a fix."""


@pytest.fixture(scope="module")
def catalogue() -> Rules:
    return collect(SOURCES)


@pytest.fixture(scope="module")
def filled(server: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Engine]]:
    """A database with a season, and a copy of it that was partitioned after that import."""
    for plain in copy_of(server, template):
        imported(plain, tmp_path_factory.mktemp("feeds"), FEEDS)
        plain.dispose()
        for partitioned in copy_of(server, str(plain.url.database)):
            partition(partitioned)
            assert upgrade(partitioned).obstacles == ()
            yield {"plain": plain, "partitioned": partitioned}


@pytest.fixture
def both(server: str, filled: dict[str, Engine]) -> Iterator[dict[str, Engine]]:
    """Copies of the two databases, for a test of its own."""
    copies = {}
    for name, engine in filled.items():
        engine.dispose()
        copies[name] = copy_of(server, str(engine.url.database))
    yield {name: next(copy) for name, copy in copies.items()}
    for copy in copies.values():
        next(copy, None)


def same(both: dict[str, Engine]) -> bool:
    return all_rows(both["plain"]) == all_rows(both["partitioned"])


def test_the_tables_are_partitioned_and_keep_every_row(both: dict[str, Engine]) -> None:
    with both["partitioned"].begin() as connection:
        kinds = [tuple(row) for row in connection.execute(KINDS)]

    assert kinds == [("match_scores", "p"), ("schedule", "p")]
    assert len({place for place, *_ in versions(both["partitioned"])}) == 3
    assert same(both)


def test_adopting_again_finds_nothing_to_do(both: dict[str, Engine]) -> None:
    constraints = text("select conrelid::regclass::text, conname, convalidated from pg_constraint order by 1, 2")
    with both["partitioned"].begin() as connection:
        before = connection.execute(constraints).all()

    assert upgrade(both["partitioned"]).obstacles == ()
    with both["partitioned"].begin() as connection:
        assert connection.execute(constraints).all() == before


def test_before_postgresql_18_a_foreign_key_waits_for_clean_rows(
    both: dict[str, Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those servers refuse to add one NOT VALID to a table with partitions."""
    engine = both["partitioned"]
    lost = "update schedule set home_team_id = {} where id = (select min(id) from schedule where away_team_id > 0)"
    with engine.begin() as connection:
        connection.execute(text("alter table schedule drop constraint fk_schedule_home_team_id"))
        connection.execute(text(lost.format(999_999)))
    monkeypatch.setattr(engine.dialect, "server_version_info", (15, 0))

    assert [str(obstacle) for obstacle in upgrade(engine).obstacles] == [
        "schedule.fk_schedule_home_team_id is not in force because of 1 row; "
        "repair these rows, then run `rally-health init` again"
    ]
    with engine.begin() as connection:
        connection.execute(text(lost.format("null")))
    assert upgrade(engine).obstacles == ()
    with engine.begin() as connection:
        kept = "select convalidated from pg_constraint where conrelid = 'schedule'::regclass and conname = :name"
        assert connection.scalar(text(kept), {"name": "fk_schedule_home_team_id"})


def test_the_same_feeds_again_write_no_row(both: dict[str, Engine], tmp_path: Path) -> None:
    before = versions(both["partitioned"])

    report = imported(both["partitioned"], tmp_path, FEEDS, force=True)

    assert {(feed.counts.inserted, feed.counts.updated) for feed in report.feeds} == {(0, 0)}
    assert versions(both["partitioned"]) == before


@pytest.mark.parametrize("prune", [False, True])
def test_changed_feeds_change_the_same_rows(both: dict[str, Engine], tmp_path: Path, prune: bool) -> None:
    reports = {name: imported(engine, tmp_path, changed(FEEDS), prune=prune) for name, engine in both.items()}
    counts = {name: [feed.counts for feed in report.feeds] for name, report in reports.items()}

    assert {feed.outcome for feed in reports["partitioned"].feeds} == {Outcome.PUBLISHED, Outcome.UNCHANGED}
    assert counts["partitioned"] == counts["plain"]
    assert all(sum(getattr(one, name) for one in counts["plain"]) for name in ("updated", "withdrawn"))
    assert same(both)


def test_an_empty_partitioned_database_is_filled_the_same(server: str, template: str, tmp_path: Path) -> None:
    copies = {name: copy_of(server, template) for name in ("plain", "partitioned")}
    both = {name: next(copy) for name, copy in copies.items()}
    partition(both["partitioned"])
    upgrade(both["partitioned"])

    counts = [[feed.counts for feed in imported(engine, tmp_path, FEEDS).feeds] for engine in both.values()]

    assert counts[0] == counts[1]
    assert same(both)
    for copy in copies.values():
        next(copy, None)


def test_every_rule_finds_the_same_rows(server: str, template: str, catalogue: Rules) -> None:
    """In leagues with all kinds of faults; see `tests.leagues`."""
    copies = {"plain": copy_of(server, template)}
    both = {"plain": next(copies["plain"])}
    fill(both["plain"], 20)
    both["plain"].dispose()
    copies["partitioned"] = copy_of(server, str(both["plain"].url.database))
    both["partitioned"] = next(copies["partitioned"])
    partition(both["partitioned"])
    with both["partitioned"].begin() as connection:  # tables that were made anew are to be read by the role again
        assert ensure_reader(connection, platform_readable())

    found = {name: _results(engine, catalogue) for name, engine in both.items()}

    assert found["partitioned"] == found["plain"]
    site = of_the_site_alone(both["plain"], catalogue)
    counted = [one["count"] for one in found["plain"] if one["count"] is not None and one["rule"] not in site]
    assert sum(map(bool, counted)) > len(counted) * 2 / 5
    assert not [result for result in found["plain"] if result["status"] == "ERROR"]
    for copy in copies.values():
        next(copy, None)


def _results(engine: Engine, rules: Rules) -> list[dict[str, Any]]:
    options = Options(workers=1, role=READER)
    report = examine(engine, rules, Request(now=NOW, today=TODAY, options=options), keep=False)
    return [{name: value for name, value in one.items() if name != "seconds"} for one in report.to_json()["results"]]


@pytest.mark.parametrize("rule", BROKEN)
def test_a_fix_is_planned_made_and_undone(both: dict[str, Engine], catalogue: Rules, rule: str) -> None:
    # what every rule of the catalogue finds in such tables is asked above
    few = catalogue.only(catalogue[name] for name in BROKEN)
    made = {name: _mended(engine, few, rule) for name, engine in both.items()}

    assert made["partitioned"] == made["plain"]


def _mended(engine: Engine, rules: Rules, rule: str) -> tuple[Any, ...]:
    """How many rows the fix changes, and all rows after it; undone, they have to be what they were."""
    with engine.begin() as connection:
        connection.execute(text(BROKEN[rule]))
    broken = all_rows(engine)
    with engine.begin() as connection:
        means = Means(connection, NOW, TODAY, ())
        found = plan(rules, rule, means, "kim")
        planned = found.repair
        assert isinstance(planned, Repair), found.why
        apply(rules, planned.id, means, "kim")
    mended = all_rows(engine)
    with engine.begin() as connection:
        undo(connection, planned.id, "kim")
    assert mended != broken
    assert all_rows(engine) == broken
    return planned.rows, planned.bad_before, planned.bad_after, mended


def test_a_snapshot_holds_and_brings_back_every_row(both: dict[str, Engine], tmp_path: Path) -> None:
    engine = both["partitioned"]
    before = all_rows(engine)
    snapshot = take_snapshot(engine, tmp_path, "a test", "kim")
    with engine.begin() as connection:
        connection.execute(delete(schedule).where(schedule.c.id % 7 == 0))
        connection.execute(update(match_scores).where(match_scores.c.id % 9 == 0).values(match_date=date(2024, 1, 2)))

    with engine.begin() as connection:
        restored = restore(connection, snapshot, "kim", judge=lambda _: "")

    assert {one.table for one in restored.differences if one} == {"public.schedule", "public.match_scores"}
    assert all_rows(engine) == before
