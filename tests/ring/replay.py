"""A vector's requests through the layers, and what came compared with what Ring answered.

Normalised, and only these: ETag, Vary, Cache-Control, the order of cookies and attributes, the
Content-Type of a response without a body, the Content-Length of the handlers' JSON, `body_rest`,
`read nil` in X-Store-Log, masked tokens.
"""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path
from typing import Any

from ringsession import ConfigError
from ringsession.wsgi.body import app_iter, close_body
from ringsession.wsgi.form_input import FormInput
from ringsession.wsgi.message import field_lines, status_line
from ringsession.responses import get_charset
from tests.ring.configs import Clock, configs
from tests.ring.handlers import HANDLERS
from tests.ring.values import ClojureOnly

DATA = Path(__file__).parent / "data"
_OURS = {"etag", "vary", "cache-control"}
_PLACEHOLDER = re.compile(r"<(SID|SEALED|CSRF|CSRFQ):(\d+)(?::raw)?>")


def vectors() -> list[dict[str, Any]]:
    """Every vector."""
    return [json.loads(line) for line in (DATA / "vectors.jsonl").read_text().splitlines()]


def _request(given: dict[str, Any], learned: dict[str, str]) -> dict[str, Any]:
    """A request as a server hands it on, with what was learned in the place of each placeholder."""
    body = (given.get("body") or "").encode()
    if "body_b64" in given:
        body = base64.b64decode(given["body_b64"])
    headers = {name: _fill(value, learned) for name, value in _joined(given["headers"]).items()}
    path_info = {"path_info": given["path_info"]} if "path_info" in given else {}
    form = FormInput(io.BytesIO(_fill(body.decode("latin-1"), learned).encode("latin-1")))
    return {
        "environ": {"ringsession.form": form, "REQUEST_METHOD": given["method"].upper()},
        "request_method": given["method"],
        "uri": given["uri"],
        "query_string": given.get("query"),
        "scheme": given.get("scheme", "http"),
        "server_name": given.get("server_name", "localhost"),
        "server_port": given.get("server_port", 80),
        "remote_addr": given.get("remote_addr", "127.0.0.1"),
        "headers": headers,
        "body": form.open(),
        **path_info,
    }


def _cookie(line: str) -> list[str]:
    """A Set-Cookie line as name=value and its attributes in order."""
    pair, *attrs = line.split("; ")
    return [pair, *sorted(attrs)]


def _headers(headers: dict[str, Any], body: bytes) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in headers.items():
        lower = name.lower()
        if lower in _OURS or (lower == "content-type" and not body):
            continue
        if lower == "content-length" and body.startswith(b"{"):
            continue  # of a handler's JSON, which holds more in Clojure

        if lower == "set-cookie":
            lines = [value] if isinstance(value, str) else value
            value = sorted([*kept.get(lower, []), *map(_cookie, lines)])
            if not value:
                continue
        if lower == "x-store-log":
            value = "; ".join(part for part in value.split("; ") if part != "read nil")
        kept[lower] = value
    return kept


def _body(body: bytes, content_type: str) -> Any:
    """A body as text, or as data if it is JSON: without edn, keywords without their colon."""
    text = body.decode("utf-8", "replace")
    if not content_type.startswith("application/json") or not text.startswith("{"):
        return text
    data = json.loads(text)
    drop = {key for key in data if key.endswith("_edn")} | {"body_rest"}
    return {key: value for key, value in data.items() if key not in drop}


def ours(vector: dict[str, Any]) -> list[Any]:
    """What the layers answer, normalised; an exception stands as {"error": True}."""
    clock, learned = Clock(), {}
    config = vector["config"]
    make = configs(clock)[config if isinstance(config, str) else config["expr"]]
    step: dict[str, Any] = {}

    def handler(request: Any) -> Any:
        return HANDLERS[step["handler"]](request, step.get("args", {}))

    try:
        layered = make()(handler)
    except ConfigError:
        return [{"error": True} for _ in vector["requests"]]
    answers = []
    for given, expected in zip(vector["requests"], vector["responses"], strict=True):
        step.clear()
        step.update(given)
        clock.now = 1_700_000_000.0 + given.get("clock", 0)
        request = _request(given, learned)
        answer = _answer(layered, request)
        request["environ"]["ringsession.form"].close()
        _learn(theirs(expected), answer, learned)
        answers.append(answer)
    return answers


