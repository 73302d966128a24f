"""What is declared about feeds: seasons and corrections, as they are read, and what they do to a row."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from etl.importing.declared import Correction, Seasons, decoded, digest_of, of_part, renamed

SAYS: dict[str, Any] = {"league": "cita", "kind": "match_history", "by": "kim", "why": "the site says so"}
UTF = "latin-1 read as utf-8"


def correction(**values: Any) -> Correction:
    """A correction of the results of CITA."""
    return Correction(**{**SAYS, "scores": "turned", **values})


def keys(**values: Any) -> Correction:
    return Correction(**{**SAYS, **values})


def test_a_break_is_that_of_the_league_or_of_all() -> None:
    seasons = Seasons(break_days=40, leagues={"cita": 45})

    assert [seasons.gap(league) for league in ("CITA", "NSTF")] == [timedelta(days=45), timedelta(days=40)]
    assert Seasons().gap("CITA") == timedelta(days=60)
    assert hash(seasons) == hash(Seasons(break_days=40, leagues={"CITA": 45})) != hash(Seasons(break_days=41))


@pytest.mark.parametrize("days", [0, 367])
def test_a_break_lasts_a_day_to_a_year(days: int) -> None:
    with pytest.raises(ValidationError):
        Seasons(break_days=days)
    assert Seasons(break_days=1, leagues={"CITA": 366}).gap("CITA").days == 366


@pytest.mark.parametrize("breaks", [{"CITA": 5, "cita": 6}, {"": 5}])
def test_a_league_has_one_break(breaks: dict[str, int]) -> None:
    with pytest.raises(ValidationError, match=f"{', '.join(breaks)}: expected each league once, by its name"):
        Seasons(leagues=breaks)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"scores": None}, "it corrects nothing; say one of keys, spellings, encoding, teams, sides, winners, scores, ids"),
    ({"kind": "players"}, "scores are corrected in match_history, not in players"),
    (
        {"scores": None, "ids": "keep", "kind": "schedules"},
        "ids are corrected in match_history, players, player_history, not in schedules",
    ),
    (
        {"scores": None, "sides": "turned", "kind": "players"},
        "sides are corrected in match_history, schedules, not in players",
    ),
    ({"from": date(2025, 3, 2), "until": date(2025, 3, 1)}, "it begins on 2025-03-02, after it ends on 2025-03-01"),
    ({"by": " . "}, "' . ' says nothing; expected who declared it, and why it is right"),
    ({"why": ""}, "'' says nothing; expected who declared it, and why it is right"),
    ({"kind": "results"}, "'results' is no kind of feed; expected one of match_history, "),
    ({"encoding": "latin-1"}, "'latin-1' is no encoding; expected such as 'latin-1 read as utf-8'"),
    ({"encoding": "latin-1 read as klingon"}, "'latin-1 read as klingon' is no encoding"),
]


@pytest.mark.parametrize(("values", "said"), WRONG)
def test_a_correction_that_makes_no_sense_is_refused_with_its_reason(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        correction(**values)

    assert said in str(refused.value)


def test_a_correction_of_one_day_is_one() -> None:
    one = correction(**{"from": date(2025, 3, 2), "until": date(2025, 3, 2)})

    assert [one.holds_on(date(2025, 3, day)) for day in (1, 2, 3)] == [False, True, False]


@pytest.mark.parametrize(
    ("days", "holds"),
    [
        ({}, [True, True, True]), ({"from": date(2025, 3, 2)}, [False, True, True]),
        ({"until": date(2025, 3, 2)}, [True, True, False]),
    ],
)  # fmt: skip
def test_a_correction_holds_from_its_first_day_to_its_last(days: dict[str, date], holds: list[bool]) -> None:
    assert [correction(**days).holds_on(date(2025, 3, day)) for day in (1, 2, 3)] == holds


def test_a_correction_says_what_it_does_in_the_order_in_which_it_is_done() -> None:
    every = correction(ids="keep", keys={"Heim": "Home Team", "Gast": "Away Team"}, spellings=["Cook I", "Cook T"])

    assert list(every.deeds) == ["keys", "spellings", "scores", "ids"]
    assert str(every) == (
        'keys = {"Heim" = "Home Team", "Gast" = "Away Team"}, spellings = ["Cook I", "Cook T"], scores = "turned",'
        ' ids = "keep"'
    )
    assert every.names[0] == "CITA"
    assert len(every.names) == 3


@pytest.mark.parametrize(
    ("encoding", "codecs"),
    [
        (UTF, ("latin-1", "utf-8")),
        ("utf-8 read as cp1252", ("cp1252", "utf-8")),
        ("cp437 read as cp1252", ("cp1252", "cp437")),
    ],
)
def test_an_encoding_is_undone_by_its_two_codecs(encoding: str, codecs: tuple[str, str]) -> None:
    assert keys(encoding=encoding).codecs == codecs


@pytest.mark.parametrize(
    ("text", "meant"), [("JosÃ©", "José"), ("José", "José"), ("Jose", "Jose"), ("Jos\udce9", "José"), ("日本", "日本")]
)
def test_a_text_is_decoded_as_it_was_meant_or_left(text: str, meant: str) -> None:
    assert decoded(text, "latin-1", "utf-8") == meant


def test_corrections_of_a_part_are_those_of_its_kind_and_league() -> None:
    cita, spelled = correction(), correction(league="NSTF", spellings=["CITA"])
    other, players = correction(league="APTA"), keys(kind="players", ids="keep")

    every = [cita, spelled, other, players]
    assert of_part(every, "match_history", "CITA") == (cita, spelled)
    assert of_part(every, "match_history", "all") == (cita, spelled, other)
    assert of_part(every, "players", "CITA") == (players,)


def test_a_digest_differs_when_corrections_do() -> None:
    first, second = correction(), correction(why="another")

    digests = {digest_of(own) for own in ([first], [second], [first, second], [second, first])}
    assert len(digests) == 4
    assert (digest_of([]), {len(digest) for digest in digests}) == ("", {16})


ROW = {"League": "CITA", "Heim": "JosÃ©", "Date": "x", "Score": 5}


def corrected(row: object, *own: Correction, league: str = "all") -> tuple[object, dict[str, int]]:
    """A row with the corrections done, and the rows of each league whose encoding was undone."""
    decodings: Counter[str] = Counter()
    (found,) = renamed([row], own, league, decodings)
    return found, dict(decodings)


@pytest.mark.parametrize(
    ("row", "own", "found", "decodings"),
    [
        (ROW, [correction()], ROW, {}),
        (ROW, [keys(keys={"Heim": "Home Team"})], {"League": "CITA", "Home Team": "JosÃ©", "Date": "x", "Score": 5},
        {}),
        (ROW, [keys(league="NSTF", keys={"Heim": "Home Team"})], ROW, {}),
        (ROW, [keys(encoding=UTF)], {**ROW, "Heim": "José"}, {"CITA": 1}),
        ({**ROW, "Heim": "Jose"}, [keys(encoding=UTF)], {**ROW, "Heim": "Jose"}, {"CITA": 0}),
        ({**ROW, "League": "Cook I"}, [keys(spellings=["Cook I"])], ROW, {}),
        ({**ROW, "League": "cook i"}, [keys(spellings=["Cook I"])], ROW, {}),
        ({**ROW, "League": "Cook"}, [keys(spellings=["Cook I"])], {**ROW, "League": "Cook"}, {}),
        ({"league": "Cook I", "Heim": 1}, [keys(spellings=["Cook I"], keys={"Heim": "H"})], {"league": "CITA",
        "H": 1}, {}),
        (["no", "row"], [keys(keys={"Heim": "Home Team"})], ["no", "row"], {}),
        ({"League": 7}, [keys(keys={"Heim": "Home Team"})], {"League": 7}, {}),
    ],
)  # fmt: skip
def test_a_row_gets_the_keys_league_and_encoding_that_are_declared(
    row: object, own: list[Correction], found: object, decodings: dict[str, int]
) -> None:
    assert corrected(row, *own) == (found, decodings)


def test_a_row_without_a_league_is_of_the_feeds_own() -> None:
    row, rename = {"Heim": "A", "League": ""}, keys(keys={"Heim": "Home Team"})

    assert corrected(row, rename, league="CITA")[0] == {"Home Team": "A", "League": ""}
    assert corrected(row, rename, league="NSTF")[0] == row
