"""Attacks 43 to 54: requests that another site makes a browser send."""

from __future__ import annotations

import io
import itertools
import re
from typing import Any

import pytest
from flask import Flask, render_template_string
from werkzeug.test import Client

from ringsession import (
    anti_forgery_field,
    deep_merge,
    memory_store,
    recreate,
    response,
    site_defaults,
    to_wsgi,
    wrap_anti_forgery,
    wrap_defaults,
)
from ringsession.middleware.anti_forgery import FIELD
from ringsession.option_error import OptionError
from tests.naming import name_value
from tests.tracing import TracedStore

FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data; boundary=B"
MODES = ("auto", "token", "strict")


def handler(request: Any) -> Any:
    match request["uri"]:
        case "/token":
            return response(request["anti_forgery_token"])
        case "/plain":
            return response("no token here")
        case "/login":
            return response("in") | {"session": recreate({"user": "ann"})}
        case "/logout":
            return response("out") | {"session": None}
        case "/replace":
            return response("replaced") | {"session": {"other": 1}}
    return response("changed")


def make_client(store: Any = None, **options: Any) -> Client:
    config = {"session": {"store": store}, "security": {"anti_forgery": options}}
    return Client(wrap_defaults(to_wsgi(handler), deep_merge(site_defaults, config)))


