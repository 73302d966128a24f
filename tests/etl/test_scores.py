"""What a score says about the winner, and when it says nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from sqlalchemy import Connection, literal, select

from etl.scores import AWAY_WON, HOME_WON, SCORE, TIEBREAK_AGAINST_SET

WON_BY_HOME = [
    "6-4, 6-4",
    "6-3,7-5",
    "6-3 6-1",
    "7-6 [7-5], 6-0",
    "7-6 (5), 6-0",
    "4-6, 6-4, 6-2",
    "6-4, 6-7 [3-7], 7-6 [10-8]",
    "6-4, 3-6, 1-0 [10-7]",
    "6-4, 3-6, 1-0 [12-10]",
    "6-4, 3-6, [10-7]",
    "6-4, 3-6, 10-7",
    "6-3, 6-2, 4-6",
]
UNDECIDED = [
    "",
    "February 28, 2025",
    "6-4",
    "6-4, 4-6",
    "6-2, 4-5",
    "6-3, 7-5, 2-1",
    "6-4, 4-6, 1-0",
    "6-4, 4-6, 3-2",
    "6-4, 2-1 ret.",
    "3-6, 6-3, 0-1 [10-7]",
    "4-6, 7-6 [13-11]",
    "6-4, 4-6, 10-9",
    "7-1, 7-1",
    "6-4, 6-4, 6-4, 6-4",
    "0-6, 0.3-6, 5-5",
]


def swapped(score: str) -> str:
    """The same match as the other side would write it."""
    return re.sub(r"(\d+)-(\d+)", r"\2-\1", score)


def says(connection: Connection, score: str) -> tuple[bool, bool]:
    """Whether the home side, and whether the away side, has won by this score."""
    text = literal(score)
    row = connection.execute(select(text.regexp_match(HOME_WON), text.regexp_match(AWAY_WON))).one()
    return row[0], row[1]


@pytest.mark.parametrize("score", WON_BY_HOME)
def test_a_decided_score_names_its_winner(score: str, connection: Connection) -> None:
    assert says(connection, score) == (True, False)


@pytest.mark.parametrize("score", WON_BY_HOME)
def test_the_other_side_wins_by_the_swapped_score(score: str, connection: Connection) -> None:
    # a tie-break in round brackets holds the loser's points alone
    assert says(connection, swapped(score)) == (False, True)


@pytest.mark.parametrize("score", [*UNDECIDED, *map(swapped, UNDECIDED)])
def test_an_unfinished_or_doubtful_score_says_nothing(score: str, connection: Connection) -> None:
    assert says(connection, score) == (False, False)


def test_what_decides_a_match_reads_as_a_score(connection: Connection) -> None:
    columns = [literal(score).regexp_match(SCORE) for score in WON_BY_HOME]

    assert all(connection.execute(select(*columns)).one())


def test_real_winners_agree_with_their_scores(feeds: Path) -> None:
    """Of 6,694 real results one is wrong: "3-6, 6-2, 1-0 [11-9]" was given to the away side."""
    rows = json.loads((feeds / "2025-07-25T2353" / "all" / "match_history.json").read_text())
    against = {"home": re.compile(AWAY_WON), "away": re.compile(HOME_WON)}

    wrong = [row["Scores"] for row in rows if row["Winner"] in against and against[row["Winner"]].match(row["Scores"])]

    assert wrong == ["3-6, 6-2, 1-0 [11-9]"]


def test_real_scores_are_mostly_judged(feeds: Path) -> None:
    """A pattern that matches nothing would agree with everything; what is left over was ended by the clock."""
    rows = json.loads((feeds / "2025-07-25T2353" / "all" / "match_history.json").read_text())
    decided = re.compile(f"{HOME_WON}|{AWAY_WON}")
    by_the_set = [row for row in rows if row["league_id"] != "CITA" and row["Winner"] in {"home", "away"}]

    judged = [row for row in by_the_set if decided.match(row["Scores"])]

    assert len(judged) / len(by_the_set) > 0.98


@pytest.mark.parametrize("score", ["7-6 [5-7]", "6-7 [7-2]", "7-6 [9-11]", "6-7 [11-9], 6-4"])
def test_a_tiebreak_of_the_other_side_is_seen(score: str, connection: Connection) -> None:
    assert connection.execute(select(literal(score).regexp_match(TIEBREAK_AGAINST_SET))).scalar_one()
