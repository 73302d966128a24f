"""Which team a name means, and when it means none."""

from __future__ import annotations

import random
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.names import Alias, Link, Meeting, Meetings, Strategy, Suggestion, Team
from etl.names.evidence import build, is_typo, rare
from etl.names.resolver import Resolver

APTA = "APTA_CHICAGO"
TEAMS = tuple(
    Team(number, league, series, name)
    for number, (league, series, name) in enumerate(
        [
            (APTA, "Chicago 20", "Skokie - 20"),
            (APTA, "Chicago 20", "Prairie Club I - 20"),
            (APTA, "Chicago 20", "Prairie Club II - 20"),
            (APTA, "Chicago 20", "Midtown - Chicago - 20"),
            (APTA, "Chicago 20", "Hinsdale PC - 20"),
            (APTA, "Chicago 20", "Wilmette PD - 20"),
            (APTA, "Chicago 20", "Lake Forest - 20"),
            (APTA, "Chicago 22", "Tennaqua - 22"),
            (APTA, "Chicago 22", "Winnetka - 22"),
            (APTA, "Chicago 11", "Birchwood - 11"),
            (APTA, "Chicago 11", "BYE - 11"),
            (APTA, "Chicago 2", "Winnetka - 2"),
            (APTA, "Chicago 99", "Wilmette 99 A"),
            (APTA, "Series Legends", "Legends"),
            (APTA, "Chicago 9 SW", "Glen Ellyn - 9 SW"),
            ("CNSWPL", "Series 1", "Hinsdale PC 1a"),
            ("CNSWPL", "Series 1", "Hinsdale PC 1b"),
            ("CNSWPL", "Series 14", "Biltmore 14a"),
            ("CNSWPL", "Series 14", "Exmoor 14"),
            ("CNSWPL", "Series A", "Lake Forest A"),
            ("CNSWPL", "Series B", "Winnetka B(1)"),
            ("CNSWPL", "Series B", "Winnetka B(2)"),
            ("CNSWPL", "Series B", "Tennaqua B"),
            ("CNSWPL", "Series H", "Wilmette H (1)"),
            ("CNSWPL", "Series SN", "Prarie Club SN (1)"),
            ("CNSWPL", "Series 2", "Prairie Club 2a"),
            ("NSTF", "Series 1", "Wilmette S1 T1"),
            ("NSTF", "Series 1", "Wilmette S1 T2"),
            ("NSTF", "Series 1", "Lake Forest  S1"),
            ("NSTF", "Series 2A", "Skokie S2A"),
            ("NSTF", "Series 3", "Skokie S3"),
            ("CITA", "Series Open Fri", "College Park - East"),
            ("CITA", "Series Boys", "College Park - East"),
            ("CITA", "Series 4.0 & Under Wed", "College Park - West"),
            ("CITA", "Series 4.0 & Under Wed", "Midtown - Chicago 1"),
            ("CITA", "Series 4.5 & Under Fri", "Northshore Racquet Club"),
            ("CITA", "Series Open Fri", "North Shore Racquet Club"),
        ],
        start=1,
    )
)
RESOLVER = Resolver(TEAMS)


def linked(league: str | None, series: str | None, name: str, *aliases: Alias) -> tuple[str | None, Strategy | None]:
    link = (Resolver(TEAMS, aliases) if aliases else RESOLVER).resolve(league, series, name)
    return next((team.name for team in TEAMS if team.id == link.team_id), None), link.strategy


