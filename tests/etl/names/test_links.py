"""The whole answer for each of some names against links.txt: team, way, confidence, reason, what else it may be.

Who changes on purpose what a name means copies its lines from what the test shows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from etl.names import Alias, Link, Team
from etl.names.resolver import Resolver
from tests.etl.names.test_resolver import APTA, TEAMS

FOUND = Path(__file__).with_name("links.txt")
MORE = (
    Team(101, APTA, "Series 11 SW", "Glen View 11 SW"), Team(102, APTA, "Chicago 11 SW", "Glen View 11 SW"),
    Team(103, "CITA", "Series 3.5 & Under Wed", "College Park - East"), Team(104, APTA, "Chicago 22", "Northmoor - 22"),
    Team(105, APTA, "Chicago 22", "Northmoore Country Club - 22"), Team(106, "NSTF", "Series 2B", "Skokie S2B T1"),
    Team(107, "CNSWPL", "Series C", "Saddle & Cycle C"), Team(108, APTA, "Chicago 22", "Birchwood Country Club - 22"),
    *(Team(200 + n, "MANY", f"Series {n}", "Onwentsia") for n in range(1, 13)),
    *(Team(220 + n, "MANY", "Series 40", f"Onwentsia {n} - 40") for n in range(1, 6)),
)  # fmt: skip
ALIASES = (
    Alias(APTA, "Series 20", "The Dome", 1), Alias(APTA, None, "Dome Everywhere", 8), Alias("NSTF", "1", "Dome", 1),
    Alias(APTA, "20", "Lost", 999), Alias(APTA, "22", "Twice", 8), Alias(APTA, "22", "Twice", 9),
)  # fmt: skip
ASKED: dict[str, tuple[tuple[str | None, ...], tuple[str, ...]]] = {
    APTA: (
        ("Chicago 20", "22", "Series 11 SW", "Chicago 2", "Chicago 99", "Chicago Chicago", None),
        (
            "Skokie - 20", "skokie", "Skokie 2O", "Skokei - 20", "Prairie Club - 20", "Prarie Club I - 20",
            "Hinsdale GC - 20",
            "Lake Forrest", "Lace Forest", "Winnetka - 22", "Winnetka - 2", "Winnetka 2", "Winetka - 22",
            "Tennaqua Practice",
            "The Dome", "Dome Everywhere", "Lost", "Twice", "Glen View 11 SW", "Glen View", "Wilmette A",
            "Wilmette 99 (A)",
            "BYE - 11", "Bye", "- 20", "", "Northmore - 22", "Northmoore - 22", "Northmoore Contry Club - 22",
            "Birchwood Contry Culb - 22", "Midtown - 20", "Midtown Chicago 20", "Legends", "PD Wilmette",
        ),
    ),
    "CNSWPL": (
        ("Series 1", "Division 14a", "Division 14b", "Series B", "Series SN", "Series C", None),
        (
            "Hinsdale PC 1b", "Hinsdale PC 1", "Hinsdale PC I", "Biltmore 14a", "Biltmore", "Exmoor", "Lake Forest A 1",
            "Winnetka B(1) 2", "Winnetka B 2", "Winnetka", "Prairie Club SN (1) 27", "Prairie Club",
            "Saddle and Cycle C",
            "Saddle & Cycle C - Series C", "Sadle & Cycle C",
        ),
    ),
    "nstf": (("Series 1", "Series 2B", "3", None), ("Wilmette S1", "Wilmette S1 T2", "Skokie", "Skokie S2B T1",
    "Dome", "T1")),
    "CITA": (
        ("Series Open Fri", "Series 4.0 & Under Wed", None),
        ("College Park - East", "College Park", "College Prak - West", "Northshore Racquet Club",
        "Midtown - Chicago 1"),
    ),
    "MANY": (("Series 7", "Series 40", "Series 41", None), ("Onwentsia", "Onwentsia 40", "Onwentsia 3",
    "Onwentsia 3 - 40")),
    "NOBODY": (("Series 1",), ("Skokie",)),
}  # fmt: skip


def test_names_mean_what_is_written() -> None:
    assert list(lines()) == FOUND.read_text(encoding="utf-8").splitlines()


def test_without_a_league_a_name_means_nothing() -> None:
    assert Resolver(TEAMS).resolve(None, "Series 1", "Skokie") == Link(None, None, 0.0, "the row tells no league")


def lines() -> Iterator[str]:
    """What each name means in each series, all of its answer on one line."""
    resolver = Resolver((*TEAMS, *MORE), ALIASES)
    for league, (every, names) in ASKED.items():
        for name in names:
            yield f"{league}: {name!r}"
            answers: defaultdict[str, list[str]] = defaultdict(list)
            for series in every:
                answers[written(resolver.resolve(league, series, name))].append(str(series))
            yield from (f"    in {', '.join(told)}: {answer}" for answer, told in answers.items())


def written(link: Link) -> str:
    """A link on one line."""
    also = ", ".join(f"{own.team_id} {own.confidence:g}" for own in link.suggestions)
    rest = f"{f'; like {also}' if also else ''}{f'; of {list(link.candidates)}' if link.candidates else ''}"
    means = "none" if link.team_id is None else f"{link.team_id} {link.strategy}"
    return f"{means} {link.confidence:g}, {link.reason}{rest}"
