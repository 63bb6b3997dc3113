"""The search for a worktree and its git directories gives git's own answers, whatever stands in the way."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.layouts.sites import git, linked, repository
from thrum_store.repository import git_places, paths
from thrum_store.repository.git_files import BrokenPointer, branch_at, discover


def by_git(place: Path, **variables: str) -> tuple[str, str, str] | None:
    """Return root, git directory and common directory as git finds them; None if it finds no worktree."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    words = ["git", "rev-parse", "--path-format=absolute", "--show-toplevel", "--git-dir", "--git-common-dir"]
    done = subprocess.run(words, cwd=place, capture_output=True, env={**kept, **variables}, check=False)
    if done.returncode != 0:
        return None
    root, git_dir, common = os.fsdecode(done.stdout).removesuffix("\n").split("\n")
    return root, os.path.realpath(git_dir), os.path.realpath(common)


def by_us(place: Path) -> tuple[str, str, str] | None:
    """Return the same as thrum finds it."""
    try:
        location = discover(str(place))
    except BrokenPointer:
        return None
    return None if location is None or not location.root else (location.root, location.git_dir, location.common)


@pytest.fixture
def root(scratch: Path) -> Path:
    """A repository with a commit."""
    return repository(scratch.resolve() / "r")


def empty_git(root: Path) -> Path:
    (root / "sub" / ".git").mkdir(parents=True)
    return root / "sub"


