"""Words that several rules share: which rows of the schedule are matches, and how rows are named to people.

No rules stand here, but the fixtures that say where in the year a run looks. Names of people are never keys: a player
is known by id, a match by date and teams. The league, series and club that a key names are also what bad rows are
grouped by, and what `--league` narrows by.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cache, wraps
from threading import RLock
from typing import Any, TypeVar

from sqlalchemy import (
    CTE,
    BigInteger,
    Boolean,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    Table,
    and_,
    any_,
    case,
    cast,
    exists,
    func,
    literal,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.sql.selectable import ReturnsRows

from checks import Bad, Row, SharedSet, fixture, shared_set
from checks.engine.authoring.decorators import Within
from etl.importing.declared import Seasons
from etl.scores import A_DATE, AWAY_WON, HOME_WON, SCORE, TIEBREAK_AGAINST_SET
from etl.tables import (
    clubs,
    import_feeds,
    is_bye_name,
    is_practice_name,
    leagues,
    match_scores,
    players,
    schedule,
    series,
    series_stats,
    teams,
)

PUBLISHED = "published"
SUCCESS = (PUBLISHED, "unchanged")
"""How an import ends well; the second read a feed that had not changed since it was published."""
PLACES = ("league_id", "series_id", "club_id", "home_team_id", "away_team_id", "team_id", "created_at")
"""Columns that tell where a row stands."""
BOTH_WON_GAMES = "[1-9]-[1-9]"  # lines that a team gave away all have one score


def is_practice(row: Row) -> ColumnElement[bool]:
    """A practice time that a captain added to the schedule."""
    return is_practice_name(row.home_team)


def is_match(row: Row) -> ColumnElement[bool]:
    """A row of the schedule in which two teams meet: no practice time and no BYE."""
    return and_(~is_practice(row), *(~is_bye_name(side) for side in (row.home_team, row.away_team)))


Made = TypeVar("Made", bound=ReturnsRows)
_making = RLock()


def one_set(make: Callable[[], Made]) -> Callable[[], Made]:
    """A set that is made once, whoever asks first.

    Rules are asked by several threads: of two sets alike, the columns of one are none of the other.
    """
    kept = cache(make)

    @wraps(make)
    def of_all() -> Made:
        with _making:
            made = kept()
            len(made.exported_columns)  # they come into being when they are first asked for
            return made

    return of_all


@one_set
def _names_of_no_team() -> SharedSet:
    """The names in the schedule that say of a home team, or of a guest, that no two teams meet, each once."""
    # OFFSET keeps the database from reading each row's name before it has made few of them
    each = (select(own.label("name")).distinct().offset(0) for own in (schedule.c.home_team, schedule.c.away_team))
    name = union_all(*each).subquery("side").c.name
    is_bye = is_bye_name(name).label("is_bye")
    return shared_set("no_team", select(name, is_bye).where(is_practice_name(name) | is_bye).distinct())


def has_names_of_teams(row: Row) -> ColumnElement[bool]:
    """As `is_match`, for rules that ask it of nearly all rows and of nothing else.

    A million rows have some thousand names: each is read once in a run, which takes half the time of reading all. As
    `among` of rules that share a scan, `is_match` is asked once for all of them.
    """
    no_team = _names_of_no_team().c
    none, bye = select(no_team.name), select(no_team.name).where(no_team.is_bye)
    return and_(
        *(func.coalesce(side, "").not_in(names) for side, names in ((row.home_team, none), (row.away_team, bye)))
    )


def either_team() -> ColumnElement[int]:
    """The teams of a row of the schedule, each on a row of its own: both sides from one pass."""
    return func.unnest(array([schedule.c.home_team_id, schedule.c.away_team_id]), type_=Integer)


SMALLEST_SEASON = 0.1
"""Of a league's largest season: less than that is no season, but a mistyped year."""


