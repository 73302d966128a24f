"""Rules as an Open Data Contract (ODCS 3): tables with their columns, and each rule as a quality check of its table.

A rule is a check of the type `custom` of the engine `rally-health`: its limits are shares, differences or readings of
its own history, which the standard's operators cannot say. The SQL that lists its bad rows stands with it, for reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from itertools import groupby

import yaml
from open_data_contract_standard import model
from sqlalchemy import Column, Table, UniqueConstraint
from sqlalchemy.dialects import postgresql

from checks.engine.authoring.spec import Check
from checks.engine.collecting.rules import Rules
from checks.standards import rules_with_sql
from etl.tables import metadata

ENGINE = "rally-health"
STANDARD = "v3.1.0"
LOGICAL: Mapping[type, str] = {str: "string", int: "integer", bool: "boolean", float: "number"}
DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy has no types for it


def odcs_yaml(rules: Rules) -> str:
    """The contract as YAML. The same rules give the same text."""
    tables = groupby(sorted(rules_with_sql(rules), key=_place), key=lambda member: member[0].table)
    contract = model.OpenDataContractStandard(
        version=version("rally-data-health"), apiVersion=STANDARD, kind="DataContract", id="rally-league-data",
        name="Rally league data", status="active", domain="leagues", tags=["data-quality"],
        description=model.Description(
            purpose="What league data has to be like, and what is done where it is not.",
            usage="rally-health check measures every quality check; its runbook says what to do.",
        ),
        schema=[_schema_object(name, list(members)) for name, members in tables],
    )  # fmt: skip
    plain = contract.model_dump(exclude_none=True, exclude_defaults=True, by_alias=True)
    return yaml.dump(plain, Dumper=_Blocks, sort_keys=False, allow_unicode=True, width=120)


class _Blocks(yaml.SafeDumper):
    """Writes texts of several lines, such as SQL, as blocks that a person can read and copy."""


_Blocks.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)


def _place(member: tuple[Check, str]) -> tuple[str, str]:
    return member[0].table, member[0].name


def _schema_object(name: str, members: Sequence[tuple[Check, str]]) -> model.SchemaObject:
    table = metadata.tables.get(name)
    schema, _, plain = name.rpartition(".")
    return model.SchemaObject(
        name=plain or "database", physicalName=f"{schema or 'public'}.{plain}" if plain else None,
        logicalType="object", physicalType="table" if plain else None,
        properties=list(_properties(table)) if table is not None else None,
        quality=[_quality(check, sql) for check, sql in members],
    )  # fmt: skip


def _properties(table: Table) -> Iterator[model.SchemaProperty]:
    keys = list(table.primary_key.columns)
    alone = {one.columns[0].name for one in table.constraints if isinstance(one, UniqueConstraint) and _single(one)}
    for column in table.columns:
        yield model.SchemaProperty(
            name=column.name, logicalType=_logical(column), physicalType=column.type.compile(DIALECT),
            required=not column.nullable, unique=True if column.name in alone else None,
            primaryKey=True if column in keys else None,
            primaryKeyPosition=keys.index(column) + 1 if column in keys else None,
            classification="restricted" if column.info.get("personal") else None,
        )  # fmt: skip


def _single(constraint: UniqueConstraint) -> bool:
    return len(constraint.columns) == 1


def _logical(column: Column[object]) -> str:
    """The standard's type of a column; what it has no word for is an object."""
    kind = column.type.python_type
    return LOGICAL.get(kind) or {"Decimal": "number", "date": "date", "datetime": "timestamp", "time": "time"}.get(
        kind.__name__, "object"
    )


def _quality(check: Check, sql: str) -> model.DataQuality:
    mark = check.mark
    facts = {"limits": str(mark.threshold), "domain": check.domain, "owner": mark.owner, "runbook": mark.runbook}
    return model.DataQuality(
        name=check.name, description=check.summary, type="custom", engine=ENGINE, severity=mark.severity.value,
        tags=sorted(mark.tags) or None, customProperties=list(_custom(facts.items())),
        implementation={"command": f"rally-health check --name {check.name}", "sql": sql},
    )  # fmt: skip


def _custom(facts: Iterable[tuple[str, str]]) -> Iterator[model.CustomProperty]:
    return (model.CustomProperty(property=name, value=value) for name, value in facts if value)
