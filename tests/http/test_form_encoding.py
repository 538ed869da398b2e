"""The characters of forms, as java.net.URLEncoder and URLDecoder write and read them."""

from __future__ import annotations

import pytest
from hypothesis import example, given, strategies as st

from ringsession.http.form_encoding import form_decode, form_encode


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("", ""),
        ("abc", "abc"),
        ("a b", "a+b"),
        ("AZaz09.*_-~!'()", "AZaz09.*_-%7E%21%27%28%29"),
        ("a~b", "a%7Eb"),
        ("%", "%25"),
        ("%C3%BC", "%25C3%25BC"),
        ("a=b&c=d", "a%3Db%26c%3Dd"),
        ("+/=", "%2B%2F%3D"),
        ("\n\t", "%0A%09"),
        ("x\r\nSet-Cookie: evil=1", "x%0D%0ASet-Cookie%3A+evil%3D1"),
        ("ü", "%C3%BC"),
        ("世", "%E4%B8%96"),
        ("\U0001f600", "%F0%9F%98%80"),
        ("x\ud800y", "x%3Fy"),
        ("a\n", "a%0A"),
    ],
)
def test_text_is_encoded_as_java_does(text: str, encoded: str) -> None:
    assert form_encode(text) == encoded


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        ("", ""),
        ("abc", "abc"),
        ("a+b", "a b"),
        ("a%20b", "a b"),
        ("a%2Bb", "a+b"),
        ("%41%7e%7E", "A~~"),
        ("%C3%BC", "ü"),
        ("%c3%bc", "ü"),
        ("%F0%9F%98%80", "\U0001f600"),
        ("%00", "\0"),
        ("%2541", "%41"),
        ("ü%C3%BC", "üü"),
    ],
)
def test_text_is_decoded_once(text: str, decoded: str) -> None:
    assert form_decode(text) == decoded


@pytest.mark.parametrize(
    "text", ["%", "%2", "%zz", "%4", "a%", "%41%", "%%41", "%4%41", "%-1", "%+1", "%u00fc"]
)
def test_a_percent_without_two_hexadecimal_digits_cannot_be_decoded(text: str) -> None:
    assert form_decode(text) is None


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        ("%FF", "\ufffd"),
        ("%C3", "\ufffd"),
        ("%C3a", "\ufffda"),
        ("%E4%B8", "\ufffd"),
        ("%C0%AF", "\ufffd\ufffd"),
        ("%E0%80%80", "\ufffd\ufffd\ufffd"),
        ("%F0%9F%98", "\ufffd"),
        ("%F4%90%80%80", "\ufffd\ufffd\ufffd\ufffd"),
        ("%F5%80", "\ufffd\ufffd"),
        # An encoded surrogate, whole and cut off, is one bad sequence.
        ("%ED%A0%80", "\ufffd"),
        ("%ED%A0%80%ED%B0%80", "\ufffd\ufffd"),
        ("%ED%BF%BF%80", "\ufffd\ufffd"),
        ("%ED%A0", "\ufffd"),
        ("%ED%A0a", "\ufffda"),
        ("%ED%A0%41", "\ufffdA"),
        ("%ED%ED%A0", "\ufffd\ufffd"),
    ],
)
def test_bad_utf_8_is_replaced_as_often_as_java_does(text: str, decoded: str) -> None:
    assert form_decode(text) == decoded


@given(st.text())
@example("a+b %C3~*")
def test_what_is_encoded_decodes_to_itself(text: str) -> None:
    assert form_decode(form_encode(text)) == text


@given(st.text(st.characters(exclude_categories=())))  # lone surrogates too
def test_what_is_encoded_is_ascii_without_a_separator(text: str) -> None:
    encoded = form_encode(text)
    assert encoded.isascii()
    assert not {*' \t\r\n;,=&"\\~'} & {*encoded}


@given(st.text(st.sampled_from("%+0aF \ud800ü;")))
def test_no_text_makes_decoding_raise(text: str) -> None:
    decoded = form_decode(text)
    assert decoded is None or len(decoded) <= len(text)
