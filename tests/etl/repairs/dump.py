"""The contents of a database as text, to compare byte by byte."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, text

OURS = ("repairs", "repair_rows", "alembic_version", "check_runs", "check_results", "check_states", "check_findings")
TABLES = text("""
select schemaname, tablename from pg_tables where schemaname in ('public', 'quality') order by schemaname, tablename
""")
STRUCTURE = text("""
select conrelid::regclass::text || ' ' || conname || ' ' || pg_get_constraintdef(oid)
from pg_constraint where connamespace in ('public'::regnamespace, 'quality'::regnamespace)
union all
select indexdef from pg_indexes where schemaname in ('public', 'quality')
union all
select tgrelid::regclass::text || ' ' || tgname || ' ' || tgenabled::text from pg_trigger where not tgisinternal
union all
select concat_ws(' ', table_schema, table_name, column_name, data_type, column_default)
from information_schema.columns where table_schema in ('public', 'quality')
order by 1
""")
SEQUENCES = text("select sequencename, last_value from pg_sequences where schemaname = 'public' order by 1")


def dump(where: Engine | Connection) -> str:
    """Every row, constraint, index, trigger and sequence but those of the repairs' own ledger."""
    if isinstance(where, Engine):
        with where.begin() as connection:
            return dump(connection)
    lines = [*where.scalars(STRUCTURE), *(str(row) for row in where.execute(SEQUENCES))]
    for schema, name in where.execute(TABLES).all():
        if name not in OURS:
            lines.append(f"{schema}.{name}")
            lines += sorted(where.scalars(text(f'select t::text from "{schema}"."{name}" t')))
    return "\n".join(lines)
