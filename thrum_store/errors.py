"""Every error a user can meet.

ThrumError
├── Invalid               bad name, address, scope, duration, body …
├── NotFound              UnknownRecipient  UnknownGroup  UnknownMember  UnknownMessage  UnknownSession
├── Conflict              NameTaken  GroupExists  GroupCycle  KeyReused  WorktreeMismatch
├── Refused               NotAuthor  ProtectedGroup  NeedsConfirmation
├── NoIdentity            AmbiguousIdentity  NotRegistered
├── NotARepository        NotInitialized
├── StoreBusy             DiskFull  StorageFailed  Unsupported
└── Damaged               ViewDamaged

Each has a stable `code`, one sentence (`message`) and what to do next (`hint`).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import ClassVar


class ThrumError(Exception):
    """The root: one clear sentence, and a hint that says what to do next."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Invalid(ThrumError):
    """Raised when an argument cannot mean anything."""

    code = "invalid"


class NotFound(ThrumError):
    """Raised when something that was named does not exist."""

    code = "not_found"


class UnknownRecipient(NotFound):
    """Raised when an address names no agent, role or group; the whole send is refused."""

    code = "unknown_recipient"

    def __init__(self, unknown: Iterable[str], nearest: Iterable[str] = ()) -> None:
        names = ", ".join(f"@{name}" for name in unknown)
        near = ", ".join(f"@{name}" for name in nearest)
        hint = f"did you mean {near}? " if near else ""
        super().__init__(
            f"unknown recipient {names}; nothing was sent",
            hint=f"{hint}`thrum agent list` and `thrum group list` show who can be addressed",
        )


class UnknownGroup(NotFound):
    """Raised when no group of that name exists."""

    code = "unknown_group"

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no group {name!r}", hint=f"`thrum group create {name}` makes it")


class UnknownMember(NotFound):
    """Raised when what should become or stop being a member does not exist."""

    code = "unknown_member"

    def __init__(self, kind: str, value: str) -> None:
        super().__init__(f"there is no {kind} {value!r}", hint="see `thrum agent list` and `thrum group list`")


class UnknownMessage(NotFound):
    """Raised when no message has that id."""

    code = "unknown_message"

    def __init__(self, message_id: str) -> None:
        super().__init__(f"there is no message {message_id!r}", hint="`thrum inbox` and `thrum sent` show message ids")


class UnknownSession(NotFound):
    """Raised when there is no such session, or none to end."""

    code = "unknown_session"


class Conflict(ThrumError):
    """Raised when what was asked collides with what is there."""

    code = "conflict"


class NameTaken(Conflict):
    """Raised when an agent, a role and a group would share one name."""

    code = "name_taken"


class WorktreeMismatch(Conflict):
    """Raised when a name is used from another worktree than the one it is registered in."""

    code = "worktree_mismatch"

    def __init__(self, name: str, theirs: str, ours: str) -> None:
        super().__init__(
            f"agent {name!r} works in the worktree {theirs!r}, and this is {ours!r}",
            hint=f"use your own name; to take it over, add --force to `thrum quickstart --name {name} …`",
        )


class GroupExists(Conflict):
    """Raised when a group of that name exists already."""

    code = "group_exists"

    def __init__(self, name: str) -> None:
        super().__init__(f"group {name!r} exists already", hint=f"`thrum group info {name}` shows it")


class GroupCycle(Conflict):
    """Raised when a group would contain itself, directly or through others."""

    code = "group_cycle"

    def __init__(self, group: str, member: str) -> None:
        super().__init__(
            f"group {member!r} contains {group!r} already, so it cannot become its member",
            hint=f"`thrum group members {member} --expand` shows what it contains",
        )


class KeyReused(Conflict):
    """Raised when an idempotency key comes back with another message."""

    code = "key_reused"

    def __init__(self, key: str, message_id: str) -> None:
        super().__init__(
            f"the idempotency key {key!r} belongs to {message_id}, which says something else",
            hint="use a new key for a new message",
        )


class Refused(ThrumError):
    """Raised when the caller may not do this."""

    code = "refused"


