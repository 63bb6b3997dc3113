"""Rare forms in the Go program's logs: each is imported, or named in a warning; nothing vanishes in silence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import Shell, git
from thrum_store.identity import Caller
from thrum_store.log.events import Draft
from thrum_store.log.segments import Shard
from thrum_store.repository import paths
from thrum_store.service.messages import sending
from thrum_store.service.messages.sending import SendMessage
from thrum_store.store import open_store

from .go_store import START, GoStore, moment, ulid

HUGE = '{"n": 123456789012345678901234567890}'
LONG = json.dumps({"a": "x" * 20_000})


def two(folder: Path, *worktrees: str) -> GoStore:
    """A store with ann and bob on main."""
    store = GoStore.at(folder, *worktrees)
    store.agent("ann", role="planner")
    store.agent("bob", role="reviewer")
    return store


def migrated(store: GoStore) -> Any:
    """Migrate, and return the answer."""
    return store.write().shell().json("migrate")


def shell(store: GoStore, name: str = "bob") -> Shell:
    return store.shell().having(THRUM_NAME=name)


def texts(store: GoStore, name: str = "bob") -> list[str]:
    """The texts in an agent's inbox, oldest first."""
    inbox = shell(store, name).json("inbox", "--page-size", "100")["messages"]
    return [message["body"]["content"] for message in inbox][::-1]


def got(store: GoStore, old_id: str) -> Any:
    """A message by its old id."""
    return shell(store).json("message", "get", old_id)["message"]


# --- lines ------------------------------------------------------------------------------------------------------------


def test_a_torn_line_and_what_was_glued_to_it(tmp_path: Path) -> None:
    store = two(tmp_path)
    store.message("ann", "before", 10, ["bob"])
    glued = store.message("ann", "glued", 20, ["bob"])
    store.message("ann", "after", 30, ["bob"])
    store.write()
    file = store.sync / "messages/ann.jsonl"
    lines = file.read_text().split("\n")
    file.write_text("\n".join([lines[0], lines[0][:60] + lines[1], lines[2], lines[2][:40]]))
    answer = store.shell().json("migrate")
    assert texts(store) == ["before", "glued", "after"]
    assert got(store, glued)["body"]["content"] == "glued"
    (warning,) = answer["warnings"]
    assert warning.startswith("2 invalid lines were left out: ")
    assert "ann.jsonl:2" in warning
    assert "ann.jsonl:4" in warning


@pytest.mark.parametrize("form", ["crlf", "mark", "spaces", "two in a line", "blank lines"])
def test_lines_in_other_forms_are_read(tmp_path: Path, form: str) -> None:
    store = two(tmp_path)
    store.message("ann", "first", 10, ["bob"])
    store.message("ann", "second", 20, ["bob"])
    store.write()
    file = store.sync / "messages/ann.jsonl"
    data = file.read_bytes()
    changed = {
        "crlf": data.replace(b"\n", b"\r\n"),
        "mark": b"\xef\xbb\xbf" + data,
        "spaces": b"\n".join(json.dumps(json.loads(line), indent=None, separators=(" , ", " : ")).encode()
                             for line in data.splitlines()),
        "two in a line": data.replace(b"\n", b"", 1),
        "blank lines": b"\n\n" + data.replace(b"\n", b"\n  \n"),
    }  # fmt: skip
    file.write_bytes(changed[form])
    assert store.shell().json("migrate")["warnings"] == []
    assert texts(store) == ["first", "second"]


def test_events_that_stand_twice_or_in_several_files_count_once(tmp_path: Path) -> None:
    store = two(tmp_path)
    store.message("ann", "once", 10, ["bob"])
    store.session("ann", 5, 50)
    store.files["messages/ann.jsonl"] *= 2
    store.files["events.jsonl"] *= 2
    store.write(store.root / ".thrum")
    for event in store.files["messages/ann.jsonl"]:
        event["sequence"] += 1000  # as another machine counts
    answer = migrated(store)
    assert [answer[key] for key in ("agents", "messages", "sessions")] == [2, 1, 1]
    assert texts(store) == ["once"]


