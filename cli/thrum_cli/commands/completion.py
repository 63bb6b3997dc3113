"""completion: the script that lets a shell complete commands, flags and addresses."""

from __future__ import annotations

from thrum_cli.command import App, Argument, command
from thrum_cli.terminal.output import Verbatim, human
from thrum_store.values import Record


class Script(Record, Verbatim):
    """A shell's completion script."""

    shell: str
    script: str


@command(
    "completion",
    'eval "$(thrum completion bash)"',
    'eval "$(thrum completion zsh)"',
    "thrum completion fish > ~/.config/fish/completions/thrum.fish",
    options=(Argument("shell", "bash|zsh|fish|powershell", complete="shells"),),
)
def completion(_: App, shell: str) -> Script:
    """Print the completion script of a shell.

    Add the line for your shell to its startup file.
    """
    from thrum_cli.completion import script  # loads the store for its addresses

    return Script(shell, script(shell))


@human.register(Script)
def _script(script: Script) -> str:
    return script.script.strip("\n")
