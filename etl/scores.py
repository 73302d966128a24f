"""What a score can say, as regular expressions: which side has surely won, and whether a text is a score at all.

Platform tennis is played to two sets of three; the third may be a match tie-break. Some leagues play by the clock, so
a set may end at any number of games. A score is only held against a winner when every set of it is complete: a
retirement or the clock can make the leader lose.
"""

from __future__ import annotations

# "7-6 [7-5]", or "7-6 (5)" as others write it
_TIEBREAK = r"(\s*\[\d+-\d+\]|\s*\(\d+(-\d+)?\))?"
_HOME = rf"(6-[0-4]|7-5|7-6{_TIEBREAK})"
_AWAY = rf"([0-4]-6|5-7|6-7{_TIEBREAK})"
# two points ahead; beyond 10 the loser has two less
_LONG = tuple((f"{high}-{high - 2}", f"{high - 2}-{high}") for high in range(11, 26))
_POINTS_HOME = f"({'|'.join(['10-[0-8]', *(home for home, _ in _LONG)])})"
_POINTS_AWAY = f"({'|'.join(['[0-8]-10', *(away for _, away in _LONG)])})"
_NEXT = r"(\s*,\s*|\s+)"
# "1-0 [10-7]", "[10-7]" or "10-7". A bare "1-0" is a set that the clock ended; where the halves of "0-1 [10-7]"
# disagree nobody is sure who won; a bracket without a comma before it may be the tie-break of the set in front
_LAST_HOME = rf"({_NEXT}(1-0\s*\[{_POINTS_HOME}\]|{_POINTS_HOME})|\s*,\s*\[{_POINTS_HOME}\])"
_LAST_AWAY = rf"({_NEXT}(0-1\s*\[{_POINTS_AWAY}\]|{_POINTS_AWAY})|\s*,\s*\[{_POINTS_AWAY}\])"


def _won(own: str, other: str, last: str) -> str:
    """Two sets with any third, or one each and then a set or, as `last`, a match tie-break."""
    straight = rf"{own}{_NEXT}{own}({_NEXT}({own}|{other}))?"
    split = rf"({own}{_NEXT}{other}|{other}{_NEXT}{own})({_NEXT}{own}|{last})"
    return rf"^\s*({straight}|{split})\s*$"


HOME_WON = _won(_HOME, _AWAY, _LAST_HOME)
AWAY_WON = _won(_AWAY, _HOME, _LAST_AWAY)

_SET = rf"(\d{{1,2}}-\d{{1,2}}{_TIEBREAK}|\[\d+-\d+\])"
_REMARK = r"(\s*,?\s*\(?(ret|retired|def|default|wo|w/o|walkover|timed|inj)\.?\)?)?"
SCORE = rf"^\s*{_SET}({_NEXT}{_SET})*{_REMARK}\s*$|^\s*(ret|retired|def|default|wo|w/o|walkover|forfeit)\.?\s*$"
"""A text that reads as a score, finished or not, or says in a word why there is none."""

A_DATE = r"^\s*[[:alpha:]]{3,9} \d{1,2}, \d{4}\s*$"
"""What the league site shows in place of a score that does not exist, such as "February 28, 2025"."""

_LOST = "|".join([*(f"{low}-[{low + 1}-9]" for low in range(9)), r"\d-1\d"])
_GAINED = "|".join([*(f"[{low + 1}-9]-{low}" for low in range(9)), r"1\d-\d"])
TIEBREAK_AGAINST_SET = rf"7-6\s*\[({_LOST})\]|6-7\s*\[({_GAINED})\]"
"""A set that one side won, with a tie-break that the other won; of two figures from 10 on nothing is said."""
