"""The wheel, installed in each of the usual ways: set up, started by clients, and beside the previous version.

The dependencies come from the environment of the tests where an installation can see it, and from pip's cache or the
index in the nightly ones.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import git
from thrum_cli.clients.launcher import START

ROOT = Path(__file__).resolve().parents[1]
BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
PREVIOUS = "ccf536d"  # the last version whose store lay in `.thrum/var`
SYSTEM = "/usr/local/bin:/usr/bin:/bin"
NEEDS = (
    {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}},
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
)  # fmt: skip
_SOURCES = {
    ".claude/agents/thrum-agent.md": "agents/thrum-agent.md",
    ".claude/skills/thrum-design/SKILL.md": "skills/thrum-design/SKILL.md",
    ".thrum/role_templates/tester.md": "templates/roles/tester.md",
}
Install = Callable[[Path, Path], Path]  # (home, wheel) -> the command


def run(*words: str | Path, cwd: Path, home: Path, text: str = "", path: str = SYSTEM) -> str:
    """Run a program with nothing of this environment, and return its output; it must succeed."""
    kept = {name: os.environ[name] for name in os.environ if name.startswith(("PIP_", "SSL_", "REQUESTS_"))}
    environ = {**kept, "HOME": str(home), "PATH": path, "LANG": "C.UTF-8"}
    done = subprocess.run(
        [str(word) for word in words], cwd=cwd, env=environ, input=text, capture_output=True, text=True, check=False,
        timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, (done.args, done.stdout, done.stderr)
    return done.stdout


def built(source: Path, place: Path) -> Path:
    """Build a wheel from a copy of the sources."""
    copy = place / "source"
    for folder in ("thrum_store", "thrum_mcp", "cli", "toolkit"):
        shutil.copytree(source / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(source / file, copy / file)
    subprocess.run([sys.executable, "-c", BUILD, "dist"], cwd=copy, check=True, capture_output=True)
    (wheel,) = (copy / "dist").glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of today."""
    return built(ROOT, tmp_path_factory.mktemp("today"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An ordinary repository whose path has a space, with a home beside it."""
    root = tmp_path / "my project"
    root.mkdir()
    (tmp_path / "home").mkdir()
    git(root, "init", "-q", "-b", "main")
    git(root, "commit", "-q", "--allow-empty", "-m", "first")
    return root


def lightly(place: Path, wheel: Path) -> Path:
    """Install the wheel without its dependencies, which are seen where these tests have theirs."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(place), "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    (packages,) = place.glob("lib/python*/site-packages")
    own = next(folder for folder in sys.path if folder.endswith("site-packages"))
    (packages / "dependencies.pth").write_text(f"{own}\n")
    return place / "bin" / "thrum"


def exercised(command: Path, project: Path, home: Path) -> None:
    """Set a repository up with an installed command, and use it as clients with a bare PATH do."""
    run(command, "init", "--runtime", "all", cwd=project, home=home)
    run(command, "quickstart", "--name", "ann", "--role", "dev", "--module", "core", cwd=project, home=home)
    (project / "a b").mkdir()
    for cwd in (project, project / "a b"):
        lines = "".join(json.dumps(message) + "\n" for message in NEEDS)
        out = run(*START, "mcp", "serve", cwd=cwd, home=home, text=lines, path="/usr/bin:/bin").splitlines()
        answers: dict[Any, Any] = {json.loads(line).get("id"): json.loads(line) for line in out}
        assert answers[1]["result"]["serverInfo"]["name"] == "thrum"
        assert "send_message" in {tool["name"] for tool in answers[2]["result"]["tools"]}
        hook = [*START, "hook", "session-start", "--runtime", "claude"]
        assert "@ann" in run(
            *hook, cwd=cwd, home=home, text=json.dumps({"session_id": cwd.name[:1]}), path="/usr/bin:/bin"
        )
    assert "@ann" in run(command, "whoami", cwd=project, home=home)
    run(command, "doctor", cwd=project, home=home)
    run(command, "doctor", "runtimes", cwd=project, home=home)
    cache = str(home / ".cache")
    assert cache not in (project / ".git" / "thrum-sync" / "bin" / "thrum").read_text()


def test_a_wheel_in_an_environment_is_set_up_and_started_by_clients(wheel: Path, project: Path, tmp_path: Path) -> None:
    exercised(lightly(tmp_path / "environment", wheel), project, tmp_path / "home")


def test_an_installed_package_brings_the_whole_toolkit(wheel: Path, project: Path, tmp_path: Path) -> None:
    home, command = tmp_path / "home", lightly(tmp_path / "environment", wheel)
    run(command, "toolkit", "copy", "all", cwd=project, home=home)
    for name, source in _SOURCES.items():
        assert (project / name).read_text() == (ROOT / "toolkit" / source).read_text()
    run(command, "init", cwd=project, home=home)
    git(project, "worktree", "add", "-q", str(tmp_path / "task"))
    path = f"{command.parent}:{SYSTEM}"
    done = run("scripts/setup-worktree-thrum.sh", cwd=project, home=home, path=path)
    assert f"set up    {tmp_path}/task" in done


def test_after_its_environment_was_removed_the_next_installation_takes_over(
    wheel: Path, project: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    first, second = lightly(tmp_path / "one", wheel), lightly(tmp_path / "two", wheel)
    run(first, "init", "--runtime", "claude", cwd=project, home=home)
    shutil.rmtree(tmp_path / "one")
    run(second, "init", "--runtime", "claude", cwd=project, home=home)
    assert run(*START, "--version", cwd=project, home=home, path="/usr/bin:/bin").startswith("thrum ")


# --- with real tools, nightly ---------------------------------------------------------------------------------------


def _pythons() -> list[str]:
    versions = Path.home() / ".pyenv" / "versions"
    listed = [str(place / "bin" / "python3") for place in sorted(versions.glob("3.1[1-9].*"))]
    return [
        *listed,
        *(path for name in ("3.11", "3.12", "3.13") if (path := shutil.which(f"python{name}", path=SYSTEM))),
    ]


@pytest.mark.nightly
@pytest.mark.parametrize("python", _pythons())
def test_the_wheel_works_on_each_python_of_this_machine(
    python: str, wheel: Path, project: Path, tmp_path: Path
) -> None:
    place = tmp_path / "venv"
    run(python, "-m", "venv", place, cwd=tmp_path, home=tmp_path / "home")
    run(place / "bin" / "pip", "install", "-q", wheel, cwd=tmp_path, home=Path.home())
    exercised(place / "bin" / "thrum", project, tmp_path / "home")


def with_pip_user(home: Path, wheel: Path) -> Path:
    """Install for one user, with the system's interpreter."""
    python = shutil.which("python3", path=SYSTEM) or sys.executable
    pip = (python, "-m", "pip", "install", "-q", "--user", "--break-system-packages", wheel)
    run(*pip, cwd=home, home=home)
    return home / ".local" / "bin" / "thrum"


def with_uv_tool(home: Path, wheel: Path) -> Path:
    """Install as a tool of uv."""
    run(_tool("uv", home), "tool", "install", "-q", "--native-tls", wheel, cwd=home, home=home)
    return home / ".local" / "bin" / "thrum"


def with_pipx(home: Path, wheel: Path) -> Path:
    """Install as an application of pipx."""
    run(_tool("pipx", home), "install", "-q", wheel, cwd=home, home=home)
    return home / ".local" / "bin" / "thrum"


def _tool(name: str, home: Path) -> Path:
    run(sys.executable, "-m", "venv", home / "tools", cwd=home, home=home)
    run(home / "tools" / "bin" / "pip", "install", "-q", name, cwd=home, home=Path.home())
    return home / "tools" / "bin" / name


@pytest.mark.nightly
@pytest.mark.parametrize("install", [with_pip_user, with_uv_tool, with_pipx])
def test_the_wheel_works_as_each_installer_leaves_it(
    install: Install, wheel: Path, project: Path, tmp_path: Path
) -> None:
    exercised(install(tmp_path / "home", wheel), project, tmp_path / "home")


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the previous version, built from the history."""
    place = tmp_path_factory.mktemp("previous")
    archive = subprocess.run(["git", "archive", PREVIOUS], cwd=ROOT, capture_output=True, check=False)
    if archive.returncode:
        pytest.skip(f"this clone does not reach back to {PREVIOUS}")
    (place / "tree").mkdir()
    subprocess.run(["tar", "-x"], cwd=place / "tree", input=archive.stdout, check=True)
    return built(place / "tree", place)


@pytest.mark.nightly
@pytest.mark.parametrize("older_begins", [True, False])
def test_the_previous_version_and_todays_share_one_store_and_lose_nothing(
    older_begins: bool, previous: Path, wheel: Path, project: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    old, new = lightly(tmp_path / "old", previous), lightly(tmp_path / "new", wheel)
    first, second = (old, new) if older_begins else (new, old)
    run(first, "init", cwd=project, home=home)
    run(first, "quickstart", "--name", "ann", "--role", "dev", "--module", "core", cwd=project, home=home)
    other = tmp_path / "other"
    git(project, "worktree", "add", "-q", str(other))
    run(first, "quickstart", "--name", "bob", "--role", "dev", "--module", "core", cwd=other, home=home)
    run(first, "daemon", "start", "--local", cwd=project, home=home)
    try:
        sent = [f"{number} by {program.parts[-3]}" for number in range(5) for program in (first, second)]
        for text in sent:
            program = tmp_path / text.split()[-1] / "bin" / "thrum"
            run(program, "send", text, "--to", "@bob", cwd=project, home=home)
        for program in (first, second):
            listed = run(program, "sent", "--json", cwd=project, home=home)
            assert [text for text in sent if text not in listed] == []
        inbox = run(second, "inbox", "--json", cwd=other, home=home)
        assert [text for text in sent if text not in inbox] == []
        if older_begins:  # the worktree of a-sync that it made is not locked yet
            run(new, "init", cwd=project, home=home)
        run(new, "doctor", cwd=project, home=home)
    finally:
        run(first, "daemon", "stop", cwd=project, home=home)
