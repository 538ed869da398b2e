"""The codec: every type comes back exactly or is refused by path, and no text makes it fail in any
other way.

Owns the claims about records. Knows no store and no request.
"""

from __future__ import annotations

import enum
import json
import os
import pickle
import struct
import subprocess
import sys
import time as clock
import uuid
import zoneinfo
from collections import OrderedDict, UserString, defaultdict, deque, namedtuple
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from ringsession import codec
from ringsession.codec import json_text
from ringsession.codec import CorruptRecord, UnknownVersion

# A zone of one type, one hour east and without a transition: a machine need not have a time zone
# database.
ZONE_FILE = (
    b"TZif"
    + bytes(16)
    + struct.pack(">6l", 0, 0, 0, 0, 1, 4)
    + struct.pack(">lbB", 3600, 0, 0)
    + b"TST\0"
)
ZONE_KEYS = ("Test/Here", "Test/There")


@pytest.fixture(scope="module", autouse=True)
def zones(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("zones")
    for key in ZONE_KEYS:
        (root / key).parent.mkdir(exist_ok=True)
        (root / key).write_bytes(ZONE_FILE)
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath([root])
    yield root
    zoneinfo.reset_tzpath(before)


def exact(value: Any) -> str:
    """A text that two values share only if they are equal and of equal types, all the way down."""
    kind = type(value).__name__
    if isinstance(value, (list, tuple)):
        return f"{kind}[{','.join(map(exact, value))}]"
    if isinstance(value, (set, frozenset)):
        return f"{kind}[{','.join(sorted(map(exact, value)))}]"
    if isinstance(value, dict):
        return f"{kind}[{','.join(exact(key) + '=' + exact(item) for key, item in value.items())}]"
    if isinstance(value, (datetime, time)):
        zone = value.tzinfo
        shown = zone.key if isinstance(zone, ZoneInfo) else zone and zone.utcoffset(None)
        return f"{kind} {value.replace(tzinfo=None)!r} {type(zone).__name__} {shown!r}"
    return f"{kind} {value:x}" if kind == "int" else f"{kind} {value!r}"


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


BERLIN_WINTER = timezone(timedelta(hours=1))
ODD_OFFSET = timezone(-timedelta(hours=5, minutes=30, seconds=15, microseconds=7))

# A value, and its text.
VALUES: list[tuple[Any, str]] = [
    (None, "null"),
    (True, "true"),
    (False, "false"),
    (0, "0"),
    (-7, "-7"),
    (2**63 - 1, "9223372036854775807"),
    (-(2**63), "-9223372036854775808"),
    (2**63, '{"~i":"8000000000000000"}'),
    (-(2**63) - 1, '{"~i":"-8000000000000001"}'),
    (0.0, "0.0"),
    (-0.0, "-0.0"),
    (1.0, "1.0"),
    (0.1, "0.1"),
    (5e-324, "5e-324"),
    (float("inf"), "Infinity"),
    (float("-inf"), "-Infinity"),
    (float("nan"), "NaN"),
    ("", '""'),
    ("ann", '"ann"'),
    ('a"\\\n\0\x7f', '"a\\"\\\\\\n\\u0000\x7f"'),
    ("häß 😀", '"häß 😀"'),
    ("~t", '"~t"'),
    ("\ud800", '{"~s":"eda080"}'),
    ("\ud83d\ude00", '{"~s":"eda0bdedb880"}'),
    (b"", '{"~b":""}'),
    (b"\x00\xff", '{"~b":"AP8="}'),
    ([], "[]"),
    ([1, [2.0, None]], "[1,[2.0,null]]"),
    ((), '{"~t":[]}'),
    ((1, ("a",)), '{"~t":[1,{"~t":["a"]}]}'),
    (set(), '{"~e":[]}'),
    ({3, 1, "b", None, (2,)}, '{"~e":["b",1,3,null,{"~t":[2]}]}'),
    (frozenset((frozenset((1,)),)), '{"~f":[{"~f":[1]}]}'),
    ({}, "{}"),
    ({"b": 1, "a": {"c": 2}}, '{"b":1,"a":{"c":2}}'),
    ({"~t": [1]}, '{"~~t":[1]}'),
    ({"~~t": 1, "~": 2}, '{"~~~t":1,"~~":2}'),
    ({"~sff": 1}, '{"~~sff":1}'),
    ({"\ud800": 1}, '{"~seda080":1}'),
    ({"~\ud800": 1}, '{"~s7e7eeda080":1}'),
    ({"ä": 1}, '{"ä":1}'),
    ({1: "a", "1": "b"}, '{"~m":[[1,"a"],["1","b"]]}'),
    ({None: 1, True: 2, 2.5: 3}, '{"~m":[[null,1],[true,2],[2.5,3]]}'),
    ({(1, b"k"): {0: 1}}, '{"~m":[[{"~t":[1,{"~b":"aw=="}]},{"~m":[[0,1]]}]]}'),
    ({frozenset("a"): 1}, '{"~m":[[{"~f":["a"]},1]]}'),
    ({date(2020, 2, 29): 1}, '{"~m":[[{"~a":"2020-02-29"},1]]}'),
    ({Markup("k"): 1}, '{"~m":[[{"~x":"k"},1]]}'),
    (datetime(2026, 10, 25, 2, 30), '{"~d":"2026-10-25T02:30:00"}'),
    (datetime(1, 1, 1, 0, 0, 0, 7, fold=1), '{"~d":["0001-01-01T00:00:00.000007",1]}'),
    (datetime(2020, 1, 1, tzinfo=timezone.utc), '{"~d":"2020-01-01T00:00:00+00:00"}'),
    (datetime(2020, 1, 1, tzinfo=ODD_OFFSET), '{"~d":"2020-01-01T00:00:00-05:30:15.000007"}'),
    (
        datetime(2020, 1, 1, tzinfo=BERLIN_WINTER, fold=1),
        '{"~d":["2020-01-01T00:00:00+01:00",1]}',
    ),
    (date(9999, 12, 31), '{"~a":"9999-12-31"}'),
    (time(23, 59, 59, 999999), '{"~h":"23:59:59.999999"}'),
    (time(1, fold=1), '{"~h":["01:00:00",1]}'),
    (time(1, tzinfo=BERLIN_WINTER), '{"~h":"01:00:00+01:00"}'),
    (timedelta(-1, 5, 7), '{"~l":[-1,5,7]}'),
    (timedelta.max, '{"~l":[999999999,86399,999999]}'),
    (Decimal("1.50"), '{"~n":"1.50"}'),
    (Decimal("-0E+7"), '{"~n":"-0E+7"}'),
    (Decimal("-NaN12"), '{"~n":"-NaN12"}'),
    (Decimal("sNaN"), '{"~n":"sNaN"}'),
    (Decimal("-Infinity"), '{"~n":"-Infinity"}'),
    (uuid.UUID(int=5), '{"~u":"00000000000000000000000000000005"}'),
    (Markup("<b>&amp;</b>"), '{"~x":"<b>&amp;</b>"}'),
    (Markup("\ud800"), '{"~x":{"~s":"eda080"}}'),
]
GOOD_RECORD = codec.encode({f"k{index}": value for index, (value, _) in enumerate(VALUES)})


@pytest.mark.parametrize(("value", "text"), VALUES)
def test_a_value_has_one_text_and_comes_back_exactly(value: Any, text: str) -> None:
    assert codec.encode_value(value, "session") == text
    assert exact(codec.decode_value(text)) == exact(value)
    assert codec.encode({"k": value}) == '1{"k":' + text + "}"
    assert exact(codec.decode('1{"k":' + text + "}")) == exact({"k": value})


@pytest.mark.parametrize(
    ("value", "tag"), [(datetime(2020, 1, 1), "~d"), (time(2), "~h")], ids=["datetime", "time"]
)
def test_a_named_zone_comes_back_by_its_key(value: Any, tag: str) -> None:
    moment = value.replace(tzinfo=ZoneInfo("Test/Here"), fold=1)
    text = '{"%s":["%s",1,"Test/Here"]}' % (tag, value.isoformat())
    assert codec.encode_value(moment, "session") == text
    assert exact(codec.decode_value(text)) == exact(moment)


def test_two_nans_in_one_set_stay_two() -> None:
    assert len(codec.decode(codec.encode({"k": {float("nan"), float("nan")}}))["k"]) == 2


offsets = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(timezone)
zones_of_all_kinds = st.none() | st.just(timezone.utc) | offsets
named_zones = st.sampled_from(ZONE_KEYS).map(ZoneInfo)
texts = st.text(st.characters(exclude_categories=())) | st.sampled_from(
    ["~", "~t", "~~s", "~seda080"]
)
leaves = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), texts, st.binary()),
    *(st.dates(), st.timedeltas(), st.decimals(), st.uuids(), texts.map(Markup)),
    st.integers(-(2**70), 2**70),
    st.builds(
        lambda moment, zone, fold: moment.replace(tzinfo=zone, fold=fold),
        st.datetimes(),
        zones_of_all_kinds | named_zones,
        st.integers(0, 1),
    ),
    st.builds(
        lambda moment, zone, fold: moment.replace(tzinfo=zone, fold=fold),
        st.times(),
        zones_of_all_kinds,
        st.integers(0, 1),
    ),
)
hashables = st.recursive(
    leaves.filter(lambda value: not (isinstance(value, Decimal) and value.is_snan())),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=4,
)
values = st.recursive(
    leaves | hashables,
    lambda inner: st.lists(inner, max_size=3)
    | st.tuples(inner, inner)
    | st.sets(hashables, max_size=3)
    | st.dictionaries(texts, inner, max_size=3)
    | st.dictionaries(hashables, inner, max_size=3),
    max_leaves=8,
)
sessions = st.dictionaries(texts, values, max_size=4)


