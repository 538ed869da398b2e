"""Encrypt with XAES-256-GCM (C2SP): AES-256-GCM with nonces of 24 bytes.

Random nonces of this length do not repeat in practice. This module derives the keys, draws the
nonces, and leaves AES and AES-GCM to the library `cryptography`.
"""

from __future__ import annotations

import os
from functools import lru_cache
from itertools import count

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

NONCE_SIZE = 24
NONCES_PER_HALF = 1 << 16
_HALVES_KEPT = 256
_IN_BOTH = 1 << 128 | 1  # a factor that copies a number into both of two blocks


class XAES256GCM:
    """Encrypt and decrypt with one key of 32 bytes. Safe under threads and after a fork.

    >>> cipher = XAES256GCM(bytes(32))
    >>> cipher.decrypt(bytes(24), cipher.encrypt(bytes(24), b"text", b"context"), b"context")
    b'text'
    """

    def __init__(self, key: bytes) -> None:
        self._aes = Cipher(AES(key), ECB())
        # CMAC's subkey (NIST SP 800-38B section 6.1): K1 = L << 1, xor 0x87 if the top bit of L is
        # set.
        block = int.from_bytes(self._encrypt_block(bytes(16)), "big")
        subkey = ((block << 1) ^ (0x87 if block >> 127 else 0)) & ((1 << 128) - 1)
        # C2SP: Kx = AES(M1 xor K1) || AES(M2 xor K1), with Mi = 0 || i || "X" || 0 || the first
        # 12 bytes of the nonce.
        first, second = (subkey ^ head << 96 for head in (0x00015800, 0x00025800))
        self._blocks = first << 128 | second  # without the first half of the nonce
        self._drawn = count(1)
        self._half = os.urandom(12)
        self._cipher = lru_cache(_HALVES_KEPT)(self._derive)  # forged nonces can only make it miss

    def _encrypt_block(self, blocks: bytes) -> bytes:
        return self._aes.encryptor().update(blocks)

    def _derive(self, half: bytes) -> AESGCM:
        blocks = self._blocks ^ int.from_bytes(half, "big") * _IN_BOTH
        return AESGCM(self._encrypt_block(blocks.to_bytes(32, "big")))

    def new_nonce(self) -> bytes:
        """Return a nonce for one encryption. Both halves are random.

        The first half selects the derived key, and 65,536 nonces in a row share it, since deriving
        a key costs more than encrypting. The chance of two equal nonces with one first half is
        2**-65. At 1,000 encryptions a second it is 2**-39 in 100 years. A forked process may use
        its parent's first half, since the second half is random.
        """
        if next(self._drawn) % NONCES_PER_HALF == 0:
            self._half = os.urandom(12)
        return self._half + os.urandom(12)

    def encrypt(self, nonce: bytes, plaintext: bytes, associated_data: bytes) -> bytes:
        """Return the ciphertext and its tag."""
        return self._cipher(nonce[:12]).encrypt(nonce[12:], plaintext, associated_data)

    def decrypt(self, nonce: bytes, sealed: bytes, associated_data: bytes) -> bytes | None:
        """Return the plaintext, or None if the tag is wrong."""
        try:
            return self._cipher(nonce[:12]).decrypt(nonce[12:], sealed, associated_data)
        except InvalidTag:
            return None
