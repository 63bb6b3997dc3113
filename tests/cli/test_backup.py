"""backup, backup status and backup config: what is in a copy, where it lies, and what becomes of the one before."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.manifest import requirement
from tests.users import STRANGER, as_root, run_as

from .conftest import Team
from .shell import SCRIPT, Shell, git

CURRENT = Path(".thrum/backup/project/current")


def manifest(current: Path) -> dict[str, Any]:
    """The list of what a backup holds."""
    fields: dict[str, Any] = json.loads((current / "manifest.json").read_text(encoding="utf-8"))
    return fields


def key(shell: Shell) -> bytes:
    """The private key of a store."""
    return (shell.cwd / ".git/thrum-sync/var/keys/store.key").read_bytes()


def everything(folder: Path) -> dict[str, bytes]:
    """Each file below a folder with its content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@requirement("backup")
def test_a_backup_holds_logs_contexts_identities_and_settings_of_all_worktrees(team: Team) -> None:
    team.says("Ready for review")
    team.builder.ok("context", "save", stdin=b"half done")
    done = team.planner.json("backup")
    files = manifest(team.planner.cwd / CURRENT)["files"]
    assert done["directory"] == str(team.planner.cwd / CURRENT)
    assert {"config/config.json", "config/identities/planner.json"} < files.keys()
    assert {
        "config/worktrees/feature/identities/builder.json",
        "config/worktrees/feature/context/builder.md",
    } < files.keys()
    logs = [name for name in files if name.endswith(".jsonl")]
    assert len(logs) == done["counts"]["message_files"] == 2
    held = b"".join((team.planner.cwd / CURRENT / name).read_bytes() for name in logs)
    assert b"Ready for review" in held and held.count(b"\n") == done["counts"]["events"] + 2
    assert team.planner.ok("backup").startswith(f"Backup complete: {done['directory']}\n")


@requirement("backup")
def test_the_answer_has_the_keys_of_the_manifest(team: Team) -> None:
    done = team.planner.json("backup")
    written = manifest(team.planner.cwd / CURRENT)
    for name in ("version", "timestamp", "thrum_version", "repo_name", "counts"):
        assert done[name] == written[name]
    assert (done["version"], done["repo_name"]) == (1, "project")
    assert done["counts"].keys() == {"events", "message_files", "local_tables", "config_files"}


@requirement("backup:keys")
def test_the_private_key_is_in_a_backup_only_if_it_is_asked_for(team: Team, tmp_path: Path) -> None:
    secret = key(team.planner).strip()
    shown = team.planner.ok("backup", "--dir", str(tmp_path / "plain"))
    assert "Keys:    not in it" in shown
    assert not any(secret in data for data in everything(tmp_path / "plain").values())
    shown = team.planner.ok("backup", "--dir", str(tmp_path / "whole"), "--with-keys")
    assert "the private key of this store is in it" in shown
    assert (tmp_path / "whole/project/current/keys/store.key").read_bytes().strip() == secret
    assert team.planner.json("backup", "status", "--dir", str(tmp_path / "whole"))["with_keys"] is True


