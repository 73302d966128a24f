"""What a message consists of."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from alerts.planning import Item
from checks.engine.reporting.report import Report
from checks.engine.reporting.verdict import News


@dataclass(frozen=True, slots=True)
class Content:
    """A message, ready to be handed to a channel. `note` is what an operator should know of how it came out."""

    subject: str
    text: str
    html: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Headline:
    """What a run found as a whole; without a run of its own a message knows its news alone."""

    score: Decimal | None
    band: str
    coverage: float
    news: News | None = None

    @property
    def of_run(self) -> bool:
        """Whether it is that of a run; otherwise it has news alone."""
        return bool(self.band)

    @classmethod
    def of(cls, report: Report) -> Headline:
        """The headline of a report."""
        return cls(report.score, report.band.value, report.coverage, report.news)

    def __str__(self) -> str:
        # rounded down: 74.99 is not 75, which would be another band
        score = "unknown" if self.score is None else str(int(self.score))
        return f"score {score}"


def by_rule_of(items: Iterable[Item]) -> list[tuple[Item, ...]]:
    """Incidents of one rule, such as those of a hundred leagues, together; they stand where the worst of them stood.

    The worst of them comes first, what is resolved is kept apart.
    """
    groups: dict[tuple[str, bool], list[Item]] = {}
    for item in items:
        groups.setdefault((item.incident.rule, item.recovered), []).append(item)
    return [tuple(sorted(group, key=_worst_first)) for group in groups.values()]


SHARE = re.compile(r"([\d.]+) %")


def _worst_first(item: Item) -> tuple[Any, ...]:
    """As incidents are sorted, and then by share: of a hundred leagues each costs the same hundredth of a point."""
    closed, status, severity, points, *rest = item.incident.order
    share = SHARE.search(item.incident.measurement)
    return closed, status, severity, points, -float(share[1]) if share else 0.0, *rest


def title_of_all(items: tuple[Item, ...]) -> str:
    """What incidents of one rule are called: by their number where there are several."""
    lead = items[0].incident
    return lead.title if len(items) == 1 else f"{lead.rule} ({len(items)})"


def one_line(text: str) -> str:
    """A text without line breaks, control and direction characters: what comes from a feed cannot dress up as ours."""
    visible = (" " if unicodedata.category(char) in {"Cc", "Zl", "Zp"} else char for char in text)
    return " ".join("".join(char for char in visible if unicodedata.category(char) not in {"Cf", "Cs"}).split())


def short(text: str, length: int) -> str:
    """A text in one line of at most `length` characters."""
    line = one_line(text)
    return line if len(line) <= length else f"{line[: length - 1]}…"
