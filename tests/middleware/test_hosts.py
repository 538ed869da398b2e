"""`["security"]["hosts"]`: only the app's own names in Host, and probes on some paths."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from flask import Flask, request, url_for
from werkzeug.test import Client

from ringsession import (
    ConfigError,
    assoc_in,
    deep_merge,
    redirect,
    secure_site_defaults,
    site_defaults,
    to_wsgi,
    wrap_defaults,
    wrap_hosts,
    wrap_ssl_redirect,
)

NAMES = ["example.org", ".example.net", "[::1]", "192.0.2.7"]


def ask(host: str | None, method: str = "get", uri: str = "/", **options: Any) -> Any:
    """Return the Host that the handler saw, or the status of the refusal."""
    handler = wrap_hosts(
        lambda request: {"status": 200, "body": request["headers"].get("host")},
        **{"names": NAMES, **options},
    )
    headers = {} if host is None else {"host": host}
    request = {"request_method": method, "uri": uri, "server_name": "example.org"}
    found = handler(request | {"headers": headers})  # type: ignore[arg-type]
    return found["body"] if found["status"] == 200 else found["status"]


@pytest.mark.parametrize(
    "host",
    ["example.org", "EXAMPLE.org", "example.org:8000", "example.org:", "example.net",
     "a.example.net", "a.b.example.net:443", "[::1]", "[::1]:8000", "192.0.2.7:80", None],
    ids=repr,
)  # fmt: skip
def test_a_listed_host_passes_with_any_port(host: str | None) -> None:
    assert ask(host) == host


@pytest.mark.parametrize(
    "host",
    ["evil.example", "a.example.org", "badexample.net", "evilexample.org", "example.org.",
     ".example.net", "..example.net", "example.org.evil.example", "example.org@evil.example",
     "example.org, evil.example", "example.org/x", "evil.example#example.org", "192.0.2.8",
     "[::2]", "example.org:x", "example.org:99999", "ü.example.net", "example.org\x00", " "],
    ids=repr,
)  # fmt: skip
def test_any_other_host_is_a_400(host: str) -> None:
    assert ask(host) == 400


def test_without_a_host_the_name_of_the_server_counts() -> None:
    assert ask(None, names=["example.org"]) is None
    assert ask(None, names=["example.net"]) == 400


PROBES = [
    ("get", "/healthz", "example.org"),
    ("head", "/healthz", "example.org"),
    ("get", "/health%7A", "example.org"),
    ("get", "/up%20/a", "example.org"),
    ("get", "/%C3%BC", "example.org"),
    ("post", "/healthz", 400),
    ("options", "/healthz", 400),
    ("get", "/healthz/", 400),
    ("get", "//healthz", 400),
    ("get", "/healthz/../admin", 400),
    ("get", "/healthz%00", 400),
    ("get", "/HEALTHZ", 400),
    ("get", "/healthz;x", 400),
    ("get", "/%FC", 400),
    ("get", "", 400),
    ("get", "http://example.org/healthz", 400),
]


@pytest.mark.parametrize(("method", "uri", "expected"), PROBES)
def test_a_probe_passes_on_exactly_its_path_and_never_shows_its_host(
    method: str, uri: str, expected: Any
) -> None:
    paths = ["/healthz", "/up /a", "/ü"]
    assert ask("10.0.0.8:8000", method, uri, except_paths=paths) == expected
    assert ask("not a host", method, uri, except_paths=paths) == expected


def test_a_listed_host_is_left_alone_on_the_path_of_a_probe() -> None:
    assert ask("a.example.net:1", uri="/healthz", except_paths=["/healthz"]) == "a.example.net:1"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"names": []}, "names: expected a list of names, got []"),
        ({"names": "example.org"}, "names: expected a list of names, got 'example.org'"),
        ({"names": ["*"]}, "names[0]: expected a name in lower case, without a port, such as"),
        ({"names": ["a", "b:80"]}, "names[1]: expected a name in lower case, without a port"),
        ({"names": ["Example.org"]}, "names[0]: expected"),
        ({"names": ["..example.org"]}, "names[0]: expected"),
        ({"names": ["."]}, "names[0]: expected"),
        ({"names": ["https://a"]}, "names[0]: expected"),
        ({"names": [None]}, "names[0]: expected"),
        ({"except_paths": "/healthz"}, "except_paths: expected a list of paths such as"),
        ({"except_paths": ["healthz"]}, 'except_paths[0]: expected a decoded path such as "/hea'),
        ({"except_paths": ["/a", "/b?c"]}, "except_paths[1]: expected a decoded path"),
        ({"except_paths": ["/%7E"]}, "except_paths[0]: expected a decoded path"),
        ({"except_paths": [b"/"]}, "except_paths[0]: expected a decoded path"),
    ],
    ids=str,
)
def test_a_name_or_path_that_no_request_can_have_is_refused(
    options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValueError) as caught:
        wrap_hosts(lambda request: {}, **{"names": NAMES, **options})
    assert str(caught.value).startswith(problem)


def test_the_config_takes_a_list_or_a_dict_and_names_the_place_of_a_mistake() -> None:
    app = to_wsgi(lambda request: {"status": 204})
    for value in (["example.org"], {"names": ["example.org"]}):
        client = Client(wrap_defaults(app, assoc_in(site_defaults, ["security", "hosts"], value)))
        assert client.get("/", base_url="http://example.org").status_code == 204
        assert client.get("/", base_url="http://evil.example").status_code == 400
    for wrong, place in (
        (["example.org", "A"], '["security"]["hosts"][1]'),
        ({"names": ["A"]}, '["security"]["hosts"]["names"][0]'),
        (True, '["security"]["hosts"]'),
        ("example.org", '["security"]["hosts"]'),
        ({"except_paths": []}, '["security"]["hosts"]["names"]'),
    ):
        with pytest.raises(ConfigError) as caught:
            wrap_defaults(app, assoc_in(site_defaults, ["security", "hosts"], wrong))
        assert str(caught.value).startswith(f"{place}: expected")


def test_a_refusal_is_logged_in_one_line_whatever_the_client_wrote(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        assert ask("evil\r\nERROR forged" + "x" * 1000, uri="/a\nb" + "y" * 1000) == 400
    (line,) = caplog.messages
    assert line.startswith('Refused a request to a host that ["security"]["hosts"] does not list.')
    assert "\n" not in line and "\r" not in line and len(line) < 800


def test_the_layer_stands_between_the_proxy_and_the_redirect_to_https() -> None:
    config = deep_merge(
        secure_site_defaults,
        {"security": {"hosts": {"names": ["example.org"], "except_paths": ["/healthz"]}}},
    )
    client = Client(wrap_defaults(to_wsgi(lambda request: {"status": 204}), config))
    refused = client.get("/", base_url="http://evil.example")
    assert (refused.status_code, "Location" in refused.headers) == (400, False)
    moved = client.get("/healthz", base_url="http://10.0.0.8")
    assert (moved.status_code, moved.headers["Location"]) == (301, "https://example.org/healthz")


def probe(security: dict[str, Any], uri: str, host: str, scheme: str = "http") -> Any:
    """Ask an app that redirects to a relative URL, with absolute redirects on."""
    config = deep_merge(
        site_defaults, {"security": security, "responses": {"absolute_redirects": True}}
    )
    app = wrap_defaults(to_wsgi(lambda request: redirect("/next")), config)
    found = Client(app).get(uri, base_url=f"{scheme}://{host}")
    return found.status_code, found.headers.get("Location")


def test_no_url_is_built_from_the_host_of_a_probe() -> None:
    paths = {"except_paths": ["/healthz"]}
    hosts = {"hosts": {"names": [".example.org"], **paths}}
    assert probe(hosts, "/healthz", "evil.example") == (302, "http://example.org/next")
    assert probe({"ssl_redirect": paths}, "/healthz", "evil.example") == (
        302,
        "http://localhost/next",
    )
    for host in ("example.org", ["example.org", "example.com"]):
        security = {"ssl_redirect": {"host": host, **paths}}
        assert probe(security, "/healthz", "evil.example") == (302, "http://example.org/next")
    assert probe(security, "/healthz", "example.com") == (302, "http://example.com/next")
    assert probe(security, "/other", "example.com") == (301, "https://example.com/other")
    assert probe(security, "/other", "evil.example") == (400, None)


def test_a_flask_view_builds_no_link_from_the_host_of_a_probe() -> None:
    flask = Flask("shop")
    flask.add_url_rule("/healthz", "healthz", lambda: url_for("healthz", _external=True))
    security = {"hosts": {"names": ["example.org"], "except_paths": ["/shop/healthz"]}}
    app = wrap_defaults(flask.wsgi_app, deep_merge(site_defaults, {"security": security}))
    client = Client(app)
    seen = client.get("/healthz", base_url="http://evil.example/shop")  # under SCRIPT_NAME
    assert seen.text == "http://example.org/shop/healthz"


@pytest.mark.parametrize("security", [
    {"hosts": {"names": ["example.org"], "except_paths": ["/healthz"]}},
    {"ssl_redirect": {"host": "example.org", "except_paths": ["/healthz"]}},
])  # fmt: skip
def test_the_name_of_a_server_that_copies_it_from_host_is_replaced_too(security: Any) -> None:
    flask = Flask("shop")  # gunicorn on a Unix socket copies it
    flask.add_url_rule("/healthz", "healthz", lambda: request.environ["SERVER_NAME"])
    app = wrap_defaults(flask.wsgi_app, deep_merge(site_defaults, {"security": security}))
    assert Client(app).get("/healthz", base_url="http://evil.example").text == "example.org"


@pytest.mark.parametrize("refuse", [False, True])
@pytest.mark.parametrize(("method", "uri", "expected"), PROBES)
def test_the_redirect_to_https_lets_a_probe_through_in_the_same_way(
    method: str, uri: str, expected: Any, refuse: bool
) -> None:
    handler = wrap_ssl_redirect(
        lambda request: {"status": 200, "body": request["headers"]["host"]},
        host=["example.org"],
        except_paths=["/healthz", "/up /a", "/ü"],
        refuse=refuse,
    )
    request = {"request_method": method, "uri": uri, "scheme": "http"}
    found = handler(request | {"headers": {"host": "10.0.0.8"}})  # type: ignore[arg-type]
    if expected == 400:
        assert found["status"] == (403 if refuse else 400)
    else:
        assert found == {"status": 200, "body": expected}
