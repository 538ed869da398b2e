"""A control character in a URL or a header is a ValueError before a layer can hide it."""

from __future__ import annotations

from collections.abc import Callable
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
    wrap_anti_forgery,
    wrap_content_type,
    wrap_default_charset,
    wrap_defaults,
    wrap_not_modified,
    wrap_session,
)
from ringsession.http.uri import encode_url
from ringsession.lint import LintError, lint_response
from ringsession.responses import response
from ringsession.wsgi.message import field_lines, group_fields
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


NAMES = [
    "",
    " ",
    "X Own",
    "X-Own ",
    "X-Own:",
    "X:Own",
    "X\r\nY",
    "X\n",
    "X\x00",
    "X-Ö",
    "日",
    "X(y)",
    "a,b",
]
NAMED = "expected no control character, and only letters, digits and .* in the name of a header"


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_a_name_that_is_no_token_is_refused(name: str) -> None:
    made = {"status": 200, "headers": {"A": "b", name: "x"}, "body": ""}
    calls: list[Callable[[], object]] = [
        lambda: header({}, name, "x"),
        lambda: update_header({}, name, lambda old: "x"),
        lambda: update_header({"headers": {name: "x"}}, "Vary", lambda old: "x"),
        lambda: field_lines({"A": "b", name: ["x", "y"]}),
        lambda: group_fields([("A", "b"), (name, "x")]),
        lambda: Client(to_wsgi(lambda request: made)).get("/"),
        lambda: wrap_anti_forgery(lambda request: made, error_response=made),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=NAMED) as caught:
            call()
        assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["X Own", "", "X-Ö"])
@pytest.mark.parametrize("kind", ["handler", "app"])
def test_a_wrong_name_stores_no_session(kind: str, name: str) -> None:
    store = TracedStore(memory_store())

    def handler(request: Any) -> Any:
        return {"status": 200, "headers": {name: "a"}, "body": "", "session": {"a": 1}}

    def app(environ: Any, start_response: Any) -> Any:
        environ["ringsession.session"]["a"] = 1
        start_response("200 OK", [("A", "b"), (name, "a")])
        return [b""]

    config = assoc_in(site_defaults, ["session", "store"], store)
    wrapped = wrap_defaults(to_wsgi(handler) if kind == "handler" else app, config)
    with pytest.raises(ValueError, match=NAMED):
        Client(wrapped).get("/")
    assert store.calls == []


@pytest.mark.parametrize("name", [5, None, b"X-Own", ("X",)], ids=repr)
def test_a_name_that_is_no_text_is_a_type_error_that_names_it(name: Any) -> None:
    for call in (
        lambda: field_lines({"A": "b", name: "x"}),
        lambda: group_fields([("A", "b"), (name, "x")]),
        lambda: header({}, name, "x"),
    ):
        with pytest.raises(TypeError, match=r'^response\["headers"\]: expected str as the name of'):
            call()


@pytest.mark.parametrize("name", ["X-Own", "x", "!#$%&'*+-.^_`|~", "123", "X" * 8000])
def test_every_token_is_a_name(name: str) -> None:
    assert header({}, name, "x") == {"headers": {name: "x"}}
    assert field_lines({name: "x"}) == [(name, "x")]
    assert group_fields([(name, "x")]) == {name: "x"}


def test_lint_finds_a_wrong_name() -> None:
    with pytest.raises(LintError, match="headers"):
        lint_response({"status": 200, "headers": {"X Own": "a"}})