def git_without_refs(root: Path) -> Path:
    (root / "sub" / ".git" / "objects").mkdir(parents=True)
    (root / "sub" / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    return root / "sub"


def git_with_a_bad_head(root: Path) -> Path:
    for name in ("objects", "refs"):
        (root / "sub" / ".git" / name).mkdir(parents=True)
    (root / "sub" / ".git" / "HEAD").write_text("ref: elsewhere\n")
    return root / "sub"


def git_with_a_detached_head(root: Path) -> Path:
    git(root, "checkout", "-q", "--detach")
    return root / "src"


def head_as_a_link(root: Path) -> Path:
    (root / ".git" / "HEAD").unlink()
    (root / ".git" / "HEAD").symlink_to("refs/heads/trunk")
    return root


def head_as_a_link_elsewhere(root: Path) -> Path:
    (root / ".git" / "HEAD").rename(root / ".git" / "REAL")
    (root / ".git" / "HEAD").symlink_to("REAL")
    return root


def broken_file(root: Path) -> Path:
    (root / "sub").mkdir()
    (root / "sub" / ".git").write_text("gitdir: /nowhere\n")
    return root / "sub"


def empty_file(root: Path) -> Path:
    (root / "sub").mkdir()
    (root / "sub" / ".git").write_text("")
    return root / "sub"


def file_without_a_space(root: Path) -> Path:
    (root / "sub").mkdir()
    (root / "sub" / ".git").write_text(f"gitdir:{root}/.git\n")
    return root / "sub"


def file_with_many_line_breaks(root: Path) -> Path:
    (root / "sub").mkdir()
    (root / "sub" / ".git").write_text(f"gitdir: {root}/.git\r\n\n")
    return root / "sub"


def link_to_a_file(root: Path) -> Path:
    other = linked(root, root.parent / "w")
    (root / "sub").mkdir()
    (root / "sub" / ".git").symlink_to(other / ".git")
    return root / "sub"


def link_to_nothing(root: Path) -> Path:
    (root / "sub").mkdir()
    (root / "sub" / ".git").symlink_to("/nowhere")
    return root / "sub"


def link_in_a_circle(root: Path) -> Path:
    (root / "sub").mkdir()
    (root / "sub" / ".git").symlink_to(".git")
    return root / "sub"


def relative_pointers(root: Path) -> Path:
    other = linked(root, root.parent / "w")
    (other / ".git").write_text("gitdir: ../r/.git/worktrees/w\n")
    (root / ".git" / "worktrees" / "w" / "gitdir").write_text("../../../../w/.git\n")
    return other


def odd_name(root: Path) -> Path:
    return linked(root, root.parent / "two words\nand a line")


def not_utf8(root: Path) -> Path:
    return linked(root, root.parent / os.fsdecode(b"caf\xe9"))


def ends_in_a_space(root: Path) -> Path:
    return linked(root, root.parent / "w ")


def bare_within(root: Path) -> Path:
    git(root, "clone", "-q", "--bare", ".", "vendor.git")
    return root / "vendor.git" / "hooks"


def in_the_git_directory(root: Path) -> Path:
    return root / ".git" / "hooks"


def core_worktree(root: Path) -> Path:
    git(root, "config", "core.worktree", "..")
    return root / "src"


def worktree_config(root: Path) -> Path:
    other = linked(root, root.parent / "w")
    git(root, "config", "extensions.worktreeConfig", "true")
    git(root, "config", "--worktree", "core.bare", "false")
    return other


FORMS = (
    empty_git, git_without_refs, git_with_a_bad_head, git_with_a_detached_head, head_as_a_link, broken_file,
    head_as_a_link_elsewhere, empty_file, file_without_a_space, file_with_many_line_breaks, link_to_a_file,
    link_to_nothing, link_in_a_circle, relative_pointers, odd_name, not_utf8, ends_in_a_space, bare_within,
    in_the_git_directory, core_worktree, worktree_config,
)  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_place_belongs_to_the_worktree_that_git_says(root: Path, form: Callable[[Path], Path]) -> None:
    place = form(root)
    if b"\n" in os.fsencode(place):
        location = by_us(place)
        assert location is not None and location[0] == str(place)
        assert git(place, "rev-parse", "--show-toplevel") == f"{place}\n"
        return
    assert by_us(place) == by_git(place)
    for above in place.parents:
        if above != root.parent and root.parent in above.parents:
            assert by_us(above) == by_git(above), above


@pytest.mark.parametrize(
    "ceilings", ["R/src", "R", "PARENT", "/", "nothing", ":R", "R/src/deep:R", "PARENT/", "LINK", ":LINK", ""]
)
def test_a_search_ends_where_git_ends_it(root: Path, monkeypatch: pytest.MonkeyPatch, ceilings: str) -> None:
    deep = root / "src" / "deep"
    deep.mkdir()
    (root.parent / "link").symlink_to(root / "src")
    for word, place in (("PARENT", root.parent), ("LINK", root.parent / "link"), ("R", root)):
        ceilings = ceilings.replace(word, str(place))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", ceilings)
    for place in (deep, root / "src", root):
        assert by_us(place) == by_git(place, GIT_CEILING_DIRECTORIES=ceilings), place


@pytest.mark.parametrize("across", ["1", "true", "0", "no", ""])
def test_a_search_stays_in_its_file_system_as_gits_does(tmp_path: Path, across: str) -> None:
    mount = shutil.which("unshare")
    root = repository(tmp_path.resolve() / "r")
    script = (
        f"mount -t tmpfs none {root}/src && cd {root}/src && git rev-parse --show-toplevel; "
        "python3 -c 'import os, sys; sys.path[:0] = sys.argv[1:];"
        " from thrum_store.repository.git_files import discover;"
        'print(getattr(discover(os.getcwd()), "root", None))\' ' + str(Path(__file__).parents[2])
    )
    environ = {**os.environ, "GIT_DISCOVERY_ACROSS_FILESYSTEM": across}
    if mount is None or subprocess.run([mount, "-m", "true"], check=False).returncode != 0:
        pytest.skip("this user may not mount: the edge of a file system was NOT tested")
    done = subprocess.run([mount, "-m", "sh", "-c", script], env=environ, capture_output=True, text=True, check=False)
    expected = [str(root), str(root)] if across in ("1", "true") else ["None"]
    assert done.stdout.split() == expected, done.stderr


def test_a_branch_is_what_git_says(root: Path) -> None:
    for words in (("-b", "a/b"), ("--orphan", "fresh"), ("--detach", "trunk")):
        git(root, "checkout", "-q", "-f", *words)
        named = subprocess.run(
            ["git", "symbolic-ref", "-q", "--short", "HEAD"], cwd=root, capture_output=True, check=False
        )
        commit = "" if named.stdout else git(root, "rev-parse", "HEAD")[:12]
        assert branch_at(str(root / ".git")) == (named.stdout.decode().strip() or commit)


# --- git's settings -------------------------------------------------------------------------------------------------

_VALUES = st.text(alphabet=st.sampled_from('ab \t"\\;#=n[]\n'), max_size=12)
_LINES = st.one_of(
    st.builds("{} = {}".format, st.sampled_from(["bare", "Worktree", "a-1"]), _VALUES),
    st.builds("{}={}".format, st.sampled_from(["bare", "worktree"]), _VALUES),
    st.sampled_from(
        ["[core]", "[CORE] bare", '[core "Sub\\"x"]', "[a.B]", "bare", "; bare = true", "# x", "", "[core]x=1"]
    ),
)


@given(st.lists(_LINES, max_size=6))
def test_settings_are_read_as_git_reads_them(lines: list[str]) -> None:
    text = "\n".join(["[core]", *lines, ""])
    done = subprocess.run(
        ["git", "config", "--file", "-", "--null", "--list"], input=text, capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        pairs = [entry.partition("\n") for entry in done.stdout.split("\0")[:-1]]
        read = [(key, value and value.replace("\t", " ")) for key, value in git_places.entries(text)]
        assert read == [  # older versions of git make a space of a tab
            (key, value.replace("\t", " ") if mark else None) for key, mark, value in pairs
        ]


def test_no_redirect_that_leads_nowhere_stops_a_worktree(root: Path) -> None:
    (root / ".thrum").mkdir()
    (root / ".thrum" / "redirect").write_text("/nowhere/.thrum\n")
    assert paths.find(str(root)).root == str(root)
