"""Names, and who is asking: the identity of an agent, from flags, environment and files."""

from __future__ import annotations

import os

from . import values
from .errors import AmbiguousIdentity, Corrupted, Invalid, NoIdentity, NotInitialized
from .machine.host import EVERY, REAL, Host, Lock, failed
from .repository.paths import LOG_CREATION_LOCK, STORE_FILE, Paths
from .values import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


# --- names ------------------------------------------------------------------------------------------------------------
DISTRIBUTION = "thrum-agents"  # the name to install; `thrum` on the package index is another project's
EVERYONE = "everyone"
RESERVED = frozenset({"daemon", "system", "thrum", "all", "broadcast", EVERYONE})
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(1, 10))})
NAME = r"[a-z0-9][a-z0-9_-]{0,63}"  # the pattern of a name, for larger patterns; a path may hold one
NAME_LIMIT = 64
_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz")
_START = _LOWER | frozenset("0123456789")
_INSIDE = _START | frozenset("_-")


class Given(NamedTuple):
    """The identity options of a command line; None for an option that is absent."""

    name: str | None = None
    role: str | None = None
    module: str | None = None
    display: str | None = None


class Caller(NamedTuple):
    """The agent that calls, resolved once where a request enters. `given`: what flags and variables say of it."""

    name: str
    role: str = ""
    module: str = ""
    display: str = ""
    worktree: str = ""
    source: str = "flag"  # flag | environment | file
    given: Given = Given()

    @property
    def bell(self) -> str:
        """The bell of its mail; a role for one call is reached by messages that ring another agent's."""
        return EVERY if self.given.role else self.name


def is_name(text: str) -> bool:
    """Return whether `text` has the form of a name, as the pattern `NAME` says it."""
    return 0 < len(text) <= NAME_LIMIT and text[0] in _START and _INSIDE.issuperset(text)


def valid_name(text: str, noun: str = "name") -> str:
    """Return `text` if it can be the name of an agent, role, group or module. Raises Invalid.

    It has 1 to 64 lower-case ASCII letters, digits, `-`, `_`. No module is reserved: none is an address, or in a path.
    """
    if not is_name(text):
        raise Invalid(
            f"{text!r} cannot be a {noun}",
            hint="use 1 to 64 of a-z, 0-9, `-` and `_`, beginning with a letter or a digit",
        )
    if noun != "module" and (text in RESERVED or text in _DEVICES):
        raise Invalid(f"{text!r} is reserved and cannot be a {noun}", hint="choose another one")
    return text


def bare_address(text: str) -> str:
    """Return the bare name in `@name`, `name`, `name@nick` or the Go program's `agent:role:hash`. Raises Invalid."""
    bare = agent_name(text.strip())
    local, _, nick = bare.partition("@")
    if not is_name(local) or (nick and not is_name(nick)):
        raise Invalid(f"{text!r} is not an address", hint="write @name, @role, @group or @everyone")
    return bare


def agent_name(text: str) -> str:
    """Return an agent's name as it is written: without `@`, and for the Go program's id the name of its one agent."""
    bare = text.removeprefix("@")
    kind, role, digest = (*bare.split(":", 2), "", "")[:3]
    return migrated_name(bare) if kind == "agent" and role and digest else bare


def is_go_id(text: str) -> bool:
    """Return whether `text` is an agent's id as the Go program writes it: it means one agent, never a role."""
    return text.strip().removeprefix("@").startswith("agent:")


def migrated_name(identifier: str) -> str:
    """Return the name that a migrated agent has: `agent:role:hash` and `user:name` keep their parts."""
    kept = identifier.removeprefix("agent:").replace(":", "-").lower()
    name = "-".join("".join(letter if letter in _INSIDE else " " for letter in kept).split()).strip("-_")[:NAME_LIMIT]
    return f"{name[: NAME_LIMIT - 2]}-1" if name in RESERVED else name


def short_id(store: str) -> str:
    """Return the beginning of a store's id, by which people tell stores apart."""
    return store[:8]


def address_of(name: str, store: str, *, own: bool) -> str:
    """Return the address of an agent: its name, with the short id of its store if it belongs to another store."""
    return name if own else f"{name}@{short_id(store)}"


# --- who is asking ----------------------------------------------------------------------------------------------------
VERSION = 3  # of the identity file, as the Go program counts


NOTHING = Given()


def resolve(paths: Paths, given: Given = NOTHING, environ: Mapping[str, str] = os.environ) -> Caller:
    """Return the caller. Raises NoIdentity, AmbiguousIdentity, or Invalid for a name that is not allowed."""
    name, source = decided(paths, given, environ)
    agent: dict[str, Any] = (load(paths, name) or {}).get("agent", {})
    role, module, display = (
        flag or environ.get(f"THRUM_{key.upper()}") or None
        for key, flag in (("role", given.role), ("module", given.module), ("display", given.display))
    )
    return Caller(
        name=name,
        role=valid_name(role, "role") if role else str(agent.get("role", "")),
        module=valid_name(module, "module") if module else str(agent.get("module", "")),
        display=display or str(agent.get("display", "")),
        worktree=paths.worktree,
        source=source,
        given=Given(name, role, module, display),
    )


