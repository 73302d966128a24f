"""Messages as text: pure functions."""

from __future__ import annotations

from alerts.render.content import Content, Headline
from alerts.render.render import render
from alerts.render.report_mail import render_report

__all__ = ["Content", "Headline", "render", "render_report"]
