"""Fixes of what is no row of a feed: confirmed names, constraints, and results that a person has to judge."""

from __future__ import annotations

from typing import Any

from sqlalchemy import case, select

from checks import Row, fix
from checks.repairs.means import proposal
from checks.rules.imports.setup import alias_into_another_league, missing_constraint
from checks.rules.matches.results import winner_contradicts_score
from etl.repairs import Adopt, Delete, Update
from etl.tables import leagues, match_scores, team_aliases, teams


@fix(alias_into_another_league)
def remove_stale_aliases() -> Delete:
    """Remove confirmed names that lead to a team of another league."""
    alias = team_aliases.c
    to_league = (
        select(alias.id).join(teams, teams.c.id == alias.team_id).join(leagues, leagues.c.id == teams.c.league_id)
    )
    return Delete(team_aliases, to_league.where(leagues.c.league_id != alias.league))


@fix(missing_constraint)
def put_constraints_into_force() -> Adopt:
    """Add and validate the constraints that the rows allow."""
    return Adopt()


@fix(winner_contradicts_score)
@proposal
def turn_winners_round() -> Update:
    """Give matches to the side that won them by their sets. A proposal: the score may be what is wrong."""
    row = match_scores.c
    bad: Any = winner_contradicts_score(Row(match_scores)).found
    other = case((row.winner == "home", "away"), else_="home")
    return Update(match_scores, select(row.id, other.label("winner")).where(bad))
