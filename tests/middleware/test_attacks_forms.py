"""Attacks 71 to 76: what is sent as a query, a form, or a form with files."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import EnvironBuilder, run_wsgi_app

from ringsession import (
    assoc_in,
    bytes_store,
    content_type,
    deep_merge,
    from_wsgi,
    response,
    site_defaults,
    to_wsgi,
    wrap_defaults,
    wrap_multipart_params,
    wrap_nested_params,
    wrap_params,
)
from ringsession.wsgi.form_input import FormInput
from ringsession.http.refusals import BadParams, ParamsTooLarge
from ringsession.middleware.nested_params import nest_params, parse_nested_keys

SITE = assoc_in(site_defaults, ["security", "anti_forgery"], False)
MIB = 1 << 20
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=x"


def show(request: Any) -> Any:
    """The parameters as text; of a file its name, its size and what is in it."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict) and "tempfile" in value:
            return (
                value["filename"],
                value["content_type"],
                value["size"],
                value["tempfile"].read(20),
            )
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        return [plain(item) for item in value] if isinstance(value, list) else value

    return content_type(response(repr(plain(request["params"]))), "text/plain")


def ask(
    data: bytes, kind: str = MULTIPART, handler: Any = show, options: Any = True, **environ: Any
) -> tuple[int, str]:
    """Status and text of a form sent to the whole stack."""
    made = EnvironBuilder(method="POST", input_stream=io.BytesIO(data)).get_environ()
    made |= {"CONTENT_TYPE": kind, "CONTENT_LENGTH": str(len(data)), **environ}
    app = wrap_defaults(to_wsgi(handler), deep_merge(SITE, {"params": {"multipart": options}}))
    body, status, _ = run_wsgi_app(app, made, buffered=True)
    return int(status[:3]), b"".join(body).decode()


def part(head: str, value: bytes = b"v", more: str = "") -> bytes:
    lines = f"--x\r\nContent-Disposition: form-data; {head}\r\n{more}\r\n"
    return lines.encode("latin-1") + value + b"\r\n"


END = b"--x--\r\n"


def query(text: str) -> tuple[int, str]:
    return ask(b"", "text/plain", QUERY_STRING=text)


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("a", ["a"]),
        ("a[b]", ["a", "b"]),
        ("a[b][]", ["a", "b", ""]),
        ("a[", ["a["]),
        ("a[]b]", ["a", ""]),
        ("a[[b]]", ["a", "b"]),
        ("[a]", ["", "a"]),
        ("", [""]),
        ("a[__proto__]", ["a", "__proto__"]),
    ],
)
def test_attack_71_a_name_is_taken_apart_as_in_ring(name: str, keys: list[str]) -> None:
    assert parse_nested_keys(name) == keys


@pytest.mark.parametrize("depth", [33, 10_000])
def test_attack_71_names_nest_32_deep(depth: int) -> None:
    assert query("a" + "[a]" * 32 + "=1")[0] == 200
    assert query("a" + "[a]" * depth + "=1")[0] == 400
    with pytest.raises(BadParams):
        parse_nested_keys("a" + "[]" * depth)


@pytest.mark.parametrize(
    ("flat", "nested"),
    [
        ({"a": "1", "a[b]": "2"}, {"a": {"b": "2"}}),
        ({"a[b]": "1", "a": "2"}, {"a": [{"b": "1"}, "2"]}),
        ({"a": "1", "a[]": "2"}, {"a": ["1", "2"]}),
        ({"a[]": "1", "a[b][c]": "2"}, {"a": {"b": {"c": "2"}}}),
        ({"a[][b]": ["1", "2"]}, {"a": [{"b": "1"}, {"b": "2"}]}),
        ({"a[][]": "1"}, {"a": [{"": "1"}]}),
        ({"a[b]": ["1", "2"]}, {"a": {"b": ["1", "2"]}}),
    ],
)
def test_attack_71_names_that_clash_never_raise(flat: Any, nested: Any) -> None:
    before = repr(flat)
    assert nest_params(flat) == nested
    assert repr(flat) == before


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("&".join(f"a{n}" for n in range(1000)), 200),
        ("&".join(f"a{n}" for n in range(1001)), 413),
        ("&" * 1_000_000, 413),
        ("a=" + "%41" * 100_000, 200),
        ("%" * 1_000_000, 200),
        ("a=%zz", 200),
    ],
    ids=["1000", "1001", "a million", "escapes", "percents", "bad"],
)
def test_attack_72_a_query_has_at_most_1000_fields(text: str, status: int) -> None:
    assert query(text)[0] == status


