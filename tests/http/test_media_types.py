"""The media types of files, and which of them a browser runs."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from mimetypes import MimeTypes
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from ringsession import wrap_content_type, wrap_default_charset
from ringsession.http.media_types import guess_type, is_active
from ringsession.wsgi.environ import environ_request


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("/a/style.CSS", "text/css"),
        ("notes.tar.gz", "application/gzip"),
        ("README", None),
        (".txt", "text/plain"),
        ("/.txt", "text/plain"),
        ("..txt", "text/plain"),
        ("a.", None),
        (".", None),
        ("", None),
        ("a.txt/", None),
        ("a.txt/b", None),
        ("a.txt\\b", None),
        ("a.webmanifest", "application/manifest+json"),
        ("x" * 200_000 + ".txt", "text/plain"),
        ("a." + "x" * 200_000, None),
        ("a.txt" + "." * 200_000, None),
        ("a.\u0130", None),
        ("a.xul", "text/xul"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_the_type_is_that_of_the_last_extension(name: str, expected: str | None) -> None:
    assert guess_type(name) == expected


def test_every_type_of_the_standard_library_is_known() -> None:
    common, iana = MimeTypes().types_map
    assert [name for name in {**common, **iana} if guess_type(f"a{name}") is None] == []


ACTIVE = [
    "text/html", "TEXT/HTML", "text/html; charset=utf-8", " text/html", "text/html ;x",
    "application/xhtml+xml", "image/svg+xml", "application/rss+xml", "application/atom+xml",
    "application/mathml+xml", "application/xslt+xml", "application/rdf+xml", "a/b+XML; c=d",
    "text/xml", "application/xml", "application/xml-dtd", "text/xsl", "text/xul",
    "application/xml-external-parsed-entity", "text/xml-external-parsed-entity",
    "application/pdf", "application/x-pdf", "text/pdf",
    "text/javascript", "application/javascript", "application/x-javascript", "text/x-javascript",
    "text/ecmascript", "application/ecmascript", "application/x-ecmascript", "text/x-ecmascript",
    "text/jscript", "text/livescript", "text/javascript1.0", "text/javascript1.5", "text/vbscript",
    "multipart/x-mixed-replace", "multipart/related", "message/rfc822", "application/x-mimearchive",
    "application/x-shockwave-flash", "application/futuresplash", "application/x-silverlight-app",
    "text/cache-manifest", "text/x-component", "application/hta", "text/x-server-parsed-html",
    "application/java-archive", "application/x-java-applet", "text/x-cross-domain-policy",
]  # fmt: skip
INERT = [
    "text/plain", "text/css", "text/csv", "text/markdown", "application/json", "image/png",
    "image/jpeg", "image/x-icon", "audio/mpeg", "video/mp4", "font/woff2", "application/zip",
    "application/gzip", "application/octet-stream", "application/wasm", "text/calendar",
    "application/manifest+json", "text/plain; x=text/html", "text/htmlx", "x-text/html",
    "application/xmlrpc", "application/postscript", "",
]  # fmt: skip


@pytest.mark.parametrize("media_type", ACTIVE)
def test_a_type_that_a_browser_runs_is_active(media_type: str) -> None:
    assert is_active(media_type)


@pytest.mark.parametrize("media_type", INERT)
def test_a_type_that_a_browser_shows_or_saves_is_not_active(media_type: str) -> None:
    assert not is_active(media_type)


def test_these_extensions_are_active() -> None:
    common, iana = MimeTypes().types_map
    extensions = {**common, **iana, ".mjs": ""}
    assert {name for name in extensions if is_active(guess_type(f"a{name}") or "")} >= {
        ".htm", ".html", ".js", ".mjs", ".mht", ".mhtml", ".eml", ".nws", ".pdf", ".rdf", ".svg",
        ".swf", ".wsdl", ".xml", ".xpdl", ".xsl",
    }  # fmt: skip


# -- what is remembered of what a client sends


def content_type(text: str) -> Any:
    return wrap_content_type(lambda request: {"status": 200, "headers": {}, "body": "x"})(
        {"uri": text}
    )


def default_charset(text: str) -> Any:
    made = {"status": 200, "headers": {"Content-Type": f"text/{text}"}, "body": "x"}
    return wrap_default_charset(lambda request: made)({})


def get_header(text: str) -> Any:
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    return environ_request(environ).get_header(text)


CALLS: list[Callable[[str], Any]] = [
    guess_type, is_active, content_type, default_charset, get_header,
]  # fmt: skip


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
def test_long_texts_of_a_client_are_not_kept(call: Callable[[str], Any]) -> None:
    long = "/" + "x" * 20_000
    for number in range(3):
        call(f"{long}{number}.html")
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(1_100):
            call(f"{long}{number}.html")
        gc.collect()
        kept = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert kept < 200_000  # octets; the texts have 22,000,000
