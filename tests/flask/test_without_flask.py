"""`import ringsession.flask` without Flask says what to install."""

from __future__ import annotations

import subprocess
import sys

import pytest
from flask import Flask

from ringsession import ConfigError
from ringsession.flask import RingSession

PROGRAM = """
import sys
sys.modules["flask"] = None
try:
    import {module}
except ModuleNotFoundError as error:
    print(error.name, error)
"""


@pytest.mark.parametrize("module", ["ringsession.flask", "ringsession.flask.extension"])
def test_without_flask_the_error_says_what_to_install(module: str) -> None:
    command = [sys.executable, "-W", "error", "-c", PROGRAM.format(module=module)]
    done = subprocess.run(command, capture_output=True, text=True)
    expected = "flask ringsession.flask needs Flask: pip install 'ringsession[flask]'\n"
    assert (done.stdout, done.stderr) == (expected, "")


def test_a_part_of_flask_that_is_missing_is_another_error() -> None:
    program = PROGRAM.replace('"flask"]', '"flask.sessions"]').format(module="ringsession.flask")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.startswith("flask.sessions ") and "pip" not in done.stdout


def test_a_store_one_level_too_high_is_shown_its_place() -> None:
    with pytest.raises(ConfigError) as caught:
        RingSession(Flask("app"), {"store": "memory:"})
    message = '["store"]: unknown key; did you mean ["session"]["store"]?'
    assert str(caught.value) == message
