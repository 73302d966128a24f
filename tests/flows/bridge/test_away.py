"""Prefect that is away, slow or dying costs seconds and a remark: the result and the exit code stay what they were."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from tests.etl.importing.feeds import fixture, standing, write
from tests.flows.bridge.command import Command, ended
from tests.flows.bridge.proxy import Fault, Proxy
from tests.forks import Ended

pytestmark = pytest.mark.slow

AT_MOST = 10.0
GATE = 4711
RULE = f'''
from sqlalchemy import func, select
from checks import Bad, Severity, above, check, rows
from etl.tables import leagues

@check(severity=Severity.LOW, table=leagues, threshold=above(warn=rows(1)), owner="tests")
def league_behind_a_gate() -> Bad:
    """Waits for a lock that the test holds, so that the test knows where the run is."""
    passed = func.pg_advisory_xact_lock_shared({GATE}).is_(None)
    return Bad(select(leagues.c.id).where(passed))
'''
FAULTS = [Fault.REFUSED, Fault.UNAVAILABLE, Fault.HANGING]


@pytest.fixture
def season(tmp_path: Path) -> Path:
    """Two teams and a match between them."""
    folder = tmp_path / "feeds"
    write(folder, "series_stats", [standing("Birchwood - 11"), standing("Skokie - 11")])
    write(folder, "schedules", [fixture("Birchwood - 11", "Skokie - 11")])
    return folder


@pytest.fixture
def gated(command: Command, season: Path, tmp_path: Path) -> Command:
    """A command on a database with a season, whose check has a rule that waits for the test."""
    assert command.run("import", str(season)).code == 0
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "gated.py").write_text(RULE)
    return command.having(RALLY_RULES=str(rules))


FEW = ("--domain", "teams")
"""What is measured: Prefect's troubles do not ask how many rules there are."""


def check(command: Command, database: Engine, fail: Any = None) -> tuple[Ended, float]:
    """Run a check whose Prefect fails in the middle of it; with the seconds from there to its end."""
    with database.connect() as holder:
        holder.execute(text("select pg_advisory_lock(:key)"), {"key": GATE})
        process = command.fork("check", *FEW, "--domain", "gated", "--json", "-", "--today", "2024-09-20")
        try:
            waits = text("select count(*) from pg_locks where locktype = 'advisory' and objid = :key and not granted")
            while not holder.execute(waits, {"key": GATE}).scalar_one():
                assert process.process.is_alive(), process.end()
                time.sleep(0.05)
            if fail:
                fail()
            started = time.monotonic()
            holder.execute(text("select pg_advisory_unlock(:key)"), {"key": GATE})
        except BaseException:
            process.kill()
            raise
        return process.end(), time.monotonic() - started


def _import(command: Command, season: Path) -> tuple[Ended, float]:
    """An import, and how many seconds it took."""
    started = time.monotonic()
    return command.run("import", str(season), "--json", "-"), time.monotonic() - started


def facts(end: Ended) -> list[tuple[Any, ...]]:
    return sorted((one["rule"], one["parameter"] or "", one["status"], one["count"]) for one in end.json["results"])


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.value)
def test_an_api_that_dies_in_the_middle_changes_neither_result_nor_exit_code(
    gated: Command, database: Engine, prefect_api: str, fault: Fault
) -> None:
    alone, usual = check(gated, database)
    with Proxy(int(prefect_api.split(":")[2].split("/", maxsplit=1)[0])) as proxy:
        url = f"http://127.0.0.1:{proxy.port}/api"

        lost, seconds = check(gated.under(url), database, lambda: proxy.fail(fault))

    assert (lost.code, facts(lost)) == (alone.code, facts(alone))
    assert "note: Prefect does not answer" in lost.err
    assert seconds - usual < AT_MOST


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.value)
def test_an_api_that_is_away_from_the_start_is_not_waited_for(command: Command, season: Path, fault: Fault) -> None:
    with Proxy(0, fault) as proxy:
        if fault is Fault.REFUSED:
            proxy.fail(fault)

        end, seconds = _import(command.under(f"http://127.0.0.1:{proxy.port}/api"), season)
    _, usual = _import(command, season)

    assert seconds - usual < AT_MOST
    assert (end.code, end.json["outcome"]) == (0, "published")
    assert "note: Prefect does not answer" in end.err


def test_the_report_says_that_prefect_was_away(command: Command, season: Path) -> None:
    command.run("import", str(season))

    end = command.under("http://127.0.0.1:9/api").run("check", *FEW, "--json", "-")

    assert end.json["complaints"] == ["Prefect does not answer (ConnectError): its UI knows nothing of this run"]


def test_without_an_api_prefect_is_not_even_imported(command: Command, season: Path) -> None:
    end = ended(command.having(PYTHONPROFILEIMPORTTIME="1").start("import", str(season)))

    assert end.code == 0
    assert "rally" in end.err or "flows" in end.err
    assert "prefect.flows" not in end.err
