"""What a person may set: in `rally.toml` (or `[tool.rally-health]` of a pyproject), and in the environment, which wins.

Read once; everything below gets it as arguments. A name or a value that nobody knows is refused with the nearest.
"""

from __future__ import annotations

import os
import re
import time
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AliasChoices, BaseModel, Field, PrivateAttr, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings import SettingsError as UnreadableError

from etl.importing.declared import Correction, Limits, Seasons

OURS = "RALLY_"
CONFIG = "RALLY_CONFIG"
"""Names the file to read in place of `rally.toml` of the working folder."""
FILES = ("rally.toml", "pyproject.toml")
TABLE = "rally-health"
WEB_ADDRESS = re.compile(r"https?://[^\s/?#]+[^\s?#]*")


class SettingsError(Exception):
    """Settings that cannot be used; the message never holds a secret."""


class Settings(BaseSettings):
    """Settings by their name in `rally.toml`; in the environment with the prefix `RALLY_`, in capitals."""

    model_config = SettingsConfigDict(env_prefix=OURS, hide_input_in_errors=True, extra="forbid")

    database_url: SecretStr | None = Field(
        None, validation_alias=AliasChoices("RALLY_DATABASE_URL", "DATABASE_URL", "database_url")
    )
    """PostgreSQL; without it an embedded server is used. In the environment also `DATABASE_URL`."""
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
    rule_sources: Annotated[tuple[str, ...], NoDecode] = Field(
        (), validation_alias=AliasChoices("RALLY_RULES", "rule_sources")
    )
    """Folders, files and packages with rules of one's own; in the environment `RALLY_RULES`, separated by commas."""
    rules: tuple[dict[str, Any], ...] = Field((), validation_alias="[[rules]]")
    """Ready-made rules, and changes to rules: only in the file; see docs/ADDING_A_RULE.md."""
    guards: Limits = Limits()
    """Limits of the guards of an import, as the table `[guards]`; see below."""
    seasons: Seasons = Seasons()
    """When imports and rules take a league's next season to begin, as the table `[seasons]`; see below."""
    corrections: tuple[Correction, ...] = ()
    """What feeds get wrong in a known way, as tables `[[corrections]]`; see docs/IMPORTING.md."""
    coverage_floor: float = Field(60, ge=0, le=100)
    """Percent of what counts that a check must have measured to be called healthy; rules weigh by severity."""
    timezone: str = "America/Chicago"
    """Where the leagues play: their day is the `today` of every rule, wherever the host stands."""
    statement_timeout: float = Field(60, gt=0)
    """Seconds that one statement of a check may take."""
    reader_url: SecretStr | None = None
    """The same database for an account that can only read: rules are measured through it; see docs/OPERATIONS.md."""
    strict: bool = False
    """Whether a check refuses to run rules through an account that could do more than read, such as a superuser's."""
    show_rows: bool = False
    """Whether `check --rows` and `--csv` may show bad rows without personal columns, and `feedback list` its words."""
    write_timeout: float = Field(600, gt=0)
    """Seconds that one statement of an import, a repair or a migration may take."""
    lock_timeout: float = Field(30, gt=0)
    """Seconds to wait for a lock that another session holds; the error names that session."""
    deadline: float = Field(3600, gt=0)
    """Seconds that a whole command, or one run of a deployment, may take."""
    _read: float = PrivateAttr(default_factory=time.monotonic)
    snapshots: Path | None = None
    """Where snapshots are kept; without it, `snapshots` below `data`."""
    auto_fix: dict[str, int] = Field(default_factory=dict)
    """How many rows the fix of a rule may change without being asked; in the environment as JSON: `{"duplicate_match": 100}`."""  # noqa: E501 - a description is one line
    references: dict[str, str] = Field(default_factory=dict)
    """Columns that refer to a platform's table without a foreign key, for repairs to follow; in the environment as JSON: `{"users.league_context": "leagues"}`."""  # noqa: E501 - a description is one line
    breaker: bool = True
    """Whether a rule of the gate that gets CRITICAL, or a feed that kills its import twice, stops imports."""
    feeds: Path | None = None
    """Where a deployment finds the feeds, when its parameters name none."""
    reports_url: str = ""
    """Where a browser finds what lies in `reports`; empty leaves the path in its place."""
    serve_url: str = ""
    """Where people reach `rally-health serve`, such as `https://rally.example/`: reports and alerts link there."""
    serve_token: SecretStr | None = None
    """What who opens `rally-health serve` has to know, 16 characters or more; needed elsewhere than on loopback."""
    serve_proxy_header: str = ""
    """The header in which a proxy that signs people in names them to `rally-health serve`; it drops that of others."""
    otlp_endpoint: str = ""
    """An OpenTelemetry collector, such as `http://127.0.0.1:4318`: runs send it traces and metrics; see docs/INTEGRATIONS.md."""  # noqa: E501 - a description is one line
    openlineage_url: str = ""
    """An OpenLineage server, such as `http://127.0.0.1:5000`: imports send it events; see docs/INTEGRATIONS.md."""
    openlineage_api_key: SecretStr | None = None
    """Its key, where it asks for one."""
    task_runner: Literal["thread", "dask"] = "thread"
    """What measures the leagues of a partitioned check."""
    task_runner_address: str | None = None
    """A running Dask scheduler; without it one is started on this machine."""
    prefect_task_runs: Literal["all", "trouble", "none"] = "trouble"
    """Which task runs a health check leaves in Prefect: of every rule, of scans and rules in trouble, or none."""
    critical_fails: bool = False
    """Whether a flow run that ends as Critical is of the type FAILED, for who is alerted by that."""
    alerts_policy: Path | None = None
    """Who is notified of what: a TOML file; see docs/ALERTS.md."""
    alerts_contacts: Path | None = None
    """Phone numbers, addresses and URLs of the policy's people, where they are kept in a TOML file of their own."""
    admin_phone: SecretStr | None = None
    """Who gets an SMS of what is CRITICAL where no policy is set."""
    admin_email: SecretStr | None = None
    """Who gets an e-mail of the rest where no policy is set; without a phone, of everything."""
    twilio_account_sid: SecretStr | None = None
    """The account that sends SMS."""
    twilio_auth_token: SecretStr | None = None
    """Its token."""
    twilio_from: SecretStr | None = None
    """The number that SMS come from; or a messaging service."""
    twilio_messaging_service: SecretStr | None = None
    """The messaging service that SMS come from."""
    twilio_url: str = "https://api.twilio.com"
    """Where Twilio's API is."""
    smtp_url: SecretStr | None = None
    """The mail server: `smtp+starttls://user:password@host:587` or `smtps://user:password@host:465`."""
    smtp_from: SecretStr | None = None
    """The address that mails come from."""
    smtp_ca: Path | None = None
    """Certificates to trust besides the system's, for a mail server of one's own."""
    prefect_api_url: str | None = Field(None, validation_alias=AliasChoices("PREFECT_API_URL", "prefect_api_url"))
    """Prefect's API; in the environment `PREFECT_API_URL`."""
    prefect_profile: str | None = Field(None, validation_alias=AliasChoices("PREFECT_PROFILE", "prefect_profile"))
    """Prefect's profile; in the environment `PREFECT_PROFILE`."""
    prefect_home: Path = Field(
        Path("~/.prefect"), validation_alias=AliasChoices("PREFECT_HOME", "prefect_home"), validate_default=True
    )
    """Prefect's folder; in the environment `PREFECT_HOME`."""

    @property
    def until(self) -> float:
        """When the deadline is over, by `time.monotonic()`; it runs from the reading of the settings."""
        return self._read + self.deadline

    @property
    def snapshot_folder(self) -> Path:
        """Where snapshots are kept."""
        return self.snapshots or self.data / "snapshots"

    @property
    def zone(self) -> ZoneInfo:
        """The clock that the leagues live by."""
        return ZoneInfo(self.timezone)

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("expected an IANA time zone such as America/Chicago") from None
        return name

    @field_validator("otlp_endpoint", "openlineage_url")
    @classmethod
    def _web_address(cls, address: str) -> str:
        if address and not WEB_ADDRESS.fullmatch(address):
            raise ValueError("expected the address of a server, such as http://127.0.0.1:4318")
        return address

    @field_validator("rule_sources", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource, dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:  # fmt: skip
        """What a command says goes before the environment, and that before the file."""
        return init_settings, _Environment(settings_cls), _FileSource(settings_cls)


class _Environment(EnvSettingsSource):
    """The environment; JSON that nests without end is no JSON, and not the end of the program."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """What a variable's JSON says; raises ValueError."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except RecursionError:
            raise ValueError(NESTED_TOO_DEEPLY) from None


NESTED_TOO_DEEPLY = "it nests too deeply"


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """What a configuration file says: its values, and the line of each by its dotted name."""

    path: Path
    values: Mapping[str, Any] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)

    def place(self, name: str) -> str:
        """Where a value stands: "rally.toml:12"."""
        return f"{self.path.name}:{self.lines[name]}" if name in self.lines else self.path.name


