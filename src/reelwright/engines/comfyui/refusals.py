"""What ComfyUI says when it does not take a graph or fails to execute it, as one of our errors.

| ComfyUI                                             | code                     | then |
|-----------------------------------------------------|--------------------------|------|
| no connection, 5xx, nothing executed for long       | upstream_error           | next |
| 401, 403                                            | upstream_unauthorized …  | stop |
| a node class or a model file is missing             | engine_not_configured    | next |
| it does not take the id that we give a job          | engine_not_configured    | next |
| a value that the request set is not taken           | engine_failed            | stop |
| other graphs that it does not take, also in part    | engine_failed            | stop |
| execution_error, memory                             | out_of_memory            | next |
| execution_error, other                              | engine_failed            | stop |
| interrupted, or gone, and not by us                 | upstream_error           | stop |
| lost                                                | upstream_error           | next |
| no file, or not a video                             | bad_output               | stop |

Tracebacks and paths of the other machine are never passed on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reelwright.engines.upstream.outcomes import NextStep, Scrubber, UpstreamError
from reelwright.errors import Code

MISSING_CLASS = frozenset({"missing_node_type", "invalid_prompt"})
MAX_LINE = 300
"""How many characters of an exception's first line are shown."""

_MEMORY = re.compile(r"out ?of ?memory", re.IGNORECASE)
_PATH = re.compile(r"(?<![\w.])(?:[A-Za-z]:[\\/]|~?/)(?:[^\s\"'<>|:*?,;()\\/]+[\\/])+")
"""The folders of an absolute path; the file's own name is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """One error of one node, as `node_errors` lists them. `value`: what was given, where it is told."""

    node: str
    class_type: str
    kind: str
    input: str | None
    details: str
    value: object


class Rejected(UpstreamError):
    """The graph was not taken, or only in part. `complaints` say which node it is about.

    `taken`: ComfyUI queued what was left of the graph; it has to be taken out again.
    """

    def __init__(self, message: str, *, complaints: tuple[Complaint, ...], taken: bool, details: str | None) -> None:
        super().__init__(message, code=Code.ENGINE_FAILED, details=details, status=400)
        self.complaints = complaints
        self.taken = taken


class Absent(UpstreamError):
    """Nobody listens at the address, so nothing was sent."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"ComfyUI at {name} could not be reached. Start it, or mend REELWRIGHT_COMFYUI_URL.",
            code=Code.UPSTREAM_ERROR,
            next_step=NextStep.NEXT,
            unhealthy=True,
        )


def rejected(text: str, name: str, scrub: Scrubber, *, taken: bool) -> UpstreamError:
    """The error for an answer to `POST /prompt` that is 400, or has `node_errors`."""
    try:
        answer = json.loads(text)
    except ValueError:
        answer = {}
    answer = answer if isinstance(answer, dict) else {}
    error = answer.get("error")
    error = error if isinstance(error, dict) else {"message": str(error or "")}
    if error.get("type") in MISSING_CLASS and (missing := _missing_class(error)):
        return missing_class(name, *missing)
    complaints = tuple(_complaints(answer.get("node_errors")))
    if complaints:
        said = "; ".join(dict.fromkeys(_sentence(one) for one in complaints[:3]))
    else:
        said = without_paths(str(error.get("message", "")))[:MAX_LINE] or "without a reason"
    return Rejected(
        f"ComfyUI does not take the workflow: {said}.", complaints=complaints, taken=taken, details=scrub(said)
    )


def missing_class(name: str, class_type: str, node: str | None) -> UpstreamError:
    about = f" (node {node})" if node else ""
    return UpstreamError(
        f"ComfyUI at {name} has no node class {class_type}{about}. Install the custom nodes that the workflow uses.",
        code=Code.ENGINE_NOT_CONFIGURED,
        next_step=NextStep.NEXT,
    )


def another_id(name: str) -> UpstreamError:
    return UpstreamError(
        f"ComfyUI at {name} is too old: it gives jobs ids of its own. Update it.",
        code=Code.ENGINE_NOT_CONFIGURED,
        next_step=NextStep.NEXT,
    )


def missing_file(name: str, complaint: Complaint) -> UpstreamError:
    return UpstreamError(
        f"ComfyUI at {name} has no file {str(complaint.value)[:120]!r} for {complaint.input} of node {complaint.node} "
        f"({complaint.class_type}). Put the model file there.",
        code=Code.ENGINE_NOT_CONFIGURED,
        next_step=NextStep.NEXT,
    )


def not_taken(complaint: Complaint, field: str) -> UpstreamError:
    """The error for a value of the request that ComfyUI refuses, and that the card should have refused before."""
    why = complaint.details or complaint.kind
    return UpstreamError(f"ComfyUI does not take this {field}: {why}.", code=Code.ENGINE_FAILED)


