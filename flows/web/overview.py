"""The page that an operator opens in the morning: what is wrong, since when, who is at it, and what comes next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, func, select, true

from alerts.channels import State
from alerts.incidents import Incident
from alerts.incidents.store import listed
from checks.engine.authoring.units import number_of, whole_percent
from checks.news import news_of_run
from checks.review import charts, values
from checks.review.kpis import STANDARDS
from checks.review.reading import read_lately
from checks.review.section import CellKind, SectionColumn, difference_from
from checks.review.sections.figures import BY_DOMAIN, DAILY_FIGURES, LEAGUE_SEGMENT
from checks.review.sections.process import PROCESS_METRICS
from checks.review.time_series import comparable_runs, score_series
from checks.rules.imports import TWO_NIGHTS
from checks.rules.words import SUCCESS
from checks.stored import StoredRun
from etl import circuit_breaker
from etl.importing import held
from etl.importing.ledger_queries import because
from etl.importing.profile import in_words
from etl.leagues import ALL
from etl.tables import deliveries, import_feeds
from flows.web import view

DAYS_SHOWN = 90
FEW = 12


def overview(request: view.PageRequest) -> view.View:
    """Everything in one look; each figure leads to what it is made of."""
    period = values.Period.of(values.PeriodKind.WEEKLY, request.now.astimezone(request.settings.zone))
    book = read_lately(request.connection, period, {rule for one in STANDARDS for rule in one.rules})
    inputs = values.ReviewInputs(book, request.rules, period, comparable_runs(book))
    incidents = listed(request.connection)
    return view.View(title="Overview", blocks=[
        _hero(inputs), _incidents(incidents, request.now), _state(request, _news(request, inputs.newest)),
        view.SectionRows(DAILY_FIGURES, DAILY_FIGURES.rows(inputs)), _score(inputs),
        view.SectionRows(BY_DOMAIN, BY_DOMAIN.rows(inputs)), heat_map(inputs.runs, request.now, most=FEW),
        held_table(held.held_parts(request.connection), most=FEW),
        feeds_table("Last import of each feed", feed_states(request), most=FEW, more=("imports", "")),
        view.SectionRows(PROCESS_METRICS, PROCESS_METRICS.rows(inputs)), _next_runs(request),
    ])  # fmt: skip


def _hero(inputs: values.ReviewInputs) -> view.Hero:
    run = inputs.newest
    if run is None:
        return view.Hero("Score", None, "unknown", [("", "No health check has run yet. Next: rally-health check")])
    steps = [
        ("Since the last run", difference_from(inputs, inputs.runs[-2] if len(inputs.runs) > 1 else None)),
        ("Since a week ago", difference_from(inputs, inputs.before)),
    ]
    lines = [(name, str(step)) for name, step in steps if step is not None]
    gross = "" if run.gross in {None, run.score} else f"gross {run.gross}, with what is accepted counted; "
    coverage = f"coverage {whole_percent(run.coverage)}% of {run.selection}"
    lines.append(("", f"{gross}{coverage}; {view.ago(run.at, inputs.period.until)}"))
    return view.Hero("Score", run.score, run.band, lines)


def _news(request: view.PageRequest, run: StoredRun | None) -> Iterator[tuple[str, object, view.Target]]:
    """When the newest run was, and what it told to be new and gone: the line of the terminal and of the messages."""
    if run is None:
        return
    news = news_of_run(request.connection, run.id)
    nothing = "" if news is None or news.line() else f", nothing new and nothing gone {news.label}"
    yield "last run", f"{run.at:%Y-%m-%d %H:%M}{nothing}", ("run", run.id)
    if news is not None and news.line():
        yield "news", news.line(FEW), ("run", run.id)


def _state(request: view.PageRequest, news: Iterable[tuple[str, object, view.Target]]) -> view.Facts:
    stops = circuit_breaker.stops_in_force(request.connection)
    waiting, dead = _outbox(request)
    return view.Facts("Now", [
        *news,
        ("imports", "; ".join(map(str, stops)) or "may run", ("imports", "")),
        ("alerts", f"{waiting} wait, {dead} dead letters" if waiting or dead else "none waits", ("alerts", "")),
    ])  # fmt: skip


def _outbox(request: view.PageRequest) -> tuple[int, int]:
    """How many messages wait, and how many of the last 90 days are dead letters."""
    own = deliveries.c
    recent = own.created_at > request.now - timedelta(days=DAYS_SHOWN)
    counted = select(own.state, func.count()).where(recent).group_by(own.state)
    states = {State(state): number for state, number in request.connection.execute(counted)}
    dead = sum(number for state, number in states.items() if state.dead)
    waiting = (State.QUEUED, State.CLAIMED, State.SENDING, State.UNKNOWN)
    return sum(states.get(state, 0) for state in waiting), dead


def incident_columns(now: datetime) -> tuple[SectionColumn[Any], ...]:
    """The columns of a table of incidents."""
    return (
        SectionColumn("status", lambda one: one.status.value, CellKind.BADGE),
        view.name_column("incident", lambda one: f"{one.title} #{one.id}", lambda one: ("incident", one.id)),
        *view.texts("measurement", "change"),
        SectionColumn("where", lambda one: "; ".join(one.clusters[:2]), CellKind.MUTED),
        SectionColumn("since", lambda one: view.ago(one.since, now)),
        SectionColumn("owner", lambda one: one.assignee or one.owner),
        SectionColumn("acknowledged by", lambda one: one.acknowledged_by),
        SectionColumn("state", lambda one: one.state, CellKind.BADGE),
    )


def _incidents(known: Sequence[Incident], now: datetime) -> view.TableBlock:
    return view.TableBlock(
        title="Open incidents", columns=incident_columns(now), rows=known, most=FEW, more=("incidents", ""),
        caption=f"{len(known)} open, worst first", empty="No incident is open.",
    )  # fmt: skip


def _score(inputs: values.ReviewInputs) -> view.Picture:
    until, series = inputs.period.until, score_series(inputs.runs, inputs.period.until)
    since = until - timedelta(days=DAYS_SHOWN)
    marks = [charts.Marked(one.opened_at, one.resolved_at, f"{one.title} #{one.id}") for one in inputs.book.incidents]
    alt = f"Score of {DAYS_SHOWN} days, {series.said}"
    picture = charts.line_chart(series, since=since, until=until, alt=alt, marks=marks)
    forecast = f" {series.forecast}." if series.forecast else ""
    return view.Picture(f"The score of {DAYS_SHOWN} days", picture, f"{series.said}.{forecast}")


def heat_map(runs: Sequence[StoredRun], now: datetime, *, most: int) -> view.HeatMap:
    """The leagues' scores of 90 days, the worst now first."""
    by_day = {run.at.date(): run for run in runs}
    days = [now - timedelta(days=DAYS_SHOWN - 1 - number) for number in range(DAYS_SHOWN)]
    shown = [run for run in map(by_day.get, (day.date() for day in days)) if run]
    newest = _leagues(shown[-1]) if shown else {}
    worst = sorted(newest, key=lambda name: (newest[name] is None, newest[name], name))[:most]
    scores = [_leagues(by_day.get(day.date())) for day in days]
    rows = [(name, [*[day.get(name) for day in scores[:-1]], newest[name]]) for name in worst]
    return view.HeatMap(
        "Leagues over time", days, rows,
        caption=f"{number_of(len(newest), 'leagues')}, worst first; a day is one field",
        more=("leagues", "") if len(newest) > most else None,
    )  # fmt: skip


