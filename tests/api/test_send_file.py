"""Files on real connections, sent by the kernel: byte for byte, to clients that are slow, impatient or gone."""

from __future__ import annotations

import http.client
import os
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, NamedTuple

import httpx2
import pytest

from reelwright.api.connection import NOW
from tests.api.file_server import FileServer, descriptors, waits_for_room
from tests.api.videos import made
from tests.servers import ServerProcess, eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks /proc what the server waits for")

MIB = 1024 * 1024
SIZE = 24 * MIB  # several times what all buffers on the way hold
BIG, SHORT, EMPTY = "/files/big", "/files/short", "/files/empty"

Start = Callable[[str], FileServer]


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes
    """Shorter than Content-Length says when the connection ended before."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("files")
    (path / "big").write_bytes(os.urandom(SIZE))
    (path / "short").write_bytes(os.urandom(1000))
    (path / "empty").touch()
    return path


@pytest.fixture(scope="module")
def whole(folder: Path) -> bytes:
    return (folder / "big").read_bytes()


@pytest.fixture(scope="module")
def start(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """One server for each `way` of `FileServer`."""
    logs = tmp_path_factory.mktemp("logs")
    running: dict[str, FileServer] = {}
    with ExitStack() as stack:

        def begin(way: str) -> FileServer:
            if way not in running:
                running[way] = stack.enter_context(FileServer(folder, logs / f"{way}.log", way))
            return running[way]

        yield begin


@pytest.fixture
def files(start: Start) -> FileServer:
    """It asks the kernel itself whether a file is in memory."""
    return start("as it is")


@pytest.fixture(params=["memory", "disk"])
def either(start: Start, request: pytest.FixtureRequest) -> FileServer:
    """From memory the loop has the kernel send, from a disk a thread."""
    return start(request.param)


def connect(port: int, *, roomy: bool = True) -> socket.socket:
    """A connection, on which little is received that is not read yet unless it is roomy."""
    connection = socket.socket()
    if not roomy:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    connection.settimeout(20)
    connection.connect(("127.0.0.1", port))
    return connection


def asking(path: str, *headers: str, method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode()


def read(stream: BinaryIO, *, bodiless: bool = False) -> Answer:
    """The next answer, and no byte of the one behind it."""
    status = int(stream.readline().split()[1])
    headers = http.client.parse_headers(stream)
    return Answer(status, headers, b"" if bodiless else stream.read(int(headers["Content-Length"])))


def fetch(server: FileServer, path: str, *headers: str) -> Answer:
    """The answer on a connection that the client asks to close, which is at its end then."""
    with connect(server.port) as connection, connection.makefile("rb") as stream:
        connection.sendall(asking(path, *headers, "Connection: close"))
        answer = read(stream)
        assert stream.read() == b""
    assert answer.headers["Connection"] == "close"
    return answer


def stuck(pid: int, clients: int = 1) -> None:
    """Returns when the server has sent that many clients all that it can while they do not read."""
    eventually(lambda: waits_for_room(pid) == clients)


def idle(server: FileServer) -> None:
    """Returns when the server has closed all that it has opened."""
    eventually(lambda: descriptors(server.pid) == server.descriptors)


def read_from_files(server: FileServer) -> int:
    """How many bytes of files have passed through the server's own memory."""
    return sum(count for name, count in server.counts().items() if name.startswith("pread"))


@pytest.mark.parametrize(("way", "call"), [("memory", "sendfile"), ("disk", "sendfile in a thread")])
def test_every_byte_is_sent_by_the_kernel(start: Start, whole: bytes, way: str, call: str) -> None:
    files = start(way)
    before = files.counts()
    answer = fetch(files, BIG)
    assert answer.status == 200
    assert answer.body == whole
    assert files.counts() - before == {call: SIZE}


def test_a_client_that_reads_slowly_gets_every_byte_and_holds_nobody_up(either: FileServer, whole: bytes) -> None:
    with connect(either.port, roomy=False) as connection, connection.makefile("rb") as stream:
        connection.sendall(asking(BIG))
        received = bytearray()
        for _ in range(4):
            stuck(either.pid)
            assert either.get("/hello").text == "hello"
            assert either.get(SHORT).status_code == 200
            received += stream.read(MIB)
        assert received.startswith(b"HTTP/1.1 200 ")
        body = received.partition(b"\r\n\r\n")[2]
        body += stream.read(SIZE - len(body))
        assert body == whole
        # Nothing came behind it: the connection takes the next request.
        connection.sendall(asking("/hello"))
        assert read(stream).body == b"hello"


