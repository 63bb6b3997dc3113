"""Subscriptions: what a session wants to be told about, as it happens.

They stand in `.thrum/var/subscriptions.json`, replaced as a whole under a lock. Not in the log, because a wish of one
session is no business of other machines and must cost no commit; not in the view, because they must survive a rebuild
from the logs. A subscription counts as long as its session is open; one whose session ended goes with the next
change, so that a session can end without anybody knowing of this file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

from thrum_store import model
from thrum_store.errors import Conflict, Damaged, Invalid, NotFound, UnknownSession
from thrum_store.machine.storage import Storage
from thrum_store.model import Caller
from thrum_store.repository.paths import SUBSCRIPTIONS, SUBSCRIPTIONS_LOCK
from thrum_store.service.callers import acting, known
from thrum_store.store import Store, use_case
from thrum_store.times import rfc3339
from thrum_store.view.queries import feed
from thrum_store.view.queries.agents import Agent
from thrum_store.view.queries.feed import Item

from . import feeds

LIMIT = 256  # subscriptions of one session


@dataclass(frozen=True)
class Subscribe:
    """What to be told about: messages with a scope, messages that mention an address, or everything."""

    scope: str | None = None
    mention: str | None = None
    everything: bool = False


@dataclass(frozen=True)
class Subscribed:
    """A subscription; it ends with its session. `cursor` is the point from which on it tells."""

    subscription_id: int
    session_id: str
    created_at: str
    cursor: str


@dataclass(frozen=True)
class Unsubscribed:
    """Whether the subscription is gone."""

    removed: bool
    subscription_id: int


@dataclass(frozen=True)
class SubscriptionInfo:
    """One subscription: a scope, a mention, or `all`."""

    id: int
    scope_type: str | None
    scope_value: str | None
    mention_role: str | None
    all: bool
    created_at: str


@dataclass(frozen=True)
class SubscriptionList:
    """The subscriptions of the caller's open session, oldest first."""

    subscriptions: tuple[SubscriptionInfo, ...]


class Kept(NamedTuple):
    """A subscription as it is kept; neither scope nor mention means everything."""

    id: int
    session: str
    agent: str
    scope: model.Tag | None
    mention: str | None
    created_ms: int


class Tags(NamedTuple):
    """What subscriptions look for in a message."""

    scopes: frozenset[tuple[str, str]]
    mentions: frozenset[str]


class Register(NamedTuple):
    """All subscriptions there are, and the number that the next one gets."""

    following: int
    kept: tuple[Kept, ...]


@use_case
def subscribe(store: Store, caller: Caller, request: Subscribe) -> Subscribed:
    """Notes what the caller's open session wants to be told about.

    Raises Invalid unless exactly one of scope, mention and everything is given, Conflict where the session has this
    subscription already, UnknownSession where none is open, NotRegistered, WorktreeMismatch.
    """
    scope, mention = _wanted(request)
    agent = acting(store, caller)
    session = _session(agent)
    cursor, now = feeds.newest(store), store.host.clock.wall_ms()
    with store.host.lock(store.paths.in_var(SUBSCRIPTIONS_LOCK)):
        before = _alive(store)
        mine = [one for one in before.kept if one.session == session]
        if any((one.scope, one.mention) == (scope, mention) for one in mine):
            raise Conflict("this session has that subscription already", hint="`thrum subscriptions` lists them")
        if len(mine) >= LIMIT:
            raise Invalid(f"a session has at most {LIMIT} subscriptions", hint="remove one: `thrum unsubscribe ID`")
        new = Kept(before.following, session, agent.name, scope, mention, now)
        _write(store, Register(before.following + 1, (*before.kept, new)))
    return Subscribed(new.id, session, rfc3339(now), str(cursor))


@use_case
def unsubscribe(store: Store, caller: Caller, subscription_id: int) -> Unsubscribed:
    """Removes a subscription of the caller's open session; raises NotFound where it has none of that number."""
    session = _session(acting(store, caller))
    with store.host.lock(store.paths.in_var(SUBSCRIPTIONS_LOCK)):
        before = _alive(store)
        rest = tuple(one for one in before.kept if (one.id, one.session) != (subscription_id, session))
        if len(rest) == len(before.kept):
            raise NotFound(
                f"this session has no subscription {subscription_id}", hint="`thrum subscriptions` lists them"
            )
        _write(store, before._replace(kept=rest))
    return Unsubscribed(True, subscription_id)


