"""What a client names is fetched from public addresses only. All servers here are on loopback, where nothing is public.

Each refusal is tested with a canary that listens where the URL leads: not one connection may arrive there. The way
through is tested with a rule that lets one loopback address in, so that a redirect to another one shows what is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from reelwright import outbound
from reelwright.errors import BadRequest
from reelwright.outbound import Outbound, Receipt, is_listed, is_public

ANY_PORT = range(65536)
FRIEND = "127.0.0.2"
"""The loopback address that stands for the public Internet."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Canary:
    """Listens on 127.0.0.1 and ::1 and counts who connects."""

    def __init__(self) -> None:
        self.connections = 0
        self.port = 0

    async def _connected(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.close()
        await writer.wait_closed()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Canary]:
        async with await asyncio.start_server(self._connected, "127.0.0.1", 0) as four:
            self.port = four.sockets[0].getsockname()[1]
            async with await asyncio.start_server(self._connected, "::1", self.port):
                yield self


@pytest.fixture
async def canary() -> AsyncIterator[Canary]:
    async with Canary().listening() as listening:
        reader, writer = await asyncio.open_connection("127.0.0.1", listening.port)
        await reader.read()
        writer.close()
        await writer.wait_closed()
        assert listening.connections == 1, "the canary does not sing"
        listening.connections = 0
        yield listening


class FixedResolver(AbstractResolver):
    """Every name has these addresses."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=0,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        pass


@asynccontextmanager
async def served(handler: Handler, host: str = FRIEND) -> AsyncIterator[str]:
    """The URL of a server whose every path is answered by `handler`."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, host, 0)
    await site.start()
    try:
        yield f"http://{host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def cat(_request: web.Request) -> web.StreamResponse:
    return web.Response(body=b"cat")


def friendly(fetch_s: float = 20) -> Outbound:
    return Outbound(allow=lambda address: str(address) == FRIEND, ports=ANY_PORT, fetch_s=fetch_s)


LOOPBACK_URLS = [
    "http://127.0.0.1:{port}/",
    "http://127.1:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://0x7f.0.0.1:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://017700000001:{port}/",
    "http://0:{port}/",
    "http://0.0.0.0:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST.:{port}/",
    "http://[::1]:{port}/",
    "http://[0:0:0:0:0:0:0:1]:{port}/",
    "http://[::]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/",
    "http://[64:ff9b::127.0.0.1]:{port}/",
    "http://[2002:7f00:1::]:{port}/",
    "http://[::1%25lo]:{port}/",
    "http://example.com@127.0.0.1:{port}/",
    "http://example.com:80@127.0.0.1:{port}/",
    "http://example.com%40127.0.0.1:{port}/",
    "http://127.0.0.1:{port}@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}#@example.com/",
    "http://127.0.0.1:{port}?@example.com/",
    "http://127.0.0.1:{port}\\@example.com/",
    "http:\\\\127.0.0.1:{port}/",
    "http:///127.0.0.1:{port}/",
    "http:127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    " http://127.0.0.1:{port}/",
    "http://\t127.0.0.1:{port}/",
    "http://①②⑦.⓪.⓪.①:{port}/",
    "http://127。0。0。1:{port}/",
    "https://127.0.0.1:{port}/",
    "ftp://127.0.0.1:{port}/",
    "gopher://127.0.0.1:{port}/_x",
    "file://127.0.0.1:{port}/etc/passwd",
    "file:///etc/passwd",
    "unix:///run/docker.sock",
    "data:image/png;base64,iVBORw0KGgo=",
    "http://",
    "",
    "http://127.0.0.1:{port}0000/",
    "http://[::1:{port}/",
    "http://127.0.0.1:{port}/" + "x" * 3000,
    "http://a\x00b:{port}/",
    "http://\ud800:{port}/",
    "http://" + "a" * 300 + ":{port}/",
    "http://no-such-host.invalid:{port}/",
]


@pytest.mark.parametrize("form", LOOPBACK_URLS)
async def test_no_way_of_writing_a_url_reaches_this_machine(canary: Canary, form: str) -> None:
    url = form.replace("{port}", str(canary.port))
    outbound = Outbound(ports=ANY_PORT)
    with pytest.raises(BadRequest) as refusal:
        await outbound.fetch_image(url, max_bytes=1000, field="input_reference")
    assert refusal.value.field == "input_reference"
    assert refusal.value.message.startswith("Invalid input_reference: ")
    assert (await outbound.post_json(url, b"{}", {})).status is None
    assert canary.connections == 0


