"""Whatever a person sets or types wrongly is one line with cause and next step; what is printed is text alone."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text

from alerts import PolicyError
from alerts.policy import load_policy
from checks.engine.authoring import WaiverError
from checks.engine.judging.judge import Waiver
from checks.waivers import waive
from flows.cli.shared import Exit
from flows.settings import SettingsError, read_settings
from tests.forks import Ended, Running

SECRET = "S3CR3T-canary"  # noqa: S105 - to be found nowhere
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("check",),
    ("import", "nowhere"),
    ("history",),
    ("incidents", "list"),
    ("rejects", "list"),
    ("alerts", "dispatch"),
    ("fix", "plan"),
    ("snapshot", "list"),
    ("etl", "status"),
    ("init",),
    ("doctor",),
    ("snapshot", "create"),
    ("rejects", "export", "rejects.jsonl"),
    ("emergency", "--reason", "drill"),
    ("site", "pages"),
    ("deploy", "--check"),
)
PASSWORDS = (
    f"postgresql://rally:{SECRET}@127.0.0.1:1/rally",
    f"postgresql://rally@127.0.0.1:1/rally?password={SECRET}",
    f"postgresql://rally@127.0.0.1:1/rally?sslpassword={SECRET}",
    f"postgresql://rally:{SECRET}",
    f"postgresql://rally:{SECRET}@",
    f"postgres//rally:{SECRET}@db/rally",
    f"postgresql://rally:{SECRET} @127.0.0.1:1/rally",
    f"postgresql://rally:{SECRET}%zz@127.0.0.1:1/rally",
    f"postgresql://rally:{SECRET}@127.0.0.1:port/rally",
    f"postgresql://rally:x@{SECRET}@127.0.0.1:1/rally",
    f"mysql://rally:{SECRET}@db/rally",
    f"{SECRET}",
)


def rally(folder: Path, *arguments: str, to: str = "", **environment: str) -> Ended:
    """Run the command in a process of its own, with nothing set but this; its output goes `to` a file, if any."""
    if not to:
        return Running(arguments, clean() | environment, folder, apart=True).end()
    with started(folder, *arguments, to=to, **environment) as process:
        out, err = process.communicate(timeout=120)
    return Ended(process.returncode, out or "", err)


def clean() -> dict[str, str]:
    """The environment without settings of ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("RALLY_", "DATABASE_"))}


@contextmanager
def started(folder: Path, *arguments: str, to: str = "", **environment: str) -> Iterator[subprocess.Popen[str]]:
    """The command while it runs, started cold; it hears SIGHUP also where these tests run under nohup."""
    hears = "import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL)"
    command = [sys.executable, "-c", f"{hears}; from flows.cli.main import main; main()", *arguments]
    with ExitStack() as stack:
        output = stack.enter_context(Path(to).open("w", encoding="utf-8")) if to else subprocess.PIPE
        process = stack.enter_context(subprocess.Popen(
            command, text=True, cwd=folder, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.PIPE,
            env=clean() | {"PYTHONPATH": str(Path(__file__).parents[3])} | environment,
        ))  # fmt: skip
        stack.callback(process.kill)  # one that does not end is a failure, not a wait without end
        yield process


def environments(folder: Path) -> dict[str, dict[str, str]]:
    """Thirty ways to set things wrongly."""
    (folder / "a_file").write_text("no folder")
    (folder / "broken.toml").write_text("= 7")
    (folder / "binary").write_bytes(b"\xff\xfe\x00")
    away = "postgresql://rally@127.0.0.1:1/rally"
    below_a_file = str(folder / "a_file" / "below")
    named = {
        "data below a file": {"RALLY_DATA": below_a_file},
        "data in /proc": {"RALLY_DATA": "/proc/rally"},
        "reports below a file": {"RALLY_REPORTS": below_a_file, "DATABASE_URL": away},
        "rules nowhere": {"RALLY_RULES": "nowhere/", "DATABASE_URL": away},
        "rules broken": {"RALLY_RULES": str(folder / "a_file"), "DATABASE_URL": away},
        "auto_fix no JSON": {"RALLY_AUTO_FIX": "{nonsense", "DATABASE_URL": away},
        "auto_fix a list": {"RALLY_AUTO_FIX": "[1]", "DATABASE_URL": away},
        "policy nowhere": {"RALLY_ALERTS_POLICY": "nowhere.toml", "DATABASE_URL": away},
        "policy broken": {"RALLY_ALERTS_POLICY": str(folder / "broken.toml"), "DATABASE_URL": away},
        "policy binary": {"RALLY_ALERTS_POLICY": str(folder / "binary"), "DATABASE_URL": away},
        "contacts nowhere": {"RALLY_ALERTS_CONTACTS": "nowhere.toml", "DATABASE_URL": away},
        "log level": {"RALLY_LOG_LEVEL": "LOUD", "DATABASE_URL": away},
        "timeout": {"RALLY_STATEMENT_TIMEOUT": "soon", "DATABASE_URL": away},
        "deadline": {"RALLY_DEADLINE": "-1", "DATABASE_URL": away},
        "lock": {"RALLY_LOCK_TIMEOUT": "0", "DATABASE_URL": away},
        "zone": {"RALLY_TIMEZONE": "Mars/Olympus", "DATABASE_URL": away},
        "half of Twilio": {"RALLY_TWILIO_ACCOUNT_SID": "AC1", "DATABASE_URL": away},
        "half of SMTP": {"RALLY_SMTP_URL": "smtps://mail.example.org", "DATABASE_URL": away},
    }
    return named | {f"url {number}": {"DATABASE_URL": url} for number, url in enumerate(PASSWORDS)}


