"""`match_history` or `match_scores`: results, published to `match_scores`, which has no key of its own.

A match is one line of a meeting: league, date, two teams, four players. Where the feed names no players, the lines of a
meeting are told apart by their scores. A line that was corrected, renamed or moved to another day stays one row: what
is new in the feed is paired with what vanished from it, by likenesses from the surest to the loosest.

Names are linked first. Where a match does not tell its series and a club plays in several, the schedule decides which
two teams met: the one fixture of that day between teams of these names, whichever of them it calls the home team.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Annotated, Any, Literal, NamedTuple

import sqlalchemy as sa

from etl.importing import Counts, staging
from etl.importing.accidents import SEATS, counted_signs, result_signs
from etl.importing.feed_rows import Intake, as_read
from etl.importing.link import NameKey, is_link_of, link_names, names_of_sides, open_sides
from etl.importing.provenance import keep_ours
from etl.importing.seasons import Season, in_seasons
from etl.importing.staging import (
    copied,
    ids,
    name_links,
    pair,
    swappable,
    temporary,
    texts,
    withdraw,
)
from etl.importing.target import WriteCounts, Writer, keep_empty, keep_stored, read_target
from etl.kinds.kind import FeedKind
from etl.names import Link, Meeting, Meetings
from etl.records import RecordColumns, Reject
from etl.records.feed_schema import FeedSchema, Refused, ignoring, key
from etl.records.fields import Day, Name, Text, describe_value
from etl.tables import leagues, match_scores, schedule, teams

Side = Literal["home", "away"]
MatchOutcome = Literal["played", "tied", "undecided", "not_played"]


class Match(NamedTuple):
    """One line of a meeting: four players, a score, a winner.

    `outcome` is "played" with a winner, "tied", "undecided" with a score but no winner (timed matches end in the
    middle of a set), "not_played" where a date stands in place of the score.
    """

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody asks of a record
    league: Annotated[str, key("league_id", "league", reads=Text)]
    series: Annotated[Text, key("series", optional=True)]
    source_match_id: Annotated[Text, key("match_id", optional=True)]
    line: Annotated[Text, key("Line", optional=True)]
    match_date: Annotated[Day, key("Date")]
    home_team: Annotated[Name, key("Home Team")]
    away_team: Annotated[Name, key("Away Team")]
    home_player_1_id: Annotated[Text, key("Home Player 1 ID")]
    home_player_2_id: Annotated[Text, key("Home Player 2 ID")]
    away_player_1_id: Annotated[Text, key("Away Player 1 ID")]
    away_player_2_id: Annotated[Text, key("Away Player 2 ID")]
    scores: Annotated[Text, key("Scores", "Score")]
    winner: Annotated[Side | None, key("Winner", reads=Text)]
    outcome: MatchOutcome


_a_date = re.compile(r"[A-Za-z]{3,9} \d{1,2}, \d{4}").fullmatch
_UNDECIDED = frozenset({"", "unknown", "tie", "tied", "none"})


def _decide_winners(columns: RecordColumns) -> None:
    verdicts = list(map(_verdict, columns["winner"], columns["scores"]))
    columns["winner"], columns["outcome"] = zip(*verdicts, strict=True)


@lru_cache(maxsize=50_000)
def _verdict(said: str | None, scores: str | None) -> tuple[Side | None, MatchOutcome]:
    word, scores = (said or "").strip().lower(), (scores or "").strip()
    if word == "home":
        return "home", "played"
    if word == "away":
        return "away", "played"
    if word not in _UNDECIDED:
        raise Refused("Winner", f"Winner is {describe_value(said)}, expected home, away, tie or unknown")
    if not scores or _a_date(scores):  # the site shows the day where there is no score
        return None, "not_played"
    return None, "tied" if word.startswith("tie") else "undecided"


MATCH_SCHEMA = FeedSchema(
    Match,
    derive=_decide_winners,
    # names of people are in the feed, and not needed: ids name them
    ignored=ignoring("Home Player 1", "Home Player 2", "Away Player 1", "Away Player 2"),
)
staged_matches = staging.stage_table("stage_matches", Match)
DAY = ("league_id", "match_date")
TEAM_NAMES = ("home_team", "away_team")
TEAM_IDS = ("home_team_id", "away_team_id")
MATCH_COLUMNS = ("league_id", *TEAM_IDS, "tenniscores_match_id", *staging.shared_columns(staged_matches, match_scores))
"""What is written; the platform has `tenniscores_match_id` since November 2025."""
SURE_LIKENESSES: tuple[tuple[str, ...], ...] = (
    (*DAY, *TEAM_NAMES, "line"),
    (*DAY, *TEAM_IDS, "line"),
    (*DAY, "teams", "sides"),
)
LOOSE_LIKENESSES = (
    (*DAY, *TEAM_NAMES),
    (*DAY, "teams"),
    ("league_id", *TEAM_IDS, "players"),
)

# What matches are compared by. NULL compares with nothing: a side without a team, a line without players.
_HOME = "nullif(coalesce(home_player_1_id, '') || '+' || coalesce(home_player_2_id, ''), '+')"
_AWAY = _HOME.replace("home", "away")
_FOUR = f"nullif(coalesce({_HOME}, '') || '|' || coalesce({_AWAY}, ''), '|')"
_COMPARED = {
    "players": _FOUR,
    "line": f"coalesce({_FOUR}, scores, '')",
    "sides": swappable(_HOME, _AWAY),
    "teams": swappable(*TEAM_IDS),
}
meetings = temporary(
    "stage_meetings", *texts("league", "series", *TEAM_NAMES), *copied(match_scores, "match_date", *TEAM_IDS)
)
match_plan = temporary(
    "plan_matches",
    *ids("index", "target_id"), *texts("tenniscores_match_id"),
    *copied(match_scores, *(name for name in MATCH_COLUMNS if name in match_scores.c)),
    **_COMPARED,
)  # fmt: skip
gone_matches = temporary(
    "gone_matches", *copied(match_scores, "id", *DAY, *TEAM_NAMES, *TEAM_IDS, *SEATS, "scores"), **_COMPARED
)


def publish_matches(connection: sa.Connection, intake: Intake, *, prune: bool = False) -> Counts:
    """Link, plan and write the staged matches; returns the figures that publishing adds.

    Matches that vanished from the feed's leagues, between its first and last day, count as withdrawn, and go only with
    `prune`.
    """
    link_meetings(connection, intake)
    duplicates = _plan(connection, intake)
    linked, unlinked = _sides(connection)
    _match_stored(connection, intake.seasons, partial=intake.partial)
    written = _write(connection, intake)
    withdrawn = 0 if intake.partial else withdraw(connection, match_scores, gone_matches, prune=prune)
    return Counts(linked=linked, unlinked=unlinked, duplicates=duplicates, withdrawn=withdrawn, **asdict(written))


def _match_stored(connection: sa.Connection, seasons: Sequence[Season], *, partial: bool) -> None:
    """Let planned rows replace the stored ones that they are; loose likenesses count among rows of feeds alone."""
    _find_stored(connection, seasons)
    for keys in SURE_LIKENESSES:
        pair(connection, match_plan, gone_matches, keys)
    if not partial:  # a line whose players the table does not know all
        pair(connection, match_plan, gone_matches, (*DAY, *TEAM_NAMES, "scores"), only=True)
    keep_ours(connection, match_scores, gone_matches)
    for keys in () if partial else LOOSE_LIKENESSES:
        pair(connection, match_plan, gone_matches, keys)


def _write(connection: sa.Connection, intake: Intake) -> WriteCounts:
    target = read_target(connection, match_scores)
    columns = target.present(MATCH_COLUMNS, MATCH_SCHEMA.untold(intake.drift.told))
    keep_empty(connection, target, match_plan, target.present(("tenniscores_match_id",)))
    _keep_teams(connection)
    if intake.keep_ids:
        keep_stored(connection, target, match_plan, SEATS)
    writer = Writer(target, match_plan, columns, staged_matches, MATCH_SCHEMA, intake, series=_series_of_meetings(),
                    sides=_sides(connection), day="match_date", counting=counted_signs(match_plan))  # fmt: skip
    return writer.write(connection, ("index",))


def _plan(connection: sa.Connection, intake: Intake) -> int:
    """Plan every record but those that repeat another; returns how many do.

    Of lines of one meeting with the same players, or the same number where nobody is named, the fuller counts, then the
    later. One that says something else is kept as a reject.
    """
    plan, new = match_plan, _resolved(twice=not intake.partial and _every_nameless_twice(connection)).cte("new")
    names = ("index", *MATCH_COLUMNS)
    staging.create_staging(connection, plan)
    rows = sa.select(*(new.c[name] for name in names)).where(new.c.later == 0)
    connection.execute(sa.insert(plan).from_select(names, rows))
    staging.analyze(connection, plan)
    again = int(connection.execute(sa.select(sa.func.count()).where(new.c.later > 0)).scalar_one())
    return again - (_refuse_others(connection, intake, new) if again else 0)


def _refuse_others(connection: sa.Connection, intake: Intake, new: sa.CTE) -> int:
    """Keep rows that say another score or winner of a line than the row that counts; returns how many."""
    others = sa.or_(*(new.c[name] != new.c[f"first_{name}"] for name in ("scores", "winner")))
    refused = sa.select(new.c.index, new.c.first_index, new.c.first_scores, as_read(MATCH_SCHEMA, staged_matches))
    refused = refused.join(staged_matches, staged_matches.c.index == new.c.index).where(new.c.later > 0, others)
    contradicting = connection.execute(refused.order_by(new.c.index)).all()
    intake.keep([Reject(index, f"row {first} of the feed has this match with {scores!r}", "Scores, Winner", raw)
                 for index, first, scores, raw in contradicting])  # fmt: skip
    return len(contradicting)


def _line_of(staged: sa.FromClause) -> list[sa.ColumnElement[Any]]:
    return [staged.c.league, staged.c.match_date, *(staged.c[name] for name in TEAM_NAMES)]


def _is_nameless(staged: sa.FromClause) -> sa.ColumnElement[bool]:
    return sa.and_(*(staged.c[name].is_(None) for name in SEATS))


def _every_nameless_twice(connection: sa.Connection) -> bool:
    """Whether each result without players and without a line's number stands in the feed an even number of times: two
    lines of a meeting may have one score, but not all lines of several.
    """
    staged = staged_matches
    rows = sa.func.count().label("rows")
    same = sa.select(rows).where(_is_nameless(staged), staged.c.line.is_(None))
    counts = same.group_by(*_line_of(staged), staged.c.scores, staged.c.winner).subquery()
    every = sa.and_(sa.func.bool_and(counts.c.rows % 2 == 0), sa.func.count() > 1)
    return bool(connection.scalar(sa.select(every).select_from(counts)))


def _resolved(*, twice: bool) -> sa.Select[Any]:
    """Staged matches with their teams, and `later`: how many rows go before each that say the same line.

    With `twice` every result that nothing tells from another is there twice.
    """
    staged, met = staged_matches, meetings
    same = sa.and_(*(met.c[name] == staged.c[name] for name in ("league", "match_date", *TEAM_NAMES)))
    same &= met.c.series == sa.func.coalesce(staged.c.series, "")
    players = [staged.c[name] for name in SEATS]
    nameless = _is_nameless(staged)
    number = sa.case((nameless, sa.func.coalesce(staged.c.line, "") + "|" + sa.func.coalesce(staged.c.series, "")))
    alike = sa.case((nameless & staged.c.line.is_(None), sa.func.concat_ws("|", staged.c.scores, staged.c.winner)))
    fuller = (staged.c.scores.is_(None), staged.c.winner.is_(None), staged.c.index.desc())
    line: dict[str, Any] = {"partition_by": (*_line_of(staged), *players, number, alike), "order_by": fuller}
    place = sa.func.row_number().over(**line) - 1
    untold = place % 2 if twice else sa.literal(0)
    first = {
        f"first_{name}": sa.func.first_value(staged.c[name]).over(**line) for name in ("index", "scores", "winner")
    }
    return (
        sa.select(
            staged.c.index, leagues.c.id.label("league_id"), *(staged.c[name] for name in ("match_date", *TEAM_NAMES)),
            *(met.c[name] for name in TEAM_IDS), *players,
            _match_id().label("tenniscores_match_id"), staged.c.scores, staged.c.winner,
            sa.case((nameless & staged.c.line.is_(None), untold), else_=place).label("later"),
            *(value.label(name) for name, value in first.items()),
        )
        .join(leagues, leagues.c.league_id == staged.c.league)
        .join(met, same)
    )  # fmt: skip


def _keep_teams(connection: sa.Connection) -> None:
    """Leave a side with its team where its name is still the same, and means no single team to us."""
    for side in ("home", "away"):
        name, team = f"{side}_team", f"{side}_team_id"
        same = (match_plan.c.target_id == match_scores.c.id) & (match_plan.c[name] == match_scores.c[name])
        lost = sa.update(match_plan).where(same, match_plan.c[team].is_(None))
        connection.execute(lost.values({team: match_scores.c[team]}))


def _match_id() -> sa.ColumnElement[str | None]:
    """The site's id of a row, where it is one: some feeds give all lines of a meeting the meeting's."""
    found = staged_matches.c.source_match_id
    return sa.case((sa.func.count().over(partition_by=found) == 1, found))


def _sides(connection: sa.Connection) -> tuple[int, int]:
    """How many sides of planned matches have a team, and how many have none."""
    plan = match_plan.c
    counted = sa.select(sa.func.count(), sa.func.count(plan.home_team_id) + sa.func.count(plan.away_team_id))
    matches, linked = connection.execute(counted).one()
    return linked, 2 * matches - linked


def _find_stored(connection: sa.Connection, seasons: Sequence[Season]) -> None:
    """Stage the stored matches of the feed's leagues and seasons between its first and last day, and of its days."""
    plan, gone = match_plan, gone_matches
    first, last = sa.func.min(plan.c.match_date).label("first"), sa.func.max(plan.c.match_date).label("last")
    days = sa.select(plan.c.league_id, first, last).group_by(plan.c.league_id).subquery()
    names = gone.columns.keys()
    rows = sa.select(*(match_scores.c[name] for name in names)).join(
        days,
        (days.c.league_id == match_scores.c.league_id) & match_scores.c.match_date.between(days.c.first, days.c.last),
    )
    rows = rows.where(
        in_seasons(match_scores.c.match_date, seasons) | match_scores.c.match_date.in_(sa.select(plan.c.match_date))
    )
    staging.create_staging(connection, gone)
    connection.execute(sa.insert(gone).from_select(names, rows))
    staging.analyze(connection, gone)


