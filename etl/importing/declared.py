"""What a person declares about imports: limits of the guards, seasons, and corrections of what feeds get wrong.

They stand in `rally.toml`, as `[guards]`, `[seasons]` and `[[corrections]]`. Only the models stand here, so that
settings can be read without the importer.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from hashlib import sha256
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from etl import leagues

Share = Annotated[float, Field(ge=0, le=1)]
STRICT = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Limits(BaseModel):
    """Shares, 0 to 1, above which a part is held; `fewest` is how many rows a share needs to mean anything."""

    model_config = STRICT

    rejects: Share = 0.05
    """Of a part's rows, those that were refused."""
    shrunk: Share = 0.20
    """Of the season's rows in the table, those that the part lacks."""
    new_season: Share = 0.40
    """A new season's rows, as a share of the last season's: fewer are too few."""
    grown: Share = 0.20
    """Of a part's rows, those that stand in the table, or in the part, already in another form."""
    unlinked: Share = 0.05
    """Of the sides, those that lost their team or have a new name that means none."""
    emptied: Share = 0.20
    """Of matched rows, those whose value in a column would be gone."""
    rewritten: Share = 0.20
    """Of matched rows, those with another value in a column that seldom changes."""
    relinked: Share = 0.50
    """The same for teams and places, which another spelling or a better link changes, too."""
    fallen: Share = 0.50
    """Of standings and people, those with a figure that only ever grows and fell."""
    pattern: Share = 0.25
    """Of rows, those that follow an accident's pattern: dates shifted, figures doubled, rows of another league."""
    turned: Share = 0.10
    """Of matched rows, those that are turned round: sides, scores, winners, players, figures won and lost."""
    contradictory: Share = 0.01
    """Of rows, those that cannot be right, beyond what stands in the table."""
    one_value: Share = 0.97
    """Of rows, those that share one value in a column that has many in the table."""
    other_ids: Share = 0.02
    """Of people, those whose id is of another form than all others, or who stand there under two."""
    fewest: int = Field(10, ge=1)
    """Rows that a share needs to mean anything."""


Days = Annotated[int, Field(ge=1, le=366)]


class Seasons(BaseModel):
    """A league's season is the span of its days of play between two breaks that are longer than this."""

    model_config = STRICT

    break_days: Days = 60
    """Days without play that a season may have; a longer break ends it."""
    leagues: dict[str, Days] = Field(default_factory=dict)
    """The same for leagues of their own, in any spelling: `{CITA = 45}`."""

    @field_validator("leagues")
    @classmethod
    def _canonical(cls, typed: dict[str, int]) -> dict[str, int]:
        breaks = {leagues.canonical(name): days for name, days in typed.items()}
        if "" in breaks or len(breaks) < len(typed):
            raise ValueError(f"{', '.join(typed)}: expected each league once, by its name")
        return breaks

    def __hash__(self) -> int:
        return hash((self.break_days, *sorted(self.leagues.items())))

    def gap(self, league: str) -> timedelta:
        """The longest break inside a season of this league."""
        return timedelta(days=self.leagues.get(league, self.break_days))


def _readable(encoding: str) -> tuple[str, str]:
    """The two codecs of "latin-1 read as utf-8" in the order in which they undo it: encode by, decode by."""
    written, _, read = (part.strip() for part in encoding.partition(" read as "))
    for name in (written, read):
        codecs.lookup(name)
    return (written, read) if "utf" in read.lower() else (read, written)


