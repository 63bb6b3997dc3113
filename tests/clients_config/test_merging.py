"""Configurations that users have already: nothing of theirs is lost, and `uninit` gives back every byte."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.shell import Answer, Shell, git
from thrum_cli.clients import insertion, jsontext, recipes
from thrum_cli.clients.configure import merged
from thrum_cli.clients.launcher import PLAIN
from thrum_cli.clients.presets import PRESETS
from thrum_cli.clients.section import Piece

# The JSON files of each client, and where something of ours goes in them.
JSON_FILES = [
    ("claude", ".mcp.json", ("mcpServers", "thrum")),
    ("claude", ".claude/settings.json", ("hooks", "Stop")),
    ("codex", ".codex/hooks.json", ("hooks", "Stop")),
    ("cursor", ".cursor/mcp.json", ("mcpServers", "thrum")),
    ("cursor", ".cursor/hooks.json", ("hooks", "stop")),
    ("gemini", ".gemini/settings.json", ("mcpServers", "thrum")),
    ("auggie", ".augment/settings.json", ("mcpServers", "thrum")),
    ("amp", ".amp/settings.json", ("amp.mcpServers", "thrum")),
    ("opencode", "opencode.json", ("mcp", "thrum")),
]
each_json_file = pytest.mark.parametrize(("runtime", "path", "ours"), JSON_FILES)
JSONS = {
    "an empty object": "{}",
    "an empty object and a line": "{}\n",
    "an empty object on two lines": "{\n}\n",
    "one line": '{"theme": "dark", "mcpServers": {"other": {"command": "x"}}}',
    "one tight line": '{"theme":"dark","mcp":{"a":{"b":[1,2]}}}\n',
    "two spaces": '{\n  "theme": "dark",\n  "mcpServers": {\n    "other": {\n      "command": "x"\n    }\n  }\n}\n',
    "four spaces": '{\n    "theme": "dark",\n    "hooks": {\n        "Other": []\n    }\n}\n',
    "tabs": '{\n\t"mcpServers": {\n\t\t"other": {"command": "x"}\n\t}\n}\n',
    "odd indentation": '{\n "a": 1,\n      "b": {"c": 2},\n   "mcpServers": {\n         "other": 3 }\n}\n',
    "no line at the end": '{\n  "a": [1, 2, 3]\n}',
    "lines at the end": '{\n  "a": 1\n}\n\n\n',
    "CRLF": '{\r\n  "a": 1,\r\n  "mcpServers": {\r\n    "other": {}\r\n  }\r\n}\r\n',
    "a byte order mark": '\ufeff{\n  "a": 1\n}\n',
    "comments": '// ours\n{\n  // first\n  "a": 1, // one\n  /* two, { } */\n  "mcpServers": {} // none\n}\n// end\n',
    "a comment last": '{\n  "a": 1 // keep me here\n}\n',
    "a trailing comma": '{\n  "a": 1,\n  "mcpServers": {\n    "other": {},\n  },\n}\n',
    "a trailing comma and a comment": '{\n  "a": 1, // one\n}\n',
    "letters of the world": '{\n  "name": "Zoë 漢字 \\u00e9 🧵",\n  "path": "C:\\\\x \\"y\\""\n}\n',
    "big numbers": '{"a": 12345678901234567890, "b": 1e400, "c": -0.10}\n',
    "the same name twice": '{"a": 1, "a": 2}\n',
    "the same object twice": '{"mcpServers": {"one": {}}, "mcpServers": {"two": {}}}\n',
    "nothing": "",
    "a comma first": '{\n  "a": 1\n  , "b": 2\n}\n',
    "deep": '{"a": ' + "[" * 50 + "]" * 50 + "}",
    "hooks of others": '{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "make lint"}]}], "Other": 1}}\n',
}
MARKDOWNS = {
    "text": "# Mine\n\nDo as I say.\n",
    "no line at the end": "# Mine",
    "CRLF": "# Mine\r\n\r\nText.\r\n",
    "empty": "",
    "a byte order mark": "\ufeff# Mine\n",
    "a fence that is open": "```\n# no heading\n",
    "a comment of another program": "<!-- other:begin -->\nx\n<!-- other:end -->\n",
    "lines at the end": "# Mine\n\n\n\n",
    "a heading like ours": "## Working with the other agents (thrum)\n\nMy own words.\n",
    "front matter": "---\ndescription: rules\nglobs: ['*']\n---\n\n# Mine\n",
    "front matter alone": "---\nalwaysApply: true\n---",
    "one line and CRLF": "Mine\r\n",
    "CRLF, no line at the end": "# Mine\r\n\r\nText.",
    "spaces at the end": "# Mine  \n\n   ",
    "tabs": "\t# code\n\t\tmore\n",
    "a comment that is open": "<!-- todo\n# Mine\n",
    "letters of the world": "# Zoë\n\n漢字 🧵\n",
    "imports": "@docs/rules.md\n@~/mine.md\n",
    "a table": "| a | b |\n|---|---|\n| 1 | 2 |\n",
    "a long line": "word " * 5000 + "\n",
    "our words in a fence": "```sh\nthrum init\n# thrum\n```\n",
}
TOMLS = {
    "comments": '# mine\nmodel = "x" # why\n\n[mcp_servers.other] # theirs\ncommand = "y"\nargs = [ "a",\n  "b" ]\n',
    "no line at the end": 'model = "x"',
    "CRLF": '# mine\r\nmodel = "x"\r\n',
    "dotted": 'mcp_servers.other.command = "y"\n',
    "a table of servers": "[mcp_servers]\n",
    "another server with an environment": "[mcp_servers.a]\ncommand = 'x'\n[mcp_servers.a.env]\nK = \"v\"\n",
    "tabs and odd spacing": "[a]\n\tb   =   1\n\n\n[ c ]\n",
    "a text on many lines": 's = """\n[mcp_servers.thrum]\n# thrum:begin\n"""\n',
    "dates and numbers": "a = 1979-05-27T07:32:00Z\nb = 1_000\nc = 0xff\nd = inf\n",
    "quoted names": '["mcp_servers"."my server"]\ncommand = "x"\n',
    "a comment last, no line at the end": "a = 1\n# the end",
    "only comments": "# nothing yet\n",
    "letters of the world": 'name = "Zoë 漢字 🧵"\n',
    "projects": '[projects."/some/where"]\ntrust_level = "trusted"\n',
    "lines at the end": "a = 1\n\n\n",
    "an inline table elsewhere": "x = { y = 1, z = [1, 2] }\n",
    "profiles": "[profiles.a]\nmodel = 'x'\n[profiles.b]\nmodel = 'y'\n",
    "hooks": "[[hooks.Stop]]\nmatcher = 'x'\n",
    "array of tables": "[[things]]\na = 1\n[[things]]\na = 2\n",
    "empty": "",
}
INVALID = [
    "{",
    "{'a': 1}",
    '{"a" 1}',
    '{"a": }',
    '{"a": 1} x',
    '{"mcpServers": [}',
    "nonsense",
    '{"a": "\n"}',
    "[" * 200,
]


