"""The alert policy: who is notified of what, when and by which channel, read from TOML with the contacts kept apart."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Annotated, Any

from pydantic import AwareDatetime, Field, SecretStr, ValidationError, model_validator

from alerts import PolicyError
from alerts.people import Channel, Person, Span, Strict
from checks import Severity, Status

ADMIN = "admin"
FAILING = tuple(status for status in Status if status.failing)
Names = Annotated[tuple[str, ...], Field(min_length=1)]
Channels = Annotated[tuple[Channel, ...], Field(min_length=1)]


class Route(Strict):
    """Some people: what they are notified of, by which channels. Empty lists of domains, owners and rules take all."""

    who: Names
    by: Channels
    statuses: tuple[Status, ...] = FAILING
    severities: tuple[Severity, ...] = tuple(Severity)
    domains: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    after: Span = timedelta(0)
    """How long the trouble must have lasted, at its present status, before they are notified."""
    repeat: Span | None = None
    """After how long people are notified of unchanged trouble again; None is the policy's own."""


class Step(Strict):
    """Whom an escalation reaches, and how."""

    who: Names
    by: Channels


class Escalation(Strict):
    """Who is notified when nobody acknowledges a CRITICAL, one step after another."""

    # with a dispatcher every five minutes, 25 keep the promise of 30
    after: Span = timedelta(minutes=25)
    severities: tuple[Severity, ...] = tuple(Severity)
    chain: Annotated[tuple[Step, ...], Field(min_length=1)]


class Maintenance(Strict):
    """A time in which nobody is notified of some rules; of what is still wrong afterwards people are notified then."""

    start: AwareDatetime
    end: AwareDatetime
    rules: tuple[str, ...] = ("*",)
    reason: str = ""

    @model_validator(mode="after")
    def _forward(self) -> Maintenance:
        if self.end <= self.start:
            raise ValueError("a maintenance window has to end after it starts")
        return self


class Watch(Strict):
    """The dead man's switch: who is notified when no health check has finished for `after`."""

    who: Names
    by: Channels
    after: Span = timedelta(hours=26)
    repeat: Span = timedelta(hours=12)
    selection: str | None = None
    """Only runs of this selection count, as `rally-health history` shows it; None counts every unscoped run."""


class Policy(Strict):
    """Who is notified of what."""

    people: tuple[Person, ...]
    routes: tuple[Route, ...] = ()
    escalation: Escalation | None = None
    maintenance: tuple[Maintenance, ...] = ()
    watch: Watch | None = None
    repeat: Span = timedelta(hours=24)
    recovery: bool = True
    settle: Span = timedelta(0)
    """How long a rule must be well before people are notified that its trouble is resolved."""
    night_cap: Annotated[int, Field(ge=1)] = 10
    """Messages to one person by one channel within their quiet hours; escalations do not count."""
    resend_uncertain: bool = False
    """Whether an e-mail or chat message is sent once more when nobody knows whether it was accepted."""
    link: str = ""
    """Where people look further, such as the address of the reports; shown in messages."""
    pages: str = ""
    """Where `rally-health serve` is: an SMS leads to the page of its worst incident; else RALLY_SERVE_URL."""

    @model_validator(mode="after")
    def _whole(self) -> Policy:
        names = [person.name for person in self.people]
        if not names:
            raise ValueError("there are no people; expected at least one [[people]] with a name")
        if len(set(names)) < len(names):
            raise ValueError("two people have the same name")
        for place, who, by in self._addressed():
            for name in who:
                if name not in self.by_name:
                    raise ValueError(f"{place} names {name!r}, who is not among the people: {', '.join(names)}")
                for channel in set(by) - set(self.by_name[name].contacts):
                    raise ValueError(f"{place} reaches {name!r} by {channel}, but there is no {_contact(channel)}")
        return self

    def _addressed(self) -> Iterator[tuple[str, tuple[str, ...], tuple[Channel, ...]]]:
        yield from ((f"routes.{number}", route.who, route.by) for number, route in enumerate(self.routes))
        if self.escalation:
            yield from ((f"escalation.chain.{n}", step.who, step.by) for n, step in enumerate(self.escalation.chain))
        if self.watch:
            yield "watch", self.watch.who, self.watch.by

    @cached_property
    def by_name(self) -> dict[str, Person]:
        """The people by name."""
        return {person.name: person for person in self.people}

    def windows(self, rule: str) -> list[Maintenance]:
        """The maintenance windows of a rule."""
        return [window for window in self.maintenance if any(fnmatchcase(rule, glob) for glob in window.rules)]

    def maintained(self, rule: str, now: datetime) -> Maintenance | None:
        """The window in which a rule stands now; its start lies within, its end does not."""
        return next((window for window in self.windows(rule) if window.start <= now < window.end), None)