def test_events_without_an_id_count_once_too(tmp_path: Path) -> None:
    store = two(tmp_path)
    store.message("ann", "old", 10, ["bob"])
    for events in store.files.values():
        for event in events:
            del event["event_id"], event["sequence"]
    assert migrated(store)["messages"] == 1
    assert [store.shell().json("migrate")[key] for key in ("messages", "agents")] == [0, 0]


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("2026-01-02T05:00:10.5+02:00", "2026-01-02T03:00:10.500Z"),
        ("2026-01-02T03:00:10Z", "2026-01-02T03:00:10.000Z"),
        ("2026-01-01T21:30:10.123456789-05:30", "2026-01-02T03:00:10.123Z"),
        ("2026-01-02t03:00:10z", "2026-01-02T03:00:10.000Z"), ("2026-01-02T03:00:60Z", "2026-01-02T03:00:59.000Z"),
        ("yesterday", "2026-01-02T03:00:10.000Z"), (None, "2026-01-02T03:00:10.000Z"),
        (1767322810, "2026-01-02T03:00:10.000Z"), ("2026-01-02T03:00:10.1", "2026-01-02T03:00:10.100Z"),
    ],
)  # fmt: skip
def test_times_of_any_form_are_understood_or_taken_from_the_id(tmp_path: Path, stamp: Any, expected: str) -> None:
    store = two(tmp_path)
    identifier = store.message("ann", "when?", 10, ["bob"])
    store.files["messages/ann.jsonl"][0]["timestamp"] = stamp
    migrated(store)
    assert got(store, identifier)["created_at"] == expected


def test_texts_that_no_log_of_ours_takes_come_as_near_as_they_can(tmp_path: Path) -> None:
    store = two(tmp_path)
    odd = store.message("ann", "nul \0 and \ud800 half, \ud83d\ude00 whole", 10, ["bob"])
    long = store.message("ann", "long " * 600_000, 20, ["bob"])
    empty = store.message("ann", "", 30, ["bob"])
    control = store.message("ann", "\x1b[31mred\x07", 40, ["bob"])
    answer = migrated(store)
    assert got(store, odd)["body"]["content"] == "nul \ufffd and \ufffd half, \U0001f600 whole"
    assert got(store, empty)["body"]["content"] == ""
    assert got(store, control)["body"]["content"] == "\x1b[31mred\x07"
    cut = got(store, long)["body"]["content"]
    assert cut.startswith("long long")
    assert cut.endswith(f"as {long}]")
    assert answer["warnings"] == [f"1 text did not fit and was cut: {long}"]


def test_events_of_types_that_nobody_knows_are_named(tmp_path: Path) -> None:
    store = two(tmp_path)
    store.event("events.jsonl", "thread.updated", 10, thread_id="thr_1")
    store.event("events.jsonl", "agent.dance", 20, agent_id="ann")
    assert migrated(store)["warnings"] == ["2 events of unknown types were left out: agent.dance, thread.updated"]


def test_events_that_lack_what_their_type_needs_are_named_by_their_id(tmp_path: Path) -> None:
    store = two(tmp_path)
    broken = store.event("messages/ann.jsonl", "message.create", 10, agent_id="ann")
    assert migrated(store)["warnings"] == [f"1 invalid line was left out: {broken['event_id']}"]


# --- messages ---------------------------------------------------------------------------------------------------------


