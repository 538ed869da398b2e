"""Old and new processes beside each other, as during a deploy, a rollback, and both at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.request import HTTPCookieProcessor, ProxyHandler, build_opener

import pytest

from tests.serving import free_port, running


class Browser:
    """Keep cookies, and ask the old or the new process."""

    def __init__(self, ports: dict[str, int]) -> None:
        self.jar = CookieJar()
        self._ports = ports
        self._opener = build_opener(HTTPCookieProcessor(self.jar), ProxyHandler({}))

    def get(self, process: str, path: str) -> str:
        url = f"http://127.0.0.1:{self._ports[process]}{path}"
        with self._opener.open(url, timeout=20) as answer:
            return str(answer.read().decode())

    def names(self) -> set[str]:
        return {cookie.name for cookie in self.jar}


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    folder: Path = tmp_path_factory.mktemp("deploy")
    found = {"old": free_port(), "new": free_port()}
    module = ["-m", "tests.flask.old_and_new"]
    with ExitStack() as stack:
        stack.enter_context(running([*module, str(found["old"])], found["old"], folder))
        store = f"sqlite:///{folder / 'sessions.db'}"
        stack.enter_context(running([*module, str(found["new"]), store], found["new"], folder))
        yield found


@pytest.fixture
def browser(ports: dict[str, int]) -> Browser:
    return Browser(ports)


def test_a_deploy_signs_nobody_out_while_old_and_new_processes_take_turns(browser: Browser) -> None:
    browser.get("old", "/login/ann")
    seen = [browser.get(process, "/") for process in ("new", "old", "new", "old", "new")]
    assert seen == ["ann"] * 5
    assert browser.names() == {"id", "session"}


def test_a_rollback_signs_nobody_out_who_signed_in_before_the_deploy(browser: Browser) -> None:
    browser.get("old", "/login/ann")
    browser.get("new", "/")
    assert [browser.get("old", "/"), browser.get("old", "/")] == ["ann", "ann"]


def test_a_login_at_a_new_process_is_known_to_the_new_ones_alone(browser: Browser) -> None:
    browser.get("new", "/login/bob")
    assert [browser.get("new", "/"), browser.get("old", "/")] == ["bob", "nobody"]


def test_a_logout_at_a_new_process_holds_at_both(browser: Browser) -> None:
    browser.get("old", "/login/ann")
    browser.get("new", "/")
    browser.get("new", "/logout")
    assert [browser.get("new", "/"), browser.get("old", "/")] == ["nobody", "nobody"]
    assert browser.names() == set()


def test_a_logout_at_a_new_process_ends_an_old_cookie_that_was_copied(browser: Browser) -> None:
    browser.get("old", "/login/ann")
    copied = list(browser.jar)
    browser.get("new", "/logout")
    for cookie in copied:
        browser.jar.set_cookie(cookie)
    assert browser.get("new", "/") == "nobody"
