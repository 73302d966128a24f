"""The change profile: what publishing a part would change, counted in sets from the import's own plan.

A part is one league's rows of a feed. Its plan says for each row which stored row it would replace, so a profile needs
no second reading: rows that are new, that change (by column, filled -> empty apart), that stay, that the table holds of
the same season and the feed does not. Signs are counts of known patterns of accidents, such as sides that are turned.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from etl.importing.seasons import SEASON_GAP, touched_seasons
from etl.names.structure import series_key
from etl.tables import leagues, series, teams


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """In how many matched rows a column gets another value, and in how many it loses its value."""

    changed: int
    emptied: int


@dataclass(frozen=True, slots=True)
class Sign:
    """How many rows follow the pattern of an accident, among how many, and what the pattern is in words."""

    count: int
    among: int
    words: str

    @property
    def share(self) -> float:
        """0 to 1; 0 without any row."""
        return self.count / self.among if self.among else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What publishing one part would change.

    `stored` counts the table's rows of the part's seasons (0: a new season, which has no baseline), `matched` those of
    them that the part has too. `series_gone` are series of the season that the part leaves out. `columns` speaks of
    matched rows. `truncated` says where the file is cut off, empty for a whole one. `days` are the first and last day
    of play that the part has, `corrected` what was corrected in it, `told` the columns that its feed has keys for,
    `mended` how many of the feed's texts were read without HTML entities or a second encoding. `examples` are some of
    the rows that would change: their places in the feed, and the id of the row that each replaces.
    """

    league: str
    kind: str
    rows: int = 0
    records: int = 0
    rejects: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    duplicates: int = 0
    stored: int = 0
    linked: int = 0
    unlinked: int = 0
    newly_unlinked: int = 0
    partial: bool = False
    new_season: bool = False
    truncated: str = ""
    days: tuple[str, ...] = ()
    corrected: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    mended: int = 0
    examples: tuple[Mapping[str, int | None], ...] = ()
    series_gone: tuple[str, ...] = ()
    columns: Mapping[str, ColumnChange] = field(default_factory=dict)
    signs: Mapping[str, Sign] = field(default_factory=dict)

    @property
    def matched(self) -> int:
        """Rows of the part that the table has already."""
        return self.changed + self.unchanged

    @property
    def gone(self) -> int:
        """Rows of the season that the table has and the part has not."""
        return max(self.stored - self.matched, 0)

    def to_json(self) -> dict[str, Any]:
        """Everything as plain values."""
        return asdict(self) | {"matched": self.matched, "gone": self.gone, "series_gone": list(self.series_gone)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePlan:
    """What a publisher is about to write: staged rows, those that change something, and the rows that they replace.

    `plan` has a row for each staged one that is new (`target_id` NULL) or differs; `unchanged` counts the others.
    `series` selects the ids of the series that the part has. `day` names the column of the day, for kinds with seasons,
    `figures` those that only ever grow within one, `gap` the longest break inside one; `sides` counts sides of rows
    with a team, and without.
    """

    target: sa.FromClause
    plan: sa.Table
    staged: sa.Table
    columns: Sequence[str]
    unchanged: int
    series: sa.Select[Any]
    day: str = ""
    figures: Sequence[str] = ()
    gap: timedelta = SEASON_GAP
    sides: tuple[int, int] = (0, 0)
    league_id: int | None = None
    matched: int = 0
    planned_rows: int = 0
    staged_rows: int = 0
    stored_days: Mapping[Any, int] = field(default_factory=dict)
    staged_days: Mapping[Any, int] = field(default_factory=dict)


def column_changes(
    connection: sa.Connection, target: sa.FromClause, plan: sa.FromClause, columns: Sequence[str]
) -> tuple[int, dict[str, ColumnChange]]:
    """How many planned rows replace one of the table's, and what changes in them by column; one scan."""
    figures: list[sa.ColumnElement[int]] = [sa.func.count()]
    for name in columns:
        old, new = target.c[name], plan.c[name]
        figures.append(sa.func.count().filter(old != new))
        figures.append(sa.func.count().filter(old.is_not(None), new.is_(None)))
    counts = connection.execute(
        sa.select(*figures).select_from(plan.join(target, target.c.id == plan.c.target_id))
    ).one()
    found = {name: ColumnChange(counts[1 + 2 * n], counts[2 + 2 * n]) for n, name in enumerate(columns)}
    return counts[0], {name: change for name, change in found.items() if change.changed or change.emptied}


def count_values(
    connection: sa.Connection, source: sa.FromClause, column: str, *where: sa.ColumnElement[bool]
) -> dict[Any, int]:
    """How many rows of a table have each value of a column, None for those that have none."""
    value = source.c[column]
    rows = connection.execute(sa.select(value, sa.func.count()).where(*where).group_by(value))
    return dict(rows.tuples().all())


def commonest(column: str, counts: Mapping[Any, int]) -> Sign:
    """The value that most rows share in a column, among the rows that have one."""
    filled = {value: rows for value, rows in counts.items() if value is not None}
    if not filled:
        return Sign(0, 0, "")
    value = max(filled, key=lambda one: filled[one])
    return Sign(filled[value], sum(filled.values()), f"{column} is {str(value)!r}")


FEWEST_OF_SERIES = 10
"""Rows of the season that a series needs to be missed."""


def locate(connection: sa.Connection, change: ChangePlan, league: str) -> ChangePlan:
    """The plan with the id of its league, how many of its rows the table has, how many are planned and how many staged,
    and for kinds with a day how many of each the table has of the league, and the stage.
    """
    league_id = connection.scalar(sa.select(leagues.c.id).where(leagues.c.league_id == league))
    planned = sa.select(sa.func.count(), sa.func.count(change.plan.c.target_id)).select_from(change.plan)
    rows, changed = connection.execute(planned).one()
    located = replace(change, league_id=league_id, matched=changed + change.unchanged, planned_rows=rows)
    if not change.day:
        staged = connection.execute(sa.select(sa.func.count()).select_from(change.staged)).scalar_one()
        return replace(located, staged_rows=staged)
    stored_days = count_values(connection, change.target, change.day, change.target.c.league_id == league_id)
    staged_days = count_values(connection, change.staged, change.day)
    return replace(located, staged_rows=sum(staged_days.values()), stored_days=stored_days, staged_days=staged_days)


def measure_profile(connection: sa.Connection, profile: Profile, change: ChangePlan) -> Profile:
    """The profile of a located plan: `profile` with what the plan would change, by column, series and season."""
    changed, columns = column_changes(connection, change.target, change.plan, change.columns)
    stored = _stored(connection, change)
    return replace(
        profile, new=change.planned_rows - changed, changed=changed, unchanged=change.unchanged,
        stored=sum(stored.values()), columns=columns, series_gone=_series_gone(connection, stored, change),
        days=_ends(change.staged_days), examples=_examples(connection, change),
    )  # fmt: skip


MOST_EXAMPLES = 5


def _examples(connection: sa.Connection, change: ChangePlan) -> tuple[Mapping[str, int | None], ...]:
    plan = change.plan.c
    rows = sa.select(plan.index, plan.target_id).order_by(plan.target_id.is_(None), plan.index).limit(MOST_EXAMPLES)
    return tuple({"row": row.index, "id": row.target_id} for row in connection.execute(rows))


def in_words(profile: Mapping[str, Any]) -> Iterator[str]:
    """A profile, as plain values, in lines that a person reads: counts, columns, rows to look at."""
    counts = ("new", "changed", "unchanged", "gone", "duplicates", "rejects", "newly_unlinked", "mended")
    told = [f"{profile[name]:,} {name.replace('_', ' ')}" for name in counts if profile.get(name)]
    yield ", ".join(told) or "nothing would change"
    yield from column_words(profile)
    rows = [f"{one['row']}" + (f" (id {one['id']})" if one["id"] else "") for one in profile.get("examples", ())]
    if rows:
        yield f"such as rows {', '.join(rows)} of the feed"


def column_words(profile: Mapping[str, Any]) -> Iterator[str]:
    """The columns of a profile in words: in how many rows each changes, and in how many it would be emptied."""
    for name, change in profile.get("columns", {}).items():
        emptied = f", {change['emptied']:,} emptied" if change["emptied"] else ""
        yield f"{name}: {change['changed']:,} changed{emptied}"


def _ends(days: Mapping[Any, int]) -> tuple[str, ...]:
    """The first and last of some days of play, None left aside; none where there is no day."""
    told = [day for day in days if day is not None]
    return (str(min(told)), str(max(told))) if told else ()


def _stored(connection: sa.Connection, change: ChangePlan) -> Mapping[int | None, int]:
    """How many rows the table has of the part's league and seasons, by the ids of their series."""
    target = change.target
    where = [target.c.league_id == change.league_id]
    if "away_team" in target.c:  # practices are people's own, and no feed misses them
        where.append(target.c.away_team != "")
    if "is_active" in target.c:
        where.append(target.c.is_active.is_not(False))
    if change.day:
        where.append(_of_seasons(change))
    if "series_id" in target.c:
        return count_values(connection, target, "series_id", *where)
    series_of = dict(connection.execute(sa.select(teams.c.id, teams.c.series_id)).tuples().all())
    stored: Counter[int | None] = Counter()
    for team, rows in count_values(connection, target, "home_team_id", *where).items():
        stored[series_of.get(team)] += rows
    return stored


def _of_seasons(change: ChangePlan) -> sa.ColumnElement[bool]:
    """Whether a row of the table lies in a season that the part has days of."""
    day = change.target.c[change.day]
    seasons = touched_seasons(change.stored_days, change.staged_days, change.gap)
    return sa.or_(sa.false(), *(day.between(season.first, season.last) for season in seasons))


def _series_gone(
    connection: sa.Connection, stored: Mapping[int | None, int], change: ChangePlan
) -> tuple[str, ...]:  # fmt: skip
    """Names of series with rows in the season of which the part has none, under any spelling."""
    held = [number for number, rows in stored.items() if number is not None and rows >= FEWEST_OF_SERIES]
    has = set(map(series_key, connection.scalars(sa.select(series.c.name).where(series.c.id.in_(change.series)))))
    names = connection.scalars(sa.select(series.c.name).where(series.c.id.in_(held)).order_by(series.c.name))
    return tuple(name for name in names if series_key(name) not in has)
