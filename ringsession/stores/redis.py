"""Sessions in Redis or Valkey: for any number of machines.

Owns what each script is asked and how its answer is read. Knows nothing of cookies, ids and values; the scripts are in
`_redis_scripts.py`, the clients in `_redis_connections.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import codec
from . import Change, CopiesAsItself, Lifetime, Loaded, is_seconds
from ._redis_connections import Connections, connect, is_a, is_broken_connection
from ._redis_scripts import CLAIM, CREATE, DESTROY, LOAD, PATCH, REPLACE, Script

_TOMBSTONE_MILLISECONDS = 60_000


class RedisStore(CopiesAsItself):
    """The store that `redis_store` makes."""

    def __init__(self, connections: Connections, prefix: str) -> None:
        self._connections = connections
        self._prefix = prefix

    def __repr__(self) -> str:
        return f"<redis_store {self._prefix!r}>"

    def load(self, key: str) -> Loaded | None:
        reply = self._ask(LOAD, key)
        if reply is None:
            return None
        if reply == b"dead":
            return Loaded(None)
        moved, left, version, record = _read(reply)
        return Loaded(record, version, None if left < 0 else left / 1000, moved)

    def create(self, key: str, record: str, lifetime: Lifetime) -> bool:
        times = (_milliseconds(lifetime.idle), _milliseconds(lifetime.absolute))
        try:
            return bool(self._ask_once(CREATE, key, record, *times) == 1)
        except Exception as error:
            if not is_broken_connection(error):
                raise
        # What stands there now under a new random id can only be what the first try stored.
        self._ask_once(CREATE, key, record, *times)
        return True

    def patch(self, key: str, version: Any, change: Change) -> bool:
        changed = [part for name, text in change.changed.items() for part in (_name(name), text)]
        removed = map(_name, change.removed)
        given = (version or b"", change.record, len(changed) // 2)
        return bool(self._ask(PATCH, key, *given, *changed, *removed) == 1)

    def claim(self, key: str) -> str | None:
        reply = self._ask(CLAIM, key, _TOMBSTONE_MILLISECONDS)
        return None if reply is None else _read(reply)[3]

    def destroy(self, key: str) -> bool:
        return bool(self._ask(DESTROY, key, _TOMBSTONE_MILLISECONDS) == 1)

    def swap(self, key: str, name: str, change: Callable[[str | None], str]) -> str | None:
        while True:  # each round that fails is one in which another request has succeeded
            reply = self._ask(LOAD, key)
            if reply is None or reply == b"dead":
                return None
            version, record = _read(reply)[2:]
            text = change(codec.value_text(record, name))
            merged = codec.merge(record, {name: text}, ())
            # "Never retried after an unknown outcome": a second try could not tell its own write from another's.
            done = self._ask_once(REPLACE, key, version, merged)
            if done >= 0:
                return text if done else None

    def sweep(self) -> int:
        return 0  # the server itself removes what has expired

    def _ask(self, script: Script, key: str, *arguments: Any) -> Any:
        """Run a script that may run twice; once more if the connection broke."""
        try:
            return self._ask_once(script, key, *arguments)
        except Exception as error:
            if not is_broken_connection(error):
                raise
        return self._ask_once(script, key, *arguments)

    def _ask_once(self, script: Script, key: str, *arguments: Any) -> Any:
        name = f"{self._prefix}{key}".encode()
        try:
            return self._connections.ask(name, ("EVALSHA", script.sha, 1, name, *arguments))
        except Exception as error:
            if not is_a(error, "NoScriptError"):
                raise
        return self._connections.ask(name, ("EVAL", script.text, 1, name, *arguments))


def _milliseconds(seconds: float | None) -> int | str:
    return "" if seconds is None else max(1, round(seconds * 1000))


def _name(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass")


def _read(reply: Any) -> tuple[bool, int, bytes, str]:
    """Whether the read moved the deadline, the milliseconds left, the version and the record."""
    beside: list[bytes] = []
    if isinstance(reply, list):
        reply, *beside = reply
    moved, left, version, text = reply.split(b" ", 3)
    record = codec.record_text(text)
    if beside:
        names = [name.decode("utf-8", "surrogatepass") for name in beside[::2]]
        texts = [text.decode() for text in beside[1::2]]
        changed = {name: text for name, text in zip(names, texts) if text}
        record = codec.merge(record, changed, set(names) - changed.keys())
    return moved == b"1", int(left), version, record


def redis_store(
    client_or_url: Any, *, prefix: str = "ringsession:", timeout: float | None = None
) -> RedisStore:
    """A store in Redis or Valkey (7.0 and newer; alone, behind Sentinel, or a cluster). It keeps every promise.

    client_or_url: a client of redis-py or valkey-py with a `socket_timeout` and without `decode_responses`, also one that
        `Sentinel.master_for` gave or a cluster's; or a URL: "redis://host:6379/0", "rediss://..." for TLS.
    prefix: "ringsession:"; what the server's keys begin with.
    timeout: 2; seconds to connect and for each answer, for a URL.

    A session is one hash with a time to live, and each operation one script on that one key. The server must not evict:
    `maxmemory-policy noeviction` or `volatile-ttl`. Raises ValueError or TypeError for what will not do; `pip install
    'ringsession[redis]'` brings redis-py for a URL. See docs/stores.md for what a fail-over may lose.

    >>> from ringsession import assoc_in, site_defaults
    >>> store = redis_store("redis://sessions.internal:6379/0")
    >>> config = assoc_in(site_defaults, ["session", "store"], store)
    """
    if type(prefix) is not str or not prefix:
        raise ValueError(f"prefix: expected a str that is not empty, got {prefix!r:.60}")
    if not is_seconds(timeout):
        raise ValueError(f"timeout: expected seconds over 0, got {timeout!r:.60}")
    return RedisStore(connect(client_or_url, timeout), prefix)
