"""`make bench-peers`: what other tools take for the same, in turns on one server, as one table of ratios.

Each peer gets a throw-away environment of its own, of the version that is pinned here. One that cannot be installed, or
fails, has a line that says so, and the others go on. `python -m tests.benchmarks.peers soda dlt` takes some of them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import make_url

from etl.database import open_engine
from etl.embedded import running
from etl.importing.import_run import import_paths
from etl.importing.options import Options
from tests.benchmarks.bench_checks import database_named, run_script
from tests.benchmarks.bench_evidence import PLACES, ROWS, USUAL_FIXTURES
from tests.benchmarks.long_feed import write

ROOT = Path(__file__).resolve().parents[3]
CONTENDERS = Path(__file__).with_name("contenders.py")
FEED_ROWS = 200_000
TURNS = int(os.environ.get("BENCH_TURNS", "3"))
LONGEST = 900
"""Seconds after which a contender, or its installation, is given up."""


@dataclass(frozen=True, slots=True)
class Contender:
    """Who does it: a function of the contenders' script, and what its environment needs (nothing: the project's)."""

    title: str
    function: str
    needs: str = ""


@dataclass(slots=True)
class Line:
    """What a contender took in all its turns: seconds alone and of the whole process, what it found, or its trouble."""

    alone: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    found: Sequence[int] = ()
    trouble: str = ""


CHECKS = (
    Contender("plain SQL", "sql_checks"),
    Contender("this product", "our_checks"),
    Contender("Great Expectations", "great_expectations", "great_expectations[postgresql]==1.24.1"),
    Contender("Soda Core", "soda", "soda-core-postgres==3.5.6"),
    Contender("pointblank", "pointblank", "pointblank[postgres,pl]==1.1.1"),
)
IMPORTS = (
    Contender("plain SQL", "sql_import"),
    Contender("this product", "our_import"),
    Contender("dlt", "dlt", "dlt[postgres]==1.31.0"),
)
Job = Callable[[], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Python:
    """An interpreter, or why there is none."""

    path: str = ""
    trouble: str = ""


_numbers = count(1)


def main() -> None:
    """Make environments and rows, let all take turns, print the table."""
    wanted = _wanted(sys.argv[1:])
    with tempfile.TemporaryDirectory(prefix="rally-peers-") as folder, running(Path(folder) / "server") as server:
        home = Path(folder)
        pythons = {one.function: _python(home, one) for one in (*CHECKS, *IMPORTS) if one in wanted}
        checks = [one for one in CHECKS if one in wanted]
        table = [_heading(f"12 rules over {ROWS:,} fixtures"), *_table(checks, pythons, _season(server, home))]
        imports = [one for one in IMPORTS if one in wanted]
        table += [
            _heading(f"import of {FEED_ROWS:,} rows of schedules"),
            *_table(imports, pythons, _feed(server, home)),
        ]
    print("\n".join([f"median of {TURNS} turns; x: times this product, times plain SQL", *table]))  # noqa: T201


def _wanted(names: Sequence[str]) -> list[Contender]:
    """Those named, and always what they are compared with."""
    peers = {one.function: one for one in (*CHECKS, *IMPORTS) if one.needs}
    if unknown := set(names) - set(peers):
        sys.exit(f"no peer is called {', '.join(sorted(unknown))}; there are {', '.join(peers)}")
    return [one for one in (*CHECKS, *IMPORTS) if not one.needs or not names or one.function in names]


def _python(home: Path, contender: Contender) -> Python:
    """A contender's interpreter, in an environment of its own that is made here."""
    if not contender.needs:
        return Python(sys.executable)
    _say(f"installing {contender.needs}")
    folder = home / "environments" / contender.function
    python = str(folder / "bin" / "python")
    if uv := shutil.which("uv"):
        commands = [[uv, "venv", "--quiet", "--python", sys.executable, str(folder)]]
        commands += [[uv, "pip", "install", "--quiet", "--python", python, contender.needs]]
    else:
        commands = [[sys.executable, "-m", "venv", str(folder)]]
        commands += [[python, "-m", "pip", "install", "--quiet", contender.needs]]
    for command in commands:
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=LONGEST)
        except (subprocess.SubprocessError, OSError) as error:
            return Python(trouble=f"could not be installed: {_end_of(error)}")
    return Python(python)


