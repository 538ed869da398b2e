"""Layers that run in one pass do what they do one by one."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from itertools import permutations
from typing import Any

import pytest

from ringsession import (
    Handler,
    Request,
    Response,
    wrap_absolute_redirects,
    wrap_content_length,
    wrap_content_security_policy,
    wrap_content_type,
    wrap_content_type_options,
    wrap_cookies,
    wrap_default_charset,
    wrap_frame_options,
    wrap_hsts,
    wrap_multipart_params,
    wrap_nested_params,
    wrap_not_modified,
    wrap_params,
)
from ringsession.http.fields import USUAL_NAMES, is_safe_field
from ringsession.middleware._one_pass import AddHeaders, join

Layer = Callable[[Handler], Handler]

LAYERS: dict[str, Layer] = {
    "absolute_redirects": wrap_absolute_redirects,
    "content_length": wrap_content_length,
    "content_security_policy": partial(wrap_content_security_policy, policy="default-src 'self'"),
    "content_type": wrap_content_type,
    "content_type_options": wrap_content_type_options,
    "cookies": wrap_cookies,
    "default_charset": wrap_default_charset,
    "frame_options": wrap_frame_options,
    "hsts": wrap_hsts,
    "multipart_params": wrap_multipart_params,
    "nested_params": wrap_nested_params,
    "not_modified": wrap_not_modified,
    "params": wrap_params,
}


def page(request: Request) -> Response:
    read = [request.get(key) for key in ("cookies", "params", "form_params", "multipart_params")]
    return {"status": 200, "headers": {"ETag": '"a"', "x-frame-options": "DENY"}, "body": f"{read}"}


def moved(request: Request) -> Response:
    headers = {"Location": "next", "X-Own": "1", "Content-Type": "text/html"}
    return {"status": 302, "headers": headers, "body": "", "cookies": {"seen": 1}}


def unreadable(request: Request) -> Response:
    return page(request | {"query_string": "&".join(["a"] * 1001)}) | {"body": request["params"]}


def alone(layer: Layer, handler: Handler) -> Handler:
    """Put a layer around a handler which it cannot recognise as a layer."""
    return layer(lambda request: handler(request))


FORM = b'--x\r\nContent-Disposition: form-data; name="p[q]"\r\n\r\n3\r\n--x--'


def answer(handler: Handler, **more: Any) -> Any:
    headers = {"host": "example.org", "cookie": "a=1; b=2", "if-none-match": '"a"'}
    headers["content-type"] = "multipart/form-data; boundary=x"
    request = {"request_method": "get", "scheme": "https", "uri": "/x/a.css", "headers": headers}
    more = {"query_string": "a[b]=1&a[c]=2", **more}
    try:
        response = handler(Request({**request, "body": io.BytesIO(FORM), **more}))
    except Exception as error:
        return repr(error)
    return [*response.items(), *(response.get("headers") or {}).items()]


@pytest.mark.parametrize("handler", [page, moved, unreadable])
def test_three_layers_in_any_order_do_the_same_in_one_pass(handler: Handler) -> None:
    for outer, middle, inner in permutations(LAYERS, 3):
        joined = LAYERS[outer](LAYERS[middle](LAYERS[inner](handler)))
        apart = alone(LAYERS[outer], alone(LAYERS[middle], alone(LAYERS[inner], handler)))
        for more in ({}, {"cookies": {}, "params": {"p[q]": "3"}, "multipart_params": {}}):
            assert answer(joined, **more) == answer(apart, **more), (outer, middle, inner)


def test_headers_that_never_change_are_added_in_one_step() -> None:
    handler = wrap_content_type_options(wrap_frame_options(wrap_content_length(page)))
    length, headers = handler.__self__.changes  # type: ignore[attr-defined]
    assert headers.fields == {
        "X-Frame-Options": "SAMEORIGIN",
        "X-Content-Type-Options": "nosniff",
    }


@pytest.mark.parametrize("name", ["X-Frame-Options", "x-frame-options"])
def test_a_header_that_the_response_has_stays_in_either_spelling(name: str) -> None:
    handler = join(lambda request: {"headers": {name: "DENY"}}, AddHeaders({"Vary": "a"}))
    joined = join(handler, AddHeaders({"X-Frame-Options": "SAMEORIGIN"}))
    assert joined(Request())["headers"] == {name: "DENY", "Vary": "a"}


def test_the_inner_of_two_layers_with_one_header_wins() -> None:
    inner = join(lambda request: {"status": 200}, AddHeaders({"Vary": "a"}))
    assert join(inner, AddHeaders({"Vary": "b"}))(Request())["headers"] == {"Vary": "a"}


def test_a_usual_name_is_a_token_and_has_one_spelling() -> None:
    assert all(is_safe_field(name, "") for name in USUAL_NAMES)
    assert len({name.lower() for name in USUAL_NAMES}) == len(USUAL_NAMES)
