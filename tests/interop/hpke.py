"""HKDF (RFC 5869) and HPKE (RFC 9180) in suite 1 of docs/security/crypto.md: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
ChaCha20-Poly1305, base and PSK mode, both sides. Needs python3-cryptography."""
import hashlib
import hmac
import os
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


class NotOpened(Exception):
    """Another key, another context, or changed bytes: which of them, nobody can tell."""


def hmac256(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def expand(key, info, size):
    out, block = b"", b""
    for counter in range(1, -(-size // 32) + 1):
        block = hmac256(key, block + info + bytes([counter]))
        out += block
    return out[:size]


def public_key(secret):
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def shared_point(secret, public):
    try:
        return X25519PrivateKey.from_private_bytes(secret).exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:
        raise NotOpened("a point of low order") from None


class Context:
    """What both sides derive: a key, a nonce for each message in turn, and exports."""

    KEM, SUITE = b"KEM\0\x20", b"HPKE\0\x20\0\x01\0\x03"

    def __init__(self, shared, encapsulation, receiver, info, psk, psk_id):
        own = self.KEM
        point = self.expanded(self.extracted(b"", b"eae_prk", shared, own), b"shared_secret", encapsulation + receiver, 32, own)
        schedule = bytes([bool(psk)]) + self.extracted(b"", b"psk_id_hash", psk_id) + self.extracted(b"", b"info_hash", info)
        secret = self.extracted(point, b"secret", psk)
        self.key = ChaCha20Poly1305(self.expanded(secret, b"key", schedule, 32))
        self.nonce = self.expanded(secret, b"base_nonce", schedule, 12)
        self.exporter = self.expanded(secret, b"exp", schedule, 32)

    @classmethod
    def extracted(cls, salt, label, data, suite=None):
        return hmac256(salt or bytes(32), b"HPKE-v1" + (suite or cls.SUITE) + label + data)

    @classmethod
    def expanded(cls, key, label, data, size, suite=None):
        return expand(key, struct.pack(">H", size) + b"HPKE-v1" + (suite or cls.SUITE) + label + data, size)

    def nonce_of(self, number):
        return bytes(one ^ other for one, other in zip(self.nonce, number.to_bytes(12, "big")))

    def seal(self, number, aad, plain):
        return self.key.encrypt(self.nonce_of(number), plain, aad)

    def open(self, number, aad, sealed):
        try:
            return self.key.decrypt(self.nonce_of(number), sealed, aad)
        except InvalidTag:
            raise NotOpened("HPKE") from None

    def export(self, label, size):
        return self.expanded(self.exporter, b"sec", label, size)


def sender(receiver, info, psk=b"", psk_id=b""):
    """(encapsulation, context) towards a public key."""
    ephemeral = os.urandom(32)
    encapsulation = public_key(ephemeral)
    return encapsulation, Context(shared_point(ephemeral, receiver), encapsulation, receiver, info, psk, psk_id)


def receiver(secret, encapsulation, info, psk=b"", psk_id=b""):
    return Context(shared_point(secret, encapsulation), encapsulation, public_key(secret), info, psk, psk_id)


def seal(receiver, info, aad, plain, psk=b"", psk_id=b""):
    """One message: encapsulation 32 and what is sealed."""
    encapsulation, context = sender(receiver, info, psk, psk_id)
    return encapsulation + context.seal(0, aad, plain)


def open_one(secret, info, aad, message, psk=b"", psk_id=b""):
    return receiver(secret, message[:32], info, psk, psk_id).open(0, aad, message[32:])