@pytest.mark.parametrize(
    ("league", "series", "name", "team", "strategy"),
    [
        (APTA, "Chicago 20", "Skokie - 20", "Skokie - 20", "exact"),
        (APTA, "Series 20", "Skokie - 20", "Skokie - 20", "exact"),
        (APTA, "Division 20", "Skokie 20", "Skokie - 20", "normalised"),
        (APTA, "20", "SKOKIE – 20", "Skokie - 20", "normalised"),
        (APTA, "Chicago 20", "Midtown - Chicago 20", "Midtown - Chicago - 20", "normalised"),
        (APTA, "Chicago 20", "Midtown Chicago 20", "Midtown - Chicago - 20", "normalised"),
        (APTA, "Chicago 20", "Skokie", "Skokie - 20", "structural"),
        (APTA, "Chicago 20", "Skokie - Series 20", "Skokie - 20", "structural"),
        (APTA, "Chicago 20", "Prairie Club II - Chicago 20", "Prairie Club II - 20", "structural"),
        (APTA, "Chicago 11", "Birchwood - 11 (Division 11)", "Birchwood - 11", "structural"),
        (APTA, "Chicago 11", "BYE - 11", "BYE - 11", "exact"),
        (APTA, "Chicago 99", "Wilmette 99 A - 99", "Wilmette 99 A", "structural"),
        (APTA, "Series Legends", "Legends - Legends", "Legends", "structural"),
        (APTA, "Chicago 22", "Tennaqua Practice - Chicago 22", "Tennaqua - 22", "structural"),
        (APTA, "Chicago 20", "Prarie Club I - 20", "Prairie Club I - 20", "fuzzy"),
        (APTA, "Chicago 20", "Lake Forrest - 20", "Lake Forest - 20", "fuzzy"),
        ("CNSWPL", "Series 1", "Hinsdale PC 1b - Series 1", "Hinsdale PC 1b", "structural"),
        ("CNSWPL", "Division 14a", "Biltmore 14a", "Biltmore 14a", "exact"),
        ("CNSWPL", "Series H", "Wilmette H(1) - Series H", "Wilmette H (1)", "structural"),
        ("CNSWPL", "Series A", "Lake Forest A 1", "Lake Forest A", "structural"),
        ("CNSWPL", "Series B", "Winnetka B(1) 2", "Winnetka B(1)", "structural"),
        ("CNSWPL", "Series B", "Winnetka B(2) 2", "Winnetka B(2)", "structural"),
        ("CNSWPL", "Series SN", "Prarie Club SN (1) 5", None, None),
        ("CNSWPL", "Series SN", "Prairie Club SN (1)", "Prarie Club SN (1)", "fuzzy"),
        ("NSTF", "Series 1", "Wilmette S1 T2 - Series 1", "Wilmette S1 T2", "structural"),
        ("NSTF", "Series 1", "Lake Forest S1", "Lake Forest  S1", "normalised"),
        ("NSTF", "Series 3", "Skokie", "Skokie S3", "structural"),
        ("nsft", "3", "Skokie S3", "Skokie S3", "exact"),
        ("CITA", "Series Boys", "College Park - East - Boys", "College Park - East", "structural"),
        ("CITA", "Series Open Fri", "Northshore Racquet Club - Open Fri", "North Shore Racquet Club", "structural"),
    ],
)
def test_a_name_is_linked_in_its_series(
    league: str, series: str, name: str, team: str | None, strategy: str | None
) -> None:
    assert linked(league, series, name) == (team, strategy)


@pytest.mark.parametrize(
    ("league", "series", "name"),
    [
        (APTA, "Chicago 20", "Prairie Club - 20"),
        (APTA, "Chicago 20", "Prairie Club III - 20"),
        (APTA, "Chicago 20", "Hinsdale GC - 20"),
        (APTA, "Chicago 20", "Wilmette - 20"),
        (APTA, "Chicago 20", "Lake Bluff - 20"),
        (APTA, "Chicago 20", "Lace Forest - 20"),
        (APTA, "Chicago 20", "Midtown - 20"),
        (APTA, "Chicago 20", "Winnetka - 2"),
        (APTA, "Chicago 20", "Winnetka - 22"),
        (APTA, "Chicago 20", "Skokie - 21"),
        (APTA, "Chicago 20", "Skokie - 20 (Division 11)"),
        (APTA, "Chicago 20", "Skokie II - 20"),
        (APTA, "Chicago 41", "Winnetka - 22"),
        (APTA, "Chicago 22", "BYE - 22"),
        (APTA, "Chicago 9 SW", " - 9 SW"),
        (APTA, "Chicago 20", ""),
        ("CNSWPL", "Series 1", "Hinsdale PC 1"),
        ("CNSWPL", "Series 1", "Hinsdale PC 1c"),
        ("CNSWPL", "Division 14b", "Biltmore 14a x"),
        ("CNSWPL", "Series B", "Tennaqua B(1)"),
        ("CNSWPL", "Series A", "Lake Forest A 2"),
        ("NSTF", "Series 1", "Wilmette S1"),
        ("NSTF", "Series 1", "Wilmette"),
        ("PADDLE", "Series 1", "Wilmette S1 T1"),
        (None, "Chicago 20", "Skokie - 20"),
    ],
)
def test_rather_no_link_than_a_wrong_one(league: str | None, series: str, name: str) -> None:
    assert linked(league, series, name) == (None, None)