@one_set
def league_days() -> SharedSet:
    """The days on which a league plays, each with its matches, the day before it and the day after it."""
    league, day = schedule.c.league_id, schedule.c.match_date
    before = func.lag(day, type_=day.type).over(partition_by=league, order_by=day).label("before")
    after = func.lead(day, type_=day.type).over(partition_by=league, order_by=day).label("after")
    played = (func.isfinite(day), has_names_of_teams(Row(schedule)))
    days = select(league, day, before, after, func.count().label("matches")).where(*played).group_by(league, day)
    return shared_set("days", days)


@fixture
def season_breaks() -> Seasons:
    """Days without a match after which another season of a league begins: `[seasons]` of rally.toml, else 60."""
    return Seasons()


def longest_break(league: ColumnElement[Any], breaks: Seasons) -> ColumnElement[int]:
    """How many days a season of the league with this id may pause."""
    declared = select(leagues.c.id)
    own = [(league == declared.where(leagues.c.league_id == name).scalar_subquery(), days)
           for name, days in breaks.leagues.items()]  # fmt: skip
    return case(*own, else_=breaks.break_days) if own else literal(breaks.break_days)


def seasons(breaks: Seasons) -> SharedSet:
    """The newest season of each league: its first day, its last one and its number of matches.

    A season is a league's fixtures between two long breaks. One that is only being loaded is the newest already.
    """
    days = league_days()
    pause = days.c.match_date - days.c.before
    begins = case((pause <= longest_break(days.c.league_id, breaks), 0), else_=1)
    number = func.sum(begins).over(partition_by=days.c.league_id, order_by=days.c.match_date).label("number")
    counted = select(days.c.league_id, days.c.match_date, days.c.matches, number).subquery("counted")
    league, size = counted.c.league_id, func.sum(counted.c.matches)
    largest = func.max(size).over(partition_by=league).label("largest")
    first, last = (pick(counted.c.match_date) for pick in (func.min, func.max))
    figures = (first.label("starts"), last.label("ends"), size.label("matches"), largest)
    each = select(league, *figures).group_by(league, counted.c.number).subquery("found")
    newest = func.row_number().over(partition_by=each.c.league_id, order_by=each.c.starts.desc()).label("newest")
    real = each.c.matches >= SMALLEST_SEASON * each.c.largest
    ranked = select(each.c.league_id, each.c.starts, each.c.ends, each.c.matches, newest).where(real).subquery("ranked")
    columns = (ranked.c.league_id, ranked.c.starts, ranked.c.ends, ranked.c.matches)
    return shared_set("season", select(*columns).where(ranked.c.newest == 1))


FEWEST_ON_DATES = 50
"""Rows without which half of them on one date say nothing."""


def busiest_dates(days: CTE) -> Bad:
    """Leagues with half of their rows on one date, among all with enough of them.

    `days` has a row for each league and date: `league_id` and `number`, how many rows there are. It is read once.
    """
    total = func.sum(days.c.number)
    by_league = (
        select(leagues.c.league_id.label("league"))
        .join_from(days, leagues, leagues.c.id == days.c.league_id)
        .group_by(leagues.c.league_id)
        .having(total >= FEWEST_ON_DATES)
    )
    return Bad(by_league.having(func.max(days.c.number) * 2 > total), among=by_league)


def number_of_series(rows: Select[Any]) -> ColumnElement[Any]:
    """How many series of leagues have rows; `rows` selects `league_id` and `series_id`. 0 without any."""
    series_of = rows.distinct().subquery()
    number = select(func.count()).select_from(series_of).where(series_of.c.series_id.is_not(None))
    # an aggregate of one value, so that it can share the scan of its table
    return func.max(number.scalar_subquery())


def in_use(row: Row) -> ColumnElement[bool]:
    """A team that has not been retired."""
    return row.is_active.is_not(False)


