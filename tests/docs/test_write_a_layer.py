"""The page on layers: its programs do what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from ringsession import from_wsgi, to_wsgi, wrap_defaults
from tests.serving import ROOT, curl, free_port, running

PAGE = (ROOT / "docs/how-to/write-a-layer.md").read_text("utf-8")
PROGRAMS = dict(re.findall(r"^```python\n# (\S+)\.py\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
ID = re.compile("[0-9a-f]{64}")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the page's programs, from which they import each other."""
    for name, program in PROGRAMS.items():
        (tmp_path / f"{name}.py").write_text(program, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in PROGRAMS:
        sys.modules.pop(name, None)


def test_every_program_of_the_page_is_run_below() -> None:
    assert list(PROGRAMS) == [
        "request_id",
        "app",
        "wsgi_app",
        "flask_app",
        "around",
        "login_required",
        "test_request_id",
    ]
    assert PAGE.count("```python") == len(PROGRAMS)


@pytest.mark.parametrize("name", ["app", "wsgi_app", "flask_app", "around"])
def test_the_page_and_the_header_have_the_same_new_id(name: str) -> None:
    client = Client(import_module(name).app)
    answers = [client.get("/", headers={"X-Request-Id": "of the client"}) for _ in range(2)]
    ids = [answer.headers["X-Request-Id"] for answer in answers]
    assert [answer.text for answer in answers] == [f"This is request {id}\n" for id in ids]
    assert all(map(ID.fullmatch, ids)) and ids[0] != ids[1]


@pytest.mark.server
def test_curl_shows_the_id_under_gunicorn(folder: Path) -> None:
    ((server, shown),) = re.findall(
        r"^\$ gunicorn (\S+) &\n\$ curl -s http://127.0.0.1:8000/\n(.*\n)", PAGE, re.MULTILINE
    )
    port = free_port()
    arguments = ["-m", "gunicorn", "-b", f"127.0.0.1:{port}", server]
    with running(arguments, port, folder, cwd=folder):
        answer = curl("-s", f"http://127.0.0.1:{port}/", cwd=folder)
    assert ID.sub("<64 hexadecimal digits>", answer) == shown


def test_a_wrong_option_shows_when_the_app_starts() -> None:
    with pytest.raises(TypeError, match="make_id: expected a function, got str"):
        import_module("request_id").wrap_request_id(lambda request: {}, make_id="1f")


def test_a_layer_around_the_stack_sees_refused_requests_and_one_inside_does_not() -> None:
    forged = {"headers": {"Sec-Fetch-Site": "cross-site"}, "data": {"a": "1"}}
    answers = [Client(import_module(name).app).post("/", **forged) for name in ("app", "around")]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert ["X-Request-Id" in answer.headers for answer in answers] == [False, True]


def look_from(place: str, folder: Path) -> dict[str, Any]:
    """Return what the table of the page asks of a layer inside the stack or around it."""
    seen: dict[str, Any] = {"runs": []}

    def wrap_x(handler: Any) -> Any:
        def x(request: Any) -> Any:
            seen["keys"] = [key in request for key in ("session", "params", "flash")]
            seen["runs"].append(request["uri"])
            response = handler(request)
            seen["headers"] = "X-Frame-Options" in response["headers"]
            return response | {"session": {"a": 1}, "cookies": {"b": "2"}}

        return x

    config = {**import_module("ringsession").site_defaults, "static": {"files": str(folder)}}
    page = to_wsgi(lambda request: {"status": 200, "headers": {}, "body": "page"})
    if place == "inside":
        app = wrap_defaults(to_wsgi(wrap_x(from_wsgi(page))), config)
    else:
        app = to_wsgi(wrap_x(from_wsgi(wrap_defaults(page, config))))
    client = Client(app)
    client.get("/app.py").close()
    client.post("/post", headers={"Sec-Fetch-Site": "cross-site"})
    client.get("/page")
    seen["sets"] = [client.get_cookie(name) is not None for name in ("ring-session", "b")]
    return seen


@pytest.mark.parametrize("place, column", [("inside", 1), ("around", 2)])
def test_the_table_says_what_a_layer_sees_at_each_place(
    place: str, column: int, folder: Path
) -> None:
    rows = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("|")]
    says = [row[column] == "yes" for row in rows[2:]]
    seen = look_from(place, folder)
    file, refused = ("/app.py" in seen["runs"], "/post" in seen["runs"])
    assert seen["keys"] == [says[0]] * 3
    assert [file, refused, seen["headers"]] == says[1:4]
    assert seen["sets"] == [says[4]] * 2
    assert "/page" in seen["runs"]


def test_whoever_is_not_signed_in_is_sent_to_the_login() -> None:
    login_required = import_module("login_required")
    client = Client(login_required.app)
    answer = client.get("/admin")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")
    assert [client.get(path).text for path in ("/login", "/")] == [
        "Please log in first.\n",
        "Try /admin\n",
    ]
    admin = login_required.wrap_login_required(login_required.admin)
    assert admin({"session": {"user": "ann"}})["body"] == "Secrets for ann\n"


def test_the_tests_of_the_page_pass(folder: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_request_id.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    (shown,) = re.findall(r"^\$ pytest test_request_id.py\n(.*)$", PAGE, re.MULTILINE)
    assert f"\n{shown} in " in done.stdout, done.stdout + done.stderr
