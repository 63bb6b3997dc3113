"""What we say to the others: our signed heads, and the segments that changed since we last said it."""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

from thrum_store import presence_state
from thrum_store.errors import Damaged
from thrum_store.log import purge_marks
from thrum_store.log.events import Header, fast_parser
from thrum_store.log.segments import Shard, ShardPosition, chained, remaining
from thrum_store.repository.paths import STORE_KEY
from thrum_store.store import Store
from thrum_store.view.queries.lengths import lengths

from .state import State, key_of
from .wire import signed_files
from .wire.refusal import AdmissionError
from .wire.signed_heads import SignedEnd, SignedHeads, mark, signed

# A segment that is published is stored again whole by git each time it grew: docs/decisions/0011.
SEAL = 16 * 1024


def seal(store: Store, state: State) -> None:
    """Ends the segments of ours that grew and have 16 KiB by now: what comes next goes to a new one."""
    for shard, head in lengths(store.view).items():
        published = state.published.get(key_of(shard), [0, 0])
        if shard.store != store.own or head.offset < SEAL or published[:2] == [head.segment, head.offset]:
            continue
        lock = store.shard_lock(shard)
        if lock.try_acquire():  # else its agent speaks this moment: the next sync does it
            try:
                store.log.begin_segment(shard, store.end(shard))
                store.absorb(shard)
            except Damaged:
                continue  # nothing follows there; the view and the doctor tell
            finally:
                lock.release()


class Outgoing(NamedTuple):
    """Files for the tree by path (None: it goes), and what `State` remembers once they are in it."""

    contents: dict[str, bytes | None]
    published: dict[str, list[int]]
    files: dict[str, str]


def outgoing(store: Store, state: State, repo: str) -> Outgoing:
    """What is new since the last commit; the heads are signed anew only where something of ours changed."""
    ends = lengths(store.view)
    contents: dict[str, bytes | None] = {}
    published = dict(state.published)
    for shard, head in list(ends.items()):
        key = key_of(shard)
        if _elsewhere(state, key) or [head.segment, head.offset] < published.get(key, [])[:2]:
            continue  # the branch follows another one, or has more of it than is here: never less again
        try:
            contents |= _changed(store, shard, head, published.get(key, []))
            published[key] = [head.segment, head.offset, _first(store, shard)]
        except Damaged:  # that log is told of by the view and the doctor; the others go out
            ends.pop(shard)  # nothing is signed that does not go out
            _doubt(state, key)
    _sign(store, state, {shard.agent: head for shard, head in ends.items() if shard.store == store.own}, repo)
    files = dict(state.files)
    for path, data in _papers(store).items():
        if files.get(path) != mark(data):
            contents[path] = data
            files[path] = mark(data)
    return Outgoing(contents, published, files)


def _doubt(state: State, key: str) -> None:
    """Has the next cycle look at a log, unless it is known what of it is lost."""
    known = state.repairs.get(key)
    if known is None or not known.lost:
        state.count("damaged")
        state.doubted = sorted({*state.doubted, key})


def _elsewhere(state: State, key: str) -> bool:
    """Whether the others follow another version of that shard than ours."""
    return key in state.frozen and state.frozen[key].code == "diverged"


def _first(store: Store, shard: Shard) -> int:
    """A number that changes when something at the beginning of a shard was purged from the disk."""
    if not store.purged_log.marks.of(shard):
        return 0
    number = _lowest(store, shard)
    return number << 32 | store.host.storage.size(store.log.segment(shard, number))


def _lowest(store: Store, shard: Shard) -> int:
    names = store.host.storage.listing(os.path.dirname(store.log.segment(shard, 1)))
    return min((int(name[:8]) for name in names if name.endswith(".jsonl") and name[:8].isdecimal()), default=1)


def _changed(store: Store, shard: Shard, head: ShardPosition, before: list[int]) -> dict[str, bytes | None]:
    """The segments of a shard that the tree lacks, and those that it must not have any more."""
    first = _first(store, shard)
    if before == [head.segment, head.offset, first]:
        return {}
    if not first or before[2:] == [first]:
        return dict(_segments(store, shard, head, before[0] if before else 1))
    lowest = _lowest(store, shard)
    gone: dict[str, bytes | None] = {_path(store, shard, number): None for number in range(1, lowest)}
    return gone | _segments(store, shard, head, lowest)


def _path(store: Store, shard: Shard, number: int) -> str:
    return "v1" + store.log.segment(shard, number).removeprefix(store.log.root)


