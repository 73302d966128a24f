"""Times as people write them: "07:00-22:00", "30m"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Annotated

from pydantic import BeforeValidator

_SPAN = re.compile(r"(\d{1,5})([smhd])")
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def span(text: object) -> timedelta:
    """A length of time: "45s", "30m", "24h" or "7d"; ValueError for anything else."""
    if isinstance(text, timedelta):
        return text
    found = _SPAN.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError('expected a length of time such as "30m", "24h" or "7d"')
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


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
        found = _HOURS.fullmatch(text) if isinstance(text, str) else None
        if found is None:
            raise ValueError('expected hours such as "07:00-22:00"')
        return cls(time(int(found[1]), int(found[2])), time(int(found[3] or 0), int(found[4] or 0)))

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