def place(shell: Shell, path: str, text: str) -> Path:
    """Write a file of the user's."""
    file = shell.cwd / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode())
    return file


def keeps(before: object, after: object) -> bool:
    """Return whether everything in `before` is still in `after`."""
    theirs, now = jsontext.mapping(before), jsontext.mapping(after)
    listed, others = jsontext.sequence(before), jsontext.sequence(after)
    if theirs or listed:
        kept = all(name in now and keeps(theirs[name], now[name]) for name in theirs)
        return kept and all(any(keeps(value, other) for other in others) for value in listed)
    return type(before) is type(after) and (before == after or before in ({}, []))


def is_spread(before: str, after: str) -> bool:
    """Return whether `after` is `before` with text inserted: no byte of it is gone or moved."""
    rest = iter(after)
    return all(letter in rest for letter in before)


@each_json_file
@pytest.mark.parametrize("case", JSONS)
def test_a_json_file_keeps_all_that_it_held_and_gets_it_back(
    repository: Shell, runtime: str, path: str, ours: tuple[str, ...], case: str
) -> None:
    file = place(repository, path, JSONS[case])
    repository.ok("init", "--runtime", runtime)
    text = file.read_bytes().decode()
    assert jsontext.find(text.removeprefix("\ufeff"), ours) is not None
    assert is_spread(JSONS[case], text)
    before = JSONS[case].removeprefix("\ufeff")
    assert keeps(jsontext.plain_value(before or "{}"), jsontext.plain_value(text.removeprefix("\ufeff")))
    repository.ok("init", "--runtime", runtime)
    assert file.read_bytes().decode() == text
    repository.ok("uninit")
    assert file.read_bytes().decode() == JSONS[case]


