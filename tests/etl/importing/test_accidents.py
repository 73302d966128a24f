"""Accidents over good data, each made by hand on the season of 2025-06-30: held, with a sentence that names it."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa

from etl.importing import FeedResult, Outcome
from etl.tables import match_scores, players, schedule, series_stats
from tests.conftest import FEEDS, copy_of
from tests.etl.importing.feeds import publish, publish_one, write

pytestmark = pytest.mark.slow

LEAGUE = "CNSWPL"
SOURCES = {
    "series_stats": "2025-06-30T0809/all",
    "players": "2025-06-21T1154/all",
    "schedules": "2025-06-30T0809/all",
    "match_history": "2025-06-21T1805/CNSWPL",
}
Rows = list[dict[str, Any]]


def rows_of_league(kind: str) -> Rows:
    return list(_read(kind))


@cache
def _read(kind: str) -> Rows:
    """Read once: the files are of all leagues."""
    rows = json.loads((FEEDS / SOURCES[kind] / f"{kind}.json").read_text())
    return [row for row in rows if (row.get("League") or row.get("league_id")) == LEAGUE]


@pytest.fixture(scope="module")
def season(server: str, template: str, feeds: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    """The season of one league as its feeds tell it."""
    folder = tmp_path_factory.mktemp("season")
    for engine in copy_of(server, template):
        for kind in SOURCES:
            write(folder, kind, rows_of_league(kind), LEAGUE)
        report = publish(engine, folder)
        assert [feed.outcome for feed in report.feeds] == [Outcome.PUBLISHED] * 4, report.feeds
        yield engine


class Accident(NamedTuple):
    """A feed with something wrong in every row that it changes, and the guard and words that are expected."""

    kind: str
    change: Callable[[Rows], Rows]
    guard: str
    words: str


def each(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Rows], Rows]:
    return lambda rows: [row | change(row) for row in rows]


def moved(days: int, key: str, form: str) -> Callable[[Rows], Rows]:
    def change(row: dict[str, Any]) -> dict[str, Any]:
        day = datetime.strptime(row[key], form) + timedelta(days=days)  # noqa: DTZ007 - a day, no moment
        return {key: day.strftime(form)}

    return each(change)


def turned(score: str) -> str:
    return re.sub(r"(\d+)-(\d+)", r"\2-\1", score)


def sides(row: dict[str, Any]) -> dict[str, Any]:
    swapped = {}
    for key, value in row.items():
        other = key.replace("Home", "@").replace("Away", "Home").replace("@", "Away")
        other = other.replace("home", "@").replace("away", "home").replace("@", "away") if "_team" in key else other
        swapped[other] = value
    return swapped


def swapped_days(rows: Rows) -> Rows:
    def change(row: dict[str, Any]) -> dict[str, Any]:
        month, day, year = row["date"].split("/")
        return {"date": f"{day}/{month}/{year}"} if int(day) <= 12 else {}

    return each(change)(rows)


def nameless(rows: Rows) -> Rows:
    ids = [f"{side} Player {number} ID" for side in ("Home", "Away") for number in (1, 2)]
    return rows + [row | dict.fromkeys(ids, "") for row in rows]


def shuffled(key: str) -> Callable[[Rows], Rows]:
    """The values of a column stand in other rows."""

    def change(rows: Rows) -> Rows:
        values = [row[key] for row in rows]
        random.Random(1).shuffle(values)  # noqa: S311 - any order will do
        return [row | {key: value} for row, value in zip(rows, values, strict=True)]

    return change


def some(percent: int, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Rows], Rows]:
    return lambda rows: [row | change(row) if place % 100 < percent else row for place, row in enumerate(rows)]


def later(days: int, key: str, form: str) -> Callable[[Rows], Rows]:
    """Every row twice, once so many days later."""
    return lambda rows: rows + moved(days, key, form)(rows)


def evening(row: dict[str, Any]) -> dict[str, Any]:
    """The time in the other half of the day."""
    return {"time": row["time"].translate(str.maketrans("ap", "pa"))}


def counted(change: Callable[[int, int], tuple[int, int]]) -> Callable[[Rows], Rows]:
    """Won and lost of all figures as something else."""

    def figures(row: dict[str, Any]) -> dict[str, Any]:
        names = ("matches", "lines", "sets", "games")
        return {name: row[name] | dict(zip(("won", "lost"), change(row[name]["won"], row[name]["lost"]), strict=True))
                for name in names}  # fmt: skip

    return each(figures)


def other_side(row: dict[str, Any]) -> dict[str, Any]:
    return {key: row[key.replace("Home", "@").replace("Away", "Home").replace("@", "Away")] for key in IDS}


def flipped(row: dict[str, Any]) -> dict[str, Any]:
    return {"Winner": {"home": "away", "away": "home"}.get(row["Winner"], row["Winner"])}


IDS = ("Home Player 1 ID", "Home Player 2 ID", "Away Player 1 ID", "Away Player 2 ID")
ACCIDENTS = {
    "the sides of all results are turned": Accident("match_history", each(sides), "sides_turned", "turned round"),
    "all scores are turned": Accident(
        "match_history", each(lambda r: {"Scores": turned(r["Scores"])}), "scores_turned", "scores are turned round"
    ),
    "winner home in every row": Accident(
        "match_history", each(lambda r: {"Winner": "home"}), "one_value", "winner is 'home'"
    ),
    "all winners are turned": Accident(
        "match_history", each(lambda r: {"Winner": {"home": "away", "away": "home"}.get(r["Winner"], r["Winner"])}),
        "winners_turned", "winners are turned round",
    ),
    "all results a year later": Accident("match_history", moved(365, "Date", "%d-%b-%y"), "dates_shifted", "+365 days"),
    "all results twenty days earlier": Accident(
        "match_history", moved(-20, "Date", "%d-%b-%y"), "dates_shifted", "-20 days"
    ),
    "all results on one day": Accident(
        "match_history", each(lambda r: {"Date": "14-Jan-25"}), "one_value", "match_date is '2025-01-14'"
    ),
    "all player ids of results are gone": Accident(
        "match_history", each(lambda r: dict.fromkeys(IDS, "")), "emptied", "player_1_id would be emptied"
    ),
    "all player ids of results are of another scheme": Accident(
        "match_history", each(lambda r: {key: f"x-{r[key]}" for key in IDS}), "ids_replaced", "another id"
    ),
    "every result twice, once without players": Accident("match_history", nameless, "doubled", "already"),
    "a third of the results is missing": Accident(
        "match_history", lambda rows: rows[: len(rows) * 66 // 100], "shrunken_feed", "are missing"
    ),
    "the same two teams in every result": Accident(
        "match_history",
        each(lambda r: {"Home Team": "Birchwood 1", "Away Team": "Winnetka 1"}), "vanished_series", "as a whole",
    ),
    "half of the fixtures is missing": Accident(
        "schedules", lambda rows: rows[::2], "shrunken_feed", "are missing"
    ),
    "a series is missing": Accident(
        "schedules", lambda rows: [r for r in rows if r["series"] != "Series 12"], "vanished_series", "Series 12"
    ),
    "all fixtures a year later": Accident("schedules", moved(365, "date", "%m/%d/%Y"), "dates_shifted", "+365 days"),
    "all fixtures twenty days earlier": Accident(
        "schedules", moved(-20, "date", "%m/%d/%Y"), "dates_shifted", "-20 days"
    ),
    "day and month swapped": Accident("schedules", swapped_days, "day_month_swapped", "day and month"),
    "all fixtures on one day": Accident(
        "schedules", each(lambda r: {"date": "01/14/2025"}), "one_value", "match_date is '2025-01-14'"
    ),
    "all times are empty": Accident(
        "schedules", each(lambda r: {"time": ""}), "emptied", "match_time would be emptied"
    ),
    "every fixture is of a team against itself": Accident(
        "schedules", each(lambda r: {"away_team": r["home_team"]}), "contradictory", "against itself"
    ),
    "the sides of all fixtures are turned": Accident("schedules", each(sides), "sides_turned", "turned round"),
    "points fall by five": Accident(
        "series_stats", each(lambda r: {"points": (r["points"] or 0) - 5}), "figures_fallen", "points fall"
    ),
    "one series for all standings": Accident(
        "series_stats", each(lambda r: {"series": "Series 1"}), "one_value", "one series for all"
    ),
    "standings without half of their rows": Accident(
        "series_stats", lambda rows: rows[::2], "shrunken_feed", "are missing"
    ),
    "all player ids are of another scheme": Accident(
        "players", each(lambda r: {"Player ID": f"cnswpl_{r['Player ID'][5:]}"}), "ids_replaced", "another id"
    ),
    "two in three players are missing": Accident(
        "players", lambda rows: rows[: len(rows) // 3], "shrunken_feed", "are missing"
    ),
    "one series for all players": Accident(
        "players", each(lambda r: {"Series": "Series 1"}), "one_value", "one series for all"
    ),
    "everybody twice under two ids": Accident(
        "players", lambda rows: rows + [row | {"Player ID": f"nndz-z{row['Player ID'][6:]}"} for row in rows],
        "doubled", "under two ids",
    ),
    "the series of players are shuffled": Accident(
        "players", lambda rows: [row | {"Series": rows[place - 500]["Series"], "Series Mapping ID": rows[place - 500][
            "Series Mapping ID"]} for place, row in enumerate(rows)], "rewritten", "series_id would change",
    ),
    "a third of the fixtures is of teams against themselves": Accident(
        "schedules", lambda rows: [row | {"away_team": row["home_team"]} if place % 3 == 0 else row
                                   for place, row in enumerate(rows)], "contradictory", "against itself",
    ),
    "winner away in every row": Accident("match_history", each(lambda r: {"Winner": "away"}), "one_value", "winner is"),
    "no winner is known": Accident("match_history", each(lambda r: {"Winner": "unknown"}), "emptied", "winner would"),
    "one score for all": Accident("match_history", each(lambda r: {"Scores": "6-0, 6-0"}), "one_value", "scores is"),
    "scores in other rows": Accident("match_history", shuffled("Scores"), "contradictory", "by the standings"),
    "one winner in ten is turned": Accident("match_history", some(10, flipped), "contradictory", "contradicts"),
    "scores and winners are turned together": Accident(
        "match_history", each(lambda r: {"Scores": turned(r["Scores"])} | flipped(r)), "scores_turned", "turned round"
    ),
    "players stand on the other side": Accident(
        "match_history", each(other_side), "players_turned", "on the other side"
    ),
    "all results in another time zone": Accident(
        "match_history", moved(-1, "Date", "%d-%b-%y"), "dates_shifted", "-1 days"
    ),
    "dates in other rows": Accident("match_history", shuffled("Date"), "rewritten", "match_date would change"),
    "the results of the last weeks alone": Accident(
        "match_history", lambda rows: [r for r in rows if r["Date"].endswith("Mar-25")], "shrunken_feed", "are missing"
    ),
    "every result again a week later": Accident("match_history", later(7, "Date", "%d-%b-%y"), "doubled", "already"),
    "one player in every match": Accident(
        "match_history", each(lambda r: {IDS[0]: "nndz-aaaaaaaaaaaaaaaa"}), "one_value", "home_player_1_id is"
    ),
    "results under another league's name": Accident(
        "match_history", each(lambda r: {"league_id": "NSTF"}), "newly_unlinked", "no name means a team of NSTF"
    ),
    "every fixture again a day later": Accident("schedules", later(1, "date", "%m/%d/%Y"), "doubled", "already"),
    "every fixture again, turned": Accident("schedules", lambda rows: rows + each(sides)(rows), "doubled", "stand"),
    "mornings for evenings": Accident("schedules", each(evening), "rewritten", "match_time would change"),
    "one place for all": Accident("schedules", each(lambda r: {"location": "Winnetka"}), "one_value", "location is"),
    "places in other rows": Accident("schedules", shuffled("location"), "rewritten", "location would change"),
    "two opponents in five are byes": Accident(
        "schedules", some(40, lambda r: {"away_team": "BYE"}), "emptied", "away_team_id would be emptied"
    ),
    "opponents in other rows": Accident("schedules", shuffled("away_team"), "newly_unlinked", "newly no team"),
    "last year's calendar": Accident("schedules", moved(-364, "date", "%m/%d/%Y"), "dates_shifted", "-364 days"),
    "won and lost are exchanged": Accident(
        "series_stats", counted(lambda won, lost: (lost, won)), "figures_swapped", "_won and "
    ),
    "lines won and lost are exchanged": Accident(
        "series_stats", each(lambda r: {"lines": r["lines"] | {"won": r["lines"]["lost"], "lost": r["lines"]["won"]}}),
        "figures_swapped", "lines_won and lines_lost are swapped",
    ),
    "wins and losses are exchanged": Accident(
        "players", each(lambda r: {"Wins": r["Losses"], "Losses": r["Wins"]}), "figures_swapped",
        "wins and losses are swapped",
    ),
    "teams in other series": Accident(
        "series_stats", shuffled("series"), "series_shuffled", "in another series than before"
    ),
    "everybody is captain": Accident("players", each(lambda r: {"Captain": "C"}), "one_value", "captain_status stands"),
    "one in five results has its sides turned": Accident(
        "match_history", some(20, sides), "sides_turned", "turned round"
    ),
    "one in five scores is turned, and its winner": Accident(
        "match_history", some(20, lambda r: {"Scores": turned(r["Scores"])} | flipped(r)), "scores_turned", "turned"
    ),
    "one in five fixtures has its sides turned": Accident("schedules", some(20, sides), "sides_turned", "turned round"),
    "one name in ten has lost a character": Accident(
        "players", some(10, lambda r: {"Last Name": f"{r['Last Name'][:-1]}\ufffd"}), "wrong_encoding", "encoding"
    ),
    "letters that are no ASCII have become question marks": Accident(
        "players", some(10, lambda r: {"Last Name": f"{r['Last Name'][:-1]}?"}), "letters_lost", "question mark"
    ),
    "nobody has an id": Accident("players", each(lambda r: {"Player ID": ""}), "empty_feed", "because Player ID is"),
    "fixtures under a slip of the league's name": Accident(
        "schedules", each(lambda r: {"League": "CNSWLP"}), "unknown_league", "the nearest is CNSWPL"
    ),
    "a fifth of them": Accident(
        "schedules", some(20, lambda r: {"League": "CNSWLP"}), "CNSWLP: unknown_league", "the nearest is CNSWPL"
    ),
    "fixtures under another league's name": Accident(
        "schedules", each(lambda r: {"League": "NSTF"}), "another_league", "in another league: CNSWPL"
    ),
    "players under another league's name": Accident(
        "players", each(lambda r: {"League": "NSTF"}), "another_league", "in another league: CNSWPL"
    ),
    "standings under another league's name": Accident(
        "series_stats", each(lambda r: {"league_id": "NSTF"}), "another_league", "in another league: CNSWPL"
    ),
    "all matches counted twice": Accident(
        "series_stats", counted(lambda won, lost: (2 * won, 2 * lost)), "figures_doubled", "have doubled"
    ),
    "the standings of an early week": Accident(
        "series_stats", counted(lambda won, lost: (won // 3, lost // 3)), "figures_fallen", "only ever grow"
    ),
    "every team under a second name": Accident(
        "series_stats", lambda rows: rows + [r | {"team": f"{r['team']} (2)"} for r in rows], "doubled", "all figures"
    ),
    "every team under a strange name": Accident(
        "series_stats", each(lambda r: {"team": f"X {r['team']}"}), "shrunken_feed", "100% are missing"
    ),
    "first and last names are swapped": Accident(
        "players", each(lambda r: {"First Name": r["Last Name"], "Last Name": r["First Name"]}), "names_swapped", "are"
    ),
    "last names in other rows": Accident("players", shuffled("Last Name"), "rewritten", "last_name would change"),
    "everybody's record is empty": Accident(
        "players", each(lambda r: {"Wins": "0", "Losses": "0"}), "figures_fallen", "only ever grow"
    ),
    "ids in other rows": Accident("players", shuffled("Player ID"), "rewritten", "series_id would change"),
    "no rows": Accident("players", lambda rows: [], "empty_feed", "no rows"),
}  # fmt: skip


@pytest.mark.parametrize("accident", ACCIDENTS.values(), ids=ACCIDENTS)
def test_an_accident_is_held_and_named(accident: Accident, season: sa.Engine, tmp_path: Path) -> None:
    before = fingerprints(season)

    result = publish_one(season, write(tmp_path, accident.kind, accident.change(rows_of_league(accident.kind)), LEAGUE))

    assert result.outcome is Outcome.BLOCKED
    told = [reason for reason in result.reasons if reason.startswith(f"{accident.guard}: ")]
    assert any(accident.words in reason for reason in told), result.reasons
    assert fingerprints(season) == before


@pytest.mark.usefixtures("feeds")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda r: {"Scores": turned(r["Scores"])}, "the winners are right for"),
        (lambda r: {"Winner": {"home": "away", "away": "home"}.get(r["Winner"], r["Winner"])}, "winners turned"),
    ],
    ids=["scores", "winners"],
)
def test_the_standings_say_which_half_of_contradictory_results_is_wrong(
    change: Callable[[dict[str, Any]], dict[str, Any]], words: str, server: str, template: str, tmp_path: Path
) -> None:
    """Results that come first have no rows to be compared with."""
    for engine in copy_of(server, template):
        for kind in ("series_stats", "schedules"):
            publish_one(engine, write(tmp_path, kind, rows_of_league(kind), LEAGUE))

        rows = each(change)(rows_of_league("match_history"))
        result = publish_one(engine, write(tmp_path, "match_history", rows, LEAGUE))

        assert result.outcome is Outcome.BLOCKED
        assert any(words in reason for reason in result.reasons), result.reasons


def test_a_league_that_is_really_new_comes_in(season: sa.Engine, tmp_path: Path) -> None:
    rows = [row | {"league_id": "LAKE SHORE", "team": f"Lake {row['team']}"} for row in rows_of_league("series_stats")]

    result = publish_one(season, write(tmp_path, "series_stats", rows, "LAKE SHORE"), dry_run=True)

    assert (result.outcome, result.reasons, result.counts.inserted) == (Outcome.PUBLISHED, (), len(rows))


def test_a_file_that_is_cut_off_is_held(season: sa.Engine, tmp_path: Path) -> None:
    path = write(tmp_path, "schedules", rows_of_league("schedules"), LEAGUE)
    path.write_text(path.read_text()[:-200])

    result = publish_one(season, path)

    assert any(reason.startswith("truncated: the file is cut off") for reason in result.reasons), result.reasons


def corrected(rows: Rows) -> Rows:
    return [
        row | {"Scores": "6-0, 6-0", "Winner": "home"} if place % 34 == 0 else row for place, row in enumerate(rows)
    ]


def postponed(rows: Rows) -> Rows:
    days = sorted({row["date"] for row in rows if row["date"]})
    return [row | {"date": "03/31/2025"} if row["date"] == days[5] else row for row in rows]


def joined(rows: Rows) -> Rows:
    """Twenty teams that nobody has met before play in the league's series from now on."""
    names = sorted({row["home_team"] for row in rows if row["home_team"]})[:20]
    return rows + [row | {"home_team": f"Zion {row['home_team'].split(' ')[-1]}", "date": "03/30/2025"}
                   for row in rows if row["home_team"] in names][:20]  # fmt: skip


