"""The pages with recipes: each of their programs does what the page says."""

from __future__ import annotations

import hashlib
import hmac
import io
import logging
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from ringsession import (
    ConfigError,
    assoc_in,
    cookie_store,
    memory_store,
    secure_site_defaults,
    site_defaults,
    text,
    to_wsgi,
    wrap_defaults,
)
from tests.docs.programs import HOW_TO, find_programs, run_program
from tests.flask.apps import SECRET
from tests.machine import import_part

PROGRAMS = {
    "protect-forms-and-apis": [
        "a form",
        "JSON from a page",
        "a page of another origin",
        "an API beside a site",
        "a webhook",
    ],
    "upload-files": ["a picture", "limits", "files as bytes"],
    "serve-files": [
        "files of a folder",
        "files of a package",
        "types of your own",
        "a file for its owner",
    ],
    "test-your-app": [
        "shop.py",
        "test_handler.py",
        "test_site.py",
        "test_flask.py",
        "test_timeout.py",
        "test_with_freezegun.py",
    ],
    "keep-users-signed-in": [
        "remember me",
        "remember me in Flask",
        "a cart that lasts",
        "polls do not count",
    ],
}
OURS, FOREIGN = {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "cross-site"}


@pytest.mark.parametrize("page", PROGRAMS)
def test_every_program_of_a_recipe_is_run_below(page: str) -> None:
    assert list(find_programs(page)) == PROGRAMS[page]


FORMS = "protect-forms-and-apis"


def token_in(text: str) -> str:
    """Return the CSRF token of a page."""
    return re.findall(r'(?:value|content)="([\w-]{40,})"', text)[0]


def test_a_form_passes_from_its_own_page_or_with_its_token_and_from_nowhere_else() -> None:
    client = Client(run_program(FORMS, "a form")["app"])
    token = token_in(client.get("/").text)
    form = {"name": "ann"}
    assert client.post("/", data=form, headers=OURS).status_code == 303
    assert client.post("/", data=form | {"__anti-forgery-token": token}).status_code == 303
    assert client.post("/", data=form).status_code == 403
    assert client.post("/", data=form, headers=FOREIGN).status_code == 403


@pytest.mark.parametrize("header", ["X-CSRF-Token", "X-XSRF-Token", "X-CSRFToken"])
def test_json_passes_from_its_own_page_or_with_a_token_in_a_header(header: str) -> None:
    client = Client(run_program(FORMS, "JSON from a page")["app"])
    token = token_in(client.get("/").text)
    assert client.post("/like", json={"post": 7}, headers=OURS).json == {"likes": [7]}
    assert client.post("/like", json={"post": 2}, headers={header: token}).json == {"likes": [2, 7]}
    assert client.post("/like", json={"post": 7}).status_code == 403
    for wrong in ([], {}, {"post": []}, "7"):
        assert client.post("/like", json=wrong, headers=OURS).status_code == 400


def test_a_page_of_a_trusted_origin_passes() -> None:
    config = run_program(FORMS, "a page of another origin")["config"]
    client = Client(wrap_defaults(to_wsgi(lambda request: text("saved")), config))
    trusted = {**FOREIGN, "Origin": "https://app.example.org"}
    assert client.post("/", headers=trusted).text == "saved"
    other = {**FOREIGN, "Origin": "https://evil.example.org"}
    assert client.post("/", headers=other).status_code == 403


