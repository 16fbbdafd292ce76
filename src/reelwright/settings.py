"""Every knob, described. Precedence: flag, environment, `.env`, default.

Only `cli` and `app` see `Settings`; the rooms get plain values. Six names have no prefix because other programs and
existing front ends rely on them; all others begin with `REELWRIGHT_`.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from reelwright.errors import ConfigurationError


def _knob(default: Any, name: str, description: str, **bounds: Any) -> Any:
    """A field with its one name in the environment; its Python name means nothing there."""
    return Field(default, validation_alias=name, description=description, **bounds)


class Settings(BaseSettings):
    """The server's settings. Frozen; an unknown flag or a value out of range is a `ConfigurationError`."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",
        frozen=True,
        allow_inf_nan=False,
        env_ignore_empty=True,
    )

    # --- names that others rely on ---
    hf_token: str | None = _knob(
        None, "HF_TOKEN", "Hugging Face token; with it the `huggingface` engine is the default.", repr=False
    )
    port: int = _knob(3001, "PORT", "Port to listen on; 0 picks a free one.", ge=0, le=65535)
    host: str = _knob(
        "localhost",
        "HOST",
        "Address to listen on; `localhost` means 127.0.0.1 and ::1. Any but loopback needs API keys.",
    )
    client_url: Annotated[tuple[str, ...], NoDecode] = _knob(
        ("http://localhost:8080",), "CLIENT_URL", "Origins that may call from a browser (CORS), comma-separated."
    )
    node_env: Literal["development", "production"] = _knob(
        "development", "NODE_ENV", "`production` makes logs JSON lines and hides nothing else."
    )
    database_url: str | None = _knob(
        None, "DATABASE_URL", "Postgres URL; empty: SQLite in the data directory.", repr=False
    )

    # --- ours ---
    data_dir: Path = _knob(
        Path("reelwright-data"), "REELWRIGHT_DATA_DIR", "Where the database, videos and checkpoints live."
    )
    engine: str = _knob("auto", "REELWRIGHT_ENGINE", "`auto`, `sketch`, `huggingface` or `local`.")
    engine_options: Annotated[dict[str, dict[str, Any]], NoDecode] = _knob(
        {}, "REELWRIGHT_ENGINE_OPTIONS", 'JSON: options by engine name, e.g. {"huggingface": {"endpoint_url": …}}.'
    )
    model_aliases: Annotated[dict[str, str], NoDecode] = _knob(
        {}, "REELWRIGHT_MODEL_ALIASES", "JSON: names that clients send as `model`, and the model each one means."
    )
    api_keys: Annotated[tuple[str, ...], NoDecode] = _knob(
        (), "REELWRIGHT_API_KEYS", "Keys that may use the API, comma-separated; empty: no key is asked for.", repr=False
    )
    insecure_no_auth: bool = _knob(
        False, "REELWRIGHT_INSECURE_NO_AUTH", "Listen on a public address without API keys. Anybody can use the server."
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = _knob(
        (),
        "REELWRIGHT_ALLOWED_HOSTS",
        "Extra host names accepted in the `Host` header of a loopback server, comma-separated.",
    )
    workers: int = _knob(1, "REELWRIGHT_WORKERS", "Child processes of each engine.", ge=1, le=64)
    keep_warm_s: float | None = _knob(
        None, "REELWRIGHT_KEEP_WARM_S", "Seconds between two pings of a dedicated endpoint; empty: none.", ge=5
    )
    log_format: Literal["console", "json"] | None = _knob(
        None, "REELWRIGHT_LOG_FORMAT", "`console` or `json`; default: console in development, json in production."
    )
    log_level: Literal["debug", "info", "warning", "error"] = _knob(
        "info", "REELWRIGHT_LOG_LEVEL", "The least level that is logged."
    )
    max_body_mb: float = _knob(16, "REELWRIGHT_MAX_BODY_MB", "Largest request body, in MB.", gt=0, le=1024)
    max_queued: int = _knob(10_000, "REELWRIGHT_MAX_QUEUED", "Jobs that may wait; further ones get 429.", ge=1)
    job_timeout_s: float = _knob(900, "REELWRIGHT_JOB_TIMEOUT_S", "Longest time one job may take, in seconds.", gt=0)
    keep_days: float = _knob(30, "REELWRIGHT_KEEP_DAYS", "Days until a finished video expires.", gt=0, le=36_500)
    keep_gb: float | None = _knob(
        None, "REELWRIGHT_KEEP_GB", "Size budget of the finished videos, in GB; the least recently used go first.", gt=0
    )
    sweep_s: float = _knob(60, "REELWRIGHT_SWEEP_S", "Seconds between two rounds of the janitor.", gt=0)
    drain_s: float = _knob(20, "REELWRIGHT_DRAIN_S", "Seconds that a stopping server gives its running jobs.", ge=0)
    engine_memory_mb: int | None = _knob(
        None, "REELWRIGHT_ENGINE_MEMORY_MB", "Address-space limit of an engine child, in MB; empty: none.", ge=128
    )

    @field_validator("client_url", "api_keys", "allowed_hosts", mode="before")
    @classmethod
    def _split_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("host")
    @classmethod
    def _without_brackets(cls, value: str) -> str:
        """An IPv6 address may stand in brackets, as in a URL."""
        return value[1:-1] if value.startswith("[") and value.endswith("]") else value

    @field_validator("engine_options", "model_aliases", mode="before")
    @classmethod
    def _parse_json(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError as error:
            raise ValueError(f"not a JSON object ({error})") from None

    @field_validator("client_url")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """As browsers write them: scheme and host in lower case, no slash at the end."""
        origins = tuple(origin.rstrip("/").lower() for origin in value)
        if "*" in origins:
            raise ValueError("`*` cannot be combined with credentials, which the API allows; list the origins instead")
        for origin in origins:
            if not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/?#@*\s]+", origin):
                raise ValueError(f"{origin!r} is not an origin; write it as https://host or http://host:port")
        return origins

    @property
    def log_as(self) -> Literal["console", "json"]:
        return self.log_format or ("json" if self.node_env == "production" else "console")

    @property
    def loopback(self) -> bool:
        """True when only this machine can reach the server."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def environment_name(field: str) -> str:
    """The variable's name for a settings field, e.g. `data_dir` → `REELWRIGHT_DATA_DIR`."""
    return str(Settings.model_fields[field].validation_alias)


def adopt_variables(prefix: str) -> None:
    """Put the variables of `.env` that begin so into the process's environment, for a library that reads only that."""
    from dotenv import dotenv_values

    for name, value in dotenv_values(".env").items():
        if name.startswith(prefix) and value:
            os.environ.setdefault(name, value)


def load_settings(**flags: Any) -> Settings:
    """The settings in force; `flags` win over the environment. Raises `ConfigurationError` naming each bad value."""
    given = {environment_name(name): value for name, value in flags.items() if value is not None}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        lines = [f"{problem['loc'][0]}: {problem['msg']}" for problem in error.errors(include_input=False)]
        raise ConfigurationError("Invalid settings. " + "; ".join(lines)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The file .env cannot be read: {error}. Write it as UTF-8, or remove it.") from None
    if not settings.loopback and not settings.api_keys and not settings.insecure_no_auth:
        raise ConfigurationError(
            f"HOST={settings.host} lets other machines in, but REELWRIGHT_API_KEYS is empty. "
            "Set REELWRIGHT_API_KEYS, keep HOST=localhost, or pass --insecure-no-auth if anybody may use this server."
        )
    return settings
