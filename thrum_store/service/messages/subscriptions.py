"""Subscriptions: the messages that a session is notified of as they arrive.

They are kept in `subscriptions.json` in var, which is replaced as a whole under a lock. They are not events: the
subscriptions of one session do not concern other machines and must cost no commit. They are not in the view, because
they must survive a rebuild. A subscription ends with its session; the next change of the file drops it.
"""

from __future__ import annotations

from thrum_store import identity, values
from thrum_store.errors import Conflict, Corrupted, Invalid, NotFound, UnknownSession
from thrum_store.machine.host import EVERY, REAL, Bell, Host
from thrum_store.repository.paths import SUBSCRIPTIONS, SUBSCRIPTIONS_LOCK
from thrum_store.service import message_parts
from thrum_store.service.message_parts import acting, known
from thrum_store.store import Store, open_store, use_case
from thrum_store.values import NamedTuple, Record, rfc3339
from thrum_store.view.queries import feed

from . import feeds
from .feeds import FeedReader, Notification
from .waiting import wakeups

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from thrum_store.identity import Caller
    from thrum_store.machine.host import Storage
    from thrum_store.repository.paths import Paths
    from thrum_store.view.queries.lookup import Agent
    from thrum_store.view.queries.mailbox import Arrival

LIMIT = 256  # subscriptions of one session
_PAGE = 500  # messages in one look


class Subscribe(Record):
    """Request to subscribe to messages: those with a scope, those that mention an address, or all."""

    scope: str | None = None
    mention: str | None = None
    everything: bool = False


class Subscribed(Record):
    """A subscription; it ends with its session. Messages after `cursor` count."""

    id: int
    session: str
    created_at: str
    cursor: str

    JSON = "* subscription_id=id session_id=session"


class Unsubscribed(Record):
    """The subscription that was removed."""

    removed: bool
    id: int

    JSON = "* subscription_id=id"


class SubscriptionInfo(Record):
    """One subscription: to a scope, to the mentions of an address, or to everything."""

    id: int
    scope_type: str | None
    scope_value: str | None
    mention: str | None
    everything: bool
    created_at: str

    JSON = "* mention_role=mention all=everything"


class SubscriptionList(Record):
    """The subscriptions of the caller's open session, oldest first."""

    subscriptions: tuple[SubscriptionInfo, ...]


class Kept(NamedTuple):
    """A stored subscription; without scope and mention it means all messages."""

    id: int
    session: str
    agent: str
    scope: message_parts.Tag | None
    mention: str | None
    created_ms: int


class Tags(NamedTuple):
    """The scopes and the mentioned addresses of a message."""

    scopes: frozenset[tuple[str, str]]
    mentions: frozenset[str]


class Register(NamedTuple):
    """All subscriptions, and the number of the next one."""

    following: int
    kept: tuple[Kept, ...]


@use_case
def subscribe(store: Store, caller: Caller, request: Subscribe) -> Subscribed:
    """Subscribe the caller's open session.

    Raises Invalid unless exactly one of scope, mention and everything is given, Conflict if the session has this
    subscription already, UnknownSession if none is open, NotRegistered, WorktreeMismatch.
    """
    scope, mention = _wanted(request)
    agent = acting(store, caller)
    session = _session(agent)
    cursor, now = feeds.newest(store), store.host.clock.wall_ms()
    with store.host.lock(store.paths.in_var(SUBSCRIPTIONS_LOCK)):
        before = _alive(store)
        mine = [kept for kept in before.kept if kept.session == session]
        if any((kept.scope, kept.mention) == (scope, mention) for kept in mine):
            raise Conflict("this subscription already exists in your session", hint="`thrum subscriptions` lists them")
        if len(mine) >= LIMIT:
            raise Invalid(f"a session has at most {LIMIT} subscriptions", hint="remove one: `thrum unsubscribe ID`")
        new = Kept(before.following, session, agent.name, scope, mention, now)
        _write(store, Register(before.following + 1, (*before.kept, new)))
    return Subscribed(new.id, session, rfc3339(now), str(cursor))


@use_case
def unsubscribe(store: Store, caller: Caller, subscription_id: int) -> Unsubscribed:
    """Remove a subscription of the caller's open session. Raises NotFound if the session has no such subscription."""
    session = _session(acting(store, caller))
    with store.host.lock(store.paths.in_var(SUBSCRIPTIONS_LOCK)):
        before = _alive(store)
        rest = tuple(kept for kept in before.kept if (kept.id, kept.session) != (subscription_id, session))
        if len(rest) == len(before.kept):
            raise NotFound(
                f"this session has no subscription {subscription_id}", hint="`thrum subscriptions` lists them"
            )
        _write(store, before._replace(kept=rest))
    return Unsubscribed(True, subscription_id)


@use_case
def list_subscriptions(store: Store, caller: Caller) -> SubscriptionList:
    """Return the subscriptions of the caller's open session. Raises UnknownSession, NotRegistered."""
    session = _session(known(store, caller))
    return SubscriptionList(tuple(_info(kept) for kept in _alive(store).kept if kept.session == session))


@use_case
def session_of(store: Store, caller: Caller) -> str:
    """Return the caller's open session, which owns its subscriptions. Raises UnknownSession, NotRegistered."""
    return _session(known(store, caller))


