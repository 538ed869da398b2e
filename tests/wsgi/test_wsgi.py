"""Both edges, each call under wsgiref.validate on the server's and on the app's side."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import validator

import pytest
from werkzeug.test import Client

from ringsession import from_wsgi, to_wsgi, wrap_defaults
from ringsession.testing import request
from tests.naming import name_value

PLAIN = [("Content-Type", "text/plain")]


class Server:
    """Record the calls of an app in their order, as a server by PEP 3333."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.status = ""
        self.headers: list[tuple[str, str]] = []

    def start_response(self, status: str, headers: list[Any], exc_info: Any = None) -> Any:
        self.told.append("start")
        self.status, self.headers = status, headers
        return self.told.append

    def run(self, app: Callable[..., Any], **environ: Any) -> bytes:
        environ = {"QUERY_STRING": "", "SCRIPT_NAME": "", "PATH_INFO": "/", **environ}
        setup_testing_defaults(environ)
        body = validator(app)(environ, self.start_response)
        try:
            for chunk in body:
                self.told.append(chunk)
        finally:
            body.close()
        return b"".join(chunk for chunk in self.told if isinstance(chunk, bytes))


def serve(app: Callable[..., Any], **environ: Any) -> tuple[str, list[tuple[str, str]], bytes]:
    server = Server()
    body = server.run(app, **environ)
    return server.status, server.headers, body


def answer(body: Any, **more: Any) -> Callable[..., Any]:
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    return to_wsgi(lambda request: {"status": 200, "headers": headers, "body": body, **more})


# -- identity


def test_a_handler_survives_both_edges_as_the_same_object() -> None:
    def handler(request: Any) -> Any:
        return {}

    assert from_wsgi(to_wsgi(handler)) is handler


def test_an_app_survives_both_edges_as_the_same_object() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        return []

    assert to_wsgi(from_wsgi(app)) is app


# -- bodies of handlers


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        (None, b""),
        ("", b""),
        (b"", b""),
        ("Grüße", "Grüße".encode()),
        (b"\x00\xff", b"\x00\xff"),
        (["a", b"b", ""], b"ab"),
        (("a", "b"), b"ab"),
        ((part for part in ("x", b"y")), b"xy"),
        (io.BytesIO(b"file"), b"file"),
        (io.StringIO("text\nfile"), b"text\nfile"),
    ],
    ids=name_value,
)
def test_a_body_may_be_none_str_bytes_an_iterable_of_either_or_a_file(
    body: Any, sent: bytes
) -> None:
    assert serve(answer(body))[2] == sent


def test_a_path_is_sent_as_the_file_it_names(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"from disk")
    assert serve(answer(tmp_path / "a.txt"))[2] == b"from disk"


def test_text_is_encoded_by_the_charset_of_the_content_type() -> None:
    app = answer("né😀", headers={"Content-Type": "text/plain; charset=latin-1"})
    assert serve(app)[2] == b"n\xe9?"


@pytest.mark.parametrize("body", [{"a": 1}, 5, object()], ids=["dict", "int", "object"])
def test_another_body_is_a_type_error_before_anything_is_sent(body: Any) -> None:
    server = Server()
    with pytest.raises(TypeError, match=r'response\["body"\]: expected None, str, bytes'):
        server.run(answer(body))
    assert server.told == []


@pytest.mark.parametrize("status", [204, 304])
def test_no_body_is_sent_with_a_status_that_has_none(status: int) -> None:
    app = to_wsgi(lambda request: {"status": status, "headers": {}, "body": "dropped"})
    assert serve(app)[2] == b""


def test_head_sends_no_body_and_closes_it() -> None:
    body = io.BytesIO(b"long")
    assert serve(answer(body), REQUEST_METHOD="HEAD")[2] == b""
    assert body.closed


def test_a_body_is_closed_when_the_client_leaves_in_the_middle() -> None:
    closed: list[bool] = []

    def parts() -> Iterator[str]:
        try:
            yield "first"
            yield "second"
        finally:
            closed.append(True)

    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    body = answer(parts())(environ, Server().start_response)
    assert next(iter(body)) == b"first"
    body.close()  # type: ignore[attr-defined]
    assert closed == [True]


# -- headers of handlers


