"""The Hugging Face Hub, asked so that what is in the way becomes one sentence."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from reelwright.errors import Code, EngineError


@contextmanager
def reaching(what: str, source: str) -> Generator[None]:
    """Every failure of the Hub or of the way there becomes an `EngineError` that names `what` and the repository."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    try:
        yield
    except HFValidationError:
        raise _refused(f"{source!r} is no Hugging Face repository: write OWNER/NAME.") from None
    except OfflineModeIsEnabled:
        raise _refused(f"{what} cannot be fetched: HF_HUB_OFFLINE is set.") from None
    except HfHubHTTPError as error:
        raise _refused(
            f"{what} cannot be fetched: the Hub answered {error.response.status_code} ({source}). "
            "A gated one needs its terms accepted and HF_TOKEN."
        ) from None
    except httpx2.HTTPError:
        raise _refused(
            f"{what} cannot be fetched: the Hub could not be reached ({source}). Look at the connection; "
            "HF_ENDPOINT names a mirror."
        ) from None
    except OSError as error:
        raise _refused(f"{what} cannot be fetched: {error.strerror or error} ({source}).") from None


def files_of(source: str, revision: str | None) -> list[str]:
    """The names of a repository's files. Asks once: the library's own list tries six times, for half a minute."""
    from huggingface_hub import HfApi

    return [file.rfilename for file in HfApi().model_info(source, revision=revision).siblings or ()]


def _refused(message: str) -> EngineError:
    return EngineError(message, code=Code.ENGINE_NOT_CONFIGURED)
