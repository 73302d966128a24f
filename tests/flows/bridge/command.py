"""`rally-health` as a process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from flows.cli.main import main
from tests.forks import LONGEST, Ended, Running, coded, fork_beside

RALLY_HEALTH = str(Path(sys.executable).with_name("rally-health"))
PREFECT_CODE = "import sys; sys.argv[0] = 'prefect'; from prefect.cli import app; sys.exit(app())"


def with_warm_prefect() -> None:
    """`rally-health`, whose `deploy` starts `prefect` without its imports, too: three of its five s of processor."""
    from flows.bridge import deploy  # noqa: PLC0415 - Prefect takes two seconds to import, but not in a fork

    def deploy_all(folder: Path = deploy.ROOT) -> subprocess.CompletedProcess[str]:
        words = ("--no-prompt", "deploy", "--all")
        done = Running(words, os.environ, folder, work=coded(PREFECT_CODE), apart=True).end()
        return subprocess.CompletedProcess(words, done.code, done.out, done.err)

    fork_beside()
    deploy.deploy_all = deploy_all
    main()


def patiently() -> None:
    """`rally-health`, which does without Prefect only where that says nothing for a minute."""
    from flows.bridge import entry  # noqa: PLC0415 - of the fork

    entry.PROBE_SECONDS *= 20
    main()


@dataclass(frozen=True)
class Command:
    """The command line in some environment and folder."""

    environment: Mapping[str, str]
    folder: Path
    cold: bool = False
    """Whether what a command starts is a new process, as it is for a person."""
    patient: bool = False
    """Whether a fork waits long for an API to say that it is there: on a busy machine ours takes over three seconds."""

    def under(self, url: str) -> Command:
        """The same with a Prefect API."""
        return replace(self, environment={**self.environment, "PREFECT_API_URL": url})

    def having(self, **environment: str) -> Command:
        """The same with more in its environment."""
        return replace(self, environment={**self.environment, **environment})

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the command, as cold as a person does."""
        return subprocess.Popen(
            [RALLY_HEALTH, *arguments],
            env=dict(self.environment), cwd=self.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def fork(self, *arguments: str) -> Running:
        """Start the command, without its imports."""
        warm = arguments[:1] == ("deploy",) and not self.cold
        work = with_warm_prefect if warm else patiently if self.patient else main
        return Running(arguments, self.environment, self.folder, work=work, apart=True)

    def run(self, *arguments: str, timeout: float = LONGEST) -> Ended:
        """Run the command to its end, as a fork."""
        return self.fork(*arguments).end(timeout)


def ended(process: subprocess.Popen[str], timeout: float = LONGEST) -> Ended:
    """Wait for the end of a command."""
    out, err = process.communicate(timeout=timeout)
    return Ended(process.returncode, out, err)
