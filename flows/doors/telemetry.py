"""Metrics and traces of runs for an OpenTelemetry collector: OTLP over HTTP, one request each, when the run has ended.

A run is a trace: its steps, and the scans and rules of a check, are spans with the time that they took. Its figures are
gauges, since a process that ends with its run has nothing to count on from. Whatever the library itself reads from the
environment, such as OTEL_EXPORTER_OTLP_HEADERS and OTEL_RESOURCE_ATTRIBUTES, holds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from typing import TypeAlias, TypeVar

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricExportResult
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Span, Status, StatusCode, set_span_in_context

from checks.engine.judging.outcome import Outcome
from checks.engine.measuring.measure import Unit
from checks.engine.reporting.report import Report
from etl.importing import Counts, ImportReport
from flows.service.context import Invocation

log = logging.getLogger("flows.doors.telemetry")
R = TypeVar("R")
Traced: TypeAlias = tuple[Invocation, Callable[[Report | ImportReport], None]]
"""The invocation of a run, its work being traced, and who is handed its report."""
SCOPE = "rally-health"
COLLECTOR_SECONDS = 5
"""That a collector has for each of both requests."""
UNITS = {
    "rally.health.score": "1", "rally.health.coverage": "1", "rally.health.results": "{result}",
    "rally.run.duration": "s", "rally.rule.bad_rows": "{row}", "rally.rule.value": "1", "rally.rule.duration": "s",
    "rally.import.rows": "{row}", "rally.import.duration": "s",
}  # fmt: skip
"""Every metric with its unit."""


class Recorder:
    """Gathers the spans and figures of one run, and sends them to a collector."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint.rstrip("/")
        self.spans, self.readings = InMemorySpanExporter(), InMemoryMetricReader()
        resource = Resource.create({"service.name": SCOPE, "service.version": version("rally-data-health")})
        traces = TracerProvider(resource=resource, shutdown_on_exit=False)
        traces.add_span_processor(SimpleSpanProcessor(self.spans))
        meters = MeterProvider([self.readings], resource=resource, shutdown_on_exit=False)
        self.tracer, meter = traces.get_tracer(SCOPE), meters.get_meter(SCOPE)
        self.gauges = {name: meter.create_gauge(name, unit) for name, unit in UNITS.items()}

    @contextmanager
    def recording(self, invocation: Invocation, name: str) -> Iterator[Traced]:
        """Record the block as a trace; an error is told by its type, since its text may hold data."""
        try:
            with self._span(name, None) as root:
                yield self._traced(invocation, root), partial(self._report, root)
        finally:
            self._send()

    @contextmanager
    def _span(self, name: str, parent: Span | None) -> Iterator[Span]:
        context = set_span_in_context(parent) if parent else None
        with self.tracer.start_as_current_span(
            name, context, record_exception=False, set_status_on_exception=False
        ) as span:  # fmt: skip
            try:
                yield span
            except BaseException as error:
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise

    def _traced(self, invocation: Invocation, root: Span) -> Invocation:
        """The invocation, with a span around each step and around each unit of a check."""

        def step(name: str, work: Callable[[], R], *, what: str = "") -> R:
            with self._span(name, root):
                return invocation.step(name, work, what=what)

        def unit(unit: Unit, work: Callable[[], list[Outcome]]) -> list[Outcome]:
            # in a thread of the engine, which knows nothing of the run's context
            with self._span(unit.name, root) as span:
                outcomes = invocation.unit_hook(unit, work)
                span.set_attributes(_of_unit(outcomes))
                return outcomes

        return replace(invocation, step=step, unit_hook=unit)

    def _report(self, root: Span, report: Report | ImportReport) -> None:
        if isinstance(report, Report):
            root.set_attributes(_of_check(report))
            self._figures_of_check(report)
        else:
            root.set_attributes({"rally.import": report.run, "rally.import.outcome": report.outcome.value})
            self._figures_of_import(report)

    def _figures_of_check(self, report: Report) -> None:
        if report.score is not None:
            self._set("rally.health.score", float(report.score))
        self._set("rally.health.coverage", report.coverage)
        self._set("rally.run.duration", (report.finished - report.started).total_seconds())
        for status, number in report.counts().items():
            self._set("rally.health.results", number, status=status.value)
        for result in report.results:
            labels = {"rule": result.rule, "parameter": result.parameter, "status": result.status.value}
            self._set("rally.rule.bad_rows", result.count, **labels)
            self._set("rally.rule.value", result.value, **labels)
            self._set("rally.rule.duration", result.seconds, **labels)

    def _figures_of_import(self, report: ImportReport) -> None:
        for feed in report.feeds:
            labels = {"kind": feed.kind, "league": feed.league, "outcome": feed.outcome.value}
            self._set("rally.import.duration", sum(feed.seconds.values()), **labels)
            for name in Counts.__slots__:
                self._set("rally.import.rows", getattr(feed.counts, name), **labels, count=name)

    def _set(self, name: str, value: float | None, **labels: str) -> None:
        if value is not None:
            self.gauges[name].set(value, {key: label for key, label in labels.items() if label})

    def _send(self) -> None:
        """Send what was gathered; whatever ails the collector is one warning."""
        # the library tells each of its tries, on standard error where nobody else listens
        library = logging.getLogger("opentelemetry")
        library.addHandler(logging.NullHandler())
        library.propagate = False
        for kind, send in (("traces", self._send_spans), ("metrics", self._send_figures)):
            try:
                sent = send(f"{self.endpoint}/v1/{kind}")
            except Exception as error:  # noqa: BLE001 - a run is not lost for who watches it
                log.warning("the %s of this run could not be sent: %s", kind, type(error).__name__)
            else:
                if not sent:
                    log.warning("RALLY_OTLP_ENDPOINT did not take the %s of this run", kind)

    def _send_spans(self, url: str) -> bool:
        exporter = OTLPSpanExporter(url, timeout=COLLECTOR_SECONDS)
        return exporter.export(self.spans.get_finished_spans()) is SpanExportResult.SUCCESS

    def _send_figures(self, url: str) -> bool:
        figures = self.readings.get_metrics_data()
        if figures is None:
            return True
        return OTLPMetricExporter(url, timeout=COLLECTOR_SECONDS).export(figures) is MetricExportResult.SUCCESS


def _of_check(report: Report) -> Mapping[str, str | float]:
    score = {} if report.score is None else {"rally.score": float(report.score)}
    return score | {
        "rally.run": report.run, "rally.band": report.band.value, "rally.coverage": round(report.coverage, 4),
        "rally.selection": report.selection, "rally.failing": len(report.trouble),
    }  # fmt: skip


def _of_unit(outcomes: list[Outcome]) -> Mapping[str, int | list[str]]:
    failing = [outcome for outcome in outcomes if outcome.verdict.status.failing]
    return {
        "rally.rules": sorted({outcome.query.check.name for outcome in outcomes}),
        "rally.results": len(outcomes), "rally.failing": len(failing),
    }  # fmt: skip
