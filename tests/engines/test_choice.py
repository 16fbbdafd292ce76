"""Which engine is the default, and how the reason is told."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from reelwright.engines import choice
from reelwright.engines.catalog import Catalog, Offer
from reelwright.engines.child import Spec
from reelwright.engines.local import devices
from reelwright.errors import ConfigurationError
from reelwright.offers import offered
from reelwright.settings import load_settings

EXAMPLES = Path(__file__).parents[2] / "examples" / "comfyui"
URL = "http://127.0.0.1:8188"
PAID = "huggingface"


def offers(*working: str, **options: dict[str, object]) -> dict[str, Offer]:
    names, environment = ("comfyui", PAID, "local", "openai", "sketch"), {"HF_TOKEN": "hf_x"}
    return {
        name: Offer(
            spec=Spec(engine=name, options=options.get(name, {}), environment=environment if name == PAID else {}),
            cards=(SimpleNamespace(model=name, tasks=("text-to-video",), paid=name == PAID),),  # type: ignore[arg-type]
            problem=None if name in working else f"No {name} here",
        )
        for name in names
    }


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "look", lambda: SimpleNamespace(gpu=True))
    monkeypatch.setattr(devices, "installed_torch", lambda: None)


@pytest.mark.usefixtures("gpu")
def test_what_was_set_up_comes_first_and_what_may_bill_comes_after_what_is_free() -> None:
    endpoint = {"endpoint_url": "https://x.example"}
    everything = offers("comfyui", "huggingface", "local", "sketch", huggingface=endpoint)
    assert choice.choose(everything) == ("comfyui", "REELWRIGHT_COMFYUI_URL is set")
    upstream = offers("openai", "huggingface", "local", openai={"upstreams": ["http://gpu:8000"]})
    assert choice.choose(upstream) == ("openai", "REELWRIGHT_UPSTREAM_URL is set")
    hosted = offers("openai", openai={"upstreams": ["https://api.example.com"]})
    assert choice.choose(hosted)[1] == "REELWRIGHT_UPSTREAM_URL is set; its host may bill you for it"
    without = offers("huggingface", "local", "sketch", huggingface=endpoint)
    assert choice.choose(without) == ("huggingface", "an endpoint is configured; its host may bill you for it")
    assert choice.choose(offers("huggingface", "local", "sketch"))[0] == "local"
    token = ("huggingface", "HF_TOKEN is set; each video is billed to its account")
    assert choice.choose(offers("huggingface", "sketch")) == token
    assert choice.choose(offers("sketch"))[0] == "sketch"
    broken = choice.choose(offers("sketch", comfyui={"urls": [URL]}))
    assert broken[0] == "sketch"
    assert broken[1].endswith("no AI. Not comfyui: No comfyui here")


def chosen(tmp_path: Path, **settings: object) -> Catalog:
    return offered(load_settings(data_dir=tmp_path / "data", **settings), gpus=False)


def test_a_comfyui_with_a_workflow_is_offered_with_its_models(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES, tmp_path / "flows")
    catalog = chosen(
        tmp_path,
        comfyui_url=f"{URL},http://gpu-2:8188",
        comfyui_workflows=tmp_path / "flows",
        comfyui_token="secret",
        engine_options={"comfyui": {"jobs_per_url": 3}},
    )
    offer = catalog.offers["comfyui"]
    assert (catalog.default, offer.slots, offer.children, offer.spec.upstream) == ("comfyui", 6, 1, True)
    assert [card.model for card in offer.cards] == [
        "ltx-text-to-video",
        "no-model",
        "wan-image-to-video",
        "wan-text-to-video",
    ]
    assert offer.spec.environment["REELWRIGHT_COMFYUI_TOKEN"] == "secret"
    assert "secret" not in str(offer.spec.options)


def test_a_chosen_engine_that_may_bill_says_so(tmp_path: Path) -> None:
    free = chosen(tmp_path, engine="sketch").reason
    assert free == "chosen in the settings"
    assert (
        chosen(tmp_path, engine="huggingface", hf_token="hf_x").reason
        == f"{free}; a provider may bill you for each video"
    )


def test_without_an_address_or_a_workflow_the_remedy_is_told(tmp_path: Path) -> None:
    catalog = chosen(tmp_path, comfyui_workflows=EXAMPLES)
    assert catalog.offers["comfyui"].problem == "No ComfyUI is configured. Set REELWRIGHT_COMFYUI_URL"
    (tmp_path / "ui.json").write_text('{"nodes": [], "links": []}')
    catalog = chosen(tmp_path, comfyui_url=URL, comfyui_workflows=tmp_path)
    assert catalog.default != "comfyui"
    lack = f"Not comfyui: No workflow in {tmp_path} (REELWRIGHT_COMFYUI_WORKFLOWS) can be used. "
    assert f"{lack}ui.json: It is in the editor's own format" in catalog.reason
    (tmp_path / "ui.json").unlink()
    catalog = chosen(tmp_path, comfyui_url=URL, comfyui_workflows=tmp_path)
    assert f"{lack}In ComfyUI, choose “Workflow → Export (API)” and put that file there" in catalog.reason
    with pytest.raises(ConfigurationError, match=r"REELWRIGHT_ENGINE=comfyui has no model\. No workflow in "):
        chosen(tmp_path, engine="comfyui", comfyui_url=URL, comfyui_workflows=tmp_path)
    with pytest.raises(ConfigurationError, match="Invalid urls of the comfyui engine"):
        chosen(tmp_path, comfyui_url="gpu-1:8188", comfyui_workflows=EXAMPLES)


def test_an_upstream_is_offered_by_its_address_alone(tmp_path: Path) -> None:
    catalog = chosen(tmp_path, upstream_url="http://gpu-1:8000/v1,http://gpu-2:8000", upstream_token="secret")
    offer = catalog.offers["openai"]
    assert (catalog.default, catalog.reason) == ("openai", "REELWRIGHT_UPSTREAM_URL is set")
    assert (offer.slots, offer.children, offer.spec.upstream) == (4, 1, True)
    assert [card.model for card in offer.cards] == ["upstream"]
    assert offer.spec.environment["REELWRIGHT_UPSTREAM_TOKEN"] == "secret"
    assert "secret" not in str(offer.spec.options)
    named = chosen(tmp_path, upstream_url=URL, upstream_model="wan", engine_options={"openai": {"jobs_per_url": 8}})
    assert (named.default_card.model, named.offers["openai"].slots) == ("wan", 8)
    with pytest.raises(ConfigurationError, match="Invalid address of an upstream: 'gpu:1'"):
        chosen(tmp_path, upstream_url="gpu:1")
    assert "Set REELWRIGHT_UPSTREAM_URL" in str(chosen(tmp_path).offers["openai"].problem)


def test_a_card_that_says_it_is_paid_is_told_wherever_its_server_stands() -> None:
    near = offers("openai", openai={"upstreams": [URL]})
    paid = SimpleNamespace(model="wan", tasks=("text-to-video",), paid=True)
    near["openai"] = dataclasses.replace(near["openai"], cards=(paid,))  # type: ignore[arg-type]
    assert choice.choose(near)[1] == "REELWRIGHT_UPSTREAM_URL is set; a provider may bill you for each video"


def test_an_upstream_of_either_kind_that_cannot_be_used_is_told() -> None:
    broken = choice.choose(offers("sketch", comfyui={"urls": [URL]}, openai={"upstreams": [URL]}))[1]
    assert broken.endswith("no AI. Not comfyui: No comfyui here. Not openai: No openai here")
