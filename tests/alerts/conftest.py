"""Providers on loopback, and a dispatcher that works with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Engine

from alerts.channels import Sender
from alerts.channels.smtp import SmtpMail
from alerts.channels.twilio import TwilioSms
from alerts.outbox.enqueue import Line, Recorded, outbox, record
from alerts.outbox.send import Work
from alerts.people import Channel
from alerts.policy import Policy
from checks.engine.reporting.report import Report
from tests.alerts.build import NOON, policy
from tests.alerts.channels.mail_server import Mail, mail_server
from tests.alerts.channels.twilio_server import Twilio, twilio_server


@pytest.fixture
def twilio() -> Iterator[Twilio]:
    with twilio_server() as server:
        yield server


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[Mail]:
    with mail_server(tmp_path) as server:
        yield server


@pytest.fixture
def plain_mail(tmp_path: Path) -> Iterator[Mail]:
    with mail_server(tmp_path, tls=False) as server:
        yield server


@dataclass
class Clock:
    """A time that only tests move."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, span: timedelta) -> None:
        self.now += span


@dataclass
class Desk:
    """A database of its own with a dispatcher."""

    work: Work
    clock: Clock

    def record(self, report: Report) -> Recorded:
        with self.work.engine.begin() as connection:
            return record(connection, report, self.work.policy, self.clock())

    def outbox(self) -> list[Line]:
        with self.work.engine.begin() as connection:
            return list(outbox(connection))

    def under(self, rules: Policy) -> Desk:
        return Desk(replace(self.work, policy=rules), self.clock)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(database: Engine, twilio: Twilio, mail: Mail, clock: Clock) -> Desk:
    senders: dict[Channel, Sender] = {Channel.SMS: TwilioSms(twilio.account()), Channel.EMAIL: SmtpMail(mail.server())}
    return Desk(Work(database, policy(), senders, clock, Random(1)), clock)  # noqa: S311 - jitter
