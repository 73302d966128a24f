"""`[[rules]]` of a configuration: entries with a `kind` are ready-made rules, all others change rules."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from checks import ready
from checks.engine.authoring import CheckDefinitionError
from checks.engine.authoring.spec import CHECK, Source, mark_of
from checks.ready.make import OPTIONS, Rule
from checks.ready.overrides import RuleOverride, read_override

READY_KINDS: Mapping[str, Any] = {name: getattr(ready, name) for name in ready.__all__}
ENTRY_KEYS = ("kind", "line", "domain")
"""What every entry may say besides the arguments of its kind."""


def overrides_of(entries: Iterable[Mapping[str, Any]]) -> tuple[RuleOverride, ...]:
    """The changes among some entries, in their order."""
    return tuple(read_override(entry) for entry in entries if "kind" not in entry)


def rules_of_lines(entries: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Rule, str]]:
    """The ready-made rules among some entries, each with its domain: what it says, or its table.

    Raises CheckDefinitionError with the line and the nearest that is known.
    """
    for entry in entries:
        if "kind" in entry:
            line = str(entry.get("line", "rules"))
            try:
                rule = _rule(entry)
            except CheckDefinitionError as error:
                raise CheckDefinitionError(f"{line}: {error}") from None
            file, _, number = line.rpartition(":")
            mark = replace(mark_of(rule), source=Source(file or line, int(number) if number.isdigit() else 0))
            setattr(rule, CHECK, mark)
            yield rule, str(entry.get("domain") or _domain(entry))


def _rule(entry: Mapping[str, Any]) -> Rule:
    kind = entry["kind"]
    if kind not in READY_KINDS:
        raise CheckDefinitionError(f"kind {kind!r} is no ready-made rule{_near(str(kind), READY_KINDS)}")
    said = {name: value for name, value in entry.items() if name not in ENTRY_KEYS}
    signature = inspect.signature(READY_KINDS[kind])
    variadic = [p.name for p in signature.parameters.values() if p.kind is p.VAR_POSITIONAL]
    accepted = [name for name, p in signature.parameters.items() if p.kind not in {p.VAR_KEYWORD, p.VAR_POSITIONAL}]
    positional = _columns(said) if variadic else []
    for name in said:
        if name not in accepted and name not in OPTIONS:
            raise CheckDefinitionError(f"{kind} takes no {name!r}{_near(name, [*accepted, *OPTIONS])}")
    table = [said.pop("table")] if "table" in said and positional else []
    try:
        return READY_KINDS[kind](*table, *positional, **said)  # type: ignore[no-any-return]
    except TypeError as error:
        raise CheckDefinitionError(f"{kind}: {error}") from None


def _columns(said: dict[str, Any]) -> list[str]:
    """Columns of a kind that takes one or several: `column = "a"` or `columns = ["a", "b"]`."""
    one, several = said.pop("column", None), said.pop("columns", None)
    columns = [one] if one is not None else several
    if isinstance(columns, str):
        columns = [columns]
    if not columns:
        raise CheckDefinitionError('it names no column; expected column = "..." or columns = ["...", "..."]')
    return list(columns)


def _domain(entry: Mapping[str, Any]) -> str:
    return str(entry.get("table", "ready")).rpartition(".")[2].strip('"')


def _near(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(names)}"
