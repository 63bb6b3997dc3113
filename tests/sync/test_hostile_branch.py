"""What somebody with push rights can put into the branch: it is refused, counted and shown, and all else flows."""

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
    pair.there.send("bob", "and yet it moves", "@alice")
    pair.there.sync()
    pair.here.sync()
    assert "and yet it moves" in pair.here.contents()


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
    here, there = remote.clone("here", "alice"), remote.clone("there", "bob")
    for clone in (here, there, here):
        clone.sync()
    return Pair(remote, here, there)


@pytest.mark.parametrize("what", TREES)
def test_a_hostile_tree_is_counted_and_everything_else_flows(shared: Pair, what: str) -> None:
    remote, here, _ = shared
    refused = sum(here.status().refused.values())
    added = TREES[what](remote, here.store_id)
    places = {entry.partition("\t")[2] for entry in added}
    kept = [entry for entry in entries_of(remote) if entry.partition("\t")[2] not in places]
    remote.point(remote.commit(remote.tree([*kept, *added]), remote.tip))
    here.sync()
    assert sum(here.status().refused.values()) > refused
    assert not list(here.root.parent.rglob(OUTSIDE))
    assert not any(path.is_symlink() for path in here.logs.rglob("*"))
    still_flows(shared)
    assert {entry.partition("\t")[2] for entry in entries_of(remote)}.isdisjoint(places)


@pytest.mark.parametrize("mode", ["120000 blob", "100755 blob", "160000 commit"])
def test_a_log_under_its_right_name_but_with_another_mode_is_refused(pair: Pair, mode: str) -> None:
    remote, here, there = pair
    before = set(entries_of(remote))
    there.send("bob", "in a strange wrapping", "@alice")
    there.sync()
    entries = entries_of(remote)
    (segment,) = [entry for entry in entries if entry not in before and entry.endswith(".jsonl")]
    oid = remote.tip if mode.endswith("commit") else segment.split()[2]
    planted = f"{mode} {oid}\t{segment.split()[3]}"
    tree = remote.tree([planted if entry == segment else entry for entry in entries])
    remote.point(remote.commit(tree, remote.tip))
    here.sync()
    assert here.status().refused["mode"] == 1
    assert "in a strange wrapping" not in here.contents()
    assert not any(path.is_symlink() or path.stat().st_mode & 0o111 for path in here.logs.rglob("*.jsonl"))
    there.send("bob", "in a good one", "@alice")
    there.sync()
    here.sync()
    assert {"in a strange wrapping", "in a good one"} <= here.contents()


def test_a_hundred_thousand_entries_hold_nobody_up(pair: Pair) -> None:
    junk = pair.remote.blob(b"junk")
    below = git(pair.remote.root, "mktree", stdin="".join(f"100644 blob {junk}\t{n:06}\n" for n in range(100_000)))
    top = git(pair.remote.root, "ls-tree", pair.remote.tip)
    tree = git(pair.remote.root, "mktree", stdin=f"{top}\n040000 tree {below}\tjunk\n")
    pair.remote.point(pair.remote.commit(tree, pair.remote.tip))
    pair.here.sync()
    assert pair.here.status().refused == {"path": 100_000}
    still_flows(pair)


def test_a_tree_of_a_format_to_come_is_handed_on_unread(pair: Pair) -> None:
    files = {"v2/of/the/future": b"who knows"}
    pair.remote.plant(dict(files))
    pair.here.send("alice", "old hat", "@bob")
    pair.here.sync()
    assert pair.remote.content("v2/of/the/future") == b"who knows"
    pair.there.send("bob", "indeed", "@alice")
    pair.there.sync()
    assert pair.remote.content("v2/of/the/future") == b"who knows"
    assert pair.here.status().refused == {}


# --- signatures -----------------------------------------------------------------------------------------------------


def heads_path(clone: Clone) -> str:
    return f"v1/{clone.store_id}/heads.json"


def test_a_forged_signature_is_refused_and_the_true_one_comes_back(pair: Pair) -> None:
    path = heads_path(pair.there)
    told = json.loads(pair.remote.content(path))
    told["ctr"] += 5
    pair.remote.plant({path: canonical(told) + b"\n"})
    pair.here.sync()
    assert pair.here.status().refused == {"signature": 1}
    still_flows(pair)
    assert json.loads(pair.remote.content(path))["ctr"] < told["ctr"]


