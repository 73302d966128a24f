"""`rally-health config`: what is set, where it was set, and whether it can be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import SecretStr
from pydantic_core import to_jsonable_python

from checks.engine.collecting.rules import Rules
from flows.cli.shared import AsJson, Exit, print_rows
from flows.service.health_check import rules_of
from flows.settings import Settings, environment_name, origin_of, read_config, settings_document, unknown_variables

app = typer.Typer(help="The settings: rally.toml, and the environment, which wins.", no_args_is_help=True)


@app.command("show")
def show_config(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Also what is at its default.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what is set and by which line or variable, and which rules are not as they were written. No secret is shown.

    Examples: `rally-health config show`, `rally-health config show --all --json`
    """
    rows = [row for row in _settings(context.obj) if every or row["origin"] != "default"]
    changes = _changes(rules_of(context.obj))
    (_print_json if as_json else _print_tables)(rows, changes)


def _print_json(rows: list[dict[str, Any]], changes: list[dict[str, str]]) -> None:
    file = read_config()
    document = {"file": str(file.path) if file else None, "settings": rows, "rules": changes}
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))


def _print_tables(rows: list[dict[str, Any]], changes: list[dict[str, str]]) -> None:
    nothing = "Everything is at its default. Next: rally-health config show --all"
    print_rows(rows, ("setting", "value", "origin"), as_json=False, nothing=nothing)
    if changes:
        typer.echo("")
        print_rows(changes, ("rule", "change"), as_json=False, nothing="")


@app.command("check")
def check_config(context: typer.Context) -> None:
    """Check every setting, every rule and every change to a rule; exit 2 when something cannot be used.

    Example: `rally-health config check`
    """
    settings: Settings = context.obj
    rules = rules_of(settings)
    strangers = unknown_variables()
    for complaint in strangers:
        typer.secho(f"error: {complaint}", fg=typer.colors.RED, err=True)
    file = read_config()
    changed = len({change["rule"] for change in _changes(rules)})
    typer.echo(f"{file.path if file else 'no rally.toml'}: {len(rules)} rules, {changed} changed.")
    if strangers:
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
        for (_, label), own in check.segments.items():
            told = own.changed[len(check.changed) :] if own is not None else ("left out",)
            changes += [{"rule": f"{name}[{label}]", "change": change} for change in told]
    return changes + [{"rule": name, "change": f"off, {line}"} for name, line in rules.disabled.items()]
