"""Log files: what they hold, how they end."""

from __future__ import annotations

import gzip
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.service.report_files import NAMES, DayFile, Screen, start_logging, tidy
from tests.flows.conftest import Run

NOW = datetime(2025, 6, 30, 12, tzinfo=UTC)
KEPT = {"logs": timedelta(days=30), "reports": timedelta(days=400)}
log = logging.getLogger("rally.test")


@pytest.fixture(autouse=True)
def own_handlers() -> Iterator[None]:
    """Handlers of the test's own, gone after it."""
    yield
    for name in NAMES:
        logger = logging.getLogger(name)
        logger.setLevel(logging.NOTSET)
        for handler in [one for one in logger.handlers if isinstance(one, (Screen, DayFile))]:
            logger.removeHandler(handler)


def lines(folder: Path) -> list[dict[str, object]]:
    """What the log files hold."""
    return [json.loads(line) for path in folder.glob("*.log") for line in path.read_text().splitlines()]


def aged(path: Path, days: float, text: str = "x\n") -> Path:
    """A file that was last written to some days before NOW."""
    path.write_text(text)
    then = (NOW - timedelta(days=days)).timestamp()
    os.utime(path, (then, then))
    return path


def test_each_record_is_one_json_line(tmp_path: Path) -> None:
    start_logging(tmp_path, "INFO")

    log.info("a\nb %s", "c", extra={"told": {"run": "r1"}})

    (line,) = lines(tmp_path)
    assert (line["level"], line["logger"], line["message"], line["run"]) == ("INFO", "rally.test", "a\nb c", "r1")


def test_what_is_below_the_level_is_left_out(tmp_path: Path) -> None:
    start_logging(tmp_path, "WARNING")

    log.info("quiet")

    assert lines(tmp_path) == []


def test_an_exception_is_told_without_its_text(tmp_path: Path) -> None:
    start_logging(tmp_path, "INFO")
    try:
        raise ValueError("Key (phone)=(+15550001111)")
    except ValueError:
        log.exception("it failed")

    (line,) = lines(tmp_path)
    assert line["error"] == "ValueError"
    assert "test_report_files.py" in str(line["where"])
    # a moment and a process id may hold any digits
    told = {name: value for name, value in line.items() if name not in {"at", "process"}}
    assert "1555" not in json.dumps(told)


def test_other_loggers_are_left_alone(tmp_path: Path) -> None:
    start_logging(tmp_path, "DEBUG")

    logging.getLogger("twilio.http_client").warning("Account SID")

    assert lines(tmp_path) == []


def test_starting_again_does_not_log_twice(tmp_path: Path) -> None:
    start_logging(tmp_path, "INFO")
    start_logging(tmp_path, "INFO")

    log.info("once")

    assert len(lines(tmp_path)) == 1


def test_a_folder_that_cannot_be_made_is_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "taken").write_text("")
    start_logging(tmp_path / "taken" / "logs", "INFO")

    log.info("one")
    log.info("two")

    assert capsys.readouterr().err.count("there is no log file") == 1


def test_with_log_json_standard_error_is_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start_logging(tmp_path, "INFO", as_json=True)

    log.info("hello")

    assert json.loads(capsys.readouterr().err)["message"] == "hello"


def test_files_of_days_that_are_over_are_compressed(tmp_path: Path) -> None:
    old = aged(tmp_path / "rally-health-20250628.log", 1.5, "line\n")
    today = aged(tmp_path / "rally-health-20250630.log", 0)

    tidy(tmp_path, NOW, **KEPT)

    assert today.exists()
    assert not old.exists()
    packed = tmp_path / "rally-health-20250628.log.gz"
    assert gzip.decompress(packed.read_bytes()) == b"line\n"
    assert packed.stat().st_mtime == pytest.approx((NOW - timedelta(days=1.5)).timestamp())


@pytest.mark.parametrize(("days", "there"), [(29.9, True), (30.1, False)])
def test_logs_are_kept_for_thirty_days(tmp_path: Path, days: float, there: bool) -> None:
    path = aged(tmp_path / "rally-health-20250501.log.gz", days)

    tidy(tmp_path, NOW, **KEPT)

    assert path.exists() is there


def test_only_files_of_ours_are_deleted(tmp_path: Path) -> None:
    others = [aged(tmp_path / name, 999) for name in ("notes.log", "report.html", "monitoring_report.txt")]

    tidy(tmp_path, NOW, **KEPT)

    assert all(path.exists() for path in others)


def test_lines_of_several_processes_do_not_mix(tmp_path: Path) -> None:
    code = (
        "import logging, sys; from pathlib import Path; from flows.service.report_files import start_logging\n"
        "start_logging(Path(sys.argv[1]), 'INFO')\n"
        "[logging.getLogger('rally.test').info('%s', str(n) * 3000) for n in range(50)]"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(3)]

    assert [one.wait(timeout=60) for one in writers] == [0, 0, 0]
    assert len(lines(tmp_path)) == 150


def test_a_command_leaves_its_line(run: Run, tmp_path: Path) -> None:
    run("check", "--domain", "teams")

    told = [line["message"] for line in lines(tmp_path / "logs")]
    assert told[0] == "check began"
    assert str(told[1]).startswith("health check: score ")
    assert str(told[2]).startswith("check ended after ")


def test_a_level_that_is_none_is_wrong_usage(run: Run) -> None:
    assert run("--log-level", "loud", "history").code == 2
