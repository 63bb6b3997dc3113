"""The places of a store: git's directories, `.thrum`, and every name and lock in the store's directory `var`.

They are found by reading a few small files of git, without starting git (3 ms) or loading pathlib (7 ms). All worktrees
of one clone share one store, because they share git's common directory. Only identities and contexts belong to a single
worktree. Hooks load this module at each tool call, so it loads `thrum_store.errors` only to raise.
"""

from __future__ import annotations

import os

from thrum_store.values import NamedTuple

from .git_files import Location, branch_at, content, discover, worktree_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# --- names in git's common directory, where no clean reaches and which no clone carries -------------------------------

SYNC_HOME = "thrum-sync"  # everything of ours in git's directory
VAR = "thrum-sync/var"  # what belongs to this machine
GUESTS = "thrum-sync/guests"  # a note of each host that keeps a store of its own, because another has this one
GUEST_RECORD = "guest.json"  # in the directory of a guest: the repository, and the computer of the guest
STRAYS = "thrum-sync/strays"  # directories that an older version made in `.thrum/var` beside this store

# --- names in var -----------------------------------------------------------------------------------------------------

STORE_FILE = "store.json"  # the id of this clone's store; `init` writes it last, a re-key replaces it
SETTINGS_COPY = "config.json"  # what `.thrum/config.json` said, for a clean that takes it
CLAIM = "host.json"  # the host whose store this is; without it the first host that opens the store is that host
KEYS = "keys"  # the private keys of this store and of its former ones, `<store>.key`
STORE_KEY = "keys/store.key"  # the private key that signs now
BELLS = "bells"  # the FIFOs of those who wait; nothing is lost with them
LIVE = "live"  # the last values of each agent, `<agent>.json`
HOOKS = "hooks"  # what each client session was shown
WAITS = "waits"  # the newest message that a wait of each agent reported
TURNS = "turns"  # what began the last turn of each agent: a wake, or a person
SUBSCRIPTIONS = "subscriptions.json"
VIEW_POINTER = "current-v4"  # names the view's file that counts; without it the view is rebuilt
PURGE_MARKS = "cuts.json"  # up to which event each log was purged
FLOORS = "floors.json"  # up to which event the messages in each log of another store are hidden on this machine
SEGMENT_COPIES = "segments"  # a hard link to each segment of our own logs, by store and agent
IMPORTED = "imported.txt"  # the events of the Go program that were imported, also those that a purge removed since
LOG_FILES = "log"  # log files of programs and crash reports; read by people only
DAEMON_LOG = "log/daemon.log"
MCP_LOG = "log/mcp.log"
TORN = "torn"  # bytes that a killed writer left at the end of a log

SYNC_STATE = "sync.json"  # what the last sync knew; without it the next one looks at everything
SYNC_INDEX = "sync.index"  # git's index while a commit is made
SYNC_GIT_CONFIG = "git.config"  # the git configuration that a sync runs with
OUTGOING = "outgoing"  # objects of a commit in the making
REPOSITORY_FILE = "repository.json"  # the id of the repository, from its first commits
ASIDE = "aside"  # logs of others that a log with another history replaced
DAMAGED = "damaged"  # damaged logs as they were before their repair
LOST = "lost"  # events that a repair could not keep in their place
REKEY_STEP = "renewal.json"  # a re-key that is under way
REKEY = "renewal"  # the logs of the new store while a re-key is under way
FORMER_LOGS = "former"  # the logs of this clone's former stores

DAEMON_PID = "thrum.pid"  # the daemon's process, as JSON
DAEMON_SOCKET = "thrum.sock"
DAEMON_SOCKET_POINTER = "sock.path"  # the path of the socket if it is not the usual one
WEBSOCKET_PORT = "ws.port"
WEBSOCKET_TOKEN = "ws.token"

OLDER_PROCESSES = "older.json"  # the processes of an older version that had the store open when it moved to var

INIT_LOCK = "init.lock"  # held while a repository is set up
CONFIG_LOCK = "config.lock"  # held from reading to replacing `.thrum/config.json`
COMMIT_LOCK = "commit.lock"  # held while the view is written, checkpointed or closed
SYNC_LOCK = "sync.lock"  # held during a sync, a purge and a repair
PURGE_LOCK = "cuts.lock"  # held while purge marks or floors are raised
BACKUP_LOCK = "backup.lock"  # held while a backup is made
BACKUP_STATE = "backup.json"  # when a backup was last made or tried, and when the schedule began
SUBSCRIPTIONS_LOCK = "subscriptions.lock"
DAEMON_LOCK = "daemon.lock"  # the lease: held by the daemon as long as it lives
DAEMON_START_LOCK = "daemon.start.lock"  # held while a daemon is started or stopped
FIRST_WORKTREE = "first-worktree"  # where the first worktree is, if git's directory does not say so