@given(sessions)
def test_any_session_comes_back_exactly(data: dict[str, Any]) -> None:
    record = codec.encode(data)
    assert exact(codec.decode(record)) == exact(data)
    assert codec.encode(codec.decode(record)) == record
    record.encode()  # UTF-8 holds every record, whatever surrogates were in the session


@given(sessions)
def test_the_text_of_a_key_is_the_text_of_its_value(data: dict[str, Any]) -> None:
    record = codec.encode(data)
    for key, value in data.items():
        assert codec.value_text(record, key) == codec.encode_value(value, "session")


def test_an_absent_key_has_no_text() -> None:
    assert codec.value_text('1{"a":null}', "b") is None


@given(sessions, sessions, st.lists(texts, max_size=2), st.data())
def test_merging_is_decoding_changing_and_encoding(
    data: dict[str, Any], changes: dict[str, Any], strangers: list[str], draw: st.DataObject
) -> None:
    removed = strangers + [key for key in data if draw.draw(st.booleans())]
    changed = {key: codec.encode_value(value, "session") for key, value in changes.items()}
    kept = {key: value for key, value in data.items() if key not in removed}
    merged = codec.merge(codec.encode(data), changed, removed)
    assert merged == codec.encode(kept | changes)


def test_merging_keeps_a_key_in_its_place_and_puts_new_ones_last() -> None:
    assert codec.merge('1{"a":1,"b":2,"c":3}', {"b": "[0]", "d": "4"}, ["a"]) == (
        '1{"b":[0],"c":3,"d":4}'
    )


