"""The installed package: four import names, one command, every module and template, and nothing else."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDER_OF = {
    "thrum_store": "thrum_store",
    "thrum_mcp": "thrum_mcp",
    "thrum_cli": "cli/thrum_cli",
    "thrum_toolkit": "toolkit",
}
GENERIC = ("benchmarks", "cli", "docs", "tests", "toolkit")

BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
WHERE = "import importlib.util, sys; print(getattr(importlib.util.find_spec(sys.argv[1]), 'origin', None))"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Our wheel, built from a copy of the sources, so that nothing is left in the checkout."""
    copy = tmp_path_factory.mktemp("source")
    for folder in FOLDER_OF.values():
        shutil.copytree(ROOT / folder, copy / folder)
    for file in ("pyproject.toml", "README.md", "LICENSE", "cli/thrum"):
        shutil.copy(ROOT / file, copy / file)
    subprocess.run([sys.executable, "-c", BUILD, "dist"], cwd=copy, check=True, capture_output=True)
    (built,) = (copy / "dist").glob("*.whl")
    return zipfile.ZipFile(built)


def setuptools_table() -> dict[str, Any]:
    """[tool.setuptools] of pyproject.toml."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        table: dict[str, Any] = tomllib.load(file)["tool"]["setuptools"]
    return table


def package_folders() -> set[str]:
    """Every package that stands in the tree, under the name that it ships with."""
    return {
        ".".join((name, *marker.parent.relative_to(ROOT / folder).parts))
        for name, folder in FOLDER_OF.items()
        for marker in (ROOT / folder).rglob("__init__.py")
    }


def shipped_files() -> set[str]:
    """Return the files that the wheel must hold: all of the four folders."""
    return {
        f"{name}/{file.relative_to(ROOT / folder).as_posix()}"
        for name, folder in FOLDER_OF.items()
        for file in (ROOT / folder).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


def test_pyproject_lists_every_package_there_is() -> None:
    assert set(setuptools_table()["packages"]) == package_folders()


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    files = {name for name in wheel.namelist() if ".dist-info/" not in name and ".data/" not in name}
    assert files == shipped_files()


def test_the_wheel_installs_no_generic_name(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith((".dist-info", ".data"))} == set(FOLDER_OF)


def test_the_wheel_brings_one_command(wheel: zipfile.ZipFile) -> None:
    """A script that imports the program alone; installers put the path of their interpreter into its first line."""
    (name,) = (name for name in wheel.namelist() if ".data/" in name)
    assert name.endswith(".data/scripts/thrum")
    assert wheel.read(name).decode() == "#!python\nfrom thrum_cli.main import run\n\nrun()\n"
    assert [name for name in wheel.namelist() if name.endswith("entry_points.txt")] == []


def test_an_installed_command_starts_with_the_interpreter_of_its_environment(
    wheel: zipfile.ZipFile, tmp_path: Path
) -> None:
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    install = [sys.executable, "-m", "pip", "--python", str(environment), "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*install, str(wheel.filename)], check=True, capture_output=True)
    command = environment / "bin" / "thrum"
    assert command.read_text(encoding="utf-8").splitlines()[0] == f"#!{environment}/bin/python"
    assert os.access(command, os.X_OK)


def test_the_wheel_carries_its_licence_and_its_types(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    assert [name for name in names if name.endswith("/licenses/LICENSE")]
    assert {"thrum_store/py.typed", "thrum_mcp/py.typed", "thrum_cli/py.typed"} <= set(names)


@pytest.mark.parametrize("name", GENERIC)
def test_a_generic_name_cannot_be_imported_even_here(name: str, tmp_path: Path) -> None:
    """The editable installation maps our packages one by one; it never puts the checkout on the path."""
    answer = subprocess.run(
        [sys.executable, "-I", "-c", WHERE, name], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert str(ROOT) not in answer.stdout


README_BLOCKS = re.findall(r"^```sh\n(.*?)\n```", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)


def test_continuous_integration_runs_the_test_command_of_the_readme() -> None:
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()[-1] == README_BLOCKS[1] == "make test"


@pytest.mark.parametrize("number", [0, 1])
def test_make_runs_what_the_readme_shows_for_machines_without_it(number: int, tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    command = [*README_BLOCKS[number].split(), "--dry-run", "--no-print-directory", "PYTHON=python3"]
    plain = {name: text for name, text in os.environ.items() if not name.startswith("MAKE")}
    shown = subprocess.run(command, cwd=tmp_path, env=plain, check=True, capture_output=True, text=True).stdout
    steps = [line for line in shown.splitlines() if not line.startswith("touch ")]
    assert " && ".join(steps) == README_BLOCKS[number + 2]
