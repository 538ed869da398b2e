"""The connections of the Redis store: own ones, used again only after a whole answer."""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py
import valkey as valkey_py
from redis.backoff import NoBackoff
from redis.retry import Retry

from ringsession import codec, redis_store
from ringsession.stores import Change, Lifetime, StoreUnavailable
from ringsession.stores.redis import exchange as _redis_exchange
from ringsession.stores.redis.failures import Broken
from ringsession.testing import change, key_of
from tests import servers
from tests.fault_proxy import FaultProxy
from tests.servers import Server
from tests.serving import free_port
from tests.stores.networked import PREFIX, make_store, pass_time
from tests.tls_proxy import write_certificate

EMPTY = codec.encode({})
KEY = key_of("a")
server_test = pytest.mark.server


@pytest.fixture
def store(valkey: Server) -> Iterator[Any]:
    store = make_store(valkey, timeout=5)
    assert store.create(KEY, EMPTY, Lifetime())
    yield store
    store.close()


@pytest.fixture
def client(valkey: Server) -> Iterator[Any]:
    with redis_py.Redis(port=valkey.port) as client:
        yield client


@contextmanager
def scripted(answer: Callable[[bytes], bytes | None]) -> Iterator[str]:
    """Give the URL of a server that says OK to a handshake, and `answer(packet)` to other packets.

    If the answer is None, the server closes the connection.
    """
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(client: socket.socket) -> None:
        with client, suppress(OSError):
            while packet := client.recv(65536):
                if packet.startswith((b"*4\r\n$6\r\nCLIENT", b"*3\r\n$4\r\nAUTH")):
                    reply: bytes | None = b"+OK\r\n"
                else:
                    reply = answer(packet)
                if reply is None:
                    return
                client.sendall(reply)

    def accept() -> None:
        with suppress(OSError):
            while True:
                client = listener.accept()[0]
                threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _echo(packet: bytes) -> bytes:
    return packet[packet.rindex(b"$24\r\n") :]


