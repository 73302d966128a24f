"""Rows of match_history and match_scores."""

from __future__ import annotations

from datetime import date

import pytest

from etl.kinds.match_results import MATCH_HISTORY, Match
from tests.etl.kinds.rows import MATCH, check, reason, without


def match(row: object) -> Match:
    record = check(MATCH_HISTORY, row)
    assert isinstance(record, Match), record
    return record


def test_a_match_of_the_widest_layout() -> None:
    assert match({**MATCH, "series": "Chicago 22"}) == Match(
        0, "APTA_CHICAGO", "Chicago 22", "nndz-W_Line1", "Line 1", date(2025, 2, 11), "Michigan Shores - 22",
        "Lake Forest - 22", "h1", "h2", "a1", "a2", "7-5, 6-2", "home", "played",
    )  # fmt: skip


def test_a_match_of_the_oldest_layout() -> None:
    record = match(without(MATCH, "match_id", "source_league", "Line"))

    assert (record.source_match_id, record.line, record.series) == (None, None, None)


def test_a_forfeit_has_no_players() -> None:
    players = [key for key in MATCH if "Player" in key]

    assert match(without(MATCH, *players)).home_player_1_id is None


def test_an_id_that_is_null_or_empty_is_none() -> None:
    record = match({**MATCH, "Home Player 1 ID": None, "Home Player 2 ID": ""})

    assert (record.home_player_1_id, record.home_player_2_id) == (None, None)


@pytest.mark.parametrize(
    ("winner", "scores", "verdict"),
    [
        ("home", "7-5, 6-2", ("home", "played")),
        ("Away", "2-6, 6-7 [3-7], 0-1", ("away", "played")),
        ("tie", "6-4, 5-7", (None, "tied")),
        ("unknown", "5-7, 4-1", (None, "undecided")),
        ("unknown", "February 28, 2025", (None, "not_played")),
        ("unknown", "", (None, "not_played")),
        (None, "7-5", (None, "undecided")),
    ],
)
def test_the_outcome_tells_a_played_match_from_the_others(
    winner: str | None, scores: str, verdict: tuple[str | None, str]
) -> None:
    record = match({**MATCH, "Winner": winner, "Scores": scores})

    assert (record.winner, record.outcome) == verdict
    assert record.scores == (scores or None)


def test_a_winner_of_another_word_is_rejected_without_repeating_it() -> None:
    """It may be a person's name that slipped by a column."""
    assert reason(MATCH_HISTORY, {**MATCH, "Winner": "Bibot Fesulip"}) == (
        "Winner is text of 13 characters, expected home, away, tie or unknown"
    )


def test_a_row_of_a_league_table_is_no_match() -> None:
    row = {"Home Team": "Winter Club 15", "Away Team": "81.0", "Series": "Series 15", "Score": "Winter Club 15"}

    assert reason(MATCH_HISTORY, row).startswith("Date is missing, expected ")
