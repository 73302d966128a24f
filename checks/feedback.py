"""Complaints: what people told of the data, and whether a rule had seen it before they did.

A complaint is linked to the incident that it is about: by itself where league, team and time agree, else by a person.
One that no rule had seen is a blind spot. A person's words are kept without numbers and addresses, and no report,
page or message ever shows them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    cast,
    distinct,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.types import String, Text

from checks.engine.authoring import CheckError
from checks.engine.authoring.units import Severity, Status
from checks.engine.reporting.report import title_of
from checks.news import of_feed
from etl.leagues import canonical
from etl.tables import EVER, TimeSpan, check_findings, feedback, import_feeds, incidents, leagues, teams, within

LONGEST = 2_000
NEAREST_NAMES = 5
BEFORE_IT = timedelta(days=1)
"""An incident that ended so long before a complaint may still be what it is about: pages lag."""
AFTER_IT = timedelta(days=7)
"""How long after a complaint a rule may see what it was about."""
MAIL = re.compile(r"[^\s@<>()]+@[^\s@<>()]+\.\w+")
PHONE = re.compile(r"(?<!\w)\+?\(?\d(?:[\s().\-/]{0,2}\d){6,14}(?!\w)")
DATES = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}")
TEAM_KEYS = ("team_name", "team", "home_team", "away_team", "name")
SAME_THING = {
    "game": "match", "fixture": "match", "opponent": "match", "calendar": "schedule", "scheduled": "schedule",
    "table": "standing", "points": "standing", "ranking": "standing", "score": "result", "result": "result",
    "roster": "player", "lineup": "player", "captain": "captain", "rating": "rating", "twice": "duplicate",
    "double": "duplicate", "court": "location", "venue": "location", "club": "location", "hour": "time",
}  # fmt: skip
"""What people say, by the words that rules are named with."""
ABSENT = re.compile(
    r"\b(no|none|nothing|nobody|nowhere|without|missing|gone|lacks?|lacking|empty|vanished|disappeared"
    r"|(?:not|n't) (?:\w+ )?(?:any|there|here|in|on|shown|listed|visible|found))\b"
)
"""How people and the summaries of rules say that something is not there."""
FEWER = re.compile(r"\b(fewer|lost many|leaves \w+ out)\b")
LACKS = re.compile(r"(?:without|missing|gap_in)_(\w+)")
"""What a rule finds absent, in its name; of others that speak of absence it is all of the name."""
FEEDS = {
    "schedules": "schedule", "match_history": "result match", "match_scores": "result match", "players": "player",
    "series_stats": "standing", "player_history": "rating",
}  # fmt: skip
"""What is missing where the feed of a kind does not come in."""


class FeedbackError(CheckError):
    """A complaint that cannot be entered, or is not there."""


class Noticed(StrEnum):
    """Whether a rule had seen what a complaint is about."""

    BEFORE = "before it came"
    AFTER = "only after it"
    NEVER = "by no rule"


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """A complaint without its words. `at` is when somebody noticed, `linked_by` empty where nobody said so.

    `rule` and `seen_at` are those of its incident: the rule with its parameter, and when the incident began.
    """

    id: int
    at: datetime
    league: str
    team: str
    entered_by: str
    incident: int | None = None
    linked_by: str = ""
    rule: str = ""
    seen_at: datetime | None = None

    @property
    def noticed(self) -> Noticed:
        """Whether a rule had seen it."""
        if self.seen_at is None:
            return Noticed.NEVER
        return Noticed.BEFORE if self.seen_at <= self.at else Noticed.AFTER

    @property
    def about(self) -> str:
        """Whom it is about: "APTA_CHICAGO, Birchwood - 11"."""
        return ", ".join(filter(None, (self.league, self.team)))


def impersonal_text(text: str) -> str:
    """A person's words in one line, without telephone numbers and addresses, and not too many of them."""
    kept: list[str] = DATES.findall(text)
    hidden = MAIL.sub("[mail]", DATES.sub("\x00", text))
    words = PHONE.sub("[phone]", hidden)
    for date in kept:
        words = words.replace("\x00", date, 1)
    return " ".join("".join(char if char.isprintable() else " " for char in words).split())[:LONGEST]


def add_complaint(
    connection: Connection, *, at: datetime, league: str, team: str, text: str, by: str
) -> tuple[Complaint, str]:
    """Enter a complaint and link it; with it comes a remark where no team has that name, with the nearest five.

    Raises FeedbackError for a league that is not there, and for a complaint without words.
    """
    home, words = _league(connection, league), impersonal_text(text)
    if not words:
        raise FeedbackError("a complaint needs words: what did they say? --text")
    values = {"at": at, "league": home, "team": team.strip(), "text": words, "entered_by": by}
    number = connection.execute(insert(feedback).values(values).returning(feedback.c.id)).scalar_one()
    link_complaints(connection, at)
    return complaint(connection, number), _remark(connection, home, team.strip())


