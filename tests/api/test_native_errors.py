"""The native dialect's errors: every row of the contract's table, word by word."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from starlette.requests import Request

from reelwright.api.errors import STATUS, ErrorResponder
from reelwright.api.native import NATIVE
from reelwright.errors import BadRequest, Busy, Code, EngineError, NotFound, ReelwrightError, Unauthorized
from tests.api.asks import PATH, SMALL, generate, nothing_is_stored, send
from tests.servers import ServerProcess

SLEEP_MODE = (
    "The model might be in sleep mode. Try again after 1–2 minutes or duplicate the model space on Hugging Face."
)
PROMPT_MISSING = {
    "success": False,
    "error": 'Invalid request. Please provide a "prompt" field in the request body.',
    "example": {"prompt": "A beautiful sunset over the ocean"},
}
MOMENT = datetime(2026, 11, 5, 7, 8, 9, 45_678, UTC)

DETAILS = "what the provider said"
UPSTREAM: dict[str, tuple[int, dict[str, Any]]] = {
    "upstream_unauthorized": (
        401,
        {"error": "Invalid Hugging Face API token", "details": DETAILS, "suggestion": None},
    ),
    "upstream_not_found": (
        404,
        {
            "error": "Model not found. The model might be unavailable or in sleep mode.",
            "details": DETAILS,
            "suggestion": SLEEP_MODE,
        },
    ),
    "upstream_rate_limited": (
        429,
        {
            "error": "Rate limit exceeded. Please wait a few minutes before trying again.",
            "details": DETAILS,
            "suggestion": None,
        },
    ),
    "upstream_loading": (
        503,
        {
            "error": "Model is currently loading. Please wait 1-2 minutes and try again.",
            "details": DETAILS,
            "suggestion": SLEEP_MODE,
        },
    ),
    "upstream_empty": (
        500,
        {"error": "Received empty response from Hugging Face API", "suggestion": SLEEP_MODE},
    ),
    "upstream_error": (
        500,
        {"error": "Failed to generate video", "message": "It went wrong", "duration": "…", "suggestion": SLEEP_MODE},
    ),
    "upstream_forbidden": (
        500,
        {"error": "Failed to generate video", "message": "It went wrong", "duration": "…", "suggestion": SLEEP_MODE},
    ),
    "upstream_payment_required": (
        500,
        {"error": "Failed to generate video", "message": "It went wrong", "duration": "…", "suggestion": SLEEP_MODE},
    ),
    "bad_output": (
        500,
        {"error": "Failed to generate video", "message": "It went wrong", "duration": "…", "suggestion": SLEEP_MODE},
    ),
    "unknown_outcome": (
        500,
        {"error": "Failed to generate video", "message": "It went wrong", "duration": "…", "suggestion": SLEEP_MODE},
    ),
    "engine_failed": (
        500,
        {"error": "Failed to generate video", "message": "It went wrong", "duration": "…", "suggestion": None},
    ),
    "timed_out": (504, {"error": "It went wrong", "duration": "…"}),
    "refused": (422, {"error": "Prompt refused by the provider", "details": DETAILS}),
    "engine_not_configured": (500, {"error": "It went wrong"}),
}


def without_duration(body: dict[str, Any]) -> dict[str, Any]:
    if "duration" in body:
        assert re.fullmatch(r"[0-9]+\.[0-9]{2}s", body["duration"])
        return {**body, "duration": "…"}
    return body


@pytest.mark.parametrize("code", UPSTREAM)
def test_a_render_that_fails_is_told_in_the_contracts_words(http: httpx2.Client, code: str) -> None:
    status, body = UPSTREAM[code]
    answer = generate(http, f"fail {code}")
    assert answer.status_code == status
    assert without_duration(answer.json()) == {"success": False, **body}
    assert answer.headers["Retry-After"] == "8"  # the 7.2 s of the engine, never sooner
    assert answer.headers["Content-Type"] == "application/json"
    assert "WWW-Authenticate" not in answer.headers


@pytest.mark.parametrize("code", UPSTREAM)
def test_an_engines_error_renders_without_details_and_times(code: str) -> None:
    """What the engine does not know is filled in: details, and when to come back."""
    status, body = UPSTREAM[code]
    answer = rendered(EngineError("It went wrong", code=Code(code)))
    assert answer.status == status
    expected = {"success": False, **body, **({"details": "It went wrong"} if "details" in body else {})}
    assert without_duration(answer.body) == expected
    assert ("Retry-After" in answer.headers) == (status in (429, 503))


class Rendered:
    def __init__(self, error: ReelwrightError) -> None:
        scope = {
            "type": "http",
            "method": "POST",
            "path": PATH,
            "headers": [],
            "query_string": b"",
            "state": {"begun": 0.0, "request_id": "req_of_the_test"},
        }
        response = ErrorResponder([NATIVE], lambda: MOMENT).render(Request(scope), error)
        self.status = response.status_code
        self.body: dict[str, Any] = json.loads(bytes(response.body))
        self.headers = response.headers


def rendered(error: ReelwrightError) -> Rendered:
    return Rendered(error)


@pytest.mark.parametrize("code", list(Code))
def test_every_code_has_an_answer(code: Code) -> None:
    answer = rendered(ReelwrightError("Some words", code=code))
    assert 400 <= answer.status <= 599
    assert answer.body["success"] is False
    assert answer.body["error"]
    assert code in STATUS


@pytest.mark.parametrize(
    ("error", "status", "body"),
    [
        (
            Unauthorized("whatever"),
            401,
            {"error": "Missing or invalid API key"},
        ),
        (
            BadRequest("The JSON is odd", code=Code.MALFORMED_BODY),
            400,
            {"error": "The JSON is odd", "timestamp": "2026-11-05T07:08:09.045Z"},
        ),
        (
            BadRequest("At most 16 MB", code=Code.BODY_TOO_LARGE),
            413,
            {"error": "At most 16 MB"},
        ),
        (
            NotFound("Route not found"),
            404,
            {"error": "Route not found", "timestamp": "2026-11-05T07:08:09.045Z"},
        ),
        (
            ReelwrightError("A secret reason"),
            500,
            {
                "error": "Internal server error",
                "timestamp": "2026-11-05T07:08:09.045Z",
                "request_id": "req_of_the_test",
            },
        ),
        (
            BadRequest("Invalid fps: 0.", field="fps"),
            400,
            {"error": "Invalid fps: 0.", "field": "fps"},
        ),
        (Busy("The queue is full", code=Code.QUEUE_FULL), 429, {"error": "The queue is full"}),
        (Busy("Too many requests", code=Code.RATE_LIMITED), 429, {"error": "Too many requests"}),
        (Busy("The database is busy"), 503, {"error": "The database is busy"}),
    ],
)
def test_the_servers_own_errors(error: ReelwrightError, status: int, body: dict[str, Any]) -> None:
    answer = rendered(error)
    assert (answer.status, answer.body) == (status, {"success": False, **body})
    assert ("Retry-After" in answer.headers) == isinstance(error, Busy)
    assert ("WWW-Authenticate" in answer.headers) == isinstance(error, Unauthorized)


def test_a_disk_that_an_engine_found_full_is_told_with_when_to_come_back() -> None:
    answer = rendered(EngineError("The disk is full: the result could not be kept.", code=Code.STORAGE_FULL))
    assert (answer.status, answer.headers["Retry-After"]) == (507, "60")


@pytest.mark.parametrize(("seconds", "header"), [(0.0, "1"), (0.2, "1"), (1.01, "2"), (30.0, "30"), (119.6, "120")])
def test_retry_after_is_whole_seconds_and_never_too_soon(seconds: float, header: str) -> None:
    assert rendered(Busy("Later", retry_after=seconds)).headers["Retry-After"] == header


# --- the prompt and the other fields ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"prompt": null}', b'{"prompt": ""}', b'{"prompt": 5}', b'{"prompt": ["a"]}', b"  \r\n"]
)
def test_a_missing_prompt(http: httpx2.Client, body: bytes) -> None:
    answer = send(http, body)
    assert (answer.status_code, answer.json()) == (400, PROMPT_MISSING)


@pytest.mark.parametrize(
    "sent", [{}, {"data": {}}, {"data": {"prompt": ""}}, {"files": {"prompt": ("a.txt", b"a text file")}}]
)
def test_a_missing_prompt_in_a_form_or_no_body(http: httpx2.Client, sent: dict[str, Any]) -> None:
    answer = http.post(PATH, **sent)
    assert (answer.status_code, answer.json()) == (400, PROMPT_MISSING)


@pytest.mark.parametrize("prompt", [" ", "\t\r\n ", "\u3000\u2003\u00a0"])
def test_a_prompt_of_white_space(http: httpx2.Client, prompt: str) -> None:
    answer = generate(http, prompt)
    assert (answer.status_code, answer.json()) == (400, {"success": False, "error": "Prompt cannot be empty"})


FIELDS: list[tuple[dict[str, Any], str, str]] = [
    ({"num_frames": 0}, "num_frames", "between 1 and 600"),
    ({"num_frames": -1}, "num_frames", "between 1 and 600"),
    ({"num_frames": 601}, "num_frames", "between 1 and 600"),
    ({"num_frames": 10**9}, "num_frames", "between 1 and 600"),
    ({"num_frames": 10**400}, "num_frames", "between 1 and 600"),
    ({"num_frames": 2.5}, "num_frames", "whole number"),
    ({"num_frames": "24"}, "num_frames", "whole number"),
    ({"num_frames": True}, "num_frames", "whole number"),
    ({"num_frames": [24]}, "num_frames", "whole number"),
    ({"num_frames": {}}, "num_frames", "whole number"),
    ({"fps": 0}, "fps", "between 1 and 60"),
    ({"fps": 61}, "fps", "between 1 and 60"),
    ({"width": 63}, "width", "multiple of 8"),
    ({"width": 65}, "width", "multiple of 8"),
    ({"width": 1928}, "width", "multiple of 8"),
    ({"height": -64}, "height", "multiple of 8"),
    ({"height": 10**9}, "height", "multiple of 8"),
    ({"width": None, "height": None, "size": "512"}, "size", "WIDTHxHEIGHT"),
    ({"width": None, "height": None, "size": "512x"}, "size", "WIDTHxHEIGHT"),
    ({"width": None, "height": None, "size": "-64x64"}, "size", "WIDTHxHEIGHT"),
    ({"width": None, "height": None, "size": "64x64x64"}, "size", "WIDTHxHEIGHT"),
    ({"width": None, "height": None, "size": "٦٤x٦٤"}, "size", "WIDTHxHEIGHT"),
    ({"width": None, "height": None, "size": "99999x99999"}, "size", "multiple of 8"),
    ({"width": None, "height": None, "resolution": "0x0"}, "resolution", "multiple of 8"),
    ({"width": None, "height": None, "size": 512}, "size", "string"),
    ({"width": 1920, "height": 1920, "num_frames": 600}, "num_frames", "at most"),
    ({"motion_bucket_id": 0}, "motion_bucket_id", "between 1 and 255"),
    ({"motion_bucket_id": 256}, "motion_bucket_id", "between 1 and 255"),
    ({"noise_aug_strength": -0.01}, "noise_aug_strength", "between 0 and 1"),
    ({"noise_aug_strength": 1.01}, "noise_aug_strength", "between 0 and 1"),
    ({"noise_aug_strength": "0.5"}, "noise_aug_strength", "number"),
    ({"guidance_scale": 10**400}, "guidance_scale", "number"),
    ({"guidance_scale": -1}, "guidance_scale", "between 0 and 100"),
    ({"num_inference_steps": 0}, "num_inference_steps", "between 1 and"),
    ({"num_inference_steps": 10**6}, "num_inference_steps", "between 1 and"),
    ({"seed": -1}, "seed", "between 0 and"),
    ({"seed": 2**63}, "seed", "between 0 and"),
    ({"seed": 1e30}, "seed", "between 0 and"),
    ({"seed": 1.5}, "seed", "whole number"),
    ({"num_frames": None, "seconds": 0}, "seconds", "between"),
    ({"num_frames": None, "seconds": -1.0}, "seconds", "between"),
    ({"num_frames": None, "seconds": 1e300}, "seconds", "between"),
    ({"negative_prompt": 5}, "negative_prompt", "string"),
    ({"negative_prompt": "x" * 32_001}, "negative_prompt", "32,000"),
    ({"negative_prompt": "a\x00b"}, "negative_prompt", "NUL"),
    ({"engine": "nope"}, "engine", "This server has"),
    ({"engine": 5}, "engine", "string"),
    ({"model": "nope"}, "model", "This server has"),
    ({"model": "a\x00b"}, "model", "This server has"),
    ({"extra_params": []}, "extra_params", "object"),
    ({"extra_params": "nope"}, "extra_params", "JSON object"),
    ({"extra_params": "[1]"}, "extra_params", "object"),
    ({"extra_params": '{"a": NaN}'}, "extra_params", "NaN"),
    ({"extra_params": '{"a": ' * 1_000}, "extra_params", "JSON"),
    ({"extra_params": "[" * 100_000}, "extra_params", "nested deeper"),
    ({"extra_params": {"a": "x" * 20_000}}, "extra_params", "16,384"),
    ({"promt": "typo"}, "promt", "Unknown field: 'promt'"),
    ({"": 1}, "", "Unknown field: ''"),
    ({"x" * 10_000: 1}, "x" * 80, "Unknown field"),
    ({"__proto__": {}}, "__proto__", "Unknown field"),
]


@pytest.mark.parametrize(("fields", "name", "told"), FIELDS)
def test_a_field_that_is_out_of_range_is_named(
    server: ServerProcess, http: httpx2.Client, fields: dict[str, Any], name: str, told: str
) -> None:
    with nothing_is_stored(server):
        answer = generate(http, "paint", **fields)
    assert answer.status_code == 400
    body = answer.json()
    assert body["success"] is False
    assert body["field"] == name
    assert told in body["error"]
    assert len(answer.text) < 600


@pytest.mark.parametrize("value", ["nan", "inf", "-Infinity", "1e999", "0x10", " ", "½", "1,5"])
def test_a_form_takes_plain_numbers_only(http: httpx2.Client, value: str) -> None:
    answer = http.post(PATH, data={"prompt": "paint", "engine": "toy", "size": "64x64", "guidance_scale": value})
    assert answer.status_code == 400
    assert answer.json()["field"] == "guidance_scale"


def test_a_file_in_the_place_of_a_number_is_told_as_one(http: httpx2.Client) -> None:
    data = {"prompt": "paint", "engine": "toy"}
    answer = http.post(PATH, data=data, files={"num_frames": ("n.txt", b"12")})
    assert answer.status_code == 400
    assert answer.json()["error"] == "Invalid num_frames: a file of 2 bytes. Must be a whole number."


@pytest.mark.parametrize(
    ("prompt", "told"),
    [("x" * 32_001, "32,001 characters"), ("é" * 1_000_000, "1,000,000 characters"), ("a\x00b", "NUL")],
)
def test_a_prompt_that_cannot_be_kept_is_refused(http: httpx2.Client, prompt: str, told: str) -> None:
    answer = generate(http, prompt)
    assert answer.status_code == 400
    assert answer.json()["field"] == "prompt"
    assert told in answer.json()["error"]


@pytest.mark.parametrize(
    "place", ["prompt", "negative_prompt", "engine", "model", "size", "image", "extra_params", "k"]
)
def test_half_of_a_surrogate_pair_is_refused_wherever_it_stands(http: httpx2.Client, place: str) -> None:
    body = {"prompt": "paint", "engine": "toy", "size": "64x64", "num_frames": 4}
    if place == "k":
        body["\ud800"] = 1
    elif place == "extra_params":
        body[place] = {"\udfff": "\ud800"}  # type: ignore[assignment]
    else:
        body[place] = "a\ud800"
    answer = send(http, json.dumps(body).encode())
    assert answer.status_code == 400
    assert answer.json()["field"]


def test_the_token_is_missing_for_the_engine_that_needs_one(http: httpx2.Client) -> None:
    answer = generate(http, "paint", engine="huggingface")
    assert answer.status_code == 500
    assert answer.json() == {"success": False, "error": "Server configuration error: HF_TOKEN is not set"}


def test_an_engine_that_breaks_tells_its_kind_and_no_more(server: ServerProcess, http: httpx2.Client) -> None:
    answer = generate(http, "raise canary-4711")
    assert answer.status_code == 500
    assert without_duration(answer.json()) == {
        "success": False,
        "error": "Failed to generate video",
        "message": "The engine failed with RuntimeError",
        "duration": "…",
        "suggestion": None,
    }
    status = http.get("/v1/videos", params={"limit": 1}).text
    assert "canary-4711" not in json.loads(status)["data"][0]["error"]["message"]


def test_a_crashed_engine_is_a_failure_to_generate(http: httpx2.Client) -> None:
    answer = generate(http, "crash")
    assert answer.status_code == 500
    assert answer.json()["error"] == "Failed to generate video"
    assert "SIGKILL" in answer.json()["message"]
    assert "0x" not in answer.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nope"),
        ("POST", "/api/video/nope"),
        ("GET", "/api"),
        ("DELETE", "/api/video/generate/x"),
        ("PUT", "/x"),
    ],
)
def test_an_unknown_route(http: httpx2.Client, method: str, path: str) -> None:
    answer = http.request(method, path)
    assert answer.status_code == 404
    body = answer.json()
    assert body == {"success": False, "error": "Route not found", "timestamp": body["timestamp"]}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["timestamp"])


@pytest.mark.parametrize(
    "path", ["/x%0A", "/api/%00", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/\\..\\x", "/%ff"]
)
def test_odd_paths_are_unknown_routes(http: httpx2.Client, path: str) -> None:
    answer = http.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"] == "Route not found"


def test_a_wrong_method_is_told_with_the_right_one(http: httpx2.Client) -> None:
    answer = http.get(PATH)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST, OPTIONS"
    assert answer.json()["success"] is False


def test_an_idempotency_key_with_another_body_is_a_conflict(http: httpx2.Client) -> None:
    headers = {"Idempotency-Key": "native-errors-1"}
    first = http.post(PATH, json={"prompt": "paint", **SMALL}, headers=headers)
    again = http.post(PATH, json={"prompt": "paint", **SMALL}, headers=headers)
    other = http.post(PATH, json={"prompt": "something else", **SMALL}, headers=headers)
    assert first.status_code == again.status_code == 200
    assert first.headers["X-Video-Id"] == again.headers["X-Video-Id"]
    assert other.status_code == 422
    assert other.json()["field"] == "Idempotency-Key"
