"""What each command and each flow takes: one request, checked where it comes in, by the command line and by Prefect.

A field is the one place where a parameter is described: the form in Prefect's UI shows its description, default,
examples and choices, the API refuses what does not fit before a worker starts, and the command line says it in a line.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from checks.engine.authoring.units import Severity
from checks.engine.collecting.rules import Selection
from checks.review.values import PeriodKind

_WAIT = "Seconds to wait for another import to end; with 0 a second import gives up at once."
_PATHS = "Feeds: files, folders of a league, or trees of them. Without any, the folder of RALLY_FEEDS."
_PRUNE = "Delete rows that a feed has withdrawn, behind a snapshot."
_TODAY = "The day that rules compare with; today without one. A check of another day opens no incident."
_KEEP = "Keep the run in the history. Without it nothing is written, and no incident opens."
_EMAIL = "People of the alert policy, by name, who get the report by e-mail."


class _Request(BaseModel):
    # what a person typed is not for error messages that Prefect stores
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)


class RuleSelection(_Request):
    """Which rules; several values of one field widen the selection, different fields narrow it."""

    domains: tuple[str, ...] = Field((), description="Only rules of these domains.", examples=[["schedule", "teams"]])
    tags: tuple[str, ...] = Field((), description="Only rules with one of these tags.", examples=[["daily"]])
    severities: tuple[Severity, ...] = Field((), description="Only rules of these severities.", examples=[["HIGH"]])
    names: tuple[str, ...] = Field(
        (), description="Only rules of these names; * and ? are allowed.", examples=[["match_*"]]
    )
    owners: tuple[str, ...] = Field((), description="Only rules of these owners.", examples=[["schedules"]])
    leagues: tuple[str, ...] = Field((), description="Only rows of these leagues.", examples=[["CNSWPL"]])

    @field_validator("severities", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return tuple(str(each).upper() for each in value) if isinstance(value, (list, tuple)) else value

    @property
    def selection(self) -> Selection:
        """The same as what rules are selected by."""
        return Selection(
            domains=self.domains, tags=self.tags, severities=tuple(map(str, self.severities)), names=self.names,
            owners=self.owners, scope={"league": self.leagues} if self.leagues else {},
        )  # fmt: skip


class CheckRequest(RuleSelection):
    """A health check: which rules, on which day, by how many connections, and who is notified."""

    today: date | None = Field(None, description=_TODAY, examples=["2025-06-30"])
    workers: int = Field(4, ge=1, le=64, description="How many rules are measured at once.")
    keep: bool = Field(True, description=_KEEP)
    alert: bool | None = Field(
        None,
        description="Send what the alert policy promises at once, and not with the next dispatch. Without a choice: yes"
        " where RALLY_ALERTS_POLICY is set.",
    )
    email: tuple[str, ...] = Field((), description=_EMAIL, examples=[["kim"]])
    since: Literal["last"] | None = Field(
        None,
        description="Measure only what has changed since it was measured last, and carry the rest over. Without it all"
        " is measured.",
        examples=["last"],
    )

    @model_validator(mode="after")
    def _whole_tables(self) -> CheckRequest:
        if self.since and (self.leagues or self.today):
            raise ValueError("since compares whole tables with the last run; leave out leagues and today")
        return self

    @model_validator(mode="after")
    def _alerts_have_incidents(self) -> CheckRequest:
        if self.alert and not self.keep:
            raise ValueError("alert needs the history: alerts are sent from incidents, which are kept there")
        return self


class ImportRequest(_Request):
    """An import: which feeds, and how."""

    paths: tuple[Path, ...] = Field((), description=_PATHS, examples=[["feeds/2025-06-30T0809/all"]])
    kinds: tuple[str, ...] = Field((), description="Only feeds of these kinds.", examples=[["schedules"]])
    force: bool = Field(False, description="Import a feed that was published before, too.")
    dry_run: bool = Field(False, description="Do everything but the commit.")
    prune: bool = Field(False, description=_PRUNE)
    wait: float = Field(0, ge=0, description=_WAIT, examples=[1800])
    allow: tuple[str, ...] = Field(
        (), description="Guards and gate rules that may be failed this once.", examples=[["shrunken_feed"]]
    )
    reason: str = Field(
        "", description="Why `allow` is right; it is recorded with your name.", examples=["the season ended"]
    )

    @field_validator("kinds")
    @classmethod
    def _known_kinds(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        from etl.kinds import KINDS  # noqa: PLC0415 - only an import knows kinds

        kinds = [kind.name for kind in KINDS]
        for name in names:
            if name not in kinds:
                raise ValueError(f"expected kinds among {', '.join(kinds)}")
        return names

    @model_validator(mode="after")
    def _allowed_for_a_reason(self) -> ImportRequest:
        if self.allow and not self.reason.strip():
            raise ValueError("allow needs a reason: it is recorded, and someone will ask")
        return self


class NightRequest(_Request):
    """A night: an import, the fixes that RALLY_AUTO_FIX allows, then a health check."""

    paths: tuple[Path, ...] = Field((), description=_PATHS, examples=[["feeds/2025-06-30T0809/all"]])
    wait: float = Field(1800, ge=0, description=_WAIT)
    prune: bool = Field(False, description=_PRUNE)
    tags: tuple[str, ...] = Field((), description="Only rules with one of these tags.", examples=[["daily"]])


class ReviewRequest(_Request):
    """A report about many runs: of which kind, up to which day, for whom."""

    kind: PeriodKind = Field(
        PeriodKind.WEEKLY,
        description="daily looks back on 1 day, weekly on 7, monthly on 30, quarterly on 91, annual on 365; each has"
        " the one before in it.",
    )
    until: date | None = Field(
        None, description="The last day that it is about; today without one.", examples=["2025-06-30"]
    )
    days: int | None = Field(None, ge=1, le=3660, description="Look back on so many days instead.", examples=[45])
    email: tuple[str, ...] = Field((), description=_EMAIL, examples=[["kim"]])


class RepairRequest(_Request):
    """Repairs that a person approves while the run waits."""

    rules: tuple[str, ...] = Field(
        (), description="Rules whose fixes are planned; all that have one without.", examples=[["duplicate_match"]]
    )
    feeds: tuple[Path, ...] = Field(
        (), description="Feeds that a fix takes rows from; else those published last.", examples=[["feeds/all"]]
    )
    timeout: float = Field(3600, gt=0, description="Seconds to wait for the person.")
    wait: float = Field(1800, ge=0, description="Seconds to wait for an import to end.")


class LeaguesRequest(_Request):
    """Health checks of leagues, each by itself."""

    leagues: tuple[str, ...] = Field((), description="Which leagues; all without.", examples=[["APTA_CHICAGO"]])
    tags: tuple[str, ...] = Field((), description="Only rules with one of these tags.", examples=[["daily"]])
    names: tuple[str, ...] = Field((), description="Only rules of these names.", examples=[["match_*"]])
    today: date | None = Field(None, description=_TODAY, examples=["2025-06-30"])
    keep: bool = Field(True, description=_KEEP)


class RequestError(Exception):
    """A request that cannot be met as it was typed; the message names the field and what was expected."""

    @classmethod
    def of(cls, error: ValidationError, options: Mapping[str, str]) -> RequestError:
        """All that is wrong with a request, in one line; `options` are what a person typed for its fields."""
        sentences = []
        for each in error.errors(include_input=False, include_url=False):
            field = next(iter(each["loc"]), "")
            message = each["msg"].removeprefix("Value error, ")
            sentences.append(f"{options.get(str(field), field)}: {message}" if field else message)
        return cls("; ".join(sentences))
