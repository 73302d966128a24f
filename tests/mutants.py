"""Changes of the code that tests have to notice: a sample of them by a seed, with the score and the survivors.

`make mutants SAMPLE=200 SEED=1` changes one place at a time in a throw-away copy of the tree, by the operators of
cosmic-ray and one of ours, and runs the tests of the package, nearest first, until one fails. Two copies are at work,
each with a server of its own. What nobody could see stands in equivalent_mutants.toml, each change with its reason.
"""

# ruff: noqa: T201 - it prints
from __future__ import annotations

import argparse
import ast
import difflib
import os
import queue
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator, operator_names

from etl.embedded import running
from tests.platform.servers import QUICK, quick_folder

ROOT = Path(__file__).resolve().parents[1]
MEASURED = (
    "checks/engine", "etl/names", "etl/importing/guards.py", "etl/importing/profile.py",
    "etl/importing/figure_signs.py", "etl/importing/accidents.py", "etl/importing/declared.py", "checks/repairs",
    "etl/repairs", "alerts/incidents",
)  # fmt: skip
LEFT_OUT = {
    "core/VariableReplacer", "core/VariableInserter",  # need arguments
    # of small numbers and single values nobody can tell these apart
    *(f"core/ReplaceComparisonOperator_{one}" for one in ("Eq_Is", "Is_Eq", "NotEq_IsNot", "IsNot_NotEq")),
}  # fmt: skip
UNTOUCHED = {"name", "newline", "string", "fstring", "fstring_start", "fstring_end", "fstring_string", "endmarker"}
LEAST_KILLED = 0.92
NO_TESTS = 5
"""How pytest ends where all tests of the files are slow: they noticed nothing."""
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+?\.py(?:::[^\s\[]+)?)", re.MULTILINE)
OPTIONS = (
    "-x",
    "-q",
    "--tb=no",
    "-p",
    "no:randomly",
    "-p",
    "no:cacheprovider",
    "-m",
    "not slow",
    "--hypothesis-profile",
    "mutants",
)


RUNNING: set[subprocess.Popen[bytes]] = set()
"""What has to end when the run is interrupted."""


class ConditionLeftOut(Operator):  # type: ignore[misc]
    """Leaves one condition out of a `where`, an `and_` or their like: what a slip in SQLAlchemy looks like."""

    NAMES = ("where", "and_", "or_", "having")

    def mutation_positions(self, node: Any) -> Iterator[tuple[Any, Any]]:
        """Where the conditions of a call stand."""
        yield from ((condition.start_pos, condition.end_pos) for condition in self._conditions(node))

    def mutate(self, node: Any, index: int) -> Any:
        """The call without its condition of that number."""
        condition = self._conditions(node)[index]
        siblings = condition.parent.children
        place = siblings.index(condition)
        # a list goes with its comma, the only argument by itself
        del siblings[place : place + (1 if condition.parent is node else 2)]
        return node

    @classmethod
    def examples(cls) -> tuple[()]:
        """None: it is tested as a whole."""
        return ()

    def _conditions(self, node: Any) -> list[Any]:
        if node.type != "trailer" or node.children[0] != "(" or len(node.children) != 3:
            return []
        name = node.get_previous_leaf()
        if name is None or name.value not in self.NAMES:
            return []
        inner = node.children[1]
        given = inner.children[::2] if inner.type == "arglist" else [inner]
        return [each for each in given if not (each.type == "argument" and each.children[0] == "*")]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One file with one change."""

    path: str
    operator: str
    code: str = field(repr=False)
    diff: str
    before: str
    after: str
    function: str = ""

    def is_listed(self, entry: Mapping[str, str]) -> bool:
        """Whether it is an entry of the list of equivalent ones: its file, its lines before and after, its function."""
        where = entry["file"], entry["before"], entry["after"], entry.get("in", self.function)
        return where == (self.path, self.before, self.after, self.function)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a mutant: the test that failed, or why none did."""

    mutant: Mutant
    killer: str

    @property
    def killed(self) -> bool:
        return bool(self.killer)


