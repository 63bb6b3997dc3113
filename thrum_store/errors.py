"""Every error a user can meet.

ThrumError
├── Invalid               bad name, address, scope, duration, body …
├── NotFound              UnknownRecipient  UnknownGroup  UnknownMember  UnknownMessage  UnknownSession
├── Conflict              NameTaken  GroupExists  GroupCycle  KeyReused  WorktreeMismatch
├── Forbidden             NotAuthor  ProtectedGroup  NeedsConfirmation
├── NoIdentity            AmbiguousIdentity  NotRegistered
├── NotARepository        NotInitialized  (`repository/obstacles` adds BareRepository and BrokenWorktree)
├── StoreBusy             DiskFull  StorageFailed  Unsupported
└── Corrupted             ViewCorrupted

Each has a stable `code`, one sentence (`message`) and the next step (`hint`).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import ClassVar


class ThrumError(Exception):
    """The root of all errors: one clear sentence, and a hint with the next step."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Invalid(ThrumError):
    """Raised if an argument, a setting or a file is not valid."""

    code = "invalid"


class NotFound(ThrumError):
    """Raised if the named thing does not exist."""

    code = "not_found"


class UnknownRecipient(NotFound):
    """Raised if an address names no agent, role or group. Nothing was sent."""

    code = "unknown_recipient"

    def __init__(self, unknown: Iterable[str], nearest: Iterable[str] = ()) -> None:
        names = ", ".join(f"@{name}" for name in unknown)
        near = ", ".join(f"@{name}" for name in nearest)
        hint = f"did you mean {near}? " if near else ""
        super().__init__(
            f"unknown recipients: {names}; nothing was sent",
            hint=f"{hint}`thrum agent list` and `thrum group list` show the agents and groups",
        )


class UnknownGroup(NotFound):
    """Raised if no group has that name."""

    code = "unknown_group"

    def __init__(self, name: str) -> None:
        super().__init__(f"group {name!r} not found", hint=f"create it with `thrum group create {name}`")


class UnknownMember(NotFound):
    """Raised if the agent, role or group to add or remove does not exist, or is no member."""

    code = "unknown_member"

    def __init__(self, kind: str, value: str) -> None:
        super().__init__(f"{kind} {value!r} not found", hint="see `thrum agent list` and `thrum group list`")


class UnknownMessage(NotFound):
    """Raised if no message has that id."""

    code = "unknown_message"

    def __init__(self, message_id: str) -> None:
        super().__init__(f"message {message_id!r} not found", hint="`thrum inbox` and `thrum sent` show message ids")


class UnknownSession(NotFound):
    """Raised if no such session exists, or none is open."""

    code = "unknown_session"


class Conflict(ThrumError):
    """Raised if the request contradicts the current state."""

    code = "conflict"


class NameTaken(Conflict):
    """Raised if an agent, a role or a group has that name already."""

    code = "name_taken"


class WorktreeMismatch(Conflict):
    """Raised if the agent is registered in another worktree."""

    code = "worktree_mismatch"
    name = place = ""  # of the agent, and the directory of its worktree if it is known


class GroupExists(Conflict):
    """Raised if a group of that name exists already."""

    code = "group_exists"

    def __init__(self, name: str) -> None:
        super().__init__(f"group {name!r} exists already", hint=f"`thrum group info {name}` shows it")


class GroupCycle(Conflict):
    """Raised if a group would contain itself, directly or through others."""

    code = "group_cycle"

    def __init__(self, group: str, member: str) -> None:
        super().__init__(
            f"group {member!r} cannot become a member of {group!r}, because it contains that group",
            hint=f"`thrum group members {member} --expand` shows its members",
        )


class KeyReused(Conflict):
    """Raised if the idempotency key was used for another message."""

    code = "key_reused"

    def __init__(self, key: str, message_id: str) -> None:
        super().__init__(
            f"the idempotency key {key!r} belongs to {message_id}, which has another text",
            hint="use a new key for a new message",
        )


class Forbidden(ThrumError):
    """Raised if the caller may not do this."""

    code = "refused"


