"""Flask-WTF's forms and its CSRF beside ours: either alone, or both."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from flask import Flask, render_template_string

from ringsession.flask.extension import RingSession
from ringsession.flask.logins import recreate
from tests.flask.apps import SECRET, make_app
from tests.machine import import_part

flask_wtf = import_part("flask_wtf")
flask_file = import_part("flask_wtf.file")
wtforms = import_part("wtforms")

TOKEN = {"security": {"anti_forgery": {"mode": "token"}}}


class NameForm(flask_wtf.FlaskForm):  # type: ignore[misc,name-defined]
    """A form with one field, and Flask-WTF's token where that is on."""

    name = wtforms.StringField()


class UploadForm(flask_wtf.FlaskForm):  # type: ignore[misc,name-defined]
    """A form with a file that must be there."""

    file = flask_file.FileField(validators=[flask_file.FileRequired()])


def site(store: Any, config: Any = None, *, protect: bool = False, **values: Any) -> Flask:
    """A site with a form of Flask-WTF, and a page by hand. protect: CSRFProtect for every post."""
    app = make_app(store, config, **values)
    if protect:
        flask_wtf.CSRFProtect(app)

    @app.route("/form", methods=["GET", "POST"])
    def form() -> Any:
        filled = NameForm()
        if filled.validate_on_submit():
            return f"hello {filled.name.data}"
        page = "{{ form.hidden_tag() }}{{ form.name() }}{{ csrf_field() if csrf_field }}"
        return render_template_string(page, form=filled), 400 if filled.is_submitted() else 200

    @app.route("/upload", methods=["GET", "POST"])
    def upload() -> str:
        form = UploadForm()
        if form.validate_on_submit():
            return f"{form.file.data.filename}: {len(form.file.data.read())} bytes"
        if form.is_submitted():
            return str(form.file.errors)
        return render_template_string("{{ form.hidden_tag() }}{{ csrf_field() }}", form=form)

    @app.post("/plain")
    def plain() -> str:
        return "taken"

    @app.get("/token")
    def token() -> str:
        return render_template_string("{{ csrf_token() }}")

    @app.get("/login")
    def login() -> str:
        recreate()
        return ""

    return app


def fields(page: str) -> dict[str, str]:
    """The hidden fields of a page."""
    tags = re.findall(r"<input [^>]*hidden[^>]*>", page)
    return dict(
        pair for tag in tags for pair in re.findall(r'name="([^"]*)".*value="([^"]*)"', tag)
    )


def test_a_form_with_flask_wtfs_token_passes_and_one_without_does_not(store: Any) -> None:
    client = site(store).test_client()
    hidden = fields(client.get("/form").text)
    assert list(hidden) == ["csrf_token"]
    assert client.post("/form", data={**hidden, "name": "ann"}).text == "hello ann"
    for wrong in ({}, {"csrf_token": "forged"}):
        assert client.post("/form", data={**wrong, "name": "ann"}).status_code == 400


def test_its_protection_of_every_post_takes_the_token_by_field_and_by_header(store: Any) -> None:
    client = site(store, protect=True).test_client()
    token = client.get("/token").text
    assert client.post("/plain", data={"csrf_token": token}).text == "taken"
    assert client.post("/plain", headers={"X-CSRFToken": token}).text == "taken"
    refused = client.post("/plain")
    assert (refused.status_code, "The CSRF token is missing." in refused.text) == (400, True)


def test_its_token_of_another_session_is_refused(store: Any) -> None:
    app = site(store, protect=True)
    client, attacker = app.test_client(), app.test_client()
    client.get("/token")
    token = attacker.get("/token").text
    assert attacker.post("/plain", data={"csrf_token": token}).text == "taken"
    assert client.post("/plain", data={"csrf_token": token}).status_code == 400


def test_its_token_still_passes_after_the_session_has_moved(store: Any) -> None:
    client = site(store, protect=True).test_client()
    token = client.get("/token").text
    client.get("/login")
    assert client.post("/plain", data={"csrf_token": token}).text == "taken"


def test_our_field_passes_where_its_csrf_is_off(store: Any) -> None:
    client = site(store, TOKEN, WTF_CSRF_ENABLED=False).test_client()
    hidden = fields(client.get("/form").text)
    assert list(hidden) == ["__anti-forgery-token"]
    assert client.post("/form", data={**hidden, "name": "ann"}).text == "hello ann"
    for wrong in ({}, {"__anti-forgery-token": "forged"}):
        assert client.post("/form", data={**wrong, "name": "ann"}).status_code == 403


def test_a_form_with_both_passes_where_both_are_on(store: Any) -> None:
    client = site(store, TOKEN, protect=True).test_client()
    hidden = fields(client.get("/form").text)
    assert sorted(hidden) == ["__anti-forgery-token", "csrf_token"]
    found = {}
    for left_out in ("", "csrf_token", "__anti-forgery-token"):
        sent = {name: hidden[name] for name in hidden if name != left_out}
        found[left_out] = client.post("/form", data={**sent, "name": "ann"}).status_code
    assert found == {"": 200, "csrf_token": 400, "__anti-forgery-token": 403}


def test_an_upload_passes_through_its_form(store: Any) -> None:
    client = site(store, TOKEN).test_client()
    hidden = fields(client.get("/upload").text)
    form = {**hidden, "file": (io.BytesIO(b"x" * 300_000), "a.bin")}
    assert client.post("/upload", data=form).text == "a.bin: 300000 bytes"
    assert client.post("/upload", data=hidden).text == "['This field is required.']"


@pytest.mark.parametrize("first", ["ours", "Flask-WTF's"])
def test_where_both_are_on_the_templates_token_is_flask_wtfs_and_the_field_ours(first: str) -> None:
    app = Flask(__name__)
    app.config["SECRET_KEY"] = SECRET
    begin = [lambda: RingSession(app, TOKEN), lambda: flask_wtf.CSRFProtect(app)]
    for extension in begin if first == "ours" else reversed(begin):
        extension()
    with app.test_request_context():
        token, field = render_template_string("{{ csrf_token() }} {{ csrf_field() }}").split(" ", 1)
        assert token == flask_wtf.csrf.generate_csrf()
        assert list(fields(field)) == ["__anti-forgery-token"]
