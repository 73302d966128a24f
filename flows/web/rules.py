"""Pages about rules: all of them as they stand, and one with its history, what it found, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from alerts.incidents import Incident
from alerts.incidents import store as incident_store
from checks import waivers
from checks.engine.authoring import CheckDefinitionError
from checks.engine.authoring.spec import Check
from checks.engine.authoring.units import number_of, points_text
from checks.engine.judging.judge import Cluster
from checks.engine.reporting.report import relative
from checks.render.by_rule import by_rule
from checks.render.terminal import example, lines_of
from checks.repairs.plan import summary_of
from checks.review import backtest, charts, reading, time_series
from checks.review.section import CellKind, SectionColumn
from checks.review.sections.figures import LEAGUE_SEGMENT
from checks.runbooks import runbook_html
from checks.stored import StoredResult
from etl.tables import check_results, incidents, repairs
from flows.web import overview, view
from flows.web.view import Code, Facts, Form, NotThere, PageRequest, Picture, TableBlock, View

LONGEST = 1830


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule with its newest result; None where it has not run lately."""

    rule: str
    check: Check | None
    result: StoredResult | None

    @property
    def title(self) -> str:
        return self.rule if self.result is None else self.result.title

    @property
    def parameter(self) -> str:
        return "" if self.result is None else self.result.parameter

    @property
    def status(self) -> str:
        return "" if self.result is None else self.result.status.value

    @property
    def severity(self) -> str:
        known = self.check or self.result
        return "" if known is None else known.severity.value

    @property
    def domain(self) -> str:
        known = self.check or self.result
        return "" if known is None else known.domain

    @property
    def owner(self) -> str:
        return "" if self.check is None else self.check.mark.owner

    @property
    def summary(self) -> str:
        return "no rule has this name any more" if self.check is None else self.check.summary

    @property
    def found(self) -> str:
        one = self.result
        return "" if one is None else one.measurement or one.error or one.note

    def fits(self, request: PageRequest) -> bool:
        """Whether it is like what the address asks for."""
        text = request.asked("q").casefold()
        same = all(request.asked(name) in {"", getattr(self, name)} for name in FILTERS)
        return same and (text in self.title.casefold() or text in self.summary.casefold())


FILTERS = ("status", "severity", "domain", "owner")
RULE_COLUMNS = (
    SectionColumn("status", lambda row: row.status, CellKind.BADGE),
    view.name_column("rule", lambda row: row.title, lambda row: ("rule", row.rule, {"parameter": row.parameter})),
    *view.texts("severity", "domain", "found"),
    SectionColumn("points", lambda row: points_text(row.result.points) if row.result else "", CellKind.NUMBER),
    *view.texts("owner", "summary", cell=CellKind.MUTED),
)


def rule_rows(request: PageRequest) -> list[RuleRow]:
    """Every rule by its newest results, worst first, then the rules that have not run lately."""
    newest = reading.latest_results(request.connection, request.now)
    lines = by_rule(of_rule(one, request.rules.get(one.rule)) for one in newest)
    rows = [RuleRow(one.rule, request.rules.get(one.rule), one) for one in lines]
    ran = {one.rule for one in newest}
    return rows + [RuleRow(name, check, None) for name, check in sorted(request.rules.items()) if name not in ran]


def of_rule(result: StoredResult, check: Check | None) -> StoredResult:
    """A result with what its rule says of it, its unit and what it is asked for, so that it reads as in the reports."""
    if check is None:
        return result
    return replace(result, unit=getattr(check.threshold, "unit", None), each=check.each)


def _rules(request: PageRequest) -> View:
    rows = rule_rows(request)
    shown = [row for row in rows if row.fits(request)]
    options = {name: tuple(sorted({getattr(row, name) for row in rows} - {""})) for name in FILTERS}
    fields = [view.Choice("q", "name or text", request.asked("q"))]
    fields += [view.Choice(name, name, request.asked(name), options[name]) for name in FILTERS]
    return View(
        title="Rules",
        blocks=[
            Form("", ("rules", ""), tuple(fields), "Filter", f"{len(shown)} of {len(rows)}"),
            TableBlock(title="", columns=RULE_COLUMNS, rows=shown, most=1000, empty="No rule is like that."),
        ],
    )


