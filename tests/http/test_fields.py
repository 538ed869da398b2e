"""A control character in a URL or a header is a ValueError before a layer can hide it."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import Client

from ringsession import (
    assoc_in,
    charset,
    content_type,
    created,
    from_wsgi,
    header,
    memory_store,
    redirect,
    site_defaults,
    to_wsgi,
    update_header,
    wrap_absolute_redirects,
    wrap_content_type,
    wrap_default_charset,
    wrap_defaults,
    wrap_not_modified,
    wrap_session,
)
from ringsession.responses import response
from tests.naming import name_value
from tests.tracing import TracedStore

REFUSED = "expected no control character"
CONTROLS = [chr(code) for code in [*range(32), 127] if chr(code) != "\t"]
URLS = [
    "/\n/evil.example",
    "/\r/evil.example",
    "/\t/evil.example",
    "/b\r\nX: y",
    "\x00/b",
    "/b\x7f",
]


@pytest.mark.parametrize("url", URLS, ids=repr)
@pytest.mark.parametrize("make", [redirect, created])
def test_a_url_with_a_control_character_makes_no_redirect(make: Any, url: str) -> None:
    with pytest.raises(ValueError, match=REFUSED):
        make(url)


@pytest.mark.parametrize("control", CONTROLS, ids=repr)
def test_a_helper_refuses_each_control_character_in_a_name_and_a_value(control: str) -> None:
    bad = f"a{control}b"
    makes: list[Any] = [
        lambda: header({}, "X-Own", bad),
        lambda: header({}, bad, "x"),
        lambda: content_type({}, f"text/html;{control}"),
        lambda: charset({}, bad),
        lambda: charset({"headers": {"Content-Type": f"text/html; charset=a{control}"}}, "utf-8"),
        lambda: update_header({}, "Vary", lambda old: bad),
        lambda: update_header({}, "Vary", lambda old: ["x", bad]),
        lambda: redirect(bad),
        lambda: created(bad),
    ]
    for make in makes:
        with pytest.raises(ValueError, match=REFUSED):
            make()


def test_a_tab_may_stand_in_a_value_that_is_no_url_and_in_no_name() -> None:
    assert header({}, "X-Own", "a\tb") == {"headers": {"X-Own": "a\tb"}}
    sent = Client(to_wsgi(lambda request: response("") | {"headers": {"X-Own": "a\tb"}})).get("/")
    assert sent.headers["X-Own"] == "a\tb"
    for name, value in (("Location", "/\t/x"), ("content-location", "/\t/x"), ("a\tb", "x")):
        made = {"status": 200, "headers": {name: value}, "body": ""}
        with pytest.raises(ValueError, match=REFUSED):
            Client(to_wsgi(lambda request: made)).get("/")


@pytest.mark.parametrize("url", URLS, ids=repr)
@pytest.mark.parametrize("has_layer", [True, False], ids=["absolute_redirects", "no layer"])
def test_a_location_with_a_control_character_is_never_sent(has_layer: bool, url: str) -> None:
    config = assoc_in(site_defaults, ["responses", "absolute_redirects"], has_layer)
    made = {"status": 302, "headers": {"Location": url}, "body": ""}
    with pytest.raises(ValueError, match=REFUSED):
        Client(wrap_defaults(to_wsgi(lambda request: dict(made)), config)).get("/")


def request_of(**headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"request_method": "get", "scheme": "http", "uri": "/", "headers": named}


# A layer, a header that it reads or changes, and a request that makes it do so.
LAYERS: list[tuple[Any, str, str, Any]] = [
    (wrap_absolute_redirects, "Location", "/\n/evil.example", request_of(host="a.example")),
    (wrap_absolute_redirects, "Location", "/\t/evil.example", request_of(host="a.example")),
    (wrap_absolute_redirects, "location", "/b\r\nX: y", request_of(host="no host")),
    (wrap_default_charset, "Content-Type", "text/html\r\nX: y", request_of()),
    (wrap_not_modified, "Content-Length", "5\r\nX: y", request_of(if_none_match="*")),
    (wrap_session, "Vary", "Origin\r\n", request_of()),
    (wrap_session, "Cache-Control", "public\r\n", request_of()),
    (wrap_session, "Cache-Control", ["public", "max-age=5\r\n"], request_of()),
]


@pytest.mark.parametrize(("wrap", "name", "value", "request_"), LAYERS, ids=name_value)
def test_a_layer_refuses_a_header_that_it_would_change(
    wrap: Any, name: str, value: Any, request_: Any
) -> None:
    def handler(request: Any) -> Any:
        status = 302 if name.lower() == "location" else 200
        made = {"status": status, "headers": {name: value}, "body": ""}
        return made | ({"session": {"a": 1}} if wrap is wrap_session else {})

    with pytest.raises(ValueError, match=REFUSED):
        wrap(handler)(request_)


@pytest.mark.parametrize("name", ["X-Own", "Vary", "Cache-Control", "Content-Type", "Set-Cookie"])
@pytest.mark.parametrize("kind", ["handler", "app"])
def test_a_refused_header_stores_no_session(kind: str, name: str) -> None:
    store = TracedStore(memory_store())

    def handler(request: Any) -> Any:
        headers = {"Content-Type": "text/html", name: "a\r\nX: y"}
        return {"status": 200, "headers": headers, "body": "", "session": {"a": 1}}

    def app(environ: Any, start_response: Any) -> Any:
        environ["ringsession.session"]["a"] = 1
        start_response("200 OK", [(name, "a\r\nX: y")])
        return [b""]

    config = assoc_in(site_defaults, ["session", "store"], store)
    wrapped = wrap_defaults(to_wsgi(handler) if kind == "handler" else app, config)
    with pytest.raises(ValueError, match=REFUSED):
        Client(wrapped).get("/")
    assert store.calls == []


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        ("200 OK", [("X-Own", "a\nb")]),
        ("302 Found", [("Location", "/\t/evil.example")]),
        ("200 OK", [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2\r\nX: y")]),
        ("200 Fine\r\nX: y", []),
    ],
    ids=str,
)
def test_an_app_behind_from_wsgi_is_refused_and_closed(
    status: str, headers: list[tuple[str, str]]
) -> None:
    closed = []

    class Body:
        def __iter__(self) -> Any:
            return iter([b"x"])

        def close(self) -> None:
            closed.append(True)

    def app(environ: Any, start_response: Any) -> Any:
        start_response(status, headers)
        return Body()

    with pytest.raises(ValueError, match="no control character|holds a control character"):
        from_wsgi(app)(request_of())
    assert closed == [True]


@pytest.mark.parametrize(
    ("wrap", "options"),
    [
        (wrap_content_type, {"mime_types": {"x": "text/x\r\nX: y"}}),
        (wrap_default_charset, {"charset": "utf-8\r\n"}),
        (wrap_default_charset, {"charset": "utf-8; x"}),
    ],
)
def test_an_option_with_a_control_character_is_refused_when_wrapping(
    wrap: Any, options: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="expected"):
        wrap(lambda request: {}, **options)


def test_several_locations_stay_as_they_are() -> None:
    made = {"status": 302, "headers": {"Location": ["/a", "/b"]}, "body": ""}
    assert wrap_absolute_redirects(lambda request: made)(request_of(host="a.example")) == made
