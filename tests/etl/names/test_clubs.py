"""The club in a team's name."""

from __future__ import annotations

import pytest

from etl.names.structure import club_of


@pytest.mark.parametrize(
    ("league", "series", "team", "club"),
    [
        ("APTA_CHICAGO", "Chicago 1", "Winnetka - 1", "Winnetka"),
        ("APTA_CHICAGO", "Chicago 9 SW", "Hinsdale PC II - 9 SW", "Hinsdale PC"),
        ("APTA_CHICAGO", "Series 9 SW", "Glen Ellyn - 9 SW", "Glen Ellyn"),
        ("APTA_CHICAGO", "Chicago 4", "Midtown - Chicago - 4", "Midtown - Chicago"),
        ("APTA_CHICAGO", "Chicago 11 SW", "Chicago Highlands - 11 SW", "Chicago Highlands"),
        ("APTA_CHICAGO", "Chicago 17", "Lakeshore S&F - 17", "Lakeshore S&F"),
        ("APTA_CHICAGO", "Chicago 99", "Wilmette 99 F", "Wilmette"),
        ("APTA_CHICAGO", "Series Legends", "Legends", "Legends"),
        ("APTA_CHICAGO", "Chicago 11", "Birchwood - 11 (Division 11)", "Birchwood"),
        ("APTA_CHICAGO", "Chicago 11", "BYE - 11", "BYE"),
        ("CNSWPL", "Series 1", "Birchwood 1", "Birchwood"),
        ("CNSWPL", "Series 1", "Hinsdale PC 1b", "Hinsdale PC"),
        ("CNSWPL", "Series H", "Evanston H(1)", "Evanston"),
        ("CNSWPL", "Series H", "Wilmette H (1)", "Wilmette"),
        ("CNSWPL", "Series I", "Evanston I", "Evanston"),
        ("CNSWPL", "Series SN", "Prarie Club SN (2)", "Prarie Club"),
        ("CNSWPL", "Series 4", "Saddle & Cycle 4", "Saddle & Cycle"),
        ("NSTF", "Series 1", "Wilmette S1 T2", "Wilmette"),
        ("NSTF", "Series 1", "Lake Forest  S1", "Lake Forest"),
        ("NSTF", "Series 2B", "Ravinia Green S2B", "Ravinia Green"),
        ("NSTF", "Series A", "Wilmette Sunday A", "Wilmette"),
        ("NSTF", "Series A", "Middlefork", "Middlefork"),
        ("CITA", "Series Open Fri", "College Park  - East", "College Park - East"),
        ("CITA", "Series 3.5 & Under Wed", "Midtown - Chicago 2", "Midtown - Chicago"),
        ("CITA", "Series 3.0 - 3.5 Singles Thur", "Glenbrook Racquet Club - 1", "Glenbrook Racquet Club"),
        ("CITA", "Series Open Fri", "Lakeshore Sport and Fitness", "Lakeshore Sport and Fitness"),
    ],
)
def test_the_club_stands_before_series_and_squad(league: str, series: str, team: str, club: str) -> None:
    assert club_of(league, series, team) == club
