"""Query strings and urlencoded forms are read as in Ring, within limits, and can be read again."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import pytest
from flask import Flask, request as flask_request
from werkzeug.test import Client, EnvironBuilder, run_wsgi_app

from ringsession import (
    assoc_in,
    content_type,
    response,
    site_defaults,
    to_wsgi,
    wrap_defaults,
    wrap_params,
)
from ringsession.http.refusals import ParamsTooLarge
from ringsession.middleware.params import parse_params

FORM = {"content-type": "application/x-www-form-urlencoded"}
MIB = 1 << 20
SITE = assoc_in(site_defaults, ["security", "anti_forgery"], False)


@pytest.mark.parametrize(
    ("text", "params"),
    [
        ("", {}),
        ("a=1&b=2", {"a": "1", "b": "2"}),
        ("a=1&a=2&a=3", {"a": ["1", "2", "3"]}),
        ("a", {"a": ""}),
        ("a=", {"a": ""}),
        ("=b", {"": "b"}),
        ("a=b=c", {"a": "b=c"}),
        ("&&a=1&", {"a": "1"}),
        ("a=1;b=2", {"a": "1;b=2"}),
        ("a=x+y%20z", {"a": "x y z"}),
        ("%C3%BC=%E2%82%AC", {"ü": "€"}),
        ("a=%zz&b=1", {"b": "1"}),
        ("a=%FF", {"a": "\ufffd"}),
    ],
)
def test_parameters_are_read_as_ring_reads_them(text: str, params: dict[str, Any]) -> None:
    assert parse_params(text) == params


def seen(request: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that the layer adds to this request."""
    found: dict[str, Any] = {}

    def handler(request: Any) -> Any:
        found.update({key: request[key] for key in ("query_params", "form_params", "params")})
        return response("")

    wrap_params(handler)(request)  # type: ignore[arg-type]
    return found


def test_params_merges_the_query_and_the_form_and_the_query_wins() -> None:
    request = {"query_string": "a=q&b=1", "headers": FORM, "body": io.BytesIO(b"a=f&c=2")}
    assert seen(request) == {
        "query_params": {"a": "q", "b": "1"},
        "form_params": {"a": "f", "c": "2"},
        "params": {"a": "q", "b": "1", "c": "2"},
    }


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", ""])
def test_another_body_is_no_form(kind: str) -> None:
    request = {"headers": {"content-type": kind}, "body": io.BytesIO(b"a=1")}
    assert seen(request)["form_params"] == {}


def test_a_handler_still_reads_the_whole_body_after_the_params() -> None:
    def handler(request: Any) -> Any:
        return response(f"{request['params']} {request['body'].read()}")

    request: Any = {"headers": FORM, "body": io.BytesIO(b"a=1")}
    assert wrap_params(handler)(request)["body"] == "{'a': '1'} b'a=1'"


def test_a_handler_may_read_the_body_before_the_params() -> None:
    def handler(request: Any) -> Any:
        return content_type(response(f"{request['body'].read()} {request['params']}"), "text/plain")

    client = Client(wrap_defaults(to_wsgi(handler), SITE))
    assert client.post("/", data={"a": "1"}).text == "b'a=1' {'a': '1'}"


def run(app: Any, environ: dict[str, Any]) -> tuple[int, str]:
    """Return the status and the text of an app's response to exactly this environ."""
    body, status, _ = run_wsgi_app(app, environ, buffered=True)
    return int(status[:3]), b"".join(body).decode()


class Watched(io.BytesIO):
    """An input stream that counts its reads."""

    reads = 0

    def read(self, *size: Any) -> bytes:
        self.reads += 1
        return super().read(*size)


def test_a_body_is_read_only_when_a_handler_uses_the_form() -> None:
    stream = Watched(b"a=1")
    environ = EnvironBuilder(method="POST", headers=FORM, content_length=3).get_environ()
    environ["wsgi.input"] = stream
    list(wrap_defaults(to_wsgi(lambda request: response("")))(environ, lambda *told: print))
    assert stream.reads == 0


