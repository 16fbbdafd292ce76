"""Compares what a server answers with what its OpenAPI document says of it.

Stricter than a client would be: an answer may hold no field that the document does not name.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import httpx2
from jsonschema import Draft202012Validator


class Contract:
    """What one document says."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = {**document, "components": _closed(document["components"])}
        # A path without parameters wins over one with them.
        self._paths = [(_pattern(path), document["paths"][path]) for path in sorted(document["paths"], key=_openness)]

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        """What is documented for that request; HEAD is answered as GET is."""
        path = re.sub(r"^/videos", "/v1/videos", path)
        methods = next((methods for pattern, methods in self._paths if pattern.fullmatch(path)), {})
        found = methods.get({"HEAD": "get"}.get(method, method.lower()))
        return dict(found) if found else None

    def check(self, answer: httpx2.Response) -> None:
        """Raises AssertionError for an answer of a documented operation that is not as the document says."""
        request = answer.request
        operation = self.operation(request.method, request.url.path)
        if operation is None or answer.status_code == 405:
            return
        told = f"{request.method} {request.url.path} answers {answer.status_code}"
        assert str(answer.status_code) in operation["responses"], f"{told}, which is not documented"
        documented = self._resolved(operation["responses"][str(answer.status_code)])
        for name, header in documented.get("headers", {}).items():
            self._check_header(answer, name, self._resolved(header), told)
        if "content" not in documented or request.method == "HEAD":
            return
        media_type = answer.headers.get("content-type", "").partition(";")[0]
        assert media_type in documented["content"], f"{told} with {media_type}, which is not documented"
        if media_type.endswith("json") and "content-length" in answer.headers:
            answer.read()
            problems = self._validator(documented["content"][media_type]["schema"]).iter_errors(answer.json())
            assert [f"{problem.json_path}: {problem.message}" for problem in problems] == [], told

    def _check_header(self, answer: httpx2.Response, name: str, header: dict[str, Any], told: str) -> None:
        value = answer.headers.get(name)
        if value is None:
            assert not header.get("required"), f"{told} without {name}"
            return
        read = int(value) if header["schema"]["type"] == "integer" else value
        assert self._validator(header["schema"]).is_valid(read), f"{told} with {name}: {value}"

    def _resolved(self, part: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in part:
            return part
        _, _, kind, name = part["$ref"].split("/")
        return dict(self._document["components"][kind][name])

    def _validator(self, schema: dict[str, Any]) -> Draft202012Validator:
        return Draft202012Validator({**schema, "components": self._document["components"]})


@cache
def contract_of(origin: str) -> Contract:
    return Contract(httpx2.get(f"{origin}/openapi.json", timeout=30).json())


def check(answer: httpx2.Response) -> None:
    """A hook for a client's answers."""
    url = answer.request.url
    contract_of(f"{url.scheme}://{url.netloc.decode()}").check(answer)


def checking(url: str, **options: Any) -> httpx2.Client:
    """A client of the server at that address that compares every answer with the document."""
    return httpx2.Client(base_url=url, timeout=30, event_hooks={"response": [check]}, **options)


def _openness(path: str) -> tuple[int, str]:
    return path.count("{"), path


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))


def _closed(schema: Any) -> Any:
    """The same with no room for properties that it does not name."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(one) for name, one in schema.items()}
    if closed.get("type") == "object" and "properties" in closed:
        closed.setdefault("additionalProperties", False)
    return closed
