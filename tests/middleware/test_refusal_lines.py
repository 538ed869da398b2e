"""What the log says of a refused request: who sent it, and what to configure behind a proxy."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import Client

from ringsession import anti_forgery_field, deep_merge, response, site_defaults, to_wsgi
from ringsession import wrap_defaults
from ringsession.http.refusal_log import RefusalLog
from ringsession.middleware import anti_forgery, hosts


def site(**security: Any) -> Client:
    config = deep_merge(site_defaults, {"security": security})
    app = to_wsgi(lambda request: response(anti_forgery_field(request)))
    return Client(wrap_defaults(app, config))


def test_a_refused_form_behind_a_proxy_says_what_to_configure(caplog: Any) -> None:
    # nginx sends the name of its upstream as Host unless it is told otherwise.
    headers = {"Origin": "https://shop.example", "Host": "127.0.0.1:8000"}
    answer = site().post(
        "/cart?token=s3cret", headers=headers, environ_base={"REMOTE_ADDR": "203.0.113.9"}
    )
    (record,) = caplog.records
    assert (answer.status_code, record.levelname, record.name) == (
        *(403, "WARNING"),
        "ringsession.audit",
    )
    assert record.getMessage() == (
        "Refused a request, since another site made the browser send it. method=POST path=/cart"
        " address=203.0.113.9 origin='https://shop.example' host='127.0.0.1:8000'"
        " expected='http://127.0.0.1:8000'. If this Origin is your own site behind a proxy, let the"
        " proxy pass on the Host header with its port (nginx: proxy_set_header Host $http_host) and"
        ' X-Forwarded-Proto, and set ["proxy"] to {"hops": 1}. To let another site send such'
        ' requests, list its origin in ["security"]["anti_forgery"]["trusted_origins"].'
    )


def test_a_missing_token_gets_no_advice_on_proxies(caplog: Any) -> None:
    client = site()
    client.get("/")
    client.post("/cart", environ_base={"REMOTE_ADDR": "203.0.113.9"})
    (line,) = caplog.messages
    assert line == (
        "Refused a request, since it brought no token. method=POST path=/cart"
        " address=203.0.113.9 origin=none host='localhost'"
    )


HOSTILE = "https://a' host='b\x1b[2J\u00fc" + "x" * 5000


@pytest.mark.parametrize(
    "send",
    [
        lambda: site().post("/", headers={"Origin": HOSTILE}),
        lambda: site(hosts=["shop.example"]).get("/", headers={"Host": HOSTILE, "Origin": HOSTILE}),
        lambda: site().post("/" + "y" * 5000 + "%0d%0aERROR", headers={"Origin": "https://a.b"}),
        lambda: site().open("/", method="POST\r\nERROR", headers={"Origin": "https://a.b"}),
    ],
)
def test_what_the_client_wrote_is_escaped_and_cut(send: Any, caplog: Any) -> None:
    assert send().status_code in (400, 403)
    (line,) = caplog.messages
    assert line.isascii() and line.isprintable() and len(line) < 1500
    assert "a' host='b" not in line


def test_a_flood_of_refusals_is_ten_lines_and_a_count(
    caplog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    for module, event in ((anti_forgery, "csrf_refused"), (hosts, "host_refused")):
        log = RefusalLog(event, clock=lambda: clock[0])
        monkeypatch.setattr(module, "_refusals", log)
    for client, path in ((site(), "/cart"), (site(hosts=["shop.example"]), "/")):
        caplog.clear()
        for _ in range(100):
            client.post(path, headers={"Origin": "https://a.b"})
        assert len(caplog.records) == 10
        clock[0] += 1
        client.post(path, headers={"Origin": "https://a.b"})
        assert caplog.messages[10].endswith(" Left out before it: 90 such lines.")


def test_a_refused_host_says_who_asked_and_what_to_configure(caplog: Any) -> None:
    answer = site(hosts=["shop.example"]).get("/a", headers={"Host": "127.0.0.1:8000"})
    (record,) = caplog.records
    assert (answer.status_code, record.levelname, record.name) == (
        *(400, "WARNING"),
        "ringsession.audit",
    )
    assert record.getMessage() == (
        'Refused a request to a host that ["security"]["hosts"] does not list. method=GET path=/a'
        " address=? origin=none host='127.0.0.1:8000'. List the hosts of your app in"
        ' ["security"]["hosts"]. Behind a proxy, let it pass on the Host header (nginx:'
        " proxy_set_header Host $http_host)."
    )


@pytest.mark.parametrize("headers", [{}, {"origin": "https://a.b"}])
def test_a_request_without_a_server_is_refused_as_any_other(headers: Any, caplog: Any) -> None:
    handler = anti_forgery.wrap_anti_forgery(lambda request: {"status": 200})
    request: Any = {
        "request_method": "post",
        "headers": {"sec-fetch-site": "cross-site", **headers},
    }
    assert handler(request)["status"] == 403
    assert "method=POST path=? address=?" in caplog.text
