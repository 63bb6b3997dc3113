"""Notifications: each subscriber gets each matching message once, and continues where it was."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys

import pytest

from tests.daemon.conftest import DEADLINE, Daemon, Wire, send
from thrum_store.identity import Caller
from thrum_store.service.messages import subscriptions
from thrum_store.service.messages.subscriptions import Subscribe
from thrum_store.store import open_store

SENDER = """
import sys
from thrum_store.repository import paths
from thrum_store.identity import Caller
from thrum_store.service.messages import sending as messages
from thrum_store.service.messages.sending import SendMessage
from thrum_store.store import open_store

with open_store(paths.find(sys.argv[1])) as store:
    for number in range(int(sys.argv[2])):
        messages.send(store, Caller("bob", worktree="main"), SendMessage(f"{sys.argv[3]} {number}", to=("@alice",)))
"""


def from_elsewhere(daemon: Daemon, count: int, text: str = "m") -> subprocess.Popen[bytes]:
    """Start another process that sends."""
    return subprocess.Popen([sys.executable, "-c", SENDER, daemon.paths.root, str(count), text])


def drain(wire: Wire, until: str) -> list[str]:
    """Return the previews of the notifications, up to the preview `until`."""
    previews = [wire.notification()["preview"]]
    while previews[-1] != until:
        previews.append(wire.notification()["preview"])
    return previews


def test_a_subscriber_is_told_of_what_another_process_sent(wire: Wire, daemon: Daemon) -> None:
    subscribed = wire.result("subscribe", all=True, caller_agent_id="alice")
    sender = from_elsewhere(daemon, 1)
    notification = wire.notification()
    assert sender.wait(DEADLINE) == 0
    assert notification["author"] == {"agent_id": "bob", "role": "reviewer", "module": "auth"}
    assert notification["preview"] == "m 0"
    assert notification["matched_subscription"] == {
        "subscription_id": subscribed["subscription_id"],
        "match_type": "all",
    }


WISHES: list[tuple[dict[str, object], str]] = [
    ({"scope": "module:auth"}, "scope"),
    ({"scope": {"type": "module", "value": "auth"}}, "scope"),
    ({"mention_role": "@planner"}, "mention"),
    ({"all": True}, "all"),
]


def test_only_what_matches_is_told(wire: Wire, daemon: Daemon) -> None:
    for wish, kind in WISHES:
        number = wire.result("subscribe", **wish, caller_agent_id="alice")["subscription_id"]
        send(daemon.paths, "another scope", "@alice", scopes=("module:db",))
        send(daemon.paths, "wanted", "@planner", scopes=("module:auth",))
        notification = wire.notification()
        if kind == "all":
            assert notification["preview"] == "another scope"
            notification = wire.notification()
        assert (notification["preview"], notification["matched_subscription"]) == (
            "wanted",
            {"subscription_id": number, "match_type": kind},
        )
        wire.result("unsubscribe", subscription_id=number, caller_agent_id="alice")


def test_nobody_is_told_of_their_own_messages(wire: Wire, daemon: Daemon) -> None:
    wire.result("subscribe", all=True, caller_agent_id="alice")
    send(daemon.paths, "mine", "@bob", author="alice")
    send(daemon.paths, "yours", "@alice")
    assert wire.notification()["preview"] == "yours"


def test_two_subscriptions_that_match_tell_once(wire: Wire, daemon: Daemon) -> None:
    wire.result("subscribe", all=True, caller_agent_id="alice")
    wire.result("subscribe", scope="module:auth", caller_agent_id="alice")
    send(daemon.paths, "one", "@alice", scopes=("module:auth",))
    send(daemon.paths, "two", "@alice")
    assert [wire.notification()["preview"] for _ in range(2)] == ["one", "two"]


def test_a_long_text_is_cut_between_characters(wire: Wire, daemon: Daemon) -> None:
    wire.result("subscribe", all=True, caller_agent_id="alice")
    send(daemon.paths, "ü€😀" * 100, "@alice")
    preview = wire.notification()["preview"]
    assert preview == ("ü€😀" * 100)[:100] + "…"


def test_subscriptions_made_without_the_daemon_count_for_who_listens(daemon: Daemon, wire: Wire) -> None:
    with open_store(daemon.paths) as store:
        subscriptions.subscribe(store, Caller("alice", worktree="main"), Subscribe(scope="pr:42"))
    wire.result("subscriptions.listen", caller_agent_id="alice")
    send(daemon.paths, "not this", "@alice")
    send(daemon.paths, "this", "@alice", scopes=("pr:42",))
    assert wire.notification()["preview"] == "this"


def test_a_message_to_nobody_here_is_told_as_well(wire: Wire, daemon: Daemon) -> None:
    wire.result("subscribe", all=True, caller_agent_id="alice")
    wire.result("group.create", name="empty", caller_agent_id="bob")
    send(daemon.paths, "hello?", "@empty")
    assert wire.notification()["preview"] == "hello?"


def test_who_comes_back_with_a_cursor_misses_nothing_and_gets_nothing_twice(daemon: Daemon) -> None:
    with daemon.wire() as first:
        first.result("subscribe", all=True, caller_agent_id="alice")
        for number in range(3):
            send(daemon.paths, f"m {number}", "@alice")
        cursor = [first.notification() for _ in range(2)][-1]["cursor"]
    for number in range(3, 450):
        send(daemon.paths, f"m {number}", "@alice")
    with daemon.wire() as second:
        second.result("subscriptions.listen", after=cursor, caller_agent_id="alice")
        send(daemon.paths, "last", "@alice")
        assert drain(second, "last") == [*(f"m {number}" for number in range(2, 450)), "last"]


def test_the_cursor_outlives_the_daemon(daemon: Daemon) -> None:
    with daemon.wire() as first:
        cursor = first.result("subscribe", all=True, caller_agent_id="alice")["cursor"]
    daemon.kill()
    send(daemon.paths, "while it was dead", "@alice")
    daemon.start()
    with daemon.wire() as second:
        second.result("subscriptions.listen", after=cursor, caller_agent_id="alice")
        assert second.notification()["preview"] == "while it was dead"


def test_a_rebuilt_view_loses_nothing_for_who_is_told_meanwhile(wire: Wire, daemon: Daemon) -> None:
    wire.result("subscribe", all=True, caller_agent_id="alice")
    send(daemon.paths, "before", "@alice")
    assert wire.notification()["preview"] == "before"
    with open_store(daemon.paths) as store:
        store.rebuild()
    send(daemon.paths, "after", "@alice")
    assert wire.notification()["preview"] == "after"


def test_an_old_cursor_in_a_rebuilt_view_rather_tells_twice_than_never(daemon: Daemon) -> None:
    with daemon.wire() as first:
        cursor = first.result("subscribe", all=True, caller_agent_id="alice")["cursor"]
    send(daemon.paths, "missed", "@alice")
    with open_store(daemon.paths) as store:
        store.rebuild()
    with daemon.wire() as second:
        second.result("subscriptions.listen", after=cursor, caller_agent_id="alice")
        assert "missed" in drain(second, "missed")


def test_a_cursor_that_is_none_is_refused(wire: Wire) -> None:
    for cursor in ("", "x", "1", "1:2", "1:2:3:4", "a:b:c", "A:2:3", "1:2:9999999999999999"):
        error = wire.refusal("subscriptions.listen", after=cursor, caller_agent_id="alice")
        assert (cursor, error["data"]["code"]) == (cursor, "invalid")


def test_after_unsubscribing_nothing_more_is_told(wire: Wire, daemon: Daemon) -> None:
    number = wire.result("subscribe", all=True, caller_agent_id="alice")["subscription_id"]
    wire.result("subscribe", scope="module:auth", caller_agent_id="alice")
    wire.result("unsubscribe", subscription_id=number, caller_agent_id="alice")
    send(daemon.paths, "not any more", "@alice")
    send(daemon.paths, "still", "@alice", scopes=("module:auth",))
    assert wire.notification()["preview"] == "still"


def test_subscriptions_end_with_their_session(wire: Wire, daemon: Daemon) -> None:
    wire.result("subscribe", all=True, caller_agent_id="alice")
    wire.result("session.start", agent_id="alice")
    assert wire.result("subscriptions.list", caller_agent_id="alice")["subscriptions"] == []
    wire.result("subscribe", scope="module:auth", caller_agent_id="alice")
    send(daemon.paths, "for the old session", "@alice")
    send(daemon.paths, "for the new one", "@alice", scopes=("module:auth",))
    assert wire.notification()["preview"] == "for the new one"


def heard_by(wires: list[Wire], count: int) -> list[list[str]]:
    """Return the previews of the next `count` notifications of each client, read as they come."""
    buffers = [bytearray() for _ in wires]
    with selectors.DefaultSelector() as ready:
        for wire, heard in zip(wires, buffers, strict=True):
            ready.register(wire.socket, selectors.EVENT_READ, heard)
        while ready.get_map():
            chosen = ready.select(DEADLINE)
            assert chosen, "nothing comes any more"
            for key, _ in chosen:
                part = os.read(key.fd, 1 << 20)
                key.data.extend(part)
                if not part or key.data.count(b"\n") >= count:
                    ready.unregister(key.fileobj)
    return [[json.loads(line)["params"]["preview"] for line in heard.splitlines()] for heard in buffers]


@pytest.mark.parametrize(
    ("subscribers", "each"), [(20, 25), pytest.param(200, 1250, marks=[pytest.mark.nightly, pytest.mark.timeout(1800)])]
)
def test_many_subscribers_get_every_match_once_from_many_senders(daemon: Daemon, subscribers: int, each: int) -> None:
    wires = [daemon.wire() for _ in range(subscribers)]
    try:
        wires[0].result("subscribe", all=True, caller_agent_id="alice")
        for wire in wires[1:]:
            wire.result("subscriptions.listen", caller_agent_id="alice")
        senders = [from_elsewhere(daemon, each, f"s{number}") for number in range(4)]
        clients = heard_by(wires, each * 4)
        for heard in clients:
            assert sorted(heard) == sorted(f"s{sender} {number}" for sender in range(4) for number in range(each))
            for sender in range(4):
                assert [preview for preview in heard if preview.startswith(f"s{sender} ")] == [
                    f"s{sender} {n}" for n in range(each)
                ]
        assert [sender.wait(DEADLINE) for sender in senders] == [0] * 4
        send(daemon.paths, "end", "@alice")
        assert {wire.notification()["preview"] for wire in wires} == {"end"}
    finally:
        for wire in wires:
            wire.close()


def test_a_broken_file_of_subscriptions_stops_push_alone_and_is_shown(wire: Wire, daemon: Daemon) -> None:
    wire.result("subscribe", all=True, caller_agent_id="alice")
    path = os.path.join(daemon.paths.var, "subscriptions.json")
    with open(path, "rb+") as file:
        good = file.read()
        file.truncate(5)
    send(daemon.paths, "told later", "@alice")
    with daemon.wire() as other:
        while True:
            parts = {part["name"]: part for part in other.result("health")["parts"]}
            if parts["push"]["failures"]:
                break
        assert "subscriptions" in parts["push"]["last_error"]
        assert {parts["socket"]["state"], parts["websocket"]["state"]} == {"running"}
        assert other.result("message.list", caller_agent_id="alice")["total"] == 1
    with open(path, "wb") as file:
        file.write(good)
    assert wire.notification()["preview"] == "told later"
