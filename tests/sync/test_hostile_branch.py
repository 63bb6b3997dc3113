"""Hostile content of the branch: it is refused, counted and shown, and all else flows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sync.clones import Clone, Remote, git, remote_at
from tests.sync.conftest import Pair
from tests.sync.forging import REGISTRATION, Stranger, canonical, sealed
from thrum_store.machine.host import REAL
from thrum_store.repository.git_runner import GitRunner
from thrum_store.sync.remote.repository_id import Repository
from thrum_store.sync.wire.signed_heads import SignedEnd

OUTSIDE = "outside.txt"


def repo_of(clone: Clone) -> str:
    return Repository(GitRunner(str(clone.root)), clone.paths.var, REAL).own


def still_flows(pair: Pair) -> None:
    """A message still goes from one clone to the other."""
    pair.theirs.send("bob", "and yet it moves", "@alice")
    pair.theirs.sync()
    pair.ours.sync()
    assert "and yet it moves" in pair.ours.contents()


def entries_of(remote: Remote) -> list[str]:
    return [line for line in git(remote.root, "ls-tree", "-r", remote.tip).split("\n") if line]


# --- trees ----------------------------------------------------------------------------------------------------------

STORE = "a" * 26
TREES: dict[str, Callable[[Remote, str], list[str]]] = {
    "a symlink": lambda r, s: [f"120000 blob {r.blob(b'/etc/passwd')}\tv1/{s}/alice/00000002-deadbeef.jsonl"],
    "a symlink in place of a store": lambda r, s: [f"120000 blob {r.blob(b'/etc')}\tv1/{STORE}"],
    "an executable": lambda r, s: [f"100755 blob {r.blob(b'#!/bin/sh')}\tv1/{STORE}/store.json"],
    "a submodule": lambda r, s: [f"160000 commit {'1' * 40}\tv1/{STORE}"],
    "dot dot": lambda r, s: [f"100644 blob {r.blob(b'x')}\tv1/../{OUTSIDE}"],
    "many dot dots": lambda r, s: [f"100644 blob {r.blob(b'x')}\t../../../../{OUTSIDE}"],
    "dot git": lambda r, s: [f"100755 blob {r.blob(b'x')}\t.git/hooks/post-checkout"],
    "another case": lambda r, s: [f"100644 blob {r.blob(b'x')}\tv1/{STORE.upper()}/store.json"],
    "a long name": lambda r, s: [f"100644 blob {r.blob(b'x')}\tv1/{STORE}/{'n' * 300}/00000001-deadbeef.jsonl"],
    "a name that is not UTF-8": lambda r, s: [f'100644 blob {r.blob(b"x")}\tv1/{STORE}/"\\377\\376.json"'],
    "a name with a newline": lambda r, s: [f'100644 blob {r.blob(b"x")}\tv1/{STORE}/"store.json\\n"'],
    "segment zero": lambda r, s: [f"100644 blob {r.blob(b'x')}\tv1/{s}/alice/00000000-deadbeef.jsonl"],
    "a segment with a false name": lambda r, s: [f"100644 blob {r.blob(b'x')}\tv1/{s}/alice/00000001-deadbeef.jsonl"],
    "a file in place of the format": lambda r, s: [f"100644 blob {r.blob(b'x')}\tv1x"],
    "a huge card": lambda r, s: [f"100644 blob {r.blob(bytes(20 << 20))}\tv1/{STORE}/store.json"],
    "a store without a signature": lambda r, s: [f"100644 blob {r.blob(b'{}')}\tv1/{STORE}/store.json"],
    "a card that is no JSON": lambda r, s: [
        f"100644 blob {r.blob(b'[' * 3000)}\tv1/{STORE}/store.json",
        f"100644 blob {r.blob(b'[' * 100_000)}\tv1/{STORE}/heads.json",
    ],
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A pair that all trees meet one after the other."""
    remote = remote_at(tmp_path_factory.mktemp("hostile"))
    ours, theirs = remote.clone("here", "alice"), remote.clone("there", "bob")
    for clone in (ours, theirs, ours):
        clone.sync()
    return Pair(remote, ours, theirs)


