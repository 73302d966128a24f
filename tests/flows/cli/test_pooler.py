"""The whole product through a pooler in transaction mode, which gives each transaction another session."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from tests.flows.conftest import Run
from tests.platform.fixtures import DEBIAN
from tests.platform.servers import POOLER, pooler
from tests.platform.test_import import SEASON

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(POOLER is None, reason="there is no pgbouncer"),
    pytest.mark.parametrize("platform", [DEBIAN], indirect=True, ids=str),
]
WORKERS = 2


def test_taking_into_use_importing_checking_and_leaving_work(
    platform: Engine, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pooler(platform.url, size=WORKERS + 1) as url:
        monkeypatch.setenv("DATABASE_URL", url.render_as_string(hide_password=False))

        assert "a pooler stands between us and the server" in run("doctor").out
        assert run("init").code == 0
        assert run("import", *SEASON).code == 0
        pooled = _results(run)
        repair = run("fix", "plan", "duplicate_match", "--json").json()[0]["repair"]
        assert run("fix", "apply", repair).code == 0
        assert run("fix", "undo", repair).code == 0
        undone = _results(run)
        monkeypatch.setenv("DATABASE_URL", platform.url.render_as_string(hide_password=False))
        direct = _results(run)

        assert pooled == undone == direct
        monkeypatch.setenv("DATABASE_URL", url.render_as_string(hide_password=False))
        assert run("init", "--remove", "--yes").code == 0


def _results(run: Run) -> list[tuple[str, str, str, int | None]]:
    """What each rule about the platform's rows found; what is measured in hours goes on while the test runs."""
    results = run("check", "--workers", WORKERS, "--json", "-").json()["results"]
    return [
        (one["rule"], one["parameter"], one["status"], one["count"]) for one in results if one["domain"] != "imports"
    ]