@pytest.mark.parametrize(
    ("league", "name", "team"),
    [
        (APTA, "Winnetka - 22", "Winnetka - 22"),
        (APTA, "Winnetka 2", "Winnetka - 2"),
        (APTA, "Tennaqua Practice - Chicago 22", "Tennaqua - 22"),
        (APTA, "Skokie - Series 20", "Skokie - 20"),
        ("NSTF", "Lake Forest S1 - Series 1", "Lake Forest  S1"),
        ("CITA", "College Park - West", "College Park - West"),
        ("CITA", "College Park - East", None),
        ("CITA", "Northshore Racquet Club", None),
        ("NSTF", "Skokie", None),
        (APTA, "Legends Club", None),
    ],
)
def test_without_a_series_the_name_must_tell_it_or_fit_one_team_only(league: str, name: str, team: str | None) -> None:
    assert linked(league, None, name)[0] == team


def test_a_series_text_that_tells_none_is_as_good_as_none() -> None:
    assert linked(APTA, "Chicago Chicago", "Midtown - Chicago - 20") == ("Midtown - Chicago - 20", Strategy.EXACT)


def test_ambiguous_names_come_with_all_their_candidates() -> None:
    assert RESOLVER.resolve("NSTF", "Series 1", "Wilmette S1") == Link(
        None, None, 0.0, "ambiguous: the name tells none of the club's 2 teams in the series",
        (Suggestion(27, 0.5), Suggestion(28, 0.5)), (27, 28),
    )  # fmt: skip


def test_a_near_miss_is_suggested_and_not_linked() -> None:
    link = RESOLVER.resolve(APTA, "Chicago 20", "Hinsdale GC - 20")

    assert link.reason == "no team of the series has this name"
    assert link.suggestions[0].team_id == 5
    assert link.suggestions[0].confidence < 0.9


def test_confidence_falls_from_own_name_to_typing_mistake() -> None:
    names = ["Skokie - 20", "Skokie 20", "Skokie", "Lake Forrest - 20"]

    assert [RESOLVER.resolve(APTA, "Chicago 20", name).confidence for name in names] == [1.0, 0.99, 0.97, 0.9]


def test_a_confirmed_name_links_what_nothing_else_would() -> None:
    alias = Alias(APTA, "Series 20", "Wilmette - 20", 6)

    assert linked(APTA, "Chicago 20", "WILMETTE  20", alias) == ("Wilmette PD - 20", Strategy.ALIAS)


LEAGUES = (APTA, "CNSWPL", "NSTF", "CITA")


@pytest.mark.parametrize("team", [6, 16, 999])
def test_an_alias_means_a_team_of_its_own_league_alone(team: int) -> None:
    """Team 6 is of Chicago and 16 of the North Shore; there is no 999."""
    found = [linked(league, None, "The Wanderers", Alias(league, None, "The Wanderers", team)) for league in LEAGUES]

    assert [name for name, _ in found] == {
        6: ["Wilmette PD - 20", None, None, None], 16: [None, "Hinsdale PC 1a", None, None],
    }.get(team, [None] * 4)  # fmt: skip


def test_a_confirmed_name_corrects_what_would_be_derived() -> None:
    assert linked(APTA, "Chicago 20", "Skokie", Alias(APTA, "20", "Skokie", 7)) == ("Lake Forest - 20", Strategy.ALIAS)


def test_a_confirmed_name_never_takes_a_teams_own() -> None:
    assert linked(APTA, "Chicago 20", "Skokie - 20", Alias(APTA, "20", "Skokie - 20", 7))[0] == "Skokie - 20"


