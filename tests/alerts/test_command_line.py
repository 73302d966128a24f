"""The commands as an operator runs them, and what they leave behind."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, text

from etl.tables import leagues
from tests.alerts.build import EMAIL, PHONE
from tests.alerts.channels.mail_server import FROM, PASSWORD, USER, Mail
from tests.alerts.channels.twilio_server import SENDER, SID, TOKEN, Twilio
from tests.forks import Running

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SECRETS = (PHONE, PHONE[1:], EMAIL, SENDER, SENDER[1:], SID, TOKEN, PASSWORD, FROM)
RULE = """
from checks import Row, Severity, above, percent, row_check
from etl.tables import leagues

@row_check(leagues, severity=Severity.HIGH, threshold=above(warn=percent(1), critical=percent(5)), owner="test")
def league_that_is_there(row: Row):
    \"\"\"A league stands in the table.\"\"\"
    return row.id.is_not(None)
"""
POLICY = """
[[people]]
name = "dana"
[[routes]]
who = ["dana"]
by = ["sms", "email"]
[watch]
who = ["dana"]
by = ["sms"]
"""


@dataclass
class Shell:
    """The command line in a folder of its own."""

    folder: Path
    environment: dict[str, str]
    said: str = ""

    def __call__(self, *arguments: str, code: int = 0) -> str:
        done = Running(arguments, self.environment, self.folder, apart=True).end()
        self.said += done.out + done.err
        assert done.code == code, done.out + done.err
        return done.out


@pytest.fixture
def shell(database: Engine, twilio: Twilio, mail: Mail, tmp_path: Path) -> Shell:
    (tmp_path / "policy.toml").write_text(POLICY)
    (tmp_path / "contacts.toml").write_text(f'[dana]\nphone = "{PHONE}"\nemail = "{EMAIL}"\n')
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "mine.py").write_text(RULE)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("RALLY_", "PREFECT_"))}
    environment |= {
        "PYTHONPATH": str(ROOT), "RALLY_RULES": "rules", "RALLY_ALERTS_POLICY": "policy.toml",
        "DATABASE_URL": database.url.render_as_string(hide_password=False), "RALLY_ALERTS_CONTACTS": "contacts.toml",
        "HOME": str(tmp_path), **twilio.environment, **mail.environment,
    }  # fmt: skip
    with database.begin() as connection:
        connection.execute(insert(leagues).values(league_id="CNSWPL", league_name="North Shore"))
    return Shell(tmp_path, environment)


CHECK = ("check", "--name", "league_that_is_there")


def test_a_check_with_alert_reaches_the_telephone_and_the_mailbox(shell: Shell, twilio: Twilio, mail: Mail) -> None:
    shell(*CHECK, "--alert", "--email", "dana", code=1)

    assert twilio.bodies[0].startswith("Rally CRITICAL, score 40: league_that_is_there 1 of 1 (100 %) Reply ACK #")
    assert [one["Subject"] for one in mail.arrived] == [
        "[Rally] CRITICAL: league_that_is_there", "[Rally] Health score 40.00 (critical)",
    ]  # fmt: skip


def test_a_check_without_alert_leaves_the_telling_to_the_dispatcher(shell: Shell, twilio: Twilio) -> None:
    shell(*CHECK, code=1)
    assert twilio.posts == 0

    assert shell("alerts", "dispatch") == (
        "2 sent; 2 planned, 0 acknowledged by reply.\n"
    )  # fmt: skip


def test_an_incident_is_acknowledged_by_the_token_of_its_message(shell: Shell, twilio: Twilio) -> None:
    shell(*CHECK, "--alert", code=1)

    shell("incidents", "ack", "--token", twilio.bodies[0][-8:])

    (incident,) = json.loads(shell("incidents", "list", "--json"))
    assert (incident["state"], incident["acknowledged_by"]) == ("acknowledged", "dana")


def test_an_incident_is_shown_with_its_story(shell: Shell) -> None:
    shell(*CHECK, code=1)
    shell("incidents", "assign", "1", "--to", "kim", "--by", "dana")
    shell("incidents", "note", "1", "asked", "--by", "kim")

    shown = json.loads(shell("incidents", "show", "1", "--json"))

    assert [(one["kind"], one["actor"], one["text"]) for one in shown["events"]] == [
        ("opened", "", "CRITICAL: 1 of 1 (100 %)"), ("assigned", "dana", "kim"), ("noted", "kim", "asked"),
    ]  # fmt: skip
    assert "league_that_is_there (HIGH), open" in shell("incidents", "show", "1")


def test_a_preview_sends_nothing(shell: Shell, twilio: Twilio) -> None:
    shell(*CHECK, code=1)

    shown = json.loads(shell("alerts", "preview", "--json"))

    assert [(one["recipient"], one["channel"]) for one in shown["messages"]] == [("dana", "sms"), ("dana", "email")]
    assert twilio.posts == 0
    assert "Reply ACK" in shell("alerts", "preview")


def test_a_test_message_goes_by_each_channel(shell: Shell, twilio: Twilio, mail: Mail) -> None:
    shell("alerts", "test", "--to", "dana")

    assert len(twilio.bodies) == len(mail.arrived) == 1


def test_a_dead_letter_is_exit_5_and_can_be_resent(shell: Shell, twilio: Twilio) -> None:
    twilio.faults.append("code 21211")
    shell("alerts", "test", code=5)
    (lost,) = json.loads(shell("alerts", "outbox", "--dead", "--json"))

    shell("alerts", "resend", str(lost["id"]))
    shell("alerts", "dispatch")

    assert len(twilio.bodies) == 1


def test_a_message_that_waits_for_another_set_up_is_exit_4_and_goes_out_once_it_is_mended(
    shell: Shell, twilio: Twilio
) -> None:
    shell.environment["RALLY_TWILIO_AUTH_TOKEN"] = f"{TOKEN}wrong"
    shell("alerts", "test", code=4)
    shell.environment["RALLY_TWILIO_AUTH_TOKEN"] = TOKEN

    shell("alerts", "dispatch")

    assert len(twilio.bodies) == 1


def test_a_provider_that_is_away_is_exit_4_and_undoes_nothing_of_a_check(shell: Shell, twilio: Twilio) -> None:
    shell.environment["RALLY_TWILIO_URL"] = "http://127.0.0.1:1"
    shell(*CHECK, "--alert", "--fail-on", "never", code=5)
    shell("alerts", "test", code=4)

    assert len(json.loads(shell("incidents", "list", "--json"))) == 1


def test_without_a_policy_an_alert_is_wrong_usage_before_anything_is_run(shell: Shell) -> None:
    del shell.environment["RALLY_ALERTS_POLICY"]

    shell(*CHECK, "--alert", code=2)

    assert shell.said == (
        "error: nobody can be told: set RALLY_ADMIN_PHONE or RALLY_ADMIN_EMAIL, or RALLY_ALERTS_POLICY to a TOML file; "
        "docs/ALERTS.md has an example\n"
    )
    assert json.loads(shell("incidents", "list", "--json")) == []


def test_the_watch_tells_silence_and_a_database_that_is_away(shell: Shell, twilio: Twilio) -> None:
    shell("watch", code=1)
    shell(*CHECK, code=1)
    shell("watch")
    shell.environment["DATABASE_URL"] = "postgresql://rally@127.0.0.1:1/rally"
    shell("watch", code=4)

    assert [body[:-10] for body in twilio.bodies] == [
        "Rally CRITICAL: no health check has ever finished.",
        "Rally: health checks run again and messages are on their way.",
        "Rally CRITICAL: the database cannot be reached, so nothing is checked and no alert can be written.",
    ]


def test_no_number_address_or_secret_is_left_anywhere(
    shell: Shell, database: Engine, twilio: Twilio, mail: Mail
) -> None:
    twilio.faults.extend(["accept and 500", "code 21211"])
    mail.faults.extend(["rcpt 550", "data 451"])
    shell(*CHECK, "--alert", "--email", "dana", "--detailed", "--json", "report.json", code=1)
    shell("alerts", "test", code=5)
    for command in (["alerts", "dispatch"], ["alerts", "outbox"], ["alerts", "preview"], ["incidents", "show", "1"]):
        shell(*command)
    shell.environment["RALLY_TWILIO_AUTH_TOKEN"] = f"{TOKEN}wrong"
    shell("alerts", "test", code=4)
    shell.environment["RALLY_SMTP_URL"] = f"smtp://{USER}:{PASSWORD}@mail.example.org"
    shell("alerts", "test", code=2)

    (shell.folder / "contacts.toml").unlink()
    left = shell.said + stored(database)
    written = [file for file in shell.folder.rglob("*") if file.suffix in {".json", ".log"}]
    left += "".join(file.read_text(errors="replace") for file in written)
    assert [secret for secret in SECRETS if secret in left] == []


def stored(database: Engine) -> str:
    """Every row of every table of ours."""
    with database.begin() as connection:
        names = connection.execute(text("select tablename from pg_tables where schemaname = 'quality'")).scalars().all()
        rows = [connection.execute(text(f'select t::text from quality."{name}" t')).scalars().all() for name in names]
    assert any(rows)
    return "\n".join(row for table in rows for row in table)
