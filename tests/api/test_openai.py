"""The OpenAI Videos dialect where the clients cannot show it: every form of body, lists, headers, refusals."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest

from reelwright.api.body import unbracket
from tests.api.asks import picture
from tests.api.videos import SMALL, Gate, cancel, create, ended, look, made
from tests.servers import eventually

FIELDS = {
    "id", "object", "model", "status", "progress", "created_at", "completed_at", "expires_at", "size", "seconds",
    "prompt", "remixed_from_video_id", "extended_from_video_id", "error", "seed", "num_frames", "fps", "width",
    "height", "engine", "queue_position", "started_at", "video_url",
}  # fmt: skip


def refused(answer: httpx2.Response, status: int = 400) -> dict[str, Any]:
    """The error of an answer in this dialect's envelope."""
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["error"]
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert re.fullmatch(r"req_[0-9a-f]{24}", answer.headers["x-request-id"])
    return dict(error)


def multipart(fields: dict[str, Any]) -> dict[str, Any]:
    """Form fields as the Python client sends them: multipart, also when there is no file."""
    return {"files": [(name, (None, str(value))) for name, value in fields.items()]}


def test_the_video_object_has_the_contracts_fields(http: httpx2.Client) -> None:
    video = create(http, "paint", seed=5, fps=8, seconds=None)
    assert set(video) >= FIELDS
    assert video["object"] == "video"
    assert video["status"] in ("queued", "in_progress")
    assert (video["size"], video["seconds"], video["fps"], video["seed"], video["model"]) == (
        "64x64",
        "0.5",
        8,
        5,
        "toy",
    )
    assert (video["completed_at"], video["video_url"], video["error"]) == (None, None, None)
    done = ended(http, video)
    assert (done["status"], done["progress"]) == ("completed", 100)
    assert done["created_at"] <= done["started_at"] <= done["completed_at"] < done["expires_at"]
    assert http.get(done["video_url"]).content[4:8] == b"ftyp"


@pytest.mark.parametrize("base", ["/v1/videos", "/videos"])
@pytest.mark.parametrize("form", ["json", "data", "multipart"])
def test_every_form_of_body_means_the_same(http: httpx2.Client, base: str, form: str) -> None:
    fields = {"prompt": "paint 日本", "model": "toy", "size": "64x64", "seconds": "0.5", "fps": 8, "seed": 2**63 - 1}
    body = multipart(fields) if form == "multipart" else {form: fields}
    answer = http.post(base, **body)
    assert answer.status_code == 200, answer.text
    video = answer.json()
    assert (video["prompt"], video["num_frames"], video["seconds"], video["seed"]) == (
        "paint 日本",
        4,
        "0.5",
        2**63 - 1,
    )
    assert ended(http, video)["status"] == "completed"