TIME = b"*2\r\n$10\r\n1700000000\r\n$1\r\n0\r\n"
ANSWERS: dict[str, Callable[[bytes], bytes | None]] = {
    "another token": lambda packet: b"$-1\r\n" + TIME + b"$24\r\n%b\r\n" % (b"0" * 24),
    "an answer too much": lambda packet: b"$-1\r\n$-1\r\n" + TIME + _echo(packet),
    "an answer too few, and a hang-up": lambda packet: None,
    "no RESP": lambda packet: b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "a push message": lambda packet: b">2\r\n+invalidate\r\n*0\r\n$-1\r\n" + TIME + _echo(packet),
    "LOADING": lambda packet: b"-LOADING it loads\r\n" + TIME + _echo(packet),
    "ECHO refused": lambda packet: b"$-1\r\n" + TIME + b"-NOPERM no 'echo'\r\n",
    "MASTERDOWN": lambda packet: b"-MASTERDOWN no primary\r\n" + TIME + _echo(packet),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_that_is_not_whole_or_not_ours_is_not_believed(name: str) -> None:
    connections: list[bytes] = []

    def answer(packet: bytes) -> bytes | None:
        connections.append(packet)
        return ANSWERS[name](packet)

    with scripted(answer) as url:
        store = redis_store(url, timeout=5)
        with pytest.raises(StoreUnavailable, match="^redis_store: ") as caught:
            store.load(KEY)
        assert KEY not in str(caught.value)
        assert list(store._connections._server._idle) == []
        assert 1 <= len(connections) <= 2  # once more where the connection broke


def test_an_answer_may_come_in_any_pieces() -> None:
    """A reply is looked for again after each piece, so that every split of it comes to the same."""
    from ringsession.stores.redis.replies import parse_replies

    whole = b"$4\r\na\r\nb\r\n:7\r\n-ERR no\r\n*2\r\n$-1\r\n+OK\r\n$0\r\n\r\n"
    replies = parse_replies(whole, 5)
    assert replies is not None
    assert replies == [b"a\r\nb", 7, ("ERR no",), [None, b"OK"], b""]
    assert [parse_replies(whole[:n], 5) for n in range(len(whole))] == [None] * len(whole)


@pytest.mark.parametrize(
    "reply, shown",
    [
        (b"-ERR unknown command 'EVALSHA', with args beginning with: 'x' 's3cret'", "ERR unknown command"),
        (b"-NOPERM User ann has no permissions to run the 'get' command", "NOPERM User ann has no permissions to run the"),
        (b"-ERR bad\x1b[2J\xff", "ERR bad?[2J?"),
    ],
)  # fmt: skip
def test_an_error_shows_no_argument_and_no_control_character(reply: bytes, shown: str) -> None:
    with scripted(lambda packet: reply + b"\r\n" + TIME + _echo(packet)) as url:
        store = redis_store(url, timeout=5)
        with pytest.raises(StoreUnavailable) as caught:
            store.load(KEY)
        assert str(caught.value) == f"redis_store: the server answered: {shown}"
        store.close()


def test_connect_answer_and_retry_together_stay_within_the_timeout() -> None:
    """Each answer alone would be in time; so would a second try that began anew."""

    def answer(packet: bytes) -> bytes | None:
        time.sleep(0.35)
        return None

    with scripted(answer) as url:
        for call in (
            lambda: store.load(KEY),
            lambda: store.patch(KEY, b"0" * 16, change(EMPTY, a=1)),
            lambda: store.swap(KEY, "a", lambda text: "1"),
            lambda: store.create(KEY, EMPTY, Lifetime()),
        ):
            store = redis_store(url, timeout=0.5)
            begin = time.monotonic()
            with pytest.raises(StoreUnavailable):
                call()
            assert time.monotonic() - begin < 0.7


@server_test
def test_a_slow_handshake_counts_as_well(valkey: Server) -> None:
    """Seven answers of 0.15 s each: none is late, all together are."""
    with FaultProxy(valkey.port) as proxy:
        down = proxy._downwards

        def slowly(line: Any) -> None:
            receive = line.server.recv

            class Slow:
                def recv(self, size: int) -> bytes:
                    data: bytes = receive(size)
                    time.sleep(0.15)
                    return data

                def __getattr__(self, name: str) -> Any:
                    return getattr(real, name)

            real, line.server = line.server, Slow()
            down(line)

        proxy._downwards = slowly  # type: ignore[method-assign]
        url = f"redis://127.0.0.1:{proxy.port}/3?client_name=web"
        store = redis_store(url, timeout=0.4)
        begin = time.monotonic()
        with pytest.raises(StoreUnavailable, match="did not answer in time"):
            store.load(KEY)
        assert time.monotonic() - begin < 0.8


class Interrupted(BaseException):
    """What a worker's timeout raises."""


@pytest.mark.parametrize("where", ["the handshake", "the answer"])
def test_an_interrupted_connection_is_closed_and_not_used_again(
    where: str,
) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    closed = threading.Event()

    def serve() -> None:
        client = listener.accept()[0]
        with client:
            while packet := client.recv(65536):
                if where == "the answer" and b"CLIENT" in packet:
                    client.sendall(b"+OK\r\n")
            closed.set()

    def interrupt(number: int, frame: object) -> None:
        raise Interrupted

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    store = redis_store(f"redis://127.0.0.1:{listener.getsockname()[1]}/0", timeout=20)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(Interrupted):
            store.load(KEY)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert closed.wait(5)
    assert list(store._connections._server._idle) == []
    thread.join(5)
    listener.close()


@server_test
def test_a_connection_is_used_again_and_speaks_resp2(store: Any, client: Any) -> None:
    client.client_kill_filter(_type="normal", skipme=True)  # those of other tests' stores
    store.load(KEY)
    before = client.info("stats")["total_connections_received"]
    for _ in range(20):
        store.load(KEY)
    assert client.info("stats")["total_connections_received"] == before
    (ours,) = [one for one in client.client_list() if one["cmd"] == "echo"]
    assert ours["resp"] == "2"


CLIENTS: dict[str, Callable[[int], Any]] = {
    "RESP3": lambda port: redis_py.Redis(port=port, socket_timeout=5, protocol=3),
    "health checks, retries": lambda port: redis_py.Redis(
        port=port, socket_timeout=5, health_check_interval=1, retry=Retry(NoBackoff(), 3)
    ),
    "a client-side cache": lambda port: redis_py.Redis(
        port=port, socket_timeout=5, protocol=3, cache_config=redis_py.cache.CacheConfig()
    ),
    "a blocking pool": lambda port: redis_py.Redis(
        connection_pool=redis_py.BlockingConnectionPool(port=port, socket_timeout=5)
    ),
    "valkey-py, RESP3": lambda port: valkey_py.Valkey(port=port, socket_timeout=5, protocol=3),
    "valkey-py, a cache": lambda port: valkey_py.Valkey(
        port=port, socket_timeout=5, protocol=3, cache_enabled=True
    ),
}


@server_test
@pytest.mark.parametrize("name", CLIENTS)
def test_whatever_the_clients_protocol_our_connections_ask_plainly(
    name: str, valkey: Server, client: Any
) -> None:
    make_store(valkey).close()
    client.client_kill_filter(_type="normal", skipme=True)  # those of other tests' stores
    with CLIENTS[name](valkey.port) as given:
        store = redis_store(given)
        store.check()
        assert store.create(KEY, EMPTY, Lifetime())
        assert store.load(KEY).record == EMPTY
        flags = [one["flags"] for one in client.client_list() if one["cmd"] == "echo"]
        assert [one["resp"] for one in client.client_list() if one["cmd"] == "echo"] == ["2"]
        assert flags == ["N"]  # no tracking
        store.close()


@server_test
def test_connections_that_the_server_has_closed_cost_no_error(store: Any, client: Any) -> None:
    assert store.create(key_of("ended"), EMPTY, Lifetime())
    assert store.destroy(key_of("ended"))
    for _ in range(100):
        client.client_kill_filter(_type="normal", skipme=True)
        # After a broken connection the answer would be True, since the first try may have ended it.
        assert store.destroy(key_of("ended")) is False
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: store.load(KEY), range(64)))
    client.client_kill_filter(_type="normal", skipme=True)
    assert store.patch(KEY, store.load(KEY).version, change(EMPTY, a=1))


