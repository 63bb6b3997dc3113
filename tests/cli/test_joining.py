"""Joining with what a line gives: roles and modules may be left out, and a value that got lost is named."""

from __future__ import annotations

import pytest

from tests.contract.manifest import requirement

from .shell import Shell


@requirement("quickstart:lost-value")
@pytest.mark.parametrize(
    ("line", "lost", "suggested"),
    [
        ("quickstart --name --role planner --module auth", "--name has no value: --role follows it",
         "thrum quickstart --name NAME --role planner --module auth"),
        ("quickstart --name --role planner", "--name", "thrum quickstart --name NAME --role planner"),
        ("quickstart --role planner --module auth --name", "--name has no value",
         "thrum quickstart --role planner --module auth --name NAME"),
        ("quickstart --name --role=planner --module", "--name",
         "thrum quickstart --name NAME --role=planner --module MODULE"),
        ("quickstart --name --roel planner", "--name", "thrum quickstart --name NAME --roel planner"),
        ("--repo . quickstart --intent --no-init", "--intent", "thrum --repo . quickstart --intent TEXT --no-init"),
        ("--repo --json status", "--repo has no value: --json follows it", "thrum --repo PATH --json status"),
        ("send hello --to --mention @x", "--to has no value: --mention follows it",
         "thrum send hello --to @NAME --mention @x"),
        ("setup ../feature --repo", "--repo has no value", "thrum setup ../feature --repo PATH"),
    ],
)  # fmt: skip
def test_an_option_whose_value_was_lost_is_named_with_the_line_to_paste(
    repository: Shell, line: str, lost: str, suggested: str
) -> None:
    answer = repository.thrum(*line.split(), *([] if "--json" in line else ["--json"]))
    assert (answer.code, answer.error["code"]) == (1, "usage")
    assert lost in answer.error["message"]
    assert answer.error["hint"] == f"`{suggested}{'' if '--json' in line else ' --json'}`"
    assert not (repository.cwd / ".thrum").exists()


@pytest.mark.parametrize("intent", ["--deep", "- one", "-x"])
def test_a_text_may_begin_with_dashes(repository: Shell, intent: str) -> None:
    started = repository.json("quickstart", "--name", "planner", "--intent", intent)
    assert started["intent"]["intent"] == intent
    assert repository.json("quickstart", "--intent=--role")["intent"]["intent"] == "--role"


@requirement("init:agent")
@pytest.mark.parametrize(
    ("line", "name", "role", "module"),
    [
        ("init --agent-name zed", "zed", "", ""),
        ("init --agent-role tester", "tester-1", "tester", ""),
        ("init --agent-module auth --agent-name zed", "zed", "", "auth"),
        ("quickstart --name zed", "zed", "", ""),
        ("quickstart --name zed --module all", "zed", "", "all"),
        ("quickstart --role tester", "tester-1", "tester", ""),
        ("quickstart --module auth", "auth-1", "", "auth"),
    ],
)
def test_a_role_and_a_module_may_be_left_out(repository: Shell, line: str, name: str, role: str, module: str) -> None:
    repository.ok(*line.split())
    own = repository.json("whoami")
    assert (own["agent_id"], own["role"], own["module"], bool(own["session_id"])) == (name, role, module, True)
    assert [agent["agent_id"] for agent in repository.json("agent", "list")["agents"]["agents"]] == [name]
    for shown in ("status", "prime", "team", "overview"):
        text = repository.ok(shown)
        assert f"@{name}" in text and "()" not in text and "@ " not in text
    repository.ok("quickstart")
    assert repository.json("whoami")["role"] == role


def test_registering_needs_at_least_a_name_or_work(repository: Shell) -> None:
    repository.ok("init")
    for line in (("quickstart",), ("agent", "register"), ("quickstart", "--dry-run")):
        answer = repository.thrum(*line, "--json")
        assert answer.error["code"] == "no_identity" and "--name NAME" in answer.error["hint"]
    assert repository.json("agent", "list")["count"] == 0


def test_an_agent_without_a_role_is_reached_by_name_and_by_no_role(repository: Shell) -> None:
    repository.ok("init", "--agent-name", "zed")
    other = repository.at(repository.cwd)
    other.ok("quickstart", "--name", "bob", "--role", "tester", "--force")
    environ = {"THRUM_NAME": "bob"}
    bob = Shell(repository.cwd, environ)
    bob.ok("send", "for you", "--to", "@zed")
    bob.ok("send", "for testers", "--to", "@tester", "--to", "@zed")
    zed = Shell(repository.cwd, {"THRUM_NAME": "zed"})
    assert [m["body"]["content"] for m in zed.json("inbox")["messages"]] == ["for testers", "for you"]
    assert bob.thrum("send", "nobody", "--to", "@").code == 1
