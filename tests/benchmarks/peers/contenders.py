"""What each contender does, run by the interpreter that has it: `python contenders.py CONTENDER`, a JOB on its input.

The job is JSON: the server, the feed, a folder. The answer is a line of JSON: the seconds of the work without imports
of modules, and what was found per rule, in the order of `RULES`. A figure of a table that is out of its range is 1.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

Found = list[int]
Work = Callable[[], Found]
Job = dict[str, Any]

RULES = (
    "location missing", "time missing", "match twice", "location unknown", "date out of range", "team out of range",
    "home team odd", "away team odd", "team of nobody", "league of nobody", "schedule is old", "rows out of range",
)  # fmt: skip
KEY = ["match_date", "home_team", "away_team"]
COURTS = [f"Court {number}" for number in range(38)]
DAYS = date(2024, 7, 1), date(2026, 7, 1)
TEAMS = 1, 3990
NAME = "^Team [0-9]+$"
AGE = timedelta(hours=26)
ROWS = 400_000, 600_000

COLUMNS = ("date", "time", "home_team", "away_team", "location")
SCAN = f"""
select count(*) filter (where location is null), count(*) filter (where match_time is null),
  count(*) filter (where location <> all (%(courts)s)),
  count(*) filter (where match_date not between '{DAYS[0]}' and '{DAYS[1]}'),
  count(*) filter (where home_team_id not between {TEAMS[0]} and {TEAMS[1]}),
  count(*) filter (where home_team !~ '{NAME}'), count(*) filter (where away_team !~ '{NAME}'),
  (now() - max(created_at) > interval '26 hours')::int, (count(*) not between {ROWS[0]} and {ROWS[1]})::int
from schedule
"""
TWICE = f"""
select coalesce(sum(copies), 0) from (
  select count(*) as copies from schedule group by {", ".join(KEY)} having count(*) > 1) c