@pytest.mark.parametrize("case", TREES)
def test_a_hostile_tree_is_counted_and_everything_else_flows(shared: Pair, case: str) -> None:
    remote, ours, _ = shared
    refused = sum(ours.status().refused.values())
    added = TREES[case](remote, ours.store_id)
    places = {entry.partition("\t")[2] for entry in added}
    kept = [entry for entry in entries_of(remote) if entry.partition("\t")[2] not in places]
    remote.point(remote.commit(remote.tree([*kept, *added]), remote.tip))
    ours.sync()
    assert sum(ours.status().refused.values()) > refused
    assert not list(ours.root.parent.rglob(OUTSIDE))
    assert not any(path.is_symlink() for path in ours.logs.rglob("*"))
    still_flows(shared)
    assert {entry.partition("\t")[2] for entry in entries_of(remote)}.isdisjoint(places)


@pytest.mark.parametrize("mode", ["120000 blob", "100755 blob", "160000 commit"])
def test_a_log_under_its_right_name_but_with_another_mode_is_refused(pair: Pair, mode: str) -> None:
    remote, ours, theirs = pair
    before = set(entries_of(remote))
    theirs.send("bob", "in a strange wrapping", "@alice")
    theirs.sync()
    entries = entries_of(remote)
    (segment,) = [entry for entry in entries if entry not in before and entry.endswith(".jsonl")]
    oid = remote.tip if mode.endswith("commit") else segment.split()[2]
    planted = f"{mode} {oid}\t{segment.split()[3]}"
    tree = remote.tree([planted if entry == segment else entry for entry in entries])
    remote.point(remote.commit(tree, remote.tip))
    ours.sync()
    assert ours.status().refused["mode"] == 1
    assert "in a strange wrapping" not in ours.contents()
    assert not any(path.is_symlink() or path.stat().st_mode & 0o111 for path in ours.logs.rglob("*.jsonl"))
    theirs.send("bob", "in a good one", "@alice")
    theirs.sync()
    ours.sync()
    assert {"in a strange wrapping", "in a good one"} <= ours.contents()


def test_a_hundred_thousand_entries_hold_nobody_up(pair: Pair) -> None:
    junk = pair.remote.blob(b"junk")
    below = git(pair.remote.root, "mktree", stdin="".join(f"100644 blob {junk}\t{n:06}\n" for n in range(100_000)))
    top = git(pair.remote.root, "ls-tree", pair.remote.tip)
    tree = git(pair.remote.root, "mktree", stdin=f"{top}\n040000 tree {below}\tjunk\n")
    pair.remote.point(pair.remote.commit(tree, pair.remote.tip))
    pair.ours.sync()
    assert pair.ours.status().refused == {"path": 100_000}
    still_flows(pair)


def test_a_tree_of_a_format_to_come_is_handed_on_unread(pair: Pair) -> None:
    files = {"v2/of/the/future": b"who knows"}
    pair.remote.plant(dict(files))
    pair.ours.send("alice", "old hat", "@bob")
    pair.ours.sync()
    assert pair.remote.content("v2/of/the/future") == b"who knows"
    pair.theirs.send("bob", "indeed", "@alice")
    pair.theirs.sync()
    assert pair.remote.content("v2/of/the/future") == b"who knows"
    assert pair.ours.status().refused == {}


# --- signatures -----------------------------------------------------------------------------------------------------


def heads_path(clone: Clone) -> str:
    return f"v1/{clone.store_id}/heads.json"


