"""From a measurement to a verdict: by the threshold, the baseline of earlier runs, and the waivers in force.

And from the places where bad rows stand to the clusters that are worth saying.

Measured first, judged after; "not measured" is never "passed". Baseline and waivers are handed in, so a run is a
function of the database and of these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from checks.engine.authoring import WaiverError
from checks.engine.authoring.thresholds import Fixed, Relative, Threshold
from checks.engine.authoring.units import Measure, Status
from checks.engine.judging.findings import Findings, key_text_of

if TYPE_CHECKING:
    from checks.engine.judging.bad_rows import Place
    from checks.engine.measuring.measure import Asking, Measurement
    from checks.engine.measuring.scope import Dimension, Labels
    from checks.engine.measuring.snapshot import Job, Session

Id: TypeAlias = tuple[str, str]
"""Rule and parameter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """A result of an earlier run, to stand for this run's where it rests on the same basis.

    `segments` are the readings by dimension and value, such as of each league.
    """

    basis: str
    at: datetime
    reading: Measurement
    sql: str = ""
    clusters: tuple[Any, ...] = ()
    examples: tuple[Mapping[str, Any], ...] = ()
    segments: Mapping[str, Mapping[Any, Measurement]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Located:
    """Where the bad rows of a rule stood in a run: as clusters, and in the readings by dimension and value."""

    failing: bool
    clusters: tuple[Any, ...] = ()
    segments: Mapping[str, Mapping[Any, Measurement]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Baseline:
    """Earlier readings of metrics (newest last, those that were in order), and each rule's last status and bad rows.

    `measured` says when there was last something to measure; what somebody has accepted as empty is left out.
    `carried` are the results that need not be measured anew as long as nothing has changed below them. `bases` are
    digests of what `findings` and `located` rest on: with the same basis and count they are the bad rows of today, too.
    So are `findings` with the same of `digests`, sums of the hashes of very many bad rows.
    """

    readings: Mapping[Id, tuple[float, ...]] = field(default_factory=dict)
    measured: Mapping[Id, datetime] = field(default_factory=dict)
    statuses: Mapping[Id, Status] = field(default_factory=dict)
    findings: Mapping[Id, Findings] = field(default_factory=dict)
    carried: Mapping[Id, Carried] = field(default_factory=dict)
    bases: Mapping[Id, str] = field(default_factory=dict)
    located: Mapping[Id, Located] = field(default_factory=dict)
    digests: Mapping[Id, str] = field(default_factory=dict)

    def unchanged(self, id_: Id, basis: str | None, count: int, digest: str = "") -> Findings | None:
        """The bad rows that a rule had, where they are those of today; None where they may have changed."""
        findings = self.findings.get(id_)
        same = (basis and basis == self.bases.get(id_)) or (digest and digest == self.digests.get(id_))
        return findings if same and findings is not None and findings.count == count else None

    def few(self, id_: Id, most: int) -> int | None:
        """How many bad rows a rule had; None where they were more than `most`, or nobody looked."""
        before = self.findings.get(id_)
        return None if before is None or before.count > most else before.count

    def had_many(self, id_: Id, basis: Callable[[Id], str]) -> bool:
        """Whether a rule had very many bad rows, and rests on something else today."""
        before = self.findings.get(id_)
        if before is None or before.complete:
            return False
        return not basis(id_) or basis(id_) != self.bases.get(id_)

    def digest(self, id_: Id, basis: str | None, reading: Measurement | None) -> str:
        """The digest that a rule's bad rows had, where nothing that they rest on has been written since."""
        unwritten = reading is not None and self.unchanged(id_, basis, reading.count or 0) is not None
        return self.digests.get(id_, "") if unwritten else ""

    def located_as(
        self, id_: Id, basis: str | None, reading: Measurement | None, threshold: Threshold
    ) -> Located | None:
        """Where a rule's bad rows stood, where they are those of today and judged the same; None where they may not."""
        located = self.located.get(id_)
        if located is None or reading is None or self.unchanged(id_, basis, reading.count or 0) is None:
            return None
        return located if located.failing == judge(threshold, reading).status.failing else None


NO_ROWS = "nothing to measure: no rows"
NO_VALUE = "nothing to measure: no value"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A status, the failing share that the score weighs it by (0 to 1), and why it was skipped."""

    status: Status
    share: float = 0.0
    note: str = ""


def judge(threshold: Threshold, reading: Measurement, baseline: Sequence[float] = (), *, waived: int = 0) -> Verdict:
    """Judge a reading, `waived` bad rows left out; `baseline` are earlier readings of a metric, newest last."""
    if reading.count is None:
        return _judge_value(threshold, reading.value, baseline)
    if reading.total == 0:
        return Verdict(Status.SKIPPED, note=NO_ROWS)
    assert isinstance(threshold, Fixed)  # noqa: S101 - rules about rows take no other, see marks
    count = max(0, reading.count - waived)
    rate = count / reading.total if reading.total else None
    # a rule in percent without a total cannot be asked, see queries
    figure = count if threshold.unit is not Measure.PERCENT or rate is None else rate
    status = threshold.judge(figure)
    # keys that are counted in two ways can exceed their total: the share stays a share
    share = min(1.0, rate) if rate is not None else threshold.excess(figure)
    return Verdict(status, share if status.failing else 0.0)


def _judge_value(threshold: Threshold, value: float | None, baseline: Sequence[float]) -> Verdict:
    if value is None:
        return Verdict(Status.SKIPPED, note=NO_VALUE)
    if isinstance(threshold, Fixed):
        status = threshold.judge(value)
        return Verdict(status, threshold.excess(value) if status.failing else 0.0)
    status = threshold.judge(value, baseline)
    if status is Status.SKIPPED:
        return Verdict(status, note=_too_few(threshold, baseline))
    return Verdict(status, threshold.excess(value, baseline) if status.failing else 0.0)


def _too_few(threshold: Relative, baseline: Sequence[float]) -> str:
    known = f"{len(baseline)} earlier reading{'s' * (len(baseline) != 1)}"
    return f"cannot compare yet: {known} in order, {threshold.fewest} are needed"


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
    created_by: str = ""

    def __post_init__(self) -> None:
        for name in ("rule", "owner", "reason"):
            if not getattr(self, name).strip():
                raise WaiverError(f"a waiver needs {name}=; someone will ask")

    def expired(self, today: date) -> bool:
        """Whether its last day is over."""
        return self.until < today

    def __str__(self) -> str:
        what = self.rule if self.fingerprint is None else f"{self.rule} {self.key or key_text_of(self.fingerprint)}"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """What every unit of a run needs to know.

    `bases` gives digests of what results rest on, once they are found out; `spread` does work that idle sessions share.
    """

    how: Asking
    baseline: Baseline
    waivers: Waivers
    dimensions: Sequence[Dimension]
    listed: int
    details: bool
    statements: bool
    spread: Callable[[Session, Sequence[Job]], None]
    bases: Callable[[], Mapping[Id, str]] = dict

    def basis(self, id_: Id) -> str:
        """The digest of what a result rests on; empty for one that has none."""
        return self.bases().get(id_, "")


CANDIDATES = 3
LEAST_SHARE = 0.1


def least_rows(count: int) -> float:
    """How many of so many bad rows make a place worth a closer look."""
    return max(2, LEAST_SHARE * count)


def candidates(places: Mapping[Place, int], count: int) -> list[Place]:
    """The few places worth a closer look: of each group of dimensions those with most bad rows."""
    return _most_of_each_group(places, least_rows(count), CANDIDATES)


def possible_candidates(places: Mapping[Place, int], sampled: int) -> list[Place]:
    """The places that are worth counting, from a sample: those with half of what a candidate has, and more of them."""
    return _most_of_each_group(places, least_rows(sampled) / 2, 3 * CANDIDATES)


def _most_of_each_group(places: Mapping[Place, int], least: float, most: int) -> list[Place]:
    groups: dict[tuple[str, ...], list[Place]] = {}
    likely = [place for place, number in places.items() if number >= least]
    for place in sorted(likely, key=lambda place: (-places[place], str(place))):
        groups.setdefault(tuple(name for name, _ in place), []).append(place)
    return [place for group in groups.values() for place in group[:most]]


LEAST_LIFT = 1.2
SAME_DENSITY = 0.1


@dataclass(frozen=True, slots=True)
class Spot:
    """Bad rows at one place, and how many rows stand there at all (None: the rule does not say)."""

    place: tuple[tuple[str, Any], ...]
    count: int
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Cluster:
    """A place where bad rows are denser than elsewhere.

    `lift` is how many times denser than in the whole: 1.0 would be no cluster at all. None without a total.
    """

    where: tuple[tuple[str, str], ...]
    count: int
    of: int
    rows: int | None
    lift: float | None

    def __str__(self) -> str:
        return f"{self.count:,} of {self.of:,} in {', '.join(_said(name, label) for name, label in self.where)}"


def clusters(spots: Sequence[Spot], reading: Measurement, labels: Labels, most: int) -> tuple[Cluster, ...]:
    """The places worth saying, the most telling first."""
    found = [_cluster(spot, reading, labels) for spot in spots]
    telling = [cluster for cluster in found if cluster.lift is None or cluster.lift >= LEAST_LIFT]
    kept: list[Cluster] = []
    for cluster in sorted(telling, key=_weight):
        if not any(_repeats(cluster, other) for other in kept):
            kept.append(cluster)
    return tuple(kept[:most])


def _cluster(spot: Spot, reading: Measurement, labels: Labels) -> Cluster:
    where = tuple((name, labels.say(name, value)) for name, value in spot.place)
    lift = spot.count / spot.rows / reading.rate if spot.rows and reading.rate else None
    return Cluster(where, spot.count, reading.count or 0, spot.rows, None if lift is None else round(lift, 2))


def _weight(cluster: Cluster) -> tuple[Any, ...]:
    # many of the bad rows in few of all rows: their share times how much denser they are; the plainer place wins a tie
    share = cluster.count / cluster.of if cluster.of else 0.0
    return -share * min(cluster.lift or 1.0, 100.0), len(cluster.where), str(cluster.where)


def _repeats(cluster: Cluster, other: Cluster) -> bool:
    mine, theirs = set(cluster.where), set(other.where)
    nested = mine <= theirs or theirs <= mine
    return nested and abs(cluster.count - other.count) <= SAME_DENSITY * max(cluster.count, other.count)


def _said(name: str, label: str) -> str:
    # "series 12" needs its word, "CNSWPL" and "Series 12" say themselves what they are
    return f"{name} {label}" if label[:1].isdigit() or label == "none" else label
