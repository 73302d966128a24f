"""`[[rules]]` of a configuration: entries with a `kind` are ready-made rules, all others change rules."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from inspect import Parameter
from typing import Any

from checks import ready
from checks.engine.authoring import CheckDefinitionError
from checks.engine.authoring.spec import CHECK, Source, mark_of
from checks.ready.make import OPTIONS, Rule
from checks.ready.overrides import RuleChange, RuleOverride, read_override
from etl.words import field_docstrings

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


RULES_DOCUMENT = """
## `[[rules]]`

{changes}

| key | what it is |
|---|---|
{keys}
An entry with `kind` is a ready-made rule. Each takes, besides what is its own, `table` (its name, such as `orders`,
`shop.orders` or `'"Order Lines"'`), {options}, and `domain` (else its table). Limits are written as above.

| kind | what is its own | what is wrong |
|---|---|---|
{kinds}"""


def rules_document() -> str:
    """What docs/SETTINGS.md says of `[[rules]]`, from the model of a change and from the functions of the kinds."""
    fields = {name: own for name, own in RuleOverride.model_fields.items() if not own.exclude}
    which = [name for name in fields if name not in RuleChange.model_fields]
    fields = {name: fields[name] for name in dict.fromkeys([*which, *fields])}
    texts = field_docstrings(RuleOverride)
    keys = "".join(f"| `{name}` | {texts.get(name, '')} |\n" for name in fields)
    kinds = "".join(f"| `{kind}` | {_own_arguments(kind)} | {_summary(READY_KINDS[kind])} |\n" for kind in READY_KINDS)
    options = ", ".join(f"`{name}`" for name in OPTIONS if name != "threshold")
    changes = " ".join((RuleOverride.__doc__ or "").split())
    return RULES_DOCUMENT.format(changes=changes, keys=keys, options=options, kinds=kinds)


def _own_arguments(kind: str) -> str:
    parameters = inspect.signature(READY_KINDS[kind]).parameters.values()
    names: Mapping[Any, str] = {Parameter.VAR_KEYWORD: "", Parameter.VAR_POSITIONAL: "`column` or `columns`"}
    said = [names.get(one.kind, f"`{one.name}`") for one in parameters if one.name != "table"]
    return ", ".join(filter(None, said))


def _summary(function: Any) -> str:
    return (inspect.getdoc(function) or "").splitlines()[0].replace("|", "\\|")


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
    for name, value in [*said.items(), *(("columns", column) for column in positional)]:
        _verify_value(kind, name, value, signature.parameters)
    table = [said.pop("table")] if "table" in said and positional else []
    try:
        return READY_KINDS[kind](*table, *positional, **said)  # type: ignore[no-any-return]
    except TypeError as error:
        raise CheckDefinitionError(f"{kind}: {error}") from None


WRITTEN: Mapping[str, tuple[type, str]] = {"str": (str, "a text"), "int": (int, "a whole number")}
"""What an argument holds that is written in TOML, by its annotation."""


def _verify_value(kind: str, name: str, value: Any, parameters: Mapping[str, Parameter]) -> None:
    """The arguments of Python are looked at by a type checker, those of a file by nobody else."""
    default = parameters[name].default if name in parameters else None
    annotation = "str" if name in {"table", "columns"} else str(getattr(parameters.get(name), "annotation", ""))
    wanted, expected = WRITTEN.get(annotation, (object, ""))
    is_blank = annotation == "str" and value == "" != default
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)) or is_blank:
        raise CheckDefinitionError(f"{kind}: {name} = {value!r} does not fit; expected {expected}")


def _columns(said: dict[str, Any]) -> list[str]:
    """Columns of a kind that takes one or several: `column = "a"` or `columns = ["a", "b"]`."""
    one, several = said.pop("column", None), said.pop("columns", None)
    columns = [one] if one is not None else several
    if isinstance(columns, str):
        columns = [columns]
    if not columns or not isinstance(columns, list):
        raise CheckDefinitionError('it names no column; expected column = "..." or columns = ["...", "..."]')
    return list(columns)


def _domain(entry: Mapping[str, Any]) -> str:
    return str(entry.get("table", "ready")).rpartition(".")[2].strip('"')


def _near(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(names)}"
