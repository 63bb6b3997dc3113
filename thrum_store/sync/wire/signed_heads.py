"""Signed heads: what a store says it has said, in one small file that nobody else can write (reliability §8.2).

    {"ctr": 7, "cuts": {agent: seq}, "files": {path: hash}, "prev": hash, "repo": id, "sig": …,
     "shards": {agent: [segment, seq, hash]}, "store": id, "v": 1}

The hash chain of each shard carries the signature down to every line. The counter only rises, so old heads cannot be
played again; the repository's id keeps them from being planted into another one.
"""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple

from thrum_store.log import keys
from thrum_store.log.events import canonical
from thrum_store.machine.digest import fingerprint
from thrum_store.model import is_name

from .refusal import AdmissionError

HEADS_LIMIT = 1024 * 1024  # bytes
CARD_LIMIT = 4096
_MOST = 1 << 53


class SignedEnd(NamedTuple):
    """How far a shard goes, as its store signed it."""

    segment: int
    seq: int
    hash: str


@dataclass(frozen=True)
class SignedHeads:
    """What a store signed. `files` are small files beside its shards, by path below the store, with their hash."""

    store: str
    repo: str
    ctr: int
    prev: str
    cuts: dict[str, int] = field(default_factory=dict[str, int])
    files: dict[str, str] = field(default_factory=dict[str, str])
    shards: dict[str, SignedEnd] = field(default_factory=dict[str, SignedEnd])

    def says_the_same(self, other: SignedHeads) -> bool:
        """Whether only the counter differs."""
        return replace(self, ctr=0, prev="") == replace(other, ctr=0, prev="")


class StoreCertificate(NamedTuple):
    """Who a store is: its id, its public key (32 bytes) and its machine's nick."""

    store: str
    key: bytes
    nick: str


def signed(heads: SignedHeads, private_key: bytes) -> bytes:
    """The file heads.json."""
    told = {**asdict(heads), "shards": {agent: list(goal) for agent, goal in heads.shards.items()}, "v": 1}
    told["sig"] = base64.b64encode(keys.sign(private_key, _bytes(told))).decode()
    return _bytes(told) + b"\n"


def verified(data: bytes, card: StoreCertificate) -> SignedHeads:
    """The heads in a file, if that store signed them; raises Refusal."""
    told = _object(data, HEADS_LIMIT)
    _check_signature(told, card.key)
    try:
        heads = _heads(told)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise AdmissionError("heads", f"heads.json has a strange shape: {error}") from error
    if heads.store != card.store:
        raise AdmissionError("heads", "heads.json is of another store")
    return heads


def identified(data: bytes, store: str) -> StoreCertificate:
    """Who a store is, from its file store.json; raises Refusal where that is not the key its id stands for."""
    told = _object(data, CARD_LIMIT)
    try:
        key, nick = base64.b64decode(told["key"], validate=True), str(told["nick"])
    except (KeyError, TypeError, ValueError) as error:
        raise AdmissionError("card", f"store.json has a strange shape: {error}") from error
    if keys.store_id(key) != store:
        raise AdmissionError("card", "store.json has a key that is not this store's")
    _check_signature(told, key)
    return StoreCertificate(store, key, nick[:32])


def mark(data: bytes) -> str:
    """What `prev` and `files` name a file by."""
    return fingerprint(data)


def _check_signature(told: dict[str, Any], key: bytes) -> None:
    try:
        written = told.pop("sig")
        signature = base64.b64decode(written, validate=True)
    except (KeyError, TypeError, ValueError) as error:
        raise AdmissionError("signature", "it is not signed") from error
    if base64.b64encode(signature).decode() != written or not keys.verify(key, signature, _bytes(told)):
        raise AdmissionError("signature", "its signature is not that store's")


def _object(data: bytes, limit: int) -> dict[str, Any]:
    """The JSON object in a small file that was written exactly as we would; raises Refusal."""
    if len(data) > limit:
        raise AdmissionError("size", f"{len(data):,} bytes are more than {limit:,}")
    try:
        told: Any = json.loads(data.decode())
        if isinstance(told, dict) and canonical(told) + b"\n" == data:
            return {**told}
    except (ValueError, RecursionError) as error:
        raise AdmissionError("json", "it is not JSON") from error
    raise AdmissionError("json", "it is not written in the one way that counts")


def _bytes(told: dict[str, Any]) -> bytes:
    return canonical(told)


def _heads(told: dict[str, Any]) -> SignedHeads:
    if told["v"] != 1:
        raise ValueError(f"version {told['v']} is newer than this thrum")
    return SignedHeads(
        store=_text(told["store"]),
        repo=_text(told["repo"]),
        ctr=_count(told["ctr"]),
        prev=_text(told["prev"]),
        cuts={_agent(agent): _count(seq) for agent, seq in told["cuts"].items()},
        files={_text(path): _text(hashed) for path, hashed in told["files"].items()},
        shards={_agent(agent): _goal(goal) for agent, goal in told["shards"].items()},
    )


def _goal(told: Any) -> SignedEnd:
    segment, seq, hashed = told
    return SignedEnd(_count(segment), _count(seq), _text(hashed))


def _agent(value: Any) -> str:
    if not is_name(_text(value)):
        raise ValueError("a shard has no name that could be one")
    return str(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is missing")
    return value


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _MOST:
        raise TypeError("a number is missing")
    return value
