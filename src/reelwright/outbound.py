"""HTTP to addresses that a client named: input images and webhooks. Reaches public addresses, and listed networks only.

The check stands where it cannot be got around: at the socket. Whatever a URL looked like, whatever a name resolved to
and wherever a redirect led, a socket is made only for an address that may be reached. No proxy, no cookie, no
credential and no setting of the environment takes part.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import AsyncIterator, Callable, Container, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelwright.errors import invalid

if TYPE_CHECKING:
    import aiohttp
    from aiohttp.abc import AbstractResolver
    from yarl import URL

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

CONNECT_S = 5.0
FETCH_S = 20.0
POST_S = 15.0
MAX_REDIRECTS = 3
MOST_LOOK_UPS = 64
"""Names that are being looked up at one time; the system gives one up after half a minute or so."""
MAX_URL_CHARACTERS = 2_048
PORTS = frozenset({80, 443})

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_IPV6_UNICAST = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(text)
    for text in (
        "192.0.0.0/24",  # IETF protocol assignments
        "192.88.99.0/24",  # 6to4 relays
        "2001::/23",  # Teredo, ORCHID and other protocol assignments
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries any IPv4 address
        "3fff::/20",  # documentation
    )
)
"""Ranges that `ipaddress` counts as global in some Python versions; the registries are
https://www.iana.org/assignments/iana-ipv4-special-registry and …/iana-ipv6-special-registry."""


_ONLY_BY_NAME = tuple(
    ipaddress.ip_network(text)
    for text in (
        "127.0.0.0/8",  # this machine
        "::1/128",
        "169.254.0.0/16",  # link-local: the metadata of most clouds, with their credentials
        "fe80::/10",
        "fd00:ec2::/32",  # the same of AWS
        "100.100.100.200/32",  # of Alibaba
        "168.63.129.16/32",  # of Azure
    )
)
"""What a wide network, 0.0.0.0/0 say, does not open: only one that lies within it does."""

_CARRIES_IPV4 = tuple(
    ipaddress.ip_network(text) for text in ("::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16")
)
"""Ways to write an IPv4 address as an IPv6 one; `::1` is opened as itself only."""


def is_listed(address: Address, networks: Sequence[Network]) -> bool:
    """True when one of `networks` opens the address. Multicast and 0.0.0.0/8 are opened by none."""
    if address.version == 6 and not address.is_loopback and any(address in network for network in _CARRIES_IPV4):
        return False
    if address.is_multicast or address.is_unspecified or (address.version == 4 and int(address) < 1 << 24):
        return False
    holding = [network for network in networks if address in network]
    guarded = next((guarded for guarded in _ONLY_BY_NAME if address in guarded), None)
    return any(guarded is None or _within(network, guarded) for network in holding)


def _within(network: Network, other: Network) -> bool:
    return network.version == other.version and network.subnet_of(other)  # type: ignore[arg-type]


