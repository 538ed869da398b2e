"""The cookie store: which times decide, which of two cookies is the later one, and other clocks."""

from __future__ import annotations

from typing import Any

import pytest

from ringsession import codec, cookie_store
from ringsession.stores.cookie.seal import Keyring, Opened, open_sealed, seal
from ringsession.stores import Change, Lifetime, Loaded
from ringsession.stores.backend import Backend
from ringsession.stores.opening import open_sessions
from tests.tracing import Client

KEY = "a key of 32 characters for tests"
NAME = "ring-session"
START = 1_800_000_000.0
RECORD = codec.encode({"user": "ann"})
MORE = codec.encode({"user": "ann", "cart": [1]})


class Site:
    """One key and one clock, and sessions by the times of a config."""

    def __init__(self) -> None:
        self.now = START
        self.store = cookie_store(KEY, clock=lambda: self.now)

    def sessions(self, idle: float | None = None, absolute: float | None = None) -> Backend:
        return open_sessions(self.store, NAME, Lifetime(idle, absolute))

    def new(self, idle: float | None = None, absolute: float | None = None) -> str:
        value = self.sessions(idle, absolute).create(RECORD)
        assert value is not None
        return value

    def opened(self, value: str) -> Opened:
        found = open_sealed(Keyring(KEY), NAME, value, now=int(self.now * 1000))
        assert found is not None
        return found


@pytest.fixture
def site() -> Site:
    return Site()


def is_live(loaded: Loaded | None) -> bool:
    return loaded is not None and loaded.record is not None


def test_a_new_cookie_holds_the_times_of_its_session(site: Site) -> None:
    opened = site.opened(site.new(1800, 86_400))
    now = 1_800_000_000_000
    assert opened._replace(sid=b"") == Opened(
        remembered=False,
        sid=b"",
        created=now,
        began=0,
        confirmed=0,
        sealed=now,
        seen=now,
        idle=1_800_000,
        absolute=86_400_000,
        payload=b'{"user":"ann"}',
    )
    assert len(opened.sid) == 16


@pytest.mark.parametrize(
    ("lifetime", "idle", "absolute"),
    [
        ((None, None), 0, 0),
        ((0.0001, 0.0001), 1, 1),
        ((1e300, 1e12), (1 << 48) - 1, (1 << 48) - 1),
        ((float("inf"), 0.25), (1 << 48) - 1, 250),
    ],
)
def test_every_time_fits_and_none_becomes_no_limit(
    site: Site, lifetime: Any, idle: int, absolute: int
) -> None:
    opened = site.opened(site.new(*lifetime))
    assert (opened.idle, opened.absolute) == (idle, absolute)


@pytest.mark.parametrize(
    ("sealed", "configured", "left"),
    [
        ((1800, None), (1800, None), 1800),
        ((1800, None), (600, None), 600),
        ((600, None), (1800, None), 600),
        ((None, None), (600, None), 600),
        ((600, None), (None, None), 600),
        ((None, 3600), (None, 600), 600),
        ((None, 600), (None, 3600), 600),
        ((1800, 900), (1200, None), 900),
        ((None, None), (None, None), None),
    ],
)
def test_the_shorter_of_the_sealed_and_the_configured_time_decides(
    site: Site, sealed: Any, configured: Any, left: float | None
) -> None:
    value, sessions = site.new(*sealed), site.sessions(*configured)
    loaded = sessions.load(value)
    assert loaded is not None and (loaded.record, loaded.expires_in) == (RECORD, left)
    if left is not None:
        site.now += left - 0.001
        assert is_live(sessions.load(value))
        site.now += 0.001
        assert not is_live(sessions.load(value))


def test_a_session_that_only_the_config_ends_is_absent_and_can_be_ended(site: Site) -> None:
    value = site.new(1800)
    site.now += 700
    assert site.sessions(600).load(value) == Loaded(None, outlived=True)
    assert site.sessions(600).destroy(value) is True
    assert is_live(site.sessions(1800).load(value))
    site.now += 1100
    assert site.sessions(600).load(value) is None
    assert site.sessions(600).destroy(value) is False


def test_a_logout_deletes_a_cookie_that_only_the_config_has_ended() -> None:
    clock = [START]
    store = cookie_store(KEY, clock=lambda: clock[0])
    old, new = Client(store, timeout=1800), Client(store, timeout=600)
    old.send(lambda request: request["session"].update(user="ann"))
    clock[0] += 700
    assert new.read(old.cookie) == {}
    assert new.set_cookie is None
    new.send(lambda request: {"session": None}, old.cookie)
    assert new.set_cookie is not None and "Max-Age=0" in new.set_cookie


