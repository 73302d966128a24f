"""The real incidents of 2025, each as statements that plant it into the platform's database, and the rules it moves."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Incident:
    """An accident that happened: `first` makes the state before it, `planted` is what went wrong.

    `caught` are the rules that get worse, the one that should catch it first; all others stay as they are.
    """

    name: str
    planted: tuple[str, ...]
    caught: tuple[str, ...]
    first: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name


PLAYERS_OF_CNSWPL = "select id from players where league_id = 3 order by id limit 1306"
CAREERS = (
    "update players set career_wins = 3 * wins + 4, career_losses = 3 * losses + 5,"
    " career_matches = 3 * (wins + losses) + 9 where id % 2 = 0"
)

INCIDENTS = (
    Incident(
        "practices that captains had added were lost",
        ("delete from schedule where home_team ilike '%practice%' and id % 4 <> 0",),
        ("practices_in_schedule",),
    ),
    Incident(
        "availability, associations, polls and contexts point at ids that an import had replaced",
        (
            "update player_availability set player_id = player_id + 1000000",
            "update user_player_associations set tenniscores_player_id = 'nndz-gone' || user_id",
            "insert into polls (team_id, question) select 900000 + g, 'who?' from generate_series(1, 5) g",
            "update users set league_context = 77 where id % 3 = 0",
            "update users set tenniscores_player_id = 'nndz-gone' where id % 2 = 0",
        ),
        (
            "association_of_unknown_player",
            "availability_of_unknown_player",
            "poll_of_unknown_team",
            "user_in_unknown_league",
            "user_of_unknown_player",
        ),
    ),
    Incident(
        "standings lost their series",
        ("update series_stats set series_id = null where id % 3 = 0",),
        ("standing_without_place",),
    ),
    Incident(
        "results were linked to another team of the club",
        (
            "update match_scores m set home_team_id = o.id from teams t, teams o where t.id = m.home_team_id"
            " and o.club_id = t.club_id and o.id <> t.id and o.league_id = t.league_id and m.away_team_id <> o.id"
            " and not exists (select 1 from players p where p.team_id = o.id and p.tenniscores_player_id in"
            " (m.home_player_1_id, m.home_player_2_id))",
        ),
        ("result_of_another_team_of_the_club",),
    ),
    Incident(
        "the season's figures were written over the career's",
        (
            "update players set career_wins = wins, career_losses = losses, career_matches = wins + losses"
            " where career_matches > 0 and id % 4 = 0",
        ),
        ("career_matches_of_players",),
        first=(CAREERS,),
    ),
    Incident(
        "ratings were impossible, or of nobody",
        (
            "update player_history set player_id = null where id % 9 = 0",
            "update player_history set end_pti = 480 where id % 11 = 0",
        ),
        ("rating_out_of_range", "rating_without_player", "impossible_rating_step"),
    ),
    Incident(
        "links of clubs and series to leagues were missing",
        ("delete from club_leagues where id % 5 = 0", "delete from series_leagues where id % 5 = 0"),
        ("club_without_league", "series_without_league"),
    ),
    Incident(
        "all results got one date",
        ("update match_scores set match_date = '2025-03-04' where league_id = 2",),
        ("results_on_one_date", "duplicate_result_without_players"),
    ),
    Incident(
        "half of a league's results were gone",
        ("delete from match_scores where league_id = 2 and id % 2 = 0",),
        ("results_of_league",),
    ),
    Incident(
        "players of one league came in another's file",
        (
            "insert into players (first_name, last_name, tenniscores_player_id, club_id, series_id, league_id, team_id)"
            " select p.first_name, p.last_name, p.tenniscores_player_id, t.club_id, t.series_id, 1, t.id"
            f" from players p join teams t on t.id = (select team_id from players where league_id = 1"
            f" and captain_status = 'C' order by id offset p.id % 300 limit 1) where p.id in ({PLAYERS_OF_CNSWPL})",
        ),
        ("player_id_of_two_leagues",),
    ),
    Incident(
        "match ids had their line twice",
        (
            "insert into match_scores (match_date, home_team, away_team, scores, winner, league_id, home_team_id,"
            " away_team_id, home_player_1_id, home_player_2_id, away_player_1_id, away_player_2_id,"
            " tenniscores_match_id) select match_date, home_team, away_team, scores || ' ', winner, league_id,"
            " home_team_id, away_team_id, home_player_1_id, home_player_2_id, away_player_1_id, away_player_2_id,"
            " tenniscores_match_id || '_Line4' from match_scores where id % 4 = 0",
        ),
        ("doubled_match_id",),
        first=(
            "alter table match_scores add column if not exists tenniscores_match_id text",
            "update match_scores set tenniscores_match_id = 'nndz-' || id || '_Line4'",
        ),
    ),
    Incident(
        "results were imported twice",
        (
            "insert into match_scores (match_date, home_team, away_team, scores, winner, league_id, home_team_id,"
            " away_team_id, home_player_1_id, home_player_2_id, away_player_1_id, away_player_2_id)"
            " select match_date, home_team, away_team, scores, winner, league_id, home_team_id, away_team_id,"
            " home_player_1_id, home_player_2_id, away_player_1_id, away_player_2_id from match_scores"
            " where league_id = 3",
        ),
        ("duplicate_result",),
    ),
    Incident(
        "a feed whose results name no player was imported twice",
        (
            "insert into match_scores (match_date, home_team, away_team, home_team_id, away_team_id, scores, winner,"
            " league_id) select match_date, home_team, away_team, home_team_id, away_team_id, scores, winner, league_id"
            " from match_scores where league_id = 3",
        ),
        ("duplicate_result_without_players",),
        first=(
            "update match_scores set home_player_1_id = null, home_player_2_id = null, away_player_1_id = null,"
            " away_player_2_id = null where league_id = 3",
        ),
    ),
    Incident(
        "winners were turned",
        (
            "update match_scores set winner = case winner when 'home' then 'away' else 'home' end"
            " where winner is not null and id in (select id from match_scores order by id limit 2820)",
        ),
        ("winner_contradicts_score",),
    ),
    Incident(
        "one player stood on both sides",
        (
            "update match_scores set away_player_1_id = home_player_1_id where id in"
            " (select id from match_scores where league_id = 3 order by id limit 9)",
        ),
        ("player_on_both_sides",),
    ),
    Incident(
        "substitutes had second records, named Name(S)",
        (
            "insert into players (first_name, last_name, tenniscores_player_id, club_id, series_id, league_id, team_id)"
            " select first_name, last_name || '(S)', tenniscores_player_id || 'S', club_id, series_id, league_id,"
            " team_id from players where team_id is not null order by id limit 276",
        ),
        ("substitute_as_player",),
    ),
    Incident(
        "names were cut",
        (
            "update match_scores m set home_team = split_part(home_team, ' ', 1) where league_id = 3"
            " and position(' ' in home_team) > 0 and home_team_id is not null and id % 3 = 0",
        ),
        ("name_cut_short",),
    ),
    Incident(
        "a backup table grew without end",
        (
            "insert into user_player_associations_backup select 1, true, now(), 'nndz-' || g"
            " from generate_series(1, 35000) g",
        ),
        ("rows_of_table",),
    ),
)
