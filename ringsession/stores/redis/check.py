"""Check a server when the app starts: its version, its eviction policy, and the store's rights.

`INFO` is asked for if the user may use it. A server does not need to allow it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .call import Call
from .connections import Connections
from .failures import NotAccepted, Refused
from .scripts import CHECK, Script
from .scripts_users import CHECK_USERS

log = logging.getLogger("ringsession")

OLDEST = 7  # acl_check_cmd, and scripts that may delete before they write
KEEPS_SESSIONS = ("noeviction", "volatile-ttl")
_RIGHTS = "Grant the rights in docs/how-to/stores.md"
TOO_OLD = f"redis_store: expected Redis or Valkey {OLDEST}.0 or newer, got an older server"


def check_server(connections: Connections, name: bytes, shown: str) -> None:
    """Raise ValueError for what waiting cannot cure, and close the connections again.

    name: a key under the store's prefix. shown: the store, for a warning.
    Raises StoreUnavailable if the server does not answer.
    """
    try:
        with lasting_as_value_error():
            call = Call(connections, name)
            _check_info(call, shown)
            check_rights(call, connections)
    finally:
        connections.close()  # a server that forks later must not share a connection


@contextmanager
def lasting_as_value_error() -> Iterator[None]:
    """Raise ValueError for a refusal that waiting cannot cure, such as of a wrong password."""
    try:
        yield
    except NotAccepted as error:
        raise ValueError(str(error)) from None
    except Refused as error:
        if error.reply.code == "NOAUTH":
            raise ValueError(f"{error}. Put the password into the URL or the client") from None
        raise


def _check_info(call: Call, shown: str) -> None:
    info = find_info(call.ask)
    if info is None:
        return
    if is_too_old(info):
        raise ValueError(f"{TOO_OLD} ({info['redis_version']})")
    policy = info.get("maxmemory_policy", "noeviction")
    if policy not in KEEPS_SESSIONS:
        log.warning(
            "%s has maxmemory-policy %s, which throws out live sessions when its memory is full;"
            " set noeviction or volatile-ttl",
            shown,
            policy,
        )


def find_info(ask: Callable[..., list[Any]]) -> dict[str, str] | None:
    """Return what a server says of itself, or None if the user may not ask.

    ask: a function that sends commands and returns the replies.
    """
    try:
        replies = ask((b"INFO", b"server"), (b"INFO", b"memory"))
    except Refused as error:
        if error.reply.code in ("NOPERM", "ERR"):
            return None  # ERR: the service does not know the command
        raise
    return _read_info(b"\r\n".join(replies))


def is_too_old(info: dict[str, str]) -> bool:
    """Return whether a server is too old.

    >>> is_too_old({"redis_version": "6.2.14"}), is_too_old({})
    (True, False)
    """
    major = info.get("redis_version", "").partition(".")[0]
    return major.isdecimal() and int(major) < OLDEST


def _read_info(text: bytes) -> dict[str, str]:
    r"""Return the fields of an answer to INFO.

    >>> _read_info(b"# Server\r\nredis_version:7.0.15\r\n")
    {'redis_version': '7.0.15'}
    """
    lines = text.decode("ascii", "replace").splitlines()
    pairs = (line.partition(":") for line in lines)
    return {name: value for name, colon, value in pairs if colon and value.isprintable()}


def check_users(connections: Connections, name: bytes) -> None:
    """Raise ValueError for a right that the store lacks where an app has users."""
    try:
        check_rights(Call(connections, name), connections, CHECK_USERS)
    finally:
        connections.close()


def check_rights(call: Call, connections: Connections, script: Script = CHECK) -> None:
    """Raise ValueError for a command that the server's ACL refuses to the store."""
    try:
        call.ask((b"GET", call.name), (b"TIME",), *connections.own_commands)
        refused = call.run(script)
    except Refused as error:
        if error.reply.code == "NOPERM":
            raise ValueError(f"{error}. {_RIGHTS}") from None
        if "acl_check_cmd" in error.reply.text:
            raise ValueError(TOO_OLD) from None
        raise
    if refused is not None:
        names = refused.decode().upper().replace(" ", ", ")
        under = call.name[: -len("0" * 64)].decode()
        raise ValueError(
            f"redis_store: the server's ACL refuses {names} under {under!r}. {_RIGHTS}"
        )
