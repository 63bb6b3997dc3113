"""One sync: learn what the remote has, take it in, say what is ours, push.

It holds sync.lock, and no other while git talks.

Idle, it starts git three times, makes no commit and no push. Nothing is ever forced: where another machine was
faster, it begins again (reliability §6.2).
"""

from __future__ import annotations

from dataclasses import dataclass

from thrum_store.errors import Refused, ThrumError
from thrum_store.log.segments import Shard, ShardPosition
from thrum_store.machine.digest import fingerprint
from thrum_store.machine.storage import failpoint
from thrum_store.repository.paths import SYNC_LOCK
from thrum_store.store import Store
from thrum_store.view.queries.lengths import lengths

from . import state
from .incoming import Incoming, Taken, heard, trust_of
from .outgoing import Outgoing, outgoing, seal
from .remote import packing, public_remote, settings
from .remote.branch import Branch, BranchTip, PushRejected
from .remote.repository_id import Repository
from .remote.settings import Settings
from .repair import healing, rekey
from .repair.proof import Proof
from .state import State, key_of
from .wire import signed_files

TRIES = 5
_ROUNDS = 40  # looks at one tip by the first sync, while quotas are used up
_PAUSE = 0.05  # seconds before the second try, doubled each time, times a random factor
MESSAGE = "thrum: sync"


@dataclass(frozen=True)
class Synced:
    """What one cycle did."""

    taken: int = 0  # events taken in
    committed: bool = False
    pushed: bool = False
    remote: str = ""  # which one it is that this clone exchanges with
    damaged: tuple[str, ...] = ()  # a sentence for each log that was found damaged: what came back, what did not


