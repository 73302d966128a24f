"""Acknowledging by answering an SMS; no port is open, the dispatcher asks."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from alerts.incidents.store import find
from alerts.outbox.dispatch import dispatch
from checks import Status
from tests.alerts.build import PHONE, statuses
from tests.alerts.channels.twilio_server import SENDER, Twilio
from tests.alerts.conftest import Clock, Desk


@pytest.fixture(autouse=True)
def today(clock: Clock) -> None:
    """The server dates messages by its own clock, as the provider does."""
    clock.now = datetime.now(UTC)


def acknowledged(desk: Desk, twilio: Twilio, text: str, sender: str = PHONE) -> str | None:
    desk.record(statuses({"lost_rows": Status.CRITICAL}))
    dispatch(desk.work)
    twilio.accept(SENDER, text.replace("TOKEN", twilio.bodies[0][-8:]), sender, direction="inbound")
    dispatch(desk.work)
    with desk.work.engine.begin() as connection:
        return find(connection, 1).acknowledged_by


def test_a_bare_ack_answers_what_was_told_last(desk: Desk, twilio: Twilio) -> None:
    assert acknowledged(desk, twilio, "Ack") == "dana"


def test_a_token_answers_its_message(desk: Desk, twilio: Twilio) -> None:
    assert acknowledged(desk, twilio, "on it #TOKEN") == "dana"


def test_a_stranger_acknowledges_nothing_even_with_a_token(desk: Desk, twilio: Twilio) -> None:
    assert acknowledged(desk, twilio, "#TOKEN", sender="+14155550999") is None


def test_another_answer_acknowledges_nothing(desk: Desk, twilio: Twilio) -> None:
    assert acknowledged(desk, twilio, "who is this?") is None


def test_an_answer_counts_once(desk: Desk, twilio: Twilio) -> None:
    acknowledged(desk, twilio, "ok")
    desk.record(statuses({"lost_rows": Status.OK}))
    desk.record(statuses({"lost_rows": Status.CRITICAL}))
    dispatch(desk.work)

    with desk.work.engine.begin() as connection:
        assert find(connection, 1).acknowledged_by is None
