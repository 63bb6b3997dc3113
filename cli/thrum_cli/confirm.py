"""A question before something that cannot be undone."""

from __future__ import annotations

import sys

import click

from .app import App


def agreed(app: App, question: str) -> bool:
    """Whether a person said yes. Nobody is asked where nobody can answer: with --json or --quiet, or in a pipe."""
    if app.json or app.quiet or not sys.stdin.isatty():
        return False
    return click.confirm(question, default=False, err=True)