def _rule(request: PageRequest) -> View:
    """One rule: what it says, how it went, what it found last, and what to do."""
    name, check = request.key, request.rules.get(request.key)
    newest = reading.latest_results(request.connection, request.now, name)
    if check is None and not newest and not _ever_ran(request, name):
        near = view.did_you_mean(name, request.rules, "Rules")
        raise NotThere(f"no rule is called {name!r}, and none of that name ever ran{near}")
    asked = [result for result in newest if result.parameter == request.asked("parameter")]
    shown = next(iter([*asked, *newest]), None)
    incidents = _incidents_of(request, name)
    *charts_of_rule, run_by_run = _over_time(request, check, shown, newest, incidents) if shown else (None,)
    return View(
        title=name, badge=shown.status.value if shown else "", trail=[("Rules", ("rules", ""))],
        lead=check.summary if check else "no rule has this name any more",
        blocks=[
            _parameters(name, newest, check) if len(newest) > 1 else None,
            _found(of_rule(shown, check)) if shown else None,
            *charts_of_rule,
            Code("SQL of the bad rows", lines_of(shown.sql)) if shown and shown.sql else None,
            *what_to_do(request, name, check),
            _definition(check) if check else None,
            TableBlock(title="Its incidents", columns=overview.incident_columns(request.now), rows=incidents, most=20),
            run_by_run, _backtest(request, check) if check else None,
        ],
    )  # fmt: skip


def _ever_ran(request: PageRequest, name: str) -> bool:
    ran = select(check_results.c.rule).where(check_results.c.rule == name).limit(1)
    return request.connection.scalar(ran) is not None


def _incidents_of(request: PageRequest, rule: str) -> list[Incident]:
    chosen = select(incidents).where(incidents.c.rule == rule).order_by(incidents.c.id.desc()).limit(60)
    return [incident_store.incident_of(row) for row in request.connection.execute(chosen)]


def _definition(check: Check) -> Facts:
    mark = check.mark
    documentation = " ".join((check.function.__doc__ or "").split())
    return Facts(
        "Definition",
        [
            ("what is bad", documentation if documentation != check.summary else "", None),
            ("severity", mark.severity.value, ("rules", "")), ("domain", check.domain, None),
            ("kind", mark.kind.value, None), ("table", check.table, None), ("limits", str(mark.threshold), None),
            ("limits are from", "; ".join(check.changes) or "the rule itself", None), ("owner", mark.owner, None),
            ("tags", ", ".join(sorted(mark.tags)), None), ("once per", mark.each, None),
            ("source", f"{relative(check.source.file)}:{check.source.line}", None),
        ],
    )  # fmt: skip


def _parameters(name: str, newest: Sequence[StoredResult], check: Check | None) -> TableBlock:
    columns = (
        SectionColumn("status", lambda one: one.status.value, CellKind.BADGE),
        view.name_column("each", lambda one: one.parameter, lambda one: ("rule", name, {"parameter": one.parameter})),
        *view.texts("measurement", "change"),
    )
    rows = [of_rule(one, check) for one in newest]
    return TableBlock(title="By parameter", columns=columns, rows=rows, caption=f"{len(newest)}, worst first", most=60)


def _found(result: StoredResult) -> Facts:
    return Facts(
        "Found last",
        [
            ("rule", result.title if result.parameter else "", None), ("found", result.measurement, None),
            ("change", result.change, None), ("limits", result.threshold, None), ("note", result.note, None),
            ("not measured", result.error, None), ("points", points_text(result.points), None),
            ("accepted", "yes, by a waiver" if result.accepted else "", None),
            *where(result.clusters), *(("example", example(key), None) for key in result.examples),
            ("measured in", f"{result.seconds:.2f} s", None),
            ("run", f"{result.at:%Y-%m-%d %H:%M}", ("run", result.run)),
        ],
    )  # fmt: skip


def where(clusters: Sequence[Cluster]) -> Iterator[tuple[str, object, view.Target]]:
    """Facts about where bad rows cluster, each leading to its league."""
    for cluster in clusters:
        named = (value for name, value in cluster.where if name == LEAGUE_SEGMENT and value not in {"", "none"})
        league = next(named, None)
        yield "where", str(cluster), None if league is None else ("league", league)


def _over_time(
    request: PageRequest, check: Check | None, shown: StoredResult, newest: Sequence[StoredResult],
    incidents: Sequence[Incident],
) -> Iterator[view.Block]:  # fmt: skip
    """How one rule and parameter went, with its incidents marked."""
    days = days_of(request)
    window = {"since": request.now - timedelta(days=days), "until": request.now}
    groups = reading.read_results(request.connection, window["since"], request.now, shown.rule, shown.parameter)
    results = groups.get(shown.id, (shown,))
    series = time_series.result_series(results, check.threshold if check else None, request.now)
    own = [incident for incident in incidents if incident.parameter == shown.parameter]
    marks = [charts.Marked(each.opened_at, each.resolved_at, f"incident #{each.id}") for each in own]
    drawn = charts.line_chart(series, **window, alt=f"{shown.title}, {series.said}", marks=marks)
    told = [series.said, series.forecast, "its incidents are marked" if marks else ""]
    yield Picture(number_of(days, "days"), drawn, "; ".join(filter(None, told)))
    stacks = [(result.at, result.new or 0, result.fixed or 0) for result in results]
    if bars := charts.stacked_bars(stacks, **window, alt=NEW_AND_FIXED):
        yield Picture("New and fixed", bars, NEW_AND_FIXED)
    parameters = tuple(sorted(result.parameter for result in newest if result.parameter))
    each = (view.Choice("parameter", "each", shown.parameter, parameters),) if parameters else ()
    yield Form("", ("rule", shown.rule), (view.Choice("days", "days shown", str(days)), *each), "Show")
    yield TableBlock(
        title="Run by run", rows=[of_rule(result, check) for result in reversed(results)], columns=RUN_BY_RUN,
        most=RUNS_LISTED, caption=f"The newest {RUNS_LISTED} of {len(results)}" if len(results) > RUNS_LISTED else "",
    )  # fmt: skip


