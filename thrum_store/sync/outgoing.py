"""Our contribution to the branch: signed heads, and the segments that changed since they were published."""

from __future__ import annotations

from typing import Any

from thrum_store import presence_state, values
from thrum_store.errors import Corrupted, StorageFailed
from thrum_store.log import purge_marks
from thrum_store.log.events import Header, fast_parser, fingerprint
from thrum_store.log.segments import Shard, ShardPosition, chained, remaining
from thrum_store.repository.paths import STORE_KEY, shared_context
from thrum_store.store import Store
from thrum_store.values import NamedTuple, replaced
from thrum_store.view.queries.shards import lengths

from .state import State, key_of
from .wire import signed_files
from .wire.signed_heads import AdmissionError, SignedEnd, SignedHeads, sign

# git stores a published segment again as a whole each time it grew: docs/decisions/0011.
SEAL = 16 * 1024


class Outgoing(NamedTuple):
    """Files to write into the tree by path (None removes one), and values to save in `State` after the commit."""

    contents: dict[str, bytes | None]
    published: dict[str, list[int]]
    files: dict[str, str]


def seal(store: Store, state: State) -> None:
    """End our segments that grew to 16 KiB, so that new events go to a new segment."""
    for shard, head in lengths(store.view).items():
        published = state.published.get(key_of(shard), [0, 0])
        if shard.store != store.own or head.offset < SEAL or published[:2] == [head.segment, head.offset]:
            continue
        lock = store.shard_lock(shard)
        if lock.try_acquire():  # else its agent is writing: the next sync does it
            try:
                store.log.begin_segment(shard, store.end(shard))
                store.absorb(shard)
            except (Corrupted, StorageFailed):
                continue  # nothing can follow there; the view and the doctor report it
            finally:
                lock.release()


def prepare(store: Store, state: State, repository: str) -> Outgoing:
    """Collect the changes since the last commit; sign new heads only if something of ours changed."""
    ends = lengths(store.view)
    contents: dict[str, bytes | None] = {}
    published = dict(state.published)
    for shard, head in list(ends.items()):
        key = key_of(shard)
        if _diverged(state, key) or [head.segment, head.offset] < published.get(key, [])[:2]:
            continue  # the branch follows another version, or has more of it: never publish less again
        try:
            contents |= _changed(store, shard, head, published.get(key, []))
            published[key] = [head.segment, head.offset, _beginning(store, shard)]
        except Corrupted:  # the view and the doctor report it; the other logs go out
            ends.pop(shard)  # nothing is signed that is not published
            _suspect(state, key)
        except StorageFailed:  # it cannot be read: another user's, for example
            ends.pop(shard)
    own = {shard.agent: head for shard, head in ends.items() if shard.store == store.own}
    sign_heads(store, state, own, repository)
    files = dict(state.files)
    for path in _withdrawn(store, files):
        contents[path] = None
        del files[path]
    for path, data in _signed_files(store).items():
        if files.get(path) != fingerprint(data):
            contents[path] = data
            files[path] = fingerprint(data)
    return Outgoing(contents, published, files)


def _suspect(state: State, key: str) -> None:
    """Queue a log for repair in the next cycle, unless its losses are already known."""
    known = state.repairs.get(key)
    if known is None or not known.lost:
        state.count("damaged")
        state.suspects = sorted({*state.suspects, key})


def _diverged(state: State, key: str) -> bool:
    """Return whether the others follow another version of a shard."""
    return key in state.frozen and state.frozen[key].code == "diverged"


def _beginning(store: Store, shard: Shard) -> int:
    """Return a number that changes when the beginning of a shard is purged from the disk."""
    if not store.purged_log.marks.of(shard):
        return 0
    number = _lowest(store, shard)
    return number << 32 | store.host.storage.size(store.log.segment(shard, number))


def _lowest(store: Store, shard: Shard) -> int:
    return min(store.purged_log.numbers(shard), default=1)


def _changed(store: Store, shard: Shard, head: ShardPosition, before: list[int]) -> dict[str, bytes | None]:
    """Return the segments of a shard that the tree lacks, and those to remove from it."""
    beginning = _beginning(store, shard)
    if before == [head.segment, head.offset, beginning]:
        return {}
    if not beginning or before[2:] == [beginning]:
        return dict(_segments(store, shard, head, before[0] if before else 1))
    lowest = _lowest(store, shard)
    removed: dict[str, bytes | None] = {_path(store, shard, number): None for number in range(1, lowest)}
    return removed | _segments(store, shard, head, lowest)


def _path(store: Store, shard: Shard, number: int) -> str:
    return "v1" + store.log.segment(shard, number).removeprefix(store.log.root)


def _segments(store: Store, shard: Shard, head: ShardPosition, first: int) -> dict[str, bytes]:
    """Return the segments from number `first` on, each as far as it counts, the last one as far as the view has it.

    Raises Corrupted if one of them is not whole: damaged bytes are never published.
    """
    contents: dict[str, bytes] = {}
    for number in range(max(first, 1), head.segment + 1):
        end = head.offset if number == head.segment else _counted(store, shard, number)
        try:
            data = store.host.storage.read(store.log.segment(shard, number), 0, end)
        except FileNotFoundError as error:
            raise Corrupted(f"the log of {shard.agent!r}", f"segment {number} is missing") from error
        _check_whole(store, shard, number, data, end)
        contents[_path(store, shard, number)] = data
    return contents


def _check_whole(store: Store, shard: Shard, number: int, data: bytes, end: int) -> None:
    begin, length = _header(store, shard, number)
    start = ShardPosition(number, length, begin.place.seq - 1, begin.place.before)
    reading = chained(data[length:], shard, start, fast_parser())
    if reading.head.offset != end:
        raise Corrupted(f"the log of {shard.agent!r}", f"segment {number}: {reading.damage or 'it breaks off'}")