@given(sessions, sessions)
def test_a_difference_is_what_to_merge(before: dict[str, Any], after: dict[str, Any]) -> None:
    changed, removed = codec.difference(codec.encode(before), codec.encode(after))
    assert removed == before.keys() - after.keys()
    merged = codec.decode(codec.merge(codec.encode(before), changed, removed))
    assert {key: exact(value) for key, value in merged.items()} == {
        key: exact(value) for key, value in after.items()
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (1, True),
        (1, 1.0),
        (0.0, -0.0),
        ((), []),
        ("a", b"a"),
        ({1}, frozenset({1})),
        ([1, 2], [2, 1]),
    ]
    + [({"a": 1, "b": 2}, {"b": 2, "a": 1}), (datetime(1, 1, 1), datetime(1, 1, 1, fold=1))],
)
def test_values_that_python_may_call_equal_still_differ(before: Any, after: Any) -> None:
    text = codec.encode_value(after, "session")
    same = (codec.encode({"k": before, "l": 1}), codec.encode({"k": after, "l": 1}))
    assert codec.difference(*same) == ({"k": text}, set())


def test_what_is_equal_makes_no_difference() -> None:
    nan = float("nan")
    assert codec.difference(
        codec.encode({"a": nan, "b": {1, 2}}), '1{"b":{"~e":[1,2]},"a":NaN}'
    ) == (
        {},
        set(),
    )


