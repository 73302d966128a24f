"""Do the figures of a team's standings agree with each other."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Numeric, and_, case, cast, func, or_, select

from checks import Bad, Row, Severity, check, row_check
from checks.rules.thresholds import RARE, ROUTINE
from checks.rules.words import rows_of, standing_keys
from etl.tables import series_stats

COUNTED = {
    "matches": ("matches_won", "matches_lost", "matches_tied"),
    "lines": ("lines_won", "lines_lost", "lines_for", "lines_ret"),
    "sets": ("sets_won", "sets_lost"),
    "games": ("games_won", "games_lost"),
}
"""What each percentage is a share of: the first of these in all of them. Defaults and retirements are lines, too."""
PERCENTAGE = r"^\d+(\.\d+)?%$"
ROUNDING = 0.11
FIGURES = tuple(name for names in COUNTED.values() for name in names)


@row_check(series_stats, severity=Severity.MEDIUM, threshold=ROUTINE, owner="standings", tags={"daily"},
           runbook="docs/RUNBOOKS.md#standings-with-shifted-columns")  # fmt: skip
def percentage_is_none(row: Row) -> ColumnElement[bool]:
    """A percentage of the standings is something else, such as a count: the columns were read one off."""
    return or_(*(row[f"{name}_percentage"].op("!~")(PERCENTAGE) for name in COUNTED))


@row_check(series_stats, severity=Severity.MEDIUM, threshold=ROUTINE, owner="standings", tags={"daily"})
def percentage_contradicts_counts(row: Row) -> ColumnElement[bool]:
    """A percentage of the standings is not what its counts give."""
    return or_(*(_contradicts(row, name, counts) for name, counts in COUNTED.items()))


@row_check(series_stats, severity=Severity.MEDIUM, threshold=RARE, owner="standings", tags={"daily"})
def negative_figure_in_standings(row: Row) -> ColumnElement[bool]:
    """A count of the standings, or a team's points, is below zero."""
    return or_(*(row[name] < 0 for name in (*FIGURES, "points")))


@check(severity=Severity.LOW, threshold=ROUTINE, table=series_stats, owner="standings", tags={"weekly"})
def points_out_of_order() -> Bad:
    """A team has fewer points than one of its series that won less of everything in as many matches."""
    better, worse = series_stats, series_stats.alias("worse")
    played = [table.c.matches_won + table.c.matches_lost + table.c.matches_tied for table in (better, worse)]
    won = ("matches_won", "lines_won", "sets_won", "games_won")
    ahead = and_(*(better.c[name] > worse.c[name] for name in won), better.c.points < worse.c.points)
    same_table = and_(
        better.c.league_id == worse.c.league_id, better.c.series == worse.c.series, played[0] == played[1]
    )
    has_points = better.c.points.is_not(None)
    return Bad(
        standing_keys().where(select(worse.c.id).where(same_table, ahead).exists()),
        among=rows_of(better).where(has_points),
    )


def _contradicts(row: Row, name: str, counts: tuple[str, ...]) -> ColumnElement[bool]:
    text = row[f"{name}_percentage"]
    total = sum((func.coalesce(row[count], 0) for count in counts[1:]), start=func.coalesce(row[counts[0]], 0))
    share = case((total == 0, 0), else_=row[counts[0]] * 100.0 / func.nullif(total, 0))
    # CASE, since a condition beside it would not keep PostgreSQL from casting what is no number
    said = case((text.regexp_match(PERCENTAGE), cast(func.rtrim(text, "%"), Numeric)))
    return func.abs(said - share) > ROUNDING
