"""subscribe, unsubscribe, subscriptions.*: what a session wants to be told, and telling this connection."""

from __future__ import annotations

from dataclasses import dataclass

from thrum_mcp.daemon.rpc.request_context import Asked, Listening, RequestContext, method
from thrum_store.errors import Invalid
from thrum_store.service.messages import feeds, subscriptions
from thrum_store.service.messages.subscriptions import Subscribe, Subscribed, SubscriptionList, Unsubscribed

from .messages import Tag, text


@dataclass(frozen=True)
class SubscribeParams:
    """Exactly one of scope, mention_role and all."""

    scope: Tag | None = None
    mention_role: str | None = None
    all: bool = False
    caller_agent_id: str | None = None


@dataclass(frozen=True)
class UnsubscribeParams:
    """Which subscription of the caller's session."""

    subscription_id: int
    caller_agent_id: str | None = None


@dataclass(frozen=True)
class ListenParams:
    """`after` is the cursor of the last notification, to go on where it ended; without it: from now on."""

    after: str | None = None
    caller_agent_id: str | None = None


@dataclass(frozen=True)
class Listens:
    """That this connection is told from here on."""

    session_id: str
    cursor: str


def _subscribe(desk: RequestContext, params: SubscribeParams) -> Subscribed:
    """Subscribes the caller's session, and tells this connection what it subscribed to from now on."""
    scope = text(params.scope) if params.scope is not None else None
    request = Subscribe(scope, params.mention_role, params.all)
    subscribed = subscriptions.subscribe(desk.store, desk.caller(params.caller_agent_id), request)
    if desk.can_listen:
        desk.listening = Listening(subscribed.session_id, feeds.parse_cursor(subscribed.cursor))
    return subscribed


def _unsubscribe(desk: RequestContext, params: UnsubscribeParams) -> Unsubscribed:
    """Removes a subscription of the caller's session."""
    return subscriptions.unsubscribe(desk.store, desk.caller(params.caller_agent_id), params.subscription_id)


def _list(desk: RequestContext, params: Asked) -> SubscriptionList:
    """The subscriptions of the caller's session."""
    return subscriptions.list_subscriptions(desk.store, desk.caller(params.caller_agent_id))


def _listen(desk: RequestContext, params: ListenParams) -> Listens:
    """Tells this connection what the caller's session subscribed to, by `notification.message`."""
    if not desk.can_listen:
        raise Invalid("this connection cannot be told anything", hint="use the socket or the WebSocket")
    session = subscriptions.session_of(desk.store, desk.caller(params.caller_agent_id))
    cursor = feeds.parse_cursor(params.after) if params.after is not None else feeds.newest(desk.store)
    desk.listening = Listening(session, cursor, moves=True)
    return Listens(session, str(cursor))


METHODS = {
    "subscribe": method(_subscribe),
    "unsubscribe": method(_unsubscribe),
    "subscriptions.list": method(_list),
    "subscriptions.listen": method(_listen),
}
