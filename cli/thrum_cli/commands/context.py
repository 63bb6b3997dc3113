"""context: notes that an agent keeps for its next start."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import BinaryIO

from thrum_cli.command import App, Group, Option, command, commands
from thrum_cli.terminal.output import Outcome, Screen, Verbatim, human
from thrum_cli.terminal.text import ago, bold
from thrum_store import model
from thrum_store.errors import Invalid
from thrum_store.records import replaced
from thrum_store.service.team import context_sharing, contexts, roles
from thrum_store.service.team.context_sharing import Shared
from thrum_store.service.team.contexts import Cleared, Context, Saved

from ._shared.preambles import default_preamble, text_of
from .prime import prime

_AGENT = Option("--agent", "Another agent's, in this worktree.", "NAME", name="name")


@command(
    "save",
    "thrum context save --file session-notes.md",
    "thrum context save < notes.md",
    options=(
        Option("--file", "Where it stands; else standard input.", "PATH", kind="file"),
        _AGENT,
    ),
)
def save(app: App, file: BinaryIO | None, name: str | None) -> Saved:
    """Save your notes from a file or standard input."""
    if file is None and sys.stdin.isatty():
        raise Invalid(
            "nothing says what to save", hint="use --file PATH, or pipe it in: `thrum context save < notes.md`"
        )
    return contexts.save(app.store, _name(app, name), text_of(file or sys.stdin.buffer))


@command(
    "show",
    "thrum context show",
    "thrum context show --raw --no-preamble",
    returns=Context,
    options=(
        _AGENT,
        Option("--raw", "Only the text itself, without a heading."),
        Option("--no-preamble", "Without the text before it."),
    ),
)
def show(app: App, name: str | None, raw: bool, no_preamble: bool) -> Outcome:
    """Show your saved notes."""
    found = contexts.show(app.store, model.address(name) if name else app.caller.name)
    if no_preamble:
        found = replaced(found, preamble=None)
    if raw and not app.json:
        return Outcome(Raw("\n".join(text for text in (found.preamble, found.content) if text)))
    if found.has_context or found.preamble:
        return Outcome(found)
    return Outcome(found, note=f"No context saved for @{found.address}. `thrum context save --file PATH` saves one.")


@command("clear", "thrum context clear", options=(_AGENT,))
def clear(app: App, name: str | None) -> Cleared:
    """Delete your saved notes."""
    return contexts.clear(app.store, _name(app, name))


@command("sync", "thrum context sync", "thrum context sync --agent builder", options=(_AGENT,))
def sync(app: App, name: str | None) -> Shared:
    """Share your notes with other worktrees and machines."""
    return context_sharing.share(app.store, _name(app, name))


@command(
    "preamble",
    "thrum context preamble",
    "thrum context preamble --init",
    "thrum context preamble --file P.md",
    returns=(Context, Saved),
    options=(
        Option("--init", "Write it from your role's template, or a general one.", name="initial"),
        Option("--file", "Take it from a file.", "PATH", kind="file"),
        _AGENT,
    ),
)
def preamble(app: App, initial: bool, file: BinaryIO | None, name: str | None) -> Outcome:
    """Show or set the preamble before your notes."""
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


context = Group(
    "context",
    "Save notes for your next session, and show them.",
    commands(save, show, replaced(show, name="load"), clear, preamble, sync, prime),
    (
        "thrum context save --file session-notes.md",
        "thrum context show",
    ),
)


def _name(app: App, name: str | None) -> str:
    return model.name(name.removeprefix("@")) if name else app.caller.name


def _initial(app: App, name: str) -> str:
    known = roles.preamble_for(app.store, name)
    if known is None:
        return default_preamble(name, app.caller.role if name == app.caller.name else "")
    return default_preamble(name, known.role) if known.text is None else known.text


@dataclass(frozen=True)
class Raw(Verbatim):
    """A text that is shown as it is."""

    text: str


@human.register(Raw)
def _raw(raw: Raw) -> str:
    return raw.text.removesuffix("\n")


@human.register(Saved)
def _saved(saved: Saved) -> str:
    return f"{saved.kind.capitalize()} saved for @{saved.address} ({saved.size:,} bytes, {saved.file})."


@human.register(Cleared)
def _cleared(done: Cleared) -> str:
    said = f"Context cleared for @{done.address}." if done.existed else f"There was no context for @{done.address}."
    return f"{said}\nWhat it shared stays in the branch a-sync." if done.shared else said


@human.register(Shared)
def _shared(done: Shared) -> str:
    told = {
        "shared": f"Context of @{done.address} is in the branch a-sync ({done.size:,} bytes).",
        "unchanged": f"The branch a-sync has the context of @{done.address} as it is.",
        "nothing": f"No context saved for @{done.address}, so there is nothing to share.",
    }
    return told[done.status]


@human.register(Context)
def _context(found: Context, screen: Screen) -> str:
    if not found.has_context and not found.preamble:
        return ""
    when = "as it shared it" if found.shared else f"saved {ago(found.updated_at, screen.now_ms)}"
    kept = f" ({found.size:,} bytes, {when})" if found.has_context else ""
    texts = [text.removesuffix("\n") for text in (found.preamble, found.content) if text]
    return "\n\n".join([f"{bold('Context of @' + found.address)}{kept}", *texts])
