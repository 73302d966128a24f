"""What a check says in each situation, through the command line: band, state, exit code, first line, SMS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url

from flows.service.context import today_here
from tests.alerts.channels.twilio_server import Twilio, twilio_server
from tests.conftest import copy_of
from tests.flows.cli.situations import DROPPED, SEASON, Stage, write_rules
from tests.flows.conftest import run_here

HALF = "delete from schedule where id % 2 = 0"
SOME = "delete from schedule where id % 8 = 0"
MOON, PART_MOON = (f"update schedule set location = 'Moon' where id % {n} = 0" for n in (1, 5))


@dataclass(frozen=True)
class Situation:
    """A situation by name: what happened before the last check, how that is asked, and what it says."""

    name: str
    given: Callable[[Stage], object]
    band: str
    code: int
    first: str
    sms: str = ""
    options: tuple[str, ...] = ()
    alert: bool = True


def of(*statements: str) -> Callable[[Stage], None]:
    """After five nights in order, something happens to the data."""
    return lambda stage: stage.sql(*statements)


def fresh(stage: Stage) -> None:
    """As if nothing had ever been checked."""
    stage.sql(
        "set local session_replication_role = replica",  # triggers keep history from being emptied
        "truncate quality.check_runs, quality.check_states, quality.check_findings, quality.incidents cascade",
    )


def empty(stage: Stage) -> None:
    """A database without any row, that was never checked."""
    fresh(stage)
    stage.sql("truncate leagues, schedule, players, series_stats, match_scores, teams cascade")


def catalogue(stage: Stage) -> None:
    """The rules of the product, all of them."""
    stage.chosen = ()


def then(*steps: Callable[[Stage], object]) -> Callable[[Stage], None]:
    def play(stage: Stage) -> None:
        for step in steps:
            step(stage)

    return play


def checks(number: int, *options: str) -> Callable[[Stage], None]:
    return lambda stage: stage.checks(number, *options)


def nights(number: int, *options: str) -> Callable[[Stage], None]:
    return lambda stage: stage.nights(number, *options)


def days(number: int) -> Callable[[Stage], None]:
    return lambda stage: stage.days(number)


def alone(rule: str) -> Callable[[Stage], object]:
    return lambda stage: stage.run("check", "--name", rule)


def selecting(*chosen: str) -> Callable[[Stage], None]:
    def select(stage: Stage) -> None:
        stage.chosen = chosen

    return select


def waiver(rule: str, days: int = 1) -> Callable[[Stage], None]:
    """A waiver of so many days, today included."""

    def waive(stage: Stage) -> None:
        until = today_here() + timedelta(days=days - 1)
        ran = stage.run("waive", rule, "--until", until, "--owner", "kim", "--reason", "x")
        assert ran.code == 0, ran.out

    return waive


def acceptance(*rules: str, options: tuple[str, ...] = ()) -> Callable[[Stage], None]:
    def accept(stage: Stage) -> None:
        for rule in rules:
            ran = stage.run("accept", rule, "--reason", "that is how it is", "--by", "kim", *options)
            assert ran.code == 0, ran.out

    return accept


def setting(name: str, value: str) -> Callable[[Stage], None]:
    return lambda stage: stage.setenv(name, value)


NO_PLAYERS = "truncate players cascade"
NO_STANDINGS = "truncate series_stats"
NO_SOUTH = ("delete from schedule where league_id = 2", "delete from players where league_id = 2",
            "delete from series_stats where league_id = 2", "delete from teams where league_id = 2",
            "delete from leagues where id = 2")  # fmt: skip
SOUTH_INTO_NORTH = ("delete from teams where league_id = 2", "delete from players where league_id = 2",
                    "update schedule set league_id = 1", "update series_stats set league_id = 1",
                    "delete from leagues where id = 2")  # fmt: skip
LOW_CRITICAL = "update series_stats set points = -1 where id % 2 = 0 or id = 1"
LOW_WARN = "update series_stats set points = -1 where id % 5 = 0"
LOW_ERROR = "update series_stats set points = 0 where id = 1"
HIGH_ERROR = "update players set pti = 0 where id = 1"
FRIENDLIES = """
insert into schedule (match_date, home_team, away_team)
    select '2026-01-01'::date + n, 'Friendly', 'BYE' from generate_series(1, 5) n
