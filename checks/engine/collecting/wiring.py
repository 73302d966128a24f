"""Names are wiring: what a rule or a fixture asks for by argument name is looked up, made once per run, cleaned up.

Everything that can go wrong with names is found before anything runs: a name that nobody provides, a circle.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from checks.engine.authoring import CheckDefinitionError, MeasureError
from checks.engine.authoring.spec import DEFAULT_TIMEOUT, FIXTURE, Check, Source, arguments
from checks.engine.measuring.child import OF_A_FILE, in_own_process, rehearse, text_of
from checks.engine.measuring.snapshot import within

BUILT_IN = frozenset({"today", "now"})


@dataclass(frozen=True, slots=True)
class Fixture:
    """A function that provides what rules ask for by its name."""

    name: str
    function: Callable[..., Any]
    wanted: tuple[str, ...]
    optional: frozenset[str]
    source: Source

    @classmethod
    def of(cls, function: Callable[..., Any]) -> Fixture:
        """Read a marked function; raises CheckDefinitionError for one without a mark."""
        if not hasattr(function, FIXTURE):
            raise CheckDefinitionError(f"{function!r} is no fixture; expected a function under @fixture")
        return cls(function.__name__, function, *arguments(function), Source.of(function))


def verify(checks: Iterable[Check], fixtures: Mapping[str, Fixture], provided: frozenset[str]) -> None:
    """Raise CheckDefinitionError for the first name that nobody provides, and for fixtures in a circle."""
    available = provided | BUILT_IN | set(fixtures)
    for shadowed in (provided | BUILT_IN) & set(fixtures):
        raise CheckDefinitionError(f"fixture {shadowed!r} ({fixtures[shadowed].source}) hides a built-in name")
    for check in checks:
        _verify_names(f"check {check.name!r}", check, available)
    for fixture in fixtures.values():
        _verify_names(f"fixture {fixture.name!r}", fixture, available)
        _verify_no_circle((fixture.name,), fixtures)


def _verify_names(what: str, asking: Check | Fixture, names: frozenset[str] | set[str]) -> None:
    for name in _needed(asking):
        if name in names or name in asking.optional:
            continue
        near = get_close_matches(name, names, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        available = ", ".join(sorted(names))
        raise CheckDefinitionError(
            f"{asking.source}: {what} asks for {name!r}, which is no fixture{hint}; available: {available}"
        )


def _needed(asking: Check | Fixture) -> Iterator[str]:
    yield from asking.wanted
    if isinstance(asking, Check) and asking.all_at_once and asking.mark.each is not None:
        yield asking.mark.each


def _verify_no_circle(path: tuple[str, ...], fixtures: Mapping[str, Fixture]) -> None:
    for name in fixtures[path[-1]].wanted:
        if name in path:
            raise CheckDefinitionError(f"fixtures ask for each other in a circle: {' -> '.join((*path, name))}")
        if name in fixtures:
            _verify_no_circle((*path, name), fixtures)


class Values:
    """The values of one run, made when first asked for. A fixture that raised raises for each who asks."""

    def __init__(self, fixtures: Mapping[str, Fixture], given: Mapping[str, Any]) -> None:
        self._fixtures = fixtures
        self._made: dict[str, Any] = dict(given)
        self._failed: dict[str, MeasureError] = {}
        self._open: list[tuple[str, Iterator[Any]]] = []
        self.complaints: list[str] = []

    def __getitem__(self, name: str) -> Any:
        if name in self._failed:
            raise self._failed[name]
        if name not in self._made:
            self._made[name] = self._make(self._fixtures[name])
        return self._made[name]

    def arguments(self, asking: Check | Fixture) -> dict[str, Any]:
        """Everything that a rule or fixture asks for, by name."""
        known = self._made.keys() | self._fixtures.keys()
        return {name: self[name] for name in asking.wanted if name in known or name not in asking.optional}

    def _make(self, fixture: Fixture) -> Any:
        given = self.arguments(fixture)
        try:
            if fixture.function.__module__.startswith(OF_A_FILE):
                rehearse(DEFAULT_TIMEOUT, f"fixture {fixture.name}()", lambda: _begun(fixture.function(**given)))
            with in_own_process(f"fixture {fixture.name}() of {fixture.source}"):
                made = within(DEFAULT_TIMEOUT, f"fixture {fixture.name}()", lambda: fixture.function(**given))
                return self._first(fixture.name, made) if inspect.isgenerator(made) else made
        except Exception as error:
            reason = f"fixture {fixture.name!r} raised {type(error).__name__}: {text_of(error)}"
            self._failed[fixture.name] = MeasureError(reason)
            raise self._failed[fixture.name] from error

    def _first(self, name: str, generator: Iterator[Any]) -> Any:
        value = within(DEFAULT_TIMEOUT, f"fixture {name}()", lambda: next(generator))
        self._open.append((name, generator))
        return value

    def close(self) -> None:
        """Run what follows each `yield`, last made first; what fails there is a complaint and stops nothing."""
        while self._open:
            name, generator = self._open.pop()
            try:
                within(DEFAULT_TIMEOUT, f"fixture {name}()", lambda generator=generator: next(generator))  # type: ignore[misc]
                self.complaints.append(f"fixture {name!r} yields more than once")
            except StopIteration:
                continue
            except Exception as error:  # noqa: BLE001 - the boundary of one fixture's clean-up
                self.complaints.append(f"fixture {name!r} failed to clean up: {type(error).__name__}: {text_of(error)}")


def _begun(made: Any) -> object:
    return next(made) if inspect.isgenerator(made) else made


@contextmanager
def values(fixtures: Mapping[str, Fixture], given: Mapping[str, Any]) -> Iterator[Values]:
    """The values of one run, cleaned up at its end."""
    made = Values(fixtures, given)
    try:
        yield made
    finally:
        made.close()
