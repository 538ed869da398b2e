"""The contract of a server-side store as one test class, for authors of stores.

Each claim of `ringsession.stores.Store` is a test. Any test framework that collects `test_` methods
can run them.
"""

from __future__ import annotations

from .endings import EndingsContract
from .setup import change as change
from .setup import key_of as key_of
from .threads import ThreadsContract
from .times import TimesContract
from .users import UsersContract
from .values import ValuesContract


class StoreContract(ValuesContract, EndingsContract, TimesContract, ThreadsContract, UsersContract):
    """Test all claims of `ringsession.stores.Store` for your store, and those of `UserStore`.

    Write a subclass with two methods: `make_store` returns a new, empty store, and
    `pass_time(seconds)` moves its clock. Also set `tombstone` if your store keeps the tombstone of
    a dead session for another number of seconds than 60, and `finds_users = False` if your store
    cannot find and end the sessions of a user.

    This contract is not for the cookie store and not for a store with Ring's three functions. Such
    stores cannot merge the changes of requests at the same time ("no write is lost"), nor stop a
    late write from restoring a deleted session ("what is deleted stays deleted").

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
