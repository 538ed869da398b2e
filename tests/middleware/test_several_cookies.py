"""A browser with several cookies of the session's name: which session counts, which are deleted."""

from __future__ import annotations

from typing import Any

import pytest

from ringsession import cookie_store, recreate, to_wsgi, wrap_defaults, deep_merge, site_defaults
from ringsession.config import ConfigError
from ringsession.session.mapping import session_state
from tests.tracing import Client

KEY = "a key for tests, of 32 characters"


def sealed_client(**options: Any) -> Client:
    return Client(cookie_store(KEY), **options)


def new_session(client: Client, **values: Any) -> str:
    client.cookie = None
    client.send(lambda request: request["session"].update(values))
    assert client.cookie is not None
    return client.cookie


def send(client: Client, cookies: list[str], page: Any = None) -> tuple[dict[str, Any], Any]:
    """Return the session that a page finds with these cookies, and the response."""
    found: dict[str, Any] = {}

    def looking(request: Any) -> Any:
        found.update(request["session"])
        return page(request) if page is not None else None

    client.page = looking
    header = "; ".join(f"ring-session={cookie}" for cookie in cookies)
    return found, client.handler({"headers": {"cookie": header}})


def lines(response: Any) -> list[str]:
    return list(response["headers"].get("Set-Cookie", []))


STALE = [
    "",
    "garbage",  # not a session's id
    "B" * 43,  # the id of another app's session, or of an expired one
    "B" * 60,  # a sealed value
]


@pytest.mark.parametrize("make", [Client, sealed_client])
@pytest.mark.parametrize("stale", STALE)
def test_a_value_without_a_session_does_not_count(make: Any, stale: str) -> None:
    client = make()
    live = new_session(client, a=1)
    for cookies in ([stale, live], [live, stale]):
        assert send(client, cookies)[0] == {"a": 1}


def test_a_dead_value_does_not_count_beside_a_live_one() -> None:
    client = Client()
    dead = new_session(client, a=1)
    client.send(lambda request: {"session": None})
    live = new_session(client, a=2)
    for cookies in ([dead, live], [live, dead]):
        assert send(client, cookies)[0] == {"a": 2}


def test_a_late_write_under_a_dead_value_is_dropped_as_if_it_had_come_alone() -> None:
    client = Client()
    dead = new_session(client, a=1)
    client.send(lambda request: {"session": None})
    write = lambda request: request["session"].update(late=1)  # noqa: E731
    _, response = send(client, ["B" * 43, dead], write)
    assert lines(response) == []


def test_the_store_gets_at_most_four_values_of_a_request() -> None:
    client = Client()
    live = new_session(client, a=1)
    client.store.taken()
    stale = [f"{number:043}" for number in range(9)]
    assert send(client, [*stale[:3], live, *stale[3:]])[0] == {"a": 1}
    assert client.store.taken() == ["load"] * 4
    assert send(client, [*stale[:4], live])[0] == {}


# -- several live sessions


def test_of_several_live_sessions_none_counts_and_a_write_starts_another() -> None:
    client = Client()
    cookies = [new_session(client, a=1), new_session(client, a=2)]
    found, response = send(client, cookies, lambda request: request["session"].update(b=3))
    assert found == {}
    (line,) = lines(response)
    assert client.read(line.partition("=")[2].partition(";")[0]) == {"b": 3}
    assert [client.read(cookie) for cookie in cookies] == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("make", [Client, sealed_client])
@pytest.mark.parametrize(
    "page",
    [
        lambda request: {"flash": "saved"},
        lambda request: session_state(request["session"]).set_own_key(
            "ringsession/anti_forgery/1", "00"
        ),
    ],
)
def test_for_several_live_sessions_neither_a_token_nor_a_message_starts_another(
    make: Any, page: Any
) -> None:
    client = make()
    cookies = [new_session(client, a=1), new_session(client, a=2)]
    assert lines(send(client, cookies, page)[1]) == []


def test_a_logout_ends_each_of_several_live_sessions() -> None:
    client = Client()
    cookies = [new_session(client, a=1), new_session(client, a=2)]
    _, response = send(client, cookies, lambda request: {"session": None})
    assert lines(response) == ["ring-session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"]
    assert [client.read(cookie) for cookie in cookies] == [{}, {}]


