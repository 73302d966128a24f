"""Rules as SQL: a file with a header of comments and one SELECT of the keys of bad rows.

    -- A scheduled match has no location.
    -- severity: LOW
    -- warn: 5 %
    -- table: schedule
    select match_date, home_team, away_team, league_id from schedule where location is null

The first comment is the summary unless `summary:` says it; comments in `/* */` are read alike. `table` is the table
that the bad rows stand in: its rows are those among which they are counted, `where` keeps some of them. Each line
`good:` or `bad:` is a row in JSON that the rule leaves alone or finds, for `rally-health rules test`. Statements are
guarded like those of other rules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
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

HEADER = re.compile(r"([A-Za-z_]+)\s*:\s*(.*?)\s*$")
KEYS = ("name", "severity", "warn", "critical", "target", "owner", "tags", "summary", "table", "where", "domain",
        "timeout", "runbook", "good", "bad")  # fmt: skip
ROWS_OF_TRIAL = ("good", "bad")
LIMITS_OF_RULE = ("target", "warn", "critical")
HIDDEN = re.compile(
    r"\be'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$(\w*)\$.*?\$\1\$|--[^\n]*|/\*(?:(?!/\*).)*?\*/",
    re.DOTALL | re.IGNORECASE,
)
"""Texts, quoted names and comments, in which a bracket or a semicolon says nothing."""


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
    _verify_whole(statement, plain)
    return statement


def one_expression(sql: str) -> str:
    """The text of one condition, in brackets; raises CheckDefinitionError for what does not stay within them."""
    if not isinstance(sql, str):
        raise CheckDefinitionError(f"{sql!r} is no SQL; expected a text such as \"state = 'sent'\"")
    plain = HIDDEN.sub(" ", sql)
    if not plain.strip() and not re.search("['\"]", sql):
        raise CheckDefinitionError(f"{sql!r} holds no condition; expected such as \"state = 'sent'\"")
    if ";" in plain:
        raise CheckDefinitionError(f"{sql!r} is more than one expression; expected such as \"state = 'sent'\"")
    _verify_whole(sql, plain)
    return f"({sql}\n)" if "--" in sql else f"({sql})"


def _verify_whole(sql: str, plain: str) -> None:
    """What is put into brackets must neither close them nor leave a text, a comment or a bracket of its own open."""
    depth = 0
    for sign in plain:
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if depth < 0:
            break
    unclosed = next((sign for sign in ("'", '"', "/*", "*/", "$$") if sign in plain), None)
    if depth or unclosed:
        what = "its brackets do not match" if depth else f"a {unclosed} is left open"
        raise CheckDefinitionError(f"{' '.join(sql.split())[:60]!r} is no whole piece of SQL: {what}")


def escaped(sql: str) -> str:
    """SQL as `text()` takes it: a colon is a colon, not the beginning of a parameter."""
    return sql.replace(":", "\\:")


def _rule(path: Path) -> Callable[..., Any]:
    try:
        content = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise CheckDefinitionError(f"{path} is not UTF-8: {error.reason} at byte {error.start}") from None
    lines = list(_header(path, content))
    placed = {key: said for key, said in lines if key not in ROWS_OF_TRIAL}
    header = {key: value for key, (value, _) in placed.items()}
    try:
        statement = one_statement(content)
    except CheckDefinitionError as error:
        raise CheckDefinitionError(f"{path}:{_first_line(content)}: {error}") from None
    good, bad = (tuple(_value(path, name, *said, _row_of) for key, said in lines if key == name)
                 for name in ROWS_OF_TRIAL)  # fmt: skip
    mark = replace(_mark(path, placed), good=good, bad=bad)
    where = _value(path, "where", *placed["where"], one_expression) if "where" in placed else None
    function = _function(statement, where, counted=bool(mark.tables))
    function.__name__ = header.get("name", path.stem)
    function.__doc__ = header.get("summary") or path.stem.replace("_", " ") + "."
    put(function, CHECK, mark)
    return function


def _function(statement: str, where: str | None, *, counted: bool) -> Callable[..., Any]:
    condition = literal_column(where, Boolean) if where else None

    def alone() -> Bad:
        return Bad(text(f"{escaped(statement)}\n"))  # type: ignore[arg-type]  # the engine asks what it selects

    def among(rows: Table) -> Bad:
        every = select(*impersonal(rows))
        kept = every if condition is None else every.where(condition)
        return Bad(text(f"{escaped(statement)}\n"), among=kept)  # type: ignore[arg-type]  # see above

    return among if counted else alone


def _first_line(content: str) -> int:
    """The line that a statement begins in."""
    comments = {number for number, _, begun in _comments(content) if not begun}
    lines = ((number, line.strip()) for number, line in enumerate(content.splitlines(), 1))
    return next((number for number, line in lines if line and number not in comments), 1)


def _comments(content: str) -> Iterator[tuple[int, str, bool]]:
    """Each line that is a comment, with its number, its text, and whether the statement has begun before it."""
    block = begun = False
    for number, line in enumerate(content.splitlines(), 1):
        plain = line.strip()
        if block or plain.startswith("/*"):
            inside, end, rest = plain.removeprefix("/*").partition("*/")
            yield number, inside.strip(" *"), begun
            block, plain = not end, rest.strip()
        if plain.startswith("--"):
            yield number, plain.removeprefix("--").strip(), begun
        elif plain and not block:
            begun = True


def _header(path: Path, content: str) -> Iterator[tuple[str, tuple[str, int]]]:
    """The keys of the comments at the top of a file, with their lines; the first comment without one is the summary."""
    seen: set[str] = set()
    for number, comment, begun in _comments(content):
        key, value = _key_of(comment)
        wrong = _wrong_key(key, seen, begun=begun)
        if wrong:
            raise CheckDefinitionError(f"{path}:{number}: {wrong}")
        if not begun and (key or (value and "summary" not in seen)):
            seen.add(key or "summary")
            yield key or "summary", (value, number)


def _key_of(comment: str) -> tuple[str, str]:
    """What a comment says about which key; an empty key for one that only tells something."""
    match = HEADER.fullmatch(comment)
    if match and (match.group(1).lower() in KEYS or (match.group(1).islower() and not match.group(2).startswith("//"))):
        return match.group(1).lower(), match.group(2)
    return "", comment


def _wrong_key(key: str, seen: Collection[str], *, begun: bool) -> str:
    if begun:
        return f"{key} stands below the beginning of the statement; move it to the top" if key in KEYS else ""
    if key and key not in KEYS:
        near = get_close_matches(key, KEYS, n=1)
        return f"a rule has no {key!r}; " + (f"did you mean {near[0]!r}?" if near else f"there are {', '.join(KEYS)}")
    return f"{key} is said a second time; keep one" if key in seen and key not in {*ROWS_OF_TRIAL, "summary"} else ""


def _mark(path: Path, header: Mapping[str, tuple[str, int]]) -> Mark:
    said = {key: _value(path, key, *header[key], read) for key, read in READERS_OF_HEADER.items() if key in header}
    limits = {name: said.pop(name) for name in LIMITS_OF_RULE if name in said}
    table = said.get("table")
    try:
        threshold = above(**limits) if limits else above(critical=rows(0))
        tables, source = (("rows", table),) if table else (), Source(str(path), 1)
        given: dict[str, Any] = {"severity": Severity.MEDIUM, **said}
        return verified(Mark(kind=Kind.CHECK, threshold=threshold, tables=tables, source=source, **given))
    except CheckDefinitionError as error:
        raise CheckDefinitionError(f"{path}: {error}") from None


def _value(path: Path, key: str, text: str, line: int, read: Callable[[str], Any]) -> Any:
    try:
        return read(text)
    except (CheckDefinitionError, ValueError) as error:
        raise CheckDefinitionError(f"{path}:{line}: {key}: {error}") from None
    except RecursionError:
        raise CheckDefinitionError(f"{path}:{line}: {key}: it nests too deeply") from None


def _row_of(text: str) -> Mapping[str, Any]:
    row = json.loads(text)
    if not isinstance(row, dict):
        raise ValueError(f'{text} is no row; expected such as {{"id": 1, "state": "sent"}}')
    return row


def _tags(text: str) -> frozenset[str]:
    return frozenset(tag.strip() for tag in text.split(",") if tag.strip())


READERS_OF_HEADER: Mapping[str, Callable[[str], Any]] = {
    "severity": severity_of, "warn": limit_of, "critical": limit_of, "target": limit_of, "owner": str, "tags": _tags,
    "table": TableName, "timeout": float, "runbook": str,
}  # fmt: skip
