"""XAES-256-GCM: AES-256-GCM with nonces of 24 bytes, so that random ones never repeat (C2SP).

Owns the key derivation over `cryptography`'s AES and AES-GCM, and how nonces are drawn. Knows nothing of what is sealed.
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
_IN_BOTH = 1 << 128 | 1  # times this, a number stands in both of two blocks


class XAES256GCM:
    """Sealing and opening under one key of 32 bytes. Safe under threads and after a fork.

    >>> cipher = XAES256GCM(bytes(32))
    >>> cipher.decrypt(bytes(24), cipher.encrypt(bytes(24), b"text", b"context"), b"context")
    b'text'
    """

    def __init__(self, key: bytes) -> None:
        self._aes = Cipher(AES(key), ECB())
        # CMAC's subkey (NIST SP 800-38B section 6.1): K1 = L << 1, xor 0x87 if the top bit of L was set.
        block = int.from_bytes(self._encrypt_block(bytes(16)), "big")
        subkey = ((block << 1) ^ (0x87 if block >> 127 else 0)) & ((1 << 128) - 1)
        # C2SP: Kx = AES(M1 xor K1) || AES(M2 xor K1), with Mi = 0 || i || "X" || 0 || the first 12 bytes of the nonce.
        first, second = (subkey ^ head << 96 for head in (0x00015800, 0x00025800))
        self._blocks = first << 128 | second  # the half of a nonce to be xored in
        self._drawn = count(1)
        self._half = os.urandom(12)
        self._cipher = lru_cache(_HALVES_KEPT)(self._derive)  # made-up nonces can only slow it down

    def _encrypt_block(self, blocks: bytes) -> bytes:
        return self._aes.encryptor().update(blocks)

    def _derive(self, half: bytes) -> AESGCM:
        blocks = self._blocks ^ int.from_bytes(half, "big") * _IN_BOTH
        return AESGCM(self._encrypt_block(blocks.to_bytes(32, "big")))

    def new_nonce(self) -> bytes:
        """A nonce for one sealing. Its second half is random; the first, which makes the key, is for 65,536 nonces.

        Deriving costs more than sealing, and one key is good for far more: the odds of two equal nonces among those of one half
        are 2**-65, and 2**-39 among all that 1,000 sealings a second draw in 100 years. A forked process may go on with its parent's half, since the rest is random.
        """
        if next(self._drawn) % NONCES_PER_HALF == 0:
            self._half = os.urandom(12)
        return self._half + os.urandom(12)

    def encrypt(self, nonce: bytes, plaintext: bytes, associated_data: bytes) -> bytes:
        """The ciphertext and its tag."""
        return self._cipher(nonce[:12]).encrypt(nonce[12:], plaintext, associated_data)

    def decrypt(self, nonce: bytes, sealed: bytes, associated_data: bytes) -> bytes | None:
        """The plaintext, None if the tag does not fit."""
        try:
            return self._cipher(nonce[:12]).decrypt(nonce[12:], sealed, associated_data)
        except InvalidTag:
            return None
