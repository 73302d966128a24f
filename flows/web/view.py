"""What a page is: a value that says where it stands and how it is made, and the blocks that its contents consist of.

A page is a function of a request (a connection, the rules, the settings, the moment, what the address asks for) and
returns a view: a title and blocks. Each block names the macro of `html/blocks.html.j2` that draws it, so a new page is
one function, and looks like the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar, TypeAlias

from markupsafe import Markup
from sqlalchemy import Connection

from checks.engine.authoring.units import number_of
from checks.engine.collecting.rules import Rules
from checks.review.section import CellKind, Section, SectionColumn
from etl.words import nearest_name
from flows.service.schedules import NextRun
from flows.settings import Settings

Target: TypeAlias = tuple[Any, ...] | None
"""The kind and the key of what something leads to, and what its address asks for besides."""


LONGEST_NUMBER = 15


class NotThere(Exception):
    """What an address asks for does not exist; the message says what would."""


def did_you_mean(name: str, there: Iterable[str], page: str) -> str:
    """The end of a sentence about what is not there: the nearest name that is, or the page that has all."""
    near = nearest_name(name, there)
    return f"; did you mean {near}?" if near else f"; {page} lists those that there are"


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What a page is made from; `key` is the rest of the address, `query` what stands behind its question mark."""

    connection: Connection
    rules: Rules
    settings: Settings
    now: datetime
    upcoming: Callable[[], Sequence[NextRun]] = tuple
    key: str = ""
    query: Mapping[str, str] = field(default_factory=dict)

    def asked(self, name: str) -> str:
        """A value of the query, empty where it was not given."""
        return self.query.get(name, "").replace("\0", "").strip()

    @property
    def number(self) -> int:
        """The key as a number; raises NotThere for one that none can have."""
        if not self.key.isdecimal() or len(self.key) > LONGEST_NUMBER:
            raise NotThere(f"{self.key!r} is no number of anything here")
        return int(self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableBlock:
    """A table. At most `most` rows are shown, the rest is counted; `more` leads to all of them."""

    macro: ClassVar[str] = "rows"
    title: str
    columns: tuple[SectionColumn[Any], ...]
    rows: Sequence[Any]
    empty: str = "There are none."
    caption: str = ""
    most: int = 200
    more: Target = None

    @property
    def narrowed(self) -> TableBlock:
        """The same without columns that say nothing of any row."""
        shown = self.rows[: self.most]
        filled = [one for one in self.columns if any(one.value(row) not in (None, "") for row in shown)]
        return replace(self, columns=tuple(filled))


@dataclass(frozen=True, slots=True)
class SectionRows:
    """The rows of a section of the reports, laid out as there."""

    macro: ClassVar[str] = "section_rows"
    section: Section[Any]
    rows: Sequence[Any]

    @property
    def title(self) -> str:
        """That of the section."""
        return self.section.title


@dataclass(frozen=True, slots=True)
class Facts:
    """Terms with what is known of each, and what that leads to; facts without a value are left out."""

    macro: ClassVar[str] = "facts"
    title: str
    facts: Sequence[tuple[str, object, Target]]

    @property
    def known(self) -> list[tuple[str, object, Target]]:
        """Those with a value."""
        return [fact for fact in self.facts if fact[1] is not None and fact[1] != ""]


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart with a sentence about it."""

    macro: ClassVar[str] = "picture"
    title: str
    svg: Markup
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Code:
    """Text to be copied, such as SQL or commands."""

    macro: ClassVar[str] = "code"
    title: str
    lines: Sequence[str]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Prose:
    """A text of ours that was rendered from Markdown."""

    macro: ClassVar[str] = "prose"
    title: str
    html: Markup


@dataclass(frozen=True, slots=True)
class Choice:
    """One field of a form: a choice of some options, or any text."""

    name: str
    label: str
    value: str
    options: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """Fields that go into the address of a page; `said` is what came of them."""

    macro: ClassVar[str] = "form"
    title: str
    to: tuple[str, object]
    fields: tuple[Choice, ...]
    button: str
    said: str = ""


@dataclass(frozen=True, slots=True)
class HeatMap:
    """A score per name and day: names with their scores in the order of `days`, None where there is none."""

    macro: ClassVar[str] = "heat_map"
    title: str
    days: Sequence[datetime]
    rows: Sequence[tuple[str, Sequence[float | None]]]
    kind: str = "league"
    caption: str = ""
    more: Target = None


@dataclass(frozen=True, slots=True)
class Hero:
    """The score, large, with its band and sentences about it."""

    macro: ClassVar[str] = "hero"
    title: str
    score: object
    band: str
    lines: Sequence[tuple[str, str]]


Block: TypeAlias = TableBlock | SectionRows | Facts | Picture | Code | Prose | Form | HeatMap | Hero


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a page shows; `trail` are the pages above it, `badge` a coloured word beside its title."""

    title: str
    blocks: Sequence[Block | None]
    lead: str = ""
    badge: str = ""
    trail: Sequence[tuple[str, tuple[str, object]]] = ()

    @property
    def shown(self) -> list[Block]:
        """The blocks that there are."""
        return [block for block in self.blocks if block is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page, or one for each key; `kind` is the first part of its address.

    `keys` are those that exist, newest first, for who writes all pages as files; None: the page has no key.
    """

    kind: str
    build: Callable[[PageRequest], View]
    navigation: str = ""
    keys: Callable[[PageRequest], Iterable[object]] | None = None


def name_column(title: str, value: Callable[[Any], object], to: Callable[[Any], Target]) -> SectionColumn[Any]:
    """The column that names a row and leads to its page."""
    return SectionColumn(title, value, CellKind.NAME, to)


def figures(*names: str) -> tuple[SectionColumn[Any], ...]:
    """Columns of numbers that are called as the fields of the rows are; nought is left out."""
    return tuple(
        SectionColumn(_title(name), _reads(name, lambda value: value or ""), CellKind.NUMBER) for name in names
    )


def texts(*names: str, cell: CellKind = CellKind.TEXT) -> tuple[SectionColumn[Any], ...]:
    """Columns of texts that are called as the fields of the rows are; moments without their seconds."""
    return tuple(SectionColumn(_title(name), _reads(name, shown_value), cell) for name in names)


def _title(name: str) -> str:
    return name.rpartition(".")[2].replace("_", " ")


def _reads(name: str, shown: Callable[[Any], object]) -> Callable[[Any], object]:
    return lambda row: shown(field_of(row, name))


def field_of(row: Any, name: str) -> Any:
    """A field of a row, be it an object or a mapping; a dot leads on into the field."""
    for part in name.split("."):
        row = row.get(part) if isinstance(row, Mapping) else getattr(row, part)
    return row


def shown_value(value: object) -> object:
    """A value as a page shows it."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return "; ".join(map(str, value)) if isinstance(value, (list, tuple)) else value


def ago(at: datetime | None, now: datetime) -> str:
    """How long a moment is past: "3 hours ago"."""
    if at is None:
        return "never"
    minutes = (now - at).total_seconds() / 60
    for size, word in ((2880, "days"), (120, "hours")):
        if minutes >= size:
            return f"{number_of(round(minutes / (size / 2)), word)} ago"
    return f"{number_of(max(0, round(minutes)), 'minutes')} ago"
