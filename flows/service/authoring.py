"""What rule authors ask for: a new file, a trial of rules, suggestions for a table, and all bad rows of a rule."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from string import Template

from sqlalchemy import Table

import checks.rules
from checks.author.rows import RowsOfRule, bad_rows_of, raised_by
from checks.author.scratch import python_type
from checks.author.suggest import Suggestion, suggestions
from checks.author.trial import RuleTrial, try_rule
from checks.engine.authoring import CheckDefinitionError, MeasureError
from checks.engine.authoring.spec import TableName
from checks.engine.collecting.collect import IGNORED, collect
from checks.engine.collecting.rules import Rules
from checks.engine.measuring.reflect import NamedTables
from checks.engine.run import Options, Request
from checks.scopes import DIMENSIONS, IMPORT, SOURCES
from etl.tables import metadata
from flows.service.catalogue import rules_of
from flows.service.context import open_engine, today_here
from flows.settings import Settings, SettingsError

HOUSE = Path(checks.rules.__file__).parent
"""Where the catalogue stands."""
NEW_RULE = Template('''\
"""What must not be in $told."""

from __future__ import annotations

from checks import Bad, Row, Severity, above, row_check, rows


@row_check(
    $table,
    severity=Severity.LOW,
    threshold=above(warn=rows(0)),
    owner="me",
    tags={"daily"},
$good    bad=[{$column: None}],
)
def $name(row: Row) -> Bad:
    """A row of $told has no value in $of."""
    return Bad(row[$column].is_(None))
''')


def new_rule(settings: Settings, name: str, table: str, folder: Path | None) -> Path:
    """Write a file with a rule that runs, about a column of the table; raises SettingsError for one that is there."""
    if not name.isidentifier() or keyword.iskeyword(name) or name.startswith(IGNORED):
        raise CheckDefinitionError(f"{name!r} is no name of a rule; expected such as order_without_customer")
    if name in rules_of(settings):
        raise CheckDefinitionError(f"there is a rule {name!r} already: {rules_of(settings)[name].source}")
    target = (folder or _own_folder(settings)) / f"{name}.py"
    if target.exists():
        raise SettingsError(f"{target} is there already")
    with open_engine(settings, application="rally-health rules", migrated=False) as engine:
        own = NamedTables(engine.connect, {}).table(TableName(table))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(_text_of_rule(name, table, own), "utf-8")
    return target


def _text_of_rule(name: str, table: str, own: Table) -> str:
    """The file of a rule about the first column that may be empty; any name of a table or a column is written so that
    Python reads it back."""
    writable = [column for column in own.c if column.computed is None]
    column = next((column for column in writable if not column.primary_key), writable[0])
    value = {int: "1", float: "1.0", str: '"x"', bool: "True"}.get(python_type(column))
    quoted = json.dumps(column.name, ensure_ascii=False)
    return NEW_RULE.substitute(
        name=name, table=json.dumps(table, ensure_ascii=False), told=_plain(table), of=_plain(column.name),
        column=quoted, good=f"    good=[{{{quoted}: {value}}}],\n" if value else "",
    )  # fmt: skip


def _plain(name: str) -> str:
    return re.sub(r'["\\]', "", name)


def try_rules(settings: Settings, source: str | None) -> Iterator[RuleTrial]:
    """Try the rules of a file or a folder, of one name, or all that the settings name."""
    rules = rules_of(settings)
    if source is not None and Path(source).exists():
        rules = collect([*SOURCES, source])
        chosen = {name for name in rules if _is_of(rules, name, Path(source))}
    elif source is not None:
        chosen = {name for name in rules if name == source}
        if not chosen:
            raise MeasureError(f"{source!r} is neither a file nor a rule")
    else:
        chosen = {name for name in rules if not _is_of(rules, name, HOUSE)}
    with open_engine(settings, application="rally-health rules", migrated=False) as engine:
        for name in sorted(chosen):
            yield try_rule(engine, rules, rules[name], _request())


def suggested(settings: Settings, table: str) -> list[Suggestion]:
    """Ready-made rules that a table keeps today."""
    name = TableName(table)
    with open_engine(settings, application="rally-health rules", migrated=False) as engine:
        reflected = NamedTables(engine.connect, metadata.tables).table(name)
        with engine.connect() as connection, connection.begin():
            connection.exec_driver_sql("set transaction read only")
            return list(suggestions(connection, name, reflected))


@contextmanager
def rows_of_rule(settings: Settings, name: str) -> Iterator[RowsOfRule]:
    """All bad rows of one rule, for those who may see them. Raises SettingsError without that right."""
    if not settings.show_rows:
        raise SettingsError(
            "whole rows are shown to those who may see them alone: set RALLY_SHOW_ROWS=true, or show_rows = true"
        )
    rules = rules_of(settings)
    if name not in rules:
        raise MeasureError(f"{name!r} is no rule; --rows takes one by --name")
    with (
        open_engine(settings, application="rally-health check", migrated=False) as engine,
        bad_rows_of(engine, rules, rules[name], _request()) as found,
    ):
        yield found


def raised_in(settings: Settings, names: Sequence[str]) -> Iterator[tuple[str, BaseException]]:
    """What the rules of some names raise in this process, for a debugger; those that raise nothing are left out."""
    rules = rules_of(settings)
    with open_engine(settings, application="rally-health check", migrated=False) as engine:
        for name in names:
            if error := raised_by(engine, rules, rules[name], _request()):
                yield name, error


def _own_folder(settings: Settings) -> Path:
    return next((Path(source) for source in settings.rule_sources if Path(source).is_dir()), Path("rules"))


def _is_of(rules: Rules, name: str, source: Path) -> bool:
    return Path(rules[name].source.file).resolve().is_relative_to(source.resolve())


def _request() -> Request:
    known = [dimension for dimension in DIMENSIONS if dimension is not IMPORT]
    return Request(
        now=datetime.now(UTC), today=today_here(), dimensions=known, tables=metadata.tables, options=Options(workers=1)
    )
