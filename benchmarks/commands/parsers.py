"""Whether every parser of what clients send is linear: inputs of 10, 100 and 1000 kB of the worst
kinds.

    python -m benchmarks parsers [--rounds N]

For each parser and input: the best time of N rounds at each size, and how many times the one before
it took. A parser with a limit refuses the larger inputs, so it is given them behind its limit too:
refusing must be quick as well. Ends with status 1 if a step takes more than 15 times the one before
it (10 is linear; below 0.2 ms nothing is said).
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any

from ringsession.http.refusals import UNREADABLE
from ringsession.http.form_encoding import form_decode
from ringsession.middleware.content import default_charset_response, guess_type
from ringsession.middleware.cookies import find_cookie, parse_cookies
from ringsession.middleware.multipart import wrap_multipart_params
from ringsession.middleware.nested_params import nest_params
from ringsession.middleware.not_modified import is_not_modified
from ringsession.middleware.params import parse_params
from ringsession.middleware.proxy import forwarded_request
from ringsession.middleware._find_file import get_file_path
from ringsession.http.origin import split_host
from ringsession.request import Request

SIZES = (10_000, 100_000, 1_000_000)
MOST = 15
QUIET = 0.0002  # seconds; below it a ratio is noise

Parser = Callable[[str], Any]


def fill(pattern: str) -> Callable[[int], str]:
    return lambda size: (pattern * (size // len(pattern) + 1))[:size]


def multipart(body: str) -> Any:
    data = f"--x\r\n{body}\r\n--x--".encode("latin-1")
    headers = {"content-type": "multipart/form-data; boundary=x"}
    reading = wrap_multipart_params(lambda request: {"read": request["multipart_params"]})
    return reading(Request({"headers": headers, "body": io.BytesIO(data)}))


def header(name: str, use: Callable[[Request], Any]) -> Parser:
    return lambda text: use(Request({"headers": {name: text}, "remote_addr": "192.0.2.1"}))


def not_modified(request: Request) -> bool:
    return is_not_modified(request, {"headers": {"ETag": '"a"', "Last-Modified": "x"}})


FIELD = 'Content-Disposition: form-data; name="a"\r\n\r\n'
CASES: dict[str, tuple[Parser, list[str]]] = {
    "cookies": (parse_cookies, ["a=1; ", "a", ";", '"', "a=\\", " \t", "=", "a=%41; "]),
    "one cookie": (lambda text: find_cookie(text, "id"), ["id=1; ", "id", ";", " id", '"id="']),
    "form decoding": (form_decode, ["%41", "%", "%ff", "+", "%ed%a0"]),
    "params": (parse_params, ["a=1&", "&", "%", "=", "a", "a[b]&"]),
    "nested names": (lambda text: nest_params({text: "1"}), ["[", "[]", "[a]", "a]", "[[]]", "]"]),
    "multipart field": (
        lambda t: multipart(FIELD + t),
        ["x", "\r", "\n", "\r\n", "-", "\r\n--", "\r\n--y"],
    ),
    "multipart parts": (
        multipart,
        [FIELD + "v\r\n--x\r\n", "--x\r\n", "\r\n", "A: b\r\n", " \r\n"],
    ),
    "multipart headers": (
        lambda t: multipart(f"Content-Disposition: form-data; {t}\r\n\r\nv"),
        ['name="a";', ";", '"', "\\", "name*=utf-8''%41;", "a=b;", "="],
    ),
    "If-None-Match": (header("if-none-match", not_modified), ['"b", ', "W/", ",", '"', " "]),
    "If-Modified-Since": (header("if-modified-since", not_modified), ["1 ", "Jan ", ":", "a", ","]),
    "X-Forwarded-For": (
        header("x-forwarded-for", forwarded_request),
        ["1.1.1.1, ", ",", ":", "[", "1"],
    ),
    "Host": (split_host, ["a.", ":", "[", "1", "-"]),
    "file path": (
        lambda text: get_file_path(Request({"uri": text})),
        ["/a", "/.", "/..", "%41", "/"],
    ),
    "file type": (guess_type, [".a", "/", "\\", "a"]),
    "Content-Type": (
        lambda t: default_charset_response({"headers": {"Content-Type": t}}, "utf-8"),
        ["text/", ";", " ", "charset", "text/html; "],
    ),
}


def seconds(parse: Parser, text: str, rounds: int) -> float:
    best = float("inf")
    for _ in range(rounds):
        begin = perf_counter()
        try:
            parse(text)
        except UNREADABLE:
            pass
        best = min(best, perf_counter() - begin)
    return best


def main(arguments: list[str] | None = None) -> None:
    options = argparse.ArgumentParser(description="Whether every parser is linear.")
    options.add_argument("--rounds", type=int, default=5)
    rounds = options.parse_args().rounds
    print(f"{'parser':18} {'input':34} {'10 kB':>9} {'100 kB':>9} {'1 MB':>9}   steps")
    bad = 0
    for name, (parse, patterns) in CASES.items():
        for pattern in patterns:
            times = [seconds(parse, fill(pattern)(size), rounds) for size in SIZES]
            steps = [after / max(before, QUIET / MOST) for before, after in zip(times, times[1:])]
            slow = [step > MOST and after > QUIET for step, after in zip(steps, times[1:])]
            bad += any(slow)
            row = " ".join(f"{time * 1e3:7.2f}ms" for time in times)
            mark = "  NOT LINEAR" if any(slow) else ""
            print(f"{name:18} {pattern[-30:]!r:34} {row}   {steps[0]:4.1f} {steps[1]:4.1f}{mark}")
    sys.exit(f"{bad} inputs are not linear" if bad else 0)


if __name__ == "__main__":
    main()
