"""The layouts in which git lays out a repository, each with two worktrees that share one store."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.cli.shell import Shell

NEWER = Path(os.environ.get("THRUM_NEWER_GIT") or Path.home() / ".cache" / "thrum-newer-git") / "bin" / "git"
_SETTINGS = {
    "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@t",
    "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@t", "GIT_OPTIONAL_LOCKS": "0",
}  # fmt: skip


@dataclass(frozen=True)
class Site:
    """Two worktrees of one clone. `movable`: everything that belongs to the clone lies in this directory."""

    name: str
    first: Path
    other: Path
    movable: Path
    variables: dict[str, str] = field(default_factory=dict[str, str])
    outside: tuple[Path, ...] = ()  # repositories around it, which must not notice anything

    @property
    def planner(self) -> Shell:
        """The shell of the agent in the first worktree."""
        return Shell(self.first, self.variables)

    @property
    def builder(self) -> Shell:
        """The shell of the agent in the other worktree."""
        return Shell(self.other, self.variables)


def git(where: Path, *arguments: str, **variables: str) -> str:
    """Run git without the user's settings; return its output."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", "-c", "protocol.file.allow=always", *arguments], cwd=where, env={**kept, **_SETTINGS, **variables},
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return os.fsdecode(done.stdout)


def commit(root: Path, **variables: str) -> None:
    """Commit two files."""
    (root / "src").mkdir(exist_ok=True)
    (root / "README.md").write_text("read me\n")
    (root / "src" / "app.py").write_text("one\n")
    git(root, "add", "README.md", "src", **variables)
    git(root, "commit", "-qm", "first", **variables)


def repository(root: Path, *options: str, **variables: str) -> Path:
    """Make a repository with a commit on the branch `trunk`."""
    root.mkdir(parents=True)
    git(root, "init", "-q", "--initial-branch=trunk", *options, **variables)
    commit(root, **variables)
    return root


def linked(root: Path, place: Path, branch: str = "work", **variables: str) -> Path:
    """Add a linked worktree."""
    git(root, "worktree", "add", "-q", "-b", branch, str(place), **variables)
    return place


# --- the layouts ------------------------------------------------------------------------------------------------------


def ordinary(folder: Path) -> Site:
    root = repository(folder / "all" / "r")
    return Site("ordinary", root, linked(root, folder / "all" / "w"), folder / "all")


def inside(folder: Path) -> Site:
    """A linked worktree inside of the first one, as some tools put them."""
    root = repository(folder / "all" / "r")
    (root / ".git" / "info" / "exclude").write_text(".worktrees/\n")
    return Site("linked", root, linked(root, root / ".worktrees" / "w"), folder / "all")


def named_main(folder: Path) -> Site:
    root = repository(folder / "all" / "r")
    return Site("linked named main", root, linked(root, folder / "all" / "main"), folder / "all")


def nested(folder: Path) -> Site:
    """A repository inside of another one's worktree, which uses thrum as well."""
    around = repository(folder / "around")
    Shell(around).ok("quickstart", "--name", "stranger", "--role", "lead", "--module", "core")
    root = repository(around / "vendor" / "r")
    other = linked(root, around / "vendor" / "w")
    return Site("nested", root, other, around / "vendor", outside=(around,))


def bare(folder: Path) -> Site:
    source = repository(folder / "source")
    hub = folder / "all" / "project.git"
    git(folder, "clone", "-q", "--bare", str(source), str(hub))
    git(hub, "worktree", "add", "-q", str(folder / "all" / "trunk"), "trunk")
    return Site("bare", folder / "all" / "trunk", linked(hub, folder / "all" / "main"), folder / "all")


def dot_bare(folder: Path) -> Site:
    """A bare repository in `.bare`, named by a `.git` file beside its worktrees."""
    source = repository(folder / "source")
    hub = folder / "all"
    git(folder, "clone", "-q", "--bare", str(source), str(hub / ".bare"))
    (hub / ".git").write_text("gitdir: ./.bare\n")
    git(hub, "worktree", "add", "-q", "trunk", "trunk")
    return Site("dot bare", hub / "trunk", linked(hub, hub / "work"), hub)


