"""Test that eight threads at the same time lose no write."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from ... import codec
from .setup import ContractSetup, change, key_of


class ThreadsContract(ContractSetup):
    """Claims about requests at the same time."""

    def test_800_of_800_parallel_patches_are_kept(self) -> None:
        store, key = self._live()
        empty = codec.encode({})

        def write(worker: int) -> None:
            for number in range(100):
                assert store.patch(key, None, change(empty, **{f"{worker}-{number}": number}))

        _in_8_threads(write)
        assert len(self._data(store, key)) == 800

    def test_a_claim_includes_every_acknowledged_write(self) -> None:
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
