"""How often and how long, as options of pytest, and the figures at the end of a run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from alerts.outbox.enqueue import enqueue_test
from alerts.policy import load_policy
from tests.alerts.build import EMAIL, PHONE
from tests.alerts.channels.mail_server import Mail, mail_server
from tests.alerts.channels.twilio_server import Twilio, twilio_server
from tests.conftest import copy_of
from tests.faults.commands import Rally

Copies = Callable[[], AbstractContextManager[Engine]]


@dataclass(frozen=True)
class Amount:
    """How much of it: kills of each command, seconds and seeds of the nemesis; `first` is the first seed."""

    kills: int
    seconds: float
    seeds: int
    first: int
    say: Callable[[str], None]
    """Prints a line of figures, whatever becomes of the rest of the output."""


@pytest.fixture
def amount(pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]) -> Amount:
    def say(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}\n")
            sys.stdout.flush()

    option = pytestconfig.getoption
    return Amount(option("--kills"), option("--seconds"), option("--seeds"), option("--first-seed"), say)


@pytest.fixture
def rally(tmp_path: Path) -> Rally:
    """The command line in a folder of the test's own."""
    return Rally(tmp_path, {"RALLY_DATA": str(tmp_path / "data"), "RALLY_REPORTS": str(tmp_path / "logs")})


@pytest.fixture
def copies(server: str) -> Callable[[Engine], Copies]:
    """Copies of a prepared database, each gone after its block; nobody may be connected to the one that is copied."""

    def of(prepared: Engine) -> Copies:
        prepared.dispose()

        @contextmanager
        def copy() -> Iterator[Engine]:
            yield from copy_of(server, str(prepared.url.database))

        return copy

    return of


POLICY = """
[[people]]
name = "dana"
[[routes]]
who = ["dana"]
by = ["sms", "email"]
"""
CONTACTS = f'[dana]\nphone = "{PHONE}"\nemail = "{EMAIL}"\n'


@dataclass(frozen=True)
class Messenger:
    """The command line with a policy, and the real servers of its channels."""

    rally: Rally
    twilio: Twilio
    mail: Mail

    def forget(self) -> None:
        """Let the servers forget what they took."""
        self.twilio.messages.clear()
        self.mail.arrived.clear()


@pytest.fixture
def messenger(rally: Rally, database: Engine, tmp_path: Path) -> Iterator[Messenger]:
    """With an SMS and a mail that wait in the outbox."""
    (tmp_path / "policy.toml").write_text(POLICY)
    (tmp_path / "contacts.toml").write_text(CONTACTS)
    with database.begin() as connection:
        enqueue_test(connection, load_policy(POLICY, CONTACTS), datetime.now(UTC))
    with twilio_server() as twilio, mail_server(tmp_path) as mail:
        able = rally.having(
            RALLY_ALERTS_POLICY="policy.toml", RALLY_ALERTS_CONTACTS="contacts.toml", **twilio.environment,
            **mail.environment,
        )  # fmt: skip
        yield Messenger(able, twilio, mail)
