"""Signs of fixtures and results by value, on rows of which no two are alike: days, sides, places, who is right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from etl.importing.declared import Limits
from tests.etl.conftest import Filled
from tests.etl.importing.feeds import fixture, publish_one, standing, write
from tests.etl.importing.test_signs import LIBERAL, NAMES, SEATS, counted, played, record

A, B, C, D, E, F = NAMES
FREE = Limits(**LIBERAL.model_dump() | {"grown": 1.0, "shrunk": 1.0, "one_value": 1.0, "relinked": 1.0})


def twice_six_teams(engine: Engine, folder: Path) -> None:
    """Six teams of a league, and as many of the same names in another one."""
    teams = [record(team, 3, 1, 50 + place) for place, team in enumerate(NAMES)]
    publish_one(engine, write(folder, "series_stats", teams))
    others = [standing(team, "Series 3", "CNSWPL", points=place) for place, team in enumerate(NAMES)]
    publish_one(engine, write(folder, "series_stats", others, "CNSWPL"), limits=FREE)


@pytest.fixture
def six_teams(filled: Filled) -> Engine:
    return filled(twice_six_teams)


def signs_of(engine: Engine, folder: Path, kind: str, before: list[Any], after: list[Any]) -> dict[str, Any]:
    """The signs of a feed over another one."""
    publish_one(engine, write(folder, kind, before), limits=FREE)
    return dict(counted(publish_one(engine, write(folder, kind, after), limits=FREE)))


def met(home: str, away: str, month: int, day: int, **changes: Any) -> dict[str, Any]:
    """A fixture of its own place and time."""
    own = {"location": f"{home} {month}", "time": f"0{1 + day % 9}:{10 + month} pm"}
    return fixture(home, away, f"{month:02}/{day:02}/2024") | own | changes


def test_fixtures_on_another_day_are_counted_by_the_days_that_most_have_moved(
    six_teams: Engine, tmp_path: Path
) -> None:
    """Who plays somebody else a week later has not moved, nor has what the feed still has on its own day."""
    stays = [
        met(A, F, 10, 20), met(C, B, 11, 2), met(B, A, 9, 24), met(F, E, 10, 6),
        # on the days of what moves, with one of its sides or the other; and the same two on days before and after it
        met(F, D, 11, 5), met(F, B, 11, 9), met(E, B, 11, 6), met(C, B, 11, 10), met(F, C, 9, 25), met(D, B, 12, 20),
    ]  # fmt: skip
    before = [
        met(A, B, 9, 21), met(C, D, 9, 22), met(E, F, 9, 23), met(D, C, 10, 5), met(E, A, 10, 19),
        # two meetings each, so that none of them is followed
        met(F, C, 11, 5), met(F, C, 11, 9), met(D, B, 11, 6), met(D, B, 11, 10),
        # they are gone
        met(A, C, 10, 17), met(A, E, 10, 17), met(C, F, 10, 18), met(B, F, 10, 19),
    ]  # fmt: skip
    after = [
        # a week later
        met(A, B, 9, 28), met(C, D, 9, 29), met(E, F, 9, 30), met(D, C, 10, 12),
        met(F, C, 11, 12), met(F, C, 11, 16), met(D, B, 11, 13), met(D, B, 11, 17),
        # two days later; once more; with another guest, with another host
        met(E, A, 10, 21), met(F, E, 10, 13), met(A, D, 10, 24), met(A, B, 10, 24), met(A, F, 10, 25),
        met(D, F, 10, 26),
    ]  # fmt: skip

    signs = signs_of(six_teams, tmp_path, "schedules", stays + before, stays + after)

    assert signs["dates_shifted"] == (8, 24, "+7 days")


def test_a_day_and_month_that_are_swapped_stand_in_one_year(six_teams: Engine, tmp_path: Path) -> None:
    """Three are; of others the day alone is the month, or the month the day, or the year is another one."""
    before = [
        met(A, B, 10, 11), met(C, D, 11, 12), met(E, F, 10, 9),
        met(B, A, 10, 11), met(D, C, 10, 11), met(F, E, 10, 1), met(A, C, 9, 20),
    ]  # fmt: skip
    after = [
        met(A, B, 11, 10), met(C, D, 12, 11), met(E, F, 9, 10),
        met(B, A, 12, 10), met(D, C, 11, 20), met(F, E, 10, 1, date="01/10/2025"), met(A, C, 9, 20),
    ]  # fmt: skip

    signs = signs_of(six_teams, tmp_path, "schedules", before, after)

    assert signs["day_month_swapped"] == (3, 7, "")


def test_fixtures_with_their_sides_turned_and_teams_against_themselves_are_counted(
    six_teams: Engine, tmp_path: Path
) -> None:
    before = [met(A, B, 10, 1), met(C, D, 10, 2), met(E, F, 10, 3), met(A, C, 10, 4), met(B, D, 10, 5)]
    after = [met(B, A, 10, 1), met(D, C, 10, 2), met(E, F, 10, 3), met(A, C, 10, 4), met(B, B, 10, 5)]

    signs = signs_of(six_teams, tmp_path, "schedules", before, after)

    assert (signs["sides_turned"], signs["self_matches"]) == ((2, 5, ""), (1, 5, ""))


def test_a_fixture_under_two_spellings_is_one_row_among_which_signs_are_counted(
    six_teams: Engine, tmp_path: Path
) -> None:
    feed = [met(A, B, 10, 1), met(A.upper(), B, 10, 1), met(C, D, 10, 2), met(E, E, 10, 3)]

    signs = counted(publish_one(six_teams, write(tmp_path, "schedules", feed), limits=FREE))

    assert signs["self_matches"] == (1, 3, "")


def test_new_fixtures_that_another_league_has_on_their_day_are_counted(six_teams: Engine, tmp_path: Path) -> None:
    """One in ten rows is new, which is enough to look; it needs the day and both names of the other league's."""
    theirs = [met(A, B, 10, 1), met(C, D, 10, 2), met(E, F, 10, 3)]
    elsewhere = [row | {"League": "CNSWPL", "series": "Series 3"} for row in theirs]
    publish_one(six_teams, write(tmp_path, "schedules", elsewhere, "CNSWPL"), limits=FREE)
    own = [met(NAMES[n % 3], NAMES[3 + n % 2], 11, 1 + n) for n in range(9)]
    publish_one(six_teams, write(tmp_path, "schedules", own), limits=FREE)

    one, many = (
        dict(counted(publish_one(six_teams, write(tmp_path, "schedules", own + new), limits=FREE)))
        for new in ([theirs[0]], [*theirs[:2], met(E, A, 10, 3), met(A, F, 10, 3), met(E, F, 10, 4)])
    )

    # what was published is not new any more
    assert (one["another_league"], many["another_league"]) == ((1, 10, "CNSWPL"), (1, 14, "CNSWPL"))