@server_test
def test_a_retry_uses_a_new_connection(valkey: Server) -> None:
    """A load balancer that has dropped all silent connections resets each at its next use."""
    make_store(valkey).close()
    with FaultProxy(valkey.port) as proxy:
        store = redis_store(f"redis://127.0.0.1:{proxy.port}/0", timeout=5)
        for _ in range(3):
            proxy.arm("delay", seconds=0.2)
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(lambda number: store.load(KEY), range(8)))
        proxy.arm("reset")
        assert store.load(KEY) is None
        assert proxy.fired == 4
        assert len(store._connections._server._idle) == 1
        store.close()


@server_test
def test_a_store_that_goes_with_a_cycle_closes_its_connections(valkey: Server) -> None:
    """If the garbage collector finds an open socket, its ResourceWarning fails this test."""
    for _ in range(3):
        store = redis_store(valkey.url)
        assert store.load(key_of("nothing")) is None
        store.cycle = store
        del store
        gc.collect()


@server_test
def test_scripts_that_the_server_has_forgotten_are_sent_again(store: Any, client: Any) -> None:
    client.script_flush()
    assert store.patch(KEY, store.load(KEY).version, change(EMPTY, a=1))
    client.script_flush()
    assert store.destroy(KEY)


@server_test
def test_16_threads_share_a_store(store: Any, valkey: Server) -> None:
    keys = [key_of(f"thread {number}") for number in range(16)]

    def work(number: int) -> int:
        assert store.create(keys[number], codec.encode({"owner": number, "n": 0}), Lifetime())
        for count in range(1, 51):
            loaded = store.load(keys[number])
            data = codec.decode(loaded.record)
            assert data == {"owner": number, "n": count - 1}
            assert store.patch(keys[number], loaded.version, change(loaded.record, n=count))
        return number

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(work, range(16))) == list(range(16))


