"""The pages for other frameworks: the program of each runs, and shows what the page says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from ringsession import wrap_defaults

from tests.docs.browser import SAME_ORIGIN, Browser
from tests.docs.reader import Reader, transcripts, type_commands
from tests.frameworks import bottle_site, falcon_site
from tests.machine import find_program

PAGES = ["bottle", "django", "falcon", "plain-wsgi", "pyramid"]
FOREIGN = {"Sec-Fetch-Site": "cross-site", "Origin": "https://other.example"}
PASSWORD = "open sesame"


@pytest.mark.server
@pytest.mark.parametrize("page", PAGES)
def test_whoever_follows_a_page_for_a_framework_sees_what_it_shows(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_program("curl", package="curl")
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    monkeypatch.setenv("DJANGO_SUPERUSER_EMAIL", "ann@example.org")
    reader, browser = Reader(f"how-to/use-with-{page}.md", tmp_path), Browser()
    step = reader.do("")
    with reader.server() as port:
        browser.origin = f"http://127.0.0.1:{port}"
        assert type_commands(step, port, tmp_path) == transcripts(step)
        sign_in(browser, step.shown)
        sign_out(browser)
    if page == "django":
        assert (
            run(CLIENTS, tmp_path) == "Hello. This is visit 1 of nobody.\n'ringsession.session'\n"
        )
    file = tmp_path / ("shop/wsgi.py" if page == "django" else "app.py")
    file.write_text(
        file.read_text("utf-8").replace("site_defaults", "secure_site_defaults"), "utf-8"
    )
    assert run(SECURE.format("shop.wsgi" if page == "django" else "app"), tmp_path) == (
        "301 https://localhost/\n200 __Host-secure-ring-session\n"
    )


def sign_in(browser: Browser, shown: list[str]) -> None:
    """A forged login is refused. One by the page's form moves the session to a new id."""
    browser.open("/login")
    before, form = browser.cookies(), {"user": "ben", "password": PASSWORD}
    assert browser.send("/login", FOREIGN, form).status_code == 403
    assert [browser.press(user="ann", password=PASSWORD)] == shown
    assert browser.cookies()["ring-session"] != before.get("ring-session", "")
    assert browser.open() == "Hello. This is visit 2 of ann."


def sign_out(browser: Browser) -> None:
    """A forged logout is refused. A real one ends the session, also for a copy of its cookie."""
    thief, token = Browser(), browser.cookies().get("csrftoken", "")
    thief.origin = browser.origin
    thief.take_cookies(browser)
    assert browser.send("/logout", FOREIGN, {}).status_code == 403
    headers = {**SAME_ORIGIN, "X-CSRFToken": token} if token else SAME_ORIGIN
    answer = browser.send("/logout", headers, {})
    assert answer.text == "You are signed out. This is visit 1 of nobody.\n"
    assert thief.open() == "Hello. This is visit 1 of nobody."


CLIENTS = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
from shop.wsgi import application
from django.test import Client as DjangosClient
from werkzeug.test import Client
print(Client(application).get("/").text, end="")
try:
    DjangosClient().get("/", SERVER_NAME="127.0.0.1")
except KeyError as error:
    print(error)
"""


SECURE = """
import {0} as module
from werkzeug.test import Client
client = Client(getattr(module, "application", None) or module.app)
plain, tls = client.get("/"), client.get("/", base_url="https://localhost")
print(plain.status_code, plain.headers["Location"])
print(tls.status_code, tls.headers["Set-Cookie"].partition("=")[0])
"""


def run(program: str, folder: Path) -> str:
    """Run a program in a folder, and return what it prints."""
    command = [sys.executable, "-W", "ignore", "-c", program]
    return subprocess.check_output(command, cwd=folder, timeout=60, text=True)


@pytest.mark.parametrize("site", [bottle_site, falcon_site], ids=["bottle", "falcon"])
def test_what_a_view_changed_before_an_error_is_saved_with_the_frameworks_page(site: Any) -> None:
    client = Client(wrap_defaults(site.make()))
    assert client.get("/error").status_code == 500
    assert client.get("/").text == "visit 100 of None"
