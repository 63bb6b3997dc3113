"""The worktrees that git could not answer for, as sentences for people."""

from __future__ import annotations

from thrum_store.service.git_answers import Unanswered


def not_asked(unanswered: tuple[Unanswered, ...]) -> str:
    """Return a sentence for each worktree that could not be asked, with the reason and a way out."""
    return "\n".join(_sentence(silent) for silent in unanswered)


def _sentence(silent: Unanswered) -> str:
    place = f" ({silent.worktree_path})" if silent.worktree_path and silent.worktree_path not in silent.reason else ""
    return f"Git cannot answer for the worktree {silent.worktree}{place}: {silent.reason}. Try: {silent.hint}"
