"""Admission of signed heads: a store's heads are saved only after every check in this module.

The signature and the form are checked by `wire.signed_heads`; here it counts for which repository they were signed, and
that they are newer than the known ones.
"""

from __future__ import annotations

from thrum_store.log.events import fingerprint
from thrum_store.log.segments import Shard
from thrum_store.store import Store

from .admit_events import holds
from .remote.repository_id import Repository
from .state import State
from .wire import signed_files
from .wire.signed_heads import AdmissionError, SignedHeads, verify_heads


def admit_heads(store: Store, state: State, repository: Repository, owner: str, files: dict[str, bytes]) -> SignedHeads:
    """Return the offered heads of a store, and save them if they are new.

    `files` are the signed files on offer, by name. Raises AdmissionError for heads that are old, forged or signed for
    another repository.
    """
    offered = files[signed_files.HEADS]
    certificate = signed_files.certificate(store, owner, files[signed_files.CERTIFICATE])
    before = signed_files.read(store, owner, signed_files.HEADS)
    heads = verify_heads(offered, certificate)
    if offered != before:
        _check_repository(repository, heads)
        if owner != store.own or _is_ours(store, heads):
            _check_newer(store, state, heads, offered, before)
    if not signed_files.is_certificate(signed_files.read(store, owner, signed_files.CERTIFICATE), owner):
        signed_files.save(store, owner, signed_files.CERTIFICATE, files[signed_files.CERTIFICATE])
    if offered != before:
        signed_files.save(store, owner, signed_files.HEADS, offered)
    return heads


def _check_repository(repository: Repository, heads: SignedHeads) -> None:
    if not repository.accepts(heads.repo):
        repository.look_again([heads.repo])
        if not repository.accepts(heads.repo):
            raise AdmissionError("repository", "signed for another repository")


def _is_ours(store: Store, heads: SignedHeads) -> bool:
    """Return whether every signed event is in our own log. If not, a copy of this clone signed with our key."""
    return all(holds(store, Shard(heads.store, agent), end) for agent, end in heads.shards.items())


def _check_newer(store: Store, state: State, heads: SignedHeads, offered: bytes, before: bytes) -> None:
    known = signed_files.heads(store, heads.store)
    if known is None or heads.ctr > known.ctr + 1:
        return
    if heads.ctr < known.ctr:
        raise AdmissionError("replayed", "older than the known heads")
    if heads.ctr == known.ctr or heads.prev != fingerprint(before):
        state.count("forked")  # two machines sign with one key: every clone must choose the same heads
    if heads.ctr == known.ctr and fingerprint(offered) > fingerprint(before):
        raise AdmissionError("replayed", "of two heads with the same counter, the other one counts")
