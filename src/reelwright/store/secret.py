"""The secret that signs webhooks: made at the first start, kept in the data directory, readable by its owner only."""

from __future__ import annotations

import base64
import contextlib
import errno
import os
import secrets
from pathlib import Path

NAME = "webhook-secret"
SECRET_BYTES = 32


def signing_secret(data_dir: Path) -> str:
    """`whsec_` and base 64, as Standard Webhooks writes a symmetric secret. Made and stored if there is none yet."""
    path = data_dir / NAME
    with contextlib.suppress(FileNotFoundError):
        return path.read_text().strip()
    data_dir.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{NAME}.{secrets.token_hex(4)}.part")
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secret + "\n")
            file.flush()
            os.fsync(file.fileno())
        _publish(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path.read_text().strip()


def _publish(part: Path, path: Path) -> None:
    """A link, not a rename: of two processes that begin at once, the first one's secret counts.

    Where the file system has no hard links (FAT, some network and FUSE ones), a rename of who comes first.
    """
    try:
        os.link(part, path)
    except FileExistsError:
        return
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
            raise
        if not path.exists():
            part.replace(path)
