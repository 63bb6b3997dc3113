"""The installation that this process runs from: the words that start it again, and how long it will be there.

A program that runs from a cache (uvx, `pipx run`) is started by that tool instead, which makes it again when needed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib import metadata
from urllib.parse import unquote, urlsplit

from thrum_store.errors import Conflict
from thrum_store.identity import DISTRIBUTION
from thrum_store.values import Record, loads

from . import files
from .launcher import Launcher

_RUN = "from thrum_cli.main import run; run()"
_UV_FOLDERS = re.compile(r"(archive|environments|builds)-v\d+")
_CACHES = {".cache", "Caches"}
_LASTING = {"pypoetry", "pipenv"}  # these tools keep their environments in the cache directory, for good
_STORES = ("/nix/store/", "/gnu/store/")
_SYSTEM = ("/usr/bin", "/usr/local/bin", "/bin")
_INSTALL = f"`uv tool install {DISTRIBUTION}` or `pipx install {DISTRIBUTION}`"


class Installation(Record):
    """The words that start this thrum from any directory, and a remark for the user, or ""."""

    words: Launcher
    remark: str = ""


class Running(Record):
    """The running program: its interpreter, the environment of that, its script or "", and where its modules are."""

    interpreter: str
    prefix: str
    script: str
    modules: str


def running() -> Running:
    """Return the program that runs now."""
    return Running(sys.executable, sys.prefix, _script(), os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def installation(repository: str, environ: Mapping[str, str] = os.environ, now: Running | None = None) -> Installation:
    """Return how clients of the repository start this installation. Raises Conflict if it is in a cache for good."""
    program = now or running()
    cache = cache_around(program.prefix, environ)
    if cache and not _within(repository, cache):
        return _without_cache(program, cache, environ)
    item = _item(os.path.realpath(program.modules))
    words = _name_of(item, environ) or _words(program)
    lasting = not _temporary(program.prefix, repository) and not words[0].startswith(_STORES)
    remark = f"thrum is installed in {program.prefix}, which may be emptied; install it with {_INSTALL}"
    return Installation(words, "" if lasting else remark)


def cache_around(place: str, environ: Mapping[str, str] = os.environ) -> str:
    """Return the cache that an environment is in, or "": one of uv or pipx, or a directory that is marked as one."""
    for path in dict.fromkeys((place, os.path.realpath(place))):
        above = os.path.dirname(path)
        while above != os.path.dirname(above):
            if _is_cache(path, above, environ):
                return above
            above = os.path.dirname(above)
    return ""


def _is_cache(path: str, directory: str, environ: Mapping[str, str]) -> bool:
    below = os.path.relpath(path, directory).split(os.sep)
    if _LASTING.intersection(below):
        return False
    named = directory in (environ.get("UV_CACHE_DIR"), environ.get("XDG_CACHE_HOME"))
    marked = os.path.exists(os.path.join(directory, "CACHEDIR.TAG"))
    return named or marked or os.path.basename(directory) in _CACHES or bool(_UV_FOLDERS.fullmatch(below[0]))


def _without_cache(program: Running, cache: str, environ: Mapping[str, str]) -> Installation:
    """Return the words of the tool that made this environment in its cache."""
    remark = (
        f"thrum runs from a cache ({cache}), so clients start it with {{}}, which takes longer at every hook; "
        f"{_INSTALL} makes it quick, and then `thrum init` again"
    )
    for tool, words in (("uv", _uv), ("pipx", _pipx)):
        made = _UV_FOLDERS.search(program.prefix) if tool == "uv" else "pipx" in program.prefix.split(os.sep)
        path = environ.get("UV") if tool == "uv" else None
        path = path or shutil.which(tool, path=environ.get("PATH", os.defpath))
        if made and path and os.path.isabs(path) and (source := _source()):
            return Installation(words(path, source), remark.format("`uvx`" if tool == "uv" else "`pipx run`"))
    raise Conflict(
        f"thrum runs from a cache ({cache}) that may be emptied at any time, so clients cannot be set up with it",
        hint=f"install it first: {_INSTALL}; then run `thrum init` again",
    )


def _uv(path: str, source: str) -> Launcher:
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return (path, "tool", "run", "--quiet", "--python", python, "--from", source, "thrum")


def _pipx(path: str, source: str) -> Launcher:
    return (path, "run", "--quiet", "--spec", source, "thrum")


def _source() -> str:
    """Return the requirement that this installation was made from; "" if that is not known any more."""
    try:
        installed = metadata.distribution(DISTRIBUTION)
        origin = loads(installed.read_text("direct_url.json") or "{}")
    except (metadata.PackageNotFoundError, ValueError):
        return ""
    if not origin:
        return f"{DISTRIBUTION}=={installed.version}"
    return requirement_of(origin)


def requirement_of(origin: dict[str, object]) -> str:
    """Return the requirement for a place that an installer noted; "" if that is no more."""
    url, vcs = str(origin.get("url", "")), origin.get("vcs_info")
    if isinstance(vcs, dict):
        return f"{DISTRIBUTION} @ {vcs.get('vcs', 'git')}+{url}@{vcs.get('commit_id', '')}"
    if not url.startswith("file:"):
        return f"{DISTRIBUTION} @ {url}" if url else ""
    path = unquote(urlsplit(url).path)
    return path if os.path.exists(path) else ""


def _words(program: Running) -> Launcher:
    """Return an interpreter and what it runs, or a script of another kind, which finds its interpreter itself."""
    if program.script and not _is_python(program.script):
        return (program.script,)
    interpreter = _exact(program.interpreter)
    return (interpreter, program.script) if program.script else (interpreter, "-P", "-c", _RUN)


def _exact(interpreter: str) -> str:
    """Return an interpreter of the system by its version: the plain name leads to another one after an upgrade."""
    if os.path.dirname(interpreter) not in _SYSTEM:
        return interpreter
    exact = f"{os.path.dirname(interpreter)}/python{sys.version_info.major}.{sys.version_info.minor}"
    return exact if os.access(exact, os.X_OK) else interpreter


def _item(modules: str) -> str:
    """Return the folder that a package manager with a folder per version keeps this program in, or ""."""
    parts = modules.split(os.sep)
    if modules.startswith(_STORES):
        return os.sep.join(parts[:4]) + os.sep
    if "Cellar" in parts:
        return os.sep.join(parts[: parts.index("Cellar") + 2]) + os.sep  # of all versions of this formula
    return ""


def _name_of(item: str, environ: Mapping[str, str]) -> Launcher | None:
    """Return the name on the PATH that leads into this folder, which the package manager keeps up to date."""
    for place in environ.get("PATH", os.defpath).split(os.pathsep) if item else []:
        name = os.path.join(place, "thrum")
        usable = os.path.isabs(place) and not place.startswith(_STORES) and os.access(name, os.X_OK)
        if usable and os.path.realpath(name).startswith(item):
            return (name,)
    return None


def _temporary(prefix: str, repository: str) -> bool:
    places = {tempfile.gettempdir(), "/tmp", "/var/folders", "/dev/shm"}
    return any(_within(prefix, place) and not _within(repository, place) for place in places)


def _within(path: str, directory: str) -> bool:
    real, around = os.path.realpath(path), os.path.realpath(directory)
    return real == around or real.startswith(around.rstrip(os.sep) + os.sep)


def _script() -> str:
    """Return the script that starts this distribution, or "" if it has none."""
    try:
        listed = metadata.distribution(DISTRIBUTION).files or []
    except metadata.PackageNotFoundError:
        listed = []
    scripts = [os.path.abspath(str(file.locate())) for file in listed if file.parts[-2:] == ("bin", "thrum")]
    beside = os.path.join(os.path.dirname(sys.executable), "thrum")
    return next((script for script in (*scripts, beside) if os.access(script, os.X_OK)), "")


def _is_python(path: str) -> bool:
    """Return whether a program is a script that starts this one, as installers write it."""
    text = (files.read(path) or b"")[:1000]
    return text.startswith(b"#!") and b"thrum_cli" in text


def is_own(command: str) -> bool:
    """Return whether a program of our name is this one, of any version: other programs have that name, too."""
    if _is_python(command):
        return True
    try:
        done = subprocess.run([command, "version", "--json"], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return b'"python_version"' in done.stdout
