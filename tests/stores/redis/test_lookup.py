"""A lookup by the client library: a Sentinel's primary, a cluster's slots."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
import valkey
from redis.sentinel import Sentinel
from valkey.sentinel import Sentinel as ValkeySentinel

from ringsession import codec, redis_store
from ringsession.stores import Lifetime, StoreUnavailable
from ringsession.stores.redis.lookup import Lookup
from ringsession.testing import key_of
from tests import servers
from tests.servers import Server

EMPTY = codec.encode({})


def soon() -> float:
    return time.monotonic() + 5


def test_callers_at_the_same_time_share_one_run() -> None:
    runs: list[int] = []
    go_on = threading.Event()

    def work() -> int:
        runs.append(1)
        assert go_on.wait(5)
        return len(runs)

    lookup = Lookup(work)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(lookup.wait, soon())
        while lookup._run is None:
            time.sleep(0.001)
        others = [pool.submit(lookup.wait, soon()) for _ in range(3)]
        time.sleep(0.3)  # until they wait as well
        go_on.set()
        assert [future.result() for future in (first, *others)] == [1, 1, 1, 1]
    assert lookup.wait(soon()) == 2


def test_a_late_run_is_a_timeout_and_the_next_caller_gets_its_result() -> None:
    go_on = threading.Event()
    lookup = Lookup(lambda: go_on.wait(5))
    with pytest.raises(TimeoutError):
        lookup.wait(time.monotonic() + 0.05)
    go_on.set()
    assert lookup.wait(soon()) is True


def test_the_functions_exception_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        Lookup(lambda: 1 // 0).wait(soon())


# The threads of the test are the point, and newer Pythons warn of each fork beside one.
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_child_process_does_not_wait_for_a_thread_of_its_parent() -> None:
    pids: list[int] = []
    go_on = threading.Event()

    def work() -> int:
        if not pids:
            pids.append(os.getpid())
            go_on.wait(5)
        return os.getpid()

    lookup = Lookup(work)
    with pytest.raises(TimeoutError):
        lookup.wait(time.monotonic() + 0.05)
    child = os.fork()
    if child == 0:
        os._exit(0 if lookup.wait(soon()) == os.getpid() else 1)
    assert os.waitpid(child, 0)[1] == 0
    go_on.set()
    assert lookup.wait(soon()) == os.getpid()


@pytest.fixture
def watched(valkey: Server) -> Iterator[Server]:
    """A Sentinel that watches a primary under the name "sessions"."""
    sentinel = servers.sentinel("sessions", valkey.port)
    try:
        yield sentinel.start()
    finally:
        sentinel.stop()


@pytest.mark.server
@pytest.mark.parametrize("library", [redis, valkey], ids=["redis-py", "valkey-py"])
def test_a_sentinel_that_hangs_costs_no_more_than_the_timeout(
    library: object, watched: Server
) -> None:
    """Its client alone would wait for five seconds, and try again."""
    kind = Sentinel if library is redis else ValkeySentinel
    sentinel = kind([("127.0.0.1", watched.port)], socket_timeout=5)
    store = redis_store(sentinel.master_for("sessions", socket_timeout=1))
    assert store.create(key_of(f"{library}"), EMPTY, Lifetime(1, None))
    assert store.load(key_of(f"{library}")).record == EMPTY
    store.close()
    watched.pause()
    try:
        begin = time.monotonic()
        with pytest.raises(StoreUnavailable, match="in time"):
            store.load(key_of("a"))
        assert time.monotonic() - begin < 3
    finally:
        watched.go_on()
    assert store.load(key_of("nothing")) is None
    store.close()