def test_an_empty_file_part_is_no_file(http: httpx2.Client) -> None:
    parts = [f'name="{name}"\r\n\r\n{value}' for name, value in {"prompt": "paint", **SMALL}.items()]
    parts.append('name="input_reference"; filename=""\r\nContent-Type: application/octet-stream\r\n\r\n')
    body = "".join(f"--x\r\nContent-Disposition: form-data; {part}\r\n" for part in parts) + "--x--\r\n"
    answer = http.post("/v1/videos", content=body, headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["has_image"] is False


@pytest.mark.parametrize("way", ["file", "data URI", "object", "bracketed"])
def test_an_input_reference(http: httpx2.Client, way: str) -> None:
    uri = f"data:image/png;base64,{base64.b64encode(picture()).decode()}"
    fields: dict[str, Any] = {"prompt": "paint", **SMALL}
    match way:
        case "file":
            # The clients' own name and type for bytes say nothing.
            body = multipart(fields)
            body["files"].append(("input_reference", ("upload", picture(), "application/octet-stream")))
        case "data URI":
            body = {"json": {**fields, "input_reference": uri}}
        case "object":
            body = {"json": {**fields, "input_reference": {"image_url": uri}}}
        case _:
            body = multipart({**fields, "input_reference[image_url]": uri})
    answer = http.post("/v1/videos", **body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["has_image"] is True
    assert ended(http, answer.json())["status"] == "completed"


@pytest.mark.parametrize(
    "reference",
    [
        "not an image",
        {"image_url": "ftp://example.com/x.png"},
        {"file_id": "file-1"},
        {"image_url": 5},
        5,
        ["https://example.com/x.png"],
        "http://127.0.0.1:9/x.png",
        "https://[::1]/x.png",
        "data:image/png;base64,AAAA",
        "data:image/png,hello",
    ],
)
def test_a_bad_input_reference_is_named(http: httpx2.Client, reference: object) -> None:
    error = refused(http.post("/v1/videos", json={"prompt": "paint", **SMALL, "input_reference": reference}))
    assert error["param"] == "input_reference"
    assert error["type"] == "invalid_request_error"


def test_bracketed_keys_are_nested_values(http: httpx2.Client) -> None:
    fields = {
        "prompt": "paint",
        **SMALL,
        "extra_params[a]": "1",
        "extra_params[l][]": "x",
        "extra_params[loras][0][n]": "y",
        "extra_params[flag]": "true",
        "metadata[team]": "blue",
    }
    answer = http.post("/v1/videos", **multipart(fields))
    assert answer.status_code == 200, answer.text
    assert answer.json()["metadata"] == {"team": "blue"}


def test_metadata_in_a_form_may_be_the_text_of_an_object(http: httpx2.Client) -> None:
    answer = http.post("/v1/videos", **multipart({"prompt": "paint", **SMALL, "metadata": '{"team": "blue"}'}))
    assert answer.json()["metadata"] == {"team": "blue"}


def test_brackets_are_read_as_the_clients_write_them() -> None:
    form = {
        "a[b]": "1",
        "l[]": ["1", "2"],
        "n[1]": "y",
        "n[0]": "x",
        "loras[][n]": ["a", "b"],
        "loras[][s]": ["1", "2"],
        "deep[][x][y]": ["1", "2"],
        "plain": "[]",
    }
    assert unbracket(form) == {
        "a": {"b": "1"},
        "l": ["1", "2"],
        "n": {"1": "y", "0": "x"},
        "loras": [{"n": "a", "s": "1"}, {"n": "b", "s": "2"}],
        "deep": [{"x": {"y": "1"}}, {"x": {"y": "2"}}],
        "plain": "[]",
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"metadata[a]": "1", "metadata": "2"},
        {"extra_params[a]": "1", "extra_params[a][b]": "2"},
        {"a[b][c][d][e][f][g][h][i][j]": "1"},
        {"metadata[a]": "1", "metadata[b][c]": "1"},
        {"prompt[a]": "paint"},
    ],
)
def test_brackets_that_make_no_sense_are_refused(http: httpx2.Client, fields: dict[str, str]) -> None:
    refused(http.post("/v1/videos", **multipart({"prompt": "paint", **SMALL, **fields})))


@pytest.mark.parametrize("extra", [{"a": 1}, '{"a": 1}'])
def test_extra_params_are_an_object_or_its_text(http: httpx2.Client, extra: object) -> None:
    create(http, extra_params=extra)


@pytest.mark.parametrize(("seconds", "frames"), [("1", 12), (1, 12), (0.5, 6), ("0.5", 6)])
def test_seconds_are_a_string_or_a_number(http: httpx2.Client, seconds: object, frames: int) -> None:
    video = create(http, seconds=seconds, num_frames=None, fps=12)
    assert (video["num_frames"], video["seconds"]) == (frames, f"{float(seconds):g}")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seconds", "long"), ("seconds", "-1"), ("seconds", "0"), ("seconds", 1e9), ("seconds", "1e9"),
        ("seconds", True), ("size", "64"), ("size", "1000000x64"), ("size", 64),
        ("fps", 0), ("fps", "8"), ("num_frames", 10**9), ("num_frames", 1.5), ("num_frames", "4"), ("seed", -1),
        ("seed", 2**63), ("seed", 10**400), ("guidance_scale", 1e9), ("motion_bucket_id", 0), ("noise_aug_strength", 2),
        ("prompt", "p" * 32_001),
        ("prompt", "a\0b"), ("prompt", 5), ("prompt", None), ("prompt", ""), ("prompt", "  "),
        ("negative_prompt", "a\0"), ("priority", 11), ("priority", "²"), ("priority", "0000999999"), ("priority", 1.5),
        ("priority", True),
        ("metadata", []), ("metadata", {"a": 1}), ("metadata", {"a": "\0"}), ("metadata", {"a" * 65: ""}),
        ("metadata", {"a": "b" * 513}), ("metadata", {str(n): "" for n in range(17)}), ("metadata", "text"),
        ("extra_params", "[]"), ("extra_params", "{"), ("extra_params", {"a": "x" * 20_000}), ("engine", "warp"),
        ("webhook", 5), ("webhook", "http://127.0.0.1/hook"),
    ],
)  # fmt: skip
def test_a_bad_value_is_named(http: httpx2.Client, field: str, value: object) -> None:
    body = {"prompt": "paint", "model": "toy", "size": "64x64", field: value}
    error = refused(http.post("/v1/videos", content=json.dumps(body), headers={"Content-Type": "application/json"}))
    assert (error["param"] or "").partition("[")[0] == field
    assert "\0" not in error["message"]
    assert len(error["message"]) < 400


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999", "Infinity"])
def test_numbers_in_forms_are_finite(http: httpx2.Client, text: str) -> None:
    for field in ("seconds", "guidance_scale", "noise_aug_strength"):
        body = multipart({"prompt": "paint", "model": "toy", "size": "64x64", field: text})
        assert refused(http.post("/v1/videos", **body))["param"] == field