def _league(connection: Connection, league: str) -> str:
    home, there = canonical(league), list(connection.scalars(select(leagues.c.league_id).order_by(leagues.c.league_id)))
    if there and home not in map(canonical, there):
        near = get_close_matches(home, there, n=NEAREST_NAMES, cutoff=0.0)
        raise FeedbackError(f"there is no league {league!r}; there are {', '.join(near)}")
    return home


def _remark(connection: Connection, home: str, team: str) -> str:
    of_league = select(teams.c.team_name).join(leagues, leagues.c.id == teams.c.league_id)
    names = sorted(set(connection.scalars(of_league.where(leagues.c.league_id == home))))
    folded = {name.casefold(): name for name in names}
    if not team or not names or team.casefold() in folded:
        return ""
    near = [folded[name] for name in get_close_matches(team.casefold(), folded, n=NEAREST_NAMES, cutoff=0.4)]
    return "; near are ".join([f"no team of {home} is called {team!r}", *filter(None, [", ".join(near)])])


def link_complaints(connection: Connection, now: datetime) -> int:
    """Link what nobody has linked to the incidents that it is about; how many complaints that were."""
    open_ones = select(feedback).where(feedback.c.incident_id.is_(None), feedback.c.linked_by.is_(None))
    linked = 0
    for row in connection.execute(open_ones.where(feedback.c.at > now - 2 * AFTER_IT)).all():
        candidates = connection.execute(_candidates(row)).all()
        best = min((one for one in candidates if _is_about(one, row)), key=lambda one: _order(one, row), default=None)
        if best is not None:
            connection.execute(update(feedback).where(feedback.c.id == row.id).values(incident_id=best.id))
            linked += 1
    return linked


def _candidates(row: Any) -> Select[Any]:
    """Incidents of the time of a complaint that are about its league, and name its team where it has one."""
    incident, finding = incidents.c, check_findings.c
    league_row = select(cast(leagues.c.id, String)).where(leagues.c.league_id == row.league).scalar_subquery()
    in_league = or_(
        finding.key["league"].astext == row.league, finding.key["league_id"].astext == league_row,
        of_feed(import_feeds.c.league) == row.league,
    )  # fmt: skip
    alive = (
        finding.first_seen <= row.at + AFTER_IT,
        or_(finding.fixed_at.is_(None), finding.fixed_at >= row.at - BEFORE_IT),
    )
    of_rule = finding.rule == incident.rule, finding.parameter == incident.parameter
    named = exists().where(*of_rule, *alive, in_league, *([_names_team(row.team)] if row.team else []))
    of_league = or_(incident.parameter == row.league, func.strpos(incident.scope, row.league) > 0)
    in_time = (
        incident.opened_at <= row.at + AFTER_IT,
        or_(incident.resolved_at.is_(None), incident.resolved_at >= row.at - BEFORE_IT),
    )
    about = named if row.team else or_(named, of_league)
    kinds = func.array_agg(distinct(func.coalesce(finding.key["kind"].astext, of_feed(import_feeds.c.kind))))
    of_feeds = select(kinds).where(*of_rule, *alive, in_league).correlate(incidents).scalar_subquery()
    return select(incidents, of_feeds.label("kinds")).where(*in_time, about)


def _names_team(team: str) -> ColumnElement[bool]:
    """Whether a key has the team, as it is called or with its series in brackets behind."""
    wanted, key = team.casefold(), check_findings.c.key
    values = (func.lower(cast(key[name].astext, Text)) for name in TEAM_KEYS)
    return or_(*(or_(value == wanted, func.starts_with(value, f"{wanted} (")) for value in values))


def _is_about(incident: Any, row: Any) -> bool:
    """A rule that names the team is about it; one of the league alone has to be about the same thing."""
    return bool(row.team) or _shared(incident, row.text) > 0 or _absent(incident, row.text) > 0


def _shared(incident: Any, text: str) -> int:
    return len(_words(text) & _words(f"{incident.rule.replace('_', ' ')} {incident.summary}"))


def _absent(incident: Any, text: str) -> int:
    """How much of what somebody misses is what the rule, too, finds absent; 0 where nobody misses anything."""
    return len(_words(text) & _lacking(incident)) if _misses(text) else 0


def _misses(text: str) -> bool:
    return ABSENT.search(text.casefold()) is not None


def _lacking(incident: Any) -> frozenset[str]:
    """What is not there by a rule: without schedule there are no matches, without a feed nothing that it brings."""
    feeds = " ".join(FEEDS.get(kind, "") for kind in incident.kinds or () if kind)
    summary = incident.summary.casefold()
    named = LACKS.search(incident.rule)
    whole = incident.rule if ABSENT.search(summary) or FEWER.search(summary) else ""
    lacking = _words(f"{named[1] if named else whole} {feeds}".replace("_", " "))
    return lacking | {"match"} if "schedule" in lacking else lacking