def admin_policy(phone: SecretStr | None, email: SecretStr | None) -> Policy | None:
    """The policy of one administrator: SMS of what is CRITICAL, e-mail of the rest; None without phone and address.

    Without a phone the e-mails tell of everything. Raises PolicyError, whose message repeats neither.
    """
    if phone is None and email is None:
        return None
    by = [*([Channel.SMS] if phone else []), *([Channel.EMAIL] if email else [])]
    critical, rest = (Status.CRITICAL,), tuple(status for status in FAILING if status is not Status.CRITICAL)
    routes: list[dict[str, Any]] = [{"who": (ADMIN,), "by": (by[0],), "statuses": critical}]
    if email:
        routes.append({"who": (ADMIN,), "by": (Channel.EMAIL,), "statuses": rest})
    person = {"name": ADMIN, "phone": phone, "email": email}
    try:
        return Policy.model_validate({"people": [person], "routes": routes, "watch": {"who": (ADMIN,), "by": by}})
    except ValidationError as error:
        lines = [f"RALLY_ADMIN_{str(one['loc'][-1]).upper()}: {_said(one['msg'])}" for one in error.errors()]
        raise PolicyError("; ".join(lines)) from None


def _contact(channel: Channel) -> str:
    return {Channel.SMS: "phone", Channel.EMAIL: "email", Channel.CHAT: "url"}[channel]


def load_policy(text: str, contacts: str = "", *, source: str = "the alert policy") -> Policy:
    """A policy from TOML. `contacts` is TOML too: a table of phone, email and url for each person's name.

    Raises PolicyError, whose message repeats no value of either text.
    """
    data, addresses = _parse(text, source), _parse(contacts, f"the contacts of {source}")
    people = data.get("people")
    if addresses and isinstance(people, list):
        data["people"] = [_with_contact(person, addresses) for person in people]
        _refuse_strangers(people, addresses, source)
    try:
        return Policy.model_validate(data)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, one['loc'])) or 'policy'}: {_said(one['msg'])}" for one in error.errors()]
        raise PolicyError(f"{source} cannot be used: {'; '.join(lines)}") from None


def _parse(text: str, source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # the text around the place is left out: it can be a number or a token
        place = str(error)[str(error).rfind("(at ") :] if "(at " in str(error) else ""
        raise PolicyError(f"{source} is no TOML {place}".rstrip()) from None
    except RecursionError:
        raise PolicyError(f"{source} is no TOML: it nests too deeply") from None


def _with_contact(person: Any, known: dict[str, Any]) -> Any:
    contact = known.get(str(person.get("name"))) if isinstance(person, dict) else None
    return person | contact if isinstance(contact, dict) else person


def _refuse_strangers(people: list[Any], known: dict[str, Any], source: str) -> None:
    named = {person.get("name") for person in people if isinstance(person, dict)}
    if set(known) - named:
        raise PolicyError(f"{source}: {len(set(known) - named)} contacts belong to nobody among the people")


def _said(message: str) -> str:
    return message.removeprefix("Value error, ")
