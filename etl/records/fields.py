"""The types of feed fields: what is accepted as text, number, date or time, and in which words a value is refused.

Dates and times are read as league sites write them, never by the locale, each distinct text once. A refusal continues a
sentence that begins with the field's name. It quotes a value only where it is a date, a time or a number: any other may
be a person's name that slipped into the wrong column.
"""

from __future__ import annotations

import html
import re
from datetime import date, time
from decimal import Decimal
from functools import lru_cache
from math import isinf
from typing import Annotated, NoReturn
from unicodedata import normalize

from pydantic import AfterValidator, BeforeValidator, PlainValidator, StringConstraints
from pydantic_core import PydanticCustomError

FIRST_YEAR, LAST_YEAR = 1990, 2100
_MONTHS = dict(jan=1, feb=2, mar=3, apr=4, may=5, jun=6, jul=7, aug=8, sep=9, oct=10, nov=11, dec=12)  # noqa: C408  # twelve quoted keys would not fit a line
_US = re.compile(r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})", re.ASCII)
_ISO = re.compile(r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})", re.ASCII)
_SHORT = re.compile(r"(?P<day>\d{1,2})-(?P<month>[A-Za-z]{3})-(?P<year>\d{2}|\d{4})", re.ASCII)
_TIME = re.compile(r"(\d{1,2})(?::(\d{2})(?::(\d{2}))?)? ?(?:([ap])\.? ?(?:m\.?)?)?", re.ASCII | re.IGNORECASE)
_UNTOLD = frozenset({"", "tbd", "tba", "t.b.d.", "t.b.a.", "n/a", "none", "null", "-", "--"})
"""What stands for a time that is not known yet."""


@lru_cache(maxsize=50_000)
def parse_date(text: str) -> date | None:
    """The day that `MM/DD/YYYY`, `YYYY-MM-DD` or `DD-Mon-YY` names; None for any other text and any other age.

    A year of two digits lies between 1990 and ten years from now.
    """
    trimmed = text.strip()
    match = _US.fullmatch(trimmed) or _ISO.fullmatch(trimmed) or _SHORT.fullmatch(trimmed)
    if not match:
        return None
    month = _MONTHS.get(match["month"].lower()) or (int(match["month"]) if match["month"].isdigit() else 0)
    try:
        # strptime's %y turns 69 into 1969, and its %b asks the locale
        day = date(_year(match["year"]), month, int(match["day"]))
    except ValueError:
        return None
    return day if FIRST_YEAR <= day.year <= LAST_YEAR else None


def _year(digits: str) -> int:
    """The year of two digits or four; 0, which no date has, for two digits of another age."""
    if len(digits) == 4:
        return int(digits)
    year = int(digits) + (1900 if int(digits) >= FIRST_YEAR % 100 else 2000)
    return year if year <= date.today().year + 10 else 0  # noqa: DTZ011 - ten years ahead are ten in every time zone


@lru_cache(maxsize=5_000)
def parse_time(text: str) -> time | None:
    """The time of day that `06:30 pm`, `6 pm`, `6:30 P. M.`, `18:30` or `noon` names; None for any other text.

    Any space of Unicode separates: scrapers bring the narrow one that browsers put before "PM".
    """
    plain = " ".join(text.split())
    if plain.casefold() == "noon":
        return time(12)
    match = _TIME.fullmatch(plain)
    if not match or not (match[2] or match[4]):
        return None
    hour, minute, second, half = int(match[1]), int(match[2] or 0), int(match[3] or 0), match[4]
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (half.lower() == "p")
    return time(hour, minute, second) if hour < 24 and minute < 60 and second < 60 else None


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


def describe_value(value: object) -> str:
    """What a value is, in words that give no person away."""
    if value is None:
        return "missing"
    if isinstance(value, str):
        return f"{value!r}" if _HARMLESS.fullmatch(value) else _text(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value}" if abs(value) < 10**6 else "a number of seven digits or more"
    return _JSON_TYPES.get(type(value), "of another type")


def _text(value: str) -> str:
    odd = next(filter(_is_odd, value), "")
    named = f" with the character U+{ord(odd):04X}" if odd else ""
    return f"text of {len(value):,} characters{named}" if value.strip() else "empty"


