"""The places of worktrees, as git's own files say them: its pointers, and the settings that name the first one.

Git reads those settings before anything else: from the repository's own files, and without the files that they include.
"""

from __future__ import annotations

import os

from thrum_store.values import NamedTuple

from .git_files import content, discover

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .git_files import Location

_ESCAPES = {"n": "\n", "t": "\t", "b": "\b"}


# --- pointers ---------------------------------------------------------------------------------------------------------


def root_of(location: Location) -> str | None:
    """Return the worktree of a git directory, None for a bare repository's."""
    if location.git_dir != location.common:
        return linked_root(location.git_dir)
    return None if format_of(location.common).bare_by else first_root(location.common)


def first_root(common: str) -> str | None:
    """Return the first worktree as git's directory says: around `.git`, or in the settings, as for a submodule."""
    if os.path.basename(common) == ".git":
        return os.path.dirname(common)
    place = format_of(common).work_tree
    return os.path.realpath(place) if place and leads_to(place, common) else None


def leads_to(root: str, git_dir: str) -> bool:
    """Return whether git, started in that directory, works with that git directory."""
    try:
        location = discover(os.path.realpath(root))
    except OSError:
        return False
    return location is not None and location.git_dir == git_dir and location.root == os.path.realpath(root)


def linked_roots(common: str) -> list[str]:
    """Return the directories of the linked worktrees that are there."""
    roots = [linked_root(git_dir) for git_dir in linked_git_dirs(common)]
    return [
        root for root in roots if root is not None and os.path.isdir(root) and f"{os.sep}thrum-sync{os.sep}" not in root
    ]


def linked_git_dirs(common: str) -> list[str]:
    """Return the git directories of the linked worktrees, by name."""
    directory = os.path.join(common, "worktrees")
    try:
        return [os.path.join(directory, name) for name in sorted(os.listdir(directory))]
    except (FileNotFoundError, NotADirectoryError):
        return []


def linked_root(git_dir: str) -> str | None:
    """Return the root of a linked worktree as its git directory says, or None if that is no worktree's."""
    try:
        text = content(os.path.join(git_dir, "gitdir"))
    except OSError:
        return None
    return os.path.dirname(os.path.normpath(os.path.join(git_dir, text))) if text else None


# --- settings ---------------------------------------------------------------------------------------------------------


class RepositoryFormat(NamedTuple):
    """The settings of git about a worktree; those about the first one hold for all with extensions.worktreeConfig."""

    bare_by: str  # the file that says that there is none, else ""
    work_tree: str  # its absolute path if the settings name one, else ""


def format_of(common: str, git_dir: str = "") -> RepositoryFormat:
    """Return the format of a repository, for its first worktree or the one with that git directory. Raises OSError."""
    shared = os.path.join(common, "config")
    settings = dict(entries(content(shared) or ""))
    bare_by = shared if _is_true(settings.get("core.bare", "false")) else ""
    if _is_true(settings.get("extensions.worktreeconfig", "false")):
        own = os.path.join(git_dir or common, "config.worktree")
        more = dict(entries(content(own) or ""))
        if "core.bare" in more:
            bare_by = own if _is_true(more["core.bare"]) else ""
        settings |= more
    elif git_dir not in ("", common):
        return RepositoryFormat("", "")
    place = settings.get("core.worktree") or ""
    return RepositoryFormat(bare_by, os.path.normpath(os.path.join(common, place)) if place else "")


def _is_true(value: str | None) -> bool:
    """Return what git makes of a setting; one without a value is true."""
    if value is None:
        return True
    return value.lower() in ("true", "yes", "on") or value.lstrip("+-").strip("0").isdecimal()


def entries(text: str) -> list[tuple[str, str | None]]:
    """Return the settings in a file of git's, in order: section and key in lower case; None for a missing value."""
    settings: list[tuple[str, str | None]] = []
    section, place = "", 1 if text.startswith("\ufeff") else 0
    while place < len(text):
        letter = text[place]
        if letter == "[":
            section, place = _section(text, place + 1)
        elif letter in "#;":
            place = _line_end(text, place)
        elif letter.isalpha():
            key, place = _key(text, place)
            value, place = _value(text, place)
            settings.append((f"{section}.{key}", value))
        else:
            place += 1
    return settings


def _section(text: str, place: int) -> tuple[str, int]:
    """Return the name of the section whose head begins at `place`, and where it ends."""
    letters: list[str] = []
    quoted = False
    while place < len(text) and (quoted or text[place] != "]"):
        letter = text[place]
        if letter == "\\" and quoted:
            place += 1
            letters.append(text[place : place + 1])
        elif letter == '"':
            quoted = not quoted
            letters += ["."] if quoted else []
        elif quoted or not letter.isspace():
            letters.append(letter if quoted else letter.lower())
        place += 1
    return "".join(letters), place + 1


def _key(text: str, place: int) -> tuple[str, int]:
    end = place
    while end < len(text) and (text[end].isalnum() or text[end] == "-"):
        end += 1
    key = text[place:end].lower()
    while text[end : end + 1] in (" ", "\t"):
        end += 1
    return key, end


def _value(text: str, place: int) -> tuple[str | None, int]:
    """Return the value that begins at `place`, and where the next setting begins."""
    if text[place : place + 1] != "=":
        return None, _line_end(text, place)
    letters: list[str] = []
    quoted, kept, place = False, 0, place + 1  # `kept`: up to the last letter that is no trailing white space
    while place < len(text) and text[place] != "\n":
        letter, place = text[place], place + 1
        if letter in "#;" and not quoted:
            place = _line_end(text, place)
            break
        if letter == '"':
            quoted = not quoted
        elif letter == "\\":
            letters += _escaped(text[place : place + 1])
            place, kept = place + 1, len(letters)
        elif quoted or letters or not letter.isspace():
            letters.append(letter)
            kept = len(letters) if quoted or not letter.isspace() else kept
    return "".join(letters[:kept]), place


def _escaped(letter: str) -> list[str]:
    """Return the letter that an escaped one stands for; a line that is continued stands for nothing."""
    return [] if letter in ("\n", "") else [_ESCAPES.get(letter, letter)]


def _line_end(text: str, place: int) -> int:
    end = text.find("\n", place)
    return len(text) if end < 0 else end