@pytest.mark.parametrize(
    "addresses",
    [
        ("127.0.0.1",),
        ("::1",),
        ("::ffff:127.0.0.1",),
        ("127.0.0.1", "::1", "127.0.0.3"),
        ("localhost",),
        ("2130706433",),
        ("10.0.0.1", "169.254.169.254", "127.0.0.1"),
    ],
)
async def test_a_name_is_judged_by_what_it_resolves_to(canary: Canary, addresses: tuple[str, ...]) -> None:
    outbound = Outbound(ports=ANY_PORT, resolver=lambda: FixedResolver(*addresses))
    url = f"http://pictures.example.com:{canary.port}/cat.png"
    with pytest.raises(BadRequest, match=r"Only public addresses are reached, on ports 80 and 443\.") as refusal:
        await outbound.fetch_image(url, max_bytes=1000)
    assert url[:40] in refusal.value.message
    assert not any(address in refusal.value.message for address in addresses)
    receipt = await outbound.post_json(url, b"{}", {})
    assert receipt.status is None
    assert receipt.problem
    assert receipt.problem.startswith("Only public addresses are reached, on ports 80 and 443.")
    assert canary.connections == 0


async def test_of_several_addresses_only_the_allowed_one_is_used(canary: Canary) -> None:
    async with served(cat) as url:
        port = int(url.rpartition(":")[2])
        names = FixedResolver("127.0.0.1", "::1", FRIEND)
        outbound = Outbound(allow=lambda address: str(address) == FRIEND, ports={port}, resolver=lambda: names)
        assert await outbound.fetch_image(f"http://cats.example.com:{port}/", max_bytes=10) == b"cat"
    assert canary.connections == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:{port}/",
        "//127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://[::1]:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://2130706433:{port}/",
        "https://127.0.0.1:{port}/",
        "ftp://127.0.0.1:{port}/",
        "file:///etc/passwd",
        "http://user:password@127.0.0.2/",
    ],
)
async def test_a_redirect_is_judged_like_the_first_address(canary: Canary, status: int, target: str) -> None:
    location = target.replace("{port}", str(canary.port))

    async def redirect(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": location})

    async with served(redirect) as url:
        with pytest.raises(BadRequest) as refusal:
            await friendly().fetch_image(url, max_bytes=1000)
        assert location not in refusal.value.message
    assert canary.connections == 0


async def test_three_redirects_are_followed_and_a_fourth_is_not() -> None:
    async def countdown(request: web.Request) -> web.StreamResponse:
        left = int(request.path.strip("/"))
        return web.Response(status=302, headers={"Location": f"/{left - 1}"}) if left else await cat(request)

    async with served(countdown) as url:
        assert await friendly().fetch_image(f"{url}/3", max_bytes=1000) == b"cat"
        with pytest.raises(BadRequest, match="redirects more than 3 times"):
            await friendly().fetch_image(f"{url}/4", max_bytes=1000)


async def test_a_post_follows_no_redirect_at_all(canary: Canary) -> None:
    seen = []

    async def redirect(request: web.Request) -> web.StreamResponse:
        seen.append((request.path, await request.read(), request.headers["webhook-id"]))
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    async with served(redirect) as url:
        receipt = await friendly().post_json(f"{url}/hook", b'{"a": 1}', {"webhook-id": "msg_1"})
    assert receipt == Receipt(status=307)
    assert seen == [("/hook", b'{"a": 1}', "msg_1")]
    assert canary.connections == 0


async def test_ports_other_than_80_and_443_are_refused_before_anything_is_looked_up() -> None:
    def no_lookup() -> AbstractResolver:
        raise AssertionError("looked up")

    outbound = Outbound(allow=lambda _: True, resolver=no_lookup)
    for url in ("http://example.com:22/", "https://example.com:8443/", "http://127.0.0.1:6379/", "http://127.0.0.1:0/"):
        with pytest.raises(BadRequest, match="on ports 80 and 443"):
            outbound.check(url, "webhook")
    for url in ("http://example.com/", "https://example.com:443/x?y=z", "http://example.com:80", "https://example.com"):
        outbound.check(url, "webhook")


async def test_size_and_status_are_judged() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        match request.path:
            case "/exact":
                return web.Response(body=b"x" * 1000)
            case "/announced":
                return web.Response(body=b"x" * 1001)
            case "/streamed":
                response = web.StreamResponse()
                await response.prepare(request)
                for _ in range(1001):
                    await response.write(b"x")
                return response
            case _:
                return web.Response(status=404, text="secret of http://10.0.0.1/")

    async with served(answer) as url:
        assert len(await friendly().fetch_image(f"{url}/exact", max_bytes=1000)) == 1000
        for path in ("announced", "streamed"):
            with pytest.raises(BadRequest, match=r"larger than 0\.001 MB"):
                await friendly().fetch_image(f"{url}/{path}", max_bytes=1000)
        with pytest.raises(BadRequest, match=r"answered with status 404\. Or send the file itself\.$"):
            await friendly().fetch_image(f"{url}/missing", max_bytes=1000)


async def test_compressed_bodies_are_never_unpacked() -> None:
    """A few bytes of gzip can become gigabytes."""

    async def bomb(request: web.Request) -> web.StreamResponse:
        assert request.headers["Accept-Encoding"] == "identity"
        return web.Response(body=b"\x1f\x8b not unpacked", headers={"Content-Encoding": "gzip"})

    async with served(bomb) as url:
        assert await friendly().fetch_image(url, max_bytes=1000) == b"\x1f\x8b not unpacked"


async def test_nothing_of_ours_is_sent_along(monkeypatch: pytest.MonkeyPatch, canary: Canary) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{canary.port}")
    seen = []

    async def look(request: web.Request) -> web.StreamResponse:
        seen.append(set(request.headers))
        response = web.Response(status=302 if request.path == "/" else 200, headers={"Location": "/next"})
        response.set_cookie("session", "1")
        return response

    async with served(look) as url:
        await friendly().fetch_image(url, max_bytes=1000)
    assert seen == [{"Host", "Connection", "Accept", "Accept-Encoding", "User-Agent"}] * 2
    assert canary.connections == 0


@pytest.mark.parametrize("reply", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut"])
async def test_what_is_not_whole_http_is_told_without_the_librarys_words(reply: bytes) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(speak, FRIEND, 0) as server:
        url = f"http://{FRIEND}:{server.sockets[0].getsockname()[1]}/"
        with pytest.raises(BadRequest) as refusal:
            await friendly().fetch_image(url, max_bytes=1000)
    assert refusal.value.message == (
        f"Invalid image: '{url}'. The server there did not answer in HTTP. Or send the file itself."
    )


async def test_a_server_that_is_not_there_is_told() -> None:
    with socket.socket() as unused:
        unused.bind((FRIEND, 0))
        url = f"http://{FRIEND}:{unused.getsockname()[1]}/"
        with pytest.raises(BadRequest, match="The server there is not reachable"):
            await friendly().fetch_image(url, max_bytes=1000)


async def test_an_address_that_takes_no_connection_is_given_up_long_before_the_time_of_an_answer_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbound, "CONNECT_S", 0.3)
    with contextlib.ExitStack() as sockets:
        deaf = sockets.enter_context(socket.create_server((FRIEND, 0), backlog=0))
        for _ in range(8):  # it accepts none of them: soon the system lets nobody wait there any more
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(deaf.getsockname())
        url = f"http://{FRIEND}:{deaf.getsockname()[1]}/"
        with pytest.raises(BadRequest, match="could not be reached in time"):
            await friendly(fetch_s=5).fetch_image(url, max_bytes=1000)
        impatient = Outbound(allow=lambda address: str(address) == FRIEND, ports=ANY_PORT, post_s=5)
        receipt = await impatient.post_json(url, b"{}", {})
    assert receipt == Receipt(status=None, problem="The server there could not be reached in time.")


async def test_a_body_that_drips_is_cut_off() -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while request.transport and not request.transport.is_closing():
            await response.write(b"x")
            await asyncio.sleep(0.02)
        return response

    async with served(drip) as url:
        with pytest.raises(BadRequest, match=r"did not answer within 0\.3 s"):
            await friendly(fetch_s=0.3).fetch_image(url, max_bytes=1000)


async def test_a_post_without_an_answer_is_cut_off() -> None:
    given_up = asyncio.Event()

    async def late(_request: web.Request) -> web.StreamResponse:
        await given_up.wait()
        return web.Response()

    async with served(late) as url:
        impatient = Outbound(allow=lambda address: str(address) == FRIEND, ports=ANY_PORT, post_s=0.3)
        receipt = await impatient.post_json(url, b"{}", {})
        given_up.set()
    assert receipt == Receipt(status=None, problem="The server there did not answer within 0.3 s.")


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("8.8.8.8", True),
        ("1.1.1.1", True),
        ("2606:4700:4700::1111", True),
        ("2a00:1450:4001:81b::200e", True),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("127.255.255.254", False),
        ("169.254.169.254", False),
        ("172.16.0.1", False),
        ("192.0.0.9", False),
        ("192.0.2.1", False),
        ("192.88.99.1", False),
        ("192.168.1.1", False),
        ("198.18.0.1", False),
        ("203.0.113.1", False),
        ("224.0.0.1", False),
        ("239.255.255.250", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("::8.8.8.8", False),
        ("::ffff:8.8.8.8", False),
        ("64:ff9b::808:808", False),
        ("64:ff9b:1::1", False),
        ("100::1", False),
        ("2001::1", False),
        ("2001:1ff::1", False),
        ("2001:db8::1", False),
        ("2002:808:808::1", False),
        ("3fff::1", False),
        ("5f00::1", False),
        ("fc00::1", False),
        ("fd12:3456::1", False),
        ("fe80::1", False),
        ("fec0::1", False),
        ("ff02::1", False),
        ("ff0e::1", False),
    ],
)
def test_public_addresses(text: str, public: bool) -> None:
    assert is_public(ipaddress.ip_address(text)) is public