def encoded_twice(rows: Rows) -> Rows:
    """What is mended on the way in: nothing changes."""
    return [row | {"First Name": row["First Name"].replace("a", "é").encode().decode("latin-1")} if place < 5 else row
            for place, row in enumerate(rows)]  # fmt: skip


def played_once_more(row: dict[str, Any]) -> dict[str, Any]:
    more = {"matches": 1, "lines": 3, "sets": 6, "games": 40}
    return {name: row[name] | {"won": row[name]["won"] + figure} for name, figure in more.items()}


def made_up_for(rows: Rows) -> Rows:
    """Forty results of rained-out days come late."""
    return rows + [row | {"Date": "20-Mar-25", "Scores": "7-5, 6-4", "Winner": "home", IDS[0]: row[IDS[1]],
                          IDS[1]: row[IDS[0]]} for row in rows[:40]]  # fmt: skip


def new_series(rows: Rows) -> Rows:
    clubs = ("Winnetka", "Birchwood", "Tennaqua", "Glen View", "Hinsdale PC")
    pairs = [(home, away) for home in clubs for away in clubs if home != away]
    like = {"series": "Series 88", "League": LEAGUE, "time": "09:30 am"}
    return rows + [
        like | {"home_team": f"{home} 88", "away_team": f"{away} 88", "location": home, "date": f"02/{day + 1:02}/2025"}
        for day, (home, away) in enumerate(pairs)
    ]