def link_meetings(connection: sa.Connection, intake: Intake) -> None:
    """Stage the team ids of each staged meeting, NULL where they stay unknown."""
    open_names = link_names(connection, names_of_sides(staged_matches, *TEAM_NAMES), intake, open_sides(match_scores))
    staged = connection.execute(_links_of_meetings()).all()
    fixtures = _fixtures(connection) if any(link.candidates for link in open_names.values()) else Meetings([])
    staging.create_staging(connection, meetings)
    decided = ({**row._mapping, **_decide(row, open_names, fixtures)} for row in staged)
    staging.load_rows(connection, meetings, decided)


def _series_of_meetings() -> sa.Select[Any]:
    """The ids of the series that the staged meetings' teams play in."""
    playing = sa.union(*(sa.select(meetings.c[side]) for side in TEAM_IDS))
    return sa.select(teams.c.series_id).where(teams.c.series_id.is_not(None), teams.c.id.in_(playing))


def _links_of_meetings() -> sa.Select[Any]:
    staged, home, away = staged_matches, name_links.alias("home"), name_links.alias("away")
    return (
        sa.select(
            staged.c.league, sa.func.coalesce(staged.c.series, "").label("series"), staged.c.match_date,
            staged.c.home_team, staged.c.away_team,
            home.c.team_id.label("home_team_id"), away.c.team_id.label("away_team_id"),
        )
        .outerjoin(home, is_link_of(home, staged, "home_team"))
        .outerjoin(away, is_link_of(away, staged, "away_team"))
        .distinct()
    )  # fmt: skip


