"""Sentences that every form of a report shares. Data is foreign: nothing in it may steer a terminal or a page."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from typing import Any

from checks.engine.keys import spelled
from checks.engine.levels import Status
from checks.engine.report import Report
from checks.engine.results import Result

# Cc: control characters and escapes; Cf: invisible ones such as right-to-left overrides; Cs: lone surrogates
MOST_PARTS = 12
UNSAFE = {"Cc", "Cf", "Cs"}


def clean(text: str) -> str:
    """Text without characters that are no text, each shown as U+FFFD."""
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in UNSAFE else c for c in text)


def lines_of(text: str) -> list[str]:
    """The lines of a longer text such as SQL, each clean."""
    return [clean(line) for line in text.splitlines()]


def example(key: Mapping[str, Any]) -> str:
    """A key on one line: `match_date=2025-01-07 home_team="Skokie - 20"`."""
    return clean(" ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in key.items()))


def fingerprints(result: Result) -> dict[str, str]:
    """The fingerprint of each example, by its text: what `rally-health waive --key` takes."""
    listed = result.findings.listed if result.findings is not None else ()
    return {example(finding.key): spelled(finding.fingerprint) for finding in listed}


def headline(report: Report) -> str:
    """The score in one line."""
    if report.score is None:
        return "Score unknown: nothing could be measured"
    gross = "" if report.gross.value == report.score else f" (gross {report.gross.value})"
    return f"Score {report.score} of 100{gross}: {report.band}"


def headlines(report: Report) -> list[str]:
    """What stands under the score: the change since the run before, the figures to steer by, the scores of parts."""
    lines = [f"Since the last run: {clean(report.difference)}"] if report.difference else []
    lines += [clean(str(figure)) for figure in report.figures]
    for dimension, parts in sorted(report.parts.items()):
        told = sorted(parts.items(), key=lambda item: (item[1] is None, item[1], item[0]))
        said = [f"{clean(label)} {'unknown' if value is None else value}" for label, value in told[:MOST_PARTS]]
        more = [f"{len(told) - MOST_PARTS} more"] if len(told) > MOST_PARTS else []
        lines.append(f"By {dimension}: {', '.join([*said, *more])}")
    return lines


def tally(report: Report) -> str:
    """How many rules stand how, and how much of the question was answered."""
    counts = report.counts()
    order = sorted(counts, key=lambda status: -status.rank)
    said = ", ".join(f"{counts[status]} {status}" for status in order) or "no rules"
    seconds = (report.finished - report.started).total_seconds()
    return f"{len(report.results)} results: {said}; coverage {report.coverage:.0%}; {seconds:.1f} s"


def verdict(result: Result) -> str:
    """Why a result has its status, in one sentence."""
    if result.status is Status.ERROR:
        return f"could not be measured: {clean(result.error)}"
    if result.status is Status.SKIPPED:
        return clean(result.note) or "nothing to measure"
    return f"{result.measurement}; {result.threshold}"


def remarks(report: Report) -> list[str]:
    """What a reader should know besides the results."""
    lines = [f"waiver is over: {clean(str(waiver))}" for waiver in report.expired]
    lines += [f"waiver is needed no more: {clean(str(waiver))}" for waiver in report.unused]
    lines += [clean(complaint) for complaint in report.complaints]
    if report.snapshots > 1:
        lines.append(f"the database was lost during the run: the results belong to {report.snapshots} moments")
    if report.role is None and report.role_wanted is not None:
        lines.append(f"the role {report.role_wanted!r} cannot be taken on: the run was read-only by transaction alone")
    return lines