def test_clients_that_wait_side_by_side_get_their_own(either: FileServer, whole: bytes) -> None:
    ranges = [(n * MIB, SIZE - (4 - n) * MIB) for n in range(4)]
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(either.port, roomy=False)) for _ in ranges]
        for connection, (first, end) in zip(connections, ranges, strict=True):
            connection.sendall(asking(BIG, f"Range: bytes={first}-{end - 1}"))
        stuck(either.pid, clients=len(ranges))
        for connection, (first, end) in zip(reversed(connections), reversed(ranges), strict=True):
            with connection.makefile("rb") as stream:
                assert read(stream).body == whole[first:end]


def test_a_file_that_is_not_in_memory_is_sent_by_a_thread(files: FileServer, folder: Path) -> None:
    path, data = folder / "evicted", os.urandom(SIZE)
    path.write_bytes(data)
    before = files.counts()
    with path.open("rb+") as file:
        os.fsync(file)
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        evicted = not _in_memory(file.fileno())
    assert fetch(files, "/files/evicted").body == data
    if not evicted:
        pytest.skip("the file system keeps files in memory, or cannot tell")
    assert (files.counts() - before)["sendfile in a thread"] > 0


def _in_memory(file: int) -> bool:
    assert NOW is not None
    try:
        return all(os.preadv(file, [bytearray(1)], at, NOW) for at in range(0, SIZE, 4096))
    except BlockingIOError:
        return False
    except OSError:
        return True


