"""Runs are kept, compared with and asked about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import ColumnElement, Engine, delete, func, select, text, update

from checks import Row, Severity, Status, WaiverError, above, drop, history, metric_check, percent, row_check, waivers
from checks.engine.collecting.rules import Rules, Selection
from checks.engine.judging.findings import fingerprint, key_text_of
from checks.engine.judging.judge import Waiver
from checks.engine.measuring.measure import Measurement
from checks.engine.reporting.report import Report, Result
from checks.engine.run import Options, Request
from checks.health import examine
from checks.stored import stored_results, stored_runs
from etl import tables
from etl.tables import check_findings, check_results, check_states, leagues, schedule
from tests.checks.engine.conftest import counted

NOW = datetime(2025, 6, 30, 12, tzinfo=UTC)
LATER = date(2099, 1, 1)


@row_check(schedule, severity=Severity.HIGH, threshold=above(warn=percent(10), critical=percent(90)))
def nowhere(row: Row) -> ColumnElement[bool]:
    """A match without a place."""
    return row.location.is_(None)


@metric_check(schedule, severity=Severity.LOW, threshold=drop(warn=percent(20), critical=percent(50)))
def volume(row: Row) -> ColumnElement[Any]:
    """Matches that are scheduled."""
    return func.count()


RULES = Rules.of(nowhere, volume, domain="schedule")


class Season:
    """A database with matches, and runs on it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.number = 0
        with engine.begin() as connection:
            connection.execute(leagues.insert(), [{"id": n, "league_id": f"L{n}", "league_name": "x"} for n in (1, 2)])

    def add(self, *names: str, location: str | None = None, league: int = 1) -> None:
        """Add a match for each home team."""
        rows = [
            {
                "match_date": NOW.date(),
                "home_team": name,
                "away_team": "BYE",
                "location": location,
                "league_id": league,
            }
            for name in names
        ]
        with self.engine.begin() as connection:
            connection.execute(schedule.insert(), rows)

    def place(self, name: str) -> None:
        """Give a match its place."""
        with self.engine.begin() as connection:
            connection.execute(update(schedule).where(schedule.c.home_team == name).values(location="Court 1"))

    def run(self, rules: Rules = RULES, **options: Any) -> Report:
        """One more run, kept."""
        self.number += 1
        number = UUID(int=self.number)
        options.setdefault("options", Options(pause=0.0, statements=False))
        return examine(self.engine, rules, Request(now=NOW, run=str(number), **options))

    def rows(self, statement: Any) -> list[Any]:
        """What a statement gives."""
        with self.engine.connect() as connection:
            return list(connection.execute(statement))


@pytest.fixture
def season(database: Engine) -> Season:
    """An empty season."""
    return Season(database)


def test_a_later_run_is_compared_with_the_one_before(season: Season) -> None:
    season.add("a", "b")
    first = season.run().of("nowhere")
    season.place("a")
    season.add("c")

    second = season.run().of("nowhere")

    assert (first.new, first.known, first.fixed) == (2, 0, 0)
    assert (second.new, second.known, second.fixed) == (1, 1, 1)


@pytest.mark.parametrize("listed", [5, 1_000])
def test_a_finding_keeps_the_day_when_it_was_first_seen(season: Season, listed: int) -> None:
    season.add("a")
    first = season.run(options=Options(listed=listed))
    season.run(options=Options(listed=listed))

    found = season.rows(select(check_findings))

    assert [(row.first_run, row.first_seen) for row in found] == [(first.run, first.started)]
    assert found[0].fixed_at is None


def test_a_finding_that_is_back_is_new_again(season: Season) -> None:
    season.add("a", "b")
    season.run()
    season.place("a")
    season.run()
    with season.engine.begin() as connection:
        connection.execute(update(schedule).values(location=None))

    third = season.run()

    assert (third.of("nowhere").new, third.of("nowhere").known) == (1, 1)
    own = select(check_findings.c.first_run, check_findings.c.fixed_at).order_by(check_findings.c.first_run)
    assert season.rows(own) == [(str(UUID(int=1)), None), (third.run, None)]


