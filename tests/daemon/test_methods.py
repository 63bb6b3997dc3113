"""The table of methods: the use cases of the command line and MCP under the names and keys of JSON-RPC."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.daemon.conftest import Daemon, Wire, send
from thrum_mcp.daemon.rpc.methods import METHODS
from thrum_mcp.daemon.rpc.parameters import CALLER
from thrum_store import setup
from thrum_store.identity import Caller
from thrum_store.repository import paths
from thrum_store.service.messages import editing
from thrum_store.service.messages import inbox as mailbox
from thrum_store.service.messages.inbox import ReadInbox
from thrum_store.service.team import agents
from thrum_store.service.team.agents import Register
from thrum_store.store import open_store
from thrum_store.values import json_keys

# Method -> the keys that its result has at least; all of them can be called one after the other.
TOUR: list[tuple[str, dict[str, object], set[str]]] = [
    ("health", {}, {"status", "uptime_ms", "version", "repo_id", "sync_state"}),
    ("agent.register", {"name": "carol", "role": "tester", "module": "db"}, {"agent_id", "status"}),
    ("agent.list", {"role": "planner"}, {"agents"}),
    ("agent.whoami", {}, {"agent_id", "role", "module", "source", "session_id"}),
    ("agent.listContext", {}, {"contexts"}),
    ("agent.ping", {"name": "@bob"}, {"agent_id", "status"}),
    ("team.list", {"include_offline": True}, {"members"}),
    ("session.start", {"agent_id": "carol"}, {"session_id", "agent_id", "started_at"}),
    ("session.list", {"active_only": True}, {"sessions"}),
    ("session.heartbeat", {"add_scopes": ["module:auth"]}, {"session_id", "last_seen_at", "branch"}),
    ("session.setIntent", {"intent": "testing"}, {"session_id", "intent", "intent_updated_at"}),
    ("session.setTask", {"current_task": "t-1"}, {"session_id", "current_task", "task_updated_at"}),
    ("group.create", {"name": "crew", "description": "all of us"}, {"group_id", "name", "created_at"}),
    ("group.member.add", {"group": "crew", "member_type": "agent", "member_value": "bob"}, {"group", "member_value"}),
    ("group.list", {}, {"groups"}),
    ("group.info", {"name": "crew", "expand": True}, {"name", "members", "expanded"}),
    ("group.members", {"name": "crew"}, {"members"}),
    ("group.member.remove", {"group": "crew", "member_type": "agent", "member_value": "bob"}, {"group"}),
    ("group.delete", {"name": "crew"}, {"name", "deleted_at"}),
    ("message.send", {"content": "hi", "mentions": ["@bob"]}, {"message_id", "thread_id", "created_at", "resolved_to"}),
    ("message.reply", {"message_id": "{message_id}", "content": "yo", CALLER: "bob"}, {"message_id"}),
    ("message.get", {"message_id": "{message_id}"}, {"message"}),
    ("message.list", {"unread": True}, {"messages", "total", "unread", "page", "page_size", "total_pages"}),
    ("message.outbox", {}, {"messages", "total", "page", "page_size"}),
    ("message.search", {"words": "hi"}, {"messages", "total"}),
    ("message.markRead", {"all": True}, {"marked_count"}),
    ("message.edit", {"message_id": "{message_id}", "content": "hey", CALLER: "bob"}, {"version", "updated_at"}),
    ("message.delete", {"message_id": "{message_id}", CALLER: "bob"}, {"message_id", "deleted_at"}),
    ("subscribe", {"scope": "module:auth"}, {"subscription_id", "session_id", "created_at"}),
    ("subscriptions.list", {}, {"subscriptions"}),
    ("subscriptions.listen", {}, {"session_id", "cursor"}),
    ("unsubscribe", {"subscription_id": 1}, {"removed"}),
    ("context.save", {"content": "where I was"}, {"agent_id", "size"}),
    ("context.show", {"agent_name": "alice"}, {"content", "has_context"}),
    ("context.preamble.save", {"content": "who I am"}, {"agent_id"}),
    ("context.preamble.show", {}, {"preamble"}),
    ("context.clear", {}, {"existed"}),
    ("sync.status", {}, {"running", "last_sync_at", "sync_state", "local_only"}),
    ("sync.force", {}, {"triggered", "last_sync_at", "sync_state", "local_only"}),
    ("purge.execute", {"all": True}, {"dry_run", "messages_deleted"}),
    ("session.end", {}, {"session_id", "ended_at", "duration_ms"}),
    ("agent.cleanup", {"threshold": 30}, {"orphans", "deleted", "dry_run"}),
    ("agent.delete", {"name": "carol"}, {"agent_id", "deleted"}),
]


def test_every_method_answers_with_its_keys(wire: Wire) -> None:
    assert sorted(name for name, _, _ in TOUR) == sorted(METHODS)
    message = ""
    for name, params, keys in TOUR:
        filled = {key: message if value == "{message_id}" else value for key, value in params.items()}
        result = wire.result(name, **{CALLER: "alice", **filled})
        assert keys <= set(result), name
        assert {key for outer, inner, _ in json_keys(METHODS[name].result) for key in [outer or inner]} == set(
            result
        ), name
        message = str(result.get("message_id", message))


def test_every_parameter_is_checked() -> None:
    """A type that is imported for type checkers only would count as Any."""
    parameters = [(name, each) for name, method in METHODS.items() for each in method.parameters.listed]
    assert [(name, each.name) for name, each in parameters if each.type is Any] == []
    assert [name for name, method in METHODS.items() if method.result is Any] == []


def test_rpc_and_services_say_the_same(wire: Wire, daemon: Daemon) -> None:
    message = send(daemon.paths, "the same", "@alice", scopes=("module:auth",))
    wire.result("message.markRead", message_ids=[message], caller_agent_id="alice")
    with open_store(daemon.paths) as store:
        inbox = mailbox.inbox(store, Caller("alice"), ReadInbox(everything=True))
        detail = editing.get(store, message)
    listed = wire.result("message.list", all=True, caller_agent_id="alice")
    assert [each["message_id"] for each in listed["messages"]] == [each.header.id for each in inbox.messages]
    assert wire.result("message.get", message_id=message)["message"]["recipients"][0] == {
        "agent_id": "alice",
        "delivered_at": detail.message.recipients[0].delivered_at,
        "seen_at": detail.message.recipients[0].read_at,
        "read_at": detail.message.recipients[0].read_at,
        "answered": False,
    }


REFUSED: list[tuple[str, dict[str, object], int, str]] = [
    ("nope", {}, -32601, "unknown_method"),
    ("message.send", {}, -32602, "invalid"),
    ("message.send", {"content": 5}, -32602, "invalid"),
    ("message.send", {"content": "x", "contents": "y"}, -32602, "invalid"),
    ("message.list", {"page_size": "many"}, -32602, "invalid"),
    ("message.list", {"page_size": 1000}, -32000, "invalid"),
    ("message.send", {"content": " "}, -32000, "invalid"),
    ("message.send", {"content": "x", "mentions": ["@nobody"]}, -32000, "unknown_recipient"),
    ("message.search", {"words": "x", "scope": None, "page": 0}, -32000, "invalid"),
    ("message.get", {"message_id": "msg_01M84NYQNDRBMZPM43NYXTNJP5"}, -32000, "unknown_message"),
    ("message.outbox", {CALLER: "ghost"}, -32000, "not_registered"),
    ("message.outbox", {CALLER: "../../x"}, -32000, "invalid"),
    ("session.heartbeat", {"session_id": "ses_x", CALLER: None}, -32000, "unknown_session"),
    ("subscribe", {}, -32000, "invalid"),
    ("subscribe", {"all": True, "scope": "a:b"}, -32000, "invalid"),
    ("unsubscribe", {"subscription_id": 99}, -32000, "not_found"),
    ("group.info", {"name": "none"}, -32000, "unknown_group"),
]


def test_what_is_refused_says_why(wire: Wire) -> None:
    for method, params, code, name in REFUSED:
        error = wire.refusal(method, **{CALLER: "alice", **params})
        assert (method, params, error["code"], error["data"]["code"]) == (method, params, code, name)


def test_the_hint_says_what_to_do(wire: Wire) -> None:
    error = wire.refusal("message.send", content="x", mentions=["@alcie"], caller_agent_id="bob")
    assert "@alice" in error["data"]["hint"]


def test_without_a_name_nobody_is_guessed(wire: Wire) -> None:
    assert wire.refusal("message.outbox")["data"]["code"] == "ambiguous_identity"


def test_a_session_speaks_for_its_agent(wire: Wire) -> None:
    started = wire.result("session.start", agent_id="bob")
    assert wire.result("session.setIntent", session_id=started["session_id"], intent="x")["intent"] == "x"
    assert wire.result("session.end", session_id=started["session_id"])["session_id"] == started["session_id"]


def test_the_second_same_subscription_is_refused(wire: Wire) -> None:
    wire.result("subscribe", mention_role="@planner", caller_agent_id="alice")
    assert wire.refusal("subscribe", mention_role="planner", caller_agent_id="alice")["data"]["code"] == "conflict"


def test_a_repeated_send_with_a_key_is_one_message(wire: Wire) -> None:
    params = {"content": "once", "mentions": ["@alice"], "idempotency_key": "k1", CALLER: "bob"}
    first, second = (wire.result("message.send", **params) for _ in range(2))
    assert first["message_id"] == second["message_id"]


def test_a_batch_is_answered_in_order_and_notifications_are_not(wire: Wire) -> None:
    calls = [
        {"jsonrpc": "2.0", "id": 1, "method": "health"},
        {"jsonrpc": "2.0", "method": "message.send", "params": {"content": "quiet", CALLER: "bob"}},
        {"jsonrpc": "2.0", "id": "two", "method": "nope"},
        1,
        {"jsonrpc": "2.0", "id": None, "method": "message.list", "params": {CALLER: "alice"}},
    ]
    wire.send(json.dumps(calls).encode() + b"\n")
    first, second, third, fourth = wire.line()
    assert (first["id"], second["id"], third["id"], fourth["id"]) == (1, "two", None, None)
    assert (second["error"]["code"], third["error"]["code"]) == (-32601, -32600)
    assert fourth["result"]["messages"][0]["body"]["content"] == "quiet"


def test_a_batch_of_notifications_is_not_answered(wire: Wire) -> None:
    wire.send(json.dumps([{"jsonrpc": "2.0", "method": "health"}] * 2).encode() + b"\n")
    assert wire.result("health")["status"] == "ok"
    assert wire.early == []


def test_an_agent_of_another_worktree_is_served_there(
    wire: Wire, daemon: Daemon, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("worktrees") / "feature"
    git = ["git", "-C", daemon.paths.root, "-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    subprocess.run([*git, "worktree", "add", "-q", "-b", "feature", str(other)], check=True)
    setup.initialize(paths.find(str(other)), setup.Initialize())
    with open_store(paths.find(str(other))) as store:
        agents.register(store, Register("dora", "builder", "ui"))
    wire.result("session.start", agent_id="dora")
    assert wire.result("session.heartbeat", caller_agent_id="dora")["branch"] == "feature"
