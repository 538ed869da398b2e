"""The audit log: one record with fields for each thing that happens to a session."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client as WsgiClient

from ringsession import deep_merge, memory_store, site_defaults, to_wsgi, user_sessions
from ringsession import wrap_defaults, wrap_session
from ringsession.http.audit_log import EVENTS, FIELDS, audit, log
from ringsession.stores import StoreUnavailable
from tests.tracing import Client

DOCS = Path(__file__).parents[2] / "docs"
REQUEST = {"method": "GET", "path": "/", "address": "?"}


def facts(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in FIELDS if getattr(record, name) is not None}


class Kept(logging.Handler):
    """Keep the records."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[Any] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def records(caplog: pytest.LogCaptureFixture) -> Iterator[list[Any]]:
    caplog.set_level(logging.INFO, "ringsession.audit")
    kept = Kept()
    log.addHandler(kept)
    yield kept.records
    log.removeHandler(kept)


def test_the_life_of_a_session_is_three_records(records: list[Any]) -> None:
    client = Client()
    client.send(lambda request: request["session"].update(n=1))
    client.send(lambda request: request["session"].recreate())
    client.send(lambda request: {"session": None})
    client.send(lambda request: request["session"].get("n"))
    handles = [record.handle for record in records]
    assert [facts(record) for record in records] == [
        {"event": "session_created", "handle": handles[0], **REQUEST},
        {"event": "session_recreated", "handle": handles[1], **REQUEST},
        {
            "event": "session_ended",
            "handle": handles[1],
            "reason": "by the handler",
            **REQUEST,
        },
    ]
    assert handles[0] != handles[1] and all(re.fullmatch("[0-9a-f]{12}", each) for each in handles)


def test_a_users_records_have_the_logins_handle_and_the_name_if_wanted(records: list[Any]) -> None:
    for option, user in ((False, {}), (True, {"user": "ann"})):
        records.clear()
        store = memory_store()
        client = Client(store, user_key="user", audit_user=option)
        client.send(lambda request: request["session"].update(user="ann"))
        (session,) = user_sessions(store).list("ann")
        client.send(lambda request: request["session"].recreate())
        client.send(lambda request: {"session": None})
        assert [(record.event, record.handle) for record in records] == [
            ("session_created", session.handle),
            ("session_recreated", session.handle),
            ("session_ended", session.handle),
        ]
        assert [facts(record).get("user") for record in records] == [user.get("user")] * 3


def test_what_user_sessions_ends_is_recorded(records: list[Any]) -> None:
    store = memory_store()
    users = user_sessions(store)
    clients = [Client(store, user_key="user", user_limit=2) for _ in range(3)]
    for client in clients:
        client.send(lambda request: request["session"].update(user="ann"))
    handles = [record.handle for record in records if record.event == "session_created"]
    users.end("ann", handles[1])
    users.end("ann", "0" * 32)
    users.end_all("ann")
    users.end_everyone()
    found = [facts(record) for record in records if record.event != "session_created"]
    assert found == [
        {"event": "session_limit", "handle": handles[0], "reason": "more than 2 logins"},
        {"event": "session_ended", "handle": handles[1], "reason": "by user_sessions"},
        {"event": "session_end_all", "reason": "1 sessions of a user"},
        {"event": "session_end_all", "reason": "0 sessions of everyone"},
    ]


def test_a_write_that_came_too_late_is_recorded(records: list[Any]) -> None:
    client = Client()
    client.send(lambda request: request["session"].update(n=1))
    before = client.cookie

    def slow(request: Any) -> None:
        request["session"]["n"] = 2
        client.send(lambda request: {"session": None}, before)

    client.send(slow, before)
    record = records[-1]
    assert (record.event, record.levelname, record.reason) == (
        *("session_lost_race", "WARNING"),
        "ended by another request",
    )
    assert record.getMessage() == (
        f"Dropped a write to session {record.handle}: the session was ended while the request was"
        " running. method=GET path=/"
    )


