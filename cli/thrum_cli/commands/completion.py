"""completion: the script that lets a shell complete our commands, flags and addresses."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import click
from click.shell_completion import (
    CompletionItem,
    FishComplete,
    ShellComplete,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

from thrum_store.errors import Invalid

from ..command import command
from ..output import Screen, Verbatim, human

_VARIABLE = "_THRUM_COMPLETE"
_SHELLS = ("bash", "zsh", "fish", "powershell")
_POWERSHELL = """\
Register-ArgumentCompleter -Native -CommandName %(prog_name)s -ScriptBlock {
    param($word, $line, $cursor)
    $env:%(complete_var)s = 'powershell_complete'
    $env:COMP_WORDS = $line.ToString()
    $env:COMP_WORD = $word
    %(prog_name)s | ForEach-Object {
        $value, $help = $_ -split "`t", 2
        [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $help)
    }
    Remove-Item Env:%(complete_var)s, Env:COMP_WORDS, Env:COMP_WORD
}
"""


@dataclass(frozen=True)
class Script(Verbatim):
    """A shell's completion script."""

    shell: str
    script: str


class PowerShellComplete(ShellComplete):
    """How PowerShell asks and is answered: one completion to a line, its help behind a tab."""

    name = "powershell"
    source_template = _POWERSHELL

    def get_completion_args(self) -> tuple[list[str], str]:
        """What stands before the word that is typed, and that word."""
        incomplete = os.environ.get("COMP_WORD", "")
        words = split_arg_string(os.environ.get("COMP_WORDS", ""))[1:]
        return (words[:-1] if incomplete and words else words), incomplete

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """A line of the answer."""
        return f"{item.value}\t{item.help or item.value}"


class WholeFishComplete(FishComplete):
    """Click's own for fish, which would end each help at its first comma."""

    source_template = FishComplete.source_template.replace('string split ","', 'string split --max 1 ","')


def offer() -> None:
    """Makes click answer PowerShell as well, and fish with whole sentences."""
    add_completion_class(PowerShellComplete)
    add_completion_class(WholeFishComplete)


def _shells(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    return [shell for shell in _SHELLS if shell.startswith(incomplete)]


@command(
    "completion",
    'eval "$(thrum completion bash)"',
    'eval "$(thrum completion zsh)"',
    "thrum completion fish > ~/.config/fish/completions/thrum.fish",
)
@click.argument("shell", metavar="bash|zsh|fish|powershell", shell_complete=_shells)
@click.pass_context
def completion(context: click.Context, shell: str) -> Script:
    """Print the completion script of a shell.

    Put the line of your shell into its start-up file.
    """
    offer()
    made = get_completion_class(shell)
    if shell not in _SHELLS or made is None:
        raise Invalid(f"there is no completion for {shell!r}", hint=f"use one of {', '.join(_SHELLS)}")
    asked = made(context.find_root().command, {}, "thrum", _VARIABLE)
    return Script(shell, asked.source_template % asked.source_vars())


@human.register(Script)
def _script(made: Script, screen: Screen) -> str:
    del screen
    return made.script.strip("\n")
