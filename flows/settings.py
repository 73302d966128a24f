"""What a person may set, read from the environment once; everything below gets it as arguments."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class SettingsError(Exception):
    """Settings that cannot be used; the message never holds a secret."""


class Settings(BaseSettings):
    """Settings with prefix `RALLY_`; `DATABASE_URL` is honoured too."""

    model_config = SettingsConfigDict(env_prefix="RALLY_", hide_input_in_errors=True)

    database_url: SecretStr | None = Field(
        None, validation_alias=AliasChoices("RALLY_DATABASE_URL", "DATABASE_URL", "database_url")
    )
    """PostgreSQL; without it an embedded server is used."""
    data: Path = Path(".rally")
    """Where the embedded server keeps its data."""
    reports: Path = Path("logs")
    """Where JSON reports are written."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    """From which level on the log files below `reports` tell."""
    keep_logs: int = Field(30, gt=0)
    """Days after which a log file is deleted; it is compressed when its day is over."""
    keep_reports: int = Field(400, gt=0)
    """Days after which a JSON or HTML report is deleted; the history in the database stays."""
    keep_rows: int = Field(400, gt=0)
    """Days after which rows that were refused, and copies of rows that a repair changed, are deleted."""
    rules: Annotated[tuple[str, ...], NoDecode] = ()
    """Folders and packages with rules of one's own, separated by commas."""
    statement_timeout: float = Field(60, gt=0)
    """Seconds that one statement of a check may take."""
    snapshots: Path | None = None
    """Where snapshots are kept; without it, `snapshots` below `data`."""
    auto_fix: dict[str, int] = Field(default_factory=dict)
    """How many rows the fix of a rule may change without being asked, as JSON: `{"duplicate_match": 100}`."""
    breaker: bool = True
    """Whether a blocked import, or a rule of the gate that gets CRITICAL, stops all imports until somebody resumes."""
    feeds: Path | None = None
    """Where a deployment finds the feeds, when its parameters name none."""
    reports_url: str = ""
    """Where a browser finds what lies in `reports`; empty leaves the path in its place."""
    task_runner: Literal["thread", "dask", "ray"] = "thread"
    """What measures the leagues of a partitioned check."""
    task_runner_address: str | None = None
    """A running Dask scheduler or Ray cluster; without it one is started on this machine."""
    alerts_policy: Path | None = None
    """Who is told of what: a TOML file; see docs/ALERTS.md."""
    alerts_contacts: Path | None = None
    """Phone numbers, addresses and URLs of the policy's people, where they are kept in a TOML file of their own."""
    twilio_account_sid: SecretStr | None = None
    twilio_auth_token: SecretStr | None = None
    twilio_from: SecretStr | None = None
    """The number that SMS come from; or a messaging service."""
    twilio_messaging_service: SecretStr | None = None
    twilio_url: str = "https://api.twilio.com"
    smtp_url: SecretStr | None = None
    """smtp+starttls://user:password@host:587 or smtps://user:password@host:465"""
    smtp_from: SecretStr | None = None
    smtp_ca: Path | None = None
    """Certificates to trust besides the system's, for a mail server of one's own."""
    prefect_api_url: str | None = Field(None, validation_alias=AliasChoices("PREFECT_API_URL", "prefect_api_url"))
    prefect_profile: str | None = Field(None, validation_alias=AliasChoices("PREFECT_PROFILE", "prefect_profile"))
    prefect_home: Path = Field(
        Path("~/.prefect"), validation_alias=AliasChoices("PREFECT_HOME", "prefect_home"), validate_default=True
    )

    @field_validator("rules", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def read_settings(**changes: object) -> Settings:
    """The settings of this process, `changes` (None left out) going before the environment; raises SettingsError."""
    try:
        return Settings(**{name: value for name, value in changes.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        found = "; ".join(f"RALLY_{'_'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors())
        raise SettingsError(found) from None


def default_variables(**values: str) -> None:
    """Set environment variables for libraries that take a setting from nowhere else; what a person has set stays."""
    for name, value in values.items():
        os.environ.setdefault(name, value)
