"""The words that start this installation again: none leads into a cache, and none into a version that goes away."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.shell import Shell
from thrum_cli.clients.installation import Running, cache_around, installation, requirement_of
from thrum_store.errors import Conflict
from thrum_store.repository import paths

from .conftest import executable

TAG = "Signature: 8a477f597d28d172789f06886806bc55\n"
OWN = "#!/usr/bin/env python3\nfrom thrum_cli.main import run\n\nrun()\n"


def program(prefix: Path, text: str = OWN) -> Running:
    """Make an environment with an interpreter and a script, and return the program that runs from it."""
    script = executable(prefix / "bin" / "thrum")
    script.write_text(text)
    python = executable(prefix / "bin" / "python")
    return Running(str(python), str(prefix), str(script), str(prefix / "lib" / "site-packages"))


def words(tmp_path: Path, running: Running, **environ: str) -> tuple[str, ...]:
    """Return the words that are written for a repository beside everything else."""
    return installation(str(tmp_path / "project"), {"PATH": "/usr/bin:/bin", **environ}, running).words


@pytest.mark.parametrize(
    "place",
    [
        "venv", ".local/share/uv/tools/thrum-agents", ".local/share/pipx/venvs/thrum-agents", "miniconda3/envs/work",
        ".pyenv/versions/3.12.1", ".asdf/installs/python/3.12.1", ".local/share/mise/installs/python/3.12.1",
        "with space/it's a \"ç\"", ".cache/pypoetry/virtualenvs/x-py3.12", "project/.venv",
    ],
)  # fmt: skip
def test_an_environment_that_lasts_is_started_by_its_own_interpreter(tmp_path: Path, place: str) -> None:
    running = program(tmp_path / place)
    if place == "project/.venv":
        (tmp_path / place / "CACHEDIR.TAG").write_text(TAG)  # as `uv venv` does in the environment itself
    assert words(tmp_path, running) == (running.interpreter, running.script)


@pytest.mark.parametrize(
    "place",
    [
        ".cache/uv/archive-v0/Xy_z", "moved/environments-v2/thrum-0a1b", ".cache/uv/builds-v0/.tmpAb",
        "Caches/pipx/abc", ".cache/pipx/0123abc", ".local/pipx/.cache/0123", ".cache/pre-commit/repo1/py_env-python3",
    ],
)  # fmt: skip
def test_an_environment_in_a_cache_is_named_by_no_path(tmp_path: Path, place: str) -> None:
    running = program(tmp_path / place)
    tools = str(executable(tmp_path / "tools" / "uv").parent)
    executable(tmp_path / "tools" / "pipx")
    try:
        written = words(tmp_path, running, PATH=tools)
    except Conflict as error:
        assert "pre-commit" in place
        assert "uv tool install thrum-agents" in str(error.hint)
    else:
        assert written[0] in (f"{tools}/uv", f"{tools}/pipx")
        assert written[1] in ("tool", "run")
        assert str(tmp_path / place) not in " ".join(written)


@pytest.mark.parametrize("variable", ["UV_CACHE_DIR", "XDG_CACHE_HOME"])
def test_a_cache_that_a_variable_names_is_one(tmp_path: Path, variable: str) -> None:
    place = tmp_path / "odd" / "x"
    assert cache_around(str(place), {}) == ""
    assert cache_around(str(place), {variable: str(tmp_path / "odd")}) == str(tmp_path / "odd")


def test_a_marked_cache_is_one_and_a_link_into_it_too(tmp_path: Path) -> None:
    (tmp_path / "odd" / "x").mkdir(parents=True)
    (tmp_path / "odd" / "CACHEDIR.TAG").write_text(TAG)
    (tmp_path / "link").symlink_to(tmp_path / "odd" / "x")
    assert cache_around(str(tmp_path / "link"), {}) == str(tmp_path / "odd")


def test_a_cache_without_the_tool_that_made_it_is_refused_before_anything_is_written(
    tmp_path: Path, repository: Shell
) -> None:
    prefix = tmp_path / ".cache" / "uv" / "archive-v0" / "x"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(prefix)], check=True)
    packages = next(place for place in sys.path if place.endswith("site-packages"))
    (folder,) = prefix.glob("lib/python*/site-packages")
    (folder / "x.pth").write_text(f"import site; site.addsitedir({packages!r})\n")
    Path(paths.find(str(repository.cwd)).launcher).unlink()
    command = [str(prefix / "bin" / "python"), "-P", "-m", "thrum_cli", "init"]
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    refused = subprocess.run(
        [*command, "--runtime", "all"], cwd=repository.cwd, env=environ, capture_output=True, text=True, check=False
    )
    assert (refused.returncode, "thrum runs from a cache" in refused.stderr, refused.stdout) == (1, True, "")
    assert not (repository.cwd / ".mcp.json").exists()
    subprocess.run(command, cwd=repository.cwd, env=environ, capture_output=True, check=True)
    assert not Path(paths.find(str(repository.cwd)).launcher).exists()


def test_an_environment_among_temporary_files_is_written_with_a_remark(tmp_path: Path) -> None:
    running = program(tmp_path / "venv")
    assert installation(str(tmp_path / "project"), {}, running).remark == ""
    assert str(tmp_path).startswith(tempfile.gettempdir())
    assert "may be emptied" in installation("/srv/project", {}, running).remark


def test_a_formula_is_started_by_the_name_that_outlives_its_version(tmp_path: Path) -> None:
    cellar = tmp_path / "brew" / "Cellar" / "thrum-agents" / "1.0"
    running = program(cellar / "libexec")
    name = tmp_path / "brew" / "bin" / "thrum"
    name.parent.mkdir()
    name.symlink_to(running.script)
    other = executable(tmp_path / "go" / "thrum").parent
    assert words(tmp_path, running, PATH=f"{other}:{name.parent}") == (str(name),)
    assert words(tmp_path, running, PATH=str(other)) == (running.interpreter, running.script)


def test_a_wrapper_of_another_kind_is_started_as_it_is(tmp_path: Path) -> None:
    running = program(tmp_path / "wrapped", "#!/bin/sh\nPYTHONPATH=/x exec /y/python -m it\n")
    assert words(tmp_path, running) == (running.script,)


def test_without_a_script_the_module_is_started(tmp_path: Path) -> None:
    running = program(tmp_path / "venv")
    written = words(tmp_path, Running(running.interpreter, running.prefix, "", running.modules))
    assert written[:3] == (running.interpreter, "-P", "-c")


def test_the_systems_interpreter_is_named_with_its_version(tmp_path: Path) -> None:
    script = executable(tmp_path / ".local" / "bin" / "thrum")
    script.write_text(OWN)
    exact = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    expected = exact if os.access(exact, os.X_OK) else "/usr/bin/python3"
    assert words(tmp_path, Running("/usr/bin/python3", "/usr", str(script), "/x"))[0] == expected


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (
            {"url": "https://e.org/t.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            "thrum-agents @ git+https://e.org/t.git@abc",
        ),
        ({"url": "https://e.org/t.whl", "archive_info": {}}, "thrum-agents @ https://e.org/t.whl"),
        ({"url": "file:///nowhere/t%20x.whl", "archive_info": {}}, ""),
        ({"url": "file:///usr/bin", "dir_info": {}}, "/usr/bin"),
    ],
)
def test_the_tool_gets_the_requirement_that_was_installed(origin: dict[str, object], expected: str) -> None:
    assert requirement_of(origin) == expected


@given(st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1, max_size=8))
def test_no_name_of_a_directory_is_mistaken_for_a_cache_but_for_those_that_are(name: str) -> None:
    caches = name in (".cache", "Caches") or re.fullmatch(r"(archive|environments|builds)-v\d+", name)
    if name not in (".", "..") and not caches:
        assert cache_around(f"/nowhere/{name}/x", {}) == ""