def main() -> int:
    """Print every mutant as it ends, the score and the survivors; 1 below the score that is asked for."""
    options = _options()
    equivalent = _equivalent()
    mutants = sample(options.only or MEASURED, options.sample, options.seed)
    counted = [mutant for mutant in mutants if not any(map(mutant.is_listed, equivalent))]
    print(f"seed {options.seed}: {len(mutants)} mutants, {len(mutants) - len(counted)} of them equivalent", flush=True)
    outcomes = list(run(counted, options))
    refuse_tests_that_fail_anyway({outcome.killer for outcome in outcomes}, options.limit)
    return _told(outcomes, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--sample", type=int, default=200, help="how many mutants")
    parser.add_argument("--seed", type=int, default=1, help="which ones")
    parser.add_argument("--only", nargs="*", help="files or folders instead of all that are measured")
    parser.add_argument("--nearest", action="store_true", help="only the nearest tests: quicker, and a lower score")
    parser.add_argument("--workers", type=int, default=2, help="copies at work at a time")
    parser.add_argument("--limit", type=float, default=900, help="seconds for the tests of one mutant")
    return parser.parse_args()


def _equivalent() -> list[Mapping[str, str]]:
    listed = tomllib.loads((ROOT / "tests/equivalent_mutants.toml").read_text(encoding="utf-8"))
    return list(listed.get("mutant", ()))


def _told(outcomes: Sequence[Outcome], options: argparse.Namespace) -> int:
    survivors = [outcome.mutant for outcome in outcomes if not outcome.killed]
    for mutant in survivors:
        print(f"\nsurvived: {mutant.operator}\n{mutant.diff}")
    killed = len(outcomes) - len(survivors)
    score = killed / max(1, len(outcomes))
    print(
        f"\n{killed} of {len(outcomes)} mutants are noticed: {score:.1%} (sample {options.sample}, seed {options.seed})"
    )
    return int(score < LEAST_KILLED)


def sample(paths: Sequence[str], size: int, seed: int) -> list[Mutant]:
    """So many mutants, drawn by place first and by change second: an operator with many changes counts once."""
    chance = random.Random(seed)  # noqa: S311 - a sample
    places = [place for path in _files(paths) for place in _places(path)]
    chance.shuffle(places)
    drawn = (_made(path, *chance.choice(changes)) for path, changes in places)
    return [mutant for mutant, _ in zip(filter(None, drawn), range(size), strict=False)]


def _files(paths: Sequence[str]) -> list[str]:
    every = [
        file for path in paths for file in ([ROOT / path] if path.endswith(".py") else (ROOT / path).rglob("*.py"))
    ]
    return sorted({str(file.relative_to(ROOT)) for file in every})


def _places(path: str) -> Iterator[tuple[str, list[tuple[str, int]]]]:
    """Every place of a file that can be changed, with the operators and their occurrences that change it."""
    tree = get_ast((ROOT / path).read_text(encoding="utf-8"))
    nodes = [node for node in ast_nodes(tree) if node.type not in UNTOUCHED]  # half of all, for each of 200 operators
    changes: defaultdict[tuple[str, Any], list[tuple[str, int]]] = defaultdict(list)
    for name in (*sorted(set(operator_names()) - LEFT_OUT), ConditionLeftOut.__name__):
        positions = [span for node in nodes for span in _operator(name).mutation_positions(node)]
        for occurrence, span in enumerate(positions):
            changes[name.split("_")[0], span].append((name, occurrence))
    yield from ((path, changed) for changed in changes.values())


def _operator(name: str) -> Operator:
    return ConditionLeftOut() if name == ConditionLeftOut.__name__ else get_operator(name)()


def _made(path: str, name: str, occurrence: int) -> Mutant | None:
    """The mutant of a change; None for one that cannot run, or of what nobody runs: annotations and their imports.

    What keeps us from slips is left out, too, for no behaviour shows it: that a dataclass is frozen and has slots, that
    zip() is strict, that arguments are given by name.
    """
    source = (ROOT / path).read_text(encoding="utf-8")
    code = mutate_code(source, _operator(name), occurrence)
    if code is None or _meaning(code) in {_meaning(source), ""}:
        return None
    lines = list(difflib.unified_diff(source.splitlines(), code.splitlines(), path, path, lineterm="", n=2))
    if (any(map(_is_a_guard_against_slips, lines)) and "True" in name) or "-if TYPE_CHECKING:" in lines:
        return None
    before, after = (" ".join(line[1:].strip() for line in lines[2:] if line[0] == sign) for sign in "-+")
    return Mutant(path, name.removeprefix("core/"), code, "\n".join(lines), before, after, _function(source, code))


def _is_a_guard_against_slips(line: str) -> bool:
    return line.startswith("-@dataclass(") or (line.startswith("-") and "zip(" in line and "strict=True" in line)


def _function(source: str, code: str) -> str:
    """The innermost function or class around the first line in which two sources differ; empty outside of all."""
    lines = source.splitlines()
    pairs = enumerate(zip(lines, code.splitlines(), strict=False), 1)
    first = next((number for number, (old, new) in pairs if old != new), 0)
    line = next((number for number in range(max(1, first), len(lines) + 1) if lines[number - 1].strip()), 0)
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    around = [node for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)
              and _first_line(node) <= line <= (node.end_lineno or 0)]  # fmt: skip
    return max(around, key=lambda node: node.lineno).name if around else ""