@pytest.mark.parametrize("case", MARKDOWNS)
def test_a_text_gets_a_marked_section_at_its_end(repository: Shell, case: str) -> None:
    file = place(repository, "AGENTS.md", MARKDOWNS[case])
    repository.ok("init", "--runtime", "cli-only")
    text = file.read_bytes().decode()
    assert text.startswith(MARKDOWNS[case])
    assert text.count("thrum:begin") == text.count("thrum:end") == 1
    assert "\n" not in text.replace("\r\n", "") or "\r\n" not in MARKDOWNS[case]
    repository.ok("init", "--runtime", "cli-only")
    assert file.read_bytes().decode() == text
    repository.ok("uninit")
    assert file.read_bytes().decode() == MARKDOWNS[case]


@pytest.mark.parametrize("case", TOMLS)
def test_a_toml_file_keeps_its_comments_and_its_order(repository: Shell, case: str) -> None:
    file = place(repository, ".codex/config.toml", TOMLS[case])
    repository.ok("init", "--runtime", "codex")
    text = file.read_bytes().decode()
    assert text.startswith(TOMLS[case])
    assert tomllib.loads(text)["mcp_servers"]["thrum"]["tool_timeout_sec"] == 660
    assert keeps(tomllib.loads(TOMLS[case]), tomllib.loads(text))
    repository.ok("init", "--runtime", "codex")
    assert file.read_bytes().decode() == text
    repository.ok("uninit")
    assert file.read_bytes().decode() == TOMLS[case]


@each_json_file
@pytest.mark.parametrize("text", INVALID)
def test_an_invalid_file_is_left_alone_and_said_so(
    repository: Shell, runtime: str, path: str, ours: tuple[str, ...], text: str
) -> None:
    del ours
    file = place(repository, path, text)
    answer = repository.thrum("init", "--runtime", runtime, "--json")
    assert answer.code == 1
    (refused,) = [file for file in json.loads(answer.out)["runtime_init"]["files"] if file["status"] == "refused"]
    assert refused["path"] == path
    assert "not JSON (line " in refused["reason"]
    assert file.read_bytes().decode() == text
    repository.ok("uninit")
    assert file.read_bytes().decode() == text


def refusal(answer: Answer, path: str) -> str:
    """Why a file was refused."""
    assert answer.code == 1
    (reason,) = [file["reason"] for file in json.loads(answer.out)["runtime_init"]["files"] if file["path"] == path]
    return str(reason)


@pytest.mark.parametrize("text", ["[a", 'a = "', "= 1", "a = 1\na = 2"])
def test_invalid_toml_is_left_alone(repository: Shell, text: str) -> None:
    file = place(repository, ".codex/config.toml", text)
    assert "not TOML" in refusal(repository.thrum("init", "--runtime", "codex", "--json"), ".codex/config.toml")
    assert file.read_text() == text


INLINE = {
    "one server": 'mcp_servers = { other = { command = "y" } }\n',
    "no server": "mcp_servers = {}",
    "a space": "mcp_servers = { }\n",
    "tight": 'mcp_servers={other={command="y"},c.d=2}\nmodel="x"\n',
    "comments": '# mine\nmcp_servers = { other = { command = "y" } } # why\n\n[a] # last\nb = 1\n',
    "CRLF": 'model = "x"\r\nmcp_servers = { other = { command = "y" } } # why\r\n[a]\r\nb = 1\r\n',
    "a list on many lines": "mcp_servers = { other = { args = [\n  1, # one\n  2,\n] } }\n",
    "letters of the world": 'name = "漢字 🧵"\nmcp_servers = { "Zoë" = { command = "y" } }\n',
}


