"""The resolver on the shared feeds: what it must link, and that no link is wrong by an independent reading."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from functools import cache
from itertools import groupby

import pytest

from etl.kinds.match_results import Match
from etl.kinds.schedules import SCHEDULES, Fixture
from etl.kinds.standings import SERIES_STATS, Standing
from etl.names import Link, Meeting, Meetings, Strategy, Team
from etl.names.resolver import Resolver
from etl.names.structure import series_key
from tests.conftest import FEEDS
from tests.etl.names.season import Side, feeds, needs_feeds, records, season, sides, teams


def tokens(text: str) -> list[str]:
    return re.findall(r"[a-z0-9.+]+", text.lower().replace("&", " and "))


def agrees(side: Side, team: Team) -> bool:
    """A reading of its own: same league and series, and no words but the team's and the series'."""
    spare = Counter(tokens(side.name)) - Counter(tokens(team.name))
    series = Counter(tokens(f"series division practice {side.series} {side.series}"))
    lacking = Counter(tokens(team.name)) - Counter(tokens(side.name))
    return (
        team.league == side.league
        and series_key(team.series) == series_key(side.series or team.series)
        and not spare - series
        and not lacking
    )


@needs_feeds
def test_of_the_seasons_14_686_sides_14_683_are_linked_each_to_the_right_team() -> None:
    known, wanted = season()
    by_id = {team.id: team for team in known}
    resolver = Resolver(known)

    links = [(side, resolver.resolve(*side)) for side in wanted]

    assert len(links) == 14_686
    assert sum(link.team_id is not None for _, link in links) == 14_683
    assert [side for side, link in links if link.team_id and not agrees(side, by_id[link.team_id])] == []
    assert Counter(side.name for side, link in links if link.team_id is None) == {
        " - 9 SW": 2,
        " - 3.5 & Under Wed": 1,
    }
    assert {link.reason for _, link in links if link.team_id is None} == {"names a series, but no team"}


@needs_feeds
def test_no_side_of_the_season_needs_a_typing_mistake() -> None:
    known, wanted = season()
    resolver = Resolver(known)

    assert Counter(resolver.resolve(*side).strategy for side in wanted) == {
        Strategy.EXACT: 10_024,
        Strategy.STRUCTURAL: 4_659,
        None: 3,
    }


@needs_feeds
@pytest.mark.slow
def test_in_order_of_time_every_side_is_linked_but_those_that_name_no_team_or_several() -> None:
    """Each moment against the standings known by then. Ambiguous: CITA's without series, and "Wilmette S1"."""
    unlinked: Counter[tuple[str | None, str, str]] = Counter()
    known: list[Team] = []
    for _, moment in groupby(feeds(FEEDS), key=lambda feed: feed.moment):
        found = list(moment)
        news = [row for feed in found if feed.kind is SERIES_STATS for row in records(feed)]
        known = teams(iter([*standings_of(tuple(known)), *news]))
        resolver = Resolver(known)
        for feed in found:
            if feed.kind is not SERIES_STATS:
                for side in sides(records(feed)):
                    link = resolver.resolve(*side)
                    if link.team_id is None:
                        name = side.name if len(link.candidates) < 2 else "(ambiguous)"
                        unlinked[side.league, name, link.reason.partition(":")[0]] += 1

    assert unlinked == {
        (None, "Tennaqua Practice - Series 2B", "the row tells no league"): 65,
        ("APTA_CHICAGO", " - 9 SW", "names a series, but no team"): 10,
        ("CITA", " - 3.5 & Under Wed", "names a series, but no team"): 6,
        ("CITA", "(ambiguous)", "ambiguous"): 34_612,
        ("NSTF", "(ambiguous)", "ambiguous"): 167,
    }


def standings_of(known: tuple[Team, ...]) -> list[Standing]:
    return [Standing(0, team.league, team.series, team.name, *([None] * 16)) for team in known]


@cache
def linked_fixtures() -> tuple[Resolver, Meetings, dict[int, Team]]:
    known, _ = season()
    resolver = Resolver(known)
    (schedule,) = (feed for feed in feeds(FEEDS / "2025-06-30T0809" / "all") if feed.kind is SCHEDULES)
    found: list[Meeting] = []
    for row in records(schedule):
        assert isinstance(row, Fixture)
        home, away = (resolver.resolve(row.league, row.series, name).team_id for name in (row.home_team, row.away_team))
        if row.league and home and away:
            found.append(Meeting(row.league, row.match_date, home, away))
    return resolver, Meetings(found), {team.id: team for team in known}


def candidates(link: Link) -> tuple[int, ...]:
    return link.candidates if link.team_id is None else (link.team_id,)


@needs_feeds
def test_most_matches_of_cita_are_told_apart_by_the_fixture_of_their_day() -> None:
    resolver, meetings, _ = linked_fixtures()
    (feed,) = feeds(FEEDS / "2025-07-25T2353" / "CITA")
    found = [row for row in records(feed) if isinstance(row, Match)]

    told = sum(between(resolver, meetings, row) is not None for row in found)

    assert (told, len(found)) == (4_148, 4_458)


def between(resolver: Resolver, meetings: Meetings, row: Match) -> tuple[int, int] | None:
    home, away = (candidates(resolver.resolve(row.league, row.series, name)) for name in (row.home_team, row.away_team))
    return meetings.between(row.league, row.match_date, home, away)


@needs_feeds
def test_which_wilmette_played_is_told_by_the_fixture_of_its_day() -> None:
    resolver, meetings, by_id = linked_fixtures()
    link = resolver.resolve("NSTF", "Series 1", "Wilmette S1")
    away = resolver.resolve("NSTF", "Series 1", "Birchwood S1").team_id

    assert away is not None
    assert {by_id[team].name for team in link.candidates} == {"Wilmette S1 T1", "Wilmette S1 T2"}
    found = meetings.between("NSTF", date(2025, 6, 5), link.candidates, [away])
    assert found is not None
    assert by_id[found[0]].name == "Wilmette S1 T1"
