"""What the options of engines with upstreams have in common. Raises `ConfigurationError`."""

from __future__ import annotations

import re

from reelwright.errors import ConfigurationError

AUTHORIZATION = "Authorization"
"""The header that carries a token unless the option `auth_header` names another one."""


def check_auth_header(engine: str, name: object) -> None:
    """Refuse what is not the name of a header (RFC 9110, the letters that are in use)."""
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9-]{1,64}", name):
        raise ConfigurationError(
            f"Invalid auth_header of the {engine} engine: {name!r}. Give a header's name, Authorization or X-API-Key."
        )


def token_headers(token: str | None, name: str) -> dict[str, str]:
    """How the token is sent in the header `name`: bare, or as a bearer token in `Authorization` (RFC 6750)."""
    if not token:
        return {}
    return {name: f"Bearer {token}" if name.lower() == AUTHORIZATION.lower() else token}