def test_edits_and_deletions_in_any_order_of_lines(tmp_path: Path) -> None:
    store = two(tmp_path)
    edited = store.message("ann", "one", 10, ["bob"])
    deleted = store.message("ann", "secret", 11, ["bob"])
    answer = store.reply("bob", deleted, "why?", 14, ["ann"], f"thr_{ulid(START, 1)}")
    store.event("messages/ann.jsonl", "message.edit", 12, message_id=edited, body={"content": "two"})
    store.event(
        "messages/ann.jsonl", "message.edit", 13, message_id=edited, body={"content": "", "structured": '{"n":1}'}
    )
    store.event("messages/ann.jsonl", "message.edit", 9, message_id=edited, body={"content": "zero"})  # a clock behind
    store.event("messages/ann.jsonl", "message.delete", 15, message_id=deleted, reason="oops")
    store.files["messages/ann.jsonl"].reverse()
    migrated(store)
    assert texts(store) == ["two"]
    shown = got(store, edited)
    assert (shown["version"], shown["body"]["structured"]) == (3, {"n": 1})
    gone = got(store, deleted)
    assert (gone["deleted"], gone["metadata"]["delete_reason"], gone["body"]["content"]) == (True, "oops", "")
    assert got(store, answer)["reply_to"] == gone["message_id"]
    written = b"".join(path.read_bytes() for path in (store.sync / "v1").rglob("*.jsonl"))
    assert b"secret" not in written


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ('{"pr": 42}', {"pr": 42}), ({"pr": 42}, {"pr": 42}), ("[1, 2]", {"value": [1, 2]}), ('"x"', {"value": "x"}),
        ("not json", {"text": "not json"}), (HUGE, {"text": HUGE}), ("", None), ('{"n": NaN}', {"text": '{"n": NaN}'}),
        ("[" * 50 + "]" * 50, {"text": "[" * 50 + "]" * 50}), (LONG, {"text": LONG}),
    ],
)  # fmt: skip
def test_structured_bodies_of_any_kind_are_kept(tmp_path: Path, raw: Any, expected: Any) -> None:
    store = two(tmp_path)
    message = store.message("ann", "data", 10, ["bob"], body={"structured": raw, "format": "json"})
    migrated(store)
    body = got(store, message)["body"]
    assert (body["structured"], body["format"]) == (expected, "json")


def test_scopes_refs_and_who_really_wrote_come_along(tmp_path: Path) -> None:
    store = two(tmp_path)
    message = store.message(
        "ann", "on behalf", 10, ["bob"], scopes=[{"type": "module", "value": "auth"}],
        refs=[{"type": "issue", "value": "42"}, {"type": "issue", "value": "42"}],
        authored_by="user:leon", disclosed=True,
    )  # fmt: skip
    lost = store.message("ann", "an answer", 20, ["bob"], refs=[{"type": "reply_to", "value": f"msg_{ulid(1, 1)}"}])
    migrated(store)
    refs = [(ref["type"], ref["value"]) for ref in got(store, message)["refs"]]
    assert refs == [("mention", "bob"), ("issue", "42"), ("authored_by", "user:leon"), ("disclosed", "true")]
    assert [(scope["type"], scope["value"]) for scope in got(store, message)["scopes"]] == [("module", "auth")]
    assert ("reply_to", f"msg_{ulid(1, 1)}") in [(ref["type"], ref["value"]) for ref in got(store, lost)["refs"]]


def test_old_ids_work_wherever_a_message_is_named(tmp_path: Path) -> None:
    store = two(tmp_path)
    mine = store.message("bob", "mine", 10, ["ann"], recipients=["ann"])
    theirs = store.message("ann", "theirs", 20, ["bob"], recipients=["bob"])
    other = store.message("bob", "to delete", 30, ["ann"], recipients=["ann"])
    migrated(store)
    bob = shell(store)
    assert bob.json("message", "edit", mine, "mine, edited")["version"] == 1
    assert bob.json("message", "read", theirs)["marked_count"] == 1
    assert bob.json("message", "delete", other, "--force")["message_id"] == got(store, other)["message_id"]
    assert got(store, other)["deleted"]
    assert bob.json("sent", "show", mine)["message"]["body"]["content"] == "mine, edited"
    answered = bob.json("send", "again", "--to", "@ann", "--ref", f"reply_to:{theirs}")
    assert answered["message_id"]
    unknown = bob.thrum("message", "get", f"msg_{ulid(START, 99)}", "--json")
    assert unknown.error["code"] == "unknown_message"


def test_a_key_of_a_sender_that_looks_like_an_old_id_is_no_old_id(tmp_path: Path) -> None:
    store = two(tmp_path)
    migrated(store)
    fake = f"msg_{ulid(START, 5)}"
    with open_store(paths.find(str(store.root))) as opened:
        sending.send(opened, Caller("bob", worktree="main"), SendMessage("keyed", to=("ann",), key=fake))
    assert shell(store).thrum("message", "get", fake, "--json").error["code"] == "unknown_message"


# --- agents and groups ------------------------------------------------------------------------------------------------


