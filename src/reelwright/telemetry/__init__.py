"""Traces for OpenTelemetry: whether they are asked for, by the environment variables that all programs share for it.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/. The SDK itself comes with the extra
`telemetry` and is imported only when traces are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping

from reelwright.errors import ConfigurationError
from reelwright.tracing import NO_TRACES, Tracer

PREFIX = "OTEL_"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_DEFAULT_ENDPOINT = "http://localhost:4318"


def destination(environment: Mapping[str, str]) -> str | None:
    """Where traces are to be sent; None when they are not asked for. Raises `ConfigurationError`."""
    exporter = environment.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    named = next((value for name in _ENDPOINTS if (value := environment.get(name, "").strip())), None)
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or exporter == "none":
        return None
    if exporter not in ("", "otlp"):
        raise ConfigurationError(f"OTEL_TRACES_EXPORTER={exporter} is not known here. Set it to otlp or none.")
    if named is None and not exporter:
        return None
    protocol = next((value for name in _PROTOCOLS if (value := environment.get(name, "").strip())), "http/protobuf")
    if protocol != "http/protobuf":
        raise ConfigurationError(
            f"OTEL_EXPORTER_OTLP_PROTOCOL={protocol} is not spoken here. Set it to http/protobuf and "
            "OTEL_EXPORTER_OTLP_ENDPOINT to the receiver's HTTP port (most often 4318)."
        )
    return named or _DEFAULT_ENDPOINT


def open_tracer(environment: Mapping[str, str]) -> Tracer:
    """`NO_TRACES`, unless traces are asked for. Raises `ConfigurationError` when they cannot be had.

    The SDK reads its other variables (headers, sampler, resource, limits) from the process's environment.
    """
    if destination(environment) is None:
        return NO_TRACES
    try:
        from reelwright.telemetry import spans
    except ImportError:
        raise ConfigurationError(
            "Traces are asked for (OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_TRACES_EXPORTER is set), but OpenTelemetry's "
            "SDK is not installed. Run pip install 'reelwright[telemetry]', or set OTEL_TRACES_EXPORTER=none."
        ) from None
    return spans.open_tracer()
