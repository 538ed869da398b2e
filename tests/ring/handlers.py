"""The handlers that the vectors name, written as Ring handlers in Python."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from ringsession import anti_forgery_field, charset, content_type, recreate, redirect, response
from tests.ring.values import cookies, snake, value

Args = dict[str, Any]
_LAYER_KEYS = {
    "cookies": ":cookies",
    "session": ":session",
    "session_key": ":session/key",
    "flash": ":flash",
    "params": ":params",
    "query_params": ":query-params",
    "form_params": ":form-params",
    "multipart_params": ":multipart-params",
    "anti_forgery_token": ":anti-forgery-token",
}


def json_response(body: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(body, default=str)
    return charset(content_type(response(text), "application/json"), "utf-8")


def seen(request: Any) -> dict[str, Any]:
    session = request.get("session")
    return {
        "session": None if session is None else dict(session),
        "key": request.get("session_key"),
        "flash": request.get("flash"),
    }


def uploads(value: Any) -> Any:
    """Parameters with the bytes of their files."""
    if isinstance(value, dict) and "tempfile" in value:
        value["tempfile"].seek(0)  # it stands in two dicts
        return {
            "filename": value["filename"],
            "content-type": value["content_type"],
            "size": value["size"],
            "bytes": base64.b64encode(value["tempfile"].read()).decode(),
        }
    if isinstance(value, dict):
        return {key: uploads(item) for key, item in value.items()}
    return [uploads(item) for item in value] if isinstance(value, list) else value


def echo(request: Any, args: Args) -> Any:
    body = request.get("body")
    has = [ring for key, ring in _LAYER_KEYS.items() if key in request]
    return json_response(
        seen(request)
        | {
            "method": request["request_method"],
            **{
                key: request.get(key)
                for key in ("uri", "path_info", "query_string", "scheme", "server_name")
                + ("server_port", "remote_addr", "headers", "query_params", "form_params")
                + ("anti_forgery_token",)
            },
            "params": uploads(request.get("params")),
            "multipart_params": uploads(request.get("multipart_params")),
            "cookies": {
                name: cookie["value"] for name, cookie in (request.get("cookies") or {}).items()
            },
            "has": sorted(has),
            "body_rest": body.read().decode(errors="replace") if body is not None else None,
        }
    )


def finish(answer: dict[str, Any], args: Args) -> dict[str, Any]:
    """What most handlers add to their response."""
    answer = dict(answer)
    if "flash" in args:
        answer["flash"] = value(args["flash"])
    if "cookies" in args:
        answer["cookies"] = cookies(args["cookies"])
    if "cookie_attrs" in args:
        answer["session_cookie_attrs"] = snake(args["cookie_attrs"])
    if "status" in args:
        answer["status"] = args["status"]
    return answer


def respond(request: Any, args: Args) -> Any:
    given = args["response"]
    answer = {"status": 200, "headers": {}, "body": None}
    answer |= {
        key: value(given[key]) for key in ("status", "headers", "body", "flash") if key in given
    }
    if "session" in given:
        session = value(given["session"])
        answer["session"] = recreate(session) if session and given.get("recreate") else session
    if "cookies" in given:
        answer["cookies"] = cookies(given["cookies"])
    if "session-cookie-attrs" in given:
        answer["session_cookie_attrs"] = snake(given["session-cookie-attrs"])
    return answer


def _with_session(make: Callable[[Any, Args], Any]) -> Callable[[Any, Args], Any]:
    def handler(request: Any, args: Args) -> Any:
        answer = json_response(seen(request))
        return finish(answer | {"session": make(request, args)}, args)

    return handler


def _set(request: Any, args: Args) -> Any:
    return {**(request.get("session") or {}), **value(args.get("values") or {})}


def _dissoc(request: Any, args: Args) -> Any:
    gone = value(args["keys"])
    return {key: item for key, item in (request.get("session") or {}).items() if key not in gone}


def session_read(request: Any, args: Args) -> Any:
    return finish(json_response(seen(request)), args)


def counter(request: Any, args: Args) -> Any:
    n = request["session"].get("n", 0) + 1
    answer = json_response(seen(request) | {"n": n})
    return finish(answer | {"session": {**request["session"], "n": n}}, args)


def cookies_set(request: Any, args: Args) -> Any:
    found = {name: cookie["value"] for name, cookie in (request.get("cookies") or {}).items()}
    return json_response({"cookies": found}) | {"cookies": cookies(args.get("cookies"))}


def redirect_to(request: Any, args: Args) -> Any:
    answer = redirect(args["location"], args.get("status", 302))
    return finish(answer, {key: args[key] for key in args if key != "status"})


def csrf(request: Any, args: Args) -> Any:
    token = request.get("anti_forgery_token")
    there = None if token is None else True
    field = there and str(anti_forgery_field({"anti_forgery_token": token}))
    return finish(json_response({"token": token, "bound": there, "field": field}), args)


def unicode(request: Any, args: Args) -> Any:
    text = "Grüße, 世界 😀 — ñandú"
    return content_type(response(text), args.get("content_type", "text/plain"))


def body(request: Any, args: Args) -> Any:
    headers = value(args.get("headers", {}))
    return {"status": args.get("status", 200), "headers": headers, "body": value(args["value"])}


def throw(request: Any, args: Args) -> Any:
    raise RuntimeError(args.get("message", "boom"))


HANDLERS: dict[str, Callable[[Any, Args], Any]] = {
    "echo": echo,
    "respond": respond,
    "session-set": _with_session(_set),
    "session-dissoc": _with_session(_dissoc),
    "session-nil": _with_session(lambda request, args: None),
    "session-empty": _with_session(lambda request, args: {}),
    "session-replace": _with_session(lambda request, args: value(args["values"])),
    "session-same": _with_session(lambda request, args: request["session"]),
    "session-recreate": _with_session(lambda request, args: recreate(_set(request, args))),
    "session-read": session_read,
    "counter": counter,
    "cookies-set": cookies_set,
    "redirect": redirect_to,
    "body": body,
    "csrf": csrf,
    "unicode": unicode,
    "throw": throw,
    "nil": lambda request, args: None,
}
