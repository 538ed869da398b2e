"""The Cookie header is read as in Ring where that is safe, so no cookie can forge another."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ringsession.middleware.cookies import find_cookie, parse_cookies

CONTROLS = [chr(code) for code in (*range(0x20), 0x7F)]

READ: list[tuple[str, dict[str, str]]] = [
    ("", {}),
    ("a=1", {"a": "1"}),
    ("a=1; b=2;c=3", {"a": "1", "b": "2", "c": "3"}),
    ("  a=1 \t;\t b = 2  ", {"a": "1", "b": "2"}),
    ("a=", {"a": ""}),
    ('a=""', {"a": ""}),
    ('a="b"; c="d"', {"a": "b", "c": "d"}),
    ('a="%22"', {"a": '"'}),
    ('a="', {"a": '"'}),
    ('a=""b""', {"a": '"b"'}),
    ('a={"b":1}', {"a": '{"b":1}'}),
    ("a==b=", {"a": "=b="}),
    ("a=1; A=2", {"a": "1", "A": "2"}),
    ("a=1; b=2; a=3", {"a": "3", "b": "2"}),
    ("a=1; a=%zz", {"a": "1"}),
    ("a=1; a=x,y", {"a": "1"}),
    ("a=%C3%BC", {"a": "ü"}),
    ("a=%FF", {"a": "\ufffd"}),
    ("%61=1", {"%61": "1"}),
    ("!#$%&'*+-.^_`|~=1", {"!#$%&'*+-.^_`|~": "1"}),
    ("a b=1; b/c=2; (d)=3", {}),
    ("a=b c; d=e", {"d": "e"}),
    ("a=b\\c; d=e", {"d": "e"}),
]


@pytest.mark.parametrize(("header", "cookies"), READ)
def test_a_cookie_header_is_read(header: str, cookies: dict[str, str]) -> None:
    assert parse_cookies(header) == cookies


@pytest.mark.parametrize(("header", "cookies"), READ)
def test_a_cookie_is_found_where_it_would_be_read(header: str, cookies: dict[str, str]) -> None:
    names = {*cookies, "a", "b"}
    assert {name: find_cookie(header, name)[-1:] for name in names} == {
        name: [cookies[name]] if name in cookies else [] for name in names
    }


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("a=1", ["1"]),
        ("a=1; a=1", ["1"]),
        ("a=1; a=%31", ["1"]),
        ('a=1; a="1"; a= 1', ["1"]),
        ("a=1; a=2; a=1", ["1", "2"]),
        ("a=1; a=%zz; a=x,y", ["1"]),
        ("b=a; ba=1; ab=2; a", []),
        ("b=a=1; b a=1", []),
        (f"{'b=x; ' * 50}a=1; a=2", ["1", "2"]),
    ],
)
def test_the_different_values_of_one_cookie_are_found(header: str, values: list[str]) -> None:
    assert find_cookie(header, "a") == values


def test_a_name_is_no_pattern() -> None:
    assert find_cookie("axb=1; a.b=2; aab=3", "a.b") == ["2"]
    assert find_cookie("a+b=1; aab=2", "a+b") == ["1"]


@pytest.mark.parametrize("name", ["", " ", "a b", "a=", "a;", "=", "ä", "a\n"])
def test_a_name_that_is_no_token_is_not_found(name: str) -> None:
    assert find_cookie(f"a=1; a b=2; {name}=3; a==4; ={name}=5", name) == []


@given(st.text(st.characters(max_codepoint=0xFF)) | st.text(st.characters(exclude_categories=())))
@example("a=\ud800; \ud800=a")
@example("a=%ED%A0; %=%")
def test_no_header_makes_reading_raise(header: str) -> None:
    for name, value in parse_cookies(header).items():
        assert value in find_cookie(header, name)


HEADERS = st.lists(
    st.sampled_from(
        ["a", "ab", "id", "=", "=", ";", ";", " ", "\t", '"', "%61", "%", "+", ",", "\\", "\xa0"]
    )
).map("".join)


@given(HEADERS, st.sampled_from(["a", "ab", "id", "%61", ""]))
def test_a_cookie_has_the_values_that_each_part_alone_gives_it(header: str, name: str) -> None:
    alone = [parse_cookies(part).get(name) for part in header.split(";")]
    values = [value for value in alone if value is not None]
    assert find_cookie(header, name) == list(dict.fromkeys(values))
    assert parse_cookies(header).get(name) == (values[-1] if values else None)


@given(HEADERS)
def test_many_cookies_are_read_as_few_are(header: str) -> None:
    many = "x=;" * 150 + header
    assert parse_cookies(many) == {"x": ""} | parse_cookies(header)
    assert find_cookie(many, "a") == find_cookie(header, "a")


@pytest.mark.parametrize("header", ["", ";;; ,", ";", ",", " ", "; ; "])
def test_attack_01_an_empty_header_has_no_cookies(header: str) -> None:
    assert parse_cookies(header) == {}
    assert find_cookie(header, "id") == []


def test_attack_02_only_200_cookies_are_read() -> None:
    pairs = [f"c{n}=" for n in range(10_000)]
    header = "; ".join(pairs)
    assert list(parse_cookies(header)) == [f"c{n}" for n in range(200)]
    assert find_cookie(header, "c199") == [""]
    assert find_cookie(header, "c200") == []


@pytest.mark.parametrize(
    ("length", "cookies"), [(16_384, ["a", "b"]), (16_385, ["a"]), (65_536, ["a"])]
)
def test_attack_02_only_16_kib_are_read_and_no_cookie_is_cut(
    length: int, cookies: list[str]
) -> None:
    header = "a=1; b=".ljust(length, "x")
    assert list(parse_cookies(header)) == cookies
    assert bool(find_cookie(header, "b")) == ("b" in cookies)
    assert parse_cookies("x" * length) == {}


@pytest.mark.parametrize(
    ("header", "cookies"),
    [
        ("a", {}),
        ("=v", {}),
        ("a=", {"a": ""}),
        ("a==b", {"a": "=b"}),
        (";a=1;", {"a": "1"}),
        ("a=1;;b=2", {"a": "1", "b": "2"}),
        ("=; =;=v", {}),
    ],
)
def test_attack_03_half_a_cookie_is_left_out(header: str, cookies: dict[str, str]) -> None:
    assert parse_cookies(header) == cookies


@pytest.mark.parametrize("control", CONTROLS)
def test_attack_04_a_control_character_drops_its_cookie(control: str) -> None:
    assert parse_cookies(f"a=x{control}y; b{control}c=1; d=2") == {"d": "2"}
    assert find_cookie(f"a=x{control}y; a{control}a=1; a=2", "a") == ["2"]


@pytest.mark.parametrize(
    "octets", ["\xff", "\xc3\x28", "ü", "\xed\xa0\x80", "\ud800", "世", "\x80"]
)
def test_attack_05_an_octet_outside_ascii_drops_its_cookie(octets: str) -> None:
    assert parse_cookies(f"a=x{octets}; b{octets}=1; c=2") == {"c": "2"}


@pytest.mark.parametrize(
    ("value", "decoded"),
    [
        ("%ZZ", None),
        ("%", None),
        ("%E0%A4", "\ufffd"),
        ("%2525", "%25"),
        ("%25" * 4096, "%" * 4096),
        ("%3B%20id%3Devil", "; id=evil"),
    ],
)
def test_attack_06_a_value_is_decoded_once_or_dropped(value: str, decoded: str | None) -> None:
    assert parse_cookies(f"a={value}").get("a") == decoded


def test_attack_07_a_plus_is_a_blank() -> None:
    assert parse_cookies("a=a+b") == {"a": "a b"}
    assert find_cookie("a=a+b", "a") == ["a b"]


@pytest.mark.parametrize(
    "start", ["\xa0", "\x85", "\x0b", "\x0c", "\x1c", "\x1f", "\x00", "\xe2\x80\x80", "\u2000"]
)
def test_attack_08_only_sp_and_htab_are_blank(start: str) -> None:
    header = f"__Host-id=good; {start}__Host-id=evil; __Host-id{start}=evil"
    header += f"; __Host-id={start}evil; __Host-id=evil{start}"
    assert parse_cookies(header) == {"__Host-id": "good"}
    assert find_cookie(header, "__Host-id") == ["good"]


@pytest.mark.parametrize(
    "part",
    [
        pytest.param("__host-id=evil", id="attack_09_case"),
        pytest.param("%5F%5FHost-id=evil", id="attack_10_percent"),
        pytest.param("=__Host-id=evil", id="attack_11_no_name"),
        pytest.param("__Host-id", id="attack_11_no_value"),
        pytest.param('"__Host-id"=evil', id="attack_13_quotes"),
        pytest.param("a=x,__Host-id=evil", id="attack_16_comma"),
        pytest.param("a=x, __Host-id=evil", id="attack_16_joined_fields"),
        pytest.param("x y __Host-id=evil", id="junk"),
        pytest.param("x:__Host-id=evil", id="colon"),
    ],
)
def test_a_sibling_cookie_cannot_forge_another_cookie(part: str) -> None:
    for header in (part, f"{part}; b=1", f"b=1; {part}"):
        assert "__Host-id" not in parse_cookies(header)
        assert find_cookie(header, "__Host-id") == []
        assert find_cookie(f"__Host-id=good; {header}", "__Host-id") == ["good"]


def test_attack_12_both_values_of_a_tossed_cookie_are_found() -> None:
    assert find_cookie("id=A; id=B", "id") == ["A", "B"]


@pytest.mark.parametrize(
    ("header", "cookies"),
    [
        pytest.param(
            '$Version=1; id="x; y=z"; $Path=/',
            {"$Version": "1", "id": '"x', "y": 'z"', "$Path": "/"},
            id="attack_13_rfc_2109",
        ),
        pytest.param(
            'a="1; id=REAL; b=2"', {"a": '"1', "id": "REAL", "b": '2"'}, id="attack_14_sandwich"
        ),
        pytest.param(r'id="\101\102"; b=1', {"b": "1"}, id="attack_15_octal_escapes"),
        pytest.param("a=1,b=2; c=3", {"c": "3"}, id="attack_16_comma"),
    ],
)
def test_quotes_group_nothing_and_commas_separate_nothing(
    header: str, cookies: dict[str, str]
) -> None:
    assert parse_cookies(header) == cookies
