"""A collected rule: the function, its mark, and where both stand."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from checks.engine.errors import CheckDefinitionError
from checks.engine.levels import Severity
from checks.engine.marks import Kind, Mark, mark_of
from checks.engine.thresholds import Threshold

VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY)
SUBJECTS = {Kind.ROW: "row: Row", Kind.METRIC: "row: Row", Kind.FRAME: "frame: pd.DataFrame"}


@dataclass(frozen=True, slots=True)
class Source:
    """Where a function stands: what a message, an annotation or an editor points at."""

    file: str
    line: int

    @classmethod
    def of(cls, function: Callable[..., Any]) -> Source:
        """The place of a function's `def`."""
        code = function.__code__
        return cls(code.co_filename, code.co_firstlineno)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Check:
    """One rule, ready to be planned."""

    name: str
    domain: str
    summary: str
    mark: Mark
    function: Callable[..., Any]
    wanted: tuple[str, ...]
    optional: frozenset[str]
    source: Source
    fix: Callable[..., Any] | None = None

    @classmethod
    def of(cls, function: Callable[..., Any], domain: str) -> Check:
        """Read a marked function; raises CheckDefinitionError when its arguments do not fit its kind."""
        mark = mark_of(function)
        wanted, optional = arguments(function)
        if mark.kind in SUBJECTS:
            wanted = _without_subject(function, mark, wanted)
        if mark.each is not None and mark.each not in wanted:
            raise CheckDefinitionError(
                f"check {function.__name__!r} says each={mark.each!r}, but has no argument {mark.each!r}"
            )
        summary = (inspect.getdoc(function) or function.__name__.replace("_", " ")).splitlines()[0].strip()
        return cls(function.__name__, domain, summary, mark, function, wanted, optional, Source.of(function))

    @property
    def severity(self) -> Severity:
        """How much the rule matters."""
        return self.mark.severity

    @property
    def threshold(self) -> Threshold:
        """What its reading is judged by."""
        return self.mark.threshold

    @property
    def table(self) -> str:
        """The name of its table, empty for a question across tables."""
        return str(getattr(self.mark.table, "fullname", ""))


def arguments(function: Callable[..., Any]) -> tuple[tuple[str, ...], frozenset[str]]:
    """The names that a function asks for, and those among them that it can do without."""
    parameters = inspect.signature(function).parameters
    for parameter in parameters.values():
        if parameter.kind in VARIADIC:
            raise CheckDefinitionError(
                f"{function.__name__!r} has the argument {parameter!s}, which names nothing; ask for fixtures by name"
            )
    optional = frozenset(name for name, p in parameters.items() if p.default is not p.empty)
    return tuple(parameters), optional


def _without_subject(function: Callable[..., Any], mark: Mark, wanted: tuple[str, ...]) -> tuple[str, ...]:
    if not wanted:
        expected = f"def {function.__name__}({SUBJECTS[mark.kind]})"
        raise CheckDefinitionError(f"{mark.kind.value} {function.__name__!r} takes no argument; expected {expected}")
    return wanted[1:]
