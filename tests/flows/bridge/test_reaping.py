"""A command that was killed leaves a flow run that says Running; the next one says what became of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from flows.bridge.zombies import COMMAND_LINE
from tests.etl.importing.feeds import fixture, standing, write
from tests.flows.bridge.command import Command
from tests.flows.bridge.stage import Stage, until

pytestmark = pytest.mark.slow


def test_the_flow_run_of_a_killed_import_is_marked_as_crashed_by_the_next_command(
    command: Command, database: Engine, prefect_api: str, tmp_path: Path
) -> None:
    write(tmp_path, "series_stats", [standing("Birchwood - 11"), standing("Skokie - 11")])
    write(tmp_path, "schedules", [fixture("Birchwood - 11", "Skokie - 11")])
    stage = Stage(prefect_api, command.under(prefect_api))
    with database.begin() as holder:
        holder.execute(text("lock table teams in access exclusive mode"))
        killed = stage.command.start("import", str(tmp_path / "APTA_CHICAGO"))
        running = {"state": {"type": {"any_": ["RUNNING"]}}, "tags": {"all_": [COMMAND_LINE]}}
        mine = f":{killed.pid}:"
        run = until(
            lambda: [one for one in stage.runs(**running) if any(mine in tag for tag in one["tags"])],
            "the import does not run",
        )[0]
        killed.kill()
        killed.communicate()

    again = stage.command.run("import", str(tmp_path / "APTA_CHICAGO"), "--wait", "5")

    assert again.code == 0, again
    assert stage.ended(run["id"])["state"]["type"] == "CRASHED"
    with database.begin() as connection:
        outcomes = connection.execute(text("select outcome from quality.import_runs order by id")).scalars().all()
    assert outcomes[-1] == "published"
    assert "running" not in outcomes
