"""The page on sizing: its sums, its claims about keys, and the bytes of a session on a server."""

from __future__ import annotations

import doctest
import re
import time
from typing import Any

import pytest
import redis
from werkzeug.test import Client

from benchmarks.measure.needs import CPU_SHARE, MEMORY_SHARE, Terms, find_needs, renewed
from benchmarks.measure.slots import moved_slots, session_name, slot, user_name
from benchmarks.measure.store_costs import CALLS, Call, Costs, make_login, make_record
from ringsession import assoc_in, redis_store, site_defaults, text, to_wsgi, wrap_defaults
from ringsession.stores import Change, Lifetime
from ringsession.stores.redis import scan
from tests.fault_proxy import FaultProxy, Traffic
from tests.servers import Server
from tests.serving import ROOT

PAGE_PATH = ROOT / "docs/how-to/size-a-big-site.md"
PAGE = PAGE_PATH.read_text("utf-8")
PROSE = " ".join(PAGE.split())


def rows(head: str) -> list[list[str]]:
    """Return the cells of the table whose first line starts so."""
    (block,) = re.findall(rf"^\| {re.escape(head)}.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()]


def number(cell: str) -> float:
    return float(cell.replace(",", ""))


def costs_of_the_page() -> dict[str, Costs]:
    octets = {name: map(number, cells) for name, *cells in rows("bytes | new")}
    times = {name: list(map(number, cells)) for name, *cells in rows("processor time")}
    found = {}
    for name, *cells in rows("bytes on the network"):
        pairs = [re.findall(r"\d+", cell) for cell in cells]
        traffic = [Traffic(int(exchanges), int(sent), 0) for sent, exchanges in pairs]
        calls = {call: Call(*each) for call, each in zip(CALLS, zip(times[name], traffic))}
        found[name] = Costs(*octets[name], calls)
    return found


def test_every_example_on_the_page_gives_what_it_shows() -> None:
    failed, tried = doctest.testfile(str(PAGE_PATH), module_relative=False)
    assert (failed, tried > 5) == (0, True)


# -- sums


def test_the_needs_follow_from_the_costs_on_the_page() -> None:
    costs, compared = costs_of_the_page(), 0
    for name, sessions, *cells in rows("store | sessions"):
        need = find_needs(costs[name], int(number(sessions)), Terms())
        made = (need.requests, need.octets / 1e9, need.calls, need.cores, need.network * 8 / 1e6)
        for given, expected in zip(map(number, cells[:5]), made):
            assert given == pytest.approx(expected, rel=0.02, abs=0.06)
        compared += 1
    assert compared == 12


def test_the_site_of_the_page_is_the_one_that_the_command_assumes() -> None:
    terms = Terms()
    assert f"{terms.rate} requests a second" in PROSE
    for share, what in ((terms.writes, "write"), (terms.new, "begin a session")):
        assert f"{share:.0%} of the requests {what}" in PROSE
    assert f"{terms.users:.0%} of the sessions have a user" in PROSE
    assert f"{renewed(terms.rate):.0%} of the requests renew" in PROSE
    assert f"{MEMORY_SHARE:.0%} of its {terms.memory:.0f} GB" in PROSE
    assert f"{CPU_SHARE:.0%} of one processor" in PROSE


# -- keys and slots


def test_a_prefix_with_braces_puts_all_sessions_into_one_slot() -> None:
    names = [session_name(each) for each in range(100)]
    names += [user_name(each) for each in range(100)]
    assert len(set(map(slot, names))) > 150
    assert "`{shop}:`" in PAGE
    assert len({slot(name.replace("ringsession:", "{shop}:")) for name in names}) == 1


def test_a_fourth_node_takes_a_quarter_of_the_slots() -> None:
    assert "From three nodes to four, 4,096 of the 16,384 slots move" in PROSE
    assert moved_slots(3, 4) == 4096


# -- every session at once


def test_the_longest_look_at_all_keys_is_as_long_as_the_page_says() -> None:
    assert f"longer than {scan._LONGEST_PASS:.0f} seconds" in PROSE


@pytest.mark.server
def test_another_prefix_signs_everybody_out(valkey: Server) -> None:
    assert "Give the store another `prefix`" in PROSE

    def visit(request: Any) -> Any:
        request["session"]["visits"] = request["session"].get("visits", 0) + 1
        return text(str(request["session"]["visits"]))

    def app(prefix: str) -> Any:
        store = redis_store(valkey.url, prefix=prefix, timeout=20)
        config = assoc_in(site_defaults, ["session", "store"], store)
        return wrap_defaults(to_wsgi(visit), config)

    browser = Client(app("old:"))
    assert [browser.get("/").text for _ in range(2)] == ["1", "2"]
    browser.application = app("new:")
    assert [browser.get("/").text for _ in range(2)] == ["1", "2"]


# -- what a server says


@pytest.mark.server
def test_a_session_takes_the_bytes_of_the_page_on_valkey(valkey: Server) -> None:
    costs = costs_of_the_page()["valkey"]
    store = redis_store(valkey.url, timeout=20)
    with redis.Redis(port=valkey.port) as client:
        client.flushdb()

        def taken() -> int:
            return int(client.info("memory")["used_memory"])

        def grown(make: Any, first: int, expected: float) -> bool:
            before = taken()
            for key in range(first, first + 1000):
                assert store.create(f"{key:064x}", make_record(200, key), Lifetime(), make())
            return abs((taken() - before) / 1000 / expected - 1) < 0.3

        assert grown(make_login, 0, costs.user_octets)
        assert grown(lambda: make_login()._replace(owner=None), 1000, costs.octets)
        client.flushdb()
    store.close()


@pytest.mark.server
def test_each_call_sends_what_the_page_says_to_valkey(valkey: Server) -> None:
    expected = {name: call.traffic for name, call in costs_of_the_page()["valkey"].calls.items()}
    found = {}
    with FaultProxy(valkey.port) as proxy:
        store = redis_store(f"redis://127.0.0.1:{proxy.port}/0", timeout=20)

        def run(first: str) -> None:
            key, record = first * 64, make_record(200, 0)
            life = Lifetime(20, 90_000)  # a load renews the idle timeout after two seconds
            counted(
                "create", lambda: store.create(key, record, life, make_login()._replace(owner=None))
            )
            loaded = store.load(key)
            counted("load", lambda: store.load(key))
            time.sleep(life.granularity + 0.1)
            counted("renew", lambda: store.load(key))
            change = Change(record, make_record(200, 1))
            counted("patch", lambda: store.patch(key, loaded.version, change))
            counted("login", lambda: store.create("f" + key[1:], record, life, make_login()))

        def counted(name: str, call: Any) -> None:
            proxy.traffic()
            assert call()
            traffic = proxy.traffic()
            found[name] = (traffic.exchanges, traffic.sent + traffic.received)

        run("a")  # connects, and sends the scripts
        run("b")
        store.close()
    for name, (exchanges, octets) in found.items():
        assert exchanges == expected[name].exchanges, name
        assert octets == pytest.approx(expected[name].sent, rel=0.1), name
