"""Alerting with the settings of this process: the policy, the providers, a round of sending, the dead man's switch."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Connection, Engine

from alerts.channels import Sender
from alerts.incidents.store import listed, resolve
from alerts.outbox.dispatch import Dispatched, dispatch
from alerts.outbox.enqueue import enqueue_report, record
from alerts.outbox.send import Work
from alerts.people import Channel
from alerts.policy import Policy, admin_policy, load_policy
from alerts.render.mail import render_report
from alerts.watching import alarms, back, enqueue_alarms, tell_away
from checks.baseline import Acceptance, accept
from checks.engine.authoring.spec import Check
from checks.engine.reporting.report import Report
from etl import EtlError
from etl.database import DATABASE_ERRORS, describe_error
from flows.service.context import Invocation, open_engine, utc
from flows.service.ending import Ending, StateName
from flows.settings import Settings, SettingsError

log = logging.getLogger("rally.alerts")


@dataclass(frozen=True, slots=True)
class Watched:
    """What the dead man's switch found, and whether the watchers could be notified."""

    alarms: Sequence[str]
    told: int
    failed: int
    away: bool = False


def policy_of(settings: Settings) -> Policy | None:
    """The alert policy, None where nobody is to be notified; raises SettingsError and PolicyError.

    Without a file RALLY_ADMIN_PHONE and RALLY_ADMIN_EMAIL make one.
    """
    policy = _declared_policy(settings)
    if policy is None or not settings.serve_url:
        return policy
    addresses = {"link": policy.link or settings.serve_url, "pages": policy.pages or settings.serve_url}
    return policy.model_copy(update=addresses)


def _declared_policy(settings: Settings) -> Policy | None:
    if settings.alerts_policy is None:
        return admin_policy(settings.admin_phone, settings.admin_email)
    contacts = _read(settings.alerts_contacts) if settings.alerts_contacts else ""
    return load_policy(_read(settings.alerts_policy), contacts, source=str(settings.alerts_policy))


def required_policy(settings: Settings) -> Policy:
    """The alert policy; raises SettingsError where none is set."""
    policy = policy_of(settings)
    if policy is None:
        own = "RALLY_ADMIN_PHONE or RALLY_ADMIN_EMAIL, or RALLY_ALERTS_POLICY to a TOML file"
        raise SettingsError(f"nobody can be told: set {own}; docs/ALERTS.md has an example")
    return policy


def senders_of(settings: Settings) -> Mapping[Channel, Sender]:
    """The providers that are set up; raises SettingsError for half a set-up."""
    from alerts.channels.apprise import AppriseChat  # noqa: PLC0415 - most commands send nothing

    senders: dict[Channel, Sender] = {Channel.CHAT: AppriseChat()}
    if settings.twilio_account_sid or settings.twilio_auth_token:
        senders[Channel.SMS] = _twilio(settings)
    if settings.smtp_url is not None:
        if settings.smtp_from is None:
            raise SettingsError("RALLY_SMTP_URL is set, but RALLY_SMTP_FROM is not: e-mail needs a sender's address")
        from alerts.channels.smtp import SmtpMail, SmtpServer  # noqa: PLC0415 - as above

        authorities = str(settings.smtp_ca) if settings.smtp_ca else None
        senders[Channel.EMAIL] = SmtpMail(
            SmtpServer.parse(settings.smtp_url, settings.smtp_from, authorities=authorities)
        )
    return senders


def work_of(settings: Settings, engine: Engine) -> Work:
    """What a dispatcher works with."""
    return Work(engine, required_policy(settings), senders_of(settings), utc)


def dispatch_once(settings: Settings, only: Callable[[Connection, Policy], Sequence[int]] | None = None) -> Dispatched:
    """One round of a dispatcher; with `only`, what that puts into the outbox is sent and nothing else."""
    required_policy(settings)
    with open_engine(settings, application="rally-health alerts") as engine:
        work = work_of(settings, engine)
        if only is None:
            return dispatch(work)
        with engine.begin() as connection:
            numbers = only(connection, work.policy)
        return dispatch(work, only=numbers)


def dispatch_round(invocation: Invocation) -> Dispatched:
    """One round of a dispatcher, as a command and as a flow."""
    return dispatch_once(invocation.settings)


