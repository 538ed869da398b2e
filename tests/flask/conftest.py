"""The stores on which the claims about the Flask extension are held."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.flask.oauth_provider import running_provider

SERVER = pytest.param("valkey", marks=pytest.mark.server)


def _open(request: pytest.FixtureRequest) -> Iterator[Any]:
    from redis import Redis

    from ringsession import cookie_store, memory_store, redis_store
    from tests.flask.apps import SECRET

    if request.param == "valkey":
        with Redis(port=request.getfixturevalue("valkey").port) as client:
            yield redis_store(client)
    else:
        yield memory_store() if request.param == "memory" else cookie_store(SECRET)


@pytest.fixture(params=["memory", "cookie", SERVER])
def store(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A store of each kind; all tests share the server."""
    yield from _open(request)


@pytest.fixture(params=["memory", SERVER])
def shared_store(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A server-side store, on which the first two promises hold."""
    yield from _open(request)


@pytest.fixture(scope="session")
def provider() -> Iterator[str]:
    """Where a running OAuth provider is."""
    with running_provider() as url:
        yield url
