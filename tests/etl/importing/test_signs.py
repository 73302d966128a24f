"""What the signs of accidents count, by value, on a league that is made up: the limits stand with the guards."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from etl.importing import FeedResult
from etl.importing.declared import Limits
from tests.etl.importing.feeds import APTA, publish_one, standing, write

NAMES = [f"Birchwood {letter}" for letter in "ABCDEF"]


def counted(result: FeedResult) -> Mapping[str, tuple[int, int, str]]:
    """The signs that any row of a feed of one part shows: how many do, among how many, in words."""
    (part,) = result.parts
    signs = part.profile["signs"]
    return {name: (sign["count"], sign["among"], sign["words"]) for name, sign in signs.items() if sign["count"]}


def record(team: str, won: int, lost: int, games: int, **changes: Any) -> dict[str, Any]:
    """A standing of which no two figures are the same."""
    matches = {"won": won, "lost": lost, "tied": 0, "percentage": "50.0%"}
    lines = {"won": 3 * won, "lost": 3 * lost + 1, "for": 0, "ret": 0, "percentage": "50.0%"}
    sets = {"won": 7 * won, "lost": 7 * lost + 2, "percentage": "50.0%"}
    own = {"won": games, "lost": games // 2, "percentage": "66.7%"}
    return standing(team, points=10 * won + 3, matches=matches, lines=lines, sets=sets, games=own) | changes


def test_a_figure_that_fell_is_told_by_the_one_that_fell_most(database: Engine, tmp_path: Path) -> None:
    before = [record(team, 3 + place, 2, 50 + place) for place, team in enumerate(NAMES)]
    after = [row | {"points": row["points"] - 1} if place < 2 else row for place, row in enumerate(before)]
    after[2] = record(NAMES[2], 5, 2, 40) | {"points": 77}
    publish_one(database, write(tmp_path, "series_stats", before))

    signs = counted(publish_one(database, write(tmp_path, "series_stats", after)))

    assert signs["figures_fallen"] == (2, 6, "points fall")


def test_a_figure_below_zero_is_one_and_zero_is_none(database: Engine, tmp_path: Path) -> None:
    rows = [record(NAMES[0], 0, 4, 0), record(NAMES[1], 4, 1, 60), record(NAMES[2], 3, 1, 50)]
    rows[1]["sets"]["lost"] = -1

    signs = counted(publish_one(database, write(tmp_path, "series_stats", rows)))

    assert signs["negative"] == (1, 3, "")


def test_who_has_played_four_matches_and_games_was_counted_twice(database: Engine, tmp_path: Path) -> None:
    """Four teams double: one after four matches, one after five; not one after three, nor one without any games."""
    played = [(3, 1, 50), (3, 2, 60), (2, 1, 40), (4, 1, 0), (5, 1, 70), (5, 2, 80)]
    before = [record(team, *figures) for team, figures in zip(NAMES, played, strict=True)]
    twice = [record(team, *(2 * one for one in figures)) for team, figures in zip(NAMES, played[:4], strict=False)]
    publish_one(database, write(tmp_path, "series_stats", before))

    signs = counted(publish_one(database, write(tmp_path, "series_stats", [*twice, *before[4:]])))

    assert signs["figures_doubled"] == (2, 6, "")


def test_two_teams_of_all_the_same_figures_are_one_under_two_names(database: Engine, tmp_path: Path) -> None:
    """Two pairs that played four matches or more; not one that played three, nor one without games."""
    pairs = [(3, 1, 50), (6, 1, 60), (2, 1, 40), (5, 2, 0)]
    rows = [record(f"{team} {name}", *figures) for name, figures in zip("KLMN", pairs, strict=True)
            for team in ("Birchwood", "Tennaqua")]  # fmt: skip
    rows.append(record("Skokie K", 3, 1, 50))

    signs = counted(publish_one(database, write(tmp_path, "series_stats", rows)))

    assert signs["doubled_standings"] == (3, 9, "")


def test_rows_of_another_league_are_told_with_its_name(database: Engine, tmp_path: Path) -> None:
    rows = [record(team, 3, 1, 50 * place) for place, team in enumerate(NAMES)]
    publish_one(database, write(tmp_path, "series_stats", rows))
    other = [row | {"league_id": "CNSWPL"} for row in rows]

    signs = counted(publish_one(database, write(tmp_path, "series_stats", other, "CNSWPL")))

    assert signs["another_league"] == (5, 6, APTA)


def played(place: int, **changes: Any) -> dict[str, Any]:
    """A result of two of the teams, on a day of its own, with four players of its own."""
    ids = {f"{side} Player {number} ID": f"nndz-{side[0]}{number}{place}" for side, number in SEATS}
    return {"league_id": APTA, "Date": f"{place + 1:02}-Oct-24", "Home Team": NAMES[place % 5], "Away Team": NAMES[5],
            "series": "Chicago 11", "Scores": f"6-1, 6-{place % 5}", "Winner": "home", **ids} | changes  # fmt: skip


SEATS = (("Home", 1), ("Home", 2), ("Away", 1), ("Away", 2))
OTHERS = {f"{side} Player {number} ID": f"nndz-other{side}{number}" for side, number in SEATS}
TURNED = {"Home Team": NAMES[5], "Away Team": NAMES[0]}


def test_results_are_compared_with_those_that_they_replace(database: Engine, tmp_path: Path) -> None:
    """Each change in a number of rows of its own; a winner who is turned with the sides was not turned alone."""
    publish_one(database, write(tmp_path, "series_stats", [record(team, 3, 1, 50) for team in NAMES]))
    before = [played(place) for place in range(20)]
    before[7] = played(7, **{"Home Player 1 ID": ""})
    changes: dict[int, dict[str, Any]] = {
        0: TURNED | {"Winner": "away"}, 1: {"Winner": "away"}, 2: {"Winner": "away"}, 3: {"Scores": "1-6, 3-6"},
        # all four, and three beside a seat that was empty
        6: OTHERS, 7: OTHERS,
        # two are substitutes
        8: {name: OTHERS[name] for name in list(OTHERS)[:2]},
    }  # fmt: skip
    publish_one(database, write(tmp_path, "match_history", before))
    after = [row | changes.get(place, {}) for place, row in enumerate(before)]

    signs = counted(publish_one(database, write(tmp_path, "match_history", after)))

    assert {name: sign for name, sign in signs.items() if "one_value" not in name} == {
        "sides_turned": (1, 20, "teams alone"), "winners_turned": (2, 20, ""), "scores_turned": (1, 20, ""),
        "ids_replaced": (2, 20, ""),
        "contradictory": (4, 20, "; by the standings the winners are right for 0 of 6 teams, the scores for 0"),
    }  # fmt: skip


def test_a_result_counts_each_of_its_sides_that_has_a_team(database: Engine, tmp_path: Path) -> None:
    """Of twenty results one has a host whom nobody knows, two such a guest, and three neither side."""
    publish_one(database, write(tmp_path, "series_stats", [record(team, 3, 1, 50) for team in NAMES]))
    unknown: dict[int, dict[str, Any]] = {3: {"Home Team": "Nowhere 1"}, 5: {"Away Team": "Nowhere 2"}}
    unknown |= {7: {"Away Team": "Nowhere 3"}}
    unknown |= {place: {"Home Team": "Nowhere 4", "Away Team": "Nowhere 5"} for place in (11, 12, 13)}
    rows = [played(place, **unknown.get(place, {})) for place in range(20)]

    done = publish_one(database, write(tmp_path, "match_history", rows), limits=Limits(unlinked=1))

    assert (done.reasons, done.counts.linked, done.counts.unlinked) == ((), 31, 9)


def test_a_feed_without_a_wrong_row_shows_no_sign(database: Engine, tmp_path: Path) -> None:
    publish_one(database, write(tmp_path, "series_stats", [record(team, 3, 1, 50) for team in NAMES]))
    rows = [played(place) for place in range(20)]
    publish_one(database, write(tmp_path, "match_history", rows))

    signs = counted(publish_one(database, write(tmp_path, "match_history", [*rows[1:], played(0, Scores="6-0, 6-0")])))

    assert signs == {}


def test_the_limits_are_what_they_were_agreed_to_be() -> None:
    """A share of the rows each; who tightens one on purpose changes it here, in the settings' document and nowhere."""
    assert Limits().model_dump() == {
        "rejects": 0.05, "shrunk": 0.2, "new_season": 0.4, "grown": 0.2, "unlinked": 0.05, "emptied": 0.2,
        "rewritten": 0.2, "relinked": 0.5, "fallen": 0.5, "pattern": 0.25, "turned": 0.1, "contradictory": 0.01,
        "one_value": 0.97, "other_ids": 0.02, "fewest": 10,
    }  # fmt: skip
