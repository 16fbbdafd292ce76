"""The Replicate dialect in the OpenAPI document: predictions, files, models' versions and the account."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from reelwright.api.replicate import REPLICATE, STATUSES, TOP_LEVEL, WEBHOOK_EVENTS
from reelwright.api.replicate_files import MAX_METADATA_CHARACTERS
from reelwright.api.replicate_names import NAMES
from reelwright.api.schema.answers import BINARY, ONCE, WAIT
from reelwright.api.schema.bodies import ADDRESS, IMAGE, LAST_IMAGE, beside_schemas, body_fields, content, json_body
from reelwright.api.schema.json_schema import Schema, array, flag, nullable, number, record, ref, text, whole, words
from reelwright.api.schema.operations import (
    BODY,
    DATABASE,
    FIELD,
    NAMES_ONE,
    SUBMITS,
    Operation,
    Voice,
    answer,
    operation,
    path_parameter,
    query_parameter,
)
from reelwright.api.vocabulary import PICTURES
from reelwright.errors import Code
from reelwright.ids import FILE_ID, VIDEO_ID

VOICE = Voice(dialect=REPLICATE, name="Replicate", error="Problem", media_type="application/problem+json")
TAG = "replicate"
_operation = partial(operation, TAG, VOICE)

_TIME = text(format="date-time")
_URL = text(format="uri")
_PREDICTION = path_parameter("prediction_id", text("The id of a prediction", pattern=f"^{VIDEO_ID}$"))
_FILE = path_parameter("file_id", text("The id of a file", pattern=f"^{FILE_ID}$"))
_MODEL = (
    path_parameter("owner", text("The model's owner", examples=["reelwright"])),
    path_parameter("name", text("The model's name", examples=["default"])),
)


def schemas(fields: Mapping[str, Schema]) -> dict[str, Schema]:
    return {
        "CreatePrediction": json_body(_top_level(), required=("input",)),
        "PredictionInput": json_body(body_fields(NAMES, fields, _special(fields))),
        "Prediction": _prediction(),
        "PredictionList": _page("Prediction"),
        "CreateFile": {
            "type": "object",
            "properties": {
                "content": text("The file", format="binary"),
                "filename": text("The file's name, where the part has none"),
                "type": text("The file's media type, where the part has none"),
                "metadata": text(
                    "The text of a JSON object",
                    maxLength=MAX_METADATA_CHARACTERS,
                    contentMediaType="application/json",
                ),
            },
            "required": ["content"],
            "additionalProperties": False,
        },
        "File": record(
            {
                "id": text("The id", pattern=f"^{FILE_ID}$"),
                "name": text(),
                "content_type": text(),
                "size": whole("In bytes", minimum=0),
                "etag": text(),
                "checksums": record({"sha256": text(pattern="^[0-9a-f]{64}$")}),
                "metadata": words({}),
                "created_at": _TIME,
                "expires_at": _TIME,
                "urls": record({"get": text("What a prediction takes as a picture", format="uri")}),
            }
        ),
        "FileList": _page("File"),
        "ModelVersion": record(
            {"id": text(), "created_at": _TIME, "cog_version": text(), "openapi_schema": words({})},
            "A model has one version, which is named by its id or by any name of the model",
        ),
        "ModelVersionList": _page("ModelVersion"),
        "Account": record(
            {
                "type": text(),
                "username": text(),
                "name": text(),
                "github_url": nullable(text()),
                "avatar_url": nullable(text()),
            }
        ),
        "WebhookSecret": record({"key": text("The secret that webhooks are verified with")}),
        "Problem": record(
            {"title": text(), "detail": text("What is wrong, as a sentence"), "status": whole("The HTTP status")}
        ),
    }


def operations() -> dict[tuple[str, str], Operation]:
    """By path and method."""
    return {**_predictions(), **_files(), **_others()}


def _predictions() -> dict[tuple[str, str], Operation]:
    body = content(json={"schema": ref("CreatePrediction"), "example": {"input": {"prompt": "Snow on a pine forest"}}})
    links = {
        name: {"operationId": name, "parameters": {"prediction_id": "$response.body#/id"}}
        for name in ("getPrediction", "cancelPrediction")
    }
    created = {"201": {**answer("The prediction", "Prediction"), "links": links}}
    return {
        ("/v1/predictions", "post"): _operation(
            "createPrediction", "Create a prediction", created, SUBMITS, (WAIT, ONCE), body
        ),
        ("/v1/models/{owner}/{name}/predictions", "post"): _operation(
            "createModelPrediction",
            "Create a prediction with a model",
            created,
            SUBMITS | NAMES_ONE,
            (*_MODEL, WAIT, ONCE),
            body,
        ),
        ("/v1/predictions", "get"): _operation(
            "listPredictions",
            "List predictions",
            {"200": answer("A page of the caller's predictions", "PredictionList")},
            DATABASE | FIELD,
            (
                query_parameter(
                    "cursor",
                    text("The cursor that the `next` address of the page before contains", pattern=f"^{VIDEO_ID}$"),
                ),
            ),
        ),
        ("/v1/predictions/{prediction_id}", "get"): _operation(
            "getPrediction",
            "Look at a prediction",
            {"200": answer("The prediction as it is now", "Prediction")},
            DATABASE | NAMES_ONE,
            (_PREDICTION,),
        ),
        ("/v1/predictions/{prediction_id}/cancel", "post"): _operation(
            "cancelPrediction",
            "Cancel a prediction",
            {"200": answer("The prediction as it is now", "Prediction")},
            DATABASE | NAMES_ONE,
            (_PREDICTION,),
        ),
    }


def _files() -> dict[tuple[str, str], Operation]:
    kinds = ("application/octet-stream", "image/png", "image/jpeg", "image/webp")
    stored = {
        "description": "The file",
        "headers": {"Content-Disposition": ref("Disposition", "headers")},
        "content": {kind: {"schema": BINARY} for kind in kinds},
    }
    links = {
        name: {"operationId": name, "parameters": {"file_id": "$response.body#/id"}}
        for name in ("getFile", "downloadFile", "deleteFile")
    }
    return {
        ("/v1/files", "post"): _operation(
            "createFile",
            "Store a file for 24 hours",
            {"201": {**answer("The file's description", "File"), "links": links}},
            BODY | DATABASE | {Code.STORAGE_FULL, Code.QUOTA_EXCEEDED},
            body=content(multipart={"schema": ref("CreateFile")}),
        ),
        ("/v1/files", "get"): _operation(
            "listFiles", "List files", {"200": answer("List the caller's files", "FileList")}, DATABASE
        ),
        ("/v1/files/{file_id}", "get"): _operation(
            "getFile",
            "Look at a file",
            {"200": answer("The file's description", "File")},
            DATABASE | NAMES_ONE,
            (_FILE,),
        ),
        ("/v1/files/{file_id}", "delete"): _operation(
            "deleteFile", "Delete a file", {"204": {"description": "It is gone"}}, DATABASE | NAMES_ONE, (_FILE,)
        ),
        ("/v1/files/{file_id}/download", "get"): _operation(
            "downloadFile", "Download a file", {"200": stored}, DATABASE | NAMES_ONE, (_FILE,)
        ),
    }


def _others() -> dict[tuple[str, str], Operation]:
    version = path_parameter("version", text("A version's id or a model's name", examples=["default"]))
    return {
        ("/v1/models/{owner}/{name}/versions", "get"): _operation(
            "listModelVersions",
            "List a model's versions",
            {"200": answer("Its one version", "ModelVersionList")},
            NAMES_ONE,
            _MODEL,
        ),
        ("/v1/models/{owner}/{name}/versions/{version}", "get"): _operation(
            "getModelVersion",
            "Look at a model's version",
            {"200": answer("The version", "ModelVersion")},
            NAMES_ONE,
            (*_MODEL, version),
        ),
        ("/v1/account", "get"): _operation(
            "getAccount", "Look at the account of this key", {"200": answer("The account", "Account")}
        ),
        ("/v1/webhooks/default/secret", "get"): _operation(
            "getWebhookSecret",
            "Get the secret that this key's webhooks are verified with",
            {"200": answer("The secret", "WebhookSecret")},
        ),
    }


def _top_level() -> dict[str, Schema]:
    webhook = beside_schemas()["webhook"]
    known: dict[str, Schema] = {
        "input": ref("PredictionInput"),
        "version": text("The model: its name, `owner/name`, or a version's id"),
        "webhook": webhook,
        "webhook_events_filter": array(text(enum=[*WEBHOOK_EVENTS]), "The events that the webhook is sent"),
        "webhook_completed": webhook,
        "stream": {"description": "Accepted because some clients send it, and ignored"},
    }
    assert set(known) == TOP_LEVEL
    return known


def _special(fields: Mapping[str, Schema]) -> dict[str, Schema]:
    """The schemas of the fields that are also accepted in the forms that Replicate's models use."""
    pictures = {name: own for name, own in NAMES.renamed.items() if own in PICTURES} | {one: one for one in PICTURES}
    length = text(pattern=r"^[0-9]{1,4}_frames\w*$")
    return {
        **{
            name: text(IMAGE if own == "image" else LAST_IMAGE, pattern=ADDRESS)
            for name, own in sorted(pictures.items())
        },
        "seed": {**fields["seed"], "minimum": -1},
        "interpolate_output": {
            "description": fields["interpolate"]["description"],
            "anyOf": [flag("Twice as many"), fields["interpolate"]],
        },
        "size": text('"WxH" in pixels, or "W*H"', pattern=r"^\s*[0-9]{1,5}[xX×*][0-9]{1,5}\s*$"),
        "aspect_ratio": text("The shape", examples=["16:9", "portrait"]),
        "video_length": {"description": "Number of frames", "anyOf": [fields["num_frames"], length]},
    }


def _page(name: str) -> Schema:
    """A page of a list, with the addresses of the pages before and after it."""
    return record({"previous": nullable(_URL), "next": nullable(_URL), "results": array(ref(name))})


def _prediction() -> Schema:
    """The schema of what `api.replicate.prediction` returns."""
    return record(
        {
            "id": text("The id", pattern=f"^{VIDEO_ID}$"),
            "model": text("The model's `owner/name`"),
            "version": text("Its version"),
            "status": text(enum=[*STATUSES.values(), "canceled"]),
            "input": words({}, "What was sent"),
            "output": nullable(text("Where the video is", format="uri")),
            "logs": text("What the server says about the job, a line each"),
            "error": nullable(text("Why it failed")),
            "metrics": words(nullable(number()), "How long it took, in seconds"),
            "source": text(const="api"),
            "data_removed": flag(),
            "webhook": text(),
            "webhook_events_filter": array(text()),
            "warnings": array(text(), "What was sent in vain, with the reasons"),
            "created_at": _TIME,
            "started_at": nullable(_TIME),
            "completed_at": nullable(_TIME),
            "urls": record({"get": _URL, "cancel": _URL}),
        },
        optional=("webhook", "webhook_events_filter"),
    )