DRIVER = """
import importlib, json, os, pathlib, pkgutil, sys, tempfile, traceback
import flows.cli
from flows.cli.main import main
for found in pkgutil.iter_modules(flows.cli.__path__):
    importlib.import_module(f"flows.cli.{found.name}")

def run(arguments, environment):
    # a fork of a process that has imported everything: 30 environments in seconds, not minutes
    out, err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
    if not (pid := os.fork()):
        os.dup2(out.fileno(), 1), os.dup2(err.fileno(), 2)
        os.environ.update(environment)
        sys.argv = ["rally-health", *arguments]
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:
            traceback.print_exc()
            code = 99
        else:
            code = 0
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    out.seek(0), err.seek(0)
    return code, out.read().decode(errors="replace"), err.read().decode(errors="replace")

print(json.dumps([[" ".join(one), name, *run(one, own)] for one, name, own in json.loads(sys.stdin.read())]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("share", [4, pytest.param(1, marks=pytest.mark.long)], ids=["a fourth of the pairs", "all"])
def test_thirty_wrong_environments_give_each_command_a_line_and_no_traceback(tmp_path: Path, share: int) -> None:
    wrong = environments(tmp_path)
    assert len(wrong) == 30
    pairs = [
        (command, name, own)
        for first, command in enumerate(COMMANDS)
        for second, (name, own) in enumerate(wrong.items())
        if (first + second) % share == 0
    ]

    driven = subprocess.run(
        [sys.executable, "-c", DRIVER], input=json.dumps(pairs), capture_output=True, text=True, check=True,
        cwd=tmp_path, env=clean() | {"PYTHONPATH": str(Path(__file__).parents[3])},
    )  # fmt: skip

    for command, name, code, out, err in json.loads(driven.stdout):
        assert "Traceback" not in out + err, (command, name, err[-1500:])
        assert SECRET not in out + err, (command, name, out + err)
        assert code in {Exit.OK, Exit.USAGE, Exit.REFUSED, Exit.INFRASTRUCTURE, Exit.PARTIAL}, (command, name, err)
    logs = "".join(path.read_text() for path in (tmp_path / "logs").glob("*.log"))
    assert SECRET not in logs


DEEP = 100_000
NESTED = {
    "RALLY_GUARDS": ('{"a":' * DEEP, "RALLY_GUARDS is no JSON (it nests too deeply); expected such as"),
    "RALLY_AUTO_FIX": ("[" * DEEP, "RALLY_AUTO_FIX is no JSON (it nests too deeply); expected such as"),
    "RALLY_CORRECTIONS": ("[" * DEEP, "RALLY_CORRECTIONS is no JSON (it nests too deeply); expected such as"),
}


@pytest.mark.parametrize("variable", NESTED)
def test_json_that_nests_without_end_is_a_line(variable: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A traceback of RecursionError came of these."""
    monkeypatch.chdir(tmp_path)
    value, told = NESTED[variable]
    monkeypatch.setenv(variable, value[:DEEP])

    with pytest.raises(SettingsError, match=re.escape(told)):
        read_settings()


