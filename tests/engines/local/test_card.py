"""Recipes, options and cards: data only, no torch."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from reelwright.engines.local.card import cards
from reelwright.engines.local.options import Options
from reelwright.engines.local.plan import make_plan
from reelwright.engines.local.recipe import FrameRule, ImageRecipe, Recipe
from reelwright.engines.local.recipes import IMAGE_RECIPES, RECIPES
from reelwright.engines.shape import choose_size
from reelwright.errors import BadRequest, ConfigurationError
from reelwright.video import Draft, Image, Task
from tests.engines.local.studio import a_request


def test_every_built_in_recipe_has_a_card() -> None:
    found = {card.model: card for card in cards({})}
    assert found.keys() == RECIPES.keys() - {"generic"}
    for card in found.values():
        assert card.engine == "local"
        assert card.generative_ai
        assert card.deterministic
        assert card.license
        assert card.default_width % card.side_multiple == card.default_height % card.side_multiple == 0
        assert card.default_width * card.default_height * card.default_frames <= card.max_pixel_frames


def test_a_card_says_how_much_of_a_prompt_is_read() -> None:
    """As long as the pipelines' own default, where they have one; CLIP reads 77 tokens."""
    code = (
        "import inspect, json, diffusers\n"
        "from reelwright.engines.local.recipes import IMAGE_RECIPES, RECIPES\n"
        "names = {r.name: r.variants[0].pipeline for r in RECIPES.values()} | "
        "{r.name: r.pipeline for r in IMAGE_RECIPES.values()}\n"
        "def tokens(pipeline):\n"
        "    call = inspect.signature(getattr(diffusers, pipeline).__call__).parameters\n"
        "    return call['max_sequence_length'].default if 'max_sequence_length' in call else None\n"
        "print(json.dumps({name: tokens(pipeline) for name, pipeline in names.items() if pipeline}))\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    defaults = json.loads(told.stdout.splitlines()[-1])
    recipes: dict[str, Recipe | ImageRecipe] = {**RECIPES, **IMAGE_RECIPES}
    for name, tokens in defaults.items():
        # Stable Video Diffusion reads no prompt, HunyuanVideo 1.5 says in its encoder how much it reads.
        if name != "svd" and not name.startswith("hunyuan"):
            assert recipes[name].prompt_tokens == (tokens or 77), name
    read = {card.model: card.prompt_tokens for card in cards({})}
    assert (read["svd"], read["wan"], read["ltx"], read["animatediff"]) == (77, 512, 128, 77)


def test_a_model_of_one_size_takes_that_size_only() -> None:
    (card,) = cards({"models": "cogvideox-i2v"})
    portrait = Image(sha256="0" * 64, media_type="image/png", width=720, height=1280)
    for draft in (
        Draft(prompt="x", image=portrait),
        Draft(prompt="x", default_size=(512, 512)),
        Draft(prompt="x", width=720),
        Draft(prompt="x", resolution=480),
    ):
        assert choose_size(card, draft)[0] == (720, 480)
    with pytest.raises(BadRequest, match=r"Invalid width: 512. The model cogvideox-i2v makes 720x480 only"):
        choose_size(card, Draft(prompt="x", width=512, height=512))
    with pytest.raises(BadRequest, match="Invalid resolution: 720"):
        choose_size(card, Draft(prompt="x", resolution=720))


def test_svd_promises_its_defaults() -> None:
    (card,) = cards({"models": "svd"})
    assert (card.default_frames, card.default_fps) == (24, 12)
    assert (card.default_width, card.default_height) == (512, 512)
    assert {"motion_bucket_id", "noise_aug_strength", "image", "seed"} <= card.honours
    assert "negative_prompt" not in card.honours
    assert card.resumes
    assert card.max_pixel_frames >= 25 * 1024 * 576
    assert card.min_frames == 2


def test_the_image_stage_decides_what_svd_takes() -> None:
    with_sdxl = {"models": {"svd": {"image": "sdxl"}}}
    assert "negative_prompt" in cards(with_sdxl)[0].honours
    assert "text-to-image stage: CreativeML" in str(cards(with_sdxl)[0].license)
    assert cards({"models": {"svd": {"image": None}}})[0].tasks == (Task.IMAGE_TO_VIDEO,)


@pytest.mark.parametrize("speed", ["plain", "exact"])
def test_only_the_first_block_cache_ends_resuming(speed: str) -> None:
    assert all(card.resumes for card in cards({"models": "svd,wan,ltx", "speed": speed}))
    fast = {card.model: card.resumes for card in cards({"models": "svd,wan,ltx", "speed": "fast"})}
    assert fast == {"svd": True, "wan": False, "ltx": False}


@pytest.mark.parametrize(
    ("rule", "asked", "made"),
    [((4, 1), 24, 25), ((4, 1), 25, 25), ((8, 1), 24, 25), ((8, 1), 1, 1), ((1, 0), 24, 24), ((8, 1), 26, 33)],
)
def test_a_frame_rule_makes_at_least_what_was_asked(rule: tuple[int, int], asked: int, made: int) -> None:
    assert FrameRule(step=rule[0], offset=rule[1]).at_least(asked) == made


def test_models_may_be_given_as_text() -> None:
    models = Options.parse({"models": "svd, mine=/models/mine ,wan=someone/wan"}).models
    assert {name: (model.recipe.name, model.source) for name, model in models.items()} == {
        "svd": ("svd", "stabilityai/stable-video-diffusion-img2vid-xt"),
        "mine": ("generic", "/models/mine"),
        "wan": ("wan", "someone/wan"),
    }


def test_a_model_may_change_its_recipes_numbers() -> None:
    fields = {"recipe": "wan", "source": "someone/wan", "steps": 8, "fps": 24, "frame_rule": [2, 0]}
    (card,) = cards({"models": {"quick": fields}})
    assert (card.model, card.default_steps, card.default_fps) == ("quick", 8, 24)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"sped": "fast"}, "sped"),
        ({"speed": "warp"}, "'warp'"),
        ({"quantization": "int3"}, "'int3'"),
        ({"quantization": "layerwise", "gpus_per_video": 2}, "quantization: 'layerwise'"),
        ({"batch": 0}, "batch"),
        ({"batch": "2"}, "batch"),
        ({"placement": "moon"}, "'moon'"),
        ({"idle_seconds": -1}, "idle_seconds"),
        ({"models": 7}, "models"),
        ({"models": {"svd": {"weights": "x"}}}, "'weights'"),
        ({"models": {"svd": {"recipe": "svd3"}}}, "'svd3'"),
        ({"models": {"svd": {"image": "dall-e"}}}, "'dall-e'"),
        ({"models": {"wan": {"tasks": ["image-to-video"]}}}, "tasks"),
        ({"models": "mine"}, "'mine'"),
        ({"models": {"wan": {"frame_rule": "4k+1"}}}, r"wan\].frame_rule: '4k\+1'.*\[step, offset\]"),
        ({"models": {"wan": {"negative_prompt": 3}}}, r"wan\].negative_prompt: 3"),
        ({"models": {"wan": {"scheduler": "euler"}}}, r"wan\].scheduler: 'euler'.*ends in Scheduler"),
        ({"models": {"wan": {"scheduler": [1]}}}, r"wan\].scheduler: \[1\]"),
        ({"models": {"wan": {"flow_shift": 0}}}, r"wan\].flow_shift: 0"),
        ({"models": {"wan": {"loras": "a.safetensors"}}}, r"wan\].loras: 'a.safetensors'.*a list"),
        ({"models": {"wan": {"loras": ["a.safetensors"]}}}, r"wan\].loras: 'a.safetensors'.*the path of"),
        ({"models": {"wan": {"loras": ["a/b/../c.safetensors"]}}}, r"wan\].loras: 'a/b/../c.safetensors'"),
        ({"models": {"wan": {"loras": [{"high": "/a.safetensors"}]}}}, r"wan\].loras: .*\"low\": file"),
        ({"models": {"wan": {"loras": [{"source": "/a.safetensors", "weight": 9}]}}}, "loras weight: 9"),
        ({"models": {"wan": {"component_dtypes": {"vae": "int8"}}}}, r"wan\].component_dtypes: .*bfloat16"),
        ({"models": {"wan": {"arguments": {"prompt": "x"}}}}, r"wan\].arguments: 'prompt'.*does not name"),
        ({"models": {"wan": {"arguments": 3}}}, r"wan\].arguments: 3"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        Options.parse(options)


def test_a_model_sets_what_its_recipe_leaves_to_it() -> None:
    fields = {
        "negative_prompt": None,
        "scheduler": {"class": "FlowMatchEulerDiscreteScheduler", "stochastic_sampling": True},
        "flow_shift": 8,
        "loras": [{"high": "~/fast/high.safetensors", "low": "someone/fast/deep/low.safetensors", "weight": 0.5}],
        "component_dtypes": {"text_encoder": "float16"},
        "arguments": {"max_sequence_length": 226},
    }
    recipe = (
        Options.parse({"models": {"quick": {"recipe": "wan-14b", "source": "/w", **fields}}}).models["quick"].recipe
    )
    assert recipe.negative_prompt is None
    assert recipe.sampler.kind == "FlowMatchEulerDiscreteScheduler"
    assert recipe.sampler.changes == {"stochastic_sampling": True}
    assert [recipe.sampler.shift(side * side) for side in (64, 2000)] == [8.0, 8.0]
    assert [(one.file, one.expert.value, one.weight) for one in recipe.adapters] == [
        ("high.safetensors", "high", 0.5),
        ("deep/low.safetensors", "low", 0.5),
    ]
    assert recipe.component_dtypes == {"vae": "float32", "text_encoder": "float16"}
    assert recipe.variants[0].fixed["max_sequence_length"] == 226


@pytest.mark.parametrize(
    ("model", "size", "shift"),
    [
        ("wan", (832, 480), 3.0),
        ("wan", (480, 832), 3.0),
        ("wan", (1280, 720), 5.0),
        ("wan-14b", (832, 480), 12.0),
        ("wan-14b", (1280, 720), 12.0),
        ("wan-5b", (1280, 704), None),
    ],
)
def test_the_flow_shift_goes_by_size(model: str, size: tuple[int, int], shift: float | None) -> None:
    options = Options.parse({"models": model})
    request = a_request(model, width=size[0], height=size[1])
    assert make_plan(options.models[model], request, options).flow_shift == shift


def test_what_a_request_names_wins_over_the_models_own() -> None:
    options = Options.parse({"models": "wan-14b"})

    def arguments(**asked: Any) -> Any:
        return make_plan(options.models["wan-14b"], a_request("wan-14b", **asked), options).arguments

    assert arguments()["negative_prompt"].startswith("色调艳丽")
    assert arguments(negative_prompt="")["negative_prompt"] == ""
    assert (arguments()["guidance_scale"], arguments()["guidance_scale_2"]) == (4.0, 3.0)
    # One number is meant for both experts, and diffusers takes it for the second where none is given.
    assert arguments(guidance_scale=6.0)["guidance_scale"] == 6.0
    assert "guidance_scale_2" not in arguments(guidance_scale=6.0)


@pytest.mark.parametrize("image", IMAGE_RECIPES)
def test_every_image_stage_can_be_chosen(image: str) -> None:
    assert Options.parse({"models": "svd", "image": image}).models["svd"].image is IMAGE_RECIPES[image]


def test_a_plan_names_the_pipelines_own_arguments() -> None:
    options = Options.parse({"models": "ltx"})
    plan = make_plan(options.models["ltx"], a_request("ltx", num_frames=24, guidance_scale=0.0), options)
    assert plan.frames == 25
    assert plan.arguments["frame_rate"] == 12
    assert plan.arguments["guidance_scale"] == 0.0
    assert plan.arguments["negative_prompt"].startswith("worst quality")
    assert "motion_bucket_id" not in plan.arguments


def test_the_digest_of_the_work_knows_what_matters() -> None:
    options = Options.parse({"models": "wan"})
    plans = [make_plan(options.models["wan"], a_request("wan", seed=seed), options) for seed in (1, 1, 2)]
    digests = [plan.work("revision", "plain") for plan in plans]
    assert digests[0] == digests[1] != digests[2]
    assert plans[0].work("other", "plain") != digests[0] != plans[0].work("revision", "fast")


def test_cards_and_weights_do_not_import_torch() -> None:
    code = (
        "import sys; from reelwright.engines.local import card, engine, lora, plan, weights;"
        "card.cards({}); engine.LocalEngine(models='svd'); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
