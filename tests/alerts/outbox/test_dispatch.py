"""From a report to a telephone, through every fault that providers have."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from pydantic import SecretStr

from alerts.channels import State
from alerts.channels.smtp import SmtpMail
from alerts.channels.twilio import TwilioSms
from alerts.outbox.dispatch import dispatch
from alerts.outbox.enqueue import enqueue_test, resend
from alerts.outbox.send import TRIES
from alerts.people import Channel
from alerts.render.sms import fits
from checks import Status
from tests.alerts.build import DAY, HOUR, MINUTE, policy, statuses
from tests.alerts.channels.mail_server import Mail
from tests.alerts.channels.twilio_server import TOKEN, Twilio
from tests.alerts.conftest import Desk

CRITICAL = {"lost_rows": Status.CRITICAL}
SMS_ONLY = policy(base='[[people]]\nname = "dana"\nphone = "+14155550123"\n[[routes]]\nwho = ["dana"]\nby = ["sms"]\n')
MAIL_ONLY = policy(
    base='[[people]]\nname = "dana"\nemail = "d@example.org"\n[[routes]]\nwho = ["dana"]\nby = ["email"]\n'
)


@pytest.fixture
def sms(desk: Desk) -> Desk:
    return desk.under(SMS_ONLY)


@pytest.fixture
def post(desk: Desk) -> Desk:
    return desk.under(MAIL_ONLY)


def states(desk: Desk) -> list[State]:
    return [line.state for line in desk.outbox()]


def test_a_critical_goes_out_by_sms_and_by_mail(desk: Desk, twilio: Twilio, mail: Mail) -> None:
    desk.record(statuses(CRITICAL))

    done = dispatch(desk.work)

    assert done.attempts == {State.SENT: 2}
    assert len(twilio.bodies) == len(mail.arrived) == 1
    assert twilio.bodies[0].startswith("Rally CRITICAL, score 61: lost_rows 205 of 727 (28.2 %) Reply ACK #")


def test_a_second_round_sends_nothing_again(desk: Desk, twilio: Twilio, mail: Mail) -> None:
    desk.record(statuses(CRITICAL))
    dispatch(desk.work)

    assert dispatch(desk.work).attempts == {}
    assert len(twilio.bodies) == len(mail.arrived) == 1


def test_several_dispatchers_at_once_send_each_message_once(sms: Desk, twilio: Twilio) -> None:
    with sms.work.engine.begin() as connection:
        for _ in range(12):
            enqueue_test(connection, sms.work.policy, sms.clock())

    with ThreadPoolExecutor(3) as pool:
        rounds = list(pool.map(lambda _: dispatch(sms.work, workers=2), range(3)))

    assert sum(one.attempts.get(State.SENT, 0) for one in rounds) == 12
    assert len(set(twilio.bodies)) == len(twilio.bodies) == 12


def test_a_channel_without_a_provider_is_named_with_what_to_do(desk: Desk, mail: Mail) -> None:
    """It is no message that cannot be written, and the other channel goes out."""
    email = {Channel.EMAIL: desk.work.senders[Channel.EMAIL]}
    desk.work = replace(desk.work, senders=email)
    desk.record(statuses(CRITICAL))

    dispatch(desk.work)

    said = {line.channel: (line.state, line.error) for line in desk.outbox()}
    assert said[Channel.SMS] == (State.FAILED, "no provider is set up for sms; see docs/ALERTS.md")
    assert said[Channel.EMAIL] == (State.SENT, "")
    assert len(mail.arrived) == 1


def test_what_429_asks_for_is_waited_for(sms: Desk, twilio: Twilio) -> None:
    twilio.faults.append("429")
    sms.record(statuses(CRITICAL))
    dispatch(sms.work)

    (line,) = sms.outbox()
    assert (line.state, line.due_at) == (State.QUEUED, sms.clock() + 77 * (MINUTE / 60))
    sms.clock.forward(78 * (MINUTE / 60))
    dispatch(sms.work)
    assert states(sms) == [State.SENT]


@pytest.mark.parametrize(
    "fault", ["accept and cut", "accept and 500", "accept and hang", "accept and html", "accept and empty"]
)
def test_an_accepted_sms_is_never_sent_again_however_its_answer_went_wrong(
    sms: Desk, twilio: Twilio, fault: str
) -> None:
    twilio.faults.append(fault)
    sms.record(statuses(CRITICAL))
    dispatch(sms.work)
    assert states(sms) == [State.UNKNOWN]

    sms.clock.forward(MINUTE)
    dispatch(sms.work)

    assert states(sms) == [State.SENT]
    assert (twilio.posts, len(twilio.bodies)) == (1, 1)


@pytest.mark.parametrize("fault", ["cut", "500"])
def test_an_sms_that_the_provider_does_not_know_after_two_minutes_is_sent_again(
    sms: Desk, twilio: Twilio, fault: str
) -> None:
    twilio.faults.append(fault)
    sms.record(statuses(CRITICAL))
    dispatch(sms.work)
    sms.clock.forward(MINUTE)
    dispatch(sms.work)
    assert twilio.posts == 1

    sms.clock.forward(MINUTE)
    dispatch(sms.work)

    assert states(sms) == [State.SENT]
    assert (twilio.posts, len(twilio.bodies)) == (2, 1)


def test_nothing_is_sent_while_the_provider_cannot_be_asked(sms: Desk, twilio: Twilio) -> None:
    twilio.faults.append("accept and cut")
    sms.record(statuses(CRITICAL))
    dispatch(sms.work)
    twilio.look_up_faults.extend(["503"] * 5)

    for _ in range(5):
        sms.clock.forward(HOUR)
        dispatch(sms.work)

    assert states(sms) == [State.UNKNOWN]
    assert twilio.posts == 1


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (21211, "Twilio: the number is not valid (code 21211)"),
        (21610, "Twilio: the recipient has unsubscribed (STOP) (code 21610)"),
    ],
)
def test_what_the_provider_refuses_for_good_is_a_dead_letter_at_once(
    sms: Desk, twilio: Twilio, code: int, words: str
) -> None:
    twilio.faults.append(f"code {code}")
    sms.record(statuses(CRITICAL))
    done = dispatch(sms.work)

    (line,) = sms.outbox()
    assert (line.state, line.error, line.attempts, done.dead) == (State.FAILED, words, 1, 1)


def test_a_dead_letter_can_be_sent_again_by_a_person(sms: Desk, twilio: Twilio) -> None:
    twilio.faults.append("code 21211")
    sms.record(statuses(CRITICAL))
    dispatch(sms.work)
    with sms.work.engine.begin() as connection:
        resend(connection, sms.outbox()[0].id, sms.clock())

    dispatch(sms.work)

    assert states(sms) == [State.SENT]


def test_a_refused_connection_is_tried_again_and_at_last_given_up(sms: Desk, twilio: Twilio) -> None:
    nobody = TwilioSms(replace(twilio.account(), base_url="http://127.0.0.1:1"))
    away = replace(sms.work, senders={Channel.SMS: nobody})
    sms.record(statuses(CRITICAL))

    for _ in range(TRIES):
        assert states(sms) == [State.QUEUED]
        dispatch(away)
        sms.clock.forward(HOUR)

    (line,) = sms.outbox()
    assert (line.state, line.attempts) == (State.FAILED, TRIES)


def test_wrong_credentials_wait_for_others_and_are_no_dead_letter(sms: Desk, twilio: Twilio) -> None:
    """A 401 was a dead letter for ever, also of a CRITICAL."""
    stranger = TwilioSms(replace(twilio.account(), token=SecretStr("another")))
    sms.record(statuses(CRITICAL))

    dispatch(replace(sms.work, senders={Channel.SMS: stranger}))
    sms.clock.forward(MINUTE)
    dispatch(replace(sms.work, senders={Channel.SMS: stranger}))

    (line,) = sms.outbox()
    assert (line.state, line.attempts, twilio.bodies) == (State.QUEUED, 1, [])
    assert "waits for another set-up" in line.error

    dispatch(sms.work)

    assert states(sms) == [State.SENT]
    assert len(twilio.bodies) == 1


def test_what_a_channel_cannot_tell_that_is_set_up_wrongly_another_one_does_once(
    desk: Desk, twilio: Twilio, mail: Mail
) -> None:
    stranger = TwilioSms(replace(twilio.account(), token=SecretStr("another")))
    work = replace(desk.work, senders=dict(desk.work.senders) | {Channel.SMS: stranger})
    desk.record(statuses(CRITICAL))

    for _ in range(3):
        dispatch(work)
        desk.clock.forward(HOUR)

    told = [one for one in mail.arrived if "which is set up wrongly" in one.as_string()]
    assert (len(told), twilio.bodies) == (1, [])


def test_what_mail_cannot_tell_fits_into_one_sms_whatever_its_letters(desk: Desk, twilio: Twilio, mail: Mail) -> None:
    """It was cut after 140 characters, also where a name leaves room for 70."""
    broken = SmtpMail(mail.server(password=TOKEN))
    work = replace(desk.work, senders=dict(desk.work.senders) | {Channel.EMAIL: broken})
    desk.record(statuses({"пропавшие_строки_" * 8: Status.CRITICAL, "lost_rows": Status.WARN}))

    dispatch(work)
    dispatch(work)

    copies = [body for body in twilio.bodies if "email is set up wrongly" in body]
    assert copies
    assert all(fits(body) and re.search(r" #\w{8}$", body) for body in copies)


def test_the_delivery_is_looked_up(sms: Desk, twilio: Twilio) -> None:
    sms.record(statuses(CRITICAL))
    dispatch(sms.work)
    twilio.messages[0]["status"] = "delivered"
    sms.clock.forward(MINUTE)

    assert dispatch(sms.work).followed == {State.DELIVERED: 1}


def test_an_sms_that_the_carrier_lost_is_a_dead_letter_and_is_not_sent_again(sms: Desk, twilio: Twilio) -> None:
    sms.record(statuses(CRITICAL))
    dispatch(sms.work)
    twilio.messages[0] |= {"status": "undelivered", "error_code": 30006}
    sms.clock.forward(MINUTE)
    dispatch(sms.work)
    dispatch(sms.work)

    (line,) = sms.outbox()
    assert line.state is State.UNDELIVERED
    assert line.error == "Twilio: a landline, or a carrier that cannot be reached (code 30006)"
    assert twilio.posts == 1


@pytest.mark.parametrize("fault", ["rcpt 451", "data 451", "rcpt 421"])
def test_greylisting_is_tried_again(post: Desk, mail: Mail, fault: str) -> None:
    mail.faults.append(fault)
    post.record(statuses(CRITICAL))
    dispatch(post.work)
    assert states(post) == [State.QUEUED]

    post.clock.forward(MINUTE)
    dispatch(post.work)

    assert states(post) == [State.SENT]
    assert len(mail.arrived) == 1


@pytest.mark.parametrize("fault", ["rcpt 550", "data 554"])
def test_a_mail_that_is_refused_for_good_is_a_dead_letter_at_once(post: Desk, mail: Mail, fault: str) -> None:
    mail.faults.append(fault)
    post.record(statuses(CRITICAL))
    dispatch(post.work)

    assert states(post) == [State.FAILED]


@pytest.mark.parametrize("fault", ["accept and drop", "accept and hang"])
def test_a_mail_that_was_handed_over_without_an_answer_waits_for_a_person(post: Desk, mail: Mail, fault: str) -> None:
    mail.faults.append(fault)
    post.record(statuses(CRITICAL))

    for _ in range(3):
        dispatch(post.work)
        post.clock.forward(HOUR)

    assert states(post) == [State.UNCERTAIN]
    assert len(mail.arrived) == 1


def test_a_mail_without_an_answer_is_sent_again_where_the_policy_wants_it_under_the_same_message_id(
    post: Desk, mail: Mail
) -> None:
    again = replace(post.work, policy=post.work.policy.model_copy(update={"resend_uncertain": True}))
    mail.faults.append("accept and drop")
    post.record(statuses(CRITICAL))
    dispatch(again)
    post.clock.forward(HOUR)
    dispatch(again)

    assert states(post) == [State.SENT]
    first, second = (one["Message-ID"] for one in mail.arrived)
    assert first == second


WRONG_SERVERS: dict[str, tuple[Callable[[Mail], SmtpMail], State]] = {
    "password": (lambda mail: SmtpMail(mail.server(password=TOKEN)), State.QUEUED),
    "certificate": (lambda mail: SmtpMail(mail.server(authorities=None)), State.QUEUED),
    "nobody there": (lambda mail: SmtpMail(mail.server(port=1)), State.QUEUED),
}


@pytest.mark.parametrize("wrong", WRONG_SERVERS)
def test_a_mail_server_that_cannot_be_used(post: Desk, mail: Mail, wrong: str) -> None:
    made, expected = WRONG_SERVERS[wrong]
    post.record(statuses(CRITICAL))

    dispatch(replace(post.work, senders={Channel.EMAIL: made(mail)}))

    assert states(post) == [expected]
    assert mail.arrived == []


def test_a_silent_mail_server_does_not_hold_back_the_sms(desk: Desk, twilio: Twilio) -> None:
    nobody = SmtpMail(replace(desk.work.senders[Channel.EMAIL].server, port=1))  # type: ignore[attr-defined]
    desk.record(statuses(CRITICAL))

    dispatch(replace(desk.work, senders=dict(desk.work.senders) | {Channel.EMAIL: nobody}))

    assert len(twilio.bodies) == 1


def test_somebody_who_left_the_policy_is_not_told(sms: Desk, twilio: Twilio) -> None:
    sms.record(statuses(CRITICAL))
    other = policy(base='[[people]]\nname = "lee"\nphone = "+14155550124"\n')

    dispatch(replace(sms.work, policy=other))

    (line,) = sms.outbox()
    assert (line.state, line.error) == (State.FAILED, "the policy no longer says how to reach the recipient by sms")
    assert twilio.posts == 0


def test_unchanged_trouble_is_repeated_by_the_dispatcher_after_the_interval(sms: Desk, twilio: Twilio) -> None:
    sms.record(statuses(CRITICAL))
    dispatch(sms.work)
    sms.clock.forward(DAY - MINUTE)
    dispatch(sms.work)
    assert len(twilio.bodies) == 1

    sms.clock.forward(MINUTE)
    dispatch(sms.work)

    assert len(twilio.bodies) == 2
    assert twilio.bodies[1].startswith("Rally CRITICAL: still lost_rows")