def uploading(name: str, size: int) -> UpstreamError:
    return UpstreamError(
        f"ComfyUI at {name} does not take a picture of {size:,} bytes. Start it with a larger --max-upload-size.",
        code=Code.ENGINE_FAILED,
    )


class Lost(UpstreamError):
    """The result of a submission is not there, although nothing is wrong with the graph: it may be submitted again."""

    def __init__(self, cause: UpstreamError) -> None:
        super().__init__(
            cause.message,
            code=cause.code,
            next_step=NextStep.NEXT,
            unhealthy=cause.unhealthy,
            details=cause.details,
        )


def lost(name: str) -> Lost:
    return Lost(
        UpstreamError(
            f"ComfyUI at {name} lost the job: it was restarted, or somebody cleared its queue.",
            code=Code.UPSTREAM_ERROR,
            unhealthy=True,
        )
    )


def stalled(name: str) -> UpstreamError:
    return UpstreamError(
        f"ComfyUI at {name} takes jobs and executes none. Restart it.",
        code=Code.UPSTREAM_ERROR,
        next_step=NextStep.NEXT,
        unhealthy=True,
        running=True,
    )


def failed(entry: Mapping[str, Any], titles: Mapping[str, str], scrub: Scrubber) -> UpstreamError:
    """The error for a history entry of a job that did not succeed. `titles`: the nodes' names by id."""
    for kind, told in _messages(entry):
        if kind == "execution_interrupted":
            return UpstreamError("The job was cancelled at ComfyUI.", code=Code.UPSTREAM_ERROR)
        if kind == "execution_error":
            return _execution_error(told, titles, scrub)
    return UpstreamError("ComfyUI reported that the workflow failed.", code=Code.UPSTREAM_ERROR)


def _execution_error(told: Mapping[str, Any], titles: Mapping[str, str], scrub: Scrubber) -> UpstreamError:
    lines = str(told.get("exception_message", "")).strip().splitlines()
    said = without_paths(lines[0])[:MAX_LINE].rstrip(". ") if lines else str(told.get("exception_type", "an error"))
    node = str(told.get("node_id", ""))
    title = titles.get(node) or str(told.get("node_type", "")) or node
    if _MEMORY.search(f"{told.get('exception_type', '')} {said}"):
        return UpstreamError(
            f"ComfyUI ran out of memory in {title}. Ask for fewer frames or a smaller size.",
            code=Code.OUT_OF_MEMORY,
            next_step=NextStep.NEXT,
            details=scrub(said),
        )
    return UpstreamError(f"ComfyUI failed in {title}: {scrub(said) or 'an error'}.", code=Code.ENGINE_FAILED)


def without_paths(text: str) -> str:
    """The text with absolute paths cut down to the files' own names."""
    return _PATH.sub("", text)


def _missing_class(error: Mapping[str, Any]) -> tuple[str, str | None] | None:
    match error.get("extra_info"):
        case {"class_type": str(class_type), **rest} if class_type:
            node = rest.get("node_id")
            return class_type, str(node) if node else None
    # 0.3 names it in the text: "Cannot execute because node X does not exist."
    found = re.search(r"node (?:type )?['\"]?([^\s'\"]+)['\"]? (?:does not exist|not found)", str(error.get("message")))
    number = re.search(r"#(\S+?)'?$", str(error.get("details", "")))
    return (found[1], number[1] if number else None) if found else None


def _complaints(node_errors: object) -> Iterator[Complaint]:
    if not isinstance(node_errors, dict):
        return
    for node, about in node_errors.items():
        if not isinstance(about, dict):
            continue
        for error in about.get("errors") or ():
            if not isinstance(error, dict):
                continue
            info = error.get("extra_info")
            info = info if isinstance(info, dict) else {}
            yield Complaint(
                node=str(node),
                class_type=str(about.get("class_type", "")),
                kind=str(error.get("type", "")),
                input=str(info["input_name"]) if info.get("input_name") else None,
                details=without_paths(_said(error, info.get("input_name")))[:MAX_LINE],
                value=info.get("received_value"),
            )


def _said(error: Mapping[str, Any], name: object) -> str:
    """What is wrong, in one line. Of a bound, `details` only repeats the input's name, and `message` tells; of an
    exception, `details` goes on with a traceback."""
    details, message = str(error.get("details") or ""), str(error.get("message") or "")
    return (message if details in ("", name) and message else details).split("\n")[0]


def _sentence(complaint: Complaint) -> str:
    where = f"{complaint.input} of node {complaint.node}" if complaint.input else f"node {complaint.node}"
    return f"{where} ({complaint.class_type}): {complaint.details or complaint.kind}"


def _messages(entry: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    status = entry.get("status")
    for message in (status or {}).get("messages") or ():
        match message:
            case [str(kind), dict(told)]:
                yield kind, told
