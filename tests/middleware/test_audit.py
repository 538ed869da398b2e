"""The audit log: one record with fields for each thing that happens to a session."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client as WsgiClient

from ringsession import anti_forgery_field, cookie_store, deep_merge, memory_store, response
from ringsession import site_defaults, to_wsgi, user_sessions, wrap_defaults, wrap_session
from ringsession.http.audit_log import EVENTS, FIELDS, audit, log
from ringsession.http.refusal_log import RefusalLog
from ringsession.middleware import anti_forgery, hosts
from ringsession.session.mapping import session_state
from ringsession.stores import Lifetime, StoreUnavailable
from tests.tracing import Client

DOCS = Path(__file__).parents[2] / "docs"
REQUEST = {"method": "GET", "path": "/"}


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
    for record in kept.records:
        assert set(facts(record)) <= {"event", *EVENTS[record.event].fields}
        assert record.levelno == EVENTS[record.event].level


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


def sign_in(request: Any) -> None:
    request["session"]["n"] = 2
    request["session"].recreate()


def test_one_response_may_end_a_session_and_start_another(records: list[Any]) -> None:
    client = Client()
    client.send(lambda request: request["session"].update(n=1))

    def restart(request: Any) -> None:
        request["session"].destroy()
        request["session"]["n"] = 2

    client.send(restart)
    first, second = records[0].handle, records[-1].handle
    assert first != second
    assert [facts(record) for record in records[1:]] == [
        {"event": "session_ended", "handle": first, "reason": "by the handler", **REQUEST},
        {"event": "session_created", "handle": second, **REQUEST},
    ]


def test_a_session_for_a_csrf_token_alone_is_created(records: list[Any]) -> None:
    config = deep_merge(site_defaults, {"session": {"store": memory_store()}})
    app = to_wsgi(lambda request: response(anti_forgery_field(request)))
    WsgiClient(wrap_defaults(app, config)).get("/form?next=/secret")
    (record,) = records
    assert facts(record) == {
        "event": "session_created",
        "handle": record.handle,
        "method": "GET",
        "path": "/form",
    }


@pytest.mark.parametrize(
    "store", [memory_store, lambda: cookie_store("audit-key-of-32-characters!!!!!!")]
)
def test_a_new_id_where_no_session_was_is_a_session_created(store: Any, records: list[Any]) -> None:
    client = Client(store())
    client.send(sign_in, "x" * 43)
    client.send(sign_in)
    assert [record.event for record in records] == ["session_created", "session_recreated"]


def test_a_login_over_an_ended_session_is_a_session_created(records: list[Any]) -> None:
    client = Client()
    client.send(lambda request: request["session"].update(n=1))
    before = client.cookie
    client.send(lambda request: {"session": None})
    client.send(sign_in, before)
    assert [record.event for record in records[2:]] == ["session_created"]


def test_a_login_over_a_session_that_has_moved_is_a_session_recreated(records: list[Any]) -> None:
    client = Client()
    client.send(lambda request: request["session"].update(n=1))
    before = client.cookie
    client.send(sign_in)
    client.send(sign_in, before)
    assert [record.event for record in records[1:]] == ["session_recreated"] * 2


@pytest.mark.parametrize("starts", [False, True])
def test_each_of_several_ended_sessions_has_a_record(starts: bool, records: list[Any]) -> None:
    client = Client()
    cookies = []
    for _ in range(2):
        client.cookie = None
        client.send(lambda request: request["session"].update(n=1))
        cookies.append(client.cookie)
    handles = [record.handle for record in records]
    end = sign_in if starts else lambda request: {"session": None}
    client.send(end, f"{cookies[0]}; ring-session={cookies[1]}")
    ended = [facts(record) for record in records if record.event == "session_ended"]
    assert ended == [
        {"event": "session_ended", "handle": handle, "reason": "by the handler", **REQUEST}
        for handle in handles
    ]
    assert [record.event for record in records[5:]] == ["session_created"] * starts


def test_a_session_that_the_full_store_dropped_is_created_again(records: list[Any]) -> None:
    store = memory_store(max_sessions=1)
    client = Client(store)
    secret = "ringsession/anti_forgery/1"
    client.send(lambda request: session_state(request["session"]).set_own_key(secret, "00"))

    def slow(request: Any) -> None:
        request["session"]["cart"] = 1
        assert store.create("0" * 64, f'1{{"{secret}":"00"}}', Lifetime())  # it needs the place
        assert store.destroy("0" * 64)

    client.send(slow)
    assert [record.event for record in records] == ["session_created"] * 2
    assert records[0].handle != records[1].handle


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


@pytest.mark.parametrize("key, name", [(None, ""), (None, "user"), ("user", "user")])
def test_what_names_no_user_is_never_shown_as_one(
    key: str | None, name: str, records: list[Any]
) -> None:
    # The app had no user_key when it stored the session, or still has none.
    store = memory_store()
    before = Client(store, audit_user=True)
    before.send(lambda request: request["session"].update({name: {"mail": "ann@example.org"}}))
    client = Client(store, user_key=key, audit_user=True)
    client.send(lambda request: {"session": None}, before.cookie)
    assert [(record.event, record.user) for record in records] == [
        ("session_created", None),
        ("session_ended", None),
    ]


def test_a_users_name_is_escaped_and_cut(records: list[Any]) -> None:
    name = "ann\r\nERROR forged\x1b[2J" + "x" * 500
    client = Client(memory_store(), user_key="user", audit_user=True)
    client.send(lambda request: request["session"].update(user=name))
    client.send(lambda request: {"session": None})
    shown = ("ann\\r\\nERROR forged\\x1b[2J" + "x" * 500)[:200]
    assert [record.user for record in records] == [shown] * 2


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


def cause_three_failures(client: Client, send: Callable[[Any], Any]) -> None:
    """Bring two live sessions at once, one that cannot be read, and one of a store that fails.

    send: sends a request that starts a session.
    """
    cookies = []
    for _ in range(2):
        client.cookie = None
        send(lambda request: request["session"].update(n="a-value-of-the-session"))
        cookies.append(client.cookie)
    client.read(f"{cookies[0]}; ring-session={cookies[1]}")
    for entry in client.store.store._table.entries.values():
        entry.record = '1{"n":"a-value-of-the-session'
    client.read(cookies[0])
    client.store.failing = {"load"}
    client.send(lambda request: request["session"].get("n"), cookies[1])


def test_several_live_sessions_a_bad_record_and_a_failed_store_are_recorded(
    records: list[Any],
) -> None:
    client = Client()
    cause_three_failures(client, client.send)
    found = [(record.event, record.levelname, record.path) for record in records[2:]]
    assert found == [
        ("cookie_ambiguous", "WARNING", "/"),
        ("cookie_unreadable", "ERROR", "/"),
        ("store_unavailable", "ERROR", "/"),
    ]


@pytest.mark.parametrize("event", ["csrf_refused", "host_refused"])
def test_a_thousand_refusals_in_a_second_are_ten_records(
    event: str, records: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Any] = []
    module: Any = anti_forgery if event == "csrf_refused" else hosts
    monkeypatch.setattr(module, "_refusals", RefusalLog(event, clock=lambda: 0.0))
    monkeypatch.setattr(module, "show_sender", lambda request: str(shown.append(request)))
    handler: Any = hosts.wrap_hosts(lambda request: {"status": 200}, names=["example.org"])
    if event == "csrf_refused":
        handler = anti_forgery.wrap_anti_forgery(lambda request: {"status": 200})
    headers = {"host": "evil.org", "sec-fetch-site": "cross-site"}
    request = {"request_method": "post", "scheme": "http", "uri": "/a", "headers": headers}
    for _ in range(1000):
        assert handler(dict(request))["status"] in (400, 403)
    assert [(record.event, record.path) for record in records] == [(event, "/a")] * 10
    assert len(shown) == 10  # so that a flood costs little


def hash_of(cookie: str) -> str:
    return sha256(f"ring-session\0{cookie}".encode()).hexdigest()  # the store's key


class Secrets:
    """Keep what no record may show."""

    def __init__(self) -> None:
        self.texts = ["a-value-of-the-session", "a-secret-query", "a-secret-body"]

    def send(self, client: Client, page: Any, cookie: str | None = None) -> None:
        client.send(page, cookie)
        if client.cookie is not None:
            self.texts += [client.cookie, hash_of(client.cookie)]


def cause_session_events(secrets: Secrets, options: Any) -> None:
    store = memory_store()
    client = Client(store, user_key="user", user_limit=1, **options)
    values = {"user": "ann-the-user", "n": "a-value-of-the-session"}
    secrets.send(client, lambda request: request["session"].update(values))
    secrets.send(client, lambda request: request["session"].recreate())
    before = client.cookie

    def slow(request: Any) -> None:
        request["session"]["n"] = "a-value-of-the-session" * 2
        client.send(lambda request: {"session": None}, before)

    secrets.send(client, slow, before)
    for _ in range(2):
        client.cookie = None
        secrets.send(client, lambda request: request["session"].update(values))
    user_sessions(store).end_all("ann-the-user")
    user_sessions(store).end_everyone()


def cause_refusals(secrets: Secrets) -> None:
    config = {"session": {"store": memory_store()}, "security": {"hosts": ["localhost"]}}
    app = to_wsgi(lambda request: response(anti_forgery_field(request)))
    site = WsgiClient(wrap_defaults(app, deep_merge(site_defaults, config)))
    token = site.get("/").text.split('value="')[1].split('"')[0]
    cookie = site.get_cookie("ring-session")
    assert cookie is not None
    wrong = token[:-8] + "AAAAAAAA"
    secrets.texts += [token, wrong, cookie.value, hash_of(cookie.value)]
    form = {"__anti-forgery-token": wrong, "body": "a-secret-body"}
    for headers in ({"Origin": "https://evil.org"}, {"X-CSRF-Token": wrong}, {"Host": "evil.org"}):
        site.post("/form?key=a-secret-query", data=form, headers=headers)


def cause_failures(secrets: Secrets) -> None:
    client = Client()
    cause_three_failures(client, partial(secrets.send, client))


@pytest.mark.parametrize("options", [{}, {"audit_user": True}])
def test_no_record_of_any_event_has_an_id_a_token_or_a_value(
    options: Any, records: list[Any]
) -> None:
    secrets = Secrets()
    cause_session_events(secrets, options)
    cause_refusals(secrets)
    cause_failures(secrets)
    written = "".join(f"{vars(record)} {record.getMessage()}" for record in records)
    assert {record.event for record in records} == set(EVENTS)
    assert [text for text in secrets.texts if text in written] == []
    assert len(secrets.texts) > 15
    # The user's name is the one value of a session that may be shown.
    assert ("ann-the-user" in written) is bool(options)


def test_control_characters_of_a_request_are_escaped_in_every_field(records: list[Any]) -> None:
    handler: Any = wrap_session(lambda request: {"status": 200, "session": {"n": 1}})
    handler(
        {
            "request_method": "post\n",
            "uri": "/a\r\nERROR forged\x1b[2J\u2028\udc80" + "x" * 500,
            "query_string": "token=a-secret",
            "remote_addr": "203.0.113.9\n" + "y" * 500,
            "headers": {},
        }
    )
    (record,) = records
    assert facts(record) == {
        "event": "session_created",
        "handle": record.handle,
        "method": "POST\\N",
        "path": ("/a\\r\\nERROR forged\\x1b[2J\\u2028\\udc80" + "x" * 500)[:200],
        "address": ("203.0.113.9\\n" + "y" * 500)[:50],
    }


def test_nothing_is_built_while_the_log_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **facts: object) -> None:
        raise AssertionError("a fact was built")

    for place in (
        *("http.audit_log.find_fields", "http.refusal_log.find_fields", "middleware._audit._name"),
        *("middleware._audit.show_request", "session.failure.show_request"),
        *("middleware.anti_forgery.show_sender", "middleware.hosts.show_sender"),
    ):
        monkeypatch.setattr(f"ringsession.{place}", fail)
    monkeypatch.setattr(log, "level", logging.CRITICAL + 1)
    log.manager._clear_cache()  # type: ignore[attr-defined]
    try:
        for event in EVENTS:
            audit(event)
        secrets = Secrets()
        cause_session_events(secrets, {"audit_user": True})
        cause_refusals(secrets)
        cause_failures(secrets)
    finally:
        monkeypatch.undo()
        log.manager._clear_cache()  # type: ignore[attr-defined]


def test_every_record_has_every_field(records: list[Any]) -> None:
    audit("session_end_all", reason="2 sessions of a user")
    text = logging.Formatter(" ".join(f"%({name})s" for name in FIELDS)).format(records[0])
    assert text == "session_end_all None None None None None 2 sessions of a user"


def test_the_table_in_the_docs_lists_every_event() -> None:
    lines = re.findall(r"^\| `\w+` \|.*", (DOCS / "reference/audit.md").read_text(), re.MULTILINE)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert [(row[0], row[1], row[3]) for row in rows] == [
        (f"`{name}`", logging.getLevelName(event.level), ", ".join(event.fields))
        for name, event in EVENTS.items()
    ]


def test_the_formatter_in_the_docs_writes_json(records: list[Any]) -> None:
    (code,) = re.findall(
        r"```python\n(.*?)```", (DOCS / "reference/audit.md").read_text(), re.DOTALL
    )
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
