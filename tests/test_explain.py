"""`python -m ringsession explain`: the stack in words, its weak points, and no secret."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ringsession import (
    LAYERS,
    cookie_store,
    deep_merge,
    memory_store,
    redis_store,
    secure_site_defaults,
    site_defaults,
    sqlite_store,
    to_wsgi,
    wrap_defaults,
)
from ringsession.__main__ import main
from ringsession.explain import explain, find_weaknesses
from tests.serving import ROOT

KEY = "a key that nobody may ever see here"

API = """\
wrap_content_length           ["responses"]["content_length"]
wrap_not_modified             ["responses"]["not_modified_responses"]
wrap_default_charset          ["responses"]["default_charset"]          charset='utf-8'
wrap_content_type             ["responses"]["content_types"]            mime_types={}
wrap_params                   ["params"]["urlencoded"]                  encoding=None"""


def test_the_api_config_in_words() -> None:
    assert explain(site_defaults).startswith("wrap_content_type_options")
    from ringsession import api_defaults

    layers, off, weak = explain(api_defaults).split("\n\n")
    assert layers == API
    assert off.count("\n") == len(LAYERS) - 5
    assert weak == (
        "weak points:\n"
        '  no ["security"]["hsts"]: browsers may still use plain http\n'
        '  no ["security"]["ssl_redirect"]: the app answers over plain http\n'
        '  no ["security"]["hosts"]: a client may write any name into Host'
    )


def test_every_layer_is_named_once_on_or_off() -> None:
    long = ("cross_origin_opener_policy", "cross_origin_resource_policy")
    wide = deep_merge(site_defaults, {"security": dict.fromkeys(long, True)})
    for config in (site_defaults, secure_site_defaults, wide, {}):
        text = explain(config)
        named = [layer for layer in LAYERS if f"{layer.wrap.__name__} " in text]
        assert len(named) + sum(line.startswith("  [") for line in text.splitlines()) == len(LAYERS)


class OwnStore:
    def __repr__(self) -> str:
        return KEY

    def read_session(self, key: str) -> Any: ...
    def write_session(self, key: Any, data: Any) -> Any: ...
    def delete_session(self, key: str) -> Any: ...


SAFE = deep_merge(
    secure_site_defaults,
    {
        "security": {
            "anti_forgery": {"safe_header": None},
            "content_security_policy": "default-src 'self'",
            "hosts": ["example.org"],
        }
    },
)
WEAK: list[tuple[dict[str, Any], str]] = [
    ({"session": {"store": memory_store()}}, "memory_store: "),
    ({"session": {"store": "memory:"}}, "memory_store: "),
    ({"session": {"store": cookie_store(KEY)}}, "cookie_store: "),
    ({"session": {"store": OwnStore()}}, "a store of three functions: "),
    ({"session": {"cookie_attrs": {"secure": False}}}, "the session's cookie is not Secure"),
    ({"session": {"cookie_attrs": {"http_only": False}}}, "the session's cookie is not HttpOnly"),
    ({"session": {"cookie_attrs": {"same_site": "None"}}}, "the session's cookie is SameSite=None"),
    ({"session": {"timeout": None}}, "no timeout"),
    ({"session": {"absolute_timeout": None}}, "no absolute_timeout"),
    ({"security": {"anti_forgery": False}}, "no CSRF protection"),
    ({"security": {"anti_forgery": {"safe_header": "X-Ok"}}}, "a safe header passes"),
    ({"security": {"hsts": False}}, 'no ["security"]["hsts"]'),
    ({"security": {"ssl_redirect": False}}, 'no ["security"]["ssl_redirect"]'),
    ({"security": {"hosts": False}}, 'no ["security"]["hosts"]: '),
    ({"security": {"content_security_policy": False}}, "no content security policy"),
    (
        {"static": {"files": {"root": ".", "allow_symlinks": True}}},
        '["static"]["files"] follows links',
    ),
]


@pytest.mark.parametrize(("change", "weakness"), WEAK, ids=[row[1][:30] for row in WEAK])
def test_what_is_weak_is_said_and_nothing_else(change: dict[str, Any], weakness: str) -> None:
    good = deep_merge(SAFE, {"session": {"store": "redis://sessions.internal/0"}})
    assert find_weaknesses(good) == []
    (found,) = find_weaknesses(deep_merge(good, change))
    assert found.startswith(weakness)


def test_a_store_by_name_is_shown_without_its_account() -> None:
    name = "redis://web:s3cret@sessions.internal/0"
    shown = explain(deep_merge(SAFE, {"session": {"store": name}}))
    assert "store='redis://***@sessions.internal/0'" in shown
    assert "s3cret" not in shown


def test_it_says_under_which_cookie_name_and_where_the_sessions_are(tmp_path: Path) -> None:
    path = str(tmp_path / "sessions.db")
    redis = redis_store("redis://user:secret@db.internal:6379/0", prefix="forum:")
    for store, where in (
        (redis, repr(redis)),
        ("redis://user:secret@db.internal:6379/0", "redis://***@db.internal:6379/0"),
        (sqlite_store(path), f"<sqlite_store {path!r}>"),
    ):
        config = deep_merge(site_defaults, {"session": {"store": store, "cookie_name": "forum"}})
        (line,) = [line for line in explain(config).splitlines() if line.startswith("  cookie ")]
        assert line.startswith(
            f"  cookie 'forum' in {where}; another app with the same cookie name"
        )
    assert "sessions:" not in explain(site_defaults)
    assert "forum:" in repr(redis)


@pytest.mark.parametrize(("same_site", "notes"), [("lax", 1), ("strict", 1), (None, 0)])
def test_it_says_that_a_trusted_origin_posts_without_the_sessions_cookie(
    same_site: str | None, notes: int
) -> None:
    trusting = {"trusted_origins": ["https://pay.example"]}
    attrs = {"same_site": same_site}
    config = deep_merge(
        site_defaults, {"session": {"cookie_attrs": attrs}, "security": {"anti_forgery": trusting}}
    )
    note = "a form post from a trusted origin on another site comes without the session's cookie"
    assert explain(config).count(note) == notes
    assert note not in explain(site_defaults)


def test_no_secret_is_shown() -> None:
    for store in (cookie_store(KEY, [KEY + "!"]), OwnStore()):
        own = {
            "error_response": {"status": 418, "headers": {}, "body": b"x"},
            "exempt": test_no_secret_is_shown,
        }
        config = deep_merge(
            site_defaults, {"session": {"store": store}, "security": {"anti_forgery": own}}
        )
        text = explain(config)
        assert KEY not in text
        assert "exempt=test_no_secret_is_shown" in text


APP = """
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix
from ringsession import cookie_store, to_wsgi, wrap_defaults, assoc_in, site_defaults
app = Flask(__name__)
app.wsgi_app = wrap_defaults(app.wsgi_app, assoc_in(site_defaults, ["proxy"], {"hops": 2}))
behind = ProxyFix(app.wsgi_app)
plain = to_wsgi(lambda request: {})
"""


def run(*arguments: str, cwd: Path) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "ringsession", "explain", *arguments]
    done = subprocess.run(
        command, cwd=cwd, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    return done.returncode, done.stdout, done.stderr


def test_the_command_explains_a_flask_app_in_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(APP)
    status, out, err = run("shop:app", cwd=tmp_path)
    assert (status, err) == (1, "")
    assert out.startswith(
        f'{"wrap_forwarded":30}{"[" + chr(34) + "proxy" + chr(34) + "]":42}hops=2\n'
    )
    assert out.endswith("\n\nringsession 0.2.0 (pure Python)\n")
    assert run("shop:behind", cwd=tmp_path) == (1, out, "")


GOOD = """
from ringsession import deep_merge, secure_site_defaults, to_wsgi, wrap_defaults
app = wrap_defaults(to_wsgi(lambda request: {}), deep_merge(secure_site_defaults, {
    "session": {"store": "sqlite:///sessions.db"},
    "security": {
        "anti_forgery": {"safe_header": None},
        "content_security_policy": "default-src 'self'",
        "hosts": ["example.org"],
    },
}))
"""


def test_the_exit_code_is_1_for_a_weak_point_unless_it_may_only_warn(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(GOOD)
    weak = GOOD.replace('"hosts": ["example.org"]', '"hosts": False')
    (tmp_path / "weak.py").write_text(weak)
    status, out, err = run("good:app", cwd=tmp_path)
    assert (status, "weak points" in out, err) == (0, False, "")
    status, out, err = run("weak:app", cwd=tmp_path)
    assert (status, err) == (1, "")
    line = 'no ["security"]["hosts"]: a client may write any name into Host'
    assert out.endswith(f"weak points:\n  {line}\n\nringsession 0.2.0 (pure Python)\n")
    assert run("--warn-only", "weak:app", cwd=tmp_path) == (0, out, "")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("shop:plain", "shop:plain: expected an app that wrap_defaults or RingSession has wrapped"),
        ("shop:nothing", "shop:nothing: module 'shop' has no attribute 'nothing'"),
        ("no_such_module:app", "no_such_module:app: No module named 'no_such_module'"),
        (
            "nonsense",
            "expected MODULE:APP, or one of site, secure-site, api, secure-api, got 'nonsense'",
        ),
    ],
)
def test_the_command_says_in_one_line_what_is_not_there(
    name: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "shop.py").write_text(APP)
    assert run(name, cwd=tmp_path) == (2, "", f"python -m ringsession explain: {message}\n")


def test_the_four_configs_have_names(capsys: Any) -> None:
    for name in ("site", "secure-site", "api", "secure-api"):
        main(["explain", name, "--warn-only"])
    assert capsys.readouterr().out.count("wrap_content_length") == 4


def test_what_is_explained_is_what_was_wrapped() -> None:
    config = deep_merge(site_defaults, {"session": {"timeout": 5}})
    app: Any = wrap_defaults(to_wsgi(lambda request: {}), config)
    config["session"]["timeout"] = 6
    assert "timeout=5" in explain(app.config)


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = [sys.executable, "-m", "ringsession", "explain", "site", "--warn-only"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as explaining:
        assert explaining.stdout is not None and explaining.stderr is not None
        explaining.stdout.close()  # as `head` does
        assert explaining.stderr.read() == b""
        assert explaining.wait(30) == 0