def test_a_confirmed_name_counts_in_its_series_only_or_without_one_in_the_league() -> None:
    of_series, of_league = Alias(APTA, "20", "The Rest", 7), Alias(APTA, None, "The Rest", 7)

    assert linked(APTA, "Chicago 22", "The Rest", of_series)[0] is None
    assert linked(APTA, "Chicago 22", "The Rest", of_league)[0] == "Lake Forest - 20"
    assert linked(APTA, None, "The Rest", of_league)[0] == "Lake Forest - 20"


def test_a_confirmed_name_of_a_team_that_is_gone_is_left_out() -> None:
    assert linked(APTA, "Chicago 20", "The Rest", Alias(APTA, "20", "The Rest", 999)) == (None, None)


def test_of_a_renamed_series_the_rows_spelling_decides() -> None:
    resolver = Resolver([Team(1, APTA, "Chicago 11 SW", "Glen Oak"), Team(2, APTA, "Series 11 SW", "Glen Oak")])

    assert resolver.resolve(APTA, "Chicago 11 SW", "Glen Oak").team_id == 1
    assert resolver.resolve(APTA, "Series 11 SW", "Glen Oak").team_id == 2
    assert resolver.resolve(APTA, "11 SW", "Glen Oak").team_id is None


def test_a_bare_number_that_is_a_squad_or_the_series_is_ambiguous() -> None:
    resolver = Resolver([Team(1, "CNSWPL", "Series B", "Evanston B"), Team(2, "CNSWPL", "Series B", "Evanston B(2)")])

    assert resolver.resolve("CNSWPL", "Series B", "Evanston B 2").team_id is None


def test_a_club_of_the_league_is_no_typing_mistake_for_another() -> None:
    teams = [Team(1, APTA, "Chicago 1", "Oakdale - 1"), Team(2, APTA, "Chicago 2", "Oakvale - 2")]

    assert Resolver(teams).resolve(APTA, "Chicago 1", "Oakvale - 1").team_id is None


def test_a_very_long_word_may_have_one_slip_or_two() -> None:
    slips = ("birchwoodland", "birchwodland", "birchwodlnd", "birchwdlnd")

    near = [is_typo((slip,), ("birchwoodlands",), strict=False) for slip in slips]

    assert near == [True, True, False, False]


def test_of_the_teams_that_share_the_rarest_word_some_are_looked_at() -> None:
    teams = [Team(number, "CNSWPL", f"Series {number}", "Lake Forest") for number in range(1, 71)]
    teams += [Team(number, "CNSWPL", f"Series {number}", "Lake Bluff") for number in range(71, 74)]
    league = build(teams, [])["CNSWPL"]

    assert [team.id for team in rare(league, "Lake Fores Forest")] == list(range(1, 61))
    assert [team.id for team in rare(league, "Bluff at the Lake")] == [71, 72, 73]
    assert rare(league, "Nowhere") == []


def test_the_series_that_a_name_tells_are_found_by_their_last_word() -> None:
    teams = [Team(1, "CNSWPL", "Series 1", "A 1"), Team(2, "CNSWPL", "Division 12 SW", "A 12 SW"),
             Team(3, "CNSWPL", "Series 21", "A 21")]  # fmt: skip
    league = build(teams, [])["CNSWPL"]

    assert [[index.key for index in league.series_in(name)] for name in ("A 1", "A 12 SW", "A s21", "A 2")] == [
        ["1"], ["1", "12 sw"], ["21"], [],
    ]  # fmt: skip


def test_between_two_teams_that_are_as_near_none_is_chosen() -> None:
    teams = [Team(1, APTA, "Chicago 1", "Hillside - 1"), Team(2, APTA, "Chicago 1", "Hillsite - 1")]

    assert Resolver(teams).resolve(APTA, "Chicago 1", "Hillsie - 1").team_id is None


def test_a_typing_mistake_must_stand_out_from_every_other_team() -> None:
    """The name is no typing mistake for "Anorthmor", whose initial differs; but it is as near to it."""
    teams = [Team(1, APTA, "Chicago 1", "Northmoor - 1"), Team(2, APTA, "Chicago 1", "Anorthmor - 1")]

    assert Resolver(teams[:1]).resolve(APTA, "Chicago 1", "Northmor - 1").team_id == 1
    assert Resolver(teams).resolve(APTA, "Chicago 1", "Northmor - 1").team_id is None


