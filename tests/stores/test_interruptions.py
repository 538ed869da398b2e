"""After an exception at any moment of a call, no later call gets another call's answer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.servers import Server
from tests.stores.redis.clusters import start_cluster

pytestmark = pytest.mark.server
ROOT = Path(__file__).parents[2]

CLIENTS: dict[str, dict[str, Any]] = {
    "redis-py, RESP2": {"library": "redis", "options": {"protocol": 2}},
    "redis-py, RESP3": {"library": "redis", "options": {"protocol": 3}},
    "valkey-py": {"library": "valkey"},
    "database 5, reconnects": {
        "library": "redis",
        "options": {"protocol": 3, "health_check_interval": 1},
        "database": 5,
        "reconnects": True,
    },
    "valkey-py, database 6, reconnects": {
        "library": "valkey",
        "database": 6,
        "reconnects": True,
    },
}


def _attack(calls: int, ports: list[int], given: dict[str, Any]) -> tuple[dict[str, int], int]:
    """Return what was wrong, and how many calls were interrupted."""
    for port in ports:
        with redis.Redis(port=port) as client:
            client.flushall()
    argument = json.dumps({**given, "ports": ports, "calls": calls, "seed": 1})
    command = [sys.executable, "-m", "tests.stores.interruptions", argument]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=580)
    assert done.returncode == 0, done.stderr[-2000:]
    counted: dict[str, int] = json.loads(done.stdout)
    interrupted, answered = counted.pop("interrupted"), counted.pop("answered")
    assert interrupted > calls / 10 and answered > calls / 2
    return counted, interrupted


@pytest.mark.parametrize("name", CLIENTS)
def test_no_answer_is_another_calls_after_an_interruption(name: str, valkey: Server) -> None:
    assert _attack(300, [valkey.port], CLIENTS[name])[0] == {}


@pytest.mark.soak
@pytest.mark.parametrize("name", CLIENTS)
@pytest.mark.parametrize("kind", ["valkey", "redis"])
def test_thousands_of_interruptions(name: str, kind: str, request: pytest.FixtureRequest) -> None:
    wrong, interrupted = _attack(9_000, [request.getfixturevalue(kind).port], CLIENTS[name])
    assert wrong == {}
    print(f"{name} on {kind}: {interrupted} of 9000 calls interrupted, no wrong answer")


@pytest.mark.soak
@pytest.mark.parametrize("name", list(CLIENTS)[:3])
def test_thousands_of_interruptions_in_a_cluster(name: str) -> None:
    with start_cluster() as nodes:
        wrong, interrupted = _attack(9_000, [node.port for node in nodes], CLIENTS[name])
    assert wrong == {}
    print(f"{name}, cluster of three: {interrupted} of 9000 calls interrupted, no wrong answer")


GREENLETS = """
from gevent import monkey
monkey.patch_all()
import gevent, json, random, sys
from ringsession import codec, redis_store
from ringsession.stores import Change, Lifetime
from ringsession.testing import key_of

store, counted = redis_store(sys.argv[1], timeout=5), {"late": 0, "wrong": 0}
names = range(30)
for name in names:
    assert store.create(key_of(f"{name}"), codec.encode({"owner": name, "n": 0}), Lifetime())

def work(name):
    for number in range(60):
        try:
            with gevent.Timeout(random.uniform(0.0005, 0.03)):
                loaded = store.load(key_of(f"{name}"))
                record = codec.encode({"owner": name, "n": number})
                if codec.decode(loaded.record)["owner"] != name:
                    counted["wrong"] += 1
                elif not store.patch(key_of(f"{name}"), loaded.version, Change(loaded.record, record)):
                    counted["wrong"] += 1
        except gevent.Timeout:
            counted["late"] += 1

gevent.joinall([gevent.spawn(work, name) for name in names], raise_error=True)
counted["idle"] = len(store._connections._server._idle)
store.close()
print(json.dumps(counted))
"""


def test_greenlets_that_time_out_leave_no_answer_to_another(valkey: Server) -> None:
    with redis.Redis(port=valkey.port) as client:
        client.flushall()
    command = [sys.executable, "-c", GREENLETS, valkey.url]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr[-2000:]
    counted = json.loads(done.stdout)
    print(counted)
    assert counted["wrong"] == 0 and counted["late"] > 20 and counted["idle"] <= 30