class NotAuthor(Forbidden):
    """Raised if someone other than its author tries to change a message."""

    code = "not_author"

    def __init__(self, message_id: str, author: str) -> None:
        super().__init__(
            f"{message_id} was written by @{author}, not by you",
            hint=f"read it with `thrum message get {message_id}`, or answer it with `thrum reply {message_id} TEXT`",
        )


class ProtectedGroup(Forbidden):
    """Raised if a request would change the built-in group."""

    code = "protected_group"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"@{name} is built in and always holds every agent",
            hint="make a group of your own with `thrum group create NAME`",
        )


class NeedsConfirmation(Forbidden):
    """Raised if the action cannot be undone and was not confirmed."""

    code = "needs_confirmation"


class NoIdentity(ThrumError):
    """Raised if no agent is registered in this worktree and the request names none."""

    code = "no_identity"

    def __init__(self, message: str = "no agent is registered in this worktree", *, hint: str = "") -> None:
        super().__init__(message, hint=hint or "run `thrum quickstart --name NAME --role ROLE --module MODULE`")


class AmbiguousIdentity(NoIdentity):
    """Raised if this worktree has several identities and the request names none."""

    code = "ambiguous_identity"

    def __init__(self, names: Iterable[str]) -> None:
        listed = sorted(names)
        super().__init__(
            f"this worktree has {len(listed)} identities: {', '.join(listed)}",
            hint=f"choose one: `export THRUM_NAME={listed[0]}`",
        )


class NotRegistered(NoIdentity):
    """Raised if no agent of this store has the caller's name."""

    code = "not_registered"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"agent {name!r} is not registered in this store",
            hint=f"run `thrum quickstart --name {name} --role ROLE --module MODULE`",
        )


class NotARepository(ThrumError):
    """Raised if the directory is not in a git repository; `reason` says why git leaves one that is near."""

    code = "not_a_repository"

    def __init__(self, start: str, reason: str = "", hint: str = "") -> None:
        message = f"{start} is not inside a git repository" + (f": {reason}" if reason else "")
        super().__init__(message, hint=hint or "go to your repository, or name it with --repo PATH")


class NotInitialized(ThrumError):
    """Raised if thrum is not set up in this repository."""

    code = "not_initialized"

    def __init__(self, root: str) -> None:
        super().__init__(f"thrum is not initialized in {root}", hint="run `thrum init` there")


class StoreBusy(ThrumError):
    """Raised if another process held a lock for too long."""

    code = "store_busy"

    def __init__(self, pid: str, lock: str) -> None:
        holder = f" (held by pid {pid})" if pid else ""
        super().__init__(
            f"the store is busy: {lock} was not free in time{holder}",
            hint="run it again; if that process is stopped or stuck, end it",
        )


class DiskFull(ThrumError):
    """Raised if the disk is full. Nothing was confirmed, and nothing is half written."""

    code = "disk_full"

    def __init__(self, reason: str) -> None:
        super().__init__(f"there is no room to write: {reason}", hint="free some space and repeat the command")


class StorageFailed(ThrumError):
    """Raised if the disk reported an error. Nothing was confirmed."""

    code = "storage_failed"

    def __init__(self, reason: str, *, unsynced: bool = False) -> None:
        hint = "nothing was confirmed; check the disk, then repeat the command"
        super().__init__(f"the disk failed: {reason}", hint=hint)
        self.unsynced = unsynced  # see `Storage.append`


class Corrupted(ThrumError):
    """Raised if a file of the store is damaged. It is never deleted to repair it."""

    code = "damaged"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"{path} is damaged: {reason}",
            hint="restore that file from a backup or another clone; everything else keeps working",
        )


class ViewCorrupted(Corrupted):
    """Raised if the view's SQLite file is damaged. It is rebuilt, and the use case runs again."""

    code = "view_damaged"

    def __init__(self, reason: str) -> None:
        super().__init__("the view", reason)
        self.hint = "run the command again; if the error stays, run `thrum doctor`"


class Unsupported(ThrumError):
    """Raised if the platform or the file system lacks something that thrum needs."""

    code = "unsupported"
