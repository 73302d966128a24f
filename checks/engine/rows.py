"""How a rule says "bad": `Row` gives a table's columns, `Bad` holds the condition or the statement."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from sqlalchemy import ColumnElement, FromClause, SelectBase

from checks.engine.errors import CheckDefinitionError


class Row:
    """The row that a rule looks at: `row.home_team` is the column `home_team` of its table.

    A column whose name is no Python name is `row["name"]`. An unknown column raises CheckDefinitionError.
    """

    __slots__ = ("_table",)

    def __init__(self, table: FromClause) -> None:
        self._table = table

    def __getattr__(self, name: str) -> ColumnElement[Any]:
        if name.startswith("__"):  # copy, pickle and inspect ask for these
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> ColumnElement[Any]:
        try:
            return self._table.c[name]
        except KeyError:
            raise CheckDefinitionError(_unknown(name, self._table)) from None


@dataclass(frozen=True, slots=True)
class Bad:
    """The bad rows, and among which rows they are counted.

    In a row rule both are conditions; NULL is not true, so it is not counted. In a `check` both are statements:
    `found` selects the keys of the bad rows, `among` one row for each row that could have been bad. Without `among`
    a row rule counts all rows of its table, and a `check` has no rate: judge it in `rows`.
    """

    found: ColumnElement[bool] | SelectBase
    among: ColumnElement[bool] | SelectBase | None = None


def _unknown(name: str, table: FromClause) -> str:
    known = table.c.keys()
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}"
    return f"table {getattr(table, 'name', table)!s} has no column {name!r}; {hint}"