def test_very_many_bad_rows_do_not_store_as_many_rows(season: Season) -> None:
    season.add(*(f"team {number}" for number in range(2_000)))
    season.run(options=Options(listed=50))
    season.add("one more")

    result = season.run(options=Options(listed=50)).of("nowhere")

    assert (result.new, result.known, result.exact) == (1, 2_000, True)
    assert len(season.rows(select(check_findings).where(check_findings.c.fixed_at.is_(None)))) == 100
    assert season.rows(select(func.length(check_states.c.sketch)).where(check_states.c.rule == "nowhere")) == [
        (49_152,)
    ]


def written_findings(season: Season, rules: Rules) -> list[str]:
    """What one more run does to the table of findings."""
    with counted(season.engine) as statements:
        season.run(rules)
    return [line.split()[0] for line in statements if line.split()[0] != "SELECT" and "check_findings" in line]


def test_the_findings_of_all_rules_are_written_by_two_statements(season: Season) -> None:
    @row_check(schedule, severity=Severity.LOW, threshold=above(warn=percent(10), critical=percent(90)))
    def alone(row: Row) -> ColumnElement[bool]:
        """A match against nobody."""
        return row.away_team == "BYE"

    rules = Rules.of(nowhere, alone, volume, domain="schedule")
    season.add("a", "b'\"\\☃")
    season.run(rules)
    season.place("a")
    season.add("c")

    assert written_findings(season, rules) == ["UPDATE", "INSERT"]
    finding = check_findings.c
    open_now = select(finding.rule, finding.key["home_team"].astext).where(finding.fixed_at.is_(None))
    assert sorted(map(tuple, season.rows(open_now))) == [
        ("alone", "a"), ("alone", "b'\"\\☃"), ("alone", "c"), ("nowhere", "b'\"\\☃"), ("nowhere", "c")
    ]  # fmt: skip


def test_bad_rows_of_the_run_before_are_not_written_again(season: Season) -> None:
    """Their keys were sent twice, and compared with what was there: of thousands that took longer than all else."""
    season.add("a", "b")
    season.run()

    assert written_findings(season, RULES) == []

    season.place("a")

    assert written_findings(season, RULES) == ["UPDATE"]
    finding = check_findings.c
    fixed = select(finding.key["home_team"].astext).where(finding.fixed_at.is_not(None))
    assert season.rows(fixed) == [("a",)]


def rows_of(result: Result) -> tuple[object, object]:
    """The bad rows that are listed, and the sketch of all."""
    assert result.findings is not None
    return result.findings.listed, result.findings.sketched()


def test_very_many_bad_rows_are_summed_up_anew_only_where_a_row_was_written(season: Season) -> None:
    few = Options(pause=0.0, listed=3)
    season.add(*"abcdefgh")
    first = season.run(options=few).of("nowhere")

    with counted(season.engine) as statements:
        same = season.run(options=few).of("nowhere")
    season.place("a")
    season.add("z")
    changed = season.run(options=few).of("nowhere")

    assert not [line for line in statements if "GROUPING SETS" in line]
    assert rows_of(same) == rows_of(first)
    assert [list(example.items()) for example in same.examples] == [list(key.items()) for key in first.examples]
    assert (same.count, same.new, same.known, same.fixed, same.exact) == (8, 0, 8, 0, True)
    assert (changed.count, changed.new, changed.known, changed.fixed, changed.exact) == (8, 1, 7, 1, True)


