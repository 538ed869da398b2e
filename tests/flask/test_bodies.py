"""What a Flask app reads and sends goes through site_defaults unchanged: forms, uploads, JSON,
streams, files.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any
from wsgiref.validate import validator

import pytest
from flask import Flask, Response, redirect, request, send_file
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from ringsession import memory_store, site_defaults, wrap_defaults
from tests.flask.apps import make_app as make_session_app

OURS = {"Sec-Fetch-Site": "same-origin"}  # what a browser says of a form on the site's own page
MIB = 1 << 20


def make_app(folder: Path) -> Flask:
    app = Flask(__name__)
    (folder / "file.bin").write_bytes(bytes(range(256)) * 4096)

    @app.post("/form")
    def form() -> Any:
        return request.form.to_dict(flat=False)

    @app.post("/upload")
    def take_upload() -> Any:
        file = request.files["file"]
        data = file.read()
        return {"name": file.filename, "size": len(data), "hash": hashlib.sha256(data).hexdigest()}

    @app.post("/token-and-upload")
    def token_and_upload() -> Any:
        ours = request.environ["ringsession.request"]["multipart_params"]["file"]
        theirs = request.files["file"].read()
        return {"same": ours["tempfile"].read() == theirs, "size": [ours["size"], len(theirs)]}

    @app.post("/json")
    def take_json() -> Any:
        return {"got": request.json}

    @app.post("/raw")
    def raw() -> Any:
        return hashlib.sha256(request.stream.read()).hexdigest()

    @app.get("/stream")
    def stream() -> Response:
        return Response((f"{n}\n" for n in range(1000)), mimetype="text/plain")

    @app.get("/file")
    def file() -> Response:
        return send_file(folder / "file.bin", etag="tag")

    return app


@pytest.fixture
def clients(tmp_path: Path) -> tuple[Any, Any]:
    """A client of the bare app and one of the wrapped."""
    bare, wrapped = make_app(tmp_path), make_app(tmp_path)
    wrapped.wsgi_app = validator(wrap_defaults(wrapped.wsgi_app, site_defaults))
    return bare.test_client(), wrapped.test_client()


def send(client: Any, path: str, **options: Any) -> Any:
    method = "POST" if options else "GET"
    headers = {**OURS, **options.pop("headers", {})}
    return client.open(path, method=method, headers=headers, buffered=True, **options)


def big(size: int) -> bytes:
    return bytes(range(251)) * (size // 251 + 1)


def upload(size: int) -> dict[str, Any]:
    """A form with a file.

    As bytes, since the test client does not close a form that it made itself.
    """
    boundary, data = encode_multipart({"file": FileStorage(io.BytesIO(big(size)[:size]), "a.bin")})
    return {"data": data, "content_type": f"multipart/form-data; boundary={boundary}"}


REQUESTS: dict[str, Any] = {
    "form": lambda: ("/form", {"data": {"a": ["1", "2"], "ü": "€ &="}}),
    "20 MiB upload": lambda: ("/upload", upload(20 * MIB)),
    "80 MiB upload": lambda: ("/upload", upload(80 * MIB)),
    "JSON": lambda: ("/json", {"json": {"a": [1, None, "ü"]}}),
    "raw body": lambda: (
        "/raw",
        {"data": big(3 * MIB), "content_type": "application/octet-stream"},
    ),
    "stream": lambda: ("/stream", {}),
    "file": lambda: ("/file", {}),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_flask_answers_as_it_does_alone(name: str, clients: Any) -> None:
    answers = []
    for client in clients:
        path, options = REQUESTS[name]()
        answer = send(client, path, **options)
        answers.append((answer.status_code, answer.data, answer.headers.get("Content-Type")))
    assert answers[0] == answers[1]
    assert answers[0][0] == 200


def test_a_form_past_our_limit_is_read_by_flask_all_the_same(clients: Any) -> None:
    answers = [send(client, "/form", data={"a": "x" * 2 * MIB}).status_code for client in clients]
    assert answers == [200, 200]


@pytest.mark.parametrize("size", [1000, 20 * MIB])
def test_the_layers_and_the_view_both_read_an_upload(size: int, clients: Any) -> None:
    assert send(clients[1], "/token-and-upload", **upload(size)).json == {
        "same": True,
        "size": [size, size],
    }


def test_a_file_that_flask_sends_is_not_sent_twice(clients: Any) -> None:
    headers = {"If-None-Match": '"tag"'}
    answers = [client.get("/file", headers=headers, buffered=True) for client in clients]
    assert [(answer.status_code, answer.data) for answer in answers] == [(304, b""), (304, b"")]
    answer = clients[1].get("/file", headers={"Range": "bytes=0-3"}, buffered=True)
    assert (answer.status_code, answer.data) == (206, b"\x00\x01\x02\x03")


def test_a_flask_page_from_another_site_is_refused(clients: Any) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert send(clients[1], "/form", data={"a": "1"}, headers=headers).status_code == 403
    assert send(clients[1], "/json", json={"a": "1"}, headers=headers).status_code == 403


@pytest.mark.parametrize("store", ["flask", memory_store()], ids=["flask", "ours"])
@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("/日本?a=ü", "/%E6%97%A5%E6%9C%AC?a=%C3%BC"),
        ("/ü", "/%C3%BC"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
    ],
)
def test_a_location_of_any_text_is_sent_as_flask_sends_it(
    url: str, location: str, store: Any
) -> None:
    app = make_session_app(store)
    app.add_url_rule("/", view_func=lambda: redirect(url), endpoint="redirect")
    by_hand = Response(status=302, headers={"Location": url})
    app.add_url_rule("/by-hand", view_func=lambda: by_hand, endpoint="by_hand")
    for path in ("/", "/by-hand"):
        assert app.test_client().get(path).headers["Location"] == location
        with app.test_request_context(path) as context:  # no layer of ours is around this one
            response = app.full_dispatch_request()
            assert response.get_wsgi_headers(context.request.environ)["Location"] == location
