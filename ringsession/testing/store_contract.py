"""The contract of a store, as test classes for whoever writes one; `ringsession.testing` is where they are imported from.

Owns the claims of `stores/__init__.py`, each as a test. Needs no test framework; any that collects `test_` methods runs them.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from hashlib import sha256
from typing import Any

from .. import codec
from ..stores import Change, Details, Lifetime, Loaded, Store

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
        """Let the store's clock go on, or jump back where the seconds are negative."""
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

    def test_an_unknown_key_is_absent_for_every_call(self) -> None:
        store, key, record = self.make_store(), key_of("unknown"), codec.encode({"a": 1})
        assert store.load(key) is None
        assert store.patch(key, None, change(codec.encode({}), a=1)) is False
        assert store.claim(key, "1", key_of("new")) is False
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
        assert store.claim(key, loaded.version, key_of("new")) is False
        assert store.destroy(key) is False
        assert store.create(key, loaded.record, self.lifetime) is False
        assert self._data(store, key) == "dead"

    def test_a_tombstone_goes_after_a_while(self) -> None:
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

    def test_a_claim_can_be_repeated_by_whoever_made_it_and_by_nobody_else(self) -> None:
        store, key = self._live(a=1)
        version = self._load(store, key).version
        assert store.claim(key, version, key_of("new"))
        assert store.claim(key, version, key_of("new")) is True
        assert store.claim(key, version, key_of("other")) is False
        assert self._load(store, key).successor == key_of("new")

    def test_a_session_that_was_ended_cannot_move_any_more(self) -> None:
        store, key = self._live(a=1)
        version = self._load(store, key).version
        assert store.destroy(key)
        assert store.claim(key, version, key_of("new")) is False
        assert self._load(store, key).successor is None

    def test_destroy_leaves_a_session_that_moved_as_it_is(self) -> None:
        store, key = self._live(a=1)
        assert store.claim(key, self._load(store, key).version, key_of("new"))
        assert store.destroy(key) is False
        assert self._load(store, key).successor == key_of("new")

    def test_every_write_gets_a_version_that_was_never_there(self) -> None:
        store = self.make_store()
        seen = []
        for key in map(key_of, "ab"):
            assert store.create(key, codec.encode({"n": 0}), self.lifetime)
            for number in range(1, 4):
                loaded = self._load(store, key)
                seen.append(loaded.version)
                assert loaded.record is not None
                assert store.patch(key, loaded.version, change(loaded.record, n=number))
            seen.append(self._load(store, key).version)
            assert store.swap(key, "n", lambda text: "9")
            seen.append(self._load(store, key).version)
        assert len(set(seen)) == 10

    def test_a_read_that_moves_the_deadline_keeps_the_version(self) -> None:
        store, key = self._live(a=1)
        version = self._load(store, key).version
        self.pass_time(120)
        moved = self._load(store, key)
        assert (moved.moved, moved.version) == (True, version)
        assert store.claim(key, version, key_of("new")) is True

    def test_a_disposable_session_is_one_until_something_else_is_written(self) -> None:
        store, key = self.make_store(), key_of("live")
        record = codec.encode({"secret": 1})
        assert store.create(key, record, self.lifetime, Details(disposable=True))
        first = self._load(store, key)
        more = Change(record, codec.encode({"secret": 2}), disposable=True)
        assert store.patch(key, first.version, more)
        second = self._load(store, key)
        assert store.patch(key, second.version, change(record, a=1))
        third = self._load(store, key)
        assert [first.disposable, second.disposable, third.disposable] == [True, True, False]

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

    def test_a_session_that_only_a_shorter_limit_ends_stays_as_it_is(self) -> None:
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

    def test_a_clock_that_jumps_back_gives_no_more_than_was_granted(self) -> None:
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

    def test_a_claim_finds_every_write_that_was_acknowledged(self) -> None:
        store = self.make_store()
        for key in map(key_of, "abcde"):
            assert store.create(key, codec.encode({}), self.lifetime)
            written: list[bool] = []
            claimed: list[str | None] = []

            def claim() -> str | None:
                while True:
                    loaded = self._load(store, key)
                    if store.claim(key, loaded.version, key_of("new")):
                        return loaded.record

            def work(worker: int) -> None:
                if worker == 7:
                    claimed.append(claim())
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
