"""Random requests with one browser, and what each of them leads to, in a form that two versions can
be compared by.

A script is a list of requests; a request is a list of acts of its handler. The outcome holds
everything that a user could
notice: statuses, headers, the session's contents, the calls to the store, the types of exceptions.
Random names (ids, tokens, the keys of messages) stand there as numbers, in the order of their
appearance.
"""

from __future__ import annotations

import random
import re
from typing import Any

from ringsession import cookie_store, memory_store, recreate, wrap_session
from ringsession.middleware.anti_forgery import anti_forgery_request
from ringsession.middleware.flash import wrap_flash
from ringsession.stores import StoreUnavailable
from tests.tracing import TracedStore

KINDS = ("memory", "sealed", "own")
ACTS = (
    *("read", "read", "set", "set", "append", "delete", "clear", "update", "iterate", "copy"),
    *("swap", "token", "flash", "read flash", "key", "expires_in", "recreate", "destroy"),
    *(
        "give",
        "give none",
        "give recreated",
        "give itself",
        "attrs",
        "status 500",
        "raise",
        "nested",
    ),
    *("set a set", "set a bad value", "fail", "pass time"),
)
_COOKIE = re.compile(r"ring-session=([^;]*)")


class OwnStore:
    """Three functions, as a user writes them."""

    def __init__(self) -> None:
        self.sessions: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []
        self.failing: set[str] = set()
        self.made = 0

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if name in self.failing:
            raise StoreUnavailable(name)

    def read_session(self, key: str) -> Any:
        self._call("load")
        found = self.sessions.get(key)
        return None if found is None else dict(found)

    def write_session(self, key: str | None, data: dict[str, Any]) -> str:
        self._call("write")
        if key is None:
            self.made += 1
            key = f"own{self.made}"
        self.sessions[key] = data
        return key

    def delete_session(self, key: str) -> None:
        self._call("destroy")
        self.sessions.pop(key, None)


class _Raised(Exception):
    """What a handler raises."""


class Run:
    """One script on one kind of store."""

    def __init__(self, kind: str, seed: int) -> None:
        self.random = random.Random(f"{kind} {seed}")
        self.now = 1_000_000.0
        self.cookie: str | None = None
        self.names: dict[str, str] = {}
        self.log: list[Any] = []
        self.depth = 0
        clock = lambda: self.now  # noqa: E731
        self.traced: Any = TracedStore(memory_store(clock=clock)) if kind == "memory" else None
        if kind == "own":
            self.traced = OwnStore()
        store = self.traced or cookie_store("a key for tests, of 32 characters", clock=clock)
        self.handler = wrap_session(wrap_flash(self._handle), store=store, timeout=600)
        self.acts: list[str] = []

    def outcome(self) -> list[Any]:
        for _ in range(self.random.randint(2, 5)):
            self._request()
        return self.log

    def _name(self, value: str | None) -> str | None:
        if not value:
            return value
        return self.names.setdefault(value, f"id {len(self.names)}")

    def _request(self) -> None:
        acts = self.random.choices(ACTS, k=self.random.randint(0, 4))
        headers = {} if self.cookie is None else {"cookie": f"ring-session={self.cookie}"}
        before, self.acts = self.acts, acts
        self.log.append(["request", *acts])
        try:
            response = self.handler({"request_method": "get", "uri": "/", "headers": headers})
            lines = response["headers"].pop("Set-Cookie", [])
            self.log.append([response["status"], dict(response["headers"]), response["body"]])
            for line in lines:
                self.cookie = _COOKIE.match(line)[1] or None  # type: ignore[index]
                self.log.append(_COOKIE.sub(lambda found: str(self._name(found[1])), line))
        except Exception as error:
            self.log.append(type(error).__name__)
        finally:
            self.acts = before
            if self.traced is not None:
                self.log.append([*self.traced.calls])
                self.traced.calls.clear()
                self.traced.failing.clear()

    def _handle(self, request: Any) -> Any:
        request = anti_forgery_request(request)
        response: dict[str, Any] = {"status": 200, "headers": {}, "body": "body"}
        for act in [*self.acts]:
            self._act(act, request, response)
        return response

    def _act(self, act: str, request: Any, response: dict[str, Any]) -> None:
        session, number = request["session"], self.random.randint(0, 3)
        key = "abc"[self.random.randint(0, 2)]
        match act:
            case "read":
                self.log.append(session.get(key))
            case "set":
                session[key] = number
            case "append":
                value = session.setdefault("list", [])
                value.append(number)
            case "delete":
                session.pop(key, None)
            case "clear":
                session.clear()
            case "update":
                session.update({"a": number, "d": {"e": number}})
            case "iterate":
                self.log.append([sorted(session), len(session), key in session])
            case "copy":
                self.log.append(repr(session | {"z": 1}))
            case "swap":
                try:
                    self.log.append(session.swap("n", lambda n: (n or 0) + 1))
                except TypeError:
                    self.log.append("no swap")
            case "token":
                self.log.append(len(request["anti_forgery_token"]))
            case "flash":
                response["flash"] = f"message {number}"
            case "read flash":
                self.log.append(request["flash"])
            case "key":
                self.log.append(self._name(session.key))
            case "expires_in":
                left = session.expires_in
                self.log.append(left if left is None else round(left))
            case "recreate":
                session.recreate()
            case "destroy":
                session.destroy()
            case "give":
                response["session"] = {"given": number}
            case "give none":
                response["session"] = None
            case "give recreated":
                response["session"] = recreate({**session, "given": number})
            case "give itself":
                response["session"] = session
            case "attrs":
                response["session_cookie_attrs"] = {"max_age": number * 60, "path": "/"}
            case "status 500":
                response["status"] = 500
            case "raise":
                raise _Raised
            case "nested":
                self._nested()
            case "set a set":
                session["set"] = {1, number}
            case "set a bad value":
                session["bad"] = _Raised("no value")
            case "fail":
                if self.traced is not None:
                    self.traced.failing.add(
                        self.random.choice(["load", "create", "patch", "claim", "destroy", "write"])
                    )
            case "pass time":
                self.now += self.random.choice([1, 61, 400, 700])

    def _nested(self) -> None:
        """Another request of the same browser, while this one runs."""
        if self.depth < 2:
            self.depth += 1
            cookie = self.cookie
            self._request()
            if self.random.random() < 0.5:
                self.cookie = cookie
            self.depth -= 1


def outcome(kind: str, seed: int) -> list[Any]:
    """What a script leads to. The same seed gives the same script."""
    return Run(kind, seed).outcome()