def test_a_header_with_a_list_is_sent_once_for_each_item() -> None:
    app = answer("", headers={"Content-Type": "text/plain", "Set-Cookie": ["a=1", "b=2"]})
    assert serve(app)[1] == [*PLAIN, ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: x=1", "a\nb", "a\x00", "a\x7f"])
def test_attack_64_a_header_that_would_split_is_refused_before_anything_is_sent(value: str) -> None:
    server = Server()
    with pytest.raises(ValueError, match="no control character"):
        server.run(answer("", headers={"Location": value}))
    assert server.told == []


@pytest.mark.parametrize("value", [5, None, ["a", 1]], ids=repr)
def test_a_header_that_is_no_text_is_named(value: Any) -> None:
    with pytest.raises(
        TypeError, match=r"response\[\"headers\"\]\['Age'\]: expected str or a list"
    ):
        serve(answer("", headers={"Age": value}))


@pytest.mark.parametrize("response", [None, "text", 200], ids=repr)
@pytest.mark.parametrize(
    "config", [{}, {"cookies": True}, {"session": {}}, {"session": {"flash": True}}], ids=repr
)
def test_a_handler_that_gives_no_dict_is_named(config: Any, response: Any) -> None:
    with pytest.raises(TypeError, match="the handler's response: expected a dict, got"):
        serve(to_wsgi(lambda request: response))
    with pytest.raises(TypeError, match="the handler's response: expected a dict, got"):
        serve(wrap_defaults(to_wsgi(lambda request: response), config))


def test_a_status_without_a_phrase_of_its_own_is_sent() -> None:
    assert serve(answer("", status=299))[0] == "299 Unknown"


# -- apps: what they say arrives unchanged


def through(app: Callable[..., Any]) -> Callable[..., Any]:
    """The app with a handler between the edges, and the server's rules checked on the app's side
    too.
    """
    handler = from_wsgi(validator(app))
    return to_wsgi(lambda request: handler(request))


def test_status_headers_and_bytes_of_an_app_stay_equal() -> None:
    headers = [("X-A", "1"), ("Set-Cookie", "a=1"), ("x-a", "2"), ("Set-Cookie", "b=2"), *PLAIN]

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("299 All Mine", headers)
        return [b"a", b"", b"b"]

    status, sent, body = serve(through(app))
    assert (status, body) == ("299 All Mine", b"ab")
    assert [value for name, value in sent if name.lower() == "x-a"] == ["1", "2"]
    assert [value for name, value in sent if name == "Set-Cookie"] == ["a=1", "b=2"]


def test_the_servers_own_file_wrapper_reaches_the_server_untouched() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", PLAIN)
        return environ["wsgi.file_wrapper"](io.BytesIO(b"file"))

    environ: dict[str, Any] = {"wsgi.file_wrapper": FileWrapper}
    setup_testing_defaults(environ)
    assert type(wrap_defaults(app)(environ, Server().start_response)) is FileWrapper


def test_a_lazy_app_may_say_its_status_with_its_first_chunk() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("201 Created", PLAIN)
        yield b""
        yield b"first"
        yield b"second"

    server = Server()
    server.run(through(app))
    assert server.status == "201 Created"
    assert server.told == ["start", b"first", b"second"]


def test_a_stream_is_handed_on_chunk_by_chunk() -> None:
    made: list[int] = []

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", PLAIN)
        for number in range(3):
            made.append(number)
            yield b"%d" % number

    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    body = iter(wrap_defaults(app)(environ, Server().start_response))
    assert (next(body), made) == (b"0", [0])
    assert (next(body), made) == (b"1", [0, 1])


def test_an_app_that_ends_without_a_status_is_an_error_and_is_closed() -> None:
    class Body:
        closed = False

        def __iter__(self) -> Iterator[bytes]:
            return iter([])

        def close(self) -> None:
            self.closed = True

    body = Body()
    with pytest.raises(RuntimeError, match="without calling start_response"):
        from_wsgi(lambda environ, start_response: body)(request())  # type: ignore[arg-type]
    assert body.closed


def test_an_app_that_raises_with_its_first_chunk_is_closed() -> None:
    closed: list[bool] = []

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        try:
            yield b""
            raise LookupError("in the app")
        finally:
            closed.append(True)

    with pytest.raises(LookupError):
        serve(to_wsgi(lambda request: from_wsgi(app)(request)))
    assert closed == [True]


def test_an_app_that_raises_tells_the_server_nothing() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", PLAIN)
        raise LookupError("in the app")

    server = Server()
    with pytest.raises(LookupError):
        server.run(wrap_defaults(app))
    assert server.told == []


# -- start_response


def test_a_second_start_response_with_exc_info_replaces_the_first() -> None:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", PLAIN)
        try:
            raise LookupError
        except LookupError:
            start_response("500 Internal Server Error", PLAIN, sys.exc_info())
        return [b"sorry"]

    assert serve(through(app))[::2] == ("500 Internal Server Error", b"sorry")


def test_a_second_start_response_without_exc_info_is_an_error() -> None:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", PLAIN)
        start_response("200 OK", PLAIN)
        return []

    with pytest.raises(RuntimeError, match="a second time without exc_info"):
        from_wsgi(app)(request())


@pytest.mark.parametrize("status, kind", [(b"200 OK", "bytes"), (200, "int")], ids=repr)
def test_the_status_of_an_app_that_is_no_text_is_named(status: Any, kind: str) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response(status, [])
        return []

    problem = f"start_response: expected the status as a str, such as '200 OK', got {kind}"
    with pytest.raises(TypeError, match=f"^{problem}"):
        from_wsgi(app)({"request_method": "get", "uri": "/"})


def test_exc_info_after_the_response_began_is_raised_again() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", PLAIN)
        yield b"first"
        try:
            raise LookupError("too late")
        except LookupError:
            start_response("500 Internal Server Error", PLAIN, sys.exc_info())

    with pytest.raises(LookupError, match="too late"):
        serve(through(app))


# -- write()


def test_write_reaches_the_server_at_once_and_in_order() -> None:
    server = Server()

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        write = start_response("200 OK", PLAIN)
        write(b"written")
        assert server.told == ["start", b"written"]
        return [b"returned"]

    assert server.run(wrap_defaults(app)) == b"writtenreturned"
    assert server.told == ["start", b"written", b"returned"]


def test_write_inside_a_lazy_app_keeps_the_order() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        write = start_response("200 OK", PLAIN)
        write(b"1")
        yield b"2"
        yield b"3"

    server = Server()
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    server.told.extend(wrap_defaults(app)(environ, server.start_response))
    assert server.told == ["start", b"1", b"2", b"3"]


def test_write_without_a_server_is_part_of_the_body() -> None:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", PLAIN)(b"written")
        return [b"returned"]

    assert list(from_wsgi(app)(request())["body"]) == [b"written", b"returned"]


def test_what_layers_add_is_there_when_an_app_writes() -> None:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        environ["ringsession.session"]["n"] = 1
        start_response("200 OK", PLAIN)(b"written")
        return []

    status, headers, body = serve(wrap_defaults(app))
    assert [name for name, _ in headers] == [
        "Content-Type",
        "Set-Cookie",
        "Cache-Control",
        "Vary",
        "X-Frame-Options",
        "X-Content-Type-Options",
    ]
    assert body == b"written"


def test_the_session_is_committed_at_the_first_write() -> None:
    said: list[str] = []

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        session = environ["ringsession.session"]
        session["n"] = session.get("n", 0) + 1
        start_response("200 OK", PLAIN)(b"%d" % session["n"])
        try:
            session["late"] = True
        except RuntimeError as error:
            said.append(type(error).__name__)
        return []

    wrapped = wrap_defaults(app)
    _, headers, _ = serve(wrapped)
    cookie = dict(headers)["Set-Cookie"].split(";")[0]
    assert serve(wrapped, HTTP_COOKIE=cookie)[2] == b"2"
    assert said == ["SessionCommitted", "SessionCommitted"]


def test_a_layers_own_answer_takes_the_place_of_everything_the_app_writes() -> None:
    closed: list[bool] = []

    class Body(list[bytes]):
        def close(self) -> None:
            closed.append(True)

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        write = start_response("200 OK", PLAIN)
        write(b"secret")
        write(b"secret")
        return Body([b"secret"])

    handler = from_wsgi(app)

    def refuse(request: Any) -> Any:
        handler(request)
        return {"status": 503, "headers": dict(PLAIN), "body": "no"}

    assert serve(to_wsgi(refuse)) == ("503 Service Unavailable", PLAIN, b"no")
    assert closed == [True]


# -- what the app finds in its environ


def test_the_app_sees_what_a_layer_changed_in_the_request() -> None:
    seen: dict[str, Any] = {}

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        seen.update(environ)
        start_response("200 OK", PLAIN)
        return [environ["wsgi.input"].read()]

    inner = from_wsgi(app)

    def handler(request: Any) -> Any:
        return inner(
            request
            | {
                "request_method": "post",
                "uri": "/app/p%C3%A4th",
                "path_info": "/p%C3%A4th",
                "scheme": "https",
                "remote_addr": "9.9.9.9",
                "query_string": "a=b",
                "server_name": "example.org",
                "server_port": 443,
                "protocol": "HTTP/2",
                "headers": {"host": "example.org", "content-type": "text/x", "content-length": "4"},
                "body": io.BytesIO(b"mine"),
            }
        )

    assert serve(to_wsgi(handler), HTTP_X_OLD="gone")[2] == b"mine"
    assert {key: value for key, value in seen.items() if key.isupper()} == {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "/app",
        "PATH_INFO": "/p\xc3\xa4th",
        "QUERY_STRING": "a=b",
        "SERVER_NAME": "example.org",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/2",
        "REMOTE_ADDR": "9.9.9.9",
        "HTTP_HOST": "example.org",
        "CONTENT_TYPE": "text/x",
        "CONTENT_LENGTH": "4",
    }
    assert seen["wsgi.url_scheme"] == "https"


def test_the_app_has_the_servers_own_environ_where_nothing_was_changed() -> None:
    seen: list[Any] = []

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        seen.append(environ)
        environ["ringsession.request"]["headers"]  # reading changes nothing
        start_response("200 OK", PLAIN)
        return []

    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    wrap_defaults(app)(environ, Server().start_response)
    assert seen[0] is environ


def test_a_read_request_leaves_the_environ_as_it_is() -> None:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", PLAIN)
        return [repr(environ["PATH_INFO"]).encode()]

    inner = from_wsgi(app)

    def handler(request: Any) -> Any:
        dict(request)
        return inner(request)

    assert (
        serve(to_wsgi(handler), PATH_INFO="/\xc3\xa9/%2f")[2]
        == b"'/\xc3\xa9/%2f'".decode("latin-1").encode()
    )


def test_nested_stacks_each_have_their_own_request() -> None:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", PLAIN)(b"w")
        return [environ["ringsession.request"]["uri"].encode()]

    assert serve(wrap_defaults(wrap_defaults(app)), PATH_INFO="/in")[2] == b"w/in"


@pytest.mark.parametrize(
    "lines, headers",
    [
        ([("Vary", "a"), ("X", "b")], {"Vary": "a", "X": "b"}),
        ([("Vary", "a"), ("Vary", "b")], {"Vary": ["a", "b"]}),
        ([("Vary", "a"), ("vary", "b")], {"Vary": ["a", "b"]}),
        ([("Vary", "a"), ("vary", "b"), ("VARY", "c")], {"Vary": ["a", "b", "c"]}),
        (
            [("Vary", "a"), ("vary", "b"), ("X", "c"), ("X", "d")],
            {"Vary": ["a", "b"], "X": ["c", "d"]},
        ),
    ],
)
def test_a_header_that_an_app_repeats_in_any_case_has_a_list(
    lines: list[tuple[str, str]], headers: dict[str, object]
) -> None:
    def app(environ: dict[str, object], start_response: Any) -> list[bytes]:
        start_response("200 OK", lines)
        return []

    assert from_wsgi(app)({"request_method": "get", "uri": "/"})["headers"] == headers


def test_a_repeated_cache_control_in_another_case_does_not_make_a_new_session_public() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        environ["ringsession.session"]["user"] = "ann"
        start_response("200 OK", [("Cache-Control", "public"), ("cache-control", "s-maxage=60")])
        return [b""]

    answer = Client(wrap_defaults(app)).get("/")
    assert "public" not in str(answer.headers) and "s-maxage" not in str(answer.headers)
    assert answer.headers.getlist("Cache-Control") == ["private"]