def test_agents_without_a_name_keep_their_ids(tmp_path: Path) -> None:
    store = two(tmp_path, "feature")
    legacy, unnamed = "agent:reviewer:1B9K33T6RK", "implementer_35hv2k7mpq"
    for identifier in (legacy, unnamed):
        store.event(
            "events.jsonl", "agent.register", 5, agent_id=identifier, kind="agent", role="tester", module="core",
            worktree=store.root.name,
        )  # fmt: skip
    store.identity("", "feature", "tester", file=unnamed)
    store.message(legacy, "from nobody", 10, ["bob"])
    store.message("ann", "to you", 20, [legacy, unnamed])
    store.event("events.jsonl", "agent.register", 6, agent_id="user:leon", kind="user", role="user", module="ui")
    migrated(store)
    agents = {agent["agent_id"]: agent for agent in shell(store).json("agent", "list")["agents"]["agents"]}
    assert set(agents) == {"ann", "bob", "reviewer-1b9k33t6rk", unnamed, "user-leon"}
    assert (agents[unnamed]["worktree"], agents["user-leon"]["kind"]) == ("feature", "user")
    assert store.shell("feature").ok("inbox").count("to you") == 1
    sent = shell(store).json("send", "hello", "--to", f"@{legacy}")
    assert [recipient["agent_id"] for recipient in sent["recipients"]] == ["reviewer-1b9k33t6rk"]


def test_two_agents_whose_names_differ_only_in_letters_that_we_lack_stay_two(tmp_path: Path) -> None:
    store = two(tmp_path)
    for identifier in ("tester-abc", "agent:tester:ABC", "agent:tester:Abc", "con", "_x", "x", "n" * 80, "n" * 90):
        store.event("events.jsonl", "agent.register", 5, agent_id=identifier, kind="agent", role="tester", module="m")
        store.message(identifier, f"I am {identifier}", 10, ["bob"])
    assert migrated(store)["agents"] == 10
    rows = shell(store).json("query", "SELECT author, content FROM messages")["rows"]
    assert len({row["author"] for row in rows}) == 8


def test_a_legacy_identity_file_goes_on_working_under_our_name(tmp_path: Path) -> None:
    store = GoStore.at(tmp_path, "feature")
    identifier = "agent:reviewer:1B9K33T6RK"
    store.event("events.jsonl", "agent.register", 5, agent_id=identifier, kind="agent", role="reviewer", module="core")
    store.identity(identifier, "feature", "reviewer", file="reviewer_1B9K33T6RK")
    (store.worktrees["feature"] / ".thrum/context/reviewer_1B9K33T6RK.md").write_text("kept\n")
    migrated(store)
    home = store.shell("feature")
    assert home.json("whoami")["agent_id"] == "reviewer-1b9k33t6rk"
    assert "kept" in home.ok("context", "show")
    assert store.shell("feature").json("migrate")["agents"] == 0


def test_groups_with_roles_and_groups_inside_and_members_that_left(tmp_path: Path) -> None:
    store = two(tmp_path)
    store.agent("cyd", role="tester")
    inner = store.group("inner", 10, ("role", "tester"), ("agent", "ann"))
    store.group("outer", 20, ("group", "inner"), ("agent", "bob"))
    store.group("byid", 21, ("group", inner), ("role", "*"))
    left = store.group("left", 22, ("agent", "bob"), ("agent", "cyd"))
    store.event("events.jsonl", "group.member.remove", 30, group_id=left, member_type="agent", member_value="bob",
                removed_by="bob")  # fmt: skip
    gone = store.group("gone", 23, ("agent", "bob"))
    store.event("events.jsonl", "group.delete", 31, group_id=gone, deleted_by="ann")
    store.event("events.jsonl", "group.update", 32, group_id=left, updated_by="ann", fields={"description": "few"})
    store.group("bob", 33, ("agent", "ann"))  # an agent has that name
    store.message("bob", "to outer", 40, group="outer")
    migrated(store)
    bob = shell(store)

    def expanded(name: str) -> set[str]:
        return set(bob.json("group", "members", name, "--expand")["expanded"])

    assert {name: expanded(name) for name in ("outer", "byid", "left", "bob-group")} == {
        "outer": {"ann", "bob", "cyd"}, "byid": {"ann", "bob", "cyd"}, "left": {"cyd"}, "bob-group": {"ann"},
    }  # fmt: skip
    assert bob.json("group", "info", "left")["description"] == "few"
    assert bob.thrum("group", "info", "gone", "--json").error["code"] == "unknown_group"
    assert texts(store, "cyd") == ["to outer"]
    bob.ok("group", "remove", "left", "cyd")
    assert migrated(store)["groups"] == 0
    assert expanded("left") == set()


