"""A small season with rules of its own, in which time passes at will, to be brought into any situation."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine

from etl.tables import QUALITY, metadata
from tests.alerts.channels.twilio_server import SENDER, SID, TOKEN, Twilio

RULES = '''
from sqlalchemy import func, select
from checks import Bad, Row, Severity, above, check, drop, metric_check, percent, row_check, rows
from etl.tables import leagues, match_scores, players, schedule, series_stats, teams

SHARE = above(warn=percent(10), critical=percent(50))

@row_check(schedule, severity=Severity.HIGH, threshold=SHARE)
def match_on_the_moon(row: Row):
    """A match is played on the moon."""
    return row.location == "Moon"

@metric_check(schedule, severity=Severity.HIGH, threshold=drop(warn=percent(10), critical=percent(30)))
def matches(row: Row):
    """The schedule has lost matches."""
    return func.count()

@metric_check(schedule, severity=Severity.LOW, threshold=drop(warn=percent(10), critical=percent(30)))
def friendlies(row: Row):
    """There are fewer friendlies than usual, and usually there are none."""
    return func.count().filter(row.home_team == "Friendly")

@row_check(players, severity=Severity.MEDIUM, threshold=SHARE)
def barefoot_player(row: Row):
    """A player has no shoes."""
    return row.first_name == "Barefoot"

@row_check(players, severity=Severity.HIGH, threshold=SHARE)
def rating_that_divides(row: Row):
    """A rating cannot be divided by."""
    return 1 / row.pti > 5

@row_check(series_stats, severity=Severity.LOW, threshold=SHARE)
def points_below_zero(row: Row):
    """A team has less than no points."""
    return Bad(row.points < 0, among=row.points.is_not(None))

@row_check(series_stats, severity=Severity.LOW, threshold=SHARE)
def points_that_divide(row: Row):
    """Points cannot be divided by."""
    return 1 / row.points > 5

@row_check(match_scores, severity=Severity.LOW, threshold=SHARE, can_be_empty=True)
def result_of_nobody(row: Row):
    """A result names no winner; between seasons there are no results."""
    return row.winner.is_(None)

@check(severity=Severity.MEDIUM, threshold=SHARE, each="league")
def quiet_team(league: int):
    """A team of one league is quiet."""
    own = select(teams.c.id).where(teams.c.league_id == league)
    return Bad(own.where(teams.c.team_name.like("Quiet%")), among=own)
'''
DROPPED = RULES.replace(
    "@row_check(schedule, severity", "def gone(*_, **__): return lambda f: f\n\n@gone(schedule, severity"
)
"""The same without the rule `match_on_the_moon`."""
APART = '''
from sqlalchemy import func
from checks import Row, Severity, metric_check, outlier
from etl.tables import teams

@metric_check(teams, severity=Severity.LOW, threshold=outlier())
def teams_as_usual(row: Row):
    """There are unusually many or few teams."""
    return func.count()
'''
"""A rule of a domain of its own."""
POLICY = """
[[people]]
name = "dana"
[[routes]]
who = ["dana"]
by = ["sms"]
statuses = ["CRITICAL", "ERROR"]
"""
SEASON = """
insert into leagues (id, league_id, league_name) values (1, 'NORTH', 'x'), (2, 'SOUTH', 'x');
insert into teams (id, team_name, league_id) select n, 'Team ' || n, 1 + n % 2 from generate_series(1, 8) n;
insert into schedule (match_date, home_team, away_team, league_id, location)
    select '2025-01-01'::date + n, 'Team ' || n, 'BYE', 1 + n % 2, 'Court' from generate_series(1, 40) n;
insert into players (tenniscores_player_id, first_name, last_name, league_id, pti)
    select 'p' || n, 'Ann', 'x', 1 + n % 2, 10 from generate_series(1, 20) n;
insert into series_stats (team, points, league_id) select 'Team ' || n, 10 + n, 1 + n % 2 from generate_series(1, 10) n;
insert into match_scores (match_date, winner, league_id) select '2025-01-02', 'home', 1 from generate_series(1, 5);
"""


def write_rules(folder: Path, rules: str = RULES) -> Path:
    """A folder with these rules, and the one that is apart.

    As long as the files are the same ones, a process collects their rules once, and tries them in a fork once.
    """
    folder.mkdir()
    (folder / "small.py").write_text(rules)
    (folder / "apart.py").write_text(APART)
    return folder


@dataclass(frozen=True, slots=True)
class Last:
    """What the last check of a situation came to: the document, how it ended, what it printed, and the SMS of it."""

    document: dict[str, Any]
    code: int
    out: str
    sms: str

    @property
    def first_line(self) -> str:
        return self.out.splitlines()[0]


@dataclass
class Stage:
    """The season in a database of its own, with the command line. Checks look at the rules above alone."""

    engine: Engine
    run: Callable[..., Any]
    folder: Path
    twilio: Twilio
    setenv: Callable[[str, str], None]
    chosen: tuple[str, ...] = ("--domain", "small")

    def know(self, rules: Path) -> None:
        """From now on the rules are those of a folder."""
        self.setenv("RALLY_RULES", str(rules))

    def sql(self, *statements: str) -> None:
        with self.engine.begin() as connection:
            driver: Any = connection.connection.driver_connection
            for statement in statements:
                driver.execute(statement)

    def check(self, *options: str) -> Any:
        return self.run("check", *self.chosen, *options)

    def checks(self, number: int, *options: str) -> None:
        for _ in range(number):
            self.check(*options)

    def days(self, number: int = 1) -> None:
        """Let days pass: all that was ever written lies so much further back."""
        with self.engine.begin() as connection:
            # a trigger refuses to rewrite history
            connection.exec_driver_sql("set local session_replication_role = replica")
            for table in metadata.sorted_tables:
                moments = [column for column in table.c if isinstance(column.type, sa.Date | sa.DateTime)]
                if table.schema == QUALITY and moments:
                    aged = {column.name: column - _span(column, number) for column in moments}
                    connection.execute(sa.update(table).values(aged))

    def nights(self, number: int, *options: str) -> None:
        """A check each night, the last one yesterday."""
        for _ in range(number):
            self.check(*options)
            self.days()

    def last(self, *options: str, alert: bool = True) -> Last:
        """The check that the situation is about; people are told of it."""
        (self.folder / "policy.toml").write_text(POLICY)
        (self.folder / "contacts.toml").write_text('[dana]\nphone = "+14155550123"\n')
        settings = {
            "ALERTS_POLICY": "policy.toml", "ALERTS_CONTACTS": "contacts.toml", "TWILIO_ACCOUNT_SID": SID,
            "TWILIO_AUTH_TOKEN": TOKEN, "TWILIO_FROM": SENDER, "TWILIO_URL": self.twilio.url,
        }  # fmt: skip
        for name, value in settings.items():
            self.setenv(f"RALLY_{name}", value)
        alerting = ("--alert",) if alert else ()
        ran = self.run("check", *self.chosen, *options, *alerting, "--json", "last.json")
        document = json.loads((self.folder / "last.json").read_text())
        sms = self.twilio.bodies[0].partition(" Reply ACK")[0] if self.twilio.bodies else ""
        return Last(document, ran.code, ran.out, sms)


def _span(column: sa.Column[Any], days: int) -> Any:
    return days if isinstance(column.type, sa.Date) else sa.func.make_interval(0, 0, 0, days)
