"""The keys `query_params`, `form_params` and `params`: the query string and an urlencoded form, as Ring reads them.

Owns their grammar and their limits. A body is read only when somebody asks; knows nothing of sessions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from .._form_input import MAX_FORM_BYTES, is_form
from ..form_encoding import form_decode
from ..request import Handler, Request, Response, as_request

MAX_FIELDS = 1000


class ParamsTooLarge(RequestEntityTooLarge):
    """A form or query past the limits; the client gets a 413. Flask answers with it too."""

    description = f"expected at most {MAX_FORM_BYTES} bytes and {MAX_FIELDS} fields"


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    parts = text.split("&", MAX_FIELDS)
    if len(parts) > MAX_FIELDS:
        raise ParamsTooLarge()
    for part in filter(None, parts):
        name, _, value = part.partition("=")
        decoded = form_decode(name), form_decode(value)
        if decoded[0] is not None and decoded[1] is not None:
            yield decoded[0], decoded[1]


def parse_params(text: str) -> dict[str, Any]:
    """The parameters in a query string or a form; a repeated name has a list.

    Only "&" separates; what cannot be decoded is left out. Raises ParamsTooLarge past 1,000 fields.
    Source: ring.util.codec/form-decode.

    >>> parse_params("a=1&b=x+y&a=2&c")
    {'a': ['1', '2'], 'b': 'x y', 'c': ''}
    """
    params: dict[str, Any] = {}
    for name, value in _pairs(text):
        if name not in params:
            params[name] = value
        elif isinstance(params[name], list):
            params[name].append(value)
        else:
            params[name] = [params[name], value]
    return params


def _query_params(request: Request) -> dict[str, Any]:
    return parse_params(request.get("query_string") or "")


def _form_params(request: Request) -> dict[str, Any]:
    body = request.get("body")
    if body is None or not is_form(request.get_header("content-type") or ""):
        return {}
    if not body.seekable():  # longer than what is kept for reading it again
        raise ParamsTooLarge()
    position = body.tell()
    body.seek(0)
    data = body.read(MAX_FORM_BYTES + 1)
    body.seek(position)
    if len(data) > MAX_FORM_BYTES:
        raise ParamsTooLarge()
    return parse_params(data.decode("utf-8", "replace"))


def params_request(request: Request) -> Request:
    """See wrap_params."""
    request = as_request(request)
    request.provide("query_params", _query_params)
    request.provide("form_params", _form_params)
    # As in Ring, a name that is in both has the query's value.
    request.provide("params", lambda r: {**r["form_params"], **r["query_params"]})
    return request


def _refuse(error: ClientDisconnected | RequestEntityTooLarge) -> Response:
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    return {"status": error.code, "headers": headers, "body": f"{error.name}: {error.description}"}


def wrap_params(handler: Handler) -> Handler:
    """Add the parameters of the query string and of an urlencoded form.

    Reads `request["query_string"]`, the Content-Type and, when a form is asked for, `request["body"]`, which is
    at byte 0 afterwards. Adds `query_params`, `form_params` and `params`: dicts of str, a repeated name has a list.
    A form over 1 MiB or 1,000 fields, or a query over 1,000, makes the response a 413 when it is read; a body
    that breaks off, a 400.
    Source: ring.middleware.params/wrap-params.

    >>> handler = wrap_params(lambda request: {"status": 200, "body": request["params"]["name"]})
    >>> handler({"query_string": "name=ann"})["body"]
    'ann'
    """

    def params(request: Request) -> Response:
        try:
            return handler(params_request(request))
        except (ParamsTooLarge, ClientDisconnected) as error:
            return _refuse(error)

    return params
