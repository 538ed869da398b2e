"""Attacks 65 to 70: what is asked of static files, and of conditions and ranges."""

from __future__ import annotations

import errno
import io
import os
import re
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from werkzeug.test import Client

from ringsession import (
    assoc_in,
    deep_merge,
    memory_store,
    not_found,
    response,
    site_defaults,
    to_wsgi,
    wrap_content_length,
    wrap_content_type,
    wrap_default_charset,
    wrap_defaults,
    wrap_files,
    wrap_not_modified,
    wrap_resources,
)
from ringsession.middleware import _file_tags
from tests.tracing import TracedStore

pytestmark = pytest.mark.posix  # links, a FIFO and modes of files

WHEN = 1_704_164_645  # Tue, 02 Jan 2024 03:04:05 GMT
DATE = "Tue, 02 Jan 2024 03:04:05 GMT"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder `pub` to be served, and beside it what must not be."""
    folder = tmp_path / "pub"
    (folder / "sub").mkdir(parents=True)
    (folder / "empty").mkdir()
    (tmp_path / "public2").mkdir()
    (folder / ".well-known").mkdir()
    files = {
        "pub/a.txt": "0123456789",
        "pub/index.html": "<h1>home</h1>",
        "pub/sub/index.php": "php",
        "pub/.env": "secret",
        "pub/.well-known/security.txt": "Contact:",
        "pub/style.CSS": "a{}",
        "secret.txt": "secret",
        "public2/a.txt": "secret",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        os.utime(tmp_path / name, (WHEN, WHEN))
    (folder / "inside.txt").symlink_to("a.txt")
    (folder / "outside.txt").symlink_to("../secret.txt")
    (folder / "outdir").symlink_to("../public2")
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "pipe")
    return folder


def site(root: Path, **options: Any) -> Client:
    config = {"static": {"files": {"root": root, **options}}, "security": {"anti_forgery": False}}
    app = wrap_defaults(
        to_wsgi(lambda request: not_found("handler")), deep_merge(site_defaults, config)
    )
    return Client(app)


def get(client: Client, path: str, method: str = "GET", **headers: str) -> Any:
    """Status and text; the path goes to the app as it is."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    overrides = {"PATH_INFO": path}
    answer = client.open(
        "/", method=method, headers=named, environ_overrides=overrides, buffered=True
    )
    return answer.status_code, answer.text


PATHS = [
    "/../secret.txt", "/..", "/sub/../../secret.txt", "/..\\secret.txt", "..\\..\\secret.txt",
    "/....//secret.txt", "/%2e%2e/secret.txt", "/%2e%2e%2fsecret.txt", "/a.txt\x00",
    "/a.txt\x00.html", "C:\\secret.txt", "//server/share", "/a.txt.", "/a.txt ", "/CON",
    "/a.txt::$DATA", "/../public2/a.txt", "/pub2/a.txt", "/.env", "/sub/.env",
    "/.well-known/../.env", "/pipe", "/empty", "/loop", "/outside.txt", "/outdir/a.txt", "/A.TXT",
    "/" + "x" * 300, "/" + "x/" * 3000, "/" + "x" * 20_000, "/\xff\xfe", "/caf\xe9", "/etc/passwd",
    "//etc/passwd", "",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS, ids=lambda path: repr(path)[:30])
def test_attacks_65_to_67_such_a_path_is_the_handlers(path: str, root: Path) -> None:
    expected = (200, "<h1>home</h1>") if path == "" else (404, "handler")
    assert get(site(root), path) == expected


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/a.txt", "0123456789"),
        ("//a.txt", "0123456789"),
        ("/./a.txt", "0123456789"),
        ("/a.txt/", "0123456789"),
        ("/inside.txt", "0123456789"),
        ("/", "<h1>home</h1>"),
        ("/sub", "php"),
        ("/.well-known/security.txt", "Contact:"),
    ],
)
def test_a_file_is_served(path: str, text: str, root: Path) -> None:
    assert get(site(root), path) == (200, text)


def test_links_out_of_the_root_and_index_files_are_matters_of_options(root: Path) -> None:
    assert get(site(root, allow_symlinks=True), "/outside.txt") == (200, "secret")
    assert get(site(root, allow_symlinks=True), "/outdir/a.txt") == (200, "secret")
    assert get(site(root, index_files=False), "/") == (404, "handler")