@use_case
def of_session(store: Store, session: str) -> tuple[Kept, ...]:
    """Return a session's subscriptions. Raises UnknownSession once it has ended."""
    if session not in feed.open_sessions(store.view):
        raise UnknownSession("the session has ended, and its subscriptions with it", hint="`thrum session start`")
    return tuple(kept for kept in _alive(store).kept if kept.session == session)


@use_case
def alive(store: Store) -> tuple[Kept, ...]:
    """Return every subscription whose session is open. Raises Corrupted if their file is unreadable."""
    return _alive(store).kept


# --- following ------------------------------------------------------------------------------------------------------


class Follow:
    """A reader of the messages that the caller's open session subscribed to, from now on. Needs no daemon.

    Use it as a context manager. Raises NotInitialized, NotRegistered, and UnknownSession if no session is open.
    """

    def __init__(self, paths: Paths, caller: Caller, host: Host = REAL) -> None:
        self.bell = Bell(paths.bells, EVERY)
        try:
            self._store = open_store(paths, host)
            self.session = session_of(self._store, caller)
            self._reader = FeedReader(self._store)
        except BaseException:
            self.bell.close()
            raise

    def wait(self) -> list[Notification]:
        """Block until messages match and return them, oldest first. Raises UnknownSession once the session ended."""
        notifications: list[Notification] = []
        for _ in wakeups(self._store, self.bell):
            notifications = _matching(self._store, self._reader, self.session)
            if notifications:
                break
        return notifications

    def __enter__(self) -> Follow:
        return self

    def __exit__(self, *_: object) -> None:
        self.bell.close()
        self._store.close()


@use_case
def _matching(store: Store, reader: FeedReader, session: str) -> list[Notification]:
    """Return the matching messages that arrived since the last look, oldest first."""
    notifications: list[Notification] = []
    mine = of_session(store, session)
    more = True
    while more:
        batch = reader.read(store, _PAGE)
        more = batch.more
        for item in batch.items:
            carried = tags(item)
            if any(match(kept, item, carried) for kept in mine):
                notifications.append(feeds.notification(item, batch.generation))
    return notifications


def tags(item: Arrival) -> Tags:
    """Return the scopes and the mentioned addresses of a message."""
    scopes = frozenset((kind, value) for kind, value in values.loads(item.scopes or "[]"))
    mentions = frozenset(value for kind, value in values.loads(item.refs or "[]") if kind == "mention")
    return Tags(scopes, mentions)


def match(kept: Kept, item: Arrival, carried: Tags) -> str | None:
    """Return `scope`, `mention` or `all` if the subscription wants this message, else None.

    No agent is notified of its own messages.
    """
    if item.author_own and item.author_name == kept.agent:
        return None
    if kept.scope is not None:
        return "scope" if kept.scope in carried.scopes else None
    if kept.mention is not None:
        return "mention" if kept.mention in carried.mentions else None
    return "all"


# --- the file -------------------------------------------------------------------------------------------------------


def _session(agent: Agent) -> str:
    if agent.session is None:
        raise UnknownSession("subscriptions belong to a session, and none is open", hint="`thrum session start`")
    return agent.session


def _wanted(request: Subscribe) -> tuple[message_parts.Tag | None, str | None]:
    """Return the scope and the mention of a request. Raises Invalid unless it asks for exactly one thing."""
    if [request.scope is not None, request.mention is not None, request.everything].count(True) != 1:
        raise Invalid(
            "--scope, --mention and --all are mutually exclusive, and one of them is needed",
            hint="`thrum subscribe --all`",
        )
    scope = message_parts.tag(request.scope, "scope") if request.scope is not None else None
    return scope, identity.bare_address(request.mention) if request.mention is not None else None


def _info(kept: Kept) -> SubscriptionInfo:
    kind, value = kept.scope or (None, None)
    everything = kept.scope is None and kept.mention is None
    return SubscriptionInfo(kept.id, kind, value, kept.mention, everything, rfc3339(kept.created_ms))


def _alive(store: Store) -> Register:
    """Read the subscriptions whose sessions are open."""
    register = _read(store.paths.in_var(SUBSCRIPTIONS), store.host.storage)
    sessions = feed.open_sessions(store.view) if register.kept else {}
    return register._replace(kept=tuple(kept for kept in register.kept if kept.session in sessions))


def _read(path: str, storage: Storage) -> Register:
    try:
        document = values.loads(storage.read(path))
        return Register(document["next"], tuple(_kept(fields) for fields in document["subscriptions"]))
    except FileNotFoundError:
        return Register(1, ())
    except (KeyError, TypeError, ValueError) as error:
        raise Corrupted(path, f"it does not hold subscriptions ({error})") from error


def _kept(fields: dict[str, Any]) -> Kept:
    scope = message_parts.Tag(*fields["scope"]) if fields["scope"] is not None else None
    return Kept(fields["id"], fields["session"], fields["agent"], scope, fields["mention"], fields["created_ms"])


def _write(store: Store, register: Register) -> None:
    document = {"next": register.following, "subscriptions": [kept._asdict() for kept in register.kept]}
    store.host.storage.replace(store.paths.in_var(SUBSCRIPTIONS), values.compact(document).encode() + b"\n")
