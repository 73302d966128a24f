"""Locks that others hold, and networks that fail at each commit: every command ends in time and says what happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from itertools import product
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine, text

from tests.alerts.build import PHONE
from tests.etl.importing.feeds import APTA, fixture
from tests.etl.importing.feeds import write as write_feed
from tests.faults.commands import KillingProxy, Rally, killing_proxy, url_of, wait_until_quiet
from tests.faults.conftest import Amount, Copies, Messenger
from tests.faults.test_kills import (
    DISPATCH,
    RUNNING,
    SCENARIOS,
    SCHEDULE,
    TEAMS,
    Scenario,
    played,
    prepare_dirt,
    prepare_import,
    rows,
    settle,
)
from tests.silent import DatabaseProxy, Fault

pytestmark = pytest.mark.slow

DEADLINE = 60
LONG = 10
"""Faults of each command from which on a run is the long one."""
IN_TIME = DEADLINE + 5
HURRIED = {
    "RALLY_LOCK_TIMEOUT": "1", "RALLY_WRITE_TIMEOUT": "3", "RALLY_STATEMENT_TIMEOUT": "3",
    "RALLY_DEADLINE": str(DEADLINE),
}  # fmt: skip
UNANSWERED = {**HURRIED, "RALLY_WRITE_TIMEOUT": "1", "RALLY_STATEMENT_TIMEOUT": "1"}
"""What a network that is silent costs, several times in each command; nothing here works for a second."""
LOCK = "lock table {} in access exclusive mode"
IMPORT = ("import", f"new/{APTA}")
LOCKED = (
    (IMPORT, prepare_import, LOCK.format("schedule"), 0),
    (IMPORT, prepare_import, LOCK.format("quality.import_runs"), 0),
    (IMPORT, prepare_import, "select * from series_stats for update", 0),
    (("check", "--domain", "schedule"), prepare_import, LOCK.format("quality.check_runs"), 1),
    (("check", "--domain", "schedule"), prepare_dirt, LOCK.format("quality.incidents"), 1),
    (("fix", "plan"), prepare_dirt, LOCK.format("quality.repairs"), 0),
    (("fix", "apply", "1", "--yes"), prepare_dirt, LOCK.format("schedule"), 0),
    (("snapshot", "create"), prepare_dirt, LOCK.format("schedule"), 0),
    (("init", "--constraints"), prepare_dirt, LOCK.format("schedule"), 0),
    (("alerts", "dispatch"), prepare_import, LOCK.format("quality.deliveries"), 0),
    (("history",), prepare_import, LOCK.format("quality.check_runs"), 0),
    (("etl", "stop", "--reason", "drill"), prepare_import, LOCK.format("quality.import_stops"), 0),
)


@pytest.mark.parametrize(
    ("arguments", "prepare", "lock", "healthy"), LOCKED, ids=lambda one: " ".join(one) if isinstance(one, tuple) else ""
)
def test_a_lock_of_somebody_else_ends_a_command_that_names_him_and_the_next_run_is_right(  # noqa: PLR0917 - a table
    rally: Rally, database: Engine, arguments: tuple[str, ...], prepare: Callable[[Rally, Engine], None], lock: str,
    healthy: int,
) -> None:  # fmt: skip
    here = rally.on(url_of(database)).having(**HURRIED, RALLY_ALERTS_POLICY="p.toml")
    (rally.folder / "p.toml").write_text(f'[[people]]\nname = "dana"\nphone = "{PHONE}"\n')
    prepare(here, database)
    with database.begin() as holder:
        pid = holder.scalar(text("select pg_backend_pid()"))
        holder.execute(text(lock))

        ended = here.start(*arguments).end(IN_TIME)

    assert "Traceback" not in ended.out
    assert (ended.code, f"process {pid} " in ended.out) == (4, True), ended.out
    assert here.run(*arguments).code == healthy


SOON = 2
LATE = (
    (IMPORT, prepare_import, "schedule"),
    (("check", "--domain", "schedule"), prepare_dirt, "schedule"),
    (("fix", "plan"), prepare_dirt, "schedule"),
    (("fix", "apply", "1", "--yes"), prepare_dirt, "schedule"),
    (("snapshot", "create"), prepare_dirt, "schedule"),
    (("init", "--constraints"), prepare_dirt, "schedule"),
    (("history",), prepare_import, "quality.check_runs"),
    (("etl", "stop", "--reason", "drill"), prepare_import, "quality.import_stops"),
    (("rejects", "replay"), prepare_import, "quality.rejects"),
    (("doctor",), prepare_import, "schedule"),
)


@pytest.mark.parametrize(("arguments", "prepare", "table"), LATE, ids=lambda one: one[0] if type(one) is tuple else "")
def test_the_deadline_of_a_command_is_told_as_that(
    rally: Rally, database: Engine, arguments: tuple[str, ...], prepare: Callable[[Rally, Engine], None], table: str
) -> None:
    """It was a statement timeout in one command, a lost connection (PendingRollbackError) in another one."""
    here = rally.on(url_of(database))
    prepare(here, database)
    with database.begin() as holder:
        holder.execute(text(LOCK.format(table)))

        ended = here.having(RALLY_DEADLINE=str(SOON)).start(*arguments).end(SOON + 5)

    assert ended.code == 4, ended.out
    assert ("RALLY_DEADLINE" in ended.out, "TIMEOUT" in ended.out, "lost or" in ended.out) == (True, False, False), (
        ended.out
    )
    assert not list(here.folder.rglob("*.new"))


def test_a_plan_that_a_lock_keeps_from_counting_is_partial_and_names_its_holder(rally: Rally, database: Engine) -> None:
    here = rally.on(url_of(database)).having(**HURRIED)
    prepare_dirt(here, database)
    with database.begin() as holder:
        pid = holder.scalar(text("select pg_backend_pid()"))
        holder.execute(text(LOCK.format("schedule")))

        ended = here.start("fix", "plan", "duplicate_match").end(IN_TIME)

    assert (ended.code, f"process {pid} " in ended.out) == (5, True), ended.out


def counting(*tables: str) -> Callable[[Engine], Mapping[str, Any]]:
    """A look at how many rows our tables hold: one that is written twice is seen."""
    return lambda engine: {name: rows(engine, text(f"select count(*) from quality.{name}")) for name in tables}


def prepare_incident(rally: Rally, engine: Engine) -> None:
    prepare_dirt(rally, engine)
    assert rally.run("check", "--domain", "schedule", "--fail-on", "never").code == 0


def prepare_stop(rally: Rally, engine: Engine) -> None:
    prepare_import(rally, engine)
    assert rally.run("etl", "stop", "--reason", "drill").code == 0


def prepare_reject(rally: Rally, engine: Engine) -> None:
    """A row was refused for a day that can be read now."""
    prepare_import(rally, engine)
    write_feed(rally.folder / "odd", "schedules", [fixture(*TEAMS), fixture(*TEAMS, "13/13/2024")])
    assert rally.run("import", f"odd/{APTA}", "--allow", "too_many_rejects", "--reason", "drill").code == 0
    with engine.begin() as connection:
        connection.execute(text("update quality.rejects set raw = replace(raw, '13/13/2024', '11/13/2024')"))


def look_at_checks(engine: Engine) -> Mapping[str, Any]:
    """A run is there with its results, seal and incidents, or not at all."""
    return counting("check_runs", "check_results", "check_seals", "incidents", "incident_events")(engine)


def look_at_replay(engine: Engine) -> Mapping[str, Any]:
    waiting = text("select count(*) from quality.rejects where resolved_at is null")
    return {"schedule": rows(engine, SCHEDULE), "waiting": rows(engine, waiting)}


def look_at_stops(engine: Engine) -> Mapping[str, Any]:
    return {"stops": rows(engine, text("select resumed_at is null from quality.import_stops"))}


def look_at_data(engine: Engine) -> Mapping[str, Any]:
    """The repair of the duplicates: an emergency writes down all that it does in tables of ours, step by step."""
    return {"schedule": rows(engine, text("select count(*) from schedule"))}


ALIAS = ("names", "alias", "APTA_CHICAGO", "Birch Wd", "Birchwood - 11", "--by", "kim")
WAIVE = ("waive", "duplicate_match", "--until", "2099-01-01", "--owner", "kim", "--reason", "drill")
COMMITTING = (
    *SCENARIOS,
    Scenario("check", ("check", "--domain", "schedule", "--fail-on", "never"), prepare_dirt, look_at_checks),
    Scenario("fix plan", ("fix", "plan", "duplicate_match"), prepare_dirt, counting("repairs")),
    Scenario("rejects replay", ("rejects", "replay"), prepare_reject, look_at_replay),
    Scenario("names alias", ALIAS, prepare_import, counting("team_aliases")),
    Scenario("waive", WAIVE, prepare_dirt, counting("waivers")),
    Scenario("incidents note", ("incidents", "note", "1", "a line"), prepare_incident, counting("incident_events")),
    Scenario("etl stop", ("etl", "stop", "--reason", "drill"), prepare_import, counting("import_stops")),
    Scenario("etl resume", ("etl", "resume", "--reason", "drill"), prepare_stop, look_at_stops),
    Scenario("emergency", ("emergency", "--reason", "drill", "--yes", "--no-notify"), prepare_dirt, look_at_data),
)


@pytest.mark.parametrize("scenario", played(COMMITTING, "import", "check"))
def test_each_commit_of_a_command_that_is_cut_or_goes_silent_ends_it_in_time(
    scenario: Scenario, rally: Rally, database: Engine, copies: Callable[[Engine], Copies], amount: Amount
) -> None:
    """Before the server has got it or after; what the command says is what is, and it writes nothing twice."""
    if scenario.name == "emergency" and amount.kills < LONG:
        pytest.skip("its 34 commits take minutes: make faults has them")
    rally = rally.having(**UNANSWERED)
    scenario.prepare(rally.on(url_of(database)), database)
    before, copy = scenario.look(database), copies(database)

    def cut(number: int, fault: Fault, *, early: bool):  # type: ignore[no-untyped-def]
        with copy() as engine, DatabaseProxy(url_of(engine)) as proxy:
            proxy.fail_at("COMMIT", number, fault, before=early, for_good=False)
            yield engine, proxy, rally.on(proxy.url).start(*scenario.arguments).end(IN_TIME)

    with closing(cut(0, Fault.CUT, early=True)) as whole:
        engine, proxy, ended = next(whole)
        after, commits, healthy = scenario.look(engine), proxy.count, ended.code
        assert healthy in {0, 1}, ended.out
        once_more = {rally.on(url_of(engine)).run(*scenario.arguments).code, *scenario.again}
        twice = scenario.look(engine)
    cases = list(product(range(1, commits + 1), Fault, (True, False)))
    for number, fault, early in Random(amount.first).sample(cases, min(len(cases), amount.kills)):  # noqa: S311
        what = f"{fault.value} {'before' if early else 'after'} commit {number} of {commits}"
        with closing(cut(number, fault, early=early)) as one:
            engine, proxy, ended = next(one)
            assert proxy.failed, what
            # what went silent holds its locks for some seconds: another try can meet them
            assert ended.code in {healthy, 3, 4, 75}, f"{what}: {ended.out}"
            proxy.close()
            wait_until_quiet(engine)
            assert "Traceback" not in ended.out, f"{what}: {ended.out}"
            seen = scenario.look(engine)
            torn = [part for part, value in seen.items() if value not in (before[part], after[part])]
            assert torn == [], what
            assert ended.code != healthy or seen == after, f"{what}: it said that it was done"
            again = rally.on(url_of(engine)).run(*scenario.arguments)
            assert again.code in once_more, f"{what}: {again.out}"
            wanted = {part: twice[part] if value == after[part] else after[part] for part, value in seen.items()}
            assert scenario.look(engine) == wanted, f"{what}: {again.out}"
            assert scenario.name == "init" or rows(engine, RUNNING) == ((0,),), what
    amount.say(f"{scenario.name}: {min(len(cases), amount.kills)}/{len(cases)} faults at {commits} commits, all told")


class HushedProxy(KillingProxy):
    """Goes silent for good at a message, also to whoever connects anew."""

    def hush_at(self, number: int) -> None:
        """Pass nothing on from the `number`-th message on."""
        self.fail_at("every message", number, Fault.SILENT, before=True, for_good=True)


SHORT, SHORT_IN_TIME = "6", 11.0


@pytest.mark.parametrize("scenario", played(COMMITTING[:8], "import"))
def test_a_network_that_goes_silent_for_good_at_any_message_ends_a_command_at_its_deadline(
    scenario: Scenario, rally: Rally, database: Engine, copies: Callable[[Engine], Copies], amount: Amount
) -> None:
    """A command waited for over four minutes, and nights piled up as busy."""
    scenario.prepare(rally.on(url_of(database)), database)
    hurried, before, copy = (
        rally.having(**{**HURRIED, "RALLY_DEADLINE": SHORT}),
        scenario.look(database),
        copies(database),
    )
    with copy() as engine, killing_proxy(engine) as counting_proxy:
        counting_proxy.kill_at(0, before=True)
        assert rally.on(counting_proxy.url).run(*scenario.arguments).code in {0, 1}
        # how many sessions a check opens says the machine: the last messages may not come
        after, messages = scenario.look(engine), counting_proxy.count * 9 // 10
    for seed in range(max(1, amount.kills // 10)):
        number = Random(f"{scenario.name} {amount.first + seed}").randint(1, messages)  # noqa: S311 - to be played again
        what = f"silent from message {number} of {messages} on"
        with copy() as engine, HushedProxy(url_of(engine)) as proxy:
            proxy.hush_at(number)
            ended = hurried.on(proxy.url).start(*scenario.arguments).end(SHORT_IN_TIME)
            assert (proxy.failed, "Traceback" in ended.out) == (True, False), f"{what}: {ended.out}"
            assert ended.code == 4 or scenario.look(engine) == after, f"{what}: {ended.code} {ended.out}"
            proxy.close()
            wait_until_quiet(engine)
            seen = scenario.look(engine)
            assert [part for part, value in seen.items() if value not in (before[part], after[part])] == [], what
    amount.say(f"{scenario.name}: {max(1, amount.kills // 10)} times silent for good, ended in time, torn 0")


EARLY = 12
"""Messages within which an import connects, looks at its database, takes the lock and opens its ledger."""


def test_a_connection_that_is_lost_at_any_message_costs_an_import_a_retry(
    rally: Rally, database: Engine, copies: Callable[[Engine], Copies], amount: Amount
) -> None:
    """One that was lost before the first feed, in the first 0.2 s, ended the import with exit 4."""
    scenario = SCENARIOS[0]
    scenario.prepare(rally.on(url_of(database)), database)
    copy = copies(database)
    with copy() as engine, killing_proxy(engine) as counting_proxy:
        counting_proxy.kill_at(0, before=True)
        assert rally.on(counting_proxy.url).run(*scenario.arguments).code == 0
        after, messages = scenario.look(engine), counting_proxy.count
    chance = Random(amount.first)  # noqa: S311 - to be played again
    early = chance.sample(range(1, EARLY + 1), min(EARLY, 2 * amount.kills))
    later = chance.sample(range(EARLY + 1, messages + 1), max(amount.kills // 10, 2))
    for number in (*early, *later):
        with copy() as engine, killing_proxy(engine) as proxy:
            proxy.kill_at(number, before=True)
            ended = rally.on(proxy.url).run(*scenario.arguments)
            assert (proxy.failed, ended.code) == (True, 0), f"message {number} of {messages}: {ended.out}"
            assert scenario.look(engine) == after, number
            assert rows(engine, RUNNING) == ((0,),), number
    amount.say(f"import: lost at {len(early) + len(later)} of {messages} messages, exit 0 each time")


def test_each_commit_of_a_dispatcher_that_is_cut_or_goes_silent_loses_no_message_and_sends_none_twice(
    messenger: Messenger, database: Engine, copies: Callable[[Engine], Copies], amount: Amount
) -> None:
    rally, copy = messenger.rally.having(**UNANSWERED), copies(database)

    def cut(number: int, fault: Fault, *, early: bool):  # type: ignore[no-untyped-def]
        messenger.forget()
        with copy() as engine, DatabaseProxy(url_of(engine)) as proxy:
            proxy.fail_at("COMMIT", number, fault, before=early, for_good=False)
            yield engine, proxy, rally.on(proxy.url).start(*DISPATCH.arguments).end(IN_TIME)

    with closing(cut(0, Fault.CUT, early=True)) as whole:
        _, proxy, ended = next(whole)
        commits = proxy.count
        assert ended.code == 0, ended.out
    cases = list(product(range(1, commits + 1), Fault, (True, False)))
    uncertain = 0
    for number, fault, early in Random(amount.first).sample(cases, min(len(cases), amount.kills)):  # noqa: S311
        what = f"{fault.value} {'before' if early else 'after'} commit {number} of {commits}"
        with closing(cut(number, fault, early=early)) as one:
            engine, proxy, ended = next(one)
            assert ended.code in {0, 4, 5}, f"{what}: {ended.out}"
            assert "Traceback" not in ended.out, f"{what}: {ended.out}"
            proxy.close()
            wait_until_quiet(engine)
            uncertain += settle(messenger, engine, what)
    amount.say(
        f"alerts dispatch: {min(len(cases), amount.kills)}/{len(cases)} faults at {commits} commits;"
        f" SMS lost 0, double 0; mail double 0, uncertain {uncertain}"
    )
