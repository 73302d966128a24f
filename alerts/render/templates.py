"""Templates in which everything is escaped, unless they are plain text."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Template

# mail programs want their styles inline
_PAGE = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>{{{{ heading }}}}</title></head>
<body style="font: 16px/1.5 system-ui, sans-serif; max-width: 46em; margin: 0 auto; padding: 1em;
  overflow-wrap: anywhere">
<h1 style="font-size: 1.25em">{{{{ heading }}}}</h1>
{}</body></html>
"""


def page(body: str) -> str:
    """The template of an HTML mail around the template of its body; it is given a `heading`."""
    return _PAGE.format(body)


@cache
def template(source: str, *, escaped: bool) -> Template:
    """A compiled template; `escaped` for HTML. A name that is missing is an error."""
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - few commands render mail

    # the text variant is text/plain, in which nothing is active
    return Environment(autoescape=escaped, undefined=StrictUndefined).from_string(source)  # noqa: S701