@server_test
def test_a_child_process_has_connections_of_its_own(store: Any, valkey: Server) -> None:
    for name in ("parent", "child"):
        assert store.create(key_of(name), codec.encode({"owner": name}), Lifetime())

    def read(name: str) -> None:
        for _ in range(300):
            assert codec.decode(store.load(key_of(name)).record) == {"owner": name}

    child = os.fork()
    if child == 0:
        status = 1
        with suppress(BaseException):
            read("child")
            status = 0
        os._exit(status)
    read("parent")
    assert os.waitpid(child, 0)[1] == 0
    (connection,) = store._connections._server._idle
    assert connection.is_clean()


@server_test
def test_where_there_is_no_poll_select_looks(
    valkey: Server, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(select, "poll")
    store = make_store(valkey, timeout=5)
    for _ in range(3):
        assert store.load(KEY) is None
        client.client_kill_filter(_type="normal", skipme=True)
    store.close()


@server_test
def test_idle_connections_are_few_and_young(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server = store._connections._server
    (first,) = server._idle
    first.used -= _redis_exchange._LONGEST_IDLE
    assert store.load(KEY).record == EMPTY
    (second,) = server._idle
    assert second is not first
    second.opened -= _redis_exchange._LONGEST_LIFE
    assert store.load(KEY).record == EMPTY
    assert second not in server._idle
    monkeypatch.setattr(_redis_exchange, "_MOST_IDLE", 2)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: store.load(KEY), range(64)))
    assert len(server._idle) <= 2 + 8


# The line that docs/how-to/stores.md gives.
RIGHTS = (
    "resetchannels -@all +get +time +echo +eval +evalsha +exists +set +getrange +setrange"
    f" +append +pexpireat +del +select ~{PREFIX}*"
)


@pytest.fixture(params=["valkey", "redis"])
def rights(request: pytest.FixtureRequest) -> Iterator[tuple[Any, Callable[[], Any]]]:
    """Return an administrator's client, and make stores for a user with the documented rights."""
    server = request.getfixturevalue(request.param)
    with redis_py.Redis(port=server.port) as admin:
        admin.flushall()
        admin.execute_command("ACL", "SETUSER", "web", "reset", "on", ">s3cret", *RIGHTS.split())
        url = f"redis://web:s3cret@127.0.0.1:{server.port}/2"
        stores = []

        def make() -> Any:
            stores.append(redis_store(url, timeout=5))
            return stores[-1]

        yield admin, make
        for store in stores:
            store.close()
        admin.execute_command("ACL", "DELUSER", "web")


@server_test
def test_the_documented_rights_are_enough(rights: tuple[Any, Callable[[], Any]]) -> None:
    _, make = rights
    store = make()
    store.check()
    for lifetime in (Lifetime(), Lifetime(None, None)):
        assert store.create(key_of(repr(lifetime)), EMPTY, lifetime)
    key = key_of(repr(Lifetime()))
    loaded = store.load(key)
    assert store.patch(key, loaded.version, change(EMPTY, a=1))
    for _ in range(20):
        assert store.patch(key, loaded.version, change(EMPTY, b=1))
    assert store.swap(key, "a", lambda text: "2") == "2"
    assert store.claim(key, store.load(key).version, key_of("new"))
    assert store.destroy(key_of(repr(Lifetime(None, None))))


COMMANDS = "get time echo evalsha eval exists set getrange setrange append pexpireat del".split()


@server_test
@pytest.mark.parametrize("command", COMMANDS)
def test_a_right_that_is_missing_is_found_at_the_start(
    command: str, rights: tuple[Any, Callable[[], Any]]
) -> None:
    admin, make = rights
    admin.execute_command("ACL", "SETUSER", "web", f"-{command}")
    with pytest.raises(ValueError, match="docs/how-to/stores.md") as caught:
        make().check()
    assert "s3cret" not in str(caught.value)


