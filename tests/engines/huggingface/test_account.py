from __future__ import annotations

from typing import Any

import pytest

from reelwright.engines.huggingface.access import HOMES
from reelwright.engines.huggingface.account import PERMISSION, TokenCheck, check_key, check_token
from tests.fakes.huggingface import KEYS, TOKEN, FakeHuggingFace, Reply, rewriting


def check(fake: FakeHuggingFace, token: str | None = TOKEN) -> TokenCheck:
    return check_token(token, transport=rewriting(fake.port), seconds=0.3)


def fine_grained(**grained: Any) -> dict[str, Any]:
    return {"name": "ada", "auth": {"accessToken": {"role": "fineGrained", "fineGrained": grained}}}


@pytest.mark.parametrize(
    "account",
    [
        {"name": "ada", "auth": {"accessToken": {"role": "read"}}},
        fine_grained(**{"global": [PERMISSION]}),
        fine_grained(scoped=[{"entity": {"name": "ada"}, "permissions": ["repo.read", PERMISSION]}]),
    ],
)
def test_a_good_token(fake: FakeHuggingFace, account: dict[str, Any]) -> None:
    fake.account = account
    found = check(fake)
    assert (found.ok, found.account) == (True, "ada")


def test_a_token_without_the_permission(fake: FakeHuggingFace) -> None:
    fake.account = fine_grained(scoped=[{"entity": {"name": "ada"}, "permissions": ["repo.read"]}])
    found = check(fake)
    assert not found.ok
    assert "lacks the Inference Providers permission" in found.message


@pytest.mark.parametrize("token", [None, ""])
def test_no_token(fake: FakeHuggingFace, token: str | None) -> None:
    assert "HF_TOKEN is not set" in check(fake, token).message
    assert fake.log == []


def test_a_wrong_token(fake: FakeHuggingFace) -> None:
    assert "does not accept" in check(fake, "hf_wrong").message


@pytest.mark.parametrize("reply", [Reply(status=500), Reply(hang=True), Reply(body=b"<html>")])
def test_a_hub_that_does_not_answer(fake: FakeHuggingFace, reply: Reply) -> None:
    fake.script("whoami", reply)
    found = check(fake)
    assert not found.ok
    assert "could not be asked" in found.message


@pytest.mark.parametrize("provider", HOMES)
def test_a_providers_key_is_tested_without_starting_anything(fake: FakeHuggingFace, provider: str) -> None:
    transport = rewriting(fake.port)
    found = check_key(provider, KEYS[provider], transport=transport)
    assert (found.ok, found.message) == (True, f"{provider} accepts it; its account is billed for each video.")
    refused = check_key(provider, "another key", transport=transport)
    assert (refused.ok, HOMES[provider].variable in refused.message) == (False, True)
    assert {entry.method for entry in fake.log} == {"GET"}


@pytest.mark.parametrize("reply", [Reply(status=500), Reply(status=403), Reply(hang=True)])
def test_a_provider_that_does_not_tell(fake: FakeHuggingFace, reply: Reply) -> None:
    fake.script("account", reply)
    assert check_key("fal-ai", KEYS["fal-ai"], transport=rewriting(fake.port), seconds=0.3).ok is None
