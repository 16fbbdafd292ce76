"""The file `.env` in the working directory, read as Node's `dotenv` reads it, so that the same file has the same
meaning for both.

Quotes of three kinds, `export`, `NAME: value`, values of several lines, comments, a byte order mark, any line ending.
Nothing is expanded inside of a value. The expression is `LINE` of https://github.com/motdotla/dotenv (BSD-2-Clause).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from reelwright.errors import ConfigurationError

FILE = Path(".env")
ADOPTED = ("REELWRIGHT_", "HF_", "OTEL_", "FORWARDED_ALLOW_IPS", "CUDA_", "OMP_", "PYTORCH_")
"""How the names begin that libraries and children look up in the process's environment, and nowhere else."""

_LINE = re.compile(
    r"""^\s*(?:export\s+)?([\w.-]+)(?:\s*=\s*?|:\s+?)"""
    r"""(\s*'(?:\\'|[^'])*'|\s*"(?:\\"|[^"])*"|\s*`(?:\\`|[^`])*`|[^#\n]+)?\s*(?:\#.*)?$""",
    re.MULTILINE | re.ASCII,
)


def variables() -> Mapping[str, str]:
    """The variables of `.env`; empty where there is no such file. Raises `ConfigurationError` when it cannot be
    read."""
    try:
        text = FILE.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, IsADirectoryError):
        return {}
    except OSError as error:
        raise ConfigurationError(f"The file .env cannot be read: {error.strerror}. Make it readable.") from None
    except UnicodeDecodeError:
        raise ConfigurationError("The file .env is not UTF-8. Save it as UTF-8, or remove it.") from None
    return parse(text)


def parse(text: str) -> Mapping[str, str]:
    """The variables in a file's text; of a name that occurs twice the last value counts."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return {match[1]: _value((match[2] or "").strip()) for match in _LINE.finditer(lines)}


def adopt(*prefixes: str) -> None:
    """Put the variables whose names begin so into the process's environment, where there is no value for them yet."""
    for name, value in variables().items():
        if name.startswith(prefixes) and value and "\0" not in value and not os.environ.get(name):
            os.environ[name] = value


def _value(written: str) -> str:
    value = re.sub(r"^(['\"`])([\s\S]*)\1$", r"\2", written)
    return value.replace("\\n", "\n").replace("\\r", "\r") if written.startswith('"') else value
