"""Corrections of a part, made on its staged rows before anything is planned: what a feed gets wrong in a known way.

The rows that are kept of a held part are the feed's own: a correction is made anew each time, and an import without it
undoes it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from etl.importing.accidents import SEATS
from etl.importing.declared import Correction, decoded
from etl.importing.staging import analyze, load_rows, temporary, texts
from etl.names.structure import club_of, squash, words
from etl.tables import clubs, leagues, person_ids, players

GAMES = r"(\d+)-(\d+)"
renames = temporary("stage_renames", *texts("old", "new"))


def correct(
    connection: sa.Connection, stage: sa.Table, corrections: Iterable[Correction], day: str, done_before: int = 0
) -> list[Mapping[str, Any]]:
    """Make corrections on staged rows; returns what was done, in how many rows, by whom and why.

    `day` is the column of the day of play, "" for kinds without one. `done_before` rows were
    decoded while they were read.
    """
    done: list[Mapping[str, Any]] = []
    for correction in corrections:
        of_span = _span(stage, correction, day)
        for deed, value in correction.deeds.items():
            make = DEED.get(deed)
            rows = make(connection, stage, correction, of_span) if make else None
            rows = (rows or 0) + done_before if deed == "encoding" else rows
            what = {"correction": deed, "value": value, "rows": rows, "by": correction.by, "why": correction.why}
            done.append({name: told for name, told in what.items() if told is not None})
    if done:
        analyze(connection, stage)
    return done


def _span(stage: sa.Table, correction: Correction, day: str) -> sa.ColumnElement[bool]:
    if not day:
        return sa.true()
    first = [stage.c[day] >= correction.first] if correction.first else []
    return sa.and_(sa.true(), *first, *([stage.c[day] <= correction.until] if correction.until else []))


def _turn_scores(connection: sa.Connection, stage: sa.Table, own: Correction, where: sa.ColumnElement[bool]) -> int:
    turned = sa.func.regexp_replace(stage.c.scores, GAMES, r"\2-\1", "g")
    statement = sa.update(stage).where(where, stage.c.scores.regexp_match(GAMES)).values(scores=turned)
    return connection.execute(statement).rowcount


def _turn_winners(connection: sa.Connection, stage: sa.Table, own: Correction, where: sa.ColumnElement[bool]) -> int:
    other = sa.case((stage.c.winner == "home", "away"), else_="home")
    statement = sa.update(stage).where(where, stage.c.winner.is_not(None)).values(winner=other)
    return connection.execute(statement).rowcount


def _turn_sides(connection: sa.Connection, stage: sa.Table, own: Correction, where: sa.ColumnElement[bool]) -> int:
    return _swap(connection, stage, where, [name for name, _ in stage.c.items() if name.startswith("home_")])


def _turn_teams(connection: sa.Connection, stage: sa.Table, own: Correction, where: sa.ColumnElement[bool]) -> int:
    return _swap(connection, stage, where, ["home_team"])


def _swap(connection: sa.Connection, stage: sa.Table, where: sa.ColumnElement[bool], homes: Sequence[str]) -> int:
    pairs = [(home, home.replace("home_", "away_", 1)) for home in homes]
    values = {one: stage.c[other] for home, away in pairs for one, other in ((home, away), (away, home))}
    both = stage.c.home_team != "", stage.c.away_team != ""  # a practice has one side alone
    return connection.execute(sa.update(stage).where(where, *both).values(values)).rowcount


def _encode_again(
    connection: sa.Connection, stage: sa.Table, correction: Correction, where: sa.ColumnElement[bool]
) -> int:
    """Undo a double encoding in every text of the rows; a text that is sound stays."""
    rows = 0
    for column in stage.columns:
        if isinstance(column.type, sa.Text):
            odd = sa.select(column.distinct()).where(where, column.op("~")(r"[^\x01-\x7f]"))
            pairs = [(text, decoded(text, *correction.codecs)) for text in connection.scalars(odd)]
            rows += _replace(connection, column, [pair for pair in pairs if pair[0] != pair[1]], where)
    return rows


def _replace(
    connection: sa.Connection, column: sa.Column[Any], pairs: Sequence[tuple[str, str]], *where: sa.ColumnElement[bool]
) -> int:
    """Write new texts in the place of old ones."""
    if not pairs:
        return 0
    connection.execute(sa.text(f"drop table if exists {renames.name}"))
    renames.create(connection)
    load_rows(connection, renames, ({"old": old, "new": new} for old, new in pairs))
    statement = sa.update(column.table).where(*where, column == renames.c.old).values({column.name: renames.c.new})
    return connection.execute(statement).rowcount


def _keep_ids(connection: sa.Connection, stage: sa.Table, own: Correction, where: sa.ColumnElement[bool]) -> int:
    """Give people the ids that the table has for them; new ids of people of the same name and club are learned."""
    if "first_name" in stage.c:
        _learn_ids(connection, stage, own.league)
    known = sa.select(person_ids.c.id, person_ids.c.player_id).where(person_ids.c.league == own.league)
    pairs = [(row[0], row[1]) for row in connection.execute(known)]
    columns = [stage.c[name] for name in ("player_id", *SEATS) if name in stage.c]
    return sum(_replace(connection, column, pairs, where) for column in columns)


Person = tuple[str, str, str]
"""First name, last name and club, folded."""


def _learn_ids(connection: sa.Connection, stage: sa.Table, league: str) -> None:
    """Learn that new ids mean people of the table, where name and club tell one person on either side."""
    meant = _meant(_stored(connection, league), _staged(connection, stage, league))
    # an id stands in the feed once for each name and club of its person; of two people's it says nothing
    pairs = [
        {"league": league, "id": new, "player_id": old} for new, olds in sorted(meant.items()) if len(olds) == 1
        for old in olds
    ]  # fmt: skip
    if pairs:
        connection.execute(sa.insert(person_ids), pairs)


def _meant(there: Mapping[Person, set[str]], coming: Mapping[Person, set[str]]) -> Mapping[str, set[str]]:
    """The ids of the table that each new id may stand for, by all names and clubs that it has in the feed."""
    meant: defaultdict[str, set[str]] = defaultdict(set)
    for person, ids in coming.items():
        if len(ids) == len(there.get(person, ())) == 1:
            meant[next(iter(ids))] |= there[person]
    return meant


def _stored(connection: sa.Connection, league: str) -> Mapping[Person, set[str]]:
    """The ids that the table has for each person of a league."""
    columns = players.c
    rows = connection.execute(
        sa.select(columns.first_name, columns.last_name, clubs.c.name, columns.tenniscores_player_id)
        .join(leagues, leagues.c.id == columns.league_id)
        .outerjoin(clubs, clubs.c.id == columns.club_id)
        .where(leagues.c.league_id == league)
    )
    return _by_person((row[0], row[1], row[2] or "", row[3]) for row in rows)


def _staged(connection: sa.Connection, stage: sa.Table, league: str) -> Mapping[Person, set[str]]:
    """The ids of each staged person whom neither the table nor what was learned knows by it."""
    columns = stage.c
    of_league = sa.select(leagues.c.id).where(leagues.c.league_id == league).scalar_subquery()
    there = sa.exists().where(players.c.tenniscores_player_id == columns.player_id, players.c.league_id == of_league)
    learned = sa.exists().where(person_ids.c.id == columns.player_id, person_ids.c.league == league)
    rows = connection.execute(
        sa.select(
            columns.first_name, columns.last_name, columns.club, columns.team, columns.series, columns.player_id
        ).where(~there, ~learned)
    )
    return _by_person((row[0], row[1], club_of(league, row[4], row[2] or row[3] or ""), row[5]) for row in rows)


def _by_person(rows: Iterable[tuple[str | None, str | None, str, str]]) -> Mapping[Person, set[str]]:
    numbers: defaultdict[Person, set[str]] = defaultdict(set)
    for first, last, club, number in rows:
        if first and last:
            numbers[_folded(first), _folded(last), squash(words(club))].add(number)
    return numbers


def _folded(name: str) -> str:
    return " ".join(words(name))


DEED: Mapping[str, Callable[[sa.Connection, sa.Table, Correction, sa.ColumnElement[bool]], int]] = {
    "encoding": _encode_again, "teams": _turn_teams, "sides": _turn_sides, "winners": _turn_winners,
    "scores": _turn_scores, "ids": _keep_ids,
}  # fmt: skip
"""How each is made; keys and spellings are corrected while a feed is read."""


def proposals(kind: str, league: str, reasons: Sequence[str], profile: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """The corrections that guards propose for a held part, each as the values of its lines in `rally.toml`."""
    guards = {reason.partition(":")[0] for reason in reasons}
    deeds = dict.fromkeys(deed for guard, deed in PROPOSED.items() if guard in guards)
    if "sides" in deeds and profile.get("signs", {}).get("sides_turned", {}).get("words") == "teams alone":
        deeds = dict.fromkeys("teams" if deed == "sides" else deed for deed in deeds)
    span = dict(zip(("from", "until"), profile.get("days") or (), strict=False))
    for deed in deeds:
        value = {"encoding": '"latin-1 read as utf-8"', "ids": '"keep"'}.get(deed, '"turned"')
        yield {"league": f'"{league}"', "kind": f'"{kind}"', deed: value, **span, "by": '"..."', "why": '"..."'}
    for reason in reasons:
        if reason.startswith("unknown_league:"):
            meant = reason.rpartition(" ")[2]
            yield {"league": f'"{meant}"', "kind": f'"{kind}"', "spellings": f'["{league}"]', "by": '"..."',
                   "why": '"..."'}  # fmt: skip


PROPOSED: Mapping[str, str] = {
    "scores_turned": "scores", "winners_turned": "winners", "sides_turned": "sides", "wrong_encoding": "encoding",
    "ids_replaced": "ids", "other_ids": "ids",
}  # fmt: skip
"""What corrects the accident that a guard names."""
