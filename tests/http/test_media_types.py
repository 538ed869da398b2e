"""The types of files by their names, and which of them a browser runs."""

from __future__ import annotations

import gc
import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from ringsession import Request, to_wsgi, wrap_content_type, wrap_default_charset
from ringsession.http import media_types
from ringsession.http.media_types import guess_type, is_active
from ringsession.wsgi.environ import environ_request

ACTIVE = """\
text/html TEXT/HTML text/html;charset=utf-8 application/xhtml+xml image/svg+xml text/xml
application/xml application/rss+xml application/atom+xml application/mathml+xml application/pdf
text/javascript application/javascript application/x-javascript text/ecmascript
application/ecmascript text/x-ecmascript text/jscript text/livescript text/javascript1.5
text/x-javascript application/x-shockwave-flash message/rfc822 multipart/related
application/xml-dtd application/xml-external-parsed-entity text/xml-external-parsed-entity
application/x-pdf text/vbscript application/x-mimearchive application/futuresplash
application/x-silverlight-app text/x-component application/hta text/x-server-parsed-html
application/java-archive application/x-java-applet text/x-cross-domain-policy
multipart/x-mixed-replace text/cache-manifest text/xsl text/rdf text/xul text/pdf""".split()
PASSIVE = """\
text/plain text/css image/png application/json application/octet-stream font/woff2 text/csv
application/zip application/gzip video/mp4 text/markdown application/wasm
text/htmlx x-text/html application/xmlrpc application/postscript text/calendar""".split()


def test_html_xml_svg_pdf_and_javascript_are_active() -> None:
    assert [kind for kind in ACTIVE if not is_active(kind)] == []
    assert [kind for kind in PASSIVE if is_active(kind)] == []


# What Ring knows, as a floor, and what sites serve today.
KNOWN = """\
7z application/x-7z-compressed | aac audio/aac | atom application/atom+xml | avi video/x-msvideo
avif image/avif | bz2 application/x-bzip2 | cer application/pkix-cert | css text/css
csv text/csv | crt application/x-x509-ca-cert | deb application/vnd.debian.binary-package
edn application/edn
docx application/vnd.openxmlformats-officedocument.wordprocessingml.document | flac audio/flac
eot application/vnd.ms-fontobject | flv video/x-flv | gif image/gif | gz application/gzip
html text/html | ico image/x-icon | ics text/calendar | iso application/x-iso9660-image
jar application/java-archive | jpg image/jpeg | js text/javascript | json application/json
jxl image/jxl | m3u8 application/vnd.apple.mpegurl | m4a audio/mp4 | m4v video/mp4
md text/markdown | mjs text/javascript | mkv video/matroska | mov video/quicktime
mp3 audio/mpeg | mp4 video/mp4 | mpd application/dash+xml | oga audio/ogg | ogg audio/ogg
ogv video/ogg | otf font/otf | pdf application/pdf | png image/png | rar application/vnd.rar
rss application/rss+xml
pptx application/vnd.openxmlformats-officedocument.presentationml.presentation
svg image/svg+xml | tar application/x-tar | tiff image/tiff | ts video/mp2t | ttf font/ttf
txt text/plain | wasm application/wasm | webm video/webm | webmanifest application/manifest+json
webp image/webp | wmv video/x-ms-wmv | woff font/woff | woff2 font/woff2
xhtml application/xhtml+xml | xml text/xml
xlsx application/vnd.openxmlformats-officedocument.spreadsheetml.sheet | yaml application/yaml
yml application/yaml | zip application/zip"""


def test_the_types_that_sites_serve_are_known() -> None:
    pairs = [pair.split() for line in KNOWN.split("\n") for pair in line.split(" | ")]
    assert {name: guess_type(f"/a.{name}") for name, _ in pairs} == {
        name: kind for name, kind in pairs
    }


def test_each_extension_has_one_type_in_lower_case() -> None:
    data = Path(media_types.__file__).with_name("media_types.txt").read_text("ascii")
    lines = [line.split() for line in data.splitlines() if line[0] != "#"]
    names = [name for _, *extensions in lines for name in extensions]
    assert len(names) == len(set(names)) > 1500
    assert [name for name in names if not re.fullmatch(r"[a-z0-9][a-z0-9_+-]{0,31}", name)] == []
    types = [kind for kind, *extensions in lines if extensions]
    assert types == sorted(set(types)) and len(types) == len(lines)
    token = r"[a-z0-9][a-z0-9!#$&^_.+-]*"
    assert [kind for kind in types if not re.fullmatch(f"{token}/{token}", kind)] == []


def test_no_table_of_python_or_of_the_machine_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mimetypes.MimeTypes", None)
    monkeypatch.setattr("mimetypes.types_map", {".png": "image/of-the-machine"})
    media_types._types.cache_clear()
    assert guess_type("a.png") == "image/png"


@pytest.mark.parametrize(
    "path",
    ["/x.html", "/x.HTM", "/x.svg", "/x.xml", "/x.pdf", "/x.js", "/x.mjs", "/x.xhtml", "/a/.html",
     "/x.own", "/x.php/y.html", "/x.rss", "/x.xsl", "/x.mht", "/x.eml"],
)  # fmt: skip
@pytest.mark.parametrize("body", ["<script>", b"<script>", ["<script>"], iter(["<script>"])])
def test_a_path_never_makes_what_a_handler_says_run_in_a_browser(path: str, body: Any) -> None:
    handler = wrap_content_type(
        lambda request: {"status": 200, "headers": {}, "body": body},
        mime_types={"own": "text/html", "xhtml": "application/xhtml+xml"},
    )
    found = handler({"uri": path})["headers"]["Content-Type"]  # type: ignore[arg-type]
    assert not is_active(found)


def test_a_path_still_tells_a_picture_or_a_style() -> None:
    handler = wrap_content_type(lambda request: {"status": 200, "headers": {}, "body": "x"})
    paths = ("/a.png", "/a.css", "/a.json", "/a.html")
    types = [handler(Request({"uri": path}))["headers"]["Content-Type"] for path in paths]
    assert types == ["image/png", "text/css", "application/json", "application/octet-stream"]


def test_a_files_own_name_makes_it_html_and_a_path_does_not(tmp_path: Any) -> None:
    (tmp_path / "page.html").write_text("<p>")
    (tmp_path / "note.txt").write_text("<script>")

    def kind(name: str, uri: str) -> str:
        handler = wrap_content_type(
            lambda request: {"status": 200, "headers": {}, "body": tmp_path / name}
        )
        found: str = handler({"uri": uri})["headers"]["Content-Type"]  # type: ignore[arg-type]
        return found

    assert kind("page.html", "/") == "text/html"
    assert kind("note.txt", "/x.html") == "text/plain"
    assert kind("page.html", "/x.html") == "text/html"


def test_a_wsgi_app_without_a_type_is_no_page_either() -> None:
    from ringsession import from_wsgi
    from werkzeug.test import Client

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return [b"<script>"]

    client = Client(to_wsgi(wrap_content_type(from_wsgi(app))))
    assert client.get("/x.html").headers["Content-Type"] == "application/octet-stream"


# -- what is remembered of what a client sends


def content_type(text: str) -> Any:
    handler = wrap_content_type(lambda request: {"status": 200, "headers": {}, "body": "x"})
    return handler(Request({"uri": text}))


def default_charset(text: str) -> Any:
    made = {"status": 200, "headers": {"Content-Type": f"text/{text}"}, "body": "x"}
    return wrap_default_charset(lambda request: made)(Request({}))


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
