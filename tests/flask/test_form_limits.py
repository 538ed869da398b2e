"""The app's own limits for forms bind the layers that read a form before Flask does."""

from __future__ import annotations

import io
from typing import Any

import pytest
from flask import Flask, request
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from ringsession import ConfigError, memory_store, site_defaults
from ringsession.flask.extension import RingSession
from tests.flask.apps import SECRET, make_app

MIB = 1 << 20


def posting(app: Flask) -> Flask:
    @app.post("/layers")
    def by_layers() -> str:
        form = request.environ["ringsession.request"]
        return f"{len(form['form_params']) + len(form['multipart_params'])} fields"

    @app.post("/flask")
    def by_flask() -> str:
        return f"{len(request.form) + len(request.files)} fields"

    return app


def layered(config: Any = site_defaults, **values: Any) -> Flask:
    security = {"anti_forgery": False}
    return posting(make_app(memory_store(), {**config, "security": security}, **values))


def urlencoded(size: int) -> dict[str, Any]:
    return {"data": "a=" + "x" * (size - 2), "content_type": "application/x-www-form-urlencoded"}


def multipart(**fields: Any) -> dict[str, Any]:
    boundary, body = encode_multipart(fields)
    return {"data": body, "content_type": f"multipart/form-data; boundary={boundary}"}


def parts(count: int) -> dict[str, Any]:
    return multipart(**{f"field{number}": "x" for number in range(count)})


def file(size: int) -> dict[str, Any]:
    return multipart(file=FileStorage(io.BytesIO(b"x" * size), "a.txt", name="file"))


def send(client: Any, path: str, form: dict[str, Any]) -> int:
    with client.post(path, **form) as answer:
        return int(answer.status_code)


LIMITS: list[tuple[dict[str, int], dict[str, Any], int]] = [
    ({"MAX_CONTENT_LENGTH": 100}, urlencoded(100), 200),
    ({"MAX_CONTENT_LENGTH": 100}, urlencoded(101), 413),
    ({"MAX_CONTENT_LENGTH": 0}, urlencoded(5), 413),
    ({"MAX_CONTENT_LENGTH": 1000}, file(100), 200),
    ({"MAX_CONTENT_LENGTH": 1000}, file(1001), 413),
    ({"MAX_FORM_PARTS": 3}, parts(3), 200),
    ({"MAX_FORM_PARTS": 3}, parts(4), 413),
    ({"MAX_FORM_PARTS": 2000}, parts(2000), 200),
    ({"MAX_FORM_MEMORY_SIZE": 200_000}, multipart(a="x" * 200_000, b="x" * 200_000), 200),
    ({"MAX_FORM_MEMORY_SIZE": 200_000}, multipart(a="x" * 200_001), 413),
    ({"MAX_FORM_MEMORY_SIZE": 200_000}, file(200_001), 200),
    ({"MAX_FORM_MEMORY_SIZE": 3 * MIB}, multipart(a="x" * 2 * MIB), 200),
    ({}, multipart(a="x" * 500_001), 413),
]


@pytest.mark.parametrize("path", ["/layers", "/flask"])
@pytest.mark.parametrize(("values", "form", "status"), LIMITS)
def test_a_form_within_the_apps_limits_is_read_and_any_other_is_a_413(
    values: Any, form: Any, status: int, path: str
) -> None:
    assert send(layered(**values).test_client(), path, form) == status


def test_limits_that_are_set_late_count_for_the_next_request() -> None:
    app = layered()
    found = []
    for app.config["MAX_CONTENT_LENGTH"] in (None, 10, 100.0, float("inf")):
        found.append(send(app.test_client(), "/layers", urlencoded(50)))
    assert found == [200, 413, 200, 200]


def test_the_layers_own_limits_hold_where_they_are_lower() -> None:
    config = {**site_defaults, "params": {"urlencoded": True, "multipart": {"max_size": 500}}}
    client = layered(config, MAX_CONTENT_LENGTH=1000).test_client()
    assert [send(client, "/layers", file(size)) for size in (600, 100)] == [413, 200]
    client = layered(MAX_CONTENT_LENGTH=2 * MIB).test_client()
    form = urlencoded(MIB + 1)
    assert [send(client, path, form) for path in ("/layers", "/flask")] == [413, 200]


@pytest.mark.parametrize(
    ("values", "form"),
    [
        ({"MAX_CONTENT_LENGTH": 150}, urlencoded(200)),
        ({"MAX_CONTENT_LENGTH": 150}, file(200)),
        ({"MAX_FORM_PARTS": 5}, parts(6)),
        ({"MAX_FORM_MEMORY_SIZE": 50}, multipart(a="x" * 51)),
    ],
)
def test_the_form_that_is_read_for_a_csrf_token_keeps_to_them(values: Any, form: Any) -> None:
    app = Flask(__name__)
    app.config.update(SECRET_KEY=SECRET, TESTING=True)
    RingSession(app, {"session": {"store": "memory:"}, "security": {"anti_forgery": True}})

    @app.get("/form")
    def page() -> str:
        return str(request.environ["ringsession.request"]["anti_forgery_token"])

    client = posting(app).test_client()
    client.get("/form")
    assert send(client, "/flask", form) == 403
    app.config.update(values)
    assert send(client, "/flask", form) == 413


@pytest.mark.parametrize("name", ["MAX_CONTENT_LENGTH", "MAX_FORM_MEMORY_SIZE", "MAX_FORM_PARTS"])
@pytest.mark.parametrize(("value", "shown"), [("1000", "'1000'"), (-1, "-1"), (True, "True")])
def test_a_wrong_limit_is_an_error_that_names_its_key(name: str, value: Any, shown: str) -> None:
    app = layered()
    app.config[name] = value
    with pytest.raises(ConfigError) as caught:
        app.test_client().post("/layers", **urlencoded(50))
    assert str(caught.value) == f'app.config["{name}"]: expected a number, or None, got {shown}'