"""
NOBODY = """
select count(*) from schedule s
where s.{0} is not null and not exists (select from {1} t where t.id = s.{0})
"""


def sql_checks(job: Job) -> Work:
    """What an expert types: one scan for all that is asked of a row, a GROUP BY, two anti-joins."""
    psycopg = import_module("psycopg")

    def work() -> Found:
        with psycopg.connect(_libpq(job)) as connection:
            missing, untimed, *odd, old, size = connection.execute(SCAN, {"courts": COURTS}).fetchone()
            twice, team, league = (
                int(connection.execute(statement).fetchone()[0])
                for statement in (TWICE, NOBODY.format("home_team_id", "teams"), NOBODY.format("league_id", "leagues"))
            )
        return [missing, untimed, twice, *odd, team, league, old, size]

    return work


def our_checks(job: Job) -> Work:
    """This product: evidence, news, judgement per league, score and history are all in."""
    collecting, run = import_module("checks.engine.collecting.collect"), import_module("checks.engine.run")
    health, database = import_module("checks.health"), import_module("etl.database")

    def work() -> Found:
        rules = collecting.collect(["tests.benchmarks.peers.twelve_rules"])
        engine = database.open_engine(job["url"])
        report = health.examine(engine, rules, run.Request(now=datetime.now(UTC)))
        results = (report.of(rule.replace(" ", "_")) for rule in RULES)
        return [
            int(result.status.name in {"WARN", "CRITICAL"}) if result.count is None else result.count
            for result in results
        ]

    return work


def great_expectations(job: Job) -> Work:
    """GX Core: a suite, validated against a batch that is the whole table."""
    gx, gxe = import_module("great_expectations"), import_module("great_expectations.expectations")

    def nobody(column: str, table: str) -> Any:
        query = f"select * from {{batch}} where {column} is not null and {column} not in (select id from {table})"
        return gxe.UnexpectedRowsExpectation(unexpected_rows_query=query)

    def work() -> Found:
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        source = context.data_sources.add_sql("season", connection_string=job["url"].replace("+psycopg", "+psycopg2"))
        asset = source.add_table_asset("schedule", table_name="schedule")
        expectations = [
            gxe.ExpectColumnValuesToNotBeNull(column="location"),
            gxe.ExpectColumnValuesToNotBeNull(column="match_time"),
            gxe.ExpectCompoundColumnsToBeUnique(column_list=KEY),
            gxe.ExpectColumnValuesToBeInSet(column="location", value_set=COURTS),
            gxe.ExpectColumnValuesToBeBetween(column="match_date", min_value=DAYS[0], max_value=DAYS[1]),
            gxe.ExpectColumnValuesToBeBetween(column="home_team_id", min_value=TEAMS[0], max_value=TEAMS[1]),
            gxe.ExpectColumnValuesToMatchRegex(column="home_team", regex=NAME),
            gxe.ExpectColumnValuesToMatchRegex(column="away_team", regex=NAME),
            nobody("home_team_id", "teams"),
            nobody("league_id", "leagues"),
            gxe.ExpectColumnMaxToBeBetween(column="created_at", min_value=datetime.now(UTC) - AGE),
            gxe.ExpectTableRowCountToBeBetween(min_value=ROWS[0], max_value=ROWS[1]),
        ]
        for rule, expectation in zip(RULES, expectations, strict=True):
            expectation.meta = {"rule": rule}
        batch = asset.add_batch_definition_whole_table("all").get_batch()
        results = batch.validate(gx.ExpectationSuite(name="twelve", expectations=expectations)).results
        by_rule = {result.expectation_config.meta["rule"]: result for result in results}
        return [_of_gx(by_rule[rule]) for rule in RULES]

    return work


def _of_gx(result: Any) -> int:
    if any(about.get("raised_exception") for about in [result.exception_info] if isinstance(about, dict)):
        raise RuntimeError(result.exception_info["exception_message"])
    counted = result.result.get("unexpected_count")
    rows = result.result.get("observed_value") if result.expectation_config.type.startswith("unexpected_rows") else None
    return int(next((number for number in (counted, rows) if number is not None), not result.success))


SODA = f"""
checks for schedule:
  - missing_count(location) = 0
  - missing_count(match_time) = 0
  - duplicate_count({", ".join(KEY)}) = 0
  - invalid_count(location) = 0: {{valid values: {json.dumps(COURTS)}}}
  - outside = 0:
      outside expression: count(*) filter (where match_date not between '{DAYS[0]}' and '{DAYS[1]}')
  - invalid_count(home_team_id) = 0: {{valid min: {TEAMS[0]}, valid max: {TEAMS[1]}}}
  - invalid_count(home_team) = 0: {{valid regex: '{NAME}'}}
  - invalid_count(away_team) = 0: {{valid regex: '{NAME}'}}
  - values in (home_team_id) must exist in teams (id)
  - values in (league_id) must exist in leagues (id)
  - freshness(created_at) < 26h
  - row_count between {ROWS[0]} and {ROWS[1]}
