"""The page on deployment: its files run on real servers, and do what the page says."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import pytest
from cryptography import x509
from flask import Flask

from ringsession.explain import find_weaknesses
from ringsession import open_store
from ringsession.flask import RingSession
from tests.docs.deployed import FILES, HOST, Shop, change, running_shop
from tests.machine import find_program
from tests.servers import Server, valkey
from tests.serving import ROOT, curl, wait_until

PAGE = (ROOT / "docs/how-to/deploy.md").read_text("utf-8")
BLOCKS = re.findall(r"^```\w+\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
servers_only = pytest.mark.server


@pytest.mark.parametrize("file", sorted(FILES.iterdir()), ids=lambda file: file.name)
def test_the_page_shows_each_file_whole(file: Path) -> None:
    assert file.read_text("utf-8") in BLOCKS


VIEWS = """
import time

from flask import request

@app.get('/address')
def address():
    return request.remote_addr

@app.get('/large')
def large():
    return 'large', {'Large': 'a' * 6_000}

@app.get('/slow')
def slow():
    open('slow-began', 'w').close()
    time.sleep(1)
    return 'slow'
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, valkey: Server) -> Iterator[Shop]:
    shop = Shop(valkey.url, tmp_path_factory.mktemp("shop"))
    shop.add_views(VIEWS)
    with running_shop(shop) as running:
        yield running


@contextmanager
def slow_request(shop: Shop) -> Iterator[list[str]]:
    """Run the block while a request is under way; then the list holds its answer."""
    answers: list[str] = []
    began = shop.folder / "slow-began"
    client = Thread(target=lambda: answers.append(shop.ask("/slow")))
    client.start()
    try:
        wait_until(began.exists)
        yield answers
    finally:
        client.join(30)
        began.unlink()


def sign_in(shop: Shop, jar: str = "jar") -> str:
    """Return the page that a new user sees after the login."""
    assert shop.post("/login", "user=ann", jar=jar) == 303
    return shop.ask("/", "-b", jar, "-c", jar)


def check_the_shop(shop: Shop) -> None:
    """The promises of the page that do not depend on the servers."""
    assert "Signed in as ann" in sign_in(shop)
    cookie = (shop.folder / "jar").read_text().strip().rpartition("\n")[2].split("\t")
    assert cookie[:6] == [f"#HttpOnly_{HOST}", "FALSE", "/", "TRUE", "0", "__Host-shop"]
    assert shop.post("/cart", "item=book", origin="https://evil.example") == 403
    assert shop.post("/cart", "item=lamp") == 303
    assert "[&#39;lamp&#39;] in the cart" in shop.ask("/", "-b", "jar")
    lie = ("-H", "X-Forwarded-Proto: http", "-H", "X-Forwarded-For: 6.6.6.6")
    assert shop.status("/", *lie) == 200


# -- nginx and gunicorn


@servers_only
def test_a_user_signs_in_through_nginx_and_gunicorn(shop: Shop) -> None:
    check_the_shop(shop)


@servers_only
def test_the_first_page_has_the_headers_that_the_page_shows(shop: Shop) -> None:
    (shown,) = re.findall(r"^\$ curl --insecure --include .*\n(.*?)^```", PAGE, re.M | re.S)
    found = shop.ask("/", "--include").replace("\r", "")
    for line in shown.replace("...\n", "").splitlines():
        assert re.search(f"^{re.escape(line).replace(re.escape('...'), '.*')}$", found, re.M), line


@servers_only
def test_a_host_that_is_not_the_shops_is_refused(shop: Shop) -> None:
    assert shop.status("/", "-H", "Host: evil.example") == 400


@servers_only
def test_plain_http_leads_to_https(shop: Shop) -> None:
    head = shop.ask("/cart?page=2", "-i", scheme="http")
    place = f"https://{HOST}:{shop.https}/cart?page=2"
    assert (head.split()[1], f"Location: {place}" in head) == ("308", True)


@servers_only
def test_the_health_check_answers_over_http_by_the_servers_address(shop: Shop) -> None:
    assert curl(f"http://127.0.0.1:{shop.http}/livez", cwd=shop.folder) == "ok"


@servers_only
@pytest.mark.parametrize("host, page, form", [("$host", 200, 403), ("$proxy_host", 400, 400)])
def test_another_host_header_than_http_host_breaks_forms(
    shop: Shop, tmp_path: Path, host: str, page: int, form: int
) -> None:
    other = Shop("memory:", tmp_path)
    other.change_file("nginx.conf", ("Host $http_host;", f"Host {host};"))
    other.change_file("nginx.conf", (str(other.socket), str(shop.socket)))
    try:
        other.proxy.start()
        assert (other.status("/"), other.post("/login", "user=ann")) == (page, form)
    finally:
        other.proxy.stop()


