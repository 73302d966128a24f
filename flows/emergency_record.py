"""The record of an emergency as Markdown: a timeline for the post-mortem, and what is left to be written by people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from checks.engine.report import Report
from checks.render.words import clean
from flows.emergency import Emergency

OPEN = ("Root cause", "Why it was not noticed earlier", "What keeps it from coming back, by whom and by when")


def write_record(emergency: Emergency, path: Path) -> Path:
    """Write the record, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(_lines(emergency)) + "\n", encoding="utf-8")
    return path


def path_of(folder: Path, began: datetime) -> Path:
    """Where the record of an emergency that began then is kept."""
    return folder / f"incident_{began:%Y%m%d_%H%M%S}.md"


def _lines(emergency: Emergency) -> Iterator[str]:
    began, ended = emergency.deeds[0].at, emergency.deeds[-1].at
    yield f"# Incident of {began:%Y-%m-%d %H:%M} UTC"
    yield ""
    yield f"Reason: {clean(emergency.reason)}. Led by {clean(emergency.who)}."
    yield ""
    yield "| | at the start | at the end |"
    yield "| --- | --- | --- |"
    yield f"| score | {_score(emergency.before)} | {_score(emergency.after)} |"
    yield f"| rules in trouble | {_failing(emergency.before)} | {_failing(emergency.after)} |"
    yield f"| imports | stopped | {'running' if emergency.resumed else 'stopped'} |"
    yield f"| time | {began:%H:%M:%S} | {ended:%H:%M:%S} ({(ended - began).total_seconds():,.0f} s) |"
    yield ""
    yield "## Timeline (UTC)"
    yield ""
    yield from (f"* {deed.at:%H:%M:%S} **{deed.step}** {_plain(deed.text)}" for deed in emergency.deeds)
    yield ""
    yield "## Repairs"
    yield ""
    for made in emergency.repairs:
        back = f"`rally-health fix undo {made.id}` takes it back; snapshot `{made.snapshot}`"
        yield f"* repair {made.id} of `{made.rule}`: {', '.join(map(str, made.changes))}; {back}"
    if not emergency.repairs:
        yield "None was made."
    for heading in OPEN:
        yield f"\n## {heading}\n\n_To be written._"


def _score(report: Report | None) -> str:
    return "unknown" if report is None or report.score is None else f"{report.score} ({report.band})"


def _failing(report: Report | None) -> str:
    return "unknown" if report is None else str(len(report.trouble))


def _plain(text: str) -> str:
    """Foreign text that cannot become a heading, a link or a tag."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>#|" else letter for letter in clean(text))
