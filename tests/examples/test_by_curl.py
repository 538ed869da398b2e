"""The examples as a user runs them: a process, and curl with a cookie jar."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.serving import ROOT, curl, free_port, running

pytestmark = pytest.mark.server
KEY = "a key of 32 characters for tests"
NAME = "example-app-sessions"

# What a browser says of a form on the site's own page, so that the form needs no token.
OURS = ("-H", "Sec-Fetch-Site: same-origin")

Get = Callable[..., str]


def with_jar(port: int, folder: Path) -> Get:
    """curl with a cookie jar of its own; `get("/path", "-i")`."""

    def get(path: str, *options: str) -> str:
        url = f"http://127.0.0.1:{port}{path}"
        return curl("-b", "jar", "-c", "jar", *options, url, cwd=folder)

    return get


def log_in_and_out(get: Get) -> None:
    """The whole life of a login, as one client sees it."""
    assert "Nobody is logged in" in get("/")
    assert get("/login/ann") == "User set to: ann"
    assert "Logged in as <b>ann</b>" in get("/")
    assert get("/remove") == "User removed"
    assert "Nobody is logged in" in get("/")
    assert get("/login/J%C3%BCrgen") == "User set to: Jürgen"
    assert "Logged in as <b>Jürgen</b>" in get("/")
    assert get("/logout") == "Session cleared"
    assert "Nobody is logged in" in get("/")


@pytest.mark.parametrize("options", [["--store", "memory"], ["--store", "cookie", "--key", KEY]])
def test_the_login_by_curl(options: list[str], tmp_path: Path) -> None:
    port = free_port()
    with running(["examples/login.py", "--port", str(port), *options], port, tmp_path) as log:
        get = with_jar(port, tmp_path)
        log_in_and_out(get)
        found = get("/login/ann", "-i")
        assert re.search(rf"Set-Cookie: {NAME}=[\w-]+; Path=/; HttpOnly; SameSite=Lax\r\n", found)
        gone = f"Set-Cookie: {NAME}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0\r\n"
        assert gone in get("/logout", "-i")
        assert f"curl -c jar -b jar http://127.0.0.1:{port}/login/ann" in log.read_text()


def test_the_logins_options_reach_its_cookie(tmp_path: Path) -> None:
    port = free_port()
    arguments = ["examples/login.py", "--port", str(port), "--cookie-name", "id", "--max-age", "10"]
    with running(arguments, port, tmp_path):
        answer = with_jar(port, tmp_path)("/login/ann", "-i")
        assert re.search(r"Set-Cookie: id=[\w-]{43}; Path=/; .*Max-Age=10", answer)


def test_the_login_by_its_forms(tmp_path: Path) -> None:
    port = free_port()
    with running(["examples/login.py", "--port", str(port)], port, tmp_path):
        get = with_jar(port, tmp_path)
        assert "Please give a name." in get("/login", "-L", *OURS, "-d", "user=")
        assert "Welcome, &lt;b&gt;!" in get("/login", "-L", *OURS, "-d", "user=<b>")
        assert "Welcome" not in get("/")
        assert "You are logged out." in get("/logout", "-L", *OURS, "-d", "")
        assert "HTTP/1.1 403" in get("/logout", "-i", "-d", "")
        assert "HTTP/1.1 405" in get("/", "-i", *OURS, "-X", "DELETE")
        assert "HTTP/1.1 404" in get("/nothing", "-i")


def test_the_counter_counts(tmp_path: Path) -> None:
    port = free_port()
    with running(["examples/counter.py", str(port)], port, tmp_path):
        get = with_jar(port, tmp_path)
        assert [get("/") for _ in range(3)] == ["Visit 1\n", "Visit 2\n", "Visit 3\n"]


def test_the_own_store_counts_and_takes_no_path_from_a_client(tmp_path: Path) -> None:
    port = free_port()
    with running(["examples/own_store.py", str(port)], port, tmp_path):
        get = with_jar(port, tmp_path)
        assert [get("/")[:7] for _ in range(2)] == ["Visit 1", "Visit 2"]
        url = f"http://127.0.0.1:{port}/"
        evil = curl("-b", "ring-session=..%2F..%2Fetc%2Fpasswd", url, cwd=tmp_path)
        assert evil.startswith("Visit 1,")


def test_the_own_middleware_asks_for_a_login_once(tmp_path: Path) -> None:
    port = free_port()
    with running(["examples/own_middleware.py", str(port)], port, tmp_path):
        get = with_jar(port, tmp_path)
        assert get("/admin", "-L") == "Please log in first. You are ann now.\n"
        assert get("/admin") == "Secrets for ann\n"
        assert "Server-Timing: app;dur=" in get("/", "-i")


def test_the_flask_app_keeps_its_form_and_its_upload(tmp_path: Path) -> None:
    port = free_port()
    with running(["examples/flask_login.py", str(port)], port, tmp_path):
        get = with_jar(port, tmp_path)
        (tmp_path / "a.txt").write_bytes(b"x" * 300_000)
        assert "HTTP/1.1 403" in get("/upload", "-i", *OURS, "-F", "file=@a.txt")
        page = get("/login", "-L", *OURS, "-d", "user=<ann>")
        assert "Welcome!" in page and "Logged in as &lt;ann&gt;" in page
        assert "a.txt: 300000 bytes" in get("/upload", "-L", *OURS, "-F", "file=@a.txt")
        assert "Good bye!" in get("/logout", "-L", *OURS, "-d", "")
        assert "Log in" in get("/")


def test_the_flask_app_runs_by_flasks_own_command(tmp_path: Path) -> None:
    port = free_port()
    arguments = ["-m", "flask", "--app", "examples/flask_login", "run", "-p", str(port)]
    with running(arguments, port, tmp_path):
        get = with_jar(port, tmp_path)
        token = get("/").split('value="')[1].split('"')[0]
        form = ("--data-urlencode", f"__anti-forgery-token={token}", "-d", "user=ann")
        assert "Logged in as ann" in get("/login", "-L", *form)


# -- under other servers


def test_the_login_under_gunicorn_with_two_workers_and_the_cookie_store(tmp_path: Path) -> None:
    port = free_port()
    app = f"examples.login:make_app(store='cookie', key='{KEY}')"
    arguments = ["-m", "gunicorn", "-w", "2", "-b", f"127.0.0.1:{port}", app]
    with running(arguments, port, tmp_path) as log:
        get = with_jar(port, tmp_path)
        log_in_and_out(get)
        get("/login/ann")
        assert all("Logged in as <b>ann</b>" in get("/") for _ in range(20))
        assert "RuntimeWarning" not in log.read_text()


def test_attack_85_the_memory_store_under_two_workers_warns_loudly(tmp_path: Path) -> None:
    port = free_port()
    arguments = ["-m", "gunicorn", "-w", "2", "-b", f"127.0.0.1:{port}"]
    with running([*arguments, "examples.login:make_app()"], port, tmp_path) as log:
        with_jar(port, tmp_path)("/login/ann")
        printed = log.read_text()
    assert "RuntimeWarning: <memory_store with 0 entries> works in one process" in printed


def test_the_login_under_waitress_with_eight_threads_and_the_memory_store(tmp_path: Path) -> None:
    port = free_port()
    options = [f"--listen=127.0.0.1:{port}", "--threads=8"]
    arguments = ["-m", "waitress", *options, "--call", "examples.login:make_app"]
    with running(arguments, port, tmp_path):
        get = with_jar(port, tmp_path)
        log_in_and_out(get)


def test_python_m_ringsession_key_prints_a_key_that_the_store_takes(tmp_path: Path) -> None:
    import subprocess

    from ringsession import cookie_store

    command = [sys.executable, "-m", "ringsession", "key"]
    keys = {subprocess.check_output(command, text=True, cwd=ROOT).strip() for _ in range(2)}
    assert len(keys) == 2 and all(len(key) == 43 for key in keys)
    assert all(cookie_store(key) for key in keys)