class _FileSource(PydanticBaseSettingsSource):
    """The file as a source of settings; what stands in it goes by the names that the environment uses."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Unused: the file is given as a whole."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """All values, `rules` as entries that know their name and their line."""
        config = read_config()
        if config is None:
            return {}
        values = {name: value for name, value in config.values.items() if name != "rules"}
        entries = rule_entries(config)
        return {**values, "[[rules]]": entries} if entries else values


def rule_entries(file: ConfigFile) -> tuple[dict[str, Any], ...]:
    """`[[rules]]` in their order, or `[rules.NAME]` with that name; each with its `line`. Raises SettingsError."""
    said = file.values.get("rules", [])
    if isinstance(said, Mapping):
        said = [{"name": name, **value} if isinstance(value, Mapping) else value for name, value in said.items()]
    if not isinstance(said, list) or any(not isinstance(entry, Mapping) for entry in said):
        raise SettingsError(f"{file.path.name}: rules is no list of tables; expected [[rules]] or [rules.NAME]")
    named = isinstance(file.values.get("rules"), Mapping)
    return tuple(
        {**entry, "line": file.place(f"rules.{entry['name']}" if named else f"rules.{number}")}
        for number, entry in enumerate(said)
    )


def read_config() -> ConfigFile | None:
    """The file that `RALLY_CONFIG` names, else `rally.toml`, else the table of `pyproject.toml`; None without any."""
    named = os.environ.get(CONFIG)
    if named and not Path(named).is_file():
        raise SettingsError(f"{CONFIG} names {named!r}, which is no file")
    for path in [Path(named)] if named else [Path(name) for name in FILES]:
        if path.is_file() and (found := _parsed(path)) is not None:
            return found
    return None


def _parsed(path: Path) -> ConfigFile | None:
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        hint = "; write all rules as [[rules]] with name=, or all as [rules.NAME]" if _both_forms(text) else ""
        raise SettingsError(f"{path} is no TOML: {error}{hint}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from None
    except RecursionError:
        raise SettingsError(f"{path} is no TOML: {NESTED_TOO_DEEPLY}") from None
    prefix = ""
    if path.name == FILES[1]:
        values = values.get("tool", {}).get(TABLE)
        prefix = f"tool.{TABLE}."
    return None if values is None else ConfigFile(path, values, dict(_lines(text, prefix)))


def _both_forms(text: str) -> bool:
    return bool(re.search(r"^\s*\[\[rules\]\]", text, re.M) and re.search(r"^\s*\[rules\.", text, re.M))


def _lines(text: str, prefix: str) -> Iterator[tuple[str, int]]:
    """The line of each table and key, by its dotted name; the tables of an array are numbered from 0."""
    table, counted = "", dict[str, int]()
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*(\[\[?)\s*(.+?)\s*\]\]?\s*(#.*)?$", line):
            name = header.group(2).replace('"', "").replace("'", "").removeprefix(prefix)
            if header.group(1) == "[[":
                counted[name] = counted.get(name, -1) + 1
                name = f"{name}.{counted[name]}"
            table = "" if f"{name}." == prefix else f"{name}."
            yield table.removesuffix("."), number
        elif key := re.match(r"\s*[\"']?([A-Za-z0-9_*?-]+)[\"']?\s*=", line):
            yield f"{table}{key.group(1)}", number


def environment_name(name: str) -> str:
    """What a setting is called in the environment."""
    alias = Settings.model_fields[name].validation_alias
    names = alias.choices if isinstance(alias, AliasChoices) else [alias] if alias else []
    return next((str(one) for one in names if str(one).isupper()), "" if alias else f"{OURS}{name.upper()}")


def unknown_variables() -> tuple[str, ...]:
    """Each `RALLY_*` variable of the environment that is no setting, with the nearest that is one."""
    known = {CONFIG, *filter(None, map(environment_name, Settings.model_fields))}
    strangers = sorted(name for name in os.environ if name.upper().startswith(OURS) and name.upper() not in known)
    return tuple(f"{name} is no setting{_nearest(name, known)}" for name in strangers)


def origin_of(settings: Settings, name: str) -> str:
    """Where the value of a setting comes from: a variable, a line of the file, or its default."""
    variables = {variable.upper() for variable in os.environ}
    aliases = getattr(Settings.model_fields[name].validation_alias, "choices", [environment_name(name)])
    if name not in settings.model_fields_set:
        return "default"
    if said := next((str(alias) for alias in aliases if str(alias).isupper() and alias in variables), None):
        return said
    file = read_config()
    return file.place(name) if file and name in file.values else "command line"


def read_settings(**changes: object) -> Settings:
    """The settings of this process, `changes` (None left out) going before the environment; raises SettingsError."""
    try:
        return Settings(**{name: value for name, value in changes.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError("; ".join(_said(one) for one in error.errors(include_input=False))) from None
    except UnreadableError as error:
        raise SettingsError(_unreadable(error)) from None


def _said(error: Mapping[str, Any]) -> str:
    """One error of validation; the name as the place where it was set calls it."""
    name, *rest = map(str, error["loc"])
    file = read_config()
    where = f"{file.place(name)}: {name}" if file and name in file.values else _variable(name)
    if error["type"] == "extra_forbidden":
        known = Settings.model_fields if not rest else NESTED[name].model_fields
        return f"{'.'.join([where, *rest])} is no setting{_nearest(rest[-1] if rest else name, known)}"
    return f"{'.'.join([where, *rest])}: {error['msg']}"


NESTED: Mapping[str, type[BaseModel]] = {"guards": Limits, "seasons": Seasons, "corrections": Correction}
"""The settings that are tables of their own."""


def _variable(name: str) -> str:
    return environment_name(name) if name in Settings.model_fields else name.upper()


def _unreadable(error: UnreadableError) -> str:
    """A variable that should hold JSON and does not; its text may be a secret and is not repeated."""
    named = re.search(r'field "(\w+)"', str(error))
    variable = _variable(named.group(1)) if named else "a variable"
    return f'{variable} is no JSON ({error.__cause__}); expected such as {{"duplicate_match": 100}}'


def _nearest(name: str, known: Mapping[str, Any] | set[str]) -> str:
    near = get_close_matches(name, sorted(known), n=1)
    return f"; did you mean {near[0]}?" if near else "; docs/SETTINGS.md lists all"
