"""When the engine counts as configured, and what is said where it does not."""

from __future__ import annotations

from typing import Any

import pytest

from reelwright.engines.catalog import Catalog
from reelwright.engines.choice import offer_engines
from tests.engines.huggingface.stage import TEXT_MODEL
from tests.fakes.huggingface import KEYS, TOKEN


def offered(token: str | None = None, options: dict[str, Any] | None = None, **keys: str) -> Catalog:
    return offer_engines(
        "auto",
        token=token,
        endpoint_token=None,
        provider_keys=keys,
        options={"huggingface": options or {}},
        aliases={},
        memory_mb=None,
    )


@pytest.mark.parametrize(
    ("token", "keys", "reason"),
    [
        (TOKEN, {}, "HF_TOKEN is set; each video is billed to its account"),
        (None, {"FAL_KEY": KEYS["fal-ai"]}, "FAL_KEY is set; each video is billed to its account"),
        (
            TOKEN,
            {"NOVITA_API_KEY": KEYS["novita"]},
            "HF_TOKEN and NOVITA_API_KEY are set; each video is billed to one of their accounts",
        ),
    ],
)
def test_a_token_or_a_key_makes_it_the_default(token: str | None, keys: dict[str, str], reason: str) -> None:
    catalog = offered(token, **keys)
    assert (catalog.default, catalog.reason) == ("huggingface", reason)
    told = catalog.offers["huggingface"].spec.environment
    assert {name: told[name] for name in keys} == keys
    for name, offer in catalog.offers.items():
        assert name == "huggingface" or not set(keys) & set(offer.spec.environment)


@pytest.mark.parametrize(
    ("options", "keys", "problem"),
    [
        ({}, {}, "Server configuration error: HF_TOKEN is not set"),
        (
            {"text_to_video": [["fal-ai", TEXT_MODEL], ["replicate", TEXT_MODEL]], "image_to_video": []},
            {"TOGETHER_API_KEY": KEYS["together"]},
            "No key is set: fal-ai needs FAL_KEY, replicate needs REPLICATE_API_TOKEN, or HF_TOKEN",
        ),
        (
            {},
            {"REPLICATE_API_TOKEN": "any"},
            "REPLICATE_API_TOKEN is too short for a key. Copy it anew from the provider's page, or remove it.",
        ),
    ],
)
def test_what_is_missing_is_said(options: dict[str, Any], keys: dict[str, str], problem: str) -> None:
    catalog = offered(None, options, **keys)
    assert catalog.default != "huggingface"
    offer = catalog.offers["huggingface"]
    assert (offer.problem, bool(offer.cards)) == (problem, True)