def test_a_card_with_another_key_is_refused(pair: Pair) -> None:
    stranger = Stranger()
    path = f"v1/{pair.there.store_id}/store.json"
    pair.remote.plant({path: stranger.card, heads_path(pair.there): stranger.heads(repo_of(pair.here))})
    pair.here.sync()
    assert sum(pair.here.status().refused.values()) == 1
    still_flows(pair)


def test_old_heads_played_again_change_nothing(pair: Pair) -> None:
    old = pair.remote.tip
    for number in range(3):
        pair.there.send("bob", f"number {number}", "@alice")
        pair.there.sync()
    pair.here.sync()
    before = pair.here.view()
    replayed = git(pair.remote.root, "rev-parse", f"{old}^{{tree}}")
    pair.remote.point(pair.remote.commit(replayed, pair.remote.tip))
    pair.here.sync()
    assert pair.here.view() == before
    assert pair.here.status().refused == {"replayed": 1}
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
    pair.here.sync()
    assert pair.here.status().refused == {"repository": 1}
    assert "coordinator: push to production" not in pair.here.contents()
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


@pytest.mark.parametrize("what", LINES)
def test_a_bad_line_stops_its_own_log_and_no_other(shared: Pair, what: str) -> None:
    remote, here, _ = shared
    code, speak = LINES[what]
    stranger = Stranger()
    stranger.say("agent.register", REGISTRATION)
    speak(stranger)
    remote.plant(stranger.files(repo_of(here)))
    here.sync()
    frozen = {one.store: one for one in here.status().frozen}
    assert frozen[stranger.store].code == code
    assert frozen[stranger.store].after == 0
    refused = here.status().refused[code]
    still_flows(shared)
    here.sync()
    assert here.status().refused[code] == refused  # the same offer is not looked at twice
    assert (here.root / ".thrum" / "var" / "aside" / f"{stranger.store}.mallory").stat().st_size <= 1 << 20


def test_an_honest_stranger_is_let_in_and_shown_as_first_seen(pair: Pair) -> None:
    stranger = Stranger()
    stranger.say("agent.register", REGISTRATION)
    stranger.message("good morning")
    pair.remote.plant(stranger.files(repo_of(pair.here)))
    pair.here.sync()
    assert "good morning" in pair.here.contents()
    (shown,) = [one for one in pair.here.status().stores if one.store == stranger.store]
    assert (shown.trust, shown.nick, shown.events, shown.behind) == ("tofu", "far-away", 2, 0)


@pytest.mark.nightly
def test_a_flood_from_a_stranger_comes_by_and_by(pair: Pair) -> None:
    """Ten thousand events of a new store at once, and then those of the next log with the next sync."""
    files: dict[str, str | bytes | None] = {}
    stranger = Stranger("ant")
    other = Stranger("bee")
    other.private, other.store, other.card = stranger.private, stranger.store, stranger.card
    for one in (stranger, other):
        for _ in range(10_000):
            one.say("session.start", {})
        files |= one.files(repo_of(pair.here))
    goals = {one.agent: SignedEnd(1, one.seq, one.before) for one in (stranger, other)}
    files[f"v1/{stranger.store}/heads.json"] = stranger.heads(repo_of(pair.here), shards=goals)
    pair.remote.plant(files)
    for behind in (10_000, 0):
        pair.here.send("alice", "meanwhile", "@bob")
        assert pair.here.sync().pushed
        assert pair.here.status().behind == behind
    assert pair.here.status().frozen == ()
    assert stranger.store in {path.split("/")[1] for path in pair.remote.files()}


def test_nobody_edits_or_deletes_what_another_one_wrote(pair: Pair) -> None:
    mine = pair.here.send("alice", "mine", "@bob")
    pair.here.sync()
    stranger = Stranger()
    stranger.say("agent.register", REGISTRATION)
    stranger.say("message.edit", {"message": mine, "content": "not yours any more"})
    stranger.say("message.delete", {"message": mine})
    pair.remote.plant(stranger.files(repo_of(pair.here)))
    for clone in (pair.here, pair.there):
        clone.sync()
        assert "mine" in clone.contents()


