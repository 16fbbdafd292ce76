"""The secret that signs webhooks: made at the first start, kept in the data directory, readable by its owner only."""

from __future__ import annotations

import base64
import contextlib
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
        # A link, not a rename: of two processes that begin at once, the first one's secret counts.
        with contextlib.suppress(FileExistsError):
            os.link(part, path)
    finally:
        part.unlink()
    return path.read_text().strip()