@pytest.mark.parametrize(("sealed", "configured", "half"), [(1800, 1800, 900), (1800, 600, 300)])
def test_a_read_seals_anew_once_half_of_the_shorter_idle_time_has_passed(
    site: Site, sealed: float, configured: float, half: float
) -> None:
    value, sessions = site.new(sealed), site.sessions(configured)
    site.now += half - 0.001
    loaded = sessions.load(value)
    assert loaded is not None and loaded.due is False
    site.now += 0.001
    loaded = sessions.load(value)
    assert loaded is not None and loaded.due is True
    touched = sessions.touch(value, loaded)
    assert touched is not None
    loaded = sessions.load(touched)
    assert loaded is not None and (loaded.expires_in, loaded.due) == (configured, False)


def test_a_write_keeps_everything_else_of_its_session(site: Site) -> None:
    sessions = site.sessions(600, 900)
    before = site.opened(site.new(1800, 3600))._replace(
        remembered=True, began=1_800_000_000_000, confirmed=1_799_999_999_999
    )
    value = seal(Keyring(KEY), NAME, before)
    site.now += 60
    loaded = sessions.load(value)
    assert loaded is not None
    patched = sessions.patch(value, loaded, Change(RECORD, MORE))
    touched = sessions.touch(value, loaded)
    assert patched is not None and touched is not None
    now = 1_800_000_060_000
    assert site.opened(touched) == before._replace(sealed=now, seen=now)
    assert site.opened(patched) == before._replace(sealed=now, seen=now, payload=MORE[1:].encode())


def test_of_two_cookies_of_a_session_the_one_sealed_last_is_told_in_any_case(site: Site) -> None:
    sessions, values = site.sessions(1800), [site.new(1800)]
    for jump in (0.001, 0, 0, -30, 0):  # seconds; a clock may stand still, or jump back
        site.now += jump
        loaded = sessions.load(values[-1])
        assert loaded is not None
        values.append(sessions.patch(values[-1], loaded, Change(RECORD, MORE)) or "")
    live = [(value, loaded) for value in values if (loaded := sessions.load(value))]
    assert len(live) == 6
    for pairs in (live, live[::-1]):
        chosen = sessions.choose(pairs)
        assert chosen is not None and chosen[0] == values[-1]


@pytest.mark.parametrize("jump", [-0.001, -30, -59])
def test_a_clock_that_jumps_back_gives_no_more_than_was_granted(site: Site, jump: float) -> None:
    sessions, value = site.sessions(100, 150), site.new(100, 150)
    site.now += 60
    loaded = sessions.load(value)
    assert loaded is not None
    value = sessions.touch(value, loaded) or ""
    site.now += jump
    loaded = sessions.load(value)
    assert loaded is not None and loaded.expires_in == pytest.approx(90)  # of 150, 60 were used
    again = sessions.load(sessions.patch(value, loaded, Change(RECORD, MORE)) or "")
    assert again is not None and again.expires_in is not None
    assert again.expires_in <= 100
    site.now = START + 150
    assert sessions.load(value) is None


def test_a_write_just_after_a_jump_back_over_the_sessions_beginning_can_be_read(
    site: Site,
) -> None:
    sessions, value = site.sessions(100, 150), site.new(100, 150)
    site.now -= 40
    loaded = sessions.load(value)
    assert loaded is not None and loaded.expires_in == 100
    again = sessions.load(sessions.patch(value, loaded, Change(RECORD, MORE)) or "")
    assert again is not None and (again.record, again.expires_in) == (MORE, 100)


def test_a_cookie_of_a_server_whose_clock_is_ahead_is_dropped_with_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = [START]
    client = Client(cookie_store(KEY, clock=lambda: clock[0]))
    client.send(lambda request: request["session"].update(user="ann"))
    value = client.cookie
    clock[0] -= 60
    assert client.read(value) == {"user": "ann"}
    assert caplog.messages == []
    clock[0] -= 60.5
    assert client.read(value) == {}
    assert caplog.messages == [
        "Dropped the cookie 'ring-session': it was sealed 120 s ahead of this server's clock."
        " Set the clocks of all servers to the same time."
    ]
    assert value is not None and value not in caplog.text