def test_the_end_of_a_name_that_is_another_series_is_no_squad() -> None:
    teams = [Team(1, APTA, "Chicago 20", "Winnetka 2 - 20"), Team(2, APTA, "Chicago 2", "Skokie - 2")]

    assert Resolver(teams[:1]).resolve(APTA, "Chicago 20", "Winnetka - 2").team_id == 1
    assert Resolver(teams).resolve(APTA, "Chicago 20", "Winnetka - 2").team_id is None


DAY = date(2025, 6, 5)


def test_a_fixture_of_the_day_tells_candidates_apart() -> None:
    meetings = Meetings([Meeting("NSTF", DAY, 28, 5), Meeting("NSTF", date(2025, 6, 6), 27, 5)])

    assert meetings.between("NSTF", DAY, (27, 28), (5,)) == (28, 5)
    assert meetings.between("NSTF", DAY, (5,), (27, 28)) == (5, 28)


def test_two_fixtures_of_a_day_tell_nothing() -> None:
    meetings = Meetings([Meeting("NSTF", DAY, 28, 5), Meeting("NSTF", DAY, 27, 5)])

    assert meetings.between("NSTF", DAY, (27, 28), (5,)) is None
    assert meetings.between("CITA", DAY, (27, 28), (5,)) is None


CLUBS = st.sampled_from(
    ["Skokie", "Prairie Club", "Lake Forest", "Midtown - Chicago", "Hinsdale PC", "Glen Ellyn", "I"]
)
SERIES = st.sampled_from(
    ["Chicago 1", "Series 1", "Chicago 9 SW", "Series A", "Series I", "Series 2B", "Series 3.5 & Under"]
)
FORMS = st.sampled_from(
    ["{club} - {token}", "{club} {token}", "{club} II - {token}", "{club} {token}a", "{club} {token}(1)", "{club}"]
)


@st.composite
def names(draw: st.DrawFn) -> tuple[str, str]:
    series = draw(SERIES)
    club, form = draw(CLUBS | st.text(min_size=1, max_size=12)), draw(FORMS)
    return series, form.replace("{club}", club).replace("{token}", series.partition(" ")[2])


@st.composite
def leagues(draw: st.DrawFn) -> list[Team]:
    keys = draw(st.lists(st.tuples(st.sampled_from([APTA, "CNSWPL"]), names()), max_size=12, unique=True))
    return [Team(number, league, series, name) for number, (league, (series, name)) in enumerate(keys)]


@settings(max_examples=100, deadline=None)
@given(leagues())
def test_a_teams_own_name_in_its_series_is_always_linked_to_it(teams: list[Team]) -> None:
    resolver = Resolver(teams)

    for team in teams:
        assert resolver.resolve(team.league, team.series, team.name).team_id == team.id


@settings(max_examples=60, deadline=None)
@given(leagues(), names(), st.integers())
def test_the_order_of_teams_does_not_matter(teams: list[Team], name: tuple[str, str], seed: int) -> None:
    shuffled = random.Random(seed).sample(teams, len(teams))  # noqa: S311  # an order, not a secret

    for series in (name[0], None):
        assert Resolver(teams).resolve(APTA, series, name[1]) == Resolver(shuffled).resolve(APTA, series, name[1])


@settings(max_examples=60, deadline=None)
@given(leagues(), names())
def test_a_team_of_another_league_changes_nothing(teams: list[Team], name: tuple[str, str]) -> None:
    more = [*teams, Team(1000, "PADDLE", *name)]

    for series in (name[0], None):
        assert Resolver(more).resolve(APTA, series, name[1]) == Resolver(teams).resolve(APTA, series, name[1])


@settings(max_examples=60, deadline=None)
@given(leagues(), names())
def test_an_answer_stays_the_same(teams: list[Team], name: tuple[str, str]) -> None:
    resolver = Resolver(teams)

    assert resolver.resolve(APTA, *name) == resolver.resolve(APTA, *name)
    assert (resolver.resolve(APTA, *name).team_id is None) == (resolver.resolve(APTA, *name).strategy is None)
