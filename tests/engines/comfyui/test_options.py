"""What may be configured, and what is said about the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from reelwright.engines.comfyui.options import Options
from reelwright.errors import ConfigurationError


def test_options_are_read_from_plain_json() -> None:
    options = Options.parse(
        {
            "urls": ["http://GPU-1:8188/", "https://box.example/comfy"],
            "workflows": "flows",
            "jobs_per_url": 2,
            "route_seconds": None,
            "poll_seconds": 1,
        }
    )
    assert options.urls == ("http://gpu-1:8188", "https://box.example/comfy")
    assert options.workflows == (Path("flows"),)
    assert (options.slots, options.poll_seconds, options.route_seconds) == (4, 1.0, None)
    assert Options.parse({"urls": "http://127.0.0.1:8188"}).slots == 1


def test_the_token_goes_into_the_header_that_is_asked_for() -> None:
    assert Options.parse({}).headers("secret") == {"Authorization": "Bearer secret"}
    assert Options.parse({"auth_header": "X-API-Key"}).headers("secret") == {"X-API-Key": "secret"}
    assert Options.parse({}).headers(None) == {}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"url": "http://a"}, "Unknown option of the comfyui engine: 'url'. Known: "),
        ({"urls": ["ftp://a"]}, "Invalid urls of the comfyui engine: 'ftp://a'. Give an address such as"),
        ({"urls": ["http://a:99999"]}, "Invalid urls of the comfyui engine: 'http://a:99999'."),
        ({"urls": ["http://me:pass@a"]}, "'a'. Leave the user name out of it, and put a token into REELWRIGHT_"),
        ({"urls": ["http://a?token=pass"]}, "'http://a'. Leave out what stands after ? or #"),
        ({"urls": ["http://a", "http://A/"]}, "'http://a'. It stands there twice"),
        ({"urls": 3}, "Give a list of addresses"),
        ({"workflows": [""]}, "Invalid workflows of the comfyui engine"),
        ({"tries": 0}, "Invalid tries of the comfyui engine: 0. Give a whole number between 1 and 10."),
        ({"tries": True}, "Invalid tries of the comfyui engine: True."),
        ({"jobs_per_url": 1.5}, "Invalid jobs_per_url of the comfyui engine: 1.5."),
        ({"poll_seconds": "0.5"}, "Give a number of seconds between 0.05 and 60."),
        ({"poll_seconds": float("nan")}, "Invalid poll_seconds"),
        ({"previews": "fast"}, "Use auto, latent2rgb, taesd, none."),
        ({"exclusive": "yes"}, "Use true or false."),
        ({"auth_header": "X API"}, "Authorization or X-API-Key"),
    ],
)
def test_a_wrong_option_is_named_with_its_value_and_the_remedy(given: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Options.parse(given)
    assert said in caught.value.message
    assert "pass" not in caught.value.message.replace("password", "")
