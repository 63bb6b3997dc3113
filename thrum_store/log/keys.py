"""This store's key pair. The store's id is the hash of its public key, so nobody can write in its name.

Only `init` and sync need this module: loading `cryptography` costs 40 ms, and no send, check or wait pays for it.
"""

from __future__ import annotations

import base64

from .events import canonical, sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .events import Data


def store_id(public_key: bytes) -> str:
    """Return the id of a store: 26 characters of base32, 130 bits of SHA-256 over its raw public key."""
    return base64.b32encode(sha256(public_key).digest()).decode().lower()[:26]


def generate() -> tuple[bytes, bytes]:
    """Return a new Ed25519 key pair: the raw private key (32 bytes) and the raw public key (32 bytes)."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    return private.private_bytes_raw(), private.public_key().public_bytes_raw()


def public(private_key: bytes) -> bytes:
    """Return the raw public key (32 bytes) of a raw private key. Raises ValueError if it is not one."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw()


def sign(private_key: bytes, message: bytes) -> bytes:
    """Return the Ed25519 signature of a message, 64 bytes."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(private_key).sign(message)


def verify(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Return whether the signature is that key's over that message."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def certificate(private_key: bytes, public_key: bytes, nick: str, ms: int) -> bytes:
    """Return the store's certificate (store.json): its id, key and nick, signed by the store. It never changes."""
    fields: Data = {"created": ms, "key": base64.b64encode(public_key).decode(), "nick": nick, "v": 1}
    fields["sig"] = base64.b64encode(sign(private_key, canonical(fields))).decode()
    return canonical(fields) + b"\n"
