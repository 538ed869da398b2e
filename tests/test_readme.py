"""The README: its programs run, its transcripts are what curl shows, its links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from ringsession import api_defaults, assoc_in, site_defaults, text, to_wsgi, wrap_defaults
from tests.serving import curl, free_port, running

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PROGRAMS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
TRANSCRIPTS = [
    block for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL) if "curl" in block
]


def run(program: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "readme"}
    exec(compile(program, "README.md", "exec"), namespace)
    return namespace


@pytest.mark.parametrize("program", PROGRAMS, ids=[program.split("\n")[0] for program in PROGRAMS])
def test_every_program_runs(program: str) -> None:
    run(program)


def test_the_first_screens_are_all_there_is() -> None:
    text, _ = README.split("\n[promises]: ")  # the links
    assert text.count("\n") <= 130  # lines of 100 columns: two screens, and the tables
    assert README.index("pip install") < 700


def test_the_complete_programs_are_short() -> None:
    flask, handler = PROGRAMS
    assert flask.strip().count("\n") < 11 and handler.strip().count("\n") < 15


def test_every_promise_names_a_test_that_exists() -> None:
    names = re.findall(r"`(test_promise_\w+)`", README)
    promised = (ROOT / "tests" / "test_promises.py").read_text()
    assert len(names) == 6 and all(f"def {name}(" in promised for name in names)


def test_every_link_is_absolute_and_leads_to_a_file() -> None:
    assert "](" not in README
    links = dict(re.findall(r"^\[([^]]+)\]: (\S+)$", README, re.MULTILINE))
    assert set(re.findall(r"\]\[([^]]+)\]", README)) == set(links)
    places = [link.split("/main/")[1] for link in links.values()]
    assert len(places) > 10
    assert [place for place in places if not (ROOT / place).is_file()] == []
    hosts = {link.split("/main/")[0] for link in links.values()}
    assert hosts == {
        "https://github.com/ringsession/ringsession/blob",
        "https://raw.githubusercontent.com/ringsession/ringsession",
    }


def _told(output: str) -> str:
    """What curl printed, without what differs from run to run and from server to server."""
    output = re.sub(r"(?m)^(Date|Server): .*\n", "", output.replace("\r\n", "\n"))
    return re.sub(r"ring-session=[\w-]{43};", "ring-session=<43 random characters>;", output)


def _shown(transcript: str, port: int, folder: Path) -> str:
    """What the curls of a transcript show, run against a port."""
    shown = ""
    for line in transcript.splitlines():
        if line.startswith("$ curl "):
            arguments = shlex.split(line.removeprefix("$ curl ").replace("8000", str(port)))
            shown += f"{line}\n{_told(curl(*arguments, cwd=folder))}"
    return shown


@pytest.mark.server
def test_the_transcript_of_the_handler_is_what_curl_shows(tmp_path: Path) -> None:
    port, (start, transcript) = free_port(), TRANSCRIPTS[1].split("\n", 1)
    assert start == "$ python counter.py &"
    (tmp_path / "counter.py").write_text(PROGRAMS[1].replace("8000", str(port)))
    with running(["counter.py"], port, tmp_path, cwd=tmp_path):
        assert _shown(transcript, port, tmp_path) == transcript


@pytest.mark.server
def test_the_transcript_of_the_flask_app_is_what_curl_shows(tmp_path: Path) -> None:
    port, (start, transcript) = free_port(), TRANSCRIPTS[0].split("\n", 1)
    assert start == "$ flask --app shop run --port 8000 &"
    (tmp_path / "shop.py").write_text(PROGRAMS[0])
    command = ["-m", *shlex.split(start[2:-2].replace("8000", str(port)))]
    with running(command, port, tmp_path, cwd=tmp_path):
        assert _shown(transcript, port, tmp_path) == transcript


def test_a_post_by_curl_is_refused_unless_the_config_is_one_for_an_api(caplog: Any) -> None:
    counter = run(PROGRAMS[1])
    assert Client(counter["app"]).post("/", data={"a": "1"}).status_code == 403
    assert "Refused a request, since its session has no token" in caplog.text
    off = assoc_in(site_defaults, ["security", "anti_forgery"], False)
    assert Client(wrap_defaults(to_wsgi(counter["counter"]), off)).post("/").text == "Visit 1\n"
    api = wrap_defaults(to_wsgi(lambda request: text(str(request["params"]))), api_defaults)
    assert Client(api).post("/", data={"a": "1"}).text == "{'a': '1'}"
    for said in ("api_defaults", '["security", "anti_forgery"], False', "403"):
        assert said in README.split("## What is promised")[0]