def _counted(store: Store, shard: Shard, number: int) -> int:
    """Return how many bytes of a segment count, according to the header of the next one."""
    return remaining(_header(store, shard, number), _header(store, shard, number + 1)[0])


def _header(store: Store, shard: Shard, number: int) -> tuple[Header, int]:
    header = store.log.header(shard, number)
    if header is None:
        raise Corrupted(f"the log of {shard.agent!r}", f"segment {number} has no header")
    return header


def _signed_files(store: Store) -> dict[str, bytes]:
    """Return the signed files of every store whose heads we have, by path in the tree."""
    contents: dict[str, bytes] = {}
    for owner in store.host.storage.listing(store.log.root):
        heads = signed_files.heads(store, owner)
        if heads is not None:
            files = {path: signed_files.read(store, owner, path) for path in _OF_EVERY_STORE}
            files |= signed_files.signed_contents(store, owner, heads)
            contents |= {f"v1/{owner}/{path}": data for path, data in files.items()}
    return contents


def _withdrawn(store: Store, files: dict[str, str]) -> list[str]:
    """Return the shared contexts in our tree that their store no longer signs."""
    withdrawn: list[str] = []
    for path in files:
        _, owner, rest = path.split("/", 2)
        if signed_files.is_context(rest):
            heads = signed_files.heads(store, owner)
            withdrawn += [path] if heads is not None and rest not in heads.files else []
    return withdrawn


_OF_EVERY_STORE = (signed_files.CERTIFICATE, signed_files.HEADS)


def sign_heads(store: Store, state: State, ends: dict[str, ShardPosition], repository: str) -> None:
    """Sign the ends of our shards, by agent, unless nothing changed. Raises FileNotFoundError without a key."""
    before = signed_files.heads(store, store.own)
    heads = replaced(_heads(store, state, ends, repository), files=_files(store, before, ends))
    if before is None or not heads.equals(before):
        signed_files.save(store, store.own, signed_files.HEADS, sign(heads, _key(store)))


def heads_of_copy(store: Store, state: State, ends: dict[str, ShardPosition], repository: str) -> bytes:
    """Return heads of our shards for a copy of a store that cannot be written. Raises FileNotFoundError."""
    return sign(_heads(store, state, ends, repository), _key(store))


def _key(store: Store) -> bytes:
    return bytes.fromhex(store.host.storage.read(store.paths.in_var(STORE_KEY)).decode().strip())


def _heads(store: Store, state: State, ends: dict[str, ShardPosition], repository: str) -> SignedHeads:
    """Return the next heads of our shards, with the same shared files as before."""
    before = signed_files.heads(store, store.own)
    marks = purge_marks.read(store.paths.var, store.host)
    return SignedHeads(
        store=store.own,
        repo=repository,
        ctr=before.ctr + 1 if before else 1,
        prev=fingerprint(signed_files.read(store, store.own, signed_files.HEADS)) if before else "",
        purge_marks={shard.agent: seq for shard, seq in marks.items() if shard.store == store.own},
        files=before.files if before else {},
        shards=_signed_ends(store, state, before, ends),
    )


def _signed_ends(
    store: Store, state: State, before: SignedHeads | None, ends: dict[str, ShardPosition]
) -> dict[str, SignedEnd]:
    """Return the ends of our shards. A signed end is never taken back: others may have more of our events."""
    signed = dict(before.shards) if before else {}
    for agent, head in ends.items():
        end = SignedEnd(head.segment, head.seq, head.hash)
        if end[:2] >= signed.get(agent, end)[:2] and not _diverged(state, f"{store.own}/{agent}"):
            signed[agent] = end
    return signed


def _files(store: Store, before: SignedHeads | None, ends: dict[str, ShardPosition]) -> dict[str, str]:
    """Return the hashes of our shared contexts and of our agents' presence.

    The presence is published together with events; alone only if an intent, task or branch changed.
    """
    values = presence_state.own(store.paths.var, store.host)
    data = presence_state.published(values)
    kept = signed_files.read(store, store.own, signed_files.PRESENCE)
    wrote = before is None or any(before.shards.get(a, SignedEnd(0, 0, ""))[1] < head.seq for a, head in ends.items())
    if values and data != kept and (wrote or _intents(data) != _intents(kept)):
        signed_files.save(store, store.own, signed_files.PRESENCE, data)
    paths = (signed_files.PRESENCE, *(shared_context(agent) for agent in ends))
    contents = {path: signed_files.read(store, store.own, path) for path in paths}
    signed = {path: fingerprint(data) for path, data in contents.items() if data}
    return _lost(store, before, signed) | signed


def _lost(store: Store, before: SignedHeads | None, present: dict[str, str]) -> dict[str, str]:
    """Return the contexts that we signed and that are not on the disk now; one that was withdrawn is an empty file."""
    signed = before.files if before is not None else {}
    missing = [path for path in signed if signed_files.is_context(path) and path not in present]
    return {path: signed[path] for path in missing if not signed_files.is_kept(store, store.own, path)}


def _intents(data: bytes) -> dict[str, tuple[Any, ...]]:
    """Return the parts of a presence file that are worth a sync of their own: intent, task and branch."""
    try:
        agents: dict[str, Any] = values.loads(data or b"{}").get("agents", {})
        return {
            name: (agent.get("intent"), agent.get("task"), (agent.get("changes") or {}).get("branch"))
            for name, agent in agents.items()
        }
    except (ValueError, AttributeError) as error:
        raise AdmissionError("file", "live.json was not written by thrum") from error
