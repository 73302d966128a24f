"""What every ready-made rule has in common: options, limits as text, a name, and the place where it was asked for."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeAlias, TypedDict

from sqlalchemy import Boolean, ColumnElement, FromClause, and_, literal_column, true

from checks.engine.authoring import CheckDefinitionError
from checks.engine.authoring.decorators import AnyTable
from checks.engine.authoring.spec import AUTOMATIC, CHECK, Kind, Mark, Source, TableName, put, verified
from checks.engine.authoring.thresholds import Threshold, above
from checks.engine.authoring.units import Limit, Severity, limit_of, rows, severity_of
from checks.engine.collecting.sql_rules import one_expression

Rule: TypeAlias = Callable[..., Any]
ANY_ROW = above(critical=rows(0))
LONGEST_NAME = 63
LimitText: TypeAlias = Limit | str
LimitPair: TypeAlias = tuple[LimitText | None, LimitText | None]


class ReadyOptions(TypedDict, total=False):
    """What every ready-made rule takes.

    `warn`, `critical` and `target` are limits such as "1 %" or percent(1); any bad row is CRITICAL without them.
    `where` is SQL of the rows that count. `key` names the columns that a row is known by, where the table has no
    primary key. A rule about an `optional` table that is not there is skipped.
    """

    name: str
    severity: Severity | str
    warn: LimitText
    critical: LimitText
    target: LimitText
    threshold: Threshold
    owner: str
    tags: Iterable[str]
    timeout: float
    retries: int
    runbook: str
    summary: str
    where: str
    key: Iterable[str]
    optional: bool


OPTIONS = tuple(ReadyOptions.__annotations__)
MARKED = ("owner", "timeout", "retries", "runbook")
SEQUENCES = ("tags", "key")
HOLDS: Mapping[str, tuple[Any, str]] = {
    **dict.fromkeys(("name", "owner", "runbook", "summary", "where"), (str, "a text")),
    **dict.fromkeys(SEQUENCES, (Iterable, "a list of texts")), "optional": (bool, "true or false"),
}  # fmt: skip
"""What an option is to hold, where nothing else looks at it."""


def ready_rule(
    kind: Kind, what: str, table: AnyTable | None, columns: Iterable[str], function: Rule, *, options: ReadyOptions,
    summary: str, limits: Callable[..., Threshold] = above, default: Threshold | None = None, **more: Any,
) -> Rule:  # fmt: skip
    """A marked function. `default` is its threshold where the options name no limit, any bad row being CRITICAL.

    `more` is what the mark holds besides: `tables`, `each`, `groups`.
    """
    _verify_options(what, options)
    names = tuple(columns)
    named = named_table(table, options, names)
    mark = Mark(
        kind=kind, table=named, columns=names, severity=severity_of(options.get("severity", Severity.MEDIUM)),
        threshold=_threshold(options, limits, default or ANY_ROW), tags=frozenset(_several(options.get("tags", ()))),
        source=_caller(), **{name: options[name] for name in MARKED if name in options},  # type: ignore[literal-required]
        **more,
    )  # fmt: skip
    function.__name__ = options.get("name") or rule_name(what, named, names)
    function.__doc__ = options.get("summary") or summary
    if "name" not in options:
        function.__dict__[AUTOMATIC] = True
    put(function, CHECK, verified(mark))
    return function


def beside(options: ReadyOptions, **tables: tuple[AnyTable, Iterable[str]]) -> tuple[tuple[str, Any], ...]:
    """Further tables and what is read of them, by argument name; a key in the options is that of the rule's `rows`."""
    plain = ReadyOptions(optional=options.get("optional", False))
    return tuple(
        (name, named_table(own, options if name == "rows" else plain, tuple(read)))
        for name, (own, read) in tables.items()
    )


def limit(value: LimitText) -> Limit:
    """A limit, also as text."""
    return value if isinstance(value, Limit) else limit_of(value)


def limit_pair(values: LimitPair | None) -> tuple[Limit | None, Limit | None]:
    """Warn and critical of a change; raises CheckDefinitionError for anything but two."""
    if values is None:
        return None, None
    if isinstance(values, str) or len(values) != 2:
        raise CheckDefinitionError(f"{values!r} is no pair; expected warn and critical, such as ['10 %', '30 %']")
    warn, critical = (None if value is None else limit(value) for value in values)
    return warn, critical


def named_table(
    table: AnyTable | None, options: ReadyOptions, columns: tuple[str, ...]
) -> FromClause | TableName | None:
    """The table as a rule's mark has it, which reads these columns."""
    if not isinstance(table, str):
        return table
    return TableName(table, _several(options.get("key", ())), options.get("optional", False), columns)


def counted(options: ReadyOptions) -> ColumnElement[bool] | None:
    """The rows that count, as `where` says; None for all."""
    where = options.get("where")
    return literal_column(one_expression(where), Boolean) if where else None


def both(*conditions: ColumnElement[bool] | None) -> ColumnElement[bool]:
    """All conditions that there are."""
    return and_(true(), *(condition for condition in conditions if condition is not None))


def rule_name(what: str, table: object, columns: Iterable[str]) -> str:
    """Such as `not_null_customers_email`."""
    parts = [what, str(getattr(table, "fullname", "")), *columns]
    text = re.sub(r"\W+", "_", "_".join(filter(None, parts))).strip("_").lower()
    return text[:LONGEST_NAME]


def _several(said: str | Iterable[str]) -> tuple[str, ...]:
    """Names; a text alone is one."""
    return (said,) if isinstance(said, str) else tuple(said)


def _verify_options(what: str, options: ReadyOptions) -> None:
    """Options are what they are called and hold what they are to; raises CheckDefinitionError."""
    for name, value in options.items():
        if name not in OPTIONS:
            near = get_close_matches(name, OPTIONS, n=1)
            hint = f"did you mean {near[0]}=?" if near else f"it takes {', '.join(OPTIONS)}"
            raise CheckDefinitionError(f"{what}() takes no {name}=; {hint}")
        kind, expected = HOLDS.get(name, (object, ""))
        if not isinstance(value, kind) or (name in SEQUENCES and not _are_names(value)):
            raise CheckDefinitionError(f"{what}({name}={value!r}) does not fit; expected {expected}")
    counted(options)


def _are_names(value: Any) -> bool:
    return all(isinstance(name, str) and name for name in _several(value))


def _threshold(options: ReadyOptions, limits: Callable[..., Threshold], default: Threshold) -> Threshold:
    said = {name: limit(options[name]) for name in ("warn", "critical", "target") if name in options}
    if "threshold" in options:
        if said:
            raise CheckDefinitionError("a rule takes threshold= or warn=, critical= and target=, not both")
        return options["threshold"]
    return limits(**said) if said else default


def _caller() -> Source:
    """Where the rule was asked for: the first frame outside of this package."""
    here = str(Path(__file__).parent)
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(here):
        frame = frame.f_back
    return Source(frame.f_code.co_filename, frame.f_lineno)
