"""Attacks 55 to 64: proxies, plain http, hosts and what a response says of itself."""

from __future__ import annotations

import re
from typing import Any

import pytest
from werkzeug.test import Client

from ringsession import (
    deep_merge,
    redirect,
    response,
    site_defaults,
    to_wsgi,
    wrap_absolute_redirects,
    wrap_content_security_policy,
    wrap_content_type_options,
    wrap_defaults,
    wrap_forwarded,
    wrap_frame_options,
    wrap_hsts,
    wrap_referrer_policy,
    wrap_ssl_redirect,
    wrap_xss_protection,
)


def forwarded(hops: int = 1, **headers: str) -> tuple[str, str]:
    """The address and the scheme that a handler sees."""
    seen: list[Any] = []
    handler = wrap_forwarded(
        lambda r: seen.append((r["remote_addr"], r["scheme"])) or {}, hops=hops
    )
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    handler({"remote_addr": "10.0.0.1", "scheme": "http", "headers": named})
    return seen[0]


@pytest.mark.parametrize(
    ("header", "one_hop", "two_hops"),
    [
        ("192.0.2.7", "192.0.2.7", None),
        ("6.6.6.6, 192.0.2.7", "192.0.2.7", "6.6.6.6"),
        ("6.6.6.6,192.0.2.7,192.0.2.8", "192.0.2.8", "192.0.2.7"),
        ("192.0.2.7:4711", "192.0.2.7", None),
        ("2001:DB8::1", "2001:db8::1", None),
        ("[2001:db8::1]:4711", "2001:db8::1", None),
        ("::ffff:1.2.3.4", "1.2.3.4", None),  # as a socket for both families writes it
        ("::FFFF:102:304", "1.2.3.4", None),
        ("[::ffff:1.2.3.4]", "1.2.3.4", None),
        ("[0:0:0:0:0:FFFF:1.2.3.4]:4711", "1.2.3.4", None),
        ("::ffff:1.2.3.4, 192.0.2.7", "192.0.2.7", "1.2.3.4"),
        ("::ffff:1.2.3.4%eth0", "1.2.3.4", None),
        ("::ffff:1.2.3.4:4711", None, None),
        ("::ffff:1.2.3.256", None, None),
        ("::1.2.3.4", "::102:304", None),  # the deprecated IPv4-compatible form
        ("64:ff9b::1.2.3.4", "64:ff9b::102:304", None),  # NAT64
        ("2002:102:304::1", "2002:102:304::1", None),  # 6to4
        ("FE80::1%eth0", "fe80::1", None),
        ("[fe80::1%25eth0]:4711", "fe80::1", None),
        ('fe80::1%<b>"x', "fe80::1", None),
        ("fe80::1%", None, None),
        ("1.2.3.4%eth0", None, None),
        ("unknown", None, None),
        ("_hidden, \t 192.0.2.7 ", "192.0.2.7", None),
        ("", None, None),
        ("1.2.3.4,", None, "1.2.3.4"),
        ("1.2.3", None, None),
        ("\r\n192.0.2.7", None, None),
        ("6.6.6.6, " * 1000 + "192.0.2.7", "192.0.2.7", "6.6.6.6"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_attacks_56_and_59_each_hop_adds_one_address(
    header: str, one_hop: str | None, two_hops: str | None
) -> None:
    assert forwarded(1, x_forwarded_for=header) == (one_hop or "10.0.0.1", "http")
    assert forwarded(2, x_forwarded_for=header) == (two_hops or "10.0.0.1", "http")


@pytest.mark.parametrize(
    ("header", "one_hop", "two_hops"),
    [
        ("https", "https", "https"),
        ("HTTPS ", "https", "https"),
        ("https,http", "http", "https"),
        ("http, https", "https", "http"),
        ("ftp", "http", "http"),
        ("https\x00", "http", "http"),
        ("", "http", "http"),
    ],
)
def test_attack_57_a_scheme_is_http_or_https(header: str, one_hop: str, two_hops: str) -> None:
    assert forwarded(1, x_forwarded_proto=header)[1] == one_hop
    assert forwarded(2, x_forwarded_proto=header)[1] == two_hops


def site(config: dict[str, Any], handler: Any = None) -> Client:
    def see(request: Any) -> Any:
        return response(f"{request['remote_addr']} {request['scheme']} {request['uri']}")

    return Client(wrap_defaults(to_wsgi(handler or see), deep_merge(site_defaults, config)))


FORGED = {
    "X-Forwarded-For": "6.6.6.6",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "444",
    "Forwarded": "for=6.6.6.6;host=evil.example;proto=https",
}


def test_attacks_55_and_57_nothing_is_believed_unless_a_proxy_is_configured() -> None:
    overrides = {"REMOTE_ADDR": "192.0.2.1"}
    answer = site({}).get("/", headers=FORGED, environ_overrides=overrides)
    assert answer.text == "192.0.2.1 http /"


def test_attack_58_no_host_is_taken_from_a_forwarding_header() -> None:
    config = {"proxy": True, "responses": {"absolute_redirects": True}}
    answer = site(config, lambda request: redirect("/next")).get("/", headers=FORGED)
    assert answer.headers["Location"] == "https://localhost/next"


def test_an_app_behind_sees_what_the_proxy_said() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"{environ['REMOTE_ADDR']} {environ['wsgi.url_scheme']}".encode()]

    wrapped = wrap_defaults(app, deep_merge(site_defaults, {"proxy": {"hops": 1}}))
    assert Client(wrapped).get("/", headers=FORGED).text == "6.6.6.6 https"


@pytest.mark.parametrize("hops", [0, -1, True, "1", 1.0, None])
def test_hops_are_a_number_over_0(hops: Any) -> None:
    with pytest.raises(ValueError, match="^hops: expected"):
        wrap_forwarded(lambda request: {}, hops=hops)


# -- https


def ask_plain(sent: str | None, method: str = "get", uri: str = "/a", **options: Any) -> Any:
    """What a request over plain http gets."""
    handler = wrap_ssl_redirect(lambda request: {"status": 200, "headers": {}}, **options)
    headers = {} if sent is None else {"host": sent}
    made = {"request_method": method, "scheme": "http", "uri": uri, "query_string": "q=1"}
    found = handler(made | {"headers": headers, "server_name": "served.example"})
    return found["status"], found["headers"].get("Location")


@pytest.mark.parametrize(
    ("host", "location"),
    [
        ("example.org", "https://example.org/a?q=1"),
        ("EXAMPLE.org:8080", "https://example.org/a?q=1"),
        ("[::1]:8080", "https://[::1]/a?q=1"),
        (None, "https://served.example/a?q=1"),
    ],
)
def test_plain_http_goes_to_the_same_page_over_https(host: str | None, location: str) -> None:
    assert ask_plain(host) == (301, location)


@pytest.mark.parametrize(
    "host",
    ["", "a@evil.example", "evil.example/x", "x\r\nSet-Cookie: a=b", "a b", "a:b", "a:-5",
     "ü.example", "a" * 300, "a:99999999999", "[evil", "a\x00"],
    ids=repr,
)  # fmt: skip
def test_attack_60_a_host_that_is_none_is_a_400(host: str) -> None:
    expected = (301, "https://served.example/a?q=1") if host == "" else (400, None)
    assert ask_plain(host) == expected


def test_attack_60_a_host_of_another_is_a_400_or_goes_home() -> None:
    assert ask_plain("evil.example", host=["example.org", "example.com"]) == (400, None)
    assert ask_plain("example.com", host=["example.org", "example.com"])[0] == 301
    assert ask_plain("evil.example", host="example.org") == (301, "https://example.org/a?q=1")


@pytest.mark.parametrize(
    ("uri", "location"),
    [
        ("http://evil.example/x", "https://example.org/http://evil.example/x?q=1"),
        ("//evil.example/x", "https://example.org//evil.example/x?q=1"),
        ("*", "https://example.org/*?q=1"),
        ("/\r\nX: y", "https://example.org/%0D%0AX:%20y?q=1"),
        ("", "https://example.org/?q=1"),
    ],
)
def test_attacks_60_and_62_a_path_never_becomes_a_host(uri: str, location: str) -> None:
    assert ask_plain("example.org", uri=uri) == (301, location)


@pytest.mark.parametrize("method", ["post", "put", "delete", "options"])
def test_attack_61_a_redirect_keeps_the_method_and_an_api_refuses(method: str) -> None:
    assert ask_plain("example.org", method) == (308, "https://example.org/a?q=1")
    assert ask_plain("example.org", method, refuse=True) == (403, None)


def test_another_port_of_https_stands_in_the_redirect() -> None:
    assert ask_plain("example.org:8080", ssl_port=8443) == (301, "https://example.org:8443/a?q=1")
    assert ask_plain("example.org", ssl_port=443) == (301, "https://example.org/a?q=1")


@pytest.mark.parametrize(
    ("options", "where"),
    [({"host": []}, "host"), ({"host": "a:80"}, "host"), ({"host": ["A.example"]}, "host[0]"),
     ({"host": ["a", 5]}, "host[1]"), ({"host": {5}}, "host"), ({"ssl_port": 0}, "ssl_port"),
     ({"ssl_port": "443"}, "ssl_port")],
    ids=str,
)  # fmt: skip
def test_wrong_options_of_the_redirect_are_refused(options: dict[str, Any], where: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(where)}: expected"):
        wrap_ssl_redirect(lambda request: {}, **options)


def hsts(scheme: str, host: str, **options: Any) -> str | None:
    handler = wrap_hsts(lambda request: {"status": 200, "headers": {}}, **options)
    found = handler({"scheme": scheme, "headers": {"host": host}})  # type: ignore[arg-type]
    return found["headers"].get("Strict-Transport-Security")


@pytest.mark.parametrize(
    ("scheme", "host", "sent"),
    [
        ("https", "example.org", True),
        ("http", "example.org", False),
        ("https", "192.0.2.1", False),
        ("https", "192.0.2.1:8443", False),
        ("https", "[::1]", False),
        ("https", "bad host", False),
    ],
)
def test_attack_63_hsts_is_for_names_over_https(scheme: str, host: str, sent: bool) -> None:
    assert hsts(scheme, host) == ("max-age=31536000; includeSubDomains" if sent else None)


def test_hsts_says_what_its_options_say() -> None:
    assert hsts("https", "a.example", max_age=0, include_subdomains=False) == "max-age=0"
    preload = hsts("https", "a.example", preload=True)
    assert preload == "max-age=31536000; includeSubDomains; preload"
    for options in ({"max_age": -1}, {"max_age": "1"}, {"preload": True, "max_age": 60}):
        with pytest.raises(ValueError, match="expected"):
            hsts("https", "a.example", **options)  # type: ignore[arg-type]


# -- locations


def absolute(
    location: str, host: str = "example.org", uri: str = "/dir/page", status: int = 302
) -> Any:
    handler = wrap_absolute_redirects(lambda request: redirect(location, status))
    made = {"scheme": "http", "uri": uri, "query_string": "q=1", "headers": {"host": host}}
    return handler(made)["headers"]["Location"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/x", "http://example.org/x"),
        ("x", "http://example.org/dir/x"),
        ("../../../x", "http://example.org/x"),
        ("?a=b", "http://example.org/dir/page?a=b"),
        ("", "http://example.org/dir/page?q=1"),
        ("https://other.example/x", "https://other.example/x"),
        ("mailto:a@b", "mailto:a@b"),
        ("http://[", "http://["),
    ],
)
def test_a_location_is_made_absolute(location: str, expected: str) -> None:
    assert absolute(location) == expected


def test_attack_62_a_path_of_two_slashes_never_becomes_a_host() -> None:
    assert absolute("", uri="//evil.example/x") == "http://example.org//evil.example/x?q=1"
    assert absolute("y", uri="//evil.example/x") == "http://example.org/evil.example/y"


def test_a_location_stays_relative_where_the_host_is_none() -> None:
    assert absolute("/x", host="u@evil.example") == "/x"
    assert absolute("/x", status=304) == "/x"


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b=c", "a\nb", "a\x00"], ids=repr)
def test_attack_64_a_header_that_would_be_split_is_never_sent(value: str) -> None:
    for name in ("Location", "X-Own"):
        made = response("") | {"headers": {name: value}}
        client = site({}, lambda request: made)
        with pytest.raises(ValueError, match="expected no control character"):
            client.get("/")


# -- headers for browsers


def headers_of(
    wrap: Any, given: dict[str, Any] | None = None, status: int = 200, **options: Any
) -> Any:
    made = {"status": status, "headers": given or {}, "body": None}
    return wrap(lambda request: made, **options)({})["headers"]


CSP, REFERRER = "Content-Security-Policy", "Referrer-Policy"


@pytest.mark.parametrize(
    ("wrap", "options", "expected"),
    [
        (wrap_frame_options, {}, {"X-Frame-Options": "SAMEORIGIN"}),
        (wrap_frame_options, {"value": "deny"}, {"X-Frame-Options": "DENY"}),
        (
            wrap_frame_options,
            {"allow_from": "http://a"},
            {"X-Frame-Options": "ALLOW-FROM http://a"},
        ),
        (wrap_content_type_options, {}, {"X-Content-Type-Options": "nosniff"}),
        (wrap_xss_protection, {}, {"X-XSS-Protection": "0"}),
        (wrap_xss_protection, {"enable": True}, {"X-XSS-Protection": "1"}),
        (
            wrap_xss_protection,
            {"enable": True, "mode": "block"},
            {"X-XSS-Protection": "1; mode=block"},
        ),
        (
            wrap_content_security_policy,
            {"policy": "default-src 'self'"},
            {CSP: "default-src 'self'"},
        ),
        (
            wrap_content_security_policy,
            {
                "policy": {"default_src": "'self'", "img_src": ["'self'", "data:"]},
                "report_only": True,
            },
            {f"{CSP}-Report-Only": "default-src 'self'; img-src 'self' data:"},
        ),
        (wrap_referrer_policy, {}, {REFERRER: "strict-origin-when-cross-origin"}),
        (
            wrap_referrer_policy,
            {"policy": "no-referrer, origin"},
            {REFERRER: "no-referrer, origin"},
        ),
    ],
)
def test_a_header_is_what_its_options_say(wrap: Any, options: Any, expected: Any) -> None:
    assert headers_of(wrap, **options) == expected


@pytest.mark.parametrize(
    ("wrap", "options"),
    [
        (wrap_frame_options, {"value": "allow"}),
        (wrap_frame_options, {"allow_from": "a\r\nb"}),
        (wrap_content_type_options, {"value": "sniff"}),
        (wrap_xss_protection, {"mode": "block"}),
        (wrap_xss_protection, {"enable": True, "mode": "x"}),
        (wrap_content_security_policy, {"policy": ""}),
        (wrap_content_security_policy, {"policy": "a\r\nb"}),
        (wrap_content_security_policy, {"policy": 5}),
        (wrap_content_security_policy, {"policy": {"default_src": "'self'; x"}}),
        (wrap_content_security_policy, {"policy": {"default src": "'self'"}}),
        (wrap_content_security_policy, {"policy": {"default_src": 5}}),
        (wrap_referrer_policy, {"policy": "none"}),
        (wrap_referrer_policy, {"policy": 5}),
    ],
)
def test_wrong_options_of_a_header_are_refused(wrap: Any, options: Any) -> None:
    with pytest.raises(ValueError, match="expected"):
        wrap(lambda request: {}, **options)


def test_what_a_handler_says_itself_stays() -> None:
    own = {"content-security-policy": "own", "referrer-policy": "own", "x-frame-options": "own"}
    assert headers_of(wrap_content_security_policy, own, policy="default-src 'self'") == own
    assert headers_of(wrap_referrer_policy, own) == own
    assert headers_of(wrap_frame_options, own) == own


def test_a_nonce_is_another_one_each_time_and_the_same_in_page_and_policy() -> None:
    handler = wrap_content_security_policy(
        lambda request: {"status": 200, "headers": {}, "body": request["csp_nonce"]},
        policy="script-src 'self' {nonce}",
    )
    found = [handler({}) for _ in range(2)]  # type: ignore[arg-type]
    assert found[0]["body"] != found[1]["body"]
    for answer in found:
        assert answer["headers"] == {CSP: f"script-src 'self' 'nonce-{answer['body']}'"}


def test_a_304_gets_no_policy_with_a_nonce() -> None:
    assert headers_of(wrap_content_security_policy, status=304, policy="script-src {nonce}") == {}
    assert headers_of(wrap_content_security_policy, status=304, policy="script-src 'self'") != {}


def test_every_answer_has_the_headers_also_a_refusal() -> None:
    answer = site({}).post("/")
    assert answer.status_code == 403
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
