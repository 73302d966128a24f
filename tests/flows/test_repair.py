"""A run of repairs waits for a person: what is approved is made, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import Connection, Engine, select, text, update

from etl.tables import players, repairs, schedule
from tests.checks.conftest import CONSTRAINTS
from tests.checks.dirt import write
from tests.checks.rules.entries import TWO_TEAMS, match, player
from tests.etl.repairs.dump import dump
from tests.flows.bridge.command import Command
from tests.flows.bridge.stage import Stage, until
from tests.forks import Running, coded

pytestmark = pytest.mark.slow

RUN = """
import json, sys
from prefect import tags
from flows.flows import repair
from flows.service.requests import RepairRequest
with tags(sys.argv[1]):
    repair(RepairRequest(**json.loads(sys.argv[2])), return_state=True)
"""
SESSIONS = text("select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
PERSON = {"first_name": "Zebulonia", "last_name": "Quagmirewicz", "email": "zebulonia@example.org"}

Started = Callable[..., str]


@pytest.fixture
def stage(command: Command, prefect_api: str) -> Stage:
    """The API of a server, and the environment of a process on a fresh database."""
    return Stage(prefect_api, command.under(prefect_api))


@pytest.fixture
def dirty(database: Engine) -> Engine:
    """A match that stands there three times, and a player twice."""
    with database.begin() as connection:
        for statement in connection.execute(CONSTRAINTS).scalars().all():
            connection.exec_driver_sql(statement)
        write(connection, [*TWO_TEAMS, *(match(1, 2, id=number) for number in (1, 2, 3))])
        write(connection, [player(1, **PERSON), player(1, **PERSON)])
    return database


@pytest.fixture
def start(stage: Stage) -> Iterator[Started]:
    """Start the flow with some parameters, and return the id of its run."""
    processes: list[Running] = []

    def start(**parameters: Any) -> str:
        tag = f"test:{uuid4()}"
        words = tag, json.dumps(parameters)
        processes.append(Running(words, stage.command.environment, stage.command.folder, work=coded(RUN)))
        return str(until(lambda: stage.runs(tags={"all_": [tag]}), "the flow does not run")[0]["id"])

    yield start
    for process in processes:
        process.kill()
        process.end()


def test_what_a_person_approves_is_made_in_their_name(stage: Stage, start: Started, dirty: Engine) -> None:
    run = start(rules=["duplicate_match", "duplicate_player"])
    stage.paused(run)
    with dirty.begin() as connection:
        matches, _ = numbers(connection)

    stage.resume(run, approve=[matches], who="Kim of Winnetka")

    ended = stage.ended(run)["state"]
    assert (ended["type"], ended["name"]) == ("COMPLETED", "Repaired")
    assert ended["message"] == f"repair {matches} of duplicate_match: delete 2 of schedule; bad rows 2 -> 0"
    with dirty.begin() as connection:
        assert len(connection.execute(select(schedule.c.id)).all()) == 1
        assert len(connection.execute(select(players.c.id)).all()) == 2
        assert ledger(connection) == [
            ("duplicate_match", "applied", "Kim of Winnetka"), ("duplicate_player", "planned", None)
        ]  # fmt: skip
        assert connection.execute(select(repairs.c.snapshot).where(repairs.c.id == matches)).scalar_one()


def test_a_person_sees_the_plans_in_counts_alone(stage: Stage, start: Started, dirty: Engine) -> None:
    run = start(rules=["duplicate_match", "duplicate_player"])
    stage.paused(run)

    left = stage.artifacts(run)
    (plans, form) = json.loads(left["rally-plans"]["data"]), described(stage, run)
    stage.resume(run, approve=[plans[1]["plan"]], who="Kim")
    stage.ended(run)
    made = json.loads(stage.artifacts(run)["rally-repairs"]["data"])

    assert [(row["rule"], row["changes"], row["bad rows"]) for row in plans] == [
        ("duplicate_match", "delete 2 of schedule", "2 -> 0"), ("duplicate_player", "delete 1 of players", "1 -> 0")
    ]  # fmt: skip
    assert f"**plan {plans[0]['plan']}**, duplicate\\_match: delete 2 of schedule; bad rows 2" in form
    assert [(row["plan"], row["state"], row["why"]) for row in made] == [(plans[1]["plan"], "applied", "")]


def test_nothing_of_a_person_reaches_prefect(stage: Stage, start: Started, dirty: Engine, prefect_home: Path) -> None:
    run = start(rules=["duplicate_player"])
    stage.paused(run)
    with dirty.begin() as connection:
        connection.execute(update(players).values(last_name="Quagmirewicz-Vantongeren"))
        (number,) = numbers(connection)
    stage.resume(run, approve=[number], who="Kim")

    ended = stage.ended(run)["state"]

    assert (ended["type"], ended["name"]) == ("FAILED", "Refused")
    stored = b"".join(path.read_bytes() for path in prefect_home.glob("prefect.db*"))
    assert b"duplicate_player" in stored
    for private in ("Zebulonia", "Quagmirewicz", "zebulonia@example.org"):
        assert private.encode() not in stored


def test_nothing_is_held_while_a_person_thinks(stage: Stage, start: Started, dirty: Engine) -> None:
    run = start(rules=["duplicate_match"])
    stage.paused(run)

    with dirty.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # the server may not have noticed yet that a session was closed
        until(lambda: connection.scalar(SESSIONS) == 0 or None, "a session is held")

    stage.resume(run, who="Kim")
    assert stage.ended(run)["state"]["name"] == "Declined"


def test_declined_repairs_change_nothing_and_stay_planned(stage: Stage, start: Started, dirty: Engine) -> None:
    before = dump(dirty)
    run = start(rules=["duplicate_match"])
    stage.paused(run)

    stage.resume(run, approve=[], who="Kim")

    ended = stage.ended(run)["state"]
    assert (ended["type"], ended["name"]) == ("COMPLETED", "Declined")
    assert dump(dirty) == before
    with dirty.begin() as connection:
        assert ledger(connection) == [("duplicate_match", "planned", None)]


def test_without_an_answer_the_plans_stay_planned_and_the_run_says_so(
    stage: Stage, start: Started, dirty: Engine
) -> None:
    before = dump(dirty)

    ended = stage.ended(start(rules=["duplicate_match"], timeout=3))["state"]

    assert (ended["type"], ended["name"]) == ("COMPLETED", "Undecided")
    assert ended["message"].startswith("nobody decided, and nothing was changed: 1 plan waits")
    assert dump(dirty) == before
    with dirty.begin() as connection:
        assert ledger(connection) == [("duplicate_match", "planned", None)]


NO_ANSWERS: dict[str, dict[str, Any]] = {
    "a word": {"approve": ["all"], "who": "Kim"},
    "another plan": {"approve": [4711], "who": "Kim"},
    "no list": {"approve": True, "who": "Kim"},
    "no name": {"approve": []},
    "an empty name": {"approve": [], "who": " "},
    "something else": {"approve": [], "who": "Kim", "force": True},
}


def test_an_answer_that_is_none_is_refused_and_the_run_waits_on(stage: Stage, start: Started, dirty: Engine) -> None:
    """Refused for what it says. One that came before the form stood there was rejected as well, whatever it said."""
    run = start(rules=["duplicate_match"])
    stage.paused(run)

    said = {name: stage.answer(run, **answer) for name, answer in NO_ANSWERS.items()}

    refused = {name: (each["status"], each["details"]["reason"].partition(":")[0]) for name, each in said.items()}
    assert refused == dict.fromkeys(NO_ANSWERS, ("REJECT", "Reason"))
    stage.paused(run)
    stage.resume(run, who="Kim")
    assert stage.ended(run)["state"]["name"] == "Declined"


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page of Prefect's UI, closed in the end: it would go on asking and drawing beside the tests that follow."""
    page = browser.new_page()
    page.route("**/resume", _answered)
    yield page
    page.close()