class Endless(io.RawIOBase):
    """An input that never ends; it counts what was taken."""

    def __init__(self, data: bytes) -> None:
        self.data, self.taken = data, 0

    def read(self, size: int = -1) -> bytes:
        self.taken += size
        return (self.data * (size // len(self.data) + 1))[:size]


@pytest.mark.parametrize(
    ("kind", "data"), [(FORM, b"a"), (MULTIPART, b"\r\n--x\r\n"), (MULTIPART, b"A: b\r\n")]
)
def test_attacks_72_and_75_a_form_without_end_is_a_413_or_400_and_hardly_read(
    kind: str, data: bytes
) -> None:
    stream = Endless(data)
    length = {"wsgi.input": stream, "CONTENT_LENGTH": "", "wsgi.input_terminated": True}
    assert ask(b"", kind, **length)[0] in (400, 413)
    assert stream.taken < 2 * MIB


def test_attack_72_a_form_that_announces_100_mb_is_not_read() -> None:
    stream = Endless(b"a")
    length = {"wsgi.input": stream, "CONTENT_LENGTH": str(100 * MIB)}
    assert ask(b"", MULTIPART, **length)[0] == 413
    assert stream.taken == 0


class Broken(io.RawIOBase):
    def __init__(self, error: Exception) -> None:
        self.error = error

    def read(self, size: int = -1) -> bytes:
        raise self.error


@pytest.mark.parametrize("kind", [FORM, MULTIPART])
@pytest.mark.parametrize("length", ["10", ""], ids=["length", "chunked"])
@pytest.mark.parametrize("error", [OSError("gone"), ValueError("closed")], ids=repr)
def test_attack_73_a_connection_that_is_gone_is_a_400(kind: str, length: str, error: Any) -> None:
    environ = {
        "wsgi.input": Broken(error),
        "CONTENT_LENGTH": length,
        "wsgi.input_terminated": not length,
    }
    assert ask(b"", kind, **environ)[0] == 400


@pytest.mark.parametrize("kind", [FORM, MULTIPART])
@pytest.mark.parametrize("length", ["-1", "abc", "9" * 30, "1000", "²"])
def test_attack_73_a_length_that_is_none_never_reads_too_much(kind: str, length: str) -> None:
    data = part('name="a"') + END if kind == MULTIPART else b"a=v"
    assert ask(data, kind, CONTENT_LENGTH=length)[0] in (200, 400, 413)


def test_attack_73_what_is_behind_the_length_is_not_read() -> None:
    assert ask(b"a=1&b=2", FORM, CONTENT_LENGTH="3") == (200, "{'a': '1'}")


@pytest.mark.parametrize(
    "charset", ["utf-7", "idna", "zlib_codec", "hex", "foo", "utf-16", "x" * 9999]
)
def test_attack_74_a_form_in_another_charset_is_a_415(charset: str) -> None:
    assert ask(b"a=b", f"{FORM}; charset={charset}")[0] == 415
    field = part('name="a"', more=f"Content-Type: text/plain; charset={charset[:9]}\r\n") + END
    assert ask(field)[0] in (400, 415)
    named = part('name="_charset_"', charset[:99].encode()) + part('name="a"') + END
    assert ask(named)[0] == 415


@pytest.mark.parametrize(
    ("kind", "data", "text"),
    [
        (f"{FORM}; charset=iso-8859-1", b"a=%FC", "{'a': 'ü'}"),
        (f'{FORM}; charset="UTF-8"', b"a=%C3%BC", "{'a': 'ü'}"),
        (f"{FORM}; charset=us-ascii", b"a=%FC", "{'a': '\ufffd'}"),
        (f"{MULTIPART}; charset=latin-1", part('name="a"', b"\xfc") + END, "{'a': 'ü'}"),
        (
            MULTIPART,
            part('name="a"', b"\xfc", "Content-Type: text/plain; charset=latin-1\r\n") + END,
            "{'a': 'ü'}",
        ),
    ],
)
def test_a_form_is_read_in_the_charset_that_it_says(kind: str, data: bytes, text: str) -> None:
    assert ask(data, kind) == (200, text)


def test_a_charset_can_be_laid_down_when_wrapping() -> None:
    reading = wrap_params(lambda request: request["params"], encoding="iso-8859-1")
    assert reading({"query_string": "a=%FC"}) == {"a": "ü"}  # type: ignore[arg-type]
    for wrap in (wrap_params, wrap_multipart_params):
        with pytest.raises(ValueError, match="^encoding: expected"):
            wrap(lambda request: {}, encoding="utf-7")
    assert ask(part('name="a"', b"\xfc") + END, options={"encoding": "latin1"})[1] == "{'a': 'ü'}"


# -- forms with files


FILE = 'name="f"; filename="a.txt"'


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (part('name="a"') + END, "{'a': 'v'}"),
        (part('name="a"') + part('name="a"', b"w") + END, "{'a': ['v', 'w']}"),
        (part('name="a[b]"') + END, "{'a': {'b': 'v'}}"),
        (part(FILE, b"data") + END, "{'f': ('a.txt', None, 4, b'data')}"),
        (
            part('name="f[]"; filename="a"', b"1") + part('name="f[]"; filename="b"', b"2") + END,
            "{'f': [('a', None, 1, b'1'), ('b', None, 1, b'2')]}",
        ),
        (part('name="f"; filename=""', b"") + END, "{'f': ('', None, 0, b'')}"),
        (
            part(FILE, b"data", "Content-Type: text/css\r\n") + END,
            "{'f': ('a.txt', 'text/css', 4, b'data')}",
        ),
        (part('filename="nameless"') + part('name="a"') + END, "{'a': 'v'}"),
        (b"junk\r\n" + part('name="a"') + END + b"more junk", "{'a': 'v'}"),
        (b"", "{}"),
        (END, "{}"),
        (part(FILE, b"x") + part('name="f[tempfile]"', b"/etc/passwd") + END,
         "{'f': {'tempfile': '/etc/passwd'}}"),
    ],
    ids=lambda value: str(value)[-40:],
)  # fmt: skip
def test_a_form_with_files_is_read(data: bytes, text: str) -> None:
    if "tempfile" in text:  # which is text then, and no file

        def names(request: Any) -> Any:
            return response(repr(request["params"]))

        assert ask(data, handler=names) == (200, text)
    else:
        assert ask(data) == (200, text)


