"""Guards: limits over the change profile of a part. A part that one of them objects to is held, with its reason.

A guard is one function of the profile and the limits, listed in GUARDS with what frees a part that it holds; its name
is what a person lets pass (`--allow NAME`), its sentence says what was found and what was expected. Where the pattern
of an accident is known it is one entry of ACCIDENTS: its sign in the profile, its limit, its sentence, its way out.
They are read side by side, and are one chapter for that. Volumes are compared with the table's rows of the same season,
never with the memory of another file; a season without rows has no baseline.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from etl.feeds import Feed
from etl.importing import Counts, Objection
from etl.importing.declared import Limits
from etl.importing.profile import Profile
from etl.kinds import kind_named
from etl.words import number_of

Verdict = Callable[[Counts], Sequence[Objection]]
Gate = Callable[[Connection, Feed], Verdict]
"""Looks at the state before a part is published, and returns what looks at the state after it, in one transaction."""
MENDED = "a mended feed"
CORRECTED = "a correction, as proposed here"


def open_gate(connection: Connection, feed: Feed) -> Verdict:
    """The gate that lets everything pass."""
    return lambda counts: ()


@dataclass(frozen=True, slots=True)
class Guard:
    """A limit over the profile: what it says of a part that it objects to, and what frees that part.

    Where one that is `final` objects, nothing else is worth saying.
    """

    judge: Callable[[Profile, Limits], Iterator[str]]
    way_out: str = MENDED
    final: bool = False

    @property
    def name(self) -> str:
        """What a person lets pass."""
        return self.judge.__name__


@dataclass(frozen=True, slots=True)
class KnownAccident:
    """A pattern of rows that is an accident when many follow it: its sign in the profile, and the limit that it has.

    `guard` names it to people, where several signs are one to them. The sentence tells `{rows}` of how many, and the
    sign's `{words}`.
    """

    sign: str
    limit: str
    sentence: str
    guard: str = ""
    way_out: str = MENDED

    @property
    def name(self) -> str:
        """What a person lets pass."""
        return self.guard or self.sign


def wrong_encoding(profile: Profile, limits: Limits) -> Iterator[str]:
    """Texts that were decoded in a wrong encoding, and that nothing mends."""
    if _many(profile.garbled, profile.rows, limits.contradictory, limits):
        yield f"{profile.garbled:,} of {profile.rows:,} rows have texts that were decoded in a wrong encoding"


def empty_feed(profile: Profile, limits: Limits) -> Iterator[str]:
    """There is nothing to publish; where no name means a team, another guard says so."""
    if not profile.records and not profile.partial and (profile.linked or not profile.newly_unlinked):
        rows = (
            f"{number_of(profile.rows, 'rows')}, all of them refused{_mostly(profile)}" if profile.rows else "no rows"
        )
        yield f"the feed has {rows}; nothing is published over what is there"


def truncated(profile: Profile, limits: Limits) -> Iterator[str]:
    """The file ends before its end."""
    if profile.truncated:
        yield f"{profile.truncated}; what was cut off would count as withdrawn"


def too_many_rejects(profile: Profile, limits: Limits) -> Iterator[str]:
    """So many rows cannot be right that the whole is in doubt."""
    refused = profile.rejects - profile.garbled  # of those, another guard speaks
    enough = refused >= limits.fewest or 2 * refused >= profile.rows
    if profile.records and not profile.partial and enough and refused > limits.rejects * profile.rows:
        share = f"{refused:,} of {profile.rows:,} rows were refused ({refused / profile.rows:.0%})"
        yield f"{share}, at most {limits.rejects:.0%} may be{_mostly(profile)}"


def _mostly(profile: Profile) -> str:
    """The commonest reason of the rejects, where it is one of many."""
    reason, count = profile.refused_for
    return f"; {count:,} because {reason}" if count > 1 else ""


def shrunken_feed(profile: Profile, limits: Limits) -> Iterator[str]:
    """The season has far more rows in the table than in the part."""
    if profile.partial or profile.stored < limits.fewest or not profile.records:
        return
    if profile.new_season:
        if profile.records < limits.new_season * profile.stored:
            yield (
                f"{profile.league} has {number_of(profile.records, 'rows')} for a new season, less than"
                f" {limits.new_season:.0%} of the {profile.stored:,} that the last one has"
            )
        return
    few = f"; the feed has {number_of(profile.records, 'rows')}" if profile.records > profile.matched else ""
    if profile.gone > limits.shrunk * profile.stored:
        yield (
            f"{profile.league} has {profile.matched:,} of the {profile.stored:,} rows that the table holds of this"
            f" season: {profile.gone / profile.stored:.0%} are missing, at most {limits.shrunk:.0%} may be{few}"
        )


def vanished_series(profile: Profile, limits: Limits) -> Iterator[str]:
    """A series of the season is not in the part at all."""
    if profile.series_gone and profile.gone >= limits.fewest and not (profile.partial or profile.new_season):
        some = ", ".join(profile.series_gone[:5])
        more = f" and {len(profile.series_gone) - 5} more" if len(profile.series_gone) > 5 else ""
        yield f"{len(profile.series_gone)} series of {profile.league} are missing as a whole: {some}{more}"


def newly_unlinked(profile: Profile, limits: Limits) -> Iterator[str]:
    """Names that the table has no team for."""
    sides = profile.linked + profile.unlinked
    if sides and profile.newly_unlinked > limits.unlinked * sides:
        share = f"{profile.newly_unlinked:,} of {sides:,} sides have newly no team"
        if not profile.linked:
            yield f"{share}: no name means a team of {profile.league}; import the standings of this league first"
            return
        yield (
            f"{share} ({profile.newly_unlinked / sides:.1%}), at most {limits.unlinked:.0%} may; see rally-health names"
            " unresolved"
        )


def emptied(profile: Profile, limits: Limits) -> Iterator[str]:
    """A column loses its values."""
    for name, change in sorted(profile.columns.items()):
        if name in MARKS or profile.new_season:
            continue
        # a side loses its team with a name that means none any more, of which another guard speaks
        beyond = change.emptied - (profile.newly_unlinked if name in LINKS else 0)
        if _many(beyond, profile.matched, limits.emptied, limits):
            share = f"{change.emptied:,} of {profile.matched:,} rows"
            yield f"{name} would be emptied in {share}, at most {limits.emptied:.0%} may"


def rewritten(profile: Profile, limits: Limits) -> Iterator[str]:
    """A column that seldom changes gets other values in many rows."""
    lasting = kind_named(profile.kind).lasting
    known = {name for sign, names in COVERED.items() if _follows(profile, sign, limits) for name in names}
    for name, change in sorted(profile.columns.items()):
        if name not in lasting or name in known or profile.new_season:
            continue
        limit = limits.relinked if name in RESPELLED else limits.rewritten
        if _many(change.changed, profile.matched, limit, limits):
            share = f"{change.changed:,} of {profile.matched:,} rows"
            yield f"{name} would change in {share}, at most {limit:.0%} may"


def known_accidents(profile: Profile, limits: Limits) -> Iterator[tuple[str, str]]:
    """The accidents whose patterns are known, as (name of the guard, sentence)."""
    explained = set(_explained(profile, limits))
    order = [*ACCIDENTS, *sorted(profile.signs.keys() - ACCIDENTS.keys() - NO_ACCIDENT)]
    for name in order:
        accident, sign = ACCIDENTS.get(name, ANY_VALUE), profile.signs.get(name)
        if sign is None or name in explained:
            continue
        if _many(sign.count, sign.among, getattr(limits, accident.limit), limits):
            rows = f"{sign.count:,} of {sign.among:,}"
            yield accident.name, accident.sentence.format(rows=rows, words=sign.words)


def _explained(profile: Profile, limits: Limits) -> Iterator[str]:
    """Signs that another one explains: a new season's figures begin anew, and one winner for all turns half of them."""
    if profile.new_season:
        yield from ("figures_fallen", "points_one_value", "pti_one_value", "ratings_emptied", "ratings_jumped")
        yield from ("figures_swapped", "series_shuffled")
    if "ids" in profile.corrected:
        yield from ("ids_replaced", "other_ids")
    winner = profile.signs.get("winner_one_value")
    if winner is not None and _many(winner.count, winner.among, limits.one_value, limits):
        yield from ("winners_turned", "winners_wrong", "scores_wrong")
    for named, weaker in SURER.items():
        if _follows(profile, named, limits):
            yield weaker


