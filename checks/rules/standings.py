"""The domain standings: figures that agree with each other, with the matches, and with the teams.

Each team has its standings once, and they count the matches that the team had.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Numeric, Select, and_, case, cast, func, or_, select

from checks import Bad, Row, Severity, TableName, change, check, metric_check, percent, row_check, shared_set
from checks.rules import words
from checks.rules.thresholds import DUPLICATES, NULL_IDS, ORPHANS, PATCHY, RARE, ROUTINE, SERIES_GONE
from checks.rules.words import (
    has_names_of_teams,
    leads_nowhere,
    number_of_series,
    rows_of,
    seasons,
    standing_keys,
    team_keys,
)
from etl.importing.declared import Seasons
from etl.tables import schedule, series_stats, teams

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


PERCENTAGES = TableName("series_stats", optional=True)
"""Not every platform keeps the percentages of the feed; where they are missing, these rules are skipped."""


@row_check(PERCENTAGES, severity=Severity.MEDIUM, threshold=ROUTINE, owner="standings", tags={"daily"},
           runbook="docs/RUNBOOKS.md#standings-with-shifted-columns")  # fmt: skip
def percentage_is_a_count(row: Row) -> ColumnElement[bool]:
    """A percentage of the standings is something else, such as a count: the columns were read one off."""
    return or_(*(row[f"{name}_percentage"].op("!~")(PERCENTAGE) for name in COUNTED))


@row_check(PERCENTAGES, severity=Severity.MEDIUM, threshold=ROUTINE, owner="standings", tags={"daily"},
           good=[{"sets_won": 3, "sets_lost": 1, "sets_percentage": "75.0%"}],
           bad=[{"sets_won": 3, "sets_lost": 1, "sets_percentage": "25.0%"}])  # fmt: skip
def percentage_contradicts_counts(row: Row) -> ColumnElement[bool]:
    """A percentage of the standings is not what its counts give."""
    return or_(*(_contradicts(row, name, counts) for name, counts in COUNTED.items()))


@row_check(series_stats, severity=Severity.MEDIUM, threshold=RARE, owner="standings", tags={"daily"},
           coach="A team has a figure below zero in the standings")  # fmt: skip
def negative_figure_in_standings(row: Row) -> ColumnElement[bool]:
    """A count of the standings, or a team's points, is below zero."""
    return or_(*(row[name] < 0 for name in (*FIGURES, "points")))


@check(severity=Severity.LOW, threshold=ROUTINE, table=series_stats, owner="standings", tags={"weekly"},
       coach="A team has fewer points than one that won less")  # fmt: skip
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
        within=words.OF_STANDINGS,
    )


def _contradicts(row: Row, name: str, counts: tuple[str, ...]) -> ColumnElement[bool]:
    text = row[f"{name}_percentage"]
    total = sum((func.coalesce(row[count], 0) for count in counts[1:]), start=func.coalesce(row[counts[0]], 0))
    share = case((total == 0, 0), else_=row[counts[0]] * 100.0 / func.nullif(total, 0))
    # CASE, since a condition beside it would not keep PostgreSQL from casting what is no number
    said = case((text.regexp_match(PERCENTAGE), cast(func.rtrim(text, "%"), Numeric)))
    return func.abs(said - share) > ROUNDING


IDENTIFYING = (
    "points",
    "matches_won",
    "matches_lost",
    "matches_tied",
    "lines_won",
    "lines_lost",
    "sets_won",
    "sets_lost",
)


@row_check(series_stats, severity=Severity.HIGH, threshold=NULL_IDS, owner="standings", tags={"daily", "gate"},
           coach="A row of the standings belongs to no team")  # fmt: skip
def standing_without_team(row: Row) -> ColumnElement[bool]:
    """A row of the standings is linked to no team; one that leads nowhere has its own rule."""
    return row.team_id.is_(None)


@check(severity=Severity.HIGH, threshold=ORPHANS, table=series_stats, owner="standings", tags={"daily", "gate"})
def standing_of_unknown_team() -> Bad:
    """A row of the standings is linked to a team that does not exist (any more)."""
    lost = leads_nowhere(series_stats.c.team_id, teams)
    return Bad(standing_keys().where(lost), among=rows_of(series_stats))


@row_check(series_stats, severity=Severity.MEDIUM, threshold=NULL_IDS, owner="standings", tags={"daily"},
           runbook="docs/RUNBOOKS.md#standings-without-a-series")  # fmt: skip