OF_TEAMS, OF_PLAYERS, OF_FIXTURES, OF_RESULTS, OF_STANDINGS = (
    {"league": (table.c.league_id,)} for table in (teams, players, schedule, match_scores, series_stats)
)
"""What is asked about a league rests on its own rows of a table alone."""
OF_SIDES = {"league": (schedule.c.home_team_id, schedule.c.away_team_id)}
"""What is asked about the teams of a league rests on the rows of the schedule that name one of them."""
OF_MEMBERS = {"league": (players.c.league_id, players.c.team_id)}
"""What is asked about a league and its teams rests on the players who are in one of these."""


@one_set
def _readings() -> SharedSet:
    """What the scores of results say, as patterns find it, each score once; `nothing`: it is none."""
    score = select(match_scores.c.scores).where(match_scores.c.scores.is_not(None)).distinct().subquery().c.scores
    said = {
        "nothing": ~score.regexp_match(SCORE, flags="i"),
        "home won": score.regexp_match(HOME_WON),
        "away won": score.regexp_match(AWAY_WON),
        "a date": score.regexp_match(A_DATE),
        "both won games": score.regexp_match(BOTH_WON_GAMES),
        "a set against its tie-break": score.regexp_match(TIEBREAK_AGAINST_SET),
    }
    each = (type_coerce(reads, Boolean).label(what) for what, reads in said.items())
    return shared_set("readings", select(score, *each), within=OF_RESULTS)


def score_says(row: Row, what: str) -> ColumnElement[bool]:
    """The score of a result reads so; NULL says nothing of it.

    A million results have some thousand scores: each is read once, where a pattern takes seconds for all rows.
    """
    return row.scores.in_(select(_readings().c.scores).where(_readings().c[what]))


def hash_of(*columns: ColumnElement[Any]) -> ColumnElement[int]:
    """A number for the values of columns, equal for equal values; NULL is a value like any other.

    Two different rows have the same by chance: among a million of them once in 37 million times.
    """
    return cast(func.hash_record_extended(func.row(*columns), 0), BigInteger)


def trimmed(text: ColumnElement[str]) -> ColumnElement[str]:
    """A text without the blanks around it."""
    # to trim a text the database goes through all of its letters: to see that there is nothing to trim takes a third
    return case((text.startswith(" ") | text.endswith(" "), func.btrim(text)), else_=text)


def is_blank(text: ColumnElement[str]) -> ColumnElement[bool]:
    """A text of nothing, or of nothing but blanks."""
    # one that begins with a letter need not be trimmed, nor looked at from its end
    return case((text.startswith(" "), func.btrim(text) == ""), else_=text == "")


def later_ones(table: Table, key: ColumnElement[int], *conditions: ColumnElement[bool]) -> Select[tuple[int]]:
    """The ids of rows of a table, among those that some conditions hold for, without the first one of each key."""
    # numbers are sorted in half the time in which they are grouped and joined with their rows again
    first = func.min(table.c.id).over(partition_by=key).label("first")
    placed = select(table.c.id, first).where(*conditions).subquery("placed")
    return select(placed.c.id).where(placed.c.id > placed.c.first)


def alike(rows: FromClause, key: ColumnElement[int]) -> Select[tuple[int]]:
    """The ids of rows whose key another one has as well."""
    number = func.count().over(partition_by=key).label("number")
    counted = select(rows.c.id, number).subquery("counted")
    return select(counted.c.id).where(counted.c.number > 1)


def among_few(column: ColumnElement[int], ids: Select[Any]) -> ColumnElement[bool]:
    """The column is one of some ids, of which most often there are few.

    The database knows that of no subquery, and would join every row with what names it before it leaves nearly all out.
    """
    return column == any_(func.array(ids.scalar_subquery()))


def among_copies(column: ColumnElement[int], ids: Select[Any], within: Within) -> ColumnElement[bool]:
    """The column is one of the ids of copies, which are read first, as a set.

    There may be none, or as many as an import that ran twice has left: the database cannot guess it, and would look for
    what names thousands of them one by one.
    """
    return column.in_(select(shared_set("copies", ids, within=within)))


