"""A file or folder that cannot be read is the handler's, whatever the reason."""

from __future__ import annotations

import errno
import os
import socket
import sys
import textwrap
import zipfile
from importlib.readers import MultiplexedPath
from pathlib import Path
from subprocess import run
from typing import Any

import pytest
from werkzeug.test import Client

from ringsession import assoc_in, not_found, site_defaults, to_wsgi, wrap_defaults, wrap_resources
from ringsession.middleware import _find_file

pytestmark = pytest.mark.posix  # links, a FIFO and modes of files

# What a server answers whose names are ASCII.
SERVE = """
    import sys
    from werkzeug.test import Client
    from ringsession import assoc_in, not_found, site_defaults, to_wsgi, wrap_defaults

    root, *paths = sys.argv[1:]
    config = assoc_in(site_defaults, ["static", "files"], root)
    app = wrap_defaults(to_wsgi(lambda request: not_found("handler")), config)
    for path in paths:
        answer = Client(app).get(path, buffered=True)
        print(path, answer.status_code, answer.text)
"""


def site(root: Any) -> Client:
    config = assoc_in(site_defaults, ["static", "files"], root)
    return Client(wrap_defaults(to_wsgi(lambda request: not_found("handler")), config))


def get(root: Path, path: str = "/a.txt") -> tuple[int, str]:
    answer = site(root).get("/", environ_overrides={"PATH_INFO": path}, buffered=True)
    return answer.status_code, answer.text


def served(root: Path, paths: list[str], **environ: str) -> dict[str, str]:
    """Return what another process answers, in another environment."""
    arguments = [sys.executable, "-c", textwrap.dedent(SERVE), str(root), *paths]
    environ = {**os.environ, **environ}
    done = run(arguments, capture_output=True, text=True, timeout=60, check=False, env=environ)
    assert done.returncode == 0, done.stderr
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


