"""Sending a file: our connection with sendfile(2), the same answer without it, and Starlette's `FileResponse`.

`python benchmarks/sending.py` prints for each size the server's CPU for a download, and how long a client waits for it.
Each of the three is a server of its own, with one process; they take turns, so that a busy machine is unfair to none.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

sys.path.insert(0, str(Path(__file__).parent.parent))

from reelwright.api.connection import Connection
from reelwright.api.connection_limit import ConnectionLimit
from reelwright.api.delivery import Download
from tests.api.file_server import Announced
from tests.api.wire import refuse

WAYS = ("sendfile", "read", "FileResponse")
SIZES_MB = (0.2, 1, 5, 50)
BYTES_A_ROUND = 20_000_000


def serve(folder: Path, way: str) -> None:
    async def file(request: Request) -> Response:
        path = folder / request.path_params["name"]
        if way == "FileResponse":
            return FileResponse(path, media_type="video/mp4")
        return Download(path, "video/mp4", {"ETag": '"x"'})

    connection = partial(Connection, refusal=refuse, limit=ConnectionLimit(1_000))
    config = uvicorn.Config(
        Starlette(routes=[Route("/{name}", file)]),
        http=connection if way == "sendfile" else "httptools",
        port=0,
        lifespan="off",
        log_config=None,
        access_log=False,
    )
    uvloop.run(Announced(config).serve())


def cpu_s(pid: int) -> float:
    """Processor time of the process until now."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


class Client:
    """One kept connection. It only counts the bytes, so that the server is what is measured."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._buffer = bytearray(1 << 20)

    def get(self, name: str, size: int) -> float:
        """Seconds for one download."""
        begun = time.perf_counter()
        self._socket.sendall(f"GET /{name} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += self._socket.recv(65536)
        left = size - len(head.partition(b"\r\n\r\n")[2])
        while left:
            left -= self._socket.recv_into(self._buffer)
        return time.perf_counter() - begun


def measure(folder: Path, rounds: int) -> None:
    processes = {
        way: subprocess.Popen([sys.executable, __file__, "--serve", str(folder), way], stdout=subprocess.PIPE)
        for way in WAYS
    }
    try:
        ports = {way: int(one.stdout.readline()) for way, one in processes.items() if one.stdout}
        clients = {way: Client(port) for way, port in ports.items()}
        print("| size | way | CPU a download | beside FileResponse | median wait | beside FileResponse |")
        print("|---|---|---|---|---|---|")
        for size_mb in SIZES_MB:
            size, name = int(size_mb * 1e6), f"{size_mb}.mp4"
            (folder / name).write_bytes(bytes(size))
            times = max(2, BYTES_A_ROUND // size)
            cpu: dict[str, float] = dict.fromkeys(WAYS, 0.0)
            waits: dict[str, list[float]] = {way: [] for way in WAYS}
            for number in range(rounds + 1):
                for way in WAYS:
                    before = cpu_s(processes[way].pid)
                    taken = [clients[way].get(name, size) for _ in range(times)]
                    if number:  # the first round warms up
                        cpu[way] += cpu_s(processes[way].pid) - before
                        waits[way] += taken
            for way in WAYS:
                each, wait = cpu[way] / (rounds * times) * 1000, statistics.median(waits[way]) * 1000
                base_cpu = cpu["FileResponse"] / (rounds * times) * 1000
                base_wait = statistics.median(waits["FileResponse"]) * 1000
                print(
                    f"| {size_mb} MB | {way} | {each:.2f} ms | {each / base_cpu:.2f} | "
                    f"{wait:.2f} ms | {wait / base_wait:.2f} |",
                    flush=True,
                )
    finally:
        for one in processes.values():
            one.kill()
            one.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", nargs=2, metavar=("FOLDER", "WAY"))
    options = parser.parse_args()
    if options.serve:
        serve(Path(options.serve[0]), options.serve[1])
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), options.rounds)


if __name__ == "__main__":
    main()
