"""What the work stands on: how the database and the machine do, and which versions are in use."""

from __future__ import annotations

from checks.review.section import CellKind, Section, SectionColumn
from checks.review.values import PeriodKind, SystemFact, Technology

VERDICT_WORDS = {True: "fine", False: "look at it", None: ""}


def _fact_line(fact: SystemFact) -> str:
    verdict = " (look at it)" if fact.fine is False else ""
    return f"{fact.what}: {'; '.join(filter(None, (fact.said, fact.detail)))}{verdict}"


def _version_line(row: Technology) -> str:
    pin = f" (tested with {row.current})" if row.current and row.current != row.version else ""
    return f"{row.name} {row.version}{pin}{f': {row.remark}' if row.remark else ''}"


SYSTEM = Section(
    key="system", anchor="system", title="System health", navigation="System", place=149, shortest=PeriodKind.WEEKLY,
    empty="Nothing is known of the system.", rows=lambda inputs: inputs.book.system,
    caption="Database, machine, Prefect and outbox, as they were when the report was made",
    columns=(
        SectionColumn("what", lambda fact: fact.what, CellKind.NAME),
        SectionColumn("is", lambda fact: fact.said),
        SectionColumn("verdict", lambda fact: VERDICT_WORDS[fact.fine], CellKind.BADGE),
        SectionColumn("more", lambda fact: fact.detail, CellKind.MUTED),
    ),
    line=_fact_line,
)  # fmt: skip

TECHNOLOGY = Section(
    key="technology", anchor="technology", title="Technology", place=152, shortest=PeriodKind.ANNUAL,
    empty="Nothing is known of the versions.", rows=lambda inputs: inputs.book.technology,
    caption="Versions in use, and those that constraints.txt names",
    columns=(
        SectionColumn("what", lambda row: row.name, CellKind.NAME),
        SectionColumn("in use", lambda row: row.version),
        SectionColumn("tested with", lambda row: row.current),
        SectionColumn("verdict", lambda row: VERDICT_WORDS[row.fine], CellKind.BADGE),
        SectionColumn("remark", lambda row: row.remark, CellKind.MUTED),
    ),
    line=_version_line,
)  # fmt: skip
