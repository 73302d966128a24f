"""Each fix of the catalogue: the dirt that it is for, what is left, and that undoing brings the dirt back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from checks.engine.collecting.rules import Rules
from etl.repairs.undo import undo
from etl.tables import match_scores, players, schedule, teams
from tests.checks.dirt import planned, repaired, write
from tests.checks.rules.entries import (
    ELSEWHERE,
    PLACE,
    TODAY,
    TWO_TEAMS,
    Entry,
    alias,
    match,
    played,
    player,
    practice,
    scored,
    standing,
    team,
)
from tests.etl.repairs.dump import dump

TWINS = (*PLACE, team(1, "A 1"), team(2, "A 1 (Division 1)"), team(3, "B 1"))

SEASON = [match(1, 2, TODAY - timedelta(days=day)) for day in range(1, 31)]
"""Matches in order: an open side is judged as a share of them, a link that leads nowhere is not."""


@dataclass(frozen=True, slots=True)
class Mended:
    """Dirt, and in one text what the fix of a rule is to change."""

    rule: str
    dirt: Sequence[Entry]
    changes: str
    left: int = 0
    feed: Sequence[dict[str, Any]] = field(default_factory=tuple)

    def __str__(self) -> str:
        return f"{self.rule} ({self.changes})"


FEED = [{"date": "02/11/2025", "time": "06:30 pm", "home_team": home, "away_team": away, "location": "Winnetka",
         "series": "Series 1", "League": "CNSWPL"} for home, away in (("A 1", "B 1"), ("C 1", "B 1"))]  # fmt: skip

CASES = [
    Mended("duplicate_match", [*TWO_TEAMS, *3 * [match(1, 2)], match(2, 1), practice(), practice()],
           "delete 3 of schedule"),
    Mended("duplicate_match", [*TWO_TEAMS, practice(league_id=None), practice(league_id=None), practice()],
           "delete 2 of schedule"),
    Mended("fixture_under_two_names", [*TWO_TEAMS, match(1, 2), match(1, 2, home_team="Winnetka 1 (Division 1)")],
           "delete 1 of schedule"),
    Mended("duplicate_team", [*PLACE, team(1, "A 1"), team(2, "A 1"), match(2, 2), player(team_id=2), standing(2)],
           "update 1 of players, update 2 of schedule, update 1 of series_stats, delete 1 of teams"),
    Mended("twin_team", [*TWINS, standing(1), match(2, 3), player(team_id=2), alias("A eins", 2)],
           "update 1 of players, update 1 of schedule, delete 1 of teams, update 1 of quality.team_aliases"),
    Mended("twin_team", [*TWINS, match(1, 3), match(2, 3)],
           "delete 1 of schedule, update 1 of schedule, delete 1 of teams"),
    Mended("duplicate_result", [*TWO_TEAMS, played(), played(), played(scores="6-1, 6-1")],
           "delete 1 of match_scores"),
    Mended("duplicate_standing", [*TWO_TEAMS, standing(), standing(), standing(points=3)], "delete 1 of series_stats"),
    Mended("duplicate_player", [*TWO_TEAMS, player(), player(), player(team_id=None), player(2)],
           "delete 2 of players"),
    Mended("match_without_teams", [*TWO_TEAMS, match(1, 2, home_team_id=None, away_team_id=None)],
           "update 1 of schedule"),
    Mended("match_without_teams",
           [*TWO_TEAMS, match(1, 2), match(home_team_id=None, away_team_id=None, home_team="Winnetka 1 - Series 1")],
           "delete 1 of schedule, update 1 of schedule"),
    Mended("match_without_teams",
           [*TWO_TEAMS, *(match(home_team_id=None, away_team_id=None, home_team=name) for name in ("Winnetka 1", "?"))],
           "update 2 of schedule"),
    Mended("match_with_one_team", [*TWO_TEAMS, match(1, 2, away_team_id=None)], "update 1 of schedule"),
    Mended("match_of_unknown_team", [*TWO_TEAMS, match(1, 2, home_team_id=77)], "update 1 of schedule"),
    Mended("match_of_unknown_team", [*TWO_TEAMS, *SEASON, match(77, 2)], "update 1 of schedule"),
    Mended("match_without_league", [*TWO_TEAMS, match(1, 2, league_id=None), match(2, 1)], "update 1 of schedule"),
    Mended("match_of_unknown_league", [*TWO_TEAMS, match(1, 2), match(2, 1, league_id=77)], "update 1 of schedule"),
    Mended("result_without_teams", [*TWO_TEAMS, played(1, 2, home_team_id=None)], "update 1 of match_scores"),
    Mended("result_of_unknown_team", [*TWO_TEAMS, played(1, 2, home_team_id=77)], "update 1 of match_scores"),
    Mended("standing_without_team", [*TWO_TEAMS, standing(None, team="Winnetka 1"), standing(2)],
           "update 1 of series_stats"),
    Mended("standing_of_unknown_team", [*TWO_TEAMS, standing(1), standing(77, team="Winnetka 2")],
           "update 1 of series_stats"),
    Mended("player_of_unknown_team", [*PLACE, team(1), player(team_id=77)], "update 1 of players"),
    Mended("player_of_unknown_team", [*TWO_TEAMS, player(team_id=77)], "update 1 of players"),
    Mended("alias_into_another_league", [*TWO_TEAMS, *ELSEWHERE, alias("A", 1), alias("B", 1, league="CITA")],
           "delete 1 of quality.team_aliases"),
    Mended("team_without_schedule", [*PLACE, team(1, "A 1"), team(2, "B 1"), team(3, "C 1"), match(1, 2)],
           "insert 1 of schedule", feed=FEED),
    Mended("gap_in_league_schedule", [*PLACE, team(1, "A 1"), team(2, "B 1"), team(3, "C 1")], "insert 2 of schedule",
           feed=FEED),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_fix_mends_its_rule_and_can_be_undone(
    loose: Connection, catalogue: Rules, case: Mended, tmp_path: Path
) -> None:
    write(loose, case.dirt)
    feeds = _feed(tmp_path, case.feed) if case.feed else ()
    before = dump(loose)

    # the plan has asked the whole gate whether it harms
    made = repaired(loose, catalogue, case.rule, *feeds, judged_by=[case.rule])

    assert ", ".join(map(str, made.changes)) == case.changes
    assert (made.bad_after or 0) < (made.bad_before or 0)
    assert dump(loose) != before
    undo(loose, made.id, "kim")
    assert dump(loose) == before


def _feed(folder: Path, rows: Sequence[dict[str, Any]]) -> tuple[Path]:
    path = folder / "CNSWPL" / "schedules.json"
    path.parent.mkdir()
    path.write_text(json.dumps(rows))
    return (path,)


def test_the_linked_copy_of_a_match_stays(loose: Connection, catalogue: Rules) -> None:
    linked, open_copy = match(1, 2), match(1, 2, home_team_id=None, away_team_id=None)
    write(loose, [*TWO_TEAMS, open_copy, linked, open_copy])

    repaired(loose, catalogue, "duplicate_match")

    sides = loose.execute(select(schedule.c.home_team_id, schedule.c.away_team_id)).one()
    assert tuple(sides) == (1, 2)


def test_the_team_with_the_standings_stays(loose: Connection, catalogue: Rules) -> None:
    write(loose, [*TWINS, standing(2), match(1, 3)])

    repaired(loose, catalogue, "twin_team")

    assert loose.scalars(select(teams.c.id).order_by(teams.c.id)).all() == [2, 3]


def test_two_teams_of_one_club_are_no_twins(loose: Connection, catalogue: Rules) -> None:
    write(loose, [*PLACE, team(1, "Evanston H(1)"), team(2, "Evanston H(2)")])

    assert planned(loose, catalogue, "twin_team").why == "nothing to repair"


def test_a_player_of_a_club_with_two_teams_is_linked_to_none(loose: Connection, catalogue: Rules) -> None:
    write(loose, [*TWO_TEAMS, player(team_id=77)])

    repaired(loose, catalogue, "player_of_unknown_team")

    assert loose.scalar(select(players.c.team_id)) is None


def test_a_match_that_means_no_team_is_left(loose: Connection, catalogue: Rules) -> None:
    write(loose, [*TWO_TEAMS, match(home_team_id=None, away_team_id=None, home_team="?", away_team="!")])

    assert planned(loose, catalogue, "match_without_teams").why == "none of its 1 bad row can be repaired this way"


def test_only_matches_of_teams_without_any_are_imported(loose: Connection, catalogue: Rules, tmp_path: Path) -> None:
    write(loose, [*PLACE, team(1, "A 1"), team(2, "B 1"), team(3, "C 1"), match(1, 2)])

    repaired(loose, catalogue, "team_without_schedule", *_feed(tmp_path, FEED))

    assert loose.scalars(select(schedule.c.home_team).order_by(schedule.c.id)).all() == ["Winnetka 1", "C 1"]


def test_without_a_feed_it_is_said_what_is_missing(loose: Connection, catalogue: Rules) -> None:
    write(loose, TWO_TEAMS)

    why = planned(loose, catalogue, "team_without_schedule").why

    assert why == "no schedule feed to import from; name one: rally-health fix plan RULE --feeds PATH"


def test_a_winner_against_its_score_is_only_proposed(loose: Connection, catalogue: Rules) -> None:
    write(loose, [*TWO_TEAMS, scored("6-1, 6-1", "away"), scored("6-1, 6-1", "home")])

    found = planned(loose, catalogue, "winner_contradicts_score")

    assert found.repair is not None
    assert found.repair.proposal
    assert [row.changes for row in found.rows] == [{"winner": ("away", "home")}]
    assert loose.scalar(select(func.count()).where(match_scores.c.winner == "away")) == 1


def test_nobody_is_named_in_what_is_shown(loose: Connection, catalogue: Rules) -> None:
    write(loose, [*TWO_TEAMS, player(), player()])

    found = planned(loose, catalogue, "duplicate_player")

    assert found.rows
    assert "Secret" not in str(found.rows)
    assert "example.org" not in str(found.rows)
