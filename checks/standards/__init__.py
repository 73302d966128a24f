"""The data quality standards, written from the rules themselves, so that they cannot say something else."""

from __future__ import annotations

from checks.standards.document import render_standards

__all__ = ["render_standards"]
