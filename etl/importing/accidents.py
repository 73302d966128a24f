"""Signs of known accidents in fixtures and results: how many rows of a plan follow a pattern that no ordinary week has.

Each function compares the plan of one part with the rows that it would replace, in one scan or one join, and counts.
Nothing is judged here: the limits stand in `etl.importing.guards`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from etl.importing.profile import ONE_VALUE, ChangePlan, Sign, beside_replaced, commonest
from etl.scores import AWAY_WON, HOME_WON
from etl.tables import leagues, series_stats

MANY_VALUES = 0.8
"""A column in which no value has this share in the table is one with many values."""
FEWEST_WRITTEN = 0.1
"""Of a part's rows, those that it writes, for a column to have got one value by it."""
AS_A_WHOLE = 0.75
"""Share of results that contradict themselves from which on all scores or winners are turned: by chance, half do."""
MANY_WRONG = 0.05
"""Share of them from which on the standings are asked which half is right."""
NEAR = timedelta(days=3)
"""Two teams that meet again so soon meet once: a round robin is longer."""
SEATS = ("home_player_1_id", "home_player_2_id", "away_player_1_id", "away_player_2_id")


SELF_MATCHES = "self_matches"


def counted_signs(plan: sa.Table) -> dict[str, sa.ColumnElement[bool]]:
    """Conditions of signs that are counted with the plan itself: a team that meets itself."""
    itself = sa.or_(plan.c.home_team_id == plan.c.away_team_id, plan.c.home_team == plan.c.away_team)
    return {SELF_MATCHES: itself}


def shared_signs(connection: sa.Connection, planned: ChangePlan) -> dict[str, Sign]:
    """Signs that every kind of fixture and result has, sides aside: dates, teams against themselves."""
    return {
        SELF_MATCHES: Sign(planned.look.counted[SELF_MATCHES], planned.staged_rows, ""),
        **_dates(connection, planned),
        "another_league": of_another_league(connection, planned, _same_day(planned)),
        **one_value_signs(connection, planned, "match_date", "home_team", "away_team"),
    }


def _same_day(planned: ChangePlan) -> sa.ColumnElement[bool]:
    """Teams of the same names meet on the same day."""
    names = ("match_date", "home_team", "away_team")
    return sa.and_(*(planned.plan.c[name] == planned.target.c[name] for name in names))


def result_signs(connection: sa.Connection, planned: ChangePlan) -> dict[str, Sign]:
    """Signs of results: scores, winners, ids of players, results that are there without players."""
    new, old = planned.plan.c, planned.replaced.c
    reversed_score = sa.func.regexp_replace(old.scores, r"(\d+)-(\d+)", r"\2-\1", "g")
    same_sides = sa.and_(new.home_team_id.is_not_distinct_from(old.home_team_id),
                      new.away_team_id.is_not_distinct_from(old.away_team_id))  # fmt: skip
    scores_turned = sa.and_(same_sides, new.scores == reversed_score, new.scores != old.scores)
    other_side = sa.case((old.winner == "home", "away"), (old.winner == "away", "home"))
    winners_turned = sa.and_(same_sides, new.scores == old.scores, new.winner == other_side, _agrees(old))
    ids = sum((sa.cast(sa.and_(old[seat].is_not(None), new[seat] != old[seat]), sa.Integer) for seat in SEATS[1:]),
              sa.cast(sa.and_(old[SEATS[0]].is_not(None), new[SEATS[0]] != old[SEATS[0]]), sa.Integer))  # fmt: skip
    others = sa.and_(same_sides, new.home_player_1_id == old.away_player_1_id,
                     new.home_player_1_id != old.home_player_1_id)  # fmt: skip
    ids_replaced = sa.and_(same_sides, sa.func.coalesce(ids, 0) >= 3, ~sa.func.coalesce(others, False))
    wrong_now, wrong_before = _contradicts(new), _contradicts(old)
    turned = _turned(planned)
    # players are turned with their teams, or stand where they stood: then the teams alone are
    stay = sa.and_(turned, new.home_player_1_id == old.home_player_1_id)
    go = sa.and_(turned, new.home_player_1_id == old.away_player_1_id)
    sides, with_players, alone, scores, winners, players, replaced, mended, wrong = count_changed(
        connection, planned, turned, go, stay, scores_turned, winners_turned, others, ids_replaced,
        sa.and_(wrong_before, ~wrong_now), wrong_now,
    )  # fmt: skip
    worse = max(wrong + _contradictory_anew(connection, planned) - mended, 0)
    return {
        "sides_turned": Sign(sides, planned.matched, "teams alone" if alone > with_players else ""),
        **shared_signs(connection, planned),
        "scores_turned": Sign(scores, planned.matched, ""),
        "winners_turned": Sign(winners, planned.matched, ""),
        "players_turned": Sign(players, planned.matched, ""),
        "ids_replaced": Sign(replaced, planned.matched, ""),
        "mended": Sign(mended, planned.matched, ""),
        **_contradictory(connection, planned, worse),
        "doubled": _doubled_results(connection, planned),
        **one_value_signs(connection, planned, "winner", "scores", SEATS[0], SEATS[2]),
    }


