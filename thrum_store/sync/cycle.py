"""One sync: fetch, take in new events, publish our own, push.

It holds sync.lock, and no other lock while git talks to the remote. An idle sync starts git three times and makes
neither a commit nor a push. Nothing is ever forced: if another machine was faster, the sync starts again.
"""

from __future__ import annotations

from thrum_store.errors import Forbidden, ThrumError
from thrum_store.log.events import fingerprint
from thrum_store.log.segments import Shard, ShardPosition
from thrum_store.machine.host import failpoint
from thrum_store.repository import config
from thrum_store.repository.config import GitSettings
from thrum_store.repository.ownership import OwnersFiles
from thrum_store.repository.paths import SYNC_LOCK
from thrum_store.store import Store
from thrum_store.values import Record
from thrum_store.view.queries.shards import lengths

from . import admit_branch, branch_worktree, state
from .incoming import Incoming, Taken
from .outgoing import Outgoing, prepare, seal
from .remote import public_remote
from .remote.branch import Branch, BranchMoved, BranchTip, PushRejected
from .remote.repository_id import Repository
from .repair import certificate, rekey, restore
from .repair.proof import Proof
from .state import UNFINISHED, State, key_of
from .trust import trust_in
from .wire import signed_files

TRIES = 5
PACK_EVERY = 64  # moves of our branch
MESSAGE = "thrum: sync"
OWN_BRANCH = "."  # among the remotes that were looked at: our branch, as another host of the repository left it
_ROUNDS = 40  # looks at one tip by the first sync, until the quotas are used up
_PAUSE = 0.05  # seconds before the second try, doubled each time, times a random factor


class Synced(Record):
    """The result of one cycle."""

    taken: int = 0  # events taken in
    committed: bool = False
    pushed: bool = False
    remote: str = ""  # the remote that this clone syncs with
    damaged: tuple[str, ...] = ()  # for each damaged log a sentence: what came back, and what did not


