"""The command line `rally-health`."""

from __future__ import annotations

from flows.cli.main import app, main

__all__ = ["app", "main"]
