"""All of rowcast's settings: one frozen object, read once from `ROWCAST_*` variables and `.env`.

For everything that starts a part of rowcast. `docs/configuration.md` says the same, and a test holds it to that. Never
read the environment elsewhere, and never change a setting after the start.
"""

import difflib
import importlib.util
import ipaddress
import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

import psycopg
from dotenv import dotenv_values
from psycopg.conninfo import conninfo_to_dict
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from db.errors import BadUserInput
from db.retention import Retention
from sync.address_guard import Allowed

PREFIX: Final = "ROWCAST_"
# Read by the tests, not by rowcast.
_FOR_TESTS: Final = frozenset({"ROWCAST_TEST_DATABASE_URL", "ROWCAST_TEST_TLS_POSTGRES", "ROWCAST_CHROMIUM"})
_BROADCASTS: Final = {"memory": None, "redis": "redis", "rediss": "redis", "kafka": "aiokafka", "postgres": "asyncpg"}

Port = Annotated[int, Field(ge=1, le=65535)]
Names = Annotated[tuple[str, ...], NoDecode]


class SettingsError(Exception):
    """A setting is wrong. The message names the variable and says what it takes."""


class Settings(BaseSettings):
    """Made by `load_settings`. Every field has a description, which the documentation repeats."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True, validate_default=True
    )

    host: str = Field(
        "127.0.0.1",
        description="The address to listen on. Loopback only: what it speaks is not encrypted.",
    )
    port: Port = Field(8000, description="The port of the server: GraphQL, dashboard, playground, hooks.")
    sandbox_port: Port = Field(8010, description="The port of the sandbox, the local stand-in for Google.")
    pg_port: Port = Field(5433, description="The port of the embedded Postgres, on 127.0.0.1.")
    data_dir: Path = Field(
        Path(".rowcast"),
        description="The folder for all that rowcast keeps: the embedded Postgres, the sandbox, keys, pid files.",
    )
    database_url: str | None = Field(
        None,
        repr=False,
        description="A Postgres 14 or newer with `wal_level=logical`, and a role with REPLICATION, as a URL or "
        "`key=value` pairs. Unset: the embedded Postgres.",
    )
    broadcast_url: str = Field(
        "memory://",
        repr=False,
        description="How the processes of one rowcast tell each other of commits: `memory://` for one process, "
        "`redis://…`, `kafka://…` or `postgres://…` for several.",
    )
    secret_key: str | None = Field(
        None,
        repr=False,
        min_length=32,
        description="What commits' origins are signed and stored secrets encrypted with; 32 characters or "
        "more, the same for all processes. Unset: made once, in the data folder's file `secret-key`.",
    )
    previous_secret_keys: Names = Field(
        (),
        repr=False,
        description="Secret keys of before, comma-separated: they still decrypt what is stored, until "
        "`python -m api rotate-secrets` has encrypted it with the new one.",
    )
    google_credentials: str | None = Field(
        None,
        repr=False,
        description="Google's service account for sources that name no credential: the path of its JSON file, or the "
        "JSON itself.",
    )
    google_credentials_dir: Path | None = Field(
        None,
        description="A folder of more service accounts: its `<name>.json` is the credential `<name>`, for sources that "
        "name it.",
    )
    google_api_url: str | None = Field(
        None, description="What to call instead of Google, such as the sandbox. Unset: Google itself."
    )
    google_reads_per_minute: int = Field(
        60, ge=1, description="How many reads a minute Google lets each service account make; its default for a user."
    )
    google_writes_per_minute: int = Field(60, ge=1, description="The same for writes.")
    google_project_reads_per_minute: int = Field(
        300, ge=1, description="How many reads a minute Google lets all service accounts of a Cloud project make."
    )
    google_project_writes_per_minute: int = Field(300, ge=1, description="The same for writes.")
    feed_allow: Names = Field(
        (),
        description="Hosts, `host:port` or networks of feeds that aren't on the public internet, such as "
        "`127.0.0.1:8010` or `10.1.0.0/16`; comma-separated. All others there are refused.",
    )
    google_timeout_seconds: float = Field(60, gt=0, le=600, description="How long each call to Google may take.")
    feed_timeout_seconds: float = Field(
        30,
        gt=0,
        le=300,
        description="How long a feed may leave a request waiting: for a connection, and for more of an answer.",
    )
    feed_shown_seconds: float = Field(
        120,
        ge=0,
        le=86_400,
        description="How long a feed may go on showing a record as it was before a write that it accepted, such as "
        "from a cache; after that the write is a failure.",
    )
    feed_body_bytes: int = Field(
        256 * 2**20, ge=1024, description="The largest document of a feed, packed and unpacked, in bytes."
    )
    feed_whole_bytes: int = Field(
        32 * 2**20,
        ge=1024,
        description="The largest document of a feed that must be in memory whole, since its paths aren't plain.",
    )
    require_token: bool = Field(
        False,
        description="Whether every request to `/graphql` needs a token; `python -m api create-token` makes the first, "
        "`make demo` one of its own in the data folder's `demo-token`. "
        "Otherwise who reaches the server without one is the administrator.",
    )
    allowed_hosts: Names = Field(
        (),
        description="Names besides loopback that a request's Host may have, for tunnels and proxies; comma-separated.",
    )
    allowed_origins: Names = Field(
        (),
        description="Origins besides our own whose pages may call us, such as `https://app.example.com`; "
        "comma-separated.",
    )
    public_url: str | None = Field(
        None,
        description="What `hookUrl` begins with: rowcast's address as Google sees it, and where Google Drive tells of "
        "changes if it is `https://`. Its name has to be in ROWCAST_ALLOWED_HOSTS. Unset: the host and port.",
    )
    max_connections: int | None = Field(
        None,
        ge=10,
        description="How many connections a process takes at once. Unset: as many as it may have files open, less 200 "
        "for itself.",
    )
    client_messages_per_second: float = Field(
        100,
        gt=0,
        le=100_000,
        description="How fast each WebSocket of a client is read: frames a second, and 4 KiB of them count as one "
        "more. Ten seconds' worth may come at once.",
    )
    token_operations_per_second: float = Field(
        1000,
        ge=0,
        le=1_000_000,
        description="How many operations a second each token may begin on a process: queries, mutations and "
        "subscriptions. Ten seconds' worth may come at once. 0: as many as it likes.",
    )
    ping_seconds: float = Field(
        40,
        gt=0,
        le=3600,
        description="How often each WebSocket is pinged, and how long it may leave that unanswered before it is "
        "closed.",
    )
    history_days: int = Field(30, ge=1, le=3650, description="How many days the change log reaches back.")
    run_days: int = Field(
        30, ge=1, le=3650, description="How many days runs are kept; a source's last one, and one that holds, longer."
    )
    event_days: int = Field(30, ge=1, le=3650, description="How many days events are kept.")
    settled_days: int = Field(
        90, ge=1, le=3650, description="How many days conflicts and failures are kept after they were settled."
    )
    log_format: Literal["text", "json"] = Field("text", description="`text` for people, `json` for machines.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least that is logged.")

    @property
    def sheets_url(self) -> str:
        """Where people open sheets: Google's pages, or those of whoever stands in for Google."""
        return (self.google_api_url or "https://docs.google.com").rstrip("/")

    @property
    def base_url(self) -> str:
        """The address that others reach the server by, without a slash at its end: `public_url`, or our own."""
        return self.local_url if self.public_url is None else self.public_url

    @property
    def drive_hook_url(self) -> str | None:
        """Where Google Drive may tell us of changes: it calls public addresses by https, its stand-in any."""
        if self.public_url is None:
            return None
        parts = urlsplit(self.public_url)
        reachable = parts.scheme == "https" and not _is_loopback(parts.hostname or "")
        return f"{self.public_url}/hooks/drive" if reachable or self.google_api_url is not None else None

    @property
    def local_url(self) -> str:
        """The address that the server listens on, without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def write_grace(self) -> timedelta:
        """How long a write without an answer may still arrive. Google ends a request after three minutes; who stands in
        for it is taken to need no longer than three of our time-outs."""
        longest = 180 if self.google_api_url is None else 3 * self.google_timeout_seconds
        return timedelta(seconds=self.google_timeout_seconds + longest)

    @property
    def retention(self) -> Retention:
        """How long what the database collects is kept."""
        return Retention(self.history_days, self.run_days, self.event_days, self.settled_days)

    @property
    def postgres_dir(self) -> Path:
        return self.data_dir / "postgres"

    @field_validator("host")
    @classmethod
    def _loopback(cls, value: str) -> str:
        if not _is_loopback(value):
            raise ValueError(
                "rowcast speaks plain HTTP, and tokens would be there for all to read: take a loopback address such as "
                "127.0.0.1, with a proxy before it that has TLS, and ROWCAST_REQUIRE_TOKEN"
            )
        return value

    @field_validator("data_dir", "google_credentials_dir")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().absolute()

    @field_validator("database_url")
    @classmethod
    def _conninfo(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                conninfo_to_dict(value)
            except psycopg.ProgrammingError as error:
                # libpq's message quotes the text, and with it a password.
                raise ValueError("expected postgresql://user:password@host:port/name or key=value pairs") from error
        return value

    @field_validator("broadcast_url")
    @classmethod
    def _broadcast(cls, value: str) -> str:
        scheme = value.partition("://")[0]
        if scheme not in _BROADCASTS or "://" not in value:
            raise ValueError("expected memory://, redis://…, kafka://… or postgres://…")
        package = _BROADCASTS[scheme]
        if package is not None and importlib.util.find_spec(package) is None:
            raise ValueError(f"{scheme}:// needs the package {package}: pip install {package}")
        return value

    @field_validator("google_api_url", "public_url")
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        return None if value is None else _checked_url(value)

    @field_validator("allowed_hosts", "allowed_origins", "previous_secret_keys", "feed_allow", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("feed_allow")
    @classmethod
    def _feed_places(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            Allowed.parse(value)
        except BadUserInput as error:
            raise ValueError(str(error).removeprefix("ROWCAST_FEED_ALLOW: ")) from error
        return value

    @field_validator("allowed_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if urlsplit(_checked_url(origin)).path:
                raise ValueError(f"an origin is scheme, host and port only, not {origin}")
        return value


def variable(field: str) -> str:
    """The environment variable of a field."""
    return PREFIX + field.upper()


def load_settings(env_file: Path = Path(".env")) -> Settings:
    """Settings from the environment and, below it, from `env_file` where it exists. An empty value counts as unset.

    Raises SettingsError for a wrong value and for a ROWCAST_ name that isn't a setting.
    """
    known = {variable(field) for field in Settings.model_fields} | _FOR_TESTS
    given = {*os.environ, *dotenv_values(env_file, interpolate=False)}
    unknown = sorted(name for name in given - known if name.startswith(PREFIX))
    if unknown:
        raise SettingsError("\n".join(_unknown(name) for name in unknown))
    try:
        return Settings(_env_file=env_file)
    except ValidationError as error:
        raise SettingsError("\n".join(_wrong(details) for details in error.errors(include_input=False))) from error


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _checked_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("expected http://host or https://host")
    return value.rstrip("/")


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name.removeprefix(PREFIX).lower(), Settings.model_fields, n=1)
    hint = f"did you mean {variable(near[0])}?" if near else "docs/configuration.md lists them all."
    return f"{name} is not a setting of rowcast: {hint}"


def _wrong(details: Any) -> str:
    field, limits = str(details["loc"][0]), details.get("ctx", {})
    match details["type"]:
        case "int_parsing" | "int_parsing_size" | "int_from_float":
            message = f"expected a whole number, such as {Settings.model_fields[field].default}"
        case "greater_than_equal":
            message = f"expected {limits['ge']:,} at least"
        case "less_than_equal":
            message = f"expected {limits['le']:,} at most"
        case "literal_error":
            message = f"expected {limits['expected']}"
        case _:
            message = str(details["msg"]).removeprefix("Value error, ")
    return f"{variable(field)}: {message}"
