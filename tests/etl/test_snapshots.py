"""Snapshots: whole, verified, and restored by comparison."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, delete, func, insert, select, text, update

from etl import snapshots
from etl.repairs import RepairError
from etl.repairs.undo import undo
from etl.restore import Restored, Rows, restore
from etl.snapshots import (
    AUTOMATIC_KEPT,
    Snapshot,
    SnapshotError,
    digest,
    faults_of,
    find_snapshot,
    snapshots_in,
    take_snapshot,
)
from etl.tables import leagues, players, schedule, series, teams
from tests.etl.repairs.dump import dump

ODD = 'a\tb\\c\nd "e" %s \\.\nCOPY x FROM stdin;'


@pytest.fixture
def season(database: Engine) -> Engine:
    """A team with a schedule, under names that are hard to copy."""
    with database.begin() as connection:
        connection.execute(insert(leagues).values(league_id="CNSWPL", league_name="CNSWPL"))
        connection.execute(insert(series).values(name="Series 1"))
        connection.execute(insert(teams), [{"league_id": 1, "series_id": 1, "team_name": name} for name in ("A", ODD)])
        rows = [{"match_date": f"2025-01-0{n}", "home_team": "A", "away_team": ODD, "home_team_id": 1,
                 "away_team_id": 2, "league_id": 1} for n in (1, 2, 3)]  # fmt: skip
        connection.execute(insert(schedule), rows)
    return database


@pytest.fixture
def made(season: Engine, tmp_path: Path) -> Snapshot:
    """A snapshot of the season."""
    return take_snapshot(season, tmp_path, "a test", "kim")


def restored(engine: Engine, snapshot: Snapshot, newer: Rows = Rows.REFUSE, objection: str = "") -> Restored:
    with engine.begin() as connection:
        return restore(connection, snapshot, "kim", judge=lambda _: objection, newer=newer)


def test_a_snapshot_says_what_it_holds(made: Snapshot) -> None:
    rows = {held.table: held.rows for held in made.tables if held.rows}

    assert rows == {"public.leagues": 1, "public.series": 1, "public.teams": 2, "public.schedule": 3}
    assert faults_of(made) == ()


def test_it_is_found_again(made: Snapshot) -> None:
    assert find_snapshot(made.folder.parent, made.name) == find_snapshot(made.folder.parent, "latest") == made


def test_only_its_owner_may_look_into_it(made: Snapshot) -> None:
    assert made.folder.stat().st_mode & 0o077 == 0


def test_restoring_what_is_there_already_changes_nothing(season: Engine, made: Snapshot) -> None:
    before = dump(season)

    assert restored(season, made).repair is None
    assert dump(season) == before


def test_lost_and_changed_rows_come_back_byte_by_byte(season: Engine, made: Snapshot) -> None:
    before = dump(season)
    with season.begin() as connection:
        connection.execute(delete(schedule).where(schedule.c.id == 2))
        connection.execute(update(teams).values(team_name=teams.c.team_name + "?"))

    found = restored(season, made)

    assert dump(season) == before
    assert [str(one) for one in found.differences if one] == [
        "public.teams: 2 changed since", "public.schedule: 1 missing"
    ]  # fmt: skip


def test_rows_of_several_blocks_come_back(season: Engine, tmp_path: Path) -> None:
    copied = "insert into series (name) select repeat(md5(n::text), 2) from generate_series(1, 20000) n"
    with season.begin() as connection:
        connection.execute(text(copied))
    made, before = take_snapshot(season, tmp_path, "a test", "kim"), dump(season)
    with season.begin() as connection:
        connection.execute(delete(series).where(series.c.id % 3 == 0))

    restored(season, made)

    assert dump(season) == before


def test_rows_of_all_tables_come_back_whatever_refers_to_what(season: Engine, made: Snapshot) -> None:
    before = dump(season)
    with season.begin() as connection:
        connection.execute(text("truncate leagues, series, teams, schedule cascade"))

    restored(season, made)

    assert dump(season) == before


def test_rows_written_since_are_named_and_not_lost(season: Engine, made: Snapshot) -> None:
    with season.begin() as connection:
        connection.execute(insert(teams).values(league_id=1, series_id=1, team_name="new"))
    after = dump(season)

    with pytest.raises(SnapshotError, match=r"written since the snapshot: 1 of public.teams \(id 3\)"):
        restored(season, made)

    assert dump(season) == after


def test_rows_written_since_are_kept_on_demand(season: Engine, made: Snapshot) -> None:
    with season.begin() as connection:
        connection.execute(insert(teams).values(league_id=1, series_id=1, team_name="new"))
        connection.execute(delete(schedule).where(schedule.c.id == 2))

    restored(season, made, Rows.KEEP)

    with season.begin() as connection:
        assert connection.scalar(select(func.count()).select_from(teams)) == 3
        assert connection.scalar(select(func.count()).select_from(schedule)) == 3


def test_a_restore_can_be_undone(season: Engine, made: Snapshot) -> None:
    with season.begin() as connection:
        connection.execute(text("delete from schedule where id = 1"))
        connection.execute(update(teams).where(teams.c.id == 1).values(team_name="renamed"))
        connection.execute(insert(teams).values(league_id=1, series_id=1, team_name="new"))
        connection.execute(update(schedule).values(home_team_id=3))
    before = dump(season)
    repair = restored(season, made, Rows.DISCARD).repair
    assert repair is not None
    assert dump(season) != before

    with season.begin() as connection:
        undo(connection, repair.id, "kim")

    assert dump(season) == before


def test_rows_that_would_lead_nowhere_stop_a_restore(season: Engine, made: Snapshot) -> None:
    """A table that is not ours refers to a row that the snapshot does not have."""
    with season.begin() as connection:
        connection.execute(text("create table polls (team integer references teams (id))"))
        connection.execute(insert(teams).values(league_id=1, series_id=1, team_name="new"))
        connection.execute(text("insert into polls values (3)"))
    before = dump(season)

    with pytest.raises(RepairError, match=r"^1 row of public\.polls would refer to rows that are not there any more"):
        restored(season, made, Rows.DISCARD)

    assert dump(season) == before


def test_what_the_rules_object_to_is_not_restored(season: Engine, made: Snapshot) -> None:
    with season.begin() as connection:
        connection.execute(delete(schedule))
    before = dump(season)

    with pytest.raises(SnapshotError, match="is not restored: worse than what is there"):
        restored(season, made, objection="worse than what is there")

    assert dump(season) == before


def test_the_judge_sees_the_restored_rows(season: Engine, made: Snapshot) -> None:
    with season.begin() as connection:
        connection.execute(delete(schedule))
    seen: list[int | None] = []

    def judge(connection: Connection) -> str:
        seen.append(connection.scalar(select(func.count()).select_from(schedule)))
        return ""

    with season.begin() as connection:
        restore(connection, made, "kim", judge=judge)

    assert seen == [3]


def test_ids_go_on_behind_restored_rows(season: Engine, made: Snapshot) -> None:
    with season.begin() as connection:
        connection.execute(text("truncate leagues, series, teams, schedule restart identity cascade"))
    restored(season, made)

    with season.begin() as connection:
        new = connection.scalar(insert(schedule).values(match_date="2025-02-01", home_team="Practice", away_team="")
                                .returning(schedule.c.id))  # fmt: skip

    assert new == 4


def test_columns_that_came_later_keep_their_values(season: Engine, made: Snapshot) -> None:
    with season.begin() as connection:
        connection.execute(text("alter table schedule add column note text default 'mine'"))
        connection.execute(update(schedule).values(location="elsewhere"))

    restored(season, made)

    with season.begin() as connection:
        found = connection.execute(text("select distinct note, location from schedule")).all()
    assert list(map(tuple, found)) == [("mine", None)]


@pytest.mark.parametrize("harm", ["cut", "changed", "gone"])
def test_a_damaged_snapshot_is_not_restored(season: Engine, made: Snapshot, harm: str) -> None:
    file = made.folder / next(name for name in made.files if "schedule" in name or "dump" in name)
    content = file.read_bytes()
    if harm == "gone":
        file.unlink()
    else:
        file.write_bytes(content[:-9] if harm == "cut" else content[:40] + b"?" + content[41:])

    assert faults_of(made)
    with pytest.raises(SnapshotError, match=f"snapshot {made.name} is damaged: {file.name}"):
        restored(season, made)


def test_missing_rows_are_noticed_though_the_file_is_sound(season: Engine, tmp_path: Path) -> None:
    made = take_snapshot(season, tmp_path, "a test", "kim")
    file = made.folder / "public.schedule.copy.gz"
    file.write_bytes(gzip.compress(b"".join(gzip.decompress(file.read_bytes()).splitlines(keepends=True)[:2])))
    made.files[file.name] = digest(file)

    assert faults_of(made) == ("public.schedule has 2 rows, 3 were written",)


def test_old_automatic_snapshots_make_room_and_others_stay(season: Engine, tmp_path: Path) -> None:
    kept = take_snapshot(season, tmp_path, "by hand", "kim")
    for _ in range(AUTOMATIC_KEPT + 2):
        take_snapshot(season, tmp_path, "before a fix", "kim", automatic=True)

    names = [snapshot.name for snapshot in snapshots_in(tmp_path)]

    assert len(names) == AUTOMATIC_KEPT + 1
    assert kept.name in names


def test_half_a_snapshot_is_none(season: Engine, tmp_path: Path) -> None:
    made = take_snapshot(season, tmp_path, "a test", "kim")
    made.folder.rename(made.folder.with_name(made.name + ".new"))

    assert snapshots_in(tmp_path) == ()
    with pytest.raises(SnapshotError, match=r"there is no snapshot 'latest'.*none yet; make one"):
        find_snapshot(tmp_path, "latest")


@pytest.mark.parametrize("trouble", [RuntimeError("a lost connection"), KeyboardInterrupt()], ids=repr)
def test_nothing_is_left_of_a_snapshot_that_failed(
    season: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: BaseException
) -> None:
    """Rows of people lay below a name that ends in .new, for ever, after a deadline had passed."""

    def fail(*_: object) -> None:
        raise trouble

    monkeypatch.setattr(snapshots, "write_manifest", fail)

    with pytest.raises(type(trouble)):
        take_snapshot(season, tmp_path, "drill", "kim")

    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_snapshot_left_is_removed_after_a_day(season: Engine, tmp_path: Path) -> None:
    old, fresh = tmp_path / "20250101T000000_000000.new", tmp_path / "20250102T000000_000000.new"
    for folder in (old, fresh):
        folder.mkdir()
    os.utime(old, (0, 0))

    take_snapshot(season, tmp_path, "drill", "kim")

    assert [path.name for path in tmp_path.glob("*.new")] == [fresh.name]


def test_people_are_in_it_and_in_no_message(season: Engine, tmp_path: Path) -> None:
    with season.begin() as connection:
        connection.execute(insert(players).values(tenniscores_player_id="nndz-1", email="secret@example.org"))
    made = take_snapshot(season, tmp_path, "a test", "kim")
    with season.begin() as connection:
        connection.execute(delete(players))

    assert "secret" not in str(restored(season, made))
