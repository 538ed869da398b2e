"""Bottle, CherryPy, Falcon and Pyramid behind the whole stack: one app each, the same claims."""

from __future__ import annotations

import io
from typing import Any

import pytest
from werkzeug.test import Client

from ringsession import wrap_defaults
from tests.frameworks import bottle_site, cherrypy_site, falcon_site, pyramid_site

SITES = {
    "bottle": bottle_site,
    "cherrypy": cherrypy_site,
    "falcon": falcon_site,
    "pyramid": pyramid_site,
}
OURS = {"Sec-Fetch-Site": "same-origin"}
pytestmark = [
    pytest.mark.filterwarnings("ignore:'cgi' is deprecated:DeprecationWarning"),  # WebOb
]


@pytest.fixture(scope="module", params=SITES)
def site(request: pytest.FixtureRequest) -> Any:
    return SITES[request.param].make()


@pytest.fixture
def client(site: Any) -> Client:
    return Client(wrap_defaults(site))


def test_a_view_counts_in_the_session(client: Client) -> None:
    assert [client.get("/").text for _ in range(2)] == ["visit 1 of None", "visit 2 of None"]


def test_a_form_with_a_file_reaches_the_view_that_a_layer_read_before(client: Client) -> None:
    token = client.get("/form").text.split('value="')[1].split('"')[0]
    form = {"__anti-forgery-token": token, "name": "ann", "file": (io.BytesIO(b"GIF8"), "a.gif")}
    answer = client.post("/form", data=form, follow_redirects=True)
    assert answer.text.startswith("[ann: a.gif b'GIF8'] <input")
    assert client.get("/form").text.startswith("[None] <input")


def test_a_form_without_a_token_is_refused_before_the_view(client: Client) -> None:
    form = {"name": "ann", "file": (io.BytesIO(b"GIF8"), "a.gif")}
    assert client.post("/form", data=form).status_code == 403
    assert client.get("/form").text.startswith("[None]")


def test_a_login_moves_the_session(client: Client) -> None:
    client.get("/")
    before = client.get_cookie("ring-session")
    answer = client.post("/login", data={"user": "ann"}, headers=OURS)
    assert (answer.status_code, answer.headers["Location"].endswith("/")) == (303, True)
    after = client.get_cookie("ring-session")
    assert before is not None and after is not None and before.value != after.value
    assert client.get("/").text == "visit 2 of ann"


def test_a_body_that_streams_has_its_session_stored(client: Client) -> None:
    assert client.get("/stream").text == "ab"
    assert client.get("/").text == "visit 11 of None"


def test_the_frameworks_page_for_an_error_has_the_headers_of_the_layers(
    site: Any, client: Client
) -> None:
    try:
        answer = client.get("/error")
    except RuntimeError as error:  # Pyramid leaves an error to its server
        assert site.__class__.__name__ == "Router" and str(error) == "an error of the view"
        assert client.get("/").text == "visit 1 of None"
    else:
        assert answer.status_code == 500
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_missing_page_is_the_frameworks_and_touches_no_session(client: Client) -> None:
    answer = client.get("/none")
    assert (answer.status_code, answer.headers.getlist("Set-Cookie")) == (404, [])
