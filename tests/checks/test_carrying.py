"""`check --since last`: what has changed is measured, the rest is carried over and says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import yaml
from sqlalchemy import ColumnElement, Connection, Engine, func, insert, select, text, update

from checks import (
    Bad,
    Row,
    Severity,
    Status,
    above,
    carrying,
    check,
    drop,
    metric_check,
    percent,
    row_check,
    rows,
    waivers,
)
from checks.carrying import bases, kept_to_league, tables_of
from checks.engine.collecting.collect import collect
from checks.engine.collecting.rules import Rules
from checks.engine.collecting.wiring import values
from checks.engine.judging.findings import key_text_of
from checks.engine.judging.judge import Id, Waiver
from checks.engine.measuring.compile_queries import Query, compile_queries
from checks.engine.measuring.reflect import NamedTables
from checks.engine.measuring.scope import Parameter, Parameters, Scope
from checks.engine.measuring.snapshot import OpenSession, Rows
from checks.engine.reporting.literal import readable_sql
from checks.engine.reporting.report import Report
from checks.engine.run import Options, Request
from checks.health import examine
from checks.render.terminal import remarks
from checks.scopes import SOURCES, league
from checks.stored import stored_results
from etl.tables import clubs, leagues, metadata, schedule, series, teams

NOW = datetime(2025, 6, 30, 12, tzinfo=UTC)
FEW = above(warn=percent(10), critical=percent(90))


@row_check(schedule, severity=Severity.HIGH, threshold=FEW)
def nowhere(row: Row) -> ColumnElement[bool]:
    """A match without a place."""
    return row.location.is_(None)


@check(severity=Severity.HIGH, threshold=above(critical=rows(0)), table=clubs)
def nameless() -> Bad:
    """A club without a name."""
    return Bad(select(clubs.c.id).where(clubs.c.name == ""), among=select(clubs.c.id))


@check(severity=Severity.LOW, threshold=above(warn=percent(50)), table=schedule, each="league")
def idle(league: int) -> Bad:
    """A match of a league without a time."""
    own = select(schedule.c.id, schedule.c.league_id).where(schedule.c.league_id == league)
    return Bad(own.where(schedule.c.match_time.is_(None)), among=own)


@row_check(schedule, severity=Severity.LOW, threshold=FEW)
def overdue(row: Row, today: date) -> ColumnElement[bool]:
    """A match is over."""
    return row.match_date < today


@row_check(schedule, severity=Severity.LOW, threshold=FEW)
def recent(row: Row) -> ColumnElement[bool]:
    """A match is of today, by the database's clock."""
    return row.match_date == func.current_date()


@metric_check(schedule, severity=Severity.LOW, threshold=drop(warn=percent(20), critical=percent(50)))
def volume(row: Row) -> ColumnElement[Any]:
    """Matches that are scheduled."""
    return func.count()


@check(severity=Severity.LOW, threshold=above(warn=rows(99)), table=schedule)
def told_as_text() -> Bad:
    """A match, told as text: nobody knows which tables it reads."""
    return Bad(text("select id from schedule where location is null").columns(schedule.c.id))


RULES = Rules.of(nowhere, nameless, idle, overdue, recent, volume, told_as_text, league)

Check = Callable[..., Report]


@pytest.fixture
def season(database: Engine) -> Engine:
    """Two leagues with matches, a third of them without a place; a club."""
    with database.begin() as connection:
        connection.execute(insert(leagues), [{"id": n, "league_id": f"L{n}", "league_name": "x"} for n in (1, 2)])
        connection.execute(insert(clubs), {"id": 1, "name": "Birchwood"})
        connection.execute(insert(schedule), [
            {"match_date": NOW.date(), "home_team": f"T{n}", "away_team": "BYE", "league_id": 1 + n % 2,
             "location": "Court 1" if n % 3 else None}
            for n in range(31)
        ])  # fmt: skip
    return database


@pytest.fixture
def run(season: Engine) -> Check:
    """One more check of what has changed."""

    def check_again(rules: Rules = RULES, *, since_last: bool = True, now: datetime = NOW) -> Report:

        return examine(season, rules, Request(now=now, options=Options(pause=0.0)), since_last=since_last)

    return check_again


def carried(report: Report) -> set[str]:
    return {result.title for result in report.results if result.carried is not None}


ALL = {"nowhere", "nameless", "idle[L1]", "idle[L2]", "overdue", "volume"}


def write(engine: Engine, statement: Any) -> None:
    with engine.begin() as connection:
        connection.execute(statement)


def test_the_first_run_measures_everything(run: Check) -> None:
    assert carried(run()) == set()


