"""Incidents and messages of a run stand in one transaction."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import Connection, func, select

from alerts import UnknownIncident
from alerts.incidents.store import acknowledge, acknowledge_by_token, all_events, assign, find, listed, note, resolve
from alerts.outbox.dispatch import dispatch
from alerts.outbox.enqueue import preview, record
from checks import Severity, Status
from checks.engine.reporting.report import Result
from etl.tables import deliveries, incidents
from tests.alerts.build import DAY, HOUR, MINUTE, NOON, policy, report, result, statuses
from tests.alerts.channels.mail_server import Mail
from tests.alerts.channels.twilio_server import Twilio
from tests.alerts.conftest import Desk


def count(desk: Desk) -> tuple[int, int]:
    with desk.work.engine.begin() as connection:
        return tuple(
            connection.execute(select(func.count()).select_from(one)).scalar_one() for one in (incidents, deliveries)
        )  # type: ignore[return-value]


def test_what_is_rolled_back_leaves_neither_incident_nor_message(desk: Desk) -> None:
    with desk.work.engine.connect() as connection, connection.begin() as transaction:
        assert record(connection, statuses({"lost_rows": Status.CRITICAL}), desk.work.policy, NOON).messages
        transaction.rollback()

    assert count(desk) == (0, 0)


def test_every_critical_of_a_run_is_in_the_outbox_with_its_incident(desk: Desk) -> None:
    found = {f"rule_{number:02}": Status.CRITICAL for number in range(30)}

    recorded = desk.record(statuses(found))

    assert len(recorded.updates) == 30
    assert [line.channel for line in desk.outbox()] == ["email", "sms"]
    mail, sms = desk.outbox()
    assert " more Reply ACK #" in sms.text
    assert all(rule in mail.text for rule in found)


def test_the_first_attempt_comes_within_a_minute_even_if_a_mail_server_hangs(
    desk: Desk, twilio: Twilio, mail: Mail
) -> None:
    mail.faults.append("accept and hang")
    started = time.monotonic()
    desk.record(statuses({"lost_rows": Status.CRITICAL}))

    dispatch(desk.work)

    assert twilio.posts == 1
    assert time.monotonic() - started < 60


def test_without_a_policy_there_are_incidents_only(desk: Desk) -> None:
    with desk.work.engine.begin() as connection:
        record(connection, statuses({"lost_rows": Status.CRITICAL}), None, NOON)

    assert count(desk) == (1, 0)


def test_the_same_run_twice_tells_nobody_twice(desk: Desk) -> None:
    run = statuses({"lost_rows": Status.CRITICAL})
    desk.record(run)
    desk.record(run)

    assert count(desk) == (1, 2)


def test_an_incident_keeps_its_story(desk: Desk) -> None:
    for hour, status in enumerate([Status.WARN, Status.CRITICAL, Status.WARN, Status.OK, Status.WARN]):
        desk.clock.now = NOON + hour * HOUR
        desk.record(statuses({"lost_rows": status}))

    with desk.work.engine.begin() as connection:
        story = [event.kind.value for event in all_events(connection, 1)]
    assert story == ["opened", "worsened", "improved", "resolved", "reopened"]


def test_the_story_of_an_incident_is_of_no_other(desk: Desk) -> None:
    one, other = (
        statuses({"lost_rows": Status.WARN}),
        statuses({"lost_rows": Status.WARN, "twin_rows": Status.CRITICAL}),
    )
    desk.record(one)
    desk.clock.forward(HOUR)
    desk.record(other)
    with desk.work.engine.begin() as connection:
        note(connection, 1, "feed asked for", "lee", NOON + 2 * HOUR)
        acknowledge(connection, 2, "dana", NOON + 3 * HOUR)
        acknowledge(connection, 2, "lee", NOON + 4 * HOUR)
        resolve(connection, 2, "lee", NOON + 5 * HOUR)
        resolve(connection, 2, "dana", NOON + 6 * HOUR, "too late")

        first, second = (all_events(connection, number) for number in (1, 2))
        done = find(connection, 2)

    assert [(event.kind.value, event.actor, event.text) for event in first][1:] == [("noted", "lee", "feed asked for")]
    assert [(event.kind.value, event.actor, (event.at - NOON) / HOUR) for event in second] == [
        ("opened", second[0].actor, 1), ("acknowledged", "dana", 3), ("resolved", "lee", 5),
    ]  # fmt: skip
    assert (first[0].run, first[1].run, second[0].run, second[1].run) == (one.run, None, other.run, None)
    assert (done.acknowledged_by, done.acknowledged_at, done.resolved_at, done.resolution) == (
        "dana", NOON + 3 * HOUR, NOON + 5 * HOUR, "by lee",
    )  # fmt: skip


def test_the_list_has_what_is_open_and_what_was_resolved_since_a_moment(desk: Desk) -> None:
    desk.record(statuses({"lost_rows": Status.WARN, "twin_rows": Status.WARN, "odd_rows": Status.WARN}))
    with desk.work.engine.begin() as connection:
        resolve(connection, find_rule(connection, "lost_rows"), "lee", NOON + HOUR)
        resolve(connection, find_rule(connection, "twin_rows"), "lee", NOON + 3 * HOUR)

        since = [
            [one.rule for one in listed(connection, resolved_since=moment)]
            for moment in (None, NOON + HOUR, NOON + 2 * HOUR, NOON + 4 * HOUR)
        ]

    assert since == [["odd_rows"], ["odd_rows", "lost_rows", "twin_rows"], ["odd_rows", "twin_rows"], ["odd_rows"]]


def find_rule(connection: Connection, rule: str) -> int:
    return next(one.id for one in listed(connection) if one.rule == rule)


def test_what_two_scopes_find_are_two_incidents(desk: Desk) -> None:
    with desk.work.engine.begin() as connection:
        record(connection, statuses({"lost_rows": Status.WARN}), None, NOON, scope="")
        record(connection, statuses({"lost_rows": Status.OK}), None, NOON + HOUR, scope="league CNSWPL")

        assert [one.scope for one in listed(connection)] == [""]


def test_each_parameter_is_an_incident_of_its_own(desk: Desk) -> None:
    desk.record(report(*(result("lost_rows", Status.WARN, parameter=league) for league in ("NSTF", "CNSWPL"))))

    with desk.work.engine.begin() as connection:
        assert [one.title for one in listed(connection)] == ["lost_rows (CNSWPL)", "lost_rows (NSTF)"]


def test_an_incident_ends_with_the_league_that_it_is_about(desk: Desk) -> None:
    gone = [result("lost_rows", Status.CRITICAL, parameter=league) for league in ("CITA", "NSTF")]
    desk.record(report(*gone))

    desk.clock.forward(DAY)
    (update,) = [one for one in desk.record(report(gone[0])).updates if one.kind]

    assert (update.incident.parameter, update.incident.open) == ("NSTF", False)
    assert update.incident.resolution == "what it was about is no longer there"


@pytest.mark.parametrize("measured", [[], [result("lost_rows", Status.ERROR)], [result("other", Status.OK)]])
def test_a_rule_that_was_not_measured_league_by_league_ends_no_incident(desk: Desk, measured: list[Result]) -> None:
    desk.record(report(result("lost_rows", Status.CRITICAL, parameter="NSTF")))

    desk.clock.forward(DAY)
    desk.record(report(*measured))

    with desk.work.engine.begin() as connection:
        assert "NSTF" in [one.parameter for one in listed(connection)]


def test_open_incidents_stand_worst_first(desk: Desk) -> None:
    desk.record(
        report(
            result("b", Status.WARN), result("c", Status.CRITICAL, severity=Severity.LOW), result("a", Status.CRITICAL)
        )
    )

    with desk.work.engine.begin() as connection:
        assert [one.rule for one in listed(connection)] == ["a", "c", "b"]


def test_an_acknowledged_incident_is_not_repeated(desk: Desk) -> None:
    desk.record(statuses({"lost_rows": Status.CRITICAL}))
    with desk.work.engine.begin() as connection:
        acknowledge(connection, 1, "dana", NOON)
        shown = preview(connection, desk.work.policy, NOON + 2 * DAY)

    assert shown.messages == []
    assert {one.why for one in shown.decisions} == {"acknowledged by dana"}


def test_a_token_acknowledges_what_its_message_told(desk: Desk) -> None:
    desk.record(statuses({"lost_rows": Status.CRITICAL, "twin_rows": Status.CRITICAL}))
    with desk.work.engine.begin() as connection:
        token = connection.execute(select(deliveries.c.token).limit(1)).scalar_one()
        told = acknowledge_by_token(connection, f" #{token.lower()}", NOON + MINUTE)

    assert {(one.rule, one.acknowledged_by) for one in told} == {("lost_rows", "dana"), ("twin_rows", "dana")}


def test_a_token_acknowledges_nothing_that_another_message_told(desk: Desk) -> None:
    desk.record(statuses({"lost_rows": Status.CRITICAL}))
    desk.clock.forward(HOUR)
    desk.record(statuses({"lost_rows": Status.CRITICAL, "twin_rows": Status.CRITICAL}))
    with desk.work.engine.begin() as connection:
        newest = select(deliveries.c.token).order_by(deliveries.c.id.desc()).limit(1)
        told = acknowledge_by_token(connection, connection.execute(newest).scalar_one(), NOON + 2 * HOUR, by="lee")

        assert [(one.rule, one.acknowledged_by) for one in told] == [("twin_rows", "lee")]
        assert {one.rule: one.acknowledged_at for one in listed(connection)} == {
            "lost_rows": None, "twin_rows": NOON + 2 * HOUR,
        }  # fmt: skip
        with pytest.raises(UnknownIncident, match="no message carries this token"):
            acknowledge_by_token(connection, "K7QF3M2P", NOON)


def test_people_assign_note_and_resolve(desk: Desk) -> None:
    desk.record(statuses({"lost_rows": Status.CRITICAL}))
    with desk.work.engine.begin() as connection:
        assign(connection, 1, "lee", "dana", NOON)
        note(connection, 1, "feed asked for", "lee", NOON)
        resolve(connection, 1, "lee", NOON, "feed repaired")

        done = find(connection, 1)
        assert (done.assignee, done.state, done.resolution) == ("lee", "resolved", "feed repaired")
        assert [event.kind.value for event in all_events(connection, 1)] == ["opened", "assigned", "noted", "resolved"]


def test_a_preview_says_why_somebody_hears_nothing_now(desk: Desk) -> None:
    asleep = policy(
        base='[[people]]\nname = "dana"\nemail = "d@example.org"\nhours = "13:00-14:00"\n'
        '[[routes]]\nwho = ["dana"]\nby = ["email"]\n'
    )
    with desk.work.engine.begin() as connection:
        record(connection, statuses({"lost_rows": Status.WARN}), asleep, NOON)
        shown = preview(connection, asleep, NOON)

    assert [(one.recipient, one.reason, one.why) for one in shown.decisions] == [("dana", None, "in their quiet hours")]


@pytest.mark.parametrize("channel", ["sms", "email"])
def test_recovery_is_told_to_whoever_was_told(desk: Desk, channel: str) -> None:
    desk.record(statuses({"lost_rows": Status.CRITICAL}))
    desk.clock.forward(HOUR)
    desk.record(statuses({"lost_rows": Status.OK}))

    assert [line.reason for line in desk.outbox() if line.channel == channel] == ["recovery", "new"]
