"""Pages about what comes in and what people did: imports, feeds, names, repairs, alerts, audit trail, and search."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import and_, func, select

from alerts.outbox.enqueue import outbox
from checks.engine.authoring.units import number_of
from checks.review.deeds import read_deeds
from checks.review.section import CellKind, SectionColumn
from etl import circuit_breaker
from etl.importing import held, ledger_queries
from etl.tables import import_feeds, import_runs, rejects, repairs
from flows.web import health, overview, rules, view
from flows.web.view import Facts, NotThere, PageRequest, TableBlock, View

COUNTS = ("rows", "rejects", "unlinked", "inserted", "updated", "withdrawn")
MOST_REASONS = 60
MOST_IMPORTS = 100
OUTCOMES = ("published", "unchanged", "held", "blocked", "failed", "running")
LONGEST_REASON = 160
OF_ALL = "all"
FEED_COLUMNS = (
    SectionColumn("outcome", lambda row: row.outcome, CellKind.BADGE),
    view.name_column("feed", lambda row: f"{row.kind} of {row.league}", overview.feed_target),
    SectionColumn("import", lambda row: f"#{row.run_id}", to=lambda row: ("import", row.run_id)),
    *view.texts("started_at"),
    *view.figures(*COUNTS),
    SectionColumn("because", lambda row: ledger_queries.because(row.reasons, row.allowed), CellKind.MUTED),
)


def _imports(request: PageRequest) -> View:
    """The last import of each feed, and all of them, narrowed by what the address asks for."""
    states = overview.feed_states(request)
    stops = circuit_breaker.stops_in_force(request.connection)
    return View(
        title="Imports", lead="; ".join(map(str, stops)), badge="blocked" if stops else "",
        blocks=[
            overview.held_table(held.held_parts(request.connection)),
            overview.feeds_table("Last import of each feed", states),
            *_all_imports(request, tuple(sorted({one.row.kind for one in states}))),
        ],
    )  # fmt: skip


def _all_imports(request: PageRequest, kinds: tuple[str, ...]) -> tuple[view.Block, view.Block]:
    own, kind, outcome = import_feeds.c, request.asked("kind"), request.asked("outcome")
    chosen = select(import_feeds).order_by(own.id.desc()).limit(MOST_IMPORTS)
    for column, wanted in ((own.kind, kind), (own.outcome, outcome)):
        chosen = chosen.where(column == wanted) if wanted else chosen
    rows = request.connection.execute(chosen).all()
    fields = view.Choice("kind", "kind", kind, kinds), view.Choice("outcome", "outcome", outcome, OUTCOMES)
    return (
        view.Form("All imports", ("imports", ""), fields, "Filter"),
        TableBlock(title="", columns=FEED_COLUMNS, rows=rows, caption=f"The newest {MOST_IMPORTS}"),
    )


def _import(request: PageRequest) -> View:
    """One import run: its feeds, and what was refused of each, by reason."""
    number = request.number
    run = request.connection.execute(select(import_runs).where(import_runs.c.id == number)).first()
    if run is None:
        raise NotThere(f"there is no import {number}; Imports lists those that there are")
    columns = import_feeds.c
    feeds = request.connection.execute(select(import_feeds).where(columns.run_id == number).order_by(columns.id)).all()
    moments = ("started", run.started_at), ("finished", run.finished_at)
    return View(
        title=f"Import #{number}", badge=run.outcome, trail=[("Imports", ("imports", ""))],
        blocks=[
            Facts("", [(name, view.shown_value(at), None) for name, at in moments]),
            TableBlock(title="Feeds", columns=FEED_COLUMNS, rows=feeds, most=200),
            _profile(held.parts_of_run(request.connection, number)), _drift(feeds),
            _refused(request, columns.run_id == number),
        ],
    )  # fmt: skip


def _profile(parts: Sequence[Mapping[str, Any]]) -> TableBlock:
    caption = "What publishing each part changed, or would change"
    return TableBlock(title="Change profile", columns=overview.PART_COLUMNS, rows=parts, caption=caption)


def _drift(feeds: Iterable[Any]) -> Facts | None:
    """Keys that a feed has and should not, or lacks."""
    facts = [
        (
            f"{row.kind} of {row.league}: {how}",
            ", ".join(f"{key} ({number_of(number, 'rows')})" for key, number in sorted(keys.items())),
            None,
        )
        for row in feeds
        for how, keys in row.drift.items()
    ]
    return Facts("Keys that are new or missing", facts) if any(fact[1] for fact in facts) else None


def _refused(request: PageRequest, which: Any) -> TableBlock:
    """Rows that were refused, by field and reason; the rows themselves may name people and are not shown."""
    reason = func.left(func.regexp_replace(rejects.c.reason, "'[^']*'|\"[^\"]*\"", "…", "g"), LONGEST_REASON)
    waiting = func.count().filter(rejects.c.resolved_at.is_(None))
    columns = (rejects.c.feed_id, import_feeds.c.kind, import_feeds.c.league, rejects.c.field, reason.label("reason"))
    chosen = select(
        *columns, func.count().label("rows"), waiting.label("waiting"), func.min(rejects.c.index).label("first")
    )
    chosen = chosen.join(import_feeds, import_feeds.c.id == rejects.c.feed_id).where(which).group_by(*columns)
    rows = request.connection.execute(chosen.order_by(func.count().desc()).limit(MOST_REASONS)).all()
    return TableBlock(
        title="Refused rows by reason", rows=rows, empty="No row was refused.", columns=REFUSED_COLUMNS,
        caption="The rows themselves: rally-health rejects list --feed ID",
    )  # fmt: skip


REFUSED_COLUMNS = (
    view.name_column("reason", lambda row: row.reason, lambda row: None), *view.texts("field"),
    SectionColumn("feed", lambda row: f"{row.kind} of {row.league}, id {row.feed_id}", to=overview.feed_target),
    *view.figures("rows", "waiting", "first"),
)  # fmt: skip


def _import_ids(request: PageRequest) -> list[int]:
    since = request.now - timedelta(days=overview.DAYS_SHOWN)
    chosen = select(import_runs.c.id).where(import_runs.c.started_at > since).order_by(import_runs.c.id.desc())
    return list(request.connection.scalars(chosen))


def _feed(request: PageRequest) -> View:
    """One feed: its last imports, its rows over time, and what was refused last."""
    kind, _, league = request.key.partition("/")
    own = import_feeds.c
    chosen = select(import_feeds).where(own.kind == kind, own.league == league).order_by(own.id.desc()).limit(120)
    rows = request.connection.execute(chosen).all()
    if not rows:
        raise NotThere(f"no feed of the kind {kind!r} of {league!r} was ever imported")
    state = next(feed for feed in overview.feed_states(request, league) if feed.row.kind == kind)
    to = None if league == OF_ALL else ("league", league)
    return View(
        title=f"{kind} of {league}", badge=rows[0].outcome, trail=[("Imports", ("imports", ""))],
        blocks=[
            Facts("", [("published", state.freshness, None), ("league", league, to)]), health.volume(rows, request.now),
            TableBlock(title="Its imports", columns=FEED_COLUMNS, rows=rows, most=120),
            _refused(request, and_(rejects.c.feed_id == rows[0].id)),
        ],
    )  # fmt: skip


def _feed_keys(request: PageRequest) -> list[str]:
    return [f"{one.row.kind}/{one.row.league}" for one in overview.feed_states(request)]


def _names(request: PageRequest) -> View:
    names = ledger_queries.open_names(request.connection)
    columns = (
        view.name_column("name", lambda one: one.name, lambda one: ("league", one.league)),
        *view.texts("league", "series"), *view.figures("sides"), *view.texts("reason", cell=CellKind.MUTED),
    )  # fmt: skip
    return View(
        title="Names to confirm",
        lead="Team names of feeds that mean no team. Suggestions: rally-health names suggest; to confirm one:"
        " rally-health names alias LEAGUE NAME TEAM",
        blocks=[TableBlock(title="", columns=columns, rows=names, most=500, empty="Every name means a team.")],
    )


def _repairs(request: PageRequest) -> View:
    rows = request.connection.execute(select(repairs).order_by(repairs.c.id.desc()).limit(500)).all()
    return View(
        title="Repairs",
        lead="To make one: rally-health fix plan RULE. To take one back: rally-health fix undo NUMBER",
        blocks=[TableBlock(title="", columns=rules.REPAIR_COLUMNS, rows=rows, most=500, empty="Nothing was repaired.")],
    )


def _audit(request: PageRequest) -> View:
    """What people did and answer for, newest first."""
    deeds = list(read_deeds(request.connection, request.now))[::-1]
    by, kind = request.asked("by"), request.asked("kind")
    shown = [deed for deed in deeds if by in {"", deed.by} and kind in {"", deed.kind}]
    fields = tuple(
        view.Choice(name, name, request.asked(name), tuple(sorted({getattr(deed, name) for deed in deeds})))
        for name in ("by", "kind")
    )
    nothing = "Nobody accepted, stopped or repaired anything."
    return View(
        title="Audit trail",
        blocks=[
            view.Form("", ("audit", ""), fields, "Filter", f"{len(shown)} of {len(deeds)}"),
            TableBlock(title="", columns=DEED_COLUMNS, rows=shown, most=500, empty=nothing),
        ],
    )


DEED_COLUMNS = (
    view.name_column("what", lambda deed: deed.what, lambda deed: None),
    *view.texts("at", "by", "kind", "until", "ended_at", "ended_by"),
    *view.texts("reason", cell=CellKind.MUTED),
)


def _alerts(request: PageRequest) -> View:
    """The newest messages of the outbox, by the names of people in the policy; texts are left out."""
    columns = (
        SectionColumn("state", lambda line: line.state.value, CellKind.BADGE),
        view.name_column("message", lambda line: f"#{line.id} {line.subject}", lambda line: None),
        *view.texts("channel", "recipient", "reason", "created_at", "due_at", "sent_at"),
        *view.figures("attempts"),
        *view.texts("error", cell=CellKind.MUTED),
    )
    rows = outbox(request.connection, limit=200)
    lead = "Dead letters are sent once more by rally-health alerts resend NUMBER"
    return View(
        title="Alerts",
        lead=lead,
        blocks=[
            TableBlock(title="", columns=columns, rows=rows, caption="The newest 200", empty="The outbox is empty."),
        ],
    )


def _search(request: PageRequest) -> View:
    text = request.asked("q").casefold()
    matching = [row for row in rules.rule_rows(request) if text and text in f"{row.title} {row.summary}".casefold()]
    incidents = [
        one for one in health.incidents_of_days(request) if text and text in f"{one.title} {one.summary}".casefold()
    ]
    leagues = [name for name in health.league_names(request) if text and text in name.casefold()]
    league = view.name_column("league", lambda name: name, lambda name: ("league", name))
    return View(
        title=f"Search: {request.asked('q')}",
        blocks=[
            TableBlock(title="Rules", columns=rules.RULE_COLUMNS, rows=matching, most=60),
            TableBlock(
                title="Incidents of 90 days", columns=overview.incident_columns(request.now), rows=incidents, most=60
            ),
            TableBlock(title="Leagues", columns=(league,), rows=leagues, most=60),
        ],
    )


IMPORT_PAGES = (
    view.Page(kind="imports", build=_imports, navigation="Imports"),
    view.Page(kind="import", build=_import, keys=_import_ids),
    view.Page(kind="feed", build=_feed, keys=_feed_keys),
    view.Page(kind="names", build=_names, navigation="Names"),
    view.Page(kind="repairs", build=_repairs, navigation="Repairs"),
    view.Page(kind="alerts", build=_alerts, navigation="Alerts"),
    view.Page(kind="audit", build=_audit, navigation="Audit"),
    view.Page(kind="search", build=_search),
)
