"""Signed heads: the ends of a store's shards, in one small file that only this store can sign.

    {"ctr": 7, "cuts": {agent: seq}, "files": {path: hash}, "prev": hash, "repo": id, "sig": …,
     "shards": {agent: [segment, seq, hash]}, "store": id, "v": 1}

The hash chain of each shard carries the signature down to every line. The counter only rises, so old heads cannot be
replayed; the repository's id keeps them from being planted into another repository.
"""

from __future__ import annotations

import base64
from typing import Any

from thrum_store import values
from thrum_store.identity import is_name
from thrum_store.log import keys
from thrum_store.log.events import canonical
from thrum_store.values import NamedTuple, Record, fields_of, replaced

HEADS_LIMIT = 1024 * 1024  # bytes
CERTIFICATE_LIMIT = 4096
_COUNT_LIMIT = 1 << 53


class AdmissionError(ValueError):
    """Raised inside the sync to refuse foreign data, with a code to count by and a sentence for people.

    It stops one file or one shard, never a whole cycle.
    """

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code
        self.why = why


class SignedEnd(NamedTuple):
    """The end of a shard, as its store signed it."""

    segment: int
    seq: int
    hash: str


class SignedHeads(Record):
    """The signed ends of a store's shards. `files` maps paths below the store to their hashes."""

    store: str
    repo: str
    ctr: int
    prev: str
    purge_marks: dict[str, int]  # `cuts` in the file
    files: dict[str, str]
    shards: dict[str, SignedEnd]

    def equals(self, other: SignedHeads) -> bool:
        """Return whether two heads differ in nothing but their counter."""
        return replaced(self, ctr=0, prev="") == replaced(other, ctr=0, prev="")


class StoreCertificate(NamedTuple):
    """A store's id, its public key (32 bytes) and the nick of its machine."""

    store: str
    key: bytes
    nick: str


def sign(heads: SignedHeads, private_key: bytes) -> bytes:
    """Return the content of heads.json."""
    fields: dict[str, Any] = {field: getattr(heads, field) for field in fields_of(heads) or ()} | {"v": 1}
    fields["cuts"] = fields.pop("purge_marks")
    fields["sig"] = base64.b64encode(keys.sign(private_key, canonical(fields))).decode()
    return canonical(fields) + b"\n"


def verify_heads(data: bytes, certificate: StoreCertificate) -> SignedHeads:
    """Return the heads in a file if that store signed them. Raises AdmissionError."""
    fields = _object(data, HEADS_LIMIT)
    _check_signature(fields, certificate.key)
    try:
        heads = _heads(fields)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise AdmissionError("heads", f"heads.json has an unexpected form: {error}") from error
    if heads.store != certificate.store:
        raise AdmissionError("heads", "heads.json belongs to another store")
    return heads


def verify_certificate(data: bytes, store: str) -> StoreCertificate:
    """Return the certificate in store.json. Raises AdmissionError if its key does not belong to the store's id."""
    fields = _object(data, CERTIFICATE_LIMIT)
    try:
        key, nick = base64.b64decode(fields["key"], validate=True), str(fields["nick"])
    except (KeyError, TypeError, ValueError) as error:
        raise AdmissionError("card", f"store.json has an unexpected form: {error}") from error
    if keys.store_id(key) != store:
        raise AdmissionError("card", "store.json has the key of another store")
    _check_signature(fields, key)
    return StoreCertificate(store, key, nick[:32])


def _check_signature(fields: dict[str, Any], key: bytes) -> None:
    try:
        encoded = fields.pop("sig")
        signature = base64.b64decode(encoded, validate=True)
    except (KeyError, TypeError, ValueError) as error:
        raise AdmissionError("signature", "it is not signed") from error
    if base64.b64encode(signature).decode() != encoded or not keys.verify(key, signature, canonical(fields)):
        raise AdmissionError("signature", "its signature does not match that store's key")


def _object(data: bytes, limit: int) -> dict[str, Any]:
    """Parse a JSON object whose bytes must be the canonical ones. Raises AdmissionError."""
    if len(data) > limit:
        raise AdmissionError("size", f"{len(data):,} bytes are more than {limit:,}")
    try:
        fields: Any = values.loads(data.decode())
        if data[:1] == b"{" and canonical(fields) + b"\n" == data:
            return {**fields}
    except (ValueError, RecursionError) as error:
        raise AdmissionError("json", "it is not JSON") from error
    raise AdmissionError("json", "it is not canonical JSON")


def _heads(fields: dict[str, Any]) -> SignedHeads:
    if fields["v"] != 1:
        raise ValueError(f"version {fields['v']} is newer than this thrum")
    return SignedHeads(
        store=_text(fields["store"]),
        repo=_text(fields["repo"]),
        ctr=_count(fields["ctr"]),
        prev=_text(fields["prev"]),
        purge_marks={_agent(agent): _count(seq) for agent, seq in fields["cuts"].items()},
        files={_text(path): _text(digest) for path, digest in fields["files"].items()},
        shards={_agent(agent): _end(*end) for agent, end in fields["shards"].items()},
    )


def _end(segment: Any, seq: Any, digest: Any) -> SignedEnd:
    return SignedEnd(_count(segment), _count(seq), _text(digest))


def _agent(value: Any) -> str:
    if not is_name(_text(value)):
        raise ValueError("a shard has an invalid name")
    return str(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is missing")
    return value


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < _COUNT_LIMIT:  # a bool is an int, too
        raise TypeError("a number is missing")
    return value
