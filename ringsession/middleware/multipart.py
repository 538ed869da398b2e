"""Add `multipart_params` to requests: the parameters of a form with files.

The body is read only when a handler or a layer uses the form. `_multipart_parts.py` finds the
parts.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from shutil import copyfileobj
from tempfile import SpooledTemporaryFile
from typing import Any

from werkzeug.sansio.multipart import Field

from ..wsgi.form_input import MULTIPART_TYPE, FormInput, form_limits, form_type
from ..wsgi.temporary import IN_MEMORY, NOT_KEPT, check_folder, close_quietly, no_file
from ..http.log_text import show_request
from ..http.refusals import BadParams, NoTemporaryFile, ParamsTooLarge
from ..option_error import OptionError, wrong_value
from ..request import Handler, Request
from ._multipart_parts import LONGEST_BOUNDARY, MAX_SIZE, Limits, Store, read_parts
from ._one_pass import Keys, join
from .params import append_value, check_encoding, find_charset

log = logging.getLogger("ringsession")

_NO_FOLDER = "cannot make a temporary file, which an upload needs"
_ADVICE = (
    "Set TMPDIR to a folder that the app may write to, or turn uploads off with"
    ' ["params"]["multipart"]: False'
)


class Upload(dict[str, Any]):
    """A file of a form, as a dict. A field named like `file[size]` cannot write into it."""


def temp_file_store(item: Mapping[str, Any]) -> Upload:
    """Keep an uploaded file in a temporary file, which is deleted when the request has ended.

    item: {"filename", "content_type", "stream"}. Over 512 KiB the temporary file is on the disk.
    Raises NoTemporaryFile, for which the client gets a 507, if the file cannot be written.
    Source: ring.middleware.multipart-params.temp-file/temp-file-store.

    >>> import io
    >>> item = {"filename": "a.txt", "content_type": None, "stream": io.BytesIO(b"hello")}
    >>> upload = temp_file_store(item)
    >>> with upload["tempfile"] as file:
    ...     upload["size"], file.read()
    (5, b'hello')
    """
    file: Any = SpooledTemporaryFile(max_size=IN_MEMORY)
    try:
        copyfileobj(item["stream"], file)
        size = file.tell()
        file.seek(0)  # writes what is buffered
    except OSError as error:
        close_quietly(file)
        raise no_file(error) from None
    except BaseException:
        close_quietly(file)
        raise
    named = {"filename": item["filename"], "content_type": item["content_type"]}
    return Upload(named, tempfile=file, size=size)


def bytes_store(item: Mapping[str, Any]) -> Upload:
    """Keep an uploaded file as bytes.

    Source: ring.middleware.multipart-params.byte-array/byte-array-store.

    >>> import io
    >>> bytes_store({"filename": "a.txt", "content_type": None, "stream": io.BytesIO(b"hello")})
    {'filename': 'a.txt', 'content_type': None, 'bytes': b'hello'}
    """
    named = {"filename": item["filename"], "content_type": item["content_type"]}
    return Upload(named, bytes=item["stream"].read())


def _charset(part: Field, found: Mapping[str, Any], said: str | None) -> str:
    content_type = part.headers.get("content-type", "")
    name = found.get("_charset_") or form_type(content_type)[1].get("charset") or said
    return find_charset(name or "utf-8")


class _Reader:
    """The function that reads a request's form, with the options of `wrap_multipart_params`."""

    def __init__(self, store: Store, encoding: str | None, limits: Limits) -> None:
        self._store = store
        self._encoding = encoding
        self._limits = limits

    def __call__(self, request: Request) -> dict[str, Any]:
        kind, options = form_type(request.get_header("content-type") or "")
        body = request.get("body") if kind == MULTIPART_TYPE else None
        if body is None:
            return {}
        boundary = options.get("boundary", "")
        if not 0 < len(boundary) <= LONGEST_BOUNDARY or not boundary.isascii():
            raise BadParams(f"expected a boundary of 1 to {LONGEST_BOUNDARY} ASCII characters")
        limits = self._limits.within(form_limits(request))
        length = request.get_header("content-length") or ""
        if len(length) > 18 or (length.isdecimal() and int(length) > limits.max_size):
            raise ParamsTooLarge(f"expected at most {limits.max_size} bytes")
        return self._decoded(self._parts(request, body, boundary.encode(), limits), options)

    def _parts(
        self, request: Request, body: Any, boundary: bytes, limits: Limits
    ) -> list[tuple[Any, Any]]:
        form: FormInput | None = (dict.get(request, "environ") or {}).get("ringsession.form")
        if form is not None:
            form.keep(limits.max_size + 1)
        position = body.tell()
        body.seek(0)
        parts = []
        if body.read(1):  # a form may be empty
            body.seek(0)
            for part, value in self._read(request, read_parts(body, boundary, self._store, limits)):
                parts.append((part, value))
                file = value.get("tempfile") if isinstance(value, Mapping) else None
                if form is not None and file is not None:
                    form.close_later(file)
        body.seek(position)
        return parts

    def _read(
        self, request: Request, parts: Iterator[tuple[Any, Any]]
    ) -> Iterator[tuple[Any, Any]]:
        try:
            yield from parts
        except NoTemporaryFile as error:
            form: FormInput | None = (dict.get(request, "environ") or {}).get("ringsession.form")
            if form is not None:
                form.log_failure(error)
            else:  # a handler called this layer: there is no server
                log.error(NOT_KEPT, error.reason, show_request(request))
            raise

    def _decoded(self, parts: list[tuple[Any, Any]], options: Mapping[str, str]) -> dict[str, Any]:
        fields = [part for part in parts if isinstance(part[0], Field)]
        names = {part.name: octets.decode("latin-1") for part, octets in fields}
        params: dict[str, Any] = {}
        for part, value in parts:
            if part.name is None:  # RFC 7578 section 4.2: each part must have a name
                continue
            if isinstance(part, Field):
                charset = self._encoding or _charset(part, names, options.get("charset"))
                value = value.decode(charset, "replace")
            append_value(params, part.name, value)
        return params