def test_equal_sets_have_equal_text_in_every_process() -> None:
    program = (
        "from ringsession.codec import encode\n"
        "print(encode({'k': {*'abcdefgh', b'x', (1, 'y'), frozenset('zyxw')}}))"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in "0123"
    }
    assert len(printed) == 1


def test_a_session_need_not_be_a_dict() -> None:
    assert codec.encode(MappingProxyType({"b": 1, "a": (2,)})) == '1{"b":1,"a":{"~t":[2]}}'


def test_a_later_change_of_the_same_object_is_in_the_next_text() -> None:
    data: dict[str, Any] = {"cart": [1]}
    assert codec.encode(data) == '1{"cart":[1]}'
    data["cart"].append(2)
    assert codec.encode(data) == '1{"cart":[1,2]}'


@pytest.mark.parametrize(
    ("record", "plain"),
    [
        ('1{"a":"x"}', True),
        ('1{"~~a":1}', False),
        ('1{"a":{"~t":[]}}', False),
        ('1{"a":"b~"}', True),
    ],
)
def test_a_plain_record_holds_neither_tags_nor_escaped_keys(record: str, plain: bool) -> None:
    assert codec.is_plain_record(record) is plain


class Colour(enum.IntEnum):
    RED = 1


class Color(enum.Enum):
    RED = 1


class Role(str, enum.Enum):
    ADMIN = "admin"


class Name(str):
    pass


class Bold(Markup):
    pass


class Weight(float):
    pass


class Roles(set[str]):
    pass


class Moment(datetime):
    pass


class Elsewhere(tzinfo):
    def utcoffset(self, when: datetime | None) -> timedelta:
        return timedelta(0)


Point = namedtuple("Point", "x y")


def unknown(kind: str, example: str = "") -> str:
    example = example and f", such as {example}"
    return (
        f" is an object of type '{kind}', which cannot be stored. Convert it to a str, number,"
        f" list, dict, datetime or another supported type first{example} (see"
        ' "What a session can hold")'
    )


def subclass(kind: str, base: str, instead: str) -> str:
    return (
        f" is an object of type '{kind}', which cannot be stored: it would come back as {base}."
        f" Store {instead} instead"
    )


def unknown_zone(kind: str) -> str:
    return (
        f" has a time zone of type '{kind}', which cannot be stored. Use datetime.timezone, or a"
        " zoneinfo.ZoneInfo that was made from a key"
    )


