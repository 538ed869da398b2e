"""The log of refused requests: a few lines a second, and a count of the others."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ringsession.http.log_text import escape, quote, show_request
from ringsession.http.refusal_log import RefusalLog


def refuse(refusals: RefusalLog, reason: str) -> None:
    refusals.warn(reason, "Who sent it.", reason=reason)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_at_most_ten_lines_are_written_in_any_second(caplog: Any) -> None:
    clock = Clock()
    refusals = RefusalLog("csrf_refused", clock=clock)
    for tenth in range(40):  # 4 seconds, 5 refusals each tenth of a second
        clock.now = 100 + tenth / 8
        for _ in range(5):
            refuse(refusals, f"refused at {clock.now:.3f}")
    at = [float(record.reason.split()[2]) for record in caplog.records]
    assert max(sum(start <= time < start + 1 for time in at) for start in at) == 10
    assert len(at) == 50


def test_the_next_line_says_how_many_were_left_out(caplog: Any) -> None:
    clock = Clock()
    refusals = RefusalLog("csrf_refused", clock=clock)
    for _ in range(33):
        refuse(refusals, "refused")
    clock.now += 1
    refuse(refusals, "refused again")
    refuse(refusals, "refused again")
    assert caplog.messages == [
        *(["Refused a request, since refused. Who sent it."] * 10),
        "Refused a request, since refused again. Who sent it. Left out before it: 23 such lines.",
        "Refused a request, since refused again. Who sent it.",
    ]


def test_threads_share_the_ten_lines_and_lose_no_count(caplog: Any) -> None:
    clock = Clock()
    refusals = RefusalLog("csrf_refused", clock=clock)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: refuse(refusals, "refused"), range(400)))
    clock.now += 1
    refuse(refusals, "last")
    assert caplog.messages == [
        *(["Refused a request, since refused. Who sent it."] * 10),
        "Refused a request, since last. Who sent it. Left out before it: 390 such lines.",
    ]


def _in_child(refusals: RefusalLog, answers: Any) -> None:
    answers.put([refusals._take() for _ in range(11)])


@pytest.mark.posix
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_process_has_ten_lines_of_its_own_and_never_waits_for_its_parents_lock() -> None:
    refusals = RefusalLog("csrf_refused", clock=Clock())
    for _ in range(10):
        refuse(refusals, "refused")
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    with refusals._lock:
        child = context.Process(target=_in_child, args=(refusals, answers))
        child.start()
        child.join(20)
    assert (child.exitcode, answers.get()) == (0, [*([0] * 10), None])


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("/cart", "/cart"),
        ("/a\r\nERROR forged", "/a\\r\\nERROR forged"),
        ("\x1b[2J", "\\x1b[2J"),
        ("ü\u2028\udc80\x7f", "\\xfc\\u2028\\udc80\\x7f"),
        ('it\'s "x" \\n', 'it\'s "x" \\\\n'),
        ("x" * 500, "x" * 200),
        ("\n" * 500, "\\n" * 100),
        (None, "?"),
        (5, "?"),
    ],
)
def test_what_a_client_sent_is_one_short_line(text: Any, escaped: str) -> None:
    assert escape(text) == escaped


def test_a_header_stands_in_quotation_marks_that_it_cannot_leave() -> None:
    assert [quote(text) for text in ("a' host='b", "", None)] == ["'a\\' host=\\'b'", "''", "none"]


def test_a_request_is_shown_without_its_query() -> None:
    shown = show_request({"request_method": "post", "uri": "/a\n", "query_string": "s3cret"})
    assert (shown, show_request({})) == ("method=POST path=/a\\n", "method=? path=?")
