"""config show: each value with where it comes from."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.contract.manifest import requirement

from .conftest import Team
from .shell import SCRIPT, Shell, git


@requirement("config:show")
def test_each_setting_is_shown_with_its_source(team: Team) -> None:
    answer = team.builder.json("config", "show")
    assert answer["daemon"]["local_only"] == {"value": True, "source": "config.json"}
    assert answer["daemon"]["ws_port"] == {"value": 9999, "source": "default"}
    assert (answer["daemon"]["status"], answer["daemon"]["pid"]) == ("stopped", None)
    assert answer["identity"] == {
        "agent": "builder", "role": "implementer", "module": "auth", "file": ".thrum/identities/builder.json",
        "source": "file", "problem": None,
    }  # fmt: skip
    assert answer["config_file"] == str(team.planner.cwd / ".thrum/config.json")
    shown = team.builder.ok("config", "show")
    assert "Local-only" in shown and "config.json" in shown and "@builder" in shown


def test_the_environment_beats_the_file_and_is_listed(team: Team) -> None:
    shell = team.builder.having(THRUM_LOCAL="0", THRUM_WS_PORT="4711", THRUM_TS_AUTHKEY="secret")
    answer = shell.json("config", "show")
    assert answer["daemon"]["local_only"] == {"value": False, "source": "env"}
    assert answer["daemon"]["ws_port"] == {"value": 4711, "source": "env"}
    assert {"env_var": "THRUM_LOCAL", "value": "0"} in answer["overrides"]
    assert "secret" not in shell.ok("config", "show")


@pytest.mark.parametrize("content", [{"local_only": False}, {"daemon": {"local_only": False}}])
def test_the_file_beats_the_default_in_both_spellings(team: Team, content: dict[str, object]) -> None:
    file = team.planner.cwd / ".thrum/config.json"
    file.write_text(json.dumps(content))
    assert team.planner.json("config", "show")["daemon"]["local_only"] == {"value": False, "source": "config.json"}
    file.unlink()
    assert team.planner.json("config", "show")["daemon"]["local_only"] == {"value": True, "source": "default"}


def test_a_setting_of_git_is_shown_as_such(team: Team) -> None:
    git(team.planner.cwd, "config", "thrum.trust", "known")
    assert team.planner.json("config", "show")["sync"]["trust"] == {"value": "known", "source": "git config"}


def test_without_an_identity_it_says_how_to_get_one(repository: Shell) -> None:
    repository.ok("init")
    assert "quickstart" in repository.json("config", "show")["identity"]["problem"]


def test_a_broken_file_is_named(team: Team) -> None:
    (team.planner.cwd / ".thrum/config.json").write_text("[]")
    answer = team.planner.thrum("config", "show", "--json")
    assert answer.error["code"] == "invalid" and "config.json" in answer.error["message"]


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("local_only", "false", False), ("local_only", "YES", True), ("runtime.primary", "codex", "codex"),
        ("daemon.ws_port", "4711", 4711), ("retention.days", "30", 30),
        ("limits.auto_replies", "0", 0), ("limits.auto_minutes", "60", 60),
    ],
)  # fmt: skip
def test_a_setting_is_set_and_unset(team: Team, key: str, text: str, value: object) -> None:
    file = team.planner.cwd / ".thrum/config.json"
    before = {"theirs": {"kept": 1}, "daemon": {"extra": 2}, "runtime": {}, "retention": {}, "limits": {}}
    file.write_text(json.dumps(before))
    done = team.planner.json("config", "set", key, text)
    assert (done["key"], done["value"], done["source"], done["changed"]) == (key, value, "config.json", True)
    assert team.planner.json("config", "set", key, text)["changed"] is False
    content = json.loads(file.read_text())
    assert content["theirs"] == {"kept": 1} and content["daemon"]["extra"] == 2 and content != before
    undone = team.planner.json("config", "unset", key)
    assert (undone["source"], undone["changed"]) == ("default", True)
    assert json.loads(file.read_text()) == before
    assert team.planner.json("config", "unset", key)["changed"] is False


def test_unset_takes_the_former_spelling_too(team: Team) -> None:
    (team.planner.cwd / ".thrum/config.json").write_text('{"daemon": {"local_only": false}}')
    assert team.planner.json("config", "unset", "local_only")["value"] is True


def test_a_change_is_told_in_a_sentence(team: Team) -> None:
    assert "local_only is now false." in team.planner.ok("config", "set", "local_only", "false")
    assert "local_only is true (default)." in team.planner.ok("config", "unset", "local_only")
    shell = team.planner.having(THRUM_LOCAL="0")
    assert "because the environment overrides" in shell.ok("config", "set", "local_only", "true")


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (("set", "colour", "red"), "there is no setting 'colour'", "local_only, runtime.primary, daemon.ws_port"),
        (("unset", "colour"), "there is no setting 'colour'", "local_only"),
        (("set", "thrum.trust", "none"), "there is no setting 'thrum.trust'", "git config --local thrum.trust"),
        (("set", "local_only", "perhaps"), "local_only cannot be 'perhaps'", "true or false"),
        (("set", "daemon.ws_port", "65536"), "daemon.ws_port cannot be '65536'", "a port from 1 to 65535"),
        (("set", "runtime.primary", "emacs"), "there is no client 'emacs'", "claude"),
    ],
)
def test_an_impossible_setting_is_refused(team: Team, words: tuple[str, ...], message: str, hint: str) -> None:
    before = (team.planner.cwd / ".thrum/config.json").read_bytes()
    error = team.planner.thrum("config", *words, "--json").error
    assert error["code"] == "invalid" and message in error["message"] and hint in error["hint"]
    assert (team.planner.cwd / ".thrum/config.json").read_bytes() == before


def test_a_value_of_another_type_is_named_with_its_key(team: Team) -> None:
    (team.planner.cwd / ".thrum/config.json").write_text('{"daemon": {"ws_port": "many"}}')
    error = team.planner.thrum("config", "show", "--json").error
    assert "daemon.ws_port in" in error["message"] and '"many"' in error["message"]


def test_settings_that_are_set_at_once_are_all_kept(team: Team) -> None:
    """Every command reads, changes and replaces the file under one lock."""
    commands = (
        ("config", "set", "local_only", "false"), ("config", "set", "daemon.ws_port", "4711"),
        ("runtime", "set-default", "codex"),
    )  # fmt: skip
    file, environ = team.planner.cwd / ".thrum/config.json", team.planner.environ()
    for _ in range(3):
        file.unlink()
        running = [
            subprocess.Popen([SCRIPT, *words], cwd=team.planner.cwd, env=environ, stdout=subprocess.DEVNULL)
            for words in commands
        ]
        assert [process.wait(60) for process in running] == [0, 0, 0]
        content = json.loads(file.read_text())
        assert content == {"local_only": False, "daemon": {"ws_port": 4711}, "runtime": {"primary": "codex"}}


@pytest.mark.parametrize(("written", "port"), [("auto", (9999, "default")), ("4711", (4711, "config.json"))])
def test_a_port_as_the_go_program_writes_it_is_understood(team: Team, written: str, port: tuple[int, str]) -> None:
    path = team.planner.cwd / ".thrum/config.json"
    path.write_text(json.dumps({"daemon": {"local_only": True, "sync_interval": 60, "ws_port": written}}))
    value, source = port
    assert team.planner.json("config", "show")["daemon"]["ws_port"] == {"value": value, "source": source}


@pytest.mark.parametrize("by_hand", [False, True])
def test_settings_that_a_clean_took_come_back_with_init_which_says_so(repository: Shell, by_hand: bool) -> None:
    repository.ok("init")
    file = repository.cwd / ".thrum/config.json"
    if by_hand:
        file.write_text('{"local_only": false, "runtime": {"primary": "codex"}, "mine": 1}')
        repository.ok("sync", "force")
    else:
        repository.ok("config", "set", "local_only", "false")
        repository.ok("config", "set", "runtime.primary", "codex")
    before = file.read_bytes()
    git(repository.cwd, "clean", "-fdxq")
    assert not file.exists()
    assert repository.json("config", "show")["daemon"]["local_only"]["value"] is True, "until then nothing leaves"
    assert "brought the settings of .thrum/config.json back: local_only is false" in repository.ok("init")
    assert file.read_bytes() == before
    assert "already" in repository.ok("init")


def test_a_clean_of_a_store_that_keeps_everything_here_brings_that_back(repository: Shell) -> None:
    repository.ok("init")
    git(repository.cwd, "clean", "-fdxq")
    assert "local_only is true" in repository.ok("init")