def leads_nowhere(reference: ColumnElement[Any], parents: Table) -> ColumnElement[bool]:
    """A reference to a row that does not exist; NULL refers to nothing and is not meant."""
    # an alias: the statement around it may have joined the same table, and would be mistaken for it
    there = parents.alias()
    return reference.is_not(None) & ~exists().where(there.c.id == reference)


def rows_of(table: Table) -> Select[Any]:
    """The rows of a table by where they stand, to be narrowed: those among which bad ones are counted."""
    return select(*(table.c[name] for name in PLACES if name in table.c))


def team_keys() -> Select[Any]:
    """Teams by league, series, club and name, to be narrowed by a rule; what is missing or broken is empty."""
    return (
        select(_league, _series, _club, teams.c.team_name)
        .select_from(teams)
        .outerjoin(leagues, leagues.c.id == teams.c.league_id)
        .outerjoin(series, series.c.id == teams.c.series_id)
        .outerjoin(clubs, clubs.c.id == teams.c.club_id)
    )


def player_keys() -> Select[Any]:
    """Players by id, league, club and series, to be narrowed by a rule."""
    return (
        select(players.c.tenniscores_player_id, _league, _club, _series)
        .select_from(players)
        .outerjoin(leagues, leagues.c.id == players.c.league_id)
        .outerjoin(clubs, clubs.c.id == players.c.club_id)
        .outerjoin(series, series.c.id == players.c.series_id)
    )


def match_keys() -> Select[Any]:
    """Rows of the schedule by league, series, date and names, to be narrowed by a rule."""
    return _meetings(schedule, schedule.c.match_date, schedule.c.home_team, schedule.c.away_team)


def result_keys() -> Select[Any]:
    """Results by league, series, date, teams and id, to be narrowed by a rule."""
    row = match_scores.c
    return _meetings(match_scores, row.match_date, row.home_team, row.away_team, row.id)


def standing_keys() -> Select[Any]:
    """Rows of the standings by league, series and team, to be narrowed by a rule."""
    row = series_stats.c
    return (
        select(_league, row.series, row.team, row.id)
        .select_from(series_stats)
        .outerjoin(leagues, leagues.c.id == row.league_id)
    )


def feeds_of() -> Select[Any]:
    """Feeds by kind and league, one row each however often they were imported."""
    feed = import_feeds.c
    return select(feed.kind, feed.league).group_by(feed.kind, feed.league)


def latest_feeds() -> Select[Any]:
    """The latest publication of each feed: kind and league."""
    feed, newest = import_feeds.c, import_feeds.alias("newest").c
    # rows that were refused and are replayed are no feed: `partial` marks them
    whole = (newest.outcome == PUBLISHED, newest.partial.is_(False))
    ids = select(func.max(newest.id)).where(*whole).group_by(newest.kind, newest.league)
    figures = (feed.rows, feed.records, feed.rejects, feed.linked, feed.unlinked)
    return select(feed.id, feed.kind, feed.league, feed.finished_at, feed.drift, *figures).where(feed.id.in_(ids))


def _meetings(table: Table, *names: ColumnElement[Any]) -> Select[Any]:
    """Rows with two sides; their series is that of the home team."""
    host = teams.alias("host")
    return (
        select(_league, _series, *names)
        .select_from(table)
        .outerjoin(leagues, leagues.c.id == table.c.league_id)
        .outerjoin(host, host.c.id == table.c.home_team_id)
        .outerjoin(series, series.c.id == host.c.series_id)
    )


_league = leagues.c.league_id.label("league")
_series = series.c.name.label("series")
_club = clubs.c.name.label("club")


@fixture
def season_start(today: date) -> date:
    """First of September on or before `today`; what is played in summer belongs to the season before it."""
    return date(today.year if today.month >= 9 else today.year - 1, 9, 1)