RUNS_LISTED = 30
RUN_BY_RUN = (
    SectionColumn("status", lambda result: result.status.value, CellKind.BADGE),
    view.name_column("run", lambda result: f"{result.at:%Y-%m-%d %H:%M}", lambda result: ("run", result.run)),
    SectionColumn("found", lambda result: result.measurement or result.error or result.note),
    *view.figures("new", "known", "fixed"),
)

NEW_AND_FIXED = "Bad rows that were new in a run stand above the line, fixed ones below it."


def days_of(request: PageRequest) -> int:
    text = request.asked("days")
    return min(LONGEST, max(1, int(text))) if text.isdecimal() and len(text) < 6 else overview.DAYS_SHOWN


def what_to_do(request: PageRequest, name: str, check: Check | None) -> Iterator[view.Block]:
    """The runbook, the fix, what was repaired, and what is accepted of a rule."""
    if check is not None and (text := runbook_html(check.mark.runbook)):
        yield view.Prose("Runbook", text)
    commands = [f"rally-health check --name {name} --detailed"]
    if check is not None and check.fix is not None:
        commands.append(f"rally-health fix plan {name}")
    note = f"The fix: {summary_of(check.fix)}" if check is not None and check.fix else "It has no fix of its own."
    yield Code("What to do", commands, note)
    repaired = request.connection.execute(
        select(repairs).where(repairs.c.rule == name).order_by(repairs.c.id.desc())
    ).all()
    if repaired:
        yield TableBlock(title="Its repairs", columns=REPAIR_COLUMNS, rows=repaired, most=10, more=("repairs", ""))
    accepted = waivers.active_waivers(request.connection, name)
    if accepted:
        yield Facts("Waivers", [(f"#{one.id}", str(one), ("audit", "")) for one in accepted])


def _changes(row: Any) -> Iterator[str]:
    return (f"{action} {number:,} of {table}" for table, action, number in row.changes)


REPAIR_COLUMNS = (
    SectionColumn("state", lambda row: row.state, CellKind.BADGE),
    view.name_column(
        "repair", lambda row: f"#{row.id} {row.rule or row.kind}", lambda row: ("rule", row.rule) if row.rule else None
    ),
    SectionColumn("changes", lambda row: "; ".join(_changes(row))),
    SectionColumn(
        "bad rows", lambda row: "" if row.bad_before is None else f"{row.bad_before:,} to {row.bad_after or 0:,}"
    ),
    *view.texts("planned_at", "planned_by", "applied_at", "applied_by", "undone_at", "undone_by"),
    SectionColumn("what", lambda row: row.summary, CellKind.MUTED),
)


def _backtest(request: PageRequest, check: Check) -> Form:
    typed = {name: request.asked(name) or None for name in ("warn", "critical")}
    fields = tuple(view.Choice(name, name, typed[name] or "") for name in typed)
    said = _tried(request, check, typed) if any(typed.values()) else ""
    return Form("Try other limits on its history", ("rule", check.name), fields, "Try", said)


def _tried(request: PageRequest, check: Check, typed: dict[str, str | None]) -> str:
    try:
        threshold = backtest.parse_threshold(check, backtest.ThresholdOptions(None, typed["warn"], typed["critical"]))
    except CheckDefinitionError as error:
        return str(error)
    since = request.now - timedelta(days=days_of(request))
    nights = backtest.backtest(reading.read_results(request.connection, since, request.now, check.name), threshold)
    would = sum(night.then.failing for night in nights)
    did = sum(night.result.status.failing for night in nights)
    alerted = f"would have alerted {would} of {number_of(len(nights), 'times')}"
    return f"{threshold}: {alerted}; it did {number_of(did, 'times')}"


def _rule_names(request: PageRequest) -> list[str]:
    return sorted({*request.rules, *(one.rule for one in reading.latest_results(request.connection, request.now))})


RULE_PAGES = (
    view.Page(kind="rules", build=_rules, navigation="Rules"),
    view.Page(kind="rule", build=_rule, keys=_rule_names),
)