class Cycle:
    """One cycle. Make a new one each time, under sync.lock."""

    def __init__(self, store: Store, *, local_only: bool) -> None:
        self._store = store
        self._state = state.load(store.paths.var, store.host)
        self._local_only = local_only
        self._probe = Branch(store.paths, store.host, "")
        self._settings: GitSettings  # read by `run` and `adopt`, so that an error in it is remembered
        self._taken = 0
        self._committed = False
        self._damaged: list[str] = []
        self._more = False  # a quota left something for the next sync

    def run(self) -> Synced:
        """Sync. Raises Unreachable, PushRejected, PublicRemote, Forbidden, Invalid or GitFailed.

        Everything taken in and committed before an error stays, and the next cycle continues from there.
        """
        remembered = self._state
        try:
            synced = self._run()
        except ThrumError as error:
            remembered.last_error, remembered.last_error_code = error.message, error.code
            remembered.last_error_hint = error.hint
            raise
        else:
            remembered.last_error = remembered.last_error_code = remembered.last_error_hint = None
            remembered.last_sync_ms = self._store.host.clock.wall_ms()
            return synced
        finally:
            self._save()

    def adopt(self, ref: str) -> Synced:
        """Take in the contents of a ref of this clone, without asking a remote."""
        self._settings = config.git_settings(self._probe.git)
        tip = self._probe.tip_of(ref)
        if tip.commit:
            self._integrate(self._probe, tip)
            self._save()
        return self._result()

    def _run(self) -> Synced:
        branch = self._branch()
        self._pack_when_due(branch)  # first: a remote that refuses us must not prevent it
        if not branch.remote:
            self._integrate(branch, BranchTip())
            return self._result()
        for turn in range(TRIES):
            branch.fetch()
            failpoint("sync.fetched")
            _, theirs = branch.tips()
            commit = self._integrate(branch, theirs)
            pushed = commit != theirs.commit
            if not pushed or self._push(branch, commit, theirs):
                self._remember_pushed()
                return self._result(pushed=pushed)
            self._pause(turn)
        raise PushRejected(f"{branch.remote!r} was faster {TRIES} times", hint="the next sync tries again")

    def _result(self, *, pushed: bool = False) -> Synced:
        return Synced(self._taken, self._committed, pushed, self._settings.remote, tuple(self._damaged))

    def _save(self) -> None:
        state.save(self._store.paths.var, self._store.host, self._state)

    def _branch(self) -> Branch:
        self._settings = config.git_settings(self._probe.git)
        if self._local_only or not self._settings.remote:
            return self._probe
        git = self._probe.git
        if git.asks("ls-files", "--error-unmatch", "--", ".thrum") is not None:
            raise Forbidden(".thrum is tracked by git, and it must never be", hint="run `git rm -r --cached .thrum`")
        public_remote.check(git, self._settings, self._state, self._store.host.clock.wall_ms())
        return Branch(self._store.paths, self._store.host, self._settings.remote)

    def _pack_when_due(self, branch: Branch) -> None:
        """Pack the objects since the last time, once our branch has moved often (docs/decisions/0019).

        Each loose object takes a block of the disk. Only objects of our branch are packed, and only files that are in
        a pack are removed, as git's own gc does it: safe beside any git, and if it is killed.
        """
        remembered = self._state
        if remembered.unpacked < PACK_EVERY:
            return
        remembered.unpacked = 0
        ours, _ = branch.tips()
        if ours.commit:
            branch.pack(ours.commit, remembered.packed)
            remembered.packed = ours.commit

    def _push(self, branch: Branch, commit: str, theirs: BranchTip) -> bool:
        try:
            pushed = branch.push(commit)
        except PushRejected:
            branch.fetch()
            if branch.tips()[1] == theirs:  # the remote refuses us; nobody was faster
                raise
            return False
        failpoint("sync.pushed")
        if pushed and not self._more:
            self._state.seen[branch.remote] = self._look_id(commit)
        return pushed

    def _pause(self, turn: int) -> None:
        self._store.host.clock.sleep(_PAUSE * 2**turn * (0.5 + int(self._store.host.entropy.token(1), 16) / 256))

    def _integrate(self, branch: Branch, theirs: BranchTip) -> str:
        """Make our branch hold `theirs` and our logs; return its commit. Another host may move it at the same time."""
        for turn in range(TRIES - 1):
            try:
                return self._integrated(branch, theirs)
            except BranchMoved:
                self._pause(turn)
        return self._integrated(branch, theirs)

    def _integrated(self, branch: Branch, theirs: BranchTip) -> str:
        ours, _ = branch.tips()
        admit_branch.check_tips(branch.git, ours.commit, theirs.commit, branch.remote, self._state)
        if ours.commit and ours.commit != theirs.commit and self._moved_by_others(ours):
            # What the branch gained came from another host of this repository: it is taken in as a remote's.
            self._merge(branch, self._last(branch, ours), ours, ours)
            ours, _ = branch.tips()
        base = ours if ours.commit and self._state.tip == ours.commit else BranchTip()
        return self._merge(branch, base, theirs, ours)

    def _moved_by_others(self, ours: BranchTip) -> bool:
        return ours.commit != self._state.tip or self._state.seen.get(OWN_BRANCH) == UNFINISHED

    def _last(self, branch: Branch, ours: BranchTip) -> BranchTip:
        """Return the commit that we left our branch at, if it only grew since; else none."""
        last = branch.tip_of_commit(self._state.tip) if self._state.tip else BranchTip()
        return last if last.tree and branch.contains(ours.commit, last.commit) else BranchTip()

    def _merge(self, branch: Branch, base: BranchTip, theirs: BranchTip, ours: BranchTip) -> str:
        """Move our branch from `ours` to a commit that holds `theirs`, and our logs as they follow `base`."""
        remembered = self._state
        if not base.commit:
            remembered.published, remembered.files, remembered.seen = {}, {}, {}
        repository = Repository(branch.git, self._store.paths.var, self._store.host)
        certificate.settle(self._store, remembered, branch, ours)
        self._repair(branch, repository, ours, theirs)
        taken = self._take(branch, theirs, base, repository, OWN_BRANCH if theirs is ours else branch.remote)
        if rekey.rekey(self._store, remembered, branch, theirs):
            return self._integrated(branch, theirs)  # under the new keys, from the beginning
        seal(self._store, remembered)
        new = prepare(self._store, remembered, repository.own)
        made = self._tree(branch, base, new, taken)
        commit = self._commit(branch, made, ours, theirs)
        remembered.tip, remembered.published, remembered.files = commit, new.published, new.files
        self._save()
        return commit

    def _repair(self, branch: Branch, repository: Repository, ours: BranchTip, theirs: BranchTip) -> None:
        """Restore the published part of lost or damaged logs."""
        remembered, tips = self._state, f"{ours.commit} {theirs.commit}"
        shards = [shard for shard in restore.suspects(self._store, remembered) if self._may_repair(shard, tips)]
        if shards:
            proof = Proof(self._store, branch, repository, (ours, theirs))
            self._damaged += restore.restore(self._store, remembered, proof, shards, tips)
            remembered.look_again()

    def _may_repair(self, shard: Shard, tips: str) -> bool:
        """Skip logs that these commits could not repair before, and stores that we do not trust."""
        key = key_of(shard)
        known = self._state.repairs.get(key)
        tried = known is not None and known.tips == tips and bool(known.lost) and key not in self._state.suspects
        return not tried and trust_in(shard.store, self._store.own, self._settings, self._state).accepted

    def _take(self, branch: Branch, theirs: BranchTip, base: BranchTip, repository: Repository, source: str) -> Taken:
        total = Taken()
        look, source = self._look_id(theirs.commit), source or "adopted"
        if not theirs.commit or self._state.seen.get(source) == look:
            return total
        first = self._state.last_sync_ms is None  # a history is taken at once, later floods bit by bit
        for _ in range(_ROUNDS if first else 1):
            taken = Incoming(self._store, self._state, branch, self._settings, repository).take(theirs, base)
            total.events += taken.events
            total.carried, total.versions, self._more = taken.carried, taken.versions, taken.more
            if not taken.more:
                self._state.seen[source] = look
            elif source == OWN_BRANCH:  # whose tip will be ours then, and no reason to look
                self._state.seen[source] = UNFINISHED
            if not taken.more or not taken.events:
                break
        self._taken += total.events
        return total

    def _look_id(self, commit: str) -> str:
        """Identify a look at a commit under the current rules of trust: other rules make a new look worthwhile."""
        rules = (self._settings.policy, sorted(self._settings.known), sorted(self._settings.blocked))
        return f"{commit} {fingerprint(repr(rules).encode())[:8]}"

    def _tree(self, branch: Branch, base: BranchTip, new: Outgoing, taken: Taken) -> str:
        written = {path: data for path, data in new.contents.items() if data is not None}
        oids = dict(zip(written, branch.write(list(written.values())), strict=True))
        removed = {path: "" for path, data in new.contents.items() if data is None}
        changes = {**taken.carried, **oids, **(removed if base.tree else {})}
        if base.tree and not changes and not taken.versions:
            return base.tree
        failpoint("sync.written")
        return branch.make_tree(base.tree, changes, taken.versions)

    def _commit(self, branch: Branch, made: str, ours: BranchTip, theirs: BranchTip) -> str:
        """Return a commit of this tree and of both histories, new only if there is none; move our branch to it."""
        if theirs.commit and made == theirs.tree:
            commit = theirs.commit
        elif made == ours.tree and (not theirs.commit or branch.contains(ours.commit, theirs.commit)):
            return ours.commit
        else:
            commit = branch.commit(made, (ours.commit, theirs.commit), MESSAGE)
            self._committed = True
        failpoint("sync.committed")
        if commit != ours.commit:
            branch_worktree.check_not_checked_out(self._store.paths, branch.git)
            branch.move(commit, ours.commit)
            self._state.unpacked += 1
        return commit

    def _remember_pushed(self) -> None:
        heads = signed_files.heads(self._store, self._store.own)
        self._state.pushed = {agent: end.seq for agent, end in heads.shards.items()} if heads else {}


