"""Objects in a bucket of S3, or of a server that speaks its API (https://docs.aws.amazon.com/AmazonS3/latest/API/).

An object is put in one request with its SHA-256, so it is there as a whole or not at all, the server refuses other
bytes, and nothing is ever left half-uploaded. S3 takes up to 5 GB like that; the file is in memory meanwhile.
Conditions on what is overwritten (`If-Match`) are never used: not all servers have them, and no name is written twice
with other bytes. The package `obstore` speaks the protocol; it is imported when a bucket is used.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import structlog

from reelwright.errors import ConfigurationError, StorageBusy
from reelwright.store.folder import HALF_WRITTEN_S, Found, unwritable, whole

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Store

T = TypeVar("T")

PATIENCE_S = 300.0
"""How many seconds a finished file waits for a bucket that is away."""
AGAIN_S = 1.0

RETRIES = 3
RETRY_S = 20.0
"""How often a request is repeated, and for how many seconds at most."""
CONNECT_S, SMALL_S, LARGE_S = 5.0, 20.0, 300.0
"""Time limits in seconds: to connect, for a request without a body, for one that carries a file."""

YOUNG_S = 1800.0
"""An object that is younger, in seconds, need not be renewed: the janitor leaves it for an hour in any case."""

CACHE_BYTES = 10_000_000_000
"""The size of the cache, at most; never more than a quarter of the free space of the disk."""
IN_USE_S = 60.0
"""A file that was asked for within so many seconds may be about to be opened: it stays in the cache."""

PROBE = "ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketAddress:
    """The address of a bucket. `endpoint` None: Amazon's; keys None: those of the machine's role, if it has one."""

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str = "us-east-1"
    access_key: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        below = f"/{self.prefix}" if self.prefix else ""
        return f"the bucket {self.bucket}{below} at {self.endpoint or f'Amazon S3 ({self.region})'}"


class Bucket:
    """Objects below a prefix of one bucket, and a cache on this machine's disk of those that were read."""

    remote = True

    def __init__(
        self, address: BucketAddress, cache: Path, *, cache_bytes: int = CACHE_BYTES, in_use_s: float = IN_USE_S
    ) -> None:
        """Raises `ConfigurationError` when the package for S3 is not installed, or an address is none."""
        try:
            import obstore
            import obstore.exceptions
        except ImportError:
            raise ConfigurationError(
                "A bucket needs the package obstore. Install it (pip install 'reelwright[s3]'), or unset "
                "REELWRIGHT_S3_BUCKET."
            ) from None
        self._s3 = obstore
        self._failures: tuple[type[Exception], ...] = (obstore.exceptions.BaseError,)
        self._exists = obstore.exceptions.AlreadyExistsError
        self._refusals = (obstore.exceptions.PermissionDeniedError, obstore.exceptions.UnauthenticatedError)
        self._address = address
        self._named = f"T{str(address)[1:]}"
        self._small = self._open(SMALL_S)
        self._large = self._open(LARGE_S)
        self._cache = _Cache(cache, cache_bytes, in_use_s)
        self._fetching: weakref.WeakValueDictionary[str, _FetchLock] = weakref.WeakValueDictionary()
        self._guard = threading.Lock()
        self._log = structlog.get_logger("reelwright.store")

    def _open(self, timeout_s: float) -> S3Store:
        from obstore.store import S3Store

        address = self._address
        config: S3Config = {"region": address.region, "checksum_algorithm": "SHA256"}
        if address.endpoint:
            config["endpoint"] = address.endpoint
        if address.access_key and address.secret_key:
            config |= {"access_key_id": address.access_key, "secret_access_key": address.secret_key}
        if address.session_token:
            config["session_token"] = address.session_token
        try:
            return S3Store(
                address.bucket,
                prefix=address.prefix or None,
                config=config,
                client_options={
                    "allow_http": (address.endpoint or "").startswith("http://"),
                    "connect_timeout": timedelta(seconds=CONNECT_S),
                    "timeout": timedelta(seconds=timeout_s),
                },
                retry_config={
                    "max_retries": RETRIES,
                    "retry_timeout": timedelta(seconds=RETRY_S),
                    "backoff": {"init_backoff": timedelta(milliseconds=200), "max_backoff": timedelta(seconds=3)},
                },
            )
        except self._failures as error:
            raise ConfigurationError(f"{self._named} cannot be used: {_reason(error)}.") from None

    def prepare(self, *, alone: bool) -> None:
        self._cache.prepare(alone=alone)
        self.check()

    def check(self) -> None:
        """Write and remove a small object. Raises `ConfigurationError` that says what is wrong and what to set."""
        try:
            self._probe()
        except FileNotFoundError:
            raise ConfigurationError(
                f"{self._named} does not exist. Make it, or name another one in REELWRIGHT_S3_BUCKET."
            ) from None
        except self._refusals:
            raise ConfigurationError(
                f"{self._named} refuses the key. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to a key that may "
                "read, write, list and delete there."
            ) from None
        except self._failures as error:
            raise ConfigurationError(
                f"{self._named} does not answer ({_reason(error)}). Check REELWRIGHT_S3_ENDPOINT and "
                "REELWRIGHT_S3_REGION, or wait until it is back."
            ) from None

    def check_writable(self) -> None:
        with self._told():
            self._probe()

    def _probe(self) -> None:
        self._s3.put(self._small, PROBE, b"ready", use_multipart=False)
        self._s3.delete(self._small, PROBE)

    def put(
        self,
        name: str,
        write: Callable[[Path], T],
        *,
        media_type: str = "application/octet-stream",
        file_name: str = "",
        safe: bool = False,
        last: bool = True,
        until: threading.Event | None = None,
    ) -> T:
        """`safe` and `last` mean nothing here: the bucket makes its objects durable itself."""
        part = self._cache.part(name)
        attributes = {"Content-Type": media_type}
        if file_name:
            attributes["Content-Disposition"] = f'inline; filename="{file_name}"'
        with whole(part):
            result = write(part)
            self._insist(lambda: self._upload(name, part, attributes), until)
            if name.startswith("videos/"):
                self._cache.keep(name, part)
            else:
                part.unlink()
            return result

    def _upload(self, name: str, part: Path, attributes: dict[str, str]) -> None:
        # In one request: a process that is killed during a multipart upload would leave its parts in the bucket.
        with self._told(writing=True):
            self._s3.put(self._large, name, part, attributes=attributes, use_multipart=False)

    def _insist(self, ask: Callable[[], None], until: threading.Event | None) -> None:
        """Repeat a request while the bucket is away, if `until` is given (see `Objects.put`)."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return ask()
            except StorageBusy:
                if until is None or time.monotonic() > deadline or until.wait(AGAIN_S):
                    raise

    def create(self, name: str, data: bytes) -> bytes:
        with self._told(writing=True), contextlib.suppress(self._exists):
            self._s3.put(self._small, name, data, mode="create", use_multipart=False)
        return self.read(name)

    def read(self, name: str, most: int | None = None) -> bytes:
        with self._told():
            if most is None:
                return bytes(self._s3.get(self._large, name).bytes())
            return bytes(self._s3.get(self._small, name, options={"range": (0, most)}).bytes())

    def path(self, name: str) -> Path:
        return self._cache.path(name)

    def fetch(self, name: str) -> Path:
        with self._fetching_alone(name):  # of several requests for the same object, one fetches it
            path = self._cache.path(name)
            if not path.exists():
                part = self._cache.part(name)
                with whole(part):
                    self.save(name, part)
                    self._cache.keep(name, part)
            return path

    @contextlib.contextmanager
    def _fetching_alone(self, name: str) -> Iterator[None]:
        with self._guard:
            fetching = self._fetching.setdefault(name, _FetchLock())
        with fetching.lock:
            yield

    def drop(self, name: str) -> bool:
        self._cache.path(name).unlink(missing_ok=True)
        return True

    def save(self, name: str, target: Path) -> None:
        with self._told():
            got = self._s3.get(self._large, name)
            with target.open("wb") as file:
                for chunk in got.stream(min_chunk_size=1024 * 1024):
                    file.write(chunk)
                size = file.tell()
            # The copy gets the object's time, so that all servers send the same `Last-Modified`.
            os.utime(target, (time.time(), got.meta["last_modified"].timestamp()))
        if size != got.meta["size"]:
            self._log.warning("object received incompletely", name=name, size=got.meta["size"], received=size)
            raise StorageBusy

    def size(self, name: str) -> int:
        with self._told():
            return int(self._s3.head(self._small, name)["size"])

    def renew(self, name: str) -> bool:
        """An object's time changes only when it is written anew. So one that is not young counts as gone, and is stored
        again."""
        try:
            with self._told():
                changed = self._s3.head(self._small, name)["last_modified"]
        except FileNotFoundError:
            return False
        return bool(time.time() - changed.timestamp() < YOUNG_S)

    def copy(self, name: str, other: str, *, last: bool = True) -> None:
        with self._told():
            self._s3.copy(self._large, name, other)

    def look(self, folder: str, begin: str = "") -> Iterator[Found]:
        first = f"{folder}/{begin}"
        with self._told():
            pages = self._s3.list(self._small, folder, offset=first if begin else None, chunk_size=1000)
            for page in pages:
                for one in page:
                    if not one["path"].startswith(first):
                        return
                    yield Found(name=one["path"], size=one["size"], changed=one["last_modified"].timestamp())

    def remove(self, names: Sequence[str]) -> None:
        if names:
            with self._told():
                self._s3.delete(self._small, [*names])
        for name in names:
            self._cache.path(name).unlink(missing_ok=True)

    def address(self, name: str, method: str, seconds: int) -> str | None:
        with self._told():
            return str(
                self._s3.sign(self._small, "HEAD" if method == "HEAD" else "GET", name, timedelta(seconds=seconds))
            )

    @contextlib.contextmanager
    def _told(self, *, writing: bool = False) -> Iterator[None]:
        """Turns failures of the bucket into `StorageBusy`. FileNotFoundError stays, but not while `writing`: then the
        bucket itself is gone."""
        try:
            yield
        except FileNotFoundError as error:
            if not writing:
                raise
            self._log.warning("the bucket is gone", bucket=self._address.bucket)
            raise StorageBusy from error
        except self._failures as error:
            self._log.warning("the bucket fails", bucket=self._address.bucket, reason=_reason(error))
            raise StorageBusy from error


class _FetchLock:
    """Held by the thread that fetches one object. A class of its own, since a plain lock takes no weak reference."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