@pytest.mark.parametrize(
    ("name", "filename"),
    [
        ("../../x", "../../x"),
        ("C:\\\\x", "C:\\x"),
        ("/etc/passwd", "/etc/passwd"),
        ("x" * 5000, "x" * 5000),
        ("a\x00b", "a\x00b"),
    ],
    ids=lambda value: value[:12],
)
def test_attack_76_a_files_name_is_data_and_no_path(name: str, filename: str) -> None:
    status, text = ask(part(f'name="f"; filename="{name}"', b"d") + END)
    assert (status, text) == (200, repr({"f": (filename, None, 1, b"d")}))


def test_attack_75_crlf_may_come_in_any_pieces() -> None:
    class OneByOne(io.BytesIO):
        def read(self, size: Any = -1) -> bytes:
            return super().read(1)

    data = part('name="a"', b"x\r\ny\r\n-\r\n--\r\n--y") + part(FILE, b"\r\r\n\n") + END
    expected = ask(data)
    assert ask(data, **{"wsgi.input": OneByOne(data)}) == expected
    assert "'x\\r\\ny\\r\\n-\\r\\n--\\r\\n--y'" in expected[1]


@pytest.mark.parametrize(
    ("data", "kind", "status"),
    [
        (END, "multipart/form-data", 400),
        (END, "multipart/form-data; boundary=", 400),
        (b"--" + b"y" * 100 + b"--\r\n", f"multipart/form-data; boundary={'y' * 100}", 200),
        (b"--" + b"y" * 101 + b"--\r\n", f"multipart/form-data; boundary={'y' * 101}", 400),
        (b"--a b--\r\n", 'multipart/form-data; boundary="a b"', 200),
        (END, "multipart/form-data; boundary=\xfc", 400),
        (part('name="a"'), MULTIPART, 400),
        (b"--x\r\nX: y\r\n\r\nv\r\n" + END, MULTIPART, 400),
        (
            b"--x\r\nContent-Disposition: form-data; name=\"\xff\"\r\n\r\nv\r\n" + END,
            MULTIPART,
            400,
        ),
        (b"--x\r\nContent-Disposition: form-data", MULTIPART, 400),
        (part('name="a"') * 1000 + END, MULTIPART, 200),
        (part('name="a"') * 1001 + END, MULTIPART, 413),
        (b"--x\r\n" + b"A: b\r\n" * 1_000_000, MULTIPART, 413),
        (b"--x\r\nA: " + b"b" * 1_000_000, MULTIPART, 413),
        (part('name="a"', more="A: " + "b" * 9000 + "\r\n") + END, MULTIPART, 413),
        (b"z" * 100_000 + part('name="a"') + END, MULTIPART, 413),
        (part('name="a"', b"v" * MIB) + END, MULTIPART, 200),
        (part('name="a"', b"v" * (MIB + 1)) + END, MULTIPART, 413),
        (
            part('name="a"', b"v" * (MIB // 2)) + part('name="b"', b"v" * (MIB // 2 + 1)) + END,
            MULTIPART,
            413,
        ),
        (
            part('name="a"', b"--y\r\n\r\n--y--", "Content-Type: multipart/mixed; boundary=y\r\n")
            + END,
            MULTIPART,
            200,
        ),
        (END, "multipart/mixed; boundary=x", 200),
    ],
    ids=range(21),
)  # fmt: skip
def test_attack_75_a_form_keeps_the_rules_and_the_limits(
    data: bytes, kind: str, status: int
) -> None:
    assert ask(data, kind)[0] == status


@pytest.mark.parametrize(
    ("options", "data", "status"),
    [
        ({"max_file_size": 10}, part(FILE, b"x" * 10) + END, 200),
        ({"max_file_size": 10}, part(FILE, b"x" * 11) + END, 413),
        ({"max_file_count": 2}, part(FILE) * 2 + END, 200),
        ({"max_file_count": 2}, part(FILE) * 3 + END, 413),
        ({"max_size": 200}, part(FILE, b"x" * 50) + END, 200),
        ({"max_size": 200}, part(FILE, b"x" * 200) + END, 413),
    ],
)
def test_the_limits_are_matters_of_options(options: Any, data: bytes, status: int) -> None:
    assert ask(data, options=options)[0] == status
    chunked = {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}
    assert ask(data, options=options, **chunked)[0] == status


@pytest.mark.parametrize(
    "options", [{"max_size": 0}, {"max_file_size": "1"}, {"max_file_count": True}]
)
def test_wrong_limits_are_refused(options: Any) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(options))}: expected a number over 0"):
        wrap_multipart_params(lambda request: {}, **options)


