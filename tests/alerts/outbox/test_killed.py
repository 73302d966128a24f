"""A dispatcher is killed between the provider's acceptance and our commit."""

from __future__ import annotations

import signal

import pytest

from alerts.channels import State
from alerts.outbox.dispatch import dispatch
from alerts.outbox.send import claim
from checks import Status
from tests.alerts.build import MINUTE, policy, statuses
from tests.alerts.channels.mail_server import Mail
from tests.alerts.channels.twilio_server import SENDER, SID, TOKEN, Twilio
from tests.alerts.conftest import Desk
from tests.forks import run_code

PERSON = """
[[people]]
name = "dana"
phone = "+14155550123"
email = "dana@example.org"
[[routes]]
who = ["dana"]
by = ["{by}"]
"""
DISPATCHER = """
import os, signal, sys
from datetime import datetime
from pydantic import SecretStr
from alerts.channels.smtp import SmtpMail, SmtpServer
from alerts.channels.twilio import TwilioAccount, TwilioSms
from alerts.outbox.send import Work
from alerts.outbox.send import claim
from alerts.outbox.dispatch import dispatch
from alerts.policy import Channel, load_policy
from etl.database import open_engine

database, now, text, twilio, sid, token, number, smtp, authorities = sys.argv[1:]

def killed(sender):
    send = sender.send
    def once(to, message, handing_over):
        send(to, message, handing_over)
        os.kill(os.getpid(), signal.SIGKILL)
    sender.send = once
    return sender

sms = TwilioSms(TwilioAccount(sid=SecretStr(sid), token=SecretStr(token), sender=SecretStr(number), base_url=twilio))
mail = SmtpMail(SmtpServer.parse(SecretStr(smtp), SecretStr("alerts@example.org"), authorities=authorities))
senders = {Channel.SMS: killed(sms), Channel.EMAIL: killed(mail)}
dispatch(Work(open_engine(database), load_policy(text), senders, lambda: datetime.fromisoformat(now)))
"""


def kill_after_acceptance(desk: Desk, by: str, twilio: Twilio, mail: Mail) -> Desk:
    text = PERSON.format(by=by)
    of_one = desk.under(policy(base=text))
    of_one.record(statuses({"lost_rows": Status.CRITICAL}))
    server = mail.server()
    smtp = (
        f"smtp+starttls://{server.user.get_secret_value()}:{server.password.get_secret_value()}@localhost:{mail.port}"  # type: ignore[union-attr]
    )
    database = desk.work.engine.url.render_as_string(hide_password=False)
    arguments = [database, desk.clock().isoformat(), text, twilio.url, SID, TOKEN, SENDER, smtp, mail.authorities]
    assert run_code(DISPATCHER, *arguments) == -signal.SIGKILL
    return of_one


@pytest.mark.slow
def test_an_sms_that_was_accepted_before_the_kill_is_found_and_not_sent_again(
    desk: Desk, twilio: Twilio, mail: Mail
) -> None:
    killed = kill_after_acceptance(desk, "sms", twilio, mail)
    assert [line.state for line in killed.outbox()] == [State.SENDING]

    for _ in range(3):
        killed.clock.forward(4 * MINUTE)
        dispatch(killed.work)

    assert [line.state for line in killed.outbox()] == [State.SENT]
    assert (twilio.posts, len(twilio.bodies)) == (1, 1)


@pytest.mark.slow
def test_a_mail_that_was_accepted_before_the_kill_is_not_sent_again(desk: Desk, twilio: Twilio, mail: Mail) -> None:
    killed = kill_after_acceptance(desk, "email", twilio, mail)

    for _ in range(3):
        killed.clock.forward(4 * MINUTE)
        dispatch(killed.work)

    assert [line.state for line in killed.outbox()] == [State.UNCERTAIN]
    assert len(mail.arrived) == 1


def test_what_was_only_claimed_before_the_kill_is_sent_once_the_lease_is_over(desk: Desk, twilio: Twilio) -> None:

    of_one = desk.under(policy(base=PERSON.format(by="sms")))
    of_one.record(statuses({"lost_rows": Status.CRITICAL}))
    assert claim(of_one.work.engine, of_one.clock())
    dispatch(of_one.work)
    assert twilio.posts == 0

    of_one.clock.forward(4 * MINUTE)
    dispatch(of_one.work)

    assert (twilio.posts, twilio.gets) == (1, 0)