def test_what_was_deleted_or_purged_here_since_does_not_come_back(tmp_path: Path) -> None:
    store = two(tmp_path)
    store.agent("cyd")
    store.message("ann", "old", 10, ["bob"])
    store.message("cyd", "from cyd", 20, ["bob"])
    store.session("ann", 5, 50)
    migrated(store)
    shell(store, "ann").ok("purge", "--all", "--confirm")
    shell(store, "cyd").ok("agent", "delete", "cyd", "--force")
    again = migrated(store)
    assert [again[key] for key in ("agents", "messages", "sessions", "receipts")] == [0] * 4
    assert texts(store) == []


def test_what_the_go_program_removed_stays_away_and_is_counted(tmp_path: Path) -> None:
    store = two(tmp_path)
    store.event("events.jsonl", "agent.register", 1, agent_id="zoe", kind="agent", role="tester", module="m")
    store.message("zoe", "before the purge", 10, ["bob"])
    store.message("ann", "purged", 11, ["bob"])
    store.event("events.jsonl", "purge.executed", 20, cutoff=moment(START + 15_000))
    store.message("zoe", "deleted with zoe", 30, ["bob"])
    store.event("events.jsonl", "agent.cleanup", 40, agent_id="zoe", method="manual")
    store.event("events.jsonl", "agent.cleanup", 41, agent_id="ann", method="automated")  # its identity file is there
    store.message("ann", "kept", 42, ["bob"])
    answer = migrated(store)
    assert texts(store) == ["kept"]
    assert answer["warnings"] == [
        "2 messages that the Go program removed with their agents were left out",
        "1 message that the Go program removed by a purge was left out",
    ]
    assert {agent["agent_id"] for agent in shell(store).json("agent", "list")["agents"]["agents"]} == {"ann", "bob"}


def test_agents_whose_registration_was_purged_are_there_all_the_same(tmp_path: Path) -> None:
    store = GoStore.at(tmp_path, "feature")
    store.identity("ann", "feature", "planner")
    store.message("ann", "hello", 10, ["bob"], recipients=["bob"])
    migrated(store)
    agents = {agent["agent_id"]: agent for agent in store.shell().json("agent", "list")["agents"]["agents"]}
    assert (agents["ann"]["role"], agents["ann"]["worktree"]) == ("planner", "feature")
    assert store.shell().having(THRUM_NAME="bob").ok("inbox").count("hello") == 1
    assert store.shell("feature").run("send", "again", "--to", "@bob").code == 0


# --- worktrees --------------------------------------------------------------------------------------------------------


def test_an_agent_that_two_worktrees_claim_or_none_may_work_in_each(tmp_path: Path) -> None:
    store = two(tmp_path, "feature")
    store.identity("ann", "feature")
    store.event("events.jsonl", "agent.register", 3, agent_id="far", kind="agent", role="tester", module="m",
                worktree=store.root.name, hostname="elsewhere")  # fmt: skip
    migrated(store)
    for worktree in ("main", "feature"):
        for name in ("ann", "far"):
            assert store.shell(worktree).having(THRUM_NAME=name).run("send", "hi", "--to", "@bob").code == 0
    assert shell(store).json("agent", "cleanup", "--dry-run", "--threshold", "99999")["orphans"] == []
    assert "another worktree" not in store.shell("feature").thrum("doctor").out
    store.shell("feature").ok("quickstart", "--name", "far", "--role", "tester", "--module", "m")
    assert store.shell("feature").having(THRUM_NAME="far").json("whoami")["worktree"] == "feature"