def test_fixtures_that_all_stood_there_are_not_doubled(six_teams: Engine, tmp_path: Path) -> None:
    rows = [met(NAMES[n % 3], NAMES[3 + n % 2], 11, 1 + n) for n in range(9)]

    signs = signs_of(six_teams, tmp_path, "schedules", rows, [*rows[1:], rows[0] | {"location": "Elm"}])

    assert {name for name in signs if "one_value" not in name} == set()


def test_one_value_is_a_sign_where_many_rows_are_written_and_the_table_has_several(
    six_teams: Engine, tmp_path: Path
) -> None:
    """Of ten places eight are the same already, of ten times seven are; one row in ten that is written says nothing."""
    places, times = [*8 * ["Club"], "Elm", "Fox"], [*7 * ["06:30 pm"], "07:00 pm", "07:30 pm", "08:00 pm"]
    before = [
        fixture(NAMES[n % 3], NAMES[3 + n % 2], f"10/{n + 1:02}/2024", location=place, time=time)
        for n, (place, time) in enumerate(zip(places, times, strict=True))
    ]
    same = {"location": "Club", "time": "06:30 pm"}
    publish_one(six_teams, write(tmp_path, "schedules", before), limits=FREE)

    signs = [
        counted(publish_one(six_teams, write(tmp_path, "schedules", rows), limits=FREE, dry_run=True))
        for rows in ([*before[:9], before[9] | same], [*before[:8], *(row | same for row in before[8:])])
    ]

    one_value = [{name: sign for name, sign in each.items() if "one_value" in name} for each in signs]
    assert one_value[0] == {}
    assert one_value[1] == {
        "match_time_one_value": (9, 10, "match_time is '18:30:00'"),
        "match_date_one_value": (1, 10, "match_date is '2024-10-01'"),
        "home_team_one_value": (4, 10, f"home_team is '{A}'"), "away_team_one_value": (5, 10, f"away_team is '{D}'"),
    }  # fmt: skip


def other_side(row: dict[str, Any]) -> dict[str, Any]:
    """The players of a result, each on the other side."""
    others = {"Home": "Away", "Away": "Home"}
    return {f"{others[side]} Player {number} ID": row[f"{side} Player {number} ID"] for side, number in SEATS}


