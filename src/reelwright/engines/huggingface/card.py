"""The cards of the configured models. Pure data: nothing of Hugging Face's library is imported here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reelwright.engines.engine import Card
from reelwright.engines.huggingface.access import Access
from reelwright.engines.huggingface.form import Form, form_for
from reelwright.engines.huggingface.options import ENDPOINT, Options, Route, submitting
from reelwright.video import Task

ENGINE = "huggingface"


def cards(options: Mapping[str, Any], access: Access | None = None) -> tuple[Card, ...]:
    """One card per configured model, the default first; with `access` of those that it reaches.

    Raises `ConfigurationError` for options that make no sense.
    """
    configured = Options.parse(options, access)
    tasks = tasks_by_model(configured)
    return tuple(_card(configured, model, taken) for model, taken in tasks.items())


def tasks_by_model(options: Options) -> dict[str, tuple[Task, ...]]:
    """Which tasks each configured model takes; with a chain the image-to-video models take text too."""
    tasks: dict[str, list[Task]] = {}
    for task in Task:
        for route in options.routes(task):
            taken = tasks.setdefault(route.model, [])
            if task not in taken:
                taken.append(task)
    if options.text_to_image:
        for route in options.image_to_video:
            if Task.TEXT_TO_VIDEO not in tasks[route.model]:
                tasks[route.model].insert(0, Task.TEXT_TO_VIDEO)
    return {model: tuple(taken) for model, taken in tasks.items()}


def _card(options: Options, model: str, tasks: tuple[Task, ...]) -> Card:
    routes = list(dict.fromkeys(route for task in Task for route in options.routes(task) if route.model == model))
    forms = [form_for(route) for route in routes]
    honours = {"seed"}.union(*(form.names for form in forms))
    if Task.IMAGE_TO_VIDEO in tasks:
        honours.add("image")
    first = forms[0]
    # A request for a shorter video than the provider makes gets its shortest, and the record says so; a longer one is
    # refused.
    least = first.min_frames if first.min_frames <= 24 else 1
    most = max(form.max_frames if form.frames else form.durations[-1] * form.max_fps for form in forms)
    return Card(
        engine=ENGINE,
        model=model,
        title="Dedicated endpoint" if model == ENDPOINT else f"{model.rpartition('/')[2]} (Hugging Face)",
        description=_description(routes, first),
        generative_ai=True,
        paid=True,
        tasks=tasks,
        honours=frozenset(honours),
        max_side=1920 if first.pixels else 1280,
        min_frames=least,
        max_frames=most,
        max_pixel_frames=1920 * 1088 * most if first.pixels else 1280 * 720 * most,
        default_frames=max(24, least),
        deterministic=False,
        resumes=True,
        # Other jobs make a picture first, or ask the hub, and so do not all begin with the same checkpoint.
        initial_checkpoint=submitting(Route(ENDPOINT, ENDPOINT))
        if model == ENDPOINT and not options.text_to_image
        else None,
    )


def _description(routes: list[Route], form: Form) -> str:
    if routes[0].provider == ENDPOINT:
        return "A dedicated endpoint that speaks the Hugging Face task form."
    served = "Generated remotely by " + ", then ".join(dict.fromkeys(route.provider for route in routes)) + "."
    if form.resolutions:
        return f"{served} The nearest of {', '.join(form.resolutions)} at {', '.join(form.aspects)} is rendered."
    if form.sizes:
        sizes = ", ".join(f"{width}x{height}" for width, height in form.sizes)
        return f"{served} The nearest of {sizes} is rendered."
    return served