@contextmanager
def as_nobody() -> Iterator[None]:
    """Act as a user without rights, where the tests run as root, who may read everything."""
    user = os.geteuid()
    os.seteuid(user or 65534)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.fixture
def open_root() -> Iterator[Path]:
    """A folder that every user may come to; the folders of `tmp_path` are root's alone."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "sub").mkdir()
        (folder / "a.txt").write_text("a")
        (folder / "sub" / "index.html").write_text("sub")
        yield folder


@pytest.mark.parametrize(
    ("name", "mode", "paths"),
    [
        ("a.txt", 0o000, ["/a.txt"]),
        ("sub", 0o000, ["/sub", "/sub/", "/sub/index.html", "/sub/x"]),
        ("sub", 0o311, ["/sub", "/sub/", "/sub/x"]),
        ("sub/index.html", 0o000, ["/sub", "/sub/index.html"]),
        (".", 0o311, ["/", ""]),
        (".", 0o000, ["/", "/a.txt", "/sub"]),
    ],
)
def test_what_may_not_be_listed_or_read_is_the_handlers(
    name: str, mode: int, paths: list[str], open_root: Path
) -> None:
    client = site(open_root)
    assert get(client, "/a.txt") == (200, "a")
    (open_root / name).chmod(mode)
    try:
        with as_nobody():
            seen = [get(client, path) for path in paths]
    finally:
        (open_root / name).chmod(0o755)
    assert seen == [(404, "handler")] * len(paths)


def test_another_failure_of_the_disk_is_an_error(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Any) -> Any:
        raise OSError(errno.EIO, "the disk is broken")

    client = site(root)
    monkeypatch.setattr(os, "listdir", fail)
    with pytest.raises(OSError, match="the disk is broken"):
        get(client, "/")


CONSTANT = {"0": 0, "Nix": 1, "zip": 315_532_800, "zip in the west": 315_576_000, "before": -5}


@pytest.mark.parametrize("when", CONSTANT.values(), ids=CONSTANT)
def test_a_file_whose_time_says_nothing_is_told_apart_by_its_content(root: Path, when: int) -> None:
    client, path = site(root), root / "a.txt"

    def put(text: str) -> None:
        path.write_text(text)
        os.utime(path, (when, when))

    put("0123456789")
    first = client.get("/a.txt", buffered=True)
    assert "Last-Modified" not in first.headers
    put("abcdefghij")
    known = {"If-None-Match": first.headers["ETag"]}
    assert client.get("/a.txt", headers=known, buffered=True).text == "abcdefghij"
    part = {"Range": "bytes=5-", "If-Range": first.headers["ETag"]}
    assert client.get("/a.txt", headers=part, buffered=True).text == "abcdefghij"
    since = {"If-Modified-Since": "Sun, 06 Nov 2044 08:49:37 GMT"}
    assert client.get("/a.txt", headers=since, buffered=True).status_code == 200
    put("0123456789")
    assert client.get("/a.txt", headers=known, buffered=True).status_code == 304
    assert client.get("/a.txt", headers=part, buffered=True).text == "56789"


def test_the_same_content_has_the_same_etag_on_each_server(root: Path) -> None:
    for name, when in (("b.txt", WHEN), ("c.txt", WHEN + 100)):
        (root / name).write_text("0123456789")
        os.utime(root / name, (when, when))
    tags = {site(root).get(path, buffered=True).headers["ETag"] for path in ("/a.txt", "/c.txt")}
    assert len(tags) == 1


def test_a_hash_is_made_once_for_each_state_of_a_file(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    own = _file_tags._hash

    def counted(file: Any, status: Any) -> Any:
        hashed.append(file.name)
        return own(file, status)

    monkeypatch.setattr(_file_tags, "_hash", counted)
    monkeypatch.setattr(_file_tags, "_RECENT", -1)
    client = site(root)
    tags = [client.get("/a.txt", buffered=True).headers["ETag"] for _ in range(3)]
    assert (len(hashed), len(set(tags))) == (1, 1)
    (root / "new").write_text("9876543210")
    os.utime(root / "new", (WHEN, WHEN))
    (root / "new").replace(root / "a.txt")  # same path, size and time: another inode
    assert client.get("/a.txt", buffered=True).headers["ETag"] not in tags
    (root / "a.txt").write_text("aaaaaaaaaa")
    os.utime(root / "a.txt", (WHEN, WHEN))  # same inode, too: another time of change
    assert client.get("/a.txt", buffered=True).headers["ETag"] not in tags
    assert len(hashed) == 3


def test_a_large_file_is_not_hashed_and_has_no_etag_where_its_time_says_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_file_tags, "_MOST_HASHED", 5)
    client = site(root)
    written = WHEN * 10**9 + 5 * 10**8
    os.utime(root / "a.txt", ns=(written, written))
    found = client.get("/a.txt", buffered=True)
    assert found.headers["ETag"] == f'"{written:x}-a"'
    os.utime(root / "a.txt", (1, 1))
    found = client.get("/a.txt", headers={"Range": "bytes=1-", "If-Range": '"x"'}, buffered=True)
    assert (found.status_code, "ETag" in found.headers, found.text) == (200, False, "0123456789")


SUFFIXES = [
    ("bytes=-900", 206, "0123456789"),
    ("bytes=-10", 206, "0123456789"),
    ("bytes=-11", 206, "0123456789"),
    ("bytes=-1", 206, "9"),
    ("bytes=-0", 416, ""),
    ("bytes=10-", 416, ""),
    ("bytes=9-900", 206, "9"),
    (f"bytes=-{10**30}", 206, "0123456789"),
]


@pytest.mark.parametrize(("wanted", "status", "text"), SUFFIXES)
def test_the_last_bytes_of_a_shorter_file_are_the_file(
    wanted: str, status: int, text: str, root: Path
) -> None:
    (root / "empty.txt").touch()
    found = site(root).get("/a.txt", headers={"Range": wanted}, buffered=True)
    assert (found.status_code, found.text) == (status, text)
    assert get(site(root), "/empty.txt", Range="bytes=-5") == (200, "")
    assert get(site(root), "/empty.txt", Range="bytes=0-") == (416, "")
    assert get(site(root), "/empty.txt", Range="bytes=-0") == (416, "")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "get"])
def test_attack_70_other_methods_are_the_handlers(method: str, root: Path) -> None:
    expected = (200, "0123456789") if method == "get" else (404, "handler")
    assert get(site(root), "/a.txt", method) == expected


def test_attack_70_head_has_the_headers_and_no_body(root: Path) -> None:
    client = site(root)
    head, whole = client.head("/a.txt", buffered=True), client.get("/a.txt", buffered=True)
    assert (head.status_code, head.data) == (200, b"")
    assert dict(head.headers) == dict(whole.headers)
    etag = whole.headers["ETag"]
    assert dict(whole.headers) == {
        "Content-Length": "10",
        "Content-Type": "text/plain; charset=utf-8",
        "ETag": etag,
        "Last-Modified": DATE,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "SAMEORIGIN",
    }


@pytest.mark.parametrize(
    ("asked", "status", "text"),
    [
        ("bytes=0-3", 206, "0123"),
        ("bytes=8-", 206, "89"),
        ("bytes=-3", 206, "789"),
        ("bytes=5-99", 206, "56789"),
        ("bytes=0-0", 206, "0"),
        ("bytes=-0", 416, ""),
        ("bytes=10-", 416, ""),
        ("bytes=99-100", 416, ""),
        (f"bytes={'9' * 30}-", 416, ""),
        ("bytes=9-1", 200, "0123456789"),
        ("bytes=a-b", 200, "0123456789"),
        ("bytes=", 200, "0123456789"),
        ("lines=0-3", 200, "0123456789"),
        ("bytes=0-1,3-4", 200, "0123456789"),
        ("bytes=" + "0-," * 1000, 200, "0123456789"),
        ("bytes=" + "9" * 1_000_000 + "-", 200, "0123456789"),
        ("", 200, "0123456789"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_attack_68_one_range_is_answered_and_all_else_is_the_whole(
    asked: str, status: int, text: str, root: Path
) -> None:
    answer = site(root).get("/a.txt", headers={"Range": asked}, buffered=True)
    assert (answer.status_code, answer.text) == (status, text)
    assert (
        answer.headers.get("Content-Length") == (None if status == 416 else str(len(text))) or 416
    )


def test_a_part_says_which_it_is_and_a_416_how_long_the_file_is(root: Path) -> None:
    past = site(root).get("/a.txt", headers={"Range": "bytes=10-"}, buffered=True)
    assert past.headers["Content-Range"] == "bytes */10"
    answer = site(root).get("/a.txt", headers={"Range": "bytes=2-4"}, buffered=True)
    assert answer.headers["Content-Range"] == "bytes 2-4/10"
    assert answer.headers["Content-Length"] == "3"


@pytest.mark.parametrize(
    ("condition", "status"),
    [("own", 206), (DATE, 206), ('"other"', 200), ("weak", 200),
     ("Wed, 03 Jan 2024 03:04:05 GMT", 200), ("garbage", 200), ("x" * 1000, 200)],
    ids=lambda value: str(value)[:20],
)  # fmt: skip
def test_a_part_is_sent_only_of_the_file_that_the_client_has(
    condition: str, status: int, root: Path
) -> None:
    # A file system gives a write's time a fraction of a second.
    os.utime(root / "a.txt", (WHEN + 0.5, WHEN + 0.5))
    client = site(root)
    etag = client.head("/a.txt").headers["ETag"]
    sent = {"own": etag, "weak": f"W/{etag}"}.get(condition, condition)
    headers = {"Range": "bytes=0-3", "If-Range": sent}
    assert client.get("/a.txt", headers=headers, buffered=True).status_code == status


def test_a_file_that_the_client_has_is_a_304_also_where_it_asks_for_a_part(root: Path) -> None:
    client = site(root)
    headers = {"If-None-Match": client.head("/a.txt").headers["ETag"], "Range": "bytes=0-3"}
    assert client.get("/a.txt", headers=headers, buffered=True).status_code == 304


def test_a_file_costs_no_session_and_takes_no_message(root: Path) -> None:
    store = TracedStore(memory_store())
    config = deep_merge(
        site_defaults, {"static": {"files": str(root)}, "session": {"store": store}}
    )

    def handler(request: Any) -> Any:
        return response(str(request["flash"])) | {"flash": "saved"}

    client = Client(wrap_defaults(to_wsgi(handler), config))
    client.get("/page")
    store.calls.clear()
    assert client.get("/a.txt", buffered=True).text == "0123456789"
    assert store.calls == []
    assert client.get("/page").text == "saved"


def test_the_last_of_several_roots_is_asked_first(root: Path) -> None:
    roots = [root, root.parent / "public2"]
    config = deep_merge(site_defaults, {"static": {"files": roots}})
    client = Client(wrap_defaults(to_wsgi(lambda request: not_found("handler")), config))
    assert client.get("/a.txt", buffered=True).text == "secret"
    assert client.get("/style.CSS", buffered=True).headers["Content-Type"].startswith("text/css")


class Body(io.BytesIO):
    """A body that knows whether it was closed."""


def test_a_handler_may_come_first_and_its_404_is_closed(root: Path) -> None:
    bodies = {
        "/a.txt": (200, Body(b"own")),
        "/style.CSS": (404, Body(b"")),
        "/no": (404, Body(b"404")),
    }

    def handler(request: Any) -> Any:
        status, body = bodies[request["uri"]]
        return {"status": status, "headers": {}, "body": body}

    served = wrap_files(handler, root=root, prefer_handler=True)
    found = {}
    for path in bodies:
        answer = served({"request_method": "get", "uri": path, "headers": {}})
        found[path] = (answer["status"], answer["body"].read())
        answer["body"].close()
    assert found == {"/a.txt": (200, b"own"), "/style.CSS": (200, b"a{}"), "/no": (404, b"404")}
    assert bodies["/style.CSS"][1].closed


def test_a_whole_file_is_given_to_the_servers_own_wrapper(root: Path) -> None:
    given: list[Any] = []

    def file_wrapper(file: Any, size: int = 8192) -> Any:
        given.append(file.read())
        file.close()
        return [b""]

    overrides = {"wsgi.file_wrapper": file_wrapper, "PATH_INFO": "/a.txt"}
    site(root).get("/", environ_overrides=overrides, buffered=True)
    assert given == [b"0123456789"]


def test_the_caching_of_files_is_what_one_says(root: Path) -> None:
    answer = site(root, cache_control="public, max-age=60").get("/a.txt", buffered=True)
    assert answer.headers["Cache-Control"] == "public, max-age=60"
    with pytest.raises(ValueError, match="^cache_control: expected"):
        wrap_files(lambda request: {}, root=root, cache_control="a\r\nb")


@pytest.mark.parametrize("wrong", ["/no/such/folder", 5, [5], __file__])
def test_a_root_that_is_no_folder_is_refused(wrong: Any) -> None:
    where = "root[0]" if isinstance(wrong, list) else "root"
    with pytest.raises(ValueError, match=f"^{re.escape(where)}: expected a folder"):
        wrap_files(lambda request: {}, root=wrong)


# -- a package's data


def resource(root: str, path: str) -> tuple[int, bytes]:
    handler = wrap_resources(lambda request: not_found(io.BytesIO(b"handler")), root=root)
    answer = handler({"request_method": "get", "uri": path, "headers": {}})
    with answer["body"] as body:
        return answer["status"], body.read()


@pytest.fixture(params=["folder", "zip"])
def package(request: Any, tmp_path: Path, monkeypatch: Any) -> str:
    """A package with data, on the disk or in a zip file."""
    name = f"packaged_{request.param}"
    files = {f"{name}/__init__.py": "", f"{name}/public/a.txt": "data", f"{name}/secret.txt": "no"}
    if request.param == "zip":
        with zipfile.ZipFile(tmp_path / "package.zip", "w") as archive:
            archive.writestr(f"{name}/public/", "")
            for path, text in files.items():
                archive.writestr(path, text)
        monkeypatch.syspath_prepend(str(tmp_path / "package.zip"))
    else:
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        monkeypatch.syspath_prepend(str(tmp_path))
    yield name
    sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/a.txt", (200, b"data")),
        ("/../secret.txt", (404, b"handler")),
        ("/", (404, b"handler")),
        ("/no.txt", (404, b"handler")),
    ],
)
def test_a_package_serves_its_data(path: str, found: Any, package: str) -> None:
    assert resource(f"{package}:public", path) == found


@pytest.mark.parametrize(
    "wrong",
    ["ringsession", "no_such_package:x", "ringsession:nothing", "ringsession:", ":x", 5, ".:x"],
)
def test_a_resource_root_that_is_not_there_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="^root: expected"):
        wrap_resources(lambda request: {}, root=wrong)


# -- conditions


def conditional(given: dict[str, Any], method: str = "get", **headers: str) -> Any:
    """What a response with these headers becomes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = Body(b"body")
    handler = wrap_not_modified(lambda request: {"status": 200, "headers": given, "body": body})
    answer = handler({"request_method": method, "headers": named})  # type: ignore[arg-type]
    assert body.closed is (answer["status"] == 304)
    return answer["status"]