@pytest.mark.parametrize("still", [0, 1])
def test_very_many_bad_rows_that_are_the_same_are_not_summed_up_again(season: Season, still: int) -> None:
    """Rows that are well were added, a bad one rewritten: which rows are bad is what it was."""
    few = Options(pause=0.0, listed=3)
    season.add(*"abcdefgh")
    first = season.run(options=few).of("nowhere")
    season.add("y", location="Court 1", league=2)
    for _ in range(1 + still):
        season.run(options=few)
    season.add("z", location="Court 1", league=2)
    with season.engine.begin() as connection:
        connection.execute(update(schedule).where(schedule.c.home_team == "a").values(match_time=time(18)))

    with counted(season.engine) as statements:
        same = season.run(options=few).of("nowhere")

    assert not [line for line in statements if "GROUPING SETS" in line]
    assert rows_of(same) == rows_of(first)
    assert (same.count, same.total, same.new, same.known, same.fixed, same.exact) == (8, 10, 0, 8, 0, True)
    assert same.segments["league"] == {1: Measurement(8, 8), 2: Measurement(0, 2)}
    assert list(map(str, same.clusters)) == ["8 of 8 in L1"]


def test_the_sketch_of_bad_rows_that_are_the_same_is_not_written_again(season: Season) -> None:
    few = Options(pause=0.0, listed=3)
    season.add(*(f"team {number}" for number in range(1_000)))
    where = select(func.pg_column_toast_chunk_id(check_states.c.sketch)).where(check_states.c.rule == "nowhere")
    season.run(options=few)

    first = season.rows(where)
    season.run(options=few)
    same = season.rows(where)
    season.add("one more")
    season.run(options=few)

    assert first == same != season.rows(where)
    assert first != [(None,)]


def test_the_condition_of_very_many_bad_rows_is_asked_of_all_rows_once(season: Season) -> None:
    few = Options(pause=0.0, listed=3)
    season.add(*"abcdefgh")
    season.run(options=few)
    season.add("y", league=2)
    season.add("z", location="Court 1")

    with counted(season.engine) as statements:
        result = season.run(Rules.of(nowhere, domain="schedule"), options=few).of("nowhere")

    whole = [
        line for line in statements if "location IS NULL" in line and "WHERE schedule.location IS NULL" not in line
    ]
    assert len([line for line in whole if "random()" not in line]) == 1
    assert (result.count, result.total, result.new) == (9, 10, 1)
    assert result.segments["league"] == {1: Measurement(8, 9), 2: Measurement(1, 1)}


def test_many_more_bad_rows_than_before_are_looked_for_as_if_there_were_none_before(season: Season) -> None:
    few = Options(pause=0.0, listed=3)
    season.add(*"abcd")
    season.run(options=few)
    season.add(*(f"{number}" for number in range(60)), league=2)

    result = season.run(options=few).of("nowhere")

    assert (result.count, result.new, result.known, result.note) == (64, 60, 4, "")
    assert list(map(str, result.clusters)) == []
    assert result.segments["league"] == {1: Measurement(4, 4), 2: Measurement(60, 60)}


def test_few_bad_rows_of_very_many_are_all_listed(season: Season) -> None:
    few = Options(pause=0.0, listed=3)
    season.add(*"abcd")
    season.add(*"xyz", league=2, location="Court 1")
    season.run(options=few)
    season.place("a")
    season.place("b")

    result = season.run(options=few).of("nowhere")

    assert result.findings is not None
    assert result.findings.complete
    assert (result.count, result.new, result.known, result.fixed) == (2, 0, 2, 2)
    assert list(map(str, result.clusters)) == ["2 of 2 in L1"]
    assert result.segments["league"] == {1: Measurement(2, 4), 2: Measurement(0, 3)}


@pytest.mark.parametrize("added", ["z", "b"])
def test_as_many_bad_rows_are_not_taken_for_the_same(season: Season, added: str) -> None:
    """Another one, or one of them a second time, in place of one that is gone."""
    few = Options(pause=0.0, listed=3)
    with season.engine.begin() as connection:
        connection.execute(text("alter table schedule drop constraint unique_schedule_match"))
    season.add(*"abcdefgh")
    season.run(options=few)
    season.add("y", location="Court 1")
    season.run(options=few)
    season.place("a")
    season.add(added)

    result, same = season.run(options=few).of("nowhere"), season.run(options=few).of("nowhere")

    assert (result.count, result.new, result.known, result.fixed, result.exact) == (8, 1, 7, 1, True)
    assert (same.count, same.new, same.known, same.fixed, same.exact) == (8, 0, 8, 0, True)


