"""The real server with the toy engine beside the sketch engine: `python -m tests.fakes.server`, settings as usual.

`python -m tests.fakes.server worker` is the real worker with the toy engine, or the one that REELWRIGHT_ENGINE names.

`OPEN_FILES` is what `ulimit -n` would say. With `TINY_ALONE` it has one engine only, whose card no request can overtax;
`TINY_ALONE=text` begins with no picture. `NAME_SERVER` is the address of the only name server that it asks.
"""

from __future__ import annotations

import ctypes
import dataclasses
import json
import os
import resource
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from reelwright.cli.own_server import end_with_parent
from reelwright.engines.catalog import Offer
from reelwright.engines.child import Spec
from reelwright.errors import ConfigurationError
from reelwright.offers import offered
from reelwright.outbound import Outbound
from reelwright.resolving import Resolver
from reelwright.serving import leave, serve, work
from reelwright.settings import load_settings
from reelwright.video import Task
from tests.fakes.engines import CARD, TINY


def hang(*_: Any) -> list[tuple[Any, ...]]:
    """A name server that does not answer."""
    threading.Event().wait()
    raise AssertionError


def ask_only(name_server: str) -> None:
    """This process and its children see another /etc/resolv.conf from now on (namespaces(7)); root only."""
    libc = ctypes.CDLL(None, use_errno=True)
    with tempfile.NamedTemporaryFile("w", prefix="resolv-", delete=False) as file:
        file.write(f"nameserver {name_server}\n")
    new_namespace, bind, private = 0x20000, 0x1000, 0x4000 | 0x40000  # CLONE_NEWNS, MS_BIND, MS_REC | MS_PRIVATE
    failed = (
        libc.unshare(new_namespace)
        or libc.mount(None, b"/", None, private, None)
        or libc.mount(file.name.encode(), b"/etc/resolv.conf", None, bind, None)
    )
    Path(file.name).unlink()
    if failed:
        raise OSError(ctypes.get_errno(), "no other name server")


def run(arguments: list[str]) -> None:
    """The whole program, of which nothing returns."""
    try:
        leave(main(arguments))
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)


def main(arguments: list[str]) -> int:
    if name_server := os.environ.get("NAME_SERVER"):
        ask_only(name_server)
    if sys.platform == "linux":
        end_with_parent()
    if files := os.environ.get("OPEN_FILES"):
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(files), int(files)))
    worker = arguments == ["worker"]
    settings = load_settings(open_api=not worker)
    catalog = offered(settings)
    options = json.loads(os.environ.get("TOY_OPTIONS", "{}"))
    toy = Offer(
        spec=Spec(engine="tests.fakes.engines:ToyEngine", options=options, memory_mb=settings.engine_memory_mb),
        cards=(CARD,),
        slots=options.get("slots", 1),
    )
    catalog = dataclasses.replace(catalog, offers={**catalog.offers, "toy": toy})
    if alone := os.environ.get("TINY_ALONE"):
        card = dataclasses.replace(TINY, tasks=(Task.TEXT_TO_VIDEO,)) if alone == "text" else TINY
        tiny = dataclasses.replace(toy, cards=(card,))
        catalog = dataclasses.replace(catalog, offers={"tiny": tiny}, default="tiny")
    # Webhooks and image URLs reach one loopback address only, and only when a test asks for it.
    reachable = os.environ.get("REACHABLE")
    outbound = Outbound(allow=lambda address: str(address) == reachable, ports=range(65536)) if reachable else None
    if os.environ.get("NAMES_HANG"):
        outbound = Outbound(resolver=lambda: Resolver(threading.BoundedSemaphore(64), hang))
    schedule = json.loads(os.environ.get("WEBHOOK_SCHEDULE", "[0, 0.2, 0.2]"))
    if worker:
        if settings.engine == "sketch":
            catalog = dataclasses.replace(catalog, default="toy", reason="for tests")
        return work(settings, catalog, outbound, schedule)
    return serve(settings, catalog, outbound, schedule)


if __name__ == "__main__":
    run(sys.argv[1:])