def _fixtures(connection: sa.Connection) -> Meetings:
    """The fixtures of the matches' days."""
    staged = staged_matches.c
    that_day = sa.tuple_(leagues.c.league_id, schedule.c.match_date).in_(sa.select(staged.league, staged.match_date))
    both = schedule.c.home_team_id.is_not(None) & schedule.c.away_team_id.is_not(None)
    rows = connection.execute(
        sa.select(leagues.c.league_id, schedule.c.match_date, schedule.c.home_team_id, schedule.c.away_team_id)
        .join(leagues, leagues.c.id == schedule.c.league_id)
        .where(that_day, both)
    )
    return Meetings(Meeting(*row) for row in rows)


def _decide(row: sa.Row[Any], open_names: Mapping[NameKey, Link], fixtures: Meetings) -> Mapping[str, int | None]:
    if row.home_team_id is not None and row.away_team_id is not None:
        return {}
    home, away = _candidates(row, "home", open_names), _candidates(row, "away", open_names)
    met = fixtures.between(row.league, row.match_date, home, away)
    return dict(zip(TEAM_IDS, met, strict=True)) if met else {}


def _candidates(row: sa.Row[Any], side: str, open_names: Mapping[NameKey, Link]) -> tuple[int, ...]:
    known = getattr(row, f"{side}_team_id")
    if known is not None:
        return (known,)
    link = open_names.get((row.league, row.series, getattr(row, f"{side}_team")))
    return link.candidates if link else ()


MATCH_HISTORY = FeedKind(
    name="match_history",
    place=40,
    schema=MATCH_SCHEMA,
    stage=staged_matches,
    publish=publish_matches,
    tables=(match_scores,),
    domains=("matches",),
    stems=("match_scores",),
    day="match_date",
    lasting=(*TEAM_IDS, *SEATS, "scores", "winner", "match_date"),
    signs=result_signs,
)
