"""Which rules a run is about. The same option twice widens, different options narrow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase

from checks.engine.errors import SelectionError
from checks.engine.levels import Severity
from checks.engine.rules import Rules
from checks.engine.spec import Check

Test = Callable[[Check], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What to select by; empty selects everything.

    `names` are glob patterns. `scope` narrows the rows and not the rules: a dimension's name and the label of the
    value wanted, such as `{"league": "CNSWPL"}`.
    """

    domains: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    scope: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def apply(self, rules: Rules) -> Rules:
        """The selected rules; raises SelectionError for a value that no rule has and for an empty selection."""
        tests = [
            _by("domain", self.domains, {check.domain for check in rules.values()}, lambda c: {c.domain}),
            _by("tag", self.tags, {tag for c in rules.values() for tag in c.mark.tags}, lambda c: c.mark.tags),
            _by("severity", _upper(self.severities), set(Severity), lambda c: {c.severity}),
            _by("owner", self.owners, {c.mark.owner for c in rules.values() if c.mark.owner}, lambda c: {c.mark.owner}),
            _by_name(self.names, rules),
        ]
        chosen = [check for check in rules.values() if all(test(check) for test in tests)]
        if not chosen and rules:
            raise SelectionError(f"no rule is {self}; each of these alone has some")
        return rules.only(chosen)

    def __str__(self) -> str:
        said = {
            "domain": self.domains, "tag": self.tags, "severity": self.severities, "name": self.names,
            "owner": self.owners, **self.scope,
        }  # fmt: skip
        return " and ".join(f"{name} {' or '.join(values)}" for name, values in said.items() if values) or "all"


def _by(name: str, wanted: tuple[str, ...], known: Iterable[str], values: Callable[[Check], Iterable[str]]) -> Test:
    for value in wanted:
        if value not in known:
            raise SelectionError(f"no rule has the {name} {value!r}; there {_listed(known)}")
    return lambda check: not wanted or any(value in wanted for value in values(check))


def _by_name(patterns: tuple[str, ...], rules: Rules) -> Test:
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in rules):
            near = get_close_matches(pattern, list(rules), n=3)
            hint = f"did you mean {', '.join(near)}?" if near else f"there {_listed(rules)}"
            raise SelectionError(f"no rule is called {pattern!r}; {hint}")
    return lambda check: not patterns or any(fnmatchcase(check.name, pattern) for pattern in patterns)


def _upper(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(value.upper() for value in values)


def _listed(known: Iterable[str]) -> str:
    names = sorted(known)
    return f"{'is' if len(names) == 1 else 'are'} {', '.join(names)}" if names else "are none"
