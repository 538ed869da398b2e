"""Authlib's OAuth client keeps its state in our sessions, against a provider on loopback that
checks each parameter it gets.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from flask import Flask, request, session
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from ringsession.flask.extension import recreate
from tests.flask.apps import make_app
from tests.machine import import_part

authlib_client = import_part("authlib.integrations.flask_client")

CALLBACK = "http://localhost/callback"


class Provider:
    """A provider of logins for one client: each code is good once, for whoever knows the verifier
    it was asked for with.
    """

    def __init__(self) -> None:
        self.codes: dict[str, tuple[str, str]] = {}

    @Request.application
    def __call__(self, request: Request) -> Response:
        answers = {"/authorize": self.authorize, "/token": self.token, "/me": self.me}
        return answers[request.path](request)

    def authorize(self, request: Request) -> Response:
        """Whoever comes is Ann, and agrees."""
        asked = request.args
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked["redirect_uri"], asked["code_challenge"]
        query = urlencode({"code": code, "state": asked["state"]})
        return Response(status=302, headers={"Location": f"{asked['redirect_uri']}?{query}"})

    def token(self, request: Request) -> Response:
        digest = hashlib.sha256(request.form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        kept = self.codes.pop(request.form["code"], None)
        if kept != (request.form["redirect_uri"], challenge):
            return _json('{"error": "invalid_grant"}', 400)
        return _json('{"access_token": "of ann", "token_type": "Bearer", "expires_in": 3600}')

    def me(self, request: Request) -> Response:
        known = request.headers.get("Authorization") == "Bearer of ann"
        return _json('{"name": "ann"}') if known else _json("{}", 401)


def _json(text: str, status: int = 200) -> Response:
    return Response(text, status, content_type="application/json")


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """Where a running provider is."""
    server = make_server("127.0.0.1", 0, Provider(), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def site(store: Any, provider: str) -> Flask:
    """A site that lets the provider say who somebody is."""
    app = make_app(store)
    oauth = authlib_client.OAuth(app)
    oauth.register(
        "provider",
        client_id="shop",
        client_secret="secret",
        authorize_url=f"{provider}/authorize",
        access_token_url=f"{provider}/token",
        api_base_url=f"{provider}/",
        client_kwargs={"code_challenge_method": "S256"},
    )

    @app.get("/login")
    def login() -> Any:
        session["came_from"] = request.args.get("from")
        return oauth.provider.authorize_redirect(CALLBACK)

    @app.get("/callback")
    def callback() -> Any:
        try:
            oauth.provider.authorize_access_token()
        except authlib_client.OAuthError as error:
            return error.error, 400
        recreate()
        session["user"] = oauth.provider.get("me").json()["name"]
        return "welcome"

    @app.get("/session")
    def contents() -> str:
        return repr(dict(session))

    return app


def ask(location: str) -> str:
    """Where the provider sends a browser back to: the callback's path and query."""
    url = urlsplit(location)
    assert url.port is not None
    connection = http.client.HTTPConnection("127.0.0.1", url.port, timeout=10)
    try:
        connection.request("GET", f"{url.path}?{url.query}")
        return str(connection.getresponse().headers["Location"]).removeprefix("http://localhost")
    finally:
        connection.close()


def state_of(location: str) -> str:
    return parse_qs(urlsplit(location).query)["state"][0]


def visit(client: Any, path: str) -> tuple[int, str]:
    answer = client.get(path)
    return answer.status_code, answer.text


def test_a_login_by_the_provider_survives_the_round_trip(store: Any, provider: str) -> None:
    client = site(store, provider).test_client()
    callback = ask(client.get("/login?from=cart").location)
    assert visit(client, callback) == (200, "welcome")
    assert client.get("/session").text == "{'came_from': 'cart', 'user': 'ann'}"


def test_the_state_is_in_the_session_until_the_browser_is_back(store: Any, provider: str) -> None:
    client = site(store, provider).test_client()
    location = client.get("/login").location
    with client.session_transaction() as found:
        assert sorted(found) == [f"_state_provider_{state_of(location)}", "came_from"]
    client.get(ask(location))
    with client.session_transaction() as found:
        assert sorted(found) == ["came_from", "user"]


def test_a_forged_state_is_refused(store: Any, provider: str) -> None:
    client = site(store, provider).test_client()
    location = client.get("/login").location
    callback = ask(location)
    forged = callback.replace(state_of(location), "forged")
    assert visit(client, forged) == (400, "mismatching_state")
    assert visit(client, callback) == (200, "welcome")


def test_the_state_of_another_session_is_refused(store: Any, provider: str) -> None:
    app = site(store, provider)
    attacker, victim = app.test_client(), app.test_client()
    victim.get("/login")
    callback = ask(attacker.get("/login").location)
    assert visit(victim, callback) == (400, "mismatching_state")
    assert visit(attacker, callback) == (200, "welcome")


def test_a_state_is_good_once(store: Any, provider: str) -> None:
    client = site(store, provider).test_client()
    callback = ask(client.get("/login").location)
    assert visit(client, callback) == (200, "welcome")
    assert visit(client, callback) == (400, "mismatching_state")


def test_a_login_in_each_of_two_tabs_ends_well(store: Any, provider: str) -> None:
    client = site(store, provider).test_client()
    callbacks = [ask(client.get("/login").location) for _ in range(2)]
    assert [visit(client, callback) for callback in callbacks] == [(200, "welcome")] * 2


def test_logins_that_two_tabs_begin_at_the_same_moment_both_end_well(
    shared_store: Any, provider: str
) -> None:
    app = site(shared_store, provider)
    client, locations = app.test_client(), []

    @app.get("/both")
    def both() -> Any:
        other = app.test_client()
        other.set_cookie("session", client.get_cookie("session").value)  # type: ignore[union-attr]
        session.get("came_from")
        locations.append(other.get("/login").location)
        return app.view_functions["login"]()

    client.get("/login")
    locations.append(client.get("/both").location)
    assert [visit(client, ask(location)) for location in locations] == [(200, "welcome")] * 2


def test_the_session_id_from_before_the_login_is_dead(shared_store: Any, provider: str) -> None:
    app = site(shared_store, provider)
    client, attacker = app.test_client(), app.test_client()
    callback = ask(client.get("/login").location)
    attacker.set_cookie("session", client.get_cookie("session").value)  # type: ignore[union-attr]
    client.get(callback)
    assert attacker.get("/session").text == "{}"