"""
SODA_ORDER = (
    "missing_count(location)", "missing_count(match_time)", "duplicate_count", "invalid_count(location)", "outside",
    "invalid_count(home_team_id)", "invalid_count(home_team)", "invalid_count(away_team)", "values in (home_team_id)",
    "values in (league_id)", "freshness", "row_count",
)  # fmt: skip


def soda(job: Job) -> Work:
    """Soda Core: the checks in its own language. It counts keys that are there twice: every copy here is one of two."""
    scanning = import_module("soda.scan")

    def work() -> Found:
        scan = scanning.Scan()
        scan.set_data_source_name("season")
        place = {"type": "postgres", "username": "rally", "password": "", "port": 5432}
        place |= {"host": job["host"], "database": job["database"]}
        scan.add_configuration_yaml_str(json.dumps({"data_source season": place}))
        scan.add_sodacl_yaml_str(SODA)
        scan.execute()
        if scan.has_error_logs():
            raise RuntimeError(scan.get_error_logs_text())
        checks = [next(check for check in scan._checks if check.name.startswith(name)) for name in SODA_ORDER]
        figures = [int(check.outcome.name != "PASS") for check in checks[-2:]]
        counts = [int(check.check_value) for check in checks[:-2]]
        return [*counts[:2], 2 * counts[2], *counts[3:], *figures]

    return work


def pointblank(job: Job) -> Work:
    """pointblank on ibis: extracts of bad rows are left out, as they would be pulled over whole."""
    pb, ibis = import_module("pointblank"), import_module("ibis")

    def work() -> Found:
        database = ibis.postgres.connect(host=job["host"], user="rally", database=job["database"])
        plan = (
            pb.Validate(database.table("schedule"))
            .col_vals_not_null("location")
            .col_vals_not_null("match_time")
            .rows_distinct(KEY)
            .col_vals_in_set("location", COURTS, pre=lambda table: table.filter(table.location.notnull()))
            .col_vals_between("match_date", *DAYS, na_pass=True)
            .col_vals_between("home_team_id", *TEAMS, na_pass=True)
            .col_vals_regex("home_team", NAME, na_pass=True)
            .col_vals_regex("away_team", NAME, na_pass=True)
            .col_vals_in_table("home_team_id", database.table("teams"), "id", na_pass=True)
            .col_vals_in_table("league_id", database.table("leagues"), "id", na_pass=True)
            .data_freshness("created_at", "26 hours")
            .row_count_match(sum(ROWS) // 2, tol=(ROWS[1] - ROWS[0]) / sum(ROWS))
        )
        steps = plan.interrogate(collect_extracts=False).validation_info
        if wrong := [step.assertion_type for step in steps if step.eval_error]:
            raise RuntimeError(f"pointblank could not evaluate {', '.join(wrong)}")
        return [step.n_failed for step in steps]

    return work


STAGE = "create temp table stage (date text, time text, home_team text, away_team text, location text) on commit drop"
MERGE = """
insert into schedule (match_date, match_time, home_team, away_team, location, league_id, home_team_id, away_team_id)
select to_date(s.date, 'MM/DD/YYYY'), to_timestamp(s.time, 'HH12:MI am')::time, s.home_team, s.away_team, s.location,
       l.id, h.id, a.id
from stage s cross join leagues l
join teams h on h.team_name = s.home_team and h.league_id = l.id
join teams a on a.team_name = s.away_team and a.league_id = l.id
on conflict on constraint unique_schedule_match do update
  set match_time = excluded.match_time, location = excluded.location
"""


def sql_import(job: Job) -> Work:
    """What an expert types: parse, COPY, one statement that links the teams; no row is judged."""
    psycopg = import_module("psycopg")

    def work() -> Found:
        with psycopg.connect(_libpq(job)) as connection, connection.cursor() as cursor:
            rows = json.loads(Path(job["feed"]).read_bytes())
            cursor.execute(STAGE)
            with cursor.copy("copy stage from stdin") as copy:
                for row in rows:
                    copy.write_row([row[name] for name in COLUMNS])
            return [cursor.execute(MERGE).rowcount]

    return work


def our_import(job: Job) -> Work:
    """This product: every row validated, linked, judged by guards, and accounted for in the ledger."""
    importing, options = import_module("etl.importing.import_run"), import_module("etl.importing.options")
    database = import_module("etl.database")

    def work() -> Found:
        (feed,) = importing.import_paths(database.open_engine(job["url"]), [Path(job["feed"])], options.Options()).feeds
        return [feed.counts.inserted]

    return work


def dlt(job: Job) -> Work:
    """dlt: merged on the same key into a table of its own, as the feed has it; it links nothing and judges nothing."""
    loading = import_module("dlt")
    url = f"postgresql://rally:none@localhost:5432/{job['database']}?host={job['host']}"

    def rows() -> Iterator[Any]:
        yield json.loads(Path(job["feed"]).read_bytes())

    def work() -> Found:
        source = loading.resource(
            rows, name="schedules", primary_key=("date", "home_team", "away_team"), write_disposition="merge"
        )
        pipeline = loading.pipeline(
            "peers", pipelines_dir=job["folder"], destination=loading.destinations.postgres(url), dataset_name="feeds"
        )
        pipeline.run(source)
        return [pipeline.last_trace.last_normalize_info.row_counts["schedules"]]

    return work


def _libpq(job: Job) -> str:
    return f"host={job['host']} user=rally dbname={job['database']}"


def main() -> None:
    """Do one contender's work and print seconds and findings as the last line."""
    work = globals()[sys.argv[1]](json.load(sys.stdin))
    started = time.perf_counter()
    found = work()
    sys.stdout.write(f"\n{json.dumps({'seconds': time.perf_counter() - started, 'found': found})}\n")


if __name__ == "__main__":
    main()