def objections(profile: Profile, limits: Limits) -> tuple[Objection, ...]:
    """All that speaks against publishing a part, the surest first."""
    for final in (guard for guard in GUARDS if guard.name in FINAL):
        said = tuple(Objection(final.name, sentence) for sentence in final.judge(profile, limits))
        if said:
            return (*(Objection(ENCODING.name, sentence) for sentence in ENCODING.judge(profile, limits)), *said)
    plain = [Objection(guard.name, sentence) for guard in GUARDS for sentence in guard.judge(profile, limits)]
    named = [Objection(name, sentence) for name, sentence in known_accidents(profile, limits)]
    return (*named, *plain)


def _many(count: int, among: int, limit: float, limits: Limits) -> bool:
    return count > limit * among and count >= limits.fewest


def _follows(profile: Profile, name: str, limits: Limits) -> bool:
    sign, limit = profile.signs.get(name), ACCIDENTS[name].limit if name in ACCIDENTS else "turned"
    return sign is not None and _many(sign.count, sign.among, getattr(limits, limit), limits)


ENCODING = Guard(wrong_encoding, f"{CORRECTED}, and the file imported again")
GUARDS: tuple[Guard, ...] = (
    ENCODING,
    Guard(empty_feed, "a feed with rows", final=True),
    Guard(truncated, "the whole file, scraped again"),
    Guard(too_many_rejects, "a mended feed, or what the rejects lack: rally-health rejects list"),
    Guard(shrunken_feed, "a feed that has the missing rows again"),
    Guard(vanished_series, "a feed that has the series again"),
    Guard(newly_unlinked, "the standings of this league, or names that a person confirms: rally-health names suggest"),
    Guard(emptied),
    Guard(rewritten),
)
FINAL = frozenset(guard.name for guard in GUARDS if guard.final)
"""Guards whose objection says all: nothing of the part is worth a further look."""
LINKS = frozenset({"home_team_id", "away_team_id", "team_id"})
"""Columns that lose their value with a name that means no team any more."""
RESPELLED = LINKS | {"location"}
"""Columns that another spelling or a better link changes, too."""
MARKS = frozenset({"captain_status"})
"""Columns that most rows do not fill."""
COVERED: Mapping[str, frozenset[str]] = {
    "sides_turned": frozenset({"home_team_id", "away_team_id", "home_player_1_id", "home_player_2_id",
                               "away_player_1_id", "away_player_2_id", "winner", "scores"}),
    "scores_turned": frozenset({"scores", "winner"}),
    "ids_replaced": frozenset({"home_player_1_id", "home_player_2_id", "away_player_1_id", "away_player_2_id"}),
    "players_turned": frozenset({"home_player_1_id", "home_player_2_id", "away_player_1_id", "away_player_2_id"}),
    "names_swapped": frozenset({"first_name", "last_name"}),
    "letters_lost": frozenset({"first_name", "last_name"}),
    "winner_one_value": frozenset({"winner"}),
    "mended": frozenset({"winner", "scores"}),
}  # fmt: skip
"""Columns whose change a sign explains: it is reported by the sign's own guard, or is none (`mended`)."""
NO_ACCIDENT = frozenset({"mended"})
SURER = {
    "scores_turned": "scores_wrong", "winners_turned": "winners_wrong", "figures_swapped": "figures_fallen",
}  # fmt: skip
"""Signs that say more than another: against the table's own rows, and in which way."""
ANY_VALUE = KnownAccident("", "one_value", "{words} in {rows} rows", "one_value")
"""One value in a column that used to have many, whichever it is."""
ACCIDENTS: Mapping[str, KnownAccident] = {
    accident.sign: accident
    for accident in (
        KnownAccident("doubled_people", "other_ids", "{rows} people stand in the feed under two ids", "doubled"),
        KnownAccident(
            "another_league", "pattern", "{rows} rows stand in the table in another league: {words}",
            way_out="a mended feed, in the folder of its league",
        ),
        KnownAccident("sides_turned", "turned", "home and away are turned round in {rows} rows", way_out=CORRECTED),
        KnownAccident("scores_turned", "turned", "scores are turned round in {rows} results", way_out=CORRECTED),
        KnownAccident("winners_turned", "turned", "winners are turned round in {rows} results", way_out=CORRECTED),
        KnownAccident(
            "scores_wrong", "pattern", "scores and winners disagree in {rows} results; {words}: scores turned",
            "scores_turned", CORRECTED,
        ),
        KnownAccident(
            "winners_wrong", "pattern", "scores and winners disagree in {rows} results; {words}: winners turned",
            "winners_turned", CORRECTED,
        ),
        KnownAccident("players_turned", "turned", "players stand on the other side in {rows} results"),
        KnownAccident("dates_shifted", "pattern", "dates are shifted by {words} in {rows} rows"),
        KnownAccident("day_month_swapped", "rewritten", "day and month are swapped in {rows} dates"),
        KnownAccident("ids_replaced", "rewritten", "{rows} people have another id than before", way_out=CORRECTED),
        KnownAccident("other_ids", "other_ids", "{rows} player ids are of another scheme", way_out=CORRECTED),
        KnownAccident("names_swapped", "turned", "first and last names are swapped in {rows} people"),
        KnownAccident("letters_lost", "contradictory", "{rows} names have a question mark in the place of a letter"),
        KnownAccident("figures_swapped", "turned", "{words} are swapped in {rows} rows"),
        KnownAccident("series_shuffled", "rewritten", "{rows} teams stand in another series than before"),
        KnownAccident("captains_for_all", "one_value", "{words} in {rows} rows, and few have one before", "one_value"),
        KnownAccident("doubled", "grown", "{rows} rows stand in the table already"),
        KnownAccident("doubled_standings", "grown", "{rows} standings have all figures of another team", "doubled"),
        KnownAccident("self_matches", "contradictory", "{rows} matches are of a team against itself", "contradictory"),
        KnownAccident("contradictory", "contradictory", "the winner contradicts the score in {rows} results{words}"),
        KnownAccident("negative", "contradictory", "{rows} standings have negative figures", "contradictory"),
        KnownAccident(
            "figures_fallen", "fallen", "{words} in {rows} rows, and only ever grow within a season",
            way_out=f"{MENDED}, or a new season's with other teams and people",
        ),
        KnownAccident("figures_doubled", "pattern", "matches won and lost have doubled in {rows} standings"),
        KnownAccident("ratings_jumped", "pattern", "ratings change by {words} in {rows} rows"),
        KnownAccident("ratings_emptied", "emptied", "{words} in {rows} rows, and not in the table", "emptied"),
        KnownAccident("series_one_value", "one_value", "{words} in {rows} rows, one series for all", "one_value"),
    )
}  # fmt: skip
UNKNOWN_LEAGUE = "unknown_league"
"""A league that nobody knows, and that is spelled nearly like one that somebody does."""
NEVER_ALLOWED = "database_refused"
"""What no person can let pass: the database itself refuses to hold it."""
WAYS_OUT: Mapping[str, str] = {
    UNKNOWN_LEAGUE: f"{CORRECTED}, and the file imported again; one of its own is let pass once",
    NEVER_ALLOWED: "a mended feed, or the next import where another program's row was in the way",
    "stopped": "whoever resumes these imports: rally-health etl resume",
    **{accident.name: accident.way_out for accident in ACCIDENTS.values()},
    **{guard.name: guard.way_out for guard in GUARDS},
}
"""What frees a part that a guard holds; of a rule of the gate, a mended feed, or a person who lets it pass."""
