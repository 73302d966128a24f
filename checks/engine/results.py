"""What a run found about one rule (and parameter)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from checks.engine.clusters import Cluster
from checks.engine.findings import Findings
from checks.engine.levels import Severity, Status
from checks.engine.spec import Source
from checks.engine.units import Unit, say


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One line of a report. It knows keys of rows, but no rows.

    `status` leaves accepted rows out, `gross_status` counts them; `accepted` says that the whole rule is waived.
    `count`, `total` and `rate` are as found. `new`, `known` and `fixed` are None for metrics, without an earlier run
    all bad rows are new; with `exact` false they are least numbers.
    """

    rule: str
    domain: str
    parameter: str
    severity: Severity
    status: Status
    gross_status: Status
    summary: str
    threshold: str
    unit: Unit | None = None
    count: int | None = None
    total: int | None = None
    rate: float | None = None
    value: float | None = None
    share: float = 0.0
    gross_share: float = 0.0
    points: Decimal = Decimal("0.00")
    waived: int = 0
    accepted: bool = False
    new: int | None = None
    known: int | None = None
    fixed: int | None = None
    exact: bool = True
    examples: tuple[Mapping[str, Any], ...] = ()
    clusters: tuple[Cluster, ...] = ()
    sql: str = ""
    seconds: float = 0.0
    error: str = ""
    note: str = ""
    owner: str = ""
    tags: frozenset[str] = frozenset()
    runbook: str = ""
    source: Source | None = None
    fixable: bool = False
    on_target: bool | None = None
    findings: Findings | None = None
    appeared: frozenset[int] = frozenset()
    before: Status | None = None

    @property
    def id(self) -> tuple[str, str]:
        """Rule and parameter."""
        return self.rule, self.parameter

    @property
    def title(self) -> str:
        """The rule, with its parameter in brackets."""
        return f"{self.rule}[{self.parameter}]" if self.parameter else self.rule

    @property
    def trouble(self) -> bool:
        """Whether someone should look: it is failing, and nobody has accepted that."""
        return self.status.failing and not self.accepted

    @property
    def is_new(self) -> bool:
        """Whether its trouble was not there in the run before: new bad rows, or without rows a worse status."""
        if not self.trouble:
            return False
        if self.new is not None:
            return self.new > 0
        return self.before is None or self.before.rank < self.status.rank

    @property
    def measurement(self) -> str:
        """What was measured, as a person would say it; empty when nothing was."""
        if self.value is not None:
            return say(self.value, self.unit) if self.unit else f"{self.value:,.6g}"
        if self.count is None:
            return ""
        if self.total is None:
            return f"{self.count:,}"
        share = "" if self.rate is None else f" ({say(self.rate, Unit.PERCENT)})"
        return f"{self.count:,} of {self.total:,}{share}"

    @property
    def change(self) -> str:
        """ "3 new, 41 known, 5 fixed", without what is nought; empty when there is nothing to compare."""
        named = (("new", self.new), ("known", self.known), ("fixed", self.fixed))
        least = "" if self.exact else "at least "
        return ", ".join(f"{least if name != 'known' else ''}{number:,} {name}" for name, number in named if number)
