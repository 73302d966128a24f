"""Rows of players."""

from __future__ import annotations

from decimal import Decimal

import pytest

from etl.kinds.players import PLAYERS, Player
from tests.etl.kinds.rows import PLAYER, check, reason, without


def player(row: object) -> Player:
    record = check(PLAYERS, row)
    assert isinstance(record, Player), record
    return record


def test_a_player_is_taken_with_numbers_for_figures() -> None:
    assert player(PLAYER) == Player(
        0, "CNSWPL", "Division 1", "Birchwood 1", "Birchwood 1", "BIRCHWOOD_1", "nndz-1", "Facag", "Takudam",
        Decimal("45.3"), 17, 2, Decimal("89.5"), "C", None, None, None, None,
    )  # fmt: skip


def test_a_newer_feed_calls_the_team_team() -> None:
    assert player({**without(PLAYER, "Series Mapping ID"), "Team": "Birchwood 1"}).team == "Birchwood 1"


def test_the_mapping_is_taken_before_the_team() -> None:
    assert player({"Team": "Birchwood", **PLAYER}).team == "Birchwood 1"


@pytest.mark.parametrize(
    ("pti", "expected"),
    [("45.3", Decimal("45.3")), (9.4, Decimal("9.4")), (12, Decimal(12)), ("N/A", None), ("", None), (None, None)],
)
def test_a_rating_is_a_number_or_none(pti: object, expected: Decimal | None) -> None:
    assert player({**PLAYER, "PTI": pti}).pti == expected


def test_a_player_without_a_last_name_is_a_player() -> None:
    assert player({**PLAYER, "Last Name": ""}).last_name is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"Player ID": ""}, "Player ID is missing"),
        ({"Player ID": None}, "Player ID is missing"),
        ({"Wins": "many"}, "Wins is text of 4 characters, expected a number"),
        ({"Wins": 1.5}, "Wins is 1.5, expected a whole number"),
        ({"Wins": True}, "Wins is true or false, expected a number"),
        ({"Wins": 10**30}, "Wins is a number of seven digits or more, expected a number"),
        ({"Losses": "312-555-0199"}, "Losses is text of 12 characters, expected a number"),
        ({"PTI": "Facag Takudam"}, "PTI is text of 13 characters, expected a number"),
        ({"First Name": "Fa\tcag"}, "First Name holds a control character"),
    ],
)
def test_a_reason_never_repeats_what_may_be_a_name_or_a_number_to_call(
    change: dict[str, object], expected: str
) -> None:
    assert reason(PLAYERS, {**PLAYER, **change}) == expected
