"""Prompts that this server refuses: by its words, and by a service that it asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.api.asks import PATH, SMALL
from tests.contract import checking
from tests.fakes.judge import Judge
from tests.servers import ServerProcess

REPLICATE = "/v1/models/reelwright/default/predictions"
DIALECTS = {
    "native": (PATH, lambda prompt: {"prompt": prompt, **SMALL}),
    "openai": ("/v1/videos", lambda prompt: {"prompt": prompt, "size": "64x64"}),
    "huggingface": ("/models/reelwright/default", lambda prompt: {"inputs": prompt}),
    "replicate": (REPLICATE, lambda prompt: {"input": {"prompt": prompt}}),
    "openrouter": ("/api/v1/videos", lambda prompt: {"model": "reelwright/default", "prompt": prompt}),
}


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge() as judge:
        yield judge


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, judge: Judge) -> Iterator[httpx2.Client]:
    folder = tmp_path_factory.mktemp("strict")
    (folder / "words").write_text("# not here\ngore\nRed  Button\n暴力\n", encoding="utf-8")
    environment = {
        "REELWRIGHT_REFUSED_WORDS": f"@{folder / 'words'}",
        "REELWRIGHT_MODERATION_URL": judge.url,
        "REELWRIGHT_MODERATION_TOKEN": "judge-token",
        "REELWRIGHT_MODERATION_TIMEOUT_S": "0.5",
    }
    running = ServerProcess(folder / "data", **environment).start()
    with checking(running.url) as client:
        yield client
    assert running.stop() == 0


@pytest.fixture
def fair(judge: Judge) -> Iterator[None]:
    judge.asked.clear()
    yield
    judge.status, judge.silent = 200, False


def post(client: httpx2.Client, prompt: str, **fields: object) -> httpx2.Response:
    return client.post(PATH, json={"prompt": prompt, **SMALL, **fields}, headers={"Prefer": "respond-async"})


@pytest.mark.usefixtures("fair")
@pytest.mark.parametrize("prompt", ["GORE, much of it", "she pressed the red button", "ｇｏｒｅ", "一场暴力的战斗"])
def test_a_refused_word_is_named(strict: httpx2.Client, judge: Judge, prompt: str) -> None:
    answer = post(strict, prompt)
    assert answer.status_code == 422
    told = answer.json()
    assert (told["error"], told["field"]) == ("Prompt refused by the provider", "prompt")
    assert "Leave it out" in told["details"]
    assert judge.asked == []  # nobody else need see it
    assert strict.get("/v1/videos").json()["data"] == []


@pytest.mark.usefixtures("fair")
@pytest.mark.parametrize("prompt", ["a gorent of gorge", "a button, red", "a fox"])
def test_words_are_whole_ones(strict: httpx2.Client, judge: Judge, prompt: str) -> None:
    answer = post(strict, prompt, negative_prompt="gore")
    assert answer.status_code == 202, answer.text
    [(headers, body)] = judge.asked
    assert headers["authorization"] == "Bearer judge-token"
    assert body["input"][0] == prompt
    assert strict.delete(f"/v1/videos/{answer.json()['id']}").status_code == 200


@pytest.mark.usefixtures("fair")
@pytest.mark.parametrize("name", DIALECTS)
def test_what_the_service_flags_is_refused_in_every_dialect(strict: httpx2.Client, name: str) -> None:
    path, body = DIALECTS[name]
    answer = strict.post(path, json=body("an act of violence"))
    assert answer.status_code == 422, answer.text
    assert "violence" in answer.text or name != "native"
    assert strict.get("/v1/videos").json()["data"] == []


@pytest.mark.usefixtures("fair")
@pytest.mark.parametrize("fault", ["status", "silent"])
def test_where_the_service_does_not_answer_nothing_is_taken(strict: httpx2.Client, judge: Judge, fault: str) -> None:
    judge.status, judge.silent = (500, False) if fault == "status" else (200, True)
    answer = post(strict, "a fox")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert "moderation service" in answer.json()["error"]


def test_open_and_in_the_plain_form(tmp_path: Path) -> None:
    with Judge(plain=True) as judge:
        environment = {"REELWRIGHT_MODERATION_URL": judge.url, "REELWRIGHT_MODERATION_FAIL": "open"}
        with ServerProcess(tmp_path / "data", **environment) as running, checking(running.url) as client:
            refused = post(client, "an act of violence")
            assert (refused.status_code, refused.json()["details"]) == (422, "No fights here.")
            judge.status = 500
            assert post(client, "an act of violence").status_code == 202