def post(client: Client, token: str | None = None, **headers: str) -> int:
    """The status of a POST, its token in a header."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if token is not None:
        sent["X-CSRF-Token"] = token
    return client.post("/change", headers=sent).status_code


OWN, OTHER = "http://localhost", "http://evil.example"
# Sec-Fetch-Site, Origin -> what decides in "auto": pass, refuse, or the token.
TABLE: list[tuple[str | None, str | None, str]] = [
    (None, None, "token"),
    (None, OWN, "pass"),
    (None, OTHER, "refuse"),
    (None, "null", "token"),
    (None, "NULL", "refuse"),
    (None, "null, null", "refuse"),
    (None, "https://localhost", "refuse"),
    (None, "http://localhost:8000", "refuse"),
    (None, "http://localhost.evil.example", "refuse"),
    (None, "http://LOCALHOST", "refuse"),
    (None, "http://localhost/", "refuse"),
    (None, "", "refuse"),
    ("same-origin", None, "pass"),
    ("same-origin", OWN, "pass"),
    ("same-origin", OTHER, "pass"),
    ("same-origin", "null", "pass"),
    ("same-site", None, "refuse"),
    ("same-site", OWN, "refuse"),
    ("cross-site", None, "refuse"),
    ("cross-site", OWN, "refuse"),
    ("cross-site", OTHER, "refuse"),
    ("none", None, "token"),
    ("none", OTHER, "token"),
    ("none", "null", "token"),
    ("cross-site", "null", "refuse"),
    ("same-site", "null", "refuse"),
    ("", None, "refuse"),
    ("Same-Origin", None, "refuse"),
    ("same-origin, cross-site", None, "refuse"),
    ("bogus", OWN, "refuse"),
]


@pytest.mark.parametrize("has_token", [True, False], ids=["token", "no token"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("site", "origin", "decides"), TABLE, ids=str)
def test_attacks_43_to_47_who_may_change_something(
    site: str | None, origin: str | None, decides: str, mode: str, has_token: bool
) -> None:
    client = make_client(mode=mode)
    token = client.get("/token").text if has_token else None
    headers = {"Sec_Fetch_Site": site, "Origin": origin}
    may = {
        "auto": decides == "pass" or (decides == "token" and has_token),
        "token": has_token,
        "strict": decides != "refuse" and has_token,
    }[mode]
    found = post(
        client, token, **{name: value for name, value in headers.items() if value is not None}
    )
    assert found == (200 if may else 403)


@pytest.mark.parametrize(
    "token",
    ["", "x", "x" * 86, "x" * 85, "ü" * 86, "x" * 1_000_000, "+" * 86, "A" * 86],
    ids=lambda token: f"{token[:1]}*{len(token)}",
)
def test_attack_48_what_is_no_token_is_refused(token: str) -> None:
    client = make_client()
    client.get("/token")
    assert client.post("/change", data={FIELD: token}).status_code == 403


def test_attack_48_a_token_in_the_query_or_twice_or_as_a_file_is_refused() -> None:
    client = make_client()
    token = client.get("/token").text
    assert client.post(f"/change?{FIELD}={token}").status_code == 403
    assert client.post("/change", data={FIELD: [token, token]}).status_code == 403
    file = {FIELD: (io.BytesIO(token.encode()), "token.txt")}
    assert client.post("/change", data=file, buffered=True).status_code == 403


def test_attack_49_a_token_is_good_for_its_session_only_and_masked_each_time() -> None:
    client, other = make_client(), make_client()
    tokens = [client.get("/token").text for _ in range(3)]
    assert len(set(tokens)) == 3
    assert [post(client, token) for token in tokens] == [200, 200, 200]
    other.get("/token")
    assert post(other, tokens[0]) == 403


@pytest.mark.parametrize("ending", ["/login", "/logout"])
def test_attack_49_a_token_from_before_a_login_or_a_logout_is_refused(ending: str) -> None:
    client = make_client()
    token = client.get("/token").text
    client.get(ending)
    assert post(client, token) == 403
    assert post(client, client.get("/token").text) == 200


def test_a_token_outlives_a_handler_that_replaces_the_session() -> None:
    client = make_client()
    token = client.get("/token").text
    client.get("/replace")
    assert post(client, token) == 200


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "PATCH", "DELETE", "FOO", "TRACE", "get", "head"]
)
def test_attack_50_only_get_head_and_options_are_safe(method: str) -> None:
    headers = {"X-HTTP-Method-Override": "GET"}
    client = make_client()
    environ = {"REQUEST_METHOD": method}
    assert client.open("/change", headers=headers, environ_overrides=environ).status_code == 403


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_attack_52_a_safe_method_passes_from_anywhere_and_leaves_the_session_alone(
    method: str,
) -> None:
    store = TracedStore(memory_store())
    answer = make_client(store).open(
        "/plain", method=method, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert (answer.status_code, "Set-Cookie" in answer.headers, store.calls) == (200, False, [])


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/x-www-form-urlencoded", 200),
        ("multipart/form-data", 200),
        ("text/plain", 403),
        ("application/json", 403),
    ],
)
def test_attack_51_a_token_is_read_from_forms_and_headers_only(kind: str, status: int) -> None:
    client = make_client()
    token = client.get("/token").text
    data: Any = {FIELD: token} if "form" in kind else f'{{"{FIELD}": "{token}"}}'
    answer = client.post("/change", data=data, content_type=kind, buffered=True)
    assert answer.status_code == status


@pytest.mark.parametrize("name", ["X-CSRF-Token", "X-XSRF-Token", "X-CSRFToken"])
def test_a_token_may_come_in_each_of_the_usual_headers(name: str) -> None:
    client = make_client()
    assert client.post("/", headers={name: client.get("/token").text}).status_code == 200


def test_attack_53_a_cookie_and_a_field_that_agree_are_worth_nothing() -> None:
    client = make_client()
    client.set_cookie("csrf", "A" * 86)
    client.set_cookie("ring-session", "A" * 43)
    assert client.post("/change", data={FIELD: "A" * 86}).status_code == 403


@pytest.mark.parametrize(("origin", "status"), [(OWN, 200), (OTHER, 403)])
def test_attack_54_a_websocket_from_another_origin_is_refused(origin: str, status: int) -> None:
    headers = {"Upgrade": "WebSocket", "Connection": "Upgrade", "Origin": origin}
    assert make_client().get("/plain", headers=headers).status_code == status


SOCKET = {"Upgrade": "websocket", "Connection": "Upgrade"}
# Headers of a websocket's handshake -> the modes in which it passes without a token.
HANDSHAKES: list[tuple[dict[str, str], tuple[str, ...]]] = [
    ({}, ("auto", "token")),  # a client that is no browser
    ({"Origin": OWN}, ("auto", "token")),
    ({"Origin": OTHER}, ("token",)),
    ({"Origin": "null"}, ("token",)),
    ({"Sec-Fetch-Site": "same-origin"}, ("auto", "token")),
    ({"Sec-Fetch-Site": "same-site"}, ("token",)),
    ({"Sec-Fetch-Site": "cross-site"}, ("token",)),
    ({"Sec-Fetch-Site": "none"}, ("token",)),
    ({"Sec-Fetch-Site": "cross-site", "Origin": OWN}, ("token",)),
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "upgrade",
    [
        SOCKET,
        {"Upgrade": "WebSocket", "Connection": "keep-alive, upgrade"},
        {"Upgrade": "websocket/13", "Connection": "UPGRADE"},
        {"Upgrade": "h2c,\t WEBSOCKET", "Connection": "upgrade"},
        {"Upgrade": "websocket"},  # a proxy has taken Connection off
    ],
    ids=str,
)
@pytest.mark.parametrize(("headers", "passes"), HANDSHAKES, ids=str)
def test_who_may_open_a_websocket(
    headers: dict[str, str], passes: tuple[str, ...], upgrade: dict[str, str], mode: str
) -> None:
    answer = make_client(mode=mode).get("/plain", headers={**upgrade, **headers})
    assert answer.status_code == (200 if mode in passes else 403)


def test_a_strict_handshake_passes_with_a_token_that_read_token_finds() -> None:
    client = make_client(mode="strict", read_token=lambda request: request["query_string"])
    token = client.get("/token").text
    own = {**SOCKET, "Origin": OWN}
    assert client.get(f"/plain?{token}", headers=own).status_code == 200
    assert client.get("/plain?x", headers=own).status_code == 403
    assert client.get(f"/plain?{token}", headers={**SOCKET, "Origin": OTHER}).status_code == 403


def test_a_handshake_of_another_method_is_a_request_like_any_other() -> None:
    assert post(make_client(), **SOCKET) == 403
    assert make_client().get("/plain", headers={"Upgrade": "h2c"}).status_code == 200


@pytest.mark.parametrize(("scheme", "page"), [("ws", "http"), ("wss", "https")])
def test_a_server_may_call_the_scheme_of_a_handshake_ws(scheme: str, page: str) -> None:
    guarded = wrap_anti_forgery(handler)
    request = {"request_method": "get", "scheme": scheme, "uri": "/plain"}
    for origin, status in ((f"{page}://a.example", 200), (f"{scheme}://a.example", 403)):
        headers = {"upgrade": "websocket", "host": "a.example", "origin": origin}
        assert guarded({**request, "headers": headers})["status"] == status


# -- the token costs nothing until it is read


def test_a_page_that_reads_no_token_makes_no_session() -> None:
    store = TracedStore(memory_store())
    client = make_client(store)
    assert "Set-Cookie" not in client.get("/plain").headers
    assert post(client, Sec_Fetch_Site="same-origin") == 200
    assert post(client) == 403
    assert store.calls == []


def test_two_first_pages_at_the_same_time_both_have_good_tokens() -> None:
    store = memory_store()
    tokens: list[str] = []
    client = make_client(store)
    client.get("/replace")  # a session without a token

    def overlapping(request: Any) -> Any:
        if request["uri"] == "/outer":
            tokens.append(request["anti_forgery_token"])
            tokens.append(client.get("/token").text)
        return handler(request)

    config = {"session": {"store": store}}
    app = wrap_defaults(to_wsgi(overlapping), deep_merge(site_defaults, config))
    cookie = client.get_cookie("ring-session")
    assert cookie is not None
    Client(app, use_cookies=False).get("/outer", headers={"Cookie": f"ring-session={cookie.value}"})
    assert [post(client, token) for token in tokens] == [200, 200]


def test_the_token_is_not_in_the_session_that_a_handler_sees() -> None:
    seen: list[Any] = []

    def looking(request: Any) -> Any:
        seen.append((request["anti_forgery_token"] != "", dict(request["session"])))
        return response("")

    client = Client(wrap_defaults(to_wsgi(looking)))
    client.get("/")
    client.get("/")
    assert seen == [(True, {}), (True, {})]


def test_without_a_session_a_token_helps_nobody() -> None:
    config = deep_merge(
        site_defaults, {"session": False, "security": {"anti_forgery": {"mode": "token"}}}
    )
    client = Client(wrap_defaults(to_wsgi(handler), config))
    assert post(client, client.get("/token").text) == 403


def test_the_field_is_html_and_not_escaped_a_second_time() -> None:
    app = Flask(__name__)

    @app.get("/")
    def page() -> str:
        from flask import request

        request_dict = request.environ["ringsession.request"]
        return render_template_string("{{ field }}", field=anti_forgery_field(request_dict))

    app.wsgi_app = wrap_defaults(app.wsgi_app)  # type: ignore[method-assign]
    text = app.test_client().get("/", buffered=True).text
    start = f'<input id="{FIELD}" name="{FIELD}" type="hidden" value="'
    assert re.fullmatch(re.escape(start) + "[A-Za-z0-9_-]{86}" + re.escape('" />'), text)


# -- the body stays unread where it cannot help


class Unreadable(io.RawIOBase):
    """A body that nobody may read."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        raise AssertionError("the body was read")


