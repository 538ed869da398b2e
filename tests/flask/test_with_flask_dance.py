"""The tokens of requests-oauthlib and Flask-Dance, which are dicts with methods of their own, are
kept in our sessions. The provider is a real one on loopback.
"""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, request, session

from tests.flask.apps import make_app
from tests.flask.oauth_provider import ask
from tests.machine import import_part

consumer = import_part("flask_dance.consumer")
requests_oauthlib = import_part("requests_oauthlib")


@pytest.fixture(autouse=True)
def plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


def dance_site(store: Any, provider: str) -> Flask:
    app = make_app(store)
    blueprint = consumer.OAuth2ConsumerBlueprint(
        "provider",
        __name__,
        client_id="shop",
        client_secret="secret",
        base_url=f"{provider}/",
        authorization_url=f"{provider}/authorize",
        token_url=f"{provider}/token",
        use_pkce=True,
    )
    app.register_blueprint(blueprint, url_prefix="/login")

    @app.get("/")
    def home() -> Any:
        return {
            "authorized": blueprint.session.authorized,
            "me": blueprint.session.get("me").json(),
        }

    return app


def test_flask_dance_keeps_its_token_in_the_session(store: Any, provider: str) -> None:
    client = dance_site(store, provider).test_client()
    callback = ask(client.get("/login/provider").location)
    assert client.get(callback).status_code == 302
    assert client.get("/").json == {"authorized": True, "me": {"name": "ann"}}
    with client.session_transaction() as found:
        token = found["provider_oauth_token"]
        assert (type(token), token["access_token"]) == (dict, "of ann")


def test_the_documented_lines_of_requests_oauthlib_work(store: Any, provider: str) -> None:
    app = make_app(store)

    def open_oauth(**more: Any) -> Any:
        return requests_oauthlib.OAuth2Session(
            "shop", redirect_uri="http://localhost/callback", **more
        )

    @app.get("/login")
    def login() -> Any:
        with open_oauth(pkce="S256") as oauth:
            url, session["oauth_state"] = oauth.authorization_url(f"{provider}/authorize")
            session["verifier"] = oauth._code_verifier
        return app.redirect(url)

    @app.get("/callback")
    def callback() -> str:
        with open_oauth(state=session["oauth_state"]) as oauth:
            session["oauth_token"] = oauth.fetch_token(
                f"{provider}/token",
                client_secret="secret",
                authorization_response=request.url,
                code_verifier=session["verifier"],
            )
        return type(session["oauth_token"]).__name__

    @app.get("/profile")
    def profile() -> Any:
        with open_oauth(token=session["oauth_token"]) as oauth:
            return oauth.get(f"{provider}/me").json()

    client = app.test_client()
    assert client.get(ask(client.get("/login").location)).text == "OAuth2Token"
    assert client.get("/profile").json == {"name": "ann"}
