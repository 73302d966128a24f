"""A report in the forms that people and machines read: terminal, JSON, JUnit XML, GitHub annotations, Markdown."""

from __future__ import annotations

__all__ = ["github_annotations", "junit", "markdown", "print_report"]