def post_unread(client: Client, kind: str = FORM, **headers: str) -> int:
    """The status of a POST whose body raises when it is read."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {"wsgi.input": Unreadable(), "CONTENT_LENGTH": str(60 << 20)}
    return client.post(
        "/change", content_type=kind, headers=named, environ_overrides=sent
    ).status_code


@pytest.mark.parametrize("kind", [FORM, MULTIPART, "application/json"])
@pytest.mark.parametrize("path", [None, "/replace", "/token /logout", "/token /login"])
@pytest.mark.parametrize("mode", MODES)
def test_without_a_secret_the_answer_comes_before_a_byte_is_read(
    mode: str, path: str | None, kind: str
) -> None:
    client = make_client(mode=mode)
    other = make_client().get("/token").text
    for step in (path or "").split():
        client.get(step)
    assert [post_unread(client, kind), post_unread(client, kind, X_CSRF_Token=other)] == [403, 403]


def test_without_a_session_layer_nothing_is_read_either() -> None:
    config = deep_merge(site_defaults, {"session": False})
    assert post_unread(Client(wrap_defaults(to_wsgi(handler), config)), MULTIPART) == 403


def test_without_a_secret_ones_own_reader_of_tokens_is_not_called() -> None:
    called: list[str] = []

    def read_token(request: Any) -> Any:
        called.append(request["uri"])
        return request["form_params"].get("own")

    client = make_client(read_token=read_token)
    refused = post_unread(client)
    token = client.get("/token").text
    answer = client.post("/change", data={"own": token}, headers={"X-CSRF-Token": "x"})
    assert (refused, answer.status_code, called) == (403, 200, ["/change"])
    with pytest.raises(AssertionError, match="the body was read"):  # a header is not asked for
        post_unread(client, X_CSRF_Token=token)


@pytest.mark.parametrize("kind", [FORM, MULTIPART])
def test_a_fitting_token_in_a_header_saves_reading_the_form(kind: str) -> None:
    client = make_client()
    token = client.get("/token").text
    assert post_unread(client, kind, X_CSRF_Token=token) == 200
    with pytest.raises(AssertionError, match="the body was read"):
        post_unread(client, kind, X_CSRF_Token="x" * 86)


# A token in a header, one in the form: True = good, False = of another session, None = none.
BOTH = [
    (True, None, 200),
    (True, True, 200),
    (True, False, 200),
    (False, True, 200),
    (False, False, 403),
    (False, None, 403),
    (None, True, 200),
    (None, False, 403),
    (None, None, 403),
]


@pytest.mark.parametrize("is_multipart", [True, False], ids=["multipart", "urlencoded"])
@pytest.mark.parametrize(("in_header", "in_form", "status"), BOTH, ids=str)
def test_a_header_that_does_not_fit_leaves_the_decision_to_the_form(
    in_header: bool | None, in_form: bool | None, status: int, is_multipart: bool
) -> None:
    client = make_client()
    tokens = {True: client.get("/token").text, False: make_client().get("/token").text}
    data: dict[str, Any] = {"other": "field"}
    if in_form is not None:
        data[FIELD] = tokens[in_form]
    if is_multipart:
        data["file"] = (io.BytesIO(b"content"), "a.txt")
    headers = {} if in_header is None else {"X-CSRF-Token": tokens[in_header]}
    assert client.post("/change", data=data, headers=headers).status_code == status


@pytest.mark.parametrize("has_token", [True, False])
def test_a_failing_store_is_a_503_and_the_body_stays_unread(has_token: bool) -> None:
    store = TracedStore(memory_store())
    client = make_client(store)
    token = client.get("/token").text
    store.failing = {"load"}
    headers = {"X_CSRF_Token": token} if has_token else {}
    assert post_unread(client, **headers) == 503
    client.delete_cookie("ring-session")
    assert post_unread(client, **headers) == 403


# -- options


def test_the_answer_to_a_refused_request_can_be_ones_own() -> None:
    own = {"status": 418, "headers": {"Content-Type": "text/plain"}, "body": "no"}
    assert post(make_client(error_response=own)) == 418
    assert post(make_client(error_handler=lambda request: own)) == 418
    assert own == {"status": 418, "headers": {"Content-Type": "text/plain"}, "body": "no"}


def test_a_trusted_origin_passes_and_its_neighbours_do_not() -> None:
    client = make_client(trusted_origins=["https://app.example.org"])
    assert post(client, Sec_Fetch_Site="cross-site", Origin="https://app.example.org") == 200
    assert post(client, Sec_Fetch_Site="cross-site", Origin="https://www.example.org") == 403


@pytest.mark.parametrize(
    ("trusted", "origin"),
    [
        ("https://app.example.org:443", "https://app.example.org"),
        ("http://app.example.org:80", "http://app.example.org"),
        ("http://app.example.org:443", "http://app.example.org:443"),
        ("HTTPS://App.Example.org:8443", "https://app.example.org:8443"),
        ("https://[0:0::1]:443", "https://[::1]"),
        ("https://app.example.org.", "https://app.example.org."),
        ("capacitor://localhost", "capacitor://localhost"),
        ("ionic://localhost", "ionic://localhost"),
        ("tauri://localhost", "tauri://localhost"),
        ("chrome-extension://abcdefghijklmnop", "chrome-extension://abcdefghijklmnop"),
        (
            "moz-extension://0a1b2c3d-0123-4567-89ab-0123456789ab",
            "moz-extension://0a1b2c3d-0123-4567-89ab-0123456789ab",
        ),
    ],
)
def test_a_trusted_origin_is_the_one_that_browsers_write(trusted: str, origin: str) -> None:
    client = make_client(trusted_origins=[trusted])
    assert post(client, Origin=origin) == 200
    assert post(client, Sec_Fetch_Site="cross-site", Origin=origin) == 200
    assert post(client, Origin=f"{origin}x") == 403


def test_what_is_exempt_is_not_checked() -> None:
    client = make_client(exempt=lambda request: request["uri"] == "/change")
    assert post(client, Sec_Fetch_Site="cross-site") == 200
    assert client.post("/other").status_code == 403


@pytest.mark.parametrize(
    ("mode", "value", "status"),
    [("auto", "1", 200), ("auto", " ", 403), ("token", "1", 200), ("strict", "1", 403)],
)
def test_the_safe_header_stands_for_the_token(mode: str, value: str, status: int) -> None:
    client = make_client(mode=mode)
    assert post(client, X_Ring_Anti_Forgery=value) == status
    assert post(client, X_Ring_Anti_Forgery=value, Sec_Fetch_Site="cross-site") == (
        200 if mode == "token" and status == 200 else 403
    )


def test_the_safe_header_is_no_token_beside_a_hidden_origin() -> None:
    client = make_client()
    token = client.get("/token").text
    hidden = {"Origin": "null", "X_Ring_Anti_Forgery": "1"}
    assert [post(client, **hidden), post(client, token, **hidden)] == [403, 200]
    assert post(client, Sec_Fetch_Site="none", **hidden) == 200


def test_a_token_is_read_from_where_one_says() -> None:
    client = make_client(read_token=lambda request: request["headers"].get("x-my-token"))
    assert client.post("/", headers={"X-My-Token": client.get("/token").text}).status_code == 200


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"mode": "off"}, "mode: expected"),
    ({"trusted_origins": "https://a.example"}, "trusted_origins: expected a list"),
    ({"trusted_origins": ["a.example"]}, r"trusted_origins\[0\]: expected"),
    ({"error_response": {"status": 1}, "error_handler": handler}, "error_handler: expected"),
]


@pytest.mark.parametrize(("options", "message"), WRONG, ids=name_value)
def test_wrong_options_are_refused_when_wrapping(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=f"^{message}"):
        wrap_anti_forgery(handler, **options)


AN_ORIGIN = 'expected an origin as browsers write it, such as "https://app.example.org"'


@pytest.mark.parametrize(
    ("origin", "problem"),
    [
        ("https://a.example/", f"{AN_ORIGIN}; write 'https://a.example'"),
        ("https://a.example/x?y", f"{AN_ORIGIN}; write 'https://a.example'"),
        ("https://user@a.example", AN_ORIGIN),
        ("a.example", f"{AN_ORIGIN}; write 'https://a.example'"),
        ("a.example:443", f"{AN_ORIGIN}; write 'https://a.example'"),
        ("//a.example", AN_ORIGIN),
        ("wss://a.example:443", f"{AN_ORIGIN}; write 'https://a.example'"),
        ("ws://a.example", f"{AN_ORIGIN}; write 'http://a.example'"),
        ("https://bücher.example", f"{AN_ORIGIN}; write 'https://xn--bcher-kva.example'"),
        ("*", f"{AN_ORIGIN}; name each origin"),
        ("https://*.example", f"{AN_ORIGIN}; name each origin"),
        ("null", f'{AN_ORIGIN}; with "Origin: null" the token decides'),
        ("file://", f'{AN_ORIGIN}; with "Origin: null" the token decides'),
        ("file://host", f'{AN_ORIGIN}; with "Origin: null" the token decides'),
        ("data://a", f'{AN_ORIGIN}; with "Origin: null" the token decides'),
        ("https://", AN_ORIGIN),
        ("https://a example", AN_ORIGIN),
        ("https://a..example", AN_ORIGIN),
        ("https://127.1", AN_ORIGIN),
        ("https://[::g]", AN_ORIGIN),
        ("https://[:::]", AN_ORIGIN),
        ("https://a.example:0", AN_ORIGIN),
        ("https://a.example:65536", AN_ORIGIN),
        ("ht tp://a.example", AN_ORIGIN),
        (" https://a.example", AN_ORIGIN),
        ("https://a.example\n", AN_ORIGIN),
        ("", AN_ORIGIN),
        (b"https://a.example", AN_ORIGIN),
        (None, AN_ORIGIN),
    ],
    ids=repr,
)
def test_what_no_origin_can_be_equal_to_is_refused(origin: Any, problem: str) -> None:
    with pytest.raises(OptionError) as caught:
        wrap_anti_forgery(handler, trusted_origins=["https://b.example", origin])
    expected, _, hint = problem.partition(";")
    assert str(caught.value) == (
        f"trusted_origins[1]: {expected}, got {origin!r}{hint and f';{hint}'}"
    )


def test_every_row_of_the_table_is_there_once() -> None:
    rows = [(site, origin) for site, origin, _ in TABLE]
    assert len(rows) == len(set(rows))
    assert {(site, None) for site in ("none", "same-origin", "same-site", "cross-site")} <= set(
        rows
    )
    assert set(itertools.product((None, "same-origin", "cross-site"), (None, OWN, OTHER))) <= set(
        rows
    )


# -- the token of the page that logs somebody in


@pytest.mark.parametrize("end", ["recreate", "destroy"])
@pytest.mark.parametrize("had_a_token", [True, False])
def test_a_token_that_is_read_after_recreate_or_destroy_belongs_to_the_new_session(
    end: str, had_a_token: bool
) -> None:
    shown: list[str] = []

    def handler(request: Any) -> Any:
        if request["request_method"] == "get" and request["uri"] == "/login":
            before = request["anti_forgery_token"] if had_a_token else None
            getattr(request["session"], end)()
            request["session"]["user"] = "ann"
            shown[:] = [before, request["anti_forgery_token"], request["anti_forgery_token"]]
        return {"status": 200, "headers": {"Content-Type": "text/plain"}, "body": ""}

    client = Client(wrap_defaults(to_wsgi(handler)))
    client.get("/login")
    before, token, again = shown
    for text in (token, again):
        assert client.post("/", data={FIELD: text}).status_code == 200
    if before is not None:
        assert client.post("/", data={FIELD: before}).status_code == 403


def test_a_token_from_before_a_login_is_refused_after_it_whichever_way_it_was_written() -> None:
    def handler(request: Any) -> Any:
        answer = {"status": 200, "headers": {"Content-Type": "text/plain"}, "body": ""}
        match request["uri"]:
            case "/token":
                answer["body"] = request["anti_forgery_token"]
            case "/login":
                answer["session"] = recreate({**request["session"], "user": "ann"})
            case "/login-in-place":
                request["session"].recreate()
        return answer

    for path in ("/login", "/login-in-place"):
        client = Client(wrap_defaults(to_wsgi(handler)))
        token = client.get("/token").text
        client.get(path)
        assert client.post("/", data={FIELD: token}).status_code == 403