ORDINARY: dict[str, tuple[str, Callable[[Rows], Rows]]] = {
    "corrections of three results in a hundred": ("match_history", corrected),
    "a round is postponed": ("schedules", postponed),
    "a few results are withdrawn": ("match_history", lambda rows: rows[:-40]),
    "an older copy of the same feed": ("series_stats", lambda rows: list(reversed(rows))),
    "twenty new teams": ("schedules", joined),
    "a few names that were encoded twice": ("players", encoded_twice),
    "a few captains change": ("players", lambda rows: [row | {"Captain": "Yes"} for row in rows[:30]] + rows[30:]),
}


COMING: dict[str, tuple[str, Callable[[Rows], Rows]]] = {
    "a series is new in the middle of the season": ("schedules", new_series),
    "play-offs whose teams are open": (
        "schedules",
        lambda rows: rows + [row | {"home_team": "TBD", "away_team": "TBD", "date": "03/25/2025"} for row in rows[:8]],
    ),
    "one place in ten is to be announced": ("schedules", some(10, lambda r: {"location": ""})),
    "a match day is played": ("series_stats", each(played_once_more)),
    "results of days that were rained out": ("match_history", made_up_for),
    "one match in twenty is a walkover": (
        "match_history",
        some(5, lambda r: {"Winner": "unknown", "Scores": "February 28, 2025"}),
    ),
    "one in a hundred has another last name": ("players", some(1, lambda r: {"Last Name": f"{r['Last Name']}-Doe"})),
}
"""Weeks after which the season is no more what it was: they are tried, and leave nothing behind."""


