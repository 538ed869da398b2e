"""Authlib's OAuth client keeps its state in our sessions, against a provider on loopback that
checks each parameter it gets.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask import Flask, request, session

from ringsession.flask import recreate
from tests.flask.apps import make_app
from tests.flask.oauth_provider import ask
from tests.machine import import_part

authlib_client = import_part("authlib.integrations.flask_client")

CALLBACK = "http://localhost/callback"


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
        userinfo_endpoint=f"{provider}/me",
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

    @app.get("/callback/with-token")
    def callback_with_token() -> str:
        token = oauth.provider.authorize_access_token()
        session["user"] = oauth.provider.userinfo(token=token)
        session["token"] = token
        return f"welcome {session['user'].name}"

    @app.get("/session")
    def contents() -> str:
        return repr(dict(session))

    return app


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


def test_its_token_and_its_user_are_stored_as_dicts(store: Any, provider: str) -> None:
    client = site(store, provider).test_client()
    callback = ask(client.get("/login").location).replace("/callback", "/callback/with-token")
    assert visit(client, callback) == (200, "welcome ann")
    with client.session_transaction() as found:
        token = found["token"]
        assert (type(token), token["access_token"]) == (dict, "of ann")
        assert (type(found["user"]), found["user"]) == (dict, {"name": "ann"})
