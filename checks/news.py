"""What is new or gone since yesterday, as a coach says it: "16 teams of APTA Chicago have no schedule".

A rule says it in one sentence about one row, its `coach`: the beginning of its summary, where it has none of its own.
Here that sentence gets its number, its league, and for what is gone the past.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, String, and_, case, cast, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from checks.engine.authoring.units import Status
from checks.engine.reporting.report import Report, Result
from checks.engine.reporting.verdict import News
from etl.leagues import ALL, name_of
from etl.tables import check_findings, check_news, check_runs, import_feeds, leagues
from etl.words import number_of

A_DAY = timedelta(hours=18)
"""A run that is so much older is one of yesterday: the hour of the nightly check moves."""
YESTERDAY = timedelta(hours=36)
SENTENCE = re.compile(r"(?:An?|One) (?P<who>.+?) (?P<verb>{}) (?P<rest>.+)")
VERBS = {
    "has": ("have", "had"), "is": ("are", "were"), "lacks": ("lack", "lacked"), "stands": ("stand", "stood"),
    "names": ("name", "named"), "belongs": ("belong", "belonged"), "repeats": ("repeat", "repeated"),
    "begins": ("begin", "began"), "ends": ("end", "ended"), "leads": ("lead", "led"), "was": ("were", "were"),
    "lies": ("lie", "lay"), "does": ("do", "did"), "means": ("mean", "meant"), "plays": ("play", "played"),
    "counts": ("count", "counted"), "contradicts": ("contradict", "contradicted"), "needs": ("need", "needed"),
    "looks": ("look", "looked"), "comes": ("come", "came"), "waits": ("wait", "waited"), "meets": ("meet", "met"),
}  # fmt: skip
"""A rule's verb, as it is said of many, and of what is over."""
PATTERN = re.compile(SENTENCE.pattern.format("|".join(VERBS)))
PREPOSITIONS = frozenset({"of", "with", "in", "at", "from", "for", "to", "on", "and", "without"})


def coach_phrase(number: int, sentence: str, league: str = "", *, gone: bool = False) -> str:
    """A rule's sentence about so many rows of a league; `gone` says it of what was so and is not any more.

    A sentence of another form ("Imports have stopped") is said as it is, its league behind it.
    """
    match = PATTERN.fullmatch(sentence)
    if match is None:
        return f"{sentence}{f' ({league})' if league else ''}"
    who, rest, (many, past) = match["who"], match["rest"], VERBS[match["verb"]]
    if number != 1:
        who, rest = _plural(who), re.sub(r"\bits\b", "their", rest)
    verb = past if gone else match["verb"] if number == 1 else many
    if gone and number == 1 and verb == "were":
        verb = "was"
    return f"{number:,} {who}{f' of {league}' if league else ''} {'that ' if gone else ''}{verb} {rest}"


def _plural(who: str) -> str:
    """ "row of the standings" becomes "rows of the standings", and "player's id" "players' ids"."""
    words = who.replace("'s ", "s' ").split()
    head = next((place for place, word in enumerate(words) if word in PREPOSITIONS), len(words)) - 1
    words[head] = _many(words[head])
    return " ".join(words)


def _many(noun: str) -> str:
    if noun.endswith("y") and noun[-2:-1] not in "aeou":
        return f"{noun[:-1]}ies"
    if noun == "series":
        return noun
    return f"{noun}es" if noun.endswith(("ch", "sh", "x", "s")) else f"{noun}s"


def keep_news(connection: Connection, report: Report) -> News | None:
    """What is new or gone with a report that was saved in this transaction; None with nothing to compare with.

    A run about one league or another day tells nothing of the whole.
    """
    since = None if report.scoped or report.another_day else _since(connection, report)
    if since is None:
        return None
    rows = connection.execute(_changed(since)).all()
    news = News(since, _when(report.started - since, since), *_said(connection, report, rows))
    values = {"run_id": report.run, "since": since, "new": list(news.new), "gone": list(news.gone), "label": news.label}
    connection.execute(insert(check_news).values(values).on_conflict_do_nothing())
    return news


def stored_news(connection: Connection, after: datetime) -> News | None:
    """The news of the newest run after a moment; None where no such run told any."""
    return _newest_news(connection, check_runs.c.started_at > after)


def news_of_run(connection: Connection, run: str) -> News | None:
    """The news that one run told; None where it had nothing to compare with."""
    return _newest_news(connection, check_runs.c.id == run)


def _newest_news(connection: Connection, condition: ColumnElement[bool]) -> News | None:
    chosen = select(check_news).join(check_runs, check_runs.c.id == check_news.c.run_id).where(condition)
    row = connection.execute(chosen.order_by(check_runs.c.started_at.desc()).limit(1)).first()
    return None if row is None else News(row.since, row.label, tuple(row.new), tuple(row.gone))


