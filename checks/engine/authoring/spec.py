"""The marks that decorators leave on functions, and the rule that is collected from one.

A decorator only marks: the same function comes back, and importing a module of rules has no other effect. Collecting
and running read the marks later.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import FromClause

from checks.engine.authoring import CheckDefinitionError
from checks.engine.authoring.thresholds import Above, Below, Drop, Outlier, RelativeChange, Threshold
from checks.engine.authoring.units import Measure, Severity

CHECK = "__rally_check__"
FIXTURE = "__rally_fixture__"
FIX = "__rally_fix__"
AUTOMATIC = "__rally_automatic__"
"""Marks a rule whose name was made from its table: the variable that holds it is a better one."""

DEFAULT_TIMEOUT = 60.0
DEFAULT_RETRIES = 2


NAME_PARTS = re.compile(r'(?:("(?:[^"]|"")+"|[^".]+)\.)?("(?:[^"]|"")+"|[^".]+)')


@dataclass(frozen=True, slots=True)
class TableName:
    """A table that is known by name alone, such as "orders" or 'shop."Order Lines"'; a run reads what it has.

    Without a schema it is looked for on the search path. `key` names the columns that a row is known by, where the
    table has no primary key, as a view. A rule about an `optional` table that is not there is left out of the run.
    `columns` are all that is read of it, where that is known. Raises CheckDefinitionError for what cannot be a name.
    """

    name: str
    key: tuple[str, ...] = ()
    optional: bool = False
    columns: tuple[str, ...] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not NAME_PARTS.fullmatch(self.name):
            raise CheckDefinitionError(f"{self.name!r} names no table; expected such as 'orders' or 'shop.orders'")
        if isinstance(self.key, str):  # a column alone is one, and not its letters
            object.__setattr__(self, "key", (self.key,))

    @property
    def parts(self) -> tuple[str | None, str]:
        """Schema and name, without quotes."""
        found = NAME_PARTS.fullmatch(self.name)
        assert found is not None  # noqa: S101 - verified when made
        schema, name = (part and part.strip('"').replace('""', '"') for part in found.groups())
        return schema, name

    @property
    def fullname(self) -> str:
        """The name as SQLAlchemy's tables have it."""
        return ".".join(filter(None, self.parts))


class Kind(StrEnum):
    """Which query a rule asks."""

    ROW = "row_check"
    METRIC = "metric_check"
    CHECK = "check"
    FRAME = "frame_check"


ALL_AT_ONCE = {Kind.CHECK, Kind.METRIC}
"""The kinds that can ask for all values of their `each` by one statement."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What a rule declares about itself."""

    kind: Kind
    severity: Severity
    threshold: Threshold
    table: FromClause | TableName | None = None
    columns: tuple[str, ...] = ()
    owner: str = ""
    tags: frozenset[str] = frozenset()
    each: str | None = None
    groups: str = ""
    """The column whose values an `each=` rule runs once per, as text, where no fixture gives them."""
    timeout: float = DEFAULT_TIMEOUT
    retries: int = DEFAULT_RETRIES
    runbook: str = ""
    coach: str = ""
    can_be_empty: bool = False
    source: Source | None = None
    """Where a rule stands that is not written as a function of its own."""
    good: tuple[Mapping[str, Any], ...] = field(default=(), compare=False)
    bad: tuple[Mapping[str, Any], ...] = field(default=(), compare=False)
    """Rows that the rule leaves alone and rows that it finds, for `rules test`; a row may say its `table`."""
    tables: tuple[tuple[str, Any], ...] = ()
    """Arguments that are tables, by name; TableName until a run has read them."""

    @property
    def all_tables(self) -> tuple[Any, ...]:
        """Its own table, or None, and those that are arguments."""
        return self.table, *(own for _, own in self.tables)


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
    if mark.kind is not Kind.CHECK and not isinstance(mark.table, FromClause | TableName):
        found = getattr(mark.table, "__qualname__", repr(mark.table))
        raise CheckDefinitionError(f"{name}() got {found} for its table; expected @{name}(table, severity=...)")
    _check_options(mark)
    return mark


def _check_threshold(mark: Mark) -> None:
    metric = mark.kind is Kind.METRIC
    allowed = (Above, Below, Drop, Outlier, RelativeChange) if metric else (Above,)
    if isinstance(mark.threshold, allowed):
        if not metric and getattr(mark.threshold, "unit", None) is Measure.HOURS:
            name = mark.kind.value
            raise CheckDefinitionError(f"{name}() counts rows, so hours do not fit; expected percent or rows")
        return
    expected = "above(), below(), drop(), outlier() or change()" if metric else "above(...), a limit on the bad rows"
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


