"""What a failing store leaves in the log, and which page the client gets."""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from typing import Any

import pytest
from werkzeug.exceptions import ServiceUnavailable

from ringsession import StoreUnavailable, memory_store, wrap_session
from ringsession.session.contents import SECRETS
from ringsession.session.mapping import session_state
from tests.tracing import UNAVAILABLE, Client, TracedStore

PAGES: dict[str, Any] = {
    "load": lambda request: request["session"].get("a"),
    "patch": lambda request: request["session"].update(a=2),
    "destroy": lambda request: {"session": None},
    "claim": lambda request: request["session"].recreate(),
    "swap": lambda request: request["session"].swap("a", lambda a: 2),
    "create": lambda request: request["session"].recreate(),
}


def failing(call: str) -> Client:
    client = Client()
    client.send(lambda request: request["session"].update(a=1))
    client.store.failing = {call}
    return client


def swallowing(page: Any) -> Any:
    def swallowed(request: Any) -> Any:
        try:
            return page(request)
        except Exception:
            return None

    return swallowed


def wrapping(page: Any) -> Any:
    def wrapped(request: Any) -> Any:
        try:
            return page(request)
        except StoreUnavailable as error:
            raise RuntimeError("the app's own") from error

    return wrapped


LINE = re.compile(
    r"The session store failed, so the response is a 503: (\w+)\."
    r" store=a store of type TracedStore method=GET path=/ seconds=\d+\.\d{3}"
)


@pytest.mark.parametrize("around", [lambda page: page, swallowing, wrapping])
@pytest.mark.parametrize("call", PAGES)
def test_a_failed_request_is_one_line_whatever_the_app_does_with_the_error(
    call: str, around: Any, caplog: Any
) -> None:
    client = failing(call)
    caplog.set_level(logging.INFO)
    assert client.send(around(PAGES[call]))["status"] == 503
    (record,) = caplog.records
    found = LINE.fullmatch(record.getMessage())
    assert found is not None and found[1] == call
    assert (record.levelname, record.exc_info, record.name) == ("ERROR", None, "ringsession.audit")


def test_the_traceback_is_a_record_of_its_own_at_debug(caplog: Any) -> None:
    client = failing("load")
    caplog.set_level(logging.DEBUG)
    client.send(PAGES["load"])
    assert [(record.levelname, bool(record.exc_info)) for record in caplog.records] == [
        ("ERROR", False),
        ("DEBUG", True),
    ]


def test_an_app_that_goes_on_asking_gets_the_error_each_time_and_the_log_one_line(
    caplog: Any,
) -> None:
    client, raised = failing("load"), []

    def page(request: Any) -> None:
        for _ in range(3):
            try:
                request["session"].get("a")
            except StoreUnavailable as error:
                raised.append(str(error))

    assert client.send(page)["status"] == 503
    assert (raised, len(caplog.records)) == (["The session could not be loaded."] * 3, 1)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("/a\r\nERROR forged", "path=/a\\r\\nERROR forged "),
        ("/\x1b[2J", "path=/\\x1b[2J "),
        ("/" + "x" * 5000, "path=/" + "x" * 199 + " "),
    ],
)
def test_the_path_of_a_client_forges_no_line(uri: str, shown: str, caplog: Any) -> None:
    store = TracedStore(memory_store())
    store.failing = {"load"}
    handler = wrap_session(lambda request: request["session"].get("a"), store=store)
    cookie = f"ring-session={'a' * 43}"
    request = {"request_method": "get", "uri": uri, "headers": {"cookie": cookie}}
    assert handler(request)["status"] == 503  # type: ignore[arg-type]
    (line,) = caplog.messages
    assert shown in line and "\n" not in line and "\x1b" not in line


class Talkative:
    """A user's store whose error has several lines and whose repr shows a password."""

    def __repr__(self) -> str:
        return "Talkative(password='s3cret')"

    def read_session(self, key: str) -> Any:
        raise StoreUnavailable("no answer\n  from the\tserver")

    def write_session(self, key: Any, data: Any) -> Any:
        raise OSError("s3cret")

    delete_session = write_session


