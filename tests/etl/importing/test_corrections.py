"""Corrections: what a feed gets wrong in a known way is put right by the import, with who declared it and why."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import Engine, select

from etl.importing import Outcome
from etl.importing.declared import Correction, Limits, decoded
from etl.importing.held import held_parts
from etl.tables import import_parts, match_scores, person_ids, players, schedule, series_stats
from tests.etl.conftest import Filled
from tests.etl.importing.feeds import APTA, fixture, publish, publish_one, rows_of, standing, write

TEAMS = ("Birchwood - 11", "Tennaqua - 11", "Winnetka - 11")
DAYS = [f"{day:02}-Oct-24" for day in range(1, 21)]


def correction(**values: Any) -> Correction:
    return Correction.model_validate({"league": APTA, "kind": "match_history", "by": "kim", "why": "seen"} | values)


def result(day: str, **changes: Any) -> dict[str, Any]:
    players = {
        f"{side} Player {n} ID": f"nndz-{side[0].lower()}{n}{day[:2]}" for side in ("Home", "Away") for n in (1, 2)
    }
    return {"league_id": APTA, "Date": day, "Home Team": TEAMS[0], "Away Team": TEAMS[1], "series": "Chicago 11",
            "Scores": "6-1, 6-2", "Winner": "home", **players} | changes  # fmt: skip


def player(number: int, **changes: Any) -> dict[str, Any]:
    return {"League": APTA, "Club": "Birchwood", "Series": "Chicago 11", "Team": TEAMS[0],
            "Player ID": f"nndz-{number:016x}", "First Name": f"Ann{chr(97 + number)}",
            "Last Name": f"Oak{chr(97 + number)}", "PTI": "30.0",
            "Wins": "1", "Losses": "0", "Win %": "100.0%", "Captain": ""} | changes  # fmt: skip


def two_teams(engine: Engine, folder: Path) -> None:
    publish_one(engine, write(folder, "series_stats", [standing(name) for name in TEAMS]))


@pytest.fixture
def league(filled: Filled) -> Engine:
    return filled(two_teams)


def test_turned_scores_are_turned_back_and_recorded(league: Engine, tmp_path: Path) -> None:
    path = write(tmp_path, "match_history", [result(day, Scores="1-6, 2-6") for day in DAYS])

    done = publish_one(league, path, corrections=(correction(scores="turned"),))

    assert done.outcome is Outcome.PUBLISHED, done.reasons
    assert set(rows_of(league, match_scores, "scores", "winner")) == {("6-1, 6-2", "home")}
    made = {"correction": "scores", "value": "turned", "rows": 20, "by": "kim", "why": "seen"}
    assert rows_of(league, import_parts, "corrections")[-1] == ([made],)


def test_a_held_part_is_published_once_its_correction_is_declared(league: Engine, tmp_path: Path) -> None:
    publish_one(league, write(tmp_path, "match_history", [result(day) for day in DAYS]))
    path = write(tmp_path, "match_history", [result(day, Scores="1-6, 2-6") for day in DAYS] + [result("30-Oct-24")])
    held = publish_one(league, path)
    with league.begin() as connection:
        (waiting,) = held_parts(connection)
    path.unlink()

    again = publish(league, write(tmp_path, "series_stats", [standing(name) for name in TEAMS]),
                    corrections=(correction(scores="turned", until="2024-10-25"),))  # fmt: skip

    assert held.outcome is Outcome.BLOCKED
    assert [dict(own) for own in waiting.corrections] == [
        {"league": '"APTA_CHICAGO"', "kind": '"match_history"', "scores": '"turned"', "from": "2024-10-01",
         "until": "2024-10-30", "by": '"..."', "why": '"..."'}
    ]  # fmt: skip
    assert [(feed.kind, feed.counts.inserted, feed.counts.updated) for feed in again.feeds[1:]] == [
        ("match_history", 1, 0)
    ]
    assert set(rows_of(league, match_scores, "scores")) == {("6-1, 6-2",)}


def test_a_part_that_stays_held_with_its_correction_waits_once(league: Engine, tmp_path: Path) -> None:
    """The file was held anew, for its corrections tell it from what it was, and the old part was tried as well."""
    publish_one(league, write(tmp_path, "match_history", [result(day) for day in DAYS]))
    path = write(tmp_path, "match_history", [result(day, Scores="1-6, 2-6") for day in DAYS])
    publish_one(league, path)

    publish(league, path, corrections=(correction(scores="turned", until="2024-10-02"),))

    with league.begin() as connection:
        (waiting,) = held_parts(connection)
    assert waiting.tries == 2


def test_an_import_without_the_correction_undoes_it(league: Engine, tmp_path: Path) -> None:
    path = write(tmp_path, "match_history", [result(day, Winner="unknown") for day in DAYS])
    publish_one(league, path, corrections=(correction(scores="turned"),))
    limits = Limits(rewritten=1, turned=1, contradictory=1)

    again = publish_one(league, path, limits=limits)

    assert again.counts.updated == 20, again.reasons
    assert set(rows_of(league, match_scores, "scores")) == {("6-1, 6-2",)}


def test_the_same_bytes_are_unchanged_only_with_the_same_corrections(league: Engine, tmp_path: Path) -> None:
    path = write(tmp_path, "match_history", [result(day) for day in DAYS])
    own = (correction(scores="turned", until="2020-01-01"),)

    outcomes = [publish_one(league, path, corrections=own).outcome for _ in range(2)]

    assert outcomes == [Outcome.PUBLISHED, Outcome.UNCHANGED]
    assert publish_one(league, path).counts.unchanged == 20


def test_turned_sides_take_their_players_along(league: Engine, tmp_path: Path) -> None:
    rows = [result(day, **{"Home Team": TEAMS[1], "Away Team": TEAMS[0]}) for day in DAYS[:1]]

    publish_one(league, write(tmp_path, "match_history", rows), corrections=(correction(sides="turned"),))

    assert rows_of(league, match_scores, "home_team", "home_player_1_id", "away_player_2_id") == [
        (TEAMS[0], "nndz-a101", "nndz-h201")
    ]


def test_turned_teams_leave_their_players(league: Engine, tmp_path: Path) -> None:
    rows = [result(day, **{"Home Team": TEAMS[1], "Away Team": TEAMS[0]}) for day in DAYS[:1]]

    publish_one(league, write(tmp_path, "match_history", rows), corrections=(correction(teams="turned"),))

    assert rows_of(league, match_scores, "home_team", "home_player_1_id") == [(TEAMS[0], "nndz-h101")]


def test_sides_of_a_fixture_are_turned_and_practices_are_not(league: Engine, tmp_path: Path) -> None:
    own = correction(kind="schedules", sides="turned")
    rows = [fixture(TEAMS[0], TEAMS[1]), {"date": "10/01/2024", "time": "10:30 AM", "Practice": "Birchwood",
                                          "Series": "Chicago 11", "League": APTA}]  # fmt: skip

    publish_one(league, write(tmp_path, "schedules", rows), corrections=(own,))

    assert set(rows_of(league, schedule, "home_team", "away_team")) == {
        (TEAMS[1], TEAMS[0]), ("Birchwood Practice - Chicago 11", ""),
    }  # fmt: skip


def test_keys_and_spellings_are_read_as_they_are_meant(league: Engine, tmp_path: Path) -> None:
    rows = [{"Heim" if key == "Home Team" else key: value for key, value in result(day).items()} for day in DAYS]
    rows = [row | {"league_id": "Windy City"} for row in rows]
    own = correction(keys={"Heim": "Home Team"}, spellings=["Windy City"])

    done = publish_one(league, write(tmp_path, "match_history", rows, "all"), corrections=(own,))

    assert (done.outcome, done.counts.inserted, dict(done.leagues)) == (Outcome.PUBLISHED, 20, {APTA: 20}), done.reasons


def test_two_rows_that_are_one_fixture_by_a_correction_are_one(league: Engine, tmp_path: Path) -> None:
    """Two spellings are two keys while the feed is read, and one once they are corrected: that broke the key."""
    publish_one(league, write(tmp_path, "series_stats", [standing(name) for name in (*TEAMS, "Café - 11")]))
    odd = "Café".encode().decode("koi8-r") + " - 11"
    rows = [fixture(TEAMS[0], "Café - 11"), fixture(TEAMS[0], odd), fixture(TEAMS[1], odd)]

    done = publish_one(league, write(tmp_path, "schedules", rows),
                       corrections=(correction(kind="schedules", encoding="koi8-r read as utf-8"),))  # fmt: skip

    assert (done.outcome, done.counts.inserted, done.counts.duplicates) == (Outcome.PUBLISHED, 2, 1), done.reasons


def test_a_file_in_another_encoding_is_read_as_it_was_written(league: Engine, tmp_path: Path) -> None:
    """What is no UTF-8 was refused before a correction could be made of it: it was one "in 0 rows"."""
    rows = [fixture(TEAMS[0], TEAMS[1], f"10/{day:02}/2024", location="Café Ro") for day in range(1, 21)]
    path = write(tmp_path, "schedules", rows)
    path.write_bytes(json.dumps(rows, ensure_ascii=False).encode("latin-1"))

    held = publish_one(league, path)
    done = publish_one(league, path, corrections=(correction(kind="schedules", encoding="latin-1 read as utf-8"),))

    assert held.reasons[0] == "wrong_encoding: 20 of 20 rows have texts that were decoded in a wrong encoding"
    assert [one["rows"] for one in done.parts[0].corrections] == [20]
    assert set(rows_of(league, schedule, "location")) == {("Café Ro",)}


@pytest.mark.parametrize(
    ("told", "meant"), [("CafÃ© Ro", "Café Ro"), ("Oak", "Oak"), ("Löwe", "Löwe")], ids=["double", "ascii", "sound"]
)
def test_a_name_that_was_encoded_twice_is_decoded(told: str, meant: str) -> None:
    assert decoded(told, *correction(kind="players", encoding="latin-1 read as utf-8").codecs) == meant


def test_another_encoding_is_undone_in_every_text_of_a_row(league: Engine, tmp_path: Path) -> None:
    odd = "Żabka".encode("cp1250").decode("cp1252")  # which no guess mends
    own = correction(kind="series_stats", encoding="cp1250 read as cp1252")

    publish_one(league, write(tmp_path, "series_stats", [standing(f"{odd} - 11")]),
                corrections=(own,), limits=Limits(shrunk=1))  # fmt: skip

    assert ("Żabka - 11",) in rows_of(league, series_stats, "team")


def test_people_under_other_ids_keep_their_rows_and_the_new_ids_are_learned(league: Engine, tmp_path: Path) -> None:
    publish_one(league, write(tmp_path, "players", [player(n) for n in range(20)]))
    other = [player(n, **{"Player ID": f"site_{n}", "Wins": "2"}) for n in range(21)]
    path = write(tmp_path, "players", other)
    held = publish_one(league, path)

    done = publish_one(league, path, corrections=(correction(kind="players", ids="keep"),))

    assert held.outcome is Outcome.BLOCKED
    assert (done.outcome, done.counts.inserted, done.counts.updated) == (Outcome.PUBLISHED, 1, 20), done.reasons
    ids = [number for (number,) in rows_of(league, players, "tenniscores_player_id")]
    assert ids == [*(f"nndz-{n:016x}" for n in range(20)), "site_20"]
    with league.begin() as connection:
        learned = select(person_ids.c.player_id).where(person_ids.c.id == "site_3")
        assert connection.scalar(learned) == f"nndz-{3:016x}"


def test_learned_ids_hold_for_results_too(league: Engine, tmp_path: Path) -> None:
    publish_one(league, write(tmp_path, "players", [player(n) for n in range(20)]))
    publish_one(league, write(tmp_path, "players", [player(n, **{"Player ID": f"site_{n}"}) for n in range(20)]),
                corrections=(correction(kind="players", ids="keep"),))  # fmt: skip
    seats = {"Home Player 1 ID": "site_1", "Away Player 1 ID": "site_2"}

    publish_one(league, write(tmp_path, "match_history", [result(DAYS[0], **seats)]),
                corrections=(correction(ids="keep"),))  # fmt: skip

    assert rows_of(league, match_scores, "home_player_1_id", "away_player_1_id", "home_player_2_id") == [
        (f"nndz-{1:016x}", f"nndz-{2:016x}", "nndz-h201")
    ]


def test_a_correction_that_changes_no_row_explains_nothing(league: Engine, tmp_path: Path) -> None:
    publish_one(league, write(tmp_path, "match_history", [result(day) for day in DAYS]))
    seats = [f"{side} Player {n} ID" for side in ("Home", "Away") for n in (1, 2)]
    strange = [result(day, **{seat: f"site_{day}{seat[0]}{seat[12]}" for seat in seats}) for day in DAYS]

    held = publish_one(league, write(tmp_path, "match_history", strange), corrections=(correction(ids="keep"),))

    assert (held.outcome, "ids_replaced" in str(held.reasons)) == (Outcome.BLOCKED, True), held
    assert ("nndz-h101",) in rows_of(league, match_scores, "home_player_1_id")


def test_two_people_of_one_name_and_club_are_never_taken_for_one(league: Engine, tmp_path: Path) -> None:
    twin = {"First Name": "Anna", "Last Name": "Oak"}
    publish_one(league, write(tmp_path, "players", [player(n, **twin) for n in range(2)]))

    publish_one(league, write(tmp_path, "players", [player(n, **twin, **{"Player ID": f"site_{n}"}) for n in range(2)]),
                corrections=(correction(kind="players", ids="keep"),))  # fmt: skip

    with league.begin() as connection:
        assert connection.execute(select(person_ids)).all() == []


def test_an_id_that_stands_with_two_spellings_of_one_person_is_learned_once(league: Engine, tmp_path: Path) -> None:
    """A person of two clubs, or of two spellings, is one under each of them: learned twice it broke the key."""
    own = [player(0), player(0, Club="Tennaqua", Team=TEAMS[1])]
    publish_one(league, write(tmp_path, "players", own + [player(n) for n in range(1, 20)]))
    other = [row | {"Player ID": "site_0"} for row in own] + [player(n) for n in range(1, 20)]
    keep = (correction(kind="players", ids="keep"),)

    done = [publish_one(league, write(tmp_path, "players", other), corrections=keep, force=force)
            for force in (False, True)]  # fmt: skip

    assert [(feed.counts.inserted, feed.counts.updated) for feed in done] == [(0, 0)] * 2, done
    with league.begin() as connection:
        assert list(map(tuple, connection.execute(select(person_ids.c.id, person_ids.c.player_id)))) == [
            ("site_0", f"nndz-{0:016x}")
        ]


def test_an_id_of_two_people_of_the_table_is_learned_for_neither(league: Engine, tmp_path: Path) -> None:
    publish_one(league, write(tmp_path, "players", [player(n) for n in range(20)]))
    both = [player(n, **{"Player ID": "site_0"}) for n in range(2)]

    done = publish_one(league, write(tmp_path, "players", both + [player(n) for n in range(2, 20)]),
                       corrections=(correction(kind="players", ids="keep"),))  # fmt: skip

    assert done.outcome is not Outcome.FAILED, done.reasons
    with league.begin() as connection:
        assert connection.execute(select(person_ids)).all() == []


def test_a_correction_is_about_its_own_span_and_league(league: Engine, tmp_path: Path) -> None:
    path = write(tmp_path, "match_history", [result(day) for day in DAYS])
    own = correction(scores="turned", **{"from": "2024-10-11", "until": "2024-10-15"})

    publish_one(league, path, corrections=(own, correction(league="CITA", scores="turned")),
                limits=Limits(contradictory=1))  # fmt: skip

    turned = [day for day, score in rows_of(league, match_scores, "match_date", "scores") if score == "1-6, 2-6"]
    assert turned == [date(2024, 10, day) for day in range(11, 16)]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "it corrects nothing; say one of keys, spellings, encoding, teams, sides, winners, scores, ids"),
        ({"kind": "results", "scores": "turned"}, "'results' is no kind of feed; expected one of match_history"),
        ({"kind": "schedules", "ids": "keep"}, "ids are corrected in match_history, players, player_history, not in"),
        ({"kind": "players", "scores": "turned"}, "scores are corrected in match_history, not in players"),
        ({"scores": "reversed"}, "Input should be 'turned'"),
        ({"encoding": "latin-1 read as klingon"}, "is no encoding; expected such as 'latin-1 read as utf-8'"),
        ({"scores": "turned", "from": "2025-02-01", "until": "2025-01-01"}, "it begins on 2025-02-01, after it ends"),
        ({"scores": "turned", "why": None}, "Input should be a valid string"),
    ],
)  # fmt: skip
def test_a_correction_that_cannot_be_meant_is_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as error:
        correction(**values)

    assert words in str(error.value)


def test_a_correction_is_said_as_it_is_declared() -> None:
    said = correction(
        scores="turned", keys={"Heim": "Home Team", "Gast": "Away Team"}, spellings=("Apta", "APTA-Chi"),
        encoding="latin-1 read as utf-8",
    )  # fmt: skip

    assert str(said) == (
        'keys = {"Heim" = "Home Team", "Gast" = "Away Team"}, spellings = ["Apta", "APTA-Chi"], '
        'encoding = "latin-1 read as utf-8", scores = "turned"'
    )
    assert (str(correction(sides="turned")), said.names[0]) == ('sides = "turned"', APTA)


@pytest.mark.parametrize(
    ("span", "holds"),
    [
        ({}, [True, True, True, True]), ({"from": "2024-10-02"}, [False, True, True, True]),
        ({"until": "2024-10-03"}, [True, True, True, False]),
        ({"from": "2024-10-02", "until": "2024-10-03"}, [False, True, True, False]),
        ({"from": "2024-10-03", "until": "2024-10-03"}, [False, False, True, False]),
    ],
)  # fmt: skip
def test_a_correction_holds_from_its_first_day_to_its_last(span: dict[str, str], holds: list[bool]) -> None:
    own = correction(scores="turned", **span)

    assert [own.holds_on(date(2024, 10, day)) for day in (1, 2, 3, 4)] == holds


@pytest.mark.parametrize("field", ["by", "why"])
@pytest.mark.parametrize("text", ["...", " ", ""])
def test_a_placeholder_is_no_name_and_no_reason(field: str, text: str) -> None:
    """A proposed correction was pasted as it is shown, and every import then said that "..." had declared it."""
    with pytest.raises(ValidationError, match=f"{text!r} says nothing".replace(".", "[.]")):
        correction(scores="turned", **{field: text})
