"""Every value in a shown statement is written so that it runs."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
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


TEXTS: list[tuple[Any, str]] = [
    (literal(5), "5"), (literal("it's"), "'it''s'"), (literal("a\\b"), "'a\\b'"), (literal("5 %"), "'5 %'"),
    (literal(None), "NULL"), (literal(True), "true"), (literal(0.5), "0.5"), (literal(Decimal("1.50")), "1.50"),
    (literal(date(2025, 3, 1)), "'2025-03-01'"), (literal(float("inf")), "'Infinity'::float8"),
    (bindparam("given", {"a": 1}, JSONB), "'{\"a\": 1}'::jsonb"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "shown"), TEXTS)
def test_a_value_is_shown_as_people_write_it(value: Any, shown: str) -> None:
    assert runnable_sql(select(value.label("it"))) == f"SELECT {shown} AS it"
