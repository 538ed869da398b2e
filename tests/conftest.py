"""Give every test Hypothesis's two profiles, a real browser and real servers.

This module imports nothing of the project, since coverage has to start before the package does.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.machine import find_program, sum_up
from tests.naming import ADDRESS

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.servers import Server

# Derandomized: each run tries the same examples, so a red run is red again, and there is no seed
# to write down.
# No deadline: a busy machine is no bug.
hypothesis.settings.register_profile("default", derandomize=True, deadline=None)
hypothesis.settings.register_profile("quick", derandomize=True, deadline=None, max_examples=20)
hypothesis.settings.load_profile("default")


# The attacks have one list of numbers; `pytest -m "attack"` runs their tests, wherever they live.
_ATTACK = re.compile(r"test_attack_([0-9]+)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of attacks by their number, and the first test of each file and each tenth.

    Refuse names with an address.

    Such a name differs from process to process, and pytest-xdist could not run the test.
    """
    places: Counter[Path] = Counter()
    for item in items:
        if (attack := _ATTACK.match(item.name)) is not None:
            item.add_marker(pytest.mark.attack(int(attack[1])))
        if places[item.path] % 10 == 0:
            item.add_marker("tenth")
        places[item.path] += 1
        if ADDRESS.search(item.nodeid):
            raise pytest.UsageError(f"{item.nodeid} has an address in its name: use ids=name_value")


_not_run = pytest.StashKey[str]()


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Keep one line on the tests that this machine cannot run; they would have covered more."""
    result = yield
    plugins = session.config.pluginmanager
    if (reporter := plugins.getplugin("terminalreporter")) is not None:
        skipped = reporter.stats.get("skipped", [])
        session.config.stash[_not_run] = line = sum_up(report.longrepr[2] for report in skipped)
        if line and (coverage := plugins.getplugin("_cov")) is not None:
            coverage.options.cov_fail_under = 0  # that bound is for a machine that has it all
    return result


def pytest_unconfigure(config: pytest.Config) -> None:
    """Print that line last, below the coverage and pytest's own count."""
    if line := config.stash.get(_not_run, ""):
        print(line)


@pytest.fixture(autouse=True)
def _full_refusal_logs() -> None:
    """Let each test see its refusals in the log, of which a process writes 10 in a second."""
    for name in ("anti_forgery", "hosts"):
        module = sys.modules.get(f"ringsession.middleware.{name}")
        if module is not None:
            module._refusals._begin()


CHROMIUM_FLAGS = [
    "--no-sandbox",  # root has no sandbox
    "--disable-gpu",
    # What follows keeps the browser from calling home: tests need no network but this machine's
    # own.
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Names that no browser trusts over plain http, as it does "localhost".
    "--host-resolver-rules=MAP *.test 127.0.0.1",
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A running headless Chromium; `chromium.new_context()` is a fresh browser profile."""
    executable = find_program("chromium", package="chromium")

    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def _serving(kind: str, *arguments: str) -> Iterator[Server]:
    from tests import servers

    server: Server = getattr(servers, kind)(*arguments)
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture(scope="session")
def valkey() -> Iterator[Server]:
    """A running Valkey for the whole run; whoever kills a server starts one of their own."""
    yield from _serving("valkey")


@pytest.fixture(scope="session")
def redis() -> Iterator[Server]:
    """A running Redis."""
    yield from _serving("redis")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A running PostgreSQL."""
    yield from _serving("postgresql")


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Server]:
    """A running MariaDB."""
    yield from _serving("mariadb")


@pytest.fixture(scope="session")
def memcached() -> Iterator[Server]:
    """A running Memcached that evicts nothing."""
    yield from _serving("memcached", "-M")
