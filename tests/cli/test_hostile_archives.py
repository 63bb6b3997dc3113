"""Archives that anybody may have made: cut, altered, with links and bombs, of other repositories, other keys."""

from __future__ import annotations

import json
import os
import shutil
import stat
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contract.manifest import requirement

from .conftest import Team, created
from .shell import Shell
from .test_backup import everything

Files = dict[str, bytes]


@pytest.fixture
def files(team: Team, tmp_path: Path) -> Files:
    """The files of a backup with the key; the log of builder was lost since, so a restore has something to do."""
    team.says("from planner")
    team.planner.ok("backup", "--with-keys", "--dir", str(tmp_path / "b"))
    shutil.rmtree(team.planner.cwd / ".thrum/context", ignore_errors=True)
    return everything(tmp_path / "b/project/current")


def listed(files: Files) -> Files:
    """The files with a manifest that names them as they are now."""
    fields = json.loads(files["manifest.json"])
    fields["files"] = {
        name: [len(data), sha256(data).hexdigest()] for name, data in files.items() if name != "manifest.json"
    }
    return {**files, "manifest.json": json.dumps(fields).encode()}


def packed(path: Path, files: Files, change: Callable[[zipfile.ZipInfo], None] = lambda _: None) -> Path:
    """A zip file of these files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name)
            change(entry)
            archive.writestr(entry, data)
    return path


def state(shell: Shell) -> Files:
    """Everything that a restore could change, and everything beside the repository."""
    kept = everything(shell.cwd.parent)
    ignored = (".lock", "-wal", "-shm", ".db", "sync.json", "git.config", "heads.json", "evil.zip", "repository.json")
    return {name: data for name, data in kept.items() if not name.endswith(ignored) and "/evil/" not in f"/{name}"}


def refused(shell: Shell, path: Path, *more: str) -> str:
    """Return the message of a restore that must be refused, and changes nothing."""
    before = state(shell)
    answer = shell.thrum("backup", "restore", str(path), "--yes", "--json", *more)
    assert (answer.code, answer.error["code"]) == (1, "archive_refused"), answer
    assert state(shell) == before
    message = str(answer.error["message"])
    assert "\x1b" not in message
    return message


NAMES = [
    "../../oops",
    "v1/../../../oops",
    "/etc/thrum-oops",
    "config/../../oops",
    "config\\..\\oops",
    "config/identities/../../../oops.json",
    "config/identities/evil.json/",
    "config/worktrees/../identities/evil.json",
    "config/worktrees/./identities/evil.json",
    "config/identities/UPPER.json",
    ".git/hooks/post-checkout",
    "v1/aaaaaaaaaaaaaaaaaaaaaaaaaa/evil/../x.jsonl",
    "keys/other.key",
    "local/../../config",
    "config/identities/a\nb.json",
    "\x1b[31mred",
    "config/context/e\u0301vil.md",
]


@requirement("backup:hostile")
@pytest.mark.parametrize("form", ["zip", "folder"])
@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_no_backup_has_refuses_the_archive(
    team: Team, files: Files, tmp_path: Path, name: str, form: str
) -> None:
    evil = listed({**files, name: b"{}"})
    if form == "zip":
        assert "Nothing was changed" in refused(team.planner, packed(tmp_path / "evil.zip", evil))
        return
    folder = tmp_path / "evil"
    for path, data in {**files, "manifest.json": evil["manifest.json"]}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    refused(team.planner, folder)


@requirement("backup:hostile")
@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFDIR, stat.S_IFSOCK])
def test_a_link_or_a_device_in_a_zip_file_refuses_it(team: Team, files: Files, tmp_path: Path, kind: int) -> None:
    def change(entry: zipfile.ZipInfo) -> None:
        if entry.filename == "config/config.json":
            entry.external_attr = (kind | 0o777) << 16

    assert "config/config.json" in refused(team.planner, packed(tmp_path / "evil.zip", files, change))


@requirement("backup:hostile")
@pytest.mark.parametrize("kind", ["link to a file", "link to a folder", "fifo", "broken link"])
def test_a_link_or_a_device_in_a_folder_refuses_it(team: Team, files: Files, tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "evil"
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    victim = folder / "config/config.json"
    outside = tmp_path / "outside"
    outside.write_bytes(victim.read_bytes())
    victim.unlink()
    if kind == "link to a file":
        victim.symlink_to(outside)
    elif kind == "broken link":
        victim.symlink_to(tmp_path / "missing")
    elif kind == "fifo":
        os.mkfifo(victim)
    else:
        (folder / "config").rename(tmp_path / "moved")
        (folder / "config").symlink_to(tmp_path / "moved")
    refused(team.planner, folder)


@requirement("backup:hostile")
def test_what_is_no_archive_at_all_is_refused(team: Team, tmp_path: Path) -> None:
    fifo = tmp_path / "evil.zip"
    os.mkfifo(fifo)
    refused(team.planner, fifo)
    refused(team.planner, Path("/dev/zero"))
    fifo.unlink()
    for content in (b"", b"PK", b"PK\x05\x06" + bytes(18), b"not a zip file at all" * 9):
        fifo.write_bytes(content)
        refused(team.planner, fifo)
    (tmp_path / "evil").mkdir()
    refused(team.planner, tmp_path / "evil")


@requirement("backup:hostile")
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_cut_archive_is_refused(team: Team, files: Files, tmp_path: Path, share: float) -> None:
    path = packed(tmp_path / "evil.zip", files)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    refused(team.planner, path)


@requirement("backup:hostile")
def test_a_folder_of_which_a_file_was_lost_cut_or_changed_is_refused(team: Team, files: Files, tmp_path: Path) -> None:
    folder = tmp_path / "b/project/current"
    for name, data in files.items():
        if name == "manifest.json":
            continue
        for changed in (None, data[:-1], data[:-1] + b"X", data + b"X"):
            if changed is None:
                (folder / name).unlink()
            else:
                (folder / name).write_bytes(changed)
            refused(team.planner, folder)
        (folder / name).write_bytes(data)
    team.planner.ok("backup", "restore", str(folder), "--yes")


@requirement("backup:hostile")
def test_a_bomb_is_refused_before_it_is_unpacked(team: Team, files: Files, tmp_path: Path) -> None:
    fields = json.loads(files["manifest.json"])
    fields["files"]["config/context/bomb.md"] = [1 << 33, "0" * 64]
    evil = {**files, "manifest.json": json.dumps(fields).encode()}
    path = packed(tmp_path / "evil.zip", {**evil, "config/context/bomb.md": b"small"})
    refused(team.planner, path)
    size = 64 << 20
    bomb = bytes(size)
    fields["files"]["config/context/bomb.md"] = [size, sha256(bomb).hexdigest()]
    evil = {**files, "manifest.json": json.dumps(fields).encode(), "config/context/bomb.md": bomb}
    assert "larger than a backup can be" in refused(team.planner, packed(path, evil))
    manifest_bomb = {**files, "manifest.json": b" " * (65 << 20)}
    assert "manifest is too large" in refused(team.planner, packed(path, manifest_bomb))
    many = {f"config/context/a{number}.md": [0, sha256(b"").hexdigest()] for number in range(200_001)}
    fields["files"] = many
    stream = {"manifest.json": json.dumps(fields).encode()}
    refused(team.planner, packed(path, stream))


@requirement("backup:hostile")
def test_a_zip_file_that_lies_about_a_size_is_refused(team: Team, files: Files, tmp_path: Path) -> None:
    path = packed(tmp_path / "evil.zip", files)
    data = bytearray(path.read_bytes())
    place = data.rindex(b"PK\x01\x02")
    data[place + 24 : place + 28] = (5).to_bytes(4, "little")
    path.write_bytes(bytes(data))
    refused(team.planner, path)


@requirement("backup:hostile")
def test_a_name_that_stands_twice_is_refused(team: Team, files: Files, tmp_path: Path) -> None:
    path = packed(tmp_path / "evil.zip", files)
    with pytest.warns(UserWarning), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("config/config.json", b"{}")
    assert "twice" in refused(team.planner, path)


@requirement("backup:hostile")
def test_the_backup_of_another_repository_is_refused(team: Team, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    stranger = created(other)
    (stranger.cwd / "README").write_text("another history", encoding="utf-8")
    from .shell import git

    git(stranger.cwd, "add", "README")
    git(stranger.cwd, "commit", "--quiet", "--amend", "--message", "another beginning")
    stranger.ok("quickstart", "--name", "mallory", "--role", "lead", "--module", "core")
    stranger.ok("backup", "--dir", str(tmp_path / "evil"), "--with-keys")
    path = tmp_path / "evil/project/current"
    assert "another repository" in refused(team.planner, path)
    assert "another repository" in refused(team.planner, path, "--with-keys")


@requirement("backup:hostile")
def test_a_key_that_is_not_the_stores_is_refused(team: Team, files: Files, tmp_path: Path) -> None:
    for key in (b"00" * 32 + b"\n", b"no hex", b"", b"ff" * 31, "ключ".encode()):
        path = packed(tmp_path / "evil.zip", listed({**files, "keys/store.key": key}))
        assert "not the key of its store" in refused(team.planner, path, "--with-keys")
    without = {name: data for name, data in files.items() if name != "keys/store.key"}
    assert "holds no key" in refused(team.planner, packed(path, listed(without)), "--with-keys")


@requirement("backup:hostile")
@pytest.mark.parametrize("part", ["heads", "certificate", "line"])
def test_logs_that_their_store_did_not_sign_do_not_come_in(team: Team, files: Files, tmp_path: Path, part: str) -> None:
    own = json.loads(files["manifest.json"])["store"]
    name = {"heads": f"v1/{own}/heads.json", "certificate": f"v1/{own}/store.json"}.get(
        part, next(name for name in files if "/builder/" in name and name.endswith(".jsonl"))
    )
    forged = files[name].replace(b'"v":1', b'"v":2', 1) if part != "line" else files[name].replace(b"auth", b"evil")
    assert forged != files[name]
    shutil.rmtree(next((team.planner.cwd / ".git/thrum-sync/a-sync/v1").glob("*/builder")))
    shutil.rmtree(next((team.planner.cwd / ".git/thrum-sync/var/segments").glob("*/builder")))
    path = packed(tmp_path / "evil.zip", listed({**files, name: forged}))
    answer = team.planner.thrum("backup", "restore", str(path), "--yes", "--json")
    if part != "line":
        assert answer.error["code"] == "archive_refused"
    assert "evil" not in json.dumps(team.planner.json("agent", "list"))


@requirement("backup:hostile")
def test_an_identity_of_a_backup_is_looked_at_before_it_is_written(team: Team, files: Files, tmp_path: Path) -> None:
    good = json.loads(files["config/identities/planner.json"])
    wrong = {
        "a": b"[]",
        "b": b"{",
        "c": json.dumps({**good, "agent": {**good["agent"], "name": "planner"}}).encode(),
        "everyone": json.dumps({**good, "agent": {**good["agent"], "name": "everyone"}}).encode(),
        "e": json.dumps({**good, "agent": {**good["agent"], "name": "e", "role": "\x1b[31m"}}).encode(),
        "f": b"[" * 100_000,
    }
    evil = {**files, **{f"config/identities/{name}.json": data for name, data in wrong.items()}}
    path = packed(tmp_path / "evil.zip", listed({**evil, "config/config.json": b"[" * 100_000}))
    done = team.planner.json("backup", "restore", str(path), "--yes")
    assert done["files"] == []
    assert [file.name for file in (team.planner.cwd / ".thrum/identities").iterdir()] == ["planner.json"]


def test_a_backup_of_the_go_program_is_named(team: Team, tmp_path: Path) -> None:
    folder = tmp_path / "evil"
    folder.mkdir()
    counts = {"events": 1, "message_files": 1, "local_tables": 3, "config_files": 1}
    fields = {"version": 1, "timestamp": "2026-03-15T12:00:00Z", "thrum_version": "0.6.3", "repo_name": "x"}
    (folder / "manifest.json").write_text(json.dumps({**fields, "counts": counts}), encoding="utf-8")
    assert "the Go program made it" in refused(team.planner, folder)


def test_any_damage_to_an_archive_is_refused_or_harmless(team: Team, files: Files, tmp_path: Path) -> None:
    path = packed(tmp_path / "evil.zip", files)
    whole = path.read_bytes()

    @settings(max_examples=25)
    @given(st.integers(0, len(whole) - 1), st.binary(min_size=1, max_size=8))
    def damaged(place: int, junk: bytes) -> None:
        path.write_bytes(whole[:place] + junk + whole[place + len(junk) :])
        answer = team.planner.thrum("backup", "restore", str(path), "--yes", "--json")
        assert answer.code == 0 or answer.error["code"] == "archive_refused", answer

    damaged()


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["2d", "2026-03-15", "x" * 99]),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=9), inside, max_size=3),
    max_leaves=6,
)


def test_any_manifest_is_refused_or_describes_the_archive(team: Team, files: Files, tmp_path: Path) -> None:
    fields = json.loads(files["manifest.json"])
    path = tmp_path / "evil.zip"

    @settings(max_examples=60)
    @given(st.sampled_from(sorted(fields)), JSON)
    def described(name: str, value: object) -> None:
        packed(path, {**files, "manifest.json": json.dumps({**fields, name: value}).encode()})
        answer = team.planner.thrum("backup", "restore", str(path), "--json")
        assert answer.error["code"] in ("archive_refused", "needs_confirmation"), answer

    described()
