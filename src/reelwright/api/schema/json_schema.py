"""Makes the JSON Schemas (https://json-schema.org/draft/2020-12) of which an OpenAPI 3.1 document is composed."""

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
    """An object in an answer. All properties but the `optional` ones are always there; a later release may add some."""
    required = [name for name in properties if name not in optional]
    return _told("object", description, {"properties": dict(properties), "required": required})


def words(values: Schema, description: str = "", **more: Any) -> Schema:
    """An object whose property names are free, and whose values all have the same schema."""
    return _told("object", description, {"additionalProperties": values, **more})


def nullable(schema: Schema) -> Schema:
    """The same schema, which also allows null."""
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
