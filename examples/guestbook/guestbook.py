"""A guestbook over HTTPS: Ring handlers, a form with a token, pictures, static files and flash.

python examples/guestbook/guestbook.py [PORT]

Starts the site behind a stand-in for a TLS-ending proxy, with a certificate that it makes for
itself.
"""

import itertools
import sys
import threading
from html import escape
from pathlib import Path
from string import Template

from werkzeug.serving import make_server

from ringsession import (
    anti_forgery_field,
    content_type,
    deep_merge,
    html,
    response,
    secure_site_defaults,
    see_other,
    status,
    text,
    to_wsgi,
    wrap_defaults,
)

HERE = Path(__file__).parent
PAGE = Template((HERE / "page.html").read_text("utf-8"))
PICTURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
MAX_PICTURE = 1 << 20


class Guestbook:
    """The entries, the newest first, in memory."""

    def __init__(self):
        self.entries = []
        self.pictures = {}
        self._number = itertools.count(1)

    def add(self, name, message, picture, kind):
        number = next(self._number)
        if picture:
            self.pictures[number] = picture, kind
        self.entries.insert(0, (number, name, message))


def picture_kind(data):
    """The type of a picture by its first bytes, whatever the client says of it."""
    return next((kind for start, kind in PICTURES.items() if data.startswith(start)), None)


def text_of(params, name, most):
    value = params.get(name)
    return value.strip()[:most] if isinstance(value, str) else ""


def entry_html(book, number, name, message):
    image = f'<img src="/picture/{number}" alt="">' if number in book.pictures else ""
    return f"<article>{image}<h2>{escape(name)}</h2><p>{escape(message)}</p></article>"


def page(request, book, told, name, message=""):
    return html(
        PAGE.substitute(
            told=told,
            field=anti_forgery_field(request),
            name=escape(name),
            message=escape(message),
            entries="".join(entry_html(book, *entry) for entry in book.entries),
        )
    )


def show(request, book):
    message = request["flash"]
    told = f'<p class="flash" role="status">{escape(message)}</p>' if message else ""
    return page(request, book, told, request["session"].get("name", ""))


def read_picture(request):
    """The bytes of the picture and what is wrong with it: "", or a sentence."""
    # In `params`, a field named "picture[tempfile]" makes a dict that looks like an upload.
    upload = request["multipart_params"].get("picture")
    if isinstance(upload, list):
        return b"", "One picture only, please."
    data = upload["tempfile"].read(MAX_PICTURE + 1) if isinstance(upload, dict) else b""
    if data and (picture_kind(data) is None or len(data) > MAX_PICTURE):
        return b"", "That is no picture: a PNG, JPEG or GIF of at most 1 MB, please."
    return data, ""


def sign(request, book):
    params = request["params"]
    name, message = text_of(params, "name", 40), text_of(params, "message", 500)
    data, problem = read_picture(request)
    if not name or not message:
        problem = "Please give your name and a message."
    if problem:
        told = f'<p class="error" role="alert">{escape(problem)}</p>'
        return status(page(request, book, told, name, message), 422)
    book.add(name, message, data, picture_kind(data))
    request["session"]["name"] = name
    return see_other("/") | {"flash": f"Thank you, {name}!"}


def picture(request, book):
    number = request["uri"].removeprefix("/picture/")
    found = book.pictures.get(int(number)) if number.isascii() and number.isdecimal() else None
    if found is None:
        return status(text("No such picture"), 404)
    return content_type(response(found[0]), found[1])


def make_handler(book):
    def handler(request):
        match request["request_method"], request["uri"]:
            case "get" | "head", "/":
                return show(request, book)
            case "post", "/sign":
                return sign(request, book)
            case "get" | "head", uri if uri.startswith("/picture/") and len(uri) < 30:
                return picture(request, book)
        return status(text("Not found"), 404)

    return handler


def make_app():
    config = deep_merge(
        secure_site_defaults,
        {
            "session": {"cookie_name": "__Host-guestbook"},
            "security": {
                "content_security_policy": (
                    "default-src 'self'; form-action 'self'; object-src 'none'; base-uri 'none';"
                    " frame-ancestors 'none'"
                ),
                "cross_origin_opener_policy": True,
                "cross_origin_resource_policy": True,
                "permissions_policy": {"policy": {"camera": [], "fullscreen": "self"}},
            },
            "static": {"files": {"root": HERE / "static", "cache_control": "public, max-age=60"}},
            "proxy": True,
        },
    )
    return wrap_defaults(to_wsgi(make_handler(Guestbook())), config)


def main():
    from tls_proxy import serve_tls

    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8443
    server = make_server("127.0.0.1", 0, make_app(), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"Open https://localhost:{port}/ and accept the certificate. Ctrl-C ends it.", flush=True)
    serve_tls(port, server.server_port)


if __name__ == "__main__":
    main()
