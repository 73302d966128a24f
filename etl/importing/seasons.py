"""Seasons: a league's fixtures between two long breaks, and what changes when a new one begins.

Days of play tell the season of fixtures and results. Standings and rosters have no day: there a new season shows in
figures that only ever grow within one, and that have fallen back together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from etl.repairs import Delete, Step, Update, ledger
from etl.repairs.perform import perform
from etl.tables import leagues, series_stats, teams

SEASON_GAP = timedelta(days=60)
"""A break that is longer ends a season: leagues pause less than that in the winter and more than that in the summer."""


@dataclass(frozen=True, slots=True)
class Season:
    """The fixtures of a league between two long breaks, from its first day to its last."""

    first: date
    last: date

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


def seasons_of(days: Iterable[date], gap: timedelta = SEASON_GAP) -> tuple[Season, ...]:
    """The seasons that days of play fall into, oldest first; empty without a day."""
    return tuple(Season(run[0], run[-1]) for run in _runs(sorted(set(days)), gap))


def _runs(days: Sequence[date], gap: timedelta) -> Iterator[list[date]]:
    run: list[date] = []
    for day in days:
        if run and day - run[-1] > gap:
            yield run
            run = []
        run.append(day)
    if run:
        yield run


def touched_seasons(
    stored: Iterable[date | None], coming: Iterable[date | None], gap: timedelta = SEASON_GAP
) -> tuple[Season, ...]:
    """The seasons that `coming` days belong to, drawn from these days and the stored ones together."""
    new_days, old_days = ({day for day in days if day is not None} for days in (coming, stored))
    return tuple(season for season in seasons_of(new_days | old_days, gap) if any(day in season for day in new_days))


STRAY = 0.05
"""Of a part's rows, those of another season that are strays in it: a late result, a mistyped year."""


@dataclass(frozen=True, slots=True)
class PlayDays:
    """How many rows each day of play has: of a league in the table, practices left aside, and of a part in the stage.

    `seasons` are those that the part is about; without a part's day there is none.
    """

    stored: Mapping[date | None, int] = field(default_factory=dict)
    staged: Mapping[date | None, int] = field(default_factory=dict)
    seasons: tuple[Season, ...] = ()

    @property
    def begin_season(self) -> bool:
        """Whether the table has no day of the part's seasons."""
        return not any(self._in_season(self.stored))

    @property
    def stored_rows(self) -> int:
        """How many rows the table has of the part's seasons."""
        return sum(self.stored[day] for day in self._in_season(self.stored))

    def _in_season(self, days: Iterable[date | None]) -> Iterator[date]:
        return (day for day in days if day is not None and any(day in season for season in self.seasons))


def count_days(
    connection: sa.Connection, target: sa.Table, staged: sa.Table, league: str, *, day: str,
    gap: timedelta = SEASON_GAP, least: float = STRAY,
) -> PlayDays:  # fmt: skip
    """The days of play of a part and of its league's rows in the table, each read once.

    A season is what the part is about with at least the share `least` of its rows.
    """
    played = target.c.away_team != "" if "away_team" in target.c else sa.true()  # no feed misses people's practices
    rows = sa.select(target.c[day], sa.func.count().filter(played)).where(_of_league(target, league))
    stored = dict(connection.execute(rows.group_by(target.c[day])).tuples().all())
    coming = sa.select(staged.c[day], sa.func.count()).group_by(staged.c[day])
    staged_days = dict(connection.execute(coming).tuples().all())
    rows_of = {season: sum(rows for day, rows in staged_days.items() if day is not None and day in season)
               for season in touched_seasons(stored, staged_days, gap)}  # fmt: skip
    return PlayDays(
        stored, staged_days, tuple(s for s, rows in rows_of.items() if rows >= least * sum(rows_of.values()))
    )


def in_seasons(day: sa.ColumnElement[Any], seasons: Sequence[Season]) -> sa.ColumnElement[bool]:
    """Whether a day lies in one of some seasons; of none, any day does."""
    return sa.or_(*(day.between(season.first, season.last) for season in seasons)) if seasons else sa.true()


def begins_anew(
    connection: sa.Connection, target: sa.Table, staged: sa.Table, league: str, figures: Sequence[str]
) -> bool:
    """Whether staged rows without a day are the first of their season: the table has none of the league, or the mean
    of their `figures` is less than half of what it is there.
    """
    was = _mean(connection, target, figures, _of_league(target, league))
    return was is None or (was > 0 and (_mean(connection, staged, figures) or 0) < was / 2)


def _of_league(target: sa.Table, league: str) -> sa.ColumnElement[bool]:
    return target.c.league_id == sa.select(leagues.c.id).where(leagues.c.league_id == league).scalar_subquery()


def _mean(
    connection: sa.Connection, rows: sa.Table, figures: Sequence[str], *where: sa.ColumnElement[bool]
) -> float | None:
    """The mean sum of some figures per row, NULL as 0; None without any row."""
    total: sa.ColumnElement[Any] = sa.literal(0)
    for name in figures:
        total = total + sa.func.coalesce(rows.c[name], 0)
    active = [rows.c.is_active.is_not(False)] if "is_active" in rows.c else []
    mean = connection.scalar(sa.select(sa.func.avg(total)).select_from(rows).where(*where, *active))
    return None if mean is None else float(mean)


def turn_season(connection: sa.Connection, league: str, steps: Iterable[Step], what: str) -> None:
    """Make what a new season changes of a league's old rows, as a repair that can be undone."""
    repair = ledger.open_repair(
        connection, kind="season", summary=f"{league}: {what}", planned_by="rally-health import"
    )
    digest = perform(connection, repair, steps)
    changes = ledger.changes_of(connection, repair)
    ledger.note(
        connection, repair, changes=changes, digest=digest, state=ledger.State.APPLIED.value,
        applied_by="rally-health import", applied_at=sa.func.clock_timestamp(),
    )  # fmt: skip


def retire(teams_left: sa.Select[Any], standings_left: sa.Select[Any]) -> Iterator[Step]:
    """The steps that retire teams and archive standings of a season that is over; both select ids."""
    left = teams_left.subquery()
    yield Update(teams, sa.select(left.c[0].label("id"), sa.false().label("is_active")))
    yield Delete(series_stats, standings_left)
