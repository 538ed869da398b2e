"""Examine the servers of a Redis store: versions, eviction policies, rights and clocks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..findings import ERROR, OK, WARNING, Finding, judge_answer, judge_clock
from .call import Call
from .check import (
    KEEPS_SESSIONS,
    OLDEST,
    check_rights,
    find_info,
    is_too_old,
    lasting_as_value_error,
)
from .connections import Connections
from .exchange import Server
from .layout import read_time
from .scripts import CHECK, Script
from .scripts_users import CHECK_USERS

_UNKNOWN = "not known, since the user may not use INFO; grant +info"


class RedisReport:
    """The part of `RedisStore` that examines its servers. See `Reports`."""

    _connections: Connections
    _prefix: str

    def report(self) -> Iterator[Finding]:
        call = Call(self._connections, f"{self._prefix}{'0' * 64}".encode())
        try:
            with lasting_as_value_error():
                yield from _examine_servers(self._connections)
                yield _judge_rights(call, self._connections, "rights", ERROR, CHECK)
                part = "rights for users"  # which only an app with a `user_key` needs
                yield _judge_rights(call, self._connections, part, WARNING, CHECK_USERS)
        finally:
            self._connections.close()


class _Answers(NamedTuple):
    """What one server has answered."""

    seconds: float  # for one exchange
    ahead: float  # its clock, in seconds
    info: dict[str, str] | None


def _examine_servers(connections: Connections) -> Iterator[Finding]:
    def deadline() -> float:
        return time.monotonic() + connections.timeout

    found = [_ask_server(node, connections.timeout) for node in connections.nodes(deadline())]
    yield judge_answer(max(each.seconds for each in found))
    yield from _judge_infos([each.info for each in found])
    yield judge_clock(max((each.ahead for each in found), key=abs))


def _ask_server(server: Server, timeout: float) -> _Answers:
    def ask(*commands: Any) -> list[Any]:
        return server.ask(commands, time.monotonic() + timeout)

    ask((b"TIME",))  # so that the next exchange needs no new connection
    began, here = time.perf_counter(), time.time()
    now = read_time(ask((b"TIME",))[0])
    seconds = time.perf_counter() - began
    return _Answers(seconds, now - here - seconds / 2, find_info(ask))


def _judge_infos(infos: list[dict[str, str] | None]) -> Iterator[Finding]:
    known = [info for info in infos if info is not None]
    if len(known) < len(infos):
        yield Finding(WARNING, "version", _UNKNOWN)
        yield Finding(WARNING, "eviction policy", _UNKNOWN)
        return
    versions = ", ".join(sorted({_name_version(info) for info in known}))
    if any(map(is_too_old, known)):
        text = f"{versions}; expected Redis or Valkey {OLDEST}.0 or newer"
        yield Finding(ERROR, "version", text)
    else:
        yield Finding(OK, "version", versions)
    policies = {info.get("maxmemory_policy", "noeviction") for info in known}
    shown = ", ".join(sorted(policies))
    if policies <= set(KEEPS_SESSIONS):
        yield Finding(OK, "eviction policy", shown)
    else:
        problem = "throws out live sessions when the memory is full"
        text = f"{shown} {problem}; set noeviction or volatile-ttl"
        yield Finding(WARNING, "eviction policy", text)


def _name_version(info: dict[str, str]) -> str:
    """Return the name and version of a server.

    >>> _name_version({"redis_version": "7.2.4", "valkey_version": "8.1.0"})
    'Valkey 8.1.0'
    """
    if "valkey_version" in info:
        return f"Valkey {info['valkey_version']}"
    return f"Redis {info.get('redis_version', 'of an unknown version')}"


def _judge_rights(
    call: Call, connections: Connections, part: str, level: str, script: Script
) -> Finding:
    call = Call(connections, call.name)  # with a deadline of its own
    try:
        check_rights(call, connections, script)
    except ValueError as error:
        return Finding(level, part, str(error))
    return Finding(OK, part, "complete")