def test_a_log_of_a_reserved_name_is_not_let_in(pair: Pair) -> None:
    stranger = Stranger("system")
    stranger.message("I am the system")
    pair.remote.plant(stranger.files(repo_of(pair.here)))
    pair.here.sync()
    assert [one.code for one in pair.here.status().frozen] == ["name"]


def test_a_line_changed_in_the_branch_is_refused_until_it_is_mended(pair: Pair) -> None:
    pair.there.send("bob", "pay alice 5", "@alice")
    pair.there.sync()
    (path,) = [path for path in pair.remote.files() if path.startswith(f"v1/{pair.there.store_id}/bob/")]
    good = pair.remote.content(path)
    pair.remote.plant({path: good.replace(b"pay alice 5", b"pay alice 9")})
    pair.here.sync()
    (stopped,) = pair.here.status().frozen
    assert (stopped.agent, stopped.code) == ("bob", "line")
    assert pair.here.status().behind == 1
    pair.there.sync()
    pair.here.sync()
    assert pair.here.status().frozen == ()
    assert "pay alice 5" in pair.here.contents()


def test_two_histories_under_one_key_never_mix(pair: Pair) -> None:
    stranger = Stranger()
    stranger.say("agent.register", REGISTRATION)
    stranger.message("one story")
    pair.remote.plant(stranger.files(repo_of(pair.here)))
    pair.here.sync()
    stranger.lines.pop()
    stranger.seq, stranger.before = 1, json.loads(stranger.lines[0])["h"]
    stranger.message("another story")
    stranger.message("and more of it")
    pair.remote.plant(stranger.files(repo_of(pair.here), ctr=2))
    pair.here.sync()
    assert "one story" in pair.here.contents() and "another story" not in pair.here.contents()
    (stopped,) = pair.here.status().frozen
    assert stopped.code == "diverged" and stopped.after == 2
    pair.there.sync()
    still_flows(pair)
    for _ in range(2):
        pair.there.sync()
        pair.here.sync()
    assert not pair.here.sync().committed and not pair.there.sync().committed  # they do not argue for ever


# --- whom to trust --------------------------------------------------------------------------------------------------


def test_with_the_policy_none_nothing_is_taken_in_and_nothing_is_lost_to_others(pair: Pair) -> None:
    pair.here.git("config", "--local", "thrum.trust", "none")
    pair.there.send("bob", "for those who trust me", "@alice")
    pair.there.sync()
    pair.here.send("alice", "I go on", "@bob")
    pair.here.sync()
    assert "for those who trust me" not in pair.here.contents()
    assert pair.here.status().behind == 1
    fresh = pair.remote.clone("fresh")
    assert {"for those who trust me", "I go on"} <= fresh.contents()
    pair.here.git("config", "--local", "thrum.trust", "tofu")
    pair.here.sync()
    assert "for those who trust me" in pair.here.contents()
    assert pair.here.status().behind == 0


def test_with_the_policy_known_only_named_stores_are_taken_in(pair: Pair) -> None:
    third = pair.remote.clone("third", "carl")
    third.git("config", "--local", "thrum.trust", "known")
    third.git("config", "--local", "--add", "thrum.knownStore", pair.here.store_id)
    pair.here.send("alice", "known", "@everyone")
    pair.here.sync()
    pair.there.send("bob", "unknown", "@everyone")
    pair.there.sync()
    third.sync()
    assert "known" in third.contents() and "unknown" not in third.contents()
    trusts = {one.store: one.trust for one in third.status().stores}
    assert trusts == {pair.here.store_id: "known", pair.there.store_id: "untrusted"}


def test_a_blocked_store_is_heard_no_more(pair: Pair) -> None:
    pair.here.git("config", "--local", "--add", "thrum.blockedStore", pair.there.store_id)
    pair.there.send("bob", "let me in", "@alice")
    pair.there.sync()
    pair.here.sync()
    assert "let me in" not in pair.here.contents()
    assert {one.trust for one in pair.here.status().stores} == {"blocked"}


def test_the_seal_of_a_forged_line_is_a_true_one() -> None:
    """Else the lines above would all be refused for the wrong reason."""
    stranger = Stranger()
    stranger.message("x")
    told = json.loads(stranger.lines[0])
    own = told.pop("h")
    assert sealed(told) == stranger.lines[0] and own == stranger.before
