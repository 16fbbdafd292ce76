"""Deadlines and cancels: nothing hangs, nothing polls on. And what a connection without TLS makes of large bodies."""

from __future__ import annotations

import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx2
import pytest

from reelwright.engines.upstream.job_limits import JobLimits, limited_by
from reelwright.engines.upstream.network import PIECE_BYTES, Network
from reelwright.engines.upstream.outcomes import UpstreamError
from reelwright.errors import Cancelled, Code, EngineError
from reelwright.testing import Recorder
from tests.engines.huggingface.stage import Stage
from tests.engines.remote import Running, phases
from tests.fakes.huggingface import FakeHuggingFace, Reply
from tests.servers import eventually

LARGE = random.Random(7).randbytes(5_000_000)
SOME = 3_000_000
"""So many bytes of it come before something goes wrong."""
LIBRARY_PIECE_BYTES = 64 * 1024
"""The HTTP library itself reads no more at once."""


@pytest.mark.parametrize(
    ("step", "reply"),
    [
        pytest.param("hub", Reply(hang=True), id="hub-hangs"),
        pytest.param("submit", Reply(hang=True), id="submit-hangs"),
        pytest.param("submit", Reply(drip=0.05), id="submit-drips"),
        pytest.param("status", Reply(status=202, body={"status": "IN_PROGRESS"}), id="never-completes"),
        pytest.param("status", Reply(hang=True), id="status-hangs"),
        pytest.param("status", Reply(drip=0.05), id="status-drips"),
        pytest.param("result", Reply(hang=True), id="result-hangs"),
        pytest.param("cdn", Reply(drip=0.05), id="cdn-drips"),
        pytest.param("cdn", Reply(hang=True), id="cdn-hangs"),
    ],
)
def test_every_stall_ends_at_the_deadline(stage: Stage, fake: FakeHuggingFace, step: str, reply: Reply) -> None:
    fake.script(step, reply)
    engine = stage.only("fal-ai", idle_seconds=3600)
    error = stage.fail(engine, seconds=0.4)

    assert error.code is Code.TIMED_OUT, (error.message, error.details)
    assert len(fake.requests("submit")) == (0 if step == "hub" else 1)


@pytest.mark.parametrize("provider", ["fal-ai", "replicate"])
def test_a_late_job_is_cancelled_upstream(stage: Stage, fake: FakeHuggingFace, provider: str) -> None:
    fake.polls = 1_000_000
    assert stage.fail(stage.only(provider), seconds=0.3).code is Code.TIMED_OUT

    fake.wait_for("cancel")
    [cancel] = fake.requests("cancel")
    assert cancel.headers["authorization"].startswith("Bearer hf_")
    assert "/req-1/cancel" in cancel.path


@pytest.mark.parametrize(
    ("provider", "step", "cancels"),
    [
        ("fal-ai", "status", 1),
        ("replicate", "status", 1),
        ("together", "status", 0),
        ("wavespeed", "status", 0),
        ("fal-ai", "submit", 0),
        ("novita", "submit", 0),
        ("fal-ai", "cdn", 0),
    ],
)
def test_a_cancel_ends_every_wait(stage: Stage, fake: FakeHuggingFace, provider: str, step: str, cancels: int) -> None:
    if step == "status":
        fake.polls = 1_000_000
    else:
        fake.script(step, Reply(hang=True))
    report = Recorder()
    # A pause that a cancel did not end would outlast the test.
    job = Running(stage.only(provider, poll_seconds=3600 if provider == "together" else 0.25), stage.job(), report)
    if provider == "together":
        fake.wait_for("submit")
    else:
        fake.wait_for(step)
    report.cancel()
    outcome = job.join()

    assert isinstance(outcome, Cancelled)
    fake.wait_for("cancel", times=cancels)


def test_a_cancel_while_the_acceptance_is_saved_reaches_the_provider(stage: Stage, fake: FakeHuggingFace) -> None:
    report = Recorder(on_checkpoint=lambda state: report.cancel() if state["phase"] == "accepted" else None)
    outcome = Running(stage.only("fal-ai"), stage.job(), report).join()

    assert isinstance(outcome, Cancelled)
    fake.wait_for("cancel")


