"""A review as one HTML file that needs no network and no script, and as the HTML of an e-mail."""

from __future__ import annotations

__all__ = ["render_html", "render_mail"]
