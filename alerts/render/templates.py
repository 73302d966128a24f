"""Templates in which everything is escaped, unless they are plain text."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Template


@cache
def template(source: str, *, escaped: bool) -> Template:
    """A compiled template; `escaped` for HTML. A name that is missing is an error."""
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - few commands render mail

    # the text variant is text/plain, in which nothing is active
    return Environment(autoescape=escaped, undefined=StrictUndefined).from_string(source)  # noqa: S701
