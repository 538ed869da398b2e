"""Set-Cookie is written as in Ring, and a browser neither drops nor misreads it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringsession.middleware._cookie_attrs import attributes, check_attrs, check_cookie
from ringsession.middleware.cookies import parse_cookies, set_cookie_header

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates too
HOST = "name: expected path \"/\" and no domain beside '__Host-a', got"
ANOTHER = "write a name without __Host-, such as '__Secure-a'"
KNOWN = "domain, path, secure, http_only, max_age, expires, same_site, partitioned"
NAMES = st.from_regex(r"\A[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z").filter(lambda name: name[:2] != "__")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("b", "a=b"),
        ("", "a="),
        (None, "a="),
        (42, "a=42"),
        (-1.5, "a=-1.5"),
        (True, "a=true"),
        (False, "a=false"),
        (["1", 2], "a=1&a=2"),
        (("x y", None), "a=x+y&a="),
        ([], "a="),
        ("b c;d,e=f&g\"h'i\\j", "a=b+c%3Bd%2Ce%3Df%26g%22h%27i%5Cj"),
        ("Grüße 世 \U0001f600", "a=Gr%C3%BC%C3%9Fe+%E4%B8%96+%F0%9F%98%80"),
        ("x\ud800y", "a=x%3Fy"),
        pytest.param("x\r\nSet-Cookie: y", "a=x%0D%0ASet-Cookie%3A+y", id="attack_17_crlf"),
    ],
)
def test_a_value_is_written_form_encoded(value: object, written: str) -> None:
    assert set_cookie_header("a", value, {}) == written


@pytest.mark.parametrize("value", [object(), b"b", {"b": "c"}, {"b"}, ["b", b"secret"]])
def test_a_value_of_another_type_is_refused_and_not_shown(value: object) -> None:
    with pytest.raises(TypeError, match=r"^cookie 'a': expected str, .*, got \w+$") as caught:
        set_cookie_header("a", value, {})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("attrs", "written"),
    [
        ({}, ""),
        ({"path": "/x", "domain": "example.com"}, "; Path=/x; Domain=example.com"),
        ({"domain": "example.com", "path": "/x"}, "; Domain=example.com; Path=/x"),
        ({"path": "/a%20b,'c'"}, "; Path=/a%20b,'c'"),
        ({"path": "/.well-known/a..b//"}, "; Path=/.well-known/a..b//"),
        ({"path": f"/{'a' * 1023}"}, f"; Path=/{'a' * 1023}"),
        ({"domain": ".Example.COM"}, "; Domain=.Example.COM"),
        ({"domain": "localhost"}, "; Domain=localhost"),
        ({"domain": "my_host.xn--bcher-kva.example"}, "; Domain=my_host.xn--bcher-kva.example"),
        ({"domain": "127.0.0.1"}, "; Domain=127.0.0.1"),
        ({"domain": f"{'a' * 63}.org"}, f"; Domain={'a' * 63}.org"),
        ({"secure": True, "http_only": True}, "; Secure; HttpOnly"),
        ({"secure": True, "partitioned": True}, "; Secure; Partitioned"),
        ({"secure": False, "http_only": None, "partitioned": False, "path": None}, ""),
        ({"max_age": None, "expires": None, "same_site": None, "domain": False}, ""),
        ({"max_age": 123}, "; Max-Age=123"),
        ({"max_age": 0}, "; Max-Age=0"),
        ({"max_age": -1}, "; Max-Age=-1"),
        ({"max_age": 34_560_000}, "; Max-Age=34560000"),
        ({"max_age": timedelta(seconds=90.9)}, "; Max-Age=90"),
        ({"max_age": timedelta(days=400)}, "; Max-Age=34560000"),
        ({"same_site": "strict"}, "; SameSite=Strict"),
        ({"same_site": "LAX"}, "; SameSite=Lax"),
        ({"same_site": "None", "secure": True}, "; SameSite=None; Secure"),
        (
            {"expires": datetime(2026, 3, 4, 5, 6, 7, 890_000, timezone.utc)},
            "; Expires=Wed, 04 Mar 2026 05:06:07 GMT",
        ),
        (
            {"expires": datetime(2026, 3, 4, 5, 6, 7, 0, timezone(timedelta(hours=2)))},
            "; Expires=Wed, 04 Mar 2026 03:06:07 GMT",
        ),
        (
            {"expires": "Wed, 21 Oct 2026 07:28:00 GMT"},
            "; Expires=Wed, 21 Oct 2026 07:28:00 GMT",
        ),
        (
            {"expires": "Thu, 01 Jan 1970 00:00:00 GMT"},
            "; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        ),
    ],
)
def test_attributes_are_written_in_their_order(attrs: dict[str, Any], written: str) -> None:
    check_attrs(attrs)
    assert attributes(attrs) == written
    assert set_cookie_header("a", "b", attrs) == f"a=b{written}"


@pytest.fixture
def far_from_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set the machine's time zone to 9 hours ahead of UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "JST-9")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("far_from_utc")
def test_attack_20_a_naive_datetime_is_utc_wherever_the_machine_is() -> None:
    expires = datetime(2026, 3, 4, 5, 6, 7)
    assert attributes({"expires": expires}) == "; Expires=Wed, 04 Mar 2026 05:06:07 GMT"


@pytest.mark.parametrize(
    ("attr", "value"),
    [
        pytest.param("path", "/; Domain=evil", id="attack_19_second_attribute"),
        pytest.param("domain", ".x\n", id="attack_19_newline"),
        pytest.param("path", "/\r\nSet-Cookie: evil=1", id="attack_19_crlf"),
        pytest.param("same_site", "bogus", id="attack_19_same_site"),
        pytest.param("max_age", "1; Secure", id="attack_19_max_age"),
        ("path", "/\t"),
        ("path", "/\x7f"),
        ("path", "/ü"),
        ("path", "/\u2028"),
        ("path", True),
        ("path", 1),
        ("path", ""),
        ("path", "app"),
        ("path", "*"),
        ("path", "https://example.org/app"),
        ("path", "/a b"),
        ("path", '/"a"'),
        ("path", "/app?a=b"),
        ("path", "/app#a"),
        ("path", "/a\\b"),
        ("path", "/<a>"),
        ("path", "/app/../b"),
        ("path", "/app/."),
        ("path", f"/{'a' * 1024}"),
        ("domain", b"example.com"),
        ("domain", ""),
        ("domain", "."),
        ("domain", "example.org:8000"),
        ("domain", "http://example.org"),
        ("domain", "example.org/app"),
        ("domain", "exa mple.org"),
        ("domain", " example.org"),
        ("domain", "*.example.org"),
        ("domain", "user@example.org"),
        ("domain", "example.org."),
        ("domain", "..example.org"),
        ("domain", "example..org"),
        ("domain", "example.org,example.net"),
        ("domain", "ex%61mple.org"),
        ("domain", "bücher.example"),
        ("domain", "\u3002example.org"),
        ("domain", f"{'a' * 64}.org"),
        ("domain", ".".join(["a" * 50] * 5)),
        ("domain", "::1"),
        ("domain", "[::1]"),
        ("domain", "127.1"),
        ("domain", "256.0.0.1"),
        ("domain", ["example.org"]),
        ("max_age", -(10**1500)),
        ("secure", 1),
        ("secure", "yes"),
        ("http_only", "true"),
        ("partitioned", 0),
        ("same_site", True),
        ("same_site", ""),
        ("max_age", True),
        ("max_age", "60"),
        ("max_age", 60.0),
        ("max_age", 34_560_001),
        ("max_age", timedelta(days=400, seconds=1)),
        pytest.param("max_age", float("nan"), id="attack_20_nan_max_age"),
        pytest.param("expires", float("nan"), id="attack_20_nan_expires"),
        pytest.param("expires", datetime(1, 1, 1), id="attack_20_year_1"),
        pytest.param("expires", datetime(9999, 12, 31), id="attack_20_year_9999"),
        pytest.param("expires", "Wed, 21 Oct 99999 07:28:00 GMT", id="attack_20_year_99999"),
        pytest.param("expires", "Mon, 01 Jan 0001 00:00:00 GMT", id="attack_20_year_1_text"),
        ("expires", "tomorrow"),
        ("expires", ""),
        ("expires", "Thu, 21 Oct 2026 07:28:00 GMT"),  # it was a Wednesday
        ("expires", "Wed, 21-Oct-26 07:28:00 GMT"),
        ("expires", "Wed, 21 Oct 2026 07:28:00 GMT; Secure"),
        ("expires", "Wed, 21 Oct 2026 07:28:00 GMT\n"),
        ("expires", date(2026, 3, 4)),
        ("expires", 1_800_000_000),
    ],
)
def test_a_wrong_attribute_is_refused(attr: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"^{attr}: expected .*, got ") as caught:
        check_attrs({attr: value})
    assert str(caught.value).isprintable()
    with pytest.raises(ValueError, match=rf"^{attr}: "):
        set_cookie_header("a", "b", {attr: value})


HOST_NAME = 'a name such as "example.org", without scheme, port, path and closing dot'
PATH = 'a path such as "/app", percent-encoded, with at most 1024 octets'


@pytest.mark.parametrize(
    ("attrs", "message"),
    [
        ({"domain": "example.org:80"}, f"domain: expected {HOST_NAME}, got 'example.org:80'"),
        ({"domain": ""}, f"domain: expected {HOST_NAME}, got ''; leave it out for this host alone"),
        (
            {"domain": "www.Bücher.example"},
            "domain: expected the name in punycode, 'www.xn--bcher-kva.example', got"
            " 'www.Bücher.example'",
        ),
        ({"domain": "straße.example"}, f"domain: expected {HOST_NAME}, got 'straße.example'"),
        ({"domain": "\ud800.example"}, f"domain: expected {HOST_NAME}, got '\\ud800.example'"),
        ({"domain": "[::1]"}, f"domain: expected {HOST_NAME}, got '[::1]'"),
        ({"path": "app"}, f"path: expected {PATH}, got 'app'; write '/app'"),
        ({"path": ""}, f"path: expected {PATH}, got ''; write '/'"),
        ({"path": "/a b"}, f"path: expected {PATH}, got '/a b'; write '/a%20b'"),
        ({"path": "/ü"}, f"path: expected {PATH}, got '/ü'; write '/%C3%BC'"),
        ({"path": "/a/../b"}, f"path: expected {PATH}, got '/a/../b'"),
    ],
    ids=repr,
)
def test_a_refused_domain_or_path_says_what_to_write(attrs: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        check_attrs(attrs)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "attrs", "message"),
    [
        ("a", {"max-age": 1}, 'max-age: unknown attribute; did you mean "max_age"?'),
        ("a", {"port": 80, "foo": 1}, f"port: unknown attribute; known: {KNOWN}"),
        ("a", {5: 1}, f"5: unknown attribute; known: {KNOWN}"),
        (
            "a",
            {"same_site": "bogus"},
            'same_site: expected "strict", "lax" or "none", got \'bogus\'',
        ),
        ("a", {"same_site": "none"}, 'same_site: expected "secure": True beside "none"'),
        (
            "a",
            {"same_site": "NONE", "secure": False},
            'same_site: expected "secure": True beside "none"',
        ),
        ("a", {"partitioned": True}, 'partitioned: expected "secure": True beside it'),
        (
            "__Secure-a",
            {},
            "name: expected \"secure\": True beside '__Secure-a'; "
            "or write a name without __Secure-",
        ),
        (
            "__host-a",
            {"path": "/"},
            "name: expected \"secure\": True beside '__host-a'; or write a name without __host-",
        ),
        ("__Host-a", {"secure": True}, f"{HOST} path None; {ANOTHER}"),
        (
            "__HOST-a",
            {"secure": True, "path": "/x"},
            f"{HOST.replace('Host', 'HOST')} path '/x'; {ANOTHER.replace('Host', 'HOST')}",
        ),
        (
            "__Host-a",
            {"secure": True, "path": "/", "domain": "example.com"},
            f"{HOST} domain 'example.com'; {ANOTHER}",
        ),
        (
            "__Host-a",
            {"secure": True, "path": "/x", "domain": "example.com"},
            f"{HOST} domain 'example.com'; {ANOTHER}",
        ),
    ],
)
def test_a_cookie_that_a_browser_would_drop_is_refused(
    name: str, attrs: dict[Any, Any], message: str
) -> None:
    with pytest.raises(ValueError) as caught:
        check_cookie(name, attrs)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "attrs"),
    [
        ("__Host-a", {"secure": True, "path": "/"}),
        ("__Host-a", {"secure": True, "path": "/", "domain": None}),
        ("__Secure-a", {"secure": True, "domain": "example.com"}),
        ("__a", {}),
        ("Host-a", {}),
        ("a", {"same_site": "none", "secure": True, "partitioned": True}),
    ],
)
def test_a_cookie_that_a_browser_accepts_is_accepted(name: str, attrs: dict[str, Any]) -> None:
    check_cookie(name, attrs)


@pytest.mark.parametrize(
    "name",
    ["", " ", "a b", "a=b", "a;b", "a,b", 'a"', "a\n", "\0", "ü", "a[b]", "a/b", "世", None, 1],
)
def test_attack_18_a_name_that_would_not_read_back_is_refused(name: Any) -> None:
    with pytest.raises(ValueError, match=r"^name: expected a token \(RFC 9110\), got ") as caught:
        set_cookie_header(name, "b", {})
    assert str(caught.value).isprintable()


@given(NAMES, st.text())
def test_every_text_reads_back_under_its_name(name: str, value: str) -> None:
    line = set_cookie_header(name, value, {"path": "/", "http_only": True})
    assert parse_cookies(line.partition(";")[0]) == {name: value}


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT, st.sampled_from(["path", "domain", "expires", "same_site"]))
def test_no_text_puts_a_control_or_a_second_cookie_into_the_line(
    name: str, value: str, text: str, attr: str
) -> None:
    for name_or_a in (name, "a"):
        for attrs in ({}, {attr: text}):
            try:
                line = set_cookie_header(name_or_a, value, attrs)
            except ValueError:
                continue
            assert line.isascii() and line.isprintable()
            assert line.count(";") == len(attrs)


def test_attack_21_a_cookie_that_a_browser_drops_for_its_size_is_refused() -> None:
    assert len(set_cookie_header("a", "x" * 4095, {"path": "/"})) > 4096
    with pytest.raises(ValueError, match="^cookie 'a': expected at most 4096 octets, got 4097$"):
        set_cookie_header("a", "x" * 4096, {})
