"""The image of the Dockerfile: its steps run as written, in a root of their own over this machine's files.

There is no container engine in a test; a chroot on an overlay has the same users, files and rights. The base image is
this machine with a Python of its own.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

import pytest
from sqlalchemy import Engine

from tests.silent import DatabaseProxy

pytestmark = [pytest.mark.slow, pytest.mark.long]

SOURCE = Path(__file__).parents[1]
PATH = "/opt/python/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NO_INDEX = ("Could not find a version", "Connection", "Temporary failure", "Network is unreachable")


@dataclass
class Image:
    """What the steps so far have made."""

    root: Path
    folder: str = "/"
    user: str = "root"
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": PATH, "HOME": "/tmp"})  # noqa: S108
    command: Sequence[str] = ()

    def run(self, command: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a shell command in it, as its user."""
        user = [] if self.user == "root" else ["--userspec", self.user]
        return subprocess.run(
            ["chroot", *user, str(self.root), "/bin/sh", "-c", f"cd {self.folder} && {command}"],
            env=self.environment | more, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def take(self, step: str, rest: str) -> None:
        """Take a step of the Dockerfile."""
        getattr(self, f"_{step.lower()}")(rest)

    def _from(self, rest: str) -> None:
        assert rest.startswith("python:3.")

    def _run(self, rest: str) -> None:
        ended = self.run(rest)
        if ended.returncode and any(sign in ended.stderr for sign in NO_INDEX):
            pytest.skip(f"no package index can be reached here: {ended.stderr[-200:]}")
        assert ended.returncode == 0, f"RUN {rest}: {ended.stderr[-2000:]}"

    def _workdir(self, rest: str) -> None:
        self.folder = rest
        (self.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)

    def _env(self, rest: str) -> None:
        self.environment |= dict(pair.split("=", 1) for pair in shlex.split(rest))

    _arg = _env

    def _copy(self, rest: str) -> None:
        *names, target = rest.split()
        for name in names:
            to = self.root / self.folder.lstrip("/") / target
            if (SOURCE / name).is_dir():
                shutil.copytree(SOURCE / name, to, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(SOURCE / name, to)

    def _user(self, rest: str) -> None:
        self.user = rest
        self.environment["HOME"] = f"/home/{rest}"

    def _cmd(self, rest: str) -> None:
        self.command = [part.strip(' "') for part in rest.strip("[]").split(",")]


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    """This machine's files, with changes that are gone afterwards, and a Python without any package."""
    top = Path(mkdtemp(prefix="rally-image-"))
    top.chmod(0o755)
    with ExitStack() as stack:
        stack.callback(top.rmdir)

        def mount(*arguments: str) -> None:
            if subprocess.run(["mount", *arguments], check=False, capture_output=True).returncode:
                pytest.skip("no right to mount here")
            stack.callback(subprocess.run, ["umount", "--lazy", arguments[-1]], check=False)

        mount("-t", "tmpfs", "-o", "size=3g", "tmpfs", str(top))
        for name in ("upper", "work", "root"):
            (top / name).mkdir()
        inside = top / "root"
        layers = f"lowerdir=/,upperdir={top}/upper,workdir={top}/work"
        mount("-t", "overlay", "-o", layers, "overlay", str(inside))
        mount("--bind", "/dev", str(inside / "dev"))
        interpreter = Path(sys.base_prefix, "bin", "python3")
        for folder in interpreter.parents:  # the image's user runs it, too
            changed = inside / str(folder).lstrip("/")
            changed.chmod(changed.stat().st_mode | 0o055)
        made = ["chroot", str(inside), str(interpreter), "-m", "venv", "/opt/python"]
        subprocess.run(made, check=True, capture_output=True)
        yield inside


@pytest.fixture(scope="module")
def image(root: Path) -> Image:
    """All steps taken."""
    made = Image(root)
    text = re.sub(r"(?m)^#.*\n", "", (SOURCE / "Dockerfile").read_text()).replace("\\\n", "")
    for line in filter(None, text.splitlines()):
        made.take(*line.split(" ", 1))
    return made


def test_the_image_checks_a_database_as_a_user_who_cannot_change_its_code(image: Image, database: Engine) -> None:
    with DatabaseProxy(database.url.render_as_string(hide_password=False)) as proxy:
        checked = image.run(shlex.join(image.command), DATABASE_URL=proxy.url)

    assert image.command == ["rally-health", "check"]
    assert (checked.returncode, checked.stdout.partition(":")[0]) == (5, "Score unknown"), checked.stderr
    assert "monitoring_report" in image.run("ls /var/lib/rally/reports").stdout
    assert image.run("id -un").stdout == "rally\n"
    assert image.run("touch /opt/rally/flows/other.py").returncode != 0
    assert image.run("touch /var/lib/rally/feeds/feed.json /var/lib/rally/data/file").returncode == 0


@pytest.mark.parametrize(
    "command",
    ["rally-health --version", "prefect version", "rally-health rules list", "python -c 'import flows.flows'"],
)
def test_what_workers_of_the_image_run_is_there(image: Image, command: str) -> None:
    ended = image.run(command, PREFECT_HOME="/home/rally/prefect")

    assert ended.returncode == 0, ended.stderr