TAGGED = {"ETag": '"a"', "Last-Modified": DATE}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"if_none_match": '"a"'}, 304),
        ({"if_none_match": 'W/"a"'}, 304),
        ({"if_none_match": '"b", W/"a"'}, 304),
        ({"if_none_match": "*"}, 304),
        ({"if_none_match": " * "}, 304),
        ({"if_none_match": '"b"'}, 200),
        ({"if_none_match": "a"}, 304),
        ({"if_none_match": ""}, 200),
        ({"if_none_match": ", ".join(f'W/"{n}"' for n in range(10_000)) + ', "a"'}, 200),
        ({"if_none_match": '"b"', "if_modified_since": DATE}, 200),
        ({"if_none_match": '"a"', "if_modified_since": "Mon, 01 Jan 2024 00:00:00 GMT"}, 304),
        ({"if_modified_since": DATE}, 304),
        ({"if_modified_since": "Fri, 31 Dec 9999 23:59:59 GMT"}, 304),
        ({"if_modified_since": "Mon, 01 Jan 2024 00:00:00 GMT"}, 200),
        ({"if_modified_since": "Fri, 31 Dec 99999 23:59:59 GMT"}, 200),
        ({"if_modified_since": "garbage"}, 200),
        ({"if_modified_since": "x" * 10_000}, 200),
        ({}, 200),
    ],
    ids=lambda value: str(value)[:50],
)
def test_attack_69_conditions_are_read_as_rfc_9110_has_them(headers: Any, status: int) -> None:
    assert conditional(TAGGED, **headers) == status
    assert conditional({"etag": '"a"', "last-modified": DATE}, "head", **headers) == status
    assert conditional(TAGGED, "post", **headers) == 200