@servers_only
def test_a_reload_loads_new_code_and_keeps_users_signed_in(shop: Shop) -> None:
    sign_in(shop, "reloaded")
    log = shop.app.folder / "log"
    workers = len(re.findall("Booting worker", log.read_text()))
    with slow_request(shop) as slow:
        with (shop.folder / "more.py").open("a") as code:
            code.write("@app.get('/new')\ndef new():\n    return 'new'\n")
        shop.reload()
    assert slow == ["slow"]
    answers = []

    def is_reloaded() -> bool:
        answers.append("Signed in as ann" in shop.ask("/", "-b", "reloaded"))
        text = log.read_text()
        return len(re.findall("Booting worker", text)) == workers + 2 and is_over(text)

    wait_until(is_reloaded)
    assert set(answers) == {True}
    assert shop.ask("/new") == "new"


def is_over(log: str) -> bool:
    """Whether gunicorn's two old workers have gone."""
    _, _, since = log.rpartition("Handling signal: hup")
    return since.count("Worker exiting") == 2


@servers_only
def test_response_headers_may_have_6_kilobytes(shop: Shop) -> None:
    """nginx's own limit is 4 kB, and a sealed cookie may fill it alone."""
    assert shop.status("/large") == 200


@servers_only
def test_the_address_is_the_one_that_nginx_sees(shop: Shop) -> None:
    assert shop.ask("/address", "-H", "X-Forwarded-For: 6.6.6.6") == "127.0.0.1"


@servers_only
def test_behind_a_load_balancer_the_address_is_the_one_that_it_sees(tmp_path: Path) -> None:
    for words in ('`"hops": 2`', "`$proxy_add_x_forwarded_for`", "`$http_x_forwarded_proto`"):
        assert words in PAGE
    shop = Shop("redis://127.0.0.1:1/0", tmp_path)
    shop.change_file("app.py", ('"hops": 1', '"hops": 2'))
    shop.change_file(
        "nginx.conf",
        ("X-Forwarded-For $remote_addr", "X-Forwarded-For $proxy_add_x_forwarded_for"),
        ("X-Forwarded-Proto $scheme", "X-Forwarded-Proto $http_x_forwarded_proto"),
    )
    shop.add_views(VIEWS)
    balancer = ("-H", "X-Forwarded-For: 6.6.6.6, 192.0.2.7", "-H", "X-Forwarded-Proto: https")
    with running_shop(shop):
        assert shop.ask("/address", *balancer) == "192.0.2.7"


@servers_only
def test_a_store_or_an_app_that_is_down_is_a_page_with_503(tmp_path: Path) -> None:
    store = valkey().start()
    try:
        shop = Shop(store.url, tmp_path)
        shop.add_views(VIEWS)
        with running_shop(shop):
            sign_in(shop)
            store.kill()
            own = shop.ask("/", "-i", "-b", "jar")
            assert own.split()[1] == "503" and "We are back in a moment." in own
            assert "retry-after: " in own.lower()
            assert "The session store failed" in (shop.app.folder / "log").read_text()
            assert shop.ask("/livez") == "ok"
            with slow_request(shop) as slow:
                shop.app.stop()
            assert slow == ["slow"]
            page = shop.ask("/", "-i", "-b", "jar")
            assert page.split()[1] == "503"
            assert page.endswith((FILES / "503.html").read_text())
            assert "Retry-After: 5" in page and "Cache-Control: no-store" in page
    finally:
        store.stop()


@servers_only
def test_the_steps_for_postgresql_create_the_table_that_the_shop_needs(
    tmp_path: Path, postgresql: Server
) -> None:
    shop = Shop(postgresql.url, tmp_path)
    for command in ("create-table", "check"):
        assert f"-u shop -- .venv/bin/flask --app app ringsession {command}\n" in PAGE
        flask = [sys.executable, "-m", "flask", "--app", "app", "ringsession", command]
        done = subprocess.run(flask, cwd=tmp_path, env=shop.environ, capture_output=True)
        assert done.returncode == 0, done.stderr
    with running_shop(shop):
        check_the_shop(shop)


# -- other servers


def skip_unless_debians_python() -> None:
    """uWSGI's plugin and mod_wsgi embed Debian's Python, and read this environment with it."""
    code = ["-c", "import sys; print(sys.version_info[:2])"]
    found = subprocess.run(["/usr/bin/python3", *code], capture_output=True, text=True)
    if found.stdout.strip() != str(sys.version_info[:2]):
        pytest.skip("this Python has another version than Debian's")


