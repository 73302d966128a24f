"""What a command costs before it does anything: processes in turns with a bare typer application of the same commands.

CPU seconds, the median of several processes, so that a busy machine changes little. Modules are compiled before the
first that counts, as they are for who types a second command. The bare application has the
commands, options and helps of ours, and bodies that do nothing; its `--help` is the floor of any typer application.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from etl.database import open_engine
from etl.embedded import running
from etl.migrate import upgrade
from flows.cli.main import COMMANDS, load_command
from tests.benchmarks.bench_checks import verdict

ROUNDS = 7
HELP_LIMIT = 1.3
READING_LIMIT = 0.7
READING = (
    ("etl", "status"), ("imports",), ("rejects", "list"), ("names", "aliases"), ("history",), ("incidents", "list"),
    ("fix", "history"), ("alerts", "outbox"), ("snapshot", "list"), ("imports", "held"), ("feedback", "list"),
    ("waive",), ("accept",), ("config", "show"), ("rules", "list"), ("rules", "show", "twin_team"), ("fix", "list"),
)  # fmt: skip


def main() -> None:
    """Print the start of `--help` against the floor, and seconds of each command that reads a few rows."""
    ours = (sys.executable, "-c", "from flows.cli import main; main()")
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "server", fsync="off") as url:
        engine = open_engine(url)
        upgrade(engine)
        engine.dispose()
        bare = Path(folder) / "bare.py"
        bare.write_text(bare_application(), encoding="utf-8")
        commands = [(sys.executable, str(bare), "--help"), (*ours, "--help"), *((*ours, *words) for words in READING)]
        seconds = in_turns(commands, url, Path(folder))
    floor, overview, *reading = seconds
    ratio = overview / floor
    print(f"{'--help':20} {overview:5.2f} s CPU  {ratio:4.2f} x of a bare application  {verdict(ratio, HELP_LIMIT)}")  # noqa: T201
    for words, spent in zip(READING, reading, strict=True):
        print(f"{' '.join(words):20} {spent:5.2f} s CPU  {spent / floor:4.1f} x  {verdict(spent, READING_LIMIT)}")  # noqa: T201


def in_turns(commands: Sequence[Sequence[str]], url: str, folder: Path) -> list[float]:
    """Median CPU seconds of each command, one process after another, round by round; the first writes bytecode."""
    for command in commands:
        cpu_seconds(command, url, folder)
    rounds = [[cpu_seconds(command, url, folder) for command in commands] for _ in range(ROUNDS)]
    return [median(column) for column in zip(*rounds, strict=True)]


def cpu_seconds(command: Sequence[str], url: str, folder: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"DATABASE_URL": url, "RALLY_REPORTS": str(folder / "logs")}
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def bare_application() -> str:
    """A program of typer alone: our commands by name and help, groups with theirs, and no bodies."""
    lines = [
        "import typer",
        "from typing import Annotated, Optional",
        "app = typer.Typer(no_args_is_help=True, rich_markup_mode='markdown')",
        "@app.callback()",
        "def configure(database: Annotated[Optional[str], typer.Option(help='URL')] = None) -> None: ...",
    ]
    for number, name in enumerate(COMMANDS):
        children = getattr(load_command(name), "commands", None)
        if children is None:
            lines += [f"@app.command({name!r}, help={COMMANDS[name].help!r})", f"def f{number}() -> None: ..."]
            continue
        lines.append(f"g{number} = typer.Typer(help={COMMANDS[name].help!r})")
        for place, (child, command) in enumerate(children.items()):
            lines += [
                f"@g{number}.command({child!r}, help={command.get_short_help_str()!r})",
                f"def f{number}_{place}() -> None: ...",
            ]
        lines.append(f"app.add_typer(g{number}, name={name!r})")
    return "\n".join([*lines, "app()", ""])


if __name__ == "__main__":
    main()
