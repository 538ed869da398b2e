"""Add Content-Type, its charset and Content-Length to responses that lack them.

No body is read, except text and bytes. Of the request only the path is used.
"""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ..wsgi.body import AppIter, is_empty
from ..http.grammar import TOKEN
from ..http.fields import check_field
from ..http.media_types import guess_type, is_active
from ..option_error import OptionError, wrong_value
from ..request import Handler, Request, Response
from ..responses import find_header, get_charset, header
from ._one_pass import join

OCTETS = "application/octet-stream"
# RFC 9110 section 8.6: a 204 has no Content-Length. In a 304 it would be the length of the body
# that is not sent.
_WITHOUT_LENGTH = frozenset((204, 304))
_TEXT = re.compile(r"[ \t]*(?:text/|application/xml)", re.ASCII | re.IGNORECASE)

# RFC 9110 section 8.3.1: media-type = type "/" subtype parameters. The parameters are not checked.
_MEDIA_TYPE = re.compile(rf"{TOKEN.pattern[:-2]}/{TOKEN.pattern[:-2]}[ \t]*(?:;[\t -~]*)?\Z")


def _file_name(body: Any) -> str:
    name: Any = os.fspath(body) if isinstance(body, os.PathLike) else getattr(body, "name", None)
    is_name = isinstance(name, (str, bytes))  # a temporary file's is a number
    return os.fsdecode(name) if is_name else ""


def _type_of(response: Response, uri: str, mime_types: Mapping[str, str]) -> str:
    def find(name: str) -> str | None:
        return mime_types.get(name.rpartition(".")[2].lower()) or guess_type(name)

    found = find(uri)
    # The client chooses the path, so it must not turn a handler's text into a page that runs.
    if found is None or is_active(found):
        found = find(_file_name(response.get("body")))
    return found or OCTETS


def content_type_response(
    response: Response, request: Request, mime_types: Mapping[str, str] = {}
) -> Response:
    """See wrap_content_type."""
    if find_header(response, "Content-Type") or is_empty(response.get("body")):
        return response
    if response["status"] in _WITHOUT_LENGTH:
        return response
    return header(response, "Content-Type", _type_of(response, request["uri"], mime_types))


def _check_type(extension: Any, media_type: Any) -> None:
    option = ("mime_types", extension)
    if not isinstance(extension, str) or extension != extension.lower().lstrip("."):
        raise OptionError(option, "expected an extension in lower case, without a dot, as the key")
    if not isinstance(media_type, str) or not _MEDIA_TYPE.match(media_type):
        raise wrong_value(option, 'a "type/subtype"', media_type)


def wrap_content_type(handler: Handler, *, mime_types: Mapping[str, str] = {}) -> Handler:
    """Add the Content-Type to responses whose handler set none.

    mime_types: {}; a dict of extensions, without a dot and in lower case, to types. It comes before
        the known types.

    Reads the extension in `request["uri"]`, then in the name of a body that is a path or a file.
    An extension in the uri whose type a browser would run (HTML, XML, SVG, PDF, JavaScript) does
    not count: only a file's name or the handler says that. The type of an unknown extension is
    "application/octet-stream". A response without a body gets no type. Raises OptionError for other
    mime_types.
    Source: ring.middleware.content-type/wrap-content-type, RFC 9110 section 8.3.

    >>> handler = wrap_content_type(lambda request: {"status": 200, "headers": {}, "body": "a{}"})
    >>> handler({"uri": "/style.css"})["headers"]
    {'Content-Type': 'text/css'}
    """
    if not isinstance(mime_types, Mapping):
        raise wrong_value("mime_types", 'a dict {"ext": "type/subtype"}', mime_types)
    types = dict(mime_types)
    for extension, media_type in types.items():
        _check_type(extension, media_type)

    def content_type(response: Response, request: Request) -> Response:
        return content_type_response(response, request, types)

    return join(handler, content_type)


_LONGEST = 128  # characters of a Content-Type that is kept; a handler may repeat a client's


@lru_cache(maxsize=256)
def _add_charset(content_type: str, charset: str) -> str:
    check_field("Content-Type", content_type)
    if not _TEXT.match(content_type) or "charset=" in content_type.lower():
        return content_type
    return f"{content_type}; charset={charset}"


def default_charset_response(response: Response, charset: str) -> Response:
    """See wrap_default_charset."""
    found = find_header(response, "Content-Type")
    if found is None or not isinstance(found[1], str):
        return response
    name, value = found
    add = _add_charset if len(value) <= _LONGEST else _add_charset.__wrapped__
    full = add(value, charset)
    if full == value:
        return response
    return {**response, "headers": {**response["headers"], name: full}}


def wrap_default_charset(handler: Handler, *, charset: str = "utf-8") -> Handler:
    """Add the charset to a Content-Type of text that has none.

    charset: "utf-8". The types are text/... and application/xml...; a str body is sent in it.

    Changes Content-Type. Raises OptionError for an unknown charset, and ValueError for a control
    character in the handler's Content-Type.
    Source: ring.middleware.default-charset/wrap-default-charset, RFC 9110 section 8.3.2.

    >>> handler = lambda request: {"status": 200, "headers": {"Content-Type": "text/html"}}
    >>> wrap_default_charset(handler)({})["headers"]
    {'Content-Type': 'text/html; charset=utf-8'}
    """
    if not _is_charset(charset):
        raise wrong_value("charset", "one that is known", charset)

    def default_charset(response: Response, request: Request) -> Response:
        return default_charset_response(response, charset)

    return join(handler, default_charset)


def _is_charset(charset: Any) -> bool:
    # RFC 9110 section 8.3.2: a charset is a token; Python also knows "utf-8\r\n".
    if not isinstance(charset, str) or not TOKEN.match(charset):
        return False
    try:
        "".encode(charset)  # raises LookupError for a codec that is no charset, such as "base64"
        codecs.lookup(charset)
    except LookupError:
        return False
    return True


def _length(response: Response) -> int | None:
    body: Any = response.get("body")
    match body:
        case None:
            return 0
        case bytes() | bytearray():
            return len(body)
        case memoryview():
            return body.nbytes
        case str() if charset := get_charset(response):
            return len(body.encode(charset, "replace"))
        case os.PathLike():
            return os.stat(body).st_size
    return None


def content_length_response(response: Response) -> Response:
    """See wrap_content_length."""
    if isinstance(response.get("body"), AppIter):  # a WSGI app sets its own Content-Length
        return response
    if find_header(response, "Content-Length") or response["status"] in _WITHOUT_LENGTH:
        return response
    length = _length(response)
    return response if length is None else header(response, "Content-Length", length)


def wrap_content_length(handler: Handler) -> Handler:
    """Add the Content-Length if it is known without reading the body.

    The length is known of None, bytes, a path, and a str whose Content-Type has a charset; not of
    iterables and files. A 204 and a 304 get no length. Raises LookupError for an unknown charset
    in the handler's Content-Type.
    Source: ring.middleware.content-length/wrap-content-length, RFC 9110 section 8.6.

    >>> handler = wrap_content_length(lambda request: {"status": 200, "headers": {}, "body": b"hi"})
    >>> handler({})["headers"]
    {'Content-Length': '2'}
    """

    def content_length(response: Response, request: Request) -> Response:
        return content_length_response(response)

    return join(handler, content_length)