def test_what_nobody_has_touched_is_carried_over_and_says_when_it_was_measured(run: Check) -> None:
    first = run()

    second = run()

    assert carried(second) == ALL
    assert second.of("nowhere").carried == first.started
    assert second.of("nowhere").note.startswith("carried over from ")
    assert second.to_json()["carried"] == len(ALL)


def test_a_reader_is_told_how_many_were_measured_and_what_could_not_be_is_none_of_them(run: Check) -> None:
    @row_check(schedule, severity=Severity.LOW, threshold=FEW)
    def broken(row: Row) -> ColumnElement[bool]:
        """A rule that cannot be asked."""
        raise ValueError

    rules = Rules.of(nowhere, nameless, idle, overdue, recent, volume, told_as_text, broken, league)
    run(rules)

    (told,) = (line for line in remarks(run(rules)) if "carried over" in line)

    assert told.startswith(f"{len(ALL)} results carried over")
    assert told.endswith("; 2 results measured by this run")


def test_what_is_asked_of_all_leagues_at_once_is_carried_over_until_a_row_of_any_league_is_written(
    run: Check, season: Engine
) -> None:
    @check(severity=Severity.LOW, threshold=above(warn=percent(50)), table=schedule, each="league")
    def idle() -> Bad:
        every = select(schedule.c.id, schedule.c.league_id)
        return Bad(every.where(schedule.c.match_time.is_(None)), among=every)

    rules = Rules.of(idle, league)
    first, second = run(rules), run(rules)

    assert (carried(first), carried(second)) == (set(), {"idle[L1]", "idle[L2]"})
    assert [second.of("idle", name).count for name in ("L1", "L2")] == [16, 15]

    write(season, update(schedule).where(schedule.c.league_id == 1).values(match_time=time(18, 30)))
    third = run(rules)

    assert carried(third) == set()
    assert [third.of("idle", name).count for name in ("L1", "L2")] == [0, 15]


def test_without_since_everything_is_measured(run: Check) -> None:
    run()

    assert carried(run(since_last=False)) == set()


def test_a_result_that_is_carried_over_equals_the_one_that_would_be_measured(run: Check) -> None:
    """Score, scores of leagues, figures, clusters and examples; its bad rows are all known."""
    run()

    again, measured = run(), run(since_last=False)

    assert (again.score, again.parts) == (measured.score, measured.parts)
    for title in ("nowhere", "nameless"):
        one, other = again.of(title), measured.of(title)
        assert (one.status, one.count, one.total, one.points) == (other.status, other.count, other.total, other.points)
        assert (one.new, one.known, one.fixed) == (other.new, other.known, other.fixed)
        assert (one.clusters, one.examples, one.sql) == (other.clusters, other.examples, other.sql)


CHANGES = [
    insert(schedule).values(match_date=NOW.date(), home_team="new", away_team="BYE", league_id=1),
    update(schedule).where(schedule.c.home_team == "T1").values(location=None),
    schedule.delete().where(schedule.c.home_team == "T3"),
]


@pytest.mark.parametrize("change", CHANGES, ids=["insert", "update", "delete"])
def test_any_change_of_a_table_is_seen_whoever_made_it(run: Check, season: Engine, change: Any) -> None:
    run()
    write(season, change)

    again = run()

    # all three touch league 1 or 2 alone
    assert carried(again) & {"nowhere", "nameless"} == {"nameless"}
    assert again.of("nowhere").count == run(since_last=False).of("nowhere").count


def test_only_the_league_that_changed_is_measured(run: Check, season: Engine) -> None:
    run()
    write(season, update(schedule).where(schedule.c.league_id == 2).values(match_time=None))

    assert carried(run()) == {"nameless", "idle[L1]"}


def test_a_run_between_two_others_does_not_hide_a_change(run: Check, season: Engine) -> None:
    """What a run carried over still rests on what was measured, not on what that run saw."""
    run()
    write(season, CHANGES[1])
    run()
    write(season, CHANGES[2])

    assert carried(run()) & {"nowhere"} == set()


def test_what_asks_the_database_for_the_time_or_is_told_as_text_is_never_carried_over(run: Check) -> None:
    run()
    run()

    assert carried(run()) & {"recent", "told_as_text"} == set()


def test_what_knows_the_day_is_measured_anew_on_another(run: Check) -> None:
    run()

    assert carried(run(now=NOW + timedelta(days=1))) == ALL - {"overdue"}