def test_a_store_of_your_own_is_named_by_its_type_and_its_error_is_one_line(caplog: Any) -> None:
    client = Client(Talkative())
    client.send(PAGES["load"], "any")
    client.send(lambda request: {"session": {"a": 1}})
    first, second = caplog.messages
    assert ": no answer from the server. store=a store of type Talkative method=GET" in first
    assert re.search(
        r": Talkative.write_session failed: OSError at \w+\.py:\d+\. store=a store of type T",
        second,
    )
    assert "s3cret" not in caplog.text


def test_a_record_of_a_newer_version_is_named_as_such(caplog: Any) -> None:
    client = Client()
    client.send(lambda request: request["session"].update(a=1))
    (entry,) = client.store.store._table.entries.values()
    entry.record = "2" + entry.record[1:]
    assert client.send(PAGES["load"])["status"] == 503
    (line,) = caplog.messages
    assert "503: a newer version of ringsession wrote the session's record. store=" in line


def test_a_swap_on_a_session_that_went_meanwhile_is_a_503_if_the_next_look_fails() -> None:
    client = Client()

    def only_a_token(request: Any) -> None:
        state = session_state(request["session"])
        assert state is not None
        state.set_own_key(f"{SECRETS}a", "b")

    def page(request: Any) -> None:
        request["session"].get("a")
        (key,) = client.store.store._table.entries
        client.store.store.destroy(key.hex())
        # A full store may have dropped a session that held nothing but a token, so it is asked.
        client.store.failing = {"load"}
        with suppress(StoreUnavailable):
            request["session"].swap("a", lambda a: 2)

    client.send(only_a_token)
    assert client.send(page)["status"] == 503


OWN_PAGE = {
    "status": 503,
    "headers": {
        "Content-Type": "text/html",
        "cache-control": "public, max-age=60",
        "Set-Cookie": ["ring-session=forged; Path=/", "theme=dark"],
    },
    "body": "<h1>Back soon</h1>",
    "cookies": {"ring-session": "forged", "lang": "de"},
    "session": {"a": 5},
    "flash": "lost",
    "session_cookie_attrs": {"max_age": 5},
    "session_cookie_when": "always",
}


def test_the_apps_own_page_is_kept_if_its_status_is_503() -> None:
    client = failing("load")

    def page(request: Any) -> Any:
        try:
            request["session"].get("a")
        except StoreUnavailable:
            return OWN_PAGE

    client.page = page
    cookie = {"cookie": f"ring-session={client.cookie}"}
    assert client.handler({"request_method": "get", "uri": "/", "headers": cookie}) == {
        "status": 503,
        "headers": {
            "Content-Type": "text/html",
            "cache-control": "no-store",
            "Set-Cookie": ["theme=dark"],
            "Retry-After": "5",
        },
        "body": "<h1>Back soon</h1>",
        "cookies": {"lang": "de"},
    }


def test_its_own_retry_after_is_kept_too() -> None:
    client = failing("load")

    def page(request: Any) -> Any:
        try:
            request["session"].get("a")
        except StoreUnavailable:
            return {"status": 503, "headers": {"retry-after": "60"}, "body": "later"}

    response = client.send(page)
    assert response["headers"] == {"retry-after": "60", "Cache-Control": "no-store"}


def test_a_page_of_another_status_is_not_kept() -> None:
    client = failing("load")
    response = client.send(lambda request: swallowing(PAGES["load"])(request) or {"status": 500})
    assert (response["status"], response["body"]) == (503, UNAVAILABLE)


def test_the_exception_is_werkzeugs_for_a_503_and_its_page_does_not_tell_what_failed() -> None:
    error = StoreUnavailable("sql_store: load failed on 10.0.0.3")
    assert isinstance(error, ServiceUnavailable)
    assert (str(error), repr(error)) == (
        "sql_store: load failed on 10.0.0.3",
        "StoreUnavailable('sql_store: load failed on 10.0.0.3')",
    )
    response: Any = error.get_response()
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert "10.0.0.3" not in response.get_data(as_text=True)
