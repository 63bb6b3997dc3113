"""This door's one boundary: every error becomes a sentence and an exit code here, and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from thrum_store.errors import Invalid, ThrumError

from .app import App
from .root import root
from .terminal import output

INTERRUPTED = 130  # as a shell says: ended by signal 2
BROKEN_PIPE = 141  # ended by signal 13: whoever read our answer is gone
_COMPLETE = "_THRUM_COMPLETE"


def answer(app: App, arguments: Sequence[str]) -> int:
    """Runs one command line and returns the exit code. Prints at most one result or one error, never a traceback."""
    try:
        return _run(app, arguments)
    except BrokenPipeError:
        return BROKEN_PIPE
    except SystemExit as end:  # click's way to end a completion, or to say that the reader of its help left
        return int(end.code or 0) if _COMPLETE in os.environ else BROKEN_PIPE
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the boundary: what nobody foresaw ends as a sentence as well
        return _failed(app, arguments, error)


def _run(app: App, arguments: Sequence[str]) -> int:
    try:
        for place, argument in enumerate(arguments, 1):
            _readable(argument, place)
        if _COMPLETE in os.environ:
            from .commands.completion import offer  # only when a shell asks

            offer()
        result: object = root.main(list(arguments), prog_name="thrum", standalone_mode=False, obj=app)
    except ThrumError as error:
        return _told(app, arguments, error.code, error.message, error.hint)
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx is not None else "thrum"
        return _told(app, arguments, "usage", error.format_message(), f"`{path} --help`")
    if isinstance(result, int):  # a command that ended by itself, like --help
        return result
    return output.emit(result, as_json=app.json, quiet=app.quiet)


def _readable(argument: str, place: int) -> None:
    if "\0" in argument:
        raise Invalid(f"argument {place} contains a NUL character", hint="remove it")
    try:
        argument.encode()
    except UnicodeEncodeError:
        raise Invalid(f"argument {place} is not valid UTF-8", hint="write it in UTF-8") from None


def _told(app: App, arguments: Sequence[str], code: str, message: str, hint: str | None) -> int:
    # A line that could not be parsed may have ended before its --json.
    as_json = app.json or "--json" in arguments
    output.fail(code, message, hint, as_json=as_json)
    return app.error_code


def _failed(app: App, arguments: Sequence[str], error: Exception) -> int:
    from .crash import keep  # needed as good as never

    kept = keep(app, error)
    hint = f"the details are in {kept}" if kept else "run it again with --verbose to see where"
    try:
        return _told(app, arguments, "internal", f"thrum failed: {type(error).__name__}: {error}", hint)
    except OSError:  # nobody can be told any more
        return app.error_code
