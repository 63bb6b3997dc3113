"""Git as the user set it up: what configures it counts, what points elsewhere does not, and a refusal is a sentence."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shell import SCRIPT
from tests.users import SOMEBODY, STRANGER, as_root, run_as
from thrum_store.repository.git_runner import GitFailed, GitRunner


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory that every user may enter, with a repository and a store, and no variable of git's or ours."""
    for name in [name for name in os.environ if name.startswith(("GIT_", "THRUM_"))]:
        monkeypatch.delenv(name)
    with tempfile.TemporaryDirectory() as made:
        os.chmod(made, 0o755)
        root = Path(made)
        (root / "home").mkdir()
        monkeypatch.setenv("HOME", str(root / "home"))
        monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
        subprocess.run(["git", "init", "-q", "-b", "main", str(root / "repo")], check=True)
        thrum(root, "init")
        for name in ("bob", "alice"):
            thrum(root, "quickstart", "--name", name, "--role", "r", "--module", "m")
        monkeypatch.setenv("THRUM_NAME", "alice")
        yield root


def thrum(place: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `thrum` in the repository."""
    return subprocess.run(
        [SCRIPT, *arguments], cwd=place / "repo", env={**os.environ, **variables}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


ALLOWED: dict[str, dict[str, str]] = {
    "one by one": {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"},
    "by git -c": {"GIT_CONFIG_PARAMETERS": "'safe.directory=*'"},
    "in a global file": {"GIT_CONFIG_GLOBAL": "{place}/safe"},
    "in a file of the system": {"GIT_CONFIG_SYSTEM": "{place}/safe"},
    "in the home": {"HOME": "{place}/other"},
    "in the home's .config": {"XDG_CONFIG_HOME": "{place}/xdg"},
}


@as_root
@pytest.mark.parametrize("way", ALLOWED)
def test_an_owner_that_the_user_trusts_is_trusted_by_thrum(place: Path, way: str) -> None:
    for file in ("safe", "other/.gitconfig", "xdg/git/config"):
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        (place / file).write_text("[safe]\n\tdirectory = *\n", encoding="utf-8")
    for path in (place / "repo").rglob("*"):
        os.chown(path, SOMEBODY, SOMEBODY, follow_symlinks=False)
    os.chown(place / "repo", SOMEBODY, SOMEBODY)
    variables = {name: value.format(place=place) for name, value in ALLOWED[way].items()}
    beat = thrum(place, "session", "heartbeat", **variables)
    assert (beat.returncode, beat.stderr) == (0, ""), beat


@as_root
@pytest.mark.parametrize("home", ["home", "a home with ' in it", ""])
def test_an_owner_that_git_does_not_trust_is_a_sentence_with_a_command_that_works(place: Path, home: str) -> None:
    shutil.move(place / "repo", place / "it's here")
    (place / "repo").symlink_to(place / "it's here")
    for path in (place / "it's here", place / "it's here" / ".git"):
        os.chown(path, SOMEBODY, SOMEBODY)
    (place / home).mkdir(exist_ok=True)
    environment = {key: value for key, value in os.environ.items() if key != "HOME"}
    environment |= {"HOME": str(place / home)} if home else {}
    command = [SCRIPT, "session", "heartbeat"]
    refused = subprocess.run(command, cwd=place / "repo", env=environment, capture_output=True, text=True, check=False)
    sentence, hint = refused.stderr.splitlines()
    assert refused.returncode == 1
    assert sentence == f"Error: git refuses to work in {place}/it's here, because it belongs to another user"
    pasted = hint.partition("`")[2].removesuffix("`")
    again = subprocess.run(
        ["bash", "-c", f'{pasted} && "$0" session heartbeat', SCRIPT], cwd=place / "repo", env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (again.returncode, again.stderr) == (0, ""), again


def test_no_variable_leads_git_to_another_repository(place: Path) -> None:
    subprocess.run(["git", "init", "-q", str(place / "other")], check=True)
    names = subprocess.run(["git", "rev-parse", "--local-env-vars"], check=True, capture_output=True, text=True).stdout
    known = {"GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT"}
    wrong = {name: str(place / "other" / ".git") for name in names.split() if name not in known}
    more = ("GIT_NAMESPACE", "GIT_QUARANTINE_PATH", "GIT_CEILING_DIRECTORIES", "GIT_NEW_IN_THE_YEAR_2030")
    wrong |= dict.fromkeys(more, str(place)) | {"GIT_EXTERNAL_DIFF": "false", "GIT_LITERAL_PATHSPECS": "1"}
    assert "GIT_DIR" in wrong and "GIT_INDEX_FILE" in wrong
    (place / "repo" / "new.txt").write_text("x", encoding="utf-8")
    beat = thrum(place, "session", "heartbeat", "--json", **wrong)
    assert (beat.returncode, beat.stderr) == (0, ""), beat
    assert "new.txt" in thrum(place, "who-has", "new.txt", **wrong).stdout
    assert thrum(place, "sync", "force", **wrong).returncode == 0
    assert subprocess.run(["git", "for-each-ref"], cwd=place / "other", check=True, capture_output=True).stdout == b""


@pytest.mark.parametrize("setting", ["core.worktree", "core.bare", "extensions.objectFormat", "core.hooksPath"])
def test_a_setting_of_git_c_moves_nothing(place: Path, setting: str) -> None:
    value = {"core.bare": "true", "extensions.objectFormat": "sha256"}.get(setting, str(place / "home"))
    variables = {"GIT_CONFIG_PARAMETERS": f"'{setting}'='{value}'"}
    assert thrum(place, "session", "heartbeat", **variables).stderr == ""
    assert thrum(place, "sync", "force", **variables).stderr == ""


@as_root
@pytest.mark.parametrize("variables", [{}, {"HOME": "/nonexistent"}, {"XDG_CONFIG_HOME": "/nonexistent/config"}])
def test_thrum_works_for_a_user_without_a_home_and_a_name(place: Path, variables: dict[str, str]) -> None:
    shutil.rmtree(place / "repo")
    (place / "repo").mkdir()
    os.chown(place / "repo", STRANGER, STRANGER)
    for command in (
        "git init -q .", "git -c user.name=t -c user.email=t@t commit -q --allow-empty -m i", "thrum init",
        "thrum quickstart --name bob --role r --module m", "thrum session heartbeat", "thrum session list",
        "thrum inbox", "thrum sync force", "thrum doctor",
    ):  # fmt: skip
        done = run_as(STRANGER, place / "repo", *command.split(), environ=variables)
        assert (done.returncode, done.stderr) == (0, ""), (command, done)
    assert not (place / "repo" / "~").exists()


@as_root
def test_settings_that_cannot_be_read_are_named_and_nobody_is_cleared(place: Path) -> None:
    (place / "repo" / "main.py").write_text("code", encoding="utf-8")
    identity = ("-c", "user.name=t", "-c", "user.email=t@t")
    for command in (("commit", "-q", "--allow-empty", "-m", "i"), ("worktree", "add", "-q", place / "linked")):
        subprocess.run(["git", *identity, *command], cwd=place / "repo", check=True)
    subprocess.run(["chown", "-hR", f"{STRANGER}:{STRANGER}", place], check=True)
    generated = place / "repo" / ".git" / "thrum-sync" / "var" / "git.config"
    run_as(STRANGER, place / "repo", "thrum", "sync", "force")
    generated.chmod(0)
    assert run_as(STRANGER, place / "repo", "thrum", "sync", "force").returncode == 0, "git.config can be made again"
    (place / "repo" / ".git" / "config").chmod(0)
    for question in ("who-has main.py", "team", "doctor"):
        done = run_as(STRANGER, place / "repo", "thrum", *question.split())
        printed = " ".join((done.stdout + done.stderr).split())
        assert ".git/config" in printed and "thrum failed" not in printed and "Nobody is" not in printed, done


def wrapper(place: Path, body: str) -> str:
    """Put a program before git, and return the PATH with it."""
    directory = place / "wrapped"
    directory.mkdir(exist_ok=True)
    (directory / "git").write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    (directory / "git").chmod(0o755)
    return f"{directory}:{os.environ['PATH']}"


def test_a_git_that_warns_on_standard_error_is_a_git_that_works(place: Path) -> None:
    path = wrapper(place, f'echo "warning: a wrapper stands here" >&2; exec {shutil.which("git")} "$@"')
    for command in (("session", "heartbeat"), ("sync", "force"), ("doctor",)):
        assert thrum(place, *command, PATH=path).returncode == 0


def test_a_git_that_prints_something_else_than_ids_is_named(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "PATH", wrapper(place, f'[ "$1" = --version ] || echo "Welcome"; exec {shutil.which("git")} "$@"')
    )
    with pytest.raises(GitFailed, match="instead of ids of objects") as raised:
        GitRunner(str(place / "repo")).object_id("mktree")
    assert f"{place}/wrapped/git" in (raised.value.hint or "")


@pytest.mark.parametrize(
    "body", ['echo hi; exec {git} "$@"', "exit 0", 'echo; exec {git} "$@"', '{git} "$@" | sed s/^/git:/']
)
def test_a_git_that_speaks_beside_its_answers_is_named_and_nothing_it_says_is_believed(place: Path, body: str) -> None:
    path = wrapper(place, body.format(git=shutil.which("git")))
    assert thrum(place, "send", "hello", "--to", "@bob", PATH=path).returncode == 0
    for command in ("init", "sync force", "who-has main.py", "team", "doctor"):
        done = thrum(place, *command.split(), PATH=path)
        printed = " ".join((done.stdout + done.stderr).split())
        assert "where git prints its version" in printed, (command, printed)
        assert not any(wrong in printed for wrong in ("obody is", "not thrum's", "git tracks", "thrum failed")), printed


@pytest.mark.parametrize("path", ["/nowhere", "relative", "/nowhere:relative:."])
def test_without_git_what_needs_none_works_and_the_rest_says_so(place: Path, path: str) -> None:
    assert thrum(place, "send", "hello", "--to", "@bob", PATH=path).returncode == 0
    done = thrum(place, "init", PATH=path)
    assert done.stderr.splitlines()[0] == "Error: there is no git on the PATH"


def test_a_git_that_cannot_be_started_is_a_sentence(place: Path) -> None:
    path = wrapper(place, "")
    (place / "wrapped" / "git").write_bytes(b"\x7fELF no program")
    done = thrum(place, "init", PATH=path)
    assert done.returncode == 1 and f"cannot start {place}/wrapped/git" in done.stderr
    assert "disk" not in done.stderr
    done = thrum(place, "who-has", "main.py", PATH=path)
    assert "not every worktree answered" in done.stdout + done.stderr, done


def test_a_git_that_does_not_end_is_ended(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", wrapper(place, "exec tail -f /dev/null"))
    with pytest.raises(GitFailed, match=r"git status did not end within 0\.2 seconds"):
        GitRunner(str(place / "repo"), timeout=0.2).run("status")


def test_a_directory_that_is_gone_is_named(place: Path) -> None:
    with pytest.raises(GitFailed, match="is gone"):
        GitRunner(str(place / "gone")).asks("status")


@pytest.mark.parametrize("name", [b"caf\xe9", "ö ü".encode(), b"a\nb", b'q"t'])
def test_a_repository_may_have_any_path(place: Path, name: bytes) -> None:
    root = os.fsencode(place) + b"/" + name
    os.rename(place / "repo", root)
    (place / "repo").symlink_to(os.fsdecode(root))
    subprocess.run([SCRIPT, "init"], cwd=root, check=True, capture_output=True)
    for command in (("send", "hello", "--to", "@bob"), ("session", "heartbeat"), ("sync", "force"), ("team",)):
        done = thrum(place, *command)
        assert (done.returncode, done.stderr) == (0, ""), done