def test_a_file_may_be_kept_as_bytes_or_as_one_likes() -> None:
    def see(request: Any) -> Any:
        return response(repr(request["multipart_params"]))

    data = part(FILE, b"data") + part('name="a"') + END
    found = ask(data, handler=see, options={"store": bytes_store})
    assert (
        found[1] == "{'f': {'filename': 'a.txt', 'content_type': None, 'bytes': b'data'}, 'a': 'v'}"
    )
    found = ask(data, handler=see, options={"store": lambda item: item["stream"].read(2)})
    assert found[1] == "{'f': b'da', 'a': 'v'}"
    found = ask(data, handler=see, options={"store": lambda item: item["filename"]})
    assert found[1] == "{'f': 'a.txt', 'a': 'v'}"


def test_each_layer_answers_what_cannot_be_read_also_alone() -> None:
    deep = {"params": {"a" + "[a]" * 40: "1"}}
    assert wrap_nested_params(lambda request: request["params"])(deep)["status"] == 400
    made = {"headers": {"content-type": "multipart/form-data"}, "body": io.BytesIO(b"x")}
    reading = wrap_multipart_params(lambda request: request["multipart_params"])
    assert reading(made)["status"] == 400  # type: ignore[arg-type]


# -- the form's bytes, and its files


def open_files() -> set[str]:
    names = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            names.add(os.readlink(f"/proc/self/fd/{name}"))
        except OSError:
            continue
    return {name for name in names if "deleted" in name}


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="looks at this process's open files")
@pytest.mark.parametrize("raising", [False, True])
def test_attack_76_files_past_512_kib_are_on_the_disk_and_gone_at_the_end(raising: bool) -> None:
    before, seen = open_files(), []

    def handler(request: Any) -> Any:
        upload = request["params"]["f"]
        seen.append((len(open_files() - before), upload["tempfile"].closed, upload))
        if raising:
            raise LookupError("handler")
        return response("done")

    data = part(FILE, b"x" * MIB) + END
    if raising:
        with pytest.raises(LookupError):
            ask(data, handler=handler)
    else:
        ask(data, handler=handler)
    assert seen[0][:2] == (2, False)  # the form and the file
    assert seen[0][2]["tempfile"].closed
    assert open_files() == before


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="looks at this process's open files")
def test_attack_76_a_file_that_passes_a_limit_is_gone() -> None:
    before = open_files()
    assert ask(part(FILE, b"x" * 2 * MIB) + END, options={"max_file_size": MIB})[0] == 413
    assert open_files() == before


