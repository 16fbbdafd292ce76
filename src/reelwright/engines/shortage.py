"""Main memory that runs out in an engine's process: how it is bounded, and how its end is recognised."""

from __future__ import annotations

import errno
import re
import resource
import threading

SMALL_MB = 1024
SMALL_STACK_BYTES = 1 << 20
"""Of a thread, where memory is short: the system's own 8 MB count as allocated, and an engine has a thread a core."""

LAST_WORDS = re.compile(r"std::bad_alloc|\bMemoryError\b|Cannot allocate memory|can't start new thread")
"""What a process prints that dies of it."""


def limit_memory(megabytes: int) -> None:
    """This process may allocate so much. Not the address space: CUDA reserves more of that than any machine has
    memory."""
    resource.setrlimit(resource.RLIMIT_DATA, (megabytes << 20, megabytes << 20))
    if megabytes < SMALL_MB:
        threading.stack_size(SMALL_STACK_BYTES)


def is_shortage(error: BaseException | None) -> bool:
    """Whether the error, or one that it came of, says that there was no memory. A thread needs some for its stack."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
            return True
        if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False