def skip_unless_everybody_may_read(folder: Path) -> None:
    """Where we are root, Apache's processes are nobody's, who may not enter a folder of ours."""
    closed = [each for each in (folder, *folder.parents) if not each.stat().st_mode & 0o001]
    if os.geteuid() == 0 and closed:
        pytest.skip(f"nobody may enter {closed[-1]}")


@servers_only
def test_a_user_signs_in_through_nginx_and_uwsgi(tmp_path: Path) -> None:
    skip_unless_debians_python()
    shop = Shop("sqlite:///sessions.db", tmp_path)
    shop.app = shop.uwsgi()
    with running_shop(shop):
        check_the_shop(shop)
        assert shop.status("/", "-H", f"Cookie: large={'a' * 6_000}") == 200


@servers_only
@pytest.mark.parametrize("option, status", [("--no-clear-untrusted-proxy-headers", 200), ("", 301)])
def test_a_user_signs_in_through_nginx_and_waitress_with_the_pages_option(
    tmp_path: Path, option: str, status: int
) -> None:
    (line,) = re.findall(r"^\$ waitress-serve (.*)$", PAGE, re.MULTILINE)
    last = "--no-clear-untrusted-proxy-headers"
    arguments = change(line, ("/run/shop/gunicorn.sock", "gunicorn.sock"), (last, option))
    shop = Shop("sqlite:///sessions.db", tmp_path)
    command = [sys.executable, "-m", "waitress", *shlex.split(arguments)]
    shop.app = shop.run_app("waitress", command)
    with running_shop(shop):
        assert shop.status("/") == status
        if status == 200:
            check_the_shop(shop)


@servers_only
def test_a_user_signs_in_through_caddy_and_gunicorn(tmp_path: Path) -> None:
    shop = Shop("sqlite:///sessions.db", tmp_path)
    shop.proxy = shop.caddy()
    with running_shop(shop):
        check_the_shop(shop)
        assert shop.ask("/livez", scheme="http") == "ok"
        assert shop.status("/", scheme="http") == 308
        shop.app.stop()
        assert shop.ask("/").endswith((FILES / "503.html").read_text())


@servers_only
def test_a_user_signs_in_through_apache_and_mod_wsgi() -> None:
    skip_unless_debians_python()
    skip_unless_everybody_may_read(ROOT)
    skip_unless_everybody_may_read(Path(sys.prefix))
    with TemporaryDirectory() as folder:
        shop = Shop(f"sqlite:///{folder}/sessions.db", Path(folder))
        shop.app = shop.apache()
        shop.proxy = None
        with running_shop(shop):
            check_the_shop(shop)
            assert shop.status("/", scheme="http") == 301


@servers_only
@pytest.mark.parametrize("name", ["gunicorn", "uwsgi"])
def test_the_server_tells_systemd_when_it_is_ready(name: str, tmp_path: Path) -> None:
    assert "Type=notify\n" in (FILES / "shop.service").read_text()
    shop = Shop("sqlite:///sessions.db", tmp_path)
    if name == "uwsgi":
        skip_unless_debians_python()
        shop.app = shop.uwsgi()
        assert "`ExecStart=/usr/bin/uwsgi --ini uwsgi.ini`" in PAGE
    shop.environ["NOTIFY_SOCKET"] = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(shop.environ["NOTIFY_SOCKET"])
        systemd.settimeout(30)
        try:
            shop.app.start()
            told = b""
            while b"READY=1" not in told:
                told = systemd.recv(4096)
        finally:
            shop.app.stop()


# -- the other files


def test_the_times_of_the_files_fit_together() -> None:
    numbers: dict[str, Any] = {}
    exec((FILES / "gunicorn.conf.py").read_text(), numbers)
    (stop,) = re.findall(r"^TimeoutStopSec=(\d+)$", (FILES / "shop.service").read_text(), re.M)
    assert int(stop) > numbers["graceful_timeout"]
    assert "keepalive_timeout" not in (FILES / "nginx.conf").read_text()
    assert numbers["keepalive"] > 60  # what nginx keeps a connection to the app open by default


def test_every_store_of_the_environment_file_can_be_opened() -> None:
    lines = re.findall(r"^(?:# )?SESSION_STORE=(.*)$", (FILES / "shop.env").read_text(), re.M)
    lines = [line for line in lines if not line.startswith("sqlite:////var/lib/")]
    assert [type(open_store(line)).__name__ for line in lines] == ["SqlStore"] * 2 + ["RedisStore"]


def test_a_shell_reads_the_environment_file_as_systemd_does() -> None:
    (source,) = re.findall(r"^\$ (set -a; .*)$", PAGE, re.MULTILINE)
    code = change(source, ("/etc/shop/shop.env", str(FILES / "shop.env"))) + "; env"
    done = subprocess.run(["bash", "-c", code], env={}, capture_output=True, text=True)
    lines = re.findall(r"^\w+=.*$", (FILES / "shop.env").read_text(), re.MULTILINE)
    assert set(lines) <= set(done.stdout.splitlines()) and len(lines) == 3


