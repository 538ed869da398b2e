"""The guide: its examples give what they show."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from typing import Any

import pytest
from flask.sessions import SecureCookieSessionInterface
from redis.exceptions import RedisClusterException
from werkzeug.test import Client

from ringsession.explain import find_weaknesses
from ringsession import (
    LAYERS,
    api_defaults,
    redis_store,
    secure_api_defaults,
    secure_site_defaults,
    site_defaults,
)
from ringsession.layer_options import find_value, layer_options
from ringsession.option_error import place
from ringsession.stores.cookie.keys import PUBLISHED

DOCS = Path(__file__).parents[1] / "docs"
FOUR = [site_defaults, secure_site_defaults, api_defaults, secure_api_defaults]


def prose_lines(text: str) -> list[str]:
    """Return the lines of a page that are not code, a table or a heading."""
    without_code = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    return [line for line in without_code.split("\n") if not re.match(r"    |\||#", line)]


PAGES = sorted([*DOCS.rglob("*.md"), *DOCS.parent.glob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_prose_of_a_page_has_at_most_100_columns(page: Path) -> None:
    assert [line for line in prose_lines(page.read_text("utf-8")) if len(line) > 100] == []


def test_the_program_on_the_security_page_runs() -> None:
    (program,) = re.findall(
        r"```python\n(.*?)```", (DOCS / "background/security.md").read_text(), re.DOTALL
    )
    namespace: dict[str, Any] = {}
    exec(compile(program, "security.md", "exec"), namespace)
    headers = {"X-Forwarded-Proto": "https", "Host": "example.org"}
    answer = Client(namespace["app"]).get("/", headers=headers)
    nonce = answer.text.split('"')[1]
    assert answer.content_type == "text/html; charset=utf-8"
    (weak,) = find_weaknesses(namespace["config"])
    assert weak.startswith("memory_store: ")
    policies = {name: text for name, text in answer.headers if "-Policy" in name}
    assert policies == {
        "Content-Security-Policy": (
            f"default-src 'self'; script-src 'nonce-{nonce}'; object-src 'none'; base-uri 'none';"
            " frame-ancestors 'self'"
        ),
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }


def security_rows() -> list[list[str]]:
    """Return the cells of the table of what is on, without its head."""
    section = (
        (DOCS / "background/security.md").read_text().split("## What is on")[1].split("\n## ")[0]
    )
    lines = [line for line in section.split("\n") if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_security_page_has_one_table_of_what_is_on_and_what_it_meets() -> None:
    page = (DOCS / "background/security.md").read_text()
    assert page.count("| ASVS |") == page.count("config key") == 1
    assert [row for row in security_rows() if len(row) != 8 or not row[6] or not row[7]] == []


def test_the_table_of_the_security_page_says_what_each_config_turns_on() -> None:
    rows = {row[1]: row for row in security_rows()}
    for layer in LAYERS:
        key = f"`{place(layer.path)}`"
        if key not in rows:
            assert layer.path[0] != "security", key  # each of these has a row
            continue
        found = [
            layer_options(find_value(config, layer.path, site_defaults), layer.scalar) is not None
            for config in FOUR
        ]
        assert [not cell.startswith("off") for cell in rows[key][2:6]] == found, key
    for name in ("timeout", "absolute_timeout"):
        cells = rows[f'`["session"]["{name}"]`'][2:4]
        words = {None: "off", 1800: "30 min", 86400: "24 h"}
        assert cells == [words[config["session"][name]] for config in FOUR[:2]]


# The requirements of OWASP ASVS 5.0.0 that the page names, by their level.
ASVS = {
    "L1": "1.2.1 3.3.1 3.4.1 3.4.2 3.5.1 3.5.2 3.5.3 4.1.1 5.2.1 5.2.2 5.3.2 7.2.1 7.2.2 7.2.3"
    " 7.2.4 7.4.1 7.4.2 9.1.1 9.1.2 9.1.3 9.2.1 11.3.1 11.3.2 12.1.1 12.2.1 12.2.2 13.4.1 14.2.1"
    " 14.3.1",
    "L2": "1.5.2 3.3.2 3.3.3 3.3.4 3.4.3 3.4.4 3.4.5 3.4.6 3.5.4 3.7.2 4.1.2 4.1.3 4.4.2 5.2.3"
    " 5.4.1 5.4.2 5.4.3 7.1.1 7.1.2 7.1.3 7.3.1 7.3.2 7.4.3 7.4.4 7.4.5 7.5.1 7.5.2 7.6.1 7.6.2"
    " 9.2.2 9.2.3 11.3.3 11.4.4 11.5.1 12.3.1 12.3.2 13.3.1 13.4.3 14.2.2 14.3.2 15.3.4 16.2.5"
    " 16.3.3 16.3.4 16.4.1 16.5.1 16.5.2 16.5.3",
    "L3": "3.1.1 3.3.5 3.4.7 3.4.8 3.5.8 3.7.3 3.7.4 3.7.5 5.2.4 5.2.6 7.5.3 11.3.4 13.3.4 15.4.1"
    " 15.4.2",
}


def test_each_requirement_on_the_security_page_has_its_level() -> None:
    page = (DOCS / "background/security.md").read_text()
    levels = {number: level for level, numbers in ASVS.items() for number in numbers.split()}
    named = re.findall(r"\b(\d+\.\d+\.\d+)\s+(L\d)\b", page)
    assert dict(named) == levels and len(set(named)) == len(levels)
    assert set(re.findall(r"\b\d+\.\d+\.\d+\b", page)) <= {*levels, "5.0.0"}


def test_every_file_that_the_security_page_names_is_there() -> None:
    named = re.findall(
        r"`((?:tests|benchmarks|examples)/[\w/.]+)`", (DOCS / "background/security.md").read_text()
    )
    assert len(named) > 15
    assert [name for name in named if not (DOCS.parent / name).exists()] == []


def flask_programs() -> dict[str, Any]:
    """The apps on the page for Flask, by the first line of each, on a memory store."""
    page = (DOCS / "how-to/flask.md").read_text("utf-8")
    programs = re.findall(r"```python\n# (.*?)\n(.*?)```", page, re.DOTALL)
    return {name: text.replace("redis://localhost:6379/0", "memory:") for name, text in programs}


def run_flask(name: str) -> Any:
    namespace: dict[str, Any] = {"__name__": "docs"}
    exec(compile(flask_programs()[name], name, "exec"), namespace)
    return namespace["app"].test_client()


def test_every_program_on_the_page_for_flask_is_run_below() -> None:
    assert list(flask_programs()) == [
        "server-side",
        "in the cookie",
        "with a token in each form",
        "answers a refused request",
        "reads what Flask signed",
        "takes over the sessions of another extension",
    ]


def test_the_page_for_flask_logs_in_and_out() -> None:
    client = run_flask("server-side")
    client.post("/login", data={"user": "ann"})
    client.post("/cart/book")
    client.post("/cart/lamp")
    expected = "[&#39;Welcome!&#39;] ann [&#39;book&#39;, &#39;lamp&#39;]"
    assert client.get("/").text == expected
    client.post("/logout")
    assert client.get("/").text == "[]  "


def test_the_page_for_flask_seals_a_session() -> None:
    client = run_flask("in the cookie")
    with client.session_transaction() as session:
        session["user"] = "ann"
    assert client.get_cookie("session").value.startswith("A")  # RS2
    with client.session_transaction() as session:
        assert dict(session) == {"user": "ann"}


def test_the_page_for_flask_asks_for_a_token() -> None:
    client = run_flask("with a token in each form")
    token = client.get("/").text.split('value="')[1].split('"')[0]
    assert client.post("/").status_code == 403
    assert client.post("/", data={"__anti-forgery-token": token}).text == "gone"


def test_the_page_for_flask_answers_a_refused_request() -> None:
    answer = run_flask("answers a refused request").post("/")
    assert (answer.status_code, answer.text[:28]) == (403, "<h1>Our shop</h1><p>The site")


def test_the_page_for_flask_keeps_who_flask_signed_in() -> None:
    client = run_flask("reads what Flask signed")
    signer = SecureCookieSessionInterface().get_signing_serializer(client.application)
    assert signer is not None
    client.set_cookie("session", signer.dumps({"user": "ann"}))
    assert [client.get("/").text for _ in range(2)] == ["ann", "ann"]


def test_the_page_for_flask_takes_an_old_session_over_once() -> None:
    client = run_flask("takes over the sessions of another extension")
    client.set_cookie("session", "old-id")
    assert [client.get("/").text for _ in range(2)] == ["ann", "ann"]
    copied = client.application.test_client()
    copied.set_cookie("session", "old-id")
    assert copied.get("/").text == "None"


@pytest.mark.parametrize(
    "name", ["reads what Flask signed", "takes over the sessions of another extension"]
)
def test_the_page_for_flask_shows_a_name_as_text(name: str) -> None:
    client = run_flask(name)
    with client.session_transaction() as session:
        session["user"] = "<b>ann"
    assert client.get("/").text == "&lt;b&gt;ann"


@pytest.mark.parametrize(
    "page, least", [("sessions-and-cookies", 20), ("stores", 8), ("user-sessions", 20)]
)
def test_every_example_gives_what_it_shows(
    page: str, least: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    failed, tried = doctest.testfile(str(DOCS / f"how-to/{page}.md"), module_relative=False)
    assert tried > least
    assert failed == 0


def test_the_programs_on_the_page_of_stores_run_until_they_ask_a_server() -> None:
    (program,) = re.findall(
        r"```python\n(.*?)```", (DOCS / "how-to/stores.md").read_text(), re.DOTALL
    )
    lines = program.strip().split("\n")
    namespace: dict[str, Any] = {"redis_store": redis_store}
    for line in lines:
        if "RedisCluster(" in line:  # it asks its node for the others at once
            with pytest.raises(RedisClusterException):
                exec(line, namespace)
        else:
            exec(line, namespace)


_BEFORE_KEY = r'(?:cookie_store|Keyring)\(|fallback_keys=\[|SECRET_KEY\w*"\] = \[?|^\W*key = '
_KEY = re.compile(f'(?:{_BEFORE_KEY})"([^"]+)"')


def test_every_key_that_a_page_or_an_example_shows_is_known_to_everybody() -> None:
    root = DOCS.parent
    code = [
        path for folder in ("examples", "ringsession") for path in root.glob(f"{folder}/**/*.py")
    ]
    shown = {
        key.encode()
        for path in [*PAGES, *code]
        for line in path.read_text("utf-8").split("\n")
        for key in _KEY.findall(line)
    }
    assert len(shown) >= 7
    assert shown <= PUBLISHED
