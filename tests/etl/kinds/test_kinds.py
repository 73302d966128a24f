"""Kinds of feeds: each is whole, and every registry knows it."""

from __future__ import annotations

from itertools import combinations

import pytest

from checks.engine.collecting.collect import collect
from checks.scopes import SOURCES
from etl.feeds import Feed, discover
from etl.kinds import KINDS, kind_named
from etl.kinds.kind import FeedKind
from etl.tables import metadata
from flows.bridge.artifacts import table_keys
from flows.service.import_gate import watched_rules
from tests.etl.kinds.rows import SOUND, check

each_kind = pytest.mark.parametrize("kind", KINDS, ids=str)


def test_no_two_kinds_share_a_file_a_place_or_a_staging_table() -> None:
    for one, other in combinations(KINDS, 2):
        assert {one.name, *one.stems}.isdisjoint({other.name, *other.stems})
        assert one.place != other.place
        assert one.stage.name != other.stage.name


@each_kind
def test_a_file_of_each_stem_is_found(kind: FeedKind, tmp_path_factory: pytest.TempPathFactory) -> None:
    for stem in (kind.name, *kind.stems):
        path = tmp_path_factory.mktemp(stem) / f"{stem}.json"
        path.write_text("[]")

        assert discover([path])[0] == (Feed(path, kind, "all"),)
    assert kind_named(kind.name) is kind


@each_kind
def test_a_record_has_a_column_of_its_staging_table_for_each_field(kind: FeedKind) -> None:
    record = check(kind, SOUND[kind.name])
    fields = kind.schema.record._fields

    assert isinstance(record, kind.schema.record)
    assert fields == tuple(kind.stage.columns.keys())
    assert {"index", "league"} <= {*fields}
    assert {*kind.key} <= {*fields}


@each_kind
def test_no_key_of_a_feed_is_read_twice(kind: FeedKind) -> None:
    spellings = [spelling for slot in kind.schema.slots for spelling in slot.spellings]

    assert len(spellings) == len({*spellings})
    assert kind.schema.ignored.isdisjoint(spellings)


@each_kind
def test_what_it_writes_are_tables_of_the_platform_with_their_assets(kind: FeedKind) -> None:
    assert kind.tables
    for table in kind.tables:
        assert metadata.tables[table.name] is table
        assert f"postgres://rally/public/{table.name}" in table_keys()


@each_kind
def test_the_columns_that_it_asks_about_are_of_its_tables(kind: FeedKind) -> None:
    columns = {column.name for table in kind.tables for column in table.columns}

    assert {*kind.lasting, *kind.figures, *filter(None, [kind.day])} <= columns


@each_kind
def test_rules_gate_it(kind: FeedKind) -> None:
    rules = collect(SOURCES)

    assert {*kind.domains} <= {rule.domain for rule in rules.values()}
    assert watched_rules(rules, kind)


def test_teams_are_named_before_anything_refers_to_them() -> None:
    naming = [kind.names_teams for kind in KINDS]

    assert naming == sorted(naming, reverse=True)
    assert naming[0]
