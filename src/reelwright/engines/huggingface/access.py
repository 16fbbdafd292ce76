"""Which key pays at which provider: the provider's own key, or the Hugging Face token where there is none. Pure data.

A provider with a key of its own is asked at its own address, the others through Hugging Face's router with the token.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

from reelwright.engines.upstream.outcomes import UpstreamError
from reelwright.errors import Code, EngineError

TOKEN_VARIABLE = "HF_TOKEN"
TOKEN_BEGINS = "hf_"
LEAST_CHARACTERS = 16
"""The least length of a key: no provider's is shorter. It keeps out placeholders such as `any`."""
_PART_CHARACTERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A provider's own service.

    `variable`: the key's name in the environment, as in the provider's own client. `origins`: who is sent the key.
    `scheme`: the word before it in the header `Authorization`. `account`: an address that costs nothing to GET and that
    refuses a key that is not good.
    """

    variable: str
    origins: tuple[str, ...]
    scheme: str = "Bearer"
    account: str


HOMES: Mapping[str, Home] = {
    "fal-ai": Home(
        variable="FAL_KEY",
        origins=("https://queue.fal.run", "https://fal.run"),
        scheme="Key",
        account="https://api.fal.ai/v1/models/pricing?endpoint_id=fal-ai/flux/schnell",
    ),
    "replicate": Home(
        variable="REPLICATE_API_TOKEN",
        origins=("https://api.replicate.com",),
        account="https://api.replicate.com/v1/account",
    ),
    "together": Home(
        variable="TOGETHER_API_KEY",
        origins=("https://api.together.xyz",),
        account="https://api.together.xyz/v1/models",
    ),
    "wavespeed": Home(
        variable="WAVESPEED_API_KEY",
        origins=("https://api.wavespeed.ai",),
        account="https://api.wavespeed.ai/api/v3/balance",
    ),
    "novita": Home(
        variable="NOVITA_API_KEY",
        origins=("https://api.novita.ai",),
        account="https://api.novita.ai/v3/user/balance",
    ),
}
"""Addresses as in huggingface_hub 2.4; accounts by docs.fal.ai/platform-apis, replicate.com/docs/reference/http,
docs.together.ai/reference/models, wavespeed.ai/docs/docs-common-api/balance and novita.ai/docs."""
VARIABLES: Mapping[str, str] = {home.variable: provider for provider, home in HOMES.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """`keys` are by the provider's name. `flaws`: what is wrong with a key that is not used, by its variable."""

    token: str | None = field(default=None, repr=False)
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    flaws: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, token: str | None, variables: Mapping[str, str | None]) -> Self:
        """`variables`: the keys by their names in the environment; other names are passed over."""
        keys, flaws = {}, {}
        for variable, provider in VARIABLES.items():
            if key := (variables.get(variable) or "").strip():
                if flaw := _flaw(variable, key):
                    flaws[variable] = flaw
                else:
                    keys[provider] = key
        return cls(token=(token or "").strip() or None, keys=keys, flaws=flaws)

    def __bool__(self) -> bool:
        return bool(self.token or self.keys)

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the variables that are set."""
        own = tuple(HOMES[provider].variable for provider in self.keys)
        return ((TOKEN_VARIABLE,) if self.token else ()) + own

    @property
    def secrets(self) -> tuple[str, ...]:
        """All texts that must not be shown: keys, the token, and both parts of fal's key, since fal shows them
        separately."""
        whole = ((self.token,) if self.token else ()) + tuple(self.keys.values())
        parts = (part for key in self.keys.values() if ":" in key for part in key.split(":"))
        return whole + tuple(part for part in parts if len(part) >= _PART_CHARACTERS)

    @property
    def bound(self) -> Mapping[str, tuple[str, ...]]:
        """Each provider's key and the origins that it may be sent to."""
        return {key: HOMES[provider].origins for provider, key in self.keys.items()}

    def reaches(self, provider: str) -> bool:
        return self.token is not None or provider in self.keys

    def key(self, provider: str) -> str:
        """The key, or the token, for a new job at `provider`. Raises `EngineError` when there is neither,
        `UpstreamError` when the token cannot be one."""
        return self.keys.get(provider) or self._checked_token(provider)

    def header(self, provider: str, *, direct: bool) -> str:
        """`Authorization` for a job that was sent to the provider itself (`direct`) or through the router.

        Raises as `key` does.
        """
        if not direct:
            return f"Bearer {self._checked_token(provider)}"
        if provider not in self.keys:
            variable = HOMES[provider].variable if provider in HOMES else "its key"
            message = f"The job at {provider} was sent with {variable}, which is not set any more."
            raise EngineError(message, code=Code.ENGINE_NOT_CONFIGURED)
        return f"{HOMES[provider].scheme} {self.keys[provider]}"

    def _checked_token(self, provider: str) -> str:
        if self.token is None:
            raise EngineError(f"{lack((provider,))}.", code=Code.ENGINE_NOT_CONFIGURED)
        if not self.token.startswith(TOKEN_BEGINS):
            # The library would take it for a provider's own key and send it there.
            raise UpstreamError(
                "HF_TOKEN is not a Hugging Face token.",
                code=Code.UPSTREAM_UNAUTHORIZED,
                details="Hugging Face tokens begin with hf_. Make one at https://huggingface.co/settings/tokens.",
            )
        return self.token


def lack(providers: Iterable[str]) -> str:
    """What must be set so that these can be asked, as the beginning of a sentence."""
    own = [f"{provider} needs {HOMES[provider].variable}" for provider in dict.fromkeys(providers) if provider in HOMES]
    if not own:
        return f"{TOKEN_VARIABLE} is not set"
    return f"No key is set: {', '.join(own)}, or {TOKEN_VARIABLE}"


def home_at(url: str) -> str | None:
    """The provider whose own service is at `url`."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    return next((provider for provider, home in HOMES.items() if origin in home.origins), None)


def _flaw(variable: str, key: str) -> str | None:
    if key.startswith(TOKEN_BEGINS):
        # The library would send such a key to the router, and the wrong account would be billed.
        return f"{variable} is a Hugging Face token. Put it into {TOKEN_VARIABLE}."
    if not key.isascii() or not key.isprintable() or " " in key:
        return f"{variable} has characters that no key has. Copy it anew from the provider's page."
    if len(key) < LEAST_CHARACTERS:
        return f"{variable} is too short for a key. Copy it anew from the provider's page, or remove it."
    return None