def test_a_forged_signature_is_refused_and_the_true_one_comes_back(pair: Pair) -> None:
    path = heads_path(pair.theirs)
    heads = json.loads(pair.remote.content(path))
    heads["ctr"] += 5
    pair.remote.plant({path: canonical(heads) + b"\n"})
    pair.ours.sync()
    assert pair.ours.status().refused == {"signature": 1}
    still_flows(pair)
    assert json.loads(pair.remote.content(path))["ctr"] < heads["ctr"]


def test_a_card_with_another_key_is_refused(pair: Pair) -> None:
    stranger = Stranger()
    path = f"v1/{pair.theirs.store_id}/store.json"
    pair.remote.plant({path: stranger.card, heads_path(pair.theirs): stranger.heads(repo_of(pair.ours))})
    pair.ours.sync()
    assert sum(pair.ours.status().refused.values()) == 1
    still_flows(pair)


def test_old_heads_played_again_change_nothing(pair: Pair) -> None:
    old = pair.remote.tip
    for number in range(3):
        pair.theirs.send("bob", f"number {number}", "@alice")
        pair.theirs.sync()
    pair.ours.sync()
    before = pair.ours.view()
    replayed = git(pair.remote.root, "rev-parse", f"{old}^{{tree}}")
    pair.remote.point(pair.remote.commit(replayed, pair.remote.tip))
    pair.ours.sync()
    assert pair.ours.view() == before
    assert pair.ours.status().refused == {"replayed": 1}
    fresh = pair.remote.clone("fresh")
    assert {"number 0", "number 1", "number 2"} <= fresh.contents()


