"""The contract of a store, on each server that a store of ours works on."""

from __future__ import annotations

from typing import Any

import pytest

from ringsession.testing import StoreContract
from tests.stores.networked import SERVERS, make_store, pass_time

pytestmark = pytest.mark.server


@pytest.mark.parametrize("name", SERVERS)
class TestOnServer(StoreContract):
    @pytest.fixture(autouse=True)
    def on_server(self, name: str, request: pytest.FixtureRequest) -> Any:
        self.server = request.getfixturevalue(name)
        self.stores: list[Any] = []
        yield
        for store in self.stores:
            getattr(store, "close", lambda: None)()

    def make_store(self) -> Any:
        self.stores.append(make_store(self.server))
        return self.stores[-1]

    def pass_time(self, seconds: float) -> None:
        pass_time(self.server, seconds)
