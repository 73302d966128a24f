"""Accepted trouble: a rule, or one bad row of it, with an owner, a reason and an end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from checks.engine.errors import WaiverError
from checks.engine.keys import spelled


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """Trouble that someone answers for until a day, that day included. Without a fingerprint it is the whole rule."""

    rule: str
    owner: str
    reason: str
    until: date
    fingerprint: int | None = None
    key: str = ""
    id: int | None = None

    def __post_init__(self) -> None:
        for name in ("rule", "owner", "reason"):
            if not getattr(self, name).strip():
                raise WaiverError(f"a waiver needs {name}=; someone will ask")

    def expired(self, today: date) -> bool:
        """Whether its last day is over."""
        return self.until < today

    def __str__(self) -> str:
        what = self.rule if self.fingerprint is None else f"{self.rule} {self.key or spelled(self.fingerprint)}"
        return f"{what}, accepted until {self.until} by {self.owner}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Waivers:
    """The waivers of a run, those that are over set apart."""

    valid: tuple[Waiver, ...] = ()
    expired: tuple[Waiver, ...] = ()

    @classmethod
    def of(cls, waivers: Iterable[Waiver], rules: Iterable[str], today: date) -> Waivers:
        """The waivers about some rules, on a day."""
        chosen = set(rules)
        own = [waiver for waiver in waivers if waiver.rule in chosen]
        return cls(tuple(w for w in own if not w.expired(today)), tuple(w for w in own if w.expired(today)))

    def whole(self, rule: str) -> bool:
        """Whether a rule is accepted as a whole."""
        return any(waiver.fingerprint is None for waiver in self.valid if waiver.rule == rule)

    def fingerprints(self, rule: str) -> frozenset[int]:
        """The accepted bad rows of a rule."""
        found = (waiver.fingerprint for waiver in self.valid if waiver.rule == rule)
        return frozenset(fingerprint for fingerprint in found if fingerprint is not None)

    def unused(self, failing: Sequence[str], hit: frozenset[tuple[str, int]]) -> tuple[Waiver, ...]:
        """Waivers that nothing needs any more: their rule is well, or their row is not bad."""
        return tuple(
            waiver
            for waiver in self.valid
            if (
                waiver.rule not in failing
                if waiver.fingerprint is None
                else (waiver.rule, waiver.fingerprint) not in hit
            )
        )
