"""Locks that others hold, and networks that fail at each commit: every command ends in time and says what happened."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from itertools import product
from random import Random

import pytest
from sqlalchemy import Engine, text

from tests.alerts.build import PHONE
from tests.etl.importing.feeds import APTA
from tests.faults.commands import Rally, wait_until_quiet
from tests.faults.conftest import Amount, Copies
from tests.faults.test_kills import RUNNING, SCENARIOS, Scenario, prepare_dirt, prepare_import, rows
from tests.silent import DatabaseProxy, Fault

pytestmark = pytest.mark.slow

DEADLINE = 30
IN_TIME = DEADLINE + 5
HURRIED = {
    "RALLY_LOCK_TIMEOUT": "1", "RALLY_WRITE_TIMEOUT": "3", "RALLY_STATEMENT_TIMEOUT": "3",
    "RALLY_DEADLINE": str(DEADLINE),
}  # fmt: skip
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
    here = rally.on(database.url.render_as_string(hide_password=False)).having(**HURRIED, RALLY_ALERTS_POLICY="p.toml")
    (rally.folder / "p.toml").write_text(f'[[people]]\nname = "dana"\nphone = "{PHONE}"\n')
    prepare(here, database)
    with database.begin() as holder:
        pid = holder.scalar(text("select pg_backend_pid()"))
        holder.execute(text(lock))

        ended = here.start(*arguments).end(IN_TIME)

    assert "Traceback" not in ended.out
    assert (ended.code, f"process {pid} " in ended.out) == (4, True), ended.out
    assert here.run(*arguments).code == healthy


def test_a_plan_that_a_lock_keeps_from_counting_is_partial_and_names_its_holder(rally: Rally, database: Engine) -> None:
    here = rally.on(database.url.render_as_string(hide_password=False)).having(**HURRIED)
    prepare_dirt(here, database)
    with database.begin() as holder:
        pid = holder.scalar(text("select pg_backend_pid()"))
        holder.execute(text(LOCK.format("schedule")))

        ended = here.start("fix", "plan", "duplicate_match").end(IN_TIME)

    assert (ended.code, f"process {pid} " in ended.out) == (5, True), ended.out


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_each_commit_of_a_command_that_is_cut_or_goes_silent_ends_it_in_time(
    scenario: Scenario, rally: Rally, database: Engine, copies: Callable[[Engine], Copies], amount: Amount
) -> None:
    """Before the server has got it or after; what the command says is what is."""
    rally = rally.having(**HURRIED)
    scenario.prepare(rally.on(database.url.render_as_string(hide_password=False)), database)
    before, copy = scenario.look(database), copies(database)

    def cut(number: int, fault: Fault, *, early: bool):  # type: ignore[no-untyped-def]
        with copy() as engine, DatabaseProxy(engine.url.render_as_string(hide_password=False)) as proxy:
            proxy.fail_at("COMMIT", number, fault, before=early, for_good=False)
            yield engine, proxy, rally.on(proxy.url).start(*scenario.arguments).end(IN_TIME)

    with closing(cut(0, Fault.CUT, early=True)) as whole:
        engine, proxy, ended = next(whole)
        after, commits = scenario.look(engine), proxy.count
        assert ended.code == 0, ended.out
    cases = list(product(range(1, commits + 1), Fault, (True, False)))
    for number, fault, early in Random(amount.first).sample(cases, min(len(cases), amount.kills)):  # noqa: S311
        what = f"{fault.value} {'before' if early else 'after'} commit {number} of {commits}"
        with closing(cut(number, fault, early=early)) as one:
            engine, proxy, ended = next(one)
            assert proxy.failed, what
            # what went silent holds its locks for some seconds: another try can meet them
            assert ended.code in {0, 3, 4, 75}, f"{what}: {ended.out}"
            proxy.close()
            wait_until_quiet(engine)
            assert "Traceback" not in ended.out, f"{what}: {ended.out}"
            seen = scenario.look(engine)
            torn = [part for part, value in seen.items() if value not in (before[part], after[part])]
            assert torn == [], what
            assert ended.code or seen == after, f"{what}: it said that it was done"
            again = rally.on(engine.url.render_as_string(hide_password=False)).run(*scenario.arguments)
            assert again.code in scenario.again, f"{what}: {again.out}"
            assert scenario.look(engine) == after, f"{what}: {again.out}"
            assert scenario.name == "init" or rows(engine, RUNNING) == ((0,),), what
    amount.say(f"{scenario.name}: {min(len(cases), amount.kills)}/{len(cases)} faults at {commits} commits, all told")