@pytest.mark.parametrize("case", INLINE)
def test_servers_in_an_inline_table_get_ours_among_them(repository: Shell, case: str) -> None:
    file = place(repository, ".codex/config.toml", INLINE[case])
    repository.ok("init", "--runtime", "codex")
    text = file.read_bytes().decode()
    assert is_spread(INLINE[case], text)
    assert tomllib.loads(text)["mcp_servers"]["thrum"]["env"] == {"THRUM_WAIT_MAX": "600"}
    assert keeps(tomllib.loads(INLINE[case]), tomllib.loads(text))
    repository.ok("init", "--runtime", "codex", "--force")
    assert file.read_bytes().decode() == text
    file.write_bytes(text.encode() + b"# mine\n")
    repository.ok("init", "--runtime", "codex")
    assert file.read_bytes().decode() == text + "# mine\n"
    repository.ok("uninit")
    assert tomllib.loads(file.read_bytes().decode()) == tomllib.loads(INLINE[case])


def test_a_server_of_the_same_name_in_an_inline_table_is_the_users(repository: Shell) -> None:
    text = 'mcp_servers = { thrum = { command = "mine" } }\n'
    file = place(repository, ".codex/config.toml", text)
    repository.ok("init", "--runtime", "codex")
    assert file.read_text() == text
    file.write_text(text + "a = 1\n")
    repository.ok("uninit")
    assert file.read_text() == text + "a = 1\n"


@pytest.mark.parametrize("text", ['mcp_servers = "none"\n', '[[mcp_servers]]\nname = "x"\n'])
def test_servers_that_are_no_table_are_left_alone_with_the_lines_to_add(repository: Shell, text: str) -> None:
    file = place(repository, ".codex/config.toml", text)
    reason = refusal(repository.thrum("init", "--runtime", "codex", "--json"), ".codex/config.toml")
    assert "`mcp_servers` is not a table" in reason
    assert "[mcp_servers.thrum]" in reason
    assert file.read_text() == text


def test_bytes_that_are_no_text_are_left_alone(repository: Shell) -> None:
    (repository.cwd / "AGENTS.md").write_bytes(b"\xff\xfe\x00")
    assert "not UTF-8" in refusal(repository.thrum("init", "--runtime", "amp", "--json"), "AGENTS.md")
    assert (repository.cwd / "AGENTS.md").read_bytes() == b"\xff\xfe\x00"


@each_json_file
def test_a_read_only_file_is_left_alone(repository: Shell, runtime: str, path: str, ours: tuple[str, ...]) -> None:
    del ours
    file = place(repository, path, "{}")
    file.chmod(0o444)
    assert "is read-only" in refusal(repository.thrum("init", "--runtime", runtime, "--json"), path)
    assert file.read_text() == "{}"


@each_json_file
def test_a_link_stays_a_link_and_what_it_leads_to_is_changed_once(
    repository: Shell, runtime: str, path: str, ours: tuple[str, ...]
) -> None:
    del ours
    real = place(repository, "settings/real.json", "{}\n")
    real.chmod(0o640)
    link = repository.cwd / path
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(os.path.relpath(real, link.parent))
    repository.ok("init", "--runtime", runtime)
    assert link.is_symlink()
    assert "thrum" in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o640
    repository.ok("uninit")
    assert link.is_symlink()
    assert real.read_text() == "{}\n"


def test_a_link_of_the_users_own_may_lead_out_of_the_repository(repository: Shell, tmp_path: Path) -> None:
    outside = tmp_path / "dotfiles.json"
    outside.write_text("{}")
    (repository.cwd / ".mcp.json").symlink_to(outside)
    repository.ok("init", "--runtime", "claude")
    assert (repository.cwd / ".mcp.json").is_symlink()
    assert json.loads(outside.read_text())["mcpServers"]["thrum"]
    repository.ok("uninit")
    assert (repository.cwd / ".mcp.json").is_symlink()
    assert outside.read_text() == "{}"


