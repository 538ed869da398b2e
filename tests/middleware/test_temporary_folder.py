"""Uploads where temporary files cannot be made."""

from __future__ import annotations

import io
import logging
import tempfile
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request as flask_request
from werkzeug.test import Client

from ringsession import ConfigError, assoc_in, bytes_store, deep_merge, response, site_defaults
from ringsession import memory_store, to_wsgi, wrap_defaults
from ringsession.flask import RingSession

FEW, MANY = 1000, 600_000


@pytest.fixture
def vanish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make the folder for temporary files go away, as a clean-up of /tmp does it."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder.rmdir


def site(handler: Any, **params: Any) -> Client:
    config = deep_merge(site_defaults, {"security": {"anti_forgery": False}, "params": params})
    return Client(wrap_defaults(to_wsgi(handler), config))


def sizes(request: Any) -> Any:
    return response(str(len(request["params"]["file"]["tempfile"].read())))


def upload(client: Any, size: int) -> Any:
    head = b'--B\r\nContent-Disposition: form-data; name="file"; filename="s3cret.txt"\r\n\r\n'
    return client.post(  # Werkzeug's own client would need a temporary file as well
        "/upload?token=s3cret",
        data=head + b"x" * size + b"\r\n--B--\r\n",
        content_type="multipart/form-data; boundary=B",
    )


@pytest.mark.parametrize("store", [None, bytes_store])
def test_without_a_folder_for_temporary_files_uploads_are_a_config_error(
    store: Any, vanish: Any
) -> None:
    vanish()
    params = True if store is None else {"store": store}
    with pytest.raises(ConfigError) as caught:
        site(sizes, multipart=params)
    assert str(caught.value).startswith(
        '["params"]["multipart"]["store"]: cannot make a temporary file, which an upload needs: '
    )
    assert "TMPDIR" in str(caught.value)


def test_without_uploads_no_temporary_folder_is_needed(vanish: Any) -> None:
    vanish()
    client = site(lambda request: response(request["params"].get("a", "")), multipart=False)
    assert client.post("/", data={"a": "1"}).text == "1"


def test_a_folder_that_goes_away_later_is_a_507_and_one_line(vanish: Any, caplog: Any) -> None:
    client = site(sizes)
    assert upload(client, MANY).text == str(MANY)
    vanish()
    caplog.set_level(logging.INFO)
    assert upload(client, FEW).text == str(FEW)  # it stays in memory
    assert caplog.messages == []
    answer = upload(client, MANY)
    assert (answer.status_code, answer.mimetype) == (507, "text/plain")
    (record,) = caplog.records
    assert (record.levelname, record.exc_info) == ("ERROR", None)
    line = record.getMessage()
    assert line.startswith("Could not keep a form in a temporary file, so the response is a 507: ")
    assert "No such file or directory" in line and line.endswith(" method=POST path=/upload")
    assert "s3cret" not in line + answer.text


def test_a_large_form_of_an_app_that_reads_it_itself_is_a_507_in_flask(
    vanish: Any, caplog: Any
) -> None:
    app = Flask(__name__)
    RingSession(app, assoc_in(site_defaults, ["session", "store"], memory_store()))

    @app.post("/upload")
    def read() -> str:
        return str(len(flask_request.get_data()))

    client = app.test_client()
    headers = {"Sec-Fetch-Site": "same-origin"}
    data = {"a": "x" * MANY}
    assert client.post("/upload", data=data, headers=headers).status_code == 200
    vanish()
    answer = client.post("/upload", data=data, headers=headers)
    assert answer.status_code == 507
    assert [record.levelname for record in caplog.records] == ["ERROR"]


class Full(io.BytesIO):
    """A file on a disk that is full."""

    def write(self, data: Any) -> int:
        raise OSError(28, "No space left on device")


def test_a_full_disk_is_a_507_too(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    client = site(sizes)
    # SpooledTemporaryFile calls this one when it needs the disk.
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda *args, **options: Full())
    assert upload(client, MANY).status_code == 507
    assert "No space left on device" in caplog.text


def test_an_error_of_an_apps_own_store_for_uploads_is_the_apps(caplog: Any) -> None:
    def own(item: Any) -> Any:
        raise OSError("the app's own")

    with pytest.raises(OSError, match="the app's own"):
        upload(site(lambda request: response(str(request["params"])), multipart={"store": own}), 5)