def synchronize(store: Store, *, local_only: bool, patience: float = 30.0) -> Synced:
    """Run one cycle once sync.lock is free. Raises StoreBusy after `patience` seconds."""
    lock = store.host.lock(store.paths.in_var(SYNC_LOCK))
    lock.acquire(patience)
    try:
        with OwnersFiles(store.paths, store.host.clock):
            branch_worktree.keep(store.paths, store.host)
            rekey.finish(store)
            store.restore_logs()
            store.catch_up()
            return Cycle(store, local_only=local_only).run()
    finally:
        lock.release()


def adopt(store: Store) -> Synced:
    """Take in the branch that this clone fetched before thrum was set up; asks no remote."""
    remote = config.git_settings(Branch(store.paths, store.host, "").git).remote
    with store.host.lock(store.paths.in_var(SYNC_LOCK)):
        return Cycle(store, local_only=True).adopt(f"refs/remotes/{remote}/a-sync") if remote else Synced()


def unsent(store: Store, remembered: State) -> int:
    """Count our own events that the remote lacks, as far as we know."""
    ends: dict[str, ShardPosition] = {s.agent: head for s, head in lengths(store.view).items() if s.store == store.own}
    return sum(max(head.seq - remembered.pushed.get(agent, 0), 0) for agent, head in ends.items())