PLACE = 'session["k"]'
TOO_DEEP = "is nested more than 100 levels deep, or contains itself"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (object(), PLACE + unknown("object")),
        (Colour.RED, PLACE + subclass("Colour", "int", "value.value")),
        (Role.ADMIN, PLACE + subclass("Role", "str", "value.value")),
        (Name("secret"), PLACE + subclass("Name", "str", "str(value)")),
        (Bold("secret"), PLACE + subclass("Bold", "Markup", "Markup(value)")),
        (Point(1, 2), PLACE + subclass("Point", "tuple", "tuple(value)")),
        (defaultdict(int), PLACE + subclass("defaultdict", "dict", "dict(value)")),
        (OrderedDict(), PLACE + subclass("OrderedDict", "dict", "dict(value)")),
        (Weight(1), PLACE + subclass("Weight", "float", "float(value)")),
        ([Roles()], PLACE + "[0]" + subclass("Roles", "set", "set(value)")),
        (Color.RED, PLACE + unknown("Color", "value.value for a member of an Enum")),
        (UserString("secret"), PLACE + unknown("UserString", "str(value) for a lazy string")),
        (Moment(2020, 1, 1), PLACE + unknown("Moment")),
        (bytearray(b"secret"), PLACE + unknown("bytearray")),
        (1j, PLACE + unknown("complex")),
        ([0, 1, {"secret": deque()}], 'session["k"][2]["secret"]' + unknown("deque")),
        ({"a": [(1, {object()})]}, 'session["k"]["a"][0][1][0]' + unknown("object")),
        ({Colour.RED: 1}, 'session["k"][Colour]' + subclass("Colour", "int", "value.value")),
        ({Name("n"): 1}, 'session["k"]["n"]' + subclass("Name", "str", "str(value)")),
        ({5: {True: object()}}, 'session["k"][5][bool]' + unknown("object")),
        ({b"secret": {10**9: range(1)}}, 'session["k"][bytes][int]' + unknown("range")),
        (
            {"\n\x1b\u2028é": 1j},
            'session["k"]["\\n\\u001b\\u2028\\u00e9"]' + unknown("complex"),
        ),
        ({"x" * 41: 1j}, f'session["k"]["{"x" * 40}"]' + unknown("complex")),
        (datetime(1, 1, 1, tzinfo=Elsewhere()), PLACE + unknown_zone("Elsewhere")),
        (time(1, tzinfo=Elsewhere()), PLACE + unknown_zone("Elsewhere")),
        (
            datetime(1, 1, 1, tzinfo=ZoneInfo.from_file(BytesIO(ZONE_FILE))),
            PLACE + unknown_zone("ZoneInfo"),
        ),
    ],
)
def test_what_would_not_come_back_is_refused_by_path_and_type_alone(
    value: Any, message: str
) -> None:
    with pytest.raises(TypeError) as encoding:
        codec.encode({"ok": 1, "k": value})
    assert str(encoding.value) == message
    with pytest.raises(TypeError) as encoding_one:
        codec.encode_value(value, PLACE)
    assert str(encoding_one.value) == message


@pytest.mark.parametrize("key", [1, None, b"k", ("k",), Name("k"), Markup("k")])
def test_the_keys_of_a_session_are_str(key: Any) -> None:
    with pytest.raises(TypeError) as error:
        codec.encode({"ok": 1, key: 2})
    assert str(error.value) == f"session key: expected str, got {type(key).__name__}"


READERS: tuple[Callable[[str], object], ...] = (
    codec.decode,
    lambda record: codec.merge(record, {}, ()),
    lambda record: codec.value_text(record, "k"),
)
NO_RECORD = "record: expected a version and a JSON object"
NO_VALUES = "record: expected values that encode() wrote"


@pytest.mark.parametrize("record", ["2{}", "0{}", "9", "a{}", "Z secret"])
def test_another_ascii_digit_or_letter_in_front_is_another_version(record: str) -> None:
    for read in READERS:
        with pytest.raises(UnknownVersion) as error:
            read(record)
        assert str(error.value) == "record: expected version 1, got another"


@pytest.mark.parametrize(
    "record",
    [
        "",
        "1",
        "{}",
        "1[]",
        "1null",
        "1{",
        "1 {}",
        "1{} ",
        "1{}{}",
        "11",
        "\u0661{}",
        "é{}",
        "\0",
        '1{"a":}',
    ]
    + ["1{'a':1}", '1{"a":1,}', '1{"a":01}', "1{a:1}", '1{"a\n":1}', '1{"a":' + "[" * 100_000],
    ids=range(20),
)
def test_what_is_no_record_is_corrupt(record: str) -> None:
    for read in READERS:
        with pytest.raises(CorruptRecord) as error:
            read(record)
        assert str(error.value) == NO_RECORD


@pytest.mark.parametrize(
    "text",
    [
        *(
            '{"~i":5}',
            '{"~i":"x"}',
            '{"~b":5}',
            '{"~b":"a"}',
            '{"~b":"a*=="}',
            '{"~s":"f"}',
            '{"~s":[]}',
        ),
        *(
            '{"~t":5}',
            '{"~e":[[]]}',
            '{"~e":{"~t":[{}]}}',
            '{"~f":null}',
            '{"~m":[1]}',
            '{"~m":[[[],1]]}',
        ),
        *(
            '{"~d":"secret"}',
            '{"~d":5}',
            '{"~d":"2020-13-01"}',
            '{"~d":["2020-01-01",2]}',
            '{"~d":[]}',
        ),
        *('{"~d":["2020-01-01",0,"No/Where"]}', '{"~d":["2020-01-01",0,"../x"]}', '{"~h":"25:00"}'),
        *(
            '{"~d":["2020-01-01",0,5]}',
            '{"~a":"2020-02-30"}',
            '{"~a":1}',
            '{"~l":[1e300]}',
            '{"~l":["a"]}',
        ),
        *(
            '{"~n":"1e99999999999999999999"}',
            '{"~n":"secret"}',
            '{"~u":5}',
            '{"~u":[]}',
            '{"~u":"secret"}',
        ),
        *('{"~q":1}', '{"~t":[1],"x":2}', '{"~szz":1,"b":2}', '{"~":1}'),
    ],
)
def test_a_tag_that_nobody_wrote_is_corrupt(text: str) -> None:
    with pytest.raises(CorruptRecord) as error:
        codec.decode('1{"k":' + text + "}")
    assert str(error.value) == NO_VALUES
    with pytest.raises(CorruptRecord) as error:
        codec.decode_value(text)
    assert str(error.value) == "value: expected a text that encode_value() wrote"