def _leagues(run: StoredRun | None) -> Mapping[str, float | None]:
    return {} if run is None else run.parts.get(LEAGUE_SEGMENT, {})


@dataclass(frozen=True, slots=True)
class FeedState:
    """The newest import of a feed, and when it was last published or found unchanged."""

    row: Row[Any]
    good: datetime | None
    now: datetime

    @property
    def title(self) -> str:
        """The feed in words."""
        return f"{self.row.kind} of {self.row.league}"

    @property
    def freshness(self) -> str:
        """How old what the tables hold of it is."""
        return view.ago(self.good, self.now)

    @property
    def stale(self) -> str:
        """A word where it is too old: the limit of the rule `overdue_feed`."""
        return "" if self.good is not None and self.now - self.good < TWO_NIGHTS else "stale"


STATE_COLUMNS = (
    "id", "run_id", "kind", "league", "outcome", "rows", "rejects", "unlinked", "inserted", "updated", "withdrawn",
    "reasons",
)  # fmt: skip


def feed_states(request: view.PageRequest, league: str | None = None) -> list[FeedState]:
    """Every feed that was ever imported, or those of one league, with trouble first."""
    columns = import_feeds.c
    feed = (columns.kind, columns.league)
    newest = select(*(columns[name] for name in STATE_COLUMNS)).distinct(*feed).order_by(*feed, columns.id.desc())
    mine = columns.league == league if league is not None else true()
    newest = newest.where(mine)
    good = columns.outcome.in_(SUCCESS)
    fresh = select(*feed, func.max(columns.finished_at)).where(good, mine).group_by(*feed)
    dates = {(kind, league): at for kind, league, at in request.connection.execute(fresh)}
    rows = request.connection.execute(newest).all()
    states = [FeedState(row, dates.get((row.kind, row.league)), request.now) for row in rows]
    return sorted(states, key=lambda one: (one.row.outcome in SUCCESS, not one.stale, one.row.kind))


