"""Made-up requests against the whole of site_defaults: whatever a client sends, no 5xx and no
exception.
"""

from __future__ import annotations

import io
import random
from pathlib import Path
from typing import Any

import pytest

from ringsession import deep_merge, response, site_defaults, to_wsgi, wrap_defaults
from tests.apart import run_apart

SEED = 20261124
FILES = Path(__file__).parent / "ring" / "data"
WORDS = [
    "a",
    "b[c]",
    "a[]",
    "a[b][]",
    "=",
    "&",
    ";",
    "%",
    "%zz",
    "%00",
    "%ff",
    "+",
    "..",
    "/",
    "\\",
]
WORDS += [
    "__anti-forgery-token",
    "\x00",
    "\r\n",
    "\x7f",
    "\xff",
    "[" * 40,
    "[a]" * 40,
    '"',
    "W/",
    "*",
]
WORDS += [
    "bytes=0-1",
    "bytes=-0",
    "bytes=9-1",
    "0-,",
    "9" * 40,
    "-1",
    "fixtures.json",
    ".well-known",
]
WORDS += ["Tue, 02 Jan 2024 03:04:05 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "https", "http,https"]
WORDS += [
    "127.0.0.1:80",
    "[::1]",
    "unknown",
    "example.org",
    "evil.com:x",
    "null",
    "same-origin",
    "none",
]
WORDS += [
    "utf-8",
    "utf-7",
    "idna",
    "charset=",
    "boundary=",
    "x" * 80,
    "--x",
    "--x--",
    "name=",
    "filename=",
]
HEADERS = [
    "HOST",
    "COOKIE",
    "ORIGIN",
    "SEC_FETCH_SITE",
    "X_FORWARDED_FOR",
    "X_FORWARDED_PROTO",
    "RANGE",
]
HEADERS += ["IF_RANGE", "IF_NONE_MATCH", "IF_MODIFIED_SINCE", "X_CSRF_TOKEN", "X_RING_ANTI_FORGERY"]
HEADERS += ["UPGRADE", "ACCEPT", "TRANSFER_ENCODING"]
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get", "FOO"]
TYPES = [
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "text/plain",
    "application/json",
]
PART = 'Content-Disposition: form-data; name="'
LINES = ["--x", "--x--", "", PART + 'a"', PART + 'f"; filename="../a"', "Content-Type: text/plain"]
LINES += [
    "Content-Type: text/plain; charset=foo",
    PART + '_charset_"',
    "Content-Disposition",
    "value",
]


def noise(rng: random.Random, most: int = 6) -> str:
    return "".join(rng.choices(WORDS, k=rng.randrange(most)))


def body(rng: random.Random) -> bytes:
    if rng.randrange(2):
        return noise(rng, 12).encode("latin-1")
    lines = ["--x", *rng.choices(LINES, k=rng.randrange(14)), "--x--"]
    return rng.choice(["\r\n", "\r\n", "\n"]).join(lines).encode("latin-1")


def content_type(rng: random.Random) -> str:
    kind = rng.choice(TYPES)
    return kind + rng.choice(["", "; boundary=x", "; boundary=x", f"; {noise(rng)}", noise(rng)])


def environ(rng: random.Random) -> dict[str, Any]:
    """A request as a server may hand it on."""
    sent = body(rng)
    length = rng.choice([str(len(sent))] * 4 + ["", "-1", "abc", str(len(sent) + 5), "9" * 30])
    headers = {f"HTTP_{name}": noise(rng) for name in rng.sample(HEADERS, rng.randrange(5))}
    path = "/" + noise(rng) if rng.randrange(9) else noise(rng)
    return {
        "REQUEST_METHOD": rng.choice(METHODS),
        "SCRIPT_NAME": rng.choice(["", "", "/app"]),
        "PATH_INFO": path.encode("latin-1").decode("latin-1"),
        "QUERY_STRING": noise(rng, 10),
        "CONTENT_TYPE": content_type(rng),
        "CONTENT_LENGTH": length,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": rng.choice(["http", "https"]),
        "wsgi.input": io.BytesIO(sent),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **headers,
    }


def handler(request: Any) -> Any:
    """A handler that reads all there is."""
    keys = ("headers", "cookies", "params", "multipart_params", "flash", "anti_forgery_token")
    text = " ".join(str(request[key]) for key in keys) + str(dict(request["session"]))
    request["body"].read()
    return response(text) | {"status": 302, "headers": {"Location": request["uri"]}}


def stack() -> Any:
    config = {
        "security": {
            "ssl_redirect": True,
            "hsts": True,
            "content_security_policy": "script-src {nonce}",
            "referrer_policy": True,
            "cross_origin_opener_policy": True,
            "cross_origin_resource_policy": True,
            "permissions_policy": "camera=()",
            "xss_protection": True,
        },
        "static": {"files": FILES},
        "responses": {"absolute_redirects": True},
        "proxy": True,
    }
    return wrap_defaults(to_wsgi(handler), deep_merge(site_defaults, config))


def fuzz(count: int) -> dict[str, int]:
    """The statuses that came, with how often."""
    rng, app, came = random.Random(SEED), stack(), dict[str, int]()
    for number in range(count):
        told: list[str] = []
        made = environ(rng)
        chunks = app(made, lambda status, headers: told.append(status[:3]))
        for _ in chunks:
            pass
        getattr(chunks, "close", lambda: None)()
        assert told[0] < "500", (number, told)
        came[told[0]] = came.get(told[0], 0) + 1
    return came


def test_20_000_made_up_requests_get_no_5xx_and_every_kind_of_answer() -> None:
    came = run_apart(fuzz, 20_000)
    assert came.keys() >= {"200", "301", "302", "308", "400", "403", "413", "415"}, came


@pytest.mark.soak
def test_a_million_made_up_requests_get_no_5xx() -> None:
    came = fuzz(1_000_000)
    print(f"seed {SEED}: 1,000,000 requests over the whole of site_defaults: {came}")