def test_a_refused_request_is_one_record(records: list[Any]) -> None:
    config = deep_merge(site_defaults, {"security": {"hosts": ["localhost"]}})
    site = WsgiClient(wrap_defaults(to_wsgi(lambda request: {"status": 200}), config))
    address = {"REMOTE_ADDR": "203.0.113.9"}
    site.post(
        "/a%0D%0Ab?token=s3cret", headers={"Origin": "https://evil.org"}, environ_base=address
    )
    site.get("/x", headers={"Host": "evil.org"}, environ_base=address)
    assert [(record.levelname, facts(record)) for record in records] == [
        (
            "WARNING",
            {
                "event": "csrf_refused",
                "method": "POST",
                "path": "/a%0D%0Ab",
                "address": "203.0.113.9",
                "reason": "another site made the browser send it",
            },
        ),
        (
            "WARNING",
            {
                "event": "host_refused",
                "method": "GET",
                "path": "/x",
                "address": "203.0.113.9",
                "reason": "the host is not listed",
            },
        ),
    ]


def test_several_live_sessions_a_bad_record_and_a_failed_store_are_recorded(
    records: list[Any],
) -> None:
    client = Client()
    cookies = []
    for _ in range(2):
        client.cookie = None
        client.send(lambda request: request["session"].update(n=1))
        cookies.append(client.cookie)
    client.read(f"{cookies[0]}; ring-session={cookies[1]}")
    for entry in client.store.store._table.entries.values():
        entry.record = "1{"
    client.read(cookies[0])
    client.store.failing = {"load"}
    client.send(lambda request: request["session"].get("n"), cookies[1])
    found = [(record.event, record.levelname, record.path) for record in records[2:]]
    assert found == [
        ("cookie_ambiguous", "WARNING", "/"),
        ("cookie_unreadable", "ERROR", "/"),
        ("store_unavailable", "ERROR", "/"),
    ]


def test_no_record_has_an_id_a_token_or_a_value(records: list[Any]) -> None:
    store = memory_store()
    client = Client(store, user_key="user")
    ids = []
    for page in (
        lambda request: request["session"].update(user="ann", secret="a value of the session"),
        lambda request: request["session"].recreate(),
        lambda request: {"session": None},
    ):
        client.send(page)
        ids.append(client.cookie or "no cookie")
    written = "".join(str(vars(record)) for record in records)
    assert records and not [text for text in (*ids, "a value of the session") if text in written]
    assert "ann" not in written.replace("handler", "")


def test_nothing_is_built_while_the_log_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **facts: object) -> None:
        raise AssertionError("fields were built")

    monkeypatch.setattr("ringsession.http.audit_log.find_fields", fail)
    monkeypatch.setattr(log, "level", logging.CRITICAL + 1)
    log.manager._clear_cache()  # type: ignore[attr-defined]
    try:
        for event in EVENTS:
            audit(event)
        client = Client()
        client.send(lambda request: request["session"].update(n=1))
        client.send(lambda request: {"session": None})
    finally:
        monkeypatch.undo()
        log.manager._clear_cache()  # type: ignore[attr-defined]


def test_every_record_has_every_field(records: list[Any]) -> None:
    audit("session_end_all", reason="2 sessions of a user")
    text = logging.Formatter(" ".join(f"%({name})s" for name in FIELDS)).format(records[0])
    assert text == "session_end_all None None None None None 2 sessions of a user"


def test_the_table_in_the_docs_lists_every_event() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", (DOCS / "audit.md").read_text(), re.MULTILINE)
    assert rows == [(name, logging.getLevelName(event.level)) for name, event in EVENTS.items()]


def test_the_formatter_in_the_docs_writes_json(records: list[Any]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (DOCS / "audit.md").read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    try:
        audit("session_end_all", reason="2 sessions of a user")
        written = json.loads(names["handler"].format(records[0]))
        assert written == {
            "level": "INFO",
            "message": "Ended the sessions of a user, or of everyone.",
            **dict.fromkeys(FIELDS),
            "event": "session_end_all",
            "reason": "2 sessions of a user",
        }
    finally:
        logging.getLogger("ringsession.audit").removeHandler(names["handler"])


def test_a_failure_of_the_store_says_what_failed(records: list[Any]) -> None:
    def fail(key: str) -> None:
        raise StoreUnavailable("it is down")

    class Down:
        read_session = write_session = delete_session = staticmethod(fail)

    handler = wrap_session(lambda request: {"status": len(request["session"])}, store=Down())
    request: Any = {"uri": "/a", "headers": {"cookie": "ring-session=x"}}
    assert handler(request)["status"] == 503
    assert [(record.event, record.reason) for record in records] == [
        ("store_unavailable", "it is down")
    ]
