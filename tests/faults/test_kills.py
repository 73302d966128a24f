"""kill -9 at random messages of every command that writes: nothing torn, nothing twice, nothing lost, ledgers true."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine, text

from etl.migrate import newest
from tests.checks.dirt import write
from tests.checks.rules.entries import TWO_TEAMS, match
from tests.etl.importing.feeds import APTA, fixture, standing
from tests.etl.importing.feeds import write as write_feed
from tests.etl.repairs.dump import dump
from tests.etl.test_migrate import FIXTURE, make_legacy
from tests.faults.commands import KillingProxy, Rally, killing_proxy, url_of, wait_until_quiet
from tests.faults.conftest import Amount, Copies, Messenger
from tests.forks import Ended

pytestmark = pytest.mark.slow

TEAMS = ("Birchwood - 11", "Tennaqua - 11")
RUNNING = text("""
select (select count(*) from quality.import_runs where outcome = 'running')
     + (select count(*) from quality.import_feeds where outcome = 'running')
""")
SCHEDULE = text("""
select match_date, match_time, home_team, away_team, home_team_id is null, away_team_id is null, location
from schedule order by 1, 2, 3, 4
""")
STANDINGS = text("select series, team, points, matches_won, team_id is null from series_stats order by 1, 2")
PUBLISHED = text("select count(*) from quality.import_feeds where outcome = 'published' and path like :kind")
REPAIRS = text("select rule, state, applied_at is null, undone_at is null from quality.repairs order by id")


def rows(engine: Engine, statement: Any, **values: Any) -> tuple[Any, ...]:
    """All rows of a statement."""
    with engine.begin() as connection:
        return tuple(map(tuple, connection.execute(statement, values).all()))


@dataclass(frozen=True)
class Scenario:
    """A command that writes. Each part of what `look` sees is as before or as after it, at every moment."""

    name: str
    arguments: Sequence[str]
    prepare: Callable[[Rally, Engine], None]
    look: Callable[[Engine], Mapping[str, Any]]
    again: frozenset[int] = frozenset({0})
    """How the command may end when it is run once more after a kill."""


def prepare_import(rally: Rally, engine: Engine) -> None:
    standings = write_feed(rally.folder / "old", "series_stats", [standing(name) for name in TEAMS])
    matches = write_feed(rally.folder / "old", "schedules", [fixture(*TEAMS)])
    assert rally.run("import", str(standings), str(matches)).code == 0
    write_feed(rally.folder / "new", "series_stats", [standing(name, points=31 + n) for n, name in enumerate(TEAMS)])
    days = ("09/24/2024", "10/01/2024", "10/08/2024", "10/08/2024", "10/15/2024")
    write_feed(rally.folder / "new", "schedules", [fixture(*TEAMS, day) for day in days])


def look_at_feeds(engine: Engine) -> Mapping[str, Any]:
    """A feed's rows and the word of the ledger, which are of one transaction."""
    return {
        "schedules": (rows(engine, SCHEDULE), rows(engine, PUBLISHED, kind="%schedules%")),
        "standings": (rows(engine, STANDINGS), rows(engine, PUBLISHED, kind="%series_stats%")),
    }


def prepare_dirt(rally: Rally, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("alter table schedule drop constraint unique_schedule_match"))
        write(connection, [*TWO_TEAMS, *(match(1, 2, id=number) for number in range(1, 20))])
    assert rally.run("fix", "plan", "duplicate_match").code == 0


def prepare_repaired(rally: Rally, engine: Engine) -> None:
    prepare_dirt(rally, engine)
    assert rally.run("fix", "apply", "1", "--yes").code == 0


def prepare_snapshot(rally: Rally, engine: Engine) -> None:
    with engine.begin() as connection:
        write(connection, [*TWO_TEAMS, *(match(1, 2, id=number, location=f"Court {number}") for number in (1,))])
    assert rally.run("snapshot", "create", "--reason", "drill").code == 0
    with engine.begin() as connection:
        connection.execute(text("update schedule set location = 'elsewhere'"))
        connection.execute(text("update teams set display_name = 'another'"))


def look_at_rows(engine: Engine) -> Mapping[str, Any]:
    """All rows and the ledger of repairs, which are of one transaction."""
    return {"rows and ledger": (dump(engine), rows(engine, REPAIRS))}


def prepare_legacy(rally: Rally, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("drop schema quality cascade"))
        connection.execute(text("drop schema public cascade"))
        connection.execute(text("create schema public"))
    make_legacy(engine, FIXTURE)


def look_at_schema(engine: Engine) -> Mapping[str, Any]:
    """The revision, our tables, and the platform's rows."""
    tables = rows(engine, text("select tablename from pg_tables where schemaname = 'quality' order by 1"))
    revision = rows(engine, text("select version_num from quality.alembic_version")) if tables else ()
    return {
        "our tables": (revision in {(), ((newest(),),)}, bool(revision), tables),
        "their rows": (rows(engine, text("select * from schedule")), rows(engine, text("select * from leagues"))),
    }


SCENARIOS = (
    Scenario("import", ("import", f"new/{APTA}", "--wait", "30"), prepare_import, look_at_feeds),
    Scenario("fix apply", ("fix", "apply", "1", "--yes"), prepare_dirt, look_at_rows),
    Scenario("fix undo", ("fix", "undo", "1", "--yes"), prepare_repaired, look_at_rows, frozenset({0, 3})),
    Scenario(
        "snapshot restore", ("snapshot", "restore", "latest", "--discard-newer", "--yes"), prepare_snapshot,
        look_at_rows,
    ),
    Scenario("init", ("init",), prepare_legacy, look_at_schema),
)  # fmt: skip


