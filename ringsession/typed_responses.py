"""Make a whole response of a page, a text or a value, and answer a form.

`responses.py` has the functions of ring.util.response.
"""

from __future__ import annotations

from json import JSONEncoder
from typing import Any

from .request import Response
from .responses import redirect

# RFC 8259 section 6 permits no NaN and no Infinity. ASCII is the same text in every charset, and
# can hold a lone surrogate.
_encoder = JSONEncoder(allow_nan=False, ensure_ascii=True)


def _typed(content_type: str, body: Any) -> Response:
    return {"status": 200, "headers": {"Content-Type": content_type}, "body": body}


def text(body: Any) -> Response:
    """Return a 200 response with plain text in UTF-8.

    body: a str, or any body that a response may have.

    >>> text("hello")["headers"]
    {'Content-Type': 'text/plain; charset=utf-8'}
    """
    return _typed("text/plain; charset=utf-8", body)


def html(body: Any) -> Response:
    """Return a 200 response with an HTML page in UTF-8.

    body: a str, Markup, an object with `__html__`, or any body that a response may have. It is sent
        as it is: escape what a client sent.

    >>> html("<p>hello")["headers"]
    {'Content-Type': 'text/html; charset=utf-8'}
    """
    if hasattr(body, "__html__"):
        body = str(body.__html__())
    return _typed("text/html; charset=utf-8", body)


def json(value: Any) -> Response:
    """Return a 200 response with a value as JSON, in ASCII.

    value: None, bool, int, float, str, a list, tuple or dict of these.
    Raises TypeError for any other value, and ValueError for NaN, Infinity and a value that contains
    itself. Convert a session first: `json(dict(request["session"]))`.
    Source: RFC 8259.

    >>> json({"user": "ann"})
    {'status': 200, 'headers': {'Content-Type': 'application/json'}, 'body': '{"user": "ann"}'}
    """
    try:
        body = _encoder.encode(value)
    except (TypeError, ValueError) as error:
        raise type(error)(f"json: {error}") from None
    return _typed("application/json", body)


def see_other(url: str) -> Response:
    """Return a 303 redirect: the answer to a form, after which the browser gets another page.

    Raises ValueError for a control character in the URL.
    Source: RFC 9110 section 15.4.4.

    >>> see_other("/")
    {'status': 303, 'headers': {'Location': '/'}, 'body': ''}
    """
    return redirect(url, 303)