def test_an_unknown_field_is_named(http: httpx2.Client) -> None:
    error = refused(http.post("/v1/videos", json={"prompt": "paint", "promt": "x"}))
    assert error["param"] == "promt"


def test_text_is_kept_exactly(http: httpx2.Client) -> None:
    prompt = "paint \u202egnp.exe \u200b\ufeff e\u0301 👩‍👩‍👧 \x1b[31m <script>alert(1)</script>"
    video = create(http, prompt, metadata={"näme \"'[]().$": "välue \u202e"})
    assert look(http, video)["prompt"] == prompt
    listed = http.get("/v1/videos", params={"limit": 5, "metadata[näme \"'[]().$]": "välue \u202e"})
    assert listed.status_code == 200
    assert look(http, video)["metadata"] == {"näme \"'[]().$": "välue \u202e"}


@pytest.mark.parametrize("model", ["sora-2", "sora-2-pro", None])
def test_retired_and_absent_models_mean_the_configured_engine(http: httpx2.Client, model: str | None) -> None:
    body = {"prompt": "sea", "model": model, "size": "64x64", "num_frames": 2}
    answer = http.post("/v1/videos", json=body)
    assert answer.json()["engine"] == "sketch", answer.text
    ended(http, answer.json())


def test_an_unknown_model_is_told_what_there_is(http: httpx2.Client) -> None:
    error = refused(http.post("/v1/videos", json={"prompt": "paint", "model": "to"}))
    assert (error["param"], error["code"]) == ("model", "model_not_found")
    names = [model["id"] for model in http.get("/v1/models").json()["data"]]
    assert all(name in error["message"] for name in names)
    assert "Did you mean 'toy'?" in error["message"]


def test_what_an_engine_does_not_honour_is_dropped_and_named(http: httpx2.Client) -> None:
    video = create(http, negative_prompt="rain", num_inference_steps=20, guidance_scale=7)
    assert sorted(video["dropped_fields"]) == ["guidance_scale", "negative_prompt", "num_inference_steps"]


def test_the_poll_header_is_there_until_the_end(http: httpx2.Client, tmp_path: Path) -> None:
    with Gate(tmp_path) as gate:
        video = create(http, gate.prompt)
        answer = http.get(f"/v1/videos/{video['id']}", headers={"X-Stainless-Poll-Helper": "true"})
        assert int(answer.headers["openai-poll-after-ms"]) > 0
        assert answer.headers["Cache-Control"] == "no-store"
        gate.open()
        ended(http, video)
        assert "openai-poll-after-ms" not in http.get(f"/v1/videos/{video['id']}").headers


def test_a_failed_video_is_a_200_and_has_no_content(http: httpx2.Client) -> None:
    video = ended(http, create(http, "refuse"))
    assert (video["status"], video["error"]) == ("failed", {"code": "refused", "message": "Prompt refused"})
    assert video["video_url"] is None
    assert "failed" in refused(http.get(f"/v1/videos/{video['id']}/content"))["message"]


