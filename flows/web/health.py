"""Pages about how the data is: runs, incidents and leagues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from alerts import UnknownIncident
from alerts.incidents import Incident
from alerts.incidents import store as incident_store
from checks.engine.authoring.units import Status, figure_text, number_of, points_text, whole_percent
from checks.feedback import Complaint, complaints
from checks.news import news_of_run
from checks.render.by_rule import by_rule
from checks.render.terminal import example, lines_of
from checks.review import charts, reading, time_series
from checks.review.section import CellKind, SectionColumn
from checks.review.sections.figures import LEAGUE_SEGMENT, SegmentScore
from checks.review.sections.results import ALL_RULES
from checks.stored import StoredResult, StoredRun, results_of, run_of, select_results, select_runs
from etl.tables import check_results, check_runs, deliveries, delivery_incidents, import_feeds, import_parts
from flows.web import overview, rules, view
from flows.web.view import Code, Facts, Form, NotThere, PageRequest, Picture, SectionRows, TableBlock, View

NUMBER = CellKind.NUMBER


RUN_COLUMNS: tuple[SectionColumn[Any], ...] = (
    SectionColumn("band", lambda run: run.band, CellKind.BADGE),
    view.name_column("run", lambda run: f"{run.at:%Y-%m-%d %H:%M}", lambda run: ("run", run.id)),
    SectionColumn("score", lambda run: "unknown" if run.score is None else run.score, NUMBER),
    SectionColumn("failing", lambda run: run.failing, NUMBER),
    SectionColumn("coverage", lambda run: f"{whole_percent(run.coverage)}%", NUMBER),
    SectionColumn("rules", lambda run: run.selection, CellKind.MUTED),
    SectionColumn("apart", lambda run: run.apart, CellKind.MUTED),
)


def _runs(request: PageRequest) -> View:
    days = rules.days_of(request)
    since = request.now - timedelta(days=days)
    chosen = select_runs(parts=False).where(check_runs.c.started_at > since, check_runs.c.started_at <= request.now)
    rows = request.connection.execute(chosen.order_by(check_runs.c.started_at.desc()))
    runs = [_here(row, request) for row in rows]
    wanted = request.asked("selection")
    shown = [run for run in runs if wanted in {"", run.selection}]
    fields = (
        view.Choice("days", "days", str(days)),
        view.Choice("selection", "rules", wanted, tuple(sorted({run.selection for run in runs}))),
    )
    return View(title="History", blocks=[
        Form("", ("runs", ""), fields, "Show", f"{len(shown)} of {number_of(len(runs), 'runs')}"),
        _score_of(shown, wanted or _commonest(runs), since, request.now),
        TableBlock(title="Runs", columns=RUN_COLUMNS, rows=shown, most=400, empty="Next: rally-health check"),
    ])  # fmt: skip


def _score_of(runs: Sequence[StoredRun], selection: str, since: datetime, until: datetime) -> Picture:
    whole = [run for run in reversed(runs) if not run.apart and run.selection == selection]
    series = time_series.score_series(whole, until)
    drawn = charts.line_chart(series, since=since, until=until, alt=f"Score, {series.said}")
    return Picture("", drawn, f"{series.said}. {series.forecast}".strip())


def _commonest(runs: Sequence[StoredRun]) -> str:
    names = Counter(run.selection for run in runs if not run.apart)
    return max(sorted(names), key=names.__getitem__, default="")


def _here(row: Any, request: PageRequest) -> StoredRun:
    return run_of(row, lambda at: at.astimezone(request.now.tzinfo))


RESULTS = replace(
    ALL_RULES, title="Results", caption="Worst first",
    columns=(*ALL_RULES.columns, SectionColumn("why", lambda one: one.error or one.note, CellKind.MUTED)),
)  # fmt: skip


def _run(request: PageRequest) -> View:
    """One health check: its score, its parts, and every result."""
    row = request.connection.execute(select_runs().where(check_runs.c.id == _uuid(request.key))).first()
    if row is None:
        raise NotThere(f"there is no run {request.key}; History lists those that there are")
    run = _here(row, request)
    results = select_results(details=True).where(check_results.c.run_id == run.id)
    found = results_of(request.connection.execute(results))
    shown = by_rule(rules.of_rule(one, request.rules.get(one.rule)) for one in found)
    # what was skipped says nothing of the data, and comes last
    shown = tuple(sorted(shown, key=lambda one: one.status is Status.SKIPPED))
    leagues = run.parts.get(LEAGUE_SEGMENT, {})
    return View(
        title=f"Run of {run.at:%Y-%m-%d %H:%M}", badge=run.band, trail=[("History", ("runs", ""))],
        blocks=[
            _of_run(request, run, row.finished_at),
            SectionRows(RESULTS, shown),
            _scores("By domain", "rules", run.domains), _scores("By league", "league", leagues) if leagues else None,
        ],
    )  # fmt: skip


def _of_run(request: PageRequest, run: StoredRun, finished: datetime) -> Facts:
    news = news_of_run(request.connection, run.id)
    beside = zip(("before", "after"), _beside(request, run), strict=True)
    return Facts("", [
        ("score", f"{'unknown' if run.score is None else run.score} of 100", None),
        ("gross", run.gross if run.gross != run.score else "", None),
        ("coverage", f"{whole_percent(run.coverage)}%", None),
        ("rules", run.selection, None), ("apart", run.apart, None), ("failing", run.failing, None),
        ("news", news.line() if news else "", None),
        ("took", f"{(finished - run.at).total_seconds():.0f} s", None), ("run", run.id, None),
        *((word, f"{row.started_at:%Y-%m-%d %H:%M}", ("run", row.id)) for word, row in beside if row),
    ])  # fmt: skip


def _scores(title: str, kind: str, scores: Any) -> TableBlock:
    columns: tuple[SectionColumn[Any], ...] = (
        view.name_column("name", lambda one: one.name, lambda one: (kind, one.name) if kind == "league" else None),
        SectionColumn("score", lambda one: "unknown" if one.score is None else one.score, NUMBER),
    )
    return TableBlock(
        title=title, columns=columns, rows=[SegmentScore(name, score, None) for name, score in sorted(scores.items())]
    )


def _uuid(text: str) -> str:
    if len(text) != 36 or not set(text) <= set("0123456789abcdef-"):
        raise NotThere("that is no number of a run; History lists those that there are")
    return text


def _beside(request: PageRequest, run: StoredRun) -> tuple[Any, Any]:
    """The runs of the same selection before and after one; None where there is none."""
    columns = check_runs.c
    alike = select(columns.id, columns.started_at).where(columns.selection == run.selection, columns.id != run.id)
    before = alike.where(columns.started_at < run.at).order_by(columns.started_at.desc()).limit(1)
    after = alike.where(columns.started_at > run.at).order_by(columns.started_at).limit(1)
    return request.connection.execute(before).first(), request.connection.execute(after).first()


def _run_ids(request: PageRequest) -> list[str]:
    since = request.now - timedelta(days=overview.DAYS_SHOWN)
    chosen = select(check_runs.c.id).where(check_runs.c.started_at > since)
    return list(request.connection.scalars(chosen.order_by(check_runs.c.started_at.desc())))


STATES = ("open", "acknowledged", "resolved")


def _incidents(request: PageRequest) -> View:
    days = rules.days_of(request)
    listed = incident_store.listed(request.connection, resolved_since=request.now - timedelta(days=days))
    text, state = request.asked("q").casefold(), request.asked("state")
    shown = [one for one in listed if state in {"", one.state} and text in f"{one.title} {one.owner}".casefold()]
    fields = (
        view.Choice("q", "rule or owner", request.asked("q")),
        view.Choice("state", "state", state, STATES),
        view.Choice("days", "resolved within days", str(days)),
    )
    columns = (*overview.incident_columns(request.now), *view.texts("resolved_at"))
    return View(
        title="Incidents",
        blocks=[
            Form("", ("incidents", ""), fields, "Filter", f"{len(shown)} of {len(listed)}"),
            TableBlock(title="", columns=columns, rows=shown, most=500, empty="No incident is like that."),
        ],
    )


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """Something that happened to an incident, or was sent about it."""

    at: datetime
    what: str
    by: str
    text: str
    run: str | None = None


def _incident(request: PageRequest) -> View:
    """One incident: its rows, its cause, its story, and what to do."""
    try:
        incident = incident_store.find(request.connection, request.number)
    except UnknownIncident as error:
        raise NotThere(str(error)) from None
    newest = reading.latest_results(request.connection, request.now, incident.rule)
    result = next((result for result in newest if result.parameter == incident.parameter), None)
    return View(
        title=f"{incident.title} #{incident.id}", badge=incident.status.value, lead=incident.summary,
        trail=[("Incidents", ("incidents", ""))],
        blocks=[
            _of_incident(incident, result, request.now), _cause(request, incident),
            Code("SQL of the bad rows", lines_of(result.sql)) if result and result.sql else None,
            *rules.what_to_do(request, incident.rule, request.rules.get(incident.rule)), _timeline(request, incident),
            _complaints(complaints(request.connection, incident=incident.id, zone=request.now.tzinfo or UTC)),
            Code("To answer it", _answers(incident.id)) if incident.open else None,
        ],
    )  # fmt: skip


COMPLAINT_COLUMNS: tuple[SectionColumn[Any], ...] = (
    *view.texts("at"),
    SectionColumn("complaint", lambda each: f"{each.id} of {each.about}"),
    SectionColumn("seen", lambda each: each.noticed.value),
    view.name_column(
        "by", lambda each: each.rule, lambda each: ("incident", each.incident) if each.incident is not None else None
    ),
)


def _complaints(heard: Sequence[Complaint]) -> TableBlock | None:
    """What people complained of, without their words; nothing where nobody did."""
    caption = "Newest first; their words stay in rally-health feedback list"
    return TableBlock(title="Complaints", columns=COMPLAINT_COLUMNS, rows=heard, caption=caption) if heard else None


def _answers(number: int) -> list[str]:
    command = "rally-health incidents"
    return [f"{command} ack {number}", f"{command} assign {number} --to NAME", f'{command} note {number} "TEXT"']


def _of_incident(incident: Incident, newest: StoredResult | None, now: datetime) -> Facts:
    spots = (
        rules.where(newest.clusters)
        if newest and newest.clusters
        else (("where", place, None) for place in incident.clusters)
    )
    resolved = f"{incident.resolved_at:%Y-%m-%d %H:%M}, {incident.resolution}" if incident.resolved_at else ""
    return Facts("", [
        ("rule", incident.title, ("rule", incident.rule, {"parameter": incident.parameter})),
        ("severity", incident.severity.value, None), ("worst", incident.worst.value, None),
        ("since", f"{incident.since:%Y-%m-%d %H:%M}, {view.ago(incident.since, now)}", None),
        ("found", incident.error or incident.measurement, None), ("change", incident.change, None),
        ("points", points_text(incident.points), None), *spots,
        *(("example", example(key), None) for key in incident.examples), ("state", incident.state, None),
        ("acknowledged by", incident.acknowledged_by, None), ("assigned to", incident.assignee, None),
        ("owner", incident.owner, None), ("resolved", resolved, None),
        ("first seen in", "the run that saw it first", ("run", incident.opened_run)),
        ("last seen in", "the run that saw it last", ("run", incident.seen_run)),
    ])  # fmt: skip


def _cause(request: PageRequest, incident: Incident) -> TableBlock:
    """The imports that changed rows between the last time that the rule was well and the beginning."""
    results, feeds = check_results.c, import_feeds.c
    same = results.rule == incident.rule, results.parameter == incident.parameter
    well = select(func.max(results.at)).where(*same, results.status == Status.OK.value, results.at < incident.opened_at)
    since = request.connection.scalar(well)
    changed = feeds.inserted + feeds.updated + feeds.withdrawn > 0
    chosen = select(import_feeds).where(changed, feeds.finished_at <= incident.opened_at)
    chosen = chosen.where(feeds.finished_at > since) if since else chosen
    rows = request.connection.execute(chosen.order_by(feeds.finished_at.desc()).limit(20)).all()
    last = f"last well {since:%Y-%m-%d %H:%M}" if since else "it was never seen well"
    return TableBlock(
        title="What may have brought it", rows=rows, columns=CAUSE_COLUMNS,
        caption=f"Imports that changed rows before it began; {last}", empty=f"No import changed a row; {last}.",
    )  # fmt: skip


CAUSE_COLUMNS = (
    view.name_column("feed", lambda row: f"{row.kind} of {row.league}", overview.feed_target),
    SectionColumn("import", lambda row: f"#{row.run_id}", to=lambda row: ("import", row.run_id)),
    *view.texts("finished_at"),
    *view.figures("rows", "rejects", "unlinked", "inserted", "updated", "withdrawn"),
)


def _timeline(request: PageRequest, incident: Incident) -> TableBlock:
    events = incident_store.all_events(request.connection, incident.id)
    story = [TimelineEntry(event.at, event.kind.value, event.actor, event.text, event.run) for event in events]
    messages, about = deliveries.c, delivery_incidents.c
    sent = select(messages.created_at, messages.channel, messages.recipient, messages.state, messages.reason)
    sent = sent.join(delivery_incidents, about.delivery_id == messages.id).where(about.incident_id == incident.id)
    story += [
        TimelineEntry(row.created_at, f"{row.channel} {row.state}", row.recipient, row.reason)
        for row in request.connection.execute(sent)
    ]
    columns = (
        *view.texts("at"),
        view.name_column("what", lambda entry: entry.what, lambda entry: ("run", entry.run) if entry.run else None),
        SectionColumn("by or to", lambda entry: entry.by),
        *view.texts("text", cell=CellKind.MUTED),
    )
    return TableBlock(title="Timeline", columns=columns, rows=sorted(story, key=lambda entry: entry.at))


def incidents_of_days(request: PageRequest) -> Sequence[Incident]:
    """The incidents that are open or were resolved in 90 days, worst first."""
    return incident_store.listed(request.connection, resolved_since=request.now - timedelta(days=overview.DAYS_SHOWN))


def _last_runs(request: PageRequest) -> list[StoredRun]:
    """The whole runs of 90 days, oldest first."""
    since = request.now - timedelta(days=overview.DAYS_SHOWN)
    own = check_runs.c
    chosen = select_runs().where(own.started_at > since, own.started_at <= request.now, ~own.scoped, ~own.another_day)
    rows = request.connection.execute(chosen.order_by(own.started_at))
    runs = [_here(row, request) for row in rows]
    selection = _commonest(runs)
    return [run for run in runs if run.selection == selection]


def _leagues(request: PageRequest) -> View:
    return View(title="Leagues", blocks=[overview.heat_map(_last_runs(request), request.now, most=1000)])


def _league(request: PageRequest) -> View:
    """One league: its score over time, what is wrong with it, and its feeds."""
    name = request.key
    points = _league_points(request)
    feeds = overview.feed_states(request, name)
    newest = reading.latest_results(request.connection, request.now)
    concerned = [one for one in newest if one.trouble and _concerns(one, name)]
    trouble, parts = [rules.of_rule(one, request.rules.get(one.rule)) for one in concerned], _parts_of(request)
    heard = complaints(request.connection, league=name, zone=request.now.tzinfo or UTC)
    if not points and not feeds and not trouble and not parts.rows and not heard:
        scored = {league for run in _last_runs(request) for league in run.parts.get(LEAGUE_SEGMENT, {})}
        fed = {state.row.league for state in overview.feed_states(request)}
        near = view.did_you_mean(name, scored | fed, "Leagues")
        raise NotThere(f"no league called {name!r} has a score or a feed{near}")
    wrong = replace(ALL_RULES, title="What is wrong", empty="Nothing.", caption="Rules in trouble that name it")
    return View(
        title=name, trail=[("Leagues", ("leagues", ""))],
        blocks=[
            _league_score(request, points), SectionRows(wrong, trouble), parts,
            overview.feeds_table("Its feeds", feeds), _complaints(heard),
        ],
    )  # fmt: skip


def _parts_of(request: PageRequest) -> TableBlock:
    """What became of the league's rows in the newest feeds."""
    chosen = select(import_parts).where(import_parts.c.league == request.key)
    newest = request.connection.execute(chosen.order_by(import_parts.c.id.desc()).limit(20)).mappings().all()
    return TableBlock(title="Its parts of feeds", columns=overview.PART_COLUMNS, rows=newest, caption="The newest 20")