class Correction(BaseModel):
    """What the feeds of a league and kind get wrong in a known way; `by` and `why` are recorded with every import."""

    model_config = STRICT

    league: str
    """The league, in any spelling."""
    kind: str
    """The kind of feed: `match_history`, `schedules`, `players`, `series_stats`, `player_history`."""
    first: date | None = Field(None, alias="from")
    """The first day of play that it is about; of kinds without one, the first day of import."""
    until: date | None = None
    """The last such day."""
    scores: Literal["turned"] | None = None
    """`turned`: scores say the away side's games first."""
    winners: Literal["turned"] | None = None
    """`turned`: winner says home where away won, and away where home did."""
    sides: Literal["turned"] | None = None
    """`turned`: home and away are exchanged, teams and players."""
    teams: Literal["turned"] | None = None
    """`turned`: home and away are exchanged in the teams' names alone; players, winner and score are right."""
    encoding: str | None = None
    """`latin-1 read as utf-8` (or any two codecs): the file is in the first, or its names were encoded twice by it.
    It is undone in every text of a file, whatever its days."""
    ids: Literal["keep"] | None = None
    """`keep`: people have ids of another scheme; who has the same name and club keeps the id of the table."""
    keys: dict[str, str] = Field(default_factory=dict)
    """Keys of the feed's rows by what they are called there: `{"Heim" = "Home Team"}`."""
    spellings: tuple[str, ...] = ()
    """Further names that the feed has for the league."""
    by: str
    """Who declared it."""
    why: str
    """Why it is right."""

    @field_validator("league")
    @classmethod
    def _canonical(cls, league: str) -> str:
        return leagues.canonical(league)

    @field_validator("by", "why")
    @classmethod
    def _said(cls, text: str) -> str:
        if not text.strip(" ."):
            raise ValueError(f"{text!r} says nothing; expected who declared it, and why it is right")
        return text

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        from etl.kinds import KINDS  # noqa: PLC0415 - settings without corrections need no kinds

        kinds = {stem: own.name for own in KINDS for stem in (own.name, *own.stems)}
        if kind not in kinds:
            raise ValueError(f"{kind!r} is no kind of feed; expected one of {', '.join(sorted(kinds))}")
        return kinds[kind]

    @field_validator("encoding")
    @classmethod
    def _two_codecs(cls, encoding: str | None) -> str | None:
        try:
            if encoding is not None:
                _readable(encoding)
        except LookupError:
            raise ValueError(f"{encoding!r} is no encoding; expected such as 'latin-1 read as utf-8'") from None
        return encoding

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not self.deeds:
            raise ValueError(f"it corrects nothing; say one of {', '.join(DEEDS)}")
        for deed, kinds in ONLY.items():
            if getattr(self, deed) and self.kind not in kinds:
                raise ValueError(f"{deed} are corrected in {', '.join(kinds)}, not in {self.kind}")
        if self.first and self.until and self.first > self.until:
            raise ValueError(f"it begins on {self.first}, after it ends on {self.until}")
        return self

    @property
    def deeds(self) -> Mapping[str, Any]:
        """What it corrects, as in the settings: `{"scores": "turned"}`."""
        return {deed: value for deed in DEEDS if (value := getattr(self, deed))}

    @property
    def names(self) -> tuple[str, ...]:
        """The league, and the further ones that feeds take it for."""
        return (self.league, *map(leagues.canonical, self.spellings))

    @property
    def codecs(self) -> tuple[str, str]:
        """By which codec names are encoded again, and by which they are then decoded."""
        return _readable(self.encoding or "")

    def holds_on(self, day: date) -> bool:
        """Whether it is about this day."""
        return (self.first is None or self.first <= day) and (self.until is None or day <= self.until)

    def __str__(self) -> str:
        return ", ".join(f"{deed} = {_toml(value)}" for deed, value in self.deeds.items())


DEEDS = ("keys", "spellings", "encoding", "teams", "sides", "winners", "scores", "ids")
"""What can be corrected, in the order in which it is done."""
ONLY: Mapping[str, tuple[str, ...]] = {
    "scores": ("match_history",),
    "winners": ("match_history",),
    "sides": ("match_history", "schedules"),
    "teams": ("match_history", "schedules"),
    "ids": ("match_history", "players", "player_history"),
}
"""The kinds of feeds that have what a deed corrects; the others hold for all."""


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f'"{key}" = "{own}"' for key, own in value.items()) + "}"
    return str(list(value)).replace("'", '"') if isinstance(value, tuple) else f'"{value}"'


def of_part(corrections: Iterable[Correction], kind: str, league: str) -> tuple[Correction, ...]:
    """The corrections of a kind and league; of every league with "all"."""
    return tuple(own for own in corrections if own.kind == kind and league in {leagues.ALL, *own.names})


def digest_of(corrections: Iterable[Correction]) -> str:
    """A text that differs when corrections do; empty without any."""
    told = "\n".join(own.model_dump_json() for own in corrections)
    return sha256(told.encode()).hexdigest()[:16] if told else ""


def renamed(
    rows: Iterable[object], corrections: Iterable[Correction], league: str, decodings: Counter[str]
) -> Iterator[object]:
    """Rows of a feed with the keys, leagues and encoding that corrections give them; `league` is the feed's, or "all".

    `decodings` counts the rows of each league whose encoding was undone.
    """
    raw = [own for own in corrections if own.keys or own.spellings or own.encoding]
    return (_renamed(row, raw, league, decodings) for row in rows) if raw else iter(rows)


HALF = re.compile("[\udc80-\udcff]")
LEAGUE_KEYS = ("League", "league_id", "league")


def _renamed(row: object, corrections: Iterable[Correction], league: str, decodings: Counter[str]) -> object:
    for correction in corrections:
        if isinstance(row, dict):
            row = _with_league(row, correction)
            told = next((row[key] for key in LEAGUE_KEYS if row.get(key)), league)
            if isinstance(told, str) and leagues.canonical(told) == correction.league:
                row = {correction.keys.get(key, key): value for key, value in row.items()}
                if correction.encoding:
                    row, before = {key: _sound(value, correction) for key, value in row.items()}, row
                    decodings[correction.league] += row != before
    return row


def _sound(value: object, correction: Correction) -> object:
    return decoded(value, *correction.codecs) if isinstance(value, str) and not value.isascii() else value


def decoded(text: str, written: str, read: str) -> str:
    """A text that was read in the wrong encoding, as it was meant; the same where it cannot have been.

    It is encoded as it was `written`, and decoded as it should have been `read`. Bytes that could not be read at all
    stand in it as half surrogates: they are decoded as they were written.
    """
    try:
        if HALF.search(text):
            return text.encode(read, "surrogateescape").decode(written)
        return text.encode(written).decode(read)
    except UnicodeError:
        return text


def _league_told(value: object) -> set[str]:
    return {value, leagues.canonical(value)} if isinstance(value, str) else set()


def _with_league(row: dict[str, Any], own: Correction) -> dict[str, Any]:
    names = {*own.spellings, *map(leagues.canonical, own.spellings)}
    spelled = {key: own.league for key in LEAGUE_KEYS if _league_told(row.get(key)) & names}
    return {**row, **spelled} if spelled else row
