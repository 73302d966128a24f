"""What a person changes about rules without touching them: limits, severity, owner, whether they run at all.

An entry says which rules it means (`name` as a glob, `domain`, `tag`; all that are given must fit) and what is other
about them, for all rows or, below `leagues`, for those of one league. Later entries go before earlier ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from checks.engine.authoring import CheckDefinitionError
from checks.engine.authoring.spec import Check, Kind, Mark, verified
from checks.engine.authoring.thresholds import (
    Above,
    Below,
    Drop,
    Outlier,
    RelativeChange,
    Threshold,
    above,
    below,
    change,
    drop,
    outlier,
)
from checks.engine.authoring.units import Limit, limit_of, severity_of
from checks.engine.collecting.rules import Rules

LIMITS = ("warn", "critical", "target", "drop", "growth", "window")
TAKES: Mapping[type[Threshold], tuple[str, ...]] = {
    Above: ("warn", "critical", "target"), Below: ("warn", "critical", "target"), Drop: ("warn", "critical", "window"),
    Outlier: ("warn", "critical", "window"), RelativeChange: ("drop", "growth", "window", "warn", "critical"),
}  # fmt: skip
"""Which limits of each sort of threshold can be other."""
SEGMENTS = {"leagues": "league"}
"""Where an entry says what is other for some rows, and the dimension that those are of."""


LimitSaid: TypeAlias = str | int | float | Literal[False]
PairSaid: TypeAlias = tuple[str | Literal[False], str | Literal[False]] | Literal[False]


class RuleChange(BaseModel):
    """What is other about a rule; what is None stays."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    enabled: bool | None = None
    """`false`: it does not run."""
    warn: LimitSaid | None = None
    """The limit of WARN, with its unit, such as `"2 %"`, `"10 rows"`, `"26 hours"`; `false`: none."""
    critical: LimitSaid | None = None
    """The limit of CRITICAL."""
    target: LimitSaid | None = None
    """What is as good as wanted."""
    drop: PairSaid | None = None
    """Of a rule that compares with its own history: warn and critical of a fall, such as `["10 %", "30 %"]`."""
    growth: PairSaid | None = None
    """The same of a rise."""
    window: int | None = None
    """Days of history that it compares with."""
    severity: str | None = None
    """LOW, MEDIUM or HIGH."""
    owner: str | None = None
    """Who looks after it."""
    tags: tuple[str, ...] | None = None
    """In place of its own."""
    timeout: float | None = Field(None, gt=0)
    """Seconds that it may take."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Values of its optional arguments, such as `{days = 14}`."""


class RuleOverride(RuleChange):
    """An entry without `kind` changes rules that there are: those that fit all of `name`, `domain` and `tag`.

    The same can stand as `[rules.NAME]`. Later entries go before earlier ones.
    """

    name: str | None = None
    """Its name, `*` and `?` allowed."""
    domain: str | None = None
    """All rules of a domain."""
    tag: str | None = None
    """All rules with a tag."""
    leagues: dict[str, RuleChange] = Field(default_factory=dict)
    """What is other for the rows of one league: `[rules.leagues.CITA]` below the entry, with the keys above."""
    line: str = Field("", exclude=True)

    def means(self, check: Check) -> bool:
        """Whether a rule is meant."""
        return (
            fnmatchcase(check.name, self.name or "*")
            and self.domain in {None, check.domain}
            and (self.tag is None or self.tag in check.mark.tags)
        )


def read_override(entry: Mapping[str, Any]) -> RuleOverride:
    """An entry as a person wrote it; raises CheckDefinitionError with its line and the nearest that is known."""
    where = str(entry.get("line", "rules"))
    try:
        override = RuleOverride.model_validate(dict(entry))
    except ValidationError as error:
        raise CheckDefinitionError(f"{where}: {'; '.join(_said(one) for one in error.errors())}") from None
    if override.name is override.domain is override.tag is None:
        raise CheckDefinitionError(f"{where} says neither kind nor name, domain or tag; which rules are meant?")
    return override


def override_rules(rules: Rules, overrides: Iterable[RuleOverride]) -> Rules:
    """The rules with all changes; raises CheckDefinitionError for an entry that means no rule or cannot be."""
    checks, off = dict(rules), dict(rules.disabled)
    for override in overrides:
        meant = [check for check in checks.values() if override.means(check)]
        if not meant and not any(fnmatchcase(name, override.name or "*") for name in off):
            raise CheckDefinitionError(f"{override.line} means no rule: {_nearest_rule(override, rules)}")
        for check in meant:
            checks[check.name] = _changed(check, override, override.line)
            off.pop(check.name, None)
            if override.enabled is False:
                off[check.name] = override.line
    enabled = [check for name, check in checks.items() if name not in off]
    return Rules(enabled, rules.fixtures.values(), provided=rules.provided, disabled=off)


def _changed(check: Check, override: RuleOverride, line: str) -> Check:
    try:
        new = _with(check, override, line)
        segments = dict(_segments(new, override, line))
        apart = tuple(_changes_apart(new, segments, line))
        return replace(
            new, segments={**check.segments, **segments}, changed_apart=(*check.changed_apart, *apart)
        )  # fmt: skip
    except CheckDefinitionError as error:
        raise CheckDefinitionError(f"{line}, {check.name}: {error}") from None


def _segments(check: Check, override: RuleOverride, line: str) -> Iterator[tuple[tuple[str, str], Check | None]]:
    for field, dimension in SEGMENTS.items():
        for label, other in getattr(override, field).items():
            if check.mark.each != dimension and check.mark.kind in {Kind.METRIC, Kind.FRAME}:
                raise CheckDefinitionError(f"a {check.mark.kind} cannot be judged for one {dimension} alone")
            yield (dimension, label), None if other.enabled is False else _with(check, other, line)