def test_attack_69_a_304_keeps_its_headers_but_the_length() -> None:
    headers = {**TAGGED, "Set-Cookie": ["a=b"], "Vary": "Cookie", "content-length": "4"}
    handler = wrap_not_modified(
        lambda request: {"status": 200, "headers": headers, "body": b"body"}
    )
    answer = handler({"request_method": "get", "headers": {"if-none-match": '"a"'}})
    del headers["content-length"]
    assert answer == {"status": 304, "headers": headers, "body": None}


def test_a_response_without_a_date_or_with_a_bad_one_is_sent() -> None:
    assert conditional({}, if_modified_since=DATE) == 200
    assert conditional({"Last-Modified": "x"}, if_modified_since=DATE) == 200
    assert conditional({"ETag": ["a"], "Last-Modified": ["x"]}, if_modified_since=DATE) == 200
    assert conditional({"ETag": ["a"]}, if_none_match='"a"') == 200


# -- what a response says of its body


def content_headers(
    wrap: Any, uri: str = "/", body: Any = "x", status: int = 200, **given: str
) -> Any:
    headers = {name.replace("_", "-"): value for name, value in given.items()}
    made = {"status": status, "headers": headers, "body": body}
    return wrap(lambda request: made)({"uri": uri})["headers"]


@pytest.mark.parametrize(
    ("uri", "body", "expected"),
    [
        ("/a.css", "x", "text/css"),
        ("/a.JSON", "x", "application/json"),
        ("/a.JS", "x", "application/octet-stream"),
        ("/a.JS", Path("b.JS"), "text/javascript"),
        ("/a", Path("b.html"), "text/html"),
        ("/a", "x", "application/octet-stream"),
        ("/a.css", "", None),
        ("/a.css", None, None),
        ("/a.css", [], None),
        ("/a.css", ["x"], "text/css"),
    ],
)
def test_a_type_is_guessed_where_there_is_a_body(uri: str, body: Any, expected: Any) -> None:
    assert content_headers(wrap_content_type, uri, body).get("Content-Type") == expected


