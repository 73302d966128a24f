"""`make bench`: every benchmark, or those that are named: `python -m tests.benchmarks import checks`.

A number is the size of those that take one: `python -m tests.benchmarks scale 10`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main() -> None:
    """Run benchmarks one after another; each prints its own figures, as ratios within one run.

    Each is a process of its own: settings, modules and folders of one would be those of the next. One that fails does
    not keep the others from running; the exit code is 1 then.
    """
    known = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
    sizes = [word for word in sys.argv[1:] if word.isdigit()]
    wanted = [word for word in sys.argv[1:] if not word.isdigit()] or known
    unknown = set(wanted) - set(known)
    if unknown:
        sys.exit(f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    failed = [name for name in wanted if _exit_code(name, sizes)]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _exit_code(name: str, sizes: list[str]) -> int:
    print(f"== {name}", flush=True)  # noqa: T201
    return subprocess.run([sys.executable, "-m", f"tests.benchmarks.bench_{name}", *sizes], check=False).returncode


if __name__ == "__main__":
    main()