def played(scenarios: Sequence[Scenario], *by_slow: str) -> list[Any]:
    """The scenarios, of which `make slow` plays those by these names: the others go on in the same code."""
    return [pytest.param(one, id=one.name, marks=() if one.name in by_slow else pytest.mark.long) for one in scenarios]


@dataclass
class Killing:
    """One scenario on copies of a prepared database, each behind a proxy that kills."""

    scenario: Scenario
    rally: Rally
    copy: Copies

    def run(self, number: int, *, before: bool = True) -> Generator[tuple[Engine, KillingProxy, Ended]]:
        """Run the command on a fresh copy, and kill it at a message."""
        with self.copy() as engine, killing_proxy(engine) as proxy:
            running = None
            proxy.victim = lambda: running.kill() if running else None
            proxy.kill_at(number, before=before)
            running = self.rally.on(proxy.url).start(*self.scenario.arguments)
            ended = running.end()
            wait_until_quiet(engine)
            yield engine, proxy, ended


@pytest.mark.parametrize("scenario", played(SCENARIOS, "import", "fix apply", "fix undo", "init"))
def test_a_command_that_is_killed_at_any_message_tears_nothing_and_the_next_is_right(
    scenario: Scenario, rally: Rally, database: Engine, copies: Callable[[Engine], Copies], amount: Amount
) -> None:
    scenario.prepare(rally.on(url_of(database)), database)
    before = scenario.look(database)
    killing = Killing(scenario, rally, copies(database))
    with closing(killing.run(0)) as whole:
        engine, proxy, ended = next(whole)
        after, messages = scenario.look(engine), proxy.count
        assert ended.code == 0, ended.out
    assert after != before
    killed = 0
    for number in range(amount.kills):
        seed = f"{scenario.name} {amount.first + number}"
        chance = Random(seed)  # noqa: S311 - a case that can be played again
        with closing(killing.run(chance.randint(1, messages), before=chance.random() < 0.5)) as one:
            engine, proxy, ended = next(one)
            killed += ended.code == -9
            seen = scenario.look(engine)
            torn = [part for part, value in seen.items() if value not in (before[part], after[part])]
            assert torn == [], f"torn, seed {seed!r}, message {proxy.count} of {messages}"
            again = rally.on(url_of(engine)).run(*scenario.arguments)
            assert again.code in scenario.again, f"seed {seed!r}: {again.out}"
            assert scenario.look(engine) == after, f"lost or twice, seed {seed!r}: {again.out}"
            if scenario.name != "init":
                assert rows(engine, RUNNING) == ((0,),), f"the ledger, seed {seed!r}"
    amount.say(f"{scenario.name}: {killed} kills of {amount.kills} at {messages} messages; torn 0, double 0, lost 0")
    assert killed >= amount.kills // 2


LATER = text("""
update quality.deliveries set due_at = due_at - interval '1 hour', leased_until = leased_until - interval '1 hour',
    attempted_at = attempted_at - interval '1 hour'
""")
STATES = text("select channel, state from quality.deliveries order by channel")
DISPATCH = Scenario("alerts dispatch", ("alerts", "dispatch"), lambda rally, engine: None, lambda engine: {})


def settle(messenger: Messenger, engine: Engine, what: str) -> bool:
    """Let later dispatchers do the rest: the SMS arrived once, the mail once, or its fate is told as `uncertain`."""
    for _ in range(3):
        with engine.begin() as connection:
            connection.execute(LATER)
        messenger.rally.on(url_of(engine)).run(*DISPATCH.arguments)
    states = dict(rows(engine, STATES))
    assert (states["sms"], len(messenger.twilio.bodies)) == ("sent", 1), f"SMS, {what}"
    mails = len(messenger.mail.arrived)
    assert (states["email"], mails) in {("sent", 1), ("uncertain", 1), ("uncertain", 0)}, f"mail, {what}"
    return bool(states["email"] == "uncertain")


def test_a_dispatcher_that_is_killed_at_any_message_loses_none_and_sends_none_twice(
    messenger: Messenger, database: Engine, copies: Callable[[Engine], Copies], amount: Amount
) -> None:
    """A mail that may have been accepted stays `uncertain`, for nobody can be asked; an SMS is looked up."""
    killing = Killing(DISPATCH, messenger.rally, copies(database))
    with closing(killing.run(0)) as whole:
        _, proxy, ended = next(whole)
        messages = proxy.count
        assert ended.code == 0, ended.out
    killed = uncertain = 0
    for number in range(amount.kills):
        seed = f"{DISPATCH.name} {amount.first + number}"
        chance = Random(seed)  # noqa: S311 - a case that can be played again
        messenger.forget()
        with closing(killing.run(chance.randint(1, messages), before=chance.random() < 0.5)) as one:
            engine, _, ended = next(one)
            killed += ended.code == -9
            uncertain += settle(messenger, engine, f"seed {seed!r}")
    amount.say(
        f"alerts dispatch: {killed} kills of {amount.kills} at {messages} messages; SMS lost 0, double 0;"
        f" mail double 0, uncertain {uncertain}"
    )
    assert killed >= amount.kills // 2
