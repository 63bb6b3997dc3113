"""SHA-256 without OpenSSL.

`import hashlib` loads OpenSSL and costs 7 ms, a third of what a whole `thrum send` may take on top of its imports; the
interpreter's own module gives the same digest in 0.1 ms. It is `_sha2` since Python 3.12 and `_sha256` before.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hashlib import sha256 as sha256
else:
    try:
        from _sha2 import sha256
    except ImportError:
        try:
            from _sha256 import sha256
        except ImportError:
            from hashlib import sha256


def fingerprint(data: bytes) -> str:
    """Return the first 128 bits of SHA-256 in hex: 32 characters. They chain the lines of a log."""
    return sha256(data).hexdigest()[:32]
