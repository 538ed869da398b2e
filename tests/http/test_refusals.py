"""A refusal in the form that its client reads."""

from __future__ import annotations

import json
from typing import Any

import pytest
from werkzeug.exceptions import Forbidden
from werkzeug.test import Client

from ringsession import Request, deep_merge, site_defaults, to_wsgi, wrap_defaults
from ringsession.http.refusals import refuse
from ringsession.stores import StoreUnavailable

CHROMIUM = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
FORMS = [
    (None, "text/plain"),
    ("", "text/plain"),
    ("*/*", "text/plain"),
    ("text/*", "text/plain"),
    ("image/avif,image/webp,*/*;q=0.8", "text/plain"),
    ("text/css", "text/plain"),
    ("\x00,;;q=x", "text/plain"),
    ("text/html\r\nX: y", "text/plain"),
    (CHROMIUM, "text/html"),
    ("text/html;q=0.5, text/plain", "text/html"),
    ("application/json", "application/problem+json"),
    ("application/problem+json", "application/problem+json"),
    ("application/json, text/plain, */*", "application/problem+json"),
    ("text/html;q=0.5, application/json", "application/problem+json"),
    ("text/html, application/json;q=0.5", "text/html"),
    ("application/json;q=0, text/html", "text/html"),
    ("application/json;q=0", "text/plain"),
    ("Text/HTML", "text/html"),  # RFC 9110 section 8.3.1: the case does not matter
    ("text/html," + "a/b," * 250, "text/html"),
    ("text/html," + "a/b," * 260, "text/plain"),  # too long to be read
]


@pytest.mark.parametrize(("accept", "kind"), FORMS)
def test_accept_chooses_the_form(accept: str | None, kind: str) -> None:
    headers = {} if accept is None else {"accept": accept}
    response = refuse(Forbidden("<no>"), Request({"headers": headers}))
    suffix = "" if kind == "application/problem+json" else "; charset=utf-8"
    assert (response["status"], response["headers"]) == (
        403,
        {"Content-Type": f"{kind}{suffix}", "Vary": "Accept"},
    )


def test_each_form_says_the_same() -> None:
    def body(accept: str) -> str:
        found: str = refuse(Forbidden("<no>"), Request({"headers": {"accept": accept}}))["body"]
        return found

    assert body("*/*") == "403 Forbidden: <no>"
    assert json.loads(body("application/json")) == {
        "title": "Forbidden",
        "status": 403,
        "detail": "<no>",
    }
    assert "<h1>403 Forbidden</h1>\n<p>&lt;no&gt;</p>" in body("text/html")


class Down:
    """A store that no real server can be at the right moment: it fails at each call."""

    def read_session(self, key: str) -> Any:
        raise StoreUnavailable("down")

    write_session = delete_session = read_session


def read_form(request: Any) -> dict[str, Any]:
    return {"status": 200, "headers": {}, "body": str(request["params"])}


def read_session(request: Any) -> dict[str, Any]:
    request["session"]["n"] = 1
    return {"status": 200, "headers": {}, "body": "ok"}


OPEN = {"security": {"anti_forgery": False}}
MULTIPART = {"content_type": "multipart/form-data; boundary=x"}
REFUSALS: list[tuple[int, Any, dict[str, Any], dict[str, Any]]] = [
    (400, read_form, OPEN, {"method": "POST", "data": b"--x", **MULTIPART}),
    (400, read_form, {"security": {"hosts": ["example.org"]}}, {}),
    (400, read_form, {"security": {"ssl_redirect": {"host": ["example.org"]}}}, {}),
    (403, read_form, {"security": {"ssl_redirect": {"refuse": True}}}, {}),
    (403, read_form, {}, {"method": "POST"}),
    (403, read_form, {}, {"method": "POST", "headers": {"Sec-Fetch-Site": "cross-site"}}),
    (413, read_form, OPEN, {"query_string": "a&" * 1001}),
    (
        415,
        read_form,
        OPEN,
        {
            "method": "POST",
            "data": b"a",
            "content_type": "application/x-www-form-urlencoded; charset=utf-7",
        },
    ),
    (503, read_session, {"session": {"store": Down()}}, {}),
]


@pytest.mark.parametrize(("status", "handler", "config", "request_"), REFUSALS)
def test_every_refusal_is_a_page_for_a_browser_and_a_problem_for_an_api(
    status: int, handler: Any, config: dict[str, Any], request_: dict[str, Any]
) -> None:
    client = Client(wrap_defaults(to_wsgi(handler), deep_merge(site_defaults, config)))

    def ask(accept: str) -> Any:
        headers = {**request_.get("headers", {}), "Accept": accept}
        return client.open("/", **{**request_, "headers": headers})

    page, problem = ask(CHROMIUM), ask("application/json")
    assert (page.status_code, page.mimetype) == (status, "text/html")
    assert page.text.startswith("<!doctype html>")
    assert f"<h1>{status} " in page.text
    assert (problem.status_code, problem.mimetype) == (status, "application/problem+json")
    assert (problem.json["status"], bool(problem.json["detail"])) == (status, True)
    assert "Accept" in problem.vary and "Accept" in page.vary