@pytest.mark.parametrize(
    ("networks", "address", "listed"),
    [
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.0.0.0/8", "::ffff:10.1.2.3", False),
        ("0.0.0.0/0", "192.168.1.7", True),
        ("0.0.0.0/0", "127.0.0.1", False),
        ("0.0.0.0/0", "169.254.169.254", False),
        ("169.0.0.0/8", "169.254.169.254", False),
        ("169.254.169.254", "169.254.169.254", True),
        ("169.254.0.0/16", "169.254.169.254", True),
        ("127.0.0.0/8", "127.0.0.1", True),
        ("0.0.0.0/0", "0.0.0.0", False),
        ("0.0.0.0/8", "0.0.0.1", False),
        ("224.0.0.0/4", "224.0.0.1", False),
        ("100.64.0.0/10", "100.64.1.1", True),
        ("100.64.0.0/10", "100.100.100.200", False),
        ("fd00::/8", "fd12::1", True),
        ("fd00::/8", "fd00:ec2::254", False),
        ("fd00:ec2::254", "fd00:ec2::254", True),
        ("::/0", "::1", False),
        ("::1", "::1", True),
        ("::/0", "::ffff:127.0.0.1", False),
        ("::/0", "::ffff:169.254.169.254", False),
        ("::/0", "64:ff9b::a9fe:a9fe", False),
        ("::/0", "2002:7f00:1::", False),
        ("10.0.0.0/8,192.168.1.0/24", "192.168.1.9", True),
    ],
)
def test_a_wide_network_opens_neither_this_machine_nor_the_clouds_metadata(
    networks: str, address: str, listed: bool
) -> None:
    found = [ipaddress.ip_network(one) for one in networks.split(",")]
    assert is_listed(ipaddress.ip_address(address), found) is listed


def test_a_clouds_own_public_address_is_not_public() -> None:
    assert not is_public(ipaddress.ip_address("168.63.129.16"))


async def test_a_redirect_out_of_a_listed_network_goes_nowhere(canary: Canary) -> None:
    async def redirect(request: web.Request) -> web.Response:
        raise web.HTTPFound(f"http://127.0.0.1:{canary.port}/")

    async with served(redirect) as url:
        outbound = Outbound(networks=[ipaddress.ip_network(FRIEND)])
        with pytest.raises(BadRequest, match="REELWRIGHT_ALLOWED_NETWORKS"):
            await outbound.fetch_image(url, max_bytes=1000)
    assert canary.connections == 0
