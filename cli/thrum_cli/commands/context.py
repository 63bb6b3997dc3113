"""context: notes that an agent keeps for its next start."""

from __future__ import annotations

import sys
from typing import BinaryIO

from thrum_cli.command import App, Group, Option, command, commands
from thrum_cli.terminal.output import Outcome, Screen, Verbatim, ago, bold, human
from thrum_store import identity
from thrum_store.errors import Invalid
from thrum_store.service.team import context_sharing, contexts, roles
from thrum_store.service.team.context_sharing import Cleared, Shared
from thrum_store.service.team.contexts import HOW_TO_SAVE, Context, Saved
from thrum_store.values import Record, replaced

from ._shared.preambles import default_preamble, text_of
from .prime import prime

_AGENT = Option("--agent", "Use the notes of another agent in this worktree.", "NAME", name="name")


@command(
    "save",
    "thrum context save --file session-notes.md",
    "thrum context save < notes.md",
    options=(
        Option("--file", "Read the notes from a file instead of standard input.", "PATH", kind="file"),
        _AGENT,
    ),
)
def save(app: App, file: BinaryIO | None, name: str | None) -> Saved:
    """Save your notes from a file or standard input.

    They replace the notes saved before. An empty text is refused; `thrum context clear` deletes your notes.
    """
    return contexts.save(app.store, _name(app, name), text_of(file or _standard_input()))


@command(
    "show",
    "thrum context show",
    "thrum context show --raw --no-preamble",
    returns=Context,
    options=(
        _AGENT,
        Option("--raw", "Print only the text, without a heading."),
        Option("--no-preamble", "Leave the preamble out."),
    ),
)
def show(app: App, name: str | None, raw: bool, no_preamble: bool) -> Outcome:
    """Show your saved notes.

    The preamble comes first. For an agent of another clone (--agent NAME@CLONE), the notes it shared are shown.
    """
    notes = contexts.show(app.store, identity.bare_address(name) if name else app.caller.name)
    if no_preamble:
        notes = replaced(notes, preamble=None)
    if raw and not app.json:
        return Outcome(Raw("\n".join(text for text in (notes.preamble, notes.content) if text)))
    if notes.has_context or notes.preamble:
        return Outcome(notes)
    return Outcome(notes, note=f"No context saved for @{notes.address}. `thrum context save --file PATH` saves one.")


@command("clear", "thrum context clear", options=(_AGENT,))
def clear(app: App, name: str | None) -> Cleared:
    """Delete your saved notes, and the copy that you shared.

    The copy leaves the tip of the branch a-sync. The history of that branch keeps it, and so do clones until they sync.
    The preamble stays.
    """
    return context_sharing.clear(app.store, _name(app, name))


@command("sync", "thrum context sync", "thrum context sync --agent builder", options=(_AGENT,))
def sync(app: App, name: str | None) -> Shared:
    """Share your notes with other worktrees and machines.

    They are copied to the branch a-sync.
    """
    return context_sharing.share(app.store, _name(app, name))


@command(
    "preamble",
    "thrum context preamble",
    "thrum context preamble --init",
    "thrum context preamble --file P.md",
    returns=(Context, Saved),
    options=(
        Option("--init", "Write it from the template of your role, or a default one.", name="initial"),
        Option("--file", "Read it from a file.", "PATH", kind="file"),
        _AGENT,
    ),
)
def preamble(app: App, initial: bool, file: BinaryIO | None, name: str | None) -> Outcome:
    """Show or set the preamble before your notes."""
    agent = _name(app, name)
    if initial and file is not None:
        raise Invalid("--init and --file are mutually exclusive", hint="use one of them")
    if file is not None:
        return Outcome(contexts.set_preamble(app.store, agent, text_of(file)))
    if initial:
        return Outcome(contexts.set_preamble(app.store, agent, _initial(app, agent), ours=True))
    notes = contexts.show(app.store, agent)
    if app.json:
        return Outcome(notes)
    if notes.preamble is None:
        return Outcome(None, note=f"No preamble for @{agent}. `thrum context preamble --init` writes one.")
    return Outcome(Raw(notes.preamble))


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
    return identity.valid_name(identity.agent_name(name)) if name else app.caller.name


def _standard_input() -> BinaryIO:
    """Return standard input. Raises Invalid where nobody wrote notes to it: a terminal, or no open file at all."""
    if sys.stdin is None or sys.stdin.isatty():  # pyright: ignore[reportUnnecessaryComparison]  None: it is closed
        raise Invalid("there are no notes to save", hint=HOW_TO_SAVE)
    return sys.stdin.buffer


def _initial(app: App, name: str) -> str:
    known = roles.preamble_for(app.store, name)
    if known is None:
        return default_preamble(name, app.caller.role if name == app.caller.name else "")
    return default_preamble(name, known.role) if known.text is None else known.text


class Raw(Record, Verbatim):
    """A text that is shown unchanged."""

    text: str


@human.register(Raw)
def _raw(raw: Raw) -> str:
    return raw.text.removesuffix("\n")


@human.report(Saved)
def _saved(saved: Saved) -> str:
    return f"{saved.kind.capitalize()} saved for @{saved.address} ({saved.size:,} bytes, {saved.file})."


@human.report(Cleared)
def _cleared(result: Cleared) -> str:
    sentence = (
        f"Context cleared for @{result.address}." if result.existed else f"No context was saved for @{result.address}."
    )
    gone = "The shared copy left the tip of the branch a-sync; the history of that branch keeps it."
    return f"{sentence}\n{gone}" if result.shared else sentence


@human.report(Shared)
def _shared(result: Shared) -> str:
    sentences = {
        "shared": f"Context synced for @{result.address}: it is in the branch a-sync ({result.size:,} bytes).",
        "unchanged": f"The branch a-sync already has the current context of @{result.address}.",
        "nothing": f"No context saved for @{result.address}, nothing to sync.",
    }
    return sentences[result.status]


@human.register(Context)
def _context(notes: Context, screen: Screen) -> str:
    if not notes.has_context and not notes.preamble:
        return ""
    when = "as shared by the agent" if notes.shared else f"saved {ago(notes.updated_at, screen.now_ms)}"
    size = f" ({notes.size:,} bytes, {when})" if notes.has_context else ""
    texts = [text.removesuffix("\n") for text in (notes.preamble, notes.content) if text]
    return "\n\n".join([f"{bold('Context for @' + notes.address)}{size}", *texts])
