"""Who can be told, and how they are reached."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from alerts.policy.times import DayHours

E164 = re.compile(r"\+[1-9]\d{6,14}")
ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


class Channel(StrEnum):
    """By what a message travels; `chat` is any Apprise URL."""

    SMS = "sms"
    EMAIL = "email"
    CHAT = "chat"


class Strict(BaseModel):
    """A part of the policy: unknown entries are slips, and an error repeats no value."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, ignored_types=(cached_property,))


class Person(Strict):
    """Someone, or a room, by a short name. Everything else in the system knows only the name."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
    phone: SecretStr | None = None
    email: SecretStr | None = None
    url: SecretStr | None = None
    timezone: str = "UTC"
    hours: DayHours | None = None
    """When they hear of everything; at other times only of CRITICAL. None is always."""

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
        """Whether they hear of everything now."""
        return self.hours is None or self.hours.hold(now, self.zone)

    def night_began(self, now: datetime) -> datetime | None:
        """When their quiet hours began, in UTC; None while they are awake."""
        return None if self.hours is None or self.awake(now) else self.hours.ended(now, self.zone)