@pytest.mark.parametrize(
    "path",
    ["/" + "x" * 255, "/" + "x" * 256, "/" + "x/" * 2_040, "/" + "x/" * 6_000, "/" + "ü" * 200,
     "/loop", "/loop/x", "/loop/", "/a.txt/x", "/a.txt/x/y", "/pipe", "/pipe/x", "/socket",
     "/dangling"],
    ids=lambda path: path[:10] + str(len(path)),
)  # fmt: skip
@pytest.mark.parametrize("allow_symlinks", [False, True])
def test_a_path_that_leads_nowhere_is_the_handlers(
    path: str, allow_symlinks: bool, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("nothing")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()
        os.chdir(tmp_path)  # the path of a socket has at most 107 characters
        try:
            listener.bind("socket")
        finally:
            os.chdir(here)
        options = {"root": tmp_path, "allow_symlinks": allow_symlinks}
        config = assoc_in(site_defaults, ["static", "files"], options)
        client = Client(wrap_defaults(to_wsgi(lambda request: not_found("handler")), config))
        octets = path.encode().decode("latin-1")
        answer = client.get("/", environ_overrides={"PATH_INFO": octets}, buffered=True)
    assert (answer.status_code, answer.text) == (404, "handler")


def test_a_name_that_the_file_system_cannot_hold_is_the_handlers(tmp_path: Path) -> None:
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    paths = ["/%E4%B8%96.txt", "/%F0%9F%98%80/x"]
    found = served(tmp_path, paths, **ascii_only)
    assert found == dict.fromkeys(paths, "404 handler")


# -- what happens between two looks at the disk


def test_a_file_that_vanishes_before_it_is_opened_is_the_handlers(
    tmp_path: Path, monkeypatch: Any
) -> None:
    (tmp_path / "a.txt").write_text("a")
    is_inside = _find_file._is_inside

    def remove(path: Any, root: Any) -> bool:
        (tmp_path / "a.txt").unlink()
        return is_inside(path, root)

    monkeypatch.setattr(_find_file, "_is_inside", remove)
    assert get(tmp_path) == (404, "handler")


def test_a_folder_that_vanishes_before_it_is_listed_is_the_handlers(
    tmp_path: Path, monkeypatch: Any
) -> None:
    (tmp_path / "sub").mkdir()
    list_folder = os.listdir

    def remove(folder: Any) -> Any:
        (tmp_path / "sub").rmdir()
        return list_folder(folder)

    monkeypatch.setattr(os, "listdir", remove)
    assert get(tmp_path, "/sub") == (404, "handler")


@pytest.mark.parametrize("kind", ["pipe", "folder", "gone"])
def test_a_file_whose_place_is_taken_before_it_is_opened_is_the_handlers(
    kind: str, tmp_path: Path, monkeypatch: Any
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a")
    open_path = os.open

    def take_its_place(name: Any, flags: int, *more: Any, **options: Any) -> int:
        if os.fspath(name) == str(path):
            path.unlink()
            if kind == "pipe":
                os.mkfifo(path)  # opening it would wait for a writer
            elif kind == "folder":
                path.mkdir()
        return open_path(name, flags, *more, **options)

    monkeypatch.setattr(os, "open", take_its_place)
    assert get(tmp_path) == (404, "handler")


@pytest.mark.parametrize("code", [errno.EIO, errno.EMFILE, errno.ENOMEM])
def test_a_fault_of_the_server_is_not_taken_for_a_missing_file(
    code: int, tmp_path: Path, monkeypatch: Any
) -> None:
    (tmp_path / "a.txt").write_text("a")

    def fail(*arguments: Any, **options: Any) -> int:
        raise OSError(code, os.strerror(code))

    client = site(tmp_path)
    monkeypatch.setattr(_find_file.os, "open", fail)
    with pytest.raises(OSError, match=os.strerror(code)):
        client.get("/a.txt")


# -- a package's data


def resource(root: str, path: str) -> tuple[int, Any]:
    handler = wrap_resources(lambda request: not_found("handler"), root=root)
    answer = handler({"request_method": "get", "uri": path, "headers": {}})
    body = answer["body"]
    if hasattr(body, "read"):
        with body:
            return answer["status"], body.read()
    return answer["status"], body


def test_a_package_of_several_folders_is_served_as_one_of_one_folder(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    (tmp_path / "one" / "b.txt").write_text("0123456789")
    (tmp_path / "two" / "outside.txt").symlink_to(__file__)
    root = MultiplexedPath(tmp_path / "one", tmp_path / "two")
    assert [_find_file.find_resource(path, root) for path in ("outside.txt", "no.txt", "")] == [
        None
    ] * 3
    found = _find_file.find_resource("b.txt", root)
    assert found is not None and (found.size, found.modified is None) == (10, False)
    found.file.close()


PATHS = ["/" + "x" * 300, "/" + "x/" * 3_000, "/loop", "/b.txt/x", "/dangling", "/sub", "/%C3%BC",
         "/outside.txt"]  # fmt: skip


@pytest.mark.parametrize("kind", ["folder", "zip", "parts"])
def test_a_path_that_leads_nowhere_in_a_package_is_the_handlers(
    kind: str, tmp_path: Path, monkeypatch: Any
) -> None:
    name = f"nowhere_{kind}"
    if kind == "zip":
        with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
            archive.writestr(f"{name}/__init__.py", "")
            for path in (f"{name}/data/b.txt", f"{name}/data/sub/c.txt"):
                archive.writestr(path, "b")
        monkeypatch.syspath_prepend(str(tmp_path / "p.zip"))
    else:
        for part in ("one", "two") if kind == "parts" else ("one",):
            data = tmp_path / part / name / "data"
            (data / "sub").mkdir(parents=True)
            (data / "b.txt").write_text("b")
            (data / "loop").symlink_to("loop")
            (data / "dangling").symlink_to("nothing")
            (data / "outside.txt").symlink_to(tmp_path / "secret.txt")
            if kind == "folder":
                (tmp_path / part / name / "__init__.py").touch()
            monkeypatch.syspath_prepend(str(tmp_path / part))
    (tmp_path / "secret.txt").write_text("secret")
    found = {path: resource(f"{name}:data", path) for path in [*PATHS, "/b.txt"]}
    sys.modules.pop(name, None)
    assert found == {**dict.fromkeys(PATHS, (404, "handler")), "/b.txt": (200, b"b")}
