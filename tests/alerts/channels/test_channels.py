"""What a mailbox and a chat get, and what channels refuse."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from random import Random

import pytest
from pydantic import SecretStr

from alerts import LostClaim, Misconfigured, PolicyError, Refused, TryLater
from alerts.channels import Message
from alerts.channels.apprise import AppriseChat
from alerts.channels.smtp import SmtpMail, SmtpServer
from alerts.channels.twilio import TwilioSms
from alerts.outbox.dispatch import dispatch
from alerts.outbox.send import FIRST, LONGEST, claim, delay, hand_over
from checks import Status
from tests.alerts.build import EMAIL, HOUR, MINUTE, PHONE, statuses
from tests.alerts.channels.mail_server import PASSWORD, Mail
from tests.alerts.channels.twilio_server import SENDER, SID, TOKEN, Twilio
from tests.alerts.conftest import Desk

MESSAGE = Message(7, "K7QF3M2P", "[Rally] CRITICAL: lost_rows", "text\n.hidden\nÜmläut 東京", "<p>html</p>", (3, 9))
TO = SecretStr(EMAIL)


def nothing() -> None:
    """Nobody waits for the handing over."""


def test_a_mail_has_text_and_html_and_headers_that_keep_machines_quiet(mail: Mail) -> None:
    SmtpMail(mail.server()).send(TO, MESSAGE, nothing)

    (arrived,) = mail.arrived
    text, html = arrived.get_body(("plain",)), arrived.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().splitlines() == ["text", ".hidden", "Ümläut 東京"]
    assert html.get_content().strip() == "<p>html</p>"
    assert (arrived["Auto-Submitted"], arrived["Message-ID"]) == ("auto-generated", "<k7qf3m2p.7@rally.example.org>")
    assert arrived["Date"] is not None


def test_one_incident_is_one_conversation(desk: Desk, mail: Mail) -> None:
    for hour, status in enumerate([Status.WARN, Status.CRITICAL, Status.OK]):
        desk.clock.forward(hour * HOUR)
        desk.record(statuses({"lost_rows": status}))
        dispatch(desk.work)

    assert [one["Subject"] for one in mail.arrived] == [
        "[Rally] WARN: lost_rows", "Re: [Rally] WARN: lost_rows", "[Rally] OK: lost_rows",
    ]  # fmt: skip
    assert len({one["References"] for one in mail.arrived}) == 1
    assert len({one["Message-ID"] for one in mail.arrived}) == 3


def test_a_hostile_subject_adds_no_header(mail: Mail) -> None:
    SmtpMail(mail.server()).send(TO, replace(MESSAGE, subject="a\r\nBcc: x@example.org\u2028y\0"), nothing)

    assert mail.arrived[0]["Bcc"] is None


@pytest.mark.parametrize("url", [
    "smtp://user:secret-word@localhost", "smtp://mail.example.org", "http://mail.example.org", "smtps://", "nonsense",
])  # fmt: skip
def test_a_mail_server_without_tls_is_refused_and_its_url_not_repeated(url: str) -> None:
    with pytest.raises(PolicyError) as raised:
        SmtpServer.parse(SecretStr(url), SecretStr("a@example.org"))

    assert "secret-word" not in str(raised.value)
    assert "expected smtp+starttls://user:password@host:587" in str(raised.value)


def test_a_server_that_offers_no_starttls_gets_neither_password_nor_mail(plain_mail: Mail) -> None:
    with pytest.raises(Misconfigured, match="STARTTLS"):
        SmtpMail(plain_mail.server()).send(TO, MESSAGE, nothing)

    assert plain_mail.arrived == []


@pytest.mark.parametrize("sender", [{"sender": None}, {"service": SecretStr("MG1")}, {"sender": SecretStr("Rally")}])
def test_an_account_needs_exactly_one_sender(twilio: Twilio, sender: dict[str, SecretStr | None]) -> None:
    with pytest.raises(Refused):
        TwilioSms(twilio.account(**sender))


def test_a_messaging_service_can_send(twilio: Twilio) -> None:
    TwilioSms(twilio.account(sender=None, service=SecretStr("MG" + "0" * 32))).send(SecretStr(PHONE), MESSAGE, nothing)

    assert twilio.messages[0]["from"] == "service"


def test_channels_show_no_secret(twilio: Twilio, mail: Mail) -> None:
    shown = f"{twilio.account()!r} {mail.server()!r}"

    assert not [secret for secret in (SID, TOKEN, SENDER, PASSWORD) if secret in shown]


@pytest.mark.parametrize("fault", ["ok", "429", "500", "cut", "code 21211", "accept and html"])
def test_client_libraries_log_no_number_even_at_debug(
    desk: Desk, twilio: Twilio, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    twilio.faults.append(fault)
    desk.record(statuses({"lost_rows": Status.CRITICAL}))
    for _ in range(2):
        dispatch(desk.work)
        desk.clock.forward(3 * MINUTE)

    # aiosmtpd is the other side, and knows the address
    ours = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("mail."))
    assert "message 1 by sms" in ours
    assert not [secret for secret in (SID, TOKEN, SENDER[1:], PHONE[1:], EMAIL, PASSWORD) if secret in ours]


def test_a_chat_gets_the_text(chat: Chat) -> None:
    AppriseChat(timeout=2).send(SecretStr(chat.url), MESSAGE, nothing)

    assert (chat.got[0]["title"], chat.got[0]["message"]) == (MESSAGE.subject, MESSAGE.text)


def test_a_chat_that_says_no_is_tried_again_and_logs_no_url(chat: Chat, caplog: pytest.LogCaptureFixture) -> None:
    chat.status = 500
    caplog.set_level(logging.DEBUG)

    with pytest.raises(TryLater):
        AppriseChat(timeout=2).send(SecretStr(chat.url), MESSAGE, nothing)

    assert "secret-path" not in caplog.text


def test_a_url_that_apprise_does_not_know_is_refused() -> None:
    with pytest.raises(Refused):
        AppriseChat().send(SecretStr("nonsense://secret"), MESSAGE, nothing)


def test_who_lost_the_claim_does_not_send(desk: Desk) -> None:
    desk.record(statuses({"lost_rows": Status.CRITICAL}))
    slow = claim(desk.work.engine, desk.clock())
    desk.clock.forward(4 * MINUTE)
    dispatch(desk.work)

    assert slow is not None
    with pytest.raises(LostClaim):
        hand_over(desk.work.engine, slow, desk.clock())


def test_pauses_double_up_to_half_an_hour_and_are_never_shorter_than_asked_for() -> None:
    jitter = Random(1)  # noqa: S311 - jitter
    pauses = [delay(tries, jitter).total_seconds() for tries in range(1, 12)]

    whole = [min(LONGEST, FIRST * 2**number) for number in range(11)]
    assert all(full / 2 <= pause <= full for pause, full in zip(pauses, whole, strict=True))
    assert delay(1, jitter, 300).total_seconds() == 300


class Chat:
    """A webhook."""

    def __init__(self) -> None:
        self.got: list[dict[str, str]] = []
        self.status = 200
        self.url = ""


@pytest.fixture
def chat() -> Iterator[Chat]:
    room = Chat()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            room.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(room.status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    room.url = f"json://127.0.0.1:{server.server_address[1]}/secret-path"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield room
    server.shutdown()
    server.server_close()
