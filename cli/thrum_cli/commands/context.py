"""context: notes that an agent keeps for its next start."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import BinaryIO

import click

from thrum_cli.app import App
from thrum_cli.command import Entry, command, group, pass_app
from thrum_cli.terminal.output import Outcome, Screen, Verbatim, human
from thrum_cli.terminal.text import ago, bold
from thrum_store import model
from thrum_store.errors import Invalid
from thrum_store.repository import worktrees
from thrum_store.service.team import context_sharing, contexts, roles
from thrum_store.service.team.context_sharing import Shared
from thrum_store.service.team.contexts import Cleared, Context, Saved
from thrum_store.view.queries import agents

from ._shared.preambles import default_preamble, text_of

_SHOW = Entry("commands.context:show", "Show your saved context.")


_SECTIONS = {
    "Commands": {
        "save": Entry("commands.context:save", "Save your context from a file or standard input."),
        "show": _SHOW,
        "load": _SHOW._replace(help="The same as show."),
        "clear": Entry("commands.context:clear", "Remove your saved context."),
        "preamble": Entry("commands.context:preamble", "Show or set the text before your context."),
        "sync": Entry("commands.context:sync", "Share your saved context with other worktrees and machines."),
        "prime": Entry("commands.prime:prime", "Tell everything needed to start or to go on."),
    }
}


_AGENT = click.option("--agent", "name", metavar="NAME", help="Another agent's, in this worktree.")


@group("context", _SECTIONS, "thrum context save --file session-notes.md", "thrum context show")
def context() -> None:
    """Keep what you need after a compaction or in a new session."""


@command("save", "thrum context save --file session-notes.md", "thrum context save < notes.md")
@click.option("--file", type=click.File("rb"), metavar="PATH", help="Where it stands; else standard input.")
@_AGENT
@pass_app
def save(app: App, file: BinaryIO | None, name: str | None) -> Saved:
    """Save your context from a file or standard input, in place of what was saved before."""
    if file is None and sys.stdin.isatty():
        raise Invalid(
            "nothing says what to save", hint="use --file PATH, or pipe it in: `thrum context save < notes.md`"
        )
    return contexts.save(app.store, _name(app, name), text_of(file or sys.stdin.buffer))


@command("show", "thrum context show", "thrum context show --raw --no-preamble", returns=Context)
@_AGENT
@click.option("--raw", is_flag=True, help="Only the text itself, without a heading.")
@click.option("--no-preamble", is_flag=True, help="Without the text before it.")
@pass_app
def show(app: App, name: str | None, raw: bool, no_preamble: bool) -> Outcome:
    """Show your saved context, after its preamble; of another clone's agent (--agent NAME@CLONE), what it shared."""
    found = contexts.show(app.store, model.address(name) if name else app.caller.name)
    if no_preamble:
        found = replace(found, preamble=None)
    if raw and not app.json:
        return Outcome(Raw("\n".join(text for text in (found.preamble, found.content) if text)))
    if found.has_context or found.preamble:
        return Outcome(found)
    return Outcome(found, note=f"No context saved for @{found.agent_id}. `thrum context save --file PATH` saves one.")


@command("clear", "thrum context clear")
@_AGENT
@pass_app
def clear(app: App, name: str | None) -> Cleared:
    """Remove your saved context; the preamble stays."""
    return contexts.clear(app.store, _name(app, name))


@command("sync", "thrum context sync", "thrum context sync --agent builder")
@_AGENT
@pass_app
def sync(app: App, name: str | None) -> Shared:
    """Copy your saved context to the branch a-sync, where other worktrees and machines find it."""
    return context_sharing.share(app.store, _name(app, name))


@command(
    "preamble",
    "thrum context preamble",
    "thrum context preamble --init",
    "thrum context preamble --file P.md",
    returns=(Context, Saved),
)
@click.option("--init", "initial", is_flag=True, help="Write it from your role's template, or a general one.")
@click.option("--file", type=click.File("rb"), metavar="PATH", help="Take it from a file.")
@_AGENT
@pass_app
def preamble(app: App, initial: bool, file: BinaryIO | None, name: str | None) -> Outcome:
    """Show the text that stands before your context, or set it."""
    agent = _name(app, name)
    if initial and file is not None:
        raise Invalid("--init and --file exclude each other", hint="use one of them")
    if file is not None:
        return Outcome(contexts.set_preamble(app.store, agent, text_of(file)))
    if initial:
        return Outcome(contexts.set_preamble(app.store, agent, _initial(app, agent)))
    found = contexts.show(app.store, agent)
    if app.json:
        return Outcome(found)
    if found.preamble is None:
        return Outcome(None, note=f"No preamble for @{agent}. `thrum context preamble --init` writes one.")
    return Outcome(Raw(found.preamble))


def _name(app: App, name: str | None) -> str:
    return model.name(name.removeprefix("@")) if name else app.caller.name


def _initial(app: App, name: str) -> str:
    agent = agents.own(app.store.view, name)
    if agent is None:
        return default_preamble(name, app.caller.role if name == app.caller.name else "")
    made = roles.template_for(app.store, agent, worktrees.places(app.paths, app.store.host))
    return default_preamble(name, agent.role) if made is None else made


@dataclass(frozen=True)
class Raw(Verbatim):
    """A text that is shown as it is."""

    text: str


@human.register(Raw)
def _raw(raw: Raw, screen: Screen) -> str:
    del screen
    return raw.text.removesuffix("\n")


@human.register(Saved)
def _saved(saved: Saved, screen: Screen) -> str:
    del screen
    return f"{saved.what.capitalize()} saved for @{saved.agent_id} ({saved.size:,} bytes, {saved.file})."


@human.register(Cleared)
def _cleared(done: Cleared, screen: Screen) -> str:
    del screen
    said = f"Context cleared for @{done.agent_id}." if done.existed else f"There was no context for @{done.agent_id}."
    return f"{said}\nWhat it shared stays in the branch a-sync." if done.shared else said


@human.register(Shared)
def _shared(done: Shared, screen: Screen) -> str:
    del screen
    told = {
        "shared": f"Context of @{done.agent_id} is in the branch a-sync ({done.size:,} bytes).",
        "unchanged": f"The branch a-sync has the context of @{done.agent_id} as it is.",
        "nothing": f"No context saved for @{done.agent_id}, so there is nothing to share.",
    }
    return told[done.status]


@human.register(Context)
def _context(found: Context, screen: Screen) -> str:
    if not found.has_context and not found.preamble:
        return ""
    when = "as it shared it" if found.shared else f"saved {ago(found.updated_at, screen.now_ms)}"
    kept = f" ({found.size:,} bytes, {when})" if found.has_context else ""
    texts = [text.removesuffix("\n") for text in (found.preamble, found.content) if text]
    return "\n\n".join([f"{bold('Context of @' + found.agent_id)}{kept}", *texts])
