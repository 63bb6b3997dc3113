"""Setting up, registering, and who is asking."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.contract.manifest import requirement

from .conftest import Team
from .shell import Shell, git


@requirement("init")
def test_init_sets_a_repository_up_once(repository: Shell) -> None:
    first = repository.json("init")
    assert (first["created"], first["dry_run"]) == (True, False)
    assert ".thrum/" in (repository.cwd / ".gitignore").read_text()
    again = repository.json("init", "--force")
    assert (again["created"], again["steps"], again["store"]) == (False, [], first["store"])


@requirement("init:stealth")
def test_stealth_touches_no_tracked_file(repository: Shell) -> None:
    repository.ok("init", "--stealth")
    assert not (repository.cwd / ".gitignore").exists()
    assert git(repository.cwd, "status", "--porcelain") == ""


@requirement("init:dry-run")
def test_a_dry_run_touches_nothing(repository: Shell) -> None:
    assert "would create" in repository.ok("init", "--dry-run")
    assert not (repository.cwd / ".thrum").exists()
    assert "a-sync" not in git(repository.cwd, "branch", "--all")


@requirement("init:agent")
def test_init_registers_an_agent_and_starts_its_session(repository: Shell) -> None:
    flags = ("--agent-name", "furiosa", "--agent-role", "planner", "--agent-module", "auth")
    assert "would register @furiosa (planner, auth)" in repository.ok("init", *flags, "--dry-run")
    assert not (repository.cwd / ".thrum").exists()
    done = repository.json("init", *flags)
    assert (done["created"], done["runtime"], done["agent"]["register"]["status"]) == (True, None, "registered")
    who = repository.json("whoami")
    assert (who["agent_id"], who["role"], who["module"]) == ("furiosa", "planner", "auth")
    assert who["session_id"] == done["agent"]["session"]["session_id"]


@requirement("init:agent")
def test_init_refuses_an_impossible_name_before_it_changes_anything(repository: Shell) -> None:
    error = repository.thrum("init", "--agent-name", "No Name", "--json").error
    assert error["code"] == "invalid"
    assert not (repository.cwd / ".thrum").exists()


@requirement("quickstart")
def test_quickstart_sets_up_registers_and_starts_a_session(repository: Shell) -> None:
    done = repository.json(
        "quickstart", "--name", "furiosa", "--role", "planner", "--module", "auth", "--display", "Furiosa",
        "--intent", "Design the tokens",
    )  # fmt: skip
    assert done["init"]["created"]
    assert (done["register"]["agent_id"], done["register"]["status"]) == ("furiosa", "registered")
    assert done["intent"]["intent"] == "Design the tokens"
    who = repository.json("whoami")
    assert (who["agent_id"], who["role"], who["module"], who["display"]) == ("furiosa", "planner", "auth", "Furiosa")
    assert (who["session_id"], who["source"]) == (done["session"]["session_id"], "file")
    file = json.loads((repository.cwd / who["identity_file"]).read_text())
    assert (file["agent"]["name"], file["session_id"]) == ("furiosa", who["session_id"])


@requirement("quickstart")
def test_quickstart_alone_starts_the_next_session_of_the_same_agent(team: Team) -> None:
    before = team.builder.json("whoami")
    done = team.builder.json("quickstart")
    assert (done["register"]["agent_id"], done["register"]["status"], done["init"]) == ("builder", "unchanged", None)
    assert done["session"]["session_id"] != before["session_id"]


@requirement("quickstart:no-init")
def test_no_init_leaves_a_repository_as_it_is(repository: Shell) -> None:
    who = ("--name", "a", "--role", "b", "--module", "c")
    assert repository.thrum("quickstart", *who, "--no-init", "--json").error["code"] == "not_initialized"
    assert not (repository.cwd / ".thrum").exists()


@requirement("quickstart:force")
def test_force_takes_a_name_over_from_another_worktree(team: Team) -> None:
    who = ("--name", "planner", "--role", "lead", "--module", "core")
    assert team.builder.thrum("quickstart", *who, "--json").error["code"] == "worktree_mismatch"
    taken = team.builder.json("quickstart", *who, "--force")
    assert taken["register"]["agent_id"] == "planner"
    assert team.planner.thrum("send", "x", "--json").error["code"] == "worktree_mismatch"


@requirement("env:THRUM_NAME", "env:THRUM_ROLE", "env:THRUM_MODULE", "env:THRUM_DISPLAY")
def test_the_environment_beats_the_identity_file_and_flags_beat_it_but_for_the_name(repository: Shell) -> None:
    shell = repository.having(THRUM_NAME="max", THRUM_ROLE="driver", THRUM_MODULE="war-rig", THRUM_DISPLAY="Max")
    answer = shell.thrum("quickstart", "--name", "other", "--role", "guide", "--json")
    assert "THRUM_NAME is 'max' and overrides --name 'other'" in answer.err
    who = shell.json("whoami")
    assert (who["agent_id"], who["role"], who["module"], who["display"]) == ("max", "driver", "war-rig", "Max")
    assert who["source"] == "environment"
    assert repository.json("whoami")["role"] == "guide"
    assert repository.json("--role", "x", "whoami", "--module", "y")["role"] == "x"


@requirement("identity:order")
@pytest.mark.parametrize(
    ("words", "variables", "expected"),
    [
        ((), {}, ("rig", "driver", "war")),
        ((), {"THRUM_ROLE": "guide", "THRUM_MODULE": "map"}, ("guide-map", "guide", "map")),
        (("--role", "scout"), {"THRUM_ROLE": "guide"}, ("scout-war", "scout", "war")),
        (("--module", "sea"), {"THRUM_MODULE": "map"}, ("driver-sea", "driver", "sea")),
        (("--name", "flag", "--role", "scout", "--module", "sea"), {}, ("flag", "scout", "sea")),
        (("--name", "flag", "--role", "scout", "--module", "sea"), {"THRUM_NAME": "max"}, ("max", "scout", "sea")),
        (("--role", "scout"), {"THRUM_NAME": "max", "THRUM_MODULE": "sea"}, ("max", "scout", "sea")),
    ],
)
def test_flags_come_before_variables_and_those_before_the_file_but_a_name_is_the_variables(
    repository: Shell, words: tuple[str, ...], variables: dict[str, str], expected: tuple[str, str, str]
) -> None:
    repository.ok("init")
    repository.ok("agent", "register", "--name", "rig", "--role", "driver", "--module", "war")
    answer = repository.having(**variables).thrum("agent", "register", *words, "--force", "--json")
    assert (answer.code, json.loads(answer.out)["agent_id"]) == (0, expected[0])
    who = repository.having(THRUM_NAME=expected[0]).json("whoami")
    assert (who["agent_id"], who["role"], who["module"]) == expected
    rig = repository.having(THRUM_NAME="rig").json("whoami")
    assert (rig["role"], rig["module"]) == ("driver", "war")


@requirement("agent:register:nameless")
@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("--role", "lead", "--module", "core"), "planner"),
        (("--role", "lead"), "planner"),
        ((), "planner"),
        (("--role", "implementer", "--module", "auth"), "implementer-auth"),
        (("--role", "lead", "--module", "db", "--force", "--re-register"), "lead-db"),
        (("--module", "core"), "planner"),
        (("--role", "lead", "--module", "all"), "lead-all"),
    ],
)
def test_without_a_name_no_agent_gets_another_role(team: Team, words: tuple[str, ...], name: str) -> None:
    before = team.planner.json("agent", "list")["agents"]["agents"]
    done = team.planner.json("agent", "register", *words)
    again = team.planner.having(THRUM_NAME=name).json("agent", "register")
    assert (done["agent_id"], again["status"]) == (name, "unchanged")
    kept = {
        agent["agent_id"]: (agent["role"], agent["module"])
        for agent in team.planner.json("agent", "list")["agents"]["agents"]
    }
    assert [kept[agent["agent_id"]] for agent in before] == [(agent["role"], agent["module"]) for agent in before]


@requirement("agent:register:nameless")
def test_init_with_another_role_registers_another_agent(team: Team) -> None:
    done = team.planner.json("init", "--agent-role", "tester", "--agent-module", "db")
    assert (done["agent"]["register"]["agent_id"], done["agent"]["register"]["others"]) == ("tester-db", ["planner"])
    assert team.planner.having(THRUM_NAME="planner").json("whoami")["role"] == "lead"


@requirement("agent:register:nameless")
def test_the_second_agent_of_a_worktree_learns_how_to_say_who_it_is(team: Team) -> None:
    shown = team.planner.ok("agent", "register", "--role", "tester", "--module", "db")
    assert "also has @planner" in shown and "`export THRUM_NAME=tester-db`" in shown
    assert team.planner.json("agent", "register", "--role", "tester")["agent_id"] == "tester-db"
    assert team.planner.json("agent", "register", "--module", "core")["agent_id"] == "planner"
    assert team.planner.thrum("agent", "register", "--json").error["code"] == "ambiguous_identity"
    team.planner.ok("agent", "register", "--name", "third", "--role", "tester", "--module", "db")
    refused = team.planner.thrum("agent", "register", "--role", "tester", "--module", "db", "--json").error
    assert (refused["code"], "third" in refused["message"]) == ("ambiguous_identity", True)


@requirement("agent:register:force", "agent:register:display")
def test_a_name_of_another_worktree_is_registered_by_force_only(team: Team) -> None:
    who = ("--name", "planner", "--role", "lead", "--module", "core", "--display", "The Planner")
    assert team.builder.thrum("agent", "register", *who, "--json").error["code"] == "worktree_mismatch"
    assert team.builder.json("agent", "register", *who, "--force")["status"] == "updated"
    assert team.builder.having(THRUM_NAME="planner").json("whoami")["display"] == "The Planner"


@requirement("agent:register:re-register")
def test_registering_anew_takes_a_new_role_and_keeps_the_session(team: Team) -> None:
    before = team.builder.json("whoami")
    anew = ("--name", "builder", "--role", "tester", "--module", "db", "--re-register")
    assert team.builder.json("agent", "register", *anew)["status"] == "updated"
    who = team.builder.json("whoami")
    assert (who["role"], who["module"], who["session_id"]) == ("tester", "db", before["session_id"])


@requirement("agent:register")
def test_an_agent_without_a_name_is_named_after_role_and_module(repository: Shell) -> None:
    repository.ok("init")
    assert repository.json("agent", "register", "--role", "tester", "--module", "db")["agent_id"] == "tester-db"
    again = repository.json("agent", "register", "--role", "tester", "--module", "db", "--re-register")
    assert (again["agent_id"], again["status"]) == ("tester-db", "updated")


@requirement("agent:register", "agent:whoami", "agent:list")
def test_registering_starts_no_session(repository: Shell) -> None:
    repository.ok("init")
    repository.ok("agent", "register", "--name", "a1", "--role", "tester", "--module", "db", "--display", "A One")
    who = repository.json("agent", "whoami")
    assert (who["registered"], who["session_id"], who["display"]) == (True, None, "A One")
    assert [agent["agent_id"] for agent in repository.json("agent", "list")["agents"]["agents"]] == ["a1"]


@requirement("agent:list")
def test_agents_are_listed_by_role_and_module(team: Team) -> None:
    assert {agent["agent_id"] for agent in team.planner.json("agent", "list")["agents"]["agents"]} == {
        "planner",
        "builder",
    }
    for narrowed in (("--role", "implementer"), ("--module", "auth")):
        (agent,) = team.planner.json("agent", "list", *narrowed)["agents"]["agents"]
        assert (agent["agent_id"], agent["status"], agent["worktree"]) == ("builder", "active", "feature")


@requirement("session:start", "session:end", "agent:start", "agent:end")
def test_sessions_start_and_end_by_either_name(team: Team) -> None:
    for noun in ("session", "agent"):
        started = team.builder.json(noun, "start")
        assert team.builder.json("whoami")["session_id"] == started["session_id"]
        ended = team.builder.json(noun, "end", "--reason", "crash", "--session-id", started["session_id"])
        assert ended["session_id"] == started["session_id"]
        assert team.builder.json("whoami")["session_id"] is None
    assert team.builder.thrum("session", "end", "--json").error["code"] == "unknown_session"


@requirement("status")
def test_status_shows_the_agent_and_its_session(team: Team) -> None:
    output = team.builder.ok("status")
    assert "@builder" in output and team.builder.json("whoami")["session_id"] in output


@requirement("version")
def test_version_is_told_in_two_ways(repository: Shell) -> None:
    version = repository.json("version")
    assert version["build"] is None or len(version["build"]) == 12
    assert version["version"] in repository.ok("--version") == repository.ok("version")
    assert version["interface"] == "0.6.3" and "interface of thrum 0.6.3" in repository.ok("version")


def _build_of(shell: Shell, installed: Path, modules: str) -> str:
    """The build that an installation of these modules tells."""
    (installed / "RECORD").write_text(f"thrum_store/store.py,sha256={modules},1\nthrum.pyc,,\n")
    return str(shell.run("version", "--json").data["build"])


@requirement("version:urls")
def test_version_tells_the_addresses_that_the_package_was_published_with(repository: Shell, tmp_path: Path) -> None:
    installed = tmp_path / "elsewhere" / "thrum_agents-9.8.7.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text(
        "Metadata-Version: 2.4\nName: thrum-agents\nVersion: 9.8.7\n"
        "Project-URL: Repository, https://example.com/thrum\nProject-URL: Documentation, https://example.com/docs\n"
    )
    shell = repository.having(PYTHONPATH=str(installed.parent))
    version = shell.run("version", "--json").data
    assert (version["version"], version["build"]) == ("9.8.7", None)
    builds = {_build_of(shell, installed, modules) for modules in ("one", "another", "one")}
    assert len(builds) == 2 and {len(build) for build in builds} == {12}
    assert (version["repo_url"], version["website_url"]) == ("https://example.com/thrum", "https://example.com/docs")
    assert shell.run("version").out.splitlines()[1:3] == ["https://example.com/thrum", "https://example.com/docs"]


@requirement("version:urls")
@pytest.mark.parametrize(
    ("url", "repo_url"),
    [
        ("https://me:secret@git.example.com:8443/a/thrum.git", "https://git.example.com:8443/a/thrum"),
        ("https://example.com/thrum/", "https://example.com/thrum"),
        ("ssh://git@example.com/thrum.git", None),
        ("file:///srv/thrum", None),
    ],
)
def test_version_tells_where_it_was_installed_from_and_no_password(
    repository: Shell, tmp_path: Path, url: str, repo_url: str | None
) -> None:
    installed = tmp_path / "elsewhere" / "thrum_agents-9.8.7.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.4\nName: thrum-agents\nVersion: 9.8.7\n")
    noted = {"url": url, "vcs_info": {"vcs": "git", "commit_id": "0123456789abcdef"}}
    (installed / "direct_url.json").write_text(json.dumps(noted))
    version = repository.having(PYTHONPATH=str(installed.parent)).run("version", "--json").data
    assert (version["build"], version["repo_url"]) == ("0123456789ab", repo_url)
    assert version["website_url"] == (f"{repo_url}#readme" if repo_url else None)


@requirement("version:urls")
def test_a_checkout_tells_where_it_was_cloned_from(repository: Shell, tmp_path: Path) -> None:
    checkout, installed = tmp_path / "checkout", tmp_path / "installed" / "thrum_agents-9.8.7.dist-info"
    installed.mkdir(parents=True)
    checkout.mkdir()
    git(checkout, "init", "-q")
    git(checkout, "remote", "add", "origin", "https://example.com/thrum.git")
    (installed / "METADATA").write_text("Metadata-Version: 2.4\nName: thrum-agents\nVersion: 9.8.7\n")
    (installed / "direct_url.json").write_text(json.dumps({"url": checkout.as_uri(), "dir_info": {"editable": True}}))
    version = repository.having(PYTHONPATH=str(installed.parent)).run("version", "--json").data
    assert (version["build"], version["repo_url"]) == (None, "https://example.com/thrum")


@requirement("agent-id")
def test_the_id_of_the_go_program_means_its_one_agent_and_never_a_role(team: Team) -> None:
    team.builder.ok("agent", "register", "--name", "tester-ab12", "--role", "tester", "--module", "db")
    team.builder.ok("agent", "register", "--name", "other", "--role", "tester", "--module", "db")
    for spelled in ("agent:tester:AB12", "@agent:tester:ab12"):
        sent = team.planner.json("send", "for one", "--to", spelled)
        assert [recipient["agent_id"] for recipient in sent["recipients"]] == ["tester-ab12"], sent
        assert team.planner.json("ping", spelled)["agent_id"] == "tester-ab12"
    for nobody in ("agent:tester:ff", "agent:tester", "agent:tester:", "agent::ab12", "agent:", "@agent:implementer"):
        refused = team.planner.thrum("send", "x", "--to", nobody, "--json")
        assert refused.error["code"] in ("unknown_recipient", "invalid"), (nobody, refused)
        assert team.planner.thrum("ping", nobody, "--json").error["code"] in ("not_found", "invalid"), nobody
    deleted = team.planner.json("agent", "delete", "agent:tester:AB12", "--force")
    assert deleted["agent_id"] == "tester-ab12"
    assert team.planner.thrum("agent", "delete", "agent:tester:AB12", "--force", "--json").error["code"] == "not_found"


@pytest.mark.parametrize("module", ["all", "daemon", "everyone", "con"])
def test_any_name_can_be_a_module(repository: Shell, module: str) -> None:
    repository.ok("quickstart", "--name", "furiosa", "--role", "driver", "--module", module)
    assert repository.json("whoami")["module"] == module
    (agent,) = repository.json("agent", "list", "--module", module)["agents"]["agents"]
    assert agent["agent_id"] == "furiosa"
    assert repository.thrum("agent", "register", "--name", "x", "--role", "all", "--module", "m", "--json").code == 1