def test_where_the_identity_file_is_lost_the_last_work_says_the_worktree(tmp_path: Path) -> None:
    store = two(tmp_path, "feature")
    store.event("events.jsonl", "agent.register", 3, agent_id="cyd", kind="agent", role="tester", module="m",
                worktree=store.root.name)  # fmt: skip
    session = store.session("cyd", 5)
    work = {"session_id": session, "worktree_path": str(store.worktrees["feature"]), "intent": "mending",
            "current_task": "T-1", "branch": "b/feature", "git_updated_at": moment(START)}  # fmt: skip
    store.event("events.jsonl", "agent.update", 9, agent_id="cyd", work_contexts=[work])
    migrated(store)
    assert store.shell("feature").having(THRUM_NAME="cyd").run("send", "hi", "--to", "@bob").code == 0
    team = {member["agent_id"]: member for member in shell(store).json("team", "--all")["members"]}
    assert (team["cyd"]["worktree"], team["cyd"]["intent"], team["cyd"]["current_task"]) == (
        "feature",
        "mending",
        "T-1",
    )


def test_logs_in_a_linked_worktree_in_the_older_place_and_in_a_remotes_branch_are_found(tmp_path: Path) -> None:
    store = two(tmp_path, "feature")
    store.write()
    for number, place in enumerate((store.worktrees["feature"] / ".thrum", store.root / ".thrum/sync")):
        store.files = {}
        store.message("ann", f"place {number}", 10 + number, ["bob"])
        store.write(place)
    store.files = {}
    store.message("ann", "not merged yet", 20, ["bob"])
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "--quiet")
    store.write(other)
    git(other, "add", "--all")
    git(other, "commit", "--quiet", "--message", "sync: elsewhere")
    git(store.root, "remote", "add", "origin", str(other))
    git(store.root, "fetch", "--quiet", "origin", "HEAD:refs/remotes/origin/a-sync")
    answer = store.shell().json("migrate")
    assert sorted(texts(store)) == ["not merged yet", "place 0", "place 1"]
    assert "origin/a-sync:messages/ann.jsonl" in answer["sources"]


def test_the_monolith_from_before_the_shards_is_read(tmp_path: Path) -> None:
    store = two(tmp_path)
    store.message("ann", "from ann", 10, ["bob"])
    store.message("bob", "from bob", 20, ["ann"])
    messages = store.files.pop("messages/ann.jsonl") + store.files.pop("messages/bob.jsonl")
    store.files["messages.jsonl"] = messages
    assert migrated(store)["messages"] == 2
    assert texts(store) == ["from ann"]


def test_agents_that_an_earlier_version_bound_to_the_first_worktree_are_bound_again(tmp_path: Path) -> None:
    store = two(tmp_path, "feature")
    store.agent("cyd", "feature", at=7)
    store.write().shell().run("init")
    data = {"kind": "agent", "role": "implementer", "module": "core", "display": "", "worktree": "main", "host": "host"}
    with open_store(paths.find(str(store.root))) as opened:
        shard = Shard(opened.own, "cyd")
        with opened.shard_lock(shard):  # as it was written without a mark
            opened.log.append(shard, opened.end(shard), [Draft("agent.register", data)], START + 7000)
            opened.absorb(shard)
    cyd = store.shell("feature").having(THRUM_NAME="cyd")
    assert "works in the worktree" in cyd.run("send", "x", "--to", "@everyone").err
    store.shell().ok("migrate")
    assert cyd.run("send", "x", "--to", "@everyone").code == 0


def test_agents_that_registered_here_since_are_left_alone(tmp_path: Path) -> None:
    store = two(tmp_path, "feature")
    migrated(store)
    store.shell("feature").ok("quickstart", "--name", "new", "--role", "tester", "--module", "m")
    store.shell().ok("quickstart", "--name", "ann", "--role", "tester", "--module", "m")
    before = store.shell().json("agent", "list")
    answer = migrated(store)
    assert (answer["agents"], store.shell().json("agent", "list")) == (0, before)


def test_a_shared_context_is_shared_again_and_one_that_was_cleared_stays_away(tmp_path: Path) -> None:
    store = two(tmp_path)
    (store.sync / "context").mkdir()
    (store.sync / "context/ann.md").write_text("shared notes\n")
    (store.sync / "context/nobody.md").write_text("of nobody\n")
    assert migrated(store)["contexts"] == 1
    assert "shared notes" in shell(store).ok("context", "show", "--agent", "ann")
    shell(store, "ann").thrum("context", "clear")
    migrated(store)
    assert "shared notes" not in shell(store).thrum("context", "show", "--agent", "ann").out
