"""Each real incident of 2025, planted into the platform's database, moves the rules that it should and no others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, make_url
from sqlalchemy.pool import NullPool

from checks import Status
from checks.engine.collecting.rules import Rules
from checks.engine.judging.judge import Baseline
from checks.engine.run import Options, Request, measure_on
from checks.scopes import DIMENSIONS
from etl.database import open_engine
from etl.tables import metadata
from tests.platform.build import PLATFORM
from tests.platform.fixtures import AUGUST, Template
from tests.platform.incidents import INCIDENTS, Incident
from tests.platform.servers import administer

NOW = datetime(2025, 8, 9, 12, tzinfo=UTC)
Ids = tuple[str, str]


@pytest.fixture(scope="module")
def planted(platform_template: Template) -> Iterator[Connection]:
    """The platform's database without its foreign keys being asked, as the loader of that time wrote."""
    if not PLATFORM.is_dir():
        pytest.skip(f"the platform's database is not at {PLATFORM}")
    source = make_url(platform_template(AUGUST))
    administer(str(source), f"create database incidents template {source.database}")
    engine = open_engine(source.set(database="incidents", username="rally").render_as_string(hide_password=False),
                         poolclass=NullPool)  # fmt: skip
    with engine.connect() as connection, connection.begin() as transaction:
        connection.exec_driver_sql("set local session_replication_role = replica")
        yield connection
        transaction.rollback()
    administer(str(source), "drop database incidents with (force)")


@pytest.fixture(scope="module")
def watched(catalogue: Rules) -> Rules:
    """The rules about the platform's data; those about imports have nothing to say of a database without any."""
    return catalogue.only(check for check in catalogue.values() if check.domain != "imports")


def statuses(
    connection: Connection, rules: Rules, baseline: Baseline | None = None
) -> Mapping[Ids, tuple[Status, Any]]:
    request = Request(
        now=NOW, options=Options(details=False, statements=False), baseline=baseline or Baseline(),
        dimensions=DIMENSIONS, tables=metadata.tables,
    )  # fmt: skip
    report = measure_on(connection, rules, request)
    assert not [(result.title, result.error) for result in report.results if result.error]
    return {
        result.id: (result.status, result.value if result.count is None else result.count) for result in report.results
    }


def with_history(connection: Connection, rules: Rules) -> tuple[Baseline, Mapping[Ids, tuple[Status, Any]]]:
    """A baseline of five nights like this one, and how the rules stand with it."""
    values = {key: float(value) for key, (_, value) in statuses(connection, rules).items() if value is not None}
    baseline = Baseline(readings={key: (value,) * 5 for key, value in values.items()})
    return baseline, statuses(connection, rules, baseline)


@pytest.fixture(scope="module")
def known(planted: Connection, watched: Rules) -> tuple[Baseline, Mapping[Ids, tuple[Status, Any]]]:
    return with_history(planted, watched)


@pytest.mark.slow
@pytest.mark.parametrize("incident", INCIDENTS, ids=str)
def test_an_incident_moves_its_rules_and_no_others(
    planted: Connection, watched: Rules, known: tuple[Baseline, Mapping[Ids, tuple[Status, Any]]], incident: Incident
) -> None:
    with planted.begin_nested() as savepoint:
        for statement in incident.first:
            planted.exec_driver_sql(statement.replace("%", "%%"))
        baseline, before = with_history(planted, watched) if incident.first else known
        for statement in incident.planted:
            planted.exec_driver_sql(statement.replace("%", "%%"))

        after = statuses(planted, watched, baseline)
        savepoint.rollback()
    for counted in (statement for statement in incident.planted if statement.startswith("analyze")):
        planted.exec_driver_sql(counted)  # what ANALYZE writes is not rolled back

    worse = {rule for (rule, label), (status, _) in after.items()
             if status.rank > before.get((rule, label), (Status.OK, 0))[0].rank}  # fmt: skip
    assert worse == set(incident.caught)


def test_none_of_the_incidents_is_left_out() -> None:
    assert len(INCIDENTS) == 18
