"""Add `query_params`, `form_params` and `params` to requests, as Ring reads them.

The body is read only when a handler or a layer uses the form. `multipart.py` reads forms with
files.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..wsgi.form_input import FORM_TYPE, MAX_FORM_BYTES, form_limits, form_type
from ..http.refusals import ParamsTooLarge, UnknownCharset
from ..http.form_encoding import form_decode
from ..option_error import wrong_value
from ..request import Handler, Provider, Request
from ._one_pass import Keys, join

MAX_FIELDS = 1000
# Python's name of each supported charset. In all of them "&", "=" and "%" are the octets of ASCII.
_CHARSETS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "iso-8859-1": "latin-1",
    "latin-1": "latin-1",
    "latin1": "latin-1",
    "us-ascii": "ascii",
    "ascii": "ascii",
}


def find_charset(name: str) -> str:
    """Return Python's name of a supported charset. Raises UnknownCharset for any other.

    >>> find_charset("ISO-8859-1")
    'latin-1'
    """
    charset = _CHARSETS.get(name.lower())
    if charset is None:
        raise UnknownCharset()
    return charset


def append_value(params: dict[str, Any], name: str, value: Any) -> None:
    """Add a parameter. The values of a repeated name become a list.

    >>> params = {"a": "1"}
    >>> append_value(params, "a", "2")
    >>> params
    {'a': ['1', '2']}
    """
    if name not in params:
        params[name] = value
    elif isinstance(params[name], list):
        params[name].append(value)
    else:
        params[name] = [params[name], value]


def _pairs(text: str, charset: str) -> Iterator[tuple[str, str]]:
    parts = text.split("&", MAX_FIELDS)
    if len(parts) > MAX_FIELDS:
        raise ParamsTooLarge(f"expected at most {MAX_FIELDS} fields")
    for part in filter(None, parts):
        name, _, value = part.partition("=")
        decoded = form_decode(name, charset), form_decode(value, charset)
        if decoded[0] is not None and decoded[1] is not None:
            yield decoded[0], decoded[1]


def parse_params(text: str, charset: str = "utf-8") -> dict[str, Any]:
    """Return the parameters of a query string or a form. A repeated name has a list of values.

    Only "&" separates; a field that cannot be decoded is left out. Raises ParamsTooLarge for more
    than 1,000 fields.
    Source: ring.util.codec/form-decode.

    >>> parse_params("a=1&b=x+y&a=2&c")
    {'a': ['1', '2'], 'b': 'x y', 'c': ''}
    """
    params: dict[str, Any] = {}
    for name, value in _pairs(text, charset):
        append_value(params, name, value)
    return params


def _query_params(request: Request, encoding: str | None) -> dict[str, Any]:
    query = request.get("query_string")
    if not query:
        return {}
    # As in Ring, the charset of the Content-Type counts for the query too.
    charset = encoding or form_type(request.get_header("content-type") or "")[1].get("charset", "")
    return parse_params(query, _CHARSETS.get(charset.lower(), "utf-8"))


def _form_params(request: Request, encoding: str | None) -> dict[str, Any]:
    kind, options = form_type(request.get_header("content-type") or "")
    body = request.get("body") if kind == FORM_TYPE else None
    if body is None:
        return {}
    charset = find_charset(encoding or options.get("charset", "utf-8"))
    limit = form_limits(request).max_size
    most = MAX_FORM_BYTES if limit is None else int(min(MAX_FORM_BYTES, limit))
    position = body.tell()
    body.seek(0)
    data = body.read(most + 1)
    body.seek(position)
    if len(data) > most:
        raise ParamsTooLarge(f"expected at most {most} bytes")
    return parse_params(data.decode(charset, "replace"), charset)


def _params(request: Request) -> dict[str, Any]:
    # As in Ring, the query's value wins if the form has the same name.
    return {**request["form_params"], **request["query_params"]}


def wrap_params(handler: Handler, *, encoding: str | None = None) -> Handler:
    """Add the parameters of the query string and of an urlencoded form.

    encoding: None for the charset of the Content-Type, or UTF-8 if it has none. Or "utf-8",
        "iso-8859-1" or "us-ascii".

    Reads `request["query_string"]`, the Content-Type and, when a handler uses the form,
    `request["body"]`, which stands at its start again afterwards. Adds `query_params`,
    `form_params` and `params`: dicts of str, where a repeated name has a list. When they are read,
    a form over 1 MiB, or more than 1,000 fields in the form or the query, makes the response a 413;
    another charset makes it a 415, and a body that breaks off a 400. Raises OptionError for another
    encoding.
    Source: ring.middleware.params/wrap-params.

    >>> handler = wrap_params(lambda request: {"status": 200, "body": request["params"]["name"]})
    >>> handler({"query_string": "name=ann"})["body"]
    'ann'
    """
    check_encoding(encoding)
    charset = encoding and find_charset(encoding)
    providers: dict[str, Provider] = {
        "query_params": lambda request: _query_params(request, charset),
        "form_params": lambda request: _form_params(request, charset),
        "params": _params,
    }
    return join(handler, keys=Keys(providers), reads_forms=True)


def check_encoding(encoding: object) -> None:
    """Raise OptionError for an option that is neither None nor a charset of `find_charset`."""
    is_known = isinstance(encoding, str) and encoding.lower() in _CHARSETS
    if encoding is not None and not is_known:
        raise wrong_value("encoding", 'None, "utf-8", "iso-8859-1", "us-ascii"', encoding)