# A URL as a handler writes it, and as it is sent (RFC 3987 section 3.1).
IRIS = [
    ("/日本", "/%E6%97%A5%E6%9C%AC"),
    ("/ü", "/%C3%BC"),
    ("/%C3%BC/ü", "/%C3%BC/%C3%BC"),
    ("/a?q=ü&r=%2F#ß", "/a?q=%C3%BC&r=%2F#%C3%9F"),
    ('/[a] b\\"|ü', '/[a] b\\"|%C3%BC'),  # only what a header cannot hold
    ("/\u2028\x85", "/%E2%80%A8%C2%85"),
    ("/\U0001f600", "/%F0%9F%98%80"),
    ("/\ud800", "/%EF%BF%BD"),
    ("?ü", "?%C3%BC"),
    ("ü/b", "%C3%BC/b"),
    ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
    ("https://u:ü@BÜCHER.example:8443", "https://u:%C3%BC@xn--bcher-kva.example:8443"),
    ("//bücher.example", "//xn--bcher-kva.example"),
    ("https://日本。example/", "https://xn--wgv71a.example/"),
    ("https://straße.example/", "https://stra%C3%9Fe.example/"),  # IDNA 2003 would say strasse
    ("https://evil.c\u2100.example/", "https://evil.c%E2%84%80.example/"),  # "a/c" in IDNA
    (f"https://{'ü' * 64}.example/", f"https://{'%C3%BC' * 64}.example/"),
    ("https://[::1]/ü", "https://[::1]/%C3%BC"),
    ("https://[ü", "https://[%C3%BC"),
    ("mailto:ü@b.example", "mailto:%C3%BC@b.example"),
    ("/a b", "/a b"),
    ("", ""),
]


@pytest.mark.parametrize(("url", "sent"), IRIS, ids=repr)
def test_a_url_with_any_text_is_sent_percent_encoded(url: str, sent: str) -> None:
    assert redirect(url)["headers"] == created(url)["headers"] == {"Location": sent}
    assert header({}, "location", url) == {"headers": {"location": sent}}
    assert update_header({}, "Location", lambda old: url) == {"headers": {"Location": sent}}
    assert update_header({"headers": {"Content-Location": url}}, "Age", lambda old: "1") == {
        "headers": {"Content-Location": sent, "Age": "1"}
    }
    assert field_lines({"A": "b", "location": url, "Content-Location": [url]}) == [
        ("A", "b"), ("location", sent), ("Content-Location", sent),
    ]  # fmt: skip
    assert url.isascii() or encode_url(url) == sent


@pytest.mark.parametrize("has_layer", [True, False], ids=["absolute_redirects", "no layer"])
def test_a_location_by_hand_is_sent_percent_encoded(has_layer: bool) -> None:
    config = assoc_in(site_defaults, ["responses", "absolute_redirects"], has_layer)
    for url, path in (("/日本?ü", "/%E6%97%A5%E6%9C%AC?%C3%BC"), ("ü", "/%C3%BC")):
        made = {"status": 302, "headers": {"Location": url}, "body": ""}
        answer = Client(wrap_defaults(to_wsgi(lambda request: dict(made)), config)).get("/")
        sent = path if url.startswith("/") else path[1:]
        assert answer.headers["Location"] == (f"http://localhost{path}" if has_layer else sent)


@pytest.mark.parametrize(
    ("octets", "sent"), [("/ü", "/%C3%BC"), ("/%C3%BC", "/%C3%BC"), (b"/\xfc", "/%FC")]
)
def test_a_wsgi_app_writes_octets_and_a_browser_gets_the_same(octets: Any, sent: str) -> None:
    # PEP 3333: a header of a WSGI app is octets, each as a character of ISO-8859-1.
    raw = octets if isinstance(octets, bytes) else octets.encode()

    def app(environ: Any, start_response: Any) -> Any:
        start_response("302 Found", [("X-Own", "ü"), ("Location", raw.decode("latin-1"))])
        return [b""]

    for has_layer in (True, False):
        config = assoc_in(site_defaults, ["responses", "absolute_redirects"], has_layer)
        answer = Client(wrap_defaults(app, config)).get("/")
        assert answer.headers["Location"] == ("http://localhost" if has_layer else "") + sent
        assert answer.headers["X-Own"] == "ü"


def test_an_error_says_which_characters_are_wrong() -> None:
    for call, problem in (
        (lambda: redirect("/\n"), "expected no control character; percent-encode it in the URL"),
        (lambda: header({}, "X-Own", "\n"), "expected no control character; leave it out"),
        (
            lambda: field_lines({"X-Own": "日"}),
            "expected characters of ISO-8859-1 only; encode the others, or leave them out",
        ),
        (lambda: header({}, "a b", ""), None),
    ):
        with pytest.raises(ValueError) as caught:
            call()
        assert problem is None or str(caught.value).endswith(f": {problem}")


def test_several_locations_stay_as_they_are() -> None:
    made = {"status": 302, "headers": {"Location": ["/a", "/b"]}, "body": ""}
    assert wrap_absolute_redirects(lambda request: made)(request_of(host="a.example")) == made