def test_a_figure_that_is_carried_over_is_judged_by_the_history_of_today(run: Check, season: Engine) -> None:
    """Readings before it are too few at first; then it is one of them itself, and what fell stays fallen."""
    figures = [run().of("volume") for _ in range(4)]
    write(season, schedule.delete().where(schedule.c.home_team >= "T2"))
    fallen, still = run().of("volume"), run().of("volume")

    assert [figure.carried is not None for figure in (*figures, fallen, still)] == [
        False,
        True,
        True,
        True,
        False,
        True,
    ]
    assert [figure.value for figure in (*figures, fallen, still)] == [*[31] * 4, 12, 12]
    assert figures[1].note.endswith("cannot compare yet: 1 earlier reading in order, 3 are needed")
    assert [figure.status for figure in figures] == [*[Status.SKIPPED] * 3, Status.OK]
    assert (fallen.status, still.status) == (Status.CRITICAL, Status.CRITICAL)


def test_of_a_figure_for_each_league_only_that_of_a_league_that_changed_is_measured(run: Check, season: Engine) -> None:
    @metric_check(
        schedule, severity=Severity.LOW, threshold=drop(warn=percent(20), critical=percent(50)), each="league"
    )
    def volume(row: Row) -> ColumnElement[Any]:
        return func.count()

    rules = Rules.of(volume, league)
    run(rules)
    write(season, schedule.delete().where(schedule.c.home_team == "T3"))

    again = run(rules)

    assert carried(again) == {"volume[L1]"}
    assert [again.of("volume", name).value for name in ("L1", "L2")] == [16, 14]
    assert [run(rules, since_last=False).of("volume", name).value for name in ("L1", "L2")] == [16, 14]


def test_a_rule_that_asks_for_something_else_is_measured(run: Check) -> None:
    @row_check(schedule, severity=Severity.HIGH, threshold=FEW)
    def nowhere(row: Row) -> ColumnElement[bool]:
        """A match without a place, or on an unknown court."""
        return row.location.is_(None) | (row.location == "")

    run()

    assert carried(run(Rules.of(nowhere, nameless))) == {"nameless"}


def test_another_threshold_judges_the_carried_reading_anew(run: Check) -> None:
    @row_check(schedule, severity=Severity.HIGH, threshold=above(critical=percent(1)))
    def nowhere(row: Row) -> ColumnElement[bool]:
        """A match without a place."""
        return row.location.is_(None)

    first = run().of("nowhere")

    again = run(Rules.of(nowhere)).of("nowhere")

    assert (first.status, again.status) == (Status.WARN, Status.CRITICAL)
    assert again.carried is not None


def test_a_rule_with_an_accepted_row_is_measured(run: Check, season: Engine) -> None:
    findings = run().of("nowhere").findings
    assert findings is not None
    accepted = Waiver(rule="nowhere", owner="kim", reason="known", until=date(2099, 1, 1))
    with season.begin() as connection:
        waivers.waive(connection, accepted, key_text_of(findings.listed[0].fingerprint), today=NOW.date())

    again = run()

    assert carried(again) == ALL - {"nowhere"}
    assert again.of("nowhere").waived == 1


def test_a_result_is_measured_anew_after_a_week(run: Check) -> None:
    first = run()

    assert carried(run()) == ALL
    assert carried(run(now=first.started + timedelta(days=7, minutes=1))) == set()


def test_the_history_keeps_when_a_result_was_measured(run: Check, season: Engine) -> None:
    first = run()
    second = run()

    with season.connect() as connection:
        newest, oldest = stored_results(connection, "nowhere")

    assert (newest.run, newest.carried, oldest.carried) == (second.run, first.started, None)


def test_a_carried_result_stays_comparable_when_it_changes_again(run: Check, season: Engine) -> None:
    run()
    run()
    write(season, CHANGES[1])

    result = run().of("nowhere")

    assert (result.new, result.known, result.fixed) == (1, 11, 0)


def test_the_tables_of_a_question_are_those_that_it_reads_and_that_say_where_its_rows_are_and_what_that_is_called() -> (
    None
):
    query = Query(RULES["nowhere"], Parameter(), schedule.c.location.is_(None))

    assert tables_of(query) == frozenset({schedule, teams, leagues, series, clubs})


def other_league(league: int) -> Any:
    return select(schedule.c.id).where(schedule.c.league_id == league)


@pytest.mark.parametrize(
    ("statement", "kept"),
    [
        (other_league(1), {schedule}),
        (other_league(2), set()),
        (select(schedule.c.id), set()),
        (select(schedule.c.id).where((schedule.c.league_id == 1) | schedule.c.location.is_(None)), set()),
        (other_league(1).where(schedule.c.home_team_id.in_(select(teams.c.id))), {schedule}),
        (other_league(1).where(schedule.c.id.not_in(select(schedule.alias().c.id))), set()),
        (select(series.c.id).join(teams, teams.c.series_id == series.c.id).where(teams.c.league_id == 1), {teams}),
    ],
)
def test_a_table_is_kept_to_a_league_only_where_every_select_keeps_it(statement: Any, kept: set[Any]) -> None:
    """A rule that compares a league with all others rests on all of them."""
    query = Query(RULES["idle"], Parameter("L1", 1), statement)

    assert kept_to_league(query) - {leagues} == kept