def of_round(done: Dispatched) -> Ending:
    """The ending of a round, in counts alone."""
    attempts = ", ".join(f"{number} {state}" for state, number in sorted(done.attempts.items())) or "nothing to send"
    name = StateName.UNDELIVERED if done.dead or done.waiting else StateName.DONE
    return Ending(name, f"{attempts}; {done.planned} planned, {done.acknowledged} acknowledged")


def send_alerts(invocation: Invocation) -> None:
    """Send what a run put into the outbox; what cannot be sent is counted, and undoes nothing of the run."""
    try:
        done = dispatch_once(invocation.settings)
        invocation.outcome.sent += sum(done.attempts.values())
        invocation.outcome.undelivered += done.dead + done.waiting
    except (*DATABASE_ERRORS, EtlError) as error:
        log.warning("the alerts wait in the outbox: %s", describe_error(error))
        invocation.outcome.undelivered += 1


def email_report(settings: Settings, report: Report, to: Sequence[str]) -> Dispatched:
    """Send a report by e-mail to people of the policy."""

    def put(connection: Connection, policy: Policy) -> Sequence[int]:
        content = render_report(report, policy.link)
        return enqueue_report(connection, policy, content, utc(), to=to, run=report.run)

    return dispatch_once(settings, put)


def keep_incidents(connection: Connection, report: Report, policy: Policy | None, scope: str = "") -> None:
    """Bring incidents up to date with a report, and enqueue what the policy promises, in the caller's transaction."""
    record(connection, report, policy, utc(), scope=scope)


def watch_once(invocation: Invocation) -> Watched:
    """Look whether health checks run, and tell the watchers if not; also where the database itself is away."""
    settings = invocation.settings
    policy, senders, memory = required_policy(settings), senders_of(settings), settings.data / "watch.json"
    try:
        with open_engine(settings, application="rally-health watch") as engine:
            with engine.begin() as connection:
                raised = alarms(connection, policy, utc())
                numbers = enqueue_alarms(connection, policy, raised, utc())
            done = dispatch(Work(engine, policy, senders, utc), only=numbers)
    except (EtlError, *DATABASE_ERRORS):
        away = tell_away(policy, senders, memory, utc())
        return Watched(("the database is away",), away.told, away.failed, away=True)
    returned = back(policy, senders, memory)
    failed = done.dead + done.waiting + returned.failed
    return Watched([one.text for one in raised], sum(done.attempts.values()) + returned.told - failed, failed)


def of_watch(seen: Watched) -> Ending:
    """The ending of a look of the dead man's switch."""
    if seen.failed:
        return Ending(StateName.UNDELIVERED, f"{'; '.join(seen.alarms)}; {seen.failed} could not be told")
    return Ending(StateName.CRITICAL if seen.alarms else StateName.DONE, "; ".join(seen.alarms) or "health checks run")


def _twilio(settings: Settings) -> Sender:
    from alerts.channels.twilio import TwilioAccount, TwilioSms  # noqa: PLC0415 - most commands send nothing

    sid, token = settings.twilio_account_sid, settings.twilio_auth_token
    if sid is None or token is None:
        raise SettingsError("Twilio needs both RALLY_TWILIO_ACCOUNT_SID and RALLY_TWILIO_AUTH_TOKEN")
    if (settings.twilio_from is None) == (settings.twilio_messaging_service is None):
        raise SettingsError("Twilio needs exactly one of RALLY_TWILIO_FROM and RALLY_TWILIO_MESSAGING_SERVICE")
    account = TwilioAccount(sid=sid, token=token, base_url=settings.twilio_url)
    return TwilioSms(replace(account, sender=settings.twilio_from, service=settings.twilio_messaging_service))


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {type(error).__name__}") from None


def accept_change(
    connection: Connection, check: Check, reason: str, by: str, scope: str = ""
) -> tuple[Acceptance, ...]:
    """Take a lasting change of a rule for usual, and close the incidents that were about it.

    Raises AcceptanceError where there is nothing to accept.
    """
    accepted = accept(connection, check, reason, by, scope)
    about = {(one.rule, one.parameter, scope) for one in accepted}
    for incident in listed(connection):
        if (incident.rule, incident.parameter, incident.scope) in about:
            resolve(connection, incident.id, by, utc(), f"accepted as usual: {reason}")
    return accepted
