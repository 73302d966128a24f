"""Tables of both schemas: the only place where a column has a name."""

from __future__ import annotations

from etl.tables.checks import (
    acceptances,
    check_findings,
    check_results,
    check_runs,
    check_seals,
    check_states,
    deliveries,
    delivery_incidents,
    incident_events,
    incidents,
    waivers,
)
from etl.tables.imports import (
    additions,
    import_feeds,
    import_parts,
    import_runs,
    import_stops,
    links,
    person_ids,
    provenance,
    rejects,
    repair_rows,
    repairs,
    team_aliases,
)
from etl.tables.platform import (
    BYE,
    PRACTICE,
    QUALITY,
    club_leagues,
    clubs,
    leagues,
    match_scores,
    metadata,
    player_history,
    players,
    schedule,
    series,
    series_leagues,
    series_stats,
    teams,
)

__all__ = [
    "BYE", "PRACTICE", "QUALITY", "acceptances", "additions", "check_findings", "check_results", "check_runs",
    "check_seals", "check_states", "club_leagues", "clubs", "deliveries", "delivery_incidents", "import_feeds",
    "import_parts", "import_runs", "import_stops", "incident_events", "incidents", "leagues", "links", "match_scores",
    "metadata", "person_ids", "player_history", "players", "provenance", "rejects", "repair_rows", "repairs",
    "schedule", "series", "series_leagues", "series_stats", "team_aliases", "teams", "waivers",
]  # fmt: skip
