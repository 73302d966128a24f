"""The arrows of the house: flows -> alerts -> checks -> etl, and inside checks rules -> engine; never back."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ("etl", "checks", "alerts", "flows")
MAY_USE = {layer: set(LAYERS[: place + 1]) for place, layer in enumerate(LAYERS)}
SOURCES = sorted(path for layer in LAYERS for path in (ROOT / layer).rglob("*.py"))


@cache
def imported(path: Path) -> list[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
    return names


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_imports_only_itself_and_what_is_below(layer: str) -> None:
    above = set(LAYERS) - MAY_USE[layer]

    assert [
        (str(path.relative_to(ROOT)), name) for path in SOURCES if path.is_relative_to(ROOT / layer)
        for name in imported(path) if name.split(".")[0] in above
    ] == []  # fmt: skip


def test_the_engine_knows_neither_the_rules_nor_prefect() -> None:
    strange = ("checks.rules", "prefect", "etl.tables.platform")

    assert [
        (str(path.relative_to(ROOT)), name) for path in SOURCES if path.is_relative_to(ROOT / "checks" / "engine")
        for name in imported(path) if name.startswith(strange)
    ] == []  # fmt: skip


@pytest.mark.parametrize("asking", ["os.environ", "getenv"])
def test_the_settings_alone_read_the_environment(asking: str) -> None:
    assert [path for path in SOURCES if asking in path.read_text()] in ([], [ROOT / "flows" / "settings.py"])


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
