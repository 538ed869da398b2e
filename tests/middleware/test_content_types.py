"""Whose type a response has: the handler's, the file's, and never an active one from the path."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from ringsession import (
    Request,
    assoc_in,
    deep_merge,
    site_defaults,
    to_wsgi,
    wrap_content_type,
    wrap_defaults,
)

OCTETS = "application/octet-stream"
SCRIPT = "<script>alert(1)</script>"


class Named(io.BytesIO):
    """A file in memory with a name."""

    def __init__(self, name: Any) -> None:
        super().__init__(b"x")
        self.name = name


def echo(request: Any) -> Any:
    return {"status": 200, "headers": {}, "body": f"Hello {request['params'].get('name')}"}


def echo_app(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [])
    return [environ["QUERY_STRING"].encode()]


ACTIVE = [
    "html", "HTML", "htm", "svg", "xml", "xsl", "rdf", "pdf", "js", "mjs", "mht", "mhtml", "eml",
    "swf", "wsdl", "foo", "bar", "FOO", "tar.html",
]  # fmt: skip


@pytest.mark.parametrize("extension", ACTIVE)
@pytest.mark.parametrize("app", [to_wsgi(echo), echo_app], ids=["handler", "app"])
def test_the_path_makes_no_answer_a_page_that_runs(app: Any, extension: str) -> None:
    types = {"foo": "text/html", "bar": "Application/RSS+XML; charset=utf-8"}
    config = assoc_in(site_defaults, ["responses", "content_types"], {"mime_types": types})
    for path in (f"/x.{extension}", f"/.{extension}", f"/a/b.txt.{extension}"):
        answer = Client(wrap_defaults(app, config)).get(path, query_string={"name": SCRIPT})
        assert answer.headers["Content-Type"] == OCTETS
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def type_of(uri: str, body: Any, **options: Any) -> Any:
    made = {"status": 200, "headers": {}, "body": body}
    return wrap_content_type(lambda request: made, **options)(Request({"uri": uri}))["headers"][
        "Content-Type"
    ]


@pytest.mark.parametrize(
    ("uri", "body", "expected"),
    [
        # The path still gives a type that no browser runs.
        ("/a.css", "x", "text/css"),
        ("/a.png", b"x", "image/png"),
        ("/a.json", ["x"], "application/json"),
        ("/a.own", "x", "text/x-own"),
        # A file gives any type, by its own name.
        ("/a", Path("b.html"), "text/html"),
        ("/a.html", Path("b.html"), "text/html"),
        ("/a.txt", Path("b.html"), "text/plain"),
        ("/a.html", Path("b.txt"), "text/plain"),
        ("/a.html", Path("b"), OCTETS),
        ("/a.html", Path("b.unknown"), OCTETS),
        ("/a.html", Named("b.svg"), "image/svg+xml"),
        ("/a", Named("/tmp/b.page"), "text/html"),
        ("/a.page", Named("b"), OCTETS),
        ("/a.page", "x", OCTETS),
        # The name of a file may be octets, a number (tempfile) or None.
        ("/a", Named(b"b.html"), "text/html"),
        ("/a.html", Named(5), OCTETS),
        ("/a.html", Named(None), OCTETS),
    ],
    ids=lambda value: str(value)[:30] if isinstance(value, str) else type(value).__name__,
)
def test_a_file_gives_an_active_type_and_the_path_any_other(
    uri: str, body: Any, expected: str
) -> None:
    assert type_of(uri, body, mime_types={"own": "text/x-own", "page": "text/html"}) == expected


def test_the_name_of_a_path_may_be_octets() -> None:
    class OctetPath:
        def __fspath__(self) -> bytes:
            return b"/tmp/b.html"

    assert type_of("/a", OctetPath()) == "text/html"


def test_files_of_a_folder_have_their_own_type(tmp_path: Path) -> None:
    for name in ("a.html", "a.svg", "a.js", "index.html", "a.page"):
        (tmp_path / name).write_text("x")
    static = {"static": {"files": tmp_path}}
    own = {"responses": {"content_types": {"mime_types": {"page": "text/html"}}}}
    client = Client(wrap_defaults(to_wsgi(echo), deep_merge(site_defaults, {**static, **own})))
    found = {
        path: client.get(path, buffered=True).headers["Content-Type"]
        for path in ("/", "/a.html", "/a.html/", "/a.svg", "/a.js", "/a.page", "/b.html", "/b.page")
    }
    assert found == {
        "/": "text/html; charset=utf-8",
        "/a.html": "text/html; charset=utf-8",
        "/a.html/": "text/html; charset=utf-8",
        "/a.svg": "image/svg+xml",
        "/a.js": "text/javascript; charset=utf-8",
        "/a.page": "text/html; charset=utf-8",
        "/b.html": OCTETS,
        "/b.page": OCTETS,
    }


def test_a_part_of_a_file_has_the_type_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_text("<svg/>")
    client = Client(
        wrap_defaults(to_wsgi(echo), assoc_in(site_defaults, ["static", "files"], tmp_path))
    )
    for headers in ({"Range": "bytes=0-1"}, {}):
        answer = client.get("/a.svg", headers=headers, buffered=True)
        assert answer.headers["Content-Type"] == "image/svg+xml"
    assert client.head("/a.svg").headers["Content-Type"] == "image/svg+xml"


def test_a_handler_says_any_type_itself() -> None:
    def handler(request: Any) -> Any:
        return {"status": 200, "headers": {"content-type": "text/html"}, "body": "<p>"}

    answer = Client(wrap_defaults(to_wsgi(handler))).get("/a.txt")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
