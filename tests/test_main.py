"""The command line."""

from __future__ import annotations

from typing import Any

import pytest

from ringsession import cookie_store
from ringsession.__main__ import main


def test_key_prints_a_fresh_key_that_the_cookie_store_takes(capsys: Any) -> None:
    main(["key"])
    main(["key"])
    one, other = capsys.readouterr().out.split()
    assert one != other
    assert cookie_store(one, [other])


@pytest.mark.parametrize("arguments", [[], ["nothing"]])
def test_anything_else_says_how_it_is_used(arguments: list[str], capsys: Any) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: python -m ringsession" in capsys.readouterr().err
