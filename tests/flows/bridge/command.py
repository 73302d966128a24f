"""`rally-health` as a process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tests.forks import LONGEST, Ended, Running

RALLY_HEALTH = str(Path(sys.executable).with_name("rally-health"))


@dataclass(frozen=True)
class Command:
    """The command line in some environment and folder."""

    environment: Mapping[str, str]
    folder: Path

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
        return Running(arguments, self.environment, self.folder, apart=True)

    def run(self, *arguments: str, timeout: float = LONGEST) -> Ended:
        """Run the command to its end, as a fork."""
        return self.fork(*arguments).end(timeout)


def ended(process: subprocess.Popen[str], timeout: float = LONGEST) -> Ended:
    """Wait for the end of a command."""
    out, err = process.communicate(timeout=timeout)
    return Ended(process.returncode, out, err)
