"""The change profile: what publishing a part would change, counted in sets from the import's own plan.

A part is one league's rows of a feed. Its plan says for each row which stored row it would replace, so a profile needs
no second reading: rows that are new, that change (by column, filled -> empty apart), that stay, that the table holds of
the same season and the feed does not. Signs are counts of known patterns of accidents, such as sides that are turned.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from etl.importing.seasons import PlayDays, in_seasons
from etl.names.structure import series_key
from etl.tables import leagues, series, teams


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """In how many matched rows a column gets another value, in how many it loses its value, in how many it gets one."""

    changed: int
    emptied: int
    filled: int = 0


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
    `mended` how many of the feed's texts were read without HTML entities or a second encoding, `garbled` how many of
    the rejects have a text that was decoded in a wrong one, `refused_for` the commonest reason of the other rejects and
    how many have it. `examples` are some of the rows that would change: their
    places in the feed, and the id of the row that each replaces.
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
    garbled: int = 0
    refused_for: tuple[str, int] = ("", 0)
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


FIRST_ROWS = 1000
"""Rows of a feed among which nearly always some are new, if any are: so no plan is sorted for examples."""


@dataclass(frozen=True, slots=True)
class PlanLook:
    """How many rows a plan has, how many of them replace a row of the table, how many the table refuses for a value,
    and for how many each condition holds that was asked about; `first` are the new ones among the feed's first rows.
    """

    rows: int
    changed: int
    refused: int
    first: Sequence[int]
    counted: Mapping[str, int]

    @property
    def new(self) -> int:
        """Rows that replace none."""
        return self.rows - self.changed


def look_at(
    connection: sa.Connection, planned: sa.FromClause, refused: sa.ColumnElement[bool], conditions: Iterable[str]
) -> PlanLook:
    """Look at planned rows once, for all that is asked of them; `conditions` are columns of theirs."""
    rows, new = sa.func.count(), planned.c.target_id.is_(None)
    first = sa.func.array_agg(planned.c.index).filter(new & (planned.c.index < FIRST_ROWS))
    asked = {name: rows.filter(planned.c[name]) for name in conditions}
    counts = sa.select(rows, sa.func.count(planned.c.target_id), rows.filter(refused), first, *asked.values())
    total, changed, bad, early, *counted = connection.execute(counts.select_from(planned)).one()
    return PlanLook(total, changed, bad, sorted(early or ()), dict(zip(asked, counted, strict=True)))


REPLACED = "replaced_rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePlan:
    """What a publisher is about to write: staged rows, those that change something, and the rows that they replace.

    `plan` has a row for each staged one that is new (`target_id` NULL) or differs, as `look` counts them; `unchanged`
    counts the others.
    `series` selects the ids of the series that the part has. `day` names the column of the day, for kinds with seasons,
    `figures` those that only ever grow within one; `sides` counts sides of rows with a team, and without. `replaced`
    has the rows of the target that the plan replaces.
    """

    target: sa.TableClause
    plan: sa.Table
    look: PlanLook
    staged: sa.Table
    columns: Sequence[str]
    unchanged: int
    series: sa.Select[Any]
    day: str = ""
    figures: Sequence[str] = ()
    sides: tuple[int, int] = (0, 0)
    league_id: int | None = None
    days: PlayDays = field(default_factory=PlayDays)
    staged_rows: int = 0
    replaced: sa.TableClause = field(default_factory=lambda: sa.table(REPLACED))

    @property
    def matched(self) -> int:
        """Staged rows that the table has already."""
        return self.look.changed + self.unchanged


def column_changes(connection: sa.Connection, change: ChangePlan) -> dict[str, ColumnChange]:
    """What changes by column in the rows that the plan replaces."""
    figures: list[sa.ColumnElement[int]] = []
    for name in change.columns:
        old, new = change.replaced.c[name], change.plan.c[name]
        figures.append(sa.func.count().filter(old != new))
        figures.append(sa.func.count().filter(old.is_not(None), new.is_(None)))
        figures.append(sa.func.count().filter(old.is_(None), new.is_not(None)))
    counts = iter(connection.execute(sa.select(*figures).select_from(beside_replaced(change))).one())
    changes = {name: ColumnChange(next(counts), next(counts), next(counts)) for name in change.columns}
    return {name: change for name, change in changes.items() if change.changed or change.emptied or change.filled}


def beside_replaced(change: ChangePlan) -> sa.Join:
    """The planned rows that replace some, each beside the one that it replaces."""
    return change.plan.join(change.replaced, change.replaced.c.id == change.plan.c.target_id)


def count_values(
    connection: sa.Connection, source: sa.FromClause, column: str, *where: sa.ColumnElement[bool]
) -> dict[Any, int]:
    """How many rows of a table have each value of a column, None for those that have none."""
    value = source.c[column]
    rows = connection.execute(sa.select(value, sa.func.count()).where(*where).group_by(value))
    return dict(rows.tuples().all())


ONE_VALUE = "_one_value"
"""What the name of a sign ends in that is about one value for a whole column."""


def commonest(connection: sa.Connection, source: sa.FromClause, column: str, *where: sa.ColumnElement[bool]) -> Sign:
    """The value that most rows share in a column, among the rows that have one."""
    value, rows = source.c[column], sa.func.count()
    counted = sa.select(value, rows, sa.func.sum(rows).over()).where(value.is_not(None), *where).group_by(value)
    most = connection.execute(counted.order_by(rows.desc(), value).limit(1)).first()
    return Sign(most[1], int(most[2]), f"{column} is {str(most[0])!r}") if most else Sign(0, 0, "")


FEWEST_OTHERS = 0.05
"""Of last season's teams or people, how many come and go when a new season begins."""
FEWEST_OF_SERIES = 10
"""Rows of the season that a series needs to be missed."""


