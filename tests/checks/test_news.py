"""What is new or gone since yesterday, in a coach's words."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, insert, text, update

from checks import Row, Severity, above, percent, row_check
from checks.engine.collecting.collect import collect
from checks.engine.collecting.rules import Rules
from checks.engine.reporting.report import Report
from checks.engine.reporting.verdict import News
from checks.engine.run import Options, Request
from checks.health import examine
from checks.news import coach_phrase, stored_news
from checks.scopes import SOURCES
from etl.tables import check_findings, check_runs, import_feeds, import_runs, leagues, schedule

NIGHT = datetime(2025, 6, 20, 11, tzinfo=UTC)
CATALOGUE = collect(SOURCES)


@row_check(schedule, severity=Severity.HIGH, threshold=above(warn=percent(1), critical=percent(90)),
           coach="A match has no place")  # fmt: skip
def nowhere(row: Row) -> Any:
    """A match without a place."""
    return row.location.is_(None)


RULES = Rules.of(nowhere, domain="schedule")


@pytest.fixture
def matches(database: Engine) -> Engine:
    """Two leagues with matches that have a place."""
    with database.begin() as connection:
        both = [
            {"id": 1, "league_id": "APTA_CHICAGO", "league_name": "x"},
            {"id": 2, "league_id": "CITA", "league_name": "x"},
        ]
        connection.execute(leagues.insert(), both)
        connection.execute(insert(schedule), [match(f"T{number}", 1 + number % 2) for number in range(20)])
    return database


def match(home: str, league: int) -> dict[str, Any]:
    return {
        "match_date": date(2025, 7, 1),
        "home_team": home,
        "away_team": "BYE",
        "location": "Court",
        "league_id": league,
    }


def displace(engine: Engine, *names: str, place: str | None = None) -> None:
    """Take the places of matches away, or give them one."""
    with engine.begin() as connection:
        connection.execute(update(schedule).where(schedule.c.home_team.in_(names)).values(location=place))


def check(engine: Engine, rules: Rules = RULES) -> Report:
    now = datetime.now(UTC)
    return examine(engine, rules, Request(now=now, today=now.date(), options=Options(workers=1)))


def later(engine: Engine, time: timedelta) -> None:
    """Let time pass: everything that was kept becomes so much older."""
    moments = {check_runs: ("started_at", "finished_at"), check_findings: ("first_seen", "fixed_at")}
    with engine.begin() as connection:
        # the history refuses to be rewritten
        connection.execute(text("set local session_replication_role = replica"))
        for table, names in moments.items():
            connection.execute(update(table).values({name: table.c[name] - time for name in names}))


DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.mark.parametrize(
    ("number", "sentence", "league", "said"),
    [
        (16, "A team has no schedule", "APTA Chicago", "16 teams of APTA Chicago have no schedule"),
        (1, "A team has no schedule", "CITA", "1 team of CITA has no schedule"),
        (3, "A team name is unknown", "CITA", "3 team names of CITA are unknown"),
        (2, "A row of the standings repeats another", "", "2 rows of the standings repeat another"),
        (2, "A player's id stands in its own league twice", "", "2 players' ids stand in their own league twice"),
        (2_058, "A match stands there twice", "NSTF", "2,058 matches of NSTF stand there twice"),
        (5, "Imports have stopped", "CITA", "Imports have stopped (CITA)"),
    ],
)
def test_a_sentence_gets_its_number_and_its_league(number: int, sentence: str, league: str, said: str) -> None:
    assert coach_phrase(number, sentence, league) == said


@pytest.mark.parametrize(
    ("number", "said"),
    [(3, "3 team names of CITA that were unknown"), (1, "1 team name of CITA that was unknown")],
)
def test_what_is_gone_is_said_in_the_past(number: int, said: str) -> None:
    assert coach_phrase(number, "A team name is unknown", "CITA", gone=True) == said


@pytest.mark.parametrize("rule", CATALOGUE.values(), ids=lambda rule: rule.name)
def test_every_rule_has_a_sentence_that_a_message_has_room_for(rule: Any) -> None:
    said = [coach_phrase(16, rule.coach, "APTA Chicago", gone=gone) for gone in (False, True)]

    assert max(map(len, said)) <= 130
    assert not rule.coach.endswith(".")


def test_a_rule_that_saw_nothing_says_nothing_of_the_data(matches: Engine) -> None:
    check(matches)
    with matches.begin() as connection:
        connection.execute(text("alter table schedule rename column location to place"))
    lost = check(matches).news
    with matches.begin() as connection:
        connection.execute(text("alter table schedule rename column place to location"))

    found = check(matches).news

    assert lost is not None
    assert lost.new == ("nowhere could not be measured",)
    assert found is not None
    assert found.gone == ()


def test_what_is_new_and_gone_since_yesterday_by_league(matches: Engine) -> None:
    displace(matches, "T1", "T2", "T3")
    assert check(matches).news is None
    later(matches, DAY)
    displace(matches, "T1", place="Court")
    displace(matches, "T4", "T6", "T5")

    news = check(matches).news

    assert news is not None
    assert news.line() == (
        "New since yesterday: 2 matches of APTA Chicago have no place; 1 match of CITA has no place."
        " Gone: 1 match of CITA that had no place."
    )


def test_a_refused_feed_is_told_with_its_league(matches: Engine) -> None:
    """Its key is a number; a feed of all leagues has none to name."""
    failed = CATALOGUE.only([CATALOGUE["failed_import"]])
    import_of(matches, "CITA", "published")
    check(matches, failed)
    later(matches, DAY)
    for league in ("CITA", "CITA", "all"):
        import_of(matches, league, "blocked")

    news = check(matches, failed).news

    assert news is not None
    assert news.new == ("2 feeds of CITA were refused", "1 feed was refused")


def import_of(engine: Engine, league: str, outcome: str) -> None:
    """A feed of a league that was imported an hour ago."""
    with engine.begin() as connection:
        run = connection.scalar(import_runs.insert().values(outcome=outcome, paths=[]).returning(import_runs.c.id))
        feed = {"run_id": run, "path": "x.json", "kind": "players", "league": league, "fingerprint": f"{run}"}
        connection.execute(import_feeds.insert().values(feed | {"outcome": outcome}))


def test_a_check_of_the_same_day_is_compared_with_yesterdays(matches: Engine) -> None:
    check(matches)
    later(matches, 22 * HOUR)
    displace(matches, "T2")
    check(matches)
    later(matches, HOUR)

    news = check(matches).news

    assert news is not None
    assert (news.label, news.new) == ("since yesterday", ("1 match of APTA Chicago has no place",))


@pytest.mark.parametrize(("age", "label"), [(2 * HOUR, "since the last check"), (9 * DAY, "since 20")])
def test_without_one_of_yesterday_it_says_what_it_is_compared_with(matches: Engine, age: timedelta, label: str) -> None:
    check(matches)
    later(matches, age)
    displace(matches, "T2")

    news = check(matches).news

    assert news is not None
    assert news.label.startswith(label)
    assert news.new == ("1 match of APTA Chicago has no place",)


def test_nothing_new_is_an_empty_line(matches: Engine) -> None:
    check(matches)

    news = check(matches).news

    assert news is not None
    assert news.line() == ""


def test_the_news_of_a_run_are_kept_with_it(matches: Engine) -> None:
    check(matches)
    displace(matches, "T2")
    told = check(matches)

    with matches.connect() as connection:
        assert stored_news(connection, told.started - HOUR) == told.news
        assert stored_news(connection, told.started + HOUR) is None


def test_what_is_left_out_is_counted() -> None:
    news = News(NIGHT, "since yesterday", ("a", "b", "c", "d", "e"), ())

    assert news.line() == "New since yesterday: a; b; c; 2 more."
