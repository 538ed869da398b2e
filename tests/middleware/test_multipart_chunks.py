"""Forms with files give the same parts, wherever the reads of their body end."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from werkzeug.test import Client

from ringsession import bytes_store, response, to_wsgi, wrap_multipart_params
from ringsession.http.refusals import BadParams, ParamsTooLarge
from ringsession.middleware import _multipart_parts
from ringsession.middleware._multipart_parts import Limits, read_parts
from tests.apart import run_apart

CHUNK = 1 << 14
Part = tuple[str, str | None, bytes]


class Pieces(io.RawIOBase):
    """A body whose reads return these pieces, one a read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def read(self, size: int = -1) -> bytes:
        return next(self._pieces, b"")


def parts_of(body: Any, boundary: bytes = b"B") -> list[Part]:
    """Return the name, the file's name and the bytes of each part."""

    def read_all(item: Any) -> bytes:
        data: bytes = item["stream"].read()
        return data

    found = read_parts(body, boundary, read_all, Limits())
    return [(part.name, getattr(part, "filename", None), data) for part, data in found]


def cut(body: bytes, *places: int) -> Pieces:
    edges = [0, *places, len(body)]
    return Pieces(body[start:end] for start, end in itertools.pairwise(edges) if end > start)


FILE = b'Content-Disposition: form-data; name="f"; filename="a"\r\n\r\n'
FIELD = b'Content-Disposition: form-data; name="t"\r\n\r\n'


def form(
    *parts: bytes, boundary: bytes = b"B", padding: bytes = b"", end: bytes = b"\r\n"
) -> bytes:
    line = b"--" + boundary + padding + end
    return b"".join(line + part + end for part in parts) + b"--" + boundary + b"--" + end


# Texts that are almost the delimiter "\r\n--B".
CLOSE = (
    b"",
    b"x",
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n-",
    b"\r\n--",
    b"\r\n--A",
    b"\r\n--Bx",
    b"\r\n--B-x",
)
CONTENTS = (*CLOSE, *(content + b"\r" for content in CLOSE), b"\r\n\r\n--", b"-\r\n--\r\n", b"x--B")


def bodies() -> Iterator[tuple[bytes, bytes, list[Part]]]:
    """Yield a boundary, a body, and the parts in the body."""
    for content in CONTENTS:
        both: list[Part] = [("f", "a", content), ("t", None, content)]
        yield b"B", form(FILE + content, FIELD + content), both
        yield b"B", form(FILE + content, FIELD + content, padding=b" \t "), both
    # Boundaries that repeat themselves or end as a closing delimiter does.
    for boundary in (b"-", b"--", b"--A--", b"----Web"):
        for content in (b"", b"x\r", b"\r\n-", b"\r\n--A", b"-"):
            yield boundary, form(FILE + content, boundary=boundary), [("f", "a", content)]
    yield b"B", form(FIELD + b"x", end=b"\n"), [("t", None, b"x")]
    yield b"B", form(FIELD + b"x") + b"--", [("t", None, b"x")]
    yield b"B", form(FIELD + b"x")[:-2] + b"-\r\n--B", [("t", None, b"x")]
    yield b"B", b"before\r\n" + form(FIELD + b"x", padding=b" " * 12), [("t", None, b"x")]
    yield b"B", b"before" + form(FIELD + b"x", padding=b" " * 12), [("t", None, b"x")]
    yield b"B", b"--B  \r\n" + form(FIELD + b"x"), [("t", None, b"x")]
    yield b"B", b"--B\r\n" + FILE[:-2] + b"\r\n--B--", [("f", "a", b"")]  # RFC 2046: no body at all


BODIES = list(bodies())


@pytest.mark.parametrize(("boundary", "body", "parts"), BODIES, ids=range(len(BODIES)))
def test_a_body_gives_the_same_parts_wherever_its_reads_end(
    boundary: bytes, body: bytes, parts: list[Part]
) -> None:
    whole = parts_of(io.BytesIO(body), boundary)
    places = range(1, len(body))
    wrong = {place for place in places if parts_of(cut(body, place), boundary) != parts}
    one_by_one = parts_of(cut(body, *places), boundary)
    assert (whole, wrong, one_by_one) == (parts, set(), parts)


def try_every_two_places() -> tuple[list[Any], int]:
    """Return the bodies and places that gave other parts, and the number of pairs of places."""
    tried, wrong = 0, list[Any]()
    for padding, content in itertools.product((b"", b" "), (b"", b"\r", b"\r\n-")):
        body = form(FILE + content, FIELD + content, padding=padding)
        parts: list[Part] = [("f", "a", content), ("t", None, content)]
        for places in itertools.combinations(range(1, len(body)), 2):
            tried += 1
            if parts_of(cut(body, *places)) != parts:
                wrong.append((body, places))
    return wrong, tried