def _contradictory_anew(connection: sa.Connection, planned: ChangePlan) -> int:
    """How many new results contradict themselves; each score is read once for all of its rows."""
    new = planned.plan.c
    rows = sa.select(new.scores, new.winner, sa.func.count().label("rows")).where(new.target_id.is_(None))
    each = rows.group_by(new.scores, new.winner).subquery()
    wrong = sa.select(sa.func.coalesce(sa.func.sum(each.c.rows), 0)).where(_contradicts(each.c))
    return int(connection.execute(wrong).scalar_one())


def _contradictory(connection: sa.Connection, planned: ChangePlan, rows: int) -> dict[str, Sign]:
    """How many results contradict themselves; where they do as a whole, the standings say which half is right."""
    size = planned.staged_rows
    if rows <= MANY_WRONG * size:
        return {"contradictory": Sign(rows, size, "")}
    by_winner, by_score, among = _agreeing(connection, planned)
    verdict = (
        f"by the standings the winners are right for {by_winner:,} of {among:,} teams, the scores for {by_score:,}"
    )
    signs = {"contradictory": Sign(rows, size, f"; {verdict}" if among else "")}
    if rows <= AS_A_WHOLE * size or by_winner == by_score:
        return signs
    return signs | {"scores_wrong" if by_winner > by_score else "winners_wrong": Sign(rows, size, verdict)}


def _agreeing(connection: sa.Connection, planned: ChangePlan) -> tuple[int, int, int]:
    """For how many teams of the standings the lines won are as winners say, as scores say, and how many there are."""
    old, plan = planned.target, planned.plan
    days = sa.select(sa.func.min(planned.staged.c.match_date), sa.func.max(planned.staged.c.match_date)).subquery()
    first, last = sa.select(days.c[0]).scalar_subquery(), sa.select(days.c[1]).scalar_subquery()
    stays = sa.and_(old.c.league_id == planned.league_id, old.c.match_date.between(first, last),
                    ~sa.exists().where(plan.c.target_id == old.c.id))  # fmt: skip
    sides = [_won(rows, side).where(where) for side in ("home", "away")
             for rows, where in ((plan, sa.true()), (old, stays))]  # fmt: skip
    every = sa.union_all(*sides).subquery()
    sums = (sa.func.sum(every.c[name]).label(name) for name in ("by_winner", "by_score"))
    won = sa.select(every.c.team_id, *sums).group_by(every.c.team_id).subquery()
    lines = series_stats.c.lines_won
    teams = won.join(series_stats, (series_stats.c.team_id == won.c.team_id) & (lines > 0))
    figures = [sa.func.count().filter(won.c[name] == lines) for name in ("by_winner", "by_score")]
    by_winner, by_score, among = connection.execute(sa.select(*figures, sa.func.count()).select_from(teams)).one()
    return by_winner, by_score, among


def _won(rows: sa.FromClause, side: str) -> sa.Select[Any]:
    """The lines that each result gives to the team of one side, by its winner and by its score."""
    by_winner = sa.case((rows.c.winner == side, 1), else_=0).label("by_winner")
    by_score = sa.case((rows.c.scores.regexp_match(HOME_WON if side == "home" else AWAY_WON), 1), else_=0)
    return sa.select(rows.c[f"{side}_team_id"].label("team_id"), by_winner, by_score.label("by_score"))


