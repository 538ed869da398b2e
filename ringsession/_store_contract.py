"""The contract of a store, as test classes for whoever writes one; `ringsession.testing` is where they are imported from.

Owns the claims of `stores/__init__.py`, each as a test. Needs no test framework; any that collects `test_` methods runs them.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from hashlib import sha256
from typing import Any

from . import codec
from .stores import Change, Lifetime, Store

HOUR = 3600.0


def key_of(name: str) -> str:
    """A key as a store sees it.

    >>> len(key_of("a"))
    64
    """
    return sha256(name.encode()).hexdigest()


def change(before: str, **values: Any) -> Change:
    """The change that sets keys of a record; None removes one."""
    pairs = {**codec.decode(before), **values}.items()
    return Change(before, codec.encode({key: value for key, value in pairs if value is not None}))


class StoreContract:
    """What every server-side store must do. A subclass gives a store, and says how time passes.

    A three-function store is no such store, and neither is the cookie store: they cannot merge what requests at the same
    time write ("no write is lost"), nor keep a late write from bringing a session back ("what is deleted stays deleted").

    >>> from ringsession import memory_store
    >>> from ringsession.testing import StoreContract
    >>> class TestMemory(StoreContract):
    ...     def make_store(self):
    ...         self.now = 0.0
    ...         return memory_store(clock=lambda: self.now)
    ...     def pass_time(self, seconds):
    ...         self.now += seconds
    >>> TestMemory().test_create_is_insert_only()
    """

    lifetime = Lifetime(idle=HOUR, absolute=None)
    tombstone = 60.0  # seconds for which a dead key is told from an unknown one

    def make_store(self) -> Store:
        """A new, empty store."""
        raise NotImplementedError

    def pass_time(self, seconds: float) -> None:
        """Let the store's clock go on."""
        raise NotImplementedError

    def _live(self, lifetime: Lifetime | None = None, **values: Any) -> tuple[Store, str]:
        store, key = self.make_store(), key_of("live")
        assert store.create(key, codec.encode(values), lifetime or self.lifetime)
        return store, key

    def _data(self, store: Store, key: str) -> Any:
        loaded = store.load(key)
        return loaded and ("dead" if loaded.record is None else codec.decode(loaded.record))

    def test_an_unknown_key_is_absent_for_every_call(self) -> None:
        store, key, record = self.make_store(), key_of("unknown"), codec.encode({"a": 1})
        assert store.load(key) is None
        assert store.patch(key, None, change(codec.encode({}), a=1)) is False
        assert store.claim(key) is None
        assert store.destroy(key) is False
        assert store.swap(key, "a", lambda text: "1") is None
        assert store.create(key, record, self.lifetime) is True

    def test_create_is_insert_only(self) -> None:
        store, key = self._live(a=1)
        assert store.create(key, codec.encode({"a": 2}), self.lifetime) is False
        assert self._data(store, key) == {"a": 1}

    def test_a_record_comes_back_as_it_went_in(self) -> None:
        values = {"text": "\0\n\u20ac\U0001f600'\"\\", "long": "x" * 1_000_000, "": [1.5, None]}
        store, key = self._live(None, **values)
        assert self._data(store, key) == values

    def test_patches_of_different_keys_are_merged(self) -> None:
        store, key = self._live(a=1, b=1, c=1)
        loaded = store.load(key)
        assert loaded is not None and loaded.record is not None
        assert store.patch(key, loaded.version, change(loaded.record, a=2))
        assert store.patch(key, loaded.version, change(loaded.record, b=None, d=4))
        assert self._data(store, key) == {"a": 2, "c": 1, "d": 4}

    def test_of_patches_of_one_key_the_last_wins(self) -> None:
        store, key = self._live(a=1)
        loaded = store.load(key)
        assert loaded is not None and loaded.record is not None
        for value in (2, 3):
            assert store.patch(key, loaded.version, change(loaded.record, a=value))
        assert self._data(store, key) == {"a": 3}

    def test_a_dead_key_stays_dead_for_every_call(self) -> None:
        store, key = self._live(a=1)
        loaded = store.load(key)
        assert loaded is not None and loaded.record is not None
        assert store.destroy(key) is True
        assert store.patch(key, loaded.version, change(loaded.record, a=2)) is False
        assert store.swap(key, "a", lambda text: "2") is None
        assert store.claim(key) is None
        assert store.destroy(key) is False
        assert store.create(key, loaded.record, self.lifetime) is False
        assert self._data(store, key) == "dead"

    def test_a_tombstone_goes_after_a_while(self) -> None:
        store, key = self._live(a=1)
        store.destroy(key)
        self.pass_time(self.tombstone + 1)
        assert store.load(key) is None

    def test_a_claim_gives_the_record_once_and_ends_the_session(self) -> None:
        store, key = self._live(a=1)
        assert store.claim(key) == codec.encode({"a": 1})
        assert store.claim(key) is None
        assert self._data(store, key) == "dead"

    def test_swap_sets_a_key_from_its_value(self) -> None:
        store, key = self._live(n=1, other=2)
        assert store.swap(key, "n", lambda text: str(int(text or 0) + 1)) == "2"
        assert store.swap(key, "new", lambda text: "true" if text is None else "false") == "true"
        assert self._data(store, key) == {"n": 2, "other": 2, "new": True}

    def test_a_swap_that_is_overtaken_begins_again(self) -> None:
        store, key = self._live(n=1)
        overtaken: list[bool] = []

        def add_one(text: str | None) -> str:
            if not overtaken:
                overtaken.append(True)
                assert store.swap(key, "n", lambda text: str(int(text or 0) + 10)) == "11"
            return str(int(text or 0) + 1)

        assert store.swap(key, "n", add_one) == "12"

    def test_what_a_swaps_function_raises_is_raised_and_nothing_is_done(self) -> None:
        store, key = self._live(n=1)
        with suppress(ZeroDivisionError):
            raise AssertionError(store.swap(key, "n", lambda text: str(1 // 0)))
        assert self._data(store, key) == {"n": 1}

    def test_a_session_ends_when_it_is_idle(self) -> None:
        store, key = self._live(a=1)
        self.pass_time(HOUR - 1)
        assert self._data(store, key) == {"a": 1}
        self.pass_time(HOUR + 1)
        assert self._data(store, key) is None
        assert store.destroy(key) is False

    def test_a_read_moves_the_idle_deadline_but_not_each_time(self) -> None:
        store, key = self._live(a=1)
        self.pass_time(self.lifetime.granularity / 2)
        loaded = store.load(key)
        assert loaded is not None and loaded.moved is False
        self.pass_time(self.lifetime.granularity)
        loaded = store.load(key)
        assert loaded is not None and loaded.moved is True
        assert loaded.expires_in is not None and HOUR - 1 < loaded.expires_in <= HOUR

    def test_the_absolute_deadline_holds_whatever_happens(self) -> None:
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
        assert loaded is not None and loaded.expires_in is None

    def test_sweep_removes_what_has_expired_and_nothing_else(self) -> None:
        store, key = self._live(a=1)
        assert store.create(key_of("keeps"), codec.encode({}), Lifetime(None, None))
        self.pass_time(HOUR + 1)
        store.sweep()
        assert (store.sweep(), self._data(store, key)) == (0, None)
        assert self._data(store, key_of("keeps")) == {}

    def test_800_of_800_parallel_patches_are_kept(self) -> None:
        store, key = self._live()
        empty = codec.encode({})

        def write(worker: int) -> None:
            for number in range(100):
                assert store.patch(key, None, change(empty, **{f"{worker}-{number}": number}))

        _in_8_threads(write)
        assert len(self._data(store, key)) == 800

    def test_a_claim_gives_every_write_that_was_acknowledged(self) -> None:
        store = self.make_store()
        for key in map(key_of, "abcde"):
            assert store.create(key, codec.encode({}), self.lifetime)
            written: list[bool] = []
            claimed: list[str | None] = []

            def work(worker: int) -> None:
                if worker == 7:
                    claimed.append(store.claim(key))
                for number in range(20):
                    name = f"{worker}-{number}"
                    written.append(store.patch(key, None, change(codec.encode({}), **{name: 1})))

            _in_8_threads(work)
            assert [len(codec.decode(record or "")) for record in claimed] == [sum(written)]

    def test_800_of_800_parallel_swaps_are_counted(self) -> None:
        store, key = self._live(n=0)

        def count(worker: int) -> None:
            for _ in range(100):
                assert store.swap(key, "n", lambda text: str(int(text or 0) + 1))

        _in_8_threads(count)
        assert self._data(store, key) == {"n": 800}


def _in_8_threads(work: Callable[[int], None]) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
