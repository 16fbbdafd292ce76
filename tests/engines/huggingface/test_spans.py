"""How the engine divides its part of a trace: a span for each provider that was asked, and its stages."""

from __future__ import annotations

from dataclasses import replace

from reelwright.testing import Recorder
from tests.engines.huggingface.stage import IMAGE_MODEL, PICTURE_MODEL, TEXT_MODEL, Stage
from tests.fakes.huggingface import FakeHuggingFace, Reply
from tests.fakes.spans import Recorded

STAGES = [("submit", []), ("wait", []), ("download", [])]


def test_each_provider_that_is_asked_is_a_span_with_its_stages(stage: Stage, fake: FakeHuggingFace) -> None:
    fake.script("submit", Reply(status=503, body=b"no"), provider="fal-ai")
    engine = stage.engine(text_to_video=[["fal-ai", TEXT_MODEL], ["wavespeed", TEXT_MODEL]])
    span = Recorded()
    engine.generate(replace(stage.job(), span=span), Recorder())

    name = f"generate_content {TEXT_MODEL}"
    assert span.tree == [(name, [("submit", [])]), (name, STAGES)]
    first, second = span.parts
    assert [part.facts["gen_ai.provider.name"] for part in span.parts] == ["fal-ai", "wavespeed"]
    assert first.failed == first.parts[0].failed == "upstream_loading"
    assert second.failed is None
    assert all(part.over for part in (first, second, *first.parts, *second.parts))
    assert "fox" not in repr([part.facts for part in (first, second, *first.parts, *second.parts)]), "the prompt"


def test_the_picture_of_a_chain_is_a_stage(stage: Stage) -> None:
    engine = stage.engine(
        text_to_video=[],
        image_to_video=[["fal-ai", IMAGE_MODEL]],
        chain={"text_to_image": ["fal-ai", PICTURE_MODEL]},
    )
    span = Recorded()
    engine.generate(replace(stage.job(model=IMAGE_MODEL), span=span), Recorder())

    assert span.tree == [(f"generate_content {IMAGE_MODEL}", [("picture", []), *STAGES])]
