"""The command line, run in this process against a database of the test's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from flows.cli import app
from flows.cli.shared import exit_of


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended and what it printed."""

    code: int
    out: str

    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def run(database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `rally-health` with some arguments; files go below `tmp_path`."""
    monkeypatch.setenv("DATABASE_URL", database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("RALLY_REPORTS", str(tmp_path / "logs"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Ran:
        result = CliRunner().invoke(app, [str(one) for one in arguments])
        if result.exception and not isinstance(result.exception, SystemExit):
            code = exit_of(result.exception)  # type: ignore[arg-type]
            if code is None:
                raise result.exception
            return Ran(code, str(result.exception))
        return Ran(result.exit_code, result.output)

    return run
