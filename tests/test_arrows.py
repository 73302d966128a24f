"""The arrows of the house: flows -> alerts -> checks -> etl, and inside checks rules -> engine; never back."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ("etl", "checks", "alerts", "flows")
MAY_USE = {layer: set(LAYERS[: place + 1]) for place, layer in enumerate(LAYERS)}
SOURCES = sorted(path for layer in LAYERS for path in (ROOT / layer).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_layer_imports_only_itself_and_what_is_below(path: Path) -> None:
    layer = path.relative_to(ROOT).parts[0]

    used = {name.split(".")[0] for name in imported(path)} & set(LAYERS)

    assert used <= MAY_USE[layer]


@pytest.mark.parametrize("path", sorted((ROOT / "checks" / "engine").rglob("*.py")), ids=lambda path: path.stem)
def test_the_engine_knows_neither_the_rules_nor_prefect(path: Path) -> None:
    assert not [name for name in imported(path) if name.startswith(("checks.rules", "prefect", "etl.tables.platform"))]


@pytest.mark.parametrize("path", [path for path in SOURCES if path != ROOT / "flows" / "settings.py"], ids=str)
def test_the_settings_alone_read_the_environment(path: Path) -> None:
    assert "os.environ" not in path.read_text()
    assert "getenv" not in path.read_text()


def test_importing_the_layers_below_flows_does_not_import_prefect() -> None:
    """In their order, each with all of its modules: what is said is the first that does."""
    code = """
import sys, pkgutil, importlib
for layer in ("etl", "checks", "alerts"):
    for module in pkgutil.walk_packages(importlib.import_module(layer).__path__, f"{layer}."):
        if "migrations" not in module.name and "pytest_plugin" not in module.name:
            importlib.import_module(module.name)
        if "prefect" in sys.modules:
            sys.exit(module.name)
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, text=True)

    assert (ended.returncode, ended.stderr) == (0, "")
