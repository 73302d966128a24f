"""`rally-health` as a process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

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
        """Start the command."""
        return subprocess.Popen(
            [RALLY_HEALTH, *arguments],
            env=dict(self.environment), cwd=self.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *arguments: str, timeout: float = 180) -> Ended:
        """Run the command to its end."""
        return ended(self.start(*arguments), timeout)


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The standard output, read as JSON."""
        return json.loads(self.out)


def ended(process: subprocess.Popen[str], timeout: float = 180) -> Ended:
    """Wait for the end of a command."""
    out, err = process.communicate(timeout=timeout)
    return Ended(process.returncode, out, err)