def _over_params(request: Request, params: dict[str, Any] | None) -> dict[str, Any]:
    # As in Ring, the form's value wins if the query has the same name.
    return {**(params or {}), **request["multipart_params"]}


def wrap_multipart_params(
    handler: Handler,
    *,
    store: Store = temp_file_store,
    encoding: str | None = None,
    max_size: int = MAX_SIZE,
    max_file_size: int | None = None,
    max_file_count: int | None = None,
) -> Handler:
    """Add the parameters of a form with files.

    store: `temp_file_store`; or `bytes_store`, or a function that gets {"filename", "content_type",
        "stream"} and returns the parameter's value.
    encoding: None; the charset of the fields. With None it is the charset in the field "_charset_",
        of the part, or of the request, or else UTF-8.
    max_size: 67108864; bytes of the whole form.
    max_file_size: None; bytes of one part.
    max_file_count: None; the number of parts, of which no form may have more than 1,000.
    The text of all fields may have 1 MiB, and the headers of a part 8 KiB.

    Reads the Content-Type and, when a handler uses the form, `request["body"]`, which stands at its
    start again afterwards. Adds `multipart_params`, and merges it into `params`. A field is a str.
    A file is a dict {"filename", "content_type", "tempfile", "size"}; the client chose the
    filename, so never use it as a path. A repeated name has a list. When they are read, a form over
    a limit makes the response a 413, an unknown charset a 415, and a form with errors a 400; a full
    disk makes it a 507. Raises OptionError for wrong options, and where no temporary file can be
    made: every form over 512 KiB needs one.
    Source: ring.middleware.multipart-params/wrap-multipart-params, RFC 7578.

    >>> import io
    >>> handler = lambda request: {"status": 200, "body": request["multipart_params"]}
    >>> handler = wrap_multipart_params(handler)
    >>> part = b'--x\\r\\nContent-Disposition: form-data; name="a"\\r\\n\\r\\nb\\r\\n--x--'
    >>> headers = {"content-type": "multipart/form-data; boundary=x"}
    >>> handler({"headers": headers, "body": io.BytesIO(part)})["body"]
    {'a': 'b'}
    """
    if not callable(store):
        raise wrong_value("store", "a function such as temp_file_store", store)
    check_encoding(encoding)
    limits = Limits(max_size, max_file_size, max_file_count)
    for name, limit in limits._asdict().items():
        is_unlimited = limit is None and name != "max_size"
        if not is_unlimited and (type(limit) is not int or limit < 1):
            raise wrong_value(name, "a number over 0", limit)
    try:
        check_folder()
    except NoTemporaryFile as error:
        raise OptionError("store", f"{_NO_FOLDER}: {error.reason}. {_ADVICE}") from None
    read = _Reader(store, encoding and find_charset(encoding), limits)
    keys = Keys({"multipart_params": read}, {"params": _over_params})
    return join(handler, keys=keys, reads_forms=True)
