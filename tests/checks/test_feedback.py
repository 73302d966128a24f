"""Complaints: what is kept of them, and which incident each is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from checks.engine.authoring.units import Status
from checks.engine.collecting.collect import collect
from checks.feedback import (
    Complaint,
    FeedbackError,
    Noticed,
    add_complaint,
    complaint,
    complaints,
    delete_texts,
    erase_complaint,
    impersonal_text,
    link_complaint,
    link_complaints,
    texts_of,
)
from checks.scopes import SOURCES
from etl.tables import TimeSpan, check_findings, feedback, import_feeds, import_runs, leagues
from tests.checks.review.plant import RUN, Plant

NOON = datetime(2025, 6, 20, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def plant(connection: Connection) -> Plant:
    """Two leagues, and a hand to plant incidents with."""
    for league in ("APTA_CHICAGO", "CITA"):
        connection.execute(leagues.insert().values(league_id=league, league_name=league))
    return Plant(connection, collect(SOURCES))


def incident(
    plant: Plant, rule: str, key: dict[str, Any], opened: datetime, resolved: datetime | None = None, *,
    worst: Status = Status.CRITICAL,
) -> int:  # fmt: skip
    """An incident with one bad row."""
    story = [("opened", opened), *([("resolved", resolved)] if resolved else [])]
    number = plant.incident(rule, worst, story)
    finding = {"rule": rule, "parameter": "", "fingerprint": number, "key": key, "times": 1, "first_run": RUN,
               "first_seen": opened, "fixed_at": resolved}  # fmt: skip
    plant.connection.execute(check_findings.insert(), finding)
    return number


def entered(connection: Connection, text: str = "we have no matches", **own: Any) -> Complaint:
    """A complaint of APTA Chicago at noon."""
    values = {"at": NOON, "league": "APTA_CHICAGO", "team": "", "by": "kim", **own}
    return add_complaint(connection, text=text, **values)[0]


TEAM = {"league": "APTA_CHICAGO", "team_name": "Birchwood - 11 (Division 11)"}


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("call 847-555-0134, please", "call [phone], please"),
        ("+1 (847) 555 0134 is mine", "[phone] is mine"),
        ("write to kim.lee+x@mail.example.org!", "write to [mail]!"),
        ("missing since 2025-06-20 and 06/21/2025", "missing since 2025-06-20 and 06/21/2025"),
        ("series 20, court 4,\n 6-4 6-3", "series 20, court 4, 6-4 6-3"),
        ("a\x00b\x1b[31m", "a b [31m"),
    ],
)
def test_numbers_and_addresses_are_not_kept(said: str, kept: str) -> None:
    assert impersonal_text(said) == kept


@given(st.text(max_size=30), st.from_regex(r"\+1[2-9]\d{9}", fullmatch=True), st.text(alphabet="abc ,.", max_size=30))
def test_no_telephone_number_is_ever_kept(before: str, number: str, after: str) -> None:
    assert number not in impersonal_text(f"{before} {number} {after}")


def test_it_is_about_the_incident_that_names_its_team(plant: Plant) -> None:
    incident(plant, "team_without_captain", {"league": "APTA_CHICAGO", "team_name": "Exmoor - 8"}, NOON - DAY)
    number = incident(plant, "team_without_schedule", TEAM, NOON - DAY)

    about = entered(plant.connection, team="birchwood - 11")

    assert (about.incident, about.rule, about.noticed) == (number, "team_without_schedule", Noticed.BEFORE)


def test_of_two_rules_that_name_the_team_its_words_choose(plant: Plant) -> None:
    incident(plant, "team_without_captain", TEAM, NOON - DAY)
    number = incident(plant, "team_without_schedule", TEAM, NOON - DAY)
    standings = incident(plant, "team_without_standings", TEAM, NOON - DAY)

    assert entered(plant.connection, "no games in the calendar", team=TEAM["team_name"]).incident == number
    assert entered(plant.connection, "we are not in the table", team=TEAM["team_name"]).incident == standings


def test_without_a_team_the_words_have_to_be_about_the_same(plant: Plant) -> None:
    number = incident(plant, "team_without_schedule", TEAM, NOON - DAY)

    assert entered(plant.connection, "our schedule is empty").incident == number
    assert entered(plant.connection, "the page is slow").incident is None


@pytest.mark.parametrize(
    ("opened", "resolved", "noticed"),
    [
        (NOON - DAY, None, Noticed.BEFORE),
        (NOON - 9 * DAY, NOON - HOUR, Noticed.BEFORE),
        (NOON - 9 * DAY, NOON - 2 * DAY, Noticed.NEVER),
        (NOON + 3 * DAY, None, Noticed.AFTER),
        (NOON + 8 * DAY, None, Noticed.NEVER),
    ],
    ids=["open", "just over", "long over", "seen later", "seen much later"],
)
def test_it_is_about_an_incident_of_its_time(
    plant: Plant, opened: datetime, resolved: datetime | None, noticed: Noticed
) -> None:
    incident(plant, "team_without_schedule", TEAM, opened, resolved)

    assert entered(plant.connection, team="Birchwood - 11").noticed is noticed


def test_another_league_is_another_matter(plant: Plant) -> None:
    incident(plant, "team_without_schedule", TEAM, NOON - DAY)

    assert entered(plant.connection, league="CITA", team="Birchwood - 11").incident is None


def test_an_incident_that_a_later_check_opens_is_found_then(plant: Plant) -> None:
    number = entered(plant.connection, team="Birchwood - 11").id
    incident(plant, "team_without_schedule", TEAM, NOON + DAY)

    assert link_complaints(plant.connection, NOON + DAY) == 1
    assert complaint(plant.connection, number).noticed is Noticed.AFTER


def test_what_a_person_says_of_it_stays(plant: Plant) -> None:
    seen = incident(plant, "team_without_schedule", TEAM, NOON - DAY)
    number = entered(plant.connection, team="Birchwood - 11").id

    assert link_complaint(plant.connection, number, None, "lee").noticed is Noticed.NEVER
    assert link_complaints(plant.connection, NOON) == 0
    assert link_complaint(plant.connection, number, seen, "lee").linked_by == "lee"


def test_its_words_can_be_erased_and_go_with_time(plant: Plant) -> None:
    early, late = entered(plant.connection, at=NOON - DAY).id, entered(plant.connection).id

    assert delete_texts(plant.connection, NOON) == 1
    assert texts_of(plant.connection, [early, late]) == {early: "", late: "we have no matches"}
    erase_complaint(plant.connection, late)
    assert plant.connection.scalars(select(feedback.c.text)).all() == ["", ""]


def test_they_are_listed_newest_first_and_narrowed_to_a_time(plant: Plant) -> None:
    early, late = entered(plant.connection, at=NOON - DAY).id, entered(plant.connection).id

    assert [each.id for each in complaints(plant.connection)] == [late, early]
    assert [each.id for each in complaints(plant.connection, TimeSpan(until=NOON - HOUR))] == [early]


def test_an_unknown_league_is_refused_and_an_unknown_team_remarked(plant: Plant) -> None:
    with pytest.raises(FeedbackError, match=r"there is no league 'CIT'; there are CITA, APTA_CHICAGO"):
        entered(plant.connection, league="CIT")
    with pytest.raises(FeedbackError, match="needs words"):
        entered(plant.connection, text=" ")
    with pytest.raises(FeedbackError, match="there is no complaint 99"):
        link_complaint(plant.connection, 99, None, "kim")
    with pytest.raises(FeedbackError, match="there is no incident 99"):
        link_complaint(plant.connection, entered(plant.connection).id, 99, "kim")


IN_LEAGUE = {"league": "APTA_CHICAGO"}


@pytest.mark.parametrize(
    ("said", "fits", "rules"),
    [
        ("no matches in our schedule", "gap_in_league_schedule", {"match_at_impossible_time": Status.WARN}),
        ("no matches in our schedule", "team_without_schedule", {"match_without_location": Status.CRITICAL}),
        ("our games are missing", "matches_in_schedule", {"match_at_impossible_time": Status.CRITICAL}),
        ("our games are at three in the night", "match_at_impossible_time", {"team_without_schedule": Status.CRITICAL}),
        ("there is no time for our match", "match_without_time", {"team_without_schedule": Status.CRITICAL}),
        ("our players are missing", "team_without_players", {"player_twice_in_pair": Status.CRITICAL}),
        ("one of our players is there twice", "duplicate_player", {"team_without_players": Status.CRITICAL}),
    ],
)  # fmt: skip
def test_who_misses_something_means_the_rule_that_finds_it_absent(
    plant: Plant, said: str, fits: str, rules: dict[str, Status]
) -> None:
    """A league without matches was said to complain of one that begins too early: it shares more words with that."""
    for rule, worst in rules.items():
        incident(plant, rule, IN_LEAGUE, NOON - 2 * DAY, worst=worst)
    number = incident(plant, fits, IN_LEAGUE, NOON - DAY)

    assert entered(plant.connection, said).incident == number


def test_what_fits_as_well_is_chosen_by_status_and_severity(plant: Plant) -> None:
    incident(plant, "players_of_league", IN_LEAGUE, NOON - 2 * DAY, worst=Status.WARN)
    number = incident(plant, "team_without_players", IN_LEAGUE, NOON - DAY)

    assert entered(plant.connection, "our players are missing").incident == number


def test_missing_results_are_about_the_feed_that_failed(plant: Plant) -> None:
    """An import is known by its number: its league and what it brings are looked up."""
    run = plant.connection.scalar(import_runs.insert().values(outcome="blocked", paths=[]).returning(import_runs.c.id))
    feed = {"run_id": run, "path": "x.json", "league": "APTA_CHICAGO", "outcome": "blocked"}
    of_kind = import_feeds.insert().returning(import_feeds.c.id)
    rosters, results = (
        plant.connection.scalar(of_kind.values(feed | {"kind": kind, "fingerprint": kind}))
        for kind in ("players", "match_history")
    )

    assert entered(plant.connection, "scores of last week are missing").incident is None
    incident(plant, "failed_import", {"id": rosters}, NOON - 5 * DAY, NOON - 3 * DAY)
    assert entered(plant.connection, "scores of last week are missing").incident is None
    number = incident(plant, "failed_import", {"id": results}, NOON - HOUR)
    assert entered(plant.connection, "scores of last week are missing").incident == number
    assert entered(plant.connection, "scores of last week are missing", league="CITA").incident is None
