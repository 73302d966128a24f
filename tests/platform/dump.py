"""A database as text, to be compared: every row of the platform's tables, and everything that the catalogue holds."""

from __future__ import annotations

from sqlalchemy import Engine, text

from etl.adoption.catalogue import read_catalogue

OTHERS = """
select 'function', p.proname, pg_get_functiondef(p.oid) from pg_proc p where p.pronamespace = 'public'::regnamespace
union all
select 'view', c.relname, pg_get_viewdef(c.oid) from pg_class c
where c.relnamespace = 'public'::regnamespace and c.relkind = 'v'
union all
select 'sequence', s.sequencename, s.start_value::text from pg_sequences s where s.schemaname = 'public'
union all
select 'schema', n.nspname, a::text from pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
where n.nspname !~ '^pg_(toast|temp)'
union all
select 'rights', c.relname, a::text from pg_class c,
       aclexplode(coalesce(c.relacl, acldefault(case c.relkind when 'S' then 's' else 'r' end::"char", c.relowner))) a
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'S')
union all
select 'column rights', t.attrelid::regclass::text || '.' || t.attname, t.attacl::text from pg_attribute t
where t.attacl is not null
union all
select 'default rights', d.defaclobjtype::text, d.defaclacl::text from pg_default_acl d
order by 1, 2, 3
"""


def rows(engine: Engine) -> dict[str, tuple[int, str]]:
    """How many rows each table of the platform has, and a digest of all of them."""
    found = {}
    with engine.begin() as connection:
        for name, table in read_catalogue(connection).items():
            if table.is_table:
                digest = f"select count(*), md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from {name} t"
                found[name] = tuple(connection.execute(text(digest)).one())
    return found


def versions(engine: Engine, tables: list[str]) -> dict[str, str]:
    """Which transaction wrote each row, and where it lies: the same only where no row was touched."""
    with engine.begin() as connection:
        place = "select md5(string_agg(ctid::text || xmin::text, '|' order by ctid)) from"
        return {name: str(connection.scalar(text(f"{place} {name}"))) for name in tables}


def catalogue(engine: Engine) -> list[str]:
    """Everything that the catalogue holds of the schema public, and who may do what."""
    with engine.begin() as connection:
        tables = read_catalogue(connection)
        parts = [
            f"{name} {part}"
            for name, table in tables.items()
            for part in (table.kind, table.owner, *table.columns.values(), *table.constraints.values(),
                         *table.indexes.values(), *table.triggers.items())
        ]  # fmt: skip
        return [*parts, *(str(tuple(row)) for row in connection.execute(text(OTHERS)))]
