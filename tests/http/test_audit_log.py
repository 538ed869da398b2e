"""The records of the audit log by themselves, without a session."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from ringsession.http.audit_log import EVENTS, FIELDS, audit, find_fields, is_on, log


@pytest.mark.parametrize(
    "request_, found",
    [
        (None, {}),
        ({}, {}),
        ({"request_method": "get", "uri": "/a"}, {"method": "GET", "path": "/a"}),
        ({"request_method": 5, "uri": b"/a", "remote_addr": ["x"]}, {}),
        ({"request_method": "", "uri": "", "remote_addr": ""}, {}),
        (
            {"request_method": "post", "uri": "/\x1b[2J\n", "remote_addr": "::1"},
            {"method": "POST", "path": "/\\x1b[2J\\n", "address": "::1"},
        ),
        (
            {"request_method": "p" * 99, "uri": "/" * 999, "remote_addr": "a" * 99},
            {"method": "P" * 20, "path": "/" * 200, "address": "a" * 50},
        ),
    ],
)
def test_a_record_has_every_field_and_none_for_what_nobody_knows(request_: Any, found: Any) -> None:
    expected = {**dict.fromkeys(FIELDS), "event": "csrf_refused", "reason": "x", **found}
    assert find_fields("csrf_refused", request_, reason="x") == expected


def test_the_name_of_a_user_is_escaped() -> None:
    fields = find_fields("session_created", user="ann\r\nbob", handle="00")
    assert (fields["user"], fields["handle"]) == ("ann\\r\\nbob", "00")
    assert find_fields("session_created", user=7)["user"] == "7"


def test_the_fields_of_an_event_are_fields_of_a_record_and_none_hides_one_of_logging() -> None:
    assert {name for event in EVENTS.values() for name in event.fields} == {*FIELDS} - {"event"}
    own = vars(logging.LogRecord("x", 20, "x", 1, "x", (), None))
    assert {*FIELDS} & {*own, "message", "asctime"} == set()


def test_what_goes_well_is_info_and_the_rest_is_more() -> None:
    levels = {name: logging.getLevelName(event.level) for name, event in EVENTS.items()}
    assert levels == {
        "session_created": "INFO",
        "session_recreated": "INFO",
        "session_ended": "INFO",
        "session_end_all": "INFO",
        "session_limit": "INFO",
        "session_lost_race": "WARNING",
        "csrf_refused": "WARNING",
        "host_refused": "WARNING",
        "cookie_ambiguous": "WARNING",
        "cookie_unreadable": "ERROR",
        "store_unavailable": "ERROR",
    }


def test_a_level_that_is_off_is_known_before_anything_is_built(caplog: Any) -> None:
    caplog.set_level(logging.WARNING, log.name)
    assert [name for name, event in EVENTS.items() if is_on(name)] == [
        name for name, event in EVENTS.items() if event.level > logging.INFO
    ]
    audit("session_created", handle="00")
    assert caplog.records == []
