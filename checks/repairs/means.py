"""What a fix may ask for by argument name, and what it answers with."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection

from checks.engine.errors import CheckDefinitionError
from etl.repairs import Step

Fix = TypeVar("Fix", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Means:
    """What a fix has to work with: `feeds` are the paths that the operator gave, none to take the published ones."""

    connection: Connection
    now: datetime
    today: date
    feeds: tuple[Path, ...] = ()


def steps_of(fix: Callable[..., Any], means: Means) -> tuple[Step, ...]:
    """The steps of a fix; raises CheckDefinitionError where it asks for something that nobody has."""
    known = {field.name: getattr(means, field.name) for field in fields(means)}
    wanted = list(inspect.signature(fix).parameters)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise CheckDefinitionError(
            f"fix {fix.__qualname__}() asks for {unknown[0]!r}; available: {', '.join(sorted(known))}"
        )
    found: Step | Sequence[Step] = fix(**{name: known[name] for name in wanted})
    return tuple(found) if isinstance(found, Sequence) else (found,)


def summary_of(fix: Callable[..., Any]) -> str:
    """What a fix does, in one line."""
    return (inspect.getdoc(fix) or fix.__name__.replace("_", " ")).splitlines()[0].strip()


def proposal(fix: Fix) -> Fix:
    """Mark a fix that is only shown: a person has to decide row by row, so it cannot be applied."""
    vars(fix)["proposal"] = True
    return fix


def is_proposal(fix: Callable[..., Any]) -> bool:
    """Whether a fix is only shown."""
    return bool(vars(fix).get("proposal"))
