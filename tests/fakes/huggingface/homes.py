"""The providers' own hosts: whose key each one takes, how it refuses another one, what it says of an account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

KEYS: Mapping[str, str] = {
    "fal-ai": "0f7b1c52-5a4e-4c1b-9d3e-3f6f2a8e6d10:" + "5c" * 16,
    "replicate": "r8_" + "Qz7" * 12,
    "together": "9e" * 32,
    "wavespeed": "7d" * 32,
    "novita": "sk_" + "uV9" * 14,
}
"""The one key that each provider accepts."""

HOSTS: Mapping[str, str] = {
    "queue.fal.run": "fal-ai",
    "fal.run": "fal-ai",
    "api.fal.ai": "fal-ai",
    "api.replicate.com": "replicate",
    "api.together.xyz": "together",
    "api.wavespeed.ai": "wavespeed",
    "api.novita.ai": "novita",
}

_REFUSALS: Mapping[str, dict[str, Any]] = {
    "fal-ai": {"detail": "Cannot access application. Authentication is required to access this application."},
    "replicate": {"title": "Unauthenticated", "detail": "You did not pass a valid authentication token", "status": 401},
    "together": {"error": {"message": "Invalid API key provided", "type": "invalid_request_error"}},
    "wavespeed": {"code": 401, "message": "Unauthorized"},
    "novita": {"code": 401, "reason": "INVALID_API_KEY", "message": "invalid api key"},
}

ACCOUNTS: Mapping[tuple[str, str], dict[str, Any]] = {
    ("fal-ai", "/v1/models/pricing"): {"prices": [{"endpoint_id": "fal-ai/flux/schnell", "unit_price": 0.003}]},
    ("replicate", "/v1/account"): {"type": "user", "username": "ada", "name": "Ada"},
    ("together", "/v1/models"): {"data": [{"id": "black-forest-labs/FLUX.1-schnell", "object": "model"}]},
    ("wavespeed", "/api/v3/balance"): {"code": 200, "message": "success", "data": {"balance": 7.5}},
    ("novita", "/v3/user/balance"): {"availableBalance": 70000},
}


def authorization(provider: str) -> str:
    """The header that the provider's own service wants."""
    return f"{'Key' if provider == 'fal-ai' else 'Bearer'} {KEYS[provider]}"


def refusal(provider: str) -> tuple[int, dict[str, Any]]:
    return 401, _REFUSALS[provider]
