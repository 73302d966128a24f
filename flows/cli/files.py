"""Files that a command was asked to write."""

from __future__ import annotations

from pathlib import Path

import typer


def write(file: Path | None, text: str) -> bool:
    """Write to a file, `-` being standard output, None nowhere; False, and a line on standard error, when it fails."""
    if file is None:
        return True
    if file == Path("-"):
        typer.echo(text, nl=False)
        return True
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        typer.secho(f"error: {file} cannot be written: {error.strerror}", fg=typer.colors.RED, err=True)
        return False
    return True
