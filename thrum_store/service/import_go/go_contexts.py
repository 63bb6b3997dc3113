"""The files of the Go program's agents, brought where thrum looks for them: contexts, preambles and identities.

A file in the agent's worktree is where it belongs already, unless the agent's name is another one here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from thrum_store import values
from thrum_store.machine.host import Host
from thrum_store.repository.paths import shared_context
from thrum_store.service.team import contexts
from thrum_store.store import Store
from thrum_store.sync.wire import signed_files

from .go_logs import GoLogs

_PREAMBLE = "_preamble"
_ASIDE = ".go"  # at the end of the name of an identity file that was replaced by one under our name


def bring(store: Store, old: GoLogs, places: Mapping[str, str]) -> tuple[set[str], list[str]]:
    """Return the agents with a saved context in a worktree, and a sentence for each file under another name."""
    names = old.names.files()
    steps = [step for root in places.values() for step in _renamed(store.host, os.path.join(root, ".thrum"), names)]
    return {agent for root in places.values() for agent in old.agents if _has_context(store.host, root, agent)}, steps


def share(store: Store, old: GoLogs, shared: Mapping[str, bytes], made: set[str]) -> set[str]:
    """Share again, once, what was shared by the Go program; return the agents. `made` gets a mark for each."""
    names, agents = old.names.files(), set[str]()
    for file, data in shared.items():
        agent = names.get(file, file)
        if agent in old.agents and 0 < len(data) <= contexts.LIMIT:
            agents.add(agent)
            path, mark = shared_context(agent), f"context/{agent}"
            if mark not in made and not signed_files.read(store, store.own, path):
                signed_files.save(store, store.own, path, data)
            made.add(mark)
    return agents


def _has_context(host: Host, root: str, agent: str) -> bool:
    return host.storage.size(os.path.join(root, ".thrum", "context", f"{agent}.md")) >= 0


def _renamed(host: Host, local: str, names: Mapping[str, str]) -> Iterator[str]:
    """Copy the files of agents whose name is another one here; yield a sentence for each."""
    for file, name in names.items():
        for end in (".md", f"{_PREAMBLE}.md"):
            source, target = (os.path.join(local, "context", f"{stem}{end}") for stem in (file, name))
            if host.storage.size(source) >= 0 > host.storage.size(target) and not os.path.islink(source):
                host.storage.replace(target, host.storage.read(source))
                yield f"copied {source} to {os.path.basename(target)}"
        yield from _identity(host, os.path.join(local, "identities"), file, name)


def _identity(host: Host, directory: str, file: str, name: str) -> Iterator[str]:
    """Write the identity file anew under our name, and set the old one aside: two would be two agents."""
    source, target = (os.path.join(directory, f"{stem}.json") for stem in (file, name))
    if host.storage.size(source) < 0 or os.path.islink(source):
        return
    if host.storage.size(target) < 0:
        host.storage.replace(target, _with_name(host.storage.read(source), name))
    host.storage.move(source, source + _ASIDE)
    yield f"the agent {file} is called {name} here: {target}"


def _with_name(data: bytes, name: str) -> bytes:
    try:
        content: dict[str, Any] = values.loads(data)
        agent = {str(key).lower(): value for key, value in content["agent"].items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return data
    return values.readable({**content, "agent": {**agent, "name": name}}, ascii_only=True).encode() + b"\n"