def _segments(store: Store, shard: Shard, head: ShardPosition, since: int) -> dict[str, bytes]:
    """Segments from number `since` on, each as far as it counts, and the last one as far as the view has it.

    Raises Damaged where one of them is not whole: rotten bytes are never published.
    """
    found: dict[str, bytes] = {}
    for number in range(max(since, 1), head.segment + 1):
        end = head.offset if number == head.segment else _counted(store, shard, number)
        try:
            data = store.host.storage.read(store.log.segment(shard, number), 0, end)
        except FileNotFoundError as error:
            raise Damaged(f"the log of {shard.agent!r}", f"segment {number} is gone") from error
        _check_whole(store, shard, number, data, end)
        found[_path(store, shard, number)] = data
    return found


def _check_whole(store: Store, shard: Shard, number: int, data: bytes, end: int) -> None:
    told, length = _header(store, shard, number)
    start = ShardPosition(number, length, told.place.seq - 1, told.place.before)
    reading = chained(data[length:], shard, start, fast_parser())
    if reading.head.offset != end:
        raise Damaged(f"the log of {shard.agent!r}", f"segment {number}: {reading.damage or 'it breaks off'}")


def _counted(store: Store, shard: Shard, number: int) -> int:
    """Return how many bytes of a segment count, as the next one says."""
    return remaining(_header(store, shard, number), _header(store, shard, number + 1)[0])


def _header(store: Store, shard: Shard, number: int) -> tuple[Header, int]:
    header = store.log.header(shard, number)
    if header is None:
        raise Damaged(f"the log of {shard.agent!r}", f"segment {number} has no header")
    return header


def _papers(store: Store) -> dict[str, bytes]:
    """The small files of every store whose heads we know, by path in the tree."""
    found: dict[str, bytes] = {}
    for whose in store.host.storage.listing(store.log.root):
        told = signed_files.heads(store, whose)
        if told is None:
            continue
        names = {path: signed_files.read(store, whose, path) for path in (signed_files.CARD, signed_files.HEADS)}
        names |= signed_files.listed(store, whose, told)
        found |= {f"v1/{whose}/{path}": data for path, data in names.items()}
    return found


def _sign(store: Store, state: State, ends: dict[str, ShardPosition], repo: str) -> None:
    before = signed_files.heads(store, store.own)
    files = _files(store, before, ends)
    told = SignedHeads(
        store=store.own,
        repo=repo,
        ctr=before.ctr + 1 if before else 1,
        prev=mark(signed_files.read(store, store.own, signed_files.HEADS)) if before else "",
        cuts={s.agent: seq for s, seq in purge_marks.read(store.paths.var, store.host).items() if s.store == store.own},
        files=files,
        shards=_goals(store, state, before, ends),
    )
    if before is None or not told.says_the_same(before):
        key = store.host.storage.read(store.paths.in_var(STORE_KEY))
        signed_files.keep(store, store.own, signed_files.HEADS, signed(told, bytes.fromhex(key.decode().strip())))


def _goals(
    store: Store, state: State, before: SignedHeads | None, ends: dict[str, ShardPosition]
) -> dict[str, SignedEnd]:
    """How far each of our shards goes. What was signed once is never taken back: others may have more of us."""
    goals = dict(before.shards) if before else {}
    for agent, head in ends.items():
        goal = SignedEnd(head.segment, head.seq, head.hash)
        if goal[:2] >= goals.get(agent, goal)[:2] and not _elsewhere(state, f"{store.own}/{agent}"):
            goals[agent] = goal
    return goals


def _files(store: Store, before: SignedHeads | None, ends: dict[str, ShardPosition]) -> dict[str, str]:
    """Our small files: saved contexts, and the last values of our agents where something else is said anyway."""
    values = presence_state.own(store.paths.var, store.host)
    data = presence_state.published(values)
    kept = signed_files.read(store, store.own, signed_files.LIVE)
    spoke = before is None or any(before.shards.get(a, SignedEnd(0, 0, ""))[1] < head.seq for a, head in ends.items())
    if values and data != kept and (spoke or _intents(data) != _intents(kept)):
        signed_files.keep(store, store.own, signed_files.LIVE, data)
    contexts = [f"{agent}/context.md" for agent in ends]
    found = {path: signed_files.read(store, store.own, path) for path in (signed_files.LIVE, *contexts)}
    return {path: mark(data) for path, data in found.items() if data}


def _intents(data: bytes) -> dict[str, tuple[Any, ...]]:
    """What of the last values is worth a sync of its own: intent, task and branch."""
    try:
        told: dict[str, Any] = json.loads(data or b"{}").get("agents", {})
        return {
            name: (one.get("intent"), one.get("task"), (one.get("changes") or {}).get("branch"))
            for name, one in told.items()
        }
    except (ValueError, AttributeError) as error:
        raise AdmissionError("file", "live.json is not ours") from error
