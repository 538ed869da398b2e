"""Made-up Cookie headers and sealed values: nothing raises, and nothing opens that was not sealed
here.
"""

from __future__ import annotations

import random
from typing import Any

import pytest

from ringsession import assoc_in, cookie_store, from_wsgi, site_defaults, to_wsgi, wrap_defaults
from ringsession.stores.cookie.seal import Keyring, Opened, seal
from tests.apart import run_apart

SEED = 20261123
KEY = "a key of 32 characters for tests"
NOW = 1_800_000_000
NAME = "ring-session"
ALPHABET = "ABCabc019-_"
NASTY = '=;;,, \t""\\%%+\x00\x0b\x0c\x1c\x1f\x7f\x85\xa0\xff/$:()<>@[]{}|~\'&#!*^`'
WORDS = [
    NAME,
    f"{NAME}=",
    "ring-session2=",
    "Ring-Session=",
    "a=1",
    "$Path=/",
    "%00",
    "__Host-id=",
    "; ",
]


def sealed(keyring: Keyring, name: str, payload: bytes = b'{"user":"evil"}') -> str:
    then = (NOW - 10) * 1000
    return seal(keyring, name, Opened(False, b"s" * 16, then, 0, 0, then, then, 0, 0, payload))


def genuine(rng: random.Random) -> str:
    payload = b'{"user":"%d"}' % rng.randrange(10**6)
    return sealed(Keyring(KEY), NAME, payload)


def forged(rng: random.Random) -> str:
    """A value near to a sealed one that is none of ours."""
    match rng.randrange(7):
        case 0:  # another key, another name
            return sealed(Keyring("another key, 16 bytes or more"), NAME)
        case 1:
            return sealed(Keyring(KEY), "other-session")
        case 2:
            return sealed(Keyring(KEY, purpose="other"), NAME)
    value = genuine(rng)
    place = rng.randrange(1, len(value))  # a blank before the value would rightly be stripped
    match rng.randrange(5):
        case 0:
            return value[:place]
        case 1:
            return value + "".join(rng.choices(ALPHABET, k=rng.randrange(1, 9)))
        case 2:
            return value[:place] + value[place + 1 :]
        case 3:
            return value[:place] + rng.choice(NASTY) + value[place:]
    other = rng.choice([char for char in ALPHABET if char != value[place]])
    return value[:place] + other + value[place + 1 :]


def made_up(rng: random.Random) -> str:
    """A Cookie header as no browser sends it."""
    parts = rng.choices([*WORDS, "noise"], k=rng.randrange(1, 8))
    return "".join(
        "".join(rng.choices(ALPHABET + NASTY, k=rng.randrange(12))) if part == "noise" else part
        for part in parts
    )


def headers(rng: random.Random) -> str:
    match rng.randrange(3):
        case 0:
            return made_up(rng)
        case 1:
            return f"{NAME}={forged(rng)}"
    return f"{made_up(rng)}; {NAME}={forged(rng)}; {made_up(rng)}"


def handler(request: Any) -> Any:
    request["cookies"]
    headers = {"Content-Type": "text/plain"}
    return {"status": 200, "headers": headers, "body": dict(request["session"])}


def stack() -> Any:
    store = cookie_store(KEY, clock=lambda: NOW)
    config = assoc_in(site_defaults, ["session", "store"], store)
    return from_wsgi(wrap_defaults(to_wsgi(handler), config))


def fuzz(count: int) -> None:
    rng, ask = random.Random(SEED), stack()
    for number in range(count):
        header = headers(rng)
        response = ask({"request_method": "get", "headers": {"cookie": header}})
        assert (response["status"], response["body"]) == (200, {}), (number, header)
        assert "Set-Cookie" not in response["headers"], (number, header)


def test_the_fuzzed_stack_opens_what_was_sealed_here() -> None:
    value = genuine(random.Random(SEED))
    request = {"request_method": "get", "headers": {"cookie": f"{NAME}={value}"}}
    assert stack()(request)["body"] != {}


def test_50_000_made_up_cookies_neither_raise_nor_open(capsys: Any) -> None:
    with capsys.disabled():
        print(f"\nfuzz seed {SEED}")
    run_apart(fuzz, 50_000)


@pytest.mark.soak
def test_a_million_made_up_cookies_neither_raise_nor_open() -> None:
    print(f"seed {SEED}: 1,000,000 Cookie headers and sealed values")
    fuzz(1_000_000)
