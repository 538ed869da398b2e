"""The README: its programs run, its transcript is what curl shows, its tables are what the package
has.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from ringsession import LAYERS, api_defaults, assoc_in, site_defaults, text, to_wsgi, wrap_defaults
from ringsession.config import place
from tests.serving import curl, free_port, running

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PROGRAMS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
TRANSCRIPT = next(
    block for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL) if "curl" in block
)


def run(program: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "readme"}
    exec(compile(program, "README.md", "exec"), namespace)
    return namespace


@pytest.mark.parametrize("program", PROGRAMS, ids=[program.split("\n")[0] for program in PROGRAMS])
def test_every_program_runs(program: str) -> None:
    run(program)


def test_the_flask_program_keeps_a_cart() -> None:
    app = next(run(program)["app"] for program in PROGRAMS if "flask" in program)
    client, ours = app.test_client(), {"Sec-Fetch-Site": "same-origin"}  # as a browser sends it
    answers = [client.post(f"/cart/{item}", headers=ours) for item in "ab"]
    assert [answer.json for answer in answers] == [["a"], ["a", "b"]]


def test_the_own_middleware_sends_a_stranger_to_the_login() -> None:
    app = next(run(program)["app"] for program in PROGRAMS if "login_required" in program)
    assert Client(app).get("/secret").headers["Location"] == "/login"


def test_the_length_is_that_of_a_readme() -> None:
    assert 120 <= README.count("\n") <= 200  # lines of 100 columns


def test_the_complete_program_has_at_most_15_lines() -> None:
    assert PROGRAMS[0].strip().count("\n") < 15


def test_the_layer_table_is_the_stack() -> None:
    table = README.split("<!-- layers")[1].split("<!-- end -->")[0]
    rows = re.findall(r"^\| `(\[.*?)` \| `(\w+)` \| (.*?) \|$", table, re.MULTILINE)
    assert rows == [(place(layer.path), layer.wrap.__name__, layer.reason) for layer in LAYERS]


def test_every_promise_names_a_test_that_exists() -> None:
    names = re.findall(r"`(test_promise_\w+)`", README)
    promised = (ROOT / "tests" / "test_promises.py").read_text()
    assert len(names) == 6 and all(f"def {name}(" in promised for name in names)


def test_every_link_leads_to_a_file() -> None:
    for link in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / link).is_file(), link


def _told(output: str) -> str:
    """What curl printed, without what differs from run to run and from server to server."""
    output = re.sub(r"(?m)^(Date|Server): .*\n", "", output.replace("\r\n", "\n"))
    return re.sub(r"ring-session=[\w-]{43};", "ring-session=<43 random characters>;", output)


@pytest.mark.server
def test_the_transcript_is_what_curl_shows(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "counter.py").write_text(PROGRAMS[0].replace("8000", str(port)))
    with running(["counter.py"], port, tmp_path, cwd=tmp_path):
        shown = ""
        for line in TRANSCRIPT.splitlines():
            if line.startswith("$ curl "):
                arguments = shlex.split(line.removeprefix("$ curl ").replace("8000", str(port)))
                shown += f"{line}\n{_told(curl(*arguments, cwd=tmp_path))}"
    assert shown == TRANSCRIPT


def test_a_post_by_curl_is_refused_unless_the_config_is_one_for_an_api(caplog: Any) -> None:
    counter = run(PROGRAMS[0])
    assert Client(counter["app"]).post("/", data={"a": "1"}).status_code == 403
    assert "Refused a request, since its session has no token" in caplog.text
    off = assoc_in(site_defaults, ["security", "anti_forgery"], False)
    assert Client(wrap_defaults(to_wsgi(counter["counter"]), off)).post("/").text == "Visit 1\n"
    api = wrap_defaults(to_wsgi(lambda request: text(str(request["params"]))), api_defaults)
    assert Client(api).post("/", data={"a": "1"}).text == "{'a': '1'}"
    for said in ("api_defaults", '["security", "anti_forgery"], False', "403"):
        assert said in README.split("In Flask two lines")[0]
