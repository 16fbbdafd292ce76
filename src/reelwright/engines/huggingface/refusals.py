"""Errors for answers about the token, the key or its account; all others are as with every upstream."""

from __future__ import annotations

import re
from collections.abc import Mapping

from reelwright.engines.huggingface.access import HOMES
from reelwright.engines.upstream.outcomes import NextStep, Scrubber, UpstreamError, from_status
from reelwright.errors import Code

_SPENT = re.compile(r"balance|credit|billing|payment", re.IGNORECASE)
"""fal and Novita answer 403, not 402, to an account without money."""


def from_hub(status: int, headers: Mapping[str, str], text: str, upstream: str, scrub: Scrubber) -> UpstreamError:
    """The fault of an answer of 400 or more of the hub, its router, or a provider behind it."""
    match status:
        case 401:
            code, message = Code.UPSTREAM_UNAUTHORIZED, "Hugging Face does not accept the token."
        case 402:
            code, message = Code.UPSTREAM_PAYMENT_REQUIRED, "The Hugging Face account is out of credits."
        case 403 if headers.get("x-error-code") == "GatedRepo":
            code = Code.UPSTREAM_FORBIDDEN
            message = "The model is gated: accept its licence on its Hugging Face page."
        case _:
            return from_status(status, headers, text, upstream, scrub)
    return UpstreamError(message, code=code, details=scrub(text), status=status)


def from_provider(status: int, headers: Mapping[str, str], text: str, provider: str, scrub: Scrubber) -> UpstreamError:
    """The fault of an answer of 400 or more of a provider that was asked with its own key.

    An error about this provider's key or account does not concern other providers, so the next one is asked.
    """
    variable = HOMES[provider].variable
    match status:
        case 401:
            code, message = Code.UPSTREAM_UNAUTHORIZED, f"{provider} does not accept {variable}."
        case 402 | 403 if status == 402 or _SPENT.search(text):
            code, message = Code.UPSTREAM_PAYMENT_REQUIRED, f"The account at {provider} is out of credits."
        case 403:
            code, message = Code.UPSTREAM_FORBIDDEN, f"{provider} forbids this: {variable} lacks a permission."
        case _:
            return from_status(status, headers, text, provider, scrub)
    details = scrub(f"{message} {text}")
    return UpstreamError(message, code=code, next_step=NextStep.NEXT, unhealthy=True, details=details, status=status)