def test_a_type_of_ones_own_comes_first_and_a_204_has_none() -> None:
    own = assoc_in({}, ["css"], "text/x-own")
    assert content_headers(lambda h: wrap_content_type(h, mime_types=own), "/a.css") == {
        "Content-Type": "text/x-own"
    }
    assert content_headers(wrap_content_type, "/a.css", status=204) == {}
    assert content_headers(wrap_content_type, "/a.css", content_type="a/b") == {
        "content-type": "a/b"
    }
    for wrong in ({".css": "text/css"}, {"CSS": "text/css"}, {"css": "text"}):
        where = f'mime_types["{next(iter(wrong))}"]: expected'
        with pytest.raises(ValueError, match=f"^{re.escape(where)}"):
            wrap_content_type(lambda request: {}, mime_types=wrong)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("text/html", "text/html; charset=utf-8"),
        ("TEXT/HTML", "TEXT/HTML; charset=utf-8"),
        ("application/xml", "application/xml; charset=utf-8"),
        ("text/html; CHARSET=latin-1", "text/html; CHARSET=latin-1"),
        ("text/html; charset=", "text/html; charset="),
        ("application/json", "application/json"),
        ("image/png; x=text/", "image/png; x=text/"),
        ("", ""),
    ],
)
def test_text_gets_a_charset(given: str, expected: str) -> None:
    assert content_headers(wrap_default_charset, Content_Type=given) == {"Content-Type": expected}


def test_a_charset_must_be_one() -> None:
    with pytest.raises(ValueError, match="^charset: expected"):
        wrap_default_charset(lambda request: {}, charset="klingon")
    assert content_headers(wrap_default_charset) == {}


@pytest.mark.parametrize(
    ("body", "status", "given", "expected"),
    [
        (b"abc", 200, {}, "3"),
        ("ü", 200, {"Content_Type": "text/plain; charset=utf-8"}, "2"),
        ("ü", 200, {"Content_Type": "text/plain"}, None),
        (None, 200, {}, "0"),
        (Path(__file__), 200, {}, str(os.path.getsize(__file__))),
        (["a"], 200, {}, None),
        (io.BytesIO(b"abc"), 200, {}, None),
        (b"abc", 204, {}, None),
        (b"abc", 304, {}, None),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_length_is_said_where_it_is_known(
    body: Any, status: int, given: Any, expected: Any
) -> None:
    found = content_headers(wrap_content_length, body=body, status=status, **given)
    assert found.get("Content-Length") == expected


def test_a_length_that_is_there_stays() -> None:
    assert content_headers(wrap_content_length, content_length="9") == {"content-length": "9"}
