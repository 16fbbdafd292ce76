"""What Hugging Face's answers say about the token and the account; the rest is as with every upstream."""

from __future__ import annotations

from collections.abc import Mapping

from reelwright.engines.upstream.outcomes import Fault, Scrubber, from_status
from reelwright.errors import Code


def from_hub(status: int, headers: Mapping[str, str], text: str, upstream: str, scrub: Scrubber) -> Fault:
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
    return Fault(message, code=code, details=scrub(text), status=status)