class _Cache:
    """Copies of objects that were read from the bucket, up to a size; the least recently used are removed first.

    Several processes may share it: each knows what it has used itself, of the others' only when they came.
    """

    def __init__(self, folder: Path, most_bytes: int, in_use_s: float) -> None:
        self._folder = folder.absolute()
        self._in_use_s = in_use_s
        self._most = most_bytes
        self._used: dict[str, float] = {}

    def prepare(self, *, alone: bool) -> None:
        try:
            (self._folder / "parts").mkdir(parents=True, exist_ok=True)
            (self._folder / "videos").mkdir(exist_ok=True)
        except OSError as error:
            raise unwritable(self._folder, error) from None
        for part in (self._folder / "parts").iterdir():
            with contextlib.suppress(FileNotFoundError):
                if alone or part.stat().st_mtime < time.time() - HALF_WRITTEN_S:
                    part.unlink()
        self._most = min(self._most, shutil.disk_usage(self._folder).free // 4)

    def path(self, name: str) -> Path:
        self._used[name] = time.time()
        return self._folder / name

    def part(self, name: str) -> Path:
        """A new path for a file that is being fetched or written."""
        return self._folder / "parts" / f"{name.rpartition('/')[2]}.{secrets.token_hex(4)}.part"

    def keep(self, name: str, part: Path) -> None:
        """Move a whole file to its place in the cache. It is fsynced first, unless its digest is compared before it is
        served: such a file may be damaged by a power cut."""
        if not name.endswith(".mp4"):
            with part.open("rb") as file:
                os.fsync(file.fileno())
        part.replace(self.path(name))
        self._make_room()

    def _make_room(self) -> None:
        now, total, found = time.time(), 0, []
        with os.scandir(self._folder / "videos") as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    about = entry.stat()
                    total += about.st_size
                    used = max(self._used.get(f"videos/{entry.name}", 0.0), about.st_ctime)
                    found.append((used, about.st_size, entry.name))
        for used, size, name in sorted(found):
            if total <= self._most or now - used < self._in_use_s:
                break
            (self._folder / "videos" / name).unlink(missing_ok=True)
            total -= size
        names = {f"videos/{name}" for _, _, name in found}
        self._used = {name: used for name, used in self._used.items() if name in names}


def _reason(error: Exception) -> str:
    """The error code that the bucket's server gave, if it gave one. The whole text may hold secrets."""
    text = str(error)
    found = re.search(r"<Code>(\w+)</Code>", text) or re.search(r"status code: (\d+)", text)
    if found:
        return found[1]
    return "no connection" if "HTTP error" in text or "error sending request" in text else type(error).__name__
