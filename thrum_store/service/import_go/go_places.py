"""The files of the Go program in a repository: logs, identities and contexts. They are only read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from thrum_store import values
from thrum_store.machine.host import Host
from thrum_store.repository import worktrees
from thrum_store.repository.git_runner import GitRunner
from thrum_store.repository.paths import SYNC_HOME, Paths
from thrum_store.sync.admit_branch import BRANCH, GO, REF, STORES, layout

from .go_logs import Agent, GoLogs

_FILES = ("events.jsonl", "messages.jsonl")
_REMOVALS = 20  # commits that are looked at
_OLDER_SYNC = "sync"  # in .thrum: the worktree of versions before 0.6
File = tuple[str, bytes]  # its name, as people know it, and its content


class Identity(NamedTuple):
    """An agent's identity file in a worktree. `id`: the agent's, in the Go program."""

    id: str
    worktree: str
    path: str
    fields: dict[str, Any]


def logs(repository: Paths, host: Host) -> list[File]:
    """Return the logs: in each .thrum, in the worktree of a-sync or else its branch, and in the remotes' branches."""
    found_files: dict[str, bytes] = {}
    for directory in _directories(repository, host):
        found_files.update(_files(repository, directory, host))
    for ref in _refs(repository, host):
        found_files.update(_in_branch(repository, ref, _is_log))
    return list(found_files.items())


def shared_contexts(repository: Paths, host: Host) -> dict[str, bytes]:
    """Return the contexts that were shared through the branch a-sync, by the agent's name in its file name."""
    contexts: dict[str, bytes] = {}
    for ref in _refs(repository, host):
        contexts |= {_stem(name): data for name, data in _in_branch(repository, ref, _is_context)}
    directory = os.path.join(_sync(repository), "context")
    for name in host.storage.listing(directory):
        path = os.path.join(directory, name)
        if name.endswith(".md") and _is_plain(path):
            contexts[_stem(name)] = host.storage.read(path)
    return contexts


def roots(repository: Paths, host: Host) -> dict[str, str]:
    """Return the roots of the worktrees by name, as far as they are there."""
    return {**worktrees.places(repository, host), repository.worktree: repository.root}


def identities(repository: Paths, host: Host) -> list[Identity]:
    """Return the identity files of all worktrees; one that cannot be read is left alone."""
    files: list[Identity] = []
    for worktree, root in roots(repository, host).items():
        directory = os.path.join(root, ".thrum", "identities")
        for name in host.storage.listing(directory):
            path = os.path.join(directory, name)
            if name.endswith(".json") and _is_plain(path):
                fields = _identity(host.storage.read(path))
                files.append(Identity(str(fields.get("name") or _stem(name)), worktree, path, fields))
    return files


def _identity(data: bytes) -> dict[str, Any]:
    try:
        content: dict[str, Any] = values.loads(data)
        agent = {str(key).lower(): value for key, value in content["agent"].items()}
        return {**agent, "intent": content.get("intent"), "session_id": content.get("session_id")}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}


def homes(old: GoLogs, files: list[Identity], repository: Paths, host: Host) -> dict[str, str]:
    """Return the worktree of each agent; none where nothing says it, or where two claim the agent.

    The Go program wrote the main repository's name for the agents of all worktrees. The truth is where the identity
    file is; else where the agent worked last; else a name that is another worktree's.
    """
    places = roots(repository, host)
    claims: dict[str, set[str]] = {}
    for file in files:
        claims.setdefault(old.names.holder(file.id), set()).add(file.worktree)
    known = {name: _worked(agent, places) for name, agent in old.agents.items() if name not in claims}
    known |= {name: _only(claimed) for name, claimed in claims.items()}
    return {name: worktree for name, worktree in known.items() if worktree}


def _only(worktree_names: set[str]) -> str:
    return next(iter(worktree_names)) if len(worktree_names) == 1 else ""


def _worked(agent: Agent, places: dict[str, str]) -> str:
    path = os.path.realpath(str(agent.work.get("worktree_path") or os.sep))
    written = agent.registrations[-1].data["worktree"] if agent.registrations else ""
    by_path = {os.path.realpath(root): name for name, root in places.items()}
    linked = {os.path.basename(root): name for root, name in by_path.items() if name != "main"}
    first = os.path.basename(places.get("main", ""))
    return by_path.get(path) or (linked.get(written, "") if written != first else "")


# --- files and branches -----------------------------------------------------------------------------------------------


def _directories(repository: Paths, host: Host) -> Iterator[str]:
    """Yield the directories that may hold logs, each once."""
    beside = [os.path.join(root, ".thrum") for root in roots(repository, host).values()]
    yield from dict.fromkeys(map(os.path.realpath, (repository.thrum, *beside)))
    yield os.path.join(repository.thrum, _OLDER_SYNC)
    yield _sync(repository)


def _sync(repository: Paths) -> str:
    return os.path.join(repository.common, SYNC_HOME, BRANCH)


def _files(repository: Paths, directory: str, host: Host) -> Iterator[File]:
    inside = os.path.join(directory, "messages")
    wanted = [os.path.join(directory, name) for name in _FILES]
    wanted += [os.path.join(inside, name) for name in host.storage.listing(inside) if name.endswith(".jsonl")]
    for path in filter(_is_plain, wanted):
        yield os.path.relpath(path, repository.root), host.storage.read(path)


def _is_plain(path: str) -> bool:
    return os.path.isfile(path) and not os.path.islink(path)


def _refs(repository: Paths, host: Host) -> list[str]:
    """Return the branches to read: this clone's where it has no worktree, and the remotes' that differ from it."""
    git = GitRunner(repository.root)
    listed = git.run("for-each-ref", "--format=%(objectname) %(refname)", REF, "refs/remotes")
    tips = [line.split(" ", 1) for line in listed.split("\n") if line.endswith(f"/{BRANCH}")]
    refs = {oid: ref for oid, ref in reversed(tips)}  # noqa: C416  # of equal ones, this clone's
    checked_out = any(True for _ in _files(repository, _sync(repository), host))
    ours = [ref for ref in refs.values() if layout(git, ref) in (GO, STORES)]
    return [ref for ref in ours if ref != REF] if checked_out else [*ours, *_before_removals(git, ours)]


def _before_removals(git: GitRunner, refs: list[str]) -> list[str]:
    """Return the commits from whose logs another clone's first sync moved on, after its own migration."""
    if not refs:
        return []
    removals = ("log", "--full-history", "--diff-filter=D", f"--max-count={_REMOVALS}", "--format=%P")
    parents = git.run(*removals, *refs, "--", *_FILES, "messages").split()
    return list({git.run("rev-parse", f"{commit}^{{tree}}"): commit for commit in parents}.values())


def _in_branch(repository: Paths, ref: str, wanted: Callable[[str], bool]) -> Iterator[File]:
    git = GitRunner(repository.root)
    for line in (git.asks("ls-tree", "-r", "-z", ref) or "").split("\0"):
        mode, _, name = line.partition("\t")
        if wanted(name) and mode.startswith("100"):
            short = ref.removeprefix("refs/heads/").removeprefix("refs/remotes/")[:40]
            yield f"{short}:{name}", git.data("cat-file", "blob", mode.split(" ")[2])


def _is_log(name: str) -> bool:
    return name in _FILES or (name.startswith("messages/") and name.endswith(".jsonl") and name.count("/") == 1)


def _is_context(name: str) -> bool:
    return name.startswith("context/") and name.endswith(".md") and name.count("/") == 1


def _stem(name: str) -> str:
    return os.path.basename(name).rpartition(".")[0]
