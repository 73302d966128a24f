"""Closed feeds of imports are history, too, and no table of history can be emptied at one stroke."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

FEEDS = "quality.import_feeds"
HISTORY = ("check_runs", "check_results", "check_seals", "import_runs", "import_feeds", "waivers", "repairs")
REFUSE = "execute function quality.append_only()"


def upgrade() -> None:
    closed = f"before update on {FEEDS} for each row when (old.outcome <> 'running') {REFUSE}"
    op.execute(sa.text(f"create trigger closed_once {closed}"))
    op.execute(sa.text(f"create trigger append_only before delete on {FEEDS} for each row {REFUSE}"))
    for table in HISTORY:
        op.execute(sa.text(f"create trigger never_emptied before truncate on quality.{table} {REFUSE}"))


def downgrade() -> None:
    for table in HISTORY:
        op.execute(sa.text(f"drop trigger never_emptied on quality.{table}"))
    for trigger in ("append_only", "closed_once"):
        op.execute(sa.text(f"drop trigger {trigger} on {FEEDS}"))
