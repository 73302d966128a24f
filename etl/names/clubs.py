"""The club in a team's name."""

from __future__ import annotations

from etl.names.series import series_key
from etl.names.structure import own_reading
from etl.names.text import words

_WEEKDAYS = frozenset({"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"})


def club_of(league: str, series: str, team_name: str) -> str:
    """The club's name as it stands in the team's: "Winnetka" of "Winnetka - 1", "Hinsdale PC" of "Hinsdale PC 1b".

    Spaces are tidied, letters are not. A name that is nothing but a series is its own club. All leagues of today
    follow the same forms; `league` is asked for so that one of another form can come.
    """
    del league
    text = " ".join(team_name.split())
    club = own_reading(text, series_key(series)).club
    if len(club) > 1 and club[-1] in _WEEKDAYS:
        club = club[:-1]
    return next((start for start in _starts(text) if words(start) == club), text)


def _starts(text: str) -> list[str]:
    """The beginnings of a text that end with a letter or a figure, shortest first."""
    ends = (at for at in range(1, len(text) + 1) if text[at - 1].isalnum() or text[at - 1] in ".&")
    return [text[:at] for at in ends]
