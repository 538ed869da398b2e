"""Test how a store creates sessions and changes their values."""

from __future__ import annotations

from contextlib import suppress

from ... import codec
from ...stores import Change, Details
from .setup import ContractSetup, change, key_of


class ValuesContract(ContractSetup):
    """Claims about records, merged changes, versions and `swap`."""

    def test_create_is_insert_only(self) -> None:
        store, key = self._live(a=1)
        assert store.create(key, codec.encode({"a": 2}), self.lifetime) is False
        assert self._data(store, key) == {"a": 1}

    def test_a_record_comes_back_unchanged(self) -> None:
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

    def test_the_last_of_two_patches_of_one_key_wins(self) -> None:
        store, key = self._live(a=1)
        loaded = store.load(key)
        assert loaded is not None and loaded.record is not None
        for value in (2, 3):
            assert store.patch(key, loaded.version, change(loaded.record, a=value))
        assert self._data(store, key) == {"a": 3}

    def test_every_write_gets_a_version_that_was_never_used(self) -> None:
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

    def test_a_disposable_session_stays_disposable_until_other_data_is_written(self) -> None:
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

    def test_an_overtaken_swap_calls_its_function_again(self) -> None:
        store, key = self._live(n=1)
        overtaken: list[bool] = []

        def add_one(text: str | None) -> str:
            if not overtaken:
                overtaken.append(True)
                assert store.swap(key, "n", lambda text: str(int(text or 0) + 10)) == "11"
            return str(int(text or 0) + 1)

        assert store.swap(key, "n", add_one) == "12"

    def test_an_exception_in_a_swap_function_is_raised_and_nothing_is_stored(self) -> None:
        store, key = self._live(n=1)
        with suppress(ZeroDivisionError):
            raise AssertionError(store.swap(key, "n", lambda text: str(1 // 0)))
        assert self._data(store, key) == {"n": 1}