def is_public(address: Address) -> bool:
    """True for a unicast address of the public Internet.

    Of IPv6 only 2000::/3 counts: that leaves out every way to write an IPv4 address as an IPv6 one (`::/96`,
    `::ffff:0:0/96`, `64:ff9b::/96`), site-local `fec0::/10`, link-local and multicast.
    """
    if address.version == 6 and address not in _IPV6_UNICAST:
        return False
    closed = (*_NOT_PUBLIC, *_ONLY_BY_NAME)
    return address.is_global and not address.is_multicast and not any(address in network for network in closed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """How a POST ended: the status that came back, or None and the problem in words that may be shown."""

    status: int | None
    problem: str | None = None


class Outbound:
    """Fetches images and posts webhooks. Holds no connection between two calls."""

    def __init__(
        self,
        *,
        allow: Callable[[Address], bool] = is_public,
        ports: Container[int] = PORTS,
        networks: Sequence[Network] = (),
        resolver: Callable[[], AbstractResolver] | None = None,
        fetch_s: float = FETCH_S,
        post_s: float = POST_S,
    ) -> None:
        """`allow` and `ports`: what a socket may be connected to; to `networks` it may at any port.

        `resolver`: another one than the system's.

        `fetch_s` and `post_s`: the whole time that a fetch or a post may take, in seconds.
        """
        self._fetch_s = fetch_s
        self._post_s = post_s
        self._allow = allow
        self._ports = ports
        self._networks = networks
        self._resolver = resolver
        self._look_ups = threading.BoundedSemaphore(MOST_LOOK_UPS)

    def check(self, url: str, field: str) -> None:
        """Raises `BadRequest` for a URL that could never be reached. A name is not resolved: see the socket."""
        try:
            self._parse(url)
        except _Problem as problem:
            raise invalid(field, url, problem.remedy) from None

    async def fetch_image(self, url: str, *, max_bytes: int, field: str = "image") -> bytes:
        """The bytes behind an http or https URL, after at most three redirects.

        Raises `BadRequest` that names the field, the URL and the remedy.
        """
        try:
            async with _in_time(self._fetch_s), self._session() as session:
                return await self._fetch(session, self._parse(url), max_bytes)
        except _Problem as problem:
            raise invalid(field, url, f"{problem.remedy} Or send the file itself.") from None

    async def post_json(self, url: str, body: bytes, headers: Mapping[str, str]) -> Receipt:
        """Send `body` as it is. A redirect is an answer like any other: it is not followed."""
        try:
            async with _in_time(self._post_s), self._session() as session:
                target, sent = self._parse(url), {**headers, "Content-Type": "application/json"}
                async with _spoken(), session.post(target, data=body, headers=sent, allow_redirects=False) as answer:
                    return Receipt(status=answer.status)
        except _Problem as problem:
            return Receipt(status=None, problem=problem.remedy)

    async def _fetch(self, session: aiohttp.ClientSession, url: URL, max_bytes: int) -> bytes:
        for _ in range(1 + MAX_REDIRECTS):
            async with _spoken(), session.get(url, allow_redirects=False) as answer:
                if answer.status in _REDIRECTS and "Location" in answer.headers:
                    url = self._parse(answer.headers["Location"], base=url)
                    continue
                if answer.status != 200:
                    raise _Problem(f"The server there answered with status {answer.status}.")
                return await _read(answer, max_bytes)
        raise _Problem(f"It redirects more than {MAX_REDIRECTS} times.")

    def _parse(self, text: str, base: URL | None = None) -> URL:
        from yarl import URL

        if len(text) > MAX_URL_CHARACTERS:
            raise _Problem(f"A URL may have {MAX_URL_CHARACTERS:,} characters.")
        try:
            url = base.join(URL(text)) if base else URL(text)
            port, host = url.port, url.host
        except ValueError:
            raise _Problem("It is not a URL.") from None
        if url.scheme not in ("http", "https") or not host:
            raise _Problem("It must be an http or https URL.")
        if url.user is not None or url.password is not None:
            raise _Problem("A URL may not carry a user name or a password.")
        literal = _address(host)
        # What a name stands for is seen at the socket; at which port it may be reached can depend on that.
        if not self._may(literal, port or 0) if literal else not (port in self._ports or self._networks):
            raise _Problem(_ONLY_PUBLIC)
        return url

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[aiohttp.ClientSession]:
        import aiohttp

        from reelwright.resolving import Resolver

        connector = aiohttp.TCPConnector(
            socket_factory=self._socket,
            resolver=self._resolver() if self._resolver else Resolver(self._look_ups),
            force_close=True,
        )
        async with aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
            headers={"User-Agent": "Reelwright", "Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        ) as session:
            yield session

    def _may(self, address: Address, port: int) -> bool:
        return (port in self._ports and self._allow(address)) or is_listed(address, self._networks)

    def _socket(self, info: tuple[Any, ...]) -> socket.socket:
        """The one place where a socket is made. Raises `_Refused` for an address that may not be reached."""
        family, kind, protocol, _, (host, port, *_) = info
        address = _address(host)
        # A name must not come this far: connecting would resolve it once more.
        if address is None or not self._may(address, port):
            raise _Refused
        return socket.socket(family, kind, protocol)


_ONLY_PUBLIC = (
    "Only public addresses are reached, on ports 80 and 443. "
    "A network of the server's own has to be listed in REELWRIGHT_ALLOWED_NETWORKS."
)


class _Problem(Exception):
    """What is wrong with a URL or with what is behind it, in a sentence for the client."""

    def __init__(self, remedy: str) -> None:
        super().__init__(remedy)
        self.remedy = remedy


class _Refused(OSError):
    """The address may not be reached. An OSError, so that the next address of the same name gets its turn."""


@asynccontextmanager
async def _in_time(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise _Problem(f"The server there did not answer within {seconds:g} s.") from None


@asynccontextmanager
async def _spoken() -> AsyncIterator[None]:
    """Turns the library's errors into ours: their texts hold addresses."""
    import aiohttp

    try:
        yield
    except aiohttp.InvalidURL:
        raise _Problem("Its host is written neither as a name nor as an address.") from None
    except aiohttp.ServerTimeoutError:
        raise _Problem("The server there could not be reached in time.") from None
    except aiohttp.ClientConnectorDNSError:
        raise _Problem("Its host name is not known.") from None
    except aiohttp.ClientConnectorError as error:
        refused = isinstance(error.os_error, _Refused)
        raise _Problem(_ONLY_PUBLIC if refused else "The server there is not reachable.") from None
    except (aiohttp.ClientError, OSError, UnicodeError, ValueError):
        raise _Problem("The server there did not answer in HTTP.") from None


async def _read(answer: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    too_large = _Problem(f"It is larger than {max_bytes / 1e6:g} MB.")
    if (answer.content_length or 0) > max_bytes:
        raise too_large
    data = bytearray()
    async for chunk in answer.content.iter_any():
        data += chunk
        if len(data) > max_bytes:
            raise too_large
    return bytes(data)


def _address(host: str) -> Address | None:
    """The address that a host is, in its canonical form; None for a name."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host.partition("%")[0])
    return None
