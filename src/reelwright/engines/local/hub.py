"""The Hugging Face Hub, asked so that what is in the way becomes one sentence."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath

import httpx2

from reelwright.engines.local.hub_cache import HUB_ID
from reelwright.errors import Code, EngineError

BROKEN_OFF = (httpx2.TransportError,)
_SILENCE_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One file of a repository. `size` in bytes; `identity` is its name in the cache: the SHA-256 that the Hub tells of
    large files, the git id of small ones. `sha256` None: the Hub tells none."""

    name: str
    size: int
    identity: str
    sha256: str | None

    @property
    def safe(self) -> bool:
        """Whether the name stays inside of the folder that it is put in."""
        path = PurePosixPath(self.name)
        return not path.is_absolute() and ".." not in path.parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What the Hub says of a repository: its commit, its files, its licence, whether its terms must be accepted."""

    commit: str
    pieces: tuple[Piece, ...]
    license: str | None
    gated: bool
    page: str


@contextmanager
def reaching(what: str, source: str) -> Generator[None]:
    """Every failure of the Hub or of the way there becomes an `EngineError` that names `what` and the repository."""
    from huggingface_hub import constants
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    try:
        yield
    except HFValidationError:
        raise _refused(f"{source!r} is no Hugging Face repository: write OWNER/NAME.") from None
    except OfflineModeIsEnabled:
        raise _refused(f"{what} cannot be fetched: HF_HUB_OFFLINE is set. Unset it.") from None
    except GatedRepoError:
        raise _refused(
            f"{what} cannot be fetched: {source} is gated. Accept its terms at {constants.ENDPOINT}/{source}, then set "
            "HF_TOKEN (in the environment or .env) to a token of that account."
        ) from None
    except HfHubHTTPError as error:
        raise _refused(
            f"{what} cannot be fetched: the Hub answered {error.response.status_code} ({source}). "
            "A gated one needs its terms accepted and HF_TOKEN."
        ) from None
    except httpx2.HTTPError:
        raise _refused(
            f"{what} cannot be fetched: the Hub could not be reached ({source}). Look at the connection; "
            "HF_ENDPOINT names a mirror. What has come already is kept."
        ) from None
    except OSError as error:
        raise _refused(f"{what} cannot be fetched: {error.strerror or error} ({source}).") from None


def listing(what: str, source: str, revision: str | None, token: str | None) -> Listing:
    """What the repository has. Asks once: the library's own list tries six times, for half a minute."""
    from huggingface_hub import HfApi

    if not HUB_ID.fullmatch(source):
        raise _refused(f"{source!r} is no Hugging Face repository: write OWNER/NAME.")
    with reaching(what, source):
        api = HfApi(token=token)
        found = api.model_info(source, revision=revision, files_metadata=True)
        card = found.card_data
        return Listing(
            commit=str(found.sha),
            pieces=tuple(
                Piece(
                    name=file.rfilename,
                    size=file.size or 0,
                    identity=file.lfs.sha256 if file.lfs else str(file.blob_id),
                    sha256=file.lfs.sha256 if file.lfs else None,
                )
                for file in found.siblings or ()
            ),
            license=str(card.get("license_name") or card.get("license") or "") or None if card else None,
            gated=bool(found.gated),
            page=f"{api.endpoint}/{source}",
        )


def read(what: str, source: str, commit: str, name: str, token: str | None) -> bytes:
    """A small file of the repository."""
    from huggingface_hub import get_session, hf_hub_url
    from huggingface_hub.utils import hf_raise_for_status  # type: ignore[attr-defined]

    with reaching(what, source):
        url = hf_hub_url(source, name, revision=commit)
        answer = get_session().get(url, headers=_headers(token), follow_redirects=True, timeout=_SILENCE_S)
        hf_raise_for_status(answer)
        return answer.content


def bytes_of(source: str, commit: str, piece: Piece, begun: int, token: str | None) -> Iterator[bytes | None]:
    """The file's bytes from `begun` on. None comes first where the server begins with the first byte instead."""
    from huggingface_hub import get_session, hf_hub_url
    from huggingface_hub.utils import hf_raise_for_status  # type: ignore[attr-defined]

    headers = {**_headers(token), "Accept-Encoding": "identity"}
    if begun:
        headers["Range"] = f"bytes={begun}-"
    url = hf_hub_url(source, piece.name, revision=commit)
    # Large files are elsewhere: on the way there the token is left behind.
    with get_session().stream("GET", url, headers=headers, follow_redirects=True, timeout=_SILENCE_S) as answer:
        hf_raise_for_status(answer)
        if begun and answer.status_code != 206:
            yield None
        yield from answer.iter_bytes()


def _headers(token: str | None) -> dict[str, str]:
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    return dict(build_hf_headers(token=token))


def _refused(message: str) -> EngineError:
    return EngineError(message, code=Code.ENGINE_NOT_CONFIGURED)
