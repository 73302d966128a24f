"""Every value in a shown statement is written so that it runs."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import BindParameter, Engine, bindparam, literal, select, text
from sqlalchemy.dialects.postgresql import JSONB

from checks.engine.reporting.literal import runnable_sql

VALUES: dict[str, BindParameter[Any]] = {
    "not a number": literal(float("nan")),
    "infinity": literal(float("inf")),
    "minus infinity": literal(float("-inf")),
    "bytes": literal(b"\x00'\\"),
    "an object": bindparam("given", {"a": "it's", "b": [1, None]}, JSONB),
    "an array": bindparam("given", [1, "%s"], JSONB),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_shown_statement_runs_and_gives_the_value_that_was_meant(engine: Engine, name: str) -> None:
    meant = VALUES[name]

    with engine.connect() as connection:
        shown = connection.execute(text(runnable_sql(select(meant)).replace(":", "\\:"))).scalar_one()

    assert str(shown) == str(meant.value)
