"""Which rules there are by the settings: the catalogue, people's own, those of plugins, as rally.toml changes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from sqlalchemy import Connection, select

from checks.engine.authoring.units import Status
from checks.engine.collecting.collect import collect, files_of
from checks.engine.collecting.rules import Rules, Selection, matching
from checks.ready.lines import overrides_of, rules_of_lines
from checks.ready.overrides import override_rules
from checks.runbooks import with_runbooks
from checks.scopes import SOURCES
from etl import DatabaseUnavailable, embedded
from etl.adoption.catalogue import can_read
from etl.leagues import LEAGUES
from etl.tables import check_results, check_runs, leagues
from etl.words import nearest_name
from flows.service.context import open_engine
from flows.settings import Settings, SettingsError, origin_of


def rules_of(settings: Settings) -> Rules:
    """The catalogue, the rules that the settings name, and those of installed plugins, as the settings change them.

    As long as nothing of that changes they are the very same rules, which remember their statements.
    """
    sources = tuple((source, *_written(Path(source).expanduser())) for source in settings.rule_sources)
    key = sources, repr((settings.rules, settings.seasons, settings.auto_fix))
    if key not in _collected:
        _collected.clear()
        _collected[key] = _collect(settings)
    return _collected[key]


_collected: dict[object, Rules] = {}


def _written(source: Path) -> Iterator[tuple[str, int, int]]:
    """When each file of a source was written last."""
    for path in files_of(source) if source.is_dir() else [source]:
        if path.is_file():
            yield str(path), (written := path.stat()).st_mtime_ns, written.st_size


def _collect(settings: Settings) -> Rules:
    lines = settings.rules
    rules = collect([*SOURCES, *settings.rule_sources], plugins=True, more=rules_of_lines(lines))
    own = rules.providing(season_breaks=settings.seasons)
    _verify_auto_fix(settings, own)
    return override_rules(with_runbooks(own), overrides_of(lines))


def _verify_auto_fix(settings: Settings, rules: Rules) -> None:
    """What may be mended without being asked is a rule that there is, and that has a fix."""
    fixable = sorted(name for name, check in rules.items() if check.fix is not None)
    for name in (name for name in settings.auto_fix if name not in fixable):
        near = get_close_matches(name, fixable, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "; rally-health fix list shows those with one"
        what = "has no fix" if name in rules else "is no rule"
        raise SettingsError(f"{origin_of(settings, 'auto_fix')}: auto_fix: {name!r} {what}{hint}")


def unknown_leagues(settings: Settings, connection: Connection) -> list[str]:
    """Lines of `rally.toml` about a league that is neither in the database, nor one that Rally knows.

    Each is a sentence with its line and the nearest league. A correction and a season may be of a league that nobody
    has met yet: only what looks like one that is there is a slip.
    """
    there = connection.scalars(select(leagues.c.league_id)) if can_read(connection, "public", leagues.name) else ()
    met = {name.casefold(): name for name in (*there, *LEAGUES) if name}
    judged = ((override.line, league) for override in overrides_of(settings.rules) for league in override.leagues)
    folded = met | {name.casefold(): name for name in settings.seasons.leagues}
    strange = [f"{line}: {_no_league(league, folded)}" for line, league in judged if league.casefold() not in folded]
    declared = [("corrections", each.league) for each in settings.corrections]
    declared += [("seasons", league) for league in settings.seasons.leagues]
    slips = (
        (name, league)
        for name, league in declared
        if league.casefold() not in met and nearest_name(league, met.values())
    )
    return strange + [f"{origin_of(settings, name)}: {name}: {_no_league(league, met)}" for name, league in slips]


def unknown_leagues_of(settings: Settings) -> list[str]:
    """The same where a database can be asked; nothing where none is set, or it is away."""
    judged = any(override.leagues for override in overrides_of(settings.rules))
    if not (judged or settings.corrections or settings.seasons.leagues):
        return []
    if settings.database_url is None and not embedded.exists(settings.data):
        return []
    try:
        with (
            open_engine(settings, application="rally-health config", migrated=False) as engine,
            engine.begin() as asked,
        ):
            return unknown_leagues(settings, asked)
    except DatabaseUnavailable:
        return []


def _no_league(league: str, known: Mapping[str, str]) -> str:
    near = nearest_name(league, known.values())
    hint = f"did you mean {near!r}?" if near else f"there are {', '.join(sorted(known.values()))}"
    return f"there is no league {league!r}; {hint}"


def last_failed(settings: Settings) -> tuple[str, ...]:
    """The rules that were in trouble in the newest run of the history."""
    with open_engine(settings, application="rally-health check") as engine, engine.connect() as connection:
        newest = select(check_runs.c.id).order_by(check_runs.c.started_at.desc()).limit(1).scalar_subquery()
        failing = check_results.c.status.in_([status.value for status in Status if status.failing])
        found = select(check_results.c.rule).distinct().where(check_results.c.run_id == newest, failing)
        return tuple(connection.scalars(found.order_by(check_results.c.rule)))


def chosen(settings: Settings, words: str, tags: str, names: Sequence[str]) -> tuple[str, ...]:
    """The rules of `names`, without them of all, that expressions of words and tags mean; raises SelectionError."""
    return matching(Selection(names=tuple(names)).apply(rules_of(settings)), words, tags)
