"""Ring's functions that the package has, call by call."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ringsession import charset, get_charset, redirect, set_cookie
from ringsession.http.form_encoding import form_decode, form_encode
from ringsession.middleware.cookies import parse_cookies
from ringsession.http.media_types import guess_type
from ringsession.middleware.nested_params import parse_nested_keys
from ringsession.middleware.params import parse_params
from tests.ring.replay import DATA


def _response(value: Any) -> Any:
    """A response that stands as edn in the vectors."""
    edn = value["$edn"]
    if '"Content-Type"' not in edn:
        return {"headers": {}} if ":headers" in edn else {}
    return {"headers": {"Content-Type": edn.split('"')[3]}}


def _plain(value: Any) -> Any:
    """Clojure's data as Python's: no colons, names in snake case."""
    if isinstance(value, dict):
        return {key.lstrip(":").replace("-", "_") if key.startswith(":") else key: _plain(item)
                for key, item in value.items()}  # fmt: skip
    return value


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "ring.util.codec/form-encode": form_encode,
    "ring.util.codec/form-decode-str": form_decode,
    "ring.util.codec/form-decode-map": parse_params,
    "ring.util.parsing/find-content-type-charset": lambda value: get_charset(
        {"headers": {"Content-Type": value}}
    ),
    "ring.util.response/get-charset": lambda response: get_charset(_response(response)),
    "ring.util.response/charset": lambda response, value: charset(_response(response), value),
    "ring.middleware.nested-params/parse-nested-keys": parse_nested_keys,
    "ring.util.mime-type/ext-mime-type": guess_type,
    "ring.util.response/redirect": redirect,
    "ring.util.response/set-cookie": set_cookie,
    "ring.middleware.cookies/parse-cookie-header": lambda header: [
        list(pair) for pair in parse_cookies(header).items()
    ],
}
# Call -> why it differs.
DIFFERENT = {
    ("ring.util.codec/form-decode-str", "%+1"): 'Java reads "+1" as a number',
    ("ring.util.mime-type/ext-mime-type", "a.avif"): "newer than Ring's table",
    ("ring.util.mime-type/ext-mime-type", "a.jsonld"): "newer than Ring's table",
    ("ring.middleware.cookies/parse-cookie-header", "a=b c=d"): "a bad character drops its cookie",
    ("ring.middleware.cookies/parse-cookie-header", "a=ü"): "a bad character drops its cookie",
    ("ring.middleware.cookies/parse-cookie-header", "a=b,c"): "a bad character drops its cookie",
    ("ring.middleware.cookies/parse-cookie-header", "a/b=c"): "no cookie after junk",
}


def _vectors() -> list[Any]:
    """The calls of functions that are here, with arguments that Python has."""
    lines = (DATA / "fn_vectors.jsonl").read_text().splitlines()
    return [
        vector
        for vector in map(json.loads, lines)
        if vector["fn"] in FUNCTIONS and "$kw" not in str(vector["args"]) and _fits(vector)
    ]


def _fits(vector: Any) -> bool:
    takes_text = vector["fn"].startswith("ring.util.codec")
    return not takes_text or (len(vector["args"]) == 1 and isinstance(vector["args"][0], str))


@pytest.mark.parametrize(
    "vector", _vectors(), ids=lambda v: f"{v['fn'].split('/')[1]} {v['args']!r:.40}"
)
def test_a_call_gives_what_ring_gives(vector: Any) -> None:
    found = FUNCTIONS[vector["fn"]](*vector["args"])
    expected = _plain(vector.get("json"))
    if (
        (vector["fn"], vector["args"][0]) in DIFFERENT
        if isinstance(vector["args"][0], str)
        else False
    ):
        assert found != expected
    else:
        assert found == expected


def test_as_many_calls_are_compared_as_there_are() -> None:
    assert len(_vectors()) > 90
