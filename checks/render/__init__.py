"""A report in the forms that people and machines read: terminal, JSON, JUnit XML, GitHub annotations, Markdown."""

from __future__ import annotations

from checks.render.github import github_annotations
from checks.render.junit import junit
from checks.render.markdown import markdown
from checks.render.terminal import print_report

__all__ = ["github_annotations", "junit", "markdown", "print_report"]
