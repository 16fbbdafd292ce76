"""Which server a command talks to, and with which exit code each kind of error ends the command."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from reelwright.client import Client

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])


INTERRUPTED = 130
"""Exit code: 128 + SIGINT, as shells report it."""


class Failed(click.ClickException):
    """The job failed, or the server could not do what was asked."""

    exit_code = 1


class Refused(click.ClickException):
    """Wrong usage or configuration."""

    exit_code = 2


def server_options(default: str | None) -> Callable[[AnyFunction], AnyFunction]:
    """Adds `--server` (None or `default` when not given) and `--api-key`."""
    shown = default or "a server of its own, for this one job"

    def decorate(function: AnyFunction) -> AnyFunction:
        function = click.option(
            "--api-key", envvar="REELWRIGHT_API_KEY", metavar="KEY", help="Its API key. [env: REELWRIGHT_API_KEY]"
        )(function)
        return click.option(
            "--server",
            envvar="REELWRIGHT_SERVER",
            metavar="URL",
            default=default,
            help=f"The server to use. [env: REELWRIGHT_SERVER; default: {shown}]",
        )(function)

    return decorate


@contextmanager
def connected(server: str, api_key: str | None, patience: float = 30.0) -> Generator[Client]:
    """A client of `server`; its errors become messages and exit codes."""
    from reelwright.client import Client

    with told():
        try:
            client = Client(server, api_key=api_key, patience=patience)
        except ValueError as error:
            raise Refused(str(error)) from None
        with client:
            yield client


@contextmanager
def told() -> Generator[None]:
    """Within the block a client's errors become messages and exit codes."""
    from reelwright.client import APIError, ServerFault, Unreachable, VideoFailed

    try:
        yield
    except VideoFailed as error:
        raise Failed(_failure(error)) from None
    except Unreachable as error:
        raise Refused(f"{error}.\nStart one with `reelwright serve`, or name another with --server.") from None
    except ServerFault as error:
        raise Failed(_refusal(error)) from None
    except APIError as error:
        raise Refused(_refusal(error)) from None


def _failure(error: Any) -> str:
    code = error.video.error.code if error.video.error else "unknown"
    return f"{error} [{code}, {error.video.id}]"


def _refusal(error: Any) -> str:
    remedy = ""
    if error.status == 401:
        remedy = " Pass --api-key or set REELWRIGHT_API_KEY."
    elif error.retry_after is not None:
        remedy = f" Try again in {error.retry_after:g} s."
    trace = f" [request {error.request_id}]" if error.status >= 500 and error.request_id else ""
    return f"{error.message}{remedy}{trace}"
