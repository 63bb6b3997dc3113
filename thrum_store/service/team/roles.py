"""Role templates: `.thrum/role_templates/<role>.md`, deployed as the preamble of every agent with that role.

They use Python's template language: `$AgentName` or `${AgentName}`, and `$$` for a dollar sign. A template with
`{{.AgentName}}`, as in the Go program, is read in that language instead; then a dollar sign has no meaning.
"""

from __future__ import annotations

import os
import re
from string import Template

from thrum_store import identity
from thrum_store.errors import Invalid, NotFound, ThrumError
from thrum_store.repository import worktrees
from thrum_store.repository.git_files import MAIN
from thrum_store.store import Store, use_case
from thrum_store.values import NamedTuple, Record
from thrum_store.view.queries import lookup
from thrum_store.view.queries.lookup import Agent

from . import contexts

VARIABLES = ("AgentName", "Role", "Module", "WorktreePath", "RepoRoot", "CoordinatorName")
_COORDINATOR = "coordinator"
_GO = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)


class RoleTemplate(Record):
    """A template and the agents with its role."""

    role: str
    file: str
    agents: tuple[str, ...]


class RoleTemplates(Record):
    """All templates, by role."""

    templates: tuple[RoleTemplate, ...]
    directory: str


class Deploy(Record):
    """Request to write the preambles of one agent or of all; `dry_run` writes nothing."""

    agent: str | None = None
    dry_run: bool = False


class Deployed(Record):
    """The agents whose preambles were (or would be) written, and those without a template."""

    updated: tuple[str, ...]
    without_template: tuple[str, ...]
    total: int
    dry_run: bool
    warnings: tuple[str, ...] = ()


class Applied(NamedTuple):
    """The path of the preamble that a template gave an agent, "" if nothing was written; `notes` say why."""

    file: str = ""
    notes: tuple[str, ...] = ()


class RolePreamble(NamedTuple):
    """A role, and the preamble that its template gives an agent; None if there is no template."""

    role: str
    text: str | None


@use_case
def list_templates(store: Store) -> RoleTemplates:
    """List the role templates of this worktree, else of the repository, with the agents of this store."""
    directory = _directory(store)
    known = [agent for agent in lookup.listed(store.view) if agent.own]
    files = [name for name in store.host.storage.listing(directory) if name.endswith(".md")]
    templates = [
        RoleTemplate(name[:-3], name, tuple(sorted(agent.name for agent in known if agent.role == name[:-3])))
        for name in files
    ]
    return RoleTemplates(tuple(templates), os.path.relpath(directory, store.paths.root))


@use_case
def deploy(store: Store, request: Deploy) -> Deployed:
    """Overwrite the preambles of agents from their role's template, in each agent's worktree.

    Raises NotFound for an unknown agent, Invalid for a Go template with an unknown variable.
    """
    chosen = _chosen(store, request.agent)
    homes = worktrees.places(store.paths, store.host)
    texts = {agent.name: _preamble(store, agent, homes) for agent in chosen}
    warnings: list[str] = []
    for agent in chosen:
        text = texts[agent.name]
        if text is None:
            continue
        warnings += [f"{agent.role}.md: {warning}" for warning in _unknown(_template(store, agent.role) or "")]
        if not request.dry_run:
            local = store.paths.local_of(agent.worktree, homes.get(agent.worktree, store.paths.root))
            contexts.write_preamble(store.host, local, agent.name, text)
    updated = tuple(name for name, text in texts.items() if text is not None)
    without = tuple(name for name, text in texts.items() if text is None)
    return Deployed(updated, without, len(chosen), request.dry_run, tuple(dict.fromkeys(warnings)))


def apply(store: Store, name: str) -> Applied:
    """Write the preamble of an agent of this worktree from its role's template; one that a person edited stays.

    The agent is registered already, so about a template that cannot be used there is only a note.
    """
    try:
        return _applied(store, name)
    except ThrumError as error:
        return Applied(notes=(f"the role template was not applied: {error.message}; {error.hint}",))


def _applied(store: Store, name: str) -> Applied:
    host, local = store.host, store.paths.local
    agent = preamble_for(store, name)
    if agent is None or agent.text is None:
        return Applied()
    before = contexts.in_worktree(store.paths, host, name).preamble
    if before is None or before == agent.text or contexts.is_ours(host, local, name, before):
        path = os.path.relpath(contexts.write_preamble(host, local, name, agent.text), store.paths.root)
        return Applied("" if before == agent.text else path)
    if contexts.is_ours(host, local, name, agent.text):
        return Applied()  # the template is no newer than the edited preamble
    kept = f"@{name} keeps its edited preamble; `thrum roles deploy --agent {name}` replaces it by the role template"
    return Applied(notes=(kept,))


def preamble_for(store: Store, name: str) -> RolePreamble | None:
    """Return the role of this store's agent with its preamble; None for an unknown agent. Raises Invalid."""
    agent = lookup.own(store.view, name)
    if agent is None:
        return None
    return RolePreamble(agent.role, _preamble(store, agent, worktrees.places(store.paths, store.host)))


def _preamble(store: Store, agent: Agent, homes: dict[str, str]) -> str | None:
    """Return an agent's preamble from the template of its role; None if there is no template."""
    template = _template(store, agent.role)
    if template is None:
        return None
    values = {
        "AgentName": agent.name,
        "Role": agent.role,
        "Module": agent.module,
        "WorktreePath": homes.get(agent.worktree, agent.worktree),
        "RepoRoot": homes.get(MAIN, store.paths.root),
        "CoordinatorName": next((name for _, name, _ in lookup.addressed(store.view, role=_COORDINATOR)), _COORDINATOR),
    }
    return _rendered(template, values)


def _rendered(template: str, values: dict[str, str]) -> str:
    if not _GO.search(template):
        return Template(template).safe_substitute(values)
    return _GO.sub(lambda match: _go_value(match.group(1), values), template)


def _go_value(inside: str, values: dict[str, str]) -> str:
    if inside.removeprefix(".") not in values or not inside.startswith("."):
        raise Invalid(
            f"a role template has {{{{{inside}}}}}, which is unknown",
            hint=f"use {', '.join(f'${v}' for v in VARIABLES)}",
        )
    return values[inside[1:]]


def _unknown(template: str) -> list[str]:
    """Return warnings about unknown names after a dollar sign; they stay, because shell examples have them as well."""
    if _GO.search(template):
        return []
    names = [name for name in Template(template).get_identifiers() if name not in VARIABLES]
    return [f"${name} is not one of the six variables and is left unchanged" for name in names]


def _template(store: Store, role: str) -> str | None:
    if not role:
        return None
    try:
        path = os.path.join(_directory(store), f"{identity.valid_name(role, 'role')}.md")
        return store.host.storage.read(path).decode("utf-8", "replace")
    except FileNotFoundError:
        return None


def _directory(store: Store) -> str:
    own = os.path.join(store.paths.local, "role_templates")
    return own if store.host.storage.listing(own) else os.path.join(store.paths.thrum, "role_templates")


def _chosen(store: Store, name: str | None) -> list[Agent]:
    places = worktrees.places(store.paths, store.host)
    local = [agent for agent in lookup.listed(store.view) if agent.own and agent.worktree in places]
    if name is None:
        return sorted(local, key=lambda agent: agent.name)
    bare = identity.agent_name(name)
    matches = [agent for agent in local if agent.name == bare]
    if not matches:
        raise NotFound(f"agent not found on this machine: {bare!r}", hint="`thrum agent list` shows all agents")
    return matches
