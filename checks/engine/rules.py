"""The rules that were collected, as a mapping by name, with the fixtures that they can ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from checks.engine.errors import CheckDefinitionError, DuplicateCheckError
from checks.engine.marks import CHECK, FIX, FIXTURE
from checks.engine.spec import Check
from checks.engine.wiring import Fixture, verify

Named = TypeVar("Named", Check, Fixture)


class Rules(Mapping[str, Check]):
    """Rules by name, in the order of their names. Raises CheckDefinitionError when names clash or lead nowhere."""

    def __init__(
        self, checks: Iterable[Check], fixtures: Iterable[Fixture] = (), *, provided: Iterable[str] = ()
    ) -> None:
        self._checks = dict(sorted(_unique("check", checks).items()))
        self.fixtures: Mapping[str, Fixture] = _unique("fixture", fixtures)
        self.provided = frozenset(provided)
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
        checks = [Check.of(function, domain) for function, domain in marked if hasattr(function, CHECK)]
        fixtures = [Fixture.of(function) for function, _ in marked if hasattr(function, FIXTURE)]
        strangers = [f for f, _ in marked if not any(hasattr(f, mark) for mark in (CHECK, FIX, FIXTURE))]
        for stranger in strangers:
            raise CheckDefinitionError(f"{stranger!r} carries no mark; expected a rule, a fixture or a fix")
        return cls([replace(c, fix=fixes.get(c.function)) for c in checks], fixtures, provided=provided)

    def only(self, checks: Iterable[Check]) -> Rules:
        """The same rules and fixtures, narrowed to some of the rules."""
        return Rules(checks, self.fixtures.values(), provided=self.provided)

    def __getitem__(self, name: str) -> Check:
        return self._checks[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._checks)

    def __len__(self) -> int:
        return len(self._checks)

    def __repr__(self) -> str:
        return f"Rules({', '.join(self)})"


def _unique(what: str, things: Iterable[Named]) -> dict[str, Named]:
    found: dict[str, Named] = {}
    for thing in things:
        other = found.setdefault(thing.name, thing)
        if other is not thing:
            places = f"{other.source} and {thing.source}"
            raise DuplicateCheckError(f"two {what}s are called {thing.name!r}: {places}; rename one of them")
    return found


def _fixes(functions: Iterable[Callable[..., Any]]) -> dict[Any, Callable[..., Any]]:
    found: dict[Any, Callable[..., Any]] = {}
    for function in functions:
        rule = getattr(function, FIX)
        if rule in found:
            raise DuplicateCheckError(
                f"check {rule.__name__!r} has two fixes: {found[rule].__qualname__} and {function.__qualname__}"
            )
        found[rule] = function
    return found
