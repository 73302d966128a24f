"""What the signs of accidents count, by value, on a league that is made up: the limits stand with the guards."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from etl.importing import FeedResult
from etl.importing.declared import Limits
from tests.etl.conftest import Filled
from tests.etl.importing.feeds import APTA, fixture, publish_one, standing, write

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


def person(number: int, **changes: Any) -> dict[str, Any]:
    """A row of a roster of which no two figures are the same."""
    return {"League": APTA, "Club": "Birchwood", "Series": "Chicago 11", "Team": NAMES[0], "PTI": f"{30 + number}.5",
            "Player ID": f"nndz-{number:016x}", "First Name": f"A{number}", "Last Name": f"B{number}",
            "Wins": f"{number}",
            "Losses": f"{2 * number + 1}", "Win %": "30.0%", "Captain": ""} | changes  # fmt: skip


def elsewhere(league: str, number: int) -> dict[str, Any]:
    """Somebody of another league, who has another form of id; all of them are captains, and nobody is rated."""
    own = {"League": league, "Player ID": f"{league.lower()}-{number:05x}", "Captain": "Yes", "PTI": ""}
    return person(number, Team=NAMES[1], Series="Series 3", **own)


FIRST_ELSEWHERE = {"CNSWPL": 30, "NSTF": 50}
ALL_OF_THEM = ("rewritten", "pattern", "turned", "contradictory", "other_ids", "fallen", "emptied")
LIBERAL = Limits(**dict.fromkeys(ALL_OF_THEM, 1.0))


def members() -> list[dict[str, Any]]:
    """Twenty people of one league, of whom two are captains."""
    return [person(number, Captain="Yes" if number < 2 else "") for number in range(20)]


def rosters(database: Engine, folder: Path) -> None:
    """The twenty; in a league before theirs, and in one after it, all are captains."""
    others = {league: [elsewhere(league, first + n) for n in range(16)] for league, first in FIRST_ELSEWHERE.items()}
    for league, people in {"CNSWPL": others["CNSWPL"], APTA: members(), "NSTF": others["NSTF"]}.items():
        own = {"league_id": league} | ({} if league == APTA else {"series": "Series 3"})
        teams = [record(team, 3, 1, 50 + FIRST_ELSEWHERE.get(league, 0)) | own for team in NAMES[:2]]
        teams.append(record(NAMES[2], 3, 1, 60 + FIRST_ELSEWHERE.get(league, 0), series="Chicago 22") | own)
        publish_one(database, write(folder, "series_stats", teams, league))
        publish_one(database, write(folder, "players", people, league))


@pytest.fixture
def listed(filled: Filled) -> Engine:
    return filled(rosters)


def test_people_are_compared_with_those_that_they_replace(listed: Engine, tmp_path: Path) -> None:
    """Each change in a number of rows of its own, and beside each row one that is just within the limit."""
    before = members()
    changes: dict[int, dict[str, Any]] = {
        0: {"First Name": "A?"},
        **{number: {"First Name": f"B{number}", "Last Name": f"A{number}"} for number in (1, 2)},
        **{number: {"PTI": f"{41 + number}.5"} for number in (3, 4, 5)}, 6: {"PTI": "46.5"},
        7: {"Wins": "6"}, **{number: {"Losses": f"{number}"} for number in (8, 9)},
        **{number: {"Player ID": f"cnswpl-{number:05x}"} for number in (10, 11, 12, 13)},
        14: {"Player ID": f"nndz-{14 + 1024:016x}", "First Name": "Another"},
        # ids that somebody of another league has
        16: {"Player ID": f"cnswpl-{30:05x}"}, 19: {"Player ID": f"nstf-{50:05x}"},
        # half of a swap each
        17: {"First Name": "Zoe", "Last Name": "A17"}, 18: {"First Name": "B18", "Last Name": "Zoe"},
    }  # fmt: skip
    after = [row | {"Captain": "Yes"} | changes.get(number, {}) for number, row in enumerate(before)]
    after.append(person(15, **{"Player ID": f"nndz-{99:016x}"}))
    # an id that somebody of this league has, in another series
    after.append(person(15, Series="Chicago 22", Team=NAMES[2], **{"Player ID": f"nndz-{17:016x}"}))

    signs = counted(publish_one(listed, write(tmp_path, "players", after), limits=LIBERAL))

    assert {name: sign for name, sign in signs.items() if "one_value" not in name} == {
        "letters_lost": (1, 13, ""), "names_swapped": (2, 13, ""), "ratings_jumped": (3, 13, "over 10 points"),
        "figures_fallen": (2, 13, "losses fall"), "captains_for_all": (20, 22, "captain_status stands"),
        "ids_replaced": (7, 22, ""), "other_ids": (6, 22, ""), "doubled_people": (1, 21, ""),
    }  # fmt: skip


def test_a_mark_that_many_have_or_nobody_is_no_sign(listed: Engine, tmp_path: Path) -> None:
    before = members()
    ten = [row | {"Captain": "Yes" if number < 10 else ""} for number, row in enumerate(before)]
    every, nobody = ([row | {"Captain": mark} for row in before] for mark in ("Yes", ""))

    signs = [
        counted(publish_one(listed, write(tmp_path, "players", rows), limits=Limits(one_value=1.0)))
        for rows in (every, nobody, every, ten, every)
    ]

    assert [one.get("captains_for_all") for one in signs] == [(20, 20, "captain_status stands"), *4 * [None]]


def test_ratings_that_most_had_are_counted_where_they_are_empty(listed: Engine, tmp_path: Path) -> None:
    before = members()
    some = [row | ({"PTI": ""} if number < 3 else {}) for number, row in enumerate(before)]

    signs = counted(publish_one(listed, write(tmp_path, "players", some)))

    assert signs["ratings_emptied"] == (3, 20, "pti is empty")


def test_a_series_of_ten_fixtures_that_a_feed_leaves_out_is_told(database: Engine, tmp_path: Path) -> None:
    """One of ten fixtures is gone, one of nine is too small to be missed, another league has its own."""
    places = {"Chicago 11": 12, "Chicago 22": 10, "Chicago 33": 9}
    names = {place: (f"Birchwood - {place[-2:]}", f"Tennaqua - {place[-2:]}") for place in places}
    teams = [standing(name, place) for place, pair in names.items() for name in pair]
    other = [row | {"league_id": "CNSWPL"} for row in teams]
    publish_one(database, write(tmp_path, "series_stats", teams))
    publish_one(database, write(tmp_path, "series_stats", other, "CNSWPL"), limits=LIBERAL)
    rows = [fixture(*names[place], f"10/{day:02}/2024", series=place) for place, number in places.items()
            for day in range(1, number + 1)]  # fmt: skip
    publish_one(database, write(tmp_path, "schedules", rows))

    (part,) = publish_one(database, write(tmp_path, "schedules", rows[:12]), limits=Limits(shrunk=1.0)).parts

    assert (part.profile["series_gone"], part.profile["gone"], part.profile["stored"]) == (["Chicago 22"], 19, 31)


def test_people_of_another_league_are_told_by_id_and_team(listed: Engine, tmp_path: Path) -> None:
    """Four have the id and the team of another league; one has its id alone, two its team alone."""
    strangers = [person(n, League="CNSWPL", Series="Series 3") for n in range(4)]
    by_id = person(4, League="CNSWPL", Series="Series 3", Team=NAMES[1])
    by_team = [elsewhere("CNSWPL", n) | {"Team": NAMES[0]} for n in (90, 91)]

    rows = [by_id, *strangers, *by_team, *(elsewhere("CNSWPL", n) for n in range(30, 35))]
    signs = counted(publish_one(listed, write(tmp_path, "players", rows, "CNSWPL"), limits=LIBERAL))

    assert signs["another_league"] == (4, 12, APTA)
    assert signs["other_ids"] == (5, 7, "")


def test_fixtures_that_stand_there_in_another_form_are_doubled(database: Engine, tmp_path: Path) -> None:
    """Two meet again within days of a fixture that stays, one of them with sides turned; others are what they seem."""
    publish_one(database, write(tmp_path, "series_stats", [record(team, 3, 1, 50) for team in NAMES]))
    first, second, third, fourth = NAMES[:4]
    stored = [
        fixture(first, second, "10/10/2024"),
        fixture(third, fourth, "10/10/2024"),
        fixture(first, third, "11/20/2024"),
    ]
    publish_one(database, write(tmp_path, "schedules", stored))
    # three days apart, and turned; too far, and by a day; another pair, and one whose stored fixture the feed has not
    added = [
        fixture(first, second, "10/13/2024"), fixture(fourth, third, "10/07/2024"),
        fixture(first, second, "12/20/2024"), fixture(first, second, "10/06/2024"),
        fixture(third, fourth, "10/14/2024"), fixture(first, fourth, "10/11/2024"), fixture(first, third, "11/21/2024"),
    ]  # fmt: skip

    signs = counted(publish_one(database, write(tmp_path, "schedules", [*stored[:2], *added]), limits=LIBERAL))

    assert signs["doubled"] == (2, 9, "")


def test_results_that_stand_there_in_another_form_are_doubled(database: Engine, tmp_path: Path) -> None:
    """Two without players on their day, two with the same players before or after it; others are what they seem."""
    publish_one(database, write(tmp_path, "series_stats", [record(team, 3, 1, 50) for team in NAMES]))
    stored = [played(place) for place in range(10)]
    publish_one(database, write(tmp_path, "match_history", stored))
    nobody = dict.fromkeys((f"{side} Player {number} ID" for side, number in SEATS), "")
    added = [
        played(0, **nobody), played(1, **nobody), played(2, Date="25-Oct-24"), played(3, **nobody, Scores="6-0, 6-0"),
        played(4, **nobody, Date="26-Oct-24"), played(5, Date="27-Oct-24", Scores="6-0, 6-1"),
        played(9, Date="01-Oct-24"),
    ]  # fmt: skip

    signs = counted(publish_one(database, write(tmp_path, "match_history", [*stored, *added]), limits=LIBERAL))

    assert signs["doubled"] == (4, 17, "")


def test_examples_are_the_first_rows_that_change_wherever_in_the_feed_they_stand(
    database: Engine, tmp_path: Path
) -> None:
    days = [f"{month:02}/{day:02}/2024" for month in (9, 10) for day in range(1, 29)]
    known = [fixture(*pair, day) for day in days for pair in permutations(NAMES, 2) if pair[0] < pair[1]]
    known += [fixture(*pair, day) for day in days for pair in permutations(NAMES, 2) if pair[0] > pair[1]]
    publish_one(database, write(tmp_path, "series_stats", [standing(team) for team in NAMES]))

    first = publish_one(database, write(tmp_path, "schedules", known))
    late = [fixture(home, away, "10/29/2024") for home, away in (NAMES[:2], NAMES[2:4])]
    second = publish_one(database, write(tmp_path, "schedules", [*known, *late]))

    assert [one["row"] for one in first.parts[0].profile["examples"]] == [0, 1, 2, 3, 4]
    assert second.parts[0].profile["examples"] == ({"row": 1680, "id": None}, {"row": 1681, "id": None})