@pytest.mark.parametrize("way", ["unfit", "used up"])
def test_what_the_kernel_cannot_send_is_read(start: Start, whole: bytes, way: str) -> None:
    files = start(way)
    assert fetch(files, BIG).body == whole
    answer = fetch(files, BIG, f"Range: bytes=5-{SIZE // 2},{SIZE - 7}-")
    assert answer.body == multipart(answer, whole, (5, SIZE // 2 + 1), (SIZE - 7, SIZE))
    assert "Traceback" not in files.log_text()


def multipart(answer: Answer, whole: bytes, *ranges: tuple[int, int]) -> bytes:
    """The body that the answer must have, with the boundary that it names."""
    media_type, _, boundary = answer.headers["Content-Type"].partition("; boundary=")
    assert media_type == "multipart/byteranges"
    body = b""
    for first, end in ranges:
        body += f"\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\n".encode()
        body += f"Content-Range: bytes {first}-{end - 1}/{SIZE}\r\n\r\n".encode() + whole[first:end]
    return body + f"\r\n--{boundary}--\r\n".encode()


@pytest.mark.parametrize(("first", "end"), [(0, 1), (7, MIB + 8), (MIB, 3 * MIB), (SIZE - 1, SIZE), (1, SIZE)])
def test_a_range_is_exact(either: FileServer, whole: bytes, first: int, end: int) -> None:
    answer = fetch(either, BIG, f"Range: bytes={first}-{end - 1}")
    assert answer.status == 206
    assert answer.headers["Content-Range"] == f"bytes {first}-{end - 1}/{SIZE}"
    assert answer.body == whole[first:end]


@pytest.mark.parametrize("roomy", [True, False])
def test_ranges_and_what_stands_between_them_keep_their_order(either: FileServer, whole: bytes, roomy: bool) -> None:
    ranges = ((0, 6 * MIB), (7 * MIB, 7 * MIB + 1), (8 * MIB + 3, 20 * MIB), (SIZE - 100, SIZE))
    asked = ",".join(f"{first}-{end - 1}" for first, end in ranges)
    with connect(either.port, roomy=roomy) as connection, connection.makefile("rb") as stream:
        connection.sendall(asking(BIG, f"Range: bytes={asked}"))
        if not roomy:
            stuck(either.pid)
        answer = read(stream)
        connection.sendall(asking("/hello"))
        assert read(stream).body == b"hello"
    assert answer.status == 206
    assert answer.body == multipart(answer, whole, *ranges)


def test_head_sends_no_body(either: FileServer, whole: bytes) -> None:
    with connect(either.port) as connection, connection.makefile("rb") as stream:
        connection.sendall(asking(BIG, method="HEAD") + asking(BIG))
        answer = read(stream, bodiless=True)
        assert (answer.status, int(answer.headers["Content-Length"])) == (200, SIZE)
        assert read(stream).body == whole


def test_an_empty_file(either: FileServer) -> None:
    assert fetch(either, EMPTY)[::2] == (200, b"")


def test_a_connection_is_kept_alive(either: FileServer, whole: bytes) -> None:
    with connect(either.port) as connection, connection.makefile("rb") as stream:
        for path, body in ((BIG, whole), (BIG, whole), ("/hello", b"hello")):
            connection.sendall(asking(path))
            assert read(stream).body == body


@pytest.mark.parametrize("roomy", [True, False])
def test_requests_behind_each_other_are_answered_in_order(
    either: FileServer, folder: Path, whole: bytes, roomy: bool
) -> None:
    with connect(either.port, roomy=roomy) as connection, connection.makefile("rb") as stream:
        connection.sendall(
            asking(BIG) + asking(SHORT) + asking("/hello") + asking(BIG, "Range: bytes=1-") + asking(BIG)
        )
        if not roomy:
            stuck(either.pid)
        for body in (whole, (folder / "short").read_bytes(), b"hello", whole[1:], whole):
            assert read(stream).body == body


def test_a_client_that_says_it_will_wait_for_100_continue(either: FileServer, whole: bytes) -> None:
    with connect(either.port) as connection, connection.makefile("rb") as stream:
        connection.sendall(asking(BIG, "Expect: 100-continue"))
        assert read(stream).body == whole


def close(connection: socket.socket) -> None:
    connection.close()


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def end(connection: socket.socket) -> None:
    """The connection stays, and its last bytes are not read."""
    connection.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("hang_up", [close, reset, end])
@pytest.mark.parametrize("requests", [1, 2])
def test_who_hangs_up_while_the_server_waits_leaves_nothing_behind(
    either: FileServer, hang_up: Callable[[socket.socket], None], requests: int
) -> None:
    before, log = read_from_files(either), either.log_text()
    with connect(either.port, roomy=False) as connection:
        connection.sendall(asking(BIG) * requests)
        stuck(either.pid)
        hang_up(connection)
        idle(either)
    # The rest of the file is not read for nobody, which would hold up the others.
    assert read_from_files(either) - before < 2 * MIB
    assert fetch(either, SHORT).status == 200
    assert either.log_text() == log


@pytest.mark.parametrize("requests", [1, 2])
def test_who_hangs_up_while_bytes_flow_leaves_nothing_behind(either: FileServer, requests: int) -> None:
    before, log = read_from_files(either), either.log_text()
    for pieces in range(10):
        with connect(either.port) as connection, connection.makefile("rb") as stream:
            connection.sendall(asking(BIG) * requests)
            assert len(stream.read((pieces + 1) * MIB)) == (pieces + 1) * MIB
    idle(either)
    assert read_from_files(either) - before < 2 * MIB
    assert either.log_text() == log


def test_a_file_that_becomes_shorter_ends_the_connection(either: FileServer, folder: Path, whole: bytes) -> None:
    path = folder / "shrinking"
    path.write_bytes(whole)
    told = either.log_text().count("OSError: the file became shorter")
    with connect(either.port, roomy=False) as connection, connection.makefile("rb") as stream:
        connection.sendall(asking("/files/shrinking"))
        stuck(either.pid)
        os.truncate(path, 0)
        answer = read(stream)
    assert (answer.status, int(answer.headers["Content-Length"])) == (200, SIZE)
    assert 0 < len(answer.body) < SIZE
    idle(either)
    assert either.log_text().count("OSError: the file became shorter") == told + 1
    assert fetch(either, BIG).body == whole


def test_nonsense_behind_a_request_is_answered_behind_the_file(either: FileServer, whole: bytes) -> None:
    with connect(either.port, roomy=False) as connection, connection.makefile("rb") as stream:
        connection.sendall(asking(BIG))
        stuck(either.pid)
        connection.sendall(b"\0\r\n\r\n")
        assert read(stream).body == whole
        refused = read(stream)
    assert refused.status == 400
    assert refused.body.startswith(b"Malformed HTTP request: ")


NOISE = {"size": "640x640", "num_frames": 36}  # more than all buffers on the way hold


def content_of(server: ServerProcess, http: httpx2.Client) -> tuple[str, bytes, int, int]:
    """A finished video's address and its file, and the server's process and port."""
    video = made(http, "noise", **NOISE)
    data = (server.data_dir / "videos" / f"{video['id']}-1.mp4").read_bytes()
    assert len(data) > 5 * MIB
    assert server.process is not None
    return f"/v1/videos/{video['id']}/content", data, server.process.pid, int(server.url.rpartition(":")[2])


def test_the_product_sends_a_video_to_a_client_that_reads_slowly(server: ServerProcess, http: httpx2.Client) -> None:
    url, data, pid, port = content_of(server, http)
    with connect(port, roomy=False) as connection, connection.makefile("rb") as stream:
        for headers, part in (((), data), (("Range: bytes=9-",), data[9:])):
            connection.sendall(asking(url, *headers))
            stuck(pid)
            assert http.get("/health", timeout=5).status_code == 200
            assert read(stream).body == part


def test_the_product_stops_although_a_client_does_not_read(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data", REELWRIGHT_DRAIN_S="0").start()
    with httpx2.Client(base_url=server.url, timeout=30) as http:
        url, data, pid, port = content_of(server, http)
    with connect(port, roomy=False) as connection, connection.makefile("rb") as stream:
        connection.sendall(asking(url))
        stuck(pid)
        assert server.stop() == 0  # it waits for less time than such a client is given
        body = read(stream).body
    assert data.startswith(body)
    assert len(body) < len(data)
