"""Test how sessions end and move to another key, and that a dead session stays dead."""

from __future__ import annotations

from ... import codec
from .setup import ContractSetup, change, key_of


class EndingsContract(ContractSetup):
    """Claims about absent and dead keys, `destroy` and `claim`."""

    def test_an_unknown_key_is_absent_for_every_call(self) -> None:
        store, key, record = self.make_store(), key_of("unknown"), codec.encode({"a": 1})
        assert store.load(key) is None
        assert store.patch(key, None, change(codec.encode({}), a=1)) is False
        assert store.claim(key, "1", key_of("new")) is False
        assert store.destroy(key) is False
        assert store.swap(key, "a", lambda text: "1") is None
        assert store.create(key, record, self.lifetime) is True

    def test_a_dead_key_stays_dead_for_every_call(self) -> None:
        store, key = self._live(a=1)
        loaded = store.load(key)
        assert loaded is not None and loaded.record is not None
        assert store.destroy(key) is True
        assert store.patch(key, loaded.version, change(loaded.record, a=2)) is False
        assert store.swap(key, "a", lambda text: "2") is None
        assert store.claim(key, loaded.version, key_of("new")) is False
        assert store.destroy(key) is False
        assert store.create(key, loaded.record, self.lifetime) is False
        assert self._data(store, key) == "dead"

    def test_a_tombstone_expires(self) -> None:
        store, key = self._live(a=1)
        store.destroy(key)
        self.pass_time(self.tombstone + 1)
        assert store.load(key) is None

    def test_a_claim_ends_the_session_and_names_its_successor(self) -> None:
        store, key = self._live(a=1)
        assert store.claim(key, self._load(store, key).version, key_of("new")) is True
        loaded = self._load(store, key)
        assert (loaded.record, loaded.successor) == (None, key_of("new"))

    def test_a_claim_at_another_version_does_nothing(self) -> None:
        store, key = self._live(a=1)
        before = self._load(store, key)
        assert before.record is not None
        assert store.patch(key, before.version, change(before.record, a=2))
        assert store.claim(key, before.version, key_of("new")) is False
        assert self._data(store, key) == {"a": 2}
        assert store.claim(key, self._load(store, key).version, key_of("new")) is True

    def test_only_the_same_claim_can_be_repeated(self) -> None:
        store, key = self._live(a=1)
        version = self._load(store, key).version
        assert store.claim(key, version, key_of("new"))
        assert store.claim(key, version, key_of("new")) is True
        assert store.claim(key, version, key_of("other")) is False
        assert self._load(store, key).successor == key_of("new")

    def test_an_ended_session_cannot_move(self) -> None:
        store, key = self._live(a=1)
        version = self._load(store, key).version
        assert store.destroy(key)
        assert store.claim(key, version, key_of("new")) is False
        assert self._load(store, key).successor is None

    def test_destroy_does_not_change_the_tombstone_of_a_moved_session(self) -> None:
        store, key = self._live(a=1)
        assert store.claim(key, self._load(store, key).version, key_of("new"))
        assert store.destroy(key) is False
        assert self._load(store, key).successor == key_of("new")
