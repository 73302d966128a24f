"""Finding feeds: what is one, of which kind and league, in which order."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from pathlib import Path

import pytest

from etl import FeedError
from etl.feeds import Feed, Unrecognised, discover, fingerprint
from etl.kinds import KINDS
from etl.kinds.match_results import MATCH_HISTORY
from etl.kinds.player_history import PLAYER_HISTORY
from etl.kinds.players import PLAYERS
from etl.kinds.schedules import SCHEDULES
from etl.kinds.standings import SERIES_STATS
from etl.reading import extract
from tests.conftest import FEEDS


def put(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("[]")


def found(*paths: Path) -> list[tuple[str, str, str]]:
    feeds, _ = discover(paths)
    return [(feed.moment, feed.kind.name, feed.league) for feed in feeds]


def test_kinds_come_in_publishing_order() -> None:
    assert [*KINDS] == [SERIES_STATS, PLAYERS, PLAYER_HISTORY, SCHEDULES, MATCH_HISTORY]


def test_a_tree_is_ordered_by_time_then_kind_then_all_before_the_leagues_own(tmp_path: Path) -> None:
    put(tmp_path, "2025-06-02T0800/all/series_stats.json", "2025-06-01T0800/all/schedules.json")
    put(tmp_path, "2025-06-01T0800/NSTF/series_stats.json", "2025-06-01T0800/all/series_stats.json")
    put(tmp_path, "2025-06-01T0800/CITA/match_scores.json", "2025-06-01T0800/CITA/players.json")

    assert found(tmp_path) == [
        ("2025-06-01T0800", "series_stats", "all"),
        ("2025-06-01T0800", "series_stats", "NSTF"),
        ("2025-06-01T0800", "players", "CITA"),
        ("2025-06-01T0800", "schedules", "all"),
        ("2025-06-01T0800", "match_history", "CITA"),
        ("2025-06-02T0800", "series_stats", "all"),
    ]


def test_a_file_and_a_league_folder_are_enough(tmp_path: Path) -> None:
    put(tmp_path, "nsft/schedules.json", "nsft/players.json")

    assert found(tmp_path / "nsft" / "schedules.json") == [("", "schedules", "NSTF")]
    assert found(tmp_path / "nsft") == [("", "players", "NSTF"), ("", "schedules", "NSTF")]


def test_any_folder_says_nothing_of_the_league(tmp_path: Path) -> None:
    put(tmp_path, "downloads/schedules.json")

    assert found(tmp_path / "downloads") == [("", "schedules", "all")]


def test_a_new_league_is_taken_from_its_folder(tmp_path: Path) -> None:
    put(tmp_path, "PADDLE_WEST/schedules.json", "2025-06-01T0800/paddle-east/schedules.json")

    assert found(tmp_path) == [("", "schedules", "PADDLE_WEST"), ("2025-06-01T0800", "schedules", "PADDLE_EAST")]


def test_a_file_that_is_reached_twice_is_one_feed(tmp_path: Path) -> None:
    put(tmp_path, "NSTF/schedules.json")

    assert len(found(tmp_path, tmp_path / "NSTF", tmp_path / "NSTF" / "schedules.json")) == 1


def test_what_is_no_feed_is_listed_with_the_reason(tmp_path: Path) -> None:
    put(tmp_path, "NSTF/README.md", "NSTF/schedules.json.bak", "NSTF/teams.json")

    feeds, others = discover([tmp_path])

    stems = ("series_stats", "players", "players_career_stats", "player_history", "schedules", "match_history")
    names = ", ".join(f"{stem}.json" for stem in (*stems, "match_scores"))
    assert feeds == ()
    assert {other.path.name for other in others} == {"README.md", "schedules.json.bak", "teams.json"}
    lines = ".jsonl or .ndjson hold a row a line, and each may end in .gz"
    assert {other.reason for other in others} == {f"not one of {names}; {lines}"}


@pytest.mark.parametrize("ending", [".json.gz", ".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz", ".JSONL.GZ"])
def test_compressed_files_and_those_with_a_row_a_line_are_feeds_by_name(tmp_path: Path, ending: str) -> None:
    put(tmp_path, f"NSTF/nstf_players{ending}", f"NSTF/teams{ending}", "NSTF/schedules.gz", "NSTF/schedules.csv.gz")

    assert found(tmp_path) == [("", "players", "NSTF")]


@pytest.mark.parametrize("ending", [".JSON.GZ", ".JSONL", ".ndjson.gz"])
def test_a_feed_by_its_name_is_read_as_its_name_says(tmp_path: Path, ending: str) -> None:
    rows = [{"Date": "01-Oct-25", "Time": "06:30 pm"}, {"Date": "08-Oct-25", "Time": "07:00 pm"}]
    text = json.dumps(rows) if ".json." in f"{ending.lower()}." else "".join(f"{json.dumps(row)}\n" for row in rows)
    packed = gzip.compress(text.encode()) if ending.lower().endswith("gz") else text.encode()
    (tmp_path / f"schedules{ending}").write_bytes(packed)
    (feed,), _ = discover([tmp_path])

    assert list(extract(feed.path)) == rows


def test_a_path_that_does_not_exist_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"

    with pytest.raises(FeedError) as error:
        discover([missing])

    assert str(error.value) == f"{missing} does not exist"


def test_a_link_that_leads_out_of_the_tree_is_not_followed(tmp_path: Path) -> None:
    put(tmp_path, "secret/schedules.json")
    tree = tmp_path / "tree" / "NSTF"
    tree.mkdir(parents=True)
    (tree / "schedules.json").symlink_to(tmp_path / "secret" / "schedules.json")
    (tree / "more").symlink_to(tmp_path / "secret")

    feeds, others = discover([tmp_path / "tree"])

    reason = f"a link that leads out of {tmp_path / 'tree'}"
    assert feeds == ()
    assert others == (Unrecognised(tree / "more", reason), Unrecognised(tree / "schedules.json", reason))


def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "schedules.json")

    feeds, others = discover([tmp_path])

    assert feeds == ()
    assert others == (Unrecognised(tmp_path / "schedules.json", "not a regular file"),)


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_a_file_that_cannot_be_read_is_listed(tmp_path: Path) -> None:
    put(tmp_path, "NSTF/schedules.json")
    (tmp_path / "NSTF" / "schedules.json").chmod(0)

    feeds, others = discover([tmp_path])

    assert feeds == ()
    assert [other.reason for other in others] == ["cannot be read: Permission denied"]


def test_a_fingerprint_is_the_sha256_of_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "schedules.json"
    path.write_bytes(b"[ ]")

    assert fingerprint(Feed(path, SCHEDULES, "all")) == hashlib.sha256(b"[ ]").hexdigest()


def test_a_fingerprint_of_a_file_that_is_gone_names_it(tmp_path: Path) -> None:
    path = tmp_path / "schedules.json"

    with pytest.raises(FeedError, match=f"{path} cannot be read: No such file or directory"):
        fingerprint(Feed(path, SCHEDULES, "all"))


@pytest.mark.skipif(not FEEDS.exists(), reason="the shared feeds are not beside this checkout")
def test_the_shared_feeds_are_95_of_33_moments() -> None:
    feeds, others = discover([FEEDS])

    assert len(feeds) == 95
    assert len({feed.moment for feed in feeds}) == 33
    assert {feed.league for feed in feeds} == {"all", "APTA_CHICAGO", "CITA", "CNSWPL", "NSTF"}
    assert [other.path.name for other in others] == ["README.md"]
