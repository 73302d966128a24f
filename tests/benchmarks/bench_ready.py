"""Ready-made rules and Great Expectations on the same million rows: the counts have to agree, seconds are printed.

Great Expectations is no dependency of ours: it is installed into an environment that is thrown away afterwards, or
taken from the environment whose Python `GX_PYTHON` names. It runs in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import create_engine

from checks import ready
from checks.engine.collecting.rules import Rules
from checks.engine.run import Options, Request, run_checks
from etl.embedded import running
from tests.benchmarks.bench_checks import database_named, plain_url, print_line, run_script

ROWS = 1_000_000
FILL = f"""
create table orders (id int primary key, number text, state text, quantity int, email text);
insert into orders select n,
    case when n % 400 = 0 then null when n % 1000 = 7 then 'N7' else 'N' || n end,
    case when n % 250 = 0 then null when n % 777 = 0 then 'lost' else (array['new', 'paid', 'sent'])[1 + n % 3] end,
    case when n % 900 = 0 then null when n % 555 = 0 then -n else n % 100 end,
    case when n % 640 = 0 then null when n % 333 = 0 then 'nobody' else 'c' || n || '@example.org' end
  from generate_series(1, {ROWS}) n;
vacuum analyze;
"""
EMAIL = r"^[^@]+@[^@]+\.[a-z]+$"
STATES = ["new", "paid", "sent"]
RULES = {
    "not_null": ready.not_null("orders", "number", name="not_null"),
    "unique": ready.unique("orders", "number", name="unique"),
    "accepted_values": ready.accepted_values("orders", "state", STATES, name="accepted_values"),
    "between": ready.between("orders", "quantity", 0, 99, name="between"),
    "matches": ready.matches("orders", "email", EMAIL, name="matches"),
}
THEIRS = f"""
import json, sys, time
import great_expectations as gx
started = time.perf_counter()
context = gx.get_context(mode="ephemeral")
source = context.data_sources.add_sql("shop", connection_string=sys.argv[1])
batch = source.add_table_asset("orders", table_name="orders").add_batch_definition_whole_table("all").get_batch()
said = dict(
    not_null=gx.expectations.ExpectColumnValuesToNotBeNull(column="number"),
    unique=gx.expectations.ExpectColumnValuesToBeUnique(column="number"),
    accepted_values=gx.expectations.ExpectColumnValuesToBeInSet(column="state", value_set={STATES!r}),
    between=gx.expectations.ExpectColumnValuesToBeBetween(column="quantity", min_value=0, max_value=99),
    matches=gx.expectations.ExpectColumnValuesToMatchRegex(column="email", regex={EMAIL!r}),
)
suite = gx.ExpectationSuite(name="orders", expectations=list(said.values()))
results = batch.validate(suite).results
counts = {{name: results[place].result["unexpected_count"] for place, name in enumerate(said)}}
print(json.dumps([gx.__version__, counts, time.perf_counter() - started]))
"""


def main() -> None:
    """Print what each finds, and how long it took; ends with an error where they differ."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "server") as server:
        url = database_named(server, "shop")
        run_script(url, FILL)
        ours, seconds = by_rules(url)
        version, theirs, their_seconds = json.loads(by_great_expectations(Path(folder), url))
    for name, count in ours.items():
        print(f"{name:16} {count:8,} bad rows, Great Expectations {version} {theirs[name]:8,}")  # noqa: T201
    print_line("ready-made rules, with evidence", seconds, seconds)
    print_line("Great Expectations", their_seconds, seconds)
    if ours != theirs:
        sys.exit("the counts differ")


def by_rules(url: str) -> tuple[dict[str, int | None], float]:
    """Bad rows by rule, and the seconds of the run."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    started = time.perf_counter()
    report = run_checks(engine, Rules.of(*RULES.values()), Request(now=datetime.now(UTC), options=Options(workers=2)))
    seconds = time.perf_counter() - started
    engine.dispose()
    return {name: report.of(name).count for name in RULES}, seconds


def by_great_expectations(folder: Path, url: str) -> str:
    """What its process prints last."""
    python = os.environ.get("GX_PYTHON") or installed(folder / "gx")
    script = folder / "theirs.py"
    script.write_text(THEIRS)
    address = plain_url(url).replace("postgresql://", "postgresql+psycopg2://")
    done = subprocess.run([python, script, address], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"Great Expectations ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout.splitlines()[-1]


def installed(folder: Path) -> str:
    """The Python of a new environment that has Great Expectations."""
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    wanted = ["great_expectations", "sqlalchemy", "psycopg2-binary"]
    done = subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=False)
    if done.returncode:
        sys.exit("Great Expectations cannot be installed here: name a Python that has it in GX_PYTHON")
    return python


if __name__ == "__main__":
    main()
