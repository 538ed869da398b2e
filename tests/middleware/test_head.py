"""A handler that only knows GET answers HEAD."""

from __future__ import annotations

import io
from typing import Any

from ringsession import wrap_head
from ringsession.testing import request


def answer(request: Any) -> Any:
    return {"status": 200, "headers": {"A": request["request_method"]}, "body": io.BytesIO(b"x")}


def test_a_get_passes_unchanged() -> None:
    response = wrap_head(answer)(request("GET"))  # type: ignore[arg-type]
    assert (response["headers"], response["body"].read()) == ({"A": "get"}, b"x")


def test_a_head_is_a_get_to_the_handler_and_has_no_body() -> None:
    bodies: list[Any] = []

    def keeping(request: Any) -> Any:
        response = answer(request)
        bodies.append(response["body"])
        return response

    response = wrap_head(keeping)(request("HEAD"))  # type: ignore[arg-type]
    assert response == {"status": 200, "headers": {"A": "get"}, "body": None}
    assert bodies[0].closed