def feeds_table(
    title: str, states: Sequence[FeedState], *, most: int = 100, more: view.Target = None
) -> view.TableBlock:
    """The last import of each feed with its freshness."""
    return view.TableBlock(
        title=title, rows=states, most=most, more=more,
        empty="Nothing was imported yet. Next: rally-health import PATH",
        columns=(
            view.name_column("feed", lambda one: one.title, lambda one: feed_target(one.row)),
            SectionColumn("outcome", lambda one: one.row.outcome, CellKind.BADGE),
            SectionColumn("fresh", lambda one: one.freshness),
            SectionColumn("stale", lambda one: one.stale, CellKind.BADGE),
            *view.figures("row.rows", "row.rejects", "row.unlinked", "row.inserted", "row.updated", "row.withdrawn"),
            SectionColumn("because", lambda one: "; ".join(one.row.reasons), CellKind.MUTED),
            SectionColumn("import", lambda one: f"#{one.row.run_id}", to=lambda one: ("import", one.row.run_id)),
        ),
    )  # fmt: skip


def held_table(parts: Sequence[held.HeldPart], *, most: int = 100) -> view.TableBlock:
    """The parts of feeds that a guard stopped: why, since when, and what frees each."""
    return view.TableBlock(
        title="Held parts of feeds", rows=parts, columns=HELD_COLUMNS, most=most, empty="Nothing is held.",
        caption=f"{len(parts)} wait; each is tried again by itself when what it lacked has changed",
        more=("imports", "") if len(parts) > most else None,
    )  # fmt: skip


HELD_COLUMNS: tuple[SectionColumn[Any], ...] = (
    view.name_column(
        "part", lambda part: f"{part.kind} of {part.league or ALL}",
        lambda part: ("imports", "", {"kind": part.kind}),
    ),
    SectionColumn("why", lambda part: "; ".join(part.reasons)),
    SectionColumn("freed by", lambda part: "; ".join((*part.ways_out, f"or let it pass: {part.let_pass}"))),
    SectionColumn("without a team", lambda part: ", ".join(name["name"] for name in part.names[:5]), CellKind.MUTED),
    *view.texts("since"), *view.figures("records", "tries"),
)  # fmt: skip


PART_COLUMNS: tuple[SectionColumn[Any], ...] = (
    SectionColumn("outcome", lambda part: part["outcome"], CellKind.BADGE),
    view.name_column(
        "part",
        lambda part: f"{part['kind']} of {part['league'] or ALL}",
        lambda part: ("league", part["league"]) if part["league"] else None,
    ),
    SectionColumn("change", lambda part: "; ".join(in_words(part["profile"]))),
    SectionColumn("because", lambda part: because(part["reasons"], part["allowed"])),
)


def feed_target(row: Any) -> tuple[str, object]:
    """Where the page of a feed is."""
    return "feed", f"{row.kind}/{row.league}"


def _next_runs(request: view.PageRequest) -> view.TableBlock:
    return view.TableBlock(
        title="Next runs", rows=request.upcoming(), columns=view.texts("at", "name", "what", "source"), most=FEW,
        empty="No schedule is known: prefect.yaml is not where this runs, and no Prefect API answers.",
    )  # fmt: skip


OVERVIEW_PAGES = (view.Page(kind="", build=overview, navigation="Overview"),)
