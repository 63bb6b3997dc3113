"""The command with which a client starts thrum, and the launcher that it finds in git's common directory.

A client's files may be committed, so the command in them is the same on every machine. The launcher belongs to one
clone. It holds the paths of this machine, and git neither tracks, cleans nor clones it.
"""

from __future__ import annotations

import os
import shlex

from thrum_store.machine.host import Host
from thrum_store.repository.paths import LAUNCHER, Paths

Launcher = tuple[str, ...]
PLAIN: Launcher = ("thrum",)
# Two worktrees out of three need no git: `.git` is a directory, or names one in `worktrees/`. git is asked from a
# subdirectory and in other layouts. No braces and no quotes: clients expand the first, and the second nest badly.
_FIND = (
    "thrum=.git; [ -f $thrum ] && read -r _ thrum <.git && thrum=$thrum/../..; "
    f"thrum=$thrum/{LAUNCHER}; "
    '[ -f "$thrum" ] || thrum=$(unset GIT_DIR GIT_COMMON_DIR; '
    f"git -c safe.bareRepository=explicit rev-parse --git-common-dir)/{LAUNCHER}; "
    '[ -f "$thrum" ] && . "$thrum"; exec thrum "$@"'
)
START: Launcher = ("sh", "-c", _FIND, "thrum")

_KEPT = 4  # lines: the repository may be mounted in containers, which have other installations
_LINE, _END = b"[ -x ", b' "$@"'
_HEAD = f"""\
#!/bin/sh
# Starter thrum for the clients of this clone. `thrum init` writes this file, the newest installation first.
case $0 in */{LAUNCHER}) thrum=$0 ;; esac
beside=${{thrum%/{LAUNCHER}}}/..
"""
_TAIL = """\
# None of these is left. Another installation will do, and is asked first: other programs are named thrum, too.
set -f
IFS=:
for place in $PATH "$HOME/.local/bin" "$HOME/.pyenv/shims" "$HOME/.asdf/shims" "$HOME/.local/share/mise/shims" \\
    "$HOME/.nix-profile/bin" /opt/homebrew/bin /usr/local/bin; do
  case $place in /*) ;; *) continue ;; esac
  [ -x "$place/thrum" ] || continue
  [ "$place/thrum" -ef "$thrum" ] && continue
  case $("$place/thrum" version --json </dev/null 2>/dev/null) in
    *'"python_version"'*) exec "$place/thrum" "$@" ;;
  esac
done
echo 'thrum: the installation that this clone was set up with is gone;' \\
  'install thrum again, then run `thrum init` here' >&2
exit 127
"""


def install(paths: Paths, words: Launcher, host: Host) -> str:
    """Write the launcher, which starts these words first; return its path. Words of earlier calls stay behind them."""
    place = paths.launcher
    before = _read(place, host)
    fresh = _lines(paths, words)
    kept = [line for line in _starts(before) if line not in fresh]
    text = b"\n".join([os.fsencode(_HEAD.rstrip("\n")), *fresh, *kept[:_KEPT], os.fsencode(_TAIL)])
    if text != before:
        host.storage.directory(os.path.dirname(place))
        host.storage.replace(place, text)
    os.chmod(place, 0o755)
    return place


def _read(place: str, host: Host) -> bytes:
    try:
        return host.storage.read(place)
    except FileNotFoundError:
        return b""


def _starts(text: bytes) -> list[bytes]:
    return [line for line in text.split(b"\n") if line.startswith(_LINE) and line.endswith(_END)]


def _lines(paths: Paths, words: Launcher) -> list[bytes]:
    """Return the lines that start these words; from within the repository also after the repository was moved."""
    files = [word for word in words[:2] if os.path.isabs(word)]
    tests = [f"[ -x {shlex.quote(files[0])} ]", *(f"[ -f {shlex.quote(file)} ]" for file in files[1:])]
    lines = [" && ".join([*tests, f'exec {shlex.join(words)} "$@"'])]
    top = os.path.dirname(os.path.realpath(paths.common))
    inside = [os.path.relpath(_real(file), top) for file in files]
    if not any(name.startswith(os.pardir) for name in inside):
        moved = [f'"$beside"/{shlex.quote(name)}' for name in inside]
        test = f'[ -x {moved[0]} ] && beside=$(cd "$beside" && pwd -P)'
        lines.append(" ".join([test, "&& exec", *moved, *map(shlex.quote, words[len(files) :]), '"$@"']))
    return [os.fsencode(line) for line in lines]


def _real(file: str) -> str:
    """Return a file with its directory resolved; an environment's interpreter is itself a link to elsewhere."""
    return os.path.join(os.path.realpath(os.path.dirname(file)), os.path.basename(file))