@pytest.mark.parametrize("listed", [3, 1_000])
def test_where_bad_rows_stand_is_looked_up_anew_only_where_a_row_was_written(season: Season, listed: int) -> None:
    options = Options(pause=0.0, listed=listed)
    season.add(*"abcdefgh")
    season.add("i", league=2)
    season.add(*"jklmnopq", league=2, location="Court 1")
    first = season.run(options=options)

    with counted(season.engine) as statements:
        same = season.run(options=options)
    season.add(*"rstuvwxyz", league=2)
    changed = season.run(options=options)

    assert not [line for line in statements if "random()" in line or ("AS d0" in line and "GROUP BY" in line)]
    assert list(map(str, first.of("nowhere").clusters)) == ["8 of 9 in L1"]
    assert same.of("nowhere").clusters == first.of("nowhere").clusters
    assert same.of("nowhere").segments == first.of("nowhere").segments
    assert (same.parts, same.score) == (first.parts, first.score)
    assert changed.of("nowhere").segments["league"][2] == Measurement(10, 18)


def test_places_of_before_are_called_as_they_are_today(season: Season) -> None:
    season.add(*"abcdefgh")
    season.add(*"ijklmnop", league=2, location="Court 1")
    season.run()
    with season.engine.begin() as connection:
        connection.execute(update(leagues).where(leagues.c.id == 1).values(league_id="NORTH"))

    assert list(map(str, season.run().of("nowhere").clusters)) == ["8 of 8 in NORTH"]


def nowhere_above(share: float) -> Rules:
    """The rule, judged by another limit."""

    @row_check(schedule, severity=Severity.HIGH, threshold=above(warn=percent(share)))
    def nowhere(row: Row) -> ColumnElement[bool]:
        """A match without a place."""
        return row.location.is_(None)

    return Rules.of(nowhere, domain="schedule")


def test_places_of_before_are_not_those_of_a_rule_that_fails_since_its_limit_is_another(season: Season) -> None:
    season.add(*"abcdefgh")
    season.add(*"ijklmnop", league=2, location="Court 1")

    well, failing, well_again = (season.run(nowhere_above(share)).of("nowhere") for share in (99, 10, 99))

    assert (well.clusters, well_again.clusters) == ((), ())
    assert list(map(str, failing.clusters)) == ["8 of 8 in L1"]


@pytest.mark.parametrize("kept", [True, False])
def test_very_many_bad_rows_that_another_run_changed_are_not_those_of_before(season: Season, kept: bool) -> None:
    """A table written between two runs has another basis, however many rows are bad in the end."""
    few = Options(pause=0.0, listed=3)
    season.add(*"abcdefgh")
    season.run(options=few)
    season.place("a")
    if kept:
        season.run(options=few)
    season.add("y")

    result = season.run(options=few).of("nowhere")

    assert (result.count, result.new, result.fixed) == ((8, 1, 0) if kept else (8, 1, 1))
    assert result.findings is not None
    assert "y" in {finding.key["home_team"] for finding in result.findings.listed}


def test_results_are_unique_for_run_rule_and_parameter(season: Season) -> None:
    season.add("a")
    report = season.run()
    with season.engine.begin() as connection:
        history.save(connection, report)

    assert season.rows(select(func.count()).select_from(check_results)) == [(2,)]


def test_results_are_written_as_they_are(season: Season) -> None:
    season.add("a", "b", "c")
    report = season.run(options=Options(pause=0.0, details=False))
    rate, note = 1 / 3 + 1e-16, 'says "no\\" \n\tné\u2028 {} \U0001f3be'
    odd = [replace(result, rate=rate, note=note, points=Decimal("12.30")) for result in report.results]
    with season.engine.begin() as connection:
        history.save(connection, replace(report, run=str(UUID(int=9)), results=tuple(odd)))

    own = check_results.c
    kept = season.rows(select(own.rate, own.note, own.points, own.at).where(own.run_id == str(UUID(int=9))))
    assert kept == [(rate, note, Decimal("12.30"), report.started)] * 2