LOCKS = "locks"  # the locks that are taken by agent or session
LOG_CREATION_LOCK = "locks/.beginnings.lock"  # held while an agent's first log begins, and during a re-key

LAUNCHER = "thrum-sync/bin/thrum"  # in git's common directory: starts thrum for the clients of this clone


def shard_lock(agent: str) -> str:
    """Return the name of the lock under which an agent's log is written."""
    return f"{LOCKS}/{agent}.lock"


def hook_lock(session: str) -> str:
    """Return the name of the lock under which a hook handles a client session."""
    return f"{LOCKS}/hook.{session}.lock"


def listener_lock(session: str) -> str:
    """Return the name of the lock that the listener of a client session holds."""
    return f"{LOCKS}/listen.{session}.lock"


def shared_context(agent: str) -> str:
    """Return the path of the context that an agent shares, below its store in the logs."""
    return f"{agent}/context.md"


def woken_mark(agent: str) -> str:
    """Return the name of the file that exists while an agent is in a turn that a wake began."""
    return f"{TURNS}/{agent}.woken"


def prompt_time(agent: str) -> str:
    """Return the name of the file with the time at which a person last ended such a turn."""
    return f"{TURNS}/{agent}.person"


# Of store.json, in bytes: a longer one may be marked as visible to other kernels.
_UNMARKED = 70


class Paths(NamedTuple):
    """The places of one store, as seen from one worktree. All are absolute."""

    root: str  # this worktree
    git_dir: str  # this worktree's own git directory
    common: str  # the git directory that all worktrees share
    thrum: str  # the shared .thrum
    local: str  # this worktree's .thrum: identities, contexts, redirect
    var: str  # everything that belongs to this machine: keys, locks, view
    guest: str = ""  # the directory of this host's own store, if another host keeps its store in the repository

    @property
    def shared_var(self) -> str:
        """The place of the store whose host was first, as all hosts see it."""
        return os.path.join(self.common, VAR) if self.guest else self.var

    def in_var(self, name: str) -> str:
        """Return the path of one of the names in `var`."""
        return os.path.join(self.var, name)

    @property
    def former_var(self) -> str:
        """The place of `var` in older versions; today a link for their processes."""
        return os.path.join(self.thrum, "var")

    @property
    def config(self) -> str:
        """The settings file, shared by all worktrees."""
        return os.path.join(self.thrum, "config.json")

    @property
    def identities(self) -> str:
        """The directory of this worktree's identity files; they never follow the redirect."""
        return os.path.join(self.local, "identities")

    @property
    def sync(self) -> str:
        """The worktree of the branch a-sync; for a guest just a directory."""
        return os.path.join(self.guest or os.path.join(self.common, SYNC_HOME), "a-sync")

    @property
    def launcher(self) -> str:
        """The script with which the clients of this clone start thrum."""
        return os.path.join(self.common, LAUNCHER)

    @property
    def logs(self) -> str:
        """The directory of the logs: in it one directory per store, and one per agent in each."""
        return os.path.join(self.sync, "v1")

    @property
    def bells(self) -> str:
        """The directory of the FIFOs of those who wait."""
        return self.in_var(BELLS)

    @property
    def worktree(self) -> str:
        """The name of this worktree, which survives a move."""
        return worktree_name(self.git_dir, self.common)

    def local_of(self, worktree: str, root: str) -> str:
        """Return what `local` is for another worktree, by its name and root."""
        return os.path.join(self.guest, "worktrees", worktree) if self.guest else os.path.join(root, ".thrum")

    @property
    def branch(self) -> str:
        """The branch of this worktree, as `branch_at` reads it."""
        return branch_at(self.git_dir)

    @property
    def initialized(self) -> bool:
        """True if the repository has a store."""
        return os.path.exists(self.in_var(STORE_FILE))


def around(start: str) -> Paths | None:
    """Return the places around the real path `start`, or None outside of any worktree. Reads no redirect.

    Raises OSError where git's own files lead nowhere.
    """
    location = discover(start)
    return places_of(location) if location is not None and location.root else None


def places_of(location: Location) -> Paths:
    """Return the places of a repository: they follow from git's directories, and from nothing else."""
    root, git_dir, common = location
    beside = os.path.dirname(common) if os.path.basename(common) == ".git" else common
    thrum, local = os.path.join(beside, ".thrum"), os.path.join(root, ".thrum")
    return Paths(root, git_dir, common, thrum, local, os.path.join(common, VAR))