@server_test
def test_a_wrong_password_is_not_shown(valkey: Server) -> None:
    store = redis_store(f"redis://nobody:s3cret@127.0.0.1:{valkey.port}/0", timeout=5)
    for error, call in ((ValueError, store.check), (StoreUnavailable, lambda: store.load(KEY))):
        with pytest.raises(error, match="refused the connection") as caught:
            call()
        assert "s3cret" not in str(caught.value)


def test_a_server_that_loads_is_no_configuration_error() -> None:
    with scripted(ANSWERS["LOADING"]) as url:
        with pytest.raises(StoreUnavailable, match="LOADING"):
            redis_store(url, timeout=5).check()


def test_an_exception_of_the_applications_own_connection_class_is_not_shown() -> None:
    class Own(redis_py.Connection):
        def connect(self) -> None:
            raise LookupError("no secret under s3cret")

    pool = redis_py.ConnectionPool(connection_class=Own, socket_timeout=5)
    store = redis_store(redis_py.Redis(connection_pool=pool))
    with pytest.raises(StoreUnavailable) as caught:
        store.load(KEY)
    assert str(caught.value) == "redis_store: no connection: LookupError"


@server_test
def test_a_server_that_is_not_there_yet_is_no_configuration_error() -> None:
    store = redis_store("redis://127.0.0.1:1/0")
    with pytest.raises(StoreUnavailable, match="Connection refused"):
        store.check()


@pytest.fixture(params=["valkey", "redis"])
def own(request: pytest.FixtureRequest) -> Iterator[tuple[Any, Any, Server]]:
    """A store on a server of its own, a client of that server, and the server."""
    server = getattr(servers, request.param)()
    try:
        server.start()
        store = make_store(server, timeout=5)
        with redis_py.Redis(port=server.port) as client:
            yield store, client, server
        store.close()
    finally:
        server.stop()


@server_test
def test_a_full_server_refuses_writes_and_still_ends_sessions(
    own: tuple[Any, Any, Server], caplog: pytest.LogCaptureFixture
) -> None:
    store, client, server = own
    for name in "abcd":
        assert store.create(key_of(name), EMPTY, Lifetime(None, 900))
    versions = {name: store.load(key_of(name)).version for name in "abcd"}
    client.config_set("maxmemory", 1)
    for call in (
        lambda: store.create(key_of("new"), EMPTY, Lifetime()),
        lambda: store.patch(key_of("a"), versions["a"], change(EMPTY, a=1)),
        lambda: store.patch(key_of("a"), None, change(EMPTY, a=1)),
        lambda: store.swap(key_of("a"), "a", lambda text: "1"),
    ):
        with pytest.raises(StoreUnavailable, match="the server answered: OOM"):
            call()
    assert store.load(key_of("a")).record == EMPTY
    assert store.destroy(key_of("b")) is True
    assert store.claim(key_of("c"), versions["c"], key_of("new")) is True
    assert (store.load(key_of("b")).record, store.load(key_of("c")).successor) == (
        None,
        key_of("new"),
    )
    client.config_set("maxmemory", 0)
    pass_time(server, 120)
    client.config_set("maxmemory", 1)
    loaded = store.load(key_of("d"))
    assert (loaded.record, caplog.text) == (EMPTY, "")


@server_test
def test_a_primary_that_became_a_replica_is_unavailable_and_its_connections_are_dropped(
    own: tuple[Any, Any, Server], caplog: pytest.LogCaptureFixture
) -> None:
    store, client, server = own
    assert store.create(KEY, EMPTY, Lifetime())
    version = store.load(KEY).version
    pass_time(server, 120)
    client.replicaof("127.0.0.1", 1)
    with pytest.raises(StoreUnavailable, match="read-only replica"):
        store.patch(KEY, version, change(EMPTY, a=1))
    assert list(store._connections._server._idle) == []
    loaded = store.load(KEY)  # its deadline is due; to move it is optional
    assert (loaded.record, loaded.moved) == (EMPTY, False)
    assert [record.message for record in caplog.records] == [
        "Could not store when a session was last used:"
        " redis_store: the server is a read-only replica"
    ]
    client.replicaof("NO", "ONE")
    assert store.patch(KEY, version, change(EMPTY, a=1))