CLAUSE = re.compile(r"[;:]|\. | \(|, (?:and|or|such|so|but)\b")
"""Where the beginning of a summary ends that says enough."""


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
    parameters: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """Values for optional arguments, in place of their defaults."""
    changed: tuple[str, ...] = field(default=(), compare=False)
    """What is not as its author wrote it, and by which line: "warn above 5 % (was 1 %), rally.toml:7"."""
    segments: Mapping[tuple[str, str], Check | None] = field(default_factory=dict, compare=False)
    """How rows of one value of a dimension, such as ("league", "CITA"), are judged apart; None: not at all."""
    changed_apart: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    """What is not as its author wrote it for some rows: their league, the change and its line."""
    answers: dict[Any, Any] = field(default_factory=dict, init=False, compare=False, repr=False)
    """What the rule has answered in this process, by its arguments."""

    @classmethod
    def of(cls, function: Callable[..., Any], domain: str) -> Check:
        """Read a marked function; raises CheckDefinitionError when its arguments do not fit its kind."""
        mark = mark_of(function)
        wanted, optional = arguments(function)
        if mark.kind in SUBJECTS:
            wanted = _without_subject(function, mark, wanted)
        if mark.each is not None and mark.each not in wanted and mark.kind not in ALL_AT_ONCE:
            raise CheckDefinitionError(
                f"check {function.__name__!r} says each={mark.each!r}, but has no argument {mark.each!r}"
            )
        wanted = _without_tables(function, mark, wanted)
        summary = (inspect.getdoc(function) or function.__name__.replace("_", " ")).splitlines()[0].strip()
        source = mark.source or Source.of(function)
        return cls(function.__name__, domain, summary, mark, function, wanted, optional, source)

    def judged_for(self, dimension: str, label: str) -> Check | None:
        """The rule as it is for the rows of one value, whose name is compared in any case; None: it does not run."""
        named = {(key, own.casefold()): check for (key, own), check in self.segments.items()}
        return named.get((dimension, label.casefold()), self)

    @property
    def changes(self) -> tuple[str, ...]:
        """All that is not as its author wrote it, also for one league alone: "CITA: severity HIGH (was LOW), ..."."""
        return (*self.changed, *(f"{label}: {change}" for label, change in self.changed_apart))

    @property
    def severity(self) -> Severity:
        """How much the rule matters."""
        return self.mark.severity

    @property
    def coach(self) -> str:
        """The rule in one short sentence, in a coach's words: its own, or the beginning of its summary."""
        return self.mark.coach or CLAUSE.split(self.summary)[0].rstrip(".")

    @property
    def threshold(self) -> Threshold:
        """What its reading is judged by."""
        return self.mark.threshold

    @property
    def each(self) -> str:
        """What it is asked for one by one, such as league or the column of groups; empty for one that is not."""
        return self.mark.groups or self.mark.each or ""

    @property
    def all_at_once(self) -> str:
        """The column that tells values of `each` apart in a rule that takes none of them, but asks for all at once."""
        takes_one = self.mark.each is None or self.mark.each in self.wanted or bool(self.mark.groups)
        return "" if takes_one or self.mark.kind not in ALL_AT_ONCE else f"{self.mark.each}_id"

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


def _without_tables(function: Callable[..., Any], mark: Mark, wanted: tuple[str, ...]) -> tuple[str, ...]:
    tables = [name for name, _ in mark.tables]
    provided = {*tables, mark.each} if mark.groups else set(tables)
    for name in tables:
        if name not in wanted:
            raise CheckDefinitionError(f"check {function.__name__!r} says tables={name!r}, but has no such argument")
    return tuple(name for name in wanted if name not in provided)


def table_of(table: Any, columns: tuple[str, ...] | None = None) -> Any:
    """A table as a decorator takes it: a text is the name of one, of which these columns are read."""
    return TableName(table, columns=columns) if isinstance(table, str) else table


def is_optional(check: Check) -> bool:
    """Whether a rule is about a table that a database need not have."""
    tables = check.mark.all_tables
    return any(getattr(table, "optional", False) or getattr(table, "info", {}).get("optional") for table in tables)
