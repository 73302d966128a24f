"""The operator's pages over two years of daily runs with a hundred rules and 200 leagues, each asked over HTTP.

The first time is that of a process which has not shown the page before; the limit holds for the median of the others.
On a machine with other work the time counts that, too: the seconds of CPU beside it are those of asking and answering.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import Engine, text

from etl.embedded import running
from tests.benchmarks.bench_report import DAYS, NOW, fill

LIMIT_SECONDS = 0.3
LEAGUES = 200
ROUNDS = 5
LEAGUE_FEEDS = text(
    "insert into quality.import_feeds (run_id, path, kind, league, outcome, started_at, finished_at, rows, records)"
    " select :run, 'x', kind, 'LEAGUE ' || n, 'published', :at, :at, 100 + n, 100 + n"
    " from generate_series(1, :leagues) n, unnest(array['schedules', 'series_stats']) kind"
)
OTHERS = ("/runs?days=730", "/rule/duplicate_match?days=730&warn=0.5%25", "/search?q=match")


def main() -> None:
    """Fill a database, and tell how long each page takes."""
    from etl.database import open_engine  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "server", fsync="off") as url:
        fill(url, LEAGUES)
        engine = open_engine(url)
        with engine.begin() as connection:
            connection.execute(LEAGUE_FEEDS, {"run": DAYS, "at": NOW, "leagues": LEAGUES})
            connection.exec_driver_sql("analyze")
        _measure(engine)
        engine.dispose()


def _measure(engine: Engine) -> None:
    from flows.web.render import PAGES  # noqa: PLC0415
    from tests.flows.web.conftest import serving  # noqa: PLC0415
    from tests.flows.web.test_pages import addresses  # noqa: PLC0415

    with serving(engine, NOW) as place:
        for address in [*(each for page in PAGES for each in addresses(place, page, NOW, 1)), *OTHERS]:
            first, *later = (_asked(place, address) for _ in range(ROUNDS))
            wall, used = median(took for took, _ in later), median(cpu for _, cpu in later)
            verdict = "ok" if wall < LIMIT_SECONDS else f"ABOVE {LIMIT_SECONDS:g} s"
            print(f"{address[:46]:46} {first[0]:5.2f} s, then {wall:5.3f} s, {used:5.3f} s of CPU  {verdict}")  # noqa: T201


def _asked(place: Any, address: str) -> tuple[float, float]:
    """Seconds that an answer takes, and seconds of this process, which asks and answers."""
    began = time.perf_counter(), time.process_time()
    assert place.get(address).status_code == 200, address
    return time.perf_counter() - began[0], time.process_time() - began[1]


if __name__ == "__main__":
    main()
