"""The Hub's cache on this machine, read and written in its own layout, without the Hub's library.

`models--OWNER--NAME/` holds `blobs/` (the files, by their SHA-256 or git id), `snapshots/COMMIT/` (links to them by
their names) and `refs/BRANCH` (which commit that is).
https://huggingface.co/docs/huggingface_hub/guides/manage-cache

The library's own `snapshot_download(local_files_only=True)` calls a snapshot incomplete that lacks any file of the
repository. What a model needs is less than that, and `weights.py` knows what it is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_MAIN = "main"


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the Hub's library keeps its files: `HF_HUB_CACHE`, else `hub` in `HF_HOME`, else in the user's cache."""
    named = environment.get("HF_HUB_CACHE") or environment.get("HUGGINGFACE_HUB_CACHE")
    if named:
        return Path(os.path.expandvars(named)).expanduser()
    base = environment.get("XDG_CACHE_HOME") or "~/.cache"
    home = environment.get("HF_HOME") or f"{base}/huggingface"
    return Path(os.path.expandvars(home)).expanduser() / "hub"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """One repository's folder in the cache. It need not exist."""

    folder: Path

    @classmethod
    def of(cls, source: str, cache: Path | None = None) -> Self:
        """`source` is OWNER/NAME."""
        return cls(folder=(cache or cache_folder()) / f"models--{source.replace('/', '--')}")

    def snapshot(self, revision: str | None) -> Path | None:
        """The folder of a commit, or of what a branch or tag was when it was fetched; None where there is none."""
        commit = revision or _MAIN
        if not _COMMIT.fullmatch(commit):
            try:
                commit = (self.folder / "refs" / commit).read_text(encoding="ascii").strip()
            except (OSError, UnicodeDecodeError):
                return None
        found = self.files_of(commit)
        return found if _COMMIT.fullmatch(commit) and found.is_dir() else None

    def files_of(self, commit: str) -> Path:
        return self.folder / "snapshots" / commit

    def blob(self, identity: str) -> Path:
        """Where the content with this SHA-256 (or git id) lies, once it is whole."""
        return self.folder / "blobs" / identity

    def link(self, commit: str, name: str, identity: str) -> None:
        """Let the file `name` of the commit be that content."""
        place = self.files_of(commit) / name
        place.parent.mkdir(parents=True, exist_ok=True)
        new = place.with_name(f".{place.name}.{os.getpid()}")
        new.unlink(missing_ok=True)
        new.symlink_to(os.path.relpath(self.blob(identity), place.parent))
        new.replace(place)

    def forget(self, commit: str, name: str) -> None:
        """Remove the file `name` of the commit, and its content."""
        place = self.files_of(commit) / name
        place.resolve().unlink(missing_ok=True)
        place.unlink(missing_ok=True)

    def point(self, revision: str | None, commit: str) -> None:
        """Let the branch or tag mean this commit."""
        name = revision or _MAIN
        if _COMMIT.fullmatch(name):
            return
        place = self.folder / "refs" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        new = place.with_name(f".{place.name}.{os.getpid()}")
        new.write_text(commit, encoding="ascii")
        new.replace(place)