@server_test
def test_it_works_over_tls(tmp_path: Path) -> None:
    certificate = tmp_path / "certificate.pem"
    write_certificate(certificate)
    tls_port = free_port()
    server = servers.redis(
        *("--tls-port", str(tls_port), "--tls-auth-clients", "no"),
        *("--tls-cert-file", str(certificate), "--tls-key-file", str(certificate)),
        *("--tls-ca-cert-file", str(certificate)),
    )
    try:
        server.start()
        url = f"rediss://127.0.0.1:{tls_port}/1?ssl_cert_reqs=required&ssl_ca_certs={certificate}"
        store = redis_store(f"{url}&ssl_check_hostname=false", timeout=5)
        record = codec.encode({"long": "x" * 300_000})
        assert store.create(KEY, record, Lifetime())
        for _ in range(50):
            assert store.load(KEY).record == record
        with redis_py.Redis(port=server.port) as client:
            assert client.info("stats")["total_connections_received"] < 8
        store.close()
    finally:
        server.stop()


@server_test
@pytest.mark.parametrize("fault", ["drop after apply", "reset", "half a reply"])
def test_what_a_lost_answer_hides_is_found_out(fault: str, valkey: Server) -> None:
    direct = make_store(valkey)
    with FaultProxy(valkey.port) as proxy:
        store = redis_store(f"redis://127.0.0.1:{proxy.port}/0", timeout=5)
        assert store.load(KEY) is None  # connects

        def harmed(call: Callable[[], Any]) -> Any:
            proxy.arm(fault)
            return call()

        assert harmed(lambda: store.create(KEY, EMPTY, Lifetime())) is True
        assert direct.create(key_of("taken"), EMPTY, Lifetime())
        assert harmed(lambda: store.create(key_of("taken"), EMPTY, Lifetime())) is False
        version = direct.load(KEY).version
        write = change(EMPTY, a=1)
        assert harmed(lambda: store.patch(KEY, version, write)) is True
        assert direct.load(KEY).record == write.record
        with pytest.raises(StoreUnavailable):
            proxy.arm(fault, skip=1)  # its read, and then its write
            store.swap(KEY, "a", lambda text: "2")
        version = direct.load(KEY).version
        assert harmed(lambda: store.claim(KEY, version, key_of("new"))) is True
        assert harmed(lambda: store.destroy(key_of("taken"))) is True
        assert harmed(lambda: store.destroy(key_of("taken"))) is True  # it cannot be told
        assert harmed(lambda: store.destroy(key_of("nothing"))) is False
        assert harmed(lambda: store.destroy(KEY)) is False  # it moved
        assert proxy.fired == 9
        store.close()
    direct.close()


@server_test
def test_a_write_that_is_sent_twice_keeps_what_another_wrote_between(valkey: Server) -> None:
    direct = make_store(valkey)
    assert direct.create(KEY, EMPTY, Lifetime())
    store = make_store_through(direct)
    version = direct.load(KEY).version
    write = Change(EMPTY, codec.encode({"mine": 1}))
    assert store.patch(KEY, version, write)
    assert codec.decode(direct.load(KEY).record) == {"mine": 1, "other": 1}
    direct.close()


def make_store_through(direct: Any) -> Any:
    """A store whose first write loses its answer, while another request writes."""
    store = type(direct)(direct._connections, PREFIX)
    ask = direct._connections.ask

    class Losing:
        timeout = 5

        def __init__(self) -> None:
            self.asked = 0

        def ask(self, key: bytes, commands: Any, deadline: float) -> Any:
            replies = ask(key, commands, deadline)
            self.asked += 1
            if self.asked == 1:
                loaded = direct.load(KEY)
                assert direct.patch(KEY, loaded.version, change(loaded.record, other=1))
                raise Broken("lost", was_sent=True)
            return replies

    store._connections = Losing()
    return store
