"""Make the stores, keys and changes that the contract's tests use."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from ... import codec
from ...stores import Change, Lifetime, Loaded, Store
from ...stores.deadlines import TOMBSTONE

HOUR = 3600.0  # seconds


def key_of(name: str) -> str:
    """Return a key such as a store gets: 64 hexadecimal digits.

    >>> len(key_of("a"))
    64
    """
    return sha256(name.encode()).hexdigest()


def change(before: str, **values: Any) -> Change:
    """Return the change that sets these keys of a record. A value of None removes the key.

    >>> change('1{"a":1}', b=2).changed
    {'b': '2'}
    """
    pairs = {**codec.decode(before), **values}.items()
    return Change(before, codec.encode({key: value for key, value in pairs if value is not None}))


class ContractSetup:
    """Make a store with one session, and read it. See `StoreContract`."""

    lifetime = Lifetime(idle=HOUR, absolute=None)
    tombstone = float(TOMBSTONE)  # seconds for which the store tells a dead key from an unknown one

    def make_store(self) -> Store:
        """Return a new, empty store."""
        raise NotImplementedError

    def pass_time(self, seconds: float) -> None:
        """Move the store's clock forward, or back if the number of seconds is negative."""
        raise NotImplementedError

    def _live(self, lifetime: Lifetime | None = None, **values: Any) -> tuple[Store, str]:
        store, key = self.make_store(), key_of("live")
        assert store.create(key, codec.encode(values), lifetime or self.lifetime)
        return store, key

    def _load(self, store: Store, key: str) -> Loaded:
        loaded = store.load(key)
        assert loaded is not None
        return loaded

    def _data(self, store: Store, key: str) -> Any:
        loaded = store.load(key)
        return loaded and ("dead" if loaded.record is None else codec.decode(loaded.record))