def test_a_body_that_streams_may_still_read_its_upload() -> None:
    def handler(request: Any) -> Any:
        upload = request["params"]["f"]["tempfile"]

        def chunks() -> Iterator[bytes]:
            yield upload.read(2)
            yield upload.read()

        return response(chunks())

    assert ask(part(FILE, b"data") + END, handler=handler) == (200, "data")


def readers(order: str, size: int) -> list[Any]:
    """What the layers (p) and the app behind (a) read of one form, in this order."""
    found: list[Any] = []

    def app(environ: Any, start_response: Any) -> Any:
        for who in order:
            try:
                if who == "p":
                    found.append(len(environ["ringsession.request"]["form_params"]["a"]))
                else:
                    found.append(len(environ["wsgi.input"].read()))
                    environ["wsgi.input"].seek(0)
            except ParamsTooLarge:
                found.append("413")
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"ok"]

    data = b"a=" + b"x" * (size - 2)
    made = EnvironBuilder(method="POST", input_stream=io.BytesIO(data)).get_environ()
    made |= {"CONTENT_TYPE": FORM, "CONTENT_LENGTH": str(len(data))}
    run_wsgi_app(wrap_defaults(app, SITE), made, buffered=True)
    return found


@pytest.mark.parametrize(
    ("order", "size", "found"),
    [
        ("pa", 1000, [998, 1000]),
        ("ap", 1000, [1000, 998]),
        ("apap", 600_000, [600_000, 599_998, 600_000, 599_998]),
        ("pa", 2 * MIB, ["413", 2 * MIB]),
        ("ap", 2 * MIB, [2 * MIB, "413"]),
        ("aa", 2 * MIB, [2 * MIB, "413"]),
    ],
)
def test_the_app_behind_gets_its_bytes_before_or_after_us(
    order: str, size: int, found: Any
) -> None:
    assert readers(order, size) == found


def test_two_edges_in_a_row_share_one_form() -> None:
    forms: list[Any] = []

    def handler(request: Any) -> Any:
        forms.append(request["environ"]["ringsession.form"])
        return show(request)

    inner = to_wsgi(wrap_params(handler))

    def between(environ: Any, start_response: Any) -> Any:
        forms.append(environ["ringsession.form"])
        return inner(environ, start_response)

    app = to_wsgi(wrap_params(from_wsgi(between)))
    made = EnvironBuilder(method="POST", data={"a": "1"}).get_environ()
    body, _, _ = run_wsgi_app(app, made, buffered=True)
    assert b"".join(body) == b"{'a': '1'}"
    assert forms[0] is forms[1]


def test_a_form_is_a_file_that_seeks_in_what_has_come() -> None:
    form = FormInput(io.BytesIO(b"0123456789"))
    file = form.open()
    assert (file.read(3), file.tell(), file.seek(1), file.read(2)) == (b"012", 3, 1, b"12")
    file.seek(2, os.SEEK_CUR)
    assert file.read() == b"56789"
    with pytest.raises(io.UnsupportedOperation):
        file.seek(0, os.SEEK_END)
    form.close()
    form.close()