@pytest.mark.parametrize(("kind", "change"), COMING.values(), ids=COMING)
def test_what_a_season_brings_passes_without_a_word(
    kind: str, change: Callable[[Rows], Rows], season: sa.Engine, tmp_path: Path
) -> None:
    path = write(tmp_path, kind, change(rows_of_league(kind)), LEAGUE)

    result = publish_one(season, path, dry_run=True)

    assert (result.outcome, result.reasons) == (Outcome.PUBLISHED, ())


@pytest.mark.parametrize(("kind", "change"), ORDINARY.values(), ids=ORDINARY)
def test_an_ordinary_week_passes_without_a_word(
    kind: str, change: Callable[[Rows], Rows], season: sa.Engine, tmp_path: Path
) -> None:
    result: FeedResult = publish_one(season, write(tmp_path, kind, change(rows_of_league(kind)), LEAGUE))
    again = publish_one(season, write(tmp_path, kind, rows_of_league(kind), LEAGUE))

    assert (result.outcome, result.reasons) == (Outcome.PUBLISHED, ())
    assert again.outcome in {Outcome.PUBLISHED, Outcome.UNCHANGED}


def fingerprints(engine: sa.Engine) -> list[Any]:
    """What stands in the platform's tables, as one value each."""
    with engine.begin() as connection:
        return [
            connection.execute(sa.text(f"select count(*), sum(hashtextextended(t::text, 0)) from {table.name} t")).one()
            for table in (schedule, match_scores, players, series_stats)
        ]