class Cycle:
    """One cycle. Make a new one each time, under sync.lock."""

    def __init__(self, store: Store, *, local_only: bool) -> None:
        self._store = store
        self._remembered = state.load(store.paths.var, store.host)
        self._local_only = local_only
        self._settings: Settings | None = None
        self._taken = 0
        self._committed = False
        self._damaged: list[str] = []
        self._more = False  # a quota left something for the next sync

    def run(self) -> Synced:
        """Syncs. Raises what stops it as a whole: Unreachable, Rejected, PublicRemote, Refused, Invalid, GitFailed.

        What it took in and committed until then stays, and the next cycle goes on from there.
        """
        remembered = self._remembered
        try:
            done = self._run()
        except ThrumError as error:
            remembered.last_error, remembered.last_error_code = error.message, error.code
            remembered.last_error_hint = error.hint
            raise
        else:
            remembered.last_error = remembered.last_error_code = remembered.last_error_hint = None
            remembered.last_sync_ms = self._store.host.clock.wall_ms()
            return done
        finally:
            state.save(self._store.paths.var, self._store.host, remembered)

    def _run(self) -> Synced:
        branch = self._branch()
        packing.pack_when_due(self._remembered, branch)  # before all else: a remote that refuses us shall not hinder it
        if not branch.remote:
            self._integrate(branch, BranchTip())
            return self._done()
        for turn in range(TRIES):
            branch.fetch()
            failpoint("sync.fetched")
            _, theirs = branch.tips()
            commit = self._integrate(branch, theirs)
            if commit == theirs.commit:
                self._remember_pushed()
                return self._done()
            if self._push(branch, commit, theirs):
                self._remember_pushed()
                return self._done(pushed=True)
            self._pause(turn)
        raise PushRejected(f"{branch.remote!r} was faster {TRIES} times", hint="the next sync tries again")

    def _done(self, *, pushed: bool = False) -> Synced:
        remote = self._settings.remote if self._settings else ""
        return Synced(self._taken, self._committed, pushed, remote, tuple(self._damaged))

    def _branch(self) -> Branch:
        probe = Branch(self._store.paths, self._store.host, "")
        told = settings.read(probe.git)
        self._settings = told
        if self._local_only or not told.remote:
            return probe
        if probe.git.asks("ls-files", "--error-unmatch", "--", ".thrum") is not None:
            raise Refused(".thrum is tracked by git, and it must never be", hint="run `git rm -r --cached .thrum`")
        public_remote.check(probe.git, told, self._remembered, self._store.host.clock.wall_ms())
        return Branch(self._store.paths, self._store.host, told.remote)

    def _push(self, branch: Branch, commit: str, theirs: BranchTip) -> bool:
        try:
            pushed = branch.push(commit)
        except PushRejected:
            branch.fetch()
            if branch.tips()[1] == theirs:  # it refuses us; nobody was faster
                raise
            return False
        failpoint("sync.pushed")
        if pushed and not self._more:
            self._remembered.seen[branch.remote] = self._how(commit)
        return pushed

    def _pause(self, turn: int) -> None:
        spread = 0.5 + int(self._store.host.entropy.token(1), 16) / 256
        self._store.host.clock.sleep(_PAUSE * 2**turn * spread)

    # taking in and saying

    def adopt(self, ref: str) -> Synced:
        """Takes in what a ref of this clone has, without asking any remote."""
        branch = self._branch_offline()
        tip = branch.tip_of(ref)
        if tip.commit:
            self._integrate(branch, tip)
            state.save(self._store.paths.var, self._store.host, self._remembered)
        return self._done()

    def _branch_offline(self) -> Branch:
        branch = Branch(self._store.paths, self._store.host, "")
        self._settings = settings.read(branch.git)
        return branch

    def _integrate(self, branch: Branch, theirs: BranchTip) -> str:
        """Makes our branch hold what `theirs` and our logs hold, and returns its commit."""
        ours, _ = branch.tips()
        remembered = self._remembered
        base = ours if ours.commit and remembered.tip == ours.commit else BranchTip()
        if not base.commit:
            remembered.published, remembered.files, remembered.seen = {}, {}, {}
        repository = Repository(branch.git, self._store.paths.var, self._store.host)
        self._heal(branch, repository, ours, theirs)
        taken = self._take(branch, theirs, base, repository)
        if rekey.renew(self._store, remembered, branch, theirs):
            return self._integrate(branch, theirs)  # under its new keys, and from the beginning
        seal(self._store, remembered)
        new = outgoing(self._store, remembered, repository.own)
        made = self._tree(branch, base, new, taken)
        commit = self._commit(branch, made, ours, theirs)
        remembered.tip, remembered.published, remembered.files = commit, new.published, new.files
        state.save(self._store.paths.var, self._store.host, remembered)
        return commit

    def _heal(self, branch: Branch, repository: Repository, ours: BranchTip, theirs: BranchTip) -> None:
        """Logs that were lost or have rotted get back what was published of them."""
        remembered, tips = self._remembered, f"{ours.commit} {theirs.commit}"
        wanted = [one for one in healing.doubted(self._store, remembered) if self._may_mend(one, tips)]
        if wanted:
            proof = Proof(self._store, branch, repository, (ours, theirs))
            self._damaged += healing.heal(self._store, remembered, proof, wanted, tips)
            remembered.seen = {}

    def _may_mend(self, shard: Shard, tips: str) -> bool:
        """Not where the same commits had nothing for it, and nothing of a store that we take nothing from."""
        key = key_of(shard)
        known = self._remembered.repairs.get(key)
        asked = known is not None and known.tips == tips and bool(known.lost) and key not in self._remembered.doubted
        told = self._settings
        assert told is not None
        return not asked and heard(trust_of(shard.store, self._store.own, told, self._remembered))

    def _take(self, branch: Branch, theirs: BranchTip, base: BranchTip, repository: Repository) -> Taken:
        taken = Taken()
        how = self._how(theirs.commit)
        if not theirs.commit or self._remembered.seen.get(branch.remote or "adopted") == how:
            return taken
        told = self._settings
        assert told is not None
        first = self._remembered.last_sync_ms is None  # a history comes at once, later floods come by and by
        for _ in range(_ROUNDS if first else 1):
            looked = Incoming(self._store, self._remembered, branch, told, repository).take(theirs, base)
            taken.events += looked.events
            taken.carried, taken.versions, self._more = looked.carried, looked.versions, looked.more
            if not looked.more:
                self._remembered.seen[branch.remote or "adopted"] = how
            if not looked.more or not looked.events:
                break
        self._taken += taken.events
        return taken

    def _how(self, commit: str) -> str:
        """A tip, and the rules under which it was looked at: others make a new look worth it."""
        told = self._settings
        rules = () if told is None else (told.policy, sorted(told.known), sorted(told.blocked))
        return f"{commit} {fingerprint(repr(rules).encode())[:8]}"

    def _tree(self, branch: Branch, base: BranchTip, new: Outgoing, taken: Taken) -> str:
        written = {path: data for path, data in new.contents.items() if data is not None}
        oids = dict(zip(written, branch.write(list(written.values())), strict=True))
        gone = {path: "" for path, data in new.contents.items() if data is None}
        changes = {**taken.carried, **oids, **(gone if base.tree else {})}
        if base.tree and not changes and not taken.versions:
            return base.tree
        failpoint("sync.written")
        return branch.make_tree(base.tree, changes, taken.versions)

    def _commit(self, branch: Branch, made: str, ours: BranchTip, theirs: BranchTip) -> str:
        """Where our branch stands afterwards: at a new commit only where none has this tree and both histories."""
        if theirs.commit and made == theirs.tree:
            commit = theirs.commit
        elif made == ours.tree and (not theirs.commit or branch.contains(ours.commit, theirs.commit)):
            return ours.commit
        else:
            commit = branch.commit(made, (ours.commit, theirs.commit), MESSAGE)
            self._committed = True
        failpoint("sync.committed")
        if commit != ours.commit:
            branch.move(commit, ours.commit)
            self._remembered.unpacked += 1
        return commit

    def _remember_pushed(self) -> None:
        told = signed_files.heads(self._store, self._store.own)
        self._remembered.pushed = {agent: goal.seq for agent, goal in told.shards.items()} if told else {}


def synchronize(store: Store, *, local_only: bool, patience: float = 30.0) -> Synced:
    """One cycle, once the one that may run at this moment has ended; StoreBusy after `patience` seconds."""
    lock = store.host.lock(store.paths.in_var(SYNC_LOCK))
    lock.acquire(patience)
    try:
        rekey.finish(store)
        store.catch_up()
        return Cycle(store, local_only=local_only).run()
    finally:
        lock.release()


def adopt(store: Store) -> Synced:
    """Takes in what this clone fetched of the branch before thrum was set up here; talks to nobody."""
    git = Branch(store.paths, store.host, "").git
    told = settings.read(git)
    with store.host.lock(store.paths.in_var(SYNC_LOCK)):
        if not told.remote:
            return Synced()
        return Cycle(store, local_only=True).adopt(f"refs/remotes/{told.remote}/a-sync")


def unsent(store: Store, remembered: State) -> int:
    """Events said here that the remote does not have, as far as we know."""
    ends: dict[str, ShardPosition] = {s.agent: head for s, head in lengths(store.view).items() if s.store == store.own}
    return sum(max(head.seq - remembered.pushed.get(agent, 0), 0) for agent, head in ends.items())
