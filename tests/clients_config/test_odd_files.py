"""Files that are easy to harm: each is set up right, or left alone by name, and nothing of the user's is lost."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import SCRIPT, Shell, git
from thrum_cli.clients import jsontext
from thrum_cli.clients.configure import Configure, configure
from thrum_store.machine.host import REAL, Storage
from thrum_store.repository import paths

from .test_merging import place, refusal

BEGIN, END = "<!-- thrum:begin -->", "<!-- thrum:end -->"
SECTION = f"{BEGIN}\nold\n{END}\n"

COMMENTED_OUT = {  # the client, its file, and what stands in it
    "in an empty object": (
        "claude", ".mcp.json",
        '{\n  "mcpServers": {\n    // "thrum": { "command": "thrum" }\n  }\n}\n',
    ),
    "in an empty array": ("claude", ".claude/settings.json", '{"permissions": {"allow": [ /* "mcp__thrum" */ ]}}\n'),
    "in an empty file": ("cursor", ".cursor/mcp.json", '// { "mcpServers": { "thrum": {} } }\n'),
    "behind a value": (
        "gemini", ".gemini/settings.json",
        '{\n  "mcpServers": {\n    "a": {} // , "thrum": {}\n  }\n}\n',
    ),
    "a table": ("codex", ".codex/config.toml", '# [mcp_servers.thrum]\n# command = "thrum"\n'),
    "in a table": ("codex", ".codex/config.toml", '[mcp_servers]\n# thrum = { command = "thrum" }\n'),
}  # fmt: skip


@pytest.mark.parametrize("case", COMMENTED_OUT)
def test_what_was_commented_out_stays_and_counts_as_not_set_up(repository: Shell, case: str) -> None:
    runtime, path, text = COMMENTED_OUT[case]
    file = place(repository, path, text)
    assert path in repository.thrum("doctor", "runtimes", runtime).out
    repository.ok("init", "--runtime", runtime)
    (comment,) = re.findall(r"// .*thrum.*|/\* .*thrum.*\*/|# \[?.*thrum.*", text)[:1]
    assert comment in file.read_text()
    repository.ok("doctor", "runtimes", runtime)
    repository.ok("uninit")
    assert file.read_text() == text


def test_a_section_of_which_the_user_commented_lines_out_keeps_them(repository: Shell) -> None:
    file = place(repository, ".codex/config.toml", "")
    repository.ok("init", "--runtime", "codex")
    off = [line if line.startswith("#") else f"# {line}" for line in file.read_text().splitlines()]
    file.write_text("\n".join(off) + "\n")
    assert repository.thrum("doctor", "runtimes", "codex").code == 1
    repository.ok("init", "--runtime", "codex")
    again = file.read_text()
    assert tomllib.loads(again)["mcp_servers"]["thrum"]["args"][-2:] == ["mcp", "serve"]
    assert "# [mcp_servers.thrum]" in again
    repository.ok("init", "--runtime", "codex")
    assert file.read_text() == again
    file.write_text(f"{again}# mine\n")
    repository.ok("uninit")
    assert tomllib.loads(file.read_text()) == {}
    assert "# [mcp_servers.thrum]" in file.read_text()


LEFT_ALONE: dict[str, tuple[str, str, bytes, str]] = {
    "null": ("claude", ".mcp.json", b"null\n", "the whole file is null and must be an object"),
    "an array": ("claude", ".mcp.json", b"[]\n", "the whole file is an array and must be an object"),
    "no servers": ("claude", ".mcp.json", b'{"mcpServers": null}', "`mcpServers` is null and must be an object"),
    "a number": ("cursor", ".cursor/hooks.json", b'{"hooks": 3}', "`hooks` is a number and must be an object"),
    "an object": ("claude", ".claude/settings.json", b'{"hooks": {"Stop": {}}}', "is an object and must be an array"),
    "a text": ("opencode", "opencode.json", b'{"plugin": "x"}', "`plugin` is a text and must be an array"),
    "UTF-16": ("claude", ".mcp.json", '\ufeff{"a": 1}'.encode("utf-16-le"), "not UTF-8 but UTF-16"),
    "UTF-16 BE": ("codex", ".codex/config.toml", "\ufeffa = 1\n".encode("utf-16-be"), "not UTF-8 but UTF-16"),
    "UTF-32": ("cli-only", "AGENTS.md", "\ufeff# Mine\n".encode("utf-32-le"), "not UTF-8 but UTF-32"),
    "UTF-16 without a mark": ("cli-only", "AGENTS.md", "# Mine\n".encode("utf-16-le"), "NUL bytes"),
    "Latin-1": ("cli-only", "AGENTS.md", b"# Mine\nna\xefve\n", "not UTF-8 (line 2)"),
    "a mark in the middle": ("claude", ".mcp.json", '{"a": \ufeff1}'.encode(), "not JSON (line 1"),
    "a comment that ends at a carriage return": ("claude", ".mcp.json", b'{ // a\r "b": 1\n}', "a comment that ends"),
    "a comment that never ends": ("claude", ".mcp.json", b'{"a": 1} /* x', "a comment that ends"),
    "two commas": ("claude", ".mcp.json", b'{"a": 1,,}', "not JSON (line 1"),
    "deep": ("claude", ".mcp.json", b'{"a": ' + b"[" * 101 + b"]" * 101 + b"}", "less nesting"),
    "huge": ("cli-only", "AGENTS.md", b"x\n" * (3 << 20), "larger than 4 MiB"),
    "an open section": ("cli-only", "AGENTS.md", f"# Mine\n{BEGIN}\nold\n".encode(), "line 2 begins a section"),
    "it is first": ("cli-only", "AGENTS.md", f"{BEGIN}\nold\n\n{SECTION}".encode(), "line 1 begins a section"),
    "an open section of TOML": ("codex", ".codex/config.toml", b"a = 1\n# thrum:begin\n", "line 2 begins a section"),
    "a table twice": ("codex", ".codex/config.toml", b"[mcp_servers]\n[a]\n[mcp_servers]\n", "not TOML"),
    "conflict marks": ("codex", ".codex/config.toml", b"<<<<<<< HEAD\na = 1\n=======\n>>>>>>> b\n", "not TOML"),
}  # fmt: skip


@pytest.mark.parametrize("case", LEFT_ALONE)
def test_a_file_that_cannot_be_changed_is_named_and_stays(repository: Shell, case: str) -> None:
    runtime, path, data, reason = LEFT_ALONE[case]
    file = repository.cwd / path
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(data)
    assert reason in refusal(repository.thrum("init", "--runtime", runtime, "--json"), path)
    assert file.read_bytes() == data
    repository.ok("uninit")
    assert file.read_bytes() == data


BLANK = {"a newline": "\n", "spaces": "  \n\n", "CRLF": "\r\n", "a comment": "// nothing yet", "a mark": "\ufeff"}


@pytest.mark.parametrize("case", BLANK)
def test_a_file_without_a_value_gets_one_and_is_blank_again(repository: Shell, case: str) -> None:
    file = place(repository, ".mcp.json", BLANK[case])
    repository.ok("init", "--runtime", "claude")
    text = file.read_bytes().decode()
    assert text.startswith(BLANK[case])
    assert jsontext.plain_value(text.removeprefix("\ufeff"))["mcpServers"]["thrum"]
    repository.ok("uninit")
    assert file.read_bytes().decode() == BLANK[case]


DOUBLED = {
    "after a merge": f"{SECTION}\nmine\n\n{SECTION}",
    "side by side": f"# Mine\n\n{SECTION}{SECTION}mine\n",
    "three": f"{SECTION}\nmine\n{SECTION}\n{SECTION}",
    "CRLF": f"{SECTION}\nmine\n\n{SECTION}".replace("\n", "\r\n"),
}


@pytest.mark.parametrize("case", DOUBLED)
def test_doubled_sections_become_one_and_what_is_between_stays(repository: Shell, case: str) -> None:
    file = place(repository, "AGENTS.md", DOUBLED[case])
    repository.ok("init", "--runtime", "cli-only")
    text = file.read_bytes().decode()
    assert (text.count(BEGIN), text.count(END)) == (1, 1)
    assert "old" not in text
    assert "mine" in text
    repository.ok("uninit")
    assert file.read_bytes().decode() == DOUBLED[case]


def test_doubled_tables_become_one(repository: Shell) -> None:
    file = place(repository, ".codex/config.toml", "")
    repository.ok("init", "--runtime", "codex")
    section = file.read_text()
    file.write_text(f"{section}\n# mine\n\n{section}")
    repository.ok("init", "--runtime", "codex")
    assert tomllib.loads(file.read_text())["mcp_servers"].keys() == {"thrum"}
    assert "# mine\n" in file.read_text()
    repository.ok("uninit")
    assert file.read_text().strip() == "# mine"


EXAMPLES = {
    "a fence": f"# How it works\n\n```html\n{SECTION}```\n\nmine\n",
    "tildes": f"~~~~\n```\n{SECTION}```\n~~~~\n",
    "an indented block": "    " + SECTION.replace("\n", "\n    ") + "\n",
    "a block indented by a tab": "\t" + SECTION.replace("\n", "\n\t") + "\n",
    "a block indented by spaces and a tab": "  \t" + SECTION.replace("\n", "\n  \t") + "\n",
    "a sentence": f"thrum writes between `{BEGIN}` and `{END}`.\n",
    "a quote": f"> {BEGIN}\n> old\n> {END}\n",
}


@pytest.mark.parametrize("case", EXAMPLES)
def test_marks_that_are_an_example_stay_as_they_are(repository: Shell, case: str) -> None:
    file = place(repository, "AGENTS.md", EXAMPLES[case])
    repository.ok("init", "--runtime", "cli-only")
    text = file.read_text()
    assert text.startswith(EXAMPLES[case])
    repository.ok("init", "--runtime", "cli-only")
    assert file.read_text() == text
    file.write_text(f"{text}more\n")
    repository.ok("uninit")
    assert file.read_text().startswith(EXAMPLES[case])
    assert "more" in file.read_text()


@pytest.mark.parametrize("value", ["nan", "-nan", "inf", "1e400", "[nan, { x = nan }]"])
def test_a_float_that_equals_nothing_stays(repository: Shell, value: str) -> None:
    text = f"a = {value}\n[b]\nc = {value}\n"
    file = place(repository, ".codex/config.toml", text)
    repository.ok("init", "--runtime", "codex")
    assert file.read_text().startswith(text) and "mcp_servers" in tomllib.loads(file.read_text())
    file.write_text(f"d = {value}\n{file.read_text()}")
    repository.ok("uninit")
    assert file.read_text().strip() == f"d = {value}\n{text}".strip()


def test_lines_behind_the_table_would_belong_to_it_and_are_not_taken_along(repository: Shell) -> None:
    file = place(repository, ".codex/config.toml", "[profiles.a]\nx = 1\n")
    repository.ok("init", "--runtime", "codex")
    file.write_text(f'{file.read_text()}model = "x"\n')
    before = file.read_text()
    answer = repository.thrum("uninit", "--json")
    (left,) = [entry for entry in json.loads(answer.out)["files"] if entry["path"] == ".codex/config.toml"]
    assert left["status"] == "refused"
    assert "above `# thrum:begin`" in left["reason"]
    assert file.read_text() == before
    assert "above `# thrum:begin`" in refusal(
        repository.thrum("init", "--runtime", "codex", "--json"), ".codex/config.toml"
    )
    assert file.read_text() == before


@pytest.mark.parametrize("links", [{"AGENTS.md": "CLAUDE.md", "CLAUDE.md": "AGENTS.md"}, {"AGENTS.md": "AGENTS.md"}])
def test_a_link_in_a_circle_is_named_and_the_other_files_are_written(repository: Shell, links: dict[str, str]) -> None:
    for name, target in links.items():
        (repository.cwd / name).symlink_to(target)
    answer = repository.thrum("init", "--runtime", "claude", "--json")
    assert "leads back to itself" in refusal(answer, "AGENTS.md")
    assert (repository.cwd / ".mcp.json").exists()
    assert all((repository.cwd / name).is_symlink() for name in links)


def test_a_directory_that_is_a_link_in_a_circle_is_named(repository: Shell) -> None:
    (repository.cwd / ".codex").symlink_to(".codex")
    answer = repository.thrum("init", "--runtime", "codex", "--json")
    assert "leads back to itself" in refusal(answer, ".codex/config.toml")


@pytest.mark.parametrize("case", ["by git", "by a copy", "changed since"])
def test_a_link_that_was_written_as_a_text_is_left_alone(repository: Shell, case: str) -> None:
    place(repository, "AGENTS.md", "# Mine\n")
    link = repository.cwd / "CLAUDE.md"
    link.symlink_to("AGENTS.md")
    if case != "by a copy":
        git(repository.cwd, "add", "AGENTS.md", "CLAUDE.md")
        git(repository.cwd, "config", "core.symlinks", "false")
    link.unlink()
    link.write_text("AGENTS.md" if case != "changed since" else "AGENTS.md\nmore\n")
    text = link.read_text()
    answer = repository.thrum("init", "--runtime", "claude", "--json")
    assert "CLAUDE.md is a link that was written as a text" in refusal(answer, "CLAUDE.md")
    assert link.read_text() == text
    assert (repository.cwd / "AGENTS.md").read_text() == "# Mine\n"


def test_a_link_to_a_file_that_is_missing_makes_that_file(repository: Shell) -> None:
    link = repository.cwd / "AGENTS.md"
    link.symlink_to("docs/agents.md")
    repository.ok("init", "--runtime", "cli-only")
    assert link.is_symlink()
    assert BEGIN in (repository.cwd / "docs" / "agents.md").read_text()
    repository.ok("uninit")
    assert link.is_symlink()
    assert not (repository.cwd / "docs").exists()


def test_a_server_that_the_user_named_thrum_stays_however_often_init_runs(repository: Shell) -> None:
    file = place(repository, ".gemini/settings.json", '{"mcpServers": {"thrum": {"command": "mine"}}}\n')
    for _ in range(3):
        repository.ok("init", "--runtime", "gemini")
    settings = json.loads(file.read_text())
    assert settings["mcpServers"] == {"thrum": {"command": "mine"}}
    assert "AfterAgent" in settings["hooks"]


def test_a_file_keeps_its_mode_its_attributes_and_its_other_names(repository: Shell) -> None:
    file = place(repository, ".mcp.json", "{}\n")
    file.chmod(0o604)
    try:
        os.setxattr(file, "user.mine", b"1")
    except OSError:
        pytest.skip("this file system keeps no extended attributes")
    twin = place(repository, "AGENTS.md", "# Mine\n")
    os.link(twin, repository.cwd / "twin.md")
    repository.ok("init", "--runtime", "claude")
    assert file.stat().st_mode & 0o777 == 0o604
    assert os.getxattr(file, "user.mine") == b"1"
    assert BEGIN in (repository.cwd / "twin.md").read_text()
    assert not list(repository.cwd.glob("*.thrum-*"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file of another user")
def test_root_leaves_the_files_of_another_user_to_that_user(repository: Shell) -> None:
    file = place(repository, ".mcp.json", "{}\n")
    (repository.cwd / ".claude").mkdir()
    for entry in (repository.cwd / ".claude", file):
        os.chown(entry, 12345, 12345)
    repository.ok("init", "--runtime", "claude")
    for name in (".mcp.json", ".claude/settings.json", ".claude/agents", ".claude/agents/thrum-agent.md"):
        assert (repository.cwd / name).stat().st_uid == 12345, name


def test_a_file_that_is_mounted_at_its_place_is_written_in_place(repository: Shell, tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    if os.geteuid() != 0 or unshare is None:
        pytest.skip("needs root and unshare, to mount a file")
    file = place(repository, ".mcp.json", "{}\n")
    outside = tmp_path / "outside.json"
    outside.write_text('{"a": 1}\n')
    script = f'mount --bind {outside} {file} || exit 77; shift; exec "$@"'
    thrum = [SCRIPT, "init", "--runtime", "claude"]
    done = subprocess.run([unshare, "-m", "sh", "-c", script, "sh", "x", *thrum], cwd=repository.cwd, check=False)
    if done.returncode == 77:
        pytest.skip("this machine allows no mount")
    assert done.returncode == 0
    assert json.loads(outside.read_text())["mcpServers"]["thrum"]
    assert file.read_text() == "{}\n"


class _Interfering(Storage):
    """A storage that changes a file of the user's as soon as thrum notes what it is about to write."""

    file: Path

    def replace(self, *arguments: Any, **named: Any) -> None:
        super().replace(*arguments, **named)
        self.file.write_text('{"mine": 1}\n')


def test_a_file_that_changes_while_init_runs_is_not_overwritten(repository: Shell) -> None:
    file = place(repository, ".mcp.json", "{}\n")
    storage = _Interfering()
    storage.file = file
    host = REAL._replace(storage=storage)
    changes = configure(paths.find(str(repository.cwd)), Configure("claude"), host).files
    (change,) = [change for change in changes if change.path == ".mcp.json"]
    assert change.status == "refused"
    assert "was changed in the meantime" in change.reason
    assert file.read_text() == '{"mine": 1}\n'
