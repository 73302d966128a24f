"""How repairs look: on one line, and as JSON."""

from __future__ import annotations

from typing import Any

from checks.repairs import Plan, Preview
from etl.repairs import Repair, State


def line(known: Repair) -> str:
    """A repair on one line."""
    what = ", ".join(map(str, known.changes)) or "nothing"
    rule = f" of {known.rule}" if known.rule else f" ({known.summary})"
    better = ""
    if known.bad_before is not None:
        better = f"; bad rows {known.bad_before:,} -> {known.bad_after:,}, gate score {known.score_before} ->"
        better += f" {known.score_after}"
    proposal = ", only a proposal" if known.proposal else ""
    word, state, at, who, more = {
        State.PLANNED: ("plan", "planned", known.planned_at, known.planned_by, ""),
        State.APPLIED: ("repair", "applied", known.applied_at, known.applied_by, ""),
        State.UNDONE: ("repair", "undone", known.undone_at, known.undone_by, ""),
        State.FORGOTTEN: ("repair", "applied", known.applied_at, known.applied_by, ", too old to be undone"),
    }[known.state]
    moment = f"{at:%Y-%m-%d %H:%M}" if at else "?"
    return f"{word} {known.id}{rule}: {what}{better}; {state} {moment} by {who or '?'}{more}{proposal}"


def of_plan(one: Plan) -> dict[str, Any]:
    own = of_repair(one.repair) if one.repair else {"repair": None}
    return {"rule": one.rule, "summary": one.summary, "bad": one.bad, "why": one.why, **own,
            "examples": [of_row(row) for row in one.rows]}  # fmt: skip


def of_repair(known: Repair) -> dict[str, Any]:
    at = {name: getattr(known, name) for name in ("planned_at", "applied_at", "undone_at")}
    return {
        "repair": known.id, "kind": known.kind, "rule": known.rule, "summary": known.summary,
        "state": known.state.value, "proposal": known.proposal, "rows": known.rows,
        "changes": [{"table": one.table, "action": one.action, "rows": one.rows} for one in known.changes],
        "bad_before": known.bad_before, "bad_after": known.bad_after,
        "score_before": None if known.score_before is None else float(known.score_before),
        "score_after": None if known.score_after is None else float(known.score_after),
        **{name: value.isoformat() if value else None for name, value in at.items()},
        "planned_by": known.planned_by, "applied_by": known.applied_by, "undone_by": known.undone_by,
        "snapshot": known.snapshot,
    }  # fmt: skip


def of_row(row: Preview) -> dict[str, Any]:
    return {"table": row.table, "action": row.action, "key": dict(row.key),
            "changes": {name: list(change) for name, change in row.changes.items()}}  # fmt: skip
