"""People who can be notified: the contacts by which they are reached, and the hours in which they want to be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum
from functools import cached_property
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator

_SPAN = re.compile(r"(\d{1,5})([smhd])")
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def span(text: object) -> timedelta:
    """A length of time: "45s", "30m", "24h" or "7d"; ValueError for anything else."""
    if isinstance(text, timedelta):
        return text
    match = _SPAN.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError('expected a length of time such as "30m", "24h" or "7d"')
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


@dataclass(frozen=True, slots=True)
class Hours:
    """A part of each day, on the clock of whoever lives by it; one that ends before it begins runs over midnight."""

    start: time
    end: time

    @classmethod
    def parse(cls, text: object) -> Hours:
        """Read "07:00-22:00"; "00:00-24:00" is the whole day. ValueError for anything else."""
        if isinstance(text, Hours):
            return text
        match = _HOURS.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise ValueError('expected hours such as "07:00-22:00"')
        return cls(time(int(match[1]), int(match[2])), time(int(match[3] or 0), int(match[4] or 0)))

    def hold(self, now: datetime, zone: tzinfo) -> bool:
        """Whether `now` lies within; the start does, the end does not."""
        # compared on the local clock, so that a change to summer time moves nothing
        clock = now.astimezone(zone).time()
        if self.start == self.end:
            return True
        if self.start < self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end

    def ended(self, now: datetime, zone: tzinfo) -> datetime:
        """When these hours last came to their end, in UTC."""
        local = now.astimezone(zone)
        last = datetime.combine(local.date(), self.end, zone)
        if last.astimezone(UTC) > now:
            last = datetime.combine(local.date() - timedelta(days=1), self.end, zone)
        return last.astimezone(UTC)

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"


Span = Annotated[timedelta, BeforeValidator(span)]
DayHours = Annotated[Hours, BeforeValidator(Hours.parse)]


E164 = re.compile(r"\+[1-9]\d{6,14}")
ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


class Channel(StrEnum):
    """By what a message travels; `chat` is any Apprise URL."""

    SMS = "sms"
    EMAIL = "email"
    CHAT = "chat"


class Strict(BaseModel):
    """A part of the policy: unknown entries are slips, and an error repeats no value."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True, ignored_types=(cached_property,)
    )


class Person(Strict):
    """Someone, or a room, by a short name. Everything else in the system knows only the name."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
    phone: SecretStr | None = None
    email: SecretStr | None = None
    url: SecretStr | None = None
    timezone: str = "UTC"
    hours: DayHours | None = None
    """When they are notified of everything; at other times only of CRITICAL. None is always."""

    @field_validator("phone")
    @classmethod
    def _international(cls, phone: SecretStr | None) -> SecretStr | None:
        if phone and not E164.fullmatch(phone.get_secret_value()):
            raise ValueError("expected an international number (E.164): +, country code, 7 to 15 digits, no spaces")
        return phone

    @field_validator("email")
    @classmethod
    def _plain(cls, email: SecretStr | None) -> SecretStr | None:
        if email and not ADDRESS.fullmatch(email.get_secret_value()):
            raise ValueError("expected a plain ASCII address such as name@example.org")
        return email

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("expected an IANA time zone such as America/Chicago") from None
        return name

    @cached_property
    def zone(self) -> ZoneInfo:
        """The clock they live by."""
        return ZoneInfo(self.timezone)

    @property
    def contacts(self) -> dict[Channel, SecretStr]:
        """What reaches them, by channel."""
        known = {Channel.SMS: self.phone, Channel.EMAIL: self.email, Channel.CHAT: self.url}
        return {channel: contact for channel, contact in known.items() if contact is not None}

    def awake(self, now: datetime) -> bool:
        """Whether they are notified of everything now."""
        return self.hours is None or self.hours.hold(now, self.zone)

    def night_began(self, now: datetime) -> datetime | None:
        """When their quiet hours began, in UTC; None while they are awake."""
        return None if self.hours is None or self.awake(now) else self.hours.ended(now, self.zone)