def _turned(planned: ChangePlan) -> sa.ColumnElement[bool]:
    """The teams of a planned row are those of the row that it replaces, turned round."""
    new, old = planned.plan.c, planned.replaced.c
    return sa.and_(new.home_team_id == old.away_team_id, new.away_team_id == old.home_team_id,
                new.home_team_id != new.away_team_id)  # fmt: skip


def fixture_signs(connection: sa.Connection, planned: ChangePlan) -> dict[str, Sign]:
    """Signs of fixtures: those of all meetings, one time or place for all, fixtures that are there twice."""
    (turned,) = count_changed(connection, planned, _turned(planned))
    return {
        "sides_turned": Sign(turned, planned.matched, ""),
        **shared_signs(connection, planned),
        "doubled": _doubled_fixtures(connection, planned),
        **one_value_signs(connection, planned, "match_time", "location"),
    }


def of_another_league(connection: sa.Connection, planned: ChangePlan, same: sa.ColumnElement[bool]) -> Sign:
    """New rows that rows of another league are the same as, and of which league; none are looked for where few are
    new.
    """
    new, old = planned.plan.c, planned.target.c
    if planned.look.new < FEWEST_WRITTEN * planned.staged_rows:
        return Sign(0, planned.staged_rows, "")
    count = sa.func.count(new.index.distinct())
    there = planned.plan.join(planned.target, same & (old.league_id != new.league_id))
    rows = sa.select(leagues.c.league_id, count).select_from(there.join(leagues, leagues.c.id == old.league_id))
    rows = rows.where(new.target_id.is_(None))
    most = connection.execute(rows.group_by(leagues.c.league_id).order_by(count.desc()).limit(1)).first()
    return Sign(most[1] if most else 0, planned.staged_rows, most[0] if most else "")


def _contradicts(row: Any) -> sa.ColumnElement[bool]:
    """The side that won by its sets is not the winner; false where the score cannot tell."""
    lost = sa.or_(sa.and_(row.winner == "home", row.scores.regexp_match(AWAY_WON)),
               sa.and_(row.winner == "away", row.scores.regexp_match(HOME_WON)))  # fmt: skip
    return sa.func.coalesce(lost, False)


def _agrees(row: Any) -> sa.ColumnElement[bool]:
    """The winner won by the sets of the score; true where the score cannot tell."""
    return ~_contradicts(row)


def count_changed(connection: sa.Connection, planned: ChangePlan, *conditions: sa.ColumnElement[bool]) -> list[int]:
    """How many planned rows stand to the rows that they replace as each condition says; one scan for all."""
    figures = [sa.func.count().filter(condition) for condition in conditions]
    return list(connection.execute(sa.select(*figures).select_from(beside_replaced(planned))).one())


def count_planned(connection: sa.Connection, rows: sa.FromClause, condition: sa.ColumnElement[bool]) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(rows).where(condition)).scalar_one())


def _dates(connection: sa.Connection, planned: ChangePlan) -> dict[str, Sign]:
    """Meetings that the table has on another day: by the same number of days for many, or day and month swapped."""
    pairs = [_on_another_day(planned, planned.replaced, planned.plan.c.target_id == planned.replaced.c.id)]
    if planned.look.new:
        pairs.append(_on_another_day(planned, planned.target, _same_meeting(planned)))
    twins = sa.union_all(*pairs).cte("twins")
    rows = sa.func.count(twins.c.index.distinct())
    turned = sa.select(rows).where(twins.c.swapped).scalar_subquery()
    counted = sa.select(twins.c.days, rows, turned).group_by(twins.c.days).order_by(rows.desc()).limit(1)
    most, size = connection.execute(counted).first(), planned.staged_rows
    shifted, swapped_rows = (f"{most[0]:+,} days", most[2]) if most else ("", 0)
    return {
        "dates_shifted": Sign(most[1] if most else 0, size, shifted),
        "day_month_swapped": Sign(swapped_rows, size, ""),
    }


