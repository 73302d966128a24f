"""Signs of known accidents in standings and rosters: counted as those of fixtures and results, judged by the guards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from etl.importing.accidents import (
    MANY_VALUES,
    count_changed,
    count_planned,
    of_another_league,
    one_value_sign,
    one_value_signs,
)
from etl.importing.profile import ChangePlan, Sign
from etl.tables import teams

JUMP = 10
"""Points by which nobody's rating changes between two feeds."""
FEWEST_PLAYED = 4
"""Matches from which on a standing that doubles at once was counted twice."""
FEW_MARKED = 0.5
"""Share of rows below which a mark, such as a captain's, is one that few have."""


def standing_signs(connection: sa.Connection, planned: ChangePlan) -> dict[str, Sign]:
    """Signs of standings: figures that fell or doubled, negative ones, one series for all."""
    points = one_value_sign(connection, planned, "points")
    # a league whose feed has 0 points for everybody does not tell them, and nothing is written
    informative = {name: sign for name, sign in points.items() if not sign.words.endswith("'0'")}
    negative = sa.or_(*(planned.staged.c[name] < 0 for name in planned.figures))
    return {
        "figures_fallen": _fallen(connection, planned, planned.figures),
        "figures_swapped": _swapped(connection, planned, planned.columns),
        "series_shuffled": _in_another_series(connection, planned),
        "another_league": of_another_league(connection, planned, _same_standing(planned)),
        "doubled_standings": _under_two_names(connection, planned),
        "figures_doubled": Sign(count_changed(connection, planned, _twice_as_many(planned))[0], planned.matched, ""),
        **informative,
        "negative": Sign(count_planned(connection, planned.staged, negative), planned.staged_rows, ""),
        **one_value_sign(connection, planned, "series"),
    }


def _twice_as_many(planned: ChangePlan) -> sa.ColumnElement[bool]:
    new, old = planned.plan.c, planned.replaced.c
    # games tell it: half of a short season may well go as the other half, in matches
    return sa.and_(*(new[name] == 2 * old[name] for name in ("matches_won", "matches_lost", "games_won")),
                   old.matches_won + old.matches_lost >= FEWEST_PLAYED, old.games_won > 0)  # fmt: skip


def _same_standing(planned: ChangePlan) -> sa.ColumnElement[bool]:
    """A team of the same name has won as much; one that has won nothing yet is anybody's."""
    new, old = planned.plan.c, planned.target.c
    names = ("series", "team", "matches_won", "games_won")
    return sa.and_(new.games_won > 0, *(new[name] == old[name] for name in names))


def _under_two_names(connection: sa.Connection, planned: ChangePlan) -> Sign:
    """Standings of one series that agree in every figure, under different names."""
    new = planned.staged.c
    names = sa.func.count(new.team.distinct()).label("names")
    same = sa.select(names).where(new.matches_won + new.matches_lost >= FEWEST_PLAYED, new.games_won > 0)
    several = same.group_by(new.series, *(new[name] for name in planned.figures)).having(names > 1).subquery()
    rows = connection.execute(sa.select(sa.func.coalesce(sa.func.sum(several.c.names - 1), 0))).scalar_one()
    return Sign(int(rows), planned.staged_rows, "")


def _in_another_series(connection: sa.Connection, planned: ChangePlan) -> Sign:
    """New rows of teams whose name stands in another series of the league, and of which the feed has no row there."""
    new, old = planned.plan.c, planned.target.c
    there = sa.exists().where(old.league_id == new.league_id, old.team == new.team, old.series_id != new.series_id,
                              ~sa.exists().where(planned.plan.c.target_id == old.id))  # fmt: skip
    rows = count_planned(connection, planned.plan, new.target_id.is_(None) & there)
    return Sign(rows, planned.staged_rows, "")


def _fallen(connection: sa.Connection, planned: ChangePlan, figures: Sequence[str]) -> Sign:
    """The figure that fell in most of the rows that are replaced."""
    fallen = count_changed(connection, planned, *(planned.plan.c[name] < planned.replaced.c[name] for name in figures))
    most = max(range(len(figures)), key=lambda place: fallen[place])
    return Sign(fallen[most], planned.matched, f"{figures[most]} fall")


def _swapped(connection: sa.Connection, planned: ChangePlan, figures: Sequence[str]) -> Sign:
    """The pair of figures, won and lost, that is nearer to what the table has when it is swapped, in most rows.

    Figures that only grow are never nearer to each other's than to their own.
    """
    pairs = [(name, _other(name)) for name in figures if _other(name) in {*figures} - {name}]
    if not pairs:
        return Sign(0, planned.matched, "")
    new, old = planned.plan.c, planned.replaced.c
    nearer = (_apart(new[won], old[lost]) + _apart(new[lost], old[won])
              < _apart(new[won], old[won]) + _apart(new[lost], old[lost]) for won, lost in pairs)  # fmt: skip
    rows = count_changed(connection, planned, *nearer)
    most = max(range(len(pairs)), key=lambda place: rows[place])
    return Sign(rows[most], planned.matched, " and ".join(pairs[most]))


def _other(won: str) -> str:
    """The figure that is swapped with one of the won, by its name."""
    return "losses".join(won.rsplit("wins", 1)) if won.endswith("wins") else "lost".join(won.rsplit("won", 1))


