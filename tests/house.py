"""How finely the house is cut: the figures of `make house`, and the limits that they are held to.

Counted are the sources of flows, alerts, checks and etl; migrations are a log and are left out. An import below
`TYPE_CHECKING` or inside a function counts like any other: a reader follows it all the same.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("flows", "alerts", "checks", "etl")
ENGINE = "checks.engine"
LONGEST_FILE = 400
VAGUE, SHORT_LIFE = ("one", "found", "own", "told", "known"), 3
# what every module has of its own by custom
NAMES_OF_EACH_MODULE = frozenset({"log", "app"})

Function = ast.FunctionDef | ast.AsyncFunctionDef
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
Graph = Mapping[str, Collection[str]]


@dataclass(frozen=True, slots=True)
class Module:
    """One source file, by its dotted name."""

    name: str
    path: Path
    lines: int
    tree: ast.Module


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the house, the most that it may be, and what it is made of."""

    name: str
    value: float
    limit: float
    made_of: tuple[str, ...] = ()

    @property
    def is_kept(self) -> bool:
        """Whether the figure is within its limit."""
        return self.value <= self.limit


class House:
    """All source files of a checkout, and how they import each other."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self.modules = {module.name: module for module in read_modules(root)}

    @cached_property
    def imports(self) -> dict[str, set[str]]:
        """The modules that each module imports, itself left out."""
        return {name: self._imported(module) - {name} for name, module in self.modules.items()}

    def _imported(self, module: Module) -> set[str]:
        names = (name for node in ast.walk(module.tree) for name in imported_names(node))
        return {found for name in names if (found := self._module_of(name))}

    def _module_of(self, name: str) -> str | None:
        """The module that an imported name is or lies in; None for what is not of this house."""
        return (
            name
            if name in self.modules
            else next((parent for parent in [name.rpartition(".")[0]] if parent in self.modules), None)
        )

    @property
    def lines(self) -> int:
        return sum(module.lines for module in self.modules.values())

    def files_per_thousand_lines(self) -> Figure:
        return Figure("source files per thousand lines", 1000 * len(self.modules) / self.lines, 6.5)

    def share_of_imports(self) -> Figure:
        count = sum(import_lines(module.tree) for module in self.modules.values())
        return Figure("share of import lines, %", 100 * count / self.lines, 8)

    def cycles(self) -> Figure:
        cycles = [" <-> ".join(sorted(cycle)) for cycle in components(self.imports) if len(cycle) > 1]
        return Figure("import cycles", len(cycles), 0, tuple(cycles))

    def single_importers(self) -> Figure:
        """Modules that one other module imports, which lies in the same folder: often one subject cut in two."""
        importers = defaultdict(list)
        for name, used in self.imports.items():
            for module in used:
                importers[module].append(name)
        pairs = sorted(
            f"{module} <- {names[0]}"
            for module, names in importers.items()
            if len(names) == 1 and self._folder(module) == self._folder(names[0])
        )
        return Figure("modules with a single importer, in their own folder", len(pairs), 60, tuple(pairs))

    def _folder(self, name: str) -> Path:
        return self.modules[name].path.parent

    def engine_files(self) -> Figure:
        return Figure("files of checks/engine", len(self._engine), 33)

    def engine_floors(self) -> Figure:
        chain = longest_chain({name: self.imports[name] & self._engine for name in self._engine})
        return Figure("floors of checks/engine", len(chain), 15, (" -> ".join(chain),))

    @cached_property
    def _engine(self) -> set[str]:
        return {name for name in self.modules if name == ENGINE or name.startswith(f"{ENGINE}.")}

    def long_files(self) -> Figure:
        files = sorted(
            f"{module.path.relative_to(self.root)}: {module.lines} lines"
            for module in self.modules.values()
            if module.lines > LONGEST_FILE
        )
        return Figure(f"files over {LONGEST_FILE} lines", len(files), 0, tuple(files))

    @cached_property
    def function_lines(self) -> list[int]:
        """Lines of each function, decorators and documentation included."""
        nodes = (node for module in self.modules.values() for node in ast.walk(module.tree))
        return [(node.end_lineno or 0) - first_line(node) + 1 for node in nodes if isinstance(node, Function)]

    def median_function(self) -> Figure:
        return Figure("lines of a function, median", median(self.function_lines), 6)

    def long_functions(self) -> Figure:
        return Figure("lines of a function, 95th percentile", quantiles(self.function_lines, n=20)[-1], 18)

    def long_lived_locals(self) -> Figure:
        """Locals that say nothing of what they hold, and are used for more than three lines."""
        where = sorted(
            f"{module.path.relative_to(self.root)}:{node.lineno} {node.name}: {name}"
            for module in self.modules.values()
            for node in ast.walk(module.tree) if isinstance(node, Function)
            for name in (stored(node) | argument_names(node)).intersection(VAGUE) if lifetime(node, name) > SHORT_LIFE
        )  # fmt: skip
        return Figure(f"locals {', '.join(VAGUE)} over {SHORT_LIFE} lines", len(where), 0, tuple(where))

    def names_used_twice(self) -> Figure:
        twice = [name for package in PACKAGES for name in names_used_twice_in(self, package)]
        return Figure("public names used twice in one package", len(twice), 0, tuple(twice))

    def figures(self) -> list[Figure]:
        """All figures, in the order in which `make house` prints them."""
        return [
            self.files_per_thousand_lines(), self.share_of_imports(), self.cycles(), self.single_importers(),
            self.engine_files(), self.engine_floors(), self.long_files(), self.median_function(),
            self.long_functions(), self.long_lived_locals(), self.names_used_twice(),
        ]  # fmt: skip


def names_used_twice_in(house: House, package: str) -> list[str]:
    """Public functions, classes and constants that two modules of a package define, each with its places."""
    places: dict[str, list[str]] = defaultdict(list)
    for module in house.modules.values():
        if module.name.partition(".")[0] == package:
            for name in set(public_names(module.tree)):
                places[name].append(module.name)
    return sorted(f"{name}: {', '.join(sorted(where))}" for name, where in places.items() if len(where) > 1)


def read_modules(root: Path) -> Iterator[Module]:
    """The source files of the four packages; `__init__.py` goes by the name of its folder."""
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            if "migrations" not in path.parts:
                parts = path.relative_to(root).with_suffix("").parts
                text = path.read_text()
                name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
                yield Module(name, path, len(text.splitlines()), ast.parse(text))


def imported_names(node: ast.AST) -> Iterator[str]:
    """Dotted names that a statement imports: of `from a import b` the name `a.b`; nothing for other statements."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def import_lines(tree: ast.Module) -> int:
    """Lines that import statements take, wherever they stand."""
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    return sum((node.end_lineno or node.lineno) - node.lineno + 1 for node in nodes)


