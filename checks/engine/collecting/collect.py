"""Finds rules the way pytest finds tests: whatever carries a mark in a package, a folder, a file or an entry point."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import pkgutil
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from checks.engine.authoring import CheckDefinitionError, CollectError, DuplicateCheckError, MeasureError
from checks.engine.authoring.decorators import Bad, check
from checks.engine.authoring.spec import AUTOMATIC, CHECK, FIX, FIXTURE, Mark
from checks.engine.authoring.thresholds import above
from checks.engine.authoring.units import Severity, rows
from checks.engine.collecting.rules import Rules
from checks.engine.collecting.sql_rules import sql_module
from checks.engine.measuring.child import OF_A_FILE, in_own_process, rehearse, text_of

GROUP = "rally_health.rules"
IMPORT_SECONDS = 60.0
SUFFIXES = (".py", ".sql")
IGNORED = ("_", ".", "test_", "conftest")


@dataclass(frozen=True, slots=True)
class Found:
    """An imported module and the domain of the rules in it."""

    module: ModuleType
    domain: str


def load_modules(source: str | Path) -> Iterator[Found]:
    """Import what a source names: a dotted module or package, a `.py` file, or a folder of them.

    Raises CollectError when there is no such thing or a module fails to import.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        yield from _folder(path)
    elif path.is_file() and path.suffix in SUFFIXES:
        yield _file(path, path.stem)
    elif isinstance(source, Path) or "/" in source or source.endswith(SUFFIXES):
        raise CollectError(f"no rules at {str(source)!r}: it is neither a folder nor a .py or .sql file")
    else:
        yield from _package(source)


def load_entry_points() -> Iterator[Found]:
    """Import the modules that installed distributions offer under the group `rally_health.rules`."""
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value)):
        yield from _package(entry.module)


def _folder(folder: Path) -> Iterator[Found]:
    files = files_of(folder)
    if not files:  # a disk that is not there looks like a folder without rules, and nothing would be asked
        raise CollectError(f"no rules in {str(folder)!r}: the folder holds no .py or .sql file of rules")
    for path in files:
        yield _file(path, path.relative_to(folder).with_suffix("").parts[0])


def files_of(folder: Path) -> list[Path]:
    """The files of rules in a folder, without those that are ignored."""
    return [path for path in sorted(folder.rglob("*")) if path.suffix in SUFFIXES and not _is_ignored(path, folder)]


def _is_ignored(path: Path, folder: Path) -> bool:
    return any(part.startswith(IGNORED) for part in path.relative_to(folder).parts)


def _file(path: Path, domain: str) -> Found:
    if path.suffix == ".sql":
        return Found(sql_module(path), domain)
    whole = path.resolve()
    # two folders can hold files of one name, and none may hide a module of the standard library
    name = f"{OF_A_FILE}{sha256(str(whole).encode()).hexdigest()[:12]}_{path.stem}"
    try:
        module = _executed(name, whole, path)
    except MeasureError as error:  # it would take the whole run with it: the other files are measured
        del sys.modules[name]
        return Found(_unusable(path, name, str(error)), domain)
    except Exception as error:
        sys.modules.pop(name, None)
        raise _explained(str(path), error, str(whole)) from error
    return Found(module, _domain(module, domain))


def _executed(name: str, whole: Path, path: Path) -> ModuleType:
    """The module of a file, tried in a process of its own before."""
    source = ast.parse(whole.read_bytes(), str(whole))
    _verify_names_of_file(source, path)
    specification = importlib.util.spec_from_file_location(name, whole)
    if specification is None or specification.loader is None:
        raise CollectError(f"{str(path)!r} cannot be loaded as Python")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    execute = partial(specification.loader.exec_module, module)
    rehearse(IMPORT_SECONDS, what := f"the import of {path}", execute)
    with in_own_process(what):
        execute()
    _verify_members(source, module, path)
    return module


def _verify_names_of_file(source: ast.Module, path: Path) -> None:
    """Of two marked functions of one name in a file the first is lost."""
    seen: dict[str, int] = {}
    for function in (one for one in source.body if isinstance(one, ast.FunctionDef) and one.decorator_list):
        first = seen.setdefault(function.name, function.lineno)
        if first != function.lineno:
            raise DuplicateCheckError(
                f"{path}:{function.lineno}: {function.name}() stands in line {first} too, and the second replaces the"
                " first; rename one of them"
            )


def _verify_members(source: ast.Module, module: ModuleType, path: Path) -> None:
    """A file in which nothing is marked was most likely to hold a rule; a module of a package may be for others."""
    if (path.parent / "__init__.py").exists() or any(_members([Found(module, "")])):
        return
    bare = [one for one in source.body if isinstance(one, ast.FunctionDef) and not one.decorator_list]
    if bare:
        place, reason = f"{path}:{bare[0].lineno}", f"{bare[0].name}() has no decorator"
    else:
        place, reason = str(path), "nothing in it carries a mark" if source.body else "it is empty"
    raise CollectError(
        f"{place}: the file holds no rule, fixture or fix: {reason}; expected a function under @row_check(...),"
        " @check(...), @metric_check(...) or @frame_check(...), or a name that begins with _, such as"
        f" _{path.name}, for helpers"
    )


