"""`rally-health config`: what is set, where it was set, and whether it can be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined, to_jsonable_python

from checks.engine.authoring.units import number_of
from checks.engine.collecting.rules import Rules
from checks.ready.lines import rules_document
from etl.importing.declared import Correction, Limits, Seasons
from etl.words import field_docstrings
from flows.cli.shared import Exit, JsonFile, print_rows, shown_as_json
from flows.service.catalogue import rules_of, unknown_leagues_of
from flows.settings import NESTED, Settings, environment_name, origin_of, read_config, unknown_variables

app = typer.Typer(help="The settings: rally.toml, and the environment, which wins.", no_args_is_help=True)


@app.command("show")
def show_config(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Also what is at its default.")] = False,
    json_file: JsonFile = None,
) -> None:
    """Show what is set and by which line or variable, and which rules are not as they were written. No secret is shown.

    Examples: `rally-health config show`, `rally-health config show --all --json`
    """
    rows = [row for row in _settings(context.obj) if every or row["origin"] != "default"]
    changes = _changes(rules_of(context.obj))
    file = read_config()
    document = {"file": str(file.path) if file else None, "settings": rows, "rules": changes}
    if not shown_as_json(json_file, document):
        _print_tables(rows, changes)


def _print_tables(rows: list[dict[str, Any]], changes: list[dict[str, str]]) -> None:
    nothing = "Everything is at its default. Next: rally-health config show --all"
    print_rows(rows, ("setting", "value", "origin"), json_file=None, nothing=nothing)
    if changes:
        typer.echo("")
        print_rows(changes, ("rule", "change"), json_file=None, nothing="")


@app.command("check")
def check_config(context: typer.Context) -> None:
    """Check every setting, every rule and every change to a rule; exit 2 when something cannot be used.

    Example: `rally-health config check`
    """
    settings: Settings = context.obj
    rules = rules_of(settings)
    strangers = unknown_variables()
    for complaint in (*strangers, *(leagues := unknown_leagues_of(settings))):
        typer.secho(f"error: {complaint}", fg=typer.colors.RED, err=True)
    file = read_config()
    changed = len({change["rule"] for change in _changes(rules)})
    typer.echo(f"{file.path if file else 'no rally.toml'}: {number_of(len(rules), 'rules')}, {changed} changed.")
    if strangers or leagues:
        raise typer.Exit(Exit.USAGE)


@app.command("docs")
def config_docs(
    target: Annotated[Path, typer.Argument(help="The file to write.")] = Path("docs/SETTINGS.md"),
) -> None:
    """Write the list of all settings from the model.

    Examples: `rally-health config docs`, `rally-health config docs settings.md`
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(settings_document(), encoding="utf-8")
    typer.echo(f"Wrote {target}: {len(Settings.model_fields)} settings.")


def _settings(settings: Settings) -> list[dict[str, Any]]:
    return [
        {
            "setting": name,
            "value": _value(getattr(settings, name)),
            "origin": origin_of(settings, name),
            "variable": environment_name(name),
        }
        for name in Settings.model_fields
        if name != "rules"
    ]


def _value(value: object) -> Any:
    if isinstance(value, SecretStr):
        return "(secret)"
    plain = to_jsonable_python(value)
    return plain if plain is None or isinstance(plain, str) else json.dumps(plain)


def _changes(rules: Rules) -> list[dict[str, str]]:
    """Each change to a rule with its line, those for one league with its name; and the rules that are off."""
    changes = [{"rule": name, "change": change} for name, check in rules.items() for change in check.changed]
    for name, check in rules.items():
        changes += [{"rule": f"{name}[{label}]", "change": change} for label, change in check.changed_apart]
    return changes + [{"rule": name, "change": f"off, {line}"} for name, line in rules.disabled.items()]


DOCUMENT = """\
# Settings

Written by `rally-health config docs` from the model; a test fails when this file is stale.

Settings stand in `rally.toml` of the folder where a command runs, in the table `[tool.rally-health]` of its
`pyproject.toml`, or in the file that `RALLY_CONFIG` names. The environment goes before the file, an option of a
command before both. What nobody knows is refused with the nearest; `rally-health config check` says so before a run
does, and `rally-health config show` tells what is set and where.

| in rally.toml | in the environment | default | what it is |
|---|---|---|---|
"""


def settings_document() -> str:
    """docs/SETTINGS.md: every setting with its name in both places, its default and what it is."""
    texts = field_docstrings(Settings)
    lines = "".join(
        f"| {' | '.join(_cells(name, own, texts.get(name, '')))} |\n" for name, own in Settings.model_fields.items()
    )
    return DOCUMENT + lines + "".join(_table_of(name, model) for name, model in NESTED.items()) + rules_document()


def _table_of(name: str, model: type[BaseModel]) -> str:
    title = f"[[{name}]]" if model is Correction else f"[{name}]"
    texts = field_docstrings(model)
    rows = "".join(
        f"| `{own.alias or key}` | {_shown_default(own)} | {texts.get(key, '')} |\n"
        for key, own in model.model_fields.items()
    )
    summary = " ".join((model.__doc__ or "").split())
    return f"\n## `{title}`\n\n{summary}\n\n| key | default | what it is |\n|---|---|---|\n{rows}"


def _shown_default(own: FieldInfo) -> str:
    default = own.get_default(call_default_factory=True)
    plain = str(default).lower() if isinstance(default, bool) else str(default)
    return f"`{plain}`" if default not in (None, "", (), {}, PydanticUndefined, Limits(), Seasons()) else ""


def _cells(name: str, setting: FieldInfo, text: str) -> tuple[str, ...]:
    variable = environment_name(name)
    return (
        f"`{name}`",
        f"`{variable}`" if variable else "",
        _shown_default(setting),
        text,
    )
