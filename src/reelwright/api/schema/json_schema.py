"""Small JSON Schemas (https://json-schema.org/draft/2020-12), as OpenAPI 3.1 has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Schema = dict[str, Any]


def text(description: str = "", **more: Any) -> Schema:
    return _told("string", description, more)


def whole(description: str = "", **more: Any) -> Schema:
    return _told("integer", description, more)


def number(description: str = "", **more: Any) -> Schema:
    return _told("number", description, more)


def flag(description: str = "", **more: Any) -> Schema:
    return _told("boolean", description, more)


def array(items: Schema, description: str = "", **more: Any) -> Schema:
    return _told("array", description, {"items": items, **more})


def record(properties: Mapping[str, Schema], description: str = "", optional: Sequence[str] = ()) -> Schema:
    """An object of an answer: all its properties are always there, but for the `optional` ones. It may grow."""
    required = [name for name in properties if name not in optional]
    return _told("object", description, {"properties": dict(properties), "required": required})


def words(values: Schema, description: str = "", **more: Any) -> Schema:
    """An object with names of the client's or the server's own choice."""
    return _told("object", description, {"additionalProperties": values, **more})


def nullable(schema: Schema) -> Schema:
    """The same, or null."""
    if "anyOf" in schema:
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    return {**schema, "type": [schema["type"], "null"]} if "type" in schema else schema


def ref(name: str, kind: str = "schemas") -> Schema:
    """A reference to a component of the document."""
    return {"$ref": f"#/components/{kind}/{name}"}


def _told(kind: str, description: str, more: Mapping[str, Any]) -> Schema:
    return {"type": kind, **({"description": description} if description else {}), **more}