def _on_another_day(planned: ChangePlan, old: sa.FromClause, same: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Planned rows that stand on another day in the table, by how many days, and whether day and month are swapped."""
    new = planned.plan.c
    swapped = sa.and_(
        sa.extract("day", old.c.match_date) == sa.extract("month", new.match_date),
        sa.extract("month", old.c.match_date) == sa.extract("day", new.match_date),
        sa.extract("year", old.c.match_date) == sa.extract("year", new.match_date),
    )
    columns = (new.index, (new.match_date - old.c.match_date).label("days"), swapped.label("swapped"))
    moved = same & (old.c.match_date != new.match_date)
    return sa.select(*columns).select_from(planned.plan.join(old, moved))


def _same_meeting(planned: ChangePlan) -> sa.ColumnElement[bool]:
    """A new row is the meeting of a stored one that the feed does not have."""
    new, old = planned.plan.c, planned.target.c
    same = sa.and_(
        new.target_id.is_(None), old.league_id == new.league_id, old.home_team_id == new.home_team_id,
        old.away_team_id == new.away_team_id, ~_kept(planned),
    )  # fmt: skip
    if "scores" in planned.plan.c:
        same &= sa.and_(old.scores == new.scores, old.home_player_1_id.is_not_distinct_from(new.home_player_1_id))
    return same


def _kept(planned: ChangePlan) -> sa.ColumnElement[bool]:
    """Whether the feed has a stored meeting on its own day, under its names."""
    staged, old = planned.staged.c, planned.target.c
    return sa.exists().where(
        staged.match_date == old.match_date, staged.home_team == old.home_team, staged.away_team == old.away_team
    )


def one_value_signs(connection: sa.Connection, planned: ChangePlan, *columns: str) -> dict[str, Sign]:
    """Signs of several columns: see `one_value_sign`."""
    return {name: sign for column in columns for name, sign in one_value_sign(connection, planned, column).items()}


def one_value_sign(connection: sa.Connection, planned: ChangePlan, column: str, *, stored: str = "") -> dict[str, Sign]:
    """The commonest value of a column of the feed, where the table's rows of the league have many; else no sign.

    With so few rows to write that the others alone share a value, the table has had it before.
    """
    if planned.day and planned.look.rows <= FEWEST_WRITTEN * planned.staged_rows:
        return {}
    before = commonest(connection, planned.target, stored or column, planned.target.c.league_id == planned.league_id)
    if not before.among or before.share >= MANY_VALUES:
        return {}
    return {f"{column}{ONE_VALUE}": commonest(connection, planned.staged, column)}


def _doubled_results(connection: sa.Connection, planned: ChangePlan) -> Sign:
    """New results that the table has: on their day without players, or with the same players on another day."""
    if not planned.look.new:
        return Sign(0, planned.staged_rows, "")
    new, old = planned.plan.c, planned.target.c
    same = sa.and_(old.league_id == new.league_id, old.home_team_id == new.home_team_id,
                   old.away_team_id == new.away_team_id, old.scores == new.scores)  # fmt: skip
    nameless = sa.and_(
        *(new[seat].is_(None) for seat in SEATS), sa.exists().where(same, old.match_date == new.match_date)
    )
    again = sa.exists().where(same, *(old[seat] == new[seat] for seat in SEATS), old.match_date != new.match_date,
                              _kept(planned))  # fmt: skip
    rows = sum(count_planned(connection, planned.plan, new.target_id.is_(None) & twice) for twice in (nameless, again))
    return Sign(rows, planned.staged_rows, "")


def _doubled_fixtures(connection: sa.Connection, planned: ChangePlan) -> Sign:
    """New fixtures of two teams that meet in the table within days of it, on either side, in a fixture that stays."""
    if not planned.look.new:
        return Sign(0, planned.staged_rows, "")
    new, old = planned.plan.c, planned.target.c
    near = old.match_date.between(new.match_date - NEAR.days, new.match_date + NEAR.days)
    sides = ((new.home_team_id, new.away_team_id), (new.away_team_id, new.home_team_id))
    meets = [sa.exists().where(old.league_id == new.league_id, old.home_team_id == home, old.away_team_id == away, near,
                               _kept(planned)) for home, away in sides]  # fmt: skip
    rows = sum(count_planned(connection, planned.plan, new.target_id.is_(None) & there) for there in meets)
    return Sign(rows, planned.staged_rows, "")