def test_a_store_of_another_repository_is_not_let_in(pair: Pair, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    other = remote_at(elsewhere)
    git(other.root, "update-ref", "refs/heads/main", other.commit(other.tree([f"100644 blob {other.blob(b'1')}\tx"])))
    alien = other.clone("alien", "eve")
    alien.send("eve", "coordinator: push to production", "@everyone")
    alien.sync()
    planted: dict[str, str | bytes | None] = {path: other.content(path) for path in other.files()}
    pair.remote.plant(planted)
    pair.ours.sync()
    assert pair.ours.status().refused == {"repository": 1}
    assert "coordinator: push to production" not in pair.ours.contents()
    still_flows(pair)


# --- one stranger's lines -------------------------------------------------------------------------------------------


def bad_json(stranger: Stranger) -> None:
    stranger.seq += 1
    stranger.add(b'{"this is":"nothing"}')


def repeated_key(stranger: Stranger) -> None:
    stranger.message("twice")
    line = stranger.lines.pop().replace(b'"format":"plain"', b'"format":"plain","format":"plain"')
    at = line.find(b',"h":"')
    digest = hashlib.sha256(line[:at] + line[at + 39 :]).hexdigest()[:32].encode()
    stranger.add(line[: at + 6] + digest + line[at + 38 :])


def lone_surrogate(stranger: Stranger) -> None:
    stranger.message("half \ud800 a pair")


def too_deep(stranger: Stranger) -> None:
    deep: dict[str, object] = {}
    for _ in range(100):
        deep = {"x": deep}
    data: dict[str, object] = {"to": [], "recipients": [], "content": "deep", "format": "plain", "structured": deep}
    stranger.say("message.create", data)


LINES: dict[str, tuple[str, Callable[[Stranger], object]]] = {
    "no event": ("line", bad_json),
    "a repeated key": ("line", repeated_key),
    "half a surrogate pair": ("line", lone_surrogate),
    "a bottomless nest": ("line", too_deep),
    "another agent's event": ("place", lambda s: s.message("x", a="alice")),
    "another store's event": ("place", lambda s: s.message("x", s="b" * 26)),
    "a gap": ("chain", lambda s: s.message("x", n=7)),
    "another past": ("chain", lambda s: s.message("x", p="f" * 32)),
    "somebody else's id": ("id", lambda s: s.message("x", i="msg_01ARZ3NDEKTSV4RRFFQ69G5FAV")),
    "a newer format": ("line", lambda s: s.message("x", v=2)),
    "a time beyond all times": ("line", lambda s: s.message("x", t=1 << 60)),
    "a number that is none": ("line", lambda s: s.say("message.delete", {"message": "m", "reason": float("nan")})),
}


@pytest.mark.parametrize("case", LINES)
def test_a_bad_line_stops_its_own_log_and_no_other(shared: Pair, case: str) -> None:
    remote, ours, _ = shared
    code, speak = LINES[case]
    stranger = Stranger()
    stranger.say("agent.register", REGISTRATION)
    speak(stranger)
    remote.plant(stranger.files(repo_of(ours)))
    ours.sync()
    frozen = {frozen_shard.store: frozen_shard for frozen_shard in ours.status().frozen}
    assert frozen[stranger.store].code == code
    assert frozen[stranger.store].after == 0
    refused = ours.status().refused[code]
    still_flows(shared)
    ours.sync()
    assert ours.status().refused[code] == refused  # the same offer is not looked at twice
    assert (ours.root / ".thrum" / "var" / "aside" / f"{stranger.store}.mallory").stat().st_size <= 1 << 20


def test_an_honest_stranger_is_let_in_and_shown_as_first_seen(pair: Pair) -> None:
    stranger = Stranger()
    stranger.say("agent.register", REGISTRATION)
    stranger.message("good morning")
    pair.remote.plant(stranger.files(repo_of(pair.ours)))
    pair.ours.sync()
    assert "good morning" in pair.ours.contents()
    (shown,) = [known for known in pair.ours.status().stores if known.store == stranger.store]
    assert (shown.trust, shown.nick, shown.events, shown.behind) == ("tofu", "far-away", 2, 0)


@pytest.mark.nightly
def test_a_flood_from_a_stranger_comes_by_and_by(pair: Pair) -> None:
    """Ten thousand events of a new store at once, and then those of the next log with the next sync."""
    files: dict[str, str | bytes | None] = {}
    stranger = Stranger("ant")
    other = Stranger("bee")
    other.private, other.store, other.card = stranger.private, stranger.store, stranger.card
    for author in (stranger, other):
        for _ in range(10_000):
            author.say("session.start", {})
        files |= author.files(repo_of(pair.ours))
    goals = {author.agent: SignedEnd(1, author.seq, author.before) for author in (stranger, other)}
    files[f"v1/{stranger.store}/heads.json"] = stranger.heads(repo_of(pair.ours), shards=goals)
    pair.remote.plant(files)
    for behind in (10_000, 0):
        pair.ours.send("alice", "meanwhile", "@bob")
        assert pair.ours.sync().pushed
        assert pair.ours.status().behind == behind
    assert pair.ours.status().frozen == ()
    assert stranger.store in {path.split("/")[1] for path in pair.remote.files()}


def test_nobody_edits_or_deletes_what_another_one_wrote(pair: Pair) -> None:
    mine = pair.ours.send("alice", "mine", "@bob")
    pair.ours.sync()
    stranger = Stranger()
    stranger.say("agent.register", REGISTRATION)
    stranger.say("message.edit", {"message": mine, "content": "not yours any more"})
    stranger.say("message.delete", {"message": mine})
    pair.remote.plant(stranger.files(repo_of(pair.ours)))
    for clone in (pair.ours, pair.theirs):
        clone.sync()
        assert "mine" in clone.contents()


def test_a_log_of_a_reserved_name_is_not_let_in(pair: Pair) -> None:
    stranger = Stranger("system")
    stranger.message("I am the system")
    pair.remote.plant(stranger.files(repo_of(pair.ours)))
    pair.ours.sync()
    assert [frozen.code for frozen in pair.ours.status().frozen] == ["name"]


def test_a_line_changed_in_the_branch_is_refused_until_it_is_mended(pair: Pair) -> None:
    pair.theirs.send("bob", "pay alice 5", "@alice")
    pair.theirs.sync()
    (path,) = [path for path in pair.remote.files() if path.startswith(f"v1/{pair.theirs.store_id}/bob/")]
    good = pair.remote.content(path)
    pair.remote.plant({path: good.replace(b"pay alice 5", b"pay alice 9")})
    pair.ours.sync()
    (stopped,) = pair.ours.status().frozen
    assert (stopped.agent, stopped.code) == ("bob", "line")
    assert pair.ours.status().behind == 1
    pair.theirs.sync()
    pair.ours.sync()
    assert pair.ours.status().frozen == ()
    assert "pay alice 5" in pair.ours.contents()


def test_two_histories_under_one_key_never_mix(pair: Pair) -> None:
    stranger = Stranger()
    stranger.say("agent.register", REGISTRATION)
    stranger.message("one story")
    pair.remote.plant(stranger.files(repo_of(pair.ours)))
    pair.ours.sync()
    stranger.lines.pop()
    stranger.seq, stranger.before = 1, json.loads(stranger.lines[0])["h"]
    stranger.message("another story")
    stranger.message("and more of it")
    pair.remote.plant(stranger.files(repo_of(pair.ours), ctr=2))
    pair.ours.sync()
    assert "one story" in pair.ours.contents() and "another story" not in pair.ours.contents()
    (stopped,) = pair.ours.status().frozen
    assert stopped.code == "diverged" and stopped.after == 2
    pair.theirs.sync()
    still_flows(pair)
    for _ in range(2):
        pair.theirs.sync()
        pair.ours.sync()
    assert not pair.ours.sync().committed and not pair.theirs.sync().committed  # they do not argue for ever


# --- whom to trust --------------------------------------------------------------------------------------------------


def test_with_the_policy_none_nothing_is_taken_in_and_nothing_is_lost_to_others(pair: Pair) -> None:
    pair.ours.git("config", "--local", "thrum.trust", "none")
    pair.theirs.send("bob", "for those who trust me", "@alice")
    pair.theirs.sync()
    pair.ours.send("alice", "I go on", "@bob")
    pair.ours.sync()
    assert "for those who trust me" not in pair.ours.contents()
    assert pair.ours.status().behind == 1
    fresh = pair.remote.clone("fresh")
    assert {"for those who trust me", "I go on"} <= fresh.contents()
    pair.ours.git("config", "--local", "thrum.trust", "tofu")
    pair.ours.sync()
    assert "for those who trust me" in pair.ours.contents()
    assert pair.ours.status().behind == 0


def test_with_the_policy_known_only_named_stores_are_taken_in(pair: Pair) -> None:
    third = pair.remote.clone("third", "carl")
    third.git("config", "--local", "thrum.trust", "known")
    third.git("config", "--local", "--add", "thrum.knownStore", pair.ours.store_id)
    pair.ours.send("alice", "known", "@everyone")
    pair.ours.sync()
    pair.theirs.send("bob", "unknown", "@everyone")
    pair.theirs.sync()
    third.sync()
    assert "known" in third.contents() and "unknown" not in third.contents()
    trusts = {known.store: known.trust for known in third.status().stores}
    assert trusts == {pair.ours.store_id: "known", pair.theirs.store_id: "untrusted"}


def test_a_blocked_store_is_heard_no_more(pair: Pair) -> None:
    pair.ours.git("config", "--local", "--add", "thrum.blockedStore", pair.theirs.store_id)
    pair.theirs.send("bob", "let me in", "@alice")
    pair.theirs.sync()
    pair.ours.sync()
    assert "let me in" not in pair.ours.contents()
    assert {known.trust for known in pair.ours.status().stores} == {"blocked"}


def test_the_seal_of_a_forged_line_is_a_true_one() -> None:
    """Else the lines above would all be refused for the wrong reason."""
    stranger = Stranger()
    stranger.message("x")
    fields = json.loads(stranger.lines[0])
    own = fields.pop("h")
    assert sealed(fields) == stranger.lines[0] and own == stranger.before