def test_a_configuration_file_that_nests_without_end_is_a_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rally.toml").write_text("corrections = " + "[" * DEEP)

    with pytest.raises(SettingsError, match=r"^rally\.toml is no TOML: it nests too deeply$"):
        read_settings()


def test_a_policy_that_nests_without_end_is_a_line() -> None:
    with pytest.raises(PolicyError, match="is no TOML: it nests too deeply"):
        load_policy("people = " + "[" * DEEP)


def test_a_key_to_waive_that_nests_without_end_is_a_line(connection: Connection) -> None:
    with pytest.raises(WaiverError, match=r"^the key '\[{80}…' is neither a fingerprint of 16 digits nor JSON$"):
        waive(
            connection,
            Waiver(rule="one", owner="kim", reason="drill", until=date(2099, 1, 1)),
            "[" * DEEP,
            today=date(2025, 3, 4),
        )


@pytest.mark.parametrize("columns", ["0", "-5", "3", "wide", "99999999999"])
def test_a_size_that_no_terminal_has_is_none(tmp_path: Path, columns: str) -> None:
    """COLUMNS=0 printed nothing, and one of eleven digits was a MemoryError."""
    usual, odd = (rally(tmp_path, "--help", COLUMNS=own, LINES=own) for own in ("80", columns))

    assert (odd.out, odd.err, odd.code) == (usual.out, "", 0)


def test_what_is_printed_holds_no_mark_that_turns_letters_round(database: Engine, tmp_path: Path) -> None:
    """A team of this name was shown as another one, and a person confirmed that."""
    url = database.url.render_as_string(hide_password=False)
    with database.begin() as connection:
        connection.execute(
            text("insert into quality.import_stops (reason, by, automatic) values (:reason, 'kim', false)"),
            {"reason": "Skokie \u202e02 - \x1b[8mhidden\x1b[0m \x07"},
        )

    plain = rally(tmp_path, "etl", "status", DATABASE_URL=url)
    as_json = rally(tmp_path, "etl", "status", "--json", DATABASE_URL=url)

    assert plain.code == Exit.REFUSED
    assert not {"\u202e", "\x1b", "\x07"} & set(plain.out + as_json.out)
    assert "Skokie \N{REPLACEMENT CHARACTER}02 - " in plain.out
    assert "Skokie \\u202e02 - " in as_json.out


def test_a_reader_that_has_left_does_not_change_the_exit_code(database: Engine, tmp_path: Path) -> None:
    """`check | head -1` ended with 1, as if checks had failed."""
    url = database.url.render_as_string(hide_password=False)
    line = f"{sys.executable} -c 'from flows.cli.main import main; main()' rules list | true; exit ${{PIPESTATUS[0]}}"

    ended = subprocess.run(
        ["bash", "-c", line], cwd=tmp_path, check=False, capture_output=True, text=True,
        env=clean() | {"PYTHONPATH": str(Path(__file__).parents[3]), "DATABASE_URL": url},
    )  # fmt: skip

    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_command_ends_at_its_deadline_and_names_who_holds_the_lock(database: Engine, tmp_path: Path) -> None:
    url = database.url.render_as_string(hide_password=False)
    with database.begin() as holding:
        holding.execute(text("lock table quality.import_stops in access exclusive mode"))

        waiting = rally(tmp_path, "etl", "stop", "--reason", "x", DATABASE_URL=url, RALLY_LOCK_TIMEOUT="1")
        late = rally(tmp_path, "etl", "stop", "--reason", "x", DATABASE_URL=url, RALLY_DEADLINE="2")

    assert (waiting.code, late.code) == (Exit.INFRASTRUCTURE, Exit.INFRASTRUCTURE)
    assert "it waited for process" in waiting.err
    assert "RALLY_LOCK_TIMEOUT" in waiting.err
    assert "timeout" in late.err or "RALLY_DEADLINE" in late.err


@pytest.mark.parametrize("arguments", [("rules", "list"), ("rules", "list", "--json"), ("--help",)])
def test_what_cannot_be_printed_is_a_line_and_the_exit_code_of_what_could_not_be_written(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """`check --json > /dev/full` ended with 120 and a traceback."""
    ended = rally(tmp_path, *arguments, to="/dev/full")

    said = "error: standard output cannot be written: No space left on device\n"
    assert (ended.code, ended.err) == (Exit.PARTIAL, said)


def test_a_full_disk_hides_no_exit_code_that_says_more(tmp_path: Path) -> None:
    ended = rally(tmp_path, "history", to="/dev/full", DATABASE_URL="postgresql://rally@127.0.0.1:1/rally")

    assert ended.code == Exit.INFRASTRUCTURE


HELLO = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
    "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "a", "version": "1"},
}}  # fmt: skip


RULE = '''
from checks import Row, Severity, above, row_check, rows
from etl.tables import schedule

@row_check(schedule, severity=Severity.LOW, threshold=above(warn=rows(0)))
def match_on_the_moon(row: Row):
    """A match is played on the moon."""
    return row.location == "Moon"
'''


@pytest.mark.slow
@pytest.mark.parametrize(("command", "number"), [
    (("serve", "--port", "0"), signal.SIGTERM), (("serve", "--port", "0"), signal.SIGHUP), (("mcp",), signal.SIGTERM),
])  # fmt: skip
@pytest.mark.parametrize("rules", ["", RULE], ids=["", "a person's own rules"])
def test_a_command_that_is_ended_by_a_signal_stops_the_server_that_it_started(
    tmp_path: Path, command: tuple[str, ...], number: signal.Signals, rules: str
) -> None:
    """`serve` under a supervisor left the embedded PostgreSQL behind; whoever ended it was told nothing of that."""
    (tmp_path / "own.py").write_text(rules)
    with started(tmp_path, *command, **({"RALLY_RULES": "own.py"} if rules else {})) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        print(json.dumps(HELLO), file=process.stdin, flush=True)
        assert process.stdout.readline()  # it answers
        running = (tmp_path / ".rally" / "postgres" / "postmaster.pid").exists()

        process.send_signal(number)
        code = process.wait(60)

    assert (running, (tmp_path / ".rally" / "postgres" / "postmaster.pid").exists()) == (True, False)
    assert code == -number