@pytest.mark.parametrize("link", [".mcp.json", ".claude"])
def test_a_link_that_came_with_the_repository_leads_nowhere_outside(
    repository: Shell, tmp_path: Path, link: str
) -> None:
    outside = tmp_path / "outside"
    if link == ".claude":
        outside.mkdir()
        (outside / "settings.json").write_text("{}")
    else:
        outside.write_text("{}")
    (repository.cwd / link).symlink_to(outside)
    git(repository.cwd, "add", link)
    path = ".mcp.json" if link == ".mcp.json" else ".claude/settings.json"
    assert "leads out" in refusal(repository.thrum("init", "--runtime", "claude", "--json"), path)
    assert (outside / "settings.json" if link == ".claude" else outside).read_text() == "{}"


def test_claude_md_that_is_a_link_to_agents_md_gets_one_section(repository: Shell) -> None:
    place(repository, "AGENTS.md", "# Mine\n")
    (repository.cwd / "CLAUDE.md").symlink_to("AGENTS.md")
    repository.ok("init", "--runtime", "all")
    assert (repository.cwd / "AGENTS.md").read_text().count("thrum:begin") == 1
    repository.ok("uninit")
    assert (repository.cwd / "CLAUDE.md").read_text() == "# Mine\n"


def test_claude_md_gets_the_section_unless_it_imports_agents_md(repository: Shell) -> None:
    claude = place(repository, "CLAUDE.md", "# Mine\n")
    repository.ok("init", "--runtime", "claude")
    assert "thrum:begin" in claude.read_text()
    assert not (repository.cwd / "AGENTS.md").exists()
    repository.ok("uninit")
    place(repository, "CLAUDE.md", "@AGENTS.md\n")
    repository.ok("init", "--runtime", "claude")
    assert claude.read_text() == "@AGENTS.md\n"
    assert "thrum:begin" in (repository.cwd / "AGENTS.md").read_text()


def test_what_the_user_changed_in_our_part_stays_unless_forced(repository: Shell) -> None:
    repository.ok("init", "--runtime", "claude")
    file = repository.cwd / ".mcp.json"
    file.write_text(file.read_text().replace("660000", "120000"))
    repository.ok("init", "--runtime", "claude")
    assert json.loads(file.read_text())["mcpServers"]["thrum"]["timeout"] == 120_000
    repository.ok("init", "--runtime", "claude", "--force")
    assert json.loads(file.read_text())["mcpServers"]["thrum"]["timeout"] == 660_000


def test_an_older_entry_of_ours_is_replaced_not_doubled(repository: Shell) -> None:
    repository.ok("init", "--runtime", "claude")
    file = repository.cwd / ".claude" / "settings.json"
    older = file.read_text().replace('"timeout": 10', '"timeout": 7')
    file.write_text(older)
    repository.ok("init", "--runtime", "claude", "--force")
    settings = json.loads(file.read_text())
    assert sorted(len(groups) for groups in settings["hooks"].values()) == [1, 1, 1, 1, 1, 1, 2]
    assert '"timeout": 7' not in file.read_text()


@each_json_file
def test_taking_back_keeps_what_the_user_added_since(
    repository: Shell, runtime: str, path: str, ours: tuple[str, ...]
) -> None:
    file = place(repository, path, '{\n  "a": 1 // one\n}\n')
    repository.ok("init", "--runtime", runtime)
    file.write_text(insertion.put(file.read_text(), ("added",), {"by": "me"}))
    repository.ok("uninit")
    text = file.read_text()
    kept = {"version": 1} if path == ".cursor/hooks.json" else {}  # what was added since is nothing without it
    assert jsontext.parse(text).value == {"a": 1, "added": {"by": "me"}} | kept
    assert "// one" in text
    assert jsontext.find(text, ours) is None


def test_files_that_only_we_made_are_gone_with_their_directories(repository: Shell) -> None:
    before = sorted(path.relative_to(repository.cwd) for path in repository.cwd.rglob("*") if ".git" not in path.parts)
    repository.ok("init", "--runtime", "all")
    repository.ok("init", "--runtime", "all")
    repository.ok("uninit")
    after = sorted(path.relative_to(repository.cwd) for path in repository.cwd.rglob("*") if ".git" not in path.parts)
    record = Path(".thrum/configured.json")  # says that the user undid it, so that a quickstart sets nothing up again
    assert [path for path in after if path != record] == before