def _season(server: str, home: Path) -> Job:
    """The fixtures in a database; the same for all, as no peer writes."""
    _say(f"writing {ROWS:,} fixtures")
    url = database_named(server, "season")
    run_script(url, PLACES + USUAL_FIXTURES)
    return lambda: _job(url, home)


def _feed(server: str, home: Path) -> Job:
    """A feed, and for each turn a fresh database that has its league and teams."""
    _say(f"writing a feed of {FEED_ROWS:,} rows")
    standings, schedules = write(home, FEED_ROWS)
    template = database_named(server, "league")
    engine = open_engine(template)
    import_paths(engine, [standings], Options())
    engine.dispose()

    def job() -> Mapping[str, str]:
        name = f"league_{next(_numbers)}"
        run_script(server, f"create database {name} template league; checkpoint")
        url = make_url(server).set(database=name).render_as_string(hide_password=False)
        return {**_job(url, home), "feed": str(schedules)}

    return job


def _job(url: str, home: Path) -> Mapping[str, str]:
    place = make_url(url)
    folder = Path(tempfile.mkdtemp(dir=home))
    return {"url": url, "host": str(place.query["host"]), "database": str(place.database), "folder": str(folder)}


def _table(contenders: Sequence[Contender], pythons: Mapping[str, Python], job: Job) -> Iterator[str]:
    """The lines of one comparison; a first turn, which fills caches, is not counted."""
    lines = {contender: Line(trouble=pythons[contender.function].trouble) for contender in contenders}
    for turn in range(TURNS + 1):
        for contender, line in lines.items():
            _say(f"turn {turn} of {TURNS}: {contender.title}")
            _take_turn(contender, line, pythons[contender.function].path, job())
            if not turn:
                line.alone.clear()
                line.whole.clear()
    reference = [line for contender, line in lines.items() if not contender.needs]
    yield from (_printed(contender, line, *reference) for contender, line in lines.items())


def _take_turn(contender: Contender, line: Line, python: str, job: Mapping[str, str]) -> None:
    if line.trouble:
        return
    started = time.perf_counter()
    try:
        said = _run([python, str(CONTENDERS), contender.function], job, own=not contender.needs)
        line.whole.append(time.perf_counter() - started)
        answer = json.loads(said.splitlines()[-1])
    except (subprocess.SubprocessError, OSError, ValueError, IndexError) as error:
        line.trouble = f"failed: {_end_of(error)}"
        return
    line.alone.append(answer["seconds"])
    line.found = answer["found"]


def _run(command: Sequence[str], job: Mapping[str, str], *, own: bool) -> str:
    """The output of a contender, which finds nothing of ours, writes only into its folder and reports to nobody."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("RALLY_", "DATABASE_"))}
    environment |= {"HOME": job["folder"], "DO_NOT_TRACK": "1", "GX_ANALYTICS_ENABLED": "false"}
    environment |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "PYTHONPATH": str(ROOT) if own else ""}
    (Path(job["folder"]) / ".soda").mkdir()
    (Path(job["folder"]) / ".soda" / "config.yml").write_text("send_anonymous_usage_stats: false\n")
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=LONGEST, input=json.dumps(job), env=environment,
        cwd=job["folder"],
    )  # fmt: skip
    return done.stdout


def _heading(what: str) -> str:
    titles = f"{'run alone':>11}{'x ours':>8}{'x SQL':>8}{'whole process':>16}{'x ours':>8}{'x SQL':>8}  finds"
    return f"\n{what:<32}{titles}"


def _printed(contender: Contender, line: Line, plain: Line, ours: Line) -> str:
    title = f"{contender.title} {contender.needs.partition('==')[2]}"
    if line.trouble or plain.trouble or ours.trouble:
        return f"{title:<32}  {line.trouble or 'nothing to compare it with'}"
    figures = "".join(
        f"{median(own):{width}.2f} s{median(own) / median(our):8.2f}{median(own) / median(sql):8.2f}"
        for own, our, sql, width in (
            (line.alone, ours.alone, plain.alone, 9),
            (line.whole, ours.whole, plain.whole, 14),
        )
    )
    differing = sum(mine != theirs for mine, theirs in zip(line.found, plain.found, strict=True))
    return f"{title:<32}{figures}  {f'something else in {differing}' if differing else f'{sum(line.found):,}'}"


def _end_of(error: Exception) -> str:
    """The last line that a process said, or the error."""
    said: Any = getattr(error, "stderr", None) or str(error)
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    return next((line.strip()[:200] for line in reversed(text.splitlines()) if line.strip()), type(error).__name__)


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