@pytest.mark.parametrize("record", ['1{"~t":[1]}', '1{"~szz":1}'])
def test_a_tag_in_place_of_a_sessions_key_is_corrupt(record: str) -> None:
    with pytest.raises(CorruptRecord) as error:
        codec.decode(record)
    assert str(error.value) == NO_VALUES


def test_a_zone_that_is_a_folder_is_corrupt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("tzdata", "tzdata/zoneinfo", "tzdata/zoneinfo/Folder"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "tzdata"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(CorruptRecord):
        codec.decode('1{"k":{"~d":["2020-01-01T00:00:00",0,"Folder"]}}')
    for name in [name for name in sys.modules if name.partition(".")[0] == "tzdata"]:
        monkeypatch.delitem(sys.modules, name)


def reads_or_refuses(record: str) -> None:
    """Whatever the text, the answer is a dict, or one of the two errors and nothing of the text in
    it.
    """
    try:
        assert type(codec.decode(record)) is dict
    except CorruptRecord as error:
        assert str(error) in (NO_RECORD, NO_VALUES)
    except UnknownVersion as error:
        assert str(error) == "record: expected version 1, got another"


@given(
    st.integers(0, len(GOOD_RECORD)),
    st.integers(0, 6),
    st.text('"~{}[]:,1e-\\utdhn\ud800é', max_size=6),
)
def test_a_good_record_changed_anywhere_is_read_or_refused(start: int, gone: int, put: str) -> None:
    reads_or_refuses(GOOD_RECORD[:start] + put + GOOD_RECORD[start + gone :])


tags = st.sampled_from(
    ["~s", "~i", "~t", "~e", "~f", "~m", "~b", "~d", "~h", "~a", "~l", "~n", "~u", "~x", "~~t"]
)
scraps = st.sampled_from(
    ['"00"', '"2020-01-01"', '"12:00"', '"NaN"', '"Test/Here"', "0", "1e999", "null", '""']
)
forgeries = st.recursive(
    scraps,
    lambda inner: st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]")
    | st.builds('{{"{}":{}}}'.format, tags, inner),
    max_leaves=6,
)


@given(forgeries)
def test_any_tag_on_any_value_is_read_or_refused(text: str) -> None:
    reads_or_refuses('1{"k":' + text + "}")


@given(st.text(max_size=30) | st.text().map("1{}".__add__) | st.text().map('1{"~'.__add__))
def test_any_text_is_read_or_refused(record: str) -> None:
    reads_or_refuses(record)


