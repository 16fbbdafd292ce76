"""Every knob, described. Precedence: flag, environment, `.env`, default.

Only `cli` and `app` see `Settings`; the rooms get plain values. A few names have no prefix because other programs and
existing front ends rely on them; all others begin with `REELWRIGHT_`.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from reelwright.env_file import variables
from reelwright.errors import ConfigurationError
from reelwright.written_values import long_keys, network, origin


def _knob(default: Any, name: str | AliasChoices, description: str, **bounds: Any) -> Any:
    """A field with its one name in the environment; its Python name means nothing there."""
    return Field(default, validation_alias=name, description=description, **bounds)


_BUCKET = r"[a-zA-Z0-9][a-zA-Z0-9._-]{1,61}[a-zA-Z0-9]"
_PREFIX = r"(?!\.)[A-Za-z0-9._=-]+"


class _EnvFile(EnvSettingsSource):
    """The settings in `.env`."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {name.lower(): value for name, value in variables().items() if value}


class Settings(BaseSettings):
    """The server's settings. Frozen; an unknown flag or a value out of range is a `ConfigurationError`."""

    model_config = SettingsConfigDict(
        extra="ignore",
        frozen=True,
        allow_inf_nan=False,
        env_ignore_empty=True,
    )

    # --- names that others rely on ---
    hf_token: str | None = _knob(
        None,
        "HF_TOKEN",
        "Hugging Face token. With it, `auto` chooses the `huggingface` engine when no server of yours and no GPU can "
        "make videos.",
        repr=False,
    )
    fal_key: str | None = _knob(
        None, "FAL_KEY", "Key of fal: the `huggingface` engine then asks `fal-ai` directly, and fal bills.", repr=False
    )
    replicate_api_token: str | None = _knob(
        None, "REPLICATE_API_TOKEN", "Token of Replicate: `replicate` is then asked directly.", repr=False
    )
    together_api_key: str | None = _knob(
        None, "TOGETHER_API_KEY", "Key of Together AI: `together` is then asked directly.", repr=False
    )
    wavespeed_api_key: str | None = _knob(
        None, "WAVESPEED_API_KEY", "Key of WaveSpeed AI: `wavespeed` is then asked directly.", repr=False
    )
    novita_api_key: str | None = _knob(
        None, "NOVITA_API_KEY", "Key of Novita AI: `novita` is then asked directly.", repr=False
    )
    port: int = _knob(3001, "PORT", "Port to listen on; 0 picks a free one.", ge=0, le=65535)
    host: str = _knob(
        "localhost",
        "HOST",
        "Address to listen on; `localhost` means 127.0.0.1 and ::1. An address that others can reach needs API keys.",
    )
    client_url: Annotated[tuple[str, ...], NoDecode] = _knob(
        ("http://localhost:8080",),
        "CLIENT_URL",
        "Origins of web pages that may call the API from a browser (CORS), comma-separated.",
    )
    node_env: str = _knob(
        "development",
        "NODE_ENV",
        "`production`: logs are JSON lines, and only pages of `CLIENT_URL` may call; any other word means development.",
    )
    database_url: str | None = _knob(
        None, "DATABASE_URL", "Postgres URL; empty: SQLite in the data directory.", repr=False
    )
    database_listen_url: str | None = _knob(
        None,
        "DATABASE_LISTEN_URL",
        "The same Postgres without a pooler such as PgBouncer in between, for LISTEN; empty: `DATABASE_URL`.",
        repr=False,
    )

    # --- ours ---
    data_dir: Path = _knob(
        Path("reelwright-data"), "REELWRIGHT_DATA_DIR", "Folder for the database, videos and checkpoints."
    )
    s3_bucket: str | None = _knob(
        None,
        AliasChoices("REELWRIGHT_S3_BUCKET", "REELWRIGHT_STORAGE_URL"),
        "Bucket that holds videos, pictures and checkpoints: `bucket` or `bucket/prefix`; empty: the data directory. "
        "Needs the extra `s3`. Also read as `REELWRIGHT_STORAGE_URL` (`s3://bucket/prefix`).",
    )
    s3_endpoint: str | None = _knob(
        None, "REELWRIGHT_S3_ENDPOINT", "Address of an S3 server that is not Amazon's, e.g. https://s3.example.com."
    )
    s3_region: str = _knob("us-east-1", "REELWRIGHT_S3_REGION", "Region of the bucket.")
    aws_access_key_id: str | None = _knob(
        None,
        "AWS_ACCESS_KEY_ID",
        "Access key for the bucket; empty: the credentials of the machine's role, if it has one.",
        repr=False,
    )
    aws_secret_access_key: str | None = _knob(None, "AWS_SECRET_ACCESS_KEY", "Secret of that access key.", repr=False)
    aws_session_token: str | None = _knob(
        None, "AWS_SESSION_TOKEN", "Session token, if that access key is a temporary one.", repr=False
    )
    downloads: Literal["proxy", "redirect"] = _knob(
        "proxy",
        "REELWRIGHT_DOWNLOADS",
        "How files in a bucket reach clients. `proxy`: this server sends them; `redirect`: it answers with an address "
        "of the bucket that is valid for an hour.",
    )
    engine: str = _knob(
        "auto",
        "REELWRIGHT_ENGINE",
        "Default engine: `auto`, `sketch`, `huggingface`, `local`, `comfyui`, `openai`, or an installed one.",
    )
    engine_options: Annotated[dict[str, dict[str, Any]], NoDecode] = _knob(
        {}, "REELWRIGHT_ENGINE_OPTIONS", 'JSON: options by engine name, e.g. {"huggingface": {"endpoint_url": …}}.'
    )
    endpoint_token: str | None = _knob(
        None,
        "REELWRIGHT_ENDPOINT_TOKEN",
        "Token for a dedicated endpoint that is not at Hugging Face.",
        repr=False,
    )
    comfyui_url: Annotated[tuple[str, ...], NoDecode] = _knob(
        (), "REELWRIGHT_COMFYUI_URL", "Address of a running ComfyUI, e.g. http://127.0.0.1:8188; several with commas."
    )
    comfyui_workflows: Path = _knob(
        Path("workflows"),
        "REELWRIGHT_COMFYUI_WORKFLOWS",
        "Folder of workflows, each exported from ComfyUI with “Export (API)”: every one is a model.",
    )
    comfyui_token: str | None = _knob(
        None,
        "REELWRIGHT_COMFYUI_TOKEN",
        "Token for a ComfyUI behind a proxy, sent as `Authorization: Bearer`, or in the header that the engine's "
        "option `auth_header` names.",
        repr=False,
    )
    upstream_url: Annotated[tuple[str, ...], NoDecode] = _knob(
        (),
        "REELWRIGHT_UPSTREAM_URL",
        "Address of a server that speaks `/v1/videos` (vLLM-Omni, SGLang, LiteLLM, another Reelwright), e.g. "
        "http://127.0.0.1:8000; several with commas.",
    )
    upstream_model: str | None = _knob(
        None,
        "REELWRIGHT_UPSTREAM_MODEL",
        "Name of the model on that server; empty: no name is sent, and the server uses the model that it serves.",
    )
    upstream_token: str | None = _knob(
        None,
        "REELWRIGHT_UPSTREAM_TOKEN",
        "Token for the servers of `REELWRIGHT_UPSTREAM_URL`; it is sent to no other address.",
        repr=False,
    )
    model_aliases: Annotated[dict[str, str], NoDecode] = _knob(
        {}, "REELWRIGHT_MODEL_ALIASES", "JSON: names that clients send as `model`, and the model each one means."
    )
    api_keys: Annotated[tuple[str, ...], NoDecode] = _knob(
        (),
        "REELWRIGHT_API_KEYS",
        "API keys, comma-separated, each of 16 characters or more, in addition to those made with `reelwright keys`. "
        "While there is no key at all, the API asks for none.",
        repr=False,
    )
    key_requests_per_minute: int | None = _knob(
        None,
        "REELWRIGHT_KEY_REQUESTS_PER_MINUTE",
        "Requests that an API key may make in a minute; all of them may come at once. Empty: no limit.",
        ge=1,
        le=10**9,
    )
    key_max_waiting: int | None = _knob(
        None,
        "REELWRIGHT_KEY_MAX_WAITING",
        "Jobs of an API key that may wait in the queue; empty: nine tenths of `REELWRIGHT_MAX_QUEUED`.",
        ge=1,
        le=10**9,
    )
    key_max_running: int | None = _knob(
        None,
        "REELWRIGHT_KEY_MAX_RUNNING",
        "Jobs of an API key that may run at the same time; further ones wait. Empty: no limit.",
        ge=1,
        le=10**9,
    )
    key_video_seconds_per_day: int | None = _knob(
        None,
        "REELWRIGHT_KEY_VIDEO_SECONDS_PER_DAY",
        "Seconds of video that an API key may ask for in a day (UTC); empty: no limit.",
        ge=1,
        le=10**9,
    )
    key_pixel_frames_per_day: int | None = _knob(
        None,
        "REELWRIGHT_KEY_PIXEL_FRAMES_PER_DAY",
        "Pixels (width × height × frames) that an API key may ask for in a day (UTC); empty: no limit.",
        ge=1,
        le=10**15 - 1,
    )
    key_stored_gb: float | None = _knob(
        None,
        "REELWRIGHT_KEY_STORED_GB",
        "GB of finished videos from which on an API key may not make more; empty: no limit.",
        gt=0,
        le=900_000,
    )
    insecure_no_auth: bool = _knob(
        False, "REELWRIGHT_INSECURE_NO_AUTH", "Listen on a public address without API keys. Anybody can use the server."
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = _knob(
        (),
        "REELWRIGHT_ALLOWED_HOSTS",
        "Host names, comma-separated, that a server on loopback accepts in the `Host` header besides its own.",
    )
    refused_words: Annotated[tuple[str, ...], NoDecode] = _knob(
        (),
        "REELWRIGHT_REFUSED_WORDS",
        "Words and phrases that no prompt may hold, comma-separated; `@/path/to/file` reads them from a file, one a "
        "line.",
    )
    moderation_url: str | None = _knob(
        None,
        "REELWRIGHT_MODERATION_URL",
        "Address of a service with the interface of OpenAI's moderation endpoint; it is asked about each prompt before "
        "a job is accepted.",
    )
    moderation_token: str | None = _knob(
        None, "REELWRIGHT_MODERATION_TOKEN", "Bearer token for the moderation service.", repr=False
    )
    moderation_timeout_s: float = _knob(
        5.0, "REELWRIGHT_MODERATION_TIMEOUT_S", "Seconds that the moderation service may take.", gt=0, le=60
    )
    moderation_fail: Literal["open", "closed"] = _knob(
        "closed",
        "REELWRIGHT_MODERATION_FAIL",
        "While the moderation service does not answer, prompts are refused (`closed`) or accepted (`open`).",
    )
    mcp: bool = _knob(
        False,
        "REELWRIGHT_MCP",
        "Offer tools for AI assistants at `/mcp` (Model Context Protocol). Needs the extra `mcp`.",
    )
    root_path: str = _knob(
        "",
        "REELWRIGHT_ROOT_PATH",
        "Path prefix under which a proxy serves this server, e.g. `/reel`; addresses in answers begin with it.",
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = _knob(
        (),
        AliasChoices("REELWRIGHT_TRUSTED_PROXIES", "FORWARDED_ALLOW_IPS"),
        "Addresses and networks of proxies whose `X-Forwarded-For`, `-Proto` and `-Prefix` are believed, "
        "comma-separated; `*`: those of every sender. Also read under uvicorn's name, `FORWARDED_ALLOW_IPS`.",
    )
    allowed_networks: Annotated[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...], NoDecode] = _knob(
        (),
        "REELWRIGHT_ALLOWED_NETWORKS",
        "Networks of your own that image URLs and webhooks may reach, e.g. 10.0.0.0/8,192.168.1.7; empty: none.",
    )
    workers: int | None = _knob(
        None,
        "REELWRIGHT_WORKERS",
        "Child processes of each engine; empty: one, and for `local` one per GPU; 0: this server renders nothing, "
        "`reelwright worker` processes do.",
        ge=0,
        le=64,
    )
    worker_port: int | None = _knob(
        None,
        "REELWRIGHT_WORKER_PORT",
        "Port on which `reelwright worker` answers /health, /ready and /metrics; empty: none.",
        ge=0,
        le=65535,
    )
    keep_warm_s: float | None = _knob(
        None,
        "REELWRIGHT_KEEP_WARM_S",
        "Seconds between two requests that keep a dedicated Hugging Face endpoint awake; empty: none are sent.",
        ge=5,
    )
    upscalers_dir: Path | None = _knob(
        None,
        "REELWRIGHT_UPSCALERS_DIR",
        "Folder of upscaling models: `.safetensors` files with the factor in the name, such as `4x-name.safetensors`; "
        "empty: `upscale` is not offered. Needs the extra `upscale`.",
    )
    upscale_device: Literal["auto", "cpu", "cuda", "mps"] = _knob(
        "auto",
        "REELWRIGHT_UPSCALE_DEVICE",
        "Where upscaling models run; `auto`: on a GPU that torch can use, else the CPU.",
    )
    log_format: Literal["console", "json"] | None = _knob(
        None, "REELWRIGHT_LOG_FORMAT", "`console` or `json`; default: console in development, json in production."
    )
    log_level: Literal["debug", "info", "warning", "error"] = _knob(
        "info", "REELWRIGHT_LOG_LEVEL", "Lowest level of log lines that are written."
    )
    max_body_mb: float = _knob(16, "REELWRIGHT_MAX_BODY_MB", "Largest request body, in MB.", gt=0, le=1024)
    max_bodies_mb: float = _knob(
        256,
        "REELWRIGHT_MAX_BODIES_MB",
        "Largest size of all request bodies being received at the same time, in MB; what exceeds it gets 503.",
        gt=0,
        le=1_048_576,
    )
    max_connections: int = _knob(
        2_000,
        "REELWRIGHT_MAX_CONNECTIONS",
        "Open connections at the same time; fewer if the process may open fewer files (`ulimit -n`).",
        ge=8,
        le=1_000_000,
    )
    max_queued: int = _knob(
        10_000, "REELWRIGHT_MAX_QUEUED", "Jobs that may wait in the queue; further ones get 429.", ge=1
    )
    job_timeout_s: float = _knob(
        900,
        "REELWRIGHT_JOB_TIMEOUT_S",
        "Seconds without progress after which a job fails; for a job at a provider, seconds in total.",
        gt=0,
    )
    job_limit_s: float | None = _knob(
        None,
        "REELWRIGHT_JOB_LIMIT_S",
        "Seconds that any job may take in total; empty or 0: no limit as long as it makes progress.",
        ge=0,
    )
    keep_days: float = _knob(30, "REELWRIGHT_KEEP_DAYS", "Days until a finished video expires.", gt=0, le=36_500)
    keep_gb: float | None = _knob(
        None,
        "REELWRIGHT_KEEP_GB",
        "Largest total size of finished videos, in GB; the least recently used are removed first. Empty: no limit.",
        gt=0,
    )
    audit_days: float = _knob(
        90,
        "REELWRIGHT_AUDIT_DAYS",
        "Days for which the audit log (who made, read and deleted what, who was refused) is kept; 0: none is written.",
        ge=0,
        le=36_500,
    )
    sweep_s: float = _knob(
        60,
        "REELWRIGHT_SWEEP_S",
        "Seconds between two clean-ups, which remove expired videos and files that belong to no video.",
        gt=0,
    )
    drain_s: float = _knob(
        20, "REELWRIGHT_DRAIN_S", "Seconds that running jobs are given to finish when the server stops.", ge=0
    )
    engine_memory_mb: int | None = _knob(
        None,
        "REELWRIGHT_ENGINE_MEMORY_MB",
        "Main memory that one engine process may allocate, in MB (Linux); empty: no limit.",
        ge=192,
    )

    engine_environment: Annotated[tuple[str, ...], NoDecode] = _knob(
        (),
        "REELWRIGHT_ENGINE_ENVIRONMENT",
        "Names of further environment variables that engine processes inherit, comma-separated; `MY_*`: all names that "
        "begin with `MY_`.",
    )

    @field_validator("allowed_networks", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        """After `_split_commas`: the last validator goes first."""
        return tuple(network(written) for written in value) if isinstance(value, tuple) else value

    @field_validator(
        "client_url",
        "api_keys",
        "allowed_hosts",
        "allowed_networks",
        "trusted_proxies",
        "comfyui_url",
        "upstream_url",
        "engine_environment",
        mode="before",
    )
    @classmethod
    def _split_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("refused_words", mode="before")
    @classmethod
    def _words(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        if value.startswith("@"):
            try:
                lines = Path(value[1:]).expanduser().read_text("utf-8").splitlines()
            except (OSError, ValueError) as error:
                raise ValueError(f"the file {value[1:]!r} cannot be read ({type(error).__name__})") from None
            return tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))
        return tuple(part.strip() for part in value.split(",") if part.strip())

    @field_validator("api_keys", mode="before")
    @classmethod
    def _some_keys(cls, value: object) -> object:
        """Commas without a key between them would ask nobody for one. Goes before `_split_commas`."""
        if isinstance(value, str) and value.strip() and not value.replace(",", "").strip():
            raise ValueError("there is no key between the commas; name one, or leave it empty")
        return value

    @field_validator("api_keys")
    @classmethod
    def _long_keys(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return long_keys(value)

    @field_validator("host")
    @classmethod
    def _without_brackets(cls, value: str) -> str:
        """An IPv6 address may stand in brackets, as in a URL; a name has no case."""
        return (value[1:-1] if value.startswith("[") and value.endswith("]") else value).lower()

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
        if "*" in value:
            raise ValueError("`*` cannot be combined with credentials, which the API allows; list the origins instead")
        return tuple(origin(written) for written in value)

    @field_validator("s3_bucket")
    @classmethod
    def _bucket(cls, value: str | None) -> str | None:
        if value is None or re.fullmatch(rf"(s3://)?{_BUCKET}(/{_PREFIX})*/?", value):
            return value
        raise ValueError(f"{value!r} is not a bucket; write it as bucket or bucket/prefix")

    @field_validator("s3_endpoint")
    @classmethod
    def _server(cls, value: str | None) -> str | None:
        if value is None or re.fullmatch(r"https?://[^/?#@\s]+/?", value):
            return value.rstrip("/") if value else value
        raise ValueError(f"{value!r} is not the address of a server; write it as https://s3.example.com")

    @field_validator("data_dir", "comfyui_workflows")
    @classmethod
    def _at_home(cls, value: Path) -> Path:
        try:
            return value.expanduser()
        except RuntimeError:
            raise ValueError(f"{str(value)!r} begins with the home of a user who is not known here") from None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _EnvFile(settings_cls)

    @field_validator("root_path")
    @classmethod
    def _prefix(cls, value: str) -> str:
        prefix = value.rstrip("/")
        if prefix and not re.fullmatch(r"(/(?!\.\.?(/|$))[A-Za-z0-9._~-]+)+", prefix):
            raise ValueError(f"{value!r} is not a path; write it as /reel")
        return prefix

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            try:
                _ = one == "*" or ipaddress.ip_network(one)
            except ValueError:
                raise ValueError(f"{one!r} is not an address; write 10.0.0.7, 10.0.0.0/8 or *") from None
        return value

    @property
    def bucket(self) -> tuple[str, str] | None:
        """The bucket and the prefix within it; None when files live in the data directory."""
        if self.s3_bucket is None:
            return None
        bucket, _, prefix = self.s3_bucket.removeprefix("s3://").strip("/").partition("/")
        return bucket, prefix

    @property
    def log_as(self) -> Literal["console", "json"]:
        return self.log_format or ("json" if self.production else "console")

    @property
    def provider_keys(self) -> dict[str, str | None]:
        """The providers' own keys by their names in the environment. Our clients' keys are not among them: Replicate's
        client, used with this server, sends one as REPLICATE_API_TOKEN."""
        keys = {
            "FAL_KEY": self.fal_key,
            "REPLICATE_API_TOKEN": self.replicate_api_token,
            "TOGETHER_API_KEY": self.together_api_key,
            "WAVESPEED_API_KEY": self.wavespeed_api_key,
            "NOVITA_API_KEY": self.novita_api_key,
        }
        return {name: key for name, key in keys.items() if key not in self.api_keys}

    @property
    def production(self) -> bool:
        return self.node_env == "production"

    @property
    def must_ask(self) -> bool:
        """True when other machines can reach the server and only a key of the database can keep strangers out."""
        return not (self.loopback or self.api_keys or self.insecure_no_auth)

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
    alias = Settings.model_fields[field].validation_alias
    return str(alias.choices[0] if isinstance(alias, AliasChoices) else alias)


def no_keys(host: str) -> ConfigurationError:
    """The error for a server that other machines can reach, where there is no key at all."""
    return ConfigurationError(
        f"HOST={host} lets other machines in, but there is no API key. Make one with `reelwright keys create`, set "
        "REELWRIGHT_API_KEYS, keep HOST=localhost, or pass --insecure-no-auth if anybody may use this server."
    )


def load_settings(*, open_api: bool = True, **flags: Any) -> Settings:
    """The settings in force; `flags` win over the environment. Raises `ConfigurationError` naming each bad value.

    `open_api`: what listens takes jobs, so on a public address it asks for keys.
    """
    given = {environment_name(name): value for name, value in flags.items() if value is not None}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        lines = [
            f"{problem['loc'][0]}: {problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors(include_input=False)
        ]
        raise ConfigurationError("Invalid settings. " + "; ".join(lines)) from None
    if (
        open_api
        and settings.must_ask
        and not settings.database_url
        and not (settings.data_dir / "reelwright.db").exists()
    ):
        raise no_keys(settings.host)
    if settings.downloads == "redirect" and settings.bucket is None:
        raise ConfigurationError(
            "REELWRIGHT_DOWNLOADS=redirect needs a bucket to send clients to: set REELWRIGHT_S3_BUCKET, or use proxy."
        )
    if (settings.aws_access_key_id is None) != (settings.aws_secret_access_key is None) and settings.bucket:
        raise ConfigurationError("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together: set both, or neither.")
    return settings
