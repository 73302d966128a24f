"""History that is only appended to: triggers refuse what would rewrite it, and each run is sealed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"

APPEND_ONLY = """
create function quality.append_only() returns trigger language plpgsql as $$
declare
    may_change text[] := coalesce(tg_argv, '{}');
begin
    if tg_op = 'UPDATE' and to_jsonb(new) - may_change = to_jsonb(old) - may_change then
        return new;
    end if;
    raise exception 'quality.% is history: rows are added, never changed or deleted', tg_table_name
        using errcode = 'restrict_violation';
end $$
"""
TABLES = {
    "check_runs": "",
    "check_results": "",
    "check_seals": "",
    "import_runs": "'outcome', 'finished_at'",
    "waivers": "'withdrawn_at'",
    "repairs": "'state', 'proposal', 'changes', 'digest', 'options', 'bad_before', 'bad_after', 'score_before',"
    " 'score_after', 'applied_at', 'applied_by', 'undone_at', 'undone_by', 'snapshot'",
}
"""Tables of history, with the columns that close a row."""


def upgrade() -> None:
    _create_seals()
    op.execute(sa.text(APPEND_ONLY))
    for table, open_columns in TABLES.items():
        refuse = f"for each row execute function quality.append_only({open_columns})"
        op.execute(sa.text(f"create trigger append_only before update or delete on quality.{table} {refuse}"))


def _create_seals() -> None:
    op.create_table(
        "check_seals",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("run_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("columns", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("seal", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["quality.check_runs.id"], name=op.f("fk_check_seals_run_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_check_seals")),
        sa.UniqueConstraint("run_id", name=op.f("uq_check_seals_run_id")),
        schema="quality",
    )


def downgrade() -> None:
    for table in TABLES:
        op.execute(sa.text(f"drop trigger append_only on quality.{table}"))
    op.execute(sa.text("drop function quality.append_only()"))
    op.drop_table("check_seals", schema="quality")
