"""The CHECK of the schedule takes byes and practice times in any case, as the import and the rules do."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

NAME = "schedule_team_id_not_null"
LINKED = "home_team_id is not null or away_team_id is not null"
IN_ANY_CASE = f"{LINKED} or home_team ~* 'Practice' or home_team ~* '^\\s*bye(\\W|$)' or away_team ~* '^\\s*bye(\\W|$)'"
BY_LETTERS = (
    f"{LINKED} or strpos(home_team, 'Practice') > 0 or starts_with(home_team, 'BYE') or starts_with(away_team, 'BYE')"
)
OURS = sa.text("""
select convalidated from pg_constraint k join pg_class c on c.oid = k.conrelid
where k.conname = :name and c.oid = to_regclass('public.schedule') and pg_has_role(c.relowner, 'usage')
  and pg_get_constraintdef(k.oid) like '%BYE%' and pg_get_constraintdef(k.oid) like '%starts\\_with%'
""")
"""What `init` added; a constraint of that name that says something else is somebody's own."""


def upgrade() -> None:
    validated = op.get_bind().scalar(OURS, {"name": NAME})
    if validated is not None:
        _replace(IN_ANY_CASE, validated=validated)


def downgrade() -> None:
    """Rows that only the newer CHECK takes stay, and are refused when somebody writes them again."""
    there = "select 1 from pg_constraint where conname = :name and conrelid = to_regclass('public.schedule')"
    if op.get_bind().scalar(sa.text(there), {"name": NAME}):
        _replace(BY_LETTERS, validated=False)


def _replace(condition: str, *, validated: bool) -> None:
    """Validated as before, where no row is in its way: one such as "BYERS - 1" without a team was taken."""
    run = op.get_bind().exec_driver_sql
    run(f"alter table public.schedule drop constraint {NAME}")
    run(f"alter table public.schedule add constraint {NAME} check ({condition}) not valid")
    broken = f"select exists (select from public.schedule where not ({condition}))"  # noqa: S608 - the text above
    if validated and not run(broken).scalar():
        run(f"alter table public.schedule validate constraint {NAME}")