def test_the_certificate_for_a_first_try_is_one_of_the_shops_host(tmp_path: Path) -> None:
    openssl = find_program("openssl", package="openssl")
    (line,) = re.findall(r"^\$ openssl (.*)$", PAGE, re.MULTILINE)
    command = [openssl, *shlex.split(line)]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    text = (tmp_path / "fullchain.pem").read_bytes()
    assert x509.load_pem_x509_certificate(text).subject.rfc4514_string() == f"CN={HOST}"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "fullchain.pem", tmp_path / "privkey.pem")


def test_systemd_knows_every_line_of_the_unit(tmp_path: Path) -> None:
    program = find_program("systemd-analyze", package="systemd")
    unit = tmp_path / "shop.service"
    text = (FILES / "shop.service").read_text()
    unit.write_text(change(text, ("/srv/shop/.venv/bin/gunicorn", "/bin/true")))
    done = subprocess.run([program, "verify", str(unit)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@servers_only
def test_the_command_of_the_container_serves_the_files_that_are_copied_into_it(
    tmp_path: Path,
) -> None:
    text = (FILES / "Containerfile").read_text()
    copied = [
        name for line in re.findall(r"^COPY (.*) \S+$", text, re.MULTILINE) for name in line.split()
    ]
    shop = Shop("memory:", tmp_path)
    for file in tmp_path.iterdir():
        if file.name not in copied:
            file.unlink()
    command = json.loads(text.rpartition("CMD ")[2])
    assert command[0] == "gunicorn"
    place = command.index("0.0.0.0:8000")
    server = shop.run_app("gunicorn", [sys.executable, "-m", *command])
    command[place] = f"127.0.0.1:{server.port}"
    server.command = lambda *_: [sys.executable, "-m", *command]
    server.is_ready = server._listens
    try:
        server.start()
        assert curl(f"http://127.0.0.1:{server.port}/livez", cwd=tmp_path) == "ok"
    finally:
        server.stop()


def load_app(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("SESSION_STORE", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("SHOP_HOSTS", HOST)
    namespace: dict[str, Any] = {"__name__": "app"}
    text = (FILES / "app.py").read_text().replace("RingSession(app, config)", "")
    exec(compile(text, "app.py", "exec"), namespace)
    return namespace


def test_the_shop_has_no_weak_point(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(find_weaknesses(load_app(monkeypatch)["config"])) == []


@pytest.mark.parametrize("name", ["SESSION_STORE", "SHOP_HOSTS"])
def test_the_shop_does_not_start_without_its_environment(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (FILES / "app.py").read_text()
    for each in ("SESSION_STORE", "SHOP_HOSTS"):
        monkeypatch.setenv(each, "memory:")
    monkeypatch.delenv(name)
    with pytest.raises(KeyError, match=name):
        exec(compile(text, "app.py", "exec"), {"__name__": "app"})


def test_the_lines_for_sealed_cookies_seal_the_shops_sessions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (lines,) = [block for block in BLOCKS if block.startswith("# sealed cookies\n")]
    namespace = load_app(monkeypatch)
    monkeypatch.setenv("SECRET_KEY", "a key for tests, of 32 characters")
    monkeypatch.setenv(
        "SECRET_KEY_FALLBACKS", "an-older-key-of-more-than-16-bytes and-one-more-of-32-characters"
    )
    exec(lines, namespace)
    app: Flask = namespace["app"]
    for option in ("store", "user_key"):
        del namespace["config"]["session"][option]
    RingSession(app, namespace["config"])
    client = app.test_client()
    https = {"X-Forwarded-Proto": "https", "Host": HOST, "Sec-Fetch-Site": "same-origin"}
    base = f"https://{HOST}"
    client.post("/login", data={"user": "ann"}, headers=https, base_url=base)
    assert "Signed in as ann" in client.get("/", headers=https, base_url=base).text
    assert len(app.config["SECRET_KEY_FALLBACKS"]) == 2


def test_the_table_of_memory_is_that_of_the_page_on_stores() -> None:
    stores = (ROOT / "docs/how-to/stores.md").read_text().partition("bytes a session |")[2]
    measured = re.findall(r"^\| (\w+) \|(?:.*\|){4} (\d+) \|$", stores, re.MULTILINE)
    shown = re.findall(r"^\| (\w+) \| (\d+) \| (\d+) MB ", PAGE, re.MULTILINE)
    assert shown == [(store, each, each) for store, each in measured]
    assert len(shown) == 3
