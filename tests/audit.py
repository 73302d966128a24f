"""What the project stands on, looked over: the lines of `make audit`.

The code by bandit, the declared dependencies by deptry, the locks by themselves, licences by pip-licenses, and known
flaws by pip-audit, which is asked only where it is installed, for it needs the network.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = ROOT / "constraints.txt"
LOCKS = (ROOT / "requirements.lock", ROOT / "requirements-dev.lock")
PINNED = re.compile(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)", re.MULTILINE)
FREE = "MIT;BSD;Apache;ISC;Python;PSF;MPL;Mozilla;LGPL;Artistic"
"""What a licence's name must have in it: nothing that asks more of who uses the product than to name it."""

SILENT = {"axe-playwright-python": "MIT by its LICENSE file"}
"""Packages whose metadata name no licence, and what they say elsewhere."""


@dataclass(frozen=True, slots=True)
class Audit:
    """One line: what was looked at, whether it is well (None: it could not be looked at), and what was found."""

    name: str
    is_well: bool | None
    text: str

    def __str__(self) -> str:
        word = {True: "ok", False: "WRONG", None: "skipped"}[self.is_well]
        return f"{word:<8}{self.name:<14}{self.text}"


def run_tool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a module of this Python on the checkout."""
    return subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def pins(text: str) -> dict[str, str]:
    """The version of each package that a file names, by its normalised name."""
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in PINNED.findall(text)}


def code() -> Audit:
    """Bandit finds nothing of medium or high severity that nobody has judged.

    Ruff's S rules are bandit's by the same numbers: what is judged for one by `noqa`, with a reason, is for the other.
    """
    done = run_tool("bandit", "-q", "-r", "flows", "alerts", "checks", "etl", "-ll", "-f", "json")
    found = json.loads(done.stdout[done.stdout.index("{") :])
    places = [f"{one['filename']}:{one['line_number']} {one['test_id']}" for one in found["results"] if not judged(one)]
    lines = found["metrics"]["_totals"]["loc"]
    return Audit("code", not places, "; ".join(places) or f"bandit: nothing left unjudged in {lines:,} lines")


def judged(finding: Mapping[str, Any]) -> bool:
    """Whether a line of a finding says why it is well."""
    lines = (ROOT / finding["filename"]).read_text().splitlines()
    mark = f"noqa: S{finding['test_id'][1:]}"
    return any(mark in lines[number - 1] for number in {finding["line_number"], *finding["line_range"]})


def imports() -> Audit:
    """Whatever the code imports is declared in pyproject.toml, and whatever is declared is used."""
    done = run_tool("deptry", ".", "--no-ansi")
    found = [line for line in done.stderr.splitlines() if "DEP0" in line]
    return Audit("dependencies", not done.returncode, "; ".join(found) or "deptry: all imports are declared, all used")


def locks() -> Audit:
    """The locks name the versions of constraints.txt, each with the hashes that an install must meet."""
    wanted = pins(CONSTRAINTS.read_text())
    faults = [fault for lock in LOCKS for fault in faults_of_lock(lock.read_text(), wanted)]
    missing = sorted(wanted.keys() - pins(LOCKS[1].read_text()).keys())
    faults += [f"{name} is in no lock" for name in missing]
    hashes = sum(lock.read_text().count("--hash=sha256:") for lock in LOCKS)
    text = "; ".join([*faults, "mend: make lock"]) if faults else f"{len(wanted)} packages by {hashes:,} hashes"
    return Audit("locks", not faults, text)


def faults_of_lock(text: str, wanted: Mapping[str, str]) -> list[str]:
    """What is wrong with a lock: an entry without a hash, or of another version than `wanted`."""
    entries = re.split(r"\n(?=[A-Za-z0-9])", text.strip())
    bare = [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry]
    others = [f"{name} {version}" for name, version in pins(text).items() if wanted.get(name, version) != version]
    return [*(f"{one} has no hash" for one in bare), *(f"{one} is not what constraints.txt says" for one in others)]


def licences() -> Audit:
    """Each package that is installed may be used by whoever uses the product."""
    packages = sorted(pins(CONSTRAINTS.read_text()).keys() - SILENT.keys())
    done = run_tool("piplicenses", "--partial-match", "--allow-only", FREE, "--format", "json", "--packages", *packages)
    if done.returncode:
        return Audit("licences", False, (done.stderr.strip().splitlines() or ["pip-licenses failed"])[-1])
    return Audit("licences", True, f"{len(json.loads(done.stdout))} packages, all under free licences")


def flaws() -> Audit:
    """No package has a flaw that is known to the public; skipped with the reason where nobody can be asked."""
    if find_spec("pip_audit") is None:
        return Audit("known flaws", None, "pip-audit is not installed: pip install pip-audit")
    arguments = ("pip_audit", "-r", str(CONSTRAINTS), "--no-deps", "--disable-pip", "--progress-spinner", "off")
    done = run_tool(*arguments, "--format", "json")
    if "{" not in done.stdout:
        return Audit("known flaws", None, "the service of advisories does not answer")
    asked = json.loads(done.stdout[done.stdout.index("{") :])["dependencies"]
    known = [one for one in asked if "vulns" in one]
    flawed = [f"{one['name']} {one['version']}: {flaw['id']}" for one in known for flaw in one["vulns"]]
    if not known:
        return Audit("known flaws", None, "the service of advisories knows none of the packages from here")
    return Audit("known flaws", not flawed, "; ".join(flawed) or f"none in {len(known)} packages")


AUDITS: tuple[Callable[[], Audit], ...] = (code, imports, locks, licences, flaws)


def main() -> int:
    """Print a line for each audit; 1 where one is wrong."""
    found = [audit() for audit in AUDITS]
    sys.stdout.writelines(f"{one}\n" for one in found)
    return 1 if any(one.is_well is False for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())