def _answered(route: Any) -> None:
    """Send an answer until it is taken, as a person would: a server on SQLite that is busy says 503 now and then.

    Prefect's clients try again by themselves, its UI does not, and one approval in many runs was lost by that.
    """

    def ask() -> Any:
        response = route.fetch()
        return None if response.status == httpx.codes.SERVICE_UNAVAILABLE else response

    route.fulfill(response=until(ask, "the answer is not taken"))


def test_a_person_approves_in_the_browser(stage: Stage, start: Started, dirty: Engine, page: Any) -> None:
    run = start(rules=["duplicate_match", "duplicate_player"])
    stage.paused(run)
    page.goto(f"{stage.url.removesuffix('/api')}/runs/flow-run/{run}")

    page.get_by_role("button", name="Resume").first.click()
    form = page.get_by_role("dialog")
    form.get_by_text("duplicate_match: delete 2 of schedule").wait_for()
    form.locator("button", has_text="No items selected").press("ArrowDown")
    page.locator(".p-select-option").first.wait_for()
    page.keyboard.press("Enter")
    form.get_by_text("Which of these repairs").click()  # which closes the list
    form.locator("textarea").fill("Kim")
    with page.expect_response("**/resume"):
        form.get_by_role("button", name="Submit").click()

    assert stage.ended(run)["state"]["name"] == "Repaired"
    with dirty.begin() as connection:
        assert ledger(connection) == [("duplicate_match", "applied", "Kim"), ("duplicate_player", "planned", None)]


def test_with_nothing_to_repair_nobody_is_asked(stage: Stage, start: Started, database: Engine) -> None:
    ended = stage.ended(start(rules=["duplicate_match"]))["state"]

    assert (ended["type"], ended["name"]) == ("COMPLETED", "Done")
    assert ended["message"] == "nothing to repair: 1 fix was tried"


def described(stage: Stage, run: str) -> str:
    """What stands above the form."""
    found = stage.inputs(run, "paused-")
    return str(json.loads(next(value for key, value in found.items() if key.endswith("-description"))))


def numbers(connection: Connection) -> list[int]:
    """The plans, oldest first."""
    return list(connection.execute(select(repairs.c.id).order_by(repairs.c.id)).scalars())


def ledger(connection: Connection) -> list[tuple[str, str, str | None]]:
    """What the ledger says of each plan: its rule, its state, and who wanted it."""
    own = repairs.c
    rows = connection.execute(select(own.rule, own.state, own.applied_by).order_by(own.id))
    return [(row.rule, row.state, row.applied_by) for row in rows]