def test_what_is_put_into_an_object_on_one_line_of_a_longer_file_has_lines_of_its_own(repository: Shell) -> None:
    text = '{\n  "hooks": {"Stop": []},\n  "a": 1\n}\n'
    file = place(repository, ".claude/settings.json", text)
    repository.ok("init", "--runtime", "claude")
    lines = [
        line for line in file.read_text().splitlines() if "exec thrum" not in line
    ]  # the launcher is one long text
    assert max(map(len, lines)) < 150
    file.write_text(file.read_text().replace('"a": 1', '"a": 2'))
    repository.ok("uninit")
    assert file.read_text() == text.replace('"a": 1', '"a": 2')


HOOKS: list[tuple[str, str, tuple[str, ...]]] = [
    *(entry for entry in JSON_FILES if entry[2][0] == "hooks"),
    ("gemini", ".gemini/settings.json", ("hooks", "AfterAgent")),
    ("auggie", ".augment/settings.json", ("hooks", "Stop")),
]


@pytest.mark.parametrize(("runtime", "path", "ours"), HOOKS)
def test_a_hook_that_the_user_put_beside_ours_stays(
    repository: Shell, runtime: str, path: str, ours: tuple[str, ...]
) -> None:
    repository.ok("init", "--runtime", runtime)
    file = repository.cwd / path
    mine = {"type": "command", "command": "make lint"}
    groups = jsontext.value(file.read_text(), ours)
    inside: tuple[str | int, ...] = (*ours, 0, "hooks") if "hooks" in groups[0] else ours
    list_node = jsontext.find(file.read_text(), inside)
    assert list_node is not None
    text = file.read_text()
    file.write_text(f"{text[: list_node.end - 1].rstrip()}, {json.dumps(mine)}]{text[list_node.end :]}")
    repository.ok("init", "--runtime", runtime, "--force")
    assert "make lint" in file.read_text()
    repository.ok("uninit")
    assert "make lint" in file.read_text()
    assert "thrum" not in file.read_text()


@each_json_file
def test_what_was_there_before_us_stays_although_it_looks_like_ours(
    repository: Shell, runtime: str, path: str, ours: tuple[str, ...]
) -> None:
    own: object = {"command": "/opt/my-thrum", "args": ["mcp", "serve"]}
    if ours[0] == "hooks":
        own = [{"hooks": [{"type": "command", "command": "/opt/my-thrum hook stop --mine"}]}]
    file = place(repository, path, insertion.put("{}", ours, own))
    repository.ok("init", "--runtime", runtime)
    file.write_text(insertion.put(file.read_text(), ("added",), 1))
    repository.ok("uninit")
    assert jsontext.value(file.read_text(), ours) == own


@pytest.mark.parametrize(("runtime", "path"), [(entry[0], entry[1]) for entry in JSON_FILES if "/" in entry[1]])
@pytest.mark.parametrize("case", ["a file", "read-only"])
def test_a_directory_that_cannot_hold_our_files_is_left_alone(
    repository: Shell, runtime: str, path: str, case: str
) -> None:
    folder = repository.cwd / path.split("/", maxsplit=1)[0]
    if case == "a file":
        folder.write_text("mine")
    else:
        folder.mkdir()
        folder.chmod(0o555)
    reason = refusal(repository.thrum("init", "--runtime", runtime, "--json"), path)
    assert {"a file": "is not a directory", "read-only": "is read-only"}[case] in reason
    assert folder.read_text() == "mine" if case == "a file" else not list(folder.iterdir())
    repository.ok("uninit")


def pieces_of(format_of: str) -> list[tuple[str, tuple[Piece, ...]]]:
    """Return the pieces of all files of a format, with the names of the files."""
    recipes_of_all = merged([recipes.recipe(name, "/nowhere", PLAIN) for name in PRESETS])
    return [(path, pieces) for path, pieces in recipes_of_all.items() if path.endswith(format_of)]


