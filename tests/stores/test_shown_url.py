"""What repr, log lines, errors and `explain` show of a store's URL."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringsession import deep_merge, open_store, secure_site_defaults
from ringsession.explain import explain
from ringsession.stores.shown_url import show_url

SHOWN = [
    ("redis://cache.internal:6379/0", "redis://cache.internal:6379/0"),
    ("redis://:s3cret@cache/0", "redis://***@cache/0"),
    ("redis://web:s3cret@cache/0", "redis://***@cache/0"),
    ("redis://:s3@cret@cache", "redis://***@cache"),
    ("redis://s3cret@cache", "redis://***@cache"),
    ("redis://:s3/cret@cache/0", "redis://***"),
    ("redis://:s3?cret@cache/0", "redis://***"),
    ("redis://:s3#cret@cache/0", "redis://***"),
    ("redis://:3/s3cret@cache/0", "redis://***"),
    ("redis://cache:s3cret/0", "redis://***"),
    ("redis://cache/0?password=s3cret", "redis://cache/0?***"),
    ("redis://cache/0?password=s3@cret", "redis://***"),
    ("redis://cache/0?password=s3%40cret&socket_timeout=2", "redis://cache/0?***&socket_timeout=2"),
    ("redis://cache/0?s3cret", "redis://cache/0?***"),
    ("redis://cache/0#s3cret", "redis://cache/0?***"),
    ("redis://cache/0?db=1&x=s3cret&y=s3cret#s3cret", "redis://cache/0?db=1&***"),
    ("redis://cache/0?db=s3cret{}", "redis://cache/0?***"),
    ("redis://cache/0;s3=cret", "redis://cache/0;s3=cret"),
    ("rediss://[::1]:6379/0", "rediss://[::1]:6379/0"),
    ("rediss://web:s3cret@[::1]:6379/0", "rediss://***@[::1]:6379/0"),
    ("redis://[s3cret", "redis://***"),
    ("redis://[s3cret]/0", "redis://***"),
    ("redis://:s3cret\r\n@cache", "redis://***"),
    ("postgresql+psycopg://h/db?user=a&password=s3cret", "postgresql+psycopg://h/db?***"),
    ("postgresql+psycopg://h/db?passwd=s3cret", "postgresql+psycopg://h/db?***"),
    ("postgresql+psycopg://h/db?options=-c%20x=s3cret", "postgresql+psycopg://h/db?***"),
    (
        "postgresql+psycopg://a:s3cret@h:5432/db?sslmode=require&sslpassword=s3cret",
        "postgresql+psycopg://***@h:5432/db?sslmode=require&***",
    ),
    ("postgresql+psycopg://h1,h2/db", "postgresql+psycopg://h1,h2/db"),
    ("mysql+pymysql://a:s3cret@h/db?charset=utf8mb4", "mysql+pymysql://***@h/db?charset=utf8mb4"),
    ("mysql+pymysql://a:s3cret@/db?unix_socket=/s3cret", "mysql+pymysql://***@/db?***"),
    ("sqlite:///sessions.db", "sqlite:///sessions.db"),
    ("sqlite:////srv/me@work/sessions.db", "sqlite:////srv/me@work/sessions.db"),
    ("sqlite:////srv/a\nb.db", "sqlite:////srv/a\\nb.db"),
    ("sqlite:////srv/x.db?key=s3cret", "sqlite:////srv/x.db?***"),
    ("memory:", "memory:"),
    ("s3cret", "***"),
    ("host=h password=s3cret", "***"),
    ("redis:s3cret@h", "***"),
    ("s3cret word://h", "***"),
    ("", "***"),
]


@pytest.mark.parametrize(("text", "shown"), SHOWN)
def test_only_scheme_host_port_path_and_harmless_options_are_shown(text: str, shown: str) -> None:
    assert show_url(text) == shown


@pytest.mark.parametrize(("text", "shown"), [row for row in SHOWN if "'" not in row[0]])
def test_explain_shows_a_store_in_the_same_words(text: str, shown: str) -> None:
    config = deep_merge(secure_site_defaults, {"session": {"store": text}})
    assert f"store={shown!r}" in explain(config)
    assert "s3cret" not in explain(config).replace("s3=cret", "")


SECRET = "s3cr3tw0rd"
PIECES = st.lists(st.sampled_from([*"@/:?#&=[]%\\", "%40", "a", "7", SECRET]), max_size=8)


@given(PIECES, st.sampled_from(["redis", "postgresql+psycopg", "mysql+pymysql"]))
def test_a_password_of_any_form_is_hidden(pieces: list[str], scheme: str) -> None:
    password = f"{SECRET}{''.join(pieces)}"
    for text in (
        f"{scheme}://:{password}@h/0",
        f"{scheme}://u:{password}@h:1/0?db=1",
        f"{scheme}://h/0?password={password}",
        f"{scheme}://h/0?user=a&passwd={password}",
    ):
        shown = show_url(text)
        assert SECRET not in shown, text


def test_no_part_of_a_password_is_shown() -> None:
    for one, two in itertools.product("@/:?#&", repeat=2):
        shown = show_url(f"redis://:p{one}sswo{two}rd@h/0")
        assert "sswo" not in shown and "rd" not in shown


@pytest.mark.parametrize(
    "text",
    [
        "postgresql+psycopg://h/db?user=a&password=s3cret",
        "postgresql+psycopg://h/db?password=s3cret&sslmode=require",
        "mysql+pymysql://h/db?passwd=s3cret",
        "mysql+pymysql://a:s3cret@h/db",
    ],
)
def test_the_repr_of_a_store_shows_no_password(text: str) -> None:
    store: Any = open_store(text)
    assert repr(store) == f"<sql_store {show_url(text)}>"
    store.close()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("postgresql+psycopg://a:s3@cret@h/db", '"@"'),
        ("postgresql+psycopg://a:s3/x@cret/db@h", '"@"'),
        ("postgresql+psycopg://a:b@h:s3cret/db", "expected a URL"),
        ("postgresql+psycopg://a:b@[s3cret/db", "expected a URL"),
        ("s3cret://h/db", "expected a store"),
        ("postgresql+none://a:s3cret@h/db", "psycopg"),
    ],
)
def test_a_url_that_cannot_be_read_is_refused_without_its_password(text: str, problem: str) -> None:
    with pytest.raises(ValueError) as caught:
        open_store(text)
    assert problem in str(caught.value)
    assert "s3cret" not in repr(caught.value) and "cret" not in str(caught.value)
    assert caught.value.__context__ is None or caught.value.__suppress_context__
