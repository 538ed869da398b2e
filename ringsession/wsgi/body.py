"""The body of a response as the iterable of bytes that a WSGI server sends.

Owns what a body may be: None, str, bytes, an iterable of either, a file object, a path; or a WSGI app's own
iterable, which is handed on untouched. Knows nothing of status and headers beyond the charset.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from werkzeug.wsgi import wrap_file


class AppIter:
    """What a WSGI app returned, after its first chunks may have been taken to learn the status."""

    __slots__ = ("iterable", "_taken", "_rest")

    def __init__(
        self, iterable: Iterable[bytes], taken: list[bytes], rest: Iterator[bytes] | None
    ) -> None:
        self.iterable = iterable
        self._taken = taken
        self._rest = rest

    def __iter__(self) -> Iterator[bytes]:
        return chain(self._taken, self.iterable if self._rest is None else self._rest)

    def close(self) -> None:
        close_body(self.iterable)

    def unwrap(self) -> Iterable[bytes]:
        # A server recognises its own wsgi.file_wrapper only by identity.
        return self if self._taken or self._rest else self.iterable


class ClosedAtEnd:
    """An iterable with something more to be closed: at its end, or when the server closes it, as not all do."""

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
    """An iterable of str or bytes, encoded as it is sent."""

    __slots__ = ("_parts", "_charset")

    def __init__(self, parts: Iterable[str | bytes], charset: str) -> None:
        self._parts = parts
        self._charset = charset

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts:
            yield part if isinstance(part, bytes) else part.encode(self._charset, "replace")

    def close(self) -> None:
        close_body(self._parts)


def is_empty(body: Any) -> bool:
    """Whether a body is known to have no byte, without reading it.

    >>> is_empty(None), is_empty(""), is_empty(["a"])
    (True, True, False)
    """
    if isinstance(body, AppIter):
        body = body.unwrap()
    if isinstance(body, (list, tuple)):
        return not any(body)
    return body is None or body == "" or body == b""


def close_body(body: Any) -> None:
    """Tell a body that nobody reads on, as PEP 3333 asks of whoever drops one."""
    close = getattr(body, "close", None)
    if close is not None:
        close()


def app_iter(body: Any, charset: str, environ: Mapping[str, Any]) -> Iterable[bytes]:
    """The bytes of a response's body, read and encoded while they are sent.

    body: None, str, bytes, an iterable of either, a binary file or an os.PathLike.
    charset: for text; what it lacks becomes "?", as in Ring.
    Raises TypeError for anything else, before a byte is sent.

    >>> list(app_iter(["a", b"b"], "utf-8", {})), list(app_iter("ü", "latin-1", {}))
    ([b'a', b'b'], [b'\\xfc'])
    """
    match body:
        case None:
            return []
        case bytes() | str():
            return list(_Encoded([body] if body else [], charset))
        case os.PathLike():
            return wrap_file(dict(environ), open(body, "rb"))
        case _ if hasattr(body, "read") and not hasattr(body, "encoding"):
            return wrap_file(dict(environ), body)
        case Iterable() if not isinstance(body, Mapping):
            return _Encoded(body, charset)
    raise TypeError(
        'response["body"]: expected None, str, bytes, an iterable of either, a file or a path,'
        f" got {type(body).__name__}"
    )
