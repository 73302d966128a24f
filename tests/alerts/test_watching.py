"""The dead man's switch."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import insert

from alerts import PolicyError
from alerts.outbox.dispatch import dispatch
from alerts.watching import Away, alarms, back, enqueue_alarms, tell_away
from checks import Status
from etl.tables import check_runs
from tests.alerts.build import HOUR, MINUTE, NOON, PEOPLE, policy, statuses
from tests.alerts.channels.twilio_server import Twilio
from tests.alerts.conftest import Desk

WATCH = policy(base=PEOPLE + '[watch]\nwho = ["dana"]\nby = ["sms"]\n')


@pytest.fixture
def post(desk: Desk) -> Desk:
    return desk.under(WATCH)


def finish_a_run(desk: Desk, *, scoped: bool = False, selection: str = "all") -> None:
    values = {"id": str(uuid4()), "started_at": desk.clock(), "finished_at": desk.clock(), "today": NOON.date(),
              "selection": selection, "scoped": scoped, "band": "healthy", "formula": 1, "coverage": 1.0,
              "domains": {}, "snapshots": 1}  # fmt: skip
    with desk.work.engine.begin() as connection:
        connection.execute(insert(check_runs).values(values))


def look(desk: Desk) -> list[str]:
    with desk.work.engine.begin() as connection:
        found = alarms(connection, desk.work.policy, desk.clock())
        messages = enqueue_alarms(connection, desk.work.policy, found, desk.clock())
    dispatch(desk.work, only=messages)
    return [one.text for one in found]


def test_26_hours_of_silence_are_still_fine_and_more_are_not(post: Desk, twilio: Twilio) -> None:
    finish_a_run(post)
    post.clock.forward(26 * HOUR)
    assert look(post) == []

    post.clock.forward(timedelta(seconds=1))

    assert look(post) == ["no health check has finished for 26 h (last 2026-03-02 12:00 UTC)."]
    assert twilio.bodies[0].startswith("Rally CRITICAL: no health check has finished for 26 h (last 2026-03-02")


def test_a_database_without_any_run_is_silent_too(post: Desk) -> None:
    assert look(post) == ["no health check has ever finished."]


def test_a_run_about_one_league_breaks_no_silence(post: Desk) -> None:
    finish_a_run(post, scoped=True)

    assert look(post) == ["no health check has ever finished."]


def test_only_runs_of_the_selection_count_where_the_policy_names_one(post: Desk) -> None:
    daily = desk_of(post, 'selection = "tag daily"')
    finish_a_run(daily, selection="severity HIGH")

    assert look(daily) == ["no health check has ever finished."]


def desk_of(desk: Desk, more: str) -> Desk:
    return desk.under(policy(base=PEOPLE + f'[watch]\nwho = ["dana"]\nby = ["sms"]\n{more}\n'))


def test_silence_is_repeated_after_the_interval_only(post: Desk, twilio: Twilio) -> None:
    for _ in range(13):
        look(post)
        post.clock.forward(HOUR)

    assert len(twilio.bodies) == 2


def test_the_end_of_silence_is_told_once(post: Desk, twilio: Twilio) -> None:
    look(post)
    finish_a_run(post)
    look(post)
    look(post)

    assert len(twilio.bodies) == 2
    assert twilio.bodies[1].startswith("Rally: health checks run again")


def test_messages_that_nobody_sends_are_an_alarm(desk: Desk) -> None:
    finish_a_run(desk)
    desk.record(statuses({"lost_rows": Status.CRITICAL}))
    desk.clock.forward(HOUR + MINUTE)

    assert look(desk.under(WATCH)) == ["2 messages waiting for over an hour; does `rally-health alerts dispatch` run?"]


def test_a_database_that_is_away_is_told_without_it(post: Desk, twilio: Twilio, tmp_path: Path) -> None:
    memory = tmp_path / "watch.json"
    told = [tell_away(WATCH, post.work.senders, memory, NOON + hour * HOUR) for hour in (0, 1, 12)]

    assert told == [Away(1, 0), Away(0, 0), Away(1, 0)]
    assert twilio.bodies[0].startswith("Rally CRITICAL: the database cannot be reached")


def test_its_return_is_told_to_those_who_heard_of_it(post: Desk, twilio: Twilio, tmp_path: Path) -> None:
    memory = tmp_path / "watch.json"
    tell_away(WATCH, post.work.senders, memory, NOON)

    assert [back(WATCH, post.work.senders, memory) for _ in range(2)] == [Away(1, 0), Away(0, 0)]


def test_a_watch_that_cannot_tell_says_so(post: Desk, twilio: Twilio, tmp_path: Path) -> None:
    twilio.faults.append("code 21211")

    assert tell_away(WATCH, post.work.senders, tmp_path / "watch.json", NOON) == Away(0, 1)


def test_a_policy_without_a_watch_is_told_apart(desk: Desk) -> None:
    with desk.work.engine.begin() as connection, pytest.raises(PolicyError, match=r"has no \[watch\]"):
        alarms(connection, policy(), NOON)
