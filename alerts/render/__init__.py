"""Messages as text: pure functions."""

from __future__ import annotations

from alerts.render.content import Content, Headline
from alerts.render.render import render

__all__ = ["Content", "Headline", "render"]