def _first_line(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def _meaning(code: str) -> str:
    """What a module does when it runs, empty if it cannot; annotations, and how arguments are given, are left out."""
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return ""
    for node in ast.walk(tree):
        for name in ("annotation", "returns"):
            if getattr(node, name, None) is not None:
                setattr(node, name, ast.Constant(0))
        if isinstance(node, ast.arguments):
            node.args = [*node.posonlyargs, *node.args, *node.kwonlyargs]
            node.defaults = [*node.defaults, *filter(None, node.kw_defaults)]
            node.posonlyargs, node.kwonlyargs, node.kw_defaults = [], [], []
    return ast.dump(tree)


def run(mutants: Sequence[Mutant], options: argparse.Namespace) -> Iterator[Outcome]:
    """What became of each mutant, in their order."""
    with ExitStack() as stack, ThreadPoolExecutor(options.workers) as pool:
        places: queue.SimpleQueue[tuple[Path, str]] = queue.SimpleQueue()
        for _ in range(options.workers):
            places.put((stack.enter_context(copy_of_the_tree()), stack.enter_context(server())))

        def tried(mutant: Mutant) -> Outcome:
            place = places.get()
            try:
                outcome = try_mutant(mutant, tests_near(mutant.path, wide=not options.nearest), *place, options.limit)
            finally:
                places.put(place)
            said = f"killed by {outcome.killer}" if outcome.killed else f"SURVIVED\n{mutant.diff}"
            print(f"{mutant.path} {mutant.operator}: {said}", flush=True)
            return outcome

        try:
            yield from pool.map(tried, mutants)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(RUNNING):
                os.killpg(process.pid, signal.SIGKILL)
            raise


@contextmanager
def copy_of_the_tree() -> Iterator[Path]:
    """A folder with the files of the tree, compiled so that a change is seen by its content and not by its time."""
    with tempfile.TemporaryDirectory(prefix="rally-mutants-") as folder:
        copy = Path(folder) / "tree"
        (Path(folder) / "shared").symlink_to(ROOT.parent / "shared")  # real feeds and rows, where they are
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
        )
        for name in filter(lambda name: (ROOT / name).is_file(), listed.stdout.decode().splitlines()):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
        packages = [str(copy / package) for package in ("etl", "checks", "alerts", "flows")]
        words = ["-m", "compileall", "-q", "--invalidation-mode", "checked-hash", *packages]
        subprocess.run([sys.executable, *words], check=True)
        yield copy


@contextmanager
def server() -> Iterator[str]:
    """URL of a server for the tests of one copy, so that not every run makes its own."""
    with quick_folder() as home, running(home, **QUICK) as url:
        yield url


def try_mutant(mutant: Mutant, stages: Sequence[Sequence[str]], copy: Path, url: str, limit: float) -> Outcome:
    """Run tests on a mutant in a copy, stage by stage, until one fails."""
    file = copy / mutant.path
    before = file.read_text(encoding="utf-8")
    file.write_text(mutant.code, encoding="utf-8")
    try:
        return Outcome(mutant, next(filter(None, (_failure(tests, copy, url, limit) for tests in stages)), ""))
    finally:
        file.write_text(before, encoding="utf-8")


def _failure(tests: Sequence[str], copy: Path, url: str, limit: float) -> str:
    """The first test that failed in a copy; empty if all passed."""
    command = [sys.executable, "-m", "pytest", *OPTIONS, *tests]
    environment = os.environ | {"PYTHONPATH": str(copy), "TEST_SERVER": url}
    process = subprocess.Popen(
        command, cwd=copy, env=environment, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    RUNNING.add(process)
    try:
        output = process.communicate(timeout=limit)[0].decode(errors="replace")
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return "its time limit"
    finally:
        RUNNING.discard(process)
    if process.returncode in {0, NO_TESTS}:
        return ""
    failed = FAILED.search(output)
    return failed[1] if failed else f"pytest, which ended with {process.returncode}: {output[-300:]}"


def tests_near(path: str, *, wide: bool) -> list[list[str]]:
    """Files with tests of a module, in stages: of its name and folder, of its folder, of its chapter or its importers.

    With `wide` then all others of its package.
    """
    module, mirror = path.removesuffix(".py").removesuffix("/__init__").replace("/", "."), Path("tests", path).parent
    chapter, named = Path(*mirror.parts[:3]), module.split(".")[-1].rstrip("s")

    def stage(test: Path) -> int:
        if mirror in test.parents:
            return 0 if named in test.stem else 1
        near = chapter in test.parents or f"from {module} import" in (ROOT / test).read_text(encoding="utf-8")
        return 2 if near else 3

    stages: list[list[str]] = [[], [], [], []]
    for test in sorted((ROOT / "tests" / mirror.parts[1]).rglob("test_*.py"), key=lambda test: test.stat().st_size):
        stages[stage(test.relative_to(ROOT))].append(str(test.relative_to(ROOT)))
    return list(filter(None, stages if wide else stages[:3]))


def refuse_tests_that_fail_anyway(killers: set[str], limit: float) -> None:
    """Run what noticed the changes once without any: a test that fails then has noticed nothing."""
    tests = sorted(killer for killer in killers if killer.startswith("tests/"))
    if not tests:
        return
    with copy_of_the_tree() as copy, server() as url:
        failed = _failure(tests, copy, url, limit * 4)
    if failed:
        raise SystemExit(f"{failed} fails without any change, too: mend it first, the score says nothing until then")


if __name__ == "__main__":
    sys.exit(main())
