"""config show: each value with where it comes from."""

from __future__ import annotations

import json

import pytest

from tests.contract.manifest import requirement
from thrum_cli.commands import config
from thrum_mcp.daemon.listeners import websocket
from thrum_mcp.daemon.parts import sync_loop

from .conftest import Team
from .shell import Shell, git


@requirement("config:show")
def test_each_setting_is_shown_with_its_source(team: Team) -> None:
    told = team.builder.json("config", "show")
    assert told["daemon"]["local_only"] == {"value": True, "source": "config.json"}
    assert told["daemon"]["ws_port"] == {"value": 9999, "source": "default"}
    assert (told["daemon"]["status"], told["daemon"]["pid"]) == ("stopped", None)
    assert told["identity"] == {
        "agent": "builder", "role": "implementer", "module": "auth", "file": ".thrum/identities/builder.json",
        "source": "file", "problem": None,
    }  # fmt: skip
    assert told["config_file"] == str(team.planner.cwd / ".thrum/config.json")
    shown = team.builder.ok("config", "show")
    assert "Local-only" in shown and "config.json" in shown and "@builder" in shown


def test_the_environment_beats_the_file_and_is_listed(team: Team) -> None:
    shell = team.builder.having(THRUM_LOCAL="0", THRUM_WS_PORT="4711", THRUM_TS_AUTHKEY="secret")
    told = shell.json("config", "show")
    assert told["daemon"]["local_only"] == {"value": False, "source": "env"}
    assert told["daemon"]["ws_port"] == {"value": "4711", "source": "env"}
    assert {"env_var": "THRUM_LOCAL", "value": "0"} in told["overrides"]
    assert "secret" not in shell.ok("config", "show")


@pytest.mark.parametrize("said", [{"local_only": False}, {"daemon": {"local_only": False}}])
def test_the_file_beats_the_default_in_both_spellings(team: Team, said: dict[str, object]) -> None:
    file = team.planner.cwd / ".thrum/config.json"
    file.write_text(json.dumps(said))
    assert team.planner.json("config", "show")["daemon"]["local_only"] == {"value": False, "source": "config.json"}
    file.unlink()
    assert team.planner.json("config", "show")["daemon"]["local_only"] == {"value": True, "source": "default"}


def test_what_git_says_is_told_as_such(team: Team) -> None:
    git(team.planner.cwd, "config", "thrum.trust", "known")
    assert team.planner.json("config", "show")["sync"]["trust"] == {"value": "known", "source": "git config"}


def test_without_an_identity_it_says_how_to_get_one(repository: Shell) -> None:
    repository.ok("init")
    assert "quickstart" in repository.json("config", "show")["identity"]["problem"]


def test_a_broken_file_is_named(team: Team) -> None:
    (team.planner.cwd / ".thrum/config.json").write_text("[]")
    answer = team.planner.thrum("config", "show", "--json")
    assert answer.error["code"] == "invalid" and "config.json" in answer.error["message"]


def test_the_defaults_are_those_that_the_daemon_has() -> None:
    assert (websocket.DEFAULT_PORT, sync_loop.RHYTHM.every) == (config.WS_PORT, config.SYNC_SECONDS)
