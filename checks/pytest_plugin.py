"""`pytest --rally-rules --rally-database URL`: each rule is a test item, run against that database.

For the platform's own CI: a migration or a scraper that breaks the data fails its build. All rules are measured
together when the first item runs, so the items share scans and one snapshot. The database's waivers and history count
as they do in a check, where it has them; nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from checks.engine.authoring.spec import Check
    from checks.engine.collecting.rules import Rules
    from checks.engine.reporting.report import Report, Result

PYTEST_MARKER = "rally_rule"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, and their ini twin for the database."""
    group = parser.getgroup("rally", "rules of Rally Data Health")
    group.addoption("--rally-rules", action="store_true", help="run each rule as a test item")
    group.addoption("--rally-database", metavar="URL", help="the PostgreSQL database that the rules look at")
    group.addoption(
        "--rally-source", action="append", default=[], metavar="SOURCE", help="a further folder or package of rules"
    )
    group.addoption("--rally-today", metavar="DATE", help="the day that rules compare with")
    parser.addini("rally_database", "the database of --rally-rules, when --rally-database is not given", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, and refuse to run rules on nothing."""
    config.addinivalue_line("markers", f"{PYTEST_MARKER}: a rule of Rally Data Health, run against a database")
    if config.getoption("--rally-rules") and not _url(config):
        raise pytest.UsageError("--rally-rules needs a database: add --rally-database URL or the ini rally_database")


def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add an item for each rule behind whatever else was collected."""
    if config.getoption("--rally-rules"):
        rules = RuleCollector.from_parent(session, name="rules").collect()
        # pytest's count of what was collected is made of such reports
        config.hook.pytest_collectreport(report=pytest.CollectReport("rules", "passed", None, [*rules]))
        items.extend(rules)


class RuleCollector(pytest.Collector):
    """All rules, measured at once when the first of them is asked for."""

    _report: Report | None = None

    def collect(self) -> list[RuleItem]:
        """One item for each rule, in the order of domains and names."""
        rules = self.rules()
        ordered = sorted(rules.values(), key=lambda check: (check.domain, check.name))
        return [RuleItem.from_parent(self, name=f"{check.domain}::{check.name}", check=check) for check in ordered]

    def rules(self) -> Rules:
        """The catalogue and further sources; a wrong definition is a usage error."""
        from checks.engine.authoring import CheckError  # noqa: PLC0415
        from checks.engine.collecting.collect import collect  # noqa: PLC0415 - only a run with rules pays for it
        from checks.scopes import SOURCES  # noqa: PLC0415

        try:
            return collect([*SOURCES, *self.config.getoption("--rally-source")], plugins=True)
        except CheckError as error:
            raise pytest.UsageError(str(error)) from error

    def results(self, rule: str) -> list[Result]:
        """The results of one rule, one for each parameter."""
        if self._report is None:
            self._report = self._measure()
        return [result for result in self._report.results if result.rule == rule]

    def _measure(self) -> Report:
        from checks.engine.run import Request  # noqa: PLC0415 - see above
        from checks.health import examine, examine_alone  # noqa: PLC0415
        from etl import migrate  # noqa: PLC0415
        from etl.database import open_engine  # noqa: PLC0415

        day = self.config.getoption("--rally-today")
        request = Request(now=datetime.now(UTC), today=date.fromisoformat(day) if day else None)
        engine = open_engine(_url(self.config), application="pytest")
        try:
            if migrate.current(engine) is None:
                return examine_alone(engine, self.rules(), request)
            migrate.require_newest(engine)
            return examine(engine, self.rules(), request, keep=False)
        finally:
            engine.dispose()


class RuleItem(pytest.Item):
    """One rule. CRITICAL and ERROR fail it, SKIPPED skips it; WARN and what a waiver accepts stand in its report."""

    def __init__(self, *, check: Check, **rest: Any) -> None:
        super().__init__(**rest)
        self.check = check
        self.add_marker(PYTEST_MARKER)
        self.extra_keyword_matches |= check.mark.tags

    def runtest(self) -> None:
        """Judge the results of all parameters."""
        from checks.engine.authoring.units import Status  # noqa: PLC0415 - see above

        assert isinstance(self.parent, RuleCollector)  # noqa: S101 - it is made nowhere else
        results = self.parent.results(self.check.name)
        bad = [result for result in results if result.trouble and result.status is not Status.WARN]
        if bad:
            raise RuleFailed(_told(bad))
        if all(result.status is Status.SKIPPED for result in results):
            pytest.skip("; ".join(result.note for result in results) or "nothing to measure")
        said = [result for result in results if result.trouble or result.accepted]
        if said:
            self.add_report_section("call", "rule", _told(said))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What was found, without the plugin's own traceback."""
        if isinstance(excinfo.value, RuleFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """The rule's own file and line."""
        return Path(self.check.source.file), self.check.source.line - 1, self.name


class RuleFailed(Exception):
    """A rule that is CRITICAL or could not be measured."""


def _told(results: Iterable[Result]) -> str:
    from checks.render.terminal import clean, example, lines_of, verdict  # noqa: PLC0415 - see above

    lines: list[str] = []
    for result in results:
        lines += [f"{result.status} {clean(result.title)}: {clean(result.summary)}", f"  {verdict(result)}"]
        lines += [f"  {clean(str(cluster))}" for cluster in result.clusters]
        lines += [f"  {example(key)}" for key in result.examples]
        lines += [f"  {line}" for line in lines_of(result.sql)]
    return "\n".join(lines)


def _url(config: pytest.Config) -> str:
    return str(config.getoption("--rally-database") or config.getini("rally_database"))