def _unusable(path: Path, name: str, reason: str) -> ModuleType:
    """In place of a file that ends or hangs the process that imports it: one rule, which is found to be an ERROR."""

    def rule() -> Bad:
        raise MeasureError(f"its file {path} cannot be imported: {reason}")

    rule.__name__ = rule.__qualname__ = f"rules_of_{re.sub(r'[^A-Za-z0-9]+', '_', path.stem)}"
    rule.__module__ = name
    rule.__doc__ = f"The rules of {path.name} can be read."
    module = ModuleType(name)
    setattr(module, rule.__name__, check(severity=Severity.HIGH, threshold=above(critical=rows(0)))(rule))
    return module


def _package(name: str) -> Iterator[Found]:
    module = _import(name)
    yield Found(module, _domain(module, name.rpartition(".")[2]))
    for info in pkgutil.walk_packages(getattr(module, "__path__", ()), prefix=f"{name}."):
        below = info.name.removeprefix(f"{name}.").split(".")
        if not any(part.startswith("_") for part in below):
            found = _import(info.name)
            yield Found(found, _domain(found, below[0]))


def _import(name: str) -> ModuleType:
    try:
        with in_own_process(f"the import of {name}"):
            return importlib.import_module(name)
    except Exception as error:
        raise _explained(name, error) from error


def _explained(where: str, error: Exception, file: str = "") -> CollectError | CheckDefinitionError:
    """What is wrong with a module, and in which line of its file, where the file is known."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
    place = f"{where}:{line}" if line else where
    if isinstance(error, CheckDefinitionError | CollectError):
        return type(error)(str(error) if str(error).startswith(where) else f"{place}: {error}")
    if isinstance(error, ModuleNotFoundError) and error.name == where:
        return CollectError(f"no rules at {where!r}: no such package, and no such file or folder")
    what = error.msg if isinstance(error, SyntaxError) else text_of(error)
    if isinstance(error, TypeError) and (name := re.match(r"(\w+_check|check)\(\) missing", what)):
        what = f"{what}; expected @{name[1]}(..., severity=Severity.LOW, threshold=above(warn=rows(0)))"
    return CollectError(f"rules in {place} cannot be imported: {type(error).__name__}: {what}")


def _domain(module: ModuleType, default: str) -> str:
    declared = getattr(module, "DOMAIN", default)
    if not isinstance(declared, str) or not declared:
        raise CollectError(f"{module.__name__}.DOMAIN is {declared!r}; expected the name of a domain")
    return declared


def collect(
    sources: Iterable[str | Path],
    *,
    plugins: bool = False,
    provided: Iterable[str] = (),
    more: Iterable[tuple[Callable[..., Any], str]] = (),
) -> Rules:
    """All rules, fixtures and fixes in `sources` (packages, folders, files), and with `plugins` of installed ones.

    The module that a rule stands in is its domain, unless it says `DOMAIN = "..."`. `provided` names what the run
    will hand in besides `today` and `now`; `more` are rules that stand in no module, each with its domain. Raises
    CollectError and CheckDefinitionError.
    """
    modules = [found for source in sources for found in load_modules(source)]
    if plugins:
        modules.extend(load_entry_points())
    # a source can be named twice, or hold another, as a file does that is a module of a package too
    once = {getattr(one.module, "__file__", None) or one.module.__name__: one for one in reversed(modules)}
    return Rules.assemble([*_members(reversed(once.values())), *more], provided=provided)


def _members(modules: Iterable[Found]) -> Iterator[tuple[Callable[..., Any], str]]:
    seen: set[int] = set()
    for loaded in modules:
        for name, value in list(vars(loaded.module).items()):
            for member in value if isinstance(value, list | tuple) else [value]:
                if _belongs(member, loaded) and id(member) not in seen:
                    seen.add(id(member))
                    yield _named(member, name if member is value else ""), loaded.domain


def _named(member: Any, variable: str) -> Any:
    """A ready-made rule is called like the variable that holds it, unless it was given a name."""
    if variable and vars(member).pop(AUTOMATIC, False):
        member.__name__ = variable
    return member


def _belongs(member: object, loaded: Found) -> bool:
    marks = getattr(member, "__dict__", {})
    if not callable(member) or isinstance(member, type):
        return False
    # an imported rule is collected where it stands, or not at all; a fixture may be shared by import
    mark = marks.get(CHECK)
    if isinstance(mark, Mark) and mark.source is not None:
        return mark.source.file == getattr(loaded.module, "__file__", None)
    return FIXTURE in marks or ((CHECK in marks or FIX in marks) and member.__module__ == loaded.module.__name__)