def _changes_apart(
    check: Check, segments: Mapping[tuple[str, str], Check | None], line: str
) -> Iterator[tuple[str, str]]:
    for (_, label), own in segments.items():
        told = (f"left out, {line}",) if own is None else own.changed[len(check.changed) :]
        yield from ((label, change) for change in told)


def _with(check: Check, change: RuleChange, line: str) -> Check:
    mark = check.mark
    new = replace(
        mark,
        severity=mark.severity if change.severity is None else severity_of(change.severity),
        threshold=_threshold(mark.threshold, change),
        owner=mark.owner if change.owner is None else change.owner,
        tags=mark.tags if change.tags is None else frozenset(change.tags),
        timeout=change.timeout or mark.timeout,
    )
    parameters = {**check.parameters, **_parameters(check, change.parameters)}
    said = (*_differences(mark, new), *(f"{name} {value}" for name, value in change.parameters.items()))
    told = tuple(f"{one}, {line}" for one in said)
    return replace(check, mark=verified(new), parameters=parameters, changed=(*check.changed, *told))


def _differences(old: Mark, new: Mark) -> Iterator[str]:
    if old.threshold != new.threshold:
        yield f"{new.threshold} (was {old.threshold})"
    for name in ("severity", "owner", "timeout"):
        if getattr(old, name) != getattr(new, name):
            yield f"{name} {getattr(new, name)} (was {getattr(old, name) or 'none'})"
    if old.tags != new.tags:
        yield f"tags {', '.join(sorted(new.tags)) or 'none'} (was {', '.join(sorted(old.tags)) or 'none'})"


def _threshold(threshold: Threshold, change: RuleChange) -> Threshold:
    """The threshold with other limits; a limit that is `false` is taken away."""
    said = {name: getattr(change, name) for name in LIMITS if getattr(change, name) is not None}
    if not said:
        return threshold
    if strange := [name for name in said if name not in TAKES[type(threshold)]]:
        takes = ", ".join(TAKES[type(threshold)])
        raise CheckDefinitionError(f"its limits are {threshold}; it takes {takes} and no {strange[0]}")
    if isinstance(threshold, Outlier):
        return outlier(**{name: getattr(threshold, name) for name in TAKES[Outlier]} | _numbers(said))
    if isinstance(threshold, RelativeChange):
        return _of_change(threshold, said)
    limits: dict[str, Any] = {name: getattr(threshold, name) for name in TAKES[type(threshold)]}
    limits |= {name: value if name == "window" else _limit(value) for name, value in said.items()}
    if isinstance(threshold, Drop):
        return drop(**limits)
    return (above if isinstance(threshold, Above) else below)(**_within_target(limits, said))


def _of_change(threshold: RelativeChange, said: Mapping[str, Any]) -> RelativeChange:
    """`warn` and `critical` are of the one direction that it judges; of two, `drop` and `growth` say which."""
    pairs = {name: list(getattr(threshold, name)) for name in ("drop", "growth")}
    pairs |= {name: [_limit(one) for one in said[name] or (False, False)] for name in pairs if name in said}
    judged = [name for name, pair in pairs.items() if any(pair)]
    for place, name in enumerate(("warn", "critical")):
        if name in said and len(judged) != 1:
            raise CheckDefinitionError(f"its limits are {threshold}; say drop or growth, each as [warn, critical]")
        if name in said:
            pairs[judged[0]][place] = _limit(said[name])
    return change(
        **{name: (pair[0], pair[1]) for name, pair in pairs.items()}, window=said.get("window", threshold.window)
    )


def _limit(said: LimitSaid) -> Limit | None:
    return None if said is False else limit_of(str(said))


def _numbers(said: Mapping[str, Any]) -> dict[str, Any]:
    """Deviations, which have no unit."""
    try:
        return {name: value if name == "window" else float(value) for name, value in said.items()}
    except ValueError:
        raise CheckDefinitionError(f"{said} are no deviations; expected numbers such as warn = 3.5") from None


def _within_target(limits: dict[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """A target in another unit than the new limits says nothing any more."""
    units = {limits[name].unit for name in ("warn", "critical") if limits[name] is not None}
    target = limits["target"]
    stays = "target" in said or target is None or units == {target.unit}
    return limits if stays else {**limits, "target": None}


def _parameters(check: Check, given: Mapping[str, Any]) -> Mapping[str, Any]:
    takes = sorted(check.optional)
    for name in given:
        if name not in check.optional:
            near = get_close_matches(name, takes, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it takes {', '.join(takes) or 'none'}"
            raise CheckDefinitionError(f"it has no parameter {name!r}; {hint}")
    return given


def _said(error: Any) -> str:
    name = str(error["loc"][-1])
    if error["type"] != "extra_forbidden":
        return f"{'.'.join(map(str, error['loc']))}: {error['msg']}"
    accepted = [*RuleOverride.model_fields, "kind"]
    near = get_close_matches(name, accepted, n=1)
    return f"{name!r} is nothing that a rule has" + (
        f"; did you mean {near[0]!r}?" if near else f": {', '.join(accepted)}"
    )


def _nearest_rule(override: RuleOverride, rules: Rules) -> str:
    choices = {
        "name": set(rules), "domain": {check.domain for check in rules.values()},
        "tag": {tag for check in rules.values() for tag in check.mark.tags},
    }  # fmt: skip
    for field, names in choices.items():
        wanted = getattr(override, field)
        if wanted is not None and not any(fnmatchcase(name, wanted) for name in names):
            near = get_close_matches(wanted, sorted(names), n=1)
            return f"no {field} is {wanted!r}" + (f"; did you mean {near[0]!r}?" if near else "")
    return "no rule has all of that"
