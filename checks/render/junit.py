"""A report as JUnit XML: one test suite for each domain, one test case for each rule and parameter."""

from __future__ import annotations

from itertools import groupby
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from checks.engine.document import relative
from checks.engine.levels import Status
from checks.engine.report import FailOn, Report
from checks.engine.results import Result
from checks.render.words import clean, example, verdict


def junit(report: Report, fail_on: FailOn = FailOn.CRITICAL) -> str:
    """The XML text. What misses the bar of `fail_on` is a failure, ERROR an error, SKIPPED is skipped."""
    root = Element("testsuites", name="rally-health", time=_seconds(sum(result.seconds for result in report.results)))
    ordered = sorted(report.results, key=lambda result: (result.domain, result.title))
    for domain, group in groupby(ordered, lambda result: result.domain):
        _suite(root, domain, list(group), fail_on)
    _count(root, list(report.results), fail_on)
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _suite(root: Element, domain: str, results: list[Result], fail_on: FailOn) -> None:
    suite = SubElement(root, "testsuite", name=clean(domain), time=_seconds(sum(r.seconds for r in results)))
    _count(suite, results, fail_on)
    for result in results:
        _case(suite, result, fail_on)


def _case(suite: Element, result: Result, fail_on: FailOn) -> None:
    case = SubElement(
        suite, "testcase", classname=clean(result.domain), name=clean(result.title), time=_seconds(result.seconds)
    )
    if result.source is not None:
        case.set("file", clean(relative(result.source.file)))
        case.set("line", str(result.source.line))
    kind = _kind(result, fail_on)
    if kind == "passed":
        if result.status is not Status.OK:
            SubElement(case, "system-out").text = f"{result.status}: {_text(result)}"
        return
    SubElement(case, kind, message=verdict(result), type=result.status.value).text = _text(result)


def _kind(result: Result, fail_on: FailOn) -> str:
    if result.status is Status.SKIPPED or result.accepted:
        return "skipped"
    if result.status is Status.ERROR:
        return "error"
    missed = result.is_new if fail_on is FailOn.NEW else result.status in _bar(fail_on)
    return "failure" if missed else "passed"


def _bar(fail_on: FailOn) -> set[Status]:
    bars = {FailOn.CRITICAL: {Status.CRITICAL}, FailOn.WARN: {Status.CRITICAL, Status.WARN}}
    return bars.get(fail_on, set())


def _text(result: Result) -> str:
    facts = [clean(result.summary), verdict(result), result.change]
    facts += [clean(str(cluster)) for cluster in result.clusters]
    return "\n".join(filter(None, [*facts, *(example(key) for key in result.examples)]))


def _count(element: Element, results: list[Result], fail_on: FailOn) -> None:
    kinds = [_kind(result, fail_on) for result in results]
    element.set("tests", str(len(kinds)))
    for name, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(name, str(kinds.count(kind)))


def _seconds(value: float) -> str:
    return f"{value:.3f}"
