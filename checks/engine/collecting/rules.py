"""The rules that were collected, as a mapping by name with their fixtures, and the selection that a run is about.

The same option of a selection given twice widens it, different options narrow it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from checks.engine.authoring import CheckDefinitionError, DuplicateCheckError, SelectionError
from checks.engine.authoring.spec import CHECK, FIX, FIXTURE, Check, Source, mark_of
from checks.engine.authoring.units import Severity
from checks.engine.collecting.wiring import Fixture, verify

NEAREST = 5
"""So many names are suggested for one that is unknown; of fewer rules all are listed."""
Named = TypeVar("Named", Check, Fixture)


class Rules(Mapping[str, Check]):
    """Rules by name, in the order of their names. Raises CheckDefinitionError when names clash or lead nowhere.

    `disabled` names rules that are switched off, and the line that does it.
    """

    def __init__(
        self,
        checks: Iterable[Check],
        fixtures: Iterable[Fixture] = (),
        *,
        provided: Iterable[str] = (),
        disabled: Mapping[str, str] | None = None,
    ) -> None:
        self._checks = dict(sorted(_unique("check", checks).items()))
        self.fixtures: Mapping[str, Fixture] = _unique("fixture", fixtures)
        self.provided = frozenset(provided)
        self.disabled = dict(disabled or {})
        verify(self._checks.values(), self.fixtures, self.provided)

    @classmethod
    def of(cls, *functions: Callable[..., Any], domain: str = "rules", provided: Iterable[str] = ()) -> Rules:
        """The rules, fixtures and fixes among `functions`, all of one domain."""
        return cls.assemble([(function, domain) for function in functions], provided=provided)

    @classmethod
    def assemble(cls, members: Iterable[tuple[Callable[..., Any], str]], *, provided: Iterable[str] = ()) -> Rules:
        """Sort marked functions, each with its domain, into rules, fixtures and fixes."""
        marked = list(members)
        fixes = _fixes(function for function, _ in marked if hasattr(function, FIX))
        checks = [_check_of(function, domain) for function, domain in marked if hasattr(function, CHECK)]
        fixtures = [Fixture.of(function) for function, _ in marked if hasattr(function, FIXTURE)]
        strangers = [f for f, _ in marked if not any(hasattr(f, mark) for mark in (CHECK, FIX, FIXTURE))]
        for stranger in strangers:
            raise CheckDefinitionError(f"{stranger!r} carries no mark; expected a rule, a fixture or a fix")
        return cls([replace(c, fix=fixes.get(c.function)) for c in checks], fixtures, provided=provided)

    def only(self, checks: Iterable[Check]) -> Rules:
        """The same rules and fixtures, narrowed to some of the rules."""
        return Rules(checks, self.fixtures.values(), provided=self.provided, disabled=self.disabled)

    def providing(self, **values: Any) -> Rules:
        """The same rules, with each value in the place of what the fixture of its name would make."""
        given = {name: replace(self.fixtures[name], function=lambda value=value: value, wanted=())
                 for name, value in values.items()}  # fmt: skip
        fixtures = {**self.fixtures, **given}
        return Rules(self.values(), fixtures.values(), provided=self.provided, disabled=self.disabled)

    def __getitem__(self, name: str) -> Check:
        return self._checks[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._checks)

    def __len__(self) -> int:
        return len(self._checks)

    def __repr__(self) -> str:
        return f"Rules({', '.join(self)})"


def _check_of(function: Callable[..., Any], domain: str) -> Check:
    try:
        return Check.of(function, domain)
    except CheckDefinitionError as error:
        raise type(error)(f"{mark_of(function).source or Source.of(function)}: {error}") from None


def _unique(what: str, things: Iterable[Named]) -> dict[str, Named]:
    by_name: dict[str, Named] = {}
    for thing in things:
        other = by_name.setdefault(thing.name, thing)
        if other is not thing:
            places = f"{other.source} and {thing.source}"
            raise DuplicateCheckError(f"two {what}s are called {thing.name!r}: {places}; rename one of them")
    return by_name


def _fixes(functions: Iterable[Callable[..., Any]]) -> dict[Any, Callable[..., Any]]:
    by_rule: dict[Any, Callable[..., Any]] = {}
    for function in functions:
        rule = getattr(function, FIX)
        if rule in by_rule:
            raise DuplicateCheckError(
                f"check {rule.__name__!r} has two fixes: {by_rule[rule].__qualname__} and {function.__qualname__}"
            )
        by_rule[rule] = function
    return by_rule


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
            if pattern in rules.disabled:
                raise SelectionError(f"{pattern!r} is switched off by {rules.disabled[pattern]}")
            near = get_close_matches(
                pattern.casefold(), list(rules), n=NEAREST, cutoff=0.4 if len(rules) > NEAREST else 0.6
            )
            far = "rally-health rules list has all of them" if len(rules) > NEAREST else f"there {_listed(rules)}"
            hint = f"did you mean {', '.join(near)}?" if near else far
            raise SelectionError(f"no rule is called {pattern!r}; {hint}")
    return lambda check: not patterns or any(fnmatchcase(check.name, pattern) for pattern in patterns)


def _upper(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(value.upper() for value in values)


def _listed(known: Iterable[str]) -> str:
    names = sorted(known)
    return f"{'is' if len(names) == 1 else 'are'} {', '.join(names)}" if names else "are none"


def matching(rules: Rules, words: str = "", tags: str = "") -> tuple[str, ...]:
    """The names of rules by expressions of `and`, `or`, `not`, as pytest's `-k` and `-m` have them.

    A word of `words` is a part of a name, or a domain, a tag or an owner; one of `tags` is a tag. Raises SelectionError
    for what is no expression, and where no rule matches.
    """

    def fits(check: Check) -> bool:
        own = {check.domain, check.mark.owner, *check.mark.tags}
        by_word = _holds(words, lambda word: word in own or word.lower() in check.name.lower())
        return by_word and _holds(tags, lambda word: word in check.mark.tags)

    names = tuple(name for name, check in rules.items() if fits(check))
    if not names:
        every = {tag for check in rules.values() for tag in check.mark.tags}
        for strange in sorted(set(re.findall(r"\w+", tags)) - {"and", "or", "not"} - every):
            raise SelectionError(f"no rule has the tag {strange!r}; there {_listed(every)}")
        raise SelectionError(f"no rule matches {' and '.join(repr(one) for one in (words, tags) if one)}")
    return names


def _holds(expression: str, test: Callable[[str], bool]) -> bool:
    """Whether an expression of words is true; an empty one is."""

    def value(node: ast.expr) -> bool:
        if isinstance(node, ast.BoolOp):
            return (all if isinstance(node.op, ast.And) else any)(value(one) for one in node.values)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return not value(node.operand)
        if isinstance(node, ast.Name):
            return test(node.id)
        raise SelectionError(f"{expression!r} is no expression; expected words with and, or, not and ( )")

    try:
        return not expression or value(ast.parse(expression, mode="eval").body)
    except SyntaxError:
        raise SelectionError(f"{expression!r} is no expression; expected words with and, or, not and ( )") from None