def _apart(one: sa.ColumnElement[Any], other: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return sa.func.abs(one - other)


def player_signs(connection: sa.Connection, planned: ChangePlan) -> dict[str, Sign]:
    """Signs of rosters: people under another id, ids of another form, people twice, names swapped, figures that fell or
    jumped, one value for all.
    """
    new, old = planned.plan.c, planned.replaced.c
    swapped = sa.and_(new.first_name == old.last_name, new.last_name == old.first_name, new.first_name != new.last_name)
    lost = sa.or_(*(new[name].contains("?") & ~old[name].contains("?") for name in ("first_name", "last_name")))
    jump = sa.func.abs(new.pti - old.pti) > JUMP
    names, letters, jumped = count_changed(connection, planned, swapped, lost, jump)
    return {
        "letters_lost": Sign(letters, planned.matched, ""),
        "names_swapped": Sign(names, planned.matched, ""),
        "ratings_jumped": Sign(jumped, planned.matched, f"over {JUMP} points"),
        "figures_fallen": _fallen(connection, planned, ("wins", "losses")),
        "figures_swapped": _swapped(connection, planned, planned.columns),
        "captains_for_all": _marked(connection, planned, "captain_status"),
        "another_league": of_another_league(connection, planned, _same_member(planned)),
        "ids_replaced": Sign(_under_another_id(connection, planned), planned.look.rows, ""),
        "other_ids": _other_ids(connection, planned),
        "doubled_people": _twice(connection, planned),
        "ratings_emptied": _silent(connection, planned, "pti"),
        **one_value_sign(connection, planned, "series", stored="series_id"),
        **one_value_signs(connection, planned, "pti", "last_name"),
    }


def _same_member(planned: ChangePlan) -> sa.ColumnElement[bool]:
    """A person of the same id is in a team of the same name."""
    new, old, staged = planned.plan.c, planned.target.c, planned.staged.c
    team = sa.select(teams.c.id).join(planned.staged, teams.c.team_name == staged.team)
    team = team.where(teams.c.id == old.team_id, staged.index == new.index).correlate(planned.plan, planned.target)
    return sa.and_(new.tenniscores_player_id == old.tenniscores_player_id, team.exists())


def _marked(connection: sa.Connection, planned: ChangePlan, column: str) -> Sign:
    """Rows with a mark that few have in the table; no sign where many have it, or nobody."""
    old = planned.target.c
    before = sa.select(sa.func.count(old[column]), sa.func.count()).where(old.league_id == planned.league_id)
    marked, among = connection.execute(before).one()
    if not 0 < marked < FEW_MARKED * among:
        return Sign(0, planned.staged_rows, "")
    rows = count_planned(connection, planned.staged, planned.staged.c[column].is_not(None))
    return Sign(rows, planned.staged_rows, f"{column} stands")


def _silent(connection: sa.Connection, planned: ChangePlan, column: str) -> Sign:
    """Rows of the feed without a figure that most of the league's rows in the table have; what stands there is kept."""
    old = planned.target.c
    has, rows = sa.func.count(old[column]), sa.func.count()
    filled, among = connection.execute(sa.select(has, rows).where(old.league_id == planned.league_id)).one()
    size = planned.staged_rows
    # a new season's first rosters have no figures yet, and few of last season's people
    if filled <= MANY_VALUES * among or planned.matched < MANY_VALUES * among:
        return Sign(0, size, "")
    empty = count_planned(connection, planned.staged, planned.staged.c[column].is_(None))
    return Sign(empty, size, f"{column} is empty")


def _under_another_id(connection: sa.Connection, planned: ChangePlan) -> int:
    """New people whose name and club the table has in this league under another id, and whose own id it has not."""
    new, old, listed = planned.plan.c, planned.target.c, planned.target.alias("known").c
    there = sa.exists().where(
        old.league_id == new.league_id, sa.func.lower(old.first_name) == sa.func.lower(new.first_name),
        sa.func.lower(old.last_name) == sa.func.lower(new.last_name), old.club_id == new.club_id,
        old.tenniscores_player_id != new.tenniscores_player_id,
    )  # fmt: skip
    present = sa.exists().where(
        listed.tenniscores_player_id == new.tenniscores_player_id, listed.league_id == new.league_id
    )
    return count_planned(connection, planned.plan, sa.and_(new.target_id.is_(None), there, ~present))


def _form(value: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    """The form of an id: its length, and what stands before its first separator, figures and letters alike."""
    return sa.func.concat(sa.func.length(value), ":", sa.func.substring(value, r"^([A-Za-z]+)[-_]"))


def _other_ids(connection: sa.Connection, planned: ChangePlan) -> Sign:
    """Ids of a form that the league's players in the table do not have; no sign in a league without players."""
    new, old = planned.plan.c, planned.target.c
    forms = sa.select(_form(old.tenniscores_player_id)).where(old.league_id == planned.league_id)
    if connection.execute(forms.limit(1)).first() is None:
        return Sign(0, 0, "")
    strange = _form(new.tenniscores_player_id).not_in(forms)
    return Sign(count_planned(connection, planned.plan, strange), planned.look.rows, "")


def _twice(connection: sa.Connection, planned: ChangePlan) -> Sign:
    """People of one name, club and series with two ids in the feed."""
    new = planned.staged.c
    ids = sa.func.count(new.player_id.distinct())
    several = sa.select(ids.label("ids")).group_by(new.league, new.first_name, new.last_name, new.club, new.series)
    people = several.subquery()
    row = connection.execute(
        sa.select(sa.func.count().filter(people.c.ids > 1), sa.func.count()).select_from(people)
    ).one()
    return Sign(row[0], row[1], "")
