"""What `reelwright doctor` says of each address."""

from __future__ import annotations

from pathlib import Path

import pytest

from reelwright.doctor import survey
from reelwright.engines.local import devices
from reelwright.settings import load_settings
from tests.fakes.videos import TOKEN, FakeLiteLLM, FakeVideos


def rows(
    tmp_path: Path, *urls: str, token: str | None = TOKEN, model: str | None = None
) -> list[tuple[bool | None, str]]:
    settings = load_settings(
        upstream_url=",".join(urls), upstream_token=token, upstream_model=model, data_dir=tmp_path / "data", port=0
    )
    return [(one.ok, one.detail) for one in survey(settings) if one.name == "Upstream"]


def test_doctor_asks_each_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "ask_torch", lambda: None)  # which takes it seconds to import
    with (
        FakeVideos("vllm-omni", token=TOKEN) as vllm,
        FakeVideos("reelwright", token=TOKEN) as reelwright,
        FakeLiteLLM(vllm, token=TOKEN) as litellm,
    ):
        served = vllm.profile.served
        names = [one.url.removeprefix("http://") for one in (vllm, reelwright, litellm)]
        assert rows(tmp_path, vllm.url, f"{reelwright.url}/v1", litellm.url, "http://127.0.0.1:9") == [
            (True, f"{names[0]} is vLLM-Omni with {served}"),
            (True, f"{names[1]} is a Reelwright with sketch"),
            (
                True,
                f"{names[2]} is a server of /v1/videos with my-video-model; it lists no videos, so a create that "
                "breaks off ends as unknown_outcome",
            ),
            (None, "127.0.0.1:9 does not answer (Connection refused)"),  # the others do
        ]
        assert rows(tmp_path, vllm.url, model="wan") == [
            (False, f"{names[0]} is vLLM-Omni with {served}; it does not list wan")
        ]
        assert rows(tmp_path, vllm.url, token=None) == [(False, f"{names[0]} does not accept the token")]
        vllm.scripts["list"] = [(404, {"detail": "Not Found"}, {})]
        assert rows(tmp_path, vllm.url) == [(False, f"{names[0]} does not speak /v1/videos")]
        assert vllm.creates == reelwright.creates == []
