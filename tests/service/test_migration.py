"""migrate: the logs of the Go program are read, said again here, and never written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.contract.manifest import requirement
from tests.places import git
from thrum_store.identity import Caller
from thrum_store.repository import paths
from thrum_store.service.import_go import go_rules
from thrum_store.service.import_go.migration import migrate
from thrum_store.service.messages import editing, inbox
from thrum_store.service.messages.inbox import ReadInbox
from thrum_store.service.messages.search import Search, find
from thrum_store.service.team import agents, groups
from thrum_store.service.team.agents import ListAgents
from thrum_store.store import open_store

HELLO, ANSWER, GONE = ("msg_01HXE00000000000000000000" + letter for letter in "123")
THREAD = "thr_01HXE000000000000000000001"


def event(type_: str, minute: int, **fields: Any) -> dict[str, Any]:
    at = f"2026-01-02T03:{minute:02}:00.123456789Z"
    return {
        "type": type_,
        "timestamp": at,
        "event_id": f"evt_{type_}_{minute}",
        "v": 1,
        "origin_daemon": "d_x",
        **fields,
    }


def create(minute: int, message: str, author: str, content: str, **fields: Any) -> dict[str, Any]:
    body = {"format": "markdown", "content": content}
    data = {"message_id": message, "agent_id": author, "session_id": "ses_1", "body": body, **fields}
    return event("message.create", minute, **data)


EVENTS = [
    event("agent.register", 0, agent_id="ann", kind="agent", name="ann", role="planner", module="auth", worktree="old"),
    event("agent.register", 1, agent_id="bob", kind="agent", role="implementer", module="auth", hostname="vm"),
    event("agent.register", 2, agent_id="agent:reviewer:ABC123", kind="agent", role="reviewer", module="auth"),
    event("agent.session.start", 2, session_id="ses_1", agent_id="ann"),
    event("group.create", 3, group_id="grp_1", name="backend", description="the back", created_by="ann"),
    event("group.create", 3, group_id="grp_role_planner", name="planner", created_by="system"),
    event("group.member.add", 4, group_id="grp_1", member_type="agent", member_value="bob", added_by="ann"),
]
MESSAGES = {
    "ann": [
        create(5, HELLO, "ann", "hello bob", refs=[{"type": "mention", "value": "bob"}], recipients=["bob"]),
        event("message.edit", 6, message_id=HELLO, body={"format": "markdown", "content": "hello again bob"}),
        event("message.receipt", 7, message_id=HELLO, agent_id="bob", receipt_type="read"),
        create(8, GONE, "ann", "never mind", recipients=["bob"]),
        event("message.delete", 9, message_id=GONE),
    ],
    "bob": [
        create(
            10, ANSWER, "bob", "hi ann", recipients=["ann"], thread_id=THREAD,
            refs=[{"type": "mention", "value": "ann"}, {"type": "reply_to", "value": HELLO}],
            scopes=[{"type": "module", "value": "auth"}],
        ),
    ],
}  # fmt: skip


def lay(directory: Path) -> None:
    """Write the logs as the Go program has them."""
    (directory / "messages").mkdir(parents=True)
    lines = [json.dumps(event, sort_keys=True) for event in EVENTS]
    (directory / "events.jsonl").write_text("\n".join([*lines, "not json", ""]))
    for author, events in MESSAGES.items():
        (directory / "messages" / f"{author}.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository that thrum was not set up in."""
    root = tmp_path / "old"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "commit", "--quiet", "--allow-empty", "--message", "begin")
    return root


def in_files(root: Path) -> None:
    """The first layout: in .thrum, tracked on the main branch."""
    lay(root / ".thrum")
    git(root, "add", "--force", ".thrum")
    git(root, "commit", "--quiet", "--message", "messages")


def in_worktree(root: Path) -> None:
    """The layout of v0.6: a worktree of the orphan branch a-sync."""
    place = root / ".git/thrum-sync/a-sync"
    git(root, "worktree", "add", "--quiet", "--detach", str(place))
    git(place, "checkout", "--quiet", "--orphan", "a-sync")
    lay(place)
    git(place, "add", "--force", ".")
    git(place, "commit", "--quiet", "--message", "sync")


