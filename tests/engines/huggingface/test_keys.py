"""Providers' own keys: who is asked, where, with what, and that no key goes to anybody else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from reelwright.engines.huggingface.access import HOMES, Access
from reelwright.engines.huggingface.card import cards
from reelwright.engines.huggingface.options import Options
from reelwright.errors import Code
from reelwright.testing import Recorder
from tests.engines.huggingface.stage import IMAGE_MODEL, PICTURE_MODEL, TEXT_MODEL, Stage
from tests.engines.remote import Running
from tests.fakes.huggingface import KEYS, TOKEN, FakeHuggingFace, Reply, picture

HOSTS = {
    "fal-ai": "queue.fal.run",
    "novita": "api.novita.ai",
    "replicate": "api.replicate.com",
    "together": "api.together.xyz",
    "wavespeed": "api.wavespeed.ai",
}
ROUTER = "router.huggingface.co"


@pytest.fixture
def own(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """All five keys, and no token."""
    monkeypatch.delenv("HF_TOKEN")
    for provider, home in HOMES.items():
        monkeypatch.setenv(home.variable, KEYS[provider])
    return stage


def hosts(fake: FakeHuggingFace, *steps: str) -> set[str]:
    return {entry.host for entry in fake.log if entry.step in steps}


@pytest.mark.parametrize("provider", HOSTS)
def test_a_provider_is_asked_at_its_own_address(own: Stage, fake: FakeHuggingFace, provider: str) -> None:
    report = Recorder()
    made = own.only(provider).generate(own.job(), report)

    assert made.clip.path is not None
    assert made.clip.path.read_bytes() == fake.clip
    assert hosts(fake, "submit", "status", "result") == {HOSTS[provider]}
    [sent] = fake.requests("submit")
    assert sent.headers["authorization"] == f"{HOMES[provider].scheme} {KEYS[provider]}"
    assert all("authorization" not in entry.headers for entry in fake.requests("hub") + fake.requests("cdn"))
    assert made.facts["provider"] == provider
    assert not any(key in json.dumps(report.checkpoints) for key in KEYS.values())

    again = own.only(provider).generate(own.job(checkpoint=report.checkpoints[-1]), Recorder())
    assert again.facts["resumed"] is True
    assert len(fake.requests("submit")) == 1


@pytest.mark.parametrize("provider", ["fal-ai", "together", "wavespeed"])
def test_an_image_is_sent_to_the_provider_itself(
    own: Stage, fake: FakeHuggingFace, tmp_path: Path, provider: str
) -> None:
    image = tmp_path / "input"
    image.write_bytes(picture())
    own.make(own.only(provider, IMAGE_MODEL), model=IMAGE_MODEL, image=image)
    assert hosts(fake, "submit", "status", "result") == {HOSTS[provider]}


@pytest.mark.parametrize("provider", ["fal-ai", "replicate", "together", "wavespeed"])
def test_the_picture_of_a_chain_is_made_with_the_providers_key(
    own: Stage, fake: FakeHuggingFace, provider: str
) -> None:
    chain = {"text_to_image": [provider, PICTURE_MODEL]}
    engine = own.engine(text_to_video=[], image_to_video=[["fal-ai", IMAGE_MODEL]], chain=chain)
    own.make(engine, model=IMAGE_MODEL)
    assert hosts(fake, "picture") == {"fal.run" if provider == "fal-ai" else HOSTS[provider]}


def test_who_has_no_key_is_asked_through_the_router(
    stage: Stage, fake: FakeHuggingFace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAL_KEY", KEYS["fal-ai"])
    fake.script("submit", Reply(status=500, body=b"no"), provider="fal-ai")
    made = stage.make(stage.engine())

    assert [entry.host for entry in fake.requests("submit")] == ["queue.fal.run", ROUTER]
    assert [(one["provider"], one["outcome"]) for one in made.facts["tries"]] == [
        ("fal-ai", "upstream_error"),
        ("replicate", "completed"),
    ]


@pytest.mark.parametrize(("provider", "method"), [("fal-ai", "PUT"), ("replicate", "POST")])
def test_a_cancel_goes_to_the_provider_itself(own: Stage, fake: FakeHuggingFace, provider: str, method: str) -> None:
    fake.polls = 1_000_000
    report = Recorder()
    job = Running(own.only(provider), own.job(), report)
    fake.wait_for("status", times=2)
    report.cancel()
    job.join()
    fake.wait_for("cancel")
    [cancel] = fake.requests("cancel")
    assert (cancel.method, cancel.host) == (method, HOSTS[provider])


def test_an_accepted_job_is_followed_the_way_it_was_sent(
    stage: Stage, fake: FakeHuggingFace, monkeypatch: pytest.MonkeyPatch
) -> None:
    routed = Recorder()
    stage.only("fal-ai").generate(stage.job(), routed)
    monkeypatch.setenv("FAL_KEY", KEYS["fal-ai"])
    stage.make(stage.only("fal-ai"), checkpoint=routed.checkpoints[-1])
    assert hosts(fake, "submit", "status", "result") == {ROUTER}

    direct = Recorder()
    stage.only("fal-ai").generate(stage.job(), direct)
    monkeypatch.delenv("FAL_KEY")
    fake.log.clear()
    error = stage.fail(stage.only("fal-ai"), checkpoint=direct.checkpoints[-1])
    assert error.code is Code.ENGINE_NOT_CONFIGURED
    assert error.message == "The job at fal-ai was sent with FAL_KEY, which is not set any more."
    assert fake.log == []


BALANCE = {"detail": "User is locked. Reason: Exhausted balance. Top up your balance."}


@pytest.mark.parametrize(
    ("reply", "code", "message"),
    [
        (
            Reply(status=401, body={"detail": "no"}),
            Code.UPSTREAM_UNAUTHORIZED,
            "replicate does not accept REPLICATE_API_TOKEN.",
        ),
        (
            Reply(status=402, body={"title": "Insufficient credit"}),
            Code.UPSTREAM_PAYMENT_REQUIRED,
            "The account at replicate is out of credits.",
        ),
        (
            Reply(status=403, body=BALANCE),
            Code.UPSTREAM_PAYMENT_REQUIRED,
            "The account at replicate is out of credits.",
        ),
        (
            Reply(status=403, body={"detail": "no"}),
            Code.UPSTREAM_FORBIDDEN,
            "replicate forbids this: REPLICATE_API_TOKEN lacks a permission.",
        ),
    ],
)
def test_an_account_that_is_no_good_leaves_the_others(
    own: Stage, fake: FakeHuggingFace, reply: Reply, code: Code, message: str
) -> None:
    fake.script("submit", reply, provider="replicate")
    error = own.fail(own.only("replicate"))
    assert (error.code, error.message) == (code, message)

    routes = [["replicate", TEXT_MODEL], ["fal-ai", TEXT_MODEL]]
    made = own.make(own.engine(text_to_video=routes))
    assert made.facts["provider"] == "fal-ai"


def test_an_upstream_that_tells_a_key_is_not_quoted(own: Stage, fake: FakeHuggingFace) -> None:
    secret = KEYS["fal-ai"].partition(":")[2]
    fake.script("submit", Reply(status=500, body=f"{KEYS['fal-ai']} and token={secret} are unknown".encode()))
    assert own.fail(own.only("fal-ai")).details == "[token] and token=[token] are unknown"


@pytest.mark.parametrize("step", ["submit", "status"])
def test_a_key_does_not_follow_a_redirect_to_another_provider(own: Stage, fake: FakeHuggingFace, step: str) -> None:
    fake.script(step, Reply(status=307, headers={"Location": "https://api.replicate.com/v1/account"}))
    assert own.fail(own.only("fal-ai")).code is Code.UPSTREAM_ERROR
    assert "api.replicate.com" not in {entry.host for entry in fake.log}


# --- the hub ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reply", [Reply(status=503, body=b"away"), Reply(hang=True), Reply(body=b"<html>")])
def test_the_default_models_are_known_without_the_hub(own: Stage, fake: FakeHuggingFace, reply: Reply) -> None:
    fake.script("hub", reply)
    assert own.make(own.engine()).facts["provider_model"] == "fal-ai/wan/v2.2-5b/text-to-video"

    fake.models["other/model"] = [("fal-ai", "fal-ai/other", "text-to-video")]
    error = own.fail(own.only("fal-ai", "other/model"), model="other/model")
    assert error.code in (Code.UPSTREAM_LOADING, Code.UPSTREAM_ERROR, Code.UPSTREAM_NOT_FOUND)
    assert len(fake.requests("submit")) == 1


def test_what_the_hub_said_last_is_kept(own: Stage, fake: FakeHuggingFace) -> None:
    fake.models["other/model"] = [("fal-ai", "fal-ai/other", "text-to-video")]
    engine = own.only("fal-ai", "other/model")
    own.make(engine, model="other/model")
    fake.script("submit", Reply(status=404, body={"detail": "no such application"}), Reply())
    own.fail(engine, model="other/model")
    fake.script("hub", Reply(status=500, body=b"oops"))
    own.make(engine, model="other/model")
    assert len(fake.requests("hub")) == 2, "asked again after the 404"


def test_a_route_with_the_providers_name_needs_no_hub(own: Stage, fake: FakeHuggingFace) -> None:
    engine = own.engine(text_to_video=[["fal-ai", "veo3", "fal-ai/veo3"], ["replicate", "veo3", "google/veo-3"]])
    fake.script("submit", Reply(status=500, body=b"no"), provider="fal-ai")
    made = own.make(engine, model="veo3")

    assert made.facts["provider_model"] == "google/veo-3"
    assert [entry.path for entry in fake.requests("submit")] == ["/fal-ai/veo3", "/v1/models/google/veo-3/predictions"]
    assert fake.requests("hub") == []


# --- what is configured -----------------------------------------------------------------------------------------------


def access(**variables: str) -> Access:
    return Access.of(None, variables)


def test_a_route_without_a_key_is_left_out() -> None:
    replicate = access(REPLICATE_API_TOKEN=KEYS["replicate"])
    [card] = cards({}, replicate)
    assert (card.model, card.description.partition(".")[0]) == (TEXT_MODEL, "Generated remotely by replicate")
    assert [str(route) for route in Options.parse({}, replicate).left_out] == [
        f"fal-ai:{TEXT_MODEL}",
        f"fal-ai:{IMAGE_MODEL}",
    ]


def test_a_provider_with_a_key_is_asked_by_default() -> None:
    parsed = Options.parse({}, access(NOVITA_API_KEY=KEYS["novita"], WAVESPEED_API_KEY=KEYS["wavespeed"]))
    assert [route.provider for route in parsed.text_to_video] == ["wavespeed", "novita"]


def test_a_chain_without_a_key_for_its_picture_takes_no_text() -> None:
    chain = {"chain": {"text_to_image": ["nscale", PICTURE_MODEL]}, "text_to_video": []}
    [card] = cards(chain, access(FAL_KEY=KEYS["fal-ai"]))
    assert [task.value for task in card.tasks] == ["image-to-video"]


@pytest.mark.parametrize(
    ("variables", "flaw"),
    [
        ({"FAL_KEY": TOKEN}, "FAL_KEY is a Hugging Face token. Put it into HF_TOKEN."),
        ({"REPLICATE_API_TOKEN": "any"}, "REPLICATE_API_TOKEN is too short for a key."),
        ({"NOVITA_API_KEY": "sk_ käy" * 9}, "NOVITA_API_KEY has characters that no key has."),
    ],
)
def test_a_key_that_cannot_be_one_is_not_used(variables: Mapping[str, str], flaw: str) -> None:
    found = Access.of(None, variables)
    assert not found
    assert [text[: len(flaw)] for text in found.flaws.values()] == [flaw]
