-- The platform's tables as they were before this product met them: no unique key and no check on schedule, no created_at.
create table leagues (
    id serial primary key,
    league_id varchar(255) not null unique,
    league_name varchar(255) not null,
    league_url varchar(512)
);
create table clubs (
    id serial primary key,
    name varchar(255) not null unique,
    club_address varchar(255)
);
create table series (
    id serial primary key,
    name varchar(255) not null unique,
    display_name varchar(255)
);
create table club_leagues (
    id serial primary key,
    club_id integer not null references clubs (id),
    league_id integer not null references leagues (id),
    created_at timestamptz default now(),
    unique (club_id, league_id)
);
create table series_leagues (
    id serial primary key,
    series_id integer not null references series (id),
    league_id integer not null references leagues (id),
    created_at timestamptz default now(),
    unique (series_id, league_id)
);
create table teams (
    id serial primary key,
    club_id integer references clubs (id),
    series_id integer references series (id),
    league_id integer references leagues (id),
    team_name varchar(255) not null,
    team_alias varchar(255),
    display_name varchar(255),
    external_team_id varchar(255),
    is_active boolean default true,
    created_at timestamptz default now(),
    constraint unique_team_in_series unique (league_id, series_id, team_name)
);
create table players (
    id serial primary key,
    first_name varchar(255),
    last_name varchar(255),
    email varchar(255),
    tenniscores_player_id varchar(255) not null,
    club_id integer references clubs (id),
    series_id integer references series (id),
    league_id integer references leagues (id),
    team_id integer references teams (id),
    pti numeric(10, 2),
    wins integer,
    losses integer,
    win_percentage numeric(5, 2),
    captain_status varchar(50),
    career_wins integer,
    career_losses integer,
    career_matches integer,
    career_win_percentage numeric(5, 2),
    is_active boolean default true,
    created_at timestamptz default now()
);
create table match_scores (
    id serial primary key,
    match_date date,
    home_team text,
    away_team text,
    home_team_id integer references teams (id),
    away_team_id integer references teams (id),
    home_player_1_id text,
    home_player_2_id text,
    away_player_1_id text,
    away_player_2_id text,
    scores text,
    winner text,
    league_id integer references leagues (id),
    created_at timestamptz default now(),
    constraint match_scores_winner_check check (winner in ('home', 'away'))
);
create table schedule (
    id serial primary key,
    match_date date not null,
    match_time time,
    home_team text not null,
    away_team text not null,
    home_team_id integer references teams (id),
    away_team_id integer references teams (id),
    location text,
    league_id integer references leagues (id)
);
create table series_stats (
    id serial primary key,
    series varchar(255),
    team varchar(255),
    points numeric(8, 2),
    matches_won integer,
    matches_lost integer,
    matches_tied integer,
    matches_percentage varchar(16),
    lines_won integer,
    lines_lost integer,
    lines_for integer,
    lines_ret integer,
    lines_percentage varchar(16),
    sets_won integer,
    sets_lost integer,
    sets_percentage varchar(16),
    games_won integer,
    games_lost integer,
    games_percentage varchar(16),
    league_id integer references leagues (id),
    team_id integer references teams (id),
    series_id integer references series (id),
    created_at timestamptz default now()
);
create table player_history (
    id serial primary key,
    player_id integer references players (id),
    date date,
    end_pti numeric(10, 2),
    series varchar(255),
    league_id integer references leagues (id)
);
