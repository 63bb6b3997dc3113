"""Explanations of git's errors with a remote: the reason in plain words, and the next step."""

from __future__ import annotations

from thrum_store.repository.git_runner import SILENT
from thrum_store.values import NamedTuple


class Explanation(NamedTuple):
    """The reason of an error, and the next step."""

    why: str
    hint: str


class _Cause(NamedTuple):
    phrases: tuple[str, ...]  # parts of what git, curl or ssh print then, with LC_ALL=C
    why: str
    hint: str


_CAUSES = (
    _Cause(
        ("Could not resolve host",),
        "its host is not known: no network, or a wrong address",
        "the next sync tries again; see `git remote get-url {remote}`",
    ),
    _Cause(
        ("Connection refused", "timed out", "No route to host", "unreachable", "Failed to connect", SILENT),
        "it does not answer",
        "the next sync tries again",
    ),
    _Cause(
        ("Host key verification failed",),
        "ssh does not know that server yet",
        "look at its key and accept it: `git fetch {remote}`",
    ),
    _Cause(
        ("could not read Username", "could not read Password", "Authentication failed", "Permission denied ("),
        "it wants a login, and a sync asks nobody for one",
        "let git log in by itself, with an ssh key or a credential helper, until this works: "
        "`GIT_TERMINAL_PROMPT=0 git fetch {remote}`",
    ),
    _Cause(
        ("error: 403", "denied to", "insufficient permission", "unable to create temporary object directory"),
        "you may not do that there",
        "ask who runs that remote",
    ),
    _Cause(
        ("not our ref", "bad object"),
        "its branch a-sync names a commit that it does not have",
        "have the branch a-sync deleted there; the next sync creates it again",
    ),
    _Cause(
        ("does not appear to be a git repository", "not found", "does not exist"),
        "there is no repository, or none that you may see",
        "see `git remote get-url {remote}`",
    ),
    _Cause(("' not allowed",), "a sync goes by https, ssh or file only", "see `git remote get-url {remote}`"),
)


def explain(remote: str, output: str) -> Explanation:
    """Explain git's error output; an unknown error is returned in git's own words."""
    pieces = [piece for piece in output.split("; ") if not piece.startswith("error: failed to push")]
    for cause in _CAUSES:
        piece = next((piece for piece in pieces if any(phrase in piece for phrase in cause.phrases)), None)
        if piece is not None:
            return Explanation(f"{cause.why} ({piece.removeprefix('fatal: ')})", cause.hint.format(remote=remote))
    return Explanation("; ".join(pieces), f"see `git fetch {remote}`")