def test_an_api_beside_a_site_asks_for_its_key_and_sets_no_cookie(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("API_KEY", "the key")
    client = Client(run_program(FORMS, "an API beside a site")["app"])
    form, key = {"name": "ann"}, {"Authorization": "Bearer the key"}
    answer = client.post("/api/names", data=form, headers={**FOREIGN, **key})
    assert (answer.json, "Set-Cookie" in answer.headers) == ({"saved": "ann"}, False)
    for headers in ({}, {"Authorization": "Bearer another"}, {"Authorization": "Bearer \xfc"}):
        assert client.post("/api/names", data=form, headers=headers).status_code == 401
    assert client.get("/").text == "the site"
    assert client.post("/", headers=FOREIGN).status_code == 403


def test_a_webhook_passes_with_its_signature_and_the_site_is_still_protected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WEBHOOK_SECRET", "of the webhook")
    client = Client(run_program(FORMS, "a webhook")["app"])
    body = b'{"paid": true}'
    signature = hmac.new(b"of the webhook", body, hashlib.sha256).hexdigest()
    post = client.post
    signed = post("/hooks/payment", data=body, headers={"X-Signature": signature})
    assert (signed.status_code, signed.text) == (200, "thank you")
    assert post("/hooks/payment", data=b"x", headers={"X-Signature": signature}).status_code == 403
    assert [post(uri, data=body).status_code for uri in ("/hooks/payment", "/", "/hooks/x")] == [
        *(403, 403, 403)
    ]


def refusals(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the reasons in the log, as the page writes them."""
    lines = [record.getMessage() for record in caplog.records]
    found = [re.match(r"Refused a request, since (.*?)\. method=", line) for line in lines]
    return [match[1] for match in found if match]


def test_the_table_of_refusals_has_every_reason_that_the_log_gives(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = Client(run_program(FORMS, "a form")["app"])
    client.get("/")
    other = Client(client.application)
    foreign_token = token_in(other.get("/").text)
    with caplog.at_level(logging.WARNING, "ringsession.audit"):
        client.post("/", headers=FOREIGN)
        client.post("/")
        Client(client.application).post("/")
        client.post("/", data={"__anti-forgery-token": foreign_token})
    table = (HOW_TO / f"{FORMS}.md").read_text("utf-8").split("## Understand a 403")[1]
    assert re.findall(r"^\| `([^`]*[^.`])` \|", table, re.MULTILINE) == refusals(caplog)


UPLOADS = "upload-files"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(99)


@pytest.fixture
def picture_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("UPLOADS", str(tmp_path))
    return run_program(UPLOADS, "a picture")["app"]


def send(app: Any, form: dict[str, Any] | bytes, headers: dict[str, str] = OURS) -> TestResponse:
    """Send a form over https, as a browser does."""
    client = Client(app)
    return client.post("/", base_url="https://localhost", data=form, headers=headers, buffered=True)


def upload(content: bytes, name: str = "../../a.html") -> tuple[io.BytesIO, str, str]:
    return io.BytesIO(content), name, "text/html"


def test_an_uploaded_picture_is_stored_under_a_name_of_the_apps_own(
    picture_app: Any, tmp_path: Path
) -> None:
    page = Client(picture_app).get("/", base_url="https://localhost").text
    assert 'enctype="multipart/form-data"' in page and "__anti-forgery-token" in page
    assert send(picture_app, {"picture": upload(PNG)}).status_code == 303
    (stored,) = tmp_path.iterdir()
    assert re.fullmatch(r"[0-9a-f-]{36}\.png", stored.name) and stored.read_bytes() == PNG


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"picture": "a text"},
        {"picture": upload(b"", "")},
        {"picture": upload(b"<script>")},
        {"picture": [upload(PNG), upload(PNG)]},
        {"picture[size]": "9", "picture[filename]": "a.png"},
    ],
    ids=["no field", "text", "left empty", "no PNG", "two files", "a dict of fields"],
)
def test_what_is_no_picture_is_refused(
    picture_app: Any, tmp_path: Path, form: dict[str, Any]
) -> None:
    assert send(picture_app, form).status_code == 400
    assert list(tmp_path.iterdir()) == []


def test_a_forged_upload_is_refused_and_nothing_is_stored(picture_app: Any, tmp_path: Path) -> None:
    form = {"picture": upload(PNG)}
    assert send(picture_app, form, FOREIGN).status_code == 403
    assert list(tmp_path.iterdir()) == []


def shown_parts(request: Any) -> Any:
    return text(str(sorted(request["multipart_params"].items())))


def status_of(app: Any, body: bytes) -> int:
    """Send a form that is written already, since the test client leaves a large one open."""
    headers = {**OURS, "Content-Type": "multipart/form-data; boundary=x"}
    return send(app, body, headers).status_code


def parts(*sizes: int) -> bytes:
    head = b'--x\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\n'
    return b"".join(head + bytes(size) + b"\r\n" for size in sizes) + b"--x--\r\n"


def test_the_limits_on_uploads_hold() -> None:
    app = wrap_defaults(to_wsgi(shown_parts), run_program(UPLOADS, "limits")["config"])
    mib = 1024 * 1024
    assert status_of(app, parts(5 * mib)) == 200
    assert status_of(app, parts(5 * mib + 1)) == 413
    assert status_of(app, parts(5 * mib, 5 * mib)) == 413
    assert status_of(app, parts(*[1] * 20)) == 200
    assert status_of(app, parts(*[1] * 21)) == 413


def test_the_statuses_of_refused_uploads_are_those_of_the_table() -> None:
    app = wrap_defaults(to_wsgi(shown_parts), run_program(UPLOADS, "files as bytes")["config"])
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n'
    bodies = {
        413: part + b"\r\n" + bytes(256 * 1024) + b"\r\n--x--\r\n",
        400: part + b"\r\nb",
        415: part + b"Content-Type: text/plain; charset=utf-7\r\n\r\nb\r\n--x--\r\n",
    }
    assert [status_of(app, body) for body in bodies.values()] == list(bodies)
    table = (HOW_TO / f"{UPLOADS}.md").read_text("utf-8").split("| status | when |")[1]
    assert re.findall(r"^\| (\d+) \|", table, re.MULTILINE) == ["413", "400", "415", "403", "507"]


def test_a_file_as_bytes_is_in_its_dict() -> None:
    app = wrap_defaults(to_wsgi(shown_parts), run_program(UPLOADS, "files as bytes")["config"])
    file = {"filename": "a.html", "content_type": "text/html", "bytes": b"x"}
    assert send(app, {"f": upload(b"x", "a.html")}).text == str([("f", file)])


FILES = "serve-files"


def get(client: Client, uri: str, **headers: str) -> TestResponse:
    """Return a whole response, whose file is closed."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get(uri, headers=named, buffered=True)


@pytest.fixture
def public(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder `public` where a program runs."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "public"
    (folder / "docs").mkdir(parents=True)
    for name in ("index.html", "docs/index.html", "style.css", ".env", "a.unknown"):
        (folder / name).write_text(name)
    (folder / "map.geojson").write_text("{}")
    return folder


def test_a_folder_is_served_and_what_it_lacks_is_the_handlers(public: Path) -> None:
    client = Client(run_program(FILES, "files of a folder")["app"])
    style = get(client, "/style.css")
    assert (style.text, style.content_type) == ("style.css", "text/css; charset=utf-8")
    assert style.headers["Cache-Control"] == "public, max-age=3600"
    assert style.headers["X-Content-Type-Options"] == "nosniff"
    pages = ["index.html", "docs/index.html", "docs/index.html"]
    assert [get(client, uri).text for uri in ("/", "/docs", "/docs/")] == pages
    for uri in ("/none", "/.env", "/../public/style.css", "/%2e%2e/public/style.css"):
        assert (get(client, uri).status_code, uri) == (404, uri)
    assert client.post("/style.css", headers=OURS).status_code == 404
    assert get(client, "/a.unknown").content_type == "application/octet-stream"


def test_a_browser_that_has_the_file_gets_a_304_and_one_range_a_206(public: Path) -> None:
    client = Client(run_program(FILES, "files of a folder")["app"])
    etag = get(client, "/style.css").headers["ETag"]
    again = get(client, "/style.css", If_None_Match=etag)
    assert (again.status_code, again.data) == (304, b"")
    part = get(client, "/style.css", Range="bytes=2-4")
    assert (part.status_code, part.text, part.headers["Content-Range"]) == (
        *(206, "yle", "bytes 2-4/9"),
    )
    assert get(client, "/style.css", Range="bytes=0-1,4-5").text == "style.css"


def test_an_app_whose_folder_is_missing_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="expected a folder that is there, got 'public'"):
        run_program(FILES, "files of a folder")


def test_files_of_a_package_are_served_without_index_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "recipe_shop/static"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    for name in ("style.css", "index.html"):
        (folder / name).write_text(name)
    monkeypatch.syspath_prepend(str(tmp_path))
    changes = {'"shop:static"': '"recipe_shop:static"'}
    client = Client(run_program(FILES, "files of a package", changes)["app"])
    assert [get(client, uri).text for uri in ("/style.css", "/")] == ["style.css", "the app"]


def test_a_type_of_your_own_is_sent(public: Path) -> None:
    config = run_program(FILES, "types of your own")["config"]
    client = Client(wrap_defaults(to_wsgi(lambda request: text("")), config))
    assert get(client, "/map.geojson").content_type == "application/geo+json"


def test_a_private_file_is_for_its_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for user in "78":
        (tmp_path / user).mkdir()
        (tmp_path / user / f"{user}.pdf").write_text(f"of {user}")
    monkeypatch.setenv("INVOICES", str(tmp_path))
    client = Client(run_program(FILES, "a file for its owner")["app"])
    assert get(client, "/invoices/7.pdf").status_code == 403
    get(client, "/login")
    found = get(client, "/invoices/7.pdf")
    assert (found.text, found.content_type) == ("of 7", "application/pdf")
    assert found.headers["Content-Disposition"] == "attachment"
    for name in ("8.pdf", "../8/8.pdf", "..%2f8%2f8.pdf", ""):
        assert get(client, f"/invoices/{name}").status_code == 404


TESTING = "test-your-app"


@pytest.mark.parametrize("title", [title for title in PROGRAMS[TESTING] if title != "shop.py"])
def test_the_tests_that_the_page_shows_pass(title: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = ModuleType("shop")
    vars(shop).update(run_program(TESTING, "shop.py"))
    monkeypatch.setitem(sys.modules, "shop", shop)
    names = run_program(TESTING, title)
    tests = [value for name, value in names.items() if name.startswith("test_")]
    assert tests
    for test in tests:
        test()


@pytest.mark.parametrize("make", [memory_store, cookie_store], ids=["memory", "cookie"])
def test_freezegun_alone_moves_no_clock_of_a_store(make: Callable[..., Any]) -> None:
    names = run_program(TESTING, "shop.py")
    with import_part("freezegun").freeze_time("2030-01-01") as frozen:
        store = make(**({} if make is memory_store else {"key": SECRET}))
        client = Client(names["make_app"](assoc_in(site_defaults, ["session", "store"], store)))
        client.post("/login", data={"user": "ann"}, headers=OURS)
        frozen.tick(99_999)
        assert client.get("/").text == "Hello ann"


def test_a_test_of_the_secure_config_needs_https() -> None:
    client = Client(run_program(TESTING, "shop.py")["make_app"](secure_site_defaults))
    assert client.get("/").status_code == 301
    assert client.get("/", base_url="https://localhost").text == "Hello stranger"


SIGNED_IN = "keep-users-signed-in"
DAY = 86_400


def max_age_of(answer: Any) -> list[str]:
    """Return the Max-Age of the session's cookie, or nothing if the browser drops it at its end."""
    (cookie,) = answer.headers.getlist("Set-Cookie")
    return re.findall(r"Max-Age=(\d+)", cookie)


def remembering(title: str, clock: Callable[[], float]) -> Client:
    """Return a browser at an app of the page, on a memory store with this clock."""
    changes = {'"sqlite:///sessions.db"': "store"}
    return Client(run_program(SIGNED_IN, title, changes, store=memory_store(clock=clock))["app"])


@pytest.mark.parametrize("title", ["remember me", "remember me in Flask"])
def test_a_remembered_login_lasts_14_days_without_a_request_and_90_in_all(title: str) -> None:
    now = 1_000_000.0
    client = remembering(title, lambda: now)
    form = {"user": "ann", "remember": "on"}
    login = client.post("/login", data=form, headers=OURS)
    assert max_age_of(login) == [str(14 * DAY)]
    for _ in range(8):
        now += 11 * DAY
        assert client.get("/").text == "Hello ann"
    now += 3 * DAY
    assert client.get("/").text == "Hello stranger"
    client.post("/login", data=form, headers=OURS)
    now += 14 * DAY + 60
    assert client.get("/").text == "Hello stranger"


@pytest.mark.parametrize("title", ["remember me", "remember me in Flask"])
def test_a_login_that_is_not_remembered_ends_with_the_browser(title: str) -> None:
    client = remembering(title, lambda: 1_000_000.0)
    login = client.post("/login", data={"user": "ann"}, headers=OURS)
    assert (max_age_of(login), client.get("/").text) == ([], "Hello ann")


def show_n(request: Any) -> Any:
    """Set a key on `/set`, and show it on every other page."""
    session = request["session"]
    if request["uri"] == "/set":
        session["n"] = 1
    return text(str(session.get("n")))


def clocked_client(title: str, clock: Callable[[], float]) -> Client:
    config = run_program(SIGNED_IN, title)["config"]
    store = assoc_in(config, ["session", "store"], memory_store(clock=clock))
    return Client(wrap_defaults(to_wsgi(show_n), store))


def test_a_cart_lasts_and_its_cookie_is_sent_again_as_the_timeout_is_extended() -> None:
    now = 1_000_000.0
    client = clocked_client("a cart that lasts", lambda: now)
    assert max_age_of(client.get("/set")) == [str(14 * DAY)]
    now += 13 * DAY
    again = client.get("/")
    assert (again.text, max_age_of(again)) == ("1", [str(14 * DAY)])
    now += 13 * DAY
    assert client.get("/").text == "1"
    now += 14 * DAY + 1
    assert client.get("/").text == "None"


@pytest.mark.parametrize(("uri", "left"), [("/news", "None"), ("/", "1")], ids=["poll", "page"])
def test_a_poll_reads_the_session_and_does_not_extend_it(uri: str, left: str) -> None:
    now = 1_000_000.0
    client = clocked_client("polls do not count", lambda: now)
    client.get("/set")
    for _ in range(2):
        now += 1_700
        assert client.get(uri).text == "1"
    now += 300
    assert client.get(uri).text == left
