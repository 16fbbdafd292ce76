"""What may be configured, and the cards that it makes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reelwright.engines.openai.card import cards
from reelwright.engines.openai.options import Options, Policy
from reelwright.errors import ConfigurationError
from reelwright.video import Task


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("http://gpu:8000", "http://gpu:8000"),
        ("http://gpu:8000/v1/", "http://gpu:8000"),
        ("https://Host/v1/videos", "https://host"),
        ("https://host/reel/v1", "https://host/reel"),
        ("http://[::1]:8000/", "http://[::1]:8000"),
    ],
)
def test_an_address_may_be_written_as_clients_write_it(written: str, meant: str) -> None:
    assert Options.parse({"upstreams": [written]}).upstreams[0].url == meant


@pytest.mark.parametrize(
    ("url", "lost"),
    [
        ("http://127.0.0.1:1", Policy.RESUBMIT),
        ("http://[::1]:1", Policy.RESUBMIT),
        ("http://10.1.2.3", Policy.RESUBMIT),
        ("http://localhost:8000", Policy.RESUBMIT),
        ("http://vllm:8000", Policy.RESUBMIT),
        ("http://gpu.local", Policy.RESUBMIT),
        ("https://api.example.com", Policy.FAIL),
        ("https://8.8.8.8", Policy.FAIL),
    ],
)
def test_what_is_lost_is_sent_again_to_servers_of_ones_own(url: str, lost: Policy) -> None:
    [upstream] = Options.parse({"upstreams": url}).upstreams
    assert (upstream.when_lost, upstream.when_unknown) == (lost, Policy.FAIL)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"upstream": "x"}, "Unknown option of the openai engine: 'upstream'. Known: auth_header"),
    ({"upstreams": ["gpu:8000"]}, "'gpu:8000'. Give it as http://host:port"),
    ({"upstreams": ["http://me:hush@gpu"]}, "without a user name; a token goes into REELWRIGHT_UPSTREAM_TOKEN"),
    ({"upstreams": ["http://gpu:99999"]}, "Invalid address of an upstream: 'http://gpu:99999'"),
    ({"upstreams": ["http://a", "http://a/v1"]}, "'http://a' is there twice. Name it once."),
    ({"upstreams": 7}, "Invalid upstreams of the openai engine: 7. Give a list"),
    ({"upstreams": [{"url": "http://a", "bdy": "json"}]}, "Unknown entry of an upstream of the openai engine: 'bdy'"),
    ({"upstreams": [{"url": "http://a", "body": "xml"}]}, "Invalid body of an upstream of the openai engine: 'xml'."),
    ({"upstreams": [{"url": "http://a", "when_lost": "no"}]}, "Give fail or resubmit."),
    ({"upstreams": [{"url": "http://a", "model": 3}]}, "Invalid model of an upstream of the openai engine: 3."),
    ({"jobs_per_url": 0}, "Invalid jobs_per_url of the openai engine: 0. Give a whole number above 0."),
    ({"poll_seconds": "1"}, "Invalid poll_seconds of the openai engine: '1'. Give a number above 0."),
    ({"auth_header": "a b"}, "Invalid auth_header of the openai engine: 'a b'."),
    ({"models": []}, "names none. Give a list of names or cards"),
    ({"models": ["a", "a"]}, "'a' is there twice. Rename one."),
    ({"models": [{"name": "a", "size": 3}]}, "Unknown entry of the model 'a' of the openai engine: 'size'. Known:"),
    ({"models": [{"name": "a", "tasks": ["talk"]}]}, "Give a list out of text-to-video, image-to-video."),
    ({"models": [{"name": "a", "sizes": [[1]]}]}, "Give a list of [width, height]."),
    ({"models": [{"name": "a", "max_frames": "x"}]}, "Invalid max_frames of the model 'a'"),
    ({"models": "/nowhere.json"}, "cannot be read (No such file or directory). Save an upstream's answer"),
]


@pytest.mark.parametrize(("options", "words"), WRONG, ids=[row[1][:40] for row in WRONG])
def test_what_makes_no_sense_is_told_with_the_remedy(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Options.parse(options)
    assert words in caught.value.message
    assert "hush" not in caught.value.message


def test_without_a_word_about_models_there_is_one_card() -> None:
    [card] = cards({"upstreams": ["http://gpu:8000"]})
    assert (card.model, card.tasks) == ("upstream", tuple(Task))
    assert {"image", "seed", "negative_prompt"} <= card.honours
    [named] = cards({"upstreams": [{"url": "http://gpu:8000", "model": "Wan-AI/Wan2.2"}]})
    assert (named.model, named.title) == ("Wan-AI/Wan2.2", "Wan2.2")


def test_cards_are_data() -> None:
    models = [
        {"name": "aquiles", "model": None, "tasks": ["text-to-video"], "honours": [], "sizes": [[1280, 720]]},
        "b",
    ]
    first, second = cards({"models": models})
    assert (first.sizes, first.default_width, first.honours) == (((1280, 720),), 1280, frozenset())
    assert second.model == "b"
    assert [model.sent for model in Options.parse({"models": models}).models] == [None, "b"]


def test_cards_come_out_of_an_answer_that_was_saved(tmp_path: Path) -> None:
    path = tmp_path / "models.json"
    told = {"tasks": ["text-to-video"], "honours": ["seed", "later"], "max_frames": 81, "ready": True, "license": None}
    path.write_text(json.dumps({"data": [{"id": "wan", "card": told}, {"id": "plain"}]}))
    first, second = cards({"models": str(path)})
    assert (first.model, first.max_frames, first.honours) == ("wan", 81, frozenset({"seed"}))
    assert second.model == "plain"
    path.write_text("no")
    with pytest.raises(ConfigurationError, match="it is not JSON"):
        cards({"models": str(path)})