def _joined(headers: Any) -> dict[str, str]:
    """Headers as a server hands them on: what a client sent twice is joined by a comma."""
    joined: dict[str, str] = {}
    for name, value in headers.items() if isinstance(headers, dict) else headers:
        name = name.lower()
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _answer(layered: Any, request: dict[str, Any]) -> Any:
    try:
        response = layered(request)
        if not isinstance(response, dict):
            raise TypeError("no response")
        lines = field_lines(response.get("headers") or {})
        status_line(response["status"])
        charset = get_charset(response) or "utf-8"
        chunks = app_iter(response.get("body"), charset, {})
        body = b"".join(chunks)
        close_body(chunks)
    except ClojureOnly:
        raise
    except Exception:
        return {"error": True}
    if response["status"] == 503:
        return {"error": True}  # where Ring throws
    headers: dict[str, Any] = {}
    for name, value in lines:
        headers.setdefault(name, []).append(value)
    plain = {n: v if n.lower() == "set-cookie" else ", ".join(v) for n, v in headers.items()}
    content_type = plain.get("Content-Type", "")
    return {
        "status": response["status"],
        "headers": _headers(plain, body),
        "body": _body(body, content_type),
    }


def theirs(expected: dict[str, Any]) -> Any:
    """What Ring answered, normalised."""
    if expected.get("error"):
        return {"error": True}
    body = (expected.get("body") or "").encode()
    if "body_b64" in expected:
        body = base64.b64decode(expected["body_b64"])
    headers = expected.get("headers") or {}
    if not isinstance(expected["status"], int):
        return {"error": True}  # a status that cannot be sent
    if any(isinstance(item, dict) for value in headers.values() for item in value):
        return {"error": True}  # a header that cannot be sent
    return {
        "status": expected["status"],
        "headers": _headers(headers, body),
        "body": _body(body, headers.get("Content-Type", "")),
    }


def _fill(text: str, learned: dict[str, str]) -> str:
    """A text with what stood in the place of each placeholder."""
    # CSRFQ is the token percent-encoded, which ours need not be.
    return _PLACEHOLDER.sub(
        lambda m: learned.get(f"{m[1].removesuffix('Q')}:{m[2]}", "never-seen"), text
    )


def _learn(expected: Any, found: Any, learned: dict[str, str]) -> bool:
    """Whether what was found has the shape of what was expected; learns the placeholders on its
    way.
    """
    if isinstance(expected, str) and isinstance(found, str):
        return _learn_text(expected, found, learned)
    if isinstance(expected, dict) and isinstance(found, dict):
        expected = {key.lstrip(":"): item for key, item in expected.items()}
        same = expected.keys() == found.keys()
        return (
            all([_learn(expected[k], found[k], learned) for k in expected if k in found]) and same
        )
    if isinstance(expected, list) and isinstance(found, list):
        same = len(expected) == len(found)
        return all([_learn(*pair, learned) for pair in zip(expected, found)]) and same
    return bool(expected == found) and type(expected) is type(found)


def _learn_text(expected: str, found: str, learned: dict[str, str]) -> bool:
    names = [f"{m[1]}:{m[2]}" for m in _PLACEHOLDER.finditer(expected)]
    if not names:
        return expected.lstrip(":") == found.lstrip(":")
    pattern = "(.+?)".join(map(re.escape, _PLACEHOLDER.sub("\0", expected).split("\0")))
    match = re.fullmatch(pattern, found, re.DOTALL)
    if match is None:
        return False
    return all([_same(name, value, learned) for name, value in zip(names, match.groups())])


def _same(name: str, value: str, learned: dict[str, str]) -> bool:
    """Whether a placeholder stands for what it stood for before; a token is masked, so that it is
    another text each time.
    """
    if name.startswith("CSRF"):
        learned[name] = value
    return learned.setdefault(name, value) == value


def is_equal(vector: dict[str, Any]) -> bool:
    """Whether every answer is Ring's."""
    try:
        found = ours(vector)
    except ClojureOnly:
        return False
    learned: dict[str, str] = {}
    expected = [theirs(response) for response in vector["responses"]]
    return all([_learn(*pair, learned) for pair in zip(expected, found, strict=True)])
