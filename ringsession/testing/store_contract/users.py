"""Test the claims of `ringsession.stores.UserStore`: find and end the sessions of a user."""

from __future__ import annotations

from threading import Thread
from typing import Any, cast
from unittest import SkipTest

from ... import codec
from ...stores import Details, Lifetime, Store, UserStore
from ...stores.ids import hash_cookie_name, hash_owner, new_handle
from .setup import HOUR, ContractSetup, key_of

ANN, BEN = hash_owner("ann", "id"), hash_owner("ben", "id")
_COOKIE = hash_cookie_name("id")
_ROUNDS = 20


class UsersContract(ContractSetup):
    """Find and end the sessions of a user. See `StoreContract`."""

    finds_users = True  # False: the store is no `UserStore`, so no app with a `user_key` may use it

    def test_a_store_says_whether_it_finds_users(self) -> None:
        assert isinstance(self.make_store(), UserStore) == self.finds_users

    def test_a_session_keeps_what_its_login_said_of_it(self) -> None:
        store = self.make_store()
        facts: dict[str, Any] = {"remembered": True, "began": 1_000.5, "confirmed": 2_000.25}
        self._create(store, "a", None, None, **facts)
        loaded = self._load(store, key_of("a"))
        assert {name: getattr(loaded, name) for name in facts} == facts

    def test_load_returns_the_login(self) -> None:
        store = self._users()
        self._create(store, "a", ANN, "0a" * 16, remembered=True, confirms=True)
        loaded = self._load(store, key_of("a"))
        assert (loaded.owner, loaded.handle, loaded.remembered) == (ANN, "0a" * 16, True)
        assert loaded.began is not None and loaded.began == loaded.confirmed

    def test_a_session_without_a_user_has_the_time_when_it_began(self) -> None:
        store = self._users()
        self._create(store, "a", None, None)
        loaded = self._load(store, key_of("a"))
        assert (loaded.owner, loaded.handle, loaded.confirmed) == (None, None, None)
        assert loaded.remembered is False and loaded.began is not None

    def test_find_returns_the_live_sessions_of_one_owner(self) -> None:
        store = self._users()
        self._create(store, "a", ANN, "0a" * 16)
        self.pass_time(60)
        self._create(store, "b", ANN, "0b" * 16)
        self._create(store, "ended", ANN, "0c" * 16)
        store.destroy(key_of("ended"))
        self._create(store, "ben", BEN, "0d" * 16)
        self._create(store, "nobody", None, None)
        rows = sorted(store.find_sessions(ANN), key=lambda row: row.handle)
        assert [row.key for row in rows] == [key_of("a"), key_of("b")]
        assert [codec.decode(row.record) for row in rows] == [{"name": "a"}, {"name": "b"}]
        assert abs(rows[1].began - rows[0].began - 60) < 10
        for row in rows:
            assert row.began <= row.seen < row.idle_ends < row.ends
            assert abs(row.idle_ends - row.seen - HOUR) < 1

    def test_find_extends_no_idle_timeout(self) -> None:
        store = self._users()
        self._create(store, "a", ANN, "0a" * 16)
        self.pass_time(HOUR / 2)
        (before,) = store.find_sessions(ANN)
        (after,) = store.find_sessions(ANN)
        assert (after.seen, after.idle_ends) == (before.seen, before.idle_ends)
        self.pass_time(HOUR / 2 + 10)
        assert store.find_sessions(ANN) == []

    def test_end_ends_one_login(self) -> None:
        store = self._three_logins()
        assert store.end_sessions(ANN, handle="0a" * 16) == 1
        assert self._find_live(store) == ["b", "ben"]
        assert store.end_sessions(ANN, handle="0d" * 16) == 0, "another user's"
        assert self._find_live(store) == ["b", "ben"]

    def test_end_spares_one_login(self) -> None:
        store = self._three_logins()
        assert store.end_sessions(ANN, spare="0a" * 16) == 1
        assert self._find_live(store) == ["a", "ben"]

    def test_end_ends_all_logins_of_an_owner_and_leaves_tombstones(self) -> None:
        store = self._three_logins()
        assert store.end_sessions(ANN) == 2
        assert self._find_live(store) == ["ben"]
        assert [self._data(store, key_of(name)) for name in ("a", "b")] == ["dead", "dead"]
        assert store.end_sessions(ANN) == 0
        self._create(store, "later", ANN, "0e" * 16)
        assert self._find_live(store) == ["ben", "later"]

    def test_a_login_continues_under_a_new_key(self) -> None:
        store = self._users()
        self._create(store, "a", ANN, "0a" * 16)
        before = self._load(store, key_of("a"))
        self.pass_time(60)
        assert self._create(
            store, "b", ANN, "0a" * 16, began=before.began, replaces=key_of("a"), continues=True
        )
        assert store.claim(key_of("a"), self._load(store, key_of("a")).version, key_of("b"))
        assert self._load(store, key_of("b")).began == before.began
        assert [row.key for row in store.find_sessions(ANN)] == [key_of("b")]
        assert store.end_sessions(ANN) == 1
        assert self._data(store, key_of("b")) == "dead"

    def test_an_ended_login_does_not_continue(self) -> None:
        store = self._users()
        self._create(store, "a", ANN, "0a" * 16)
        store.end_sessions(ANN)
        again: dict[str, Any] = {"replaces": key_of("a"), "continues": True}
        assert not self._create(store, "b", ANN, "0a" * 16, **again)
        assert store.load(key_of("b")) is None or self._data(store, key_of("b")) == "dead"
        assert store.find_sessions(ANN) == []

    def test_a_login_continues_with_its_own_owner_and_handle_alone(self) -> None:
        store = self._users()
        self._create(store, "a", ANN, "0a" * 16)
        again: dict[str, Any] = {"replaces": key_of("a"), "continues": True}
        for number, (owner, handle) in enumerate(((BEN, "0a" * 16), (ANN, "0b" * 16))):
            assert not self._create(store, f"new {number}", owner, handle, **again)

    def test_end_all_ends_every_session_of_one_cookie(self) -> None:
        store = self._users()
        self._create(store, "a", ANN, "0a" * 16)
        self._create(store, "nobody", None, None)
        other = Details(hash_cookie_name("other"))
        assert store.create(key_of("other"), codec.encode({}), self._lifetime, other)
        self.pass_time(1)
        assert store.end_all_sessions(_COOKIE) == 2
        assert [self._data(store, key_of(name)) for name in ("a", "nobody")] == ["dead", "dead"]
        assert self._data(store, key_of("other")) == {}
        self.pass_time(1)
        self._create(store, "later", ANN, "0b" * 16)
        assert self._data(store, key_of("later")) == {"name": "later"}

    def test_count_counts_the_live_sessions(self) -> None:
        store = self._three_logins()
        store.destroy(key_of("a"))
        self._create(store, "nobody", None, None)
        assert store.count_sessions() == 3

    def test_no_login_survives_the_end_of_all_while_it_moves(self) -> None:
        store = self._users()
        for round_ in range(_ROUNDS):
            first = f"{round_} 0"
            handle = new_handle()
            self._create(store, first, ANN, handle)
            mover = Thread(target=self._move_on, args=(store, round_, handle))
            mover.start()
            store.end_sessions(ANN)
            assert store.find_sessions(ANN) == []
            mover.join()
            assert store.find_sessions(ANN) == []

    def _move_on(self, store: UserStore, round_: int, handle: str) -> None:
        """Move a login to new keys, until it is ended."""
        for step in range(1000):
            key = key_of(f"{round_} {step}")
            loaded, name = store.load(key), f"{round_} {step + 1}"
            if loaded is None or loaded.record is None:
                return
            again: dict[str, Any] = {"replaces": key, "continues": True, "began": loaded.began}
            if not self._create(store, name, ANN, handle, **again):
                return
            if not store.claim(key, loaded.version, key_of(name)):
                store.destroy(key_of(name))
                return

    @property
    def _lifetime(self) -> Lifetime:
        return Lifetime(HOUR, 10 * HOUR)

    def _users(self) -> UserStore:
        if not self.finds_users:
            raise SkipTest("this store finds no users")
        return cast(UserStore, self.make_store())

    def _create(
        self, store: Store, name: str, owner: str | None, handle: str | None, **details: Any
    ) -> bool:
        given = Details(_COOKIE, owner=owner, handle=handle, **details)
        return store.create(key_of(name), codec.encode({"name": name}), self._lifetime, given)

    def _three_logins(self) -> UserStore:
        store = self._users()
        self._create(store, "a", ANN, "0a" * 16)
        self._create(store, "b", ANN, "0b" * 16)
        self._create(store, "ben", BEN, "0d" * 16)
        return store

    def _find_live(self, store: UserStore) -> list[str]:
        rows = [*store.find_sessions(ANN), *store.find_sessions(BEN)]
        return sorted(codec.decode(row.record)["name"] for row in rows)