"""
BACK = "insert into schedule select * from kept on conflict do nothing"
KEEP = "create table kept as select * from schedule"

SITUATIONS = (
    Situation(
        "one league alone, for the fourth time",
        then(nights(3, "--league", "NORTH")),
        "healthy",
        0,
        "Score 100.00 of 100: healthy",
        options=("--league", "NORTH"),
    ),
    Situation(
        "a loss of one league alone",
        then(
            nights(3, "--league", "NORTH"),
            of("delete from schedule where league_id = 1 and id % 4 = 0"),
            nights(3, "--league", "NORTH"),
        ),
        "critical",
        1,
        "Score 49.66 of 100: critical",
        "Rally CRITICAL, score 49: matches 10",
        options=("--league", "NORTH"),
    ),
    Situation(
        "a loss of one league alone, accepted",
        then(
            nights(3, "--league", "NORTH"),
            of("delete from schedule where league_id = 1 and id % 4 = 0"),
            nights(1, "--league", "NORTH"),
            acceptance("matches", options=("--league", "NORTH")),
        ),
        "healthy",
        0,
        "Score 100.00 of 100: healthy",
        options=("--league", "NORTH"),
    ),
    Situation("all well", of(), "healthy", 0, "Score 100.00 of 100: healthy"),
    Situation("empty", empty, "unknown", 5, "Score unknown: nothing could be measured"),
    Situation(
        "empty, all rules of the product",
        then(empty, catalogue),
        "unknown",
        5,
        "Score unknown: only 1 % of what counts was measured, at least 60 % is needed",
    ),
    Situation("fresh", fresh, "healthy", 0, "Score 100.00 of 100: healthy"),
    Situation("the second day", then(fresh, nights(1)), "healthy", 0, "Score 100.00 of 100: healthy"),
    Situation(
        "emptied all",
        of("truncate leagues, schedule, players, series_stats, match_scores, teams cascade"),
        "critical",
        1,
        "Score 2.99 of 100: critical",
        "Rally CRITICAL, score 2: matches 0; match_on_the_moon not measured; rating_that_divides not measured; "
        "barefoot_player not measured +3 more",
    ),
    Situation(
        "emptied one table",
        of(NO_PLAYERS),
        "unknown",
        5,
        "Score 30.40 of 100: unknown, because 2 rules have nothing to measure any more",
        "Rally ERROR, score 30 (unknown): rating_that_divides not measured; barefoot_player not measured",
    ),
    Situation(
        "emptied one table of little weight",
        of(NO_STANDINGS),
        "unknown",
        5,
        "Score 81.00 of 100: unknown, because 2 rules have nothing to measure any more",
        "Rally ERROR, score 81 (unknown): points_below_zero not measured; points_that_divide not measured",
    ),
    Situation(
        "emptied one column",
        of("update series_stats set points = null"),
        "unknown",
        5,
        "Score 90.00 of 100: unknown, because points_below_zero has nothing to measure any more",
        "Rally ERROR, score 90 (unknown): points_below_zero not measured",
    ),
    Situation(
        "emptied for 30 days",
        then(of(NO_PLAYERS), nights(30)),
        "unknown",
        5,
        "Score 30.40 of 100: unknown, because 2 rules have nothing to measure any more",
        "Rally ERROR, score 30 (unknown): rating_that_divides not measured; barefoot_player not measured",
    ),
    Situation(
        "emptied, and back",
        then(
            of("create table kept as select * from players", NO_PLAYERS),
            checks(2),
            of("insert into players select * from kept"),
        ),
        "healthy",
        0,
        "Score 100.00 of 100: healthy",
    ),
    Situation(
        "emptied, and accepted",
        then(of(NO_PLAYERS), checks(1), acceptance("barefoot_player", "rating_that_divides")),
        "healthy",
        0,
        "Score 100.00 of 100: healthy",
    ),
    Situation(
        "emptied, accepted, filled and emptied again",
        then(
            of("create table kept as select * from players", NO_PLAYERS),
            checks(1),
            acceptance("barefoot_player", "rating_that_divides"),
            of("insert into players select * from kept"),
            checks(1),
            of(NO_PLAYERS),
        ),
        "unknown",
        5,
        "Score 30.40 of 100: unknown, because 2 rules have nothing to measure any more",
        "Rally ERROR, score 30 (unknown): rating_that_divides not measured; barefoot_player not measured",
    ),
    Situation(
        "emptied, and waived",
        then(of(NO_PLAYERS), waiver("barefoot_player"), waiver("rating_that_divides")),
        "healthy",
        0,
        "Score 100.00 of 100 (gross 30.40): healthy",
    ),
    Situation("what may be empty is empty", of("truncate match_scores"), "healthy", 0, "Score 100.00 of 100: healthy"),
    Situation(
        "emptied before anything was measured",
        then(fresh, of(NO_PLAYERS)),
        "unknown",
        5,
        "Score unknown: only 57 % of what counts was measured, at least 60 % is needed",
    ),
    Situation(
        "one league gone",
        of(*NO_SOUTH),
        "critical",
        1,
        "Score 37.74 of 100: critical",
        "Rally CRITICAL, score 37: matches 20; quiet_team (SOUTH) not measured",
    ),
    Situation(
        "one league gone, of those that were small",
        of(*SOUTH_INTO_NORTH),
        "unknown",
        5,
        "Score 76.00 of 100: unknown, because quiet_team[SOUTH] has nothing to measure any more",
        "Rally ERROR, score 76 (unknown): quiet_team (SOUTH) not measured",
    ),
    Situation(
        "one league gone, and accepted",
        then(
            of(*SOUTH_INTO_NORTH),
            checks(1),
            acceptance("quiet_team"),
        ),
        "healthy",
        0,
        "Score 100.00 of 100: healthy",
    ),
    Situation(
        "a loss", of(HALF), "critical", 1, "Score 49.66 of 100: critical", "Rally CRITICAL, score 49: matches 20"
    ),
    Situation(
        "a loss of a fifth", of("delete from schedule where id % 5 = 0"), "watch", 0, "Score 82.63 of 100: watch"
    ),
    Situation(
        "a loss, nine checks in an hour",
        then(of(HALF), checks(9)),
        "critical",
        1,
        "Score 49.66 of 100: critical",
        "Rally CRITICAL, score 49: matches 20",
    ),
    Situation(
        "a loss on the first day, eight checks after eight",
        then(fresh, checks(8), of(HALF), checks(8)),
        "critical",
        1,
        "Score 49.66 of 100: critical",
        "Rally CRITICAL, score 49: matches 20",
    ),
    Situation(
        "a lasting loss over 30 days",
        then(of(HALF), nights(30)),
        "critical",
        1,
        "Score 49.66 of 100: critical",
        "Rally CRITICAL, score 49: matches 20",
    ),
    Situation(
        "a loss, accepted",
        then(of(HALF), checks(1), acceptance("matches")),
        "healthy",
        0,
        "Score 100.00 of 100: healthy",
    ),
    Situation(
        "a loss, accepted, and one more",
        then(of(HALF), checks(1), acceptance("matches"), nights(1), of("delete from schedule where id % 4 = 1")),
        "critical",
        1,
        "Score 49.66 of 100: critical",
        "Rally CRITICAL, score 49: matches 10",
    ),
    Situation(
        "a loss, mended", then(of(KEEP, HALF), nights(3), of(BACK)), "healthy", 0, "Score 100.00 of 100: healthy"
    ),
    Situation(
        "a loss, waived", then(of(HALF), waiver("matches")), "healthy", 0, "Score 100.00 of 100 (gross 49.66): healthy"
    ),
    Situation(
        "a loss, waived for a week that is over",
        then(of(HALF), waiver("matches", 7), nights(8)),
        "critical",
        1,
        "Score 49.66 of 100: critical",
        "Rally CRITICAL, score 49: matches 20",
    ),
    Situation(
        "a usual value of nothing",
        of(FRIENDLIES),
        "healthy",
        0,
        "Score 100.00 of 100: healthy",
    ),
    Situation(
        "an outlier that lasts",
        then(selecting("--name", "teams_as_usual"), of("delete from teams"), checks(9)),
        "critical",
        1,
        "Score 90.12 of 100: critical, because teams_as_usual is CRITICAL",
        "Rally CRITICAL, score 90: teams_as_usual 0",
    ),
    Situation(
        "two selections in turn",
        then(
            *[step for _ in range(3) for step in (alone("matches"), days(1), checks(1), days(1))],
            of(HALF),
            alone("matches"),
        ),
        "critical",
        1,
        "Score 49.66 of 100: critical",
        "Rally CRITICAL, score 49: matches 20",
    ),
    Situation(
        "one league checked in turn with all",
        then(*[step for _ in range(4) for step in (checks(1, "--league", "NORTH"), checks(1))]),
        "healthy",
        0,
        "Score 100.00 of 100: healthy",
    ),
    Situation("one league alone", of(), "healthy", 0, "Score 100.00 of 100: healthy", options=("--league", "NORTH")),
    Situation(
        "one league alone, emptied",
        then(checks(1, "--league", "NORTH"), of("delete from players where league_id = 1")),
        "unknown",
        5,
        "Score unknown: 2 rules have nothing to measure any more; "
        "only 57 % of what counts was measured, at least 60 % is needed",
        "Rally ERROR, score unknown: rating_that_divides not measured; barefoot_player not measured",
        options=("--league", "NORTH"),
    ),
    Situation("one rule alone", selecting("--name", "barefoot_player"), "healthy", 0, "Score 100.00 of 100: healthy"),
    Situation(
        "all skipped",
        then(of("truncate match_scores"), selecting("--name", "result_of_nobody")),
        "unknown",
        5,
        "Score unknown: nothing could be measured",
    ),
    Situation("another day", of(), "healthy", 0, "Score 100.00 of 100: healthy", options=("--today", "2030-01-01")),
    Situation(
        "a loss, seen on other days only",
        then(of(KEEP, HALF), checks(5, "--today", "2030-01-01"), of(BACK)),
        "healthy",
        0,
        "Score 100.00 of 100: healthy",
    ),
    Situation(
        "a loss, after checks of another day that saw it too",
        then(of(HALF), checks(5, "--today", "2030-01-01")),
        "critical",
        1,
        "Score 49.66 of 100: critical",
        "Rally CRITICAL, score 49: matches 20",
    ),
    Situation(
        "only LOW CRITICAL",
        of(LOW_CRITICAL),
        "critical",
        1,
        "Score 91.57 of 100: critical, because points_below_zero is CRITICAL",
        "Rally CRITICAL, score 91: points_below_zero 6 of 10 (60 %)",
    ),
    Situation("only LOW WARN", of(LOW_WARN), "healthy", 0, "Score 98.10 of 100: healthy"),
    Situation("HIGH WARN", of(PART_MOON), "watch", 0, "Score 82.63 of 100: watch"),
    Situation(
        "HIGH CRITICAL",
        of(MOON),
        "critical",
        1,
        "Score 40.00 of 100: critical",
        "Rally CRITICAL, score 40: match_on_the_moon 40 of 40 (100 %)",
    ),
    Situation(
        "two HIGH WARN",
        of(PART_MOON, "delete from schedule where id % 8 = 1"),
        "critical",
        1,
        "Score 69.21 of 100: critical",
    ),
    Situation(
        "only LOW ERROR",
        of(LOW_ERROR),
        "unknown",
        5,
        "Score 90.00 of 100: unknown, because points_that_divide could not be measured",
        "Rally ERROR, score 90 (unknown): points_that_divide not measured",
    ),
    Situation(
        "only HIGH ERROR",
        of(HIGH_ERROR),
        "unknown",
        5,
        "Score 40.00 of 100: unknown, because rating_that_divides could not be measured",
        "Rally ERROR, score 40 (unknown): rating_that_divides not measured",
    ),
    Situation(
        "ERROR and CRITICAL",
        of(HIGH_ERROR, LOW_CRITICAL),
        "critical",
        1,
        "Score 36.63 of 100: critical",
        "Rally CRITICAL, score 36: points_below_zero 6 of 10 (60 %); rating_that_divides not measured",
    ),
    Situation(
        "ERROR, waived",
        then(of(HIGH_ERROR), waiver("rating_that_divides")),
        "healthy",
        0,
        "Score 100.00 of 100 (gross 40.00): healthy",
    ),
    Situation(
        "a dropped rule that was CRITICAL",
        then(of(MOON), checks(1), lambda s: s.know(write_rules(s.folder / "fewer", DROPPED))),
        "healthy",
        0,
        "Score 100.00 of 100: healthy",
        "Rally CRITICAL, score 100 (healthy): match_on_the_moon 40 of 40 (100 %)",
    ),
    Situation(
        "a dry run after a loss",
        of(HALF),
        "critical",
        1,
        "Score 49.66 of 100: critical",
        options=("--no-history",),
        alert=False,
    ),
    Situation(
        "well again after a dry run",
        then(of(KEEP, HALF), checks(5, "--no-history"), of(BACK)),
        "healthy",
        0,
        "Score 100.00 of 100: healthy",
    ),
    Situation(
        "a waiver of a rule that is CRITICAL",
        then(of(MOON), waiver("match_on_the_moon")),
        "healthy",
        0,
        "Score 100.00 of 100 (gross 40.00): healthy",
    ),
    Situation(
        "an expired waiver on a healthy rule",
        then(waiver("match_on_the_moon"), days(1)),
        "healthy",
        0,
        "Score 100.00 of 100: healthy",
    ),
    Situation(
        "an expired waiver on a rule at WARN",
        then(of(LOW_WARN), waiver("points_below_zero"), days(1)),
        "critical",
        1,
        "Score 98.10 of 100: critical, because the waiver of points_below_zero is over",
    ),
    Situation(
        "--fail-on warn with a warning",
        of(LOW_WARN),
        "healthy",
        1,
        "Score 98.10 of 100: healthy",
        options=("--fail-on", "warn"),
    ),
    Situation(
        "--fail-on new with old trouble",
        then(of(MOON), checks(1)),
        "critical",
        0,
        "Score 40.00 of 100: critical",
        "Rally CRITICAL, score 40: match_on_the_moon 40 of 40 (100 %)",
        options=("--fail-on", "new"),
    ),
    Situation(
        "--fail-on never with trouble",
        of(MOON),
        "critical",
        0,
        "Score 40.00 of 100: critical",
        "Rally CRITICAL, score 40: match_on_the_moon 40 of 40 (100 %)",
        options=("--fail-on", "never"),
    ),
    Situation(
        "--fail-on never with what was not measured",
        of(LOW_ERROR),
        "unknown",
        5,
        "Score 90.00 of 100: unknown, because points_that_divide could not be measured",
        "Rally ERROR, score 90 (unknown): points_that_divide not measured",
        options=("--fail-on", "never"),
    ),
    Situation(
        "a floor that is not reached",
        then(fresh, of(NO_STANDINGS), setting("RALLY_COVERAGE_FLOOR", "90")),
        "unknown",
        5,
        "Score unknown: only 89 % of what counts was measured, at least 90 % is needed",
    ),
    Situation(
        "what has no history yet lowers no coverage",
        then(fresh, setting("RALLY_COVERAGE_FLOOR", "100")),
        "healthy",
        0,
        "Score 100.00 of 100: healthy",
    ),
    Situation(
        "no floor",
        then(empty, of("insert into match_scores (winner) values ('home')"), setting("RALLY_COVERAGE_FLOOR", "0")),
        "healthy",
        0,
        "Score 100.00 of 100: healthy",
    ),
)

QUICK = {"all well", "empty", "emptied one table", "a loss", "only LOW CRITICAL"}
"""What is tried at every change; the rest takes minutes."""
LONG = {"a lasting loss over 30 days"}
"""Another thirty nights are in `make slow`."""


def marks(name: str) -> list[pytest.MarkDecorator]:
    """When a situation is tried."""
    slow = [] if name in QUICK else [pytest.mark.slow]
    return [*slow, pytest.mark.long] if name in LONG else slow


@pytest.fixture(scope="module")
def twilio() -> Iterator[Twilio]:
    with twilio_server() as server:
        yield server


def stage_on(engine: Engine, folder: Path, patch: pytest.MonkeyPatch, twilio: Twilio, rules: Path) -> Stage:
    """The command line on a database, in a folder, in this process."""
    patch.setenv("DATABASE_URL", engine.url.render_as_string(hide_password=False))
    patch.setenv("RALLY_REPORTS", str(folder / "logs"))
    patch.chdir(folder)
    # what is new since yesterday has tests of its own, and would take the room in which an SMS tells its incidents
    patch.setattr("checks.health.keep_news", lambda connection, report: None)

    made = Stage(engine, run_here, folder, twilio, patch.setenv)
    made.know(rules)
    return made


Seasoned = tuple[str, Path]
"""The name of a database to copy from, and the folder of rules that all situations share."""


@pytest.fixture(scope="module")
def seasoned(
    server: str, template: str, tmp_path_factory: pytest.TempPathFactory, twilio: Twilio
) -> Iterator[Seasoned]:
    """With the season and five nights of checks."""
    rules = write_rules(tmp_path_factory.mktemp("season") / "rules")
    for engine in copy_of(server, template):
        with pytest.MonkeyPatch.context() as patch:
            stage = stage_on(engine, tmp_path_factory.mktemp("seasoned"), patch, twilio, rules)
            stage.sql(*filter(str.strip, SEASON.split(";")))
            stage.nights(5)
            stage.chosen = ("--name", "teams_as_usual")
            stage.nights(5)
        engine.dispose()
        yield str(make_url(str(engine.url)).database), rules


@pytest.fixture
def stage(
    seasoned: Seasoned, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, twilio: Twilio
) -> Iterator[Stage]:
    twilio.messages.clear()
    name, rules = seasoned
    for engine in copy_of(server, name):
        yield stage_on(engine, tmp_path, monkeypatch, twilio, rules)


@pytest.mark.parametrize("case", [pytest.param(one, id=one.name, marks=marks(one.name)) for one in SITUATIONS])
def test_a_check_says_what_the_situation_is(case: Situation, stage: Stage) -> None:
    case.given(stage)

    found = stage.last(*case.options, alert=case.alert)

    assert (found.document["band"], found.document["state"]) == (case.band, case.band.capitalize())
    assert (found.code, found.first_line, found.sms) == (case.code, case.first, case.sms)