def _since(connection: Connection, report: Report) -> datetime | None:
    """The run that counts as yesterday's: the newest of the same selection that is old enough, else the last one."""
    runs = check_runs.c
    same = runs.selection == report.selection, ~runs.scoped, ~runs.another_day, runs.started_at < report.started
    earlier = select(runs.started_at).where(*same).order_by(runs.started_at.desc()).limit(1)
    moment: datetime | None = connection.scalar(earlier.where(runs.started_at <= report.started - A_DAY))
    return moment or connection.scalar(earlier)


def _when(age: timedelta, since: datetime) -> str:
    if age < A_DAY:
        return "since the last check"
    return "since yesterday" if age <= YESTERDAY else f"since {since:%Y-%m-%d}"


def _changed(since: datetime) -> Any:
    """How many rows are new or gone since a moment, by rule, parameter, and league."""
    finding = check_findings.c
    is_new = and_(finding.first_seen > since, finding.fixed_at.is_(None))
    is_gone = and_(finding.fixed_at > since, finding.first_seen <= since)
    league = finding.key["league"].astext, func.nullif(of_feed(import_feeds.c.league), ALL)
    of_league = func.coalesce(*league, "").label("league")
    id_of_league = func.coalesce(finding.key["league_id"].astext, "").label("league_id")
    counts = _rows_where(is_new).label("new"), _rows_where(is_gone).label("gone")
    chosen = select(finding.rule, finding.parameter, of_league, id_of_league, *counts).where(or_(is_new, is_gone))
    return chosen.group_by(finding.rule, finding.parameter, of_league, id_of_league)


RULES_OF_FEEDS = ("failed_import", "import_without_end")
"""Rules whose bad rows are imports of a feed: their key is its id alone."""


def of_feed(column: ColumnElement[Any]) -> ColumnElement[str]:
    """A column of the feed that a finding is about; NULL for findings about anything else."""
    finding = check_findings.c
    feed = select(column).where(cast(import_feeds.c.id, String) == finding.key["id"].astext).correlate(check_findings)
    return case((finding.rule.in_(RULES_OF_FEEDS), feed.scalar_subquery()))


def _rows_where(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(check_findings.c.times).filter(condition), 0)


def _said(connection: Connection, report: Report, rows: Sequence[Row[Any]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The sentences about what is new and about what is gone, worst first."""
    names = _names(connection) if any(row.league_id for row in rows) else {}
    counts: dict[tuple[str, str], dict[str, list[int]]] = {}
    for row in rows:
        league = row.league or names.get(row.league_id, "")
        count = counts.setdefault((row.rule, row.parameter), {}).setdefault(league, [0, 0])
        count[0] += row.new
        count[1] += row.gone
    new = (each for result in report.trouble for each in _news_of(result, counts.get(result.id, {}), 0))
    were = sorted(filter(_was_trouble, report.results), key=lambda result: -result.severity.rank)
    over = (each for result in were for each in _news_of(result, counts.get(result.id, {}), 1))
    return tuple(dict.fromkeys([*new, *_unmeasured(report.trouble)])), tuple(dict.fromkeys(over))


def _unmeasured(trouble: Iterable[Result]) -> Iterator[str]:
    """Rules that saw nothing, in one sentence: theirs would say of the data what nobody has seen."""
    lost = [result for result in trouble if result.status is Status.ERROR and result.is_new and result.before]
    emptied = {result.rule for result in lost if result.emptied}
    for rules, what in (emptied, "found nothing to measure"), ({result.rule for result in lost} - emptied, UNMEASURED):
        if rules:
            yield f"{next(iter(rules)) if len(rules) == 1 else number_of(len(rules), 'rules')} {what}"


UNMEASURED = "could not be measured"


def _was_trouble(result: Result) -> bool:
    return result.trouble or (result.status is Status.OK and result.before is not None and result.before.failing)


def _news_of(result: Result, leagues_of: Mapping[str, list[int]], which: int) -> Iterator[str]:
    """What one rule tells, the league with most rows first; a figure that it is in trouble, or is not any more."""
    if result.before is None:  # it was never asked before: all of it would be new
        return
    if result.count is None:
        turned = result.is_new if which == 0 else result.status is Status.OK
        measured = (result.status if which == 0 else result.before) is not Status.ERROR
        if turned and measured:
            yield _of_figure(result, gone=which == 1)
        return
    for league, counts in sorted(leagues_of.items(), key=lambda item: (-item[1][which], item[0])):
        if counts[which]:
            yield coach_phrase(counts[which], result.coach, name_of(league) if league else "", gone=which == 1)


def _of_figure(result: Result, *, gone: bool) -> str:
    about = f" ({name_of(result.parameter)})" if result.parameter else ""
    return f"{'no more: ' if gone else ''}{result.coach}{about}"


def _names(connection: Connection) -> dict[str, str]:
    """Leagues by the text of their ids; none in a database that holds none."""
    if connection.scalar(select(func.to_regclass("public.leagues"))) is None:
        return {}
    return dict(connection.execute(select(cast(leagues.c.id, String), leagues.c.league_id)).tuples().all())