def put_in(text: str, pieces: tuple[Piece, ...]) -> str:
    """Return the text with all pieces."""
    for piece in pieces:
        text = piece.add(text, mine=False)
    return text


def taken_out(text: str, pieces: tuple[Piece, ...]) -> str:
    """Return the text without the pieces."""
    for piece in reversed(pieces):
        text = piece.remove(text)
    return text


NAMES = st.sampled_from(["mcpServers", "other", "theme", "a b", "é"])  # few, so that objects share names with ours
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
BRANCHES = st.lists(LEAVES, max_size=3) | st.dictionaries(st.text(max_size=5), LEAVES, max_size=3)
VALUES = LEAVES | BRANCHES | st.lists(BRANCHES, max_size=2) | st.dictionaries(st.text(max_size=5), BRANCHES, max_size=2)


@given(
    st.dictionaries(NAMES, st.dictionaries(st.text(max_size=5), VALUES, min_size=1, max_size=3), max_size=4),
    st.sampled_from([None, 1, 2, 4, "\t"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "// mine\n", "/* mine { */ "]),
)
def test_any_json_keeps_every_byte_and_every_value(value: object, indent: Any, eol: str, remark: str) -> None:
    before = (remark + json.dumps(value, indent=indent, ensure_ascii=False)).replace("\n", eol)
    for path, pieces in pieces_of(".json"):
        after = put_in(before, pieces)
        assert is_spread(before, after), path
        assert keeps(value, jsontext.parse(after).value), path
        assert put_in(after, pieces) == after, path
        assert keeps(value, jsontext.parse(taken_out(after, pieces)).value), path


LINES = st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs", "Cc"]), max_size=20))


@given(LINES, st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_any_text_keeps_every_byte_and_loses_our_section_again(lines: list[str], eol: str, ends: bool) -> None:
    before = eol.join(lines) + (eol if ends else "")
    for path, pieces in pieces_of(".md"):
        after = put_in(before, pieces)
        if path.endswith("AGENTS.md"):
            assert after.startswith(before)
            assert put_in(after, pieces) == after
            assert taken_out(after, pieces) in (before, before + "\n", before + "\r\n")


@given(
    st.dictionaries(st.text("abcdef", min_size=1), st.integers(-9, 9) | st.booleans(), max_size=5), LINES, st.booleans()
)
def test_any_toml_keeps_every_byte_and_stays_toml(values: dict[str, int], remarks: list[str], ends: bool) -> None:
    lines = [f"{name} = {json.dumps(value)}" for name, value in values.items()] + [f"# {remark}" for remark in remarks]
    before = "\n".join(lines) + ("\n" if ends else "")
    ((_, pieces),) = pieces_of(".toml")
    after = put_in(before, pieces)
    assert after.startswith(before)
    assert tomllib.loads(after)["mcp_servers"]["thrum"]["args"] == ["mcp", "serve"]
    assert keeps(values, tomllib.loads(after))
    assert taken_out(after, pieces) in (before, before + "\n")


@given(
    st.dictionaries(st.sampled_from(["other", "a-b", "c_d"]), st.integers(-9, 9) | st.booleans(), max_size=3),
    st.sampled_from(["{", "{ "]),
    st.sampled_from([",", ", ", " , "]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", " # mine", "\t# { } #"]),
)
def test_any_inline_table_keeps_every_byte_and_stays_toml(
    values: dict[str, int], opening: str, comma: str, eol: str, remark: str
) -> None:
    servers = (
        opening + comma.join(f"{name} = {json.dumps(value)}" for name, value in values.items()) + opening[1:] + "}"
    )
    before = eol.join([f"mcp_servers = {servers}{remark}", "[projects]", "a = 1", ""])
    ((_, pieces),) = pieces_of(".toml")
    after = put_in(before, pieces)
    assert is_spread(before, after)
    assert tomllib.loads(after)["mcp_servers"]["thrum"]["args"] == ["mcp", "serve"]
    assert keeps(tomllib.loads(before), tomllib.loads(after))
    assert put_in(after, pieces) == after
    assert tomllib.loads(taken_out(after, pieces)) == tomllib.loads(before)
