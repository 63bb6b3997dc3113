"""Two clones migrate the same messages: each keeps its own agents, and nobody reads anything twice."""

from __future__ import annotations

from pathlib import Path

from tests.cli.shell import Shell, git

from .go_store import GoStore


def texts(shell: Shell) -> list[str]:
    return [message["body"]["content"] for message in shell.json("inbox", "--page-size", "100")["messages"]]


def clones(folder: Path) -> tuple[GoStore, Shell, str]:
    """Ann's clone with the Go program's worktree, bob's clone of it, and the id of a question for bob."""
    origin = folder / "origin.git"
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(origin))
    store = GoStore.at(folder)
    store.agent("ann", role="planner")
    store.event("events.jsonl", "agent.register", 1, agent_id="bob", kind="agent", role="reviewer", module="core",
                worktree=store.root.name, hostname="elsewhere")  # fmt: skip
    store.message("ann", "to all", 10)
    asked = store.message("ann", "bob?", 20, ["bob"], recipients=["bob"])
    store.message("bob", "ann!", 30, ["ann"], recipients=["ann"])
    store.write()
    git(store.root, "remote", "add", "origin", str(origin))
    git(store.root, "push", "--quiet", "origin", "main", "a-sync")
    other = folder / "other"
    git(folder, "clone", "--quiet", str(origin), str(other))
    (other / ".thrum/identities").mkdir(parents=True)
    (other / ".thrum/identities/bob.json").write_text(
        '{"version": 3, "agent": {"Kind": "agent", "Name": "bob", "Role": "reviewer", "Module": "core"}}'
    )
    return store, Shell(other, {"THRUM_NAME": "bob"}), asked


def synchronize(*shells: Shell) -> None:
    for shell in (*shells, *shells):
        shell.ok("config", "set", "local_only", "false")
        assert shell.run("sync", "force").code == 0


def test_a_clone_that_has_the_others_import_brings_only_its_own_mail(tmp_path: Path) -> None:
    store, bob, asked = clones(tmp_path)
    ann = store.shell().having(THRUM_NAME="ann")
    ann.ok("migrate")
    synchronize(ann)
    bob.thrum("init")
    synchronize(bob)
    assert bob.run("migrate").code == 0
    synchronize(ann, bob)
    assert sorted(texts(bob)) == ["bob?", "to all"]
    assert sorted(texts(ann)) == ["ann!"]
    assert bob.json("reply", asked, "yes")["message_id"]
    assert bob.json("migrate")["messages"] == 0
    synchronize(bob, ann)
    assert "yes" in texts(ann)


def test_two_clones_that_migrate_at_once_understand_each_other_after_a_sync(tmp_path: Path) -> None:
    store, bob, asked = clones(tmp_path)
    ann = store.shell().having(THRUM_NAME="ann")
    for shell in (ann, bob):
        assert shell.run("migrate").code == 0
    synchronize(ann, bob)
    assert texts(bob).count("bob?") == 1
    assert ann.json("message", "get", asked)["message"]["body"]["content"] == "bob?"
    before = [len(texts(shell)) for shell in (ann, bob)]
    for shell in (ann, bob):
        assert shell.json("migrate")["messages"] == 0
    assert [len(texts(shell)) for shell in (ann, bob)] == before