def first_line(node: Function) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def lifetime(function: Function, name: str) -> int:
    """From the line that binds a local to the last that uses it; an argument is bound where the body begins."""
    documented = ast.get_docstring(function) is not None and len(function.body) > 1
    uses = [node for statement in function.body for node in names_of(statement, name)]
    bound = [node.lineno for node in uses if isinstance(node.ctx, ast.Store)]
    if name in argument_names(function):
        bound.append(function.body[documented].lineno)
    return max((node.lineno for node in uses), default=0) - min(bound) + 1 if bound and uses else 0


def names_of(node: ast.AST, name: str) -> Iterator[ast.Name]:
    """Where a statement uses a name of its own function: those of functions and comprehensions in it are others."""
    if isinstance(node, Comprehension) and any(name in stored(part.target) for part in node.generators):
        yield from names_of(node.generators[0].iter, name)
        return
    if isinstance(node, Function | ast.Lambda) and (name in argument_names(node) or name in stored(node)):
        return
    if isinstance(node, ast.Name) and node.id == name:
        yield node
    for child in ast.iter_child_nodes(node):
        yield from names_of(child, name)


def argument_names(function: Function | ast.Lambda) -> set[str]:
    return {node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)}


def stored(node: ast.AST) -> set[str]:
    nodes = (part for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store))
    return {part.id for part in nodes}


def public_names(tree: ast.Module) -> Iterator[str]:
    """Names of functions, classes and constants that a module defines for others; type variables are nobody's."""
    for node in tree.body:
        for name in () if is_type_variable(node) else defined_names(node):
            if not name.startswith("_") and name not in NAMES_OF_EACH_MODULE:
                yield name


def is_type_variable(node: ast.stmt) -> bool:
    call = node.value if isinstance(node, ast.Assign) else None
    return isinstance(call, ast.Call) and ast.unparse(call.func) in {"TypeVar", "ParamSpec"}


def defined_names(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, Function | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = (name for target in targets for name in ast.walk(target))
        yield from (name.id for name in names if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store))


def components(graph: Graph) -> list[list[str]]:
    """Strongly connected components, each after those that it leads to (Tarjan)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    result: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = lowest[name] = len(order)
        stack.append(name)
        for other in sorted(graph[name]):
            if other not in order:
                visit(other)
            if other in stack:
                lowest[name] = min(lowest[name], lowest[other])
        if lowest[name] == order[name]:
            start = stack.index(name)
            result.append(stack[start:])
            del stack[start:]

    for name in sorted(graph):
        if name not in order:
            visit(name)
    return result


def longest_chain(graph: Graph) -> list[str]:
    """The longest path through a graph; the members of a cycle count as one."""
    chains: dict[str, list[str]] = {}
    for component in components(graph):
        below = [chains[other] for name in component for other in graph[name] if other not in component]
        chain = [component[0], *max(below, key=len, default=[])]
        chains |= dict.fromkeys(component, chain)
    return max(chains.values(), key=len, default=[])


def render(figures: Collection[Figure], *, detailed: bool) -> Iterator[str]:
    """One line per figure; what it is made of where it is over its limit, or where everything is asked for."""
    for figure in figures:
        mark = "ok  " if figure.is_kept else "OVER"
        yield f"{mark} {figure.value:8.4g}  at most {figure.limit:<4g}  {figure.name}"
        if detailed or not figure.is_kept:
            yield from (f"       {part}" for part in figure.made_of)


def main() -> int:
    """Print the figures; exit code 1 where one is over its limit."""
    house = House()
    figures = house.figures()
    files = Counter(name.partition(".")[0] for name in house.modules)
    print(f"{len(house.modules)} files, {house.lines} lines:", ", ".join(f"{k} {n}" for k, n in files.items()))  # noqa: T201
    print("\n".join(render(figures, detailed="--detailed" in sys.argv[1:])))  # noqa: T201
    return 0 if all(figure.is_kept for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