@contextmanager
def located(connection: sa.Connection, change: ChangePlan, league: str, days: PlayDays) -> Iterator[ChangePlan]:
    """The plan with its league and days, and how many rows are staged; for the block the rows that it replaces stand in
    a table of their own, so that the whole table is searched for them once.
    """
    league_id = connection.scalar(sa.select(leagues.c.id).where(leagues.c.league_id == league))
    staged = change.look.rows + change.unchanged
    if not change.day:  # figures that are kept where a feed tells none are read from the stage
        staged = connection.execute(sa.select(sa.func.count()).select_from(change.staged)).scalar_one()
    rows = sa.select(change.target).join(change.plan, change.plan.c.target_id == change.target.c.id)
    connection.execute(sa.text(f"create temporary table {REPLACED} on commit drop as {rows}; analyze {REPLACED}"))
    yield replace(
        change, league_id=league_id, days=days, staged_rows=staged,
        replaced=sa.table(REPLACED, *(sa.column(name, own.type) for name, own in change.target.c.items())),
    )  # fmt: skip
    connection.execute(sa.text(f"drop table {REPLACED}"))


def measure_profile(connection: sa.Connection, profile: Profile, change: ChangePlan) -> Profile:
    """The profile of a located plan: `profile` with what the plan would change, by column, series and season."""
    by_series = {} if change.day else _stored(connection, change)
    stored = change.days.stored_rows if change.day else sum(by_series.values())
    if change.day and stored - change.matched >= FEWEST_OF_SERIES:  # else no series can be gone
        by_series = _stored(connection, change)
    measured = replace(
        profile, new=change.look.new, changed=change.look.changed, unchanged=change.unchanged, stored=stored,
        columns=column_changes(connection, change), series_gone=_series_gone(connection, by_series, change),
        days=_ends(change.days.staged), examples=_examples(connection, change),
    )  # fmt: skip
    # without days of play the same teams and people tell that it is the same season, whatever the figures do
    others = change.day or measured.new + measured.gone >= FEWEST_OTHERS * stored
    return replace(measured, new_season=bool(profile.new_season and others))


MOST_EXAMPLES = 5


def _examples(connection: sa.Connection, change: ChangePlan) -> tuple[Mapping[str, int | None], ...]:
    """The first rows that replace some, and then the first that are new."""
    plan, look = change.plan.c, change.look
    if look.changed or len(look.first) < min(MOST_EXAMPLES, look.rows):
        rows = sa.select(plan.index, plan.target_id).order_by(plan.target_id.is_(None), plan.index).limit(MOST_EXAMPLES)
        return tuple({"row": index, "id": target} for index, target in connection.execute(rows))
    return tuple({"row": index, "id": None} for index in look.first[:MOST_EXAMPLES])


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
    """The columns of a profile in words: in how many rows each changes, is emptied or gets its first value."""
    for name, change in profile.get("columns", {}).items():
        others = [f", {change[what]:,} {what}" for what in ("emptied", "filled") if change.get(what)]
        yield f"{name}: {change['changed']:,} changed{''.join(others)}"


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
        where.append(in_seasons(target.c[change.day], change.days.seasons) if change.days.seasons else sa.false())
    if "series_id" in target.c:
        return count_values(connection, target, "series_id", *where)
    if "home_team_id" not in target.c:
        return {None: connection.execute(sa.select(sa.func.count()).select_from(target).where(*where)).scalar_one()}
    series_of = dict(connection.execute(sa.select(teams.c.id, teams.c.series_id)).tuples().all())
    stored: Counter[int | None] = Counter()
    for team, rows in count_values(connection, target, "home_team_id", *where).items():
        stored[series_of.get(team)] += rows
    return stored


def _series_gone(
    connection: sa.Connection, stored: Mapping[int | None, int], change: ChangePlan
) -> tuple[str, ...]:  # fmt: skip
    """Names of series with rows in the season of which the part has none, under any spelling."""
    held = [number for number, rows in stored.items() if number is not None and rows >= FEWEST_OF_SERIES]
    if not held:
        return ()
    has = set(map(series_key, connection.scalars(sa.select(series.c.name).where(series.c.id.in_(change.series)))))
    names = connection.scalars(sa.select(series.c.name).where(series.c.id.in_(held)).order_by(series.c.name))
    return tuple(name for name in names if series_key(name) not in has)