class NotAuthor(Refused):
    """Raised when what only a message's author may do is asked for somebody else's."""

    code = "not_author"

    def __init__(self, message_id: str, author: str) -> None:
        super().__init__(
            f"{message_id} was written by @{author}, not by you",
            hint=f"`thrum message get {message_id}` shows it, `thrum reply {message_id} TEXT` answers it",
        )


class ProtectedGroup(Refused):
    """Raised when the built-in group would be changed."""

    code = "protected_group"

    def __init__(self, name: str) -> None:
        super().__init__(f"@{name} is built in: it always holds every agent", hint="make a group of your own instead")


class NeedsConfirmation(Refused):
    """Raised when something that cannot be undone was not confirmed."""

    code = "needs_confirmation"


class NoIdentity(ThrumError):
    """Raised when nothing says which agent is calling."""

    code = "no_identity"

    def __init__(self, message: str = "nothing says which agent you are", *, hint: str | None = None) -> None:
        super().__init__(
            message, hint=hint or "register here: `thrum quickstart --name NAME --role ROLE --module MODULE`"
        )


class AmbiguousIdentity(NoIdentity):
    """Raised when several identity files fit and nothing decides."""

    code = "ambiguous_identity"

    def __init__(self, names: Iterable[str]) -> None:
        listed = sorted(names)
        super().__init__(
            f"this worktree has {len(listed)} identities: {', '.join(listed)}",
            hint=f"say which one: `export THRUM_NAME={listed[0]}`",
        )


class NotRegistered(NoIdentity):
    """Raised when the caller has a name that no registration backs."""

    code = "not_registered"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"agent {name!r} is not registered in this store",
            hint=f"register it: `thrum quickstart --name {name} --role ROLE --module MODULE`",
        )


class NotARepository(ThrumError):
    """Raised outside of any git repository."""

    code = "not_a_repository"

    def __init__(self, start: str) -> None:
        super().__init__(
            f"{start} is not inside a git repository", hint="go to your repository, or name it with --repo PATH"
        )


class NotInitialized(ThrumError):
    """Raised in a repository that has no store yet."""

    code = "not_initialized"

    def __init__(self, root: str) -> None:
        super().__init__(f"thrum is not set up in {root}", hint="run `thrum init` there")


class StoreBusy(ThrumError):
    """Raised when a lock was not free within its deadline."""

    code = "store_busy"

    def __init__(self, pid: str, what: str) -> None:
        holder = f" (held by pid {pid})" if pid else ""
        super().__init__(
            f"the store is busy: {what} was not free in time{holder}",
            hint="run it again; if that process is stopped or stuck, end it",
        )


class DiskFull(ThrumError):
    """Raised when there is no room; nothing was acknowledged and nothing is half written."""

    code = "disk_full"

    def __init__(self, reason: str) -> None:
        super().__init__(f"there is no room to write: {reason}", hint="free some space and repeat the command")


class StorageFailed(ThrumError):
    """Raised when the disk refused a call; nothing was acknowledged."""

    code = "storage_failed"

    def __init__(self, reason: str, *, unsynced: bool = False, denied: bool = False) -> None:
        what = reason if denied else f"the disk failed: {reason}"
        todo = "see whose it is and what its mode allows" if denied else "check the disk"
        super().__init__(what, hint=f"nothing was acknowledged; {todo}, then repeat the command")
        self.unsynced = unsynced


class Damaged(ThrumError):
    """Raised when a log does not hold what it must; it is never repaired by deleting."""

    code = "damaged"

    def __init__(self, what: str, why: str) -> None:
        super().__init__(
            f"{what} is damaged: {why}",
            hint="all else goes on; restore that file from a backup or another clone",
        )


class ViewDamaged(Damaged):
    """Raised inside of the store when SQLite's file is broken; it is rebuilt, and the use case starts again."""

    code = "view_damaged"

    def __init__(self, why: str) -> None:
        super().__init__("the view", why)
        self.hint = "run the command again; if it stays, `thrum doctor` says more"


class Unsupported(ThrumError):
    """Raised on a platform or file system that lacks what the store needs."""

    code = "unsupported"
