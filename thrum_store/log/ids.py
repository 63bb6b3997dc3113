"""Identifiers: a prefix and 26 characters that look like a ULID.

The first 10 characters are a time in milliseconds, for people's eyes only. The last 16 are 80 bits of
SHA-256 over (store, agent, sequence): an id is derived from where its event stands in the log, so nobody can mint
somebody else's, and it can be verified. Nothing sorts by an id.
"""

from __future__ import annotations

from thrum_store.machine.digest import sha256

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TIME_LIMIT = 1 << 48

PREFIXES = ("msg_", "ses_", "grp_", "evt_", "thr_")


def _base32(number: int, length: int) -> str:
    return "".join([_CROCKFORD[number >> shift & 31] for shift in range(5 * length - 5, -1, -5)])


def mint(prefix: str, ms: int, store: str, agent: str, seq: int) -> str:
    """The id of event `seq` of shard (store, agent): prefix, then 26 characters."""
    tail = int.from_bytes(sha256(f"{store}/{agent}/{seq}".encode()).digest()[:10], "big")
    return prefix + _base32(max(ms, 0) % _TIME_LIMIT, 10) + _base32(tail, 16)


def belongs(identifier: str, store: str, agent: str, seq: int) -> bool:
    """Whether `identifier` can only have been minted for that place in that shard."""
    return identifier[-16:] == mint("", 0, store, agent, seq)[-16:]


def thread_of(message_id: str) -> str:
    """The thread that a message starts."""
    return "thr_" + message_id[4:]