def _words(text: str) -> frozenset[str]:
    """The telling words of a sentence, in the singular, by the names that rules have for them."""
    words = (word.removesuffix("es") if word.endswith("ches") else word.removesuffix("s")
             for word in re.findall(r"[a-z]{4,}", text.casefold()))  # fmt: skip
    return frozenset(SAME_THING.get(word, word) for word in words) - IDLE


IDLE = frozenset({
    "team", "league", "that", "have", "with", "this", "from", "they", "their", "there", "more", "what", "last", "days",
    "week", "none", "missing", "been", "were", "many", "some", "without", "lack", "like", "since", "than",
})  # fmt: skip


def _order(incident: Any, row: Any) -> tuple[Any, ...]:
    """The best first: seen before it came, absent as somebody misses it, of the same words, then as incidents list."""
    other_kind = _misses(row.text) is not bool(_lacking(incident))
    fitting = -_absent(incident, row.text), -_shared(incident, row.text), other_kind
    ranks = -Status(incident.worst).rank, -Severity(incident.severity).rank
    return (incident.opened_at > row.at, *fitting, *ranks, incident.opened_at, incident.id)


def link_complaint(connection: Connection, number: int, incident: int | None, who: str) -> Complaint:
    """Say which incident a complaint is about, or with None that no rule has seen it; it is then linked no more."""
    complaint(connection, number)
    there = incident is None or connection.scalar(select(incidents.c.id).where(incidents.c.id == incident))
    if not there:
        raise FeedbackError(f"there is no incident {incident}; see rally-health incidents list --all")
    values = {"incident_id": incident, "linked_by": who}
    connection.execute(update(feedback).where(feedback.c.id == number).values(values))
    return complaint(connection, number)


def erase_complaint(connection: Connection, number: int) -> Complaint:
    """Take away a person's words; that there was a complaint, of which team and when, stays."""
    complaint(connection, number)
    connection.execute(update(feedback).where(feedback.c.id == number).values(text=""))
    return complaint(connection, number)


def complaint(connection: Connection, number: int) -> Complaint:
    """One complaint. Raises FeedbackError where there is none."""
    row = connection.execute(_select().where(feedback.c.id == number)).first()
    if row is None:
        raise FeedbackError(f"there is no complaint {number}; see rally-health feedback list")
    return _complaint(row)


def complaints(
    connection: Connection, span: TimeSpan = EVER, *, incident: int | None = None, league: str = "", zone: tzinfo = UTC
) -> tuple[Complaint, ...]:
    """The complaints of a time, or of one incident or league, newest first; moments in `zone`."""
    chosen = _select().where(*within(feedback.c.at, span)).order_by(feedback.c.at.desc(), feedback.c.id.desc())
    about = [feedback.c.incident_id == incident] if incident is not None else []
    rows = connection.execute(chosen.where(*about, *([feedback.c.league == league] if league else [])))
    return tuple(_complaint(row, zone) for row in rows)


def texts_of(connection: Connection, numbers: Iterable[int]) -> Mapping[int, str]:
    """The words of complaints, for those who may read them."""
    columns = feedback.c
    rows = connection.execute(select(columns.id, columns.text).where(columns.id.in_([*numbers])))
    return dict(rows.tuples().all())


def _select() -> Select[Any]:
    columns = [column for column in feedback.columns if column.name != "text"]
    incident = incidents.c
    more = incident.rule, incident.parameter, incident.opened_at
    return select(*columns, *more).outerjoin(incidents, and_(incident.id == feedback.c.incident_id))


def _complaint(row: Any, zone: tzinfo = UTC) -> Complaint:
    return Complaint(
        id=row.id, at=row.at.astimezone(zone), league=row.league, team=row.team, entered_by=row.entered_by,
        incident=row.incident_id, linked_by=row.linked_by or "",
        rule="" if row.rule is None else title_of(row.rule, row.parameter),
        seen_at=None if row.opened_at is None else row.opened_at.astimezone(zone),
    )  # fmt: skip


def delete_texts(connection: Connection, before: datetime) -> int:
    """Erase the words of complaints from before a moment; how many that were."""
    old = update(feedback).where(feedback.c.at < before, feedback.c.text != "").values(text="")
    return connection.execute(old).rowcount


def unseen_first(found: Sequence[Complaint]) -> list[Complaint]:
    """Complaints in the order of what they teach: those that no rule had seen first, the newest first."""
    order = list(Noticed)
    return sorted(found, key=lambda each: (-order.index(each.noticed), -each.at.timestamp(), -each.id))