def test_a_metric_is_compared_with_its_own_readings(season: Season) -> None:
    season.add(*"abcdefgh")
    statuses = [season.run().of("volume").status for _ in range(3)]
    with season.engine.begin() as connection:
        connection.execute(delete(schedule).where(schedule.c.home_team != "a"))

    assert statuses == [Status.SKIPPED] * 3
    assert season.run().of("volume").status is Status.CRITICAL


def test_accepted_readings_are_not_what_is_usual(season: Season) -> None:
    season.add(*"abcdefgh")
    season.run()
    with season.engine.begin() as connection:
        connection.execute(text("set local session_replication_role = replica"))  # a trigger refuses it
        connection.execute(update(check_results).values(accepted=True))
        past = history.load_history(connection, ["volume"])

    assert past.readings == {}


def test_a_run_about_one_league_says_nothing_about_the_others(season: Season) -> None:
    season.add("a", league=1)
    season.add("b", league=2)
    season.run()
    season.add("c", "d", league=1)

    part = season.run(selection=Selection(scope={"league": ("L1",)})).of("nowhere")
    whole = season.run().of("nowhere")

    assert (part.new, part.known, part.fixed) == (2, 1, None)
    assert (whole.new, whole.known, whole.fixed) == (2, 2, 0)


def test_the_reading_of_one_league_is_not_what_is_usual(season: Season) -> None:
    season.add("a", league=1)
    season.run(selection=Selection(scope={"league": ("L1",)}))

    with season.engine.connect() as connection:
        assert history.load_history(connection, ["volume"]).readings == {}


def test_an_error_is_no_news(season: Season) -> None:
    season.add("a")
    season.run()
    season.engine.dispose()
    with season.engine.begin() as connection:
        connection.exec_driver_sql("alter table schedule rename column location to place")
    broken = season.run().of("nowhere")
    with season.engine.begin() as connection:
        connection.exec_driver_sql("alter table schedule rename column place to location")

    assert broken.status is Status.ERROR
    assert season.run().of("nowhere").change == "1 known"


def test_an_older_run_that_is_kept_late_replaces_nothing(season: Season) -> None:
    season.add("a")
    late = examine(season.engine, RULES, Request(now=NOW, run=str(UUID(int=90))), keep=False)
    season.add("b")
    season.run()
    with season.engine.begin() as connection:
        history.save(connection, late)

    assert season.run().of("nowhere").change == "2 known"


def test_a_run_that_is_not_to_be_kept_leaves_nothing(season: Season) -> None:
    season.add("a")
    examine(season.engine, RULES, Request(now=NOW), keep=False)

    assert season.rows(select(check_results)) == []


def test_the_history_tells_runs_newest_first(season: Season) -> None:
    season.add("a")
    season.run()
    season.place("a")
    season.run()

    with season.engine.connect() as connection:
        lines = stored_runs(connection)

    assert [(line.id, line.failing, line.band) for line in lines] == [
        (str(UUID(int=2)), 0, "healthy"),
        (str(UUID(int=1)), 1, "critical"),
    ]


def test_the_history_of_a_rule_tells_since_when(season: Season) -> None:
    season.add("a")
    season.run()
    season.place("a")
    season.run()

    with season.engine.connect() as connection:
        events = stored_results(connection, "nowhere")

    assert [(event.status, event.count, event.new, event.fixed) for event in events] == [
        (Status.OK, 0, 0, 1),
        (Status.CRITICAL, 1, 1, 0),
    ]


def waived(season: Season, key: str | None = None, **changes: Any) -> Waiver:
    """A waiver that is kept."""
    made = Waiver(**{"rule": "nowhere", "owner": "kim", "reason": "moving", "until": LATER, **changes})
    with season.engine.begin() as connection:
        return waivers.waive(connection, made, key, today=NOW.date())


def test_a_waiver_is_kept_and_holds_in_the_next_run(season: Season) -> None:
    season.add("a")
    kept = waived(season)

    report = season.run()

    assert report.score == 100
    assert report.of("nowhere").accepted
    with season.engine.connect() as connection:
        assert waivers.active_waivers(connection) == (kept,)


