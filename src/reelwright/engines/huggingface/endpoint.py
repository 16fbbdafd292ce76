"""One job at a dedicated endpoint: the user's own Inference Endpoint or Space, or another Reelwright.

It speaks the wire form of the Hugging Face tasks: one POST of `{"inputs", "parameters"}` to the exact address, answered
with the bytes of the video. There is no job to follow and none to cancel: hanging up is the cancel.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
from huggingface_hub.utils._http import get_session

from reelwright.engines.upstream.download import HEADROOM, Downloader
from reelwright.engines.upstream.job_limits import JobLimits
from reelwright.engines.upstream.network import NOT_SENT
from reelwright.engines.upstream.outcomes import UpstreamError, bad_output, unanswered, unreachable
from reelwright.errors import Code

NAME = "the endpoint"
"""How messages call it; `UpstreamError` writes it with a capital letter at the beginning of a sentence."""


class Endpoint:
    def __init__(self, *, url: str, token: str | None, downloader: Downloader, max_bytes: int) -> None:
        """`token` is sent as a bearer token to `url` and to no other address."""
        self._url = url
        self._headers = {"accept": "video/mp4"} | ({"authorization": f"Bearer {token}"} if token else {})
        self._downloader = downloader
        self._max_bytes = max_bytes

    def render(
        self, prompt: str, image: Path | None, parameters: Mapping[str, Any], path: Path, limits: JobLimits
    ) -> tuple[str, str | None]:
        """Write the video to `path`. Returns its SHA-256 (hex) and the endpoint's own id of the request, if it sent
        one.

        Raises `UpstreamError`.
        """
        body: dict[str, Any] = {"inputs": prompt, "parameters": dict(parameters)}
        if image is not None:
            # The task image-to-video: the image is the input, the prompt a parameter.
            body["inputs"] = base64.b64encode(image.read_bytes()).decode("ascii")
            body["parameters"]["prompt"] = prompt
        limits.expect(self._max_bytes + HEADROOM, patient=True)
        answered = False
        try:
            with get_session().stream(
                "POST", self._url, json=body, headers=self._headers, follow_redirects=False
            ) as response:
                answered = True
                if response.has_redirect_location:
                    raise UpstreamError(f"{NAME} redirects: give its exact address.", code=Code.UPSTREAM_ERROR)
                sha256 = self._downloader.save(response, path)
                return sha256, response.headers.get("x-video-id") or response.headers.get("x-request-id")
        except NOT_SENT as error:
            raise unreachable(NAME) from error
        except httpx2.TimeoutException as error:
            raise UpstreamError(f"{NAME} stalled.", code=Code.TIMED_OUT, unhealthy=True) from error
        except httpx2.TransportError as error:
            raise (bad_output("it was cut short") if answered else unanswered(NAME)) from error