def standing_without_place(row: Row) -> ColumnElement[bool]:
    """A row of the standings lacks league or series: no page of a series shows it, and it is compared with no other."""
    return row.league_id.is_(None) | row.series_id.is_(None)


@metric_check(series_stats, severity=Severity.HIGH, threshold=change(drop=(percent(10), percent(30))),
              owner="standings", tags={"daily"}, each="league")  # fmt: skip
def standings_of_league(row: Row) -> ColumnElement[Any]:
    """The standings of a league have become fewer."""
    return func.count()


@metric_check(series_stats, severity=Severity.MEDIUM, threshold=SERIES_GONE, owner="standings", tags={"daily"},
              runbook="docs/RUNBOOKS.md#results-that-are-gone")  # fmt: skip
def series_with_standings(row: Row) -> ColumnElement[Any]:
    """A series that had standings has none any more."""
    return number_of_series(select(series_stats.c.league_id, series_stats.c.series_id))


@check(severity=Severity.MEDIUM, threshold=RARE, table=series_stats, owner="standings", tags={"daily"},
       coach="A team is in the wrong series in the standings")  # fmt: skip
def standing_in_another_series() -> Bad:
    """A row of the standings stands in another league or series than its team. One without a place is not compared."""
    row = series_stats.c
    linked = (teams.c.id == row.team_id) & row.league_id.is_not(None) & row.series_id.is_not(None)
    elsewhere = (row.league_id != teams.c.league_id) | (row.series_id != teams.c.series_id)
    return Bad(standing_keys().join(teams, linked).where(elsewhere), among=rows_of(series_stats).join(teams, linked))


@check(severity=Severity.MEDIUM, threshold=DUPLICATES, table=series_stats, owner="standings", tags={"daily", "gate"},
       coach="A team stands in the standings twice")  # fmt: skip
def duplicate_standing() -> Bad:
    """A row of the standings repeats team and figures of another. A team can have a row per session, not two alike."""
    key = [series_stats.c[name] for name in ("league_id", "series", "team", *IDENTIFYING)]
    place = func.row_number().over(partition_by=key, order_by=series_stats.c.id).label("place")
    numbered = select(series_stats.c.id, place).subquery()
    copies = standing_keys().join(numbered, numbered.c.id == series_stats.c.id).where(numbered.c.place > 1)
    return Bad(copies, among=rows_of(series_stats), within=words.OF_STANDINGS)


@check(severity=Severity.LOW, threshold=PATCHY, table=series_stats, owner="standings", tags={"weekly"},
       coach="A team has more matches in the standings than were played")  # fmt: skip
def standings_count_more_than_was_held(today: date, season_breaks: Seasons) -> Bad:
    """A team's standings count more matches (won, lost and tied) than it has had in the schedule this season.

    For the first eight weeks of a season the standings may still be those of the season that is over.
    """
    counted, held = _counted().subquery(), shared_set("held", _held(today, season_breaks), within=words.OF_SIDES)
    both = counted.join(held, held.c.team_id == counted.c.team_id)
    more = team_keys().add_columns(counted.c.matches.label("counted"), held.c.matches.label("held"))
    found = more.join(counted, counted.c.team_id == teams.c.id).join(held, held.c.team_id == teams.c.id)
    return Bad(found.where(counted.c.matches > held.c.matches), among=select(counted.c.team_id).select_from(both))


YEAR = timedelta(days=400)
"""A season, and the pause behind it."""
SETTLED = timedelta(weeks=8)


def _counted() -> Select[Any]:
    """Matches that the standings count for each team, over all of its sessions."""
    row = series_stats.c
    played = func.sum(
        func.coalesce(row.matches_won, 0) + func.coalesce(row.matches_lost, 0) + func.coalesce(row.matches_tied, 0)
    )
    return select(row.team_id, played.label("matches")).where(row.team_id.is_not(None)).group_by(row.team_id)


def _held(today: date, breaks: Seasons) -> Select[Any]:
    """Matches that each team has had in the newest season of its league; in a young one, for a year."""
    season, day = seasons(breaks), schedule.c.match_date
    since = case((season.c.starts <= today - SETTLED, season.c.starts), else_=today - YEAR)
    past = (day.between(since, today), has_names_of_teams(Row(schedule)))
    of_league = season.c.league_id == schedule.c.league_id
    side = (
        select(words.either_team().label("team_id"))
        .select_from(schedule)
        .join(season, of_league)
        .where(*past)
        .subquery()
    )
    return select(side.c.team_id, func.count().label("matches")).group_by(side.c.team_id)
