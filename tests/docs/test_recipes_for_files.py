"""The pages on uploads and on served files: what is kept, what is sent, what is refused."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from ringsession import ConfigError, text, to_wsgi, wrap_defaults
from tests.docs.programs import HOW_TO, OTHER_SITE, OWN_PAGE, find_programs, run_program

PROGRAMS = {
    "upload-files": ["a picture", "limits", "files as bytes"],
    "serve-files": [
        "files of a folder",
        "files of a package",
        "types of your own",
        "a file for its owner",
    ],
}


@pytest.mark.parametrize("page", PROGRAMS)
def test_every_program_of_the_page_is_run_below(page: str) -> None:
    assert list(find_programs(page)) == PROGRAMS[page]


UPLOADS = "upload-files"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(99)


@pytest.fixture
def picture_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("UPLOADS", str(tmp_path))
    return run_program(UPLOADS, "a picture")["app"]


def send(
    app: Any, form: dict[str, Any] | bytes, headers: dict[str, str] = OWN_PAGE
) -> TestResponse:
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
    assert send(picture_app, form, OTHER_SITE).status_code == 403
    assert list(tmp_path.iterdir()) == []


def shown_parts(request: Any) -> Any:
    return text(str(sorted(request["multipart_params"].items())))


def status_of(app: Any, body: bytes) -> int:
    """Send a form that is written already, since the test client leaves a large one open."""
    headers = {**OWN_PAGE, "Content-Type": "multipart/form-data; boundary=x"}
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
    assert client.post("/style.css", headers=OWN_PAGE).status_code == 404
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
