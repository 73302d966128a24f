"""The domain references: ids of teams, players and leagues that stand where no foreign key guards them.

An import that replaces rows leaves such ids behind, and the site shows nothing where it looks them up. Tables that a
database does not have are skipped.
"""

from __future__ import annotations

import sqlalchemy as sa

from checks import Bad, Row, Severity, TableName, check, percent
from checks.ready import matches, references
from checks.ready.make import Rule
from checks.rules.thresholds import DEAD_IDS
from checks.rules.words import in_use
from etl.tables import club_leagues, clubs, leagues, series, teams

ID_OF_PERSON, ID_OF_ROW = "players.tenniscores_player_id", "players.id"
SERIES_LEAGUES = TableName("series_leagues", optional=True)


def _dead(table: str, column: str, to: str, summary: str) -> Rule:
    """A reference of the site's own tables, which only some databases have."""
    return references(
        table, column, to=to, summary=summary, severity=Severity.HIGH, threshold=DEAD_IDS, owner="site", tags={"daily"},
        optional=True, runbook="docs/RUNBOOKS.md#ids-that-lead-nowhere",
    )  # fmt: skip


association_of_unknown_player = _dead(
    "user_player_associations", "tenniscores_player_id", ID_OF_PERSON,
    "A user is associated with a player who does not exist (any more).",
)  # fmt: skip
user_of_unknown_player = _dead(
    "users", "tenniscores_player_id", ID_OF_PERSON, "A user names a player who does not exist (any more)."
)
user_in_unknown_league = _dead(
    "users", "league_context", "leagues.id", "A user looks at a league that does not exist (any more)."
)
availability_of_unknown_player = _dead(
    "player_availability", "player_id", ID_OF_ROW, "An availability belongs to a player who does not exist (any more)."
)
availability_in_unknown_series = _dead(
    "player_availability", "series_id", "series.id",
    "An availability stands in a series that does not exist (any more).",
)  # fmt: skip
poll_of_unknown_team = _dead("polls", "team_id", "teams.id", "A poll belongs to a team that does not exist (any more).")
answer_of_unknown_player = _dead(
    "poll_responses", "player_id", ID_OF_ROW, "An answer to a poll is of a player who does not exist (any more)."
)
season_of_unknown_player = _dead(
    "player_season_tracking",
    "player_id",
    ID_OF_PERSON,
    "A season is tracked for a player who does not exist (any more).",
)

doubled_match_id = matches(
    "match_scores", "tenniscores_match_id", "^(?!.*_Line[0-9]+_Line[0-9]+$)", optional=True,
    severity=Severity.HIGH, warn=percent(0.1), critical=percent(1), owner="matches", tags={"daily"},
    summary='A match id has its line twice, such as "…_Line4_Line4": its result stands there again.',
)  # fmt: skip


@check(severity=Severity.HIGH, threshold=DEAD_IDS, table=teams, owner="teams", tags={"daily"},
       runbook="docs/RUNBOOKS.md#missing-links", coach="A club is missing in a league that it plays in")  # fmt: skip
def club_without_league() -> Bad:
    """A club has teams in a league that it is not linked to: the site does not offer it there."""
    pairs = sa.select(clubs.c.name.label("club"), leagues.c.league_id.label("league")).distinct()
    fielded = pairs.select_from(teams).join(clubs, clubs.c.id == teams.c.club_id)
    judged = fielded.join(leagues, leagues.c.id == teams.c.league_id).where(in_use(Row(teams)))
    own = club_leagues.c
    linked = sa.exists().where(own.club_id == teams.c.club_id, own.league_id == teams.c.league_id)
    return Bad(judged.where(~linked), among=judged)


@check(severity=Severity.HIGH, threshold=DEAD_IDS, table=teams, owner="teams", tags={"daily"},
       tables={"linking": SERIES_LEAGUES}, runbook="docs/RUNBOOKS.md#missing-links",
       coach="A series is missing in a league that it plays in")  # fmt: skip
def series_without_league(linking: sa.Table) -> Bad:
    """A series has teams of a league that it is not linked to; where series belong to leagues, nothing is asked."""
    pairs = sa.select(series.c.name.label("series"), leagues.c.league_id.label("league")).distinct()
    fielded = pairs.select_from(teams).join(series, series.c.id == teams.c.series_id)
    judged = fielded.join(leagues, leagues.c.id == teams.c.league_id).where(in_use(Row(teams)))
    own = linking.c
    linked = sa.exists().where(own.series_id == teams.c.series_id, own.league_id == teams.c.league_id)
    return Bad(judged.where(~linked), among=judged)
