"""Refused commands: a clear sentence, a stable code, exit code 1, and nothing stored."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.contract.manifest import requirement

from .conftest import Team, gathered
from .shell import SCRIPT, Shell, git

NOWHERE = "msg_01HXE000000000000000000000"
NAMES = ("../x", "-rf", "a\n", "a" * 65, "١٢٣", "Ärger", "UPPER", "a b", "", ".hidden", "everyone", "system")


def stored(team: Team) -> list[tuple[str, int]]:
    """Every log and how long it is."""
    logs = team.planner.cwd / ".git" / "thrum-sync" / "a-sync" / "v1"
    return sorted((str(path), path.stat().st_size) for path in logs.rglob("*.jsonl"))


@pytest.fixture(scope="module")
def unmoved(tmp_path_factory: pytest.TempPathFactory) -> Team:
    """A team with two groups, one inside of the other; no test here changes it."""
    team = gathered(tmp_path_factory.mktemp("unmoved"))
    for name in ("crew", "inner"):
        team.planner.ok("group", "create", name)
    team.planner.ok("group", "add", "crew", "--group", "inner")
    return team


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("send", "x", "--to", "@bilder"), "unknown_recipient", "@bilder"),
        (("send", "x", "--to", "@builder", "--to", "@nobody"), "unknown_recipient", "nothing was sent"),
        (("send", "x", "--mention", "@nobody"), "unknown_recipient", "@nobody"),
        (("send", "x", "--to", "@planner"), "invalid", "yourself"),
        (("send", ""), "invalid", "empty"),
        (("send", " \n\t "), "invalid", "empty"),
        (("send",), "invalid", "no text"),
        (("send", "x", "--stdin"), "invalid", "more than once"),
        (("send", "x", "--scope", "auth"), "invalid", "'auth' is not a scope"),
        (("send", "x", "--scope", "module:"), "invalid", "is not a scope"),
        (("send", "x", "--ref", ":42"), "invalid", "is not a ref"),
        (("send", "x", "--scope", f"module:{'x' * 257}"), "invalid", "is not a scope"),
        (("send", "x", "--format", "html"), "invalid", "'html' is not a format"),
        (("send", "x", "--structured", "[1]"), "invalid", "not a JSON object"),
        (("send", "x", "--structured", "{"), "invalid", "not a JSON object"),
        (("send", "x", "--structured", "[" * 100_000), "invalid", "not a JSON object"),
        (("send", "x", "--thread", "thr_1"), "invalid", "not a thread id"),
        (("send", "x", "--to", "@a@b@c"), "invalid", "is not an address"),
        (("send", "x\0y"), "invalid", "NUL"),
        (("send", "x", "--scope", "module:a\0b"), "invalid", "NUL"),
        (("send", "x\udce9"), "invalid", "UTF-8"),
        (("send", "x", "--to", "\udce9"), "invalid", "UTF-8"),
        (("reply", NOWHERE, "x"), "unknown_message", NOWHERE),
        (("reply", "msg_1", "x"), "invalid", "not a message id"),
        (("message", "get", NOWHERE), "unknown_message", NOWHERE),
        (("message", "edit", NOWHERE, "x"), "unknown_message", NOWHERE),
        (("message", "delete", NOWHERE, "--force"), "unknown_message", NOWHERE),
        (("message", "read", NOWHERE), "unknown_message", NOWHERE),
        (("message", "read"), "invalid", "nothing to mark"),
        (("sent", "show", NOWHERE), "unknown_message", NOWHERE),
        (("sent", "--to", "@nobody"), "unknown_recipient", "@nobody"),
        (("group", "create", "crew"), "group_exists", "crew"),
        (("group", "create", "builder"), "name_taken", "builder"),
        (("group", "create", "implementer"), "name_taken", "implementer"),
        (("group", "delete", "nothing"), "unknown_group", "nothing"),
        (("group", "info", "nothing"), "unknown_group", "nothing"),
        (("group", "members", "nothing"), "unknown_group", "nothing"),
        (("group", "add", "crew", "@nobody"), "unknown_member", "nobody"),
        (("group", "add", "crew", "--role", "nobody"), "unknown_member", "nobody"),
        (("group", "add", "crew", "--group", "nobody"), "unknown_member", "nobody"),
        (("group", "add", "crew"), "invalid", "no member"),
        (("group", "add", "crew", "@builder", "--role", "lead"), "invalid", "more than one"),
        (("group", "add", "inner", "--group", "crew"), "group_cycle", "crew"),
        (("group", "add", "crew", "--group", "crew"), "group_cycle", "crew"),
        (("group", "remove", "crew", "@builder"), "unknown_member", "builder"),
        (("session", "end", "--reason", "boredom"), "invalid", "boredom"),
        (("session", "end", "--session-id", "ses_1"), "unknown_session", "ses_1"),
        (("inbox", "--page", "0"), "invalid", "page"),
        (("inbox", "--page-size", "101"), "invalid", "101"),
        (("inbox", "--limit", "0"), "invalid", "0"),
        (("inbox", "--scope", "x"), "invalid", "not a scope"),
        (("agent", "register", "--name", "implementer", "--role", "x", "--module", "y"), "name_taken", "implementer"),
        (("agent", "register", "--name", "n", "--role", "builder", "--module", "y"), "name_taken", "builder"),
        (("agent", "register", "--name", "crew", "--role", "x", "--module", "y"), "name_taken", "crew"),
        (("quickstart", "--name", "builder", "--role", "r", "--module", "m"), "worktree_mismatch", "builder"),
        (("completion", "tcsh"), "invalid", "tcsh"),
        (("send", "one", "two"), "usage", "unexpected extra argument"),
        (("send", "x", "--bogus"), "usage", "--bogus"),
        (("send", "x", "--to"), "usage", "--to"),
        (("send", "--body-file", "/nowhere/at/all"), "usage", "/nowhere/at/all"),
        (("inbox", "--page", "many"), "usage", "many"),
        (("snd",), "usage", "did you mean"),
        (("message", "gett", "x"), "usage", "did you mean"),
        (("reply",), "usage", "MSG_ID"),
        *((("group", "create", name), None, "") for name in NAMES),
        *((("agent", "register", "--name", name, "--role", "r", "--module", "m"), None, "") for name in NAMES if name),
        *((("agent", "register", "--name", "n", "--role", name, "--module", "m"), None, "") for name in NAMES if name),
    ],
    ids=str,
)
def test_bad_input_is_refused_and_nothing_is_stored(
    unmoved: Team, words: tuple[str, ...], code: str | None, sentence: str
) -> None:
    team, before = unmoved, stored(unmoved)
    spoken = team.planner.thrum(*words)
    assert (spoken.code, spoken.out) == (1, "")
    assert spoken.err.startswith("Error: ") and "\nTry: " in spoken.err
    assert sentence in spoken.err

    written = team.planner.thrum("--json", *words)
    assert (written.code, set(written.error)) == (1, {"code", "message", "hint"})
    assert code is None or written.error["code"] == code
    assert stored(team) == before


def test_the_nearest_names_are_offered(team: Team) -> None:
    hint = team.planner.thrum("send", "x", "--to", "@bilder", "--json").error["hint"]
    assert "@builder" in hint


@pytest.mark.parametrize("size", [1_000_001, 3_000_000])
@pytest.mark.parametrize("source", ["--stdin", "--body-file"])
def test_content_over_a_million_bytes_is_refused(team: Team, tmp_path: Path, size: int, source: str) -> None:
    before = stored(team)
    file = tmp_path / "big"
    file.write_bytes(b"x" * size)
    words = ("--stdin",) if source == "--stdin" else ("--body-file", str(file))
    refused = team.planner.thrum("send", *words, "--json", stdin=b"x" * size)
    assert (refused.code, refused.error["code"]) == (1, "invalid")
    assert "1,000,000" in refused.error["message"] or "1,000,001" in refused.error["message"]
    assert stored(team) == before


def test_standard_input_without_end_is_refused(team: Team) -> None:
    with Path("/dev/zero").open("rb") as endless:
        done = subprocess.run(
            [SCRIPT, "send", "--stdin"],
            cwd=team.planner.cwd,
            stdin=endless,
            capture_output=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert b"1,000,000 bytes" in done.stderr


def test_what_is_not_utf8_is_refused(team: Team) -> None:
    before = stored(team)
    assert "not valid UTF-8" in team.planner.thrum("send", "--stdin", stdin=b"caf\xe9").err
    answer = team.planner.run("send", b"caf\xe9", "--to", "@builder")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith("Error: the text of argument 2 is not valid UTF-8")
    assert stored(team) == before


@requirement("message:edit", "message:delete")
def test_a_message_of_another_is_not_changed(team: Team) -> None:
    message_id = team.says("Mine")
    before = stored(team)
    for words in (("edit", message_id, "Yours"), ("delete", message_id, "--force")):
        assert team.builder.thrum("message", *words, "--json").error["code"] == "not_author"
    assert team.planner.thrum("message", "delete", message_id, "--json").error["code"] == "needs_confirmation"
    assert stored(team) == before


def test_a_key_for_another_message_is_refused(team: Team) -> None:
    team.says("One", "--idempotency-key", "k")
    refused = team.planner.thrum("send", "Two", "--to", "@builder", "--idempotency-key", "k", "--json")
    assert refused.error["code"] == "key_reused"


EVERYWHERE = (
    ("whoami",), ("send", "x"), ("inbox",), ("sent",), ("agent", "list"), ("session", "start"), ("group", "list"),
    ("message", "read", "--all"), ("quickstart", "--name", "a", "--role", "b", "--module", "c"),
)  # fmt: skip


@pytest.mark.parametrize("words", EVERYWHERE, ids=" ".join)
def test_outside_of_a_repository_each_command_says_so(tmp_path: Path, words: tuple[str, ...]) -> None:
    refused = Shell(tmp_path).thrum(*words, "--json")
    assert (refused.code, refused.error["code"]) == (1, "not_a_repository")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", EVERYWHERE[:-1], ids=" ".join)
def test_before_init_each_command_says_what_to_run(repository: Shell, words: tuple[str, ...]) -> None:
    refused = repository.thrum(*words, "--json")
    assert (refused.code, refused.error["code"]) == (1, "not_initialized")
    assert "thrum init" in refused.error["hint"]
    assert not (repository.cwd / ".thrum").exists()


@pytest.mark.parametrize("words", [("whoami",), ("send", "x"), ("inbox",), ("wait",)], ids=" ".join)
def test_without_an_identity_each_command_says_how_to_get_one(repository: Shell, words: tuple[str, ...]) -> None:
    repository.ok("init")
    refused = repository.thrum(*words, "--json")
    assert (refused.code, refused.error["code"]) == (2 if words == ("wait",) else 1, "no_identity")
    assert "thrum quickstart" in refused.error["hint"]


def test_several_identities_are_never_guessed_at(team: Team) -> None:
    team.planner.having(THRUM_NAME="second").ok("quickstart", "--role", "lead", "--module", "core")
    refused = team.planner.thrum("send", "x", "--json")
    assert refused.error["code"] == "ambiguous_identity"
    assert "planner, second" in refused.error["message"] and "THRUM_NAME" in refused.error["hint"]
    assert team.planner.having(THRUM_NAME="second").json("whoami")["agent_id"] == "second"


def test_a_name_that_nobody_registered_cannot_send(team: Team) -> None:
    refused = team.planner.having(THRUM_NAME="ghost").thrum("send", "x", "--json")
    assert refused.error["code"] == "not_registered"


def test_a_bad_name_in_the_environment_is_refused(team: Team) -> None:
    assert team.planner.having(THRUM_NAME="../x").thrum("inbox", "--json").error["code"] == "invalid"


def test_a_tracked_thrum_directory_is_refused(repository: Shell) -> None:
    folder = repository.cwd / ".thrum"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    git(repository.cwd, "add", "--force", ".thrum")
    assert repository.thrum("init", "--json").error["code"] == "refused"


def test_a_broken_identity_file_is_named(team: Team) -> None:
    file = team.planner.cwd / ".thrum" / "identities" / "planner.json"
    for broken in ("{", "[]", '{"agent": 5}', json.dumps({"agent": {"role": 7}})):
        file.write_text(broken)
        answer = team.planner.thrum("whoami", "--json")
        assert answer.code == 0 or "planner.json" in answer.error["message"]


def test_a_repository_that_does_not_exist_is_named(repository: Shell) -> None:
    refused = repository.thrum("inbox", "--repo", "nowhere", "--json")
    assert (refused.error["code"], "nowhere" in refused.error["message"]) == ("invalid", True)


@pytest.mark.parametrize("words", [("send", "x", "--thread"), ("agent", "list", "--role"), ("wait", "--after")])
def test_an_option_without_its_value_is_named_with_the_line_to_complete(unmoved: Team, words: tuple[str, ...]) -> None:
    answer = unmoved.planner.thrum(*words)
    assert f"Error: {words[-1]} has no value" in answer.err and f"`thrum {' '.join(words)} " in answer.err
    assert answer.code == (2 if "wait" in words else 1)


@pytest.mark.parametrize(
    "words",
    [("agent", "delete", "zed", "--force"), ("session", "list", "--agent", "zed"), ("search", "x", "--from", "zed")],
)
def test_an_unknown_agent_is_named_in_one_form(team: Team, words: tuple[str, ...]) -> None:
    assert team.planner.thrum(*words, "--json").error["message"] == "agent not found: 'zed'"


def test_the_hint_of_a_page_size_names_its_range(team: Team) -> None:
    assert team.planner.thrum("inbox", "--limit", "0", "--json").error["hint"] == "use --page-size 1 to 100"
