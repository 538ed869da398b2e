"""Test when sessions expire, by the store's own clock."""

from __future__ import annotations

from ... import codec
from ...stores import Lifetime
from ...stores.deadlines import Limit
from .setup import HOUR, ContractSetup, key_of


class TimesContract(ContractSetup):
    """Claims about timeouts, clocks that jump, and `sweep`."""

    def test_a_session_ends_when_it_is_idle(self) -> None:
        store, key = self._live(a=1)
        self.pass_time(HOUR - 1)
        assert self._data(store, key) == {"a": 1}
        self.pass_time(HOUR + 1)
        assert self._data(store, key) is None
        assert store.destroy(key) is False

    def test_a_read_extends_the_idle_timeout_but_not_every_time(self) -> None:
        store, key = self._live(a=1)
        self.pass_time(self.lifetime.granularity / 2)
        loaded = store.load(key)
        assert loaded is not None and loaded.moved is False
        self.pass_time(self.lifetime.granularity)
        loaded = store.load(key)
        assert loaded is not None and loaded.moved is True
        assert loaded.expires_in is not None and HOUR - 1 < loaded.expires_in <= HOUR

    def test_a_limit_may_forbid_a_read_to_extend_the_idle_timeout(self) -> None:
        store, key = self._live(a=1)
        limit = Limit(*self.lifetime, extends=False)
        for seconds, is_due in ((self.lifetime.granularity / 2, False), (120, True), (1, True)):
            self.pass_time(seconds)
            loaded = store.load(key, limit)
            assert loaded is not None and loaded.record is not None
            assert (loaded.moved, loaded.due) == (False, is_due)
            assert loaded.expires_in is not None and loaded.expires_in <= HOUR - seconds + 1
        assert self._load(store, key).moved is True

    def test_a_read_that_extends_the_idle_timeout_keeps_the_version(self) -> None:
        store, key = self._live(a=1)
        version = self._load(store, key).version
        self.pass_time(120)
        moved = self._load(store, key)
        assert (moved.moved, moved.version) == (True, version)
        assert store.claim(key, version, key_of("new")) is True

    def test_no_read_extends_the_absolute_timeout(self) -> None:
        store, key = self._live(Lifetime(idle=HOUR, absolute=2 * HOUR), a=1)
        for _ in range(4):
            self.pass_time(HOUR * 0.49)
            assert self._data(store, key) == {"a": 1}
        self.pass_time(HOUR * 0.1)
        assert self._data(store, key) is None

    def test_a_session_without_deadlines_does_not_end(self) -> None:
        store, key = self._live(Lifetime(None, None), a=1)
        self.pass_time(HOUR * 10_000)
        loaded = store.load(key)
        assert loaded is not None and loaded.expires_in is None and loaded.moved is False

    def test_the_shorter_of_the_stored_and_the_configured_time_decides(self) -> None:
        for stored, limit in (
            (Lifetime(HOUR, None), Lifetime(60, None)),
            (Lifetime(60, None), Lifetime(HOUR, None)),
            (Lifetime(None, HOUR), Lifetime(None, 60)),
            (Lifetime(None, 60), Lifetime(None, HOUR)),
            (Lifetime(None, None), Lifetime(60, None)),
            (Lifetime(None, None), Lifetime(None, 60)),
        ):
            store, key = self._live(stored, a=1)
            loaded = store.load(key, limit)
            assert loaded is not None and loaded.record is not None
            assert loaded.expires_in is not None and 30 < loaded.expires_in <= 60
            self.pass_time(61)
            loaded = store.load(key, limit)
            assert loaded is None or loaded.outlived

    def test_a_session_that_only_a_shorter_limit_ends_is_not_changed(self) -> None:
        store, key = self._live(Lifetime(HOUR, None), a=1)
        self.pass_time(HOUR - 600)
        loaded = store.load(key, Lifetime(60, None))
        assert loaded is not None and (loaded.record, loaded.outlived) == (None, True)
        loaded = store.load(key, Lifetime(HOUR, None))
        assert loaded is not None and loaded.record is not None
        self.pass_time(120)
        loaded = store.load(key, Lifetime(60, None))
        assert loaded is not None and loaded.outlived
        assert store.destroy(key) is True
        assert self._data(store, key) == "dead"

    def test_a_clock_that_jumps_back_extends_no_session(self) -> None:
        store, key = self._live(Lifetime(HOUR, 2 * HOUR), a=1)
        self.pass_time(HOUR * 0.9)
        assert self._load(store, key).moved
        self.pass_time(-24 * HOUR)
        loaded = self._load(store, key)
        assert loaded.expires_in is not None and HOUR - 60 < loaded.expires_in <= HOUR
        self.pass_time(HOUR * 0.9)
        loaded = self._load(store, key)
        assert loaded.expires_in is not None and loaded.expires_in <= HOUR * 0.2 + 1
        self.pass_time(HOUR * 0.21)
        assert self._data(store, key) is None

    def test_sweep_removes_only_expired_sessions(self) -> None:
        store, key = self._live(a=1)
        assert store.create(key_of("keeps"), codec.encode({}), Lifetime(None, None))
        self.pass_time(HOUR + 1)
        store.sweep()
        assert (store.sweep(), self._data(store, key)) == (0, None)
        assert self._data(store, key_of("keeps")) == {}
