"""The kinds of feeds: each module here holds one `FeedKind`, and a new module is all that a new kind takes."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from etl.kinds.kind import FeedKind

_modules = (import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__))
_found = (value for module in _modules for value in vars(module).values() if isinstance(value, FeedKind))

KINDS: tuple[FeedKind, ...] = tuple(sorted(dict.fromkeys(_found), key=lambda kind: kind.place))
"""Every kind of feed, in the order in which they are published."""


def kind_named(name: str) -> FeedKind:
    """The kind of this name; KeyError where there is none."""
    return {kind.name: kind for kind in KINDS}[name]