KEYS: list[Callable[[Report], str]] = [
    lambda report: key_text_of(report.of("nowhere").findings.listed[0].fingerprint),  # type: ignore[union-attr]
    lambda _: '{"match_date": "2025-06-30", "home_team": "Zürich \\"1\\"", "away_team": "BYE", "league_id": 1}',
    lambda _: '["2025-06-30","Zürich \\"1\\"","BYE",1]',
]


@pytest.mark.parametrize("spell", KEYS)
def test_one_bad_row_is_accepted_by_its_fingerprint_or_its_key(season: Season, spell: Callable[[Report], str]) -> None:
    season.add('Zürich "1"')
    season.add("fine", location="Court 1")
    report = season.run()
    waived(season, spell(report))

    after = season.run()

    assert (after.of("nowhere").waived, after.of("nowhere").status, after.unused) == (1, Status.OK, ())


def test_a_waiver_that_is_taken_back_holds_no_more(season: Season) -> None:
    season.add("a")
    number = waived(season).id
    assert number is not None
    with season.engine.begin() as connection:
        waivers.withdraw(connection, number)

    assert not season.run().of("nowhere").accepted


def test_who_accepts_and_who_withdraws_is_kept(season: Season) -> None:
    season.add("a")
    number = waived(season, created_by="kim").id
    assert number is not None
    with season.engine.begin() as connection:
        waivers.withdraw(connection, number, by="robin")
        row = connection.execute(select(tables.waivers)).one()

    assert (row.created_by, row.withdrawn_by, row.withdrawn_at is None) == ("kim", "robin", False)


@pytest.mark.parametrize("key", ['["2025-06-30","Skokie - 02","BYE",1]', "0123456789abcdef"])
def test_a_key_of_no_bad_row_is_refused_with_the_nearest(season: Season, key: str) -> None:
    for name in ("Skokie - 20", "Winnetka", "Lake Forest", "Glen View"):
        season.add(name)
    season.run()

    with pytest.raises(WaiverError) as caught:
        waived(season, key)

    told = str(caught.value)
    assert told.startswith(f"the key {key!r} names no bad row of nowhere; the nearest are ")
    assert told.count('"home_team"') == 3
    if key.startswith("["):
        assert '"Skokie - 20"' in told.split("nearest are ")[1].split("; ", maxsplit=1)[0]


def test_a_key_is_refused_while_no_row_is_bad(season: Season) -> None:
    season.add("fine", location="Court 1")
    season.run()

    with pytest.raises(WaiverError, match="no row of it was bad in its newest run"):
        waived(season, '["2025-06-30","fine","BYE",1]')


def test_rules_that_are_no_longer_asked_are_named(season: Season) -> None:
    season.run()

    report = season.run(Rules.of(volume, domain="schedule"))

    assert "no longer asked since the last run: nowhere" in report.complaints


def test_a_waiver_that_is_not_there_cannot_be_taken_back(season: Season) -> None:
    number = waived(season).id
    with (
        season.engine.begin() as connection,
        pytest.raises(WaiverError, match=f"there is no waiver 4711; there are {number}"),
    ):
        waivers.withdraw(connection, 4711)


@pytest.mark.parametrize(
    ("key", "changes", "told"),
    [
        (None, {"until": NOW.date() - timedelta(days=1)}, "a waiver until 2025-06-29 is over today, 2025-06-30"),
        ("what", {}, "the key 'what' is neither a fingerprint of 16 digits nor JSON"),
        ("7", {}, "the key '7' names no row; expected a JSON object or array as reports show it"),
    ],
)
def test_a_waiver_that_cannot_be_kept(season: Season, key: str | None, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(WaiverError, match=told):
        waived(season, key, **changes)


def test_the_fingerprint_of_a_key_does_not_depend_on_who_writes_it(season: Season) -> None:
    season.add("a")
    listed = season.run().of("nowhere").findings

    assert listed is not None
    assert listed.listed[0].fingerprint == fingerprint("nowhere", '["2025-06-30", "a", "BYE", 1]')