def test_a_cancel_while_a_job_is_being_accepted_reaches_the_provider(stage: Stage, fake: FakeHuggingFace) -> None:
    fake.script("submit", Reply(delay=0.15))
    report = Recorder()
    job = Running(stage.only("fal-ai"), stage.job(), report)
    fake.wait_for("submit")
    report.cancel()

    assert isinstance(job.join(1), Cancelled)
    fake.wait_for("cancel")
    assert phases(report) == ["submitting", "accepted"]


def test_a_cancel_before_the_start_sends_nothing(stage: Stage, fake: FakeHuggingFace) -> None:
    report = Recorder()
    report.cancel()
    assert isinstance(Running(stage.only("fal-ai"), stage.job(), report).join(), Cancelled)
    assert fake.requests("submit") == []


def test_many_jobs_side_by_side(stage: Stage, fake: FakeHuggingFace) -> None:
    """All are under way before the first may finish."""
    number = 48
    fake.polls = 1_000_000
    engine = stage.only("fal-ai", poll_seconds=0.05)
    jobs = [Running(engine, stage.job(seconds=30), Recorder()) for _ in range(number)]
    fake.wait_for("submit", times=number, seconds=20)
    fake.polls = 0
    for job in jobs:
        outcome = job.join(20)
        assert not isinstance(outcome, BaseException), outcome
    assert len(fake.requests("submit")) == number


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, fake: FakeHuggingFace) -> Iterator[httpx2.Client]:
    """The client as it is in production, on the real network."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")  # it heeds the machine's proxies
    with client_for(address(fake)) as client:
        yield client


def client_for(url: str) -> httpx2.Client:
    return Network(trusted=[url], connect_seconds=1, idle_seconds=30).client()


def limits(*, seconds: float = 30, idle_seconds: float = 30, report: Recorder | None = None) -> JobLimits:
    """One that allows for `LARGE`."""
    limits = JobLimits(report, seconds, idle_seconds, 0.01)
    limits.expect(len(LARGE) + 10_000)
    return limits


def address(fake: FakeHuggingFace) -> str:
    return f"http://127.0.0.1:{fake.port}/"


def socket_of(response: httpx2.Response) -> socket.socket:
    found = response.extensions["network_stream"].get_extra_info("socket")
    assert isinstance(found, socket.socket)
    return found


def unread(sock: socket.socket) -> int:
    """How much the kernel holds ready, as far as one piece goes."""
    try:
        return len(sock.recv(PIECE_BYTES, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except BlockingIOError:
        return 0


@contextmanager
def raw_server(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Reads one request and leaves the connection to `answer`. Its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                request = b""
                while b"\r\n\r\n" not in request:
                    request += connection.recv(65536)
                answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        thread.join(10)
        assert not thread.is_alive()


def test_a_large_body_arrives_whole_in_large_pieces(client: httpx2.Client, fake: FakeHuggingFace) -> None:
    fake.script("endpoint", Reply(body=LARGE))
    with limited_by(limits()), client.stream("GET", address(fake)) as response:
        sock = socket_of(response)
        # The kernel begins with a smaller one, and enlarges it as it sees fit.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE_BYTES)
        pieces = response.iter_raw()
        first = next(pieces)  # perhaps what came with the headers
        eventually(lambda: unread(sock) > LIBRARY_PIECE_BYTES)
        second = next(pieces)
        rest = list(pieces)
    assert LIBRARY_PIECE_BYTES < len(second) <= PIECE_BYTES
    assert b"".join([first, second, *rest]) == LARGE


def test_a_large_body_in_chunks_arrives_whole() -> None:
    sizes = [1, 7, 100_000, 1, 300_000, 65_536, 700_000]

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        place = 0
        while place < len(LARGE):
            for size in sizes:
                if chunk := LARGE[place : place + size]:
                    connection.sendall(b"%x\r\n%b\r\n" % (len(chunk), chunk))
                place += size
        connection.sendall(b"0\r\n\r\n")

    with raw_server(answer) as url, client_for(url) as client, limited_by(limits()):
        assert client.get(url).content == LARGE


def test_the_connection_is_used_again_after_large_bodies(client: httpx2.Client, fake: FakeHuggingFace) -> None:
    """Also for a large request, and where no limits are in force."""
    fake.script("endpoint", Reply(body=LARGE), Reply(body=b"short"), Reply(body=LARGE))
    ports = set()

    def post(content: bytes) -> bytes:
        with client.stream("POST", address(fake), content=content) as response:
            ports.add(socket_of(response).getsockname())
            return response.read()

    with limited_by(limits()):
        assert post(b"") == LARGE
        assert post(LARGE) == b"short"
    assert post(b"") == LARGE
    with limited_by(limits()):
        assert post(LARGE) == LARGE
    assert len(ports) == 1
    assert [entry.body for entry in fake.log] == [b"", LARGE, b"", LARGE]


@pytest.mark.parametrize(
    ("seconds", "idle_seconds", "error"),
    [
        pytest.param(30, 0.3, httpx2.ReadTimeout, id="silence"),
        pytest.param(0.3, 30, EngineError, id="deadline"),
    ],
)
def test_a_large_body_that_stalls_ends_in_time(
    client: httpx2.Client, fake: FakeHuggingFace, seconds: float, idle_seconds: float, error: type[Exception]
) -> None:
    fake.script("endpoint", Reply(body=LARGE, stall=SOME))
    received = bytearray()

    def read() -> None:
        with client.stream("GET", address(fake)) as response:
            for piece in response.iter_raw():
                received.extend(piece)

    began = time.monotonic()
    with limited_by(limits(seconds=seconds, idle_seconds=idle_seconds)), pytest.raises(error) as caught:
        read()
    assert time.monotonic() - began >= 0.3
    assert LARGE.startswith(received)
    if isinstance(caught.value, EngineError):
        assert caught.value.code is Code.TIMED_OUT
    else:
        assert len(received) == SOME  # the silence counts from the last byte


def test_a_cancel_ends_the_stalled_read_of_a_large_body(client: httpx2.Client, fake: FakeHuggingFace) -> None:
    fake.script("endpoint", Reply(body=LARGE, stall=SOME))
    report, received = Recorder(), bytearray()

    def read() -> None:
        with limited_by(limits(report=report)), client.stream("GET", address(fake)) as response:
            for piece in response.iter_raw():
                received.extend(piece)

    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(read)
        eventually(lambda: len(received) == SOME)
        report.cancel()
        with pytest.raises(Cancelled):
            reading.result(60)
    assert received == LARGE[:SOME]


def test_a_body_that_ends_too_early_is_an_error(client: httpx2.Client, fake: FakeHuggingFace) -> None:
    fake.script("endpoint", Reply(body=LARGE, cut=SOME), Reply(body=LARGE))
    with limited_by(limits()):
        with pytest.raises(httpx2.RemoteProtocolError):
            client.get(address(fake))
        assert client.get(address(fake)).content == LARGE  # by another connection


def test_a_connection_that_is_reset_is_an_error() -> None:
    def reset(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n" + LARGE[:1000])
        # Closed like this, it is not said to be at its end, but broken off.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with raw_server(reset) as url, client_for(url) as client, limited_by(limits()), pytest.raises(httpx2.ReadError):
        client.get(url)


def test_the_allowance_holds_for_large_pieces(client: httpx2.Client, fake: FakeHuggingFace) -> None:
    fake.script("endpoint", Reply(body=LARGE))
    mean, received = limits(), bytearray()
    mean.expect(1_000_000)

    def read() -> None:
        with client.stream("GET", address(fake)) as response:
            for piece in response.iter_raw():
                received.extend(piece)

    with limited_by(mean), pytest.raises(UpstreamError) as caught:
        read()
    assert caught.value.code is Code.BAD_OUTPUT
    assert len(received) < 1_000_000
