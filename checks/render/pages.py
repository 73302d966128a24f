"""What HTML pages have in common: templates in which every value is cleaned, cut and escaped, and one style."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from checks.render.words import clean, example

LONGEST = 400
"""Characters of one value that are shown; the rest is counted."""
# the page of a run shares them with the reviews, but not the module that draws: to import it takes two seconds
TEMPLATES = Path(__file__).parents[1] / "review" / "html"


def environment() -> Environment:
    """Templates that escape whatever it is; a name that is missing is an error."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, finalize=shown,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters |= {
        "example": lambda key: shown(example(key)),
        "sentence": lambda text: text[:1].upper() + text[1:],
    }
    return made


def style() -> Markup:
    """The styles, which stand in the page itself."""
    return Markup((TEMPLATES / "style.css").read_text(encoding="utf-8"))  # noqa: S704 - a file of ours


def shown(value: Any) -> Any:
    """What is written of a value, before it is escaped: nothing that steers a page or floods it."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, Decimal):
        return str(value)
    text = clean(" ".join(str(value).split()))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text) - LONGEST:,} more characters)"
