"""Words: that agree with their number wherever a person reads a count, that stand below a field, that were meant."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from itertools import pairwise


def number_of(number: int, plural: str, sign: str = "") -> str:
    """A number of things: "1 row", "2,058 rows", with "+" as its sign "+1 row"; `plural` is the word with its s."""
    return f"{number:{sign},} {plural.removesuffix('s') if abs(number) == 1 else plural}"


def field_docstrings(model: type) -> dict[str, str]:
    """What stands in quotes below each field of a class and of what it extends, by the field's name, in one line each.

    Read from the source when a document needs it: pydantic would read it whenever the class is made.
    """
    family = [each for each in reversed(model.__mro__) if each.__module__ == model.__module__]
    return {name: text for each in family for name, text in _docstrings_of(each)}


def _docstrings_of(model: type) -> Iterator[tuple[str, str]]:
    (body,) = ast.parse(inspect.getsource(model)).body
    for field, below in pairwise(getattr(body, "body", ())):
        match field, below:
            case ast.AnnAssign(target=ast.Name(name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, " ".join(text.split())


def nearest_name(name: str, names: Iterable[str]) -> str | None:
    """The name for which a mistyped one was meant, whatever its case; None where none is like it."""
    folded = {known.casefold(): known for known in names}
    near = get_close_matches(name.casefold(), folded, n=1)
    return folded[near[0]] if near else None
