"""The documented proxies as processes: nginx and Caddy on a free port, with the blocks of docs/deployment.md."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tests.docs.pages import blocks
from tests.processes import Process
from tests.servers import ROOT, eventually, free_port

PROGRAMS = {"nginx": "nginx", "caddyfile": "caddy"}
"""The language of a block, and the program that reads it."""

UPSTREAM = "127.0.0.1:3001"
"""What the blocks of the document pass requests on to."""


def lacking(language: str) -> str:
    """Why there can be no such proxy here; empty when there can."""
    program = PROGRAMS[language]
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    return "" if found else f"{program} is not installed: apt-get install {program}"


def documented(language: str) -> list[str]:
    """The blocks in that language, in the document's order: at the root of a site, then under /reel."""
    return [block.text for block in blocks(ROOT / "docs" / "deployment.md") if block.language == language]


@contextmanager
def proxy(language: str, block: str, server_url: str, folder: Path) -> Iterator[str]:
    """The address of a proxy before the server. `block` as it stands in the document, but for the two addresses."""
    port = free_port()
    assert UPSTREAM in block
    block = block.replace(UPSTREAM, server_url.removeprefix("http://"))
    command = _nginx(block, port, folder) if language == "nginx" else _caddy(block, port, folder)
    environment = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    url, log = f"http://127.0.0.1:{port}", folder / "log"
    with log.open("wb") as file, Process[bytes](command, cwd=folder, env=environment, stdout=file, stderr=file) as it:
        try:
            eventually(lambda: it.poll() is not None or _answers(url))
            assert it.poll() is None, log.read_text()
            yield url
        finally:
            it.send_signal(signal.SIGTERM)


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=5).status_code < 500
    except httpx2.TransportError:
        return False


def _nginx(block: str, port: int, folder: Path) -> list[str]:
    places = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{places}server {{\nlisten 127.0.0.1:{port};\n{block}\n}}\n}}\n"
    )
    path = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    return [str(path), "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]


def _caddy(block: str, port: int, folder: Path) -> list[str]:
    block, names = re.subn(r"^\S+ \{", f"http://127.0.0.1:{port} {{", block, count=1)
    assert names == 1
    (folder / "Caddyfile").write_text(f"{{\nadmin off\ndefault_bind 127.0.0.1\nauto_https off\n}}\n{block}")
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]