def submodule(folder: Path) -> Site:
    source = repository(folder / "source")
    top = repository(folder / "all" / "top")
    git(top, "submodule", "--quiet", "add", str(source), "lib")
    git(top, "commit", "-qm", "submodule")
    return Site("submodule", top / "lib", linked(top / "lib", folder / "all" / "w"), folder / "all", outside=(top,))


def separate(folder: Path) -> Site:
    (folder / "all" / "store").mkdir(parents=True)
    root = repository(folder / "all" / "r", "--separate-git-dir", str(folder / "all" / "store" / "r.git"))
    return Site("separate git directory", root, linked(root, folder / "all" / "w"), folder / "all")


def behind_link(folder: Path) -> Site:
    root = repository(folder / "all" / "r")
    (root / ".git").rename(folder / "all" / "real.git")
    (root / ".git").symlink_to(Path("..") / "real.git")
    return Site("git directory behind a link", root, linked(root, folder / "all" / "w"), folder / "all")


def of_parts(folder: Path) -> Site:
    """A `.git` whose parts are links into a shared directory, as the tool `repo` and git-new-workdir make them."""
    root = repository(folder / "all" / "r")
    shared = folder / "all" / ".repo" / "r.git"
    shared.mkdir(parents=True)
    for name in ("objects", "refs", "hooks", "info", "config", "description", "logs"):
        (root / ".git" / name).rename(shared / name)
        (root / ".git" / name).symlink_to(os.path.relpath(shared / name, root / ".git"))
    return Site("repo", root, linked(root, folder / "all" / "w"), folder / "all")


def _cloned(folder: Path, name: str, *options: str) -> Site:
    source = repository(folder / "source")
    (source / "README.md").write_text("second\n")
    git(source, "commit", "-qam", "second")
    git(source, "config", "uploadpack.allowFilter", "true")
    root = folder / "all" / "r"
    git(folder, "clone", "-q", *options, f"file://{source}", str(root))
    return Site(name, root, linked(root, folder / "all" / "w"), folder / "all")


def shallow(folder: Path) -> Site:
    return _cloned(folder, "shallow", "--depth=1")


def partial(folder: Path) -> Site:
    return _cloned(folder, "partial", "--filter=blob:none")


def sparse(folder: Path) -> Site:
    site = _cloned(folder, "sparse")
    for root in (site.first, site.other):
        git(root, "sparse-checkout", "set", "docs")
    return site


def sha256(folder: Path) -> Site:
    root = repository(folder / "all" / "r", "--object-format=sha256")
    return Site("SHA-256", root, linked(root, folder / "all" / "w"), folder / "all")


def reftable(folder: Path) -> Site:
    """A repository whose references are no files: only a git that knows them, 2.45 or newer, opens it."""
    variables = {"PATH": f"{newer_git().parent}{os.pathsep}{os.environ['PATH']}"}
    root = repository(folder / "all" / "r", "--ref-format=reftable", **variables)
    other = linked(root, folder / "all" / "w", **variables)
    return Site("reftable", root, other, folder / "all", variables)


def newer_git() -> Path:
    """Return a git that knows reftable: the machine's, or the one that scripts/install-newer-git.sh unpacks."""
    own = shutil.which("git")
    usage = subprocess.run(["git", "init", "-h"], capture_output=True, text=True, check=False).stdout
    if own is not None and "--ref-format" in usage:
        return Path(own)
    if not NEWER.exists() and os.environ.get("CI") != "true":
        pytest.skip("no git that knows reftable (scripts/install-newer-git.sh): such repositories were NOT tested")
    return NEWER


LAYOUTS: dict[str, Callable[[Path], Site]] = {
    layout.__name__: layout
    for layout in (
        ordinary, inside, named_main, nested, bare, dot_bare, submodule, separate, behind_link, of_parts, shallow,
        partial, sparse, sha256, reftable,
    )
}  # fmt: skip
