"""The token and the providers' own keys, tested without cost: do they work, and may they start generations?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelwright.engines.huggingface.access import HOMES

if TYPE_CHECKING:
    import httpx2

PERMISSION = "inference.serverless.write"
"""The hub's name of "Make calls to Inference Providers"."""
TOKENS_PAGE = "https://huggingface.co/settings/tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCheck:
    """`message` says what is so, or what to do next. `account` is the user's name at the hub."""

    ok: bool
    message: str
    account: str | None = None


def check_token(
    token: str | None, *, transport: httpx2.BaseTransport | None = None, seconds: float = 10.0
) -> TokenCheck:
    """Ask the hub who the token belongs to and what it may do. Raises nothing for a bad token or a missing network."""
    if not token:
        return TokenCheck(ok=False, message=f"HF_TOKEN is not set. Make a token at {TOKENS_PAGE}.")
    import httpx2
    from huggingface_hub import constants
    from huggingface_hub.utils._headers import build_hf_headers

    url = f"{constants.ENDPOINT}/api/whoami-v2"
    try:
        with httpx2.Client(transport=transport, timeout=seconds) as client:
            response = client.get(url, headers=build_hf_headers(token=token))
        if response.status_code == 401:
            return TokenCheck(ok=False, message=f"The hub does not accept HF_TOKEN. Make a new one at {TOKENS_PAGE}.")
        response.raise_for_status()
        return _judge(response.json())
    except (httpx2.HTTPError, ValueError) as error:
        why = type(error).__name__
        return TokenCheck(ok=False, message=f"The hub could not be asked about HF_TOKEN ({why}). Check the network.")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyCheck:
    """`ok`: whether the key works; None: it could not be found out. `message` says the same in words."""

    ok: bool | None
    message: str


def check_key(
    provider: str, key: str, *, transport: httpx2.BaseTransport | None = None, seconds: float = 10.0
) -> KeyCheck:
    """Ask the provider something about the account that costs nothing. Raises nothing."""
    import httpx2

    home = HOMES[provider]
    try:
        with httpx2.Client(transport=transport, timeout=seconds) as client:
            response = client.get(home.account, headers={"authorization": f"{home.scheme} {key}"})
    except httpx2.HTTPError as error:
        why = type(error).__name__
        message = f"{provider} could not be asked about {home.variable} ({why}). Check the network."
        return KeyCheck(ok=None, message=message)
    if response.status_code == 401:
        return KeyCheck(ok=False, message=f"{provider} does not accept {home.variable}. Copy it anew from its page.")
    if not response.is_success:
        # A key may be good for videos and not for a look at the account.
        message = f"{provider} answered {response.status_code} about {home.variable}: it is not known whether it works."
        return KeyCheck(ok=None, message=message)
    return KeyCheck(ok=True, message=f"{provider} accepts it; its account is billed for each video.")


def _judge(account: Mapping[str, Any]) -> TokenCheck:
    name = str(account.get("name", "")) or None
    match account:
        case {"auth": {"accessToken": {"role": "fineGrained", "fineGrained": dict(grained)}}}:
            granted = set(grained.get("global", ()))
            for scope in grained.get("scoped", ()):
                granted.update(scope.get("permissions", ()))
            if PERMISSION not in granted:
                return TokenCheck(
                    ok=False,
                    account=name,
                    message="The token lacks the Inference Providers permission. Tick “Make calls to Inference "
                    f"Providers” for it at {TOKENS_PAGE}.",
                )
    return TokenCheck(ok=True, account=name, message=f"The token of {name} works and may call inference providers.")
