"""The table of RPC methods: the use cases of the command line and of MCP under the names of JSON-RPC.

`docs/rpc.md` is generated from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from thrum_mcp.daemon.parts.supervisor import Health
from thrum_store.errors import Invalid
from thrum_store.service.messages import editing, feeds, inbox, search, sending, sent, subscriptions
from thrum_store.service.messages.search import Search
from thrum_store.service.messages.subscriptions import Subscribe, Subscribed
from thrum_store.service.team import (
    agents,
    context_sharing,
    contexts,
    groups,
    heartbeat,
    removal,
    roster,
    sessions,
    whoami,
    work,
)
from thrum_store.service.team.context_sharing import Cleared
from thrum_store.service.team.contexts import Context, Saved
from thrum_store.service.team.heartbeat import Alive, Heartbeat, IntentSet, TaskSet
from thrum_store.service.team.sessions import EndSession, SessionEnded, SessionStarted
from thrum_store.service.team.work import WantContexts, WorkContexts
from thrum_store.service.upkeep import purge, syncing
from thrum_store.service.upkeep.purge import Purge, Purged
from thrum_store.service.upkeep.syncing import SyncForced, SyncStatus
from thrum_store.store import Store
from thrum_store.values import Record

from .parameters import CALLER, Parameters, types_of
from .request_context import Listening, RequestContext

_SAME: Mapping[str, str] = {}


class Method:
    """A method: a use case, its line in the documentation, and names of parameters that differ.

    The use case takes the store or the request context first. `names` maps its fields to the names of the RPC;
    `fixed` are fields that no client sets.
    """

    def __init__(
        self, function: Callable[..., object], about: str, names: Mapping[str, str] = _SAME, **fixed: object
    ) -> None:
        self.about = about
        self.parameters = Parameters(function, names, fixed)
        self._function = function

    @property
    def result(self) -> type:
        """The type of the result."""
        result: type = types_of(self._function)["return"]
        return result

    def run(self, context: RequestContext, name: str, params: Mapping[str, Any]) -> object:
        """Return the result. Raises RpcError for wrong parameters, and the errors of the use case."""
        arguments = self.parameters.arguments(name, params)
        if self.parameters.takes_caller:
            arguments["caller"] = context.caller(arguments["caller"])
        return self._function(context if self.parameters.takes_context else context.store, **arguments)


class Listens(Record):
    """A session whose notifications this connection gets, from a cursor on."""

    session: str
    cursor: str

    JSON = "* session_id=session"


def _health(context: RequestContext) -> Health:
    health: Health = context.daemon.health()
    return health


def _work_contexts(
    store: Store, agent: str | None = None, branch: str | None = None, file: str | None = None
) -> WorkContexts:
    return work.contexts(store, WantContexts(agent, branch, file, directory=store.paths.root))


def _start_session(
    context: RequestContext, request: Heartbeat, agent: str | None = None, caller_agent_id: str | None = None
) -> SessionStarted:
    caller = context.caller(agent or caller_agent_id)
    started = sessions.start(context.store_of(caller.name), caller)
    if request != Heartbeat():
        heartbeat.heartbeat(context.store_of(caller.name), caller, request)
    return started


def _end_session(context: RequestContext, request: EndSession, caller_agent_id: str | None = None) -> SessionEnded:
    caller = context.session_caller(caller_agent_id, request.id)
    return sessions.end(context.store_of(caller.name), caller, request)


def _heartbeat(
    context: RequestContext, request: Heartbeat, session: str | None = None, caller_agent_id: str | None = None
) -> Alive:
    caller = context.session_caller(caller_agent_id, session)
    return heartbeat.heartbeat(context.store_of(caller.name), caller, request)


def _set_intent(
    context: RequestContext, intent: str, session: str | None = None, caller_agent_id: str | None = None
) -> IntentSet:
    return heartbeat.set_intent(context.store, context.session_caller(caller_agent_id, session), intent)


def _set_task(
    context: RequestContext, current_task: str, session: str | None = None, caller_agent_id: str | None = None
) -> TaskSet:
    return heartbeat.set_task(context.store, context.session_caller(caller_agent_id, session), current_task)


def _search(context: RequestContext, request: Search, caller_agent_id: str | None = None) -> search.SearchResults:
    return search.find(context.store, context.caller(caller_agent_id) if request.mine else None, request)


def _purge(store: Store, before: str | None = None, all: bool = False, dry_run: bool = True) -> Purged:
    return purge.purge(store, Purge(before, all, confirm=not dry_run))


def _subscribe(context: RequestContext, request: Subscribe, caller_agent_id: str | None = None) -> Subscribed:
    subscribed = subscriptions.subscribe(context.store, context.caller(caller_agent_id), request)
    if context.can_listen:
        context.listening = Listening(subscribed.session, feeds.parse_cursor(subscribed.cursor))
    return subscribed


def _listen(context: RequestContext, after: str | None = None, caller_agent_id: str | None = None) -> Listens:
    if not context.can_listen:
        raise Invalid("this connection cannot receive notifications", hint="use the socket or the WebSocket")
    session = subscriptions.session_of(context.store, context.caller(caller_agent_id))
    cursor = feeds.parse_cursor(after) if after is not None else feeds.newest(context.store)
    context.listening = Listening(session, cursor, moves=True)
    return Listens(session, str(cursor))


def _place(context: RequestContext, agent_name: str | None, caller_agent_id: str | None) -> tuple[Store, str]:
    """Return the named agent, else the caller, and the store as seen from its worktree."""
    caller = context.caller(agent_name or caller_agent_id)
    return context.store_of(caller.name), caller.name


def _save_context(
    context: RequestContext, content: str, agent_name: str | None = None, caller_agent_id: str | None = None
) -> Saved:
    return contexts.save(*_place(context, agent_name, caller_agent_id), content)


def _show_context(
    context: RequestContext, agent_name: str | None = None, caller_agent_id: str | None = None
) -> Context:
    return contexts.show(*_place(context, agent_name, caller_agent_id))


def _clear_context(
    context: RequestContext, agent_name: str | None = None, caller_agent_id: str | None = None
) -> Cleared:
    return context_sharing.clear(*_place(context, agent_name, caller_agent_id))


def _save_preamble(
    context: RequestContext, content: str, agent_name: str | None = None, caller_agent_id: str | None = None
) -> Saved:
    return contexts.set_preamble(*_place(context, agent_name, caller_agent_id), content)


def _sync_status(context: RequestContext) -> SyncStatus:
    return syncing.status(context.store, running=True, local=context.daemon.local_only())


def _sync_now(context: RequestContext, wait: bool = False) -> SyncForced:
    local = context.daemon.local_only()
    if wait:
        return syncing.force(context.store, running=True, local=local)
    return syncing.begun(context.store, starts=context.daemon.sync_now(), local=local)


_ALL, _KEY = {"everything": "all"}, {"key": "idempotency_key"}
_LISTS = {"agent": "agent_id", "active": "active_only"}
_WATCHED = {"mention": "mention_role", "everything": "all"}
_STARTS = {"agent": "agent_id", "add_scopes": "scopes", "add_refs": "refs"}
_ENDS = {"id": "session_id"}
_SENDS, _REPLIES = _KEY | {"thread": "thread_id"}, _KEY | {"id": "message_id"}
_AGENT, _SESSION, _MESSAGE = {"agent": "agent_id"}, {"session": "session_id"}, {"id": "message_id"}
_EVERYBODY = {"everybody": "include_offline"}

METHODS: dict[str, Method] = {
    "health": Method(_health, "Show the state of the daemon and of its parts."),
    "agent.register": Method(agents.register, "Register an agent in the daemon's worktree."),
    "agent.list": Method(agents.list_agents, "List the registered agents, the latest registration first."),
    "agent.whoami": Method(whoami.whoami, "Show the caller as the store knows it."),
    "agent.listContext": Method(_work_contexts, "List the work contexts that agents last reported.", _AGENT),
    "agent.ping": Method(roster.ping, "Show whether an agent is online.", {"address": "name"}),
    "agent.delete": Method(
        removal.delete, "Delete an agent: its registration, identity, context and messages.", {"by": CALLER}, force=True
    ),
    "agent.cleanup": Method(
        removal.cleanup, "Find agents unseen for `threshold` days; with `force`, delete them.", {"by": CALLER}
    ),
    "team.list": Method(roster.team, "List agents with their sessions, work and mailboxes.", _EVERYBODY),
    "session.start": Method(
        _start_session, "Start a session; an open one ends as crash_recovered.", _STARTS,
        remove_scopes=(), remove_refs=(),
    ),
    "session.end": Method(_end_session, "End a session and its subscriptions; `reason` is normal or crash.", _ENDS),
    "session.list": Method(sessions.list_sessions, "List sessions, the newest first.", _LISTS),
    "session.heartbeat": Method(_heartbeat, "Record that an agent is alive, and the state of its worktree.", _SESSION),
    "session.setIntent": Method(_set_intent, "Set what an agent is working on; an empty text clears it.", _SESSION),
    "session.setTask": Method(_set_task, "Set the task an agent is working on; an empty text clears it.", _SESSION),
    "group.create": Method(groups.create, "Create a group."),
    "group.delete": Method(groups.delete, "Delete a group; messages sent to it stay."),
    "group.member.add": Method(groups.add, "Add an agent, role or group to a group."),
    "group.member.remove": Method(groups.remove, "Remove a member from a group."),
    "group.list": Method(groups.list_groups, "List all groups."),
    "group.info": Method(groups.info, "Show a group; `expand` resolves roles and nested groups to agents."),
    "group.members": Method(groups.members, "List the members of a group; `expand` resolves them to agents."),
    "message.send": Method(
        sending.send, "Send a message; it is on disk and in every mailbox once this answers.", _SENDS
    ),
    "message.reply": Method(sending.reply, "Reply to a message and mark it as read.", _REPLIES),
    "message.get": Method(editing.get, "Show a message in full. Marks nothing as read."),
    "message.list": Method(inbox.inbox, "List messages by page, newest first; `all` lists the whole store.", _ALL),
    "message.outbox": Method(sent.outbox, "List the caller's sent messages by page, with receipts."),
    "message.edit": Method(
        editing.edit, "Replace the text of your own message; without `content`, change only `structured`.", _MESSAGE
    ),
    "message.delete": Method(editing.delete, "Delete your own message from every mailbox.", _MESSAGE, force=True),
    "message.markRead": Method(editing.mark_read, "Mark messages in the caller's mailbox as read.", _ALL),
    "message.search": Method(_search, "Search messages by their words. Marks nothing as read."),
    "purge.execute": Method(_purge, "Count or remove old messages, sessions and events of this store's agents."),
    "subscribe": Method(_subscribe, "Subscribe the caller's session and notify this connection from now on.", _WATCHED),
    "unsubscribe": Method(subscriptions.unsubscribe, "Remove a subscription of the caller's session."),
    "subscriptions.list": Method(subscriptions.list_subscriptions, "List the subscriptions of the caller's session."),
    "subscriptions.listen": Method(_listen, "Send notifications to this connection, after the cursor `after`."),
    "context.save": Method(_save_context, "Save a text as an agent's context."),
    "context.show": Method(_show_context, "Show an agent's context and preamble."),
    "context.clear": Method(_clear_context, "Remove an agent's context and its shared copy; the preamble stays."),
    "context.preamble.show": Method(_show_context, "Show an agent's context and preamble."),
    "context.preamble.save": Method(_save_preamble, "Save a text that stands before an agent's context."),
    "sync.status": Method(_sync_status, "Show the state of the sync and everything it refused. Asks no remote."),
    "sync.force": Method(_sync_now, "Let the daemon sync now and answer at once; with `wait`, when it is done."),
}  # fmt: skip
