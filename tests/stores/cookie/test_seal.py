"""RS2 and XAES-256-GCM: the vectors, the format byte by byte, and everything that must not open."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from hypothesis import given, strategies as st

from ringsession.stores.cookie import seal as _seal
from ringsession import cookie_store
from ringsession.stores.cookie.keys import check_key
from ringsession.stores.cookie.seal import Keyring, Opened, new_key, open_sealed, seal
from ringsession.stores.cookie.xaes import XAES256GCM
from tests.tracing import Client

NOW = 1_800_000_000_000  # unix milliseconds
KEY = "a key of 32 characters for tests"
NAME = "ring-session"
CONTENTS = Opened(
    remembered=True,
    sid=b"0123456789abcdef",
    created=NOW - 100_000,
    began=NOW - 90_000,
    confirmed=NOW - 80_000,
    sealed=NOW - 10_000,
    seen=NOW - 20_000,
    idle=1_800_000,
    absolute=86_400_000,
    payload=b'{"user":"ann"}',
)
RING = Keyring(KEY)
SEALED = seal(RING, NAME, CONTENTS)


def opened(text: str, *, ring: Keyring = RING, name: str = NAME, now: int = NOW) -> Opened | None:
    return open_sealed(ring, name, text, now=now)


def raw(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def text(blob: bytes) -> str:
    return urlsafe_b64encode(blob).rstrip(b"=").decode()


# -- XAES-256-GCM

NONCE = b"ABCDEFGHIJKLMNOPQRSTUVWX"
VECTORS = [
    (b"\x01", b"", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
    (
        b"\x03",
        b"c2sp.org/XAES-256-GCM",
        "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d",
    ),
]


@pytest.mark.parametrize(("key", "context", "sealed"), VECTORS)
def test_the_c2sp_vectors(key: bytes, context: bytes, sealed: str) -> None:
    cipher = XAES256GCM(key * 32)
    assert cipher.encrypt(NONCE, b"XAES-256-GCM", context).hex() == sealed
    assert cipher.decrypt(NONCE, bytes.fromhex(sealed), context) == b"XAES-256-GCM"
    assert cipher.decrypt(NONCE, bytes.fromhex(sealed), context + b"x") is None


def test_the_c2sp_accumulated_vectors() -> None:
    # hashlib's SHAKE has no incremental reading, so all that 10,000 rounds can need is taken at
    # once.
    stream = memoryview(hashlib.shake_128(b"").digest(10_000 * (32 + 24 + 2 + 510)))
    place = 0

    def read(size: int) -> bytes:
        nonlocal place
        place += size
        return bytes(stream[place - size : place])

    total = hashlib.shake_128()
    for _ in range(10_000):
        key, nonce = read(32), read(24)
        plaintext = read(read(1)[0])
        context = read(read(1)[0])
        cipher = XAES256GCM(key)
        sealed = cipher.encrypt(nonce, plaintext, context)
        assert cipher.decrypt(nonce, sealed, context) == plaintext
        total.update(sealed)
    expected = "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939"
    assert total.hexdigest(32) == expected


# -- the format, written a second time from its table


def expand(prk: bytes, info: bytes, length: int) -> bytes:
    return hmac.digest(prk, info + b"\x01", "sha256")[:length]  # RFC 5869 section 2.3, one block


def aes(key: bytes, block: bytes) -> bytes:
    return Cipher(AES(key), ECB()).encryptor().update(block)


def xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def rs2(secret: bytes, name: str, plaintext: bytes, nonce: bytes, **changed: Any) -> str:
    """A sealed text with any plaintext, by the table alone."""
    prk = hmac.digest(b"ringsession.v1", secret, "sha256")
    key = expand(prk, b"cookie|XAES-256-GCM", 32)
    double = int.from_bytes(aes(key, bytes(16)), "big") << 1
    subkey = (double ^ (0x87 if double >> 128 else 0)).to_bytes(17, "big")[1:]
    derived = b"".join(aes(key, xor(bytes([0, i, 0x58, 0]) + nonce[:12], subkey)) for i in (1, 2))
    head = changed.get("version", b"\x02") + expand(prk, b"kid", 4)
    purpose = changed.get("purpose", "session")
    context = b"ringsession.cookie\0" + head
    for part in (name.encode(), purpose.encode()):
        context += len(part).to_bytes(2, "big") + part
    return text(head + nonce + AESGCM(derived).encrypt(nonce[12:], plaintext, context))


def plain(**changed: Any) -> bytes:
    """A plaintext by the table, with fields changed."""
    fields = {
        "flags": b"\x01",
        "sid": CONTENTS.sid,
        "created": (NOW - 100_000).to_bytes(6, "big"),
        "began": (NOW - 90_000).to_bytes(6, "big"),
        "confirmed": (NOW - 80_000).to_bytes(6, "big"),
        "sealed": (NOW - 10_000).to_bytes(6, "big"),
        "seen": (NOW - 20_000).to_bytes(6, "big"),
        "idle": (1_800_000).to_bytes(6, "big"),
        "absolute": (86_400_000).to_bytes(6, "big"),
        "codec": b"\x01",
        "payload": CONTENTS.payload,
        "padding": None,
    } | changed
    padding = fields.pop("padding")
    body = b"".join(fields.values())
    if padding is None:
        padding = b"\x80" + bytes(-(len(body) + 1) % 32)
    return body + padding


def test_a_text_made_by_the_table_opens() -> None:
    assert opened(rs2(KEY.encode(), NAME, plain(), bytes(24))) == CONTENTS


# What a server of this release sends, recorded once: another release must open it and seal the
# same.
RECORDED = [
    (
        CONTENTS,
        b"ABCDEFGHIJKLMNOPQRSTUVWX",
        "AuGJbrtBQkNERUZHSElKS0xNTk9QUVJTVFVWV1j_FViB-r8rbBFr89LV0d5DuMp9z1Q61pbYEmEaWCXJ"
        "g8AxXXC7e_4rwoCyfqFFIwnYh1FrQ-dnNs289sm_AgEbN4LfQ7YNUltjsL5EyrLn2tcOxTcMwVuyY07T"
        "4V4U7u4xx5Dry_yL1DIKl22qbYOX",
    ),
    (
        Opened(False, bytes(range(16)), 0, 0, 0, NOW, NOW, 0, 0, b"{}"),
        bytes(24),
        "AuGJbrsAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABYUJjhwiG2_uzAyonAiEVC8KnjQsZXG3Lvskr0ZZKA"
        "eYEsOKcSvvHkVsMw7KiEYOSBItYtbeK4rFwTQYwzzIeWIpNB7Ypq0epdSk9r2Lseyw",
    ),
    (
        Opened(True, b"\xff" * 16, *[(1 << 48) - 1] * 7, '{"name":"Zo\u00eb"}'.encode()),
        b"\xff" * 24,
        "AuGJbrv_______________________________-KU2zCg7Nx0yTkcSQMuzgddV8nUSavRzAC0M-j_XUc"
        "TwrX0Wt-B_niGJmSbWJhtg5VF_SWtMfy5MKN2IqyXX_rrW6JQnrJ-1O82woMUkIW-jYOvULgNBVaQ_bp"
        "yCBmncwFxy3m1quLI48YmB-Q2USv",
    ),
]


@pytest.mark.parametrize(("contents", "nonce", "sealed"), RECORDED, ids=["all", "none", "most"])
def test_a_recorded_text_is_sealed_and_opened_the_same(
    contents: Opened, nonce: bytes, sealed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert opened(sealed, now=contents.sealed) == contents
    monkeypatch.setattr(XAES256GCM, "new_nonce", lambda cipher: nonce)
    assert seal(RING, NAME, contents) == sealed


def test_the_first_recorded_text_is_what_the_table_makes() -> None:
    contents, nonce, sealed = RECORDED[0]
    assert contents == CONTENTS
    assert sealed == rs2(KEY.encode(), NAME, plain(), nonce)


def test_a_sealed_text_is_what_the_table_makes_of_its_nonce() -> None:
    nonce = raw(SEALED)[5:29]
    assert SEALED == rs2(KEY.encode(), NAME, plain(), nonce)


@pytest.mark.parametrize(("size", "characters"), [(0, 146), (500, 828), (1000, 1511), (2000, 2834)])
def test_a_payload_costs_what_the_format_says(size: int, characters: int) -> None:
    sealed = seal(RING, NAME, CONTENTS._replace(payload=b"x" * size))
    assert characters - 43 <= len(sealed) <= characters + 43


@given(st.binary(max_size=300), st.binary(min_size=16, max_size=16), st.text(max_size=20))
def test_every_payload_comes_back(payload: bytes, sid: bytes, name: str) -> None:
    name = name.encode("utf-8", "replace").decode()
    contents = CONTENTS._replace(sid=sid, payload=payload)
    assert opened(seal(RING, name, contents), name=name) == contents


# -- keys


def test_the_first_key_seals_and_every_key_opens() -> None:
    old, new = Keyring("the old key, 16 bytes or more"), Keyring("the new key, 16 bytes or more")
    both = Keyring("the new key, 16 bytes or more", ["the old key, 16 bytes or more"])
    assert opened(seal(old, NAME, CONTENTS), ring=both) == CONTENTS
    sealed = seal(both, NAME, CONTENTS)
    assert (opened(sealed, ring=new), opened(sealed, ring=old)) == (CONTENTS, None)


def test_text_and_its_bytes_are_one_key() -> None:
    assert opened(seal(Keyring(KEY.encode()), NAME, CONTENTS)) == CONTENTS


def test_keys_that_share_an_id_are_each_tried(monkeypatch: Any) -> None:
    expand = _seal._expand
    monkeypatch.setattr(
        _seal, "_expand", lambda prk, info, size: b"same" if size == 4 else expand(prk, info, size)
    )
    both, ours = Keyring("another key, 16 bytes or more", [KEY]), Keyring(KEY)
    assert opened(seal(ours, NAME, CONTENTS), ring=both) == CONTENTS


@pytest.mark.parametrize("key", ["", "short", b"15 bytes, alas!"], ids=repr)
def test_a_short_key_is_refused_without_showing_it(key: Any) -> None:
    with pytest.raises(ValueError) as caught:
        Keyring(key)
    assert str(caught.value) == (
        f"key: expected at least 16 bytes, got {len(key)};"
        " `python -m ringsession key` prints a good one"
    )


@pytest.mark.parametrize(
    "key",
    [
        " " * 16,
        "\t \n " * 8,
        " " * 40 + "\n",
        "k" * 32,
        "0" * 31 + "1",
        "ab" * 8,
        "0123456789" * 10,
        "changeme" * 3,
        "changeme" * 2 + "change",
        "password-" * 4,
        "ü" * 16,
        bytes(32),
        b"\xff" * 16,
    ],
    ids=repr,
)
@pytest.mark.parametrize("kind", ["str", "bytes"])
@pytest.mark.parametrize("place", ["key", "fallback_keys"])
def test_a_key_that_anybody_would_guess_is_refused_without_showing_it(
    key: Any, kind: str, place: str
) -> None:
    if kind == "bytes" and isinstance(key, str):
        key = key.encode()
    with pytest.raises(ValueError) as caught:
        cookie_store(key) if place == "key" else cookie_store(KEY, [key])
    assert str(caught.value) == (
        "key: expected random bytes, got the same few over and over;"
        " `python -m ringsession key` prints a good one"
    )


@pytest.mark.parametrize(
    "make",
    [
        new_key,
        lambda: os.urandom(16),
        lambda: os.urandom(8).hex(),  # 16 hexadecimal digits
        lambda: os.urandom(16).hex() * 2,  # long enough without the second half
    ],
)
def test_a_random_key_is_never_refused(make: Any) -> None:
    for _ in range(2000):
        check_key(make())


FAMOUS = [
    "a 16-byte secret",
    "the old key, 16 bytes or more",
    "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
    b'_5#y2L"F4Q8z\n\xec]/',
    "A0Zr98j/3yX R~XHH!jmN]LWX/,?RT",
    "BuD3KgdAXhDHrJXu",
]


@pytest.mark.parametrize("key", FAMOUS, ids=repr)
def test_a_key_that_everybody_knows_works_with_a_warning_that_does_not_show_it(
    key: Any, caplog: Any
) -> None:
    assert opened(seal(cookie_store(key).keyring, NAME, CONTENTS), ring=Keyring(key)) == CONTENTS
    caplog.clear()
    cookie_store(KEY, [KEY, key.encode() if isinstance(key, str) else key])
    [record] = caplog.records
    assert (record.levelname, record.getMessage()) == (
        "WARNING",
        "A key of the cookie store is known to everybody, since documentation shows it: whoever"
        " uses it can write any session. Use another one: `python -m ringsession key` prints it.",
    )


def test_a_key_of_ones_own_is_not_mentioned_in_the_log(caplog: Any) -> None:
    cookie_store(KEY, [new_key(), "a 16-byte secret."])
    assert caplog.records == []


@pytest.mark.parametrize("key", [None, 5, ["a key of 16 bytes"], bytearray(32)], ids=repr)
def test_a_key_of_another_type_is_refused(key: Any) -> None:
    with pytest.raises(TypeError, match="^key: expected str or bytes, got"):
        Keyring(key)


def test_one_fallback_key_in_place_of_a_list_is_refused() -> None:
    with pytest.raises(TypeError, match="expected a list of keys, got one key"):
        Keyring(KEY, "a key of 16 bytes")


def test_no_repr_shows_a_key() -> None:
    assert repr(Keyring(KEY, [KEY])) == "<Keyring of 2>"
    assert KEY not in repr(Keyring(KEY).newest)


def test_a_new_key_is_random_and_long_enough() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100 and {len(key) for key in keys} == {43}


def test_nonces_never_repeat() -> None:
    nonces = {raw(seal(RING, NAME, CONTENTS))[5:29] for _ in range(2000)}
    assert len(nonces) == 2000


def test_half_a_nonce_is_drawn_anew_after_65536_and_the_other_half_each_time() -> None:
    cipher = XAES256GCM(bytes(32))
    nonces = [cipher.new_nonce() for _ in range(3 * 65_536)]
    runs = [(half, len(list(run))) for half, run in itertools.groupby(n[:12] for n in nonces)]
    assert [length for half, length in runs] == [65_535, 65_536, 65_536, 1]
    assert len({half for half, length in runs}) == 4
    assert len({nonce[12:] for nonce in nonces}) == len(nonces)


# The threads of the test are the point, and newer Pythons warn of each fork beside one.
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.posix
def test_attack_88_sealing_works_in_many_threads_and_after_a_fork() -> None:
    def round_trip(number: int) -> bool:
        contents = CONTENTS._replace(payload=b"%d" % number)
        return opened(seal(RING, NAME, contents)) == contents

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(round_trip, range(2000)))
    read, write = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        os.write(write, seal(RING, NAME, CONTENTS).encode())
        os._exit(0)
    os.waitpid(child, 0)
    from_child = os.read(read, 4096).decode()
    os.close(read), os.close(write)
    assert opened(from_child) == CONTENTS
    assert raw(from_child)[5:29] != raw(seal(RING, NAME, CONTENTS))[5:29]


# -- what must not open


def test_attack_34_every_bit_flip_and_every_truncation_is_refused() -> None:
    blob = raw(SEALED)
    for place in range(len(blob) * 8):
        flipped = bytearray(blob)
        flipped[place // 8] ^= 1 << place % 8
        assert opened(text(bytes(flipped))) is None, place
    for size in range(len(SEALED)):
        assert opened(SEALED[:size]) is None, size


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t + "A",
        lambda t: t + "AAAA",
        lambda t: t + "=" * (-len(t) % 4),
        lambda t: t + "==",
        lambda t: " " + t,
        lambda t: t + " ",
        lambda t: t + "\n",
        lambda t: t[:10] + "\n" + t[10:],
        lambda t: t[:10] + "+" + t[11:],
        lambda t: t[:10] + "/" + t[11:],
        lambda t: t[:10] + "\u00fc" + t[11:],
        lambda t: t[:10] + "\ud800" + t[11:],
        lambda t: t[:10] + "\0" + t[11:],
        lambda t: t * 2,
        lambda t: t * 100,
        lambda t: "",
        lambda t: "=",
        lambda t: "A" * 5000,
    ],
)
def test_attack_34_what_is_not_canonical_is_refused(change: Any) -> None:
    sealed = seal(RING, NAME, CONTENTS._replace(payload=b"{}"))
    assert len(sealed) % 4 and opened(sealed) is not None
    assert opened(change(sealed)) is None


def test_attack_34_a_tail_with_bits_left_over_is_refused() -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    all_sealed = (seal(RING, NAME, CONTENTS._replace(payload=b"x" * n)) for n in range(0, 99, 32))
    sealed = next(text for text in all_sealed if len(text) % 4)
    twins = [char for char in alphabet if raw(sealed[:-1] + char) == raw(sealed)]
    assert len(twins) > 1
    assert [opened(sealed[:-1] + char) is not None for char in twins].count(True) == 1


@pytest.mark.parametrize("key", ["another key, 16 bytes or more", KEY + "x", KEY[:-1]])
def test_attack_35_another_key_is_refused(key: str) -> None:
    assert opened(seal(Keyring(key), NAME, CONTENTS)) is None


def test_attack_35_our_key_id_before_another_keys_text_is_refused() -> None:
    foreign = raw(seal(Keyring("another key, 16 bytes or more"), NAME, CONTENTS))
    assert opened(text(b"\x02" + RING.newest.kid + foreign[5:])) is None


def test_attack_36_another_name_or_purpose_is_refused() -> None:
    assert opened(seal(RING, "other", CONTENTS)) is None
    assert opened(SEALED, name="other") is None
    assert opened(seal(Keyring(KEY, purpose="csrf"), NAME, CONTENTS)) is None
    # Name and purpose are told apart by their lengths.
    assert opened(rs2(KEY.encode(), NAME + "s", plain(), bytes(24), purpose="ession")) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"flags": b"\x02"},
        {"flags": b"\x03"},
        {"flags": b"\x80"},
        {"codec": b"\x00"},
        {"codec": b"\x02"},
        {"padding": bytes(31)},
        {"padding": b"\x80" + bytes(64)},
        {"padding": b"\x81" + bytes(20)},
        {"payload": b"", "padding": b""},
    ],
    ids=repr,
)
def test_attack_37_a_plaintext_of_another_form_is_refused(changed: Any) -> None:
    assert opened(rs2(KEY.encode(), NAME, plain(**changed), bytes(24))) is None


@pytest.mark.parametrize(
    "plaintext", [bytes(64), b"", b"\x00", bytes(28), bytes(27) + b"\x80", bytes(59) + b"\x80"]
)
def test_attack_37_a_plaintext_of_nothing_is_refused(plaintext: bytes) -> None:
    assert opened(rs2(KEY.encode(), NAME, plaintext, bytes(24))) is None


@pytest.mark.parametrize("version", [b"\x00", b"\x01", b"\x03", b"2", b"\xff"])
def test_attack_37_another_version_is_refused(version: bytes) -> None:
    assert opened(rs2(KEY.encode(), NAME, plain(), bytes(24), version=version)) is None


@pytest.mark.parametrize(
    ("times", "opens"),
    [
        ({"sealed": NOW + 60_000}, True),
        ({"sealed": NOW + 60_001}, False),
        ({"sealed": NOW + 31_536_000_000}, False),
        ({"created": NOW - 20_000}, True),
        ({"created": NOW - 19_999}, False),
        ({"seen": NOW - 10_000}, True),
        ({"seen": NOW - 9_999}, False),
        ({"began": NOW - 9_999}, False),
        ({"confirmed": NOW - 9_999}, False),
        ({"created": 0, "seen": 0}, True),
        ({name: 0 for name in ("created", "began", "confirmed", "sealed", "seen")}, True),
    ],
    ids=repr,
)
def test_attack_38_times_out_of_order_or_ahead_are_refused(
    times: dict[str, int], opens: bool
) -> None:
    sealed = seal(RING, NAME, CONTENTS._replace(**times))
    assert (opened(sealed) is not None) is opens


def test_a_cookie_from_a_clock_ahead_is_dropped_with_one_line_that_says_by_how_much(
    caplog: pytest.LogCaptureFixture,
) -> None:
    name = "caf\u00e9\n"
    assert opened(seal(RING, name, CONTENTS._replace(sealed=NOW + 3_601_000)), name=name) is None
    assert caplog.messages == [
        r"Dropped the cookie 'caf\xe9\n': it was sealed 3601 s ahead of this server's clock."
        " Set the clocks of all servers to the same time."
    ]
    assert opened(seal(RING, NAME, CONTENTS._replace(sealed=NOW + 60_000))) is not None
    assert len(caplog.messages) == 1


def test_attack_39_nothing_is_ever_decompressed() -> None:
    bomb = plain(flags=b"\x03", payload=b"x\x9c" + bytes(900))
    assert opened(rs2(KEY.encode(), NAME, bomb, bytes(24))) is None


@pytest.mark.parametrize(
    "value",
    [
        json.dumps({"user": "admin"}),
        text(json.dumps({"user": "admin"}).encode()),
        "eyJ1c2VyIjoiYWRtaW4ifQ.ZzQ5.c2ln",
        "{:user 1}",
        "BAhJIgl1c2VyBjoGRVQ",
        text(b"\x80\x04\x95pickle"),
    ],
)
def test_attack_40_an_unsealed_value_is_refused(value: str) -> None:
    assert opened(value) is None


@pytest.mark.parametrize(
    "value", ["--", "a--", "--a", "a--b--c", "YWJj--", f"{SEALED}--", f"--{SEALED}"]
)
def test_attack_41_a_cookie_of_ring_is_refused(value: str) -> None:
    assert opened(value) is None


@pytest.mark.parametrize(
    "payload", [b"#=(System/exit 0)", b"{:a ##NaN}", b"\xff\xfe", b"[" * 3000, b"[1]", b"null", b""]
)
def test_attack_42_a_sealed_payload_that_is_no_record_is_an_empty_session(payload: bytes) -> None:
    client = Client(cookie_store(KEY, clock=lambda: NOW / 1000))
    assert client.read(seal(RING, NAME, CONTENTS)) == {"user": "ann"}
    assert client.read(seal(RING, NAME, CONTENTS._replace(payload=payload))) == {}
