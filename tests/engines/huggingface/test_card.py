from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from reelwright.engines.huggingface.card import cards
from reelwright.engines.huggingface.options import ENDPOINT
from reelwright.errors import ConfigurationError
from reelwright.video import Task

SVD = "stabilityai/stable-video-diffusion-img2vid-xt"


def test_the_defaults() -> None:
    text, image = cards({})
    assert (text.model, text.tasks) == ("Wan-AI/Wan2.2-TI2V-5B", (Task.TEXT_TO_VIDEO,))
    assert (image.model, image.tasks) == ("Wan-AI/Wan2.2-I2V-A14B", (Task.IMAGE_TO_VIDEO,))
    assert (text.min_frames, text.max_frames) == (17, 161)
    assert "motion_bucket_id" not in text.honours
    assert "image" in image.honours


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"text_to_video": [["replicate", "Wan-AI/Wan2.2-TI2V-5B"]]},
        {"text_to_video": [["together", "x/y"], ["wavespeed", "Wan-AI/Wan2.2-TI2V-5B"], ["novita", "z/z"]]},
        {"endpoint_url": "http://127.0.0.1:3001/models/a/b"},
    ],
)
def test_the_native_defaults_are_admissible(options: dict[str, Any]) -> None:
    for card in cards(options):
        assert card.min_frames <= 24 <= card.max_frames
        assert card.min_side <= 512 <= card.max_side
        assert card.max_fps >= 12
        assert card.max_pixel_frames >= 512 * 512 * 24
        assert card.min_frames <= card.default_frames <= card.max_frames
        assert card.generative_ai
        assert card.resumes
        assert not card.deterministic


def test_one_card_for_a_model_with_two_providers() -> None:
    model = "Wan-AI/Wan2.2-TI2V-5B"
    [card] = [card for card in cards({"text_to_video": [["fal-ai", model], ["novita", model]]}) if card.model == model]
    assert "fal-ai, then novita" in card.description


def test_an_endpoint_replaces_the_defaults() -> None:
    [card] = cards({"endpoint_url": "https://x.example/models/a/b"})
    assert card.model == ENDPOINT
    assert card.tasks == (Task.TEXT_TO_VIDEO, Task.IMAGE_TO_VIDEO)
    assert {"motion_bucket_id", "noise_aug_strength", "image"} <= card.honours


def test_with_a_chain_an_image_model_takes_text() -> None:
    options = {
        "text_to_video": [],
        "image_to_video": [["fal-ai", SVD]],
        "chain": {"text_to_image": ["hf-inference", "black-forest-labs/FLUX.1-schnell"]},
    }
    [card] = cards(options)
    assert card.tasks == (Task.TEXT_TO_VIDEO, Task.IMAGE_TO_VIDEO)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"text_to_vido": []}, "text_to_vido"),
        ({"text_to_video": [["fal", "x/y"]]}, "fal-ai"),
        ({"text_to_video": ["fal-ai"]}, "text_to_video"),
        ({"image_to_video": [["novita", "x/y"]]}, "image_to_video"),
        ({"chain": {"picture": 1}}, "text_to_image"),
        ({"chain": {"text_to_image": ["novita", "x/y"]}}, "chain.text_to_image"),
        ({"endpoint_url": "ftp://x"}, "endpoint_url"),
        ({"endpoint_url": "https://user:secret@x/"}, "endpoint_url"),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        cards(options)


def test_cards_need_no_library() -> None:
    code = (
        "import sys; from reelwright.engines.huggingface.card import cards; cards({});"
        "from reelwright.engines.huggingface.engine import HuggingFaceEngine; HuggingFaceEngine();"
        "assert not {'huggingface_hub', 'httpx2', 'av'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
