"""The stores that files lie in: tests run on a folder and on a bucket, by a parameter.

The bucket is one of a real S3 server: OpenStack's swift with its S3 API, four processes on free ports of this machine.
It verifies signatures and checksums as S3 does.

`@ON_BOTH_STORES` gives a test each store in turn; a module whose tests share a server builds it with `shared_store`.
What looks into the files of a server asks its `Shelf`, whatever its store is.
"""

from __future__ import annotations

import getpass
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx2
import obstore
import pytest
from obstore.store import S3Store

from reelwright.store.objects import BucketAddress
from tests.processes import Process
from tests.servers import ServerProcess, eventually, free_port

STORES = ("folder", "bucket")
ON_BOTH_STORES = pytest.mark.parametrize("store", STORES, indirect=True)
"""The fixture `store` is the data directory, and then a fresh bucket."""

Settings = Mapping[str, str]
"""The settings that choose a store: none for the data directory."""

ACCESS_KEY = "test:tester"
SECRET_KEY = "a-secret-that-nobody-may-read"
REGION = "us-east-1"

_KINDS = ("account", "container", "object")

_RINGS = """
import sys
from swift.common.ring import RingBuilder
folder, *ports = sys.argv[1:]
for kind, port in zip(("account", "container", "object"), ports):
    rings = RingBuilder(2, 1, 1)
    rings.add_dev({"region": 1, "zone": 1, "ip": "127.0.0.1", "port": int(port), "device": "disk", "weight": 1})
    rings.rebalance()
    rings.get_ring().save(f"{folder}/{kind}.ring.gz")
"""

_COMMON = """
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
user = {user}
swift_dir = {folder}
devices = {folder}/disks
mount_check = false
fallocate_reserve = 0
workers = 0
log_address = {folder}/no-syslog
"""

_STORAGE = (
    _COMMON
    + """
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""
)

_PROXY = (
    _COMMON
    + """
[pipeline:main]
pipeline = catch_errors proxy-logging cache listing_formats s3api tempauth bulk slo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:proxy-logging]
use = egg:swift#proxy_logging
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:9
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:s3api]
use = egg:swift#s3api
location = {region}
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = {secret} .admin
[filter:bulk]
use = egg:swift#bulk
[filter:slo]
use = egg:swift#slo
"""
)


class ObjectServer:
    """One S3 server on its folder. `start` may be called again after `kill`: the address stays."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = {kind: free_port() for kind in (*_KINDS, "proxy")}
        self._processes: list[Process[bytes]] = []
        self.url = f"http://127.0.0.1:{self._ports['proxy']}"
        (folder / "disks" / "disk").mkdir(parents=True)
        (folder / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = tests\n")
        for kind in _KINDS:
            self._configure(kind, _STORAGE)
        self._configure("proxy", _PROXY)
        ports = [str(self._ports[kind]) for kind in _KINDS]
        subprocess.run([sys.executable, "-W", "ignore", "-c", _RINGS, str(folder), *ports], check=True)

    def _configure(self, kind: str, form: str) -> None:
        text = form.format(
            kind=kind,
            port=self._ports[kind],
            folder=self._folder,
            user=getpass.getuser(),
            region=REGION,
            secret=SECRET_KEY,
        )
        (self._folder / f"{kind}.conf").write_text(text)

    def start(self) -> ObjectServer:
        environment = {**os.environ, "SWIFT_TEST_CONFIG_FILE": "", "PYTHONWARNINGS": "ignore"}
        for kind in (*_KINDS, "proxy"):
            program = str(Path(sys.executable).parent / f"swift-{kind}-server")
            with (self._folder / f"{kind}.log").open("ab") as log:
                self._processes.append(
                    Process(
                        [sys.executable, program, str(self._folder / f"{kind}.conf"), "-v"],
                        env=environment,
                        stdout=log,
                        stderr=log,
                    )
                )
        eventually(self._answers, limit_s=60)
        return self

    def _answers(self) -> bool:
        try:
            for port in self._ports.values():
                socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            return False
        return True

    def freeze(self) -> None:
        """It takes connections and bytes as far as the kernel does, and answers nothing."""
        os.kill(self._processes[-1].pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._processes[-1].pid, signal.SIGCONT)

    def kill(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
        self._processes = []

    @contextmanager
    def bucket(self) -> Iterator[Settings]:
        """The settings of a fresh bucket, which lives as long as this server."""
        name = f"videos-{secrets.token_hex(4)}"
        settings = {
            "REELWRIGHT_S3_BUCKET": f"{name}/some/where",
            "REELWRIGHT_S3_ENDPOINT": self.url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        }
        address = obstore.sign(client(settings, prefix=None), "PUT", "", timedelta(seconds=60))
        assert httpx2.put(address).status_code == 200
        yield settings


def bucket_address(settings: Settings) -> BucketAddress:
    """The bucket that these settings name."""
    bucket, _, prefix = settings["REELWRIGHT_S3_BUCKET"].removeprefix("s3://").partition("/")
    return BucketAddress(
        bucket=bucket,
        prefix=prefix,
        endpoint=settings["REELWRIGHT_S3_ENDPOINT"],
        access_key=settings["AWS_ACCESS_KEY_ID"],
        secret_key=settings["AWS_SECRET_ACCESS_KEY"],
    )


def client(settings: Settings, prefix: str | None = "some/where") -> S3Store:
    """A client of our own, beside the server's."""
    at = bucket_address(settings)
    return S3Store(
        at.bucket,
        prefix=prefix,
        config={
            "endpoint": at.endpoint or "",
            "access_key_id": at.access_key or "",
            "secret_access_key": at.secret_key or "",
            "region": REGION,
        },
        client_options={"allow_http": True},
    )


class Shelf:
    """What a server has stored, as somebody with access to the place sees and changes it."""

    def __init__(self, data_dir: Path, settings: Settings) -> None:
        self.data_dir = data_dir
        self._client = client(settings) if settings else None
        self._root = data_dir / "cache" if settings else data_dir

    def names(self, folder: str, begin: str = "") -> list[str]:
        """The objects below that folder whose names there begin like that."""
        if self._client:
            found = [one["path"].removeprefix(f"{folder}/") for one in obstore.list(self._client, folder).collect()]
        else:
            paths = (self._root / folder).rglob("*")
            found = [str(path.relative_to(self._root / folder)) for path in paths if path.is_file()]
        return sorted(name for name in found if name.startswith(begin))

    def on_disk(self, name: str) -> Path:
        """Where the server reads it."""
        return self._root / name

    def read(self, name: str) -> bytes:
        return bytes(obstore.get(self._client, name).bytes()) if self._client else (self._root / name).read_bytes()

    def write(self, name: str, data: bytes) -> None:
        """Put other bytes there, also in what the server has fetched of it."""
        if self._client:
            obstore.put(self._client, name, data)
        if not self._client or (self._root / name).exists():
            (self._root / name).write_bytes(data)

    def remove(self, name: str) -> None:
        """Also what the server has fetched of it."""
        if self._client:
            obstore.delete(self._client, name)
        (self._root / name).unlink(missing_ok=True)

    def forget_fetched(self) -> None:
        """What the server has fetched is lost; nothing for a folder, where it is the thing itself."""
        if self._client:
            for path in (self._root / "videos").iterdir():
                path.unlink()


def shelf(server: ServerProcess) -> Shelf:
    return Shelf(server.data_dir, server.store)