def settled(paths: Paths) -> tuple[Paths, bool]:
    """Return the places with `var` where this host keeps its store, and whether there is one.

    An older version left it in `.thrum/var`. A guest keeps it in a directory of its own.
    """
    status = _status(paths)
    if status is None:
        former = _former(paths)
        if former is not None:
            paths, status = former, _status(former)
        elif not os.path.exists(os.path.join(paths.common, GUESTS)):
            return paths, False
    # A disk of this machine, and no sign that another kernel sees it: nothing else needs to be read.
    if status is not None and os.major(status.st_dev) and status.st_size <= _UNMARKED and not system():
        return paths, True
    return _by_kernel(paths, status is not None)


def _former(paths: Paths) -> Paths | None:
    """Return the places of a store in a `.thrum/var`; where `.git` is a link, an older version kept it beside that."""
    for thrum in (paths.thrum, paths.local) if paths.git_dir == paths.common else (paths.thrum,):
        former = paths._replace(thrum=thrum, var=os.path.join(thrum, "var"))
        # A link of ours leads nowhere without a store; one that came with a copied `.thrum` leads to another clone.
        if _status(former) is not None and not os.path.realpath(former.var).endswith(f"/{VAR}"):
            return former
    return None


def system() -> str:
    """Return the directory below which the system's files about itself are read: the root, but in tests."""
    return os.environ.get("THRUM_SYSTEM", "") if os.environ.get("THRUM_TESTING") == "1" else ""


def _status(paths: Paths) -> os.stat_result | None:
    try:
        return os.stat(paths.in_var(STORE_FILE))
    except (OSError, ValueError):
        return None


def _by_kernel(paths: Paths, exists: bool) -> tuple[Paths, bool]:
    """Look who keeps the store: the claim or the note of a guest names this kernel, or the choice is made anew."""
    kernel = os.environ.get("THRUM_HOST_ID") or _text(f"{system()}/proc/sys/kernel/random/boot_id").replace("-", "")
    if kernel.replace("-", "").isalnum():
        if exists and f'"{kernel}"' in _text(paths.in_var(CLAIM)):
            return paths, True
        place = _text(os.path.join(paths.common, GUESTS, f"{kernel}.{os.getuid()}")).partition("\n")[0]
        status = _status(as_guest(paths, place)) if place else None
        if status is not None and status.st_uid == os.getuid():
            return as_guest(paths, place), True
    from .claims import chosen  # once after each start of a machine

    return chosen(paths, exists)


def as_guest(paths: Paths, place: str) -> Paths:
    """Return the places of a host that keeps its store, its logs and its identities in `place`."""
    guest = paths._replace(var=os.path.join(place, "var"), guest=place)
    return guest._replace(local=guest.local_of(paths.worktree, paths.root))


def _text(path: str) -> str:
    try:
        return content(path) or ""
    except OSError:
        return ""


def find(start: str = ".") -> Paths:
    """Return the places around `start`, with or without a store; nothing is moved.

    Raises as `located`, or Invalid if a redirect leads to another repository.
    """
    return settled(_checked(start))[0]


def located(start: str = ".") -> Paths:
    """Return the places around `start`, whatever its redirect says: for commands that write the redirect anew.

    Raises NotARepository and its kin where git cannot work, or Invalid if `start` does not exist.
    """
    return settled(_placed(start))[0]


def initialized(start: str = ".", begin: Callable[[Paths], object] | None = None) -> Paths:
    """Return the places around `start`; `begin` makes the store of a guest that has none yet.

    Raises as `find`, NotInitialized, or Forbidden for another user's store.
    """
    paths, exists = settled(_checked(start))
    if exists:
        return paths
    if paths.guest and begin is not None:
        begin(paths)
        return paths
    from .obstacles import without_store

    raise without_store(paths.root, paths.thrum, paths.var)


def _checked(start: str) -> Paths:
    paths = _placed(start)
    stranger = strange_redirect(paths)
    if stranger:
        from .obstacles import strange

        raise strange(paths.root, paths.thrum, stranger)
    return paths


def _placed(start: str) -> Paths:
    try:
        absolute = os.path.realpath(start)
    except OSError as error:  # the current directory was removed
        from thrum_store.machine.storage_errors import DirectoryRemoved

        raise DirectoryRemoved from error
    try:
        paths = around(absolute) if os.path.isdir(absolute) else None
    except OSError:
        paths = None
    if paths is not None:
        return paths
    from .obstacles import around_git_dir

    return places_of(around_git_dir(start, absolute))


def strange_redirect(paths: Paths) -> str:
    """Return the other store that the redirect names, or "": the file may come from a stranger's branch.

    A store that is not there is none: the repository was moved, or a container sees it elsewhere. Git knows the place.
    """
    target = redirect_of(paths)
    astray = target not in ("", paths.thrum) and os.path.exists(target) and not os.path.samefile(target, paths.thrum)
    return target if astray else ""


def redirect_of(paths: Paths) -> str:
    """Return the store that this worktree's redirect names, "" without one."""
    try:
        return (content(os.path.join(paths.local, "redirect")) or "").strip()
    except OSError:
        return ""