def in_branch(root: Path) -> None:
    """The same as a clone has it: only the branch, no worktree."""
    in_worktree(root)
    git(root, "worktree", "remove", "--force", str(root / ".git/thrum-sync/a-sync"))


@requirement("migrate")
@pytest.mark.parametrize("layout", [in_files, in_worktree, in_branch])
def test_agents_groups_messages_and_receipts_are_taken_over(repository: Path, layout: Any) -> None:
    layout(repository)
    done = migrate(str(repository))
    assert (done.agents, done.groups, done.messages, done.receipts) == (3, 1, 2, 1)
    assert [warning.rpartition(":")[0].split(":")[0] for warning in done.warnings] == ["1 invalid line was left out"]
    with open_store(paths.find(str(repository))) as store:
        known = {agent.address: agent for agent in agents.list_agents(store, ListAgents()).agents}
        assert set(known) == {"ann", "bob", "reviewer-abc123"}
        assert (known["ann"].role, known["ann"].worktree, known["ann"].registered_at) == (
            "planner", "", "2026-01-02T03:00:00.123Z",  # nothing says in which worktree it works
        )  # fmt: skip
        assert groups.info(store, "backend", True).expanded == ("bob",)
        (hello,) = inbox.inbox(store, Caller("bob"), ReadInbox()).messages
        assert (hello.content, hello.is_read, hello.header.sent_at) == (
            "hello again bob", True, "2026-01-02T03:05:00.123Z",
        )  # fmt: skip
        (answer,) = inbox.inbox(store, Caller("ann"), ReadInbox()).messages
        assert (answer.is_read, answer.header.reply_to, answer.header.thread) == (False, hello.header.id, THREAD)
        assert editing.get(store, answer.header.id).message.header.scopes[0].value == "auth"
        assert find(store, None, Search("never mind")).total == 0
        store.rebuild()
        assert inbox.inbox(store, Caller("ann"), ReadInbox()).unread == 1


def test_doing_it_again_takes_over_only_what_is_new(repository: Path) -> None:
    in_worktree(repository)
    migrate(str(repository))
    file = repository / ".git/thrum-sync/a-sync/messages/bob.jsonl"
    before = file.read_bytes()
    again = migrate(str(repository))
    assert (again.agents, again.groups, again.messages, again.known, again.receipts) == (0, 0, 0, 2, 0)
    later = create(20, HELLO[:-1] + "9", "bob", "new", recipients=["ann"])
    file.write_bytes(before + json.dumps(later).encode() + b"\n")
    assert (migrate(str(repository)).messages, migrate(str(repository)).messages) == (1, 0)


def test_the_old_files_stay_and_git_forgets_them(repository: Path) -> None:
    in_files(repository)
    before = {path: path.read_bytes() for path in (repository / ".thrum").rglob("*.jsonl")}
    done = migrate(str(repository))
    assert {path: path.read_bytes() for path in before} == before
    assert any("no longer tracks" in step for step in done.steps)
    assert git(repository, "ls-files", "--", ".thrum") == ""


def test_a_dry_run_says_what_is_there_and_does_nothing(repository: Path) -> None:
    in_files(repository)
    seen = migrate(str(repository), dry_run=True)
    assert (seen.dry_run, seen.agents, seen.messages, len(seen.sources)) == (True, 3, 2, 3)
    assert not (repository / ".thrum/var").exists()
    assert git(repository, "ls-files", "--", ".thrum") != ""


def test_where_there_is_nothing_old_nothing_is_needed(repository: Path) -> None:
    assert migrate(str(repository)).sources == ()
    assert not (repository / ".thrum").exists()


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"message.create"}', b"[]", b"null", b"\xff", b'{"timestamp":5}', b'{"timestamp":"yesterday"}',
        b'{"timestamp":"2026-01-01T00:00:00Z","type":"message.create","body":[]}', b"<<<<<<< HEAD",
        b'{"event_id":"x","type":"group.member.add","group_id":"grp_9","member_type":"x","member_value":"y"}',
    ],
)  # fmt: skip
def test_a_line_that_makes_no_sense_is_counted_and_breaks_nothing(line: bytes) -> None:
    good = json.dumps(EVENTS[0]).encode()
    old = go_rules.parse([("events.jsonl", line + b"\n" + good)])
    assert (set(old.agents), len(old.unreadable)) == ({"ann"}, 1)
