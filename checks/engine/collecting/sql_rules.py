"""Rules as SQL: a file with a header of comments and one SELECT of the keys of bad rows.

    -- A scheduled match has no location.
    -- severity: LOW
    -- warn: 5 %
    -- table: schedule
    select match_date, home_team, away_team, league_id from schedule where location is null

The first comment is the summary unless `summary:` says it. `table` is the table that the bad rows stand in: its rows
are those among which they are counted, `where` keeps some of them. Statements are guarded like those of other rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import Boolean, Table, literal_column, select, text

from checks.engine.authoring import CheckDefinitionError
from checks.engine.authoring.decorators import Bad, impersonal
from checks.engine.authoring.spec import CHECK, Kind, Mark, Source, TableName, put, verified
from checks.engine.authoring.thresholds import above
from checks.engine.authoring.units import Severity, limit_of, rows, severity_of

HEADER = re.compile(r"--\s*([a-z_]+):\s*(.*?)\s*$")
KEYS = ("name", "severity", "warn", "critical", "target", "owner", "tags", "summary", "table", "where", "domain",
        "timeout", "runbook")  # fmt: skip
LIMITS_OF_RULE = ("target", "warn", "critical")
HIDDEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)


def sql_module(path: Path) -> ModuleType:
    """A module that holds the rule of a file; raises CheckDefinitionError, which names the file and the line."""
    module = ModuleType(f"sql rule {path}")
    module.__file__ = str(path)
    rule = _rule(path)
    setattr(module, rule.__name__, rule)
    return module


def one_statement(sql: str) -> str:
    """The text of one SELECT, without its semicolon; raises CheckDefinitionError for anything else."""
    statement = sql.strip().removesuffix(";").strip()
    plain = HIDDEN.sub(" ", statement)
    if not re.match(r"\s*(select|with|table|values)\b", plain, re.IGNORECASE) or ";" in plain:
        found = f"{' '.join(plain.split())[:40]!r} is" if plain.strip() else "the text holds only comments, which are"
        raise CheckDefinitionError(f"{found} not one SELECT; expected one that gives the keys of bad rows")
    return statement


def escaped(sql: str) -> str:
    """SQL as `text()` takes it: a colon is a colon, not the beginning of a parameter."""
    return sql.replace(":", "\\:")


def _rule(path: Path) -> Callable[..., Any]:
    try:
        content = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CheckDefinitionError(f"{path} is not UTF-8: {error.reason} at byte {error.start}") from None
    placed = dict(_header(path, content))
    header = {key: value for key, (value, _) in placed.items()}
    try:
        statement = one_statement(content)
    except CheckDefinitionError as error:
        raise CheckDefinitionError(f"{path}:{_first_line(content)}: {error}") from None
    mark = _mark(path, placed)
    where = header.get("where")
    condition = literal_column(f"({where})", Boolean) if where else None

    def alone() -> Bad:
        return Bad(text(f"{escaped(statement)}\n"))  # type: ignore[arg-type]  # the engine asks what it selects

    def among(rows: Table) -> Bad:
        every = select(*impersonal(rows))
        counted = every if condition is None else every.where(condition)
        return Bad(text(f"{escaped(statement)}\n"), among=counted)  # type: ignore[arg-type]  # see above

    function = among if mark.tables else alone
    function.__name__ = header.get("name", path.stem)
    function.__doc__ = header.get("summary") or path.stem.replace("_", " ") + "."
    put(function, CHECK, mark)
    return function


def _first_line(content: str) -> int:
    """The line that a statement begins in."""
    lines = (number for number, line in enumerate(content.splitlines(), 1) if not line.lstrip().startswith("--"))
    return next((number for number in lines if content.splitlines()[number - 1].strip()), 1)


def _header(path: Path, content: str) -> Iterator[tuple[str, tuple[str, int]]]:
    """The keys of the comments at the top of a file, with their lines; the first comment without one is the summary."""
    summary = False
    for number, line in enumerate(content.splitlines(), 1):
        plain = line.strip()
        if plain and not plain.startswith("--"):
            return
        if match := HEADER.match(plain):
            if match.group(1) not in KEYS:
                near = get_close_matches(match.group(1), KEYS, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(KEYS)}"
                raise CheckDefinitionError(f"{path}:{number}: a rule has no {match.group(1)!r}; {hint}")
            yield match.group(1), (match.group(2), number)
        elif plain.removeprefix("--").strip() and not summary:
            summary = True
            yield "summary", (plain.removeprefix("--").strip(), number)


def _mark(path: Path, header: Mapping[str, tuple[str, int]]) -> Mark:
    def value(key: str, read: Callable[[str], Any], default: Any) -> Any:
        text, line = header.get(key, ("", 0))
        try:
            return read(text) if key in header else default
        except (CheckDefinitionError, ValueError) as error:
            raise CheckDefinitionError(f"{path}:{line}: {key}: {error}") from None

    limits = {name: value(name, limit_of, None) for name in LIMITS_OF_RULE if name in header}
    table = value("table", TableName, None)
    try:
        return verified(
            Mark(
                kind=Kind.CHECK, table=table, severity=value("severity", severity_of, Severity.MEDIUM),
                owner=value("owner", str, ""), threshold=above(**limits) if limits else above(critical=rows(0)),
                runbook=value("runbook", str, ""), tags=value("tags", _tags, frozenset()),
                timeout=value("timeout", float, 60.0), tables=(("rows", table),) if table else (),
                source=Source(str(path), 1),
            )
        )  # fmt: skip
    except CheckDefinitionError as error:
        raise CheckDefinitionError(str(error) if str(error).startswith(str(path)) else f"{path}: {error}") from None


def _tags(text: str) -> frozenset[str]:
    return frozenset(tag.strip() for tag in text.split(",") if tag.strip())
