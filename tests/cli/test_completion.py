"""Completion, asked as a shell asks."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contract.manifest import requirement

from .conftest import Team
from .shell import SCRIPT, Shell
from .terminal import at_terminal

TYPED = "thrum agent whoa\t\nthrum send hello --to @buil\t\nthrum send again --to=@buil\t\nexit\n"


def offered(shell: Shell, line: str) -> set[str]:
    """Return the words that bash is offered at the end of a line."""
    asked = shell.having(_THRUM_COMPLETE="bash_complete", COMP_WORDS=line).run()
    return {offer.partition(",")[2] for offer in asked.out.split()}


@requirement("completion")
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_each_shell_gets_a_script(repository: Shell, shell: str) -> None:
    script = repository.ok("completion", shell)
    assert "_THRUM_COMPLETE" in script and "thrum" in script
    program = shutil.which({"powershell": "pwsh"}.get(shell, shell))
    if program is not None and shell != "powershell":
        subprocess.run([program, "-n"], input=script, text=True, check=True, capture_output=True)


def test_commands_flags_and_addresses_are_offered(team: Team) -> None:
    assert {"send", "sent", "session"} <= offered(team.planner, "thrum se")
    assert offered(team.planner, "thrum message ") == {"get", "edit", "delete", "read"}
    assert "--to" in offered(team.planner, "thrum send --t")
    assert {"@builder", "@implementer", "@everyone"} <= offered(team.planner, "thrum send x --to @")
    assert offered(team.planner.at(team.planner.cwd.parent), "thrum send x --to @") == set()


def test_powershell_is_answered_with_value_and_help(team: Team) -> None:
    asking = team.planner.having(_THRUM_COMPLETE="powershell_complete")
    assert asking.having(COMP_WORDS="thrum send --to @b").run().out == "@builder\t@builder\n"
    assert asking.having(COMP_WORDS="thrum send --to=@b").run().out == "--to=@builder\t--to=@builder\n"


@pytest.fixture
def typist(team: Team, tmp_path: Path) -> Callable[..., str]:
    """Return the output of a shell in the planner's worktree, with an empty home and thrum on its path."""
    home = tmp_path / "home"
    home.mkdir()
    environ = {"HOME": str(home), "ZDOTDIR": str(home), "TERM": "xterm", "LANG": "C.UTF-8", "NO_COLOR": "1"}
    environ |= {"PATH": f"{SCRIPT.rpartition('/')[0]}:{os.environ['PATH']}"}

    def run(program: str, *arguments: str, typed: str = "", **files: str) -> str:
        if shutil.which(program) is None:
            missing = pytest.fail if os.environ.get("CI") == "true" and program != "pwsh" else pytest.skip
            missing(f"{program} is not installed: its completion was NOT tried")
        for name, content in files.items():
            (home / f".{name}").write_text(content, encoding="utf-8")
        return at_terminal([program, *arguments], team.planner.cwd, environ, typed)

    return run


@requirement("completion")
def test_bash_completes_what_is_typed(typist: Callable[..., str]) -> None:
    screen = typist("bash", "-i", typed=TYPED, bashrc="eval \"$(thrum completion bash)\"; PS1='> '\n")
    assert "Source:" in screen and len(re.findall(r"Message sent: msg_\w+ to @builder\.", screen)) == 2


@requirement("completion")
def test_zsh_completes_what_is_typed(typist: Callable[..., str]) -> None:
    start = "autoload -Uz compinit; compinit -u -D; eval \"$(thrum completion zsh)\"; PS1='> '\n"
    screen = typist("zsh", "-i", typed=TYPED, zshrc=start)
    assert "Source:" in screen and len(re.findall(r"Message sent: msg_\w+ to @builder\.", screen)) == 2


@requirement("completion")
def test_fish_offers_values_with_whole_sentences(team: Team, typist: Callable[..., str]) -> None:
    def offers(line: str) -> list[str]:
        return typist("fish", "--no-config", "-c", f"{script}\ncomplete -C'{line}'").splitlines()

    script = team.planner.ok("completion", "fish")
    assert "sent\tList the messages you sent, and who has read them." in offers("thrum se")
    assert "--to\tAn agent, a role or a group." in offers("thrum send --t")
    assert offers("thrum send x --to @b") == ["@builder"]
    assert offers("thrum send x --to=@b") == ["--to=@builder"]
    assert offers("thrum completion z") == ["zsh"]


@requirement("completion")
def test_powershell_offers_what_fits(team: Team, typist: Callable[..., str]) -> None:
    script = team.planner.ok("completion", "powershell")
    ask = "(TabExpansion2 'thrum wh' 8).CompletionMatches | ForEach-Object { $_.CompletionText }"
    assert "whoami" in typist("pwsh", "-NoProfile", "-Command", f"{script}\n{ask}").split()


@pytest.mark.parametrize("line", ["ping @", "sent --to @", "search x --from @", "wait --mention @"])
def test_addresses_are_offered_wherever_one_is_named(team: Team, line: str) -> None:
    assert {"@builder", "@implementer", "@everyone"} <= offered(team.planner, f"thrum {line}")