def flask_app() -> Flask:
    app = Flask(__name__)

    @app.post("/params-first")
    def params_first() -> dict[str, Any]:
        params = flask_request.environ["ringsession.request"]["params"]
        return {"params": params, "form": flask_request.form}

    @app.post("/form-first")
    def form_first() -> dict[str, Any]:
        form = dict(flask_request.form)
        return {"params": flask_request.environ["ringsession.request"]["params"], "form": form}

    @app.post("/upload")
    def upload() -> str:
        flask_request.environ["ringsession.request"]["params"]
        return flask_request.files["file"].read().decode()

    app.wsgi_app = wrap_defaults(app.wsgi_app, SITE)  # type: ignore[method-assign]
    return app


@pytest.mark.parametrize("path", ["/params-first", "/form-first"])
def test_a_flask_view_reads_its_form_before_or_after_the_layer(path: str) -> None:
    answer = flask_app().test_client().post(path, data={"a": "1"})
    assert answer.json == {"params": {"a": "1"}, "form": {"a": "1"}}


def test_a_flask_view_reads_its_upload() -> None:
    data = {"file": (io.BytesIO(b"content"), "a.txt")}
    assert flask_app().test_client().post("/upload", data=data).text == "content"


# -- limits


def reading(request: Any) -> Any:
    return content_type(response(str(len(request["params"]))), "text/plain")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"a=" + b"x" * (MIB - 2), 200),
        (b"a=" + b"x" * (MIB - 1), 413),
        (b"&".join(b"%d" % number for number in range(1000)), 200),
        (b"&".join(b"%d" % number for number in range(1001)), 413),
    ],
    ids=["1 MiB", "1 MiB and a byte", "1,000 fields", "1,001 fields"],
)
@pytest.mark.parametrize("announced", [True, False], ids=["length", "chunked"])
def test_a_form_over_the_limits_is_a_413_when_it_is_read(
    body: bytes, status: int, announced: bool
) -> None:
    environ = EnvironBuilder(method="POST", headers=FORM, data=body).get_environ()
    if not announced:
        del environ["CONTENT_LENGTH"]
        environ["wsgi.input_terminated"] = True
    assert run(wrap_defaults(to_wsgi(reading), SITE), environ)[0] == status


def test_a_query_over_the_limit_is_a_413() -> None:
    client = Client(wrap_defaults(to_wsgi(reading), SITE))
    assert client.get("/?" + "&".join(str(number) for number in range(1001))).status_code == 413


@pytest.mark.parametrize("announced", [True, False], ids=["length", "chunked"])
def test_a_wsgi_app_gets_all_bytes_of_a_form_over_the_limit(announced: bool) -> None:
    body = b"a=" + b"x" * (MIB + 100_000)

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        try:
            environ["ringsession.request"]["params"]
        except ParamsTooLarge:
            pass
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [str(len(environ["wsgi.input"].read())).encode()]

    environ = EnvironBuilder(method="POST", headers=FORM, data=body).get_environ()
    if not announced:
        del environ["CONTENT_LENGTH"]
        environ["wsgi.input_terminated"] = True
    assert run(wrap_defaults(app, SITE), environ) == (200, str(len(body)))


def test_a_form_that_breaks_off_is_a_400() -> None:
    environ = EnvironBuilder(method="POST", headers=FORM, data=b"a=1").get_environ()
    environ["CONTENT_LENGTH"] = "10"
    assert run(wrap_defaults(to_wsgi(reading), SITE), environ)[0] == 400


def test_flask_also_answers_413_if_a_view_reads_a_form_over_the_limit() -> None:
    answer = flask_app().test_client().post("/params-first", data={"a": "x" * (MIB + 1)})
    assert answer.status_code == 413


class Trickling(io.RawIOBase):
    """An input stream that returns one byte a read, as a slow client's socket may."""

    def __init__(self, data: bytes) -> None:
        self.data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self.data.readinto(memoryview(buffer)[:1])


def test_a_form_that_trickles_in_is_read_whole() -> None:
    environ = EnvironBuilder(method="POST", headers=FORM, data=b"a=1&b=2&c=3").get_environ()
    environ["wsgi.input"] = Trickling(b"a=1&b=2&c=3")
    assert run(wrap_defaults(to_wsgi(reading), SITE), environ) == (200, "3")


def test_a_body_that_trickles_in_is_read_as_a_file() -> None:
    def handler(request: Any) -> Any:
        return content_type(response(request["body"].read(5)), "text/plain")

    environ = EnvironBuilder(method="POST", data=b"abcdefgh").get_environ()
    environ["wsgi.input"] = Trickling(b"abcdefgh")
    assert run(wrap_defaults(to_wsgi(handler), SITE), environ) == (200, "abcde")