def _league_points(request: PageRequest) -> tuple[tuple[datetime, float], ...]:
    scores = ((run.at, run.parts.get(LEAGUE_SEGMENT, {}).get(request.key)) for run in _last_runs(request))
    return tuple((at, float(score)) for at, score in scores if score is not None)


def _league_score(request: PageRequest, points: tuple[tuple[datetime, float], ...]) -> Picture:
    name, since = request.key, request.now - timedelta(days=overview.DAYS_SHOWN)
    limits = time_series.BAND_LIMITS
    series = time_series.TimeSeries(key=name, title=name, unit=None, points=points, trend=None, limits=limits)
    drawn = charts.line_chart(series, since=since, until=request.now, alt=f"Score of {name}")
    return Picture(
        f"Its score of {overview.DAYS_SHOWN} days", drawn, f"now {figure_text(points[-1][1], None)}" if points else ""
    )


def _concerns(result: StoredResult, league: str) -> bool:
    places = [str(value) for cluster in result.clusters for name, value in cluster.where if name == LEAGUE_SEGMENT]
    return league in {result.parameter, *places}


def league_names(request: PageRequest) -> list[str]:
    """The leagues that have a score now."""
    return sorted({name for run in _last_runs(request)[-1:] for name in run.parts.get(LEAGUE_SEGMENT, {})})


def volume(feeds: Sequence[Any], now: datetime) -> Picture:
    """The rows of one feed over time; `feeds` are its imports."""
    points = tuple((row.started_at, float(row.rows)) for row in reversed(feeds) if row.rows)
    series = time_series.TimeSeries(key="rows", title="rows", unit=None, points=points, trend=None)
    since = min((at for at, _ in points), default=now) - timedelta(hours=1)
    return Picture("Rows over time", charts.line_chart(series, since=since, until=now, alt="Rows of the feed"))


HEALTH_PAGES = (
    view.Page(kind="incidents", build=_incidents, navigation="Incidents"),
    view.Page(kind="incident", build=_incident, keys=lambda request: [one.id for one in incidents_of_days(request)]),
    view.Page(kind="runs", build=_runs, navigation="History"),
    view.Page(kind="run", build=_run, keys=_run_ids),
    view.Page(kind="leagues", build=_leagues, navigation="Leagues"),
    view.Page(kind="league", build=_league, keys=league_names),
)