def test_no_rule_of_the_catalogue_that_knows_the_day_is_carried_over_to_the_next(database: Engine) -> None:
    """Also one that asks for the day through a fixture, such as the season's beginning."""
    catalogue = collect(SOURCES)
    knowing = {name for name, rule in catalogue.items() if {"today", "now"} & set(rule.wanted)}
    rules = catalogue.only(catalogue[name] for name in sorted({*knowing, "practices_in_schedule"}))
    request = Request(now=NOW, options=Options(pause=0.0))
    examine(database, rules, request)

    report = examine(database, rules, replace(request, now=NOW + timedelta(days=1)), since_last=True)

    assert len(knowing) > 5
    assert {result.rule for result in report.results if result.carried} == {"practices_in_schedule"}


def test_no_check_that_is_scheduled_by_itself_carries_anything_over() -> None:
    """The weekly check and the audit measure everything; only the night after an import does not."""
    declared = yaml.load((Path(__file__).parents[2] / "prefect.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)

    requests = {one["name"]: (one.get("parameters") or {}).get("request", {}) for one in declared["deployments"]}

    assert "weekly-health-check" in requests
    assert [name for name, request in requests.items() if "since" in request] == []


class Waiting(OpenSession):
    """A session that answers once the next query was asked for."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.next_one, self.was_asked = Event(), False

    def all(self, *asked: Any) -> Rows:
        self.was_asked = self.next_one.wait(timeout=30)
        return super().all(*asked)


def two_queries() -> list[Query]:
    known = Rules.of(nowhere, volume, domain="schedule")
    return [
        Query(known["nowhere"], Parameter(), nowhere(Row(schedule))),
        Query(known["volume"], Parameter(), metric=func.count()),
    ]


def test_the_state_of_a_table_is_read_while_the_next_statement_is_written(
    database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def written(query: Query, scope: Scope) -> str:
        if query.check.name == "volume":
            session.next_one.set()
        return readable_sql(query, scope)

    monkeypatch.setattr(carrying, "readable_sql", written)
    with database.connect() as connection:
        session = Waiting(connection)
        found = bases(session, two_queries())

    assert session.was_asked
    assert found.keys() == {("nowhere", ""), ("volume", "")}
    assert len(set(found.values())) == 2


def of_the_catalogue(engine: Engine) -> list[Query]:
    """The queries of all rules, as they are before anything was written of them."""
    catalogue = collect(SOURCES)
    with engine.connect() as connection, values(catalogue.fixtures, {"today": NOW.date(), "now": NOW}) as given:
        parameters = Parameters(OpenSession(connection), given, {}, {})
        tables = NamedTables(engine.connect, metadata.tables)
        asked = compile_queries(catalogue.values(), parameters, given, Scope(), tables=tables)
    return [query for query in asked if isinstance(query, Query)]


def digests(engine: Engine, queries: list[Query]) -> dict[Id, str]:
    with engine.connect() as connection:
        return bases(OpenSession(connection), queries)


def test_many_statements_are_written_by_another_process_and_are_the_same(
    season: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    aside, here, written = of_the_catalogue(season), of_the_catalogue(season), list[Query]()

    def noted(query: Query, scope: Scope) -> str:
        written.append(query)
        return readable_sql(query, scope)

    monkeypatch.setattr(carrying, "readable_sql", noted)
    told = digests(season, aside)
    assert all(query.check.all_at_once for query in written)
    monkeypatch.setattr(carrying, "MANY", 10_000)
    found = digests(season, here)

    assert len([query for query in written if not query.check.all_at_once]) > 50
    assert len(found) > 50
    assert told == found
    texts = [[query.statements.get(("text", Scope().of(narrowed=query.narrowed).shape)) for query in own]
             for own in (aside, here)]  # fmt: skip
    assert texts[0] == texts[1]


def test_where_no_other_process_can_write_them_it_is_done_here(season: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_: object) -> bytes:
        raise OSError("Resource temporarily unavailable")

    expected = digests(season, two_queries())
    monkeypatch.setattr(carrying, "MANY", 1)
    monkeypatch.setattr(carrying, "in_child", none_left)

    assert digests(season, two_queries()) == expected
