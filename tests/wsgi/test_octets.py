"""A body of octets of any built-in type is sent with its length, or refused at once."""

from __future__ import annotations

import array
import mmap
from typing import Any

import pytest
from werkzeug.test import Client

from ringsession import to_wsgi, wrap_content_length, wrap_defaults, wrap_lint
from ringsession.wsgi.body import app_iter, is_empty
from tests.wsgi.test_wsgi import Server, answer, serve

VIEWS: list[tuple[Any, bytes]] = [
    (bytearray(b"abc"), b"abc"),
    (memoryview(b"abc"), b"abc"),
    (memoryview(b"abcdef")[::2], b"ace"),
    (memoryview(array.array("H", [1, 2])), array.array("H", [1, 2]).tobytes()),
    (memoryview(b"abcd").cast("B", (2, 2)), b"abcd"),
    (bytearray(), b""),
    (memoryview(b""), b""),
]
NAMES = ["bytearray", "view", "steps", "wide", "square", "empty", "empty view"]


@pytest.mark.parametrize(("body", "sent"), VIEWS, ids=NAMES)
def test_octets_of_any_type_are_sent_with_their_length(body: Any, sent: bytes) -> None:
    assert serve(answer(body))[2] == sent
    found = wrap_content_length(lambda request: {"status": 200, "headers": {}, "body": body})
    assert found({})["headers"] == {"Content-Length": str(len(sent))}
    assert is_empty(body) is (sent == b"")


@pytest.mark.parametrize(("body", "sent"), VIEWS, ids=NAMES)
def test_octets_of_any_type_are_sent_inside_an_iterable(body: Any, sent: bytes) -> None:
    assert serve(answer(["ü", body, b"-"]))[2] == "ü".encode() + sent + b"-"
    assert serve(answer(part for part in (body, "-")))[2] == sent + b"-"


def test_octets_pass_all_layers_and_lint() -> None:
    def handler(request: Any) -> Any:
        return {"status": 200, "headers": {"Content-Type": "a/b"}, "body": bytearray(b"abc")}

    answer = Client(wrap_defaults(to_wsgi(wrap_lint(handler)))).get("/")
    assert (answer.data, answer.headers["Content-Length"]) == (b"abc", "3")


def test_what_is_changed_after_the_answer_is_not_sent() -> None:
    body = bytearray(b"abc")
    chunks = app_iter(body, "utf-8", {})
    body[:] = b"xyz"
    assert list(chunks) == [b"abc"]


def test_a_list_with_another_part_is_refused_before_the_first_byte() -> None:
    for body in (["a", 5], ("a", None), [b"a", ["b"]]):
        server = Server()
        with pytest.raises(TypeError, match="expected parts of str or bytes, got"):
            server.run(answer(body))
        assert server.told == []


def test_a_stream_with_another_part_is_refused_when_it_comes() -> None:
    server = Server()
    with pytest.raises(TypeError, match="expected parts of str or bytes, got"):
        server.run(answer(part for part in ("a", 5)))
    assert server.told == ["start", b"a"]
    for numbers in (array.array("B", b"abc"), range(3)):
        with pytest.raises(TypeError, match="expected parts of str or bytes, got int$"):
            list(app_iter(numbers, "utf-8", {}))


def test_a_mapped_file_is_a_file(tmp_path: Any) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    with open(tmp_path / "a", "rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        assert serve(answer(mapped))[2] == b"abc"
        assert mapped.closed
