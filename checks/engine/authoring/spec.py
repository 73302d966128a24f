"""The marks that decorators leave on functions, and the rule that is collected from one.

A decorator only marks: the same function comes back, and importing a module of rules has no other effect. Collecting
and running read the marks later.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import FromClause

from checks.engine.authoring import CheckDefinitionError
from checks.engine.authoring.thresholds import Above, Below, Drop, Outlier, Threshold
from checks.engine.authoring.units import Measure, Severity

CHECK = "__rally_check__"
FIXTURE = "__rally_fixture__"
FIX = "__rally_fix__"

DEFAULT_TIMEOUT = 60.0
DEFAULT_RETRIES = 2


class Kind(StrEnum):
    """Which query a rule asks."""

    ROW = "row_check"
    METRIC = "metric_check"
    CHECK = "check"
    FRAME = "frame_check"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What a rule declares about itself."""

    kind: Kind
    severity: Severity
    threshold: Threshold
    table: FromClause | None = None
    columns: tuple[str, ...] = ()
    owner: str = ""
    tags: frozenset[str] = frozenset()
    each: str | None = None
    timeout: float = DEFAULT_TIMEOUT
    retries: int = DEFAULT_RETRIES
    runbook: str = ""


def put(function: Any, attribute: str, mark: object) -> None:
    """Leave a mark on a function; refuse anything else and a second mark of the same sort."""
    if not callable(function) or not hasattr(function, "__code__"):
        raise CheckDefinitionError(f"only plain functions can be marked, found {function!r}")
    if hasattr(function, attribute):
        raise CheckDefinitionError(f"{function.__qualname__}() is marked twice; keep one decorator")
    setattr(function, attribute, mark)


def verified(mark: Mark) -> Mark:
    """The mark itself, or CheckDefinitionError naming the first thing that is wrong with it."""
    name = mark.kind.value
    if not isinstance(mark.severity, Severity):
        options = ", ".join(f"Severity.{level}" for level in Severity)
        raise CheckDefinitionError(f"{name}(severity={mark.severity!r}) is no severity; expected {options}")
    _check_threshold(mark)
    if mark.kind is not Kind.CHECK and not isinstance(mark.table, FromClause):
        found = getattr(mark.table, "__qualname__", repr(mark.table))
        raise CheckDefinitionError(f"{name}() got {found} for its table; expected @{name}(table, severity=...)")
    _check_options(mark)
    return mark


def _check_threshold(mark: Mark) -> None:
    metric = mark.kind is Kind.METRIC
    allowed = (Above, Below, Drop, Outlier) if metric else (Above,)
    if isinstance(mark.threshold, allowed):
        if not metric and getattr(mark.threshold, "unit", None) is Measure.HOURS:
            name = mark.kind.value
            raise CheckDefinitionError(f"{name}() counts rows, so hours do not fit; expected percent or rows")
        return
    expected = "above(), below(), drop() or outlier()" if metric else "above(...), a limit on the bad rows"
    raise CheckDefinitionError(f"{mark.kind.value}(threshold={mark.threshold!r}) does not fit; expected {expected}")


def _check_options(mark: Mark) -> None:
    name = mark.kind.value
    if any(not isinstance(tag, str) for tag in mark.tags):
        raise CheckDefinitionError(f"{name}(tags={set(mark.tags)!r}) holds something else than text")
    if isinstance(mark.timeout, bool) or not isinstance(mark.timeout, (int, float)) or mark.timeout <= 0:
        raise CheckDefinitionError(f"{name}(timeout={mark.timeout!r}) is no time; expected seconds above 0")
    if isinstance(mark.retries, bool) or not isinstance(mark.retries, int) or mark.retries < 0:
        raise CheckDefinitionError(f"{name}(retries={mark.retries!r}) is no count; expected 0 or more")
    if mark.each is not None and not (isinstance(mark.each, str) and mark.each.isidentifier()):
        raise CheckDefinitionError(f"{name}(each={mark.each!r}) names no argument; expected e.g. each='league'")


def is_check(value: object) -> bool:
    """Whether a module's member is a marked rule."""
    return isinstance(getattr(value, "__dict__", {}).get(CHECK), Mark)


def mark_of(function: Callable[..., object]) -> Mark:
    """The mark of a rule; CheckDefinitionError for a function without one."""
    mark = getattr(function, CHECK, None)
    if isinstance(mark, Mark):
        return mark
    name = getattr(function, "__qualname__", repr(function))
    raise CheckDefinitionError(f"{name} carries no mark; expected @row_check, @metric_check, @check or @frame_check")


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
        """The name of its table, empty for a query across tables."""
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
