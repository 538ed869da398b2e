"""What a response says of its body: Content-Type, the charset in it, Content-Length.

Owns these three headers where the handler left them out. Reads no body but text and bytes, and of the request only
the path.
"""

from __future__ import annotations

import codecs
import os
import posixpath
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from mimetypes import MimeTypes
from typing import Any

from ..wsgi.body import AppIter, is_empty
from ..http.grammar import TOKEN
from ..http.fields import check_field
from ..option_error import OptionError, wrong_value
from ..request import Handler, Request, Response, as_request
from ..responses import check_response, find_header, get_charset, header

OCTETS = "application/octet-stream"
# RFC 9110 section 8.6: no Content-Length in a 204; that of a 304 would be the length of what it does not send.
_WITHOUT_LENGTH = frozenset((204, 304))
_TEXT = re.compile(r"[ \t]*(?:text/|application/xml)", re.ASCII | re.IGNORECASE)

# RFC 9110 section 8.3.1: media-type = type "/" subtype parameters; the parameters are not looked at.
_MEDIA_TYPE = re.compile(rf"{TOKEN.pattern[:-2]}/{TOKEN.pattern[:-2]}[ \t]*(?:;[\t -~]*)?\Z")

# What older Pythons lack in their table.
_NEWER_TYPES = {
    ".avif": "image/avif",
    ".gz": "application/gzip",
    ".ico": "image/x-icon",
    ".js": "text/javascript",  # RFC 9239
    ".mjs": "text/javascript",
    ".md": "text/markdown",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}


@cache  # not at import, where it would take longer than any of our modules
def _types() -> MimeTypes:
    """The standard library's own table, not the machine's, so that a file has the same type everywhere."""
    types = MimeTypes()
    for extension, media_type in _NEWER_TYPES.items():
        types.add_type(media_type, extension)
    return types


@lru_cache(maxsize=1024)
def guess_type(name: str) -> str | None:
    """The media type of a file by the extension of its name, in any case; None where it is not known.

    >>> guess_type("/a/style.CSS"), guess_type("notes.tar.gz"), guess_type("README")
    ('text/css', 'application/gzip', None)
    """
    # A name that is nothing but its extension, ".txt", counts as one, as in Ring.
    file = name.replace("\\", "/").rpartition("/")[2]
    extension = posixpath.splitext(f"_{file}")[1].lower()
    more, types = _types().types_map  # those in common use, and those of IANA
    return types.get(extension) or more.get(extension)


def _type_of(response: Response, uri: str, mime_types: Mapping[str, str]) -> str:
    body = response.get("body")
    file = os.fspath(body) if isinstance(body, os.PathLike) else getattr(body, "name", "")
    for name in (uri, str(file)):
        extension = name.rpartition(".")[2].lower()
        if found := mime_types.get(extension) or guess_type(name):
            return found
    return OCTETS


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
    """Say the type of a body whose handler did not.

    mime_types: {}; extensions without their dot and in lower case, with a type each, before those that are known.
    Reads `request["uri"]`, then the name of a body that is a path or a file; adds Content-Type, "application/octet-stream" where
    neither says more. A response without a body gets none.
    Raises OptionError for mime_types that are not such a dict.
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

    def content_type(request: Request) -> Response:
        request = as_request(request)
        return content_type_response(check_response(handler(request)), request, types)

    return content_type


@lru_cache(maxsize=256)
def _with_charset(content_type: str, charset: str) -> str:
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
    full = _with_charset(value, charset)
    if full == value:
        return response
    return {**response, "headers": {**response["headers"], name: full}}


def wrap_default_charset(handler: Handler, *, charset: str = "utf-8") -> Handler:
    """Say the charset of text whose handler did not.

    charset: "utf-8"; for text/... and application/xml.... A body of text is sent in it.
    Changes Content-Type. Raises OptionError for a charset that is not known, and ValueError for a control character
    in the handler's Content-Type.
    Source: ring.middleware.default-charset/wrap-default-charset, RFC 9110 section 8.3.2.

    >>> handler = lambda request: {"status": 200, "headers": {"Content-Type": "text/html"}}
    >>> wrap_default_charset(handler)({})["headers"]
    {'Content-Type': 'text/html; charset=utf-8'}
    """
    if not _is_charset(charset):
        raise wrong_value("charset", "one that is known", charset)

    def default_charset(request: Request) -> Response:
        return default_charset_response(check_response(handler(request)), charset)

    return default_charset


def _is_charset(charset: Any) -> bool:
    # RFC 9110 section 8.3.2: a charset is a token; Python also knows "utf-8\r\n".
    if not isinstance(charset, str) or not TOKEN.match(charset):
        return False
    try:
        "".encode(charset)  # which refuses the codecs that make no text
        codecs.lookup(charset)
    except LookupError:
        return False
    return True


def _length(response: Response) -> int | None:
    body: Any = response.get("body")
    match body:
        case None:
            return 0
        case bytes():
            return len(body)
        case str() if charset := get_charset(response):
            return len(body.encode(charset, "replace"))
        case os.PathLike():
            return os.stat(body).st_size
    return None


def content_length_response(response: Response) -> Response:
    """See wrap_content_length."""
    if isinstance(response.get("body"), AppIter):  # whose app knows better
        return response
    if find_header(response, "Content-Length") or response["status"] in _WITHOUT_LENGTH:
        return response
    length = _length(response)
    return response if length is None else header(response, "Content-Length", length)


def wrap_content_length(handler: Handler) -> Handler:
    """Say the length of a body where it is known without reading it.

    Reads the body: None, bytes, a path, text whose charset the Content-Type says; not iterables and files. Adds
    Content-Length, but to no 204 and 304. Raises LookupError for a charset in the handler's own Content-Type that is not known.
    Source: ring.middleware.content-length/wrap-content-length, RFC 9110 section 8.6.

    >>> handler = wrap_content_length(lambda request: {"status": 200, "headers": {}, "body": b"hi"})
    >>> handler({})["headers"]
    {'Content-Length': '2'}
    """

    def content_length(request: Request) -> Response:
        return content_length_response(check_response(handler(request)))

    return content_length
