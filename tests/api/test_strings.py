"""Strings that databases and encoders choke on, wherever the API's own document says that a string is taken: in paths,
queries, headers and bodies. Whatever is wrong with one is the client's fault and is told as that, on both databases."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from tests.api.keyholders import House, house
from tests.api.videos import made
from tests.databases import Settings

AWKWARD = {
    "NUL": "a\0b",
    "half a surrogate pair": "\ud800",
    "10 kB": "\U0001f3ac" * 2_500,
    "no character": "\x01\x1b[31m\x7f\u202e\uffff",
    "quotes": "'\";--%s:x\\",
}
KNOWN = {
    "prompt": "paint",
    "size": "64x64",
    "num_frames": 4,
    "inputs": "paint",
    "model": "toy",
    "name": "x",
    "texts": ["x"],
    "url": "https://x.example/",
}
"""What makes a body acceptable but for the string that is tried."""


@pytest.fixture(scope="module")
def locked(shared_database: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("strings") / "data"
    with house(folder, shared_database, REELWRIGHT_DRAIN_S="0", REELWRIGHT_MAX_QUEUED="10000") as running:
        yield running


@pytest.fixture(scope="module")
def document(locked: House) -> dict[str, Any]:
    return dict(locked.admin.get("/openapi.json").json())


@pytest.fixture(scope="module")
def client(locked: House) -> Iterator[httpx2.Client]:
    key = locked.make(scopes=["generate", "read", "admin"])["key"]
    with httpx2.Client(base_url=locked.server.url, headers={"X-API-Key": key}, timeout=60) as every:
        yield every


@pytest.fixture(scope="module")
def video(client: httpx2.Client) -> str:
    return str(made(client)["id"])


def escaped(text: str) -> str:
    """In a URL, also what is no sound UTF-8."""
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        found: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def takes_text(schema: Mapping[str, Any]) -> bool:
    kinds = schema.get("type", "string")
    return "string" in ([kinds] if isinstance(kinds, str) else kinds)


def bodies(document: Mapping[str, Any], schema: Mapping[str, Any], text: str, depth: int = 0) -> Iterator[Any]:
    """Values of that schema which have the text at one place, as a value or as a name."""
    schema = resolved(document, schema)
    for part in [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]:
        yield from bodies(document, part, text, depth)
    if "properties" in schema or schema.get("type") == "object":
        for name, one in schema.get("properties", {}).items():
            for value in bodies(document, one, text, depth + 1) if depth < 3 else ():
                yield {**base(schema), name: value}
        yield {**base(schema), text: "x"}
    elif "items" in schema:
        yield from ([value] for value in bodies(document, schema["items"], text, depth + 1))
    elif takes_text(schema) or depth:
        yield text


def base(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {name: KNOWN[name] for name in schema.get("properties", {}) if name in KNOWN}


def check(answer: httpx2.Response, what: object) -> None:
    assert answer.status_code < 500, (what, answer.status_code, answer.text[:300])
    if answer.status_code >= 400 and answer.request.method != "HEAD":
        json.loads(answer.text)


def addresses(document: Mapping[str, Any], video: str, text: str) -> Iterator[tuple[str, str]]:
    """Method and address of each operation, with the text in one parameter of its path or query."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            given = [resolved(document, one) for one in operation.get("parameters", ())]
            places = {one["name"]: one["in"] for one in given}
            for name, place in places.items():
                filled = re.sub(
                    r"\{(\w+)\}",
                    lambda match, name=name: escaped(text) if match[1] == name else sound(match[1], video),  # type: ignore[misc]
                    path,
                )
                if place == "path":
                    yield method, filled
                elif place == "query":
                    yield method, f"{filled}?{quote(name)}={escaped(text)}"
            if method == "get":
                yield method, f"{re.sub(r'{(.*?)}', 'x', path)}?{escaped(text)}=x"


def sound(name: str, video: str) -> str:
    return video if name in ("video_id", "prediction_id", "job_id") else "x"


@pytest.mark.parametrize("kind", AWKWARD)
def test_in_paths_and_queries(client: httpx2.Client, document: dict[str, Any], video: str, kind: str) -> None:
    tried = 0
    for method, address in addresses(document, video, AWKWARD[kind]):
        if "/events" in address:
            continue
        check(client.request(method, address, json={} if method == "post" else None), (method, address[:200]))
        tried += 1
    assert tried > 80


@pytest.mark.parametrize("kind", AWKWARD)
def test_in_bodies(client: httpx2.Client, document: dict[str, Any], video: str, kind: str) -> None:
    """As JSON with escapes, so that any string can be told; and as a form where the operation takes one."""
    text, tried = AWKWARD[kind], 0
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            content = resolved(document, operation.get("requestBody", {})).get("content", {})
            address = re.sub(r"\{(\w+)\}", lambda match: sound(match[1], video), path)
            prefer = {"Prefer": "respond-async"}
            if "application/json" in content:
                schema = content["application/json"]["schema"]
                for value in bodies(document, schema, text):
                    sent = json.dumps(value).encode()
                    headers = {"Content-Type": "application/json", **prefer}
                    check(client.request(method, address, content=sent, headers=headers), (method, path, value))
                    tried += 1
            if "multipart/form-data" in content:
                schema = resolved(document, content["multipart/form-data"]["schema"])
                for name in schema.get("properties", {}):
                    fields = {**base(schema), name: text}
                    form = {key: (None, str(value).encode("utf-8", "surrogatepass")) for key, value in fields.items()}
                    check(client.request(method, address, files=form, headers=prefer), (method, path, "form", name))
                    tried += 1
    assert tried > 150


@pytest.mark.parametrize("text", ["x" * 10_000, "\x80\xff", "é" * 3_000, "'\";--%s"])
def test_in_headers(client: httpx2.Client, document: dict[str, Any], text: str) -> None:
    names = {
        one["name"]
        for methods in document["paths"].values()
        for operation in methods.values()
        for given in operation.get("parameters", ())
        if (one := resolved(document, given))["in"] == "header"
    }
    assert {"Idempotency-Key"} <= names
    for name in (*names, "X-Request-Id", "Origin", "X-API-Key", "User-Agent", "If-None-Match", "Range"):
        for method, path in (("GET", "/v1/videos"), ("POST", "/v1/videos"), ("POST", "/v1/predictions")):
            headers = {name: text.encode("latin-1")}
            sent = {"prompt": "paint", "model": "toy"} if method == "POST" else None
            check(client.request(method, path, json=sent, headers=headers), (method, path, name))
