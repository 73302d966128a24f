"""What is closed stays as it was closed: imports, their parts, repairs and waivers, as feeds do since 0017."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

REFUSE = "execute function quality.append_only"
CLOSED = {
    "import_runs": ("old.outcome <> 'running'", ""),
    "waivers": ("old.withdrawn_at is not null", ""),
    # the rows of a part are dropped when they are not needed any more
    "import_parts": ("old.outcome <> 'held' or old.closed_at is not null", "'rows'"),
    # what was applied can be undone, and the copies that this needs can be given up
    "repairs": ("old.state = 'applied'", "'state', 'undone_at', 'undone_by'"),
}
"""When a row of a table is closed, and which of its columns may change even then."""
ENDED = {
    "repairs": "old.state in ('undone', 'forgotten') or (old.state = 'applied' and new.state = 'planned')",
    "import_parts": "(old.outcome <> 'held' or old.closed_at is not null) and new.rows is not null"
    " and new.rows is distinct from old.rows",
}
"""What is refused altogether."""


def upgrade() -> None:
    for table, (closed, columns) in CLOSED.items():
        _create("closed_once", "before update", table, closed, columns)
    for table, ended in ENDED.items():
        _create("ended_once", "before update", table, ended)
    _create("append_only", "before delete", "import_parts")
    op.execute(sa.text(f"create trigger never_emptied before truncate on quality.import_parts {REFUSE}()"))


def _create(name: str, event: str, table: str, condition: str = "", columns: str = "") -> None:
    when = f"when ({condition})" if condition else ""
    op.execute(sa.text(f"create trigger {name} {event} on quality.{table} for each row {when} {REFUSE}({columns})"))


def downgrade() -> None:
    for table in CLOSED:
        op.execute(sa.text(f"drop trigger closed_once on quality.{table}"))
    for table in ENDED:
        op.execute(sa.text(f"drop trigger ended_once on quality.{table}"))
    for name in ("append_only", "never_emptied"):
        op.execute(sa.text(f"drop trigger {name} on quality.import_parts"))