@use_case
def list_subscriptions(store: Store, caller: Caller) -> SubscriptionList:
    """The subscriptions of the caller's open session. Raises UnknownSession, NotRegistered."""
    session = _session(known(store, caller))
    return SubscriptionList(tuple(_info(one) for one in _alive(store).kept if one.session == session))


@use_case
def session_of(store: Store, caller: Caller) -> str:
    """The caller's open session, which its subscriptions belong to. Raises UnknownSession, NotRegistered."""
    return _session(known(store, caller))


@use_case
def of_session(store: Store, session: str) -> tuple[Kept, ...]:
    """A session's subscriptions. Raises UnknownSession once it has ended."""
    if session not in feed.open_sessions(store.view):
        raise UnknownSession("the session has ended, and its subscriptions with it", hint="`thrum session start`")
    return tuple(one for one in _alive(store).kept if one.session == session)


@use_case
def alive(store: Store) -> tuple[Kept, ...]:
    """Every subscription whose session is open. Raises Damaged where their file is none of ours."""
    return _alive(store).kept


def _session(agent: Agent) -> str:
    if agent.session is None:
        raise UnknownSession("subscriptions belong to a session, and none is open", hint="`thrum session start`")
    return agent.session


def _wanted(request: Subscribe) -> tuple[model.Tag | None, str | None]:
    if [request.scope is not None, request.mention is not None, request.everything].count(True) != 1:
        raise Invalid("say what to subscribe to", hint="exactly one of --scope type:value, --mention @role and --all")
    scope = model.tag(request.scope, "scope") if request.scope is not None else None
    return scope, model.address(request.mention) if request.mention is not None else None


def _info(one: Kept) -> SubscriptionInfo:
    kind, value = one.scope or (None, None)
    everything = one.scope is None and one.mention is None
    return SubscriptionInfo(one.id, kind, value, one.mention, everything, rfc3339(one.created_ms))


def _alive(store: Store) -> Register:
    register = _read(store.paths.in_var(SUBSCRIPTIONS), store.host.storage)
    sessions = feed.open_sessions(store.view) if register.kept else {}
    return register._replace(kept=tuple(one for one in register.kept if one.session in sessions))


def _read(path: str, storage: Storage) -> Register:
    try:
        told = json.loads(storage.read(path))
        return Register(told["next"], tuple(_kept(one) for one in told["subscriptions"]))
    except FileNotFoundError:
        return Register(1, ())
    except (KeyError, TypeError, ValueError) as error:
        raise Damaged(path, f"it does not hold subscriptions ({error})") from error


def _kept(told: dict[str, Any]) -> Kept:
    scope = model.Tag(*told["scope"]) if told["scope"] is not None else None
    return Kept(told["id"], told["session"], told["agent"], scope, told["mention"], told["created_ms"])


def _write(store: Store, register: Register) -> None:
    told = {"next": register.following, "subscriptions": [one._asdict() for one in register.kept]}
    store.host.storage.replace(store.paths.in_var(SUBSCRIPTIONS), json.dumps(told).encode() + b"\n")


def tags(item: Item) -> Tags:
    """The scopes and the mentioned addresses of a message."""
    scopes = frozenset((kind, value) for kind, value in json.loads(item.scopes or "[]"))
    mentions = frozenset(value for kind, value in json.loads(item.refs or "[]") if kind == "mention")
    return Tags(scopes, mentions)


def match(kept: Kept, item: Item, found: Tags) -> str | None:
    """`scope`, `mention` or `all` where the subscription wants this message, else None. Nobody is told of their own."""
    if item.own and item.author == kept.agent:
        return None
    if kept.scope is not None:
        return "scope" if kept.scope in found.scopes else None
    if kept.mention is not None:
        return "mention" if kept.mention in found.mentions else None
    return "all"
