"""The types of feed fields: what pydantic checks of a value, and in which words it refuses one.

A refusal continues a sentence that begins with the field's name. It quotes a value only where it is a date, a time
or a number: any other may be a person's name that slipped into the wrong column.
"""

from __future__ import annotations

import re
from datetime import date, time
from decimal import Decimal
from math import isinf
from typing import Annotated, NoReturn

from pydantic import BeforeValidator, PlainValidator, StringConstraints
from pydantic_core import PydanticCustomError

from etl.records.dates import FIRST_YEAR, LAST_YEAR, parse_date, parse_time

KEY_LIMIT = 200
"""Characters of a text that stands in a key: two of them fit in one index entry at four bytes each."""

_CONTROL = r"\x00-\x1f\x7f-\x9f\x{2028}\x{2029}"
_NAMED = rf"^[^{_CONTROL}]*[^{_CONTROL}\s][^{_CONTROL}]*$"
_PLAIN = rf"^[^{_CONTROL}]*$"
# what is surely a date, a time or a small figure: a longer figure may be a telephone number
_HARMLESS = re.compile(
    r"\d{1,2}/\d{1,2}/\d{2,4}|\d{4}-\d{1,2}-\d{1,2}|\d{1,2}-[A-Za-z]{3}-\d{2,4}"
    r"|\d{1,2}:\d{2}(?::\d{2})? ?(?:[AaPp]\.?[Mm]\.?)?|[+-]?\d{1,6}(?:\.\d{1,4})?%?",
    re.ASCII,
)
_NUMBER = re.compile(r"[+-]?\d{1,9}(?:\.\d{1,6})?", re.ASCII)
_NO_NUMBER = frozenset({"", "n/a", "na", "-", "--"})
_JSON_TYPES = {bool: "true or false", list: "an array", dict: "an object"}


def describe(value: object) -> str:
    """What a value is, in words that give no person away."""
    if value is None:
        return "missing"
    if isinstance(value, str):
        return f"{value!r}" if _HARMLESS.fullmatch(value) else _text(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value}" if abs(value) < 10**6 else "a number of seven digits or more"
    return _JSON_TYPES.get(type(value), "of another type")


def _text(value: str) -> str:
    return f"text of {len(value):,} characters" if value.strip() else "empty"


def _refuse(value: object, expected: str) -> NoReturn:
    raise PydanticCustomError(
        "feed", "is {found}, expected {expected}", {"found": describe(value), "expected": expected}
    )


def _date(value: object) -> date:
    found = parse_date(value) if isinstance(value, str) and len(value) < 32 else None
    if found is None:
        _refuse(value, f"MM/DD/YYYY, YYYY-MM-DD or DD-Mon-YY between {FIRST_YEAR} and {LAST_YEAR}")
    return found


def _time(value: object) -> time | None:
    if value is None or value == "":
        return None
    found = parse_time(value) if isinstance(value, str) and len(value) < 32 else None
    if found is None and not (isinstance(value, str) and not value.strip()):
        _refuse(value, "a time such as 06:30 pm or 18:30")
    return found


def _decimal(value: object) -> Decimal | None:
    """A number, as such or as text, a percent sign allowed; what stands for "none yet" gives None."""
    if value is None or (isinstance(value, str) and value.strip().casefold() in _NO_NUMBER):
        return None
    text = "" if isinstance(value, bool) or not isinstance(value, str | int | float) else f"{value}".strip()
    if len(text) > 20 or not _NUMBER.fullmatch(text.removesuffix("%").rstrip()):
        _refuse(value, "a number")
    return Decimal(text.removesuffix("%").rstrip())


def _whole(value: object) -> int | None:
    number = _decimal(value)
    if number is not None and number != number.to_integral_value():
        _refuse(value, "a whole number")
    return None if number is None else int(number)


def _as_scraped(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if isinf(value):  # JSON's 1e999
        _refuse(value, "a percentage")
    return f"{value}"


Name = Annotated[str, StringConstraints(max_length=KEY_LIMIT, pattern=_NAMED)]
"""Text that must be there."""
Text = Annotated[str, StringConstraints(max_length=KEY_LIMIT, pattern=_PLAIN)] | None
"""Text that may be empty or missing."""
Short = Annotated[str, StringConstraints(max_length=16, pattern=_PLAIN), BeforeValidator(_as_scraped)] | None
Day = Annotated[date, PlainValidator(_date)]
Clock = Annotated[time | None, PlainValidator(_time)]
Number = Annotated[Decimal | None, PlainValidator(_decimal)]
Whole = Annotated[int | None, PlainValidator(_whole)]
