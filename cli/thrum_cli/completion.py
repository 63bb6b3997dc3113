"""Completion of a command line in a shell, and the script that connects the shell to it."""

from __future__ import annotations

import os
from typing import Any

from click import Group
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

from thrum_store.errors import Invalid, ThrumError
from thrum_store.service.team import agents, groups
from thrum_store.service.team.agents import ListAgents

from .command import App

_VARIABLE = "_THRUM_COMPLETE"
SHELLS = ("bash", "zsh", "fish", "powershell")
# Readline replaces the text after the last character of COMP_WORDBREAKS, which `@` and `=` belong to;
# so we divide the line ourselves, and return only the part after such a break.
_BASH = """\
%(complete_func)s() {
    local line="${COMP_LINE:0:COMP_POINT}" answer kind value
    local token="${line##*[[:space:]]}" replaced="${line##*[$COMP_WORDBREAKS]}"
    local kept="${token%%"$replaced"}"
    COMPREPLY=()
    answer=$(env COMP_WORDS="$line" %(complete_var)s=bash_complete "$1")
    while IFS=, read -r kind value; do
        case $kind in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("${value#"$kept"}") ;;
        esac
    done <<< "$answer"
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""
_POWERSHELL = """\
Register-ArgumentCompleter -Native -CommandName %(prog_name)s -ScriptBlock {
    param($word, $line, $cursor)
    $env:%(complete_var)s = 'powershell_complete'
    $env:COMP_WORDS = $line.ToString().PadRight($cursor).Substring(0, $cursor)
    %(prog_name)s | ForEach-Object {
        $value, $help = $_ -split "`t", 2
        [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $help)
    }
    Remove-Item Env:%(complete_var)s, Env:COMP_WORDS
}
"""


class _WholeWords(ShellComplete):
    """Offers whole words, since shells replace the whole word: `--to=@builder` for `--to=@b`."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """Return the completions, each with the option that the word begins with."""
        items = super().get_completions(args, incomplete)
        option = incomplete[: incomplete.find("=") + 1] if incomplete.startswith("--") else ""
        return [CompletionItem(f"{option}{item.value}", item.type, item.help) for item in items]


class _UpToTheCursor(_WholeWords):
    """Divides the line up to the cursor into words itself."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the one being typed, and that word."""
        line = os.environ.get("COMP_WORDS", "")
        words = split_arg_string(line)[1:]
        typed = words.pop() if words and not line[-1:].isspace() else ""
        return words, typed


class WholeBashComplete(_UpToTheCursor, BashComplete):
    """Click's class for bash, corrected: the original completes nothing after a `@` or a `=`."""

    source_template = _BASH


class WholeZshComplete(_WholeWords, ZshComplete):
    """Click's class for zsh, corrected: the original replaces `--option=` by the value."""


class PowerShellComplete(_UpToTheCursor):
    """Completion for PowerShell: one completion per line, its help after a tab."""

    name = "powershell"
    source_template = _POWERSHELL

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """Return a line of the answer."""
        return f"{item.value}\t{item.help or item.value}"


class WholeFishComplete(_UpToTheCursor, FishComplete):
    """Click's class for fish, corrected: the original ends each help text at its first comma."""

    source_template = FishComplete.source_template.replace('string split ","', 'string split --max 1 ","')


def offer() -> None:
    """Register our completion classes with click."""
    for shell in (WholeBashComplete, WholeZshComplete, WholeFishComplete, PowerShellComplete):
        add_completion_class(shell)


def script(shell: str) -> str:
    """Return the completion script of a shell. Raises Invalid for an unknown shell."""
    offer()
    made = get_completion_class(shell)
    if shell not in SHELLS or made is None:
        raise Invalid(f"there is no completion for {shell!r}", hint=f"use one of {', '.join(SHELLS)}")
    asked = made(Group(), {}, "thrum", _VARIABLE)
    return asked.source_template % asked.source_vars()


# --- values of options and arguments --------------------------------------------------------------------------------


def shells(_: App, incomplete: str) -> list[str]:
    """Return the shells whose names begin with `incomplete`."""
    return [shell for shell in SHELLS if shell.startswith(incomplete)]


def addresses(app: App, incomplete: str) -> list[str]:
    """Return the agents, roles and groups whose names begin with `incomplete`; none without a store."""
    try:
        known = agents.list_agents(app.store, ListAgents()).agents
        named = groups.list_groups(app.store).groups
    except ThrumError:
        return []
    names = {name for agent in known for name in (agent.address, agent.role)} | {group.name for group in named}
    wanted = incomplete.removeprefix("@")
    return [f"@{name}" for name in sorted(names) if name.startswith(wanted)]
