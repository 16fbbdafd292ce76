"""How the tests run: in which order, shared out to which process, and what ends one that hangs.

The limits themselves stand in pyproject.toml. At the first (`timeout`) pytest-timeout raises in the main thread, once,
and a test that has failed has no limit any more. That is not enough for a test whose way out waits as well: a
`with ThreadPoolExecutor()` joins its threads, so does a `finally` or a fixture's end. Here the alarm is raised again
and again while the test, or a fixture of it, runs. What cannot be interrupted ends with its process at the second
limit (`faulthandler_timeout`); pytest-xdist goes on with another process, which begins after that test.
"""

from __future__ import annotations

import faulthandler
import signal
import sys
from collections.abc import Generator
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

from tests import long, servers

LONGEST_FIRST = (
    "tests/playground/",
    "tests/engines/local/",
    "tests/jobs/",
    "tests/docs/",
    "tests/clients/",
    "tests/cli/",
    "tests/test_huggingface_program.py",
)
"""Side by side with others, what takes long must not begin last: one core would wait for it."""

AGAIN = 1 / 60
"""How soon the alarm comes again, as a part of the limit: of 300 s, every 5 s."""

_limit = pytest.StashKey[Any]()
_running = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    about = (
        "how many seconds the program may take to end after its last test; a thread that hangs would hold it for ever"
    )
    parser.addini("leave_timeout", about, default="60")
    parser.addoption("--write-long", action="store_true", help=f"write {long.LIST.name}: which tests are long")


def pytest_configure(config: pytest.Config) -> None:
    servers.quickly = True
    if config.getoption("--write-long") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(long.Durations())


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    long.mark(items)
    last = len(LONGEST_FIRST)
    items.sort(key=lambda item: next((n for n, one in enumerate(LONGEST_FIRST) if item.nodeid.startswith(one)), last))


class ByFile(LoadFileScheduling):
    """A file at a time to each process; the tests of the page, which share a browser, are one."""

    def _split_scope(self, nodeid: str) -> str:
        page = LONGEST_FIRST[0]
        return page if nodeid.startswith(page) else str(super()._split_scope(nodeid))

    def remove_node(self, node: Any) -> str | None:
        """Share out what an ended process has left, without the test that it ended in, and name that one.

        pytest-xdist would give that test to the next process, and so end each of them in turn, for ever.
        """
        left = self.assigned_work.pop(node)
        waiting = [(unit, test) for unit in left.values() for test, done in unit.items() if not done]
        if not waiting:
            return None
        unit, ended_in = waiting[0]
        unit[ended_in] = True
        self.workqueue.update({scope: unit for scope, unit in left.items() if not all(unit.values())})
        for other in self.assigned_work:
            self._reschedule(other)
        return str(ended_in)


@pytest.hookimpl(optionalhook=True)  # there is none with `-p no:xdist`
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    return ByFile(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> Generator[None, Any, Any]:
    done = yield
    theirs = signal.getsignal(signal.SIGALRM)
    if signal.getitimer(signal.ITIMER_REAL)[0] and callable(theirs):
        item.stash[_limit] = settings

        def alarm(number: int, frame: Any) -> None:
            # Between a test and the ends of its fixtures it would hit pytest itself.
            if item.stash.get(_running, False):
                theirs(number, frame)

        signal.signal(signal.SIGALRM, alarm)
        signal.setitimer(signal.ITIMER_REAL, settings.timeout, settings.timeout * AGAIN)
    return done


def _while_it_runs(item: pytest.Item) -> Generator[None, Any, Any]:
    item.stash[_running] = True
    try:
        return (yield)
    finally:
        item.stash[_running] = False


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, Any, Any]:
    return (yield from _while_it_runs(item))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    return (yield from _while_it_runs(item))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, Any, Any]:
    if _limit in item.stash and not signal.getitimer(signal.ITIMER_REAL)[0]:  # it has failed; its fixtures may hang
        item.config.hook.pytest_timeout_set_timer(item=item, settings=item.stash[_limit])
    return (yield from _while_it_runs(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    report = yield
    if report.failed:
        report.sections.extend(servers.logs())
    return report


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    # pytest-xdist kills its own processes.
    if not hasattr(config, "workerinput"):
        faulthandler.dump_traceback_later(float(config.getini("leave_timeout")), exit=True, file=sys.__stderr__ or 2)
