"""The clients know every word of the server's own API, and are the same but for `await`."""

from __future__ import annotations

import importlib.util
import inspect
from typing import Any

import pytest

from reelwright.api.fields import VideoFields
from reelwright.api.schema.bodies import beside_schemas
from reelwright.api.schema.document import operations
from reelwright.client import AsyncClient, AsyncVideo, Client, Fields, Video
from tests.servers import ROOT

METHODS = {
    "createVideo": "generate",
    "extendVideo": "extend",
    "remixVideo": "remix",
    "resumeVideo": "resume",
    "getVideo": "get",
    "deleteVideo": "delete",
    "annotateVideo": "annotate",
    "shareVideo": "share",
    "cancelVideo": "cancel",
    "getVideoContent": "content",
    "streamVideoEvents": "events",
    "listModels": "models",
    "getModel": "model",
    "listWebhookDeliveries": "deliveries",
    "resendWebhook": "resend",
    "listVideos": "list",
    "getUsage": "usage",
    "getHealth": "health",
    "getReadiness": "ready",
}
"""By operation, the method that asks for it."""

LEFT_OUT = {
    "createVideoAndWait": "`generate`, `wait` and `save` do it",
    "getMetrics": "is for Prometheus",
}
OTHERS = {
    "native": "answers with the file itself: for `fetch`",
    "huggingface": "has clients of its own",
    "replicate": "has clients of its own",
    "openrouter": "has clients of its own",
    "keys": "is the operator's: `reelwright keys`",
    "admin": "is the operator's: `reelwright audit`, the admin's page",
}
"""The parts of the API that the client does not speak, and why."""

PARAMETERS = {
    "Idempotency-Key": "idempotency_key",
    "Last-Event-ID": "after",
    "model": "name",
    "from": "since",
    "to": "until",
}
"""Words of the API that have another name here: those of headers and of Python. (`list` has a `model` of its own.)"""

NEVER_SENT = {
    "Prefer": "`wait` follows the events instead",
    "Range": "`save` downloads the whole file",
    "If-None-Match": "nothing is cached",
}


def known(call: Any) -> set[str]:
    return set(inspect.signature(call).parameters)


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_every_route_has_its_method_with_every_parameter(client: type) -> None:
    own = {operation.id: operation for operation in operations().values() if operation.tag not in OTHERS}
    own |= {"getUsage": next(one for one in operations().values() if one.id == "getUsage")}
    assert set(own) == set(METHODS) | set(LEFT_OUT)
    for name, method in METHODS.items():
        asked = {parameter["name"] for parameter in own[name].parameters} - set(NEVER_SENT)
        takes = known(getattr(client, method))
        assert {word for word in asked if word not in takes and PARAMETERS.get(word) not in takes} == set(), name


def test_generate_takes_every_field() -> None:
    assert set(Fields.__annotations__) == (set(VideoFields.model_fields) | set(beside_schemas())) - {"prompt"} | {
        "image",
        "last_image",
    }


def test_a_video_has_the_verbs_of_the_client() -> None:
    for video, client in ((Video, Client), (AsyncVideo, AsyncClient)):
        for verb in ("wait", "save", "events", "resume", "remix", "extend", "annotate", "share", "cancel", "delete"):
            assert known(getattr(video, verb)) <= known(getattr(client, verb)), verb


def test_the_synchronous_client_is_current() -> None:
    spec = importlib.util.spec_from_file_location("synchronous_client", ROOT / "scripts" / "synchronous_client.py")
    assert spec
    assert spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.TARGET.read_text() == script.synchronous(script.SOURCE.read_text()), "run: make client"
