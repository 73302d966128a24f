"""A review as one HTML file that needs no network and no script."""

from __future__ import annotations

from checks.review.html.page import render_html

__all__ = ["render_html"]