def test_an_exception_in_an_engine_tells_no_secret(http: httpx2.Client) -> None:
    video = ended(http, create(http, "raise something"))
    assert video["error"]["code"] == "engine_failed"
    assert "secret" not in json.dumps({**video, "prompt": ""})
    assert "/path" not in json.dumps({**video, "prompt": ""})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/videos/video_00000000000000000000000000"),
        ("GET", "/v1/videos/nonsense"),
        ("DELETE", "/v1/videos/nonsense"),
        ("POST", "/v1/videos/nonsense/cancel"),
        ("GET", "/v1/videos/nonsense/content"),
        ("GET", "/v1/videos/nonsense/events"),
        ("GET", "/v1/videos/..%2f..%2fetc%2fpasswd"),
        ("GET", "/v1/videos/%00/content"),
        ("GET", "/v1/nothing"),
    ],
)
def test_what_is_not_there_is_404(http: httpx2.Client, method: str, path: str) -> None:
    answer = http.request(method, path)
    error = refused(answer, 404)
    assert error["type"] == "invalid_request_error"
    assert answer.headers["x-should-retry"] == "false"


def test_another_method_is_405(http: httpx2.Client) -> None:
    assert refused(http.put("/v1/videos"), 405)


def test_edits_name_the_engine(http: httpx2.Client) -> None:
    for body in (
        {"json": {"prompt": "x", "video": {"id": "video_1"}}},
        multipart({"prompt": "x", "video[id]": "v"}),
    ):
        error = refused(http.post("/v1/videos/edits", **body))
        assert "sketch cannot edit videos" in error["message"]


def test_a_remix_has_another_prompt_and_seed(http: httpx2.Client) -> None:
    source = made(http, "paint", seed=3, fps=6)
    answer = http.post(f"/v1/videos/{source['id']}/remix", json={"prompt": "repaint"})
    remix = answer.json()
    assert remix["remixed_from_video_id"] == source["id"]
    assert remix["prompt"] == "repaint"
    same = ("size", "num_frames", "fps", "model")
    assert [remix[name] for name in same] == [source[name] for name in same]
    assert remix["seed"] != source["seed"]
    for bad in ({}, {"prompt": ""}, {"prompt": " "}, {"prompt": 5}, {"prompt": "x", "size": "64x64"}):
        refused(http.post(f"/v1/videos/{source['id']}/remix", json=bad))
    ended(http, remix)


def test_sync_answers_with_the_video(http: httpx2.Client) -> None:
    answer = http.post("/v1/videos/sync", json={"prompt": "paint", **SMALL})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.content[4:8] == b"ftyp"
    assert look(http, {"id": answer.headers["X-Video-Id"]})["status"] == "completed"
    assert refused(http.post("/v1/videos/sync", json={"prompt": "refuse", **SMALL}), 422)["code"] == "refused"


@pytest.mark.parametrize(
    ("code", "status", "kind", "retry"),
    [
        ("upstream_rate_limited", 429, "rate_limit_error", None),
        ("upstream_loading", 503, "server_error", None),
        ("upstream_unauthorized", 502, "server_error", "false"),
        ("upstream_not_found", 404, "invalid_request_error", "false"),
        ("timed_out", 504, "server_error", "false"),
        ("out_of_memory", 500, "server_error", "false"),
    ],
)
def test_errors_say_whether_to_come_back(
    http: httpx2.Client, code: str, status: int, kind: str, retry: str | None
) -> None:
    answer = http.post("/v1/videos/sync", json={"prompt": f"fail {code}", **SMALL})
    error = refused(answer, status)
    assert (error["type"], error["code"]) == (kind, code)
    assert answer.headers.get("x-should-retry") == retry
    assert answer.headers.get("Retry-After") == "8"


def test_the_list_has_pages_in_both_orders(http: httpx2.Client) -> None:
    label = {"metadata[list]": "pages"}
    ids = [create(http, metadata={"list": "pages"})["id"] for _ in range(5)]
    for order, expected in (("asc", ids), ("desc", ids[::-1])):
        found: list[str] = []
        after: dict[str, str] = {}
        while True:
            page = http.get("/v1/videos", params={"limit": 2, "order": order, **label, **after}).json()
            found += [video["id"] for video in page["data"]]
            assert page["object"] == "list"
            assert (page["first_id"], page["last_id"]) == (page["data"][0]["id"], page["data"][-1]["id"])
            if not page["has_more"]:
                break
            after = {"after": page["last_id"]}
        assert found == expected
    empty = http.get("/v1/videos", params={"metadata[list]": "nothing"}).json()
    assert empty == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}


