"""Convert a response's body to the iterable of bytes that a WSGI server sends.

The iterable of a WSGI app is passed on unchanged. Status and headers are left to `message.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from werkzeug.wsgi import wrap_file


class AppIter:
    """Hold a WSGI app's iterable, and the chunks that were read from it to learn the status."""

    __slots__ = ("iterable", "_first", "_rest")

    def __init__(
        self, iterable: Iterable[bytes], first: list[bytes], rest: Iterator[bytes] | None
    ) -> None:
        self.iterable = iterable
        self._first = first
        self._rest = rest

    def __iter__(self) -> Iterator[bytes]:
        return chain(self._first, self.iterable if self._rest is None else self._rest)

    def close(self) -> None:
        close_body(self.iterable)

    def unwrap(self) -> Iterable[bytes]:
        # A server recognises its own wsgi.file_wrapper only by identity.
        return self if self._first or self._rest else self.iterable


class ClosedAtEnd:
    """Call `close` when an iterable ends or when the server closes it. Not every server does."""

    __slots__ = ("_chunks", "_close")

    def __init__(self, chunks: Iterable[bytes], close: Callable[[], object]) -> None:
        self._chunks = chunks
        self._close = close

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._chunks
        finally:
            self._close()

    def close(self) -> None:
        try:
            close_body(self._chunks)
        finally:
            self._close()


class _Encoded:
    """Encode the text in an iterable while it is sent."""

    __slots__ = ("_parts", "_charset")

    def __init__(self, parts: Iterable[Any], charset: str) -> None:
        self._parts = parts
        self._charset = charset

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts:
            match part:
                case bytes():
                    yield part
                case str():
                    yield part.encode(self._charset, "replace")
                case bytearray() | memoryview():
                    yield bytes(part)
                case _:
                    raise _wrong_part(part)

    def close(self) -> None:
        close_body(self._parts)


def _wrong_part(part: object) -> TypeError:
    kind = type(part).__name__
    return TypeError(f'response["body"]: expected parts of str or bytes, got {kind}')


def is_empty(body: Any) -> bool:
    """Return whether a body is known to be empty, without reading from it.

    >>> is_empty(None), is_empty(""), is_empty(["a"])
    (True, True, False)
    """
    if isinstance(body, AppIter):
        body = body.unwrap()
    if isinstance(body, (list, tuple)):
        return not any(body)
    return body is None or body == "" or body == b""


def close_body(body: Any) -> None:
    """Call `close()` of a body that has one. PEP 3333 demands it of code that drops a body."""
    close = getattr(body, "close", None)
    if close is not None:
        close()


def app_iter(body: Any, charset: str, environ: Mapping[str, Any]) -> Iterable[bytes]:
    """Return the bytes of a response's body, which are read and encoded while they are sent.

    body: None, str, bytes (also as a bytearray or memoryview), an iterable of these, a binary file
        or an os.PathLike.
    charset: encodes text; a character that it lacks becomes "?", as in Ring.
    Raises TypeError for any other body, and for a list with another part, before a byte is sent.

    >>> list(app_iter(["a", b"b"], "utf-8", {})), list(app_iter("ü", "latin-1", {}))
    ([b'a', b'b'], [b'\\xfc'])
    """
    match body:
        case None:
            return []
        case bytes() | str() | bytearray() | memoryview():
            return list(_Encoded([body], charset)) if body else []
        case os.PathLike():
            return wrap_file(dict(environ), open(body, "rb"))
        case _ if hasattr(body, "read") and not hasattr(body, "encoding"):
            return wrap_file(dict(environ), body)
        case list() | tuple():
            for part in body:
                if not isinstance(part, (str, bytes, bytearray, memoryview)):
                    raise _wrong_part(part)
            return _Encoded(body, charset)
        case Iterable() if not isinstance(body, Mapping):
            return _Encoded(body, charset)
    raise TypeError(
        'response["body"]: expected None, str, bytes, an iterable of either, a file or a path,'
        f" got {type(body).__name__}"
    )