def test_players_go_with_their_teams_stay_or_change_sides_alone(six_teams: Engine, tmp_path: Path) -> None:
    """One result turns with its players and one without: that the teams alone are turned needs more of these."""
    before = [played(place) for place in range(20)]
    turned = {"Winner": "away", "Scores": "1-6, 0-6"}
    changes: dict[int, dict[str, Any]] = {
        0: {"Home Team": F, "Away Team": A} | other_side(before[0]) | turned,
        6: {"Home Team": F, "Away Team": B} | turned | {"Scores": "1-6, 1-6"},
        **{place: other_side(before[place]) for place in (7, 8, 9)},
    }
    after = [row | changes.get(place, {}) for place, row in enumerate(before)]

    signs = signs_of(six_teams, tmp_path, "match_history", before, after)

    assert (signs["sides_turned"], signs["players_turned"]) == ((2, 20, ""), (3, 20, ""))
    assert not {"ids_replaced", "scores_turned", "winners_turned"} & signs.keys()


def test_what_is_mended_makes_up_for_what_contradicts_itself(six_teams: Engine, tmp_path: Path) -> None:
    """Four results are right now, three have become wrong, and of three new ones two are: one more than before."""
    guests = {"Scores": "1-6, 2-6", "Winner": "away"}
    fair = {10: guests, 11: guests}
    wrong = {place: {"Winner": "away"} for place in range(3)} | {8: guests | {"Winner": "home"}}
    before = [played(place, **(wrong | fair).get(place, {})) for place in range(20)]
    changes = fair | {3: {"Winner": "away"}, 4: {"Winner": "away"}, 6: {"Scores": "1-6, 3-6"}, 8: guests}
    after = [played(place, **changes.get(place, {})) for place in range(20)]
    new = [played(20, Winner="away"), played(21, **guests | {"Winner": "home"}), played(22, **guests)]

    signs = signs_of(six_teams, tmp_path, "match_history", before, [*after, *new])

    assert (signs["mended"], signs["contradictory"]) == ((4, 20, ""), (1, 23, ""))
    assert signs["winners_turned"] == (2, 20, "")


SAYS_WHO: list[tuple[int, dict[str, int], dict[str, tuple[int, int, str]]]] = [
    # one in twenty is too few to ask the standings
    (1, {}, {"contradictory": (1, 20, "")}),
    # of A four lines are won by the scores, of F all by the winners
    (15, {A: 4, F: 15}, {"contradictory": (15, 20, "1 of 2 teams, the scores for 1")}),
    (15, {A: 2, F: 15}, {"contradictory": (15, 20, "1 of 2 teams, the scores for 0")}),
    (16, {A: 1, B: 1, D: 5, F: 16}, {"scores_wrong": (16, 20, "3 of 4 teams, the scores for 1")}),
    (16, {A: 4, B: 4, D: 5, F: 16}, {"winners_wrong": (16, 20, "1 of 4 teams, the scores for 3")}),
    (16, {A: 4, F: 16}, {"contradictory": (16, 20, "1 of 2 teams, the scores for 1")}),
]


@pytest.mark.parametrize(("wrong", "lines", "told"), SAYS_WHO)
def test_the_standings_say_which_half_of_a_contradiction_is_right(
    database: Engine, tmp_path: Path, wrong: int, lines: dict[str, int], told: dict[str, tuple[int, int, str]]
) -> None:
    """A team whose standings have no line won says nothing; what stays in the table within the days counts, too."""
    teams = [record(team, 0, 1, 50) for team in NAMES]
    for team, row in zip(NAMES, teams, strict=True):
        row["lines"]["won"] = lines.get(team, 0)
    publish_one(database, write(tmp_path, "series_stats", teams))
    # a meeting that the feed has not, on a day of its own and after them, and a result that it replaces
    stays = [played(3, **{"Away Team": E, "Scores": "7-5, 7-5"}), played(0, Date="15-Nov-24", Scores="7-6, 7-6")]
    stays.append(played(16))
    publish_one(database, write(tmp_path, "match_history", stays), limits=FREE)
    rows = [played(place, Winner="away" if place >= 20 - wrong else "home") for place in range(20)]

    signs = counted(publish_one(database, write(tmp_path, "match_history", rows), limits=FREE))

    found = {name: signs[name] for name in ("contradictory", "scores_wrong", "winners_wrong") if name in signs}
    ends = {name: (count, among, words.split("right for ")[-1]) for name, (count, among, words) in found.items()}
    assert {**ends, **told} == ends
    assert found.keys() == {"contradictory", *told}
