"""`make bench`: every benchmark, or those that are named: `python -m tests.benchmarks import checks`.

A number is the size of those that take one: `python -m tests.benchmarks scale 10`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path


def main() -> None:
    """Run benchmarks one after another; each prints its own figures, as ratios within one run."""
    known = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
    wanted = [name for name in sys.argv[1:] if not name.isdigit()] or known
    unknown = set(wanted) - set(known)
    if unknown:
        sys.exit(f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    for name in wanted:
        print(f"== {name}", flush=True)  # noqa: T201
        import_module(f"tests.benchmarks.bench_{name}").main()


if __name__ == "__main__":
    main()