def _is_odd(char: str) -> bool:
    """Whether a character may look like another: an invisible one, a strange space, a form of another width."""
    like = not char.isascii() and (char.isdigit() or normalize("NFKC", char) != char)
    return like or not char.isprintable() or (char.isspace() and char != " ")


def _refuse(value: object, expected: str) -> NoReturn:
    raise PydanticCustomError(
        "feed", "is {found}, expected {expected}", {"found": describe_value(value), "expected": expected}
    )


def _date(value: object) -> date:
    day = parse_date(value) if isinstance(value, str) and len(value) < 32 else None
    if day is None:
        _refuse(value, f"MM/DD/YYYY, YYYY-MM-DD or DD-Mon-YY between {FIRST_YEAR} and {LAST_YEAR}")
    return day


def _time(value: object) -> time | None:
    if value is None or (isinstance(value, str) and value.strip().casefold() in _UNTOLD):
        return None
    moment = parse_time(value) if isinstance(value, str) and len(value) < 32 else None
    if moment is None:
        _refuse(value, "a time such as 06:30 pm or 18:30")
    return moment


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


LAYERS = 3
"""Times that a scraper may have encoded, or escaped, one text."""
_C1 = re.compile(r"[\x80-\x9f]")
_LEFT_BY_ENCODING = re.compile(r"[\x80-\xa0\xad]")
"""What UTF-8 that was read as Latin-1 has in it, and no printed text."""
GARBLED = re.compile(r"U\+FFFD|wrong encoding|not UTF-8")
"""What the reason of a reject says where its text was decoded in a wrong way."""


@lru_cache(maxsize=50_000)
def mended(text: str) -> str:
    """A text without what scraping did to it: HTML entities, UTF-8 that was read as Latin-1 or Windows-1252."""
    plain = _unescaped(text)
    fixed = plain if plain.isascii() else _fixed_encoding(plain)
    sound = _LEFT_BY_ENCODING.sub("", text).isprintable() and fixed.isprintable() and "\ufffd" not in fixed
    return fixed if sound else text


def _unescaped(text: str) -> str:
    for _ in range(LAYERS):
        plain = html.unescape(text) if "&" in text else text
        if plain == text:
            break
        text = plain
    return text


def _fixed_encoding(text: str) -> str:
    from ftfy import fix_encoding  # noqa: PLC0415 - only imports need it

    for _ in range(LAYERS):
        if not _C1.search(text):
            return fix_encoding(text)
        try:
            text = text.encode("latin-1").decode("utf-8")
        except UnicodeError:
            break
    return text


def _mended(value: object) -> object:
    if not isinstance(value, str) or ("&" not in value and value.isascii()):
        return value
    return _whole_text(mended(value))


def _whole_text(text: str) -> str:
    """The text; one that has lost characters, or is no language's, is refused: better nothing than this over a good
    name.
    """
    from ftfy.badness import is_bad  # noqa: PLC0415 - only imports need it

    if "\ufffd" in text:
        raise PydanticCustomError("feed", "holds U+FFFD: a character was lost when it was decoded")
    if not text.isascii() and text.isprintable() and is_bad(text):
        raise PydanticCustomError("feed", "was decoded in a wrong encoding")
    return text


def _filled(text: str | None) -> str | None:
    return text or None


Name = Annotated[str, StringConstraints(max_length=KEY_LIMIT, pattern=_NAMED), BeforeValidator(_mended)]
"""Text that must be there."""
Text = Annotated[
    Annotated[str, StringConstraints(max_length=KEY_LIMIT, pattern=_PLAIN), BeforeValidator(_mended)] | None,
    AfterValidator(_filled),
]
"""Text that may be missing, as which empty text counts."""
Short = Annotated[str, StringConstraints(max_length=16, pattern=_PLAIN), BeforeValidator(_as_scraped)] | None
Day = Annotated[date, PlainValidator(_date)]
Clock = Annotated[time | None, PlainValidator(_time)]
Number = Annotated[Decimal | None, PlainValidator(_decimal)]
Whole = Annotated[int | None, PlainValidator(_whole)]