def named(paths: Paths, given: Given, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the name that was given or stands in the only identity file, or None. Raises AmbiguousIdentity."""
    try:
        return decided(paths, given, environ)[0]
    except AmbiguousIdentity:
        raise
    except NoIdentity:
        return None


def decided(paths: Paths, given: Given = NOTHING, environ: Mapping[str, str] = os.environ) -> tuple[str, str]:
    """Return the caller's name and its source: environment, flag or file. Raises as `resolve`; reads no file."""
    if environ.get("THRUM_NAME"):
        return valid_name(environ["THRUM_NAME"]), "environment"
    if given.name:
        return valid_name(given.name), "flag"
    known = names(paths)
    if len(known) > 1:
        known = [name for name in known if os.access(_path(paths, name), os.R_OK)] or known  # not another user's
    if len(known) > 1:
        raise AmbiguousIdentity(known)
    if not known:
        raise NoIdentity
    return known[0], "file"


def names(paths: Paths) -> list[str]:
    """Return the names of this worktree's identities."""
    try:
        files = os.listdir(paths.identities)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise failed(error, f"cannot list {paths.identities}") from error
    return sorted(file.removesuffix(".json") for file in files if file.endswith(".json"))


def load(paths: Paths, name: str) -> dict[str, Any] | None:
    """Return the content of an identity file, or None without one. Raises Invalid.

    The keys of its agent are in lower case; the Go program wrote them with a capital.
    """
    try:
        with open(_path(paths, name), encoding="utf-8") as file:
            content: dict[str, Any] = values.loads(file.read())
        content["agent"] = {key.lower(): value for key, value in content.get("agent", {}).items()}
    except FileNotFoundError:
        return None
    except OSError as error:
        raise failed(error, f"cannot read {_path(paths, name)}") from error
    except (ValueError, AttributeError, TypeError):
        raise Invalid(
            f"{_path(paths, name)} is not an identity file", hint="remove it and run `thrum quickstart` again"
        ) from None
    return content


def save(paths: Paths, caller: Caller, session_id: str | None = None, intent: str = "", host: Host = REAL) -> str:
    """Write the caller's identity file, keeping keys that we do not know; return its path within the worktree."""
    from .repository.former_place import restore_link  # only a registration and the start of a session write this file
    from .values import rfc3339

    content = load(paths, caller.name) or {}
    content |= {
        "version": VERSION,
        "agent": {
            "kind": "agent", "name": caller.name, "role": caller.role, "module": caller.module,
            "display": caller.display,
        },
        "worktree": paths.worktree,
        "branch": paths.branch,
        "intent": intent or content.get("intent", ""),
        "session_id": content.get("session_id", "") if session_id is None else session_id,
        "updated_at": rfc3339(host.clock.wall_ms()),
    }  # fmt: skip
    host.storage.directory(paths.identities)
    restore_link(paths, host)  # a clean took it together with the identities
    host.storage.replace(_path(paths, caller.name), values.readable(content, ascii_only=True).encode() + b"\n")
    return shown_path(paths, caller.name)


def shown_path(paths: Paths, name: str) -> str:
    """Return the path of an identity file within its worktree; a guest's lies in no worktree, so its path is whole."""
    return _path(paths, name) if paths.guest else os.path.join(".thrum", "identities", f"{name}.json")


def _path(paths: Paths, name: str) -> str:
    return os.path.join(paths.identities, f"{name}.json")


class StoreId:
    """The id of this clone's store, read again if its file was replaced."""

    def __init__(self, paths: Paths, host: Host) -> None:
        self._paths, self._host = paths, host
        self._path = paths.in_var(STORE_FILE)
        self._stamp: tuple[int, int] | None = None
        self._known = ""

    def now(self) -> str:
        """Return the id of the store. Raises NotInitialized, or Corrupted if the file does not hold one."""
        try:
            status = os.stat(self._path)
            stamp = (status.st_ino, status.st_mtime_ns)
            if stamp != self._stamp:
                self._known = str(values.loads(self._host.storage.read(self._path))["store"])
                self._stamp = stamp
        except FileNotFoundError:
            raise NotInitialized(self._paths.root) from None
        except OSError as error:
            raise failed(error, f"cannot read {self._path}") from error
        except (ValueError, TypeError, KeyError):
            raise Corrupted(self._path, "it does not hold the id of a store") from None
        return self._known

    def beginning(self, agent: str) -> _StableStore:
        """Return a context in which the id of the store stays the same; only under the shard's lock."""
        return _StableStore(self, self._paths, self._host, agent)


class _StableStore:
    """A context in which the id of the store stays the same.

    A re-key takes the locks of all logs that exist. While a first log begins, LOG_CREATION_LOCK keeps a re-key out.
    """

    def __init__(self, store_id: StoreId, paths: Paths, host: Host, agent: str) -> None:
        self._store_id, self._logs, self._agent = store_id, paths.logs, agent
        self._lock = creation_lock(paths, host)

    def __enter__(self) -> str:
        own = self._store_id.now()
        if os.path.isdir(os.path.join(self._logs, own, self._agent)):
            return own
        self._lock.acquire()
        try:
            return self._store_id.now()
        except BaseException:
            self._lock.release()
            raise

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def creation_lock(paths: Paths, host: Host) -> Lock:
    """Return the lock that is held while an agent's first log begins, and during a re-key."""
    return host.lock(paths.in_var(LOG_CREATION_LOCK))