def test_the_list_is_filtered_by_status_and_metadata(http: httpx2.Client, tmp_path: Path) -> None:
    label = {"batch": "filtered", "k" * 64: "v" * 512, **{f"n{n}": "x" for n in range(14)}}
    with Gate(tmp_path) as gate:
        failed = ended(http, create(http, "refuse", metadata=label))
        done = made(http, metadata=label)
        running, queued = create(http, gate.prompt, metadata=label), create(http, metadata=label)
        eventually(lambda: look(http, running)["status"] == "in_progress")
        for status, video in (("failed", failed), ("completed", done), ("in_progress", running), ("queued", queued)):
            page = http.get("/v1/videos", params={"status": status, "metadata[batch]": "filtered", "metadata[n3]": "x"})
            assert [one["id"] for one in page.json()["data"]] == [video["id"]]
        assert http.get("/v1/videos", params={"metadata[batch]": "filtered", "metadata[n3]": "y"}).json()["data"] == []
        gate.open()
        ended(http, queued)


@pytest.mark.parametrize(
    ("name", "value"),
    [("limit", "-1"), ("limit", "101"), ("limit", "x"), ("order", "up"), ("status", "cancelled"), ("after", "video_1"),
     ("after", "\0"), ("metadata[a]", "\0"), ("metadata[\0]", "a"), ("metadata[a]", "b" * 600),
     ("metadata", "a"), ("metadata[a][b]", "c"), ("metadata[]", "a")],
)  # fmt: skip
def test_a_bad_filter_is_named(http: httpx2.Client, name: str, value: str) -> None:
    error = refused(http.get("/v1/videos", params={name: value}))
    assert (error["param"] or "").partition("[")[0] == name.partition("[")[0]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"limit": "101"}, "Invalid limit: '101'. Must be at most 100."),
        ({"limit": "-1"}, "Invalid limit: '-1'. Must be at least 0."),
        ({"limit": "x"}, "Invalid limit: 'x'. Must be a whole number."),
        ({"order": "up"}, "Invalid order: 'up'. Must be 'asc' or 'desc'."),
        (
            {"status": "done"},
            "Invalid status: 'done'. Must be 'queued', 'in_progress', 'completed' or 'failed'.",
        ),
    ],
)
def test_a_bad_filter_is_told_with_what_it_may_be(http: httpx2.Client, query: dict[str, str], told: str) -> None:
    assert refused(http.get("/v1/videos", params=query))["message"] == told


def test_priorities_shift_the_turn(http: httpx2.Client, tmp_path: Path) -> None:
    with Gate(tmp_path) as gate:
        first = create(http, gate.prompt)
        # One more is taken from the queue already, to begin while the first one is encoded.
        create(http, "paint next")
        later = [create(http, f"paint {n}", priority=n) for n in (10, 0, "-10")]
        positions = [look(http, video)["queue_position"] for video in later]
        assert positions == sorted(positions, reverse=True)
        gate.open()
        finished = [ended(http, video)["completed_at"] for video in later]
        assert finished == sorted(finished, reverse=True)
        assert ended(http, first)["status"] == "completed"


@pytest.mark.parametrize("value", ["²", "-1", "x", "1.5", "9999999"])
def test_a_bad_wait_is_refused(http: httpx2.Client, value: str) -> None:
    video = create(http)
    answer = http.get(f"/v1/videos/{video['id']}", headers={"Prefer": f"wait={value}".encode("latin-1")})
    assert refused(answer)["param"] == "Prefer"


def test_a_wait_ends_with_the_job_or_with_its_time(http: httpx2.Client, tmp_path: Path) -> None:
    with Gate(tmp_path) as gate:
        video = create(http, gate.prompt)
        eventually(lambda: look(http, video)["status"] == "in_progress")
        assert http.get(f"/v1/videos/{video['id']}", headers={"Prefer": "wait=1"}).json()["status"] == "in_progress"
        gate.open()
        assert ended(http, video)["status"] == "completed"


def test_malformed_bodies_are_refused_in_this_dialect(http: httpx2.Client) -> None:
    for raw in (b'{"prompt": NaN}', b'{"prompt": "\xff"}', b"[" * 100_000, b'{"prompt": "\\ud800"}', b"[]", b"\x00"):
        refused(http.post("/v1/videos", content=raw, headers={"Content-Type": "application/json"}))
    broken = {"Content-Type": "multipart/form-data"}
    refused(http.post("/v1/videos", content=b"--x", headers=broken))
    refused(http.post("/v1/videos", content=b"x", headers={"Content-Type": "text/plain"}), 415)


def test_a_cancel_ends_the_job_in_this_dialects_words(http: httpx2.Client, tmp_path: Path) -> None:
    video = cancel(http, create(http, Gate(tmp_path).prompt))
    assert (video["status"], video["error"]["code"]) == ("failed", "cancelled")