def test_a_small_body_gives_the_same_parts_for_every_two_places_where_its_reads_end() -> None:
    assert run_apart(try_every_two_places) == ([], 47_021)


@pytest.mark.parametrize("kind", [FILE, FIELD], ids=["file", "field"])
@pytest.mark.parametrize("padding", [b"", b"   "], ids=["plain", "padded"])
@pytest.mark.parametrize("chunks", [1, 2, 3, 4])
def test_a_body_that_ends_around_the_end_of_a_read_keeps_its_bytes(
    chunks: int, padding: bytes, kind: bytes
) -> None:
    wrong = []
    for total in range(chunks * CHUNK - 90, chunks * CHUNK + 91):
        size = total - len(form(kind, padding=padding))
        body = form(kind + b"x" * size, padding=padding)
        [(_, _, data)] = parts_of(io.BytesIO(body))
        if (len(body), data) != (total, b"x" * size):
            wrong.append((total, len(data) - size))
    assert wrong == []


@pytest.mark.parametrize("reads", [1, 2, 3])
def test_a_file_whose_headers_end_where_a_read_ends_is_kept(reads: int) -> None:
    wrong = []
    for total in range(reads * CHUNK - 4, reads * CHUNK + 5):
        text = b"y" * (total - len(form(FIELD, FILE)) + len(b"\r\n--B--\r\n"))
        body = form(FIELD + text, FILE + b"x" * 50_000)
        if parts_of(io.BytesIO(body)) != [("t", None, text), ("f", "a", b"x" * 50_000)]:
            wrong.append((total, body.index(b"x" * 9)))
    assert wrong == []


@pytest.mark.parametrize("name", ["f", "t"])
def test_an_upload_of_16387_bytes_through_the_layer_gains_no_byte(name: str) -> None:
    kind = {"f": FILE, "t": FIELD}[name]
    body = form(kind + b"x" * (16_387 - len(form(kind))))

    def handler(request: Any) -> Any:
        value = request["multipart_params"][name]
        return response(str(len(value if name == "t" else value["bytes"])))

    client = Client(to_wsgi(wrap_multipart_params(handler, store=bytes_store)))
    answer = client.post("/", data=body, content_type="multipart/form-data; boundary=B")
    assert (len(body), answer.text) == (16_387, str(16_387 - len(form(kind))))


LONG: list[tuple[str, bytes]] = [
    ("line ends", b"\r\n" * 50_000),
    ("carriage returns", b"\r" * 100_000),
    ("lines of one dash", b"-\r\n" * 50_000),
    ("lines of two dashes and blanks", b"--" + b" " * 100_000),
    ("lines that begin as the delimiter", b"\r\n--Bx" * 20_000),
    ("blanks", b" " * 100_000),
]


@pytest.mark.parametrize(("name", "content"), LONG, ids=[name for name, _ in LONG])
def test_content_that_looks_like_delimiters_is_kept_and_held_back_only_in_part(
    name: str, content: bytes
) -> None:
    held = []

    def read_some(item: Any) -> bytes:
        data = b""
        while more := item["stream"].read1(CHUNK):
            data += more
            held.append(body.tell() - len(data))
        return data

    body = io.BytesIO(form(FILE + content))
    [(_, data)] = read_parts(body, b"B", read_some, Limits())
    assert (data == content, max(held) < 2 * CHUNK) == (True, True)
    assert parts_of(cut(form(FILE + content[:500]), *range(1, 600))) == [("f", "a", content[:500])]


def test_a_delimiter_with_too_many_blanks_behind_it_is_refused() -> None:
    assert parts_of(io.BytesIO(form(FILE + b"x", padding=b" " * 8000))) == [("f", "a", b"x")]
    for body in (form(FILE + b"x", padding=b" " * 20_000), form(FILE + b"\r\n--B" + b" " * 90_000)):
        with pytest.raises(ParamsTooLarge):
            parts_of(io.BytesIO(body))


@pytest.mark.parametrize("end", range(1, 9))
def test_a_body_that_breaks_off_inside_its_last_delimiter_is_refused(end: int) -> None:
    with pytest.raises(BadParams):
        parts_of(io.BytesIO(form(FILE + b"x")[: -2 - end]))


def test_without_held_back_bytes_the_decoder_adds_bytes(monkeypatch: Any) -> None:
    """Prove Werkzeug's fault.

    If this test fails, Werkzeug is fixed, and nothing need be held back.
    """
    whole: Callable[[bytes, bytes], int] = lambda data, delimiter: len(data)
    monkeypatch.setattr(_multipart_parts, "_safe_length", whole)
    body = form(FILE + b"x")
    [(_, _, data)] = parts_of(cut(body, len(body) - 3))
    assert data == b"x\r"