@pytest.mark.parametrize("size", [0, 1, 2, len(GOOD_RECORD) // 2, len(GOOD_RECORD) - 1])
def test_attack_31_a_truncated_record_is_corrupt(size: int) -> None:
    with pytest.raises(CorruptRecord):
        codec.decode(GOOD_RECORD[:size])


def test_attack_31_a_pickle_is_corrupt_and_never_loaded() -> None:
    record = pickle.dumps({"user": "ann"}, 4).decode("latin-1")
    with pytest.raises(CorruptRecord) as error:
        codec.decode(record)
    assert str(error.value) == NO_RECORD


def test_attack_31_a_foreign_codecs_record_is_kept_by_the_error_it_raises() -> None:
    with pytest.raises(UnknownVersion):
        codec.decode("2\x01\x02not json")
    assert not issubclass(UnknownVersion, CorruptRecord)


def test_attack_80_a_million_digits_are_written_and_read_in_a_moment() -> None:
    number = 1 << 3_400_000
    before = clock.process_time()
    assert codec.decode(codec.encode({"n": number, "m": {-number: 1}})) == {
        "n": number,
        "m": {-number: 1},
    }
    assert clock.process_time() - before < 2  # in decimal it takes minutes


def test_attack_80_a_million_digits_of_json_are_refused_unread() -> None:
    # Without Python's own limit, so that ours is what refuses.
    program = (
        "import time\n"
        "from ringsession.codec import CorruptRecord, decode\n"
        "before = time.process_time()\n"
        "try:\n    decode('1{\"n\":' + '1' * 1_000_000 + '}')\n"
        "except CorruptRecord:\n    print(time.process_time() - before < 1)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONINTMAXSTRDIGITS": "0", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        check=True,
        text=True,
    )
    assert run.stdout == "True\n"


def test_attack_80_an_int_of_json_has_at_most_4300_digits() -> None:
    assert codec.decode('1{"n":' + "1" * 4300 + "}") == {"n": int("1" * 4300)}
    with pytest.raises(CorruptRecord) as error:
        codec.decode('1{"n":' + "1" * 4301 + "}")
    assert str(error.value) == NO_RECORD


def test_attack_80_many_ints_in_a_long_record_are_read() -> None:
    data = {"n": list(range(5000)), "m": -(2**63)}
    assert exact(codec.decode(codec.encode(data))) == exact(data)


def test_attack_80_a_hundred_levels_are_kept_and_one_more_is_refused() -> None:
    assert codec.decode(codec.encode({"k": nested(100)})) == {"k": nested(100)}
    assert codec.decode_value(codec.encode_value(nested(100), "session")) == nested(100)
    for encode, steps in (
        (lambda v: codec.encode({"k": v}), 4),
        (lambda v: codec.encode_value(v, PLACE), 5),
    ):
        with pytest.raises(ValueError) as error:
            encode(nested(101))
        assert str(error.value) == f"{PLACE}{'[0]' * steps}...{'[0]' * 5} {TOO_DEEP}"


def cycle(container: Any) -> Any:
    if isinstance(container, Mapping):
        container["self"] = container  # type: ignore[index]
    else:
        container.append(container)
    return container


@pytest.mark.parametrize("container", [[], {}, {1: 1}], ids=["list", "dict", "dict with int keys"])
def test_attack_80_a_cycle_is_refused_with_the_beginning_of_its_path(container: Any) -> None:
    with pytest.raises(ValueError) as error:
        codec.encode({"k": cycle(container)})
    step = "[0]" if isinstance(container, list) else '["self"]'
    assert str(error.value) == (f"{PLACE}{step * 4}...{step * 5} {TOO_DEEP}")


def test_attack_80_a_cycle_with_many_ways_round_is_refused_at_once() -> None:
    # In a process of its own: walking every way round takes 2**100 steps.
    program = (
        "from ringsession.codec import encode\n"
        "parent = {}\n"
        "parent['children'] = [{'parent': parent}, {'parent': parent}]\n"
        "try:\n    encode({'tree': parent})\n"
        "except ValueError:\n    print('refused')\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        check=True,
        text=True,
        timeout=10,
    )
    assert run.stdout == "refused\n"


def test_attack_80_fifty_megabytes_come_back() -> None:
    text = "x" * 50_000_000
    assert codec.decode(codec.encode({"k": text}))["k"] == text


def test_attack_80_a_refusal_shows_no_content() -> None:
    with pytest.raises(TypeError) as error:
        codec.encode({"k": ["secret", {"a": ("secret", {b"secret": Name("secret")})}]})
    assert "secret" not in str(error.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_the_encoder_that_is_made_once_writes_what_json_writes(value: object) -> None:
    plain = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"))
    assert json_text.dump(value) == plain.encode(value)


def test_without_the_c_encoder_json_writes_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("json.encoder.c_make_encoder", None)
    dump = json_text.make_dump()
    assert dump({"a": [1, "ü", None]}) == json_text.dump({"a": [1, "ü", None]})