@pytest.mark.parametrize(
    "page",
    [
        lambda request: {"session": recreate({"user": "ann"})},
        lambda request: [request["session"].recreate(), request["session"].update(user="ann")]
        and None,
    ],
)
def test_a_login_ends_each_of_several_live_sessions_and_inherits_nothing(page: Any) -> None:
    client = Client()
    cookies = [new_session(client, a=1), new_session(client, a=2)]
    _, response = send(client, cookies, page)
    (line,) = lines(response)
    assert client.read(line.partition("=")[2].partition(";")[0]) == {"user": "ann"}
    assert [client.read(cookie) for cookie in cookies] == [{}, {}]


def test_of_one_sealed_session_the_value_that_was_sealed_last_counts() -> None:
    clock = [1_000_000.0]
    client = Client(cookie_store(KEY, clock=lambda: clock[0]))
    first = new_session(client, a=1)
    for step in (0.002, 1):  # seconds
        clock[0] += step
        client.send(lambda request: request["session"].update(a=request["session"]["a"] + 1), first)
        second = client.cookie
        for cookies in ([first, second], [second, first]):
            assert send(client, cookies)[0] == {"a": 2}


def test_of_different_sealed_sessions_none_counts() -> None:
    client = sealed_client()
    cookies = [new_session(client, a=1), new_session(client, a=2)]
    assert send(client, cookies)[0] == {}


# -- the scopes that an app uses or used


def test_a_new_id_deletes_the_former_scopes_and_no_other() -> None:
    client = Client(
        cookie_attrs={"domain": "example.org"},
        former_cookie_attrs=[{"domain": "www.example.org"}, {"path": "/old"}],
    )
    old = new_session(client, a=1)
    _, response = send(client, [old], lambda request: request["session"].recreate())
    *deletions, line = lines(response)
    tail = "HttpOnly; SameSite=Lax"
    assert deletions == [
        f"ring-session=; Path=/; {tail}; Domain=www.example.org; Max-Age=0",
        f"ring-session=; Path=/old; {tail}; Max-Age=0",
        f"ring-session=; Path=/; {tail}; Max-Age=0",  # where a domain is configured
    ]
    assert line.endswith(f"; Path=/; {tail}; Domain=example.org")


def test_a_logout_deletes_the_former_scopes_and_then_its_own() -> None:
    client = Client(former_cookie_attrs=[{"domain": "example.org"}])
    old = new_session(client, a=1)
    _, response = send(client, [old], lambda request: {"session": None})
    assert lines(response) == [
        "ring-session=; Path=/; HttpOnly; SameSite=Lax; Domain=example.org; Max-Age=0",
        "ring-session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0",
    ]


def test_a_browser_that_brought_no_value_gets_no_deletion() -> None:
    client = Client(former_cookie_attrs=[{"domain": "example.org"}])
    client.send(lambda request: request["session"].update(a=1))
    assert len(client.set_cookies) == 1


def test_the_scope_in_use_is_never_deleted_as_a_former_one() -> None:
    client = Client(
        cookie_attrs={"domain": ".Example.org"},
        former_cookie_attrs=[{"domain": "example.org"}, {"domain": "EXAMPLE.ORG", "path": "/"}],
    )
    old = new_session(client, a=1)
    _, response = send(client, [old], lambda request: request["session"].recreate())
    assert len([line for line in lines(response) if "xample" in line]) == 1


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"domain": "example.org"}, ": expected a list of dicts"),
        ("example.org", ": expected a list of dicts"),
        (["example.org"], "[0]: expected a dict, got str"),
        ([{}, {"max_age": 5}], '[1]["max_age"]: unknown attribute; known: domain, path,'),
        ([{"domain": 5}], '[0]["domain"]: expected'),
        ([{"domain": "http://a.example"}], '[0]["domain"]: expected a name such as'),
        ([{}, {"path": "app"}], '[1]["path"]: expected a path such as'),
        ([{"partitioned": True}], '[0]["partitioned"]: expected'),
    ],
)
def test_a_wrong_former_scope_is_a_config_error(given: Any, problem: str) -> None:
    config = deep_merge(site_defaults, {"session": {"former_cookie_attrs": given}})
    with pytest.raises(ConfigError) as raised:
        wrap_defaults(to_wsgi(lambda request: {}), config)
    assert str(raised.value).startswith(f'["session"]["former_cookie_attrs"]{problem}')
