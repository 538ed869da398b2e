"""The goals of benchmarks/goals.py are judged by figures of one run."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.goals import GOALS, Goal, Result, judge, show

ROOT = Path(__file__).parents[2]
TWICE = Goal(("memory", "ringsession", "read"), ("memory", "floor", "read"), 2)
FOUR = Goal(("Redis", "server", "its own time for a read"), None, 4, "us")


def test_a_goal_is_met_up_to_its_bound() -> None:
    figures = {TWICE.figure: 20.0, ("memory", "floor", "read"): 10.0, FOUR.figure: 4.5}
    results = judge([TWICE, FOUR], figures)
    assert results == [
        Result("memory: ringsession, read, beside floor", 2, 2.0, "x"),
        Result("Redis: server, its own time for a read", 4, 4.5, "us"),
    ]
    assert [result.is_met for result in results] == [True, False]


def test_the_table_of_goals_shows_which_one_is_missed() -> None:
    results = [Result("memory", 4, 3.5, "x"), Result("the server", 4, 4.5, "us")]
    assert show(results).split("\n") == [
        "             at most    measured",
        "memory           4 x      3.50 x",
        "the server      4 us     4.50 us  MISSED",
        "",
        "1 of 2 goals are missed",
    ]


def test_every_goal_on_a_library_names_a_measured_figure() -> None:
    run = json.loads((ROOT / "benchmarks/results/pgo.json").read_text("utf-8"))
    figures = {
        (group, name, work): net
        for group, rows in run["net_us"].items()
        for name, works in rows.items()
        for work, net in works.items()
    }
    assert len(judge(GOALS["peers"], figures)) == len(GOALS["peers"])


def test_only_the_time_of_the_server_is_not_a_ratio() -> None:
    times = [goal.what for goals in GOALS.values() for goal in goals if goal.unit in ("us", "ms")]
    assert times == ["Redis: server, its own time for a read"]