@requirement("backup:keys")
def test_nobody_else_can_read_any_file_of_a_backup(team: Team, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        for _ in range(2):
            team.planner.ok("backup", "--dir", str(tmp_path / "b"), "--with-keys")
    finally:
        os.umask(before)
    inside = list((tmp_path / "b").rglob("*"))
    assert any(path.suffix == ".zip" for path in inside)
    assert {stat.S_IMODE(path.stat().st_mode) for path in inside} == {0o600, 0o700}


@requirement("backup:archives")
def test_the_backup_before_becomes_an_archive(team: Team, tmp_path: Path) -> None:
    first = team.planner.json("backup", "--dir", str(tmp_path))
    before = everything(tmp_path / "project/current")
    team.says("after the first one")
    second = team.planner.json("backup", "--dir", str(tmp_path))
    assert (first["archived"], second["counts"]["events"]) == (None, first["counts"]["events"] + 1)
    stem = first["timestamp"][:19].replace(":", "")
    assert second["archived"] == str(tmp_path / "project/archives" / f"{stem}.zip")
    with zipfile.ZipFile(second["archived"]) as packed:
        assert {name: packed.read(name) for name in packed.namelist()} == before
    status = team.planner.json("backup", "status", "--dir", str(tmp_path))
    assert [archive["name"] for archive in status["archives"]] == [f"{stem}.zip"]
    assert status["last_backup"] == second["timestamp"]


@requirement("backup:archives")
@pytest.mark.parametrize(
    ("daily", "weekly", "monthly", "kept"),
    [
        (2, 0, 0, ["2026-03-14", "2026-03-15"]),
        (0, 2, 0, ["2026-03-01", "2026-03-09"]),
        (0, 0, -1, ["2025-12-31", "2026-01-05", "2026-03-01"]),
        (1, 1, 1, ["2026-03-01", "2026-03-09", "2026-03-15"]),
        (-1, 0, 0, ["2025-12-31", "2026-01-05", "2026-01-06", "2026-03-01", "2026-03-09", "2026-03-14", "2026-03-15"]),
    ],
)
def test_old_archives_are_removed_as_the_settings_say(
    team: Team, tmp_path: Path, daily: int, weekly: int, monthly: int, kept: list[str]
) -> None:
    team.planner.ok("backup", "--dir", str(tmp_path))
    folder = tmp_path / "project/archives"
    days = ["2025-12-31", "2026-01-05", "2026-01-06", "2026-03-01", "2026-03-09", "2026-03-14", "2026-03-15"]
    for day in days:
        (folder / f"{day}T120000.zip").write_bytes(b"")
    others = ["pre-restore-2024-01-01T120000.zip", "2024-13-41T120000.zip", "mine.zip", "2024-01-01T120000.tar"]
    for name in others:
        (folder / name).write_bytes(b"")
    for name, count in (("daily", daily), ("weekly", weekly), ("monthly", monthly)):
        team.planner.ok("config", "set", f"backup.retention.{name}", str(count))
    current = folder.parent / "current"
    current.rename(folder.parent / "gone")  # so that no archive of today joins them
    team.planner.ok("backup", "--dir", str(tmp_path))
    left = sorted(path.name for path in folder.iterdir())
    assert left == sorted([*(f"{day}T120000.zip" for day in kept), *others])


@requirement("backup:config")
def test_the_settings_of_backups_are_shown_with_those_that_do_nothing(team: Team) -> None:
    config = team.planner.cwd / ".thrum/config.json"
    theirs: dict[str, object] = {
        "plugins": [{"name": "beads", "command": "touch OOPS", "include": []}],
        "post_backup": "touch OOPS",
    }
    config.write_text(
        json.dumps({"backup": {"dir": "elsewhere", "retention": {"daily": 7}, **theirs}}), encoding="utf-8"
    )
    shown = team.planner.json("backup", "config")
    assert (shown["dir"], shown["schedule"]) == (str(team.planner.cwd / "elsewhere"), "off")
    assert shown["retention"] == {"daily": 7, "weekly": 4, "monthly": -1}
    assert shown["ignored"] == ["backup.plugins", "backup.post_backup"]
    assert "Ignored:           backup.plugins, backup.post_backup" in team.planner.ok("backup", "config")
    assert team.planner.json("backup")["directory"] == str(team.planner.cwd / "elsewhere/project/current")
    assert not list(team.planner.cwd.rglob("OOPS"))
    assert json.loads(config.read_text(encoding="utf-8"))["backup"]["plugins"] == theirs["plugins"]


def test_a_backup_in_a_worktree_is_never_committed(team: Team) -> None:
    team.planner.ok("backup", "--dir", "copies")
    git(team.planner.cwd, "add", "--all")
    assert "copies" not in git(team.planner.cwd, "status", "--porcelain")


def test_a_backup_is_made_from_a_linked_worktree_as_from_the_first_one(team: Team) -> None:
    first = team.planner.json("backup")
    second = team.builder.json("backup")
    assert second["directory"] == first["directory"]
    assert second["counts"] == first["counts"]


@pytest.mark.parametrize("wrong", ["", "notes.txt", "notes.txt/below"])
def test_a_directory_that_cannot_be_one_is_refused(team: Team, wrong: str) -> None:
    (team.planner.cwd / "notes.txt").write_text("mine", encoding="utf-8")
    answer = team.planner.thrum("backup", "--dir", wrong, "--json")
    assert answer.code == 1 and answer.error["code"] in ("invalid", "storage_failed")
    assert (team.planner.cwd / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_two_clones_of_one_name_do_not_replace_each_others_backups(team: Team, tmp_path: Path) -> None:
    team.planner.ok("backup", "--dir", str(tmp_path / "shared"))
    before = everything(tmp_path / "shared")
    other = tmp_path / "other/project"
    other.parent.mkdir()
    git(tmp_path, "clone", "--quiet", str(team.planner.cwd), str(other))
    stranger = team.planner.at(other)
    stranger.ok("init")
    answer = stranger.thrum("backup", "--dir", str(tmp_path / "shared"), "--json")
    assert answer.error["code"] == "conflict"
    assert everything(tmp_path / "shared") == before
    words = answer.error["hint"].split("`")[1].split()
    stranger.ok(*words[1:])


STEPS = ("backup.copied", "rebuild", "backup.checked", "backup.archived", "backup.switched")


@pytest.fixture
def last(team: Team) -> Iterator[Path]:
    """A finished backup, and a message since."""
    team.planner.ok("backup")
    team.says("since then")
    yield team.planner.cwd / CURRENT


@pytest.mark.parametrize("step", [step for step in STEPS if step != "rebuild"])
@pytest.mark.parametrize("action", ["kill", "enospc", "eio"])
def test_an_interrupted_backup_leaves_a_whole_one_and_the_next_run_tidies_up(
    team: Team, last: Path, step: str, action: str
) -> None:
    before = everything(last)
    armed = team.planner.having(THRUM_TESTING="1", THRUM_FAILPOINT=f"{step}:{action}")
    answer = armed.run("backup")
    assert answer.code != 0
    assert "Traceback" not in answer.err
    if step != "backup.switched":
        assert everything(last) == before
    assert team.planner.json("backup", "status")["problem"] == ""
    done = team.planner.json("backup")
    assert done["counts"]["events"] == manifest(last)["counts"]["events"]
    home = last.parent
    assert {path.name for path in home.iterdir()} == {"current", "archives", ".gitignore"}
    names = [path.name for path in (home / "archives").iterdir()]
    with_first = [name for name in names if name.endswith(".zip")]
    assert names == with_first and 1 <= len(names) <= 2


def test_a_backup_that_died_between_two_names_is_whole_again(team: Team, last: Path) -> None:
    before = everything(last)
    last.rename(last.parent / ".old-12345678")  # as where the file system cannot exchange two names
    assert team.planner.json("backup", "status")["last_backup"] is not None
    team.planner.ok("backup")
    with zipfile.ZipFile(next((last.parent / "archives").iterdir())) as packed:
        assert {name: packed.read(name) for name in packed.namelist()} == before


def test_a_full_disk_leaves_the_last_backup_as_it_was(team: Team, tmp_path: Path) -> None:
    team.says("x" * 60_000)
    team.planner.ok("backup", "--dir", str(tmp_path / "b"))
    before = everything(tmp_path / "b/project/current")
    line = f'ulimit -f 20; trap "" XFSZ; "{SCRIPT}" backup --dir {tmp_path / "b"} --json'
    done = subprocess.run(
        ["bash", "-c", line], cwd=team.planner.cwd, env=team.planner.environ(), capture_output=True, check=False
    )
    assert json.loads(done.stdout)["error"]["code"] in ("file_limit", "disk_full")
    assert everything(tmp_path / "b/project/current") == before
    assert {path.name for path in (tmp_path / "b/project").iterdir()} == {"current", "archives", ".gitignore"}


@pytest.mark.parametrize("view", [True, False], ids=["with its view", "without its view"])
@pytest.mark.parametrize("harm", ["rot", "cut", "hole"])
def test_a_damaged_log_is_copied_as_it_is_and_named(team: Team, harm: str, view: bool) -> None:
    for number in range(3):
        team.says(f"message {number}")
    log = next((team.planner.cwd / ".git/thrum-sync/a-sync/v1").glob("*/planner/*.jsonl"))
    data = log.read_bytes()
    harmed = {
        "rot": data.replace(b"message 1", b"mess\x00ge 1"),
        "cut": data[: data.index(b"message 1")],
        "hole": data.replace(data.split(b"\n")[3] + b"\n", b""),
    }[harm]
    log.write_bytes(harmed)  # the second copy is the same file
    for file in () if view else (team.planner.cwd / ".git/thrum-sync/var").glob("p-v*.db*"):
        file.unlink()
    done = team.planner.json("backup")
    known = view or harm != "cut"  # without a view, a line that breaks off is one that was never confirmed
    assert any("'planner' is damaged" in warning for warning in done["warnings"]) is known
    copied = next((team.planner.cwd / CURRENT / "v1").glob("*/planner/*.jsonl"))
    assert harmed.startswith(copied.read_bytes()) and copied.read_bytes().count(b"message") >= 1


@pytest.mark.parametrize("form", ["cut", "changed", "of the Go program"])
def test_a_last_backup_that_cannot_be_restored_is_kept_aside(team: Team, last: Path, form: str) -> None:
    listing = last / "manifest.json"
    fields = json.loads(listing.read_text(encoding="utf-8"))
    if form == "of the Go program":
        kept = {name: fields[name] for name in ("version", "timestamp", "thrum_version", "repo_name", "counts")}
        listing.write_text(json.dumps(kept), encoding="utf-8")
    else:
        settings = last / "config/config.json"
        settings.write_bytes(settings.read_bytes()[:-1] + (b"" if form == "cut" else b"x"))
    before = everything(last)
    done = team.planner.json("backup")
    assert any("is kept in" in warning for warning in done["warnings"])
    (aside,) = last.parent.glob("aside-*")
    assert everything(aside) == before
    assert team.planner.json("backup", "status")["problem"] == ""


def test_a_folder_of_the_users_is_left_alone(team: Team, tmp_path: Path) -> None:
    mine = tmp_path / "b/project/current/notes.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine", encoding="utf-8")
    answer = team.planner.thrum("backup", "--dir", str(tmp_path / "b"), "--json")
    assert answer.error["code"] == "invalid"
    assert mine.read_text(encoding="utf-8") == "mine"


def test_what_cannot_be_in_a_backup_is_named_and_the_rest_is_saved(team: Team) -> None:
    context = team.planner.cwd / ".thrum/context"
    context.mkdir(exist_ok=True)
    (context / "planner.md").write_text("notes", encoding="utf-8")
    (context / "huge.md").write_bytes(b"x" * (9 << 20))
    (context / "link.md").symlink_to("/etc/passwd")
    (context / "folder.md").mkdir()
    os.mkfifo(context / "fifo.md")
    (context / "Draft of mine.md").write_text("?", encoding="utf-8")
    os.close(os.open(os.fsencode(context) + b"/\xff.md", os.O_CREAT | os.O_WRONLY))
    done = team.planner.json("backup")
    assert len(done["warnings"]) == 6, done["warnings"]
    files = manifest(team.planner.cwd / CURRENT)["files"]
    assert [name for name in files if name.startswith("config/context/")] == ["config/context/planner.md"]


def test_a_repository_whose_name_is_not_utf_8_is_saved_and_restored(team: Team) -> None:
    odd = os.fsencode(team.planner.cwd.parent) + b"/caf\xe9"
    git(team.planner.cwd, "worktree", "remove", "--force", str(team.builder.cwd))
    team.planner.cwd.rename(os.fsdecode(odd))
    shell = Shell(Path(os.fsdecode(odd)))
    shell.ok("init")
    assert shell.run("backup").code == 0
    shutil.rmtree(shell.cwd / ".thrum/identities")
    answer = shell.run("backup", "restore", "--yes")
    assert (answer.code, answer.err) == (0, ""), answer
    assert shell.run("whoami").code == 0


def test_without_its_key_a_store_is_saved_all_the_same(team: Team) -> None:
    (team.planner.cwd / ".git/thrum-sync/var/keys/store.key").unlink()
    answer = team.planner.thrum("backup", "--with-keys", "--json")
    assert answer.error["code"] == "not_found" and "`thrum backup`" in answer.error["hint"]
    assert any("the key of this store cannot be used" in warning for warning in team.planner.json("backup")["warnings"])


@as_root
def test_another_users_backups_are_neither_read_nor_replaced(team: Team, tmp_path: Path) -> None:
    root = tmp_path / "theirs"
    git(tmp_path, "init", "--quiet", str(root))
    for path in (tmp_path, *tmp_path.parents):
        if path.stat().st_uid == os.getuid() and str(path).startswith("/tmp/"):
            path.chmod(0o755)
    team.planner.ok("backup", "--dir", str(tmp_path / "b"))
    (tmp_path / "b").chmod(0o777)
    before = everything(tmp_path / "b")
    for directory in (root, *root.rglob("*")):
        os.chown(directory, STRANGER, STRANGER)
    home = {"HOME": str(root), "GIT_CONFIG_NOSYSTEM": "1"}
    assert run_as(STRANGER, root, "thrum", "init", environ=home).returncode == 0
    (tmp_path / "b/project").rename(tmp_path / "b/theirs")
    refused = run_as(STRANGER, root, "thrum", "backup", "--dir", str(tmp_path / "b"), "--json", environ=home)
    assert json.loads(refused.stdout)["error"]["code"] == "refused", refused
    refused = run_as(
        STRANGER,
        root,
        "thrum",
        "backup",
        "restore",
        str(tmp_path / "b/theirs/current"),
        "--yes",
        "--json",
        environ=home,
    )
    assert "error" in json.loads(refused.stdout) and "Traceback" not in refused.stderr
    (tmp_path / "b/theirs").rename(tmp_path / "b/project")
    assert everything(tmp_path / "b") == before
