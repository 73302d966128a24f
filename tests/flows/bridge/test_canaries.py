"""Passwords, tokens, numbers, addresses and people's names, laid out as canaries: none is found in any sink."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, text

from etl.tables import clubs, leagues, players, series, teams
from tests.alerts.channels.mail_server import FROM, PASSWORD, Mail, mail_server
from tests.alerts.channels.twilio_server import SENDER, SID, TOKEN, Twilio, twilio_server
from tests.flows.bridge.command import Command

pytestmark = pytest.mark.slow

PHONE, EMAIL = "+14155550177", "dana.canary@example.org"
NAMES = ("Zyxwina", "Quokkasson")
LOGIN, ASKED, KEY = "Canary-S3CR3T-in-url", "Canary-S3CR3T-in-query", "Canary-S3CR3T-of-key"
CANARIES = (
    LOGIN,
    ASKED,
    KEY,
    TOKEN,
    SID,
    PASSWORD,
    PHONE,
    PHONE[1:],
    EMAIL,
    SENDER[1:],
    FROM,
    *NAMES,
    "zyx@example.org",
)
COMMANDS = (
    ("import", "feeds", "--json", "-"),
    ("check", "--alert", "--email", "dana", "--detailed", "--json", "report.json", "--fail-on", "never"),
    ("report", "weekly"),
    ("incidents", "list"),
    ("alerts", "test"),
    ("alerts", "dispatch"),
    ("alerts", "preview"),
    ("alerts", "outbox"),
    ("history",),
    ("history", "verify"),
    ("names", "unresolved"),
    ("snapshot", "create", "--reason", "drill"),
    ("report", "monthly"),
    ("emergency", "--reason", "drill", "--no-notify"),
    ("site", "pages"),
    ("imports",),
    ("imports", "held"),
    ("rejects", "list"),
    ("fix", "plan"),
    ("config", "show"),
    ("doctor",),
)
POLICY = """
[[people]]
name = "dana"
[[routes]]
who = ["dana"]
by = ["sms", "email"]
"""


@dataclass(frozen=True)
class Place:
    """A database with people in it, and a command that knows every secret."""

    command: Command
    twilio: Twilio
    mail: Mail


@pytest.fixture
def place(command: Command, database: Engine, tmp_path: Path) -> Iterator[Place]:
    person = {"first_name": NAMES[0], "last_name": NAMES[1], "email": "zyx@example.org", "team_id": 1, "league_id": 1,
              "club_id": 1, "series_id": 1}  # fmt: skip
    with database.begin() as connection:
        connection.execute(insert(leagues).values(id=1, league_id="APTA_CHICAGO", league_name="APTA Chicago"))
        connection.execute(insert(clubs).values(id=1, name="Birchwood"))
        connection.execute(insert(series).values(id=1, name="Chicago 11"))
        row = {"id": 1, "team_name": "Birchwood - 11", "league_id": 1, "club_id": 1, "series_id": 1}
        connection.execute(insert(teams).values(row))
        many = [person | {"tenniscores_player_id": f"nndz-{n // 2}", "wins": 9, "losses": 1} for n in range(6)]
        connection.execute(text("alter table players drop constraint if exists unique_player_in_league_club_series"))
        connection.execute(insert(players), many[::2])
    (tmp_path / "feeds" / "APTA_CHICAGO").mkdir(parents=True)
    bad = {"First Name": NAMES[0], "Last Name": NAMES[1], "League": "APTA_CHICAGO", "Player ID": 7, "Club": None}
    (tmp_path / "feeds" / "APTA_CHICAGO" / "players.json").write_text(json.dumps([bad, bad | {"PTI": "none"}]))
    (tmp_path / "policy.toml").write_text(POLICY)
    (tmp_path / "contacts.toml").write_text(f'[dana]\nphone = "{PHONE}"\nemail = "{EMAIL}"\n')
    # the embedded server asks for no password, so any will do, in every place that a URL has for one
    query = {**database.url.query, "password": ASKED, "sslpassword": KEY}
    url = database.url.set(password=LOGIN, query=query).render_as_string(hide_password=False)
    with twilio_server() as twilio, mail_server(tmp_path) as mail:
        able = command.having(
            DATABASE_URL=url, RALLY_ALERTS_POLICY="policy.toml", RALLY_ALERTS_CONTACTS="contacts.toml",
            RALLY_DATA="data", **twilio.environment, **mail.environment,
        )  # fmt: skip
        yield Place(able, twilio, mail)


def found_in(what: str, content: bytes) -> list[str]:
    """The canaries in a sink."""
    return [f"{one!r} in {what}" for one in CANARIES if one.encode() in content]


def sinks(place: Place) -> Iterator[tuple[str, bytes]]:
    """What is left in files and in messages; contacts are where they were put, snapshots are their owner's alone."""
    folder = place.command.folder
    for file in folder.rglob("*"):
        ours = file.relative_to(folder).parts[0] in {"contacts.toml", "feeds", "data"}
        if file.is_file() and not ours and file.suffix != ".pem":
            yield str(file.relative_to(folder)), file.read_bytes()
    for number, body in enumerate(place.twilio.bodies):
        yield f"SMS {number}", body.encode()
    for number, letter in enumerate(place.mail.arrived):
        for part in letter.walk():
            content = part.get_payload(decode=True)
            yield f"mail {number}", content if isinstance(content, bytes) else b""


def kept(home: Path) -> Iterator[tuple[str, bytes]]:
    """The files of a server at work, in which some come and go."""
    for file in home.rglob("*"):
        with suppress(FileNotFoundError, IsADirectoryError):
            yield file.name, file.read_bytes()


def run_all(place: Place, command: Command) -> list[str]:
    """The canaries that any command prints or leaves."""
    leaks = []
    for arguments in COMMANDS:
        ended = command.run(*arguments)
        assert ended.code in {0, 1, 3, 4, 5}, ended.err
        assert "Traceback" not in ended.err
        leaks += found_in(" ".join(arguments), (ended.out + ended.err).encode())
    assert place.twilio.bodies
    assert place.mail.arrived
    return [*leaks, *(leak for what, content in sinks(place) for leak in found_in(what, content))]


@pytest.mark.long
def test_no_canary_is_found_in_any_sink(place: Place) -> None:
    """Without Prefect; beside it the same commands leave more."""
    assert run_all(place, place.command) == []


def test_no_canary_is_found_in_any_sink_of_prefect(place: Place, prefect_api: str, prefect_home: Path) -> None:
    leaks = run_all(place, place.command.under(prefect_api))

    stored = list(kept(prefect_home))
    assert any(name.endswith(".db") for name, _ in stored)
    assert [*leaks, *(leak for name, content in stored for leak in found_in(name, content))] == []
