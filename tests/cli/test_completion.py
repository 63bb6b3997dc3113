"""Completion, asked as a shell asks."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.contract.manifest import requirement

from .conftest import Team
from .shell import Shell


def offered(shell: Shell, line: str) -> set[str]:
    """What bash would offer at the end of a line."""
    words = line.split(" ")
    asked = shell.having(_THRUM_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1)).run()
    return {told.partition(",")[2] for told in asked.out.split()}


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
    asked = team.planner.having(
        _THRUM_COMPLETE="powershell_complete", COMP_WORDS="thrum send --to @b", COMP_WORD="@b"
    ).run()
    assert asked.out.splitlines() == ["@builder\t@builder"]


def test_bash_completes_with_the_script(team: Team) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    script = team.planner.ok("completion", "bash")
    ask = 'COMP_WORDS=(thrum wh); COMP_CWORD=1; _thrum_completion thrum; echo "${COMPREPLY[@]}"'
    environ = {**team.planner.environ(), "PATH": f"{_bin()}:{team.planner.environ()['PATH']}"}
    done = subprocess.run(
        [bash, "--norc", "-c", f"{script}\n{ask}"], cwd=team.planner.cwd, env=environ, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert "whoami" in done.stdout.split()


def _bin() -> str:
    from .shell import SCRIPT

    return SCRIPT.rpartition("/")[0]
